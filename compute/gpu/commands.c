/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/gpu/internal.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

/* Descriptor sets come from pools of this many; a pool that is used up is followed by another. */
#define SETS_A_POOL 64
#define STORAGE_A_SET 6
#define TEXELS_A_SET 3

struct gpu_commands {
  struct gpu_device *device;
  VkCommandPool command_pool;
  VkCommandBuffer handle;
  VkFence fence;
  VkQueryPool queries;
  unsigned timestamp_count;
  bool ended, in_flight, done;
  struct compute_error failure; /* the first error of recording; its status is COMPUTE_OK where there is none */

  VkDescriptorPool *pools;
  size_t pool_count;
  unsigned sets_left, storage_left, texels_left;
  VkBufferView *views;
  size_t view_count, view_capacity;
};

enum compute_status
gpu_commands_create(struct gpu_device *device, struct gpu_commands **commands_out, struct compute_error *error)
{
  *commands_out = NULL;
  enum compute_status status = gpu_check_lost(device, error);
  if (status != COMPUTE_OK)
    return status;
  struct gpu_commands *commands = calloc(1, sizeof *commands);
  if (!commands)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory");
  commands->device = device;
  const VkCommandPoolCreateInfo pool = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
    .queueFamilyIndex = device->queue_family,
  };
  const VkFenceCreateInfo fence = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
  const VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
  VkResult result = device->vk.vkCreateCommandPool(device->handle, &pool, NULL, &commands->command_pool);
  if (result == VK_SUCCESS)
    result = device->vk.vkCreateFence(device->handle, &fence, NULL, &commands->fence);
  if (result == VK_SUCCESS) {
    const VkCommandBufferAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = commands->command_pool,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = 1,
    };
    result = device->vk.vkAllocateCommandBuffers(device->handle, &info, &commands->handle);
  }
  if (result == VK_SUCCESS)
    result = device->vk.vkBeginCommandBuffer(commands->handle, &begin);
  status = gpu_check(device, result, "begin to record commands", error);
  if (status != COMPUTE_OK)
    gpu_commands_destroy(&commands);
  *commands_out = commands;
  return status;
}

void
gpu_commands_destroy(struct gpu_commands **commands_in)
{
  struct gpu_commands *commands = *commands_in;
  if (!commands)
    return;
  struct gpu_device *device = commands->device;
  if (commands->in_flight)
    device->vk.vkWaitForFences(device->handle, 1, &commands->fence, VK_TRUE, UINT64_MAX);
  device->vk.vkDestroyFence(device->handle, commands->fence, NULL);
  device->vk.vkDestroyCommandPool(device->handle, commands->command_pool, NULL);
  device->vk.vkDestroyQueryPool(device->handle, commands->queries, NULL);
  for (size_t i = 0; i < commands->pool_count; i++)
    device->vk.vkDestroyDescriptorPool(device->handle, commands->pools[i], NULL);
  for (size_t i = 0; i < commands->view_count; i++)
    device->vk.vkDestroyBufferView(device->handle, commands->views[i], NULL);
  free(commands->pools);
  free(commands->views);
  free(commands);
  *commands_in = NULL;
}

/* Whether recording may go on; otherwise its first error is kept. */
static bool
may_record(struct gpu_commands *commands)
{
  if (commands->failure.status != COMPUTE_OK)
    return false;
  if (commands->ended) {
    compute_fail(&commands->failure, COMPUTE_ERROR_UNSUPPORTED, "commands were recorded after their end");
    return false;
  }
  return gpu_check_lost(commands->device, &commands->failure) == COMPUTE_OK;
}

static enum compute_status
take_set(struct gpu_commands *commands, const struct gpu_pipeline *pipeline, VkDescriptorSet *set,
         struct compute_error *error)
{
  struct gpu_device *device = commands->device;
  if (commands->sets_left < 1 || commands->storage_left < pipeline->storage_count ||
      commands->texels_left < pipeline->texel_count) {
    VkDescriptorPool *pools = realloc(commands->pools, (commands->pool_count + 1) * sizeof *pools);
    if (!pools)
      return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory");
    commands->pools = pools;
    const VkDescriptorPoolSize sizes[] = {
      { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, SETS_A_POOL * STORAGE_A_SET },
      { VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, SETS_A_POOL * TEXELS_A_SET },
    };
    const VkDescriptorPoolCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
      .maxSets = SETS_A_POOL,
      .poolSizeCount = 2,
      .pPoolSizes = sizes,
    };
    enum compute_status status =
        gpu_check(device, device->vk.vkCreateDescriptorPool(device->handle, &info, NULL, &pools[commands->pool_count]),
                  "create a descriptor pool", error);
    if (status != COMPUTE_OK)
      return status;
    commands->pool_count++;
    commands->sets_left = SETS_A_POOL;
    commands->storage_left = sizes[0].descriptorCount;
    commands->texels_left = sizes[1].descriptorCount;
  }
  const VkDescriptorSetAllocateInfo info = {
    .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
    .descriptorPool = commands->pools[commands->pool_count - 1],
    .descriptorSetCount = 1,
    .pSetLayouts = &pipeline->set_layout,
  };
  commands->sets_left--;
  commands->storage_left -= pipeline->storage_count;
  commands->texels_left -= pipeline->texel_count;
  return gpu_check(device, device->vk.vkAllocateDescriptorSets(device->handle, &info, set), "allocate a descriptor set",
                   error);
}

/* Every device reads these from a buffer of texels. */
static const struct {
  VkFormat format;
  uint64_t bytes; /* a texel */
} texel_formats[] = {
  [GPU_BINDING_TEXEL_F32X4] = { VK_FORMAT_R32G32B32A32_SFLOAT, 16 },
  [GPU_BINDING_TEXEL_F16X4] = { VK_FORMAT_R16G16B16A16_SFLOAT, 8 },
  [GPU_BINDING_TEXEL_I8X4] = { VK_FORMAT_R8G8B8A8_SNORM, 4 },
};

static enum compute_status
make_view(struct gpu_commands *commands, enum gpu_binding_type type, const struct gpu_buffer *buffer, uint64_t offset,
          uint64_t bytes, VkBufferView *view, struct compute_error *error)
{
  struct gpu_device *device = commands->device;
  if (commands->view_count == commands->view_capacity) {
    size_t capacity = commands->view_capacity ? 2 * commands->view_capacity : 32;
    VkBufferView *views = realloc(commands->views, capacity * sizeof *views);
    if (!views)
      return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory");
    commands->views = views;
    commands->view_capacity = capacity;
  }
  const VkBufferViewCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
    .buffer = buffer->handle,
    .format = texel_formats[type].format,
    .offset = offset,
    .range = bytes,
  };
  enum compute_status status = gpu_check(device, device->vk.vkCreateBufferView(device->handle, &info, NULL, view),
                                         "create a buffer view", error);
  if (status == COMPUTE_OK)
    commands->views[commands->view_count++] = *view;
  return status;
}

/* Checks binding i and gives how many bytes it means. */
static enum compute_status
check_binding(const struct gpu_device *device, const struct gpu_pipeline *pipeline, unsigned i,
              const struct gpu_binding *binding, uint64_t *bytes, struct compute_error *error)
{
  const struct gpu_capabilities *limits = &device->capabilities;
  enum gpu_binding_type type = pipeline->bindings[i];
  uint64_t size = binding->buffer->bytes;
  *bytes = binding->bytes ? binding->bytes : size - (binding->offset < size ? binding->offset : size);
  if (*bytes == 0 || binding->offset > size || *bytes > size - binding->offset)
    return compute_fail(error, COMPUTE_ERROR_LIMIT,
                        "shader %s, binding %u: %" PRIu64 " bytes at %" PRIu64 " of a buffer of %" PRIu64 " bytes",
                        pipeline->name, i, *bytes, binding->offset, size);
  uint64_t alignment = type == GPU_BINDING_STORAGE ? limits->storage_buffer_alignment : limits->texel_buffer_alignment;
  if (binding->offset % alignment != 0)
    return compute_fail(error, COMPUTE_ERROR_LIMIT,
                        "shader %s, binding %u: the offset %" PRIu64 " is not a multiple of %" PRIu64, pipeline->name,
                        i, binding->offset, alignment);
  if (type == GPU_BINDING_STORAGE) {
    if (*bytes > limits->max_storage_buffer_bytes)
      return compute_fail(error, COMPUTE_ERROR_LIMIT,
                          "shader %s, binding %u: %" PRIu64 " bytes, and %s binds at most %" PRIu64, pipeline->name, i,
                          *bytes, device->info.name, limits->max_storage_buffer_bytes);
    return COMPUTE_OK;
  }
  uint64_t texel = texel_formats[type].bytes;
  *bytes -= binding->bytes ? 0 : *bytes % texel;
  if (*bytes % texel != 0 || *bytes == 0)
    return compute_fail(error, COMPUTE_ERROR_LIMIT, "shader %s, binding %u: %" PRIu64 " bytes are not whole texels",
                        pipeline->name, i, *bytes);
  if (*bytes / texel > limits->max_texel_buffer_elements)
    return compute_fail(error, COMPUTE_ERROR_LIMIT,
                        "shader %s, binding %u: %" PRIu64 " texels, and %s binds at most %" PRIu32, pipeline->name, i,
                        *bytes / texel, device->info.name, limits->max_texel_buffer_elements);
  return COMPUTE_OK;
}

static enum compute_status
write_set(struct gpu_commands *commands, const struct gpu_pipeline *pipeline, const struct gpu_binding *bindings,
          VkDescriptorSet *set, struct compute_error *error)
{
  struct gpu_device *device = commands->device;
  VkDescriptorBufferInfo buffers[GPU_MAX_BINDINGS];
  VkBufferView views[GPU_MAX_BINDINGS];
  VkWriteDescriptorSet writes[GPU_MAX_BINDINGS];
  enum compute_status status = take_set(commands, pipeline, set, error);
  for (unsigned i = 0; status == COMPUTE_OK && i < pipeline->binding_count; i++) {
    uint64_t bytes;
    status = check_binding(device, pipeline, i, &bindings[i], &bytes, error);
    if (status != COMPUTE_OK)
      break;
    writes[i] = (VkWriteDescriptorSet){
      .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
      .dstSet = *set,
      .dstBinding = i,
      .descriptorCount = 1,
    };
    if (pipeline->bindings[i] == GPU_BINDING_STORAGE) {
      buffers[i] = (VkDescriptorBufferInfo){ bindings[i].buffer->handle, bindings[i].offset, bytes };
      writes[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
      writes[i].pBufferInfo = &buffers[i];
    } else {
      status =
          make_view(commands, pipeline->bindings[i], bindings[i].buffer, bindings[i].offset, bytes, &views[i], error);
      writes[i].descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER;
      writes[i].pTexelBufferView = &views[i];
    }
  }
  if (status == COMPUTE_OK)
    device->vk.vkUpdateDescriptorSets(device->handle, pipeline->binding_count, writes, 0, NULL);
  return status;
}

static enum compute_status
record_dispatch(struct gpu_commands *commands, struct gpu_pipeline *pipeline, const struct gpu_binding *bindings,
                unsigned binding_count, const void *push, unsigned push_bytes, const uint32_t count[3],
                struct compute_error *error)
{
  struct gpu_device *device = commands->device;
  const uint32_t *most = device->capabilities.max_workgroup_count;
  if (binding_count != pipeline->binding_count || push_bytes != pipeline->push_constant_bytes)
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED,
                        "shader %s: %u bindings and %u bytes of push constants were given, and it takes %u and %u",
                        pipeline->name, binding_count, push_bytes, pipeline->binding_count,
                        pipeline->push_constant_bytes);
  for (int i = 0; i < 3; i++)
    if (count[i] > most[i])
      return compute_fail(error, COMPUTE_ERROR_LIMIT, "shader %s: %u×%u×%u workgroups, and %s takes at most %u×%u×%u",
                          pipeline->name, count[0], count[1], count[2], device->info.name, most[0], most[1], most[2]);
  VkDescriptorSet set;
  enum compute_status status = write_set(commands, pipeline, bindings, &set, error);
  if (status != COMPUTE_OK)
    return status;
  device->vk.vkCmdBindPipeline(commands->handle, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->handle);
  device->vk.vkCmdBindDescriptorSets(commands->handle, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->layout, 0, 1, &set, 0,
                                     NULL);
  if (push_bytes)
    device->vk.vkCmdPushConstants(commands->handle, pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, push_bytes, push);
  device->vk.vkCmdDispatch(commands->handle, count[0], count[1], count[2]);
  return COMPUTE_OK;
}

/* The recording's first error, told to this call too. */
static enum compute_status
answer(const struct gpu_commands *commands, struct compute_error *error)
{
  if (commands->failure.status != COMPUTE_OK && error)
    *error = commands->failure;
  return commands->failure.status;
}

enum compute_status
gpu_commands_dispatch(struct gpu_commands *commands, struct gpu_pipeline *pipeline, const struct gpu_binding *bindings,
                      unsigned binding_count, const void *push, unsigned push_bytes, uint32_t x, uint32_t y, uint32_t z,
                      struct compute_error *error)
{
  if (may_record(commands))
    record_dispatch(commands, pipeline, bindings, binding_count, push, push_bytes, (const uint32_t[]){ x, y, z },
                    &commands->failure);
  return answer(commands, error);
}

static const VkAccessFlags any_access =
    VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
static const VkPipelineStageFlags any_stage = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;

void
gpu_commands_barrier(struct gpu_commands *commands)
{
  if (!may_record(commands))
    return;
  const VkMemoryBarrier barrier = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
    .dstAccessMask = any_access,
  };
  commands->device->vk.vkCmdPipelineBarrier(commands->handle, any_stage, any_stage, 0, 1, &barrier, 0, NULL, 0, NULL);
}

static bool
is_within(const struct gpu_buffer *buffer, uint64_t offset, uint64_t bytes)
{
  return offset <= buffer->bytes && bytes <= buffer->bytes - offset;
}

void
gpu_commands_copy(struct gpu_commands *commands, struct gpu_buffer *source, uint64_t source_offset,
                  struct gpu_buffer *destination, uint64_t destination_offset, uint64_t bytes)
{
  if (!may_record(commands) || bytes == 0)
    return;
  bool overlap =
      source == destination && source_offset < destination_offset + bytes && destination_offset < source_offset + bytes;
  if (overlap || !is_within(source, source_offset, bytes) || !is_within(destination, destination_offset, bytes)) {
    compute_fail(&commands->failure, COMPUTE_ERROR_LIMIT,
                 "a copy of %" PRIu64 " bytes from %" PRIu64 " of %" PRIu64 " to %" PRIu64 " of %" PRIu64 "%s", bytes,
                 source_offset, source->bytes, destination_offset, destination->bytes,
                 overlap ? " overlaps itself" : " is beyond a buffer's end");
    return;
  }
  const VkBufferCopy region = { source_offset, destination_offset, bytes };
  commands->device->vk.vkCmdCopyBuffer(commands->handle, source->handle, destination->handle, 1, &region);
}

void
gpu_commands_fill(struct gpu_commands *commands, struct gpu_buffer *destination, uint64_t offset, uint64_t bytes,
                  uint32_t value)
{
  if (!may_record(commands) || bytes == 0)
    return;
  if (offset % 4 != 0 || bytes % 4 != 0 || !is_within(destination, offset, bytes)) {
    compute_fail(&commands->failure, COMPUTE_ERROR_LIMIT,
                 "a fill of %" PRIu64 " bytes at %" PRIu64 " of %" PRIu64 " must lie inside, in multiples of 4", bytes,
                 offset, destination->bytes);
    return;
  }
  commands->device->vk.vkCmdFillBuffer(commands->handle, destination->handle, offset, bytes, value);
}

unsigned
gpu_commands_timestamp(struct gpu_commands *commands)
{
  struct gpu_device *device = commands->device;
  if (!device->capabilities.timestamps || commands->timestamp_count >= GPU_MAX_TIMESTAMPS || !may_record(commands))
    return UINT_MAX;
  if (!commands->queries) {
    const VkQueryPoolCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
      .queryType = VK_QUERY_TYPE_TIMESTAMP,
      .queryCount = GPU_MAX_TIMESTAMPS,
    };
    VkResult result = device->vk.vkCreateQueryPool(device->handle, &info, NULL, &commands->queries);
    if (gpu_check(device, result, "create a query pool", &commands->failure) != COMPUTE_OK)
      return UINT_MAX;
    device->vk.vkCmdResetQueryPool(commands->handle, commands->queries, 0, GPU_MAX_TIMESTAMPS);
  }
  device->vk.vkCmdWriteTimestamp(commands->handle, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, commands->queries,
                                 commands->timestamp_count);
  return commands->timestamp_count++;
}

enum compute_status
gpu_commands_end(struct gpu_commands *commands, struct compute_error *error)
{
  if (may_record(commands)) {
    struct gpu_device *device = commands->device;
    const VkMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_HOST_READ_BIT | any_access,
    };
    /* Also against the next submission, which may begin with what this one ends with. */
    device->vk.vkCmdPipelineBarrier(commands->handle, any_stage, any_stage | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier,
                                    0, NULL, 0, NULL);
    gpu_check(device, device->vk.vkEndCommandBuffer(commands->handle), "end recording commands", &commands->failure);
    commands->ended = true;
  }
  return answer(commands, error);
}

enum compute_status
gpu_commands_submit(struct gpu_commands *commands, struct compute_error *error)
{
  struct gpu_device *device = commands->device;
  if (!commands->ended && commands->failure.status == COMPUTE_OK)
    compute_fail(&commands->failure, COMPUTE_ERROR_UNSUPPORTED, "commands were submitted before their end");
  if (answer(commands, error) != COMPUTE_OK)
    return commands->failure.status;
  enum compute_status status = commands->in_flight ? gpu_commands_wait(commands, error) : gpu_check_lost(device, error);
  if (status != COMPUTE_OK)
    return status;
  VkResult result = device->vk.vkResetFences(device->handle, 1, &commands->fence);
  if (result == VK_SUCCESS)
    result = gpu_queue_submit(device, commands->handle, commands->fence);
  commands->in_flight = result == VK_SUCCESS;
  commands->done = false;
  return gpu_check(device, result, "run commands", error);
}

enum compute_status
gpu_commands_wait(struct gpu_commands *commands, struct compute_error *error)
{
  struct gpu_device *device = commands->device;
  enum compute_status status = gpu_check_lost(device, error);
  if (status != COMPUTE_OK || !commands->in_flight)
    return status;
  VkResult result = device->vk.vkWaitForFences(device->handle, 1, &commands->fence, VK_TRUE, UINT64_MAX);
  commands->in_flight = false;
  commands->done = result == VK_SUCCESS;
  return gpu_check(device, result, "finish commands", error);
}

enum compute_status
gpu_commands_read_timestamps(struct gpu_commands *commands, uint64_t *nanoseconds, unsigned count,
                             struct compute_error *error)
{
  struct gpu_device *device = commands->device;
  enum compute_status status = gpu_check_lost(device, error);
  if (status != COMPUTE_OK || count == 0)
    return status;
  if (count > commands->timestamp_count || !commands->done)
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED,
                        "%u timestamps were asked for, and %u are there after a finished run", count,
                        commands->done ? commands->timestamp_count : 0);
  status = gpu_check(device,
                     device->vk.vkGetQueryPoolResults(device->handle, commands->queries, 0, count,
                                                      count * sizeof *nanoseconds, nanoseconds, sizeof *nanoseconds,
                                                      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                     "read timestamps", error);
  /* Counters of fewer than 64 bits wrap; one run is far shorter than their period. */
  uint64_t mask = device->timestamp_bits >= 64 ? UINT64_MAX : ((uint64_t)1 << device->timestamp_bits) - 1;
  uint64_t first = status == COMPUTE_OK ? nanoseconds[0] & mask : 0;
  for (unsigned i = 0; status == COMPUTE_OK && i < count; i++)
    nanoseconds[i] =
        (uint64_t)((double)(((nanoseconds[i] & mask) - first) & mask) * device->capabilities.timestamp_period_ns);
  return status;
}
