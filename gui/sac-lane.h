/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/library/sac-library.h"

/*
 * The moments of one lane of the timeline, ordered by their start, so that what a view shows of them is found without reading
 * the rest. Immutable; main thread.
 */

G_BEGIN_DECLS

typedef struct _SacLane SacLane;

/* moments: (element-type SacMoment), in any order; those whose kind is in kinds (NULL-terminated) are copied. */
SacLane *sac_lane_new(GPtrArray *moments, const char *const *kinds);
void sac_lane_free(SacLane *lane);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacLane, sac_lane_free)

guint sac_lane_length(const SacLane *lane);
const SacMoment *sac_lane_get(const SacLane *lane, guint index);

/* One bar to draw: moments [first, first + count) whose bars touch, or a single one that is wide enough to stand alone. */
typedef struct {
  guint first, count;
  double x, end_x; /* pixels from the view's start, not cut to it */
} SacLaneBar;

/* Calls draw for each bar of what is seen of [view_start_us, view_start_us + width · us_per_pixel), at most about one a pixel. A moment
 * narrower than narrow pixels is drawn together with its neighbours. Takes time by the bars, not by the moments. */
void sac_lane_foreach_bar(const SacLane *lane, gint64 view_start_us, double us_per_pixel, double width, double narrow,
                          void (*draw)(const SacLane *lane, const SacLaneBar *bar, gpointer data), gpointer data);

/* The shortest moment that holds time_us give or take slack_us; NULL where there is none. */
const SacMoment *sac_lane_find(const SacLane *lane, gint64 time_us, gint64 slack_us);

G_END_DECLS
