/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/ops/linear-cpu.h"

/*
 * The matrix product for devices that are processors: shaders/linear_cpu.comp says how. Its tile is chosen by an estimate of
 * the instructions that a product of this size takes, which a plain count fits well.
 */

extern const struct nn_kernel nn_kernel_linear_cpu;

#define MAX_ROWS 4
#define MAX_COLUMNS 4
/* Of a tile: with more, the driver compiles for seconds and wins nothing. */
#define MAX_SUMS 144
/* A line of the processor's cache holds so many texels. */
#define LINE 4

struct tile {
  uint32_t rows, columns; /* in vectors of as many lanes as a subgroup has */
};

/* Instructions of one turn of the loop: a fetch is a call of about 56 and a lane, a turned lane one, a sum four multiplications and
   additions and its way from and to memory, since there are more sums than registers; and of the end: a store loops over the lanes. */
static double
cost(const struct tile *tile, uint32_t lanes, int64_t rows, int64_t width, int64_t outputs)
{
  double tiles = (double)(nn_divide_up((uint64_t)rows, tile->rows * lanes) *
                          nn_divide_up((uint64_t)outputs, tile->columns * lanes));
  double sums = tile->rows * tile->columns * lanes;
  double turn = (48.0 + lanes) * (tile->rows + tile->columns) + 4.0 * tile->rows * (lanes / 4) + 16.0 * tile->columns +
                11.0 * sums + 20;

  return tiles * ((double)width / 4 * turn + 15.0 * lanes * sums + 400);
}

static struct tile
choose_tile(uint32_t lanes, int64_t rows, int64_t width, int64_t outputs)
{
  struct tile best = { 1, 1 };

  for (uint32_t r = 1; r <= MAX_ROWS; r++)
    for (uint32_t c = 1; c <= MAX_COLUMNS; c++) {
      struct tile tile = { r, c };

      if (r * c * lanes <= MAX_SUMS &&
          cost(&tile, lanes, rows, width, outputs) < cost(&best, lanes, rows, width, outputs))
        best = tile;
    }
  return best;
}

#define VARIANTS (MAX_ROWS * MAX_COLUMNS)

static struct tile
tile_of(unsigned variant)
{
  return (struct tile){ (variant - 1) / MAX_COLUMNS + 1, (variant - 1) % MAX_COLUMNS + 1 };
}

/* The estimate is not so far off that a tile that looks this much worse could win. */
#define HOPELESS 1.4

static bool
tile_fits(unsigned variant, uint32_t lanes, int64_t rows, int64_t width, int64_t outputs)
{
  const struct tile tile = tile_of(variant), best = choose_tile(lanes, rows, width, outputs);

  return tile.rows * tile.columns * lanes <= MAX_SUMS &&
         cost(&tile, lanes, rows, width, outputs) < HOPELESS * cost(&best, lanes, rows, width, outputs);
}

/* ---- Packing: [outputs / across][k / 4][across][4], across being the tile's columns; then the scales ---- */

/* Of an output: its row's elements, or channels × taps. */
static int64_t
width_of(const struct nn_shape *shape)
{
  return shape->rank == 2 ? shape->dims[1] : shape->dims[2] * shape->dims[3];
}

static int64_t
outputs_of(const struct nn_shape *shape)
{
  return shape->rank == 2 ? shape->dims[0] : shape->dims[1];
}

static uint64_t
packed_texels(int64_t outputs, int64_t width, int64_t across)
{
  return nn_divide_up((uint64_t)outputs, (uint64_t)across) * (uint64_t)across * nn_divide_up((uint64_t)width, 4);
}

static uint64_t
element_bytes(const struct nn_packing *packing, const struct nn_shape *shape)
{
  return packed_texels(outputs_of(shape), width_of(shape), packing->across) * 4 * nn_type_bytes(packing->type);
}

static uint64_t
packed_bytes(const struct nn_packing *packing, const struct nn_shape *shape)
{
  return nn_scales_offset(packing->type, element_bytes(packing, shape)) +
         (packing->type == NN_I8 ? (uint64_t)outputs_of(shape) * sizeof(float) : 0);
}

static void
pack(const struct nn_packing *packing, const float *values, const struct nn_shape *shape, void *packed)
{
  const int64_t outputs = outputs_of(shape), width = width_of(shape), taps = shape->rank == 2 ? 1 : shape->dims[3];
  const int64_t channels = width / taps, across = packing->across;
  float *scales = (float *)((char *)packed + nn_scales_offset(packing->type, element_bytes(packing, shape)));

  for (int64_t o = 0; o < outputs; o++) {
    const float *row = values + o * width, scale = nn_pack_scale(packing->type, row, width);

    for (int64_t k = 0; k < width; k++)
      nn_pack_element(packed, packing->type,
                      ((o / across * ((width + 3) / 4) + k / 4) * across + o % across) * 4 + k % 4,
                      row[k % channels * taps + k / channels], scale);
    if (packing->type == NN_I8)
      scales[o] = scale;
  }
}

/* For every number of outputs a block that a tile may have: 1 to 4 vectors of 4, 8 or 16 lanes. */
#define PACKING(type, across)                \
  {                                          \
    "rows", type, across, packed_bytes, pack \
  }
#define PACKINGS(type)                                                                                              \
  {                                                                                                                 \
    PACKING(type, 4), PACKING(type, 8), PACKING(type, 12), PACKING(type, 16), PACKING(type, 24), PACKING(type, 32), \
        PACKING(type, 48), PACKING(type, 64),                                                                       \
  }

static const struct nn_packing packings[][8] = {
  [NN_F32] = PACKINGS(NN_F32),
  [NN_F16] = PACKINGS(NN_F16),
  [NN_I8] = PACKINGS(NN_I8),
};

bool
nn_linear_cpu_fits(const struct gpu_capabilities *capabilities, const struct nn_rows *rows, int64_t x_elements,
                   int64_t outputs)
{
  uint64_t most = capabilities->max_texel_buffer_elements;

  return nn_lanes_fit(capabilities) && rows->width % 4 == 0 && rows->stride % 4 == 0 && rows->offset % 4 == 0 &&
         /* A loop of more turns ends early without a word on some drivers in software. */
         rows->width / 4 < 65535 && x_elements % 4 == 0 && (uint64_t)x_elements / 4 <= most &&
         packed_texels(outputs, rows->width, MAX_COLUMNS * capabilities->subgroup_size) <= most;
}

/* The packing for blocks of so many outputs, a multiple of 4. */
static const struct nn_packing *
find_packing(const struct nn_packing *all, int64_t across)
{
  while (all->across != across)
    all++;
  return all;
}

enum compute_status
nn_linear_cpu_record(struct nn_plan *plan, const struct nn_linear_cpu *product, struct compute_error *error)
{
  static const enum gpu_binding_type texels[] = {
    [NN_F32] = GPU_BINDING_TEXEL_F32X4, [NN_F16] = GPU_BINDING_TEXEL_F16X4, [NN_I8] = GPU_BINDING_TEXEL_I8X4
  };
  const enum gpu_binding_type types[] = { GPU_BINDING_TEXEL_F32X4, texels[product->type], GPU_BINDING_STORAGE,
                                          GPU_BINDING_STORAGE,     GPU_BINDING_STORAGE,   GPU_BINDING_STORAGE };
  nn_tensor bias = product->bias, residual = product->residual;
  const struct nn_rows *rows = &product->rows;
  const uint32_t lanes = nn_plan_capabilities(plan)->subgroup_size;
  const unsigned variant = nn_plan_variant(plan);
  const struct tile tile =
      variant > 0 ? tile_of(variant) : choose_tile(lanes, rows->count, rows->width, product->outputs);
  const uint32_t across = tile.columns * lanes;
  const struct nn_packing *packing = find_packing(packings[product->type], across);
  struct gpu_binding bindings[6] = { product->x };
  enum compute_status status;

  status = nn_plan_bind_packed(plan, product->weight, packing, &bindings[1], error);
  if (status == COMPUTE_OK)
    status = nn_plan_bind(plan, bias != NULL ? bias : product->output, &bindings[2], error);
  if (status == COMPUTE_OK)
    status = nn_plan_bind(plan, residual != NULL ? residual : product->output, &bindings[3], error);
  if (status == COMPUTE_OK)
    status = nn_plan_bind(plan, product->output, &bindings[4], error);
  if (status != COMPUTE_OK)
    return status;
  bindings[1].bytes = element_bytes(packing, &product->weight->shape);
  bindings[5] = bindings[4];
  if (product->type == NN_I8)
    bindings[5] = (struct gpu_binding){ bindings[1].buffer, nn_scales_offset(NN_I8, bindings[1].bytes),
                                        (uint64_t)product->outputs * sizeof(float) };

  uint64_t blocks = nn_divide_up((uint64_t)product->outputs, across);
  const struct {
    uint32_t rows, quarters, outputs, x_offset, x_stride, bias_offset, residual_offset, blocks;
  } push = {
    .rows = (uint32_t)rows->count,
    .quarters = (uint32_t)(rows->width / 4),
    .outputs = (uint32_t)product->outputs,
    .x_offset = (uint32_t)(rows->offset / 4),
    .x_stride = (uint32_t)(rows->stride / 4),
    .bias_offset = bias != NULL ? (uint32_t)bias->offset : 0,
    .residual_offset = residual != NULL ? (uint32_t)residual->offset : 0,
    .blocks = (uint32_t)blocks,
  };
  const uint32_t step = push.quarters >= 96 && push.quarters % LINE == 0 ? LINE : 1;
  const uint32_t constants[] = {
    tile.rows, tile.columns, product->activation, bias != NULL, residual != NULL, lanes, step, product->type == NN_I8,
  };
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = &shader_linear_cpu,
                              .constants = constants,
                              .constant_count = sizeof constants / sizeof constants[0],
                              .bindings = bindings,
                              .binding_types = types,
                              .binding_count = 6,
                              .push = &push,
                              .push_bytes = sizeof push,
                              .groups = nn_divide_up((uint64_t)rows->count, tile.rows * lanes) * blocks,
                              .required_subgroup_size = lanes,
                          },
                          error);
}

/* ---- nn_linear() itself ---- */

static bool
fits(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  nn_tensor x = node->inputs[0];
  struct nn_rows rows;

  return nn_as_rows(x, &rows) &&
         nn_linear_cpu_fits(capabilities, &rows, x->storage->elements, node->inputs[1]->shape.dims[0]);
}

static enum compute_status
record(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  nn_tensor x = node->inputs[0];
  struct nn_linear_cpu product = {
    .weight = node->inputs[1],
    .bias = node->inputs[2],
    .residual = node->inputs[3],
    .output = node->output,
    .outputs = node->inputs[1]->shape.dims[0],
    .type = nn_storage_type(node),
    .activation = node->linear.activation,
  };
  enum compute_status status = nn_plan_bind(plan, x, &product.x, error);

  if (status != COMPUTE_OK)
    return status;
  product.x.bytes = (uint64_t)x->storage->elements * sizeof(float);
  nn_as_rows(x, &product.rows);
  return nn_linear_cpu_record(plan, &product, error);
}

static bool
variant_fits(const struct gpu_capabilities *capabilities, const struct nn_node *node, unsigned variant)
{
  struct nn_rows rows;

  nn_as_rows(node->inputs[0], &rows);
  return tile_fits(variant, capabilities->subgroup_size, rows.count, rows.width, node->inputs[1]->shape.dims[0]);
}

const struct nn_kernel nn_kernel_linear_cpu = {
  .name = "lanes",
  .fits = fits,
  .record = record,
  .variants = VARIANTS,
  .variant_fits = variant_fits,
};
