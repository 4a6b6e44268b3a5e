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
 * Graph inputs: "pixels" NN_F32 [batch · crops, side, side, 3] for pictures; "ids" NN_I32 [batch, tokens], "lengths" NN_I32
 * [batch] and "end" NN_I32 [batch], the place of the end token, for texts (a network names those that it reads by taking them
 * from struct text_inputs). Graph output: "vector" [batch, output_width].
 */

struct text_inputs {
  nn_tensor ids, lengths, end;
  int64_t batch, tokens;
};

/* What a network knows of one model: its settings, read from config.json. */
struct network_settings {
  struct model_info info; /* all but id and preferred_batch */
  struct preprocessing preprocessing;
  unsigned output_width; /* of a picture tower's "vector" before finish_picture(); 0: dimensions */
  int32_t end_token;     /* -1: none. */
  bool full_texts;       /* a text is always padded to info.max_tokens: the network has no notion of its length */
  bool end_is_largest;   /* old CLIP configurations: the end token is the one with the largest id */
  void *own;             /* the network's, freed by free() */
};

struct network {
  const char *name;       /* info.network */
  const char *model_type; /* in config.json */

  /* Fills settings from the folder's config.json; folder is for further files of the model. */
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
};

enum compute_status transformer_read(const struct config *config, const struct transformer *defaults,
                                     struct transformer *transformer, struct compute_error *error);
/* name: of the tensors, without ".weight" and ".bias" */
nn_tensor
transformer_layer_norm(struct nn_graph *graph, const struct transformer *transformer, const char *name, nn_tensor x);
/* x [..., width] → [..., width]: name.fc1, the activation, name.fc2, and the residual added */
nn_tensor transformer_mlp(struct nn_graph *graph, const struct transformer *transformer, const char *name, nn_tensor x,
                          nn_tensor residual);
/* pixels [batch, side, side, 3] → [batch, (side / patch)², width] by vision_model.embeddings.patch_embedding; bias may be
   NULL. */
nn_tensor transformer_embed_patches(struct nn_graph *graph, const struct transformer *transformer, int64_t patch,
                                    nn_tensor bias, nn_tensor pixels);
/* tower: what the tensors' names have before ".encoder". x [batch, tokens, width] → the same, before the last norm */
nn_tensor transformer_encode(struct nn_graph *graph, const struct transformer *transformer, const char *tower,
                             bool causal, nn_tensor x);

/* Overwrites what the folder's preprocessor_config.json says, if there is one; it must give pictures of side × side. What is
   squashed is said by the network. */
enum compute_status
preprocessing_read(const char *folder, int64_t side, struct preprocessing *preprocessing, struct compute_error *error);

/* An activation by the name that transformers gives it. */
enum compute_status network_read_activation(const struct config *config, enum nn_activation fallback,
                                            enum nn_activation *activation, struct compute_error *error);

/* Says which model an error is about, and which of its files where that is known, unless its message says so already: messages
   of the modules below name the key or the tensor only. Returns status. */
enum compute_status
network_about(const char *folder, const char *file, enum compute_status status, struct compute_error *error);

/* vector / |vector|; a zero vector is left as it is. */
void network_normalize(float *vector, unsigned dimensions);
