/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "compute/nn/nn-private.h"

/*
 * The matrix product for devices that are processors (linear-cpu.c), also for operations that turn into one.
 */

struct nn_linear_cpu {
  struct gpu_binding x; /* bytes: whole texels */
  struct nn_rows rows;  /* of x; width, stride and offset are multiples of 4 */
  /* weight: [outputs, width], or [1, outputs, channels, taps] where a row of x is [taps, channels], padded to whole vec4s; bias and
     residual may be NULL. */
  nn_tensor weight, bias, residual, output;
  int64_t outputs;
  enum nn_type type; /* as which the weight is stored */
  enum nn_activation activation;
};

/* Whether the device can, where x takes x_elements; outputs × width is the weight's shape. */
bool nn_linear_cpu_fits(const struct gpu_capabilities *capabilities, const struct nn_rows *rows, int64_t x_elements,
                        int64_t outputs);

enum compute_status
nn_linear_cpu_record(struct nn_plan *plan, const struct nn_linear_cpu *product, struct compute_error *error);
