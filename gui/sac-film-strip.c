/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-film-strip.h"

#include "gui/sac-texture.h"

/* A picture takes about 65 kB here and as much on the device. */
#define MAX_TEXTURES 200

typedef struct {
  GdkTexture *texture; /* keeps its frame */
  guint round;
} Entry;

struct _SacFilmStrip {
  SacFilm *film;
  GHashTable *textures; /* SacFrame → Entry */
  guint round;
};

static void
entry_free(gpointer data)
{
  Entry *entry = data;
  g_object_unref(entry->texture);
  g_free(entry);
}

SacFilmStrip *
sac_film_strip_new(SacFilm *film)
{
  SacFilmStrip *strip = g_new0(SacFilmStrip, 1);
  strip->film = g_object_ref(film);
  strip->textures = g_hash_table_new_full(NULL, NULL, NULL, entry_free);
  return strip;
}

void
sac_film_strip_free(SacFilmStrip *strip)
{
  if (strip) {
    g_object_unref(strip->film);
    g_hash_table_unref(strip->textures);
    g_free(strip);
  }
}

void
sac_film_strip_begin(SacFilmStrip *strip)
{
  GHashTableIter iter;
  gpointer entry;
  if (g_hash_table_size(strip->textures) > MAX_TEXTURES) {
    g_hash_table_iter_init(&iter, strip->textures);
    while (g_hash_table_iter_next(&iter, NULL, &entry)) {
      if (((Entry *)entry)->round != strip->round) {
        g_hash_table_iter_remove(&iter);
      }
    }
  }
  strip->round++;
}

/* Takes the frame, which may be NULL. */
static GdkTexture *
texture_of(SacFilmStrip *strip, SacFrame *frame)
{
  if (!frame) {
    return NULL;
  }
  Entry *entry = g_hash_table_lookup(strip->textures, frame);
  if (!entry) {
    entry = g_new0(Entry, 1);
    entry->texture = sac_texture_new_from_frame(frame);
    g_hash_table_insert(strip->textures, frame, entry);
  }
  sac_frame_unref(frame);
  entry->round = strip->round;
  return entry->texture;
}

GdkTexture *
sac_film_strip_get(SacFilmStrip *strip, guint level, gint64 slot)
{
  SacFrame *frame = sac_film_get(strip->film, level, slot);
  if (frame) {
    return texture_of(strip, frame);
  }
  gint64 step = sac_film_get_step(strip->film, level);
  return sac_film_strip_get_nearest(strip, slot * step + step / 2);
}

GdkTexture *
sac_film_strip_get_nearest(SacFilmStrip *strip, gint64 time_us)
{
  return texture_of(strip, sac_film_get_nearest(strip->film, time_us));
}
