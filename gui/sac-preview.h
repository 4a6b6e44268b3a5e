/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "gui/sac-thumbnail.h"

/*
 * Plays a span in a thumbnail, again and again and without sound, while the pointer rests on it. One plays at a time; the file is open
 * only meanwhile. Main thread; nothing blocks.
 */

G_BEGIN_DECLS

#define SAC_TYPE_PREVIEW (sac_preview_get_type())
G_DECLARE_FINAL_TYPE(SacPreview, sac_preview, SAC, PREVIEW, GObject)

SacPreview *sac_preview_new(void);

/* After a short dwell. What played before ends. */
void sac_preview_start(SacPreview *preview, SacThumbnail *picture, const char *path, gint64 from_us, gint64 to_us);
void sac_preview_stop(SacPreview *preview);
/* The picture that it plays in, or is about to; NULL: none. */
SacThumbnail *sac_preview_get_picture(SacPreview *preview);

G_END_DECLS
