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

static double
operations(const struct nn_node *node)
{
  return 8.0 * (double)nn_elements(&node->output->shape);
}

static const struct nn_kernel group = { .name = "group", .record = record_group };

static const struct nn_kernel *const kernels[] = { &group, NULL };

const struct nn_op nn_op_layer_norm = { "layer-norm", kernels, operations };
