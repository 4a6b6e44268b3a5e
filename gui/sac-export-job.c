/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-export-job.h"

#include <glib/gi18n.h>

#include "core/export/sac-export.h"
#include "core/sac-error.h"
#include "core/sac-time.h"

/* Shared by the main thread and the one that cuts. */
typedef struct {
  gatomicrefcount references;
  char *input, *output;
  SacExportOptions options;
  GCancellable *cancellable;

  GMutex lock;
  GCond changed;
  gboolean is_paused;
  double fraction, rate, seconds_left;
  gboolean is_reporting; /* a report to the main thread is on its way */

  GWeakRef job;
  void (*done)(SacJob *job, const char *output, gpointer data);
  gpointer data;
  GDestroyNotify free_data;
} Export;

static void
export_unref(gpointer data)
{
  Export *export = data;
  if (g_atomic_ref_count_dec(&export->references)) {
    g_free(export->input);
    g_free(export->output);
    g_object_unref(export->cancellable);
    g_mutex_clear(&export->lock);
    g_cond_clear(&export->changed);
    g_weak_ref_clear(&export->job);
    if (export->free_data) {
      export->free_data(export->data);
    }
    g_free(export);
  }
}

static Export *
export_ref(Export *export)
{
  g_atomic_ref_count_inc(&export->references);
  return export;
}

static gboolean
report(gpointer data)
{
  Export *export = data;
  g_autoptr(SacJob) job = g_weak_ref_get(&export->job);
  g_mutex_lock(&export->lock);
  export->is_reporting = FALSE;
  double fraction = export->fraction, seconds_left = export->seconds_left;
  g_autofree char *rate = export->rate > 0 ? g_strdup_printf("%.1f×", export->rate) : NULL;
  g_mutex_unlock(&export->lock);
  if (job) {
    sac_job_report(job, fraction, rate, seconds_left < 0 ? -1 : (gint64)(seconds_left * 1e6));
  }
  return G_SOURCE_REMOVE;
}

/* On the cutting thread, which stands still here while the job is paused. */
static void
on_progress(double fraction, double rate, double seconds_left, gpointer data)
{
  Export *export = data;
  g_mutex_lock(&export->lock);
  export->fraction = fraction;
  export->rate = rate;
  export->seconds_left = seconds_left;
  if (!export->is_reporting) {
    export->is_reporting = TRUE;
    g_idle_add_full(G_PRIORITY_DEFAULT, report, export_ref(export), export_unref);
  }
  while (export->is_paused && !g_cancellable_is_cancelled(export->cancellable)) {
    g_cond_wait(&export->changed, &export->lock);
  }
  g_mutex_unlock(&export->lock);
}

static void
set_paused(Export *export, gboolean is_paused)
{
  g_mutex_lock(&export->lock);
  export->is_paused = is_paused;
  g_cond_broadcast(&export->changed);
  g_mutex_unlock(&export->lock);
}

static void
pause_export(gpointer work)
{
  set_paused(work, TRUE);
}

static void
resume_export(gpointer work)
{
  set_paused(work, FALSE);
}

static void
cancel_export(gpointer work)
{
  Export *export = work;
  g_cancellable_cancel(export->cancellable);
  set_paused(export, FALSE);
}

static void
cut(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Export *export = data;
  GError *error = NULL;
  g_auto(SacExportReport) written = { 0 };
  if (!sac_export_clip(export->input, export->output, &export->options, on_progress, export, cancellable, &written,
                       &error)) {
    g_task_return_error(task, error);
    return;
  }
  g_autofree char *from = sac_time_format(written.start_us);
  g_autofree char *to = sac_time_format(written.end_us);
  g_autoptr(GString) words = g_string_new(NULL);
  g_string_append_printf(words, _("%s – %s saved"), from, to);
  for (guint i = 0; written.notes && i < written.notes->len; i++) {
    g_string_append_printf(words, "\n%s", (char *)g_ptr_array_index(written.notes, i));
  }
  g_task_return_pointer(task, g_strdup(words->str), g_free);
}

static void
on_cut(GObject *source, GAsyncResult *result, gpointer data)
{
  SacJob *job = SAC_JOB(source);
  Export *export = g_task_get_task_data(G_TASK(result));
  g_autoptr(GError) error = NULL;
  g_autofree char *words = g_task_propagate_pointer(G_TASK(result), &error);
  if (words) {
    sac_job_end(job, SAC_JOB_DONE, words);
  } else if (sac_error_is_cancelled(error)) {
    sac_job_end(job, SAC_JOB_CANCELLED, _("Cancelled; nothing was written"));
  } else {
    sac_job_end(job, SAC_JOB_FAILED, error->message);
  }
  export->done(job, words ? export->output : NULL, export->data);
}

SacJob *
sac_export_job_start(const SacExportJobRequest *request, void (*done)(SacJob *job, const char *output, gpointer data),
                     gpointer data, GDestroyNotify free_data)
{
  static const SacJobControls controls = { pause_export, resume_export, cancel_export };
  Export *export = g_new0(Export, 1);
  g_atomic_ref_count_init(&export->references);
  export->input = g_strdup(request->input);
  export->output = g_strdup(request->output);
  export->options = (SacExportOptions){ .from_us = request->from_us,
                                        .to_us = request->to_us,
                                        .mode = request->is_exact ? SAC_EXPORT_EXACT : SAC_EXPORT_COPY,
                                        .overwrite = request->overwrite };
  export->cancellable = g_cancellable_new();
  export->done = done;
  export->data = data;
  export->free_data = free_data;
  g_mutex_init(&export->lock);
  g_cond_init(&export->changed);

  g_autofree char *name = g_path_get_basename(request->output);
  g_autofree char *title = g_strdup_printf(_("Exporting %s"), name);
  SacJob *job = sac_job_new(title, &controls, export, export_unref);
  g_weak_ref_init(&export->job, job);
  sac_job_report(job, 0, NULL, -1);
  g_autoptr(GTask) task = g_task_new(job, export->cancellable, on_cut, NULL);
  g_task_set_task_data(task, export_ref(export), export_unref);
  g_task_run_in_thread(task, cut);
  return job;
}
