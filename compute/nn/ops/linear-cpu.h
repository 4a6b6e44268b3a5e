/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "compute/nn/nn-private.h"

/*
 * The matrix product for devices that are processors (linear-cpu.c), also for operations that turn into one.
 */

/* A weight packed for every number of outputs a block that a tile may have: 1 to 4 vectors of 4, 8 or 16 lanes. */
#define NN_LINEAR_CPU_PACKINGS(name, bytes, pack)                                                   \
  {                                                                                                 \
    { name, 4, bytes, pack }, { name, 8, bytes, pack }, { name, 12, bytes, pack },                  \
        { name, 16, bytes, pack }, { name, 24, bytes, pack }, { name, 32, bytes, pack },            \
        { name, 48, bytes, pack }, { name, 64, bytes, pack },                                       \
  }

struct nn_linear_cpu {
  struct gpu_binding x;                     /* bytes: whole texels */
  struct nn_rows rows;                      /* of x; width, stride and offset are multiples of 4 */
  nn_tensor weight, bias, residual, output; /* bias and residual may be NULL */
  int64_t outputs;
  const struct nn_packing *packings; /* NN_LINEAR_CPU_PACKINGS() */
  enum nn_activation activation;
};

/* Whether the device can, where x takes x_elements; outputs × width is the weight's shape. */
bool nn_linear_cpu_fits(const struct gpu_capabilities *capabilities, const struct nn_rows *rows, int64_t x_elements,
                        int64_t outputs);

enum compute_status
nn_linear_cpu_record(struct nn_plan *plan, const struct nn_linear_cpu *product, struct compute_error *error);

/* Bytes of a weight [outputs, width] in blocks of `across` outputs, and the packing of one element's place in it. */
uint64_t nn_linear_cpu_bytes(int64_t outputs, int64_t width, int64_t across);

static inline int64_t
nn_linear_cpu_place(int64_t output, int64_t k, int64_t width, int64_t across)
{
  return ((output / across * ((width + 3) / 4) + k / 4) * across + output % across) * 4 + k % 4;
}
