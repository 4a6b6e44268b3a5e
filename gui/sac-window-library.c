/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>

#include "gui/sac-window-private.h"

/* What the window does to the library's videos: forget them, and find those again that have moved. */

/* One thing that is done to the library in a worker thread, and what is said of it then. */
typedef struct {
  SacLibrary *library;
  gint64 video_id;
  char *path;
  GStrv folders;
  guint n_found;
} Work;

static void
work_free(Work *work)
{
  g_object_unref(work->library);
  g_free(work->path);
  g_strfreev(work->folders);
  g_free(work);
}

static Work *
work_new(SacWindow *window, gint64 video_id)
{
  Work *work = g_new0(Work, 1);
  work->library = g_object_ref(sac_application_get_library(window->application));
  work->video_id = video_id;
  return work;
}

static void
run_work(SacWindow *window, Work *work, GTaskThreadFunc function, GAsyncReadyCallback callback)
{
  g_autoptr(GTask) task = g_task_new(window, NULL, callback, NULL);
  g_task_set_task_data(task, work, (GDestroyNotify)work_free);
  /* The program does not end before it is done. */
  g_application_hold(G_APPLICATION(window->application));
  g_task_run_in_thread(task, function);
}

static gboolean
finish_work(SacWindow *window, GAsyncResult *result)
{
  g_autoptr(GError) error = NULL;
  gboolean done = g_task_propagate_boolean(G_TASK(result), &error);
  g_application_release(G_APPLICATION(window->application));
  if (!done && window->timeline) {
    sac_window_toast(window, error->message);
  }
  return done && window->timeline;
}

static void
return_result(GTask *task, gboolean done, GError *error)
{
  if (done) {
    g_task_return_boolean(task, TRUE);
  } else {
    g_task_return_error(task, error);
  }
}

/* --- forgetting ------------------------------------------------------------------------------------------------------------- */

static void
forget_video(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  GError *error = NULL;
  gboolean done = sac_library_forget_video(work->library, work->video_id, &error);
  return_result(task, done, error);
}

static void
on_forgotten(GObject *source, GAsyncResult *result, gpointer data)
{
  finish_work(SAC_WINDOW(source), result);
}

static gint64
video_of_toast(AdwToast *toast)
{
  return *(gint64 *)g_object_get_data(G_OBJECT(toast), "video");
}

static void
on_undo_forget(AdwToast *toast, SacWindow *window)
{
  sac_library_page_set_hidden(window->library_page, video_of_toast(toast), FALSE);
  g_ptr_array_remove(window->forgetting, toast);
}

static void
on_forget_settled(AdwToast *toast, SacWindow *window)
{
  if (window->forgetting && g_ptr_array_find(window->forgetting, toast, NULL)) {
    if (sac_application_get_library(window->application)) {
      run_work(window, work_new(window, video_of_toast(toast)), forget_video, on_forgotten);
    }
    g_ptr_array_remove(window->forgetting, toast);
  }
}

void
sac_window_library_settle(SacWindow *window)
{
  while (window->forgetting && window->forgetting->len > 0) {
    on_forget_settled(g_ptr_array_index(window->forgetting, 0), window);
  }
}

/* It leaves the page at once and the library when it can no longer be undone: what was computed from a video does not come back. */
static void
on_forget(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  gint64 id = g_variant_get_int64(parameter);
  AdwToast *toast = adw_toast_new(_("Removed from the library; the file stays as it is"));
  adw_toast_set_button_label(toast, _("Undo"));
  adw_toast_set_timeout(toast, 10);
  adw_toast_set_priority(toast, ADW_TOAST_PRIORITY_HIGH);
  g_object_set_data_full(G_OBJECT(toast), "video", g_memdup2(&id, sizeof id), g_free);
  g_signal_connect_object(toast, "button-clicked", G_CALLBACK(on_undo_forget), window, 0);
  g_signal_connect_object(toast, "dismissed", G_CALLBACK(on_forget_settled), window, 0);
  g_ptr_array_add(window->forgetting, g_object_ref(toast));
  sac_library_page_set_hidden(window->library_page, id, TRUE);
  adw_toast_overlay_add_toast(window->toasts, toast);
}

/* --- what has moved ----------------------------------------------------------------------------------------------------------- */

static void
locate_video(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  GError *error = NULL;
  gboolean done = sac_library_locate_video(work->library, work->video_id, work->path, &error);
  return_result(task, done, error);
}

static void
on_located(GObject *source, GAsyncResult *result, gpointer data)
{
  if (finish_work(SAC_WINDOW(source), result)) {
    sac_window_toast(SAC_WINDOW(source), _("The video is found again"));
  }
}

static void
on_file_chosen(GtkNativeDialog *dialog, int response, SacWindow *window)
{
  g_autoptr(GFile) file = response == GTK_RESPONSE_ACCEPT ? gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog)) : NULL;
  if (file && sac_application_get_library(window->application)) {
    Work *work = work_new(window, *(gint64 *)g_object_get_data(G_OBJECT(dialog), "video"));
    work->path = g_file_get_path(file);
    run_work(window, work, locate_video, on_located);
  }
  g_clear_object(&window->chooser);
}

static void
on_locate(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  gint64 id = g_variant_get_int64(parameter);
  g_clear_object(&window->chooser);
  window->chooser = gtk_file_chooser_native_new(_("Where Is the Video Now?"), GTK_WINDOW(window),
                                                GTK_FILE_CHOOSER_ACTION_OPEN, NULL, NULL);
  gtk_native_dialog_set_modal(GTK_NATIVE_DIALOG(window->chooser), TRUE);
  g_object_set_data_full(G_OBJECT(window->chooser), "video", g_memdup2(&id, sizeof id), g_free);
  g_signal_connect(window->chooser, "response", G_CALLBACK(on_file_chosen), window);
  gtk_native_dialog_show(GTK_NATIVE_DIALOG(window->chooser));
}

static void
find_missing(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  GError *error = NULL;
  gboolean done =
      sac_library_find_missing(work->library, (const char *const *)work->folders, &work->n_found, cancellable, &error);
  return_result(task, done, error);
}

static void
on_missing_found(GObject *source, GAsyncResult *result, gpointer data)
{
  SacWindow *window = SAC_WINDOW(source);
  const Work *work = g_task_get_task_data(G_TASK(result));
  guint n = work->n_found;
  if (finish_work(window, result)) {
    g_autofree char *words =
        n > 0 ? g_strdup_printf(ngettext("Found %u video again", "Found %u videos again", n), n)
              : g_strdup(_("None is in the watched folders: add the folder where they are in the preferences, or "
                           "choose “Locate…” in a video's menu."));
    sac_window_toast(window, words);
  }
}

static void
on_find_missing(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  if (sac_application_get_library(window->application)) {
    Work *work = work_new(window, 0);
    work->folders = g_settings_get_strv(sac_application_get_settings(window->application), "watched-folders");
    run_work(window, work, find_missing, on_missing_found);
  }
}

static void
on_undo_tags(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  sac_library_page_undo_tags(SAC_WINDOW(data)->library_page);
}

void
sac_window_library_init(SacWindow *window)
{
  static const GActionEntry actions[] = {
    { "forget", on_forget, "x" },
    { "locate", on_locate, "x" },
    { "find-missing", on_find_missing },
    { "undo-tags", on_undo_tags },
  };
  window->forgetting = g_ptr_array_new_with_free_func(g_object_unref);
  g_action_map_add_action_entries(G_ACTION_MAP(window), actions, G_N_ELEMENTS(actions), window);
}
