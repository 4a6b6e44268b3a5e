/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <inttypes.h>
#include <string.h>

#include "core/cli/cli.h"
#include "core/cli/moment-json.h"
#include "core/library/sac-library.h"
#include "core/sac-time.h"

static void
add_integer(JsonBuilder *json, const char *name, gint64 value)
{
  json_builder_set_member_name(json, name);
  json_builder_add_int_value(json, value);
}

static gboolean
show_info(const char *directory, gboolean json_wanted, GError **error)
{
  g_autoptr(SacLibrary) library = sac_library_open(directory, SAC_LIBRARY_READ_ONLY, error);
  SacLibraryInfo info;
  if (library == NULL || !sac_library_get_info(library, &info, error))
    return FALSE;
  g_autoptr(GPtrArray) videos = sac_library_list_videos(library, error);
  if (videos == NULL)
    return FALSE;
  if (json_wanted) {
    static const char *const states[] = { "new", "partial", "indexed" };
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    cli_add_string_json(json, "directory", sac_library_get_directory(library));
    add_integer(json, "version", info.schema_version);
    add_integer(json, "samples", info.samples);
    add_integer(json, "moments", info.moments);
    add_integer(json, "tags", info.tags);
    add_integer(json, "jobs", info.jobs);
    add_integer(json, "database_bytes", info.database_bytes);
    add_integer(json, "vectors_bytes", info.vectors_bytes);
    add_integer(json, "unused_vectors_bytes", info.unused_vectors_bytes);
    json_builder_set_member_name(json, "videos");
    json_builder_begin_array(json);
    for (guint i = 0; i < videos->len; i++) {
      const SacVideo *video = videos->pdata[i];
      json_builder_begin_object(json);
      cli_add_string_json(json, "video", video->fingerprint);
      cli_add_string_json(json, "file", video->path);
      cli_add_string_json(json, "title", video->title);
      cli_add_string_json(json, "state", states[video->state]);
      json_builder_set_member_name(json, "duration");
      json_builder_add_double_value(json, sac_time_seconds(video->duration_us));
      add_integer(json, "samples", video->n_samples);
      add_integer(json, "moments", video->n_moments);
      json_builder_set_member_name(json, "missing");
      json_builder_add_boolean_value(json, video->missing);
      json_builder_end_object(json);
    }
    json_builder_end_array(json);
    json_builder_end_object(json);
    cli_print_json(json);
    return TRUE;
  }
  g_autofree char *database = g_format_size(info.database_bytes), *vectors = g_format_size(info.vectors_bytes);
  g_autofree char *unused = g_format_size(info.unused_vectors_bytes);
  g_print(_("%s\n%" PRId64 " videos (%" PRId64 " missing), %" PRId64 " frame samples, %" PRId64
            " moments of which %" PRId64 " tags\nDatabase %s, vectors %s (%s unused)\n"),
          sac_library_get_directory(library), info.videos, info.missing_videos, info.samples, info.moments, info.tags,
          database, vectors, unused);
  if (videos->len == 0)
    return TRUE;
  CliTable *table = cli_table_new(4);
  cli_table_add(table, _(" Length"), _(" Samples"), _("State"), _("File"));
  for (guint i = 0; i < videos->len; i++) {
    const SacVideo *video = videos->pdata[i];
    g_autofree char *length = sac_time_format_full(video->duration_us);
    g_autofree char *samples = g_strdup_printf("%" G_GINT64_FORMAT, video->n_samples);
    const char *state = video->missing                      ? _("missing")
                        : video->state == SAC_VIDEO_INDEXED ? _("indexed")
                        : video->state == SAC_VIDEO_PARTIAL ? _("in part")
                                                            : _("new");
    cli_table_add(table, length, samples, state, video->path);
  }
  cli_table_print(table);
  return TRUE;
}

static gboolean
check(const char *directory, gboolean repair, gboolean json_wanted, gboolean *sound, GError **error)
{
  g_autoptr(SacLibrary) library =
      sac_library_open(directory, repair ? SAC_LIBRARY_DEFAULT : SAC_LIBRARY_READ_ONLY, error);
  g_autoptr(GPtrArray) findings = library != NULL ? sac_library_check(library, repair, cli_cancellable(), error) : NULL;
  if (findings == NULL)
    return FALSE;
  *sound = findings->len == 0 || repair;
  if (json_wanted) {
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    json_builder_set_member_name(json, "sound");
    json_builder_add_boolean_value(json, findings->len == 0);
    json_builder_set_member_name(json, "repaired");
    json_builder_add_boolean_value(json, repair && findings->len > 0);
    json_builder_set_member_name(json, "findings");
    json_builder_begin_array(json);
    for (guint i = 0; i < findings->len; i++)
      json_builder_add_string_value(json, findings->pdata[i]);
    json_builder_end_array(json);
    json_builder_end_object(json);
    cli_print_json(json);
    return TRUE;
  }
  for (guint i = 0; i < findings->len; i++)
    g_print("%s\n", (const char *)findings->pdata[i]);
  if (findings->len == 0)
    g_print(_("The library in “%s” is sound\n"), sac_library_get_directory(library));
  else if (repair)
    cli_message(_("What was damaged has been dropped: index the videos again to fill the gaps"));
  else
    cli_message(_("“saccade library check --repair” drops what is damaged, so that indexing fills the gaps"));
  return TRUE;
}

static gboolean
forget(const char *directory, char *const *files, GError **error)
{
  g_autoptr(SacLibrary) library = sac_library_open(directory, SAC_LIBRARY_DEFAULT, error);
  for (; library != NULL && *files != NULL; files++) {
    g_autoptr(SacVideo) video = sac_library_find_video_by_path(library, *files, error);
    if (video == NULL || !sac_library_forget_video(library, video->id, error))
      return FALSE;
  }
  return library != NULL;
}

static int
run_library(const struct cli_command *command, int argc, char **argv)
{
  gboolean repair = FALSE;
  const GOptionEntry entries[] = {
    { "repair", 0, 0, G_OPTION_ARG_NONE, &repair, N_("with check: drop what is damaged"), NULL },
    G_OPTION_ENTRY_NULL,
  };
  struct cli_options options = { 0 };
  int status;
  if (!cli_parse(command, &argc, &argv, entries, &options, &status))
    return status;
  g_autofree char *directory = g_strdup(options.library);
  gboolean json = options.json;
  cli_options_clear(&options);

  const char *verb = argc > 1 ? argv[1] : "info";
  GError *error = NULL;
  gboolean sound = TRUE, good;
  if (argc <= 2 && strcmp(verb, "info") == 0) {
    good = show_info(directory, json, &error);
  } else if (argc == 2 && strcmp(verb, "check") == 0) {
    good = check(directory, repair, json, &sound, &error);
  } else if (argc == 2 && strcmp(verb, "vacuum") == 0) {
    g_autoptr(SacLibrary) library = sac_library_open(directory, SAC_LIBRARY_DEFAULT, &error);
    good = library != NULL && sac_library_vacuum(library, cli_cancellable(), &error);
  } else if (argc >= 3 && strcmp(verb, "forget") == 0) {
    good = forget(directory, argv + 2, &error);
  } else {
    return cli_usage_error(command, _("Say info, check, vacuum, or forget and a file"));
  }
  if (!good)
    return cli_fail(error);
  return sound ? 0 : 1;
}

const struct cli_command cli_library = {
  .name = "library",
  .summary = N_("what the library holds; check it, shrink it, forget a video"),
  .usage = "[info|check [--repair]|vacuum|forget FILE…]",
  .run = run_library,
};
