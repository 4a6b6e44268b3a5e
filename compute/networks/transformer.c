/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "compute/networks/network.h"

/* The pre-norm transformer (Vaswani et al. 2017, Xiong et al. 2020) of CLIP, SigLIP and their kin; tensors are named as
   transformers' CLIPModel and SiglipModel name them. */

enum compute_status
transformer_read(const struct config *config, const struct transformer *defaults, struct transformer *t,
                 struct compute_error *error)
{
  enum compute_status status;

  if ((status = config_integer_or(config, "hidden_size", 4, 8192, defaults->width, &t->width, error)) ||
      (status =
           config_integer_or(config, "intermediate_size", 1, 65536, defaults->intermediate, &t->intermediate, error)) ||
      (status = config_integer_or(config, "num_hidden_layers", 1, 128, defaults->depth, &t->depth, error)) ||
      (status = config_integer_or(config, "num_attention_heads", 1, 128, defaults->heads, &t->heads, error)) ||
      (status = config_number_or(config, "layer_norm_eps", 0, 1, defaults->epsilon, &t->epsilon, error)) ||
      (status = network_read_activation(config, defaults->activation, &t->activation, error)))
    return status;
  if (t->width % t->heads)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "hidden_size %lld is not a multiple of num_attention_heads %lld", (long long)t->width,
                        (long long)t->heads);
  return COMPUTE_OK;
}

nn_tensor
transformer_layer_norm(struct nn_graph *graph, const struct transformer *t, const char *name, nn_tensor x)
{
  return nn_layer_norm(graph, x, nn_weight(graph, 1, &t->width, "%s.weight", name),
                       nn_weight(graph, 1, &t->width, "%s.bias", name), (float)t->epsilon);
}

nn_tensor
transformer_embed_patches(struct nn_graph *graph, const struct transformer *t, int64_t patch, nn_tensor bias,
                          nn_tensor pixels)
{
  const int64_t side = nn_tensor_shape(pixels).dims[1], used = side / patch * patch;

  /* A convolution whose stride is its kernel leaves out what does not fill a patch. */
  if (used != side)
    pixels = nn_slice(graph, nn_slice(graph, pixels, 1, 0, used), 2, 0, used);
  return nn_patch_embedding(
      graph, pixels,
      nn_weight(graph, 4, (int64_t[]){ t->width, 3, patch, patch }, "vision_model.embeddings.patch_embedding.weight"),
      bias);
}

nn_tensor
transformer_mlp(struct nn_graph *graph, const struct transformer *t, const char *name, nn_tensor x, nn_tensor residual)
{
  nn_tensor hidden =
      nn_linear(graph, x, nn_weight(graph, 2, (int64_t[]){ t->intermediate, t->width }, "%s.fc1.weight", name),
                &(struct nn_linear_params){ .bias = nn_weight(graph, 1, &t->intermediate, "%s.fc1.bias", name),
                                            .activation = t->activation });
  return nn_linear(
      graph, hidden, nn_weight(graph, 2, (int64_t[]){ t->width, t->intermediate }, "%s.fc2.weight", name),
      &(struct nn_linear_params){ .bias = nn_weight(graph, 1, &t->width, "%s.fc2.bias", name), .residual = residual });
}

nn_tensor
transformer_encode(struct nn_graph *graph, const struct transformer *t, const char *tower, bool causal, nn_tensor x)
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
    nn_tensor qkv =
        nn_linear(graph, transformer_layer_norm(graph, t, name, x), weight, &(struct nn_linear_params){ .bias = bias });
    nn_tensor attention = nn_attention(graph, nn_slice(graph, qkv, 2, 0, width), nn_slice(graph, qkv, 2, width, width),
                                       nn_slice(graph, qkv, 2, 2 * width, width),
                                       &(struct nn_attention_params){ .heads = (unsigned)t->heads, .causal = causal });
    x = nn_linear(graph, attention,
                  nn_weight(graph, 2, square, "%s.encoder.layers.%u.self_attn.out_proj.weight", tower, i),
                  &(struct nn_linear_params){
                      .bias = nn_weight(graph, 1, &width, "%s.encoder.layers.%u.self_attn.out_proj.bias", tower, i),
                      .residual = x });
    snprintf(name, sizeof name, "%s.encoder.layers.%u.layer_norm2", tower, i);
    nn_tensor normal = transformer_layer_norm(graph, t, name, x);
    snprintf(name, sizeof name, "%s.encoder.layers.%u.mlp", tower, i);
    x = transformer_mlp(graph, t, name, normal, x);
  }
  return x;
}
