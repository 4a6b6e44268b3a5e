/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The inner loops of a scan. sac-scan-kernels.c is compiled once an instruction set, with SAC_SCAN_KERNELS as the name of the table that it
 * defines. Rows are [n][dimensions], one after the other.
 */

struct sac_scan_kernels {
  const char *name;
  /* out[i] = query · row i, in fp32. */
  void (*half)(const uint16_t *rows, size_t n, size_t dimensions, const float *query, float *out);
  /* out[i] = scales[i] · query_scale · (query · row i), the product in 32-bit integers: |query| and dimensions are such that it cannot overflow. */
  void (*quantised)(const int8_t *rows, const float *scales, size_t n, size_t dimensions, const int16_t *query,
                    float query_scale, float *out);
  /* Each row divided by its largest magnitude, times 127, rounded; scales[i] undoes it. */
  void (*quantise)(const uint16_t *rows, size_t n, size_t dimensions, int8_t *out, float *scales);
  /* Sum over words, which only serves to read them. */
  uint64_t (*read)(const uint64_t *words, size_t n);
};

extern const struct sac_scan_kernels sac_scan_kernels_baseline;
extern const struct sac_scan_kernels sac_scan_kernels_avx2;
extern const struct sac_scan_kernels sac_scan_kernels_avx512;
