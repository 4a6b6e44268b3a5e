/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * How fast the matrix product of nn_linear() is: GFLOP/s of the kernel that the planner chose, at the sizes that the networks
 * have or at those of the command line, each checked against plain C.
 *
 *     matmul [ROWS WIDTH OUTPUTS]…
 */

#include <stdio.h>
#include <stdlib.h>

#include "compute/nn/nn.h"

#define TURNS 7
#define SAMPLES 500

struct size {
  int64_t rows, width, outputs;
  const char *what;
};

static const struct size sizes[] = {
  { 50, 768, 2304, "ViT-B/32, queries, keys and values, 1 picture" },
  { 400, 768, 2304, "the same, 8 pictures" },
  { 400, 768, 768, "ViT-B/32, after attention, 8 pictures" },
  { 400, 768, 3072, "ViT-B/32, first of the perceptron, 8 pictures" },
  { 400, 3072, 768, "ViT-B/32, second of the perceptron, 8 pictures" },
  { 37632, 32, 16, "EfficientNet-Lite0, 112 × 112, 3 crops" },
  { 37632, 16, 96, "EfficientNet-Lite0, 112 × 112, 3 crops" },
  { 9408, 144, 24, "EfficientNet-Lite0, 56 × 56, 3 crops" },
  { 588, 480, 80, "EfficientNet-Lite0, 14 × 14, 3 crops" },
  { 147, 1152, 192, "EfficientNet-Lite0, 7 × 7, 3 crops" },
};

static void
check(enum compute_status status, const struct compute_error *error)
{
  if (status == COMPUTE_OK)
    return;
  fprintf(stderr, "%s\n", error->message);
  exit(status == COMPUTE_ERROR_NO_VULKAN || status == COMPUTE_ERROR_NO_DEVICE ? 77 : 1);
}

static float *
random_values(int64_t count)
{
  static uint32_t state = 1;
  float *values = malloc((size_t)count * sizeof *values);

  if (values == NULL)
    exit(1);
  for (int64_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    values[i] = (float)(state >> 8) / (1 << 23) - 1;
  }
  return values;
}

/* The mean squared difference over the mean square at some places, the last one among them. */
static double
nmse(const struct size *size, const float *x, const float *w, const float *y)
{
  double difference = 0, square = 0;

  for (int i = 0; i < SAMPLES; i++) {
    int64_t at = i == 0 ? size->rows * size->outputs - 1 : (int64_t)i * 7919 % (size->rows * size->outputs);
    double sum = 0;

    for (int64_t k = 0; k < size->width; k++)
      sum += (double)x[at / size->outputs * size->width + k] * w[at % size->outputs * size->width + k];
    difference += (y[at] - sum) * (y[at] - sum);
    square += sum * sum;
  }
  return difference / square;
}

static int
compare(const void *a, const void *b)
{
  double one = *(const double *)a, other = *(const double *)b;

  return one < other ? -1 : one > other;
}

static int
measure(struct gpu_device *device, const struct size *size)
{
  struct compute_error error;
  struct nn_weights *weights;
  struct nn_plan *plan;
  struct nn_weights_params params = { .storage = NN_F32 };
  struct nn_shape shape = { .dims = { size->outputs, size->width }, .rank = 2 };
  float *x = random_values(size->rows * size->width), *w = random_values(size->outputs * size->width);
  float *y = malloc((size_t)(size->rows * size->outputs) * sizeof *y);
  double times[TURNS];
  const struct nn_op_time *profile = NULL;

  check(nn_weights_create(device, NULL, &params, &weights, &error), &error);
  check(nn_weights_add(weights, "w", NN_F32, &shape, w, &error), &error);
  struct nn_graph *graph = nn_graph_create(weights);
  nn_tensor input = nn_input(graph, "x", NN_F32, 2, (int64_t[]){ size->rows, size->width });
  nn_tensor weight = nn_weight(graph, 2, (int64_t[]){ size->outputs, size->width }, "w");
  nn_output(graph, nn_linear(graph, input, weight, NULL), "y");
  check(nn_plan_create(graph, &(struct nn_plan_params){ .profile = true }, &plan, &error), &error);
  nn_graph_destroy(&graph);
  check(nn_plan_write(plan, "x", x, (size_t)(size->rows * size->width) * sizeof *x, &error), &error);
  check(nn_plan_run(plan, &error), &error);
  for (int i = 0; i < TURNS; i++) {
    times[i] = 0;
    check(nn_plan_run(plan, &error), &error);
    for (size_t op = 0; op < nn_plan_profile(plan, &profile); op++)
      times[i] += profile[op].seconds;
  }
  qsort(times, TURNS, sizeof *times, compare);
  check(nn_plan_read(plan, "y", y, (size_t)(size->rows * size->outputs), &error), &error);
  double wrong = nmse(size, x, w, y),
         operations = 2.0 * (double)size->rows * (double)size->width * (double)size->outputs;
  printf("%6lld × %4lld · %4lld  %-6s %8.2f ms %7.1f GFLOP/s  NMSE %.0e  %s\n", (long long)size->rows,
         (long long)size->width, (long long)size->outputs, profile[0].kernel, times[TURNS / 2] * 1e3,
         times[TURNS / 2] > 0 ? operations / times[TURNS / 2] * 1e-9 : 0, wrong, size->what ? size->what : "");
  nn_plan_destroy(&plan);
  nn_weights_destroy(&weights);
  free(x);
  free(w);
  free(y);
  return wrong < 1e-9;
}

int
main(int argc, char **argv)
{
  struct compute_error error;
  struct gpu_instance *instance;
  struct gpu_device *device;
  const char *index = getenv("SACCADE_DEVICE");
  struct gpu_device_params params = { .choice = { .index = index != NULL ? atoi(index) : -1 } };
  int good = 1;

  if ((argc - 1) % 3 != 0) {
    fprintf(stderr, "usage: matmul [ROWS WIDTH OUTPUTS]…\n");
    return 2;
  }
  check(gpu_instance_create(NULL, &instance, &error), &error);
  check(gpu_device_open(instance, &params, &device, &error), &error);
  printf("%s, median of %d\n", gpu_device_get_info(device)->name, TURNS);
  for (int i = 1; i + 2 < argc; i += 3) {
    struct size size = { atoll(argv[i]), atoll(argv[i + 1]), atoll(argv[i + 2]), NULL };

    if (size.rows < 1 || size.width < 1 || size.outputs < 1) {
      fprintf(stderr, "matmul: sizes are positive numbers\n");
      return 2;
    }
    good &= measure(device, &size);
  }
  if (argc == 1)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      good &= measure(device, &sizes[i]);
  gpu_device_close(&device);
  gpu_instance_destroy(&instance);
  return good ? 0 : 1;
}
