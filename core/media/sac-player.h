/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/media/sac-frame.h"
#include "core/media/sac-probe.h"

/*
 * Plays one file: pictures as SacFrame, sound to the sound server.
 *
 *   video thread: file → packets → frames → RGBA ──► a few frames ahead ──► main context: "frame" when the clock says so
 *   audio thread: file → packets → samples → tempo ──► sound server, whose heard samples are the clock
 *
 * The two threads read the file independently of each other, so that a badly interleaved file, a seek or playing backward does
 * not make one wait for the other's packets.
 *
 * The clock is what has been heard; without sound (no audio track, playing backward, scrubbing) it is the monotonic clock. A
 * frame that comes too late is dropped, and a decoder that falls behind leaves out frames that no other frame needs.
 *
 * All functions are called on the thread that made the player, none blocks, and signals come on that thread's default main
 * context at the time of making. A call shows its effect in the properties at once ("position" after a seek is the place asked
 * for) and in the picture as soon as it is decoded. What was asked for last wins: any number of seeks in a row cost as
 * many pictures as there is time for.
 *
 * Properties: path, position, duration (int64, µs), playing, rate, volume (0…1, cubic as people hear), muted, has-audio,
 * has-video, ended. position is notified at most once a frame; everything when it changes.
 *
 * Signals:
 *   "opened" ()          the file is known: duration, has-audio and has-video are set. Seeks and play before it are kept.
 *   "frame" ()           sac_player_get_frame() gives a new picture
 *   "seeked" (int64 µs)  the exact frame (or the sound) of the last seek or step is there
 *   "ended" ()           played to the end (or, backward, to the beginning); playing is FALSE, the last frame stays
 *   "error" (GError)     the file cannot be opened or read on; its message names the file. What is shown stays.
 */

G_BEGIN_DECLS

typedef enum {
  SAC_SEEK_EXACT, /* the frame on the screen at that time */
  SAC_SEEK_FAST,  /* the key frame before it at once; the exact frame when no other seek follows within 120 ms */
} SacSeekMode;

#define SAC_PLAYER_MIN_RATE 0.25
#define SAC_PLAYER_MAX_RATE 8.0

#define SAC_TYPE_PLAYER (sac_player_get_type())
G_DECLARE_FINAL_TYPE(SacPlayer, sac_player, SAC, PLAYER, GObject)

SacPlayer *sac_player_new(void);

/* Replaces what was open; paused at time 0 with its first frame. Errors come by "error". */
void sac_player_open(SacPlayer *player, const char *path);
void sac_player_close(SacPlayer *player);

/* At the end, play() begins again at the beginning (backward: at the beginning, from the end). */
void sac_player_play(SacPlayer *player);
void sac_player_pause(SacPlayer *player);

/* time_us is clamped to the file. No sound until 120 ms after the last seek of a row. Playing goes on afterwards if it was on. */
void sac_player_seek(SacPlayer *player, gint64 time_us, SacSeekMode mode);

/* Pauses and moves by so many frames, on or back. Steps asked for faster than they can be shown add up. */
void sac_player_step(SacPlayer *player, int frames);

/* 0.25…8 forward with the pitch kept, -0.25…-8 backward without sound; other values are clamped, 0 is 1. */
void sac_player_set_rate(SacPlayer *player, double rate);
double sac_player_get_rate(SacPlayer *player);
void sac_player_set_volume(SacPlayer *player, double volume);
double sac_player_get_volume(SacPlayer *player);
void sac_player_set_muted(SacPlayer *player, gboolean muted);
gboolean sac_player_get_muted(SacPlayer *player);

/* Pictures are no larger than this (the sides keep their ratio; never enlarged); 0, 0: native size. From the next picture on. */
void sac_player_set_max_size(SacPlayer *player, int width, int height);

/* The picture now shown, RGBA. Returns: (transfer full) (nullable). */
SacFrame *sac_player_get_frame(SacPlayer *player);
/* What is open. Returns: (transfer none) (nullable): NULL until "opened". */
SacMediaInfo *sac_player_get_info(SacPlayer *player);
const char *sac_player_get_path(SacPlayer *player);
gint64 sac_player_get_position(SacPlayer *player);
gint64 sac_player_get_duration(SacPlayer *player);
gboolean sac_player_get_playing(SacPlayer *player);
gboolean sac_player_get_ended(SacPlayer *player);

/* For the preferences' and tests' eyes: pictures dropped since opening, and the last frame's time minus the clock when it was
 * shown, in microseconds (positive: early). */
guint sac_player_get_dropped(SacPlayer *player);
gint64 sac_player_get_offset(SacPlayer *player);

G_END_DECLS
