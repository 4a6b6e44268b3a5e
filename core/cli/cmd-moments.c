/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <math.h>
#include <string.h>

#include "core/cli/cli.h"
#include "core/cli/moment-json.h"
#include "core/library/sac-library.h"
#include "core/sac-time.h"

void
cli_add_string_json(JsonBuilder *json, const char *name, const char *text)
{
  json_builder_set_member_name(json, name);
  if (text == NULL) {
    json_builder_add_null_value(json);
    return;
  }
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  json_builder_add_string_value(json, valid);
}

static void
add_number(JsonBuilder *json, const char *name, double value)
{
  json_builder_set_member_name(json, name);
  json_builder_add_double_value(json, value);
}

void
cli_add_moment_json(JsonBuilder *json, const SacMoment *moment, guint rank)
{
  cli_add_string_json(json, "id", moment->id);
  cli_add_string_json(json, "video", moment->fingerprint);
  cli_add_string_json(json, "file", moment->path);
  add_number(json, "start", sac_time_seconds(moment->start_us));
  add_number(json, "end", sac_time_seconds(moment->end_us));
  /* A score is not known to more digits than these. */
  add_number(json, "score", round(moment->score * 1e6) / 1e6);
  if (rank > 0) {
    json_builder_set_member_name(json, "rank");
    json_builder_add_int_value(json, rank);
  }
  cli_add_string_json(json, "kind", moment->kind);
  cli_add_string_json(json, "text", moment->text != NULL ? moment->text : moment->label);
  cli_add_string_json(json, "label", moment->label);
  cli_add_string_json(json, "model", moment->model);
  cli_add_string_json(json, "source", moment->source);
  if (strcmp(moment->kind, SAC_KIND_TAG) == 0) {
    cli_add_string_json(json, "colour", moment->colour);
    cli_add_string_json(json, "note", moment->note);
  }
}

static void
print_moments(const GPtrArray *moments)
{
  CliTable *table = cli_table_new(5);
  cli_table_add(table, _("From"), _("To"), _("Kind"), _("What"), _("Id"));
  for (guint i = 0; i < moments->len; i++) {
    const SacMoment *moment = moments->pdata[i];
    g_autofree char *from = sac_time_format_full(moment->start_us), *to = sac_time_format_full(moment->end_us);
    const char *what = moment->label != NULL ? moment->label : moment->text != NULL ? moment->text : "";
    cli_table_add(table, from, to, moment->kind, what, moment->id);
  }
  cli_table_print(table);
}

static int
run_moments(const struct cli_command *command, int argc, char **argv)
{
  g_autofree char *kinds_text = NULL;
  const GOptionEntry entries[] = {
    { "kind", 0, 0, G_OPTION_ARG_STRING, &kinds_text, N_("only these kinds of moment"), N_("KIND,…") },
    G_OPTION_ENTRY_NULL,
  };
  struct cli_options options = { 0 };
  int status;
  if (!cli_parse(command, &argc, &argv, entries, &options, &status))
    return status;
  if (argc != 2) {
    cli_options_clear(&options);
    return cli_usage_error(command, _("Name one video"));
  }
  GError *error = NULL;
  g_auto(GStrv) kinds = kinds_text != NULL ? g_strsplit(kinds_text, ",", -1) : NULL;
  g_autoptr(SacLibrary) library = sac_library_open(options.library, SAC_LIBRARY_READ_ONLY, &error);
  g_autoptr(SacVideo) video = library != NULL ? sac_library_find_video_by_path(library, argv[1], &error) : NULL;
  g_autoptr(GPtrArray) moments =
      video != NULL ? sac_library_list_moments(library, video->id, (const char *const *)kinds, &error) : NULL;
  gboolean json_wanted = options.json;
  cli_options_clear(&options);
  if (moments == NULL)
    return cli_fail(error);
  if (!json_wanted) {
    if (moments->len > 0)
      print_moments(moments);
    else
      cli_message(_("“%s” has no moments yet: tag some, or search it"), video->path);
    return 0;
  }
  JsonBuilder *json = json_builder_new();
  json_builder_begin_object(json);
  cli_add_string_json(json, "video", video->fingerprint);
  cli_add_string_json(json, "file", video->path);
  add_number(json, "duration", sac_time_seconds(video->duration_us));
  json_builder_set_member_name(json, "samples");
  json_builder_add_int_value(json, video->n_samples);
  json_builder_set_member_name(json, "moments");
  json_builder_begin_array(json);
  for (guint i = 0; i < moments->len; i++) {
    json_builder_begin_object(json);
    cli_add_moment_json(json, moments->pdata[i], 0);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
  json_builder_end_object(json);
  cli_print_json(json);
  return 0;
}

const struct cli_command cli_moments = {
  .name = "moments",
  .summary = N_("list what is known of a video: tags, shots, what is said"),
  .usage = "FILE [--kind K,…]",
  .run = run_moments,
};
