/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/media/sac-frame.h"

/*
 * A video as a strip of small pictures at any zoom.
 *
 *      level 0   ▣▣▣▣▣▣▣▣▣▣▣▣▣▣▣▣▣▣▣▣▣▣▣▣     a picture a frame
 *      level 1   ▣ ▣ ▣ ▣ ▣ ▣ ▣ ▣ ▣ ▣ ▣ ▣      every second frame, then every third, fourth, sixth, eighth …
 *      level n   ▣           ▣           ▣
 *                └── slot ──┘ [i · step, (i + 1) · step): the picture of its middle stands for it
 *
 * A thread of its own makes what is wanted, nearest to where one looks first, then some on both sides, then enough for all of the video.
 * What was made of a level is kept in one file, a sheet, of a bounded number of pictures; a sheet that is damaged is made again. "changed" is emitted
 * on the main thread when there is more. All functions: main thread, nothing blocks.
 */

G_BEGIN_DECLS

/* Of every picture, in pixels. */
#define SAC_FILM_HEIGHT 96

#define SAC_TYPE_FILM (sac_film_get_type())
G_DECLARE_FINAL_TYPE(SacFilm, sac_film, SAC, FILM, GObject)

/* folder: of the sheets, for this video's content alone; NULL: they are not kept. frame_us: how long a frame is shown; 0: unknown. */
SacFilm *sac_film_new(const char *path, const char *folder, gint64 duration_us, gint64 frame_us);

/* The first level whose slots are at least so long. */
guint sac_film_find_level(SacFilm *film, double least_step_us);
gint64 sac_film_get_step(SacFilm *film, guint level);

/* The slots [first, end) of a level are on the screen. */
void sac_film_look_at(SacFilm *film, guint level, gint64 first, gint64 end);

/* The picture of a slot, or NULL while it is not there. Returns: (transfer full) (nullable) */
SacFrame *sac_film_get(SacFilm *film, guint level, gint64 slot);
/* The picture at hand, of any level, whose time is nearest. Returns: (transfer full) (nullable) */
SacFrame *sac_film_get_nearest(SacFilm *film, gint64 time_us);

/* TRUE once there is nothing left to make of what was asked for. */
gboolean sac_film_is_idle(SacFilm *film);
/* How many pictures had to be decoded from the video, rather than read from a sheet. */
guint sac_film_count_decoded(SacFilm *film);

G_END_DECLS
