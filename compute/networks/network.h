/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "compute/networks/networks.h"
#include "compute/networks/preprocess.h"
#include "compute/nn/nn.h"
#include "compute/weights/config.h"

/*
 * What one network is, to the code in networks.c that serves them all. Adding a network is one file that defines one of these
 * and one line in networks.c.
 *
 * Graph inputs: "pixels" NN_F32 [batch · clip_frames · crops, side, side, 3] for pictures; "ids" NN_I32 [batch, tokens], "lengths" NN_I32
 * [batch] and "end" NN_I32 [batch], the place of the end token, for texts (a network names those that it reads by taking them
 * from struct text_inputs). Graph output: "vector" [batch, output_width].
 */

struct text_inputs {
  nn_tensor ids, lengths, end;
  int64_t batch, tokens;
};

/* What a network knows of one model: its settings, read from config.json. */
struct network_settings {
  struct model_info info; /* all but id and preferred_batch; clip_frames is 1 unless the network says otherwise */
  struct preprocessing preprocessing;
  unsigned output_width; /* of a picture tower's "vector" before finish_picture(); 0: dimensions */
  int32_t end_token;     /* -1: none. */
  int32_t pad_token;     /* what rows of ids are filled up with; -1: what the tokenizer says */
  unsigned seen_padding; /* places of padding that "lengths" counts into a text; rows have as many, but for full ones */
  bool full_texts;       /* a text is always padded to info.max_tokens: the network has no notion of its length */
  bool end_is_largest;   /* old CLIP configurations: the end token is the one with the largest id */
  void *own;             /* the network's, freed by free() */
};

struct network {
  const char *name;       /* info.network */
  const char *model_type; /* in config.json; NULL: it has no such configuration */

  /* Fills settings from the folder's configuration; folder is for further files of the model. */
  enum compute_status (*read_settings)(const struct config *config, const char *folder,
                                       struct network_settings *settings, struct compute_error *error);
  nn_tensor (*build_pictures)(struct nn_graph *graph, const struct network_settings *settings, nn_tensor pixels);
  nn_tensor (*build_texts)(struct nn_graph *graph, const struct network_settings *settings,
                           const struct text_inputs *inputs);

  /* The rest may be NULL. State is what open() made of the checkpoint, freed by free(). */
  enum compute_status (*open)(const struct network_settings *settings, const struct weights_file *file, void **state,
                              struct compute_error *error);
  /* From "vector" [output_width] to a unit vector [dimensions]; NULL: they are the same. */
  void (*finish_picture)(const struct network_settings *settings, const void *state, const float *output,
                         float *vector);
  /* Makes a text's unit vector a query's, in place. */
  void (*finish_query)(const struct network_settings *settings, const void *state, float *vector);
  void (*calibrate)(const struct network_settings *settings, const void *state, const float *query,
                    struct model_calibration *calibration);
};

/* A BERT encoder that is pooled by the mean of its tokens and made unit length (Reimers and Gurevych 2019). */
struct bert_settings {
  int64_t vocabulary, width, depth, heads, intermediate, positions, types;
  double epsilon;
  enum nn_activation activation;
};

enum compute_status
bert_read_settings(const struct config *config, struct bert_settings *bert, struct compute_error *error);
/* prefix: of the tensors' names, "" or with its dot. → [batch, width], unit length */
nn_tensor bert_build(struct nn_graph *graph, const struct bert_settings *bert, const char *prefix,
                     const struct text_inputs *inputs);

/* A pre-norm transformer, as CLIP and SigLIP have one for pictures and one for texts. */
struct transformer {
  int64_t width, intermediate, depth, heads;
  double epsilon;
  enum nn_activation activation;
  bool open_clip; /* its tensors are named as OpenCLIP names them, else as transformers does */
};

/* What a token does not see; NULL where a function takes one: it sees all. */
struct transformer_mask {
  bool causal;       /* those after it */
  nn_tensor lengths; /* I32 [batch], or NULL: those from this place on */
};

/* The naming is left as it is: transformers'. */
enum compute_status transformer_read(const struct config *config, const struct transformer *defaults,
                                     struct transformer *transformer, struct compute_error *error);
/* name: of the tensors, without ".weight" and ".bias" */
nn_tensor
transformer_layer_norm(struct nn_graph *graph, const struct transformer *transformer, const char *name, nn_tensor x);
/* x [..., width] → [..., width]: two layers with the activation between, and the residual added; name: of both, without
   ".fc1" and the like */
nn_tensor transformer_mlp(struct nn_graph *graph, const struct transformer *transformer, const char *name, nn_tensor x,
                          nn_tensor residual);
/* Self-attention: x [batch, tokens, width], normalised, residual [batch, queries, width] → as residual, which is added. The
   first `queries` tokens ask. name: "….self_attn" */
nn_tensor transformer_attend(struct nn_graph *graph, const struct transformer *transformer, const char *name,
                             const struct transformer_mask *mask, nn_tensor x, nn_tensor residual);
/* pixels [batch, side, side, 3] → [batch, (side / patch)², width]; name: of the kernel; bias may be NULL. */
nn_tensor transformer_embed_patches(struct nn_graph *graph, const struct transformer *transformer, int64_t patch,
                                    const char *name, nn_tensor bias, nn_tensor pixels);
/* tower: what the names of the layers' tensors begin with, "vision_model.". x [batch, tokens, width] → the same, before the
   last norm */
nn_tensor transformer_encode(struct nn_graph *graph, const struct transformer *transformer, const char *tower,
                             const struct transformer_mask *mask, nn_tensor x);

/* Overwrites what the folder's preprocessor_config.json says, if there is one; it must give pictures of side × side. What is
   squashed is said by the network. */
enum compute_status
preprocessing_read(const char *folder, int64_t side, struct preprocessing *preprocessing, struct compute_error *error);

/* A list of three numbers, if it is there. */
enum compute_status preprocessing_read_channels(const struct config *config, const char *key, float channels[3],
                                                struct compute_error *error);

/* An activation by the name that transformers gives it. */
enum compute_status network_read_activation(const struct config *config, enum nn_activation fallback,
                                            enum nn_activation *activation, struct compute_error *error);

/* Says which model an error is about, and which of its files where that is known, unless its message says so already: messages
   of the modules below name the key or the tensor only. Returns status. */
enum compute_status
network_about(const char *folder, const char *file, enum compute_status status, struct compute_error *error);

/* vector / |vector|; a zero vector is left as it is. */
void network_normalize(float *vector, unsigned dimensions);
