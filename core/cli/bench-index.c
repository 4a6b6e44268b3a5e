/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>

#include "core/analysis/sac-index-job.h"
#include "core/cli/cli-bench.h"
#include "core/media/sac-frame-reader.h"
#include "core/sac-error.h"
#include "core/sac-time.h"

/*
 * How fast videos go through the whole pipeline, from file to library, beside its parts alone: the same frame samples read and thrown away,
 * and as many embedded that were read before. The three take turns, each run of the whole into a library of its own.
 *
 * What the whole is held against is the least time that any order of the same work could take:
 *
 *     bound = max(decoding alone, encoding alone, (processor time of both) / processors)
 *
 * With a device of its own to encode on, the first two say it. Where the device is the processor, both parts want the same cores: each
 * alone may have them all, and the third says that together they cannot.
 */

#define MOST_RUNS 100
#define KEPT_BATCHES 4 /* what encoding alone goes round in */

enum part { DECODE, ENCODE, WHOLE, PARTS };

static const char *const part_names[PARTS] = { N_("decode"), N_("encode"), N_("index") };

struct arguments {
  char *model, *every, *preparation;
  int device, runs;
  gboolean keyframes, software;
};

struct bench {
  const struct arguments *arguments;
  char **files;
  gint64 interval_us;
  SacEncoder *encoder;
  SacModelInfo model;
  GPtrArray *frames; /* some, for encoding alone */
  guint samples;     /* of all files */
  struct bench_time times[PARTS][MOST_RUNS], medians[PARTS];
  double bound_seconds;
};

static gboolean
decode(struct bench *bench, gboolean keep, GError **error)
{
  GError *broken = NULL;
  SacFrame *frame;

  bench->samples = 0;
  for (char **file = bench->files; *file; file++) {
    SacFrameReaderOptions options = { .interval_us = bench->interval_us,
                                      .hardware = !bench->arguments->software,
                                      .keyframes_allowed = bench->arguments->keyframes };
    sac_model_info_read_options(&bench->model, &options);
    g_autoptr(SacFrameReader) reader = sac_frame_reader_new(*file, &options, error);

    if (!reader)
      return FALSE;
    while ((frame = sac_frame_reader_next(reader, cli_cancellable(), &broken))) {
      bench->samples++;
      if (keep && bench->frames->len < KEPT_BATCHES * bench->model.preferred_batch)
        g_ptr_array_add(bench->frames, frame);
      else
        sac_frame_unref(frame);
    }
    if (broken) {
      g_propagate_error(error, broken);
      return FALSE;
    }
  }
  if (!bench->samples)
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE, _("“%s”: there is nothing to sample in it"), bench->files[0]);
  return bench->samples > 0;
}

/* As the analyser does it: some batches are with the encoder at a time. */
static gboolean
encode(struct bench *bench, guint samples, GError **error)
{
  const guint batch = bench->model.preferred_batch, clip = bench->model.clip_frames;
  g_autofree SacFrame **frames = g_new(SacFrame *, (gsize)batch * clip);
  g_autofree float *vectors = g_new(float, (gsize)batch * bench->model.dimensions);
  g_autoptr(GError) failure = NULL;
  GQueue pending = G_QUEUE_INIT;
  guint begun = 0;

  while (begun < samples || !g_queue_is_empty(&pending)) {
    if (begun < samples && !failure && g_queue_get_length(&pending) < SAC_ENCODER_BATCHES) {
      const guint n = MIN(batch, samples - begun);

      for (guint i = 0; i < n * clip; i++)
        frames[i] = bench->frames->pdata[(begun + i / clip + i % clip) % bench->frames->len];
      g_queue_push_tail(&pending,
                        sac_encoder_begin_frames(bench->encoder, &bench->model, frames, n, cli_cancellable()));
      begun += n;
      continue;
    }
    if (g_queue_is_empty(&pending))
      break;
    sac_encoder_finish_frames(g_queue_pop_head(&pending), vectors, failure ? NULL : &failure);
  }
  if (!failure)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&failure));
  return FALSE;
}

static void
remove_tree(GFile *file)
{
  g_autoptr(GFileEnumerator) children =
      g_file_enumerate_children(file, G_FILE_ATTRIBUTE_STANDARD_NAME, G_FILE_QUERY_INFO_NOFOLLOW_SYMLINKS, NULL, NULL);
  GFile *child;

  while (children && g_file_enumerator_iterate(children, NULL, &child, NULL, NULL) && child)
    remove_tree(child);
  g_file_delete(file, NULL, NULL);
}

static void
forward_cancel(GCancellable *cancellable, gpointer job)
{
  sac_index_job_cancel(job);
}

/* Opening the library is not measured: it is done once, whatever is indexed. */
static gboolean
index_into(struct bench *bench, const char *directory, struct bench_time *time, GError **error)
{
  static const char *const analysers[] = { "visual", NULL };
  const SacIndexOptions options = { .model = bench->arguments->model,
                                    .analysers = analysers,
                                    .interval_us = bench->interval_us,
                                    .every_frame = bench->interval_us == 0,
                                    .software_decoding = bench->arguments->software,
                                    .keyframes_allowed = bench->arguments->keyframes };
  g_autoptr(SacLibrary) library = sac_library_open(directory, SAC_LIBRARY_DEFAULT, error);

  if (!library)
    return FALSE;
  g_autoptr(SacIndexJob) job = sac_index_job_new(library, bench->encoder, (const char *const *)bench->files, &options);
  const gulong handler = g_cancellable_connect(cli_cancellable(), G_CALLBACK(forward_cancel), job, NULL);
  const struct bench_time begin = bench_now();
  const gboolean done = sac_index_job_run(job, error);
  *time = bench_since(begin);
  g_cancellable_disconnect(cli_cancellable(), handler);
  return done;
}

static gboolean
index_once(struct bench *bench, struct bench_time *time, GError **error)
{
  g_autofree char *directory = g_dir_make_tmp("saccade-bench-XXXXXX", error);

  if (!directory)
    return FALSE;
  g_autoptr(GFile) file = g_file_new_for_path(directory);
  const gboolean done = index_into(bench, directory, time, error);
  remove_tree(file);
  return done;
}

static gboolean
run_part(struct bench *bench, enum part part, struct bench_time *time, GError **error)
{
  const struct bench_time begin = bench_now();

  if (part == WHOLE)
    return index_once(bench, time, error);
  if (!(part == DECODE ? decode(bench, FALSE, error) : encode(bench, bench->samples, error)))
    return FALSE;
  *time = bench_since(begin);
  return TRUE;
}

static gboolean
measure(struct bench *bench, GError **error)
{
  const int runs = bench->arguments->runs;
  const char *model = bench->arguments->model;

  /* Plans and pipelines are made before the first measured run: of a full batch, and of what is left at the end. */
  if (!sac_encoder_open_model(bench->encoder, model, &bench->model, cli_cancellable(), error))
    return FALSE;
  if (!bench->model.embeds_pictures) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED,
                _("The model “%s” reads texts only: choose one that sees pictures (saccade models list)"), model);
    return FALSE;
  }
  if (!decode(bench, TRUE, error) || !encode(bench, bench->model.preferred_batch + 1, error))
    return FALSE;
  for (int run = 0; run < runs; run++)
    for (int part = 0; part < PARTS; part++) {
      if (!run_part(bench, (enum part)part, &bench->times[part][run], error))
        return FALSE;
      cli_progress(_("measuring"), (double)(run * PARTS + part + 1) / (runs * PARTS), NULL, -1);
    }
  cli_progress_done();
  for (int part = 0; part < PARTS; part++)
    bench->medians[part] = bench_median(bench->times[part], (guint)runs);
  const struct bench_time *decoding = &bench->medians[DECODE], *encoding = &bench->medians[ENCODE];
  bench->bound_seconds = MAX(MAX(decoding->seconds, encoding->seconds),
                             (decoding->cpu_seconds + encoding->cpu_seconds) / g_get_num_processors());
  return TRUE;
}

static void
print_json(const struct bench *bench)
{
  g_autofree char *device = sac_encoder_dup_device_name(bench->encoder);
  JsonBuilder *json = json_builder_new();

  json_builder_begin_object(json);
  bench_add_string(json, "model", bench->arguments->model);
  bench_add_string(json, "device", device);
  bench_add_integer(json, "batch", bench->model.preferred_batch);
  json_builder_set_member_name(json, "planes");
  json_builder_add_boolean_value(json, bench->model.takes_planes);
  bench_add_integer(json, "threads", g_get_num_processors());
  bench_add_integer(json, "runs", bench->arguments->runs);
  bench_add_integer(json, "frames", bench->samples);
  json_builder_set_member_name(json, "files");
  json_builder_begin_array(json);
  for (char **file = bench->files; *file; file++)
    json_builder_add_string_value(json, *file);
  json_builder_end_array(json);
  json_builder_set_member_name(json, "ways");
  json_builder_begin_array(json);
  for (int part = 0; part < PARTS; part++) {
    const struct bench_time *median = &bench->medians[part];

    json_builder_begin_object(json);
    bench_add_string(json, "way", part_names[part]);
    bench_add_integer(json, "frames", bench->samples);
    bench_add_number(json, "seconds", median->seconds);
    bench_add_number(json, "cpu_seconds", median->cpu_seconds);
    bench_add_number(json, "frames_per_second", bench->samples / median->seconds);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
  bench_add_number(json, "bound_seconds", bench->bound_seconds);
  bench_add_number(json, "share_of_bound", bench->bound_seconds / bench->medians[WHOLE].seconds);
  json_builder_end_object(json);
  cli_print_json(json);
}

static void
print_text(const struct bench *bench)
{
  g_autofree char *device = sac_encoder_dup_device_name(bench->encoder);
  CliTable *table = cli_table_new(5);

  g_print(_("%s on %s: %u frame samples in batches of %u, %s\n"), bench->arguments->model, device, bench->samples,
          bench->model.preferred_batch,
          bench->model.takes_planes ? _("cut on the device") : _("scaled and cut on the host"));
  cli_table_add(table, _("Way"), _(" Frames a second"), _(" Seconds"), _(" Processor seconds"), _(" ms a frame"));
  for (int part = 0; part < PARTS; part++) {
    const struct bench_time *median = &bench->medians[part];
    g_autofree char *rate = g_strdup_printf("%.2f", bench->samples / median->seconds);
    g_autofree char *seconds = g_strdup_printf("%.3f", median->seconds);
    g_autofree char *cpu = g_strdup_printf("%.3f", median->cpu_seconds);
    g_autofree char *each = g_strdup_printf("%.2f", 1e3 * median->seconds / bench->samples);

    cli_table_add(table, _(part_names[part]), rate, seconds, cpu, each);
  }
  cli_table_print(table);
  g_print(_("The same work takes %.3f s at least on %u processors; the whole reaches %.2f of that speed\n"),
          bench->bound_seconds, g_get_num_processors(), bench->bound_seconds / bench->medians[WHOLE].seconds);
}

static int
run_bench(struct bench *bench, gboolean json)
{
  GError *error = NULL;

  bench->encoder = sac_encoder_new(bench->arguments->device);
  bench->frames = g_ptr_array_new_with_free_func((GDestroyNotify)sac_frame_unref);
  if (g_strcmp0(bench->arguments->preparation, "host") == 0)
    sac_encoder_set_preparation(bench->encoder, SAC_PREPARE_ON_HOST);
  else if (g_strcmp0(bench->arguments->preparation, "device") == 0)
    sac_encoder_set_preparation(bench->encoder, SAC_PREPARE_ON_DEVICE);
  const gboolean done = measure(bench, &error);
  if (done && json)
    print_json(bench);
  else if (done)
    print_text(bench);
  g_ptr_array_unref(bench->frames);
  g_object_unref(bench->encoder);
  return done ? 0 : cli_fail(error);
}

static int
run(const struct cli_command *command, int argc, char **argv)
{
  struct arguments arguments = { .device = -1, .runs = 3 };
  const GOptionEntry entries[] = {
    { "model", 0, 0, G_OPTION_ARG_STRING, &arguments.model, N_("The model (default: starter)"), N_("ID") },
    { "every", 0, 0, G_OPTION_ARG_STRING, &arguments.every,
      N_("Time between frame samples (default: 1); 0: every frame"), N_("SECONDS") },
    { "keyframes", 0, 0, G_OPTION_ARG_NONE, &arguments.keyframes, N_("Samples may fall on key frames"), NULL },
    { "software", 0, 0, G_OPTION_ARG_NONE, &arguments.software, N_("Decode without the graphics hardware"), NULL },
    { "preparation", 0, 0, G_OPTION_ARG_STRING, &arguments.preparation,
      N_("Where frames are coloured, scaled and cut: host or device (default: what suits the device)"), N_("WHERE") },
    { "device", 0, 0, G_OPTION_ARG_INT, &arguments.device, N_("The Vulkan device, as saccade devices numbers them"),
      N_("N") },
    { "runs", 0, 0, G_OPTION_ARG_INT, &arguments.runs, N_("Runs to take the median of (default: 3)"), N_("N") },
    G_OPTION_ENTRY_NULL,
  };
  struct cli_options options = { 0 };
  GError *error = NULL;
  gint64 interval = SAC_SECOND;
  int status;

  if (!cli_parse(command, &argc, &argv, entries, &options, &status))
    return status;
  if (!arguments.model)
    arguments.model = g_strdup("starter");
  if (argc < 2)
    status = cli_usage_error(command, _("Name a video"));
  else if (arguments.runs < 1 || arguments.runs > MOST_RUNS)
    status = cli_usage_error(command, _("--runs is a number from 1 to %d"), MOST_RUNS);
  else if (arguments.preparation && !g_str_equal(arguments.preparation, "host") &&
           !g_str_equal(arguments.preparation, "device"))
    status = cli_usage_error(command, _("--preparation is host or device"));
  else if (arguments.every && !sac_time_parse(arguments.every, &interval, &error))
    status = cli_fail(error);
  else {
    g_autofree struct bench *bench = g_new0(struct bench, 1);

    bench->arguments = &arguments;
    bench->files = argv + 1;
    bench->interval_us = interval;
    status = run_bench(bench, options.json);
  }
  g_free(arguments.model);
  g_free(arguments.every);
  g_free(arguments.preparation);
  cli_options_clear(&options);
  return status;
}

const struct cli_bench cli_bench_index = {
  .name = "index",
  .usage = "FILE… [--model ID] [--every SECONDS] [--device N]",
  .summary = N_(
      "measure the way from files to vectors: decoding alone, encoding alone and the whole, into a library that is thrown away\n"
      "\n"
      "The whole is held against the least time that the same work could take: the longer of decoding alone and encoding\n"
      "alone, or, where both want the same processors, their processor time together over the number of processors."),
  .run = run,
};
