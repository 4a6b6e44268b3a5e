/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/cli/cli.h"

/* One thing that saccade bench measures: one file bench-NAME.c each, listed in cmd-bench.c. */
struct cli_bench {
  const char *name;
  const char *usage; /* what follows the name */
  /* argv[0] is the bench's name; command is for cli_parse() and cli_usage_error(). Returns the exit status. */
  int (*run)(const struct cli_command *command, int argc, char **argv);
};

extern const struct cli_bench cli_bench_encode;
extern const struct cli_bench cli_bench_search;
