/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * Each class of nodes is measured on one of its nodes alone, in a plan of its own with the shapes, the views and the weight that it has
 * in the network. The candidate that is taken anyway comes first: the others must compute what it does, and beat it clearly.
 */

#define CLEARLY 0.97       /* of the time, so that noise changes nothing */
#define HOPELESS 1.3       /* of the best time: one run is enough */
#define FAR_BEHIND 4       /* the same of a run that meets cold memory */
#define LEAST_RUNS 3       /* of a candidate that is not hopeless */
#define LEAST_SECONDS 2e-3 /* all together */
#define TOLERANCE 1e-5     /* as the self-test's */

struct class {
  char text[NN_CLASS_TEXT];
  const struct nn_node *node; /* the costliest of the class */
  double operations;          /* of all nodes of the class */
};

struct tuning {
  struct nn_graph *graph;
  struct nn_findings *findings;
  struct nn_tune_params params;
  double begin;
  struct class *classes;
  size_t class_count;
  double operations; /* of all classes */
  double done;       /* of these */
};

static double
now(void)
{
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static bool
is_over(struct tuning *t)
{
  return now() - t->begin > t->params.seconds ||
         (t->params.progress != NULL && !t->params.progress(t->params.user, t->done / (t->operations + 1e-30)));
}

/* ---- Candidates ---- */

struct candidate {
  const struct nn_kernel *kernel;
  unsigned variant;
};

/* The next after *candidate that the device and the node allow; false: there is none. Begins with a NULL kernel. */
static bool
next_candidate(const struct tuning *t, const struct nn_node *node, struct candidate *candidate)
{
  const struct gpu_capabilities *capabilities = gpu_device_capabilities(nn_weights_device(t->graph->weights));
  const struct nn_kernel *const *kernel = node->op->kernels;

  if (candidate->kernel != NULL) {
    while (candidate->variant < candidate->kernel->variants)
      if (candidate->kernel->variant_fits(capabilities, node, ++candidate->variant))
        return true;
    while (*kernel != candidate->kernel)
      kernel++;
    kernel++;
  }
  for (; *kernel != NULL; kernel++)
    if (nn_findings_allow(t->findings, *kernel) && ((*kernel)->fits == NULL || (*kernel)->fits(capabilities, node))) {
      *candidate = (struct candidate){ *kernel, 0 };
      return true;
    }
  return false;
}

static bool
has_choice(const struct tuning *t, const struct nn_node *node)
{
  struct candidate candidate = { NULL, 0 };

  return next_candidate(t, node, &candidate) && next_candidate(t, node, &candidate);
}

/* ---- Measuring ---- */

/* The node's inputs and result on the host. */
struct operands {
  void *inputs[NN_MAX_INPUTS];
  size_t bytes[NN_MAX_INPUTS];
  float *first, *got; /* what the first candidate computed, and this one */
  size_t count;
  bool has_first;
};

static void
free_operands(struct operands *operands)
{
  for (unsigned i = 0; i < NN_MAX_INPUTS; i++)
    free(operands->inputs[i]);
  free(operands->first);
  free(operands->got);
}

static bool
make_operands(const struct nn_node *node, struct operands *operands)
{
  uint32_t state = 1;
  bool good = true;

  memset(operands, 0, sizeof *operands);
  for (unsigned i = 0; i < NN_MAX_INPUTS; i++) {
    nn_tensor input = node->inputs[i];

    if (input == NULL || input->storage->kind == NN_STORAGE_WEIGHT)
      continue;
    operands->bytes[i] = (size_t)input->storage->elements * 4;
    operands->inputs[i] = malloc(operands->bytes[i]);
    good = good && operands->inputs[i] != NULL;
    for (int64_t j = 0; good && j < input->storage->elements; j++) {
      state = state * 1664525 + 1013904223; /* Knuth 1997, section 3.3.4 */
      if (input->type == NN_I32)
        ((int32_t *)operands->inputs[i])[j] = INT32_MAX; /* lengths: all there is */
      else
        ((float *)operands->inputs[i])[j] = (float)(state >> 8) / (float)(1 << 23) - 1;
    }
  }
  operands->count = (size_t)node->output->storage->elements;
  operands->first = malloc(operands->count * sizeof(float));
  operands->got = malloc(operands->count * sizeof(float));
  return good && operands->first != NULL && operands->got != NULL;
}

static bool
is_same(const struct operands *operands)
{
  double squares = 0, power = 0;

  for (size_t i = 0; i < operands->count; i++) {
    squares += ((double)operands->got[i] - operands->first[i]) * ((double)operands->got[i] - operands->first[i]);
    power += (double)operands->first[i] * operands->first[i];
  }
  return squares <= TOLERANCE * (power > 0 ? power : 1);
}

/* The shortest run. Of a node's plan nothing but the node is timed, where the device can tell the time. */
static enum compute_status
time_plan(struct nn_plan *plan, double best, double *seconds, struct compute_error *error)
{
  const double begin = now();
  enum compute_status status = COMPUTE_OK;

  for (int run = -1; status == COMPUTE_OK; run++) {
    const struct nn_op_time *times;
    const double start = now();

    status = nn_plan_run(plan, error);
    const double whole = now() - start;
    if (status != COMPUTE_OK)
      break;
    if (run < 0 && (best <= 0 || whole < FAR_BEHIND * best)) /* the first run meets cold memory */
      continue;
    nn_plan_profile(plan, &times);
    const double taken = times[0].seconds > 0 ? times[0].seconds : whole;
    if (*seconds == 0 || taken < *seconds)
      *seconds = taken;
    if (run < 0 || (best > 0 && taken > HOPELESS * best) || (run + 1 >= LEAST_RUNS && now() - begin > LEAST_SECONDS))
      break;
  }
  return status;
}

/* *seconds is 0 for a candidate that is not to be taken. */
static enum compute_status
measure(const struct tuning *t, const struct nn_node *node, const struct candidate *candidate,
        struct operands *operands, double best, double *seconds, struct compute_error *error)
{
  struct nn_weights *weights = NULL;
  struct nn_plan *plan = NULL;
  enum compute_status status = nn_weights_create(nn_weights_device(t->graph->weights), NULL, NULL, &weights, error);

  *seconds = 0;
  if (status == COMPUTE_OK)
    status = nn_plan_create_alone(t->graph, node, candidate->kernel, candidate->variant, weights, &plan, error);
  for (unsigned i = 0; status == COMPUTE_OK && i < NN_MAX_INPUTS; i++)
    if (operands->inputs[i] != NULL)
      status = nn_plan_write(plan, (char[]){ (char)('0' + i), '\0' }, operands->inputs[i], operands->bytes[i], error);
  if (status == COMPUTE_OK)
    status = time_plan(plan, best, seconds, error);
  if (status == COMPUTE_OK)
    status = nn_plan_read(plan, "y", operands->got, operands->count, error);
  if (status == COMPUTE_OK && !operands->has_first) {
    memcpy(operands->first, operands->got, operands->count * sizeof(float));
    operands->has_first = true;
  }
  if (status != COMPUTE_OK || !is_same(operands))
    *seconds = 0;
  nn_plan_destroy(&plan);
  nn_weights_destroy(&weights);
  return status;
}

static enum compute_status
tune_class(struct tuning *t, const struct class *class, struct compute_error *error)
{
  struct candidate candidate = { NULL, 0 }, best = { NULL, 0 };
  struct operands operands;
  double least = 0;
  enum compute_status status = COMPUTE_OK;

  if (!make_operands(class->node, &operands)) {
    free_operands(&operands);
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory to measure a device's kernels");
  }
  while (status != COMPUTE_ERROR_DEVICE_LOST && next_candidate(t, class->node, &candidate)) {
    double seconds;

    if (best.kernel == NULL) {
      /* Kept at once: if a candidate loses the device, this class is not measured again. */
      nn_findings_set_fastest(t->findings, class->text, candidate.kernel, 0);
      nn_findings_save(t->findings);
    } else if (is_over(t)) {
      break;
    }
    /* What cannot be compiled or finds no room is no candidate. */
    status = measure(t, class->node, &candidate, &operands, least, &seconds, error);
    if (seconds > 0 && (best.kernel == NULL || seconds < CLEARLY * least)) {
      best = candidate;
      least = seconds;
    }
  }
  if (best.kernel != NULL)
    nn_findings_set_fastest(t->findings, class->text, best.kernel, best.variant);
  free_operands(&operands);
  return status == COMPUTE_ERROR_DEVICE_LOST ? status : COMPUTE_OK;
}

/* ---- The graph ---- */

static int
by_operations(const void *a, const void *b)
{
  const struct class *one = a, *other = b;

  return (one->operations < other->operations) - (one->operations > other->operations);
}

static double
operations_of(const struct nn_node *node)
{
  return node->op->operations != NULL ? node->op->operations(node) : (double)nn_elements(&node->output->shape);
}

static bool
collect_classes(struct tuning *t)
{
  t->classes = calloc(t->graph->node_count + 1, sizeof *t->classes);
  if (t->classes == NULL)
    return false;
  for (size_t i = 0; i < t->graph->node_count; i++) {
    const struct nn_node *node = t->graph->nodes[i];
    const struct nn_kernel *known;
    char text[NN_CLASS_TEXT];
    unsigned variant;
    size_t at = 0;

    if (!nn_class_of(node, text) || nn_findings_fastest(t->findings, text, &known, &variant) || !has_choice(t, node))
      continue;
    while (at < t->class_count && strcmp(t->classes[at].text, text) != 0)
      at++;
    if (at == t->class_count) {
      memcpy(t->classes[at].text, text, sizeof text);
      t->class_count++;
    }
    if (t->classes[at].node == NULL || operations_of(node) > operations_of(t->classes[at].node))
      t->classes[at].node = node;
    t->classes[at].operations += operations_of(node);
    t->operations += operations_of(node);
  }
  qsort(t->classes, t->class_count, sizeof *t->classes, by_operations);
  return true;
}

enum compute_status
nn_tune(struct nn_graph *graph, struct nn_findings *findings, const struct nn_tune_params *params,
        struct compute_error *error)
{
  struct tuning t = { .graph = graph, .findings = findings, .begin = now() };
  enum compute_status status = COMPUTE_OK;

  if (!nn_graph_good(graph)) {
    if (graph != NULL && error != NULL)
      *error = graph->error;
    return graph != NULL ? graph->error.status
                         : compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a graph");
  }
  if (params != NULL)
    t.params = *params;
  if (t.params.seconds <= 0)
    t.params.seconds = NN_TUNE_SECONDS;
  if (!collect_classes(&t))
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory to measure a device's kernels");
  for (size_t i = 0; status == COMPUTE_OK && i < t.class_count && !is_over(&t); i++) {
    status = tune_class(&t, &t.classes[i], error);
    t.done += t.classes[i].operations;
  }
  if (t.class_count > 0)
    nn_findings_save(findings);
  free(t.classes);
  return status;
}
