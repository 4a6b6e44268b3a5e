/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <string.h>

#include "core/analysis/sac-analyser.h"
#include "core/analysis/sac-clip-window.h"
#include "core/library/sac-moment.h"
#include "core/media/sac-frame-reader.h"
#include "core/sac-error.h"

/*
 * What can be seen: a vector for each frame sample, by a dual encoder. It stores no moments; search makes them from the vectors.
 * A model of movement gives a sample the vector of the clip about it; see sac-clip-window.h.
 *
 * The reader decodes ahead in a thread of its own, some batches are with the encoder, and what comes back from it is appended while it
 * works on the next: the slowest of the three sets the pace, and none waits for the disk.
 */

extern const SacAnalyser sac_analyser_visual;

static gboolean
visual_is_done(const SacAnalyserContext *context, gboolean *done, GError **error)
{
  SacAnalysis analysis;
  gboolean found;
  if (!sac_library_analysis_find(context->library, context->video->id, sac_analyser_visual.name, context->model,
                                 context->interval_us, &analysis, &found, error))
    return FALSE;
  *done = found && analysis.finished;
  return TRUE;
}

/* Sample k is the frame shown at k · interval, and a frame shown over several of them is given once: for the first sample time at or
 * after its own. */
static gint64
sample_time(gint64 frame_time_us, gint64 interval_us)
{
  return interval_us > 0 ? (frame_time_us + interval_us - 1) / interval_us * interval_us : frame_time_us;
}

static int
compare_times(gconstpointer a, gconstpointer b)
{
  gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
  return (x > y) - (x < y);
}

/* The time of the sample that is `back` samples before the next one, or of the first one. */
static gboolean
time_of_earlier(const SacAnalyserContext *context, const SacAnalysis *analysis, guint back, gint64 *time_us,
                GError **error)
{
  g_autoptr(SacVectors) vectors = sac_library_get_vectors(context->library, context->model, error);
  if (vectors == NULL)
    return FALSE;
  g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(gint64));
  for (gsize i = 0; i < vectors->n_runs; i++)
    if (vectors->runs[i].analysis_id == analysis->id)
      g_array_append_vals(times, vectors->times + vectors->runs[i].first, vectors->runs[i].count);
  g_array_sort(times, compare_times);
  *time_us = times->len > 0 ? g_array_index(times, gint64, times->len > back ? times->len - back : 0) : 0;
  return TRUE;
}

/* Where reading begins: at the first sample that is not in the library, or before it by what the clips of later ones reach back. */
static gboolean
find_start(const SacAnalyserContext *context, const SacAnalysis *analysis, guint reach, gint64 *start_us,
           GError **error)
{
  *start_us = 0;
  if (analysis->last_time_us < 0 || context->video->is_picture)
    return TRUE;
  if (reach == 0) {
    *start_us = sample_time(analysis->last_time_us, context->interval_us) + context->interval_us;
    return TRUE;
  }
  gint64 earlier;
  if (!time_of_earlier(context, analysis, reach, &earlier, error))
    return FALSE;
  *start_us = sample_time(earlier, context->interval_us);
  return TRUE;
}

/* A batch that the encoder has. */
struct pending {
  SacEncoderBatch *batch;
  guint n;
  gint64 times[];
};

/* One video on its way through: clips of the samples that were read, then batches with the encoder, then the library. */
struct pipeline {
  const SacAnalyserContext *context;
  SacModelInfo model;
  SacAnalysis analysis;
  SacClipWindow *window;
  GPtrArray *clips; /* since the last batch */
  GArray *times;    /* of their samples */
  GQueue pending;   /* of struct pending, the oldest first */
};

static void
pipeline_init(struct pipeline *pipeline, const SacAnalyserContext *context)
{
  *pipeline = (struct pipeline){ .context = context };
  pipeline->clips = g_ptr_array_new_with_free_func((GDestroyNotify)sac_frame_unref);
  pipeline->times = g_array_new(FALSE, FALSE, sizeof(gint64));
}

/* What is still with the encoder is for nobody. */
static void
pipeline_clear(struct pipeline *pipeline)
{
  struct pending *pending;
  while ((pending = g_queue_pop_head(&pipeline->pending)) != NULL) {
    g_autofree float *vectors = g_new(float, pending->n * pipeline->model.dimensions);
    sac_encoder_finish_frames(pending->batch, vectors, NULL);
    g_free(pending);
  }
  g_clear_pointer(&pipeline->window, sac_clip_window_free);
  g_clear_pointer(&pipeline->clips, g_ptr_array_unref);
  g_clear_pointer(&pipeline->times, g_array_unref);
}

/* Puts the oldest batch into the library. */
static gboolean
append_oldest(struct pipeline *pipeline, GError **error)
{
  const SacAnalyserContext *context = pipeline->context;
  SacAnalysis *analysis = &pipeline->analysis;
  g_autofree struct pending *pending = g_queue_pop_head(&pipeline->pending);
  g_autofree float *vectors = g_new(float, pending->n * pipeline->model.dimensions);
  if (!sac_encoder_finish_frames(pending->batch, vectors, error) ||
      !sac_library_append_samples(context->library, analysis->id, analysis->next_sample, pending->n, pending->times,
                                  vectors, pipeline->model.dimensions, error))
    return FALSE;
  analysis->next_sample += pending->n;
  analysis->last_time_us = pending->times[pending->n - 1];
  if (context->progress != NULL && !context->progress(context->progress_data, analysis->last_time_us, pending->n)) {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_CANCELLED, _("Cancelled"));
    return FALSE;
  }
  return TRUE;
}

/* Appends what has come back, waiting where more than `most` batches would be left with the encoder. */
static gboolean
append_finished(struct pipeline *pipeline, guint most, GError **error)
{
  for (;;) {
    const struct pending *oldest = g_queue_peek_head(&pipeline->pending);
    if (oldest == NULL || (g_queue_get_length(&pipeline->pending) <= most && !sac_encoder_batch_is_done(oldest->batch)))
      return TRUE;
    if (!append_oldest(pipeline, error))
      return FALSE;
  }
}

static void
begin_batch(struct pipeline *pipeline)
{
  const guint n = pipeline->times->len;
  struct pending *pending = g_malloc(sizeof *pending + n * sizeof *pending->times);
  pending->n = n;
  memcpy(pending->times, pipeline->times->data, n * sizeof *pending->times);
  pending->batch =
      sac_encoder_begin_frames(pipeline->context->encoder, &pipeline->model, (SacFrame *const *)pipeline->clips->pdata,
                               n, pipeline->context->cancellable);
  g_queue_push_tail(&pipeline->pending, pending);
  g_ptr_array_set_size(pipeline->clips, 0);
  g_array_set_size(pipeline->times, 0);
}

/* Takes what clips are whole; FALSE when the encoder or the library failed. */
static gboolean
take_clips(struct pipeline *pipeline, GError **error)
{
  gint64 time_us;
  while (sac_clip_window_next(pipeline->window, pipeline->clips, &time_us)) {
    g_array_append_val(pipeline->times, time_us);
    if (pipeline->times->len < pipeline->model.preferred_batch)
      continue;
    begin_batch(pipeline);
    if (!append_finished(pipeline, SAC_ENCODER_BATCHES - 1, error))
      return FALSE;
  }
  return TRUE;
}

/* Reads to the end, or to where the stream breaks off (broken). FALSE when the encoder or the library failed. */
static gboolean
embed_samples(struct pipeline *pipeline, SacFrameReader *reader, GError **broken, GError **error)
{
  const gint64 done_us = pipeline->analysis.last_time_us;
  gint64 latest_us = -1;
  SacFrame *frame;
  while ((frame = sac_frame_reader_next(reader, pipeline->context->cancellable, broken)) != NULL) {
    if (frame->time_us <= latest_us) {
      sac_frame_unref(frame);
      continue;
    }
    latest_us = frame->time_us;
    sac_clip_window_push(pipeline->window, frame, frame->time_us <= done_us);
    if (!take_clips(pipeline, error))
      return FALSE;
  }
  if (sac_error_is_cancelled(*broken))
    return TRUE;
  /* What was read before a stream broke off is kept, and searchable; the analysis stays unfinished, so that a mended file goes on. */
  sac_clip_window_end(pipeline->window);
  if (!take_clips(pipeline, error))
    return FALSE;
  if (pipeline->times->len > 0)
    begin_batch(pipeline);
  return append_finished(pipeline, 0, error);
}

static gboolean
analyse(struct pipeline *pipeline, GError **error)
{
  const SacAnalyserContext *context = pipeline->context;
  const SacVideo *video = context->video;
  SacAnalysis *analysis = &pipeline->analysis;
  SacFrameReaderOptions options = { .interval_us = video->is_picture ? 0 : context->interval_us,
                                    .end_us = -1,
                                    .hardware = context->hardware,
                                    .keyframes_allowed = context->keyframes_allowed };
  sac_model_info_read_options(&pipeline->model, &options);
  pipeline->window = sac_clip_window_new(pipeline->model.clip_frames);
  if (!find_start(context, analysis, sac_clip_window_reach(pipeline->window), &options.start_us, error))
    return FALSE;
  g_autoptr(SacFrameReader) reader = sac_frame_reader_new(video->path, &options, error);
  g_autoptr(GError) broken = NULL;
  if (reader == NULL || !embed_samples(pipeline, reader, &broken, error))
    return FALSE;
  if (broken != NULL) {
    g_propagate_error(error, g_steal_pointer(&broken));
    return FALSE;
  }
  if (analysis->next_sample == 0) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                _("“%s” has a video track but not one frame that can be decoded"), video->path);
    return FALSE;
  }
  if (video->duration_us <= 0 && !video->is_picture &&
      !sac_library_set_duration(context->library, video->id, analysis->last_time_us + context->interval_us, error))
    return FALSE;
  return sac_library_analysis_finish(context->library, analysis->id, error);
}

static gboolean
visual_run(const SacAnalyserContext *context, GError **error)
{
  SacModelInfo info;
  SacAnalysis analysis;
  if (!sac_encoder_get_model_info(context->encoder, context->model, &info, error))
    return FALSE;
  if (!info.embeds_pictures) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED,
                _("The model “%s” reads texts only: choose one that sees pictures with --model (saccade models list)"),
                context->model);
    return FALSE;
  }
  if (!sac_library_analysis_begin(context->library, context->video->id, sac_analyser_visual.name, context->model,
                                  context->interval_us, &analysis, error))
    return FALSE;
  if (analysis.finished)
    return TRUE;
  if (!sac_encoder_open_model(context->encoder, context->model, &info, context->cancellable, error))
    return FALSE;
  struct pipeline pipeline;
  pipeline_init(&pipeline, context);
  pipeline.model = info;
  pipeline.analysis = analysis;
  gboolean good = analyse(&pipeline, error);
  pipeline_clear(&pipeline);
  return good;
}

static const char *const visual_kinds[] = { SAC_KIND_VISUAL, NULL };

const SacAnalyser sac_analyser_visual = {
  .name = "visual",
  .kinds = visual_kinds,
  .uses_model = TRUE,
  .is_done = visual_is_done,
  .run = visual_run,
};
