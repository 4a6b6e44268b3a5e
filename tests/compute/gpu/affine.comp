/* SPDX-License-Identifier: GPL-3.0-or-later */
#version 450

/* y = factor · x + offset for the first `count` numbers; the texel buffer's first component is added at each place. */

layout(local_size_x_id = 0) in;
layout(constant_id = 1) const float factor = 1.0;

layout(set = 0, binding = 0) readonly buffer Source { float source[]; };
layout(set = 0, binding = 1) writeonly buffer Result { float result[]; };
layout(set = 0, binding = 2) uniform textureBuffer added;

layout(push_constant) uniform Push { uint count; float offset; };

void main()
{
  uint i = gl_GlobalInvocationID.x;
  if (i < count)
    result[i] = factor * source[i] + offset + texelFetch(added, 0).x;
}
