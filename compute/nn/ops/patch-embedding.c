/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

/* Cutting a picture into patches is a view and one copy; the rest is a matrix product with the weight's channels put last. */
nn_tensor
nn_patch_embedding(struct nn_graph *graph, nn_tensor x, nn_tensor weight, nn_tensor bias)
{
  int64_t n, height, width, channels, down, across, patch_height, patch_width;
  char one[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "patch embedding", x) || !nn_graph_accepts(graph, "patch embedding", weight))
    return nn_graph_nothing(graph);
  if (weight->storage->kind != NN_STORAGE_WEIGHT || weight->offset != 0 || !nn_is_contiguous(weight) ||
      weight->shape.rank != 4 || weight->storage->elements != nn_elements(&weight->shape) ||
      !nn_shape_equal(&weight->shape, &weight->storage->source->shape))
    return nn_reject(graph, "patch embedding: “%s” %s is not a whole weight [outputs, channels, height, width]",
                     weight->name, nn_shape_text(&weight->shape, one));
  if (x->shape.rank != 4 || x->shape.dims[3] != weight->shape.dims[1] ||
      x->shape.dims[1] % weight->shape.dims[2] != 0 || x->shape.dims[2] % weight->shape.dims[3] != 0)
    return nn_reject(
        graph,
        "patch embedding: “%s” %s cannot be cut into patches of weight “%s” %s: the channels must be equal and "
        "the sides multiples of the patch's",
        x->name, nn_shape_text(&x->shape, one), weight->name, nn_shape_text(&weight->shape, other));
  x = nn_contiguous(graph, x);
  n = x->shape.dims[0];
  height = x->shape.dims[1];
  width = x->shape.dims[2];
  channels = x->shape.dims[3];
  patch_height = weight->shape.dims[2];
  patch_width = weight->shape.dims[3];
  down = height / patch_height;
  across = width / patch_width;
  x = nn_reshape(graph, x, 4, (int64_t[]){ n * down, patch_height, across, patch_width * channels });
  x = nn_transpose(graph, x, (unsigned[]){ 0, 2, 1, 3 });
  x = nn_reshape(graph, x, 3, (int64_t[]){ n, down * across, patch_height * patch_width * channels });
  weight = nn_new_weight(graph, nn_weights_channels_last(graph->weights, weight->storage->source));
  weight = nn_reshape(graph, weight, 2, (int64_t[]){ weight->shape.dims[0], patch_height * patch_width * channels });
  return nn_linear(graph, x, weight, &(struct nn_linear_params){ .bias = bias, .is_delicate = true });
}
