/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>

#include "core/cli/cli-bench.h"

static const struct cli_bench *benches[8] = { &cli_bench_encode, &cli_bench_search, &cli_bench_decode, &cli_bench_index,
                                              &cli_bench_seek };

void
cli_bench_add(const struct cli_bench *bench)
{
  for (gsize i = 0; i < G_N_ELEMENTS(benches); i++)
    if (!benches[i]) {
      benches[i] = bench;
      return;
    }
  g_assert_not_reached();
}

static int
run(const struct cli_command *command, int argc, char **argv)
{
  const char *word = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;

  for (gsize i = 0; i < G_N_ELEMENTS(benches) && benches[i]; i++)
    if (g_strcmp0(word, benches[i]->name) == 0) {
      g_autofree char *usage = g_strconcat("bench ", benches[i]->name, NULL);
      const struct cli_command part = { .name = usage,
                                        .summary = benches[i]->summary ? benches[i]->summary : command->summary,
                                        .usage = benches[i]->usage,
                                        .run = command->run };

      return benches[i]->run(&part, argc - 1, argv + 1);
    }
  if (word)
    return cli_usage_error(command, _("there is no measurement called “%s”"), word);

  struct cli_options options = { 0 };
  int status;
  if (!cli_parse(command, &argc, &argv, NULL, &options, &status))
    return status;
  cli_options_clear(&options);
  return cli_usage_error(command, _("say what to measure"));
}

const struct cli_command cli_bench = {
  .name = "bench",
  .summary = N_("measure how fast this machine is"),
  .usage = "encode|search|decode|index|seek|timeline [OPTION…]",
  .run = run,
};
