/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-timeline-private.h"

#include <glib/gi18n.h>
#include <math.h>

#include "core/sac-time.h"

/*
 * The timeline's picture. Kinds differ by row and by pattern, so that colour is never the only sign: shots are brackets, what is
 * seen has a bold left edge, what is said is striped, tags are solid.
 */

typedef struct {
  SacTimeline *timeline;
  GtkSnapshot *snapshot;
  GdkRGBA text, faint, accent, accent_text, tag;
  float x, width; /* of what is right of the gutter */
  float y, height;
  SacTimelineRow row;
} Pen;

static GdkRGBA
mix(const GdkRGBA *colour, float alpha)
{
  GdkRGBA mixed = *colour;
  mixed.alpha *= alpha;
  return mixed;
}

static void
fill(Pen *pen, const GdkRGBA *colour, float x, float y, float width, float height)
{
  gtk_snapshot_append_color(pen->snapshot, colour, &GRAPHENE_RECT_INIT(x, y, width, height));
}

static void
fill_rounded(Pen *pen, const GdkRGBA *colour, float x, float y, float width, float height, float radius)
{
  GskRoundedRect outline;
  gsk_rounded_rect_init_from_rect(&outline, &GRAPHENE_RECT_INIT(x, y, width, height), MIN(radius, width / 2));
  gtk_snapshot_push_rounded_clip(pen->snapshot, &outline);
  fill(pen, colour, x, y, width, height);
  gtk_snapshot_pop(pen->snapshot);
}

static void
write_text(Pen *pen, PangoLayout *layout, const char *text, const GdkRGBA *colour, float x, float y, float width)
{
  pango_layout_set_text(layout, text, -1);
  pango_layout_set_width(layout, width > 0 ? (int)(width * PANGO_SCALE) : -1);
  gtk_snapshot_save(pen->snapshot);
  gtk_snapshot_translate(pen->snapshot, &GRAPHENE_POINT_INIT(x, y));
  gtk_snapshot_append_layout(pen->snapshot, layout, colour);
  gtk_snapshot_restore(pen->snapshot);
}

static int
text_height(PangoLayout *layout)
{
  int height;
  pango_layout_get_pixel_size(layout, NULL, &height);
  return height;
}

/* The smallest step of a kind that people count in whose labels have room. */
static gint64
ruler_step(double us_per_pixel, double room)
{
  static const gint64 steps[] = { 40000,
                                  100000,
                                  200000,
                                  500000,
                                  SAC_SECOND,
                                  2 * SAC_SECOND,
                                  5 * SAC_SECOND,
                                  10 * SAC_SECOND,
                                  15 * SAC_SECOND,
                                  30 * SAC_SECOND,
                                  60 * SAC_SECOND,
                                  120 * SAC_SECOND,
                                  300 * SAC_SECOND,
                                  600 * SAC_SECOND,
                                  900 * SAC_SECOND,
                                  1800 * SAC_SECOND,
                                  3600 * SAC_SECOND,
                                  2 * 3600 * SAC_SECOND,
                                  6 * 3600 * SAC_SECOND };
  for (gsize i = 0; i < G_N_ELEMENTS(steps); i++) {
    if ((double)steps[i] / us_per_pixel >= room) {
      return steps[i];
    }
  }
  return 24 * 3600 * SAC_SECOND;
}

static void
draw_ruler(Pen *pen)
{
  SacTimeline *timeline = pen->timeline;
  double us_per_pixel = sac_timeline_us_per_pixel(timeline);
  gint64 step = ruler_step(us_per_pixel, 84);
  gint64 small = step % 5 == 0 ? step / 5 : step / 4;
  gint64 end = timeline->view_start_us + (gint64)timeline->view_length_us;

  for (gint64 time = timeline->view_start_us / small * small; time <= end; time += small) {
    float x = floorf((float)sac_timeline_x(timeline, time));
    gboolean is_large = time % step == 0;
    if (x >= pen->x) {
      fill(pen, &pen->faint, x, pen->y + pen->height - (is_large ? 8 : 4), 1, is_large ? 8 : 4);
    }
    if (is_large && x >= pen->x - 4) {
      g_autofree char *words = sac_time_format(time);
      char *point = strchr(words, '.');
      if (point && step >= SAC_SECOND) {
        *point = '\0';
      } else if (point) {
        point[3] = '\0';
      }
      write_text(pen, timeline->caption, words, &pen->faint, x + 4, pen->y, 0);
    }
  }
}

static gsize
series_index(const SacTimelineSeries *series, double time_us)
{
  if (!series->times_us) {
    return time_us <= 0 ? 0 : MIN(series->n, (gsize)ceil(time_us / series->interval_us));
  }
  gsize low = 0, high = series->n;
  while (low < high) {
    gsize middle = low + (high - low) / 2;
    if ((double)series->times_us[middle] < time_us) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

static double
series_time(const SacTimelineSeries *series, gsize index)
{
  return series->times_us ? (double)series->times_us[index] : (double)index * series->interval_us;
}

/* What a pixel shows: the greatest of the samples in it, or between two samples the line that joins them. */
static double
series_value(const SacTimelineSeries *series, double from_us, double to_us)
{
  gsize first = series_index(series, from_us), end = series_index(series, to_us);
  if (first < end) {
    return sac_summary_maximum(series->summary, first, end);
  }
  if (first == 0 || first >= series->n) {
    gsize edge = first == 0 ? 0 : series->n - 1;
    return sac_summary_maximum(series->summary, edge, edge + 1);
  }
  double before = series_time(series, first - 1), after = series_time(series, first);
  double share = after > before ? (from_us - before) / (after - before) : 0;
  return (1 - share) * sac_summary_maximum(series->summary, first - 1, first) +
         share * sac_summary_maximum(series->summary, first, first + 1);
}

static void
draw_match(Pen *pen)
{
  SacTimeline *timeline = pen->timeline;
  double us_per_pixel = sac_timeline_us_per_pixel(timeline);
  cairo_t *cairo =
      gtk_snapshot_append_cairo(pen->snapshot, &GRAPHENE_RECT_INIT(pen->x, pen->y, pen->width, pen->height));
  float top = pen->y + 2, bottom = pen->y + pen->height - 1, room = bottom - top;

  cairo_move_to(cairo, pen->x, bottom);
  for (int i = 0; i <= (int)pen->width; i++) {
    double from = (double)timeline->view_start_us + i * us_per_pixel;
    double value = from > (double)timeline->duration_us ? 0 : series_value(&timeline->match, from, from + us_per_pixel);
    cairo_line_to(cairo, pen->x + i, bottom - CLAMP(value, 0, 1) * room);
  }
  cairo_line_to(cairo, pen->x + pen->width, bottom);
  cairo_close_path(cairo);
  GdkRGBA body = mix(&pen->accent, 0.35f);
  gdk_cairo_set_source_rgba(cairo, &body);
  cairo_fill_preserve(cairo);
  gdk_cairo_set_source_rgba(cairo, &pen->accent);
  cairo_set_line_width(cairo, 1.5);
  cairo_stroke(cairo);
  if (timeline->match.threshold > 0 && timeline->match.threshold < 1) {
    double y = floor(bottom - timeline->match.threshold * room) + 0.5;
    cairo_set_dash(cairo, (const double[]){ 2, 3 }, 2, 0);
    cairo_set_line_width(cairo, 1);
    gdk_cairo_set_source_rgba(cairo, &pen->faint);
    cairo_move_to(cairo, pen->x, y);
    cairo_line_to(cairo, pen->x + pen->width, y);
    cairo_stroke(cairo);
  }
  cairo_destroy(cairo);
}

static void
draw_sound(Pen *pen)
{
  SacTimeline *timeline = pen->timeline;
  double us_per_pixel = sac_timeline_us_per_pixel(timeline);
  cairo_t *cairo =
      gtk_snapshot_append_cairo(pen->snapshot, &GRAPHENE_RECT_INIT(pen->x, pen->y, pen->width, pen->height));
  double middle = pen->y + pen->height / 2.0, room = pen->height / 2.0 - 2;

  for (int i = 0; i < (int)pen->width; i++) {
    double from = (double)timeline->view_start_us + i * us_per_pixel;
    if (from >= (double)timeline->duration_us) {
      break;
    }
    double reach = MAX(0.5, CLAMP(series_value(&timeline->sound, from, from + us_per_pixel), 0, 1) * room);
    cairo_rectangle(cairo, pen->x + i, middle - reach, 1, 2 * reach);
  }
  GdkRGBA colour = mix(&pen->text, 0.55f);
  gdk_cairo_set_source_rgba(cairo, &colour);
  cairo_fill(cairo);
  cairo_destroy(cairo);
}

static void
draw_film(Pen *pen)
{
  SacTimeline *timeline = pen->timeline;
  double us_per_pixel = sac_timeline_us_per_pixel(timeline);
  double picture_width = pen->height * timeline->film_aspect;
  /* Steps are of a fixed ladder, 2 and 3 times the powers of two, so that zooming meets the same pictures again. */
  double step = 40000, half_above = 60000;
  while (step < picture_width * us_per_pixel) {
    double next = half_above;
    half_above = 2 * step;
    step = next;
  }
  double slot = step / us_per_pixel;
  GdkRGBA ground = mix(&pen->text, 0.08f);

  sac_film_strip_begin(timeline->strip);
  for (gint64 k = (gint64)((double)timeline->view_start_us / step);; k++) {
    gint64 time = (gint64)((double)k * step);
    double x = sac_timeline_x(timeline, time);
    if (x >= pen->x + pen->width || time >= timeline->duration_us) {
      break;
    }
    double end_x = MIN(x + slot, sac_timeline_x(timeline, timeline->duration_us));
    if (end_x <= pen->x) {
      continue;
    }
    fill(pen, &ground, (float)x, pen->y, (float)(end_x - x) - 1, pen->height);
    /* The picture of the slot's middle stands for it. */
    GdkTexture *texture =
        sac_film_strip_get(timeline->strip, MIN(time + (gint64)(step / 2), timeline->duration_us - 1));
    if (texture) {
      /* A slot is at least as wide as a picture and at most half as wide again: the picture fills it, cut above and below. */
      double aspect = (double)gdk_texture_get_width(texture) / gdk_texture_get_height(texture);
      double width = MAX(slot, pen->height * aspect), height = width / aspect;
      gtk_snapshot_push_clip(pen->snapshot, &GRAPHENE_RECT_INIT((float)x, pen->y, (float)(end_x - x) - 1, pen->height));
      gtk_snapshot_append_texture(pen->snapshot, texture,
                                  &GRAPHENE_RECT_INIT((float)(x + (slot - width) / 2),
                                                      pen->y + (pen->height - (float)height) / 2, (float)width,
                                                      (float)height));
      gtk_snapshot_pop(pen->snapshot);
    }
  }
  sac_film_strip_end(timeline->strip);
}

static void
draw_bar(const SacLane *lane, const SacLaneBar *bar, gpointer data)
{
  Pen *pen = data;
  float x = (float)MAX(bar->x, -4) + pen->x, end_x = (float)MIN(bar->end_x, pen->width + 4) + pen->x;
  float width = MAX(end_x - x, 2), y = pen->y + 2, height = pen->height - 4;
  GdkRGBA colour;

  switch (pen->row) {
  case SAC_ROW_SHOTS:
    colour = mix(&pen->text, 0.45f);
    fill(pen, &colour, x, pen->y + pen->height / 2, width, 1);
    fill(pen, &colour, x, y + 2, 1, height - 4);
    fill(pen, &colour, x + width - 1, y + 2, 1, height - 4);
    return;
  case SAC_ROW_SEEN:
    colour = mix(&pen->accent, 0.35f);
    fill_rounded(pen, &colour, x, y, width, height, 3);
    fill(pen, &pen->accent, x, y, MIN(3, width), height);
    colour = pen->text;
    break;
  case SAC_ROW_SAID: {
    GdkRGBA stripe = mix(&pen->text, 0.28f), gap = mix(&pen->text, 0.12f);
    const GskColorStop stops[] = { { 0, stripe }, { 0.5f, stripe }, { 0.5f, gap }, { 1, gap } };
    GskRoundedRect outline;
    gsk_rounded_rect_init_from_rect(&outline, &GRAPHENE_RECT_INIT(x, y, width, height), MIN(3, width / 2));
    gtk_snapshot_push_rounded_clip(pen->snapshot, &outline);
    gtk_snapshot_append_repeating_linear_gradient(pen->snapshot, &GRAPHENE_RECT_INIT(x, y, width, height),
                                                  &GRAPHENE_POINT_INIT(0, 0), &GRAPHENE_POINT_INIT(4, 4), stops,
                                                  G_N_ELEMENTS(stops));
    gtk_snapshot_pop(pen->snapshot);
    colour = pen->text;
    break;
  }
  default:
    fill_rounded(pen, &pen->tag, x, y, width, height, 3);
    colour = pen->accent_text;
    break;
  }

  const SacMoment *moment = sac_lane_get(lane, bar->first);
  const char *words = moment->label && *moment->label ? moment->label : moment->text;
  float from = MAX(x, pen->x) + 6;
  if (bar->count == 1 && words && x + width - from > 24) {
    gtk_snapshot_push_clip(pen->snapshot, &GRAPHENE_RECT_INIT(x, y, width, height));
    pango_layout_set_text(pen->timeline->caption, words, -1);
    float middle = pen->y + (pen->height - (float)text_height(pen->timeline->caption)) / 2;
    write_text(pen, pen->timeline->caption, words, &colour, from, middle, x + width - from - 4);
    gtk_snapshot_pop(pen->snapshot);
  }
}

static void
draw_row(Pen *pen)
{
  SacTimeline *timeline = pen->timeline;
  switch (pen->row) {
  case SAC_ROW_RULER:
    draw_ruler(pen);
    break;
  case SAC_ROW_MATCH:
    draw_match(pen);
    break;
  case SAC_ROW_FILM:
    draw_film(pen);
    break;
  case SAC_ROW_SOUND:
    draw_sound(pen);
    break;
  default: {
    GdkRGBA ground = mix(&pen->text, 0.045f);
    fill(pen, &ground, pen->x, pen->y + 1, pen->width, pen->height - 2);
    sac_lane_foreach_bar(timeline->lanes[pen->row], timeline->view_start_us, sac_timeline_us_per_pixel(timeline),
                         pen->width, 3, draw_bar, pen);
    break;
  }
  }
}

static void
draw_scene(Pen *pen, int width)
{
  SacTimeline *timeline = pen->timeline;
  for (SacTimelineRow row = 0; row < SAC_N_ROWS; row++) {
    if (timeline->row_heights[row] == 0) {
      continue;
    }
    pen->row = row;
    pen->y = (float)sac_timeline_row_y(timeline, row);
    pen->height = (float)timeline->row_heights[row] - 2;
    if (timeline->gutter > 0 && row != SAC_ROW_RULER) {
      PangoLayout *caption = timeline->caption;
      pango_layout_set_text(caption, sac_timeline_row_name(row), -1);
      float y = pen->y + (pen->height - (float)text_height(caption)) / 2;
      write_text(pen, caption, sac_timeline_row_name(row), &pen->faint, 12, y, (float)timeline->gutter - 14);
    }
    gtk_snapshot_push_clip(pen->snapshot, &GRAPHENE_RECT_INIT(pen->x, pen->y, pen->width, pen->height));
    draw_row(pen);
    gtk_snapshot_pop(pen->snapshot);
  }
}

static void
draw_span(Pen *pen, float top, float bottom)
{
  SacTimeline *timeline = pen->timeline;
  if (timeline->span_from_us < 0) {
    return;
  }
  float x = (float)sac_timeline_x(timeline, timeline->span_from_us);
  float end_x = (float)sac_timeline_x(timeline, timeline->span_to_us);
  GdkRGBA body = mix(&pen->accent, 0.16f);
  fill(pen, &body, x, top, MAX(end_x - x, 1), bottom - top);
  for (int i = 0; i < 2; i++) {
    float edge = i == 0 ? x : end_x;
    fill(pen, &pen->accent, edge - 1, top, 2, bottom - top);
    fill_rounded(pen, &pen->accent, edge - 3, (top + bottom) / 2 - 10, 6, 20, 3);
  }
}

static GdkRGBA
named_colour(GtkStyleContext *style, const char *name, const GdkRGBA *otherwise)
{
  GdkRGBA colour;
  return gtk_style_context_lookup_color(style, name, &colour) ? colour : *otherwise;
}

void
sac_timeline_draw(SacTimeline *timeline, GtkSnapshot *snapshot)
{
  GtkWidget *widget = GTK_WIDGET(timeline);
  GtkStyleContext *style = gtk_widget_get_style_context(widget);
  int width = gtk_widget_get_width(widget), height = gtk_widget_get_height(widget);
  Pen pen = { .timeline = timeline };
  gtk_style_context_get_color(style, &pen.text);
  pen.faint = mix(&pen.text, 0.6f);
  pen.accent = named_colour(style, "accent_bg_color", &pen.text);
  pen.accent_text = named_colour(style, "accent_fg_color", &pen.text);
  pen.tag = named_colour(style, "accent_bg_color", &pen.text);
  pen.x = (float)timeline->gutter;
  pen.width = (float)MAX(width - timeline->gutter, 1);

  if (!timeline->scene || timeline->scene_width != width || timeline->scene_height != height) {
    g_clear_pointer(&timeline->scene, gsk_render_node_unref);
    pen.snapshot = gtk_snapshot_new();
    draw_scene(&pen, width);
    timeline->scene = gtk_snapshot_free_to_node(g_steal_pointer(&pen.snapshot));
    timeline->scene_width = width;
    timeline->scene_height = height;
  }
  if (timeline->scene) {
    gtk_snapshot_append_node(snapshot, timeline->scene);
  }

  pen.snapshot = snapshot;
  float top = (float)(timeline->row_heights[SAC_ROW_RULER]), bottom = 0;
  for (int row = 0; row < SAC_N_ROWS; row++) {
    bottom += (float)timeline->row_heights[row];
  }
  gtk_snapshot_push_clip(snapshot, &GRAPHENE_RECT_INIT(pen.x - 4, 0, pen.width + 4, (float)height));
  draw_span(&pen, top - 2, bottom);
  if (timeline->hover_us >= 0) {
    GdkRGBA colour = mix(&pen.text, 0.35f);
    fill(&pen, &colour, roundf((float)sac_timeline_x(timeline, timeline->hover_us)), top - 4, 1, bottom - top + 4);
  }
  float x = roundf((float)sac_timeline_x(timeline, timeline->position_us));
  GdkRGBA red = named_colour(style, "error_color", &pen.text);
  fill(&pen, &red, x - 1, 4, 2, bottom - 4);
  fill_rounded(&pen, &red, x - 5, 2, 10, 10, 5);
  gtk_snapshot_pop(snapshot);
}
