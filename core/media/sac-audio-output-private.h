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
/* Blocks until the server has taken n_frames. FALSE: the server is gone. */
gboolean sac_audio_output_write(SacAudioOutput *output, const float *samples, gsize n_frames);
/* How long it will be until what was written last is heard. */
gint64 sac_audio_output_get_latency(SacAudioOutput *output);
/* Drops what is not heard yet. */
void sac_audio_output_flush(SacAudioOutput *output);
