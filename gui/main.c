/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <locale.h>

#include "core/cli/cli.h"
#include "gui/sac-application.h"
#include "gui/sac-bench-timeline.h"
#include "gui/sac-stall-watch.h"

/* Run from its build folder, the program uses the settings' schema and the translations that were built there. */
static void
find_data(void)
{
  g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *folder = program ? g_path_get_dirname(program) : g_strdup(".");
  g_autofree char *schemas = g_build_filename(folder, "data", NULL);
  g_autofree char *compiled = g_build_filename(schemas, "gschemas.compiled", NULL);
  g_autofree char *translations = g_build_filename(folder, "po", NULL);
  gboolean is_installed = !g_file_test(compiled, G_FILE_TEST_EXISTS);
  if (!is_installed) {
    g_setenv("GSETTINGS_SCHEMA_DIR", schemas, FALSE);
  }
  bindtextdomain(GETTEXT_PACKAGE, is_installed ? SACCADE_LOCALE_DIR : translations);
  bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
  textdomain(GETTEXT_PACKAGE);
}

int
main(int argc, char **argv)
{
  gboolean handled = FALSE;
  setlocale(LC_ALL, "");
  find_data();
  cli_bench_add(&sac_bench_timeline);
  int status = sac_cli_main(argc, argv, &handled);
  if (handled) {
    return status;
  }
  sac_stall_watch_start();
  g_autoptr(SacApplication) application = sac_application_new();
  status = g_application_run(G_APPLICATION(application), argc, argv);
  sac_stall_watch_stop();
  return status;
}
