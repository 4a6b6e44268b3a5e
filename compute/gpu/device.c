/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/gpu/internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum compute_status
gpu_check_lost(const struct gpu_device *device, struct compute_error *error)
{
  if (atomic_load_explicit(&device->lost, memory_order_relaxed))
    return compute_fail(error, COMPUTE_ERROR_DEVICE_LOST,
                        "%s stopped working and was given up: start again, or choose another device",
                        device->info.name);
  return COMPUTE_OK;
}

enum compute_status
gpu_check(struct gpu_device *device, VkResult result, const char *what, struct compute_error *error)
{
  if (result >= VK_SUCCESS)
    return COMPUTE_OK;
  enum compute_status status = COMPUTE_ERROR_UNSUPPORTED;
  if (result == VK_ERROR_DEVICE_LOST) {
    atomic_store(&device->lost, true);
    return gpu_check_lost(device, error);
  }
  if (result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
      result == VK_ERROR_MEMORY_MAP_FAILED || result == VK_ERROR_OUT_OF_POOL_MEMORY ||
      result == VK_ERROR_FRAGMENTED_POOL)
    status = COMPUTE_ERROR_OUT_OF_MEMORY;
  return compute_fail(error, status, "%s cannot %s: %s", device->info.name, what, gpu_result_name(result));
}

void
gpu_device_inject_loss(struct gpu_device *device)
{
  atomic_store(&device->lost, true);
}

uint64_t
gpu_hash(uint64_t hash, const void *data, size_t bytes)
{
  const uint8_t *byte = data;
  for (size_t i = 0; i < bytes; i++)
    hash = (hash ^ byte[i]) * 1099511628211u;
  return hash;
}

VkResult
gpu_queue_submit(struct gpu_device *device, VkCommandBuffer commands, VkFence fence)
{
  const VkSubmitInfo info = {
    .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
    .commandBufferCount = 1,
    .pCommandBuffers = &commands,
  };
  pthread_mutex_lock(&device->queue_lock);
  VkResult result = device->vk.vkQueueSubmit(device->queue, 1, &info, fence);
  pthread_mutex_unlock(&device->queue_lock);
  return result;
}

static bool
contains_ignoring_case(const char *text, const char *part)
{
  size_t length = strlen(part);
  for (; *text; text++) {
    size_t i = 0;
    while (i < length && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
      i++;
    if (i == length)
      return true;
  }
  return length == 0;
}

/* Lower is preferred. */
static int
rank(enum gpu_device_type type)
{
  switch (type) {
  case GPU_DEVICE_DISCRETE:
    return 0;
  case GPU_DEVICE_INTEGRATED:
    return 1;
  case GPU_DEVICE_VIRTUAL:
    return 2;
  case GPU_DEVICE_OTHER:
    return 3;
  case GPU_DEVICE_CPU:
    break;
  }
  return 4;
}

static bool
is_better(const struct gpu_device_info *one, const struct gpu_device_info *other)
{
  if (rank(one->type) != rank(other->type))
    return rank(one->type) < rank(other->type);
  return one->memory_bytes > other->memory_bytes;
}

size_t
gpu_instance_order_devices(const struct gpu_instance *instance, size_t *indices)
{
  size_t count = 0;
  for (size_t i = 0; i < instance->device_count; i++) {
    if (!instance->infos[i].usable)
      continue;
    size_t at = count++;
    for (; at > 0 && is_better(&instance->infos[i], &instance->infos[indices[at - 1]]); at--)
      indices[at] = indices[at - 1];
    indices[at] = i;
  }
  return count;
}

static enum compute_status
fail_without_device(const struct gpu_instance *instance, const char *wish, struct compute_error *error)
{
  char list[384] = "";
  size_t used = 0;
  for (size_t i = 0; i < instance->device_count && used < sizeof list - 1; i++) {
    const struct gpu_device_info *info = &instance->infos[i];
    int n = snprintf(list + used, sizeof list - used, "%s%zu: %.64s%s%s", i ? ", " : "", i, info->name,
                     info->usable ? "" : " – ", info->reason);
    used += n > 0 ? (size_t)n : 0;
  }
  if (instance->device_count == 0)
    return compute_fail(error, COMPUTE_ERROR_NO_DEVICE,
                        "no Vulkan device was found: install the package mesa-vulkan-drivers (it works without a "
                        "graphics card too) or the driver of the card's vendor");
  return compute_fail(error, COMPUTE_ERROR_NO_DEVICE, "no Vulkan device fits %s; there are: %s", wish, list);
}

static enum compute_status
choose_device(const struct gpu_instance *instance, struct gpu_device_choice choice, size_t *chosen,
              struct compute_error *error)
{
  *chosen = SIZE_MAX;
  for (size_t i = 0; i < instance->device_count; i++) {
    const struct gpu_device_info *info = &instance->infos[i];
    bool fits = info->usable && (choice.index < 0 || (size_t)choice.index == i) &&
                (!choice.name || contains_ignoring_case(info->name, choice.name));
    if (fits && (*chosen == SIZE_MAX || is_better(info, &instance->infos[*chosen])))
      *chosen = i;
  }
  if (*chosen != SIZE_MAX)
    return COMPUTE_OK;
  char wish[160];
  if (choice.index >= 0 && choice.name)
    snprintf(wish, sizeof wish, "number %d and the name “%.100s”", choice.index, choice.name);
  else if (choice.index >= 0)
    snprintf(wish, sizeof wish, "number %d", choice.index);
  else if (choice.name)
    snprintf(wish, sizeof wish, "the name “%.100s”", choice.name);
  else
    snprintf(wish, sizeof wish, "(1.1 with compute is needed)");
  return fail_without_device(instance, wish, error);
}

static void
lower_limits(struct gpu_capabilities *c, const struct gpu_capabilities *to)
{
#define LOWER(field)        \
  if (to->field < c->field) \
  c->field = to->field
#define RAISE(field)        \
  if (to->field > c->field) \
  c->field = to->field
  c->type = to->type;
  c->matrix_shape = to->matrix_shape;
  LOWER(subgroup_shuffle);
  LOWER(subgroup_arithmetic);
  LOWER(subgroup_size_control);
  /* Another size than the device's own is asked for by every pipeline, which takes the control. */
  RAISE(subgroup_size_min);
  LOWER(subgroup_size_max);
  if (c->subgroup_size_control && to->subgroup_size >= c->subgroup_size_min &&
      to->subgroup_size <= c->subgroup_size_max)
    c->subgroup_size = to->subgroup_size;
  if (!c->subgroup_size_control)
    c->subgroup_size_min = c->subgroup_size_max = c->subgroup_size;
  LOWER(storage_16bit);
  LOWER(arithmetic_fp16);
  LOWER(storage_8bit);
  LOWER(cooperative_matrix_nv);
  LOWER(cooperative_matrix_khr);
  LOWER(timestamps);
  LOWER(unified_memory);
  LOWER(memory_budget);
  LOWER(max_workgroup_invocations);
  for (int i = 0; i < 3; i++) {
    LOWER(max_workgroup_size[i]);
    LOWER(max_workgroup_count[i]);
  }
  LOWER(max_shared_bytes);
  LOWER(max_push_constant_bytes);
  LOWER(max_texel_buffer_elements);
  LOWER(max_storage_buffer_bytes);
  LOWER(max_allocation_bytes);
  RAISE(storage_buffer_alignment);
  RAISE(texel_buffer_alignment);
#undef LOWER
#undef RAISE
}

/* All buffers are made alike, so that Vulkan allows them all the same memory types. */
static enum compute_status
choose_memory_types(struct gpu_device *device, struct compute_error *error)
{
  const VkBufferCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
    .size = 256,
    .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT |
             VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
    .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
  };
  VkBuffer probe;
  enum compute_status status =
      gpu_check(device, device->vk.vkCreateBuffer(device->handle, &info, NULL, &probe), "create a buffer", error);
  if (status != COMPUTE_OK)
    return status;
  VkMemoryRequirements requirements;
  device->vk.vkGetBufferMemoryRequirements(device->handle, probe, &requirements);
  device->vk.vkDestroyBuffer(device->handle, probe, NULL);
  for (int kind = 0; kind < 3; kind++) {
    device->memory_types[kind] = gpu_choose_memory_type(&device->memory_properties, requirements.memoryTypeBits,
                                                        device->capabilities.unified_memory, (enum gpu_memory)kind);
    if (device->memory_types[kind] == UINT32_MAX)
      return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "%s has no memory that a buffer could use",
                          device->info.name);
  }
  return COMPUTE_OK;
}

static enum compute_status
create_handle(struct gpu_device *device, struct compute_error *error)
{
  struct gpu_features features;
  gpu_query_features(device->physical, &features);
  device->queue_family = gpu_choose_queue_family(device->physical, &device->timestamp_bits);
  const float priority = 1;
  const VkDeviceQueueCreateInfo queue = {
    .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
    .queueFamilyIndex = device->queue_family,
    .queueCount = 1,
    .pQueuePriorities = &priority,
  };
  const VkDeviceCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
    .pNext = &features.base,
    .queueCreateInfoCount = 1,
    .pQueueCreateInfos = &queue,
    .enabledExtensionCount = features.extension_count,
    .ppEnabledExtensionNames = features.extensions,
  };
  VkResult result = vkCreateDevice(device->physical, &info, NULL, &device->handle);
  if (result != VK_SUCCESS) {
    device->handle = VK_NULL_HANDLE;
    return gpu_check(device, result, "be opened", error);
  }
  volkLoadDeviceTable(&device->vk, device->handle);
  device->vk.vkGetDeviceQueue(device->handle, device->queue_family, 0, &device->queue);
  return COMPUTE_OK;
}

enum compute_status
gpu_device_open(struct gpu_instance *instance, const struct gpu_device_params *params, struct gpu_device **device_out,
                struct compute_error *error)
{
  static const struct gpu_device_params anything = { .choice = { .index = -1 } };
  *device_out = NULL;
  if (!params)
    params = &anything;
  struct gpu_device_choice choice = params->choice;
  size_t index;
  enum compute_status status = choose_device(instance, choice, &index, error);
  if (status != COMPUTE_OK)
    return status;
  struct gpu_device *device = calloc(1, sizeof *device);
  if (!device)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory");
  pthread_mutex_init(&device->queue_lock, NULL);
  pthread_mutex_init(&device->memory.lock, NULL);
  pthread_mutex_init(&device->staging_lock, NULL);
  pthread_mutex_init(&device->pipeline_lock, NULL);
  device->physical = instance->physical[index];
  device->info = instance->infos[index];
  device->capabilities = device->info.capabilities;
  if (params->clamp)
    lower_limits(&device->capabilities, params->clamp);
  vkGetPhysicalDeviceMemoryProperties(device->physical, &device->memory_properties);
  VkPhysicalDeviceProperties properties;
  vkGetPhysicalDeviceProperties(device->physical, &properties);
  device->memory.max_allocations = properties.limits.maxMemoryAllocationCount;
  device->memory.shortage_bytes = UINT64_MAX;

  status = create_handle(device, error);
  if (status == COMPUTE_OK)
    status = choose_memory_types(device, error);
  if (status == COMPUTE_OK)
    status = gpu_cache_open(device, params->cache_directory, error);
  if (status != COMPUTE_OK)
    gpu_device_close(&device);
  *device_out = device;
  return status;
}

void
gpu_device_close(struct gpu_device **device_in)
{
  struct gpu_device *device = *device_in;
  if (!device)
    return;
  if (device->handle) {
    device->vk.vkDeviceWaitIdle(device->handle);
    gpu_device_save_cache(device, NULL);
    for (int i = 0; i < 2; i++)
      gpu_buffer_destroy(&device->staging[i]);
    device->vk.vkDestroyFence(device->handle, device->staging_fence, NULL);
    device->vk.vkDestroyCommandPool(device->handle, device->staging_pool, NULL);
    gpu_pipelines_destroy(device);
    gpu_cache_close(device);
    device->vk.vkDestroyDevice(device->handle, NULL);
  }
  pthread_mutex_destroy(&device->queue_lock);
  pthread_mutex_destroy(&device->memory.lock);
  pthread_mutex_destroy(&device->staging_lock);
  pthread_mutex_destroy(&device->pipeline_lock);
  free(device);
  *device_in = NULL;
}

const struct gpu_capabilities *
gpu_device_capabilities(const struct gpu_device *device)
{
  return &device->capabilities;
}

const struct gpu_device_info *
gpu_device_get_info(const struct gpu_device *device)
{
  return &device->info;
}
