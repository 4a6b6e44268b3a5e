/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The weights of a checkpoint on a device.
 *
 *     source: a name and a shape ──► read as fp32 rows ──► packed as a kernel wants it ──► a device's buffer
 *       of the file                                          kept under (source, first element, shape, packing)
 *       added by the network
 *       two sources, one after the other
 *       a convolution's, with its channels last
 *
 * Reading and packing takes as long as all the rest of making a plan. While one is recorded (nn_weights_begin) it is left to threads: the
 * caller gets the buffer at once, and nn_weights_finish() waits until all are filled.
 */

#define MOST_PACKERS 4

enum origin { ORIGIN_FILE, ORIGIN_ADDED, ORIGIN_CONCAT, ORIGIN_CHANNELS_LAST };

struct entry {
  struct nn_source source; /* first, so that a source is its entry */
  enum origin origin;
  const struct weights_tensor *tensor; /* of the file */
  float *values;                       /* added */
  struct entry *parts[2];              /* concatenated; [0] alone with channels last */
  atomic_bool checked;                 /* known to be finite */
  struct entry *next;
};

struct packed {
  struct entry *entry;
  int64_t first;
  struct nn_shape shape;
  const struct nn_packing *packing;
  struct gpu_buffer *buffer;
  struct packed *next;
  struct packed *next_waiting; /* to be filled */
  enum compute_status status;  /* of filling it */
};

/* The threads that fill buffers while a plan is recorded. */
struct packers {
  pthread_mutex_t lock; /* over all below */
  pthread_cond_t changed;
  struct packed *first, *last; /* waiting */
  bool closing;                /* nothing more comes */
  struct compute_error error;  /* the first one */
  pthread_t threads[MOST_PACKERS];
  unsigned thread_count, most_threads;
};

struct nn_weights {
  struct gpu_device *device;
  const struct weights_file *file;
  struct nn_weights_params params;
  struct entry *entries;
  struct packed *packed;
  uint64_t bytes;
  struct packers *packers; /* between nn_weights_begin() and nn_weights_finish() */
};

enum compute_status
nn_weights_create(struct gpu_device *device, const struct weights_file *file, const struct nn_weights_params *params,
                  struct nn_weights **weights, struct compute_error *error)
{
  *weights = calloc(1, sizeof **weights);
  if (*weights == NULL)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a table of weights");
  (*weights)->device = device;
  (*weights)->file = file;
  if (params != NULL)
    (*weights)->params = *params;
  return COMPUTE_OK;
}

void
nn_weights_destroy(struct nn_weights **weights)
{
  if (*weights == NULL)
    return;
  for (struct packed *packed = (*weights)->packed, *next; packed != NULL; packed = next) {
    next = packed->next;
    gpu_buffer_destroy(&packed->buffer);
    free(packed);
  }
  for (struct entry *entry = (*weights)->entries, *next; entry != NULL; entry = next) {
    next = entry->next;
    free(entry->source.name);
    free(entry->values);
    free(entry);
  }
  free(*weights);
  *weights = NULL;
}

uint64_t
nn_weights_bytes(const struct nn_weights *weights)
{
  return weights->bytes;
}

enum nn_type
nn_storage_type(const struct nn_node *node)
{
  const enum nn_type type = node->output->graph->weights->params.storage;

  return type == NN_I8 && node->is_delicate ? NN_F16 : type;
}

struct gpu_device *
nn_weights_device(const struct nn_weights *weights)
{
  return weights->device;
}

enum nn_type
nn_weights_storage(const struct nn_weights *weights)
{
  return weights->params.storage;
}

const struct nn_findings *
nn_weights_findings(const struct nn_weights *weights)
{
  return weights->params.findings;
}

static struct entry *
find_entry(const struct nn_weights *weights, const char *name)
{
  for (struct entry *entry = weights->entries; entry != NULL; entry = entry->next)
    if (strcmp(entry->source.name, name) == 0)
      return entry;
  return NULL;
}

static struct entry *
new_entry(struct nn_weights *weights, enum origin origin, const char *name, const struct nn_shape *shape)
{
  struct entry *entry = calloc(1, sizeof *entry);

  if (entry == NULL)
    return NULL;
  entry->source.name = strdup(name);
  if (entry->source.name == NULL) {
    free(entry);
    return NULL;
  }
  entry->source.shape = *shape;
  entry->origin = origin;
  entry->next = weights->entries;
  weights->entries = entry;
  return entry;
}

bool
nn_weights_has(const struct nn_weights *weights, const char *name)
{
  return weights != NULL &&
         (find_entry(weights, name) != NULL || (weights->file != NULL && weights_find(weights->file, name) != NULL));
}

enum compute_status
nn_weights_add(struct nn_weights *weights, const char *name, enum nn_type type, const struct nn_shape *shape,
               const void *data, struct compute_error *error)
{
  struct entry *entry;
  size_t bytes;
  char text[NN_SHAPE_TEXT];

  if (type != NN_F32 || !nn_shape_valid(shape))
    return compute_fail(error, COMPUTE_ERROR_SHAPE, "weight “%s” cannot be added: %s is no shape of an fp32 tensor",
                        name, nn_shape_text(shape, text));
  if (find_entry(weights, name) != NULL)
    return compute_fail(error, COMPUTE_ERROR_SHAPE, "weight “%s” cannot be added: there is one of that name", name);
  bytes = (size_t)nn_elements(shape) * sizeof(float);
  entry = new_entry(weights, ORIGIN_ADDED, name, shape);
  if (entry != NULL)
    entry->values = malloc(bytes);
  if (entry == NULL || entry->values == NULL)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for weight “%s” of %zu bytes", name, bytes);
  memcpy(entry->values, data, bytes);
  return COMPUTE_OK;
}

struct nn_source *
nn_weights_find(struct nn_weights *weights, const char *name, struct compute_error *error)
{
  struct entry *entry = weights != NULL ? find_entry(weights, name) : NULL;
  const struct weights_tensor *tensor;
  struct nn_shape shape = { .rank = 0 };

  if (entry != NULL)
    return &entry->source;
  tensor = weights != NULL && weights->file != NULL ? weights_find(weights->file, name) : NULL;
  if (tensor == NULL) {
    compute_fail(error, COMPUTE_ERROR_NOT_FOUND, "the checkpoint has no weight “%s”", name);
    return NULL;
  }
  if (tensor->type != WEIGHTS_F32 && tensor->type != WEIGHTS_F16 && tensor->type != WEIGHTS_BF16) {
    compute_fail(error, COMPUTE_ERROR_SHAPE, "weight “%s” is not of a floating-point type (F32, F16 or BF16)", name);
    return NULL;
  }
  if (tensor->rank <= NN_MAX_DIMS) {
    shape.rank = tensor->rank ? tensor->rank : 1;
    shape.dims[0] = 1;
    for (unsigned i = 0; i < tensor->rank; i++)
      shape.dims[i] = tensor->dims[i] > INT32_MAX ? -1 : (int64_t)tensor->dims[i];
  }
  if (!nn_shape_valid(&shape)) {
    compute_fail(error, COMPUTE_ERROR_SHAPE,
                 "weight “%s” is empty, has more than %d dimensions, or has 2^31 elements or more", name, NN_MAX_DIMS);
    return NULL;
  }
  entry = new_entry(weights, ORIGIN_FILE, name, &shape);
  if (entry == NULL) {
    compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for weight “%s”", name);
    return NULL;
  }
  entry->tensor = tensor;
  return &entry->source;
}

struct nn_source *
nn_weights_concat(struct nn_weights *weights, struct nn_source *a, struct nn_source *b)
{
  struct nn_shape shape = a->shape;
  size_t bytes = strlen(a->name) + strlen(b->name) + 4;
  char *name = malloc(bytes);
  struct entry *entry;

  if (name == NULL)
    return NULL;
  snprintf(name, bytes, "%s + %s", a->name, b->name);
  shape.dims[0] += b->shape.dims[0];
  entry = find_entry(weights, name);
  if (entry == NULL) {
    entry = new_entry(weights, ORIGIN_CONCAT, name, &shape);
    if (entry != NULL) {
      entry->parts[0] = (struct entry *)a;
      entry->parts[1] = (struct entry *)b;
    }
  }
  free(name);
  return entry != NULL ? &entry->source : NULL;
}

struct nn_source *
nn_weights_channels_last(struct nn_weights *weights, struct nn_source *of)
{
  struct nn_shape shape = { { of->shape.dims[0], of->shape.dims[2], of->shape.dims[3], of->shape.dims[1] }, 4 };
  size_t bytes = strlen(of->name) + sizeof " with channels last";
  char *name = malloc(bytes);
  struct entry *entry;

  if (name == NULL)
    return NULL;
  snprintf(name, bytes, "%s with channels last", of->name);
  entry = find_entry(weights, name);
  if (entry == NULL) {
    entry = new_entry(weights, ORIGIN_CHANNELS_LAST, name, &shape);
    if (entry != NULL)
      entry->parts[0] = (struct entry *)of;
  }
  free(name);
  return entry != NULL ? &entry->source : NULL;
}

/* ---- Reading ---- */

static enum compute_status
read_values(struct entry *entry, int64_t first, int64_t count, float *out, struct compute_error *error);

static enum compute_status
read_channels_last(struct entry *entry, int64_t first, int64_t count, float *out, struct compute_error *error)
{
  const int64_t *dims = entry->parts[0]->source.shape.dims;
  int64_t channels = dims[1], taps = dims[2] * dims[3], all = nn_elements(&entry->source.shape);
  float *values = malloc((size_t)all * sizeof *values);
  enum compute_status status;

  if (values == NULL)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory to convert weight “%s”", entry->source.name);
  status = read_values(entry->parts[0], 0, all, values, error);
  for (int64_t i = 0; status == COMPUTE_OK && i < count; i++) {
    int64_t at = first + i, channel = at % channels, tap = at / channels % taps, row = at / channels / taps;

    out[i] = values[(row * channels + channel) * taps + tap];
  }
  free(values);
  return status;
}

/* Two threads may both do it, which costs time alone. */
static enum compute_status
check_finite(struct entry *entry, struct compute_error *error)
{
  enum compute_status status = COMPUTE_OK;

  if (entry->origin == ORIGIN_FILE && !atomic_load(&entry->checked))
    status = weights_check_finite(entry->tensor, error);
  if (status == COMPUTE_OK)
    atomic_store(&entry->checked, true);
  return status;
}

static enum compute_status
read_values(struct entry *entry, int64_t first, int64_t count, float *out, struct compute_error *error)
{
  enum compute_status status = COMPUTE_OK;

  switch (entry->origin) {
  case ORIGIN_FILE:
    status = check_finite(entry, error);
    if (status == COMPUTE_OK)
      weights_read_f32(entry->tensor, (uint64_t)first, (uint64_t)count, out);
    return status;
  case ORIGIN_ADDED:
    memcpy(out, entry->values + first, (size_t)count * sizeof *out);
    return COMPUTE_OK;
  case ORIGIN_CONCAT:
    for (int i = 0; status == COMPUTE_OK && i < 2 && count > 0; i++) {
      int64_t elements = nn_elements(&entry->parts[i]->source.shape);
      int64_t here = elements - first < count ? elements - first : count;

      if (here > 0) {
        status = read_values(entry->parts[i], first, here, out, error);
        out += here;
        count -= here;
        first = 0;
      } else {
        first -= elements;
      }
    }
    return status;
  case ORIGIN_CHANNELS_LAST:
    return read_channels_last(entry, first, count, out, error);
  }
  return status;
}

enum compute_status
nn_weights_read(struct nn_source *source, int64_t first, int64_t count, float *out, struct compute_error *error)
{
  return read_values((struct entry *)source, first, count, out, error);
}

/* ---- Packing ---- */

static uint64_t
plain_bytes(const struct nn_packing *packing, const struct nn_shape *shape)
{
  return nn_divide_up((uint64_t)nn_elements(shape) * nn_type_bytes(packing->type), 16) * 16;
}

const struct nn_packing nn_packing_plain = { .name = "plain", .type = NN_F32, .bytes = plain_bytes };
const struct nn_packing nn_packing_plain_halves = { .name = "plain", .type = NN_F16, .bytes = plain_bytes };

/* The values where they lie, or NULL where they have to be converted or joined. */
static const float *
values_in_place(const struct entry *entry, int64_t first)
{
  if (entry->origin == ORIGIN_ADDED)
    return entry->values + first;
  if (entry->origin != ORIGIN_FILE || entry->tensor->type != WEIGHTS_F32 ||
      (uintptr_t)entry->tensor->data % _Alignof(float) != 0)
    return NULL;
  return (const float *)(const void *)entry->tensor->data + first;
}

/* A weight as it is goes up in blocks, so that a large table never stands twice in memory. */
static enum compute_status
upload_plain(const struct packed *to, struct compute_error *error)
{
  enum { BLOCK = 1 << 20 };
  const int64_t count = nn_elements(&to->shape);
  const enum nn_type type = to->packing->type;
  const uint64_t element = nn_type_bytes(type);
  float *block = calloc(BLOCK, sizeof *block);
  enum compute_status status = COMPUTE_OK;

  if (block == NULL)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory to read weight “%s”", to->entry->source.name);
  for (int64_t done = 0; status == COMPUTE_OK && done < count; done += BLOCK) {
    int64_t here = count - done < BLOCK ? count - done : BLOCK, padded = (here + 7) / 8 * 8;

    status = read_values(to->entry, to->first + done, here, block, error);
    memset(block + here, 0, (size_t)(padded - here) * sizeof *block);
    if (type != NN_F32) /* in place: an element takes no more than it did */
      for (int64_t i = 0; i < padded; i++)
        nn_pack_element(block, type, i, block[i], 1);
    if (status == COMPUTE_OK)
      status = gpu_buffer_write(to->buffer, (uint64_t)done * element, block,
                                nn_divide_up((uint64_t)here * element, 16) * 16, error);
  }
  free(block);
  return status;
}

/* Straight from the file's mapping into the buffer's, where there are such. */
static enum compute_status
upload_packed(const struct packed *to, struct compute_error *error)
{
  const struct nn_packing *packing = to->packing;
  const uint64_t bytes = packing->bytes(packing, &to->shape);
  const int64_t count = nn_elements(&to->shape);
  const float *in_place = values_in_place(to->entry, to->first);
  float *values = in_place == NULL ? malloc((size_t)count * sizeof *values) : NULL;
  void *mapped = gpu_buffer_map(to->buffer), *packed = mapped == NULL ? calloc(1, bytes) : mapped;
  enum compute_status status = COMPUTE_OK;

  if ((values == NULL && in_place == NULL) || packed == NULL)
    status = compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory to pack weight “%s”", to->entry->source.name);
  else
    status =
        in_place != NULL ? check_finite(to->entry, error) : read_values(to->entry, to->first, count, values, error);
  if (status == COMPUTE_OK) {
    if (mapped != NULL)
      memset(mapped, 0, bytes);
    packing->pack(packing, in_place != NULL ? in_place : values, &to->shape, packed);
  }
  if (status == COMPUTE_OK && mapped == NULL)
    status = gpu_buffer_write(to->buffer, 0, packed, bytes, error);
  free(values);
  if (mapped == NULL)
    free(packed);
  return status;
}

static enum compute_status
fill(const struct packed *packed, struct compute_error *error)
{
  return packed->packing->pack != NULL ? upload_packed(packed, error) : upload_plain(packed, error);
}

/* ---- Packing on threads ---- */

/* Under the lock, which is given up meanwhile: fills the next buffer that waits. */
static void
fill_next(struct packers *packers)
{
  struct packed *packed = packers->first;
  struct compute_error error = { 0 };

  packers->first = packed->next_waiting;
  if (packers->first == NULL)
    packers->last = NULL;
  pthread_mutex_unlock(&packers->lock);
  packed->status = fill(packed, &error);
  pthread_mutex_lock(&packers->lock);
  if (packed->status != COMPUTE_OK && packers->error.status == COMPUTE_OK)
    packers->error = error;
}

static void *
run_packer(void *data)
{
  struct packers *packers = data;

  pthread_mutex_lock(&packers->lock);
  while (packers->first != NULL || !packers->closing)
    if (packers->first != NULL)
      fill_next(packers);
    else
      pthread_cond_wait(&packers->changed, &packers->lock);
  pthread_mutex_unlock(&packers->lock);
  return NULL;
}

void
nn_weights_begin(struct nn_weights *weights)
{
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  struct packers *packers = calloc(1, sizeof *packers);

  /* Without memory or threads the caller does it all itself. */
  if (packers == NULL)
    return;
  pthread_mutex_init(&packers->lock, NULL);
  pthread_cond_init(&packers->changed, NULL);
  packers->most_threads = processors > MOST_PACKERS ? MOST_PACKERS : processors > 1 ? (unsigned)processors : 1;
  weights->packers = packers;
}

static void
add_waiting(struct packers *packers, struct packed *packed)
{
  pthread_mutex_lock(&packers->lock);
  *(packers->last != NULL ? &packers->last->next_waiting : &packers->first) = packed;
  packers->last = packed;
  if (packers->thread_count < packers->most_threads &&
      pthread_create(&packers->threads[packers->thread_count], NULL, run_packer, packers) == 0)
    packers->thread_count++;
  pthread_cond_signal(&packers->changed);
  pthread_mutex_unlock(&packers->lock);
}

/* What could not be filled is as if it had not been asked for. */
static void
forget_failed(struct nn_weights *weights)
{
  for (struct packed **link = &weights->packed; *link != NULL;) {
    struct packed *packed = *link;

    if (packed->status == COMPUTE_OK) {
      link = &packed->next;
      continue;
    }
    *link = packed->next;
    weights->bytes -= packed->packing->bytes(packed->packing, &packed->shape);
    gpu_buffer_destroy(&packed->buffer);
    free(packed);
  }
}

enum compute_status
nn_weights_finish(struct nn_weights *weights, struct compute_error *error)
{
  struct packers *packers = weights->packers;
  enum compute_status status;

  if (packers == NULL)
    return COMPUTE_OK;
  weights->packers = NULL;
  pthread_mutex_lock(&packers->lock);
  packers->closing = true;
  pthread_cond_broadcast(&packers->changed);
  while (packers->first != NULL)
    fill_next(packers);
  pthread_mutex_unlock(&packers->lock);
  for (unsigned i = 0; i < packers->thread_count; i++)
    pthread_join(packers->threads[i], NULL);
  status = packers->error.status;
  if (status != COMPUTE_OK) {
    if (error != NULL)
      *error = packers->error;
    forget_failed(weights);
  }
  pthread_cond_destroy(&packers->changed);
  pthread_mutex_destroy(&packers->lock);
  free(packers);
  return status;
}

enum compute_status
nn_weights_upload(struct nn_source *source, int64_t first, const struct nn_shape *shape,
                  const struct nn_packing *packing, struct gpu_buffer *buffer, struct compute_error *error)
{
  const struct packed to = {
    .entry = (struct entry *)source, .first = first, .shape = *shape, .packing = packing, .buffer = buffer
  };

  return fill(&to, error);
}

struct gpu_buffer *
nn_weights_find_packed(const struct nn_weights *weights, const struct nn_source *source, int64_t first,
                       const struct nn_shape *shape, const struct nn_packing *packing)
{
  for (struct packed *packed = weights->packed; packed != NULL; packed = packed->next)
    if (&packed->entry->source == source && packed->first == first && packed->packing == packing &&
        nn_shape_equal(&packed->shape, shape))
      return packed->buffer;
  return NULL;
}

enum compute_status
nn_weights_pack(struct nn_weights *weights, struct nn_source *source, int64_t first, const struct nn_shape *shape,
                const struct nn_packing *packing, struct gpu_buffer **buffer, struct compute_error *error)
{
  struct packed *packed;
  enum compute_status status;

  *buffer = nn_weights_find_packed(weights, source, first, shape, packing);
  if (*buffer != NULL)
    return COMPUTE_OK;
  packed = calloc(1, sizeof *packed);
  if (packed == NULL)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for weight “%s”", source->name);
  *packed = (struct packed){ .entry = (struct entry *)source, .first = first, .shape = *shape, .packing = packing };
  status =
      gpu_buffer_create(weights->device, packing->bytes(packing, shape), GPU_MEMORY_DEVICE, &packed->buffer, error);
  if (status == COMPUTE_OK && weights->packers != NULL)
    add_waiting(weights->packers, packed);
  else if (status == COMPUTE_OK)
    status = fill(packed, error);
  if (status != COMPUTE_OK) {
    gpu_buffer_destroy(&packed->buffer);
    free(packed);
    return status;
  }
  weights->bytes += packing->bytes(packing, shape);
  packed->next = weights->packed;
  weights->packed = packed;
  *buffer = packed->buffer;
  return COMPUTE_OK;
}

const void *
nn_weights_mark(const struct nn_weights *weights)
{
  return weights->packed;
}

void
nn_weights_release(struct nn_weights *weights, const void *mark)
{
  while (weights->packed != mark) {
    struct packed *packed = weights->packed;

    weights->packed = packed->next;
    weights->bytes -= packed->packing->bytes(packed->packing, &packed->shape);
    gpu_buffer_destroy(&packed->buffer);
    free(packed);
  }
}
