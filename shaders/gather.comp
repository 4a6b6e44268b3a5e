#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * y[row] = x[row · batch_stride + ids[row] · row_stride], or zeros where ids[row] is out of range. A table too large for one binding is
 * bound in parts: each dispatch writes the rows whose id falls into its part, the first one also those of no part.
 */
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(constant_id = 0) const bool VECTOR = true;

layout(push_constant) uniform Push {
  uint rows, width, choices, first, part; /* ids first … first + part - 1 are bound */
  uint x_offset, row_stride, batch_stride, ids_offset;
};

#ifdef HALVES
layout(set = 0, binding = 0) readonly buffer X1 { uint x[]; };
layout(set = 0, binding = 0) readonly buffer X4 { uvec2 x4[]; };
#else
layout(set = 0, binding = 0) readonly buffer X1 { float x[]; };
layout(set = 0, binding = 0) readonly buffer X4 { vec4 x4[]; };
#endif
layout(set = 0, binding = 1) readonly buffer I { int ids[]; };
layout(set = 0, binding = 2) writeonly buffer Y1 { float y[]; };
layout(set = 0, binding = 2) writeonly buffer Y4 { vec4 y4[]; };

vec4
load_four(uint at)
{
#ifdef HALVES
  return vec4(unpackHalf2x16(x4[at].x), unpackHalf2x16(x4[at].y));
#else
  return x4[at];
#endif
}

float
load_one(uint at)
{
#ifdef HALVES
  return unpackHalf2x16(x[at / 2])[at % 2];
#else
  return x[at];
#endif
}

void
main()
{
  uint steps = VECTOR ? width / 4 : width;
  uint index = invocation_index(), row = index / steps, column = index % steps;

  if (row >= rows)
    return;
  uint id = uint(ids[ids_offset + row]); /* a negative one becomes too large */
  bool inside = id >= first && id - first < part;
  if (!inside && !(first == 0 && id >= choices))
    return;
  uint at = x_offset + row * batch_stride + (id - first) * row_stride;
  if (VECTOR)
    y4[index] = inside ? load_four(at / 4 + column) : vec4(0.0);
  else
    y[index] = inside ? load_one(at + column) : 0.0;
}
