/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "compute/networks/clip.h"

/*
 * X-CLIP (Ni et al. 2022): CLIP's towers, of which the one for pictures sees several frames of a clip and makes one vector of them.
 *
 *   in each layer   every frame's class token is made a message; the messages attend to one another, and each frame's tokens to
 *                   its own message too (cross-frame attention, section 3.2)
 *   at the end      a small transformer over the frames' vectors, and their mean (the multi-frame integration transformer)
 *
 * Texts are CLIP's. The paper's prompt generator, which bends a text's vector towards the one clip that it is compared with, is
 * left out: it would need every clip's patches, hundreds of times the vector, at each query, and there would be no space in which
 * search is a cosine. So a text's vector is what transformers' get_text_features() gives. It is trained as the start of that
 * sum, whose other part has a factor that begins at 0.1 (prompt_alpha).
 *
 * Everything is read from config.json with the defaults that transformers' XCLIPConfig has; tensors are named as XCLIPModel
 * names them.
 */

static enum compute_status
read_settings(const struct config *config, const char *folder, struct network_settings *settings,
              struct compute_error *error)
{
  const struct config *vision = config_child(config, "vision_config");
  struct clip_settings *clip = calloc(1, sizeof *clip);
  enum compute_status status;

  if (!clip)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory");
  settings->own = clip;
  if ((status = clip_read_settings(config, clip, settings, error)) ||
      (status = config_integer_or(vision, "num_frames", 1, 64, 8, &clip->frames, error)) ||
      (status = config_integer_or(vision, "mit_hidden_size", 4, 8192, 512, &clip->integration.width, error)) ||
      (status = config_integer_or(vision, "mit_intermediate_size", 1, 65536, 2048, &clip->integration.intermediate,
                                  error)) ||
      (status = config_integer_or(vision, "mit_num_hidden_layers", 1, 128, 1, &clip->integration.depth, error)) ||
      (status = config_integer_or(vision, "mit_num_attention_heads", 1, 128, 8, &clip->integration.heads, error)))
    return status;
  if (clip->integration.width != clip->projection)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "mit_hidden_size %lld is not projection_dim %lld",
                        (long long)clip->integration.width, (long long)clip->projection);
  if (clip->integration.width % clip->integration.heads)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "mit_hidden_size %lld is not a multiple of mit_num_attention_heads %lld",
                        (long long)clip->integration.width, (long long)clip->integration.heads);
  clip->integration.epsilon = clip->vision.epsilon;
  clip->integration.activation = clip->vision.activation;
  /* Unlike CLIP's, its code looks for no other end in a text, whatever eos_token_id says. */
  settings->end_is_largest = true;
  settings->info.clip_frames = (unsigned)clip->frames;
  settings->preprocessing = (struct preprocessing){ .bilinear = true,
                                                    .mean = { 0.485f, 0.456f, 0.406f },
                                                    .deviation = { 0.229f, 0.224f, 0.225f } };
  return preprocessing_read(folder, clip->image_side, &settings->preprocessing, error);
}

/* x [batch · frames, tokens, width] → [batch · frames, 1, width]: what each frame tells itself of all of its clip's */
static nn_tensor
exchange_messages(struct nn_graph *graph, const struct clip_settings *clip, const char *layer, nn_tensor x)
{
  const struct transformer *t = &clip->vision;
  const int64_t width = t->width, frames = clip->frames, batch = nn_tensor_shape(x).dims[0] / frames;
  char name[160];

  nn_tensor message = nn_reshape(graph, nn_slice(graph, x, 1, 0, 1), 3, (int64_t[]){ batch, frames, width });
  message = nn_linear(graph, message, nn_weight(graph, 2, (int64_t[]){ width, width }, "%s.message_fc.weight", layer),
                      &(struct nn_linear_params){ .bias = nn_weight(graph, 1, &width, "%s.message_fc.bias", layer) });
  snprintf(name, sizeof name, "%s.message_ln", layer);
  nn_tensor normal = transformer_layer_norm(graph, t, name, message);
  snprintf(name, sizeof name, "%s.message_attn", layer);
  message = transformer_attend(graph, t, name, NULL, normal, message);
  return nn_reshape(graph, message, 3, (int64_t[]){ batch * frames, 1, width });
}

static nn_tensor
encode_frames(struct nn_graph *graph, const struct clip_settings *clip, nn_tensor x)
{
  const struct transformer *t = &clip->vision;
  char layer[96], name[160];

  for (unsigned i = 0; i < t->depth; i++) {
    snprintf(layer, sizeof layer, "vision_model.encoder.layers.%u", i);
    nn_tensor seen = nn_concat(graph, x, exchange_messages(graph, clip, layer, x), 1);
    snprintf(name, sizeof name, "%s.layer_norm1", layer);
    seen = transformer_layer_norm(graph, t, name, seen);
    snprintf(name, sizeof name, "%s.self_attn", layer);
    x = transformer_attend(graph, t, name, NULL, seen, x);
    snprintf(name, sizeof name, "%s.layer_norm2", layer);
    nn_tensor normal = transformer_layer_norm(graph, t, name, x);
    snprintf(name, sizeof name, "%s.mlp", layer);
    x = transformer_mlp(graph, t, name, normal, x);
  }
  return x;
}

static nn_tensor
build_pictures(struct nn_graph *graph, const struct network_settings *settings, nn_tensor pixels)
{
  const struct clip_settings *clip = settings->own;
  struct clip_names names = clip_names_hugging_face;
  const struct transformer *t = &clip->vision;
  const int64_t pictures = nn_tensor_shape(pixels).dims[0], batch = pictures / clip->frames, width = clip->projection;

  names.norm_before = "vision_model.pre_layernorm";
  nn_tensor x = encode_frames(graph, clip, clip_embed_pixels(graph, clip, &names, pixels));
  x = nn_reshape(graph, nn_slice(graph, x, 1, 0, 1), 2, (int64_t[]){ pictures, t->width });
  x = transformer_layer_norm(graph, t, names.norm_after, x);
  x = clip_project(graph, &names, names.picture_projection, width, x);
  x = nn_reshape(graph, x, 3, (int64_t[]){ batch, clip->frames, width });
  nn_tensor placed =
      nn_add(graph, x, nn_weight(graph, 3, (int64_t[]){ 1, clip->frames, width }, "mit.position_embedding"));
  x = nn_add(graph, transformer_encode(graph, &clip->integration, "mit.", NULL, placed), x);
  return nn_l2_normalize(graph, nn_mean(graph, x, NULL), 1e-12f);
}

/* Of no trained checkpoint yet: CLIP's figures, from which its training begins. */
const struct network network_xclip = {
  .name = "xclip",
  .model_type = "xclip",
  .read_settings = read_settings,
  .build_pictures = build_pictures,
  .build_texts = clip_build_texts,
  .calibrate = clip_calibrate,
};
