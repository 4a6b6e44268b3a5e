/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "compute/nn/nn-private.h"

/*
 * A graph computed by the host in plain C, one loop an operation and nothing clever, with sums in double precision: what kernels are
 * held to by the self-test. Slow, and for small graphs only.
 */
struct nn_reference;

/* The graph must outlive it and have no error. */
enum compute_status
nn_reference_create(struct nn_graph *graph, struct nn_reference **reference, struct compute_error *error);
void nn_reference_destroy(struct nn_reference **reference);

/* The elements of an input or result in row-major order, 4 bytes each; the caller fills in those of inputs before the run. */
void *nn_reference_values(struct nn_reference *reference, nn_tensor tensor);

/* Computes every node, in the order in which they were appended. */
enum compute_status nn_reference_run(struct nn_reference *reference, struct compute_error *error);
