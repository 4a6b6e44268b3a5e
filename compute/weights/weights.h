/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdint.h>

#include "compute/status.h"

/*
 * Checkpoints in the safetensors format, mapped read-only.
 *
 *     8 bytes      little-endian length of the header
 *     header       JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, …, "__metadata__": {…}}
 *     data         the tensors' bytes, little-endian and row-major; offsets count from here
 *
 * The file is hostile until shown otherwise. After weights_open() has returned COMPUTE_OK every tensor lies inside the file,
 * has exactly the bytes that its type and shape want, and shares none with another; its values are unchecked (see
 * weights_check_finite()). A mapped file that another program cuts short while it is read ends the process with SIGBUS:
 * models are replaced by renaming, never written in place.
 *
 * A weights_file is immutable: any thread may read it. Nothing here blocks but the disk.
 */

#define WEIGHTS_MAX_DIMS 8

enum weights_type {
  WEIGHTS_F32,
  WEIGHTS_F16,
  WEIGHTS_BF16,
  WEIGHTS_I64,
  WEIGHTS_I32,
  WEIGHTS_U8,
  WEIGHTS_OTHER, /* a type of the format that weights_read_f32() does not convert */
};

struct weights_tensor {
  const char *name;
  enum weights_type type;
  unsigned rank;
  uint64_t dims[WEIGHTS_MAX_DIMS]; /* outermost first */
  const void *data;                /* in the mapping; not necessarily aligned */
  uint64_t bytes, elements;
};

struct weights_file;

/* COMPUTE_ERROR_NOT_FOUND, COMPUTE_ERROR_IO: the file cannot be read; COMPUTE_ERROR_INVALID_FILE: it is not safetensors, with
   the tensor's name where it is one tensor's fault. */
enum compute_status weights_open(const char *path, struct weights_file **file, struct compute_error *error);

/* The same from memory, which must outlive the file. name is for messages. */
enum compute_status weights_parse(const void *bytes, uint64_t size, const char *name, struct weights_file **file,
                                  struct compute_error *error);

/* Accepts NULL inside. */
void weights_close(struct weights_file **file);

/* The tensor, owned by the file, or NULL. */
const struct weights_tensor *weights_find(const struct weights_file *file, const char *name);

/* All tensors in the order of their names. */
uint64_t weights_count(const struct weights_file *file);
const struct weights_tensor *weights_at(const struct weights_file *file, uint64_t index);

/* Elements first … first + count - 1 as fp32; they must exist. The type must not be WEIGHTS_OTHER. */
void weights_read_f32(const struct weights_tensor *tensor, uint64_t first, uint64_t count, float *out);

/* COMPUTE_ERROR_INVALID_FILE with the tensor's name and the element's index if one is not a finite number;
   COMPUTE_ERROR_UNSUPPORTED for WEIGHTS_OTHER. */
enum compute_status weights_check_finite(const struct weights_tensor *tensor, struct compute_error *error);

/* IEEE 754 half precision; to it by rounding to nearest, ties to even. */
float weights_half_to_float(uint16_t half);
uint16_t weights_float_to_half(float value);
