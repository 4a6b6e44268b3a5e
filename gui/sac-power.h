/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * Whether the machine runs on its battery, as UPower tells on the system bus. Where there is no UPower it never does.
 *
 * Property "on-battery" (notified). Main thread; nothing blocks.
 */

G_BEGIN_DECLS

#define SAC_TYPE_POWER (sac_power_get_type())
G_DECLARE_FINAL_TYPE(SacPower, sac_power, SAC, POWER, GObject)

SacPower *sac_power_new(void);
gboolean sac_power_is_on_battery(SacPower *power);

G_END_DECLS
