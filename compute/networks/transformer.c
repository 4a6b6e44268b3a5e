/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "compute/networks/network.h"

/* The pre-norm transformer (Vaswani et al. 2017, Xiong et al. 2020) of CLIP, SigLIP and their kin. Its tensors are named as
   transformers' CLIPModel and SiglipModel name them, or as OpenCLIP does, which keeps query, key and value in one matrix. */

static const struct names {
  const char *layer, *norm1, *attention, *norm2, *mlp, *up, *down;
} hugging_face = { "encoder.layers", "layer_norm1", "self_attn", "layer_norm2", "mlp", "fc1", "fc2" },
  open_clip = { "transformer.resblocks", "ln_1", "attn", "ln_2", "mlp", "c_fc", "c_proj" };

static const struct names *
names_of(const struct transformer *t)
{
  return t->open_clip ? &open_clip : &hugging_face;
}

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
transformer_embed_patches(struct nn_graph *graph, const struct transformer *t, int64_t patch, const char *name,
                          nn_tensor bias, nn_tensor pixels)
{
  const int64_t side = nn_tensor_shape(pixels).dims[1], used = side / patch * patch;

  /* A convolution whose stride is its kernel leaves out what does not fill a patch. */
  if (used != side)
    pixels = nn_slice(graph, nn_slice(graph, pixels, 1, 0, used), 2, 0, used);
  return nn_patch_embedding(graph, pixels, nn_weight(graph, 4, (int64_t[]){ t->width, 3, patch, patch }, "%s", name),
                            bias);
}

nn_tensor
transformer_mlp(struct nn_graph *graph, const struct transformer *t, const char *name, nn_tensor x, nn_tensor residual)
{
  const char *const up = names_of(t)->up, *const down = names_of(t)->down;
  nn_tensor hidden =
      nn_linear(graph, x, nn_weight(graph, 2, (int64_t[]){ t->intermediate, t->width }, "%s.%s.weight", name, up),
                &(struct nn_linear_params){ .bias = nn_weight(graph, 1, &t->intermediate, "%s.%s.bias", name, up),
                                            .activation = t->activation });
  return nn_linear(graph, hidden,
                   nn_weight(graph, 2, (int64_t[]){ t->width, t->intermediate }, "%s.%s.weight", name, down),
                   &(struct nn_linear_params){ .bias = nn_weight(graph, 1, &t->width, "%s.%s.bias", name, down),
                                               .residual = residual });
}

/* The matrix that makes query, key and value, and its bias. */
static nn_tensor
query_key_value(struct nn_graph *graph, const struct transformer *t, const char *name, nn_tensor *bias)
{
  static const char *const parts[] = { "q_proj", "k_proj", "v_proj" };
  const int64_t width = t->width, three = 3 * width;
  nn_tensor weight = NULL;

  if (t->open_clip) {
    *bias = nn_weight(graph, 1, &three, "%s.in_proj_bias", name);
    return nn_weight(graph, 2, (int64_t[]){ three, width }, "%s.in_proj_weight", name);
  }
  for (unsigned part = 0; part < 3; part++) {
    nn_tensor w = nn_weight(graph, 2, (int64_t[]){ width, width }, "%s.%s.weight", name, parts[part]);
    nn_tensor b = nn_weight(graph, 1, &width, "%s.%s.bias", name, parts[part]);

    weight = part ? nn_concat(graph, weight, w, 0) : w;
    *bias = part ? nn_concat(graph, *bias, b, 0) : b;
  }
  return weight;
}

nn_tensor
transformer_attend(struct nn_graph *graph, const struct transformer *t, const char *name,
                   const struct transformer_mask *mask, nn_tensor x, nn_tensor residual)
{
  const int64_t width = t->width, queries = nn_tensor_shape(residual).dims[1];
  nn_tensor bias = NULL, weight = query_key_value(graph, t, name, &bias);
  nn_tensor qkv = nn_linear(graph, x, weight, &(struct nn_linear_params){ .bias = bias });
  nn_tensor attention = nn_attention(graph, nn_slice(graph, nn_slice(graph, qkv, 2, 0, width), 1, 0, queries),
                                     nn_slice(graph, qkv, 2, width, width), nn_slice(graph, qkv, 2, 2 * width, width),
                                     &(struct nn_attention_params){ .heads = (unsigned)t->heads,
                                                                    .causal = mask && mask->causal,
                                                                    .lengths = mask ? mask->lengths : NULL });

  return nn_linear(graph, attention, nn_weight(graph, 2, (int64_t[]){ width, width }, "%s.out_proj.weight", name),
                   &(struct nn_linear_params){ .bias = nn_weight(graph, 1, &width, "%s.out_proj.bias", name),
                                               .residual = residual });
}

nn_tensor
transformer_encode(struct nn_graph *graph, const struct transformer *t, const char *tower,
                   const struct transformer_mask *mask, nn_tensor x)
{
  const struct names *const names = names_of(t);
  char name[160];

  for (unsigned i = 0; i < t->depth; i++) {
    snprintf(name, sizeof name, "%s%s.%u.%s", tower, names->layer, i, names->norm1);
    nn_tensor normal = transformer_layer_norm(graph, t, name, x);
    snprintf(name, sizeof name, "%s%s.%u.%s", tower, names->layer, i, names->attention);
    x = transformer_attend(graph, t, name, mask, normal, x);
    snprintf(name, sizeof name, "%s%s.%u.%s", tower, names->layer, i, names->norm2);
    normal = transformer_layer_norm(graph, t, name, x);
    snprintf(name, sizeof name, "%s%s.%u.%s", tower, names->layer, i, names->mlp);
    x = transformer_mlp(graph, t, name, normal, x);
  }
  return x;
}
