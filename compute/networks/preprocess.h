/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "compute/networks/networks.h"
#include "compute/status.h"

/*
 * From a picture to what a picture tower reads: resize, crop, normalise.
 *
 * The resize equals Pillow's to the bit: the bicubic one, a Catmull-Rom-like kernel (a = -0.5, Keys 1981), or the bilinear
 * one, widened by the scale when shrinking, so that it averages; 8-bit result after each of the two passes, with 22-bit
 * coefficients. Reference implementations of CLIP and its kin train and test with it.
 */

struct preprocessing {
  unsigned resize;             /* the short side becomes this many pixels, the long one in proportion, rounded down */
  unsigned crop;               /* then a square of this side is cut out; at most `resize` */
  bool squash;                 /* the long side becomes `resize` pixels too, whatever the shape was: nothing is cut */
  bool bilinear;               /* the kernel, else bicubic */
  float mean[3], deviation[3]; /* of the channels in 0…1: the result is (value - mean) / deviation */
};

/* The longest side of a picture that is taken, and the longest it may become when its short side is resized. */
#define PREPROCESS_MAX_SIDE 32768

/* Cuts crop `index` of `count` evenly spaced ones along the long side (one: the centre) and writes it to out [crop, crop, 3].
   COMPUTE_ERROR_SHAPE: no pixels, or a side beyond PREPROCESS_MAX_SIDE. */
enum compute_status preprocess_picture(const struct model_picture *picture, const struct preprocessing *preprocessing,
                                       unsigned index, unsigned count, float *out, struct compute_error *error);
