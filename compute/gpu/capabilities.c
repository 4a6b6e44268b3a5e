/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/gpu/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct extension_list {
  VkExtensionProperties *items;
  uint32_t count;
};

static struct extension_list
list_extensions(VkPhysicalDevice physical)
{
  struct extension_list list = { 0 };
  if (vkEnumerateDeviceExtensionProperties(physical, NULL, &list.count, NULL) != VK_SUCCESS)
    return (struct extension_list){ 0 };
  list.items = calloc(list.count ? list.count : 1, sizeof *list.items);
  if (!list.items || vkEnumerateDeviceExtensionProperties(physical, NULL, &list.count, list.items) < VK_SUCCESS)
    list.count = 0;
  return list;
}

static bool
has_extension(const struct extension_list *list, const char *name)
{
  for (uint32_t i = 0; i < list->count; i++)
    if (strcmp(list->items[i].extensionName, name) == 0)
      return true;
  return false;
}

static enum gpu_device_type
device_type(VkPhysicalDeviceType type)
{
  switch (type) {
  case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
    return GPU_DEVICE_INTEGRATED;
  case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
    return GPU_DEVICE_DISCRETE;
  case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
    return GPU_DEVICE_VIRTUAL;
  case VK_PHYSICAL_DEVICE_TYPE_CPU:
    return GPU_DEVICE_CPU;
  default:
    return GPU_DEVICE_OTHER;
  }
}

uint32_t
gpu_choose_queue_family(VkPhysicalDevice physical, uint32_t *timestamp_bits)
{
  uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, NULL);
  VkQueueFamilyProperties *families = calloc(count ? count : 1, sizeof *families);
  uint32_t chosen = UINT32_MAX;
  *timestamp_bits = 0;
  if (families) {
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families);
    for (uint32_t i = 0; i < count; i++) {
      if (!(families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) || families[i].queueCount == 0)
        continue;
      /* A family without graphics does not queue behind the desktop's own drawing. */
      bool graphics = families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT;
      if (chosen == UINT32_MAX || (!graphics && (families[chosen].queueFlags & VK_QUEUE_GRAPHICS_BIT)))
        chosen = i;
    }
    if (chosen != UINT32_MAX)
      *timestamp_bits = families[chosen].timestampValidBits;
  }
  free(families);
  return chosen;
}

/* Lower is better: each wished property that is missing costs more than all unwished ones that are there. */
static uint32_t
best_memory_type(const VkPhysicalDeviceMemoryProperties *memory, uint32_t allowed, VkMemoryPropertyFlags required,
                 VkMemoryPropertyFlags wished, VkMemoryPropertyFlags unwished)
{
  uint32_t best = UINT32_MAX;
  int best_cost = 0;
  /* Of type with uncached device memory or protected memory this program has no use. */
  const VkMemoryPropertyFlags never = VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |
                                      VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD;
  for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
    VkMemoryPropertyFlags flags = memory->memoryTypes[i].propertyFlags;
    if (!(allowed >> i & 1) || (flags & required) != required || (flags & never))
      continue;
    int cost = 16 * __builtin_popcount(wished & ~flags) + __builtin_popcount(unwished & flags);
    if (best == UINT32_MAX || cost < best_cost) {
      best = i;
      best_cost = cost;
    }
  }
  return best;
}

uint32_t
gpu_choose_memory_type(const VkPhysicalDeviceMemoryProperties *memory, uint32_t allowed, bool unified,
                       enum gpu_memory kind)
{
  /* Vulkan promises one host-visible coherent type, so that nothing here ever has to flush or invalidate. */
  const VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
  const VkMemoryPropertyFlags cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  const VkMemoryPropertyFlags mapped = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  switch (kind) {
  case GPU_MEMORY_UPLOAD:
    return best_memory_type(memory, allowed, mapped, 0, local | cached);
  case GPU_MEMORY_READBACK:
    return best_memory_type(memory, allowed, mapped, cached, local);
  case GPU_MEMORY_DEVICE:
    break;
  }
  if (unified) {
    uint32_t both = best_memory_type(memory, allowed, local | mapped, cached, 0);
    if (both != UINT32_MAX)
      return both;
  }
  /* The part of a card's memory that the host can see may be small: leave it to others. */
  return best_memory_type(memory, allowed, 0, local, mapped);
}

void
gpu_query_features(VkPhysicalDevice physical, struct gpu_features *features)
{
  memset(features, 0, sizeof *features);
  struct extension_list extensions = list_extensions(physical);
  VkPhysicalDeviceProperties properties;
  vkGetPhysicalDeviceProperties(physical, &properties);
  features->base.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
  void **chain = &features->base.pNext;

#define CHAIN(member, type)          \
  do {                               \
    features->member.sType = type;   \
    *chain = &features->member;      \
    chain = &features->member.pNext; \
  } while (0)
#define EXTEND(name) features->extensions[features->extension_count++] = name
/* A feature that is in the core from a version on, or comes by an extension. */
#define CHAIN_FROM(version, extension, member, type)    \
  do {                                                  \
    bool core = properties.apiVersion >= version;       \
    if (core || has_extension(&extensions, extension))  \
      CHAIN(member, type);                              \
    if (!core && has_extension(&extensions, extension)) \
      EXTEND(extension);                                \
  } while (0)

  CHAIN(storage_16bit, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES);
  CHAIN_FROM(VK_API_VERSION_1_2, VK_KHR_8BIT_STORAGE_EXTENSION_NAME, storage_8bit,
             VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES);
  CHAIN_FROM(VK_API_VERSION_1_2, VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME, float16,
             VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES);
  CHAIN_FROM(VK_API_VERSION_1_2, VK_KHR_VULKAN_MEMORY_MODEL_EXTENSION_NAME, memory_model,
             VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES);
  CHAIN_FROM(VK_API_VERSION_1_3, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME, subgroup_size,
             VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES);
  if (has_extension(&extensions, VK_NV_COOPERATIVE_MATRIX_EXTENSION_NAME)) {
    CHAIN(cooperative_matrix_nv, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_NV);
    EXTEND(VK_NV_COOPERATIVE_MATRIX_EXTENSION_NAME);
  }
#ifdef VK_KHR_cooperative_matrix
  if (has_extension(&extensions, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME)) {
    CHAIN(cooperative_matrix_khr, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR);
    EXTEND(VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME);
  }
#endif
  /* A device that is not quite Vulkan says so, and wants to hear that we know. */
  if (has_extension(&extensions, "VK_KHR_portability_subset"))
    EXTEND("VK_KHR_portability_subset");
#undef CHAIN
#undef EXTEND
#undef CHAIN_FROM

  vkGetPhysicalDeviceFeatures2(physical, &features->base);
  /* Of the basic features only these are of use; bounds checks on every access (robustBufferAccess) cost time. */
  features->base.features = (VkPhysicalDeviceFeatures){ .shaderInt16 = features->base.features.shaderInt16 };
  features->memory_model.vulkanMemoryModelAvailabilityVisibilityChains = VK_FALSE;
  features->cooperative_matrix_nv.cooperativeMatrixRobustBufferAccess = VK_FALSE;
#ifdef VK_KHR_cooperative_matrix
  features->cooperative_matrix_khr.cooperativeMatrixRobustBufferAccess = VK_FALSE;
#endif
  free(extensions.items);
}

static void
read_capabilities(VkPhysicalDevice physical, const VkPhysicalDeviceProperties *properties,
                  const VkPhysicalDeviceSubgroupProperties *subgroup,
                  const VkPhysicalDeviceMaintenance3Properties *maintenance, uint32_t timestamp_bits,
                  const VkPhysicalDeviceMemoryProperties *memory, struct gpu_capabilities *c)
{
  const VkPhysicalDeviceLimits *limits = &properties->limits;
  struct gpu_features features;
  gpu_query_features(physical, &features);

  c->type = device_type(properties->deviceType);
  bool in_compute = subgroup->supportedStages & VK_SHADER_STAGE_COMPUTE_BIT;
  c->subgroup_size = c->subgroup_size_min = c->subgroup_size_max = subgroup->subgroupSize;
  c->subgroup_shuffle = in_compute && (subgroup->supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT);
  c->subgroup_arithmetic = in_compute && (subgroup->supportedOperations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT);
  if (features.subgroup_size.subgroupSizeControl) {
    VkPhysicalDeviceSubgroupSizeControlProperties control = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES
    };
    VkPhysicalDeviceProperties2 query = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &control };
    vkGetPhysicalDeviceProperties2(physical, &query);
    if (control.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) {
      c->subgroup_size_control = true;
      c->subgroup_size_min = control.minSubgroupSize;
      c->subgroup_size_max = control.maxSubgroupSize;
    }
  }
  c->storage_16bit = features.storage_16bit.storageBuffer16BitAccess;
  c->storage_8bit = features.storage_8bit.storageBuffer8BitAccess;
  c->arithmetic_fp16 = features.float16.shaderFloat16;
  c->cooperative_matrix_nv = features.cooperative_matrix_nv.cooperativeMatrix;
#ifdef VK_KHR_cooperative_matrix
  c->cooperative_matrix_khr = features.cooperative_matrix_khr.cooperativeMatrix;
#endif
  c->timestamps = timestamp_bits > 0 && limits->timestampPeriod > 0;
  c->timestamp_period_ns = limits->timestampPeriod;
  c->unified_memory = c->type == GPU_DEVICE_INTEGRATED || c->type == GPU_DEVICE_CPU;
  if (c->unified_memory) {
    uint32_t type = gpu_choose_memory_type(memory, UINT32_MAX, true, GPU_MEMORY_DEVICE);
    c->unified_memory =
        type != UINT32_MAX && (memory->memoryTypes[type].propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
  }

  c->max_workgroup_invocations = limits->maxComputeWorkGroupInvocations;
  memcpy(c->max_workgroup_size, limits->maxComputeWorkGroupSize, sizeof c->max_workgroup_size);
  memcpy(c->max_workgroup_count, limits->maxComputeWorkGroupCount, sizeof c->max_workgroup_count);
  c->max_shared_bytes = limits->maxComputeSharedMemorySize;
  c->max_push_constant_bytes = limits->maxPushConstantsSize;
  c->max_texel_buffer_elements = limits->maxTexelBufferElements;
  c->storage_buffer_alignment = (uint32_t)limits->minStorageBufferOffsetAlignment;
  c->texel_buffer_alignment = (uint32_t)limits->minTexelBufferOffsetAlignment;
  c->max_storage_buffer_bytes = limits->maxStorageBufferRange;
  c->max_allocation_bytes = maintenance->maxMemoryAllocationSize;
  if (properties->apiVersion >= VK_API_VERSION_1_3) {
    VkPhysicalDeviceMaintenance4Properties more = { .sType =
                                                        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_4_PROPERTIES };
    VkPhysicalDeviceProperties2 query = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &more };
    vkGetPhysicalDeviceProperties2(physical, &query);
    if (more.maxBufferSize < c->max_allocation_bytes)
      c->max_allocation_bytes = more.maxBufferSize;
  }
}

void
gpu_describe_device(VkPhysicalDevice physical, struct gpu_device_info *info)
{
  memset(info, 0, sizeof *info);
  VkPhysicalDeviceProperties first;
  vkGetPhysicalDeviceProperties(physical, &first);
  snprintf(info->name, sizeof info->name, "%s", first.deviceName);
  info->type = device_type(first.deviceType);
  info->capabilities.type = info->type;
  info->api_version = first.apiVersion;
  info->vendor_id = first.vendorID;
  info->device_id = first.deviceID;
  if (first.apiVersion < VK_API_VERSION_1_1) {
    snprintf(info->reason, sizeof info->reason, "its driver knows only Vulkan %u.%u, and 1.1 is needed: update it",
             VK_API_VERSION_MAJOR(first.apiVersion), VK_API_VERSION_MINOR(first.apiVersion));
    return;
  }

  struct extension_list extensions = list_extensions(physical);
  bool driver_known =
      first.apiVersion >= VK_API_VERSION_1_2 || has_extension(&extensions, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME);
  const bool budget = has_extension(&extensions, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  free(extensions.items);
  VkPhysicalDeviceDriverProperties driver = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES };
  VkPhysicalDeviceIDProperties id = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
                                      .pNext = driver_known ? &driver : NULL };
  VkPhysicalDeviceMaintenance3Properties maintenance = { .sType =
                                                             VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
                                                         .pNext = &id };
  VkPhysicalDeviceSubgroupProperties subgroup = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
                                                  .pNext = &maintenance };
  VkPhysicalDeviceProperties2 properties = { .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                             .pNext = &subgroup };
  vkGetPhysicalDeviceProperties2(physical, &properties);
  memcpy(info->uuid, id.deviceUUID, sizeof info->uuid);
  snprintf(info->driver, sizeof info->driver, "%s", driver.driverName);
  if (driver.driverInfo[0])
    snprintf(info->driver_info, sizeof info->driver_info, "%s", driver.driverInfo);
  else
    snprintf(info->driver_info, sizeof info->driver_info, "0x%" PRIx32, first.driverVersion);

  VkPhysicalDeviceMemoryProperties memory;
  vkGetPhysicalDeviceMemoryProperties(physical, &memory);
  for (uint32_t i = 0; i < memory.memoryHeapCount; i++)
    if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      info->memory_bytes += memory.memoryHeaps[i].size;

  uint32_t timestamp_bits;
  uint32_t family = gpu_choose_queue_family(physical, &timestamp_bits);
  read_capabilities(physical, &properties.properties, &subgroup, &maintenance, timestamp_bits, &memory,
                    &info->capabilities);
  info->capabilities.memory_budget = budget;
  if (family == UINT32_MAX) {
    snprintf(info->reason, sizeof info->reason, "it has no queue for compute");
    return;
  }
  info->usable = true;
}
