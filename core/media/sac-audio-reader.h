/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * The sound of a file as a continuous run of float samples (-1…1, interleaved) at the rate and number of channels asked for:
 * gaps in the time stamps are filled with silence and overlaps are cut, so sample n is heard at start + n / sample_rate. Times
 * are counted from the video's first frame, as everywhere in core/media.
 *
 * A reader belongs to one thread at a time and blocks while it reads and decodes.
 */

G_BEGIN_DECLS

typedef struct _SacAudioReader SacAudioReader;

/* track: 0 is the first. channels: 1 or 2 (mixed down by FFmpeg's own rules). Returns NULL with the errors of sac_probe_file(); a
 * file without that track is SAC_ERROR_UNSUPPORTED. */
SacAudioReader *sac_audio_reader_new(const char *path, int track, int sample_rate, int channels, GError **error);
void sac_audio_reader_free(SacAudioReader *reader); /* NULL is allowed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacAudioReader, sac_audio_reader_free)

/* The next sample read is the one at time_us exactly (0 after opening). */
gboolean sac_audio_reader_seek(SacAudioReader *reader, gint64 time_us, GError **error);

/* Fills samples [frames, channels] as far as there is sound. Returns how many sample frames were written: fewer than asked only
 * at the end, 0 from then on; -1 with error. */
gssize sac_audio_reader_read(SacAudioReader *reader, float *samples, gsize frames, GError **error);

/* Another thread may call this: a read or seek in progress, and all later ones, end soon with SAC_ERROR_CANCELLED. */
void sac_audio_reader_interrupt(SacAudioReader *reader);

G_END_DECLS
