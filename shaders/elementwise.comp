#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * result = activation((a OPERATION b) · factor + offset), any strides; the host merges neighbouring dimensions first, so that most
 * cases have one or two. VECTOR: an invocation makes four neighbours of the last dimension, which is dense in a and the result,
 * and in b either dense or, with SPLAT, the same for all.
 */
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "activation.glsl"

layout(constant_id = 0) const uint OPERATION = 0; /* 0 copy a, 1 add, 2 multiply */
layout(constant_id = 1) const uint ACTIVATION = 0;
layout(constant_id = 2) const uint RANK = 4; /* dimensions in use, counted from the last */
layout(constant_id = 3) const bool VECTOR = true;
layout(constant_id = 4) const bool SPLAT = false;
layout(constant_id = 5) const bool SCALE = false;

layout(push_constant) uniform Push {
  uint count; /* of invocations' results */
  uint dims[3]; /* all but the first; with VECTOR the last in fours */
  uint a_strides[4], b_strides[4], y_strides[4]; /* in elements a step of the dimension */
  uint a_offset, b_offset, y_offset;
  float factor, offset;
};

layout(set = 0, binding = 0) readonly buffer A1 { float a[]; };
layout(set = 0, binding = 0) readonly buffer A4 { vec4 a4[]; };
layout(set = 0, binding = 1) readonly buffer B1 { float b[]; };
layout(set = 0, binding = 1) readonly buffer B4 { vec4 b4[]; };
layout(set = 0, binding = 2) writeonly buffer Y1 { float y[]; };
layout(set = 0, binding = 2) writeonly buffer Y4 { vec4 y4[]; };

void
main()
{
  uint rest = invocation_index();
  uint at_a = a_offset, at_b = b_offset, at_y = y_offset;

  if (rest >= count)
    return;
  for (uint i = 3; i > 4 - RANK; i--) {
    uint here = rest % dims[i - 1];
    rest /= dims[i - 1];
    at_a += here * a_strides[i];
    at_b += here * b_strides[i];
    at_y += here * y_strides[i];
  }
  at_a += rest * a_strides[4 - RANK];
  at_b += rest * b_strides[4 - RANK];
  at_y += rest * y_strides[4 - RANK];

  vec4 value = VECTOR ? a4[at_a / 4] : vec4(a[at_a]);
  if (OPERATION != 0) {
    vec4 other = VECTOR && !SPLAT ? b4[at_b / 4] : vec4(b[at_b]);
    value = OPERATION == 1 ? value + other : value * other;
  }
  if (SCALE)
    value = value * factor + offset;
  value = activate(value, ACTIVATION);
  if (VECTOR)
    y4[at_y / 4] = value;
  else
    y[at_y] = value.x;
}
