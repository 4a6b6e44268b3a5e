#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * result[row, output] = activation(sum over k of x[row, k] · weight[output, k] + bias[output]) + residual[row, output]
 * for devices that are processors, where an invocation is a lane of a vector register and the workgroup is one register wide.
 *
 * Each lane keeps one row of x in every vector and one output of the weight; weight is packed
 * [outputs / (COLUMNS · LANES)][k / 4][COLUMNS][LANES] vec4. Turning lanes by exclusive or with a constant is one instruction.
 * The weight is turned by 0 … 3 and x by 0, 4, 8 …, together by 0 … LANES - 1: every output meets every row by few turns. A sum
 * belongs to the row of lane ^ coarse and the output of lane ^ fine.
 *
 * Both operands come by texel fetch, because there a load of storage is a loop over the lanes, and so that the weight may be of floats,
 * half floats or bytes. STEP texels of a row are fetched
 * together, a line of the cache, before rows that lie a multiple of a page apart push each other out.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "activation.glsl"

layout(local_size_x_id = 5) in;

layout(constant_id = 0) const uint ROWS = 2;    /* vectors of rows */
layout(constant_id = 1) const uint COLUMNS = 2; /* vectors of outputs */
layout(constant_id = 2) const uint ACTIVATION = 0;
layout(constant_id = 3) const bool BIAS = false;
layout(constant_id = 4) const bool RESIDUAL = false;
layout(constant_id = 5) const uint LANES = 8;
layout(constant_id = 6) const uint STEP = 1; /* quarters a turn of the loop; divides them */
layout(constant_id = 7) const bool SCALED = false; /* an output's weights are in parts of its scale */

#define FINE 4              /* turns of the weight: by 0 … 3 */
#define COARSE (LANES / 4)  /* turns of x: by 0, 4, 8 … */

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
layout(set = 0, binding = 5) readonly buffer S { float scales[]; };

/* Of this lane's output of a column. */
float
scale_of(uint block, uint column)
{
  return SCALED ? scales[min((block * COLUMNS + column) * LANES + gl_SubgroupInvocationID, outputs - 1)] : 1.0;
}

void
main()
{
  uint lane = gl_SubgroupInvocationID;
  uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  uint block = group % blocks, first_row = group / blocks * ROWS * LANES;
  float sums[ROWS * COLUMNS * LANES]; /* [row][column][turn of x][turn of the weight] */
  int x_at[ROWS];

  [[unroll]] for (uint i = 0; i < ROWS; i++)
    x_at[i] = int(x_offset + min(first_row + i * LANES + lane, rows - 1) * x_stride);
  [[unroll]] for (uint j = 0; j < COLUMNS; j++) {
    float shift = BIAS ? bias[bias_offset + min((block * COLUMNS + j) * LANES + lane, outputs - 1)] / scale_of(block, j) : 0.0;
    [[unroll]] for (uint fine = 0; fine < FINE; fine++) {
      float turned = BIAS ? subgroupShuffleXor(shift, fine) : 0.0;
      [[unroll]] for (uint i = 0; i < ROWS; i++)
        [[unroll]] for (uint coarse = 0; coarse < COARSE; coarse++)
          sums[((i * COLUMNS + j) * COARSE + coarse) * FINE + fine] = turned;
    }
  }
  int w_at = int(block * quarters * COLUMNS * LANES + lane);
  for (uint k = 0; k < quarters; k += STEP) {
    vec4 values[STEP * ROWS * COARSE];
    [[unroll]] for (uint i = 0; i < ROWS; i++)
      [[unroll]] for (uint step = 0; step < STEP; step++) {
        vec4 value = texelFetch(x, x_at[i] + int(k + step));
        [[unroll]] for (uint coarse = 0; coarse < COARSE; coarse++)
          values[(step * ROWS + i) * COARSE + coarse] = subgroupShuffleXor(value, 4 * coarse);
      }
    [[unroll]] for (uint step = 0; step < STEP; step++) {
      [[unroll]] for (uint j = 0; j < COLUMNS; j++) {
        vec4 w = texelFetch(weight, w_at + int(j * LANES));
        [[unroll]] for (uint fine = 0; fine < FINE; fine++) {
          vec4 turned = subgroupShuffleXor(w, fine);
          [[unroll]] for (uint i = 0; i < ROWS; i++)
            [[unroll]] for (uint coarse = 0; coarse < COARSE; coarse++)
              [[unroll]] for (uint p = 0; p < 4; p++)
                sums[((i * COLUMNS + j) * COARSE + coarse) * FINE + fine] +=
                    values[(step * ROWS + i) * COARSE + coarse][p] * turned[p];
        }
      }
      w_at += int(COLUMNS * LANES);
    }
  }

  vec4 factors[COLUMNS];
  [[unroll]] for (uint j = 0; j < COLUMNS; j++)
    if (SCALED) {
      float scale = scale_of(block, j);
      [[unroll]] for (uint fine = 0; fine < FINE; fine++)
        factors[j][fine] = subgroupShuffleXor(scale, fine);
    }
  [[unroll]] for (uint i = 0; i < ROWS; i++)
    [[unroll]] for (uint coarse = 0; coarse < COARSE; coarse++) {
      uint row = first_row + i * LANES + (lane ^ (4 * coarse));
      if (row < rows)
        [[unroll]] for (uint j = 0; j < COLUMNS; j++) {
          uint at = ((i * COLUMNS + j) * COARSE + coarse) * FINE;
          vec4 four = vec4(sums[at], sums[at + 1], sums[at + 2], sums[at + 3]);
          if (SCALED)
            four *= factors[j];
          four = activate(four, ACTIVATION);
          [[unroll]] for (uint fine = 0; fine < FINE; fine++) {
            uint output_index = (block * COLUMNS + j) * LANES + (lane ^ fine);
            if (output_index < outputs) {
              uint to = row * outputs + output_index;
              y[to] = four[fine] + (RESIDUAL ? residual[residual_offset + to] : 0.0);
            }
          }
        }
    }
}
