/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/weights/weights.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The format's own bound on its header. */
#define MAX_HEADER_BYTES 100000000u
#define MAX_TENSORS 100000
/* The largest whole number that JSON's doubles keep exactly. */
#define MAX_EXACT 9007199254740992.0

struct weights_file {
  char *name; /* for messages */
  cJSON *header;
  void *mapping; /* NULL if the bytes are the caller's */
  uint64_t mapping_bytes;
  struct weights_tensor *tensors; /* in the order of their names */
  uint64_t count;
};

static const struct {
  const char *name;
  enum weights_type type;
  unsigned bytes;
} types[] = {
  { "F32", WEIGHTS_F32, 4 },       { "F16", WEIGHTS_F16, 2 },       { "BF16", WEIGHTS_BF16, 2 },
  { "I64", WEIGHTS_I64, 8 },       { "I32", WEIGHTS_I32, 4 },       { "U8", WEIGHTS_U8, 1 },
  { "F64", WEIGHTS_OTHER, 8 },     { "I16", WEIGHTS_OTHER, 2 },     { "U16", WEIGHTS_OTHER, 2 },
  { "U32", WEIGHTS_OTHER, 4 },     { "U64", WEIGHTS_OTHER, 8 },     { "I8", WEIGHTS_OTHER, 1 },
  { "F8_E4M3", WEIGHTS_OTHER, 1 }, { "F8_E5M2", WEIGHTS_OTHER, 1 }, { "BOOL", WEIGHTS_OTHER, 1 },
};

static bool
whole_number(const cJSON *item, uint64_t *value)
{
  if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble < MAX_EXACT) ||
      item->valuedouble != floor(item->valuedouble))
    return false;
  *value = (uint64_t)item->valuedouble;
  return true;
}

static enum compute_status
read_tensor(const struct weights_file *file, const cJSON *item, const unsigned char *data, uint64_t data_bytes,
            struct weights_tensor *tensor, struct compute_error *error)
{
  const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(item, "dtype");
  const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape");
  const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
  const cJSON *dimension;
  uint64_t begin, end, bytes = 0;

  *tensor = (struct weights_tensor){ .name = item->string, .elements = 1 };
  for (size_t i = 0; i < sizeof types / sizeof types[0] && cJSON_IsString(dtype); i++)
    if (strcmp(dtype->valuestring, types[i].name) == 0) {
      tensor->type = types[i].type;
      bytes = types[i].bytes;
    }
  if (!bytes)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: tensor %.160s has no type that this program knows",
                        file->name, tensor->name);
  if (!cJSON_IsArray(shape))
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: tensor %.160s has no shape", file->name, tensor->name);
  cJSON_ArrayForEach(dimension, shape)
  {
    uint64_t size;

    if (tensor->rank == WEIGHTS_MAX_DIMS || !whole_number(dimension, &size) ||
        __builtin_mul_overflow(tensor->elements, size, &tensor->elements))
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: tensor %.160s has a shape that cannot be", file->name,
                          tensor->name);
    tensor->dims[tensor->rank++] = size;
  }
  if (__builtin_mul_overflow(tensor->elements, bytes, &tensor->bytes))
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: tensor %.160s has a shape that cannot be", file->name,
                        tensor->name);
  if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
      !whole_number(cJSON_GetArrayItem(offsets, 0), &begin) || !whole_number(cJSON_GetArrayItem(offsets, 1), &end) ||
      begin > end || end > data_bytes)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: tensor %.160s lies outside the file; is it cut short?",
                        file->name, tensor->name);
  if (end - begin != tensor->bytes)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: tensor %.160s has %llu bytes, but its shape wants %llu",
                        file->name, tensor->name, (unsigned long long)(end - begin), (unsigned long long)tensor->bytes);
  tensor->data = data + begin;
  return COMPUTE_OK;
}

static int
by_name(const void *a, const void *b)
{
  return strcmp(((const struct weights_tensor *)a)->name, ((const struct weights_tensor *)b)->name);
}

static int
by_place(const void *a, const void *b)
{
  const struct weights_tensor *x = a, *y = b;

  return x->data < y->data ? -1 : x->data > y->data ? 1 : x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static enum compute_status
read_header(struct weights_file *file, const unsigned char *bytes, uint64_t size, struct compute_error *error)
{
  uint64_t header_bytes = 0;

  if (size < 8)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "%s: %s; a safetensors file begins with the length of its header", file->name,
                        size ? "too short" : "empty file");
  for (unsigned i = 0; i < 8; i++)
    header_bytes |= (uint64_t)bytes[i] << (8 * i);
  if (header_bytes > MAX_HEADER_BYTES || header_bytes > size - 8)
    return compute_fail(
        error, COMPUTE_ERROR_INVALID_FILE,
        "%s: its header should have %llu bytes, but the file has %llu; not a safetensors file, or cut short",
        file->name, (unsigned long long)header_bytes, (unsigned long long)size);
  file->header = cJSON_ParseWithLength((const char *)bytes + 8, header_bytes);
  if (!cJSON_IsObject(file->header))
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: its header is not JSON; not a safetensors file",
                        file->name);

  const int items = cJSON_GetArraySize(file->header);
  if (items > MAX_TENSORS)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: more than %d tensors", file->name, MAX_TENSORS);
  file->tensors = calloc(items ? (size_t)items : 1, sizeof *file->tensors);
  if (!file->tensors)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "%s: not enough memory for its header", file->name);
  const cJSON *item;
  cJSON_ArrayForEach(item, file->header)
  {
    if (strcmp(item->string, "__metadata__") == 0)
      continue;
    enum compute_status status =
        read_tensor(file, item, bytes + 8 + header_bytes, size - 8 - header_bytes, &file->tensors[file->count], error);
    if (status)
      return status;
    file->count++;
  }
  qsort(file->tensors, file->count, sizeof *file->tensors, by_place);
  for (uint64_t i = 1; i < file->count; i++)
    if ((const unsigned char *)file->tensors[i - 1].data + file->tensors[i - 1].bytes >
        (const unsigned char *)file->tensors[i].data)
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: tensors %.120s and %.120s overlap", file->name,
                          file->tensors[i - 1].name, file->tensors[i].name);
  qsort(file->tensors, file->count, sizeof *file->tensors, by_name);
  for (uint64_t i = 1; i < file->count; i++)
    if (strcmp(file->tensors[i - 1].name, file->tensors[i].name) == 0)
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: tensor %.160s is there twice", file->name,
                          file->tensors[i].name);
  return COMPUTE_OK;
}

enum compute_status
weights_parse(const void *bytes, uint64_t size, const char *name, struct weights_file **out,
              struct compute_error *error)
{
  struct weights_file *file = calloc(1, sizeof *file);
  enum compute_status status;

  *out = NULL;
  if (!file || !(file->name = strdup(name))) {
    free(file);
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "%s: not enough memory", name);
  }
  status = read_header(file, bytes, size, error);
  if (status)
    weights_close(&file);
  *out = file;
  return status;
}

enum compute_status
weights_open(const char *path, struct weights_file **out, struct compute_error *error)
{
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  struct stat about;
  void *mapping = NULL;

  *out = NULL;
  if (descriptor < 0)
    return compute_fail(error, errno == ENOENT ? COMPUTE_ERROR_NOT_FOUND : COMPUTE_ERROR_IO, "%s: %s", path,
                        strerror(errno));
  if (fstat(descriptor, &about) < 0 || !S_ISREG(about.st_mode)) {
    close(descriptor);
    return compute_fail(error, COMPUTE_ERROR_IO, "%s: not a regular file", path);
  }
  if (about.st_size > 0)
    mapping = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  const int reason = errno;
  close(descriptor);
  if (mapping == MAP_FAILED)
    return compute_fail(error, COMPUTE_ERROR_IO, "%s: cannot be mapped: %s", path, strerror(reason));
  enum compute_status status = weights_parse(mapping, (uint64_t)about.st_size, path, out, error);
  if (status && mapping)
    munmap(mapping, (size_t)about.st_size);
  if (!status) {
    (*out)->mapping = mapping;
    (*out)->mapping_bytes = (uint64_t)about.st_size;
  }
  return status;
}

void
weights_close(struct weights_file **file)
{
  if (!*file)
    return;
  if ((*file)->mapping)
    munmap((*file)->mapping, (*file)->mapping_bytes);
  cJSON_Delete((*file)->header);
  free((*file)->tensors);
  free((*file)->name);
  free(*file);
  *file = NULL;
}

const struct weights_tensor *
weights_find(const struct weights_file *file, const char *name)
{
  const struct weights_tensor key = { .name = name };

  return bsearch(&key, file->tensors, file->count, sizeof *file->tensors, by_name);
}

uint64_t
weights_count(const struct weights_file *file)
{
  return file->count;
}

const struct weights_tensor *
weights_at(const struct weights_file *file, uint64_t index)
{
  return index < file->count ? &file->tensors[index] : NULL;
}

float
weights_half_to_float(uint16_t half)
{
  const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  const uint32_t exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  union {
    uint32_t bits;
    float value;
  } result;

  if (exponent == 0) {
    result.value = (float)fraction * 0x1p-24f;
    result.bits |= sign;
  } else {
    result.bits = sign | (exponent == 31 ? 0xffu << 23 : (exponent + 112) << 23) | fraction << 13;
  }
  return result.value;
}

uint16_t
weights_float_to_half(float value)
{
  union {
    float value;
    uint32_t bits;
  } in = { value };
  const uint16_t sign = (uint16_t)(in.bits >> 16 & 0x8000);
  const uint32_t magnitude = in.bits & 0x7fffffff;

  if (magnitude > 0x7f800000)
    return sign | 0x7e00;
  if (magnitude >= 0x477ff000) /* rounds beyond the largest half, or is infinite */
    return sign | 0x7c00;
  if (magnitude < 0x38800000) { /* below the smallest normal half: its steps are 2^-24, and rounding is the machine's */
    in.bits = magnitude;
    return sign | (uint16_t)rintf(in.value * 0x1p24f);
  }
  const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return sign | (uint16_t)((rounded >> 13) - (112 << 10));
}

void
weights_read_f32(const struct weights_tensor *tensor, uint64_t first, uint64_t count, float *out)
{
  const unsigned char *data = tensor->data;

  switch (tensor->type) {
  case WEIGHTS_F32:
    memcpy(out, data + first * 4, count * 4);
    break;
  case WEIGHTS_F16:
  case WEIGHTS_BF16:
    for (uint64_t i = 0; i < count; i++) {
      uint16_t half;

      memcpy(&half, data + (first + i) * 2, 2);
      if (tensor->type == WEIGHTS_F16) {
        out[i] = weights_half_to_float(half);
      } else {
        const uint32_t bits = (uint32_t)half << 16;
        memcpy(&out[i], &bits, 4);
      }
    }
    break;
  case WEIGHTS_I64:
    for (uint64_t i = 0; i < count; i++) {
      int64_t value;
      memcpy(&value, data + (first + i) * 8, 8);
      out[i] = (float)value;
    }
    break;
  case WEIGHTS_I32:
    for (uint64_t i = 0; i < count; i++) {
      int32_t value;
      memcpy(&value, data + (first + i) * 4, 4);
      out[i] = (float)value;
    }
    break;
  case WEIGHTS_U8:
    for (uint64_t i = 0; i < count; i++)
      out[i] = data[first + i];
    break;
  case WEIGHTS_OTHER:
    break;
  }
}

enum compute_status
weights_check_finite(const struct weights_tensor *tensor, struct compute_error *error)
{
  float values[1024];

  if (tensor->type == WEIGHTS_OTHER)
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "tensor %.160s has a type that cannot be converted",
                        tensor->name);
  for (uint64_t first = 0; first < tensor->elements; first += 1024) {
    const uint64_t count = tensor->elements - first < 1024 ? tensor->elements - first : 1024;

    weights_read_f32(tensor, first, count, values);
    for (uint64_t i = 0; i < count; i++)
      if (!isfinite(values[i]))
        return compute_fail(
            error, COMPUTE_ERROR_INVALID_FILE,
            "tensor %.160s: element %llu is not a finite number; the checkpoint is damaged, get it again", tensor->name,
            (unsigned long long)(first + i));
  }
  return COMPUTE_OK;
}
