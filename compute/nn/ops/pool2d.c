/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

extern const struct nn_op nn_op_pool2d;

nn_tensor
nn_pool2d(struct nn_graph *graph, nn_tensor x, enum nn_pool kind, const unsigned kernel[2], const unsigned stride[2],
          const unsigned padding[4])
{
  static const unsigned none[4];
  struct nn_shape shape;
  char text[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "pool", x))
    return nn_graph_nothing(graph);
  if (stride == NULL)
    stride = kernel;
  if (padding == NULL)
    padding = none;
  if (x->shape.rank != 4)
    return nn_reject(graph, "pool: “%s” %s is not [batch, height, width, channels]", x->name,
                     nn_shape_text(&x->shape, text));
  shape = x->shape;
  for (int i = 0; i < 2; i++) {
    int64_t side = (int64_t)x->shape.dims[1 + i] + padding[i] + padding[i + 2];

    if (kernel[i] == 0 || stride[i] == 0 || kernel[i] > side || padding[i] >= kernel[i] || padding[i + 2] >= kernel[i])
      return nn_reject(graph, "pool: a window of %u × %u with these strides and paddings does not fit “%s” %s",
                       kernel[0], kernel[1], x->name, nn_shape_text(&x->shape, text));
    shape.dims[1 + i] = (side - kernel[i]) / stride[i] + 1;
  }
  return nn_append(graph, &(struct nn_node){
                              .op = &nn_op_pool2d,
                              .inputs = { nn_contiguous(graph, x) },
                              .output = nn_new_result(graph, "pool", &shape),
                              .pool2d = { .kind = kind,
                                          .kernel = { kernel[0], kernel[1] },
                                          .stride = { stride[0], stride[1] },
                                          .padding = { padding[0], padding[1] } },
                          });
}

static enum compute_status
record_window(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  nn_tensor x = node->inputs[0];
  const int64_t *in = x->shape.dims, *out = node->output->shape.dims;
  bool vector = in[3] % 4 == 0 && x->offset % 4 == 0;
  struct gpu_binding bindings[2];
  struct {
    uint32_t batch, height, width, channels, out_height, out_width;
    uint32_t kernel[2], stride[2], padding[2], x_offset;
  } push = {
    .batch = (uint32_t)in[0],
    .height = (uint32_t)in[1],
    .width = (uint32_t)in[2],
    .channels = (uint32_t)in[3],
    .out_height = (uint32_t)out[1],
    .out_width = (uint32_t)out[2],
    .kernel = { node->pool2d.kernel[0], node->pool2d.kernel[1] },
    .stride = { node->pool2d.stride[0], node->pool2d.stride[1] },
    .padding = { node->pool2d.padding[0], node->pool2d.padding[1] },
    .x_offset = (uint32_t)x->offset,
  };
  uint32_t constants[] = { vector, node->pool2d.kind == NN_POOL_MEAN };
  enum compute_status status = nn_plan_bind(plan, x, &bindings[0], error);

  if (status == COMPUTE_OK)
    status = nn_plan_bind(plan, node->output, &bindings[1], error);
  if (status != COMPUTE_OK)
    return status;
  return nn_plan_dispatch(
      plan,
      &(struct nn_dispatch){
          .shader = &shader_pool2d,
          .constants = constants,
          .constant_count = 2,
          .bindings = bindings,
          .binding_count = 2,
          .push = &push,
          .push_bytes = sizeof push,
          .groups = nn_divide_up((uint64_t)nn_elements(&node->output->shape) / (vector ? 4 : 1), NN_GROUP_SIZE),
      },
      error);
}

static double
operations(const struct nn_node *node)
{
  return (double)nn_elements(&node->output->shape) * node->pool2d.kernel[0] * node->pool2d.kernel[1];
}

static const struct nn_kernel window = { .name = "window", .record = record_window };

static const struct nn_kernel *const kernels[] = { &window, NULL };

const struct nn_op nn_op_pool2d = { "pool2d", kernels, operations };
