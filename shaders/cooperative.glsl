/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Matrices that a subgroup holds together, of MATRIX_M × MATRIX_K and MATRIX_K × MATRIX_N halves and MATRIX_M × MATRIX_N floats, in
 * three spellings: COOPERATIVE_KHR, COOPERATIVE_NV, or neither: the same by plain code, so that all that surrounds them can be run and
 * tested on any device. Who includes it has declared LANES, MATRIX_COUNT (sums that a subgroup keeps) and, in shared memory,
 *
 *   uvec4 xs[]    rows of halves, eight a word, X_STRIDE words apart
 *   uvec4 ws[]    rows of halves, eight a word, W_STRIDE words apart
 *   float stage[] rows of floats, STAGE_STRIDE floats apart
 *
 * Everything is row-major. `at` is where a matrix begins, in words of its array, which makes it a multiple of 16 bytes, as the strides
 * are: what both extensions ask of pointers and strides.
 *
 * What a subgroup sums up is called by its number: MATRIX_SUMS(count) declares them in main(), where they all live.
 *
 *   matrix_clear(i)           sum i = 0
 *   matrix_load_x(x, at)      x[m, k] = xs at row m, half k
 *   matrix_load_w(w, at)      w[k, n] = ws at row k, half n
 *   matrix_multiply(i, x, w)  sum i += x · w, products and sums in fp32
 *   matrix_store(i, at)       stage at row m, float n = sum i [m, n]
 */
#extension GL_KHR_shader_subgroup_basic : require
#if defined(COOPERATIVE_KHR)
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require

#define MATRIX_X coopmat<float16_t, gl_ScopeSubgroup, MATRIX_M, MATRIX_K, gl_MatrixUseA>
#define MATRIX_W coopmat<float16_t, gl_ScopeSubgroup, MATRIX_K, MATRIX_N, gl_MatrixUseB>
#define MATRIX_SUM coopmat<float, gl_ScopeSubgroup, MATRIX_M, MATRIX_N, gl_MatrixUseAccumulator>
#define MATRIX_SUMS(count) MATRIX_SUM sums[count]
#define matrix_clear(i) sums[i] = MATRIX_SUM(0.0)
#define matrix_load_x(x, at) coopMatLoad(x, xs, at, X_STRIDE, gl_CooperativeMatrixLayoutRowMajor)
#define matrix_load_w(w, at) coopMatLoad(w, ws, at, W_STRIDE, gl_CooperativeMatrixLayoutRowMajor)
#define matrix_multiply(i, x, w) sums[i] = coopMatMulAdd(x, w, sums[i])
#define matrix_store(i, at) coopMatStore(sums[i], stage, at, STAGE_STRIDE, gl_CooperativeMatrixLayoutRowMajor)
#define UNROLL [[unroll]]

#elif defined(COOPERATIVE_NV)
#extension GL_NV_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require

#define MATRIX_X fcoopmatNV<16, gl_ScopeSubgroup, MATRIX_M, MATRIX_K>
#define MATRIX_W fcoopmatNV<16, gl_ScopeSubgroup, MATRIX_K, MATRIX_N>
#define MATRIX_SUM fcoopmatNV<32, gl_ScopeSubgroup, MATRIX_M, MATRIX_N>
#define MATRIX_SUMS(count) MATRIX_SUM sums[count]
#define matrix_clear(i) sums[i] = MATRIX_SUM(0.0)
#define matrix_load_x(x, at) coopMatLoadNV(x, xs, at, X_STRIDE, false)
#define matrix_load_w(w, at) coopMatLoadNV(w, ws, at, W_STRIDE, false)
#define matrix_multiply(i, x, w) sums[i] = coopMatMulAddNV(x, w, sums[i])
#define matrix_store(i, at) coopMatStoreNV(sums[i], stage, at, STAGE_STRIDE, false)
#define UNROLL [[unroll]]

#else
/* An operand is where it lies; invocation i of the subgroup holds elements i, i + LANES … of each sum. Loops are not unrolled and
   their ends (unknown()) are not for the compiler to see: drivers in software would compile for minutes. */
#define MATRIX_X uint
#define MATRIX_W uint
#define MATRIX_SUMS(count)
#define matrix_load_x(x, at) x = (at)
#define matrix_load_w(w, at) w = (at)
#define UNROLL

const uint ELEMENTS = MATRIX_M * MATRIX_N / LANES;
float elements[MATRIX_COUNT * ELEMENTS];

uint
unknown(uint number)
{
  return splits > 0 ? number : 0;
}

float
half_of(uvec4 word, uint i)
{
  return unpackHalf2x16(word[i / 2])[i % 2];
}

void
matrix_clear(uint sum)
{
  for (uint i = 0; i < unknown(ELEMENTS); i++)
    elements[sum * ELEMENTS + i] = 0.0;
}

void
matrix_multiply(uint sum, uint x, uint w)
{
  for (uint i = 0; i < unknown(ELEMENTS); i++) {
    uint at = i * LANES + gl_SubgroupInvocationID, m = at / MATRIX_N, n = at % MATRIX_N;
    float total = elements[sum * ELEMENTS + i];
    for (uint k = 0; k < unknown(MATRIX_K); k++)
      total += half_of(xs[x + m * X_STRIDE + k / 8], k % 8) * half_of(ws[w + k * W_STRIDE + n / 8], n % 8);
    elements[sum * ELEMENTS + i] = total;
  }
}

void
matrix_store(uint sum, uint to)
{
  for (uint i = 0; i < unknown(ELEMENTS); i++) {
    uint at = i * LANES + gl_SubgroupInvocationID;
    stage[to + at / MATRIX_N * STAGE_STRIDE + at % MATRIX_N] = elements[sum * ELEMENTS + i];
  }
}
#endif
