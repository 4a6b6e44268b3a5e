/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/arena.h"
#include "compute/nn/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What nn_plan_write() and nn_plan_read() find by name. */
struct port {
  char *name;
  bool is_output;
  struct nn_shape shape;
  uint64_t offset, bytes;
};

struct step {
  const struct nn_node *node; /* valid while the plan is made */
  const struct nn_kernel *kernel;
  unsigned variant;
  uint64_t weight_bytes; /* in a window of weights */
  uint64_t refused;      /* a bit for each kernel of the operation's table that could not be recorded */
};

/* A range of the arena that a dispatch since the last barrier touched. */
struct touch {
  uint64_t begin, end;
  const struct nn_storage *storage; /* NULL for scratch */
  bool written;
};

struct nn_plan {
  struct gpu_device *device;
  struct gpu_buffer *arena;
  struct gpu_commands *commands; /* the last, where there are several */
  /* Where weights take turns: the commands of every turn but the last. */
  struct nn_window *window;
  struct gpu_commands **turns;
  size_t turn_count;
  struct port *ports;
  size_t port_count;
  struct nn_op_time *times; /* one a step */
  uint64_t *stamps;
  size_t step_count;
  uint64_t arena_bytes, unshared_bytes;
  bool timed;
  bool loses; /* an injected fault: the device is lost in the next run */

  /* While the plan is made. */
  struct nn_weights *weights;
  struct nn_plan_params params;
  bool alone;     /* one node, whose operands are the inputs */
  bool recording; /* in the middle of a step */
  bool measuring; /* kernels are asked what they bind, and nothing is recorded */
  struct step *steps;
  struct arena_block *blocks; /* the indexed storages, then a scratch a step */
  size_t storage_blocks;
  size_t step;
  double weight_bytes; /* that the step has bound */
  struct touch *touches;
  size_t touch_count, touch_room;
};

/* ---- What kernels call ---- */

const struct gpu_capabilities *
nn_plan_capabilities(const struct nn_plan *plan)
{
  return gpu_device_capabilities(plan->device);
}

static uint64_t
alignment(const struct nn_plan *plan)
{
  const struct gpu_capabilities *capabilities = nn_plan_capabilities(plan);
  uint64_t most = 16;

  if (most < capabilities->storage_buffer_alignment)
    most = capabilities->storage_buffer_alignment;
  if (most < capabilities->texel_buffer_alignment)
    most = capabilities->texel_buffer_alignment;
  return most;
}

static enum compute_status
bind_weight(struct nn_plan *plan, struct nn_source *source, int64_t first, const struct nn_shape *shape,
            const struct nn_packing *packing, struct gpu_binding *binding, struct compute_error *error)
{
  *binding = (struct gpu_binding){ .bytes = packing->bytes(packing, shape) };
  plan->weight_bytes += (double)binding->bytes;
  return plan->window != NULL ? nn_window_bind(plan->window, source, first, shape, packing, &binding->buffer, error)
                              : nn_weights_pack(plan->weights, source, first, shape, packing, &binding->buffer, error);
}

enum compute_status
nn_plan_bind_packed(struct nn_plan *plan, nn_tensor tensor, const struct nn_packing *packing,
                    struct gpu_binding *binding, struct compute_error *error)
{
  return bind_weight(plan, tensor->storage->source, tensor->offset, &tensor->shape, packing, binding, error);
}

static enum compute_status
check_binding(struct nn_plan *plan, const char *name, uint64_t bytes, struct compute_error *error)
{
  uint64_t most = nn_plan_capabilities(plan)->max_storage_buffer_bytes;

  if (bytes <= most)
    return COMPUTE_OK;
  return compute_fail(
      error, COMPUTE_ERROR_LIMIT,
      "tensor “%s” takes %llu bytes and the device binds at most %llu: use a smaller batch or another device", name,
      (unsigned long long)bytes, (unsigned long long)most);
}

enum compute_status
nn_plan_bind(struct nn_plan *plan, nn_tensor tensor, struct gpu_binding *binding, struct compute_error *error)
{
  const struct nn_storage *storage = tensor->storage;
  const struct arena_block *block;
  enum compute_status status;

  if (storage->kind == NN_STORAGE_WEIGHT) {
    status = bind_weight(plan, storage->source, 0, &storage->source->shape, &nn_packing_plain, binding, error);
    if (status != COMPUTE_OK)
      return status;
  } else {
    block = &plan->blocks[storage->index];
    *binding = (struct gpu_binding){ plan->arena, block->offset, block->bytes };
  }
  return check_binding(plan, tensor->name, binding->bytes, error);
}

uint64_t
nn_plan_part(const struct nn_plan *plan, uint64_t unit_bytes, uint64_t count)
{
  uint64_t most = nn_plan_capabilities(plan)->max_storage_buffer_bytes, step = 1;

  if (unit_bytes * count <= most)
    return count;
  while (unit_bytes * step % alignment(plan) != 0)
    step++;
  return most / unit_bytes / step * step;
}

unsigned
nn_plan_variant(const struct nn_plan *plan)
{
  return plan->steps[plan->step].variant;
}

struct gpu_binding
nn_plan_scratch(const struct nn_plan *plan)
{
  const struct arena_block *block = &plan->blocks[plan->storage_blocks + plan->step];

  return (struct gpu_binding){ plan->arena, block->offset, block->bytes };
}

void
nn_plan_barrier(struct nn_plan *plan)
{
  if (!plan->measuring)
    gpu_commands_barrier(plan->commands);
}

enum compute_status
nn_plan_dispatch(struct nn_plan *plan, const struct nn_dispatch *dispatch, struct compute_error *error)
{
  static const enum gpu_binding_type all_storage[GPU_MAX_BINDINGS]; /* GPU_BINDING_STORAGE is 0 */
  const struct gpu_capabilities *capabilities = nn_plan_capabilities(plan);
  struct gpu_pipeline *pipeline;
  uint64_t x = dispatch->groups, y = 1;
  enum compute_status status;

  if (plan->measuring)
    return COMPUTE_OK;
  status = gpu_pipeline_get(plan->device,
                            &(struct gpu_pipeline_params){
                                .name = dispatch->shader->name,
                                .spirv = dispatch->shader->spirv,
                                .spirv_bytes = dispatch->shader->bytes,
                                .bindings = dispatch->binding_types != NULL ? dispatch->binding_types : all_storage,
                                .binding_count = dispatch->binding_count,
                                .push_constant_bytes = dispatch->push_bytes,
                                .constants = dispatch->constants,
                                .constant_count = dispatch->constant_count,
                                .required_subgroup_size = dispatch->required_subgroup_size,
                            },
                            &pipeline, error);
  if (status != COMPUTE_OK)
    return status;
  if (x > capabilities->max_workgroup_count[0]) {
    y = nn_divide_up(x, capabilities->max_workgroup_count[0]);
    x = nn_divide_up(x, y);
  }
  if (y > capabilities->max_workgroup_count[1])
    return compute_fail(error, COMPUTE_ERROR_LIMIT,
                        "%s needs %llu workgroups, more than the device runs at once: use a smaller batch",
                        dispatch->shader->name, (unsigned long long)dispatch->groups);
  return gpu_commands_dispatch(plan->commands, pipeline, dispatch->bindings, dispatch->binding_count, dispatch->push,
                               dispatch->push_bytes, (uint32_t)x, (uint32_t)y, 1, error);
}

/* ---- Choosing ---- */

/* Nodes that an output needs, in the order in which they were appended, which is one of dependence. */
static enum compute_status
choose_steps(struct nn_plan *plan, const struct nn_graph *graph, struct compute_error *error)
{
  bool *needed = calloc(graph->indexed_storages + 1, sizeof *needed);

  plan->steps = calloc(graph->node_count + 1, sizeof *plan->steps);
  if (needed == NULL || plan->steps == NULL) {
    free(needed);
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a plan of %zu nodes", graph->node_count);
  }
  for (size_t i = 0; i < graph->output_count; i++)
    needed[graph->outputs[i].tensor->storage->index] = true;
  for (size_t i = graph->node_count; i-- > 0;) {
    const struct nn_node *node = graph->nodes[i];

    if (!needed[node->output->storage->index])
      continue;
    for (unsigned j = 0; j < NN_MAX_INPUTS; j++)
      if (node->inputs[j] != NULL && node->inputs[j]->storage->kind != NN_STORAGE_WEIGHT)
        needed[node->inputs[j]->storage->index] = true;
  }
  for (size_t i = 0; i < graph->node_count; i++)
    if (needed[graph->nodes[i]->output->storage->index])
      plan->steps[plan->step_count++].node = graph->nodes[i];
  free(needed);
  return COMPUTE_OK;
}

/* "operation/kernel" names this kernel. */
static bool
is_named(const char *name, const struct nn_op *op, const struct nn_kernel *kernel)
{
  size_t op_length = strlen(op->name);

  return strncmp(name, op->name, op_length) == 0 && name[op_length] == '/' &&
         strcmp(name + op_length + 1, kernel->name) == 0;
}

static bool
names_op(const char *name, const struct nn_op *op)
{
  size_t op_length = strlen(op->name);

  return strncmp(name, op->name, op_length) == 0 && name[op_length] == '/';
}

static bool
may_use(const struct nn_plan *plan, const struct step *step, unsigned row)
{
  const struct nn_op *op = step->node->op;
  const struct nn_kernel *kernel = op->kernels[row];
  const char *forced = plan->params.kernel != NULL && names_op(plan->params.kernel, op) ? plan->params.kernel : NULL;

  return (step->refused >> row & 1) == 0 &&
         (forced != NULL ? is_named(forced, op, kernel)
                         : nn_findings_allow(nn_weights_findings(plan->weights), kernel)) &&
         (kernel->fits == NULL || kernel->fits(nn_plan_capabilities(plan), step->node));
}

/* What was measured fastest, else the first of the operation's kernels that the device and the node allow, and that was not refused;
   false: there is none. */
static bool
choose_kernel(const struct nn_plan *plan, struct step *step)
{
  const struct nn_op *op = step->node->op;
  const struct nn_kernel *fastest = NULL;
  unsigned variant = 0;
  char class[NN_CLASS_TEXT];

  step->kernel = NULL;
  step->variant = 0;
  if (nn_class_of(step->node, class))
    nn_findings_fastest(nn_weights_findings(plan->weights), class, &fastest, &variant);
  for (unsigned i = 0; op->kernels[i] != NULL; i++) {
    const struct nn_kernel *kernel = op->kernels[i];

    if ((step->kernel != NULL && kernel != fastest) || !may_use(plan, step, i))
      continue;
    step->kernel = kernel;
    if (kernel == fastest && variant > 0 && variant <= kernel->variants &&
        kernel->variant_fits(nn_plan_capabilities(plan), step->node, variant))
      step->variant = variant;
  }
  return step->kernel != NULL;
}

static enum compute_status
choose_kernels(struct nn_plan *plan, struct compute_error *error)
{
  for (size_t i = 0; i < plan->step_count; i++)
    if (!choose_kernel(plan, &plan->steps[i]))
      return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "%s cannot be computed by %s on this device",
                          plan->steps[i].node->output->name,
                          plan->params.kernel != NULL && names_op(plan->params.kernel, plan->steps[i].node->op)
                              ? plan->params.kernel
                              : "any kernel");
  return COMPUTE_OK;
}

/* Whether the node at which recording failed has another kernel. */
static bool
refuse_kernel(struct nn_plan *plan)
{
  struct step *step = &plan->steps[plan->step];

  for (unsigned i = 0; i < 64 && step->node->op->kernels[i] != NULL; i++)
    if (step->node->op->kernels[i] == step->kernel)
      step->refused |= (uint64_t)1 << i;
  return choose_kernel(plan, step);
}

/* ---- Memory ---- */

static void
use_block(struct arena_block *block, size_t step)
{
  if (!block->used) {
    block->used = true;
    block->first = step;
  }
  if (block->last < step)
    block->last = step;
}

static enum compute_status
lay_out(struct nn_plan *plan, const struct nn_graph *graph, struct compute_error *error)
{
  const struct gpu_capabilities *capabilities = nn_plan_capabilities(plan);
  size_t count = graph->indexed_storages + plan->step_count, last = plan->step_count;

  plan->storage_blocks = graph->indexed_storages;
  plan->blocks = calloc(count + 1, sizeof *plan->blocks);
  if (plan->blocks == NULL)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a plan of %zu tensors", count);
  for (size_t i = 0; i < graph->storage_count; i++)
    if (graph->storages[i]->kind != NN_STORAGE_WEIGHT)
      plan->blocks[graph->storages[i]->index].bytes = nn_divide_up((uint64_t)graph->storages[i]->elements, 4) * 16;
  for (size_t i = 0; i < plan->step_count; i++) {
    const struct nn_node *node = plan->steps[i].node;
    const struct nn_kernel *kernel = plan->steps[i].kernel;
    struct arena_block *scratch = &plan->blocks[plan->storage_blocks + i];

    use_block(&plan->blocks[node->output->storage->index], i);
    for (unsigned j = 0; j < NN_MAX_INPUTS; j++)
      if (node->inputs[j] != NULL && node->inputs[j]->storage->kind != NN_STORAGE_WEIGHT)
        use_block(&plan->blocks[node->inputs[j]->storage->index], i);
    scratch->bytes = kernel->scratch_bytes != NULL ? kernel->scratch_bytes(capabilities, node) : 0;
    if (scratch->bytes > 0)
      use_block(scratch, i);
  }
  /* The host writes inputs before the first node and reads outputs after the last; both keep what they hold between runs. */
  for (size_t i = 0; !plan->alone && i < graph->input_count; i++) {
    use_block(&plan->blocks[graph->inputs[i].tensor->storage->index], 0);
    plan->blocks[graph->inputs[i].tensor->storage->index].first = 0;
    use_block(&plan->blocks[graph->inputs[i].tensor->storage->index], last);
  }
  for (size_t i = 0; !plan->alone && i < graph->output_count; i++)
    use_block(&plan->blocks[graph->outputs[i].tensor->storage->index], last);

  plan->unshared_bytes = arena_lay_out(plan->blocks, count, alignment(plan), false);
  plan->arena_bytes = plan->unshared_bytes;
  if (!plan->params.no_aliasing && !plan->alone)
    plan->arena_bytes = arena_lay_out(plan->blocks, count, alignment(plan), true);
  return COMPUTE_OK;
}

static enum compute_status
allocate(struct nn_plan *plan, struct compute_error *error)
{
  const struct gpu_capabilities *capabilities = nn_plan_capabilities(plan);

  if (plan->arena_bytes > capabilities->max_allocation_bytes)
    return compute_fail(error, COMPUTE_ERROR_LIMIT,
                        "the network's tensors take %llu bytes and the device gives at most %llu: use a smaller batch",
                        (unsigned long long)plan->arena_bytes, (unsigned long long)capabilities->max_allocation_bytes);
  return gpu_buffer_create(plan->device, plan->arena_bytes > 0 ? plan->arena_bytes : 16, GPU_MEMORY_DEVICE,
                           &plan->arena, error);
}

static enum compute_status
add_port(struct nn_plan *plan, const struct nn_name *name, bool is_output, struct compute_error *error)
{
  const struct nn_storage *storage = name->tensor->storage;
  struct port *port = &plan->ports[plan->port_count];

  *port = (struct port){ .name = strdup(name->name),
                         .is_output = is_output,
                         .shape = name->tensor->shape,
                         .offset = plan->blocks[storage->index].offset,
                         .bytes = (uint64_t)storage->elements * 4 };
  if (port->name == NULL)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for the name “%s”", name->name);
  plan->port_count++;
  return COMPUTE_OK;
}

static enum compute_status
add_operand_ports(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  enum compute_status status = COMPUTE_OK;
  char digit[2] = "0";

  for (unsigned i = 0; status == COMPUTE_OK && i < NN_MAX_INPUTS; i++) {
    digit[0] = (char)('0' + i);
    if (node->inputs[i] != NULL && node->inputs[i]->storage->kind != NN_STORAGE_WEIGHT)
      status = add_port(plan, &(struct nn_name){ digit, node->inputs[i] }, false, error);
  }
  return status == COMPUTE_OK ? add_port(plan, &(struct nn_name){ (char[]){ "y" }, node->output }, true, error)
                              : status;
}

static enum compute_status
add_ports(struct nn_plan *plan, const struct nn_graph *graph, struct compute_error *error)
{
  enum compute_status status = COMPUTE_OK;

  plan->ports = calloc(graph->input_count + graph->output_count + NN_MAX_INPUTS + 1, sizeof *plan->ports);
  if (plan->ports == NULL)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a plan's inputs and outputs");
  if (plan->alone)
    return add_operand_ports(plan, plan->steps[0].node, error);
  for (size_t i = 0; status == COMPUTE_OK && i < graph->input_count; i++)
    status = add_port(plan, &graph->inputs[i], false, error);
  for (size_t i = 0; status == COMPUTE_OK && i < graph->output_count; i++)
    status = add_port(plan, &graph->outputs[i], true, error);
  return status;
}

/* ---- Recording ---- */

/* Nodes that write one storage are the parts of a concatenation: they do not meet. */
static bool
conflicts(const struct touch *earlier, const struct touch *later)
{
  return earlier->begin < later->end && later->begin < earlier->end && (earlier->written || later->written) &&
         !(earlier->written && later->written && earlier->storage != NULL && earlier->storage == later->storage);
}

static struct touch
touch_of(const struct nn_plan *plan, size_t block, const struct nn_storage *storage, bool written)
{
  const struct arena_block *at = &plan->blocks[block];

  return (struct touch){ at->offset, at->offset + at->bytes, storage, written };
}

static enum compute_status
separate(struct nn_plan *plan, struct compute_error *error)
{
  const struct nn_node *node = plan->steps[plan->step].node;
  size_t scratch = plan->storage_blocks + plan->step;
  struct touch now[NN_MAX_INPUTS + 2];
  size_t count = 0;
  bool meet = false;

  for (unsigned i = 0; i < NN_MAX_INPUTS; i++)
    if (node->inputs[i] != NULL && node->inputs[i]->storage->kind != NN_STORAGE_WEIGHT)
      now[count++] = touch_of(plan, node->inputs[i]->storage->index, node->inputs[i]->storage, false);
  now[count++] = touch_of(plan, node->output->storage->index, node->output->storage, true);
  if (plan->blocks[scratch].used)
    now[count++] = touch_of(plan, scratch, NULL, true);

  for (size_t i = 0; !meet && i < plan->touch_count; i++)
    for (size_t j = 0; !meet && j < count; j++)
      meet = conflicts(&plan->touches[i], &now[j]);
  if (meet || (plan->params.profile && plan->touch_count > 0)) {
    gpu_commands_barrier(plan->commands);
    plan->touch_count = 0;
  }
  if (plan->touch_count + count > plan->touch_room) {
    size_t room = plan->touch_room * 2 + NN_MAX_INPUTS + 2;
    struct touch *larger = realloc(plan->touches, room * sizeof *larger);

    if (larger == NULL)
      return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory to record a plan");
    plan->touches = larger;
    plan->touch_room = room;
  }
  memcpy(plan->touches + plan->touch_count, now, count * sizeof now[0]);
  plan->touch_count += count;
  return COMPUTE_OK;
}

/* Beside the weights. */
static double
bytes_touched(const struct nn_node *node)
{
  double elements = (double)nn_elements(&node->output->shape);

  for (unsigned i = 0; i < NN_MAX_INPUTS; i++)
    if (node->inputs[i] != NULL && node->inputs[i]->storage->kind != NN_STORAGE_WEIGHT)
      elements += (double)nn_elements(&node->inputs[i]->shape);
  return elements * 4;
}

/* After the node's commands: what a test wants to go wrong. */
static enum compute_status
inject_fault(struct nn_plan *plan, const struct step *step, struct compute_error *error)
{
  const nn_tensor output = step->node->output;

  if (nn_injected_fault.kernel == NULL || !is_named(nn_injected_fault.kernel, step->node->op, step->kernel))
    return COMPUTE_OK;
  switch (nn_injected_fault.fault) {
  case NN_FAULT_NONE:
    break;
  case NN_FAULT_WRONG_AMONG_OTHERS:
    if (plan->step_count < 8)
      break;
    /* fall through */
  case NN_FAULT_WRONG_NUMBER:
    gpu_commands_barrier(plan->commands);
    gpu_commands_fill(plan->commands, plan->arena,
                      plan->blocks[output->storage->index].offset + (uint64_t)output->offset * 4, 4, nn_float_bits(42));
    gpu_commands_barrier(plan->commands);
    break;
  case NN_FAULT_NOT_COMPILED:
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "a test does not let %s be compiled",
                        nn_injected_fault.kernel);
  case NN_FAULT_LOST:
    plan->loses = true;
    break;
  case NN_FAULT_CRASH:
    abort();
  }
  return COMPUTE_OK;
}

/* ---- Weights by turns ---- */

/* What each step's weights take, and the most of all. */
static enum compute_status
measure_weights(struct nn_plan *plan, uint64_t *all, uint64_t *most, struct compute_error *error)
{
  enum compute_status status = nn_window_create(plan->weights, 0, &plan->window, error);

  plan->measuring = plan->recording = true;
  *all = *most = 0;
  for (plan->step = 0; status == COMPUTE_OK && plan->step < plan->step_count; plan->step++) {
    struct step *step = &plan->steps[plan->step];

    status = nn_window_next(plan->window, error);
    if (status == COMPUTE_OK)
      status = step->kernel->record(plan, step->node, error);
    if (status != COMPUTE_OK)
      break;
    step->weight_bytes = nn_window_used(plan->window);
    *all += step->weight_bytes;
    if (*most < step->weight_bytes)
      *most = step->weight_bytes;
  }
  plan->measuring = false;
  plan->recording = status != COMPUTE_OK;
  nn_window_destroy(&plan->window);
  return status;
}

#define TURNS 8 /* that are wished for: more would save memory, and wait more often */

/* A window for some turns, or, where there is no room for it, for the step with the largest weights. */
static enum compute_status
open_window(struct nn_plan *plan, struct compute_error *error)
{
  uint64_t all, most, wished;
  enum compute_status status = measure_weights(plan, &all, &most, error);

  if (status != COMPUTE_OK || all == 0)
    return status;
  wished = nn_divide_up(all / TURNS, GPU_PART_ALIGNMENT) * GPU_PART_ALIGNMENT;
  status = nn_window_create(plan->weights, wished > most ? wished : most, &plan->window, error);
  if ((status == COMPUTE_ERROR_OUT_OF_MEMORY || status == COMPUTE_ERROR_LIMIT) && wished > most)
    status = nn_window_create(plan->weights, most, &plan->window, error);
  if (status == COMPUTE_ERROR_OUT_OF_MEMORY)
    status = compute_fail(error, status,
                          "%s has too little free memory: the network's tensors take %llu MiB there, and its largest "
                          "layer's weights, %llu MiB, do not fit beside them. Close other programs, or choose a "
                          "smaller model or another device (saccade devices)",
                          gpu_device_get_info(plan->device)->name,
                          (unsigned long long)nn_divide_up(plan->arena_bytes, 1 << 20),
                          (unsigned long long)nn_divide_up(most, 1 << 20));
  return status;
}

/* Ends the commands at hand where the step's weights do not fit the window beside those before. */
static enum compute_status
take_turn(struct nn_plan *plan, const struct step *step, struct compute_error *error)
{
  struct gpu_commands **turns;
  enum compute_status status;

  if (plan->window == NULL || nn_window_used(plan->window) + step->weight_bytes <= nn_window_bytes(plan->window))
    return COMPUTE_OK;
  status = gpu_commands_end(plan->commands, error);
  turns = realloc(plan->turns, (plan->turn_count + 1) * sizeof *turns);
  if (status == COMPUTE_OK && turns == NULL)
    status = compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory to record a plan");
  if (turns != NULL)
    plan->turns = turns;
  if (status != COMPUTE_OK)
    return status;
  plan->turns[plan->turn_count++] = plan->commands;
  plan->commands = NULL;
  plan->touch_count = 0; /* the next commands begin when these have ended */
  status = gpu_commands_create(plan->device, &plan->commands, error);
  return status == COMPUTE_OK ? nn_window_next(plan->window, error) : status;
}

static enum compute_status
record(struct nn_plan *plan, struct compute_error *error)
{
  enum compute_status status = gpu_commands_create(plan->device, &plan->commands, error);

  if (status != COMPUTE_OK)
    return status;
  plan->times = calloc(plan->step_count + 1, sizeof *plan->times);
  plan->stamps = calloc(plan->step_count + 1, sizeof *plan->stamps);
  if (plan->times == NULL || plan->stamps == NULL)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for the times of %zu nodes", plan->step_count);
  plan->timed = plan->params.profile && plan->window == NULL && nn_plan_capabilities(plan)->timestamps &&
                gpu_commands_timestamp(plan->commands) != UINT32_MAX;
  for (plan->step = 0; plan->step < plan->step_count; plan->step++) {
    const struct step *step = &plan->steps[plan->step];

    plan->weight_bytes = 0;
    status = take_turn(plan, step, error);
    if (status == COMPUTE_OK)
      status = separate(plan, error);
    if (status != COMPUTE_OK)
      return status;
    plan->recording = true;
    status = step->kernel->record(plan, step->node, error);
    if (status == COMPUTE_OK)
      status = inject_fault(plan, step, error);
    if (status != COMPUTE_OK)
      return status;
    plan->recording = false;
    if (plan->timed)
      plan->timed = gpu_commands_timestamp(plan->commands) != UINT32_MAX;
    plan->times[plan->step] = (struct nn_op_time){
      .op = step->node->op->name,
      .kernel = step->kernel->name,
      .operations = step->node->op->operations != NULL ? step->node->op->operations(step->node)
                                                       : (double)nn_elements(&step->node->output->shape),
      .bytes = bytes_touched(step->node) + plan->weight_bytes,
    };
  }
  return gpu_commands_end(plan->commands, error);
}

/* ---- The plan ---- */

/* Weights are packed on threads while what reads them is recorded. */
static enum compute_status
record_and_pack(struct nn_plan *plan, struct compute_error *error)
{
  struct compute_error packing;
  enum compute_status status, packed;

  nn_weights_begin(plan->weights);
  status = record(plan, error);
  packed = nn_weights_finish(plan->weights, &packing);
  if (status == COMPUTE_OK && packed != COMPUTE_OK) {
    status = packed;
    if (error != NULL)
      *error = packing;
  }
  return status;
}

/* Everything that follows from the choice of kernels and the places of tensors. */
static enum compute_status
make(struct nn_plan *plan, const struct nn_graph *graph, struct compute_error *error)
{
  enum compute_status status = allocate(plan, error);

  if (status == COMPUTE_OK)
    status = add_ports(plan, graph, error);
  if (status == COMPUTE_OK && plan->params.weights_by_turns)
    status = open_window(plan, error);
  return status == COMPUTE_OK ? record_and_pack(plan, error) : status;
}

static void
unmake(struct nn_plan *plan)
{
  gpu_commands_destroy(&plan->commands);
  for (size_t i = 0; i < plan->turn_count; i++)
    gpu_commands_destroy(&plan->turns[i]);
  nn_window_destroy(&plan->window);
  gpu_buffer_destroy(&plan->arena);
  for (size_t i = 0; i < plan->port_count; i++)
    free(plan->ports[i].name);
  free(plan->turns);
  free(plan->ports);
  free(plan->times);
  free(plan->stamps);
  free(plan->blocks);
  free(plan->touches);
  plan->turns = NULL;
  plan->ports = NULL;
  plan->times = NULL;
  plan->stamps = NULL;
  plan->blocks = NULL;
  plan->touches = NULL;
  plan->turn_count = plan->port_count = plan->touch_count = plan->touch_room = 0;
  plan->recording = false;
}

static void
forget_making(struct nn_plan *plan)
{
  free(plan->steps);
  free(plan->blocks);
  free(plan->touches);
  plan->steps = NULL;
  plan->blocks = NULL;
  plan->touches = NULL;
  plan->weights = NULL;
}

/* Nodes with their kernels and places, not recorded yet. */
static enum compute_status
begin_plan(struct nn_graph *graph, const struct nn_plan_params *params, struct nn_plan **plan_out,
           struct compute_error *error)
{
  struct nn_plan *plan;
  enum compute_status status;

  *plan_out = NULL;
  if (graph == NULL)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a graph");
  if (!nn_graph_good(graph)) {
    if (error != NULL)
      *error = graph->error;
    return graph->error.status;
  }
  if (graph->output_count == 0)
    return compute_fail(error, COMPUTE_ERROR_SHAPE, "a graph without an output computes nothing");
  plan = calloc(1, sizeof *plan);
  if (plan == NULL)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a plan");
  plan->weights = graph->weights;
  plan->device = nn_weights_device(graph->weights);
  if (params != NULL)
    plan->params = *params;
  *plan_out = plan;

  status = choose_steps(plan, graph, error);
  if (status == COMPUTE_OK)
    status = choose_kernels(plan, error);
  if (status == COMPUTE_OK)
    status = lay_out(plan, graph, error);
  return status;
}

enum compute_status
nn_plan_create(struct nn_graph *graph, const struct nn_plan_params *params, struct nn_plan **plan_out,
               struct compute_error *error)
{
  struct nn_plan *plan;
  enum compute_status status = begin_plan(graph, params, &plan, error);
  const void *mark = plan != NULL ? nn_weights_mark(plan->weights) : NULL;

  *plan_out = NULL;
  if (status == COMPUTE_OK)
    status = make(plan, graph, error);
  /* A kernel that this device cannot compile or bind for this node makes way for the next in its table. */
  while ((status == COMPUTE_ERROR_UNSUPPORTED || status == COMPUTE_ERROR_LIMIT) && plan != NULL && plan->recording &&
         refuse_kernel(plan)) {
    unmake(plan);
    nn_weights_release(plan->weights, mark);
    status = choose_kernels(plan, error);
    if (status == COMPUTE_OK)
      status = lay_out(plan, graph, error);
    if (status == COMPUTE_OK)
      status = make(plan, graph, error);
  }
  if (plan == NULL)
    return status;
  forget_making(plan);
  if (status != COMPUTE_OK) {
    nn_plan_destroy(&plan);
    nn_weights_release(graph->weights, mark);
    return status;
  }
  *plan_out = plan;
  return COMPUTE_OK;
}

enum compute_status
nn_graph_arena_bytes(struct nn_graph *graph, uint64_t *bytes, struct compute_error *error)
{
  struct nn_plan *plan;
  enum compute_status status = begin_plan(graph, NULL, &plan, error);

  *bytes = status == COMPUTE_OK ? plan->arena_bytes : 0;
  if (plan != NULL)
    forget_making(plan);
  nn_plan_destroy(&plan);
  return status;
}

enum compute_status
nn_plan_create_alone(struct nn_graph *graph, const struct nn_node *node, const struct nn_kernel *kernel,
                     unsigned variant, struct nn_weights *weights, struct nn_plan **plan_out,
                     struct compute_error *error)
{
  struct nn_plan *plan = calloc(1, sizeof *plan);
  enum compute_status status;

  *plan_out = NULL;
  if (plan != NULL)
    plan->steps = calloc(1, sizeof *plan->steps);
  if (plan == NULL || plan->steps == NULL) {
    free(plan);
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for a plan");
  }
  plan->weights = weights;
  plan->device = nn_weights_device(weights);
  plan->params.profile = true;
  plan->alone = true;
  plan->step_count = 1;
  plan->steps[0] = (struct step){ .node = node, .kernel = kernel, .variant = variant };
  status = lay_out(plan, graph, error);
  if (status == COMPUTE_OK)
    status = make(plan, graph, error);
  forget_making(plan);
  if (status != COMPUTE_OK)
    nn_plan_destroy(&plan);
  *plan_out = plan;
  return status;
}

void
nn_plan_destroy(struct nn_plan **plan_address)
{
  struct nn_plan *plan = *plan_address;

  if (plan == NULL)
    return;
  unmake(plan);
  free(plan);
  *plan_address = NULL;
}

static const struct port *
find_port(const struct nn_plan *plan, const char *name, bool is_output)
{
  for (size_t i = 0; i < plan->port_count; i++)
    if (plan->ports[i].is_output == is_output && strcmp(plan->ports[i].name, name) == 0)
      return &plan->ports[i];
  return NULL;
}

/* The port, after checking that the caller moves all of it. */
static enum compute_status
check_port(const struct nn_plan *plan, const char *name, bool is_output, uint64_t bytes, const struct port **port,
           struct compute_error *error)
{
  const char *what = is_output ? "output" : "input";
  char text[NN_SHAPE_TEXT];

  *port = find_port(plan, name, is_output);
  if (*port == NULL)
    return compute_fail(error, COMPUTE_ERROR_NOT_FOUND, "the plan has no %s “%s”", what, name);
  if ((*port)->bytes != bytes)
    return compute_fail(error, COMPUTE_ERROR_SHAPE, "%s “%s” has the shape %s, %llu bytes, not %llu", what, name,
                        nn_shape_text(&(*port)->shape, text), (unsigned long long)(*port)->bytes,
                        (unsigned long long)bytes);
  return COMPUTE_OK;
}

enum compute_status
nn_plan_write(struct nn_plan *plan, const char *input, const void *data, size_t bytes, struct compute_error *error)
{
  const struct port *port;
  enum compute_status status = check_port(plan, input, false, bytes, &port, error);

  return status == COMPUTE_OK ? gpu_buffer_write(plan->arena, port->offset, data, bytes, error) : status;
}

enum compute_status
nn_plan_read(struct nn_plan *plan, const char *output, float *out, size_t count, struct compute_error *error)
{
  const struct port *port;
  enum compute_status status = check_port(plan, output, true, (uint64_t)count * 4, &port, error);

  return status == COMPUTE_OK ? gpu_buffer_read(plan->arena, port->offset, out, port->bytes, error) : status;
}

enum compute_status
nn_plan_find_input(struct nn_plan *plan, const char *input, struct gpu_binding *binding, struct compute_error *error)
{
  const struct port *port = find_port(plan, input, false);

  if (port == NULL)
    return compute_fail(error, COMPUTE_ERROR_NOT_FOUND, "the plan has no input “%s”", input);
  *binding = (struct gpu_binding){ plan->arena, port->offset, port->bytes };
  return COMPUTE_OK;
}

/* All turns but the last, whose weights are uploaded. */
static enum compute_status
run_turns(struct nn_plan *plan, struct compute_error *error)
{
  enum compute_status status = COMPUTE_OK;

  for (size_t i = 0; status == COMPUTE_OK && i < plan->turn_count; i++) {
    status = nn_window_upload(plan->window, i, error);
    if (status == COMPUTE_OK)
      status = gpu_commands_submit(plan->turns[i], error);
    if (status == COMPUTE_OK)
      status = gpu_commands_wait(plan->turns[i], error);
  }
  if (status == COMPUTE_OK && plan->window != NULL)
    status = nn_window_upload(plan->window, plan->turn_count, error);
  return status;
}

enum compute_status
nn_plan_submit(struct nn_plan *plan, struct compute_error *error)
{
  enum compute_status status;

  if (plan->loses)
    gpu_device_inject_loss(plan->device);
  /* The window is free once the run before has ended. */
  status = plan->window != NULL ? gpu_commands_wait(plan->commands, error) : COMPUTE_OK;
  if (status == COMPUTE_OK)
    status = run_turns(plan, error);
  return status == COMPUTE_OK ? gpu_commands_submit(plan->commands, error) : status;
}

enum compute_status
nn_plan_wait(struct nn_plan *plan, struct compute_error *error)
{
  enum compute_status status = gpu_commands_wait(plan->commands, error);

  if (status != COMPUTE_OK || !plan->timed)
    return status;
  status = gpu_commands_read_timestamps(plan->commands, plan->stamps, (unsigned)plan->step_count + 1, error);
  for (size_t i = 0; status == COMPUTE_OK && i < plan->step_count; i++)
    plan->times[i].seconds = (double)(plan->stamps[i + 1] - plan->stamps[i]) * 1e-9;
  return status;
}

enum compute_status
nn_plan_run(struct nn_plan *plan, struct compute_error *error)
{
  enum compute_status status = nn_plan_submit(plan, error);

  return status == COMPUTE_OK ? nn_plan_wait(plan, error) : status;
}

struct nn_shape
nn_plan_shape(const struct nn_plan *plan, const char *name)
{
  for (size_t i = 0; i < plan->port_count; i++)
    if (strcmp(plan->ports[i].name, name) == 0)
      return plan->ports[i].shape;
  return (struct nn_shape){ .rank = 0 };
}

size_t
nn_plan_profile(struct nn_plan *plan, const struct nn_op_time **times)
{
  *times = plan->times;
  return plan->step_count;
}

size_t
nn_plan_turns(const struct nn_plan *plan)
{
  return plan->window != NULL ? plan->turn_count + 1 : 0;
}

uint64_t
nn_plan_arena_bytes(const struct nn_plan *plan)
{
  return plan->arena_bytes;
}

uint64_t
nn_plan_unshared_bytes(const struct nn_plan *plan)
{
  return plan->unshared_bytes;
}

const char *
nn_kernel_name(size_t index)
{
  static _Thread_local char name[128];

  for (const struct nn_op *const *op = nn_ops; *op != NULL; op++)
    for (const struct nn_kernel *const *kernel = (*op)->kernels; *kernel != NULL; kernel++)
      if (index-- == 0) {
        snprintf(name, sizeof name, "%s/%s", (*op)->name, (*kernel)->name);
        return name;
      }
  return NULL;
}
