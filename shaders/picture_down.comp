#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The second pass of preprocess.h: what picture_across.comp made, resampled along y and normalised, becomes the network's pixels. An
 * invocation a pixel; crops in y, pictures in z. tables as there, starts being rows of `between`.
 */
layout(local_size_x = 64) in;

layout(push_constant) uniform Push {
  uint side, rows, crops, widest, taps_at, coefficients_at;
  uint first; /* value of the result */
  float red_factor, green_factor, blue_factor, red_offset, green_offset, blue_offset;
};

layout(set = 0, binding = 0) readonly buffer B { uint between[]; };
layout(set = 0, binding = 1) readonly buffer T { int tables[]; };
layout(set = 0, binding = 2) writeonly buffer P { float pixels[]; }; /* [pictures, crops, side, side, 3] */

const int HALF_TAP = 1 << 21, TAP_BITS = 22;

void
main()
{
  uint index = gl_WorkGroupID.x * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  uint crop = gl_WorkGroupID.y, picture = gl_WorkGroupID.z;
  uint x = index % side, y = index / side;

  if (y >= side)
    return;
  uint tap = taps_at + (crop * side + y) * 2u, coefficient = coefficients_at + (crop * side + y) * widest;
  uint start = uint(tables[tap]), count = uint(tables[tap + 1u]);
  uint at = ((picture * crops + crop) * rows + start) * side + x;
  ivec3 sum = ivec3(HALF_TAP);

  for (uint i = 0u; i < count; i++, at += side) {
    uint colour = between[at];

    sum += tables[coefficient + i] * ivec3(colour & 255u, colour >> 8 & 255u, colour >> 16 & 255u);
  }
  vec3 value = vec3(clamp(sum >> TAP_BITS, 0, 255)) * vec3(red_factor, green_factor, blue_factor) +
               vec3(red_offset, green_offset, blue_offset);
  uint to = first + ((picture * crops + crop) * side * side + index) * 3u;
  pixels[to] = value.r;
  pixels[to + 1u] = value.g;
  pixels[to + 2u] = value.b;
}
