/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/ops/rows.h"

extern const struct nn_op nn_op_softmax;

nn_tensor
nn_softmax(struct nn_graph *graph, nn_tensor x)
{
  if (!nn_graph_accepts(graph, "softmax", x))
    return nn_graph_nothing(graph);
  return nn_append(graph, &(struct nn_node){
                              .op = &nn_op_softmax,
                              .inputs = { nn_row_layout(graph, x) },
                              .output = nn_new_result(graph, "softmax", &x->shape),
                          });
}

static enum compute_status
record_group(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  return nn_record_rows(plan, node, &shader_softmax, NULL, NULL, 0, error);
}

static enum compute_status
record_subgroups(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  return nn_record_rows(plan, node, &shader_softmax_subgroups, NULL, NULL, 0, error);
}

static double
operations(const struct nn_node *node)
{
  return 5.0 * (double)nn_elements(&node->output->shape);
}

static const struct nn_kernel group = { .name = "group", .record = record_group };

static const struct nn_kernel subgroups = { .name = "subgroups",
                                            .fits = nn_rows_subgroups_fit,
                                            .record = record_subgroups };

static const struct nn_kernel *const kernels[] = { &subgroups, &group, NULL };

const struct nn_op nn_op_softmax = { "softmax", kernels, operations };
