/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "gui/sac-application.h"

/*
 * The window: the video above, its time below, what is looked for at the top, what was found at the side.
 *
 * It holds the player, the searcher and the open document, and carries what one of them tells to the widgets of the others. Main
 * thread; nothing here blocks.
 */

G_BEGIN_DECLS

#define SAC_TYPE_WINDOW (sac_window_get_type())
G_DECLARE_FINAL_TYPE(SacWindow, sac_window, SAC, WINDOW, AdwApplicationWindow)

SacWindow *sac_window_new(SacApplication *application);

/* Opens what was open when the window was last closed, unless something is open. */
void sac_window_restore(SacWindow *window);
/* Opens the first, if it is a file; more than one, and folders, are added to the library. */
void sac_window_take_files(SacWindow *window, GFile **files, guint n_files);

G_END_DECLS
