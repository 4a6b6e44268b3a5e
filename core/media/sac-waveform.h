/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * The loudness of a file's first audio track over time, for drawing at any zoom: a pyramid of the lowest and highest sample and the root
 * mean square, its finest step 10 ms, each level a quarter of the one below; and of a stretch of seconds the samples themselves.
 *
 * A thread of its own reads the track in pieces, those nearest to where one looks first, and keeps the pyramid in a file, so that the next
 * time it is there at once. "changed" is emitted on the main thread when more of it is known. All functions: main thread, nothing blocks.
 */

G_BEGIN_DECLS

typedef struct {
  float lowest, highest; /* of the samples, mean of all channels, -1…1; lowest > highest: not known yet */
  float rms;             /* 0…1 */
} SacWaveformRange;

#define SAC_TYPE_WAVEFORM (sac_waveform_get_type())
G_DECLARE_FINAL_TYPE(SacWaveform, sac_waveform, SAC, WAVEFORM, GObject)

/* file: where the pyramid is kept; NULL: nowhere. A file that is damaged or of another length is made again. */
SacWaveform *sac_waveform_new(const char *path, const char *file, gint64 duration_us);

/* What is on the screen. When it is short, its samples are read. */
void sac_waveform_look_at(SacWaveform *waveform, gint64 from_us, gint64 to_us);

/* For each of n columns, the first of which begins at from_us and each of which is step_us wide: what sounds in it. Columns narrower than a
 * sample lie on the line that joins two. Takes time by the columns. */
void sac_waveform_measure(SacWaveform *waveform, double from_us, double step_us, guint n, SacWaveformRange *ranges);

/* 0…1: how much of the track is known; 1 too if there is no sound, or none that can be read. */
double sac_waveform_get_progress(SacWaveform *waveform);

G_END_DECLS
