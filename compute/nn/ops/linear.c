/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

#include <string.h>

extern const struct nn_op nn_op_linear;
extern const struct nn_kernel nn_kernel_linear_cpu, nn_kernel_linear_matrix_khr, nn_kernel_linear_matrix_nv,
    nn_kernel_linear_matrix_plain, nn_kernel_linear_tiles;

nn_tensor
nn_linear(struct nn_graph *graph, nn_tensor x, nn_tensor weight, const struct nn_linear_params *params)
{
  static const struct nn_linear_params nothing;
  struct nn_shape shape;
  nn_tensor bias, residual;
  char one[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT];

  if (params == NULL)
    params = &nothing;
  bias = params->bias;
  residual = params->residual;
  if (!nn_graph_accepts(graph, "linear", x) || !nn_graph_accepts(graph, "linear", weight) ||
      (bias != NULL && !nn_graph_accepts(graph, "linear", bias)) ||
      (residual != NULL && !nn_graph_accepts(graph, "linear", residual)))
    return nn_graph_nothing(graph);
  shape = x->shape;
  if (weight->storage->kind != NN_STORAGE_WEIGHT || !nn_is_contiguous(weight) || weight->shape.rank != 2)
    return nn_reject(graph, "linear: “%s” %s is not a dense matrix of the checkpoint; nn_matmul() multiplies others",
                     weight->name, nn_shape_text(&weight->shape, one));
  if (shape.dims[shape.rank - 1] != weight->shape.dims[1])
    return nn_reject(graph, "linear: “%s” %s does not fit weight “%s” %s: the last dimensions must be equal", x->name,
                     nn_shape_text(&x->shape, one), weight->name, nn_shape_text(&weight->shape, other));
  shape.dims[shape.rank - 1] = weight->shape.dims[0];
  if (bias != NULL && (bias->shape.rank != 1 || bias->shape.dims[0] != weight->shape.dims[0]))
    return nn_reject(graph, "linear: bias “%s” %s does not fit weight “%s” %s", bias->name,
                     nn_shape_text(&bias->shape, one), weight->name, nn_shape_text(&weight->shape, other));
  if (residual != NULL && !nn_shape_equal(&residual->shape, &shape))
    return nn_reject(graph, "linear: residual “%s” %s does not fit the result %s of weight “%s”", residual->name,
                     nn_shape_text(&residual->shape, one), nn_shape_text(&shape, other), weight->name);
  if (x->type != NN_F32)
    return nn_reject(graph, "linear: “%s” is not of type F32", x->name);
  return nn_append(graph, &(struct nn_node){
                              .op = &nn_op_linear,
                              .inputs = { nn_row_layout(graph, x), weight, bias ? nn_contiguous(graph, bias) : NULL,
                                          residual ? nn_contiguous(graph, residual) : NULL },
                              .output = nn_new_result(graph, "linear", &shape),
                              .is_delicate = params->is_delicate,
                              .linear = { .activation = params->activation },
                          });
}

/* ---- The kernel that needs nothing: register tiles of 8 outputs and 1, 2, 4 or 8 rows ---- */

#define BLOCK 8 /* outputs */

static uint64_t
block_bytes(const struct nn_shape *shape)
{
  return nn_divide_up((uint64_t)shape->dims[1], 4) * 4 * BLOCK * sizeof(float);
}

static uint64_t
blocks_bytes(const struct nn_packing *packing, const struct nn_shape *shape)
{
  return nn_divide_up((uint64_t)shape->dims[0], BLOCK) * block_bytes(shape);
}

static void
pack_blocks(const struct nn_packing *packing, const float *values, const struct nn_shape *shape, void *packed)
{
  int64_t outputs = shape->dims[0], width = shape->dims[1], padded = (width + 3) / 4 * 4;
  float *to = packed;

  for (int64_t o = 0; o < outputs; o++)
    for (int64_t k = 0; k < width; k++)
      to[(o / BLOCK * padded + k) * BLOCK + o % BLOCK] = values[o * width + k];
}

static const struct nn_packing packing_blocks = { .name = "blocks of 8, fp32",
                                                  .bytes = blocks_bytes,
                                                  .pack = pack_blocks };

static enum compute_status
record_tile(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  nn_tensor x = node->inputs[0], weight = node->inputs[1], bias = node->inputs[2], residual = node->inputs[3];
  int64_t outputs = weight->shape.dims[0], width = weight->shape.dims[1];
  uint64_t blocks = nn_divide_up((uint64_t)outputs, BLOCK), part;
  struct gpu_binding bindings[5], packed;
  struct nn_rows rows;
  enum compute_status status;
  uint32_t tile, constants[6];
  struct {
    uint32_t rows, width, outputs, x_offset, x_stride, bias_offset, residual_offset, first_block, blocks;
  } push;

  nn_as_rows(x, &rows);
  status = nn_plan_bind(plan, x, &bindings[0], error);
  if (status == COMPUTE_OK)
    status = nn_plan_bind_packed(plan, weight, &packing_blocks, &packed, error);
  if (status == COMPUTE_OK)
    status = nn_plan_bind(plan, bias != NULL ? bias : x, &bindings[2], error);
  if (status == COMPUTE_OK)
    status = nn_plan_bind(plan, residual != NULL ? residual : x, &bindings[3], error);
  if (status == COMPUTE_OK)
    status = nn_plan_bind(plan, node->output, &bindings[4], error);
  if (status != COMPUTE_OK)
    return status;
  part = nn_plan_part(plan, block_bytes(&weight->shape), blocks);
  if (part == 0)
    return compute_fail(error, COMPUTE_ERROR_LIMIT, "weight “%s”: %d of its rows are larger than the device can bind",
                        weight->name, BLOCK);

  tile = rows.count >= 8 ? 8 : rows.count >= 4 ? 4 : rows.count >= 2 ? 2 : 1;
  constants[0] = tile;
  constants[1] = node->linear.activation;
  constants[2] = bias != NULL;
  constants[3] = residual != NULL;
  constants[4] = width % 4 == 0 && rows.stride % 4 == 0 && rows.offset % 4 == 0;
  constants[5] = outputs % 4 == 0 && (residual == NULL || residual->offset % 4 == 0);
  for (uint64_t first = 0; status == COMPUTE_OK && first < blocks; first += part) {
    uint64_t here = blocks - first < part ? blocks - first : part;

    bindings[1] =
        (struct gpu_binding){ packed.buffer, first * block_bytes(&weight->shape), here * block_bytes(&weight->shape) };
    push.rows = (uint32_t)rows.count;
    push.width = (uint32_t)width;
    push.outputs = (uint32_t)outputs;
    push.x_offset = (uint32_t)rows.offset;
    push.x_stride = (uint32_t)rows.stride;
    push.bias_offset = bias != NULL ? (uint32_t)bias->offset : 0;
    push.residual_offset = residual != NULL ? (uint32_t)residual->offset : 0;
    push.first_block = (uint32_t)first;
    push.blocks = (uint32_t)here;
    status =
        nn_plan_dispatch(plan,
                         &(struct nn_dispatch){
                             .shader = &shader_linear,
                             .constants = constants,
                             .constant_count = 6,
                             .bindings = bindings,
                             .binding_count = 5,
                             .push = &push,
                             .push_bytes = sizeof push,
                             .groups = nn_divide_up(nn_divide_up((uint64_t)rows.count, tile) * here, NN_GROUP_SIZE),
                         },
                         error);
  }
  return status;
}

static double
operations(const struct nn_node *node)
{
  return 2.0 * (double)nn_elements(&node->output->shape) * (double)node->inputs[1]->shape.dims[1];
}

static const struct nn_kernel tile = { .name = "tile", .record = record_tile };

static const struct nn_kernel *const kernels[] = {
  &nn_kernel_linear_cpu,
#if SHADERS_COOPERATIVE_KHR
  &nn_kernel_linear_matrix_khr,
#endif
#if SHADERS_COOPERATIVE_NV
  &nn_kernel_linear_matrix_nv,
#endif
  &nn_kernel_linear_tiles,      &nn_kernel_linear_matrix_plain, &tile, NULL,
};

static void
sizes(const struct nn_node *node, int64_t sizes[NN_MAX_SIZES])
{
  sizes[2] = node->inputs[1]->shape.dims[0];
  sizes[1] = node->inputs[1]->shape.dims[1];
  sizes[0] = nn_elements(&node->output->shape) / sizes[2];
}

const struct nn_op nn_op_linear = { "linear", kernels, operations, sizes };
