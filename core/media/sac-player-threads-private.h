/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/media/sac-player-session-private.h"

/*
 * What the parts of a session share: sac-player-session.c (what is wanted, and the clock), sac-player-pictures.c
 * (with sac-player-play.c) and sac-player-sound.c (a thread each).
 */

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

  /* The clock: `base` at the monotonic time `since`, going at `rate` and by the part `slew` faster; standing where since is 0. */
  gint64 clock_base, clock_since;
  double clock_slew;
  gint64 waiting_since; /* for the sound to begin; 0: not */
  gboolean sound_lost, sound_ended;

  SacFrame *frame;
};

SacPlayerSession *sac_player_session_ref(SacPlayerSession *session);
void sac_player_session_unref(gpointer session);

/* Tells the main context. Takes the error. */
void sac_player_tell(SacPlayerSession *session, SacPlayerEvent event, GError *error, gint64 time_us);
/* Another picture, or the time went on: at most one is on its way. Under the lock. */
void sac_player_tell_frame(SacPlayerSession *session);

/* The clock, under the lock. */
gint64 sac_player_clock_now(const SacPlayerSession *session);
void sac_player_clock_stop(SacPlayerSession *session);
/* Begins to run, or to wait for the sound. */
void sac_player_clock_start(SacPlayerSession *session);
/* The sound says where it is. */
void sac_player_clock_follow(SacPlayerSession *session, gint64 heard_us);
gboolean sac_player_sound_leads(const SacPlayerSession *session);

/* Each takes a reference to the session. */
gpointer sac_player_picture_thread(gpointer session);
gpointer sac_player_sound_thread(gpointer session);
