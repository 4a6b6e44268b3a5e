/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * One thing that is done in the background, as the jobs list shows it: what, how far, how fast, how long yet; it can be paused and
 * cancelled. Whoever does the work makes one, reports to it and ends it. Main thread.
 *
 * Signals: "changed"; "ended", once, after which nothing changes; "move" (int direction): a waiting one is wanted earlier (-1) or later.
 */

G_BEGIN_DECLS

typedef enum {
  SAC_JOB_WAITING, /* for its turn */
  SAC_JOB_RUNNING,
  SAC_JOB_PAUSED,
  SAC_JOB_DONE,
  SAC_JOB_FAILED,
  SAC_JOB_CANCELLED,
} SacJobState;

typedef struct {
  void (*pause)(gpointer work); /* NULL: cannot be paused */
  void (*resume)(gpointer work);
  void (*cancel)(gpointer work);
} SacJobControls;

#define SAC_TYPE_JOB (sac_job_get_type())
G_DECLARE_FINAL_TYPE(SacJob, sac_job, SAC, JOB, GObject)

/* work: passed to controls, (transfer full) with free_work. */
SacJob *sac_job_new(const char *title, const SacJobControls *controls, gpointer work, GDestroyNotify free_work);

/* fraction: 0…1. rate: "12×" or NULL. time_left_us below 0: not known. */
void sac_job_report(SacJob *job, double fraction, const char *rate, gint64 time_left_us);
/* detail: what came of it, or what went wrong. */
void sac_job_end(SacJob *job, SacJobState state, const char *detail);

/* What sac_job_new() was given. */
gpointer sac_job_get_work(SacJob *job);
const char *sac_job_get_title(SacJob *job);
/* "45 %, 12×, 0:32 left", or what came of it. */
const char *sac_job_get_detail(SacJob *job);
double sac_job_get_fraction(SacJob *job);
SacJobState sac_job_get_state(SacJob *job);
gboolean sac_job_is_ended(SacJob *job);
gboolean sac_job_can_pause(SacJob *job);

/* For who makes the jobs wait for each other. */
void sac_job_set_waiting(SacJob *job, gboolean is_waiting);
/* It stands still because of what reason says, NULL: no longer; apart from whether it was paused. */
void sac_job_hold(SacJob *job, const char *reason);
/* Asks for it. */
void sac_job_move(SacJob *job, int direction);
void sac_job_pause(SacJob *job);
void sac_job_resume(SacJob *job);
void sac_job_cancel(SacJob *job);

G_END_DECLS
