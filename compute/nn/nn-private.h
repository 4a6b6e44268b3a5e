/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <math.h>

#include "compute/nn/nn.h"
#include "shaders/shaders.h"

/*
 * What the operations, the planner and the weights cache share. Only compute/nn includes it.
 *
 * To add an operation: one file in ops/ with its function of nn.h (which checks shapes and calls nn_append()), its struct
 * nn_op and its kernels; the nn_op goes into the list of registry.c, a shader into shaders/meson.build.
 *
 * To add a kernel to an operation: a struct nn_kernel in the operation's file or one of its own, and its address in the
 * operation's table, before those that it beats. fits() decides by capabilities and shapes, record() dispatches. The planner
 * knows none of them.
 */

#define NN_MAX_INPUTS 5

struct nn_node;
struct nn_plan;
struct nn_source;

/* ---- Tensors: a view of a storage ---------------------------------------------------------------------------------- */

enum nn_storage_kind { NN_STORAGE_INPUT, NN_STORAGE_RESULT, NN_STORAGE_WEIGHT };

struct nn_storage {
  enum nn_storage_kind kind;
  int64_t elements;
  size_t index;             /* of the graph's inputs and results together; a weight has none */
  struct nn_source *source; /* a weight's */
};

struct nn_tensor {
  struct nn_graph *graph;
  char *name; /* for messages */
  enum nn_type type;
  struct nn_shape shape;
  int64_t strides[NN_MAX_DIMS]; /* in elements; 0 where broadcast */
  int64_t offset;               /* in elements, from the storage's start */
  struct nn_storage *storage;
};

int64_t nn_elements(const struct nn_shape *shape);
bool nn_shape_equal(const struct nn_shape *a, const struct nn_shape *b);

/* "[1, 50, 768]" in one of a few rotating buffers, for messages. */
#define NN_SHAPE_TEXT 96
const char *nn_shape_text(const struct nn_shape *shape, char text[NN_SHAPE_TEXT]);

bool nn_is_contiguous(nn_tensor tensor);

/* Whether all but the last dimension are one row of rows: element (r, c) lies at offset + r·row_stride + c. */
struct nn_rows {
  int64_t count, width, stride, offset;
};
bool nn_as_rows(nn_tensor tensor, struct nn_rows *rows);

/* The tensor itself, or a contiguous copy made by a node. */
nn_tensor nn_contiguous(struct nn_graph *graph, nn_tensor tensor);
/* The tensor itself where nn_as_rows() holds, or a copy. */
nn_tensor nn_row_layout(struct nn_graph *graph, nn_tensor tensor);
/* The tensor itself where its last dimension is dense, or a copy. */
nn_tensor nn_dense_last(struct nn_graph *graph, nn_tensor tensor);

/* ---- Graph --------------------------------------------------------------------------------------------------------- */

struct nn_name {
  char *name;
  nn_tensor tensor;
};

struct nn_graph {
  struct nn_weights *weights;
  struct compute_error error;
  struct nn_tensor nothing; /* what calls return after an error */
  struct nn_tensor **tensors;
  size_t tensor_count, tensor_room;
  struct nn_storage **storages; /* weights' too */
  size_t storage_count, storage_room;
  size_t indexed_storages; /* inputs and results */
  struct nn_node **nodes;
  size_t node_count, node_room;
  struct nn_name *inputs, *outputs;
  size_t input_count, input_room, output_count, output_room;
};

/* Whether g can go on; false for NULL and after an error. */
bool nn_graph_good(const struct nn_graph *graph);
nn_tensor nn_graph_nothing(struct nn_graph *graph);

/* Also false where a tensor is NULL or of another graph, which it keeps as the error. */
bool nn_graph_accepts(struct nn_graph *graph, const char *op, nn_tensor tensor);

/* Keeps the error and returns the graph's nothing. */
nn_tensor nn_reject(struct nn_graph *graph, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether shape is one: rank and dimensions in range, and fewer than 2^31 elements. */
bool nn_shape_valid(const struct nn_shape *shape);

nn_tensor
nn_new_view(struct nn_graph *graph, nn_tensor of, const struct nn_shape *shape, const int64_t *strides, int64_t offset);
nn_tensor nn_new_result(struct nn_graph *graph, const char *op, const struct nn_shape *shape);
/* A weight whose values come from source. */
nn_tensor nn_new_weight(struct nn_graph *graph, struct nn_source *source);

/* Appends a node that writes output; node is copied. Returns output. */
nn_tensor nn_append(struct nn_graph *graph, const struct nn_node *node);

/* ---- Operations ---------------------------------------------------------------------------------------------------- */

enum nn_elementwise { NN_ELEMENTWISE_COPY, NN_ELEMENTWISE_ADD, NN_ELEMENTWISE_MULTIPLY };

struct nn_kernel {
  const char *name;
  /* NULL: always. Limits that gpu_commands_dispatch() checks need not be asked here. */
  bool (*fits)(const struct gpu_capabilities *capabilities, const struct nn_node *node);
  /* Bytes of the arena that belong to the node alone while it runs; NULL: none. */
  uint64_t (*scratch_bytes)(const struct gpu_capabilities *capabilities, const struct nn_node *node);
  enum compute_status (*record)(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error);
  /* Ways to run it that nn_tune() may choose from (tile shapes, say), numbered from 1; record() asks nn_plan_variant(), which is 0 where
     the kernel is to choose by itself. */
  unsigned variants;
  /* Whether that one is possible, and not hopeless, for the node; scratch_bytes() must do for all of these. */
  bool (*variant_fits)(const struct gpu_capabilities *capabilities, const struct nn_node *node, unsigned variant);
};

#define NN_MAX_SIZES 4

struct nn_op {
  const char *name;
  const struct nn_kernel *const *kernels; /* best first, NULL at the end; the last one fits every device and node */
  double (*operations)(const struct nn_node *node);
  /* What decides which kernel is fastest, 0 where fewer sizes do; NULL: the first kernel that fits always is. */
  void (*sizes)(const struct nn_node *node, int64_t sizes[NN_MAX_SIZES]);
};

/* Every operation, NULL at the end (registry.c). */
extern const struct nn_op *const nn_ops[];

/* inputs[] of each operation, in the order of its parameters; optional ones are NULL. */
struct nn_node {
  const struct nn_op *op;
  nn_tensor inputs[NN_MAX_INPUTS];
  nn_tensor output; /* contiguous, except a part of a concatenation */
  bool is_delicate; /* its weight has 16 bits at least */
  union {
    struct {
      enum nn_activation activation; /* inputs: x (row layout), weight, bias, residual (contiguous) */
    } linear;
    struct {
      enum nn_activation
          activation; /* inputs: x (contiguous), weight as [groups, outputs, channels, kernel] with outputs
                                        and channels of one group, bias, residual (contiguous) */
      unsigned kernel[2], stride[2], padding[2] /* top, left */, dilation[2], groups;
    } conv2d;
    struct {
      unsigned heads; /* inputs: q, k, v (dense last), lengths */
      float scale;
      bool causal;
    } attention;
    struct {
      float epsilon; /* inputs: x (row layout), gamma, beta (contiguous) */
    } layer_norm;
    struct {
      float epsilon; /* inputs: x (row layout) */
    } l2_normalize;
    struct {
      enum nn_elementwise kind; /* inputs: a, b or NULL, any strides; b has a's shape by strides of 0 */
      enum nn_activation activation;
      float factor, offset;
    } elementwise;
    struct {
      int64_t rows; /* inputs: table [V, W] or x [N, T, W] (dense last), ids (contiguous); rows of the result */
      int64_t choices, row_stride, batch_stride;
    } gather;
    struct {
      enum nn_pool kind; /* inputs: x (contiguous) */
      unsigned kernel[2], stride[2], padding[2];
    } pool2d;
  };
};

/* ---- Findings ------------------------------------------------------------------------------------------------------ */

/* The place of a kernel in nn_kernel_name()'s order. */
size_t nn_kernel_index(const struct nn_kernel *kernel);

/* Whether the kernel may be used; true where nothing is known (NULL findings too). */
bool nn_findings_allow(const struct nn_findings *findings, const struct nn_kernel *kernel);

/* Nodes of one class are taken to be fastest by the same kernel: the operation, the weights' storage and the sizes, each rounded to a
   power of two. False for an operation without sizes. */
#define NN_CLASS_TEXT 96
bool nn_class_of(const struct nn_node *node, char text[NN_CLASS_TEXT]);

/* What was measured fastest for the class; false: nothing was. */
bool nn_findings_fastest(const struct nn_findings *findings, const char *class, const struct nn_kernel **kernel,
                         unsigned *variant);
void nn_findings_set_fastest(struct nn_findings *findings, const char *class, const struct nn_kernel *kernel,
                             unsigned variant);

/* Notes that the kernel is not to be used, or with a NULL reason that it is. */
void nn_findings_judge(struct nn_findings *findings, const struct nn_kernel *kernel, const char *reason);
/* Notes on disk that the kernel is being tried, until it is judged: a crash is not to be met again and again. */
void nn_findings_try(struct nn_findings *findings, const struct nn_kernel *kernel);
void nn_findings_set_tested(struct nn_findings *findings, bool tested);
/* Writes them, if they are kept at all. What cannot be written is found out again next time. */
void nn_findings_save(struct nn_findings *findings);

/* For tests: from the next plan on, this kernel ("operation/kernel") fails in this way. */
enum nn_fault {
  NN_FAULT_NONE,
  NN_FAULT_WRONG_NUMBER,
  NN_FAULT_WRONG_AMONG_OTHERS, /* in a plan of more than a few nodes */
  NN_FAULT_NOT_COMPILED,
  NN_FAULT_LOST,
  NN_FAULT_CRASH,
};
struct nn_injected_fault {
  const char *kernel;
  enum nn_fault fault;
};
extern struct nn_injected_fault nn_injected_fault;

/* A plan of one node of the graph by one kernel, with weights packed into `weights`. Its inputs are called "0", "1" …, as inputs[] counts
   them, its output "y": the whole storages of the tensors, of which nn_plan_shape() knows the elements alone. */
enum compute_status
nn_plan_create_alone(struct nn_graph *graph, const struct nn_node *node, const struct nn_kernel *kernel,
                     unsigned variant, struct nn_weights *weights, struct nn_plan **plan, struct compute_error *error);

/* ---- What kernels call while they record ---------------------------------------------------------------------------- */

const struct gpu_capabilities *nn_plan_capabilities(const struct nn_plan *plan);

/* The whole storage of a tensor; tensor->offset is the shader's to add. A weight is uploaded as it is, in fp32, with zeros up
   to a multiple of 16 bytes. COMPUTE_ERROR_LIMIT where one binding cannot hold it. */
enum compute_status
nn_plan_bind(struct nn_plan *plan, nn_tensor tensor, struct gpu_binding *binding, struct compute_error *error);

/* How a kernel wants a weight. */
struct nn_packing {
  const char *name;
  enum nn_type type; /* of its elements */
  int64_t across;    /* outputs a block, for those who let it vary */
  /* of the packed weight */
  uint64_t (*bytes)(const struct nn_packing *packing, const struct nn_shape *shape);
  /* values are row-major; packed has been cleared. NULL: row-major as it is. */
  void (*pack)(const struct nn_packing *packing, const float *values, const struct nn_shape *shape, void *packed);
};

/* How the node's weight is to be stored, by nn_weights_params.storage. */
enum nn_type nn_storage_type(const struct nn_node *node);

/* Elements of a packed weight. NN_I8 holds value / scale in steps of 1/127; the scales, an fp32 number an output, follow the elements
   in a binding of their own, at nn_scales_offset(). */
unsigned nn_type_bytes(enum nn_type type);
static inline void
nn_pack_element(void *packed, enum nn_type type, int64_t at, float value, float scale)
{
  if (type == NN_I8)
    ((int8_t *)packed)[at] = (int8_t)lrintf(value / scale * 127);
  else if (type == NN_F16)
    ((uint16_t *)packed)[at] = weights_float_to_half(value);
  else
    ((float *)packed)[at] = value;
}
/* The greatest magnitude of the values; 1 where all are 0, and for every type but NN_I8. */
float nn_pack_scale(enum nn_type type, const float *values, int64_t count);
/* For NN_I8 the offset of the scales behind so many bytes of elements, as any device aligns a binding; else just the bytes. */
uint64_t nn_scales_offset(enum nn_type type, uint64_t bytes);

/* The packed weight in a buffer that may be larger than one binding. The tensor must be a dense run of a weight. */
enum compute_status nn_plan_bind_packed(struct nn_plan *plan, nn_tensor tensor, const struct nn_packing *packing,
                                        struct gpu_binding *binding, struct compute_error *error);

/* How many units (blocks of rows, say) of unit_bytes each one binding of a larger buffer may hold, such that each part starts
   on an aligned offset; at most count; 0 where not even the smallest such part fits. */
uint64_t nn_plan_part(const struct nn_plan *plan, uint64_t unit_bytes, uint64_t count);

/* Whether a kernel may take a workgroup for one vector register of 4, 8 or 16 lanes and turn them: on devices that are processors. */
static inline bool
nn_lanes_fit(const struct gpu_capabilities *capabilities)
{
  uint32_t lanes = capabilities->subgroup_size;

  return capabilities->type == GPU_DEVICE_CPU && capabilities->subgroup_shuffle &&
         (lanes == 4 || lanes == 8 || lanes == 16);
}

/* Of the running node's kernel. */
unsigned nn_plan_variant(const struct nn_plan *plan);

/* What the running node's kernel asked for by scratch_bytes(). */
struct gpu_binding nn_plan_scratch(const struct nn_plan *plan);

/* Between two dispatches of one node, where the second reads what the first wrote. */
void nn_plan_barrier(struct nn_plan *plan);

#define NN_GROUP_SIZE 64

struct nn_dispatch {
  const struct shader *shader;
  const uint32_t *constants;
  unsigned constant_count;
  const struct gpu_binding *bindings;
  const enum gpu_binding_type *binding_types; /* NULL: all storage */
  unsigned binding_count;
  const void *push;
  unsigned push_bytes;
  uint64_t groups; /* in all; folded into x and y, as group_index() of common.glsl unfolds them */
  unsigned required_subgroup_size;
};
enum compute_status
nn_plan_dispatch(struct nn_plan *plan, const struct nn_dispatch *dispatch, struct compute_error *error);

static inline uint64_t
nn_divide_up(uint64_t a, uint64_t b)
{
  return (a + b - 1) / b;
}

static inline uint32_t
nn_float_bits(float value)
{
  union {
    float number;
    uint32_t bits;
  } both = { value };
  return both.bits;
}

/* ---- Weights -------------------------------------------------------------------------------------------------------- */

/* A named tensor of the checkpoint, or one derived from others; owned by struct nn_weights. */
struct nn_source {
  char *name;
  struct nn_shape shape;
};

/* NULL where there is none, with error set where the checkpoint has it but it cannot be used. */
struct nn_source *nn_weights_find(struct nn_weights *weights, const char *name, struct compute_error *error);
bool nn_weights_has(const struct nn_weights *weights, const char *name);
/* b's rows after a's. */
struct nn_source *nn_weights_concat(struct nn_weights *weights, struct nn_source *a, struct nn_source *b);
/* [O, C, kh, kw] as [O, kh, kw, C]. */
struct nn_source *nn_weights_channels_last(struct nn_weights *weights, struct nn_source *of);
struct gpu_device *nn_weights_device(const struct nn_weights *weights);
enum nn_type nn_weights_storage(const struct nn_weights *weights);
/* May be NULL. */
const struct nn_findings *nn_weights_findings(const struct nn_weights *weights);

/* Elements [first, first + count) of the source, row-major. */
enum compute_status
nn_weights_read(struct nn_source *source, int64_t first, int64_t count, float *out, struct compute_error *error);

/* elements [first, first + count) of the source, seen as shape, packed: from the cache, or made now. */
enum compute_status
nn_weights_pack(struct nn_weights *weights, struct nn_source *source, int64_t first, const struct nn_shape *shape,
                const struct nn_packing *packing, struct gpu_buffer **buffer, struct compute_error *error);

/* The same into a buffer of the caller's own, of packing->bytes(). */
enum compute_status
nn_weights_upload(struct nn_source *source, int64_t first, const struct nn_shape *shape,
                  const struct nn_packing *packing, struct gpu_buffer *buffer, struct compute_error *error);
/* NULL: it is not in the cache. */
struct gpu_buffer *
nn_weights_find_packed(const struct nn_weights *weights, const struct nn_source *source, int64_t first,
                       const struct nn_shape *shape, const struct nn_packing *packing);

/* Takes out of the cache what was packed since the mark: for a plan that was not made after all. */
const void *nn_weights_mark(const struct nn_weights *weights);
void nn_weights_release(struct nn_weights *weights, const void *mark);

/* Between the two nn_weights_pack() only makes the buffer: threads fill it, while the caller records what will read it. finish waits for
   them and returns the first of their errors, after which the buffers that are not filled are gone. */
void nn_weights_begin(struct nn_weights *weights);
enum compute_status nn_weights_finish(struct nn_weights *weights, struct compute_error *error);

/* Row-major as it is. */
extern const struct nn_packing nn_packing_plain, nn_packing_plain_halves;
