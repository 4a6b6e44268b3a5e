/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The end of a matrix product: bias, activation, residual, and the store of four neighbouring outputs of a row. Who includes it has
 * declared `outputs`, `bias_offset` and `residual_offset` (in elements) and the constants ACTIVATION, BIAS, RESIDUAL and WIDE: the
 * result's rows are whole vec4s. SCALED: weights are in 8 bits, each output's sum is still to be multiplied by its scale.
 */
#include "activation.glsl"

layout(set = 0, binding = 2) readonly buffer B { float bias[]; };
layout(set = 0, binding = 3) readonly buffer R1 { float residual[]; };
layout(set = 0, binding = 3) readonly buffer R4 { vec4 residual4[]; };
layout(set = 0, binding = 4) writeonly buffer Y1 { float y[]; };
layout(set = 0, binding = 4) writeonly buffer Y4 { vec4 y4[]; };
#ifdef SCALED
layout(set = 0, binding = 5) readonly buffer S { vec4 scales[]; }; /* one an output, whole vec4s */
#endif

void
finish(uint row, uint first, vec4 sum)
{
  if (first >= outputs)
    return;
#ifdef SCALED
  sum *= scales[first / 4];
#endif
  if (BIAS)
    [[unroll]] for (uint i = 0; i < 4; i++)
      if (WIDE || first + i < outputs)
        sum[i] += bias[bias_offset + first + i];
  sum = activate(sum, ACTIVATION);
  uint at = row * outputs + first;
  if (WIDE) {
    if (RESIDUAL)
      sum += residual4[(residual_offset + at) / 4];
    y4[at / 4] = sum;
  } else {
    [[unroll]] for (uint i = 0; i < 4; i++)
      if (first + i < outputs)
        y[at + i] = sum[i] + (RESIDUAL ? residual[residual_offset + at + i] : 0.0);
  }
}
