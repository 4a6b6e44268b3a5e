#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The second half of a matrix product whose depth was split: adds the splits' sums of four outputs of a row, and finishes them. */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"

layout(constant_id = 0) const uint ACTIVATION = 0;
layout(constant_id = 1) const bool BIAS = false;
layout(constant_id = 2) const bool RESIDUAL = false;
layout(constant_id = 3) const bool WIDE = true;

layout(push_constant) uniform Push { uint rows, outputs, bias_offset, residual_offset, splits; };

layout(set = 0, binding = 0) readonly buffer P { vec4 partial[]; }; /* [split][row][(outputs + 3) / 4] */

#include "linear_finish.glsl"

void
main()
{
  uint index = invocation_index(), quads = (outputs + 3) / 4;
  vec4 sum = vec4(0.0);

  if (index >= rows * quads)
    return;
  for (uint split = 0; split < splits; split++)
    sum += partial[split * rows * quads + index];
  finish(index / quads, index % quads * 4, sum);
}
