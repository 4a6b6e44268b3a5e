/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-lane.h"

struct _SacLane {
  GPtrArray *moments; /* by start */
  gint64 *latest_end; /* of moments 0 … i: grows, so that what lies wholly before a time is found by halving */
};

static int
compare_starts(gconstpointer a, gconstpointer b)
{
  const SacMoment *first = *(const SacMoment *const *)a, *second = *(const SacMoment *const *)b;
  if (first->start_us != second->start_us) {
    return first->start_us < second->start_us ? -1 : 1;
  }
  return first->end_us < second->end_us ? -1 : first->end_us > second->end_us;
}

SacLane *
sac_lane_new(GPtrArray *moments, const char *const *kinds)
{
  SacLane *lane = g_new0(SacLane, 1);
  lane->moments = g_ptr_array_new_with_free_func((GDestroyNotify)sac_moment_free);
  for (guint i = 0; moments && i < moments->len; i++) {
    const SacMoment *moment = g_ptr_array_index(moments, i);
    if (g_strv_contains(kinds, moment->kind)) {
      g_ptr_array_add(lane->moments, sac_moment_copy(moment));
    }
  }
  g_ptr_array_sort(lane->moments, compare_starts);
  lane->latest_end = g_new(gint64, MAX(lane->moments->len, 1));
  gint64 latest = G_MININT64;
  for (guint i = 0; i < lane->moments->len; i++) {
    latest = MAX(latest, sac_lane_get(lane, i)->end_us);
    lane->latest_end[i] = latest;
  }
  return lane;
}

void
sac_lane_free(SacLane *lane)
{
  if (lane) {
    g_ptr_array_unref(lane->moments);
    g_free(lane->latest_end);
    g_free(lane);
  }
}

guint
sac_lane_length(const SacLane *lane)
{
  return lane->moments->len;
}

const SacMoment *
sac_lane_get(const SacLane *lane, guint index)
{
  return g_ptr_array_index(lane->moments, index);
}

/* The first moment that, or before which one, ends after time_us. */
static guint
first_ending_after(const SacLane *lane, gint64 time_us)
{
  guint low = 0, high = lane->moments->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (lane->latest_end[middle] > time_us) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/* The first moment from `from` on that starts at time_us or later. */
static guint
first_starting_at(const SacLane *lane, guint from, gint64 time_us)
{
  guint low = from, high = lane->moments->len;
  while (low < high) {
    guint middle = low + (high - low) / 2;
    if (sac_lane_get(lane, middle)->start_us >= time_us) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

void
sac_lane_foreach_bar(const SacLane *lane, gint64 view_start_us, double us_per_pixel, double width, double narrow,
                     void (*draw)(const SacLane *lane, const SacLaneBar *bar, gpointer data), gpointer data)
{
  gint64 view_end_us = view_start_us + (gint64)(width * us_per_pixel);
  guint i = first_ending_after(lane, view_start_us);
  while (i < lane->moments->len) {
    const SacMoment *moment = sac_lane_get(lane, i);
    if (moment->start_us >= view_end_us) {
      break;
    }
    SacLaneBar bar = { .first = i, .count = 1 };
    bar.x = (double)(moment->start_us - view_start_us) / us_per_pixel;
    bar.end_x = (double)(moment->end_us - view_start_us) / us_per_pixel;
    i++;
    if (bar.end_x - bar.x < narrow) {
      bar.end_x = bar.x + narrow;
      while (i < lane->moments->len) {
        /* All that start under this bar vanish in it: they are passed over by halving. */
        guint next = first_starting_at(lane, i, view_start_us + (gint64)(bar.end_x * us_per_pixel));
        if (next == i) {
          break;
        }
        /* The ends are known only as the latest so far: where an earlier, longer moment holds it, it draws itself. */
        if (lane->latest_end[next - 1] > lane->latest_end[bar.first]) {
          bar.end_x = MAX(bar.end_x, (double)(lane->latest_end[next - 1] - view_start_us) / us_per_pixel);
        }
        i = next;
        if (bar.end_x >= width) {
          break;
        }
      }
      bar.count = i - bar.first;
    }
    if (bar.end_x > 0) {
      draw(lane, &bar, data);
    }
  }
}

const SacMoment *
sac_lane_find(const SacLane *lane, gint64 time_us, gint64 slack_us)
{
  const SacMoment *found = NULL;
  for (guint i = first_ending_after(lane, time_us - slack_us - 1); i < lane->moments->len; i++) {
    const SacMoment *moment = sac_lane_get(lane, i);
    if (moment->start_us > time_us + slack_us) {
      break;
    }
    if (moment->end_us + slack_us > time_us &&
        (!found || moment->end_us - moment->start_us < found->end_us - found->start_us)) {
      found = moment;
    }
  }
  return found;
}
