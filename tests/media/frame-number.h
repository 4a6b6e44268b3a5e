/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The number in a picture of tests/media/make-clips.py, or -1 where a column is neither black nor white. pixels: red, green, blue first
   in each `step` bytes, rows `stride` bytes apart. */
static inline int
frame_number(const uint8_t *pixels, int width, int height, size_t stride, size_t step)
{
  int number = 0;

  for (int column = 0; column < 16; column++) {
    const uint8_t *pixel = pixels + (size_t)(height / 4) * stride + (size_t)((2 * column + 1) * width / 32) * step;
    const int light = (pixel[0] + pixel[1] + pixel[2]) / 3;

    if (light > 100 && light < 156)
      return -1;
    number = number << 1 | (light > 128);
  }
  return number;
}
