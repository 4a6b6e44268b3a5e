/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-player-session-private.h"

#include "core/media/sac-audio-output-private.h"
#include "core/media/sac-audio-track-private.h"
#include "core/media/sac-decoder-private.h"
#include "core/media/sac-probe.h"
#include "core/sac-error.h"

/* Backward play decodes from a key frame on and keeps at most this many pictures, fewer of a longer stretch. */
#define BACKWARD_FRAMES 64
/* A picture that is later than this is left out, but not for longer than that. */
#define LATE_US 45000
#define LONGEST_GAP_US 250000
/* A picture of more planes than an 8K one's is scaled here. */
#define MOST_PLANE_BYTES (128 << 20)
/* How far the clock and the sound may be apart. */
#define CLOCK_TOLERANCE_US 8000
/* The clock waits no longer than this for the sound to begin. */
#define SOUND_START_US 1500000
/* What the server still has when the sound has been given to its end is heard within this. */
#define SOUND_END_US 2000000
/* 20 ms of sound at a time: how soon a pause is heard. */
#define CHUNK (SAC_AUDIO_RATE / 50)

struct _SacPlayerSession {
  gatomicrefcount references;
  char *path;
  GMainContext *context;
  GCancellable *stop;

  GMutex lock;
  GCond changed;
  /* Everything below is under the lock. */
  SacPlayerReport report;
  gpointer report_data;
  gboolean opened, frame_reported;

  SacPlayerTracks tracks;
  gboolean playing;
  double rate, gain;
  int max_width, max_height;
  gboolean wants_planes;

  /* Goes up with every seek, pause and change of speed: sound of an earlier serial is dropped. */
  guint serial;
  gboolean seek_wanted, seeking; /* asked for; and not shown yet */
  gboolean scrubbing;            /* the last seek was a fast one: no sound, and the clock stands */
  gint64 seek_time;
  SacSeekMode seek_mode;
  int steps;

  /* The clock: `base` at the monotonic time `since`, going at `rate`; standing where since is 0. */
  gint64 clock_base, clock_since;
  gint64 waiting_since; /* for the sound to begin; 0: not */
  gboolean sound_lost, sound_ended;

  SacFrame *frame;
};

static SacPlayerSession *
session_ref(SacPlayerSession *session)
{
  g_atomic_ref_count_inc(&session->references);
  return session;
}

static void
session_unref(gpointer data)
{
  SacPlayerSession *session = data;

  if (!g_atomic_ref_count_dec(&session->references))
    return;
  g_clear_pointer(&session->frame, sac_frame_unref);
  g_object_unref(session->stop);
  g_main_context_unref(session->context);
  g_mutex_clear(&session->lock);
  g_cond_clear(&session->changed);
  g_free(session->path);
  g_free(session);
}

/* ---- Telling the main context ------------------------------------------------------------------------------------------ */

typedef struct {
  SacPlayerSession *session;
  SacPlayerEvent event;
  GError *error;
} Message;

static void
message_free(gpointer data)
{
  Message *message = data;

  session_unref(message->session);
  g_clear_error(&message->error);
  g_free(message);
}

static gboolean
deliver(gpointer data)
{
  const Message *message = data;
  SacPlayerSession *session = message->session;

  g_mutex_lock(&session->lock);
  const SacPlayerReport report = session->report;
  if (message->event == SAC_PLAYER_FRAME)
    session->frame_reported = FALSE;
  g_mutex_unlock(&session->lock);
  if (report)
    report(message->event, message->error, session->report_data);
  return G_SOURCE_REMOVE;
}

static void
tell(SacPlayerSession *session, SacPlayerEvent event, GError *error)
{
  Message *message = g_new(Message, 1);
  GSource *source = g_idle_source_new();

  *message = (Message){ session_ref(session), event, error };
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, deliver, message, message_free);
  g_source_attach(source, session->context);
  g_source_unref(source);
}

/* At most one is on its way. Under the lock. */
static void
tell_frame(SacPlayerSession *session)
{
  if (!session->frame_reported) {
    session->frame_reported = TRUE;
    tell(session, SAC_PLAYER_FRAME, NULL);
  }
}

/* ---- The clock, under the lock ---------------------------------------------------------------------------------------- */

static gint64
clock_now(const SacPlayerSession *session)
{
  gint64 time = session->clock_base;

  if (session->clock_since)
    time += (gint64)((double)(g_get_monotonic_time() - session->clock_since) * session->rate);
  if (session->tracks.duration_us > 0)
    time = MIN(time, session->tracks.duration_us);
  return MAX(time, 0);
}

static void
clock_stop(SacPlayerSession *session)
{
  session->clock_base = clock_now(session);
  session->clock_since = session->waiting_since = 0;
}

static gboolean
sound_leads(const SacPlayerSession *session)
{
  return session->tracks.has_audio && session->rate > 0 && !session->sound_lost;
}

/* Begins to run, or to wait for the sound. */
static void
clock_start(SacPlayerSession *session)
{
  if (!session->playing || session->seeking || session->scrubbing || session->clock_since || session->waiting_since)
    return;
  if (sound_leads(session) && !session->sound_ended)
    session->waiting_since = g_get_monotonic_time();
  else
    session->clock_since = g_get_monotonic_time();
  g_cond_broadcast(&session->changed);
}

/* The sound says where it is. Differences that nobody hears or sees are left alone, so that pictures come evenly; time never goes
   back: where the sound is late, it stands until the sound has come. */
static void
clock_follow(SacPlayerSession *session, gint64 heard_us)
{
  const gint64 ahead = heard_us - clock_now(session);

  if (session->clock_since && ABS(ahead) < CLOCK_TOLERANCE_US)
    return;
  if (ahead < -CLOCK_TOLERANCE_US) {
    clock_stop(session);
    session->waiting_since = g_get_monotonic_time();
    return;
  }
  session->clock_base = heard_us;
  session->clock_since = g_get_monotonic_time();
  session->waiting_since = 0;
}

static void
discontinuity(SacPlayerSession *session)
{
  clock_stop(session);
  session->serial++;
  session->sound_ended = FALSE;
  g_cond_broadcast(&session->changed);
}

/* ---- Sound ------------------------------------------------------------------------------------------------------------- */

/* Lets the server play what it still has, unless something else is wanted meanwhile. */
static void
finish_sound(SacPlayerSession *session, guint serial, SacAudioOutput *output, gint64 given_us)
{
  const gint64 end = g_get_monotonic_time() + SOUND_END_US;

  sac_audio_output_end(output);
  g_mutex_lock(&session->lock);
  while (session->serial == serial && !g_cancellable_is_cancelled(session->stop) && g_get_monotonic_time() < end) {
    g_mutex_unlock(&session->lock);
    const gint64 left_us = given_us - sac_audio_output_get_heard(output);
    g_mutex_lock(&session->lock);
    if (left_us <= 0)
      break;
    if (session->serial == serial)
      g_cond_wait_until(&session->changed, &session->lock, g_get_monotonic_time() + MIN(left_us, 20000));
  }
  g_mutex_unlock(&session->lock);
  sac_audio_output_stop(output);
}

static void
play_sound(SacPlayerSession *session, SacAudioTrack *track, SacAudioOutput *output)
{
  float samples[CHUNK * SAC_AUDIO_CHANNELS];
  gint64 given = 0;

  g_mutex_lock(&session->lock);
  const guint serial = session->serial;
  const gint64 start = session->clock_base;
  const double rate = session->rate;
  g_mutex_unlock(&session->lock);
  if (!sac_audio_track_start(track, start, rate)) {
    g_mutex_lock(&session->lock);
    session->sound_ended = TRUE;
    session->waiting_since = 0;
    clock_start(session);
    g_mutex_unlock(&session->lock);
    return;
  }
  sac_audio_output_start(output);
  for (;;) {
    const gsize count = sac_audio_track_read(track, samples, CHUNK);

    g_mutex_lock(&session->lock);
    const gboolean stale = session->serial != serial || g_cancellable_is_cancelled(session->stop);
    const float gain = (float)session->gain;
    if (!stale && !count) {
      session->sound_ended = TRUE;
      session->waiting_since = 0;
      clock_start(session);
      g_cond_broadcast(&session->changed);
    }
    g_mutex_unlock(&session->lock);
    if (stale) {
      sac_audio_output_stop(output);
      return;
    }
    if (!count)
      break;
    for (gsize i = 0; i < count * SAC_AUDIO_CHANNELS; i++)
      samples[i] *= gain;
    if (!sac_audio_output_write(output, samples, count)) {
      g_mutex_lock(&session->lock);
      session->sound_lost = TRUE;
      session->waiting_since = 0;
      clock_start(session);
      g_mutex_unlock(&session->lock);
      return;
    }
    given += (gint64)count;
    const gint64 heard = MIN(sac_audio_output_get_heard(output), given * G_USEC_PER_SEC / SAC_AUDIO_RATE);
    g_mutex_lock(&session->lock);
    /* Until the server has begun to play, nothing is heard. */
    if (session->serial == serial && heard > 0)
      clock_follow(session, start + (gint64)((double)heard * rate));
    g_cond_broadcast(&session->changed);
    g_mutex_unlock(&session->lock);
  }
  finish_sound(session, serial, output, given * G_USEC_PER_SEC / SAC_AUDIO_RATE);
}

static gpointer
sound_thread(gpointer data)
{
  SacPlayerSession *session = data;
  SacAudioTrack *track = sac_audio_track_new(session->path, session->stop, NULL);
  /* Connected before it is needed, so that play begins at once. */
  SacAudioOutput *output = track ? sac_audio_output_new() : NULL;

  for (;;) {
    g_mutex_lock(&session->lock);
    while (!g_cancellable_is_cancelled(session->stop) && !(session->waiting_since && sound_leads(session)))
      g_cond_wait(&session->changed, &session->lock);
    g_mutex_unlock(&session->lock);
    if (g_cancellable_is_cancelled(session->stop))
      break;
    if (track && !output)
      output = sac_audio_output_new();
    if (!track || !output) {
      g_mutex_lock(&session->lock);
      session->sound_lost = TRUE;
      session->waiting_since = 0;
      clock_start(session);
      g_cond_broadcast(&session->changed);
      g_mutex_unlock(&session->lock);
      continue;
    }
    play_sound(session, track, output);
    if (session->sound_lost)
      g_clear_pointer(&output, sac_audio_output_free);
  }
  sac_audio_output_free(output);
  sac_audio_track_free(track);
  session_unref(session);
  return NULL;
}

/* ---- Pictures: what the picture thread alone has ------------------------------------------------------------------------- */

typedef struct {
  SacPlayerSession *session;
  SacDecoder *decoder;
  SacConverter *converter;
  int max_width, max_height; /* of the converter */
  gboolean gives_planes;
  AVFrame *next; /* decoded, after the one that is shown */
  gint64 next_time, next_duration;
  gint64 shown_time, shown_duration; /* -1: nothing yet */
  gint64 shown_at;                   /* monotonic */
  gboolean in_order;                 /* decoding goes on after the shown frame */
  GQueue backward;                   /* (element-type SacFrame) before the shown one, the nearest at the tail */
} Pictures;

static gboolean
interrupted(SacPlayerSession *session)
{
  g_mutex_lock(&session->lock);
  const gboolean wanted = session->seek_wanted || g_cancellable_is_cancelled(session->stop);
  g_mutex_unlock(&session->lock);
  return wanted;
}

static SacFrame *
convert(Pictures *pictures, AVFrame *picture, gint64 time, gint64 duration)
{
  SacPlayerSession *session = pictures->session;

  g_mutex_lock(&session->lock);
  const int width = session->max_width, height = session->max_height;
  /* Backward play keeps many pictures: scaled ones. */
  const gboolean planes = session->wants_planes && session->rate > 0;
  g_mutex_unlock(&session->lock);
  if (!pictures->converter || width != pictures->max_width || height != pictures->max_height ||
      planes != pictures->gives_planes) {
    sac_converter_free(pictures->converter);
    pictures->converter =
        sac_converter_new(session->path, &(SacConversion){ .format = SAC_FRAME_RGBA,
                                                           .max_width = width,
                                                           .max_height = height,
                                                           .max_plane_bytes = planes ? MOST_PLANE_BYTES : 0,
                                                           .as_stored = planes });
    pictures->max_width = width;
    pictures->max_height = height;
    pictures->gives_planes = planes;
  }
  return sac_converter_convert(pictures->converter, pictures->decoder->stream, picture, time, duration, NULL);
}

/* Takes the frame. */
static void
show(Pictures *pictures, SacFrame *frame)
{
  SacPlayerSession *session = pictures->session;

  if (!frame)
    return;
  pictures->shown_time = frame->time_us;
  pictures->shown_duration = frame->duration_us;
  pictures->shown_at = g_get_monotonic_time();
  g_mutex_lock(&session->lock);
  g_clear_pointer(&session->frame, sac_frame_unref);
  session->frame = frame;
  tell_frame(session);
  g_mutex_unlock(&session->lock);
}

static gboolean
decode_next(Pictures *pictures)
{
  if (!pictures->next)
    pictures->next = sac_decoder_next(pictures->decoder, &pictures->next_time, &pictures->next_duration, NULL);
  return pictures->next != NULL;
}

/* To the frame that is shown at a time: decodes from the key frame before it. A fast one stops at the key frame. */
static void
find_frame(Pictures *pictures, gint64 time, SacSeekMode mode)
{
  AVFrame *held = NULL;
  gint64 held_time = 0, held_duration = 0;

  av_frame_free(&pictures->next);
  g_queue_clear_full(&pictures->backward, (GDestroyNotify)sac_frame_unref);
  pictures->in_order = TRUE;
  if (!sac_decoder_seek(pictures->decoder, time, NULL))
    return;
  while (decode_next(pictures)) {
    if (held && pictures->next_time > time)
      break;
    av_frame_free(&held);
    held = g_steal_pointer(&pictures->next);
    held_time = pictures->next_time;
    held_duration = pictures->next_duration;
    if (mode == SAC_SEEK_FAST || interrupted(pictures->session))
      break;
  }
  if (held)
    show(pictures, convert(pictures, held, held_time, held_duration));
  av_frame_free(&held);
}

static void
do_seek(Pictures *pictures)
{
  SacPlayerSession *session = pictures->session;

  g_mutex_lock(&session->lock);
  const gint64 time = session->seek_time;
  const SacSeekMode mode = session->seek_mode;
  session->seek_wanted = FALSE;
  g_mutex_unlock(&session->lock);
  find_frame(pictures, time, mode);
  g_mutex_lock(&session->lock);
  if (!session->seek_wanted) {
    session->seeking = FALSE;
    clock_start(session);
  }
  g_cond_broadcast(&session->changed);
  g_mutex_unlock(&session->lock);
}

static void
do_step(Pictures *pictures, int direction)
{
  SacPlayerSession *session = pictures->session;

  if (direction < 0) {
    if (pictures->shown_time > 0)
      find_frame(pictures, pictures->shown_time - 1, SAC_SEEK_EXACT);
  } else {
    if (!pictures->in_order)
      find_frame(pictures, pictures->shown_time, SAC_SEEK_EXACT);
    if (decode_next(pictures)) {
      show(pictures, convert(pictures, pictures->next, pictures->next_time, pictures->next_duration));
      av_frame_free(&pictures->next);
    }
  }
  g_mutex_lock(&session->lock);
  if (!session->seek_wanted)
    session->clock_base = MAX(pictures->shown_time, 0);
  tell_frame(session);
  g_mutex_unlock(&session->lock);
}

/* Waits until the clock has come to a time, in the direction of play. FALSE: something else is wanted first. */
static gboolean
wait_until(SacPlayerSession *session, gint64 time)
{
  g_mutex_lock(&session->lock);
  const guint serial = session->serial;
  gboolean due = FALSE;
  while (!due && session->serial == serial && session->playing && !session->seek_wanted &&
         !g_cancellable_is_cancelled(session->stop)) {
    const gint64 now = g_get_monotonic_time();
    gint64 wait = 20000;

    if (session->waiting_since && now - session->waiting_since > SOUND_START_US) {
      session->waiting_since = 0;
      session->clock_since = now;
    }
    if (session->clock_since) {
      const double left = (double)(time - clock_now(session)) / session->rate;

      due = left <= 500;
      wait = (gint64)CLAMP(left, 500, 20000);
    }
    if (!due)
      g_cond_wait_until(&session->changed, &session->lock, now + wait);
  }
  g_mutex_unlock(&session->lock);
  return due;
}

/* The last picture, or the first in backward play, has had its time. */
static void
finish_playing(SacPlayerSession *session, gint64 end)
{
  if (!wait_until(session, end))
    return;
  g_mutex_lock(&session->lock);
  const gboolean more_sound = sound_leads(session) && !session->sound_ended && session->rate > 0;
  if (!more_sound) {
    clock_stop(session);
    if (session->rate > 0 && session->tracks.duration_us > 0)
      session->clock_base = session->tracks.duration_us;
    session->playing = FALSE;
    session->serial++;
    tell(session, SAC_PLAYER_ENDED, NULL);
  } else {
    /* The sound is longer than the picture, which stays. */
    tell_frame(session);
    g_cond_wait_until(&session->changed, &session->lock, g_get_monotonic_time() + 30000);
  }
  g_mutex_unlock(&session->lock);
}

static void
play_forward(Pictures *pictures)
{
  SacPlayerSession *session = pictures->session;

  g_mutex_lock(&session->lock);
  const gint64 clock = clock_now(session);
  const double rate = session->rate;
  g_mutex_unlock(&session->lock);
  if (!pictures->in_order) {
    find_frame(pictures, clock, SAC_SEEK_EXACT);
    return;
  }
  /* At high speed most pictures cannot be shown: those that no other needs are not even decoded. */
  pictures->decoder->codec->skip_frame = rate > 2 ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
  if (!decode_next(pictures)) {
    /* The clock does not go beyond the duration, whatever the last picture says. */
    finish_playing(session, session->tracks.duration_us > 0 ? session->tracks.duration_us
                                                            : pictures->shown_time + MAX(pictures->shown_duration, 1));
    return;
  }
  const gboolean late = clock - pictures->next_time > (gint64)(LATE_US * rate);
  if (late && g_get_monotonic_time() - pictures->shown_at < LONGEST_GAP_US) {
    av_frame_free(&pictures->next);
    return;
  }
  SacFrame *frame = convert(pictures, pictures->next, pictures->next_time, pictures->next_duration);
  if (frame && !wait_until(session, pictures->next_time)) {
    sac_frame_unref(frame);
    return;
  }
  av_frame_free(&pictures->next);
  show(pictures, frame);
}

/* Keeps the pictures from the key frame before `end` up to it; of many, every second is given up again and again. */
static void
collect_backward(Pictures *pictures, gint64 end)
{
  guint stride = 1, index = 0;

  av_frame_free(&pictures->next);
  pictures->in_order = FALSE;
  pictures->decoder->codec->skip_frame = AVDISCARD_DEFAULT;
  if (!sac_decoder_seek(pictures->decoder, MAX(end - 1, 0), NULL))
    return;
  while (!interrupted(pictures->session) && decode_next(pictures) && pictures->next_time < end) {
    if (index++ % stride == 0) {
      SacFrame *frame = convert(pictures, pictures->next, pictures->next_time, pictures->next_duration);

      if (frame)
        g_queue_push_tail(&pictures->backward, frame);
      if (g_queue_get_length(&pictures->backward) >= BACKWARD_FRAMES) {
        GQueue kept = G_QUEUE_INIT;

        for (guint i = 0; (frame = g_queue_pop_head(&pictures->backward)); i++) {
          if (i % 2 == 0)
            g_queue_push_tail(&kept, frame);
          else
            sac_frame_unref(frame);
        }
        pictures->backward = kept;
        stride *= 2;
      }
    }
    av_frame_free(&pictures->next);
  }
  av_frame_free(&pictures->next);
}

static void
play_backward(Pictures *pictures)
{
  SacPlayerSession *session = pictures->session;

  if (g_queue_is_empty(&pictures->backward) && pictures->shown_time > 0) {
    /* Time stands while the pictures before are decoded. */
    g_mutex_lock(&session->lock);
    clock_stop(session);
    g_mutex_unlock(&session->lock);
    collect_backward(pictures, pictures->shown_time);
    g_mutex_lock(&session->lock);
    clock_start(session);
    g_mutex_unlock(&session->lock);
  }
  SacFrame *frame = g_queue_pop_tail(&pictures->backward);
  if (!frame) {
    if (!interrupted(session))
      finish_playing(session, 0);
    return;
  }
  if (!wait_until(session, frame->time_us + MAX(frame->duration_us, 0))) {
    g_queue_push_tail(&pictures->backward, frame);
    return;
  }
  show(pictures, frame);
}

/* A file without a picture: the time alone goes on. */
static void
play_sound_only(SacPlayerSession *session)
{
  g_mutex_lock(&session->lock);
  if (session->seeking) {
    session->seeking = session->seek_wanted = FALSE;
    clock_start(session);
  }
  const gint64 end = session->tracks.duration_us > 0 ? session->tracks.duration_us : G_MAXINT64;
  const gint64 now = clock_now(session);
  const gboolean ended = session->playing && (session->rate > 0 ? (session->sound_ended || now >= end) : now <= 0);
  tell_frame(session);
  g_mutex_unlock(&session->lock);
  if (ended)
    finish_playing(session, now);
  else
    wait_until(session, CLAMP(now + (session->rate > 0 ? 30000 : -30000), 0, end));
}

static void
open_file(Pictures *pictures)
{
  SacPlayerSession *session = pictures->session;
  GError *error = NULL;
  SacPlayerTracks tracks = { .duration_us = -1 };
  g_autoptr(SacAudioTrack) track = NULL;

  pictures->decoder = sac_decoder_new(session->path, FALSE, session->stop, &error);
  if (pictures->decoder) {
    tracks.has_video = TRUE;
    tracks.duration_us = sac_media_duration(pictures->decoder->format, pictures->decoder->stream);
  }
  track = sac_audio_track_new(session->path, session->stop, NULL);
  if (track) {
    tracks.has_audio = TRUE;
    tracks.duration_us = MAX(tracks.duration_us, sac_audio_track_get_duration(track));
    g_clear_error(&error);
  }
  if (!error && tracks.duration_us < 0 && pictures->decoder) {
    g_autoptr(SacMediaInfo) info = sac_probe_file(session->path, NULL);

    tracks.duration_us = info ? info->duration_us : -1;
  }
  if (error) {
    tell(session, SAC_PLAYER_ERROR, error);
    g_cancellable_cancel(session->stop);
    return;
  }
  g_mutex_lock(&session->lock);
  session->tracks = tracks;
  session->opened = TRUE;
  if (tracks.has_video && !session->seek_wanted) {
    session->seek_wanted = session->seeking = TRUE;
    session->seek_time = 0;
    session->seek_mode = SAC_SEEK_EXACT;
  }
  g_mutex_unlock(&session->lock);
  tell(session, SAC_PLAYER_OPENED, NULL);
  if (tracks.has_audio)
    g_thread_unref(g_thread_new("player-sound", sound_thread, session_ref(session)));
}

static gpointer
picture_thread(gpointer data)
{
  SacPlayerSession *session = data;
  Pictures pictures = { .session = session, .shown_time = -1, .backward = G_QUEUE_INIT };

  open_file(&pictures);
  while (!g_cancellable_is_cancelled(session->stop)) {
    g_mutex_lock(&session->lock);
    const gboolean seek = session->seek_wanted, playing = session->playing && !session->seeking && !session->scrubbing;
    const int step = session->steps > 0 ? 1 : session->steps < 0 ? -1 : 0;
    const double rate = session->rate;
    if (!seek && !step && !playing)
      g_cond_wait(&session->changed, &session->lock);
    else if (!seek)
      session->steps -= step;
    g_mutex_unlock(&session->lock);
    if (!pictures.decoder) {
      if (seek || playing)
        play_sound_only(session);
    } else if (seek) {
      do_seek(&pictures);
    } else if (step) {
      do_step(&pictures, step);
    } else if (playing) {
      if (rate > 0)
        play_forward(&pictures);
      else
        play_backward(&pictures);
    }
  }
  g_queue_clear_full(&pictures.backward, (GDestroyNotify)sac_frame_unref);
  av_frame_free(&pictures.next);
  sac_converter_free(pictures.converter);
  sac_decoder_free(pictures.decoder);
  session_unref(session);
  return NULL;
}

/* ---- For the player ------------------------------------------------------------------------------------------------------ */

SacPlayerSession *
sac_player_session_new(const char *path, int max_width, int max_height, SacPlayerReport report, gpointer data)
{
  SacPlayerSession *session = g_new0(SacPlayerSession, 1);

  g_atomic_ref_count_init(&session->references);
  session->path = g_strdup(path);
  session->context = g_main_context_ref_thread_default();
  session->stop = g_cancellable_new();
  g_mutex_init(&session->lock);
  g_cond_init(&session->changed);
  session->report = report;
  session->report_data = data;
  session->rate = session->gain = 1;
  session->max_width = max_width;
  session->max_height = max_height;
  session->tracks.duration_us = -1;
  g_thread_unref(g_thread_new("player-picture", picture_thread, session_ref(session)));
  return session;
}

void
sac_player_session_close(SacPlayerSession *session)
{
  if (!session)
    return;
  g_cancellable_cancel(session->stop);
  g_mutex_lock(&session->lock);
  session->report = NULL;
  session->serial++;
  g_cond_broadcast(&session->changed);
  g_mutex_unlock(&session->lock);
  session_unref(session);
}

SacPlayerTracks
sac_player_session_get_tracks(SacPlayerSession *session)
{
  g_mutex_lock(&session->lock);
  const SacPlayerTracks tracks = session->tracks;
  g_mutex_unlock(&session->lock);
  return tracks;
}

gint64
sac_player_session_get_position(SacPlayerSession *session)
{
  g_mutex_lock(&session->lock);
  const gint64 position = clock_now(session);
  g_mutex_unlock(&session->lock);
  return position;
}

SacFrame *
sac_player_session_get_frame(SacPlayerSession *session)
{
  g_mutex_lock(&session->lock);
  SacFrame *frame = session->frame ? sac_frame_ref(session->frame) : NULL;
  g_mutex_unlock(&session->lock);
  return frame;
}

void
sac_player_session_set_playing(SacPlayerSession *session, gboolean playing)
{
  g_mutex_lock(&session->lock);
  if (session->playing != playing) {
    session->playing = playing;
    discontinuity(session);
    /* From the end, play begins again. */
    if (playing && session->rate > 0 && session->tracks.duration_us > 0 &&
        session->clock_base >= session->tracks.duration_us) {
      session->clock_base = session->seek_time = 0;
      session->seek_mode = SAC_SEEK_EXACT;
      session->seek_wanted = session->seeking = TRUE;
    }
    session->scrubbing = FALSE;
    clock_start(session);
  }
  g_mutex_unlock(&session->lock);
}

void
sac_player_session_set_rate(SacPlayerSession *session, double rate)
{
  g_mutex_lock(&session->lock);
  if (session->rate != rate) {
    discontinuity(session);
    session->rate = rate;
    clock_start(session);
  }
  g_mutex_unlock(&session->lock);
}

void
sac_player_session_set_gain(SacPlayerSession *session, double gain)
{
  g_mutex_lock(&session->lock);
  session->gain = gain;
  g_mutex_unlock(&session->lock);
}

void
sac_player_session_set_max_size(SacPlayerSession *session, int width, int height)
{
  g_mutex_lock(&session->lock);
  session->max_width = width;
  session->max_height = height;
  g_mutex_unlock(&session->lock);
}

void
sac_player_session_set_wants_planes(SacPlayerSession *session, gboolean wants_planes)
{
  g_mutex_lock(&session->lock);
  session->wants_planes = wants_planes;
  g_mutex_unlock(&session->lock);
}

void
sac_player_session_seek(SacPlayerSession *session, gint64 time_us, SacSeekMode mode)
{
  g_mutex_lock(&session->lock);
  if (session->tracks.duration_us > 0)
    time_us = MIN(time_us, session->tracks.duration_us);
  discontinuity(session);
  session->clock_base = session->seek_time = MAX(time_us, 0);
  session->seek_mode = mode;
  session->seek_wanted = session->seeking = TRUE;
  session->scrubbing = mode == SAC_SEEK_FAST;
  session->steps = 0;
  g_mutex_unlock(&session->lock);
}

void
sac_player_session_step(SacPlayerSession *session, int direction)
{
  g_mutex_lock(&session->lock);
  if (session->playing) {
    session->playing = FALSE;
    discontinuity(session);
  }
  session->scrubbing = FALSE;
  session->steps += direction;
  g_cond_broadcast(&session->changed);
  g_mutex_unlock(&session->lock);
}
