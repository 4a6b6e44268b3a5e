/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * How compute reports what went wrong.
 *
 * Every fallible function of compute returns an enum compute_status and takes a struct compute_error last, which may be
 * NULL. The message is one sentence in UTF-8 that names the thing, what is wrong with it and, where there is one, the way
 * out; it is never translated here. The error is written only on failure. No function here allocates or blocks.
 */

enum compute_status {
  COMPUTE_OK = 0,
  COMPUTE_ERROR_NO_VULKAN,     /* no Vulkan loader or driver on this machine */
  COMPUTE_ERROR_NO_DEVICE,     /* a loader, but no device that fits the choice */
  COMPUTE_ERROR_UNSUPPORTED,   /* the device or this program cannot do it */
  COMPUTE_ERROR_LIMIT,         /* a size is beyond a limit of the device */
  COMPUTE_ERROR_OUT_OF_MEMORY, /* of the host or of the device */
  COMPUTE_ERROR_DEVICE_LOST,   /* sticky: every later call on the device returns it */
  COMPUTE_ERROR_INVALID_FILE,  /* a file's content is not what its format says */
  COMPUTE_ERROR_IO,            /* a file cannot be read or written */
  COMPUTE_ERROR_NOT_FOUND,     /* a file, tensor or key that must be there is not */
  COMPUTE_ERROR_SHAPE,         /* tensors do not fit one another */
};

struct compute_error {
  enum compute_status status;
  char message[512];
};

/* Fills error (if not NULL) and returns status, so that a caller can write `return compute_fail(error, …);`. */
enum compute_status compute_fail(struct compute_error *error, enum compute_status status, const char *format, ...)
  __attribute__((format(printf, 3, 4)));
