/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/media/sac-player.h"

/* The player on the session bus, as the MPRIS D-Bus Interface Specification 2.2 has it: media keys and the desktop's own controls work.
 * Methods activate the window's actions or the player's functions; properties follow the player. Main thread. */

G_BEGIN_DECLS

#define SAC_TYPE_MPRIS (sac_mpris_get_type())
G_DECLARE_FINAL_TYPE(SacMpris, sac_mpris, SAC, MPRIS, GObject)

/* connection NULL: no bus, and so nothing happens. The window, a SacWindow, owns what is returned. */
SacMpris *sac_mpris_new(GDBusConnection *connection, GtkWindow *window, SacPlayer *player);

G_END_DECLS
