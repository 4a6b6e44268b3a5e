/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "gui/sac-timeline-private.h"

/*
 * The rows that are curves, as pictures of their own: every column is computed from a summary of the stretch that it shows and covered
 * by area, so that a curve is as smooth as the device allows and costs by the pixels.
 */

typedef struct {
  int width, height, scale; /* device pixels */
  guint8 *pixels;           /* RGBA, premultiplied */
} Raster;

static Raster
raster_new(const SacTimelinePen *pen)
{
  Raster raster = { .width = MAX((int)pen->width * pen->scale, 1),
                    .height = MAX((int)pen->height * pen->scale, 1),
                    .scale = pen->scale };
  raster.pixels = g_malloc0((gsize)raster.width * (gsize)raster.height * 4);
  return raster;
}

static void
put(Raster *raster, int x, int y, const GdkRGBA *colour, float coverage)
{
  guint8 *pixel = raster->pixels + ((gsize)y * (gsize)raster->width + (gsize)x) * 4;
  float alpha = colour->alpha * coverage, rest = 1 - alpha;
  pixel[0] = (guint8)((float)pixel[0] * rest + colour->red * alpha * 255 + 0.5f);
  pixel[1] = (guint8)((float)pixel[1] * rest + colour->green * alpha * 255 + 0.5f);
  pixel[2] = (guint8)((float)pixel[2] * rest + colour->blue * alpha * 255 + 0.5f);
  pixel[3] = (guint8)((float)pixel[3] * rest + alpha * 255 + 0.5f);
}

/* Covers [top, bottom) of a column. */
static void
cover(Raster *raster, int x, float top, float bottom, const GdkRGBA *colour)
{
  top = CLAMP(top, 0, (float)raster->height);
  bottom = CLAMP(bottom, 0, (float)raster->height);
  for (int y = (int)top; (float)y < bottom; y++) {
    float coverage = MIN((float)y + 1, bottom) - MAX((float)y, top);
    put(raster, x, y, colour, coverage);
  }
}

/* Takes the pixels. */
static void
show(SacTimelinePen *pen, Raster *raster)
{
  gsize stride = (gsize)raster->width * 4;
  g_autoptr(GBytes) bytes = g_bytes_new_take(raster->pixels, stride * (gsize)raster->height);
  g_autoptr(GdkTexture) texture =
      gdk_memory_texture_new(raster->width, raster->height, GDK_MEMORY_R8G8B8A8_PREMULTIPLIED, bytes, stride);
  gtk_snapshot_append_texture(pen->snapshot, texture,
                              &GRAPHENE_RECT_INIT(pen->x, pen->y, (float)raster->width / (float)raster->scale,
                                                  (float)raster->height / (float)raster->scale));
}

/* --- how well each instant fits the query -------------------------------------------------------------------------------------- */

static gsize
first_sample_from(const SacTimelineMatch *match, double time_us)
{
  gsize low = 0, high = match->n;
  while (low < high) {
    gsize middle = low + (high - low) / 2;
    if ((double)match->times_us[middle] < time_us) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/* What a column shows: the greatest of the samples in it, or between two samples the line that joins them. */
static double
match_value(const SacTimelineMatch *match, double from_us, double to_us)
{
  gsize first = first_sample_from(match, from_us), end = first;
  while (end < match->n && end < first + 8 && (double)match->times_us[end] < to_us) {
    end++;
  }
  if (end == first + 8) {
    end = first_sample_from(match, to_us);
  }
  if (first < end) {
    return sac_summary_maximum(match->summary, first, end);
  }
  if (first == 0 || first >= match->n) {
    gsize edge = first == 0 ? 0 : match->n - 1;
    return sac_summary_maximum(match->summary, edge, edge + 1);
  }
  double before = (double)match->times_us[first - 1], after = (double)match->times_us[first];
  double share = after > before ? (from_us - before) / (after - before) : 0;
  return (1 - share) * sac_summary_maximum(match->summary, first - 1, first) +
         share * sac_summary_maximum(match->summary, first, first + 1);
}

void
sac_timeline_draw_match(SacTimelinePen *pen)
{
  SacTimeline *timeline = pen->timeline;
  Raster raster = raster_new(pen);
  double step = sac_timeline_us_per_pixel(timeline) / pen->scale;
  float line = 1.5f * (float)pen->scale, bottom = (float)raster.height, room = bottom - line - 1;
  GdkRGBA body = sac_timeline_mix(&pen->accent, 0.35f * pen->contrast);
  float before = -1;

  for (int x = 0; x < raster.width; x++) {
    double from = (double)timeline->view_start_us + x * step;
    if (from >= (double)timeline->duration_us) {
      break;
    }
    float top = bottom - (float)CLAMP(match_value(&timeline->match, from, from + step), 0, 1) * room - line;
    before = before < 0 ? top : before;
    /* The line reaches from the last column's height to this one's. */
    float line_top = MIN(top, before + line), line_bottom = MAX(top, before) + line;
    cover(&raster, x, line_bottom, bottom, &body);
    cover(&raster, x, MIN(line_top, line_bottom - line), line_bottom, &pen->accent);
    before = top;
  }
  if (timeline->match.threshold > 0 && timeline->match.threshold < 1) {
    int y = (int)(bottom - timeline->match.threshold * room - line);
    for (int x = 0; x < raster.width; x++) {
      if (x / pen->scale % 5 < 2) {
        cover(&raster, x, (float)y, (float)(y + pen->scale), &pen->faint);
      }
    }
  }
  show(pen, &raster);
}

/* --- sound ------------------------------------------------------------------------------------------------------------------------ */

void
sac_timeline_draw_sound(SacTimelinePen *pen)
{
  SacTimeline *timeline = pen->timeline;
  gint64 end = MIN(sac_timeline_view_end(timeline), timeline->duration_us);
  sac_waveform_look_at(timeline->waveform, timeline->view_start_us, end);

  Raster raster = raster_new(pen);
  double step = sac_timeline_us_per_pixel(timeline) / pen->scale;
  g_autofree SacWaveformRange *ranges = g_new(SacWaveformRange, raster.width);
  sac_waveform_measure(timeline->waveform, (double)timeline->view_start_us, step, (guint)raster.width, ranges);
  float middle = (float)raster.height / 2, room = middle - 1, least = 0.5f * (float)pen->scale;
  GdkRGBA peak = sac_timeline_mix(&pen->text, 0.32f * pen->contrast), body = sac_timeline_mix(&pen->text, 0.5f);
  GdkRGBA unknown = sac_timeline_mix(&pen->text, 0.12f * pen->contrast);

  for (int x = 0; x < raster.width; x++) {
    const SacWaveformRange *range = &ranges[x];
    if ((double)timeline->view_start_us + x * step >= (double)timeline->duration_us) {
      break;
    }
    if (range->lowest > range->highest) {
      if (x / pen->scale % 6 < 3) {
        cover(&raster, x, middle - least, middle + least, &unknown);
      }
      continue;
    }
    float top = MIN(middle - range->highest * room, middle - range->lowest * room - 2 * least);
    float bottom = MAX(middle - range->lowest * room, top + 2 * least);
    cover(&raster, x, top, bottom, &peak);
    float reach = range->rms * room;
    cover(&raster, x, MAX(top, middle - reach), MIN(bottom, middle + reach), &body);
  }
  show(pen, &raster);
}
