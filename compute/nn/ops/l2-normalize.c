/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/ops/rows.h"

extern const struct nn_op nn_op_l2_normalize;

nn_tensor
nn_l2_normalize(struct nn_graph *graph, nn_tensor x, float epsilon)
{
  if (!nn_graph_accepts(graph, "L2 normalise", x))
    return nn_graph_nothing(graph);
  return nn_append(graph, &(struct nn_node){
                              .op = &nn_op_l2_normalize,
                              .inputs = { nn_row_layout(graph, x) },
                              .output = nn_new_result(graph, "L2 normalise", &x->shape),
                              .l2_normalize = { .epsilon = epsilon },
                          });
}

static enum compute_status
record_group(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  return nn_record_rows(plan, node, &shader_l2_normalize, NULL, NULL, node->l2_normalize.epsilon, error);
}

static enum compute_status
record_subgroups(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  return nn_record_rows(plan, node, &shader_l2_normalize_subgroups, NULL, NULL, node->l2_normalize.epsilon, error);
}

static double
operations(const struct nn_node *node)
{
  return 3.0 * (double)nn_elements(&node->output->shape);
}

static const struct nn_kernel group = { .name = "group", .record = record_group };

static const struct nn_kernel subgroups = { .name = "subgroups",
                                            .fits = nn_rows_subgroups_fit,
                                            .record = record_subgroups };

static const struct nn_kernel *const kernels[] = { &subgroups, &group, NULL };

const struct nn_op nn_op_l2_normalize = { "l2-normalize", kernels, operations };
