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

layout(set = 0, binding = 0) readonly buffer X1 { float x[]; };
layout(set = 0, binding = 0) readonly buffer X4 { vec4 x4[]; };
layout(set = 0, binding = 1) readonly buffer I { int ids[]; };
layout(set = 0, binding = 2) writeonly buffer Y1 { float y[]; };
layout(set = 0, binding = 2) writeonly buffer Y4 { vec4 y4[]; };

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
    y4[index] = inside ? x4[at / 4 + column] : vec4(0.0);
  else
    y[index] = inside ? x[at + column] : 0.0;
}
