/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/gpu/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define STAGING_BYTES ((uint64_t)4 << 20)

/* The handle, which has no memory yet. */
static enum compute_status
create_handle(struct gpu_device *device, uint64_t bytes, struct gpu_buffer **buffer_out, struct compute_error *error)
{
  struct gpu_buffer *buffer = calloc(1, sizeof *buffer);
  *buffer_out = NULL;
  if (!buffer)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory");
  buffer->device = device;
  buffer->bytes = bytes;
  const VkBufferCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
    .size = bytes,
    .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
             VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
    .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
  };
  enum compute_status status = gpu_check(
      device, device->vk.vkCreateBuffer(device->handle, &info, NULL, &buffer->handle), "create a buffer", error);
  if (status != COMPUTE_OK)
    gpu_buffer_destroy(&buffer);
  *buffer_out = buffer;
  return status;
}

static enum compute_status
bind_memory(struct gpu_buffer *buffer, const struct gpu_block *block, uint64_t offset, bool mapped,
            struct compute_error *error)
{
  struct gpu_device *device = buffer->device;
  enum compute_status status =
      gpu_check(device, device->vk.vkBindBufferMemory(device->handle, buffer->handle, block->handle, offset),
                "bind a buffer's memory", error);
  if (status == COMPUTE_OK && mapped)
    buffer->mapped = (uint8_t *)block->mapped + offset;
  return status;
}

enum compute_status
gpu_buffer_create(struct gpu_device *device, uint64_t bytes, enum gpu_memory memory, struct gpu_buffer **buffer_out,
                  struct compute_error *error)
{
  *buffer_out = NULL;
  enum compute_status status = gpu_check_lost(device, error);
  if (status != COMPUTE_OK)
    return status;
  if (bytes == 0)
    return compute_fail(error, COMPUTE_ERROR_LIMIT, "a buffer of no bytes was asked for");
  if (bytes > device->capabilities.max_allocation_bytes)
    return compute_fail(error, COMPUTE_ERROR_LIMIT,
                        "a buffer of %" PRIu64 " bytes is larger than %s allows (%" PRIu64
                        "): choose a smaller model or batch",
                        bytes, device->info.name, device->capabilities.max_allocation_bytes);
  struct gpu_buffer *buffer;
  status = create_handle(device, bytes, &buffer, error);
  if (status != COMPUTE_OK)
    return status;
  VkMemoryRequirements requirements;
  device->vk.vkGetBufferMemoryRequirements(device->handle, buffer->handle, &requirements);
  status = gpu_memory_take(device, &requirements, device->memory_types[memory], &buffer->allocation, error);
  if (status == COMPUTE_OK) {
    const struct gpu_block *block = buffer->allocation.block;
    bool mapped = block->mapped && (memory != GPU_MEMORY_DEVICE || device->capabilities.unified_memory);
    status = bind_memory(buffer, block, buffer->allocation.offset, mapped, error);
  }
  if (status != COMPUTE_OK)
    gpu_buffer_destroy(&buffer);
  *buffer_out = buffer;
  return status;
}

enum compute_status
gpu_buffer_create_part(struct gpu_buffer *whole, uint64_t offset, uint64_t bytes, struct gpu_buffer **buffer_out,
                       struct compute_error *error)
{
  struct gpu_device *device = whole->device;
  *buffer_out = NULL;
  enum compute_status status = gpu_check_lost(device, error);
  if (status != COMPUTE_OK)
    return status;
  if (bytes == 0 || offset > whole->bytes || bytes > whole->bytes - offset)
    return compute_fail(error, COMPUTE_ERROR_LIMIT,
                        "a part of %" PRIu64 " bytes at %" PRIu64 " of a buffer of %" PRIu64 " bytes", bytes, offset,
                        whole->bytes);
  struct gpu_buffer *buffer;
  status = create_handle(device, bytes, &buffer, error);
  if (status != COMPUTE_OK)
    return status;
  VkMemoryRequirements requirements;
  device->vk.vkGetBufferMemoryRequirements(device->handle, buffer->handle, &requirements);
  /* The whole's own place is as its requirements want it, and a part's are the same but for the size. */
  uint64_t place = whole->allocation.offset + offset;
  if (offset % GPU_PART_ALIGNMENT != 0 || place % requirements.alignment != 0)
    status = compute_fail(error, COMPUTE_ERROR_LIMIT, "a part of a buffer at %" PRIu64 " is not aligned", offset);
  else if (offset + requirements.size > whole->allocation.bytes)
    status =
        compute_fail(error, COMPUTE_ERROR_LIMIT, "a part of a buffer at %" PRIu64 " does not fit its memory", offset);
  if (status == COMPUTE_OK)
    status = bind_memory(buffer, whole->allocation.block, place, whole->mapped != NULL, error);
  if (status != COMPUTE_OK)
    gpu_buffer_destroy(&buffer);
  *buffer_out = buffer;
  return status;
}

void
gpu_buffer_destroy(struct gpu_buffer **buffer_in)
{
  struct gpu_buffer *buffer = *buffer_in;
  if (!buffer)
    return;
  struct gpu_device *device = buffer->device;
  device->vk.vkDestroyBuffer(device->handle, buffer->handle, NULL);
  gpu_memory_give(device, &buffer->allocation);
  free(buffer);
  *buffer_in = NULL;
}

uint64_t
gpu_buffer_bytes(const struct gpu_buffer *buffer)
{
  return buffer->bytes;
}

void *
gpu_buffer_map(struct gpu_buffer *buffer)
{
  return buffer->mapped;
}

/* Everything that staging needs, made when first needed. Called with the staging lock held. */
static enum compute_status
prepare_staging(struct gpu_device *device, bool reading, struct compute_error *error)
{
  enum compute_status status = COMPUTE_OK;
  if (!device->staging_pool) {
    const VkCommandPoolCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
      .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
      .queueFamilyIndex = device->queue_family,
    };
    status = gpu_check(device, device->vk.vkCreateCommandPool(device->handle, &info, NULL, &device->staging_pool),
                       "create a command pool", error);
  }
  if (status == COMPUTE_OK && !device->staging_commands) {
    const VkCommandBufferAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = device->staging_pool,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = 1,
    };
    status = gpu_check(device, device->vk.vkAllocateCommandBuffers(device->handle, &info, &device->staging_commands),
                       "allocate commands", error);
  }
  if (status == COMPUTE_OK && !device->staging_fence) {
    const VkFenceCreateInfo info = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
    status = gpu_check(device, device->vk.vkCreateFence(device->handle, &info, NULL, &device->staging_fence),
                       "create a fence", error);
  }
  if (status == COMPUTE_OK && !device->staging[reading])
    status = gpu_buffer_create(device, STAGING_BYTES, reading ? GPU_MEMORY_READBACK : GPU_MEMORY_UPLOAD,
                               &device->staging[reading], error);
  return status;
}

static enum compute_status
copy_and_wait(struct gpu_device *device, VkBuffer source, uint64_t source_offset, VkBuffer destination,
              uint64_t destination_offset, uint64_t bytes, struct compute_error *error)
{
  const VkCommandBufferBeginInfo begin = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
    .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
  };
  VkCommandBuffer commands = device->staging_commands;
  VkResult result = device->vk.vkResetCommandPool(device->handle, device->staging_pool, 0);
  if (result == VK_SUCCESS)
    result = device->vk.vkBeginCommandBuffer(commands, &begin);
  if (result != VK_SUCCESS)
    return gpu_check(device, result, "record a copy", error);
  const VkMemoryBarrier before = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
    .dstAccessMask = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
  };
  const VkPipelineStageFlags work = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
  device->vk.vkCmdPipelineBarrier(commands, work, VK_PIPELINE_STAGE_TRANSFER_BIT, 0, 1, &before, 0, NULL, 0, NULL);
  const VkBufferCopy region = { source_offset, destination_offset, bytes };
  device->vk.vkCmdCopyBuffer(commands, source, destination, 1, &region);
  const VkMemoryBarrier after = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
    .dstAccessMask = VK_ACCESS_HOST_READ_BIT | VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                     VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
  };
  device->vk.vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT | work, 0, 1,
                                  &after, 0, NULL, 0, NULL);
  result = device->vk.vkEndCommandBuffer(commands);
  if (result == VK_SUCCESS)
    result = gpu_queue_submit(device, commands, device->staging_fence);
  if (result == VK_SUCCESS) {
    result = device->vk.vkWaitForFences(device->handle, 1, &device->staging_fence, VK_TRUE, UINT64_MAX);
    device->vk.vkResetFences(device->handle, 1, &device->staging_fence);
  }
  return gpu_check(device, result, "copy a buffer", error);
}

static enum compute_status
check_range(const struct gpu_buffer *buffer, uint64_t offset, uint64_t bytes, struct compute_error *error)
{
  if (offset > buffer->bytes || bytes > buffer->bytes - offset)
    return compute_fail(error, COMPUTE_ERROR_LIMIT,
                        "bytes %" PRIu64 " to %" PRIu64 " are beyond a buffer of %" PRIu64 " bytes", offset,
                        offset + bytes, buffer->bytes);
  return gpu_check_lost(buffer->device, error);
}

/* One staging buffer's worth at a time; exactly one of `from` and `to` is given. */
static enum compute_status
stage(struct gpu_buffer *buffer, uint64_t offset, const uint8_t *from, uint8_t *to, uint64_t bytes,
      struct compute_error *error)
{
  struct gpu_device *device = buffer->device;
  bool reading = to != NULL;
  pthread_mutex_lock(&device->staging_lock);
  enum compute_status status = prepare_staging(device, reading, error);
  struct gpu_buffer *staging = device->staging[reading];
  for (uint64_t done = 0; status == COMPUTE_OK && done < bytes;) {
    uint64_t part = bytes - done < STAGING_BYTES ? bytes - done : STAGING_BYTES;
    if (from)
      memcpy(staging->mapped, from + done, part);
    status = reading ? copy_and_wait(device, buffer->handle, offset + done, staging->handle, 0, part, error)
                     : copy_and_wait(device, staging->handle, 0, buffer->handle, offset + done, part, error);
    if (to && status == COMPUTE_OK)
      memcpy(to + done, staging->mapped, part);
    done += part;
  }
  pthread_mutex_unlock(&device->staging_lock);
  return status;
}

enum compute_status
gpu_buffer_write(struct gpu_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes,
                 struct compute_error *error)
{
  enum compute_status status = check_range(buffer, offset, bytes, error);
  if (status != COMPUTE_OK || bytes == 0)
    return status;
  if (!buffer->mapped)
    return stage(buffer, offset, data, NULL, bytes, error);
  memcpy((uint8_t *)buffer->mapped + offset, data, bytes);
  return COMPUTE_OK;
}

enum compute_status
gpu_buffer_read(struct gpu_buffer *buffer, uint64_t offset, void *data, uint64_t bytes, struct compute_error *error)
{
  enum compute_status status = check_range(buffer, offset, bytes, error);
  if (status != COMPUTE_OK || bytes == 0)
    return status;
  if (!buffer->mapped)
    return stage(buffer, offset, NULL, data, bytes, error);
  memcpy(data, (const uint8_t *)buffer->mapped + offset, bytes);
  return COMPUTE_OK;
}
