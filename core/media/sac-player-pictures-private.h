/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/media/sac-decoder-private.h"
#include "core/media/sac-picture-cache-private.h"
#include "core/media/sac-player-threads-private.h"

/*
 * What the picture thread has: sac-player-pictures.c decodes, seeks, steps and makes ready; sac-player-play.c plays. That thread alone
 * calls these.
 */

#define NOWHERE G_GINT64_CONSTANT(-1)

typedef struct {
  SacPlayerSession *session;
  SacDecoder *decoder;
  SacConverter *converter;
  int max_width, max_height; /* of the converter */
  gboolean gives_planes;
  SacPictureCache cache;

  /* The decoder gave `last`, which follows the frame at last_after, and gives next what follows it; after a glance, in_order is
     FALSE, and only a seek helps. Before whole_from, frames may be missing. */
  AVFrame *last;
  gint64 last_time, last_duration, last_after;
  gboolean in_order;
  gint64 whole_from;

  gint64 cursor; /* where play is: the shown frame, or one after it that came too late; NOWHERE: nothing yet */
  gint64 shown_time, shown_duration;
  gint64 shown_at;    /* monotonic */
  gboolean glanced;   /* what is shown is a key frame near the asked time */
  gboolean idle;      /* what is done now stops when anything at all is wanted */
  gint64 tried_start; /* of the last filling: what it was for */
  gint64 tried_end;
  gboolean told_broken;
  GQueue backward; /* (element-type SacFrame) before the shown one, the nearest at the tail */
} SacPictures;

/* TRUE if something else is wanted first. */
gboolean sac_pictures_interrupted(const SacPictures *pictures);
/* The frame with that time, which is the decoder's last or in the cache. NULL: neither. */
SacFrame *sac_pictures_make_frame(SacPictures *pictures, gint64 time);
/* Takes the frame. */
void sac_pictures_show(SacPictures *pictures, SacFrame *frame);
/* To the key frame at or before a time. skip: what is not needed until shortly before it is not decoded. */
gboolean sac_pictures_seek(SacPictures *pictures, gint64 time, gboolean skip);
/* The next picture becomes the last one, and is kept. FALSE at the end. */
gboolean sac_pictures_decode_on(SacPictures *pictures);
/* The time of the frame after the cursor. FALSE: interrupted, or there is none. */
gboolean sac_pictures_find_following(SacPictures *pictures, gint64 *time);
/* Shows the frame that is shown at a time. */
void sac_pictures_find_frame(SacPictures *pictures, gint64 time);

/* Of sac-player-play.c: each brings play on by one picture, or waits for it. */
void sac_pictures_play_forward(SacPictures *pictures);
void sac_pictures_play_backward(SacPictures *pictures);
/* A file without a picture: the time alone goes on. */
void sac_player_play_sound_only(SacPlayerSession *session);
