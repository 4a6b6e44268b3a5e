/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/gpu/internal.h"

#include <stdlib.h>
#include <string.h>

/*
 * Pipelines are found by content: the key is every number of gpu_pipeline_params, the code included, as one array of
 * words. The table is only locked to look and to insert; two threads that make the same pipeline at once both compile
 * it, and the later one throws its own away.
 */

static enum compute_status
check_params(const struct gpu_device *device, const struct gpu_pipeline_params *params, struct compute_error *error)
{
  const struct gpu_capabilities *limits = &device->capabilities;
  if (params->binding_count > GPU_MAX_BINDINGS || params->constant_count > GPU_MAX_CONSTANTS)
    return compute_fail(error, COMPUTE_ERROR_LIMIT, "shader %s: %u bindings and %u constants are more than %d and %d",
                        params->name, params->binding_count, params->constant_count, GPU_MAX_BINDINGS,
                        GPU_MAX_CONSTANTS);
  if (params->push_constant_bytes > limits->max_push_constant_bytes || params->push_constant_bytes % 4 != 0)
    return compute_fail(error, COMPUTE_ERROR_LIMIT, "shader %s: %u bytes of push constants, and %s takes %u",
                        params->name, params->push_constant_bytes, device->info.name, limits->max_push_constant_bytes);
  uint32_t size[3];
  if (params->spirv_bytes % 4 != 0 || !gpu_spirv_workgroup_size(params->spirv, params->spirv_bytes / 4,
                                                                params->constants, params->constant_count, size))
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "shader %s: its code is not a SPIR-V compute shader",
                        params->name);
  for (int i = 0; i < 3; i++)
    if (size[i] == 0 || size[i] > limits->max_workgroup_size[i])
      return compute_fail(error, COMPUTE_ERROR_LIMIT,
                          "shader %s: a workgroup of %u×%u×%u, and %s takes at most %u×%u×%u", params->name, size[0],
                          size[1], size[2], device->info.name, limits->max_workgroup_size[0],
                          limits->max_workgroup_size[1], limits->max_workgroup_size[2]);
  if ((uint64_t)size[0] * size[1] * size[2] > limits->max_workgroup_invocations)
    return compute_fail(error, COMPUTE_ERROR_LIMIT, "shader %s: a workgroup of %u×%u×%u, and %s takes %u invocations",
                        params->name, size[0], size[1], size[2], device->info.name, limits->max_workgroup_invocations);
  uint32_t subgroup = params->required_subgroup_size;
  if (subgroup != 0 && subgroup != limits->subgroup_size &&
      (!limits->subgroup_size_control || subgroup < limits->subgroup_size_min || subgroup > limits->subgroup_size_max ||
       (subgroup & (subgroup - 1))))
    return compute_fail(error, COMPUTE_ERROR_LIMIT, "shader %s: subgroups of %u, and %s has %u to %u", params->name,
                        subgroup, device->info.name, limits->subgroup_size_min, limits->subgroup_size_max);
  return COMPUTE_OK;
}

static uint32_t *
make_key(const struct gpu_pipeline_params *params, size_t *word_count)
{
  size_t code = params->spirv_bytes / 4;
  *word_count = 4 + params->binding_count + params->constant_count + code;
  uint32_t *key = malloc(*word_count * sizeof *key);
  if (!key)
    return NULL;
  uint32_t *next = key;
  *next++ = params->binding_count;
  *next++ = params->constant_count;
  *next++ = params->push_constant_bytes;
  *next++ = params->required_subgroup_size;
  for (unsigned i = 0; i < params->binding_count; i++)
    *next++ = (uint32_t)params->bindings[i];
  if (params->constant_count)
    memcpy(next, params->constants, params->constant_count * sizeof *next);
  next += params->constant_count;
  memcpy(next, params->spirv, code * sizeof *next);
  return key;
}

static void
destroy_pipeline(struct gpu_device *device, struct gpu_pipeline *pipeline)
{
  if (!pipeline)
    return;
  device->vk.vkDestroyPipeline(device->handle, pipeline->handle, NULL);
  device->vk.vkDestroyPipelineLayout(device->handle, pipeline->layout, NULL);
  device->vk.vkDestroyDescriptorSetLayout(device->handle, pipeline->set_layout, NULL);
  free(pipeline->key);
  free(pipeline->name);
  free(pipeline);
}

static VkResult
create_layout(struct gpu_device *device, struct gpu_pipeline *pipeline)
{
  VkDescriptorSetLayoutBinding bindings[GPU_MAX_BINDINGS];
  for (unsigned i = 0; i < pipeline->binding_count; i++)
    bindings[i] = (VkDescriptorSetLayoutBinding){
      .binding = i,
      .descriptorType = pipeline->bindings[i] == GPU_BINDING_STORAGE ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER
                                                                     : VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER,
      .descriptorCount = 1,
      .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
    };
  const VkDescriptorSetLayoutCreateInfo set_info = {
    .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
    .bindingCount = pipeline->binding_count,
    .pBindings = bindings,
  };
  VkResult result = device->vk.vkCreateDescriptorSetLayout(device->handle, &set_info, NULL, &pipeline->set_layout);
  if (result != VK_SUCCESS)
    return result;
  const VkPushConstantRange range = {
    .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
    .size = pipeline->push_constant_bytes,
  };
  const VkPipelineLayoutCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
    .setLayoutCount = 1,
    .pSetLayouts = &pipeline->set_layout,
    .pushConstantRangeCount = pipeline->push_constant_bytes ? 1 : 0,
    .pPushConstantRanges = &range,
  };
  return device->vk.vkCreatePipelineLayout(device->handle, &info, NULL, &pipeline->layout);
}

static VkResult
compile(struct gpu_device *device, const struct gpu_pipeline_params *params, struct gpu_pipeline *pipeline)
{
  VkShaderModule module;
  const VkShaderModuleCreateInfo module_info = {
    .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
    .codeSize = params->spirv_bytes,
    .pCode = params->spirv,
  };
  VkResult result = device->vk.vkCreateShaderModule(device->handle, &module_info, NULL, &module);
  if (result != VK_SUCCESS)
    return result;
  VkSpecializationMapEntry entries[GPU_MAX_CONSTANTS];
  for (unsigned i = 0; i < params->constant_count; i++)
    entries[i] =
        (VkSpecializationMapEntry){ .constantID = i, .offset = i * sizeof(uint32_t), .size = sizeof(uint32_t) };
  const VkSpecializationInfo specialization = {
    .mapEntryCount = params->constant_count,
    .pMapEntries = entries,
    .dataSize = params->constant_count * sizeof(uint32_t),
    .pData = params->constants,
  };
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
    .requiredSubgroupSize = params->required_subgroup_size,
  };
  if (subgroup.requiredSubgroupSize == 0 &&
      device->capabilities.subgroup_size != device->info.capabilities.subgroup_size)
    subgroup.requiredSubgroupSize = device->capabilities.subgroup_size;
  bool required = subgroup.requiredSubgroupSize != 0 && device->capabilities.subgroup_size_control;
  const VkComputePipelineCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
    .stage = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
      .pNext = required ? &subgroup : NULL,
      .stage = VK_SHADER_STAGE_COMPUTE_BIT,
      .module = module,
      .pName = "main",
      .pSpecializationInfo = &specialization,
    },
    .layout = pipeline->layout,
  };
  result = device->vk.vkCreateComputePipelines(device->handle, device->cache, 1, &info, NULL, &pipeline->handle);
  device->vk.vkDestroyShaderModule(device->handle, module, NULL);
  return result;
}

/* The place of the pipeline with this key, or the empty place where it belongs. Called with the lock held. */
static struct gpu_pipeline **
find_place(struct gpu_device *device, uint64_t hash, const uint32_t *key, size_t key_words)
{
  size_t mask = device->pipeline_capacity - 1;
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    struct gpu_pipeline *pipeline = device->pipelines[i];
    if (!pipeline || (pipeline->hash == hash && pipeline->key_words == key_words &&
                      memcmp(pipeline->key, key, key_words * sizeof *key) == 0))
      return &device->pipelines[i];
  }
}

static bool
grow_table(struct gpu_device *device)
{
  if (4 * (device->pipeline_count + 1) <= 3 * device->pipeline_capacity)
    return true;
  size_t old_capacity = device->pipeline_capacity;
  struct gpu_pipeline **old = device->pipelines;
  size_t capacity = old_capacity ? 2 * old_capacity : 64;
  struct gpu_pipeline **table = calloc(capacity, sizeof(*table));
  if (!table)
    return false;
  device->pipelines = table;
  device->pipeline_capacity = capacity;
  for (size_t i = 0; i < old_capacity; i++)
    if (old[i])
      *find_place(device, old[i]->hash, old[i]->key, old[i]->key_words) = old[i];
  free(old);
  return true;
}

enum compute_status
gpu_pipeline_get(struct gpu_device *device, const struct gpu_pipeline_params *params,
                 struct gpu_pipeline **pipeline_out, struct compute_error *error)
{
  *pipeline_out = NULL;
  enum compute_status status = gpu_check_lost(device, error);
  if (status == COMPUTE_OK)
    status = check_params(device, params, error);
  if (status != COMPUTE_OK)
    return status;
  size_t key_words;
  uint32_t *key = make_key(params, &key_words);
  if (!key)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory");
  uint64_t hash = gpu_hash(GPU_HASH_START, key, key_words * sizeof *key);

  pthread_mutex_lock(&device->pipeline_lock);
  bool room = grow_table(device);
  if (room)
    *pipeline_out = *find_place(device, hash, key, key_words);
  pthread_mutex_unlock(&device->pipeline_lock);
  struct gpu_pipeline *pipeline = NULL;
  if (!*pipeline_out && room)
    pipeline = calloc(1, sizeof *pipeline);
  if (!pipeline) {
    free(key);
    return *pipeline_out ? COMPUTE_OK : compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory");
  }

  pipeline->key = key;
  pipeline->key_words = key_words;
  pipeline->hash = hash;
  pipeline->name = strdup(params->name ? params->name : "");
  pipeline->binding_count = params->binding_count;
  pipeline->push_constant_bytes = params->push_constant_bytes;
  for (unsigned i = 0; i < params->binding_count; i++) {
    pipeline->bindings[i] = params->bindings[i];
    if (params->bindings[i] == GPU_BINDING_STORAGE)
      pipeline->storage_count++;
    else
      pipeline->texel_count++;
  }
  VkResult result = pipeline->name ? create_layout(device, pipeline) : VK_ERROR_OUT_OF_HOST_MEMORY;
  if (result == VK_SUCCESS)
    result = compile(device, params, pipeline);
  if (result != VK_SUCCESS) {
    destroy_pipeline(device, pipeline);
    char what[160] = "compile a shader";
    if (params->name) {
      strcpy(what, "compile the shader ");
      strncat(what, params->name, sizeof what - strlen(what) - 1);
    }
    return gpu_check(device, result, what, error);
  }

  pthread_mutex_lock(&device->pipeline_lock);
  room = grow_table(device);
  if (room) {
    struct gpu_pipeline **place = find_place(device, hash, key, key_words);
    if (!*place) {
      *place = pipeline;
      device->pipeline_count++;
    }
    *pipeline_out = *place;
  }
  pthread_mutex_unlock(&device->pipeline_lock);
  if (*pipeline_out != pipeline)
    destroy_pipeline(device, pipeline);
  return room ? COMPUTE_OK : compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory");
}

void
gpu_pipelines_destroy(struct gpu_device *device)
{
  for (size_t i = 0; i < device->pipeline_capacity; i++)
    destroy_pipeline(device, device->pipelines[i]);
  free(device->pipelines);
  device->pipelines = NULL;
  device->pipeline_capacity = device->pipeline_count = 0;
}
