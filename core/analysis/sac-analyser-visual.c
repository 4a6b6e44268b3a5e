/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/analysis/sac-analyser.h"
#include "core/library/sac-moment.h"
#include "core/media/sac-frame-reader.h"
#include "core/sac-error.h"

/*
 * What can be seen: a vector for each frame sample, by a dual encoder. It stores no moments; search makes them from the vectors.
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

/* Sample k is the frame shown at k · interval, and a frame shown over several of them is given once. The last one in the library was
 * given for the first sample time at or after its own; reading goes on at the next. */
static gint64
next_start(const SacAnalysis *analysis, gint64 interval_us)
{
  if (analysis->last_time_us < 0)
    return 0;
  if (interval_us == 0)
    return analysis->last_time_us;
  gint64 k = (analysis->last_time_us + interval_us - 1) / interval_us;
  return (k + 1) * interval_us;
}

static gboolean
embed_and_append(const SacAnalyserContext *context, SacAnalysis *analysis, GPtrArray *frames, gsize dimensions,
                 GError **error)
{
  g_autofree float *vectors = g_new(float, frames->len *dimensions);
  g_autofree gint64 *times = g_new(gint64, frames->len);
  for (guint i = 0; i < frames->len; i++)
    times[i] = ((const SacFrame *)frames->pdata[i])->time_us;
  if (!sac_encoder_embed_frames(context->encoder, context->model, (SacFrame *const *)frames->pdata, frames->len,
                                vectors, context->cancellable, error) ||
      !sac_library_append_samples(context->library, analysis->id, analysis->next_sample, frames->len, times, vectors,
                                  dimensions, error))
    return FALSE;
  guint n = frames->len;
  analysis->next_sample += n;
  analysis->last_time_us = times[n - 1];
  g_ptr_array_set_size(frames, 0);
  if (context->progress != NULL && !context->progress(context->progress_data, analysis->last_time_us, n)) {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_CANCELLED, "Cancelled");
    return FALSE;
  }
  return TRUE;
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

  SacFrameReaderOptions options = { .interval_us = video->is_picture ? 0 : context->interval_us,
                                    .start_us = video->is_picture ? 0 : next_start(&analysis, context->interval_us),
                                    .end_us = -1,
                                    .short_side = info.input_side,
                                    .format = SAC_FRAME_RGB24,
                                    .hardware = context->hardware,
                                    .keyframes_allowed = context->keyframes_allowed };
  g_autoptr(SacFrameReader) reader = sac_frame_reader_new(video->path, &options, error);
  if (reader == NULL)
    return FALSE;
  g_autoptr(GPtrArray) frames = g_ptr_array_new_with_free_func((GDestroyNotify)sac_frame_unref);
  g_autoptr(GError) broken = NULL;
  for (;;) {
    SacFrame *frame = sac_frame_reader_next(reader, context->cancellable, &broken);
    if (frame == NULL)
      break;
    if (frame->time_us <= analysis.last_time_us ||
        (frames->len > 0 && frame->time_us <= ((const SacFrame *)frames->pdata[frames->len - 1])->time_us)) {
      sac_frame_unref(frame);
      continue;
    }
    g_ptr_array_add(frames, frame);
    if (frames->len >= info.preferred_batch && !embed_and_append(context, &analysis, frames, info.dimensions, error))
      return FALSE;
  }
  /* What was read before a stream broke off is kept, and searchable; the analysis stays unfinished, so that a mended file goes on. */
  if (!sac_error_is_cancelled(broken) && frames->len > 0 &&
      !embed_and_append(context, &analysis, frames, info.dimensions, error))
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
