/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-player.h"

#include <math.h>

#include "core/media/sac-player-session-private.h"

#define LOWEST_RATE 0.25
#define HIGHEST_RATE 8.0

struct _SacPlayer {
  GObject parent;
  SacPlayerSession *session; /* NULL: nothing is open */
  char *path;
  gboolean playing, muted;
  double rate, volume;
  int max_width, max_height;
  gboolean wants_planes;
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
  N_PROPS
};
static GParamSpec *properties[N_PROPS];

enum { FRAME, ENDED, ERROR, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
set_playing(SacPlayer *player, gboolean playing)
{
  if (player->playing == playing)
    return;
  player->playing = playing;
  g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_PLAYING]);
}

static void
on_report(SacPlayerEvent event, const GError *error, gpointer data)
{
  g_autoptr(SacPlayer) player = g_object_ref(data);

  switch (event) {
  case SAC_PLAYER_OPENED:
    g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_DURATION]);
    g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_HAS_AUDIO]);
    g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_HAS_VIDEO]);
    break;
  case SAC_PLAYER_FRAME:
    g_signal_emit(player, signals[FRAME], 0);
    g_object_notify_by_pspec(G_OBJECT(player), properties[PROP_POSITION]);
    break;
  case SAC_PLAYER_ENDED:
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
  volume = CLAMP(volume, 0, 1);
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
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void
sac_player_finalize(GObject *object)
{
  SacPlayer *player = SAC_PLAYER(object);

  sac_player_session_close(player->session);
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
  properties[PROP_VOLUME] = g_param_spec_double("volume", NULL, NULL, 0, 1, 1, writable);
  properties[PROP_MUTED] = g_param_spec_boolean("muted", NULL, NULL, FALSE, writable);
  properties[PROP_HAS_AUDIO] = g_param_spec_boolean("has-audio", NULL, NULL, FALSE, readable);
  properties[PROP_HAS_VIDEO] = g_param_spec_boolean("has-video", NULL, NULL, FALSE, readable);
  g_object_class_install_properties(object, N_PROPS, properties);
  signals[FRAME] = g_signal_new("frame", SAC_TYPE_PLAYER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[ENDED] = g_signal_new("ended", SAC_TYPE_PLAYER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[ERROR] =
      g_signal_new("error", SAC_TYPE_PLAYER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
sac_player_init(SacPlayer *player)
{
  player->rate = player->volume = 1;
}
