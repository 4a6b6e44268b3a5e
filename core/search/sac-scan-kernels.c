/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/search/sac-scan-kernels.h"

#include <string.h>

#ifdef __F16C__
#include <immintrin.h>
#endif

/* As wide as the widest registers; a compiler for narrower ones splits it. */
#define LANES 16
typedef float f32xN __attribute__((vector_size(4 * LANES)));
typedef uint32_t u32xN __attribute__((vector_size(4 * LANES)));
#ifndef __F16C__
typedef uint16_t u16xN __attribute__((vector_size(2 * LANES)));
#endif
typedef int32_t i32xN __attribute__((vector_size(4 * LANES)));

static inline f32xN
load_floats(const float *from)
{
  f32xN lanes;
  memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

#ifdef __F16C__
static inline f32xN
load_halves(const uint16_t *from)
{
  union {
    __m256 parts[LANES / 8];
    f32xN lanes;
  } value;
  for (int i = 0; i < LANES / 8; i++)
    value.parts[i] = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(from + 8 * i)));
  return value.lanes;
}
#else
/* Half to single: the exponent and fraction shifted into place, then multiplied by 2^112 to move the exponent's bias. */
static inline f32xN
load_halves(const uint16_t *from)
{
  u16xN halves;
  memcpy(&halves, from, sizeof halves);
  u32xN wide = __builtin_convertvector(halves, u32xN);
  u32xN magnitude = (wide & 0x7fff) << 13, sign = (wide & 0x8000) << 16;
  f32xN value = (f32xN)magnitude * 0x1p112f;
  return (f32xN)((u32xN)value | sign);
}
#endif

static inline float
half_to_float(uint16_t half)
{
  union {
    uint32_t u;
    float f;
  } value = { .u = (uint32_t)(half & 0x7fff) << 13 };
  value.f *= 0x1p112f;
  value.u |= (uint32_t)(half & 0x8000) << 16;
  return value.f;
}

static inline float
sum_lanes(f32xN lanes)
{
  float sum = 0;
  for (int i = 0; i < LANES; i++)
    sum += lanes[i];
  return sum;
}

static void
scan_half(const uint16_t *rows, size_t n, size_t dimensions, const float *query, float *out)
{
  size_t whole = dimensions - dimensions % (2 * LANES);
  for (size_t i = 0; i < n; i++, rows += dimensions) {
    f32xN sum0 = { 0 }, sum1 = { 0 };
    for (size_t j = 0; j < whole; j += 2 * LANES) {
      sum0 += load_halves(rows + j) * load_floats(query + j);
      sum1 += load_halves(rows + j + LANES) * load_floats(query + j + LANES);
    }
    float sum = sum_lanes(sum0 + sum1);
    for (size_t j = whole; j < dimensions; j++)
      sum += half_to_float(rows[j]) * query[j];
    out[i] = sum;
  }
}

/* Written as the loop that every compiler knows as a dot product of 16-bit integers: a widening load and one multiply-add of pairs. */
static void
scan_quantised(const int8_t *rows, const float *scales, size_t n, size_t dimensions, const int16_t *restrict query,
               float query_scale, float *out)
{
  for (size_t i = 0; i < n; i++) {
    const int8_t *restrict row = rows + i * dimensions;
    int32_t sum = 0;
    for (size_t j = 0; j < dimensions; j++)
      sum += (int16_t)row[j] * query[j];
    out[i] = (float)sum * (scales[i] * query_scale);
  }
}

static void
quantise(const uint16_t *rows, size_t n, size_t dimensions, int8_t *out, float *scales)
{
  size_t whole = dimensions - dimensions % LANES;
  for (size_t i = 0; i < n; i++, rows += dimensions, out += dimensions) {
    /* Halves without their sign order as integers do. */
    uint16_t largest_bits = 0;
    for (size_t j = 0; j < dimensions; j++) {
      uint16_t magnitude = rows[j] & 0x7fff;
      largest_bits = magnitude > largest_bits ? magnitude : largest_bits;
    }
    float largest = half_to_float(largest_bits);
    float factor = largest > 0 ? 127.0f / largest : 0.0f;
    scales[i] = largest / 127.0f;
    for (size_t j = 0; j < whole; j += LANES) {
      f32xN scaled = load_halves(rows + j) * factor;
      /* Rounded half away from zero: half with the value's sign is added before the fraction is cut off. */
      u32xN half = ((u32xN)scaled & 0x80000000u) | 0x3f000000u;
      i32xN whole_numbers = __builtin_convertvector(scaled + (f32xN)half, i32xN);
      typedef int8_t i8xN __attribute__((vector_size(LANES)));
      i8xN bytes = __builtin_convertvector(whole_numbers, i8xN);
      memcpy(out + j, &bytes, sizeof bytes);
    }
    for (size_t j = whole; j < dimensions; j++) {
      float scaled = half_to_float(rows[j]) * factor;
      out[j] = (int8_t)(scaled + (scaled < 0 ? -0.5f : 0.5f));
    }
  }
}

static uint64_t
read_words(const uint64_t *words, size_t n)
{
  uint64_t sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += words[i];
  return sum;
}

const struct sac_scan_kernels SAC_SCAN_KERNELS = {
  .name = SAC_SCAN_NAME,
  .half = scan_half,
  .quantised = scan_quantised,
  .quantise = quantise,
  .read = read_words,
};
