/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/library/sac-library.h"

/*
 * Watches the folders of the setting "watched-folders", with all that is in them: at the start for what came meanwhile, then by what the
 * system tells. What the library does not have is told by "found" (GStrv paths), several files at once, when nothing more was written
 * to them for a while. Files are listed in a worker thread. Main thread.
 */

G_BEGIN_DECLS

#define SAC_TYPE_FOLDER_WATCH (sac_folder_watch_get_type())
G_DECLARE_FINAL_TYPE(SacFolderWatch, sac_folder_watch, SAC, FOLDER_WATCH, GObject)

SacFolderWatch *sac_folder_watch_new(SacLibrary *library, GSettings *settings);

G_END_DECLS
