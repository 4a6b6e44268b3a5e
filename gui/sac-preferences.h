/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

/* Model, device, sampling interval, library folder and watched folders. What there is to choose from is asked for in the background. */

G_BEGIN_DECLS

#define SAC_TYPE_PREFERENCES (sac_preferences_get_type())
G_DECLARE_FINAL_TYPE(SacPreferences, sac_preferences, SAC, PREFERENCES, AdwPreferencesWindow)

void sac_preferences_present(GtkWindow *parent, GSettings *settings);

G_END_DECLS
