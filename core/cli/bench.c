/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/resource.h>

#include "core/cli/cli-bench.h"

struct bench_time
bench_now(void)
{
  struct rusage usage = { 0 };

  getrusage(RUSAGE_SELF, &usage);
  return (struct bench_time){ (double)g_get_monotonic_time() / G_USEC_PER_SEC,
                              (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                                  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / G_USEC_PER_SEC };
}

struct bench_time
bench_since(struct bench_time begin)
{
  const struct bench_time now = bench_now();

  return (struct bench_time){ now.seconds - begin.seconds, now.cpu_seconds - begin.cpu_seconds };
}

static int
by_seconds(const void *a, const void *b)
{
  const double x = ((const struct bench_time *)a)->seconds, y = ((const struct bench_time *)b)->seconds;

  return (x > y) - (x < y);
}

static int
by_cpu_seconds(const void *a, const void *b)
{
  const double x = ((const struct bench_time *)a)->cpu_seconds, y = ((const struct bench_time *)b)->cpu_seconds;

  return (x > y) - (x < y);
}

struct bench_time
bench_median(struct bench_time *times, guint n)
{
  struct bench_time median;

  qsort(times, n, sizeof *times, by_cpu_seconds);
  median.cpu_seconds = times[n / 2].cpu_seconds;
  qsort(times, n, sizeof *times, by_seconds);
  median.seconds = times[n / 2].seconds;
  return median;
}

void
bench_add_number(JsonBuilder *json, const char *name, double value)
{
  json_builder_set_member_name(json, name);
  json_builder_add_double_value(json, value);
}

void
bench_add_integer(JsonBuilder *json, const char *name, gint64 value)
{
  json_builder_set_member_name(json, name);
  json_builder_add_int_value(json, value);
}

void
bench_add_string(JsonBuilder *json, const char *name, const char *value)
{
  json_builder_set_member_name(json, name);
  json_builder_add_string_value(json, value);
}
