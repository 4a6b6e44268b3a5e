/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-timeline-lane.h"

#include <glib/gi18n.h>

#define MAX_ITEMS 48
/* So near to the first or last item the items move on with the focus. */
#define MARGIN 2

/* --- one moment ---------------------------------------------------------------------------------------------------------------- */

#define SAC_TYPE_TIMELINE_ITEM (sac_timeline_item_get_type())
G_DECLARE_FINAL_TYPE(SacTimelineItem, sac_timeline_item, SAC, TIMELINE_ITEM, GtkWidget)

struct _SacTimelineItem {
  GtkWidget parent_instance;
  int index; /* of its moment in the lane */
};

struct _SacTimelineLane {
  GtkWidget parent_instance;
  SacTimeline *timeline; /* its parent */
  SacTimelineRow row;
  int first, n_items; /* the moments that have items */
  int current;        /* where the focus is, or comes back to; -1 */
  char *current_id;
};

G_DEFINE_FINAL_TYPE(SacTimelineItem, sac_timeline_item, GTK_TYPE_WIDGET)
G_DEFINE_FINAL_TYPE(SacTimelineLane, sac_timeline_lane, GTK_TYPE_WIDGET)

static void
on_go(GtkWidget *widget, const char *name, GVariant *parameter)
{
  SacTimelineItem *item = SAC_TIMELINE_ITEM(widget);
  SacTimelineLane *lane = SAC_TIMELINE_LANE(gtk_widget_get_parent(widget));
  const SacLane *moments = lane->timeline->lanes[lane->row];
  if (item->index < (int)sac_lane_length(moments)) {
    sac_timeline_emit_moment_chosen(lane->timeline, sac_lane_get(moments, (guint)item->index));
  }
}

static void
sac_timeline_item_class_init(SacTimelineItemClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_LIST_ITEM);
  gtk_widget_class_set_css_name(widget_class, "moment");
  gtk_widget_class_install_action(widget_class, "moment.go", NULL, on_go);
}

static void
sac_timeline_item_init(SacTimelineItem *item)
{
  gtk_widget_set_focusable(GTK_WIDGET(item), TRUE);
}

/* --- the lane --------------------------------------------------------------------------------------------------------------------- */

static const SacLane *
moments_of(SacTimelineLane *lane)
{
  return lane->timeline->lanes[lane->row];
}

static int
count_moments(SacTimelineLane *lane)
{
  return moments_of(lane) ? (int)sac_lane_length(moments_of(lane)) : 0;
}

static gboolean
has_focus(SacTimelineLane *lane)
{
  return gtk_widget_get_focus_child(GTK_WIDGET(lane)) && gtk_widget_get_focus_child(GTK_WIDGET(lane->timeline)) &&
         gtk_widget_has_focus(gtk_widget_get_focus_child(GTK_WIDGET(lane)));
}

static void
set_current(SacTimelineLane *lane, int index)
{
  lane->current = index;
  g_free(lane->current_id);
  lane->current_id = index >= 0 ? g_strdup(sac_lane_get(moments_of(lane), (guint)index)->id) : NULL;
}

static void
update_item(SacTimelineLane *lane, SacTimelineItem *item, int index)
{
  const SacMoment *moment = sac_lane_get(moments_of(lane), (guint)index);
  g_autofree char *words = sac_timeline_describe(moment);
  item->index = index;
  gtk_accessible_update_property(GTK_ACCESSIBLE(item), GTK_ACCESSIBLE_PROPERTY_LABEL, words, -1);
  gtk_accessible_update_relation(GTK_ACCESSIBLE(item), GTK_ACCESSIBLE_RELATION_POS_IN_SET, index + 1,
                                 GTK_ACCESSIBLE_RELATION_SET_SIZE, count_moments(lane), -1);
  gtk_accessible_update_state(GTK_ACCESSIBLE(item), GTK_ACCESSIBLE_STATE_SELECTED,
                              sac_timeline_is_selected(lane->timeline, moment), -1);
}

static void
on_focus_changed(SacTimelineLane *lane)
{
  GtkWidget *child = gtk_widget_get_focus_child(GTK_WIDGET(lane));
  if (child && SAC_TIMELINE_ITEM(child)->index < count_moments(lane)) {
    set_current(lane, SAC_TIMELINE_ITEM(child)->index);
  }
  gtk_widget_queue_draw(GTK_WIDGET(lane->timeline));
}

/* Items for the moments from first on. */
static void
set_items(SacTimelineLane *lane, int first, int n)
{
  n = MIN(n, MAX_ITEMS);
  first = CLAMP(first, 0, MAX(count_moments(lane) - n, 0));
  n = MIN(n, count_moments(lane) - first);
  GtkWidget *child = gtk_widget_get_first_child(GTK_WIDGET(lane));
  for (int i = 0; i < n; i++) {
    if (!child) {
      child = g_object_new(SAC_TYPE_TIMELINE_ITEM, NULL);
      gtk_widget_set_parent(child, GTK_WIDGET(lane));
      g_signal_connect_swapped(child, "notify::has-focus", G_CALLBACK(on_focus_changed), lane);
    }
    update_item(lane, SAC_TIMELINE_ITEM(child), first + i);
    child = gtk_widget_get_next_sibling(child);
  }
  while (child) {
    GtkWidget *next = gtk_widget_get_next_sibling(child);
    gtk_widget_unparent(child);
    child = next;
  }
  lane->first = first;
  lane->n_items = n;
  g_autofree char *words =
      g_strdup_printf(ngettext("%d moment", "%d moments", count_moments(lane)), count_moments(lane));
  gtk_accessible_update_property(GTK_ACCESSIBLE(lane), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, words, -1);
  gtk_widget_set_visible(GTK_WIDGET(lane), count_moments(lane) > 0);
}

static GtkWidget *
item_of(SacTimelineLane *lane, int index)
{
  GtkWidget *child = gtk_widget_get_first_child(GTK_WIDGET(lane));
  for (int i = lane->first; child && i < index; i++) {
    child = gtk_widget_get_next_sibling(child);
  }
  return index >= lane->first ? child : NULL;
}

SacTimelineRow
sac_timeline_lane_get_row(SacTimelineLane *lane)
{
  return lane->row;
}

int
sac_timeline_lane_get_focused(SacTimelineLane *lane)
{
  return has_focus(lane) && lane->current < count_moments(lane) ? lane->current : -1;
}

void
sac_timeline_lane_focus(SacTimelineLane *lane, int index)
{
  gboolean is_near_edge = index < lane->first + MARGIN || index >= lane->first + lane->n_items - MARGIN;
  if (is_near_edge) {
    set_items(lane, index - MAX_ITEMS / 2, MAX_ITEMS);
  }
  set_current(lane, index);
  GtkWidget *item = item_of(lane, index);
  if (item) {
    gtk_widget_queue_allocate(GTK_WIDGET(lane));
    gtk_widget_grab_focus(item);
  }
  gtk_widget_queue_draw(GTK_WIDGET(lane->timeline));
}

void
sac_timeline_lane_refresh(SacTimelineLane *lane)
{
  gboolean had_focus = has_focus(lane);
  int n = count_moments(lane);
  if (lane->current >= 0) {
    int found = n > 0 ? sac_lane_find_id(moments_of(lane), lane->current_id) : -1;
    set_current(lane, found >= 0 ? found : MIN(lane->current, n - 1));
  }
  if (had_focus && n == 0) {
    gtk_widget_grab_focus(lane->timeline->slider);
  }
  set_items(lane, lane->first, MAX(lane->n_items, 1));
  if (had_focus && n > 0) {
    sac_timeline_lane_focus(lane, lane->current);
  }
}

void
sac_timeline_lane_describe(SacTimelineLane *lane)
{
  if (has_focus(lane) || count_moments(lane) == 0) {
    return;
  }
  SacTimeline *timeline = lane->timeline;
  int first = (int)sac_lane_find_start(moments_of(lane), timeline->view_start_us);
  int end = (int)sac_lane_find_start(moments_of(lane), sac_timeline_view_end(timeline));
  set_items(lane, MAX(first - 1, 0), MAX(end - first + 2, 1));
  gtk_widget_queue_allocate(GTK_WIDGET(lane));
}

void
sac_timeline_lane_update_selected(SacTimelineLane *lane)
{
  GtkWidget *child = gtk_widget_get_first_child(GTK_WIDGET(lane));
  for (; child; child = gtk_widget_get_next_sibling(child)) {
    int index = SAC_TIMELINE_ITEM(child)->index;
    if (index < count_moments(lane)) {
      const SacMoment *moment = sac_lane_get(moments_of(lane), (guint)index);
      gtk_accessible_update_state(GTK_ACCESSIBLE(child), GTK_ACCESSIBLE_STATE_SELECTED,
                                  sac_timeline_is_selected(lane->timeline, moment), -1);
    }
  }
}

/* Tab comes to one moment of a lane and leaves it by the next; arrows go from moment to moment. */
static gboolean
sac_timeline_lane_focus_vfunc(GtkWidget *widget, GtkDirectionType direction)
{
  SacTimelineLane *lane = SAC_TIMELINE_LANE(widget);
  if (has_focus(lane) || count_moments(lane) == 0) {
    return FALSE;
  }
  int index = lane->current;
  SacTimeline *timeline = lane->timeline;
  if (index < 0 || index >= count_moments(lane)) {
    index = MIN((int)sac_lane_find_start(moments_of(lane), timeline->view_start_us), count_moments(lane) - 1);
  }
  sac_timeline_lane_focus(lane, index);
  sac_timeline_show_time(timeline, sac_lane_get(moments_of(lane), (guint)index)->start_us);
  return TRUE;
}

static void
sac_timeline_lane_size_allocate(GtkWidget *widget, int width, int height, int baseline)
{
  SacTimelineLane *lane = SAC_TIMELINE_LANE(widget);
  GtkWidget *child = gtk_widget_get_first_child(widget);
  for (; child; child = gtk_widget_get_next_sibling(child)) {
    int index = SAC_TIMELINE_ITEM(child)->index;
    if (index >= count_moments(lane)) {
      continue;
    }
    const SacMoment *moment = sac_lane_get(moments_of(lane), (guint)index);
    double x = CLAMP(sac_timeline_x(lane->timeline, moment->start_us), 0, width - 1);
    double end_x = CLAMP(sac_timeline_x(lane->timeline, moment->end_us), x + 1, width);
    int minimum;
    gtk_widget_measure(child, GTK_ORIENTATION_HORIZONTAL, -1, &minimum, NULL, NULL, NULL);
    gtk_widget_size_allocate(child, &(GtkAllocation){ (int)x, 0, MAX((int)(end_x - x), 1), MAX(height, 1) }, -1);
  }
}

static void
sac_timeline_lane_snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
}

static void
sac_timeline_lane_dispose(GObject *object)
{
  GtkWidget *child;
  while ((child = gtk_widget_get_first_child(GTK_WIDGET(object)))) {
    gtk_widget_unparent(child);
  }
  g_clear_pointer(&SAC_TIMELINE_LANE(object)->current_id, g_free);
  G_OBJECT_CLASS(sac_timeline_lane_parent_class)->dispose(object);
}

static void
sac_timeline_lane_class_init(SacTimelineLaneClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->dispose = sac_timeline_lane_dispose;
  widget_class->focus = sac_timeline_lane_focus_vfunc;
  widget_class->size_allocate = sac_timeline_lane_size_allocate;
  widget_class->snapshot = sac_timeline_lane_snapshot;
  gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_LIST);
  gtk_widget_class_set_css_name(widget_class, "lane");
}

static void
sac_timeline_lane_init(SacTimelineLane *lane)
{
  lane->current = -1;
  gtk_widget_set_can_target(GTK_WIDGET(lane), FALSE);
  gtk_widget_set_visible(GTK_WIDGET(lane), FALSE);
}

GtkWidget *
sac_timeline_lane_new(SacTimeline *timeline, SacTimelineRow row)
{
  SacTimelineLane *lane = g_object_new(SAC_TYPE_TIMELINE_LANE, NULL);
  lane->timeline = timeline;
  lane->row = row;
  gtk_accessible_update_property(GTK_ACCESSIBLE(lane), GTK_ACCESSIBLE_PROPERTY_LABEL, sac_timeline_row_name(row), -1);
  return GTK_WIDGET(lane);
}
