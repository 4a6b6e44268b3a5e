/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/media/sac-frame.h"

/*
 * Small pictures of instants of videos, soon: from memory, else from disk, else decoded.
 *
 * A thumbnail is known by the file's path, size and modification time, the instant and the height, so a changed file gets new
 * ones. It is the last key frame not later than the instant when that is within two seconds, else the exact frame: what a film
 * strip and a list of results need. Asked for at once, the latest request is served first (what the user looks at now), and
 * requests whose cancellable is cancelled are dropped without being decoded.
 *
 * One worker thread of low priority a thumbnailer; it keeps the last few files open. All functions belong to the thread that made the
 * thumbnailer (its thread-default main context at each call gets the answer); none blocks. The memory holds at most 64 MiB, the
 * folder on disk at most 512 MiB, the least recently written going first. A folder that cannot be written is done without.
 */

G_BEGIN_DECLS

#define SAC_TYPE_THUMBNAILER (sac_thumbnailer_get_type())
G_DECLARE_FINAL_TYPE(SacThumbnailer, sac_thumbnailer, SAC, THUMBNAILER, GObject)

/* cache_dir: made if missing; NULL: saccade/thumbnails in the user's cache folder. */
SacThumbnailer *sac_thumbnailer_new(const char *cache_dir);

/* The thumbnail at once, or NULL: not in memory. Returns: (transfer full) (nullable). */
SacFrame *sac_thumbnailer_peek(SacThumbnailer *thumbnailer, const char *path, gint64 time_us, int height);

/* height: rows of pixels, 16 to 1080; the width follows from the video. */
void sac_thumbnailer_get_async(SacThumbnailer *thumbnailer, const char *path, gint64 time_us, int height,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/* Returns: (transfer full): RGBA, or NULL with error (SAC_ERROR_CANCELLED or G_IO_ERROR_CANCELLED when cancelled). */
SacFrame *sac_thumbnailer_get_finish(SacThumbnailer *thumbnailer, GAsyncResult *result, GError **error);

G_END_DECLS
