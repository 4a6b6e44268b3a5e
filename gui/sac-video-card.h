/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/library/sac-video.h"
#include "core/media/sac-thumbnailer.h"

/* A video in the library: its picture, length, name, state and count of moments, and a menu to index and to forget it. */

G_BEGIN_DECLS

#define SAC_TYPE_VIDEO_CARD (sac_video_card_get_type())
G_DECLARE_FINAL_TYPE(SacVideoCard, sac_video_card, SAC, VIDEO_CARD, GtkBox)

GtkWidget *sac_video_card_new(void);
void sac_video_card_show(SacVideoCard *card, SacThumbnailer *thumbnailer, const SacVideo *video);

G_END_DECLS
