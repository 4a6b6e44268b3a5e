/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-timeline.h"

#include <glib/gi18n.h>
#include <math.h>
#include <time.h>

#include "core/sac-time.h"
#include "gui/sac-timeline-private.h"

/* The shortest stretch that can be shown: some frames. */
#define SHORTEST_FRAMES 3
#define SHORTEST_VIEW_US 100000.0
/* So many rows of a lane are drawn where there is room. */
#define MOST_ROWS 3

enum { SEEK, SPAN_EDITED, MOMENT_CHOSEN, SELECTION_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacTimeline, sac_timeline, GTK_TYPE_WIDGET)

/* SAC_N_ROWS: nowhere. */
static SacTimelineRow
row_of(const SacMoment *moment)
{
  static const struct {
    const char *kind;
    SacTimelineRow row;
  } places[] = { { SAC_KIND_SHOT, SAC_ROW_SHOTS }, { SAC_KIND_VISUAL, SAC_ROW_SEEN }, { SAC_KIND_LABEL, SAC_ROW_SEEN },
                 { SAC_KIND_TEXT, SAC_ROW_SEEN },  { SAC_KIND_SPEECH, SAC_ROW_SAID }, { SAC_KIND_TAG, SAC_ROW_TAGS } };
  for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
    if (strcmp(moment->kind, places[i].kind) == 0) {
      return places[i].row;
    }
  }
  return SAC_N_ROWS;
}

const char *
sac_timeline_row_name(SacTimelineRow row)
{
  static const char *const names[SAC_N_ROWS] = {
    [SAC_ROW_RULER] = "",          [SAC_ROW_MATCH] = N_("Match"), [SAC_ROW_FILM] = N_("Film"),
    [SAC_ROW_SHOTS] = N_("Shots"), [SAC_ROW_SEEN] = N_("Seen"),   [SAC_ROW_SAID] = N_("Said"),
    [SAC_ROW_TAGS] = N_("Tags"),   [SAC_ROW_SOUND] = N_("Sound"),
  };
  return row == SAC_ROW_RULER ? "" : _(names[row]);
}

/* --- where things lie --------------------------------------------------------------------------------------------------- */

double
sac_timeline_us_per_pixel(SacTimeline *timeline)
{
  int width = gtk_widget_get_width(GTK_WIDGET(timeline)) - timeline->gutter;
  return MAX(timeline->view_length_us, 1) / MAX(width, 1);
}

double
sac_timeline_x(SacTimeline *timeline, gint64 time_us)
{
  return timeline->gutter + (double)(time_us - timeline->view_start_us) / sac_timeline_us_per_pixel(timeline);
}

gint64
sac_timeline_time(SacTimeline *timeline, double x)
{
  gint64 time = timeline->view_start_us + (gint64)((x - timeline->gutter) * sac_timeline_us_per_pixel(timeline));
  return CLAMP(time, 0, timeline->duration_us);
}

gint64
sac_timeline_view_end(SacTimeline *timeline)
{
  return timeline->view_start_us + (gint64)ceil(timeline->view_length_us);
}

int
sac_timeline_row_y(SacTimeline *timeline, SacTimelineRow row)
{
  int y = 0;
  for (SacTimelineRow above = 0; above < row; above++) {
    y += timeline->row_heights[above];
  }
  return y;
}

SacTimelineRow
sac_timeline_row_at(SacTimeline *timeline, double y)
{
  for (SacTimelineRow row = 0; row < SAC_N_ROWS; row++) {
    if (y < sac_timeline_row_y(timeline, row) + timeline->row_heights[row]) {
      return row;
    }
  }
  return SAC_N_ROWS;
}

static int
lane_row_height(SacTimeline *timeline)
{
  return sac_labels_height(timeline->labels) + 5;
}

int
sac_timeline_lane_row_y(SacTimeline *timeline, SacTimelineRow row, guint lane_row, int *height)
{
  *height = lane_row_height(timeline) - 1;
  return sac_timeline_row_y(timeline, row) + 1 + (int)lane_row * lane_row_height(timeline);
}

void
sac_timeline_invalidate(SacTimeline *timeline)
{
  g_clear_pointer(&timeline->scene, gsk_render_node_unref);
  gtk_widget_queue_draw(GTK_WIDGET(timeline));
}

/* Sets what the rows take if a lane may have so many rows; returns all of it. */
static int
set_row_heights(SacTimeline *timeline, guint most_rows)
{
  int line = sac_labels_height(timeline->labels), *heights = timeline->row_heights;
  heights[SAC_ROW_RULER] = line + 10;
  heights[SAC_ROW_MATCH] = timeline->match.n > 0 ? SAC_TIMELINE_MATCH_HEIGHT : 0;
  heights[SAC_ROW_FILM] = timeline->has_video ? SAC_TIMELINE_FILM_HEIGHT + 2 : 0;
  for (SacTimelineRow row = SAC_FIRST_LANE; row <= SAC_LAST_LANE; row++) {
    guint needed = timeline->lanes[row] ? sac_lane_count_rows(timeline->lanes[row]) : 0;
    /* What a person does must have a place before there is any. */
    needed = row == SAC_ROW_TAGS ? MAX(needed, 1) : needed;
    guint shown = MIN(needed, most_rows);
    timeline->lane_rows[row] = shown;
    heights[row] = shown > 0 ? (int)shown * lane_row_height(timeline) + 3 : 0;
    if (needed > shown) {
      heights[row] += line; /* for how many more there are */
    }
  }
  heights[SAC_ROW_SOUND] = timeline->has_sound ? SAC_TIMELINE_SOUND_HEIGHT + 2 : 0;
  return sac_timeline_row_y(timeline, SAC_N_ROWS) + 4;
}

static void
fit_rows(SacTimeline *timeline, int height)
{
  guint rows = MOST_ROWS;
  while (set_row_heights(timeline, rows) > height && rows > 1) {
    rows--;
  }
}

void
sac_timeline_update_rows(SacTimeline *timeline)
{
  fit_rows(timeline, MAX(gtk_widget_get_height(GTK_WIDGET(timeline)), 1));
  sac_timeline_invalidate(timeline);
  gtk_widget_queue_resize(GTK_WIDGET(timeline));
}

/* --- the view --------------------------------------------------------------------------------------------------------------- */

static double
shortest_view(SacTimeline *timeline)
{
  double shortest = timeline->frame_us > 0 ? SHORTEST_FRAMES * timeline->frame_us : SHORTEST_VIEW_US;
  return MIN(shortest, (double)timeline->duration_us);
}

void
sac_timeline_move_view(SacTimeline *timeline, double start_us, double length_us)
{
  double duration = (double)timeline->duration_us;
  length_us = CLAMP(length_us, shortest_view(timeline), duration);
  start_us = CLAMP(start_us, 0, duration - length_us);
  if ((gint64)start_us != timeline->view_start_us || length_us != timeline->view_length_us) {
    timeline->view_start_us = (gint64)start_us;
    timeline->view_length_us = length_us;
    sac_timeline_invalidate(timeline);
    sac_timeline_moments_view_changed(timeline);
  }
}

void
sac_timeline_zoom_about(SacTimeline *timeline, double factor, gint64 time_us)
{
  double share = (double)(time_us - timeline->view_start_us) / MAX(timeline->view_length_us, 1);
  double length = CLAMP(timeline->view_length_us / factor, shortest_view(timeline), (double)timeline->duration_us);
  sac_timeline_move_view(timeline, (double)time_us - share * length, length);
}

void
sac_timeline_zoom(SacTimeline *timeline, double factor)
{
  gint64 end = sac_timeline_view_end(timeline);
  gboolean in_sight = timeline->position_us >= timeline->view_start_us && timeline->position_us <= end;
  sac_timeline_zoom_about(timeline, factor,
                          in_sight ? timeline->position_us
                                   : timeline->view_start_us + (gint64)timeline->view_length_us / 2);
}

void
sac_timeline_zoom_all(SacTimeline *timeline)
{
  sac_timeline_move_view(timeline, 0, (double)timeline->duration_us);
}

void
sac_timeline_set_view(SacTimeline *timeline, gint64 start_us, gint64 length_us)
{
  sac_timeline_move_view(timeline, (double)start_us, length_us > 0 ? (double)length_us : (double)timeline->duration_us);
}

void
sac_timeline_get_view(SacTimeline *timeline, gint64 *start_us, gint64 *length_us)
{
  *start_us = timeline->view_start_us;
  *length_us = timeline->view_length_us >= (double)timeline->duration_us ? 0 : (gint64)timeline->view_length_us;
}

void
sac_timeline_show_time(SacTimeline *timeline, gint64 time_us)
{
  double start = (double)timeline->view_start_us, length = timeline->view_length_us, time = (double)time_us;
  if (time < start || time > start + length) {
    sac_timeline_move_view(timeline, time - length * 0.1, length);
  }
}

/* --- what it shows -------------------------------------------------------------------------------------------------------- */

static void
clear_match(SacTimeline *timeline)
{
  sac_summary_free(timeline->match.summary);
  g_free(timeline->match.times_us);
  timeline->match = (SacTimelineMatch){ 0 };
}

static void
put(GPtrArray **of_rows, SacMoment *moment)
{
  SacTimelineRow row = row_of(moment);
  if (row < SAC_N_ROWS) {
    g_ptr_array_add(of_rows[row], moment);
  }
}

static void
update_lanes(SacTimeline *timeline)
{
  GPtrArray *of_rows[SAC_N_ROWS] = { NULL };
  for (SacTimelineRow row = SAC_FIRST_LANE; row <= SAC_LAST_LANE; row++) {
    of_rows[row] = g_ptr_array_new();
  }
  for (guint i = 0; timeline->moments && i < timeline->moments->len; i++) {
    put(of_rows, g_ptr_array_index(timeline->moments, i));
  }
  for (guint i = 0; timeline->found && i < timeline->found->len; i++) {
    SacMoment *moment = g_ptr_array_index(timeline->found, i);
    /* Others that a search finds are kept moments and shown already. */
    if (strcmp(moment->kind, SAC_KIND_VISUAL) == 0) {
      put(of_rows, moment);
    }
  }
  for (SacTimelineRow row = SAC_FIRST_LANE; row <= SAC_LAST_LANE; row++) {
    g_clear_pointer(&timeline->lanes[row], sac_lane_free);
    timeline->lanes[row] = sac_lane_new(of_rows[row]);
    g_ptr_array_unref(of_rows[row]);
  }
  sac_timeline_update_rows(timeline);
  sac_timeline_moments_changed(timeline);
}

void
sac_timeline_set_video(SacTimeline *timeline, const char *path, const char *folder, gint64 duration_us,
                       gboolean has_video, gboolean has_sound)
{
  clear_match(timeline);
  g_clear_pointer(&timeline->found, g_ptr_array_unref);
  GPtrArray *old = g_steal_pointer(&timeline->moments);
  timeline->duration_us = MAX(duration_us, 0);
  timeline->view_start_us = 0;
  timeline->view_length_us = (double)timeline->duration_us;
  timeline->span_from_us = -1;
  timeline->span_to_us = -1;
  timeline->has_video = has_video && path;
  timeline->has_sound = has_sound && path;
  timeline->position_us = -1;
  sac_timeline_open_media(timeline, path, folder, has_sound);
  timeline->adjustment_is_ours = TRUE;
  gtk_adjustment_configure(timeline->adjustment, 0, 0, sac_time_seconds(timeline->duration_us), 1, 5, 0);
  timeline->adjustment_is_ours = FALSE;
  sac_timeline_set_position(timeline, 0);
  sac_timeline_clear_selected(timeline);
  update_lanes(timeline);
  g_clear_pointer(&old, g_ptr_array_unref);
}

void
sac_timeline_set_position(SacTimeline *timeline, gint64 time_us)
{
  time_us = CLAMP(time_us, 0, timeline->duration_us);
  if (time_us == timeline->position_us) {
    return;
  }
  timeline->position_us = time_us;
  timeline->adjustment_is_ours = TRUE;
  gtk_adjustment_set_value(timeline->adjustment, sac_time_seconds(time_us));
  timeline->adjustment_is_ours = FALSE;
  g_autofree char *words = sac_time_format(time_us);
  gtk_accessible_update_property(GTK_ACCESSIBLE(timeline->slider), GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT, words,
                                 GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, words, -1);
  gtk_widget_queue_draw(GTK_WIDGET(timeline));
}

gint64
sac_timeline_get_position(SacTimeline *timeline)
{
  return timeline->position_us;
}

/* The lanes point into both arrays: an old one goes after the lanes are made anew. */
static void
replace_moments(SacTimeline *timeline, GPtrArray **place, GPtrArray *moments)
{
  GPtrArray *old = g_steal_pointer(place);
  *place = moments;
  update_lanes(timeline);
  g_clear_pointer(&old, g_ptr_array_unref);
}

void
sac_timeline_set_moments(SacTimeline *timeline, GPtrArray *moments)
{
  replace_moments(timeline, &timeline->moments, moments ? g_ptr_array_ref(moments) : NULL);
}

void
sac_timeline_set_found(SacTimeline *timeline, GPtrArray *moments)
{
  GPtrArray *copy = g_ptr_array_new_with_free_func((GDestroyNotify)sac_moment_free);
  for (guint i = 0; moments && i < moments->len; i++) {
    g_ptr_array_add(copy, sac_moment_copy(g_ptr_array_index(moments, i)));
  }
  replace_moments(timeline, &timeline->found, copy);
}

void
sac_timeline_set_match_curve(SacTimeline *timeline, const SacMatchCurve *curve)
{
  clear_match(timeline);
  if (curve && curve->n > 0) {
    timeline->match.summary = sac_summary_new(curve->scores, curve->n);
    timeline->match.n = curve->n;
    timeline->match.times_us = g_memdup2(curve->times_us, curve->n * sizeof *curve->times_us);
    timeline->match.threshold = curve->threshold;
  }
  sac_timeline_update_rows(timeline);
}

void
sac_timeline_set_span(SacTimeline *timeline, gint64 from_us, gint64 to_us)
{
  timeline->span_from_us = from_us < 0 ? -1 : MIN(from_us, timeline->duration_us);
  timeline->span_to_us = from_us < 0 ? -1 : CLAMP(to_us, from_us, timeline->duration_us);
  gtk_widget_queue_draw(GTK_WIDGET(timeline));
}

gboolean
sac_timeline_get_span(SacTimeline *timeline, gint64 *from_us, gint64 *to_us)
{
  *from_us = timeline->span_from_us;
  *to_us = timeline->span_to_us;
  return timeline->span_from_us >= 0;
}

double
sac_timeline_get_frame_time(SacTimeline *timeline)
{
  return timeline->frame_us > 0 ? timeline->frame_us : 40000;
}

void
sac_timeline_get_snapshot_time(SacTimeline *timeline, gint64 *clock_us, gint64 *processor_us)
{
  *clock_us = timeline->snapshot_clock_us;
  *processor_us = timeline->snapshot_processor_us;
}

/* --- what the user does ----------------------------------------------------------------------------------------------------- */

void
sac_timeline_emit_seek(SacTimeline *timeline, gint64 time_us, gboolean scrubbing)
{
  sac_timeline_set_position(timeline, time_us);
  g_signal_emit(timeline, signals[SEEK], 0, time_us, scrubbing);
}

void
sac_timeline_emit_span_edited(SacTimeline *timeline, gboolean is_new, gboolean done)
{
  g_signal_emit(timeline, signals[SPAN_EDITED], 0, is_new, done);
}

void
sac_timeline_emit_moment_chosen(SacTimeline *timeline, const SacMoment *moment)
{
  /* The handler may have the lanes made anew. */
  g_autoptr(SacMoment) chosen = sac_moment_copy(moment);
  g_signal_emit(timeline, signals[MOMENT_CHOSEN], 0, chosen);
}

void
sac_timeline_emit_selection_changed(SacTimeline *timeline)
{
  sac_timeline_invalidate(timeline);
  g_signal_emit(timeline, signals[SELECTION_CHANGED], 0);
}

static void
on_slider_changed(GtkAdjustment *adjustment, SacTimeline *timeline)
{
  if (!timeline->adjustment_is_ours) {
    gint64 time = (gint64)llround(gtk_adjustment_get_value(adjustment) * 1e6);
    sac_timeline_show_time(timeline, time);
    sac_timeline_emit_seek(timeline, time, FALSE);
  }
}

/* The window's keys mean the same with the timeline in focus: a slider's own would move it by other steps. */
static gboolean
on_slider_key(GtkEventControllerKey *controller, guint value, guint code, GdkModifierType state, SacTimeline *timeline)
{
  if (value == GDK_KEY_Menu || (value == GDK_KEY_F10 && (state & GDK_SHIFT_MASK))) {
    sac_timeline_show_menu(timeline, sac_timeline_x(timeline, timeline->position_us), 8);
    return TRUE;
  }
  return gtk_event_controller_key_forward(controller, GTK_WIDGET(gtk_widget_get_root(GTK_WIDGET(timeline))));
}

/* --- the widget -------------------------------------------------------------------------------------------------------------- */

static void
sac_timeline_measure(GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
                     int *minimum_baseline, int *natural_baseline)
{
  SacTimeline *timeline = SAC_TIMELINE(widget);
  if (orientation == GTK_ORIENTATION_HORIZONTAL) {
    *minimum = 200;
    *natural = 800;
    return;
  }
  *minimum = set_row_heights(timeline, 1);
  *natural = set_row_heights(timeline, MOST_ROWS);
  fit_rows(timeline, MAX(gtk_widget_get_height(widget), *minimum));
}

static void
sac_timeline_size_allocate(GtkWidget *widget, int width, int height, int baseline)
{
  SacTimeline *timeline = SAC_TIMELINE(widget);
  timeline->gutter = width < 600 ? 0 : 64;
  fit_rows(timeline, height);
  gtk_widget_size_allocate(timeline->slider, &(GtkAllocation){ 0, 0, width, timeline->row_heights[SAC_ROW_RULER] }, -1);
  sac_timeline_moments_allocate(timeline, width);
  gtk_popover_present(GTK_POPOVER(timeline->hover_popover));
  if (timeline->menu) {
    gtk_popover_present(GTK_POPOVER(timeline->menu));
  }
}

static gint64
processor_time(void)
{
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (gint64)time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
}

static void
sac_timeline_snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
  SacTimeline *timeline = SAC_TIMELINE(widget);
  gint64 begin = g_get_monotonic_time(), processor_begin = processor_time();
  if (timeline->duration_us > 0) {
    sac_timeline_draw(timeline, snapshot);
  }
  gtk_widget_snapshot_child(widget, timeline->slider, snapshot);
  timeline->snapshot_clock_us = g_get_monotonic_time() - begin;
  timeline->snapshot_processor_us = processor_time() - processor_begin;
}

static gboolean
sac_timeline_grab_focus(GtkWidget *widget)
{
  return gtk_widget_grab_focus(SAC_TIMELINE(widget)->slider);
}

static void
forget_looks(SacTimeline *timeline)
{
  sac_labels_forget(timeline->labels);
  g_clear_object(&timeline->stripes);
  sac_timeline_update_rows(timeline);
}

static void
sac_timeline_css_changed(GtkWidget *widget, GtkCssStyleChange *change)
{
  GTK_WIDGET_CLASS(sac_timeline_parent_class)->css_changed(widget, change);
  forget_looks(SAC_TIMELINE(widget));
}

static void
sac_timeline_system_setting_changed(GtkWidget *widget, GtkSystemSetting setting)
{
  GTK_WIDGET_CLASS(sac_timeline_parent_class)->system_setting_changed(widget, setting);
  forget_looks(SAC_TIMELINE(widget));
}

static void
sac_timeline_dispose(GObject *object)
{
  SacTimeline *timeline = SAC_TIMELINE(object);
  sac_timeline_close_media(timeline);
  g_clear_handle_id(&timeline->label_source, g_source_remove);
  sac_timeline_moments_dispose(timeline);
  g_clear_pointer(&timeline->menu, gtk_widget_unparent);
  g_clear_pointer(&timeline->hover_popover, gtk_widget_unparent);
  g_clear_pointer(&timeline->slider, gtk_widget_unparent);
  g_clear_pointer(&timeline->scene, gsk_render_node_unref);
  for (int row = 0; row < SAC_N_ROWS; row++) {
    g_clear_pointer(&timeline->lanes[row], sac_lane_free);
  }
  g_clear_pointer(&timeline->moments, g_ptr_array_unref);
  g_clear_pointer(&timeline->found, g_ptr_array_unref);
  g_clear_object(&timeline->stripes);
  clear_match(timeline);
  G_OBJECT_CLASS(sac_timeline_parent_class)->dispose(object);
}

static void
sac_timeline_finalize(GObject *object)
{
  SacTimeline *timeline = SAC_TIMELINE(object);
  g_clear_pointer(&timeline->labels, sac_labels_free);
  g_clear_pointer(&timeline->selected, g_hash_table_unref);
  G_OBJECT_CLASS(sac_timeline_parent_class)->finalize(object);
}

static void
sac_timeline_class_init(SacTimelineClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->dispose = sac_timeline_dispose;
  G_OBJECT_CLASS(class)->finalize = sac_timeline_finalize;
  widget_class->measure = sac_timeline_measure;
  widget_class->size_allocate = sac_timeline_size_allocate;
  widget_class->snapshot = sac_timeline_snapshot;
  widget_class->grab_focus = sac_timeline_grab_focus;
  widget_class->css_changed = sac_timeline_css_changed;
  widget_class->system_setting_changed = sac_timeline_system_setting_changed;
  gtk_widget_class_set_css_name(widget_class, "timeline");
  gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_GROUP);

  signals[SEEK] = g_signal_new("seek", SAC_TYPE_TIMELINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2,
                               G_TYPE_INT64, G_TYPE_BOOLEAN);
  signals[SPAN_EDITED] = g_signal_new("span-edited", SAC_TYPE_TIMELINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                      G_TYPE_NONE, 2, G_TYPE_BOOLEAN, G_TYPE_BOOLEAN);
  signals[MOMENT_CHOSEN] = g_signal_new("moment-chosen", SAC_TYPE_TIMELINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 1, SAC_TYPE_MOMENT | G_SIGNAL_TYPE_STATIC_SCOPE);
  signals[SELECTION_CHANGED] =
      g_signal_new("selection-changed", SAC_TYPE_TIMELINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
sac_timeline_init(SacTimeline *timeline)
{
  GtkWidget *widget = GTK_WIDGET(timeline);
  timeline->span_from_us = timeline->span_to_us = -1;
  gtk_widget_set_overflow(widget, GTK_OVERFLOW_HIDDEN);
  gtk_widget_set_hexpand(widget, TRUE);
  /* Time runs from left to right in every language. */
  gtk_widget_set_direction(widget, GTK_TEXT_DIR_LTR);
  timeline->labels = sac_labels_new(widget, 0.82);

  timeline->adjustment = gtk_adjustment_new(0, 0, 0, 1, 5, 0);
  timeline->slider = gtk_scale_new(GTK_ORIENTATION_HORIZONTAL, timeline->adjustment);
  gtk_widget_set_direction(timeline->slider, GTK_TEXT_DIR_LTR);
  gtk_scale_set_draw_value(GTK_SCALE(timeline->slider), FALSE);
  gtk_widget_set_can_target(timeline->slider, FALSE);
  gtk_accessible_update_property(GTK_ACCESSIBLE(timeline->slider), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Timeline"), -1);
  gtk_widget_set_parent(timeline->slider, widget);
  GtkEventController *keys = gtk_event_controller_key_new();
  gtk_event_controller_set_propagation_phase(keys, GTK_PHASE_CAPTURE);
  g_signal_connect(keys, "key-pressed", G_CALLBACK(on_slider_key), timeline);
  gtk_widget_add_controller(timeline->slider, keys);
  g_signal_connect(timeline->adjustment, "value-changed", G_CALLBACK(on_slider_changed), timeline);

  sac_timeline_moments_init(timeline);
  sac_timeline_pointer_init(timeline);
  sac_timeline_update_rows(timeline);
}
