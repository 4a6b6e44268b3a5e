/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-video-view.h"

#include "gui/sac-texture.h"

struct _SacVideoView {
  GtkWidget parent_instance;
  SacPlayer *player;
  GdkTexture *texture;
};

G_DEFINE_FINAL_TYPE(SacVideoView, sac_video_view, GTK_TYPE_WIDGET)

static void
on_frame(SacPlayer *player, SacVideoView *view)
{
  g_autoptr(SacFrame) frame = sac_player_get_frame(player);
  if (frame) {
    g_clear_object(&view->texture);
    view->texture = sac_texture_new_from_frame(frame);
    gtk_widget_queue_draw(GTK_WIDGET(view));
  }
}

void
sac_video_view_set_player(SacVideoView *view, SacPlayer *player)
{
  g_return_if_fail(!view->player);
  view->player = g_object_ref(player);
  g_signal_connect_object(player, "frame", G_CALLBACK(on_frame), view, 0);
}

void
sac_video_view_clear(SacVideoView *view)
{
  g_clear_object(&view->texture);
  gtk_widget_queue_draw(GTK_WIDGET(view));
}

static void
sac_video_view_measure(GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
                       int *minimum_baseline, int *natural_baseline)
{
  *minimum = orientation == GTK_ORIENTATION_HORIZONTAL ? 160 : 90;
  *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? 640 : 360;
}

static void
sac_video_view_size_allocate(GtkWidget *widget, int width, int height, int baseline)
{
  SacVideoView *view = SAC_VIDEO_VIEW(widget);
  int scale = gtk_widget_get_scale_factor(widget);
  if (view->player) {
    sac_player_set_max_size(view->player, width * scale, height * scale);
  }
}

static void
sac_video_view_snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
  SacVideoView *view = SAC_VIDEO_VIEW(widget);
  double width = gtk_widget_get_width(widget), height = gtk_widget_get_height(widget);
  if (!view->texture) {
    return;
  }
  double picture_width = gdk_texture_get_width(view->texture), picture_height = gdk_texture_get_height(view->texture);
  double scale = MIN(width / picture_width, height / picture_height);
  /* Whole pixels: a picture that was made for this size is then drawn without being filtered again. */
  int x = (int)((width - picture_width * scale) / 2), y = (int)((height - picture_height * scale) / 2);
  gtk_snapshot_append_texture(snapshot, view->texture,
                              &GRAPHENE_RECT_INIT((float)x, (float)y, (float)(int)(picture_width * scale + 0.5),
                                                  (float)(int)(picture_height * scale + 0.5)));
}

static void
sac_video_view_dispose(GObject *object)
{
  SacVideoView *view = SAC_VIDEO_VIEW(object);
  g_clear_object(&view->texture);
  g_clear_object(&view->player);
  G_OBJECT_CLASS(sac_video_view_parent_class)->dispose(object);
}

static void
sac_video_view_class_init(SacVideoViewClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->dispose = sac_video_view_dispose;
  widget_class->measure = sac_video_view_measure;
  widget_class->size_allocate = sac_video_view_size_allocate;
  widget_class->snapshot = sac_video_view_snapshot;
  gtk_widget_class_set_css_name(widget_class, "videoview");
  gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
sac_video_view_init(SacVideoView *view)
{
  gtk_widget_set_hexpand(GTK_WIDGET(view), TRUE);
  gtk_widget_set_vexpand(GTK_WIDGET(view), TRUE);
  gtk_widget_set_overflow(GTK_WIDGET(view), GTK_OVERFLOW_HIDDEN);
}
