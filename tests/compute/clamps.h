/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "compute/gpu/gpu.h"

/*
 * Devices that are less than the one at hand, as gpu_device_params.clamp makes them: what must be right on every Vulkan device is run on
 * each of these.
 */

static inline void
clamp_nothing(struct gpu_capabilities *c)
{
}

static inline void
clamp_no_shuffle(struct gpu_capabilities *c)
{
  c->subgroup_shuffle = false;
}

static inline void
clamp_no_subgroup_operations(struct gpu_capabilities *c)
{
  c->subgroup_shuffle = c->subgroup_arithmetic = c->subgroup_size_control = false;
}

/* The kernels of a card rather than those of a processor. */
static inline void
clamp_card(struct gpu_capabilities *c)
{
  c->type = GPU_DEVICE_DISCRETE;
}

static inline void
clamp_card_32bit(struct gpu_capabilities *c)
{
  clamp_card(c);
  c->storage_16bit = c->storage_8bit = c->arithmetic_fp16 = false;
  c->cooperative_matrix_nv = c->cooperative_matrix_khr = false;
}

static inline void
clamp_card_no_subgroup_operations(struct gpu_capabilities *c)
{
  clamp_card(c);
  clamp_no_subgroup_operations(c);
}

/* Buffers for shaders cannot be mapped, and nothing tells the time. */
static inline void
clamp_not_mapped(struct gpu_capabilities *c)
{
  c->unified_memory = false;
  c->timestamps = false;
}

/* A dispatch of more than a handful of workgroups is folded into two dimensions. */
static inline void
clamp_few_workgroups(struct gpu_capabilities *c)
{
  clamp_card(c);
  c->max_workgroup_count[0] = 61;
  c->max_workgroup_count[1] = c->max_workgroup_count[2] = 65535;
}

/* What Vulkan 1.1 promises of every device (the table of required limits). */
static inline void
clamp_least(struct gpu_capabilities *c)
{
  clamp_card_32bit(c);
  clamp_no_subgroup_operations(c);
  clamp_not_mapped(c);
  c->max_workgroup_invocations = 128;
  c->max_workgroup_size[0] = c->max_workgroup_size[1] = 128;
  c->max_workgroup_size[2] = 64;
  c->max_workgroup_count[0] = c->max_workgroup_count[1] = c->max_workgroup_count[2] = 65535;
  c->max_shared_bytes = 16384;
  c->max_push_constant_bytes = 128;
  c->max_texel_buffer_elements = 65536;
  c->max_storage_buffer_bytes = (uint64_t)1 << 27;
  c->max_allocation_bytes = (uint64_t)1 << 30;
  c->storage_buffer_alignment = c->texel_buffer_alignment = 256;
}

/* A processor's kernels where few texels can be bound. */
static inline void
clamp_few_texels(struct gpu_capabilities *c)
{
  c->max_texel_buffer_elements = 1024;
}

/* Less than any device has, so that small weights are bound in parts. */
static inline void
clamp_small_bindings(struct gpu_capabilities *c)
{
  clamp_least(c);
  c->max_storage_buffer_bytes = (uint64_t)36 << 10;
}

static const struct clamp {
  const char *name;
  void (*lower)(struct gpu_capabilities *capabilities);
  bool refuses; /* some cases are larger than it can bind */
} clamps[] = {
  { "as it is", clamp_nothing, false },
  { "no shuffle", clamp_no_shuffle, false },
  { "no subgroup operations", clamp_no_subgroup_operations, false },
  { "not mapped, no timestamps", clamp_not_mapped, false },
  { "few texels", clamp_few_texels, false },
  { "a card", clamp_card, false },
  { "a card of 32 bits", clamp_card_32bit, false },
  { "a card without subgroup operations", clamp_card_no_subgroup_operations, false },
  { "few workgroups", clamp_few_workgroups, false },
  { "Vulkan 1.1's least", clamp_least, false },
  { "small bindings", clamp_small_bindings, true },
};

#define CLAMP_COUNT (sizeof clamps / sizeof clamps[0])
