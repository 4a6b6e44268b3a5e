/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

/*
 * The matrix product for devices that are processors: shaders/linear_cpu.comp says how. Its tile is chosen by an estimate of
 * the instructions that a product of this size takes, which a plain count fits well.
 */

extern const struct nn_kernel nn_kernel_linear_cpu;

#define LANES 8
#define MAX_ROWS 4
#define MAX_COLUMNS 4

struct tile {
  uint32_t rows, columns; /* in vectors of LANES */
};

/* Instructions of one turn of the loop: a fetch is a call of 56, a turned lane one, a sum 32 multiplications and additions and a few
   moves; and of the end: a store loops over the lanes. */
static double
cost(const struct tile *tile, int64_t rows, int64_t width, int64_t outputs)
{
  double tiles = (double)(nn_divide_up((uint64_t)rows, tile->rows * LANES) *
                          nn_divide_up((uint64_t)outputs, tile->columns * LANES));
  double sums = tile->rows * tile->columns * LANES;
  double turn = 56.0 * (tile->rows + tile->columns) + 28.0 * tile->columns + 11.0 * sums + 20;

  return tiles * ((double)width / 4 * turn + 120 * sums + 400);
}

static struct tile
choose_tile(int64_t rows, int64_t width, int64_t outputs)
{
  struct tile best = { MAX_ROWS, MAX_COLUMNS };

  for (uint32_t r = 1; r <= MAX_ROWS; r++)
    for (uint32_t c = 1; c <= MAX_COLUMNS; c++) {
      struct tile tile = { r, c };

      if (cost(&tile, rows, width, outputs) < cost(&best, rows, width, outputs))
        best = tile;
    }
  return best;
}

/* ---- Packing: [outputs / (columns · LANES)][k / 4][columns · LANES][4], one function for each number of columns ---- */

static uint64_t
packed_bytes(const struct nn_shape *shape, int64_t columns)
{
  return nn_divide_up((uint64_t)shape->dims[0], (uint64_t)(columns * LANES)) * (uint64_t)(columns * LANES) *
         nn_divide_up((uint64_t)shape->dims[1], 4) * 16;
}

static void
pack(const float *values, const struct nn_shape *shape, void *packed, int64_t columns)
{
  int64_t outputs = shape->dims[0], width = shape->dims[1], quarters = (width + 3) / 4, across = columns * LANES;
  float *to = packed;

  for (int64_t o = 0; o < outputs; o++)
    for (int64_t k = 0; k < width; k++)
      to[((o / across * quarters + k / 4) * across + o % across) * 4 + k % 4] = values[o * width + k];
}

#define PACKING(columns)                                                                      \
  static uint64_t bytes_##columns(const struct nn_shape *shape)                               \
  {                                                                                           \
    return packed_bytes(shape, columns);                                                      \
  }                                                                                           \
  static void pack_##columns(const float *values, const struct nn_shape *shape, void *packed) \
  {                                                                                           \
    pack(values, shape, packed, columns);                                                     \
  }

PACKING(1)
PACKING(2)
PACKING(3)
PACKING(4)

static const struct nn_packing packings[MAX_COLUMNS] = {
  { "lanes of 8, fp32", bytes_1, pack_1 },
  { "lanes of 16, fp32", bytes_2, pack_2 },
  { "lanes of 24, fp32", bytes_3, pack_3 },
  { "lanes of 32, fp32", bytes_4, pack_4 },
};

static bool
fits(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  nn_tensor x = node->inputs[0], weight = node->inputs[1];
  uint64_t most = capabilities->max_texel_buffer_elements;
  struct nn_rows rows;

  return capabilities->type == GPU_DEVICE_CPU && capabilities->subgroup_shuffle &&
         capabilities->subgroup_size == LANES && nn_as_rows(x, &rows) && rows.width % 4 == 0 && rows.stride % 4 == 0 &&
         rows.offset % 4 == 0 &&
         /* A loop of more turns ends early without a word on some drivers in software. */
         rows.width / 4 < 65535 && x->storage->elements % 4 == 0 && (uint64_t)x->storage->elements / 4 <= most &&
         packed_bytes(&weight->shape, MAX_COLUMNS) / 16 <= most;
}

static enum compute_status
record(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  static const enum gpu_binding_type types[] = { GPU_BINDING_TEXEL_F32X4, GPU_BINDING_TEXEL_F32X4, GPU_BINDING_STORAGE,
                                                 GPU_BINDING_STORAGE, GPU_BINDING_STORAGE };
  nn_tensor x = node->inputs[0], weight = node->inputs[1], bias = node->inputs[2], residual = node->inputs[3];
  int64_t outputs = weight->shape.dims[0];
  struct gpu_binding bindings[5];
  struct nn_rows rows;
  struct tile tile;
  enum compute_status status;

  nn_as_rows(x, &rows);
  tile = choose_tile(rows.count, rows.width, outputs);
  status = nn_plan_bind(plan, x, &bindings[0], error);
  if (status == COMPUTE_OK)
    status = nn_plan_bind_packed(plan, weight, &packings[tile.columns - 1], &bindings[1], error);
  if (status == COMPUTE_OK)
    status = nn_plan_bind(plan, bias != NULL ? bias : x, &bindings[2], error);
  if (status == COMPUTE_OK)
    status = nn_plan_bind(plan, residual != NULL ? residual : x, &bindings[3], error);
  if (status == COMPUTE_OK)
    status = nn_plan_bind(plan, node->output, &bindings[4], error);
  if (status != COMPUTE_OK)
    return status;
  bindings[0].bytes = (uint64_t)x->storage->elements * sizeof(float);

  uint64_t blocks = nn_divide_up((uint64_t)outputs, tile.columns * LANES);
  const struct {
    uint32_t rows, quarters, outputs, x_offset, x_stride, bias_offset, residual_offset, blocks;
  } push = {
    .rows = (uint32_t)rows.count,
    .quarters = (uint32_t)(rows.width / 4),
    .outputs = (uint32_t)outputs,
    .x_offset = (uint32_t)(rows.offset / 4),
    .x_stride = (uint32_t)(rows.stride / 4),
    .bias_offset = bias != NULL ? (uint32_t)bias->offset : 0,
    .residual_offset = residual != NULL ? (uint32_t)residual->offset : 0,
    .blocks = (uint32_t)blocks,
  };
  const uint32_t constants[] = {
    tile.rows,    tile.columns,     node->linear.activation,
    bias != NULL, residual != NULL, outputs % (tile.columns * LANES) == 0,
  };
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = &shader_linear_cpu,
                              .constants = constants,
                              .constant_count = 6,
                              .bindings = bindings,
                              .binding_types = types,
                              .binding_count = 5,
                              .push = &push,
                              .push_bytes = sizeof push,
                              .groups = nn_divide_up((uint64_t)rows.count, tile.rows * LANES) * blocks,
                              .required_subgroup_size = LANES,
                          },
                          error);
}

const struct nn_kernel nn_kernel_linear_cpu = { .name = "lanes", .fits = fits, .record = record };
