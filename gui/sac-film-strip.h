/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/media/sac-thumbnailer.h"

/*
 * Pictures of one video at many times, for the timeline's film lane and for hovering: asked for by time, there at once when they are
 * cached, else "changed" is emitted when they come. Pictures that are no longer wanted are not made. Main thread; nothing blocks.
 */

G_BEGIN_DECLS

#define SAC_TYPE_FILM_STRIP (sac_film_strip_get_type())
G_DECLARE_FINAL_TYPE(SacFilmStrip, sac_film_strip, SAC, FILM_STRIP, GObject)

/* height: of the pictures, in device pixels. */
SacFilmStrip *sac_film_strip_new(SacThumbnailer *thumbnailer, const char *path, int height);

/* Between these two, what is not asked for is given up. */
void sac_film_strip_begin(SacFilmStrip *strip);
void sac_film_strip_end(SacFilmStrip *strip);

/* The picture at time_us, or NULL while it is made (transfer none). */
GdkTexture *sac_film_strip_get(SacFilmStrip *strip, gint64 time_us);

/* The picture nearest to time_us that is there already, or NULL (transfer none). */
GdkTexture *sac_film_strip_get_nearest(SacFilmStrip *strip, gint64 time_us);

G_END_DECLS
