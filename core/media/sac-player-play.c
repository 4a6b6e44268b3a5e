/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-player-pictures-private.h"

/* Backward play decodes from a key frame on and keeps at most this many pictures, fewer of a longer stretch. */
#define BACKWARD_FRAMES 64
/* A picture that is later than this is left out, but not for longer than that. */
#define LATE_US 45000
#define LONGEST_GAP_US 250000
/* The clock waits no longer than this for the sound to begin. */
#define SOUND_START_US 1500000
/* After the decoder left out pictures, those that were under way may still have gaps. */
#define SETTLED_US 1000000

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
      const double left = (double)(time - sac_player_clock_now(session)) / session->rate;

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
  const gboolean more_sound = sac_player_sound_leads(session) && !session->sound_ended && session->rate > 0;
  if (!more_sound) {
    sac_player_clock_stop(session);
    if (session->rate > 0 && session->tracks.duration_us > 0)
      session->clock_base = session->tracks.duration_us;
    session->playing = FALSE;
    session->serial++;
    sac_player_tell(session, SAC_PLAYER_ENDED, NULL, 0);
  } else {
    /* The sound is longer than the picture, which stays. */
    sac_player_tell_frame(session);
    g_cond_wait_until(&session->changed, &session->lock, g_get_monotonic_time() + 30000);
  }
  g_mutex_unlock(&session->lock);
}

/* A file that breaks off before its end says so, once. */
static gboolean
is_broken(SacPictures *pictures)
{
  GError *error = NULL;

  if (pictures->told_broken ||
      sac_decoder_check_end(pictures->decoder, pictures->shown_time + pictures->shown_duration, &error))
    return FALSE;
  pictures->told_broken = TRUE;
  if (g_cancellable_is_cancelled(pictures->session->stop)) {
    g_error_free(error);
    return TRUE;
  }
  g_mutex_lock(&pictures->session->lock);
  sac_player_clock_stop(pictures->session);
  pictures->session->playing = FALSE;
  pictures->session->serial++;
  g_mutex_unlock(&pictures->session->lock);
  sac_player_tell(pictures->session, SAC_PLAYER_ERROR, error, 0);
  return TRUE;
}

void
sac_pictures_play_forward(SacPictures *pictures)
{
  SacPlayerSession *session = pictures->session;
  gint64 following;

  g_mutex_lock(&session->lock);
  const gint64 clock = sac_player_clock_now(session);
  const double rate = session->rate;
  g_mutex_unlock(&session->lock);
  g_queue_clear_full(&pictures->backward, (GDestroyNotify)sac_frame_unref);
  if (pictures->cursor == NOWHERE || pictures->glanced) {
    pictures->glanced = FALSE;
    sac_pictures_find_frame(pictures, clock);
    if (pictures->cursor == NOWHERE && !sac_pictures_interrupted(pictures))
      finish_playing(session, session->tracks.duration_us);
    return;
  }
  /* At high speed most pictures cannot be shown: those that no other needs are not even decoded. */
  if (rate > 2) {
    pictures->decoder->discard = AVDISCARD_NONREF;
    pictures->whole_from = G_MAXINT64;
  } else if (pictures->decoder->discard == AVDISCARD_NONREF) {
    pictures->decoder->discard = AVDISCARD_DEFAULT;
    pictures->whole_from = pictures->last_time + SETTLED_US;
  }
  sac_picture_cache_set_centre(&pictures->cache, pictures->cursor, 0);
  if (!sac_pictures_find_following(pictures, &following)) {
    /* The clock does not go beyond the duration, whatever the last picture says. */
    if (!sac_pictures_interrupted(pictures) && !is_broken(pictures))
      finish_playing(session, session->tracks.duration_us > 0 ? session->tracks.duration_us
                                                              : pictures->cursor + MAX(pictures->shown_duration, 1));
    return;
  }
  const gboolean late = clock - following > (gint64)(LATE_US * rate);
  if (late && g_get_monotonic_time() - pictures->shown_at < LONGEST_GAP_US) {
    pictures->cursor = following;
    return;
  }
  SacFrame *frame = sac_pictures_make_frame(pictures, following);
  if (frame && !wait_until(session, following)) {
    sac_frame_unref(frame);
    return;
  }
  sac_pictures_show(pictures, frame);
  pictures->cursor = following;
}

/* Keeps the pictures from the key frame before `end` up to it; of many, every second is given up again and again. */
static void
collect_backward(SacPictures *pictures, gint64 end)
{
  guint stride = 1, index = 0;

  if (!sac_pictures_seek(pictures, MAX(end - 1, 0), FALSE))
    return;
  while (!sac_pictures_interrupted(pictures) && sac_pictures_decode_on(pictures) && pictures->last_time < end) {
    if (index++ % stride != 0)
      continue;
    SacFrame *frame = sac_pictures_make_frame(pictures, pictures->last_time);
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
}

void
sac_pictures_play_backward(SacPictures *pictures)
{
  SacPlayerSession *session = pictures->session;
  const SacCachedPicture *before = NULL;
  SacFrame *frame;

  if (pictures->glanced) {
    pictures->glanced = FALSE;
    g_mutex_lock(&session->lock);
    const gint64 clock = sac_player_clock_now(session);
    g_mutex_unlock(&session->lock);
    sac_pictures_find_frame(pictures, clock);
  }
  sac_picture_cache_set_centre(&pictures->cache, pictures->shown_time, -1);
  if (g_queue_is_empty(&pictures->backward) &&
      (before = sac_picture_cache_before(&pictures->cache, pictures->shown_time))) {
    frame = sac_pictures_make_frame(pictures, before->time_us);
  } else {
    if (g_queue_is_empty(&pictures->backward) && pictures->shown_time > 0) {
      /* Time stands while the pictures before are decoded. */
      g_mutex_lock(&session->lock);
      sac_player_clock_stop(session);
      g_mutex_unlock(&session->lock);
      collect_backward(pictures, pictures->shown_time);
      g_mutex_lock(&session->lock);
      sac_player_clock_start(session);
      g_mutex_unlock(&session->lock);
    }
    frame = g_queue_pop_tail(&pictures->backward);
  }
  if (!frame) {
    if (!sac_pictures_interrupted(pictures))
      finish_playing(session, 0);
    return;
  }
  if (!wait_until(session, frame->time_us + MAX(frame->duration_us, 0))) {
    if (before)
      sac_frame_unref(frame);
    else
      g_queue_push_tail(&pictures->backward, frame);
    return;
  }
  sac_pictures_show(pictures, frame);
}

void
sac_player_play_sound_only(SacPlayerSession *session)
{
  g_mutex_lock(&session->lock);
  if (session->seeking) {
    session->seeking = session->seek_wanted = FALSE;
    sac_player_clock_start(session);
  }
  const gint64 end = session->tracks.duration_us > 0 ? session->tracks.duration_us : G_MAXINT64;
  const gint64 now = sac_player_clock_now(session);
  const gboolean ended = session->playing && (session->rate > 0 ? (session->sound_ended || now >= end) : now <= 0);
  sac_player_tell_frame(session);
  g_mutex_unlock(&session->lock);
  if (ended)
    finish_playing(session, now);
  else
    wait_until(session, CLAMP(now + (session->rate > 0 ? 30000 : -30000), 0, end));
}
