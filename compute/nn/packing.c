/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

#include <math.h>

/* What packings share: elements in fp32, fp16, or 8 bits and a scale an output. */

unsigned
nn_type_bytes(enum nn_type type)
{
  return type == NN_I8 ? 1 : type == NN_F16 ? 2 : 4;
}

void
nn_pack_element(void *packed, enum nn_type type, int64_t at, float value, float scale)
{
  if (type == NN_I8)
    ((int8_t *)packed)[at] = (int8_t)lrintf(value / scale * 127);
  else if (type == NN_F16)
    ((uint16_t *)packed)[at] = weights_float_to_half(value);
  else
    ((float *)packed)[at] = value;
}

float
nn_pack_scale(enum nn_type type, const float *values, int64_t count, int64_t stride)
{
  float greatest = 0;

  if (type != NN_I8)
    return 1;
  for (int64_t i = 0; i < count; i++)
    greatest = fmaxf(greatest, fabsf(values[i * stride]));
  return greatest > 0 ? greatest : 1;
}

#define MOST_ALIGNMENT 256 /* Vulkan 1.3, table 54: minStorageBufferOffsetAlignment is at most that */

uint64_t
nn_scales_offset(enum nn_type type, uint64_t bytes)
{
  return type == NN_I8 ? nn_divide_up(bytes, MOST_ALIGNMENT) * MOST_ALIGNMENT : bytes;
}
