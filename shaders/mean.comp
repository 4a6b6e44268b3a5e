#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* y[n, column] = the mean of x[n, 0 … length - 1, column]. */
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(constant_id = 0) const bool VECTOR = true;
layout(constant_id = 1) const bool LENGTHS = false;

layout(push_constant) uniform Push {
  uint batch, tokens, width, x_offset, row_stride, batch_stride, lengths_offset;
};

layout(set = 0, binding = 0) readonly buffer X1 { float x[]; };
layout(set = 0, binding = 0) readonly buffer X4 { vec4 x4[]; };
layout(set = 0, binding = 1) readonly buffer L { int lengths[]; };
layout(set = 0, binding = 2) writeonly buffer Y1 { float y[]; };
layout(set = 0, binding = 2) writeonly buffer Y4 { vec4 y4[]; };

void
main()
{
  uint steps = VECTOR ? width / 4 : width;
  uint index = invocation_index(), n = index / steps, column = index % steps;
  vec4 sum = vec4(0.0);

  if (n >= batch)
    return;
  uint count = LENGTHS ? uint(clamp(lengths[lengths_offset + n], 1, int(tokens))) : tokens;
  uint at = x_offset + n * batch_stride + (VECTOR ? column * 4 : column);
  for (uint i = 0; i < count; i++, at += row_stride)
    sum += VECTOR ? x4[at / 4] : vec4(x[at]);
  sum /= float(count);
  if (VECTOR)
    y4[index] = sum;
  else
    y[index] = sum.x;
}
