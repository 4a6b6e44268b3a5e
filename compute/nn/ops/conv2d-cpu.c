/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/ops/linear-cpu.h"

/*
 * A convolution on a device that is a processor: every window is written out as a row (shaders/columns.comp), which the matrix
 * product of linear-cpu.c then takes. Writing costs little beside what the product wins.
 */

extern const struct nn_kernel nn_kernel_conv2d_cpu;

/* The weight as nn_conv2d() leaves it is [1, outputs, channels, taps]; its rows become [taps][channels] when it is packed. */

static int64_t
width_of(const struct nn_shape *shape)
{
  return shape->dims[2] * shape->dims[3];
}

static struct nn_rows
rows_of(const struct nn_node *node)
{
  const int64_t *out = node->output->shape.dims;
  int64_t padded = (int64_t)nn_divide_up((uint64_t)width_of(&node->inputs[1]->shape), 4) * 4;

  return (struct nn_rows){ .count = out[0] * out[1] * out[2], .width = padded, .stride = padded };
}

static uint64_t
scratch_bytes(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  struct nn_rows rows = rows_of(node);

  return (uint64_t)rows.count * (uint64_t)rows.width * sizeof(float);
}

static bool
is_vector(const struct nn_node *node)
{
  nn_tensor x = node->inputs[0];

  return x->shape.dims[3] % 4 == 0 && x->offset % 4 == 0;
}

static bool
fits(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  struct nn_rows rows = rows_of(node);

  return node->conv2d.groups == 1 && scratch_bytes(capabilities, node) <= capabilities->max_storage_buffer_bytes &&
         nn_linear_cpu_fits(capabilities, &rows, rows.count * rows.width, node->inputs[1]->shape.dims[1]) &&
         (uint64_t)node->inputs[0]->storage->elements / 4 < capabilities->max_texel_buffer_elements;
}

static enum compute_status
record_columns(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  static const enum gpu_binding_type types[] = { GPU_BINDING_TEXEL_F32X4, GPU_BINDING_STORAGE, GPU_BINDING_STORAGE };
  nn_tensor x = node->inputs[0];
  const int64_t *in = x->shape.dims, *out = node->output->shape.dims;
  struct nn_rows rows = rows_of(node);
  struct gpu_binding bindings[3] = { [2] = nn_plan_scratch(plan) };
  enum compute_status status = nn_plan_bind(plan, x, &bindings[1], error);
  const struct {
    uint32_t batch, height, width, out_height, out_width, kernel_y, stride[2], dilation[2], padding[2], x_offset;
  } push = {
    .batch = (uint32_t)in[0],
    .height = (uint32_t)in[1],
    .width = (uint32_t)in[2],
    .out_height = (uint32_t)out[1],
    .out_width = (uint32_t)out[2],
    .kernel_y = node->conv2d.kernel[0],
    .stride = { node->conv2d.stride[0], node->conv2d.stride[1] },
    .dilation = { node->conv2d.dilation[0], node->conv2d.dilation[1] },
    .padding = { node->conv2d.padding[0], node->conv2d.padding[1] },
    .x_offset = (uint32_t)x->offset,
  };
  const uint32_t constants[] = { is_vector(node), (uint32_t)in[3], node->conv2d.kernel[1] };

  if (status != COMPUTE_OK)
    return status;
  bindings[0] = bindings[1];
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = &shader_columns,
                              .constants = constants,
                              .constant_count = 3,
                              .bindings = bindings,
                              .binding_types = types,
                              .binding_count = 3,
                              .push = &push,
                              .push_bytes = sizeof push,
                              .groups = nn_divide_up((uint64_t)(rows.count * rows.width / 4), NN_GROUP_SIZE),
                          },
                          error);
}

static enum compute_status
record(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  const struct nn_linear_cpu product = {
    .x = nn_plan_scratch(plan),
    .rows = rows_of(node),
    .weight = node->inputs[1],
    .bias = node->inputs[2],
    .residual = node->inputs[3],
    .output = node->output,
    .outputs = node->inputs[1]->shape.dims[1],
    .type = nn_storage_type(node),
    .activation = node->conv2d.activation,
  };
  enum compute_status status = record_columns(plan, node, error);

  if (status != COMPUTE_OK)
    return status;
  nn_plan_barrier(plan);
  return nn_linear_cpu_record(plan, &product, error);
}

const struct nn_kernel nn_kernel_conv2d_cpu = {
  .name = "columns",
  .fits = fits,
  .scratch_bytes = scratch_bytes,
  .record = record,
};
