/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <math.h>
#include <stdlib.h>

#include "core/cli/cli-bench.h"
#include "core/search/sac-scan.h"

/*
 * saccade bench search: the exact top k over random unit vectors. It tells the time of a query and how it compares with what the
 * machine's memory allows, which bounds every search that looks at each vector.
 */

/* Xorshift (Marsaglia, Journal of Statistical Software 8 (14), 2003): the same vectors everywhere. */
static float
next_random(guint64 *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (float)(gint32)(*state >> 32) / 2147483648.0f;
}

static void
random_unit(guint64 *state, gsize dimensions, float *out)
{
  double sum = 0;
  for (gsize i = 0; i < dimensions; i++) {
    /* Three uniform numbers are near enough to a normal one. */
    out[i] = next_random(state) + next_random(state) + next_random(state);
    sum += (double)out[i] * out[i];
  }
  for (gsize i = 0; i < dimensions; i++)
    out[i] = (float)(out[i] / sqrt(sum));
}

static int
compare_doubles(gconstpointer a, gconstpointer b)
{
  double one = *(const double *)a, other = *(const double *)b;
  return one < other ? -1 : one > other;
}

struct measure {
  const char *name;
  SacScanWay way;
  double median, best;
  gsize bytes;
};

static void
measure_way(SacScanner *scanner, SacVectors *vectors, guint passes, guint k, struct measure *measure)
{
  g_autofree double *seconds = g_new(double, passes);
  g_autofree float *query = g_new(float, vectors->dimensions);
  g_autofree SacScanHit *hits = g_new(SacScanHit, k);
  guint64 state = 0x9e3779b97f4a7c15;
  for (guint i = 0; i < passes; i++) {
    random_unit(&state, vectors->dimensions, query);
    gint64 start = g_get_monotonic_time();
    sac_scanner_best(scanner, vectors, query, measure->way, k, hits);
    seconds[i] = (double)(g_get_monotonic_time() - start) / 1e6;
  }
  qsort(seconds, passes, sizeof *seconds, compare_doubles);
  measure->median = seconds[passes / 2];
  measure->best = seconds[0];
  measure->bytes =
      vectors->count * (measure->way == SAC_SCAN_HALF ? vectors->dimensions * 2 : vectors->dimensions + sizeof(float));
}

static SacVectors *
make_vectors(gsize count, gsize dimensions)
{
  guint16 *rows = g_try_malloc_n(count, dimensions * sizeof *rows);
  if (rows == NULL)
    return NULL;
  /* Drawing a thousand million numbers takes longer than the bench: rows are rotations of a few thousand. */
  gsize drawn = MIN(count, 4096);
  guint64 state = 0x2545f4914f6cdd1d;
  g_autofree float *row = g_new(float, dimensions);
  for (gsize i = 0; i < count; i++)
    if (i < drawn) {
      random_unit(&state, dimensions, row);
      for (gsize j = 0; j < dimensions; j++)
        rows[i * dimensions + j] = sac_half_from_float(row[j]);
    } else {
      const guint16 *from = rows + i % drawn * dimensions;
      gsize shift = (i / drawn * 7 + 1) % dimensions;
      for (gsize j = 0; j < dimensions; j++)
        rows[i * dimensions + j] = from[j + shift < dimensions ? j + shift : j + shift - dimensions];
    }
  return sac_vectors_new_from_memory("bench", rows, count, dimensions);
}

static void
print_json(const struct measure *measures, guint n, gsize count, gsize dimensions, guint threads, double bandwidth)
{
  JsonBuilder *json = json_builder_new();
  json_builder_begin_object(json);
  json_builder_set_member_name(json, "vectors");
  json_builder_add_int_value(json, count);
  json_builder_set_member_name(json, "dimensions");
  json_builder_add_int_value(json, dimensions);
  json_builder_set_member_name(json, "threads");
  json_builder_add_int_value(json, threads);
  json_builder_set_member_name(json, "instructions");
  json_builder_add_string_value(json, sac_scan_instruction_set());
  json_builder_set_member_name(json, "bandwidth_bytes_per_second");
  json_builder_add_double_value(json, bandwidth);
  json_builder_set_member_name(json, "ways");
  json_builder_begin_array(json);
  for (guint i = 0; i < n; i++) {
    json_builder_begin_object(json);
    json_builder_set_member_name(json, "way");
    json_builder_add_string_value(json, measures[i].name);
    json_builder_set_member_name(json, "seconds");
    json_builder_add_double_value(json, measures[i].median);
    json_builder_set_member_name(json, "best_seconds");
    json_builder_add_double_value(json, measures[i].best);
    json_builder_set_member_name(json, "bytes");
    json_builder_add_int_value(json, measures[i].bytes);
    json_builder_set_member_name(json, "roofline_seconds");
    json_builder_add_double_value(json, (double)measures[i].bytes / bandwidth);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
  json_builder_end_object(json);
  cli_print_json(json);
}

static int
run(const struct cli_command *command, int argc, char **argv)
{
  int count = 360000, dimensions = 512, threads = 0, passes = 15, k = 10;
  const GOptionEntry entries[] = {
    { "vectors", 0, 0, G_OPTION_ARG_INT, &count, N_("how many (360000: 100 hours at one a second)"), N_("N") },
    { "dimensions", 0, 0, G_OPTION_ARG_INT, &dimensions, N_("of each (512)"), N_("N") },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, N_("threads (0: one a processor)"), N_("N") },
    { "passes", 0, 0, G_OPTION_ARG_INT, &passes, N_("queries (15)"), N_("N") },
    { "limit", 0, 0, G_OPTION_ARG_INT, &k, N_("the best so many (10)"), N_("N") },
    G_OPTION_ENTRY_NULL,
  };
  struct cli_options options = { 0 };
  int status;
  if (!cli_parse(command, &argc, &argv, entries, &options, &status))
    return status;
  gboolean json = options.json;
  cli_options_clear(&options);
  if (count < 1 || dimensions < 1 || dimensions > 16384 || threads < 0 || threads > 1024 || passes < 1 || k < 1)
    return cli_usage_error(command, _("every number is 1 or more, and --dimensions at most 16384"));

  g_autoptr(SacVectors) vectors = make_vectors(count, dimensions);
  if (vectors == NULL)
    return cli_fail(g_error_new(G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                                _("There is not enough memory for %d vectors of %d dimensions"), count, dimensions));
  g_autoptr(SacScanner) scanner = sac_scanner_new(threads);
  sac_scanner_prepare(scanner, vectors);
  double bandwidth = sac_scanner_measure_bandwidth(scanner);
  struct measure measures[] = { { _("8 bits, best ones again exactly"), SAC_SCAN_QUANTISED },
                                { _("16 bits"), SAC_SCAN_HALF } };
  for (guint i = 0; i < G_N_ELEMENTS(measures); i++)
    measure_way(scanner, vectors, passes, k, &measures[i]);

  guint n_threads = threads > 0 ? (guint)threads : g_get_num_processors();
  if (json) {
    print_json(measures, G_N_ELEMENTS(measures), count, dimensions, n_threads, bandwidth);
    return 0;
  }
  g_print(_("%d vectors of %d dimensions, %u threads, %s; memory gives %.1f GB/s\n"), count, dimensions, n_threads,
          sac_scan_instruction_set(), bandwidth / 1e9);
  CliTable *table = cli_table_new(5);
  cli_table_add(table, _("Way"), _(" Median ms"), _(" Best ms"), _(" Bandwidth allows ms"), _(" Share"));
  for (guint i = 0; i < G_N_ELEMENTS(measures); i++) {
    double roofline = (double)measures[i].bytes / bandwidth;
    g_autofree char *median = g_strdup_printf("%.2f", 1e3 * measures[i].median);
    g_autofree char *best = g_strdup_printf("%.2f", 1e3 * measures[i].best);
    g_autofree char *bound = g_strdup_printf("%.2f", 1e3 * roofline);
    g_autofree char *share = g_strdup_printf("%.0f %%", 100 * roofline / measures[i].best);
    cli_table_add(table, measures[i].name, median, best, bound, share);
  }
  cli_table_print(table);
  return 0;
}

const struct cli_bench cli_bench_search = { .name = "search",
                                            .usage = "[--vectors N] [--dimensions N] [--threads N]",
                                            .run = run };
