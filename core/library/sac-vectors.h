/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

/*
 * A snapshot of one model's vectors, for search: immutable, reference counted, usable from any thread without a lock. The rows
 * lie in the mapped vectors file; what is appended later shows in the next snapshot.
 *
 *      rows         [count][dimensions] half-precision floats, each row of unit length, in the order of writing
 *      times        [count] microseconds
 *      video_ids    [count] whose row it is; 0 where the video was forgotten and the file not yet vacuumed
 *      runs         [n_runs] what stands together: rows first … first + count - 1 belong to one analysis of one video and
 *                   their times do not fall; sorted by video, then by time
 */

G_BEGIN_DECLS

typedef struct {
  gint64 video_id;
  gint64 analysis_id;
  gint64 interval_us; /* that was asked for between samples */
  gsize first, count; /* rows */
} SacVectorsRun;

typedef struct {
  char *model;
  gsize count, dimensions;
  guint64
      generation; /* rows of two snapshots with the same generation are the same rows; the longer has more of them */
  const guint16 *rows;
  const gint64 *times;
  const gint64 *video_ids;
  const SacVectorsRun *runs;
  gsize n_runs;
} SacVectors;

#define SAC_TYPE_VECTORS (sac_vectors_get_type())
GType sac_vectors_get_type(void);
SacVectors *sac_vectors_ref(SacVectors *vectors);
void sac_vectors_unref(SacVectors *vectors);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacVectors, sac_vectors_unref)

/* A snapshot of rows that are in memory, for benchmarks and tests: one video, one sample a second. Takes rows (g_malloc). */
SacVectors *sac_vectors_new_from_memory(const char *model, guint16 *rows, gsize count, gsize dimensions);

/* One row as fp32, into out[dimensions]. */
void sac_vectors_read_row(const SacVectors *vectors, gsize row, float *out);

/* fp32 → fp16, rounded to nearest even; subnormal results become zero, so that scans never meet one. And back. */
guint16 sac_half_from_float(float value);
float sac_half_to_float(guint16 half);

G_END_DECLS
