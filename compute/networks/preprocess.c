/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/networks/preprocess.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COEFFICIENT_BITS 22

/* How one pass makes the outputs first … first + count - 1 of a line: output i is the weighted sum of `taps[i].count` inputs
   from `taps[i].start` on. */
struct resampling {
  struct tap {
    uint32_t start, count;
  } * taps;
  int32_t *coefficients; /* [count, widest] */
  uint32_t widest;
};

static double
bicubic(double x)
{
  const double a = -0.5;

  x = fabs(x);
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2)
    return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

static double
bilinear(double x)
{
  x = fabs(x);
  return x < 1 ? 1 - x : 0;
}

static void
resampling_finish(struct resampling *resampling)
{
  free(resampling->taps);
  free(resampling->coefficients);
}

/* A line of `from` samples becomes one of `to`, of which only first … first + count - 1 are wanted. */
static bool
resampling_init(struct resampling *resampling, bool is_bilinear, uint32_t from, uint32_t to, uint32_t first,
                uint32_t count)
{
  double (*const kernel)(double) = is_bilinear ? bilinear : bicubic;
  const double scale = (double)from / to;
  const double stretch = scale > 1 ? scale : 1;
  const double support = (is_bilinear ? 1 : 2) * stretch;

  *resampling = (struct resampling){ .widest = (uint32_t)ceil(support) * 2 + 1 };
  resampling->taps = calloc(count, sizeof *resampling->taps);
  resampling->coefficients = calloc((size_t)count * resampling->widest, sizeof *resampling->coefficients);
  double *weights = calloc(resampling->widest, sizeof *weights);
  if (!resampling->taps || !resampling->coefficients || !weights) {
    free(weights);
    resampling_finish(resampling);
    return false;
  }
  for (uint32_t i = 0; i < count; i++) {
    const double centre = (first + i + 0.5) * scale;
    const double low = floor(centre - support + 0.5), high = floor(centre + support + 0.5);
    const uint32_t start = low > 0 ? (uint32_t)low : 0;
    const uint32_t end = high < from ? (uint32_t)high : from;
    double sum = 0;

    for (uint32_t k = start; k < end; k++)
      sum += weights[k - start] = kernel((k - centre + 0.5) / stretch);
    resampling->taps[i] = (struct tap){ start, end - start };
    for (uint32_t k = 0; k < end - start; k++) {
      const double weight = sum != 0 ? weights[k] / sum : weights[k];
      resampling->coefficients[(size_t)i * resampling->widest + k] =
          (int32_t)(weight * (1 << COEFFICIENT_BITS) + (weight < 0 ? -0.5 : 0.5));
    }
  }
  free(weights);
  return true;
}

static uint8_t
round_to_byte(int64_t sum)
{
  const int64_t value = sum >> COEFFICIENT_BITS;

  return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

/* lines of 3 interleaved channels, `line` bytes apart; the samples of a line are `step` bytes apart. Output lines and samples
   likewise. */
static void
resample(const struct resampling *resampling, const uint8_t *in, size_t in_line, size_t in_step, uint8_t *out,
         size_t out_line, size_t out_step, uint32_t lines, uint32_t count)
{
  for (uint32_t line = 0; line < lines; line++) {
    for (uint32_t i = 0; i < count; i++) {
      const int32_t *coefficients = resampling->coefficients + (size_t)i * resampling->widest;
      const uint8_t *sample = in + line * in_line + resampling->taps[i].start * in_step;
      int64_t sum[3] = { 1 << (COEFFICIENT_BITS - 1), 1 << (COEFFICIENT_BITS - 1), 1 << (COEFFICIENT_BITS - 1) };

      for (uint32_t k = 0; k < resampling->taps[i].count; k++, sample += in_step) {
        sum[0] += (int64_t)coefficients[k] * sample[0];
        sum[1] += (int64_t)coefficients[k] * sample[1];
        sum[2] += (int64_t)coefficients[k] * sample[2];
      }
      uint8_t *result = out + line * out_line + i * out_step;
      for (unsigned channel = 0; channel < 3; channel++)
        result[channel] = round_to_byte(sum[channel]);
    }
  }
}

static void
copy_window(const uint8_t *in, size_t stride, uint32_t left, uint32_t top, uint32_t side, uint8_t *out)
{
  for (uint32_t y = 0; y < side; y++)
    memcpy(out + (size_t)y * side * 3, in + (top + y) * stride + (size_t)left * 3, (size_t)side * 3);
}

/* The window [left, left + side) × [top, top + side) of the picture as resized to width × height. */
static bool
resize_window(const struct model_picture *picture, bool is_bilinear, uint32_t width, uint32_t height, uint32_t left,
              uint32_t top, uint32_t side, uint8_t *out)
{
  if (width == picture->width && height == picture->height) {
    copy_window(picture->rgb, picture->stride, left, top, side, out);
    return true;
  }
  struct resampling across, down;
  if (!resampling_init(&across, is_bilinear, picture->width, width, left, side))
    return false;
  if (!resampling_init(&down, is_bilinear, picture->height, height, top, side)) {
    resampling_finish(&across);
    return false;
  }
  /* Only the rows that the second pass reads go through the first. */
  const uint32_t first_row = down.taps[0].start;
  const uint32_t rows = down.taps[side - 1].start + down.taps[side - 1].count - first_row;
  uint8_t *between = malloc((size_t)rows * side * 3);
  if (between) {
    const uint8_t *in = picture->rgb + first_row * picture->stride;

    if (width == picture->width)
      for (uint32_t y = 0; y < rows; y++)
        memcpy(between + (size_t)y * side * 3, in + y * picture->stride + (size_t)left * 3, (size_t)side * 3);
    else
      resample(&across, in, picture->stride, 3, between, (size_t)side * 3, 3, rows, side);
    for (uint32_t i = 0; i < side; i++)
      down.taps[i].start -= first_row;
    if (height == picture->height)
      memcpy(out, between, (size_t)side * side * 3);
    else
      resample(&down, between, 3, (size_t)side * 3, out, 3, (size_t)side * 3, side, side);
    free(between);
  }
  resampling_finish(&across);
  resampling_finish(&down);
  return between != NULL;
}

enum compute_status
preprocess_picture(const struct model_picture *picture, const struct preprocessing *preprocessing, unsigned index,
                   unsigned count, float *out, struct compute_error *error)
{
  const uint32_t side = preprocessing->crop;
  const uint32_t short_side = picture->width < picture->height ? picture->width : picture->height;
  const uint32_t long_side = picture->width < picture->height ? picture->height : picture->width;

  if (!short_side || long_side > PREPROCESS_MAX_SIDE)
    return compute_fail(error, COMPUTE_ERROR_SHAPE,
                        "a picture of %u × %u pixels cannot be embedded: a side must be 1 … %u pixels", picture->width,
                        picture->height, PREPROCESS_MAX_SIDE);
  /* Only a window of the resized picture is ever made, so its length costs nothing. */
  const uint32_t resized = preprocessing->squash ? preprocessing->resize
                                                 : (uint32_t)((double)preprocessing->resize * long_side / short_side);
  const uint32_t width = picture->width < picture->height ? preprocessing->resize : resized;
  const uint32_t height = picture->width < picture->height ? resized : preprocessing->resize;
  /* Half a pixel too many goes to the even side, as round() does it in the reference. */
  uint32_t left = (uint32_t)rint((width - side) / 2.0), top = (uint32_t)rint((height - side) / 2.0);
  if (count > 1 && width >= height)
    left = (uint32_t)rint((double)(width - side) * index / (count - 1));
  else if (count > 1)
    top = (uint32_t)rint((double)(height - side) * index / (count - 1));

  uint8_t *window = malloc((size_t)side * side * 3);
  if (!window || !resize_window(picture, preprocessing->bilinear, width, height, left, top, side, window)) {
    free(window);
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory to resize a picture of %u × %u pixels",
                        picture->width, picture->height);
  }
  float factor[3], offset[3];
  for (unsigned channel = 0; channel < 3; channel++) {
    factor[channel] = 1 / (255 * preprocessing->deviation[channel]);
    offset[channel] = -preprocessing->mean[channel] / preprocessing->deviation[channel];
  }
  for (size_t i = 0; i < (size_t)side * side; i++)
    for (unsigned channel = 0; channel < 3; channel++)
      out[i * 3 + channel] = window[i * 3 + channel] * factor[channel] + offset[channel];
  free(window);
  return COMPUTE_OK;
}
