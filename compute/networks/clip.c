/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/networks/network.h"

/*
 * CLIP (Radford et al. 2021): a vision transformer and a causal text transformer, pre-norm, each projected into one space.
 * Everything is read from config.json with the defaults that transformers' CLIPConfig has; tensors are named as CLIPModel
 * names them, which is also how LAION's, DataComp's and TinyCLIP's checkpoints are published.
 */

struct transformer {
  int64_t width, intermediate, depth, heads;
  double epsilon;
  enum nn_activation activation;
};

struct clip_settings {
  struct transformer vision, text;
  int64_t projection, image_side, patch, channels, vocabulary, positions;
};

static enum compute_status
read_transformer(const struct config *config, int64_t width, int64_t intermediate, int64_t heads, struct transformer *t,
                 struct compute_error *error)
{
  enum compute_status status;

  if ((status = config_integer_or(config, "hidden_size", 4, 8192, width, &t->width, error)) ||
      (status = config_integer_or(config, "intermediate_size", 1, 65536, intermediate, &t->intermediate, error)) ||
      (status = config_integer_or(config, "num_hidden_layers", 1, 128, 12, &t->depth, error)) ||
      (status = config_integer_or(config, "num_attention_heads", 1, 128, heads, &t->heads, error)) ||
      (status = config_number_or(config, "layer_norm_eps", 0, 1, 1e-5, &t->epsilon, error)) ||
      (status = network_read_activation(config, "quick_gelu", &t->activation, error)))
    return status;
  if (t->width % t->heads)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "config.json: hidden_size %lld is not a multiple of num_attention_heads %lld",
                        (long long)t->width, (long long)t->heads);
  return COMPUTE_OK;
}

/* A size that preprocessor_config.json gives as a number or as {"shortest_edge": n} or {"height": n, "width": n}. */
static enum compute_status
read_size(const struct config *config, const char *key, int64_t fallback, int64_t *size, struct compute_error *error)
{
  const struct config *child = config_child(config, key);

  if (child && config_has(child, "shortest_edge"))
    return config_integer(child, "shortest_edge", 1, 4096, size, error);
  if (child && config_has(child, "height"))
    return config_integer(child, "height", 1, 4096, size, error);
  return config_integer_or(config, key, 1, 4096, fallback, size, error);
}

static enum compute_status
read_channels(const struct config *config, const char *key, float channels[3], struct compute_error *error)
{
  const struct config *list = config_child(config, key);

  if (!list)
    return COMPUTE_OK;
  if (config_count(list) != 3)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "preprocessor_config.json: %s must be a list of three numbers", key);
  for (size_t i = 0; i < 3; i++) {
    double value;

    if (config_value(config_at(list, i), -100, 100, &value, NULL))
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                          "preprocessor_config.json: %s must be a list of three numbers", key);
    channels[i] = (float)value;
  }
  return COMPUTE_OK;
}

static enum compute_status
read_preprocessing(const char *folder, int64_t side, struct preprocessing *preprocessing, struct compute_error *error)
{
  char path[4096];
  struct config *config = NULL;
  struct compute_error missing;
  int64_t resize = side, crop = side;

  *preprocessing = (struct preprocessing){ .mean = { 0.48145466f, 0.4578275f, 0.40821073f },
                                           .deviation = { 0.26862954f, 0.26130258f, 0.27577711f } };
  snprintf(path, sizeof path, "%s/preprocessor_config.json", folder);
  enum compute_status status = config_open(path, &config, &missing);
  if (status == COMPUTE_OK) {
    if (!(status = read_size(config, "size", side, &resize, error)) &&
        !(status = read_size(config, "crop_size", side, &crop, error)) &&
        !(status = read_channels(config, "image_mean", preprocessing->mean, error)))
      status = read_channels(config, "image_std", preprocessing->deviation, error);
    config_close(&config);
  } else if (status == COMPUTE_ERROR_NOT_FOUND) {
    status = COMPUTE_OK;
  } else {
    return compute_fail(error, status, "%s", missing.message);
  }
  if (status)
    return status;
  if (crop != side || resize < crop)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "%s: a crop of %lld from a size of %lld does not give the network's input of %lld pixels", path,
                        (long long)crop, (long long)resize, (long long)side);
  for (unsigned i = 0; i < 3; i++)
    if (!(preprocessing->deviation[i] > 0))
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: image_std must be positive", path);
  preprocessing->resize = (unsigned)resize;
  preprocessing->crop = (unsigned)crop;
  return COMPUTE_OK;
}

static enum compute_status
read_settings(const struct config *config, const char *folder, struct network_settings *settings,
              struct compute_error *error)
{
  const struct config *vision = config_child(config, "vision_config"), *text = config_child(config, "text_config");
  struct clip_settings *clip = calloc(1, sizeof *clip);
  int64_t end;
  enum compute_status status;

  if (!clip)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory");
  settings->own = clip;
  if (!vision || !text)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "config.json: a CLIP model has a vision_config and a text_config; %s is missing",
                        vision ? "text_config" : "vision_config");
  if ((status = config_integer_or(config, "projection_dim", 4, 8192, 512, &clip->projection, error)) ||
      (status = read_transformer(vision, 768, 3072, 12, &clip->vision, error)) ||
      (status = read_transformer(text, 512, 2048, 8, &clip->text, error)) ||
      (status = config_integer_or(vision, "image_size", 1, 4096, 224, &clip->image_side, error)) ||
      (status = config_integer_or(vision, "patch_size", 1, 4096, 32, &clip->patch, error)) ||
      (status = config_integer_or(vision, "num_channels", 3, 3, 3, &clip->channels, error)) ||
      (status = config_integer_or(text, "vocab_size", 1, 1 << 20, 49408, &clip->vocabulary, error)) ||
      (status = config_integer_or(text, "max_position_embeddings", 2, 4096, 77, &clip->positions, error)) ||
      (status = config_integer_or(text, "eos_token_id", 0, 1 << 20, 49407, &end, error)))
    return status;
  if (clip->image_side < clip->patch)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "config.json: patch_size %lld is larger than image_size %lld", (long long)clip->patch,
                        (long long)clip->image_side);
  /* transformers took the largest id for the end until it corrected eos_token_id in the configurations, which said 2. */
  settings->end_is_largest = end == 2;
  settings->end_token = (int32_t)end;
  settings->info.dimensions = (unsigned)clip->projection;
  settings->info.embeds_pictures = settings->info.embeds_texts = true;
  settings->info.input_side = (unsigned)clip->image_side;
  settings->info.crops = 1;
  settings->info.max_tokens = (unsigned)clip->positions;
  return read_preprocessing(folder, clip->image_side, &settings->preprocessing, error);
}

static nn_tensor
layer_norm(struct nn_graph *graph, const struct transformer *t, const char *name, nn_tensor x)
{
  return nn_layer_norm(graph, x, nn_weight(graph, 1, &t->width, "%s.weight", name),
                       nn_weight(graph, 1, &t->width, "%s.bias", name), (float)t->epsilon);
}

static nn_tensor
encoder(struct nn_graph *graph, const struct transformer *t, const char *tower, bool causal, nn_tensor x)
{
  static const char *const parts[] = { "q_proj", "k_proj", "v_proj" };
  const int64_t width = t->width, square[] = { width, width };
  char name[160];

  for (unsigned i = 0; i < t->depth; i++) {
    nn_tensor weight = NULL, bias = NULL;

    for (unsigned part = 0; part < 3; part++) {
      nn_tensor w = nn_weight(graph, 2, square, "%s.encoder.layers.%u.self_attn.%s.weight", tower, i, parts[part]);
      nn_tensor b = nn_weight(graph, 1, &width, "%s.encoder.layers.%u.self_attn.%s.bias", tower, i, parts[part]);

      weight = part ? nn_concat(graph, weight, w, 0) : w;
      bias = part ? nn_concat(graph, bias, b, 0) : b;
    }
    snprintf(name, sizeof name, "%s.encoder.layers.%u.layer_norm1", tower, i);
    nn_tensor qkv = nn_linear(graph, layer_norm(graph, t, name, x), weight, &(struct nn_linear_params){ .bias = bias });
    nn_tensor attention = nn_attention(graph, nn_slice(graph, qkv, 2, 0, width), nn_slice(graph, qkv, 2, width, width),
                                       nn_slice(graph, qkv, 2, 2 * width, width),
                                       &(struct nn_attention_params){ .heads = (unsigned)t->heads, .causal = causal });
    x = nn_linear(graph, attention,
                  nn_weight(graph, 2, square, "%s.encoder.layers.%u.self_attn.out_proj.weight", tower, i),
                  &(struct nn_linear_params){
                      .bias = nn_weight(graph, 1, &width, "%s.encoder.layers.%u.self_attn.out_proj.bias", tower, i),
                      .residual = x });
    snprintf(name, sizeof name, "%s.encoder.layers.%u.layer_norm2", tower, i);
    nn_tensor hidden = nn_linear(
        graph, layer_norm(graph, t, name, x),
        nn_weight(graph, 2, (int64_t[]){ t->intermediate, width }, "%s.encoder.layers.%u.mlp.fc1.weight", tower, i),
        &(struct nn_linear_params){
            .bias = nn_weight(graph, 1, &t->intermediate, "%s.encoder.layers.%u.mlp.fc1.bias", tower, i),
            .activation = t->activation });
    x = nn_linear(
        graph, hidden,
        nn_weight(graph, 2, (int64_t[]){ width, t->intermediate }, "%s.encoder.layers.%u.mlp.fc2.weight", tower, i),
        &(struct nn_linear_params){ .bias = nn_weight(graph, 1, &width, "%s.encoder.layers.%u.mlp.fc2.bias", tower, i),
                                    .residual = x });
  }
  return x;
}

static nn_tensor
build_pictures(struct nn_graph *graph, const struct network_settings *settings, nn_tensor pixels)
{
  const struct clip_settings *clip = settings->own;
  const struct transformer *t = &clip->vision;
  const int64_t patches = (clip->image_side / clip->patch) * (clip->image_side / clip->patch);
  const int64_t batch = nn_tensor_shape(pixels).dims[0];
  const int64_t used = clip->image_side / clip->patch * clip->patch;

  /* A convolution whose stride is its kernel leaves out what does not fill a patch. */
  if (used != clip->image_side)
    pixels = nn_slice(graph, nn_slice(graph, pixels, 1, 0, used), 2, 0, used);
  nn_tensor x = nn_patch_embedding(graph, pixels,
                                   nn_weight(graph, 4, (int64_t[]){ t->width, 3, clip->patch, clip->patch },
                                             "vision_model.embeddings.patch_embedding.weight"),
                                   NULL);
  nn_tensor token = nn_weight(graph, 1, &t->width, "vision_model.embeddings.class_embedding");
  token = nn_broadcast(graph, nn_reshape(graph, token, 2, (int64_t[]){ 1, t->width }), batch);
  x = nn_concat(graph, token, x, 1);
  x = nn_add(
      graph, x,
      nn_weight(graph, 2, (int64_t[]){ patches + 1, t->width }, "vision_model.embeddings.position_embedding.weight"));
  /* The name is misspelt in every published checkpoint. */
  x = layer_norm(graph, t, "vision_model.pre_layrnorm", x);
  x = encoder(graph, t, "vision_model", false, x);
  x = nn_reshape(graph, nn_slice(graph, x, 1, 0, 1), 2, (int64_t[]){ batch, t->width });
  x = layer_norm(graph, t, "vision_model.post_layernorm", x);
  x = nn_linear(graph, x, nn_weight(graph, 2, (int64_t[]){ clip->projection, t->width }, "visual_projection.weight"),
                NULL);
  return nn_l2_normalize(graph, x, 1e-12f);
}

static nn_tensor
build_texts(struct nn_graph *graph, const struct network_settings *settings, const struct text_inputs *inputs)
{
  const struct clip_settings *clip = settings->own;
  const struct transformer *t = &clip->text;

  nn_tensor x = nn_gather(
      graph,
      nn_weight(graph, 2, (int64_t[]){ clip->vocabulary, t->width }, "text_model.embeddings.token_embedding.weight"),
      inputs->ids);
  nn_tensor positions =
      nn_weight(graph, 2, (int64_t[]){ clip->positions, t->width }, "text_model.embeddings.position_embedding.weight");
  x = nn_add(graph, x, nn_slice(graph, positions, 0, 0, inputs->tokens));
  x = encoder(graph, t, "text_model", true, x);
  x = layer_norm(graph, t, "text_model.final_layer_norm", nn_gather_rows(graph, x, inputs->end));
  x = nn_linear(graph, x, nn_weight(graph, 2, (int64_t[]){ clip->projection, t->width }, "text_projection.weight"),
                NULL);
  return nn_l2_normalize(graph, x, 1e-12f);
}

/*
 * CLIP's cosines lie in a narrow band that hardly depends on the query: with OpenAI's ViT-B/32 an unrelated picture gets about
 * 0.16 … 0.20, and a photograph about 0.28 for a plain description of it. Search sharpens this with the library's own
 * distribution.
 */
static void
calibrate(const struct network_settings *settings, const void *state, const float *query,
          struct model_calibration *calibration)
{
  *calibration = (struct model_calibration){ .floor = 0.18f, .ceiling = 0.31f };
}

const struct network network_clip = {
  .name = "clip",
  .model_type = "clip",
  .read_settings = read_settings,
  .build_pictures = build_pictures,
  .build_texts = build_texts,
  .calibrate = calibrate,
};
