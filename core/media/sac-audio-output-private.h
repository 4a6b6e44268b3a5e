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
/* Blocks until the server has taken n_frames. FALSE: the server is gone. */
gboolean sac_audio_output_write(SacAudioOutput *output, const float *samples, gsize n_frames);
/* Nothing more is written: what there is, is heard, however little. */
void sac_audio_output_end(SacAudioOutput *output);
/* Drops what is not heard yet and lets the device rest. */
void sac_audio_output_stop(SacAudioOutput *output);
/* How much of what was written since the start has left the loudspeaker, in microseconds, by the server's own clock; 0 until it has
   begun. In a gap, where the writer was late, it stands still. */
gint64 sac_audio_output_get_heard(SacAudioOutput *output);
