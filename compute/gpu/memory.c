/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/gpu/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * Memory is taken from Vulkan in blocks and given to buffers in parts, because a device may allow few allocations (4096)
 * and each is slow. A block is a list of gaps in order of offset; a buffer gets the smallest gap that it fits in, and
 * what it gives back is joined with its neighbours. A block without buffers is given back to Vulkan unless it is the
 * last of its type, so that plans can come and go without a rush of allocations.
 */

#define SMALLEST_BLOCK ((uint64_t)4 << 20)
#define LARGEST_BLOCK ((uint64_t)64 << 20)

static uint64_t
align_up(uint64_t value, uint64_t alignment)
{
  return (value + alignment - 1) / alignment * alignment;
}

/* A block with n parts has n + 1 gaps at most. Their room is made when a part is taken, so that giving cannot fail. */
static bool
reserve_gaps(struct gpu_block *block, size_t parts)
{
  if (parts + 1 <= block->gap_capacity)
    return true;
  size_t capacity = 2 * (parts + 1);
  struct gpu_gap *gaps = realloc(block->gaps, capacity * sizeof *gaps);
  if (!gaps)
    return false;
  block->gaps = gaps;
  block->gap_capacity = capacity;
  return true;
}

static void
insert_gap(struct gpu_block *block, size_t index, struct gpu_gap gap)
{
  memmove(&block->gaps[index + 1], &block->gaps[index], (block->gap_count - index) * sizeof *block->gaps);
  block->gaps[index] = gap;
  block->gap_count++;
}

static void
remove_gap(struct gpu_block *block, size_t index)
{
  block->gap_count--;
  memmove(&block->gaps[index], &block->gaps[index + 1], (block->gap_count - index) * sizeof *block->gaps);
}

static void
free_block(struct gpu_device *device, struct gpu_block *block)
{
  if (block->handle)
    device->vk.vkFreeMemory(device->handle, block->handle, NULL); /* unmaps it too */
  free(block->gaps);
  free(block);
}

static bool
take_from_block(struct gpu_block *block, uint64_t bytes, uint64_t alignment, uint64_t *offset)
{
  size_t best = SIZE_MAX;
  for (size_t i = 0; i < block->gap_count; i++) {
    const struct gpu_gap *gap = &block->gaps[i];
    uint64_t start = align_up(gap->offset, alignment);
    if (start + bytes <= gap->offset + gap->bytes && (best == SIZE_MAX || gap->bytes < block->gaps[best].bytes))
      best = i;
  }
  if (best == SIZE_MAX || !reserve_gaps(block, block->part_count + 1))
    return false;
  struct gpu_gap gap = block->gaps[best];
  uint64_t start = align_up(gap.offset, alignment);
  struct gpu_gap before = { gap.offset, start - gap.offset };
  struct gpu_gap after = { start + bytes, gap.offset + gap.bytes - start - bytes };
  if (before.bytes && after.bytes) {
    block->gaps[best] = before;
    insert_gap(block, best + 1, after);
  } else if (before.bytes || after.bytes) {
    block->gaps[best] = before.bytes ? before : after;
  } else {
    remove_gap(block, best);
  }
  block->part_count++;
  *offset = start;
  return true;
}

static void
give_to_block(struct gpu_block *block, uint64_t offset, uint64_t bytes)
{
  size_t index = 0;
  while (index < block->gap_count && block->gaps[index].offset < offset)
    index++;
  struct gpu_gap *before = index > 0 ? &block->gaps[index - 1] : NULL;
  struct gpu_gap *after = index < block->gap_count ? &block->gaps[index] : NULL;
  bool joins_before = before && before->offset + before->bytes == offset;
  bool joins_after = after && offset + bytes == after->offset;
  if (joins_before && joins_after) {
    before->bytes += bytes + after->bytes;
    remove_gap(block, index);
  } else if (joins_before) {
    before->bytes += bytes;
  } else if (joins_after) {
    after->offset = offset;
    after->bytes += bytes;
  } else {
    insert_gap(block, index, (struct gpu_gap){ offset, bytes });
  }
  block->part_count--;
}

static enum compute_status
allocate_block(struct gpu_device *device, uint32_t memory_type, uint64_t bytes, bool must, struct gpu_block **block_out,
               struct compute_error *error)
{
  struct gpu_memory_pool *pool = &device->memory;
  *block_out = NULL;
  if (pool->allocations >= pool->max_allocations) {
    if (!must)
      return COMPUTE_OK;
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "%s allows only %u memory allocations, and all are in use",
                        device->info.name, pool->max_allocations);
  }
  struct gpu_block *block = calloc(1, sizeof *block);
  if (!block || !reserve_gaps(block, 0)) {
    free(block);
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory");
  }
  insert_gap(block, 0, (struct gpu_gap){ 0, bytes });
  block->memory_type = memory_type;
  block->bytes = bytes;
  const VkMemoryAllocateInfo info = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
    .allocationSize = bytes,
    .memoryTypeIndex = memory_type,
  };
  VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  if (pool->allocated_bytes + bytes <= pool->shortage_bytes)
    result = device->vk.vkAllocateMemory(device->handle, &info, NULL, &block->handle);
  bool mappable =
      device->memory_properties.memoryTypes[memory_type].propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
  if (result == VK_SUCCESS && mappable)
    result = device->vk.vkMapMemory(device->handle, block->handle, 0, VK_WHOLE_SIZE, 0, &block->mapped);
  if (result != VK_SUCCESS) {
    free_block(device, block);
    if (result == VK_ERROR_DEVICE_LOST)
      return gpu_check(device, result, "allocate memory", error);
    if (!must)
      return COMPUTE_OK;
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY,
                        "%s has no room for %" PRIu64 " MiB more (%" PRIu64
                        " MiB are in use here): choose a smaller model or batch, or close other programs",
                        device->info.name, (bytes + ((1 << 20) - 1)) >> 20, pool->allocated_bytes >> 20);
  }
  block->next = pool->blocks;
  pool->blocks = block;
  pool->allocations++;
  pool->allocated_bytes += bytes;
  *block_out = block;
  return COMPUTE_OK;
}

enum compute_status
gpu_memory_take(struct gpu_device *device, const VkMemoryRequirements *requirements, uint32_t memory_type,
                struct gpu_allocation *allocation, struct compute_error *error)
{
  struct gpu_memory_pool *pool = &device->memory;
  enum compute_status status = COMPUTE_OK;
  uint64_t bytes = requirements->size, offset = 0, type_bytes = 0;
  struct gpu_block *block;
  pthread_mutex_lock(&pool->lock);
  for (block = pool->blocks; block; block = block->next) {
    if (block->memory_type != memory_type)
      continue;
    type_bytes += block->bytes;
    if (take_from_block(block, bytes, requirements->alignment, &offset))
      break;
  }
  if (!block) {
    /* Blocks grow with what is in use, so that a small program stays small; what is large gets a block of its own. */
    uint64_t size = SMALLEST_BLOCK;
    while (size < LARGEST_BLOCK && size < type_bytes)
      size *= 2;
    if (size / 2 >= bytes)
      status = allocate_block(device, memory_type, size, false, &block, error);
    if (status == COMPUTE_OK && !block)
      status = allocate_block(device, memory_type, bytes, true, &block, error);
    if (block && !take_from_block(block, bytes, requirements->alignment, &offset))
      status = compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory");
  }
  if (status == COMPUTE_OK) {
    *allocation = (struct gpu_allocation){ .block = block, .offset = offset, .bytes = bytes };
    pool->used_bytes += bytes;
  }
  pthread_mutex_unlock(&pool->lock);
  return status;
}

void
gpu_memory_give(struct gpu_device *device, struct gpu_allocation *allocation)
{
  struct gpu_memory_pool *pool = &device->memory;
  struct gpu_block *block = allocation->block;
  if (!block)
    return;
  pthread_mutex_lock(&pool->lock);
  give_to_block(block, allocation->offset, allocation->bytes);
  pool->used_bytes -= allocation->bytes;
  bool empty = block->part_count == 0;
  bool others = false;
  for (struct gpu_block *other = pool->blocks; other; other = other->next)
    others |= other != block && other->memory_type == block->memory_type;
  if (empty && (others || block->bytes > LARGEST_BLOCK || pool->used_bytes == 0)) {
    struct gpu_block **link = &pool->blocks;
    while (*link != block)
      link = &(*link)->next;
    *link = block->next;
    pool->allocations--;
    pool->allocated_bytes -= block->bytes;
    free_block(device, block);
  }
  pthread_mutex_unlock(&pool->lock);
  *allocation = (struct gpu_allocation){ 0 };
}

struct gpu_memory_use
gpu_device_memory_use(struct gpu_device *device)
{
  struct gpu_memory_pool *pool = &device->memory;
  pthread_mutex_lock(&pool->lock);
  struct gpu_memory_use use = { pool->used_bytes, pool->allocated_bytes, pool->allocations };
  pthread_mutex_unlock(&pool->lock);
  return use;
}

uint64_t
gpu_device_free_memory(struct gpu_device *device)
{
  const uint32_t type = device->memory_types[GPU_MEMORY_DEVICE];
  const uint32_t heap = device->memory_properties.memoryTypes[type].heapIndex;
  uint64_t most = device->memory_properties.memoryHeaps[heap].size / 4 * 3, taken = 0;
  struct gpu_memory_pool *pool = &device->memory;

  pthread_mutex_lock(&pool->lock);
  for (const struct gpu_block *block = pool->blocks; block; block = block->next)
    if (device->memory_properties.memoryTypes[block->memory_type].heapIndex == heap)
      taken += block->bytes;
  const uint64_t left = pool->shortage_bytes -
                        (pool->allocated_bytes < pool->shortage_bytes ? pool->allocated_bytes : pool->shortage_bytes);
  pthread_mutex_unlock(&pool->lock);
  /* The driver's word, which is by no device's function and so needs no extension to be enabled. */
  if (device->capabilities.memory_budget) {
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT
    };
    VkPhysicalDeviceMemoryProperties2 query = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
                                                .pNext = &budget };
    vkGetPhysicalDeviceMemoryProperties2(device->physical, &query);
    most = budget.heapBudget[heap];
    taken = budget.heapUsage[heap];
  }
  const uint64_t free = most > taken ? most - taken : 0;
  return free < left ? free : left;
}

void
gpu_device_inject_shortage(struct gpu_device *device, uint64_t bytes)
{
  pthread_mutex_lock(&device->memory.lock);
  device->memory.shortage_bytes = bytes;
  pthread_mutex_unlock(&device->memory.lock);
}
