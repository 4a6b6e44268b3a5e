/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/search/sac-search.h"

/*
 * Answers the search field: each question runs in a worker thread and calls off the one before, and only the answer to the last one
 * is told.
 *
 * Signals: "results" (SacSearchResults *, NULL where nothing is asked), "curve" (const SacMatchCurve *,
 * NULL: none), "failed" (GError *). Main thread; nothing blocks.
 */

G_BEGIN_DECLS

#define SAC_TYPE_SEARCHER (sac_searcher_get_type())
G_DECLARE_FINAL_TYPE(SacSearcher, sac_searcher, SAC, SEARCHER, GObject)

SacSearcher *sac_searcher_new(SacLibrary *library, SacEncoder *encoder);

/* kind NULL: all. */
void sac_searcher_ask(SacSearcher *searcher, const char *text, const char *kind);
/* Asks the same again, because the library has more now. */
void sac_searcher_ask_again(SacSearcher *searcher);
/* Whose curve is wanted; 0: none. */
void sac_searcher_set_video(SacSearcher *searcher, gint64 video_id);
gboolean sac_searcher_is_busy(SacSearcher *searcher);

G_END_DECLS
