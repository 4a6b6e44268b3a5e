/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-frame-reader.h"

#include <glib/gi18n.h>

#include "core/media/sac-decoder-private.h"
#include "core/sac-error.h"

/* How far to decode ahead: as many frames, but of large ones no more than fit here. */
#define QUEUE_FRAMES 16
#define QUEUE_BYTES ((gsize)64 << 20)

struct _SacFrameReader {
  GObject parent;
  char *path;
  SacFrameReaderOptions options;
  SacDecoder *decoder;
  SacConverter *converter;
  GCancellable *stop;
  GThread *thread;

  GMutex lock;
  GCond changed;
  GQueue frames; /* under the lock, as all below */
  GError *error;
  gboolean finished;
};

G_DEFINE_FINAL_TYPE(SacFrameReader, sac_frame_reader, G_TYPE_OBJECT)

/* Under the lock. */
static gboolean
is_full(SacFrameReader *reader)
{
  const guint waiting = g_queue_get_length(&reader->frames);
  const SacFrame *last = g_queue_peek_tail(&reader->frames);

  return waiting >= QUEUE_FRAMES || (last && waiting * sac_frame_bytes(last) >= QUEUE_BYTES);
}

/* FALSE: nobody wants more. */
static gboolean
give(SacFrameReader *reader, AVFrame *picture, gint64 time_us, gint64 duration_us, GError **error)
{
  SacFrame *frame =
      sac_converter_convert(reader->converter, reader->decoder->stream, picture, time_us, duration_us, error);
  gboolean more;

  if (!frame)
    return FALSE;
  g_mutex_lock(&reader->lock);
  while (is_full(reader) && !g_cancellable_is_cancelled(reader->stop))
    g_cond_wait(&reader->changed, &reader->lock);
  more = !g_cancellable_is_cancelled(reader->stop);
  if (more)
    g_queue_push_tail(&reader->frames, frame);
  else
    sac_frame_unref(frame);
  g_cond_broadcast(&reader->changed);
  g_mutex_unlock(&reader->lock);
  return more;
}

/*
 * Walks through the stream with one frame in hand. When the next one comes, the one in hand has been shown until then: it is
 * given if a sample time falls into that span.
 */
static gboolean
read_samples(SacFrameReader *reader, GError **error)
{
  const SacFrameReaderOptions *options = &reader->options;
  const gint64 end = options->end_us > 0 ? options->end_us : G_MAXINT64;
  gint64 wanted = options->start_us, held_time = 0, held_duration = 0, time, duration;
  AVFrame *held = NULL, *next;
  gboolean more = TRUE, any = FALSE;
  GError *failure = NULL;

  while (more && wanted < end && (next = sac_decoder_next(reader->decoder, &time, &duration, &failure))) {
    any = TRUE;
    if (held && time > wanted) {
      more = give(reader, held, held_time, held_duration, &failure);
      wanted = options->interval_us > 0
                   ? wanted + ((time - 1 - wanted) / options->interval_us + 1) * options->interval_us
                   : time;
    } else if (!held && time > wanted) {
      /* The stream begins, or was cut into, after the first sample time. */
      wanted = options->interval_us > 0 ? wanted + (time - wanted) / options->interval_us * options->interval_us : time;
    }
    av_frame_free(&held);
    held = next;
    held_time = time;
    held_duration = duration;
  }
  if (more && !failure && any && wanted < end)
    sac_decoder_check_end(reader->decoder, held_time + held_duration, &failure);
  /* A stream that breaks off has this frame still. */
  if (more && !g_cancellable_is_cancelled(reader->stop) && held && wanted < end) {
    /* The last frame is shown for as long as it says; one that does not say stands for its sample time alone. */
    const gint64 until = held_time + MAX(held_duration, 1);

    if (wanted < until || (options->start_us == wanted && options->interval_us == 0))
      more = give(reader, held, held_time, held_duration, failure ? NULL : &failure);
  }
  av_frame_free(&held);
  if (!failure && more && !any && options->start_us == 0)
    g_set_error(&failure, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                _("%s: no picture of it can be decoded; it may be damaged or cut short"), reader->path);
  if (failure)
    g_propagate_error(error, failure);
  return failure == NULL;
}

static gpointer
run(gpointer data)
{
  SacFrameReader *reader = data;
  GError *error = NULL;

  read_samples(reader, &error);
  g_mutex_lock(&reader->lock);
  reader->error = error;
  reader->finished = TRUE;
  g_cond_broadcast(&reader->changed);
  g_mutex_unlock(&reader->lock);
  return NULL;
}

SacFrameReader *
sac_frame_reader_new(const char *path, const SacFrameReaderOptions *options, GError **error)
{
  g_autoptr(SacFrameReader) reader = g_object_new(SAC_TYPE_FRAME_READER, NULL);

  reader->path = g_strdup(path);
  reader->options = *options;
  if (!(reader->decoder = sac_decoder_new(path, options->hardware, reader->stop, error)))
    return NULL;
  if (options->start_us > 0 && !sac_decoder_seek(reader->decoder, options->start_us, error))
    return NULL;
  if (options->keyframes_only || (options->keyframes_allowed && options->interval_us > 0 &&
                                  sac_decoder_has_keyframes_every(reader->decoder, options->interval_us)))
    sac_decoder_keyframes_only(reader->decoder);
  reader->converter = sac_converter_new(path, &(SacConversion){ .format = options->format,
                                                                .short_side = options->short_side,
                                                                .max_width = options->max_width,
                                                                .max_height = options->max_height,
                                                                .max_plane_bytes = options->max_plane_bytes });
  reader->thread = g_thread_new("frame-reader", run, reader);
  return g_steal_pointer(&reader);
}

static void
wake(GCancellable *cancellable, gpointer data)
{
  SacFrameReader *reader = data;

  g_mutex_lock(&reader->lock);
  g_cond_broadcast(&reader->changed);
  g_mutex_unlock(&reader->lock);
}

SacFrame *
sac_frame_reader_next(SacFrameReader *reader, GCancellable *cancellable, GError **error)
{
  SacFrame *frame;
  gulong handler = cancellable ? g_cancellable_connect(cancellable, G_CALLBACK(wake), reader, NULL) : 0;

  g_mutex_lock(&reader->lock);
  while (g_queue_is_empty(&reader->frames) && !reader->finished && !g_cancellable_is_cancelled(cancellable))
    g_cond_wait(&reader->changed, &reader->lock);
  frame = g_cancellable_is_cancelled(cancellable) ? NULL : g_queue_pop_head(&reader->frames);
  if (!frame && reader->error)
    g_propagate_error(error, g_steal_pointer(&reader->error));
  else if (!frame && g_cancellable_is_cancelled(cancellable))
    g_set_error(error, SAC_ERROR, SAC_ERROR_CANCELLED, _("%s: cancelled"), reader->path);
  g_cond_broadcast(&reader->changed);
  g_mutex_unlock(&reader->lock);
  if (handler)
    g_cancellable_disconnect(cancellable, handler);
  return frame;
}

SacFrame *
sac_frame_at(const char *path, gint64 time_us, int short_side, SacFrameFormat format, GCancellable *cancellable,
             GError **error)
{
  g_autoptr(SacDecoder) decoder = sac_decoder_new(path, FALSE, cancellable, error);
  AVFrame *held = NULL, *next;
  gint64 held_time = 0, held_duration = 0, time, duration;
  GError *failure = NULL;
  SacFrame *frame = NULL;

  if (!decoder || (time_us > 0 && !sac_decoder_seek(decoder, time_us, error)))
    return NULL;
  while ((next = sac_decoder_next(decoder, &time, &duration, &failure))) {
    if (held && time > time_us) {
      av_frame_free(&next);
      break;
    }
    av_frame_free(&held);
    held = next;
    held_time = time;
    held_duration = duration;
    if (time >= time_us)
      break;
  }
  if (held) {
    g_autoptr(SacConverter) converter =
        sac_converter_new(path, &(SacConversion){ .format = format, .short_side = short_side });

    g_clear_error(&failure);
    frame = sac_converter_convert(converter, decoder->stream, held, held_time, held_duration, error);
    av_frame_free(&held);
  } else if (failure) {
    g_propagate_error(error, failure);
  } else {
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                _("%s: no picture of it can be decoded; it may be damaged or cut short"), path);
  }
  return frame;
}

static void
sac_frame_reader_finalize(GObject *object)
{
  SacFrameReader *reader = SAC_FRAME_READER(object);

  g_cancellable_cancel(reader->stop);
  wake(NULL, reader);
  if (reader->thread)
    g_thread_join(reader->thread);
  g_queue_clear_full(&reader->frames, (GDestroyNotify)sac_frame_unref);
  g_clear_error(&reader->error);
  sac_converter_free(reader->converter);
  sac_decoder_free(reader->decoder);
  g_object_unref(reader->stop);
  g_mutex_clear(&reader->lock);
  g_cond_clear(&reader->changed);
  g_free(reader->path);
  G_OBJECT_CLASS(sac_frame_reader_parent_class)->finalize(object);
}

static void
sac_frame_reader_class_init(SacFrameReaderClass *class)
{
  G_OBJECT_CLASS(class)->finalize = sac_frame_reader_finalize;
}

static void
sac_frame_reader_init(SacFrameReader *reader)
{
  g_mutex_init(&reader->lock);
  g_cond_init(&reader->changed);
  g_queue_init(&reader->frames);
  reader->stop = g_cancellable_new();
}
