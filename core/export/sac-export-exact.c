/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/audio_fifo.h>
#include <libavutil/display.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <math.h>

#include "core/export/sac-export-private.h"
#include "core/media/sac-decoder-private.h"
#include "core/sac-error.h"

/*
 * Decodes from the key frame before the span and encodes what is in it.
 *
 *     packets → decoder → [turn, scale, pixel format | resample] → encoder → muxer
 *
 * A picture is kept back until the next one tells how long it is shown; the one that is shown at `from` is so found when the first
 * later one comes. Sound is laid on a line of samples that begins at `from`: gaps become silence, overlaps are cut, so that it cannot
 * drift from the picture.
 */

typedef struct {
  SacExportJob *job;
  AVStream *from;
  AVCodecContext *decoder, *encoder;
  AVFilterGraph *graph;
  AVFilterContext *source, *sink;
  AVFrame *shape; /* what the graph was built for: no content */
  gboolean done;
  /* Pictures. */
  AVFrame *held;
  GHashTable *durations; /* of what is in the encoder, by its time stamp */
  gboolean begun;
  gint64 base; /* the time stamp that becomes 0, in the input's time base */
  /* Sound. */
  AVAudioFifo *fifo;
  gint64 laid, limit; /* samples that are on the line, and that it has room for */
  gint64 sent;        /* samples that the encoder was given */
} Track;

/* Sound that is off its place by less is left where it falls: clocks of containers count milliseconds. */
#define SLACK_SECONDS 0.004

/* ---- Encoders ----------------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *name;
  const char *options; /* for good quality: what a person cuts is what a person keeps */
} Choice;

static const Choice mp4_video[] = { { "libx264", "crf=17:preset=medium" },
                                    { "libopenh264", "b=20000000" },
                                    { "libsvtav1", "crf=24:preset=8" },
                                    { "mpeg4", "flags=+qscale:global_quality=236" },
                                    { NULL } };
static const Choice webm_video[] = { { "libvpx-vp9", "crf=20:b=0:deadline=good:cpu-used=4:row-mt=1" },
                                     { "libsvtav1", "crf=24:preset=8" },
                                     { "libaom-av1", "crf=22:b=0:cpu-used=6" },
                                     { "libvpx", "crf=8:b=20000000" },
                                     { NULL } };
static const Choice mp4_audio[] = { { "aac", "" }, { "libmp3lame", "" }, { NULL } };
static const Choice webm_audio[] = { { "libopus", "" }, { "libvorbis", "" }, { NULL } };

static const Choice *
choices(const SacExportJob *job, enum AVMediaType type)
{
  if (type == AVMEDIA_TYPE_VIDEO)
    return g_str_equal(job->format, "webm") ? webm_video : mp4_video;
  return g_str_equal(job->format, "mp4") ? mp4_audio : webm_audio;
}

static void
set_rotated_size(const AVStream *from, AVCodecContext *encoder, AVRational aspect)
{
  int rotation, width, height;

  sac_media_display_size(from, from->codecpar->width, from->codecpar->height, (AVRational){ 0, 1 }, &rotation, &width,
                         &height);
  encoder->width = width;
  encoder->height = height;
  encoder->sample_aspect_ratio = rotation % 180 && aspect.num > 0 ? av_inv_q(aspect) : aspect;
}

static void
prepare_video(Track *track, const AVCodec *codec)
{
  AVStream *from = track->from;
  AVCodecContext *encoder = track->encoder;
  const AVCodecParameters *about = from->codecpar;
  const AVRational rate = av_guess_frame_rate(track->job->input, from, NULL);

  set_rotated_size(from, encoder, av_guess_sample_aspect_ratio(track->job->input, from, NULL));
  const enum AVPixelFormat *formats = sac_ffmpeg_pixel_formats(codec);
  encoder->pix_fmt = formats ? avcodec_find_best_pix_fmt_of_list(formats, about->format, 0, NULL) : about->format;
  /* Half a colour sample cannot be coded by most; see the pad in the graph. */
  const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(encoder->pix_fmt);
  if (codec->id != AV_CODEC_ID_VP9 && codec->id != AV_CODEC_ID_VP8) {
    encoder->width = (int)FFALIGN((unsigned)encoder->width, 1U << format->log2_chroma_w);
    encoder->height = (int)FFALIGN((unsigned)encoder->height, 1U << format->log2_chroma_h);
  }
  encoder->color_range = about->color_range;
  encoder->color_primaries = about->color_primaries;
  encoder->color_trc = about->color_trc;
  encoder->colorspace = about->color_space;
  encoder->chroma_sample_location = about->chroma_location;
  /* As fine as the input's clock, and fine enough to begin anywhere. */
  encoder->time_base = from->time_base;
  while (av_cmp_q(encoder->time_base, (AVRational){ 1, 10000 }) > 0 && encoder->time_base.den < 100000000)
    encoder->time_base.den *= 10;
  if (codec->id == AV_CODEC_ID_MPEG4)
    encoder->time_base = rate.num > 0 ? av_inv_q(rate) : (AVRational){ 1, 1000 };
  encoder->framerate = rate;
  if (about->field_order > AV_FIELD_PROGRESSIVE && codec->id == AV_CODEC_ID_H264) {
    encoder->flags |= AV_CODEC_FLAG_INTERLACED_DCT;
    encoder->field_order = about->field_order;
  }
}

static void
prepare_audio(Track *track, const AVCodec *codec)
{
  AVCodecContext *encoder = track->encoder;
  const AVCodecParameters *about = track->from->codecpar;
  const gint64 channels = about->ch_layout.nb_channels;

  const enum AVSampleFormat *formats = sac_ffmpeg_sample_formats(codec);
  const int *rates = sac_ffmpeg_sample_rates(codec);
  encoder->sample_fmt = formats ? formats[0] : AV_SAMPLE_FMT_FLTP;
  encoder->sample_rate = about->sample_rate;
  if (rates) {
    /* The least that loses nothing, else the most there is. */
    int best = 0;

    for (const int *rate = rates; *rate; rate++)
      if (!best || (*rate >= about->sample_rate ? best < about->sample_rate || *rate < best
                                                : *rate > best && best < about->sample_rate))
        best = *rate;
    encoder->sample_rate = best;
  }
  /* Encoders know the usual layouts of so many channels; "side" and "back" are the same loudspeakers to them. */
  if (channels <= 8)
    av_channel_layout_default(&encoder->ch_layout, (int)channels);
  else
    encoder->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO;
  encoder->time_base = (AVRational){ 1, encoder->sample_rate };
  encoder->bit_rate = 96000 * encoder->ch_layout.nb_channels;
}

static gboolean
open_encoder(Track *track, GError **error)
{
  SacExportJob *job = track->job;
  const enum AVMediaType type = track->from->codecpar->codec_type;
  int status = AVERROR_ENCODER_NOT_FOUND;

  for (const Choice *choice = choices(job, type); choice->name; choice++) {
    const AVCodec *codec = avcodec_find_encoder_by_name(choice->name);
    AVDictionary *options = NULL;

    if (!codec)
      continue;
    if (!(track->encoder = avcodec_alloc_context3(codec))) {
      status = AVERROR(ENOMEM);
      break;
    }
    if (type == AVMEDIA_TYPE_VIDEO)
      prepare_video(track, codec);
    else
      prepare_audio(track, codec);
    if (job->output->oformat->flags & AVFMT_GLOBALHEADER)
      track->encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    track->encoder->thread_count = 0;
    av_dict_parse_string(&options, choice->options, "=", ":", 0);
    status = avcodec_open2(track->encoder, codec, &options);
    av_dict_free(&options);
    if (status >= 0)
      return TRUE;
    avcodec_free_context(&track->encoder);
  }
  char reason[AV_ERROR_MAX_STRING_SIZE];
  av_strerror(status, reason, sizeof reason);
  g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED,
              _("%s: no encoder of this FFmpeg can write %s for %s (%s); try --copy, or another format"),
              job->output_path, type == AVMEDIA_TYPE_VIDEO ? _("pictures") : _("sound"), job->format, reason);
  return FALSE;
}

static Track *
track_new(SacExportJob *job, AVStream *from, GError **error)
{
  Track *track = g_new0(Track, 1);

  track->job = job;
  track->from = from;
  track->shape = av_frame_alloc();
  track->durations = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  if (!(track->decoder = sac_media_open_codec(job->input_path, from, FALSE, error)) || !open_encoder(track, error))
    return track;
  AVStream *to = sac_export_add_stream(job, from);
  if (!to || avcodec_parameters_from_context(to->codecpar, track->encoder) < 0) {
    sac_media_set_error(error, AVERROR(ENOMEM), job->output_path, "");
    return track;
  }
  to->time_base = track->encoder->time_base;
  to->sample_aspect_ratio = track->encoder->sample_aspect_ratio;
  /* How bright the scene was mastered, and the like; how it is turned is applied. */
  int n_side_data;
  const AVPacketSideData *data = sac_ffmpeg_side_data(from, &n_side_data);
  for (int i = 0; i < n_side_data; i++)
    if (data[i].type == AV_PKT_DATA_MASTERING_DISPLAY_METADATA || data[i].type == AV_PKT_DATA_CONTENT_LIGHT_LEVEL ||
        data[i].type == AV_PKT_DATA_STEREO3D || data[i].type == AV_PKT_DATA_SPHERICAL)
      sac_ffmpeg_add_side_data(to, &data[i]);
  if (from->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) {
    track->fifo = av_audio_fifo_alloc(track->encoder->sample_fmt, track->encoder->ch_layout.nb_channels, 4096);
    track->limit = av_rescale_q(job->to_us - job->from_us, AV_TIME_BASE_Q, track->encoder->time_base);
  }
  return track;
}

static void
track_free(Track *track)
{
  if (!track)
    return;
  avcodec_free_context(&track->decoder);
  avcodec_free_context(&track->encoder);
  avfilter_graph_free(&track->graph);
  av_frame_free(&track->shape);
  av_frame_free(&track->held);
  av_audio_fifo_free(track->fifo);
  g_hash_table_unref(track->durations);
  g_free(track);
}

/* ---- Filters ------------------------------------------------------------------------------------------------------------ */

static const char *
turning_filter(const AVStream *from)
{
  int rotation, width, height;

  sac_media_display_size(from, 1, 1, (AVRational){ 0, 1 }, &rotation, &width, &height);
  return rotation == 90    ? "transpose=clock,"
         : rotation == 180 ? "hflip,vflip,"
         : rotation == 270 ? "transpose=cclock,"
                           : "";
}

static char *
describe_video_graph(Track *track, const AVFrame *frame)
{
  const AVCodecContext *encoder = track->encoder;
  int rotation, width, height;

  /* A stream that changes its size is brought to the size it began with; an odd edge is doubled. */
  sac_media_display_size(track->from, track->from->codecpar->width, track->from->codecpar->height, (AVRational){ 0, 1 },
                         &rotation, &width, &height);
  g_autoptr(GString) text = g_string_new(turning_filter(track->from));
  if (frame->width != track->from->codecpar->width || frame->height != track->from->codecpar->height)
    g_string_append_printf(text, "scale=%d:%d:flags=bicubic,", width, height);
  g_string_append_printf(text, "format=%s", av_get_pix_fmt_name(encoder->pix_fmt));
  if (encoder->width != width || encoder->height != height)
    g_string_append_printf(text, ",pad=%d:%d,fillborders=right=%d:bottom=%d:mode=smear", encoder->width,
                           encoder->height, encoder->width - width, encoder->height - height);
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean
build_graph(Track *track, const AVFrame *frame, GError **error)
{
  const gboolean video = !track->fifo;
  const AVCodecContext *encoder = track->encoder;
  const AVRational base = track->from->time_base;
  g_autofree char *source = NULL, *description = NULL;
  AVFilterInOut *outputs = avfilter_inout_alloc(), *inputs = avfilter_inout_alloc();
  char layout[128], target[128];

  if (video) {
    source = g_strdup_printf("video_size=%dx%d:pix_fmt=%d:time_base=%d/%d:pixel_aspect=%d/%d", frame->width,
                             frame->height, frame->format, base.num, base.den, frame->sample_aspect_ratio.num,
                             MAX(frame->sample_aspect_ratio.den, 1));
    description = describe_video_graph(track, frame);
  } else {
    AVChannelLayout from = frame->ch_layout;

    if (from.order == AV_CHANNEL_ORDER_UNSPEC)
      av_channel_layout_default(&from, frame->ch_layout.nb_channels);
    av_channel_layout_describe(&from, layout, sizeof layout);
    av_channel_layout_describe(&encoder->ch_layout, target, sizeof target);
    source = g_strdup_printf("time_base=%d/%d:sample_rate=%d:sample_fmt=%s:channel_layout=%s", base.num, base.den,
                             frame->sample_rate, av_get_sample_fmt_name(frame->format), layout);
    description =
        g_strdup_printf("aresample=%d,aformat=sample_fmts=%s:sample_rates=%d:channel_layouts=%s", encoder->sample_rate,
                        av_get_sample_fmt_name(encoder->sample_fmt), encoder->sample_rate, target);
  }
  avfilter_graph_free(&track->graph);
  track->graph = avfilter_graph_alloc();
  int status = track->graph && inputs && outputs ? 0 : AVERROR(ENOMEM);
  if (status >= 0)
    status = avfilter_graph_create_filter(&track->source, avfilter_get_by_name(video ? "buffer" : "abuffer"), "in",
                                          source, NULL, track->graph);
  if (status >= 0)
    status = avfilter_graph_create_filter(&track->sink, avfilter_get_by_name(video ? "buffersink" : "abuffersink"),
                                          "out", NULL, NULL, track->graph);
  if (status >= 0) {
    *outputs = (AVFilterInOut){ av_strdup("in"), track->source, 0, NULL };
    *inputs = (AVFilterInOut){ av_strdup("out"), track->sink, 0, NULL };
    status = avfilter_graph_parse_ptr(track->graph, description, &inputs, &outputs, NULL);
  }
  if (status >= 0)
    status = avfilter_graph_config(track->graph, NULL);
  avfilter_inout_free(&inputs);
  avfilter_inout_free(&outputs);
  av_frame_unref(track->shape);
  if (status < 0 || av_frame_copy_props(track->shape, frame) < 0) {
    sac_media_set_error(error, status, track->job->input_path, _("converting"));
    return FALSE;
  }
  track->shape->format = frame->format;
  track->shape->width = frame->width;
  track->shape->height = frame->height;
  track->shape->sample_rate = frame->sample_rate;
  av_channel_layout_copy(&track->shape->ch_layout, &frame->ch_layout);
  return TRUE;
}

static gboolean
fits_graph(const Track *track, const AVFrame *frame)
{
  const AVFrame *shape = track->shape;

  return track->graph && shape->format == frame->format && shape->width == frame->width &&
         shape->height == frame->height && shape->sample_rate == frame->sample_rate &&
         shape->ch_layout.nb_channels == frame->ch_layout.nb_channels;
}

/* ---- Encoding ----------------------------------------------------------------------------------------------------------- */

/* Gives the encoder a frame (NULL: the end) and the muxer what comes out. */
static gboolean
encode(Track *track, AVFrame *frame, GError **error)
{
  SacExportJob *job = track->job;
  const AVStream *to = job->targets[track->from->index];
  AVPacket *packet = av_packet_alloc();
  int status = avcodec_send_frame(track->encoder, frame);
  gboolean written = TRUE;

  while (status >= 0 && written) {
    status = avcodec_receive_packet(track->encoder, packet);
    if (status < 0)
      break;
    const gint64 *duration = g_hash_table_lookup(track->durations, &packet->pts);
    if (duration) {
      packet->duration = *duration;
      g_hash_table_remove(track->durations, &packet->pts);
    }
    av_packet_rescale_ts(packet, track->encoder->time_base, to->time_base);
    written = sac_export_write_packet(job, track->from->index, packet, error);
  }
  av_packet_free(&packet);
  if (written && status < 0 && status != AVERROR(EAGAIN) && status != AVERROR_EOF) {
    sac_media_set_error(error, status, job->output_path, _("encoding"));
    return FALSE;
  }
  return written;
}

/* ---- Pictures ----------------------------------------------------------------------------------------------------------- */

/* Encodes the held picture, which is shown until `until` (input's time base). */
static gboolean
emit_held(Track *track, gint64 until, GError **error)
{
  SacExportJob *job = track->job;
  const AVRational base = track->from->time_base;
  AVFrame *out = av_frame_alloc();
  gint64 at = track->held->pts;

  if (!track->begun) {
    const gint64 from = av_rescale_q(job->from_us, AV_TIME_BASE_Q, base);
    const gint64 late = sac_export_us(track->from, at) - job->from_us;

    /* The picture that is shown at `from` begins the clip, whether it begins there or before. */
    track->base = ABS(late) <= SAC_EXPORT_TOLERANCE ? at : from;
    track->begun = TRUE;
  }
  at = MAX(at, track->base);
  track->held->pts = at - track->base;
  track->held->pict_type = AV_PICTURE_TYPE_NONE;
  const gboolean built = fits_graph(track, track->held) || build_graph(track, track->held, error);
  int status = built ? av_buffersrc_add_frame(track->source, track->held) : 0;
  if (built && status >= 0)
    status = av_buffersink_get_frame(track->sink, out);
  gboolean done = built && status >= 0;
  if (built && status < 0)
    sac_media_set_error(error, status, job->input_path, _("converting"));
  if (done) {
    gint64 *key = g_new(gint64, 1), *duration = g_new(gint64, 1);

    out->pts = av_rescale_q(out->pts, av_buffersink_get_time_base(track->sink), track->encoder->time_base);
    *key = out->pts;
    *duration = MAX(av_rescale_q(until - at, base, track->encoder->time_base), 1);
    sac_ffmpeg_duration(out) = *duration;
    g_hash_table_insert(track->durations, key, duration);
    job->reached_us = sac_export_us(track->from, until);
    done = encode(track, out, error) && sac_export_tell(job, job->reached_us, error);
  }
  av_frame_free(&out);
  av_frame_free(&track->held);
  return done;
}

static gboolean
take_picture(Track *track, AVFrame *frame, GError **error)
{
  SacExportJob *job = track->job;
  const gint64 stamp = frame->best_effort_timestamp;

  if (stamp == AV_NOPTS_VALUE || track->done) {
    av_frame_free(&frame);
    return TRUE;
  }
  frame->pts = stamp;
  const gint64 shown = sac_export_us(track->from, stamp);
  const gint64 to = av_rescale_q(job->to_us, AV_TIME_BASE_Q, track->from->time_base);
  gboolean done = TRUE;
  if (shown >= job->to_us - SAC_EXPORT_TOLERANCE) {
    track->done = TRUE;
    if (track->held)
      done = emit_held(track, shown <= job->to_us + SAC_EXPORT_TOLERANCE ? stamp : to, error);
    av_frame_free(&frame);
    return done;
  }
  if (track->held && shown > job->from_us + SAC_EXPORT_TOLERANCE)
    done = emit_held(track, stamp, error);
  av_frame_free(&track->held);
  track->held = frame;
  return done;
}

/* The input has ended: the last picture is shown for its own time. */
static gboolean
end_pictures(Track *track, GError **error)
{
  const AVRational base = track->from->time_base, rate = track->encoder->framerate;

  if (!track->held)
    return TRUE;
  const gint64 usual = rate.num > 0 ? av_rescale_q(1, av_inv_q(rate), base) : 1;
  const gint64 duration = sac_ffmpeg_duration(track->held) > 0 ? sac_ffmpeg_duration(track->held) : usual;
  const gint64 to = av_rescale_q(track->job->to_us, AV_TIME_BASE_Q, base);
  return emit_held(track, MAX(MIN(track->held->pts + duration, to), track->held->pts + 1), error);
}

/* ---- Sound -------------------------------------------------------------------------------------------------------------- */

static gboolean
drain_fifo(Track *track, gboolean all, GError **error)
{
  AVCodecContext *encoder = track->encoder;
  const int size = encoder->frame_size > 0 ? encoder->frame_size : 4096;

  while (av_audio_fifo_size(track->fifo) >= (all ? 1 : size)) {
    AVFrame *frame = av_frame_alloc();

    frame->nb_samples = MIN(size, av_audio_fifo_size(track->fifo));
    frame->format = encoder->sample_fmt;
    frame->sample_rate = encoder->sample_rate;
    av_channel_layout_copy(&frame->ch_layout, &encoder->ch_layout);
    gboolean done = av_frame_get_buffer(frame, 0) >= 0 &&
                    av_audio_fifo_read(track->fifo, (void **)frame->extended_data, frame->nb_samples) >= 0;
    if (!done)
      sac_media_set_error(error, AVERROR(ENOMEM), track->job->output_path, "");
    frame->pts = track->sent;
    track->sent += frame->nb_samples;
    done = done && encode(track, frame, error);
    av_frame_free(&frame);
    if (!done)
      return FALSE;
  }
  return TRUE;
}

static gboolean
lay_silence(Track *track, gint64 count, GError **error)
{
  while (count > 0) {
    AVFrame *frame = av_frame_alloc();

    frame->nb_samples = (int)MIN(count, 4096);
    frame->format = track->encoder->sample_fmt;
    av_channel_layout_copy(&frame->ch_layout, &track->encoder->ch_layout);
    gboolean done = av_frame_get_buffer(frame, 0) >= 0;
    if (done) {
      av_samples_set_silence(frame->extended_data, 0, frame->nb_samples, frame->ch_layout.nb_channels, frame->format);
      done = av_audio_fifo_write(track->fifo, (void **)frame->extended_data, frame->nb_samples) >= 0;
    }
    if (!done)
      sac_media_set_error(error, AVERROR(ENOMEM), track->job->output_path, "");
    count -= frame->nb_samples;
    track->laid += frame->nb_samples;
    av_frame_free(&frame);
    if (!done || !drain_fifo(track, FALSE, error))
      return FALSE;
  }
  return TRUE;
}

/* Lays converted samples on the line where their time says. */
static gboolean
lay(Track *track, const AVFrame *frame, GError **error)
{
  const AVCodecContext *encoder = track->encoder;
  const gint64 from = av_rescale_q(track->job->from_us, AV_TIME_BASE_Q, encoder->time_base);
  const gint64 slack = (gint64)(SLACK_SECONDS * encoder->sample_rate);
  gint64 at = frame->pts == AV_NOPTS_VALUE
                  ? track->laid
                  : av_rescale_q(frame->pts, av_buffersink_get_time_base(track->sink), encoder->time_base) - from;

  if (track->laid > 0 && ABS(at - track->laid) <= slack)
    at = track->laid;
  if (at > track->laid && at < track->limit && !lay_silence(track, at - track->laid, error))
    return FALSE;
  const gint64 skip = MAX(track->laid - at, 0), room = track->limit - track->laid;
  const gint64 count = MIN(frame->nb_samples - skip, room);
  if (room <= 0 || at >= track->limit)
    track->done = TRUE;
  if (count <= 0 || track->done)
    return TRUE;
  const int bytes = av_get_bytes_per_sample(frame->format);
  const gboolean planar = av_sample_fmt_is_planar(frame->format);
  const int channels = frame->ch_layout.nb_channels, planes = planar ? channels : 1;
  g_autofree void **data = g_new(void *, planes);
  for (int i = 0; i < planes; i++)
    data[i] = frame->extended_data[i] + skip * bytes * (planar ? 1 : channels);
  if (av_audio_fifo_write(track->fifo, data, (int)count) < 0) {
    sac_media_set_error(error, AVERROR(ENOMEM), track->job->output_path, "");
    return FALSE;
  }
  track->laid += count;
  if (track->job->video < 0) {
    track->job->reached_us = track->job->from_us + av_rescale_q(track->laid, encoder->time_base, AV_TIME_BASE_Q);
    if (!sac_export_tell(track->job, track->job->reached_us, error))
      return FALSE;
  }
  return drain_fifo(track, FALSE, error);
}

/* frame NULL: the end, when what the filters hold back comes out. */
static gboolean
take_sound(Track *track, AVFrame *frame, GError **error)
{
  gboolean done = TRUE;

  if (frame) {
    frame->pts = frame->best_effort_timestamp;
    if (!fits_graph(track, frame) &&
        ((track->graph && !take_sound(track, NULL, error)) || !build_graph(track, frame, error))) {
      av_frame_free(&frame);
      return FALSE;
    }
  } else if (!track->graph) {
    return TRUE;
  }
  if (av_buffersrc_add_frame(track->source, frame) >= 0) {
    AVFrame *out = av_frame_alloc();

    while (done && av_buffersink_get_frame(track->sink, out) >= 0) {
      done = lay(track, out, error);
      av_frame_unref(out);
    }
    av_frame_free(&out);
  }
  av_frame_free(&frame);
  return done;
}

/* ---- The whole ---------------------------------------------------------------------------------------------------------- */

/* packet NULL: the end. */
static gboolean
decode(Track *track, const AVPacket *packet, GError **error)
{
  /* A damaged packet is left out: the decoder goes on with the next. */
  (void)avcodec_send_packet(track->decoder, packet);
  for (;;) {
    AVFrame *frame = av_frame_alloc();

    if (avcodec_receive_frame(track->decoder, frame) < 0) {
      av_frame_free(&frame);
      return TRUE;
    }
    if (!(track->fifo ? take_sound(track, frame, error) : take_picture(track, frame, error)))
      return FALSE;
  }
}

static gboolean
finish_track(Track *track, GError **error)
{
  if (!track->done && !decode(track, NULL, error))
    return FALSE;
  if (track->fifo)
    return take_sound(track, NULL, error) && drain_fifo(track, TRUE, error) && encode(track, NULL, error);
  return end_pictures(track, error) && encode(track, NULL, error);
}

static gboolean
transcode(SacExportJob *job, Track **tracks, SacSubtitles **subtitles, GError **error)
{
  const unsigned n = job->n_streams;
  g_autoptr(GError) failure = NULL;
  AVPacket *packet = av_packet_alloc();
  gboolean all = FALSE;

  while (!all && !failure && sac_export_read(job, packet, &failure)) {
    const int index = packet->stream_index;
    const gint64 stamp = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;

    if (subtitles[index])
      sac_subtitles_write(subtitles[index], job, packet, &failure);
    else if (tracks[index] && !tracks[index]->done)
      decode(tracks[index], packet, &failure);
    all = stamp != AV_NOPTS_VALUE &&
          sac_export_us(job->input->streams[index], stamp) >= job->to_us + SAC_EXPORT_INTERLEAVE;
    av_packet_unref(packet);
    if (!failure)
      sac_export_tell(job, job->reached_us, &failure);
    gboolean ready = TRUE;
    for (unsigned i = 0; i < n; i++)
      ready = ready && (!tracks[i] || tracks[i]->done);
    all = all || ready;
  }
  av_packet_free(&packet);
  for (unsigned i = 0; i < n && !failure; i++)
    if (tracks[i])
      finish_track(tracks[i], &failure);
  if (failure) {
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
  }
  const Track *video = job->video >= 0 ? tracks[job->video] : NULL;
  if (video && !video->begun) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                _("%s: no picture of that span could be decoded; the file may be damaged there"), job->input_path);
    return FALSE;
  }
  return TRUE;
}

gboolean
sac_export_exact(SacExportJob *job, GError **error)
{
  const unsigned n = job->n_streams;
  Track **tracks = g_new0(Track *, n);
  SacSubtitles **subtitles = g_new0(SacSubtitles *, n);
  gint64 key, seek = MAX(job->from_us - G_TIME_SPAN_SECOND, job->origin_us);
  gboolean done = job->video < 0 || sac_export_find_key(job, job->from_us, &key, &seek, error);
  g_autoptr(GError) failure = NULL;

  job->start_us = job->reached_us = job->from_us;
  job->end_us = job->to_us;
  for (unsigned i = 0; i < n && done; i++) {
    AVStream *from = job->input->streams[i];
    const enum AVMediaType type = from->codecpar->codec_type;

    if ((int)i == job->video || type == AVMEDIA_TYPE_AUDIO) {
      tracks[i] = track_new(job, from, &failure);
      done = !failure;
    } else if (type == AVMEDIA_TYPE_SUBTITLE) {
      subtitles[i] = sac_subtitles_new(job, from);
    } else {
      from->discard = AVDISCARD_ALL;
    }
  }
  if (failure)
    g_propagate_error(error, g_steal_pointer(&failure));
  done = done && sac_export_seek(job, seek, error) && sac_export_write_header(job, error) &&
         transcode(job, tracks, subtitles, error);
  job->end_us = job->reached_us;
  for (unsigned i = 0; i < n; i++) {
    track_free(tracks[i]);
    sac_subtitles_free(subtitles[i]);
  }
  g_free(tracks);
  g_free(subtitles);
  return done;
}
