/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <math.h>

#include "core/sac-time.h"
#include "gui/sac-timeline-private.h"

/* The ruler: the smallest step of those that people count in whose labels have room. Where frames are wider than that, it counts frames. */

static const gint64 seconds[] = { 1,   2,   5,    10,   15,   30,    60,    120,   300,
                                  600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400 };
static const gint64 fractions[] = { 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000 };

typedef struct {
  gint64 step_us;  /* of the labels; or of frames 0 */
  int step_frames; /* 0: it counts seconds */
  int small;       /* steps of ticks from one label to the next, where it counts seconds */
} Scale;

/* What labels of a step take at most in this view: "1:02:03", and its fraction or frame. */
static double
label_width(SacTimeline *timeline, gint64 step_us, gboolean in_frames)
{
  gint64 end = sac_timeline_view_end(timeline);
  guint digits = end >= 36000 * SAC_SECOND ? 8 : end >= 3600 * SAC_SECOND ? 7 : end >= 600 * SAC_SECOND ? 5 : 4;
  if (in_frames) {
    digits += 4;
  } else if (step_us < SAC_SECOND) {
    digits += 4;
  }
  return sac_labels_digits_width(timeline->labels, digits) + 12;
}

static gboolean
fits(SacTimeline *timeline, double step_us, gboolean in_frames)
{
  return step_us / sac_timeline_us_per_pixel(timeline) >= label_width(timeline, (gint64)step_us, in_frames);
}

static Scale
find_scale(SacTimeline *timeline)
{
  /* Steps of frames divide a second, so that every second begins with a label. */
  int rate = timeline->frame_us > 0 ? (int)lround(1e6 / timeline->frame_us) : 0;
  for (int frames = 1; frames <= rate / 2; frames++) {
    if (rate % frames == 0 && fits(timeline, frames * timeline->frame_us, TRUE)) {
      return (Scale){ .step_frames = frames };
    }
  }
  for (gsize i = 0; timeline->frame_us <= 0 && i < G_N_ELEMENTS(fractions); i++) {
    if (fits(timeline, (double)fractions[i], FALSE)) {
      return (Scale){ .step_us = fractions[i], .small = 5 };
    }
  }
  for (gsize i = 0; i < G_N_ELEMENTS(seconds); i++) {
    if (fits(timeline, (double)(seconds[i] * SAC_SECOND), FALSE)) {
      int small =
          seconds[i] == 2 || seconds[i] == 120 || seconds[i] == 7200                                               ? 4
          : seconds[i] == 15 || seconds[i] == 30 || seconds[i] == 900 || seconds[i] == 1800 || seconds[i] == 21600 ? 3
                                                                                                                   : 5;
      return (Scale){ .step_us = seconds[i] * SAC_SECOND, .small = small };
    }
  }
  return (Scale){ .step_us = 2 * 86400 * SAC_SECOND, .small = 4 };
}

static char *
words_of(SacTimeline *timeline, gint64 time_us, gint64 step_us)
{
  char *words = sac_time_format(time_us);
  char *point = strchr(words, '.');
  if (point && step_us >= SAC_SECOND) {
    *point = '\0';
  }
  return words;
}

/* "0:12 f07": the eighth frame of the second. */
static char *
words_of_frame(SacTimeline *timeline, gint64 second, int frame)
{
  g_autofree char *whole = words_of(timeline, second * SAC_SECOND, SAC_SECOND);
  /* Translators: a time to the second, and the number of the frame within it. Short: it stands on a ruler. */
  return frame == 0 ? g_steal_pointer(&whole) : g_strdup_printf(_("%s f%02d"), whole, frame);
}

static void
draw_tick(SacTimelinePen *pen, double time_us, gboolean is_large, const char *words)
{
  SacTimeline *timeline = pen->timeline;
  float x = floorf(pen->x + (float)((time_us - (double)timeline->view_start_us) / sac_timeline_us_per_pixel(timeline)));
  float height = is_large ? 9 : 4;
  if (x >= pen->x - 1) {
    sac_timeline_fill(pen, &pen->faint, x, pen->y + pen->height - height, 1, height);
  }
  if (words) {
    sac_labels_draw(timeline->labels, pen->snapshot, words, &pen->faint, x + 4, pen->y, 200, TRUE);
  }
}

static void
draw_frames(SacTimelinePen *pen, const Scale *scale)
{
  SacTimeline *timeline = pen->timeline;
  double frame_us = timeline->frame_us, width = frame_us / sac_timeline_us_per_pixel(timeline);
  gint64 end = sac_timeline_view_end(timeline);
  for (gint64 second = timeline->view_start_us / SAC_SECOND; second * SAC_SECOND <= end; second++) {
    /* A rate need not be whole: a second's first frame is the first that begins in it. */
    gint64 first = (gint64)ceil((double)second * 1e6 / frame_us - 1e-6);
    gint64 next = (gint64)ceil((double)(second + 1) * 1e6 / frame_us - 1e-6);
    for (int i = 0; i < next - first; i++) {
      double time = (double)(first + i) * frame_us;
      gboolean is_large = i % scale->step_frames == 0 && i + scale->step_frames / 2 < next - first;
      /* A label to the left of the view may reach into it. */
      if (time > (double)end || time < (double)timeline->view_start_us - scale->step_frames * frame_us) {
        continue;
      }
      g_autofree char *words = is_large ? words_of_frame(timeline, second, i) : NULL;
      if (is_large || width >= 3) {
        draw_tick(pen, time, is_large, words);
      }
    }
  }
}

void
sac_timeline_draw_ruler(SacTimelinePen *pen)
{
  SacTimeline *timeline = pen->timeline;
  Scale scale = find_scale(timeline);
  if (scale.step_frames > 0) {
    draw_frames(pen, &scale);
    return;
  }
  double step = (double)scale.step_us, small = step / scale.small, end = (double)sac_timeline_view_end(timeline);
  gint64 first = (gint64)floor((double)timeline->view_start_us / step) * scale.small;
  for (gint64 i = first; (double)i * small <= end + small; i++) {
    gboolean is_large = i % scale.small == 0;
    g_autofree char *words = is_large ? words_of(timeline, i / scale.small * scale.step_us, scale.step_us) : NULL;
    draw_tick(pen, (double)i * small, is_large, words);
  }
}
