/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "compute/networks/network.h"

/*
 * SigLIP (Zhai et al. 2023) and SigLIP 2 (Tschannen et al. 2025) of a fixed resolution: two pre-norm transformers
 * without masks. Pictures are pooled by attention with one learnt query, texts at their last place, which is padding
 * unless the text is as long as it may be. Everything is read from config.json with the defaults that transformers'
 * SiglipConfig has; tensors are named as SiglipModel names them.
 */

struct siglip_settings {
  struct transformer vision, text;
  int64_t image_side, patch, channels, vocabulary, positions, projection;
};

static const struct transformer defaults = { 768, 3072, 12, 12, 1e-6, NN_GELU_TANH };

static enum compute_status
read_settings(const struct config *config, const char *folder, struct network_settings *settings,
              struct compute_error *error)
{
  const struct config *vision = config_child(config, "vision_config"), *text = config_child(config, "text_config");
  struct siglip_settings *siglip = calloc(1, sizeof *siglip);
  enum compute_status status;

  if (!siglip)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory");
  settings->own = siglip;
  if ((status = transformer_read(vision, &defaults, &siglip->vision, error)) ||
      (status = transformer_read(text, &defaults, &siglip->text, error)) ||
      (status = config_integer_or(vision, "image_size", 1, 4096, 224, &siglip->image_side, error)) ||
      (status = config_integer_or(vision, "patch_size", 1, 4096, 16, &siglip->patch, error)) ||
      (status = config_integer_or(vision, "num_channels", 3, 3, 3, &siglip->channels, error)) ||
      (status = config_integer_or(text, "vocab_size", 1, 1 << 20, 32000, &siglip->vocabulary, error)) ||
      (status = config_integer_or(text, "max_position_embeddings", 2, 4096, 64, &siglip->positions, error)) ||
      (status = config_integer_or(text, "projection_size", 4, 8192, siglip->text.width, &siglip->projection, error)))
    return status;
  if (siglip->image_side < siglip->patch)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "patch_size %lld is larger than image_size %lld",
                        (long long)siglip->patch, (long long)siglip->image_side);
  if (siglip->projection != siglip->vision.width)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "texts of projection_size %lld cannot be compared with pictures of hidden_size %lld",
                        (long long)siglip->projection, (long long)siglip->vision.width);
  if (!config_flag_or(vision, "vision_use_head", true))
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED,
                        "vision_use_head is false: without its head the network embeds no pictures");
  settings->full_texts = true;
  settings->info.dimensions = (unsigned)siglip->projection;
  settings->info.embeds_pictures = settings->info.embeds_texts = true;
  settings->info.input_side = (unsigned)siglip->image_side;
  settings->info.crops = 1;
  settings->info.max_tokens = (unsigned)siglip->positions;
  settings->preprocessing =
      (struct preprocessing){ .squash = true, .mean = { 0.5f, 0.5f, 0.5f }, .deviation = { 0.5f, 0.5f, 0.5f } };
  return preprocessing_read(folder, siglip->image_side, &settings->preprocessing, error);
}

/* x [batch, patches, width] → [batch, width] */
static nn_tensor
pool(struct nn_graph *graph, const struct transformer *t, nn_tensor x)
{
  const int64_t width = t->width, batch = nn_tensor_shape(x).dims[0], three = 3 * width;
  nn_tensor probe = nn_weight(graph, 3, (int64_t[]){ 1, 1, width }, "vision_model.head.probe");
  nn_tensor weight = nn_weight(graph, 2, (int64_t[]){ three, width }, "vision_model.head.attention.in_proj_weight");
  const struct nn_linear_params params = {
    .bias = nn_weight(graph, 1, &three, "vision_model.head.attention.in_proj_bias"),
  };

  /* One matrix makes query, key and value, of which the probe needs the first and the patches the others: what is
     computed in vain is a hundredth of the tower. */
  nn_tensor query = nn_slice(
      graph, nn_linear(graph, nn_reshape(graph, probe, 2, (int64_t[]){ 1, width }), weight, &params), 1, 0, width);
  nn_tensor qkv = nn_linear(graph, x, weight, &params);
  nn_tensor attention = nn_attention(graph, nn_broadcast(graph, query, batch), nn_slice(graph, qkv, 2, width, width),
                                     nn_slice(graph, qkv, 2, 2 * width, width),
                                     &(struct nn_attention_params){ .heads = (unsigned)t->heads });
  x = nn_linear(
      graph, nn_reshape(graph, attention, 2, (int64_t[]){ batch, width }),
      nn_weight(graph, 2, (int64_t[]){ width, width }, "vision_model.head.attention.out_proj.weight"),
      &(struct nn_linear_params){ .bias = nn_weight(graph, 1, &width, "vision_model.head.attention.out_proj.bias") });
  return transformer_mlp(graph, t, "vision_model.head.mlp",
                         transformer_layer_norm(graph, t, "vision_model.head.layernorm", x), x);
}

static nn_tensor
build_pictures(struct nn_graph *graph, const struct network_settings *settings, nn_tensor pixels)
{
  const struct siglip_settings *siglip = settings->own;
  const struct transformer *t = &siglip->vision;
  const int64_t patches = (siglip->image_side / siglip->patch) * (siglip->image_side / siglip->patch);

  nn_tensor x =
      transformer_embed_patches(graph, t, siglip->patch, "vision_model.embeddings.patch_embedding.weight",
                                nn_weight(graph, 1, &t->width, "vision_model.embeddings.patch_embedding.bias"), pixels);
  x = nn_add(
      graph, x,
      nn_weight(graph, 2, (int64_t[]){ patches, t->width }, "vision_model.embeddings.position_embedding.weight"));
  x = transformer_encode(graph, t, "vision_model.", NULL, x);
  x = pool(graph, t, transformer_layer_norm(graph, t, "vision_model.post_layernorm", x));
  return nn_l2_normalize(graph, x, 1e-12f);
}

static nn_tensor
build_texts(struct nn_graph *graph, const struct network_settings *settings, const struct text_inputs *inputs)
{
  const struct siglip_settings *siglip = settings->own;
  const struct transformer *t = &siglip->text;

  nn_tensor x = nn_gather(
      graph,
      nn_weight(graph, 2, (int64_t[]){ siglip->vocabulary, t->width }, "text_model.embeddings.token_embedding.weight"),
      inputs->ids);
  x = nn_add(graph, x,
             nn_weight(graph, 2, (int64_t[]){ siglip->positions, t->width },
                       "text_model.embeddings.position_embedding.weight"));
  x = transformer_encode(graph, t, "text_model.", NULL, x);
  x = nn_reshape(graph, nn_slice(graph, x, 1, inputs->tokens - 1, 1), 2, (int64_t[]){ inputs->batch, t->width });
  x = transformer_layer_norm(graph, t, "text_model.final_layer_norm", x);
  x = nn_linear(graph, x, nn_weight(graph, 2, (int64_t[]){ siglip->projection, t->width }, "text_model.head.weight"),
                &(struct nn_linear_params){ .bias = nn_weight(graph, 1, &siglip->projection, "text_model.head.bias") });
  return nn_l2_normalize(graph, x, 1e-12f);
}

/*
 * The sigmoid loss drives the cosines of what does not belong together to about 0, and those of a photograph and a
 * plain description of it to about 0.10 … 0.15: the scale and bias of the base model (about 117 and -12.9) put even odds
 * at 0.11. A cosine alone needs neither of the two.
 */
static void
calibrate(const struct network_settings *settings, const void *state, const float *query,
          struct model_calibration *calibration)
{
  *calibration = (struct model_calibration){ .floor = 0.01f, .ceiling = 0.15f };
}

static enum compute_status
refuse_naflex(const struct config *config, const char *folder, struct network_settings *settings,
              struct compute_error *error)
{
  return compute_fail(
      error, COMPUTE_ERROR_UNSUPPORTED,
      "a SigLIP 2 model of the NaFlex kind, whose pictures are of any shape and number of patches; this "
      "program knows those of a fixed resolution, such as siglip2-base-patch16-224");
}

/* Models of SigLIP 2 with a fixed resolution call themselves siglip. */
const struct network network_siglip2_naflex = {
  .name = "siglip2",
  .model_type = "siglip2",
  .read_settings = refuse_naflex,
};

const struct network network_siglip = {
  .name = "siglip",
  .model_type = "siglip",
  .read_settings = read_settings,
  .build_pictures = build_pictures,
  .build_texts = build_texts,
  .calibrate = calibrate,
};
