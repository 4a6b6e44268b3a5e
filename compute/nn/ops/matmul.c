/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

extern const struct nn_op nn_op_matmul;

/* Strides of leading dimension i of a result of that rank; 0 where the operand has none. */
static int64_t
leading_stride(nn_tensor operand, unsigned rank, unsigned i)
{
  unsigned missing = rank - operand->shape.rank;

  return i < missing || operand->shape.dims[i - missing] == 1 ? 0 : operand->strides[i - missing];
}

nn_tensor
nn_matmul(struct nn_graph *graph, nn_tensor a, nn_tensor b)
{
  struct nn_shape shape;
  bool fits;
  char one[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "matmul", a) || !nn_graph_accepts(graph, "matmul", b))
    return nn_graph_nothing(graph);
  fits = a->shape.rank >= 2 && b->shape.rank >= 2 &&
         a->shape.dims[a->shape.rank - 1] == b->shape.dims[b->shape.rank - 2] && a->type == NN_F32 &&
         b->type == NN_F32 && (a->shape.rank == b->shape.rank || a->shape.rank == 2 || b->shape.rank == 2);
  shape = a->shape.rank >= b->shape.rank ? a->shape : b->shape;
  for (unsigned i = 0; fits && a->shape.rank == b->shape.rank && i + 2 < shape.rank; i++)
    fits = a->shape.dims[i] == b->shape.dims[i];
  if (!fits)
    return nn_reject(graph, "matmul: “%s” %s and “%s” %s are not [..., M, K] and [..., K, N] with one K", a->name,
                     nn_shape_text(&a->shape, one), b->name, nn_shape_text(&b->shape, other));
  shape.dims[shape.rank - 2] = a->shape.dims[a->shape.rank - 2];
  shape.dims[shape.rank - 1] = b->shape.dims[b->shape.rank - 1];
  return nn_append(graph, &(struct nn_node){
                              .op = &nn_op_matmul,
                              .inputs = { a, b },
                              .output = nn_new_result(graph, "matmul", &shape),
                          });
}

static enum compute_status
record_tile(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  const nn_tensor operands[] = { node->inputs[0], node->inputs[1], node->output };
  const struct nn_shape *shape = &node->output->shape;
  unsigned rank = shape->rank;
  struct gpu_binding bindings[3];
  struct {
    uint32_t outer, inner, rows, columns, depth;
    struct {
      uint32_t offset, strides[4];
    } operands[2];
  } push;

  for (int i = 0; i < 3; i++) {
    enum compute_status status = nn_plan_bind(plan, operands[i], &bindings[i], error);

    if (status != COMPUTE_OK)
      return status;
  }
  push.outer = rank == 4 ? (uint32_t)shape->dims[0] : 1;
  push.inner = rank >= 3 ? (uint32_t)shape->dims[rank - 3] : 1;
  push.rows = (uint32_t)shape->dims[rank - 2];
  push.columns = (uint32_t)shape->dims[rank - 1];
  push.depth = (uint32_t)operands[0]->shape.dims[operands[0]->shape.rank - 1];
  for (int i = 0; i < 2; i++) {
    nn_tensor operand = operands[i];

    push.operands[i].offset = (uint32_t)operand->offset;
    push.operands[i].strides[0] = rank == 4 ? (uint32_t)leading_stride(operand, rank, 0) : 0;
    push.operands[i].strides[1] = rank >= 3 ? (uint32_t)leading_stride(operand, rank, rank - 3) : 0;
    push.operands[i].strides[2] = (uint32_t)operand->strides[operand->shape.rank - 2];
    push.operands[i].strides[3] = (uint32_t)operand->strides[operand->shape.rank - 1];
  }
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = &shader_matmul,
                              .bindings = bindings,
                              .binding_count = 3,
                              .push = &push,
                              .push_bytes = sizeof push,
                              .groups = nn_divide_up((uint64_t)push.outer * push.inner * nn_divide_up(push.rows, 4) *
                                                         nn_divide_up(push.columns, 4),
                                                     NN_GROUP_SIZE),
                          },
                          error);
}

static double
operations(const struct nn_node *node)
{
  nn_tensor a = node->inputs[0];

  return 2.0 * (double)nn_elements(&node->output->shape) * (double)a->shape.dims[a->shape.rank - 1];
}

static const struct nn_kernel tile = { .name = "tile", .record = record_tile };

static const struct nn_kernel *const kernels[] = { &tile, NULL };

const struct nn_op nn_op_matmul = { "matmul", kernels, operations };
