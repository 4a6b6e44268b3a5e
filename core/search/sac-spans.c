/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/search/sac-spans.h"

#include <math.h>
#include <string.h>

#define BINS 2048
/* Spreads above the median: low enough that a library which is full of what was asked for still shows it, and the ranking does the rest. */
#define THRESHOLD_SPREADS 1.5f

static float
median_of_bins(const gsize *bins, gsize n)
{
  gsize seen = 0;
  for (int i = 0; i < BINS; i++) {
    seen += bins[i];
    if (2 * seen >= n)
      return ((float)i + 0.5f) / BINS;
  }
  return 0;
}

static int
bin_of(float value)
{
  return (int)(CLAMP(value, 0.0f, 1.0f) * (BINS - 1));
}

SacDistribution
sac_distribution(const float *scores, const gint64 *valid, gsize n)
{
  SacDistribution distribution = { 0 };
  gsize *bins = g_new0(gsize, BINS), used = 0;
  for (gsize i = 0; i < n; i++)
    if (valid == NULL || valid[i] != 0) {
      bins[bin_of(scores[i])]++;
      distribution.largest = MAX(distribution.largest, scores[i]);
      used++;
    }
  if (used > 0) {
    distribution.median = median_of_bins(bins, used);
    memset(bins, 0, BINS * sizeof *bins);
    for (gsize i = 0; i < n; i++)
      if (valid == NULL || valid[i] != 0)
        bins[bin_of(fabsf(scores[i] - distribution.median))]++;
    distribution.spread = 1.4826f * median_of_bins(bins, used);
  }
  g_free(bins);
  return distribution;
}

float
sac_distribution_threshold(const SacDistribution *distribution)
{
  /* Smoothing leaves a lone sample half of its score. */
  return MIN(distribution->median + THRESHOLD_SPREADS * distribution->spread, 0.49f * distribution->largest);
}

static gboolean
are_neighbours(const gint64 *times, gsize i, gsize j, gint64 interval_us)
{
  return interval_us == 0 || 2 * (times[j] - times[i]) <= 5 * interval_us;
}

void
sac_spans_smooth(const gint64 *times, const float *scores, gsize n, gint64 interval_us, float *out)
{
  for (gsize i = 0; i < n; i++) {
    float sum = 2 * scores[i], weight = 2;
    if (i > 0 && are_neighbours(times, i - 1, i, interval_us)) {
      sum += scores[i - 1];
      weight += 1;
    }
    if (i + 1 < n && are_neighbours(times, i, i + 1, interval_us)) {
      sum += scores[i + 1];
      weight += 1;
    }
    out[i] = sum / weight;
  }
}

struct curve {
  const gint64 *times;
  const float *scores, *smoothed;
  gsize n;
  gint64 interval_us;
};

/* How far a span reaches from its peak in one direction (-1, +1), over samples that no higher peak has taken. */
static gsize
reach(const struct curve *curve, const guint8 *taken, gsize from, int direction, float level)
{
  gsize i = from;
  for (;;) {
    if ((direction < 0 && i == 0) || (direction > 0 && i + 1 == curve->n))
      return i;
    gsize next = i + direction, earlier = MIN(i, next);
    if (taken[next] || curve->smoothed[next] < level ||
        !are_neighbours(curve->times, earlier, earlier + 1, curve->interval_us))
      return i;
    i = next;
  }
}

/* What only falls away from a span is its slope, not a moment of its own. */
static void
take_slope(const struct curve *curve, guint8 *taken, gsize from, int direction)
{
  for (gsize i = from; (direction < 0 ? i > 0 : i + 1 < curve->n);) {
    gsize next = i + direction;
    if (taken[next] || curve->smoothed[next] > curve->smoothed[i])
      return;
    taken[next] = 1;
    i = next;
  }
}

/* The peak itself counts most; one neighbour that agrees with it makes it surer. A single sample of a short shot loses little. */
static float
score_of_span(const struct curve *curve, gsize first, gsize last)
{
  gsize best = first;
  for (gsize i = first; i <= last; i++)
    if (curve->scores[i] > curve->scores[best])
      best = i;
  float beside = 0;
  if (best > 0)
    beside = MAX(beside, curve->scores[best - 1]);
  if (best + 1 < curve->n)
    beside = MAX(beside, curve->scores[best + 1]);
  return curve->n == 1 ? curve->scores[best] : 0.8f * curve->scores[best] + 0.2f * MIN(beside, curve->scores[best]);
}

struct peak {
  float height;
  gsize sample;
};

static int
compare_peaks(gconstpointer a, gconstpointer b)
{
  const struct peak *one = a, *other = b;
  if (one->height != other->height)
    return one->height > other->height ? -1 : 1;
  return one->sample < other->sample ? -1 : one->sample > other->sample;
}

void
sac_spans_find(const gint64 *times, const float *scores, const float *smoothed, gsize n, gint64 interval_us,
               gint64 duration_us, const SacDistribution *distribution, GArray *spans)
{
  struct curve curve = { times, scores, smoothed, n, interval_us };
  float threshold = sac_distribution_threshold(distribution);
  g_autoptr(GArray) peaks = g_array_new(FALSE, FALSE, sizeof(struct peak));
  for (gsize i = 0; i < n; i++)
    if (smoothed[i] >= threshold && smoothed[i] > 0) {
      struct peak peak = { smoothed[i], i };
      g_array_append_val(peaks, peak);
    }
  g_array_sort(peaks, compare_peaks);
  g_autofree guint8 *taken = g_new0(guint8, n);
  for (guint p = 0; p < peaks->len; p++) {
    const struct peak *peak = &g_array_index(peaks, struct peak, p);
    if (taken[peak->sample])
      continue;
    float level = MAX(threshold, (peak->height + distribution->median) / 2);
    SacSpan span = { .peak = peak->sample };
    span.first = reach(&curve, taken, peak->sample, -1, level);
    span.last = reach(&curve, taken, peak->sample, 1, level);
    span.score = score_of_span(&curve, span.first, span.last);
    memset(taken + span.first, 1, span.last - span.first + 1);
    take_slope(&curve, taken, span.first, -1);
    take_slope(&curve, taken, span.last, 1);
    gint64 end = MAX(duration_us > 0 ? duration_us : times[n - 1] + interval_us, times[n - 1]);
    span.start_us = span.first == 0 ? 0 : (times[span.first - 1] + times[span.first]) / 2;
    span.end_us = span.last + 1 == n ? end : (times[span.last] + times[span.last + 1]) / 2;
    g_array_append_val(spans, span);
  }
}
