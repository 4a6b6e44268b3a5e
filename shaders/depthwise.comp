#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A convolution of each channel with itself: 4 neighbouring pixels of LINES lines × 4 channels an invocation, which loads every input
 * pixel and every weight that it needs once. weight is packed [kernel y][kernel x][channels / 4] vec4.
 *
 * TEXELS: x, weight and bias come by texel fetch, and VECTOR holds. That is for devices that are processors, where a load of storage
 * is a loop over the lanes with a branch each.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"
#include "activation.glsl"

layout(constant_id = 0) const uint ACTIVATION = 0;
layout(constant_id = 1) const bool BIAS = false;
layout(constant_id = 2) const bool RESIDUAL = false;
layout(constant_id = 3) const bool VECTOR = true; /* channels are whole vec4s */
layout(constant_id = 4) const uint KERNEL_X = 3;
layout(constant_id = 5) const uint STRIDE_X = 1;
layout(constant_id = 6) const uint DILATION_X = 1;
layout(constant_id = 7) const uint KERNEL_Y = 3;
layout(constant_id = 8) const uint STRIDE_Y = 1;
layout(constant_id = 9) const uint DILATION_Y = 1;
layout(constant_id = 10) const uint LINES = 1;

layout(push_constant) uniform Push {
  uint batch, height, width, channels, out_height, out_width;
  uint top, left;
  uint x_offset, bias_offset, residual_offset;
};

#ifdef TEXELS
layout(set = 0, binding = 0) uniform textureBuffer x4;
layout(set = 0, binding = 1) uniform textureBuffer weight;
layout(set = 0, binding = 2) uniform textureBuffer bias4;
#else
layout(set = 0, binding = 0) readonly buffer X1 { float x[]; };
layout(set = 0, binding = 0) readonly buffer X4 { vec4 x4[]; };
layout(set = 0, binding = 1) readonly buffer W { vec4 weight[]; };
layout(set = 0, binding = 2) readonly buffer B { float bias[]; };
#endif
layout(set = 0, binding = 3) readonly buffer R1 { float residual[]; };
layout(set = 0, binding = 3) readonly buffer R4 { vec4 residual4[]; };
layout(set = 0, binding = 4) writeonly buffer Y1 { float y[]; };
layout(set = 0, binding = 4) writeonly buffer Y4 { vec4 y4[]; };

const uint PIXELS = 4;
const uint COLUMNS = (PIXELS - 1) * STRIDE_X + (KERNEL_X - 1) * DILATION_X + 1;
const uint ROWS = (LINES - 1) * STRIDE_Y + (KERNEL_Y - 1) * DILATION_Y + 1;

#ifdef TEXELS
vec4
load_x(uint at, uint channel)
{
  return texelFetch(x4, int((at + channel) / 4));
}

vec4
load_weight(uint at)
{
  return texelFetch(weight, int(at));
}

vec4
load_bias(uint channel)
{
  return texelFetch(bias4, int((bias_offset + channel) / 4));
}
#else
vec4
load_x(uint at, uint channel)
{
  if (VECTOR)
    return x4[(at + channel) / 4];
  vec4 value = vec4(0.0);
  [[unroll]] for (uint i = 0; i < 4; i++)
    if (channel + i < channels)
      value[i] = x[at + channel + i];
  return value;
}

vec4
load_weight(uint at)
{
  return weight[at];
}

vec4
load_bias(uint channel)
{
  vec4 value = vec4(0.0);
  [[unroll]] for (uint i = 0; i < 4; i++)
    if (channel + i < channels)
      value[i] = bias[bias_offset + channel + i];
  return value;
}
#endif

void
main()
{
  uint quarters = (channels + 3) / 4, across = (out_width + PIXELS - 1) / PIXELS, down = (out_height + LINES - 1) / LINES;
  uint index = invocation_index(), channel = index % quarters * 4, rest = index / quarters;
  uint out_x = rest % across * PIXELS, out_y = rest / across % down * LINES, n = rest / across / down;
  vec4 sums[LINES * PIXELS], weights[KERNEL_Y * KERNEL_X];

  if (n >= batch)
    return;
  [[unroll]] for (uint i = 0; i < LINES * PIXELS; i++)
    sums[i] = vec4(0.0);
  [[unroll]] for (uint i = 0; i < KERNEL_Y * KERNEL_X; i++)
    weights[i] = load_weight(i * quarters + channel / 4);
  [[unroll]] for (uint r = 0; r < ROWS; r++) {
    uint in_y = out_y * STRIDE_Y + r - top; /* wraps round above the picture */
    vec4 columns[COLUMNS];
    [[unroll]] for (uint i = 0; i < COLUMNS; i++) {
      uint in_x = out_x * STRIDE_X + i - left;
      uint at = x_offset + ((n * height + min(in_y, height - 1)) * width + min(in_x, width - 1)) * channels;
      columns[i] = load_x(at, channel) * (in_x < width && in_y < height ? 1.0 : 0.0);
    }
    [[unroll]] for (uint line = 0; line < LINES; line++)
      [[unroll]] for (uint tap_y = 0; tap_y < KERNEL_Y; tap_y++)
        if (line * STRIDE_Y + tap_y * DILATION_Y == r)
          [[unroll]] for (uint tap_x = 0; tap_x < KERNEL_X; tap_x++)
            [[unroll]] for (uint i = 0; i < PIXELS; i++)
              sums[line * PIXELS + i] = fma(columns[i * STRIDE_X + tap_x * DILATION_X], weights[tap_y * KERNEL_X + tap_x],
                                            sums[line * PIXELS + i]);
  }
  vec4 shift = BIAS ? load_bias(channel) : vec4(0.0);
  [[unroll]] for (uint line = 0; line < LINES; line++)
    [[unroll]] for (uint i = 0; i < PIXELS; i++) {
      if (out_x + i >= out_width || out_y + line >= out_height)
        continue;
      uint to = ((n * out_height + out_y + line) * out_width + out_x + i) * channels + channel;
      vec4 value = activate(sums[line * PIXELS + i] + shift, ACTIVATION);
      if (VECTOR) {
        if (RESIDUAL)
          value += residual4[(residual_offset + to) / 4];
        y4[to / 4] = value;
      } else {
        [[unroll]] for (uint j = 0; j < 4; j++)
          if (channel + j < channels)
            y[to + j] = value[j] + (RESIDUAL ? residual[residual_offset + to + j] : 0.0);
      }
    }
}
