/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/media/sac-player.h"

/*
 * One open file of a player: the threads that decode its picture and its sound, and the clock that they share.
 *
 * The player's functions set what is wanted under the lock and wake the threads, and so never block; the threads tell the main context
 * what happened through `report`. A session that was closed reports nothing more and goes when its threads have noticed.
 */

typedef struct _SacPlayerSession SacPlayerSession;

typedef enum {
  SAC_PLAYER_OPENED, /* duration and tracks are known */
  SAC_PLAYER_FRAME,  /* another picture, or the time went on */
  SAC_PLAYER_SOUGHT, /* the picture of the seek to time_us is there */
  SAC_PLAYER_ENDED,
  SAC_PLAYER_ERROR,
} SacPlayerEvent;

/* On the main context; error is set for SAC_PLAYER_ERROR and owned by the session. */
typedef void (*SacPlayerReport)(SacPlayerEvent event, const GError *error, gint64 time_us, gpointer data);

typedef struct {
  gint64 duration_us;
  gboolean has_video, has_audio;
  int audio_stream; /* that is heard */
  /* Owned by the session, which never changes them once it has opened; NULL until then. */
  GPtrArray *audio, *subtitles, *chapters; /* of SacTrack, SacTrack, SacChapter */
} SacPlayerTracks;

SacPlayerSession *
sac_player_session_new(const char *path, int max_width, int max_height, SacPlayerReport report, gpointer data);
/* Ends the threads without waiting for them. */
void sac_player_session_close(SacPlayerSession *session);

SacPlayerTracks sac_player_session_get_tracks(SacPlayerSession *session);
gint64 sac_player_session_get_position(SacPlayerSession *session);
SacFrame *sac_player_session_get_frame(SacPlayerSession *session);

void sac_player_session_set_playing(SacPlayerSession *session, gboolean playing);
void sac_player_session_set_rate(SacPlayerSession *session, double rate);
void sac_player_session_set_gain(SacPlayerSession *session, double gain);
void sac_player_session_set_audio_stream(SacPlayerSession *session, int stream);
void sac_player_session_set_max_size(SacPlayerSession *session, int width, int height);
void sac_player_session_set_wants_planes(SacPlayerSession *session, gboolean wants_planes);
void sac_player_session_seek(SacPlayerSession *session, gint64 time_us, SacSeekMode mode);
void sac_player_session_step(SacPlayerSession *session, int direction);
