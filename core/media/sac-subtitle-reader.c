/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-subtitle-reader-private.h"

#include <string.h>

#include "core/media/sac-decoder-private.h"
#include "core/media/sac-track-private.h"

/* So far ahead it is read; a jump by more than that is a seek, and one begins that much before. */
#define AHEAD_US (30 * G_USEC_PER_SEC)
#define BEFORE_US (10 * G_USEC_PER_SEC)
/* Subtitles that are never taken away, of a decoder that does not know their end. */
#define OPEN_END G_MAXINT64
/* An event without a length is shown so long. */
#define USUAL_US (4 * G_USEC_PER_SEC)

struct _SacSubtitleReader {
  gatomicrefcount references;
  char *path;
  SacTrack *track;
  GMainContext *context;
  GCancellable *stop;
  void (*changed)(gpointer data);
  gpointer data;

  GMutex lock;
  GCond asked;
  /* Under the lock. */
  GPtrArray *events; /* of SacSubtitle */
  gint64 position, read_from, read_to;
  gboolean telling, ended;
};

static void
reader_unref(gpointer data)
{
  SacSubtitleReader *reader = data;

  if (!g_atomic_ref_count_dec(&reader->references))
    return;
  g_ptr_array_unref(reader->events);
  sac_track_unref(reader->track);
  g_object_unref(reader->stop);
  g_main_context_unref(reader->context);
  g_mutex_clear(&reader->lock);
  g_cond_clear(&reader->asked);
  g_free(reader->path);
  g_free(reader);
}

static gboolean
deliver(gpointer data)
{
  SacSubtitleReader *reader = data;

  g_mutex_lock(&reader->lock);
  reader->telling = FALSE;
  g_mutex_unlock(&reader->lock);
  if (!g_cancellable_is_cancelled(reader->stop))
    reader->changed(reader->data);
  return G_SOURCE_REMOVE;
}

/* Under the lock. */
static void
tell_changed(SacSubtitleReader *reader)
{
  if (reader->telling)
    return;
  reader->telling = TRUE;
  GSource *source = g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_atomic_ref_count_inc(&reader->references);
  g_source_set_callback(source, deliver, reader, reader_unref);
  g_source_attach(source, reader->context);
  g_source_unref(source);
}

/* ---- The thread ------------------------------------------------------------------------------------------------------------ */

typedef struct {
  AVFormatContext *format;
  AVCodecContext *codec;
  AVStream *stream;
  int canvas_width, canvas_height;
  gint64 origin_us;
} Source;

/* Files of subtitles often are in the code page of the machine that wrote them. */
static char *
guess_encoding(const char *path)
{
  g_autofree char *content = NULL;
  gsize size;

  if (!g_file_get_contents(path, &content, &size, NULL) || g_utf8_validate(content, (gssize)size, NULL))
    return NULL;
  /* FFmpeg tells UTF-16 by its mark. */
  if (size > 1 && (guint8)content[0] + (guint8)content[1] == 0xff + 0xfe)
    return NULL;
  return av_strdup("WINDOWS-1252");
}

static gboolean
open_source(SacSubtitleReader *reader, Source *source)
{
  const char *path = reader->track->path ? reader->track->path : reader->path;

  if (!(source->format = sac_media_open(path, reader->stop, NULL)) ||
      reader->track->stream >= (int)source->format->nb_streams)
    return FALSE;
  source->stream = source->format->streams[reader->track->stream];
  const AVCodec *decoder = avcodec_find_decoder(source->stream->codecpar->codec_id);
  if (!decoder || !(source->codec = avcodec_alloc_context3(decoder)) ||
      avcodec_parameters_to_context(source->codec, source->stream->codecpar) < 0)
    return FALSE;
  source->codec->pkt_timebase = source->stream->time_base;
  if (reader->track->path)
    source->codec->sub_charenc = guess_encoding(path);
  if (avcodec_open2(source->codec, decoder, NULL) < 0)
    return FALSE;

  const int video = sac_media_find_video(source->format);
  for (unsigned i = 0; i < source->format->nb_streams; i++)
    /* Key frames tell how far reading has come where there are no subtitles. */
    source->format->streams[i]->discard = (int)i == source->stream->index ? AVDISCARD_DEFAULT
                                          : (int)i == video               ? AVDISCARD_NONKEY
                                                                          : AVDISCARD_ALL;
  if (video >= 0) {
    const AVStream *picture = source->format->streams[video];

    source->canvas_width = picture->codecpar->width;
    source->canvas_height = picture->codecpar->height;
    if (picture->start_time != AV_NOPTS_VALUE)
      source->origin_us = av_rescale_q(picture->start_time, picture->time_base, AV_TIME_BASE_Q);
  }
  return TRUE;
}

static void
close_source(Source *source)
{
  avcodec_free_context(&source->codec);
  avformat_close_input(&source->format);
}

static void
free_picture(gpointer data)
{
  SacSubtitlePicture *picture = data;

  sac_frame_unref(picture->frame);
  g_free(picture);
}

static SacSubtitlePicture *
make_picture(const AVSubtitleRect *rect, int canvas_width, int canvas_height)
{
  const guint32 *palette = (const guint32 *)rect->data[1];

  if (rect->w <= 0 || rect->h <= 0 || !rect->data[0] || !palette || canvas_width <= 0 || canvas_height <= 0)
    return NULL;
  SacFrame *frame = sac_frame_new(SAC_FRAME_RGBA, rect->w, rect->h);
  if (!frame)
    return NULL;
  for (int y = 0; y < rect->h; y++) {
    const guint8 *from = rect->data[0] + (gsize)y * (gsize)rect->linesize[0];
    guint8 *to = frame->pixels + (gsize)y * frame->stride;

    for (int x = 0; x < rect->w; x++, to += 4) {
      const guint32 argb = palette[from[x]];

      to[0] = (guint8)(argb >> 16);
      to[1] = (guint8)(argb >> 8);
      to[2] = (guint8)argb;
      to[3] = (guint8)(argb >> 24);
    }
  }
  SacSubtitlePicture *picture = g_new(SacSubtitlePicture, 1);
  *picture = (SacSubtitlePicture){ (double)rect->x / canvas_width, (double)rect->y / canvas_height,
                                   (double)rect->w / canvas_width, (double)rect->h / canvas_height, frame };
  return picture;
}

/* What is said, after the fields that come before it. */
static const char *
find_text(const char *event)
{
  int commas = g_str_has_prefix(event, "Dialogue:") ? 9 : 8;

  for (; *event && commas; event++)
    commas -= *event == ',';
  return event;
}

/* (transfer full) (nullable): NULL if there is nothing to be seen. */
static SacSubtitle *
make_subtitle(const Source *source, const AVSubtitle *decoded, gint64 start_us, gint64 end_us)
{
  const int width = source->codec->width > 0 ? source->codec->width : source->canvas_width;
  const int height = source->codec->height > 0 ? source->codec->height : source->canvas_height;
  g_autoptr(GString) markup = g_string_new(NULL);
  SacSubtitle *subtitle = g_atomic_rc_box_new0(SacSubtitle);

  subtitle->start_us = start_us;
  subtitle->end_us = end_us;
  for (unsigned i = 0; i < decoded->num_rects; i++) {
    const AVSubtitleRect *rect = decoded->rects[i];
    SacSubtitlePicture *picture = rect->type == SUBTITLE_BITMAP ? make_picture(rect, width, height) : NULL;

    if (picture) {
      if (!subtitle->pictures)
        subtitle->pictures = g_ptr_array_new_with_free_func(free_picture);
      g_ptr_array_add(subtitle->pictures, picture);
    } else if (rect->ass) {
      g_autofree char *words = sac_subtitle_markup(find_text(rect->ass), &subtitle->at_top);

      if (*words)
        g_string_append_printf(markup, "%s%s", markup->len ? "\n" : "", words);
    }
  }
  if (markup->len)
    subtitle->markup = g_strdup(markup->str);
  if (!subtitle->markup && !subtitle->pictures)
    g_clear_pointer(&subtitle, sac_subtitle_unref);
  return subtitle;
}

/* Under the lock: takes the subtitle, or NULL, and ends those that were to stay until the next one. */
static void
add_event(SacSubtitleReader *reader, SacSubtitle *added, gint64 start_us)
{
  for (guint i = 0; i < reader->events->len; i++) {
    SacSubtitle *event = g_ptr_array_index(reader->events, i);

    if (event->end_us == OPEN_END && event->start_us < start_us) {
      SacSubtitle *ended = g_atomic_rc_box_new0(SacSubtitle);

      ended->start_us = event->start_us;
      ended->end_us = start_us;
      ended->pictures = event->pictures ? g_ptr_array_ref(event->pictures) : NULL;
      ended->markup = g_strdup(event->markup);
      sac_subtitle_unref(event);
      g_ptr_array_index(reader->events, i) = ended;
    }
  }
  if (added)
    g_ptr_array_add(reader->events, added);
}

static void
take_packet(SacSubtitleReader *reader, Source *source, AVPacket *packet)
{
  const AVRational base = source->format->streams[packet->stream_index]->time_base;
  const gint64 stamp = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
  AVSubtitle decoded = { 0 };
  int any = 0;

  if (stamp == AV_NOPTS_VALUE)
    return;
  const gint64 time = av_rescale_q(stamp, base, AV_TIME_BASE_Q) - source->origin_us;
  const gboolean is_ours = packet->stream_index == source->stream->index;
  if (is_ours && avcodec_decode_subtitle2(source->codec, &decoded, &any, packet) < 0)
    any = 0;
  const gint64 start = time + decoded.start_display_time * G_GINT64_CONSTANT(1000);
  const gint64 length = packet->duration > 0 ? av_rescale_q(packet->duration, base, AV_TIME_BASE_Q)
                        : decoded.end_display_time > 0 && decoded.end_display_time < G_MAXUINT32
                            ? (decoded.end_display_time - decoded.start_display_time) * G_GINT64_CONSTANT(1000)
                        : decoded.format == 0 ? OPEN_END
                                              : USUAL_US;
  SacSubtitle *subtitle =
      any ? make_subtitle(source, &decoded, start, length == OPEN_END ? OPEN_END : start + length) : NULL;
  if (any)
    avsubtitle_free(&decoded);
  g_mutex_lock(&reader->lock);
  if (any) {
    add_event(reader, subtitle, start);
    tell_changed(reader);
  }
  reader->read_to = MAX(reader->read_to, time);
  g_mutex_unlock(&reader->lock);
}

/* Waits until there is more to be read. seek_us: where to read from, or -1: on. FALSE: it is over. */
static gboolean
wait_for_work(SacSubtitleReader *reader, gint64 *seek_us)
{
  const gboolean whole = reader->track->path != NULL;

  *seek_us = -1;
  g_mutex_lock(&reader->lock);
  while (!g_cancellable_is_cancelled(reader->stop)) {
    const gint64 position = reader->position;

    if (!whole && (position < reader->read_from || position > reader->read_to + AHEAD_US) &&
        !(reader->ended && position >= reader->read_from)) {
      *seek_us = reader->read_from = reader->read_to = MAX(position - BEFORE_US, 0);
      reader->ended = FALSE;
      g_ptr_array_set_size(reader->events, 0);
      break;
    }
    if (!reader->ended && (whole || reader->read_to < position + AHEAD_US))
      break;
    g_cond_wait(&reader->asked, &reader->lock);
  }
  g_mutex_unlock(&reader->lock);
  return !g_cancellable_is_cancelled(reader->stop);
}

static gpointer
read_thread(gpointer data)
{
  SacSubtitleReader *reader = data;
  AVPacket *packet = av_packet_alloc();
  Source source = { 0 };
  gint64 seek_us;

  if (packet && open_source(reader, &source))
    while (wait_for_work(reader, &seek_us)) {
      if (seek_us >= 0) {
        avformat_seek_file(source.format, -1, G_MININT64, seek_us + source.origin_us, seek_us + source.origin_us, 0);
        avcodec_flush_buffers(source.codec);
      }
      if (av_read_frame(source.format, packet) < 0) {
        g_mutex_lock(&reader->lock);
        reader->ended = TRUE;
        tell_changed(reader);
        g_mutex_unlock(&reader->lock);
        continue;
      }
      take_packet(reader, &source, packet);
      av_packet_unref(packet);
    }
  close_source(&source);
  av_packet_free(&packet);
  reader_unref(reader);
  return NULL;
}

/* ---- For the player --------------------------------------------------------------------------------------------------------- */

SacSubtitleReader *
sac_subtitle_reader_new(const char *path, SacTrack *track, GCallback changed, gpointer data)
{
  SacSubtitleReader *reader = g_new0(SacSubtitleReader, 1);

  g_atomic_ref_count_init(&reader->references);
  reader->path = g_strdup(path);
  reader->track = sac_track_ref(track);
  reader->context = g_main_context_ref_thread_default();
  reader->stop = g_cancellable_new();
  reader->changed = (void (*)(gpointer))changed;
  reader->data = data;
  reader->events = g_ptr_array_new_with_free_func((GDestroyNotify)sac_subtitle_unref);
  g_mutex_init(&reader->lock);
  g_cond_init(&reader->asked);
  g_atomic_ref_count_inc(&reader->references);
  g_thread_unref(g_thread_new("player-subtitles", read_thread, reader));
  return reader;
}

void
sac_subtitle_reader_free(SacSubtitleReader *reader)
{
  if (!reader)
    return;
  g_mutex_lock(&reader->lock);
  g_cancellable_cancel(reader->stop);
  g_cond_broadcast(&reader->asked);
  g_mutex_unlock(&reader->lock);
  reader_unref(reader);
}

GPtrArray *
sac_subtitle_reader_get(SacSubtitleReader *reader, gint64 time_us)
{
  GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)sac_subtitle_unref);

  g_mutex_lock(&reader->lock);
  reader->position = time_us;
  g_cond_broadcast(&reader->asked);
  for (guint i = 0; i < reader->events->len; i++) {
    SacSubtitle *event = g_ptr_array_index(reader->events, i);

    if (event->start_us <= time_us && time_us < event->end_us)
      g_ptr_array_add(found, sac_subtitle_ref(event));
  }
  g_mutex_unlock(&reader->lock);
  return found;
}
