#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * result[row, output] = activation(sum over k of x[row, k] · weight[output, k] + bias[output]) + residual[row, output]
 * for GPUs with matrix units: as linear_tiles.comp, but tiles lie in shared memory as halves and a subgroup makes PART_ROWS ×
 * PART_OUTPUTS of a tile as matrices (cooperative.glsl). Sums are in fp32; x is rounded to half precision on its way into shared memory.
 *
 *     xs: TILE_ROWS rows of TILE_DEPTH halves      ws: TILE_DEPTH rows of TILE_OUTPUTS halves
 *
 *         ┌ k ────────┐ ┐ PART_ROWS, in              ┌ output ──────────┐ ┐ TILE_DEPTH, in
 *         │ M×K │ M×K │ │ matrices of M rows         │ K×N │ K×N │ K×N  │ │ matrices of K rows
 *         └───────────┘ ┘                            └──────────────────┘ ┘
 *
 * Rows are padded by one word of eight halves, 16 bytes: eight rows that are read together then begin in different banks. The sums go
 * through `stage`, of each subgroup its own M×N, so that the end (bias, activation, residual, bounds) is that of every other kernel.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "linear_operands.glsl"

layout(constant_id = 10) const uint LANES = 32; /* of a subgroup */
layout(constant_id = 11) const uint MATRIX_M = 16;
layout(constant_id = 12) const uint MATRIX_N = 16;
layout(constant_id = 13) const uint MATRIX_K = 16;
layout(constant_id = 14) const uint PART_ROWS = 32;
layout(constant_id = 15) const uint PART_OUTPUTS = 32;

const uint DEEP = TILE_DEPTH / 8, WIDTH = TILE_OUTPUTS / 8; /* words of a row */
const uint X_STRIDE = DEEP + 1, W_STRIDE = WIDTH + 1, STAGE_STRIDE = MATRIX_N + 4;
const uint ACROSS = TILE_OUTPUTS / PART_OUTPUTS, SUBGROUPS = TILE_ROWS / PART_ROWS * ACROSS; /* THREADS / LANES */
const uint DOWN_MATRICES = PART_ROWS / MATRIX_M, ACROSS_MATRICES = PART_OUTPUTS / MATRIX_N;
const uint MATRIX_COUNT = DOWN_MATRICES * ACROSS_MATRICES;
const uint X_WORDS = TILE_ROWS * DEEP, W_WORDS = TILE_DEPTH * WIDTH;
const uint X_LOADS = (X_WORDS + THREADS - 1) / THREADS, W_LOADS = (W_WORDS + THREADS - 1) / THREADS;

shared uvec4 xs[TILE_ROWS * X_STRIDE];
shared uvec4 ws[TILE_DEPTH * W_STRIDE];
shared float stage[SUBGROUPS * MATRIX_M * STAGE_STRIDE];

#include "cooperative.glsl"

vec4 next_x[2 * X_LOADS];
QUAD next_w[2 * W_LOADS];

void
load_turn(tile t, uint turn)
{
  [[unroll]] for (uint i = 0; i < X_LOADS; i++) {
    uint at = i * THREADS + gl_LocalInvocationID.x;
    if (X_WORDS % THREADS == 0 || at < X_WORDS)
      [[unroll]] for (uint j = 0; j < 2; j++)
        next_x[2 * i + j] = load_x(t.row + at / DEEP, turn * TILE_DEPTH + at % DEEP * 8 + 4 * j);
  }
  [[unroll]] for (uint i = 0; i < W_LOADS; i++) {
    uint at = i * THREADS + gl_LocalInvocationID.x;
    if (W_WORDS % THREADS == 0 || at < W_WORDS)
      [[unroll]] for (uint j = 0; j < 2; j++)
        next_w[2 * i + j] = load_weight(turn * TILE_DEPTH + at / WIDTH, t.quad + at % WIDTH * 2 + j);
  }
}

/* What is larger than any half becomes the greatest. */
uvec2
halves(vec4 value)
{
  value = clamp(value, -65504.0, 65504.0);
  return uvec2(packHalf2x16(value.xy), packHalf2x16(value.zw));
}

uvec2
halves_of(QUAD quad)
{
#if defined(WEIGHT_F16)
  return quad;
#else
  return halves(unpack(quad));
#endif
}

void
share_turn()
{
  [[unroll]] for (uint i = 0; i < X_LOADS; i++) {
    uint at = i * THREADS + gl_LocalInvocationID.x;
    if (X_WORDS % THREADS == 0 || at < X_WORDS)
      xs[at / DEEP * X_STRIDE + at % DEEP] = uvec4(halves(next_x[2 * i]), halves(next_x[2 * i + 1]));
  }
  [[unroll]] for (uint i = 0; i < W_LOADS; i++) {
    uint at = i * THREADS + gl_LocalInvocationID.x;
    if (W_WORDS % THREADS == 0 || at < W_WORDS)
      ws[at / WIDTH * W_STRIDE + at % WIDTH] = uvec4(halves_of(next_w[2 * i]), halves_of(next_w[2 * i + 1]));
  }
}

void
main()
{
  tile t = find_tile();
  uint part_row = gl_SubgroupID / ACROSS * PART_ROWS, part_output = gl_SubgroupID % ACROSS * PART_OUTPUTS;
  MATRIX_SUMS(MATRIX_COUNT);

  if (t.split >= splits)
    return;
  UNROLL for (uint i = 0; i < MATRIX_COUNT; i++)
    matrix_clear(i);
  if (t.first_turn < t.end_turn)
    load_turn(t, t.first_turn);
  for (uint turn = t.first_turn; turn < t.end_turn; turn++) {
    barrier();
    share_turn();
    barrier();
    if (turn + 1 < t.end_turn)
      load_turn(t, turn + 1);
    UNROLL for (uint k = 0; k < TILE_DEPTH; k += MATRIX_K) {
      MATRIX_X values[DOWN_MATRICES];
      UNROLL for (uint i = 0; i < DOWN_MATRICES; i++)
        matrix_load_x(values[i], (part_row + i * MATRIX_M) * X_STRIDE + k / 8);
      UNROLL for (uint j = 0; j < ACROSS_MATRICES; j++) {
        MATRIX_W w;
        matrix_load_w(w, k * W_STRIDE + (part_output + j * MATRIX_N) / 8);
        UNROLL for (uint i = 0; i < DOWN_MATRICES; i++)
          matrix_multiply(i * ACROSS_MATRICES + j, values[i], w);
      }
    }
  }

  uint mine = gl_SubgroupID * MATRIX_M * STAGE_STRIDE;
  UNROLL for (uint i = 0; i < DOWN_MATRICES; i++)
    UNROLL for (uint j = 0; j < ACROSS_MATRICES; j++) {
      matrix_store(i * ACROSS_MATRICES + j, mine);
      subgroupBarrier();
      for (uint at = gl_SubgroupInvocationID; at < MATRIX_M * MATRIX_N / 4; at += LANES) {
        uint row = at / (MATRIX_N / 4), quad = at % (MATRIX_N / 4), from = mine + row * STAGE_STRIDE + quad * 4;
        leave(t, t.row + part_row + i * MATRIX_M + row, t.quad + (part_output + j * MATRIX_N) / 4 + quad,
              vec4(stage[from], stage[from + 1], stage[from + 2], stage[from + 3]));
      }
      subgroupBarrier();
    }
}
