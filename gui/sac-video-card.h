/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/library/sac-video.h"
#include "core/media/sac-thumbnailer.h"

/*
 * A video in the library: its picture, length, name, date, state and count of moments, and a menu to index, to locate and to forget
 * it. The picture is asked for only when the card is looked at (sac_video_card_look), because a list keeps more cards than it shows.
 */

G_BEGIN_DECLS

#define SAC_TYPE_VIDEO_CARD (sac_video_card_get_type())
G_DECLARE_FINAL_TYPE(SacVideoCard, sac_video_card, SAC, VIDEO_CARD, GtkBox)

/* is_line: for a list, a line with a small picture. */
GtkWidget *sac_video_card_new(gboolean is_line);
void sac_video_card_show(SacVideoCard *card, SacThumbnailer *thumbnailer, const SacVideo *video);
/* Asks for the picture if the card is within viewport, and gives up what has not come yet if it is not. */
void sac_video_card_look(SacVideoCard *card, GtkWidget *viewport);

G_END_DECLS
