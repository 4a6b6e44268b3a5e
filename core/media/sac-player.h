/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/media/sac-frame.h"
#include "core/media/sac-track.h"

/*
 * Plays a file: pictures to whoever shows them, sound to the sound server.
 *
 *     picture thread ──► the frame that is due ──► "frame", on the main context
 *     sound thread ────► sound server, whose clock is the master
 *
 * A sound server that goes away is looked for once a second: until it is back, the player goes on in silence.
 *
 * Each thread reads the file through an opening of its own, so neither waits for the other. Without sound (no track, no server,
 * backward play; muting does not count) a monotonic clock leads. A picture that is late is dropped; the sound is never stretched to wait
 * for one.
 *
 * All functions are called from the main thread and none blocks; signals come on the main context that sac_player_new() was called
 * in. Times are microseconds from the video's first frame.
 *
 * Properties: "path", "position" (notified at most once a frame), "duration" (-1 unknown), "playing", "rate" (0.25…8, below zero:
 * backward, without sound), "volume" (0…1.5: above 1 louder than the file, bent and never cut off), "muted", "has-audio", "has-video", "audio-track" and
 * "subtitle-track" (places in their lists; -1: none).
 * Signals: "tracks-changed" (the lists of tracks and chapters), "subtitles-changed" (those to be seen now), "frame" (a new picture is ready), "sought" (gint64: the picture of the seek to that time is there; those before it that were
 * left out are answered too), "ended", "error" (GError *: it could not be opened, or it breaks off while it plays).
 */

G_BEGIN_DECLS

#define SAC_TYPE_PLAYER (sac_player_get_type())
G_DECLARE_FINAL_TYPE(SacPlayer, sac_player, SAC, PLAYER, GObject)

typedef enum {
  SAC_SEEK_EXACT, /* the frame that is shown at the time */
  SAC_SEEK_FAST, /* while a pointer is dragged: what is kept or the key frame before it at once, the frame itself when the pointer rests;
                     follow with an exact one */
} SacSeekMode;

SacPlayer *sac_player_new(void);

/* Opens paused on the first frame; what was open is closed. A failure comes as "error". */
void sac_player_open(SacPlayer *player, const char *path);
void sac_player_close(SacPlayer *player);

void sac_player_play(SacPlayer *player);
void sac_player_pause(SacPlayer *player);
/* Seeks that come faster than they can be shown are left out but for the last. */
void sac_player_seek(SacPlayer *player, gint64 time_us, SacSeekMode mode);
/* Pauses and shows the next (1) or the previous (-1) frame. */
void sac_player_step(SacPlayer *player, int direction);

/* Plays from one time to the other again and again, once play has come to it; from_us below 0: no more. */
void sac_player_set_loop(SacPlayer *player, gint64 from_us, gint64 to_us);

/* Pictures are scaled to fit; 0: as large as displayed. */
void sac_player_set_max_size(SacPlayer *player, int width, int height);
/* Where the picture has a layout of SacFrame's, it is given as it is stored: neither coloured, scaled nor turned. For whoever has a GPU to
 * do that. Backward play, interlaced pictures and other layouts stay RGBA. FALSE at first; counts from the next picture on. */
void sac_player_set_wants_planes(SacPlayer *player, gboolean wants_planes);
/* The current picture, RGBA or planes, or NULL. Returns: (transfer full) (nullable) */
SacFrame *sac_player_get_frame(SacPlayer *player);

/* The lists are empty until "duration" is known. (transfer none) (element-type SacTrack, SacTrack, SacChapter) */
GPtrArray *sac_player_get_audio_tracks(SacPlayer *player);
GPtrArray *sac_player_get_subtitle_tracks(SacPlayer *player);
GPtrArray *sac_player_get_chapters(SacPlayer *player);
int sac_player_get_audio_track(SacPlayer *player);
void sac_player_set_audio_track(SacPlayer *player, int index);
/* At first one that lies in a file beside the video, or that the file says is to be seen, else none. */
int sac_player_get_subtitle_track(SacPlayer *player);
void sac_player_set_subtitle_track(SacPlayer *player, int index);
/* Reads a file's subtitles as one more track and chooses it; a file without any comes as "error". */
void sac_player_add_subtitles(SacPlayer *player, const char *path);
/* What is to be seen at the position. (transfer none) (element-type SacSubtitle) */
GPtrArray *sac_player_get_subtitles(SacPlayer *player);

const char *sac_player_get_path(SacPlayer *player);
gint64 sac_player_get_position(SacPlayer *player);
gint64 sac_player_get_duration(SacPlayer *player);
gboolean sac_player_get_playing(SacPlayer *player);
double sac_player_get_rate(SacPlayer *player);
void sac_player_set_rate(SacPlayer *player, double rate);
double sac_player_get_volume(SacPlayer *player);
void sac_player_set_volume(SacPlayer *player, double volume);
gboolean sac_player_get_muted(SacPlayer *player);
void sac_player_set_muted(SacPlayer *player, gboolean muted);

G_END_DECLS
