/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/compute/nn/nn-testing.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

struct gpu_instance *testing_instance;
struct gpu_device *testing_device;
bool testing_may_refuse;
unsigned testing_refused;
enum nn_type testing_storage;

/* From the environment: how weights are stored ("fp16", "int8"), and whether a device in software is to be taken for a GPU, so that
   kernels for those run too. */
static void
read_environment(const struct gpu_device_params *params, struct compute_error *error)
{
  const char *storage = getenv("TESTING_WEIGHTS");
  struct gpu_capabilities capabilities = *gpu_device_capabilities(testing_device);
  struct gpu_device_params as_gpu = *params;

  if (storage != NULL)
    testing_storage = strcmp(storage, "int8") == 0 ? NN_I8 : strcmp(storage, "fp16") == 0 ? NN_F16 : NN_F32;
  if (getenv("TESTING_AS_GPU") == NULL)
    return;
  capabilities.type = GPU_DEVICE_DISCRETE;
  if (testing_storage == NN_I8 && !capabilities.cooperative_matrix_khr && !capabilities.cooperative_matrix_nv)
    capabilities.matrix_shape = (struct gpu_matrix_shape){ 8, 16, 16 }; /* the other one that devices have */
  as_gpu.clamp = &capabilities;
  gpu_device_close(&testing_device);
  CHECK(gpu_device_open(testing_instance, &as_gpu, &testing_device, error) == COMPUTE_OK);
}

void
testing_open(const struct gpu_capabilities *clamp)
{
  struct compute_error error = { 0 };
  const char *index = getenv("SACCADE_DEVICE");
  struct gpu_device_params params = { .choice = { .index = index != NULL ? atoi(index) : -1 }, .clamp = clamp };
  enum compute_status status =
      gpu_instance_create(&(struct gpu_instance_params){ .validation = true }, &testing_instance, &error);

  if (status == COMPUTE_ERROR_UNSUPPORTED) {
    fprintf(stderr, "without validation: %s\n", error.message);
    status = gpu_instance_create(NULL, &testing_instance, &error);
  }
  if (status == COMPUTE_OK)
    status = gpu_device_open(testing_instance, &params, &testing_device, &error);
  if (status == COMPUTE_ERROR_NO_VULKAN || status == COMPUTE_ERROR_NO_DEVICE) {
    fprintf(stderr, "skipped: %s\n", error.message);
    exit(77);
  }
  if (status != COMPUTE_OK) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  if (clamp == NULL)
    read_environment(&params, &error);
}

void
testing_close(void)
{
  gpu_device_close(&testing_device);
  CHECK(gpu_instance_validation_messages(testing_instance) == 0);
  gpu_instance_destroy(&testing_instance);
}

void
testing_open_lowered(void (*lower)(struct gpu_capabilities *capabilities))
{
  struct gpu_capabilities clamp;

  testing_open(NULL);
  clamp = *gpu_device_capabilities(testing_device);
  lower(&clamp);
  testing_close();
  testing_open(&clamp);
}

/* xorshift64* (Vigna 2016) */
static uint64_t
next_random(void)
{
  static uint64_t state = 88172645463325252u;

  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return state * 2685821657736338717u;
}

float
testing_random(void)
{
  return (float)((double)(next_random() >> 11) / 4503599627370496.0 - 1.0);
}

int64_t
testing_integer(int64_t bound)
{
  return (int64_t)((next_random() >> 16) % (uint64_t)bound);
}

void
case_begin(struct testing_case *c)
{
  struct compute_error error;

  memset(c, 0, sizeof *c);
  if (nn_weights_create(testing_device, NULL, &(struct nn_weights_params){ .storage = testing_storage }, &c->weights,
                        &error) != COMPUTE_OK) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  c->graph = nn_graph_create(c->weights);
  CHECK(c->graph != NULL);
}

void
case_end(struct testing_case *c)
{
  nn_graph_destroy(&c->graph);
  nn_weights_destroy(&c->weights);
  for (unsigned i = 0; i < c->count; i++)
    free(c->values[i].data);
}

static size_t
elements_of(unsigned rank, const int64_t *dims)
{
  size_t elements = 1;

  for (unsigned i = 0; i < rank; i++)
    elements *= (size_t)dims[i];
  return elements;
}

static void *
keep(struct testing_case *c, const char *name, size_t elements, bool is_input)
{
  void *data = malloc(elements * 4);

  CHECK(data != NULL && c->count < CASE_MAX_VALUES);
  snprintf(c->values[c->count].name, sizeof c->values[c->count].name, "%s", name);
  c->values[c->count].data = data;
  c->values[c->count].bytes = elements * 4;
  c->values[c->count++].is_input = is_input;
  return data;
}

static float *
random_values(struct testing_case *c, const char *name, unsigned rank, const int64_t *dims, bool is_input)
{
  size_t elements = elements_of(rank, dims);
  float *values = keep(c, name, elements, is_input);

  /* Half precision holds these exactly, so that the arithmetic is tested as strictly as with whole floats. */
  for (size_t i = 0; i < elements; i++)
    values[i] = testing_storage == NN_F16 ? floorf(testing_random() * 512) / 512 : testing_random();
  return values;
}

nn_tensor
case_input(struct testing_case *c, const char *name, unsigned rank, const int64_t *dims, const float **data)
{
  *data = random_values(c, name, rank, dims, true);
  return nn_input(c->graph, name, NN_F32, rank, dims);
}

nn_tensor
case_weight(struct testing_case *c, const char *name, unsigned rank, const int64_t *dims, const float **data)
{
  struct nn_shape shape = { .rank = rank };
  struct compute_error error;

  memcpy(shape.dims, dims, rank * sizeof dims[0]);
  *data = random_values(c, name, rank, dims, false);
  CHECK(nn_weights_add(c->weights, name, NN_F32, &shape, *data, &error) == COMPUTE_OK);
  return nn_weight(c->graph, rank, dims, "%s", name);
}

nn_tensor
case_integers(struct testing_case *c, const char *name, unsigned rank, const int64_t *dims, int64_t low, int64_t high,
              const int32_t **data)
{
  size_t elements = elements_of(rank, dims);
  int32_t *values = keep(c, name, elements, true);

  for (size_t i = 0; i < elements; i++)
    values[i] = (int32_t)(low + testing_integer(high - low + 1));
  *data = values;
  return nn_input(c->graph, name, NN_I32, rank, dims);
}

static void
fail(const char *what, const struct compute_error *error)
{
  fprintf(stderr, "%s: %s\n", what, error->message);
  exit(1);
}

static void
run_plan(struct testing_case *c, struct nn_plan *plan, const char *output, float *out, size_t count)
{
  struct compute_error error = { 0 };

  for (unsigned i = 0; i < c->count; i++)
    if (c->values[i].is_input &&
        nn_plan_write(plan, c->values[i].name, c->values[i].data, c->values[i].bytes, &error) != COMPUTE_OK)
      fail(c->values[i].name, &error);
  if (nn_plan_run(plan, &error) != COMPUTE_OK || nn_plan_read(plan, output, out, count, &error) != COMPUTE_OK)
    fail(output, &error);
}

void
case_run(struct testing_case *c, const struct nn_plan_params *params, const char *output, float *out, size_t count)
{
  struct compute_error error = { 0 };
  struct nn_plan *plan;

  if (nn_plan_create(c->graph, params, &plan, &error) != COMPUTE_OK)
    fail("plan", &error);
  run_plan(c, plan, output, out, count);
  nn_plan_destroy(&plan);
}

double
testing_nmse(const float *got, const double *expected, size_t count)
{
  double difference = 0, power = 0;

  for (size_t i = 0; i < count; i++) {
    difference += (got[i] - expected[i]) * (got[i] - expected[i]);
    power += expected[i] * expected[i];
  }
  return difference == 0 ? 0 : difference / (power > 0 ? power : 1);
}

#define MAX_KERNELS 128
static struct {
  char name[64];
  unsigned runs;
  double worst;
} kernels[MAX_KERNELS];
static unsigned kernel_count;

static void
note_kernel(const char *name, double error)
{
  unsigned i;

  for (i = 0; i < kernel_count && strcmp(kernels[i].name, name) != 0; i++)
    ;
  CHECK(i < MAX_KERNELS);
  if (i == kernel_count)
    snprintf(kernels[kernel_count++].name, sizeof kernels[i].name, "%s", name);
  kernels[i].runs++;
  if (kernels[i].worst < error)
    kernels[i].worst = error;
}

void
testing_report(void)
{
  for (unsigned i = 0; i < kernel_count; i++)
    printf("  %-28s %4u cases, worst NMSE %.2g\n", kernels[i].name, kernels[i].runs, kernels[i].worst);
  if (testing_refused > 0)
    printf("%u refused, as larger than the device binds\n", testing_refused);
  memset(kernels, 0, sizeof kernels);
  kernel_count = testing_refused = 0;
}

void
case_check(struct testing_case *c, const char *op, const char *what, double *expected, size_t count, double tolerance)
{
  float *out = malloc(count * sizeof *out);
  const char *name;
  bool ran = false;

  CHECK(out != NULL && expected != NULL);
  /* A step of 8 bits is 1/127 of the row's greatest; rounding leaves a third of a quarter of its square. */
  if (testing_storage == NN_I8 && (strcmp(op, "linear") == 0 || strcmp(op, "conv2d") == 0))
    tolerance = 1e-4;
  for (size_t index = 0; (name = nn_kernel_name(index)) != NULL; index++) {
    struct compute_error error = { 0 };
    struct nn_plan *plan;
    enum compute_status status;
    double nmse;
    char kernel[64];

    if (strncmp(name, op, strlen(op)) != 0 || name[strlen(op)] != '/')
      continue;
    snprintf(kernel, sizeof kernel, "%s", name);
    status = nn_plan_create(c->graph, &(struct nn_plan_params){ .kernel = kernel }, &plan, &error);
    ran = status == COMPUTE_OK;
    if (status == COMPUTE_ERROR_UNSUPPORTED)
      continue;
    if (status == COMPUTE_ERROR_LIMIT && testing_may_refuse) {
      CHECK(error.message[0] != '\0');
      testing_refused++;
      ran = true;
      continue;
    }
    if (status != COMPUTE_OK)
      fail(what, &error);
    run_plan(c, plan, "y", out, count);
    nn_plan_destroy(&plan);
    nmse = testing_nmse(out, expected, count);
    if (!(nmse <= tolerance)) {
      fprintf(stderr, "%s by %s: NMSE %g is above %g\n", what, kernel, nmse, tolerance);
      for (size_t i = 0, shown = 0; i < count && shown < 8; i++)
        if (!(fabs(out[i] - expected[i]) <= 1e-4 * (1 + fabs(expected[i])))) {
          fprintf(stderr, "  element %zu of %zu: %g, not %g\n", i, count, out[i], expected[i]);
          shown++;
        }
      exit(1);
    }
    note_kernel(kernel, nmse);
  }
  if (!ran) {
    fprintf(stderr, "%s: the last kernel of %s must fit everything\n", what, op);
    exit(1);
  }
  free(out);
  free(expected);
  case_end(c);
}
