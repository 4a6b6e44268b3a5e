/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib/gi18n.h>
#include <string.h>

#include "core/cli/cli.h"
#include "core/cli/moment-json.h"
#include "core/export/sac-export-name.h"
#include "core/export/sac-export.h"
#include "core/export/sac-interchange.h"
#include "core/export/sac-part-file.h"
#include "core/media/sac-probe.h"
#include "core/sac-error.h"
#include "core/sac-time.h"
#include "core/search/sac-search.h"

typedef struct {
  char *from, *to, *output, *query, *tag, *in, *format, *template;
  gboolean exact, copy, overwrite;
  int limit, device;
  double min_score;
  struct cli_options common;
} Options;

static void
options_clear(Options *options)
{
  g_free(options->from);
  g_free(options->to);
  g_free(options->output);
  g_free(options->query);
  g_free(options->tag);
  g_free(options->in);
  g_free(options->format);
  g_free(options->template);
  cli_options_clear(&options->common);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* One file that is to be written, and what it was: for the summary. */
typedef struct {
  SacMoment *moment;
  char *output;
  SacExportReport report;
} Clip;

static void
clip_free(gpointer data)
{
  Clip *clip = data;

  sac_moment_free(clip->moment);
  g_free(clip->output);
  sac_export_report_clear(&clip->report);
  g_free(clip);
}

static void
on_progress(double fraction, double rate, double seconds_left, gpointer what)
{
  g_autofree char *speed = g_strdup_printf("%.1f×", rate);

  cli_progress(what, fraction, speed, seconds_left);
}

static gboolean
cut(Clip *clip, const Options *options, const char *format, const char *what, GError **error)
{
  const SacExportOptions cutting = {
    .from_us = clip->moment->start_us,
    .to_us = clip->moment->end_us,
    .mode = options->copy ? SAC_EXPORT_COPY : SAC_EXPORT_EXACT,
    .format = format,
    .overwrite = options->overwrite,
  };

  return sac_export_clip(clip->moment->path, clip->output, &cutting, on_progress, (gpointer)what, cli_cancellable(),
                         &clip->report, error);
}

static void
say_clip(const Clip *clip, gboolean json)
{
  g_autofree char *start = sac_time_format_full(clip->report.start_us),
                  *end = sac_time_format_full(clip->report.end_us);

  cli_progress_done();
  if (!json)
    g_print("%s  %s – %s\n", clip->output, start, end);
  for (guint i = 0; clip->report.notes && i < clip->report.notes->len; i++)
    cli_message("%s: %s", clip->output, (const char *)clip->report.notes->pdata[i]);
  /* A copy begins at a key frame: a person should hear of it when that is another place than the asked one. */
  if (ABS(clip->report.start_us - clip->moment->start_us) > 1000)
    cli_message(_("%s: a copy begins at a key frame: %s; use --exact to begin where you say"), clip->output, start);
}

static void
print_json(GPtrArray *clips, guint failed, const char *file)
{
  JsonBuilder *json = json_builder_new();

  json_builder_begin_object(json);
  json_builder_set_member_name(json, "clips");
  json_builder_begin_array(json);
  for (guint i = 0; i < clips->len; i++) {
    const Clip *clip = clips->pdata[i];

    json_builder_begin_object(json);
    cli_add_string_json(json, "output", clip->output);
    cli_add_moment_json(json, clip->moment, 0);
    if (!file) {
      json_builder_set_member_name(json, "actual_start");
      json_builder_add_double_value(json, sac_time_seconds(clip->report.start_us));
      json_builder_set_member_name(json, "actual_end");
      json_builder_add_double_value(json, sac_time_seconds(clip->report.end_us));
      json_builder_set_member_name(json, "notes");
      json_builder_begin_array(json);
      for (guint k = 0; clip->report.notes && k < clip->report.notes->len; k++)
        json_builder_add_string_value(json, clip->report.notes->pdata[k]);
      json_builder_end_array(json);
    }
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
  json_builder_set_member_name(json, "failed");
  json_builder_add_int_value(json, failed);
  json_builder_end_object(json);
  cli_print_json(json);
}

/* ---- What to export ----------------------------------------------------------------------------------------------------- */

static GPtrArray *
moments_of_span(const char *path, const Options *options, GError **error)
{
  g_autoptr(SacMoment) moment = sac_moment_new();

  if ((options->from && !sac_time_parse(options->from, &moment->start_us, error)) ||
      !sac_time_parse(options->to, &moment->end_us, error))
    return NULL;
  if (moment->end_us <= moment->start_us) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE, _("--to %s is not later than --from %s"), options->to,
                options->from ? options->from : "0");
    return NULL;
  }
  moment->path = g_canonicalize_filename(path, NULL);
  moment->kind = g_strdup(SAC_KIND_TAG);
  moment->score = 1;
  GPtrArray *moments = g_ptr_array_new_with_free_func((GDestroyNotify)sac_moment_free);
  g_ptr_array_add(moments, g_steal_pointer(&moment));
  return moments;
}

static GPtrArray *
moments_of_tag(SacLibrary *library, const Options *options, GError **error)
{
  static const char *const kinds[] = { SAC_KIND_TAG, SAC_KIND_LABEL, NULL };
  g_autoptr(SacVideo) video = NULL;
  g_autofree char *wanted = g_utf8_casefold(options->tag, -1);

  if (options->in && !(video = sac_library_find_video_by_path(library, options->in, error)))
    return NULL;
  g_autoptr(GPtrArray) all = sac_library_list_moments(library, video ? video->id : 0, kinds, error);
  if (!all)
    return NULL;
  GPtrArray *moments = g_ptr_array_new_with_free_func((GDestroyNotify)sac_moment_free);
  for (guint i = 0; i < all->len && (options->limit == 0 || moments->len < (guint)options->limit); i++) {
    const SacMoment *moment = all->pdata[i];
    g_autofree char *label = g_utf8_casefold(moment->label ? moment->label : "", -1);

    if (g_str_equal(label, wanted))
      g_ptr_array_add(moments, sac_moment_copy(moment));
  }
  return moments;
}

static GPtrArray *
moments_of_query(SacLibrary *library, const Options *options, GError **error)
{
  const SacSearchQuery query = {
    .text = options->query, .in = options->in, .limit = (guint)options->limit, .min_score = options->min_score
  };
  g_autoptr(SacEncoder) encoder = sac_encoder_new(options->device);
  g_autoptr(SacSearchResults) results = sac_search_run(library, encoder, &query, cli_cancellable(), error);

  if (!results)
    return NULL;
  if (results->notice)
    cli_message(_("Only words were searched: %s"), results->notice);
  GPtrArray *moments = g_ptr_array_new_with_free_func((GDestroyNotify)sac_moment_free);
  for (guint i = 0; i < results->results->len; i++)
    g_ptr_array_add(moments, sac_moment_copy(((const SacSearchResult *)results->results->pdata[i])->moment));
  return moments;
}

static GPtrArray *
find_moments(const Options *options, GError **error)
{
  g_autoptr(SacLibrary) library = sac_library_open(options->common.library, SAC_LIBRARY_READ_ONLY, error);

  if (!library)
    return NULL;
  GPtrArray *moments =
      options->query ? moments_of_query(library, options, error) : moments_of_tag(library, options, error);
  if (moments && moments->len == 0) {
    g_ptr_array_unref(moments);
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND,
                options->query ? _("Nothing was found for “%s”")
                               : _("There is no tag “%s”; saccade moments lists them"),
                options->query ? options->query : options->tag);
    return NULL;
  }
  return moments;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------------ */

/* All moments as clips; a failure is told and the others go on. */
static int
export_clips(GPtrArray *moments, const char *directory, const char *output, const Options *options, const char *format)
{
  g_autoptr(GPtrArray) clips = g_ptr_array_new_with_free_func(clip_free);
  g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  guint failed = 0;
  int status = 0;

  for (guint i = 0; i < moments->len && status != 2 && !g_cancellable_is_cancelled(cli_cancellable()); i++) {
    const SacMoment *moment = moments->pdata[i];
    g_autofree char *file = g_path_get_basename(moment->path), *shown = g_filename_display_name(file);
    g_autofree char *what =
        moments->len > 1 ? g_strdup_printf("%s (%u/%u)", shown, i + 1, moments->len) : g_strdup(shown);
    char *dot = strrchr(shown, '.');
    GError *error = NULL;
    Clip *clip = g_new0(Clip, 1);

    clip->moment = sac_moment_copy(moment);
    if (dot && dot != shown)
      *dot = '\0';
    const SacExportName values = { .title = shown,
                                   .label = moment->label,
                                   .text = moment->text,
                                   .query = options->query,
                                   .kind = moment->kind,
                                   .from_us = moment->start_us,
                                   .to_us = moment->end_us,
                                   .score = moment->score,
                                   .n = i + 1 };
    g_autofree char *name =
        output ? NULL
               : sac_export_name(options->template ? options->template : SAC_EXPORT_NAME_DEFAULT, &values, &error);
    clip->output = output ? g_strdup(output)
                   : name ? sac_export_unique_path(directory, name, format, taken, !options->overwrite)
                          : NULL;
    if (clip->output && cut(clip, options, format, what, &error)) {
      say_clip(clip, options->common.json);
      g_ptr_array_add(clips, clip);
    } else {
      status = cli_fail(error);
      failed++;
      clip_free(clip);
    }
  }
  if (options->common.json && status != 2)
    print_json(clips, failed, NULL);
  return status;
}

/* The moments as one file for another program. */
static int
export_list(GPtrArray *moments, const char *output, const struct sac_interchange *format, const Options *options)
{
  g_autofree SacInterchangeItem *items = g_new0(SacInterchangeItem, moments->len);
  g_autoptr(GHashTable) probed =
      g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)sac_media_info_unref);
  g_autoptr(GPtrArray) clips = g_ptr_array_new_with_free_func(clip_free);
  GError *error = NULL;

  for (guint i = 0; i < moments->len; i++) {
    SacMoment *moment = moments->pdata[i];
    SacMediaInfo *media = g_hash_table_lookup(probed, moment->path);
    Clip *clip = g_new0(Clip, 1);

    if (!media && (media = sac_probe_file(moment->path, &error)))
      g_hash_table_insert(probed, moment->path, media);
    clip->moment = sac_moment_copy(moment);
    clip->output = g_strdup(output);
    g_ptr_array_add(clips, clip);
    if (!media)
      return cli_fail(error);
    items[i] = (SacInterchangeItem){ moment, media };
  }
  const char *title = options->query ? options->query : options->tag ? options->tag : _("Moments");
  g_autofree char *text = format->write(title, items, moments->len, &error);
  if (!text || !sac_part_file_write_text(output, text, options->overwrite, &error))
    return cli_fail(error);
  if (options->common.json)
    print_json(clips, 0, output);
  else
    g_print("%s\n", output);
  return 0;
}

static gboolean
make_directory(const char *path, GError **error)
{
  if (g_mkdir_with_parents(path, 0777) == 0)
    return TRUE;
  sac_error_set_from_errno(error, errno, _("%s: the folder cannot be made"), path);
  return FALSE;
}

/* The format that was asked for, else the one that the output's name ends in, else mp4. */
static char *
choose_format(const Options *options)
{
  const char *dot = strrchr(options->output, '.');

  if (options->format)
    return g_ascii_strdown(options->format, -1);
  if (dot && !strchr(dot, '/')) {
    g_autofree char *extension = g_ascii_strdown(dot + 1, -1);

    if (sac_export_format_is_clip(extension) || sac_interchange_find(extension))
      return g_steal_pointer(&extension);
  }
  return g_strdup("mp4");
}

/* The list goes to the file that was named, or to one named after the query in the folder that was. */
static char *
choose_list_path(const Options *options, const char *format, GError **error)
{
  g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  const SacExportName values = { .query = options->query ? options->query : options->tag };
  g_autofree char *suffix = g_strconcat(".", format, NULL);

  if (g_str_has_suffix(options->output, suffix) && !g_file_test(options->output, G_FILE_TEST_IS_DIR))
    return g_strdup(options->output);
  g_autofree char *name = sac_export_name(values.query ? "{query}" : "moments", &values, error);
  if (!name || !make_directory(options->output, error))
    return NULL;
  return sac_export_unique_path(options->output, name, format, taken, !options->overwrite);
}

static int
check_words(const struct cli_command *command, const Options *options, int argc, const char *format)
{
  const int ways = (argc > 1) + (options->query != NULL) + (options->tag != NULL);

  if (ways != 1 || argc > 2)
    return cli_usage_error(command, _("Name one video with --from and --to, or give --query or --tag"));
  if (argc > 1 && !options->to)
    return cli_usage_error(command, _("Say where the clip ends: --to T"));
  if (argc == 1 && (options->from || options->to))
    return cli_usage_error(command, _("--from and --to belong to one video, not to a query or tag"));
  if (options->exact && options->copy)
    return cli_usage_error(command, _("--exact and --copy exclude each other"));
  if (options->limit < 0 || !(options->min_score >= 0 && options->min_score <= 1))
    return cli_usage_error(command, _("--limit is 1 or more and --min-score from 0 to 1"));
  if (!sac_export_format_is_clip(format) && !sac_interchange_find(format))
    return cli_usage_error(command, _("there is no format “%s”; mp4 mkv webm csv edl otio fcpxml vtt json are"),
                           format);
  return 0;
}

static int
run_export(const struct cli_command *command, int argc, char **argv)
{
  g_auto(Options) options = { .device = -1 };
  const GOptionEntry entries[] = {
    { "from", 0, 0, G_OPTION_ARG_STRING, &options.from, N_("where the clip begins: seconds or hh:mm:ss.mmm (0)"),
      N_("T") },
    { "to", 0, 0, G_OPTION_ARG_STRING, &options.to, N_("where it ends"), N_("T") },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output, N_("the clip, or the folder for many"), N_("PATH") },
    { "exact", 0, 0, G_OPTION_ARG_NONE, &options.exact, N_("to the frame, by encoding again (the default)"), NULL },
    { "copy", 0, 0, G_OPTION_ARG_NONE, &options.copy, N_("without encoding, from the key frame before"), NULL },
    { "query", 0, 0, G_OPTION_ARG_STRING, &options.query, N_("every moment that a search finds"), N_("QUERY") },
    { "tag", 0, 0, G_OPTION_ARG_STRING, &options.tag, N_("every moment with this tag"), N_("LABEL") },
    { "in", 0, 0, G_OPTION_ARG_FILENAME, &options.in, N_("only of this video (or folder, with --query)"), N_("FILE") },
    { "limit", 0, 0, G_OPTION_ARG_INT, &options.limit, N_("at most so many moments"), N_("N") },
    { "min-score", 0, 0, G_OPTION_ARG_DOUBLE, &options.min_score, N_("only moments with this score or more (0…1)"),
      N_("S") },
    { "format", 0, 0, G_OPTION_ARG_STRING, &options.format, N_("mp4, mkv, webm, csv, edl, otio, fcpxml, vtt or json"),
      N_("FORMAT") },
    { "template", 0, 0, G_OPTION_ARG_STRING, &options.template,
      N_("names of many clips: {title} {from} {to} {label} {text} {query} {kind} {score} {n}"), N_("NAME") },
    { "overwrite", 0, 0, G_OPTION_ARG_NONE, &options.overwrite, N_("replace files that are there"), NULL },
    { "device", 0, 0, G_OPTION_ARG_INT, &options.device, N_("the number of the Vulkan device"), N_("N") },
    G_OPTION_ENTRY_NULL,
  };
  GError *error = NULL;
  int status;

  if (!cli_parse(command, &argc, &argv, entries, &options.common, &status))
    return status;
  if (!options.output)
    return cli_usage_error(command, _("Say where to write: -o PATH"));
  g_autofree char *format = choose_format(&options);
  if ((status = check_words(command, &options, argc, format)))
    return status;
  const gboolean one = argc > 1;
  g_autoptr(GPtrArray) moments = one ? moments_of_span(argv[1], &options, &error) : find_moments(&options, &error);
  if (!moments)
    return cli_fail(error);
  const struct sac_interchange *interchange = sac_interchange_find(format);
  if (interchange) {
    g_autofree char *path = choose_list_path(&options, format, &error);

    return path ? export_list(moments, path, interchange, &options) : cli_fail(error);
  }
  /* One span goes to the named file, unless what is named is a folder. */
  const gboolean to_folder = !one || g_file_test(options.output, G_FILE_TEST_IS_DIR);
  if (to_folder && !make_directory(options.output, &error))
    return cli_fail(error);
  return export_clips(moments, options.output, to_folder ? NULL : options.output, &options, format);
}

const struct cli_command cli_export = {
  .name = "export",
  .summary = N_("cut moments out as clips, or list them for other programs"),
  .usage = "(FILE --from T --to T | --query QUERY | --tag LABEL) -o PATH",
  .run = run_export,
};
