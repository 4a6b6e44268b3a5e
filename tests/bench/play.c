/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "core/cli/cli-bench.h"
#include "core/media/sac-decoder-private.h"
#include "gui/sac-picture-gl.h"

/*
 * What it costs to show a video's pictures, over decoding alone: made by the processor, as the window does without a GPU; copied to
 * OpenGL, which is all of the processor's part with one; and drawn by OpenGL too. As fast as it goes, each picture finished before the
 * next; the ways take turns, and OpenGL in software is given a twentieth of the pictures. Not told: what GTK takes to bring the picture
 * to the screen, which is the same for both.
 *
 *     ninja -C build tests/bench/bench-play && xvfb-run -a build/tests/bench/bench-play FILE [--size 1920x1080] [--json]
 */

#define MOST_RUNS 20

enum { DECODE, PROCESSOR, COPY, OPENGL, WAYS };
static const char *const names[WAYS] = { "decoding alone", "by the processor", "copied to OpenGL", "drawn by OpenGL" };

typedef struct {
  const char *path;
  int width, height, most_frames;
  SacPictureGL *gl;
  double trial; /* ms */
} Task;

static gboolean
fit(const SacFrame *frame, const Task *task, int *width, int *height)
{
  const double scale = MIN(task->width / (double)frame->display_width, task->height / (double)frame->display_height);

  *width = MAX((int)(frame->display_width * scale + 0.5), 1);
  *height = MAX((int)(frame->display_height * scale + 0.5), 1);
  return frame->format != SAC_FRAME_RGBA;
}

static gboolean
show(const Task *task, const SacFrame *frame, gboolean draw, GError **error)
{
  int width, height;

  if (!fit(frame, task, &width, &height)) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: its pictures have no planes that OpenGL is given",
                task->path);
    return FALSE;
  }
  if (!sac_picture_gl_set_frame(task->gl, frame, error))
    return FALSE;
  g_autoptr(GdkTexture) texture = draw ? sac_picture_gl_draw(task->gl, width, height, error) : NULL;
  if (draw && !texture)
    return FALSE;
  sac_picture_gl_finish(task->gl);
  return TRUE;
}

static gboolean
play(const Task *task, int way, int *frames, GError **error)
{
  g_autoptr(SacDecoder) decoder = sac_decoder_new(task->path, FALSE, NULL, error);
  if (!decoder)
    return FALSE;
  const SacConversion conversion = { .format = SAC_FRAME_RGBA,
                                     .is_quick = TRUE,
                                     .max_width = task->width,
                                     .max_height = task->height,
                                     .max_plane_bytes = way >= COPY ? G_MAXSIZE : 0,
                                     .as_stored = way >= COPY };
  g_autoptr(SacConverter) converter = sac_converter_new(task->path, &conversion);
  GError *broken = NULL;
  gint64 time, duration;
  AVFrame *picture;

  const int most = way == OPENGL && task->trial > 10 ? MAX(task->most_frames / 20, 1) : task->most_frames;

  *frames = 0;
  while (*frames < most && !broken && (picture = sac_decoder_next(decoder, &time, &duration, &broken))) {
    SacFrame *frame =
        way == DECODE ? NULL : sac_converter_convert(converter, decoder->stream, picture, time, duration, &broken);

    av_frame_free(&picture);
    if (frame && way >= COPY)
      show(task, frame, way == OPENGL, &broken);
    g_clear_pointer(&frame, sac_frame_unref);
    (*frames)++;
  }
  if (broken)
    g_propagate_error(error, broken);
  return !broken;
}

static void
print(const struct bench_time medians[WAYS], const int frames[WAYS], const Task *task)
{
  g_print("%-18s %8s %12s %9s %12s %9s\n", "", "frames", "ms a frame", "over", "processor ms", "over");
  for (int way = 0; way < WAYS; way++)
    if (way < COPY || task->gl) {
      const double each = 1000 * medians[way].seconds / frames[way],
                   cpu = 1000 * medians[way].cpu_seconds / frames[way];

      g_print("%-18s %8d %12.2f %+7.0f %% %12.2f %+7.0f %%\n", names[way], frames[way], each,
              100 * (each * frames[DECODE] / (1000 * medians[DECODE].seconds) - 1), cpu,
              100 * (cpu * frames[DECODE] / (1000 * medians[DECODE].cpu_seconds) - 1));
    }
  if (task->gl)
    g_print("OpenGL's trial picture took %.1f ms\n", task->trial);
  else
    g_print("no OpenGL\n");
}

static void
print_json(const struct bench_time medians[WAYS], const int frames[WAYS], const Task *task)
{
  g_autoptr(JsonBuilder) json = json_builder_new();
  g_autoptr(JsonGenerator) generator = json_generator_new();

  json_builder_begin_object(json);
  bench_add_string(json, "file", task->path);
  bench_add_integer(json, "width", task->width);
  bench_add_integer(json, "height", task->height);
  json_builder_set_member_name(json, "ways");
  json_builder_begin_array(json);
  for (int way = 0; way < WAYS; way++)
    if (way < COPY || task->gl) {
      json_builder_begin_object(json);
      bench_add_string(json, "way", names[way]);
      bench_add_integer(json, "frames", frames[way]);
      bench_add_number(json, "seconds", medians[way].seconds);
      bench_add_number(json, "cpu_seconds", medians[way].cpu_seconds);
      json_builder_end_object(json);
    }
  json_builder_end_array(json);
  json_builder_end_object(json);
  g_autoptr(JsonNode) root = json_builder_get_root(json);
  json_generator_set_root(generator, root);
  g_autofree char *text = json_generator_to_data(generator, NULL);
  g_print("%s\n", text);
}

int
main(int argc, char **argv)
{
  g_autofree char *size = NULL;
  gboolean json = FALSE;
  int runs = 3;
  Task task = { .width = 1920, .height = 1080, .most_frames = 300 };
  const GOptionEntry entries[] = {
    { "size", 0, 0, G_OPTION_ARG_STRING, &size, "The window's, pixels (default: 1920x1080)", "W×H" },
    { "frames", 0, 0, G_OPTION_ARG_INT, &task.most_frames, "Of the video, at most (default: 300)", "N" },
    { "runs", 0, 0, G_OPTION_ARG_INT, &runs, "Runs to take the median of (default: 3)", "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr(GOptionContext) context = g_option_context_new("FILE");
  g_autoptr(GError) error = NULL;
  struct bench_time times[WAYS][MOST_RUNS], medians[WAYS] = { 0 };
  int frames[WAYS] = { 0 };

  g_option_context_add_main_entries(context, entries, NULL);
  if (!g_option_context_parse(context, &argc, &argv, &error) || argc != 2 || runs < 1 || runs > MOST_RUNS ||
      task.most_frames < 1 ||
      (size && (sscanf(size, "%dx%d", &task.width, &task.height) != 2 || task.width < 1 || task.height < 1))) {
    g_printerr("%s\n", error ? error->message : "usage: bench-play FILE [--size WxH] [--frames N] [--runs N] [--json]");
    return 2;
  }
  task.path = argv[1];
  if (gtk_init_check())
    task.gl = sac_picture_gl_new(gdk_display_get_default(), NULL);
  if (task.gl)
    task.trial = sac_picture_gl_measure(task.gl);
  for (int run = 0; run < runs; run++)
    for (int way = 0; way < WAYS; way++) {
      const struct bench_time begin = bench_now();

      if (way >= COPY && !task.gl)
        continue;
      if (!play(&task, way, &frames[way], &error) || frames[way] == 0) {
        g_printerr("%s\n", error ? error->message : "no pictures");
        return 1;
      }
      times[way][run] = bench_since(begin);
    }
  for (int way = 0; way < WAYS; way++)
    if (way < COPY || task.gl)
      medians[way] = bench_median(times[way], (guint)runs);
  (json ? print_json : print)(medians, frames, &task);
  g_clear_pointer(&task.gl, sac_picture_gl_unref);
  return 0;
}
