/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct nn_op nn_op_attention, nn_op_conv2d, nn_op_elementwise, nn_op_gather, nn_op_l2_normalize,
    nn_op_layer_norm, nn_op_linear, nn_op_matmul, nn_op_mean, nn_op_pool2d, nn_op_softmax;

struct nn_injected_fault nn_injected_fault;

/* Of the mean of the squared differences over that of the values: weights in half precision stay far below, and one wrong element
   among some thousands goes far above. */
#define TOLERANCE 1e-5
/* Of weights of 8 bits: a step is 1/127 of a row's greatest, and rounding leaves a third of a quarter of its square. */
#define TOLERANCE_INT8 1e-4

#define DIMS(...)   \
  (const int64_t[]) \
  {                 \
    __VA_ARGS__     \
  }
#define MAX_INPUTS 4
#define MAX_OPENINGS 8 /* of a device that is lost again and again */

/* A small graph with the output "y", and what its inputs hold. */
struct trial {
  struct nn_weights *weights;
  struct nn_graph *graph;
  struct nn_reference *reference;
  uint64_t state;
  double tolerance;
  unsigned weight_count, input_count;
  struct {
    char name[8];
    nn_tensor tensor;
    int64_t low, high; /* of integers */
  } inputs[MAX_INPUTS];
};

/* -1 … 1, by a linear congruential generator (Knuth 1997, section 3.3.4). */
static float
random_value(struct trial *t)
{
  t->state = t->state * 6364136223846793005u + 1442695040888963407u;
  return (float)(t->state >> 40) / (float)(1 << 23) - 1;
}

static nn_tensor
new_input(struct trial *t, enum nn_type type, unsigned rank, const int64_t *dims, int64_t low, int64_t high)
{
  unsigned i = t->input_count++;

  snprintf(t->inputs[i].name, sizeof t->inputs[i].name, "x%u", i);
  t->inputs[i].tensor = nn_input(t->graph, t->inputs[i].name, type, rank, dims);
  t->inputs[i].low = low;
  t->inputs[i].high = high;
  return t->inputs[i].tensor;
}

static nn_tensor
input(struct trial *t, unsigned rank, const int64_t *dims)
{
  return new_input(t, NN_F32, rank, dims, 0, 0);
}

static nn_tensor
integers(struct trial *t, unsigned rank, const int64_t *dims, int64_t low, int64_t high)
{
  return new_input(t, NN_I32, rank, dims, low, high);
}

static nn_tensor
weight(struct trial *t, unsigned rank, const int64_t *dims)
{
  struct nn_shape shape = { .rank = rank };
  struct compute_error error = { 0 };
  float *values;
  char name[8];

  memcpy(shape.dims, dims, rank * sizeof dims[0]);
  values = malloc((size_t)nn_elements(&shape) * sizeof *values);
  snprintf(name, sizeof name, "w%u", t->weight_count++);
  for (int64_t i = 0; values != NULL && i < nn_elements(&shape); i++)
    values[i] = random_value(t) / 4;
  if (values == NULL || nn_weights_add(t->weights, name, NN_F32, &shape, values, &error) != COMPUTE_OK)
    nn_graph_fail(t->graph, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory to try a device's kernels");
  free(values);
  return nn_weight(t->graph, rank, dims, "%s", name);
}

/* ---- What is tried ---- */

/* Drivers in software compile for most of a second what takes a millisecond to run. So shapes are small, where a large one is not the
   point, and what an operation is specialized by is mostly the same: activations, heads, residuals. */

static nn_tensor
linear(struct trial *t, nn_tensor x, int64_t outputs, enum nn_activation activation, nn_tensor residual)
{
  struct nn_shape shape = nn_tensor_shape(x);

  return nn_linear(
      t->graph, x, weight(t, 2, DIMS(outputs, shape.dims[shape.rank - 1])),
      &(struct nn_linear_params){ .bias = weight(t, 1, &outputs), .activation = activation, .residual = residual });
}

static nn_tensor
try_one_row(struct trial *t)
{
  return linear(t, input(t, 2, DIMS(1, 64)), 40, NN_TANH, NULL);
}

static nn_tensor
try_odd_rows(struct trial *t)
{
  return linear(t, input(t, 2, DIMS(3, 13)), 17, NN_GELU, NULL);
}

static nn_tensor
try_many_rows(struct trial *t)
{
  nn_tensor x = nn_slice(t->graph, input(t, 2, DIMS(101, 80)), 1, 8, 64);

  return linear(t, x, 136, NN_QUICK_GELU, input(t, 2, DIMS(101, 136)));
}

static nn_tensor
try_long_rows(struct trial *t)
{
  return linear(t, input(t, 2, DIMS(16, 768)), 24, NN_QUICK_GELU, input(t, 2, DIMS(16, 24)));
}

static nn_tensor
try_matmul(struct trial *t)
{
  return nn_matmul(t->graph, input(t, 3, DIMS(2, 17, 33)), input(t, 3, DIMS(2, 33, 20)));
}

static nn_tensor
try_matmul_turned(struct trial *t)
{
  nn_tensor turned = nn_transpose(t->graph, input(t, 2, DIMS(8, 12)), (const unsigned[]){ 1, 0 });

  return nn_matmul(t->graph, input(t, 3, DIMS(3, 5, 12)), turned);
}

/* Queries, keys and values are parts of one product. */
static nn_tensor
attention(struct trial *t, nn_tensor all, unsigned heads, bool causal, nn_tensor lengths)
{
  int64_t width = nn_tensor_shape(all).dims[2] / 3;

  return nn_attention(t->graph, nn_slice(t->graph, all, 2, 0, width), nn_slice(t->graph, all, 2, width, width),
                      nn_slice(t->graph, all, 2, 2 * width, width),
                      &(struct nn_attention_params){ .heads = heads, .causal = causal, .lengths = lengths });
}

static nn_tensor
try_attention(struct trial *t)
{
  return attention(t, input(t, 3, DIMS(1, 50, 3 * 2 * 16)), 2, false, NULL);
}

static nn_tensor
try_attention_causal(struct trial *t)
{
  return attention(t, input(t, 3, DIMS(2, 19, 3 * 2 * 16)), 2, true, integers(t, 1, DIMS(2), 3, 19));
}

static nn_tensor
try_attention_odd(struct trial *t)
{
  nn_tensor q = input(t, 3, DIMS(2, 5, 18)), k = input(t, 3, DIMS(2, 37, 18)), v = input(t, 3, DIMS(2, 37, 18));

  return nn_attention(t->graph, q, k, v, &(struct nn_attention_params){ .heads = 3, .scale = 0.5f });
}

static nn_tensor
try_layer_norm(struct trial *t)
{
  nn_tensor x = input(t, 2, DIMS(37, 192));

  return nn_layer_norm(t->graph, x, weight(t, 1, DIMS(192)), weight(t, 1, DIMS(192)), 1e-5f);
}

static nn_tensor
try_layer_norm_odd(struct trial *t)
{
  return nn_layer_norm(t->graph, input(t, 2, DIMS(5, 33)), NULL, NULL, 1e-5f);
}

static nn_tensor
try_softmax(struct trial *t)
{
  return nn_softmax(t->graph, input(t, 2, DIMS(9, 77)));
}

static nn_tensor
try_l2_normalize(struct trial *t)
{
  return nn_l2_normalize(t->graph, input(t, 2, DIMS(7, 132)), 1e-12f);
}

static nn_tensor
try_copy(struct trial *t)
{
  nn_tensor turned = nn_transpose(t->graph, input(t, 3, DIMS(5, 7, 12)), (const unsigned[]){ 2, 0, 1 });

  return nn_concat(t->graph, nn_reshape(t->graph, turned, 2, DIMS(60, 7)), input(t, 2, DIMS(3, 7)), 0);
}

static nn_tensor
try_add(struct trial *t)
{
  return nn_add(t->graph, input(t, 3, DIMS(3, 17, 20)), weight(t, 2, DIMS(17, 20)));
}

static nn_tensor
try_multiply(struct trial *t)
{
  return nn_multiply(t->graph, input(t, 3, DIMS(4, 9, 8)), input(t, 3, DIMS(4, 1, 8)));
}

static nn_tensor
try_activation(struct trial *t)
{
  return nn_activate(t->graph, nn_scale(t->graph, input(t, 2, DIMS(5, 67)), 6, -1), NN_SILU);
}

static nn_tensor
try_gather(struct trial *t)
{
  return nn_gather(t->graph, weight(t, 2, DIMS(37, 24)), integers(t, 2, DIMS(2, 11), -1, 37));
}

static nn_tensor
try_gather_rows(struct trial *t)
{
  return nn_gather_rows(t->graph, input(t, 3, DIMS(3, 7, 13)), integers(t, 1, DIMS(3), 0, 6));
}

static nn_tensor
try_mean(struct trial *t)
{
  return nn_mean(t->graph, input(t, 3, DIMS(3, 17, 40)), integers(t, 1, DIMS(3), 1, 17));
}

static nn_tensor
try_pool_max(struct trial *t)
{
  return nn_pool2d(t->graph, input(t, 4, DIMS(1, 9, 7, 12)), NN_POOL_MAX, (const unsigned[]){ 3, 3 },
                   (const unsigned[]){ 2, 2 }, (const unsigned[]){ 1, 1, 1, 1 });
}

static nn_tensor
try_pool_mean(struct trial *t)
{
  return nn_pool2d(t->graph, input(t, 4, DIMS(2, 6, 5, 5)), NN_POOL_MEAN, (const unsigned[]){ 2, 2 }, NULL, NULL);
}

static nn_tensor
convolution(struct trial *t, nn_tensor x, int64_t outputs, unsigned side, unsigned stride, unsigned groups,
            enum nn_activation activation, nn_tensor residual)
{
  unsigned around = side / 2;

  return nn_conv2d(t->graph, x, weight(t, 4, DIMS(outputs, nn_tensor_shape(x).dims[3] / groups, side, side)),
                   &(struct nn_conv2d_params){ .bias = weight(t, 1, &outputs),
                                               .residual = residual,
                                               .activation = activation,
                                               .stride = { stride, stride },
                                               .padding = { around, around, around, around },
                                               .groups = groups });
}

static nn_tensor
try_convolution(struct trial *t)
{
  return convolution(t, input(t, 4, DIMS(1, 15, 13, 3)), 16, 3, 2, 1, NN_RELU6, NULL);
}

static nn_tensor
try_convolution_deep(struct trial *t)
{
  nn_tensor x = input(t, 4, DIMS(1, 9, 7, 16));

  return convolution(t, x, 16, 3, 1, 1, NN_RELU6, input(t, 4, DIMS(1, 9, 7, 16)));
}

static nn_tensor
try_convolution_grouped(struct trial *t)
{
  return convolution(t, input(t, 4, DIMS(1, 8, 8, 12)), 10, 3, 1, 2, NN_RELU6, NULL);
}

static nn_tensor
try_depthwise(struct trial *t)
{
  return convolution(t, input(t, 4, DIMS(1, 14, 11, 32)), 32, 3, 1, 32, NN_RELU6, NULL);
}

static nn_tensor
try_depthwise_wide(struct trial *t)
{
  return convolution(t, input(t, 4, DIMS(1, 13, 15, 20)), 20, 5, 2, 20, NN_RELU6, NULL);
}

static const struct {
  const char *what;
  const struct nn_op *op; /* whose kernels are tried by it */
  nn_tensor (*build)(struct trial *trial);
} trials[] = {
  /* Copies first, since others make some. */
  { "a copy", &nn_op_elementwise, try_copy },
  { "a sum", &nn_op_elementwise, try_add },
  { "a product by elements", &nn_op_elementwise, try_multiply },
  { "an activation", &nn_op_elementwise, try_activation },
  { "one row", &nn_op_linear, try_one_row },
  { "odd rows", &nn_op_linear, try_odd_rows },
  { "parts of many rows", &nn_op_linear, try_many_rows },
  { "long rows", &nn_op_linear, try_long_rows },
  { "two matrices", &nn_op_matmul, try_matmul },
  { "a turned matrix", &nn_op_matmul, try_matmul_turned },
  { "50 tokens", &nn_op_attention, try_attention },
  { "tokens that see back", &nn_op_attention, try_attention_causal },
  { "heads of 6", &nn_op_attention, try_attention_odd },
  { "37 rows", &nn_op_layer_norm, try_layer_norm },
  { "odd rows", &nn_op_layer_norm, try_layer_norm_odd },
  { "9 rows", &nn_op_softmax, try_softmax },
  { "7 rows", &nn_op_l2_normalize, try_l2_normalize },
  { "a table", &nn_op_gather, try_gather },
  { "a token of each", &nn_op_gather, try_gather_rows },
  { "17 tokens", &nn_op_mean, try_mean },
  { "maxima", &nn_op_pool2d, try_pool_max },
  { "means", &nn_op_pool2d, try_pool_mean },
  { "3 channels", &nn_op_conv2d, try_convolution },
  { "16 channels", &nn_op_conv2d, try_convolution_deep },
  { "2 groups", &nn_op_conv2d, try_convolution_grouped },
  { "a channel each", &nn_op_conv2d, try_depthwise },
  { "a channel each, wide", &nn_op_conv2d, try_depthwise_wide },
};

static nn_tensor
norm(struct trial *t, nn_tensor x)
{
  struct nn_shape shape = nn_tensor_shape(x);
  const int64_t *width = &shape.dims[shape.rank - 1];

  return nn_layer_norm(t->graph, x, weight(t, 1, width), weight(t, 1, width), 1e-5f);
}

/* A vision transformer of two layers (Dosovitskiy et al. 2021): what operations do to one another's memory shows here. */
static nn_tensor
build_transformer(struct trial *t)
{
  enum { WIDTH = 32, HEADS = 2, BATCH = 2, TOKENS = 5 };
  nn_tensor patches = nn_patch_embedding(t->graph, input(t, 4, DIMS(BATCH, 8, 8, 3)),
                                         weight(t, 4, DIMS(WIDTH, 3, 4, 4)), weight(t, 1, DIMS(WIDTH)));
  nn_tensor class = nn_broadcast(t->graph, weight(t, 2, DIMS(1, WIDTH)), BATCH);
  nn_tensor x = nn_add(t->graph, nn_concat(t->graph, class, patches, 1), weight(t, 2, DIMS(TOKENS, WIDTH)));

  for (int layer = 0; layer < 2; layer++) {
    nn_tensor all = linear(t, norm(t, x), 3 * WIDTH, NN_IDENTITY, NULL);

    x = linear(t, attention(t, all, HEADS, false, NULL), WIDTH, NN_IDENTITY, x);
    x = linear(t, linear(t, norm(t, x), WIDTH, NN_GELU, NULL), WIDTH, NN_IDENTITY, x);
  }
  x = nn_reshape(t->graph, nn_slice(t->graph, x, 1, 0, 1), 2, DIMS(BATCH, WIDTH));
  return nn_l2_normalize(t->graph, linear(t, norm(t, x), WIDTH, NN_IDENTITY, NULL), 1e-12f);
}

/* The inverted residual block of mobile networks (Sandler et al. 2018) behind a stem. */
static nn_tensor
build_convolutions(struct trial *t)
{
  nn_tensor x = convolution(t, input(t, 4, DIMS(1, 16, 16, 3)), 16, 3, 2, 1, NN_RELU6, NULL), wide;

  wide = convolution(t, x, 16, 1, 1, 1, NN_RELU6, NULL);
  wide = convolution(t, wide, 16, 3, 1, 16, NN_RELU6, NULL);
  x = convolution(t, wide, 16, 1, 1, 1, NN_IDENTITY, x);
  x = convolution(t, x, 16, 1, 1, 1, NN_RELU6, NULL);
  return nn_softmax(t->graph, linear(t, nn_global_mean(t->graph, x), 16, NN_IDENTITY, NULL));
}

static const struct {
  const char *what;
  nn_tensor (*build)(struct trial *trial);
} networks[] = { { "a small transformer", build_transformer },
                 { "a small convolutional network", build_convolutions } };

/* ---- Trying ---- */

static void
fill_inputs(struct trial *t)
{
  for (unsigned i = 0; i < t->input_count; i++) {
    nn_tensor tensor = t->inputs[i].tensor;
    int64_t choices = t->inputs[i].high - t->inputs[i].low + 1;
    float *values = nn_reference_values(t->reference, tensor);
    int32_t *whole = nn_reference_values(t->reference, tensor);

    for (int64_t j = 0; j < nn_elements(&tensor->shape); j++)
      if (tensor->type == NN_I32)
        whole[j] = (int32_t)(t->inputs[i].low + (int64_t)((random_value(t) + 1) / 2 * (float)choices) % choices);
      else
        values[j] = random_value(t);
  }
}

static void
end_trial(struct trial *t)
{
  nn_reference_destroy(&t->reference);
  nn_graph_destroy(&t->graph);
  nn_weights_destroy(&t->weights);
}

/* The graph, and what it should give. */
static enum compute_status
begin_trial(struct trial *t, struct gpu_device *device, const struct nn_weights_params *params,
            nn_tensor (*build)(struct trial *trial), struct compute_error *error)
{
  enum compute_status status;

  *t = (struct trial){ .state = 1, .tolerance = params->storage == NN_I8 ? TOLERANCE_INT8 : TOLERANCE };
  status = nn_weights_create(device, NULL, params, &t->weights, error);
  if (status != COMPUTE_OK)
    return status;
  t->graph = nn_graph_create(t->weights);
  nn_output(t->graph, build(t), "y");
  if (!nn_graph_good(t->graph)) {
    status = compute_fail(error, t->graph != NULL ? t->graph->error.status : COMPUTE_ERROR_OUT_OF_MEMORY, "%s",
                          t->graph != NULL ? t->graph->error.message : "no memory for a graph");
  } else {
    status = nn_reference_create(t->graph, &t->reference, error);
    if (status == COMPUTE_OK) {
      fill_inputs(t);
      status = nn_reference_run(t->reference, error);
    }
  }
  if (status != COMPUTE_OK)
    end_trial(t);
  return status;
}

/* The error of the device's result; a status only for what went wrong on the way. */
static enum compute_status
run_trial(struct trial *t, const char *kernel, double *difference, struct compute_error *error)
{
  nn_tensor y = t->graph->outputs[0].tensor;
  size_t count = (size_t)nn_elements(&y->shape);
  const float *expected = nn_reference_values(t->reference, y);
  float *got = malloc(count * sizeof *got);
  struct nn_plan *plan = NULL;
  double squares = 0, power = 0;
  enum compute_status status;

  if (got == NULL)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory to try a device's kernels");
  status = nn_plan_create(t->graph, &(struct nn_plan_params){ .kernel = kernel }, &plan, error);
  for (unsigned i = 0; status == COMPUTE_OK && i < t->input_count; i++)
    status = nn_plan_write(plan, t->inputs[i].name, nn_reference_values(t->reference, t->inputs[i].tensor),
                           (size_t)nn_elements(&t->inputs[i].tensor->shape) * 4, error);
  if (status == COMPUTE_OK)
    status = nn_plan_run(plan, error);
  if (status == COMPUTE_OK)
    status = nn_plan_read(plan, "y", got, count, error);
  for (size_t i = 0; status == COMPUTE_OK && i < count; i++) {
    squares += ((double)got[i] - expected[i]) * ((double)got[i] - expected[i]);
    power += (double)expected[i] * expected[i];
  }
  *difference = squares / (power > 0 ? power : 1);
  nn_plan_destroy(&plan);
  free(got);
  return status;
}

static bool
fits_trial(const struct trial *t, const struct gpu_capabilities *capabilities, const struct nn_op *op,
           const struct nn_kernel *kernel)
{
  for (size_t i = 0; i < t->graph->node_count; i++)
    if (t->graph->nodes[i]->op == op && kernel->fits != NULL && !kernel->fits(capabilities, t->graph->nodes[i]))
      return false;
  return true;
}

/* Only a lost device and want of the host's memory are failures here; the rest is a verdict. */
static enum compute_status
try_kernel(struct trial *t, struct nn_findings *findings, const struct nn_kernel *kernel, const char *what,
           struct compute_error *error)
{
  struct compute_error failure = { 0 };
  char name[96], reason[160];
  double difference;
  enum compute_status status;

  snprintf(name, sizeof name, "%s", nn_kernel_name(nn_kernel_index(kernel)));
  nn_findings_try(findings, kernel);
  status = run_trial(t, name, &difference, &failure);
  if (status == COMPUTE_OK && difference <= t->tolerance) {
    nn_findings_judge(findings, kernel, NULL);
    return COMPUTE_OK;
  }
  if (status == COMPUTE_OK)
    snprintf(reason, sizeof reason, "it computes wrong numbers (%s: an error of %.1e)", what, difference);
  else if (status == COMPUTE_ERROR_DEVICE_LOST)
    snprintf(reason, sizeof reason, "the device was lost while it ran (%s)", what);
  else
    snprintf(reason, sizeof reason, "%.150s", failure.message);
  nn_findings_judge(findings, kernel, reason);
  nn_findings_save(findings);
  if (status == COMPUTE_ERROR_DEVICE_LOST && error != NULL)
    *error = failure;
  return status == COMPUTE_ERROR_DEVICE_LOST ? status : COMPUTE_OK;
}

/* An operation whose last kernel is not used has none for the shapes that only that one takes. */
static enum compute_status
check_usable(struct gpu_device *device, const struct nn_findings *findings, struct compute_error *error)
{
  for (const struct nn_op *const *op = nn_ops; *op != NULL; op++) {
    const struct nn_kernel *const *last = (*op)->kernels;

    while (last[1] != NULL)
      last++;
    if (!nn_findings_allow(findings, *last))
      return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED,
                          "%s cannot be relied on: %s/%s failed its test: %s. Update its driver, or choose another "
                          "device (saccade devices)",
                          gpu_device_get_info(device)->name, (*op)->name, (*last)->name,
                          nn_findings_reason(findings, nn_kernel_index(*last)));
  }
  return COMPUTE_OK;
}

/* One of the trials by all of its operation's kernels. */
static enum compute_status
try_all(struct gpu_device *device, struct nn_findings *findings, size_t which, enum nn_type storage,
        struct compute_error *error)
{
  const struct nn_weights_params params = { .storage = storage };
  const struct nn_op *op = trials[which].op;
  struct trial trial;
  enum compute_status status = begin_trial(&trial, device, &params, trials[which].build, error);

  if (status != COMPUTE_OK)
    return status;
  for (const struct nn_kernel *const *kernel = op->kernels; status == COMPUTE_OK && *kernel != NULL; kernel++)
    if (nn_findings_allow(findings, *kernel) && fits_trial(&trial, gpu_device_capabilities(device), op, *kernel))
      status = try_kernel(&trial, findings, *kernel, trials[which].what, error);
  end_trial(&trial);
  return status == COMPUTE_OK ? check_usable(device, findings, error) : status;
}

static enum compute_status
try_kernels(struct gpu_device *device, struct nn_findings *findings, struct compute_error *error)
{
  static const enum nn_type storages[] = { NN_F32, NN_F16, NN_I8 };
  /* A processor keeps weights in fp32 unless it is told otherwise, and takes long to compile the rest. */
  const size_t storage_count =
      gpu_device_capabilities(device)->type == GPU_DEVICE_CPU ? 1 : sizeof storages / sizeof storages[0];
  enum compute_status status = COMPUTE_OK;

  for (size_t storage = 0; storage < storage_count; storage++)
    for (size_t i = 0; status == COMPUTE_OK && i < sizeof trials / sizeof trials[0]; i++)
      if (storages[storage] == NN_F32 || trials[i].op == &nn_op_linear || trials[i].op == &nn_op_conv2d)
        status = try_all(device, findings, i, storages[storage], error);
  return status;
}

/* ---- Whole networks ---- */

static enum compute_status
try_network(struct gpu_device *device, const struct nn_findings *findings, size_t network, double *difference,
            struct compute_error *error)
{
  struct trial trial;
  enum compute_status status =
      begin_trial(&trial, device, &(struct nn_weights_params){ .findings = findings }, networks[network].build, error);

  if (status != COMPUTE_OK)
    return status;
  status = run_trial(&trial, NULL, difference, error);
  end_trial(&trial);
  return status;
}

/* Each kernel is right by itself and together they are not: leaves out one that has another behind it after the other, until the
   network is right. */
static enum compute_status
step_down(struct gpu_device *device, struct nn_findings *findings, size_t network, double *difference,
          struct compute_error *error)
{
  enum compute_status status = COMPUTE_OK;
  char reason[160];

  for (const struct nn_op *const *op = nn_ops; status == COMPUTE_OK && !(*difference <= TOLERANCE) && *op != NULL; op++)
    for (const struct nn_kernel *const *kernel = (*op)->kernels;
         status == COMPUTE_OK && !(*difference <= TOLERANCE) && kernel[1] != NULL; kernel++) {
      if (!nn_findings_allow(findings, *kernel))
        continue;
      snprintf(reason, sizeof reason, "%s computes wrong numbers with it (an error of %.1e)", networks[network].what,
               *difference);
      nn_findings_judge(findings, *kernel, reason);
      status = try_network(device, findings, network, difference, error);
      if (status == COMPUTE_OK && !(*difference <= TOLERANCE))
        nn_findings_judge(findings, *kernel, NULL);
    }
  return status;
}

static enum compute_status
try_networks(struct gpu_device *device, struct nn_findings *findings, struct compute_error *error)
{
  enum compute_status status = COMPUTE_OK;

  for (size_t i = 0; status == COMPUTE_OK && i < sizeof networks / sizeof networks[0]; i++) {
    double difference;

    status = try_network(device, findings, i, &difference, error);
    if (status == COMPUTE_OK && !(difference <= TOLERANCE))
      status = step_down(device, findings, i, &difference, error);
    if (status == COMPUTE_OK && !(difference <= TOLERANCE))
      status = compute_fail(error, COMPUTE_ERROR_UNSUPPORTED,
                            "%s cannot be relied on: %s computes wrong numbers there (an error of %.1e). Update its "
                            "driver, or choose another device (saccade devices)",
                            gpu_device_get_info(device)->name, networks[i].what, difference);
  }
  return status;
}

enum compute_status
nn_self_test(struct gpu_device *device, struct nn_findings *findings, struct compute_error *error)
{
  enum compute_status status = COMPUTE_OK;

  if (!nn_findings_tested(findings)) {
    status = try_kernels(device, findings, error);
    if (status == COMPUTE_OK)
      status = try_networks(device, findings, error);
    if (status != COMPUTE_OK)
      return status;
    nn_findings_set_tested(findings, true);
    nn_findings_save(findings);
  }
  return check_usable(device, findings, error);
}

enum compute_status
nn_device_open(struct gpu_instance *instance, const struct gpu_device_params *params, struct gpu_device **device,
               struct nn_findings **findings, struct compute_error *error)
{
  enum compute_status status;
  unsigned openings = 0;

  *findings = NULL;
  do {
    status = gpu_device_open(instance, params, device, error);
    if (status == COMPUTE_OK && *findings == NULL)
      status = nn_findings_open(*device, params != NULL ? params->cache_directory : NULL, findings, error);
    if (status == COMPUTE_OK)
      status = nn_self_test(*device, *findings, error);
    if (status != COMPUTE_OK)
      gpu_device_close(device);
    /* Which kernel lost the device is among the findings now. */
  } while (status == COMPUTE_ERROR_DEVICE_LOST && ++openings < MAX_OPENINGS);
  if (status != COMPUTE_OK)
    nn_findings_close(findings);
  return status;
}
