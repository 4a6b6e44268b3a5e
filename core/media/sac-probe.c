/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-probe.h"

#include <glib/gi18n.h>

#include "core/media/sac-decoder-private.h"
#include "core/sac-error.h"

G_DEFINE_BOXED_TYPE(SacMediaInfo, sac_media_info, sac_media_info_ref, sac_media_info_unref)

SacMediaInfo *
sac_media_info_ref(SacMediaInfo *info)
{
  return g_atomic_rc_box_acquire(info);
}

static void
clear(gpointer data)
{
  SacMediaInfo *info = data;

  g_free(info->path);
  g_free(info->container);
  g_free(info->video_codec);
  g_free(info->audio_codec);
  g_free(info->title);
}

void
sac_media_info_unref(SacMediaInfo *info)
{
  g_atomic_rc_box_release_full(info, clear);
}

/* FFmpeg reads single pictures by demuxers of these names, or from "image2" by the file's ending. */
static gboolean
is_picture(const AVFormatContext *context, const AVStream *stream)
{
  const char *name = context->iformat->name;

  if (stream->disposition & AV_DISPOSITION_ATTACHED_PIC)
    return TRUE;
  return g_str_has_suffix(name, "_pipe") || g_str_equal(name, "image2");
}

/* Photographs say how they were held inside the coded picture, which must be decoded for it. */
static void
turn_photograph(SacMediaInfo *info)
{
  g_autoptr(SacDecoder) decoder = sac_decoder_new(info->path, FALSE, NULL, NULL);
  gint64 time, duration;
  AVFrame *picture = decoder ? sac_decoder_next(decoder, &time, &duration, NULL) : NULL;

  if (!picture)
    return;
  const SacOrientation orientation = sac_media_orientation(decoder->stream, picture);
  info->width = picture->width;
  info->height = picture->height;
  info->rotation = sac_media_rotation(orientation);
  sac_media_apply_aspect(orientation, picture->sample_aspect_ratio, &info->width, &info->height);
  av_frame_free(&picture);
}

/* Browsers and programs that crashed leave no duration behind: then packets are counted, not decoded. */
static gint64
measure(AVFormatContext *context, const AVStream *video, int video_index)
{
  const double rate = video && video->avg_frame_rate.den > 0 ? av_q2d(video->avg_frame_rate) : 0;
  const gint64 start = context->start_time == AV_NOPTS_VALUE ? 0 : context->start_time;
  AVPacket *packet = av_packet_alloc();
  gint64 last = 0, pictures = 0;

  while (packet && av_read_frame(context, packet) >= 0) {
    const AVRational base = context->streams[packet->stream_index]->time_base;

    if (packet->pts != AV_NOPTS_VALUE)
      last = MAX(last, av_rescale_q(packet->pts + packet->duration, base, AV_TIME_BASE_Q) - start);
    pictures += packet->stream_index == video_index;
    av_packet_unref(packet);
  }
  av_packet_free(&packet);
  if (last > 0)
    return last;
  return rate > 0 && pictures > 0 ? (gint64)((double)pictures / rate * G_USEC_PER_SEC) : -1;
}

SacMediaInfo *
sac_probe_file(const char *path, GError **error)
{
  AVFormatContext *context = sac_media_open(path, NULL, error);

  if (!context)
    return NULL;
  g_autoptr(SacMediaInfo) info = g_atomic_rc_box_new0(SacMediaInfo);
  const int index = sac_media_find_video(context);
  const AVStream *video = index >= 0 ? context->streams[index] : NULL;
  const AVDictionaryEntry *title = av_dict_get(context->metadata, "title", NULL, 0);

  info->path = g_strdup(path);
  info->container = g_strdup(context->iformat->name);
  info->title = title && *title->value ? g_utf8_make_valid(title->value, -1) : NULL;
  info->frame_rate_den = 1;
  if (video) {
    const AVCodecParameters *codec = video->codecpar;

    info->has_video = codec->width > 0 && codec->height > 0;
    info->is_picture = is_picture(context, video);
    info->video_codec = g_strdup(avcodec_get_name(codec->codec_id));
    info->frame_rate_num = video->avg_frame_rate.den > 0 ? video->avg_frame_rate.num : 0;
    info->frame_rate_den = info->frame_rate_num > 0 ? video->avg_frame_rate.den : 1;
    sac_media_display_size(video, codec->width, codec->height,
                           codec->sample_aspect_ratio.num > 0 ? codec->sample_aspect_ratio : video->sample_aspect_ratio,
                           &info->rotation, &info->width, &info->height);
  }
  info->duration_us = info->is_picture ? 0 : sac_media_duration(context, video);
  for (unsigned i = 0; i < context->nb_streams; i++) {
    const AVCodecParameters *codec = context->streams[i]->codecpar;

    if (codec->codec_type != AVMEDIA_TYPE_AUDIO)
      continue;
    if (!info->n_audio_tracks++)
      info->audio_codec = g_strdup(avcodec_get_name(codec->codec_id));
  }
  if (info->duration_us < 0)
    info->duration_us = measure(context, video, index);
  avformat_close_input(&context);
  if (info->is_picture && (g_strcmp0(info->video_codec, "mjpeg") == 0 || g_strcmp0(info->video_codec, "webp") == 0))
    turn_photograph(info);
  if (!info->has_video && !info->n_audio_tracks) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                _("%s: neither a video, nor sound, nor a picture that can be read"), path);
    return NULL;
  }
  return g_steal_pointer(&info);
}
