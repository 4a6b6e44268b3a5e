/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-preferences.h"

#include <glib/gi18n.h>
#include <json-glib/json-glib.h>

#include "core/library/sac-library.h"
#include "core/models/sac-model-store.h"

struct _SacPreferences {
  AdwPreferencesWindow parent_instance;
  AdwComboRow *model_row, *device_row;
  AdwActionRow *folder_row;
  GtkSpinButton *interval_spin;
  GtkAdjustment *interval;
  GtkButton *folder_button, *reset_button;
  GtkSwitch *mains_switch;
  AdwPreferencesGroup *watched_group;
  GPtrArray *watched_rows;
  GSettings *settings;
  GPtrArray *model_ids; /* of the row's list */
  gboolean is_filling;
  GtkFileChooserNative *chooser;
};

G_DEFINE_FINAL_TYPE(SacPreferences, sac_preferences, ADW_TYPE_PREFERENCES_WINDOW)

static void
on_model(SacPreferences *preferences)
{
  guint selected = adw_combo_row_get_selected(preferences->model_row);
  if (!preferences->is_filling && preferences->settings && selected < preferences->model_ids->len) {
    g_settings_set_string(preferences->settings, "model", g_ptr_array_index(preferences->model_ids, selected));
  }
}

static void
on_device(SacPreferences *preferences)
{
  guint selected = adw_combo_row_get_selected(preferences->device_row);
  if (!preferences->is_filling && preferences->settings && selected != GTK_INVALID_LIST_POSITION) {
    g_settings_set_int(preferences->settings, "device", (int)selected - 1);
  }
}

static void
show_folder(SacPreferences *preferences)
{
  g_autofree char *folder = g_settings_get_string(preferences->settings, "library-folder");
  g_autofree char *usual = sac_library_default_directory();
  g_autofree char *shown = g_filename_display_name(*folder ? folder : usual);
  adw_action_row_set_subtitle(preferences->folder_row, shown);
  gtk_widget_set_visible(GTK_WIDGET(preferences->reset_button), *folder != '\0');
}

static void
on_reset_folder(SacPreferences *preferences)
{
  g_settings_reset(preferences->settings, "library-folder");
}

static void
on_folder_chosen(SacPreferences *preferences, int response)
{
  if (response == GTK_RESPONSE_ACCEPT) {
    g_autoptr(GFile) folder = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(preferences->chooser));
    g_autofree char *path = g_file_get_path(folder);
    g_settings_set_string(preferences->settings, "library-folder", path);
  }
  g_clear_object(&preferences->chooser);
}

static void
on_choose_folder(SacPreferences *preferences)
{
  preferences->chooser = gtk_file_chooser_native_new(_("Folder of the Library"), GTK_WINDOW(preferences),
                                                     GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, _("_Select"), NULL);
  g_signal_connect_swapped(preferences->chooser, "response", G_CALLBACK(on_folder_chosen), preferences);
  gtk_native_dialog_show(GTK_NATIVE_DIALOG(preferences->chooser));
}

/* --- watched folders ------------------------------------------------------------------------------------------------------- */

static void
set_watched(SacPreferences *preferences, const char *added, const char *removed)
{
  g_auto(GStrv) old = g_settings_get_strv(preferences->settings, "watched-folders");
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  for (guint i = 0; old[i]; i++) {
    if (g_strcmp0(old[i], removed) != 0 && g_strcmp0(old[i], added) != 0) {
      g_strv_builder_add(builder, old[i]);
    }
  }
  if (added) {
    g_strv_builder_add(builder, added);
  }
  g_auto(GStrv) new = g_strv_builder_end(builder);
  g_settings_set_strv(preferences->settings, "watched-folders", (const char *const *)new);
}

static void
on_unwatch(GtkButton *button, SacPreferences *preferences)
{
  g_autofree char *folder = g_strdup(g_object_get_data(G_OBJECT(button), "folder"));
  set_watched(preferences, NULL, folder);
}

static void
show_watched(SacPreferences *preferences)
{
  g_auto(GStrv) folders = g_settings_get_strv(preferences->settings, "watched-folders");
  for (guint i = 0; i < preferences->watched_rows->len; i++) {
    adw_preferences_group_remove(preferences->watched_group, g_ptr_array_index(preferences->watched_rows, i));
  }
  g_ptr_array_set_size(preferences->watched_rows, 0);
  for (guint i = 0; folders[i]; i++) {
    g_autofree char *name = g_filename_display_basename(folders[i]), *path = g_filename_display_name(folders[i]);
    g_autofree char *tip = g_strdup_printf(_("Do not watch “%s”"), name);
    GtkWidget *row = adw_action_row_new(), *button = gtk_button_new_from_icon_name("list-remove-symbolic");
    adw_preferences_row_set_use_markup(ADW_PREFERENCES_ROW(row), FALSE);
    adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), name);
    adw_action_row_set_subtitle(ADW_ACTION_ROW(row), path);
    gtk_widget_set_valign(button, GTK_ALIGN_CENTER);
    gtk_widget_add_css_class(button, "flat");
    gtk_widget_set_tooltip_text(button, tip);
    gtk_accessible_update_property(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_PROPERTY_LABEL, tip, -1);
    g_object_set_data_full(G_OBJECT(button), "folder", g_strdup(folders[i]), g_free);
    g_signal_connect(button, "clicked", G_CALLBACK(on_unwatch), preferences);
    adw_action_row_add_suffix(ADW_ACTION_ROW(row), button);
    adw_preferences_group_add(preferences->watched_group, row);
    g_ptr_array_add(preferences->watched_rows, row);
  }
}

static void
on_watch_chosen(SacPreferences *preferences, int response)
{
  if (response == GTK_RESPONSE_ACCEPT) {
    g_autoptr(GFile) folder = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(preferences->chooser));
    g_autofree char *path = g_file_get_path(folder);
    if (path && g_utf8_validate(path, -1, NULL)) {
      set_watched(preferences, path, NULL);
    }
  }
  g_clear_object(&preferences->chooser);
}

static void
on_watch_folder(SacPreferences *preferences)
{
  preferences->chooser = gtk_file_chooser_native_new(_("Watch a Folder"), GTK_WINDOW(preferences),
                                                     GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, _("_Select"), NULL);
  g_signal_connect_swapped(preferences->chooser, "response", G_CALLBACK(on_watch_chosen), preferences);
  gtk_native_dialog_show(GTK_NATIVE_DIALOG(preferences->chooser));
}

static void
list_models(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  g_autoptr(SacModelStore) store = sac_model_store_new(NULL);
  GError *error = NULL;
  GPtrArray *entries = sac_model_store_list(store, &error);
  if (entries) {
    g_task_return_pointer(task, entries, (GDestroyNotify)g_ptr_array_unref);
  } else {
    g_task_return_error(task, error);
  }
}

static void
on_models(GObject *source, GAsyncResult *result, gpointer data)
{
  SacPreferences *preferences = SAC_PREFERENCES(source);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) entries = g_task_propagate_pointer(G_TASK(result), &error);
  g_autoptr(GtkStringList) list = gtk_string_list_new(NULL);
  g_autofree char *chosen = g_settings_get_string(preferences->settings, "model");
  guint selected = GTK_INVALID_LIST_POSITION;

  for (guint i = 0; entries && i < entries->len; i++) {
    const SacModelEntry *entry = g_ptr_array_index(entries, i);
    if (!entry->installed || !entry->embeds_pictures || entry->problem) {
      continue;
    }
    if (strcmp(entry->id, chosen) == 0) {
      selected = preferences->model_ids->len;
    }
    gtk_string_list_append(list, entry->title ? entry->title : entry->id);
    g_ptr_array_add(preferences->model_ids, g_strdup(entry->id));
  }
  preferences->is_filling = TRUE;
  adw_combo_row_set_model(preferences->model_row, G_LIST_MODEL(list));
  adw_combo_row_set_selected(preferences->model_row, selected);
  preferences->is_filling = FALSE;
  if (preferences->model_ids->len == 0) {
    adw_action_row_set_subtitle(ADW_ACTION_ROW(preferences->model_row),
                                error ? error->message
                                      : _("None is installed: “saccade models list” says how to get one"));
  }
}

/* The devices are asked of the program's own command line: a driver that hangs or dies does so there. */
static void
on_devices(GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr(SacPreferences) preferences = data;
  g_autofree char *output = NULL;
  g_autoptr(JsonParser) parser = json_parser_new();
  g_autoptr(GtkStringList) list = gtk_string_list_new((const char *[]){ _("Best there is"), NULL });
  if (g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source), result, &output, NULL, NULL) && output &&
      json_parser_load_from_data(parser, output, -1, NULL)) {
    JsonNode *root = json_parser_get_root(parser);
    JsonArray *devices = NULL;
    if (JSON_NODE_HOLDS_ARRAY(root)) {
      devices = json_node_get_array(root);
    } else if (JSON_NODE_HOLDS_OBJECT(root) && json_object_has_member(json_node_get_object(root), "devices")) {
      devices = json_object_get_array_member(json_node_get_object(root), "devices");
    }
    for (guint i = 0; devices && i < json_array_get_length(devices); i++) {
      JsonObject *device = json_array_get_object_element(devices, i);
      gtk_string_list_append(list, json_object_get_string_member_with_default(device, "name", "?"));
    }
  }
  int chosen = g_settings_get_int(preferences->settings, "device");
  guint n = g_list_model_get_n_items(G_LIST_MODEL(list));
  preferences->is_filling = TRUE;
  adw_combo_row_set_model(preferences->device_row, G_LIST_MODEL(list));
  adw_combo_row_set_selected(preferences->device_row, chosen + 1 < (int)n ? (guint)(chosen + 1) : 0);
  preferences->is_filling = FALSE;
}

static void
ask_devices(SacPreferences *preferences)
{
  g_autoptr(GSubprocess) process = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE,
                                                    NULL, "/proc/self/exe", "devices", "--json", NULL);
  if (process) {
    g_subprocess_communicate_utf8_async(process, NULL, NULL, on_devices, g_object_ref(preferences));
  }
}

void
sac_preferences_present(GtkWindow *parent, GSettings *settings)
{
  SacPreferences *preferences = g_object_new(SAC_TYPE_PREFERENCES, "transient-for", parent, NULL);
  preferences->settings = g_object_ref(settings);
  g_settings_bind(settings, "sampling-interval", preferences->interval, "value", G_SETTINGS_BIND_DEFAULT);
  g_signal_connect_object(settings, "changed::library-folder", G_CALLBACK(show_folder), preferences, G_CONNECT_SWAPPED);
  g_settings_bind(settings, "index-on-mains-only", preferences->mains_switch, "active", G_SETTINGS_BIND_DEFAULT);
  show_folder(preferences);
  g_signal_connect_object(settings, "changed::watched-folders", G_CALLBACK(show_watched), preferences,
                          G_CONNECT_SWAPPED);
  show_watched(preferences);
  g_autoptr(GTask) task = g_task_new(preferences, NULL, on_models, NULL);
  g_task_run_in_thread(task, list_models);
  ask_devices(preferences);
  gtk_window_present(GTK_WINDOW(preferences));
}

static void
sac_preferences_finalize(GObject *object)
{
  SacPreferences *preferences = SAC_PREFERENCES(object);
  g_clear_object(&preferences->chooser);
  g_clear_object(&preferences->settings);
  g_ptr_array_unref(preferences->model_ids);
  g_ptr_array_unref(preferences->watched_rows);
  G_OBJECT_CLASS(sac_preferences_parent_class)->finalize(object);
}

static void
sac_preferences_class_init(SacPreferencesClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->finalize = sac_preferences_finalize;
  gtk_widget_class_set_template_from_resource(widget_class, "/org/saccade/Saccade/sac-preferences.ui");
  gtk_widget_class_bind_template_child(widget_class, SacPreferences, model_row);
  gtk_widget_class_bind_template_child(widget_class, SacPreferences, device_row);
  gtk_widget_class_bind_template_child(widget_class, SacPreferences, folder_row);
  gtk_widget_class_bind_template_child(widget_class, SacPreferences, interval_spin);
  gtk_widget_class_bind_template_child(widget_class, SacPreferences, interval);
  gtk_widget_class_bind_template_child(widget_class, SacPreferences, folder_button);
  gtk_widget_class_bind_template_child(widget_class, SacPreferences, reset_button);
  gtk_widget_class_bind_template_child(widget_class, SacPreferences, watched_group);
  gtk_widget_class_bind_template_child(widget_class, SacPreferences, mains_switch);
  gtk_widget_class_bind_template_callback(widget_class, on_model);
  gtk_widget_class_bind_template_callback(widget_class, on_device);
  gtk_widget_class_bind_template_callback(widget_class, on_choose_folder);
  gtk_widget_class_bind_template_callback(widget_class, on_reset_folder);
  gtk_widget_class_bind_template_callback(widget_class, on_watch_folder);
}

static void
sac_preferences_init(SacPreferences *preferences)
{
  preferences->watched_rows = g_ptr_array_new();
  preferences->model_ids = g_ptr_array_new_with_free_func(g_free);
  preferences->is_filling = TRUE;
  gtk_widget_init_template(GTK_WIDGET(preferences));
  preferences->is_filling = FALSE;
}
