/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * The greatest of any stretch of a long series in logarithmic time: what a pixel of the timeline shows of the samples that fall
 * into it, however many they are. A pyramid of maxima, each level a quarter of the one below. Immutable; main thread.
 */

G_BEGIN_DECLS

typedef struct _SacSummary SacSummary;

/* values are copied, [n]. */
SacSummary *sac_summary_new(const float *values, gsize n);
void sac_summary_free(SacSummary *summary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacSummary, sac_summary_free)

gsize sac_summary_length(const SacSummary *summary);

/* The greatest of values [first, end), which is cut to the series; 0 for an empty stretch. */
float sac_summary_maximum(const SacSummary *summary, gsize first, gsize end);

G_END_DECLS
