/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/analysis/sac-analyser.h"
#include "core/analysis/sac-clip-window.h"
#include "core/library/sac-moment.h"
#include "core/media/sac-frame-reader.h"
#include "core/sac-error.h"

/*
 * What can be seen: a vector for each frame sample, by a dual encoder. It stores no moments; search makes them from the vectors.
 * A model of movement gives a sample the vector of the clip about it; see sac-clip-window.h.
 *
 * The reader decodes ahead in its own thread while the encoder works on the batch before, so the slower of the two sets the pace.
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

/* What goes to the encoder together: the clips of some samples, and the samples' times. */
struct batch {
  GPtrArray *clips;
  GArray *times;
};

static gboolean
embed_and_append(const SacAnalyserContext *context, SacAnalysis *analysis, struct batch *batch, gsize dimensions,
                 GError **error)
{
  guint n = batch->times->len;
  const gint64 *times = (const gint64 *)batch->times->data;
  g_autofree float *vectors = g_new(float, n *dimensions);
  if (!sac_encoder_embed_frames(context->encoder, context->model, (SacFrame *const *)batch->clips->pdata, n, vectors,
                                context->cancellable, error) ||
      !sac_library_append_samples(context->library, analysis->id, analysis->next_sample, n, times, vectors, dimensions,
                                  error))
    return FALSE;
  analysis->next_sample += n;
  analysis->last_time_us = times[n - 1];
  g_ptr_array_set_size(batch->clips, 0);
  g_array_set_size(batch->times, 0);
  if (context->progress != NULL && !context->progress(context->progress_data, analysis->last_time_us, n)) {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_CANCELLED, "Cancelled");
    return FALSE;
  }
  return TRUE;
}

/* Takes what clips are whole; FALSE when the encoder or the library failed. */
static gboolean
take_clips(const SacAnalyserContext *context, const SacModelInfo *info, SacAnalysis *analysis, SacClipWindow *window,
           struct batch *batch, GError **error)
{
  gint64 time_us;
  while (sac_clip_window_next(window, batch->clips, &time_us)) {
    g_array_append_val(batch->times, time_us);
    if (batch->times->len >= info->preferred_batch &&
        !embed_and_append(context, analysis, batch, info->dimensions, error))
      return FALSE;
  }
  return TRUE;
}

/* Reads to the end, or to where the stream breaks off (broken). FALSE when the encoder or the library failed. */
static gboolean
embed_samples(const SacAnalyserContext *context, const SacModelInfo *info, SacAnalysis *analysis,
              SacFrameReader *reader, SacClipWindow *window, GError **broken, GError **error)
{
  g_autoptr(GPtrArray) clips = g_ptr_array_new_with_free_func((GDestroyNotify)sac_frame_unref);
  g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(gint64));
  struct batch batch = { clips, times };
  const gint64 done_us = analysis->last_time_us;
  gint64 latest_us = -1;
  SacFrame *frame;
  while ((frame = sac_frame_reader_next(reader, context->cancellable, broken)) != NULL) {
    if (frame->time_us <= latest_us) {
      sac_frame_unref(frame);
      continue;
    }
    latest_us = frame->time_us;
    sac_clip_window_push(window, frame, frame->time_us <= done_us);
    if (!take_clips(context, info, analysis, window, &batch, error))
      return FALSE;
  }
  if (sac_error_is_cancelled(*broken))
    return TRUE;
  /* What was read before a stream broke off is kept, and searchable; the analysis stays unfinished, so that a mended file goes on. */
  sac_clip_window_end(window);
  return take_clips(context, info, analysis, window, &batch, error) &&
         (times->len == 0 || embed_and_append(context, analysis, &batch, info->dimensions, error));
}

static gboolean
visual_run(const SacAnalyserContext *context, GError **error)
{
  const SacVideo *video = context->video;
  SacModelInfo info;
  SacAnalysis analysis;
  if (!sac_encoder_get_model_info(context->encoder, context->model, &info, error))
    return FALSE;
  if (!info.embeds_pictures) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED,
                "The model “%s” reads texts only: choose one that sees pictures with --model (saccade models list)",
                context->model);
    return FALSE;
  }
  if (!sac_library_analysis_begin(context->library, video->id, sac_analyser_visual.name, context->model,
                                  context->interval_us, &analysis, error))
    return FALSE;
  if (analysis.finished)
    return TRUE;

  g_autoptr(SacClipWindow) window = sac_clip_window_new(info.clip_frames);
  SacFrameReaderOptions options = { .interval_us = video->is_picture ? 0 : context->interval_us,
                                    .end_us = -1,
                                    .short_side = info.input_side,
                                    .format = SAC_FRAME_RGB24,
                                    .hardware = context->hardware,
                                    .keyframes_allowed = context->keyframes_allowed };
  if (!find_start(context, &analysis, sac_clip_window_reach(window), &options.start_us, error))
    return FALSE;
  g_autoptr(SacFrameReader) reader = sac_frame_reader_new(video->path, &options, error);
  if (reader == NULL)
    return FALSE;
  g_autoptr(GError) broken = NULL;
  if (!embed_samples(context, &info, &analysis, reader, window, &broken, error))
    return FALSE;
  if (broken != NULL) {
    g_propagate_error(error, g_steal_pointer(&broken));
    return FALSE;
  }
  if (analysis.next_sample == 0) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                "“%s” has a video track but not one frame that can be decoded", video->path);
    return FALSE;
  }
  if (video->duration_us <= 0 && !video->is_picture &&
      !sac_library_set_duration(context->library, video->id, analysis.last_time_us + context->interval_us, error))
    return FALSE;
  return sac_library_analysis_finish(context->library, analysis.id, error);
}

static const char *const visual_kinds[] = { SAC_KIND_VISUAL, NULL };

const SacAnalyser sac_analyser_visual = {
  .name = "visual",
  .kinds = visual_kinds,
  .uses_model = TRUE,
  .is_done = visual_is_done,
  .run = visual_run,
};
