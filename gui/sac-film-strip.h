/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/media/sac-film.h"

/* The pictures of a SacFilm as textures, each made once for as long as it is drawn, so that it is uploaded once. Main thread. */

G_BEGIN_DECLS

typedef struct _SacFilmStrip SacFilmStrip;

SacFilmStrip *sac_film_strip_new(SacFilm *film);
void sac_film_strip_free(SacFilmStrip *strip);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacFilmStrip, sac_film_strip_free)

/* Begins a drawing: what the one before did not use may go. */
void sac_film_strip_begin(SacFilmStrip *strip);

/* The picture of a slot; while that is not there, that of another level whose time is nearest; or NULL (transfer none). */
GdkTexture *sac_film_strip_get(SacFilmStrip *strip, guint level, gint64 slot);
GdkTexture *sac_film_strip_get_nearest(SacFilmStrip *strip, gint64 time_us);

G_END_DECLS
