/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "core/media/sac-thumbnailer.h"
#include "gui/sac-jobs.h"

/*
 * The program with a window: what all of it shares. The library is opened in a worker thread, so it may be NULL; "library-changed"
 * is emitted when it has been opened, closed or has failed to.
 */

G_BEGIN_DECLS

#define SAC_TYPE_APPLICATION (sac_application_get_type())
G_DECLARE_FINAL_TYPE(SacApplication, sac_application, SAC, APPLICATION, AdwApplication)

SacApplication *sac_application_new(void);

GSettings *sac_application_get_settings(SacApplication *application);
SacThumbnailer *sac_application_get_thumbnailer(SacApplication *application);
SacEncoder *sac_application_get_encoder(SacApplication *application);
/* NULL while it opens and when it could not be. */
SacLibrary *sac_application_get_library(SacApplication *application);
const GError *sac_application_get_library_error(SacApplication *application);
/* NULL without a library. */
SacJobs *sac_application_get_jobs(SacApplication *application);
/* Indexes with the preferences' model and interval; does nothing without a library. */
void sac_application_index(SacApplication *application, const char *const *paths);

G_END_DECLS
