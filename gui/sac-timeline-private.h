/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "gui/sac-film-strip.h"
#include "gui/sac-lane.h"
#include "gui/sac-summary.h"
#include "gui/sac-timeline.h"

/* What sac-timeline.c (the widget: its data, size, pointer and keys) and sac-timeline-draw.c (its picture) share. */

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

typedef struct {
  SacSummary *summary;
  gsize n;
  gint64 *times_us; /* of the samples; NULL: evenly spaced by interval_us */
  double interval_us;
  float threshold;
} SacTimelineSeries;

struct _SacTimeline {
  GtkWidget parent_instance;

  gint64 duration_us;
  gint64 position_us;
  gint64 view_start_us;
  double view_length_us; /* the whole duration at most */

  GPtrArray *moments, *found;
  SacLane *lanes[SAC_N_ROWS]; /* of the rows that are lanes; else NULL */
  SacTimelineSeries match, sound;
  SacFilmStrip *strip;
  gboolean has_video;
  gint64 span_from_us, span_to_us; /* from < 0: none */

  GtkWidget *slider;
  GtkAdjustment *adjustment;
  gboolean adjustment_is_ours; /* its value is being set from the position, not by the user */

  GtkWidget *hover_popover, *hover_picture, *hover_label;
  gint64 hover_us; /* -1: the pointer is elsewhere */
  gulong strip_handler;

  int drag; /* SacTimelineDrag */
  gint64 drag_anchor_us;
  double drag_x;
  double pinch_length_us;
  gint64 pinch_time_us;
  double pointer_x;

  /* Drawing */
  GskRenderNode *scene;
  int scene_width, scene_height;
  PangoLayout *text, *caption;
  int row_heights[SAC_N_ROWS]; /* 0: not shown */
  int gutter;
  double film_aspect;
};

/* x of a time and back, in the widget's own coordinates. */
double sac_timeline_x(SacTimeline *timeline, gint64 time_us);
gint64 sac_timeline_time(SacTimeline *timeline, double x);
double sac_timeline_us_per_pixel(SacTimeline *timeline);
/* The top of a row. */
int sac_timeline_row_y(SacTimeline *timeline, SacTimelineRow row);

const char *sac_timeline_row_name(SacTimelineRow row);
void sac_timeline_draw(SacTimeline *timeline, GtkSnapshot *snapshot);

#define SAC_TIMELINE_FILM_HEIGHT 44
#define SAC_TIMELINE_MATCH_HEIGHT 32
#define SAC_TIMELINE_SOUND_HEIGHT 34

G_END_DECLS
