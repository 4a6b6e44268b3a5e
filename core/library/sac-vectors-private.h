/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/library/sac-vectors.h"

/*
 * The file of one model's vectors.
 *
 *      0       "SacVec01"
 *      8       u32 version 1, u32 dimensions, u32 element type (1: IEEE half precision), u32 0
 *      24      char model[128], zero-padded
 *      152     u64 checksum of the 152 bytes before it
 *      4096    row 0, row 1, …: dimensions elements each, nothing between them
 *
 * Everything is little-endian. How many rows count is in the database. Calls that write are made under the database's write lock,
 * which is what keeps two programs from appending at the same place.
 */

G_BEGIN_DECLS

#define SAC_VECTORS_HEADER_BYTES 4096
#define SAC_VECTORS_MAX_DIMENSIONS 16384

/* 64 bits over bytes: four lanes of multiply and rotate, for damage and not for malice. */
guint64 sac_vectors_checksum(const void *data, gsize bytes);

/* Makes an empty file, synced with its folder. A file that is there already is not referred to by anything and is replaced. */
gboolean sac_vectors_file_create(const char *path, const char *model, gsize dimensions, GError **error);

/* Opens a file whose header is right and says this model and these dimensions. -1 on error; close() it. */
int sac_vectors_file_open(const char *path, const char *model, gsize dimensions, gboolean writable, GError **error);

/* Writes rows first … first + n - 1 and syncs them. On failure the file is cut back to first rows. */
gboolean sac_vectors_file_write(int fd, const char *path, gsize dimensions, gsize first, gsize n, const guint16 *rows,
                                GError **error);

/* Whole rows in the file. */
gint64 sac_vectors_file_rows(int fd, gsize dimensions);
gboolean sac_vectors_file_truncate(int fd, gsize dimensions, gsize rows);

typedef struct {
  SacVectors public;
  gatomicrefcount references;
  void *mapping; /* NULL when rows is ours */
  gsize mapped_bytes;
} SacVectorsSnapshot;

/* An empty snapshot, to be filled by the library. times, video_ids and runs are g_malloc's. */
SacVectorsSnapshot *sac_vectors_snapshot_new(const char *model, gsize dimensions, guint64 generation);
/* Maps rows of fd, which may be closed afterwards; FALSE with errno. */
gboolean sac_vectors_snapshot_map(SacVectorsSnapshot *snapshot, int fd, gsize rows);

G_END_DECLS
