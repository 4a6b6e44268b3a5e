/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/window.h"

#include <stdlib.h>

struct item {
  struct nn_source *source;
  int64_t first;
  struct nn_shape shape;
  const struct nn_packing *packing;
  struct gpu_buffer *buffer; /* a part of the window */
};

struct nn_window {
  struct nn_weights *weights;
  struct gpu_buffer *memory;
  uint64_t bytes, used;
  struct item *items;
  size_t item_count, item_room;
  size_t *turns; /* each one's first item */
  size_t turn_count, turn_room;
};

enum compute_status
nn_window_create(struct nn_weights *weights, uint64_t bytes, struct nn_window **window_out, struct compute_error *error)
{
  struct nn_window *window = calloc(1, sizeof *window);
  enum compute_status status;

  *window_out = NULL;
  if (window == NULL)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a window of weights");
  window->weights = weights;
  window->bytes = bytes;
  status = nn_window_next(window, error);
  if (status == COMPUTE_OK && bytes > 0)
    status = gpu_buffer_create(nn_weights_device(weights), bytes, GPU_MEMORY_DEVICE, &window->memory, error);
  if (status != COMPUTE_OK)
    nn_window_destroy(&window);
  *window_out = window;
  return status;
}

void
nn_window_destroy(struct nn_window **window)
{
  if (*window == NULL)
    return;
  for (size_t i = 0; i < (*window)->item_count; i++)
    gpu_buffer_destroy(&(*window)->items[i].buffer);
  gpu_buffer_destroy(&(*window)->memory);
  free((*window)->items);
  free((*window)->turns);
  free(*window);
  *window = NULL;
}

uint64_t
nn_window_bytes(const struct nn_window *window)
{
  return window->bytes;
}

uint64_t
nn_window_used(const struct nn_window *window)
{
  return window->used;
}

/* Room for one more of count elements, or false. */
static bool
reserve(void **elements, size_t *room, size_t count, size_t bytes)
{
  void *larger;

  if (count < *room)
    return true;
  larger = realloc(*elements, (2 * count + 16) * bytes);
  if (larger == NULL)
    return false;
  *elements = larger;
  *room = 2 * count + 16;
  return true;
}

enum compute_status
nn_window_next(struct nn_window *window, struct compute_error *error)
{
  void *turns = window->turns;
  bool good = reserve(&turns, &window->turn_room, window->turn_count, sizeof *window->turns);

  window->turns = turns;
  if (!good)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a window of weights");
  window->turns[window->turn_count++] = window->item_count;
  window->used = 0;
  return COMPUTE_OK;
}

static struct item *
find_item(struct nn_window *window, const struct nn_source *source, int64_t first, const struct nn_shape *shape,
          const struct nn_packing *packing)
{
  for (size_t i = window->turns[window->turn_count - 1]; i < window->item_count; i++) {
    struct item *item = &window->items[i];

    if (item->source == source && item->first == first && item->packing == packing &&
        nn_shape_equal(&item->shape, shape))
      return item;
  }
  return NULL;
}

enum compute_status
nn_window_bind(struct nn_window *window, struct nn_source *source, int64_t first, const struct nn_shape *shape,
               const struct nn_packing *packing, struct gpu_buffer **buffer, struct compute_error *error)
{
  uint64_t bytes = packing->bytes(packing, shape), offset = window->used;
  struct item *item;
  void *items = window->items;
  enum compute_status status = COMPUTE_OK;
  bool good;

  *buffer = nn_weights_find_packed(window->weights, source, first, shape, packing);
  if (*buffer != NULL)
    return COMPUTE_OK;
  item = find_item(window, source, first, shape, packing);
  if (item != NULL) {
    *buffer = item->buffer;
    return COMPUTE_OK;
  }
  good = reserve(&items, &window->item_room, window->item_count, sizeof *window->items);
  window->items = items;
  if (!good)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a window of weights");
  item = &window->items[window->item_count];
  *item = (struct item){ .source = source, .first = first, .shape = *shape, .packing = packing };
  if (window->memory != NULL)
    status = gpu_buffer_create_part(window->memory, offset, bytes, &item->buffer, error);
  if (status != COMPUTE_OK)
    return status;
  window->item_count++;
  window->used = offset + nn_divide_up(bytes, GPU_PART_ALIGNMENT) * GPU_PART_ALIGNMENT;
  *buffer = item->buffer;
  return COMPUTE_OK;
}

enum compute_status
nn_window_upload(struct nn_window *window, size_t turn, struct compute_error *error)
{
  size_t end = turn + 1 < window->turn_count ? window->turns[turn + 1] : window->item_count;
  enum compute_status status = COMPUTE_OK;

  for (size_t i = window->turns[turn]; status == COMPUTE_OK && i < end; i++) {
    const struct item *item = &window->items[i];

    status = nn_weights_upload(item->source, item->first, &item->shape, item->packing, item->buffer, error);
  }
  return status;
}
