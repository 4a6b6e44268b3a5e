/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-audio-track-private.h"

#include <glib/gi18n.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/channel_layout.h>
#include <string.h>

#include "core/media/sac-audio-output-private.h"
#include "core/media/sac-decoder-private.h"
#include "core/sac-error.h"

/* A smaller difference between where the sound is and where it says it is is left alone. */
#define TOLERATED_GAP_US 80000

struct _SacAudioTrack {
  AVFormatContext *format;
  AVStream *stream;
  AVCodecContext *codec;
  AVPacket *packet;
  AVFrame *decoded, *filtered;
  AVFilterGraph *graph;
  AVFilterContext *source, *sink;
  gint64 origin_us;
  double rate;
  gint64 expected_us; /* where the next decoded sample should be; before it, sound is left out */
  gsize silence;      /* frames still to be given before what is filtered */
  gsize taken;        /* frames of `filtered` that were given */
  gboolean ended;
};

SacAudioTrack *
sac_audio_track_new(const char *path, GCancellable *cancellable, GError **error)
{
  return sac_audio_track_new_for(path, -1, cancellable, error);
}

SacAudioTrack *
sac_audio_track_new_for(const char *path, int stream, GCancellable *cancellable, GError **error)
{
  SacAudioTrack *track = g_new0(SacAudioTrack, 1);
  int index = -1;

  track->format = sac_media_open(path, cancellable, error);
  if (track->format && (index = av_find_best_stream(track->format, AVMEDIA_TYPE_AUDIO, stream, -1, NULL, 0)) < 0)
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, _("%s: there is no sound in it"), path);
  if (index >= 0) {
    const int video = sac_media_find_video(track->format);
    const AVStream *reference = track->format->streams[video >= 0 ? video : index];

    track->stream = track->format->streams[index];
    track->origin_us = reference->start_time == AV_NOPTS_VALUE
                           ? 0
                           : av_rescale_q(reference->start_time, reference->time_base, AV_TIME_BASE_Q);
    for (unsigned i = 0; i < track->format->nb_streams; i++)
      if ((int)i != index)
        track->format->streams[i]->discard = AVDISCARD_ALL;
    track->codec = sac_media_open_codec(path, track->stream, FALSE, error);
  }
  if (!track->codec) {
    sac_audio_track_free(track);
    return NULL;
  }
  track->packet = av_packet_alloc();
  track->decoded = av_frame_alloc();
  track->filtered = av_frame_alloc();
  return track;
}

void
sac_audio_track_free(SacAudioTrack *track)
{
  if (!track)
    return;
  avfilter_graph_free(&track->graph);
  av_frame_free(&track->decoded);
  av_frame_free(&track->filtered);
  av_packet_free(&track->packet);
  avcodec_free_context(&track->codec);
  avformat_close_input(&track->format);
  g_free(track);
}

int
sac_audio_track_get_stream(SacAudioTrack *track)
{
  return track->stream->index;
}

gint64
sac_audio_track_get_duration(SacAudioTrack *track)
{
  return sac_media_duration(track->format, track->stream);
}

static gboolean
build_graph(SacAudioTrack *track, const AVFrame *frame)
{
  char layout[128];
  g_autoptr(GString) filters = g_string_new(NULL);
  double rate = track->rate;
  AVFilterInOut *inputs = avfilter_inout_alloc(), *outputs = avfilter_inout_alloc();
  gboolean built = FALSE;

  av_channel_layout_describe(&frame->ch_layout, layout, sizeof layout);
  g_autofree char *arguments = g_strdup_printf(
      "sample_rate=%d:sample_fmt=%d:channel_layout=%s:time_base=1/%d", frame->sample_rate, frame->format,
      frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC ? (frame->ch_layout.nb_channels == 1 ? "mono" : "stereo")
                                                        : layout,
      frame->sample_rate);
  /* One atempo goes down to half speed; beyond double speed it would leave sound out instead of laying it over. */
  for (; rate > 2; rate /= 2)
    g_string_append(filters, "atempo=2,");
  for (; rate < 0.5; rate *= 2)
    g_string_append(filters, "atempo=0.5,");
  if (rate != 1) {
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_string_append_printf(filters, "atempo=%s,", g_ascii_dtostr(number, sizeof number, rate));
  }
  g_string_append_printf(filters, "aresample,aformat=sample_fmts=flt:channel_layouts=stereo:sample_rates=%d",
                         SAC_AUDIO_RATE);

  avfilter_graph_free(&track->graph);
  track->graph = avfilter_graph_alloc();
  if (track->graph && inputs && outputs &&
      avfilter_graph_create_filter(&track->source, avfilter_get_by_name("abuffer"), "in", arguments, NULL,
                                   track->graph) >= 0 &&
      avfilter_graph_create_filter(&track->sink, avfilter_get_by_name("abuffersink"), "out", NULL, NULL,
                                   track->graph) >= 0) {
    *outputs = (AVFilterInOut){ .name = av_strdup("in"), .filter_ctx = track->source };
    *inputs = (AVFilterInOut){ .name = av_strdup("out"), .filter_ctx = track->sink };
    built = avfilter_graph_parse_ptr(track->graph, filters->str, &inputs, &outputs, NULL) >= 0 &&
            avfilter_graph_config(track->graph, NULL) >= 0;
  }
  avfilter_inout_free(&inputs);
  avfilter_inout_free(&outputs);
  if (!built)
    avfilter_graph_free(&track->graph);
  return built;
}

gboolean
sac_audio_track_start(SacAudioTrack *track, gint64 time_us, double rate)
{
  gint64 target = av_rescale_q(time_us + track->origin_us, AV_TIME_BASE_Q, track->stream->time_base);

  if (av_seek_frame(track->format, track->stream->index, target, AVSEEK_FLAG_BACKWARD) < 0 &&
      avformat_seek_file(track->format, -1, G_MININT64, 0, G_MAXINT64, 0) < 0)
    return FALSE;
  avcodec_flush_buffers(track->codec);
  avfilter_graph_free(&track->graph);
  av_frame_unref(track->filtered);
  track->taken = track->silence = 0;
  track->expected_us = time_us;
  track->rate = rate;
  track->ended = FALSE;
  return TRUE;
}

/* Leaves out what comes before the expected time, and puts silence where something is missing. FALSE: nothing of it is left. */
static gboolean
fit(SacAudioTrack *track, AVFrame *frame)
{
  const gint64 stamp = frame->best_effort_timestamp;
  const gint64 time = stamp == AV_NOPTS_VALUE
                          ? track->expected_us
                          : av_rescale_q(stamp, track->stream->time_base, AV_TIME_BASE_Q) - track->origin_us;
  const gint64 length = av_rescale(frame->nb_samples, G_USEC_PER_SEC, MAX(frame->sample_rate, 1));
  gint64 early = track->expected_us - time;

  if (early >= length)
    return FALSE;
  if (early < -TOLERATED_GAP_US) {
    track->silence += (gsize)((double)-early / track->rate * SAC_AUDIO_RATE / G_USEC_PER_SEC);
    early = 0;
    track->expected_us = time;
  }
  if (early > 0) {
    const int skip = (int)av_rescale(early, frame->sample_rate, G_USEC_PER_SEC);
    const int bytes = av_get_bytes_per_sample(frame->format);
    const gboolean planar = av_sample_fmt_is_planar(frame->format);
    const int planes = planar ? frame->ch_layout.nb_channels : 1;

    for (int plane = 0; plane < planes; plane++)
      frame->extended_data[plane] += (gsize)skip * (gsize)bytes * (planar ? 1 : (gsize)frame->ch_layout.nb_channels);
    for (int plane = 0; plane < MIN(planes, AV_NUM_DATA_POINTERS); plane++)
      frame->data[plane] = frame->extended_data[plane];
    frame->nb_samples -= skip;
  }
  track->expected_us += av_rescale(frame->nb_samples, G_USEC_PER_SEC, MAX(frame->sample_rate, 1));
  return frame->nb_samples > 0;
}

/* Brings one decoded frame, or the end, to the filters. */
static void
decode(SacAudioTrack *track)
{
  while (!track->ended) {
    int status = avcodec_receive_frame(track->codec, track->decoded);

    if (status >= 0) {
      const gboolean any = fit(track, track->decoded);

      if (any && (track->graph || build_graph(track, track->decoded))) {
        track->decoded->pts = AV_NOPTS_VALUE;
        /* A stream that changes its form gets new filters. */
        if (av_buffersrc_add_frame_flags(track->source, track->decoded, AV_BUFFERSRC_FLAG_KEEP_REF) < 0)
          avfilter_graph_free(&track->graph);
      }
      av_frame_unref(track->decoded);
      if (any)
        return;
      continue;
    }
    if (status != AVERROR(EAGAIN)) {
      track->ended = TRUE;
      break;
    }
    status = av_read_frame(track->format, track->packet);
    if (status < 0)
      avcodec_send_packet(track->codec, NULL);
    else if (track->packet->stream_index == track->stream->index)
      avcodec_send_packet(track->codec, track->packet);
    av_packet_unref(track->packet);
  }
  if (track->graph && av_buffersrc_add_frame(track->source, NULL) < 0)
    avfilter_graph_free(&track->graph);
}

gsize
sac_audio_track_read(SacAudioTrack *track, float *samples, gsize capacity)
{
  for (;;) {
    if (track->silence && !track->filtered->nb_samples) {
      const gsize count = MIN(capacity, track->silence);

      memset(samples, 0, count * SAC_AUDIO_CHANNELS * sizeof *samples);
      track->silence -= count;
      return count;
    }
    if (track->filtered->nb_samples) {
      const gsize count = MIN(capacity, (gsize)track->filtered->nb_samples - track->taken);

      memcpy(samples, (const float *)track->filtered->data[0] + track->taken * SAC_AUDIO_CHANNELS,
             count * SAC_AUDIO_CHANNELS * sizeof *samples);
      track->taken += count;
      if (track->taken == (gsize)track->filtered->nb_samples) {
        av_frame_unref(track->filtered);
        track->taken = 0;
      }
      return count;
    }
    if (track->graph && av_buffersink_get_frame(track->sink, track->filtered) >= 0)
      continue;
    if (track->ended)
      return 0;
    decode(track);
  }
}
