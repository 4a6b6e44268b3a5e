#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The maximum or mean over a window; what lies outside the picture takes no part. */
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(constant_id = 0) const bool VECTOR = true; /* channels are whole vec4s */
layout(constant_id = 1) const bool MEAN = false;

layout(push_constant) uniform Push {
  uint batch, height, width, channels, out_height, out_width;
  uint kernel_y, kernel_x, stride_y, stride_x, top, left;
  uint x_offset;
};

layout(set = 0, binding = 0) readonly buffer X1 { float x[]; };
layout(set = 0, binding = 0) readonly buffer X4 { vec4 x4[]; };
layout(set = 0, binding = 1) writeonly buffer Y1 { float y[]; };
layout(set = 0, binding = 1) writeonly buffer Y4 { vec4 y4[]; };

void
main()
{
  uint steps = VECTOR ? channels / 4 : channels;
  uint index = invocation_index(), channel = index % steps, pixel = index / steps;
  uint out_x = pixel % out_width, out_y = pixel / out_width % out_height, n = pixel / out_width / out_height;
  vec4 value = vec4(MEAN ? 0.0 : -3.4e38);
  uint count = 0;

  if (n >= batch)
    return;
  for (uint j = 0; j < kernel_y; j++)
    for (uint i = 0; i < kernel_x; i++) {
      uint in_y = out_y * stride_y + j - top, in_x = out_x * stride_x + i - left; /* wraps round above and at the left */
      if (in_y < height && in_x < width) {
        uint at = x_offset + ((n * height + in_y) * width + in_x) * channels;
        vec4 here = VECTOR ? x4[at / 4 + channel] : vec4(x[at + channel]);
        value = MEAN ? value + here : max(value, here);
        count++;
      }
    }
  if (MEAN)
    value /= float(count);
  if (VECTOR)
    y4[index] = value;
  else
    y[index] = value.x;
}
