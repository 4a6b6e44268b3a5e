/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/networks/clip.h"

#include <stdlib.h>

/*
 * CoCa (Yu et al. 2022) as OpenCLIP builds it, without its captioning decoder: CLIP's towers, but for how each makes one vector
 * of its tokens.
 *
 *   pictures   learnt queries attend to all tokens (the attentional pooler, section 3.2); the first one's result is the
 *              picture's, the others are for captions and are not computed
 *   texts      a learnt token is appended at the place after the longest text, and its result is the text's
 *
 * OpenCLIP's mask for that token is one place off: it sees the text's n tokens and the padding after them, and not itself, unless
 * the text fills all places. Its checkpoints were trained so. (A text with the vocabulary's token 0, a “!” with something right
 * behind it, is padding there for OpenCLIP; here it is text.)
 */

static enum compute_status
read_settings(const struct config *config, const char *folder, struct network_settings *settings,
              struct compute_error *error)
{
  struct clip_settings *coca = calloc(1, sizeof *coca);

  if (!coca)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory");
  settings->own = coca;
  settings->preprocessing = (struct preprocessing){ .mean = { 0.48145466f, 0.4578275f, 0.40821073f },
                                                    .deviation = { 0.26862954f, 0.26130258f, 0.27577711f } };
  const enum compute_status status = open_clip_read_settings(config, coca, settings, error);
  if (status)
    return status;
  if (coca->projection % coca->pooler_heads)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "embed_dim %lld cannot be cut into attn_pooler_heads %lld",
                        (long long)coca->projection, (long long)coca->pooler_heads);
  settings->seen_padding = 1;
  return COMPUTE_OK;
}

/* The three matrices are one where the pooler is as wide as the tower. */
static nn_tensor
pooler_weight(struct nn_graph *graph, const struct clip_settings *coca, unsigned part)
{
  static const char *const names[] = { "visual.attn_pool.attn.q_proj_weight", "visual.attn_pool.attn.k_proj_weight",
                                       "visual.attn_pool.attn.v_proj_weight" };
  const int64_t width = coca->projection, inputs = part ? coca->vision.width : width;

  if (!nn_has_weight(graph, "visual.attn_pool.attn.in_proj_weight"))
    return nn_weight(graph, 2, (int64_t[]){ width, inputs }, "%s", names[part]);
  return nn_slice(graph, nn_weight(graph, 2, (int64_t[]){ 3 * width, inputs }, "visual.attn_pool.attn.in_proj_weight"),
                  0, part * width, width);
}

static nn_tensor
pooler_linear(struct nn_graph *graph, const struct clip_settings *coca, unsigned part, nn_tensor x)
{
  const int64_t width = coca->projection, three = 3 * width;
  nn_tensor bias = nn_weight(graph, 1, &three, "visual.attn_pool.attn.in_proj_bias");

  return nn_linear(graph, x, pooler_weight(graph, coca, part),
                   &(struct nn_linear_params){ .bias = nn_slice(graph, bias, 0, part * width, width) });
}

/* x [batch, tokens, vision.width] → [batch, projection] */
static nn_tensor
pool(struct nn_graph *graph, const struct clip_settings *coca, nn_tensor x)
{
  const int64_t width = coca->projection, batch = nn_tensor_shape(x).dims[0];
  const struct transformer t = clip_named(clip_find_names(graph), &coca->vision);
  struct transformer pooler = t;
  pooler.width = width;

  nn_tensor queries = nn_weight(graph, 2, (int64_t[]){ 0, width }, "visual.attn_pool.query");
  nn_tensor query = transformer_layer_norm(graph, &pooler, "visual.attn_pool.ln_q", nn_slice(graph, queries, 0, 0, 1));
  x = transformer_layer_norm(graph, &t, "visual.attn_pool.ln_k", x);
  nn_tensor attention = nn_attention(graph, nn_broadcast(graph, pooler_linear(graph, coca, 0, query), batch),
                                     pooler_linear(graph, coca, 1, x), pooler_linear(graph, coca, 2, x),
                                     &(struct nn_attention_params){ .heads = (unsigned)coca->pooler_heads });
  x = nn_linear(
      graph, nn_reshape(graph, attention, 2, (int64_t[]){ batch, width }),
      nn_weight(graph, 2, (int64_t[]){ width, width }, "visual.attn_pool.attn.out_proj.weight"),
      &(struct nn_linear_params){ .bias = nn_weight(graph, 1, &width, "visual.attn_pool.attn.out_proj.bias") });
  return transformer_layer_norm(graph, &pooler, "visual.ln_post", x);
}

static nn_tensor
build_pictures(struct nn_graph *graph, const struct network_settings *settings, nn_tensor pixels)
{
  const struct clip_settings *coca = settings->own;
  const struct clip_names *names = clip_find_names(graph);
  const struct transformer t = clip_named(names, &coca->vision);

  nn_tensor x = transformer_encode(graph, &t, names->vision, NULL, clip_embed_pixels(graph, coca, names, pixels));
  x = clip_project(graph, names, names->picture_projection, coca->projection, pool(graph, coca, x));
  return nn_l2_normalize(graph, x, 1e-12f);
}

static nn_tensor
build_texts(struct nn_graph *graph, const struct network_settings *settings, const struct text_inputs *inputs)
{
  const struct clip_settings *coca = settings->own;
  const struct clip_names *names = clip_find_names(graph);
  const struct transformer t = clip_named(names, &coca->text);
  const int64_t width = t.width;

  nn_tensor positions = nn_weight(graph, 2, (int64_t[]){ coca->positions + 1, width }, "%s", names->text_positions);
  nn_tensor words = nn_gather(
      graph, nn_weight(graph, 2, (int64_t[]){ coca->vocabulary, width }, "%s", names->token_embedding), inputs->ids);
  nn_tensor token = nn_weight(graph, 1, &width, "%scls_emb", names->text);

  /* However short the row of ids is, the token's place is the last. */
  words = nn_add(graph, words, nn_slice(graph, positions, 0, 0, inputs->tokens));
  token = nn_broadcast(graph, nn_reshape(graph, token, 2, (int64_t[]){ 1, width }), inputs->batch);
  token = nn_add(graph, token, nn_slice(graph, positions, 0, coca->positions, 1));
  nn_tensor x = nn_concat(graph, words, token, 1);
  x = transformer_encode(graph, &t, names->text,
                         &(struct transformer_mask){ .causal = true, .lengths = inputs->lengths }, x);
  x = nn_reshape(graph, nn_slice(graph, x, 1, inputs->tokens, 1), 2, (int64_t[]){ inputs->batch, width });
  x = transformer_layer_norm(graph, &t, names->text_norm, x);
  return nn_l2_normalize(graph, clip_project(graph, names, names->text_projection, coca->projection, x), 1e-12f);
}

/* Of no trained checkpoint yet: CLIP's figures, for the objective is CLIP's. */
const struct network network_coca = {
  .name = "coca",
  .read_settings = read_settings,
  .build_pictures = build_pictures,
  .build_texts = build_texts,
  .calibrate = clip_calibrate,
};
