/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-audio-output-private.h"

#include <pulse/error.h>
#include <pulse/simple.h>

/* What the server holds of us: short, so that a volume is heard at once, and long enough for a busy machine. */
#define BUFFER_MS 120

struct _SacAudioOutput {
  pa_simple *stream;
};

SacAudioOutput *
sac_audio_output_new(void)
{
  const pa_sample_spec spec = { .format = PA_SAMPLE_FLOAT32NE, .rate = SAC_AUDIO_RATE, .channels = SAC_AUDIO_CHANNELS };
  const guint32 bytes = (guint32)(pa_bytes_per_second(&spec) * BUFFER_MS / 1000);
  const pa_buffer_attr buffer = {
    .maxlength = (guint32)-1, .tlength = bytes, .prebuf = bytes / 2, .minreq = (guint32)-1, .fragsize = (guint32)-1
  };
  int reason = 0;
  pa_simple *stream = pa_simple_new(NULL, "Saccade", PA_STREAM_PLAYBACK, NULL, "Video", &spec, NULL, &buffer, &reason);

  if (!stream) {
    g_debug("no sound: %s", pa_strerror(reason));
    return NULL;
  }
  SacAudioOutput *output = g_new0(SacAudioOutput, 1);
  output->stream = stream;
  return output;
}

void
sac_audio_output_free(SacAudioOutput *output)
{
  if (!output)
    return;
  pa_simple_free(output->stream);
  g_free(output);
}

gboolean
sac_audio_output_write(SacAudioOutput *output, const float *samples, gsize n_frames)
{
  return pa_simple_write(output->stream, samples, n_frames * SAC_AUDIO_CHANNELS * sizeof *samples, NULL) >= 0;
}

gint64
sac_audio_output_get_latency(SacAudioOutput *output)
{
  int reason = 0;
  const pa_usec_t latency = pa_simple_get_latency(output->stream, &reason);

  return reason ? 0 : (gint64)MIN(latency, (pa_usec_t)(2 * G_USEC_PER_SEC));
}

void
sac_audio_output_flush(SacAudioOutput *output)
{
  pa_simple_flush(output->stream, NULL);
}

void
sac_audio_output_drain(SacAudioOutput *output)
{
  pa_simple_drain(output->stream, NULL);
}
