/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

extern const struct nn_op nn_op_conv2d;
extern const struct nn_kernel nn_kernel_conv2d_cpu;

/* The same convolution with every default written out. */
static struct nn_conv2d_params
with_defaults(const struct nn_conv2d_params *params)
{
  struct nn_conv2d_params full = params != NULL ? *params : (struct nn_conv2d_params){ 0 };

  for (int i = 0; i < 2; i++) {
    full.stride[i] = full.stride[i] ? full.stride[i] : 1;
    full.dilation[i] = full.dilation[i] ? full.dilation[i] : 1;
  }
  full.groups = full.groups ? full.groups : 1;
  return full;
}

static bool
is_linear(const struct nn_shape *weight, const struct nn_conv2d_params *full)
{
  for (int i = 0; i < 2; i++)
    if (weight->dims[2 + i] != 1 || full->stride[i] != 1 || full->padding[i] != 0 || full->padding[i + 2] != 0)
      return false;
  return full->groups == 1;
}

nn_tensor
nn_conv2d(struct nn_graph *graph, nn_tensor x, nn_tensor weight, const struct nn_conv2d_params *params)
{
  struct nn_conv2d_params full = with_defaults(params);
  const nn_tensor optional[] = { full.bias, full.residual };
  struct nn_shape shape;
  unsigned kernel[2];
  char one[NN_SHAPE_TEXT], other[NN_SHAPE_TEXT];

  if (!nn_graph_accepts(graph, "conv2d", x) || !nn_graph_accepts(graph, "conv2d", weight))
    return nn_graph_nothing(graph);
  for (int i = 0; i < 2; i++)
    if (optional[i] != NULL && !nn_graph_accepts(graph, "conv2d", optional[i]))
      return nn_graph_nothing(graph);
  if (weight->storage->kind != NN_STORAGE_WEIGHT || !nn_is_contiguous(weight) || weight->shape.rank != 4)
    return nn_reject(graph,
                     "conv2d: “%s” %s is not a dense weight [outputs, channels, height, width] of the checkpoint",
                     weight->name, nn_shape_text(&weight->shape, one));
  if (x->shape.rank != 4 || x->shape.dims[3] % full.groups != 0 || weight->shape.dims[0] % full.groups != 0 ||
      x->shape.dims[3] / full.groups != weight->shape.dims[1])
    return nn_reject(graph, "conv2d: “%s” %s does not fit weight “%s” %s in %u groups", x->name,
                     nn_shape_text(&x->shape, one), weight->name, nn_shape_text(&weight->shape, other), full.groups);
  shape = x->shape;
  for (int i = 0; i < 2; i++) {
    int64_t side = shape.dims[1 + i] + full.padding[i] + full.padding[i + 2];
    int64_t window = (int64_t)full.dilation[i] * (weight->shape.dims[2 + i] - 1) + 1;

    if (window > side)
      return nn_reject(graph, "conv2d: “%s” %s with its padding is smaller than the window of weight “%s” %s", x->name,
                       nn_shape_text(&x->shape, one), weight->name, nn_shape_text(&weight->shape, other));
    shape.dims[1 + i] = (side - window) / full.stride[i] + 1;
  }
  shape.dims[3] = weight->shape.dims[0];
  if (full.bias != NULL && (full.bias->shape.rank != 1 || full.bias->shape.dims[0] != shape.dims[3]))
    return nn_reject(graph, "conv2d: bias “%s” %s does not fit weight “%s” %s", full.bias->name,
                     nn_shape_text(&full.bias->shape, one), weight->name, nn_shape_text(&weight->shape, other));
  if (full.residual != NULL && !nn_shape_equal(&full.residual->shape, &shape))
    return nn_reject(graph, "conv2d: residual “%s” %s does not fit the result %s of weight “%s”", full.residual->name,
                     nn_shape_text(&full.residual->shape, one), nn_shape_text(&shape, other), weight->name);

  if (is_linear(&weight->shape, &full))
    return nn_linear(
        graph, x, nn_reshape(graph, weight, 2, (int64_t[]){ weight->shape.dims[0], weight->shape.dims[1] }),
        &(struct nn_linear_params){
            .bias = full.bias, .residual = full.residual, .activation = full.activation, .is_delicate = true });
  kernel[0] = (unsigned)weight->shape.dims[2];
  kernel[1] = (unsigned)weight->shape.dims[3];
  weight = nn_reshape(graph, weight, 4,
                      (int64_t[]){ full.groups, shape.dims[3] / full.groups, weight->shape.dims[1],
                                   weight->shape.dims[2] * weight->shape.dims[3] });
  return nn_append(graph,
                   &(struct nn_node){
                       .op = &nn_op_conv2d,
                       .inputs = { nn_contiguous(graph, x), weight, full.bias ? nn_contiguous(graph, full.bias) : NULL,
                                   full.residual ? nn_contiguous(graph, full.residual) : NULL },
                       .output = nn_new_result(graph, "conv2d", &shape),
                       .is_delicate = true, /* 8 bits cost EfficientNet-Lite0's vectors of noise 3 %, and it is small */
                       .conv2d = { .activation = full.activation,
                                   .kernel = { kernel[0], kernel[1] },
                                   .stride = { full.stride[0], full.stride[1] },
                                   .padding = { full.padding[0], full.padding[1] },
                                   .dilation = { full.dilation[0], full.dilation[1] },
                                   .groups = full.groups },
                   });
}

/* Everything but the weight, whose packing differs. */
static enum compute_status
bind_all(struct nn_plan *plan, const struct nn_node *node, const struct nn_packing *packing,
         struct gpu_binding bindings[5], struct compute_error *error)
{
  nn_tensor x = node->inputs[0], weight = node->inputs[1];
  const nn_tensor operands[] = { x, NULL, node->inputs[2] ? node->inputs[2] : x, node->inputs[3] ? node->inputs[3] : x,
                                 node->output };
  enum compute_status status = nn_plan_bind_packed(plan, weight, packing, &bindings[1], error);

  for (int i = 0; status == COMPUTE_OK && i < 5; i++)
    if (operands[i] != NULL)
      status = nn_plan_bind(plan, operands[i], &bindings[i], error);
  if (status == COMPUTE_OK && bindings[1].bytes > nn_plan_capabilities(plan)->max_storage_buffer_bytes)
    status = compute_fail(error, COMPUTE_ERROR_LIMIT, "weight “%s” takes %llu bytes and the device binds at most %llu",
                          weight->name, (unsigned long long)bindings[1].bytes,
                          (unsigned long long)nn_plan_capabilities(plan)->max_storage_buffer_bytes);
  return status;
}

static uint32_t
offset_of(nn_tensor tensor)
{
  return tensor != NULL ? (uint32_t)tensor->offset : 0;
}

/* ---- Depthwise ---- */

/* Of the input, how wide and how high a part an invocation looks at: a line of it lives in registers. */
#define MAX_REACH 22
#define MAX_TAPS 25 /* whose weights live there all along */
#define LINES 2     /* of the result, an invocation, at most */

/* Input pixels that so many neighbouring results need. */
static uint64_t
reach(const struct nn_node *node, unsigned axis, uint64_t results)
{
  return (results - 1) * node->conv2d.stride[axis] +
         (uint64_t)(node->conv2d.kernel[axis] - 1) * node->conv2d.dilation[axis] + 1;
}

static bool
fits_depthwise(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  const struct nn_shape *weight = &node->inputs[1]->shape;

  return weight->dims[1] == 1 && weight->dims[2] == 1 && weight->dims[3] <= MAX_TAPS &&
         reach(node, 0, LINES) <= MAX_REACH && reach(node, 1, 4) <= MAX_REACH;
}

static uint64_t
depthwise_bytes(const struct nn_packing *packing, const struct nn_shape *shape)
{
  return (uint64_t)shape->dims[3] * nn_divide_up((uint64_t)shape->dims[0], 4) * 16;
}

static void
pack_depthwise(const struct nn_packing *packing, const float *values, const struct nn_shape *shape, void *packed)
{
  int64_t channels = shape->dims[0], taps = shape->dims[3], padded = (channels + 3) / 4 * 4;
  float *to = packed;

  for (int64_t c = 0; c < channels; c++)
    for (int64_t tap = 0; tap < taps; tap++)
      to[tap * padded + c] = values[c * taps + tap];
}

static const struct nn_packing packing_depthwise = { .name = "depthwise, fp32",
                                                     .bytes = depthwise_bytes,
                                                     .pack = pack_depthwise };

static enum compute_status
dispatch_depthwise(struct nn_plan *plan, const struct nn_node *node, const struct shader *shader,
                   const enum gpu_binding_type *types, uint32_t lines, struct compute_error *error)
{
  nn_tensor x = node->inputs[0], residual = node->inputs[3];
  const int64_t *in = x->shape.dims, *out = node->output->shape.dims;
  struct gpu_binding bindings[5];
  enum compute_status status = bind_all(plan, node, &packing_depthwise, bindings, error);
  struct {
    uint32_t batch, height, width, channels, out_height, out_width;
    uint32_t padding[2], x_offset, bias_offset, residual_offset;
  } push = {
    .batch = (uint32_t)in[0],
    .height = (uint32_t)in[1],
    .width = (uint32_t)in[2],
    .channels = (uint32_t)in[3],
    .out_height = (uint32_t)out[1],
    .out_width = (uint32_t)out[2],
    .padding = { node->conv2d.padding[0], node->conv2d.padding[1] },
    .x_offset = offset_of(x),
    .bias_offset = offset_of(node->inputs[2]),
    .residual_offset = offset_of(residual),
  };
  uint32_t constants[] = {
    node->conv2d.activation,
    node->inputs[2] != NULL,
    residual != NULL,
    in[3] % 4 == 0 && push.x_offset % 4 == 0 && push.residual_offset % 4 == 0,
    node->conv2d.kernel[1],
    node->conv2d.stride[1],
    node->conv2d.dilation[1],
    node->conv2d.kernel[0],
    node->conv2d.stride[0],
    node->conv2d.dilation[0],
    lines,
  };

  if (status != COMPUTE_OK)
    return status;
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = shader,
                              .constants = constants,
                              .constant_count = sizeof constants / sizeof constants[0],
                              .bindings = bindings,
                              .binding_types = types,
                              .binding_count = 5,
                              .push = &push,
                              .push_bytes = sizeof push,
                              .groups = nn_divide_up(nn_divide_up(push.channels, 4) * nn_divide_up(push.out_width, 4) *
                                                         nn_divide_up(push.out_height, lines) * push.batch,
                                                     NN_GROUP_SIZE),
                          },
                          error);
}

static enum compute_status
record_depthwise(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  return dispatch_depthwise(plan, node, &shader_depthwise, NULL, 1, error);
}

/* The same with what is read as texels, for devices that are processors. */
static bool
fits_depthwise_texels(const struct gpu_capabilities *capabilities, const struct nn_node *node)
{
  nn_tensor x = node->inputs[0], bias = node->inputs[2], residual = node->inputs[3];
  uint64_t most = (uint64_t)capabilities->max_texel_buffer_elements * 4;

  return capabilities->type == GPU_DEVICE_CPU && fits_depthwise(capabilities, node) && x->shape.dims[3] % 4 == 0 &&
         x->offset % 4 == 0 && (bias == NULL || bias->offset % 4 == 0) &&
         (residual == NULL || residual->offset % 4 == 0) && (uint64_t)x->storage->elements <= most &&
         (bias == NULL || (uint64_t)bias->storage->elements <= most) &&
         depthwise_bytes(&packing_depthwise, &node->inputs[1]->shape) / sizeof(float) <= most;
}

static enum compute_status
record_depthwise_texels(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  static const enum gpu_binding_type types[] = { GPU_BINDING_TEXEL_F32X4, GPU_BINDING_TEXEL_F32X4,
                                                 GPU_BINDING_TEXEL_F32X4, GPU_BINDING_STORAGE, GPU_BINDING_STORAGE };

  return dispatch_depthwise(plan, node, &shader_depthwise_texels, types, LINES, error);
}

/* ---- Any convolution ---- */

#define BLOCK 8 /* outputs */

static uint64_t
direct_bytes(const struct nn_packing *packing, const struct nn_shape *shape)
{
  return (uint64_t)shape->dims[0] * nn_divide_up((uint64_t)shape->dims[1], BLOCK) * (uint64_t)shape->dims[3] *
         nn_divide_up((uint64_t)shape->dims[2], 4) * 4 * BLOCK * sizeof(float);
}

static void
pack_direct(const struct nn_packing *packing, const float *values, const struct nn_shape *shape, void *packed)
{
  int64_t outputs = shape->dims[1], channels = shape->dims[2], taps = shape->dims[3];
  int64_t blocks = (outputs + BLOCK - 1) / BLOCK, padded = (channels + 3) / 4 * 4;
  float *to = packed;

  for (int64_t g = 0; g < shape->dims[0]; g++)
    for (int64_t o = 0; o < outputs; o++)
      for (int64_t c = 0; c < channels; c++)
        for (int64_t tap = 0; tap < taps; tap++)
          to[(((g * blocks + o / BLOCK) * taps + tap) * padded + c) * BLOCK + o % BLOCK] =
              values[((g * outputs + o) * channels + c) * taps + tap];
}

static const struct nn_packing packing_direct = { .name = "blocks of 8 outputs, fp32",
                                                  .bytes = direct_bytes,
                                                  .pack = pack_direct };

static enum compute_status
record_direct(struct nn_plan *plan, const struct nn_node *node, struct compute_error *error)
{
  nn_tensor x = node->inputs[0], weight = node->inputs[1], residual = node->inputs[3];
  const int64_t *in = x->shape.dims, *out = node->output->shape.dims;
  struct gpu_binding bindings[5];
  enum compute_status status = bind_all(plan, node, &packing_direct, bindings, error);
  struct {
    uint32_t batch, height, width, out_height, out_width, groups, group_channels, group_outputs;
    uint32_t kernel[2], stride[2], dilation[2], padding[2], x_offset, bias_offset, residual_offset;
  } push = {
    .batch = (uint32_t)in[0],
    .height = (uint32_t)in[1],
    .width = (uint32_t)in[2],
    .out_height = (uint32_t)out[1],
    .out_width = (uint32_t)out[2],
    .groups = node->conv2d.groups,
    .group_channels = (uint32_t)weight->shape.dims[2],
    .group_outputs = (uint32_t)weight->shape.dims[1],
    .kernel = { node->conv2d.kernel[0], node->conv2d.kernel[1] },
    .stride = { node->conv2d.stride[0], node->conv2d.stride[1] },
    .dilation = { node->conv2d.dilation[0], node->conv2d.dilation[1] },
    .padding = { node->conv2d.padding[0], node->conv2d.padding[1] },
    .x_offset = offset_of(x),
    .bias_offset = offset_of(node->inputs[2]),
    .residual_offset = offset_of(residual),
  };
  uint32_t constants[] = { node->conv2d.activation, node->inputs[2] != NULL, residual != NULL,
                           push.group_channels % 4 == 0 && push.x_offset % 4 == 0 };

  if (status != COMPUTE_OK)
    return status;
  return nn_plan_dispatch(plan,
                          &(struct nn_dispatch){
                              .shader = &shader_conv2d,
                              .constants = constants,
                              .constant_count = 4,
                              .bindings = bindings,
                              .binding_count = 5,
                              .push = &push,
                              .push_bytes = sizeof push,
                              .groups = nn_divide_up(nn_divide_up(push.group_outputs, BLOCK) * push.groups *
                                                         nn_divide_up(push.out_width, 4) * push.out_height * push.batch,
                                                     NN_GROUP_SIZE),
                          },
                          error);
}

static double
operations(const struct nn_node *node)
{
  const struct nn_shape *weight = &node->inputs[1]->shape;

  return 2.0 * (double)nn_elements(&node->output->shape) * (double)(weight->dims[2] * weight->dims[3]);
}

static const struct nn_kernel depthwise = { .name = "depthwise", .fits = fits_depthwise, .record = record_depthwise };
static const struct nn_kernel direct = { .name = "direct", .record = record_direct };

static const struct nn_kernel depthwise_texels = { .name = "depthwise-texels",
                                                   .fits = fits_depthwise_texels,
                                                   .record = record_depthwise_texels };

static const struct nn_kernel *const kernels[] = { &depthwise_texels, &depthwise, &nn_kernel_conv2d_cpu, &direct,
                                                   NULL };

/* Pixels of the result, its channels, those of the input that one of them sees, and the window's taps. */
static void
sizes(const struct nn_node *node, int64_t sizes[NN_MAX_SIZES])
{
  const struct nn_shape *weight = &node->inputs[1]->shape;

  sizes[1] = weight->dims[0] * weight->dims[1];
  sizes[0] = nn_elements(&node->output->shape) / sizes[1];
  sizes[2] = weight->dims[2];
  sizes[3] = weight->dims[3];
}

const struct nn_op nn_op_conv2d = { "conv2d", kernels, operations, sizes };
