/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/analysis/sac-analyser.h"

/*
 * Indexes files and folders: finds the videos (recursively, by content), adds them to the library and runs the analysers on each.
 *
 * A file that fails does not stop the others. What is done is searchable at once. A job is written into the library when it begins (or earlier, see sac_index_job_record) and
 * removed when it ends or is cancelled, so one that a crash cut off can go on (sac_index_job_list_unfinished); it takes up each video
 * at the sample where it was.
 *
 * Threads: sac_index_job_run blocks and may be called from any thread; sac_index_job_start runs it on a thread of its own. The
 * properties may be read from any thread. In both cases "notify" is emitted on the thread-default main context of
 * sac_index_job_new, at most ten times a second; without a main loop (command line) use sac_index_job_set_progress_function.
 */

G_BEGIN_DECLS

typedef enum {
  SAC_INDEX_JOB_WAITING,
  SAC_INDEX_JOB_RUNNING,
  SAC_INDEX_JOB_PAUSED,
  SAC_INDEX_JOB_DONE,   /* every file was indexed or skipped with a reason */
  SAC_INDEX_JOB_FAILED, /* at least one file failed, or the library did; see sac_index_job_get_report */
  SAC_INDEX_JOB_CANCELLED,
} SacIndexJobState;

typedef struct {
  const char *model;            /* NULL: "starter" */
  const char *const *analysers; /* NULL-terminated names; NULL: all that can run */
  gint64 interval_us;           /* 0: one second */
  gboolean every_frame;         /* instead of interval_us */
  gboolean software_decoding;   /* do not try hardware */
  gboolean keyframes_allowed;   /* samples may fall on key frames only: much faster where decoding is the limit */
} SacIndexOptions;

typedef enum {
  SAC_INDEX_FILE_INDEXED,   /* analysed in this run */
  SAC_INDEX_FILE_UNCHANGED, /* was indexed already */
  SAC_INDEX_FILE_DUPLICATE, /* the same content as another path of this run */
  SAC_INDEX_FILE_SKIPPED,   /* found in a folder, and not a video */
  SAC_INDEX_FILE_FAILED,
} SacIndexFileState;

typedef struct {
  char *path;
  SacIndexFileState state;
  char *reason; /* why it was skipped or failed; else NULL */
  gint64 video_id, duration_us, n_samples;
} SacIndexFile;

typedef struct {
  GPtrArray *files; /* (element-type SacIndexFile) in the order of work */
  guint n_indexed, n_unchanged, n_duplicates, n_skipped, n_failed;
  gint64 n_samples, media_us; /* analysed in this run */
  double seconds;             /* without pauses */
  char *notice;               /* that the device was lost and the work went on, in a sentence; else NULL */
} SacIndexReport;

void sac_index_report_free(SacIndexReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacIndexReport, sac_index_report_free)

#define SAC_TYPE_INDEX_JOB (sac_index_job_get_type())
G_DECLARE_FINAL_TYPE(SacIndexJob, sac_index_job, SAC, INDEX_JOB, GObject)

/* paths: files and folders, NULL-terminated. options may be NULL. Properties: fraction (double), rate (double: seconds of video a
 * second), time-left (int64 µs, -1 unknown), state (int: SacIndexJobState), message (string: what is being done, or what failed). */
SacIndexJob *
sac_index_job_new(SacLibrary *library, SacEncoder *encoder, const char *const *paths, const SacIndexOptions *options);

/* Jobs that a crash cut off, as new jobs ready to be started; their records are taken over. (element-type SacIndexJob) */
GPtrArray *sac_index_job_list_unfinished(SacLibrary *library, SacEncoder *encoder, GError **error);

/* Writes a job that has to wait for its turn into the library, so that it is not lost; running does it too. Not while it runs. */
gboolean sac_index_job_record(SacIndexJob *job, GError **error);

/* Runs to the end. FALSE with error when the library or the device failed, it was cancelled, or any file failed: the message says how many
 * and names the first. */
gboolean sac_index_job_run(SacIndexJob *job, GError **error);
/* Runs on its own thread; callback on the caller's main context, _finish as sac_index_job_run. */
void sac_index_job_start(SacIndexJob *job, GAsyncReadyCallback callback, gpointer data);
gboolean sac_index_job_finish(SacIndexJob *job, GAsyncResult *result, GError **error);

void sac_index_job_pause(SacIndexJob *job);
void sac_index_job_resume(SacIndexJob *job);
/* What is in the library stays. */
void sac_index_job_cancel(SacIndexJob *job);

double sac_index_job_get_fraction(SacIndexJob *job);
double sac_index_job_get_rate(SacIndexJob *job);
gint64 sac_index_job_get_time_left(SacIndexJob *job);
SacIndexJobState sac_index_job_get_state(SacIndexJob *job);
/* (transfer full) */
char *sac_index_job_dup_message(SacIndexJob *job);

/* Called on the working thread after every step and every file; file is NULL but for the step that ended one. Set before running. */
typedef void (*SacIndexProgressFunction)(SacIndexJob *job, const SacIndexFile *file, gpointer data);
void sac_index_job_set_progress_function(SacIndexJob *job, SacIndexProgressFunction function, gpointer data);

/* What became of each file so far (transfer full). */
SacIndexReport *sac_index_job_get_report(SacIndexJob *job);

G_END_DECLS
