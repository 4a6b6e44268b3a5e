/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/analysis/sac-index-job.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/media/sac-probe.h"
#include "core/sac-error.h"
#include "core/sac-time.h"

#define DEFAULT_MODEL "starter"
#define MAX_FOLDER_DEPTH 64
#define NOTIFY_INTERVAL_MS 100

/* A file to work on, from the walk to the end. */
struct candidate {
  char *path;
  gboolean asked_for;      /* named by the user, not found in a folder */
  SacMediaInfo *info;      /* NULL when it is not to be analysed; then its SacIndexFile says why */
  gint64 size, changed_us; /* when it was examined */
};

struct _SacIndexJob {
  GObject parent_instance;

  SacLibrary *library;
  SacEncoder *encoder;
  char **paths;
  char *model;
  char **analysers;
  gint64 interval_us;
  gboolean software_decoding, keyframes_allowed;
  gboolean tuned; /* the working thread's alone */

  GCancellable *cancellable;
  GMainContext *context;
  SacIndexProgressFunction progress_function;
  gpointer progress_data;

  GMutex lock; /* over everything below */
  GCond resumed;
  gboolean pause;
  SacIndexJobState state;
  GSource *notification;
  char *message;
  char *notice;                /* what happened to the device, the last time */
  GPtrArray *files;            /* of SacIndexFile */
  gint64 total_us;             /* of all videos of this run */
  gint64 done_us;              /* of videos that are over */
  gint64 current_us;           /* of the one at hand */
  gint64 resumed_us;           /* of the one at hand, in the library before this run */
  gint64 worked_us, n_samples; /* analysed in this run */
  gint64 started, paused_since, paused_for;
  gint64 record; /* in the library's table of jobs */
};

enum { PROPERTY_FRACTION = 1, PROPERTY_RATE, PROPERTY_TIME_LEFT, PROPERTY_STATE, PROPERTY_MESSAGE, N_PROPERTIES };

static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_FINAL_TYPE(SacIndexJob, sac_index_job, G_TYPE_OBJECT)

static void
index_file_free(gpointer data)
{
  SacIndexFile *file = data;
  g_free(file->path);
  g_free(file->reason);
  g_free(file);
}

static void
candidate_free(gpointer data)
{
  struct candidate *candidate = data;
  g_free(candidate->path);
  g_clear_pointer(&candidate->info, sac_media_info_unref);
  g_free(candidate);
}

void
sac_index_report_free(SacIndexReport *report)
{
  if (report == NULL)
    return;
  g_ptr_array_unref(report->files);
  g_free(report->notice);
  g_free(report);
}

/* --- progress ------------------------------------------------------------------------------------------------------------- */

static gboolean
emit_notifications(gpointer data)
{
  g_autoptr(SacIndexJob) job = g_weak_ref_get(data);
  if (job == NULL)
    return G_SOURCE_REMOVE;
  g_mutex_lock(&job->lock);
  g_clear_pointer(&job->notification, g_source_unref);
  g_mutex_unlock(&job->lock);
  for (int i = 1; i < N_PROPERTIES; i++)
    g_object_notify_by_pspec(G_OBJECT(job), properties[i]);
  return G_SOURCE_REMOVE;
}

static void
free_weak_reference(gpointer data)
{
  g_weak_ref_clear(data);
  g_free(data);
}

static void
notify_locked(SacIndexJob *job)
{
  if (job->notification != NULL)
    return;
  GWeakRef *reference = g_new(GWeakRef, 1);
  g_weak_ref_init(reference, job);
  job->notification = g_timeout_source_new(NOTIFY_INTERVAL_MS);
  g_source_set_callback(job->notification, emit_notifications, reference, free_weak_reference);
  g_source_attach(job->notification, job->context);
}

static void
set_state(SacIndexJob *job, SacIndexJobState state, const char *message)
{
  g_mutex_lock(&job->lock);
  job->state = state;
  if (message != NULL) {
    g_free(job->message);
    job->message = g_strdup(message);
  }
  notify_locked(job);
  g_mutex_unlock(&job->lock);
}

static double
seconds_worked_locked(SacIndexJob *job)
{
  if (job->started == 0)
    return 0;
  gint64 now = job->paused_since != 0 ? job->paused_since : g_get_monotonic_time();
  return (double)(now - job->started - job->paused_for) / 1e6;
}

static double
rate_locked(SacIndexJob *job)
{
  double seconds = seconds_worked_locked(job);
  return seconds > 0 ? (double)job->worked_us / 1e6 / seconds : 0;
}

double
sac_index_job_get_fraction(SacIndexJob *job)
{
  g_mutex_lock(&job->lock);
  double done = (double)(job->done_us + job->current_us);
  double fraction = job->state == SAC_INDEX_JOB_DONE ? 1.0 : job->total_us > 0 ? done / (double)job->total_us : 0.0;
  g_mutex_unlock(&job->lock);
  return CLAMP(fraction, 0.0, 1.0);
}

double
sac_index_job_get_rate(SacIndexJob *job)
{
  g_mutex_lock(&job->lock);
  double rate = rate_locked(job);
  g_mutex_unlock(&job->lock);
  return rate;
}

gint64
sac_index_job_get_time_left(SacIndexJob *job)
{
  g_mutex_lock(&job->lock);
  double rate = rate_locked(job);
  gint64 left_us = MAX(0, job->total_us - job->done_us - job->current_us);
  g_mutex_unlock(&job->lock);
  return rate > 0 ? (gint64)((double)left_us / rate) : -1;
}

SacIndexJobState
sac_index_job_get_state(SacIndexJob *job)
{
  g_mutex_lock(&job->lock);
  SacIndexJobState state = job->state;
  g_mutex_unlock(&job->lock);
  return state;
}

char *
sac_index_job_dup_message(SacIndexJob *job)
{
  g_mutex_lock(&job->lock);
  char *message = g_strdup(job->message);
  g_mutex_unlock(&job->lock);
  return message;
}

static gboolean
wait_while_paused(SacIndexJob *job)
{
  g_mutex_lock(&job->lock);
  if (job->pause && !g_cancellable_is_cancelled(job->cancellable)) {
    job->paused_since = g_get_monotonic_time();
    job->state = SAC_INDEX_JOB_PAUSED;
    notify_locked(job);
    while (job->pause && !g_cancellable_is_cancelled(job->cancellable))
      g_cond_wait(&job->resumed, &job->lock);
    job->paused_for += g_get_monotonic_time() - job->paused_since;
    job->paused_since = 0;
    job->state = SAC_INDEX_JOB_RUNNING;
    notify_locked(job);
  }
  g_mutex_unlock(&job->lock);
  return !g_cancellable_is_cancelled(job->cancellable);
}

static gboolean
advance(gpointer data, gint64 done_us, gint64 n_new_samples)
{
  SacIndexJob *job = data;
  char *notice = sac_encoder_take_notice(job->encoder);
  g_mutex_lock(&job->lock);
  if (notice != NULL) {
    g_free(job->notice);
    job->notice = notice;
    g_free(job->message);
    job->message = g_strdup(notice);
  }
  /* What an earlier run had done counts for the fraction and not for the rate. */
  if (job->resumed_us < 0)
    job->resumed_us = MAX(0, done_us - n_new_samples * job->interval_us);
  gint64 before = MAX(job->current_us, job->resumed_us);
  job->worked_us += MAX(0, done_us - before);
  job->current_us = MAX(job->current_us, done_us);
  job->n_samples += n_new_samples;
  notify_locked(job);
  g_mutex_unlock(&job->lock);
  if (job->progress_function != NULL)
    job->progress_function(job, NULL, job->progress_data);
  return wait_while_paused(job);
}

void
sac_index_job_set_progress_function(SacIndexJob *job, SacIndexProgressFunction function, gpointer data)
{
  job->progress_function = function;
  job->progress_data = data;
}

void
sac_index_job_pause(SacIndexJob *job)
{
  g_mutex_lock(&job->lock);
  job->pause = TRUE;
  g_mutex_unlock(&job->lock);
}

void
sac_index_job_resume(SacIndexJob *job)
{
  g_mutex_lock(&job->lock);
  job->pause = FALSE;
  g_cond_broadcast(&job->resumed);
  g_mutex_unlock(&job->lock);
}

void
sac_index_job_cancel(SacIndexJob *job)
{
  g_cancellable_cancel(job->cancellable);
  g_mutex_lock(&job->lock);
  g_cond_broadcast(&job->resumed);
  g_mutex_unlock(&job->lock);
}

/* --- what to index ---------------------------------------------------------------------------------------------------------- */

static void
end_file(SacIndexJob *job, const char *path, SacIndexFileState state, const char *reason, gint64 video_id,
         gint64 duration_us, gint64 n_samples)
{
  SacIndexFile *file = g_new0(SacIndexFile, 1);
  file->path = g_strdup(path);
  file->state = state;
  file->reason = g_strdup(reason);
  file->video_id = video_id;
  file->duration_us = duration_us;
  file->n_samples = n_samples;
  g_mutex_lock(&job->lock);
  g_ptr_array_add(job->files, file);
  notify_locked(job);
  g_mutex_unlock(&job->lock);
  if (job->progress_function != NULL)
    job->progress_function(job, file, job->progress_data);
}

static gboolean
has_video_name(const char *path)
{
  g_autofree char *type = g_content_type_guess(path, NULL, 0, NULL);
  g_autofree char *mime = g_content_type_get_mime_type(type);
  return mime != NULL && g_str_has_prefix(mime, "video/");
}

static gboolean
look_at_file(const char *path, gint64 *size, gint64 *changed_us)
{
  GStatBuf status;
  if (g_stat(path, &status) != 0)
    return FALSE;
  *size = status.st_size;
  *changed_us = status.st_mtim.tv_sec * SAC_SECOND + status.st_mtim.tv_nsec / 1000;
  return TRUE;
}

/* A file that is still being written was read as it was then: what is known of it is not yet the whole. */
static gboolean
has_stayed(const struct candidate *candidate, GError **error)
{
  gint64 size, changed_us;
  if (!look_at_file(candidate->path, &size, &changed_us) ||
      (size == candidate->size && changed_us == candidate->changed_us))
    return TRUE;
  g_set_error(
      error, SAC_ERROR, SAC_ERROR_FAILED,
      _("“%s” changed while it was read, as a file does that is still being written: what was there is indexed; "
        "index it again when it is complete"),
      candidate->path);
  return FALSE;
}

/* In a folder, what is not a video is passed over with its reason; what the user named, or what calls itself a video, must be one. */
static void
examine(SacIndexJob *job, const char *path, gboolean asked_for, GPtrArray *candidates)
{
  g_autoptr(GError) error = NULL;
  gint64 size = 0, changed_us = 0;
  look_at_file(path, &size, &changed_us);
  g_autoptr(SacMediaInfo) info = sac_probe_file(path, &error);
  gboolean strict = asked_for || has_video_name(path);
  if (info == NULL) {
    gboolean skip = !strict && g_error_matches(error, SAC_ERROR, SAC_ERROR_INVALID_FILE);
    end_file(job, path, skip ? SAC_INDEX_FILE_SKIPPED : SAC_INDEX_FILE_FAILED, error->message, 0, 0, 0);
    return;
  }
  if (!info->has_video) {
    g_autofree char *reason = g_strdup_printf("“%s” has sound but no picture: there is nothing to see in it", path);
    end_file(job, path, asked_for ? SAC_INDEX_FILE_FAILED : SAC_INDEX_FILE_SKIPPED, reason, 0, 0, 0);
    return;
  }
  struct candidate *candidate = g_new0(struct candidate, 1);
  candidate->path = g_strdup(path);
  candidate->asked_for = asked_for;
  candidate->info = g_steal_pointer(&info);
  candidate->size = size;
  candidate->changed_us = changed_us;
  g_ptr_array_add(candidates, candidate);
  g_mutex_lock(&job->lock);
  job->total_us += MAX(candidate->info->duration_us, SAC_SECOND);
  g_mutex_unlock(&job->lock);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
walk(SacIndexJob *job, const char *path, int depth, GPtrArray *candidates)
{
  if (g_cancellable_is_cancelled(job->cancellable))
    return;
  if (!g_file_test(path, G_FILE_TEST_IS_DIR)) {
    /* A pipe or a device in a folder would never end. */
    if (depth > 0 && !g_file_test(path, G_FILE_TEST_IS_REGULAR))
      end_file(job, path, SAC_INDEX_FILE_SKIPPED, "It is not a regular file, or a link that leads nowhere", 0, 0, 0);
    else
      examine(job, path, depth == 0, candidates);
    return;
  }
  g_autoptr(GError) error = NULL;
  g_autoptr(GDir) folder = depth < MAX_FOLDER_DEPTH ? g_dir_open(path, 0, &error) : NULL;
  if (folder == NULL) {
    end_file(job, path, SAC_INDEX_FILE_FAILED, error != NULL ? error->message : "The folders are nested too deeply", 0,
             0, 0);
    return;
  }
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  const char *name;
  while ((name = g_dir_read_name(folder)) != NULL)
    if (name[0] != '.')
      g_ptr_array_add(names, g_build_filename(path, name, NULL));
  g_clear_pointer(&folder, g_dir_close);
  g_ptr_array_sort(names, compare_names);
  for (guint i = 0; i < names->len; i++) {
    const char *inside = names->pdata[i];
    /* A linked folder may lead back up. */
    if (g_file_test(inside, G_FILE_TEST_IS_SYMLINK) && g_file_test(inside, G_FILE_TEST_IS_DIR))
      continue;
    walk(job, inside, depth + 1, candidates);
  }
}

/* --- the work --------------------------------------------------------------------------------------------------------------- */

/* Before the first batch of a job: a device that has not been measured yet is, which takes seconds beside the minutes of the work. */
static gboolean
tune_once(SacIndexJob *job, GError **error)
{
  if (job->tuned)
    return TRUE;
  job->tuned = TRUE;
  g_mutex_lock(&job->lock);
  g_autofree char *message = g_steal_pointer(&job->message);
  job->message = g_strdup("Getting the device ready");
  notify_locked(job);
  g_mutex_unlock(&job->lock);
  gboolean good = sac_encoder_tune(job->encoder, job->model, job->cancellable, error);
  g_mutex_lock(&job->lock);
  g_free(job->message);
  job->message = g_steal_pointer(&message);
  notify_locked(job);
  g_mutex_unlock(&job->lock);
  return good;
}

static gboolean
run_analysers(SacIndexJob *job, const SacVideo *video, gboolean *worked, GError **error)
{
  *worked = FALSE;
  SacAnalyserContext context = { .video = video,
                                 .library = job->library,
                                 .encoder = job->encoder,
                                 .model = job->model,
                                 .interval_us = job->interval_us,
                                 .keyframes_allowed = job->keyframes_allowed,
                                 .hardware = !job->software_decoding,
                                 .cancellable = job->cancellable,
                                 .progress = advance,
                                 .progress_data = job };
  for (char **name = job->analysers; *name != NULL; name++) {
    const SacAnalyser *analyser = sac_analyser_find(*name);
    gboolean done;
    if (!analyser->is_done(&context, &done, error))
      return FALSE;
    if (done)
      continue;
    *worked = TRUE;
    if (analyser->uses_model && !tune_once(job, error))
      return FALSE;
    if (!analyser->run(&context, error))
      return FALSE;
  }
  return TRUE;
}

/* What goes wrong with the library, the device or the model goes wrong with every other file too. */
static gboolean
ends_the_job(const GError *error)
{
  static const SacError codes[] = { SAC_ERROR_NO_SPACE,      SAC_ERROR_READ_ONLY, SAC_ERROR_LOCKED,
                                    SAC_ERROR_NEWER_VERSION, SAC_ERROR_CORRUPT,   SAC_ERROR_DEVICE };
  for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
    if (g_error_matches(error, SAC_ERROR, codes[i]))
      return TRUE;
  return FALSE;
}

static gboolean
index_candidate(SacIndexJob *job, const struct candidate *candidate, GHashTable *seen, GError **error)
{
  const SacMediaInfo *media = candidate->info;
  gint64 samples_before;
  g_mutex_lock(&job->lock);
  g_free(job->message);
  job->message = g_path_get_basename(candidate->path);
  job->current_us = 0;
  job->resumed_us = -1;
  samples_before = job->n_samples;
  notify_locked(job);
  g_mutex_unlock(&job->lock);
  if (!wait_while_paused(job))
    return !sac_cancelled(job->cancellable, error);

  SacVideo info = { .path = candidate->path,
                    .title = media->title,
                    .duration_us = MAX(0, media->duration_us),
                    .width = media->width,
                    .height = media->height,
                    .frame_rate_num = media->frame_rate_num,
                    .frame_rate_den = media->frame_rate_den,
                    .has_audio = media->n_audio_tracks > 0,
                    .is_picture = media->is_picture };
  g_autoptr(GError) failure = NULL;
  g_autoptr(SacVideo) video = NULL;
  gboolean worked = FALSE;
  gint64 id = sac_library_add_video(job->library, &info, NULL, &failure);
  if (id != 0 && g_hash_table_contains(seen, &id)) {
    end_file(job, candidate->path, SAC_INDEX_FILE_DUPLICATE, "It has the same content as another file", id,
             media->duration_us, 0);
  } else if (id != 0 && (video = sac_library_get_video(job->library, id, &failure)) != NULL) {
    g_hash_table_add(seen, g_memdup2(&id, sizeof id));
    /* Read the very file that was examined, whichever other paths lead to the same content. */
    g_free(video->path);
    video->path = g_strdup(candidate->path);
    if (run_analysers(job, video, &worked, &failure) && (!worked || has_stayed(candidate, &failure))) {
      g_mutex_lock(&job->lock);
      gint64 n_samples = job->n_samples - samples_before;
      g_mutex_unlock(&job->lock);
      end_file(job, candidate->path, worked ? SAC_INDEX_FILE_INDEXED : SAC_INDEX_FILE_UNCHANGED, NULL, id,
               media->duration_us, n_samples);
    }
  }
  g_mutex_lock(&job->lock);
  job->done_us += MAX(media->duration_us, SAC_SECOND);
  if (failure == NULL && worked)
    job->worked_us += MAX(0, media->duration_us - MAX(job->current_us, job->resumed_us));
  job->current_us = 0;
  g_mutex_unlock(&job->lock);
  if (failure == NULL)
    return TRUE;
  if (sac_error_is_cancelled(failure)) {
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
  }
  end_file(job, candidate->path, SAC_INDEX_FILE_FAILED, failure->message, id, media->duration_us, 0);
  if (!ends_the_job(failure) || g_access(candidate->path, R_OK) != 0)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&failure));
  return FALSE;
}

/* A model that is not there or not fit is told once, before any file is touched. */
static gboolean
check_options(SacIndexJob *job, GError **error)
{
  for (char **name = job->analysers; *name != NULL; name++) {
    const SacAnalyser *analyser = sac_analyser_find(*name);
    SacModelInfo info;
    if (analyser == NULL) {
      g_autofree char *names = sac_analyser_names();
      g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE, _("“%s” is not an analyser: there are %s"), *name, names);
      return FALSE;
    }
    if (!analyser->uses_model)
      continue;
    if (!sac_encoder_get_model_info(job->encoder, job->model, &info, error))
      return FALSE;
    if (!info.embeds_pictures) {
      g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED,
                  _("The model “%s” reads texts only: choose one that sees pictures (saccade models list)"),
                  job->model);
      return FALSE;
    }
  }
  return TRUE;
}

static char *
describe(SacIndexJob *job)
{
  g_autoptr(JsonBuilder) builder = json_builder_new();
  json_builder_begin_object(builder);
  json_builder_set_member_name(builder, "pid");
  json_builder_add_int_value(builder, getpid());
  json_builder_set_member_name(builder, "model");
  json_builder_add_string_value(builder, job->model);
  json_builder_set_member_name(builder, "interval_us");
  json_builder_add_int_value(builder, job->interval_us);
  json_builder_set_member_name(builder, "software_decoding");
  json_builder_add_boolean_value(builder, job->software_decoding);
  json_builder_set_member_name(builder, "keyframes_allowed");
  json_builder_add_boolean_value(builder, job->keyframes_allowed);
  json_builder_set_member_name(builder, "analysers");
  json_builder_begin_array(builder);
  for (char **name = job->analysers; *name != NULL; name++)
    json_builder_add_string_value(builder, *name);
  json_builder_end_array(builder);
  json_builder_set_member_name(builder, "paths");
  json_builder_begin_array(builder);
  for (char **path = job->paths; *path != NULL; path++) {
    /* File names are bytes; JSON is not. */
    g_autofree char *uri = g_filename_to_uri(*path, NULL, NULL);
    json_builder_add_string_value(builder, uri);
  }
  json_builder_end_array(builder);
  json_builder_end_object(builder);
  g_autoptr(JsonNode) root = json_builder_get_root(builder);
  return json_to_string(root, FALSE);
}

gboolean
sac_index_job_record(SacIndexJob *job, GError **error)
{
  g_autofree char *description = describe(job);
  if (job->record != 0)
    return sac_library_job_update(job->library, job->record, description, error);
  return (job->record = sac_library_job_add(job->library, "index", description, error)) != 0;
}

static gboolean
work(SacIndexJob *job, GError **error)
{
  if (!check_options(job, error) || !sac_index_job_record(job, error))
    return FALSE;

  g_autoptr(GPtrArray) candidates = g_ptr_array_new_with_free_func(candidate_free);
  for (char **path = job->paths; *path != NULL; path++)
    walk(job, *path, 0, candidates);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  gboolean good = !sac_cancelled(job->cancellable, error);
  for (guint i = 0; good && i < candidates->len; i++)
    good = index_candidate(job, candidates->pdata[i], seen, error);

  g_autoptr(GError) failure = NULL;
  if (!sac_library_job_remove(job->library, job->record, &failure))
    g_debug("the job's record stays: %s", failure->message);
  return good;
}

SacIndexReport *
sac_index_job_get_report(SacIndexJob *job)
{
  SacIndexReport *report = g_new0(SacIndexReport, 1);
  report->files = g_ptr_array_new_with_free_func(index_file_free);
  g_mutex_lock(&job->lock);
  for (guint i = 0; i < job->files->len; i++) {
    const SacIndexFile *file = job->files->pdata[i];
    SacIndexFile *copy = g_memdup2(file, sizeof *file);
    copy->path = g_strdup(file->path);
    copy->reason = g_strdup(file->reason);
    g_ptr_array_add(report->files, copy);
    report->n_indexed += file->state == SAC_INDEX_FILE_INDEXED;
    report->n_unchanged += file->state == SAC_INDEX_FILE_UNCHANGED;
    report->n_duplicates += file->state == SAC_INDEX_FILE_DUPLICATE;
    report->n_skipped += file->state == SAC_INDEX_FILE_SKIPPED;
    report->n_failed += file->state == SAC_INDEX_FILE_FAILED;
  }
  report->notice = g_strdup(job->notice);
  report->n_samples = job->n_samples;
  report->media_us = job->worked_us;
  report->seconds = seconds_worked_locked(job);
  g_mutex_unlock(&job->lock);
  return report;
}

gboolean
sac_index_job_run(SacIndexJob *job, GError **error)
{
  g_autoptr(GError) failure = NULL;
  g_mutex_lock(&job->lock);
  g_return_val_if_fail(job->started == 0, FALSE);
  job->started = g_get_monotonic_time();
  g_mutex_unlock(&job->lock);
  set_state(job, SAC_INDEX_JOB_RUNNING, "Looking for videos");
  gboolean good = work(job, &failure);

  g_autoptr(SacIndexReport) report = sac_index_job_get_report(job);
  for (guint i = 0; good && i < report->files->len; i++) {
    const SacIndexFile *file = report->files->pdata[i];
    if (file->state != SAC_INDEX_FILE_FAILED)
      continue;
    good = FALSE;
    if (report->n_failed == 1)
      g_set_error(&failure, SAC_ERROR, SAC_ERROR_FAILED, _("One file could not be indexed: %s"), file->reason);
    else
      g_set_error(&failure, SAC_ERROR, SAC_ERROR_FAILED, _("%u files could not be indexed; the first: %s"),
                  report->n_failed, file->reason);
  }
  set_state(job,
            good                              ? SAC_INDEX_JOB_DONE
            : sac_error_is_cancelled(failure) ? SAC_INDEX_JOB_CANCELLED
                                              : SAC_INDEX_JOB_FAILED,
            good ? "" : failure->message);
  g_mutex_lock(&job->lock);
  job->paused_since = g_get_monotonic_time(); /* the clock stands */
  g_mutex_unlock(&job->lock);
  if (!good)
    g_propagate_error(error, g_steal_pointer(&failure));
  return good;
}

static void
run_in_thread(GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  GError *error = NULL;
  if (sac_index_job_run(source, &error))
    g_task_return_boolean(task, TRUE);
  else
    g_task_return_error(task, error);
}

/* Not GTask's pool: a job lasts hours and would hold one of its few threads. */
static gpointer
job_thread(gpointer data)
{
  g_autoptr(GTask) task = data;
  run_in_thread(task, g_task_get_source_object(task), NULL, NULL);
  return NULL;
}

void
sac_index_job_start(SacIndexJob *job, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new(job, NULL, callback, data);
  g_task_set_source_tag(task, sac_index_job_start);
  g_thread_unref(g_thread_new("index", job_thread, task));
}

gboolean
sac_index_job_finish(SacIndexJob *job, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean(G_TASK(result), error);
}

/* --- making jobs ------------------------------------------------------------------------------------------------------------ */

SacIndexJob *
sac_index_job_new(SacLibrary *library, SacEncoder *encoder, const char *const *paths, const SacIndexOptions *options)
{
  static const SacIndexOptions defaults;
  if (options == NULL)
    options = &defaults;
  SacIndexJob *job = g_object_new(SAC_TYPE_INDEX_JOB, NULL);
  job->library = g_object_ref(library);
  job->encoder = g_object_ref(encoder);
  job->model = g_strdup(options->model != NULL ? options->model : DEFAULT_MODEL);
  job->interval_us = options->every_frame ? 0 : options->interval_us > 0 ? options->interval_us : SAC_SECOND;
  job->software_decoding = options->software_decoding;
  job->keyframes_allowed = options->keyframes_allowed;

  g_autoptr(GStrvBuilder) absolute = g_strv_builder_new();
  for (; *paths != NULL; paths++) {
    g_autofree char *path = g_canonicalize_filename(*paths, NULL);
    g_strv_builder_add(absolute, path);
  }
  job->paths = g_strv_builder_end(absolute);
  if (options->analysers != NULL) {
    job->analysers = g_strdupv((char **)options->analysers);
  } else {
    g_autoptr(GStrvBuilder) all = g_strv_builder_new();
    for (const SacAnalyser *const *analyser = sac_analysers(); *analyser != NULL; analyser++)
      g_strv_builder_add(all, (*analyser)->name);
    job->analysers = g_strv_builder_end(all);
  }
  return job;
}

static char **
strings_of(JsonObject *object, const char *member, gboolean uris)
{
  g_autoptr(GStrvBuilder) strings = g_strv_builder_new();
  JsonNode *node = json_object_get_member(object, member);
  JsonArray *array = node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
  for (guint i = 0; array != NULL && i < json_array_get_length(array); i++) {
    const char *text = json_node_get_string(json_array_get_element(array, i));
    g_autofree char *path = text != NULL && uris ? g_filename_from_uri(text, NULL, NULL) : g_strdup(text);
    if (path != NULL)
      g_strv_builder_add(strings, path);
  }
  return g_strv_builder_end(strings);
}

static SacIndexJob *
job_from_record(SacLibrary *library, SacEncoder *encoder, const SacJobRecord *record)
{
  g_autoptr(JsonNode) root = json_from_string(record->arguments, NULL);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root))
    return NULL;
  JsonObject *object = json_node_get_object(root);
  gint64 pid = json_object_get_int_member_with_default(object, "pid", 0);
  /* Another running program may be at it; one of ours that is running keeps its record too, and was made in this process. */
  if (pid > 0 && (pid == getpid() || kill(pid, 0) == 0 || errno == EPERM))
    return NULL;
  g_auto(GStrv) paths = strings_of(object, "paths", TRUE), analysers = strings_of(object, "analysers", FALSE);
  gint64 interval = json_object_get_int_member_with_default(object, "interval_us", SAC_SECOND);
  SacIndexOptions options = {
    .model = json_object_get_string_member_with_default(object, "model", DEFAULT_MODEL),
    .analysers = analysers[0] != NULL ? (const char *const *)analysers : NULL,
    .interval_us = interval,
    .every_frame = interval == 0,
    .software_decoding = json_object_get_boolean_member_with_default(object, "software_decoding", FALSE),
    .keyframes_allowed = json_object_get_boolean_member_with_default(object, "keyframes_allowed", FALSE),
  };
  SacIndexJob *job = sac_index_job_new(library, encoder, (const char *const *)paths, &options);
  job->record = record->id;
  return job;
}

GPtrArray *
sac_index_job_list_unfinished(SacLibrary *library, SacEncoder *encoder, GError **error)
{
  g_autoptr(GPtrArray) records = sac_library_job_list(library, "index", error);
  if (records == NULL)
    return NULL;
  GPtrArray *jobs = g_ptr_array_new_with_free_func(g_object_unref);
  for (guint i = 0; i < records->len; i++) {
    SacIndexJob *job = job_from_record(library, encoder, records->pdata[i]);
    if (job != NULL)
      g_ptr_array_add(jobs, job);
  }
  return jobs;
}

static void
sac_index_job_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  SacIndexJob *job = SAC_INDEX_JOB(object);
  switch (id) {
  case PROPERTY_FRACTION:
    g_value_set_double(value, sac_index_job_get_fraction(job));
    break;
  case PROPERTY_RATE:
    g_value_set_double(value, sac_index_job_get_rate(job));
    break;
  case PROPERTY_TIME_LEFT:
    g_value_set_int64(value, sac_index_job_get_time_left(job));
    break;
  case PROPERTY_STATE:
    g_value_set_int(value, sac_index_job_get_state(job));
    break;
  case PROPERTY_MESSAGE:
    g_value_take_string(value, sac_index_job_dup_message(job));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void
sac_index_job_finalize(GObject *object)
{
  SacIndexJob *job = SAC_INDEX_JOB(object);
  if (job->notification != NULL) {
    g_source_destroy(job->notification);
    g_source_unref(job->notification);
  }
  g_clear_object(&job->library);
  g_clear_object(&job->encoder);
  g_clear_object(&job->cancellable);
  g_main_context_unref(job->context);
  g_strfreev(job->paths);
  g_strfreev(job->analysers);
  g_free(job->model);
  g_free(job->message);
  g_free(job->notice);
  g_ptr_array_unref(job->files);
  g_mutex_clear(&job->lock);
  g_cond_clear(&job->resumed);
  G_OBJECT_CLASS(sac_index_job_parent_class)->finalize(object);
}

static void
sac_index_job_class_init(SacIndexJobClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS(class);
  object_class->get_property = sac_index_job_get_property;
  object_class->finalize = sac_index_job_finalize;
  GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
  properties[PROPERTY_FRACTION] = g_param_spec_double("fraction", NULL, NULL, 0, 1, 0, flags);
  properties[PROPERTY_RATE] = g_param_spec_double("rate", NULL, NULL, 0, G_MAXDOUBLE, 0, flags);
  properties[PROPERTY_TIME_LEFT] = g_param_spec_int64("time-left", NULL, NULL, -1, G_MAXINT64, -1, flags);
  properties[PROPERTY_STATE] = g_param_spec_int("state", NULL, NULL, 0, SAC_INDEX_JOB_CANCELLED, 0, flags);
  properties[PROPERTY_MESSAGE] = g_param_spec_string("message", NULL, NULL, NULL, flags);
  g_object_class_install_properties(object_class, N_PROPERTIES, properties);
}

static void
sac_index_job_init(SacIndexJob *job)
{
  g_mutex_init(&job->lock);
  g_cond_init(&job->resumed);
  job->cancellable = g_cancellable_new();
  job->context = g_main_context_ref_thread_default();
  job->files = g_ptr_array_new_with_free_func(index_file_free);
}
