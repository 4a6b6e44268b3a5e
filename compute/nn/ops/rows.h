/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "compute/nn/nn-private.h"

/* Records one of the shaders of rows.comp: a workgroup a row of inputs[0] (row layout), with gamma and beta or NULL. */
enum compute_status nn_record_rows(struct nn_plan *plan, const struct nn_node *node, const struct shader *shader,
                                   nn_tensor gamma, nn_tensor beta, float epsilon, struct compute_error *error);
