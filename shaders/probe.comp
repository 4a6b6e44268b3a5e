#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compiles where the compiler knows the spelling of cooperative matrices that is asked for: see meson.build. */
#if defined(COOPERATIVE_KHR)
#extension GL_KHR_cooperative_matrix : require
#else
#extension GL_NV_cooperative_matrix : require
#endif
#extension GL_KHR_memory_scope_semantics : require

void
main()
{
}
