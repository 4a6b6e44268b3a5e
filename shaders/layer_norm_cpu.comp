#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * (x - mean) / sqrt(variance + epsilon) · gamma + beta for devices that are processors: a row is an invocation, so that nothing has to
 * be summed across lanes, and what is read comes by texel fetch, because there a load of storage is a loop over the lanes.
 */

layout(local_size_x_id = 2) in;

layout(constant_id = 0) const bool GAMMA = false;
layout(constant_id = 1) const bool BETA = false;

layout(push_constant) uniform Push {
  uint rows, quarters, x_offset, x_stride, gamma_offset, beta_offset; /* in vec4s */
  float epsilon;
};

layout(set = 0, binding = 0) uniform textureBuffer x;
layout(set = 0, binding = 1) uniform textureBuffer gamma;
layout(set = 0, binding = 2) uniform textureBuffer beta;
layout(set = 0, binding = 3) writeonly buffer Y { vec4 y[]; };

void
main()
{
  uint row = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  int from = int(x_offset + min(row, rows - 1) * x_stride);
  vec4 sum = vec4(0.0), squares = vec4(0.0);

  for (uint i = 0; i < quarters; i++)
    sum += texelFetch(x, from + int(i));
  float mean = (sum.x + sum.y + sum.z + sum.w) / float(quarters * 4);
  for (uint i = 0; i < quarters; i++) {
    vec4 value = texelFetch(x, from + int(i)) - mean;
    squares += value * value;
  }
  float variance = (squares.x + squares.y + squares.z + squares.w) / float(quarters * 4);
  float scale = inversesqrt(variance + epsilon);
  if (row >= rows)
    return;
  for (uint i = 0; i < quarters; i++) {
    vec4 value = (texelFetch(x, from + int(i)) - mean) * scale;
    if (GAMMA)
      value *= texelFetch(gamma, int(gamma_offset + i));
    if (BETA)
      value += texelFetch(beta, int(beta_offset + i));
    y[row * quarters + i] = value;
  }
}
