/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <string.h>

/*
 * FFmpeg 5.1 to 7.1 by one set of names: what newer versions renamed or moved. Nothing else asks for FFmpeg's version.
 */

#define SAC_FFMPEG_HAS_SUPPORTED_CONFIG (LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100))

/* How long a decoded picture is shown, in its stream's time base; 0 where unknown. An lvalue. */
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
#define sac_ffmpeg_duration(frame) ((frame)->duration)
#else
#define sac_ffmpeg_duration(frame) ((frame)->pkt_duration)
#endif

/* What a writing AVIOContext hands over. */
#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t SacFfmpegBytes;
#else
typedef uint8_t SacFfmpegBytes;
#endif

static inline gboolean
sac_ffmpeg_is_interlaced(const AVFrame *frame)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
  return (frame->flags & AV_FRAME_FLAG_INTERLACED) != 0;
#else
  return frame->interlaced_frame != 0;
#endif
}

/* What a stream says beside its codec's parameters; owned by the stream. */
static inline const AVPacketSideData *
sac_ffmpeg_side_data(const AVStream *stream, int *count)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
  *count = stream->codecpar->nb_coded_side_data;
  return stream->codecpar->coded_side_data;
#else
  *count = stream->nb_side_data;
  return stream->side_data;
#endif
}

/* The matrix by which the pictures are turned when they are shown, or NULL; owned by the stream. */
static inline const int32_t *
sac_ffmpeg_display_matrix(const AVStream *stream)
{
  int count;
  const AVPacketSideData *data = sac_ffmpeg_side_data(stream, &count);

  for (int i = 0; i < count; i++)
    if (data[i].type == AV_PKT_DATA_DISPLAYMATRIX && data[i].size >= 9 * sizeof(int32_t))
      return (const int32_t *)data[i].data;
  return NULL;
}

/* Gives the stream a copy of another's side data, replacing its own of that type. */
static inline void
sac_ffmpeg_add_side_data(AVStream *stream, const AVPacketSideData *data)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
  AVCodecParameters *about = stream->codecpar;
  const AVPacketSideData *copy =
      av_packet_side_data_new(&about->coded_side_data, &about->nb_coded_side_data, data->type, data->size, 0);
  uint8_t *bytes = copy ? copy->data : NULL;
#else
  uint8_t *bytes = av_stream_new_side_data(stream, data->type, data->size);
#endif
  if (bytes)
    memcpy(bytes, data->data, data->size);
}

/* What an encoder takes, ended by -1 or 0; NULL: anything. */
static inline const enum AVPixelFormat *
sac_ffmpeg_pixel_formats(const AVCodec *codec)
{
#if SAC_FFMPEG_HAS_SUPPORTED_CONFIG
  const void *formats = NULL;
  avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_PIX_FORMAT, 0, &formats, NULL);
  return formats;
#else
  return codec->pix_fmts;
#endif
}

static inline const enum AVSampleFormat *
sac_ffmpeg_sample_formats(const AVCodec *codec)
{
#if SAC_FFMPEG_HAS_SUPPORTED_CONFIG
  const void *formats = NULL;
  avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_SAMPLE_FORMAT, 0, &formats, NULL);
  return formats;
#else
  return codec->sample_fmts;
#endif
}

static inline const int *
sac_ffmpeg_sample_rates(const AVCodec *codec)
{
#if SAC_FFMPEG_HAS_SUPPORTED_CONFIG
  const void *rates = NULL;
  avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_SAMPLE_RATE, 0, &rates, NULL);
  return rates;
#else
  return codec->supported_samplerates;
#endif
}
