/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/library/sac-database-private.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "core/sac-error.h"

#define BUSY_TIMEOUT_MS 5000

/* One entry a version. What has been released is never changed: a later version is a further entry. */
static const char *const migrations[SAC_DATABASE_VERSION] = {
  "CREATE TABLE video ("
  "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
  "  fingerprint TEXT NOT NULL UNIQUE,"
  "  title TEXT NOT NULL,"
  "  size INTEGER NOT NULL,"
  "  duration INTEGER NOT NULL,"
  "  width INTEGER NOT NULL, height INTEGER NOT NULL,"
  "  rate_num INTEGER NOT NULL, rate_den INTEGER NOT NULL,"
  "  has_audio INTEGER NOT NULL, is_picture INTEGER NOT NULL,"
  "  added INTEGER NOT NULL"
  ") STRICT;"

  "CREATE TABLE path ("
  "  path TEXT PRIMARY KEY,"
  "  video INTEGER NOT NULL REFERENCES video ON DELETE CASCADE,"
  "  size INTEGER NOT NULL,"
  "  mtime INTEGER NOT NULL,"
  "  seen INTEGER NOT NULL"
  ") STRICT;"
  "CREATE INDEX path_video ON path (video);"

  "CREATE TABLE model ("
  "  name TEXT PRIMARY KEY,"
  "  dimensions INTEGER NOT NULL,"
  "  file TEXT NOT NULL,"                 /* in vectors/ */
  "  generation INTEGER NOT NULL,"        /* counts rewrites of the file */
  "  rows INTEGER NOT NULL DEFAULT 0,"    /* that the file has; what lies behind them is torn */
  "  revision INTEGER NOT NULL DEFAULT 0" /* counts changes of its batches */
  ") STRICT;"

  "CREATE TABLE analysis ("
  "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
  "  video INTEGER NOT NULL REFERENCES video ON DELETE CASCADE,"
  "  analyser TEXT NOT NULL,"
  "  model TEXT NOT NULL,"
  "  interval INTEGER NOT NULL,"
  "  samples INTEGER NOT NULL DEFAULT 0,"
  "  finished INTEGER NOT NULL DEFAULT 0,"
  "  UNIQUE (video, analyser, model, interval)"
  ") STRICT;"

  "CREATE TABLE batch ("
  "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
  "  analysis INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,"
  "  model TEXT NOT NULL REFERENCES model,"
  "  first_sample INTEGER NOT NULL,"
  "  first_row INTEGER NOT NULL,"
  "  count INTEGER NOT NULL,"
  "  times BLOB NOT NULL," /* count little-endian int64 */
  "  checksum INTEGER NOT NULL,"
  "  UNIQUE (analysis, first_sample)"
  ") STRICT;"
  "CREATE INDEX batch_model ON batch (model);"
  "CREATE TRIGGER batch_added AFTER INSERT ON batch BEGIN"
  "  UPDATE model SET revision = revision + 1 WHERE name = new.model; END;"
  "CREATE TRIGGER batch_removed AFTER DELETE ON batch BEGIN"
  "  UPDATE model SET revision = revision + 1 WHERE name = old.model; END;"

  "CREATE TABLE moment ("
  "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
  "  uuid TEXT NOT NULL UNIQUE,"
  "  video INTEGER NOT NULL REFERENCES video ON DELETE CASCADE,"
  "  kind TEXT NOT NULL,"
  "  start INTEGER NOT NULL CHECK (start >= 0),"
  "  \"end\" INTEGER NOT NULL CHECK (\"end\" >= start),"
  "  score REAL NOT NULL,"
  "  text TEXT, label TEXT, model TEXT, source TEXT"
  ") STRICT;"
  "CREATE INDEX moment_video ON moment (video, start);"
  "CREATE INDEX moment_label ON moment (kind, label);"

  "CREATE VIRTUAL TABLE moment_words USING fts5 (text, label, content='moment', content_rowid='id',"
  "  tokenize=\"porter unicode61 remove_diacritics 2\");"
  "CREATE TRIGGER moment_added AFTER INSERT ON moment BEGIN"
  "  INSERT INTO moment_words (rowid, text, label) VALUES (new.id, new.text, new.label); END;"
  "CREATE TRIGGER moment_removed AFTER DELETE ON moment BEGIN"
  "  INSERT INTO moment_words (moment_words, rowid, text, label) VALUES ('delete', old.id, old.text, old.label); END;"
  "CREATE TRIGGER moment_changed AFTER UPDATE OF text, label ON moment BEGIN"
  "  INSERT INTO moment_words (moment_words, rowid, text, label) VALUES ('delete', old.id, old.text, old.label);"
  "  INSERT INTO moment_words (rowid, text, label) VALUES (new.id, new.text, new.label); END;"

  "CREATE TABLE job ("
  "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
  "  kind TEXT NOT NULL,"
  "  arguments TEXT NOT NULL,"
  "  created INTEGER NOT NULL"
  ") STRICT;",

  /* What is said of a label of tags; one that has neither a colour nor a note has no row. */
  "CREATE TABLE tag ("
  "  name TEXT PRIMARY KEY,"
  "  colour TEXT NOT NULL,"
  "  note TEXT NOT NULL"
  ") STRICT;",
};

gboolean
sac_database_fail(sqlite3 *db, int code, GError **error)
{
  const char *file = sqlite3_db_filename(db, "main");
  const char *words = sqlite3_errmsg(db);
  int system = sqlite3_system_errno(db);
  if (file == NULL || *file == '\0')
    file = "library.db";

  switch (code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    g_set_error(error, SAC_ERROR, SAC_ERROR_LOCKED,
                _("“%s” is in use by another program: close that one, or try again in a moment"), file);
    break;
  case SQLITE_READONLY:
  case SQLITE_PERM:
  case SQLITE_AUTH:
    g_set_error(error, SAC_ERROR, SAC_ERROR_READ_ONLY,
                _("“%s” cannot be written: make its folder writable, or choose another library with --library"), file);
    break;
  case SQLITE_FULL:
    g_set_error(error, SAC_ERROR, SAC_ERROR_NO_SPACE,
                _("The disk is full: “%s” cannot grow. Nothing was lost; make room and go on"), file);
    break;
  case SQLITE_NOMEM:
    g_set_error(error, SAC_ERROR, SAC_ERROR_NO_SPACE, _("There is not enough memory to read “%s”"), file);
    break;
  case SQLITE_CORRUPT:
    g_set_error(
        error, SAC_ERROR, SAC_ERROR_CORRUPT,
        _("“%s” is damaged (%s). Your videos are untouched: put a copy of it back, or move it away and index again"),
        file, words);
    break;
  case SQLITE_NOTADB:
    g_set_error(
        error, SAC_ERROR, SAC_ERROR_CORRUPT,
        _("“%s” is not a database. Your videos are untouched: put a copy of it back, or move it away and index again"),
        file);
    break;
  case SQLITE_IOERR:
    if (system == ENOSPC || system == EDQUOT || system == EFBIG) {
      g_set_error(error, SAC_ERROR, SAC_ERROR_NO_SPACE,
                  _("The disk is full: “%s” cannot grow. Nothing was lost; make room and go on"), file);
      break;
    }
    /* SQLite tells ENOSPC as SQLITE_FULL; a quota or a limit on a file's size looks like any failed write. */
    if (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE) {
      g_set_error(
          error, SAC_ERROR, SAC_ERROR_NO_SPACE,
          _("“%s” cannot grow: the disk or your share of it is full, or it is failing. Nothing was lost; make room and go on"),
          file);
      break;
    }
    g_set_error(error, SAC_ERROR, SAC_ERROR_FAILED, _("“%s” cannot be read or written (%s)"), file,
                system != 0 ? g_strerror(system) : words);
    break;
  case SQLITE_CANTOPEN:
    sac_error_set_from_errno(error, system != 0 ? system : ENOENT, _("“%s” cannot be opened"), file);
    break;
  default:
    g_set_error(error, SAC_ERROR, SAC_ERROR_FAILED, "“%s”: %s", file, words);
    break;
  }
  return FALSE;
}

sqlite3 *
sac_database_open(const char *path, int flags, GError **error)
{
  g_autoptr(sqlite3) db = NULL;
  int code = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  if (db == NULL) {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_NO_SPACE, _("There is not enough memory to open the library"));
    return NULL;
  }
  if (code != SQLITE_OK) {
    int system = sqlite3_system_errno(db);
    if ((code & 0xff) == SQLITE_CANTOPEN)
      sac_error_set_from_errno(error, system != 0 ? system : ENOENT, _("The library “%s” cannot be opened"), path);
    else
      sac_database_fail(db, code, error);
    return NULL;
  }
  sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
  if (!sac_database_run(db, error, "PRAGMA foreign_keys = ON", "") ||
      !sac_database_run(db, error, "PRAGMA synchronous = FULL", ""))
    return NULL;
  return g_steal_pointer(&db);
}

gboolean
sac_database_verify(sqlite3 *db, gboolean *empty, GError **error)
{
  const char *file = sqlite3_db_filename(db, "main");
  gint64 application, version, objects;
  if (!sac_database_integer(db, error, 0, &application, "PRAGMA application_id", "") ||
      !sac_database_integer(db, error, 0, &version, "PRAGMA user_version", "") ||
      !sac_database_integer(db, error, 0, &objects, "SELECT count(*) FROM sqlite_schema", ""))
    return FALSE;
  *empty = application == 0 && version == 0 && objects == 0;
  if (*empty)
    return TRUE;
  if (application != SAC_DATABASE_APPLICATION_ID) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                _("“%s” is another program's database: choose another folder with --library"), file);
    return FALSE;
  }
  if (version > SAC_DATABASE_VERSION) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_NEWER_VERSION,
                _("“%s” was made by a newer Saccade (its version is %" PRId64
                  ", this program knows up to %d): update Saccade, or choose another folder with --library"),
                file, version, SAC_DATABASE_VERSION);
    return FALSE;
  }

  g_autoptr(sqlite3_stmt) check = sac_database_prepare(db, error, "PRAGMA quick_check(1)", "");
  if (check == NULL || sac_database_step(check, error) < 0)
    return FALSE;
  const char *verdict = (const char *)sqlite3_column_text(check, 0);
  if (g_strcmp0(verdict, "ok") != 0) {
    g_set_error(
        error, SAC_ERROR, SAC_ERROR_CORRUPT,
        _("“%s” is damaged (%s). Your videos are untouched: put a copy of it back, or move it away and index again"),
        file, verdict);
    return FALSE;
  }
  return TRUE;
}

gboolean
sac_database_migrate(sqlite3 *db, GError **error)
{
  gint64 version;
  if (!sac_database_run(db, error, "BEGIN IMMEDIATE", ""))
    return FALSE;
  /* Read under the lock: another program may have done it meanwhile. */
  gboolean good = sac_database_integer(db, error, 0, &version, "PRAGMA user_version", "");
  for (; good && version < SAC_DATABASE_VERSION; version++) {
    int code = sqlite3_exec(db, migrations[version], NULL, NULL, NULL);
    good = code == SQLITE_OK || sac_database_fail(db, code, error);
  }
  if (good) {
    g_autofree char *stamp = g_strdup_printf("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                                             SAC_DATABASE_APPLICATION_ID, SAC_DATABASE_VERSION);
    int code = sqlite3_exec(db, stamp, NULL, NULL, NULL);
    good = code == SQLITE_OK || sac_database_fail(db, code, error);
  }
  if (!good)
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  return good;
}

static gboolean
bind_values(sqlite3_stmt *statement, const char *types, va_list values)
{
  int code = SQLITE_OK;
  for (int i = 0; types[i] != '\0' && code == SQLITE_OK; i++) {
    switch (types[i]) {
    case 'i':
      code = sqlite3_bind_int64(statement, i + 1, va_arg(values, gint64));
      break;
    case 'd':
      code = sqlite3_bind_double(statement, i + 1, va_arg(values, double));
      break;
    case 's':
      code = sqlite3_bind_text(statement, i + 1, va_arg(values, const char *), -1, SQLITE_TRANSIENT);
      break;
    case 'b': {
      const void *data = va_arg(values, const void *);
      code = sqlite3_bind_blob64(statement, i + 1, data, va_arg(values, gsize), SQLITE_TRANSIENT);
      break;
    }
    default:
      g_assert_not_reached();
    }
  }
  return code == SQLITE_OK;
}

static sqlite3_stmt *
prepare_values(sqlite3 *db, GError **error, const char *sql, const char *types, va_list values)
{
  g_autoptr(sqlite3_stmt) statement = NULL;
  int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
  if (code != SQLITE_OK || !bind_values(statement, types, values)) {
    sac_database_fail(db, code != SQLITE_OK ? code : sqlite3_errcode(db), error);
    return NULL;
  }
  return g_steal_pointer(&statement);
}

sqlite3_stmt *
sac_database_prepare(sqlite3 *db, GError **error, const char *sql, const char *types, ...)
{
  va_list values;
  va_start(values, types);
  sqlite3_stmt *statement = prepare_values(db, error, sql, types, values);
  va_end(values);
  return statement;
}

int
sac_database_step(sqlite3_stmt *statement, GError **error)
{
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW)
    return 1;
  if (code == SQLITE_DONE)
    return 0;
  sac_database_fail(sqlite3_db_handle(statement), code, error);
  return -1;
}

gboolean
sac_database_run(sqlite3 *db, GError **error, const char *sql, const char *types, ...)
{
  va_list values;
  va_start(values, types);
  g_autoptr(sqlite3_stmt) statement = prepare_values(db, error, sql, types, values);
  va_end(values);
  return statement != NULL && sac_database_step(statement, error) >= 0;
}

gboolean
sac_database_integer(sqlite3 *db, GError **error, gint64 fallback, gint64 *out, const char *sql, const char *types, ...)
{
  va_list values;
  va_start(values, types);
  g_autoptr(sqlite3_stmt) statement = prepare_values(db, error, sql, types, values);
  va_end(values);
  int row = statement != NULL ? sac_database_step(statement, error) : -1;
  if (row < 0)
    return FALSE;
  *out = row == 1 && sqlite3_column_type(statement, 0) != SQLITE_NULL ? sqlite3_column_int64(statement, 0) : fallback;
  return TRUE;
}
