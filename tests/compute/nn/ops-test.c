/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every operation by every kernel that the device can run, against plain C in double precision. */
#include "tests/compute/clamps.h"
#include "tests/compute/nn/nn-testing.h"

#include <math.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DIMS(...) ((int64_t[]){ __VA_ARGS__ })

static double *
doubles(int64_t count)
{
  double *values = calloc((size_t)count, sizeof *values);

  CHECK(values != NULL);
  return values;
}

static double
activated(double x, enum nn_activation activation)
{
  switch (activation) {
  case NN_GELU:
    return 0.5 * x * (1 + erf(x / sqrt(2)));
  case NN_GELU_TANH:
    return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
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
  default:
    return x;
  }
}

/* ---- Matrix products ---- */

static void
test_linear(void)
{
  static const struct {
    int64_t rows, width, outputs;
    enum nn_activation activation;
    bool bias, residual, slice; /* slice: x is the middle of a wider tensor */
  } cases[] = {
    { 1, 1, 1, NN_IDENTITY, false, false, false },   { 1, 384, 384, NN_TANH, true, false, false },
    { 2, 64, 40, NN_IDENTITY, true, false, false },  { 3, 5, 7, NN_RELU, true, true, false },
    { 7, 13, 17, NN_GELU, true, false, true },       { 8, 64, 64, NN_QUICK_GELU, true, true, false },
    { 13, 97, 101, NN_IDENTITY, true, true, false }, { 50, 96, 72, NN_GELU, true, false, false },
    { 50, 768, 100, NN_IDENTITY, true, true, true }, { 101, 36, 33, NN_SILU, false, true, true },
    { 150, 128, 260, NN_RELU6, true, false, false }, { 33, 20, 8, NN_GELU_TANH, true, false, true },
    { 400, 64, 96, NN_IDENTITY, true, true, false }, { 17, 1030, 12, NN_SIGMOID, false, false, false },
    { 16, 520, 600, NN_RELU, true, true, false },    { 400, 100, 500, NN_IDENTITY, true, false, true },
    { 900, 40, 800, NN_RELU6, false, true, false },  { 1030, 20, 1031, NN_IDENTITY, true, true, false },
  };

  for (size_t i = 0; i < COUNT(cases); i++) {
    int64_t rows = cases[i].rows, width = cases[i].width, outputs = cases[i].outputs;
    int64_t margin = cases[i].slice ? 8 + (int64_t)(i % 2) : 0, wide = width + 2 * margin;
    const float *x, *w, *b = NULL, *r = NULL;
    struct nn_linear_params params = { .activation = cases[i].activation };
    struct testing_case c;
    nn_tensor input, weight;
    double *expected = doubles(rows * outputs);
    char what[64];

    case_begin(&c);
    input = nn_slice(c.graph, case_input(&c, "x", 2, DIMS(rows, wide), &x), 1, margin, width);
    weight = case_weight(&c, "w", 2, DIMS(outputs, width), &w);
    if (cases[i].bias)
      params.bias = case_weight(&c, "b", 1, DIMS(outputs), &b);
    if (cases[i].residual)
      params.residual = case_input(&c, "r", 2, DIMS(rows, outputs), &r);
    nn_output(c.graph, nn_linear(c.graph, input, weight, &params), "y");
    for (int64_t m = 0; m < rows; m++)
      for (int64_t o = 0; o < outputs; o++) {
        double sum = b != NULL ? b[o] : 0;

        for (int64_t k = 0; k < width; k++)
          sum += (double)x[m * wide + margin + k] * w[o * width + k];
        expected[m * outputs + o] = activated(sum, cases[i].activation) + (r != NULL ? r[m * outputs + o] : 0);
      }
    snprintf(what, sizeof what, "linear %dx%dx%d", (int)rows, (int)width, (int)outputs);
    case_check(&c, "linear", what, expected, (size_t)(rows * outputs), 1e-10);
  }
}

static void
test_matmul(void)
{
  static const struct {
    int64_t batch, rows, depth, columns;
    bool shared, transposed; /* one b for all; b is given as [.., N, K] and seen transposed */
  } cases[] = {
    { 1, 1, 1, 1, false, false },   { 2, 3, 5, 7, false, false }, { 3, 17, 64, 19, false, true },
    { 2, 50, 33, 50, true, false }, { 5, 4, 8, 4, true, true },
  };

  for (size_t i = 0; i < COUNT(cases); i++) {
    int64_t batch = cases[i].batch, rows = cases[i].rows, depth = cases[i].depth, columns = cases[i].columns;
    int64_t b_batch = cases[i].shared ? 0 : columns * depth;
    int64_t column_stride = cases[i].transposed ? depth : 1, depth_stride = cases[i].transposed ? 1 : columns;
    const float *a, *b;
    struct testing_case c;
    nn_tensor left, right;
    double *expected = doubles(batch * rows * columns);

    case_begin(&c);
    left = case_input(&c, "a", 3, DIMS(batch, rows, depth), &a);
    right = cases[i].transposed ? case_input(&c, "b", 3, DIMS(cases[i].shared ? 1 : batch, columns, depth), &b)
                                : case_input(&c, "b", 3, DIMS(cases[i].shared ? 1 : batch, depth, columns), &b);
    if (cases[i].transposed)
      right = nn_transpose(c.graph, right, (unsigned[]){ 0, 2, 1 });
    if (cases[i].shared)
      right = nn_reshape(c.graph, right, 2, DIMS(depth, columns));
    nn_output(c.graph, nn_matmul(c.graph, left, right), "y");
    for (int64_t n = 0; n < batch; n++)
      for (int64_t m = 0; m < rows; m++)
        for (int64_t o = 0; o < columns; o++)
          for (int64_t k = 0; k < depth; k++)
            expected[(n * rows + m) * columns + o] +=
                (double)a[(n * rows + m) * depth + k] * b[n * b_batch + k * depth_stride + o * column_stride];
    case_check(&c, "matmul", "matmul", expected, (size_t)(batch * rows * columns), 1e-11);
  }
}

/* ---- Attention ---- */

static void
test_attention(void)
{
  static const struct {
    int64_t batch, queries, keys;
    unsigned heads;
    int64_t size;
    float scale;
    bool causal, lengths, fused; /* fused: q, k and v are thirds of one tensor */
  } cases[] = {
    { 1, 1, 1, 1, 1, 0, false, false, false },   { 2, 50, 50, 3, 64, 0, false, false, true },
    { 3, 7, 7, 2, 32, 0, true, false, true },    { 2, 11, 29, 1, 16, 0.5f, false, true, false },
    { 4, 77, 77, 2, 64, 0, true, true, true },   { 1, 13, 70, 5, 6, 0, false, false, false },
    { 2, 5, 131, 1, 96, 0, false, true, false }, { 3, 17, 17, 3, 10, 0, true, true, true },
    { 1, 3, 5, 1, 256, 0, false, false, false }, { 3, 197, 197, 8, 64, 0, false, true, true },
    { 2, 67, 67, 1, 128, 0, true, true, true },  { 5, 33, 65, 9, 80, 0, false, false, false },
    { 1, 90, 31, 2, 4, 0, true, true, false },
  };

  for (size_t i = 0; i < COUNT(cases); i++) {
    int64_t batch = cases[i].batch, queries = cases[i].queries, keys = cases[i].keys, size = cases[i].size;
    int64_t width = size * cases[i].heads, stride = cases[i].fused ? 3 * width : width;
    double scale = cases[i].scale != 0 ? cases[i].scale : 1 / sqrt((double)size);
    const float *data[3];
    const int32_t *lengths = NULL;
    struct nn_attention_params params = { .heads = cases[i].heads, .scale = cases[i].scale, .causal = cases[i].causal };
    struct testing_case c;
    nn_tensor parts[3];
    double *expected = doubles(batch * queries * width), *scores = doubles(keys);
    char what[64];

    case_begin(&c);
    if (cases[i].fused) {
      nn_tensor all = case_input(&c, "qkv", 3, DIMS(batch, queries, 3 * width), &data[0]);

      for (int j = 0; j < 3; j++) {
        parts[j] = nn_slice(c.graph, all, 2, j * width, width);
        data[j] = data[0] + j * width;
      }
    } else {
      parts[0] = case_input(&c, "q", 3, DIMS(batch, queries, width), &data[0]);
      parts[1] = case_input(&c, "k", 3, DIMS(batch, keys, width), &data[1]);
      parts[2] = case_input(&c, "v", 3, DIMS(batch, keys, width), &data[2]);
    }
    if (cases[i].lengths)
      params.lengths = case_integers(&c, "lengths", 1, DIMS(batch), 1, keys, &lengths);
    nn_output(c.graph, nn_attention(c.graph, parts[0], parts[1], parts[2], &params), "y");

    for (int64_t n = 0; n < batch; n++)
      for (int64_t h = 0; h < cases[i].heads; h++)
        for (int64_t t = 0; t < queries; t++) {
          int64_t seen = lengths != NULL ? lengths[n] : keys;
          double greatest = -1e300, sum = 0;

          if (cases[i].causal && seen > t + 1)
            seen = t + 1;
          for (int64_t s = 0; s < seen; s++) {
            scores[s] = 0;
            for (int64_t d = 0; d < size; d++)
              scores[s] += (double)data[0][(n * queries + t) * stride + h * size + d] *
                           data[1][(n * keys + s) * stride + h * size + d];
            scores[s] *= scale;
            greatest = fmax(greatest, scores[s]);
          }
          for (int64_t s = 0; s < seen; s++)
            sum += exp(scores[s] - greatest);
          for (int64_t s = 0; s < seen; s++)
            for (int64_t d = 0; d < size; d++)
              expected[(n * queries + t) * width + h * size + d] +=
                  exp(scores[s] - greatest) / sum * data[2][(n * keys + s) * stride + h * size + d];
        }
    snprintf(what, sizeof what, "attention %zu", i);
    case_check(&c, "attention", what, expected, (size_t)(batch * queries * width), 1e-9);
    free(scores);
  }
}

/* ---- Rows ---- */

static void
test_rows(void)
{
  static const struct {
    int64_t rows, width;
    bool gamma, beta, slice;
  } cases[] = {
    { 1, 1, false, false, false }, { 3, 5, true, true, false },    { 50, 768, true, true, false },
    { 7, 64, true, false, true },  { 101, 33, false, true, true }, { 2, 1000, true, true, true },
    { 5, 4, false, false, false }, { 300, 96, true, true, false },
  };

  for (size_t i = 0; i < COUNT(cases); i++)
    for (int op = 0; op < 3; op++) {
      static const char *const names[] = { "layer-norm", "softmax", "l2-normalize" };
      int64_t rows = cases[i].rows, width = cases[i].width, wide = width + (cases[i].slice ? 12 : 0);
      const float *x, *gamma = NULL, *beta = NULL;
      struct testing_case c;
      nn_tensor input, output;
      double *expected = doubles(rows * width);

      case_begin(&c);
      input = nn_slice(c.graph, case_input(&c, "x", 2, DIMS(rows, wide), &x), 1, wide - width, width);
      x += wide - width;
      if (op == 0)
        output = nn_layer_norm(c.graph, input, cases[i].gamma ? case_weight(&c, "g", 1, DIMS(width), &gamma) : NULL,
                               cases[i].beta ? case_weight(&c, "b", 1, DIMS(width), &beta) : NULL, 1e-5f);
      else
        output =
            op == 1 ? nn_softmax(c.graph, nn_scale(c.graph, input, 20, 3)) : nn_l2_normalize(c.graph, input, 1e-12f);
      nn_output(c.graph, output, "y");
      for (int64_t m = 0; m < rows; m++) {
        const float *row = x + m * wide;
        double mean = 0, variance = 0, length = 0, greatest = -1e300, sum = 0;

        for (int64_t k = 0; k < width; k++) {
          mean += row[k] / (double)width;
          length += (double)row[k] * row[k];
          greatest = fmax(greatest, 20.0 * row[k]);
        }
        for (int64_t k = 0; k < width; k++) {
          variance += (row[k] - mean) * (row[k] - mean) / (double)width;
          sum += exp(20.0 * row[k] - greatest);
        }
        for (int64_t k = 0; k < width; k++)
          expected[m * width + k] =
              op == 0   ? (row[k] - mean) / sqrt(variance + 1e-5) * (gamma ? gamma[k] : 1) + (beta ? beta[k] : 0)
              : op == 1 ? exp(20.0 * row[k] - greatest) / sum
                        : row[k] / sqrt(length);
      }
      case_check(&c, names[op], names[op], expected, (size_t)(rows * width), 1e-9);
    }
}

/* ---- Elementwise ---- */

static void
test_elementwise(void)
{
  static const struct {
    int64_t a[3], b[3];
    unsigned b_rank; /* the last b_rank sizes of b count */
  } cases[] = {
    { { 1, 1, 1 }, { 1, 1, 1 }, 1 },     { { 2, 3, 4 }, { 2, 3, 4 }, 3 },     { { 3, 5, 7 }, { 0, 0, 7 }, 1 },
    { { 2, 50, 64 }, { 0, 50, 64 }, 2 }, { { 4, 3, 8 }, { 4, 1, 8 }, 3 },     { { 4, 9, 8 }, { 4, 9, 1 }, 3 },
    { { 5, 3, 12 }, { 5, 1, 1 }, 3 },    { { 1, 131, 1 }, { 0, 131, 1 }, 2 }, { { 3, 17, 20 }, { 1, 17, 1 }, 3 },
  };

  for (size_t i = 0; i < COUNT(cases); i++)
    for (int op = 0; op < 2; op++) {
      const int64_t *a_dims = cases[i].a, *b_dims = cases[i].b;
      int64_t count = a_dims[0] * a_dims[1] * a_dims[2];
      int64_t b_sizes[3] = { 1, 1, 1 };
      const float *a, *b;
      struct testing_case c;
      nn_tensor one, other;
      double *expected = doubles(count);

      for (unsigned j = 3 - cases[i].b_rank; j < 3; j++)
        b_sizes[j] = b_dims[j];
      case_begin(&c);
      one = case_input(&c, "a", 3, a_dims, &a);
      other = case_weight(&c, "b", cases[i].b_rank, b_dims + 3 - cases[i].b_rank, &b);
      nn_output(c.graph, op == 0 ? nn_add(c.graph, one, other) : nn_multiply(c.graph, one, other), "y");
      for (int64_t p = 0; p < count; p++) {
        int64_t at[3] = { p / a_dims[2] / a_dims[1], p / a_dims[2] % a_dims[1], p % a_dims[2] }, from = 0;

        for (int j = 0; j < 3; j++)
          from = from * b_sizes[j] + (b_sizes[j] == 1 ? 0 : at[j]);
        expected[p] = op == 0 ? (double)a[p] + b[from] : (double)a[p] * b[from];
      }
      case_check(&c, "elementwise", op == 0 ? "add" : "multiply", expected, (size_t)count, 1e-13);
    }

  for (int activation = NN_IDENTITY; activation <= NN_TANH; activation++) {
    const float *x;
    struct testing_case c;
    nn_tensor input;
    double *expected = doubles(5 * 67);

    case_begin(&c);
    input = nn_scale(c.graph, case_input(&c, "x", 2, DIMS(5, 67), &x), 12, -1);
    nn_output(c.graph, nn_activate(c.graph, input, (enum nn_activation)activation), "y");
    for (int64_t p = 0; p < 5 * 67; p++)
      expected[p] = activated(12.0 * x[p] - 1, (enum nn_activation)activation);
    case_check(&c, "elementwise", "activation", expected, 5 * 67, 1e-10);
  }
}

/* Far out every activation is finite: exp() may overflow on the way, nothing else may. */
static void
test_extremes(void)
{
  static const float values[8] = { -1e30f, -200, -88, 0, 88, 200, 1e4f, 1e30f };

  for (int activation = NN_IDENTITY; activation <= NN_TANH; activation++) {
    const float *x;
    struct testing_case c;
    float out[8];

    if (activation == NN_GELU_TANH) /* x³ is not a number of fp32 there */
      continue;
    case_begin(&c);
    nn_output(c.graph, nn_activate(c.graph, case_input(&c, "x", 1, DIMS(8), &x), (enum nn_activation)activation), "y");
    memcpy(c.values[0].data, values, sizeof values);
    case_run(&c, NULL, "y", out, 8);
    for (int i = 0; i < 8; i++) {
      double expected = activated(values[i], (enum nn_activation)activation);

      if (!(fabs(out[i] - expected) <= 1e-5 * (1 + fabs(expected)))) {
        fprintf(stderr, "activation %d of %g is %g, not %g\n", activation, values[i], out[i], expected);
        exit(1);
      }
    }
    case_end(&c);
  }
}

/* ---- Views and copies ---- */

static void
test_views(void)
{
  static const unsigned permutations[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 0, 2, 1, 3 },
                                              { 1, 0, 3, 2 }, { 0, 3, 1, 2 }, { 2, 3, 0, 1 } };
  static const int64_t shapes[][4] = { { 2, 3, 4, 8 }, { 1, 5, 7, 3 }, { 3, 1, 1, 11 } };

  for (size_t i = 0; i < COUNT(permutations); i++)
    for (size_t j = 0; j < COUNT(shapes); j++) {
      const unsigned *p = permutations[i];
      const int64_t *dims = shapes[j];
      int64_t count = dims[0] * dims[1] * dims[2] * dims[3];
      const float *x;
      struct testing_case c;
      nn_tensor turned;
      double *expected = doubles(count);

      case_begin(&c);
      turned = nn_transpose(c.graph, case_input(&c, "x", 4, dims, &x), p);
      /* A reshape that the strides cannot follow must copy. */
      nn_output(c.graph, nn_reshape(c.graph, turned, 1, DIMS(count)), "y");
      for (int64_t at = 0; at < count; at++) {
        int64_t rest = at, place[4], from = 0;

        for (int k = 3; k >= 0; k--) {
          place[p[k]] = rest % dims[p[k]];
          rest /= dims[p[k]];
        }
        for (int k = 0; k < 4; k++)
          from = from * dims[k] + place[k];
        expected[at] = x[from];
      }
      case_check(&c, "elementwise", "transpose", expected, (size_t)count, 0);
    }

  for (unsigned axis = 0; axis < 3; axis++)
    for (int odd = 0; odd < 2; odd++) {
      int64_t a_dims[3] = { 2, 3, odd ? 5 : 8 }, b_dims[3] = { 2, 3, odd ? 5 : 8 }, all[3], count;
      const float *a, *b;
      struct testing_case c;
      nn_tensor one, other;
      double *expected;

      b_dims[axis] += 4;
      memcpy(all, a_dims, sizeof all);
      all[axis] += b_dims[axis];
      count = all[0] * all[1] * all[2];
      expected = doubles(count);
      case_begin(&c);
      one = case_input(&c, "a", 3, a_dims, &a);
      other = case_input(&c, "b", 3, b_dims, &b);
      nn_output(c.graph, nn_concat(c.graph, one, other, axis), "y");
      for (int64_t p = 0; p < count; p++) {
        int64_t at[3] = { p / all[2] / all[1], p / all[2] % all[1], p % all[2] };
        bool first = at[axis] < a_dims[axis];
        const int64_t *dims = first ? a_dims : b_dims;

        at[axis] -= first ? 0 : a_dims[axis];
        expected[p] = (first ? a : b)[(at[0] * dims[1] + at[1]) * dims[2] + at[2]];
      }
      case_check(&c, "elementwise", "concat", expected, (size_t)count, 0);
    }

  {
    const float *x, *y;
    struct testing_case c;
    nn_tensor token, rest;
    double *expected = doubles(3 * 5 * 8);

    case_begin(&c);
    token = nn_broadcast(c.graph, case_weight(&c, "x", 2, DIMS(1, 8), &x), 3);
    rest = nn_slice(c.graph, case_input(&c, "y", 3, DIMS(3, 6, 8), &y), 1, 1, 4);
    nn_output(c.graph, nn_concat(c.graph, token, rest, 1), "y");
    for (int64_t n = 0; n < 3; n++)
      for (int64_t t = 0; t < 5; t++)
        for (int64_t k = 0; k < 8; k++)
          expected[(n * 5 + t) * 8 + k] = t == 0 ? x[k] : y[(n * 6 + t) * 8 + k];
    case_check(&c, "elementwise", "class token", expected, 3 * 5 * 8, 0);
  }
}

/* ---- Convolutions ---- */

static void
test_conv2d(void)
{
  static const struct {
    int64_t batch, height, width, channels, outputs, kernel[2];
    unsigned stride[2], padding[4], dilation[2], groups;
    bool bias, residual;
    enum nn_activation activation;
  } cases[] = {
    { 1, 1, 1, 1, 1, { 1, 1 }, { 1, 1 }, { 0 }, { 1, 1 }, 1, false, false, NN_IDENTITY },
    { 2, 15, 17, 3, 32, { 3, 3 }, { 2, 2 }, { 0, 0, 1, 1 }, { 1, 1 }, 1, true, false, NN_RELU6 },
    { 1, 9, 7, 8, 16, { 3, 3 }, { 1, 1 }, { 1, 1, 1, 1 }, { 1, 1 }, 1, true, true, NN_SILU },
    { 2, 11, 13, 6, 10, { 3, 5 }, { 1, 2 }, { 1, 3, 2, 0 }, { 2, 1 }, 2, true, false, NN_RELU },
    { 1, 10, 10, 12, 24, { 2, 2 }, { 2, 2 }, { 0 }, { 1, 1 }, 3, false, true, NN_IDENTITY },
    { 2, 14, 14, 32, 32, { 3, 3 }, { 1, 1 }, { 1, 1, 1, 1 }, { 1, 1 }, 32, true, false, NN_RELU6 },
    { 1, 17, 15, 20, 20, { 5, 5 }, { 2, 2 }, { 1, 2, 2, 2 }, { 1, 1 }, 20, true, true, NN_IDENTITY },
    { 1, 8, 9, 7, 7, { 3, 3 }, { 1, 1 }, { 2, 2, 2, 2 }, { 2, 2 }, 7, true, true, NN_GELU },
    { 1, 5, 6, 4, 8, { 3, 3 }, { 1, 1 }, { 1, 1, 1, 1 }, { 1, 1 }, 4, true, false, NN_IDENTITY },
    { 1, 9, 9, 4, 4, { 7, 1 }, { 1, 1 }, { 3, 0, 3, 0 }, { 1, 1 }, 4, false, false, NN_IDENTITY },
    { 2, 7, 5, 24, 40, { 1, 1 }, { 1, 1 }, { 0 }, { 1, 1 }, 1, true, true, NN_RELU6 },
    { 1, 7, 5, 16, 9, { 1, 1 }, { 2, 2 }, { 0 }, { 1, 1 }, 1, true, false, NN_IDENTITY },
  };

  for (size_t i = 0; i < COUNT(cases); i++) {
    int64_t n_all = cases[i].batch, h_in = cases[i].height, w_in = cases[i].width, channels = cases[i].channels;
    int64_t outputs = cases[i].outputs, kh = cases[i].kernel[0], kw = cases[i].kernel[1];
    int64_t group_channels = channels / cases[i].groups, group_outputs = outputs / cases[i].groups;
    const unsigned *pad = cases[i].padding, *stride = cases[i].stride, *dilation = cases[i].dilation;
    int64_t h_out = (h_in + pad[0] + pad[2] - dilation[0] * (kh - 1) - 1) / stride[0] + 1;
    int64_t w_out = (w_in + pad[1] + pad[3] - dilation[1] * (kw - 1) - 1) / stride[1] + 1;
    int64_t count = n_all * h_out * w_out * outputs;
    const float *x, *w, *b = NULL, *r = NULL;
    struct nn_conv2d_params params = { .activation = cases[i].activation, .groups = cases[i].groups };
    struct testing_case c;
    nn_tensor input, weight;
    double *expected = doubles(count);
    char what[64];
    bool is_linear = kh * kw == 1 && cases[i].groups == 1 && stride[0] == 1;

    memcpy(params.stride, stride, sizeof params.stride);
    memcpy(params.padding, pad, sizeof params.padding);
    memcpy(params.dilation, dilation, sizeof params.dilation);
    case_begin(&c);
    input = case_input(&c, "x", 4, DIMS(n_all, h_in, w_in, channels), &x);
    weight = case_weight(&c, "w", 4, DIMS(outputs, group_channels, kh, kw), &w);
    if (cases[i].bias)
      params.bias = case_weight(&c, "b", 1, DIMS(outputs), &b);
    if (cases[i].residual)
      params.residual = case_input(&c, "r", 4, DIMS(n_all, h_out, w_out, outputs), &r);
    nn_output(c.graph, nn_conv2d(c.graph, input, weight, &params), "y");
    for (int64_t p = 0; p < count; p++) {
      int64_t o = p % outputs, ox = p / outputs % w_out, oy = p / outputs / w_out % h_out,
              n = p / outputs / w_out / h_out;
      double sum = b != NULL ? b[o] : 0;

      for (int64_t ky = 0; ky < kh; ky++)
        for (int64_t kx = 0; kx < kw; kx++) {
          int64_t iy = oy * stride[0] + ky * dilation[0] - pad[0], ix = ox * stride[1] + kx * dilation[1] - pad[1];

          if (iy < 0 || iy >= h_in || ix < 0 || ix >= w_in)
            continue;
          for (int64_t k = 0; k < group_channels; k++)
            sum += (double)x[((n * h_in + iy) * w_in + ix) * channels + o / group_outputs * group_channels + k] *
                   w[((o * group_channels + k) * kh + ky) * kw + kx];
        }
      expected[p] = activated(sum, cases[i].activation) + (r != NULL ? r[p] : 0);
    }
    snprintf(what, sizeof what, "conv2d %zu", i);
    case_check(&c, is_linear ? "linear" : "conv2d", what, expected, (size_t)count, 1e-10);
  }
}

static void
test_patch_embedding(void)
{
  static const struct {
    int64_t batch, height, width, patch, outputs;
  } cases[] = { { 2, 64, 96, 32, 40 }, { 1, 28, 42, 14, 33 }, { 1, 6, 3, 3, 5 } };

  for (size_t i = 0; i < COUNT(cases); i++) {
    int64_t patch = cases[i].patch, height = cases[i].height, width = cases[i].width, outputs = cases[i].outputs;
    int64_t down = height / patch, across = width / patch, count = cases[i].batch * down * across * outputs;
    const float *x, *w, *b;
    struct testing_case c;
    nn_tensor input, weight, bias;
    double *expected = doubles(count);

    case_begin(&c);
    input = case_input(&c, "x", 4, DIMS(cases[i].batch, height, width, 3), &x);
    weight = case_weight(&c, "w", 4, DIMS(outputs, 3, patch, patch), &w);
    bias = case_weight(&c, "b", 1, DIMS(outputs), &b);
    nn_output(c.graph, nn_patch_embedding(c.graph, input, weight, bias), "y");
    for (int64_t p = 0; p < count; p++) {
      int64_t o = p % outputs, px = p / outputs % across, py = p / outputs / across % down,
              n = p / outputs / across / down;
      double sum = b[o];

      for (int64_t ky = 0; ky < patch; ky++)
        for (int64_t kx = 0; kx < patch; kx++)
          for (int64_t k = 0; k < 3; k++)
            sum += (double)x[((n * height + py * patch + ky) * width + px * patch + kx) * 3 + k] *
                   w[((o * 3 + k) * patch + ky) * patch + kx];
      expected[p] = sum;
    }
    case_check(&c, "linear", "patch embedding", expected, (size_t)count, 1e-10);
  }
}

static void
test_pool2d(void)
{
  static const struct {
    int64_t batch, height, width, channels;
    unsigned kernel[2], stride[2], padding[4];
  } cases[] = {
    { 1, 1, 1, 1, { 1, 1 }, { 1, 1 }, { 0 } },
    { 2, 9, 7, 8, { 2, 2 }, { 2, 2 }, { 0 } },
    { 1, 11, 13, 5, { 3, 3 }, { 2, 1 }, { 1, 1, 1, 1 } },
    { 2, 6, 5, 12, { 3, 2 }, { 1, 2 }, { 2, 1, 0, 1 } },
  };

  for (size_t i = 0; i < COUNT(cases); i++)
    for (int mean = 0; mean < 2; mean++) {
      int64_t h_in = cases[i].height, w_in = cases[i].width, channels = cases[i].channels;
      const unsigned *kernel = cases[i].kernel, *stride = cases[i].stride, *pad = cases[i].padding;
      int64_t h_out = (h_in + pad[0] + pad[2] - kernel[0]) / stride[0] + 1;
      int64_t w_out = (w_in + pad[1] + pad[3] - kernel[1]) / stride[1] + 1;
      int64_t count = cases[i].batch * h_out * w_out * channels;
      const float *x;
      struct testing_case c;
      nn_tensor input;
      double *expected = doubles(count);

      case_begin(&c);
      input = case_input(&c, "x", 4, DIMS(cases[i].batch, h_in, w_in, channels), &x);
      nn_output(c.graph, nn_pool2d(c.graph, input, mean ? NN_POOL_MEAN : NN_POOL_MAX, kernel, stride, pad), "y");
      for (int64_t p = 0; p < count; p++) {
        int64_t k = p % channels, ox = p / channels % w_out, oy = p / channels / w_out % h_out;
        int64_t n = p / channels / w_out / h_out;
        double most = -1e300, sum = 0, taken = 0;

        for (int64_t ky = 0; ky < kernel[0]; ky++)
          for (int64_t kx = 0; kx < kernel[1]; kx++) {
            int64_t iy = oy * stride[0] + ky - pad[0], ix = ox * stride[1] + kx - pad[1];

            if (iy < 0 || iy >= h_in || ix < 0 || ix >= w_in)
              continue;
            most = fmax(most, x[((n * h_in + iy) * w_in + ix) * channels + k]);
            sum += x[((n * h_in + iy) * w_in + ix) * channels + k];
            taken++;
          }
        expected[p] = mean ? sum / taken : most;
      }
      case_check(&c, "pool2d", "pool", expected, (size_t)count, 1e-12);
    }
}

/* ---- Means and gathers ---- */

static void
test_mean(void)
{
  static const struct {
    int64_t batch, tokens, width;
    bool lengths;
  } cases[] = {
    { 1, 1, 1, false }, { 3, 17, 384, true }, { 2, 49, 13, true }, { 4, 49, 64, false }, { 2, 300, 8, true }
  };

  for (size_t i = 0; i < COUNT(cases); i++) {
    int64_t batch = cases[i].batch, tokens = cases[i].tokens, width = cases[i].width;
    const float *x;
    const int32_t *lengths = NULL;
    struct testing_case c;
    nn_tensor input;
    double *expected = doubles(batch * width);

    case_begin(&c);
    input = case_input(&c, "x", 3, DIMS(batch, tokens, width), &x);
    if (cases[i].lengths)
      nn_output(c.graph, nn_mean(c.graph, input, case_integers(&c, "l", 1, DIMS(batch), 1, tokens, &lengths)), "y");
    else /* the same by its other name */
      nn_output(c.graph, nn_global_mean(c.graph, nn_reshape(c.graph, input, 4, DIMS(batch, tokens, 1, width))), "y");
    for (int64_t n = 0; n < batch; n++)
      for (int64_t k = 0; k < width; k++) {
        int64_t seen = lengths != NULL ? lengths[n] : tokens;

        for (int64_t t = 0; t < seen; t++)
          expected[n * width + k] += x[(n * tokens + t) * width + k] / (double)seen;
      }
    case_check(&c, "mean", "mean", expected, (size_t)(batch * width), 1e-11);
  }
}

static void
test_gather(void)
{
  static const struct {
    int64_t rows, width, batch, tokens;
  } cases[] = { { 1, 1, 1, 1 }, { 100, 64, 3, 7 }, { 37, 13, 2, 50 }, { 3, 384, 1, 129 } };

  for (size_t i = 0; i < COUNT(cases); i++) {
    int64_t rows = cases[i].rows, width = cases[i].width, batch = cases[i].batch, tokens = cases[i].tokens;
    const float *table, *x;
    const int32_t *ids;
    struct testing_case c;
    nn_tensor from, index;
    double *expected = doubles(batch * tokens * width);

    case_begin(&c); /* ids below and above the table give zeros */
    from = case_weight(&c, "table", 2, DIMS(rows, width), &table);
    index = case_integers(&c, "ids", 2, DIMS(batch, tokens), -1, rows, &ids);
    nn_output(c.graph, nn_gather(c.graph, from, index), "y");
    for (int64_t p = 0; p < batch * tokens * width; p++)
      if (ids[p / width] >= 0 && ids[p / width] < rows)
        expected[p] = table[ids[p / width] * width + p % width];
    case_check(&c, "gather", "gather", expected, (size_t)(batch * tokens * width), 0);

    case_begin(&c);
    expected = doubles(batch * width);
    from = case_input(&c, "x", 3, DIMS(batch, tokens, width), &x);
    index = case_integers(&c, "index", 1, DIMS(batch), 0, tokens - 1, &ids);
    nn_output(c.graph, nn_gather_rows(c.graph, from, index), "y");
    for (int64_t p = 0; p < batch * width; p++)
      expected[p] = x[(p / width * tokens + ids[p / width]) * width + p % width];
    case_check(&c, "gather", "gather rows", expected, (size_t)(batch * width), 0);
  }
}

static const struct {
  const char *name;
  void (*run)(void);
} groups[] = {
  { "linear", test_linear },
  { "matmul", test_matmul },
  { "attention", test_attention },
  { "rows", test_rows },
  { "elementwise", test_elementwise },
  { "extremes", test_extremes },
  { "views", test_views },
  { "conv2d", test_conv2d },
  { "patch-embedding", test_patch_embedding },
  { "pool2d", test_pool2d },
  { "mean", test_mean },
  { "gather", test_gather },
};

static void
run_groups(int count, char **names)
{
  for (size_t i = 0; i < COUNT(groups); i++) {
    bool is_wanted = count == 0;

    for (int j = 0; j < count; j++)
      is_wanted = is_wanted || strcmp(names[j], groups[i].name) == 0;
    if (is_wanted)
      groups[i].run();
  }
  testing_report();
}

static uint32_t wanted_subgroup;

static void
want_subgroup(struct gpu_capabilities *c)
{
  c->subgroup_size = wanted_subgroup;
}

/* Every size that the device can be asked for, where it is not the one that it has anyway. */
static void
run_subgroup_sizes(int count, char **names)
{
  struct gpu_capabilities c;

  testing_open(NULL);
  c = *gpu_device_capabilities(testing_device);
  testing_close();
  for (uint32_t size = c.subgroup_size_min; c.subgroup_size_control && size <= c.subgroup_size_max; size *= 2) {
    if (size == c.subgroup_size)
      continue;
    printf("subgroups of %u:\n", size);
    wanted_subgroup = size;
    testing_open_lowered(want_subgroup);
    CHECK(gpu_device_capabilities(testing_device)->subgroup_size == size);
    run_groups(count, names);
    testing_close();
  }
}

/* Operations by name, all of them without one. "--clamped" first: on every lesser device of clamps.h in turn. */
int
main(int argc, char **argv)
{
  if (argc > 1 && strcmp(argv[1], "--clamped") == 0) {
    for (size_t i = 0; i < CLAMP_COUNT; i++) {
      printf("%s:\n", clamps[i].name);
      fflush(stdout);
      testing_open_lowered(clamps[i].lower);
      testing_may_refuse = clamps[i].refuses;
      run_groups(argc - 2, argv + 2);
      testing_may_refuse = false;
      testing_close();
    }
    run_subgroup_sizes(argc - 2, argv + 2);
    return 0;
  }
  testing_open(NULL);
  run_groups(argc - 1, argv + 1);
  testing_close();
  return 0;
}
