/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "compute/nn/nn-private.h"

/*
 * Weights that the device has no room for all at once take turns in one stretch of its memory.
 *
 *      turn 0            turn 1            turn 2
 *     ┌──┬─────┬──┐     ┌──────┬────┐     ┌────────┐        each before its commands: read from the file, packed, uploaded
 *     └──┴─────┴──┘     └──────┴────┘     └────────┘
 *
 * While a plan is recorded, weights are bound for the turn at hand; before a turn's commands are submitted, and after those of the turn
 * before have been waited for, its weights are uploaded.
 */
struct nn_window;

/* bytes 0: nothing is bound, and only nn_window_used() is of use. */
enum compute_status
nn_window_create(struct nn_weights *weights, uint64_t bytes, struct nn_window **window, struct compute_error *error);
void nn_window_destroy(struct nn_window **window);

uint64_t nn_window_bytes(const struct nn_window *window);
/* Bytes that the turn at hand takes. */
uint64_t nn_window_used(const struct nn_window *window);

/* What is bound from now on belongs to the next turn; the first is there from the beginning. */
enum compute_status nn_window_next(struct nn_window *window, struct compute_error *error);

/* The packed weight in a buffer whose content is that weight during this turn, or all the time where the cache has it. */
enum compute_status
nn_window_bind(struct nn_window *window, struct nn_source *source, int64_t first, const struct nn_shape *shape,
               const struct nn_packing *packing, struct gpu_buffer **buffer, struct compute_error *error);

/* Blocks while the turn's weights are read, packed and uploaded. */
enum compute_status nn_window_upload(struct nn_window *window, size_t turn, struct compute_error *error);
