/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* A file's sound from a given time on, at a given speed with its pitch kept, as SAC_AUDIO_CHANNELS floats at SAC_AUDIO_RATE. One thread. */

typedef struct _SacAudioTrack SacAudioTrack;

/* NULL with error: the file has no sound that can be decoded. Times count from the first frame of the picture, where there is one. */
SacAudioTrack *sac_audio_track_new(const char *path, GCancellable *cancellable, GError **error);
/* The same with a stream of its choice, below 0: the one that FFmpeg thinks best. */
SacAudioTrack *sac_audio_track_new_for(const char *path, int stream, GCancellable *cancellable, GError **error);
int sac_audio_track_get_stream(SacAudioTrack *track);
void sac_audio_track_free(SacAudioTrack *track);
gint64 sac_audio_track_get_duration(SacAudioTrack *track);
/* What sac_audio_track_read() gives next is what is heard from time_us on. rate is above 0. */
gboolean sac_audio_track_start(SacAudioTrack *track, gint64 time_us, double rate);
/* At most `capacity` frames; a gap in the file is silence. 0: the end. */
gsize sac_audio_track_read(SacAudioTrack *track, float *samples, gsize capacity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacAudioTrack, sac_audio_track_free)
