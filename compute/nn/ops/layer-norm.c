/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/ops/rows.h"

extern const struct nn_op nn_op_layer_norm;

nn_tensor
nn_layer_norm(struct nn_graph *graph, nn_tensor x, nn_tensor gamma, nn_tensor beta, float epsilon)
{
  const nn_tensor vectors[] = { gamma, beta };
  char one[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "layer norm", x))
    return nn_graph_nothing(graph);
  for (int i = 0; i < 2; i++) {
    nn_tensor vector = vectors[i];

    if (vector == NULL)
      continue;
    if (!nn_graph_accepts(graph, "layer norm", vector))
      return nn_graph_nothing(graph);
    if (vector->shape.rank != 1 || vector->shape.dims[0] != x->shape.dims[x->shape.rank - 1])
      return nn_reject(graph, "layer norm: “%s” %s does not fit the last dimension of “%s” %s", vector->name,
                       nn_shape_text(&vector->shape, one), x->name, nn_shape_text(&x->shape, other));
  }
  return nn_append(graph, &(struct nn_node){
                              .op = &nn_op_layer_norm,
                              .inputs = { nn_row_layout(graph, x), gamma ? nn_contiguous(graph, gamma) : NULL,
                                          beta ? nn_contiguous(graph, beta) : NULL },
                              .output = nn_new_result(graph, "layer norm", &x->shape),
                              .layer_norm = { .epsilon = epsilon },
                          });
}

static enum compute_status
record_group(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  return nn_record_rows(plan, node, &shader_layer_norm, node->inputs[1], node->inputs[2], node->layer_norm.epsilon,
                        error);
}

static enum compute_status
record_subgroups(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  return nn_record_rows(plan, node, &shader_layer_norm_subgroups, node->inputs[1], node->inputs[2],
                        node->layer_norm.epsilon, error);
}

/* ---- For devices that are processors: an invocation a row ---- */

static bool
is_texels(const struct gpu_capabilities *capabilities, nn_tensor tensor)
{
  return tensor == NULL ||
         (tensor->offset % 4 == 0 && (uint64_t)tensor->storage->elements / 4 < capabilities->max_texel_buffer_elements);
}

static bool
fits_row(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  struct nn_rows rows;

  return capabilities->type == GPU_DEVICE_CPU && nn_as_rows(node->inputs[0], &rows) && rows.width % 4 == 0 &&
         rows.width / 4 < 65535 && rows.stride % 4 == 0 && is_texels(capabilities, node->inputs[0]) &&
         is_texels(capabilities, node->inputs[1]) && is_texels(capabilities, node->inputs[2]);
}

static enum compute_status
record_row(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  static const enum gpu_binding_type types[] = { GPU_BINDING_TEXEL_F32X4, GPU_BINDING_TEXEL_F32X4,
                                                 GPU_BINDING_TEXEL_F32X4, GPU_BINDING_STORAGE };
  nn_tensor x = node->inputs[0], gamma = node->inputs[1], beta = node->inputs[2];
  const nn_tensor operands[] = { x, gamma != NULL ? gamma : x, beta != NULL ? beta : x, node->output };
  const uint32_t lanes = nn_plan_capabilities(plan)->subgroup_size;
  const uint32_t constants[] = { gamma != NULL, beta != NULL, lanes };
  struct gpu_binding bindings[4];
  struct nn_rows rows;
  struct {
    uint32_t rows, quarters, x_offset, x_stride, gamma_offset, beta_offset;
    float epsilon;
  } push;

  for (int i = 0; i < 4; i++) {
    enum compute_status status = nn_plan_bind(plan, operands[i], &bindings[i], error);

    if (status != COMPUTE_OK)
      return status;
  }
  nn_as_rows(x, &rows);
  push.rows = (uint32_t)rows.count;
  push.quarters = (uint32_t)(rows.width / 4);
  push.x_offset = (uint32_t)(rows.offset / 4);
  push.x_stride = (uint32_t)(rows.stride / 4);
  push.gamma_offset = gamma != NULL ? (uint32_t)(gamma->offset / 4) : 0;
  push.beta_offset = beta != NULL ? (uint32_t)(beta->offset / 4) : 0;
  push.epsilon = node->layer_norm.epsilon;
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = &shader_layer_norm_cpu,
                              .constants = constants,
                              .constant_count = 3,
                              .bindings = bindings,
                              .binding_types = types,
                              .binding_count = 4,
                              .push = &push,
                              .push_bytes = sizeof push,
                              .groups = nn_divide_up((uint64_t)rows.count, lanes),
                          },
                          error);
}

static double
operations(const struct nn_node *node)
{
  return 8.0 * (double)nn_elements(&node->output->shape);
}

static const struct nn_kernel group = { .name = "group", .record = record_group };

static const struct nn_kernel row = { .name = "row", .fits = fits_row, .record = record_row };

static const struct nn_kernel subgroups = { .name = "subgroups",
                                            .fits = nn_rows_subgroups_fit,
                                            .record = record_subgroups };

static const struct nn_kernel *const kernels[] = { &row, &subgroups, &group, NULL };

static void
sizes(const struct nn_node *node, int64_t sizes[NN_MAX_SIZES])
{
  const struct nn_shape *shape = &node->output->shape;

  sizes[1] = shape->dims[shape->rank - 1];
  sizes[0] = nn_elements(shape) / sizes[1];
}

const struct nn_op nn_op_layer_norm = { "layer-norm", kernels, operations, sizes };
