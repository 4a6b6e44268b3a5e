#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes a picture's windows as rows of a matrix, so that a convolution becomes a matrix product: four numbers of one window an
 * invocation, in the order [kernel y][kernel x][channel], zeros outside the picture and up to a multiple of 4.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"

layout(constant_id = 0) const bool VECTOR = true; /* channels are whole vec4s */
layout(constant_id = 1) const uint CHANNELS = 4;
layout(constant_id = 2) const uint KERNEL_X = 3;

layout(push_constant) uniform Push {
  uint batch, height, width, out_height, out_width;
  uint kernel_y, stride_y, stride_x, dilation_y, dilation_x, top, left;
  uint x_offset;
};

layout(set = 0, binding = 0) uniform textureBuffer x4; /* VECTOR */
layout(set = 0, binding = 1) readonly buffer X { float x[]; };
layout(set = 0, binding = 2) writeonly buffer Y { vec4 columns[]; };

void
main()
{
  uint width_k = kernel_y * KERNEL_X * CHANNELS, quarters = (width_k + 3) / 4;
  uint index = invocation_index(), k = index % quarters * 4, row = index / quarters;
  uint out_x = row % out_width, out_y = row / out_width % out_height, n = row / out_width / out_height;
  vec4 four = vec4(0.0);

  if (n >= batch)
    return;
  [[unroll]] for (uint i = 0; i < 4; i += VECTOR ? 4 : 1) {
    uint tap = (k + i) / CHANNELS, channel = (k + i) % CHANNELS;
    uint in_y = out_y * stride_y + tap / KERNEL_X * dilation_y - top; /* wraps round outside the picture */
    uint in_x = out_x * stride_x + tap % KERNEL_X * dilation_x - left;
    bool inside = in_y < height && in_x < width && tap < kernel_y * KERNEL_X;
    uint at = inside ? x_offset + ((n * height + in_y) * width + in_x) * CHANNELS + channel : x_offset;
    if (VECTOR)
      four = inside ? texelFetch(x4, int(at / 4)) : vec4(0.0);
    else
      four[i] = inside ? x[at] : 0.0;
  }
  columns[index] = four;
}
