/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small window that files can be dragged out of, as a file manager's is. Arguments: the files. */
#include <gtk/gtk.h>

static GdkContentProvider *
on_prepare(GtkDragSource *source, double x, double y, gpointer files)
{
  return gdk_content_provider_new_typed(GDK_TYPE_FILE_LIST, files);
}

static void
activate(GtkApplication *application, gpointer files)
{
  GtkWidget *window = gtk_application_window_new(application);
  GtkDragSource *source = gtk_drag_source_new();
  g_signal_connect(source, "prepare", G_CALLBACK(on_prepare), files);
  gtk_widget_add_controller(window, GTK_EVENT_CONTROLLER(source));
  gtk_window_set_title(GTK_WINDOW(window), "Drag from here");
  gtk_window_set_decorated(GTK_WINDOW(window), FALSE);
  gtk_window_set_default_size(GTK_WINDOW(window), 100, 100);
  gtk_window_present(GTK_WINDOW(window));
}

int
main(int count, char **arguments)
{
  GSList *files = NULL;
  for (int i = count; i-- > 1;)
    files = g_slist_prepend(files, g_file_new_for_commandline_arg(arguments[i]));
  g_autoptr(GtkApplication) application = gtk_application_new(NULL, G_APPLICATION_NON_UNIQUE);
  g_signal_connect(application, "activate", G_CALLBACK(activate), files);
  int status = g_application_run(G_APPLICATION(application), 0, NULL);
  g_slist_free_full(files, g_object_unref);
  return status;
}
