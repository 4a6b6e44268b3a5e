/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "compute/networks/network.h"

/* Devlin et al. 2019, with post-norm as Vaswani et al. 2017; tensors are named as transformers' BertModel names them. */

enum compute_status
bert_read_settings(const struct config *config, struct bert_settings *bert, struct compute_error *error)
{
  enum compute_status status;

  if ((status = config_integer_or(config, "vocab_size", 1, 1 << 20, 30522, &bert->vocabulary, error)) ||
      (status = config_integer_or(config, "hidden_size", 4, 8192, 768, &bert->width, error)) ||
      (status = config_integer_or(config, "num_hidden_layers", 1, 128, 12, &bert->depth, error)) ||
      (status = config_integer_or(config, "num_attention_heads", 1, 128, 12, &bert->heads, error)) ||
      (status = config_integer_or(config, "intermediate_size", 1, 65536, 3072, &bert->intermediate, error)) ||
      (status = config_integer_or(config, "max_position_embeddings", 2, 65536, 512, &bert->positions, error)) ||
      (status = config_integer_or(config, "type_vocab_size", 1, 16, 2, &bert->types, error)) ||
      (status = config_number_or(config, "layer_norm_eps", 0, 1, 1e-12, &bert->epsilon, error)) ||
      (status = network_read_activation(config, NN_GELU, &bert->activation, error)))
    return status;
  if (bert->width % bert->heads)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "hidden_size %lld is not a multiple of num_attention_heads %lld", (long long)bert->width,
                        (long long)bert->heads);
  return COMPUTE_OK;
}

static nn_tensor
layer_norm(struct nn_graph *graph, const struct bert_settings *bert, const char *prefix, nn_tensor x)
{
  const int64_t width[] = { bert->width };

  return nn_layer_norm(graph, x, nn_weight(graph, 1, width, "%sLayerNorm.weight", prefix),
                       nn_weight(graph, 1, width, "%sLayerNorm.bias", prefix), (float)bert->epsilon);
}

static nn_tensor
layer(struct nn_graph *graph, const struct bert_settings *bert, const char *prefix, unsigned index, nn_tensor x,
      nn_tensor lengths)
{
  static const char *const parts[] = { "query", "key", "value" };
  const int64_t width = bert->width;
  nn_tensor weight = NULL, bias = NULL;
  char name[160];

  for (unsigned i = 0; i < 3; i++) {
    nn_tensor w = nn_weight(graph, 2, (int64_t[]){ width, width }, "%sencoder.layer.%u.attention.self.%s.weight",
                            prefix, index, parts[i]);
    nn_tensor b = nn_weight(graph, 1, &width, "%sencoder.layer.%u.attention.self.%s.bias", prefix, index, parts[i]);

    weight = i ? nn_concat(graph, weight, w, 0) : w;
    bias = i ? nn_concat(graph, bias, b, 0) : b;
  }
  nn_tensor qkv = nn_linear(graph, x, weight, &(struct nn_linear_params){ .bias = bias });
  nn_tensor attention =
      nn_attention(graph, nn_slice(graph, qkv, 2, 0, width), nn_slice(graph, qkv, 2, width, width),
                   nn_slice(graph, qkv, 2, 2 * width, width),
                   &(struct nn_attention_params){ .heads = (unsigned)bert->heads, .lengths = lengths });
  x = nn_linear(
      graph, attention,
      nn_weight(graph, 2, (int64_t[]){ width, width }, "%sencoder.layer.%u.attention.output.dense.weight", prefix,
                index),
      &(struct nn_linear_params){
          .bias = nn_weight(graph, 1, &width, "%sencoder.layer.%u.attention.output.dense.bias", prefix, index),
          .residual = x });
  snprintf(name, sizeof name, "%sencoder.layer.%u.attention.output.", prefix, index);
  x = layer_norm(graph, bert, name, x);

  nn_tensor hidden = nn_linear(
      graph, x,
      nn_weight(graph, 2, (int64_t[]){ bert->intermediate, width }, "%sencoder.layer.%u.intermediate.dense.weight",
                prefix, index),
      &(struct nn_linear_params){
          .bias = nn_weight(graph, 1, &bert->intermediate, "%sencoder.layer.%u.intermediate.dense.bias", prefix, index),
          .activation = bert->activation });
  x = nn_linear(
      graph, hidden,
      nn_weight(graph, 2, (int64_t[]){ width, bert->intermediate }, "%sencoder.layer.%u.output.dense.weight", prefix,
                index),
      &(struct nn_linear_params){
          .bias = nn_weight(graph, 1, &width, "%sencoder.layer.%u.output.dense.bias", prefix, index), .residual = x });
  snprintf(name, sizeof name, "%sencoder.layer.%u.output.", prefix, index);
  return layer_norm(graph, bert, name, x);
}

nn_tensor
bert_build(struct nn_graph *graph, const struct bert_settings *bert, const char *prefix,
           const struct text_inputs *inputs)
{
  const int64_t width = bert->width;
  char name[160];
  nn_tensor words =
      nn_weight(graph, 2, (int64_t[]){ bert->vocabulary, width }, "%sembeddings.word_embeddings.weight", prefix);
  nn_tensor positions =
      nn_weight(graph, 2, (int64_t[]){ bert->positions, width }, "%sembeddings.position_embeddings.weight", prefix);
  nn_tensor types =
      nn_weight(graph, 2, (int64_t[]){ bert->types, width }, "%sembeddings.token_type_embeddings.weight", prefix);

  nn_tensor x = nn_gather(graph, words, inputs->ids);
  x = nn_add(graph, x, nn_slice(graph, positions, 0, 0, inputs->tokens));
  x = nn_add(graph, x, nn_slice(graph, types, 0, 0, 1));
  snprintf(name, sizeof name, "%sembeddings.", prefix);
  x = layer_norm(graph, bert, name, x);
  for (unsigned i = 0; i < bert->depth; i++)
    x = layer(graph, bert, prefix, i, x, inputs->lengths);
  return nn_l2_normalize(graph, nn_mean(graph, x, inputs->lengths), 1e-12f);
}

static enum compute_status
read_settings(const struct config *config, const char *folder, struct network_settings *settings,
              struct compute_error *error)
{
  struct bert_settings *bert = calloc(1, sizeof *bert);

  if (!bert)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory");
  settings->own = bert;
  enum compute_status status = bert_read_settings(config, bert, error);
  if (status)
    return status;
  settings->info.dimensions = (unsigned)bert->width;
  settings->info.embeds_texts = true;
  settings->info.max_tokens = bert->positions < 256 ? (unsigned)bert->positions : 256;
  return COMPUTE_OK;
}

static nn_tensor
build_texts(struct nn_graph *graph, const struct network_settings *settings, const struct text_inputs *inputs)
{
  return bert_build(graph, settings->own, nn_has_weight(graph, "bert.embeddings.word_embeddings.weight") ? "bert." : "",
                    inputs);
}

/* What two unrelated and two equivalent sentences get from a sentence encoder of this family. */
static void
calibrate(const struct network_settings *settings, const void *state, const float *query,
          struct model_calibration *calibration)
{
  *calibration = (struct model_calibration){ .floor = 0.1f, .ceiling = 0.8f };
}

const struct network network_bert = {
  .name = "bert",
  .model_type = "bert",
  .read_settings = read_settings,
  .build_texts = build_texts,
  .calibrate = calibrate,
};
