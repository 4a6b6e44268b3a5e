/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-workbench.h"

#define NARROW_BELOW 800
#define SIDE_WIDTH 348

enum { CONTENT, SIDE, BAR, TIMELINE, N_PARTS };

struct _SacWorkbench {
  GtkWidget parent_instance;
  GtkWidget *parts[N_PARTS];
  gboolean is_narrow; /* as told */
  gboolean is_overlaid;
  guint idle;
};

enum { PROP_0, PROP_NARROW, N_PROPERTIES };
static GParamSpec *properties[N_PROPERTIES];

static void sac_workbench_buildable_init(GtkBuildableIface *interface);

G_DEFINE_FINAL_TYPE_WITH_CODE(SacWorkbench, sac_workbench, GTK_TYPE_WIDGET,
                              G_IMPLEMENT_INTERFACE(GTK_TYPE_BUILDABLE, sac_workbench_buildable_init))

static gboolean
is_shown(SacWorkbench *workbench, int part)
{
  return workbench->parts[part] && gtk_widget_get_visible(workbench->parts[part]);
}

static int
part_size(SacWorkbench *workbench, int part, GtkOrientation orientation, int for_size)
{
  int minimum = 0, natural = 0;
  if (is_shown(workbench, part)) {
    gtk_widget_measure(workbench->parts[part], orientation, for_size, &minimum, &natural, NULL, NULL);
  }
  return orientation == GTK_ORIENTATION_HORIZONTAL || part == CONTENT || part == SIDE ? minimum : natural;
}

/* The timeline is as high as it likes where that leaves more than half of the room to the others. */
static int
timeline_height(SacWorkbench *workbench, int width, int room)
{
  int minimum = 0, natural = 0;
  if (is_shown(workbench, TIMELINE)) {
    gtk_widget_measure(workbench->parts[TIMELINE], GTK_ORIENTATION_VERTICAL, width, &minimum, &natural, NULL, NULL);
  }
  return CLAMP(natural, minimum, MAX(room * 45 / 100, minimum));
}

static GtkSizeRequestMode
sac_workbench_get_request_mode(GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static void
sac_workbench_measure(GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
                      int *minimum_baseline, int *natural_baseline)
{
  SacWorkbench *workbench = SAC_WORKBENCH(widget);
  *minimum = 0;
  if (orientation == GTK_ORIENTATION_HORIZONTAL) {
    for (int part = 0; part < N_PARTS; part++) {
      *minimum = MAX(*minimum, part_size(workbench, part, orientation, -1));
    }
    *natural = MAX(*minimum, 1000);
    return;
  }
  /* The content and the results give way first: they scroll. */
  *minimum = part_size(workbench, BAR, orientation, for_size) + timeline_height(workbench, for_size, 0) + 90;
  *natural = MAX(*minimum, 640);
}

static gboolean
tell_narrow(gpointer data)
{
  SacWorkbench *workbench = data;
  workbench->idle = 0;
  gboolean is_narrow = gtk_widget_get_width(GTK_WIDGET(workbench)) < NARROW_BELOW;
  if (is_narrow != workbench->is_narrow) {
    workbench->is_narrow = is_narrow;
    g_object_notify_by_pspec(G_OBJECT(workbench), properties[PROP_NARROW]);
  }
  return G_SOURCE_REMOVE;
}

static void
place(SacWorkbench *workbench, int part, int x, int y, int width, int height)
{
  if (is_shown(workbench, part)) {
    gtk_widget_size_allocate(workbench->parts[part], &(GtkAllocation){ x, y, width, MAX(height, 0) }, -1);
  }
}

static void
sac_workbench_size_allocate(GtkWidget *widget, int width, int height, int baseline)
{
  SacWorkbench *workbench = SAC_WORKBENCH(widget);
  gboolean is_narrow = width < NARROW_BELOW;
  int bar = part_size(workbench, BAR, GTK_ORIENTATION_VERTICAL, width);
  int timeline = timeline_height(workbench, width, height - bar);
  int room = MAX(height - (workbench->is_overlaid ? 0 : bar) - timeline, 0);

  if (workbench->is_overlaid) {
    place(workbench, CONTENT, 0, 0, width, room);
    place(workbench, BAR, 0, height - bar, width, bar);
    return;
  }
  if (is_narrow != workbench->is_narrow && workbench->idle == 0) {
    workbench->idle = g_idle_add(tell_narrow, workbench);
  }
  if (!is_narrow) {
    int side = is_shown(workbench, SIDE) ? SIDE_WIDTH : 0;
    gboolean is_mirrored = gtk_widget_get_direction(widget) == GTK_TEXT_DIR_RTL;
    place(workbench, CONTENT, is_mirrored ? side : 0, 0, width - side, room);
    place(workbench, SIDE, is_mirrored ? 0 : width - side, 0, side, room);
    place(workbench, BAR, 0, room, width, bar);
    place(workbench, TIMELINE, 0, room + bar, width, timeline);
    return;
  }
  gboolean has_video = is_shown(workbench, TIMELINE);
  int content = room;
  if (is_shown(workbench, SIDE)) {
    content = has_video ? MIN(width * 9 / 16, room * 55 / 100) : 0;
    content = MAX(content, part_size(workbench, CONTENT, GTK_ORIENTATION_VERTICAL, width));
    content = MIN(content, room);
  }
  place(workbench, CONTENT, 0, 0, width, content);
  place(workbench, BAR, 0, content, width, bar);
  place(workbench, TIMELINE, 0, content + bar, width, timeline);
  place(workbench, SIDE, 0, content + bar + timeline, width, room - content);
}

gboolean
sac_workbench_get_narrow(SacWorkbench *workbench)
{
  return workbench->is_narrow;
}

void
sac_workbench_set_overlaid(SacWorkbench *workbench, gboolean is_overlaid)
{
  workbench->is_overlaid = is_overlaid;
  gtk_widget_queue_resize(GTK_WIDGET(workbench));
}

static void
sac_workbench_add_child(GtkBuildable *buildable, GtkBuilder *builder, GObject *child, const char *type)
{
  static const char *const types[N_PARTS] = { "content", "side", "bar", "timeline" };
  SacWorkbench *workbench = SAC_WORKBENCH(buildable);
  for (int part = 0; part < N_PARTS; part++) {
    if (g_strcmp0(type, types[part]) == 0) {
      workbench->parts[part] = GTK_WIDGET(child);
      gtk_widget_set_parent(GTK_WIDGET(child), GTK_WIDGET(workbench));
      return;
    }
  }
  g_critical("A SacWorkbench has no child of type %s", type ? type : "(none)");
}

static void
sac_workbench_buildable_init(GtkBuildableIface *interface)
{
  interface->add_child = sac_workbench_add_child;
}

static void
sac_workbench_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_boolean(value, SAC_WORKBENCH(object)->is_narrow);
}

static void
sac_workbench_dispose(GObject *object)
{
  SacWorkbench *workbench = SAC_WORKBENCH(object);
  g_clear_handle_id(&workbench->idle, g_source_remove);
  for (int part = 0; part < N_PARTS; part++) {
    g_clear_pointer(&workbench->parts[part], gtk_widget_unparent);
  }
  G_OBJECT_CLASS(sac_workbench_parent_class)->dispose(object);
}

static void
sac_workbench_class_init(SacWorkbenchClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS(class);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  object_class->get_property = sac_workbench_get_property;
  object_class->dispose = sac_workbench_dispose;
  widget_class->get_request_mode = sac_workbench_get_request_mode;
  widget_class->measure = sac_workbench_measure;
  widget_class->size_allocate = sac_workbench_size_allocate;
  properties[PROP_NARROW] =
      g_param_spec_boolean("narrow", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties(object_class, N_PROPERTIES, properties);
}

static void
sac_workbench_init(SacWorkbench *workbench)
{
  gtk_widget_set_overflow(GTK_WIDGET(workbench), GTK_OVERFLOW_HIDDEN);
}
