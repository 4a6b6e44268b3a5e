/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <sys/resource.h>

#include "compute/networks/networks.h"
#include "core/analysis/sac-device.h"
#include "core/analysis/sac-encoder.h"
#include "core/cli/cli-bench.h"
#include "core/sac-error.h"

/*
 * How long a picture and a query take, and where the time goes: the median of some runs at one picture and at the model's preferred
 * batch, then one profiled run whose operations are summed by kind, each beside the least time that the device's own peaks allow
 * it. The pictures are noise of the network's own size; what is in a picture changes nothing. Pictures come before the queries, so
 * that the peak of memory is that of the picture network alone. Of a model of movement, a clip is what a picture is of the others.
 */

#define QUERY "a dog that runs after a ball"

/* Vectors of pictures that are compared with those of fp32. */
#define COMPARED 8

struct arguments {
  char *model, *precision_name;
  enum model_precision precision;
  int device, batch, runs;
  gboolean retune;
};

struct share {
  const char *op, *kernel;
  double seconds, operations, bytes;
  double floor_seconds; /* what the device's peaks allow */
};

struct measured {
  struct model_info info;
  char device[256];
  double open_seconds, first_seconds;        /* opening the model; the first run, with its planning and uploads */
  double single_seconds, batch_seconds;      /* a picture */
  double query_seconds, first_query_seconds; /* a text */
  double operations, profiled_seconds;       /* a picture */
  double weight_bytes;                       /* of the device's memory, after the pictures or else the texts */
  double picture_cosine,
      query_cosine;      /* the least with the vectors of fp32; 0 where that is what was measured, or there are none */
  struct nn_peaks peaks; /* of the device */
  double
      peak_bytes; /* resident in the process after the pictures' runs: device memory only where the device is the CPU */
  GArray *shares; /* of struct share, a picture, the longest first */
};

static gboolean
failed(enum compute_status status, const struct compute_error *failure, GError **error)
{
  if (status != COMPUTE_OK)
    sac_error_set_from_compute(error, failure);
  return status != COMPUTE_OK;
}

static double
now(void)
{
  return (double)g_get_monotonic_time() / G_TIME_SPAN_SECOND;
}

static double
peak_bytes(void)
{
  struct rusage usage = { 0 };

  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_maxrss * 1024;
}

static int
compare_doubles(gconstpointer a, gconstpointer b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static double
median(GArray *values)
{
  g_array_sort(values, compare_doubles);
  return g_array_index(values, double, values->len / 2);
}

/* The median over the runs, in seconds a picture; *first receives the run before them. */
static gboolean
time_pictures(struct model *model, const struct model_picture *pictures, guint count, int runs, double *first,
              double *seconds, GError **error)
{
  g_autofree float *vectors = g_new(float, (gsize)count *model_get_info(model)->dimensions);
  g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(double));
  struct compute_error failure;

  for (int run = -1; run < runs; run++) {
    const double begin = now();

    if (sac_cancelled(cli_cancellable(), error) ||
        failed(model_embed_pictures(model, pictures, count, vectors, &failure), &failure, error))
      return FALSE;
    const double taken = now() - begin;
    if (run < 0)
      *first = taken;
    else
      g_array_append_val(times, taken);
    cli_progress(_("measuring"), -1, NULL, -1);
  }
  *seconds = median(times) / count;
  return TRUE;
}

static gboolean
time_queries(struct model *model, int runs, struct measured *measured, GError **error)
{
  g_autofree float *vector = g_new(float, model_get_info(model)->dimensions);
  g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(double));
  struct model_calibration calibration;
  struct compute_error failure;

  for (int run = -1; run < runs; run++) {
    const double begin = now();

    if (sac_cancelled(cli_cancellable(), error) ||
        failed(model_embed_query(model, QUERY, vector, &calibration, &failure), &failure, error))
      return FALSE;
    const double taken = now() - begin;
    if (run < 0)
      measured->first_query_seconds = taken;
    else
      g_array_append_val(times, taken);
  }
  measured->query_seconds = median(times);
  return TRUE;
}

static int
compare_shares(gconstpointer a, gconstpointer b)
{
  return compare_doubles(&((const struct share *)b)->seconds, &((const struct share *)a)->seconds);
}

static void
add_share(struct measured *measured, const struct nn_op_time *time, unsigned pictures)
{
  struct share *share = NULL;

  for (guint i = 0; i < measured->shares->len && !share; i++) {
    struct share *candidate = &g_array_index(measured->shares, struct share, i);

    if (g_str_equal(candidate->op, time->op) && g_str_equal(candidate->kernel, time->kernel))
      share = candidate;
  }
  if (!share) {
    const struct share empty = { .op = g_intern_string(time->op), .kernel = g_intern_string(time->kernel) };

    g_array_append_val(measured->shares, empty);
    share = &g_array_index(measured->shares, struct share, measured->shares->len - 1);
  }
  share->seconds += time->seconds / pictures;
  share->operations += time->operations / pictures;
  share->bytes += time->bytes / pictures;
  share->floor_seconds +=
      MAX(time->operations / measured->peaks.operations, time->bytes / measured->peaks.bytes) / pictures;
  measured->operations += time->operations / pictures;
  measured->profiled_seconds += time->seconds / pictures;
}

static gboolean
profile(const SacDevice *device, const char *folder, const struct model_params *params,
        const struct model_picture *pictures, guint batch, struct measured *measured, GError **error)
{
  struct model *model = NULL;
  struct compute_error failure;
  const struct nn_op_time *times;
  unsigned count;
  double first, seconds;

  struct model_params profiled = *params;
  profiled.batch = batch;
  profiled.profile = true;

  if (failed(nn_measure_peaks(device->device, &measured->peaks, &failure), &failure, error) ||
      failed(model_open(device->device, folder, &profiled, &model, &failure), &failure, error))
    return FALSE;
  const gboolean done = time_pictures(model, pictures, batch, 1, &first, &seconds, error);
  const size_t operations = done ? model_profile(model, &times, &count) : 0;
  for (size_t i = 0; i < operations; i++)
    add_share(measured, &times[i], count);
  g_array_sort(measured->shares, compare_shares);
  model_close(&model);
  return done;
}

static gboolean
measure_pictures(struct model *model, const SacDevice *device, const char *folder, const struct model_params *params,
                 int runs, struct measured *measured, GError **error)
{
  const guint batch = measured->info.preferred_batch, side = measured->info.input_side;
  /* As wide as a film, so that several crops are several. */
  const guint width = side * 16 / 9;
  const gsize bytes = (gsize)width * side * 3;
  g_autofree guint8 *noise = g_malloc(bytes);
  const guint n_pictures = batch * measured->info.clip_frames;
  g_autofree struct model_picture *pictures = g_new(struct model_picture, n_pictures);
  double first;
  guint32 state = 1;

  for (gsize i = 0; i < bytes; i++)
    noise[i] = (guint8)((state = state * 1664525 + 1013904223) >> 24);
  for (guint i = 0; i < n_pictures; i++)
    pictures[i] = (struct model_picture){ .pixels = noise, .width = width, .height = side, .stride = (gsize)width * 3 };
  if (!time_pictures(model, pictures, 1, runs, &measured->first_seconds, &measured->single_seconds, error) ||
      !time_pictures(model, pictures, batch, runs, &first, &measured->batch_seconds, error))
    return FALSE;
  measured->peak_bytes = peak_bytes();
  measured->weight_bytes = (double)model_weight_bytes(model);
  return profile(device, folder, params, pictures, batch, measured, error);
}

/* Noise at every scale, each picture its own: blocks of 1, 4, 16 … pixels. */
static void
fill_with_noise(guint8 *rgb, guint side, guint seed)
{
  GRand *random = g_rand_new_with_seed(seed);
  g_autofree int *sums = g_new0(int, (gsize)side *side * 3);

  for (guint block = 1; block < side; block *= 4) {
    const guint across = side / block + 1;
    g_autofree int *values = g_new(int, (gsize)across *across * 3);

    for (gsize i = 0; i < (gsize)across * across * 3; i++)
      values[i] = g_rand_int_range(random, -128, 128);
    for (gsize i = 0; i < (gsize)side * side * 3; i++)
      sums[i] += values[(i / 3 / side / block * across + i / 3 % side / block) * 3 + i % 3];
  }
  for (gsize i = 0; i < (gsize)side * side * 3; i++)
    rgb[i] = (guint8)CLAMP(sums[i] / 2 + 128, 0, 255);
  g_rand_free(random);
}

static double
cosine(const float *a, const float *b, guint dimensions)
{
  double sum = 0;

  for (guint i = 0; i < dimensions; i++)
    sum += (double)a[i] * b[i];
  return sum;
}

/* Embeds the same pictures and words by another model of the same weights in fp32, on the same device. */
static gboolean
compare_with_fp32(struct model *model, const SacDevice *device, const char *folder, struct measured *measured,
                  GError **error)
{
  const guint side = measured->info.input_side, dimensions = measured->info.dimensions;
  const guint n_pictures = measured->info.embeds_pictures ? COMPARED * measured->info.clip_frames : 0;
  const gsize bytes = (gsize)side * side * 3;
  const struct model_params params = { .batch = MIN(COMPARED, measured->info.preferred_batch),
                                       .precision = MODEL_PRECISION_FP32,
                                       .findings = device->findings };
  g_autofree guint8 *pixels = g_malloc(n_pictures * bytes + 1);
  g_autofree struct model_picture *pictures = g_new(struct model_picture, n_pictures + 1);
  g_autofree float *vectors = g_new(float, (gsize)2 * COMPARED * dimensions);
  struct model_calibration calibration;
  struct model *models[2] = { model, NULL };
  struct compute_error failure;
  gboolean good = !failed(model_open(device->device, folder, &params, &models[1], &failure), &failure, error);

  for (guint i = 0; i < n_pictures; i++) {
    fill_with_noise(pixels + i * bytes, side, i);
    pictures[i] = (struct model_picture){
      .pixels = pixels + i * bytes, .width = side, .height = side, .stride = (gsize)side * 3
    };
  }
  for (int i = 0; i < 2 && good && n_pictures > 0; i++)
    good = !failed(
        model_embed_pictures(models[i], pictures, COMPARED, vectors + (gsize)i * COMPARED * dimensions, &failure),
        &failure, error);
  measured->picture_cosine = good && n_pictures > 0 ? 1 : 0;
  for (gsize i = 0; i < COMPARED && measured->picture_cosine > 0; i++)
    measured->picture_cosine = MIN(measured->picture_cosine,
                                   cosine(vectors + i * dimensions, vectors + (COMPARED + i) * dimensions, dimensions));
  for (int i = 0; i < 2 && good && measured->info.embeds_texts; i++)
    good = !failed(model_embed_query(models[i], QUERY, vectors + (gsize)i * dimensions, &calibration, &failure),
                   &failure, error);
  if (good && measured->info.embeds_texts)
    measured->query_cosine = cosine(vectors, vectors + dimensions, dimensions);
  model_close(&models[1]);
  return good;
}

static bool
show_tuning(void *user, double done)
{
  cli_progress(_("finding out what is fastest"), done, NULL, -1);
  return !g_cancellable_is_cancelled(cli_cancellable());
}

static gboolean
measure_on(const SacDevice *device, const char *folder, const struct arguments *arguments, struct measured *measured,
           GError **error)
{
  const struct model_params params = { .batch = (unsigned)arguments->batch,
                                       .precision = arguments->precision,
                                       .findings = device->findings };
  struct model *model = NULL;
  struct compute_error failure;
  const double begin = now();

  if (failed(model_open(device->device, folder, &params, &model, &failure), &failure, error))
    return FALSE;
  measured->open_seconds = now() - begin;
  measured->info = *model_get_info(model);
  const struct nn_tune_params tuning = { .progress = show_tuning };
  if (arguments->retune)
    nn_findings_forget_speed(device->findings);
  gboolean done =
      (!arguments->retune || !failed(model_tune(model, device->findings, &tuning, &failure), &failure, error)) &&
      (!measured->info.embeds_pictures ||
       measure_pictures(model, device, folder, &params, arguments->runs, measured, error)) &&
      (!measured->info.embeds_texts || time_queries(model, arguments->runs, measured, error));
  if (measured->weight_bytes == 0)
    measured->weight_bytes = (double)model_weight_bytes(model);
  if (done && measured->info.precision != MODEL_PRECISION_FP32)
    done = compare_with_fp32(model, device, folder, measured, error);
  model_close(&model);
  return done;
}

static gboolean
measure(const struct arguments *arguments, struct measured *measured, GError **error)
{
  g_autofree char *folder = sac_encoder_find_model(arguments->model, error);
  SacDevice device = { 0 };
  gboolean done = FALSE;

  if (!folder)
    return FALSE;
  if (sac_device_open(&device, arguments->device, error)) {
    g_strlcpy(measured->device, gpu_device_get_info(device.device)->name, sizeof measured->device);
    done = measure_on(&device, folder, arguments, measured, error);
  }
  sac_device_clear(&device);
  return done;
}

static void
print_json(const struct measured *measured)
{
  JsonBuilder *json = json_builder_new();

  json_builder_begin_object(json);
  bench_add_string(json, "model", measured->info.id);
  bench_add_string(json, "device", measured->device);
  bench_add_string(json, "precision", model_precision_name(measured->info.precision));
  bench_add_number(json, "weight_megabytes", measured->weight_bytes / 1e6);
  if (measured->picture_cosine != 0)
    bench_add_number(json, "picture_cosine_with_fp32", measured->picture_cosine);
  if (measured->query_cosine != 0)
    bench_add_number(json, "query_cosine_with_fp32", measured->query_cosine);
  bench_add_number(json, "open_milliseconds", measured->open_seconds * 1e3);
  if (measured->info.embeds_texts) {
    bench_add_number(json, "first_query_milliseconds", measured->first_query_seconds * 1e3);
    bench_add_number(json, "query_milliseconds", measured->query_seconds * 1e3);
  }
  if (measured->info.embeds_pictures) {
    bench_add_integer(json, "batch", measured->info.preferred_batch);
    bench_add_integer(json, "clip_frames", measured->info.clip_frames);
    bench_add_number(json, "first_picture_milliseconds", measured->first_seconds * 1e3);
    bench_add_number(json, "single_picture_milliseconds", measured->single_seconds * 1e3);
    bench_add_number(json, "picture_milliseconds", measured->batch_seconds * 1e3);
    bench_add_number(json, "picture_gflop", measured->operations / 1e9);
    bench_add_number(json, "gflop_per_second", measured->operations / measured->batch_seconds / 1e9);
    bench_add_number(json, "peak_gflop_per_second", measured->peaks.operations / 1e9);
    bench_add_number(json, "peak_gigabytes_per_second", measured->peaks.bytes / 1e9);
    bench_add_number(json, "peak_megabytes", measured->peak_bytes / 1e6);
    json_builder_set_member_name(json, "operations");
    json_builder_begin_array(json);
    for (guint i = 0; i < measured->shares->len; i++) {
      const struct share *share = &g_array_index(measured->shares, struct share, i);

      json_builder_begin_object(json);
      bench_add_string(json, "operation", share->op);
      bench_add_string(json, "kernel", share->kernel);
      bench_add_number(json, "milliseconds", share->seconds * 1e3);
      bench_add_number(json, "share", measured->profiled_seconds > 0 ? share->seconds / measured->profiled_seconds : 0);
      bench_add_number(json, "gflop", share->operations / 1e9);
      bench_add_number(json, "megabytes", share->bytes / 1e6);
      bench_add_number(json, "floor_milliseconds", share->floor_seconds * 1e3);
      json_builder_end_object(json);
    }
    json_builder_end_array(json);
  }
  json_builder_end_object(json);
  cli_print_json(json);
}

static void
print_shares(const struct measured *measured)
{
  CliTable *table = cli_table_new(7);

  cli_table_add(table, _("operation"), _("kernel"), _(" ms a picture"), _(" share"), " GFLOP/s", " GB/s",
                _(" of its floor"));
  for (guint i = 0; i < measured->shares->len; i++) {
    const struct share *share = &g_array_index(measured->shares, struct share, i);
    const double seconds = share->seconds;
    g_autofree char *time = g_strdup_printf("%.2f", seconds * 1e3);
    g_autofree char *part = g_strdup_printf("%.0f %%", 100 * seconds / MAX(measured->profiled_seconds, 1e-12));
    g_autofree char *speed = g_strdup_printf("%.1f", seconds > 0 ? share->operations / seconds / 1e9 : 0);
    g_autofree char *bandwidth = g_strdup_printf("%.1f", seconds > 0 ? share->bytes / seconds / 1e9 : 0);
    g_autofree char *floor = g_strdup_printf("%.0f %%", seconds > 0 ? 100 * share->floor_seconds / seconds : 0);

    cli_table_add(table, share->op, share->kernel, time, part, speed, bandwidth, floor);
  }
  cli_table_print(table);
  g_print(_("The device's peaks: %.0f GFLOP/s, %.1f GB/s\n"), measured->peaks.operations / 1e9,
          measured->peaks.bytes / 1e9);
}

static void
print_text(const struct measured *measured)
{
  g_print(_("%s on %s, weights in %s (%.1f MB)\n"), measured->info.id, measured->device,
          model_precision_name(measured->info.precision), measured->weight_bytes / 1e6);
  if (measured->picture_cosine != 0)
    g_print(_("with fp32 pictures have a cosine of %.6f at least\n"), measured->picture_cosine);
  if (measured->query_cosine != 0)
    g_print(_("with fp32 a query has a cosine of %.6f\n"), measured->query_cosine);
  g_print(_("opened in        %8.1f ms\n"), measured->open_seconds * 1e3);
  if (measured->info.embeds_texts)
    g_print(_("a query          %8.1f ms   (the first %.1f ms)\n"), measured->query_seconds * 1e3,
            measured->first_query_seconds * 1e3);
  if (!measured->info.embeds_pictures)
    return;
  if (measured->info.clip_frames > 1)
    g_print(_("a picture is a clip of %u here\n"), measured->info.clip_frames);
  g_print(_("a picture alone  %8.1f ms   (the first %.1f ms)\n"), measured->single_seconds * 1e3,
          measured->first_seconds * 1e3);
  g_print(_("a picture of %-3u %8.1f ms   %.1f GFLOP/s at %.2f GFLOP a picture\n"), measured->info.preferred_batch,
          measured->batch_seconds * 1e3, measured->operations / measured->batch_seconds / 1e9,
          measured->operations / 1e9);
  if (measured->profiled_seconds > 0)
    print_shares(measured);
}

static int
run(const struct cli_command *command, int argc, char **argv)
{
  struct arguments arguments = { .device = -1, .runs = 5 };
  struct cli_options options = { 0 };
  const GOptionEntry entries[] = {
    { "model", 0, 0, G_OPTION_ARG_STRING, &arguments.model, N_("The model (default: starter)"), N_("ID") },
    { "device", 0, 0, G_OPTION_ARG_INT, &arguments.device, N_("The Vulkan device, as saccade devices numbers them"),
      N_("N") },
    { "batch", 0, 0, G_OPTION_ARG_INT, &arguments.batch, N_("Pictures a run (default: what suits the device)"),
      N_("N") },
    { "precision", 0, 0, G_OPTION_ARG_STRING, &arguments.precision_name,
      N_("How weights are stored: fp32, fp16 or int8 (default: what suits the device)"), N_("NAME") },
    { "runs", 0, 0, G_OPTION_ARG_INT, &arguments.runs, N_("Runs to take the median of (default: 5)"), N_("N") },
    { "retune", 0, 0, G_OPTION_ARG_NONE, &arguments.retune,
      N_("First find out anew which kernels are fastest on this device, and keep it"), NULL },
    { NULL },
  };
  struct measured measured = { 0 };
  GError *error = NULL;
  int status;

  if (!cli_parse(command, &argc, &argv, entries, &options, &status))
    return status;
  if (!arguments.model)
    arguments.model = g_strdup("starter");
  measured.shares = g_array_new(FALSE, TRUE, sizeof(struct share));
  if (argc > 1)
    status = cli_usage_error(command, _("what is “%s”?"), argv[1]);
  else if (arguments.batch < 0 || arguments.batch > 1024 || arguments.runs < 1 || arguments.runs > 10000)
    status = cli_usage_error(command, _("--batch is a number up to 1024, --runs one from 1 to 10000"));
  else if (arguments.precision_name && !model_precision_parse(arguments.precision_name, &arguments.precision))
    status = cli_usage_error(command, _("--precision is fp32, fp16 or int8, not “%s”"), arguments.precision_name);
  else if (!measure(&arguments, &measured, &error))
    status = cli_fail(error);
  else {
    cli_progress_done();
    if (options.json)
      print_json(&measured);
    else
      print_text(&measured);
    status = 0;
  }
  g_array_unref(measured.shares);
  g_free(arguments.model);
  g_free(arguments.precision_name);
  cli_options_clear(&options);
  return status;
}

const struct cli_bench cli_bench_encode = {
  .name = "encode",
  .usage = "[--model ID] [--device N] [--batch N] [--precision NAME] [--runs N] [--retune]",
  .run = run,
};
