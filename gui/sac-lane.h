/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/library/sac-library.h"

/*
 * The moments of one lane of the timeline, ordered by their start and laid out in rows so that none lies under another:
 *
 *      row 0   ├──a──┤      ├─────d─────┤        each moment goes to the first row that is free when it starts
 *      row 1      ├──b──┤      ├─e─┤
 *      beyond        ├c┤                         what finds no row is only counted
 *
 * Within a row both starts and ends grow, so what a view shows is found by halving, without reading the rest. A moment's row
 * does not depend on the view. Immutable; main thread.
 */

G_BEGIN_DECLS

#define SAC_LANE_ROWS 4

typedef struct _SacLane SacLane;

/* moments: (element-type SacMoment), in any order. They are not copied and must outlive it. */
SacLane *sac_lane_new(GPtrArray *moments);
void sac_lane_free(SacLane *lane);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacLane, sac_lane_free)

/* Moments are numbered by their start. */
guint sac_lane_length(const SacLane *lane);
const SacMoment *sac_lane_get(const SacLane *lane, guint index);
/* Of the moment; SAC_LANE_ROWS: beyond. */
guint sac_lane_get_row(const SacLane *lane, guint index);
/* How many rows it takes, beyond as one of them: 0 … SAC_LANE_ROWS + 1. */
guint sac_lane_count_rows(const SacLane *lane);

/* One bar to draw: the moments of a row from `first` on, count of them, that are drawn as one because they are narrow and close; or
 * a single one that is wide enough to stand alone. */
typedef struct {
  guint first, count;
  double x, end_x; /* pixels from the view's start, not cut to it */
} SacLaneBar;

/* Calls draw for each bar of a row (< SAC_LANE_ROWS) that is seen in [view_start_us, view_start_us + width · us_per_pixel). A moment narrower
 * than narrow pixels is as wide as that, and one with its neighbours where they are as close. Takes time by the bars, not by the moments. */
void sac_lane_foreach_bar(const SacLane *lane, guint row, gint64 view_start_us, double us_per_pixel, double width,
                          double narrow, void (*draw)(const SacLane *lane, const SacLaneBar *bar, gpointer data),
                          gpointer data);

/* How many moments of the rows from first_row on, and beyond, start in [from_us, to_us). */
guint sac_lane_count_starts(const SacLane *lane, guint first_row, gint64 from_us, gint64 to_us);

/* The number of the moment of a row that holds time_us give or take slack_us, the nearest of several; -1 where there is none. */
int sac_lane_find(const SacLane *lane, guint row, gint64 time_us, gint64 slack_us);
/* The number of the first moment that starts at time_us or later; the lane's length where there is none. */
guint sac_lane_find_start(const SacLane *lane, gint64 time_us);
/* The number of the moment with the id; -1. */
int sac_lane_find_id(const SacLane *lane, const char *id);

/* The start or end of a moment that is nearest to time_us; -1 where there is none within reach_us. */
gint64 sac_lane_nearest_edge(const SacLane *lane, gint64 time_us, gint64 reach_us);

G_END_DECLS
