/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

/* Another shape, other strides, the same memory: the operations that compute nothing, and the copies for those that cannot. */

bool
nn_is_contiguous(nn_tensor tensor)
{
  int64_t stride = 1;

  for (unsigned i = tensor->shape.rank; i-- > 0;) {
    if (tensor->shape.dims[i] != 1 && tensor->strides[i] != stride)
      return false;
    stride *= tensor->shape.dims[i];
  }
  return true;
}

static bool
is_dense_last(nn_tensor tensor)
{
  unsigned last = tensor->shape.rank - 1;

  return tensor->shape.dims[last] == 1 || tensor->strides[last] == 1;
}

bool
nn_as_rows(nn_tensor tensor, struct nn_rows *rows)
{
  const struct nn_shape *shape = &tensor->shape;
  int64_t count = 1, stride = 0;

  if (!is_dense_last(tensor))
    return false;
  for (unsigned i = shape->rank - 1; i-- > 0;) {
    if (shape->dims[i] == 1)
      continue;
    if (count == 1)
      stride = tensor->strides[i];
    else if (tensor->strides[i] != stride * count)
      return false;
    count *= shape->dims[i];
  }
  *rows = (struct nn_rows){
    .count = count, .width = shape->dims[shape->rank - 1], .stride = stride, .offset = tensor->offset
  };
  return true;
}

static nn_tensor
copy(struct nn_graph *graph, nn_tensor tensor)
{
  return nn_scale(graph, tensor, 1, 0);
}

nn_tensor
nn_contiguous(struct nn_graph *graph, nn_tensor tensor)
{
  return nn_is_contiguous(tensor) ? tensor : copy(graph, tensor);
}

nn_tensor
nn_row_layout(struct nn_graph *graph, nn_tensor tensor)
{
  struct nn_rows rows;

  return nn_as_rows(tensor, &rows) ? tensor : copy(graph, tensor);
}

nn_tensor
nn_dense_last(struct nn_graph *graph, nn_tensor tensor)
{
  return is_dense_last(tensor) ? tensor : copy(graph, tensor);
}

nn_tensor
nn_slice(struct nn_graph *graph, nn_tensor x, unsigned axis, int64_t start, int64_t count)
{
  struct nn_shape shape;
  char text[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "slice", x))
    return nn_graph_nothing(graph);
  if (axis >= x->shape.rank || start < 0 || count < 1 || count > x->shape.dims[axis] - start)
    return nn_reject(graph, "slice: “%s” %s has no elements %lld…%lld on axis %u", x->name,
                     nn_shape_text(&x->shape, text), (long long)start, (long long)(start + count - 1), axis);
  shape = x->shape;
  shape.dims[axis] = count;
  return nn_new_view(graph, x, &shape, x->strides, x->offset + start * x->strides[axis]);
}

nn_tensor
nn_transpose(struct nn_graph *graph, nn_tensor x, const unsigned *permutation)
{
  struct nn_shape shape;
  int64_t strides[NN_MAX_DIMS];
  unsigned seen = 0;
  char text[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "transpose", x))
    return nn_graph_nothing(graph);
  shape.rank = x->shape.rank;
  for (unsigned i = 0; i < shape.rank; i++) {
    if (permutation[i] >= shape.rank || (seen & 1u << permutation[i]))
      return nn_reject(graph, "transpose: “%s” %s is given no permutation of its dimensions", x->name,
                       nn_shape_text(&x->shape, text));
    seen |= 1u << permutation[i];
    shape.dims[i] = x->shape.dims[permutation[i]];
    strides[i] = x->strides[permutation[i]];
  }
  return nn_new_view(graph, x, &shape, strides, x->offset);
}

/* The strides that see x's elements as shape in row-major order, if there are any: dimensions of x between which the strides
   are dense are runs, and each run must be a product of neighbouring new dimensions. */
static bool
view_as(nn_tensor x, const struct nn_shape *shape, int64_t *strides)
{
  unsigned to = shape->rank;

  for (unsigned from = x->shape.rank; from > 0;) {
    int64_t run = x->shape.dims[--from], stride = x->strides[from], taken = 1;

    if (run == 1)
      continue;
    while (from > 0 && (x->shape.dims[from - 1] == 1 || x->strides[from - 1] == stride * run))
      run *= x->shape.dims[--from];
    while (taken < run) {
      if (to == 0)
        return false;
      strides[--to] = stride * taken;
      taken *= shape->dims[to];
    }
    if (taken != run)
      return false;
  }
  while (to > 0)
    strides[--to] = 1;
  return true;
}

nn_tensor
nn_reshape(struct nn_graph *graph, nn_tensor x, unsigned rank, const int64_t *dims)
{
  struct nn_shape shape = { .rank = rank };
  int64_t strides[NN_MAX_DIMS];
  char from[NN_SHAPE_TEXT], to[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "reshape", x))
    return nn_graph_nothing(graph);
  for (unsigned i = 0; i < rank && i < NN_MAX_DIMS; i++)
    shape.dims[i] = dims[i];
  if (!nn_shape_valid(&shape) || nn_elements(&shape) != nn_elements(&x->shape))
    return nn_reject(graph, "reshape: “%s” %s does not have as many elements as %s", x->name,
                     nn_shape_text(&x->shape, from), nn_shape_text(&shape, to));
  if (!view_as(x, &shape, strides)) {
    x = copy(graph, x);
    if (!nn_graph_good(graph) || !view_as(x, &shape, strides))
      return nn_graph_nothing(graph);
  }
  return nn_new_view(graph, x, &shape, strides, x->offset);
}

nn_tensor
nn_broadcast(struct nn_graph *graph, nn_tensor x, int64_t batch)
{
  struct nn_shape shape = { .rank = 3 };
  int64_t strides[NN_MAX_DIMS] = { 0 };
  char text[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "broadcast", x))
    return nn_graph_nothing(graph);
  shape.dims[0] = batch;
  if (!(x->shape.rank == 2 || (x->shape.rank == 3 && x->shape.dims[0] == 1)))
    return nn_reject(graph, "broadcast: “%s” %s is neither [tokens, width] nor [1, tokens, width]", x->name,
                     nn_shape_text(&x->shape, text));
  for (unsigned i = 1; i < 3; i++) {
    shape.dims[i] = x->shape.dims[x->shape.rank - 3 + i];
    strides[i] = x->strides[x->shape.rank - 3 + i];
  }
  if (!nn_shape_valid(&shape))
    return nn_reject(graph, "broadcast: “%s” %s to a batch of %lld is no shape of a tensor", x->name,
                     nn_shape_text(&x->shape, text), (long long)batch);
  return nn_new_view(graph, x, &shape, strides, x->offset);
}
