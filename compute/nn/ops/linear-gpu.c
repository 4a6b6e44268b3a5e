/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

/*
 * The matrix product for GPUs: shaders/linear_tiles.comp. A workgroup makes a tile of the result; where there are too few tiles to
 * fill a GPU, several workgroups make one tile, each from a part of the depth (split-K), and a second dispatch adds up.
 *
 * Vulkan does not say how many cores a GPU has, so the tile is chosen by a model of a middling one (product_cycles()):
 *
 *   tile         threads  KiB shared  registers  operations a byte of     cycles a turn and core: arithmetic, shared, L2
 *                                      (sums)    global / shared memory   (fp32 weights; turns of the tile's depth)
 *   128×128×16     256       18        64 + 48       32   / 2.0              2048,  768, 512
 *    64×64×16      128        9        32 + 42       16   / 1.3               512,  256, 256
 *    32×64×32      128       13        16 + 28       10.7 / 1.0               512,  384, 384
 *    32×32×32       64        9        16 + 36        8   / 1.0               256,  128, 256
 *    16×64×32      128       11         8 + 24        6.4 / 0.7               256,  320, 320
 *     8×32×32       64        5         4 + 24        3.2 / 0.4                64,   80, 160
 *
 * The largest tile keeps 256 threads of at most 128 registers, two workgroups to a core of 64 Ki registers and 48 KiB; it is bound by
 * arithmetic even on cores with twice the lanes. The smaller ones give up reuse for more workgroups. What that means for one picture of
 * ViT-B/32 (50 rows): 768 → 2304 by 64×64 is 36 workgroups, which leaves most cores of a large GPU idle (a laptop's has 16 … 40, an H100
 * 132); by 32×32 it is 144, split by 4 576. And 3072 → 768 by 64×64 is 12 workgroups of 192 turns, each of which waits for memory; split
 * by 16 it is 192 of 12 turns, and one dispatch that reads 16 × 50×768 sums: 2.5 MB beside a weight of 9.4. A batch of 32 (1600 rows)
 * takes 128×128 unsplit: 13 × 18 workgroups. On a GPU with fewer cores than thought of the extra splits cost only those sums.
 */

extern const struct nn_kernel nn_kernel_linear_tiles;

struct shape {
  uint32_t rows, outputs, depth; /* depth: 16 or 32 */
  uint32_t thread_rows, thread_quads;
};

static const struct shape shapes[] = {
  { 128, 128, 16, 8, 2 }, { 64, 64, 16, 8, 1 }, { 32, 64, 32, 4, 1 },
  { 32, 32, 32, 4, 1 },   { 16, 64, 32, 2, 1 }, { 8, 32, 32, 1, 1 },
};

#define SHAPES (sizeof shapes / sizeof shapes[0])

static uint32_t
threads_of(const struct shape *shape)
{
  return shape->rows / shape->thread_rows * (shape->outputs / 4 / shape->thread_quads);
}

static uint32_t
shared_bytes(const struct shape *shape)
{
  return (shape->rows * (shape->depth / 4 + 1) + shape->depth * shape->outputs / 4) * 16;
}

/* A product's sizes. */
struct size {
  uint64_t rows, width, outputs;
  enum nn_type type; /* of the weight */
};

static struct size
size_of(const struct nn_node *node)
{
  struct nn_rows rows;

  nn_as_rows(node->inputs[0], &rows);
  return (struct size){ (uint64_t)rows.count, (uint64_t)rows.width, (uint64_t)node->inputs[1]->shape.dims[0],
                        nn_storage_type(node) };
}

struct choice {
  const struct shape *shape;
  uint32_t splits;
};

/* ---- Choosing ---- */

/* The GPU that is thought of. Per core and cycle. */
#define CORES 64
#define LANES 128           /* multiplications and additions */
#define SHARED_BYTES 128.0  /* read */
#define GLOBAL_BYTES 32.0   /* from the second cache */
#define CORE_THREADS 1024   /* at once */
#define CORE_SHARED 49152.0 /* bytes, at once */
#define LATENCY 800.0       /* cycles of a turn however little it has to do: two barriers and a way to memory */
#define DISPATCH 4000.0     /* cycles of one more dispatch behind a barrier */
#define HIDDEN 0.25         /* of what goes on beside the longest, that does not hide behind it */
#define MANY 1024           /* workgroups of a core; from there on one is like the other */
#define MAX_SPLITS 16
#define MIN_TURNS 4 /* of a split */

/* Cycles that a core takes for one turn of one workgroup when others hide its waiting. */
static double
turn_cycles(const struct shape *shape, enum nn_type type)
{
  const double across = shape->outputs / 4.0 / shape->thread_quads, subgroups = threads_of(shape) / 32.0;
  const double arithmetic = (double)shape->rows * shape->outputs * shape->depth / LANES;
  /* A subgroup reads a vec4 of x for each of its rows, which its neighbours share, and four of each quad of the weight. */
  const double shared =
      subgroups * (shape->depth / 4.0) *
      (shape->thread_rows + 4.0 * shape->thread_quads * (across < 32 ? across : 32) * 16 / SHARED_BYTES);
  const double global =
      shape->depth * (4.0 * shape->rows + (double)nn_type_bytes(type) * shape->outputs) / GLOBAL_BYTES;
  double most = arithmetic;

  most = shared > most ? shared : most;
  most = global > most ? global : most;
  return most + HIDDEN * (arithmetic + shared + global - most);
}

static double
product_cycles(const struct shape *shape, uint32_t splits, const struct size *size)
{
  const uint64_t groups = nn_divide_up(size->rows, shape->rows) * nn_divide_up(size->outputs, shape->outputs) * splits;
  const double turns = (double)nn_divide_up(nn_divide_up(size->width, shape->depth), splits);
  const double turn = turn_cycles(shape, size->type), fit = CORE_SHARED / shared_bytes(shape);
  uint64_t at_once = CORE_THREADS / threads_of(shape), mine = nn_divide_up(groups, CORES);
  double cycles = 0;

  at_once = fit < (double)at_once ? (uint64_t)fit : at_once;
  for (uint64_t left = mine < MANY ? mine : MANY, here; left > 0; left -= here) {
    double busy;

    here = left < at_once ? left : at_once;
    busy = (double)here * turn;
    cycles += turns * (busy > LATENCY ? busy + HIDDEN * LATENCY : LATENCY + HIDDEN * busy);
  }
  if (mine > MANY)
    cycles *= (double)mine / MANY;
  if (splits > 1)
    cycles += DISPATCH + 8.0 * splits * (double)(size->rows * size->outputs) / (CORES * GLOBAL_BYTES);
  return cycles;
}

static uint64_t
partial_bytes(const struct size *size, uint32_t splits)
{
  return splits > 1 ? splits * size->rows * nn_divide_up(size->outputs, 4) * 16 : 0;
}

static bool
is_allowed(const struct gpu_capabilities *capabilities, const struct shape *shape)
{
  return threads_of(shape) <= capabilities->max_workgroup_invocations &&
         threads_of(shape) <= capabilities->max_workgroup_size[0] &&
         shared_bytes(shape) <= capabilities->max_shared_bytes;
}

/* The tile and the splits for a product: the one place that decides. Vulkan's least limits allow all but the largest tile. */
static struct choice
choose(const struct gpu_capabilities *capabilities, const struct size *size)
{
  struct choice best = { NULL, 1 };
  double least = 0;

  for (size_t i = 0; i < SHAPES; i++)
    for (uint32_t splits = 1; splits <= MAX_SPLITS; splits *= 2) {
      const double cycles = product_cycles(&shapes[i], splits, size);

      if (!is_allowed(capabilities, &shapes[i]) ||
          (splits > 1 && (size->width < (uint64_t)splits * MIN_TURNS * shapes[i].depth ||
                          partial_bytes(size, splits) > capabilities->max_storage_buffer_bytes)))
        continue;
      if (best.shape == NULL || cycles < least) {
        best = (struct choice){ &shapes[i], splits };
        least = cycles;
      }
    }
  return best;
}

/* ---- Packing: [width, up to a multiple of 32][quads][4], quads even; then the scales ---- */

static uint64_t
padded_outputs(uint64_t outputs)
{
  return nn_divide_up(outputs, 8) * 8;
}

static uint64_t
element_bytes(enum nn_type type, uint64_t outputs, uint64_t width)
{
  return nn_divide_up(width, 32) * 32 * padded_outputs(outputs) * nn_type_bytes(type);
}

static uint64_t
packed_bytes(const struct nn_packing *packing, const struct nn_shape *shape)
{
  const uint64_t outputs = (uint64_t)shape->dims[0];

  return nn_scales_offset(packing->type, element_bytes(packing->type, outputs, (uint64_t)shape->dims[1])) +
         (packing->type == NN_I8 ? padded_outputs(outputs) * sizeof(float) : 0);
}

static void
pack(const struct nn_packing *packing, const float *values, const struct nn_shape *shape, void *packed)
{
  const int64_t outputs = shape->dims[0], width = shape->dims[1], padded = (int64_t)padded_outputs((uint64_t)outputs);
  float *scales =
      (float *)((char *)packed +
                nn_scales_offset(packing->type, element_bytes(packing->type, (uint64_t)outputs, (uint64_t)width)));

  for (int64_t o = 0; o < outputs; o++) {
    const float scale = nn_pack_scale(packing->type, values + o * width, width, 1);

    for (int64_t k = 0; k < width; k++)
      nn_pack_element(packed, packing->type, k * padded + o, values[o * width + k], scale);
    if (packing->type == NN_I8)
      scales[o] = scale;
  }
}

static const struct nn_packing packings[] = {
  [NN_F32] = { .name = "columns, fp32", .type = NN_F32, .bytes = packed_bytes, .pack = pack },
  [NN_F16] = { .name = "columns, fp16", .type = NN_F16, .bytes = packed_bytes, .pack = pack },
  [NN_I8] = { .name = "columns, int8", .type = NN_I8, .bytes = packed_bytes, .pack = pack },
};

/* ---- Recording ---- */

#define BINDINGS 6 /* x, weight, bias, residual, result, scales */

static bool
fits(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  const struct size size = size_of(node);

  return capabilities->type != GPU_DEVICE_CPU && choose(capabilities, &size).shape != NULL &&
         element_bytes(size.type, size.outputs, size.width) <= capabilities->max_storage_buffer_bytes;
}

static uint64_t
scratch_bytes(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  const struct size size = size_of(node);

  return partial_bytes(&size, choose(capabilities, &size).splits);
}

static enum compute_status
bind(struct nn_plan *plan, const struct nn_node *node, const struct size *size, struct gpu_binding bindings[BINDINGS],
     struct compute_error *error)
{
  const nn_tensor others[BINDINGS] = { node->inputs[0], NULL, node->inputs[2], node->inputs[3], node->output };
  const uint64_t bytes = element_bytes(size->type, size->outputs, size->width);
  enum compute_status status = nn_plan_bind_packed(plan, node->inputs[1], &packings[size->type], &bindings[1], error);

  for (int i = 0; status == COMPUTE_OK && i < BINDINGS - 1; i++)
    if (i != 1)
      status = nn_plan_bind(plan, others[i] != NULL ? others[i] : node->output, &bindings[i], error);
  bindings[5] = bindings[1];
  bindings[1].bytes = bytes;
  if (size->type == NN_I8) {
    bindings[5].offset = nn_scales_offset(NN_I8, bytes);
    bindings[5].bytes = padded_outputs(size->outputs) * sizeof(float);
  }
  return status;
}

struct sum_push {
  uint32_t rows, outputs, bias_offset, residual_offset, splits;
};

static enum compute_status
record_sum(struct nn_plan *plan, const struct nn_node *node, const struct gpu_binding product[BINDINGS],
           const struct sum_push *push, enum nn_type type, bool wide, struct compute_error *error)
{
  const uint32_t constants[] = { node->linear.activation, node->inputs[2] != NULL, node->inputs[3] != NULL, wide };
  struct gpu_binding bindings[BINDINGS];

  for (int i = 0; i < BINDINGS; i++)
    bindings[i] = product[i];
  bindings[0] = bindings[1] = nn_plan_scratch(plan);
  nn_plan_barrier(plan);
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = type == NN_I8 ? &shader_linear_sum_i8 : &shader_linear_sum,
                              .constants = constants,
                              .constant_count = 4,
                              .bindings = bindings,
                              .binding_count = type == NN_I8 ? BINDINGS : BINDINGS - 1,
                              .push = push,
                              .push_bytes = sizeof *push,
                              .groups = nn_divide_up(push->rows * nn_divide_up(push->outputs, 4), NN_GROUP_SIZE),
                          },
                          error);
}

static enum compute_status
record(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  static const struct shader *const shaders[] = {
    [NN_F32] = &shader_linear_tiles, [NN_F16] = &shader_linear_tiles_f16, [NN_I8] = &shader_linear_tiles_i8
  };
  nn_tensor bias = node->inputs[2], residual = node->inputs[3];
  const struct size size = size_of(node);
  const struct choice choice = choose(nn_plan_capabilities(plan), &size);
  const struct shape *shape = choice.shape;
  struct gpu_binding bindings[BINDINGS], result;
  struct nn_rows rows;
  enum compute_status status = bind(plan, node, &size, bindings, error);

  if (status != COMPUTE_OK)
    return status;
  nn_as_rows(node->inputs[0], &rows);
  const struct {
    uint32_t rows, width, outputs, x_offset, x_stride, bias_offset, residual_offset, quads, splits, turns;
  } push = {
    .rows = (uint32_t)size.rows,
    .width = (uint32_t)size.width,
    .outputs = (uint32_t)size.outputs,
    .x_offset = (uint32_t)rows.offset,
    .x_stride = (uint32_t)rows.stride,
    .bias_offset = bias != NULL ? (uint32_t)bias->offset : 0,
    .residual_offset = residual != NULL ? (uint32_t)residual->offset : 0,
    .quads = (uint32_t)padded_outputs(size.outputs) / 4,
    .splits = choice.splits,
    .turns = (uint32_t)nn_divide_up(nn_divide_up(size.width, shape->depth), choice.splits),
  };
  const bool wide = size.outputs % 4 == 0 && (residual == NULL || residual->offset % 4 == 0);
  const bool vector = rows.width % 4 == 0 && rows.stride % 4 == 0 && rows.offset % 4 == 0;
  const uint32_t constants[] = {
    threads_of(shape),
    node->linear.activation,
    bias != NULL,
    residual != NULL,
    wide,
    vector,
    choice.splits > 1,
    shape->rows,
    shape->outputs,
    shape->depth,
    shape->thread_rows,
    shape->thread_quads,
  };

  result = bindings[4];
  if (choice.splits > 1)
    bindings[4] = nn_plan_scratch(plan);
  status = nn_plan_dispatch(
      plan,
      &(struct nn_dispatch){
          .shader = shaders[size.type],
          .constants = constants,
          .constant_count = sizeof constants / sizeof constants[0],
          .bindings = bindings,
          .binding_count = size.type == NN_I8 ? BINDINGS : BINDINGS - 1,
          .push = &push,
          .push_bytes = sizeof push,
          .groups = nn_divide_up(size.rows, shape->rows) * nn_divide_up(size.outputs, shape->outputs) * choice.splits,
      },
      error);
  if (status != COMPUTE_OK || choice.splits == 1)
    return status;
  bindings[4] = result;
  return record_sum(plan, node, bindings,
                    &(struct sum_push){ push.rows, push.outputs, push.bias_offset, push.residual_offset, push.splits },
                    size.type, wide, error);
}

const struct nn_kernel nn_kernel_linear_tiles = {
  .name = "tiles",
  .fits = fits,
  .scratch_bytes = scratch_bytes,
  .record = record,
};
