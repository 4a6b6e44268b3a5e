/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <math.h>

#include "core/cli/cli-bench.h"
#include "core/media/sac-frame-reader.h"
#include "core/sac-error.h"
#include "core/sac-time.h"

/*
 * How fast a file is decoded: every frame as it comes from the decoder, every frame as a model is given it by the host, and the key frames
 * alone, likewise scaled. The ways take turns, and each run opens the file anew, as the index job does.
 */

#define WAYS 3
#define MOST_RUNS 100

static const struct way {
  const char *name; /* in JSON, and translated on the screen */
  gboolean scaled, keyframes;
} ways[WAYS] = { { N_("every frame"), FALSE, FALSE },
                 { N_("every frame, scaled"), TRUE, FALSE },
                 { N_("key frames, scaled"), TRUE, TRUE } };

struct arguments {
  int side, runs;
  double most_seconds;
  gboolean hardware;
};

struct measured {
  guint frames[WAYS];
  gint64 reached_us[WAYS]; /* the end of the last frame */
  struct bench_time times[WAYS][MOST_RUNS], medians[WAYS];
};

static gboolean
read_all(const char *path, const struct way *way, const struct arguments *arguments, guint *frames, gint64 *reached_us,
         GError **error)
{
  const SacFrameReaderOptions options = { .end_us = (gint64)(arguments->most_seconds * SAC_SECOND),
                                          .short_side = way->scaled ? arguments->side : 0,
                                          .format = SAC_FRAME_RGB24,
                                          .max_plane_bytes = way->scaled ? 0 : G_MAXSIZE,
                                          .hardware = arguments->hardware,
                                          .keyframes_only = way->keyframes };
  g_autoptr(SacFrameReader) reader = sac_frame_reader_new(path, &options, error);
  GError *broken = NULL;
  SacFrame *frame;

  if (!reader)
    return FALSE;
  *frames = 0;
  *reached_us = 0;
  while ((frame = sac_frame_reader_next(reader, cli_cancellable(), &broken))) {
    (*frames)++;
    *reached_us = frame->time_us + frame->duration_us;
    sac_frame_unref(frame);
  }
  if (broken)
    g_propagate_error(error, broken);
  return !broken;
}

static gboolean
measure(const char *path, const struct arguments *arguments, struct measured *measured, GError **error)
{
  for (int run = 0; run < arguments->runs; run++)
    for (int i = 0; i < WAYS; i++) {
      const struct bench_time begin = bench_now();

      if (!read_all(path, &ways[i], arguments, &measured->frames[i], &measured->reached_us[i], error))
        return FALSE;
      measured->times[i][run] = bench_since(begin);
      cli_progress(_("measuring"), (double)(run * WAYS + i + 1) / (arguments->runs * WAYS), NULL, -1);
    }
  cli_progress_done();
  for (int i = 0; i < WAYS; i++)
    measured->medians[i] = bench_median(measured->times[i], (guint)arguments->runs);
  return TRUE;
}

static void
print_json(const char *path, const struct arguments *arguments, const struct measured *measured)
{
  JsonBuilder *json = json_builder_new();

  json_builder_begin_object(json);
  bench_add_string(json, "file", path);
  bench_add_integer(json, "side", arguments->side);
  bench_add_integer(json, "threads", g_get_num_processors());
  bench_add_integer(json, "runs", arguments->runs);
  json_builder_set_member_name(json, "ways");
  json_builder_begin_array(json);
  for (int i = 0; i < WAYS; i++) {
    const struct bench_time *median = &measured->medians[i];

    json_builder_begin_object(json);
    bench_add_string(json, "way", ways[i].name);
    bench_add_integer(json, "frames", measured->frames[i]);
    bench_add_number(json, "seconds", median->seconds);
    bench_add_number(json, "cpu_seconds", median->cpu_seconds);
    bench_add_number(json, "frames_per_second", measured->frames[i] / median->seconds);
    bench_add_number(json, "times_real_time", sac_time_seconds(measured->reached_us[i]) / median->seconds);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
  json_builder_end_object(json);
  cli_print_json(json);
}

static void
print_text(const struct measured *measured)
{
  CliTable *table = cli_table_new(6);

  cli_table_add(table, _("Way"), _(" Frames"), _(" Seconds"), _(" Processor seconds"), _(" Frames a second"),
                _(" × real time"));
  for (int i = 0; i < WAYS; i++) {
    const struct bench_time *median = &measured->medians[i];
    g_autofree char *frames = g_strdup_printf("%u", measured->frames[i]);
    g_autofree char *seconds = g_strdup_printf("%.3f", median->seconds);
    g_autofree char *cpu = g_strdup_printf("%.3f", median->cpu_seconds);
    g_autofree char *rate = g_strdup_printf("%.1f", measured->frames[i] / median->seconds);
    g_autofree char *times = g_strdup_printf("%.1f", sac_time_seconds(measured->reached_us[i]) / median->seconds);

    cli_table_add(table, _(ways[i].name), frames, seconds, cpu, rate, times);
  }
  cli_table_print(table);
}

static int
run(const struct cli_command *command, int argc, char **argv)
{
  struct arguments arguments = { .side = 224, .runs = 3, .most_seconds = 60 };
  const GOptionEntry entries[] = {
    { "side", 0, 0, G_OPTION_ARG_INT, &arguments.side, N_("The short side to scale to, pixels (default: 224)"),
      N_("N") },
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &arguments.most_seconds, N_("Of the video, at most (default: 60)"),
      N_("SECONDS") },
    { "runs", 0, 0, G_OPTION_ARG_INT, &arguments.runs, N_("Runs to take the median of (default: 3)"), N_("N") },
    { "hardware", 0, 0, G_OPTION_ARG_NONE, &arguments.hardware,
      N_("Decode with the graphics hardware where there is a way"), NULL },
    G_OPTION_ENTRY_NULL,
  };
  struct cli_options options = { 0 };
  GError *error = NULL;
  int status;

  if (!cli_parse(command, &argc, &argv, entries, &options, &status))
    return status;
  const gboolean json = options.json;
  cli_options_clear(&options);
  if (argc != 2)
    return cli_usage_error(command, _("Name one video"));
  if (arguments.side < 1 || arguments.side > 4096 || arguments.runs < 1 || arguments.runs > MOST_RUNS ||
      !isfinite(arguments.most_seconds) || arguments.most_seconds <= 0 || arguments.most_seconds > 1e6)
    return cli_usage_error(command, _("--side is 1 to 4096, --runs 1 to %d, and --seconds above 0"), MOST_RUNS);

  g_autofree struct measured *measured = g_new0(struct measured, 1);
  if (!measure(argv[1], &arguments, measured, &error))
    return cli_fail(error);
  if (json)
    print_json(argv[1], &arguments, measured);
  else
    print_text(measured);
  return 0;
}

const struct cli_bench cli_bench_decode = {
  .name = "decode",
  .usage = "FILE [--side N] [--seconds SECONDS] [--runs N] [--hardware]",
  .summary =
      N_("measure how fast a video is decoded: every frame, every frame scaled for a model, and key frames alone"),
  .run = run,
};
