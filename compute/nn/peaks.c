/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

#include <time.h>

#define TURNS 2048
#define OPERATIONS (384.0 * TURNS * NN_GROUP_SIZE) /* of a workgroup */
#define MOST_GROUPS 65535u                         /* every device takes so many */
#define COPY_BYTES ((uint64_t)64 << 20)
#define RUNS 5
#define LONG_ENOUGH 0.02 /* seconds, beside which starting does not count */

static double
now(void)
{
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* The shortest of some runs, and one before them. */
static enum compute_status
time_commands(struct gpu_commands *commands, double *seconds, struct compute_error *error)
{
  enum compute_status status = gpu_commands_end(commands, error);

  for (int run = -1; status == COMPUTE_OK && run < RUNS; run++) {
    const double begin = now();

    status = gpu_commands_submit(commands, error);
    if (status == COMPUTE_OK)
      status = gpu_commands_wait(commands, error);
    const double taken = now() - begin;
    if (run <= 0 || taken < *seconds)
      *seconds = taken;
  }
  return status;
}

static enum compute_status
time_arithmetic(struct gpu_device *device, struct gpu_buffer *buffer, uint32_t groups, double *seconds,
                struct compute_error *error)
{
  static const enum gpu_binding_type types[] = { GPU_BINDING_STORAGE };
  const struct {
    float factor, summand;
    uint32_t turns;
  } push = { 0.999f, 0.001f, TURNS };
  const struct gpu_binding binding = { .buffer = buffer };
  struct gpu_pipeline *pipeline;
  struct gpu_commands *commands = NULL;
  enum compute_status status = gpu_pipeline_get(device,
                                                &(struct gpu_pipeline_params){
                                                    .name = shader_peak.name,
                                                    .spirv = shader_peak.spirv,
                                                    .spirv_bytes = shader_peak.bytes,
                                                    .bindings = types,
                                                    .binding_count = 1,
                                                    .push_constant_bytes = sizeof push,
                                                },
                                                &pipeline, error);

  if (status == COMPUTE_OK)
    status = gpu_commands_create(device, &commands, error);
  if (status == COMPUTE_OK)
    status = gpu_commands_dispatch(commands, pipeline, &binding, 1, &push, sizeof push, groups, 1, 1, error);
  if (status == COMPUTE_OK)
    status = time_commands(commands, seconds, error);
  gpu_commands_destroy(&commands);
  return status;
}

static enum compute_status
measure_operations(struct gpu_device *device, double *operations, struct compute_error *error)
{
  struct gpu_buffer *buffer = NULL;
  double seconds = 0;
  enum compute_status status = gpu_buffer_create(device, 16, GPU_MEMORY_DEVICE, &buffer, error);

  for (uint32_t groups = 64; status == COMPUTE_OK && seconds < LONG_ENOUGH && groups <= MOST_GROUPS; groups *= 4) {
    status = time_arithmetic(device, buffer, groups, &seconds, error);
    *operations = OPERATIONS * groups / seconds;
  }
  gpu_buffer_destroy(&buffer);
  return status;
}

static enum compute_status
measure_bytes(struct gpu_device *device, double *bytes, struct compute_error *error)
{
  struct gpu_buffer *from = NULL, *to = NULL;
  struct gpu_commands *commands = NULL;
  double seconds = 0;
  enum compute_status status = gpu_buffer_create(device, COPY_BYTES, GPU_MEMORY_DEVICE, &from, error);

  if (status == COMPUTE_OK)
    status = gpu_buffer_create(device, COPY_BYTES, GPU_MEMORY_DEVICE, &to, error);
  if (status == COMPUTE_OK)
    status = gpu_commands_create(device, &commands, error);
  if (status == COMPUTE_OK) {
    gpu_commands_copy(commands, from, 0, to, 0, COPY_BYTES);
    status = time_commands(commands, &seconds, error);
  }
  if (status == COMPUTE_OK)
    *bytes = 2.0 * (double)COPY_BYTES / seconds;
  gpu_commands_destroy(&commands);
  gpu_buffer_destroy(&to);
  gpu_buffer_destroy(&from);
  return status;
}

enum compute_status
nn_measure_peaks(struct gpu_device *device, struct nn_peaks *peaks, struct compute_error *error)
{
  enum compute_status status = measure_operations(device, &peaks->operations, error);

  return status == COMPUTE_OK ? measure_bytes(device, &peaks->bytes, error) : status;
}
