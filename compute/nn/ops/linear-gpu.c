/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/ops/linear-gpu.h"

#include <string.h>

/* Packing, choosing, and the dispatches: see linear-gpu.h. */

/* A product's sizes. */
struct size {
  uint64_t rows, width, outputs;
  enum nn_type type; /* of the weight */
};

static struct size
size_of(const struct nn_node *node)
{
  struct nn_rows rows;

  nn_as_rows(node->inputs[0], &rows);
  return (struct size){ (uint64_t)rows.count, (uint64_t)rows.width, (uint64_t)node->inputs[1]->shape.dims[0],
                        nn_storage_type(node) };
}

struct choice {
  struct nn_linear_tile tile; /* of no rows: there is none */
  uint32_t splits;
};

/* ---- Choosing ---- */

#define CORE_THREADS 1024   /* at once */
#define CORE_SHARED 49152.0 /* bytes, at once */
#define LATENCY 800.0       /* cycles of a turn however little it has to do: two barriers and a way to memory */
#define DISPATCH 4000.0     /* cycles of one more dispatch behind a barrier */
#define HIDDEN 0.25         /* of what goes on beside the longest, that does not hide behind it */
#define MANY 1024           /* workgroups of a core; from there on one is like the other */
#define MAX_SPLITS 16
#define MIN_TURNS 4 /* of a split */

double
nn_gpu_overlapped(double arithmetic, double shared, double global)
{
  double most = arithmetic > shared ? arithmetic : shared;

  most = global > most ? global : most;
  return most + HIDDEN * (arithmetic + shared + global - most);
}

static double
product_cycles(const struct nn_linear_tile *tile, uint32_t splits, const struct size *size)
{
  const uint64_t groups = nn_divide_up(size->rows, tile->rows) * nn_divide_up(size->outputs, tile->outputs) * splits;
  const double turns = (double)nn_divide_up(nn_divide_up(size->width, tile->depth), splits);
  const double turn = tile->turn_cycles, fit = CORE_SHARED / tile->shared_bytes;
  uint64_t at_once = CORE_THREADS / tile->threads, mine = nn_divide_up(groups, NN_GPU_CORES);
  double cycles = 0;

  at_once = fit < (double)at_once ? (uint64_t)fit : at_once;
  at_once = at_once < 1 ? 1 : at_once;
  for (uint64_t left = mine < MANY ? mine : MANY, here; left > 0; left -= here) {
    double busy;

    here = left < at_once ? left : at_once;
    busy = (double)here * turn;
    cycles += turns * (busy > LATENCY ? busy + HIDDEN * LATENCY : LATENCY + HIDDEN * busy);
  }
  if (mine > MANY)
    cycles *= (double)mine / MANY;
  if (splits > 1)
    cycles += DISPATCH + 8.0 * splits * (double)(size->rows * size->outputs) / (NN_GPU_CORES * NN_GPU_GLOBAL_BYTES);
  return cycles;
}

static uint64_t
partial_bytes(const struct size *size, uint32_t splits)
{
  return splits > 1 ? splits * size->rows * nn_divide_up(size->outputs, 4) * 16 : 0;
}

static bool
is_allowed(const struct gpu_capabilities *capabilities, const struct nn_linear_tile *tile)
{
  return tile->threads <= capabilities->max_workgroup_invocations &&
         tile->threads <= capabilities->max_workgroup_size[0] && tile->shared_bytes <= capabilities->max_shared_bytes;
}

/* The tile and the splits for a product: the one place that decides. */
static struct choice
choose(const struct nn_linear_gpu *kernel, const struct gpu_capabilities *capabilities, const struct size *size)
{
  struct choice best = { .splits = 1 };
  struct nn_linear_tile tiles[NN_LINEAR_MAX_TILES];
  const unsigned count = kernel->list_tiles(capabilities, size->type, tiles);
  double least = 0;

  for (unsigned i = 0; i < count; i++)
    for (uint32_t splits = 1; splits <= MAX_SPLITS; splits *= 2) {
      const double cycles = product_cycles(&tiles[i], splits, size);

      if (!is_allowed(capabilities, &tiles[i]) ||
          (splits > 1 && (size->width < (uint64_t)splits * MIN_TURNS * tiles[i].depth ||
                          partial_bytes(size, splits) > capabilities->max_storage_buffer_bytes)))
        continue;
      if (best.tile.rows == 0 || cycles < least) {
        best = (struct choice){ tiles[i], splits };
        least = cycles;
      }
    }
  return best;
}

/* ---- Packing: [width, up to a multiple of 32][quads][4], quads even; then the scales ---- */

#define PACKED_ROWS 16

static uint64_t
padded_outputs(uint64_t outputs)
{
  return nn_divide_up(outputs, 8) * 8;
}

static uint64_t
element_bytes(enum nn_type type, uint64_t outputs, uint64_t width)
{
  return nn_divide_up(width, 32) * 32 * padded_outputs(outputs) * nn_type_bytes(type);
}

static uint64_t
packed_bytes(const struct nn_packing *packing, const struct nn_shape *shape)
{
  const uint64_t outputs = (uint64_t)shape->dims[0];

  return nn_scales_offset(packing->type, element_bytes(packing->type, outputs, (uint64_t)shape->dims[1])) +
         (packing->type == NN_I8 ? padded_outputs(outputs) * sizeof(float) : 0);
}

static void
pack(const struct nn_packing *packing, const float *values, const struct nn_shape *shape, void *packed)
{
  const int64_t outputs = shape->dims[0], width = shape->dims[1], padded = (int64_t)padded_outputs((uint64_t)outputs);
  float *scales =
      (float *)((char *)packed +
                nn_scales_offset(packing->type, element_bytes(packing->type, (uint64_t)outputs, (uint64_t)width)));

  /* Some rows side by side, so that neither reading nor writing jumps at every element. */
  for (int64_t first = 0; first < outputs; first += PACKED_ROWS) {
    const int64_t count = outputs - first < PACKED_ROWS ? outputs - first : PACKED_ROWS;
    float scale[PACKED_ROWS];

    for (int64_t o = 0; o < count; o++)
      scale[o] = nn_pack_scale(packing->type, values + (first + o) * width, width);
    for (int64_t k = 0; k < width; k++)
      for (int64_t o = 0; o < count; o++)
        nn_pack_element(packed, packing->type, k * padded + first + o, values[(first + o) * width + k], scale[o]);
    if (packing->type == NN_I8)
      memcpy(scales + first, scale, (size_t)count * sizeof *scales);
  }
}

static const struct nn_packing packings[] = {
  [NN_F32] = { .name = "columns, fp32", .type = NN_F32, .bytes = packed_bytes, .pack = pack },
  [NN_F16] = { .name = "columns, fp16", .type = NN_F16, .bytes = packed_bytes, .pack = pack },
  [NN_I8] = { .name = "columns, int8", .type = NN_I8, .bytes = packed_bytes, .pack = pack },
};

/* ---- Recording ---- */

#define BINDINGS 6 /* x, weight, bias, residual, result, scales */

bool
nn_linear_gpu_fits(const struct nn_linear_gpu *kernel, const struct gpu_capabilities *capabilities,
                   const struct nn_node *node)
{
  const struct size size = size_of(node);

  return capabilities->type != GPU_DEVICE_CPU && kernel->shaders[size.type] != NULL &&
         choose(kernel, capabilities, &size).tile.rows != 0 &&
         element_bytes(size.type, size.outputs, size.width) <= capabilities->max_storage_buffer_bytes;
}

uint64_t
nn_linear_gpu_scratch_bytes(const struct nn_linear_gpu *kernel, const struct gpu_capabilities *capabilities,
                            const struct nn_node *node)
{
  const struct size size = size_of(node);

  return partial_bytes(&size, choose(kernel, capabilities, &size).splits);
}

static enum compute_status
bind(struct nn_plan *plan, const struct nn_node *node, const struct size *size, struct gpu_binding bindings[BINDINGS],
     struct compute_error *error)
{
  const nn_tensor others[BINDINGS] = { node->inputs[0], NULL, node->inputs[2], node->inputs[3], node->output };
  const uint64_t bytes = element_bytes(size->type, size->outputs, size->width);
  enum compute_status status = nn_plan_bind_packed(plan, node->inputs[1], &packings[size->type], &bindings[1], error);

  for (int i = 0; status == COMPUTE_OK && i < BINDINGS - 1; i++)
    if (i != 1)
      status = nn_plan_bind(plan, others[i] != NULL ? others[i] : node->output, &bindings[i], error);
  bindings[5] = bindings[1];
  bindings[1].bytes = bytes;
  if (size->type == NN_I8) {
    bindings[5].offset = nn_scales_offset(NN_I8, bytes);
    bindings[5].bytes = padded_outputs(size->outputs) * sizeof(float);
  }
  return status;
}

struct sum_push {
  uint32_t rows, outputs, bias_offset, residual_offset, splits;
};

static enum compute_status
record_sum(struct nn_plan *plan, const struct nn_node *node, const struct gpu_binding product[BINDINGS],
           const struct sum_push *push, enum nn_type type, bool wide, struct compute_error *error)
{
  const uint32_t constants[] = { node->linear.activation, node->inputs[2] != NULL, node->inputs[3] != NULL, wide };
  struct gpu_binding bindings[BINDINGS];

  for (int i = 0; i < BINDINGS; i++)
    bindings[i] = product[i];
  bindings[0] = bindings[1] = nn_plan_scratch(plan);
  nn_plan_barrier(plan);
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = type == NN_I8 ? &shader_linear_sum_i8 : &shader_linear_sum,
                              .constants = constants,
                              .constant_count = 4,
                              .bindings = bindings,
                              .binding_count = type == NN_I8 ? BINDINGS : BINDINGS - 1,
                              .push = push,
                              .push_bytes = sizeof *push,
                              .groups = nn_divide_up(push->rows * nn_divide_up(push->outputs, 4), NN_GROUP_SIZE),
                          },
                          error);
}

enum compute_status
nn_linear_gpu_record(const struct nn_linear_gpu *kernel, struct nn_plan *plan, const struct nn_node *node,
                     struct compute_error *error)
{
  nn_tensor bias = node->inputs[2], residual = node->inputs[3];
  const struct size size = size_of(node);
  const struct choice choice = choose(kernel, nn_plan_capabilities(plan), &size);
  const struct nn_linear_tile *tile = &choice.tile;
  struct gpu_binding bindings[BINDINGS], result;
  struct nn_rows rows;
  enum compute_status status = bind(plan, node, &size, bindings, error);

  if (status != COMPUTE_OK)
    return status;
  nn_as_rows(node->inputs[0], &rows);
  const struct {
    uint32_t rows, width, outputs, x_offset, x_stride, bias_offset, residual_offset, quads, splits, turns;
  } push = {
    .rows = (uint32_t)size.rows,
    .width = (uint32_t)size.width,
    .outputs = (uint32_t)size.outputs,
    .x_offset = (uint32_t)rows.offset,
    .x_stride = (uint32_t)rows.stride,
    .bias_offset = bias != NULL ? (uint32_t)bias->offset : 0,
    .residual_offset = residual != NULL ? (uint32_t)residual->offset : 0,
    .quads = (uint32_t)padded_outputs(size.outputs) / 4,
    .splits = choice.splits,
    .turns = (uint32_t)nn_divide_up(nn_divide_up(size.width, tile->depth), choice.splits),
  };
  const bool wide = size.outputs % 4 == 0 && (residual == NULL || residual->offset % 4 == 0);
  const bool vector = rows.width % 4 == 0 && rows.stride % 4 == 0 && rows.offset % 4 == 0;
  uint32_t constants[16] = { tile->threads, node->linear.activation, bias != NULL, residual != NULL, wide,
                             vector,        choice.splits > 1,       tile->rows,   tile->outputs,    tile->depth };

  memcpy(constants + 10, tile->constants, sizeof tile->constants);
  result = bindings[4];
  if (choice.splits > 1)
    bindings[4] = nn_plan_scratch(plan);
  status = nn_plan_dispatch(
      plan,
      &(struct nn_dispatch){
          .shader = kernel->shaders[size.type],
          .constants = constants,
          .constant_count = 10 + tile->constant_count,
          .bindings = bindings,
          .binding_count = size.type == NN_I8 ? BINDINGS : BINDINGS - 1,
          .push = &push,
          .push_bytes = sizeof push,
          .groups = nn_divide_up(size.rows, tile->rows) * nn_divide_up(size.outputs, tile->outputs) * choice.splits,
          .required_subgroup_size = kernel->needs_subgroups ? nn_plan_capabilities(plan)->subgroup_size : 0,
      },
      error);
  if (status != COMPUTE_OK || choice.splits == 1)
    return status;
  bindings[4] = result;
  return record_sum(plan, node, bindings,
                    &(struct sum_push){ push.rows, push.outputs, push.bias_offset, push.residual_offset, push.splits },
                    size.type, wide, error);
}
