/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

#include <math.h>

extern const struct nn_op nn_op_attention;

#define MAX_HEAD_SIZE 256 /* a query and its answer live in registers */

nn_tensor
nn_attention(struct nn_graph *graph, nn_tensor q, nn_tensor k, nn_tensor v, const struct nn_attention_params *params)
{
  nn_tensor lengths = params->lengths;
  int64_t width;
  float scale = params->scale;
  char one[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT], third[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "attention", q) || !nn_graph_accepts(graph, "attention", k) ||
      !nn_graph_accepts(graph, "attention", v) || (lengths != NULL && !nn_graph_accepts(graph, "attention", lengths)))
    return nn_graph_nothing(graph);
  if (q->shape.rank != 3 || k->shape.rank != 3 || !nn_shape_equal(&k->shape, &v->shape) ||
      q->shape.dims[0] != k->shape.dims[0] || q->shape.dims[2] != k->shape.dims[2])
    return nn_reject(
        graph,
        "attention: queries “%s” %s, keys “%s” %s and values “%s” %s must be [batch, tokens, width] of one batch "
        "and width",
        q->name, nn_shape_text(&q->shape, one), k->name, nn_shape_text(&k->shape, other), v->name,
        nn_shape_text(&v->shape, third));
  width = q->shape.dims[2];
  if (params->heads == 0 || width % params->heads != 0 || width / params->heads > MAX_HEAD_SIZE)
    return nn_reject(graph, "attention: “%s” %s cannot be cut into %u heads of at most %d", q->name,
                     nn_shape_text(&q->shape, one), params->heads, MAX_HEAD_SIZE);
  if (lengths != NULL && (lengths->type != NN_I32 || lengths->shape.rank != 1 || !nn_is_contiguous(lengths) ||
                          lengths->shape.dims[0] != q->shape.dims[0]))
    return nn_reject(graph, "attention: lengths “%s” %s must be I32 [batch] for “%s” %s", lengths->name,
                     nn_shape_text(&lengths->shape, one), q->name, nn_shape_text(&q->shape, other));
  if (scale == 0)
    scale = 1 / sqrtf((float)(width / params->heads));
  return nn_append(graph,
                   &(struct nn_node){
                       .op = &nn_op_attention,
                       .inputs = { nn_dense_last(graph, q), nn_dense_last(graph, k), nn_dense_last(graph, v), lengths },
                       .output = nn_new_result(graph, "attention", &q->shape),
                       .attention = { .heads = params->heads, .scale = scale, .causal = params->causal },
                   });
}

static bool
aligned(nn_tensor tensor)
{
  return tensor->offset % 4 == 0 && tensor->strides[0] % 4 == 0 && tensor->strides[1] % 4 == 0;
}

struct push {
  uint32_t batch, heads, queries, keys, size, places[3][3], lengths_offset;
  float scale;
};

/* Operands in the order of the bindings: q, k, v, lengths, result. */
static enum compute_status
bind(struct nn_plan *plan, const struct nn_node *node, struct gpu_binding bindings[5], struct push *push,
     struct compute_error *error)
{
  nn_tensor q = node->inputs[0], lengths = node->inputs[3];
  const nn_tensor operands[] = { q, node->inputs[1], node->inputs[2], lengths != NULL ? lengths : q, node->output };

  for (int i = 0; i < 5; i++) {
    enum compute_status status = nn_plan_bind(plan, operands[i], &bindings[i], error);

    if (status != COMPUTE_OK)
      return status;
  }
  for (int i = 0; i < 3; i++) {
    push->places[i][0] = (uint32_t)operands[i]->offset;
    push->places[i][1] = (uint32_t)operands[i]->strides[1];
    push->places[i][2] = (uint32_t)operands[i]->strides[0];
  }
  push->batch = (uint32_t)q->shape.dims[0];
  push->heads = node->attention.heads;
  push->queries = (uint32_t)q->shape.dims[1];
  push->keys = (uint32_t)operands[1]->shape.dims[1];
  push->size = (uint32_t)(q->shape.dims[2] / node->attention.heads);
  push->lengths_offset = lengths != NULL ? (uint32_t)lengths->offset : 0;
  push->scale = node->attention.scale;
  return COMPUTE_OK;
}

static bool
is_vector(const struct nn_node *node)
{
  return node->inputs[0]->shape.dims[2] / node->attention.heads % 4 == 0 && aligned(node->inputs[0]) &&
         aligned(node->inputs[1]) && aligned(node->inputs[2]);
}

static enum compute_status
record_online(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  struct gpu_binding bindings[5];
  struct push push = { 0 };
  enum compute_status status = bind(plan, node, bindings, &push, error);
  const uint32_t constants[] = { (uint32_t)nn_divide_up(push.size, 4), is_vector(node), node->attention.causal,
                                 node->inputs[3] != NULL };

  if (status != COMPUTE_OK)
    return status;
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = &shader_attention,
                              .constants = constants,
                              .constant_count = 4,
                              .bindings = bindings,
                              .binding_count = 5,
                              .push = &push,
                              .push_bytes = sizeof push,
                              .groups = nn_divide_up((uint64_t)push.batch * push.heads * push.queries, NN_GROUP_SIZE),
                          },
                          error);
}

/* ---- For devices that are processors: as many queries as a vector has lanes ---- */

#define MAX_LANES_SIZE 128 /* of a head; larger ones would take the driver long to compile */

static bool
fits_lanes(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  bool fits = nn_lanes_fit(capabilities) && is_vector(node) &&
              node->inputs[0]->shape.dims[2] / node->attention.heads <= MAX_LANES_SIZE &&
              /* A loop of more turns ends early without a word on some drivers in software. */
              node->inputs[1]->shape.dims[1] < 65535;

  for (int i = 0; i < 3; i++)
    fits = fits && (uint64_t)node->inputs[i]->storage->elements / 4 < capabilities->max_texel_buffer_elements;
  return fits;
}

static enum compute_status
record_lanes(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  static const enum gpu_binding_type types[] = { GPU_BINDING_TEXEL_F32X4, GPU_BINDING_TEXEL_F32X4,
                                                 GPU_BINDING_TEXEL_F32X4, GPU_BINDING_STORAGE, GPU_BINDING_STORAGE };
  const uint32_t lanes = nn_plan_capabilities(plan)->subgroup_size;
  struct gpu_binding bindings[5];
  struct push push = { 0 };
  enum compute_status status = bind(plan, node, bindings, &push, error);
  const uint32_t constants[] = { push.size / 4, node->attention.causal, node->inputs[3] != NULL, lanes };

  if (status != COMPUTE_OK)
    return status;
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = &shader_attention_cpu,
                              .constants = constants,
                              .constant_count = 4,
                              .bindings = bindings,
                              .binding_types = types,
                              .binding_count = 5,
                              .push = &push,
                              .push_bytes = sizeof push,
                              .groups = nn_divide_up(push.queries, lanes) * push.batch * push.heads,
                              .required_subgroup_size = lanes,
                          },
                          error);
}

/* ---- For GPUs: a workgroup takes some queries of a head, and tiles of the keys through shared memory ---- */

/*
 * What a workgroup of 64 needs, heads of 64: 32 queries 22 KiB of shared memory and some 110 registers an invocation (16 questions and
 * keys, 16 scores, 32 of the answer), 16 queries 15 KiB and 70. Of a tile of 32 keys it reads 2 × 8 KiB of memory and makes 2 × 128 Ki
 * operations: 16 operations a byte at 32 queries, where a query alone (attention.comp) makes half of one. Of shared memory a vec4
 * serves 8 multiplications with 32 queries, 5 with 16. ViT-B/32, batch 32: 384 heads × 2 workgroups.
 */

#define MAX_TILES_SIZE 128 /* of a head: larger ones would not leave room for a tile */
#define TILE_KEYS 32
#define ENOUGH_GROUPS 128 /* two a core of a middling GPU */

static uint64_t
tiles_groups(const struct nn_node *node, uint32_t queries)
{
  const int64_t *dims = node->inputs[0]->shape.dims;

  return nn_divide_up((uint64_t)dims[1], queries) * (uint64_t)dims[0] * node->attention.heads;
}

/* Queries of a workgroup: as many as leave enough workgroups and have room; 0 where none have. */
static uint32_t
choose_queries(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  const uint32_t size = (uint32_t)node->inputs[0]->shape.dims[2] / node->attention.heads, stride = size / 4 | 1;
  uint32_t chosen = 0;

  for (uint32_t queries = 32; queries >= 8; queries /= 2) {
    const uint32_t vectors = (queries + TILE_KEYS) * stride + queries * (TILE_KEYS / 4 + 1), parts = queries * 8 * 4;

    if (vectors * 16 + parts > capabilities->max_shared_bytes)
      continue;
    chosen = queries;
    if (tiles_groups(node, queries) >= ENOUGH_GROUPS)
      break;
  }
  return chosen;
}

static bool
fits_tiles(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  return capabilities->type != GPU_DEVICE_CPU && is_vector(node) &&
         node->inputs[0]->shape.dims[2] / node->attention.heads <= MAX_TILES_SIZE &&
         choose_queries(capabilities, node) != 0;
}

/* Whole subgroups, each of whole rows of 8. */
static bool
fits_tiles_shuffle(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  return capabilities->subgroup_shuffle && capabilities->subgroup_size_control && capabilities->subgroup_size >= 8 &&
         NN_GROUP_SIZE % capabilities->subgroup_size == 0 && fits_tiles(capabilities, node);
}

static enum compute_status
dispatch_tiles(struct nn_plan *plan, const struct nn_node *node, const struct shader *shader, uint32_t subgroup_size,
               struct compute_error *error)
{
  const uint32_t queries = choose_queries(nn_plan_capabilities(plan), node);
  struct gpu_binding bindings[5];
  struct push push = { 0 };
  enum compute_status status = bind(plan, node, bindings, &push, error);
  const uint32_t constants[] = { push.size / 4, node->attention.causal, node->inputs[3] != NULL, queries };

  if (status != COMPUTE_OK)
    return status;
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = shader,
                              .constants = constants,
                              .constant_count = 4,
                              .bindings = bindings,
                              .binding_count = 5,
                              .push = &push,
                              .push_bytes = sizeof push,
                              .groups = tiles_groups(node, queries),
                              .required_subgroup_size = subgroup_size,
                          },
                          error);
}

static enum compute_status
record_tiles(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  return dispatch_tiles(plan, node, &shader_attention_tiles, 0, error);
}

static enum compute_status
record_tiles_shuffle(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  return dispatch_tiles(plan, node, &shader_attention_tiles_shuffle, nn_plan_capabilities(plan)->subgroup_size, error);
}

static double
operations(const struct nn_node *node)
{
  return 4.0 * (double)nn_elements(&node->output->shape) * (double)node->inputs[1]->shape.dims[1];
}

static const struct nn_kernel online = { .name = "online", .record = record_online };

static const struct nn_kernel lanes = { .name = "lanes", .fits = fits_lanes, .record = record_lanes };

static const struct nn_kernel tiles = { .name = "tiles", .fits = fits_tiles, .record = record_tiles };

static const struct nn_kernel tiles_shuffle = { .name = "tiles-shuffle",
                                                .fits = fits_tiles_shuffle,
                                                .record = record_tiles_shuffle };

static const struct nn_kernel *const kernels[] = { &lanes, &tiles_shuffle, &tiles, &online, NULL };

/* Heads of all batches, queries, keys, and a head's size. */
static void
sizes(const struct nn_node *node, int64_t sizes[NN_MAX_SIZES])
{
  const struct nn_shape *q = &node->inputs[0]->shape;

  sizes[0] = q->dims[0] * node->attention.heads;
  sizes[1] = q->dims[1];
  sizes[2] = node->inputs[1]->shape.dims[1];
  sizes[3] = q->dims[2] / node->attention.heads;
}

const struct nn_op nn_op_attention = { "attention", kernels, operations, sizes };
