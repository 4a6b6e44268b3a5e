/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/media/sac-thumbnailer.h"

/* A small picture of a video, 16:9, filled in when it comes; what it was asked for before is given up. */

G_BEGIN_DECLS

#define SAC_TYPE_THUMBNAIL (sac_thumbnail_get_type())
G_DECLARE_FINAL_TYPE(SacThumbnail, sac_thumbnail, SAC, THUMBNAIL, GtkWidget)

/* path NULL: none. */
void sac_thumbnail_show(SacThumbnail *thumbnail, SacThumbnailer *thumbnailer, const char *path, gint64 time_us);
/* What has not come yet is given up; the next show asks for it again. */
void sac_thumbnail_give_up(SacThumbnail *thumbnail);
/* Over the picture, for what plays in it; NULL: the picture again. */
void sac_thumbnail_show_frame(SacThumbnail *thumbnail, SacFrame *frame);

G_END_DECLS
