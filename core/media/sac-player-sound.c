/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-player-threads-private.h"

#include "core/media/sac-audio-output-private.h"
#include "core/media/sac-audio-track-private.h"

/* What the server still has when the sound has been given to its end is heard within this. */
#define SOUND_END_US 2000000
/* A sound that joins a running clock is begun so much ahead of it, and if it is farther off than that when it is heard, again. */
#define LEAD_US 150000
#define JOINED_US 40000
#define JOIN_TRIES 4
#define LONGEST_LEAD_US 3000000
/* So long the server may take nothing before the clock goes on without it. */
#define STALL_US 1000000
/* How often a server that is gone is looked for. */
#define RETRY_US 1000000
/* 20 ms of sound at a time: how soon a pause is heard. */
#define CHUNK (SAC_AUDIO_RATE / 50)

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

typedef enum {
  PLAYED,      /* to the end, or something else is wanted */
  LOST,        /* there is no server any more */
  OUT_OF_STEP, /* the server took nothing for a while: to be begun anew where the clock is */
} Outcome;

/* Brings samples to the server. serial: of the sound; when the session's is another, the rest is left. */
static Outcome
give(SacPlayerSession *session, guint serial, SacAudioOutput *output, const float *samples, gsize count)
{
  gint64 progress = g_get_monotonic_time();
  gboolean stalled = FALSE;

  while (count > 0) {
    const gssize taken = sac_audio_output_write(output, samples, count, STALL_US / 20);

    if (taken < 0)
      return LOST;
    if (taken > 0 && stalled)
      return OUT_OF_STEP;
    if (taken > 0)
      progress = g_get_monotonic_time();
    stalled = g_get_monotonic_time() - progress > STALL_US;
    samples += taken * SAC_AUDIO_CHANNELS;
    count -= (gsize)taken;
    g_mutex_lock(&session->lock);
    const gboolean stale = session->serial != serial || g_cancellable_is_cancelled(session->stop);
    g_mutex_unlock(&session->lock);
    if (stale)
      break;
  }
  return PLAYED;
}

static void
end_sound(SacPlayerSession *session)
{
  session->sound_ended = TRUE;
  session->waiting_since = 0;
  sac_player_clock_start(session);
  g_cond_broadcast(&session->changed);
}

/* joins: the clock runs already, and the sound is begun where it will be in *lead_us; else the clock waits for it. OUT_OF_STEP corrects
   *lead_us. */
static Outcome
play_sound(SacPlayerSession *session, SacAudioTrack *track, SacAudioOutput *output, gboolean joins, gint64 *lead_us)
{
  float samples[CHUNK * SAC_AUDIO_CHANNELS];
  gint64 given = 0;

  g_mutex_lock(&session->lock);
  const guint serial = session->serial;
  const double rate = session->rate;
  const gint64 start = joins ? sac_player_clock_now(session) + (gint64)((double)*lead_us * rate) : session->clock_base;
  float gain = (float)session->gain;
  g_mutex_unlock(&session->lock);
  if (!sac_audio_track_start(track, start, rate)) {
    g_mutex_lock(&session->lock);
    end_sound(session);
    g_mutex_unlock(&session->lock);
    return PLAYED;
  }
  sac_audio_output_start(output);
  for (;;) {
    const gsize count = sac_audio_track_read(track, samples, CHUNK);

    g_mutex_lock(&session->lock);
    const gboolean stale = session->serial != serial || g_cancellable_is_cancelled(session->stop);
    const float wanted_gain = (float)session->gain;
    if (!stale && !count)
      end_sound(session);
    g_mutex_unlock(&session->lock);
    if (stale) {
      sac_audio_output_stop(output);
      return PLAYED;
    }
    if (!count)
      break;
    sac_audio_amplify(samples, count, gain, wanted_gain);
    gain = wanted_gain;
    const Outcome outcome = give(session, serial, output, samples, count);
    if (outcome != PLAYED)
      return outcome;
    given += (gint64)count;
    const gint64 heard = MIN(sac_audio_output_get_heard(output), given * G_USEC_PER_SEC / SAC_AUDIO_RATE);
    g_mutex_lock(&session->lock);
    /* Until the server has begun to play, nothing is heard. */
    const gint64 at = start + (gint64)((double)heard * rate);
    const gint64 behind = (gint64)((double)(sac_player_clock_now(session) - at) / rate);
    const gboolean misses = joins && session->serial == serial && heard > 0 && ABS(behind) > JOINED_US;
    if (session->serial == serial && heard > 0 && !misses) {
      joins = FALSE;
      sac_player_clock_follow(session, at);
    }
    g_cond_broadcast(&session->changed);
    g_mutex_unlock(&session->lock);
    if (misses) {
      *lead_us = CLAMP(*lead_us + behind, 0, LONGEST_LEAD_US);
      sac_audio_output_stop(output);
      return OUT_OF_STEP;
    }
  }
  finish_sound(session, serial, output, given * G_USEC_PER_SEC / SAC_AUDIO_RATE);
  return PLAYED;
}

/* Waits until there is something to be heard, or, where the server is gone, until it is time to look for it again. */
static void
wait_for_work(SacPlayerSession *session, gboolean can_retry, gint64 retry_at)
{
  g_mutex_lock(&session->lock);
  while (!g_cancellable_is_cancelled(session->stop) && !(session->waiting_since && sac_player_sound_leads(session))) {
    const gboolean misses = can_retry && session->sound_lost && session->clock_since && session->rate > 0;

    if (misses && g_get_monotonic_time() >= retry_at)
      break;
    if (misses)
      g_cond_wait_until(&session->changed, &session->lock, retry_at);
    else
      g_cond_wait(&session->changed, &session->lock);
  }
  g_mutex_unlock(&session->lock);
}

/* The clock goes on alone. */
static void
lose_sound(SacPlayerSession *session)
{
  g_mutex_lock(&session->lock);
  session->sound_lost = TRUE;
  session->waiting_since = 0;
  sac_player_clock_start(session);
  g_cond_broadcast(&session->changed);
  g_mutex_unlock(&session->lock);
}

/* Is there something to be heard? joins: receives whether the clock runs without it. */
static gboolean
is_needed(SacPlayerSession *session, gboolean *joins)
{
  g_mutex_lock(&session->lock);
  session->sound_lost = FALSE;
  *joins = session->clock_since != 0;
  const gboolean needed =
      sac_player_sound_leads(session) && !session->sound_ended && (*joins || session->waiting_since);
  g_mutex_unlock(&session->lock);
  return needed;
}

/* Plays until something else is wanted. FALSE: the server is gone. */
static gboolean
play_in_step(SacPlayerSession *session, SacAudioTrack *track, SacAudioOutput *output)
{
  gint64 lead_us = LEAD_US;
  gboolean joins;

  for (int tries = 0; is_needed(session, &joins); tries++) {
    /* A server that never gets into step has the clock wait for it. */
    if (joins && tries == JOIN_TRIES) {
      g_mutex_lock(&session->lock);
      sac_player_clock_stop(session);
      sac_player_clock_start(session);
      joins = session->clock_since != 0;
      g_mutex_unlock(&session->lock);
    }
    const Outcome outcome = play_sound(session, track, output, joins, &lead_us);
    if (outcome != OUT_OF_STEP)
      return outcome == PLAYED;
  }
  return TRUE;
}

static SacAudioTrack *
open_track(SacPlayerSession *session)
{
  g_mutex_lock(&session->lock);
  const int stream = session->tracks.audio_stream;
  g_mutex_unlock(&session->lock);
  return sac_audio_track_new_for(session->path, stream, session->stop, NULL);
}

static gboolean
is_other_track_wanted(SacPlayerSession *session, SacAudioTrack *track)
{
  g_mutex_lock(&session->lock);
  const int stream = session->tracks.audio_stream;
  g_mutex_unlock(&session->lock);
  return !track || sac_audio_track_get_stream(track) != stream;
}

gpointer
sac_player_sound_thread(gpointer data)
{
  SacPlayerSession *session = data;
  SacAudioTrack *track = open_track(session);
  /* Connected before it is needed, so that play begins at once. */
  SacAudioOutput *output = track ? sac_audio_output_new() : NULL;
  gint64 retry_at = 0;

  for (;;) {
    wait_for_work(session, track != NULL, retry_at);
    if (g_cancellable_is_cancelled(session->stop))
      break;
    if (is_other_track_wanted(session, track)) {
      sac_audio_track_free(track);
      track = open_track(session);
    }
    if (track && !output)
      output = sac_audio_output_new();
    if (!track || !output) {
      retry_at = g_get_monotonic_time() + RETRY_US;
      lose_sound(session);
      continue;
    }
    if (!play_in_step(session, track, output)) {
      /* A device that was pulled out may already have another in its place. */
      retry_at = g_get_monotonic_time() + RETRY_US / 10;
      g_clear_pointer(&output, sac_audio_output_free);
      lose_sound(session);
    }
  }
  sac_audio_output_free(output);
  sac_audio_track_free(track);
  sac_player_session_unref(session);
  return NULL;
}
