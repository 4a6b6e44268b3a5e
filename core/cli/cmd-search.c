/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <inttypes.h>

#include "core/cli/cli.h"
#include "core/cli/moment-json.h"
#include "core/sac-time.h"
#include "core/search/sac-search.h"

static void
print_json(const SacSearchResults *results)
{
  JsonBuilder *json = json_builder_new();
  json_builder_begin_object(json);
  cli_add_string_json(json, "query", results->query);
  json_builder_set_member_name(json, "seconds");
  json_builder_add_double_value(json, results->seconds);
  json_builder_set_member_name(json, "samples");
  json_builder_add_int_value(json, results->n_samples);
  json_builder_set_member_name(json, "results");
  json_builder_begin_array(json);
  for (guint i = 0; i < results->results->len; i++) {
    const SacSearchResult *result = results->results->pdata[i];
    json_builder_begin_object(json);
    cli_add_moment_json(json, result->moment, result->rank);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
  json_builder_end_object(json);
  cli_print_json(json);
}

static void
print_table(const SacSearchResults *results)
{
  if (results->results->len == 0) {
    cli_message(_("Nothing was found"));
    return;
  }
  if (results->best_score < SAC_SEARCH_GOOD_SCORE)
    cli_message(_("No good match; the nearest are"));
  CliTable *table = cli_table_new(6);
  cli_table_add(table, _(" Score"), _("From"), _("To"), _("Kind"), _("File"), _("What"));
  for (guint i = 0; i < results->results->len; i++) {
    const SacMoment *moment = ((const SacSearchResult *)results->results->pdata[i])->moment;
    g_autofree char *score = g_strdup_printf("%.2f", moment->score);
    g_autofree char *from = sac_time_format_full(moment->start_us), *to = sac_time_format_full(moment->end_us);
    const char *what = moment->label != NULL ? moment->label : moment->text != NULL ? moment->text : "";
    cli_table_add(table, score, from, to, moment->kind, moment->path, what);
  }
  cli_table_print(table);
  cli_message(_("%u moments in %.3f s, %" PRId64 " frames compared"), results->results->len, results->seconds,
              results->n_samples);
}

static int
run_search(const struct cli_command *command, int argc, char **argv)
{
  g_autofree char *in = NULL, *kinds_text = NULL, *image = NULL, *at = NULL, *model = NULL;
  int limit = 0, device = -1;
  double min_score = 0;
  const GOptionEntry entries[] = {
    { "in", 0, 0, G_OPTION_ARG_FILENAME, &in, N_("only in this video or folder"), N_("FILE") },
    { "kind", 0, 0, G_OPTION_ARG_STRING, &kinds_text, N_("only these kinds of moment"), N_("KIND,…") },
    { "image", 0, 0, G_OPTION_ARG_FILENAME, &image, N_("look for what looks like this picture, or video's frame"),
      N_("FILE") },
    { "at", 0, 0, G_OPTION_ARG_STRING, &at, N_("of a video given by --image: the frame at this time"), N_("TIME") },
    { "limit", 0, 0, G_OPTION_ARG_INT, &limit, N_("at most so many moments (24)"), N_("N") },
    { "min-score", 0, 0, G_OPTION_ARG_DOUBLE, &min_score, N_("only moments with this score or more (0…1)"), N_("S") },
    { "model", 0, 0, G_OPTION_ARG_STRING, &model, N_("only what this model has seen"), N_("ID") },
    { "device", 0, 0, G_OPTION_ARG_INT, &device, N_("the number of the Vulkan device"), N_("N") },
    G_OPTION_ENTRY_NULL,
  };
  struct cli_options options = { 0 };
  int status;
  if (!cli_parse(command, &argc, &argv, entries, &options, &status))
    return status;
  g_autofree char *directory = g_strdup(options.library);
  gboolean json = options.json;
  cli_options_clear(&options);
  if (argc < 2 && image == NULL)
    return cli_usage_error(command, _("Say what to look for"));
  if (argc > 1 && image != NULL)
    return cli_usage_error(command, _("Look for words or for a picture, not for both"));
  if (limit < 0 || !(min_score >= 0 && min_score <= 1))
    return cli_usage_error(command, _("--limit is 1 or more and --min-score from 0 to 1"));

  gint64 at_us = 0;
  GError *error = NULL;
  if (at != NULL && image == NULL)
    return cli_usage_error(command, _("--at is a time of the video that --image names"));
  if (at != NULL && !sac_time_parse(at, &at_us, &error))
    return cli_fail(error);

  /* Several words without quotes are one query. */
  g_autofree char *text = image == NULL ? g_strjoinv(" ", argv + 1) : NULL;
  g_auto(GStrv) kinds = kinds_text != NULL ? g_strsplit(kinds_text, ",", -1) : NULL;
  SacSearchQuery query = { .text = text,
                           .image = image,
                           .image_time_us = at_us,
                           .in = in,
                           .kinds = (const char *const *)kinds,
                           .model = model,
                           .limit = limit,
                           .min_score = min_score };
  g_autoptr(SacLibrary) library = sac_library_open(directory, SAC_LIBRARY_READ_ONLY, &error);
  g_autoptr(SacEncoder) encoder = sac_encoder_new(device);
  g_autoptr(SacSearchResults) results =
      library != NULL ? sac_search_run(library, encoder, &query, cli_cancellable(), &error) : NULL;
  if (results == NULL)
    return cli_fail(error);
  if (results->notice != NULL)
    cli_message(_("Only words were searched: %s"), results->notice);
  if (json)
    print_json(results);
  else
    print_table(results);
  return 0;
}

const struct cli_command cli_search = {
  .name = "search",
  .summary = N_("find moments by what is seen, said, written or tagged"),
  .usage = "QUERY [--in FILE] [--kind K,…] [--image FILE [--at TIME]] [--limit N] [--min-score S]",
  .run = run_search,
};
