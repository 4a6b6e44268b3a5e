/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What holds of graphs, plans and weights as a whole: errors, the arena, sharing, limits. */
#include "tests/compute/clamps.h"
#include "tests/compute/nn/nn-testing.h"

#include <math.h>
#include <string.h>

#define DIMS(...) ((int64_t[]){ __VA_ARGS__ })

/* The graph's error names all of these, and planning returns it. */
static void
check_error(struct testing_case *c, enum compute_status status, const char *one, const char *other, const char *third)
{
  struct compute_error error = { 0 };
  struct nn_plan *plan;

  CHECK(nn_plan_create(c->graph, NULL, &plan, &error) == status);
  CHECK(plan == NULL && error.status == status);
  if (strstr(error.message, one) == NULL || strstr(error.message, other) == NULL ||
      strstr(error.message, third) == NULL) {
    fprintf(stderr, "“%s” does not name “%s”, “%s” and “%s”\n", error.message, one, other, third);
    exit(1);
  }
  case_end(c);
}

static void
test_errors(void)
{
  struct testing_case c;
  const float *data;
  nn_tensor x, w, y;
  struct nn_plan *plan;
  struct compute_error error;

  case_begin(&c);
  x = case_input(&c, "pixels", 3, DIMS(1, 50, 768), &data);
  w = case_weight(&c, "fc1.weight", 2, DIMS(3072, 512), &data);
  CHECK(nn_graph_error(c.graph) == NULL);
  y = nn_linear(c.graph, x, w, NULL);
  CHECK(nn_graph_error(c.graph) != NULL && nn_tensor_shape(y).rank == 4);
  /* Sticky: what follows changes nothing and is safe to call with what the failed call gave. */
  y = nn_softmax(c.graph, nn_reshape(c.graph, nn_slice(c.graph, y, 9, 9, 9), 2, DIMS(7, 7)));
  nn_output(c.graph, nn_weight(c.graph, 1, DIMS(1), "missing"), "y");
  check_error(&c, COMPUTE_ERROR_SHAPE, "fc1.weight", "[1, 50, 768]", "[3072, 512]");

  case_begin(&c);
  CHECK(!nn_has_weight(c.graph, "layers.%d.bias", 3));
  nn_output(c.graph, nn_weight(c.graph, 1, DIMS(4), "layers.%d.bias", 3), "y");
  check_error(&c, COMPUTE_ERROR_NOT_FOUND, "layers.3.bias", "no weight", "");

  case_begin(&c);
  case_weight(&c, "w", 2, DIMS(4, 6), &data);
  CHECK(nn_has_weight(c.graph, "%s", "w"));
  nn_weight(c.graph, 2, DIMS(0, 5), "w");
  check_error(&c, COMPUTE_ERROR_SHAPE, "“w”", "[4, 6]", "[0, 5]");

  case_begin(&c);
  x = case_input(&c, "a", 2, DIMS(3, 4), &data);
  nn_add(c.graph, x, case_input(&c, "b", 2, DIMS(2, 4), &data));
  check_error(&c, COMPUTE_ERROR_SHAPE, "“b”", "[2, 4]", "[3, 4]");

  case_begin(&c);
  x = case_input(&c, "a", 2, DIMS(3, 4), &data);
  nn_reshape(c.graph, x, 2, DIMS(5, 2));
  check_error(&c, COMPUTE_ERROR_SHAPE, "“a”", "[3, 4]", "[5, 2]");

  case_begin(&c);
  x = case_input(&c, "a", 2, DIMS(1 << 16, 1), &data);
  w = case_input(&c, "b", 2, DIMS(1, 1 << 16), &data);
  nn_output(c.graph, nn_matmul(c.graph, x, w), "y");
  check_error(&c, COMPUTE_ERROR_SHAPE, "matmul", "[65536, 65536]", "");

  case_begin(&c);
  nn_softmax(c.graph, NULL);
  check_error(&c, COMPUTE_ERROR_SHAPE, "softmax", "missing", "");

  case_begin(&c);
  nn_graph_fail(c.graph, COMPUTE_ERROR_UNSUPPORTED, "no %s here", "towers");
  check_error(&c, COMPUTE_ERROR_UNSUPPORTED, "no towers here", "", "");

  case_begin(&c);
  check_error(&c, COMPUTE_ERROR_SHAPE, "without an output", "", "");

  CHECK(nn_plan_create(NULL, NULL, &plan, &error) == COMPUTE_ERROR_OUT_OF_MEMORY && plan == NULL);
  nn_graph_destroy(&(struct nn_graph *){ NULL });
  nn_plan_destroy(&(struct nn_plan *){ NULL });
  nn_weights_destroy(&(struct nn_weights *){ NULL });

  case_begin(&c);
  nn_output(c.graph, nn_scale(c.graph, case_input(&c, "x", 1, DIMS(5), &data), 2, 0), "y");
  CHECK(nn_plan_create(c.graph, NULL, &plan, &error) == COMPUTE_OK);
  CHECK(nn_plan_write(plan, "x", data, 16, &error) == COMPUTE_ERROR_SHAPE && strstr(error.message, "“x”") != NULL);
  CHECK(nn_plan_write(plan, "z", data, 20, &error) == COMPUTE_ERROR_NOT_FOUND);
  CHECK(nn_plan_read(plan, "x", (float[5]){ 0 }, 5, &error) == COMPUTE_ERROR_NOT_FOUND);
  CHECK(nn_plan_shape(plan, "y").dims[0] == 5 && nn_plan_shape(plan, "z").rank == 0);
  nn_plan_destroy(&plan);
  CHECK(nn_plan_create(c.graph, &(struct nn_plan_params){ .kernel = "elementwise/none" }, &plan, &error) ==
        COMPUTE_ERROR_UNSUPPORTED);
  case_end(&c);
}

/* A deep graph with long-lived residuals, views, a concatenation and nodes that no output needs. */
static void
build_deep(struct testing_case *c, int64_t batch)
{
  const float *data;
  nn_tensor x = case_input(c, "x", 3, DIMS(batch, 9, 24), &data), first = x;
  nn_tensor w = nn_weight(c->graph, 2, DIMS(72, 24), "qkv"), o = nn_weight(c->graph, 2, DIMS(24, 24), "out");

  for (int i = 0; i < 12; i++) {
    nn_tensor all = nn_linear(c->graph, nn_layer_norm(c->graph, x, NULL, NULL, 1e-5f), w, NULL);
    nn_tensor a = nn_attention(c->graph, nn_slice(c->graph, all, 2, 0, 24), nn_slice(c->graph, all, 2, 24, 24),
                               nn_slice(c->graph, all, 2, 48, 24), &(struct nn_attention_params){ .heads = 3 });

    nn_softmax(c->graph, all); /* needed by nobody */
    x = nn_linear(c->graph, a, o, &(struct nn_linear_params){ .residual = x, .activation = NN_GELU });
    if (i == 5)
      x = nn_slice(c->graph, nn_concat(c->graph, first, x, 1), 1, 9, 9);
  }
  nn_output(c->graph, nn_add(c->graph, x, first), "y");
  nn_output(c->graph, nn_mean(c->graph, x, NULL), "mean");
}

static void
add_deep_weights(struct testing_case *c)
{
  const float *data;

  case_weight(c, "qkv", 2, DIMS(72, 24), &data);
  case_weight(c, "out", 2, DIMS(24, 24), &data);
}

static void
test_arena(void)
{
  enum { COUNT = 4 * 9 * 24 };
  struct testing_case c;
  struct compute_error error = { 0 };
  struct nn_plan *shared, *apart;
  const struct nn_op_time *times;
  float one[COUNT], other[COUNT], again[COUNT];
  double seconds = 0;
  size_t steps;

  case_begin(&c);
  add_deep_weights(&c);
  build_deep(&c, 4);
  CHECK(nn_plan_create(c.graph, NULL, &shared, &error) == COMPUTE_OK);
  CHECK(nn_plan_create(c.graph, &(struct nn_plan_params){ .no_aliasing = true, .profile = true }, &apart, &error) ==
        COMPUTE_OK);
  CHECK(nn_plan_arena_bytes(shared) < nn_plan_unshared_bytes(shared) / 3);
  CHECK(nn_plan_arena_bytes(apart) == nn_plan_unshared_bytes(apart));
  for (int i = 0; i < 2; i++) {
    struct nn_plan *plan = i == 0 ? shared : apart;

    CHECK(nn_plan_write(plan, "x", c.values[2].data, c.values[2].bytes, &error) == COMPUTE_OK);
    CHECK(nn_plan_run(plan, &error) == COMPUTE_OK);
    CHECK(nn_plan_read(plan, "y", i == 0 ? one : other, COUNT, &error) == COMPUTE_OK);
  }
  CHECK(memcmp(one, other, sizeof one) == 0);
  for (int i = 0; i < COUNT; i++)
    CHECK(isfinite(one[i]));
  /* A second run without writing anew: no node may have overwritten the input. */
  CHECK(nn_plan_run(shared, &error) == COMPUTE_OK);
  CHECK(nn_plan_read(shared, "y", again, COUNT, &error) == COMPUTE_OK);
  CHECK(memcmp(one, again, sizeof one) == 0);

  steps = nn_plan_profile(apart, &times);
  CHECK(steps == 12 * 4 + 2 + 2 + 2); /* layers, the parts joined, copies of the slice, outputs */
  for (size_t i = 0; i < steps; i++) {
    CHECK(strcmp(times[i].op, "softmax") != 0); /* left out: no output needs it */
    CHECK(times[i].operations > 0 && times[i].bytes > 0 && times[i].kernel != NULL);
    seconds += times[i].seconds;
  }
  CHECK(!gpu_device_capabilities(testing_device)->timestamps || seconds > 0);
  nn_plan_destroy(&shared);
  nn_plan_destroy(&apart);
  case_end(&c);
}

static void
test_sharing(void)
{
  enum { ONE = 9 * 24, COUNT = 3 * ONE };
  struct testing_case c, small;
  struct compute_error error = { 0 };
  struct nn_plan *large_plan, *small_plan;
  float large_out[COUNT], small_out[ONE];
  uint64_t bytes;

  case_begin(&c);
  add_deep_weights(&c);
  build_deep(&c, 3);
  CHECK(nn_plan_create(c.graph, NULL, &large_plan, &error) == COMPUTE_OK);
  bytes = nn_weights_bytes(c.weights);
  CHECK(bytes > 0);
  small = (struct testing_case){ .weights = c.weights, .graph = nn_graph_create(c.weights) };
  build_deep(&small, 2);
  CHECK(nn_plan_create(small.graph, &(struct nn_plan_params){ 0 }, &small_plan, &error) == COMPUTE_OK);
  CHECK(nn_weights_bytes(c.weights) == bytes);
  nn_graph_destroy(&small.graph);
  free(small.values[0].data);
  nn_plan_destroy(&small_plan);

  /* The same pictures in a batch of three and of one. */
  CHECK(nn_plan_write(large_plan, "x", c.values[2].data, c.values[2].bytes, &error) == COMPUTE_OK);
  CHECK(nn_plan_run(large_plan, &error) == COMPUTE_OK);
  CHECK(nn_plan_read(large_plan, "y", large_out, COUNT, &error) == COMPUTE_OK);
  small = (struct testing_case){ .weights = c.weights, .graph = nn_graph_create(c.weights) };
  build_deep(&small, 1);
  memcpy(small.values[0].data, (const float *)c.values[2].data + ONE, ONE * sizeof(float));
  case_run(&small, NULL, "y", small_out, ONE);
  for (int i = 0; i < ONE; i++)
    CHECK(fabsf(small_out[i] - large_out[ONE + i]) <= 1e-4f * (1 + fabsf(small_out[i])));
  nn_graph_destroy(&small.graph);
  free(small.values[0].data);
  nn_plan_destroy(&large_plan);
  case_end(&c);
}

/* Two weights joined along axis 0 are one product, equal to the two. */
static void
test_joined_weights(void)
{
  struct testing_case c;
  const float *x, *a, *b;
  float out[5 * 23];
  nn_tensor input, joined;

  case_begin(&c);
  input = case_input(&c, "x", 2, DIMS(5, 12), &x);
  joined = nn_concat(c.graph, case_weight(&c, "a", 2, DIMS(10, 12), &a), case_weight(&c, "b", 2, DIMS(13, 12), &b), 0);
  nn_output(c.graph, nn_linear(c.graph, input, joined, NULL), "y");
  case_run(&c, NULL, "y", out, 5 * 23);
  for (int m = 0; m < 5; m++)
    for (int o = 0; o < 23; o++) {
      const float *row = o < 10 ? a + o * 12 : b + (o - 10) * 12;
      double sum = 0;

      for (int k = 0; k < 12; k++)
        sum += (double)x[m * 12 + k] * row[k];
      CHECK(fabs(out[m * 23 + o] - sum) <= 1e-5);
    }
  case_end(&c);
}

static void
test_not_finite(void)
{
  static const char file_bytes[] = "\x40\0\0\0\0\0\0\0"
                                   "{\"bad.bias\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}  "
                                   "\0\0\x80\x3f\0\0\xc0\x7f\0\0\x80\x3f\0\0\x80\x3f";
  struct weights_file *file = NULL;
  struct testing_case c;
  struct compute_error error = { 0 };
  struct nn_plan *plan;
  const float *data;
  nn_tensor x;

  memset(&c, 0, sizeof c);
  CHECK(weights_parse(file_bytes, 8 + 64 + 16, "bad", &file, &error) == COMPUTE_OK);
  CHECK(nn_weights_create(testing_device, file, NULL, &c.weights, &error) == COMPUTE_OK);
  c.graph = nn_graph_create(c.weights);
  x = case_input(&c, "x", 1, DIMS(4), &data);
  nn_output(c.graph, nn_add(c.graph, x, nn_weight(c.graph, 1, DIMS(4), "bad.bias")), "y");
  CHECK(nn_graph_error(c.graph) == NULL);
  CHECK(nn_plan_create(c.graph, NULL, &plan, &error) == COMPUTE_ERROR_INVALID_FILE);
  CHECK(strstr(error.message, "bad.bias") != NULL);
  case_end(&c);
  weights_close(&file);
}

/* ---- Weights that take turns ---- */

#define LAYERS 12
#define LAYER_WIDTH 160

static void
build_layers(struct testing_case *c)
{
  const float *data;
  nn_tensor x = case_input(c, "x", 2, DIMS(9, LAYER_WIDTH), &data);

  for (int i = 0; i < LAYERS; i++) {
    char name[16];
    const int64_t width = LAYER_WIDTH;
    nn_tensor w, b;

    snprintf(name, sizeof name, "w%d", i);
    if (!nn_has_weight(c->graph, "%s", name)) {
      struct nn_shape square = { { width, width }, 2 }, line = { { width }, 1 };
      float values[LAYER_WIDTH * LAYER_WIDTH];
      struct compute_error error;

      for (int j = 0; j < width * width; j++)
        values[j] = testing_random() / 8;
      CHECK(nn_weights_add(c->weights, name, NN_F32, &square, values, &error) == COMPUTE_OK);
      name[0] = 'b';
      CHECK(nn_weights_add(c->weights, name, NN_F32, &line, values, &error) == COMPUTE_OK);
    }
    w = nn_weight(c->graph, 2, DIMS(width, width), "w%d", i);
    b = nn_weight(c->graph, 1, &width, "b%d", i);
    x = nn_layer_norm(c->graph, nn_linear(c->graph, x, w, &(struct nn_linear_params){ .bias = b, .residual = x }), b,
                      NULL, 1e-5f);
  }
  nn_output(c->graph, x, "y");
}

static void
run_layers(struct testing_case *c, struct nn_plan *plan, float *out)
{
  struct compute_error error = { 0 };

  CHECK(nn_plan_write(plan, "x", c->values[0].data, c->values[0].bytes, &error) == COMPUTE_OK);
  CHECK(nn_plan_run(plan, &error) == COMPUTE_OK);
  CHECK(nn_plan_read(plan, "y", out, 9 * LAYER_WIDTH, &error) == COMPUTE_OK);
}

/* What blocks of memory have left over, so that only what Vulkan gives anew is free. */
#define MAX_GAPS 1000
static void
take_gaps(struct gpu_buffer *gaps[MAX_GAPS])
{
  uint64_t bytes = 1 << 20;

  for (int i = 0; i < MAX_GAPS && bytes >= 4096;)
    if (gpu_buffer_create(testing_device, bytes, GPU_MEMORY_DEVICE, &gaps[i], NULL) == COMPUTE_OK)
      i++;
    else
      bytes /= 2;
}

/* The same numbers to the last bit, in several runs, beside a plan that keeps its weights, and where there is no room for all of them. */
static void
test_weights_by_turns(void)
{
  const struct nn_plan_params by_turns = { .weights_by_turns = true };
  struct testing_case c;
  struct compute_error error = { 0 };
  struct nn_plan *whole, *turns;
  float expected[9 * LAYER_WIDTH], got[9 * LAYER_WIDTH];
  uint64_t before, weights;
  struct gpu_buffer *gaps[MAX_GAPS] = { NULL };

  case_begin(&c);
  build_layers(&c);
  CHECK(nn_plan_create(c.graph, &by_turns, &turns, &error) == COMPUTE_OK);
  CHECK(nn_plan_turns(turns) > 3 && nn_plan_turns(turns) <= LAYERS && nn_weights_bytes(c.weights) == 0);
  for (int run = 0; run < 3; run++) {
    run_layers(&c, turns, got);
    if (run == 0)
      memcpy(expected, got, sizeof got);
    CHECK(memcmp(expected, got, sizeof got) == 0);
  }
  nn_plan_destroy(&turns);
  CHECK(nn_plan_create(c.graph, NULL, &whole, &error) == COMPUTE_OK);
  CHECK(nn_plan_turns(whole) == 0);
  weights = nn_weights_bytes(c.weights);
  CHECK(weights >= LAYERS * LAYER_WIDTH * LAYER_WIDTH * sizeof(float));
  run_layers(&c, whole, got);
  CHECK(memcmp(expected, got, sizeof got) == 0);
  /* Beside it nothing is left to upload. */
  CHECK(nn_plan_create(c.graph, &by_turns, &turns, &error) == COMPUTE_OK);
  CHECK(nn_plan_turns(turns) == 0 && nn_weights_bytes(c.weights) == weights);
  run_layers(&c, turns, got);
  CHECK(memcmp(expected, got, sizeof got) == 0);
  nn_plan_destroy(&turns);
  nn_plan_destroy(&whole);
  case_end(&c);

  /* Room for a third of them; what a plan that was not made had packed is given back. */
  case_begin(&c);
  build_layers(&c);
  before = gpu_device_memory_use(testing_device).allocated_bytes;
  gpu_device_inject_shortage(testing_device, before);
  take_gaps(gaps);
  gpu_device_inject_shortage(testing_device, before + weights / 3);
  CHECK(nn_plan_create(c.graph, NULL, &whole, &error) == COMPUTE_ERROR_OUT_OF_MEMORY && whole == NULL);
  CHECK(nn_weights_bytes(c.weights) == 0);
  CHECK(nn_plan_create(c.graph, &by_turns, &turns, &error) == COMPUTE_OK);
  for (int run = 0; run < 2; run++)
    run_layers(&c, turns, got);
  for (int i = 0; i < 9 * LAYER_WIDTH; i++)
    CHECK(isfinite(got[i]));
  nn_plan_destroy(&turns);
  /* Not even for a layer. */
  gpu_device_inject_shortage(testing_device, gpu_device_memory_use(testing_device).allocated_bytes + 90000);
  CHECK(nn_plan_create(c.graph, &by_turns, &turns, &error) == COMPUTE_ERROR_OUT_OF_MEMORY && turns == NULL);
  CHECK(strstr(error.message, "largest layer") != NULL && strstr(error.message, "smaller model") != NULL);
  gpu_device_inject_shortage(testing_device, UINT64_MAX);
  for (int i = 0; i < MAX_GAPS; i++)
    gpu_buffer_destroy(&gaps[i]);
  case_end(&c);
}

/* The least that Vulkan 1.1 promises, and less where only that shows that splitting works. */
static void
test_limits(void)
{
  struct gpu_capabilities clamp = *gpu_device_capabilities(testing_device);
  enum { V = 1000, W = 68, O = 700 };
  struct testing_case c;
  struct compute_error error = { 0 };
  struct nn_plan *plan;
  const float *table, *x, *w, *big;
  const int32_t *ids;
  float rows[50 * W], *product = malloc(50 * O * sizeof *product);

  CHECK(product != NULL);
  testing_close();
  clamp.max_workgroup_invocations = 128;
  clamp.max_shared_bytes = 16384;
  clamp.max_workgroup_count[0] = clamp.max_workgroup_count[1] = clamp.max_workgroup_count[2] = 7;
  clamp.max_storage_buffer_bytes = 128 << 10;
  clamp.max_texel_buffer_elements = 4096;
  clamp.subgroup_shuffle = clamp.subgroup_arithmetic = clamp.subgroup_size_control = false;
  clamp.storage_16bit = clamp.arithmetic_fp16 = clamp.storage_8bit = false;
  clamp.cooperative_matrix_nv = clamp.cooperative_matrix_khr = false;
  testing_open(&clamp);

  case_begin(&c); /* tables of twice the limit, bound in parts; workgroups folded into y */
  nn_output(c.graph,
            nn_gather(c.graph, case_weight(&c, "table", 2, DIMS(V, W), &table),
                      case_integers(&c, "ids", 1, DIMS(50), 0, V - 1, &ids)),
            "y");
  case_run(&c, NULL, "y", rows, 50 * W);
  for (int i = 0; i < 50 * W; i++)
    CHECK(rows[i] == table[ids[i / W] * W + i % W]);
  case_end(&c);

  case_begin(&c);
  nn_output(c.graph,
            nn_linear(c.graph, case_input(&c, "x", 2, DIMS(45, W), &x), case_weight(&c, "w", 2, DIMS(O, W), &w), NULL),
            "y");
  case_run(&c, NULL, "y", product, 45 * O);
  for (int m = 0; m < 45; m++)
    for (int o = 0; o < O; o++) {
      double sum = 0;

      for (int k = 0; k < W; k++)
        sum += (double)x[m * W + k] * w[o * W + k];
      CHECK(fabs(product[m * O + o] - sum) <= 1e-4);
    }
  case_end(&c);

  case_begin(&c); /* an activation larger than a binding is an error that says so */
  nn_output(c.graph, nn_scale(c.graph, case_input(&c, "big", 2, DIMS(900, W), &big), 2, 0), "y");
  CHECK(nn_plan_create(c.graph, NULL, &plan, &error) == COMPUTE_ERROR_LIMIT && plan == NULL);
  CHECK(strstr(error.message, "big") != NULL && strstr(error.message, "smaller batch") != NULL);
  case_end(&c);
  free(product);
}

/* Half and a quarter of the memory, and the same result within what rounding makes of it. */
static void
test_storage(void)
{
  enum { ROWS = 9, W = 512, O = 768 };
  static const enum nn_type types[] = { NN_F32, NN_F16, NN_I8 };
  static const double nearness[] = { 1e-12, 1e-7, 1e-4 };
  uint64_t whole = 0;
  double expected[ROWS * O];
  float out[ROWS * O];

  for (int i = 0; i < 3; i++) {
    const float *x, *w;
    struct testing_case c;

    testing_storage = types[i];
    case_begin(&c);
    nn_output(
        c.graph,
        nn_linear(c.graph, case_input(&c, "x", 2, DIMS(ROWS, W), &x), case_weight(&c, "w", 2, DIMS(O, W), &w), NULL),
        "y");
    case_run(&c, NULL, "y", out, ROWS * O);
    for (int m = 0; m < ROWS; m++)
      for (int o = 0; o < O; o++) {
        expected[m * O + o] = 0;
        for (int k = 0; k < W; k++)
          expected[m * O + o] += (double)x[m * W + k] * w[o * W + k];
      }
    CHECK(testing_nmse(out, expected, ROWS * O) <= nearness[i]);
    if (i == 0)
      whole = nn_weights_bytes(c.weights);
    CHECK(whole == (uint64_t)W * O * 4);
    CHECK(i != 1 || nn_weights_bytes(c.weights) == whole / 2);
    CHECK(i != 2 || nn_weights_bytes(c.weights) <= whole / 4 + O * sizeof(float) + 256);
    case_end(&c);
  }
  testing_storage = NN_F32;
}

int
main(void)
{
  testing_open(NULL);
  test_errors();
  test_arena();
  test_sharing();
  test_joined_weights();
  test_not_finite();
  test_storage();
  test_weights_by_turns();
  testing_close();
  testing_open_lowered(clamp_not_mapped);
  test_weights_by_turns();
  testing_close();
  testing_open(NULL);
  test_limits();
  testing_close();
  return 0;
}
