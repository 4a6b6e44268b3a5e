/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-bench-timeline.h"

#include <adwaita.h>
#include <glib/gi18n.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/media/sac-probe.h"
#include "gui/sac-timeline.h"

/*
 * A window of its own with a timeline of a given size, over a given number of moments of all kinds, which overlap as real ones do. Frames are
 * drawn by the display's own clock while the view scrolls, then zooms from all of it to single frames and back. Of each it tells what making
 * the widget's picture took (its snapshot, by the clock and of the processor) and the whole frame with drawing it; and what memory all of it takes above that of the same
 * window while the timeline was empty.
 */

typedef enum { PHASE_EMPTY, PHASE_SCROLL, PHASE_ZOOM, PHASE_DONE } Phase;

typedef struct {
  int n_moments, n_frames, width;
  double hours;
  char *renderer, *file, *folder;
  gboolean json;

  GtkWidget *window;
  SacTimeline *timeline;
  GMainLoop *loop;
  Phase phase;
  int frame;
  gint64 duration_us, frame_begin_us;
  gsize empty_bytes, full_bytes;
  gint64 build_us;
  GArray *snapshots[2], *processor[2], *frames[2]; /* of scrolling and zooming, µs */
} Bench;

/* Xorshift (Marsaglia, Journal of Statistical Software 8 (14), 2003): the same moments everywhere. */
static guint64
next_random(guint64 *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state >> 16;
}

static SacMoment *
make_moment(guint64 *state, int i, gint64 start_us, gint64 length_us)
{
  static const char *const kinds[] = { SAC_KIND_SHOT, SAC_KIND_SPEECH, SAC_KIND_LABEL, SAC_KIND_TEXT, SAC_KIND_TAG };
  static const char *const words[] = { "dog", "ball", "a street at night", "two people talk", "water", "the end" };
  SacMoment *moment = sac_moment_new();
  moment->id = g_strdup_printf("00000000-0000-4000-8000-%012d", i);
  moment->video_id = 1;
  moment->path = g_strdup("/videos/bench.mp4");
  moment->fingerprint = g_strdup("0000000000000000000000000000000000000000000000000000000000000000");
  moment->kind = g_strdup(kinds[i % (int)G_N_ELEMENTS(kinds)]);
  moment->start_us = start_us;
  moment->end_us = start_us + length_us;
  moment->score = 0.5;
  moment->label = g_strdup_printf("%s %d", words[next_random(state) % G_N_ELEMENTS(words)], i);
  moment->source = g_strdup("bench");
  return moment;
}

static GPtrArray *
make_moments(Bench *bench)
{
  GPtrArray *moments = g_ptr_array_new_full((guint)bench->n_moments, (GDestroyNotify)sac_moment_free);
  guint64 state = 0x2545f4914f6cdd1d;
  double step = (double)bench->duration_us / bench->n_moments;
  for (int i = 0; i < bench->n_moments; i++) {
    /* Five kinds take turns: a length of up to ten steps overlaps its own kind now and then. */
    gint64 length = (gint64)(step * (1 + (double)(next_random(&state) % 900) / 100));
    gint64 start = (gint64)(step * i);
    g_ptr_array_add(moments, make_moment(&state, i, start, MIN(length, bench->duration_us - start)));
  }
  return moments;
}

static void
show_curve(Bench *bench)
{
  gsize n = (gsize)(bench->duration_us / G_USEC_PER_SEC);
  g_autofree float *scores = g_new(float, MAX(n, 1));
  g_autofree gint64 *times = g_new(gint64, MAX(n, 1));
  for (gsize i = 0; i < n; i++) {
    scores[i] = 0.4f + 0.3f * sinf((float)i / 40) + 0.2f * sinf((float)i / 3.7f);
    times[i] = (gint64)i * G_USEC_PER_SEC;
  }
  sac_timeline_set_match_curve(bench->timeline,
                               &(SacMatchCurve){ .n = n, .times_us = times, .scores = scores, .threshold = 0.6f });
}

static gsize
resident_bytes(void)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents("/proc/self/statm", &text, NULL, NULL)) {
    return 0;
  }
  char *second = strchr(text, ' ');
  return second ? (gsize)g_ascii_strtoull(second, NULL, 10) * (gsize)sysconf(_SC_PAGESIZE) : 0;
}

static void
fill(Bench *bench)
{
  bench->empty_bytes = resident_bytes();
  sac_timeline_set_video(bench->timeline, bench->file, bench->folder, bench->duration_us, bench->file != NULL,
                         bench->file != NULL);
  g_autoptr(GPtrArray) moments = make_moments(bench);
  gint64 begin = g_get_monotonic_time();
  sac_timeline_set_moments(bench->timeline, moments);
  bench->build_us = g_get_monotonic_time() - begin;
  show_curve(bench);
}

static void
on_before_paint(GdkFrameClock *clock, Bench *bench)
{
  bench->frame_begin_us = g_get_monotonic_time();
}

static void
on_after_paint(GdkFrameClock *clock, Bench *bench)
{
  if (bench->frame < 2 || (bench->phase != PHASE_SCROLL && bench->phase != PHASE_ZOOM)) {
    return;
  }
  gint64 whole = g_get_monotonic_time() - bench->frame_begin_us;
  gint64 snapshot, processor;
  sac_timeline_get_snapshot_time(bench->timeline, &snapshot, &processor);
  int index = bench->phase == PHASE_SCROLL ? 0 : 1;
  g_array_append_val(bench->frames[index], whole);
  g_array_append_val(bench->snapshots[index], snapshot);
  g_array_append_val(bench->processor[index], processor);
}

static void
move_view(Bench *bench)
{
  double share = (double)bench->frame / bench->n_frames, duration = (double)bench->duration_us;
  if (bench->phase == PHASE_SCROLL) {
    /* A tenth of it at a time, from end to end. */
    sac_timeline_set_view(bench->timeline, (gint64)(share * 0.9 * duration), (gint64)(duration / 10));
    return;
  }
  /* In by even steps to some frames, and out again. */
  double in = share < 0.5 ? 2 * share : 2 - 2 * share;
  double length = duration * pow(200000 / duration, in);
  sac_timeline_set_view(bench->timeline, (gint64)((duration - length) * 0.37), (gint64)length);
}

static gboolean
on_tick(GtkWidget *widget, GdkFrameClock *clock, gpointer data)
{
  Bench *bench = data;
  bench->frame++;
  if (bench->phase == PHASE_EMPTY && bench->frame == 20) {
    fill(bench);
  } else if (bench->frame > bench->n_frames || (bench->phase == PHASE_EMPTY && bench->frame > 60)) {
    bench->phase++;
    bench->frame = 0;
  }
  if (bench->phase == PHASE_DONE) {
    bench->full_bytes = resident_bytes();
    g_main_loop_quit(bench->loop);
    return G_SOURCE_REMOVE;
  }
  if (bench->phase != PHASE_EMPTY) {
    move_view(bench);
  }
  gtk_widget_queue_draw(GTK_WIDGET(bench->timeline));
  return G_SOURCE_CONTINUE;
}

/* --- what it tells -------------------------------------------------------------------------------------------------------------- */

static int
compare_times(gconstpointer a, gconstpointer b)
{
  gint64 first = *(const gint64 *)a, second = *(const gint64 *)b;
  return (first > second) - (first < second);
}

static double
percentile(GArray *times, double share)
{
  if (times->len == 0) {
    return 0;
  }
  g_array_sort(times, compare_times);
  return (double)g_array_index(times, gint64, (guint)((times->len - 1) * share)) / 1000;
}

static const char *const way_names[] = { N_("scroll"), N_("zoom") };

static void
add_number(JsonBuilder *json, const char *name, double value)
{
  json_builder_set_member_name(json, name);
  json_builder_add_double_value(json, value);
}

static void
print_json(Bench *bench, const char *renderer)
{
  JsonBuilder *json = json_builder_new();
  json_builder_begin_object(json);
  json_builder_set_member_name(json, "renderer");
  json_builder_add_string_value(json, renderer);
  add_number(json, "moments", bench->n_moments);
  add_number(json, "hours", (double)bench->duration_us / 3.6e9);
  add_number(json, "width", bench->width);
  add_number(json, "build_seconds", (double)bench->build_us / 1e6);
  add_number(json, "memory_bytes", (double)bench->full_bytes - (double)bench->empty_bytes);
  for (int i = 0; i < 2; i++) {
    json_builder_set_member_name(json, way_names[i]);
    json_builder_begin_object(json);
    add_number(json, "frames", bench->frames[i]->len);
    add_number(json, "snapshot_seconds_median", percentile(bench->snapshots[i], 0.5) / 1000);
    add_number(json, "snapshot_seconds_p95", percentile(bench->snapshots[i], 0.95) / 1000);
    add_number(json, "snapshot_processor_seconds_p95", percentile(bench->processor[i], 0.95) / 1000);
    add_number(json, "frame_seconds_median", percentile(bench->frames[i], 0.5) / 1000);
    add_number(json, "frame_seconds_p95", percentile(bench->frames[i], 0.95) / 1000);
    json_builder_end_object(json);
  }
  json_builder_end_object(json);
  cli_print_json(json);
}

static void
print_table(Bench *bench, const char *renderer)
{
  g_print(_("%d moments in %.1f hours, %d pixels wide, %s; %.0f ms to lay out, %.1f MB above the empty window\n"),
          bench->n_moments, (double)bench->duration_us / 3.6e9, bench->width, renderer, (double)bench->build_us / 1000,
          ((double)bench->full_bytes - (double)bench->empty_bytes) / 1e6);
  CliTable *table = cli_table_new(7);
  cli_table_add(table, _("Way"), _(" Frames"), _(" Snapshot median ms"), _(" p95 ms"), _(" p95 of the processor ms"),
                _(" Whole frame median ms"), _(" p95 ms"));
  for (int i = 0; i < 2; i++) {
    g_autofree char *n = g_strdup_printf("%u", bench->frames[i]->len);
    g_autofree char *median = g_strdup_printf("%.2f", percentile(bench->snapshots[i], 0.5));
    g_autofree char *slow = g_strdup_printf("%.2f", percentile(bench->snapshots[i], 0.95));
    g_autofree char *processor = g_strdup_printf("%.2f", percentile(bench->processor[i], 0.95));
    g_autofree char *whole = g_strdup_printf("%.2f", percentile(bench->frames[i], 0.5));
    g_autofree char *slow_whole = g_strdup_printf("%.2f", percentile(bench->frames[i], 0.95));
    cli_table_add(table, _(way_names[i]), n, median, slow, processor, whole, slow_whole);
  }
  cli_table_print(table);
}

static void
measure(Bench *bench)
{
  bench->window = gtk_window_new();
  bench->timeline = g_object_new(SAC_TYPE_TIMELINE, NULL);
  gtk_window_set_child(GTK_WINDOW(bench->window), GTK_WIDGET(bench->timeline));
  gtk_window_set_default_size(GTK_WINDOW(bench->window), bench->width, 480);
  gtk_window_present(GTK_WINDOW(bench->window));
  GdkFrameClock *clock = gtk_widget_get_frame_clock(bench->window);
  g_signal_connect(clock, "before-paint", G_CALLBACK(on_before_paint), bench);
  g_signal_connect(clock, "after-paint", G_CALLBACK(on_after_paint), bench);
  gtk_widget_add_tick_callback(bench->window, on_tick, bench, NULL);
  bench->loop = g_main_loop_new(NULL, FALSE);
  g_main_loop_run(bench->loop);
  bench->width = gtk_widget_get_width(GTK_WIDGET(bench->timeline));

  GskRenderer *renderer = gtk_native_get_renderer(GTK_NATIVE(bench->window));
  if (bench->json) {
    print_json(bench, G_OBJECT_TYPE_NAME(renderer));
  } else {
    print_table(bench, G_OBJECT_TYPE_NAME(renderer));
  }
  gtk_window_destroy(GTK_WINDOW(bench->window));
}

static int
run(const struct cli_command *command, int argc, char **argv)
{
  Bench bench = { .n_moments = 100000, .n_frames = 240, .width = 1400, .hours = 10 };
  const GOptionEntry entries[] = {
    { "moments", 0, 0, G_OPTION_ARG_INT, &bench.n_moments, N_("how many (100000)"), N_("N") },
    { "hours", 0, 0, G_OPTION_ARG_DOUBLE, &bench.hours, N_("how long a video without a file (10)"), N_("HOURS") },
    { "width", 0, 0, G_OPTION_ARG_INT, &bench.width, N_("pixels (1400)"), N_("N") },
    { "frames", 0, 0, G_OPTION_ARG_INT, &bench.n_frames, N_("to scroll, and as many to zoom (240)"), N_("N") },
    { "renderer", 0, 0, G_OPTION_ARG_STRING, &bench.renderer, N_("GTK's: gl, ngl or cairo"), N_("NAME") },
    { "file", 0, 0, G_OPTION_ARG_FILENAME, &bench.file, N_("a video whose film and sound are drawn too"), N_("FILE") },
    { "previews", 0, 0, G_OPTION_ARG_FILENAME, &bench.folder, N_("where they are kept (nowhere)"), N_("DIR") },
    G_OPTION_ENTRY_NULL,
  };
  struct cli_options options = { 0 };
  int status;
  if (!cli_parse(command, &argc, &argv, entries, &options, &status)) {
    return status;
  }
  bench.json = options.json;
  cli_options_clear(&options);
  if (argc > 1 || bench.n_moments < 1 || bench.n_moments > 10000000 || bench.n_frames < 4 || bench.width < 200 ||
      bench.hours <= 0 || bench.hours > 1000) {
    return cli_usage_error(command, _("at least 1 moment, 4 frames, 200 pixels and some time"));
  }
  bench.duration_us = (gint64)(bench.hours * 3600 * G_USEC_PER_SEC);
  if (bench.file) {
    GError *error = NULL;
    g_autoptr(SacMediaInfo) media = sac_probe_file(bench.file, &error);
    if (!media) {
      return cli_fail(error);
    }
    bench.duration_us = MAX(media->duration_us, G_USEC_PER_SEC);
  }
  if (bench.renderer) {
    g_setenv("GSK_RENDERER", bench.renderer, TRUE);
  }
  if (!gtk_init_check()) {
    return cli_fail(
        g_error_new_literal(G_IO_ERROR, G_IO_ERROR_NOT_FOUND, _("There is no display to draw on; xvfb-run makes one")));
  }
  adw_init();
  g_autoptr(GtkCssProvider) style = gtk_css_provider_new();
  gtk_css_provider_load_from_resource(style, "/org/saccade/Saccade/style.css");
  gtk_style_context_add_provider_for_display(gdk_display_get_default(), GTK_STYLE_PROVIDER(style),
                                             GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
  for (int i = 0; i < 2; i++) {
    bench.snapshots[i] = g_array_new(FALSE, FALSE, sizeof(gint64));
    bench.processor[i] = g_array_new(FALSE, FALSE, sizeof(gint64));
    bench.frames[i] = g_array_new(FALSE, FALSE, sizeof(gint64));
  }
  measure(&bench);
  return 0;
}

const struct cli_bench sac_bench_timeline = {
  .name = "timeline",
  .usage = "[--moments N] [--width N] [--renderer NAME] [--file FILE]",
  .summary = N_("measure what a scroll and a zoom over very many moments cost"),
  .run = run,
};
