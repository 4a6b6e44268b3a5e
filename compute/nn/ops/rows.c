/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/ops/rows.h"

static bool
aligned(nn_tensor tensor)
{
  return tensor == NULL || tensor->offset % 4 == 0;
}

bool
nn_rows_subgroups_fit(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  return capabilities->type != GPU_DEVICE_CPU && capabilities->subgroup_arithmetic;
}

enum compute_status
nn_record_rows(struct nn_plan *plan, const struct nn_node *node, const struct shader *shader, nn_tensor gamma,
               nn_tensor beta, float epsilon, struct compute_error *error)
{
  nn_tensor x = node->inputs[0];
  const nn_tensor operands[] = { x, gamma != NULL ? gamma : x, beta != NULL ? beta : x, node->output };
  struct gpu_binding bindings[4];
  struct nn_rows rows;
  struct {
    uint32_t rows, width, x_offset, x_stride, gamma_offset, beta_offset;
    float epsilon;
  } push;
  uint32_t constants[3] = { 0, gamma != NULL, beta != NULL };

  nn_as_rows(x, &rows);
  for (int i = 0; i < 4; i++) {
    enum compute_status status = nn_plan_bind(plan, operands[i], &bindings[i], error);

    if (status != COMPUTE_OK)
      return status;
  }
  constants[0] = rows.width % 4 == 0 && rows.stride % 4 == 0 && rows.offset % 4 == 0 && aligned(gamma) && aligned(beta);
  push.rows = (uint32_t)rows.count;
  push.width = (uint32_t)rows.width;
  push.x_offset = (uint32_t)rows.offset;
  push.x_stride = (uint32_t)rows.stride;
  push.gamma_offset = gamma != NULL ? (uint32_t)gamma->offset : 0;
  push.beta_offset = beta != NULL ? (uint32_t)beta->offset : 0;
  push.epsilon = epsilon;
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = shader,
                              .constants = constants,
                              .constant_count = 3,
                              .bindings = bindings,
                              .binding_count = 4,
                              .push = &push,
                              .push_bytes = sizeof push,
                              .groups = (uint64_t)rows.count,
                          },
                          error);
}
