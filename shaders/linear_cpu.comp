#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * result[row, output] = activation(sum over k of x[row, k] · weight[output, k] + bias[output]) + residual[row, output]
 * for devices that are processors, where an invocation is a lane of a vector register and the workgroup is one register wide.
 *
 * Each lane keeps one row of x in every vector and one output of the weight; weight is packed
 * [outputs / (COLUMNS · LANES)][k / 4][COLUMNS][LANES] vec4. Turning the weight's lanes by exclusive or with 1 … LANES - 1 brings
 * every output before every row: such a turn by a constant is one instruction, and is shared by all rows. A sum therefore belongs
 * to the lane's row and to the output of lane ^ turn. Both operands come by texel fetch, because there a load of storage is a loop
 * over the lanes with a branch each.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "activation.glsl"

#define LANES 8

layout(local_size_x = LANES) in;

layout(constant_id = 0) const uint ROWS = 4;    /* vectors of rows */
layout(constant_id = 1) const uint COLUMNS = 4; /* vectors of outputs */
layout(constant_id = 2) const uint ACTIVATION = 0;
layout(constant_id = 3) const bool BIAS = false;
layout(constant_id = 4) const bool RESIDUAL = false;
layout(constant_id = 5) const bool WHOLE = false; /* outputs are whole blocks */

layout(push_constant) uniform Push {
  uint rows, quarters, outputs; /* of the whole product; quarters = k / 4 */
  uint x_offset, x_stride;      /* in vec4s */
  uint bias_offset, residual_offset;
  uint blocks; /* of outputs */
};

layout(set = 0, binding = 0) uniform textureBuffer x;
layout(set = 0, binding = 1) uniform textureBuffer weight;
layout(set = 0, binding = 2) readonly buffer B { float bias[]; };
layout(set = 0, binding = 3) readonly buffer R { float residual[]; };
layout(set = 0, binding = 4) writeonly buffer Y { float y[]; };

void
main()
{
  uint lane = gl_SubgroupInvocationID;
  uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  uint block = group % blocks, first_row = group / blocks * ROWS * LANES + lane;
  float sums[ROWS * COLUMNS * LANES];
  int x_at[ROWS];

  [[unroll]] for (uint i = 0; i < ROWS; i++)
    x_at[i] = int(x_offset + min(first_row + i * LANES, rows - 1) * x_stride);
  [[unroll]] for (uint j = 0; j < COLUMNS; j++) {
    uint output_index = (block * COLUMNS + j) * LANES + lane;
    float shift = BIAS ? bias[bias_offset + min(output_index, outputs - 1)] : 0.0;
    [[unroll]] for (uint turn = 0; turn < LANES; turn++) {
      float turned = BIAS ? subgroupShuffleXor(shift, turn) : 0.0;
      [[unroll]] for (uint i = 0; i < ROWS; i++)
        sums[(i * COLUMNS + j) * LANES + turn] = turned;
    }
  }
  int w_at = int(block * quarters * COLUMNS * LANES + lane);
  for (uint k = 0; k < quarters; k++) {
    vec4 values[ROWS];
    [[unroll]] for (uint i = 0; i < ROWS; i++)
      values[i] = texelFetch(x, x_at[i] + int(k));
    [[unroll]] for (uint j = 0; j < COLUMNS; j++) {
      vec4 w = texelFetch(weight, w_at + int(j * LANES));
      [[unroll]] for (uint turn = 0; turn < LANES; turn++) {
        vec4 turned = subgroupShuffleXor(w, turn);
        [[unroll]] for (uint i = 0; i < ROWS; i++)
          [[unroll]] for (uint p = 0; p < 4; p++)
            sums[(i * COLUMNS + j) * LANES + turn] += values[i][p] * turned[p];
      }
    }
    w_at += int(COLUMNS * LANES);
  }

  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    uint row = first_row + i * LANES;
    if (row < rows)
      [[unroll]] for (uint j = 0; j < COLUMNS; j++)
        [[unroll]] for (uint turn = 0; turn < LANES; turn += 4) {
          uint at = (i * COLUMNS + j) * LANES + turn;
          vec4 four = activate(vec4(sums[at], sums[at + 1], sums[at + 2], sums[at + 3]), ACTIVATION);
          [[unroll]] for (uint p = 0; p < 4; p++) {
            uint output_index = (block * COLUMNS + j) * LANES + (lane ^ (turn + p));
            if (WHOLE || output_index < outputs) {
              uint to = row * outputs + output_index;
              y[to] = four[p] + (RESIDUAL ? residual[residual_offset + to] : 0.0);
            }
          }
        }
  }
}
