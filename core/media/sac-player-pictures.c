/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-player-pictures-private.h"

#include "core/media/sac-audio-track-private.h"
#include "core/media/sac-probe.h"
#include "core/media/sac-track-private.h"

/*
 * The picture thread: decodes, converts what is shown, and keeps what it decoded around the playhead.
 *
 * A seek is answered from the cache where it can be. A glance (a fast seek) shows the key frame before the place and, when the
 * pointer rests, the very frame. An exact seek decodes from the key frame, or from where the decoder already is, and leaves out what
 * no other picture needs until shortly before its goal. While nothing is asked, the frames before the shown one are decoded again, so
 * that they are there when somebody steps back.
 */

/* A picture of more planes than an 8K one's is scaled here. */
#define MOST_PLANE_BYTES (128 << 20)
/* Before the goal of an exact seek, so long or so many frames are whole: a few steps back are then free. */
#define WHOLE_US 400000
#define WHOLE_FRAMES 4
/* Decoding on over so little is no slower than seeking, whatever lies between. */
#define NEAR_US 300000
/* The pointer rests; so does the hand that steps. */
#define POINTER_RESTS_US 40000
#define HAND_RESTS_US 80000
/* So many frames before the shown one are kept ready. */
#define READY_FRAMES 12

/* Under the lock. */
static gboolean
is_anything_wanted(const SacPlayerSession *session)
{
  return session->seek_wanted || session->steps || (session->playing && !session->scrubbing) ||
         g_cancellable_is_cancelled(session->stop);
}

gboolean
sac_pictures_interrupted(const SacPictures *pictures)
{
  SacPlayerSession *session = pictures->session;

  g_mutex_lock(&session->lock);
  const gboolean wanted =
      pictures->idle ? is_anything_wanted(session) : session->seek_wanted || g_cancellable_is_cancelled(session->stop);
  g_mutex_unlock(&session->lock);
  return wanted;
}

/* ---- Showing ------------------------------------------------------------------------------------------------------------ */

static SacFrame *
convert(SacPictures *pictures, AVFrame *picture, gint64 time, gint64 duration)
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
                                                           .is_quick = TRUE,
                                                           .max_plane_bytes = planes ? MOST_PLANE_BYTES : 0,
                                                           .as_stored = planes });
    pictures->max_width = width;
    pictures->max_height = height;
    pictures->gives_planes = planes;
  }
  return sac_converter_convert(pictures->converter, pictures->decoder->stream, picture, time, duration, NULL);
}

void
sac_pictures_show(SacPictures *pictures, SacFrame *frame)
{
  SacPlayerSession *session = pictures->session;

  if (!frame)
    return;
  pictures->shown_time = pictures->cursor = frame->time_us;
  pictures->shown_duration = frame->duration_us;
  pictures->shown_at = g_get_monotonic_time();
  pictures->glanced = FALSE;
  g_mutex_lock(&session->lock);
  g_clear_pointer(&session->frame, sac_frame_unref);
  session->frame = frame;
  sac_player_tell_frame(session);
  g_mutex_unlock(&session->lock);
}

SacFrame *
sac_pictures_make_frame(SacPictures *pictures, gint64 time)
{
  const SacCachedPicture *cached = sac_picture_cache_at(&pictures->cache, time);

  if (cached)
    return convert(pictures, cached->picture, time, cached->duration_us);
  if (pictures->last && pictures->last_time == time)
    return convert(pictures, pictures->last, time, pictures->last_duration);
  return NULL;
}

static void
show_at(SacPictures *pictures, gint64 time)
{
  sac_pictures_show(pictures, sac_pictures_make_frame(pictures, time));
  pictures->cursor = time;
}

/* ---- Decoding ----------------------------------------------------------------------------------------------------------- */

static void
lose_place(SacPictures *pictures)
{
  av_frame_free(&pictures->last);
  pictures->last_time = pictures->last_after = NOWHERE;
  pictures->in_order = FALSE;
}

/* What is not needed until shortly before a time is not decoded. */
static void
skip_before(SacPictures *pictures, gint64 time)
{
  const AVRational rate = pictures->decoder->stream->avg_frame_rate;
  const gint64 some_frames = rate.num > 0 ? av_rescale(WHOLE_FRAMES * G_USEC_PER_SEC, rate.den, rate.num) : 0;
  const gint64 from = time - MAX(WHOLE_US, some_frames);

  if (pictures->decoder->discard == AVDISCARD_DEFAULT && from > MAX(pictures->last_time, 0)) {
    pictures->whole_from = from;
    sac_decoder_skip_before(pictures->decoder, from);
  }
}

/* To the key frame at or before a time. */
gboolean
sac_pictures_seek(SacPictures *pictures, gint64 time, gboolean skip)
{
  lose_place(pictures);
  pictures->decoder->discard = AVDISCARD_DEFAULT;
  if (!sac_decoder_seek(pictures->decoder, time, NULL))
    return FALSE;
  pictures->in_order = TRUE;
  pictures->whole_from = 0;
  if (skip)
    skip_before(pictures, time);
  return TRUE;
}

gboolean
sac_pictures_decode_on(SacPictures *pictures)
{
  const gint64 before = pictures->last_time;
  gint64 time, duration;
  AVFrame *picture = sac_decoder_next(pictures->decoder, &time, &duration, NULL);

  if (!picture) {
    if (before != NOWHERE && before >= pictures->whole_from)
      sac_picture_cache_link(&pictures->cache, before, SAC_FOLLOWED_BY_END);
    return FALSE;
  }
  /* Whatever a file says, time goes on from one frame to the next. */
  if (before != NOWHERE)
    time = MAX(time, before + 1);
  av_frame_free(&pictures->last);
  pictures->last = picture;
  pictures->last_time = time;
  pictures->last_duration = duration;
  pictures->last_after = before;
  if (time >= pictures->whole_from) {
    AVFrame *kept = av_frame_clone(picture);

    if (kept)
      sac_picture_cache_add(&pictures->cache, kept, time, duration);
    if (before != NOWHERE && before >= pictures->whole_from)
      sac_picture_cache_link(&pictures->cache, before, time);
  }
  return TRUE;
}

/* Is decoding on the shortest way to a time? */
static gboolean
is_ahead(const SacPictures *pictures, gint64 time)
{
  return pictures->in_order && pictures->last && pictures->last_time <= time && !pictures->decoder->ended &&
         (time - pictures->last_time < NEAR_US ||
          sac_decoder_has_no_key_between(pictures->decoder, pictures->last_time, time));
}

/* Brings the decoder to a frame, so that what follows it is next, or past it where it cannot be met. FALSE: interrupted, or it ends
   before. */
static gboolean
reach(SacPictures *pictures, gint64 time)
{
  if (is_ahead(pictures, time))
    skip_before(pictures, time);
  else if (!sac_pictures_seek(pictures, time, TRUE))
    return FALSE;
  while (pictures->last_time < time)
    if (sac_pictures_interrupted(pictures) || !sac_pictures_decode_on(pictures))
      return FALSE;
  return TRUE;
}

gboolean
sac_pictures_find_following(SacPictures *pictures, gint64 *time)
{
  const SacCachedPicture *here = sac_picture_cache_at(&pictures->cache, pictures->cursor);

  if (pictures->last && pictures->last_after == pictures->cursor && pictures->last_after != NOWHERE) {
    *time = pictures->last_time;
    return TRUE;
  }
  if (here && here->next_us == SAC_FOLLOWED_BY_END)
    return FALSE;
  if (here && here->next_us != SAC_FOLLOWED_BY_UNKNOWN && sac_picture_cache_at(&pictures->cache, here->next_us)) {
    *time = here->next_us;
    return TRUE;
  }
  if (!reach(pictures, pictures->cursor) ||
      (pictures->last_time == pictures->cursor && !sac_pictures_decode_on(pictures)))
    return FALSE;
  *time = pictures->last_time;
  return TRUE;
}

/* ---- Seeking ------------------------------------------------------------------------------------------------------------ */

/* Decodes up to the frame that is shown at a time, and shows it; where something else is wanted first, as far as it came. FALSE: it
   may be one of those that were left out. */
static gboolean
decode_to(SacPictures *pictures, gint64 time, gboolean skip)
{
  AVFrame *held = NULL;
  gint64 held_time = NOWHERE, held_duration = 0;
  gboolean stopped = FALSE;

  if (skip && is_ahead(pictures, time))
    held = av_frame_clone(pictures->last);
  else if (!sac_pictures_seek(pictures, time, skip))
    return TRUE;
  if (held) {
    held_time = pictures->last_time;
    held_duration = pictures->last_duration;
    skip_before(pictures, time);
  }
  while (!stopped && sac_pictures_decode_on(pictures)) {
    if (held && pictures->last_time > time)
      break;
    av_frame_free(&held);
    held = av_frame_clone(pictures->last);
    held_time = pictures->last_time;
    held_duration = pictures->last_duration;
    stopped = sac_pictures_interrupted(pictures);
  }
  const gboolean certain = stopped || pictures->whole_from == 0 || held_time >= pictures->whole_from;
  if (held && certain && !(stopped && pictures->idle))
    sac_pictures_show(pictures, convert(pictures, held, held_time, held_duration));
  av_frame_free(&held);
  return certain;
}

void
sac_pictures_find_frame(SacPictures *pictures, gint64 time)
{
  const SacCachedPicture *hit = sac_picture_cache_shown(&pictures->cache, time);

  sac_picture_cache_set_centre(&pictures->cache, time, 0);
  if (hit)
    show_at(pictures, hit->time_us);
  else if (!decode_to(pictures, time, TRUE))
    decode_to(pictures, time, FALSE);
}

/* Shows the frame if it is kept, else the key frame before it. */
static void
glance(SacPictures *pictures, gint64 time)
{
  const SacCachedPicture *hit = sac_picture_cache_shown(&pictures->cache, time);
  gint64 key = NOWHERE, duration;

  if (hit) {
    show_at(pictures, hit->time_us);
    return;
  }
  lose_place(pictures);
  if (sac_decoder_find_key(pictures->decoder, time, &key)) {
    if (!sac_picture_cache_at(&pictures->cache, key) &&
        (pictures->last = sac_decoder_take_key(pictures->decoder, &key, &duration))) {
      AVFrame *kept = av_frame_clone(pictures->last);

      pictures->last_time = key;
      pictures->last_duration = duration;
      if (kept)
        sac_picture_cache_add(&pictures->cache, kept, key, duration);
    }
    if (key != pictures->shown_time)
      show_at(pictures, key);
  }
  if (pictures->shown_time != key && sac_pictures_seek(pictures, time, FALSE) && sac_pictures_decode_on(pictures))
    show_at(pictures, pictures->last_time);
  pictures->glanced = TRUE;
}

static void
do_seek(SacPictures *pictures)
{
  SacPlayerSession *session = pictures->session;

  g_mutex_lock(&session->lock);
  const gint64 time = session->seek_time;
  const SacSeekMode mode = session->seek_mode;
  session->seek_wanted = FALSE;
  g_mutex_unlock(&session->lock);
  g_queue_clear_full(&pictures->backward, (GDestroyNotify)sac_frame_unref);
  if (mode == SAC_SEEK_FAST)
    glance(pictures, time);
  else
    sac_pictures_find_frame(pictures, time);
  g_mutex_lock(&session->lock);
  const gboolean answered = mode == SAC_SEEK_FAST || !session->seek_wanted;
  if (!session->seek_wanted) {
    session->seeking = FALSE;
    sac_player_clock_start(session);
  }
  /* The picture may be the same as before; the time is another. */
  sac_player_tell_frame(session);
  if (answered)
    sac_player_tell(session, SAC_PLAYER_SOUGHT, NULL, time);
  g_cond_broadcast(&session->changed);
  g_mutex_unlock(&session->lock);
}

/* ---- Steps -------------------------------------------------------------------------------------------------------------- */

static void
end_step(SacPictures *pictures)
{
  SacPlayerSession *session = pictures->session;

  g_mutex_lock(&session->lock);
  if (!session->seek_wanted)
    session->clock_base = MAX(pictures->shown_time, 0);
  sac_player_tell_frame(session);
  g_mutex_unlock(&session->lock);
}

/* FALSE: the neighbour is not kept. */
static gboolean
step_in_cache(SacPictures *pictures, int direction)
{
  const SacCachedPicture *here = sac_picture_cache_at(&pictures->cache, pictures->shown_time), *found;

  found = direction < 0 ? sac_picture_cache_before(&pictures->cache, pictures->shown_time)
          : here        ? sac_picture_cache_at(&pictures->cache, here->next_us)
                        : NULL;
  if (!found)
    return FALSE;
  sac_picture_cache_set_centre(&pictures->cache, found->time_us, direction);
  show_at(pictures, found->time_us);
  end_step(pictures);
  return TRUE;
}

static void
do_step(SacPictures *pictures, int direction)
{
  gint64 following;

  g_queue_clear_full(&pictures->backward, (GDestroyNotify)sac_frame_unref);
  pictures->cursor = pictures->shown_time;
  if (step_in_cache(pictures, direction))
    return;
  sac_picture_cache_set_centre(&pictures->cache, pictures->shown_time, direction);
  if (direction > 0 && sac_pictures_find_following(pictures, &following)) {
    show_at(pictures, following);
  } else if (direction < 0 && pictures->shown_time > 0) {
    const gint64 shown = pictures->shown_time;

    if (sac_pictures_seek(pictures, shown - 1, FALSE))
      while (pictures->last_time < shown && !sac_pictures_interrupted(pictures) && sac_pictures_decode_on(pictures))
        ;
    if (step_in_cache(pictures, direction))
      return;
    if (!sac_pictures_interrupted(pictures))
      sac_pictures_find_frame(pictures, shown - 1);
  }
  end_step(pictures);
}

/* ---- While nothing is asked ----------------------------------------------------------------------------------------------- */

/* TRUE if for so long nothing was wanted. */
static gboolean
rests(SacPlayerSession *session, gint64 duration)
{
  const gint64 end = g_get_monotonic_time() + duration;

  g_mutex_lock(&session->lock);
  while (!is_anything_wanted(session) && g_cond_wait_until(&session->changed, &session->lock, end))
    ;
  const gboolean nothing = !is_anything_wanted(session);
  g_mutex_unlock(&session->lock);
  return nothing;
}

static int
take_step(SacPlayerSession *session)
{
  g_mutex_lock(&session->lock);
  const int step = session->seek_wanted ? 0 : session->steps > 0 ? 1 : session->steps < 0 ? -1 : 0;
  session->steps -= step;
  g_mutex_unlock(&session->lock);
  return step;
}

static void
give_back_step(SacPlayerSession *session, int step)
{
  g_mutex_lock(&session->lock);
  if (!session->seek_wanted)
    session->steps += step;
  g_mutex_unlock(&session->lock);
}

/* Decodes on up to the shown frame; meanwhile steps are answered from what is kept. */
static void
fill_up_to_shown(SacPictures *pictures)
{
  while (pictures->last_time < pictures->shown_time) {
    const int step = take_step(pictures->session);

    if (step && !step_in_cache(pictures, step))
      give_back_step(pictures->session, step);
    if (sac_pictures_interrupted(pictures) || !sac_pictures_decode_on(pictures))
      return;
  }
}

/* Gets ready for steps back and for play: decodes again what lies before the shown frame where little of it is kept, and brings the
   decoder to the last frame that is kept after it. FALSE: all is ready. */
static gboolean
get_ready(SacPictures *pictures)
{
  gint64 start, end = pictures->shown_time;
  const guint before = sac_picture_cache_count_before(&pictures->cache, pictures->shown_time, &start);

  if (pictures->shown_time == NOWHERE || pictures->decoder->stream->nb_frames == 1)
    return FALSE;
  if (before < READY_FRAMES && start > 0 && start != pictures->tried_start) {
    pictures->tried_start = start;
    if (rests(pictures->session, HAND_RESTS_US) && sac_pictures_seek(pictures, start - 1, FALSE))
      fill_up_to_shown(pictures);
    return TRUE;
  }
  for (const SacCachedPicture *here; (here = sac_picture_cache_at(&pictures->cache, end)) && here->next_us > end &&
                                     here->next_us != SAC_FOLLOWED_BY_END;)
    end = here->next_us;
  if (end == pictures->last_time && pictures->in_order)
    return FALSE;
  const SacCachedPicture *last = sac_picture_cache_at(&pictures->cache, end);
  if ((last && last->next_us == SAC_FOLLOWED_BY_END) || end == pictures->tried_end)
    return FALSE;
  pictures->tried_end = end;
  if (rests(pictures->session, HAND_RESTS_US))
    reach(pictures, end);
  return TRUE;
}

static void
be_idle(SacPictures *pictures)
{
  SacPlayerSession *session = pictures->session;
  gboolean busy = TRUE;

  g_mutex_lock(&session->lock);
  const gboolean scrubbing = session->scrubbing;
  const gint64 asked = session->seek_time;
  g_mutex_unlock(&session->lock);
  pictures->idle = TRUE;
  if (pictures->glanced) {
    if (rests(session, POINTER_RESTS_US)) {
      sac_pictures_find_frame(pictures, asked);
      if (!sac_pictures_interrupted(pictures))
        pictures->glanced = FALSE;
    }
  } else {
    busy = !scrubbing && pictures->decoder && get_ready(pictures);
  }
  pictures->idle = FALSE;
  if (busy)
    return;
  g_mutex_lock(&session->lock);
  if (!is_anything_wanted(session))
    g_cond_wait(&session->changed, &session->lock);
  g_mutex_unlock(&session->lock);
}

/* The lists of what else is in the file and beside it. */
static void
list_tracks(const SacPictures *pictures, SacPlayerTracks *tracks)
{
  SacPlayerSession *session = pictures->session;
  AVFormatContext *own = pictures->decoder ? NULL : sac_media_open(session->path, session->stop, NULL);
  const AVStream *video = pictures->decoder ? pictures->decoder->stream : NULL;
  const gint64 origin_us = video && video->start_time != AV_NOPTS_VALUE
                               ? av_rescale_q(video->start_time, video->time_base, AV_TIME_BASE_Q)
                               : 0;

  tracks->audio = g_ptr_array_new_with_free_func((GDestroyNotify)sac_track_unref);
  tracks->subtitles = g_ptr_array_new_with_free_func((GDestroyNotify)sac_track_unref);
  tracks->chapters = g_ptr_array_new_with_free_func((GDestroyNotify)sac_chapter_unref);
  if (pictures->decoder || own)
    sac_tracks_read(own ? own : pictures->decoder->format, origin_us, tracks->audio, tracks->subtitles,
                    tracks->chapters);
  sac_tracks_find_beside(session->path, tracks->subtitles);
  avformat_close_input(&own);
}

static void
open_file(SacPictures *pictures)
{
  SacPlayerSession *session = pictures->session;
  GError *error = NULL;
  SacPlayerTracks tracks = { .duration_us = -1, .audio_stream = -1 };
  g_autoptr(SacAudioTrack) track = NULL;

  pictures->decoder = sac_decoder_new(session->path, FALSE, session->stop, &error);
  if (pictures->decoder) {
    tracks.has_video = TRUE;
    tracks.duration_us = sac_media_duration(pictures->decoder->format, pictures->decoder->stream);
  }
  track = sac_audio_track_new(session->path, session->stop, NULL);
  if (track) {
    tracks.has_audio = TRUE;
    tracks.audio_stream = sac_audio_track_get_stream(track);
    tracks.duration_us = MAX(tracks.duration_us, sac_audio_track_get_duration(track));
    g_clear_error(&error);
  }
  if (!error && tracks.duration_us < 0 && pictures->decoder) {
    g_autoptr(SacMediaInfo) info = sac_probe_file(session->path, NULL);

    tracks.duration_us = info ? info->duration_us : -1;
  }
  if (error) {
    sac_player_tell(session, SAC_PLAYER_ERROR, error, 0);
    g_cancellable_cancel(session->stop);
    return;
  }
  list_tracks(pictures, &tracks);
  g_mutex_lock(&session->lock);
  session->tracks = tracks;
  session->opened = TRUE;
  if (tracks.has_video && !session->seek_wanted) {
    session->seek_wanted = session->seeking = TRUE;
    session->seek_time = 0;
    session->seek_mode = SAC_SEEK_EXACT;
  }
  sac_player_clock_start(session);
  g_mutex_unlock(&session->lock);
  sac_player_tell(session, SAC_PLAYER_OPENED, NULL, 0);
  if (tracks.has_audio)
    g_thread_unref(g_thread_new("player-sound", sac_player_sound_thread, sac_player_session_ref(session)));
}

gpointer
sac_player_picture_thread(gpointer data)
{
  SacPlayerSession *session = data;
  SacPictures pictures = { .session = session,
                           .cursor = NOWHERE,
                           .shown_time = NOWHERE,
                           .last_time = NOWHERE,
                           .last_after = NOWHERE,
                           .tried_start = NOWHERE,
                           .tried_end = NOWHERE,
                           .backward = G_QUEUE_INIT };

  sac_picture_cache_init(&pictures.cache);
  open_file(&pictures);
  while (!g_cancellable_is_cancelled(session->stop)) {
    g_mutex_lock(&session->lock);
    const gboolean wanted = session->seek_wanted,
                   playing = session->playing && !session->seeking && !session->scrubbing;
    const double rate = session->rate;
    g_mutex_unlock(&session->lock);
    const int step = wanted ? 0 : take_step(session);
    if (!wanted && !step && !playing) {
      be_idle(&pictures);
    } else if (!pictures.decoder) {
      sac_player_play_sound_only(session);
    } else if (wanted) {
      do_seek(&pictures);
    } else if (step) {
      do_step(&pictures, step);
    } else if (rate > 0) {
      sac_pictures_play_forward(&pictures);
    } else {
      sac_pictures_play_backward(&pictures);
    }
  }
  g_queue_clear_full(&pictures.backward, (GDestroyNotify)sac_frame_unref);
  sac_picture_cache_finish(&pictures.cache);
  av_frame_free(&pictures.last);
  sac_converter_free(pictures.converter);
  sac_decoder_free(pictures.decoder);
  sac_player_session_unref(session);
  return NULL;
}
