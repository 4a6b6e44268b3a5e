/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "core/library/sac-library-private.h"
#include "core/sac-error.h"

/* Finding files again that are no longer where they were: by their content. */

#define MAX_FOLDER_DEPTH 32

struct locate {
  gint64 video_id;
  const char *path;
  gint64 size, mtime;
};

static gboolean
add_path(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  const struct locate *locate = data;
  return sac_database_run(db, error,
                          "INSERT INTO path (path, video, size, mtime, seen) VALUES (?1,?2,?3,?4,?5) ON CONFLICT (path)"
                          " DO UPDATE SET video = ?2, size = ?3, mtime = ?4, seen = ?5",
                          "siiii", locate->path, locate->video_id, locate->size, locate->mtime, sac_now_us()) &&
         sac_library_drop_dead_paths(db, locate->video_id, error);
}

static gboolean
record_path(SacLibrary *library, gint64 video_id, const char *path, const struct stat *status, GError **error)
{
  struct locate locate = { video_id, path, status->st_size,
                           (gint64)status->st_mtim.tv_sec * G_USEC_PER_SEC + status->st_mtim.tv_nsec / 1000 };
  return sac_library_write(library, add_path, &locate, error);
}

gboolean
sac_library_locate_video(SacLibrary *library, gint64 video_id, const char *path, GError **error)
{
  g_autofree char *absolute = g_canonicalize_filename(path, NULL);
  g_autoptr(SacVideo) video = sac_library_get_video(library, video_id, error);
  struct stat status;
  if (video == NULL)
    return FALSE;
  if (stat(absolute, &status) != 0) {
    sac_error_set_from_errno(error, errno, "“%s” cannot be examined", absolute);
    return FALSE;
  }
  g_autofree char *fingerprint = sac_library_fingerprint(absolute, NULL, error);
  if (fingerprint == NULL)
    return FALSE;
  if (strcmp(fingerprint, video->fingerprint) != 0) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                "“%s” is not “%s”: its content is another. Choose the same file, or index this one as a new video",
                absolute, video->title);
    return FALSE;
  }
  return record_path(library, video_id, absolute, &status, error);
}

struct hunt {
  SacLibrary *library;
  GPtrArray *missing; /* of SacVideo */
  GCancellable *cancellable;
  guint n_found;
};

static gboolean
try_file(struct hunt *hunt, const char *path, const struct stat *status, GError **error)
{
  g_autofree char *fingerprint = NULL;
  for (guint i = 0; i < hunt->missing->len; i++) {
    const SacVideo *video = hunt->missing->pdata[i];
    if (video->size != status->st_size)
      continue;
    /* A file that cannot be read is not the one. */
    if (fingerprint == NULL && (fingerprint = sac_library_fingerprint(path, hunt->cancellable, NULL)) == NULL)
      return TRUE;
    if (strcmp(fingerprint, video->fingerprint) != 0)
      continue;
    if (!record_path(hunt->library, video->id, path, status, error))
      return FALSE;
    hunt->n_found++;
    g_ptr_array_remove_index_fast(hunt->missing, i);
    return TRUE;
  }
  return TRUE;
}

static gboolean
hunt_in(struct hunt *hunt, const char *path, int depth, GError **error)
{
  g_autoptr(GDir) folder = depth < MAX_FOLDER_DEPTH ? g_dir_open(path, 0, NULL) : NULL;
  const char *name;
  while (folder != NULL && hunt->missing->len > 0 && (name = g_dir_read_name(folder)) != NULL) {
    g_autofree char *inside = g_build_filename(path, name, NULL);
    struct stat status;
    if (sac_cancelled(hunt->cancellable, error))
      return FALSE;
    /* A linked folder may lead back up. */
    if (name[0] == '.' || lstat(inside, &status) != 0)
      continue;
    if (S_ISDIR(status.st_mode) ? !hunt_in(hunt, inside, depth + 1, error)
                                : S_ISREG(status.st_mode) && !try_file(hunt, inside, &status, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
sac_library_find_missing(SacLibrary *library, const char *const *folders, guint *n_found, GCancellable *cancellable,
                         GError **error)
{
  struct hunt hunt = { .library = library, .cancellable = cancellable };
  hunt.missing = sac_library_list_videos(library, error);
  if (hunt.missing == NULL)
    return FALSE;
  for (guint i = hunt.missing->len; i-- > 0;)
    if (!((const SacVideo *)hunt.missing->pdata[i])->missing)
      g_ptr_array_remove_index_fast(hunt.missing, i);
  gboolean good = TRUE;
  for (; good && *folders != NULL; folders++) {
    g_autofree char *folder = g_canonicalize_filename(*folders, NULL);
    good = hunt_in(&hunt, folder, 0, error);
  }
  g_ptr_array_unref(hunt.missing);
  if (n_found != NULL)
    *n_found = hunt.n_found;
  return good;
}

GHashTable *
sac_library_list_paths(SacLibrary *library, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  if (reader.db == NULL)
    return NULL;
  g_autoptr(sqlite3_stmt) rows = sac_database_prepare(reader.db, error, "SELECT path FROM path", "");
  g_autoptr(GHashTable) paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  int row = rows != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(rows, error)) == 1)
    g_hash_table_add(paths, sac_column_dup(rows, 0));
  return row < 0 ? NULL : g_steal_pointer(&paths);
}
