/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/library/sac-library-private.h"

#include <glib/gstdio.h>
#include <string.h>

#include "core/library/sac-vectors-private.h"
#include "core/sac-error.h"

static gint64
file_bytes(const char *path)
{
  GStatBuf status;
  return g_stat(path, &status) == 0 ? status.st_size : 0;
}

gboolean
sac_library_get_info(SacLibrary *library, SacLibraryInfo *info, GError **error)
{
  *info = (SacLibraryInfo){ 0 };
  gint64 version;
  {
    g_auto(SacReader) reader = sac_library_read(library, error);
    sqlite3 *db = reader.db;
    if (db == NULL || !sac_database_integer(db, error, 0, &version, "PRAGMA user_version", "") ||
        !sac_database_integer(db, error, 0, &info->videos, "SELECT count(*) FROM video", "") ||
        !sac_database_integer(db, error, 0, &info->paths, "SELECT count(*) FROM path", "") ||
        !sac_database_integer(db, error, 0, &info->moments, "SELECT count(*) FROM moment", "") ||
        !sac_database_integer(db, error, 0, &info->tags, "SELECT count(*) FROM moment WHERE kind = 'tag'", "") ||
        !sac_database_integer(db, error, 0, &info->samples, "SELECT sum(count) FROM batch", "") ||
        !sac_database_integer(db, error, 0, &info->jobs, "SELECT count(*) FROM job", ""))
      return FALSE;
    info->schema_version = version;
    g_autoptr(sqlite3_stmt) models = sac_database_prepare(
        db, error,
        "SELECT file, dimensions * 2 * (rows - (SELECT coalesce(sum(count), 0) FROM batch WHERE batch.model = model.name))"
        " FROM model",
        "");
    int row = models != NULL ? 0 : -1;
    while (row >= 0 && (row = sac_database_step(models, error)) == 1) {
      g_autofree char *path = sac_library_vectors_path(library, (const char *)sqlite3_column_text(models, 0));
      info->vectors_bytes += file_bytes(path);
      info->unused_vectors_bytes += sqlite3_column_int64(models, 1);
    }
    if (row < 0)
      return FALSE;
    const char *file = sqlite3_db_filename(db, "main");
    g_autofree char *log = g_strconcat(file, "-wal", NULL);
    info->database_bytes = file_bytes(file) + file_bytes(log);
  }
  g_autoptr(GPtrArray) videos = sac_library_list_videos(library, error);
  if (videos == NULL)
    return FALSE;
  for (guint i = 0; i < videos->len; i++)
    info->missing_videos += ((const SacVideo *)videos->pdata[i])->missing;
  return TRUE;
}

static gboolean
check_database(sqlite3 *db, GPtrArray *findings, GError **error)
{
  g_autoptr(sqlite3_stmt) integrity = sac_database_prepare(db, error, "PRAGMA integrity_check(20)", "");
  int row = integrity != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(integrity, error)) == 1) {
    const char *verdict = (const char *)sqlite3_column_text(integrity, 0);
    if (g_strcmp0(verdict, "ok") != 0)
      g_ptr_array_add(findings, g_strdup_printf("The database is damaged: %s", verdict));
  }
  g_autoptr(sqlite3_stmt) keys = row >= 0 ? sac_database_prepare(db, error, "PRAGMA foreign_key_check", "") : NULL;
  row = keys != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(keys, error)) == 1)
    g_ptr_array_add(findings, g_strdup_printf("The database's table “%s” refers to something that is not there",
                                              (const char *)sqlite3_column_text(keys, 0)));
  return row >= 0;
}

struct check {
  GPtrArray *findings;
  GHashTable *damaged;
  gboolean repair;
  GCancellable *cancellable;
};

/* FTS5 checks itself against the table it indexes by an insert, which a reader may not do. */
static gboolean
check_and_repair(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  struct check *check = data;
  int words =
      sqlite3_exec(db, "INSERT INTO moment_words (moment_words, rank) VALUES ('integrity-check', 1)", NULL, NULL, NULL);
  if ((words & 0xff) == SQLITE_CORRUPT)
    g_ptr_array_add(check->findings, g_strdup("The full-text index does not agree with the moments"));
  else if (words != SQLITE_OK)
    return sac_database_fail(db, words, error);
  if (!check->repair)
    return TRUE;

  if (words != SQLITE_OK &&
      !sac_database_run(db, error, "INSERT INTO moment_words (moment_words) VALUES ('rebuild')", ""))
    return FALSE;
  GHashTableIter analyses;
  gpointer id;
  g_hash_table_iter_init(&analyses, check->damaged);
  while (g_hash_table_iter_next(&analyses, &id, NULL))
    if (!sac_database_run(db, error, "DELETE FROM analysis WHERE id = ?", "i", *(gint64 *)id))
      return FALSE;
  return sac_library_remake_lost_vectors(library, db, error);
}

GPtrArray *
sac_library_check(SacLibrary *library, gboolean repair, GCancellable *cancellable, GError **error)
{
  g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GHashTable) damaged = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  struct check check = { .findings = findings, .damaged = damaged, .repair = repair, .cancellable = cancellable };
  {
    g_auto(SacReader) reader = sac_library_read(library, error);
    if (reader.db == NULL || !check_database(reader.db, findings, error) ||
        !sac_library_check_vectors(library, reader.db, findings, damaged, cancellable, error))
      return NULL;
  }
  if (!sac_library_is_read_only(library) && !sac_library_write(library, check_and_repair, &check, error))
    return NULL;
  return g_steal_pointer(&findings);
}

static gboolean
drop_dead_paths(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  g_autoptr(sqlite3_stmt) paths = sac_database_prepare(db, error,
                                                       "SELECT path, video FROM path AS one WHERE"
                                                       " (SELECT count(*) FROM path WHERE video = one.video) > 1",
                                                       "");
  g_autoptr(GPtrArray) dead = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GHashTable) alive = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  g_autoptr(GArray) dead_videos = g_array_new(FALSE, FALSE, sizeof(gint64));
  int row = paths != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(paths, error)) == 1) {
    gint64 video = sqlite3_column_int64(paths, 1);
    if (g_file_test((const char *)sqlite3_column_text(paths, 0), G_FILE_TEST_EXISTS)) {
      g_hash_table_add(alive, g_memdup2(&video, sizeof video));
    } else {
      g_ptr_array_add(dead, sac_column_dup(paths, 0));
      g_array_append_val(dead_videos, video);
    }
  }
  for (guint i = 0; row >= 0 && i < dead->len; i++)
    if (g_hash_table_contains(alive, &g_array_index(dead_videos, gint64, i)) &&
        !sac_database_run(db, error, "DELETE FROM path WHERE path = ?", "s", (const char *)dead->pdata[i]))
      return FALSE;
  return row >= 0;
}

static gboolean
trim(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  return sac_library_trim_vectors(library, db, error);
}

static gboolean
vacuum_database(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  return sac_database_run(db, error, "VACUUM", "") &&
         sac_database_run(db, error, "PRAGMA wal_checkpoint(TRUNCATE)", "");
}

gboolean
sac_library_vacuum(SacLibrary *library, GCancellable *cancellable, GError **error)
{
  return sac_library_write(library, drop_dead_paths, NULL, error) &&
         sac_library_write(library, sac_library_rewrite_vectors, cancellable, error) &&
         sac_library_write(library, trim, NULL, error) && sac_library_write_bare(library, vacuum_database, NULL, error);
}
