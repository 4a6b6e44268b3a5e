/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/media/sac-thumbnailer.h"

/*
 * Where one says what to look for: words that are typed, or a picture (a chip in the field), which is dropped on it, pasted into it, or
 * given by "more like this"; and, in a popover that Down opens in the empty field, the saved searches and the last ones.
 *
 * The settings "saved-searches" and "search-history" hold them; pasted pictures are kept in the user's data folder as long as a saved
 * search or the field refers to them.
 *
 * Signals: "asked": the question is another now (a moment after the last key); "activate": Enter; "stop": Escape;
 * "step" (int direction): the next or the previous result. Main thread.
 */

G_BEGIN_DECLS

#define SAC_TYPE_SEARCH_BAR (sac_search_bar_get_type())
G_DECLARE_FINAL_TYPE(SacSearchBar, sac_search_bar, SAC, SEARCH_BAR, GtkWidget)

/* Before anything else. */
void sac_search_bar_set_up(SacSearchBar *bar, GSettings *settings, SacThumbnailer *thumbnailer);

const char *sac_search_bar_get_text(SacSearchBar *bar);
void sac_search_bar_set_text(SacSearchBar *bar, const char *text);

/* The picture that is looked for: a file and, of a video, a time. NULL: words alone. */
const char *sac_search_bar_get_picture(SacSearchBar *bar, gint64 *time_us);
void sac_search_bar_set_picture(SacSearchBar *bar, const char *path, gint64 time_us);

/* Neither words nor a picture. */
gboolean sac_search_bar_is_empty(SacSearchBar *bar);
void sac_search_bar_clear(SacSearchBar *bar);

/* That the window's action "win.kind" leaves some kinds out. */
void sac_search_bar_show_narrowed(SacSearchBar *bar, gboolean is_narrowed);

/* Without the button of the searches, which Down opens too. */
void sac_search_bar_set_narrow(SacSearchBar *bar, gboolean is_narrow);

/* Keeps the words in the history. */
void sac_search_bar_remember(SacSearchBar *bar);

G_END_DECLS
