/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

/* What packings share: elements in fp32, fp16, or 8 bits and a scale an output. */

unsigned
nn_type_bytes(enum nn_type type)
{
  return type == NN_I8 ? 1 : type == NN_F16 ? 2 : 4;
}

float
nn_pack_scale(enum nn_type type, const float *values, int64_t count)
{
  float greatest = 0;

  if (type != NN_I8)
    return 1;
  for (int64_t i = 0; i < count; i++)
    greatest = fmaxf(greatest, fabsf(values[i]));
  return greatest > 0 ? greatest : 1;
}

#define MOST_ALIGNMENT 256 /* the most that a device of Vulkan may ask: minStorageBufferOffsetAlignment */

uint64_t
nn_scales_offset(enum nn_type type, uint64_t bytes)
{
  return type == NN_I8 ? nn_divide_up(bytes, MOST_ALIGNMENT) * MOST_ALIGNMENT : bytes;
}
