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
 *   pictures ── resize, crop ──► [batch, side, side, 3] ──► picture tower ──┐
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

/* How weights lie on the device. Vectors of one model stay comparable: those in half precision have a cosine of 0.999 and more with
   those of fp32, those in 8 bits one of 0.99. */
enum model_precision {
  MODEL_PRECISION_DEFAULT, /* fp32 on a processor, fp16 on a GPU that has 16-bit storage */
  MODEL_PRECISION_FP32,
  MODEL_PRECISION_FP16, /* matrix products' weights and tables in halves; where the device has matrix units, products of halves too */
  MODEL_PRECISION_INT8, /* matrix products' weights in 8 bits with a scale an output; tables in halves */
};

/* "default", "fp32", "fp16", "int8". */
const char *model_precision_name(enum model_precision precision);
/* False: there is none of that name. */
bool model_precision_parse(const char *name, enum model_precision *precision);

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
  bool takes_planes;        /* the device cuts and colours pictures itself: they are best given as they were decoded */
  enum model_precision precision;
};

/* Where pictures are coloured, resized and cut. Both give the same pixels. */
enum model_preparation {
  MODEL_PREPARE_BEST, /* on the device unless it is the processor itself, which does it faster without Vulkan */
  MODEL_PREPARE_ON_HOST,
  MODEL_PREPARE_ON_DEVICE,
};

struct model_params {
  unsigned batch; /* vectors a run; 0: what suits the device and fits its free memory */
  enum model_preparation preparation;
  enum model_precision precision;
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

/* What the configuration says, without a device and without the weights; preferred_batch is 0, precision the default and
   takes_planes false. COMPUTE_ERROR_NOT_FOUND: no such folder or no configuration; COMPUTE_ERROR_UNSUPPORTED: a network that this
   program does not know, or sizes it cannot have. */
enum compute_status model_read_info(const char *folder, struct model_info *info, struct compute_error *error);

/* NULL params: all zero. */
enum compute_status model_open(struct gpu_device *device, const char *folder, const struct model_params *params,
                               struct model **model, struct compute_error *error);
void model_close(struct model **model);

const struct model_info *model_get_info(const struct model *model);

/* How a picture's pixels lie. All but the first are a plane of luma, and chroma of half its width and height, rounded up. */
enum model_picture_format {
  MODEL_RGB24,     /* red, green, blue */
  MODEL_YUV420P,   /* 8 bits, Cb and Cr apart */
  MODEL_YUV420P10, /* 10 bits in the low ones of 16, little-endian, Cb and Cr apart */
  MODEL_NV12,      /* 8 bits, one plane of Cb and Cr by turns */
  MODEL_P010,      /* 10 bits in the high ones of 16, little-endian, one plane of Cb and Cr by turns */
};

/* Which luma weighs which colour how: ITU-R BT.601, BT.709, BT.2020 (its non-constant luminance). */
enum model_matrix { MODEL_BT601, MODEL_BT709, MODEL_BT2020 };

/* A picture as displayed (square pixels, upright). */
struct model_picture {
  const uint8_t *pixels; /* packed, or the luma */
  uint32_t width, height;
  size_t stride; /* bytes a row */

  enum model_picture_format format;
  /* The rest is of the formats with planes. */
  const uint8_t *chroma[2];
  size_t chroma_stride[2];
  enum model_matrix matrix;
  bool full_range;     /* else 16…235 of 8 bits, and 16…240 of chroma */
  bool chroma_centred; /* between the luma's columns, as in JPEG; else on the even ones. Between its rows either way. */
};

/* pictures: count × clip_frames, one clip after the other. vectors: [count, dimensions], of unit length. Any count; runs of the
   preferred batch are fastest. Where a batch does not fit the device's memory it is halved, for good, and the work goes on. Not
   between the two halves below. COMPUTE_ERROR_UNSUPPORTED: the model has no picture tower. */
enum compute_status model_embed_pictures(struct model *model, const struct model_picture *pictures, size_t count,
                                         float *vectors, struct compute_error *error);

/*
 * The same with two runs in flight, so that the host cuts the pictures of one while the device works on the one before:
 *
 *     model_submit_pictures(A)   cuts and uploads A, hands it to the device, returns
 *     model_submit_pictures(B)   cuts and uploads B while A is worked on; waits for A; hands B to the device
 *     model_collect_pictures()   A's vectors, at once
 *     model_collect_pictures()   waits for B's
 *
 * Submitting takes the pictures of *taken vectors, from 1 to the preferred batch; the pictures may go once it returns. A third
 * run is submitted after the first was collected. B waits on this side for A, so that a text that comes between them waits for A
 * alone.
 */
enum compute_status model_submit_pictures(struct model *model, const struct model_picture *pictures, size_t count,
                                          size_t *taken, struct compute_error *error);
/* The oldest run's vectors [what it took, dimensions], or its error; then it is no more. */
enum compute_status model_collect_pictures(struct model *model, float *vectors, struct compute_error *error);
/* Runs that were submitted and not collected: 0, 1 or 2. */
unsigned model_runs(const struct model *model);

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

/* Bytes of the device's memory that the weights take which have been needed so far. */
uint64_t model_weight_bytes(const struct model *model);

/* nn_tune() for the picture tower, at the preferred batch and then at one picture, into the findings that the model was opened with.
   Plans that were made are made anew. At once where everything has been measured, and for a model without a picture tower. */
enum compute_status model_tune(struct model *model, struct nn_findings *findings, const struct nn_tune_params *params,
                               struct compute_error *error);

/* The operations of the last run of the picture tower, as nn_plan_profile() gives them, and how many pictures it took. Needs
   model_params.profile. */
size_t model_profile(struct model *model, const struct nn_op_time **times, unsigned *pictures);
