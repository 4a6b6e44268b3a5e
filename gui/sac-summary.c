/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-summary.h"

#include <string.h>

#define FAN 4
#define MAX_LEVELS 32

struct _SacSummary {
  guint n_levels;
  gsize lengths[MAX_LEVELS];
  float *levels[MAX_LEVELS];
};

SacSummary *
sac_summary_new(const float *values, gsize n)
{
  SacSummary *summary = g_new0(SacSummary, 1);
  summary->n_levels = 1;
  summary->lengths[0] = n;
  summary->levels[0] = g_new(float, MAX(n, 1));
  if (n > 0) {
    memcpy(summary->levels[0], values, n * sizeof *values);
  }
  while (summary->lengths[summary->n_levels - 1] > FAN) {
    const float *below = summary->levels[summary->n_levels - 1];
    gsize below_length = summary->lengths[summary->n_levels - 1];
    gsize length = (below_length + FAN - 1) / FAN;
    float *level = g_new(float, length);
    for (gsize i = 0; i < length; i++) {
      float greatest = below[i * FAN];
      for (gsize j = i * FAN + 1; j < MIN(below_length, (i + 1) * FAN); j++) {
        greatest = MAX(greatest, below[j]);
      }
      level[i] = greatest;
    }
    summary->levels[summary->n_levels] = level;
    summary->lengths[summary->n_levels] = length;
    summary->n_levels++;
  }
  return summary;
}

void
sac_summary_free(SacSummary *summary)
{
  if (!summary) {
    return;
  }
  for (guint i = 0; i < summary->n_levels; i++) {
    g_free(summary->levels[i]);
  }
  g_free(summary);
}

gsize
sac_summary_length(const SacSummary *summary)
{
  return summary->lengths[0];
}

float
sac_summary_maximum(const SacSummary *summary, gsize first, gsize end)
{
  end = MIN(end, summary->lengths[0]);
  if (first >= end) {
    return 0.0f;
  }
  float greatest = summary->levels[0][first];
  for (guint level = 0; first < end; level++) {
    const float *values = summary->levels[level];
    gboolean is_top = level + 1 == summary->n_levels;
    while (first < end && (is_top || first % FAN != 0)) {
      greatest = MAX(greatest, values[first]);
      first++;
    }
    while (first < end && end % FAN != 0) {
      end--;
      greatest = MAX(greatest, values[end]);
    }
    first /= FAN;
    end /= FAN;
  }
  return greatest;
}
