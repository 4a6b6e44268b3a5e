/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-folder-watch.h"

#include <glib/gstdio.h>

/* A file that is being copied or recorded is written to all the time. */
#define QUIET_SECONDS 4
#define MAX_DEPTH 32
/* The system gives a program some thousands of watches. */
#define MAX_FOLDERS 4096

struct _SacFolderWatch {
  GObject parent_instance;
  SacLibrary *library;
  GSettings *settings;
  GHashTable *monitors; /* path of a folder → GFileMonitor */
  GHashTable *told;     /* a set: paths that were told in this run */
  GCancellable *scan;   /* NULL: none is under way */
  guint scan_source;
};

enum { FOUND, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacFolderWatch, sac_folder_watch, G_TYPE_OBJECT)

/* --- in the worker thread ------------------------------------------------------------------------------------------------- */

typedef struct {
  SacLibrary *library;
  GStrv roots;
  GPtrArray *folders; /* all of them, of char * */
  GPtrArray *fresh;   /* videos that the library does not have */
  gboolean is_busy;   /* some of them are still being written */
} Scan;

static void
scan_free(Scan *scan)
{
  g_object_unref(scan->library);
  g_strfreev(scan->roots);
  g_ptr_array_unref(scan->folders);
  g_ptr_array_unref(scan->fresh);
  g_free(scan);
}

static gboolean
has_video_name(const char *name)
{
  g_autofree char *type = g_content_type_guess(name, NULL, 0, NULL);
  g_autofree char *mime = g_content_type_get_mime_type(type);
  return mime && g_str_has_prefix(mime, "video/");
}

static void
look_at(Scan *scan, const char *path, GHashTable *known, int depth, GCancellable *cancellable)
{
  g_autoptr(GDir) folder = depth < MAX_DEPTH && scan->folders->len < MAX_FOLDERS ? g_dir_open(path, 0, NULL) : NULL;
  const char *name;
  if (folder) {
    g_ptr_array_add(scan->folders, g_strdup(path));
  }
  while (folder && (name = g_dir_read_name(folder)) && !g_cancellable_is_cancelled(cancellable)) {
    g_autofree char *inside = g_build_filename(path, name, NULL);
    GStatBuf about;
    /* A linked folder may lead back up. */
    if (name[0] == '.' || g_lstat(inside, &about) != 0) {
      continue;
    }
    if (S_ISDIR(about.st_mode)) {
      look_at(scan, inside, known, depth + 1, cancellable);
    } else if (S_ISREG(about.st_mode) && !g_hash_table_contains(known, inside) && has_video_name(name)) {
      if (g_get_real_time() / G_USEC_PER_SEC - about.st_mtim.tv_sec < QUIET_SECONDS) {
        scan->is_busy = TRUE;
      } else {
        g_ptr_array_add(scan->fresh, g_steal_pointer(&inside));
      }
    }
  }
}

static void
do_scan(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Scan *scan = data;
  GError *error = NULL;
  g_autoptr(GHashTable) known = sac_library_list_paths(scan->library, &error);
  if (!known) {
    g_task_return_error(task, error);
    return;
  }
  for (guint i = 0; scan->roots[i]; i++) {
    g_autofree char *root = g_canonicalize_filename(scan->roots[i], NULL);
    look_at(scan, root, known, 0, cancellable);
  }
  g_task_return_boolean(task, TRUE);
}

/* --- on the main thread ------------------------------------------------------------------------------------------------------ */

static void scan_in(SacFolderWatch *watch, guint seconds);

static void
on_file_changed(GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event, SacFolderWatch *watch)
{
  if (event != G_FILE_MONITOR_EVENT_DELETED && event != G_FILE_MONITOR_EVENT_MOVED_OUT &&
      event != G_FILE_MONITOR_EVENT_ATTRIBUTE_CHANGED) {
    scan_in(watch, QUIET_SECONDS);
  }
}

/* Exactly the folders that there are have a monitor. */
static void
monitor_folders(SacFolderWatch *watch, GPtrArray *folders)
{
  g_autoptr(GHashTable) old = g_steal_pointer(&watch->monitors);
  watch->monitors = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
  for (guint i = 0; i < folders->len; i++) {
    const char *path = g_ptr_array_index(folders, i);
    GFileMonitor *monitor = g_hash_table_lookup(old, path);
    if (monitor) {
      g_object_ref(monitor);
    } else {
      g_autoptr(GFile) folder = g_file_new_for_path(path);
      monitor = g_file_monitor_directory(folder, G_FILE_MONITOR_WATCH_MOVES, NULL, NULL);
      if (monitor) {
        g_signal_connect_object(monitor, "changed", G_CALLBACK(on_file_changed), watch, 0);
      }
    }
    if (monitor) {
      g_hash_table_replace(watch->monitors, g_strdup(path), monitor);
    }
  }
}

/* A file that could not be indexed is not told again and again. */
static void
tell_fresh(SacFolderWatch *watch, GPtrArray *fresh)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  for (guint i = 0; i < fresh->len; i++) {
    if (g_hash_table_add(watch->told, g_strdup(g_ptr_array_index(fresh, i)))) {
      g_strv_builder_add(builder, g_ptr_array_index(fresh, i));
    }
  }
  g_auto(GStrv) paths = g_strv_builder_end(builder);
  if (paths[0]) {
    g_signal_emit(watch, signals[FOUND], 0, paths);
  }
}

static void
on_scanned(GObject *source, GAsyncResult *result, gpointer data)
{
  SacFolderWatch *watch = SAC_FOLDER_WATCH(source);
  Scan *scan = g_task_get_task_data(G_TASK(result));
  gboolean done = g_task_propagate_boolean(G_TASK(result), NULL);
  if (g_task_get_cancellable(G_TASK(result)) != watch->scan) {
    return;
  }
  g_clear_object(&watch->scan);
  if (done) {
    monitor_folders(watch, scan->folders);
    tell_fresh(watch, scan->fresh);
  }
  if (scan->is_busy) {
    scan_in(watch, QUIET_SECONDS);
  }
}

static gboolean
start_scan(gpointer data)
{
  SacFolderWatch *watch = data;
  watch->scan_source = 0;
  g_cancellable_cancel(watch->scan);
  g_clear_object(&watch->scan);
  watch->scan = g_cancellable_new();
  Scan *scan = g_new0(Scan, 1);
  scan->library = g_object_ref(watch->library);
  scan->roots = g_settings_get_strv(watch->settings, "watched-folders");
  scan->folders = g_ptr_array_new_with_free_func(g_free);
  scan->fresh = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GTask) task = g_task_new(watch, watch->scan, on_scanned, NULL);
  g_task_set_task_data(task, scan, (GDestroyNotify)scan_free);
  g_task_run_in_thread(task, do_scan);
  return G_SOURCE_REMOVE;
}

static void
scan_in(SacFolderWatch *watch, guint seconds)
{
  if (watch->scan_source == 0) {
    watch->scan_source = g_timeout_add_seconds(seconds, start_scan, watch);
  }
}

static void
on_folders_changed(SacFolderWatch *watch)
{
  g_clear_handle_id(&watch->scan_source, g_source_remove);
  start_scan(watch);
}

SacFolderWatch *
sac_folder_watch_new(SacLibrary *library, GSettings *settings)
{
  SacFolderWatch *watch = g_object_new(SAC_TYPE_FOLDER_WATCH, NULL);
  watch->library = g_object_ref(library);
  watch->settings = g_object_ref(settings);
  g_signal_connect_object(settings, "changed::watched-folders", G_CALLBACK(on_folders_changed), watch,
                          G_CONNECT_SWAPPED);
  scan_in(watch, 1);
  return watch;
}

static void
sac_folder_watch_dispose(GObject *object)
{
  SacFolderWatch *watch = SAC_FOLDER_WATCH(object);
  g_clear_handle_id(&watch->scan_source, g_source_remove);
  g_cancellable_cancel(watch->scan);
  g_clear_object(&watch->scan);
  g_clear_pointer(&watch->monitors, g_hash_table_unref);
  g_clear_pointer(&watch->told, g_hash_table_unref);
  g_clear_object(&watch->settings);
  g_clear_object(&watch->library);
  G_OBJECT_CLASS(sac_folder_watch_parent_class)->dispose(object);
}

static void
sac_folder_watch_class_init(SacFolderWatchClass *class)
{
  G_OBJECT_CLASS(class)->dispose = sac_folder_watch_dispose;
  signals[FOUND] =
      g_signal_new("found", SAC_TYPE_FOLDER_WATCH, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRV);
}

static void
sac_folder_watch_init(SacFolderWatch *watch)
{
  watch->monitors = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
  watch->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}
