/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/analysis/sac-index-job.h"
#include "gui/sac-job.h"

/*
 * The jobs of this run: those that run, then those that wait in the order of their turn, then the ended ones, newest first. One thing
 * is indexed at a time, the next when it ends; exports run at once. Indexing is recorded in the library while it waits and runs, so that what a
 * crash or the end of the program cut off goes on at the next start. Main thread; nothing blocks.
 *
 * Signal "finished" (SacJob *, const char *path): a job ended; path of the clip that it made, or NULL.
 */

G_BEGIN_DECLS

#define SAC_TYPE_JOBS (sac_jobs_get_type())
G_DECLARE_FINAL_TYPE(SacJobs, sac_jobs, SAC, JOBS, GObject)

SacJobs *sac_jobs_new(SacLibrary *library, SacEncoder *encoder);

/* (transfer none) of SacJob */
GListModel *sac_jobs_get_list(SacJobs *jobs);
guint sac_jobs_count_running(SacJobs *jobs);
/* Of the running ones; 0 without one. */
double sac_jobs_get_fraction(SacJobs *jobs);
void sac_jobs_clear_ended(SacJobs *jobs);

/* Holds what is being indexed, and what will be, until called with NULL. */
void sac_jobs_hold_indexing(SacJobs *jobs, const char *reason);

/* paths: files and folders, NULL-terminated. model may be NULL. */
void sac_jobs_index(SacJobs *jobs, const char *const *paths, const char *model, gint64 interval_us);

/* Cuts [from_us, to_us) of input out into output. */
void sac_jobs_export(SacJobs *jobs, const char *input, const char *output, gint64 from_us, gint64 to_us,
                     gboolean is_exact, gboolean overwrite);

/* Takes up the indexing that was cut off. */
void sac_jobs_resume_unfinished(SacJobs *jobs);

G_END_DECLS
