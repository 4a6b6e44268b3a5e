/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/cli/cli.h"

/* One thing that saccade bench measures: one file bench-NAME.c each, listed in cmd-bench.c or added by the program. */
struct cli_bench {
  const char *name;
  const char *usage;   /* what follows the name */
  const char *summary; /* what --help says first; NULL: what it says of every measurement */
  /* argv[0] is the bench's name; command is for cli_parse() and cli_usage_error(). Returns the exit status. */
  int (*run)(const struct cli_command *command, int argc, char **argv);
};

/* Adds one that belongs to a room that this one must not see; before sac_cli_main(). */
void cli_bench_add(const struct cli_bench *bench);

extern const struct cli_bench cli_bench_decode;
extern const struct cli_bench cli_bench_encode;
extern const struct cli_bench cli_bench_index;
extern const struct cli_bench cli_bench_search;
extern const struct cli_bench cli_bench_seek;

/* ---- What they share (bench.c) ---- */

/* Seconds, of the clock and of all processors together, that a piece of work took; or a point in both. */
struct bench_time {
  double seconds, cpu_seconds;
};

struct bench_time bench_now(void);
struct bench_time bench_since(struct bench_time begin);

/* The members' medians, each by itself; the values are sorted by that. n is at least 1. */
struct bench_time bench_median(struct bench_time *times, guint n);

/* "name": value, into the object that the builder is in. */
void bench_add_number(JsonBuilder *json, const char *name, double value);
void bench_add_integer(JsonBuilder *json, const char *name, gint64 value);
void bench_add_string(JsonBuilder *json, const char *name, const char *value);
