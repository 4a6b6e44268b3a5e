/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-timeline.h"

#include <glib/gi18n.h>
#include <math.h>

#include "core/sac-time.h"
#include "gui/sac-timeline-private.h"

/* The shortest stretch that can be shown: ten frames or so. */
#define SHORTEST_VIEW_US 400000.0
#define EDGE_REACH 6
#define CLICK_REACH 4
#define HOVER_PICTURE_HEIGHT 108

typedef enum {
  DRAG_NONE,
  DRAG_SCRUB,
  DRAG_LANE, /* not yet known whether it is a click or a new span */
  DRAG_SPAN,
  DRAG_FROM,
  DRAG_TO,
} SacTimelineDrag;

enum { SEEK, SPAN_EDITED, MOMENT_CHOSEN, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacTimeline, sac_timeline, GTK_TYPE_WIDGET)

static const char *const shot_kinds[] = { SAC_KIND_SHOT, NULL };
static const char *const seen_kinds[] = { SAC_KIND_VISUAL, SAC_KIND_LABEL, SAC_KIND_TEXT, NULL };
static const char *const said_kinds[] = { SAC_KIND_SPEECH, NULL };
static const char *const tag_kinds[] = { SAC_KIND_TAG, NULL };
static const char *const *const lane_kinds[SAC_N_ROWS] = {
  [SAC_ROW_SHOTS] = shot_kinds,
  [SAC_ROW_SEEN] = seen_kinds,
  [SAC_ROW_SAID] = said_kinds,
  [SAC_ROW_TAGS] = tag_kinds,
};

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

int
sac_timeline_row_y(SacTimeline *timeline, SacTimelineRow row)
{
  int y = 0;
  for (SacTimelineRow above = 0; above < row; above++) {
    y += timeline->row_heights[above];
  }
  return y;
}

static SacTimelineRow
row_at(SacTimeline *timeline, double y)
{
  for (SacTimelineRow row = 0; row < SAC_N_ROWS; row++) {
    if (y < sac_timeline_row_y(timeline, row) + timeline->row_heights[row]) {
      return row;
    }
  }
  return SAC_N_ROWS;
}

static void
invalidate(SacTimeline *timeline)
{
  g_clear_pointer(&timeline->scene, gsk_render_node_unref);
  gtk_widget_queue_draw(GTK_WIDGET(timeline));
}

/* Rows come and go with what they show. */
static void
update_rows(SacTimeline *timeline)
{
  int line = 18;
  if (timeline->caption) {
    pango_layout_set_text(timeline->caption, "Ágj", -1);
    pango_layout_get_pixel_size(timeline->caption, NULL, &line);
  }
  int *heights = timeline->row_heights;
  heights[SAC_ROW_RULER] = line + 10;
  heights[SAC_ROW_MATCH] = timeline->match.n > 0 ? SAC_TIMELINE_MATCH_HEIGHT : 0;
  heights[SAC_ROW_FILM] = timeline->has_video && timeline->strip ? SAC_TIMELINE_FILM_HEIGHT : 0;
  for (int row = SAC_ROW_SHOTS; row <= SAC_ROW_TAGS; row++) {
    gboolean is_shown = row == SAC_ROW_TAGS || (timeline->lanes[row] && sac_lane_length(timeline->lanes[row]) > 0);
    heights[row] = is_shown ? line + 8 : 0;
  }
  heights[SAC_ROW_SOUND] = timeline->sound.n > 0 ? SAC_TIMELINE_SOUND_HEIGHT : 0;
  invalidate(timeline);
  gtk_widget_queue_resize(GTK_WIDGET(timeline));
}

static void
make_layouts(SacTimeline *timeline)
{
  g_clear_object(&timeline->caption);
  timeline->caption = gtk_widget_create_pango_layout(GTK_WIDGET(timeline), NULL);
  PangoContext *context = pango_layout_get_context(timeline->caption);
  PangoFontDescription *font = pango_font_description_copy(pango_context_get_font_description(context));
  int size = pango_font_description_get_size(font) * 82 / 100;
  if (pango_font_description_get_size_is_absolute(font)) {
    pango_font_description_set_absolute_size(font, size);
  } else {
    pango_font_description_set_size(font, size);
  }
  pango_layout_set_font_description(timeline->caption, font);
  pango_layout_set_ellipsize(timeline->caption, PANGO_ELLIPSIZE_END);
  pango_layout_set_single_paragraph_mode(timeline->caption, TRUE);
  pango_font_description_free(font);
  update_rows(timeline);
}

static void
set_view(SacTimeline *timeline, double start_us, double length_us)
{
  double duration = (double)timeline->duration_us;
  length_us = CLAMP(length_us, MIN(SHORTEST_VIEW_US, duration), duration);
  start_us = CLAMP(start_us, 0, duration - length_us);
  if ((gint64)start_us != timeline->view_start_us || length_us != timeline->view_length_us) {
    timeline->view_start_us = (gint64)start_us;
    timeline->view_length_us = length_us;
    invalidate(timeline);
  }
}

/* Keeps the time under the pointer where it is. */
static void
zoom_about(SacTimeline *timeline, double factor, gint64 time_us)
{
  double share = (double)(time_us - timeline->view_start_us) / MAX(timeline->view_length_us, 1);
  double length = CLAMP(timeline->view_length_us / factor, MIN(SHORTEST_VIEW_US, (double)timeline->duration_us),
                        (double)timeline->duration_us);
  set_view(timeline, (double)time_us - share * length, length);
}

/* --- what it shows -------------------------------------------------------------------------------------------------------- */

static void
clear_series(SacTimelineSeries *series)
{
  sac_summary_free(series->summary);
  g_free(series->times_us);
  *series = (SacTimelineSeries){ 0 };
}

static void
update_lanes(SacTimeline *timeline)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new();
  if (timeline->moments) {
    g_ptr_array_extend(all, timeline->moments, NULL, NULL);
  }
  for (guint i = 0; timeline->found && i < timeline->found->len; i++) {
    SacMoment *moment = g_ptr_array_index(timeline->found, i);
    /* Others that a search finds are kept moments and shown already. */
    if (strcmp(moment->kind, SAC_KIND_VISUAL) == 0) {
      g_ptr_array_add(all, moment);
    }
  }
  for (int row = 0; row < SAC_N_ROWS; row++) {
    g_clear_pointer(&timeline->lanes[row], sac_lane_free);
    if (lane_kinds[row]) {
      timeline->lanes[row] = sac_lane_new(all, lane_kinds[row]);
    }
  }
  update_rows(timeline);
}

static void
on_strip_changed(SacTimeline *timeline)
{
  invalidate(timeline);
}

static void
drop_strip(SacTimeline *timeline)
{
  if (timeline->strip) {
    g_signal_handler_disconnect(timeline->strip, timeline->strip_handler);
    g_clear_object(&timeline->strip);
  }
}

void
sac_timeline_set_video(SacTimeline *timeline, SacThumbnailer *thumbnailer, const char *path, gint64 duration_us,
                       gboolean has_video)
{
  drop_strip(timeline);
  clear_series(&timeline->match);
  clear_series(&timeline->sound);
  g_clear_pointer(&timeline->moments, g_ptr_array_unref);
  g_clear_pointer(&timeline->found, g_ptr_array_unref);
  timeline->duration_us = MAX(duration_us, 0);
  timeline->view_start_us = 0;
  timeline->view_length_us = (double)timeline->duration_us;
  timeline->span_from_us = -1;
  timeline->span_to_us = -1;
  timeline->has_video = has_video && path;
  timeline->position_us = -1;
  if (path && thumbnailer && has_video) {
    int scale = gtk_widget_get_scale_factor(GTK_WIDGET(timeline));
    timeline->strip = sac_film_strip_new(thumbnailer, path, HOVER_PICTURE_HEIGHT * scale);
    timeline->strip_handler =
        g_signal_connect_swapped(timeline->strip, "changed", G_CALLBACK(on_strip_changed), timeline);
  }
  timeline->adjustment_is_ours = TRUE;
  gtk_adjustment_configure(timeline->adjustment, 0, 0, sac_time_seconds(timeline->duration_us), 1, 5, 0);
  timeline->adjustment_is_ours = FALSE;
  sac_timeline_set_position(timeline, 0);
  update_lanes(timeline);
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

static GPtrArray *
copy_moments(GPtrArray *moments)
{
  GPtrArray *copy = g_ptr_array_new_with_free_func((GDestroyNotify)sac_moment_free);
  for (guint i = 0; moments && i < moments->len; i++) {
    g_ptr_array_add(copy, sac_moment_copy(g_ptr_array_index(moments, i)));
  }
  return copy;
}

void
sac_timeline_set_moments(SacTimeline *timeline, GPtrArray *moments)
{
  g_clear_pointer(&timeline->moments, g_ptr_array_unref);
  timeline->moments = copy_moments(moments);
  update_lanes(timeline);
}

void
sac_timeline_set_found(SacTimeline *timeline, GPtrArray *moments)
{
  g_clear_pointer(&timeline->found, g_ptr_array_unref);
  timeline->found = copy_moments(moments);
  update_lanes(timeline);
}

void
sac_timeline_set_match_curve(SacTimeline *timeline, const SacMatchCurve *curve)
{
  clear_series(&timeline->match);
  if (curve && curve->n > 0) {
    timeline->match = (SacTimelineSeries){ .summary = sac_summary_new(curve->scores, curve->n),
                                           .n = curve->n,
                                           .times_us = g_memdup2(curve->times_us, curve->n * sizeof *curve->times_us),
                                           .threshold = curve->threshold };
  }
  update_rows(timeline);
}

void
sac_timeline_set_waveform(SacTimeline *timeline, const SacWaveform *waveform)
{
  clear_series(&timeline->sound);
  if (waveform && waveform->n_peaks > 0) {
    timeline->sound = (SacTimelineSeries){ .summary = sac_summary_new(waveform->peaks, waveform->n_peaks),
                                           .n = waveform->n_peaks,
                                           .interval_us = (double)MAX(waveform->step_us, 1) };
  }
  update_rows(timeline);
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

void
sac_timeline_zoom(SacTimeline *timeline, double factor)
{
  gint64 end = timeline->view_start_us + (gint64)timeline->view_length_us;
  gboolean in_sight = timeline->position_us >= timeline->view_start_us && timeline->position_us <= end;
  zoom_about(timeline, factor,
             in_sight ? timeline->position_us : timeline->view_start_us + (gint64)timeline->view_length_us / 2);
}

void
sac_timeline_zoom_all(SacTimeline *timeline)
{
  set_view(timeline, 0, (double)timeline->duration_us);
}

void
sac_timeline_set_view(SacTimeline *timeline, gint64 start_us, gint64 length_us)
{
  set_view(timeline, (double)start_us, length_us > 0 ? (double)length_us : (double)timeline->duration_us);
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
    set_view(timeline, time - length * 0.1, length);
  }
}

/* --- the pointer ----------------------------------------------------------------------------------------------------------- */

static void
emit_seek(SacTimeline *timeline, double x, gboolean scrubbing)
{
  gint64 time = sac_timeline_time(timeline, x);
  sac_timeline_set_position(timeline, time);
  g_signal_emit(timeline, signals[SEEK], 0, time, scrubbing);
}

static SacTimelineDrag
edge_at(SacTimeline *timeline, double x, double y)
{
  if (timeline->span_from_us < 0 || row_at(timeline, y) == SAC_ROW_RULER) {
    return DRAG_NONE;
  }
  double from = fabs(x - sac_timeline_x(timeline, timeline->span_from_us));
  double to = fabs(x - sac_timeline_x(timeline, timeline->span_to_us));
  if (MIN(from, to) > EDGE_REACH) {
    return DRAG_NONE;
  }
  return from < to ? DRAG_FROM : DRAG_TO;
}

static void
on_drag_begin(GtkGestureDrag *gesture, double x, double y, SacTimeline *timeline)
{
  if (timeline->duration_us <= 0 || x < timeline->gutter - EDGE_REACH) {
    gtk_gesture_set_state(GTK_GESTURE(gesture), GTK_EVENT_SEQUENCE_DENIED);
    return;
  }
  gtk_gesture_set_state(GTK_GESTURE(gesture), GTK_EVENT_SEQUENCE_CLAIMED);
  SacTimelineRow row = row_at(timeline, y);
  timeline->drag = edge_at(timeline, x, y);
  timeline->drag_x = x;
  timeline->drag_anchor_us = sac_timeline_time(timeline, x);
  if (timeline->drag == DRAG_NONE) {
    timeline->drag = row == SAC_ROW_RULER || row == SAC_ROW_FILM ? DRAG_SCRUB : DRAG_LANE;
  }
  if (timeline->drag == DRAG_SCRUB) {
    emit_seek(timeline, x, TRUE);
  }
}

static void
drag_to(SacTimeline *timeline, double x, double offset_x)
{
  gint64 time = sac_timeline_time(timeline, x);
  switch ((SacTimelineDrag)timeline->drag) {
  case DRAG_NONE:
    return;
  case DRAG_SCRUB:
    emit_seek(timeline, x, TRUE);
    return;
  case DRAG_LANE:
    if (fabs(offset_x) < CLICK_REACH) {
      return;
    }
    timeline->drag = DRAG_SPAN;
    break;
  case DRAG_FROM:
    timeline->drag_anchor_us = timeline->span_to_us;
    timeline->drag = DRAG_SPAN;
    break;
  case DRAG_TO:
    timeline->drag_anchor_us = timeline->span_from_us;
    timeline->drag = DRAG_SPAN;
    break;
  case DRAG_SPAN:
    break;
  }
  sac_timeline_set_span(timeline, MIN(time, timeline->drag_anchor_us), MAX(time, timeline->drag_anchor_us));
  g_signal_emit(timeline, signals[SPAN_EDITED], 0, FALSE);
}

static void
on_drag_update(GtkGestureDrag *gesture, double offset_x, double offset_y, SacTimeline *timeline)
{
  drag_to(timeline, timeline->drag_x + offset_x, offset_x);
}

static void
click_lane(SacTimeline *timeline, double x, double y)
{
  SacTimelineRow row = row_at(timeline, y);
  gint64 slack = (gint64)(3 * sac_timeline_us_per_pixel(timeline));
  const SacMoment *moment = row < SAC_N_ROWS && timeline->lanes[row]
                                ? sac_lane_find(timeline->lanes[row], sac_timeline_time(timeline, x), slack)
                                : NULL;
  if (moment) {
    /* The handler may have the lanes made anew. */
    g_autoptr(SacMoment) chosen = sac_moment_copy(moment);
    g_signal_emit(timeline, signals[MOMENT_CHOSEN], 0, chosen);
  } else {
    emit_seek(timeline, x, FALSE);
  }
}

static void
on_drag_end(GtkGestureDrag *gesture, double offset_x, double offset_y, SacTimeline *timeline)
{
  double x = timeline->drag_x + offset_x, start_x, start_y;
  SacTimelineDrag drag = timeline->drag;
  timeline->drag = DRAG_NONE;
  gtk_gesture_drag_get_start_point(gesture, &start_x, &start_y);
  if (drag == DRAG_SCRUB) {
    emit_seek(timeline, x, FALSE);
  } else if (drag == DRAG_LANE) {
    click_lane(timeline, start_x, start_y);
  } else if (drag == DRAG_SPAN) {
    g_signal_emit(timeline, signals[SPAN_EDITED], 0, TRUE);
  }
}

static gboolean
on_scroll(GtkEventControllerScroll *controller, double dx, double dy, SacTimeline *timeline)
{
  GdkModifierType state = gtk_event_controller_get_current_event_state(GTK_EVENT_CONTROLLER(controller));
  if (timeline->duration_us <= 0) {
    return FALSE;
  }
  if (state & GDK_CONTROL_MASK) {
    zoom_about(timeline, pow(1.25, -dy), sac_timeline_time(timeline, timeline->pointer_x));
  } else {
    double step = timeline->view_length_us / 12;
    set_view(timeline, (double)timeline->view_start_us + (dx + dy) * step, timeline->view_length_us);
  }
  return TRUE;
}

static void
on_pinch_begin(GtkGesture *gesture, GdkEventSequence *sequence, SacTimeline *timeline)
{
  double x = timeline->pointer_x, y;
  gtk_gesture_get_bounding_box_center(gesture, &x, &y);
  timeline->pinch_length_us = timeline->view_length_us;
  timeline->pinch_time_us = sac_timeline_time(timeline, x);
}

static void
on_pinch(GtkGestureZoom *gesture, double scale, SacTimeline *timeline)
{
  if (scale > 0) {
    zoom_about(timeline, timeline->view_length_us / (timeline->pinch_length_us / scale), timeline->pinch_time_us);
  }
}

static void
show_hover(SacTimeline *timeline, double x, double y)
{
  SacTimelineRow row = row_at(timeline, y);
  timeline->hover_us = sac_timeline_time(timeline, x);
  g_autofree char *time = sac_time_format(timeline->hover_us);
  gtk_label_set_text(GTK_LABEL(timeline->hover_label), time);
  gtk_widget_set_visible(timeline->hover_picture, timeline->strip != NULL);
  if (timeline->strip) {
    GdkTexture *texture = sac_film_strip_get_nearest(timeline->strip, timeline->hover_us);
    gtk_picture_set_paintable(GTK_PICTURE(timeline->hover_picture), GDK_PAINTABLE(texture));
  }
  gtk_popover_set_pointing_to(GTK_POPOVER(timeline->hover_popover), &(GdkRectangle){ (int)x, 0, 1, 1 });
  gboolean is_shown = timeline->drag == DRAG_NONE &&
                      (row == SAC_ROW_RULER || row == SAC_ROW_FILM || row == SAC_ROW_MATCH || row == SAC_ROW_SOUND);
  if (is_shown) {
    gtk_popover_popup(GTK_POPOVER(timeline->hover_popover));
  } else {
    gtk_popover_popdown(GTK_POPOVER(timeline->hover_popover));
  }
  gtk_widget_queue_draw(GTK_WIDGET(timeline));
}

static void
on_motion(GtkEventControllerMotion *controller, double x, double y, SacTimeline *timeline)
{
  timeline->pointer_x = x;
  gboolean on_edge = edge_at(timeline, x, y) != DRAG_NONE || timeline->drag == DRAG_SPAN;
  gtk_widget_set_cursor_from_name(GTK_WIDGET(timeline), on_edge ? "col-resize" : NULL);
  if (timeline->duration_us > 0 && x >= timeline->gutter) {
    show_hover(timeline, x, y);
  }
}

static void
on_leave(GtkEventControllerMotion *controller, SacTimeline *timeline)
{
  timeline->hover_us = -1;
  gtk_popover_popdown(GTK_POPOVER(timeline->hover_popover));
  gtk_widget_queue_draw(GTK_WIDGET(timeline));
}

static void
on_slider_changed(GtkAdjustment *adjustment, SacTimeline *timeline)
{
  if (!timeline->adjustment_is_ours) {
    gint64 time = (gint64)llround(gtk_adjustment_get_value(adjustment) * 1e6);
    sac_timeline_set_position(timeline, time);
    sac_timeline_show_time(timeline, time);
    g_signal_emit(timeline, signals[SEEK], 0, time, FALSE);
  }
}

/* The window's keys mean the same with the timeline in focus: a slider's own would move it by other steps. */
static gboolean
on_slider_key(GtkEventControllerKey *controller, guint value, guint code, GdkModifierType state, SacTimeline *timeline)
{
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
  } else {
    *minimum = *natural = sac_timeline_row_y(timeline, SAC_N_ROWS) + 4;
  }
}

static void
sac_timeline_size_allocate(GtkWidget *widget, int width, int height, int baseline)
{
  SacTimeline *timeline = SAC_TIMELINE(widget);
  timeline->gutter = width < 600 ? 0 : 64;
  gtk_widget_size_allocate(timeline->slider, &(GtkAllocation){ 0, 0, width, timeline->row_heights[SAC_ROW_RULER] }, -1);
  gtk_popover_present(GTK_POPOVER(timeline->hover_popover));
}

static void
sac_timeline_snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
  SacTimeline *timeline = SAC_TIMELINE(widget);
  if (timeline->duration_us > 0) {
    sac_timeline_draw(timeline, snapshot);
  }
  gtk_widget_snapshot_child(widget, timeline->slider, snapshot);
}

static gboolean
sac_timeline_grab_focus(GtkWidget *widget)
{
  return gtk_widget_grab_focus(SAC_TIMELINE(widget)->slider);
}

static void
sac_timeline_css_changed(GtkWidget *widget, GtkCssStyleChange *change)
{
  GTK_WIDGET_CLASS(sac_timeline_parent_class)->css_changed(widget, change);
  make_layouts(SAC_TIMELINE(widget));
}

static void
sac_timeline_system_setting_changed(GtkWidget *widget, GtkSystemSetting setting)
{
  GTK_WIDGET_CLASS(sac_timeline_parent_class)->system_setting_changed(widget, setting);
  make_layouts(SAC_TIMELINE(widget));
}

static void
sac_timeline_dispose(GObject *object)
{
  SacTimeline *timeline = SAC_TIMELINE(object);
  drop_strip(timeline);
  g_clear_pointer(&timeline->hover_popover, gtk_widget_unparent);
  g_clear_pointer(&timeline->slider, gtk_widget_unparent);
  g_clear_pointer(&timeline->scene, gsk_render_node_unref);
  g_clear_pointer(&timeline->moments, g_ptr_array_unref);
  g_clear_pointer(&timeline->found, g_ptr_array_unref);
  g_clear_object(&timeline->caption);
  clear_series(&timeline->match);
  clear_series(&timeline->sound);
  for (int row = 0; row < SAC_N_ROWS; row++) {
    g_clear_pointer(&timeline->lanes[row], sac_lane_free);
  }
  G_OBJECT_CLASS(sac_timeline_parent_class)->dispose(object);
}

static void
sac_timeline_class_init(SacTimelineClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->dispose = sac_timeline_dispose;
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
                                      G_TYPE_NONE, 1, G_TYPE_BOOLEAN);
  signals[MOMENT_CHOSEN] = g_signal_new("moment-chosen", SAC_TYPE_TIMELINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 1, SAC_TYPE_MOMENT | G_SIGNAL_TYPE_STATIC_SCOPE);
}

static void
add_pointer(SacTimeline *timeline)
{
  GtkWidget *widget = GTK_WIDGET(timeline);
  GtkGesture *drag = gtk_gesture_drag_new();
  g_signal_connect(drag, "drag-begin", G_CALLBACK(on_drag_begin), timeline);
  g_signal_connect(drag, "drag-update", G_CALLBACK(on_drag_update), timeline);
  g_signal_connect(drag, "drag-end", G_CALLBACK(on_drag_end), timeline);
  gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(drag));

  GtkEventController *scroll = gtk_event_controller_scroll_new(GTK_EVENT_CONTROLLER_SCROLL_BOTH_AXES);
  g_signal_connect(scroll, "scroll", G_CALLBACK(on_scroll), timeline);
  gtk_widget_add_controller(widget, scroll);

  GtkGesture *pinch = gtk_gesture_zoom_new();
  g_signal_connect(pinch, "begin", G_CALLBACK(on_pinch_begin), timeline);
  g_signal_connect(pinch, "scale-changed", G_CALLBACK(on_pinch), timeline);
  gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(pinch));

  GtkEventController *motion = gtk_event_controller_motion_new();
  g_signal_connect(motion, "motion", G_CALLBACK(on_motion), timeline);
  g_signal_connect(motion, "leave", G_CALLBACK(on_leave), timeline);
  gtk_widget_add_controller(widget, motion);
}

static void
add_hover_popover(SacTimeline *timeline)
{
  GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 4);
  timeline->hover_picture = gtk_picture_new();
  gtk_widget_set_size_request(timeline->hover_picture, HOVER_PICTURE_HEIGHT * 16 / 9, HOVER_PICTURE_HEIGHT);
  gtk_picture_set_content_fit(GTK_PICTURE(timeline->hover_picture), GTK_CONTENT_FIT_COVER);
  timeline->hover_label = gtk_label_new(NULL);
  gtk_widget_add_css_class(timeline->hover_label, "numeric");
  gtk_widget_add_css_class(timeline->hover_label, "caption");
  gtk_box_append(GTK_BOX(box), timeline->hover_picture);
  gtk_box_append(GTK_BOX(box), timeline->hover_label);
  timeline->hover_popover = gtk_popover_new();
  gtk_widget_add_css_class(timeline->hover_popover, "hover-frame");
  gtk_popover_set_child(GTK_POPOVER(timeline->hover_popover), box);
  gtk_popover_set_autohide(GTK_POPOVER(timeline->hover_popover), FALSE);
  gtk_popover_set_position(GTK_POPOVER(timeline->hover_popover), GTK_POS_TOP);
  gtk_widget_set_can_target(timeline->hover_popover, FALSE);
  gtk_widget_set_can_focus(timeline->hover_popover, FALSE);
  gtk_widget_set_parent(timeline->hover_popover, GTK_WIDGET(timeline));
}

static void
sac_timeline_init(SacTimeline *timeline)
{
  GtkWidget *widget = GTK_WIDGET(timeline);
  timeline->span_from_us = timeline->span_to_us = -1;
  timeline->hover_us = -1;
  timeline->film_aspect = 16.0 / 9;
  gtk_widget_set_overflow(widget, GTK_OVERFLOW_HIDDEN);
  gtk_widget_set_hexpand(widget, TRUE);
  gtk_widget_set_direction(widget, GTK_TEXT_DIR_LTR); /* time runs so in every language */

  timeline->adjustment = gtk_adjustment_new(0, 0, 0, 1, 5, 0);
  timeline->slider = gtk_scale_new(GTK_ORIENTATION_HORIZONTAL, timeline->adjustment);
  gtk_scale_set_draw_value(GTK_SCALE(timeline->slider), FALSE);
  gtk_widget_set_direction(timeline->slider, GTK_TEXT_DIR_LTR);
  gtk_widget_set_can_target(timeline->slider, FALSE);
  gtk_accessible_update_property(GTK_ACCESSIBLE(timeline->slider), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Timeline"), -1);
  gtk_widget_set_parent(timeline->slider, widget);
  GtkEventController *keys = gtk_event_controller_key_new();
  gtk_event_controller_set_propagation_phase(keys, GTK_PHASE_CAPTURE);
  g_signal_connect(keys, "key-pressed", G_CALLBACK(on_slider_key), timeline);
  gtk_widget_add_controller(timeline->slider, keys);
  g_signal_connect(timeline->adjustment, "value-changed", G_CALLBACK(on_slider_changed), timeline);

  add_pointer(timeline);
  add_hover_popover(timeline);
  make_layouts(timeline);
}
