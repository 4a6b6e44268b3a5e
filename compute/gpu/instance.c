/* SPDX-License-Identifier: GPL-3.0-or-later */
#define VOLK_IMPLEMENTATION
#include "compute/gpu/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALIDATION_LAYER "VK_LAYER_KHRONOS_validation"

static const char *const install_advice =
    "install a Vulkan driver: the package mesa-vulkan-drivers (it works without a graphics card too) or the one of the "
    "card's vendor";

static VkBool32 VKAPI_PTR
on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity, VkDebugUtilsMessageTypeFlagsEXT types,
           const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
  struct gpu_instance *instance = user;
  bool grave =
      severity & (VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT);
  /* The loader and the drivers speak as "general"; only the layer checks validity and speed. */
  bool counted = grave && (types & ~VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT);
  if (counted)
    atomic_fetch_add(&instance->validation_messages, 1);
  if (instance->log) {
    int level = severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT     ? GPU_SEVERITY_ERROR
                : severity & VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT ? GPU_SEVERITY_WARNING
                                                                             : GPU_SEVERITY_INFO;
    instance->log(instance->log_user, level, data->pMessage);
  } else if (counted) {
    fprintf(stderr, "%s\n", data->pMessage);
  }
  return VK_FALSE;
}

static bool
layer_is_installed(const char *name)
{
  uint32_t count = 0;
  if (vkEnumerateInstanceLayerProperties(&count, NULL) != VK_SUCCESS || count == 0)
    return false;
  VkLayerProperties *layers = calloc(count, sizeof *layers);
  bool found = false;
  if (layers && vkEnumerateInstanceLayerProperties(&count, layers) >= VK_SUCCESS)
    for (uint32_t i = 0; i < count && !found; i++)
      found = strcmp(layers[i].layerName, name) == 0;
  free(layers);
  return found;
}

static bool
extension_is_there(const char *layer, const char *name)
{
  uint32_t count = 0;
  if (vkEnumerateInstanceExtensionProperties(layer, &count, NULL) != VK_SUCCESS || count == 0)
    return false;
  VkExtensionProperties *extensions = calloc(count, sizeof *extensions);
  bool found = false;
  if (extensions && vkEnumerateInstanceExtensionProperties(layer, &count, extensions) >= VK_SUCCESS)
    for (uint32_t i = 0; i < count && !found; i++)
      found = strcmp(extensions[i].extensionName, name) == 0;
  free(extensions);
  return found;
}

static enum compute_status
create_handle(struct gpu_instance *instance, bool validation, struct compute_error *error)
{
  const char *extensions[2];
  uint32_t extension_count = 0;
  bool messages = (validation || instance->log) && extension_is_there(NULL, VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
  if (messages)
    extensions[extension_count++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;

  const VkValidationFeatureEnableEXT checks[] = { VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT };
  const VkValidationFeaturesEXT features = {
    .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
    .enabledValidationFeatureCount = 1,
    .pEnabledValidationFeatures = checks,
  };
  bool synchronization = validation && extension_is_there(VALIDATION_LAYER, VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME);
  if (synchronization)
    extensions[extension_count++] = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;

  VkDebugUtilsMessengerCreateInfoEXT messenger = {
    .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
    .pNext = synchronization ? &features : NULL,
    .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
    .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                   VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
    .pfnUserCallback = on_message,
    .pUserData = instance,
  };
  const VkApplicationInfo application = {
    .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
    .pApplicationName = "Saccade",
    .pEngineName = "Saccade",
    .apiVersion = VK_API_VERSION_1_3, /* the highest that is used; a device may be of 1.1 */
  };
  const char *layers[] = { VALIDATION_LAYER };
  const VkInstanceCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
    .pNext = messages          ? &messenger
             : synchronization ? (const void *)&features
                               : NULL,
    .pApplicationInfo = &application,
    .enabledLayerCount = validation ? 1 : 0,
    .ppEnabledLayerNames = layers,
    .enabledExtensionCount = extension_count,
    .ppEnabledExtensionNames = extensions,
  };
  VkResult result = vkCreateInstance(&info, NULL, &instance->handle);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
    return compute_fail(error, COMPUTE_ERROR_NO_VULKAN, "no Vulkan driver was found: %s", install_advice);
  if (result != VK_SUCCESS) {
    instance->handle = VK_NULL_HANDLE;
    return compute_fail(error,
                        result == VK_ERROR_OUT_OF_HOST_MEMORY ? COMPUTE_ERROR_OUT_OF_MEMORY : COMPUTE_ERROR_NO_VULKAN,
                        "Vulkan cannot be started (%s): %s", gpu_result_name(result), install_advice);
  }
  volkLoadInstanceOnly(instance->handle);

  if (messages) {
    /* By the instance itself: another instance may live without this extension and share volk's pointers. */
    PFN_vkCreateDebugUtilsMessengerEXT create =
        (PFN_vkCreateDebugUtilsMessengerEXT)vkGetInstanceProcAddr(instance->handle, "vkCreateDebugUtilsMessengerEXT");
    instance->destroy_messenger =
        (PFN_vkDestroyDebugUtilsMessengerEXT)vkGetInstanceProcAddr(instance->handle, "vkDestroyDebugUtilsMessengerEXT");
    messenger.pNext = NULL;
    if (!create || !instance->destroy_messenger ||
        create(instance->handle, &messenger, NULL, &instance->messenger) != VK_SUCCESS)
      instance->messenger = VK_NULL_HANDLE;
  }
  return COMPUTE_OK;
}

static enum compute_status
list_devices(struct gpu_instance *instance, struct compute_error *error)
{
  uint32_t count = 0;
  VkResult result = vkEnumeratePhysicalDevices(instance->handle, &count, NULL);
  if (result == VK_SUCCESS && count > 0) {
    instance->physical = calloc(count, sizeof *instance->physical);
    instance->infos = calloc(count, sizeof *instance->infos);
    if (!instance->physical || !instance->infos)
      return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory while listing Vulkan devices");
    result = vkEnumeratePhysicalDevices(instance->handle, &count, instance->physical);
  }
  /* Some loaders say "initialization failed" where drivers are installed for hardware that is not there. */
  if (result == VK_ERROR_INITIALIZATION_FAILED)
    count = 0;
  else if (result < VK_SUCCESS)
    return compute_fail(error, COMPUTE_ERROR_NO_VULKAN, "the Vulkan devices cannot be listed (%s): %s",
                        gpu_result_name(result), install_advice);
  instance->device_count = count;
  for (size_t i = 0; i < instance->device_count; i++)
    gpu_describe_device(instance->physical[i], &instance->infos[i]);
  return COMPUTE_OK;
}

enum compute_status
gpu_instance_create(const struct gpu_instance_params *params, struct gpu_instance **instance_out,
                    struct compute_error *error)
{
  /* volk keeps one process-wide set of pointers, which only this function writes. */
  static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
  *instance_out = NULL;
  struct gpu_instance *instance = calloc(1, sizeof *instance);
  if (!instance)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory while starting Vulkan");
  bool validation = params && params->validation;
  const char *wish = getenv("SACCADE_VALIDATION");
  if (wish && strcmp(wish, "1") == 0)
    validation = true;
  if (params) {
    instance->log = params->log;
    instance->log_user = params->user;
  }

  enum compute_status status = COMPUTE_OK;
  gpu_prepare_process();
  pthread_mutex_lock(&loading);
  if (volkInitialize() != VK_SUCCESS)
    status = compute_fail(error, COMPUTE_ERROR_NO_VULKAN,
                          "there is no Vulkan on this machine (libvulkan.so.1 cannot be loaded): install the package "
                          "libvulkan1, and %s",
                          install_advice + strlen("install "));
  else if (volkGetInstanceVersion() < VK_API_VERSION_1_1)
    status = compute_fail(error, COMPUTE_ERROR_NO_VULKAN,
                          "the Vulkan loader is older than Vulkan 1.1: update the package libvulkan1");
  else if (validation && !layer_is_installed(VALIDATION_LAYER))
    status = compute_fail(error, COMPUTE_ERROR_UNSUPPORTED,
                          "the Vulkan validation layer was asked for and is not installed: install the package "
                          "vulkan-validationlayers, or unset SACCADE_VALIDATION");
  else
    status = create_handle(instance, validation, error);
  if (status == COMPUTE_OK)
    status = list_devices(instance, error);
  pthread_mutex_unlock(&loading);

  if (status != COMPUTE_OK) {
    gpu_instance_destroy(&instance);
    return status;
  }
  *instance_out = instance;
  return COMPUTE_OK;
}

void
gpu_instance_destroy(struct gpu_instance **instance_in)
{
  struct gpu_instance *instance = *instance_in;
  if (!instance)
    return;
  if (instance->messenger)
    instance->destroy_messenger(instance->handle, instance->messenger, NULL);
  if (instance->handle)
    vkDestroyInstance(instance->handle, NULL);
  free(instance->physical);
  free(instance->infos);
  free(instance);
  *instance_in = NULL;
}

unsigned
gpu_instance_validation_messages(const struct gpu_instance *instance)
{
  return atomic_load(&instance->validation_messages);
}

size_t
gpu_instance_device_count(const struct gpu_instance *instance)
{
  return instance->device_count;
}

const struct gpu_device_info *
gpu_instance_device_info(const struct gpu_instance *instance, size_t index)
{
  return index < instance->device_count ? &instance->infos[index] : NULL;
}

const char *
gpu_device_type_name(enum gpu_device_type type)
{
  switch (type) {
  case GPU_DEVICE_INTEGRATED:
    return "integrated";
  case GPU_DEVICE_DISCRETE:
    return "discrete";
  case GPU_DEVICE_VIRTUAL:
    return "virtual";
  case GPU_DEVICE_CPU:
    return "CPU";
  case GPU_DEVICE_OTHER:
    break;
  }
  return "other";
}

const char *
gpu_result_name(VkResult result)
{
  switch (result) {
  case VK_ERROR_OUT_OF_HOST_MEMORY:
    return "out of host memory";
  case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    return "out of device memory";
  case VK_ERROR_INITIALIZATION_FAILED:
    return "initialization failed";
  case VK_ERROR_DEVICE_LOST:
    return "device lost";
  case VK_ERROR_MEMORY_MAP_FAILED:
    return "memory map failed";
  case VK_ERROR_LAYER_NOT_PRESENT:
    return "layer not present";
  case VK_ERROR_EXTENSION_NOT_PRESENT:
    return "extension not present";
  case VK_ERROR_FEATURE_NOT_PRESENT:
    return "feature not present";
  case VK_ERROR_INCOMPATIBLE_DRIVER:
    return "incompatible driver";
  case VK_ERROR_TOO_MANY_OBJECTS:
    return "too many objects";
  case VK_ERROR_FRAGMENTED_POOL:
    return "fragmented pool";
  case VK_ERROR_OUT_OF_POOL_MEMORY:
    return "out of pool memory";
  case VK_TIMEOUT:
    return "timeout";
  case VK_NOT_READY:
    return "not ready";
  default:
    return "unknown error";
  }
}
