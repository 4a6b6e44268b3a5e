#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A convolution of any kernel, stride, padding, dilation and groups. An invocation makes 4 neighbouring pixels × 8 outputs of one
 * group. weight is packed [group][outputs / 8][kernel y][kernel x][channels / 4][4 channels][8 outputs], both of one group, with
 * zeros where they do not divide.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"
#include "activation.glsl"

layout(constant_id = 0) const uint ACTIVATION = 0;
layout(constant_id = 1) const bool BIAS = false;
layout(constant_id = 2) const bool RESIDUAL = false;
layout(constant_id = 3) const bool VECTOR = true; /* a group's channels are whole vec4s */

layout(push_constant) uniform Push {
  uint batch, height, width, out_height, out_width;
  uint groups, group_channels, group_outputs;
  uint kernel_y, kernel_x, stride_y, stride_x, dilation_y, dilation_x, top, left;
  uint x_offset, bias_offset, residual_offset;
};

layout(set = 0, binding = 0) readonly buffer X1 { float x[]; };
layout(set = 0, binding = 0) readonly buffer X4 { vec4 x4[]; };
layout(set = 0, binding = 1) readonly buffer W { vec4 weight[]; };
layout(set = 0, binding = 2) readonly buffer B { float bias[]; };
layout(set = 0, binding = 3) readonly buffer R { float residual[]; };
layout(set = 0, binding = 4) writeonly buffer Y { float y[]; };

vec4
load_x(uint at, uint channel)
{
  if (VECTOR)
    return x4[(at + channel) / 4];
  vec4 value = vec4(0.0);
  [[unroll]] for (uint i = 0; i < 4; i++)
    if (channel + i < group_channels)
      value[i] = x[at + channel + i];
  return value;
}

void
main()
{
  uint blocks = (group_outputs + 7) / 8, across = (out_width + 3) / 4;
  uint index = invocation_index(), block = index % blocks, rest = index / blocks;
  uint group = rest % groups;
  rest /= groups;
  uint out_x = rest % across * 4, out_y = rest / across % out_height, n = rest / across / out_height;
  vec4 low[4], high[4];

  if (n >= batch)
    return;
  [[unroll]] for (uint i = 0; i < 4; i++) {
    low[i] = vec4(0.0);
    high[i] = vec4(0.0);
  }
  uint channels = groups * group_channels, padded = (group_channels + 3) / 4 * 4;
  uint packed = (group * blocks + block) * kernel_y * kernel_x * padded * 2;
  for (uint tap_y = 0; tap_y < kernel_y; tap_y++) {
    uint in_y = out_y * stride_y + tap_y * dilation_y - top; /* wraps round above the picture */
    if (in_y >= height)
      continue;
    for (uint tap_x = 0; tap_x < kernel_x; tap_x++) {
      uint tap = packed + (tap_y * kernel_x + tap_x) * padded * 2;
      uint at[4];
      float inside[4];
      [[unroll]] for (uint i = 0; i < 4; i++) {
        uint in_x = (out_x + i) * stride_x + tap_x * dilation_x - left;
        inside[i] = in_x < width ? 1.0 : 0.0;
        at[i] = x_offset + ((n * height + in_y) * width + min(in_x, width - 1)) * channels + group * group_channels;
      }
      for (uint channel = 0; channel < group_channels; channel += 4) {
        vec4 w[8];
        [[unroll]] for (uint i = 0; i < 8; i++)
          w[i] = weight[tap + channel * 2 + i];
        [[unroll]] for (uint i = 0; i < 4; i++) {
          vec4 value = load_x(at[i], channel) * inside[i];
          [[unroll]] for (uint j = 0; j < 4; j++) {
            low[i] = fma(vec4(value[j]), w[2 * j], low[i]);
            high[i] = fma(vec4(value[j]), w[2 * j + 1], high[i]);
          }
        }
      }
    }
  }
  uint outputs = groups * group_outputs, first = block * 8;
  vec4 shift[2] = vec4[2](vec4(0.0), vec4(0.0));
  [[unroll]] for (uint i = 0; i < 8; i++)
    if (BIAS && first + i < group_outputs)
      shift[i / 4][i % 4] = bias[bias_offset + group * group_outputs + first + i];
  [[unroll]] for (uint i = 0; i < 4; i++) {
    if (out_x + i >= out_width)
      continue;
    uint to = ((n * out_height + out_y) * out_width + out_x + i) * outputs + group * group_outputs + first;
    vec4 sums[2] = vec4[2](activate(low[i] + shift[0], ACTIVATION), activate(high[i] + shift[1], ACTIVATION));
    [[unroll]] for (uint j = 0; j < 8; j++)
      if (first + j < group_outputs)
        y[to + j] = sums[j / 4][j % 4] + (RESIDUAL ? residual[residual_offset + to + j] : 0.0);
  }
}
