/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "gui/sac-job.h"

/* Cutting a clip in a thread of its own, as a job: it can be paused, and cancelling leaves nothing behind. Main thread. */

G_BEGIN_DECLS

typedef struct {
  const char *input, *output; /* the format follows from output's extension */
  gint64 from_us, to_us;
  gboolean is_exact; /* by re-encoding; else whole groups of pictures are copied */
  gboolean overwrite;
} SacExportJobRequest;

/* done is called once when the job has ended; output is NULL when there is no clip. (transfer full) */
SacJob *
sac_export_job_start(const SacExportJobRequest *request, void (*done)(SacJob *job, const char *output, gpointer data),
                     gpointer data, GDestroyNotify free_data);

G_END_DECLS
