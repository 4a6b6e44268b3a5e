/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "core/library/sac-library.h"
#include "core/media/sac-thumbnailer.h"

/*
 * The videos of the library with their picture, length, date, state and count of moments, as a grid or as a list, in some order, all or those
 * that a text, a state or a tag leaves; or a page that says how to add the first. Reads the library in a worker thread whenever it
 * changes, and asks for the pictures of those videos that are on the screen. Main thread.
 *
 * Signals: "open" (char *path); "loaded" (guint videos); "told" (char *words): tags were changed, which
 * sac_library_page_undo_tags() undoes; "failed" (GError *): they were not.
 */

G_BEGIN_DECLS

#define SAC_TYPE_LIBRARY_PAGE (sac_library_page_get_type())
G_DECLARE_FINAL_TYPE(SacLibraryPage, sac_library_page, SAC, LIBRARY_PAGE, GtkWidget)

void sac_library_page_set_library(SacLibraryPage *page, SacLibrary *library, SacThumbnailer *thumbnailer);
/* Before anything else: "library-as-list" and "library-order" are bound to it. */
void sac_library_page_set_settings(SacLibraryPage *page, GSettings *settings);
/* Leaves a video out that is about to be forgotten, as long as that can be undone. */
void sac_library_page_set_hidden(SacLibraryPage *page, gint64 video_id, gboolean is_hidden);
void sac_library_page_undo_tags(SacLibraryPage *page);
/* The library could not be opened: why, and the buttons that help. */
void sac_library_page_show_error(SacLibraryPage *page, const GError *error);

G_END_DECLS
