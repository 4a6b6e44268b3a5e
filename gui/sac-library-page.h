/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "core/library/sac-library.h"
#include "core/media/sac-thumbnailer.h"

/*
 * The videos of the library with their picture, length, state and count of moments, or a page that says how to add the first.
 * Reads the library in a worker thread whenever it changes. Main thread.
 *
 * Signals: "open" (char *path); "loaded" (guint videos)
 */

G_BEGIN_DECLS

#define SAC_TYPE_LIBRARY_PAGE (sac_library_page_get_type())
G_DECLARE_FINAL_TYPE(SacLibraryPage, sac_library_page, SAC, LIBRARY_PAGE, GtkWidget)

void sac_library_page_set_library(SacLibraryPage *page, SacLibrary *library, SacThumbnailer *thumbnailer);
/* The library could not be opened: why, and the buttons that help. */
void sac_library_page_show_error(SacLibraryPage *page, const GError *error);

G_END_DECLS
