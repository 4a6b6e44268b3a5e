/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <sqlite3.h>

/*
 * SQLite as the rest of the library wants it: statements with their values in one call, and results as GError.
 * A connection belongs to one thread at a time.
 *
 * Values are told by a letter each: i gint64, d double, s const char * (or NULL), b const void * then gsize.
 */

G_BEGIN_DECLS

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3_stmt, sqlite3_finalize)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3, sqlite3_close_v2)

#define SAC_DATABASE_VERSION 2
#define SAC_DATABASE_APPLICATION_ID 0x53616363 /* "Sacc" */

/* Opens and sets up a connection (busy timeout, foreign keys). flags are sqlite3_open_v2's. */
sqlite3 *sac_database_open(const char *path, int flags, GError **error);

/* That the file is one of ours and of a version that we know, and SQLite's quick check. *empty: it has no schema yet. */
gboolean sac_database_verify(sqlite3 *db, gboolean *empty, GError **error);

/* Brings the schema to SAC_DATABASE_VERSION, step by step, in one transaction. */
gboolean sac_database_migrate(sqlite3 *db, GError **error);

/* Sets error from the connection's last failure; path of the file and the way out are in the message. Returns FALSE. */
gboolean sac_database_fail(sqlite3 *db, int code, GError **error);

sqlite3_stmt *sac_database_prepare(sqlite3 *db, GError **error, const char *sql, const char *types, ...);
/* 1: a row, 0: no more, -1: error. */
int sac_database_step(sqlite3_stmt *statement, GError **error);
/* Runs a statement that gives no rows. */
gboolean sac_database_run(sqlite3 *db, GError **error, const char *sql, const char *types, ...);
/* Runs a statement that gives one integer; fallback when it gives no row or NULL. */
gboolean sac_database_integer(sqlite3 *db, GError **error, gint64 fallback, gint64 *out, const char *sql,
                              const char *types, ...);

static inline char *
sac_column_dup(sqlite3_stmt *statement, int column)
{
  return g_strdup((const char *)sqlite3_column_text(statement, column));
}

G_END_DECLS
