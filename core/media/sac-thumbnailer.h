/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/media/sac-frame.h"

/*
 * Small pictures of videos at given times, for lists and the film strip: from memory, from a folder, or decoded by one thread that
 * takes the latest request first, because that is what is on the screen. A picture is known by its file's path, size and
 * modification time, the asked time and the height.
 */

G_BEGIN_DECLS

#define SAC_TYPE_THUMBNAILER (sac_thumbnailer_get_type())
G_DECLARE_FINAL_TYPE(SacThumbnailer, sac_thumbnailer, SAC, THUMBNAILER, GObject)

/* cache_dir: NULL for the user's cache folder. A folder that cannot be written is done without. */
SacThumbnailer *sac_thumbnailer_new(const char *cache_dir);

/* Main thread. height: pixels. The key frame at or before the time is good enough while it is less than two seconds away;
 * otherwise it is the frame that is shown then. */
void sac_thumbnailer_get_async(SacThumbnailer *thumbnailer, const char *path, gint64 time_us, int height,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
/* Returns: (transfer full): RGBA */
SacFrame *sac_thumbnailer_get_finish(SacThumbnailer *thumbnailer, GAsyncResult *result, GError **error);

G_END_DECLS
