/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-job.h"

#include <glib/gi18n.h>

#include "core/sac-time.h"

struct _SacJob {
  GObject parent_instance;
  char *title, *detail;
  double fraction;
  SacJobState state;
  char *held; /* why it stands still though it is not paused; NULL: it does not */
  SacJobControls controls;
  gpointer work;
  GDestroyNotify free_work;
};

enum { CHANGED, ENDED, MOVE, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacJob, sac_job, G_TYPE_OBJECT)

static void
sac_job_finalize(GObject *object)
{
  SacJob *job = SAC_JOB(object);
  g_free(job->title);
  g_free(job->detail);
  g_free(job->held);
  if (job->free_work) {
    job->free_work(job->work);
  }
  G_OBJECT_CLASS(sac_job_parent_class)->finalize(object);
}

static void
sac_job_class_init(SacJobClass *class)
{
  G_OBJECT_CLASS(class)->finalize = sac_job_finalize;
  signals[CHANGED] = g_signal_new("changed", SAC_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[ENDED] = g_signal_new("ended", SAC_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[MOVE] =
      g_signal_new("move", SAC_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_INT);
}

static void
sac_job_init(SacJob *job)
{
  job->detail = g_strdup("");
  job->state = SAC_JOB_RUNNING;
}

SacJob *
sac_job_new(const char *title, const SacJobControls *controls, gpointer work, GDestroyNotify free_work)
{
  SacJob *job = g_object_new(SAC_TYPE_JOB, NULL);
  job->title = g_strdup(title);
  job->controls = *controls;
  job->work = work;
  job->free_work = free_work;
  return job;
}

void
sac_job_report(SacJob *job, double fraction, const char *rate, gint64 time_left_us)
{
  if (sac_job_is_ended(job)) {
    return;
  }
  g_autoptr(GString) words = g_string_new(NULL);
  g_string_append_printf(words, _("%d %%"), (int)(CLAMP(fraction, 0, 1) * 100));
  if (job->state == SAC_JOB_PAUSED || job->held) {
    g_string_append_printf(words, " · %s", job->state == SAC_JOB_PAUSED ? _("paused") : job->held);
  } else {
    if (rate) {
      g_string_append_printf(words, " · %s", rate);
    }
    if (time_left_us >= 0) {
      g_autofree char *left = sac_time_format(time_left_us / SAC_SECOND * SAC_SECOND);
      *strchrnul(left, '.') = '\0';
      g_string_append(words, " · ");
      g_string_append_printf(words, _("%s left"), left);
    }
  }
  job->fraction = CLAMP(fraction, 0, 1);
  g_free(job->detail);
  job->detail = g_strdup(words->str);
  g_signal_emit(job, signals[CHANGED], 0);
}

void
sac_job_end(SacJob *job, SacJobState state, const char *detail)
{
  if (sac_job_is_ended(job)) {
    return;
  }
  job->state = state;
  job->fraction = state == SAC_JOB_DONE ? 1 : job->fraction;
  g_free(job->detail);
  job->detail = g_strdup(detail);
  g_signal_emit(job, signals[CHANGED], 0);
  g_signal_emit(job, signals[ENDED], 0);
}

gpointer
sac_job_get_work(SacJob *job)
{
  return job->work;
}

const char *
sac_job_get_title(SacJob *job)
{
  return job->title;
}

const char *
sac_job_get_detail(SacJob *job)
{
  return job->detail;
}

double
sac_job_get_fraction(SacJob *job)
{
  return job->fraction;
}

SacJobState
sac_job_get_state(SacJob *job)
{
  return job->state;
}

gboolean
sac_job_is_ended(SacJob *job)
{
  return job->state >= SAC_JOB_DONE;
}

gboolean
sac_job_can_pause(SacJob *job)
{
  return job->controls.pause && job->state != SAC_JOB_WAITING && !sac_job_is_ended(job);
}

void
sac_job_set_waiting(SacJob *job, gboolean is_waiting)
{
  if (!sac_job_is_ended(job)) {
    job->state = is_waiting ? SAC_JOB_WAITING : SAC_JOB_RUNNING;
    if (is_waiting) {
      g_free(job->detail);
      job->detail = g_strdup(_("Waits for its turn"));
    }
    g_signal_emit(job, signals[CHANGED], 0);
  }
}

void
sac_job_move(SacJob *job, int direction)
{
  g_signal_emit(job, signals[MOVE], 0, direction);
}

static void
change_standing(SacJob *job, SacJobState state, const char *held)
{
  gboolean stood = job->state == SAC_JOB_PAUSED || job->held, stands = state == SAC_JOB_PAUSED || held;
  char *kept = g_strdup(held);
  g_free(job->held);
  job->held = kept;
  job->state = state;
  if (stands != stood) {
    (stands ? job->controls.pause : job->controls.resume)(job->work);
  }
  sac_job_report(job, job->fraction, NULL, -1);
}

static void
set_paused(SacJob *job, gboolean is_paused)
{
  if (sac_job_can_pause(job) && is_paused != (job->state == SAC_JOB_PAUSED)) {
    change_standing(job, is_paused ? SAC_JOB_PAUSED : SAC_JOB_RUNNING, job->held);
  }
}

void
sac_job_hold(SacJob *job, const char *reason)
{
  if (sac_job_can_pause(job) && g_strcmp0(reason, job->held) != 0) {
    change_standing(job, job->state, reason);
  }
}

void
sac_job_pause(SacJob *job)
{
  set_paused(job, TRUE);
}

void
sac_job_resume(SacJob *job)
{
  set_paused(job, FALSE);
}

void
sac_job_cancel(SacJob *job)
{
  if (!sac_job_is_ended(job)) {
    job->controls.cancel(job->work);
  }
}
