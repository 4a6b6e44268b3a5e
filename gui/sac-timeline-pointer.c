/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <math.h>

#include "core/sac-time.h"
#include "gui/sac-timeline-private.h"

/*
 * What the pointer does. On the ruler and the film it scrubs. On the other rows a drag draws a span, within the marked span it moves it, on
 * an edge it trims; with Ctrl or Shift it selects the moments under a rubber band. A click chooses a moment; with Ctrl it takes it into the
 * selection or out, with Shift all from the last one to it. What is drawn, moved or trimmed catches at shots, moments and the playhead,
 * unless Alt is held.
 */

#define EDGE_REACH 6
#define CLICK_REACH 4
#define SNAP_REACH 8

typedef enum {
  DRAG_NONE,
  DRAG_SCRUB,
  DRAG_LANE,   /* not yet known whether it is a click or a new span */
  DRAG_INSIDE, /* not yet known whether it is a click or the span is moved */
  DRAG_SPAN,   /* a new one */
  DRAG_EDGE,
  DRAG_MOVE,
  DRAG_BAND,
} SacTimelineDrag;

static GdkModifierType
state_of(gpointer controller)
{
  return gtk_event_controller_get_current_event_state(GTK_EVENT_CONTROLLER(controller));
}

/* --- catching ------------------------------------------------------------------------------------------------------------------ */

static void
consider(gint64 candidate, gint64 time_us, gint64 *reach_us, gint64 *nearest)
{
  gint64 distance = ABS(candidate - time_us);
  if (candidate >= 0 && distance <= *reach_us) {
    *reach_us = distance;
    *nearest = candidate;
  }
}

/* What the time catches at; -1: nothing. */
static gint64
catch_at(SacTimeline *timeline, gint64 time_us, GdkModifierType state)
{
  gint64 reach = (gint64)(SNAP_REACH * sac_timeline_us_per_pixel(timeline)), nearest = -1;
  if (state & GDK_ALT_MASK) {
    return -1;
  }
  for (SacTimelineRow row = SAC_FIRST_LANE; row <= SAC_LAST_LANE; row++) {
    if (timeline->row_heights[row] > 0) {
      consider(sac_lane_nearest_edge(timeline->lanes[row], time_us, reach), time_us, &reach, &nearest);
    }
  }
  consider(timeline->position_us, time_us, &reach, &nearest);
  consider(0, time_us, &reach, &nearest);
  consider(timeline->duration_us, time_us, &reach, &nearest);
  return nearest;
}

/* --- dragging and clicking ------------------------------------------------------------------------------------------------------ */

static gboolean
is_scrub_row(SacTimelineRow row)
{
  return row == SAC_ROW_RULER || row == SAC_ROW_FILM;
}

/* The other edge of the span, if one is there; -1. */
static gint64
opposite_edge(SacTimeline *timeline, double x, double y)
{
  if (timeline->span_from_us < 0 || sac_timeline_row_at(timeline, y) == SAC_ROW_RULER) {
    return -1;
  }
  double from = fabs(x - sac_timeline_x(timeline, timeline->span_from_us));
  double to = fabs(x - sac_timeline_x(timeline, timeline->span_to_us));
  if (MIN(from, to) > EDGE_REACH) {
    return -1;
  }
  return from < to ? timeline->span_to_us : timeline->span_from_us;
}

static gboolean
is_inside_span(SacTimeline *timeline, double x, double y)
{
  SacTimelineRow row = sac_timeline_row_at(timeline, y);
  return timeline->span_from_us >= 0 && !is_scrub_row(row) && x > sac_timeline_x(timeline, timeline->span_from_us) &&
         x < sac_timeline_x(timeline, timeline->span_to_us);
}

static void
on_drag_begin(GtkGestureDrag *gesture, double x, double y, SacTimeline *timeline)
{
  if (timeline->duration_us <= 0 || x < timeline->gutter - EDGE_REACH) {
    gtk_gesture_set_state(GTK_GESTURE(gesture), GTK_EVENT_SEQUENCE_DENIED);
    return;
  }
  gtk_gesture_set_state(GTK_GESTURE(gesture), GTK_EVENT_SEQUENCE_CLAIMED);
  SacTimelineRow row = sac_timeline_row_at(timeline, y);
  gint64 opposite = opposite_edge(timeline, x, y);
  timeline->drag_x = x;
  timeline->drag_y = y;
  timeline->drag_anchor_us = sac_timeline_time(timeline, x);
  timeline->drag_from_us = timeline->span_from_us;
  timeline->drag_to_us = timeline->span_to_us;
  if (opposite >= 0) {
    timeline->drag = DRAG_EDGE;
    timeline->drag_anchor_us = opposite;
  } else if (is_scrub_row(row)) {
    timeline->drag = DRAG_SCRUB;
    sac_timeline_emit_seek(timeline, timeline->drag_anchor_us, TRUE);
  } else {
    timeline->drag = is_inside_span(timeline, x, y) ? DRAG_INSIDE : DRAG_LANE;
  }
}

static void
draw_to(SacTimeline *timeline, gint64 time, GdkModifierType state)
{
  timeline->snapped_us = catch_at(timeline, time, state);
  time = timeline->snapped_us >= 0 ? timeline->snapped_us : time;
  sac_timeline_set_span(timeline, MIN(time, timeline->drag_anchor_us), MAX(time, timeline->drag_anchor_us));
  sac_timeline_emit_span_edited(timeline, timeline->drag == DRAG_SPAN, FALSE);
}

static void
move_to(SacTimeline *timeline, gint64 by_us, GdkModifierType state)
{
  gint64 length = timeline->drag_to_us - timeline->drag_from_us;
  gint64 from = CLAMP(timeline->drag_from_us + by_us, 0, timeline->duration_us - length);
  gint64 at_from = catch_at(timeline, from, state), at_to = catch_at(timeline, from + length, state);
  gboolean by_end = at_to >= length && (at_from < 0 || ABS(at_to - from - length) < ABS(at_from - from));
  timeline->snapped_us = by_end ? at_to : at_from;
  if (by_end) {
    from = at_to - length;
  } else if (at_from >= 0 && at_from + length <= timeline->duration_us) {
    from = at_from;
  }
  sac_timeline_set_span(timeline, from, from + length);
  sac_timeline_emit_span_edited(timeline, FALSE, FALSE);
}

static void
on_drag_update(GtkGestureDrag *gesture, double offset_x, double offset_y, SacTimeline *timeline)
{
  GdkModifierType state = state_of(gesture);
  double x = timeline->drag_x + offset_x, y = timeline->drag_y + offset_y;
  gint64 time = sac_timeline_time(timeline, x);
  gboolean is_far = hypot(offset_x, offset_y) >= CLICK_REACH;

  if ((timeline->drag == DRAG_LANE || timeline->drag == DRAG_INSIDE) && is_far) {
    if (state & (GDK_CONTROL_MASK | GDK_SHIFT_MASK)) {
      timeline->drag = DRAG_BAND;
    } else if (timeline->drag == DRAG_INSIDE) {
      timeline->drag = DRAG_MOVE;
    } else {
      gint64 caught = catch_at(timeline, timeline->drag_anchor_us, state);
      timeline->drag_anchor_us = caught >= 0 ? caught : timeline->drag_anchor_us;
      timeline->drag = DRAG_SPAN;
    }
  }
  switch ((SacTimelineDrag)timeline->drag) {
  case DRAG_SCRUB:
    sac_timeline_emit_seek(timeline, time, TRUE);
    break;
  case DRAG_SPAN:
  case DRAG_EDGE:
    draw_to(timeline, time, state);
    break;
  case DRAG_MOVE:
    move_to(timeline, (gint64)(offset_x * sac_timeline_us_per_pixel(timeline)), state);
    break;
  case DRAG_BAND:
    timeline->band = GRAPHENE_RECT_INIT((float)MIN(timeline->drag_x, x), (float)MIN(timeline->drag_y, y),
                                        (float)fabs(offset_x), (float)fabs(offset_y));
    gtk_widget_queue_draw(GTK_WIDGET(timeline));
    break;
  default:
    break;
  }
}

static void
click(SacTimeline *timeline, double x, double y, GdkModifierType state)
{
  SacTimelineRow row;
  int index;
  if (!sac_timeline_moment_at(timeline, x, y, &row, &index)) {
    if (!(state & (GDK_CONTROL_MASK | GDK_SHIFT_MASK))) {
      sac_timeline_clear_selected(timeline);
      sac_timeline_emit_seek(timeline, sac_timeline_time(timeline, x), FALSE);
    }
    return;
  }
  if (state & GDK_SHIFT_MASK) {
    sac_timeline_select(timeline, row, index, SAC_SELECT_RANGE);
  } else if (state & GDK_CONTROL_MASK) {
    sac_timeline_select(timeline, row, index, SAC_SELECT_TOGGLE);
  } else {
    sac_timeline_select(timeline, row, index, SAC_SELECT_ONE);
    sac_timeline_emit_moment_chosen(timeline, sac_lane_get(timeline->lanes[row], (guint)index));
  }
}

static void
on_drag_end(GtkGestureDrag *gesture, double offset_x, double offset_y, SacTimeline *timeline)
{
  SacTimelineDrag drag = timeline->drag;
  timeline->drag = DRAG_NONE;
  timeline->snapped_us = -1;
  gtk_widget_queue_draw(GTK_WIDGET(timeline));
  switch (drag) {
  case DRAG_SCRUB:
    sac_timeline_emit_seek(timeline, sac_timeline_time(timeline, timeline->drag_x + offset_x), FALSE);
    break;
  case DRAG_LANE:
  case DRAG_INSIDE:
    click(timeline, timeline->drag_x, timeline->drag_y, state_of(gesture));
    break;
  case DRAG_SPAN:
    sac_timeline_emit_span_edited(timeline, TRUE, TRUE);
    break;
  case DRAG_EDGE:
  case DRAG_MOVE:
    if (timeline->span_from_us != timeline->drag_from_us || timeline->span_to_us != timeline->drag_to_us) {
      sac_timeline_emit_span_edited(timeline, FALSE, TRUE);
    }
    break;
  case DRAG_BAND:
    sac_timeline_select_in(timeline, &timeline->band);
    timeline->band = GRAPHENE_RECT_INIT(0, 0, 0, 0);
    break;
  case DRAG_NONE:
    break;
  }
}

/* --- the menu -------------------------------------------------------------------------------------------------------------------- */

static void
append(GMenu *menu, const char *label, const char *action)
{
  g_menu_append(menu, label, action);
}

static GMenuModel *
make_menu(gboolean has_selection)
{
  GMenu *menu = g_menu_new();
  g_autoptr(GMenu) moments = g_menu_new();
  g_autoptr(GMenu) span = g_menu_new();
  g_autoptr(GMenu) view = g_menu_new();
  if (has_selection) {
    append(moments, _("Play"), "win.play-moment");
    append(moments, _("Mark"), "win.mark-moment");
    append(moments, _("Keep as Tag"), "win.keep-moments");
    append(moments, _("Export…"), "win.export-moment");
    append(moments, _("Copy Times"), "win.copy-times");
    append(moments, _("Delete"), "win.delete-moments");
    g_menu_append_section(menu, NULL, G_MENU_MODEL(moments));
  }
  append(span, _("Mark In"), "win.mark-in");
  append(span, _("Mark Out"), "win.mark-out");
  append(span, _("Tag the Span…"), "win.tag");
  if (!has_selection) {
    append(span, _("Export the Span…"), "win.export");
    append(span, _("Copy Times"), "win.copy-times");
  }
  append(span, _("Clear the Marks"), "win.clear-marks");
  g_menu_append_section(menu, NULL, G_MENU_MODEL(span));
  append(view, _("Undo"), "win.undo");
  append(view, _("Redo"), "win.redo");
  g_menu_append_section(menu, NULL, G_MENU_MODEL(view));
  return G_MENU_MODEL(menu);
}

static void
on_menu_closed(GtkPopover *popover, SacTimeline *timeline)
{
  gtk_widget_queue_draw(GTK_WIDGET(timeline));
}

void
sac_timeline_show_menu(SacTimeline *timeline, double x, double y)
{
  g_autoptr(GMenuModel) model = make_menu(g_hash_table_size(timeline->selected) > 0);
  gtk_popover_popdown(GTK_POPOVER(timeline->hover_popover));
  if (!timeline->menu) {
    timeline->menu = gtk_popover_menu_new_from_model(model);
    gtk_popover_set_has_arrow(GTK_POPOVER(timeline->menu), FALSE);
    gtk_widget_set_halign(timeline->menu, GTK_ALIGN_START);
    gtk_accessible_update_property(GTK_ACCESSIBLE(timeline->menu), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Moments"), -1);
    gtk_widget_set_parent(timeline->menu, GTK_WIDGET(timeline));
    g_signal_connect(timeline->menu, "closed", G_CALLBACK(on_menu_closed), timeline);
  } else {
    gtk_popover_menu_set_menu_model(GTK_POPOVER_MENU(timeline->menu), model);
  }
  gtk_popover_set_pointing_to(GTK_POPOVER(timeline->menu), &(GdkRectangle){ (int)x, (int)y, 1, 1 });
  gtk_popover_popup(GTK_POPOVER(timeline->menu));
}

static void
show_menu_at(SacTimeline *timeline, double x, double y)
{
  SacTimelineRow row;
  int index;
  if (timeline->duration_us <= 0) {
    return;
  }
  if (!sac_timeline_moment_at(timeline, x, y, &row, &index)) {
    sac_timeline_clear_selected(timeline);
  } else if (!sac_timeline_is_selected(timeline, sac_lane_get(timeline->lanes[row], (guint)index))) {
    sac_timeline_select(timeline, row, index, SAC_SELECT_ONE);
  }
  sac_timeline_show_menu(timeline, x, y);
}

static void
on_secondary(GtkGestureClick *gesture, int n_press, double x, double y, SacTimeline *timeline)
{
  gtk_gesture_set_state(GTK_GESTURE(gesture), GTK_EVENT_SEQUENCE_CLAIMED);
  show_menu_at(timeline, x, y);
}

static void
on_long_press(GtkGestureLongPress *gesture, double x, double y, SacTimeline *timeline)
{
  gtk_gesture_set_state(GTK_GESTURE(gesture), GTK_EVENT_SEQUENCE_CLAIMED);
  show_menu_at(timeline, x, y);
}

/* --- scrolling and zooming -------------------------------------------------------------------------------------------------------- */

static gboolean
on_scroll(GtkEventControllerScroll *controller, double dx, double dy, SacTimeline *timeline)
{
  if (timeline->duration_us <= 0) {
    return FALSE;
  }
  if (state_of(controller) & GDK_CONTROL_MASK) {
    sac_timeline_zoom_about(timeline, pow(1.25, -dy), sac_timeline_time(timeline, timeline->pointer_x));
  } else {
    double step = timeline->view_length_us / 12;
    sac_timeline_move_view(timeline, (double)timeline->view_start_us + (dx + dy) * step, timeline->view_length_us);
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
    sac_timeline_zoom_about(timeline, timeline->view_length_us / (timeline->pinch_length_us / scale),
                            timeline->pinch_time_us);
  }
}

/* --- hovering ----------------------------------------------------------------------------------------------------------------------- */

static void
show_words(SacTimeline *timeline, double x, double y)
{
  SacTimelineRow row;
  int index;
  const char *words = NULL;
  if (sac_timeline_moment_at(timeline, x, y, &row, &index)) {
    const SacMoment *moment = sac_lane_get(timeline->lanes[row], (guint)index);
    words = moment->label && *moment->label ? moment->label : moment->text;
  }
  gtk_label_set_text(GTK_LABEL(timeline->hover_words), words ? words : "");
  gtk_widget_set_visible(timeline->hover_words, words && *words);
}

static void
show_hover(SacTimeline *timeline, double x, double y)
{
  SacTimelineRow row = sac_timeline_row_at(timeline, y);
  timeline->hover_us = sac_timeline_time(timeline, x);
  g_autofree char *time = sac_time_format(timeline->hover_us);
  gtk_label_set_text(GTK_LABEL(timeline->hover_label), time);
  gtk_widget_set_visible(timeline->hover_picture, timeline->strip != NULL);
  if (timeline->strip) {
    GdkTexture *texture = sac_film_strip_get_nearest(timeline->strip, timeline->hover_us);
    gtk_picture_set_paintable(GTK_PICTURE(timeline->hover_picture), GDK_PAINTABLE(texture));
  }
  show_words(timeline, x, y);
  gtk_popover_set_pointing_to(GTK_POPOVER(timeline->hover_popover), &(GdkRectangle){ (int)x, 0, 1, 1 });
  gboolean has_menu = timeline->menu && gtk_widget_get_visible(timeline->menu);
  if (timeline->drag == DRAG_NONE && row < SAC_N_ROWS && !has_menu) {
    gtk_popover_popup(GTK_POPOVER(timeline->hover_popover));
  } else {
    gtk_popover_popdown(GTK_POPOVER(timeline->hover_popover));
  }
  gtk_widget_queue_draw(GTK_WIDGET(timeline));
}

static const char *
cursor_at(SacTimeline *timeline, double x, double y)
{
  if (timeline->drag == DRAG_MOVE) {
    return "grabbing";
  }
  if (timeline->drag == DRAG_EDGE || timeline->drag == DRAG_SPAN || opposite_edge(timeline, x, y) >= 0) {
    return "col-resize";
  }
  return is_inside_span(timeline, x, y) ? "grab" : NULL;
}

static void
on_motion(GtkEventControllerMotion *controller, double x, double y, SacTimeline *timeline)
{
  timeline->pointer_x = x;
  gtk_widget_set_cursor_from_name(GTK_WIDGET(timeline), cursor_at(timeline, x, y));
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
add_hover_popover(SacTimeline *timeline)
{
  GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 4);
  timeline->hover_picture = gtk_picture_new();
  gtk_widget_set_size_request(timeline->hover_picture, SAC_FILM_HEIGHT * 16 / 9, SAC_FILM_HEIGHT);
  gtk_picture_set_content_fit(GTK_PICTURE(timeline->hover_picture), GTK_CONTENT_FIT_CONTAIN);
  timeline->hover_label = gtk_label_new(NULL);
  gtk_widget_add_css_class(timeline->hover_label, "numeric");
  gtk_widget_add_css_class(timeline->hover_label, "caption");
  timeline->hover_words = gtk_label_new(NULL);
  gtk_widget_add_css_class(timeline->hover_words, "caption");
  gtk_label_set_ellipsize(GTK_LABEL(timeline->hover_words), PANGO_ELLIPSIZE_END);
  gtk_label_set_max_width_chars(GTK_LABEL(timeline->hover_words), 28);
  gtk_box_append(GTK_BOX(box), timeline->hover_picture);
  gtk_box_append(GTK_BOX(box), timeline->hover_label);
  gtk_box_append(GTK_BOX(box), timeline->hover_words);
  timeline->hover_popover = gtk_popover_new();
  gtk_widget_add_css_class(timeline->hover_popover, "hover-frame");
  gtk_popover_set_child(GTK_POPOVER(timeline->hover_popover), box);
  gtk_popover_set_autohide(GTK_POPOVER(timeline->hover_popover), FALSE);
  gtk_popover_set_position(GTK_POPOVER(timeline->hover_popover), GTK_POS_TOP);
  gtk_widget_set_can_target(timeline->hover_popover, FALSE);
  gtk_widget_set_can_focus(timeline->hover_popover, FALSE);
  gtk_widget_set_parent(timeline->hover_popover, GTK_WIDGET(timeline));
}

void
sac_timeline_pointer_init(SacTimeline *timeline)
{
  GtkWidget *widget = GTK_WIDGET(timeline);
  timeline->hover_us = timeline->snapped_us = -1;

  GtkGesture *drag = gtk_gesture_drag_new();
  g_signal_connect(drag, "drag-begin", G_CALLBACK(on_drag_begin), timeline);
  g_signal_connect(drag, "drag-update", G_CALLBACK(on_drag_update), timeline);
  g_signal_connect(drag, "drag-end", G_CALLBACK(on_drag_end), timeline);
  gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(drag));

  GtkGesture *secondary = gtk_gesture_click_new();
  gtk_gesture_single_set_button(GTK_GESTURE_SINGLE(secondary), GDK_BUTTON_SECONDARY);
  g_signal_connect(secondary, "pressed", G_CALLBACK(on_secondary), timeline);
  gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(secondary));

  GtkGesture *press = gtk_gesture_long_press_new();
  gtk_gesture_single_set_touch_only(GTK_GESTURE_SINGLE(press), TRUE);
  g_signal_connect(press, "pressed", G_CALLBACK(on_long_press), timeline);
  gtk_widget_add_controller(widget, GTK_EVENT_CONTROLLER(press));

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
  add_hover_popover(timeline);
}
