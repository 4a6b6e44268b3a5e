/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "compute/networks/network.h"

/*
 * What CLIP and the networks that grew out of it (CoCa, X-CLIP) share: the settings, and the parts of the two towers. A part is
 * built once and finds its tensors by a table of names, for checkpoints are published with transformers' names and with OpenCLIP's.
 */

struct clip_settings {
  struct transformer vision, text;
  int64_t projection, image_side, patch, vocabulary, positions;

  /* CoCa's */
  int64_t pooler_heads;

  /* X-CLIP's */
  struct transformer integration;
  int64_t frames;
};

struct clip_names {
  bool open_clip;
  const char *vision, *text; /* as transformer_encode() takes them */
  const char *class_embedding, *patch_embedding, *picture_positions, *norm_before, *norm_after, *picture_projection;
  const char *token_embedding, *text_positions, *text_norm, *text_projection;
};

extern const struct clip_names clip_names_hugging_face;

/* By what the checkpoint holds. */
const struct clip_names *clip_find_names(struct nn_graph *graph);
/* The tower's sizes with the naming that goes with names. */
struct transformer clip_named(const struct clip_names *names, const struct transformer *tower);

/* config.json's vision_config, text_config and projection_dim with the defaults of transformers' CLIPConfig, and what they say
   of the model. */
enum compute_status clip_read_settings(const struct config *config, struct clip_settings *clip,
                                       struct network_settings *settings, struct compute_error *error);

/* open_clip_config.json, with the defaults of OpenCLIP's CLIPVisionCfg, CLIPTextCfg and PreprocessCfg. What it asks for beyond
   the ViT towers of CLIP and CoCa is COMPUTE_ERROR_UNSUPPORTED. */
bool open_clip_is_config(const struct config *config);
bool open_clip_is_coca(const struct config *config);
enum compute_status open_clip_read_settings(const struct config *config, struct clip_settings *clip,
                                            struct network_settings *settings, struct compute_error *error);

/* pixels [batch, side, side, 3] → [batch, 1 + patches, width]: the class token and the patches, normalised, before the layers */
nn_tensor clip_embed_pixels(struct nn_graph *graph, const struct clip_settings *clip, const struct clip_names *names,
                            nn_tensor pixels);
/* → [batch, tokens, width] with their positions */
nn_tensor clip_embed_tokens(struct nn_graph *graph, const struct clip_settings *clip, const struct clip_names *names,
                            const struct text_inputs *inputs);
/* x [batch, width] → [batch, projection] by the weight of that name */
nn_tensor
clip_project(struct nn_graph *graph, const struct clip_names *names, const char *name, int64_t projection, nn_tensor x);

/* Graphs as struct network has them. */
nn_tensor
clip_build_texts(struct nn_graph *graph, const struct network_settings *settings, const struct text_inputs *inputs);

void clip_calibrate(const struct network_settings *settings, const void *state, const float *query,
                    struct model_calibration *calibration);
