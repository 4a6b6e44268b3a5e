/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/status.h"

/*
 * A small face over Vulkan 1.1 compute: devices and what they can do, buffers, pipelines, recorded commands.
 *
 * The order of things:
 *
 *     gpu_instance ──► gpu_device ──► gpu_buffer
 *                              ├────► gpu_pipeline   (owned and cached by the device)
 *                              └────► gpu_commands   (recorded once, submitted many times)
 *
 * Invariants
 *   - What is below in the drawing is destroyed before what is above. Every destructor takes the address of the handle,
 *     accepts a NULL handle and clears it. Destroying a buffer that submitted commands still use is a programmer's error.
 *   - Vulkan is loaded at run time: a program linked with this library starts on a machine that has no Vulkan at all.
 *   - No size from outside is trusted: what is beyond a limit of the device is COMPUTE_ERROR_LIMIT, and what does not
 *     fit in memory COMPUTE_ERROR_OUT_OF_MEMORY, with a message that names the thing.
 *   - COMPUTE_ERROR_DEVICE_LOST is sticky: the device answers it from then on. Destroying still works; the way out is to
 *     close the device and open it again.
 *   - Nothing here depends on a vendor: what differs between devices is in struct gpu_capabilities.
 *   - All work, copies too, goes to one queue: a device with a queue for transfers alone is used like one without.
 *
 * Threads: gpu_pipeline_get() may be called from several threads at once; a buffer or a commands object is used by one
 * thread at a time; different ones may be created and destroyed on different threads. Submitting, and reading and
 * writing of buffers, are serialised by the device, so that two threads may do so, but one at a time is what is meant.
 */

struct gpu_instance;
struct gpu_device;
struct gpu_buffer;
struct gpu_pipeline;
struct gpu_commands;

/* ---- Instance ---------------------------------------------------------------------------------------------------- */

enum gpu_severity { GPU_SEVERITY_INFO, GPU_SEVERITY_WARNING, GPU_SEVERITY_ERROR };

struct gpu_instance_params {
  /* Run under VK_LAYER_KHRONOS_validation and count what it says; also by the environment's SACCADE_VALIDATION=1. Asked
   * for and not installed is COMPUTE_ERROR_UNSUPPORTED. */
  bool validation;
  /* Called with every message of the loader, drivers and layers, possibly on another thread; NULL writes those of the
   * validation layer to stderr and drops the others. severity is an enum gpu_severity. */
  void (*log)(void *user, int severity, const char *message);
  void *user;
};

enum gpu_device_type {
  GPU_DEVICE_OTHER,
  GPU_DEVICE_INTEGRATED,
  GPU_DEVICE_DISCRETE,
  GPU_DEVICE_VIRTUAL,
  GPU_DEVICE_CPU, /* Vulkan in software: each lane of a vector register is an invocation */
};

/* Matrices of m×k and k×n halves, multiplied and added to m×n floats, that a subgroup holds together. */
struct gpu_matrix_shape {
  uint32_t m, n, k; /* 8 or 16 each; all 0: none */
};

/* What a device can do, read once; no other code asks Vulkan. Sizes are in bytes unless their name says otherwise. */
struct gpu_capabilities {
  enum gpu_device_type type;
  uint32_t subgroup_size;     /* that a compute shader gets without asking */
  uint32_t subgroup_size_min; /* equal to subgroup_size where subgroup_size_control is false */
  uint32_t subgroup_size_max;
  bool subgroup_shuffle;       /* subgroupShuffle and subgroupShuffleXor in compute shaders */
  bool subgroup_arithmetic;    /* subgroupAdd, subgroupMax … in compute shaders */
  bool subgroup_size_control;  /* gpu_pipeline_params.required_subgroup_size may be set */
  bool storage_16bit;          /* 16-bit members of storage buffers */
  bool arithmetic_fp16;        /* float16_t in shaders */
  bool storage_8bit;           /* 8-bit members of storage buffers */
  bool cooperative_matrix_nv;  /* VK_NV_cooperative_matrix, with matrix_shape */
  bool cooperative_matrix_khr; /* VK_KHR_cooperative_matrix, with matrix_shape */
  bool timestamps;             /* gpu_commands_timestamp() gives an index */
  bool unified_memory;         /* GPU_MEMORY_DEVICE buffers can be mapped */
  bool memory_budget;          /* VK_EXT_memory_budget: the driver says what other programs leave free */
  uint32_t max_workgroup_invocations;
  uint32_t max_workgroup_size[3];
  uint32_t max_workgroup_count[3];
  uint32_t max_shared_bytes;
  uint32_t max_push_constant_bytes;
  uint32_t max_texel_buffer_elements; /* texels of one GPU_BINDING_TEXEL_… binding */
  uint32_t storage_buffer_alignment;  /* of the offset of a GPU_BINDING_STORAGE */
  uint32_t texel_buffer_alignment;    /* of the offset of a GPU_BINDING_TEXEL_… */
  uint64_t max_storage_buffer_bytes;  /* of one GPU_BINDING_STORAGE; a buffer may be larger and be bound in parts */
  uint64_t max_allocation_bytes;      /* of one buffer */
  double timestamp_period_ns;
  struct gpu_matrix_shape matrix_shape; /* the largest that there is */
};

struct gpu_device_info {
  char name[256];
  char driver[256];
  char driver_info[256]; /* the driver's version as it writes it */
  enum gpu_device_type type;
  uint32_t api_version; /* as VK_MAKE_API_VERSION packs it */
  uint32_t vendor_id, device_id;
  uint8_t uuid[16];      /* the same device keeps it between runs */
  uint64_t memory_bytes; /* of the heaps local to the device */
  bool usable;           /* gpu_device_open() accepts it */
  char reason[128];      /* why not, where it is not */
  struct gpu_capabilities capabilities;
};

/* Sets what drivers read from the environment and the user has not set: how wide a driver in software computes (LP_NATIVE_VECTOR_WIDTH,
 * with a MESA_SHADER_CACHE_DIR of its own). Called first thing in main(), before there are threads that may read the environment;
 * otherwise gpu_instance_create() does it. */
void gpu_prepare_process(void);

/* Loads Vulkan and lists the devices. params may be NULL. Blocks while drivers load (tens of milliseconds).
 *
 * One loader a process: a second instance may be created while the first lives, on the same thread or another.
 * COMPUTE_ERROR_NO_VULKAN where there is no loader or no driver, with a message that says what to install. A machine
 * with a driver and no device gives an instance without devices; gpu_device_open() then says so. */
enum compute_status gpu_instance_create(const struct gpu_instance_params *params, struct gpu_instance **instance,
                                        struct compute_error *error);
void gpu_instance_destroy(struct gpu_instance **instance);

/* How many warnings and errors the validation layer has uttered since the instance was created. Any thread. */
unsigned gpu_instance_validation_messages(const struct gpu_instance *instance);

/* The devices, usable or not, in the loader's order; an index is what `saccade devices` prints. Owned by the instance. */
size_t gpu_instance_device_count(const struct gpu_instance *instance);
const struct gpu_device_info *gpu_instance_device_info(const struct gpu_instance *instance, size_t index);

/* The usable devices, best first: discrete, then integrated, virtual, other, CPU; of equals the one with more memory, then the loader's
 * order. indices has room for all devices; returns how many there are. */
size_t gpu_instance_order_devices(const struct gpu_instance *instance, size_t *indices);

/* "discrete", "integrated", "virtual", "CPU" or "other". */
const char *gpu_device_type_name(enum gpu_device_type type);

/* ---- Device ------------------------------------------------------------------------------------------------------ */

struct gpu_device_choice {
  int index;        /* -1: the best usable one, the first of gpu_instance_order_devices() */
  const char *name; /* part of the device's name, any case, or NULL; with an index both must hold */
};

struct gpu_device_params {
  struct gpu_device_choice choice;
  const char *cache_directory; /* compiled pipelines are kept there; made if missing. NULL: nowhere */
  /* What tests lower: each limit and ability becomes the lesser, the type becomes this one, and a subgroup size that the device can
   * be asked for is asked for by every pipeline. NULL: nothing. */
  const struct gpu_capabilities *clamp;
};

/* Opens a device. params NULL means the best one, without a cache. COMPUTE_ERROR_NO_DEVICE where none fits the choice,
 * with the list of what there is. A cache that cannot be read is as if empty. */
enum compute_status gpu_device_open(struct gpu_instance *instance, const struct gpu_device_params *params,
                                    struct gpu_device **device, struct compute_error *error);

/* Waits until the device is idle, writes the pipeline cache where something was added, and frees everything. */
void gpu_device_close(struct gpu_device **device);

/* Owned by the device; what params.clamp lowered is lowered in it. */
const struct gpu_capabilities *gpu_device_capabilities(const struct gpu_device *device);
const struct gpu_device_info *gpu_device_get_info(const struct gpu_device *device);

/* A number that the same device keeps between runs as long as its driver is the same build and, in software, computes as wide. */
uint64_t gpu_device_key(const struct gpu_device *device);

/* The folder and those above it; one that is there is good. */
enum compute_status gpu_make_directory(const char *directory);

/* Writes the pipeline cache now (beside, then renamed) instead of at closing. A device without a cache does nothing. */
enum compute_status gpu_device_save_cache(struct gpu_device *device, struct compute_error *error);

/* Bytes that buffers hold, and bytes taken from Vulkan for them in blocks. */
struct gpu_memory_use {
  uint64_t used_bytes, allocated_bytes;
  unsigned allocations; /* live VkDeviceMemory objects */
};
struct gpu_memory_use gpu_device_memory_use(struct gpu_device *device);

/* Bytes that GPU_MEMORY_DEVICE buffers may still take: what the driver says is free now, or, where it does not say, three quarters of
 * their heap less what is taken here; at most what gpu_device_inject_shortage() leaves. Others may take it first: COMPUTE_ERROR_OUT_OF_MEMORY
 * is possible all the same. */
uint64_t gpu_device_free_memory(struct gpu_device *device);

/* For tests. Loss: every later call returns COMPUTE_ERROR_DEVICE_LOST. Shortage: no more than `bytes` may be taken from
 * Vulkan from now on (UINT64_MAX lifts it), and what needs more is COMPUTE_ERROR_OUT_OF_MEMORY. */
void gpu_device_inject_loss(struct gpu_device *device);
void gpu_device_inject_shortage(struct gpu_device *device, uint64_t bytes);

/* ---- Buffers ----------------------------------------------------------------------------------------------------- */

enum gpu_memory {
  GPU_MEMORY_DEVICE,   /* fast for shaders */
  GPU_MEMORY_UPLOAD,   /* mapped; the host writes, the device reads */
  GPU_MEMORY_READBACK, /* mapped, cached; the device writes, the host reads */
};

/* A buffer of at least 1 byte, not cleared, that any kind of binding, copy and fill may use. Its memory is a part of a
 * larger block, so that many small buffers are cheap. Does not block on the device. */
enum compute_status gpu_buffer_create(struct gpu_device *device, uint64_t bytes, enum gpu_memory memory,
                                      struct gpu_buffer **buffer, struct compute_error *error);
/* A buffer over a part of another's memory, which outlives it: what is written to one is in the other. Who uses parts that overlap keeps
 * them apart in time. offset: a multiple of GPU_PART_ALIGNMENT. */
#define GPU_PART_ALIGNMENT 4096
enum compute_status gpu_buffer_create_part(struct gpu_buffer *whole, uint64_t offset, uint64_t bytes,
                                           struct gpu_buffer **buffer, struct compute_error *error);
void gpu_buffer_destroy(struct gpu_buffer **buffer);
uint64_t gpu_buffer_bytes(const struct gpu_buffer *buffer);

/* The buffer's bytes in the host's memory for as long as the buffer lives: UPLOAD and READBACK always, DEVICE where
 * gpu_capabilities.unified_memory; NULL otherwise. What the host wrote is seen by commands submitted afterwards, and
 * what the device wrote is seen by the host after gpu_commands_wait(). */
void *gpu_buffer_map(struct gpu_buffer *buffer);

/* Copies to or from the host, any offset and size, by staging where the buffer is not mapped. Both wait for the copy,
 * not for commands in flight: who reads waits for them first. */
enum compute_status gpu_buffer_write(struct gpu_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes,
                                     struct compute_error *error);
enum compute_status
gpu_buffer_read(struct gpu_buffer *buffer, uint64_t offset, void *data, uint64_t bytes, struct compute_error *error);

/* ---- Pipelines --------------------------------------------------------------------------------------------------- */

enum gpu_binding_type {
  GPU_BINDING_STORAGE,     /* layout(set = 0, binding = i) buffer */
  GPU_BINDING_TEXEL_F32X4, /* layout(set = 0, binding = i) uniform textureBuffer (or samplerBuffer), 16 bytes a texel */
  GPU_BINDING_TEXEL_F16X4, /* the same, 8 bytes a texel */
  GPU_BINDING_TEXEL_I8X4,  /* the same, 4 bytes a texel: -127 … 127 are -1 … 1 */
};

#define GPU_MAX_BINDINGS 16
#define GPU_MAX_CONSTANTS 32

struct gpu_pipeline_params {
  const char *name; /* for messages */
  const uint32_t *spirv;
  size_t spirv_bytes;
  const enum gpu_binding_type *bindings; /* of set 0: binding i has bindings[i] */
  unsigned binding_count;
  unsigned push_constant_bytes; /* a multiple of 4 */
  const uint32_t *constants;    /* constants[i] is the value of specialization constant_id i, floats by their bits */
  unsigned constant_count;
  unsigned required_subgroup_size; /* 0: the device's choice */
};

/* The pipeline with exactly these parameters: made on the first call (blocks while the driver compiles), found
 * afterwards. It belongs to the device. params and what it points to may go once this returns. Any thread. */
enum compute_status gpu_pipeline_get(struct gpu_device *device, const struct gpu_pipeline_params *params,
                                     struct gpu_pipeline **pipeline, struct compute_error *error);

/* ---- Commands ---------------------------------------------------------------------------------------------------- */

struct gpu_binding {
  struct gpu_buffer *buffer;
  uint64_t offset; /* a multiple of the binding type's alignment */
  uint64_t bytes;  /* 0: to the buffer's end */
};

/* A list of work in the making: record, end, then submit and wait as often as wanted. A list that has been submitted is
 * waited for before it is submitted again or destroyed (destroying waits by itself).
 *
 * Recording keeps the first error: the functions without an error parameter are no-ops after it, and
 * gpu_commands_end() returns it. */
enum compute_status
gpu_commands_create(struct gpu_device *device, struct gpu_commands **commands, struct compute_error *error);
void gpu_commands_destroy(struct gpu_commands **commands);

/* x × y × z workgroups. push_bytes is what the pipeline was made with; push may be NULL where that is 0. Bindings are
 * checked against the pipeline's count, the buffers' sizes and the device's limits (COMPUTE_ERROR_LIMIT). */
enum compute_status
gpu_commands_dispatch(struct gpu_commands *commands, struct gpu_pipeline *pipeline, const struct gpu_binding *bindings,
                      unsigned binding_count, const void *push, unsigned push_bytes, uint32_t x, uint32_t y, uint32_t z,
                      struct compute_error *error);

/* What is recorded later sees what was written earlier, whether by dispatch, copy or fill, and writes after its reads. */
void gpu_commands_barrier(struct gpu_commands *commands);

/* offset, bytes: any for a copy; multiples of 4 for a fill, which repeats the 32-bit value. */
void gpu_commands_copy(struct gpu_commands *commands, struct gpu_buffer *source, uint64_t source_offset,
                       struct gpu_buffer *destination, uint64_t destination_offset, uint64_t bytes);
void gpu_commands_fill(struct gpu_commands *commands, struct gpu_buffer *destination, uint64_t offset, uint64_t bytes,
                       uint32_t value);

/* Notes the time when all that was recorded before has been done. The index for gpu_commands_read_timestamps(), counted
 * from 0, or UINT_MAX where the device has no timestamps or GPU_MAX_TIMESTAMPS are used up. */
#define GPU_MAX_TIMESTAMPS 4096
unsigned gpu_commands_timestamp(struct gpu_commands *commands);

enum compute_status gpu_commands_end(struct gpu_commands *commands, struct compute_error *error);

/* Hands the list to the device and returns at once. */
enum compute_status gpu_commands_submit(struct gpu_commands *commands, struct compute_error *error);

/* Blocks until the last submission is done; at once where there was none. */
enum compute_status gpu_commands_wait(struct gpu_commands *commands, struct compute_error *error);

/* After a wait: the first `count` timestamps in nanoseconds since an unknown start. */
enum compute_status gpu_commands_read_timestamps(struct gpu_commands *commands, uint64_t *nanoseconds, unsigned count,
                                                 struct compute_error *error);
