/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What every kernel of 64 invocations a workgroup shares. Workgroups that do not fit in x go on in y. */

layout(local_size_x = 64) in;

uint
group_index()
{
  return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
}

uint
invocation_index()
{
  return group_index() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
}
