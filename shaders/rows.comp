#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What needs a whole row before it can write any of it; a workgroup makes a row. One of
 *   LAYER_NORM   (x - mean) / sqrt(variance + epsilon) · gamma + beta
 *   SOFTMAX      exp(x - maximum) / sum
 *   NORMALIZE    x / max(length, epsilon)
 */
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "reduce.glsl"

layout(constant_id = 0) const bool VECTOR = true; /* rows are whole vec4s */
layout(constant_id = 1) const bool GAMMA = false;
layout(constant_id = 2) const bool BETA = false;

layout(push_constant) uniform Push {
  uint rows, width, x_offset, x_stride, gamma_offset, beta_offset;
  float epsilon;
};

layout(set = 0, binding = 0) readonly buffer X1 { float x[]; };
layout(set = 0, binding = 0) readonly buffer X4 { vec4 x4[]; };
layout(set = 0, binding = 1) readonly buffer G1 { float gamma[]; };
layout(set = 0, binding = 1) readonly buffer G4 { vec4 gamma4[]; };
layout(set = 0, binding = 2) readonly buffer B1 { float beta[]; };
layout(set = 0, binding = 2) readonly buffer B4 { vec4 beta4[]; };
layout(set = 0, binding = 3) writeonly buffer Y1 { float y[]; };
layout(set = 0, binding = 3) writeonly buffer Y4 { vec4 y4[]; };

/* Without VECTOR a step is one element, and only .x counts. */
const uint STEP = VECTOR ? 4 : 1;

vec4
load_x(uint at)
{
  return VECTOR ? x4[at / 4] : vec4(x[at], 0.0, 0.0, 0.0);
}

float
total(vec4 value)
{
  return value.x + value.y + value.z + value.w;
}

void
store(uint at, vec4 value)
{
  if (VECTOR)
    y4[at / 4] = value;
  else
    y[at] = value.x;
}

void
main()
{
  uint row = group_index(), first = gl_LocalInvocationID.x * STEP, stride = 64 * STEP;
  uint from = x_offset + row * x_stride, to = row * width;

  if (row >= rows)
    return;
#if defined(LAYER_NORM)
  float sum = 0.0;
  for (uint i = first; i < width; i += stride)
    sum += total(load_x(from + i));
  float mean = reduce_sum(sum) / float(width), squares = 0.0;
  for (uint i = first; i < width; i += stride) {
    vec4 value = load_x(from + i) - (VECTOR ? vec4(mean) : vec4(mean, 0.0, 0.0, 0.0));
    squares += dot(value, value);
  }
  float scale = inversesqrt(reduce_sum(squares) / float(width) + epsilon);
  for (uint i = first; i < width; i += stride) {
    vec4 value = (load_x(from + i) - mean) * scale;
    if (GAMMA)
      value *= VECTOR ? gamma4[(gamma_offset + i) / 4] : vec4(gamma[gamma_offset + i]);
    if (BETA)
      value += VECTOR ? beta4[(beta_offset + i) / 4] : vec4(beta[beta_offset + i]);
    store(to + i, value);
  }
#elif defined(SOFTMAX)
  float greatest = -3.4e38;
  for (uint i = first; i < width; i += stride) {
    vec4 value = load_x(from + i);
    greatest = VECTOR ? max(max(greatest, max(value.x, value.y)), max(value.z, value.w)) : max(greatest, value.x);
  }
  greatest = reduce_max(greatest);
  float sum = 0.0;
  for (uint i = first; i < width; i += stride) {
    vec4 value = exp(load_x(from + i) - greatest);
    sum += VECTOR ? total(value) : value.x;
  }
  float scale = 1.0 / reduce_sum(sum);
  for (uint i = first; i < width; i += stride)
    store(to + i, exp(load_x(from + i) - greatest) * scale);
#else
  float squares = 0.0;
  for (uint i = first; i < width; i += stride) {
    vec4 value = load_x(from + i);
    squares += dot(value, value);
  }
  float scale = 1.0 / max(sqrt(reduce_sum(squares)), epsilon);
  for (uint i = first; i < width; i += stride)
    store(to + i, load_x(from + i) * scale);
#endif
}
