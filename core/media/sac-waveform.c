/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-waveform.h"

#include <glib/gi18n.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <math.h>

#include "core/media/sac-decoder-private.h"
#include "core/sac-error.h"

/* Enough for peaks, and the same for every file. */
#define RATE 16000

void
sac_waveform_free(SacWaveform *waveform)
{
  g_free(waveform);
}

/* Collects the largest sample of each step. */
typedef struct {
  GArray *peaks;
  guint step;      /* samples */
  gint64 position; /* of the next sample */
} Peaks;

static void
add_samples(Peaks *peaks, const float *samples, int count)
{
  for (int i = 0; i < count; i++, peaks->position++) {
    if (peaks->position < 0)
      continue;
    const gsize index = (gsize)(peaks->position / peaks->step);

    if (index >= peaks->peaks->len)
      g_array_set_size(peaks->peaks, (guint)index + 1);
    float *peak = &g_array_index(peaks->peaks, float, index);
    *peak = fminf(fmaxf(*peak, fabsf(samples[i])), 1);
  }
}

static int
convert(SwrContext **resampler, const AVFrame *frame, Peaks *peaks)
{
  int status;

  if (!*resampler) {
    *resampler = swr_alloc();
    AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;

    if ((status = swr_alloc_set_opts2(resampler, &mono, AV_SAMPLE_FMT_FLT, RATE, (AVChannelLayout *)&frame->ch_layout,
                                      frame->format, frame->sample_rate, 0, NULL)) < 0 ||
        (status = swr_init(*resampler)) < 0)
      return status;
  }
  const int capacity = swr_get_out_samples(*resampler, frame->nb_samples);
  g_autofree float *samples = g_new(float, (gsize)MAX(capacity, 1));
  status = swr_convert(*resampler, (uint8_t *[]){ (uint8_t *)samples }, capacity,
                       (const uint8_t **)frame->extended_data, frame->nb_samples);
  if (status > 0)
    add_samples(peaks, samples, status);
  return status;
}

static int
read_track(AVFormatContext *format, AVCodecContext *codec, const AVStream *stream, gint64 origin_us, Peaks *peaks)
{
  AVPacket *packet = av_packet_alloc();
  AVFrame *frame = av_frame_alloc();
  SwrContext *resampler = NULL;
  gboolean first = TRUE;
  int status = packet && frame ? 0 : AVERROR(ENOMEM);

  while (status >= 0) {
    status = av_read_frame(format, packet);
    const gboolean end = status < 0;
    if (status == AVERROR_EXIT)
      break;
    if (end)
      avcodec_send_packet(codec, NULL);
    else if (packet->stream_index == stream->index)
      avcodec_send_packet(codec, packet);
    av_packet_unref(packet);
    while (avcodec_receive_frame(codec, frame) >= 0) {
      if (first && frame->best_effort_timestamp != AV_NOPTS_VALUE)
        peaks->position = (av_rescale_q(frame->best_effort_timestamp, stream->time_base, AV_TIME_BASE_Q) - origin_us) *
                          RATE / G_USEC_PER_SEC;
      first = FALSE;
      /* Samples that change their form in the middle go through a new resampler. */
      if (convert(&resampler, frame, peaks) < 0)
        swr_free(&resampler);
      av_frame_unref(frame);
    }
    if (end) {
      status = 0;
      break;
    }
  }
  swr_free(&resampler);
  av_frame_free(&frame);
  av_packet_free(&packet);
  return status;
}

SacWaveform *
sac_waveform_read(const char *path, guint peaks_per_second, GCancellable *cancellable, GError **error)
{
  AVFormatContext *format = sac_media_open(path, cancellable, error);

  if (!format)
    return NULL;
  Peaks peaks = { .peaks = g_array_new(FALSE, TRUE, sizeof(float)), .step = RATE / CLAMP(peaks_per_second, 1, 1000) };
  const int index = av_find_best_stream(format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0),
            video = sac_media_find_video(format);
  AVCodecContext *codec = NULL;
  SacWaveform *waveform = NULL;

  if (index < 0) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, _("%s: there is no sound in it"), path);
  } else if ((codec = sac_media_open_codec(path, format->streams[index], FALSE, error))) {
    const AVStream *reference = format->streams[video >= 0 ? video : index];
    const gint64 origin = reference->start_time == AV_NOPTS_VALUE
                              ? 0
                              : av_rescale_q(reference->start_time, reference->time_base, AV_TIME_BASE_Q);

    for (unsigned i = 0; i < format->nb_streams; i++)
      if ((int)i != index)
        format->streams[i]->discard = AVDISCARD_ALL;
    const int status = read_track(format, codec, format->streams[index], origin, &peaks);
    if (status < 0) {
      sac_media_set_error(error, status, path, _("reading its sound"));
    } else {
      waveform = g_malloc(sizeof *waveform + peaks.peaks->len * sizeof(float));
      waveform->step_us = (gint64)peaks.step * G_USEC_PER_SEC / RATE;
      waveform->n_peaks = peaks.peaks->len;
      for (guint i = 0; i < peaks.peaks->len; i++)
        waveform->peaks[i] = g_array_index(peaks.peaks, float, i);
    }
  }
  avcodec_free_context(&codec);
  avformat_close_input(&format);
  g_array_unref(peaks.peaks);
  return waveform;
}

typedef struct {
  char *path;
  guint peaks_per_second;
} Request;

static void
request_free(gpointer data)
{
  g_free(((Request *)data)->path);
  g_free(data);
}

static void
read_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Request *request = data;
  GError *error = NULL;
  SacWaveform *waveform = sac_waveform_read(request->path, request->peaks_per_second, cancellable, &error);

  if (waveform)
    g_task_return_pointer(task, waveform, (GDestroyNotify)sac_waveform_free);
  else
    g_task_return_error(task, error);
}

void
sac_waveform_read_async(const char *path, guint peaks_per_second, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
  Request *request = g_new0(Request, 1);

  request->path = g_strdup(path);
  request->peaks_per_second = peaks_per_second;
  g_task_set_task_data(task, request, request_free);
  g_task_run_in_thread(task, read_in_thread);
}

SacWaveform *
sac_waveform_read_finish(GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer(G_TASK(result), error);
}
