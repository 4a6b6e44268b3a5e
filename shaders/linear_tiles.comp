#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * result[row, output] = activation(sum over k of x[row, k] · weight[output, k] + bias[output]) + residual[row, output]
 * for GPUs: tiles of both operands in shared memory, THREAD_ROWS × THREAD_QUADS·4 sums of each invocation in registers (the scheme of
 * Volkov and Demmel 2008). What the next turn needs is on its way from memory while this turn's products are made.
 *
 * An invocation's rows lie DOWN apart and its quads ACROSS, so that neighbours read neighbouring words of shared memory. Rows of x are
 * padded by a vec4: those that a subgroup reads together then lie in different banks. Products and sums are in fp32 whatever the
 * weight is stored as.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "linear_operands.glsl"

layout(constant_id = 10) const uint THREAD_ROWS = 4;
layout(constant_id = 11) const uint THREAD_QUADS = 1;

const uint QUADS = TILE_OUTPUTS / 4, DEEP = TILE_DEPTH / 4;
const uint DOWN = TILE_ROWS / THREAD_ROWS, ACROSS = QUADS / THREAD_QUADS; /* DOWN · ACROSS is THREADS */
const uint X_STRIDE = DEEP + 1;
const uint X_LOADS = (TILE_ROWS * DEEP + THREADS - 1) / THREADS, W_LOADS = (TILE_DEPTH * QUADS + THREADS - 1) / THREADS;

shared vec4 xs[TILE_ROWS * X_STRIDE]; /* [row][k / 4] */
shared vec4 ws[TILE_DEPTH * QUADS];   /* [k][quad] */

vec4 next_x[X_LOADS];
QUAD next_w[W_LOADS];

void
load_turn(tile t, uint turn)
{
  [[unroll]] for (uint i = 0; i < X_LOADS; i++) {
    uint at = i * THREADS + gl_LocalInvocationID.x;
    if (TILE_ROWS * DEEP % THREADS == 0 || at < TILE_ROWS * DEEP)
      next_x[i] = load_x(t.row + at / DEEP, turn * TILE_DEPTH + at % DEEP * 4);
  }
  [[unroll]] for (uint i = 0; i < W_LOADS; i++) {
    uint at = i * THREADS + gl_LocalInvocationID.x;
    if (TILE_DEPTH * QUADS % THREADS == 0 || at < TILE_DEPTH * QUADS)
      next_w[i] = load_weight(turn * TILE_DEPTH + at / QUADS, t.quad + at % QUADS);
  }
}

void
share_turn()
{
  [[unroll]] for (uint i = 0; i < X_LOADS; i++) {
    uint at = i * THREADS + gl_LocalInvocationID.x;
    if (TILE_ROWS * DEEP % THREADS == 0 || at < TILE_ROWS * DEEP)
      xs[at / DEEP * X_STRIDE + at % DEEP] = next_x[i];
  }
  [[unroll]] for (uint i = 0; i < W_LOADS; i++) {
    uint at = i * THREADS + gl_LocalInvocationID.x;
    if (TILE_DEPTH * QUADS % THREADS == 0 || at < TILE_DEPTH * QUADS)
      ws[at] = unpack(next_w[i]);
  }
}

void
main()
{
  tile t = find_tile();
  uint across = gl_LocalInvocationID.x % ACROSS, down = gl_LocalInvocationID.x / ACROSS;
  vec4 sums[THREAD_ROWS * THREAD_QUADS];

  if (t.split >= splits)
    return;
  [[unroll]] for (uint i = 0; i < THREAD_ROWS * THREAD_QUADS; i++)
    sums[i] = vec4(0.0);
  if (t.first_turn < t.end_turn)
    load_turn(t, t.first_turn);
  for (uint turn = t.first_turn; turn < t.end_turn; turn++) {
    barrier();
    share_turn();
    barrier();
    if (turn + 1 < t.end_turn)
      load_turn(t, turn + 1);
    for (uint k = 0; k < DEEP; k++) {
      vec4 values[THREAD_ROWS];
      [[unroll]] for (uint i = 0; i < THREAD_ROWS; i++)
        values[i] = xs[(down + i * DOWN) * X_STRIDE + k];
      [[unroll]] for (uint p = 0; p < 4; p++)
        [[unroll]] for (uint j = 0; j < THREAD_QUADS; j++) {
          vec4 w = ws[(k * 4 + p) * QUADS + across + j * ACROSS];
          [[unroll]] for (uint i = 0; i < THREAD_ROWS; i++)
            sums[i * THREAD_QUADS + j] = fma(vec4(values[i][p]), w, sums[i * THREAD_QUADS + j]);
        }
    }
  }
  [[unroll]] for (uint i = 0; i < THREAD_ROWS; i++)
    [[unroll]] for (uint j = 0; j < THREAD_QUADS; j++)
      leave(t, t.row + down + i * DOWN, t.quad + across + j * ACROSS, sums[i * THREAD_QUADS + j]);
}
