/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

/*
 * The command line: one file a command, each defining one struct cli_command that cli.c lists.
 *
 * Standard output carries the answer alone (with --json one JSON document); progress and messages go to standard error. The exit
 * status is 0 done, 1 failed with a message, 2 wrong usage. Everything here is called on the main thread, before GTK.
 */

G_BEGIN_DECLS

struct cli_command {
  const char *name;
  const char *summary; /* one line, for the list of commands */
  const char *usage;   /* what follows the name: "PATH…" */
  int (*run)(const struct cli_command *command, int argc,
             char **argv); /* argv[0] is the command's name; returns the exit status */
};

/* Runs argv[1] if it names a command, --help or --version: *handled is TRUE then, and the exit status is returned. An argument that is
   neither these nor a file is wrong usage. Otherwise the arguments are files for the window. */
int sac_cli_main(int argc, char **argv, gboolean *handled);

/* ---- For the commands ---- */

/* The options that every command has. Zero before cli_parse(); free with cli_options_clear(). */
struct cli_options {
  char *library; /* NULL: the default */
  gboolean json;
};

void cli_options_clear(struct cli_options *options);

/* Parses the common options and the command's own (GOptionEntry, may be NULL), and leaves the rest in argv[1…]. FALSE: return *status,
   because --help was asked for or the usage is wrong. */
gboolean cli_parse(const struct cli_command *command, int *argc, char ***argv, const GOptionEntry *entries,
                   struct cli_options *options, int *status);

/* Says that the words are wrong, and how they should be; returns 2. */
int cli_usage_error(const struct cli_command *command, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Prints the error and frees it; returns 1, or 2 for SAC_ERROR_USAGE. */
int cli_fail(GError *error);

/* A message on standard error. */
void cli_message(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Prints the builder's document on standard output and frees the builder. */
void cli_print_json(JsonBuilder *builder);

/* Cancelled by the first SIGINT or SIGTERM; the second ends the program at once. Owned by cli.c. */
GCancellable *cli_cancellable(void);

/*
 * A progress line: rewritten in place on a terminal, a plain line every few seconds otherwise. fraction < 0: unknown. rate and
 * seconds_left may be absent: NULL, below 0. cli_progress_done() ends it.
 */
void cli_progress(const char *what, double fraction, const char *rate, double seconds_left);
void cli_progress_done(void);

/* Columns of text that line up; the first row is the heading. */
typedef struct _CliTable CliTable;
CliTable *cli_table_new(guint columns);
/* One string a column, copied. A column whose heading begins with a blank is set flush right. */
void cli_table_add(CliTable *table, ...);
/* Prints on standard output and frees. */
void cli_table_print(CliTable *table);

G_END_DECLS
