/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "compute/nn/nn.h"

/*
 * What the tests of compute/nn share: a device under the validation layer, random tensors that are known on both sides, and the
 * comparison of a plan's output with what plain C computed in double precision.
 */

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                \
    }                                                                         \
  } while (0)

extern struct gpu_instance *testing_instance;
extern struct gpu_device *testing_device;
extern enum nn_type testing_storage; /* of the weights of case_begin() */

/* Opens the instance (under validation where the layer is installed) and the device, or exits with 77 where there is none. */
void testing_open(const struct gpu_capabilities *clamp);
/* The same with what `lower` makes of the device's capabilities. */
void testing_open_lowered(void (*lower)(struct gpu_capabilities *capabilities));
/* Closes both and checks that the validation layer had nothing to say. */
void testing_close(void);

/* Uniform in -1 … 1, the same in every run. */
float testing_random(void);
/* 0 … bound - 1 */
int64_t testing_integer(int64_t bound);

/* One graph, the values of its inputs and weights, and what it should give. */
#define CASE_MAX_VALUES 16
struct testing_case {
  struct nn_weights *weights;
  struct nn_graph *graph;
  struct {
    char name[32];
    void *data;
    size_t bytes;
    bool is_input;
  } values[CASE_MAX_VALUES];
  unsigned count;
};

void case_begin(struct testing_case *c);
void case_end(struct testing_case *c);

/* A tensor of random values, which *data then holds in row-major order, owned by the case. */
nn_tensor case_input(struct testing_case *c, const char *name, unsigned rank, const int64_t *dims, const float **data);
nn_tensor case_weight(struct testing_case *c, const char *name, unsigned rank, const int64_t *dims, const float **data);
/* Random integers of low … high. */
nn_tensor case_integers(struct testing_case *c, const char *name, unsigned rank, const int64_t *dims, int64_t low,
                        int64_t high, const int32_t **data);

/* Makes a plan, writes all inputs, runs and reads. Exits on an error. */
void
case_run(struct testing_case *c, const struct nn_plan_params *params, const char *output, float *out, size_t count);

/* Runs the case with every kernel of op ("linear") that the device and the shapes allow (the last must be allowed), and compares the
   output "y" with expected: the mean of the squared differences over that of the expected values is at most tolerance.
   Also ends the case and frees expected. */
extern bool testing_may_refuse; /* a case that is larger than the device's limits is passed over */
extern unsigned testing_refused;
void
case_check(struct testing_case *c, const char *op, const char *what, double *expected, size_t count, double tolerance);

/* Prints the kernels that case_check() has run since the last report, "operation/kernel" each, with how often. */
void testing_report(void);

double testing_nmse(const float *got, const double *expected, size_t count);
