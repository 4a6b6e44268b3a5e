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
 *
 * Planes of luma and chroma become 8-bit RGB first, at their full size: chroma is interpolated linearly between its samples, and the
 * matrix is applied in integers, so that the host here and the device in picture-feed.c make the same bytes.
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

/* A crop: the square [left, left + crop) × [top, top + crop) of the picture as resized to width × height. */
struct preprocess_window {
  uint32_t width, height, left, top;
};

/* The place of crop `index` of `count` evenly spaced ones along the long side (one: the centre).
   COMPUTE_ERROR_SHAPE: no pixels, or a side beyond PREPROCESS_MAX_SIDE. */
enum compute_status
preprocess_place(const struct model_picture *picture, const struct preprocessing *preprocessing, unsigned index,
                 unsigned count, struct preprocess_window *window, struct compute_error *error);

/* Cuts a crop, as preprocess_place() places it, and writes it to out [crop, crop, 3]. */
enum compute_status preprocess_picture(const struct model_picture *picture, const struct preprocessing *preprocessing,
                                       unsigned index, unsigned count, float *out, struct compute_error *error);

/* The result is byte · factor + offset. */
void preprocess_normalisation(const struct preprocessing *preprocessing, float factor[3], float offset[3]);

/* How one pass makes the outputs first … first + count - 1 of a line: output i is the sum of `taps[i].count` inputs from
   `taps[i].start` on by coefficients[i][…], plus a half, shifted right by RESAMPLING_BITS and clamped to 0…255. */
#define RESAMPLING_BITS 22

struct resampling {
  struct tap {
    uint32_t start, count;
  } * taps;
  int32_t *coefficients; /* [count, widest]; the sum of an output's magnitudes stays below 2 << RESAMPLING_BITS */
  uint32_t widest;
};

/* A line of `from` samples becomes one of `to`, of which `count` from `first` on are wanted; false: no memory. */
bool resampling_init(struct resampling *resampling, bool bilinear, uint32_t from, uint32_t to, uint32_t first,
                     uint32_t count);
void resampling_finish(struct resampling *resampling);

/* From luma Y and chroma Cb, Cr, the chroma as sums with weights of 16 in all:
     red = clamp((gain · 16 (Y - black) + red_cr · (Cr - grey) + half) >> PREPROCESS_COLOUR_BITS), and so on. */
#define PREPROCESS_COLOUR_BITS 20

struct preprocess_colour {
  int32_t black, grey, gain, red_cr, green_cb, green_cr, blue_cb;
};

void preprocess_colour(const struct model_picture *picture, struct preprocess_colour *colour);
