/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/cli/cli-bench.h"

/* saccade bench timeline: what a scroll and a zoom over very many moments cost. */
extern const struct cli_bench sac_bench_timeline;
