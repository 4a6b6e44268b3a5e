/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>

#include "core/sac-time.h"
#include "gui/sac-timeline-lane.h"
#include "gui/sac-timeline-private.h"

/* Which moments are selected, which has the focus, and what keys do with them. A moment is known by its id, so that it stays what it is when
 * the lanes are made anew. */

#define DESCRIBE_DELAY_MS 150

char *
sac_timeline_describe(const SacMoment *moment)
{
  static const struct {
    const char *kind, *name;
  } kinds[] = {
    { SAC_KIND_VISUAL, N_("Seen") }, { SAC_KIND_LABEL, N_("Seen") }, { SAC_KIND_TEXT, N_("Written") },
    { SAC_KIND_SPEECH, N_("Said") }, { SAC_KIND_SHOT, N_("Shot") },  { SAC_KIND_TAG, N_("Tag") },
  };
  const char *name = moment->kind, *words = moment->label && *moment->label ? moment->label : moment->text;
  for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
    if (strcmp(moment->kind, kinds[i].kind) == 0) {
      name = _(kinds[i].name);
    }
  }
  g_autofree char *from = sac_time_format(moment->start_us), *to = sac_time_format(moment->end_us);
  if (words && *words) {
    /* Translators: a moment as it is read out: its kind, its words, from when to when. */
    return g_strdup_printf(_("%s: %s, %s to %s"), name, words, from, to);
  }
  return g_strdup_printf(_("%s, %s to %s"), name, from, to);
}

gboolean
sac_timeline_moment_at(SacTimeline *timeline, double x, double y, SacTimelineRow *row, int *index)
{
  *row = sac_timeline_row_at(timeline, y);
  if (*row >= SAC_N_ROWS || !timeline->lanes[*row]) {
    return FALSE;
  }
  gint64 slack = (gint64)(3 * sac_timeline_us_per_pixel(timeline));
  for (guint lane_row = 0; lane_row < MIN(timeline->lane_rows[*row], SAC_LANE_ROWS); lane_row++) {
    int height, top = sac_timeline_lane_row_y(timeline, *row, lane_row, &height);
    if (y >= top && y <= top + height) {
      *index = sac_lane_find(timeline->lanes[*row], lane_row, sac_timeline_time(timeline, x), slack);
      return *index >= 0;
    }
  }
  return FALSE;
}

/* --- selecting -------------------------------------------------------------------------------------------------------------------- */

gboolean
sac_timeline_is_selected(SacTimeline *timeline, const SacMoment *moment)
{
  return moment->id && g_hash_table_contains(timeline->selected, moment->id);
}

static void
add(SacTimeline *timeline, const SacMoment *moment)
{
  if (moment->id) {
    g_hash_table_add(timeline->selected, g_strdup(moment->id));
  }
}

void
sac_timeline_select(SacTimeline *timeline, SacTimelineRow row, int index, SacTimelineSelect how)
{
  const SacLane *lane = timeline->lanes[row];
  const SacMoment *moment = sac_lane_get(lane, (guint)index);
  if (how == SAC_SELECT_RANGE && timeline->anchor_row == row && timeline->anchor >= 0 &&
      timeline->anchor < (int)sac_lane_length(lane)) {
    g_hash_table_remove_all(timeline->selected);
    for (int i = MIN(timeline->anchor, index); i <= MAX(timeline->anchor, index); i++) {
      add(timeline, sac_lane_get(lane, (guint)i));
    }
  } else {
    if (how == SAC_SELECT_ONE || how == SAC_SELECT_RANGE) {
      g_hash_table_remove_all(timeline->selected);
    }
    if (how == SAC_SELECT_TOGGLE && sac_timeline_is_selected(timeline, moment)) {
      g_hash_table_remove(timeline->selected, moment->id);
    } else {
      add(timeline, moment);
    }
    timeline->anchor_row = row;
    timeline->anchor = index;
  }
  for (SacTimelineRow other = SAC_FIRST_LANE; other <= SAC_LAST_LANE; other++) {
    sac_timeline_lane_update_selected(SAC_TIMELINE_LANE(timeline->lane_widgets[other]));
  }
  sac_timeline_emit_selection_changed(timeline);
}

void
sac_timeline_select_in(SacTimeline *timeline, const graphene_rect_t *area)
{
  gint64 from = sac_timeline_time(timeline, area->origin.x);
  gint64 to = sac_timeline_time(timeline, area->origin.x + area->size.width);
  for (SacTimelineRow row = SAC_FIRST_LANE; row <= SAC_LAST_LANE; row++) {
    const SacLane *lane = timeline->lanes[row];
    guint end = lane ? sac_lane_find_start(lane, to) : 0;
    /* One that began long before may reach into the area. */
    for (guint i = 0; i < end; i++) {
      const SacMoment *moment = sac_lane_get(lane, i);
      guint lane_row = MIN(sac_lane_get_row(lane, i), MAX(timeline->lane_rows[row], 1) - 1);
      int height, top = sac_timeline_lane_row_y(timeline, row, lane_row, &height);
      if (moment->end_us > from && timeline->row_heights[row] > 0 && area->origin.y < (float)(top + height) &&
          area->origin.y + area->size.height > (float)top) {
        add(timeline, moment);
      }
    }
    sac_timeline_lane_update_selected(SAC_TIMELINE_LANE(timeline->lane_widgets[row]));
  }
  sac_timeline_emit_selection_changed(timeline);
}

static int
compare_starts(gconstpointer a, gconstpointer b)
{
  const SacMoment *first = *(const SacMoment *const *)a, *second = *(const SacMoment *const *)b;
  return (first->start_us > second->start_us) - (first->start_us < second->start_us);
}

GPtrArray *
sac_timeline_get_selected(SacTimeline *timeline)
{
  GPtrArray *selected = g_ptr_array_new_with_free_func((GDestroyNotify)sac_moment_free);
  for (SacTimelineRow row = SAC_FIRST_LANE; row <= SAC_LAST_LANE; row++) {
    const SacLane *lane = timeline->lanes[row];
    for (guint i = 0; lane && g_hash_table_size(timeline->selected) > 0 && i < sac_lane_length(lane); i++) {
      const SacMoment *moment = sac_lane_get(lane, i);
      if (sac_timeline_is_selected(timeline, moment)) {
        g_ptr_array_add(selected, sac_moment_copy(moment));
      }
    }
  }
  g_ptr_array_sort(selected, compare_starts);
  return selected;
}

void
sac_timeline_clear_selected(SacTimeline *timeline)
{
  timeline->anchor = -1;
  if (g_hash_table_size(timeline->selected) > 0) {
    g_hash_table_remove_all(timeline->selected);
    for (SacTimelineRow row = SAC_FIRST_LANE; row <= SAC_LAST_LANE; row++) {
      sac_timeline_lane_update_selected(SAC_TIMELINE_LANE(timeline->lane_widgets[row]));
    }
    sac_timeline_emit_selection_changed(timeline);
  }
}

static void
forget_gone(SacTimeline *timeline)
{
  g_autoptr(GHashTable) there = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  if (g_hash_table_size(timeline->selected) == 0) {
    return;
  }
  for (SacTimelineRow row = SAC_FIRST_LANE; row <= SAC_LAST_LANE; row++) {
    const SacLane *lane = timeline->lanes[row];
    for (guint i = 0; lane && i < sac_lane_length(lane); i++) {
      const SacMoment *moment = sac_lane_get(lane, i);
      if (sac_timeline_is_selected(timeline, moment)) {
        g_hash_table_add(there, g_strdup(moment->id));
      }
    }
  }
  gboolean any_gone = g_hash_table_size(there) != g_hash_table_size(timeline->selected);
  g_hash_table_unref(timeline->selected);
  timeline->selected = g_steal_pointer(&there);
  if (any_gone) {
    sac_timeline_emit_selection_changed(timeline);
  }
}

/* --- focus ------------------------------------------------------------------------------------------------------------------------- */

gboolean
sac_timeline_get_focused(SacTimeline *timeline, SacTimelineRow *row, int *index)
{
  GtkRoot *root = gtk_widget_get_root(GTK_WIDGET(timeline));
  if (!root || !GTK_IS_WINDOW(root) || !gtk_window_get_focus_visible(GTK_WINDOW(root))) {
    return FALSE;
  }
  for (*row = SAC_FIRST_LANE; *row <= SAC_LAST_LANE; (*row)++) {
    *index = sac_timeline_lane_get_focused(SAC_TIMELINE_LANE(timeline->lane_widgets[*row]));
    if (*index >= 0 && timeline->row_heights[*row] > 0) {
      return TRUE;
    }
  }
  return FALSE;
}

static void
show_moment(SacTimeline *timeline, const SacMoment *moment)
{
  gint64 end = sac_timeline_view_end(timeline);
  if (moment->start_us < timeline->view_start_us || moment->start_us >= end) {
    sac_timeline_move_view(timeline, (double)moment->start_us - timeline->view_length_us * 0.3,
                           timeline->view_length_us);
  }
}

static void
focus_moment(SacTimeline *timeline, SacTimelineRow row, int index, GdkModifierType state)
{
  const SacLane *lane = timeline->lanes[row];
  index = CLAMP(index, 0, (int)sac_lane_length(lane) - 1);
  show_moment(timeline, sac_lane_get(lane, (guint)index));
  sac_timeline_lane_focus(SAC_TIMELINE_LANE(timeline->lane_widgets[row]), index);
  if (!(state & GDK_CONTROL_MASK)) {
    sac_timeline_select(timeline, row, index, state & GDK_SHIFT_MASK ? SAC_SELECT_RANGE : SAC_SELECT_ONE);
  }
}

/* To the lane above or below, to the moment that is there or starts next; above the first is the ruler. */
static void
focus_lane(SacTimeline *timeline, SacTimelineRow from, int direction, gint64 time_us)
{
  for (int row = (int)from + direction; row <= SAC_LAST_LANE; row += direction) {
    if (row < SAC_FIRST_LANE) {
      gtk_widget_grab_focus(timeline->slider);
      return;
    }
    const SacLane *lane = timeline->lanes[row];
    if (sac_lane_length(lane) > 0) {
      focus_moment(timeline, (SacTimelineRow)row, (int)sac_lane_find_start(lane, time_us), 0);
      return;
    }
  }
}

static gboolean
on_lane_key(GtkEventControllerKey *controller, guint value, guint code, GdkModifierType state, SacTimeline *timeline)
{
  GtkWidget *widget = gtk_event_controller_get_widget(GTK_EVENT_CONTROLLER(controller));
  SacTimelineRow row = sac_timeline_lane_get_row(SAC_TIMELINE_LANE(widget));
  int index = sac_timeline_lane_get_focused(SAC_TIMELINE_LANE(widget));
  const SacLane *lane = timeline->lanes[row];
  if (index < 0 || (state & GDK_ALT_MASK)) {
    return FALSE;
  }
  const SacMoment *moment = sac_lane_get(lane, (guint)index);
  switch (value) {
  case GDK_KEY_Left:
  case GDK_KEY_Right:
    focus_moment(timeline, row, index + (value == GDK_KEY_Right ? 1 : -1), state);
    return TRUE;
  case GDK_KEY_Home:
  case GDK_KEY_End:
    focus_moment(timeline, row, value == GDK_KEY_Home ? 0 : G_MAXINT, state);
    return TRUE;
  case GDK_KEY_Up:
  case GDK_KEY_Down:
    focus_lane(timeline, row, value == GDK_KEY_Down ? 1 : -1, moment->start_us);
    return TRUE;
  case GDK_KEY_Return:
  case GDK_KEY_KP_Enter:
    sac_timeline_emit_moment_chosen(timeline, moment);
    return TRUE;
  case GDK_KEY_space:
    if (!(state & GDK_CONTROL_MASK)) {
      return FALSE; /* it plays */
    }
    sac_timeline_select(timeline, row, index, SAC_SELECT_TOGGLE);
    return TRUE;
  case GDK_KEY_a:
    if (!(state & GDK_CONTROL_MASK)) {
      return FALSE;
    }
    timeline->anchor_row = row;
    timeline->anchor = 0;
    sac_timeline_select(timeline, row, (int)sac_lane_length(lane) - 1, SAC_SELECT_RANGE);
    return TRUE;
  case GDK_KEY_Delete:
    gtk_widget_activate_action(GTK_WIDGET(timeline), "win.delete-moments", NULL);
    return TRUE;
  case GDK_KEY_Menu:
  case GDK_KEY_F10: {
    int height;
    if (value == GDK_KEY_F10 && !(state & GDK_SHIFT_MASK)) {
      return FALSE;
    }
    if (!sac_timeline_is_selected(timeline, moment)) {
      sac_timeline_select(timeline, row, index, SAC_SELECT_ONE);
    }
    sac_timeline_show_menu(timeline, MAX(sac_timeline_x(timeline, moment->start_us), timeline->gutter) + 6,
                           sac_timeline_lane_row_y(timeline, row, 0, &height) + height);
    return TRUE;
  }
  case GDK_KEY_Escape:
    sac_timeline_clear_selected(timeline);
    gtk_widget_grab_focus(timeline->slider);
    return TRUE;
  default:
    return FALSE;
  }
}

/* --- what is read out ---------------------------------------------------------------------------------------------------------------- */

static gboolean
describe(gpointer data)
{
  SacTimeline *timeline = data;
  timeline->describe_source = 0;
  for (SacTimelineRow row = SAC_FIRST_LANE; row <= SAC_LAST_LANE; row++) {
    sac_timeline_lane_describe(SAC_TIMELINE_LANE(timeline->lane_widgets[row]));
  }
  return G_SOURCE_REMOVE;
}

void
sac_timeline_moments_view_changed(SacTimeline *timeline)
{
  if (timeline->describe_source == 0) {
    timeline->describe_source = g_timeout_add(DESCRIBE_DELAY_MS, describe, timeline);
  }
}

void
sac_timeline_moments_changed(SacTimeline *timeline)
{
  timeline->anchor = -1;
  for (SacTimelineRow row = SAC_FIRST_LANE; row <= SAC_LAST_LANE; row++) {
    sac_timeline_lane_refresh(SAC_TIMELINE_LANE(timeline->lane_widgets[row]));
  }
  forget_gone(timeline);
  sac_timeline_moments_view_changed(timeline);
}

void
sac_timeline_moments_allocate(SacTimeline *timeline, int width)
{
  for (SacTimelineRow row = SAC_FIRST_LANE; row <= SAC_LAST_LANE; row++) {
    gtk_widget_size_allocate(
        timeline->lane_widgets[row],
        &(GtkAllocation){ 0, sac_timeline_row_y(timeline, row), width, MAX(timeline->row_heights[row], 1) }, -1);
  }
}

void
sac_timeline_moments_init(SacTimeline *timeline)
{
  timeline->selected = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  timeline->anchor = -1;
  for (SacTimelineRow row = SAC_FIRST_LANE; row <= SAC_LAST_LANE; row++) {
    GtkWidget *lane = sac_timeline_lane_new(timeline, row);
    GtkEventController *keys = gtk_event_controller_key_new();
    g_signal_connect(keys, "key-pressed", G_CALLBACK(on_lane_key), timeline);
    gtk_widget_add_controller(lane, keys);
    gtk_widget_set_parent(lane, GTK_WIDGET(timeline));
    timeline->lane_widgets[row] = lane;
  }
}

void
sac_timeline_moments_dispose(SacTimeline *timeline)
{
  g_clear_handle_id(&timeline->describe_source, g_source_remove);
  for (SacTimelineRow row = SAC_FIRST_LANE; row <= SAC_LAST_LANE; row++) {
    g_clear_pointer(&timeline->lane_widgets[row], gtk_widget_unparent);
  }
}
