/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/arena.h"

#include <stdlib.h>

static int
by_size(const void *a, const void *b)
{
  const struct arena_block *one = *(struct arena_block *const *)a, *other = *(struct arena_block *const *)b;

  if (one->bytes != other->bytes)
    return one->bytes < other->bytes ? 1 : -1;
  return one < other ? -1 : one > other; /* so that the same graph is always laid out in the same way */
}

static uint64_t
round_up(uint64_t value, uint64_t alignment)
{
  return (value + alignment - 1) / alignment * alignment;
}

/* The lowest offset at which no placed neighbour in time is met. placed is sorted by offset. */
static uint64_t
lowest_place(struct arena_block **placed, size_t count, const struct arena_block *block, uint64_t alignment)
{
  uint64_t offset = 0;

  for (size_t i = 0; i < count; i++) {
    const struct arena_block *other = placed[i];

    if (other->last < block->first || block->last < other->first)
      continue;
    if (offset + block->bytes <= other->offset)
      break;
    if (offset < other->offset + other->bytes)
      offset = round_up(other->offset + other->bytes, alignment);
  }
  return offset;
}

static uint64_t
lay_out_apart(struct arena_block *blocks, size_t count, uint64_t alignment)
{
  uint64_t end = 0;

  for (size_t i = 0; i < count; i++)
    if (blocks[i].used) {
      blocks[i].offset = end;
      end = round_up(end + blocks[i].bytes, alignment);
    }
  return end;
}

uint64_t
arena_lay_out(struct arena_block *blocks, size_t count, uint64_t alignment, bool sharing)
{
  struct arena_block **queue = sharing ? calloc(2 * count + 1, sizeof *queue) : NULL;
  struct arena_block **placed;
  size_t waiting = 0, done = 0;
  uint64_t end = 0;

  if (queue == NULL) /* also where the host has no memory for a better layout */
    return lay_out_apart(blocks, count, alignment);
  placed = queue + count;
  for (size_t i = 0; i < count; i++)
    if (blocks[i].used)
      queue[waiting++] = &blocks[i];
  qsort(queue, waiting, sizeof *queue, by_size);
  for (; done < waiting; done++) {
    struct arena_block *block = queue[done];
    size_t at = done;

    block->offset = lowest_place(placed, done, block, alignment);
    for (; at > 0 && placed[at - 1]->offset > block->offset; at--)
      placed[at] = placed[at - 1];
    placed[at] = block;
    if (end < block->offset + block->bytes)
      end = round_up(block->offset + block->bytes, alignment);
  }
  free(queue);
  return end;
}
