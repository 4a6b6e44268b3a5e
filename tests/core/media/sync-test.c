/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether what is seen and what is heard belong together: plays a clip that beeps at each full second, notes when each frame is
 * handed to the main loop to be shown, and records what the sound server lets be heard, by the server's own clock.
 *
 *     sync-test CLIP MONITOR      MONITOR: the source that hears what the default sink plays
 *
 * A monitor's latency says when a sample is (or will be) played, so each beep has a time on the clock that the frames were noted by;
 * between two beeps time runs evenly. A frame's error is when it was shown less when its sound was heard.
 */
#include <math.h>
#include <pulse/pulseaudio.h>

#include "core/media/sac-player.h"

#define RATE 48000
#define LOUD 0.1f
#define NEAR_SAMPLES (5 * RATE)
#define BEEP_EVERY_US G_USEC_PER_SEC
#define ALLOWED_US 20000 /* for 99 % of the frames */

typedef struct {
  gint64 time_us, shown_us;
} Shown;

typedef struct {
  gint64 sample, began_us; /* by this sample's time on the monotonic clock, sample 0 was played then */
} Answer;

typedef struct {
  pa_threaded_mainloop *loop;
  pa_context *context;
  pa_stream *stream;
  gint64 n_samples, quiet; /* heard so far; since the last loud one */
  GArray *beeps;           /* gint64, the sample that each began with */
  GArray *answers;         /* Answer, one with each piece that was heard */
} Ear;

typedef struct {
  GMainLoop *loop;
  GArray *shown;
} Eye;

static void
on_heard(pa_stream *stream, size_t bytes, void *data)
{
  Ear *ear = data;
  const void *samples;

  while (pa_stream_readable_size(stream) > 0 && pa_stream_peek(stream, &samples, &bytes) == 0 && bytes > 0) {
    const gsize count = bytes / sizeof(float);
    const pa_timing_info *timing = pa_stream_get_timing_info(stream);
    pa_usec_t latency;
    int negative;

    /* Not interpolated, the latency is that of the server's last answer. What came before the first beep tells nothing: an idle
       null sink keeps no time. */
    if (ear->beeps->len > 0 && timing && pa_stream_get_latency(stream, &latency, &negative) == 0) {
      const gint64 told_us = g_get_monotonic_time() - (gint64)pa_timeval_age(&timing->timestamp);
      const gint64 played_us = told_us - (negative ? -(gint64)latency : (gint64)latency);
      const Answer answer = { ear->n_samples, played_us - ear->n_samples * G_USEC_PER_SEC / RATE };
      g_array_append_val(ear->answers, answer);
    }
    for (gsize i = 0; samples && i < count; i++) {
      const gboolean loud = fabsf(((const float *)samples)[i]) > LOUD;

      if (loud && ear->quiet > RATE / 2) {
        const gint64 at = ear->n_samples + (gint64)i;
        g_array_append_val(ear->beeps, at);
      }
      ear->quiet = loud ? 0 : ear->quiet + 1;
    }
    ear->n_samples += (gint64)count;
    pa_stream_drop(stream);
  }
}

static void
on_state(pa_context *context, void *loop)
{
  pa_threaded_mainloop_signal(loop, 0);
}

static gboolean
listen(Ear *ear, const char *monitor)
{
  const pa_sample_spec spec = { .format = PA_SAMPLE_FLOAT32NE, .rate = RATE, .channels = 1 };
  const pa_buffer_attr buffer = { .maxlength = (uint32_t)-1, .fragsize = RATE / 100 * sizeof(float) };

  *ear = (Ear){ .quiet = RATE,
                .beeps = g_array_new(FALSE, FALSE, sizeof(gint64)),
                .answers = g_array_new(FALSE, FALSE, sizeof(Answer)) };
  ear->loop = pa_threaded_mainloop_new();
  pa_threaded_mainloop_start(ear->loop);
  pa_threaded_mainloop_lock(ear->loop);
  ear->context = pa_context_new(pa_threaded_mainloop_get_api(ear->loop), "ear");
  pa_context_set_state_callback(ear->context, on_state, ear->loop);
  pa_context_connect(ear->context, NULL, PA_CONTEXT_NOAUTOSPAWN, NULL);
  while (PA_CONTEXT_IS_GOOD(pa_context_get_state(ear->context)) &&
         pa_context_get_state(ear->context) != PA_CONTEXT_READY)
    pa_threaded_mainloop_wait(ear->loop);
  const gboolean ready = pa_context_get_state(ear->context) == PA_CONTEXT_READY;
  if (ready) {
    ear->stream = pa_stream_new(ear->context, "ear", &spec, NULL);
    pa_stream_set_read_callback(ear->stream, on_heard, ear);
    pa_stream_connect_record(ear->stream, monitor, &buffer, PA_STREAM_ADJUST_LATENCY | PA_STREAM_AUTO_TIMING_UPDATE);
  }
  pa_threaded_mainloop_unlock(ear->loop);
  return ready;
}

static void
stop_listening(Ear *ear)
{
  pa_threaded_mainloop_stop(ear->loop);
  if (ear->stream) {
    pa_stream_disconnect(ear->stream);
    pa_stream_unref(ear->stream);
  }
  pa_context_disconnect(ear->context);
  pa_context_unref(ear->context);
  pa_threaded_mainloop_free(ear->loop);
}

static void
on_frame(SacPlayer *player, Eye *eye)
{
  g_autoptr(SacFrame) frame = sac_player_get_frame(player);
  const Shown shown = { frame->time_us, g_get_monotonic_time() };

  if (sac_player_get_playing(player) &&
      (!eye->shown->len || g_array_index(eye->shown, Shown, eye->shown->len - 1).time_us != shown.time_us))
    g_array_append_val(eye->shown, shown);
}

static void
on_ended(SacPlayer *player, Eye *eye)
{
  g_main_loop_quit(eye->loop);
}

static void
on_error(SacPlayer *player, const GError *error, Eye *eye)
{
  g_error("%s", error->message);
}

static gboolean
play(gpointer player)
{
  sac_player_play(player);
  return G_SOURCE_REMOVE;
}

static int
compare(gconstpointer a, gconstpointer b)
{
  const gint64 one = *(const gint64 *)a, other = *(const gint64 *)b;
  return (one > other) - (one < other);
}

/* By the middle one of the answers about it: the two clocks may drift apart in the long run. */
static gint64
heard_at(const Ear *ear, guint beep)
{
  const gint64 sample = g_array_index(ear->beeps, gint64, beep);
  g_autoptr(GArray) near = g_array_new(FALSE, FALSE, sizeof(gint64));

  for (guint i = 0; i < ear->answers->len; i++) {
    const Answer *answer = &g_array_index(ear->answers, Answer, i);
    if (ABS(answer->sample - sample) < NEAR_SAMPLES)
      g_array_append_val(near, answer->began_us);
  }
  g_array_sort(near, compare);
  return near->len ? g_array_index(near, gint64, near->len / 2) + sample * G_USEC_PER_SEC / RATE : 0;
}

static int
judge(GArray *shown, Ear *ear)
{
  g_autoptr(GArray) errors = g_array_new(FALSE, FALSE, sizeof(gint64));
  double sum = 0;

  g_autofree gint64 *heard = g_new(gint64, ear->beeps->len + 1);
  for (guint i = 0; i < ear->beeps->len; i++)
    heard[i] = heard_at(ear, i);
  for (guint i = 0; i < shown->len; i++) {
    const Shown *frame = &g_array_index(shown, Shown, i);
    const guint beep = (guint)(frame->time_us / BEEP_EVERY_US);

    if (beep + 1 >= ear->beeps->len || !heard[beep] || !heard[beep + 1])
      continue;
    const double within = (double)(frame->time_us % BEEP_EVERY_US) / BEEP_EVERY_US;
    const gint64 before = heard[beep], after = heard[beep + 1];
    const gint64 error = frame->shown_us - before - (gint64)(within * (double)(after - before)), size = ABS(error);
    sum += (double)error;
    g_array_append_val(errors, size);
  }
  if (errors->len < 20) {
    g_printerr("%u frames and %u beeps: too few to tell\n", shown->len, ear->beeps->len);
    return 1;
  }
  g_array_sort(errors, compare);
  const gint64 p50 = g_array_index(errors, gint64, errors->len / 2),
               p99 = g_array_index(errors, gint64, errors->len * 99 / 100),
               most = g_array_index(errors, gint64, errors->len - 1);
  g_print(
      "%u frames beside %u beeps: picture less sound is %+.1f ms in the mean, and %.1f ms or less for half, %.1f ms for "
      "99 %%, %.1f ms for all\n",
      errors->len, ear->beeps->len, sum / errors->len / 1000, (double)p50 / 1000, (double)p99 / 1000,
      (double)most / 1000);
  return p99 > ALLOWED_US;
}

int
main(int count, char **arguments)
{
  Ear ear;
  Eye eye = { g_main_loop_new(NULL, FALSE), g_array_new(FALSE, FALSE, sizeof(Shown)) };

  if (count != 3 || !listen(&ear, arguments[2])) {
    g_printerr("usage: sync-test CLIP MONITOR, with a sound server\n");
    return 2;
  }
  SacPlayer *player = sac_player_new();
  g_signal_connect(player, "frame", G_CALLBACK(on_frame), &eye);
  g_signal_connect(player, "ended", G_CALLBACK(on_ended), &eye);
  g_signal_connect(player, "error", G_CALLBACK(on_error), &eye);
  sac_player_open(player, arguments[1]);
  g_timeout_add(2500, play, player); /* by then a null sink has left its first long block behind */
  g_main_loop_run(eye.loop);
  g_usleep(300000); /* the last beep is still on its way */
  stop_listening(&ear);
  const int status = judge(eye.shown, &ear);
  g_array_unref(eye.shown);
  g_array_unref(ear.beeps);
  g_array_unref(ear.answers);
  g_object_unref(player);
  g_main_loop_unref(eye.loop);
  return status;
}
