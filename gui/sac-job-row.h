/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "gui/sac-job.h"

/* A job in the jobs list: its title, a bar, and buttons to pause, to cancel and, while it waits, to move it. */

G_BEGIN_DECLS

#define SAC_TYPE_JOB_ROW (sac_job_row_get_type())
G_DECLARE_FINAL_TYPE(SacJobRow, sac_job_row, SAC, JOB_ROW, GtkBox)

GtkWidget *sac_job_row_new(SacJob *job);

G_END_DECLS
