/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* Where each file was left, so that it goes on there: a small file of keys beside the library, read and written in the background. Main
 * thread; nothing blocks. */

G_BEGIN_DECLS

#define SAC_TYPE_POSITIONS (sac_positions_get_type())
G_DECLARE_FINAL_TYPE(SacPositions, sac_positions, SAC, POSITIONS, GObject)

SacPositions *sac_positions_new(void);
/* In microseconds; 0 where nothing is known. */
gint64 sac_positions_get(SacPositions *positions, const char *path);
/* Near the start or the end, the file is forgotten: next time it begins anew. */
void sac_positions_set(SacPositions *positions, const char *path, gint64 position_us, gint64 duration_us);

G_END_DECLS
