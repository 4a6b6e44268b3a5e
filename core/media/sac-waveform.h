/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * The outline of a file's sound, for the timeline: the largest absolute sample (0…1) of all channels of the first audio track in
 * each stretch of 1/peaks_per_second seconds, beginning at time 0 (the video's first frame). Reading decodes the whole track on
 * a thread of its own.
 */

G_BEGIN_DECLS

typedef struct {
  float *peaks;
  gsize n; /* 0 for a file without sound: that is no error */
  int peaks_per_second;
} SacWaveform;

#define SAC_TYPE_WAVEFORM (sac_waveform_get_type())
GType sac_waveform_get_type(void);
SacWaveform *sac_waveform_copy(const SacWaveform *waveform);
void sac_waveform_free(SacWaveform *waveform); /* NULL is allowed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacWaveform, sac_waveform_free)

/* Blocks until the track is read. peaks_per_second: 1 to 1000. */
SacWaveform *sac_waveform_read(const char *path, int peaks_per_second, GCancellable *cancellable, GError **error);

void sac_waveform_read_async(const char *path, int peaks_per_second, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data);
/* Returns: (transfer full), or NULL with error. */
SacWaveform *sac_waveform_read_finish(GAsyncResult *result, GError **error);

G_END_DECLS
