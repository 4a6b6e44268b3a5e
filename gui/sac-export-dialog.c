/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-export-dialog.h"

#include <glib/gi18n.h>

#include "core/sac-time.h"

struct _SacExportDialog {
  AdwWindow parent_instance;
  AdwActionRow *span_row, *folder_row;
  AdwEntryRow *name_row;
  AdwComboRow *format_row, *cut_row;
  GtkButton *accept;
  GtkLabel *result;
  SacJobs *jobs;
  GSettings *settings;
  char *path, *label, *folder;
  gint64 from_us, to_us;
  GtkFileChooserNative *chooser;
};

G_DEFINE_FINAL_TYPE(SacExportDialog, sac_export_dialog, ADW_TYPE_WINDOW)

/* Index in the format row's list. */
static const char *const formats[] = { "mp4", "mkv", "webm" };
#define DEFAULT_TEMPLATE "{name} {from}"

static void
replace(GString *name, const char *field, const char *value)
{
  g_string_replace(name, field, value ? value : "", 0);
}

/* Free it. NULL: the template gives no name. */
static char *
file_name(SacExportDialog *dialog)
{
  g_autofree char *base = g_path_get_basename(dialog->path);
  char *extension = strrchr(base, '.');
  if (extension && extension != base) {
    *extension = '\0';
  }
  g_autofree char *from = sac_time_format(dialog->from_us);
  g_autofree char *to = sac_time_format(dialog->to_us);
  g_autoptr(GString) name = g_string_new(gtk_editable_get_text(GTK_EDITABLE(dialog->name_row)));
  replace(name, "{name}", base);
  replace(name, "{from}", from);
  replace(name, "{to}", to);
  replace(name, "{label}", dialog->label);
  g_string_replace(name, "/", "-", 0);
  g_string_replace(name, ":", ".", 0);
  g_strstrip(name->str);
  if (name->str[0] == '\0' || name->str[0] == '.') {
    return NULL;
  }
  return g_strdup_printf("%s.%s", name->str, formats[adw_combo_row_get_selected(dialog->format_row)]);
}

static void
show_result(SacExportDialog *dialog)
{
  if (!dialog->path) {
    return;
  }
  g_autofree char *name = file_name(dialog);
  g_autofree char *shown = g_filename_display_name(dialog->folder);
  g_autofree char *words =
      name
          ? g_strdup_printf(_("Will be saved as “%s”. In the name, {name} stands for the video's name, {from} and {to} "
                              "for the times, {label} for the tag."),
                            name)
          : g_strdup(_("Give the clip a name."));
  gtk_label_set_text(dialog->result, words);
  adw_action_row_set_subtitle(dialog->folder_row, shown);
  gtk_widget_set_sensitive(GTK_WIDGET(dialog->accept), name != NULL);
}

static void
start(SacExportDialog *dialog, const char *output, gboolean overwrite)
{
  sac_jobs_export(dialog->jobs, dialog->path, output, dialog->from_us, dialog->to_us,
                  adw_combo_row_get_selected(dialog->cut_row) == 0, overwrite);
  gtk_window_close(GTK_WINDOW(dialog));
}

static void
on_overwrite(AdwMessageDialog *question, const char *response, SacExportDialog *dialog)
{
  if (strcmp(response, "replace") == 0) {
    start(dialog, g_object_get_data(G_OBJECT(question), "output"), TRUE);
  }
}

static void
on_looked(GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr(SacExportDialog) dialog = data;
  g_autoptr(GFileInfo) info = g_file_query_info_finish(G_FILE(source), result, NULL);
  g_autofree char *output = g_file_get_path(G_FILE(source));
  if (!info) {
    start(dialog, output, FALSE);
    return;
  }
  g_autofree char *name = g_path_get_basename(output);
  AdwMessageDialog *question = ADW_MESSAGE_DIALOG(adw_message_dialog_new(GTK_WINDOW(dialog), NULL, NULL));
  adw_message_dialog_format_heading(question, _("Replace “%s”?"), name);
  adw_message_dialog_set_body(question, _("There is a file of that name. Replacing it loses what it holds."));
  adw_message_dialog_add_responses(question, "cancel", _("Cancel"), "replace", _("Replace"), NULL);
  adw_message_dialog_set_response_appearance(question, "replace", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_close_response(question, "cancel");
  g_object_set_data_full(G_OBJECT(question), "output", g_steal_pointer(&output), g_free);
  g_signal_connect_object(question, "response", G_CALLBACK(on_overwrite), dialog, 0);
  gtk_window_present(GTK_WINDOW(question));
}

static void
on_accept(SacExportDialog *dialog)
{
  g_autofree char *name = file_name(dialog);
  if (!name) {
    return;
  }
  g_settings_set_string(dialog->settings, "export-name", gtk_editable_get_text(GTK_EDITABLE(dialog->name_row)));
  g_settings_set_string(dialog->settings, "export-format", formats[adw_combo_row_get_selected(dialog->format_row)]);
  g_settings_set_boolean(dialog->settings, "export-exact", adw_combo_row_get_selected(dialog->cut_row) == 0);
  g_settings_set_string(dialog->settings, "export-folder", dialog->folder);
  g_autoptr(GFile) output = g_file_new_build_filename(dialog->folder, name, NULL);
  g_file_query_info_async(output, G_FILE_ATTRIBUTE_STANDARD_TYPE, G_FILE_QUERY_INFO_NONE, G_PRIORITY_DEFAULT, NULL,
                          on_looked, g_object_ref(dialog));
}

static void
on_folder_chosen(SacExportDialog *dialog, int response)
{
  if (response == GTK_RESPONSE_ACCEPT) {
    g_autoptr(GFile) folder = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog->chooser));
    g_free(dialog->folder);
    dialog->folder = g_file_get_path(folder);
    show_result(dialog);
  }
  g_clear_object(&dialog->chooser);
}

static void
on_choose_folder(SacExportDialog *dialog)
{
  dialog->chooser = gtk_file_chooser_native_new(_("Folder of Clips"), GTK_WINDOW(dialog),
                                                GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, _("_Select"), NULL);
  g_signal_connect_swapped(dialog->chooser, "response", G_CALLBACK(on_folder_chosen), dialog);
  gtk_native_dialog_show(GTK_NATIVE_DIALOG(dialog->chooser));
}

static char *
usual_folder(GSettings *settings)
{
  g_autofree char *folder = g_settings_get_string(settings, "export-folder");
  if (*folder) {
    return g_steal_pointer(&folder);
  }
  const char *videos = g_get_user_special_dir(G_USER_DIRECTORY_VIDEOS);
  return g_strdup(videos ? videos : g_get_home_dir());
}

void
sac_export_dialog_present(GtkWindow *parent, SacJobs *jobs, GSettings *settings, const char *path, gint64 from_us,
                          gint64 to_us, const char *label)
{
  SacExportDialog *dialog = g_object_new(SAC_TYPE_EXPORT_DIALOG, "transient-for", parent, NULL);
  dialog->jobs = g_object_ref(jobs);
  dialog->settings = g_object_ref(settings);
  dialog->path = g_strdup(path);
  dialog->label = g_strdup(label);
  dialog->from_us = from_us;
  dialog->to_us = to_us;
  dialog->folder = usual_folder(settings);

  g_autofree char *from = sac_time_format(from_us);
  g_autofree char *to = sac_time_format(to_us);
  g_autofree char *length = sac_time_format(to_us - from_us);
  /* Translators: from, to, and how long that is. */
  g_autofree char *span = g_strdup_printf(_("%s – %s (%s)"), from, to, length);
  adw_action_row_set_subtitle(dialog->span_row, span);
  g_autofree char *name = g_settings_get_string(settings, "export-name");
  gtk_editable_set_text(GTK_EDITABLE(dialog->name_row), *name ? name : DEFAULT_TEMPLATE);
  g_autofree char *format = g_settings_get_string(settings, "export-format");
  for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
    if (strcmp(formats[i], format) == 0) {
      adw_combo_row_set_selected(dialog->format_row, i);
    }
  }
  adw_combo_row_set_selected(dialog->cut_row, g_settings_get_boolean(settings, "export-exact") ? 0 : 1);
  show_result(dialog);
  gtk_window_present(GTK_WINDOW(dialog));
}

static void
sac_export_dialog_finalize(GObject *object)
{
  SacExportDialog *dialog = SAC_EXPORT_DIALOG(object);
  g_clear_object(&dialog->chooser);
  g_clear_object(&dialog->jobs);
  g_clear_object(&dialog->settings);
  g_free(dialog->path);
  g_free(dialog->label);
  g_free(dialog->folder);
  G_OBJECT_CLASS(sac_export_dialog_parent_class)->finalize(object);
}

static void
sac_export_dialog_class_init(SacExportDialogClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->finalize = sac_export_dialog_finalize;
  gtk_widget_class_set_template_from_resource(widget_class, "/org/saccade/Saccade/sac-export-dialog.ui");
  gtk_widget_class_bind_template_child(widget_class, SacExportDialog, span_row);
  gtk_widget_class_bind_template_child(widget_class, SacExportDialog, folder_row);
  gtk_widget_class_bind_template_child(widget_class, SacExportDialog, name_row);
  gtk_widget_class_bind_template_child(widget_class, SacExportDialog, format_row);
  gtk_widget_class_bind_template_child(widget_class, SacExportDialog, cut_row);
  gtk_widget_class_bind_template_child(widget_class, SacExportDialog, accept);
  gtk_widget_class_bind_template_child(widget_class, SacExportDialog, result);
  gtk_widget_class_bind_template_callback(widget_class, show_result);
  gtk_widget_class_bind_template_callback(widget_class, on_accept);
  gtk_widget_class_bind_template_callback(widget_class, on_choose_folder);
  gtk_widget_class_add_binding_action(widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void
sac_export_dialog_init(SacExportDialog *dialog)
{
  gtk_widget_init_template(GTK_WIDGET(dialog));
  gtk_window_set_default_widget(GTK_WINDOW(dialog), GTK_WIDGET(dialog->accept));
}
