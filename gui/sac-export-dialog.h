/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "gui/sac-jobs.h"

/* Asks how and where to the marked span is exported, remembers it, and starts the job. The name is a template, see its help. */

G_BEGIN_DECLS

#define SAC_TYPE_EXPORT_DIALOG (sac_export_dialog_get_type())
G_DECLARE_FINAL_TYPE(SacExportDialog, sac_export_dialog, SAC, EXPORT_DIALOG, AdwWindow)

/* label: of the span's tag, or NULL. */
void sac_export_dialog_present(GtkWindow *parent, SacJobs *jobs, GSettings *settings, const char *path, gint64 from_us,
                               gint64 to_us, const char *label);

G_END_DECLS
