/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "core/media/sac-thumbnailer.h"
#include "core/search/sac-search.h"

/*
 * What is beside the video: what the search found, or, when nothing is asked, the moments of the open video, or what to do first.
 *
 * Results come in the order of their score, or grouped by video as the setting "group-results" says, each video's in the order of
 * time and the video with the best one first. While the pointer rests on a result's picture, the moment plays in it.
 *
 * Signals: "chosen" (SacMoment *, gboolean play): one was selected, or activated (Enter, double click), which plays it.
 * "more-like" and "keep" (SacMoment *): asked for in a result's menu. Main thread.
 */

G_BEGIN_DECLS

#define SAC_TYPE_SEARCH_PANEL (sac_search_panel_get_type())
G_DECLARE_FINAL_TYPE(SacSearchPanel, sac_search_panel, SAC, SEARCH_PANEL, GtkWidget)

/* Before anything else. */
void sac_search_panel_set_up(SacSearchPanel *panel, GSettings *settings, SacThumbnailer *thumbnailer);

void sac_search_panel_show_results(SacSearchPanel *panel, SacSearchResults *results);
/* (element-type SacMoment) */
void sac_search_panel_show_moments(SacSearchPanel *panel, GPtrArray *moments);
/* A page that says what to do, with the button that does it. button and action NULL: none. */
void sac_search_panel_show_page(SacSearchPanel *panel, const char *icon, const char *title, const char *description,
                                const char *button, const char *action);

/* Selects the next (1) or the previous (-1), and tells. */
void sac_search_panel_step(SacSearchPanel *panel, int direction);
/* As Enter does; the first one when none is selected. */
void sac_search_panel_activate(SacSearchPanel *panel);
void sac_search_panel_focus(SacSearchPanel *panel);
/* The selected one while the keys go to the list; else NULL. */
const SacMoment *sac_search_panel_get_focused(SacSearchPanel *panel);
/* The selected one; NULL: none. */
const SacMoment *sac_search_panel_get_selected(SacSearchPanel *panel);

G_END_DECLS
