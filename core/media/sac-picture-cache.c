/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-picture-cache-private.h"

/* However large: the one that is shown, and its neighbours. */
#define FEWEST 3
/* What lies where the playhead comes from counts as so many times as far away. */
#define AWAY 4

#define ITEM(cache, i) (&g_array_index((cache)->pictures, SacCachedPicture, i))

static void
clear_item(gpointer item)
{
  av_frame_free(&((SacCachedPicture *)item)->picture);
}

void
sac_picture_cache_init(SacPictureCache *cache)
{
  *cache = (SacPictureCache){ .pictures = g_array_new(FALSE, FALSE, sizeof(SacCachedPicture)) };
  g_array_set_clear_func(cache->pictures, clear_item);
}

void
sac_picture_cache_finish(SacPictureCache *cache)
{
  g_clear_pointer(&cache->pictures, g_array_unref);
}

/* The first whose time is not before time_us. */
static guint
lower_bound(const SacPictureCache *cache, gint64 time_us)
{
  guint low = 0, high = cache->pictures->len;

  while (low < high) {
    const guint middle = (low + high) / 2;

    if (ITEM(cache, middle)->time_us < time_us)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static double
distance(const SacPictureCache *cache, const SacCachedPicture *item)
{
  const double away = (double)(item->time_us - cache->centre_us);

  return ABS(away) * (away * cache->direction < 0 ? AWAY : 1);
}

/* By time and in a line, the farthest is at one of the ends. */
static void
trim(SacPictureCache *cache)
{
  while (cache->pictures->len > FEWEST &&
         (cache->bytes > SAC_PICTURE_CACHE_BYTES || cache->pictures->len > SAC_PICTURE_CACHE_PICTURES)) {
    const guint last = cache->pictures->len - 1;
    const guint farthest = distance(cache, ITEM(cache, 0)) > distance(cache, ITEM(cache, last)) ? 0 : last;

    cache->bytes -= ITEM(cache, farthest)->bytes;
    g_array_remove_index(cache->pictures, farthest);
  }
}

void
sac_picture_cache_set_centre(SacPictureCache *cache, gint64 time_us, int direction)
{
  cache->centre_us = time_us;
  cache->direction = direction;
}

static gsize
measure(const AVFrame *picture)
{
  gsize bytes = 0;

  for (int i = 0; i < AV_NUM_DATA_POINTERS && picture->buf[i]; i++)
    bytes += (gsize)picture->buf[i]->size;
  return bytes;
}

void
sac_picture_cache_add(SacPictureCache *cache, AVFrame *picture, gint64 time_us, gint64 duration_us)
{
  const guint at = lower_bound(cache, time_us);
  SacCachedPicture added = { picture, time_us, duration_us, SAC_FOLLOWED_BY_UNKNOWN, measure(picture) };

  if (at < cache->pictures->len && ITEM(cache, at)->time_us == time_us) {
    added.next_us = ITEM(cache, at)->next_us;
    cache->bytes -= ITEM(cache, at)->bytes;
    av_frame_free(&ITEM(cache, at)->picture);
    *ITEM(cache, at) = added;
  } else {
    g_array_insert_val(cache->pictures, at, added);
  }
  cache->bytes += added.bytes;
  trim(cache);
}

void
sac_picture_cache_link(SacPictureCache *cache, gint64 time_us, gint64 next_us)
{
  SacCachedPicture *item = (SacCachedPicture *)sac_picture_cache_at(cache, time_us);

  if (item)
    item->next_us = next_us;
}

const SacCachedPicture *
sac_picture_cache_at(const SacPictureCache *cache, gint64 time_us)
{
  const guint at = lower_bound(cache, time_us);

  return at < cache->pictures->len && ITEM(cache, at)->time_us == time_us ? ITEM(cache, at) : NULL;
}

const SacCachedPicture *
sac_picture_cache_shown(const SacPictureCache *cache, gint64 time_us)
{
  const guint after = lower_bound(cache, time_us + 1);

  return after > 0 && ITEM(cache, after - 1)->next_us > time_us ? ITEM(cache, after - 1) : NULL;
}

const SacCachedPicture *
sac_picture_cache_before(const SacPictureCache *cache, gint64 time_us)
{
  const guint at = lower_bound(cache, time_us);

  return at > 0 && ITEM(cache, at - 1)->next_us == time_us ? ITEM(cache, at - 1) : NULL;
}

guint
sac_picture_cache_count_before(const SacPictureCache *cache, gint64 time_us, gint64 *start_us)
{
  guint at = lower_bound(cache, time_us), count = 0;

  *start_us = time_us;
  for (; at > 0 && ITEM(cache, at - 1)->next_us == *start_us; at--, count++)
    *start_us = ITEM(cache, at - 1)->time_us;
  return count;
}
