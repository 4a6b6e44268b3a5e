/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/gpu/gpu.h"
#include "compute/status.h"
#include "compute/weights/weights.h"

/*
 * Neural networks on a Vulkan device: tensors, a graph of operations, and the plan that runs it.
 *
 * How a graph becomes a plan
 * --------------------------
 * A network is written as ordinary C that calls one function an operation. Nothing is computed by that: each call checks
 * its shapes, appends one node to the graph and returns the tensor that the node will make.
 *
 *     nn_tensor x = nn_input (g, "pixels", NN_F32, 4, (int64_t[]){ 8, 224, 224, 3 });
 *     nn_tensor w = nn_weight (g, 2, (int64_t[]){ 512, 768 }, "layers.%u.fc.weight", layer);
 *     nn_tensor y = nn_linear (g, x, w, &(struct nn_linear_params){ .bias = b, .activation = NN_GELU });
 *     nn_output (g, y, "vector");
 *
 * nn_plan_create() then fixes everything in one pass over the nodes that an output needs:
 *
 *       graph                      plan                          arena (one buffer)
 *
 *     input ─┐                  1 linear/tile8x8        bytes ▲
 *            ├─ linear ─┐       ── barrier ──                 │ ┌input────────────────────────┐  inputs are never
 *     weight ┘          │       2 layer-norm/rows             │ └─────────────────────────────┘  overwritten
 *             ┌─────────┤       ── barrier ──                 │ ┌1────────────┐┌4─────────────┐
 *       slice q  slice k, v     3 attention/online            │ └─────────────┘└──────────────┘  a node's result takes the
 *             └─ attention      ── barrier ──                 │        ┌2─────────────┐┌5─────┐  place of one that no later
 *                   │           4 linear/tile8x8              │        └──────────────┘└──────┘  node reads
 *                 linear        …                             └────────────────────────────────► node
 *
 *   - Kernel: each operation has a table of kernels, best first; the first one that the device's capabilities and the
 *     node's shapes allow is taken, unless struct nn_findings knows better: one that was measured faster, or that this
 *     one is wrong on the device. The last in each table needs nothing beyond Vulkan 1.1's least limits. A kernel that
 *     cannot be recorded (its shader is not compiled, a limit is too small) makes way for the next.
 *   - Views: reshape, slice, transpose and broadcast make no node. They are a view: another shape, other strides and an
 *     offset over the same memory. So the three parts of a fused query-key-value product are read in place, and attention
 *     heads are never transposed in memory. A kernel that cannot read such strides gets a copy, added by the planner.
 *   - Memory: each result lives from the node that makes it to the last that reads it; results whose lives do not meet share
 *     bytes. Inputs and outputs keep their bytes for the whole plan, so a plan may be run again without writing them anew.
 *   - Weights: each kernel says how it wants its weights laid out; struct nn_weights packs and uploads a tensor once per
 *     layout and shares it between all plans (of other batch sizes, say). Where a device has no room for all of them, they take
 *     turns there (nn_plan_params.weights_by_turns).
 *   - Commands: recorded once, submitted once a run; a barrier stands only between nodes of which one writes what the other
 *     touches.
 *
 * Shapes
 * ------
 * Tensors are row-major, outermost dimension first, of rank 1…NN_MAX_DIMS. Pictures are NHWC [batch, height, width,
 * channels], tokens [batch, tokens, width]. Every dimension is at least 1 and a tensor has fewer than 2^31 elements.
 * Arithmetic is in fp32; sums too.
 *
 * Errors
 * ------
 * Building a graph does not fail piecemeal: a wrong shape or a missing weight is kept as the graph's first error, with the
 * tensor's name and both shapes; later calls do nothing and return a tensor of shape [1, 1, 1, 1] that can be passed on;
 * nn_plan_create() returns the error. Running out of the host's memory is kept the same way. NULL parameters structs mean all
 * zero.
 *
 * Threads and blocking
 * --------------------
 * One thread at a time for all graphs, plans and weights of one device. nn_plan_create() (packs weights, compiles
 * pipelines), nn_plan_write(), nn_plan_run() and nn_plan_read() block; building a graph does not touch the device.
 */

enum nn_type { NN_F32, NN_F16, NN_I32, NN_I8 };

#define NN_MAX_DIMS 4

struct nn_shape {
  int64_t dims[NN_MAX_DIMS];
  unsigned rank;
};

/* A value in a graph, owned by it. Cheap to copy, valid until nn_graph_destroy(). */
typedef const struct nn_tensor *nn_tensor;

struct nn_shape nn_tensor_shape(nn_tensor tensor);

/* ---- What is known of a device's kernels ---------------------------------------------------------------------------- */

/*
 * Not every driver is right, and which kernel is fastest is seldom known without measuring. What was found out about a device is kept
 * in the cache's directory, in one file for the device with this build of its driver; other kernels (another version of this program)
 * count as nothing known.
 *
 *   - A kernel that computed wrong numbers, could not be compiled, or lost the device in the self-test is not used there: the planner
 *     takes the next in the operation's table. One during whose trial the process ended twice is taken to have crashed the driver.
 *   - Among those that are right, the planner takes what nn_tune() measured fastest for nodes of that class, and otherwise the first of
 *     the table that fits.
 *
 * One thread at a time, together with the device's plans.
 */
struct nn_findings;

/* directory: where to keep them, made if missing; NULL: nowhere. A file that cannot be read, or is damaged, is as if there were none. */
enum compute_status nn_findings_open(struct gpu_device *device, const char *directory, struct nn_findings **findings,
                                     struct compute_error *error);
void nn_findings_close(struct nn_findings **findings);

/* Why the kernel nn_kernel_name(index) is not used; NULL where it is, or where nothing is known. */
const char *nn_findings_reason(const struct nn_findings *findings, size_t index);
/* Whether the self-test has come to its end, in this process or an earlier one. */
bool nn_findings_tested(const struct nn_findings *findings);

/* Tries every kernel on small shapes, then two small networks, all against the host's plain C; at once where the findings have it
   already. COMPUTE_ERROR_UNSUPPORTED: an operation has no kernel left that can be relied on: the device is not to be used.
   COMPUTE_ERROR_DEVICE_LOST: a kernel lost it, which is noted: open it again and go on. Blocks: less than a second where pipelines are
   cached; where they must be compiled, as long as the driver compiles some fifty small ones. */
enum compute_status nn_self_test(struct gpu_device *device, struct nn_findings *findings, struct compute_error *error);

/* How many classes of nodes were measured; and their forgetting, so that nn_tune() measures them anew. */
size_t nn_findings_classes(const struct nn_findings *findings);
void nn_findings_forget_speed(struct nn_findings *findings);

/* gpu_device_open(), then nn_findings_open() in the same directory and nn_self_test(), opening the device anew for each kernel that
   loses it. findings may outlive the device. On failure both are NULL. */
enum compute_status
nn_device_open(struct gpu_instance *instance, const struct gpu_device_params *params, struct gpu_device **device,
               struct nn_findings **findings, struct compute_error *error);

/* ---- Weights ------------------------------------------------------------------------------------------------------- */

/*
 * A checkpoint on a device. Tensors are read from the mapped file when a plan first needs them: checked to be finite,
 * converted, packed as the chosen kernel wants them, and uploaded once per packing. The file must outlive it.
 */
struct nn_weights;

struct nn_weights_params {
  /* How the weights of matrix products lie on the device: NN_F32; NN_F16; or NN_I8, where a step is 1/127 of the greatest magnitude
     of an output's row (delicate ones, and convolutions', then stay in NN_F16). Everything else, and what a kernel that knows only
     fp32 takes, stays NN_F32. Sums are in fp32. */
  enum nn_type storage;
  /* What plans go by when they choose kernels; outlives the weights. NULL: nothing. */
  const struct nn_findings *findings;
};

/* file may be NULL: then every tensor comes from nn_weights_add(). */
enum compute_status
nn_weights_create(struct gpu_device *device, const struct weights_file *file, const struct nn_weights_params *params,
                  struct nn_weights **weights, struct compute_error *error);

/* Adds a computed tensor (a folded one, say), which hides one of the same name in the file. data is copied: row-major, of
   NN_F32 only. COMPUTE_ERROR_SHAPE if the name was added before or the shape is not one. */
enum compute_status nn_weights_add(struct nn_weights *weights, const char *name, enum nn_type type,
                                   const struct nn_shape *shape, const void *data, struct compute_error *error);

/* Bytes of the device's memory that packed weights take now. */
uint64_t nn_weights_bytes(const struct nn_weights *weights);

/* After the last plan that uses it. Accepts NULL inside. */
void nn_weights_destroy(struct nn_weights **weights);

/* ---- Graph --------------------------------------------------------------------------------------------------------- */

struct nn_graph;

/* NULL only where the host has no memory; all functions below accept a NULL graph, and nn_plan_create() reports it. */
struct nn_graph *nn_graph_create(struct nn_weights *weights);

/* A plan does not need its graph once it is made. */
void nn_graph_destroy(struct nn_graph **graph);

/* The first error, or NULL. */
const struct compute_error *nn_graph_error(const struct nn_graph *graph);

/* Keeps an error of the caller's own (a configuration that does not fit, say) as the graph's first. */
void nn_graph_fail(struct nn_graph *graph, enum compute_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A tensor that nn_plan_write() fills: NN_F32 or NN_I32. The name is copied. */
nn_tensor nn_input(struct nn_graph *graph, const char *name, enum nn_type type, unsigned rank, const int64_t *dims);

/* A tensor of the checkpoint, checked against the expected shape; 0 accepts any size of that dimension. */
nn_tensor nn_weight(struct nn_graph *graph, unsigned rank, const int64_t *dims, const char *name_format, ...)
    __attribute__((format(printf, 4, 5)));
bool nn_has_weight(struct nn_graph *graph, const char *name_format, ...) __attribute__((format(printf, 2, 3)));

/* Keeps the tensor for nn_plan_read(). The name is copied; two outputs may not share one. */
void nn_output(struct nn_graph *graph, nn_tensor tensor, const char *name);

/* ---- Operations ---------------------------------------------------------------------------------------------------- */

/*
 * NN_GELU        x · Φ(x), by the error function            Hendrycks and Gimpel 2016
 * NN_GELU_TANH   its approximation by tanh                   ibid., section 2
 * NN_QUICK_GELU  x · σ(1.702 x)                              ibid.; CLIP uses it
 * NN_RELU        max(x, 0)        NN_RELU6  min(max(x, 0), 6)
 * NN_SILU        x · σ(x)         NN_SIGMOID σ(x)            NN_TANH tanh(x)
 */
enum nn_activation {
  NN_IDENTITY,
  NN_GELU,
  NN_GELU_TANH,
  NN_QUICK_GELU,
  NN_RELU,
  NN_RELU6,
  NN_SILU,
  NN_SIGMOID,
  NN_TANH,
};

struct nn_linear_params {
  nn_tensor bias;     /* [O] or NULL */
  nn_tensor residual; /* the result's shape, or NULL; added after the activation */
  enum nn_activation activation;
  bool is_delicate; /* rounding the weight to 8 bits would cost too much: it has 16 at least */
};

/* x [..., K], weight [O, K] (as PyTorch keeps it, a weight of the checkpoint) → [..., O]: activation(x·Wᵀ + bias) + residual.
   Products of one x should be one product: nn_concat() of weights along axis 0 is a weight too and costs nothing. */
nn_tensor nn_linear(struct nn_graph *graph, nn_tensor x, nn_tensor weight, const struct nn_linear_params *params);

/* a [..., M, K], b [..., K, N] → [..., M, N]; the leading dimensions are equal, or absent in one of the two. */
nn_tensor nn_matmul(struct nn_graph *graph, nn_tensor a, nn_tensor b);

struct nn_conv2d_params {
  nn_tensor bias;     /* [O] or NULL */
  nn_tensor residual; /* the result's shape, or NULL; added after the activation */
  enum nn_activation activation;
  unsigned stride[2];   /* vertical, horizontal; 0 means 1 */
  unsigned padding[4];  /* zeros at the top, left, bottom, right */
  unsigned dilation[2]; /* vertical, horizontal; 0 means 1 */
  unsigned groups;      /* 0 means 1; C for depthwise */
};

/* x [N, H, W, C], weight [O, C/groups, kh, kw] (PyTorch's order, a weight of the checkpoint) → [N, H', W', O] with
   H' = (H + top + bottom - dilation·(kh - 1) - 1) / stride + 1, rounded down. */
nn_tensor nn_conv2d(struct nn_graph *graph, nn_tensor x, nn_tensor weight, const struct nn_conv2d_params *params);

/* x [N, H, W, C], weight [O, C, P, Q], bias [O] or NULL → [N, (H/P)·(W/Q), O]: a convolution whose stride is its kernel.
   H and W must be multiples of P and Q. (Dosovitskiy et al. 2021, section 3.1.) */
nn_tensor nn_patch_embedding(struct nn_graph *graph, nn_tensor x, nn_tensor weight, nn_tensor bias);

/* Over the last dimension: (x - mean) / sqrt(variance + epsilon) · gamma + beta, the variance being the biased one
   (Ba et al. 2016). gamma, beta: [last] or NULL. */
nn_tensor nn_layer_norm(struct nn_graph *graph, nn_tensor x, nn_tensor gamma, nn_tensor beta, float epsilon);

/* Over the last dimension; the row's maximum is subtracted first. */
nn_tensor nn_softmax(struct nn_graph *graph, nn_tensor x);

nn_tensor nn_activate(struct nn_graph *graph, nn_tensor x, enum nn_activation activation);

struct nn_attention_params {
  unsigned heads;    /* divides W; head h takes columns h·W/heads … of q, k and v */
  float scale;       /* of q·k; 0 means 1/sqrt(W/heads) */
  bool causal;       /* query t sees keys 0…t */
  nn_tensor lengths; /* I32 [N]: batch n sees its first lengths[n] keys, at least one; or NULL: all S */
};

/* q [N, T, W], k and v [N, S, W] → [N, T, W]: softmax(scale·q·kᵀ)·v a head (Vaswani et al. 2017, section 3.2). The scores are
   never written: the softmax is computed as the keys go by (Milakov and Gimelshein 2018). W/heads is at most 256. */
nn_tensor
nn_attention(struct nn_graph *graph, nn_tensor q, nn_tensor k, nn_tensor v, const struct nn_attention_params *params);

/* b is broadcast as NumPy does it: aligned at the last dimension, sizes equal or 1 in b. The result has a's shape. */
nn_tensor nn_add(struct nn_graph *graph, nn_tensor a, nn_tensor b);
nn_tensor nn_multiply(struct nn_graph *graph, nn_tensor a, nn_tensor b);

/* x · factor + offset */
nn_tensor nn_scale(struct nn_graph *graph, nn_tensor x, float factor, float offset);

/* table [V, W] (a weight), ids I32 [N, T] or [T] → [N, T, W] or [T, W]: rows of the table. An id outside 0…V-1 gives zeros. */
nn_tensor nn_gather(struct nn_graph *graph, nn_tensor table, nn_tensor ids);

/* x [N, T, W], index I32 [N] → [N, W]: token index[n] of batch n. An index outside 0…T-1 gives zeros. */
nn_tensor nn_gather_rows(struct nn_graph *graph, nn_tensor x, nn_tensor index);

/* Joined along axis; the other dimensions are equal. Of two weights along axis 0: a weight, joined when it is packed. */
nn_tensor nn_concat(struct nn_graph *graph, nn_tensor a, nn_tensor b, unsigned axis);

/* Views: no copy unless a later operation cannot read them in place. */
nn_tensor nn_slice(struct nn_graph *graph, nn_tensor x, unsigned axis, int64_t start, int64_t count);
nn_tensor nn_reshape(struct nn_graph *graph, nn_tensor x, unsigned rank, const int64_t *dims);
/* Result dimension i is x's dimension permutation[i]; permutation has x's rank. */
nn_tensor nn_transpose(struct nn_graph *graph, nn_tensor x, const unsigned *permutation);
/* x [T, W] or [1, T, W] → [batch, T, W]; x [1, W] → [batch, 1, W] */
nn_tensor nn_broadcast(struct nn_graph *graph, nn_tensor x, int64_t batch);

/* x [N, T, W] → [N, W]: the mean of the first lengths[n] tokens (I32 [N], at least one is counted), or of all T. */
nn_tensor nn_mean(struct nn_graph *graph, nn_tensor x, nn_tensor lengths);

enum nn_pool { NN_POOL_MAX, NN_POOL_MEAN };

/* x [N, H, W, C] → [N, H', W', C]. Padding takes no part: the mean is over what lies inside the picture. kernel and stride are
   {vertical, horizontal}, padding {top, left, bottom, right}; NULL stride: the kernel; NULL padding: none. */
nn_tensor nn_pool2d(struct nn_graph *graph, nn_tensor x, enum nn_pool kind, const unsigned kernel[2],
                    const unsigned stride[2], const unsigned padding[4]);

/* x [N, H, W, C] → [N, C] */
nn_tensor nn_global_mean(struct nn_graph *graph, nn_tensor x);

/* x / max(|x|, epsilon) over the last dimension, |x| being the Euclidean length. */
nn_tensor nn_l2_normalize(struct nn_graph *graph, nn_tensor x, float epsilon);

/* ---- Plan ---------------------------------------------------------------------------------------------------------- */

struct nn_plan;

struct nn_plan_params {
  bool profile;     /* time every operation; costs a barrier each */
  bool no_aliasing; /* every result has bytes of its own: for tests and for hunting faults */
  /* The device need not hold all weights at once: a window of them is kept there, and those of each layer are read, packed and uploaded
     before it runs, in every run. Far slower, and the same numbers. Weights that other plans keep there are used where they are. The
     plan then takes no times. COMPUTE_ERROR_OUT_OF_MEMORY: not even one layer's fit. */
  bool weights_by_turns;
  const char *kernel; /* "operation/kernel": that operation must use this kernel or nn_plan_create() fails with
                         COMPUTE_ERROR_UNSUPPORTED; NULL: free choice */
};

/* What the graph computes, ready to run. The weights and the device must outlive it. COMPUTE_ERROR_LIMIT: a tensor or the
   arena is larger than the device allows; a smaller batch is the way out. */
enum compute_status nn_plan_create(struct nn_graph *graph, const struct nn_plan_params *params, struct nn_plan **plan,
                                   struct compute_error *error);
void nn_plan_destroy(struct nn_plan **plan);

/* bytes must be the whole input's. It keeps its content until it is written again. */
enum compute_status
nn_plan_write(struct nn_plan *plan, const char *input, const void *data, size_t bytes, struct compute_error *error);
/* Submits and waits. */
enum compute_status nn_plan_run(struct nn_plan *plan, struct compute_error *error);
/* The two halves of nn_plan_run(): the first returns at once (by turns, with the last of them), and the second at once where nothing was submitted. What is written and
   read between them waits for nothing, so inputs and outputs are left alone there. */
enum compute_status nn_plan_submit(struct nn_plan *plan, struct compute_error *error);
enum compute_status nn_plan_wait(struct nn_plan *plan, struct compute_error *error);
/* count must be the whole output's elements. */
enum compute_status
nn_plan_read(struct nn_plan *plan, const char *output, float *out, size_t count, struct compute_error *error);

/* Where an input lies on the device, for commands of the caller's own that write it and are submitted before the plan. The binding may be
   bound as storage whole. */
enum compute_status
nn_plan_find_input(struct nn_plan *plan, const char *input, struct gpu_binding *binding, struct compute_error *error);

/* The shape of an input or output; rank 0 where there is none of that name. */
struct nn_shape nn_plan_shape(const struct nn_plan *plan, const char *name);

/* One node of the plan and its last run. */
struct nn_op_time {
  const char *op;     /* "linear" */
  const char *kernel; /* "tile8x8" */
  double seconds;     /* 0 where the plan was not made with profile, was not run, or the device has no timestamps */
  double operations;  /* a multiplication and an addition are two */
  double bytes;       /* read and written at least once: operands, weights, result */
};

/* Entries in running order, valid until the plan is run again or destroyed; returns how many. */
size_t nn_plan_profile(struct nn_plan *plan, const struct nn_op_time **times);

/* In how many turns weights are uploaded in a run; 0 where all stay on the device. */
size_t nn_plan_turns(const struct nn_plan *plan);

/* What a plan of the graph would take for its arena, without making one: for choosing a batch that fits. Errors as nn_plan_create(), but
   for those of memory. */
enum compute_status nn_graph_arena_bytes(struct nn_graph *graph, uint64_t *bytes, struct compute_error *error);

/* Bytes of the arena, and what they would be if no two results shared any. */
uint64_t nn_plan_arena_bytes(const struct nn_plan *plan);
uint64_t nn_plan_unshared_bytes(const struct nn_plan *plan);

/* "operation/kernel" of every kernel in this program, best first in each operation; NULL past the last. */
const char *nn_kernel_name(size_t index);

/* ---- Tuning --------------------------------------------------------------------------------------------------------- */

struct nn_tune_params {
  double seconds; /* the longest it may take, but for what the driver compiles last; 0: NN_TUNE_SECONDS */
  /* How far it is, 0 … 1; false ends it early. May be NULL. */
  bool (*progress)(void *user, double done);
  void *user;
};
#define NN_TUNE_SECONDS 5.0

/* Measures, for each class of the graph's nodes that the findings know nothing of, the costliest first, which of the kernels and their
   variants is fastest, and keeps it. What does not compute what the others do is not taken. Plans that are made afterwards with weights
   that have these findings go by it; in what time does not allow for they go on as before.

   It takes a kernel to be compiled for each candidate, so that it is not for a program's start: on a GPU it is worth its seconds before
   a long work; a device that is a processor compiles for longer than it then saves, and chooses well by itself.

   COMPUTE_ERROR_DEVICE_LOST: what was in work keeps its usual kernel, so that the same does not happen again. */
enum compute_status nn_tune(struct nn_graph *graph, struct nn_findings *findings, const struct nn_tune_params *params,
                            struct compute_error *error);

/* ---- What a device could do ---------------------------------------------------------------------------------------- */

/* The most that shaders reach, measured: what an operation takes at least is its operations over the one or its bytes over the other,
   whichever is longer. */
struct nn_peaks {
  double operations; /* a second in fp32; a multiplication and an addition are two */
  double bytes;      /* a second, read and written, of a copy within the device's memory */
};

/* Blocks for a second or so, and takes 128 MiB of the device's memory for as long. */
enum compute_status nn_measure_peaks(struct gpu_device *device, struct nn_peaks *peaks, struct compute_error *error);
