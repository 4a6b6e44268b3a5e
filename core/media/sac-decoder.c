/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <libavutil/hwcontext.h>
#include <stdio.h>

#include "core/media/sac-decoder-private.h"
#include "core/sac-error.h"
#include "core/sac-time.h"

/* The size of the picture that FFmpeg last refused on this thread as too large: it says so in its log alone. */
static _Thread_local unsigned refused_width, refused_height;

static void
set_too_large(GError **error, const char *path, unsigned width, unsigned height)
{
  g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED,
              _("%s: %u × %u pixels are more than can be decoded (%d × %d); make it smaller first"), path, width,
              height, 16384, 16384);
}

/* TRUE if there is a picture whose size is not known because it was refused. */
static gboolean
is_too_large(const AVFormatContext *context)
{
  gboolean unknown = FALSE;

  for (unsigned i = 0; i < context->nb_streams; i++) {
    const AVCodecParameters *codec = context->streams[i]->codecpar;

    if (codec->codec_type == AVMEDIA_TYPE_VIDEO && codec->width > 0)
      return FALSE;
    unknown |= codec->codec_type == AVMEDIA_TYPE_VIDEO;
  }
  return unknown && refused_width;
}

/* FFmpeg's own words go to GLib's debug log, where G_MESSAGES_DEBUG shows them. */
static void G_GNUC_PRINTF(3, 0) log_quietly(void *context, int level, const char *format, va_list arguments)
{
  va_list copy;
  char line[256];

  if (level > AV_LOG_WARNING)
    return;
  va_copy(copy, arguments);
  vsnprintf(line, sizeof line, format, copy);
  va_end(copy);
  sscanf(line, "Picture size %ux%u", &refused_width, &refused_height);
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  g_logv("ffmpeg", G_LOG_LEVEL_DEBUG, format, arguments);
  G_GNUC_END_IGNORE_DEPRECATIONS
}

void
sac_media_set_error(GError **error, int averror, const char *path, const char *doing)
{
  char reason[AV_ERROR_MAX_STRING_SIZE];

  if (averror == AVERROR_EXIT) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_CANCELLED, _("%s: cancelled"), path);
    return;
  }
  av_strerror(averror, reason, sizeof reason);
  if (averror == AVERROR(ENOENT) || averror == AVERROR(EACCES) || averror == AVERROR(EIO))
    sac_error_set_from_errno(error, AVUNERROR(averror), "%s", path);
  else if (averror == AVERROR(ENOMEM))
    g_set_error(error, SAC_ERROR, SAC_ERROR_NO_SPACE, _("%s: not enough memory"), path);
  else if (averror == AVERROR_INVALIDDATA)
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                _("%s: %s: not a video, sound or picture that can be read; it may be damaged or cut short"), path,
                doing);
  else
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE, "%s: %s: %s", path, doing, reason);
}

static int
interrupted(void *cancellable)
{
  return g_cancellable_is_cancelled(cancellable);
}

/* A name with a percent sign may look like a pattern of numbered pictures to FFmpeg: then the content alone decides. NULL: no
   need, or not known. */
static const AVInputFormat *
probe_named_pattern(const char *url)
{
  const AVInputFormat *format = NULL;
  AVIOContext *io = NULL;

  if (!strchr(url, '%') || avio_open(&io, url, AVIO_FLAG_READ) < 0)
    return NULL;
  av_probe_input_buffer2(io, &format, "", NULL, 0, 0);
  avio_closep(&io);
  return format;
}

AVFormatContext *
sac_media_open(const char *path, GCancellable *cancellable, GError **error)
{
  static gsize once;
  GStatBuf about;
  int status;

  if (g_once_init_enter(&once)) {
    av_log_set_callback(log_quietly);
    g_once_init_leave(&once, 1);
  }
  if (g_stat(path, &about) < 0) {
    sac_error_set_from_errno(error, errno, "%s", path);
    return NULL;
  }
  if (!S_ISREG(about.st_mode)) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                S_ISDIR(about.st_mode) ? _("%s: a folder, not a file") : _("%s: not a regular file"), path);
    return NULL;
  }
  if (about.st_size == 0) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE, _("%s: the file is empty"), path);
    return NULL;
  }
  AVFormatContext *context = avformat_alloc_context();
  if (!context) {
    sac_media_set_error(error, AVERROR(ENOMEM), path, "");
    return NULL;
  }
  context->interrupt_callback = (AVIOInterruptCB){ interrupted, cancellable };
  /* The protocol is named so that a file whose name has a colon stays a file, and so that a playlist cannot reach the network. */
  g_autofree char *url = g_strconcat("file:", path, NULL);
  context->protocol_whitelist = av_strdup("file");
  refused_width = refused_height = 0;
  if ((status = avformat_open_input(&context, url, probe_named_pattern(url), NULL)) < 0) {
    sac_media_set_error(error, status, path, _("opening"));
    return NULL;
  }
  /* Text files pass for subtitles, and text terminals' art for pictures. */
  if (g_strcmp0(context->iformat->name, "tty") == 0 || (status = avformat_find_stream_info(context, NULL)) < 0) {
    sac_media_set_error(error, status < 0 ? status : AVERROR_INVALIDDATA, path, _("reading its headers"));
    avformat_close_input(&context);
    return NULL;
  }
  if (is_too_large(context)) {
    set_too_large(error, path, refused_width, refused_height);
    avformat_close_input(&context);
    return NULL;
  }
  return context;
}

int
sac_media_find_video(AVFormatContext *context)
{
  int cover = -1;

  for (unsigned i = 0; i < context->nb_streams; i++)
    if (context->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
        (context->streams[i]->disposition & AV_DISPOSITION_ATTACHED_PIC))
      cover = (int)i;
  const int best = av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
  if (best < 0 || best == cover)
    return av_find_best_stream(context, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0) >= 0 ? -1 : best;
  return best;
}

gint64
sac_media_container_duration(const AVFormatContext *context)
{
  gint64 duration = context->duration;

  if (duration <= 0)
    return 0;
  /* Matroska counts from its clock's zero, however late its first moment is. */
  if (strstr(context->iformat->name, "matroska") && context->start_time != AV_NOPTS_VALUE)
    duration -= CLAMP(context->start_time, 0, duration);
  return duration;
}

gint64
sac_media_duration(const AVFormatContext *context, const AVStream *stream)
{
  if (stream && stream->duration > 0)
    return av_rescale_q(stream->duration, stream->time_base, AV_TIME_BASE_Q);
  const gint64 duration = sac_media_container_duration(context);
  return duration > 0 ? duration : -1;
}

SacOrientation
sac_media_orientation(const AVStream *stream, const AVFrame *picture)
{
  const AVFrameSideData *own = picture ? av_frame_get_side_data(picture, AV_FRAME_DATA_DISPLAYMATRIX) : NULL;
  const AVDictionaryEntry *tag = picture ? av_dict_get(picture->metadata, "Orientation", NULL, 0) : NULL;
  const int32_t *matrix =
      own && own->size >= 9 * sizeof *matrix ? (const int32_t *)own->data : sac_ffmpeg_display_matrix(stream);

  if (matrix) {
    /* x = m0·p + m3·q and y = m1·p + m4·q, up to where it lies: quarter turns are told by the largest terms' signs. */
    const gboolean transposed = ABS((gint64)matrix[1]) > ABS((gint64)matrix[0]);

    return (SacOrientation){ transposed, (transposed ? matrix[3] : matrix[0]) < 0,
                             (transposed ? matrix[1] : matrix[4]) < 0 };
  }
  /* EXIF 2.32, Orientation: 1 as it is, 2 mirrored, 3 upside down, 4 both, 5 to 8 the same after exchanging rows and columns. */
  const int number = tag ? (int)g_ascii_strtoll(tag->value, NULL, 10) : 1;
  return (SacOrientation){ number >= 5 && number <= 8, number == 2 || number == 3 || number == 6 || number == 7,
                           number == 3 || number == 4 || number == 7 || number == 8 };
}

int
sac_media_rotation(SacOrientation orientation)
{
  if (orientation.transposed)
    return orientation.flip_y && !orientation.flip_x ? 270 : 90;
  return orientation.flip_x && orientation.flip_y ? 180 : 0;
}

void
sac_media_apply_aspect(SacOrientation orientation, AVRational sample_aspect, int *width, int *height)
{
  int across = *width;

  if (sample_aspect.num > 0 && sample_aspect.den > 0)
    across = (int)CLAMP(av_rescale(across, sample_aspect.num, sample_aspect.den), 1, 65535);
  *width = orientation.transposed ? *height : across;
  *height = orientation.transposed ? across : *height;
}

void
sac_media_display_size(const AVStream *stream, int width, int height, AVRational sample_aspect, int *rotation,
                       int *display_width, int *display_height)
{
  const SacOrientation orientation = sac_media_orientation(stream, NULL);

  sac_media_apply_aspect(orientation, sample_aspect, &width, &height);
  *rotation = sac_media_rotation(orientation);
  *display_width = width;
  *display_height = height;
}

/* ---- Codecs ------------------------------------------------------------------------------------------------------------- */

static enum AVPixelFormat
choose_hardware_format(AVCodecContext *codec, const enum AVPixelFormat *formats)
{
  for (const enum AVPixelFormat *format = formats; *format != AV_PIX_FMT_NONE; format++)
    if (*format == AV_PIX_FMT_VAAPI)
      return *format;
  return avcodec_default_get_format(codec, formats);
}

AVCodecContext *
sac_media_open_codec(const char *path, AVStream *stream, gboolean hardware, GError **error)
{
  const AVCodec *decoder = avcodec_find_decoder(stream->codecpar->codec_id);
  const gint64 pixels = (gint64)stream->codecpar->width * stream->codecpar->height;

  if (!decoder) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED, _("%s: no decoder for %s in this FFmpeg"), path,
                avcodec_get_name(stream->codecpar->codec_id));
    return NULL;
  }
  if (pixels > SAC_MAX_PIXELS) {
    set_too_large(error, path, (unsigned)stream->codecpar->width, (unsigned)stream->codecpar->height);
    return NULL;
  }
  AVCodecContext *codec = avcodec_alloc_context3(decoder);
  int status = codec ? avcodec_parameters_to_context(codec, stream->codecpar) : AVERROR(ENOMEM);
  if (status >= 0) {
    codec->pkt_timebase = stream->time_base;
    codec->max_pixels = SAC_MAX_PIXELS;
    codec->thread_count = 0;
    /* Windows of time would be lost to VAAPI's set-up for a single picture; a device that is not there is no error. */
    if (hardware && av_hwdevice_ctx_create(&codec->hw_device_ctx, AV_HWDEVICE_TYPE_VAAPI, NULL, NULL, 0) >= 0)
      codec->get_format = choose_hardware_format;
    status = avcodec_open2(codec, decoder, NULL);
  }
  if (status < 0) {
    sac_media_set_error(error, status, path, _("opening its decoder"));
    avcodec_free_context(&codec);
  }
  return codec;
}

/* ---- Decoding ----------------------------------------------------------------------------------------------------------- */

SacDecoder *
sac_decoder_new(const char *path, gboolean hardware, GCancellable *cancellable, GError **error)
{
  g_autoptr(SacDecoder) decoder = g_new0(SacDecoder, 1);
  int index;

  decoder->path = g_strdup(path);
  if (!(decoder->format = sac_media_open(path, cancellable, error)))
    return NULL;
  if ((index = sac_media_find_video(decoder->format)) < 0) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED, _("%s: there is no picture in it"), path);
    return NULL;
  }
  decoder->stream = decoder->format->streams[index];
  for (unsigned i = 0; i < decoder->format->nb_streams; i++)
    if ((int)i != index)
      decoder->format->streams[i]->discard = AVDISCARD_ALL;
  decoder->origin = decoder->stream->start_time;
  decoder->skip_before = AV_NOPTS_VALUE;
  if (!(decoder->codec = sac_media_open_codec(path, decoder->stream, hardware, error)))
    return NULL;
  decoder->packet = av_packet_alloc();
  return g_steal_pointer(&decoder);
}

void
sac_decoder_free(SacDecoder *decoder)
{
  if (!decoder)
    return;
  av_frame_free(&decoder->first);
  av_packet_free(&decoder->packet);
  avcodec_free_context(&decoder->codec);
  avformat_close_input(&decoder->format);
  g_free(decoder->path);
  g_free(decoder);
}

static gint64
to_stream(const SacDecoder *decoder, gint64 time_us)
{
  const gint64 origin = decoder->origin == AV_NOPTS_VALUE ? 0 : decoder->origin;

  return origin + av_rescale_q_rnd(time_us, AV_TIME_BASE_Q, decoder->stream->time_base, AV_ROUND_DOWN);
}

static gboolean
seek_beginning(SacDecoder *decoder, GError **error)
{
  const int status = av_seek_frame(decoder->format, decoder->stream->index, 0, AVSEEK_FLAG_BYTE | AVSEEK_FLAG_BACKWARD);

  if (status >= 0 || avformat_seek_file(decoder->format, -1, G_MININT64, 0, G_MAXINT64, 0) >= 0)
    return TRUE;
  sac_media_set_error(error, status, decoder->path, _("seeking"));
  return FALSE;
}

/* To a key frame that the container holds to lie at or before the time; below 0: to the first byte. */
static gboolean
seek_container(SacDecoder *decoder, gint64 time_us, GError **error)
{
  /* Formats without an index, and single pictures, are read from their beginning. */
  if ((time_us < 0 ||
       av_seek_frame(decoder->format, decoder->stream->index, to_stream(decoder, time_us), AVSEEK_FLAG_BACKWARD) < 0) &&
      !seek_beginning(decoder, error))
    return FALSE;
  avcodec_flush_buffers(decoder->codec);
  av_packet_unref(decoder->packet);
  av_frame_free(&decoder->first);
  decoder->skip_before = AV_NOPTS_VALUE;
  decoder->draining = decoder->ended = decoder->last_corrupt = FALSE;
  decoder->failure = 0;
  decoder->next_guess = 0;
  return TRUE;
}

static AVFrame *
to_memory(AVFrame *frame)
{
  if (frame->format != AV_PIX_FMT_VAAPI)
    return frame;
  AVFrame *copy = av_frame_alloc();
  if (copy && av_hwframe_transfer_data(copy, frame, 0) >= 0 && av_frame_copy_props(copy, frame) >= 0) {
    av_frame_free(&frame);
    return copy;
  }
  av_frame_free(&copy);
  av_frame_free(&frame);
  return NULL;
}

gboolean
sac_decoder_seek(SacDecoder *decoder, gint64 time_us, GError **error)
{
  GError *failure = NULL;

  /* Containers without a full index, such as transport streams, may land too late: then from further back. */
  for (gint64 back = 0;; back = back ? back * 4 : 2 * G_USEC_PER_SEC) {
    if (!seek_container(decoder, time_us - back < 0 ? -1 : time_us - back, error))
      return FALSE;
    decoder->first = sac_decoder_next(decoder, &decoder->first_time, &decoder->first_duration, &failure);
    if (failure) {
      g_propagate_error(error, failure);
      return FALSE;
    }
    if ((decoder->first && decoder->first_time <= time_us) || back > time_us)
      return TRUE;
  }
}

void
sac_decoder_keyframes_only(SacDecoder *decoder)
{
  decoder->discard = AVDISCARD_NONKEY;
}

void
sac_decoder_skip_before(SacDecoder *decoder, gint64 time_us)
{
  decoder->skip_before = to_stream(decoder, time_us);
}

/* The frame's time and how long it is shown. */
static void
tell_time(SacDecoder *decoder, const AVFrame *frame, gint64 *time_us, gint64 *duration_us)
{
  const gint64 stamp = frame->best_effort_timestamp;

  if (decoder->origin == AV_NOPTS_VALUE && stamp != AV_NOPTS_VALUE)
    decoder->origin = stamp;
  *time_us = stamp == AV_NOPTS_VALUE
                 ? decoder->next_guess
                 : av_rescale_q(stamp - decoder->origin, decoder->stream->time_base, AV_TIME_BASE_Q);
  *duration_us = av_rescale_q(MAX(sac_ffmpeg_duration(frame), 0), decoder->stream->time_base, AV_TIME_BASE_Q);
}

gboolean
sac_decoder_find_key(SacDecoder *decoder, gint64 time_us, gint64 *key_us)
{
  if (decoder->origin == AV_NOPTS_VALUE || !seek_container(decoder, time_us, NULL))
    return FALSE;
  for (;;) {
    if (av_read_frame(decoder->format, decoder->packet) < 0)
      return FALSE;
    if (decoder->packet->stream_index == decoder->stream->index)
      break;
    av_packet_unref(decoder->packet);
  }
  if (!(decoder->packet->flags & AV_PKT_FLAG_KEY) || decoder->packet->pts == AV_NOPTS_VALUE)
    return FALSE;
  *key_us = av_rescale_q(decoder->packet->pts - decoder->origin, decoder->stream->time_base, AV_TIME_BASE_Q);
  return *key_us <= time_us;
}

AVFrame *
sac_decoder_take_key(SacDecoder *decoder, gint64 *time_us, gint64 *duration_us)
{
  AVFrame *frame = av_frame_alloc();

  decoder->codec->skip_frame = decoder->discard;
  if (avcodec_send_packet(decoder->codec, decoder->packet) < 0 || avcodec_send_packet(decoder->codec, NULL) < 0 ||
      avcodec_receive_frame(decoder->codec, frame) < 0) {
    av_frame_free(&frame);
    return NULL;
  }
  tell_time(decoder, frame, time_us, duration_us);
  return to_memory(frame);
}

gboolean
sac_decoder_has_no_key_between(SacDecoder *decoder, gint64 from_us, gint64 to_us)
{
  const int key = av_index_search_timestamp(decoder->stream, to_stream(decoder, to_us), AVSEEK_FLAG_BACKWARD);
  const AVIndexEntry *entry = key >= 0 ? avformat_index_get_entry(decoder->stream, key) : NULL;

  /* An index that is filled while reading knows only what was read. */
  if (!entry || key + 1 >= avformat_index_get_entries_count(decoder->stream))
    return FALSE;
  return entry->timestamp <= to_stream(decoder, from_us);
}

gboolean
sac_decoder_has_keyframes_every(SacDecoder *decoder, gint64 interval_us)
{
  const int count = avformat_index_get_entries_count(decoder->stream);
  const gint64 interval = av_rescale_q(interval_us, AV_TIME_BASE_Q, decoder->stream->time_base);
  gint64 last = AV_NOPTS_VALUE;
  int keys = 0;

  for (int i = 0; i < count; i++) {
    const AVIndexEntry *entry = avformat_index_get_entry(decoder->stream, i);

    if (!(entry->flags & AVINDEX_KEYFRAME))
      continue;
    if (last != AV_NOPTS_VALUE && entry->timestamp - last > interval)
      return FALSE;
    last = entry->timestamp;
    keys++;
  }
  return keys > 1 && decoder->stream->duration > 0 && last + interval >= decoder->stream->duration;
}

/* Sends one packet, or the end. FALSE on error. */
static gboolean
feed(SacDecoder *decoder, GError **error)
{
  for (;;) {
    const int status = av_read_frame(decoder->format, decoder->packet);

    if (status == AVERROR_EXIT) {
      sac_media_set_error(error, status, decoder->path, "");
      return FALSE;
    }
    if (status < 0) {
      /* A file that breaks off ends here; sac_decoder_check_end() tells whether it does. */
      decoder->failure = status == AVERROR_EOF ? 0 : status;
      avcodec_send_packet(decoder->codec, NULL);
      decoder->draining = TRUE;
      return TRUE;
    }
    if (decoder->packet->stream_index != decoder->stream->index) {
      av_packet_unref(decoder->packet);
      continue;
    }
    decoder->last_corrupt = (decoder->packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
    const gboolean early = decoder->skip_before != AV_NOPTS_VALUE && decoder->packet->pts != AV_NOPTS_VALUE &&
                           decoder->packet->pts < decoder->skip_before;
    decoder->codec->skip_frame = early ? MAX(decoder->discard, AVDISCARD_NONREF) : decoder->discard;
    /* A damaged packet is left out: the decoder goes on with the next. */
    (void)avcodec_send_packet(decoder->codec, decoder->packet);
    av_packet_unref(decoder->packet);
    return TRUE;
  }
}

AVFrame *
sac_decoder_next(SacDecoder *decoder, gint64 *time_us, gint64 *duration_us, GError **error)
{
  if (decoder->first) {
    *time_us = decoder->first_time;
    *duration_us = decoder->first_duration;
    return g_steal_pointer(&decoder->first);
  }
  AVFrame *frame = av_frame_alloc();
  while (frame && !decoder->ended) {
    const int status = avcodec_receive_frame(decoder->codec, frame);

    if (status == AVERROR(EAGAIN) && !decoder->draining) {
      if (!feed(decoder, error)) {
        av_frame_free(&frame);
        return NULL;
      }
      continue;
    }
    if (status == AVERROR_EOF || (status < 0 && decoder->draining)) {
      decoder->ended = TRUE;
      break;
    }
    if (status < 0)
      continue;
    tell_time(decoder, frame, time_us, duration_us);
    decoder->next_guess = *time_us + (*duration_us > 0 ? *duration_us : 40000);
    frame = to_memory(frame);
    if (!frame)
      sac_media_set_error(error, AVERROR(ENOMEM), decoder->path, "");
    return frame;
  }
  av_frame_free(&frame);
  return NULL;
}

/* The end of the last packet of any stream, looking from a time on: sound may be longer than the picture. */
static gint64
find_last_end(SacDecoder *decoder, gint64 from_us)
{
  AVFormatContext *format = sac_media_open(decoder->path, NULL, NULL);
  gint64 last = from_us;

  if (!format)
    return last;
  format->interrupt_callback = decoder->format->interrupt_callback;
  const gint64 start = format->start_time == AV_NOPTS_VALUE ? 0 : format->start_time;
  avformat_seek_file(format, -1, G_MININT64, start + from_us, G_MAXINT64, 0);
  while (av_read_frame(format, decoder->packet) >= 0) {
    const AVRational base = format->streams[decoder->packet->stream_index]->time_base;

    if (decoder->packet->pts != AV_NOPTS_VALUE)
      last = MAX(last, av_rescale_q(decoder->packet->pts + decoder->packet->duration, base, AV_TIME_BASE_Q) - start);
    av_packet_unref(decoder->packet);
  }
  avformat_close_input(&format);
  return last;
}

gboolean
sac_decoder_check_end(SacDecoder *decoder, gint64 reached_us, GError **error)
{
  const AVFormatContext *format = decoder->format;
  /* Headers are rounded, and the last frames of a stream often are not shown as long as they say. */
  const gint64 promised =
      format->duration_estimation_method == AVFMT_DURATION_FROM_STREAM ? sac_media_container_duration(format) : 0;
  const gint64 missing = promised - MAX(G_USEC_PER_SEC, promised / 50);
  gboolean broken = decoder->failure != 0;

  /* Broadcasts may be cut anywhere, and promise nothing. */
  if (!(format->iformat->flags & AVFMT_TS_DISCONT))
    broken = broken || decoder->last_corrupt || (reached_us < missing && find_last_end(decoder, reached_us) < missing);
  if (!broken)
    return TRUE;
  if (decoder->failure == AVERROR_EXIT) {
    sac_media_set_error(error, decoder->failure, decoder->path, "");
    return FALSE;
  }
  g_autofree char *where = sac_time_format(reached_us), *end = sac_time_format(promised);
  if (promised > reached_us)
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                _("%s: breaks off at %s of %s; it is damaged or was cut short: copy or record it again for the rest"),
                decoder->path, where, end);
  else
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                _("%s: breaks off at %s; it is damaged or was cut short: copy or record it again for the rest"),
                decoder->path, where);
  return FALSE;
}
