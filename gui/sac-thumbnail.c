/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-thumbnail.h"

#include "gui/sac-texture.h"

struct _SacThumbnail {
  GtkWidget parent_instance;
  GdkTexture *texture;
  GdkTexture *moving; /* what plays in it; NULL: nothing */
  GCancellable *cancellable;
  char *path;
  gint64 time_us;
  int width;
};

enum { PROP_0, PROP_WIDTH, N_PROPERTIES };

G_DEFINE_FINAL_TYPE(SacThumbnail, sac_thumbnail, GTK_TYPE_WIDGET)

static void
forget(SacThumbnail *thumbnail)
{
  g_cancellable_cancel(thumbnail->cancellable);
  g_clear_object(&thumbnail->cancellable);
  g_clear_object(&thumbnail->texture);
  g_clear_object(&thumbnail->moving);
  g_clear_pointer(&thumbnail->path, g_free);
}

typedef struct {
  SacThumbnail *thumbnail;
  GCancellable *cancellable;
} Request;

static void
on_picture(GObject *source, GAsyncResult *result, gpointer data)
{
  Request *request = data;
  g_autoptr(SacFrame) frame = sac_thumbnailer_get_finish(SAC_THUMBNAILER(source), result, NULL);
  if (frame && !g_cancellable_is_cancelled(request->cancellable)) {
    g_clear_object(&request->thumbnail->texture);
    request->thumbnail->texture = sac_texture_new_from_frame(frame);
    gtk_widget_queue_draw(GTK_WIDGET(request->thumbnail));
  }
  g_object_unref(request->thumbnail);
  g_object_unref(request->cancellable);
  g_free(request);
}

void
sac_thumbnail_show(SacThumbnail *thumbnail, SacThumbnailer *thumbnailer, const char *path, gint64 time_us)
{
  if (thumbnail->path && g_strcmp0(thumbnail->path, path) == 0 && thumbnail->time_us == time_us) {
    return;
  }
  forget(thumbnail);
  gtk_widget_queue_draw(GTK_WIDGET(thumbnail));
  if (!path || !thumbnailer) {
    return;
  }
  thumbnail->path = g_strdup(path);
  thumbnail->time_us = time_us;
  thumbnail->cancellable = g_cancellable_new();
  Request *request = g_new0(Request, 1);
  request->thumbnail = g_object_ref(thumbnail);
  request->cancellable = g_object_ref(thumbnail->cancellable);
  int height = thumbnail->width * 9 / 16 * gtk_widget_get_scale_factor(GTK_WIDGET(thumbnail));
  sac_thumbnailer_get_async(thumbnailer, path, time_us, height, thumbnail->cancellable, on_picture, request);
}

void
sac_thumbnail_give_up(SacThumbnail *thumbnail)
{
  if (!thumbnail->texture) {
    forget(thumbnail);
  }
}

void
sac_thumbnail_show_frame(SacThumbnail *thumbnail, SacFrame *frame)
{
  g_clear_object(&thumbnail->moving);
  thumbnail->moving = frame ? sac_texture_new_from_frame(frame) : NULL;
  gtk_widget_queue_draw(GTK_WIDGET(thumbnail));
}

static GtkSizeRequestMode
sac_thumbnail_get_request_mode(GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static void
sac_thumbnail_measure(GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
                      int *minimum_baseline, int *natural_baseline)
{
  int width = SAC_THUMBNAIL(widget)->width;
  if (orientation == GTK_ORIENTATION_HORIZONTAL) {
    *minimum = *natural = width;
  } else {
    *minimum = *natural = MAX(width, for_size) * 9 / 16;
  }
}

static void
sac_thumbnail_snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
  SacThumbnail *thumbnail = SAC_THUMBNAIL(widget);
  float width = (float)gtk_widget_get_width(widget), height = (float)gtk_widget_get_height(widget);
  GdkTexture *texture = thumbnail->moving ? thumbnail->moving : thumbnail->texture;
  if (!texture) {
    return;
  }
  float picture_width = (float)gdk_texture_get_width(texture);
  float picture_height = (float)gdk_texture_get_height(texture);
  float scale = MAX(width / picture_width, height / picture_height);
  picture_width *= scale;
  picture_height *= scale;
  GskRoundedRect outline;
  gsk_rounded_rect_init_from_rect(&outline, &GRAPHENE_RECT_INIT(0, 0, width, height), 6);
  gtk_snapshot_push_rounded_clip(snapshot, &outline);
  gtk_snapshot_append_texture(
      snapshot, texture,
      &GRAPHENE_RECT_INIT((width - picture_width) / 2, (height - picture_height) / 2, picture_width, picture_height));
  gtk_snapshot_pop(snapshot);
}

static void
sac_thumbnail_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  SAC_THUMBNAIL(object)->width = g_value_get_int(value);
  gtk_widget_queue_resize(GTK_WIDGET(object));
}

static void
sac_thumbnail_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  g_value_set_int(value, SAC_THUMBNAIL(object)->width);
}

static void
sac_thumbnail_dispose(GObject *object)
{
  forget(SAC_THUMBNAIL(object));
  G_OBJECT_CLASS(sac_thumbnail_parent_class)->dispose(object);
}

static void
sac_thumbnail_class_init(SacThumbnailClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS(class);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  object_class->set_property = sac_thumbnail_set_property;
  object_class->get_property = sac_thumbnail_get_property;
  object_class->dispose = sac_thumbnail_dispose;
  widget_class->get_request_mode = sac_thumbnail_get_request_mode;
  widget_class->measure = sac_thumbnail_measure;
  widget_class->snapshot = sac_thumbnail_snapshot;
  gtk_widget_class_set_css_name(widget_class, "thumbnail");
  gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_IMG);
  g_object_class_install_property(
      object_class, PROP_WIDTH,
      g_param_spec_int("width", NULL, NULL, 16, 1024, 112, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
}

static void
sac_thumbnail_init(SacThumbnail *thumbnail)
{
  thumbnail->width = 112;
}
