/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-player-threads-private.h"

#include "core/media/sac-audio-output-private.h"
#include "core/media/sac-audio-track-private.h"

/* What the server still has when the sound has been given to its end is heard within this. */
#define SOUND_END_US 2000000
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
    sac_player_clock_start(session);
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
      sac_player_clock_start(session);
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
      sac_player_clock_start(session);
      g_mutex_unlock(&session->lock);
      return;
    }
    given += (gint64)count;
    const gint64 heard = MIN(sac_audio_output_get_heard(output), given * G_USEC_PER_SEC / SAC_AUDIO_RATE);
    g_mutex_lock(&session->lock);
    /* Until the server has begun to play, nothing is heard. */
    if (session->serial == serial && heard > 0)
      sac_player_clock_follow(session, start + (gint64)((double)heard * rate));
    g_cond_broadcast(&session->changed);
    g_mutex_unlock(&session->lock);
  }
  finish_sound(session, serial, output, given * G_USEC_PER_SEC / SAC_AUDIO_RATE);
}

gpointer
sac_player_sound_thread(gpointer data)
{
  SacPlayerSession *session = data;
  SacAudioTrack *track = sac_audio_track_new(session->path, session->stop, NULL);
  /* Connected before it is needed, so that play begins at once. */
  SacAudioOutput *output = track ? sac_audio_output_new() : NULL;

  for (;;) {
    g_mutex_lock(&session->lock);
    while (!g_cancellable_is_cancelled(session->stop) && !(session->waiting_since && sac_player_sound_leads(session)))
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
      sac_player_clock_start(session);
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
  sac_player_session_unref(session);
  return NULL;
}
