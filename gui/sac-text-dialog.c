/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-text-dialog.h"

#include <adwaita.h>
#include <glib/gi18n.h>

typedef struct {
  GtkEditable *entry;
  void (*answered)(const char *text, gpointer data);
  gpointer data;
} Asking;

static void
on_response(AdwMessageDialog *dialog, const char *response, Asking *asking)
{
  g_autofree char *text = g_strstrip(g_strdup(gtk_editable_get_text(asking->entry)));
  if (strcmp(response, "accept") == 0 && *text) {
    asking->answered(text, asking->data);
  }
}

static void
on_changed(GtkEditable *entry, AdwMessageDialog *dialog)
{
  g_autofree char *text = g_strstrip(g_strdup(gtk_editable_get_text(entry)));
  adw_message_dialog_set_response_enabled(dialog, "accept", *text != '\0');
}

static void
free_asking(gpointer asking, GClosure *closure)
{
  g_free(asking);
}

void
sac_text_dialog_ask(GtkWindow *parent, const char *heading, const char *body, const char *label, const char *text,
                    const char *accept, void (*answered)(const char *text, gpointer data), gpointer data)
{
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG(adw_message_dialog_new(parent, heading, body));
  GtkWidget *entry = gtk_entry_new();
  gtk_editable_set_text(GTK_EDITABLE(entry), text);
  gtk_entry_set_activates_default(GTK_ENTRY(entry), TRUE);
  gtk_accessible_update_property(GTK_ACCESSIBLE(entry), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  adw_message_dialog_set_extra_child(dialog, entry);
  adw_message_dialog_add_responses(dialog, "cancel", _("Cancel"), "accept", accept, NULL);
  adw_message_dialog_set_response_appearance(dialog, "accept", ADW_RESPONSE_SUGGESTED);
  adw_message_dialog_set_default_response(dialog, "accept");
  adw_message_dialog_set_close_response(dialog, "cancel");

  Asking *asking = g_new0(Asking, 1);
  *asking = (Asking){ .entry = GTK_EDITABLE(entry), .answered = answered, .data = data };
  g_signal_connect_data(dialog, "response", G_CALLBACK(on_response), asking, free_asking, 0);
  g_signal_connect(entry, "changed", G_CALLBACK(on_changed), dialog);
  on_changed(GTK_EDITABLE(entry), dialog);
  gtk_window_present(GTK_WINDOW(dialog));
  gtk_widget_grab_focus(entry);
}
