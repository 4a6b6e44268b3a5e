/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/media/sac-player.h"

/* Shows a player's pictures as large as fits, on black. Tells the player how large that is, so that none is scaled twice. */

G_BEGIN_DECLS

#define SAC_TYPE_VIDEO_VIEW (sac_video_view_get_type())
G_DECLARE_FINAL_TYPE(SacVideoView, sac_video_view, SAC, VIDEO_VIEW, GtkWidget)

/* Once. */
void sac_video_view_set_player(SacVideoView *view, SacPlayer *player);
/* Forgets the picture. */
void sac_video_view_clear(SacVideoView *view);

G_END_DECLS
