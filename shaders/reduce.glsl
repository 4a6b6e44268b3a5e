/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sums and maxima over a workgroup of 64. All invocations call them. SUBGROUPS: within a subgroup by its own operations, which leaves two
 * barriers, or none where a subgroup is the workgroup; otherwise by halves through shared memory, with eight.
 */
#ifdef SUBGROUPS
#extension GL_KHR_shader_subgroup_arithmetic : require
#endif

shared float reduced[64];

#ifdef SUBGROUPS

float
reduce_sum(float value)
{
  value = subgroupAdd(value);
  if (gl_NumSubgroups == 1)
    return value;
  barrier(); /* what an earlier call has left is read */
  if (subgroupElect())
    reduced[gl_SubgroupID] = value;
  barrier();
  value = reduced[0];
  for (uint i = 1; i < gl_NumSubgroups; i++)
    value += reduced[i];
  return value;
}

float
reduce_max(float value)
{
  value = subgroupMax(value);
  if (gl_NumSubgroups == 1)
    return value;
  barrier();
  if (subgroupElect())
    reduced[gl_SubgroupID] = value;
  barrier();
  value = reduced[0];
  for (uint i = 1; i < gl_NumSubgroups; i++)
    value = max(value, reduced[i]);
  return value;
}

#else

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
#endif
