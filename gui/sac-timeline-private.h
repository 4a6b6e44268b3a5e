/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/media/sac-film.h"
#include "core/media/sac-waveform.h"
#include "gui/sac-film-strip.h"
#include "gui/sac-lane.h"
#include "gui/sac-summary.h"
#include "gui/sac-timeline-labels.h"
#include "gui/sac-timeline.h"

/*
 * What the timeline's files share:
 *
 *      sac-timeline.c           the widget: what it holds, the view, sizes
 *      sac-timeline-media.c     film and sound of the open video
 *      sac-timeline-pointer.c   what the pointer does: seeking, spans, selecting, hovering, zooming
 *      sac-timeline-moments.c   which moments are selected and which has the focus; their keys; how they are read out
 *      sac-timeline-draw.c      the picture; -ruler.c and -curves.c draw their rows
 */

G_BEGIN_DECLS

typedef enum {
  SAC_ROW_RULER,
  SAC_ROW_MATCH,
  SAC_ROW_FILM,
  SAC_ROW_SHOTS,
  SAC_ROW_SEEN,
  SAC_ROW_SAID,
  SAC_ROW_TAGS,
  SAC_ROW_SOUND,
  SAC_N_ROWS,
} SacTimelineRow;

#define SAC_FIRST_LANE SAC_ROW_SHOTS
#define SAC_LAST_LANE SAC_ROW_TAGS

typedef struct {
  SacSummary *summary;
  gsize n;
  gint64 *times_us;
  float threshold;
} SacTimelineMatch;

struct _SacTimeline {
  GtkWidget parent_instance;

  gint64 duration_us;
  gint64 position_us;
  gint64 view_start_us;
  double view_length_us; /* the whole duration at most */
  double frame_us;       /* 0: unknown */

  GPtrArray *moments, *found;
  SacLane *lanes[SAC_N_ROWS]; /* of the rows that are lanes; else NULL */
  SacTimelineMatch match;
  gboolean has_video, has_sound;
  SacFilm *film; /* NULL: not known yet, or no pictures */
  SacFilmStrip *strip;
  SacWaveform *waveform;
  GCancellable *opening;
  gint64 span_from_us, span_to_us; /* from < 0: none */

  GtkWidget *slider;
  GtkAdjustment *adjustment;
  gboolean adjustment_is_ours; /* its value is being set from the position, not by the user */

  /* Moments */
  GHashTable *selected; /* set of ids */
  SacTimelineRow anchor_row;
  int anchor;                          /* where a selection of a range began; -1: nowhere */
  GtkWidget *lane_widgets[SAC_N_ROWS]; /* what a keyboard and a screen reader find of the lanes */
  guint describe_source;

  /* Pointer */
  GtkWidget *hover_popover, *hover_picture, *hover_label, *hover_words;
  GtkWidget *menu;
  gint64 hover_us; /* -1: the pointer is elsewhere */
  int drag;        /* SacTimelineDrag */
  gint64 drag_anchor_us, drag_offset_us, drag_from_us, drag_to_us;
  double drag_x, drag_y;
  gint64 snapped_us; /* what the drag has caught at; -1: nothing */
  graphene_rect_t band;
  double pinch_length_us;
  gint64 pinch_time_us;
  double pointer_x;

  /* Drawing */
  GskRenderNode *scene;
  int scene_width, scene_height;
  SacLabels *labels;
  GdkTexture *stripes;
  int row_heights[SAC_N_ROWS]; /* 0: not shown */
  guint lane_rows[SAC_N_ROWS]; /* how many rows of a lane are drawn */
  int gutter;
  guint label_source;
  gint64 snapshot_clock_us, snapshot_processor_us; /* what making the last picture took */
};

/* x of a time and back, in the widget's own coordinates. */
double sac_timeline_x(SacTimeline *timeline, gint64 time_us);
gint64 sac_timeline_time(SacTimeline *timeline, double x);
double sac_timeline_us_per_pixel(SacTimeline *timeline);
gint64 sac_timeline_view_end(SacTimeline *timeline);
/* The top of a row. */
int sac_timeline_row_y(SacTimeline *timeline, SacTimelineRow row);
/* SAC_N_ROWS: below all. */
SacTimelineRow sac_timeline_row_at(SacTimeline *timeline, double y);
const char *sac_timeline_row_name(SacTimelineRow row);
/* The top and height of one row of a lane. */
int sac_timeline_lane_row_y(SacTimeline *timeline, SacTimelineRow row, guint lane_row, int *height);

void sac_timeline_move_view(SacTimeline *timeline, double start_us, double length_us);
/* Keeps that time where it is. */
void sac_timeline_zoom_about(SacTimeline *timeline, double factor, gint64 time_us);
/* Something else is to be drawn; rows: something comes or goes. */
void sac_timeline_invalidate(SacTimeline *timeline);
void sac_timeline_update_rows(SacTimeline *timeline);
void sac_timeline_emit_seek(SacTimeline *timeline, gint64 time_us, gboolean scrubbing);
void sac_timeline_emit_span_edited(SacTimeline *timeline, gboolean is_new, gboolean done);
void sac_timeline_emit_moment_chosen(SacTimeline *timeline, const SacMoment *moment);
void sac_timeline_emit_selection_changed(SacTimeline *timeline);

/* sac-timeline-media.c */
void sac_timeline_open_media(SacTimeline *timeline, const char *path, const char *folder, gboolean has_sound);
void sac_timeline_close_media(SacTimeline *timeline);

/* sac-timeline-pointer.c */
void sac_timeline_pointer_init(SacTimeline *timeline);
/* x, y: where the menu points to. */
void sac_timeline_show_menu(SacTimeline *timeline, double x, double y);

/* sac-timeline-moments.c */
void sac_timeline_moments_init(SacTimeline *timeline);
void sac_timeline_moments_dispose(SacTimeline *timeline);
/* The lanes are others: what is selected and has the focus stays where it is still there. */
void sac_timeline_moments_changed(SacTimeline *timeline);
void sac_timeline_moments_allocate(SacTimeline *timeline, int width);
/* What is seen is another stretch: what a screen reader finds follows, soon. */
void sac_timeline_moments_view_changed(SacTimeline *timeline);
gboolean sac_timeline_is_selected(SacTimeline *timeline, const SacMoment *moment);
typedef enum { SAC_SELECT_ONE, SAC_SELECT_TOGGLE, SAC_SELECT_RANGE, SAC_SELECT_ADD } SacTimelineSelect;
void sac_timeline_select(SacTimeline *timeline, SacTimelineRow row, int index, SacTimelineSelect how);
/* All of the rows of lanes and times that a rectangle touches. */
void sac_timeline_select_in(SacTimeline *timeline, const graphene_rect_t *area);
/* The moment that has the keyboard's focus, visibly; FALSE: none. */
gboolean sac_timeline_get_focused(SacTimeline *timeline, SacTimelineRow *row, int *index);
/* "Tag: the dog, from 0:02.000 to 0:04.000" */
char *sac_timeline_describe(const SacMoment *moment);
/* The moment under a point; FALSE: none. */
gboolean sac_timeline_moment_at(SacTimeline *timeline, double x, double y, SacTimelineRow *row, int *index);

/* sac-timeline-draw.c */
typedef struct {
  SacTimeline *timeline;
  GtkSnapshot *snapshot;
  GdkRGBA text, faint, accent, accent_text, tag;
  float contrast; /* 1; more where the theme is of high contrast */
  int scale;
  float x, width; /* of what is right of the gutter */
  float y, height;
  SacTimelineRow row;
  guint lane_row;
} SacTimelinePen;

void sac_timeline_draw(SacTimeline *timeline, GtkSnapshot *snapshot);
GdkRGBA sac_timeline_mix(const GdkRGBA *colour, float alpha);
void sac_timeline_fill(SacTimelinePen *pen, const GdkRGBA *colour, float x, float y, float width, float height);
void sac_timeline_draw_ruler(SacTimelinePen *pen);
void sac_timeline_draw_match(SacTimelinePen *pen);
void sac_timeline_draw_sound(SacTimelinePen *pen);

#define SAC_TIMELINE_FILM_HEIGHT (SAC_FILM_HEIGHT / 2)
#define SAC_TIMELINE_MATCH_HEIGHT 32
#define SAC_TIMELINE_SOUND_HEIGHT 36

G_END_DECLS
