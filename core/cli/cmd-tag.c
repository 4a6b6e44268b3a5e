/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>

#include "core/cli/cli.h"
#include "core/cli/moment-json.h"
#include "core/library/sac-library.h"
#include "core/sac-error.h"
#include "core/sac-time.h"

static char *
add_tag(SacLibrary *library, const SacVideo *video, const char *from, const char *to, const char *label, GError **error)
{
  SacMoment tag = {
    .video_id = video->id, .kind = (char *)SAC_KIND_TAG, .score = 1, .label = (char *)label, .source = (char *)"user"
  };
  if (!sac_time_parse(from, &tag.start_us, error) || !sac_time_parse(to, &tag.end_us, error))
    return NULL;
  if (tag.end_us <= tag.start_us) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE, _("--to %s is not after --from %s"), to, from);
    return NULL;
  }
  if (video->duration_us > 0 && tag.start_us >= video->duration_us) {
    g_autofree char *length = sac_time_format(video->duration_us);
    g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE, _("--from %s is after the end of “%s”, which is %s long"), from,
                video->path, length);
    return NULL;
  }
  if (video->duration_us > 0)
    tag.end_us = MIN(tag.end_us, video->duration_us);
  return sac_library_add_moment(library, &tag, error);
}

static int
run_tag(const struct cli_command *command, int argc, char **argv)
{
  g_autofree char *from = NULL, *to = NULL, *colour = NULL, *note = NULL;
  const GOptionEntry entries[] = {
    { "from", 0, 0, G_OPTION_ARG_STRING, &from, N_("where the tag begins"), N_("TIME") },
    { "to", 0, 0, G_OPTION_ARG_STRING, &to, N_("where it ends"), N_("TIME") },
    { "colour", 0, 0, G_OPTION_ARG_STRING, &colour, N_("the colour of all tags with this label"), "#RRGGBB" },
    { "note", 0, 0, G_OPTION_ARG_STRING, &note, N_("a note on all tags with this label"), N_("TEXT") },
    G_OPTION_ENTRY_NULL,
  };
  struct cli_options options = { 0 };
  int status;
  if (!cli_parse(command, &argc, &argv, entries, &options, &status))
    return status;
  g_autofree char *directory = g_strdup(options.library);
  gboolean json_wanted = options.json;
  cli_options_clear(&options);
  if (colour != NULL && !sac_tag_colour_is_valid(colour))
    return cli_usage_error(command, _("A colour is written as #rrggbb"));
  if (argc < 3 || from == NULL || to == NULL)
    return cli_usage_error(command, _("A tag needs a video, --from, --to and a label"));

  g_autofree char *label = g_strjoinv(" ", argv + 2);
  GError *error = NULL;
  g_autoptr(SacLibrary) library = sac_library_open(directory, SAC_LIBRARY_DEFAULT, &error);
  g_autoptr(SacVideo) video = library != NULL ? sac_library_find_video_by_path(library, argv[1], &error) : NULL;
  g_autofree char *id = video != NULL ? add_tag(library, video, from, to, label, &error) : NULL;
  g_autoptr(SacMoment) tag = id != NULL ? sac_library_get_moment(library, id, &error) : NULL;
  if (tag != NULL && (colour != NULL || note != NULL)) {
    g_autoptr(SacTag) look =
        sac_tag_new(tag->label, colour != NULL ? colour : tag->colour, note != NULL ? note : tag->note);
    g_clear_pointer(&tag, sac_moment_free);
    if (sac_library_change_tag(library, look->name, look, NULL, &error))
      tag = sac_library_get_moment(library, id, &error);
  }
  if (tag == NULL)
    return cli_fail(error);
  if (json_wanted) {
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    cli_add_moment_json(json, tag, 0);
    json_builder_end_object(json);
    cli_print_json(json);
  } else {
    g_print("%s\n", id);
  }
  return 0;
}

static int
run_untag(const struct cli_command *command, int argc, char **argv)
{
  struct cli_options options = { 0 };
  int status;
  if (!cli_parse(command, &argc, &argv, NULL, &options, &status))
    return status;
  g_autofree char *directory = g_strdup(options.library);
  gboolean json_wanted = options.json;
  cli_options_clear(&options);
  if (argc != 2)
    return cli_usage_error(command, _("Name one tag by its id (saccade moments FILE lists them)"));
  GError *error = NULL;
  g_autoptr(SacLibrary) library = sac_library_open(directory, SAC_LIBRARY_DEFAULT, &error);
  g_autoptr(SacMoment) tag = library != NULL ? sac_library_get_moment(library, argv[1], &error) : NULL;
  if (tag != NULL && g_strcmp0(tag->kind, SAC_KIND_TAG) != 0)
    g_set_error(&error, SAC_ERROR, SAC_ERROR_USAGE, _("“%s” is not a tag: it is of kind %s"), argv[1], tag->kind);
  if (error != NULL || !sac_library_remove_moment(library, argv[1], &error))
    return cli_fail(error);
  if (json_wanted) {
    JsonBuilder *json = json_builder_new();
    json_builder_begin_object(json);
    cli_add_string_json(json, "removed", argv[1]);
    json_builder_end_object(json);
    cli_print_json(json);
  }
  return 0;
}

const struct cli_command cli_tag = {
  .name = "tag",
  .summary = N_("mark a span of a video with a label"),
  .usage = "FILE --from T --to T [--colour #RRGGBB] [--note TEXT] LABEL",
  .run = run_tag,
};

const struct cli_command cli_untag = {
  .name = "untag",
  .summary = N_("remove a tag"),
  .usage = "ID",
  .run = run_untag,
};
