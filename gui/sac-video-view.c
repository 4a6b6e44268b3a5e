/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-video-view.h"

#include "gui/sac-picture-gl.h"
#include "gui/sac-texture.h"

/* Half of what a picture has at 60 a second: the renderer's trial picture is a ninth of a 4K one, so what takes longer for it is not meant
   for video. OpenGL in software took 79 ms on two processor cores; a 4K picture drawn for a window of 1920 × 1080 took it 404 ms of
   processor time, and FFmpeg's scaler, on the player's thread, at most 17 ms (tests/bench/play.c). */
#define SLOWEST_GL_MS 8

struct _SacVideoView {
  GtkWidget parent_instance;
  SacPlayer *player;
  SacFrame *planes; /* of the picture, where the GPU draws it */
  GdkTexture *texture;
  int texture_width, texture_height; /* that it was drawn for, of planes */
  SacPictureGL *gl;                  /* NULL: the player makes RGBA */
  gboolean is_decided;               /* whether there is one */
};

G_DEFINE_FINAL_TYPE(SacVideoView, sac_video_view, GTK_TYPE_WIDGET)

/* --- the GPU ----------------------------------------------------------------------------------------------------------------------- */

static void
give_up_gl(SacVideoView *view)
{
  g_clear_pointer(&view->planes, sac_frame_unref);
  g_clear_object(&view->texture);
  g_clear_pointer(&view->gl, sac_picture_gl_unref);
  if (view->player) {
    sac_player_set_wants_planes(view->player, FALSE);
  }
}

/* SACCADE_VIDEO=gl takes OpenGL however slow, =cpu never: for a graphics driver that errs, and for tests. */
static SacPictureGL *
find_gl(SacVideoView *view)
{
  const char *wish = g_getenv("SACCADE_VIDEO");
  GskRenderer *renderer = gtk_native_get_renderer(gtk_widget_get_native(GTK_WIDGET(view)));
  g_autoptr(GError) error = NULL;
  /* Cairo would have to read each texture back. */
  if (g_strcmp0(wish, "cpu") == 0 || !renderer || GSK_IS_CAIRO_RENDERER(renderer)) {
    return NULL;
  }
  g_autoptr(SacPictureGL) gl = sac_picture_gl_new(gtk_widget_get_display(GTK_WIDGET(view)), &error);
  if (!gl) {
    g_debug("Pictures are made by the processor: %s", error->message);
    return NULL;
  }
  if (g_strcmp0(wish, "gl") != 0) {
    const double took = sac_picture_gl_measure(gl);
    if (took > SLOWEST_GL_MS) {
      g_debug("Pictures are made by the processor: OpenGL took %.1f ms", took);
      return NULL;
    }
  }
  return g_steal_pointer(&gl);
}

/* When the first picture comes, not when the window opens. */
static void
decide(SacVideoView *view)
{
  if (!view->is_decided && gtk_widget_get_realized(GTK_WIDGET(view))) {
    view->is_decided = TRUE;
    view->gl = find_gl(view);
    sac_player_set_wants_planes(view->player, view->gl != NULL);
  }
}

/* The picture that was lost, made by the processor. */
static void
show_again(gpointer data)
{
  g_autoptr(SacVideoView) view = data;
  if (view->player) {
    sac_player_seek(view->player, sac_player_get_position(view->player), SAC_SEEK_EXACT);
  }
}

/* The planes as a texture of that many pixels, unless they are one already. */
static void
draw_planes(SacVideoView *view, int width, int height)
{
  g_autoptr(GError) error = NULL;
  if (view->texture && view->texture_width == width && view->texture_height == height) {
    return;
  }
  /* Planes that were drawn already, for another size, are on the GPU. */
  const gboolean is_there = view->texture || sac_picture_gl_set_frame(view->gl, view->planes, &error);
  g_clear_object(&view->texture);
  view->texture = is_there ? sac_picture_gl_draw(view->gl, width, height, &error) : NULL;
  view->texture_width = width;
  view->texture_height = height;
  if (!view->texture) {
    g_debug("Pictures are made by the processor from now on: %s", error->message);
    give_up_gl(view);
    g_idle_add_once(show_again, g_object_ref(view)); /* a widget that is being drawn must not change */
  }
}

/* ------------------------------------------------------------------------------------------------------------------------------------- */

static void
on_frame(SacPlayer *player, SacVideoView *view)
{
  g_autoptr(SacFrame) frame = sac_player_get_frame(player);
  if (!frame) {
    return;
  }
  decide(view);
  const gboolean has_planes = frame->format != SAC_FRAME_RGBA;
  if ((has_planes && !view->gl) || frame == view->planes) {
    return; /* made before the player heard that there is no GPU; or the same again */
  }
  g_clear_object(&view->texture);
  g_clear_pointer(&view->planes, sac_frame_unref);
  if (has_planes) {
    view->planes = g_steal_pointer(&frame);
  } else {
    view->texture = sac_texture_new_from_frame(frame);
  }
  gtk_widget_queue_draw(GTK_WIDGET(view));
}

void
sac_video_view_clear(SacVideoView *view)
{
  g_clear_object(&view->texture);
  g_clear_pointer(&view->planes, sac_frame_unref);
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

/* --- subtitles ---------------------------------------------------------------------------------------------------------------- */

/* A screen reader reads them; a picture of letters says nothing to it. */
static void
on_subtitles(SacPlayer *player, SacVideoView *view)
{
  GPtrArray *subtitles = sac_player_get_subtitles(player);
  g_autoptr(GString) words = g_string_new(NULL);
  for (guint i = 0; i < subtitles->len; i++) {
    const SacSubtitle *subtitle = g_ptr_array_index(subtitles, i);
    g_autofree char *text = NULL;
    if (subtitle->markup && pango_parse_markup(subtitle->markup, -1, 0, NULL, &text, NULL, NULL)) {
      g_string_append_printf(words, "%s%s", words->len ? "\n" : "", text);
    }
  }
  gtk_accessible_update_property(GTK_ACCESSIBLE(view), GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, words->str, -1);
  gtk_widget_queue_draw(GTK_WIDGET(view));
}

static void
draw_pictures(GtkSnapshot *snapshot, const SacSubtitle *subtitle, const graphene_rect_t *picture)
{
  for (guint i = 0; i < subtitle->pictures->len; i++) {
    const SacSubtitlePicture *part = g_ptr_array_index(subtitle->pictures, i);
    g_autoptr(GdkTexture) texture = sac_texture_new_from_frame(part->frame);
    gtk_snapshot_append_texture(snapshot, texture,
                                &GRAPHENE_RECT_INIT(picture->origin.x + (float)part->x * picture->size.width,
                                                    picture->origin.y + (float)part->y * picture->size.height,
                                                    (float)part->width * picture->size.width,
                                                    (float)part->height * picture->size.height));
  }
}

/* White with a black edge, in the lower (or upper) part of the picture. Returns its height. */
static double
draw_words(GtkWidget *widget, GtkSnapshot *snapshot, const SacSubtitle *subtitle, const graphene_rect_t *picture,
           double above)
{
  g_autoptr(PangoLayout) layout = gtk_widget_create_pango_layout(widget, NULL);
  g_autoptr(PangoFontDescription) font = pango_font_description_new();
  const double size = MAX(picture->size.height * 0.05, 13), margin = picture->size.height * 0.04;
  const float edge = (float)MAX(size / 16, 1);
  GskShadow edges[8];
  int height;
  guint n_edges = 0;
  pango_font_description_set_family(font, "sans");
  pango_font_description_set_weight(font, PANGO_WEIGHT_MEDIUM);
  pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
  pango_layout_set_font_description(layout, font);
  pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
  pango_layout_set_width(layout, (int)(picture->size.width * 0.9) * PANGO_SCALE);
  pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
  pango_layout_set_markup(layout, subtitle->markup, -1);
  pango_layout_get_pixel_size(layout, NULL, &height);
  for (int dy = -1; dy <= 1; dy++) {
    for (int dx = -1; dx <= 1; dx++) {
      if (dx != 0 || dy != 0) {
        edges[n_edges++] = (GskShadow){ { 0, 0, 0, 1 }, (float)dx * edge, (float)dy * edge, 0 };
      }
    }
  }
  const double y = subtitle->at_top ? picture->origin.y + margin + above
                                    : picture->origin.y + picture->size.height - margin - above - height;
  gtk_snapshot_save(snapshot);
  gtk_snapshot_translate(snapshot,
                         &GRAPHENE_POINT_INIT(picture->origin.x + picture->size.width * 0.05f, (float)(int)y));
  gtk_snapshot_push_shadow(snapshot, edges, n_edges);
  gtk_snapshot_append_layout(snapshot, layout, &(GdkRGBA){ 1, 1, 1, 1 });
  gtk_snapshot_pop(snapshot);
  gtk_snapshot_restore(snapshot);
  return height;
}

static void
draw_subtitles(SacVideoView *view, GtkSnapshot *snapshot, const graphene_rect_t *picture)
{
  GPtrArray *subtitles = sac_player_get_subtitles(view->player);
  double above[2] = { 0, 0 }; /* what is already at the bottom, at the top */
  for (guint i = 0; i < subtitles->len; i++) {
    const SacSubtitle *subtitle = g_ptr_array_index(subtitles, i);
    if (subtitle->pictures) {
      draw_pictures(snapshot, subtitle, picture);
    }
    if (subtitle->markup) {
      above[subtitle->at_top] += draw_words(GTK_WIDGET(view), snapshot, subtitle, picture, above[subtitle->at_top]);
    }
  }
}

/* --- the widget ----------------------------------------------------------------------------------------------------------------- */

void
sac_video_view_set_player(SacVideoView *view, SacPlayer *player)
{
  g_return_if_fail(!view->player);
  view->player = g_object_ref(player);
  g_signal_connect_object(player, "frame", G_CALLBACK(on_frame), view, 0);
  g_signal_connect_object(player, "subtitles-changed", G_CALLBACK(on_subtitles), view, 0);
}

static void
sac_video_view_snapshot(GtkWidget *widget, GtkSnapshot *snapshot)
{
  SacVideoView *view = SAC_VIDEO_VIEW(widget);
  double width = gtk_widget_get_width(widget), height = gtk_widget_get_height(widget);
  if (!view->texture && !view->planes) {
    return;
  }
  double picture_width = view->planes ? view->planes->display_width : gdk_texture_get_width(view->texture);
  double picture_height = view->planes ? view->planes->display_height : gdk_texture_get_height(view->texture);
  double scale = MIN(width / picture_width, height / picture_height);
  /* Whole pixels: a picture that was made for this size is then drawn without being filtered again. */
  int x = (int)((width - picture_width * scale) / 2), y = (int)((height - picture_height * scale) / 2);
  const int drawn_width = MAX((int)(picture_width * scale + 0.5), 1),
            drawn_height = MAX((int)(picture_height * scale + 0.5), 1);
  if (view->planes) {
    const int pixels = gtk_widget_get_scale_factor(widget);
    draw_planes(view, drawn_width * pixels, drawn_height * pixels);
  }
  const graphene_rect_t picture = GRAPHENE_RECT_INIT((float)x, (float)y, (float)drawn_width, (float)drawn_height);
  if (view->texture) {
    gtk_snapshot_append_texture(snapshot, view->texture, &picture);
  }
  draw_subtitles(view, snapshot, &picture);
}

static void
sac_video_view_realize(GtkWidget *widget)
{
  SacVideoView *view = SAC_VIDEO_VIEW(widget);
  GTK_WIDGET_CLASS(sac_video_view_parent_class)->realize(widget);
  if (view->player) {
    on_frame(view->player, view);
  }
}

/* Another window may be on another screen, with other ways to draw. */
static void
sac_video_view_unrealize(GtkWidget *widget)
{
  SacVideoView *view = SAC_VIDEO_VIEW(widget);
  give_up_gl(view);
  view->is_decided = FALSE;
  GTK_WIDGET_CLASS(sac_video_view_parent_class)->unrealize(widget);
}

static void
sac_video_view_dispose(GObject *object)
{
  SacVideoView *view = SAC_VIDEO_VIEW(object);
  give_up_gl(view);
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
  widget_class->realize = sac_video_view_realize;
  widget_class->unrealize = sac_video_view_unrealize;
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
