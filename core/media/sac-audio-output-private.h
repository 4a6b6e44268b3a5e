/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/* The sound server: stereo floats at one rate. One thread, which it blocks. */

#define SAC_AUDIO_RATE 48000
#define SAC_AUDIO_CHANNELS 2

typedef struct _SacAudioOutput SacAudioOutput;

/* NULL where there is no server: the caller goes on in silence. */
SacAudioOutput *sac_audio_output_new(void);
void sac_audio_output_free(SacAudioOutput *output);
/* Begins anew: what is written from now on is heard as soon as there is enough of it. */
void sac_audio_output_start(SacAudioOutput *output);
/* Waits until the server takes something, but no longer than that. Returns how many of n_frames it took; below 0: the server is gone,
   or the device and there is no other. */
gssize sac_audio_output_write(SacAudioOutput *output, const float *samples, gsize n_frames, gint64 patience_us);
/* Nothing more is written: what there is, is heard, however little. */
void sac_audio_output_end(SacAudioOutput *output);
/* Drops what is not heard yet and lets the device rest. */
void sac_audio_output_stop(SacAudioOutput *output);
/* How much of what was written since the start has left the loudspeaker, in microseconds, by the server's own clock; 0 until it has
   begun. In a gap, where the writer was late, it stands still. */
gint64 sac_audio_output_get_heard(SacAudioOutput *output);

/* Makes samples louder or softer, going evenly from one gain to the other; where they are made louder than they were, what would be
   cut off is bent instead: below 0.7 nothing changes, and 1 is never reached. */
void sac_audio_amplify(float *samples, gsize n_frames, float from, float to);
