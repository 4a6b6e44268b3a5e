/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

extern const struct nn_op nn_op_gather;

nn_tensor
nn_gather(struct nn_graph *graph, nn_tensor table, nn_tensor ids)
{
  struct nn_shape shape;
  char one[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "gather", table) || !nn_graph_accepts(graph, "gather", ids))
    return nn_graph_nothing(graph);
  if (table->shape.rank != 2 || ids->type != NN_I32 || ids->shape.rank > 2 || !nn_is_contiguous(ids))
    return nn_reject(
        graph, "gather: table “%s” %s must be [rows, width] and ids “%s” %s dense I32 [batch, tokens] or [tokens]",
        table->name, nn_shape_text(&table->shape, one), ids->name, nn_shape_text(&ids->shape, other));
  shape = ids->shape;
  shape.dims[shape.rank++] = table->shape.dims[1];
  table = nn_dense_last(graph, table);
  return nn_append(graph, &(struct nn_node){
                              .op = &nn_op_gather,
                              .inputs = { table, ids },
                              .output = nn_new_result(graph, "gather", &shape),
                              .gather = { .rows = nn_elements(&ids->shape),
                                          .choices = table->shape.dims[0],
                                          .row_stride = table->strides[0] },
                          });
}

nn_tensor
nn_gather_rows(struct nn_graph *graph, nn_tensor x, nn_tensor index)
{
  struct nn_shape shape = { .rank = 2 };
  char one[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "gather rows", x) || !nn_graph_accepts(graph, "gather rows", index))
    return nn_graph_nothing(graph);
  if (x->shape.rank != 3 || index->type != NN_I32 || index->shape.rank != 1 || !nn_is_contiguous(index) ||
      index->shape.dims[0] != x->shape.dims[0])
    return nn_reject(graph, "gather rows: “%s” %s must be [batch, tokens, width] and index “%s” %s I32 [batch]",
                     x->name, nn_shape_text(&x->shape, one), index->name, nn_shape_text(&index->shape, other));
  x = nn_dense_last(graph, x);
  shape.dims[0] = x->shape.dims[0];
  shape.dims[1] = x->shape.dims[2];
  return nn_append(graph, &(struct nn_node){
                              .op = &nn_op_gather,
                              .inputs = { x, index },
                              .output = nn_new_result(graph, "gather rows", &shape),
                              .gather = { .rows = shape.dims[0],
                                          .choices = x->shape.dims[1],
                                          .row_stride = x->strides[1],
                                          .batch_stride = x->strides[0] },
                          });
}

/* Which rows of a table one binding can hold. A table that is no weight lies in the arena, and is bound whole. */
struct parts {
  struct gpu_binding table;
  int64_t rows; /* in one binding */
  bool split;
  const struct nn_packing *packing; /* of a table that is a weight */
};

static enum compute_status
find_parts(struct nn_plan *plan, const struct nn_node *node, struct parts *parts, struct compute_error *error)
{
  nn_tensor table = node->inputs[0];
  enum compute_status status;

  parts->rows = node->gather.choices;
  parts->packing = &nn_packing_plain;
  parts->split = table->storage->kind == NN_STORAGE_WEIGHT && nn_is_contiguous(table) && node->gather.batch_stride == 0;
  if (!parts->split)
    return nn_plan_bind(plan, table, &parts->table, error);
  parts->packing = nn_storage_type(node) == NN_F32 ? &nn_packing_plain : &nn_packing_plain_halves;
  status = nn_plan_bind_packed(plan, table, parts->packing, &parts->table, error);
  if (status != COMPUTE_OK)
    return status;
  if (parts->table.bytes > nn_plan_capabilities(plan)->max_storage_buffer_bytes)
    parts->rows = (int64_t)nn_plan_part(plan, (uint64_t)node->gather.row_stride * nn_type_bytes(parts->packing->type),
                                        (uint64_t)node->gather.choices);
  if (parts->rows == 0)
    return compute_fail(error, COMPUTE_ERROR_LIMIT, "weight “%s”: a row of it is larger than the device can bind",
                        table->name);
  return COMPUTE_OK;
}

static enum compute_status
record_copy(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  nn_tensor table = node->inputs[0], ids = node->inputs[1];
  int64_t width = node->output->shape.dims[node->output->shape.rank - 1];
  struct parts parts;
  struct gpu_binding bindings[3];
  struct {
    uint32_t rows, width, choices, first, part, x_offset, row_stride, batch_stride, ids_offset;
  } push;
  uint64_t x_offset;
  uint32_t vector;
  enum compute_status status = find_parts(plan, node, &parts, error);

  if (status == COMPUTE_OK)
    status = nn_plan_bind(plan, ids, &bindings[1], error);
  if (status == COMPUTE_OK)
    status = nn_plan_bind(plan, node->output, &bindings[2], error);
  x_offset = parts.split ? 0 : (uint64_t)table->offset; /* a packed run starts at its own first element */
  vector =
      width % 4 == 0 && node->gather.row_stride % 4 == 0 && node->gather.batch_stride % 4 == 0 && x_offset % 4 == 0;
  for (int64_t first = 0; status == COMPUTE_OK && first < node->gather.choices; first += parts.rows) {
    int64_t here = node->gather.choices - first < parts.rows ? node->gather.choices - first : parts.rows;

    bindings[0] = parts.table;
    if (parts.split && parts.rows < node->gather.choices) {
      const uint64_t row_bytes = (uint64_t)node->gather.row_stride * nn_type_bytes(parts.packing->type);

      bindings[0].offset = (uint64_t)first * row_bytes;
      bindings[0].bytes = (uint64_t)here * row_bytes;
      bindings[0].bytes = nn_divide_up(bindings[0].bytes, 16) * 16;
    }
    push.rows = (uint32_t)node->gather.rows;
    push.width = (uint32_t)width;
    push.choices = (uint32_t)node->gather.choices;
    push.first = (uint32_t)first;
    push.part = (uint32_t)here;
    push.x_offset = (uint32_t)x_offset;
    push.row_stride = (uint32_t)node->gather.row_stride;
    push.batch_stride = (uint32_t)node->gather.batch_stride;
    push.ids_offset = (uint32_t)ids->offset;
    status = nn_plan_dispatch(
        plan,
        &(struct nn_dispatch){
            .shader = parts.packing->type == NN_F16 ? &shader_gather_halves : &shader_gather,
            .constants = &vector,
            .constant_count = 1,
            .bindings = bindings,
            .binding_count = 3,
            .push = &push,
            .push_bytes = sizeof push,
            .groups = nn_divide_up((uint64_t)node->gather.rows * (uint64_t)(vector ? width / 4 : width), NN_GROUP_SIZE),
        },
        error);
  }
  return status;
}

static const struct nn_kernel copy = { .name = "copy", .record = record_copy };

static const struct nn_kernel *const kernels[] = { &copy, NULL };

const struct nn_op nn_op_gather = { "gather", kernels, NULL };
