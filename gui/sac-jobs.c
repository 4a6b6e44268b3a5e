/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-jobs.h"

#include <glib/gi18n.h>

#include "core/sac-error.h"
#include "gui/sac-export-job.h"

struct _SacJobs {
  GObject parent_instance;
  SacLibrary *library;
  SacEncoder *encoder;
  GListStore *list;
  SacJob *indexing; /* that runs; NULL: none */
  char *held;       /* why none may run; NULL: it may */
};

/* One indexing job from when it is asked for to its end. */
typedef struct {
  SacJobs *jobs;
  SacJob *job; /* not a reference: it holds this */
  SacIndexJob *index;
  gboolean is_recorded, is_started, is_cancelled;
} Indexing;

enum { FINISHED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacJobs, sac_jobs, G_TYPE_OBJECT)

GListModel *
sac_jobs_get_list(SacJobs *jobs)
{
  return G_LIST_MODEL(jobs->list);
}

/* Calls each for all that are not ended; returns how many. */
static guint
for_running(SacJobs *jobs, void (*each)(SacJob *job, gpointer data), gpointer data)
{
  guint n_running = 0;
  for (guint i = 0; i < g_list_model_get_n_items(G_LIST_MODEL(jobs->list)); i++) {
    g_autoptr(SacJob) job = g_list_model_get_item(G_LIST_MODEL(jobs->list), i);
    if (!sac_job_is_ended(job)) {
      n_running++;
      if (each) {
        each(job, data);
      }
    }
  }
  return n_running;
}

guint
sac_jobs_count_running(SacJobs *jobs)
{
  return for_running(jobs, NULL, NULL);
}

static void
add_fraction(SacJob *job, gpointer sum)
{
  *(double *)sum += sac_job_get_fraction(job);
}

double
sac_jobs_get_fraction(SacJobs *jobs)
{
  double sum = 0;
  guint n = for_running(jobs, add_fraction, &sum);
  return n > 0 ? sum / n : 0;
}

void
sac_jobs_clear_ended(SacJobs *jobs)
{
  for (guint i = g_list_model_get_n_items(G_LIST_MODEL(jobs->list)); i-- > 0;) {
    g_autoptr(SacJob) job = g_list_model_get_item(G_LIST_MODEL(jobs->list), i);
    if (sac_job_is_ended(job)) {
      g_list_store_remove(jobs->list, i);
    }
  }
}

/* How many of the list come before the ended ones; only_running: before the waiting ones. */
static guint
count_active(SacJobs *jobs, gboolean only_running)
{
  guint n = 0;
  for (guint i = 0; i < g_list_model_get_n_items(G_LIST_MODEL(jobs->list)); i++) {
    g_autoptr(SacJob) job = g_list_model_get_item(G_LIST_MODEL(jobs->list), i);
    n += !sac_job_is_ended(job) && !(only_running && sac_job_get_state(job) == SAC_JOB_WAITING);
  }
  return n;
}

static void
take_out(SacJobs *jobs, SacJob *job)
{
  guint position;
  if (g_list_store_find(jobs->list, job, &position)) {
    g_list_store_remove(jobs->list, position);
  }
}

static void
on_ended(SacJob *job, SacJobs *jobs)
{
  g_autoptr(SacJob) kept = g_object_ref(job);
  take_out(jobs, kept);
  g_list_store_insert(jobs->list, count_active(jobs, FALSE), kept);
}

static void
add(SacJobs *jobs, SacJob *job)
{
  gboolean is_waiting = sac_job_get_state(job) == SAC_JOB_WAITING;
  g_list_store_insert(jobs->list, count_active(jobs, !is_waiting), job);
  g_signal_connect_object(job, "ended", G_CALLBACK(on_ended), jobs, 0);
}

static void
on_move(SacJob *job, int direction, SacJobs *jobs)
{
  guint position, first = count_active(jobs, TRUE), n = count_active(jobs, FALSE);
  if (!g_list_store_find(jobs->list, job, &position) || sac_job_get_state(job) != SAC_JOB_WAITING ||
      (direction < 0 ? position <= first : position + 1 >= n)) {
    return;
  }
  g_autoptr(SacJob) kept = g_object_ref(job);
  g_list_store_remove(jobs->list, position);
  g_list_store_insert(jobs->list, direction < 0 ? position - 1 : position + 1, kept);
}

/* --- indexing -------------------------------------------------------------------------------------------------------------- */

static void
indexing_free(gpointer data)
{
  Indexing *indexing = data;
  g_clear_object(&indexing->jobs);
  g_object_unref(indexing->index);
  g_free(indexing);
}

static void start_indexing(Indexing *indexing);

static void
pause_index(gpointer work)
{
  sac_index_job_pause(((Indexing *)work)->index);
}

static void
resume_index(gpointer work)
{
  sac_index_job_resume(((Indexing *)work)->index);
}

/* One that waits ends as a running one does: by running, which takes it out of the library. */
static void
cancel_index(gpointer work)
{
  Indexing *indexing = work;
  sac_index_job_cancel(indexing->index);
  indexing->is_cancelled = TRUE;
  if (indexing->is_recorded && !indexing->is_started) {
    start_indexing(indexing);
  }
}

static void
on_index_progress(SacIndexJob *index, GParamSpec *spec, SacJob *job)
{
  g_autofree char *rate = NULL;
  if (sac_index_job_get_rate(index) > 0) {
    rate = g_strdup_printf("%.1f×", sac_index_job_get_rate(index));
  }
  sac_job_report(job, sac_index_job_get_fraction(index), rate, sac_index_job_get_time_left(index));
}

/* The first that waits, when nothing is being indexed. */
static void
start_next(SacJobs *jobs)
{
  guint first = count_active(jobs, TRUE);
  g_autoptr(SacJob) job = jobs->indexing ? NULL : g_list_model_get_item(G_LIST_MODEL(jobs->list), first);
  Indexing *indexing = job && sac_job_get_state(job) == SAC_JOB_WAITING ? sac_job_get_work(job) : NULL;
  /* One that is only being written down starts when it is. */
  if (indexing && indexing->is_recorded) {
    jobs->indexing = job;
    start_indexing(indexing);
  }
}

static void
on_indexed(GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr(SacJob) job = data;
  Indexing *indexing = sac_job_get_work(job);
  g_autoptr(SacJobs) jobs = g_steal_pointer(&indexing->jobs); /* which holds the list that holds this */
  g_autoptr(GError) error = NULL;
  SacIndexJob *index = SAC_INDEX_JOB(source);
  gboolean done = sac_index_job_finish(index, result, &error);
  g_autoptr(SacIndexReport) report = sac_index_job_get_report(index);

  g_signal_handlers_disconnect_by_data(index, job);
  if (done) {
    guint n = report->n_indexed + report->n_unchanged + report->n_duplicates;
    g_autofree char *words = g_strdup_printf(ngettext("%u video is searchable", "%u videos are searchable", n), n);
    sac_job_end(job, SAC_JOB_DONE, words);
  } else if (sac_error_is_cancelled(error)) {
    sac_job_end(job, SAC_JOB_CANCELLED, _("Cancelled; what is done stays searchable"));
  } else {
    sac_job_end(job, SAC_JOB_FAILED, error->message);
  }
  if (jobs->indexing == job) {
    jobs->indexing = NULL;
  }
  start_next(jobs);
  g_signal_emit(jobs, signals[FINISHED], 0, job, NULL);
}

static void
start_indexing(Indexing *indexing)
{
  indexing->is_started = TRUE;
  sac_job_set_waiting(indexing->job, FALSE);
  g_signal_connect(indexing->index, "notify::fraction", G_CALLBACK(on_index_progress), indexing->job);
  sac_job_report(indexing->job, 0, NULL, -1);
  if (!indexing->is_cancelled) {
    sac_job_hold(indexing->job, indexing->jobs->held);
  }
  sac_index_job_start(indexing->index, on_indexed, g_object_ref(indexing->job));
}

void
sac_jobs_hold_indexing(SacJobs *jobs, const char *reason)
{
  g_free(jobs->held);
  jobs->held = g_strdup(reason);
  if (jobs->indexing) {
    sac_job_hold(jobs->indexing, reason);
  }
}

static void
record_job(GTask *task, gpointer source, gpointer index, GCancellable *cancellable)
{
  GError *error = NULL;
  if (sac_index_job_record(index, &error)) {
    g_task_return_boolean(task, TRUE);
  } else {
    g_task_return_error(task, error);
  }
}

/* What could not be written is told when the job runs. */
static void
on_recorded(GObject *source, GAsyncResult *result, gpointer data)
{
  SacJobs *jobs = data;
  Indexing *indexing = sac_job_get_work(SAC_JOB(source));
  indexing->is_recorded = TRUE;
  if (indexing->is_cancelled) {
    start_indexing(indexing);
  }
  start_next(jobs);
  g_object_unref(jobs);
}

static void
queue_index(SacJobs *jobs, SacIndexJob *index, const char *title)
{
  static const SacJobControls controls = { pause_index, resume_index, cancel_index };
  Indexing *indexing = g_new0(Indexing, 1);
  indexing->jobs = g_object_ref(jobs);
  indexing->index = g_object_ref(index);
  g_autoptr(SacJob) job = sac_job_new(title, &controls, indexing, indexing_free);
  indexing->job = job;
  g_signal_connect_object(job, "move", G_CALLBACK(on_move), jobs, 0);
  sac_job_set_waiting(job, TRUE);
  add(jobs, job);
  g_autoptr(GTask) task = g_task_new(job, NULL, on_recorded, g_object_ref(jobs));
  g_task_set_task_data(task, g_object_ref(index), g_object_unref);
  g_task_run_in_thread(task, record_job);
}

void
sac_jobs_index(SacJobs *jobs, const char *const *paths, const char *model, gint64 interval_us)
{
  SacIndexOptions options = { .model = model, .interval_us = interval_us };
  g_autoptr(SacIndexJob) index = sac_index_job_new(jobs->library, jobs->encoder, paths, &options);
  g_autofree char *name = g_path_get_basename(paths[0]);
  guint n = g_strv_length((char **)paths);
  g_autofree char *title = n == 1 ? g_strdup_printf(_("Indexing %s"), name)
                                  : g_strdup_printf(ngettext("Indexing %u item", "Indexing %u items", n), n);
  queue_index(jobs, index, title);
}

static void
list_unfinished(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  SacJobs *jobs = source;
  GError *error = NULL;
  GPtrArray *unfinished = sac_index_job_list_unfinished(jobs->library, jobs->encoder, &error);
  if (unfinished) {
    g_task_return_pointer(task, unfinished, (GDestroyNotify)g_ptr_array_unref);
  } else {
    g_task_return_error(task, error);
  }
}

static void
on_unfinished(GObject *source, GAsyncResult *result, gpointer data)
{
  SacJobs *jobs = SAC_JOBS(source);
  g_autoptr(GPtrArray) unfinished = g_task_propagate_pointer(G_TASK(result), NULL);
  for (guint i = 0; unfinished && i < unfinished->len; i++) {
    queue_index(jobs, g_ptr_array_index(unfinished, i), _("Indexing, resumed"));
  }
}

void
sac_jobs_resume_unfinished(SacJobs *jobs)
{
  g_autoptr(GTask) task = g_task_new(jobs, NULL, on_unfinished, NULL);
  g_task_run_in_thread(task, list_unfinished);
}

/* --- exporting --------------------------------------------------------------------------------------------------------------- */

static void
on_exported(SacJob *job, const char *output, gpointer data)
{
  SacJobs *jobs = data;
  g_signal_emit(jobs, signals[FINISHED], 0, job, output);
}

void
sac_jobs_export(SacJobs *jobs, const char *input, const char *output, gint64 from_us, gint64 to_us, gboolean is_exact,
                gboolean overwrite)
{
  SacExportJobRequest request = {
    .input = input, .output = output, .from_us = from_us, .to_us = to_us, .is_exact = is_exact, .overwrite = overwrite
  };
  g_autoptr(SacJob) job = sac_export_job_start(&request, on_exported, g_object_ref(jobs), g_object_unref);
  add(jobs, job);
}

/* --- the object ---------------------------------------------------------------------------------------------------------------- */

SacJobs *
sac_jobs_new(SacLibrary *library, SacEncoder *encoder)
{
  SacJobs *jobs = g_object_new(SAC_TYPE_JOBS, NULL);
  jobs->library = g_object_ref(library);
  jobs->encoder = g_object_ref(encoder);
  return jobs;
}

static void
sac_jobs_finalize(GObject *object)
{
  SacJobs *jobs = SAC_JOBS(object);
  g_clear_object(&jobs->library);
  g_clear_object(&jobs->encoder);
  g_clear_object(&jobs->list);
  g_free(jobs->held);
  G_OBJECT_CLASS(sac_jobs_parent_class)->finalize(object);
}

static void
sac_jobs_class_init(SacJobsClass *class)
{
  G_OBJECT_CLASS(class)->finalize = sac_jobs_finalize;
  signals[FINISHED] = g_signal_new("finished", SAC_TYPE_JOBS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2,
                                   SAC_TYPE_JOB, G_TYPE_STRING);
}

static void
sac_jobs_init(SacJobs *jobs)
{
  jobs->list = g_list_store_new(SAC_TYPE_JOB);
}
