/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <libavutil/display.h>

#include "core/export/sac-export-private.h"
#include "core/media/sac-decoder-private.h"
#include "core/sac-error.h"

/*
 * Packets as they are. Pictures are stored in the order in which they are decoded, so a picture before the end may need one that is
 * shown after it; then that one is taken too, and with it all that are shown before it:
 *
 *     decoded   I0 P4 B2 B1 B3 P8 …            to = 2: B1 needs P4, so the clip is 0 1 2 3 4
 *
 * and pictures that follow a key frame but are shown before it (an open GOP) need the group before it: they are left out.
 */

static gboolean
container_holds(const char *format, const AVOutputFormat *muxer, enum AVCodecID codec)
{
  static const enum AVCodecID webm[] = { AV_CODEC_ID_VP8,  AV_CODEC_ID_VP9,    AV_CODEC_ID_AV1,
                                         AV_CODEC_ID_OPUS, AV_CODEC_ID_VORBIS, AV_CODEC_ID_WEBVTT };

  if (!g_str_equal(format, "webm"))
    return avformat_query_codec(muxer, codec, FF_COMPLIANCE_NORMAL) == 1;
  for (guint i = 0; i < G_N_ELEMENTS(webm); i++)
    if (webm[i] == codec)
      return TRUE;
  return FALSE;
}

static gboolean
check_codec(SacExportJob *job, const AVStream *stream, GError **error)
{
  if (container_holds(job->format, job->output->oformat, stream->codecpar->codec_id))
    return TRUE;
  g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED,
              _("%s: %s cannot hold %s as it is; export with --exact, or to .mkv"), job->output_path, job->format,
              avcodec_get_name(stream->codecpar->codec_id));
  return FALSE;
}

/* Where the clip ends, after the rule above. */
static gboolean
find_end(SacExportJob *job, GError **error)
{
  const AVStream *stream = job->input->streams[job->video];
  const gint64 frame = stream->avg_frame_rate.num > 0
                           ? av_rescale_q(1, av_inv_q(stream->avg_frame_rate), AV_TIME_BASE_Q)
                           : 40 * G_TIME_SPAN_MILLISECOND;
  g_autoptr(GError) failure = NULL;
  AVPacket *packet = av_packet_alloc();
  gint64 key, seek, limit = job->to_us - SAC_EXPORT_TOLERANCE, ahead = G_MININT64, end = job->start_us;

  /* From the group before the end: a key frame at the end itself is not in the clip. */
  if (!sac_export_find_key(job, job->to_us - 2 * SAC_EXPORT_TOLERANCE - 1, &key, &seek, &failure) ||
      !sac_export_seek(job, seek, &failure)) {
    av_packet_free(&packet);
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
  }
  while (sac_export_read(job, packet, &failure)) {
    const gboolean ours = packet->stream_index == job->video;
    const gint64 stamp = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;

    if (ours && stamp != AV_NOPTS_VALUE) {
      const gint64 shown = sac_export_us(stream, stamp);
      const gint64 after = shown + (packet->duration > 0 ? sac_export_us(stream, packet->duration) : frame);

      if (shown < limit) {
        limit = MAX(limit, ahead);
        end = MAX(end, MAX(after, ahead));
      } else {
        ahead = MAX(ahead, after);
      }
      if (packet->dts != AV_NOPTS_VALUE && sac_export_us(stream, packet->dts) >= limit) {
        av_packet_unref(packet);
        break;
      }
    }
    av_packet_unref(packet);
  }
  av_packet_free(&packet);
  if (failure) {
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
  }
  job->end_us = end;
  return TRUE;
}

static gboolean
add_streams(SacExportJob *job, SacSubtitles **subtitles, GError **error)
{
  for (unsigned i = 0; i < job->n_streams; i++) {
    AVStream *from = job->input->streams[i];
    const enum AVMediaType type = from->codecpar->codec_type;

    if (type == AVMEDIA_TYPE_SUBTITLE) {
      subtitles[i] = sac_subtitles_new(job, from);
      continue;
    }
    if ((int)i != job->video && type != AVMEDIA_TYPE_AUDIO &&
        !(type == AVMEDIA_TYPE_ATTACHMENT && g_str_equal(job->format, "mkv"))) {
      from->discard = AVDISCARD_ALL;
      continue;
    }
    if (type != AVMEDIA_TYPE_ATTACHMENT && !check_codec(job, from, error))
      return FALSE;
    AVStream *to = sac_export_add_stream(job, from);
    if (!to || avcodec_parameters_copy(to->codecpar, from->codecpar) < 0) {
      sac_media_set_error(error, AVERROR(ENOMEM), job->output_path, "");
      return FALSE;
    }
    /* The input's name for the codec is kept where the output knows it: some players want hvc1 and not hev1. */
    if (!job->output->oformat->codec_tag ||
        av_codec_get_id(job->output->oformat->codec_tag, from->codecpar->codec_tag) != from->codecpar->codec_id)
      to->codecpar->codec_tag = 0;
    int n_side_data;
    const AVPacketSideData *data = sac_ffmpeg_side_data(from, &n_side_data);
    for (int k = 0; k < n_side_data; k++)
      sac_ffmpeg_add_side_data(to, &data[k]);
  }
  return TRUE;
}

/* Only mp4 keeps how a picture is turned in this FFmpeg. */
static gboolean
check_rotation(SacExportJob *job, GError **error)
{
  const AVStream *stream = job->input->streams[job->video];
  const int32_t *matrix = sac_ffmpeg_display_matrix(stream);

  if (!matrix || av_display_rotation_get(matrix) == 0 || g_str_equal(job->format, "mp4"))
    return TRUE;
  g_set_error(
      error, SAC_ERROR, SAC_ERROR_UNSUPPORTED,
      _("%s: the pictures are turned when they are shown, which %s cannot hold; export with --exact, or to .mp4"),
      job->output_path, job->format);
  return FALSE;
}

/* Whether the packet belongs to the clip. A sound packet from before the start readies the decoder; mp4 hides it by an edit list. */
static gboolean
is_wanted(SacExportJob *job, const AVPacket *packet, gboolean begun)
{
  const AVStream *stream = job->input->streams[packet->stream_index];
  const gint64 shown = sac_export_us(stream, packet->pts);

  if (packet->stream_index == job->video)
    return begun && shown >= job->start_us && shown < job->end_us;
  const gint64 lead = g_str_equal(job->format, "mp4") ? 2 * sac_export_us(stream, packet->duration) : 0;
  return shown + lead >= job->start_us && shown < job->end_us;
}

static gboolean
copy_packets(SacExportJob *job, SacSubtitles **subtitles, GError **error)
{
  /* Matroska stores no decoding times, and those that are guessed after a seek are wrong at first; the muxer makes better ones. */
  const gboolean drop_dts = strstr(job->input->iformat->name, "matroska") != NULL;
  const unsigned n = job->n_streams;
  g_autofree gboolean *done = g_new0(gboolean, n);
  g_autoptr(GError) failure = NULL;
  AVPacket *packet = av_packet_alloc();
  gboolean begun = job->video < 0, all = FALSE;

  while (!all && !failure && sac_export_read(job, packet, &failure)) {
    const int index = packet->stream_index;
    AVStream *from = job->input->streams[index], *to = job->targets[index];

    if (packet->pts == AV_NOPTS_VALUE)
      packet->pts = packet->dts;
    if (!to || packet->pts == AV_NOPTS_VALUE) {
      av_packet_unref(packet);
      continue;
    }
    const gint64 order = sac_export_us(from, packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts);
    if (index == job->video && (packet->flags & AV_PKT_FLAG_KEY) &&
        ABS(sac_export_us(from, packet->pts) - job->start_us) <= 1)
      begun = TRUE;
    if (order >= job->end_us)
      done[index] = TRUE;
    all = order >= job->end_us + SAC_EXPORT_INTERLEAVE;
    if (subtitles[index]) {
      sac_subtitles_write(subtitles[index], job, packet, &failure);
    } else if (is_wanted(job, packet, begun)) {
      const gint64 offset = av_rescale_q(job->start_us, AV_TIME_BASE_Q, from->time_base);

      packet->pts -= offset;
      if (packet->dts != AV_NOPTS_VALUE)
        packet->dts -= offset;
      if (index == job->video && drop_dts)
        packet->dts = AV_NOPTS_VALUE;
      av_packet_rescale_ts(packet, from->time_base, to->time_base);
      sac_export_write_packet(job, index, packet, &failure);
    }
    av_packet_unref(packet);
    if (!failure)
      sac_export_tell(job, order, &failure);
    if (!all) {
      all = TRUE;
      for (unsigned i = 0; i < n; i++)
        all = all && (!job->targets[i] || done[i] || subtitles[i] ||
                      job->input->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_ATTACHMENT);
    }
  }
  av_packet_free(&packet);
  if (failure) {
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
  }
  return TRUE;
}

gboolean
sac_export_copy(SacExportJob *job, GError **error)
{
  const unsigned n = job->n_streams;
  SacSubtitles **subtitles = g_new0(SacSubtitles *, n);
  gint64 seek = job->from_us;

  job->start_us = job->from_us;
  job->end_us = job->to_us;
  const gboolean done =
      add_streams(job, subtitles, error) && (job->video < 0 || check_rotation(job, error)) &&
      (job->video < 0 ||
       (find_end(job, error) && sac_export_find_key(job, job->from_us, &job->start_us, &seek, error))) &&
      sac_export_seek(job, seek, error) && sac_export_write_header(job, error) && copy_packets(job, subtitles, error);
  for (unsigned i = 0; i < n; i++)
    sac_subtitles_free(subtitles[i]);
  g_free(subtitles);
  return done;
}
