/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * What the files of compute/gpu share; the only header that sees Vulkan. Every call into a device goes through the
 * device's own table of functions, so that several devices and instances live beside one another.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <volk.h>

#include "compute/gpu/gpu.h"

struct gpu_instance {
  VkInstance handle;
  VkDebugUtilsMessengerEXT messenger;
  PFN_vkDestroyDebugUtilsMessengerEXT destroy_messenger;
  void (*log)(void *user, int severity, const char *message);
  void *log_user;
  atomic_uint validation_messages;
  VkPhysicalDevice *physical;
  struct gpu_device_info *infos;
  size_t device_count;
};

/* The features that a device is opened with: those of these that it has. */
struct gpu_features {
  VkPhysicalDeviceFeatures2 base;
  VkPhysicalDevice16BitStorageFeatures storage_16bit;
  VkPhysicalDevice8BitStorageFeatures storage_8bit;
  VkPhysicalDeviceShaderFloat16Int8Features float16;
  VkPhysicalDeviceSubgroupSizeControlFeatures subgroup_size;
  VkPhysicalDeviceVulkanMemoryModelFeatures memory_model;
  VkPhysicalDeviceCooperativeMatrixFeaturesNV cooperative_matrix_nv;
#ifdef VK_KHR_cooperative_matrix
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR cooperative_matrix_khr;
#endif
  const char *extensions[16];
  uint32_t extension_count;
};

/* Fills info (capabilities.c), whether the device is usable or not. */
void gpu_describe_device(VkPhysicalDevice physical, struct gpu_device_info *info);

/* Asks what a device has of struct gpu_features, leaving a chain for VkDeviceCreateInfo in features->base. */
void gpu_query_features(VkPhysicalDevice physical, struct gpu_features *features);

/* The queue family that work goes to: one with compute, without graphics where there is one. UINT32_MAX: none. */
uint32_t gpu_choose_queue_family(VkPhysicalDevice physical, uint32_t *timestamp_bits);

/* The index of the memory type that a kind of buffer lives in, of those in `allowed`; UINT32_MAX: none. */
uint32_t gpu_choose_memory_type(const VkPhysicalDeviceMemoryProperties *memory, uint32_t allowed, bool unified,
                                enum gpu_memory kind);

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

/* A stretch of a block that no buffer holds, in order of offset. */
struct gpu_gap {
  uint64_t offset, bytes;
};

struct gpu_block {
  struct gpu_block *next;
  VkDeviceMemory handle;
  uint32_t memory_type;
  uint64_t bytes;
  void *mapped;
  struct gpu_gap *gaps;
  size_t gap_count, gap_capacity, part_count;
};

struct gpu_allocation {
  struct gpu_block *block;
  uint64_t offset, bytes;
};

struct gpu_memory_pool {
  pthread_mutex_t lock;
  struct gpu_block *blocks;
  uint64_t used_bytes, allocated_bytes, shortage_bytes;
  unsigned allocations, max_allocations;
};

enum compute_status
gpu_memory_take(struct gpu_device *device, const VkMemoryRequirements *requirements, uint32_t memory_type,
                struct gpu_allocation *allocation, struct compute_error *error);
void gpu_memory_give(struct gpu_device *device, struct gpu_allocation *allocation);

/* ---- Device ------------------------------------------------------------------------------------------------------ */

struct gpu_device {
  struct VolkDeviceTable vk;
  VkPhysicalDevice physical;
  VkDevice handle;
  VkQueue queue;
  uint32_t queue_family;
  uint32_t timestamp_bits;
  struct gpu_device_info info;
  struct gpu_capabilities capabilities;
  VkPhysicalDeviceMemoryProperties memory_properties;
  uint32_t memory_types[3]; /* by enum gpu_memory */
  atomic_bool lost;
  pthread_mutex_t queue_lock;
  struct gpu_memory_pool memory;

  pthread_mutex_t staging_lock;
  struct gpu_buffer *staging[2]; /* upload, readback; made when first needed */
  VkCommandPool staging_pool;
  VkCommandBuffer staging_commands;
  VkFence staging_fence;

  pthread_mutex_t pipeline_lock;
  struct gpu_pipeline **pipelines; /* a hash table, open addressing; its size is a power of two */
  size_t pipeline_count, pipeline_capacity;

  VkPipelineCache cache;
  char *cache_path; /* NULL: the cache is not kept */
  uint64_t cache_hash;
  uint64_t cache_size;
};

struct gpu_buffer {
  struct gpu_device *device;
  VkBuffer handle;
  uint64_t bytes;
  void *mapped;
  struct gpu_allocation allocation;
};

struct gpu_pipeline {
  char *name;
  uint64_t hash;
  /* The content it was made from, compared after the hash: see pipeline.c. */
  uint32_t *key;
  size_t key_words;
  enum gpu_binding_type bindings[GPU_MAX_BINDINGS];
  unsigned binding_count, storage_count, texel_count;
  unsigned push_constant_bytes;
  VkDescriptorSetLayout set_layout;
  VkPipelineLayout layout;
  VkPipeline handle;
};

/* COMPUTE_OK unless the device is lost. */
enum compute_status gpu_check_lost(const struct gpu_device *device, struct compute_error *error);

/* The status for a result of Vulkan; `what` finishes "cannot …". A lost device is remembered. */
enum compute_status
gpu_check(struct gpu_device *device, VkResult result, const char *what, struct compute_error *error);

/* A name for a VkResult, for messages. */
const char *gpu_result_name(VkResult result);

/* Submits under the device's queue lock. */
VkResult gpu_queue_submit(struct gpu_device *device, VkCommandBuffer commands, VkFence fence);

/* FNV-1a, 64 bits, to be continued: the hash starts as GPU_HASH_START (Fowler, Noll, Vo). */
#define GPU_HASH_START 14695981039346656037u
uint64_t gpu_hash(uint64_t hash, const void *data, size_t bytes);

/* Opens the pipeline cache with what is kept in `directory` (NULL: nothing is kept). */
enum compute_status gpu_cache_open(struct gpu_device *device, const char *directory, struct compute_error *error);
void gpu_cache_close(struct gpu_device *device);

void gpu_pipelines_destroy(struct gpu_device *device);

/* ---- SPIR-V ------------------------------------------------------------------------------------------------------ */

/* The workgroup's size that a module asks for once its specialization constants are set. False: not a module. */
bool gpu_spirv_workgroup_size(const uint32_t *words, size_t word_count, const uint32_t *constants,
                              unsigned constant_count, uint32_t size[3]);
