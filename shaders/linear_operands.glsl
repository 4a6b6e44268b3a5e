/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the matrix products for GPUs share: how their operands lie and how a workgroup finds its tile.
 *
 *   x        rows of `width` fp32 values, x_stride apart.
 *   weight   [width, up to a multiple of 32][quads][4 outputs], zeros where there is none; the layout is the same for every tile, so
 *            that plans of different batches share it. fp32, or by a macro WEIGHT_F16 (two a word), or WEIGHT_I8 (four a word; a step
 *            of 1/127 of the output's scale). Words are unpacked by functions of GLSL itself: no feature of the device is needed.
 *
 * A workgroup makes TILE_ROWS × TILE_OUTPUTS results and goes through `width` by TILE_DEPTH, the depth of one turn. Workgroups that
 * follow each other share a tile of the weight, which is the larger operand, so that it comes from memory once. Of a product with
 * few tiles, `splits` workgroups make one tile, each from its own turns, and linear_sum.comp adds up what they leave.
 */

layout(local_size_x_id = 0) in;

layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 1) const uint ACTIVATION = 0;
layout(constant_id = 2) const bool BIAS = false;
layout(constant_id = 3) const bool RESIDUAL = false;
layout(constant_id = 4) const bool WIDE = true;
layout(constant_id = 5) const bool VECTOR = true;   /* x's rows start and end on whole vec4s */
layout(constant_id = 6) const bool PARTIAL = false; /* write sums for linear_sum.comp */
layout(constant_id = 7) const uint TILE_ROWS = 32;
layout(constant_id = 8) const uint TILE_OUTPUTS = 64;
layout(constant_id = 9) const uint TILE_DEPTH = 32; /* divides 32 */

layout(push_constant) uniform Push {
  uint rows, width, outputs;
  uint x_offset, x_stride; /* in elements */
  uint bias_offset, residual_offset;
  uint quads;              /* of outputs in a row of the packed weight: even */
  uint splits, turns;      /* turns of each split */
};

layout(set = 0, binding = 0) readonly buffer X1 { float x[]; };
layout(set = 0, binding = 0) readonly buffer X4 { vec4 x4[]; };
#if defined(WEIGHT_I8)
#define SCALED
#define QUAD uint
#elif defined(WEIGHT_F16)
#define QUAD uvec2
#else
#define QUAD vec4
#endif
layout(set = 0, binding = 1) readonly buffer W { QUAD weight[]; };

#include "linear_finish.glsl"

vec4
unpack(QUAD quad)
{
#if defined(WEIGHT_I8)
  return unpackSnorm4x8(quad);
#elif defined(WEIGHT_F16)
  return vec4(unpackHalf2x16(quad.x), unpackHalf2x16(quad.y));
#else
  return quad;
#endif
}

/* Four values of a row, zeros beyond its end; a row beyond the last is the last. */
vec4
load_x(uint row, uint k)
{
  uint at = x_offset + min(row, rows - 1) * x_stride + k;
  vec4 value = vec4(0.0);

  if (VECTOR) {
    if (k < width)
      value = x4[at / 4];
  } else {
    [[unroll]] for (uint i = 0; i < 4; i++)
      if (k + i < width)
        value[i] = x[at + i];
  }
  return value;
}

/* k is below the padded width; a quad beyond the last is the last. */
QUAD
load_weight(uint k, uint quad)
{
  return weight[k * quads + min(quad, quads - 1)];
}

struct tile {
  uint row, quad; /* its first */
  uint split, first_turn, end_turn;
};

tile
find_tile()
{
  uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  uint down = (rows + TILE_ROWS - 1) / TILE_ROWS, across = (outputs + TILE_OUTPUTS - 1) / TILE_OUTPUTS;
  tile t;

  t.row = group % down * TILE_ROWS;
  t.quad = group / down % across * (TILE_OUTPUTS / 4);
  t.split = group / down / across; /* not below splits: a workgroup too many */
  t.first_turn = t.split * turns;
  t.end_turn = min(t.first_turn + turns, (width + TILE_DEPTH - 1) / TILE_DEPTH);
  return t;
}

/* What a tile leaves behind: results, or sums [split][row][(outputs + 3) / 4] in their place. */
void
leave(tile t, uint row, uint quad, vec4 sum)
{
  if (row >= rows || quad * 4 >= outputs)
    return;
  if (PARTIAL)
    y4[(t.split * rows + row) * ((outputs + 3) / 4) + quad] = sum;
  else
    finish(row, quad * 4, sum);
}
