/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

/*
 * Where sound goes: the PulseAudio (or PipeWire) server where there is one, else a silent output that takes samples exactly as
 * fast as a sound card would, by the monotonic clock. To the player both look the same, so it can keep time by either. A
 * server that goes away while playing is replaced by the silent output without a break in the clock.
 *
 * Samples are interleaved stereo floats at 48 kHz. The output holds about SAC_AUDIO_OUTPUT_BUFFER_US of sound.
 *
 * Any thread may call any function; write() blocks until there is room, the others do not wait for the server (open() waits for
 * the connection, at most a second: not for the main thread).
 */

G_BEGIN_DECLS

#define SAC_AUDIO_OUTPUT_RATE 48000
#define SAC_AUDIO_OUTPUT_CHANNELS 2
#define SAC_AUDIO_OUTPUT_BUFFER_US 150000

typedef struct _SacAudioOutput SacAudioOutput;

/* Never fails: without a server it is the silent one. Begins paused. */
SacAudioOutput *sac_audio_output_open(void);
void sac_audio_output_close(SacAudioOutput *output); /* NULL is allowed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacAudioOutput, sac_audio_output_close)

gboolean sac_audio_output_is_silent(SacAudioOutput *output);

void sac_audio_output_set_paused(SacAudioOutput *output, gboolean paused);

/* Takes up to `frames` sample frames, waiting for room while playing or not; returns how many were taken: 0 after flush() or
 * interrupt() by another thread. */
gsize sac_audio_output_write(SacAudioOutput *output, const float *samples, gsize frames);

/* Forgets all that was written and not yet heard, and lets a waiting write() go. get_heard() starts again at 0. */
void sac_audio_output_flush(SacAudioOutput *output);

/* While set, write() takes nothing and does not wait. */
void sac_audio_output_interrupt(SacAudioOutput *output, gboolean interrupted);

/* How many sample frames have been heard since the last flush, between the server's reports by extrapolation; never goes back
 * and is never more than what was written. */
double sac_audio_output_get_heard(SacAudioOutput *output);

G_END_DECLS
