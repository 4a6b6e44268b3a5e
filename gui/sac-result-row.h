/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/media/sac-thumbnailer.h"
#include "core/search/sac-search.h"
#include "gui/sac-thumbnail.h"

/* A moment in a list: its picture, span, score, kind, the words with the match marked, and the video that it is in. */

G_BEGIN_DECLS

#define SAC_TYPE_RESULT_ROW (sac_result_row_get_type())
G_DECLARE_FINAL_TYPE(SacResultRow, sac_result_row, SAC, RESULT_ROW, GtkBox)

GtkWidget *sac_result_row_new(void);
/* snippet may be NULL. is_near: it is no find, only what comes nearest. */
void sac_result_row_show(SacResultRow *row, SacThumbnailer *thumbnailer, const SacMoment *moment, const char *snippet,
                         gboolean is_near, gboolean with_video);

/* A line over the results of one video, instead of a moment. */
void sac_result_row_show_heading(SacResultRow *row, const char *words);
/* Where the moment may play; hidden in a heading. */
SacThumbnail *sac_result_row_get_picture(SacResultRow *row);

/* "seen", "said": a kind in people's words. */
const char *sac_kind_name(const char *kind);

G_END_DECLS
