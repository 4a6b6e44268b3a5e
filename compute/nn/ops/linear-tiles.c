/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/ops/linear-gpu.h"

/*
 * The matrix product for GPUs, in fp32: shaders/linear_tiles.comp. A workgroup makes a tile of the result; where there are too few tiles to
 * fill a GPU, several workgroups make one tile, each from a part of the depth (split-K), and a second dispatch adds up.
 *
 * Vulkan does not say how many cores a GPU has, so the tile is chosen by a model of a middling one (linear-gpu.c):
 *
 *   tile         threads  KiB shared  registers  operations a byte of     cycles a turn and core: arithmetic, shared, L2
 *                                      (sums)    global / shared memory   (fp32 weights; turns of the tile's depth)
 *   128×128×16     256       18        64 + 48       32   / 2.0              2048,  768, 512
 *    64×64×16      128        9        32 + 42       16   / 1.3               512,  256, 256
 *    32×64×32      128       13        16 + 28       10.7 / 1.0               512,  384, 384
 *    32×32×32       64        9        16 + 36        8   / 1.0               256,  128, 256
 *    16×64×32      128       11         8 + 24        6.4 / 0.7               256,  320, 320
 *     8×32×32       64        5         4 + 24        3.2 / 0.4                64,   80, 160
 *
 * The largest tile keeps 256 threads of at most 128 registers, two workgroups to a core of 64 Ki registers and 48 KiB; it is bound by
 * arithmetic even on cores with twice the lanes. The smaller ones give up reuse for more workgroups. What that means for one picture of
 * ViT-B/32 (50 rows): 768 → 2304 by 64×64 is 36 workgroups, which leaves most cores of a large GPU idle (a laptop's has 16 … 40, a large one
 * 132); by 32×32 it is 144, split by 4 576. And 3072 → 768 by 64×64 is 12 workgroups of 192 turns, each of which waits for memory; split
 * by 16 it is 192 of 12 turns, and one dispatch that reads 16 × 50×768 sums: 2.5 MB beside a weight of 9.4. A batch of 32 (1600 rows)
 * takes 128×128 unsplit: 13 × 18 workgroups. On a GPU with fewer cores than thought of the extra splits cost only those sums.
 */

extern const struct nn_kernel nn_kernel_linear_tiles;

static const struct shape {
  uint32_t rows, outputs, depth, thread_rows, thread_quads;
} shapes[] = {
  { 128, 128, 16, 8, 2 }, { 64, 64, 16, 8, 1 }, { 32, 64, 32, 4, 1 },
  { 32, 32, 32, 4, 1 },   { 16, 64, 32, 2, 1 }, { 8, 32, 32, 1, 1 },
};

#define SHAPES (sizeof shapes / sizeof shapes[0])

static unsigned
list_tiles(const struct gpu_capabilities *capabilities, enum nn_type type,
           struct nn_linear_tile tiles[NN_LINEAR_MAX_TILES])
{
  for (size_t i = 0; i < SHAPES; i++) {
    const struct shape *shape = &shapes[i];
    const uint32_t across = shape->outputs / 4 / shape->thread_quads;
    const uint32_t threads = shape->rows / shape->thread_rows * across;
    /* A subgroup reads a vec4 of x for each of its rows, which its neighbours share, and four of each quad of the weight. */
    const double shared =
        threads / 32.0 * (shape->depth / 4.0) *
        (shape->thread_rows + 4.0 * shape->thread_quads * (across < 32 ? across : 32) * 16 / NN_GPU_SHARED_BYTES);

    tiles[i] = (struct nn_linear_tile){
      .rows = shape->rows,
      .outputs = shape->outputs,
      .depth = shape->depth,
      .threads = threads,
      .shared_bytes = (shape->rows * (shape->depth / 4 + 1) + shape->depth * shape->outputs / 4) * 16,
      .turn_cycles = nn_gpu_overlapped(
          (double)shape->rows * shape->outputs * shape->depth / NN_GPU_LANES, shared,
          shape->depth * (4.0 * shape->rows + (double)nn_type_bytes(type) * shape->outputs) / NN_GPU_GLOBAL_BYTES),
      .constants = { shape->thread_rows, shape->thread_quads },
      .constant_count = 2,
    };
  }
  return SHAPES;
}

static const struct nn_linear_gpu tiles_kernel = {
  .shaders = { [NN_F32] = &shader_linear_tiles,
               [NN_F16] = &shader_linear_tiles_f16,
               [NN_I8] = &shader_linear_tiles_i8 },
  .list_tiles = list_tiles,
};

static bool
fits(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  return nn_linear_gpu_fits(&tiles_kernel, capabilities, node);
}

static uint64_t
scratch_bytes(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  return nn_linear_gpu_scratch_bytes(&tiles_kernel, capabilities, node);
}

static enum compute_status
record(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  return nn_linear_gpu_record(&tiles_kernel, plan, node, error);
}

const struct nn_kernel nn_kernel_linear_tiles = {
  .name = "tiles",
  .fits = fits,
  .scratch_bytes = scratch_bytes,
  .record = record,
};
