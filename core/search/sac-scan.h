/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/library/sac-vectors.h"

/*
 * Cosines of a query with every row of a snapshot: exact search, no index that leaves anything out.
 *
 * Two ways, of which sac_scan_cosines takes the better:
 *   half     reads the fp16 rows as they lie in the file. The first query over new rows.
 *   quantised reads a copy in memory of 8 bits an element with a scale a row, half the bytes. A cosine is then wrong by at most
 *            scale/2 · √dimensions; sac_scanner_best computes every row again exactly that could, within that, be among the best.
 * The copy is made with the second query over a snapshot and extended with what is appended to it.
 *
 * The kernels are plain C with vector extensions, compiled once an instruction set (baseline, AVX2, AVX-512); the best that the processor has
 * is chosen when first used. Arithmetic on NEON is the baseline of aarch64.
 *
 * SacScanner is thread-safe; scans run on as many threads as there are processors, and several at once share them.
 */

G_BEGIN_DECLS

typedef struct SacScanner SacScanner;

/* n_threads 0: one a processor. */
SacScanner *sac_scanner_new(guint n_threads);
void sac_scanner_free(SacScanner *scanner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacScanner, sac_scanner_free)

typedef enum { SAC_SCAN_AUTOMATIC, SAC_SCAN_HALF, SAC_SCAN_QUANTISED } SacScanWay;

/* cosines [vectors->count] for query [dimensions] of unit length. *bytes (may be NULL): how many were read. */
void sac_scanner_cosines(SacScanner *scanner, SacVectors *vectors, const float *query, SacScanWay way, float *cosines,
                         gsize *bytes);

/* What has to be worked out once before the quantised way is fast. */
void sac_scanner_prepare(SacScanner *scanner, SacVectors *vectors);

typedef struct {
  gsize row;
  float cosine;
} SacScanHit;

/* The exact top k of a snapshot by cosine, best first; ties by row. Returns how many there are. */
gsize sac_scanner_best(SacScanner *scanner, SacVectors *vectors, const float *query, SacScanWay way, gsize k,
                       SacScanHit *hits);

/* One row's cosine in fp32 from its fp16 elements. */
float sac_scan_cosine(const SacVectors *vectors, gsize row, const float *query);

/* "AVX-512", "AVX2" or "baseline"; SACCADE_SCAN=baseline or =avx2 in the environment asks for less, for tests. */
const char *sac_scan_instruction_set(void);

/* Bytes a second that this machine reads from memory with that many threads, for a roofline: the best of a few passes over 256 MiB. */
double sac_scanner_measure_bandwidth(SacScanner *scanner);

G_END_DECLS
