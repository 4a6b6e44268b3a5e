/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <gio/gunixsocketaddress.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <stdlib.h>

#include "core/cli/cli-bench.h"
#include "core/media/sac-decode-meter.h"
#include "core/media/sac-player.h"
#include "core/sac-error.h"

/*
 * saccade bench seek: how long the picture takes to follow the hand.
 *
 * The player runs as the window runs it, its pictures converted for a view of 1280 × 720. A drag is a pointer that moves every 16 ms over
 * most of the file and back; a move is answered when the picture of that move or of a later one is there. Exact seeks go to random
 * frames, each beside what decoding alone takes from the key frame to the same frame. Steps are made one after another, each as soon as
 * the last one is shown.
 *
 * --against mpv does the exact seeks and the steps again in an mpv without a display or sound, from the command until it tells that
 * it plays again (or that its time has changed): mpv then has decoded, but converts and draws nothing.
 */

#define MOVE_MS 16
#define VIEW_WIDTH 1280
#define VIEW_HEIGHT 720
#define PATIENCE_S 60

typedef struct {
  double p50, p95, most; /* milliseconds */
  guint count;
} Summary;

typedef struct {
  Summary drag, exact, decoding, next, previous;
  double ratio;  /* median of exact over decoding, seek by seek */
  double frames; /* that decoding alone decodes in the mean */
  gboolean has_mpv;
  Summary mpv_exact, mpv_next, mpv_previous;
} Results;

typedef struct {
  SacPlayer *player;
  GMainLoop *loop;
  GError *error;
  gint64 duration_us;
  gint64 sought; /* the last seek that was answered */
  gint64 shown;  /* the time of the last frame */
  gboolean timed_out;
  /* The drag. */
  int moves, moved;
  GArray *asked;   /* gint64, the times that the pointer was at */
  GArray *at;      /* gint64, when */
  guint answered;  /* so many of them */
  GArray *waiting; /* double, milliseconds */
} Bench;

static gboolean
on_timeout(gpointer data)
{
  Bench *bench = data;

  bench->timed_out = TRUE;
  g_main_loop_quit(bench->loop);
  return G_SOURCE_CONTINUE;
}

/* Runs the main loop until something quits it. FALSE: an error came, or nothing in a minute. */
static gboolean
run_loop(Bench *bench)
{
  const guint timeout = g_timeout_add_seconds(PATIENCE_S, on_timeout, bench);

  bench->timed_out = FALSE;
  g_main_loop_run(bench->loop);
  g_source_remove(timeout);
  if (bench->timed_out && !bench->error)
    bench->error = g_error_new(SAC_ERROR, SAC_ERROR_FAILED, _("%s: no picture came for %d seconds"),
                               sac_player_get_path(bench->player), PATIENCE_S);
  return !bench->error;
}

static gboolean
on_pause_over(gpointer data)
{
  g_main_loop_quit(((Bench *)data)->loop);
  return G_SOURCE_REMOVE;
}

static void
let_rest(Bench *bench, guint milliseconds)
{
  g_timeout_add(milliseconds, on_pause_over, bench);
  g_main_loop_run(bench->loop);
}

static void
on_error(SacPlayer *player, const GError *error, Bench *bench)
{
  if (!bench->error)
    bench->error = g_error_copy(error);
  g_main_loop_quit(bench->loop);
}

static void
on_frame(SacPlayer *player, Bench *bench)
{
  g_autoptr(SacFrame) frame = sac_player_get_frame(player);

  if (frame && frame->time_us != bench->shown) {
    bench->shown = frame->time_us;
    if (!bench->moves)
      g_main_loop_quit(bench->loop);
  }
}

static void
on_sought(SacPlayer *player, gint64 time_us, Bench *bench)
{
  const gint64 now = g_get_monotonic_time();
  guint last = bench->answered;

  bench->sought = time_us;
  if (!bench->moves) {
    g_main_loop_quit(bench->loop);
    return;
  }
  while (last < bench->asked->len && g_array_index(bench->asked, gint64, last) != time_us)
    last++;
  for (; last < bench->asked->len && bench->answered <= last; bench->answered++) {
    const double waited = (double)(now - g_array_index(bench->at, gint64, bench->answered)) / 1000;
    g_array_append_val(bench->waiting, waited);
  }
  if ((int)bench->answered == bench->moves)
    g_main_loop_quit(bench->loop);
}

static int
compare_doubles(gconstpointer a, gconstpointer b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static Summary
summarise(GArray *values)
{
  if (!values->len)
    return (Summary){ 0 };
  g_array_sort(values, compare_doubles);
  return (Summary){ g_array_index(values, double, values->len / 2),
                    g_array_index(values, double, values->len * 95 / 100),
                    g_array_index(values, double, values->len - 1), values->len };
}

/* ---- The player ------------------------------------------------------------------------------------------------------------ */

static gboolean
move_pointer(gpointer data)
{
  Bench *bench = data;
  const double way = (double)bench->moved / bench->moves;
  /* There fast, back more slowly. */
  const double place = way < 0.4 ? way / 0.4 : (1 - way) / 0.6;
  const gint64 time = (gint64)((0.05 + 0.9 * place) * (double)bench->duration_us) + bench->moved % 7;
  const gint64 now = g_get_monotonic_time();

  bench->moved++;
  g_array_append_val(bench->asked, time);
  g_array_append_val(bench->at, now);
  sac_player_seek(bench->player, time, SAC_SEEK_FAST);
  return bench->moved < bench->moves ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gboolean
measure_drag(Bench *bench, int moves, Results *results)
{
  bench->asked = g_array_new(FALSE, FALSE, sizeof(gint64));
  bench->at = g_array_new(FALSE, FALSE, sizeof(gint64));
  bench->waiting = g_array_new(FALSE, FALSE, sizeof(double));
  bench->moves = moves;
  g_timeout_add(MOVE_MS, move_pointer, bench);
  const gboolean good = run_loop(bench);
  bench->moves = 0;
  results->drag = summarise(bench->waiting);
  g_array_unref(bench->asked);
  g_array_unref(bench->at);
  g_array_unref(bench->waiting);
  return good;
}

static gboolean
seek_to(Bench *bench, gint64 time)
{
  bench->sought = -1;
  sac_player_seek(bench->player, time, SAC_SEEK_EXACT);
  while (bench->sought != time)
    if (!run_loop(bench))
      return FALSE;
  return TRUE;
}

static gboolean
measure_seeks(Bench *bench, const gint64 *times, guint count, Results *results)
{
  g_autoptr(GArray) exact = g_array_new(FALSE, FALSE, sizeof(double));
  g_autoptr(GArray) decoding = g_array_new(FALSE, FALSE, sizeof(double));
  g_autoptr(GArray) ratios = g_array_new(FALSE, FALSE, sizeof(double));
  g_autoptr(SacDecodeMeter) meter = sac_decode_meter_new(sac_player_get_path(bench->player), &bench->error);

  if (!meter)
    return FALSE;
  /* First, so that what the player makes ready after a seek does not take its time. */
  for (guint i = 0; i < count; i++) {
    double seconds;
    guint frames;

    if (sac_cancelled(cli_cancellable(), &bench->error) ||
        !sac_decode_meter_measure(meter, times[i], &seconds, &frames, &bench->error))
      return FALSE;
    const double alone = seconds * 1000;
    g_array_append_val(decoding, alone);
    results->frames += (double)frames / count;
    cli_progress(_("decoding"), (double)i / count, NULL, -1);
  }
  for (guint i = 0; i < count; i++) {
    const gint64 begin = g_get_monotonic_time();

    if (sac_cancelled(cli_cancellable(), &bench->error) || !seek_to(bench, times[i]))
      return FALSE;
    const double taken = (double)(g_get_monotonic_time() - begin) / 1000,
                 ratio = taken / MAX(g_array_index(decoding, double, i), 1e-3);
    g_array_append_val(exact, taken);
    g_array_append_val(ratios, ratio);
    cli_progress(_("seeking"), (double)i / count, NULL, -1);
    let_rest(bench, 20);
  }
  results->exact = summarise(exact);
  results->decoding = summarise(decoding);
  results->ratio = summarise(ratios).p50;
  return TRUE;
}

static gboolean
measure_steps(Bench *bench, int direction, int count, Summary *summary)
{
  g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(double));

  for (int i = 0; i < count; i++) {
    const gint64 begin = g_get_monotonic_time(), before = bench->shown;

    sac_player_step(bench->player, direction);
    while (bench->shown == before)
      if (!run_loop(bench))
        return FALSE;
    const double taken = (double)(g_get_monotonic_time() - begin) / 1000;
    g_array_append_val(times, taken);
  }
  *summary = summarise(times);
  return TRUE;
}

static gboolean
measure_player(Bench *bench, const char *path, const gint64 *times, guint seeks, int moves, int steps, Results *results)
{
  if (!measure_drag(bench, moves, results))
    return FALSE;
  let_rest(bench, 1500);
  if (!measure_seeks(bench, times, seeks, results) || !seek_to(bench, bench->duration_us / 2))
    return FALSE;
  /* As a person would: looks at it, and then steps. */
  let_rest(bench, 2000);
  return measure_steps(bench, -1, steps, &results->previous) && measure_steps(bench, 1, steps, &results->next);
}

/* ---- mpv ------------------------------------------------------------------------------------------------------------------ */

typedef struct {
  GSubprocess *process;
  GSocketConnection *connection;
  GDataInputStream *answers;
  char *folder, *socket;
} Mpv;

static void
mpv_close(Mpv *mpv)
{
  g_clear_object(&mpv->answers);
  g_clear_object(&mpv->connection);
  if (mpv->process) {
    g_subprocess_force_exit(mpv->process);
    g_subprocess_wait(mpv->process, NULL, NULL);
  }
  g_clear_object(&mpv->process);
  if (mpv->socket)
    g_unlink(mpv->socket);
  if (mpv->folder)
    g_rmdir(mpv->folder);
  g_free(mpv->socket);
  g_free(mpv->folder);
}

static gboolean mpv_send(Mpv *mpv, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);

static gboolean
mpv_send(Mpv *mpv, GError **error, const char *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  g_autofree char *words = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_autofree char *line = g_strdup_printf("{\"command\": [%s]}\n", words);
  return g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(mpv->connection)), line, strlen(line),
                                   NULL, NULL, error);
}

/* Reads until an event of the name; of a change of time, until one that has a time other than *time, which receives it. */
static gboolean
mpv_wait(Mpv *mpv, const char *name, double *time, GError **error)
{
  for (;;) {
    g_autofree char *line = g_data_input_stream_read_line(mpv->answers, NULL, NULL, error);
    g_autoptr(JsonParser) parser = json_parser_new();

    if (!line) {
      if (error && !*error)
        g_set_error(error, SAC_ERROR, SAC_ERROR_FAILED, _("mpv ended"));
      return FALSE;
    }
    if (!json_parser_load_from_data(parser, line, -1, NULL) || !JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser)))
      continue;
    JsonObject *event = json_node_get_object(json_parser_get_root(parser));
    if (g_strcmp0(json_object_get_string_member_with_default(event, "event", ""), name) != 0)
      continue;
    if (!time)
      return TRUE;
    const double now = json_object_get_double_member_with_default(event, "data", -1);
    if (now >= 0 && now != *time) {
      *time = now;
      return TRUE;
    }
  }
}

static gboolean
mpv_open(Mpv *mpv, const char *path, GError **error)
{
  if (!(mpv->folder = g_dir_make_tmp("saccade-mpv-XXXXXX", error)))
    return FALSE;
  mpv->socket = g_build_filename(mpv->folder, "socket", NULL);
  g_autofree char *option = g_strconcat("--input-ipc-server=", mpv->socket, NULL);
  mpv->process = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, error, "mpv",
                                  "--no-config", "--no-terminal", "--pause", "--hr-seek=yes", "--vo=null", "--ao=null",
                                  "--keep-open=yes", "--sub-auto=no", option, "--", path, NULL);
  if (!mpv->process)
    return FALSE;
  g_autoptr(GSocketClient) client = g_socket_client_new();
  g_autoptr(GSocketAddress) address = g_unix_socket_address_new(mpv->socket);
  g_socket_client_set_timeout(client, PATIENCE_S);
  for (int i = 0; i < 100 && !mpv->connection; i++) {
    g_usleep(100000);
    mpv->connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, NULL);
  }
  if (!mpv->connection) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_FAILED, _("mpv does not answer"));
    return FALSE;
  }
  mpv->answers = g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(mpv->connection)));
  g_usleep(2 * G_USEC_PER_SEC); /* it opens the file and shows its first frame */
  return TRUE;
}

static gboolean
mpv_steps(Mpv *mpv, const char *command, int count, double *time, Summary *summary, GError **error)
{
  g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(double));

  for (int i = 0; i < count; i++) {
    const gint64 begin = g_get_monotonic_time();

    if (!mpv_send(mpv, error, "\"%s\"", command) || !mpv_wait(mpv, "property-change", time, error))
      return FALSE;
    const double taken = (double)(g_get_monotonic_time() - begin) / 1000;
    g_array_append_val(times, taken);
  }
  *summary = summarise(times);
  return TRUE;
}

static gboolean
measure_mpv(const char *path, gint64 duration_us, const gint64 *times, guint count, int steps, Results *results,
            GError **error)
{
  g_autoptr(GArray) exact = g_array_new(FALSE, FALSE, sizeof(double));
  Mpv mpv = { 0 };
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  double time = -1;
  gboolean good = mpv_open(&mpv, path, error);

  for (guint i = 0; good && i < count; i++) {
    g_ascii_formatd(number, sizeof number, "%.6f", (double)times[i] / G_USEC_PER_SEC);
    const gint64 begin = g_get_monotonic_time();
    good = mpv_send(&mpv, error, "\"seek\", %s, \"absolute+exact\"", number) &&
           mpv_wait(&mpv, "playback-restart", NULL, error);
    const double taken = (double)(g_get_monotonic_time() - begin) / 1000;
    g_array_append_val(exact, taken);
    cli_progress(_("seeking in mpv"), (double)i / count, NULL, -1);
    g_usleep(20000);
  }
  g_ascii_formatd(number, sizeof number, "%.6f", (double)duration_us / 2 / G_USEC_PER_SEC);
  good = good && mpv_send(&mpv, error, "\"seek\", %s, \"absolute+exact\"", number) &&
         mpv_wait(&mpv, "playback-restart", NULL, error) &&
         mpv_send(&mpv, error, "\"observe_property\", 1, \"time-pos\"") &&
         mpv_wait(&mpv, "property-change", &time, error);
  if (good) {
    g_usleep(2 * G_USEC_PER_SEC);
    good = mpv_steps(&mpv, "frame-back-step", steps, &time, &results->mpv_previous, error) &&
           mpv_steps(&mpv, "frame-step", steps, &time, &results->mpv_next, error);
  }
  mpv_close(&mpv);
  results->mpv_exact = summarise(exact);
  results->has_mpv = good;
  return good;
}

/* ---- The command ------------------------------------------------------------------------------------------------------------ */

typedef struct {
  const char *name, *words;
  const Summary *summary;
} Row;

static void
print_json(const char *path, const Results *results, const Row *rows, guint count)
{
  JsonBuilder *json = json_builder_new();

  json_builder_begin_object(json);
  json_builder_set_member_name(json, "file");
  json_builder_add_string_value(json, path);
  json_builder_set_member_name(json, "decoded_frames");
  json_builder_add_double_value(json, results->frames);
  json_builder_set_member_name(json, "exact_over_decoding");
  json_builder_add_double_value(json, results->ratio);
  for (guint i = 0; i < count; i++) {
    json_builder_set_member_name(json, rows[i].name);
    json_builder_begin_object(json);
    json_builder_set_member_name(json, "count");
    json_builder_add_int_value(json, rows[i].summary->count);
    json_builder_set_member_name(json, "p50_milliseconds");
    json_builder_add_double_value(json, rows[i].summary->p50);
    json_builder_set_member_name(json, "p95_milliseconds");
    json_builder_add_double_value(json, rows[i].summary->p95);
    json_builder_set_member_name(json, "most_milliseconds");
    json_builder_add_double_value(json, rows[i].summary->most);
    json_builder_end_object(json);
  }
  json_builder_end_object(json);
  cli_print_json(json);
}

static void
print_text(const Results *results, const Row *rows, guint count)
{
  CliTable *table = cli_table_new(5);

  cli_table_add(table, _("What"), _(" Times"), _(" Median ms"), _(" 95 % ms"), _(" Most ms"));
  for (guint i = 0; i < count; i++) {
    g_autofree char *times = g_strdup_printf("%u", rows[i].summary->count);
    g_autofree char *p50 = g_strdup_printf("%.1f", rows[i].summary->p50);
    g_autofree char *p95 = g_strdup_printf("%.1f", rows[i].summary->p95);
    g_autofree char *most = g_strdup_printf("%.1f", rows[i].summary->most);
    cli_table_add(table, rows[i].words, times, p50, p95, most);
  }
  cli_table_print(table);
  g_print(_("An exact seek takes %.2f times what decoding alone takes (%.0f frames in the mean)\n"), results->ratio,
          results->frames);
}

static int
print(const char *path, const Results *results, gboolean json)
{
  const Row rows[] = {
    { "drag", _("a pointer's move, dragging"), &results->drag },
    { "exact", _("exact seek"), &results->exact },
    { "decoding", _("  decoding alone"), &results->decoding },
    { "mpv_exact", _("  mpv"), &results->mpv_exact },
    { "previous", _("previous frame"), &results->previous },
    { "mpv_previous", _("  mpv"), &results->mpv_previous },
    { "next", _("next frame"), &results->next },
    { "mpv_next", _("  mpv"), &results->mpv_next },
  };
  Row shown[G_N_ELEMENTS(rows)];
  guint count = 0;

  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
    if (results->has_mpv || !g_str_has_prefix(rows[i].name, "mpv_"))
      shown[count++] = rows[i];
  cli_progress_done();
  if (json)
    print_json(path, results, shown, count);
  else
    print_text(results, shown, count);
  return 0;
}

static gboolean
measure(const char *path, const char *against, int seeks, int moves, int steps, Results *results, GError **error)
{
  Bench bench = { .player = sac_player_new(), .loop = g_main_loop_new(NULL, FALSE), .shown = -1 };
  g_autofree gint64 *times = g_new(gint64, seeks);
  g_autoptr(GRand) random = g_rand_new_with_seed(1);
  gboolean good;

  g_signal_connect(bench.player, "error", G_CALLBACK(on_error), &bench);
  g_signal_connect(bench.player, "frame", G_CALLBACK(on_frame), &bench);
  g_signal_connect(bench.player, "sought", G_CALLBACK(on_sought), &bench);
  sac_player_set_max_size(bench.player, VIEW_WIDTH, VIEW_HEIGHT);
  sac_player_set_muted(bench.player, TRUE);
  sac_player_open(bench.player, path);
  while ((good = run_loop(&bench)) && bench.shown < 0)
    ;
  bench.duration_us = sac_player_get_duration(bench.player);
  if (good && bench.duration_us < G_USEC_PER_SEC) {
    g_set_error(&bench.error, SAC_ERROR, SAC_ERROR_USAGE, _("%s: too short: a second or more is needed"), path);
    good = FALSE;
  }
  for (int i = 0; good && i < seeks; i++)
    times[i] = (gint64)(g_rand_double_range(random, 0.01, 0.99) * (double)bench.duration_us);
  good = good && measure_player(&bench, path, times, (guint)seeks, moves, steps, results) &&
         (!against || measure_mpv(path, bench.duration_us, times, (guint)seeks, steps, results, &bench.error));
  sac_player_close(bench.player);
  g_object_unref(bench.player);
  g_main_loop_unref(bench.loop);
  if (bench.error)
    g_propagate_error(error, bench.error);
  return good;
}

static int
run(const struct cli_command *command, int argc, char **argv)
{
  int seeks = 30, moves = 300, steps = 40;
  g_autofree char *against = NULL;
  const GOptionEntry entries[] = {
    { "seeks", 0, 0, G_OPTION_ARG_INT, &seeks, N_("exact seeks (30)"), N_("N") },
    { "moves", 0, 0, G_OPTION_ARG_INT, &moves, N_("moves of the pointer, one every 16 ms (300)"), N_("N") },
    { "steps", 0, 0, G_OPTION_ARG_INT, &steps, N_("steps back, and as many on (40)"), N_("N") },
    { "against", 0, 0, G_OPTION_ARG_STRING, &against, N_("another player, measured in the same run: mpv"), "mpv" },
    G_OPTION_ENTRY_NULL,
  };
  struct cli_options options = { 0 };
  Results results = { 0 };
  GError *error = NULL;
  int status;

  if (!cli_parse(command, &argc, &argv, entries, &options, &status))
    return status;
  const gboolean json = options.json;
  cli_options_clear(&options);
  if (argc != 2)
    return cli_usage_error(command, _("name one video"));
  if (seeks < 1 || seeks > 10000 || moves < 1 || moves > 100000 || steps < 1 || steps > 10000)
    return cli_usage_error(command, _("every number is 1 or more"));
  if (against && strcmp(against, "mpv") != 0)
    return cli_usage_error(command, _("--against knows mpv, not “%s”"), against);
  if (!measure(argv[1], against, seeks, moves, steps, &results, &error))
    return cli_fail(error);
  return print(argv[1], &results, json);
}

const struct cli_bench cli_bench_seek = {
  .name = "seek",
  .usage = "FILE [--against mpv] [--seeks N] [--moves N] [--steps N]",
  .run = run,
};
