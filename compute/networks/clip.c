/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/networks/clip.h"

#include <stdlib.h>

/*
 * CLIP (Radford et al. 2021): a vision transformer and a causal text transformer, pre-norm, each projected into one space.
 * Settings come from transformers' config.json or from OpenCLIP's open_clip_config.json (open-clip.c); tensors are named as
 * transformers' CLIPModel names them, which is also how LAION's, DataComp's and TinyCLIP's checkpoints are published, or as
 * OpenCLIP does. Which of the two a checkpoint has is seen in it, whatever its configuration is called.
 */

static const struct transformer default_vision = { 768, 3072, 12, 12, 1e-5, NN_QUICK_GELU };
static const struct transformer default_text = { 512, 2048, 12, 8, 1e-5, NN_QUICK_GELU };

const struct clip_names clip_names_hugging_face = {
  .vision = "vision_model.",
  .text = "text_model.",
  .class_embedding = "vision_model.embeddings.class_embedding",
  .patch_embedding = "vision_model.embeddings.patch_embedding.weight",
  .picture_positions = "vision_model.embeddings.position_embedding.weight",
  .norm_before = "vision_model.pre_layrnorm", /* misspelt in every published checkpoint */
  .norm_after = "vision_model.post_layernorm",
  .picture_projection = "visual_projection.weight",
  .token_embedding = "text_model.embeddings.token_embedding.weight",
  .text_positions = "text_model.embeddings.position_embedding.weight",
  .text_norm = "text_model.final_layer_norm",
  .text_projection = "text_projection.weight",
};

/* The text tower lies at the root, or under a name of its own where the configuration says custom_text. */
#define OPEN_CLIP_NAMES(place)                                                                           \
  {                                                                                                      \
    .open_clip = true, .vision = "visual.", .text = place, .class_embedding = "visual.class_embedding",  \
    .patch_embedding = "visual.conv1.weight", .picture_positions = "visual.positional_embedding",        \
    .norm_before = "visual.ln_pre", .norm_after = "visual.ln_post", .picture_projection = "visual.proj", \
    .token_embedding = place "token_embedding.weight", .text_positions = place "positional_embedding",   \
    .text_norm = place "ln_final", .text_projection = place "text_projection",                           \
  }

static const struct clip_names open_clip_names = OPEN_CLIP_NAMES(""), open_clip_custom_names = OPEN_CLIP_NAMES("text.");

const struct clip_names *
clip_find_names(struct nn_graph *graph)
{
  if (nn_has_weight(graph, "%s", open_clip_custom_names.token_embedding))
    return &open_clip_custom_names;
  return nn_has_weight(graph, "%s", open_clip_names.patch_embedding) ? &open_clip_names : &clip_names_hugging_face;
}

struct transformer
clip_named(const struct clip_names *names, const struct transformer *tower)
{
  struct transformer named = *tower;

  named.open_clip = names->open_clip;
  return named;
}

enum compute_status
clip_read_settings(const struct config *config, struct clip_settings *clip, struct network_settings *settings,
                   struct compute_error *error)
{
  const struct config *vision = config_child(config, "vision_config"), *text = config_child(config, "text_config");
  int64_t end, channels;
  enum compute_status status;

  if (!vision || !text)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "a model of this kind has a vision_config and a text_config; %s is missing",
                        vision ? "text_config" : "vision_config");
  if ((status = config_integer_or(config, "projection_dim", 4, 8192, 512, &clip->projection, error)) ||
      (status = transformer_read(vision, &default_vision, &clip->vision, error)) ||
      (status = transformer_read(text, &default_text, &clip->text, error)) ||
      (status = config_integer_or(vision, "image_size", 1, 4096, 224, &clip->image_side, error)) ||
      (status = config_integer_or(vision, "patch_size", 1, 4096, 32, &clip->patch, error)) ||
      (status = config_integer_or(vision, "num_channels", 3, 3, 3, &channels, error)) ||
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
  return COMPUTE_OK;
}

static enum compute_status
read_settings(const struct config *config, const char *folder, struct network_settings *settings,
              struct compute_error *error)
{
  struct clip_settings *clip = calloc(1, sizeof *clip);
  enum compute_status status;

  if (!clip)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory");
  settings->own = clip;
  settings->preprocessing = (struct preprocessing){ .mean = { 0.48145466f, 0.4578275f, 0.40821073f },
                                                    .deviation = { 0.26862954f, 0.26130258f, 0.27577711f } };
  if (open_clip_is_config(config))
    return open_clip_read_settings(config, clip, settings, error);
  if ((status = clip_read_settings(config, clip, settings, error)))
    return status;
  return preprocessing_read(folder, clip->image_side, &settings->preprocessing, error);
}

nn_tensor
clip_embed_pixels(struct nn_graph *graph, const struct clip_settings *clip, const struct clip_names *names,
                  nn_tensor pixels)
{
  const struct transformer t = clip_named(names, &clip->vision);
  const int64_t patches = (clip->image_side / clip->patch) * (clip->image_side / clip->patch);
  const int64_t batch = nn_tensor_shape(pixels).dims[0];
  nn_tensor x = transformer_embed_patches(graph, &t, clip->patch, names->patch_embedding, NULL, pixels);
  nn_tensor token = nn_weight(graph, 1, &t.width, "%s", names->class_embedding);

  token = nn_broadcast(graph, nn_reshape(graph, token, 2, (int64_t[]){ 1, t.width }), batch);
  x = nn_concat(graph, token, x, 1);
  x = nn_add(graph, x, nn_weight(graph, 2, (int64_t[]){ patches + 1, t.width }, "%s", names->picture_positions));
  return transformer_layer_norm(graph, &t, names->norm_before, x);
}

nn_tensor
clip_project(struct nn_graph *graph, const struct clip_names *names, const char *name, int64_t projection, nn_tensor x)
{
  const int64_t width = nn_tensor_shape(x).dims[1];

  /* OpenCLIP keeps the matrix that is multiplied with, transformers a layer's, which is its transpose. */
  return names->open_clip
             ? nn_matmul(graph, x, nn_weight(graph, 2, (int64_t[]){ width, projection }, "%s", name))
             : nn_linear(graph, x, nn_weight(graph, 2, (int64_t[]){ projection, width }, "%s", name), NULL);
}

static nn_tensor
build_pictures(struct nn_graph *graph, const struct network_settings *settings, nn_tensor pixels)
{
  const struct clip_settings *clip = settings->own;
  const struct clip_names *names = clip_find_names(graph);
  const struct transformer t = clip_named(names, &clip->vision);
  const int64_t batch = nn_tensor_shape(pixels).dims[0];

  nn_tensor x = transformer_encode(graph, &t, names->vision, NULL, clip_embed_pixels(graph, clip, names, pixels));
  x = nn_reshape(graph, nn_slice(graph, x, 1, 0, 1), 2, (int64_t[]){ batch, t.width });
  x = transformer_layer_norm(graph, &t, names->norm_after, x);
  return nn_l2_normalize(graph, clip_project(graph, names, names->picture_projection, clip->projection, x), 1e-12f);
}

nn_tensor
clip_embed_tokens(struct nn_graph *graph, const struct clip_settings *clip, const struct clip_names *names,
                  const struct text_inputs *inputs)
{
  const int64_t width = clip->text.width;
  nn_tensor x = nn_gather(
      graph, nn_weight(graph, 2, (int64_t[]){ clip->vocabulary, width }, "%s", names->token_embedding), inputs->ids);
  nn_tensor positions = nn_weight(graph, 2, (int64_t[]){ clip->positions, width }, "%s", names->text_positions);

  return nn_add(graph, x, nn_slice(graph, positions, 0, 0, inputs->tokens));
}

nn_tensor
clip_build_texts(struct nn_graph *graph, const struct network_settings *settings, const struct text_inputs *inputs)
{
  const struct clip_settings *clip = settings->own;
  const struct clip_names *names = clip_find_names(graph);
  const struct transformer t = clip_named(names, &clip->text);

  nn_tensor x = transformer_encode(graph, &t, names->text, &(struct transformer_mask){ .causal = true },
                                   clip_embed_tokens(graph, clip, names, inputs));
  x = transformer_layer_norm(graph, &t, names->text_norm, nn_gather_rows(graph, x, inputs->end));
  return nn_l2_normalize(graph, clip_project(graph, names, names->text_projection, clip->projection, x), 1e-12f);
}

/*
 * CLIP's cosines lie in a narrow band that hardly depends on the query: with OpenAI's ViT-B/32 an unrelated picture gets about
 * 0.16 … 0.20, and a photograph about 0.28 for a plain description of it. Search sharpens this with the library's own
 * distribution.
 */
void
clip_calibrate(const struct network_settings *settings, const void *state, const float *query,
               struct model_calibration *calibration)
{
  *calibration = (struct model_calibration){ .floor = 0.18f, .ceiling = 0.31f };
}

const struct network network_clip = {
  .name = "clip",
  .model_type = "clip",
  .read_settings = read_settings,
  .build_pictures = build_pictures,
  .build_texts = clip_build_texts,
  .calibrate = clip_calibrate,
};
