/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-film-strip.h"

#include "gui/sac-texture.h"

/* Enough for several screens; a picture 85 by 48 takes 16 kB. */
#define MAX_PICTURES 600
/* The thumbnailer works on few at a time; what waits in its queue cannot be reordered, so little is put there. */
#define MAX_PENDING 6

struct _SacFilmStrip {
  GObject parent_instance;
  SacThumbnailer *thumbnailer;
  char *path;
  int height;
  GHashTable *textures; /* gint64 → GdkTexture; or NULL where there is no picture to be had */
  GHashTable *pending;  /* gint64 → GCancellable */
  GHashTable *wanted;   /* gint64, of the round that has begun */
  GQueue order;         /* of times, oldest first */
};

enum { CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacFilmStrip, sac_film_strip, G_TYPE_OBJECT)

static void
cancel_all(SacFilmStrip *strip)
{
  GHashTableIter iter;
  gpointer cancellable;
  g_hash_table_iter_init(&iter, strip->pending);
  while (g_hash_table_iter_next(&iter, NULL, &cancellable)) {
    g_cancellable_cancel(cancellable);
  }
  g_hash_table_remove_all(strip->pending);
}

static void
sac_film_strip_dispose(GObject *object)
{
  cancel_all(SAC_FILM_STRIP(object));
  G_OBJECT_CLASS(sac_film_strip_parent_class)->dispose(object);
}

static void
sac_film_strip_finalize(GObject *object)
{
  SacFilmStrip *strip = SAC_FILM_STRIP(object);
  g_clear_object(&strip->thumbnailer);
  g_free(strip->path);
  g_hash_table_unref(strip->textures);
  g_hash_table_unref(strip->pending);
  g_hash_table_unref(strip->wanted);
  g_queue_clear_full(&strip->order, g_free);
  G_OBJECT_CLASS(sac_film_strip_parent_class)->finalize(object);
}

static void
sac_film_strip_class_init(SacFilmStripClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS(class);
  object_class->dispose = sac_film_strip_dispose;
  object_class->finalize = sac_film_strip_finalize;
  signals[CHANGED] =
      g_signal_new("changed", SAC_TYPE_FILM_STRIP, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
unref_texture(gpointer texture)
{
  if (texture) {
    g_object_unref(texture);
  }
}

static void
sac_film_strip_init(SacFilmStrip *strip)
{
  strip->textures = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, unref_texture);
  strip->pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_object_unref);
  strip->wanted = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  g_queue_init(&strip->order);
}

SacFilmStrip *
sac_film_strip_new(SacThumbnailer *thumbnailer, const char *path, int height)
{
  SacFilmStrip *strip = g_object_new(SAC_TYPE_FILM_STRIP, NULL);
  strip->thumbnailer = g_object_ref(thumbnailer);
  strip->path = g_strdup(path);
  strip->height = height;
  return strip;
}

typedef struct {
  SacFilmStrip *strip;
  gint64 time_us;
  GCancellable *cancellable;
} Request;

static void
on_picture(GObject *source, GAsyncResult *result, gpointer data)
{
  Request *request = data;
  SacFilmStrip *strip = request->strip;
  g_autoptr(GError) error = NULL;
  SacFrame *frame = sac_thumbnailer_get_finish(SAC_THUMBNAILER(source), result, &error);

  if (!g_cancellable_is_cancelled(request->cancellable)) {
    g_hash_table_remove(strip->pending, &request->time_us);
    g_hash_table_replace(strip->textures, g_memdup2(&request->time_us, sizeof request->time_us),
                         frame ? sac_texture_new_from_frame(frame) : NULL);
    g_queue_push_tail(&strip->order, g_memdup2(&request->time_us, sizeof request->time_us));
    while (g_queue_get_length(&strip->order) > MAX_PICTURES) {
      g_autofree gint64 *oldest = g_queue_pop_head(&strip->order);
      g_hash_table_remove(strip->textures, oldest);
    }
    g_signal_emit(strip, signals[CHANGED], 0);
  }
  if (frame) {
    sac_frame_unref(frame);
  }
  g_object_unref(request->cancellable);
  g_object_unref(request->strip);
  g_free(request);
}

void
sac_film_strip_begin(SacFilmStrip *strip)
{
  g_hash_table_remove_all(strip->wanted);
}

void
sac_film_strip_end(SacFilmStrip *strip)
{
  GHashTableIter iter;
  gpointer time, cancellable;
  g_hash_table_iter_init(&iter, strip->pending);
  while (g_hash_table_iter_next(&iter, &time, &cancellable)) {
    if (!g_hash_table_contains(strip->wanted, time)) {
      g_cancellable_cancel(cancellable);
      g_hash_table_iter_remove(&iter);
    }
  }
}

GdkTexture *
sac_film_strip_get(SacFilmStrip *strip, gint64 time_us)
{
  gpointer texture;
  g_hash_table_add(strip->wanted, g_memdup2(&time_us, sizeof time_us));
  if (g_hash_table_lookup_extended(strip->textures, &time_us, NULL, &texture)) {
    return texture;
  }
  if (!g_hash_table_contains(strip->pending, &time_us) && g_hash_table_size(strip->pending) < MAX_PENDING) {
    Request *request = g_new0(Request, 1);
    request->strip = g_object_ref(strip);
    request->time_us = time_us;
    request->cancellable = g_cancellable_new();
    g_hash_table_insert(strip->pending, g_memdup2(&time_us, sizeof time_us), g_object_ref(request->cancellable));
    sac_thumbnailer_get_async(strip->thumbnailer, strip->path, time_us, strip->height, request->cancellable, on_picture,
                              request);
  }
  return NULL;
}

GdkTexture *
sac_film_strip_get_nearest(SacFilmStrip *strip, gint64 time_us)
{
  GHashTableIter iter;
  gpointer time, texture;
  GdkTexture *nearest = NULL;
  gint64 nearest_distance = G_MAXINT64;
  g_hash_table_iter_init(&iter, strip->textures);
  while (g_hash_table_iter_next(&iter, &time, &texture)) {
    gint64 distance = ABS(*(gint64 *)time - time_us);
    if (texture && distance < nearest_distance) {
      nearest = texture;
      nearest_distance = distance;
    }
  }
  return nearest;
}
