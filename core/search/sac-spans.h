/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * From scores along a video to spans of it. All functions are pure and may be called from any thread.
 *
 * A curve is n samples in the order of time with their scores in 0…1.
 */

G_BEGIN_DECLS

typedef struct {
  gint64 start_us, end_us;
  gsize first, last, peak; /* samples */
  float score;
} SacSpan;

/* How a query's scores are distributed over the library: median and spread (1.4826 · median absolute deviation, which is a normal
 * distribution's standard deviation). */
typedef struct {
  float median, spread, largest;
} SacDistribution;

/* Of scores[i] where valid[i] is not 0; valid NULL: all. To a part in 2048. */
SacDistribution sac_distribution(const float *scores, const gint64 *valid, gsize n);

/* What a sample's smoothed score must reach to be part of a moment. Never above the largest, so that the nearest is always found. */
float sac_distribution_threshold(const SacDistribution *distribution);

/* out[i] is (1 2 1) / 4 over i and its neighbours, of those not further than 2.5 intervals away. */
void sac_spans_smooth(const gint64 *times, const float *scores, gsize n, gint64 interval_us, float *out);

/* Appends the curve's spans (SacSpan) to spans, the highest peak first. A span is what around a peak stays above the threshold and above the
 * middle between the peak and the median; its ends are the midpoints between the last sample inside and the first outside, the first
 * sample's begins at 0 and the last one's ends with the video (duration 0: an interval later). */
void sac_spans_find(const gint64 *times, const float *scores, const float *smoothed, gsize n, gint64 interval_us,
                    gint64 duration_us, const SacDistribution *distribution, GArray *spans);

G_END_DECLS
