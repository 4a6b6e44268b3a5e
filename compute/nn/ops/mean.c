/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

extern const struct nn_op nn_op_mean;

nn_tensor
nn_mean(struct nn_graph *graph, nn_tensor x, nn_tensor lengths)
{
  struct nn_shape shape = { .rank = 2 };
  char one[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "mean", x) || (lengths != NULL && !nn_graph_accepts(graph, "mean", lengths)))
    return nn_graph_nothing(graph);
  if (x->shape.rank != 3)
    return nn_reject(graph, "mean: “%s” %s is not [batch, tokens, width]", x->name, nn_shape_text(&x->shape, one));
  if (lengths != NULL && (lengths->type != NN_I32 || lengths->shape.rank != 1 || !nn_is_contiguous(lengths) ||
                          lengths->shape.dims[0] != x->shape.dims[0]))
    return nn_reject(graph, "mean: lengths “%s” %s must be I32 [batch] for “%s” %s", lengths->name,
                     nn_shape_text(&lengths->shape, one), x->name, nn_shape_text(&x->shape, other));
  shape.dims[0] = x->shape.dims[0];
  shape.dims[1] = x->shape.dims[2];
  return nn_append(graph, &(struct nn_node){
                              .op = &nn_op_mean,
                              .inputs = { nn_dense_last(graph, x), lengths },
                              .output = nn_new_result(graph, "mean", &shape),
                          });
}

nn_tensor
nn_global_mean(struct nn_graph *graph, nn_tensor x)
{
  char text[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "global mean", x))
    return nn_graph_nothing(graph);
  if (x->shape.rank != 4)
    return nn_reject(graph, "global mean: “%s” %s is not [batch, height, width, channels]", x->name,
                     nn_shape_text(&x->shape, text));
  x = nn_reshape(graph, x, 3, (int64_t[]){ x->shape.dims[0], x->shape.dims[1] * x->shape.dims[2], x->shape.dims[3] });
  return nn_mean(graph, x, NULL);
}

static enum compute_status
record_column(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  nn_tensor x = node->inputs[0], lengths = node->inputs[1];
  const nn_tensor operands[] = { x, lengths != NULL ? lengths : x, node->output };
  struct gpu_binding bindings[3];
  struct {
    uint32_t batch, tokens, width, x_offset, row_stride, batch_stride, lengths_offset;
  } push = {
    .batch = (uint32_t)x->shape.dims[0],
    .tokens = (uint32_t)x->shape.dims[1],
    .width = (uint32_t)x->shape.dims[2],
    .x_offset = (uint32_t)x->offset,
    .row_stride = (uint32_t)x->strides[1],
    .batch_stride = (uint32_t)x->strides[0],
    .lengths_offset = lengths != NULL ? (uint32_t)lengths->offset : 0,
  };
  bool vector = x->shape.dims[2] % 4 == 0 && x->offset % 4 == 0 && x->strides[0] % 4 == 0 && x->strides[1] % 4 == 0;
  uint32_t constants[] = { vector, lengths != NULL };

  for (int i = 0; i < 3; i++) {
    enum compute_status status = nn_plan_bind(plan, operands[i], &bindings[i], error);

    if (status != COMPUTE_OK)
      return status;
  }
  return nn_plan_dispatch(
      plan,
      &(struct nn_dispatch){
          .shader = &shader_mean,
          .constants = constants,
          .constant_count = 2,
          .bindings = bindings,
          .binding_count = 3,
          .push = &push,
          .push_bytes = sizeof push,
          .groups = nn_divide_up((uint64_t)push.batch * (vector ? push.width / 4 : push.width), NN_GROUP_SIZE),
      },
      error);
}

static double
operations(const struct nn_node *node)
{
  return (double)nn_elements(&node->inputs[0]->shape);
}

static const struct nn_kernel column = { .name = "column", .record = record_column };

static const struct nn_kernel *const kernels[] = { &column, NULL };

const struct nn_op nn_op_mean = { "mean", kernels, operations };
