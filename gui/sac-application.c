/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-application.h"

#include <glib/gi18n.h>

#include "core/sac-time.h"
#include "gui/sac-folder-watch.h"
#include "gui/sac-power.h"
#include "gui/sac-preferences.h"
#include "gui/sac-window.h"

struct _SacApplication {
  AdwApplication parent_instance;
  GSettings *settings;
  SacThumbnailer *thumbnailer;
  SacEncoder *encoder;
  SacLibrary *library;
  SacJobs *jobs;
  SacFolderWatch *watch; /* NULL: the library is not open, or cannot be written */
  SacPower *power;
  GError *library_error;
  GCancellable *opening;
};

enum { LIBRARY_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacApplication, sac_application, ADW_TYPE_APPLICATION)

GSettings *
sac_application_get_settings(SacApplication *application)
{
  return application->settings;
}

SacThumbnailer *
sac_application_get_thumbnailer(SacApplication *application)
{
  return application->thumbnailer;
}

SacEncoder *
sac_application_get_encoder(SacApplication *application)
{
  return application->encoder;
}

SacLibrary *
sac_application_get_library(SacApplication *application)
{
  return application->library;
}

const GError *
sac_application_get_library_error(SacApplication *application)
{
  return application->library_error;
}

SacJobs *
sac_application_get_jobs(SacApplication *application)
{
  return application->jobs;
}

void
sac_application_index(SacApplication *application, const char *const *paths)
{
  if (application->jobs) {
    g_autofree char *model = g_settings_get_string(application->settings, "model");
    double seconds = g_settings_get_double(application->settings, "sampling-interval");
    sac_jobs_index(application->jobs, paths, model, (gint64)(seconds * 1e6));
  }
}

/* --- the library ----------------------------------------------------------------------------------------------------------- */

static void
open_library_thread(GTask *task, gpointer source, gpointer folder, GCancellable *cancellable)
{
  GError *error = NULL;
  const char *directory = *(const char *)folder ? folder : NULL;
  SacLibrary *library = sac_library_open(directory, SAC_LIBRARY_DEFAULT, &error);
  if (library) {
    g_task_return_pointer(task, library, g_object_unref);
  } else {
    g_task_return_error(task, error);
  }
}

static void
mind_power(SacApplication *application)
{
  gboolean minds = g_settings_get_boolean(application->settings, "index-on-mains-only");
  if (application->jobs) {
    sac_jobs_hold_indexing(application->jobs,
                           minds && sac_power_is_on_battery(application->power) ? _("waits for mains power") : NULL);
  }
}

static void
on_files_found(SacApplication *application, char **paths)
{
  sac_application_index(application, (const char *const *)paths);
}

static void
on_library_opened(GObject *source, GAsyncResult *result, gpointer data)
{
  SacApplication *application = SAC_APPLICATION(source);
  g_autoptr(GError) error = NULL;
  g_autoptr(SacLibrary) library = g_task_propagate_pointer(G_TASK(result), &error);
  if (g_task_get_cancellable(G_TASK(result)) != application->opening) {
    return;
  }
  g_clear_object(&application->opening);
  if (library) {
    g_autofree char *model = g_settings_get_string(application->settings, "model");
    application->library = g_steal_pointer(&library);
    application->jobs = sac_jobs_new(application->library, application->encoder);
    mind_power(application);
    sac_encoder_warm(application->encoder, model, FALSE, TRUE);
    if (!sac_library_is_read_only(application->library)) {
      sac_jobs_resume_unfinished(application->jobs);
      application->watch = sac_folder_watch_new(application->library, application->settings);
      g_signal_connect_object(application->watch, "found", G_CALLBACK(on_files_found), application, G_CONNECT_SWAPPED);
    }
  } else {
    application->library_error = g_steal_pointer(&error);
  }
  g_signal_emit(application, signals[LIBRARY_CHANGED], 0);
}

static void
open_library(SacApplication *application)
{
  gboolean had_one = application->library || application->library_error;
  g_cancellable_cancel(application->opening);
  g_clear_object(&application->opening);
  g_clear_object(&application->watch);
  g_clear_object(&application->jobs);
  g_clear_object(&application->library);
  g_clear_error(&application->library_error);
  if (had_one) {
    g_signal_emit(application, signals[LIBRARY_CHANGED], 0);
  }
  application->opening = g_cancellable_new();
  g_autoptr(GTask) task = g_task_new(application, application->opening, on_library_opened, NULL);
  g_task_set_check_cancellable(task, FALSE);
  g_task_set_task_data(task, g_settings_get_string(application->settings, "library-folder"), g_free);
  g_task_run_in_thread(task, open_library_thread);
}

static void
make_encoder(SacApplication *application)
{
  g_clear_object(&application->encoder);
  application->encoder = sac_encoder_new(g_settings_get_int(application->settings, "device"));
}

static void
on_device_changed(SacApplication *application)
{
  make_encoder(application);
  open_library(application);
}

/* --- actions --------------------------------------------------------------------------------------------------------------- */

static GtkWindow *
current_window(SacApplication *application)
{
  return gtk_application_get_active_window(GTK_APPLICATION(application));
}

static void
on_about(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  adw_show_about_window(current_window(data), "application-name", "Saccade", "application-icon", "org.saccade.Saccade",
                        "version", SACCADE_VERSION, "developer-name", _("The Saccade authors"), "license-type",
                        GTK_LICENSE_GPL_3_0, "comments", _("Find the moment in hours of video."), "translator-credits",
                        _("translator-credits"), NULL);
}

static void
on_preferences(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacApplication *application = data;
  sac_preferences_present(current_window(application), application->settings);
}

static void
on_reopen_library(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  open_library(data);
}

static void
on_quit(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  GtkWindow *window = current_window(data);
  if (window) {
    gtk_window_close(window);
  } else {
    g_application_quit(data);
  }
}

static const GActionEntry actions[] = {
  { "about", on_about },
  { "preferences", on_preferences },
  { "reopen-library", on_reopen_library },
  { "quit", on_quit },
};

/* --- the application --------------------------------------------------------------------------------------------------------- */

static SacWindow *
get_window(SacApplication *application)
{
  GtkWindow *window = current_window(application);
  return window ? SAC_WINDOW(window) : sac_window_new(application);
}

static void
sac_application_activate(GApplication *app)
{
  SacWindow *window = get_window(SAC_APPLICATION(app));
  sac_window_restore(window);
  gtk_window_present(GTK_WINDOW(window));
}

static void
sac_application_open(GApplication *app, GFile **files, int n_files, const char *hint)
{
  SacWindow *window = get_window(SAC_APPLICATION(app));
  gtk_window_present(GTK_WINDOW(window));
  sac_window_take_files(window, files, (guint)n_files);
}

static void
sac_application_startup(GApplication *app)
{
  SacApplication *application = SAC_APPLICATION(app);
  G_APPLICATION_CLASS(sac_application_parent_class)->startup(app);
  gtk_window_set_default_icon_name("org.saccade.Saccade");
  g_action_map_add_action_entries(G_ACTION_MAP(app), actions, G_N_ELEMENTS(actions), app);
  static const struct {
    const char *action, *key;
  } accelerators[] = {
    { "app.quit", "<Control>q" },        { "app.preferences", "<Control>comma" },
    { "win.open", "<Control>o" },        { "win.search", "<Control>f" },
    { "win.next-result", "<Control>g" }, { "win.previous-result", "<Control><Shift>g" },
    { "win.keep-result", "<Control>d" }, { "win.show-help-overlay", "<Control>question" },
  };
  for (gsize i = 0; i < G_N_ELEMENTS(accelerators); i++) {
    gtk_application_set_accels_for_action(GTK_APPLICATION(app), accelerators[i].action,
                                          (const char *[]){ accelerators[i].key, NULL });
  }
  application->settings = g_settings_new("org.saccade.Saccade");
  application->thumbnailer = sac_thumbnailer_new(NULL);
  make_encoder(application);
  g_signal_connect_swapped(application->settings, "changed::library-folder", G_CALLBACK(open_library), application);
  application->power = sac_power_new();
  g_signal_connect_swapped(application->power, "notify::on-battery", G_CALLBACK(mind_power), application);
  g_signal_connect_swapped(application->settings, "changed::index-on-mains-only", G_CALLBACK(mind_power), application);
  g_signal_connect_swapped(application->settings, "changed::device", G_CALLBACK(on_device_changed), application);
  open_library(application);
}

static void
sac_application_shutdown(GApplication *app)
{
  SacApplication *application = SAC_APPLICATION(app);
  g_signal_handlers_disconnect_by_data(application->settings, application);
  g_cancellable_cancel(application->opening);
  g_clear_object(&application->opening);
  g_clear_object(&application->watch);
  g_clear_object(&application->jobs);
  g_clear_object(&application->library);
  g_clear_object(&application->encoder);
  g_clear_object(&application->thumbnailer);
  g_signal_handlers_disconnect_by_data(application->power, application);
  g_clear_object(&application->power);
  g_clear_error(&application->library_error);
  g_clear_object(&application->settings);
  G_APPLICATION_CLASS(sac_application_parent_class)->shutdown(app);
}

static void
sac_application_class_init(SacApplicationClass *class)
{
  GApplicationClass *application_class = G_APPLICATION_CLASS(class);
  application_class->startup = sac_application_startup;
  application_class->activate = sac_application_activate;
  application_class->open = sac_application_open;
  application_class->shutdown = sac_application_shutdown;
  signals[LIBRARY_CHANGED] =
      g_signal_new("library-changed", SAC_TYPE_APPLICATION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
sac_application_init(SacApplication *application)
{
}

SacApplication *
sac_application_new(void)
{
  return g_object_new(SAC_TYPE_APPLICATION, "application-id", "org.saccade.Saccade", "flags",
                      G_APPLICATION_HANDLES_OPEN, NULL);
}
