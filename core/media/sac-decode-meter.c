/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-decode-meter.h"

#include "core/media/sac-decoder-private.h"

struct _SacDecodeMeter {
  SacDecoder *decoder;
};

SacDecodeMeter *
sac_decode_meter_new(const char *path, GError **error)
{
  SacDecoder *decoder = sac_decoder_new(path, FALSE, NULL, error);

  if (!decoder)
    return NULL;
  SacDecodeMeter *meter = g_new(SacDecodeMeter, 1);
  meter->decoder = decoder;
  return meter;
}

void
sac_decode_meter_free(SacDecodeMeter *meter)
{
  if (!meter)
    return;
  sac_decoder_free(meter->decoder);
  g_free(meter);
}

gboolean
sac_decode_meter_measure(SacDecodeMeter *meter, gint64 time_us, double *seconds, guint *n_frames, GError **error)
{
  const gint64 begin = g_get_monotonic_time();
  gint64 time = -1, duration = 0;
  AVFrame *frame;
  GError *failure = NULL;

  *n_frames = 0;
  if (!sac_decoder_seek(meter->decoder, time_us, error))
    return FALSE;
  while (time + duration <= time_us && (frame = sac_decoder_next(meter->decoder, &time, &duration, &failure))) {
    av_frame_free(&frame);
    ++*n_frames;
  }
  *seconds = (double)(g_get_monotonic_time() - begin) / G_USEC_PER_SEC;
  if (failure)
    g_propagate_error(error, failure);
  return !failure;
}
