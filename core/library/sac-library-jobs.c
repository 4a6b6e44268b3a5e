/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/library/sac-library-private.h"

#include <glib/gi18n.h>
#include <inttypes.h>

#include "core/sac-error.h"

struct job {
  gint64 id;
  const char *kind, *arguments;
};

void
sac_job_record_free(SacJobRecord *record)
{
  if (record == NULL)
    return;
  g_free(record->kind);
  g_free(record->arguments);
  g_free(record);
}

static gboolean
add_job(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  struct job *job = data;
  if (!sac_database_run(db, error, "INSERT INTO job (kind, arguments, created) VALUES (?,?,?)", "ssi", job->kind,
                        job->arguments, sac_now_us()))
    return FALSE;
  job->id = sqlite3_last_insert_rowid(db);
  return TRUE;
}

gint64
sac_library_job_add(SacLibrary *library, const char *kind, const char *arguments, GError **error)
{
  struct job job = { .kind = kind, .arguments = arguments };
  return sac_library_write(library, add_job, &job, error) ? job.id : 0;
}

static gboolean
found_job(sqlite3 *db, gint64 id, GError **error)
{
  if (sqlite3_changes(db) > 0)
    return TRUE;
  g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, _("The library has no job %" PRId64), id);
  return FALSE;
}

static gboolean
update_job(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  const struct job *job = data;
  return sac_database_run(db, error, "UPDATE job SET arguments = ? WHERE id = ?", "si", job->arguments, job->id) &&
         found_job(db, job->id, error);
}

gboolean
sac_library_job_update(SacLibrary *library, gint64 job_id, const char *arguments, GError **error)
{
  struct job job = { .id = job_id, .arguments = arguments };
  return sac_library_write(library, update_job, &job, error);
}

static gboolean
remove_job(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  const struct job *job = data;
  return sac_database_run(db, error, "DELETE FROM job WHERE id = ?", "i", job->id) && found_job(db, job->id, error);
}

gboolean
sac_library_job_remove(SacLibrary *library, gint64 job_id, GError **error)
{
  struct job job = { .id = job_id };
  return sac_library_write(library, remove_job, &job, error);
}

GPtrArray *
sac_library_job_list(SacLibrary *library, const char *kind, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  if (reader.db == NULL)
    return NULL;
  g_autoptr(sqlite3_stmt) rows = sac_database_prepare(
      reader.db, error, "SELECT id, kind, arguments, created FROM job WHERE ?1 IS NULL OR kind = ?1 ORDER BY id", "s",
      kind);
  g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func((GDestroyNotify)sac_job_record_free);
  int row = rows != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(rows, error)) == 1) {
    SacJobRecord *job = g_new0(SacJobRecord, 1);
    job->id = sqlite3_column_int64(rows, 0);
    job->kind = sac_column_dup(rows, 1);
    job->arguments = sac_column_dup(rows, 2);
    job->created_us = sqlite3_column_int64(rows, 3);
    g_ptr_array_add(jobs, job);
  }
  return row < 0 ? NULL : g_steal_pointer(&jobs);
}
