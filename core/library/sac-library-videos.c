/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/library/sac-library-private.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "core/sac-error.h"

#define VIDEO_COLUMNS                                                                                        \
  "SELECT video.id, fingerprint, title, duration, width, height, rate_num, rate_den, video.size, has_audio," \
  " is_picture, added,"                                                                                      \
  " (SELECT count(*) FROM moment WHERE moment.video = video.id),"                                            \
  " (SELECT count(*) FROM moment WHERE moment.video = video.id AND kind = 'tag'),"                           \
  " (SELECT coalesce(sum(samples), 0) FROM analysis WHERE analysis.video = video.id),"                       \
  " (SELECT count(*) FROM analysis WHERE analysis.video = video.id),"                                        \
  " (SELECT count(*) FROM analysis WHERE analysis.video = video.id AND finished = 0)"                        \
  " FROM video "

static gint64
modification_time(const struct stat *status)
{
  return (gint64)status->st_mtim.tv_sec * G_USEC_PER_SEC + status->st_mtim.tv_nsec / 1000;
}

char *
sac_library_choose_path(sqlite3 *db, gint64 video_id, gint64 *size, gint64 *mtime, gboolean *missing, GError **error)
{
  g_autoptr(sqlite3_stmt) paths = sac_database_prepare(
      db, error, "SELECT path, size, mtime FROM path WHERE video = ? ORDER BY seen DESC, path", "i", video_id);
  g_autofree char *chosen = NULL;
  *missing = TRUE;
  int row = paths != NULL ? 0 : -1;
  while (row >= 0 && *missing && (row = sac_database_step(paths, error)) == 1) {
    const char *path = (const char *)sqlite3_column_text(paths, 0);
    *missing = !g_file_test(path, G_FILE_TEST_EXISTS);
    if (*missing && chosen != NULL)
      continue;
    g_free(chosen);
    chosen = g_strdup(path);
    if (size != NULL)
      *size = sqlite3_column_int64(paths, 1);
    if (mtime != NULL)
      *mtime = sqlite3_column_int64(paths, 2);
  }
  if (row < 0)
    return NULL;
  return chosen != NULL ? g_steal_pointer(&chosen) : g_strdup("");
}

static SacVideo *
video_from_row(sqlite3 *db, sqlite3_stmt *row, GError **error)
{
  g_autoptr(SacVideo) video = sac_video_new();
  video->id = sqlite3_column_int64(row, 0);
  video->fingerprint = sac_column_dup(row, 1);
  video->title = sac_column_dup(row, 2);
  video->duration_us = sqlite3_column_int64(row, 3);
  video->width = sqlite3_column_int(row, 4);
  video->height = sqlite3_column_int(row, 5);
  video->frame_rate_num = sqlite3_column_int(row, 6);
  video->frame_rate_den = sqlite3_column_int(row, 7);
  video->size = sqlite3_column_int64(row, 8);
  video->has_audio = sqlite3_column_int(row, 9);
  video->is_picture = sqlite3_column_int(row, 10);
  video->added_us = sqlite3_column_int64(row, 11);
  video->n_moments = sqlite3_column_int64(row, 12);
  video->n_tags = sqlite3_column_int64(row, 13);
  video->n_samples = sqlite3_column_int64(row, 14);
  gint64 begun = sqlite3_column_int64(row, 15), unfinished = sqlite3_column_int64(row, 16);
  video->state = begun == 0 ? SAC_VIDEO_NEW : unfinished > 0 ? SAC_VIDEO_PARTIAL : SAC_VIDEO_INDEXED;
  video->path = sac_library_choose_path(db, video->id, NULL, &video->mtime, &video->missing, error);
  return video->path != NULL ? g_steal_pointer(&video) : NULL;
}

GPtrArray *
sac_library_list_videos(SacLibrary *library, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  if (reader.db == NULL)
    return NULL;
  g_autoptr(sqlite3_stmt) rows = sac_database_prepare(reader.db, error, VIDEO_COLUMNS "ORDER BY video.id DESC", "");
  g_autoptr(GPtrArray) videos = g_ptr_array_new_with_free_func((GDestroyNotify)sac_video_free);
  int row = rows != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(rows, error)) == 1) {
    SacVideo *video = video_from_row(reader.db, rows, error);
    if (video == NULL)
      return NULL;
    g_ptr_array_add(videos, video);
  }
  return row < 0 ? NULL : g_steal_pointer(&videos);
}

SacVideo *
sac_library_get_video(SacLibrary *library, gint64 video_id, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  if (reader.db == NULL)
    return NULL;
  g_autoptr(sqlite3_stmt) rows =
      sac_database_prepare(reader.db, error, VIDEO_COLUMNS "WHERE video.id = ?", "i", video_id);
  int row = rows != NULL ? sac_database_step(rows, error) : -1;
  if (row == 1)
    return video_from_row(reader.db, rows, error);
  if (row == 0)
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, _("The library has no video %" PRId64), video_id);
  return NULL;
}

char **
sac_library_get_video_paths(SacLibrary *library, gint64 video_id, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  if (reader.db == NULL)
    return NULL;
  g_autoptr(sqlite3_stmt) rows = sac_database_prepare(
      reader.db, error, "SELECT path FROM path WHERE video = ? ORDER BY seen DESC, path", "i", video_id);
  g_autoptr(GStrvBuilder) paths = g_strv_builder_new();
  int row = rows != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(rows, error)) == 1)
    g_strv_builder_add(paths, (const char *)sqlite3_column_text(rows, 0));
  return row < 0 ? NULL : g_strv_builder_end(paths);
}

/* What the library has at a path: 0 when it has none. *current: size and time of change are still those of the file. */
static gboolean
look_up_path(SacLibrary *library, const char *path, const struct stat *status, gint64 *video_id, gboolean *current,
             GError **error)
{
  *video_id = 0;
  *current = FALSE;
  g_auto(SacReader) reader = sac_library_read(library, error);
  if (reader.db == NULL)
    return FALSE;
  g_autoptr(sqlite3_stmt) row =
      sac_database_prepare(reader.db, error, "SELECT video, size, mtime FROM path WHERE path = ?", "s", path);
  int found = row != NULL ? sac_database_step(row, error) : -1;
  if (found == 1) {
    *video_id = sqlite3_column_int64(row, 0);
    *current = status != NULL && sqlite3_column_int64(row, 1) == status->st_size &&
               sqlite3_column_int64(row, 2) == modification_time(status);
  }
  return found >= 0;
}

static gboolean
look_up_fingerprint(SacLibrary *library, const char *fingerprint, gint64 *video_id, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  return reader.db != NULL && sac_database_integer(reader.db, error, 0, video_id,
                                                   "SELECT id FROM video WHERE fingerprint = ?", "s", fingerprint);
}

SacVideo *
sac_library_find_video_by_path(SacLibrary *library, const char *path, GError **error)
{
  g_autofree char *absolute = g_canonicalize_filename(path, NULL);
  struct stat status;
  gboolean exists = stat(absolute, &status) == 0;
  gint64 video_id;
  gboolean current;
  if (!look_up_path(library, absolute, exists ? &status : NULL, &video_id, &current, error))
    return NULL;
  if (exists && !current) {
    g_autofree char *fingerprint = sac_library_fingerprint(absolute, NULL, error);
    if (fingerprint == NULL || !look_up_fingerprint(library, fingerprint, &video_id, error))
      return NULL;
  }
  if (video_id != 0)
    return sac_library_get_video(library, video_id, error);
  if (exists)
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND,
                _("“%s” is not in the library: index it first (saccade index FILE)"), path);
  else
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, _("“%s” does not exist and is not in the library"), path);
  return NULL;
}

struct add_video {
  const SacVideo *info;
  const char *path, *fingerprint;
  gint64 size, mtime, video_id;
  gboolean changed;
};

gboolean
sac_library_drop_dead_paths(sqlite3 *db, gint64 video_id, GError **error)
{
  g_autoptr(GPtrArray) dead = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(sqlite3_stmt) paths =
      sac_database_prepare(db, error, "SELECT path FROM path WHERE video = ?", "i", video_id);
  int row = paths != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(paths, error)) == 1)
    if (!g_file_test((const char *)sqlite3_column_text(paths, 0), G_FILE_TEST_EXISTS))
      g_ptr_array_add(dead, sac_column_dup(paths, 0));
  for (guint i = 0; row >= 0 && i < dead->len; i++)
    if (!sac_database_run(db, error, "DELETE FROM path WHERE path = ?", "s", (const char *)dead->pdata[i]))
      row = -1;
  return row >= 0;
}

static gboolean
insert_video(sqlite3 *db, struct add_video *add, GError **error)
{
  const SacVideo *info = add->info;
  g_autofree char *name = g_path_get_basename(add->path);
  g_autofree char *title = g_utf8_make_valid(info->title != NULL && *info->title != '\0' ? info->title : name, -1);
  return sac_database_run(db, error,
                          "INSERT INTO video (fingerprint, title, size, duration, width, height, rate_num, rate_den,"
                          " has_audio, is_picture, added) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                          "ssiiiiiiiii", add->fingerprint, title, add->size, info->duration_us, (gint64)info->width,
                          (gint64)info->height, (gint64)info->frame_rate_num, (gint64)info->frame_rate_den,
                          (gint64)(info->has_audio != FALSE), (gint64)(info->is_picture != FALSE), sac_now_us());
}

static gboolean
add_video(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  struct add_video *add = data;
  gint64 old = 0;
  if (!sac_database_integer(db, error, 0, &add->video_id, "SELECT id FROM video WHERE fingerprint = ?", "s",
                            add->fingerprint) ||
      !sac_database_integer(db, error, 0, &old, "SELECT video FROM path WHERE path = ?", "s", add->path))
    return FALSE;
  if (add->video_id == 0) {
    if (!insert_video(db, add, error))
      return FALSE;
    add->video_id = sqlite3_last_insert_rowid(db);
  }
  if (!sac_database_run(db, error,
                        "INSERT INTO path (path, video, size, mtime, seen) VALUES (?1,?2,?3,?4,?5) ON CONFLICT (path)"
                        " DO UPDATE SET video = ?2, size = ?3, mtime = ?4, seen = ?5",
                        "siiii", add->path, add->video_id, add->size, add->mtime, sac_now_us()) ||
      !sac_library_drop_dead_paths(db, add->video_id, error))
    return FALSE;

  add->changed = old != 0 && old != add->video_id;
  if (!add->changed)
    return TRUE;
  gint64 others;
  if (!sac_database_integer(db, error, 0, &others, "SELECT count(*) FROM path WHERE video = ?", "i", old))
    return FALSE;
  if (others > 0)
    return TRUE;
  /* The old content is nowhere any more. What the user wrote stays with the path; the rest was computed from what is gone. */
  return sac_database_run(db, error, "UPDATE moment SET video = ? WHERE video = ? AND kind = 'tag'", "ii",
                          add->video_id, old) &&
         sac_database_run(db, error, "DELETE FROM video WHERE id = ?", "i", old);
}

gint64
sac_library_add_video(SacLibrary *library, const SacVideo *info, gboolean *changed, GError **error)
{
  g_autofree char *path = g_canonicalize_filename(info->path, NULL);
  if (changed != NULL)
    *changed = FALSE;
  if (!g_utf8_validate(path, -1, NULL)) {
    g_autofree char *shown = g_filename_display_name(path);
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED, _("The name of “%s” is not UTF-8: rename it to index it"),
                shown);
    return 0;
  }
  struct stat status;
  if (stat(path, &status) != 0) {
    sac_error_set_from_errno(error, errno, _("“%s” cannot be examined"), path);
    return 0;
  }
  gint64 known;
  gboolean current;
  if (!look_up_path(library, path, &status, &known, &current, error))
    return 0;
  if (current)
    return known;
  g_autofree char *fingerprint = sac_library_fingerprint(path, NULL, error);
  if (fingerprint == NULL)
    return 0;
  struct add_video add = {
    .info = info, .path = path, .fingerprint = fingerprint, .size = status.st_size, .mtime = modification_time(&status)
  };
  if (!sac_library_write(library, add_video, &add, error))
    return 0;
  if (changed != NULL)
    *changed = add.changed;
  return add.video_id;
}

static gboolean
forget_video(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  gint64 video_id = *(const gint64 *)data;
  if (!sac_database_run(db, error, "DELETE FROM video WHERE id = ?", "i", video_id))
    return FALSE;
  if (sqlite3_changes(db) == 0) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, _("The library has no video %" PRId64), video_id);
    return FALSE;
  }
  return TRUE;
}

gboolean
sac_library_forget_video(SacLibrary *library, gint64 video_id, GError **error)
{
  return sac_library_write(library, forget_video, &video_id, error);
}

struct set_duration {
  gint64 video_id, duration_us;
};

static gboolean
set_duration(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  const struct set_duration *set = data;
  return sac_database_run(db, error, "UPDATE video SET duration = ? WHERE id = ?", "ii", set->duration_us,
                          set->video_id);
}

gboolean
sac_library_set_duration(SacLibrary *library, gint64 video_id, gint64 duration_us, GError **error)
{
  struct set_duration set = { .video_id = video_id, .duration_us = duration_us };
  return sac_library_write(library, set_duration, &set, error);
}
