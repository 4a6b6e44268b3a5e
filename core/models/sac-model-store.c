/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/models/sac-model-store.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "compute/networks/networks.h"
#include "compute/weights/config.h"
#include "core/models/sac-model-private.h"
#include "core/sac-error.h"

struct _SacModelStore {
  GObject parent_instance;
  char *directory; /* the user's own, the only one that is written to */
  char **folders;  /* where models are looked for, in order */
};

enum { CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacModelStore, sac_model_store, G_TYPE_OBJECT)
G_DEFINE_BOXED_TYPE(SacModelEntry, sac_model_entry, sac_model_entry_ref, sac_model_entry_unref)

/* ---- Entries ----------------------------------------------------------------------------------------------------------- */

static void
entry_clear(gpointer data)
{
  SacModelEntry *entry = data;

  g_free(entry->id);
  g_free(entry->title);
  g_free(entry->summary);
  g_free(entry->path);
  g_free(entry->network);
  g_free(entry->licence);
  g_free(entry->source);
  g_free(entry->problem);
}

SacModelEntry *
sac_model_entry_ref(SacModelEntry *entry)
{
  return g_atomic_rc_box_acquire(entry);
}

void
sac_model_entry_unref(SacModelEntry *entry)
{
  g_atomic_rc_box_release_full(entry, entry_clear);
}

static SacModelEntry *
entry_new(const char *id, const SacManifestModel *known)
{
  SacModelEntry *entry = g_atomic_rc_box_new0(SacModelEntry);

  entry->id = g_strdup(id);
  entry->title = g_strdup(known ? known->title : id);
  if (known) {
    entry->summary = g_strdup(known->summary);
    entry->licence = g_strdup(known->licence);
    entry->source = g_strdup(known->source);
    entry->downloadable = known->source != NULL;
  }
  return entry;
}

static void
entry_read_folder(SacModelEntry *entry, const char *path)
{
  g_autofree char *config_path = g_build_filename(path, model_find_files(path).config, NULL);
  struct compute_error reason;
  struct model_info info;
  struct config *config;

  entry->path = g_strdup(path);
  entry->installed = TRUE;
  entry->bytes = sac_model_folder_bytes(path);
  if (config_open(config_path, &config, NULL) == COMPUTE_OK) {
    entry->network = g_strdup(config_string(config, "model_type"));
    config_close(&config);
  }
  if (model_read_info(path, &info, &reason)) {
    entry->problem = g_utf8_make_valid(reason.message, -1);
    return;
  }
  g_free(entry->network);
  entry->network = g_strdup(info.network);
  entry->dimensions = info.dimensions;
  entry->clip_frames = info.clip_frames;
  entry->embeds_pictures = info.embeds_pictures;
  entry->embeds_texts = info.embeds_texts;
}

/* ---- Finding ----------------------------------------------------------------------------------------------------------- */

gboolean
sac_model_id_is_valid(const char *id)
{
  const gsize length = strlen(id);

  return length > 0 && length < 64 && g_ascii_isalnum(id[0]) &&
         strspn(id, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") == length;
}

static gboolean
check_id(const char *id, GError **error)
{
  if (sac_model_id_is_valid(id))
    return TRUE;
  g_set_error(
      error, SAC_ERROR, SAC_ERROR_USAGE,
      "“%.80s” cannot be a model's id: up to 63 letters, digits, points, hyphens and underscores, a letter or digit first",
      id);
  return FALSE;
}

/* The model's folder, or NULL. */
static char *
find_folder(SacModelStore *store, const char *id)
{
  if (!sac_model_id_is_valid(id))
    return NULL;
  for (char **folder = store->folders; *folder; folder++) {
    g_autofree char *path = g_build_filename(*folder, id, NULL);

    if (model_find_files(path).found)
      return g_steal_pointer(&path);
  }
  return NULL;
}

static SacModelEntry *
entry_for(SacModelStore *store, const char *id, const SacManifestModel *known)
{
  g_autofree char *path = find_folder(store, id);
  SacModelEntry *entry = entry_new(id, known);

  if (path) {
    g_autofree char *parent = g_path_get_dirname(path);

    entry_read_folder(entry, path);
    entry->builtin = !g_str_equal(parent, store->directory);
  } else {
    g_autofree char *name = g_strdup_printf(".%s.part", id);
    g_autofree char *part = g_build_filename(store->directory, name, NULL);

    entry->bytes = sac_model_folder_bytes(part);
  }
  return entry;
}

static int
compare_entries(gconstpointer a, gconstpointer b)
{
  const SacModelEntry *x = *(SacModelEntry *const *)a, *y = *(SacModelEntry *const *)b;

  return x->installed != y->installed ? y->installed - x->installed : strcmp(x->id, y->id);
}

GPtrArray *
sac_model_store_list(SacModelStore *store, GError **error)
{
  g_autoptr(SacManifest) manifest = sac_manifest_load(error);
  g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func((GDestroyNotify)sac_model_entry_unref);
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

  if (!manifest)
    return NULL;
  for (char **folder = store->folders; *folder; folder++) {
    g_autoptr(GDir) directory = g_dir_open(*folder, 0, NULL);
    const char *id;

    while (directory && (id = g_dir_read_name(directory))) {
      g_autofree char *path = g_build_filename(*folder, id, NULL);

      if (sac_model_id_is_valid(id) && model_find_files(path).found && g_hash_table_add(seen, g_strdup(id)))
        g_ptr_array_add(entries, entry_for(store, id, sac_manifest_find(manifest, id)));
    }
  }
  for (guint i = 0; i < manifest->models->len; i++) {
    const SacManifestModel *known = manifest->models->pdata[i];

    if (known->source && !g_hash_table_contains(seen, known->id))
      g_ptr_array_add(entries, entry_for(store, known->id, known));
  }
  g_ptr_array_sort(entries, compare_entries);
  return g_steal_pointer(&entries);
}

static void
set_not_found(SacModelStore *store, const char *id, const SacManifestModel *known, GError **error)
{
  g_autoptr(GPtrArray) entries = sac_model_store_list(store, NULL);
  g_autoptr(GString) ids = g_string_new(NULL);

  if (known && known->source) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND,
                "The model “%s” is not installed; get it with: saccade models get %s", id, id);
    return;
  }
  if (known) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND,
                "The model “%s” is not installed; Saccade's set-up (./run --setup) makes it", id);
    return;
  }
  for (guint i = 0; entries && i < entries->len; i++) {
    const SacModelEntry *entry = entries->pdata[i];

    g_string_append_printf(ids, "%s%s", i ? ", " : "", entry->id);
  }
  g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, "There is no model “%.80s”; there are %s", id, ids->str);
}

SacModelEntry *
sac_model_store_show(SacModelStore *store, const char *id, GError **error)
{
  g_autoptr(SacManifest) manifest = sac_manifest_load(error);

  if (!manifest)
    return NULL;
  g_autoptr(SacModelEntry) entry = entry_for(store, id, sac_manifest_find(manifest, id));
  if (!entry->installed && !entry->downloadable) {
    set_not_found(store, id, sac_manifest_find(manifest, id), error);
    return NULL;
  }
  return g_steal_pointer(&entry);
}

char *
sac_model_store_find(SacModelStore *store, const char *id, GError **error)
{
  char *path = find_folder(store, id);

  if (!path) {
    g_autoptr(SacManifest) manifest = sac_manifest_load(error);

    if (manifest)
      set_not_found(store, id, sac_manifest_find(manifest, id), error);
  }
  return path;
}

/* ---- Adding and removing ----------------------------------------------------------------------------------------------- */

static gboolean
check_free(SacModelStore *store, const char *id, GError **error)
{
  g_autofree char *there = NULL;

  if (!check_id(id, error))
    return FALSE;
  there = find_folder(store, id);
  if (there)
    g_set_error(error, SAC_ERROR, SAC_ERROR_EXISTS, "The model “%s” is there already, in %s", id, there);
  return !there;
}

gboolean
sac_model_store_add(SacModelStore *store, const char *folder, const char *id, GCancellable *cancellable, GError **error)
{
  g_autofree char *absolute = g_canonicalize_filename(folder, NULL);
  g_autofree char *name = g_path_get_basename(absolute);
  SacModelStaging staging;

  if (!id)
    id = name;
  if (!check_free(store, id, error) || !sac_model_check_folder(absolute, cancellable, error) ||
      !sac_model_staging_open(&staging, store->directory, id, error))
    return FALSE;
  /* Checked again once copied: what is installed is what was checked, whatever happens to the folder meanwhile. */
  const gboolean added = sac_model_copy_files(absolute, staging.path, cancellable, error) &&
                         sac_model_check_folder(staging.path, cancellable, error) &&
                         sac_model_staging_commit(&staging, store->directory, id, error);
  sac_model_staging_close(&staging, TRUE);
  if (added)
    g_signal_emit(store, signals[CHANGED], 0);
  return added;
}

gboolean
sac_model_store_remove(SacModelStore *store, const char *id, GError **error)
{
  if (!check_id(id, error))
    return FALSE;
  g_autofree char *path = g_build_filename(store->directory, id, NULL);
  g_autofree char *name = g_strdup_printf(".%s.part", id);
  g_autofree char *part = g_build_filename(store->directory, name, NULL);
  g_autofree char *elsewhere = find_folder(store, id);
  const gboolean here = g_file_test(path, G_FILE_TEST_IS_DIR), begun = g_file_test(part, G_FILE_TEST_IS_DIR);
  SacModelStaging staging;

  if (!here && !begun && elsewhere) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_READ_ONLY,
                "The model “%s” is in %s, a folder that is not Saccade's to change", id, elsewhere);
    return FALSE;
  }
  if (!here && !begun) {
    g_autoptr(SacManifest) manifest = sac_manifest_load(error);

    if (manifest)
      set_not_found(store, id, sac_manifest_find(manifest, id), error);
    return FALSE;
  }
  /* The staging folder's lock keeps a running download out. */
  if (!sac_model_staging_open(&staging, store->directory, id, error))
    return FALSE;
  gboolean removed = TRUE;
  if (here) {
    g_autofree char *doomed = g_build_filename(staging.path, "removed", NULL);

    /* Renamed away first, so that nobody sees half a model. */
    removed = g_rename(path, doomed) == 0;
    if (!removed)
      sac_error_set_from_errno(error, errno, "%s cannot be removed", path);
  }
  sac_model_staging_close(&staging, removed);
  if (removed)
    g_signal_emit(store, signals[CHANGED], 0);
  return removed;
}

/* ---- Downloading ------------------------------------------------------------------------------------------------------- */

gboolean
sac_model_store_download(SacModelStore *store, const char *id, SacModelProgressFunc progress, gpointer user_data,
                         GCancellable *cancellable, GError **error)
{
  g_autoptr(SacManifest) manifest = sac_manifest_load(error);
  const char *mirror = g_getenv("SACCADE_HUB");
  g_autoptr(GError) reason = NULL;
  SacModelStaging staging;

  if (!manifest || !check_free(store, id, error))
    return FALSE;
  const SacManifestModel *model = sac_manifest_find(manifest, id);
  if (!model || !model->source) {
    set_not_found(store, id, model, error);
    return FALSE;
  }
  if (!sac_model_staging_open(&staging, store->directory, id, error))
    return FALSE;
  gboolean good = sac_model_fetch(mirror && *mirror ? mirror : manifest->hub, model, staging.path, progress, user_data,
                                  cancellable, error);
  gboolean discard = FALSE;
  if (good && !sac_model_check_folder(staging.path, cancellable, &reason)) {
    good = FALSE;
    discard = !sac_error_is_cancelled(reason);
    if (discard)
      g_prefix_error(&reason, "%s came whole from the hub, but cannot be used, and was removed: ", model->source);
    g_propagate_error(error, g_steal_pointer(&reason));
  }
  good = good && sac_model_staging_commit(&staging, store->directory, id, error);
  sac_model_staging_close(&staging, discard);
  if (good)
    g_signal_emit(store, signals[CHANGED], 0);
  return good;
}

typedef struct {
  char *id;
  SacModelProgressFunc progress;
  gpointer progress_data;
  GMainContext *context;
} Download;

static void
download_free(gpointer data)
{
  Download *download = data;

  g_free(download->id);
  g_main_context_unref(download->context);
  g_free(download);
}

typedef struct {
  GTask *task;
  SacModelProgress progress; /* its strings are owned */
} Report;

static void
report_free(gpointer data)
{
  Report *report = data;

  g_object_unref(report->task);
  g_free((char *)report->progress.file);
  g_free((char *)report->progress.difficulty);
  g_free(report);
}

static gboolean
deliver_report(gpointer data)
{
  Report *report = data;
  Download *download = g_task_get_task_data(report->task);

  if (!g_task_get_completed(report->task))
    download->progress(&report->progress, download->progress_data);
  return G_SOURCE_REMOVE;
}

static void
send_report(const SacModelProgress *progress, gpointer user_data)
{
  Download *download = g_task_get_task_data(user_data);
  Report *report = g_new0(Report, 1);

  report->task = g_object_ref(user_data);
  report->progress = *progress;
  report->progress.file = g_strdup(progress->file);
  report->progress.difficulty = g_strdup(progress->difficulty);
  g_main_context_invoke_full(download->context, G_PRIORITY_DEFAULT, deliver_report, report, report_free);
}

static void
download_in_thread(GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Download *download = task_data;
  GError *error = NULL;

  if (sac_model_store_download(source, download->id, download->progress ? send_report : NULL, task, cancellable,
                               &error))
    g_task_return_boolean(task, TRUE);
  else
    g_task_return_error(task, error);
}

void
sac_model_store_download_async(SacModelStore *store, const char *id, SacModelProgressFunc progress,
                               gpointer progress_data, GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new(store, cancellable, callback, user_data);
  Download *download = g_new0(Download, 1);

  download->id = g_strdup(id);
  download->progress = progress;
  download->progress_data = progress_data;
  download->context = g_main_context_ref_thread_default();
  g_task_set_source_tag(task, sac_model_store_download_async);
  /* The thread sees the cancelling itself and says SAC_ERROR_CANCELLED. */
  g_task_set_check_cancellable(task, FALSE);
  g_task_set_task_data(task, download, download_free);
  g_task_run_in_thread(task, download_in_thread);
}

gboolean
sac_model_store_download_finish(SacModelStore *store, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail(g_task_is_valid(result, store), FALSE);
  return g_task_propagate_boolean(G_TASK(result), error);
}

/* ---- The object -------------------------------------------------------------------------------------------------------- */

static void
sac_model_store_finalize(GObject *object)
{
  SacModelStore *store = SAC_MODEL_STORE(object);

  g_free(store->directory);
  g_strfreev(store->folders);
  G_OBJECT_CLASS(sac_model_store_parent_class)->finalize(object);
}

static void
sac_model_store_class_init(SacModelStoreClass *klass)
{
  G_OBJECT_CLASS(klass)->finalize = sac_model_store_finalize;
  signals[CHANGED] =
      g_signal_new("changed", SAC_TYPE_MODEL_STORE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
sac_model_store_init(SacModelStore *store)
{
}

static void
add_folder(GStrvBuilder *folders, const char *path)
{
  if (*path) {
    g_autofree char *absolute = g_canonicalize_filename(path, NULL);

    g_strv_builder_add(folders, absolute);
  }
}

SacModelStore *
sac_model_store_new(const char *directory)
{
  SacModelStore *store = g_object_new(SAC_TYPE_MODEL_STORE, NULL);
  g_autoptr(GStrvBuilder) folders = g_strv_builder_new();
  g_autofree char *standard = g_build_filename(g_get_user_data_dir(), "saccade", "models", NULL);
  const char *environment = g_getenv("SACCADE_MODELS");
  g_auto(GStrv) extra = g_strsplit(environment ? environment : "", G_SEARCHPATH_SEPARATOR_S, -1);

  store->directory = g_canonicalize_filename(directory ? directory : standard, NULL);
  for (char **path = extra; *path; path++)
    add_folder(folders, *path);
  add_folder(folders, store->directory);
  for (const char *const *path = g_get_system_data_dirs(); *path; path++) {
    g_autofree char *system = g_build_filename(*path, "saccade", "models", NULL);

    add_folder(folders, system);
  }
  store->folders = g_strv_builder_end(folders);
  return store;
}

const char *
sac_model_store_get_directory(SacModelStore *store)
{
  return store->directory;
}
