/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/search/sac-search.h"

/*
 * Answers the search field, by words or by a picture: each question runs in a worker thread and calls off the one before, and only the answer to the last one
 * is told.
 *
 * Signals: "results" (SacSearchResults *, NULL where nothing is asked), "curve" (const SacMatchCurve *,
 * NULL: none), "failed" (GError *). Main thread; nothing blocks.
 */

G_BEGIN_DECLS

#define SAC_TYPE_SEARCHER (sac_searcher_get_type())
G_DECLARE_FINAL_TYPE(SacSearcher, sac_searcher, SAC, SEARCHER, GObject)

SacSearcher *sac_searcher_new(SacLibrary *library, SacEncoder *encoder);

/* kind NULL: all. image: path of a picture or of a video, with the time of its frame, that is looked for instead of the words, of
 * which what narrows ("in:", "-…") still counts; or NULL. */
void
sac_searcher_ask(SacSearcher *searcher, const char *text, const char *kind, const char *image, gint64 image_time_us);
/* Asks the same again, because the library has more now. */
void sac_searcher_ask_again(SacSearcher *searcher);
/* Whose curve is wanted; 0: none. It follows the results: the second of two questions after the same thing costs nothing. */
void sac_searcher_set_video(SacSearcher *searcher, gint64 video_id);
gboolean sac_searcher_is_busy(SacSearcher *searcher);
/* When what was last answered was asked, by g_get_monotonic_time(). */
gint64 sac_searcher_get_asked_time(SacSearcher *searcher);

G_END_DECLS
