/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

/*
 * Lays out the window's four parts by its width. Parts that are not visible take no room.
 *
 *      wide    ┌ content ┬ side ┐        narrow   ┌ content  ┐
 *              ├ bar ────┴──────┤                 ├ bar      ┤
 *              └ timeline ──────┘                 ├ timeline ┤
 *                                                 └ side     ┘
 *
 * In a .ui file each child has a type: content, side, bar, timeline. "narrow" is notified from an idle, never while sizes are given.
 */

G_BEGIN_DECLS

#define SAC_TYPE_WORKBENCH (sac_workbench_get_type())
G_DECLARE_FINAL_TYPE(SacWorkbench, sac_workbench, SAC, WORKBENCH, GtkWidget)

gboolean sac_workbench_get_narrow(SacWorkbench *workbench);
/* Overlaid, the content has all the room and the bar lies over its lower edge: for a full screen. */
void sac_workbench_set_overlaid(SacWorkbench *workbench, gboolean is_overlaid);

G_END_DECLS
