/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

#include <string.h>

/* Sums, products, activations, scaling, and every copy from one layout to another: one kernel over strides. */

extern const struct nn_op nn_op_elementwise;

static nn_tensor
append(struct nn_graph *graph, const char *name, enum nn_elementwise kind, nn_tensor a, nn_tensor b,
       enum nn_activation activation, float factor, float offset)
{
  return nn_append(graph, &(struct nn_node){
                              .op = &nn_op_elementwise,
                              .inputs = { a, b },
                              .output = nn_new_result(graph, name, &a->shape),
                              .elementwise = { kind, activation, factor, offset },
                          });
}

static nn_tensor
combine(struct nn_graph *graph, const char *name, enum nn_elementwise kind, nn_tensor a, nn_tensor b)
{
  int64_t strides[NN_MAX_DIMS] = { 0 };
  bool fits;
  char one[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, name, a) || !nn_graph_accepts(graph, name, b))
    return nn_graph_nothing(graph);
  fits = b->shape.rank <= a->shape.rank;
  for (unsigned i = 0; fits && i < b->shape.rank; i++) {
    unsigned at = a->shape.rank - b->shape.rank + i;

    fits = b->shape.dims[i] == a->shape.dims[at] || b->shape.dims[i] == 1;
    strides[at] = b->shape.dims[i] == 1 ? 0 : b->strides[i];
  }
  if (!fits || a->type != NN_F32 || b->type != NN_F32)
    return nn_reject(graph, "%s: “%s” %s cannot be broadcast to “%s” %s%s", name, b->name,
                     nn_shape_text(&b->shape, one), a->name, nn_shape_text(&a->shape, other),
                     fits ? ": both must be of type F32" : "");
  b = nn_new_view(graph, b, &a->shape, strides, b->offset);
  return append(graph, name, kind, a, b, NN_IDENTITY, 1, 0);
}

nn_tensor
nn_add(struct nn_graph *graph, nn_tensor a, nn_tensor b)
{
  return combine(graph, "add", NN_ELEMENTWISE_ADD, a, b);
}

nn_tensor
nn_multiply(struct nn_graph *graph, nn_tensor a, nn_tensor b)
{
  return combine(graph, "multiply", NN_ELEMENTWISE_MULTIPLY, a, b);
}

static bool
accepts_float(struct nn_graph *graph, const char *name, nn_tensor x)
{
  if (!nn_graph_accepts(graph, name, x))
    return false;
  if (x->type != NN_F32)
    nn_reject(graph, "%s: “%s” is not of type F32", name, x->name);
  return x->type == NN_F32;
}

nn_tensor
nn_scale(struct nn_graph *graph, nn_tensor x, float factor, float offset)
{
  if (!accepts_float(graph, "scale", x))
    return nn_graph_nothing(graph);
  return append(graph, "scale", NN_ELEMENTWISE_COPY, x, NULL, NN_IDENTITY, factor, offset);
}

nn_tensor
nn_activate(struct nn_graph *graph, nn_tensor x, enum nn_activation activation)
{
  if (!accepts_float(graph, "activate", x))
    return nn_graph_nothing(graph);
  return append(graph, "activate", NN_ELEMENTWISE_COPY, x, NULL, activation, 1, 0);
}

nn_tensor
nn_concat(struct nn_graph *graph, nn_tensor a, nn_tensor b, unsigned axis)
{
  struct nn_shape shape;
  nn_tensor result, parts[2] = { a, b };
  int64_t start = 0;
  bool fits;
  char one[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT];

  if (!accepts_float(graph, "concat", a) || !accepts_float(graph, "concat", b))
    return nn_graph_nothing(graph);
  shape = a->shape;
  fits = shape.rank == b->shape.rank && axis < shape.rank;
  for (unsigned i = 0; fits && i < shape.rank; i++)
    fits = i == axis || shape.dims[i] == b->shape.dims[i];
  if (!fits)
    return nn_reject(graph, "concat: “%s” %s and “%s” %s cannot be joined along axis %u", a->name,
                     nn_shape_text(&a->shape, one), b->name, nn_shape_text(&b->shape, other), axis);
  shape.dims[axis] += b->shape.dims[axis];

  fits = axis == 0;
  for (int i = 0; fits && i < 2; i++)
    fits = parts[i]->storage->kind == NN_STORAGE_WEIGHT &&
           nn_shape_equal(&parts[i]->shape, &parts[i]->storage->source->shape) && nn_is_contiguous(parts[i]);
  if (fits && nn_shape_valid(&shape))
    return nn_new_weight(graph, nn_weights_concat(graph->weights, a->storage->source, b->storage->source));

  result = nn_new_result(graph, "concat", &shape);
  for (int i = 0; i < 2 && nn_graph_good(graph); i++) {
    nn_append(graph, &(struct nn_node){
                         .op = &nn_op_elementwise,
                         .inputs = { parts[i] },
                         .output = nn_slice(graph, result, axis, start, parts[i]->shape.dims[axis]),
                         .elementwise = { NN_ELEMENTWISE_COPY, NN_IDENTITY, 1, 0 },
                     });
    start += parts[i]->shape.dims[axis];
  }
  return nn_graph_good(graph) ? result : nn_graph_nothing(graph);
}

/* ---- The kernel ---- */

enum { A, B, Y, OPERANDS };

/* The same elements in as few dimensions as can be, aligned at the last of four. */
struct layout {
  unsigned rank;
  int64_t dims[NN_MAX_DIMS], strides[OPERANDS][NN_MAX_DIMS];
};

static struct layout
merge_dimensions(const nn_tensor operands[OPERANDS])
{
  const struct nn_shape *shape = &operands[Y]->shape;
  struct layout layout = { .rank = 1, .dims = { 1, 1, 1, 1 } };
  unsigned at = NN_MAX_DIMS;

  for (unsigned i = shape->rank; i-- > 0;) {
    bool merges = at < NN_MAX_DIMS;

    if (shape->dims[i] == 1)
      continue;
    for (int j = 0; merges && j < OPERANDS; j++)
      merges = operands[j]->strides[i] == layout.strides[j][at] * layout.dims[at];
    if (merges) {
      layout.dims[at] *= shape->dims[i];
      continue;
    }
    layout.dims[--at] = shape->dims[i];
    for (int j = 0; j < OPERANDS; j++)
      layout.strides[j][at] = operands[j]->strides[i];
  }
  if (at < NN_MAX_DIMS) {
    layout.rank = NN_MAX_DIMS - at;
  } else { /* a single element */
    for (int j = 0; j < OPERANDS; j++)
      layout.strides[j][NN_MAX_DIMS - 1] = 1;
  }
  return layout;
}

/* Whether four neighbours of the last dimension can be moved at once. */
static bool
goes_in_fours(const struct layout *layout, const nn_tensor operands[OPERANDS], bool *splat)
{
  const unsigned last = NN_MAX_DIMS - 1;

  *splat = layout->strides[B][last] == 0;
  if (layout->dims[last] % 4 != 0)
    return false;
  for (int j = 0; j < OPERANDS; j++) {
    if (j == B && *splat)
      continue;
    if (layout->strides[j][last] != 1 || operands[j]->offset % 4 != 0)
      return false;
    for (unsigned i = 0; i < last; i++)
      if (layout->strides[j][i] % 4 != 0)
        return false;
  }
  return true;
}

static enum compute_status
record_strided(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  const nn_tensor operands[OPERANDS] = { node->inputs[0], node->inputs[1] ? node->inputs[1] : node->inputs[0],
                                         node->output };
  struct layout layout = merge_dimensions(operands);
  struct gpu_binding bindings[OPERANDS];
  const unsigned last = NN_MAX_DIMS - 1;
  bool splat, vector = goes_in_fours(&layout, operands, &splat);
  struct {
    uint32_t count, dims[3], strides[OPERANDS][NN_MAX_DIMS], offsets[OPERANDS];
    float factor, offset;
  } push = { .factor = node->elementwise.factor, .offset = node->elementwise.offset };
  uint32_t constants[] = { node->elementwise.kind,
                           node->elementwise.activation,
                           layout.rank,
                           vector,
                           splat,
                           node->elementwise.factor != 1 || node->elementwise.offset != 0 };

  for (int j = 0; j < OPERANDS; j++) {
    enum compute_status status = nn_plan_bind(plan, operands[j], &bindings[j], error);

    if (status != COMPUTE_OK)
      return status;
    push.offsets[j] = (uint32_t)operands[j]->offset;
    for (unsigned i = 0; i < NN_MAX_DIMS; i++)
      push.strides[j][i] = (uint32_t)(layout.strides[j][i] * (vector && i == last ? 4 : 1));
  }
  if (vector)
    layout.dims[last] /= 4;
  push.count = 1;
  for (unsigned i = 0; i < NN_MAX_DIMS; i++)
    push.count *= (uint32_t)layout.dims[i];
  for (unsigned i = 0; i < 3; i++)
    push.dims[i] = (uint32_t)layout.dims[i + 1];
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = &shader_elementwise,
                              .constants = constants,
                              .constant_count = 6,
                              .bindings = bindings,
                              .binding_count = OPERANDS,
                              .push = &push,
                              .push_bytes = sizeof push,
                              .groups = nn_divide_up(push.count, NN_GROUP_SIZE),
                          },
                          error);
}

static const struct nn_kernel strided = { .name = "strided", .record = record_strided };

static const struct nn_kernel *const kernels[] = { &strided, NULL };

const struct nn_op nn_op_elementwise = { "elementwise", kernels, NULL };
