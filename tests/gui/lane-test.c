/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lanes of the timeline beside what looking at every moment gives. */
#include "gui/sac-lane.h"

static GPtrArray *
make_moments(guint n, gint64 length_us)
{
  GPtrArray *moments = g_ptr_array_new_with_free_func((GDestroyNotify)sac_moment_free);

  for (guint i = 0; i < n; i++) {
    SacMoment *moment = sac_moment_new();
    moment->id = g_strdup_printf("%u", i);
    moment->kind = g_strdup(SAC_KIND_TAG);
    moment->start_us = g_test_rand_int_range(0, (gint32)length_us);
    moment->end_us = moment->start_us + g_test_rand_int_range(0, (gint32)length_us / 12);
    g_ptr_array_add(moments, moment);
  }
  return moments;
}

static void
check_rows(const SacLane *lane)
{
  const guint n = sac_lane_length(lane);

  for (guint i = 0; i < n; i++) {
    const SacMoment *moment = sac_lane_get(lane, i);
    const guint row = sac_lane_get_row(lane, i);

    g_assert_cmpuint(row, <, sac_lane_count_rows(lane));
    if (i > 0)
      g_assert_cmpint(sac_lane_get(lane, i - 1)->start_us, <=, moment->start_us);
    /* None lies under another, and none is beyond while a row is free. */
    gboolean is_taken[SAC_LANE_ROWS + 1] = { FALSE };
    for (guint j = 0; j < i; j++)
      if (sac_lane_get(lane, j)->end_us > moment->start_us || sac_lane_get(lane, j)->start_us == moment->start_us)
        is_taken[sac_lane_get_row(lane, j)] = TRUE;
    g_assert_true(row == SAC_LANE_ROWS || !is_taken[row]);
    for (guint above = 0; above < row; above++)
      g_assert_true(is_taken[above]);
  }
}

static void
check_finding(const SacLane *lane, gint64 time_us, gint64 slack_us)
{
  const guint n = sac_lane_length(lane);
  gint64 nearest = G_MAXINT64;
  guint starts = 0, count = 0;

  for (guint row = 0; row < SAC_LANE_ROWS; row++) {
    const int found = sac_lane_find(lane, row, time_us, 0);
    int expected = -1;

    for (guint i = 0; i < n; i++) {
      const SacMoment *moment = sac_lane_get(lane, i);
      if (sac_lane_get_row(lane, i) == row && moment->start_us <= time_us &&
          time_us < MAX(moment->end_us, moment->start_us + 1))
        expected = (int)i;
    }
    g_assert_cmpint(found, ==, expected);
  }
  for (guint i = 0; i < n; i++) {
    const SacMoment *moment = sac_lane_get(lane, i);

    starts += moment->start_us < time_us;
    count += sac_lane_get_row(lane, i) >= 1 && moment->start_us >= time_us && moment->start_us < time_us + slack_us;
    if (sac_lane_get_row(lane, i) < SAC_LANE_ROWS)
      nearest =
          MIN(nearest, MIN(ABS(moment->start_us - time_us), ABS(MAX(moment->end_us, moment->start_us + 1) - time_us)));
  }
  g_assert_cmpuint(sac_lane_find_start(lane, time_us), ==, starts);
  g_assert_cmpuint(sac_lane_count_starts(lane, 1, time_us, time_us + slack_us), ==, count);
  const gint64 edge = sac_lane_nearest_edge(lane, time_us, slack_us);
  if (nearest <= slack_us)
    g_assert_cmpint(ABS(edge - time_us), ==, nearest);
  else
    g_assert_cmpint(edge, ==, -1);
}

typedef struct {
  guint drawn, bars;
  int next; /* the least number that may come */
  double end_x;
} Seen;

static void
on_bar(const SacLane *lane, const SacLaneBar *bar, gpointer data)
{
  Seen *seen = data;

  g_assert_cmpint((int)bar->first, >=, seen->next);
  g_assert_cmpuint(bar->count, >=, 1);
  g_assert_cmpfloat(bar->end_x - bar->x, >=, bar->count == 1 ? 0 : 2.999);
  g_assert_cmpfloat(bar->end_x, >=, seen->end_x);
  seen->next = (int)bar->first + 1;
  seen->end_x = bar->end_x;
  seen->drawn += bar->count;
  seen->bars++;
}

/* Every moment in sight is in exactly one bar, and there are no more bars than there is room for. */
static void
check_bars(const SacLane *lane, gint64 start_us, double us_per_pixel)
{
  const double width = 300, narrow = 3;
  const gint64 end_us = start_us + (gint64)(width * us_per_pixel);

  for (guint row = 0; row < SAC_LANE_ROWS; row++) {
    Seen seen = { .next = -1, .end_x = -G_MAXDOUBLE };
    guint in_sight = 0, near = 0;

    for (guint i = 0; i < sac_lane_length(lane); i++) {
      const SacMoment *moment = sac_lane_get(lane, i);
      const gboolean is_of_row = sac_lane_get_row(lane, i) == row;

      in_sight += is_of_row && moment->end_us > start_us && moment->start_us < end_us;
      near += is_of_row && moment->end_us > start_us - (gint64)(4 * narrow * us_per_pixel) &&
              moment->start_us < end_us + (gint64)(4 * narrow * us_per_pixel);
    }
    sac_lane_foreach_bar(lane, row, start_us, us_per_pixel, width, narrow, on_bar, &seen);
    g_assert_cmpuint(seen.drawn, >=, in_sight);
    g_assert_cmpuint(seen.drawn, <=, near);
    g_assert_cmpuint(seen.bars, <=, (guint)(width / narrow) + 2);
  }
}

static void
test_lanes(void)
{
  static const guint counts[] = { 0, 1, 2, 7, 97, 1000 };
  const gint64 length = 1000000;

  for (gsize i = 0; i < G_N_ELEMENTS(counts); i++) {
    g_autoptr(GPtrArray) moments = make_moments(counts[i], length);
    g_autoptr(SacLane) lane = sac_lane_new(moments);

    g_assert_cmpuint(sac_lane_length(lane), ==, counts[i]);
    check_rows(lane);
    for (int round = 0; round < 200; round++) {
      check_finding(lane, g_test_rand_int_range(-1000, (gint32)length + 1000), g_test_rand_int_range(1, 20000));
      check_bars(lane, g_test_rand_int_range(0, (gint32)length), g_test_rand_double_range(1, 4000));
    }
    for (guint number = 0; number < counts[i]; number++)
      g_assert_cmpint(sac_lane_find_id(lane, sac_lane_get(lane, number)->id), ==, (int)number);
    g_assert_cmpint(sac_lane_find_id(lane, "another"), ==, -1);
  }
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/gui/lanes", test_lanes);
  return g_test_run();
}
