#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* y[batch, row, column] = sum over k of a[batch, row, k] · b[batch, k, column], any strides; 4 × 4 results an invocation. */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"

layout(push_constant) uniform Push {
  uint outer, inner, rows, columns, depth; /* batches are outer × inner */
  uint a_offset, a_strides[4], b_offset, b_strides[4]; /* of outer, inner, row, column */
};

layout(set = 0, binding = 0) readonly buffer A { float a[]; };
layout(set = 0, binding = 1) readonly buffer B { float b[]; };
layout(set = 0, binding = 2) writeonly buffer Y { float y[]; };

void
main()
{
  uint index = invocation_index(), across = (columns + 3) / 4, down = (rows + 3) / 4;
  uint column = index % across * 4, row = index / across % down * 4, n = index / across / down;
  vec4 sums[4] = vec4[4](vec4(0.0), vec4(0.0), vec4(0.0), vec4(0.0));

  if (n >= outer * inner)
    return;
  uint a_at = a_offset + n / inner * a_strides[0] + n % inner * a_strides[1];
  uint b_at = b_offset + n / inner * b_strides[0] + n % inner * b_strides[1];
  for (uint k = 0; k < depth; k++) {
    vec4 right;
    [[unroll]] for (uint j = 0; j < 4; j++)
      right[j] = b[b_at + k * b_strides[2] + min(column + j, columns - 1) * b_strides[3]];
    [[unroll]] for (uint i = 0; i < 4; i++)
      sums[i] = fma(vec4(a[a_at + min(row + i, rows - 1) * a_strides[2] + k * a_strides[3]]), right, sums[i]);
  }
  [[unroll]] for (uint i = 0; i < 4; i++)
    [[unroll]] for (uint j = 0; j < 4; j++)
      if (row + i < rows && column + j < columns)
        y[(n * rows + row + i) * columns + column + j] = sums[i][j];
}
