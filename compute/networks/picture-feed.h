/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "compute/networks/networks.h"
#include "compute/networks/preprocess.h"
#include "compute/nn/nn.h"

/*
 * From pictures to a plan's input "pixels" [batch · crops, side, side, 3], on the host or on the device.
 *
 *     on the host      preprocess_picture() ──► upload ──► pixels
 *     on the device    upload ──► source ──► picture_across.comp ──► between ──► picture_down.comp ──► pixels
 *
 * Pictures of one kind (size, format, colours) that fit GROUP_BYTES go together. Each group takes one of two lanes, with buffers and
 * commands of its own, by turns: the host fills one while the device works on the other or on the plan that was submitted before.
 * A lane's tables and commands are kept while the kind stays the same, as it does throughout a video.
 *
 * The thread of the model. The device, the preprocessing and every plan written to must outlive the feed, or picture_feed_forget().
 */

struct picture_feed;

enum compute_status
picture_feed_create(struct gpu_device *device, const struct preprocessing *preprocessing, unsigned crops,
                    enum model_preparation preparation, struct picture_feed **feed, struct compute_error *error);
void picture_feed_destroy(struct picture_feed **feed);

/* Whether pictures are cut on the device. One that is too large for its bindings is cut on the host all the same. */
bool picture_feed_is_on_device(const struct picture_feed *feed);

/* Submits what writes the plan's first count · crops pictures; the caller's pixels may go when it returns, and a plan that is submitted
   after it reads what it wrote. Waits for a group only where more than two are on their way.
   COMPUTE_ERROR_SHAPE: a picture without pixels or with a side beyond PREPROCESS_MAX_SIDE; COMPUTE_ERROR_OUT_OF_MEMORY. */
enum compute_status
picture_feed_write(struct picture_feed *feed, struct nn_plan *plan, const struct model_picture *pictures,
                   unsigned count, struct compute_error *error);

/* Before a plan is destroyed, or to give memory back: waits, and frees all buffers. */
void picture_feed_forget(struct picture_feed *feed);
