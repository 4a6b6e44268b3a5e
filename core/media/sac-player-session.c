/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-player-threads-private.h"

/* The clock and the sound drift apart by less than this; more is a gap. */
#define CLOCK_GAP_US 60000
/* A difference is made good within about so long, by going a little faster or slower, but no more than by this part. */
#define CLOCK_SETTLE_US 500000
#define CLOCK_SLEW 0.04

SacPlayerSession *
sac_player_session_ref(SacPlayerSession *session)
{
  g_atomic_ref_count_inc(&session->references);
  return session;
}

void
sac_player_session_unref(gpointer data)
{
  SacPlayerSession *session = data;

  if (!g_atomic_ref_count_dec(&session->references))
    return;
  g_clear_pointer(&session->frame, sac_frame_unref);
  g_clear_pointer(&session->tracks.audio, g_ptr_array_unref);
  g_clear_pointer(&session->tracks.subtitles, g_ptr_array_unref);
  g_clear_pointer(&session->tracks.chapters, g_ptr_array_unref);
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
  gint64 time_us;
} Message;

static void
message_free(gpointer data)
{
  Message *message = data;

  sac_player_session_unref(message->session);
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
    report(message->event, message->error, message->time_us, session->report_data);
  return G_SOURCE_REMOVE;
}

void
sac_player_tell(SacPlayerSession *session, SacPlayerEvent event, GError *error, gint64 time_us)
{
  Message *message = g_new(Message, 1);
  GSource *source = g_idle_source_new();

  *message = (Message){ sac_player_session_ref(session), event, error, time_us };
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, deliver, message, message_free);
  g_source_attach(source, session->context);
  g_source_unref(source);
}

void
sac_player_tell_frame(SacPlayerSession *session)
{
  if (!session->frame_reported) {
    session->frame_reported = TRUE;
    sac_player_tell(session, SAC_PLAYER_FRAME, NULL, 0);
  }
}

/* ---- The clock, under the lock ---------------------------------------------------------------------------------------- */

gint64
sac_player_clock_now(const SacPlayerSession *session)
{
  gint64 time = session->clock_base;

  if (session->clock_since)
    time +=
        (gint64)((double)(g_get_monotonic_time() - session->clock_since) * session->rate * (1 + session->clock_slew));
  if (session->tracks.duration_us > 0)
    time = MIN(time, session->tracks.duration_us);
  return MAX(time, 0);
}

void
sac_player_clock_stop(SacPlayerSession *session)
{
  session->clock_base = sac_player_clock_now(session);
  session->clock_since = session->waiting_since = 0;
  session->clock_slew = 0;
}

gboolean
sac_player_sound_leads(const SacPlayerSession *session)
{
  return session->tracks.has_audio && session->rate > 0 && !session->sound_lost;
}

void
sac_player_clock_start(SacPlayerSession *session)
{
  if (!session->opened || !session->playing || session->seeking || session->scrubbing || session->clock_since ||
      session->waiting_since)
    return;
  if (sac_player_sound_leads(session) && !session->sound_ended)
    session->waiting_since = g_get_monotonic_time();
  else
    session->clock_since = g_get_monotonic_time();
  g_cond_broadcast(&session->changed);
}

/* The sound says where it is. Two clocks drift apart, and an answer may be off by some milliseconds: the clock goes a little faster or
   slower, so that pictures come evenly. Time never goes back: where the sound is late by a gap, it stands until the sound has come. */
void
sac_player_clock_follow(SacPlayerSession *session, gint64 heard_us)
{
  const gint64 now = sac_player_clock_now(session), ahead = heard_us - now;

  if (ahead < -CLOCK_GAP_US || (!session->clock_since && ahead < 0)) {
    sac_player_clock_stop(session);
    session->waiting_since = g_get_monotonic_time();
    return;
  }
  const gboolean drifts = session->clock_since && ahead < CLOCK_GAP_US;
  session->clock_base = drifts ? now : heard_us;
  session->clock_slew = drifts ? CLAMP((double)ahead / CLOCK_SETTLE_US, -CLOCK_SLEW, CLOCK_SLEW) : 0;
  session->clock_since = g_get_monotonic_time();
  session->waiting_since = 0;
}

static void
discontinuity(SacPlayerSession *session)
{
  sac_player_clock_stop(session);
  session->serial++;
  session->sound_ended = FALSE;
  g_cond_broadcast(&session->changed);
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
  g_thread_unref(g_thread_new("player-picture", sac_player_picture_thread, sac_player_session_ref(session)));
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
  sac_player_session_unref(session);
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
  const gint64 position = sac_player_clock_now(session);
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
    sac_player_clock_start(session);
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
    sac_player_clock_start(session);
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
sac_player_session_set_audio_stream(SacPlayerSession *session, int stream)
{
  g_mutex_lock(&session->lock);
  if (session->tracks.audio_stream != stream) {
    discontinuity(session);
    session->tracks.audio_stream = stream;
    session->sound_lost = FALSE;
    sac_player_clock_start(session);
  }
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
