/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

extern const struct nn_op nn_op_attention, nn_op_conv2d, nn_op_elementwise, nn_op_gather, nn_op_l2_normalize,
    nn_op_layer_norm, nn_op_linear, nn_op_matmul, nn_op_mean, nn_op_pool2d, nn_op_softmax;

const struct nn_op *const nn_ops[] = {
  &nn_op_attention, &nn_op_conv2d, &nn_op_elementwise, &nn_op_gather, &nn_op_l2_normalize, &nn_op_layer_norm,
  &nn_op_linear,    &nn_op_matmul, &nn_op_mean,        &nn_op_pool2d, &nn_op_softmax,      NULL,
};
