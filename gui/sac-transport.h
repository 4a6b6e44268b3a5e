/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/media/sac-player.h"

/* The bar between video and timeline: play, time, steps, speed, volume, the marked span, and what is done with it. Its buttons
 * activate the window's actions; it shows the player's state. */

G_BEGIN_DECLS

#define SAC_TYPE_TRANSPORT (sac_transport_get_type())
G_DECLARE_FINAL_TYPE(SacTransport, sac_transport, SAC, TRANSPORT, GtkBox)

/* Once. */
void sac_transport_set_player(SacTransport *transport, SacPlayer *player);
/* from_us < 0: none. */
void sac_transport_set_span(SacTransport *transport, gint64 from_us, gint64 to_us);
/* Only what there is room for. */
void sac_transport_set_narrow(SacTransport *transport, gboolean is_narrow);

G_END_DECLS
