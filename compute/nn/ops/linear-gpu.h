/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "compute/nn/nn-private.h"

/*
 * What the matrix products for GPUs share (linear-gpu.c): how the weight is packed, which tile is taken, how often the depth is split,
 * and the dispatches. A kernel says which tiles it can make and with which shaders.
 */

/* A workgroup's share of the result. */
struct nn_linear_tile {
  uint32_t rows, outputs, depth; /* of one turn: 16 or 32 */
  uint32_t threads, shared_bytes;
  double turn_cycles;    /* that a core takes for a turn when others hide its waiting */
  uint32_t constants[6]; /* of the shader, from constant_id 10 on */
  unsigned constant_count;
};

#define NN_LINEAR_MAX_TILES 8

struct nn_linear_gpu {
  const struct shader *shaders[NN_I8 + 1]; /* by the weight's type; NULL: not for it */
  /* The tiles for a device, how many. */
  unsigned (*list_tiles)(const struct gpu_capabilities *capabilities, enum nn_type type,
                         struct nn_linear_tile tiles[NN_LINEAR_MAX_TILES]);
  bool needs_subgroups; /* whole ones, of the device's size */
};

/* The parts of struct nn_kernel. */
bool nn_linear_gpu_fits(const struct nn_linear_gpu *kernel, const struct gpu_capabilities *capabilities,
                        const struct nn_node *node);
uint64_t nn_linear_gpu_scratch_bytes(const struct nn_linear_gpu *kernel, const struct gpu_capabilities *capabilities,
                                     const struct nn_node *node);
enum compute_status nn_linear_gpu_record(const struct nn_linear_gpu *kernel, struct nn_plan *plan,
                                         const struct nn_node *node, struct compute_error *error);

/* The GPU that tiles are chosen for, since Vulkan does not say how many cores there are: a middling one. A core and cycle. */
#define NN_GPU_CORES 64
#define NN_GPU_LANES 128          /* multiplications and additions in fp32 */
#define NN_GPU_MATRIX_LANES 512   /* by matrix units, of halves */
#define NN_GPU_SHARED_BYTES 128.0 /* read from shared memory */
#define NN_GPU_GLOBAL_BYTES 32.0  /* from the second cache */

/* Of three things that go on side by side the longest, and the part of the others that does not hide behind it. */
double nn_gpu_overlapped(double arithmetic, double shared, double global);
