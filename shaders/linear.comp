#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * result[row, output] = activation(sum over k of x[row, k] · weight[output, k] + bias[output]) + residual[row, output]
 *
 * An invocation makes ROWS × 8 results in registers. weight is packed [outputs / 8][k / 4][4 of k][8 outputs], with zeros where
 * outputs or k do not divide. VECTOR: x's rows start and end on whole vec4s; WIDE: the result's rows do.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"

layout(constant_id = 0) const uint ROWS = 8;
layout(constant_id = 1) const uint ACTIVATION = 0;
layout(constant_id = 2) const bool BIAS = false;
layout(constant_id = 3) const bool RESIDUAL = false;
layout(constant_id = 4) const bool VECTOR = true;
layout(constant_id = 5) const bool WIDE = true;

layout(push_constant) uniform Push {
  uint rows, width, outputs;     /* of the whole product */
  uint x_offset, x_stride;       /* in elements */
  uint bias_offset, residual_offset;
  uint first_block, blocks;      /* blocks of 8 outputs that this dispatch makes; weight starts at the first */
};

layout(set = 0, binding = 0) readonly buffer X1 { float x[]; };
layout(set = 0, binding = 0) readonly buffer X4 { vec4 x4[]; };
layout(set = 0, binding = 1) readonly buffer W { vec4 weight[]; };
#include "linear_finish.glsl"

vec4
load_x(uint at, uint k)
{
  if (VECTOR)
    return x4[(at + k) / 4];
  vec4 value = vec4(0.0);
  [[unroll]] for (uint i = 0; i < 4; i++)
    if (k + i < width)
      value[i] = x[at + k + i];
  return value;
}

void
main()
{
  uint index = invocation_index();
  uint block = index % blocks, row = index / blocks * ROWS;
  vec4 low[ROWS], high[ROWS];
  uint at[ROWS];

  if (row >= rows)
    return;
  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    low[i] = vec4(0.0);
    high[i] = vec4(0.0);
    at[i] = x_offset + min(row + i, rows - 1) * x_stride;
  }
  uint packed = block * ((width + 3) / 4) * 8;
  for (uint k = 0; k < width; k += 4) {
    vec4 w[8];
    [[unroll]] for (uint i = 0; i < 8; i++)
      w[i] = weight[packed + k * 2 + i];
    [[unroll]] for (uint i = 0; i < ROWS; i++) {
      vec4 value = load_x(at[i], k);
      [[unroll]] for (uint j = 0; j < 4; j++) {
        low[i] = fma(vec4(value[j]), w[2 * j], low[i]);
        high[i] = fma(vec4(value[j]), w[2 * j + 1], high[i]);
      }
    }
  }
  uint first = (first_block + block) * 8;
  [[unroll]] for (uint i = 0; i < ROWS; i++)
    if (row + i < rows) {
      finish(row + i, first, low[i]);
      finish(row + i, first + 4, high[i]);
    }
}
