/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-player.h"

#include <math.h>
#include <string.h>

#include "core/media/sac-player-session-private.h"
#include "core/media/sac-subtitle-reader-private.h"
#include "core/media/sac-track-private.h"

#define LOWEST_RATE 0.25
#define HIGHEST_RATE 8.0
#define HIGHEST_VOLUME 1.5

struct _SacPlayer {
  GObject parent;
  SacPlayerSession *session; /* NULL: nothing is open */
  char *path;
  gboolean playing, muted;
  double rate, volume;
  int max_width, max_height;
  gboolean wants_planes;
  gint64 loop_from, loop_to;  /* loop_from below 0: no loop */
  GPtrArray *subtitle_tracks; /* the file's and those that were added */
  int subtitle_track;
  SacSubtitleReader *reader; /* of that track */
  GPtrArray *subtitles;      /* to be seen now */
  GPtrArray *nothing;        /* an empty list */
};

G_DEFINE_FINAL_TYPE(SacPlayer, sac_player, G_TYPE_OBJECT)

enum {
  PROP_PATH = 1,
  PROP_POSITION,
  PROP_DURATION,
  PROP_PLAYING,
  PROP_RATE,
  PROP_VOLUME,
  PROP_MUTED,
  PROP_HAS_AUDIO,
  PROP_HAS_VIDEO,
  PROP_AUDIO_TRACK,
  PROP_SUBTITLE_TRACK,
  N_PROPS
};
static GParamSpec *properties[N_PROPS];

enum { FRAME, SOUGHT, ENDED, ERROR, TRACKS_CHANGED, SUBTITLES_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
set_playing(SacPlayer *player, gboolean playing)
{
  if (player->playing == playing)
    return;
  player->playing = playing;
  g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_PLAYING]);
}

/* ---- Subtitles ----------------------------------------------------------------------------------------------------------- */

static gboolean
is_same(const GPtrArray *a, const GPtrArray *b)
{
  return a->len == b->len && (!a->len || memcmp(a->pdata, b->pdata, a->len * sizeof *a->pdata) == 0);
}

static void
update_subtitles(gpointer data)
{
  SacPlayer *player = data;
  GPtrArray *now = player->reader ? sac_subtitle_reader_get(player->reader, sac_player_get_position(player))
                                  : g_ptr_array_ref(player->nothing);

  if (is_same(now, player->subtitles)) {
    g_ptr_array_unref(now);
    return;
  }
  g_ptr_array_unref(player->subtitles);
  player->subtitles = now;
  g_signal_emit(player, signals[SUBTITLES_CHANGED], 0);
}

static void
choose_subtitles(SacPlayer *player, int index)
{
  g_clear_pointer(&player->reader, sac_subtitle_reader_free);
  player->subtitle_track = index;
  if (index >= 0)
    player->reader = sac_subtitle_reader_new(player->path, g_ptr_array_index(player->subtitle_tracks, index),
                                             G_CALLBACK(update_subtitles), player);
  update_subtitles(player);
  g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_SUBTITLE_TRACK]);
}

static void
forget_tracks(SacPlayer *player)
{
  g_ptr_array_set_size(player->subtitle_tracks, 0);
  choose_subtitles(player, -1);
}

static void
take_tracks(SacPlayer *player)
{
  GPtrArray *found = sac_player_session_get_tracks(player->session).subtitles;
  int chosen = -1;

  forget_tracks(player);
  for (guint i = 0; i < found->len; i++) {
    SacTrack *track = sac_track_ref(g_ptr_array_index(found, i));

    g_ptr_array_add(player->subtitle_tracks, track);
    /* A file beside the video was put there by somebody. */
    if (track->is_default && (chosen < 0 || track->path))
      chosen = chosen >= 0 && ((SacTrack *)g_ptr_array_index(found, chosen))->path ? chosen : (int)i;
  }
  if (chosen >= 0)
    choose_subtitles(player, chosen);
  g_signal_emit(player, signals[TRACKS_CHANGED], 0);
}

static void
read_track_thread(GTask *task, gpointer source, gpointer path, GCancellable *cancellable)
{
  GError *error = NULL;
  SacTrack *track = sac_track_new_from_file(path, &error);

  if (track)
    g_task_return_pointer(task, track, (GDestroyNotify)sac_track_unref);
  else
    g_task_return_error(task, error);
}

static void
on_track_read(GObject *object, GAsyncResult *result, gpointer session)
{
  SacPlayer *player = SAC_PLAYER(object);
  g_autoptr(GError) error = NULL;
  SacTrack *track = g_task_propagate_pointer(G_TASK(result), &error);

  if (!track) {
    g_signal_emit(player, signals[ERROR], 0, error);
  } else if (player->session != session) {
    sac_track_unref(track); /* another video is open by now */
  } else {
    g_ptr_array_add(player->subtitle_tracks, track);
    choose_subtitles(player, (int)player->subtitle_tracks->len - 1);
    g_signal_emit(player, signals[TRACKS_CHANGED], 0);
  }
}

void
sac_player_add_subtitles(SacPlayer *player, const char *path)
{
  if (!player->session)
    return;
  g_autoptr(GTask) task = g_task_new(player, NULL, on_track_read, player->session);
  g_task_set_task_data(task, g_strdup(path), g_free);
  g_task_run_in_thread(task, read_track_thread);
}

/* ---- What the session tells ------------------------------------------------------------------------------------------------- */

/* From the end of the loop to its beginning. FALSE: not there. */
static gboolean
go_round(SacPlayer *player, gboolean at_end)
{
  if (player->loop_from < 0 || !player->playing || player->rate < 0 ||
      !(at_end || sac_player_get_position(player) >= player->loop_to))
    return FALSE;
  sac_player_seek(player, player->loop_from, SAC_SEEK_EXACT);
  if (at_end)
    sac_player_session_set_playing(player->session, TRUE);
  return TRUE;
}

static void
on_report(SacPlayerEvent event, const GError *error, gint64 time_us, gpointer data)
{
  g_autoptr(SacPlayer) player = g_object_ref(data);

  switch (event) {
  case SAC_PLAYER_OPENED:
    take_tracks(player);
    g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_AUDIO_TRACK]);
    g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_DURATION]);
    g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_HAS_AUDIO]);
    g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_HAS_VIDEO]);
    break;
  case SAC_PLAYER_FRAME:
    g_signal_emit(player, signals[FRAME], 0);
    update_subtitles(player);
    go_round(player, FALSE);
    g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_POSITION]);
    break;
  case SAC_PLAYER_SOUGHT:
    g_signal_emit(player, signals[SOUGHT], 0, time_us);
    break;
  case SAC_PLAYER_ENDED:
    if (go_round(player, TRUE))
      break;
    set_playing(player, FALSE);
    g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_POSITION]);
    g_signal_emit(player, signals[ENDED], 0);
    break;
  case SAC_PLAYER_ERROR:
    set_playing(player, FALSE);
    g_signal_emit(player, signals[ERROR], 0, error);
    break;
  }
}

static void
apply_gain(SacPlayer *player)
{
  /* Loudness goes with the cube of what a slider says. */
  if (player->session)
    sac_player_session_set_gain(player->session, player->muted ? 0 : pow(player->volume, 3));
}

SacPlayer *
sac_player_new(void)
{
  return g_object_new(SAC_TYPE_PLAYER, NULL);
}

static void
notify_all(SacPlayer *player)
{
  for (guint i = 1; i < N_PROPS; i++)
    g_object_notify_by_pspec(G_OBJECT(player), properties[i]);
}

void
sac_player_open(SacPlayer *player, const char *path)
{
  g_autofree char *kept = g_strdup(path);

  sac_player_close(player);
  player->path = g_steal_pointer(&kept);
  player->session = sac_player_session_new(player->path, player->max_width, player->max_height, on_report, player);
  sac_player_session_set_wants_planes(player->session, player->wants_planes);
  sac_player_session_set_rate(player->session, player->rate);
  apply_gain(player);
  notify_all(player);
}

void
sac_player_close(SacPlayer *player)
{
  if (!player->session)
    return;
  g_clear_pointer(&player->session, sac_player_session_close);
  forget_tracks(player);
  g_clear_pointer(&player->path, g_free);
  player->playing = FALSE;
  notify_all(player);
}

void
sac_player_play(SacPlayer *player)
{
  if (!player->session)
    return;
  sac_player_session_set_playing(player->session, TRUE);
  set_playing(player, TRUE);
}

void
sac_player_pause(SacPlayer *player)
{
  if (!player->session)
    return;
  sac_player_session_set_playing(player->session, FALSE);
  set_playing(player, FALSE);
  g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_POSITION]);
}

void
sac_player_seek(SacPlayer *player, gint64 time_us, SacSeekMode mode)
{
  if (!player->session)
    return;
  sac_player_session_seek(player->session, time_us, mode);
  g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_POSITION]);
}

void
sac_player_step(SacPlayer *player, int direction)
{
  if (!player->session)
    return;
  sac_player_session_step(player->session, direction < 0 ? -1 : 1);
  set_playing(player, FALSE);
}

void
sac_player_set_loop(SacPlayer *player, gint64 from_us, gint64 to_us)
{
  player->loop_from = to_us > from_us ? from_us : -1;
  player->loop_to = to_us;
}

void
sac_player_set_max_size(SacPlayer *player, int width, int height)
{
  player->max_width = width;
  player->max_height = height;
  if (player->session)
    sac_player_session_set_max_size(player->session, width, height);
}

void
sac_player_set_wants_planes(SacPlayer *player, gboolean wants_planes)
{
  player->wants_planes = wants_planes;
  if (player->session)
    sac_player_session_set_wants_planes(player->session, wants_planes);
}

SacFrame *
sac_player_get_frame(SacPlayer *player)
{
  return player->session ? sac_player_session_get_frame(player->session) : NULL;
}

const char *
sac_player_get_path(SacPlayer *player)
{
  return player->path;
}

gint64
sac_player_get_position(SacPlayer *player)
{
  return player->session ? sac_player_session_get_position(player->session) : 0;
}

gint64
sac_player_get_duration(SacPlayer *player)
{
  return player->session ? sac_player_session_get_tracks(player->session).duration_us : -1;
}

gboolean
sac_player_get_playing(SacPlayer *player)
{
  return player->playing;
}

double
sac_player_get_rate(SacPlayer *player)
{
  return player->rate;
}

void
sac_player_set_rate(SacPlayer *player, double rate)
{
  const double clamped = copysign(CLAMP(fabs(rate), LOWEST_RATE, HIGHEST_RATE), rate);

  if (!(fabs(rate) > 0) || clamped == player->rate)
    return;
  player->rate = clamped;
  if (player->session)
    sac_player_session_set_rate(player->session, clamped);
  g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_RATE]);
}

double
sac_player_get_volume(SacPlayer *player)
{
  return player->volume;
}

void
sac_player_set_volume(SacPlayer *player, double volume)
{
  volume = CLAMP(volume, 0, HIGHEST_VOLUME);
  if (volume == player->volume)
    return;
  player->volume = volume;
  apply_gain(player);
  g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_VOLUME]);
}

gboolean
sac_player_get_muted(SacPlayer *player)
{
  return player->muted;
}

void
sac_player_set_muted(SacPlayer *player, gboolean muted)
{
  muted = !!muted;
  if (muted == player->muted)
    return;
  player->muted = muted;
  apply_gain(player);
  g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_MUTED]);
}

GPtrArray *
sac_player_get_audio_tracks(SacPlayer *player)
{
  GPtrArray *found = player->session ? sac_player_session_get_tracks(player->session).audio : NULL;

  return found ? found : player->nothing;
}

GPtrArray *
sac_player_get_subtitle_tracks(SacPlayer *player)
{
  return player->subtitle_tracks;
}

GPtrArray *
sac_player_get_chapters(SacPlayer *player)
{
  GPtrArray *found = player->session ? sac_player_session_get_tracks(player->session).chapters : NULL;

  return found ? found : player->nothing;
}

int
sac_player_get_audio_track(SacPlayer *player)
{
  GPtrArray *list = sac_player_get_audio_tracks(player);
  const int stream = list->len ? sac_player_session_get_tracks(player->session).audio_stream : -1;

  for (guint i = 0; i < list->len; i++)
    if (((SacTrack *)g_ptr_array_index(list, i))->stream == stream)
      return (int)i;
  return -1;
}

void
sac_player_set_audio_track(SacPlayer *player, int index)
{
  GPtrArray *list = sac_player_get_audio_tracks(player);

  if (index < 0 || index >= (int)list->len)
    return;
  sac_player_session_set_audio_stream(player->session, ((SacTrack *)g_ptr_array_index(list, index))->stream);
  g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_AUDIO_TRACK]);
}

int
sac_player_get_subtitle_track(SacPlayer *player)
{
  return player->subtitle_track;
}

void
sac_player_set_subtitle_track(SacPlayer *player, int index)
{
  if (index < (int)player->subtitle_tracks->len && index != player->subtitle_track)
    choose_subtitles(player, MAX(index, -1));
}

GPtrArray *
sac_player_get_subtitles(SacPlayer *player)
{
  return player->subtitles;
}

static void
sac_player_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  SacPlayer *player = SAC_PLAYER(object);

  switch (id) {
  case PROP_PATH:
    g_value_set_string(value, player->path);
    break;
  case PROP_POSITION:
    g_value_set_int64(value, sac_player_get_position(player));
    break;
  case PROP_DURATION:
    g_value_set_int64(value, sac_player_get_duration(player));
    break;
  case PROP_PLAYING:
    g_value_set_boolean(value, player->playing);
    break;
  case PROP_RATE:
    g_value_set_double(value, player->rate);
    break;
  case PROP_VOLUME:
    g_value_set_double(value, player->volume);
    break;
  case PROP_MUTED:
    g_value_set_boolean(value, player->muted);
    break;
  case PROP_HAS_AUDIO:
    g_value_set_boolean(value, player->session && sac_player_session_get_tracks(player->session).has_audio);
    break;
  case PROP_HAS_VIDEO:
    g_value_set_boolean(value, player->session && sac_player_session_get_tracks(player->session).has_video);
    break;
  case PROP_AUDIO_TRACK:
    g_value_set_int(value, sac_player_get_audio_track(player));
    break;
  case PROP_SUBTITLE_TRACK:
    g_value_set_int(value, player->subtitle_track);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void
sac_player_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  SacPlayer *player = SAC_PLAYER(object);

  switch (id) {
  case PROP_RATE:
    sac_player_set_rate(player, g_value_get_double(value));
    break;
  case PROP_VOLUME:
    sac_player_set_volume(player, g_value_get_double(value));
    break;
  case PROP_MUTED:
    sac_player_set_muted(player, g_value_get_boolean(value));
    break;
  case PROP_AUDIO_TRACK:
    sac_player_set_audio_track(player, g_value_get_int(value));
    break;
  case PROP_SUBTITLE_TRACK:
    sac_player_set_subtitle_track(player, g_value_get_int(value));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void
sac_player_finalize(GObject *object)
{
  SacPlayer *player = SAC_PLAYER(object);

  sac_player_session_close(player->session);
  sac_subtitle_reader_free(player->reader);
  g_ptr_array_unref(player->subtitles);
  g_ptr_array_unref(player->nothing);
  g_ptr_array_unref(player->subtitle_tracks);
  g_free(player->path);
  G_OBJECT_CLASS(sac_player_parent_class)->finalize(object);
}

static void
sac_player_class_init(SacPlayerClass *class)
{
  GObjectClass *object = G_OBJECT_CLASS(class);
  const GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS,
                    writable = readable | G_PARAM_WRITABLE | G_PARAM_EXPLICIT_NOTIFY;

  object->get_property = sac_player_get_property;
  object->set_property = sac_player_set_property;
  object->finalize = sac_player_finalize;
  properties[PROP_PATH] = g_param_spec_string("path", NULL, NULL, NULL, readable);
  properties[PROP_POSITION] = g_param_spec_int64("position", NULL, NULL, 0, G_MAXINT64, 0, readable);
  properties[PROP_DURATION] = g_param_spec_int64("duration", NULL, NULL, -1, G_MAXINT64, -1, readable);
  properties[PROP_PLAYING] = g_param_spec_boolean("playing", NULL, NULL, FALSE, readable);
  properties[PROP_RATE] = g_param_spec_double("rate", NULL, NULL, -HIGHEST_RATE, HIGHEST_RATE, 1, writable);
  properties[PROP_VOLUME] = g_param_spec_double("volume", NULL, NULL, 0, HIGHEST_VOLUME, 1, writable);
  properties[PROP_MUTED] = g_param_spec_boolean("muted", NULL, NULL, FALSE, writable);
  properties[PROP_HAS_AUDIO] = g_param_spec_boolean("has-audio", NULL, NULL, FALSE, readable);
  properties[PROP_HAS_VIDEO] = g_param_spec_boolean("has-video", NULL, NULL, FALSE, readable);
  properties[PROP_AUDIO_TRACK] = g_param_spec_int("audio-track", NULL, NULL, -1, G_MAXINT, -1, writable);
  properties[PROP_SUBTITLE_TRACK] = g_param_spec_int("subtitle-track", NULL, NULL, -1, G_MAXINT, -1, writable);
  g_object_class_install_properties(object, N_PROPS, properties);
  signals[TRACKS_CHANGED] =
      g_signal_new("tracks-changed", SAC_TYPE_PLAYER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SUBTITLES_CHANGED] =
      g_signal_new("subtitles-changed", SAC_TYPE_PLAYER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[FRAME] = g_signal_new("frame", SAC_TYPE_PLAYER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SOUGHT] =
      g_signal_new("sought", SAC_TYPE_PLAYER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_INT64);
  signals[ENDED] = g_signal_new("ended", SAC_TYPE_PLAYER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[ERROR] =
      g_signal_new("error", SAC_TYPE_PLAYER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
sac_player_init(SacPlayer *player)
{
  player->rate = player->volume = 1;
  player->loop_from = -1;
  player->subtitle_track = -1;
  player->subtitle_tracks = g_ptr_array_new_with_free_func((GDestroyNotify)sac_track_unref);
  player->nothing = g_ptr_array_new();
  player->subtitles = g_ptr_array_ref(player->nothing);
}
