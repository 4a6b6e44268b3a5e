/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "compute/networks/network.h"

/*
 * CLIP (Radford et al. 2021): a vision transformer and a causal text transformer, pre-norm, each projected into one space.
 * Everything is read from config.json with the defaults that transformers' CLIPConfig has; tensors are named as CLIPModel
 * names them, which is also how LAION's, DataComp's and TinyCLIP's checkpoints are published.
 */

static const struct transformer default_vision = { 768, 3072, 12, 12, 1e-5, NN_QUICK_GELU };
static const struct transformer default_text = { 512, 2048, 12, 8, 1e-5, NN_QUICK_GELU };

struct clip_settings {
  struct transformer vision, text;
  int64_t projection, image_side, patch, channels, vocabulary, positions;
};

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
                        "a CLIP model has a vision_config and a text_config; %s is missing",
                        vision ? "text_config" : "vision_config");
  if ((status = config_integer_or(config, "projection_dim", 4, 8192, 512, &clip->projection, error)) ||
      (status = transformer_read(vision, &default_vision, &clip->vision, error)) ||
      (status = transformer_read(text, &default_text, &clip->text, error)) ||
      (status = config_integer_or(vision, "image_size", 1, 4096, 224, &clip->image_side, error)) ||
      (status = config_integer_or(vision, "patch_size", 1, 4096, 32, &clip->patch, error)) ||
      (status = config_integer_or(vision, "num_channels", 3, 3, 3, &clip->channels, error)) ||
      (status = config_integer_or(text, "vocab_size", 1, 1 << 20, 49408, &clip->vocabulary, error)) ||
      (status = config_integer_or(text, "max_position_embeddings", 2, 4096, 77, &clip->positions, error)) ||
      (status = config_integer_or(text, "eos_token_id", 0, 1 << 20, 49407, &end, error)))
    return status;
  if (clip->image_side < clip->patch)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "patch_size %lld is larger than image_size %lld",
                        (long long)clip->patch, (long long)clip->image_side);
  /* transformers took the largest id for the end until it corrected eos_token_id in the configurations, which said 2. */
  settings->end_is_largest = end == 2;
  settings->end_token = (int32_t)end;
  settings->info.dimensions = (unsigned)clip->projection;
  settings->info.embeds_pictures = settings->info.embeds_texts = true;
  settings->info.input_side = (unsigned)clip->image_side;
  settings->info.crops = 1;
  settings->info.max_tokens = (unsigned)clip->positions;
  settings->preprocessing = (struct preprocessing){ .mean = { 0.48145466f, 0.4578275f, 0.40821073f },
                                                    .deviation = { 0.26862954f, 0.26130258f, 0.27577711f } };
  return preprocessing_read(folder, clip->image_side, &settings->preprocessing, error);
}

static nn_tensor
build_pictures(struct nn_graph *graph, const struct network_settings *settings, nn_tensor pixels)
{
  const struct clip_settings *clip = settings->own;
  const struct transformer *t = &clip->vision;
  const int64_t patches = (clip->image_side / clip->patch) * (clip->image_side / clip->patch);
  const int64_t batch = nn_tensor_shape(pixels).dims[0];
  nn_tensor x = transformer_embed_patches(graph, t, clip->patch, NULL, pixels);
  nn_tensor token = nn_weight(graph, 1, &t->width, "vision_model.embeddings.class_embedding");
  token = nn_broadcast(graph, nn_reshape(graph, token, 2, (int64_t[]){ 1, t->width }), batch);
  x = nn_concat(graph, token, x, 1);
  x = nn_add(
      graph, x,
      nn_weight(graph, 2, (int64_t[]){ patches + 1, t->width }, "vision_model.embeddings.position_embedding.weight"));
  /* The name is misspelt in every published checkpoint. */
  x = transformer_layer_norm(graph, t, "vision_model.pre_layrnorm", x);
  x = transformer_encode(graph, t, "vision_model", false, x);
  x = nn_reshape(graph, nn_slice(graph, x, 1, 0, 1), 2, (int64_t[]){ batch, t->width });
  x = transformer_layer_norm(graph, t, "vision_model.post_layernorm", x);
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
  x = transformer_encode(graph, t, "text_model", true, x);
  x = transformer_layer_norm(graph, t, "text_model.final_layer_norm", nn_gather_rows(graph, x, inputs->end));
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
