/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <string.h>

#include "core/export/sac-export-private.h"

struct _SacSubtitles {
  AVStream *stream;
  AVCodecContext *decoder, *encoder; /* NULL: as it is */
};

#define MAX_SUBTITLE (64 * 1024)

/* The container's own kind of words, or the track's where it can stay. */
static enum AVCodecID
choose_codec(const SacExportJob *job, enum AVCodecID codec)
{
  const AVCodecDescriptor *about = avcodec_descriptor_get(codec);
  const gboolean words = about && (about->props & AV_CODEC_PROP_TEXT_SUB);

  if (g_str_equal(job->format, "webm"))
    return words ? AV_CODEC_ID_WEBVTT : AV_CODEC_ID_NONE;
  if (g_str_equal(job->format, "mkv"))
    return codec == AV_CODEC_ID_MOV_TEXT                                                  ? AV_CODEC_ID_SUBRIP
           : avformat_query_codec(job->output->oformat, codec, FF_COMPLIANCE_NORMAL) == 1 ? codec
                                                                                          : AV_CODEC_ID_NONE;
  return words ? AV_CODEC_ID_MOV_TEXT : AV_CODEC_ID_NONE;
}

static AVCodecContext *
open_decoder(const AVStream *stream)
{
  const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
  AVCodecContext *decoder = codec ? avcodec_alloc_context3(codec) : NULL;

  if (!decoder)
    return NULL;
  avcodec_parameters_to_context(decoder, stream->codecpar);
  decoder->pkt_timebase = stream->time_base;
  if (avcodec_open2(decoder, codec, NULL) < 0)
    avcodec_free_context(&decoder);
  return decoder;
}

static AVCodecContext *
open_encoder(enum AVCodecID id, const AVCodecContext *decoder)
{
  const AVCodec *codec = avcodec_find_encoder(id);
  AVCodecContext *encoder = codec ? avcodec_alloc_context3(codec) : NULL;

  if (!encoder)
    return NULL;
  encoder->time_base = (AVRational){ 1, 1000 };
  if (decoder->subtitle_header) {
    encoder->subtitle_header =
        (uint8_t *)av_strndup((const char *)decoder->subtitle_header, (size_t)decoder->subtitle_header_size);
    encoder->subtitle_header_size = decoder->subtitle_header_size;
  }
  if (avcodec_open2(encoder, codec, NULL) < 0)
    avcodec_free_context(&encoder);
  return encoder;
}

SacSubtitles *
sac_subtitles_new(SacExportJob *job, AVStream *stream)
{
  const enum AVCodecID id = choose_codec(job, stream->codecpar->codec_id);
  g_autofree SacSubtitles *subtitles = g_new0(SacSubtitles, 1);

  subtitles->stream = stream;
  if (id != AV_CODEC_ID_NONE && id != stream->codecpar->codec_id) {
    subtitles->decoder = open_decoder(stream);
    subtitles->encoder = subtitles->decoder ? open_encoder(id, subtitles->decoder) : NULL;
  }
  if (id == AV_CODEC_ID_NONE || (id != stream->codecpar->codec_id && !subtitles->encoder)) {
    g_ptr_array_add(job->notes,
                    g_strdup_printf(_("subtitles (stream %d, %s) were left out: %s cannot hold them"), stream->index,
                                    avcodec_get_name(stream->codecpar->codec_id), job->format));
    avcodec_free_context(&subtitles->decoder);
    stream->discard = AVDISCARD_ALL;
    return NULL;
  }
  AVStream *target = sac_export_add_stream(job, stream);
  if (subtitles->encoder)
    avcodec_parameters_from_context(target->codecpar, subtitles->encoder);
  else
    avcodec_parameters_copy(target->codecpar, stream->codecpar);
  target->codecpar->codec_tag = 0;
  return g_steal_pointer(&subtitles);
}

/* The packet's words, encoded anew. FALSE: none. */
static gboolean
convert(SacSubtitles *subtitles, AVPacket *packet)
{
  AVSubtitle subtitle = { 0 };
  int got = 0;
  uint8_t *bytes = av_malloc(MAX_SUBTITLE);
  const gint64 pts = packet->pts, duration = packet->duration;
  int size = 0;

  if (bytes && avcodec_decode_subtitle2(subtitles->decoder, &subtitle, &got, packet) >= 0 && got) {
    if (subtitle.num_rects > 0)
      size = avcodec_encode_subtitle(subtitles->encoder, bytes, MAX_SUBTITLE, &subtitle);
    avsubtitle_free(&subtitle);
  }
  av_packet_unref(packet);
  if (size > 0 && av_new_packet(packet, size) >= 0)
    memcpy(packet->data, bytes, (size_t)size);
  else
    size = 0;
  packet->pts = packet->dts = pts;
  packet->duration = duration;
  av_free(bytes);
  return size > 0;
}

gboolean
sac_subtitles_write(SacSubtitles *subtitles, SacExportJob *job, AVPacket *packet, GError **error)
{
  const AVStream *target = job->targets[subtitles->stream->index];

  if (packet->pts == AV_NOPTS_VALUE)
    return TRUE;
  const gint64 shown = sac_export_us(subtitles->stream, packet->pts);
  const gint64 gone = shown + sac_export_us(subtitles->stream, packet->duration);
  if (shown >= job->end_us || gone <= job->start_us)
    return TRUE;
  if (subtitles->encoder && !convert(subtitles, packet))
    return TRUE;
  const gint64 start = MAX(shown, job->start_us), end = MIN(gone, job->end_us);
  packet->pts = packet->dts = av_rescale_q(start - job->start_us, AV_TIME_BASE_Q, target->time_base);
  packet->duration = av_rescale_q(end - start, AV_TIME_BASE_Q, target->time_base);
  packet->flags |= AV_PKT_FLAG_KEY;
  return sac_export_write_packet(job, subtitles->stream->index, packet, error);
}

void
sac_subtitles_free(SacSubtitles *subtitles)
{
  if (!subtitles)
    return;
  avcodec_free_context(&subtitles->decoder);
  avcodec_free_context(&subtitles->encoder);
  g_free(subtitles);
}
