/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "compute/nn/nn-private.h"

/* Whether the device is a GPU whose subgroups add up: for the shaders' variants that do. */
bool nn_rows_subgroups_fit(const struct gpu_capabilities *capabilities, const struct nn_node *node);

/* Records one of the shaders of rows.comp: a workgroup a row of inputs[0] (row layout), with gamma and beta or NULL. */
enum compute_status nn_record_rows(struct nn_plan *plan, const struct nn_node *node, const struct shader *shader,
                                   nn_tensor gamma, nn_tensor beta, float epsilon, struct compute_error *error);
