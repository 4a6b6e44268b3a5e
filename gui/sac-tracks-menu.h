/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/media/sac-player.h"

/* The menu of what a video has beside its picture: tracks of sound, subtitles, chapters; and the speeds. It follows the player, and its
 * items activate the window's actions. */

/* (transfer full) */
GMenuModel *sac_tracks_menu_new(SacPlayer *player);
