/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums and maxima over a workgroup of 64 without subgroup operations. All invocations call them. */

shared float reduced[64];

float
reduce_sum(float value)
{
  uint lane = gl_LocalInvocationID.x;

  barrier();
  reduced[lane] = value;
  for (uint half_size = 32; half_size > 0; half_size /= 2) {
    barrier();
    if (lane < half_size)
      reduced[lane] += reduced[lane + half_size];
  }
  barrier();
  return reduced[0];
}

float
reduce_max(float value)
{
  uint lane = gl_LocalInvocationID.x;

  barrier();
  reduced[lane] = value;
  for (uint half_size = 32; half_size > 0; half_size /= 2) {
    barrier();
    if (lane < half_size)
      reduced[lane] = max(reduced[lane], reduced[lane + half_size]);
  }
  barrier();
  return reduced[0];
}
