/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/library/sac-database-private.h"
#include "core/library/sac-library.h"

/*
 * How the parts of the library reach its connections. A write is a function that runs on the writer thread within a transaction:
 * it is committed when the function returns TRUE and rolled back when FALSE. A read borrows a connection from the pool.
 */

G_BEGIN_DECLS

typedef gboolean (*SacLibraryWrite)(SacLibrary *library, sqlite3 *db, gpointer data, GError **error);

/* Runs function in a transaction and waits for it. "changed" follows when it wrote anything. */
gboolean sac_library_write(SacLibrary *library, SacLibraryWrite function, gpointer data, GError **error);
/* The same without a transaction around it, for VACUUM. */
gboolean sac_library_write_bare(SacLibrary *library, SacLibraryWrite function, gpointer data, GError **error);

typedef struct {
  SacLibrary *library;
  sqlite3 *db; /* NULL when none could be opened */
} SacReader;

SacReader sac_library_read(SacLibrary *library, GError **error);
void sac_reader_done(SacReader *reader);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SacReader, sac_reader_done)

char *sac_library_vectors_path(SacLibrary *library, const char *file);

/* Snapshots and what is known of batches, one entry a model; see sac-library-samples.c. */
typedef struct SacSnapshots SacSnapshots;
SacSnapshots *sac_snapshots_new(void);
void sac_snapshots_free(SacSnapshots *snapshots);
SacSnapshots *sac_library_snapshots(SacLibrary *library);

/* Cuts torn tails off and removes vectors files that nothing refers to. Within a transaction. */
gboolean sac_library_trim_vectors(SacLibrary *library, sqlite3 *db, GError **error);

/* A sentence for each damaged batch or file, and the ids (gint64) of the analyses that they belong to. */
gboolean sac_library_check_vectors(SacLibrary *library, sqlite3 *db, GPtrArray *findings, GHashTable *damaged_analyses,
                                   GCancellable *cancellable, GError **error);
/* Rewrites the files of models that have rows nothing refers to; data is a GCancellable. Within a transaction. */
gboolean sac_library_rewrite_vectors(SacLibrary *library, sqlite3 *db, gpointer data, GError **error);
/* Gives models without batches a new, empty file: the old one may be damaged or gone. Within a transaction. */
gboolean sac_library_remake_lost_vectors(SacLibrary *library, sqlite3 *db, GError **error);

/* The path to show for a video: the first of its paths that exists, else the last seen. NULL when it has none; transfer full. */
char *
sac_library_choose_path(sqlite3 *db, gint64 video_id, gint64 *size, gint64 *mtime, gboolean *missing, GError **error);

/* Paths that no longer exist are dropped when the content has turned up elsewhere: the file was moved. Within a transaction. */
gboolean sac_library_drop_dead_paths(sqlite3 *db, gint64 video_id, GError **error);

gint64 sac_now_us(void);

G_END_DECLS
