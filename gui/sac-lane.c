/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-lane.h"

#include <string.h>

typedef struct {
  guint n;
  guint *numbers; /* of its moments */
  gint64 *starts; /* both grow, except the ends of what is beyond */
  gint64 *ends;
} Row;

struct _SacLane {
  guint n;
  const SacMoment **moments; /* by start */
  guint8 *rows_of;
  Row rows[SAC_LANE_ROWS + 1]; /* the last: what is beyond */
};

static int
compare_starts(gconstpointer a, gconstpointer b)
{
  const SacMoment *first = *(const SacMoment *const *)a, *second = *(const SacMoment *const *)b;
  if (first->start_us != second->start_us) {
    return first->start_us < second->start_us ? -1 : 1;
  }
  /* The longer first: it is the one that others lie within. */
  return first->end_us > second->end_us ? -1 : first->end_us < second->end_us;
}

static gint64
end_of(const SacMoment *moment)
{
  return MAX(moment->end_us, moment->start_us + 1);
}

static void
lay_out(SacLane *lane)
{
  gint64 free_from[SAC_LANE_ROWS];
  for (guint row = 0; row < SAC_LANE_ROWS; row++) {
    free_from[row] = G_MININT64;
  }
  for (guint i = 0; i < lane->n; i++) {
    guint row = 0;
    while (row < SAC_LANE_ROWS && free_from[row] > lane->moments[i]->start_us) {
      row++;
    }
    if (row < SAC_LANE_ROWS) {
      free_from[row] = end_of(lane->moments[i]);
    }
    lane->rows_of[i] = (guint8)row;
    lane->rows[row].n++;
  }
  for (guint row = 0; row <= SAC_LANE_ROWS; row++) {
    Row *of = &lane->rows[row];
    of->numbers = g_new(guint, of->n);
    of->starts = g_new(gint64, of->n);
    of->ends = g_new(gint64, of->n);
    of->n = 0;
  }
  for (guint i = 0; i < lane->n; i++) {
    Row *of = &lane->rows[lane->rows_of[i]];
    of->numbers[of->n] = i;
    of->starts[of->n] = lane->moments[i]->start_us;
    of->ends[of->n] = end_of(lane->moments[i]);
    of->n++;
  }
}

SacLane *
sac_lane_new(GPtrArray *moments)
{
  SacLane *lane = g_new0(SacLane, 1);
  gboolean is_sorted = TRUE;
  lane->n = moments->len;
  lane->moments = g_new(const SacMoment *, moments->len);
  for (guint i = 0; i < moments->len; i++) {
    lane->moments[i] = g_ptr_array_index(moments, i);
    is_sorted = is_sorted && (i == 0 || compare_starts(&lane->moments[i - 1], &lane->moments[i]) <= 0);
  }
  if (!is_sorted) {
    qsort(lane->moments, lane->n, sizeof *lane->moments, compare_starts);
  }
  lane->rows_of = g_new(guint8, lane->n);
  lay_out(lane);
  return lane;
}

void
sac_lane_free(SacLane *lane)
{
  if (!lane) {
    return;
  }
  for (guint row = 0; row <= SAC_LANE_ROWS; row++) {
    g_free(lane->rows[row].numbers);
    g_free(lane->rows[row].starts);
    g_free(lane->rows[row].ends);
  }
  g_free(lane->moments);
  g_free(lane->rows_of);
  g_free(lane);
}

guint
sac_lane_length(const SacLane *lane)
{
  return lane->n;
}

const SacMoment *
sac_lane_get(const SacLane *lane, guint index)
{
  return lane->moments[index];
}

guint
sac_lane_get_row(const SacLane *lane, guint index)
{
  return lane->rows_of[index];
}

guint
sac_lane_count_rows(const SacLane *lane)
{
  guint n = SAC_LANE_ROWS + 1;
  while (n > 0 && lane->rows[n - 1].n == 0) {
    n--;
  }
  return n;
}

/* The first of values[from … n), which grow, that is at least (or, strictly, more than) value. Looks near `from` first. */
static guint
first_from(const gint64 *values, guint n, guint from, gint64 value, gboolean strictly)
{
  guint low = from, step = 1;
  while (low < n && (strictly ? values[low] <= value : values[low] < value)) {
    if (n - low <= step) {
      break;
    }
    guint next = low + step;
    if (strictly ? values[next] > value : values[next] >= value) {
      break;
    }
    low = next;
    step *= 2;
  }
  guint high = low < n && n - low > step ? low + step : n;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (strictly ? values[middle] > value : values[middle] >= value) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

void
sac_lane_foreach_bar(const SacLane *lane, guint row_number, gint64 view_start_us, double us_per_pixel, double width,
                     double narrow, void (*draw)(const SacLane *lane, const SacLaneBar *bar, gpointer data),
                     gpointer data)
{
  const Row *row = &lane->rows[row_number];
  gint64 view_end_us = view_start_us + (gint64)(width * us_per_pixel);
  guint i = first_from(row->ends, row->n, 0, view_start_us - (gint64)(narrow * us_per_pixel), TRUE);

  while (i < row->n && row->starts[i] < view_end_us) {
    SacLaneBar bar = { .first = row->numbers[i] };
    guint begin = i++;
    bar.x = (double)(row->starts[begin] - view_start_us) / us_per_pixel;
    bar.end_x = (double)(row->ends[begin] - view_start_us) / us_per_pixel;
    if (bar.end_x - bar.x < narrow) {
      bar.end_x = bar.x + narrow;
      while (i < row->n && bar.end_x < width) {
        guint next =
            first_from(row->starts, row->n, i, view_start_us + (gint64)((bar.end_x + narrow) * us_per_pixel), FALSE);
        double last_x = next > i ? (double)(row->starts[next - 1] - view_start_us) / us_per_pixel : 0;
        double last_end_x = next > i ? (double)(row->ends[next - 1] - view_start_us) / us_per_pixel : 0;
        /* One that is wide enough stands alone. */
        if (next > i && last_end_x - last_x >= narrow) {
          next--;
          last_end_x = next > i ? (double)(row->ends[next - 1] - view_start_us) / us_per_pixel : 0;
          last_x = next > i ? (double)(row->starts[next - 1] - view_start_us) / us_per_pixel : 0;
        }
        if (next == i) {
          break;
        }
        bar.end_x = MAX(bar.end_x, MAX(last_end_x, last_x + narrow));
        i = next;
      }
    }
    bar.count = i - begin;
    draw(lane, &bar, data);
  }
}

guint
sac_lane_count_starts(const SacLane *lane, guint first_row, gint64 from_us, gint64 to_us)
{
  guint count = 0;
  for (guint r = first_row; r <= SAC_LANE_ROWS; r++) {
    const Row *row = &lane->rows[r];
    guint first = first_from(row->starts, row->n, 0, from_us, FALSE);
    count += first_from(row->starts, row->n, first, to_us, FALSE) - first;
  }
  return count;
}

int
sac_lane_find(const SacLane *lane, guint row_number, gint64 time_us, gint64 slack_us)
{
  const Row *row = &lane->rows[row_number];
  gint64 best_distance = slack_us;
  int best = -1;
  for (guint i = first_from(row->ends, row->n, 0, time_us - slack_us, TRUE);
       i < row->n && row->starts[i] <= time_us + slack_us; i++) {
    gint64 distance = MAX(MAX(row->starts[i] - time_us, time_us - row->ends[i] + 1), 0);
    if (distance <= best_distance) {
      best = (int)row->numbers[i];
      if (distance == 0) {
        break;
      }
      best_distance = distance;
    }
  }
  return best;
}

guint
sac_lane_find_start(const SacLane *lane, gint64 time_us)
{
  guint low = 0, high = lane->n;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (lane->moments[middle]->start_us >= time_us) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

int
sac_lane_find_id(const SacLane *lane, const char *id)
{
  for (guint i = 0; id && i < lane->n; i++) {
    if (g_strcmp0(lane->moments[i]->id, id) == 0) {
      return (int)i;
    }
  }
  return -1;
}

static void
consider_edge(gint64 edge, gint64 time_us, gint64 *reach_us, gint64 *nearest)
{
  gint64 distance = ABS(edge - time_us);
  if (distance <= *reach_us) {
    *reach_us = distance;
    *nearest = edge;
  }
}

gint64
sac_lane_nearest_edge(const SacLane *lane, gint64 time_us, gint64 reach_us)
{
  gint64 nearest = -1;
  for (guint r = 0; r < SAC_LANE_ROWS; r++) {
    const Row *row = &lane->rows[r];
    guint start = first_from(row->starts, row->n, 0, time_us, FALSE);
    guint end = first_from(row->ends, row->n, 0, time_us, FALSE);
    for (guint i = start > 0 ? start - 1 : 0; i < MIN(start + 1, row->n); i++) {
      consider_edge(row->starts[i], time_us, &reach_us, &nearest);
    }
    for (guint i = end > 0 ? end - 1 : 0; i < MIN(end + 1, row->n); i++) {
      consider_edge(row->ends[i], time_us, &reach_us, &nearest);
    }
  }
  return nearest;
}
