/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/gpu/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The pipeline cache on disk: one file for each device, driver build and subgroup size, the last because a driver in
 * software compiles for the width of the processor's vectors as the environment sets it. The file is our own header,
 * then what the driver gave. Drivers differ in how well they survive a damaged cache, so that only what has the right
 * length and hash is handed to them; anything else counts as no cache.
 */

struct cache_header {
  char magic[8];
  uint64_t bytes;
  uint64_t hash;
};

static const char cache_magic[8] = "SACPIPE1";

#define LARGEST_CACHE ((uint64_t)256 << 20)

/* Of the device and its driver's build. */
static uint64_t
driver_key(const struct gpu_device *device)
{
  VkPhysicalDeviceProperties properties;
  vkGetPhysicalDeviceProperties(device->physical, &properties);
  uint64_t key = gpu_hash(GPU_HASH_START, properties.pipelineCacheUUID, VK_UUID_SIZE);
  key = gpu_hash(key, device->info.uuid, sizeof device->info.uuid);
  key = gpu_hash(key, &properties.vendorID, sizeof properties.vendorID);
  key = gpu_hash(key, &properties.deviceID, sizeof properties.deviceID);
  key = gpu_hash(key, &properties.driverVersion, sizeof properties.driverVersion);
  return gpu_hash(key, device->info.name, strlen(device->info.name));
}

uint64_t
gpu_device_key(const struct gpu_device *device)
{
  uint64_t key = driver_key(device);
  key = gpu_hash(key, &device->info.capabilities.subgroup_size, sizeof device->info.capabilities.subgroup_size);
  /* A device that tests clamp is another. */
  if (memcmp(&device->capabilities, &device->info.capabilities, sizeof device->capabilities) != 0)
    key = gpu_hash(key, &device->capabilities, sizeof device->capabilities);
  return key;
}

static char *
cache_path(struct gpu_device *device, const char *directory)
{
  char *path = NULL;
  if (asprintf(&path, "%s/pipelines-%016" PRIx64 "-%" PRIu32 ".bin", directory, driver_key(device),
               device->info.capabilities.subgroup_size) < 0)
    return NULL;
  return path;
}

/* What the file holds, or NULL where there is nothing good. */
static void *
read_cache(const char *path, struct cache_header *header)
{
  FILE *file = fopen(path, "rbe");
  if (!file)
    return NULL;
  void *data = NULL;
  if (fread(header, sizeof *header, 1, file) == 1 && memcmp(header->magic, cache_magic, sizeof cache_magic) == 0 &&
      header->bytes > 0 && header->bytes <= LARGEST_CACHE)
    data = malloc(header->bytes);
  if (data && (fread(data, 1, header->bytes, file) != header->bytes ||
               gpu_hash(GPU_HASH_START, data, header->bytes) != header->hash)) {
    free(data);
    data = NULL;
  }
  fclose(file);
  return data;
}

enum compute_status
gpu_make_directory(const char *directory)
{
  char *path = strdup(directory);
  if (!path)
    return COMPUTE_ERROR_OUT_OF_MEMORY;
  for (char *slash = path + 1; *slash; slash++)
    if (*slash == '/') {
      *slash = '\0';
      mkdir(path, 0777);
      *slash = '/';
    }
  int failed = mkdir(path, 0777) != 0 && errno != EEXIST;
  free(path);
  return failed ? COMPUTE_ERROR_IO : COMPUTE_OK;
}

enum compute_status
gpu_cache_open(struct gpu_device *device, const char *directory, struct compute_error *error)
{
  struct cache_header header = { 0 };
  void *data = NULL;
  if (directory) {
    device->cache_path = cache_path(device, directory);
    if (!device->cache_path)
      return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory");
    data = read_cache(device->cache_path, &header);
  }
  const VkPipelineCacheCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
    .initialDataSize = data ? header.bytes : 0,
    .pInitialData = data,
  };
  VkResult result = device->vk.vkCreatePipelineCache(device->handle, &info, NULL, &device->cache);
  if (data && result == VK_SUCCESS) {
    device->cache_hash = header.hash;
    device->cache_size = header.bytes;
  }
  free(data);
  return gpu_check(device, result, "create a pipeline cache", error);
}

void
gpu_cache_close(struct gpu_device *device)
{
  device->vk.vkDestroyPipelineCache(device->handle, device->cache, NULL);
  free(device->cache_path);
}

static enum compute_status
write_beside_and_rename(const char *path, const struct cache_header *header, const void *data,
                        struct compute_error *error)
{
  char *beside = NULL;
  if (asprintf(&beside, "%s.XXXXXX", path) < 0)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory");
  enum compute_status status = COMPUTE_OK;
  int descriptor = mkostemp(beside, O_CLOEXEC);
  FILE *file = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
  if (!file) {
    status =
        compute_fail(error, COMPUTE_ERROR_IO, "the pipeline cache %s cannot be written: %s", path, strerror(errno));
    if (descriptor >= 0) {
      close(descriptor);
      unlink(beside);
    }
    free(beside);
    return status;
  }
  /* A torn file is found by its hash, so that nothing is gained by waiting for the disk. */
  bool written = fwrite(header, sizeof *header, 1, file) == 1 && fwrite(data, 1, header->bytes, file) == header->bytes;
  written = fclose(file) == 0 && written;
  if (!written || rename(beside, path) != 0) {
    status =
        compute_fail(error, COMPUTE_ERROR_IO, "the pipeline cache %s cannot be written: %s", path, strerror(errno));
    unlink(beside);
  }
  free(beside);
  return status;
}

enum compute_status
gpu_device_save_cache(struct gpu_device *device, struct compute_error *error)
{
  if (!device->cache_path || !device->cache)
    return COMPUTE_OK;
  enum compute_status status = gpu_check_lost(device, error);
  if (status != COMPUTE_OK)
    return status;
  size_t bytes = 0;
  status = gpu_check(device, device->vk.vkGetPipelineCacheData(device->handle, device->cache, &bytes, NULL),
                     "read its pipeline cache", error);
  if (status != COMPUTE_OK || bytes == 0 || bytes > LARGEST_CACHE)
    return status;
  void *data = malloc(bytes);
  if (!data)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "out of memory");
  status = gpu_check(device, device->vk.vkGetPipelineCacheData(device->handle, device->cache, &bytes, data),
                     "read its pipeline cache", error);
  struct cache_header header = { .bytes = bytes };
  memcpy(header.magic, cache_magic, sizeof cache_magic);
  if (status == COMPUTE_OK) {
    header.hash = gpu_hash(GPU_HASH_START, data, bytes);
    if (header.hash != device->cache_hash || header.bytes != device->cache_size) {
      char *slash = strrchr(device->cache_path, '/');
      *slash = '\0';
      gpu_make_directory(device->cache_path);
      *slash = '/';
      status = write_beside_and_rename(device->cache_path, &header, data, error);
      if (status == COMPUTE_OK) {
        device->cache_hash = header.hash;
        device->cache_size = header.bytes;
      }
    }
  }
  free(data);
  return status;
}
