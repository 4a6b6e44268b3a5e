/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <adwaita.h>
#include <glib/gi18n.h>
#include <math.h>

#include "gui/sac-timeline-private.h"

/*
 * The timeline's picture. Kinds differ by row and by pattern, so that colour is never the only sign: shots are brackets, what is
 * seen has a bold left edge, labels are outlined, writing is underlined, what is said is striped, tags are solid.
 *
 * What does not move while playing is one cached node, the scene; playhead, span and pointer are drawn over it.
 */

/* Narrower than this a moment is as wide as this, and joined with neighbours as near. */
#define NARROW 3
/* Laying out words may take so long in one frame; the rest comes with the next. */
#define LABEL_BUDGET_US 2500
#define LEAST_WORDS 28
#define COUNT_CELL 44

GdkRGBA
sac_timeline_mix(const GdkRGBA *colour, float alpha)
{
  GdkRGBA mixed = *colour;
  mixed.alpha *= MIN(alpha, 1);
  return mixed;
}

void
sac_timeline_fill(SacTimelinePen *pen, const GdkRGBA *colour, float x, float y, float width, float height)
{
  gtk_snapshot_append_color(pen->snapshot, colour, &GRAPHENE_RECT_INIT(x, y, width, height));
}

static void
fill_rounded(SacTimelinePen *pen, const GdkRGBA *colour, float x, float y, float width, float height, float radius)
{
  if (width < 6) {
    sac_timeline_fill(pen, colour, x, y, width, height);
    return;
  }
  GskRoundedRect outline;
  gsk_rounded_rect_init_from_rect(&outline, &GRAPHENE_RECT_INIT(x, y, width, height), MIN(radius, width / 2));
  gtk_snapshot_push_rounded_clip(pen->snapshot, &outline);
  sac_timeline_fill(pen, colour, x, y, width, height);
  gtk_snapshot_pop(pen->snapshot);
}

static void
draw_outline(SacTimelinePen *pen, const GdkRGBA *colour, float x, float y, float width, float height, float line)
{
  GskRoundedRect outline;
  gsk_rounded_rect_init_from_rect(&outline, &GRAPHENE_RECT_INIT(x, y, width, height), MIN(3, width / 2));
  gtk_snapshot_append_border(pen->snapshot, &outline, (float[]){ line, line, line, line },
                             (GdkRGBA[]){ *colour, *colour, *colour, *colour });
}

/* --- film ------------------------------------------------------------------------------------------------------------------------- */

static void
draw_film(SacTimelinePen *pen)
{
  SacTimeline *timeline = pen->timeline;
  GdkRGBA ground = sac_timeline_mix(&pen->text, 0.08f);
  double end_x = MIN(sac_timeline_x(timeline, timeline->duration_us), pen->x + pen->width);
  sac_timeline_fill(pen, &ground, pen->x, pen->y, (float)(end_x - pen->x), pen->height);
  if (!timeline->strip) {
    return;
  }
  sac_film_strip_begin(timeline->strip);
  double us_per_pixel = sac_timeline_us_per_pixel(timeline), aspect = 16.0 / 9;
  GdkTexture *any = sac_film_strip_get_nearest(timeline->strip, timeline->view_start_us);
  if (any) {
    aspect = (double)gdk_texture_get_width(any) / gdk_texture_get_height(any);
  }
  guint level = sac_film_find_level(timeline->film, pen->height * aspect * us_per_pixel);
  double step = (double)sac_film_get_step(timeline->film, level), slot_width = step / us_per_pixel;
  gint64 first = (gint64)((double)timeline->view_start_us / step);
  gint64 end = (gint64)ceil((double)MIN(sac_timeline_view_end(timeline), timeline->duration_us) / step);
  sac_film_look_at(timeline->film, level, first, end);

  for (gint64 slot = first; slot < end; slot++) {
    double x = sac_timeline_x(timeline, (gint64)((double)slot * step));
    double room = MIN(x + slot_width, sac_timeline_x(timeline, timeline->duration_us)) - x - 1;
    GdkTexture *texture = sac_film_strip_get(timeline->strip, level, slot);
    if (!texture || room <= 0) {
      continue;
    }
    /* A slot is at least as wide as a picture; up to half as wide again the picture fills it, cut above and below. Wider slots, of single
     * frames, hold it at its size. */
    aspect = (double)gdk_texture_get_width(texture) / gdk_texture_get_height(texture);
    double width = pen->height * aspect;
    width = slot_width < 1.6 * width ? MAX(slot_width, width) : width;
    double height = width / aspect;
    double shift = slot_width < 1.6 * pen->height * aspect ? (slot_width - width) / 2 : 0;
    gtk_snapshot_push_clip(pen->snapshot, &GRAPHENE_RECT_INIT((float)x, pen->y, (float)room, pen->height));
    gtk_snapshot_append_texture(pen->snapshot, texture,
                                &GRAPHENE_RECT_INIT((float)(x + shift), pen->y + (pen->height - (float)height) / 2,
                                                    (float)width, (float)height));
    gtk_snapshot_pop(pen->snapshot);
  }
}

/* --- lanes ------------------------------------------------------------------------------------------------------------------------ */

/* A whole number of stripes: pictures of them side by side are one. */
#define STRIPES_WIDTH 64

/* Two colours in turn, aslant, as a picture to lay bars out with. A gradient that repeats looks the same and costs many times as much. */
static void
make_stripes(SacTimelinePen *pen)
{
  SacTimeline *timeline = pen->timeline;
  int scale = pen->scale, width = STRIPES_WIDTH * scale, height = (int)pen->height * scale, period = 8 * scale;
  GdkRGBA colours[] = { sac_timeline_mix(&pen->text, 0.3f * pen->contrast),
                        sac_timeline_mix(&pen->text, 0.12f * pen->contrast) };
  gsize stride = (gsize)width * 4;
  guint8 *pixels = g_malloc(stride * (gsize)height);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      const GdkRGBA *colour = &colours[(x + y) % period < period / 2 ? 0 : 1];
      guint8 *pixel = pixels + (gsize)y * stride + (gsize)x * 4;
      pixel[0] = (guint8)(colour->red * colour->alpha * 255 + 0.5f);
      pixel[1] = (guint8)(colour->green * colour->alpha * 255 + 0.5f);
      pixel[2] = (guint8)(colour->blue * colour->alpha * 255 + 0.5f);
      pixel[3] = (guint8)(colour->alpha * 255 + 0.5f);
    }
  }
  g_autoptr(GBytes) bytes = g_bytes_new_take(pixels, stride * (gsize)height);
  g_clear_object(&timeline->stripes);
  timeline->stripes = gdk_memory_texture_new(width, height, GDK_MEMORY_R8G8B8A8_PREMULTIPLIED, bytes, stride);
}

static void
draw_stripes(SacTimelinePen *pen, float x, float y, float width, float height)
{
  SacTimeline *timeline = pen->timeline;
  if (width < 6) {
    GdkRGBA stripe = sac_timeline_mix(&pen->text, 0.3f * pen->contrast);
    sac_timeline_fill(pen, &stripe, x, y, width, height);
    return;
  }
  if (!timeline->stripes || gdk_texture_get_width(timeline->stripes) != STRIPES_WIDTH * pen->scale) {
    make_stripes(pen);
  }
  gtk_snapshot_push_clip(pen->snapshot, &GRAPHENE_RECT_INIT(x, y, width, height));
  for (float at = x; at < x + width; at += STRIPES_WIDTH) {
    gtk_snapshot_append_texture(pen->snapshot, timeline->stripes,
                                &GRAPHENE_RECT_INIT(at, pen->y, STRIPES_WIDTH, pen->height));
  }
  gtk_snapshot_pop(pen->snapshot);
}

/* Returns the colour of words on it. */
static GdkRGBA
draw_body(SacTimelinePen *pen, const SacMoment *moment, float x, float y, float width, float height)
{
  GdkRGBA colour;
  switch (pen->row) {
  case SAC_ROW_SHOTS:
    colour = sac_timeline_mix(&pen->text, 0.45f * pen->contrast);
    sac_timeline_fill(pen, &colour, x, y + 2, 1, height - 4);
    if (width > 3) {
      sac_timeline_fill(pen, &colour, x, y + height / 2, width - 1, 1);
      sac_timeline_fill(pen, &colour, x + width - 2, y + 2, 1, height - 4);
    }
    return pen->text;
  case SAC_ROW_SAID:
    draw_stripes(pen, x, y, width, height);
    return pen->text;
  case SAC_ROW_SEEN:
    if (strcmp(moment->kind, SAC_KIND_LABEL) == 0) {
      colour = sac_timeline_mix(&pen->accent, 0.15f * pen->contrast);
      sac_timeline_fill(pen, &colour, x, y, width, height);
      draw_outline(pen, &pen->accent, x, y, width, height, 1);
    } else if (strcmp(moment->kind, SAC_KIND_TEXT) == 0) {
      colour = sac_timeline_mix(&pen->accent, 0.2f * pen->contrast);
      sac_timeline_fill(pen, &colour, x, y, width, height);
      sac_timeline_fill(pen, &pen->accent, x, y + height - 2, width, 2);
    } else {
      colour = sac_timeline_mix(&pen->accent, 0.35f * pen->contrast);
      fill_rounded(pen, &colour, x, y, width, height, 3);
      sac_timeline_fill(pen, &pen->accent, x, y, MIN(3, width), height);
    }
    return pen->text;
  default:
    fill_rounded(pen, &pen->tag, x, y, width, height, 3);
    return pen->accent_text;
  }
}

static const char *
words_of(const SacMoment *moment)
{
  return moment->label && *moment->label ? moment->label : moment->text;
}

static void
draw_bar(const SacLane *lane, const SacLaneBar *bar, gpointer data)
{
  SacTimelinePen *pen = data;
  SacTimeline *timeline = pen->timeline;
  float x = (float)MAX(bar->x, -4) + pen->x, end_x = (float)MIN(bar->end_x, pen->width + 4) + pen->x;
  /* A gap keeps neighbours apart. */
  float width = MAX(end_x - x - (end_x - x > 6 ? 1 : 0), 2), y = pen->y + 1, height = pen->height - 2;
  const SacMoment *moment = sac_lane_get(lane, bar->first);
  if (end_x <= pen->x) {
    return;
  }
  GdkRGBA colour = draw_body(pen, moment, x, y, width, height);
  if (bar->count == 1 && sac_timeline_is_selected(timeline, moment)) {
    draw_outline(pen, &pen->text, x - 1, y - 1, width + 2, height + 2, 2);
  }

  float from = MAX(x, pen->x) + 6, room = MIN(x + width, pen->x + pen->width) - from - 4;
  if (room < LEAST_WORDS) {
    return;
  }
  float top = pen->y + (pen->height - (float)sac_labels_height(timeline->labels)) / 2;
  if (bar->count > 1) {
    /* So many that they cannot be told apart here. */
    g_autofree char *count = g_strdup_printf("×%u", bar->count);
    sac_labels_draw(timeline->labels, pen->snapshot, count, &colour, from, top, room, FALSE);
  } else if (words_of(moment)) {
    /* The words move with their bar, so that they are laid out once for as long as it is in sight. */
    float whole = x + width - from - 4;
    sac_labels_draw(timeline->labels, pen->snapshot, words_of(moment), &colour, from, top, whole, FALSE);
  }
}

/* Where moments start that have no row to be drawn in: how many. */
static void
draw_beyond(SacTimelinePen *pen)
{
  SacTimeline *timeline = pen->timeline;
  const SacLane *lane = timeline->lanes[pen->row];
  guint n_rows = timeline->lane_rows[pen->row];
  if (sac_lane_count_rows(lane) <= n_rows) {
    return;
  }
  /* Cells stand still in time, so that scrolling does not count anew what it shows. */
  gint64 cell = MAX((gint64)(COUNT_CELL * sac_timeline_us_per_pixel(timeline)), 1);
  gint64 end = sac_timeline_view_end(timeline);
  int height = sac_labels_height(timeline->labels);
  for (gint64 from = timeline->view_start_us / cell * cell; from < end; from += cell) {
    guint count = sac_lane_count_starts(lane, n_rows, from, from + cell);
    if (count > 0) {
      g_autofree char *words = count < 10000 ? g_strdup_printf("+%u", count) : g_strdup_printf("+%uk", count / 1000);
      float x = (float)sac_timeline_x(timeline, from), y = pen->y + pen->height - (float)height - 1;
      GdkRGBA ground = pen->text;
      fill_rounded(pen, &ground, x + 1, y, COUNT_CELL - 4, (float)height, 3);
      GdkRGBA on_it = { 1 - pen->text.red, 1 - pen->text.green, 1 - pen->text.blue, 1 };
      sac_labels_draw(timeline->labels, pen->snapshot, words, &on_it, x + 4, y, COUNT_CELL - 8, FALSE);
    }
  }
}

static void
draw_lane(SacTimelinePen *pen)
{
  SacTimeline *timeline = pen->timeline;
  SacTimelinePen row_pen = *pen;
  GdkRGBA ground = sac_timeline_mix(&pen->text, 0.045f * pen->contrast);
  sac_timeline_fill(pen, &ground, pen->x, pen->y, pen->width, pen->height);
  const SacLane *lane = timeline->lanes[pen->row];
  guint n_rows = MIN(timeline->lane_rows[pen->row], SAC_LANE_ROWS);
  for (guint row = 0; row < n_rows; row++) {
    int height;
    row_pen.lane_row = row;
    row_pen.y = (float)sac_timeline_lane_row_y(timeline, pen->row, row, &height);
    row_pen.height = (float)height;
    sac_lane_foreach_bar(lane, row, timeline->view_start_us, sac_timeline_us_per_pixel(timeline), pen->width, NARROW,
                         draw_bar, &row_pen);
  }
  draw_beyond(pen);
}

/* --- all of it -------------------------------------------------------------------------------------------------------------------- */

static void
draw_row(SacTimelinePen *pen)
{
  switch (pen->row) {
  case SAC_ROW_RULER:
    sac_timeline_draw_ruler(pen);
    break;
  case SAC_ROW_MATCH:
    sac_timeline_draw_match(pen);
    break;
  case SAC_ROW_FILM:
    draw_film(pen);
    break;
  case SAC_ROW_SOUND:
    if (pen->timeline->waveform) {
      sac_timeline_draw_sound(pen);
    }
    break;
  default:
    draw_lane(pen);
    break;
  }
}

static void
draw_scene(SacTimelinePen *pen)
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
      float y = pen->y + (pen->height - (float)sac_labels_height(timeline->labels)) / 2;
      sac_labels_draw(timeline->labels, pen->snapshot, sac_timeline_row_name(row), &pen->faint, 12, y,
                      timeline->gutter - 14, TRUE);
    }
    gtk_snapshot_push_clip(pen->snapshot, &GRAPHENE_RECT_INIT(pen->x, pen->y, pen->width, pen->height));
    draw_row(pen);
    gtk_snapshot_pop(pen->snapshot);
  }
}

static gboolean
draw_missing_words(gpointer data)
{
  SacTimeline *timeline = data;
  timeline->label_source = 0;
  sac_timeline_invalidate(timeline);
  return G_SOURCE_REMOVE;
}

static void
update_scene(SacTimelinePen *pen, int width, int height)
{
  SacTimeline *timeline = pen->timeline;
  if (timeline->scene && timeline->scene_width == width && timeline->scene_height == height) {
    return;
  }
  g_clear_pointer(&timeline->scene, gsk_render_node_unref);
  pen->snapshot = gtk_snapshot_new();
  sac_labels_begin(timeline->labels, LABEL_BUDGET_US);
  draw_scene(pen);
  if (sac_labels_end(timeline->labels) && timeline->label_source == 0) {
    timeline->label_source = g_timeout_add(30, draw_missing_words, timeline);
  }
  timeline->scene = gtk_snapshot_free_to_node(g_steal_pointer(&pen->snapshot));
  timeline->scene_width = width;
  timeline->scene_height = height;
}

static void
draw_span(SacTimelinePen *pen, float top, float bottom)
{
  SacTimeline *timeline = pen->timeline;
  if (timeline->span_from_us < 0) {
    return;
  }
  float x = (float)sac_timeline_x(timeline, timeline->span_from_us);
  float end_x = (float)sac_timeline_x(timeline, timeline->span_to_us);
  if (end_x < pen->x - 8 || x > pen->x + pen->width + 8) {
    return;
  }
  x = MAX(x, pen->x - 8);
  end_x = MIN(end_x, pen->x + pen->width + 8);
  GdkRGBA body = sac_timeline_mix(&pen->accent, 0.16f);
  sac_timeline_fill(pen, &body, x, top, MAX(end_x - x, 1), bottom - top);
  for (int i = 0; i < 2; i++) {
    float edge = i == 0 ? x : end_x;
    sac_timeline_fill(pen, &pen->accent, edge - 1, top, 2, bottom - top);
    fill_rounded(pen, &pen->accent, edge - 3, (top + bottom) / 2 - 10, 6, 20, 3);
  }
}

static void
draw_focus(SacTimelinePen *pen)
{
  SacTimeline *timeline = pen->timeline;
  SacTimelineRow row;
  int index, height;
  if (!sac_timeline_get_focused(timeline, &row, &index)) {
    return;
  }
  const SacMoment *moment = sac_lane_get(timeline->lanes[row], (guint)index);
  guint lane_row = MIN(sac_lane_get_row(timeline->lanes[row], (guint)index), MAX(timeline->lane_rows[row], 1) - 1);
  float y = (float)sac_timeline_lane_row_y(timeline, row, lane_row, &height);
  float x = (float)MAX(sac_timeline_x(timeline, moment->start_us), pen->x - 4);
  float end_x = (float)MIN(sac_timeline_x(timeline, moment->end_us), pen->x + pen->width + 4);
  draw_outline(pen, &pen->accent, x - 3, y - 2, MAX(end_x - x, NARROW) + 6, (float)height + 4, 2);
}

static void
draw_over(SacTimelinePen *pen, int height)
{
  SacTimeline *timeline = pen->timeline;
  float top = (float)timeline->row_heights[SAC_ROW_RULER];
  float bottom = (float)sac_timeline_row_y(timeline, SAC_N_ROWS);
  gtk_snapshot_push_clip(pen->snapshot, &GRAPHENE_RECT_INIT(pen->x - 4, 0, pen->width + 4, (float)height));
  draw_span(pen, top - 2, bottom);
  draw_focus(pen);
  if (timeline->band.size.width > 0) {
    GdkRGBA inside = sac_timeline_mix(&pen->accent, 0.15f);
    gtk_snapshot_append_color(pen->snapshot, &inside, &timeline->band);
    draw_outline(pen, &pen->accent, timeline->band.origin.x, timeline->band.origin.y, timeline->band.size.width,
                 timeline->band.size.height, 1);
  }
  if (timeline->snapped_us >= 0) {
    sac_timeline_fill(pen, &pen->accent, roundf((float)sac_timeline_x(timeline, timeline->snapped_us)) - 1, 0, 2,
                      bottom);
  }
  if (timeline->hover_us >= 0) {
    GdkRGBA colour = sac_timeline_mix(&pen->text, 0.35f * pen->contrast);
    sac_timeline_fill(pen, &colour, roundf((float)sac_timeline_x(timeline, timeline->hover_us)), top - 4, 1,
                      bottom - top + 4);
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
  SacTimelinePen pen = { .timeline = timeline };
  gtk_style_context_get_color(style, &pen.text);
  pen.contrast = adw_style_manager_get_high_contrast(adw_style_manager_get_default()) ? 1.8f : 1;
  pen.faint = sac_timeline_mix(&pen.text, pen.contrast > 1 ? 1 : 0.62f);
  pen.accent = named_colour(style, "accent_bg_color", &pen.text);
  pen.accent_text = named_colour(style, "accent_fg_color", &pen.text);
  pen.tag = pen.accent;
  pen.scale = gtk_widget_get_scale_factor(widget);
  pen.x = (float)timeline->gutter;
  pen.width = (float)MAX(width - timeline->gutter, 1);

  update_scene(&pen, width, height);
  if (timeline->scene) {
    gtk_snapshot_append_node(snapshot, timeline->scene);
  }
  pen.snapshot = snapshot;
  draw_over(&pen, height);
  float x = roundf((float)sac_timeline_x(timeline, timeline->position_us));
  GdkRGBA red = named_colour(style, "error_color", &pen.text);
  if (x >= pen.x - 6 && x <= pen.x + pen.width + 6) {
    sac_timeline_fill(&pen, &red, x - 1, 4, 2, (float)sac_timeline_row_y(timeline, SAC_N_ROWS) - 4);
    fill_rounded(&pen, &red, x - 5, 2, 10, 10, 5);
  }
  gtk_snapshot_pop(snapshot);
}
