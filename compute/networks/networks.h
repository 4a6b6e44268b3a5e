/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/gpu/gpu.h"
#include "compute/nn/nn.h"
#include "compute/status.h"

/*
 * Models: a network's weights in a folder, opened on a device.
 *
 * A folder holds config.json, model.safetensors and tokenizer files, laid out as Hugging Face does, or open_clip_config.json and
 * open_clip_model.safetensors, as OpenCLIP does (see model_find_files()). The configuration chooses the network, by "model_type"
 * in the first kind; every width, depth and constant comes from there, and every tensor is checked against it.
 *
 *   pictures ── crop, resize ──► [batch, side, side, 3] ──► picture tower ──┐
 *                                                                           ├──► unit vectors [count, dimensions]
 *   texts ───── tokenizer ─────► [batch, tokens] ─────────► text tower ─────┘    of one space: search is a cosine
 *
 * Most networks make a vector of each picture. One that sees movement (X-CLIP) makes a vector of each clip: clip_frames pictures
 * of one span of a video, in their order in time and equally far apart, as its training had them (X-CLIP's: 8 of some ten seconds).
 * Which pictures make up a clip is the caller's to say; where there are fewer, the same one may stand more than once.
 *
 * A model belongs to one thread at a time. Opening maps the weights; a tower's plan is made when it is first used, and the
 * weights are uploaded once, however many batch sizes there are; where the device has no room for them beside a run of one picture, or
 * of texts, they take turns there, which is slow and gives the same vectors. All functions block. The device must outlive the model.
 */

struct model;

struct model_info {
  char id[64];         /* the folder's name */
  char network[32];    /* "clip", "coca", "siglip", "xclip", "bert", "saccade-starter" */
  unsigned dimensions; /* of the vectors */
  bool embeds_pictures;
  bool embeds_texts;
  unsigned input_side;      /* pixels; a picture whose short side is this is not resized, unless the network wants it
                               squashed to a square. 0 without a picture tower */
  unsigned crops;           /* looks at one picture */
  unsigned clip_frames;     /* pictures that make one vector; 1 but for networks of clips */
  unsigned max_tokens;      /* of a text, special tokens included; longer ones are truncated */
  unsigned preferred_batch; /* vectors a run: pictures, or clips */
};

struct model_params {
  unsigned batch;                     /* vectors a run; 0: what suits the device */
  bool profile;                       /* time every operation, for model_profile() */
  const struct nn_findings *findings; /* of the device, outliving the model; NULL: nothing is known of it */
};

/* The names of the files of a model's folder. */
struct model_files {
  const char *config;  /* "config.json" or "open_clip_config.json" */
  const char *weights; /* "model.safetensors" or "open_clip_model.safetensors" */
  bool found;          /* the configuration is there; else its name is config.json */
};

/* OpenCLIP's configuration is taken where it is the only one, where config.json names no model_type (timm's does not), and where
   config.json's weights are missing and OpenCLIP's are there. Its weights may also be called model.safetensors. */
struct model_files model_find_files(const char *folder);

/* What the configuration says, without a device and without the weights; preferred_batch is 0. COMPUTE_ERROR_NOT_FOUND: no such
   folder or no configuration; COMPUTE_ERROR_UNSUPPORTED: a network that this program does not know, or sizes it cannot have. */
enum compute_status model_read_info(const char *folder, struct model_info *info, struct compute_error *error);

/* NULL params: all zero. */
enum compute_status model_open(struct gpu_device *device, const char *folder, const struct model_params *params,
                               struct model **model, struct compute_error *error);
void model_close(struct model **model);

const struct model_info *model_get_info(const struct model *model);

/* 8-bit RGB as displayed (square pixels, upright), stride bytes a row. */
struct model_picture {
  const uint8_t *rgb;
  uint32_t width, height;
  size_t stride;
};

/* pictures: count × clip_frames, one clip after the other. vectors: [count, dimensions], of unit length. Any count; runs of the
   preferred batch are fastest. COMPUTE_ERROR_UNSUPPORTED: the model has no picture tower. */
enum compute_status model_embed_pictures(struct model *model, const struct model_picture *pictures, size_t count,
                                         float *vectors, struct compute_error *error);

/* texts: UTF-8. vectors: [count, dimensions], of unit length. X-CLIP's are without its prompt generator, which would make them
   depend on the clip that they are compared with (see xclip.c). */
enum compute_status model_embed_texts(struct model *model, const char *const *texts, size_t count, float *vectors,
                                      struct compute_error *error);

/* The cosine with a query's vector that an unrelated picture gets, and the one that a perfect picture could get: scores that
   mean the same from query to query are (cosine - floor) / (ceiling - floor). */
struct model_calibration {
  float floor, ceiling;
};

/* A query's vector [dimensions], of unit length, which is to be compared with pictures' vectors, and its calibration. */
enum compute_status model_embed_query(struct model *model, const char *text, float *vector,
                                      struct model_calibration *calibration, struct compute_error *error);

/* nn_tune() for the picture tower, at the preferred batch and then at one picture, into the findings that the model was opened with.
   Plans that were made are made anew. At once where everything has been measured, and for a model without a picture tower. */
enum compute_status model_tune(struct model *model, struct nn_findings *findings, const struct nn_tune_params *params,
                               struct compute_error *error);

/* The operations of the last run of the picture tower, as nn_plan_profile() gives them, and how many pictures it took. Needs
   model_params.profile. */
size_t model_profile(struct model *model, const struct nn_op_time **times, unsigned *pictures);
