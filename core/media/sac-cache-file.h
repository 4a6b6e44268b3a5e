/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * Files that can be made again at any time: what they hold was computed from a video.
 *
 *      kind (8 bytes)  |  length of the content (8, little-endian)  |  the content  |  SHA-256 of all before it (32)
 *
 * A file that is damaged, cut off or of another kind is the same as none. Blocking; any thread; several programs may use the same.
 */

G_BEGIN_DECLS

/* kind: exactly 8 characters, the last a version. Marks the file as used now. Returns: (transfer full) (nullable) */
GBytes *sac_cache_file_load(const char *path, const char *kind);
/* Makes the folder too; written beside and renamed. FALSE: it could not be written, which the caller can do nothing about. */
gboolean sac_cache_file_save(const char *path, const char *kind, gconstpointer content, gsize size);

/* Where a folder with its folders holds more than bytes, the files that were not used for the longest time go until three quarters are left. */
void sac_cache_folder_prune(const char *directory, gint64 bytes);

G_END_DECLS
