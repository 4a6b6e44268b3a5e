/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-audio-output-private.h"

#include <math.h>
#include <pulse/pulseaudio.h>

/* What lies between us and the ear: short, so that a volume is heard at once, and long enough for a busy machine. */
#define LATENCY_MS 100

/* How often the server is asked where it is, and how old an answer is too old. Between answers the time that has passed is added: the
   library's own interpolation goes on through gaps and pauses and needs seconds to come back. */
#define TIMING_EVERY_US 50000
#define TIMING_STALE_US 2000000

/* PulseAudio's objects live on a thread of its own; each function here takes its lock. */
struct _SacAudioOutput {
  pa_threaded_mainloop *loop;
  pa_context *context;
  pa_stream *stream;
  gint64 start_index; /* bytes that the server had read when the sound was started */
  gboolean asked;     /* where the server is, and not yet told */
  gboolean waited;    /* long enough */
};

static void
wake(SacAudioOutput *output)
{
  pa_threaded_mainloop_signal(output->loop, 0);
}

static void
on_context(pa_context *context, void *output)
{
  wake(output);
}

static void
on_stream(pa_stream *stream, void *output)
{
  wake(output);
}

static void
on_room(pa_stream *stream, size_t bytes, void *output)
{
  wake(output);
}

static void
on_done(pa_stream *stream, int success, void *output)
{
  wake(output);
}

static void
on_timing(pa_stream *stream, int success, void *data)
{
  SacAudioOutput *output = data;

  output->asked = FALSE;
  wake(output);
}

static gboolean
wait_for_context(SacAudioOutput *output)
{
  pa_context_state_t state;

  while (PA_CONTEXT_IS_GOOD(state = pa_context_get_state(output->context)) && state != PA_CONTEXT_READY)
    pa_threaded_mainloop_wait(output->loop);
  return state == PA_CONTEXT_READY;
}

static gboolean
wait_for_stream(SacAudioOutput *output)
{
  pa_stream_state_t state;

  while (PA_STREAM_IS_GOOD(state = pa_stream_get_state(output->stream)) && state != PA_STREAM_READY)
    pa_threaded_mainloop_wait(output->loop);
  return state == PA_STREAM_READY;
}

/* Under the loop's lock. */
static gboolean
connect_to_server(SacAudioOutput *output)
{
  const pa_sample_spec spec = { .format = PA_SAMPLE_FLOAT32NE, .rate = SAC_AUDIO_RATE, .channels = SAC_AUDIO_CHANNELS };
  const pa_buffer_attr buffer = { .maxlength = (uint32_t)-1,
                                  .tlength = (uint32_t)(pa_bytes_per_second(&spec) * LATENCY_MS / 1000),
                                  .prebuf = (uint32_t)-1,
                                  .minreq = (uint32_t)-1,
                                  .fragsize = (uint32_t)-1 };

  output->context = pa_context_new(pa_threaded_mainloop_get_api(output->loop), "Saccade");
  pa_context_set_state_callback(output->context, on_context, output);
  if (pa_context_connect(output->context, NULL, PA_CONTEXT_NOFLAGS, NULL) < 0 || !wait_for_context(output))
    return FALSE;
  output->stream = pa_stream_new(output->context, "Video", &spec, NULL);
  if (!output->stream)
    return FALSE;
  pa_stream_set_state_callback(output->stream, on_stream, output);
  pa_stream_set_write_callback(output->stream, on_room, output);
  /* Corked until it is started: a stream that runs without sound keeps the device awake. */
  return pa_stream_connect_playback(output->stream, NULL, &buffer, PA_STREAM_ADJUST_LATENCY | PA_STREAM_START_CORKED,
                                    NULL, NULL) >= 0 &&
         wait_for_stream(output);
}

SacAudioOutput *
sac_audio_output_new(void)
{
  SacAudioOutput *output = g_new0(SacAudioOutput, 1);

  output->loop = pa_threaded_mainloop_new();
  if (!output->loop || pa_threaded_mainloop_start(output->loop) < 0) {
    sac_audio_output_free(output);
    return NULL;
  }
  pa_threaded_mainloop_lock(output->loop);
  const gboolean connected = connect_to_server(output);
  if (!connected && output->context)
    g_debug("no sound: %s", pa_strerror(pa_context_errno(output->context)));
  pa_threaded_mainloop_unlock(output->loop);
  if (!connected)
    g_clear_pointer(&output, sac_audio_output_free);
  return output;
}

void
sac_audio_output_free(SacAudioOutput *output)
{
  if (!output)
    return;
  if (output->loop)
    pa_threaded_mainloop_stop(output->loop);
  if (output->stream) {
    pa_stream_disconnect(output->stream);
    pa_stream_unref(output->stream);
  }
  if (output->context) {
    pa_context_disconnect(output->context);
    pa_context_unref(output->context);
  }
  if (output->loop)
    pa_threaded_mainloop_free(output->loop);
  g_free(output);
}

static void
on_patience_over(pa_mainloop_api *api, pa_time_event *event, const struct timeval *time, void *data)
{
  SacAudioOutput *output = data;

  output->waited = TRUE;
  wake(output);
}

gssize
sac_audio_output_write(SacAudioOutput *output, const float *samples, gsize n_frames, gint64 patience_us)
{
  const gsize frame = SAC_AUDIO_CHANNELS * sizeof *samples;
  gssize taken = 0;

  pa_threaded_mainloop_lock(output->loop);
  pa_time_event *timer = NULL;
  output->waited = FALSE;
  while (!taken && !output->waited) {
    const gsize room =
        PA_STREAM_IS_GOOD(pa_stream_get_state(output->stream)) ? pa_stream_writable_size(output->stream) : (gsize)-1;

    if (room == (gsize)-1) {
      taken = -1;
    } else if (room < frame) {
      if (!timer)
        timer =
            pa_context_rttime_new(output->context, pa_rtclock_now() + (pa_usec_t)patience_us, on_patience_over, output);
      pa_threaded_mainloop_wait(output->loop);
    } else {
      const gsize now = MIN(room / frame, n_frames);

      taken = pa_stream_write(output->stream, samples, now * frame, NULL, 0, PA_SEEK_RELATIVE) < 0 ? -1 : (gssize)now;
    }
  }
  if (timer)
    pa_threaded_mainloop_get_api(output->loop)->time_free(timer);
  pa_threaded_mainloop_unlock(output->loop);
  return taken;
}

/* Under the loop's lock; NULL is a request that could not be made. */
static void
finish(SacAudioOutput *output, pa_operation *operation)
{
  while (operation && pa_operation_get_state(operation) == PA_OPERATION_RUNNING &&
         PA_CONTEXT_IS_GOOD(pa_context_get_state(output->context)) &&
         PA_STREAM_IS_GOOD(pa_stream_get_state(output->stream)))
    pa_threaded_mainloop_wait(output->loop);
  if (operation)
    pa_operation_unref(operation);
}

void
sac_audio_output_start(SacAudioOutput *output)
{
  pa_threaded_mainloop_lock(output->loop);
  finish(output, pa_stream_cork(output->stream, TRUE, on_done, output));
  finish(output, pa_stream_flush(output->stream, on_done, output));
  finish(output, pa_stream_update_timing_info(output->stream, on_done, output));
  const pa_timing_info *timing = pa_stream_get_timing_info(output->stream);
  output->start_index = timing ? timing->read_index : 0;
  finish(output, pa_stream_cork(output->stream, FALSE, on_done, output));
  pa_threaded_mainloop_unlock(output->loop);
}

void
sac_audio_output_end(SacAudioOutput *output)
{
  pa_threaded_mainloop_lock(output->loop);
  finish(output, pa_stream_trigger(output->stream, on_done, output));
  pa_threaded_mainloop_unlock(output->loop);
}

void
sac_audio_output_stop(SacAudioOutput *output)
{
  pa_threaded_mainloop_lock(output->loop);
  finish(output, pa_stream_cork(output->stream, TRUE, on_done, output));
  finish(output, pa_stream_flush(output->stream, on_done, output));
  pa_threaded_mainloop_unlock(output->loop);
}

gint64
sac_audio_output_get_heard(SacAudioOutput *output)
{
  gint64 heard_us = 0;

  pa_threaded_mainloop_lock(output->loop);
  const pa_timing_info *timing = pa_stream_get_timing_info(output->stream);
  const pa_sample_spec *spec = pa_stream_get_sample_spec(output->stream);
  const gint64 age_us = timing ? (gint64)pa_timeval_age(&timing->timestamp) : G_MAXINT64;
  if (age_us < TIMING_STALE_US && timing->read_index > output->start_index) {
    const gint64 read_us = (gint64)pa_bytes_to_usec((uint64_t)(timing->read_index - output->start_index), spec);
    /* What was read before the last gap has left the device; since then, no more can be under way than was read. */
    const gint64 since_gap_us = (gint64)pa_bytes_to_usec(timing->since_underrun, spec);
    const gint64 under_way_us = MIN((gint64)timing->sink_usec, timing->playing ? since_gap_us : 0);
    heard_us = read_us - under_way_us + (timing->playing ? age_us : 0);
  }
  if (age_us > TIMING_EVERY_US && !output->asked) {
    pa_operation *operation = pa_stream_update_timing_info(output->stream, on_timing, output);
    output->asked = operation != NULL;
    if (operation)
      pa_operation_unref(operation);
  }
  pa_threaded_mainloop_unlock(output->loop);
  return MAX(heard_us, 0);
}

#define KNEE 0.7f

void
sac_audio_amplify(float *samples, gsize n_frames, float from, float to)
{
  const gboolean bends = MAX(from, to) > 1;

  for (gsize i = 0; i < n_frames * SAC_AUDIO_CHANNELS; i++) {
    const float gain = from + (to - from) * (float)(i / SAC_AUDIO_CHANNELS) / (float)n_frames;
    const float sample = samples[i] * gain, size = fabsf(sample);

    samples[i] =
        bends && size > KNEE ? copysignf(KNEE + (1 - KNEE) * tanhf((size - KNEE) / (1 - KNEE)), sample) : sample;
  }
}
