#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Multiplies and adds in registers, nothing else: 6 independent vec4s, 8 times a turn, which is 384 operations an invocation and turn.
 * The result is written only where it is a value that it does not take, so that no compiler leaves the work out.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"

layout(push_constant) uniform Push {
  float factor, summand;
  uint turns;
};

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };

#define CHAINS 6

void
main()
{
  vec4 sums[CHAINS];

  [[unroll]] for (uint i = 0; i < CHAINS; i++)
    sums[i] = vec4(float(invocation_index() + i)) + vec4(0.0, 1.0, 2.0, 3.0);
  for (uint turn = 0; turn < turns; turn++)
    [[unroll]] for (uint again = 0; again < 8; again++)
      [[unroll]] for (uint i = 0; i < CHAINS; i++)
        sums[i] = sums[i] * factor + summand;
  vec4 sum = vec4(0.0);
  [[unroll]] for (uint i = 0; i < CHAINS; i++)
    sum += sums[i];
  if (sum.x + sum.y + sum.z + sum.w == -1.0)
    y[0] = sum.x;
}
