/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The self-test: it passes here, and a kernel that is broken in any of the ways that it looks for is not used afterwards. */
#include "compute/nn/nn-private.h"
#include "tests/compute/clamps.h"
#include "tests/compute/nn/nn-testing.h"

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char directory[] = "/tmp/saccade-findings-XXXXXX";

/* As nn-testing.c chooses it. */
static struct gpu_device_params
device_params(void)
{
  const char *index = getenv("SACCADE_DEVICE");

  return (struct gpu_device_params){ .choice = { .index = index != NULL ? atoi(index) : -1 },
                                     .cache_directory = directory };
}

static double
now(void)
{
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* The only file in the folder; false where there is none. */
static bool
find_file(char path[512])
{
  DIR *listing = opendir(directory);
  bool found = false;

  CHECK(listing != NULL);
  for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
    if (strncmp(entry->d_name, "kernels-", 8) == 0) {
      CHECK(!found);
      CHECK(snprintf(path, 512, "%s/%s", directory, entry->d_name) < 512);
      found = true;
    }
  closedir(listing);
  return found;
}

static void
forget(void)
{
  char path[512];

  if (find_file(path))
    unlink(path);
}

static struct nn_findings *
open_findings(void)
{
  struct nn_findings *findings;
  struct compute_error error = { 0 };

  CHECK(nn_findings_open(testing_device, directory, &findings, &error) == COMPUTE_OK);
  return findings;
}

static unsigned
count_unused(const struct nn_findings *findings)
{
  unsigned count = 0;

  for (size_t i = 0; nn_kernel_name(i) != NULL; i++)
    if (nn_findings_reason(findings, i) != NULL)
      count++;
  return count;
}

static void
test_passes(void)
{
  struct nn_findings *findings = open_findings();
  struct compute_error error = { 0 };
  char path[512];

  CHECK(!nn_findings_tested(findings));
  if (nn_self_test(testing_device, findings, &error) != COMPUTE_OK) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  CHECK(nn_findings_tested(findings) && count_unused(findings) == 0 && find_file(path));
  nn_findings_close(&findings);

  /* Pipelines are compiled now. */
  findings = open_findings();
  CHECK(nn_findings_tested(findings));
  nn_findings_set_tested(findings, false);
  const double begin = now();
  CHECK(nn_self_test(testing_device, findings, &error) == COMPUTE_OK);
  printf("with compiled pipelines the self-test takes %.3f s\n", now() - begin);
  nn_findings_close(&findings);
  CHECK(findings == NULL);
  nn_findings_close(&findings);
}

/* A device that can do less is no worse a device. */
static void
test_passes_on_lesser_devices(void)
{
  for (size_t i = 0; i < CLAMP_COUNT; i++) {
    struct nn_findings *findings;
    struct compute_error error = { 0 };

    if (clamps[i].refuses) /* less than any device has */
      continue;
    testing_open_lowered(clamps[i].lower);
    CHECK(nn_findings_open(testing_device, NULL, &findings, &error) == COMPUTE_OK);
    if (nn_self_test(testing_device, findings, &error) != COMPUTE_OK || count_unused(findings) > 0) {
      for (size_t k = 0; nn_kernel_name(k) != NULL; k++)
        if (nn_findings_reason(findings, k) != NULL)
          fprintf(stderr, "%s: %s\n", nn_kernel_name(k), nn_findings_reason(findings, k));
      fprintf(stderr, "%s: %s\n", clamps[i].name, error.message);
      exit(1);
    }
    nn_findings_close(&findings);
    testing_close();
  }
}

/* Every cut and a changed byte anywhere: nothing is known, and nothing breaks. */
static void
test_damaged_file(void)
{
  struct nn_findings *findings = open_findings();
  char path[512], bytes[4096];
  FILE *file;
  size_t size;

  CHECK(find_file(path));
  nn_findings_judge(findings, nn_ops[0]->kernels[0], "it is slow\nand old");
  nn_findings_save(findings);
  nn_findings_close(&findings);
  findings = open_findings();
  CHECK(strcmp(nn_findings_reason(findings, 0), "it is slow and old") == 0);
  nn_findings_close(&findings);
  file = fopen(path, "rb");
  CHECK(file != NULL);
  size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  CHECK(size > 60 && size < sizeof bytes);
  for (size_t cut = 0; cut < 2 * size - 1; cut++) {
    char damaged[sizeof bytes];

    memcpy(damaged, bytes, size);
    if (cut >= size)
      damaged[cut - size] ^= 4;
    file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(damaged, 1, cut < size ? cut : size, file) == (cut < size ? cut : size));
    fclose(file);
    findings = open_findings();
    /* The line's end is no part of what is hashed. */
    CHECK(cut == size - 1 || (!nn_findings_tested(findings) && count_unused(findings) == 0));
    nn_findings_close(&findings);
  }
  forget();
}

/* A product, by the kernels that plans choose. */
static const char *
linear_kernel(const struct nn_findings *findings)
{
  struct nn_weights *weights;
  struct nn_graph *graph;
  struct nn_plan *plan;
  struct compute_error error = { 0 };
  const struct nn_op_time *times;
  const struct nn_shape shape = { { 16, 32 }, 2 };
  float values[16 * 32], x[24 * 32], y[24 * 16];
  const char *kernel;

  for (int i = 0; i < 16 * 32; i++)
    values[i] = testing_random();
  for (int i = 0; i < 24 * 32; i++)
    x[i] = testing_random();
  CHECK(nn_weights_create(testing_device, NULL, &(struct nn_weights_params){ .findings = findings }, &weights,
                          &error) == COMPUTE_OK);
  CHECK(nn_weights_add(weights, "w", NN_F32, &shape, values, &error) == COMPUTE_OK);
  graph = nn_graph_create(weights);
  nn_output(graph,
            nn_linear(graph, nn_input(graph, "x", NN_F32, 2, (int64_t[]){ 24, 32 }),
                      nn_weight(graph, 2, shape.dims, "w"), NULL),
            "y");
  CHECK(nn_plan_create(graph, NULL, &plan, &error) == COMPUTE_OK);
  CHECK(nn_plan_write(plan, "x", x, sizeof x, &error) == COMPUTE_OK);
  CHECK(nn_plan_run(plan, &error) == COMPUTE_OK);
  CHECK(nn_plan_read(plan, "y", y, 24 * 16, &error) == COMPUTE_OK);
  for (int i = 0; i < 24 * 16; i++) {
    double sum = 0;

    for (int k = 0; k < 32; k++)
      sum += (double)x[i / 16 * 32 + k] * values[i % 16 * 32 + k];
    CHECK(fabs(sum - y[i]) < 1e-3 * (1 + fabs(sum)));
  }
  CHECK(nn_plan_profile(plan, &times) == 1);
  kernel = times[0].kernel;
  nn_plan_destroy(&plan);
  nn_graph_destroy(&graph);
  nn_weights_destroy(&weights);
  return kernel;
}

/* Whether another kernel of the same operation comes behind it. */
static bool
has_next(size_t index, char name[64])
{
  char next[64] = "";

  snprintf(name, 64, "%s", nn_kernel_name(index));
  if (nn_kernel_name(index + 1) != NULL)
    snprintf(next, sizeof next, "%s", nn_kernel_name(index + 1));
  return strncmp(name, next, strcspn(name, "/") + 1) == 0;
}

/* Each kernel of these operations ("": of all) that is not the last of its table, broken in this way, is left out; and it alone. */
static void
test_fault(enum nn_fault fault, const char *op, const char *words)
{
  const char *usual = linear_kernel(NULL);
  unsigned left_out = 0;

  for (size_t i = 0; nn_kernel_name(i) != NULL; i++) {
    struct nn_findings *findings = open_findings();
    struct compute_error error = { 0 };
    char name[64];

    CHECK(!nn_findings_tested(findings));
    if (has_next(i, name) && strncmp(name, op, strlen(op)) == 0) {
      nn_injected_fault = (struct nn_injected_fault){ name, fault };
      CHECK(nn_self_test(testing_device, findings, &error) == COMPUTE_OK);
      nn_injected_fault.kernel = NULL;
      CHECK(nn_findings_tested(findings));
      /* One that this device does not take anyway was not tried. */
      if (nn_findings_reason(findings, i) != NULL) {
        left_out++;
        if (strstr(nn_findings_reason(findings, i), words) == NULL) {
          fprintf(stderr, "%s: “%s” does not say “%s”\n", name, nn_findings_reason(findings, i), words);
          exit(1);
        }
      }
      CHECK(count_unused(findings) == (nn_findings_reason(findings, i) != NULL));
      if (strncmp(name, "linear/", 7) == 0 && strcmp(name + 7, usual) == 0)
        CHECK(strcmp(linear_kernel(findings), usual) != 0);
      nn_findings_close(&findings);
      findings = open_findings();
      CHECK(nn_findings_tested(findings) && count_unused(findings) <= 1);
    }
    nn_findings_close(&findings);
    forget();
  }
  printf("fault %d: %u kernels were left out, one at a time\n", (int)fault, left_out);
  CHECK(left_out > 0 || gpu_device_capabilities(testing_device)->type != GPU_DEVICE_CPU);
}

/* Without the last kernel of a table the device is not to be used, now and when it is opened again. */
static void
test_last_kernel(void)
{
  struct compute_error error = { 0 };
  struct gpu_device *device;
  struct nn_findings *findings;
  const struct gpu_device_params params = device_params();

  for (int turn = 0; turn < 2; turn++) {
    nn_injected_fault = (struct nn_injected_fault){ turn == 0 ? "linear/tile" : NULL, NN_FAULT_WRONG_NUMBER };
    CHECK(nn_device_open(testing_instance, &params, &device, &findings, &error) == COMPUTE_ERROR_UNSUPPORTED);
    CHECK(device == NULL && findings == NULL);
    CHECK(strstr(error.message, "linear/tile") != NULL && strstr(error.message, "driver") != NULL &&
          strstr(error.message, "wrong numbers") != NULL);
  }
  forget();
}

static void
test_loss(void)
{
  struct compute_error error = { 0 };
  struct gpu_device *device;
  struct nn_findings *findings;
  const struct gpu_device_params params = device_params();
  char name[64];
  unsigned left_out = 0;

  for (size_t i = 0; nn_kernel_name(i) != NULL; i++) {
    if (!has_next(i, name) || strncmp(name, "linear", 6) != 0)
      continue;
    nn_injected_fault = (struct nn_injected_fault){ name, NN_FAULT_LOST };
    CHECK(nn_device_open(testing_instance, &params, &device, &findings, &error) == COMPUTE_OK);
    nn_injected_fault.kernel = NULL;
    CHECK(gpu_device_save_cache(device, &error) == COMPUTE_OK); /* it is not lost */
    CHECK(nn_findings_tested(findings));
    if (nn_findings_reason(findings, i) != NULL) {
      CHECK(strstr(nn_findings_reason(findings, i), "was lost") != NULL);
      left_out++;
    }
    CHECK(count_unused(findings) == (nn_findings_reason(findings, i) != NULL));
    nn_findings_close(&findings);
    gpu_device_close(&device);
    forget();
  }
  CHECK(left_out > 0 || gpu_device_capabilities(testing_device)->type != GPU_DEVICE_CPU);
  /* The last one too: a device that is lost by what everything falls back to. */
  nn_injected_fault = (struct nn_injected_fault){ "softmax/group", NN_FAULT_LOST };
  CHECK(nn_device_open(testing_instance, &params, &device, &findings, &error) == COMPUTE_ERROR_UNSUPPORTED);
  nn_injected_fault.kernel = NULL;
  CHECK(strstr(error.message, "softmax/group") != NULL);
  forget();
}

/* A kernel that takes the process down twice is not tried a third time. Runs in processes of its own, before this one has a device. */
static void
crash_child(void)
{
  struct gpu_instance *instance;
  struct gpu_device *device;
  struct nn_findings *findings;
  struct compute_error error = { 0 };
  const struct gpu_device_params params = device_params();
  const char *kernel = "layer-norm/row";

  if (gpu_instance_create(NULL, &instance, &error) != COMPUTE_OK)
    _exit(77);
  nn_injected_fault = (struct nn_injected_fault){ kernel, NN_FAULT_CRASH };
  if (nn_device_open(instance, &params, &device, &findings, &error) != COMPUTE_OK)
    _exit(2);
  for (size_t i = 0; nn_kernel_name(i) != NULL; i++)
    if (nn_findings_reason(findings, i) != NULL)
      _exit(strcmp(nn_kernel_name(i), kernel) == 0 && strstr(nn_findings_reason(findings, i), "crashed") != NULL ? 10
                                                                                                                 : 3);
  _exit(gpu_device_capabilities(device)->type == GPU_DEVICE_CPU ? 4 : 77);
}

static void
test_crash(void)
{
  for (int turn = 0; turn < 3; turn++) {
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0)
      crash_child();
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
      break;
    if (turn < 2)
      CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    else
      CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 10);
  }
  forget();
}

/* Where nothing is known, a kernel that cannot be compiled makes way for the next as well. */
static void
test_planner_steps_down(void)
{
  char usual[64], name[96];

  snprintf(usual, sizeof usual, "%s", linear_kernel(NULL));
  if (strcmp(usual, "tile") == 0)
    return;
  snprintf(name, sizeof name, "linear/%s", usual);
  nn_injected_fault = (struct nn_injected_fault){ name, NN_FAULT_NOT_COMPILED };
  CHECK(strcmp(linear_kernel(NULL), usual) != 0);
  nn_injected_fault.kernel = NULL;
}

/* ---- Tuning ---- */

struct product {
  struct nn_weights *weights;
  struct nn_graph *graph;
};

static void
begin_product(struct product *product, const struct nn_findings *findings, int64_t rows)
{
  const struct nn_shape shape = { { 64, 48 }, 2 };
  struct compute_error error = { 0 };
  float values[64 * 48];

  for (int i = 0; i < 64 * 48; i++)
    values[i] = testing_random();
  CHECK(nn_weights_create(testing_device, NULL, &(struct nn_weights_params){ .findings = findings }, &product->weights,
                          &error) == COMPUTE_OK);
  CHECK(nn_weights_add(product->weights, "w", NN_F32, &shape, values, &error) == COMPUTE_OK);
  product->graph = nn_graph_create(product->weights);
  nn_output(product->graph,
            nn_linear(product->graph, nn_input(product->graph, "x", NN_F32, 2, (int64_t[]){ rows, 48 }),
                      nn_weight(product->graph, 2, shape.dims, "w"), NULL),
            "y");
}

static void
end_product(struct product *product)
{
  nn_graph_destroy(&product->graph);
  nn_weights_destroy(&product->weights);
}

static bool
never(void *user, double done)
{
  CHECK(user == NULL && done >= 0 && done <= 1);
  return false;
}

static void
test_tuning(void)
{
  struct nn_findings *findings = open_findings();
  struct compute_error error = { 0 };
  struct product product;
  const struct nn_kernel *kernel;
  unsigned variant;
  char class[NN_CLASS_TEXT];

  begin_product(&product, findings, 37);
  CHECK(nn_class_of(product.graph->nodes[0], class) && strcmp(class, "linear f32 32 64 64") == 0);
  CHECK(!nn_findings_fastest(findings, class, &kernel, &variant));
  CHECK(nn_tune(product.graph, findings, &(struct nn_tune_params){ .progress = never }, &error) == COMPUTE_OK);
  CHECK(nn_findings_classes(findings) == 0);
  const double begin = now();
  CHECK(nn_tune(product.graph, findings, NULL, &error) == COMPUTE_OK);
  printf("one class is measured in %.3f s\n", now() - begin);
  if (gpu_device_capabilities(testing_device)->type == GPU_DEVICE_CPU) {
    CHECK(nn_findings_classes(findings) == 1 && nn_findings_fastest(findings, class, &kernel, &variant));
    printf("%s: %s, variant %u\n", class, kernel->name, variant);
    nn_findings_close(&findings);
    findings = open_findings();
    CHECK(nn_findings_classes(findings) == 1 && nn_findings_fastest(findings, class, &kernel, &variant));
  }
  nn_findings_forget_speed(findings);
  CHECK(nn_findings_classes(findings) == 0);
  end_product(&product);
  nn_findings_close(&findings);
  forget();
}

/* What is known to be fastest is taken, whatever the table's order, and every variant computes the same. */
static void
test_choices(void)
{
  const struct gpu_capabilities *capabilities = gpu_device_capabilities(testing_device);
  struct nn_findings *findings = open_findings();
  struct product product;
  char class[NN_CLASS_TEXT];
  unsigned variants = 0;

  begin_product(&product, findings, 24);
  const struct nn_node *node = product.graph->nodes[0];
  nn_class_of(node, class);
  CHECK(strcmp(class, "linear f32 32 64 64") == 0);
  for (const struct nn_kernel *const *kernel = node->op->kernels; *kernel != NULL; kernel++) {
    if ((*kernel)->fits != NULL && !(*kernel)->fits(capabilities, node))
      continue;
    for (unsigned variant = 0; variant <= (*kernel)->variants; variant++) {
      if (variant > 0 && !(*kernel)->variant_fits(capabilities, node, variant))
        continue;
      variants += variant > 0;
      /* The class of linear_kernel()'s product, which checks what comes out. */
      nn_findings_set_fastest(findings, "linear f32 32 32 16", *kernel, variant);
      CHECK(strcmp(linear_kernel(findings), (*kernel)->name) == 0);
    }
    /* One that is not to be used is not, however fast. */
    if (kernel[1] != NULL) {
      nn_findings_judge(findings, *kernel, "for a test");
      CHECK(strcmp(linear_kernel(findings), (*kernel)->name) != 0);
      nn_findings_judge(findings, *kernel, NULL);
    }
  }
  printf("%u variants of linear\n", variants);
  CHECK(variants > 2 || capabilities->type != GPU_DEVICE_CPU);
  end_product(&product);
  nn_findings_close(&findings);
}

/* A candidate that loses the device is not met a second time. */
static void
test_loss_in_tuning(void)
{
  struct nn_findings *findings = open_findings();
  struct compute_error error = { 0 };
  struct product product;

  for (int turn = 0; turn < 2; turn++) {
    begin_product(&product, findings, 37);
    nn_injected_fault = (struct nn_injected_fault){ "linear/tile", NN_FAULT_LOST };
    enum compute_status status = nn_tune(product.graph, findings, NULL, &error);
    nn_injected_fault.kernel = NULL;
    if (gpu_device_capabilities(testing_device)->type == GPU_DEVICE_CPU)
      CHECK(status == (turn == 0 ? COMPUTE_ERROR_DEVICE_LOST : COMPUTE_OK) && nn_findings_classes(findings) == 1);
    end_product(&product);
    gpu_device_close(&testing_device);
    const struct gpu_device_params params = device_params();
    CHECK(gpu_device_open(testing_instance, &params, &testing_device, &error) == COMPUTE_OK);
  }
  nn_findings_close(&findings);
  forget();
}

int
main(void)
{
  char path[512];

  CHECK(mkdtemp(directory) != NULL);
  test_crash();
  test_passes_on_lesser_devices();
  testing_open(NULL);
  test_passes();
  test_damaged_file();
  test_fault(NN_FAULT_WRONG_NUMBER, "", "wrong numbers");
  test_fault(NN_FAULT_WRONG_AMONG_OTHERS, "linear", "a small");
  test_fault(NN_FAULT_NOT_COMPILED, "conv2d", "does not let");
  test_last_kernel();
  test_loss();
  test_planner_steps_down();
  test_tuning();
  test_choices();
  test_loss_in_tuning();
  testing_close();
  CHECK(!find_file(path));
  snprintf(path, sizeof path, "rm -r %s", directory);
  CHECK(system(path) == 0);
  return 0;
}
