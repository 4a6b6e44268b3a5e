/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* The loudness of a file's first audio track over time, for drawing. */

G_BEGIN_DECLS

typedef struct {
  gint64 step_us; /* time of one peak */
  gsize n_peaks;
  float peaks[]; /* the largest absolute sample of all channels in each step, 0…1 */
} SacWaveform;

void sac_waveform_free(SacWaveform *waveform);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacWaveform, sac_waveform_free)

/* Reads the whole track in a thread. SAC_ERROR_NOT_FOUND: the file has no sound. */
void sac_waveform_read_async(const char *path, guint peaks_per_second, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data);
/* Returns: (transfer full) */
SacWaveform *sac_waveform_read_finish(GAsyncResult *result, GError **error);
/* The same, blocking. */
SacWaveform *sac_waveform_read(const char *path, guint peaks_per_second, GCancellable *cancellable, GError **error);

G_END_DECLS
