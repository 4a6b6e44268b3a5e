/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>

#include "core/cli/cli.h"
#include "core/models/sac-model-store.h"
#include "core/sac-error.h"

static void
add_string(JsonBuilder *json, const char *name, const char *value)
{
  json_builder_set_member_name(json, name);
  if (value)
    json_builder_add_string_value(json, value);
  else
    json_builder_add_null_value(json);
}

static void
add_flag(JsonBuilder *json, const char *name, gboolean value)
{
  json_builder_set_member_name(json, name);
  json_builder_add_boolean_value(json, value);
}

static void
add_entry(JsonBuilder *json, const SacModelEntry *entry)
{
  json_builder_begin_object(json);
  add_string(json, "id", entry->id);
  add_string(json, "title", entry->title);
  add_string(json, "summary", entry->summary);
  add_string(json, "network", entry->network);
  add_string(json, "licence", entry->licence);
  add_string(json, "source", entry->source);
  add_string(json, "path", entry->path);
  add_flag(json, "installed", entry->installed);
  add_flag(json, "builtin", entry->builtin);
  add_flag(json, "downloadable", entry->downloadable);
  add_flag(json, "embeds_pictures", entry->embeds_pictures);
  add_flag(json, "embeds_texts", entry->embeds_texts);
  json_builder_set_member_name(json, "dimensions");
  json_builder_add_int_value(json, entry->dimensions);
  json_builder_set_member_name(json, "clip_frames");
  json_builder_add_int_value(json, entry->clip_frames);
  json_builder_set_member_name(json, "bytes");
  json_builder_add_int_value(json, entry->bytes);
  add_string(json, "problem", entry->problem);
  json_builder_end_object(json);
}

static void
print_entry_json(const SacModelEntry *entry)
{
  JsonBuilder *json = json_builder_new();

  add_entry(json, entry);
  cli_print_json(json);
}

/* After an action: what the model is like now, for scripts. */
static int
print_result(SacModelStore *store, const char *id, const char *what, gboolean as_json)
{
  GError *error = NULL;
  g_autoptr(SacModelEntry) entry = sac_model_store_show(store, id, &error);

  if (!entry)
    return cli_fail(error);
  if (as_json)
    print_entry_json(entry);
  else
    g_print("%s %s\n", what, entry->path);
  return 0;
}

/* ---- list, show -------------------------------------------------------------------------------------------------------- */

static const char *
state_of(const SacModelEntry *entry)
{
  if (entry->installed)
    return entry->builtin ? _("built in") : _("installed");
  return entry->bytes > 0 ? _("partly downloaded") : _("can be downloaded");
}

static int
list(SacModelStore *store, gboolean as_json)
{
  GError *error = NULL;
  g_autoptr(GPtrArray) entries = sac_model_store_list(store, &error);

  if (!entries)
    return cli_fail(error);
  if (as_json) {
    JsonBuilder *json = json_builder_new();

    json_builder_begin_object(json);
    json_builder_set_member_name(json, "models");
    json_builder_begin_array(json);
    for (guint i = 0; i < entries->len; i++)
      add_entry(json, entries->pdata[i]);
    json_builder_end_array(json);
    json_builder_end_object(json);
    cli_print_json(json);
    return 0;
  }
  CliTable *table = cli_table_new(5);
  cli_table_add(table, _("Model"), _("State"), _(" Dimensions"), _(" Size"), _("Title"));
  for (guint i = 0; i < entries->len; i++) {
    const SacModelEntry *entry = entries->pdata[i];
    g_autofree char *dimensions = entry->dimensions ? g_strdup_printf("%u", entry->dimensions) : g_strdup("");
    g_autofree char *size = entry->bytes ? g_format_size((guint64)entry->bytes) : g_strdup("");

    cli_table_add(table, entry->id, state_of(entry), dimensions, size, entry->title);
  }
  cli_table_print(table);
  return 0;
}

static void
print_line(const char *name, const char *value)
{
  if (value && *value)
    g_print("%-12s %s\n", name, value);
}

static int
show(SacModelStore *store, const char *id, gboolean as_json)
{
  GError *error = NULL;
  g_autoptr(SacModelEntry) entry = sac_model_store_show(store, id, &error);

  if (!entry)
    return cli_fail(error);
  if (as_json) {
    print_entry_json(entry);
    return 0;
  }
  g_autofree char *size = entry->bytes ? g_format_size((guint64)entry->bytes) : NULL;
  g_autofree char *dimensions = entry->dimensions ? g_strdup_printf("%u", entry->dimensions) : NULL;
  g_autofree char *clip =
      entry->clip_frames > 1 ? g_strdup_printf(_("one for each clip of %u frames"), entry->clip_frames) : NULL;
  print_line(_("Model"), entry->id);
  print_line(_("Title"), entry->title);
  print_line(_("Summary"), entry->summary);
  print_line(_("State"), state_of(entry));
  print_line(_("Network"), entry->network);
  print_line(_("Dimensions"), dimensions);
  print_line(_("Vectors"), clip);
  if (entry->embeds_pictures || entry->embeds_texts)
    print_line(_("Embeds"), !entry->embeds_texts     ? _("pictures")
                            : entry->embeds_pictures ? _("pictures and texts")
                                                     : _("texts"));
  print_line(_("Size"), size);
  print_line(_("Licence"), entry->licence);
  print_line(_("Source"), entry->source);
  print_line(_("Folder"), entry->path);
  print_line(_("Search"), entry->installed && entry->problem ? entry->problem : NULL);
  return 0;
}

/* ---- get --------------------------------------------------------------------------------------------------------------- */

static void
show_progress(const SacModelProgress *progress, gpointer user_data)
{
  g_autofree char *rate = NULL;
  const double fraction = progress->total > 0 ? (double)progress->done / (double)progress->total : -1;

  if (progress->difficulty) {
    cli_message(_("%s; trying again"), progress->difficulty);
    return;
  }
  if (progress->rate > 0) {
    g_autofree char *bytes = g_format_size((guint64)progress->rate);

    rate = g_strdup_printf(_("%s/s"), bytes);
  }
  cli_progress(progress->file, fraction, rate, progress->seconds_left);
}

static int
get(SacModelStore *store, const char *id, gboolean as_json)
{
  GError *error = NULL;
  const gboolean done = sac_model_store_download(store, id, show_progress, NULL, cli_cancellable(), &error);

  cli_progress_done();
  if (!done) {
    if (sac_error_is_cancelled(error))
      cli_message(_("What has come is kept; the same command goes on from there"));
    return cli_fail(error);
  }
  return print_result(store, id, _("Installed in"), as_json);
}

/* ---- The command ------------------------------------------------------------------------------------------------------- */

static int
remove_model(SacModelStore *store, const char *id, gboolean as_json)
{
  GError *error = NULL;

  if (!sac_model_store_remove(store, id, &error))
    return cli_fail(error);
  if (as_json) {
    JsonBuilder *json = json_builder_new();

    json_builder_begin_object(json);
    add_string(json, "removed", id);
    json_builder_end_object(json);
    cli_print_json(json);
  } else {
    g_print(_("Removed %s\n"), id);
  }
  return 0;
}

static int
add(SacModelStore *store, const char *folder, const char *id, gboolean as_json)
{
  g_autofree char *absolute = g_canonicalize_filename(folder, NULL);
  g_autofree char *name = g_path_get_basename(absolute);
  GError *error = NULL;

  if (!sac_model_store_add(store, absolute, id, cli_cancellable(), &error))
    return cli_fail(error);
  return print_result(store, id ? id : name, _("Added as"), as_json);
}

static int
run(const struct cli_command *command, int argc, char **argv)
{
  g_autofree char *id = NULL;
  const GOptionEntry entries[] = {
    { "id", 0, 0, G_OPTION_ARG_STRING, &id, N_("With add: the model's name here (the folder's name)"), N_("ID") },
    { NULL },
  };
  struct cli_options options = { 0 };
  int status;

  if (!cli_parse(command, &argc, &argv, entries, &options, &status))
    return status;
  const char *verb = argc > 1 ? argv[1] : "list", *what = argc > 2 ? argv[2] : NULL;
  const gboolean as_json = options.json;
  g_autoptr(SacModelStore) store = sac_model_store_new(NULL);

  cli_options_clear(&options);
  if (id && !g_str_equal(verb, "add"))
    return cli_usage_error(command, _("--id goes with add only"));
  if (g_str_equal(verb, "list"))
    return argc > 2 ? cli_usage_error(command, _("list takes no more words")) : list(store, as_json);
  if (!g_strv_contains((const char *const[]){ "get", "add", "remove", "show", NULL }, verb))
    return cli_usage_error(command, _("“%s” is none of list, get, add, remove and show"), verb);
  if (!what || argc > 3)
    return cli_usage_error(command, _("%s takes one %s"), verb,
                           g_str_equal(verb, "add") ? _("folder") : _("model's id"));
  if (g_str_equal(verb, "get"))
    return get(store, what, as_json);
  if (g_str_equal(verb, "add"))
    return add(store, what, id, as_json);
  if (g_str_equal(verb, "remove"))
    return remove_model(store, what, as_json);
  return show(store, what, as_json);
}

const struct cli_command cli_models = {
  .name = "models",
  .summary = N_("list, download, add and remove models"),
  .usage = N_("[list | get ID | add FOLDER [--id ID] | remove ID | show ID]"),
  .run = run,
};
