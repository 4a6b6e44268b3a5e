/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/ops/linear-gpu.h"

/*
 * The matrix product for GPUs with matrix units, of weights in fp16 or int8 (fp32 means fp32): shaders/linear_matrix.comp. One kernel a
 * spelling of the extension, of those that the compiler of shaders knows, and one in plain code, which comes after "tiles" in the
 * table and is never the better one: it is there so that loads, layouts, bounds and the end are tested on every device.
 *
 *   tile        subgroups  KiB shared  registers of sums,  bytes of global / shared memory   cycles a turn and core: matrix units,
 *               of 32                  a thread            a turn of 32                      shared, L2 (fp16 weights)
 *   128×128         8          29            64                24576 / 49152                      1024, 384, 768
 *    64×64          4          14            32                12288 / 16384                       256, 128, 384
 *    32×64          4          12            16                 8192 / 12288                       128,  96, 256
 *    16×64          2          10            16                 6144 /  6144                        64,  48, 192
 *
 * x is fp32 in memory and is what the L2 column is made of; the small tiles wait for it and for latency, as every product of 50 rows
 * does. The matrix units' rate is that of 4 × the lanes, the least that any have.
 */

extern const struct nn_kernel nn_kernel_linear_matrix_khr, nn_kernel_linear_matrix_nv, nn_kernel_linear_matrix_plain;

#define DEPTH 32

static const struct shape {
  uint32_t rows, outputs, part_rows, part_outputs;
} shapes[] = { { 128, 128, 32, 64 }, { 64, 64, 32, 32 }, { 32, 64, 16, 32 }, { 16, 64, 16, 32 } };

#define SHAPES (sizeof shapes / sizeof shapes[0])

static unsigned
list_tiles(const struct gpu_capabilities *capabilities, enum nn_type type,
           struct nn_linear_tile tiles[NN_LINEAR_MAX_TILES])
{
  static const struct gpu_matrix_shape usual = { 16, 16, 16 };
  const struct gpu_matrix_shape matrix = capabilities->matrix_shape.m != 0 ? capabilities->matrix_shape : usual;

  for (size_t i = 0; i < SHAPES; i++) {
    const struct shape *shape = &shapes[i];
    const uint32_t subgroups = shape->rows / shape->part_rows * (shape->outputs / shape->part_outputs);

    tiles[i] = (struct nn_linear_tile){
      .rows = shape->rows,
      .outputs = shape->outputs,
      .depth = DEPTH,
      .threads = subgroups * capabilities->subgroup_size,
      .shared_bytes = (shape->rows * (DEPTH / 8 + 1) + DEPTH * (shape->outputs / 8 + 1)) * 16 +
                      subgroups * matrix.m * (matrix.n + 4) * 4,
      .turn_cycles = nn_gpu_overlapped(
          (double)shape->rows * shape->outputs * DEPTH / NN_GPU_MATRIX_LANES,
          subgroups * (shape->part_rows + shape->part_outputs) * DEPTH * 2 / NN_GPU_SHARED_BYTES,
          DEPTH * (4.0 * shape->rows + (double)nn_type_bytes(type) * shape->outputs) / NN_GPU_GLOBAL_BYTES),
      .constants = { capabilities->subgroup_size, matrix.m, matrix.n, matrix.k, shape->part_rows, shape->part_outputs },
      .constant_count = 6,
    };
  }
  return SHAPES;
}

/* A kernel and its functions, of which those of struct nn_kernel do not know the kernel. */
#define KERNEL(spelling, ability)                                                                                      \
  static const struct nn_linear_gpu spelling = {                                                                       \
    .shaders = { [NN_F16] = &shader_linear_matrix_##spelling##_f16, [NN_I8] = &shader_linear_matrix_##spelling##_i8 }, \
    .list_tiles = list_tiles,                                                                                          \
    .needs_subgroups = true,                                                                                           \
  };                                                                                                                   \
  static bool fits_##spelling(const struct gpu_capabilities *capabilities, const struct nn_node *node)                 \
  {                                                                                                                    \
    return (ability) && nn_linear_gpu_fits(&spelling, capabilities, node);                                             \
  }                                                                                                                    \
  static uint64_t scratch_##spelling(const struct gpu_capabilities *capabilities, const struct nn_node *node)          \
  {                                                                                                                    \
    return nn_linear_gpu_scratch_bytes(&spelling, capabilities, node);                                                 \
  }                                                                                                                    \
  static enum compute_status record_##spelling(struct nn_plan *plan, const struct nn_node *node,                       \
                                               struct compute_error *error)                                            \
  {                                                                                                                    \
    return nn_linear_gpu_record(&spelling, plan, node, error);                                                         \
  }                                                                                                                    \
  const struct nn_kernel nn_kernel_linear_matrix_##spelling = {                                                        \
    .name = "matrix-" #spelling,                                                                                       \
    .fits = fits_##spelling,                                                                                           \
    .scratch_bytes = scratch_##spelling,                                                                               \
    .record = record_##spelling,                                                                                       \
  };

#if SHADERS_COOPERATIVE_KHR
KERNEL(khr, capabilities->cooperative_matrix_khr)
#endif
#if SHADERS_COOPERATIVE_NV
KERNEL(nv, capabilities->cooperative_matrix_nv)
#endif
KERNEL(plain, true)
