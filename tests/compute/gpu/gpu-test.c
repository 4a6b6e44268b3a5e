/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Everything that gpu.h promises, on the device that SACCADE_DEVICE names or the best one, under the validation layer,
 * which must not say a word. Skipped (77) where there is no Vulkan.
 */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compute/gpu/gpu.h"

#include "affine-spirv.h"
#include "subgroup-spirv.h"

#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                \
    }                                                                         \
  } while (0)

#define CHECK_OK(call)                                                               \
  do {                                                                               \
    struct compute_error error_ = { 0 };                                             \
    struct compute_error *error = &error_;                                           \
    if ((call) != COMPUTE_OK) {                                                      \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, error_.message); \
      exit(1);                                                                       \
    }                                                                                \
  } while (0)

/* The call fails with this status and a message that contains the words. */
#define CHECK_FAILS(call, expected, words)                                                                         \
  do {                                                                                                             \
    struct compute_error error_ = { 0 };                                                                           \
    struct compute_error *error = &error_;                                                                         \
    enum compute_status status_ = (call);                                                                          \
    if (status_ != (expected) || error_.status != (expected) || !strstr(error_.message, words)) {                  \
      fprintf(stderr, "%s:%d: %s: status %d (wanted %d), message “%s” (wanted “%s”)\n", __FILE__, __LINE__, #call, \
              status_, expected, error_.message, words);                                                           \
      exit(1);                                                                                                     \
    }                                                                                                              \
  } while (0)

static struct gpu_instance *instance;
static char directory[] = "/tmp/saccade-gpu-test-XXXXXX";

static struct gpu_device *
open_device(const char *cache, const struct gpu_capabilities *clamp)
{
  const char *wish = getenv("SACCADE_DEVICE");
  struct gpu_device_params params = {
    .choice = { .index = wish ? atoi(wish) : -1 },
    .cache_directory = cache,
    .clamp = clamp,
  };
  struct gpu_device *device;
  CHECK_OK(gpu_device_open(instance, &params, &device, error));
  return device;
}

static const enum gpu_binding_type affine_bindings[] = { GPU_BINDING_STORAGE, GPU_BINDING_STORAGE,
                                                         GPU_BINDING_TEXEL_F32X4 };

struct affine_push {
  uint32_t count;
  float offset;
};

static struct gpu_pipeline_params
affine_params(const uint32_t constants[2])
{
  return (struct gpu_pipeline_params){
    .name = "affine",
    .spirv = affine_spirv,
    .spirv_bytes = sizeof affine_spirv,
    .bindings = affine_bindings,
    .binding_count = 3,
    .push_constant_bytes = sizeof(struct affine_push),
    .constants = constants,
    .constant_count = 2,
  };
}

static uint32_t
float_bits(float value)
{
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static uint8_t
pattern(uint64_t i)
{
  return (uint8_t)((i * 2654435761u) >> 13);
}

static void
test_devices_are_listed(void)
{
  CHECK(gpu_instance_device_count(instance) > 0);
  for (size_t i = 0; i < gpu_instance_device_count(instance); i++) {
    const struct gpu_device_info *info = gpu_instance_device_info(instance, i);
    printf("%zu: %s (%s; %s %s), %s\n", i, info->name, gpu_device_type_name(info->type), info->driver,
           info->driver_info, info->usable ? "usable" : info->reason);
    CHECK(info->name[0] && (info->usable || info->reason[0]));
    if (!info->usable)
      continue;
    const struct gpu_capabilities *c = &info->capabilities;
    CHECK(c->type == info->type && info->memory_bytes > 0);
    CHECK(c->subgroup_size >= 1 && c->subgroup_size_min <= c->subgroup_size &&
          c->subgroup_size <= c->subgroup_size_max);
    /* The least that Vulkan 1.1 promises. */
    CHECK(c->max_workgroup_invocations >= 128 && c->max_workgroup_count[0] >= 65535 &&
          c->max_push_constant_bytes >= 128);
    CHECK(c->max_texel_buffer_elements >= 65536 && c->max_storage_buffer_bytes >= (uint64_t)1 << 27);
    CHECK((c->matrix_shape.m != 0) == (c->cooperative_matrix_nv || c->cooperative_matrix_khr));
    CHECK(c->max_allocation_bytes >= (uint64_t)1 << 30 && c->max_shared_bytes >= 16384);
  }
  CHECK(gpu_instance_device_info(instance, gpu_instance_device_count(instance)) == NULL);
}

static void
test_choice(void)
{
  struct gpu_device *device = NULL;
  struct gpu_device_params params = { .choice = { .index = 99 } };
  size_t order[64];
  CHECK(gpu_instance_device_count(instance) <= 64);
  const size_t usable = gpu_instance_order_devices(instance, order);
  CHECK(usable > 0 && usable <= gpu_instance_device_count(instance));
  for (size_t i = 0; i < usable; i++) {
    const struct gpu_device_info *info = gpu_instance_device_info(instance, order[i]);
    CHECK(info->usable);
    for (size_t j = 0; j < i; j++)
      CHECK(order[j] != order[i] && (gpu_instance_device_info(instance, order[j])->type == GPU_DEVICE_DISCRETE ||
                                     info->type != GPU_DEVICE_DISCRETE));
  }
  CHECK_OK(gpu_device_open(instance, NULL, &device, error));
  CHECK(strcmp(gpu_device_get_info(device)->name, gpu_instance_device_info(instance, order[0])->name) == 0);
  const uint64_t key = gpu_device_key(device);
  gpu_device_close(&device);
  CHECK_OK(gpu_device_open(instance, NULL, &device, error));
  CHECK(gpu_device_key(device) == key);
  gpu_device_close(&device);
  CHECK_FAILS(gpu_device_open(instance, &params, &device, error), COMPUTE_ERROR_NO_DEVICE, "number 99");
  params.choice = (struct gpu_device_choice){ .index = -1, .name = "No Such Card" };
  CHECK_FAILS(gpu_device_open(instance, &params, &device, error), COMPUTE_ERROR_NO_DEVICE, "No Such Card");
  CHECK(device == NULL);
  device = open_device(NULL, NULL);
  const char *name = gpu_device_get_info(device)->name;
  char part[4] = { name[0] ^ 0x20, name[1], name[2] };
  params.choice = (struct gpu_device_choice){ .index = -1, .name = part };
  struct gpu_device *same;
  CHECK_OK(gpu_device_open(instance, &params, &same, error));
  CHECK(strcmp(gpu_device_get_info(same)->name, name) == 0);
  gpu_device_close(&same);
  gpu_device_close(&device);
  CHECK(device == NULL);
  gpu_device_close(&device);
}

static void
check_round_trip(struct gpu_device *device, enum gpu_memory memory, uint64_t bytes)
{
  struct gpu_buffer *buffer;
  CHECK_OK(gpu_buffer_create(device, bytes, memory, &buffer, error));
  CHECK(gpu_buffer_bytes(buffer) == bytes);
  CHECK(memory == GPU_MEMORY_DEVICE || gpu_buffer_map(buffer));
  uint8_t *data = malloc(bytes), *back = calloc(bytes, 1);
  for (uint64_t i = 0; i < bytes; i++)
    data[i] = pattern(i);
  CHECK_OK(gpu_buffer_write(buffer, 0, data, bytes, error));
  CHECK_OK(gpu_buffer_read(buffer, 0, back, bytes, error));
  CHECK(memcmp(data, back, bytes) == 0);
  if (bytes > 5) {
    CHECK_OK(gpu_buffer_write(buffer, 3, "xy", 2, error));
    CHECK_OK(gpu_buffer_read(buffer, 1, back, 5, error));
    CHECK(back[0] == pattern(1) && back[2] == 'x' && back[3] == 'y' && back[4] == pattern(5));
  }
  CHECK_FAILS(gpu_buffer_write(buffer, bytes, data, 1, error), COMPUTE_ERROR_LIMIT, "beyond");
  CHECK_FAILS(gpu_buffer_read(buffer, UINT64_MAX, back, 2, error), COMPUTE_ERROR_LIMIT, "beyond");
  CHECK_OK(gpu_buffer_write(buffer, bytes, data, 0, error));
  free(data);
  free(back);
  gpu_buffer_destroy(&buffer);
  CHECK(buffer == NULL);
  gpu_buffer_destroy(&buffer);
}

static void
test_buffers(struct gpu_device *device)
{
  const uint64_t sizes[] = { 1, 3, 4, 5, 255, 257, 4099, 1 << 20, (4 << 20) + 1, (9 << 20) + 13 };
  for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int memory = GPU_MEMORY_DEVICE; memory <= GPU_MEMORY_READBACK; memory++)
      check_round_trip(device, (enum gpu_memory)memory, sizes[i]);
  struct gpu_buffer *buffer = NULL;
  CHECK_FAILS(gpu_buffer_create(device, 0, GPU_MEMORY_DEVICE, &buffer, error), COMPUTE_ERROR_LIMIT, "no bytes");
  CHECK_FAILS(gpu_buffer_create(device, UINT64_MAX / 2, GPU_MEMORY_DEVICE, &buffer, error), COMPUTE_ERROR_LIMIT,
              "larger than");
  CHECK(buffer == NULL);
}

/* Parts of one buffer see what is written to it and to one another, by the host and by the device. */
static void
test_parts(struct gpu_device *device)
{
  struct gpu_buffer *whole, *first, *second, *none = NULL;
  uint8_t data[5000], back[5000];
  struct gpu_memory_use before = gpu_device_memory_use(device);
  CHECK_OK(gpu_buffer_create(device, 4 * GPU_PART_ALIGNMENT, GPU_MEMORY_DEVICE, &whole, error));
  struct gpu_memory_use with = gpu_device_memory_use(device);
  CHECK_OK(gpu_buffer_create_part(whole, 0, 5000, &first, error));
  CHECK_OK(gpu_buffer_create_part(whole, GPU_PART_ALIGNMENT, 3 * GPU_PART_ALIGNMENT, &second, error));
  CHECK(gpu_buffer_bytes(first) == 5000 && gpu_device_memory_use(device).used_bytes == with.used_bytes);
  for (unsigned i = 0; i < sizeof data; i++)
    data[i] = pattern(i);
  CHECK_OK(gpu_buffer_write(first, 0, data, sizeof data, error));
  CHECK_OK(gpu_buffer_read(whole, 0, back, sizeof back, error));
  CHECK(memcmp(data, back, sizeof data) == 0);
  CHECK_OK(gpu_buffer_read(second, 0, back, sizeof data - GPU_PART_ALIGNMENT, error));
  CHECK(memcmp(data + GPU_PART_ALIGNMENT, back, sizeof data - GPU_PART_ALIGNMENT) == 0);
  struct gpu_commands *commands;
  CHECK_OK(gpu_commands_create(device, &commands, error));
  gpu_commands_fill(commands, second, 0, 16, 0x01020304);
  CHECK_OK(gpu_commands_end(commands, error));
  CHECK_OK(gpu_commands_submit(commands, error));
  CHECK_OK(gpu_commands_wait(commands, error));
  CHECK_OK(gpu_buffer_read(first, GPU_PART_ALIGNMENT, back, 4, error));
  CHECK(memcmp(back, "\4\3\2\1", 4) == 0);
  gpu_commands_destroy(&commands);
  CHECK_FAILS(gpu_buffer_create_part(whole, 8, 16, &none, error), COMPUTE_ERROR_LIMIT, "not aligned");
  CHECK_FAILS(gpu_buffer_create_part(whole, GPU_PART_ALIGNMENT, 4 * GPU_PART_ALIGNMENT, &none, error),
              COMPUTE_ERROR_LIMIT, "a part of");
  CHECK_FAILS(gpu_buffer_create_part(whole, 0, 0, &none, error), COMPUTE_ERROR_LIMIT, "a part of");
  CHECK(none == NULL);
  gpu_buffer_destroy(&first);
  gpu_buffer_destroy(&second);
  gpu_buffer_destroy(&whole);
  CHECK(gpu_device_memory_use(device).used_bytes == before.used_bytes);
}

/* Buffers come and go in a disorderly way, each keeps what was written to it, and memory comes from few blocks. */
static void
test_many_small_buffers(struct gpu_device *device)
{
  enum { COUNT = 3000 };
  static struct gpu_buffer *buffers[COUNT];
  static uint32_t sizes[COUNT];
  struct gpu_memory_use before = gpu_device_memory_use(device);
  uint32_t state = 1;
  for (int turn = 0; turn < 3 * COUNT; turn++) {
    state = state * 1664525u + 1013904223u;
    unsigned i = (state >> 8) % COUNT;
    if (buffers[i]) {
      uint8_t first, last;
      CHECK_OK(gpu_buffer_read(buffers[i], 0, &first, 1, error));
      CHECK_OK(gpu_buffer_read(buffers[i], sizes[i] - 1, &last, 1, error));
      CHECK(last == pattern(i) && (sizes[i] == 1 || first == pattern(i + 1)));
      gpu_buffer_destroy(&buffers[i]);
    } else {
      sizes[i] = 1 + (state >> 16) % 5000;
      CHECK_OK(gpu_buffer_create(device, sizes[i], GPU_MEMORY_UPLOAD, &buffers[i], error));
      uint8_t first = pattern(i + 1), last = pattern(i);
      CHECK_OK(gpu_buffer_write(buffers[i], 0, &first, 1, error));
      CHECK_OK(gpu_buffer_write(buffers[i], sizes[i] - 1, &last, 1, error));
    }
  }
  struct gpu_memory_use during = gpu_device_memory_use(device);
  CHECK(during.used_bytes > before.used_bytes && during.allocated_bytes >= during.used_bytes);
  CHECK(during.allocations <= before.allocations + 8);
  for (unsigned i = 0; i < COUNT; i++)
    gpu_buffer_destroy(&buffers[i]);
  struct gpu_memory_use after = gpu_device_memory_use(device);
  CHECK(after.used_bytes == before.used_bytes);
  CHECK(after.allocations <= before.allocations + 1);
}

static void
test_copy_and_fill(struct gpu_device *device)
{
  struct gpu_buffer *source, *result;
  CHECK_OK(gpu_buffer_create(device, 1000, GPU_MEMORY_DEVICE, &source, error));
  CHECK_OK(gpu_buffer_create(device, 1000, GPU_MEMORY_READBACK, &result, error));
  uint8_t data[1000];
  for (unsigned i = 0; i < sizeof data; i++)
    data[i] = pattern(i);
  CHECK_OK(gpu_buffer_write(source, 0, data, sizeof data, error));
  struct gpu_commands *commands;
  CHECK_OK(gpu_commands_create(device, &commands, error));
  gpu_commands_fill(commands, result, 0, 1000, 0xa1b2c3d4);
  gpu_commands_barrier(commands);
  gpu_commands_copy(commands, source, 13, result, 7, 501);
  CHECK_OK(gpu_commands_end(commands, error));
  for (int turn = 0; turn < 3; turn++) {
    CHECK_OK(gpu_commands_submit(commands, error));
    CHECK_OK(gpu_commands_wait(commands, error));
    const uint8_t *got = gpu_buffer_map(result);
    const uint8_t fill[4] = { 0xd4, 0xc3, 0xb2, 0xa1 };
    for (unsigned i = 0; i < 1000; i++)
      CHECK(got[i] == (i >= 7 && i < 508 ? pattern(i + 6) : fill[i % 4]));
  }
  gpu_commands_destroy(&commands);

  CHECK_OK(gpu_commands_create(device, &commands, error));
  gpu_commands_copy(commands, source, 500, result, 0, 501);
  gpu_commands_barrier(commands);
  CHECK_FAILS(gpu_commands_end(commands, error), COMPUTE_ERROR_LIMIT, "beyond a buffer's end");
  CHECK_FAILS(gpu_commands_submit(commands, error), COMPUTE_ERROR_LIMIT, "beyond a buffer's end");
  gpu_commands_destroy(&commands);
  CHECK_OK(gpu_commands_create(device, &commands, error));
  gpu_commands_copy(commands, source, 0, source, 10, 20);
  CHECK_FAILS(gpu_commands_end(commands, error), COMPUTE_ERROR_LIMIT, "overlaps");
  gpu_commands_destroy(&commands);
  CHECK_OK(gpu_commands_create(device, &commands, error));
  gpu_commands_fill(commands, source, 2, 4, 0);
  CHECK_FAILS(gpu_commands_end(commands, error), COMPUTE_ERROR_LIMIT, "multiples of 4");
  gpu_commands_destroy(&commands);
  gpu_buffer_destroy(&source);
  gpu_buffer_destroy(&result);
}

/* What a dispatch needs, with 1 + i in the source and 0.5 to be added. */
struct affine {
  struct gpu_buffer *source, *result, *added;
  struct gpu_binding bindings[3];
  struct gpu_commands *commands;
};

static void
affine_init(struct affine *affine, struct gpu_device *device, uint32_t count)
{
  CHECK_OK(gpu_buffer_create(device, count * 4, GPU_MEMORY_DEVICE, &affine->source, error));
  CHECK_OK(gpu_buffer_create(device, count * 4, GPU_MEMORY_DEVICE, &affine->result, error));
  CHECK_OK(gpu_buffer_create(device, 64, GPU_MEMORY_UPLOAD, &affine->added, error));
  float *numbers = malloc(count * 4);
  for (uint32_t i = 0; i < count; i++)
    numbers[i] = (float)(1 + i);
  CHECK_OK(gpu_buffer_write(affine->source, 0, numbers, count * 4, error));
  free(numbers);
  CHECK_OK(gpu_buffer_write(affine->added, 0, (float[]){ 0.5f, 9, 9, 9 }, 16, error));
  affine->bindings[0] = (struct gpu_binding){ .buffer = affine->source };
  affine->bindings[1] = (struct gpu_binding){ .buffer = affine->result };
  affine->bindings[2] = (struct gpu_binding){ .buffer = affine->added };
  CHECK_OK(gpu_commands_create(device, &affine->commands, error));
}

static void
affine_finish(struct affine *affine)
{
  gpu_commands_destroy(&affine->commands);
  gpu_buffer_destroy(&affine->source);
  gpu_buffer_destroy(&affine->result);
  gpu_buffer_destroy(&affine->added);
}

static void
test_dispatch(struct gpu_device *device)
{
  enum { COUNT = 10007 };
  const uint32_t groups[] = { 1, 8, 37, 64 };
  for (unsigned g = 0; g < sizeof groups / sizeof *groups; g++) {
    struct affine affine;
    affine_init(&affine, device, COUNT);
    const uint32_t constants[2] = { groups[g], float_bits(2.0f) };
    struct gpu_pipeline_params params = affine_params(constants);
    struct gpu_pipeline *pipeline, *again, *other;
    CHECK_OK(gpu_pipeline_get(device, &params, &pipeline, error));
    CHECK_OK(gpu_pipeline_get(device, &params, &again, error));
    CHECK(pipeline == again);
    const uint32_t other_constants[2] = { groups[g], float_bits(-1.0f) };
    params = affine_params(other_constants);
    CHECK_OK(gpu_pipeline_get(device, &params, &other, error));
    CHECK(pipeline != other);

    /* result = 2 (1 + i) + 3 + 0.5, then the sources and results change places: source = 7 - result + 0.5 */
    struct affine_push push = { COUNT, 3.0f };
    uint32_t x = (COUNT + groups[g] - 1) / groups[g];
    unsigned first = gpu_commands_timestamp(affine.commands);
    CHECK_OK(gpu_commands_dispatch(affine.commands, pipeline, affine.bindings, 3, &push, sizeof push, x, 1, 1, error));
    gpu_commands_barrier(affine.commands);
    unsigned second = gpu_commands_timestamp(affine.commands);
    const struct gpu_binding back[3] = { affine.bindings[1], affine.bindings[0], { affine.added, 0, 16 } };
    push.offset = 7.0f;
    CHECK_OK(gpu_commands_dispatch(affine.commands, other, back, 3, &push, sizeof push, x, 1, 1, error));
    gpu_commands_timestamp(affine.commands);
    CHECK_OK(gpu_commands_end(affine.commands, error));
    CHECK_OK(gpu_commands_submit(affine.commands, error));
    CHECK_OK(gpu_commands_wait(affine.commands, error));
    CHECK_OK(gpu_commands_wait(affine.commands, error));

    static float result[COUNT], source[COUNT];
    CHECK_OK(gpu_buffer_read(affine.result, 0, result, sizeof result, error));
    CHECK_OK(gpu_buffer_read(affine.source, 0, source, sizeof source, error));
    for (int i = 0; i < COUNT; i++) {
      CHECK(result[i] == 2.0f * (float)(1 + i) + 3.5f);
      CHECK(source[i] == 7.5f - result[i]);
    }
    if (gpu_device_capabilities(device)->timestamps) {
      uint64_t times[3];
      CHECK(first == 0 && second == 1);
      CHECK_OK(gpu_commands_read_timestamps(affine.commands, times, 3, error));
      CHECK(times[0] == 0 && times[1] >= times[0] && times[2] >= times[1] && times[2] < 60e9);
      CHECK_FAILS(gpu_commands_read_timestamps(affine.commands, times, 4, error), COMPUTE_ERROR_UNSUPPORTED, "4");
    } else {
      CHECK(first == UINT_MAX && second == UINT_MAX);
    }
    affine_finish(&affine);
  }
}

/* More dispatches than one descriptor pool holds, each with its own views. */
static void
test_many_dispatches(struct gpu_device *device)
{
  struct affine affine;
  affine_init(&affine, device, 4);
  const uint32_t constants[2] = { 4, float_bits(1.0f) };
  struct gpu_pipeline_params params = affine_params(constants);
  struct gpu_pipeline *pipeline;
  CHECK_OK(gpu_pipeline_get(device, &params, &pipeline, error));
  struct affine_push push = { 4, 1.0f };
  struct gpu_binding bindings[2][3] = { { affine.bindings[0], affine.bindings[1], affine.bindings[2] },
                                        { affine.bindings[1], affine.bindings[0], affine.bindings[2] } };
  for (int i = 0; i < 500; i++) {
    CHECK_OK(gpu_commands_dispatch(affine.commands, pipeline, bindings[i % 2], 3, &push, sizeof push, 1, 1, 1, error));
    gpu_commands_barrier(affine.commands);
  }
  CHECK_OK(gpu_commands_dispatch(affine.commands, pipeline, affine.bindings, 3, &push, sizeof push, 0, 1, 1, error));
  CHECK_OK(gpu_commands_end(affine.commands, error));
  for (int turn = 0; turn < 2; turn++)
    CHECK_OK(gpu_commands_submit(affine.commands, error));
  CHECK_OK(gpu_commands_wait(affine.commands, error));
  float result[4];
  CHECK_OK(gpu_buffer_read(affine.source, 0, result, sizeof result, error));
  for (int i = 0; i < 4; i++)
    CHECK(result[i] == (float)(1 + i) + 2 * 500 * 1.5f);
  affine_finish(&affine);
}

static void
test_subgroup_size(struct gpu_device *device)
{
  const struct gpu_capabilities *c = gpu_device_capabilities(device);
  struct gpu_buffer *result;
  CHECK_OK(gpu_buffer_create(device, 4, GPU_MEMORY_READBACK, &result, error));
  const enum gpu_binding_type types[] = { GPU_BINDING_STORAGE };
  const struct gpu_binding bindings[] = { { .buffer = result } };
  for (uint32_t size = c->subgroup_size_min; size <= c->subgroup_size_max; size *= 2) {
    const struct gpu_pipeline_params params = {
      .name = "subgroup",
      .spirv = subgroup_spirv,
      .spirv_bytes = sizeof subgroup_spirv,
      .bindings = types,
      .binding_count = 1,
      .constants = &size,
      .constant_count = 1,
      .required_subgroup_size = size,
    };
    struct gpu_pipeline *pipeline;
    struct gpu_commands *commands;
    CHECK_OK(gpu_pipeline_get(device, &params, &pipeline, error));
    CHECK_OK(gpu_commands_create(device, &commands, error));
    CHECK_OK(gpu_commands_dispatch(commands, pipeline, bindings, 1, NULL, 0, 1, 1, 1, error));
    CHECK_OK(gpu_commands_end(commands, error));
    CHECK_OK(gpu_commands_submit(commands, error));
    CHECK_OK(gpu_commands_wait(commands, error));
    CHECK(*(const uint32_t *)gpu_buffer_map(result) == size);
    gpu_commands_destroy(&commands);
  }
  uint32_t odd = 3;
  const struct gpu_pipeline_params refused = {
    .name = "subgroup",
    .spirv = subgroup_spirv,
    .spirv_bytes = sizeof subgroup_spirv,
    .bindings = types,
    .binding_count = 1,
    .constants = &odd,
    .constant_count = 1,
    .required_subgroup_size = 3,
  };
  struct gpu_pipeline *pipeline;
  CHECK_FAILS(gpu_pipeline_get(device, &refused, &pipeline, error), COMPUTE_ERROR_LIMIT, "subgroups of 3");
  gpu_buffer_destroy(&result);
}

static void
test_refused_shaders(struct gpu_device *device)
{
  const struct gpu_capabilities *c = gpu_device_capabilities(device);
  struct gpu_pipeline *pipeline;
  uint32_t constants[2] = { c->max_workgroup_size[0] + 1, 0 };
  struct gpu_pipeline_params params = affine_params(constants);
  CHECK_FAILS(gpu_pipeline_get(device, &params, &pipeline, error), COMPUTE_ERROR_LIMIT, "shader affine: a workgroup");
  constants[0] = 0;
  CHECK_FAILS(gpu_pipeline_get(device, &params, &pipeline, error), COMPUTE_ERROR_LIMIT, "a workgroup of 0×1×1");
  constants[0] = 8;
  params.push_constant_bytes = c->max_push_constant_bytes + 4;
  CHECK_FAILS(gpu_pipeline_get(device, &params, &pipeline, error), COMPUTE_ERROR_LIMIT, "push constants");
  params.push_constant_bytes = sizeof(struct affine_push);
  params.binding_count = GPU_MAX_BINDINGS + 1;
  CHECK_FAILS(gpu_pipeline_get(device, &params, &pipeline, error), COMPUTE_ERROR_LIMIT, "bindings");
  params.binding_count = 3;
  /* No truncation of a module may be read past its end; those without a whole entry point are refused. */
  uint32_t *copy = malloc(sizeof affine_spirv);
  for (size_t words = 0; words < 16; words++) {
    uint32_t *exact = malloc(words ? words * 4 : 1);
    memcpy(exact, affine_spirv, words * 4);
    params.spirv = exact;
    params.spirv_bytes = words * 4;
    CHECK_FAILS(gpu_pipeline_get(device, &params, &pipeline, error), COMPUTE_ERROR_UNSUPPORTED, "not a SPIR-V");
    free(exact);
  }
  memcpy(copy, affine_spirv, sizeof affine_spirv);
  copy[0] ^= 1;
  params.spirv = copy;
  params.spirv_bytes = sizeof affine_spirv;
  CHECK_FAILS(gpu_pipeline_get(device, &params, &pipeline, error), COMPUTE_ERROR_UNSUPPORTED, "not a SPIR-V");
  free(copy);
  CHECK(pipeline == NULL);
}

static void
check_refused_dispatch(struct gpu_device *device, const struct gpu_binding bindings[3], uint32_t x, const char *words)
{
  const uint32_t constants[2] = { 8, float_bits(1.0f) };
  struct gpu_pipeline_params params = affine_params(constants);
  struct gpu_pipeline *pipeline;
  struct gpu_commands *commands;
  CHECK_OK(gpu_pipeline_get(device, &params, &pipeline, error));
  CHECK_OK(gpu_commands_create(device, &commands, error));
  struct affine_push push = { 1, 0 };
  CHECK_FAILS(gpu_commands_dispatch(commands, pipeline, bindings, 3, &push, sizeof push, x, 1, 1, error),
              COMPUTE_ERROR_LIMIT, words);
  /* The first error stays. */
  CHECK_FAILS(gpu_commands_dispatch(commands, pipeline, bindings, 3, &push, sizeof push, 1, 1, 1, error),
              COMPUTE_ERROR_LIMIT, words);
  CHECK_FAILS(gpu_commands_end(commands, error), COMPUTE_ERROR_LIMIT, words);
  gpu_commands_destroy(&commands);
}

/* Under limits lowered by hand, so that any device can be asked too much. */
static void
test_refused_dispatches(void)
{
  struct gpu_device *device = open_device(NULL, NULL);
  struct gpu_capabilities clamp = *gpu_device_capabilities(device);
  gpu_device_close(&device);
  clamp.max_workgroup_count[0] = 100;
  clamp.max_storage_buffer_bytes = 4096;
  clamp.max_texel_buffer_elements = 64;
  clamp.max_allocation_bytes = 1 << 20;
  clamp.type = GPU_DEVICE_OTHER;
  clamp.subgroup_shuffle = false;
  device = open_device(NULL, &clamp);
  CHECK(gpu_device_capabilities(device)->type == GPU_DEVICE_OTHER);
  CHECK(!gpu_device_capabilities(device)->subgroup_shuffle);
  uint64_t storage_alignment = clamp.storage_buffer_alignment;
  uint64_t texel_alignment = clamp.texel_buffer_alignment;

  struct gpu_buffer *small, *large = NULL;
  CHECK_OK(gpu_buffer_create(device, 2048, GPU_MEMORY_DEVICE, &small, error));
  CHECK_FAILS(gpu_buffer_create(device, (1 << 20) + 1, GPU_MEMORY_DEVICE, &large, error), COMPUTE_ERROR_LIMIT,
              "larger than");
  CHECK_OK(gpu_buffer_create(device, 1 << 20, GPU_MEMORY_DEVICE, &large, error));
  const struct gpu_binding ok = { .buffer = small }, texels = { .buffer = small, .bytes = 1024 };
  check_refused_dispatch(device, (struct gpu_binding[]){ ok, ok, texels }, 101, "101×1×1 workgroups");
  check_refused_dispatch(device, (struct gpu_binding[]){ ok, { .buffer = large }, texels }, 1, "binding 1");
  check_refused_dispatch(device, (struct gpu_binding[]){ { large, 0, 4100 }, ok, texels }, 1, "at most 4096");
  check_refused_dispatch(device, (struct gpu_binding[]){ { small, 2048, 0 }, ok, texels }, 1, "binding 0");
  check_refused_dispatch(device, (struct gpu_binding[]){ { small, 0, 2049 }, ok, texels }, 1, "buffer of 2048");
  check_refused_dispatch(device, (struct gpu_binding[]){ ok, ok, { small, 0, 1040 } }, 1, "65 texels");
  check_refused_dispatch(device, (struct gpu_binding[]){ ok, ok, { small, 0, 20 } }, 1, "not whole texels");
  if (storage_alignment > 4)
    check_refused_dispatch(device, (struct gpu_binding[]){ { small, 4, 4 }, ok, texels }, 1, "not a multiple");
  if (texel_alignment > 4)
    check_refused_dispatch(device, (struct gpu_binding[]){ ok, ok, { small, 4, 16 } }, 1, "not a multiple");
  gpu_buffer_destroy(&small);
  gpu_buffer_destroy(&large);
  gpu_device_close(&device);
}

static void
test_shortage(struct gpu_device *device)
{
  struct gpu_memory_use before = gpu_device_memory_use(device);
  gpu_device_inject_shortage(device, before.allocated_bytes + (8 << 20));
  struct gpu_buffer *buffer = NULL, *small = NULL;
  CHECK_FAILS(gpu_buffer_create(device, 100 << 20, GPU_MEMORY_DEVICE, &buffer, error), COMPUTE_ERROR_OUT_OF_MEMORY,
              "no room");
  CHECK(buffer == NULL);
  /* What still fits is still given, though no whole block could be had. */
  CHECK_OK(gpu_buffer_create(device, 7 << 20, GPU_MEMORY_DEVICE, &small, error));
  gpu_buffer_destroy(&small);
  gpu_device_inject_shortage(device, UINT64_MAX);
  CHECK_OK(gpu_buffer_create(device, 100 << 20, GPU_MEMORY_DEVICE, &buffer, error));
  gpu_buffer_destroy(&buffer);
  CHECK(gpu_device_memory_use(device).used_bytes == before.used_bytes);
}

static void
test_loss_is_sticky(void)
{
  struct gpu_device *device = open_device(directory, NULL);
  struct affine affine;
  affine_init(&affine, device, 16);
  const uint32_t constants[2] = { 8, float_bits(1.0f) };
  struct gpu_pipeline_params params = affine_params(constants);
  struct gpu_pipeline *pipeline;
  CHECK_OK(gpu_pipeline_get(device, &params, &pipeline, error));
  struct affine_push push = { 16, 0 };
  CHECK_OK(gpu_commands_dispatch(affine.commands, pipeline, affine.bindings, 3, &push, sizeof push, 2, 1, 1, error));
  CHECK_OK(gpu_commands_end(affine.commands, error));
  CHECK_OK(gpu_commands_submit(affine.commands, error));
  gpu_device_inject_loss(device);
  struct gpu_buffer *buffer;
  struct gpu_commands *commands;
  uint8_t byte = 0;
  for (int turn = 0; turn < 2; turn++) {
    CHECK_FAILS(gpu_commands_wait(affine.commands, error), COMPUTE_ERROR_DEVICE_LOST, "stopped working");
    CHECK_FAILS(gpu_commands_submit(affine.commands, error), COMPUTE_ERROR_DEVICE_LOST, "stopped working");
    CHECK_FAILS(gpu_buffer_create(device, 16, GPU_MEMORY_DEVICE, &buffer, error), COMPUTE_ERROR_DEVICE_LOST, "");
    CHECK_FAILS(gpu_buffer_write(affine.source, 0, &byte, 1, error), COMPUTE_ERROR_DEVICE_LOST, "");
    CHECK_FAILS(gpu_buffer_read(affine.source, 0, &byte, 1, error), COMPUTE_ERROR_DEVICE_LOST, "");
    CHECK_FAILS(gpu_pipeline_get(device, &params, &pipeline, error), COMPUTE_ERROR_DEVICE_LOST, "");
    CHECK_FAILS(gpu_commands_create(device, &commands, error), COMPUTE_ERROR_DEVICE_LOST, "");
    CHECK_FAILS(gpu_device_save_cache(device, error), COMPUTE_ERROR_DEVICE_LOST, "");
  }
  affine_finish(&affine);
  gpu_device_close(&device);
  /* The way out. */
  device = open_device(NULL, NULL);
  check_round_trip(device, GPU_MEMORY_DEVICE, 100);
  gpu_device_close(&device);
}

/* The only file in the test's directory, or "" where it is empty. */
static void
find_cache(char path[PATH_MAX])
{
  path[0] = '\0';
  DIR *listing = opendir(directory);
  CHECK(listing);
  for (struct dirent *entry; (entry = readdir(listing));)
    if (entry->d_name[0] != '.') {
      CHECK(path[0] == '\0');
      snprintf(path, PATH_MAX, "%s/%s", directory, entry->d_name);
    }
  closedir(listing);
}

static void
run_with_cache(void)
{
  struct gpu_device *device = open_device(directory, NULL);
  test_dispatch(device);
  CHECK_OK(gpu_device_save_cache(device, error));
  gpu_device_close(&device);
}

static void
test_cache(void)
{
  char path[PATH_MAX];
  find_cache(path);
  if (path[0])
    unlink(path);
  run_with_cache();
  find_cache(path);
  CHECK(path[0]);
  struct stat info;
  CHECK(stat(path, &info) == 0 && info.st_size > 24);
  uint8_t *good = malloc((size_t)info.st_size);
  int file = open(path, O_RDONLY);
  CHECK(read(file, good, (size_t)info.st_size) == info.st_size);
  close(file);
  run_with_cache();

  /* Cut off at several places, each part of the header changed, the content changed, and grown: all as if empty. */
  for (int damage = 0; damage < 8; damage++) {
    uint8_t *bad = malloc((size_t)info.st_size);
    memcpy(bad, good, (size_t)info.st_size);
    off_t length = info.st_size;
    if (damage < 3)
      length = damage * 20;
    else if (damage < 7)
      bad[(damage - 3) * 8] ^= 0x40;
    else
      bad[info.st_size - 1] ^= 1;
    file = open(path, O_WRONLY | O_TRUNC);
    CHECK(write(file, bad, (size_t)length) == length);
    close(file);
    free(bad);
    run_with_cache();
    struct stat now;
    CHECK(stat(path, &now) == 0 && now.st_size >= 24);
  }
  free(good);
  find_cache(path); /* nothing was left beside it */

  /* A place that cannot be written to is not fatal; saving says so. */
  char beneath[PATH_MAX];
  CHECK(snprintf(beneath, sizeof beneath, "%s/folder", path) < PATH_MAX);
  struct gpu_device *device = open_device(beneath, NULL);
  test_dispatch(device);
  CHECK_FAILS(gpu_device_save_cache(device, error), COMPUTE_ERROR_IO, "cannot be written");
  gpu_device_close(&device);
  unlink(path);
}

struct compiler {
  pthread_t thread;
  struct gpu_device *device;
  struct gpu_pipeline *pipelines[8];
};

static void *
compile_all(void *user)
{
  struct compiler *compiler = user;
  for (int i = 0; i < 8; i++) {
    const uint32_t constants[2] = { 4, float_bits((float)(i + 10)) };
    struct gpu_pipeline_params params = affine_params(constants);
    CHECK_OK(gpu_pipeline_get(compiler->device, &params, &compiler->pipelines[i], error));
  }
  return NULL;
}

static void
test_concurrent_pipelines(struct gpu_device *device)
{
  struct compiler compilers[4];
  for (int i = 0; i < 4; i++) {
    compilers[i].device = device;
    CHECK(pthread_create(&compilers[i].thread, NULL, compile_all, &compilers[i]) == 0);
  }
  for (int i = 0; i < 4; i++)
    pthread_join(compilers[i].thread, NULL);
  for (int i = 1; i < 4; i++)
    CHECK(memcmp(compilers[0].pipelines, compilers[i].pipelines, sizeof compilers[0].pipelines) == 0);
}

/* The layer is really there: it must speak of two fills of the same bytes without a barrier. */
static unsigned heard;

static void
hear(void *user, int severity, const char *message)
{
  CHECK(user == &heard && severity != GPU_SEVERITY_INFO && message[0]);
  heard++;
}

static void
test_validation_speaks(void)
{
  struct gpu_instance *good = instance;
  struct gpu_instance_params params = { .validation = true, .log = hear, .user = &heard };
  CHECK_OK(gpu_instance_create(&params, &instance, error));
  struct gpu_device *device = open_device(NULL, NULL);
  struct gpu_buffer *buffer;
  struct gpu_commands *commands;
  CHECK_OK(gpu_buffer_create(device, 64, GPU_MEMORY_DEVICE, &buffer, error));
  CHECK_OK(gpu_commands_create(device, &commands, error));
  gpu_commands_fill(commands, buffer, 0, 64, 1);
  CHECK(gpu_instance_validation_messages(instance) == 0);
  gpu_commands_fill(commands, buffer, 0, 64, 2);
  CHECK_OK(gpu_commands_end(commands, error));
  CHECK(gpu_instance_validation_messages(instance) > 0 && heard >= gpu_instance_validation_messages(instance));
  gpu_commands_destroy(&commands);
  gpu_buffer_destroy(&buffer);
  gpu_device_close(&device);
  gpu_instance_destroy(&instance);
  instance = good;
}

/* ---- Without Vulkan: this program runs itself where there is no driver, or no loader ------------------------------- */

static int
start_without(const char *words)
{
  struct gpu_instance *none = NULL;
  struct compute_error error = { 0 };
  enum compute_status status = gpu_instance_create(NULL, &none, &error);
  if (status == COMPUTE_OK) {
    struct gpu_device *device = NULL;
    if (gpu_instance_device_count(none) != 0)
      return 2;
    status = gpu_device_open(none, NULL, &device, &error);
    gpu_instance_destroy(&none);
    if (status != COMPUTE_ERROR_NO_DEVICE)
      return 3;
  } else if (status != COMPUTE_ERROR_NO_VULKAN) {
    return 4;
  }
  printf("%s\n", error.message);
  return strstr(error.message, words) && strstr(error.message, "mesa-vulkan-drivers") && !none ? 0 : 5;
}

static void
check_starts_without(const char *variable, const char *value, const char *words)
{
  fflush(stdout);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    setenv(variable, value, 1);
    unsetenv("SACCADE_VALIDATION");
    unsetenv("VK_DRIVER_FILES");
    execl("/proc/self/exe", "gpu-test", "--without", words, NULL);
    _exit(99);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
test_without_vulkan(void)
{
  check_starts_without("VK_ICD_FILENAMES", "/nowhere/at/all.json", "no Vulkan d");
  /* A loader that is no library hides the real one. */
  char paths[2][PATH_MAX];
  const char *names[2] = { "libvulkan.so.1", "libvulkan.so" };
  for (int i = 0; i < 2; i++) {
    snprintf(paths[i], PATH_MAX, "%s/%s", directory, names[i]);
    FILE *file = fopen(paths[i], "w");
    CHECK(file && fputs("not a library", file) >= 0 && fclose(file) == 0);
  }
  check_starts_without("LD_LIBRARY_PATH", directory, "there is no Vulkan on this machine");
  for (int i = 0; i < 2; i++)
    unlink(paths[i]);
}

int
main(int argc, char **argv)
{
  if (argc == 3 && strcmp(argv[1], "--without") == 0)
    return start_without(argv[2]);
  CHECK(mkdtemp(directory));
  test_without_vulkan();

  struct compute_error error = { 0 };
  struct gpu_instance_params params = { .validation = true };
  enum compute_status status = gpu_instance_create(&params, &instance, &error);
  bool validation = status == COMPUTE_OK;
  if (status == COMPUTE_ERROR_UNSUPPORTED) {
    fprintf(stderr, "%s\n", error.message);
    unsetenv("SACCADE_VALIDATION");
    status = gpu_instance_create(NULL, &instance, &error);
  }
  if (status != COMPUTE_OK) {
    fprintf(stderr, "skipped: %s\n", error.message);
    rmdir(directory);
    return 77;
  }
  test_devices_are_listed();
  test_choice();
  struct gpu_device *device = open_device(NULL, NULL);
  test_buffers(device);
  test_parts(device);
  test_many_small_buffers(device);
  test_copy_and_fill(device);
  test_dispatch(device);
  test_many_dispatches(device);
  test_subgroup_size(device);
  test_refused_shaders(device);
  test_shortage(device);
  test_concurrent_pipelines(device);
  gpu_device_close(&device);

  /* The ways of a card with memory of its own, which a machine with one memory can go too. */
  struct gpu_device *plain = open_device(NULL, NULL);
  struct gpu_capabilities clamp = *gpu_device_capabilities(plain);
  gpu_device_close(&plain);
  clamp.unified_memory = false;
  device = open_device(NULL, &clamp);
  test_buffers(device);
  test_parts(device);
  test_copy_and_fill(device);
  test_dispatch(device);
  gpu_device_close(&device);

  test_refused_dispatches();
  test_loss_is_sticky();
  test_cache();
  if (validation)
    test_validation_speaks();
  CHECK(gpu_instance_validation_messages(instance) == 0);
  gpu_instance_destroy(&instance);
  CHECK(instance == NULL);
  CHECK(rmdir(directory) == 0);
  printf("all well\n");
  return 0;
}
