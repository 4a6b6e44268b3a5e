/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const struct nn_op nn_op_attention, nn_op_conv2d, nn_op_elementwise, nn_op_gather, nn_op_l2_normalize,
    nn_op_layer_norm, nn_op_linear, nn_op_matmul, nn_op_mean, nn_op_pool2d, nn_op_softmax;

struct nn_reference {
  struct nn_graph *graph;
  float **storages; /* by index */
};

/* A tensor's elements, wherever they are. */
struct operand {
  nn_tensor tensor; /* NULL: there is none */
  const float *values;
  const int32_t *integers; /* the same bytes */
  float *owned;            /* a weight's, read for this node */
};

struct operands {
  struct operand in[NN_MAX_INPUTS];
  nn_tensor output;
  float *out; /* the output's storage */
};

enum compute_status
nn_reference_create(struct nn_graph *graph, struct nn_reference **reference_out, struct compute_error *error)
{
  struct nn_reference *reference = calloc(1, sizeof *reference);
  bool good = reference != NULL;

  *reference_out = NULL;
  if (good) {
    reference->graph = graph;
    reference->storages = calloc(graph->indexed_storages + 1, sizeof *reference->storages);
    good = reference->storages != NULL;
  }
  for (size_t i = 0; good && i < graph->storage_count; i++) {
    const struct nn_storage *storage = graph->storages[i];

    if (storage->kind == NN_STORAGE_WEIGHT)
      continue;
    reference->storages[storage->index] = calloc((size_t)storage->elements, sizeof(float));
    good = reference->storages[storage->index] != NULL;
  }
  if (!good) {
    nn_reference_destroy(&reference);
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory to compute a graph on the host");
  }
  *reference_out = reference;
  return COMPUTE_OK;
}

void
nn_reference_destroy(struct nn_reference **reference)
{
  if (*reference == NULL)
    return;
  if ((*reference)->storages != NULL)
    for (size_t i = 0; i < (*reference)->graph->indexed_storages; i++)
      free((*reference)->storages[i]);
  free((*reference)->storages);
  free(*reference);
  *reference = NULL;
}

void *
nn_reference_values(struct nn_reference *reference, nn_tensor tensor)
{
  return reference->storages[tensor->storage->index];
}

/* ---- Elements ---- */

/* Where element number `index` of the tensor, counted in row-major order, lies in its storage. */
static int64_t
place(nn_tensor tensor, int64_t index)
{
  int64_t at = tensor->offset;

  for (unsigned i = tensor->shape.rank; i-- > 0;) {
    at += index % tensor->shape.dims[i] * tensor->strides[i];
    index /= tensor->shape.dims[i];
  }
  return at;
}

static double
element(const struct operand *operand, int64_t index)
{
  return operand->values[place(operand->tensor, index)];
}

/* The element, or `otherwise` where the operand is absent. */
static double
element_or(const struct operand *operand, int64_t index, double otherwise)
{
  return operand->tensor != NULL ? element(operand, index) : otherwise;
}

static void
put(const struct operands *o, int64_t index, double value)
{
  o->out[place(o->output, index)] = (float)value;
}

static int64_t
last_dimension(nn_tensor tensor)
{
  return tensor->shape.dims[tensor->shape.rank - 1];
}

static double
activate(double x, enum nn_activation activation)
{
  switch (activation) {
  case NN_IDENTITY:
    break;
  case NN_GELU:
    return 0.5 * x * (1 + erf(x * 0.70710678118654752));
  case NN_GELU_TANH:
    return 0.5 * x * (1 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
  case NN_QUICK_GELU:
    return x / (1 + exp(-1.702 * x));
  case NN_RELU:
    return x > 0 ? x : 0;
  case NN_RELU6:
    return x < 0 ? 0 : x > 6 ? 6 : x;
  case NN_SILU:
    return x / (1 + exp(-x));
  case NN_SIGMOID:
    return 1 / (1 + exp(-x));
  case NN_TANH:
    return tanh(x);
  }
  return x;
}

/* ---- Operations ---- */

static void
run_linear(const struct nn_node *node, const struct operands *o)
{
  int64_t width = last_dimension(o->in[0].tensor), outputs = last_dimension(o->output);

  for (int64_t i = 0; i < nn_elements(&o->output->shape); i++) {
    double sum = element_or(&o->in[2], i % outputs, 0);

    for (int64_t k = 0; k < width; k++)
      sum += element(&o->in[0], i / outputs * width + k) * element(&o->in[1], i % outputs * width + k);
    put(o, i, activate(sum, node->linear.activation) + element_or(&o->in[3], i, 0));
  }
}

static void
run_matmul(const struct nn_node *node, const struct operands *o)
{
  nn_tensor a = o->in[0].tensor, b = o->in[1].tensor;
  int64_t depth = last_dimension(a), columns = last_dimension(o->output), rows = a->shape.dims[a->shape.rank - 2];

  for (int64_t i = 0; i < nn_elements(&o->output->shape); i++) {
    int64_t n = i / columns / rows, row = i / columns % rows;
    int64_t of_a = a->shape.rank == o->output->shape.rank ? n : 0,
            of_b = b->shape.rank == o->output->shape.rank ? n : 0;
    double sum = 0;

    for (int64_t k = 0; k < depth; k++)
      sum += element(&o->in[0], (of_a * rows + row) * depth + k) *
             element(&o->in[1], (of_b * depth + k) * columns + i % columns);
    put(o, i, sum);
  }
}

static void
run_attention(const struct nn_node *node, const struct operands *o)
{
  const int64_t *dims = o->output->shape.dims;
  int64_t queries = dims[1], width = dims[2], keys = o->in[1].tensor->shape.dims[1];
  int64_t size = width / node->attention.heads;

  for (int64_t row = 0; row < dims[0] * queries * node->attention.heads; row++) {
    int64_t head = row % node->attention.heads, t = row / node->attention.heads % queries;
    int64_t n = row / node->attention.heads / queries, seen = keys;
    double greatest = -INFINITY, total = 0, answer[256] = { 0 };

    if (o->in[3].tensor != NULL && o->in[3].integers[place(o->in[3].tensor, n)] < seen)
      seen = o->in[3].integers[place(o->in[3].tensor, n)];
    if (node->attention.causal && seen > t + 1)
      seen = t + 1;
    /* Twice over the keys: for the greatest score, then for the sums. */
    for (int pass = 0; pass < 2; pass++)
      for (int64_t s = 0; s < seen; s++) {
        double score = 0, weight;

        for (int64_t d = 0; d < size; d++)
          score += element(&o->in[0], (n * queries + t) * width + head * size + d) *
                   element(&o->in[1], (n * keys + s) * width + head * size + d);
        score *= node->attention.scale;
        if (pass == 0) {
          greatest = fmax(greatest, score);
          continue;
        }
        weight = exp(score - greatest);
        total += weight;
        for (int64_t d = 0; d < size; d++)
          answer[d] += weight * element(&o->in[2], (n * keys + s) * width + head * size + d);
      }
    for (int64_t d = 0; d < size; d++)
      put(o, (n * queries + t) * width + head * size + d, answer[d] / total);
  }
}

static void
run_layer_norm(const struct nn_node *node, const struct operands *o)
{
  int64_t width = last_dimension(o->output);

  for (int64_t row = 0; row < nn_elements(&o->output->shape) / width; row++) {
    double mean = 0, variance = 0;

    for (int64_t k = 0; k < width; k++)
      mean += element(&o->in[0], row * width + k) / (double)width;
    for (int64_t k = 0; k < width; k++)
      variance += pow(element(&o->in[0], row * width + k) - mean, 2) / (double)width;
    for (int64_t k = 0; k < width; k++)
      put(o, row * width + k,
          (element(&o->in[0], row * width + k) - mean) / sqrt(variance + node->layer_norm.epsilon) *
                  element_or(&o->in[1], k, 1) +
              element_or(&o->in[2], k, 0));
  }
}

static void
run_softmax(const struct nn_node *node, const struct operands *o)
{
  int64_t width = last_dimension(o->output);

  for (int64_t row = 0; row < nn_elements(&o->output->shape) / width; row++) {
    double greatest = -INFINITY, sum = 0;

    for (int64_t k = 0; k < width; k++)
      greatest = fmax(greatest, element(&o->in[0], row * width + k));
    for (int64_t k = 0; k < width; k++)
      sum += exp(element(&o->in[0], row * width + k) - greatest);
    for (int64_t k = 0; k < width; k++)
      put(o, row * width + k, exp(element(&o->in[0], row * width + k) - greatest) / sum);
  }
}

static void
run_l2_normalize(const struct nn_node *node, const struct operands *o)
{
  int64_t width = last_dimension(o->output);

  for (int64_t row = 0; row < nn_elements(&o->output->shape) / width; row++) {
    double squares = 0;

    for (int64_t k = 0; k < width; k++)
      squares += pow(element(&o->in[0], row * width + k), 2);
    for (int64_t k = 0; k < width; k++)
      put(o, row * width + k,
          element(&o->in[0], row * width + k) / fmax(sqrt(squares), (double)node->l2_normalize.epsilon));
  }
}

static void
run_elementwise(const struct nn_node *node, const struct operands *o)
{
  for (int64_t i = 0; i < nn_elements(&o->output->shape); i++) {
    double value = element(&o->in[0], i);

    if (node->elementwise.kind == NN_ELEMENTWISE_ADD)
      value += element(&o->in[1], i);
    else if (node->elementwise.kind == NN_ELEMENTWISE_MULTIPLY)
      value *= element(&o->in[1], i);
    put(o, i, activate(value * node->elementwise.factor + node->elementwise.offset, node->elementwise.activation));
  }
}

static void
run_gather(const struct nn_node *node, const struct operands *o)
{
  nn_tensor table = o->in[0].tensor;
  int64_t width = last_dimension(o->output);

  for (int64_t row = 0; row < node->gather.rows; row++) {
    int64_t id = o->in[1].integers[place(o->in[1].tensor, row)];
    int64_t at = table->offset + row * node->gather.batch_stride + id * node->gather.row_stride;

    for (int64_t k = 0; k < width; k++)
      put(o, row * width + k, id >= 0 && id < node->gather.choices ? o->in[0].values[at + k] : 0);
  }
}

static void
run_mean(const struct nn_node *node, const struct operands *o)
{
  const int64_t *dims = o->in[0].tensor->shape.dims;

  for (int64_t i = 0; i < dims[0] * dims[2]; i++) {
    int64_t n = i / dims[2], seen = dims[1];
    double sum = 0;

    if (o->in[1].tensor != NULL && o->in[1].integers[place(o->in[1].tensor, n)] < seen)
      seen = o->in[1].integers[place(o->in[1].tensor, n)];
    for (int64_t t = 0; t < seen; t++)
      sum += element(&o->in[0], (n * dims[1] + t) * dims[2] + i % dims[2]);
    put(o, i, sum / (double)seen);
  }
}

/* A window's corner over the picture. */
static int64_t
corner(int64_t at, unsigned stride, unsigned padding)
{
  return at * (int64_t)stride - (int64_t)padding;
}

static void
run_pool2d(const struct nn_node *node, const struct operands *o)
{
  const int64_t *in = o->in[0].tensor->shape.dims, *out = o->output->shape.dims;

  for (int64_t i = 0; i < nn_elements(&o->output->shape); i++) {
    int64_t channel = i % out[3], x = i / out[3] % out[2], y = i / out[3] / out[2] % out[1],
            n = i / out[3] / out[2] / out[1];
    double greatest = -INFINITY, sum = 0, count = 0;

    for (unsigned tap = 0; tap < node->pool2d.kernel[0] * node->pool2d.kernel[1]; tap++) {
      int64_t row = corner(y, node->pool2d.stride[0], node->pool2d.padding[0]) + tap / node->pool2d.kernel[1];
      int64_t column = corner(x, node->pool2d.stride[1], node->pool2d.padding[1]) + tap % node->pool2d.kernel[1];

      if (row < 0 || row >= in[1] || column < 0 || column >= in[2])
        continue;
      double value = element(&o->in[0], ((n * in[1] + row) * in[2] + column) * in[3] + channel);
      greatest = fmax(greatest, value);
      sum += value;
      count++;
    }
    put(o, i, node->pool2d.kind == NN_POOL_MEAN ? sum / count : greatest);
  }
}

static void
run_conv2d(const struct nn_node *node, const struct operands *o)
{
  /* The weight is [groups, outputs, channels, taps], outputs and channels being those of a group. */
  const int64_t *in = o->in[0].tensor->shape.dims, *out = o->output->shape.dims, *w = o->in[1].tensor->shape.dims;

  for (int64_t i = 0; i < nn_elements(&o->output->shape); i++) {
    int64_t output = i % out[3], x = i / out[3] % out[2], y = i / out[3] / out[2] % out[1],
            n = i / out[3] / out[2] / out[1];
    double sum = element_or(&o->in[2], output, 0);

    for (int64_t tap = 0; tap < w[3]; tap++) {
      int64_t row = corner(y, node->conv2d.stride[0], node->conv2d.padding[0]) +
                    tap / node->conv2d.kernel[1] * node->conv2d.dilation[0];
      int64_t column = corner(x, node->conv2d.stride[1], node->conv2d.padding[1]) +
                       tap % node->conv2d.kernel[1] * node->conv2d.dilation[1];

      for (int64_t c = 0; row >= 0 && row < in[1] && column >= 0 && column < in[2] && c < w[2]; c++)
        sum += element(&o->in[0], ((n * in[1] + row) * in[2] + column) * in[3] + output / w[1] * w[2] + c) *
               element(&o->in[1], (output * w[2] + c) * w[3] + tap);
    }
    put(o, i, activate(sum, node->conv2d.activation) + element_or(&o->in[3], i, 0));
  }
}

static const struct {
  const struct nn_op *op;
  void (*run)(const struct nn_node *node, const struct operands *operands);
} operations[] = {
  { &nn_op_attention, run_attention },
  { &nn_op_conv2d, run_conv2d },
  { &nn_op_elementwise, run_elementwise },
  { &nn_op_gather, run_gather },
  { &nn_op_l2_normalize, run_l2_normalize },
  { &nn_op_layer_norm, run_layer_norm },
  { &nn_op_linear, run_linear },
  { &nn_op_matmul, run_matmul },
  { &nn_op_mean, run_mean },
  { &nn_op_pool2d, run_pool2d },
  { &nn_op_softmax, run_softmax },
};

/* ---- The graph ---- */

static enum compute_status
take_operand(struct nn_reference *reference, nn_tensor tensor, struct operand *operand, struct compute_error *error)
{
  struct nn_source *source;
  enum compute_status status = COMPUTE_OK;

  *operand = (struct operand){ .tensor = tensor };
  if (tensor == NULL)
    return COMPUTE_OK;
  if (tensor->storage->kind == NN_STORAGE_WEIGHT) {
    source = tensor->storage->source;
    operand->owned = malloc((size_t)nn_elements(&source->shape) * sizeof(float));
    if (operand->owned == NULL)
      return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory to read weight “%s”", source->name);
    status = nn_weights_read(source, 0, nn_elements(&source->shape), operand->owned, error);
    operand->values = operand->owned;
  } else {
    operand->values = reference->storages[tensor->storage->index];
  }
  operand->integers = (const int32_t *)operand->values;
  return status;
}

enum compute_status
nn_reference_run(struct nn_reference *reference, struct compute_error *error)
{
  enum compute_status status = COMPUTE_OK;

  for (size_t i = 0; status == COMPUTE_OK && i < reference->graph->node_count; i++) {
    const struct nn_node *node = reference->graph->nodes[i];
    struct operands operands = { .output = node->output, .out = nn_reference_values(reference, node->output) };
    size_t at = 0;

    while (at < sizeof operations / sizeof operations[0] && operations[at].op != node->op)
      at++;
    if (at == sizeof operations / sizeof operations[0])
      return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "the host cannot compute %s", node->op->name);
    for (unsigned j = 0; status == COMPUTE_OK && j < NN_MAX_INPUTS; j++)
      status = take_operand(reference, node->inputs[j], &operands.in[j], error);
    if (status == COMPUTE_OK)
      operations[at].run(node, &operands);
    for (unsigned j = 0; j < NN_MAX_INPUTS; j++)
      free(operands.in[j].owned);
  }
  return status;
}
