/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-waveform.h"

#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <math.h>
#include <string.h>

#include "core/media/sac-background.h"
#include "core/media/sac-cache-file.h"
#include "core/media/sac-decoder-private.h"

#define KIND "SacWave1"
#define BIN_US 10000
#define FAN 4
#define LEVELS 14
/* A piece of 41 s: a power of FAN, so that what summarises it reaches into no other piece. */
#define PIECE_BINS 4096
/* Decoders need some sound before the first that they give rightly. */
#define RUN_UP_US 200000
/* Samples are read of a view up to this, with as much again on each side. */
#define DETAIL_US (20 * G_USEC_PER_SEC)
/* What lies behind is not known: 70 MB. */
#define LONGEST_US (G_GINT64_CONSTANT(48) * 3600 * G_USEC_PER_SEC)

typedef struct {
  gint8 low, high; /* -127…127 */
  guint8 rms;      /* 0…255 */
} Bin;

/* The samples of a stretch. */
typedef struct {
  gint64 from, n; /* in samples from the video's first frame */
  int rate;
  float *samples;
} Detail;

/* What the object and its thread share: it goes with the last of the two, so that neither waits for the other. */
typedef struct {
  char *path, *file;
  GCancellable *cancellable;
  GWeakRef owner;
  GMainContext *context;
  guint n_bins, n_pieces;

  GMutex lock;
  GCond changed;
  gboolean stop, failed, told;
  gint64 look_from_us, look_to_us;
  Bin *levels[LEVELS];
  guint lengths[LEVELS], n_levels;
  guint8 *known; /* of each piece */
  guint n_known;
  Detail detail;
} Shared;

struct _SacWaveform {
  GObject parent;
  Shared *shared;
};

enum { CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacWaveform, sac_waveform, G_TYPE_OBJECT)

static void
shared_clear(gpointer data)
{
  Shared *shared = data;

  g_free(shared->path);
  g_free(shared->file);
  g_object_unref(shared->cancellable);
  g_weak_ref_clear(&shared->owner);
  g_main_context_unref(shared->context);
  g_mutex_clear(&shared->lock);
  g_cond_clear(&shared->changed);
  for (guint level = 0; level < shared->n_levels; level++)
    g_free(shared->levels[level]);
  g_free(shared->known);
  g_free(shared->detail.samples);
}

static void
shared_unref(gpointer shared)
{
  g_atomic_rc_box_release_full(shared, shared_clear);
}

static gboolean
tell(gpointer data)
{
  Shared *shared = data;
  g_autoptr(SacWaveform) owner = g_weak_ref_get(&shared->owner);

  g_mutex_lock(&shared->lock);
  shared->told = FALSE;
  g_mutex_unlock(&shared->lock);
  if (owner)
    g_signal_emit(owner, signals[CHANGED], 0);
  return G_SOURCE_REMOVE;
}

/* With the lock held. */
static void
announce(Shared *shared)
{
  if (shared->told)
    return;
  shared->told = TRUE;
  g_autoptr(GSource) source = g_idle_source_new();
  g_source_set_callback(source, tell, g_atomic_rc_box_acquire(shared), shared_unref);
  g_source_attach(source, shared->context);
}

/* ---- The pyramid, with the lock held -------------------------------------------------------------------------------------- */

static Bin
summarise(const Bin *bins, guint n)
{
  Bin all = bins[0];
  guint squares = 0;

  for (guint i = 0; i < n; i++) {
    all.low = MIN(all.low, bins[i].low);
    all.high = MAX(all.high, bins[i].high);
    squares += (guint)bins[i].rms * bins[i].rms;
  }
  all.rms = (guint8)lroundf(sqrtf((float)squares / (float)n));
  return all;
}

static void
summarise_piece(Shared *shared, guint piece)
{
  guint from = piece * PIECE_BINS, end = from + PIECE_BINS;

  for (guint level = 1; level < shared->n_levels; level++) {
    from /= FAN;
    end = MAX((end + FAN - 1) / FAN, from + 1);
    for (guint i = from; i < MIN(end, shared->lengths[level]); i++)
      shared->levels[level][i] =
          summarise(shared->levels[level - 1] + i * FAN, MIN(FAN, shared->lengths[level - 1] - i * FAN));
  }
}

static void
make_levels(Shared *shared)
{
  guint length = shared->n_bins;

  for (shared->n_levels = 0; shared->n_levels < LEVELS; shared->n_levels++) {
    shared->lengths[shared->n_levels] = length;
    shared->levels[shared->n_levels] = g_new0(Bin, length);
    if (length == 1) {
      shared->n_levels++;
      break;
    }
    length = (length + FAN - 1) / FAN;
  }
}

/* ---- Reading, on the thread ------------------------------------------------------------------------------------------------ */

typedef struct {
  AVFormatContext *format;
  AVCodecContext *codec;
  AVStream *stream;
  SwrContext *resampler;
  AVPacket *packet;
  AVFrame *frame;
  gint64 origin_us;
  int rate;
  gboolean draining, ended, is_lost; /* lost: where the next sample belongs is told by the next frame */
  float *samples;                    /* decoded and not taken yet */
  int n_samples, capacity;
  gint64 position; /* of the first of them */
} Reader;

static void
reader_clear(Reader *reader)
{
  swr_free(&reader->resampler);
  av_frame_free(&reader->frame);
  av_packet_free(&reader->packet);
  avcodec_free_context(&reader->codec);
  avformat_close_input(&reader->format);
  g_free(reader->samples);
}

static gboolean
reader_open(Reader *reader, const char *path, GCancellable *cancellable)
{
  reader->format = sac_media_open(path, cancellable, NULL);
  const int index = reader->format ? av_find_best_stream(reader->format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0) : -1;

  if (index < 0)
    return FALSE;
  const int video = sac_media_find_video(reader->format);
  const AVStream *reference = reader->format->streams[video >= 0 ? video : index];
  reader->stream = reader->format->streams[index];
  reader->origin_us = reference->start_time == AV_NOPTS_VALUE
                          ? 0
                          : av_rescale_q(reference->start_time, reference->time_base, AV_TIME_BASE_Q);
  for (unsigned i = 0; i < reader->format->nb_streams; i++)
    if ((int)i != index)
      reader->format->streams[i]->discard = AVDISCARD_ALL;
  reader->codec = sac_media_open_codec(path, reader->stream, FALSE, NULL);
  reader->packet = av_packet_alloc();
  reader->frame = av_frame_alloc();
  reader->rate = reader->codec && reader->codec->sample_rate > 0 ? reader->codec->sample_rate : 48000;
  reader->is_lost = TRUE;
  return reader->codec && reader->packet && reader->frame;
}

/* Samples that change their form in the middle go through a new resampler. */
static int
convert(Reader *reader)
{
  const AVFrame *frame = reader->frame;
  AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
  int status;

  if (!reader->resampler && ((status = swr_alloc_set_opts2(&reader->resampler, &mono, AV_SAMPLE_FMT_FLT, reader->rate,
                                                           (AVChannelLayout *)&frame->ch_layout, frame->format,
                                                           frame->sample_rate, 0, NULL)) < 0 ||
                             (status = swr_init(reader->resampler)) < 0))
    return status;
  const int capacity = MAX(swr_get_out_samples(reader->resampler, frame->nb_samples), 1);
  if (capacity > reader->capacity) {
    reader->samples = g_renew(float, reader->samples, capacity);
    reader->capacity = capacity;
  }
  return swr_convert(reader->resampler, (uint8_t *[]){ (uint8_t *)reader->samples }, capacity,
                     (const uint8_t **)frame->extended_data, frame->nb_samples);
}

/* More samples, after those that were taken. FALSE: the end. */
static gboolean
reader_next(Reader *reader)
{
  reader->position += reader->n_samples;
  reader->n_samples = 0;
  while (!reader->ended) {
    if (avcodec_receive_frame(reader->codec, reader->frame) >= 0) {
      const gint64 stamp = reader->frame->best_effort_timestamp;
      const int n = convert(reader);

      if (stamp != AV_NOPTS_VALUE) {
        const gint64 at_us = av_rescale_q(stamp, reader->stream->time_base, AV_TIME_BASE_Q) - reader->origin_us;
        const gint64 at = at_us * reader->rate / G_USEC_PER_SEC;

        /* Stamps are rounded; only a gap moves what follows. */
        if (reader->is_lost || ABS(at - reader->position) > reader->rate / 20)
          reader->position = at;
        reader->is_lost = FALSE;
      }
      av_frame_unref(reader->frame);
      if (n < 0)
        swr_free(&reader->resampler);
      if (n > 0) {
        reader->n_samples = n;
        return TRUE;
      }
      continue;
    }
    if (reader->draining) {
      reader->ended = TRUE;
    } else if (av_read_frame(reader->format, reader->packet) < 0) {
      avcodec_send_packet(reader->codec, NULL);
      reader->draining = TRUE;
    } else {
      if (reader->packet->stream_index == reader->stream->index)
        avcodec_send_packet(reader->codec, reader->packet);
      av_packet_unref(reader->packet);
    }
  }
  return FALSE;
}

/* So that the next samples are those from there on, or some before. */
static void
reader_go_to(Reader *reader, gint64 from_us)
{
  const gint64 from = from_us * reader->rate / G_USEC_PER_SEC;

  if (!reader->is_lost && !reader->ended && reader->position <= from &&
      from - reader->position < (gint64)reader->rate / 2)
    return;
  const gint64 target =
      av_rescale_q(MAX(from_us - RUN_UP_US, 0) + reader->origin_us, AV_TIME_BASE_Q, reader->stream->time_base);
  av_seek_frame(reader->format, reader->stream->index, target, AVSEEK_FLAG_BACKWARD);
  avcodec_flush_buffers(reader->codec);
  swr_free(&reader->resampler);
  reader->draining = reader->ended = FALSE;
  reader->n_samples = 0;
  reader->position = MAX(from_us - RUN_UP_US, 0) * reader->rate / G_USEC_PER_SEC;
  reader->is_lost = TRUE;
}

/* Takes what was read up to `end`; returns how much that was. */
static int
reader_take(Reader *reader, gint64 end)
{
  return (int)CLAMP(end - reader->position, 0, reader->n_samples);
}

static void
reader_drop(Reader *reader, int n)
{
  reader->n_samples -= n;
  reader->position += n;
  if (n > 0) /* before the first there are no samples at all */
    memmove(reader->samples, reader->samples + n, sizeof(float) * (gsize)reader->n_samples);
}

typedef struct {
  float low, high;
  double squares;
  guint n;
} Sum;

static Bin
bin_of(const Sum *sum)
{
  if (sum->n == 0)
    return (Bin){ 0 };
  return (Bin){ .low = (gint8)lroundf(CLAMP(sum->low, -1, 1) * 127),
                .high = (gint8)lroundf(CLAMP(sum->high, -1, 1) * 127),
                .rms = (guint8)lround(MIN(sqrt(sum->squares / sum->n), 1) * 255) };
}

static void
read_piece(Shared *shared, Reader *reader, guint piece)
{
  const gint64 from_us = (gint64)piece * PIECE_BINS * BIN_US, end_us = from_us + (gint64)PIECE_BINS * BIN_US;
  const gint64 end = end_us * reader->rate / G_USEC_PER_SEC;
  g_autofree Sum *sums = g_new0(Sum, PIECE_BINS);

  reader_go_to(reader, from_us);
  while (!g_cancellable_is_cancelled(shared->cancellable)) {
    const int n = reader_take(reader, end);

    for (int i = 0; i < n; i++) {
      const gint64 bin = ((reader->position + i) * G_USEC_PER_SEC / reader->rate - from_us) / BIN_US;

      if (reader->position + i < 0 || bin < 0 || bin >= PIECE_BINS)
        continue;
      Sum *sum = &sums[bin];
      const float sample = reader->samples[i];
      sum->low = sum->n ? MIN(sum->low, sample) : sample;
      sum->high = sum->n ? MAX(sum->high, sample) : sample;
      sum->squares += (double)sample * sample;
      sum->n++;
    }
    reader_drop(reader, n);
    if (reader->n_samples > 0 || !reader_next(reader))
      break;
  }
  if (g_cancellable_is_cancelled(shared->cancellable))
    return;
  const guint n_bins = MIN(PIECE_BINS, shared->n_bins - piece * PIECE_BINS);
  g_autofree Bin *bins = g_new(Bin, PIECE_BINS);
  for (guint i = 0; i < n_bins; i++)
    bins[i] = bin_of(&sums[i]);
  g_mutex_lock(&shared->lock);
  memcpy(shared->levels[0] + piece * PIECE_BINS, bins, sizeof(Bin) * n_bins);
  summarise_piece(shared, piece);
  shared->known[piece] = 1;
  shared->n_known++;
  announce(shared);
  g_mutex_unlock(&shared->lock);
}

static void
read_detail(Shared *shared, Reader *reader, gint64 from_us, gint64 to_us)
{
  Detail detail = { .rate = reader->rate, .from = MAX(from_us, 0) * reader->rate / G_USEC_PER_SEC };
  const gint64 end = to_us * reader->rate / G_USEC_PER_SEC;

  detail.n = end - detail.from;
  detail.samples = g_new0(float, detail.n);
  reader_go_to(reader, MAX(from_us, 0));
  while (!g_cancellable_is_cancelled(shared->cancellable)) {
    const int n = reader_take(reader, end);

    for (int i = 0; i < n; i++)
      if (reader->position + i >= detail.from)
        detail.samples[reader->position + i - detail.from] = reader->samples[i];
    reader_drop(reader, n);
    if (reader->n_samples > 0 || !reader_next(reader))
      break;
  }
  g_mutex_lock(&shared->lock);
  g_free(shared->detail.samples);
  shared->detail = detail;
  announce(shared);
  g_mutex_unlock(&shared->lock);
}

/* ---- The file -------------------------------------------------------------------------------------------------------------- */

static void
load(Shared *shared)
{
  g_autoptr(GBytes) bytes = shared->file ? sac_cache_file_load(shared->file, KIND) : NULL;
  const gsize n_bytes = shared->n_pieces + sizeof(Bin) * (gsize)shared->n_bins;

  if (!bytes || g_bytes_get_size(bytes) != n_bytes)
    return;
  const guint8 *content = g_bytes_get_data(bytes, NULL);
  /* What is not known yet nobody reads. */
  memcpy(shared->levels[0], content + shared->n_pieces, n_bytes - shared->n_pieces);
  for (guint piece = 0; piece < shared->n_pieces; piece++)
    summarise_piece(shared, piece);
  g_mutex_lock(&shared->lock);
  for (guint piece = 0; piece < shared->n_pieces; piece++) {
    shared->known[piece] = content[piece] == 1;
    shared->n_known += shared->known[piece];
  }
  announce(shared);
  g_mutex_unlock(&shared->lock);
}

static void
save(Shared *shared)
{
  const gsize n_bytes = shared->n_pieces + sizeof(Bin) * (gsize)shared->n_bins;
  g_autofree guint8 *content = shared->file ? g_malloc(n_bytes) : NULL;

  if (!content)
    return;
  memcpy(content, shared->known, shared->n_pieces);
  memcpy(content + shared->n_pieces, shared->levels[0], n_bytes - shared->n_pieces);
  sac_cache_file_save(shared->file, KIND, content, n_bytes);
}

/* ---- The thread ------------------------------------------------------------------------------------------------------------- */

/* With the lock held: the piece to read next, that nearest to the middle of the view; -1: all are known. */
static int
next_piece(const Shared *shared)
{
  const gint64 piece_us = (gint64)PIECE_BINS * BIN_US;
  const int middle = (int)CLAMP((shared->look_from_us + shared->look_to_us) / 2 / piece_us, 0, shared->n_pieces - 1);

  for (int distance = 0; distance < (int)shared->n_pieces; distance++) {
    if (middle + distance < (int)shared->n_pieces && !shared->known[middle + distance])
      return middle + distance;
    if (middle - distance >= 0 && !shared->known[middle - distance])
      return middle - distance;
  }
  return -1;
}

/* With the lock held. */
static gboolean
wants_detail(const Shared *shared)
{
  const Detail *detail = &shared->detail;
  const gint64 length = shared->look_to_us - shared->look_from_us;

  if (length <= 0 || length > DETAIL_US)
    return FALSE;
  return !detail->samples || shared->look_from_us < detail->from * G_USEC_PER_SEC / detail->rate ||
         shared->look_to_us > (detail->from + detail->n) * G_USEC_PER_SEC / detail->rate + 1;
}

static gpointer
run(gpointer data)
{
  Shared *shared = data;
  Reader reader = { 0 };
  gboolean is_open = FALSE, is_dirty = FALSE, is_good = TRUE;

  sac_background_begin();
  load(shared);
  for (;;) {
    int piece = -1;
    gboolean detail = FALSE;

    g_mutex_lock(&shared->lock);
    while (!shared->stop && is_good && !(detail = wants_detail(shared)) && (piece = next_piece(shared)) < 0 &&
           !is_dirty)
      g_cond_wait(&shared->changed, &shared->lock);
    const gboolean stop = shared->stop;
    const gint64 from = shared->look_from_us, to = shared->look_to_us, margin = to - from;
    g_mutex_unlock(&shared->lock);
    if (stop || !is_good)
      break;
    if (!detail && piece < 0) {
      save(shared);
      is_dirty = FALSE;
      continue;
    }
    if (!is_open)
      is_open = is_good = reader_open(&reader, shared->path, shared->cancellable);
    if (is_good && detail)
      read_detail(shared, &reader, from - margin, to + margin);
    else if (is_good) {
      read_piece(shared, &reader, (guint)piece);
      is_dirty = TRUE;
    }
  }
  if (is_dirty)
    save(shared);
  if (!is_good) {
    g_mutex_lock(&shared->lock);
    shared->failed = TRUE;
    announce(shared);
    g_mutex_unlock(&shared->lock);
  }
  reader_clear(&reader);
  shared_unref(shared);
  return NULL;
}

/* ---- Its face ---------------------------------------------------------------------------------------------------------------- */

SacWaveform *
sac_waveform_new(const char *path, const char *file, gint64 duration_us)
{
  SacWaveform *waveform = g_object_new(SAC_TYPE_WAVEFORM, NULL);
  Shared *shared = g_atomic_rc_box_new0(Shared);

  shared->path = g_strdup(path);
  shared->file = g_strdup(file);
  shared->cancellable = g_cancellable_new();
  g_weak_ref_init(&shared->owner, waveform);
  shared->context = g_main_context_ref_thread_default();
  shared->n_bins = (guint)(CLAMP(duration_us, 1, LONGEST_US) / BIN_US + 1);
  shared->n_pieces = (shared->n_bins + PIECE_BINS - 1) / PIECE_BINS;
  shared->known = g_new0(guint8, shared->n_pieces);
  g_mutex_init(&shared->lock);
  g_cond_init(&shared->changed);
  make_levels(shared);
  waveform->shared = shared;
  g_thread_unref(g_thread_new("waveform", run, g_atomic_rc_box_acquire(shared)));
  return waveform;
}

void
sac_waveform_look_at(SacWaveform *waveform, gint64 from_us, gint64 to_us)
{
  Shared *shared = waveform->shared;

  g_mutex_lock(&shared->lock);
  if (shared->look_from_us != from_us || shared->look_to_us != to_us) {
    shared->look_from_us = from_us;
    shared->look_to_us = to_us;
    g_cond_signal(&shared->changed);
  }
  g_mutex_unlock(&shared->lock);
}

static SacWaveformRange
measure_bins(const Shared *shared, double from_us, double step_us)
{
  guint level = 0;
  double bin_us = BIN_US;

  while (level + 1 < shared->n_levels && bin_us * FAN <= step_us) {
    bin_us *= FAN;
    level++;
  }
  if (from_us + step_us <= 0 || from_us >= (double)shared->n_bins * BIN_US)
    return (SacWaveformRange){ 1, -1, 0 };
  const guint first = (guint)(MAX(from_us, 0) / bin_us);
  guint end = (guint)ceil((from_us + step_us) / bin_us);
  end = CLAMP(end, first + 1, shared->lengths[level]);
  if (first >= end || !shared->known[(guint)MIN(MAX(from_us, 0) / BIN_US / PIECE_BINS, shared->n_pieces - 1)])
    return (SacWaveformRange){ 1, -1, 0 };
  const Bin bin = summarise(shared->levels[level] + first, end - first);
  return (SacWaveformRange){ bin.low / 127.0f, bin.high / 127.0f, bin.rms / 255.0f };
}

static float
sample_at(const Detail *detail, double position)
{
  const double at = CLAMP(position - (double)detail->from, 0, (double)(detail->n - 1));
  const gint64 before = (gint64)at, after = MIN(before + 1, detail->n - 1);
  const float share = (float)(at - (double)before);

  return (1 - share) * detail->samples[before] + share * detail->samples[after];
}

static SacWaveformRange
measure_samples(const Detail *detail, double from_us, double step_us)
{
  const double from = from_us * detail->rate / 1e6, to = (from_us + step_us) * detail->rate / 1e6;
  const float left = sample_at(detail, from), right = sample_at(detail, to);
  SacWaveformRange range = { MIN(left, right), MAX(left, right), 0 };
  double squares = (double)left * left + (double)right * right;
  guint n = 2;

  for (gint64 i = (gint64)ceil(from); (double)i < to; i++) {
    const gint64 at = i - detail->from;
    const float sample = at >= 0 && at < detail->n ? detail->samples[at] : 0;

    range.lowest = MIN(range.lowest, sample);
    range.highest = MAX(range.highest, sample);
    squares += (double)sample * sample;
    n++;
  }
  range.rms = (float)sqrt(squares / n);
  return range;
}

void
sac_waveform_measure(SacWaveform *waveform, double from_us, double step_us, guint n, SacWaveformRange *ranges)
{
  Shared *shared = waveform->shared;

  g_mutex_lock(&shared->lock);
  const Detail *detail = &shared->detail;
  const double rate = detail->rate, detail_from = detail->samples ? (double)detail->from * 1e6 / rate : 0;
  const double detail_to = detail->samples ? (double)(detail->from + detail->n) * 1e6 / rate : 0;
  for (guint i = 0; i < n; i++) {
    const double from = from_us + i * step_us;

    ranges[i] = step_us < 2 * BIN_US && from >= detail_from && from + step_us <= detail_to
                    ? measure_samples(detail, from, step_us)
                    : measure_bins(shared, from, step_us);
  }
  g_mutex_unlock(&shared->lock);
}

double
sac_waveform_get_progress(SacWaveform *waveform)
{
  Shared *shared = waveform->shared;

  g_mutex_lock(&shared->lock);
  const double progress = shared->failed ? 1 : (double)shared->n_known / shared->n_pieces;
  g_mutex_unlock(&shared->lock);
  return progress;
}

static void
sac_waveform_finalize(GObject *object)
{
  Shared *shared = SAC_WAVEFORM(object)->shared;

  g_mutex_lock(&shared->lock);
  shared->stop = TRUE;
  g_cond_signal(&shared->changed);
  g_mutex_unlock(&shared->lock);
  g_cancellable_cancel(shared->cancellable);
  shared_unref(shared);
  G_OBJECT_CLASS(sac_waveform_parent_class)->finalize(object);
}

static void
sac_waveform_class_init(SacWaveformClass *class)
{
  G_OBJECT_CLASS(class)->finalize = sac_waveform_finalize;
  signals[CHANGED] = g_signal_new("changed", SAC_TYPE_WAVEFORM, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
sac_waveform_init(SacWaveform *waveform)
{
}
