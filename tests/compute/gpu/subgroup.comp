/* SPDX-License-Identifier: GPL-3.0-or-later */
#version 450
#extension GL_KHR_shader_subgroup_basic : require

layout(local_size_x_id = 0) in;

layout(set = 0, binding = 0) writeonly buffer Result { uint size; };

void main()
{
  if (gl_GlobalInvocationID.x == 0)
    size = gl_SubgroupSize;
}
