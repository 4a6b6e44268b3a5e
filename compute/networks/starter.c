/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/networks/network.h"
#include "compute/weights/weights.h"

/*
 * The starter model: a picture classifier and a sentence encoder, joined into a dual encoder by the words of the classes
 * (ConSE, Norouzi et al. 2013).
 *
 *   p        the mean of the class posteriors of three crops along the picture's long side     EfficientNet-Lite0
 *   c_i      MiniLM's vector of "names: definition" of class i; m their mean                    "class_vectors" [classes, width]
 *   picture  Σ p_i^0.5 · (c_i - m), made unit length
 *   query    MiniLM's vector of the words, minus m, made unit length
 *
 * The square root keeps what else is in a picture besides its likeliest class. The cosine that a perfect picture could get
 * differs much from query to query; it is estimated by the mean of the query's five highest cosines with the class vectors.
 *
 * EfficientNet-Lite0 (Tan and Le 2019; the Lite variants have ReLU6 and no squeeze-and-excitation) has its batch norms folded
 * into the convolutions: "picture.stem", "picture.blocks.N.{expand,depthwise,project}", "picture.head", "picture.classifier",
 * each with .weight and .bias. The sentence encoder's tensors have the prefix "text.".
 */

#define MAX_STAGES 16
#define CEILING_CLASSES 5

struct stage {
  int64_t repeats, kernel, stride, expansion, channels;
};

struct starter_settings {
  struct bert_settings text;
  struct stage stages[MAX_STAGES];
  unsigned stage_count;
  int64_t side, crops, stem, head, classes;
  double power;
};

struct starter_state {
  unsigned classes, width;
  float *centred; /* [classes, width]: c_i - m */
  float *lengths; /* [classes]: their lengths */
  float mean[];   /* [width]: m */
};

static enum compute_status
read_settings(const struct config *config, const char *folder, struct network_settings *settings,
              struct compute_error *error)
{
  const struct config *picture = config_child(config, "picture_config"), *text = config_child(config, "text_config");
  struct starter_settings *starter = calloc(1, sizeof *starter);
  enum compute_status status;

  if (!starter)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory");
  settings->own = starter;
  const struct config *stages = picture ? config_child(picture, "stages") : NULL;
  if (!text || !stages)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "a starter model has a text_config and a picture_config with stages");
  if ((status = bert_read_settings(text, &starter->text, error)) ||
      (status = config_integer(picture, "image_size", 1, 4096, &starter->side, error)) ||
      (status = config_integer(picture, "crops", 1, 16, &starter->crops, error)) ||
      (status = config_integer(picture, "stem_channels", 1, 8192, &starter->stem, error)) ||
      (status = config_integer(picture, "head_channels", 1, 8192, &starter->head, error)) ||
      (status = config_integer(picture, "classes", CEILING_CLASSES, 1 << 16, &starter->classes, error)) ||
      (status = config_number(picture, "power", 0, 4, &starter->power, error)))
    return status;
  if (config_count(stages) < 1 || config_count(stages) > MAX_STAGES)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "stages must be a list of 1 … %d", MAX_STAGES);
  starter->stage_count = (unsigned)config_count(stages);
  for (unsigned i = 0; i < starter->stage_count; i++) {
    const struct config *stage = config_at(stages, i);
    struct stage *s = &starter->stages[i];

    if ((status = config_integer(stage, "repeats", 1, 64, &s->repeats, error)) ||
        (status = config_integer(stage, "kernel", 1, 15, &s->kernel, error)) ||
        (status = config_integer(stage, "stride", 1, 4, &s->stride, error)) ||
        (status = config_integer(stage, "expansion", 1, 64, &s->expansion, error)) ||
        (status = config_integer(stage, "channels", 1, 8192, &s->channels, error)))
      return status;
  }
  settings->preprocessing = (struct preprocessing){ .resize = (unsigned)starter->side,
                                                    .crop = (unsigned)starter->side,
                                                    .mean = { 127 / 255.0f, 127 / 255.0f, 127 / 255.0f },
                                                    .deviation = { 128 / 255.0f, 128 / 255.0f, 128 / 255.0f } };
  settings->output_width = (unsigned)starter->classes;
  settings->info.dimensions = (unsigned)starter->text.width;
  settings->info.embeds_pictures = settings->info.embeds_texts = true;
  settings->info.input_side = (unsigned)starter->side;
  settings->info.crops = (unsigned)starter->crops;
  settings->info.max_tokens = starter->text.positions < 256 ? (unsigned)starter->text.positions : 256;
  return COMPUTE_OK;
}

/* TensorFlow's "same": the result has ceil(size / stride) rows, and the odd zero goes below and to the right. */
static nn_tensor
convolution(struct nn_graph *graph, nn_tensor x, int64_t channels, int64_t kernel, int64_t stride, bool depthwise,
            enum nn_activation activation, nn_tensor residual, const char *name)
{
  const struct nn_shape shape = nn_tensor_shape(x);
  struct nn_conv2d_params params = { .activation = activation,
                                     .residual = residual,
                                     .stride = { (unsigned)stride, (unsigned)stride },
                                     .groups = depthwise ? (unsigned)channels : 1 };

  for (unsigned axis = 0; axis < 2; axis++) {
    const int64_t size = shape.dims[1 + axis], results = (size + stride - 1) / stride;
    const int64_t missing = (results - 1) * stride + kernel - size;
    const unsigned total = missing > 0 ? (unsigned)missing : 0;

    params.padding[axis] = total / 2;
    params.padding[axis + 2] = total - total / 2;
  }
  const int64_t inputs = depthwise ? 1 : shape.dims[3];
  params.bias = nn_weight(graph, 1, &channels, "picture.%s.bias", name);
  return nn_conv2d(graph, x,
                   nn_weight(graph, 4, (int64_t[]){ channels, inputs, kernel, kernel }, "picture.%s.weight", name),
                   &params);
}

static nn_tensor
build_pictures(struct nn_graph *graph, const struct network_settings *settings, nn_tensor pixels)
{
  const struct starter_settings *starter = settings->own;
  const int64_t batch = nn_tensor_shape(pixels).dims[0] / starter->crops;
  unsigned block = 0;
  char name[64];

  nn_tensor x = convolution(graph, pixels, starter->stem, 3, 2, false, NN_RELU6, NULL, "stem");
  for (unsigned i = 0; i < starter->stage_count; i++) {
    const struct stage *s = &starter->stages[i];

    for (int64_t repeat = 0; repeat < s->repeats; repeat++, block++) {
      const int64_t in = nn_tensor_shape(x).dims[3], wide = in * s->expansion, stride = repeat ? 1 : s->stride;
      nn_tensor hidden = x;

      if (s->expansion > 1) {
        snprintf(name, sizeof name, "blocks.%u.expand", block);
        hidden = convolution(graph, hidden, wide, 1, 1, false, NN_RELU6, NULL, name);
      }
      snprintf(name, sizeof name, "blocks.%u.depthwise", block);
      hidden = convolution(graph, hidden, wide, s->kernel, stride, true, NN_RELU6, NULL, name);
      snprintf(name, sizeof name, "blocks.%u.project", block);
      x = convolution(graph, hidden, s->channels, 1, 1, false, NN_IDENTITY, stride == 1 && in == s->channels ? x : NULL,
                      name);
    }
  }
  x = convolution(graph, x, starter->head, 1, 1, false, NN_RELU6, NULL, "head");
  x = nn_global_mean(graph, x);
  x = nn_linear(graph, x,
                nn_weight(graph, 2, (int64_t[]){ starter->classes, starter->head }, "picture.classifier.weight"),
                &(struct nn_linear_params){ .bias = nn_weight(graph, 1, &starter->classes, "picture.classifier.bias"),
                                            .is_delicate = true });
  x = nn_softmax(graph, x);
  return nn_mean(graph, nn_reshape(graph, x, 3, (int64_t[]){ batch, starter->crops, starter->classes }), NULL);
}

static nn_tensor
build_texts(struct nn_graph *graph, const struct network_settings *settings, const struct text_inputs *inputs)
{
  const struct starter_settings *starter = settings->own;

  return bert_build(graph, &starter->text, "text.", inputs);
}

static enum compute_status
open_state(const struct network_settings *settings, const struct weights_file *file, void **out,
           struct compute_error *error)
{
  const struct starter_settings *starter = settings->own;
  const unsigned classes = (unsigned)starter->classes, width = settings->info.dimensions;
  const struct weights_tensor *tensor = weights_find(file, "class_vectors");

  if (!tensor)
    return compute_fail(error, COMPUTE_ERROR_NOT_FOUND, "model.safetensors: the tensor class_vectors is missing");
  if (tensor->rank != 2 || tensor->dims[0] != classes || tensor->dims[1] != width)
    return compute_fail(error, COMPUTE_ERROR_SHAPE, "model.safetensors: class_vectors must be [%u, %u]", classes,
                        width);
  enum compute_status status = weights_check_finite(tensor, error);
  if (status)
    return status;

  const size_t values = (size_t)classes * width;
  struct starter_state *state = calloc(1, sizeof *state + (width + values + classes) * sizeof(float));
  if (!state)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory for the class vectors");
  state->classes = classes;
  state->width = width;
  state->centred = state->mean + width;
  state->lengths = state->centred + values;
  weights_read_f32(tensor, 0, values, state->centred);
  for (unsigned d = 0; d < width; d++) {
    double sum = 0;
    for (unsigned i = 0; i < classes; i++)
      sum += state->centred[(size_t)i * width + d];
    state->mean[d] = (float)(sum / classes);
  }
  for (unsigned i = 0; i < classes; i++) {
    double sum = 0;
    for (unsigned d = 0; d < width; d++) {
      float *value = &state->centred[(size_t)i * width + d];
      *value -= state->mean[d];
      sum += (double)*value * *value;
    }
    state->lengths[i] = (float)sqrt(sum);
  }
  *out = state;
  return COMPUTE_OK;
}

static void
finish_picture(const struct network_settings *settings, const void *data, const float *output, float *vector)
{
  const struct starter_settings *starter = settings->own;
  const struct starter_state *state = data;

  memset(vector, 0, state->width * sizeof *vector);
  for (unsigned i = 0; i < state->classes; i++) {
    const float share = powf(output[i] > 0 ? output[i] : 0, (float)starter->power);
    const float *centred = state->centred + (size_t)i * state->width;

    for (unsigned d = 0; d < state->width; d++)
      vector[d] += share * centred[d];
  }
  network_normalize(vector, state->width);
}

static void
finish_query(const struct network_settings *settings, const void *data, float *vector)
{
  const struct starter_state *state = data;

  for (unsigned d = 0; d < state->width; d++)
    vector[d] -= state->mean[d];
  network_normalize(vector, state->width);
}

static void
calibrate(const struct network_settings *settings, const void *data, const float *query,
          struct model_calibration *calibration)
{
  const struct starter_state *state = data;
  float best[CEILING_CLASSES] = { 0 };
  float sum = 0;

  for (unsigned i = 0; i < state->classes; i++) {
    const float *centred = state->centred + (size_t)i * state->width;
    float cosine = 0;

    for (unsigned d = 0; d < state->width; d++)
      cosine += query[d] * centred[d];
    cosine = state->lengths[i] > 0 ? cosine / state->lengths[i] : 0;
    for (unsigned place = 0; place < CEILING_CLASSES; place++)
      if (cosine > best[place]) {
        const float lower = best[place];
        best[place] = cosine;
        cosine = lower;
      }
  }
  for (unsigned place = 0; place < CEILING_CLASSES; place++)
    sum += best[place];
  /* Words that no class is near to must not make everything look like a match. */
  *calibration = (struct model_calibration){ .floor = 0, .ceiling = fmaxf(sum / CEILING_CLASSES, 0.2f) };
}

const struct network network_starter = {
  .name = "saccade-starter",
  .model_type = "saccade-starter",
  .read_settings = read_settings,
  .build_pictures = build_pictures,
  .build_texts = build_texts,
  .open = open_state,
  .finish_picture = finish_picture,
  .finish_query = finish_query,
  .calibrate = calibrate,
};
