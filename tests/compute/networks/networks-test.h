/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/gpu/gpu.h"
#include "compute/networks/networks.h"

#define SKIPPED 77

static unsigned checks, failures;

__attribute__((format(printf, 2, 3))) static inline bool
check(bool good, const char *format, ...)
{
  va_list arguments;

  checks++;
  if (good)
    return true;
  failures++;
  fputs("FAILED: ", stdout);
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  putchar('\n');
  return false;
}

/* The numbers only: a test that checks nothing has failed. */
static inline int
report(void)
{
  printf("%u checks, %u failed\n", checks, failures);
  return failures || !checks ? 1 : 0;
}

/* The device of SACCADE_DEVICE, or the best one, with its capabilities clamped (NULL: as they are), under the validation layer where
   there is one; exits where there is no device at all. */
static inline struct gpu_device *
open_device(struct gpu_instance **instance, const struct gpu_capabilities *clamp)
{
  const char *index = getenv("SACCADE_DEVICE");
  const struct gpu_device_params params = { .choice = { .index = index ? atoi(index) : -1 }, .clamp = clamp };
  struct gpu_device *device = NULL;
  struct compute_error error;
  enum compute_status status =
      gpu_instance_create(&(struct gpu_instance_params){ .validation = true }, instance, &error);

  if (status == COMPUTE_ERROR_UNSUPPORTED)
    status = gpu_instance_create(NULL, instance, &error);
  if (!status)
    status = gpu_device_open(*instance, &params, &device, &error);
  if (status) {
    printf("no Vulkan device: %s\n", error.message);
    gpu_instance_destroy(instance);
    exit(status == COMPUTE_ERROR_NO_VULKAN || status == COMPUTE_ERROR_NO_DEVICE ? SKIPPED : 1);
  }
  return device;
}

static inline double
cosine(const float *a, const float *b, size_t count)
{
  double product = 0, square_a = 0, square_b = 0;

  for (size_t i = 0; i < count; i++) {
    product += (double)a[i] * b[i];
    square_a += (double)a[i] * a[i];
    square_b += (double)b[i] * b[i];
  }
  return product / sqrt(square_a * square_b);
}
