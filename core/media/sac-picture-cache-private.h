/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <libavutil/frame.h>

/*
 * Decoded pictures around the playhead, so that the frame before is shown as soon as the frame after, and a place that was just seen
 * needs no decoding.
 *
 * They are kept as the decoder made them: keeping one is a reference, and converting is paid for those alone that are shown. A picture
 * knows the time of the one that follows it where both were decoded in order, so the cache can tell which picture is shown at a
 * time, and which precedes another, without guessing from durations.
 *
 * Bounded in bytes and in pictures; what is farthest from the centre goes first. One thread.
 */

#define SAC_PICTURE_CACHE_BYTES (256 << 20)
#define SAC_PICTURE_CACHE_PICTURES 512

#define SAC_FOLLOWED_BY_UNKNOWN G_GINT64_CONSTANT(-1)
#define SAC_FOLLOWED_BY_END G_MAXINT64

typedef struct {
  AVFrame *picture;
  gint64 time_us, duration_us;
  gint64 next_us; /* when the following frame is due, or one of the two above */
  gsize bytes;
} SacCachedPicture;

typedef struct {
  GArray *pictures; /* of SacCachedPicture, by time */
  gsize bytes;
  gint64 centre_us;
  int direction; /* -1: those before the centre are needed sooner; 1: those after it; 0: neither */
} SacPictureCache;

void sac_picture_cache_init(SacPictureCache *cache);
void sac_picture_cache_finish(SacPictureCache *cache);

/* Where the playhead is, and where it goes. */
void sac_picture_cache_set_centre(SacPictureCache *cache, gint64 time_us, int direction);
/* Takes the picture, which is kept at least until the next call but two; one of the same time is replaced, but what follows it stays
   known. */
void sac_picture_cache_add(SacPictureCache *cache, AVFrame *picture, gint64 time_us, gint64 duration_us);
/* The frame at time_us is followed by the one at next_us. */
void sac_picture_cache_link(SacPictureCache *cache, gint64 time_us, gint64 next_us);

/* What is returned is valid until the cache changes; NULL: not here, or not known to be it. */
const SacCachedPicture *sac_picture_cache_at(const SacPictureCache *cache, gint64 time_us);    /* with that very time */
const SacCachedPicture *sac_picture_cache_shown(const SacPictureCache *cache, gint64 time_us); /* that is shown then */
const SacCachedPicture *
sac_picture_cache_before(const SacPictureCache *cache, gint64 time_us); /* followed by that one */
/* How many frames without a gap lead up to the one at the time, which does not count; *start_us: the first one's time. */
guint sac_picture_cache_count_before(const SacPictureCache *cache, gint64 time_us, gint64 *start_us);
