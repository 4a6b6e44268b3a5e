/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/cli/cli.h"

#include <glib/gi18n.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute/gpu/gpu.h"
#include "core/sac-error.h"

extern const struct cli_command cli_bench, cli_devices, cli_embed, cli_export, cli_index, cli_library, cli_models,
    cli_moments, cli_search, cli_tag, cli_untag;

static const struct cli_command *const commands[] = {
  &cli_index, &cli_search, &cli_moments, &cli_tag,   &cli_untag,   &cli_export,
  &cli_embed, &cli_models, &cli_devices, &cli_bench, &cli_library,
};

void
cli_message(const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start(arguments, format);
  text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  cli_progress_done();
  g_printerr("%s\n", text);
}

static void
print_help(void)
{
  g_print(_("Usage:\n"
            "  saccade [FILE…]               open the window\n"
            "  saccade COMMAND [ARGUMENT…]   do it here; COMMAND --help says more\n"
            "\n"
            "Commands:\n"));
  for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
    g_print("  %-10s %s\n", commands[i]->name, _(commands[i]->summary));
  g_print(_("\nEvery command takes --help, --library DIR and --json. See also: man saccade\n"));
}

/* The number of letters to change, leave out or put in to get from one word to the other (Levenshtein 1966). */
static guint
distance(const char *a, const char *b)
{
  const gsize width = strlen(b) + 1;
  g_autofree guint *row = g_new(guint, width);

  for (gsize j = 0; j < width; j++)
    row[j] = (guint)j;
  for (gsize i = 0; a[i]; i++) {
    guint corner = row[0];

    row[0] = (guint)i + 1;
    for (gsize j = 1; j < width; j++) {
      const guint changed = corner + (a[i] != b[j - 1]);

      corner = row[j];
      row[j] = MIN(changed, MIN(row[j - 1], row[j]) + 1);
    }
  }
  return row[width - 1];
}

static int
unknown_command(const char *word)
{
  const struct cli_command *nearest = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
    if (!nearest || distance(word, commands[i]->name) < distance(word, nearest->name))
      nearest = commands[i];
  if (nearest && distance(word, nearest->name) <= 2)
    cli_message(_("saccade: “%s” is neither a file nor a command; did you mean “%s”?"), word, nearest->name);
  else
    cli_message(_("saccade: “%s” is neither a file nor a command; saccade --help lists them"), word);
  return 2;
}

int
sac_cli_main(int argc, char **argv, gboolean *handled)
{
  const char *word = argc > 1 ? argv[1] : NULL;

  gpu_prepare_process();
  *handled = word != NULL;
  if (!word)
    return 0;
  for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
    if (g_str_equal(word, commands[i]->name)) {
      const int status = commands[i]->run(commands[i], argc - 1, argv + 1);

      cli_progress_done();
      return status;
    }
  if (g_str_equal(word, "--help") || g_str_equal(word, "-h")) {
    print_help();
    return 0;
  }
  if (g_str_equal(word, "--version")) {
    g_print("Saccade %s\n", SACCADE_VERSION);
    return 0;
  }
  /* A word that could be a command is one; anything that looks like a path or an address is for the window to explain. */
  if (!g_file_test(word, G_FILE_TEST_EXISTS) && !strpbrk(word, "/.:") && word[0] != '-')
    return unknown_command(word);
  *handled = FALSE;
  return 0;
}

/* ---- Parsing ------------------------------------------------------------------------------------------------------------ */

void
cli_options_clear(struct cli_options *options)
{
  g_clear_pointer(&options->library, g_free);
}

int
cli_usage_error(const struct cli_command *command, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start(arguments, format);
  text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  cli_message("saccade %s: %s\n%s saccade %s %s", command->name, text, _("Usage:"), command->name, command->usage);
  return 2;
}

gboolean
cli_parse(const struct cli_command *command, int *argc, char ***argv, const GOptionEntry *entries,
          struct cli_options *options, int *status)
{
  gboolean help = FALSE;
  const GOptionEntry common[] = {
    { "library", 0, 0, G_OPTION_ARG_FILENAME, &options->library, N_("The library's folder"), N_("DIR") },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options->json, N_("Print one JSON document"), NULL },
    { "help", 'h', 0, G_OPTION_ARG_NONE, &help, N_("Say what this command does"), NULL },
    { NULL },
  };
  g_autoptr(GOptionContext) context = g_option_context_new(command->usage);
  g_autoptr(GError) error = NULL;
  /* GOption prints the program's name from here. */
  g_autofree char *name = g_strconcat("saccade ", command->name, NULL);

  g_set_prgname(name);
  g_option_context_set_help_enabled(context, FALSE);
  g_option_context_set_summary(context, _(command->summary));
  if (entries)
    g_option_context_add_main_entries(context, entries, GETTEXT_PACKAGE);
  g_option_context_add_main_entries(context, common, GETTEXT_PACKAGE);
  const gboolean parsed = g_option_context_parse(context, argc, argv, &error);
  g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
  g_set_prgname("saccade");
  if (!parsed) {
    *status = cli_usage_error(command, "%s", error->message);
    return FALSE;
  }
  if (help) {
    g_print("%s", text);
    *status = 0;
    return FALSE;
  }
  /* What follows "--" is no option, and the dashes are no argument. */
  if (*argc > 1 && g_str_equal((*argv)[1], "--")) {
    memmove(*argv + 1, *argv + 2, (gsize)(*argc - 1) * sizeof **argv);
    (*argc)--;
  }
  return TRUE;
}

int
cli_fail(GError *error)
{
  const int status = g_error_matches(error, SAC_ERROR, SAC_ERROR_USAGE) ? 2 : 1;

  cli_message("saccade: %s", error->message);
  g_error_free(error);
  return status;
}

void
cli_print_json(JsonBuilder *builder)
{
  g_autoptr(JsonNode) root = json_builder_get_root(builder);
  g_autofree char *text = json_to_string(root, TRUE);

  cli_progress_done();
  fputs(text, stdout);
  fputc('\n', stdout);
  g_object_unref(builder);
}

/* ---- Signals ------------------------------------------------------------------------------------------------------------ */

static int signal_pipe[2];

static void
on_signal(int number)
{
  const char byte = 0;

  signal(number, SIG_DFL);
  if (write(signal_pipe[1], &byte, 1) != 1)
    _exit(128 + number);
}

static gpointer
wait_for_signal(gpointer cancellable)
{
  char byte;

  if (read(signal_pipe[0], &byte, 1) == 1)
    g_cancellable_cancel(cancellable);
  return NULL;
}

GCancellable *
cli_cancellable(void)
{
  static GCancellable *cancellable;

  if (!cancellable) {
    cancellable = g_cancellable_new();
    if (g_unix_open_pipe(signal_pipe, FD_CLOEXEC, NULL)) {
      g_thread_unref(g_thread_new("signals", wait_for_signal, cancellable));
      signal(SIGINT, on_signal);
      signal(SIGTERM, on_signal);
    }
  }
  return cancellable;
}

/* ---- Progress ----------------------------------------------------------------------------------------------------------- */

#define PLAIN_SECONDS 5

static gboolean progress_open; /* a line on the terminal is not ended yet */

void
cli_progress(const char *what, double fraction, const char *rate, double seconds_left)
{
  static gint64 last;
  const gboolean terminal = isatty(STDERR_FILENO);
  const gint64 now = g_get_monotonic_time();
  g_autoptr(GString) line = g_string_new(NULL);

  if (last && now - last < (terminal ? 100 * G_TIME_SPAN_MILLISECOND : PLAIN_SECONDS * G_TIME_SPAN_SECOND))
    return;
  last = now;
  if (fraction >= 0)
    g_string_append_printf(line, "%3d %%  ", (int)(CLAMP(fraction, 0, 1) * 100));
  g_string_append(line, what);
  if (rate)
    g_string_append_printf(line, "  %s", rate);
  if (seconds_left >= 0) {
    const int seconds = (int)(seconds_left + 0.5);

    if (seconds >= 3600)
      g_string_append_printf(line, _("  %d h %02d min left"), seconds / 3600, seconds / 60 % 60);
    else if (seconds >= 60)
      g_string_append_printf(line, _("  %d min %02d s left"), seconds / 60, seconds % 60);
    else
      g_string_append_printf(line, _("  %d s left"), seconds);
  }
  if (terminal)
    g_printerr("\r\033[K%s", line->str);
  else
    g_printerr("%s\n", line->str);
  progress_open = terminal;
}

void
cli_progress_done(void)
{
  if (progress_open)
    g_printerr("\r\033[K");
  progress_open = FALSE;
}

/* ---- Tables ------------------------------------------------------------------------------------------------------------- */

struct _CliTable {
  guint columns;
  GPtrArray *cells;
};

CliTable *
cli_table_new(guint columns)
{
  CliTable *table = g_new0(CliTable, 1);

  table->columns = columns;
  table->cells = g_ptr_array_new_with_free_func(g_free);
  return table;
}

void
cli_table_add(CliTable *table, ...)
{
  va_list cells;

  va_start(cells, table);
  for (guint i = 0; i < table->columns; i++)
    g_ptr_array_add(table->cells, g_strdup(va_arg(cells, const char *)));
  va_end(cells);
}

void
cli_table_print(CliTable *table)
{
  g_autofree glong *widths = g_new0(glong, table->columns);

  for (guint i = 0; i < table->cells->len; i++)
    widths[i % table->columns] = MAX(widths[i % table->columns], g_utf8_strlen(table->cells->pdata[i], -1));
  for (guint i = 0; i < table->cells->len; i++) {
    const guint column = i % table->columns;
    const char *cell = table->cells->pdata[i], *heading = table->cells->pdata[column];
    const int missing = (int)(widths[column] - g_utf8_strlen(cell, -1));
    const gboolean last = column + 1 == table->columns;

    if (heading[0] == ' ')
      g_print("%*s%s", missing, "", cell);
    else
      g_print("%s%*s", cell, last ? 0 : missing, "");
    g_print(last ? "\n" : "  ");
  }
  g_ptr_array_unref(table->cells);
  g_free(table);
}
