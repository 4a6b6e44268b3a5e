/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/media/sac-frame-reader.h"

/*
 * The one door from core to compute: pictures and words go in, unit vectors come out.
 *
 * One thread inside owns the Vulkan instance, the device and the open models; everything is opened when it is first needed. Callers
 * put requests in a queue and wait: a query goes before batches of frames that are being indexed, which are taken in slices of the model's
 * preferred batch, so a query waits for one slice at most. While the device works on a slice, the next one is cut and uploaded:
 * whoever has many frames keeps some batches begun (sac_encoder_begin_frames), so that there is a next one. A lost device is closed
 * and opened again, and what it had in work is done anew; one that is lost twice at the same slice is given up for the next usable
 * device. Only when none is left does a request fail.
 *
 * Without a device every call that embeds is SAC_ERROR_DEVICE with what to install; nothing else of the program depends on it.
 * All functions may be called from any thread; those that embed block, the _async ones do not.
 */

G_BEGIN_DECLS

typedef struct {
  char id[64]; /* the folder's name */
  unsigned dimensions;
  unsigned input_side;      /* a picture's short side, pixels: what frames are best read at */
  unsigned clip_frames;     /* frames that make one vector: 1 but for models of movement, which embed clips */
  unsigned preferred_batch; /* vectors at once */
  gboolean takes_planes;    /* the device colours and scales frames itself: FALSE before the model is open */
  gboolean embeds_pictures, embeds_texts;
} SacModelInfo;

/* Cosines of a query: what an unrelated picture gets, and what a perfect one could. */
typedef struct {
  float floor, ceiling;
} SacCalibration;

#define SAC_TYPE_ENCODER (sac_encoder_get_type())
G_DECLARE_FINAL_TYPE(SacEncoder, sac_encoder, SAC, ENCODER, GObject)

/* Opens nothing yet. device: index as `saccade devices` lists them, or -1 for $SACCADE_DEVICE, else the best. */
SacEncoder *sac_encoder_new(int device);

/* How models' weights are stored, before anything is embedded: "fp32", "fp16", "int8"; NULL: what suits the device. Vectors of one model
 * in different precisions may be compared. SAC_ERROR_USAGE: it is none of these. */
gboolean sac_encoder_set_precision(SacEncoder *encoder, const char *precision, GError **error);

/* The folder of an installed model: $SACCADE_MODELS, the user's, then the system's. SAC_ERROR_NOT_FOUND says how to get one. */
char *sac_encoder_find_model(const char *model, GError **error);

/* From the model's configuration alone; needs no device. */
gboolean sac_encoder_get_model_info(SacEncoder *encoder, const char *model, SacModelInfo *info, GError **error);

/* The same after opening the device and the model, which say what batch suits them and whether planes are welcome. Blocks. */
gboolean sac_encoder_open_model(SacEncoder *encoder, const char *model, SacModelInfo *info, GCancellable *cancellable,
                                GError **error);

/* How frames are best read for an open model, and how many batches of them are best begun at once: the members that say the format and the
 * size are set. */
#define SAC_ENCODER_BATCHES 3
void sac_model_info_read_options(const SacModelInfo *info, SacFrameReaderOptions *options);

/* frames [n][clip_frames], a clip's in their order in time, SAC_FRAME_RGB24 or with planes; vectors [n][dimensions]. For someone who waits:
 * goes before batches that were begun. */
gboolean sac_encoder_embed_frames(SacEncoder *encoder, const char *model, SacFrame *const *frames, gsize n,
                                  float *vectors, GCancellable *cancellable, GError **error);

/* One picture (transfer none) → vector [dimensions]; a model of movement is given a clip in which nothing moves. */
gboolean sac_encoder_embed_picture(SacEncoder *encoder, const char *model, SacFrame *frame, float *vector,
                                   GCancellable *cancellable, GError **error);

/* sac_encoder_embed_frames in two steps: frames [n][clip_frames], n at least 1, are referenced until the batch is finished. The model has been
 * opened. Batches are worked on in the order in which they were begun. */
typedef struct _SacEncoderBatch SacEncoderBatch;
SacEncoderBatch *sac_encoder_begin_frames(SacEncoder *encoder, const SacModelInfo *model, SacFrame *const *frames,
                                          gsize n, GCancellable *cancellable);
/* Whether finishing it will not wait. */
gboolean sac_encoder_batch_is_done(SacEncoderBatch *batch);
/* Waits; vectors [n][dimensions]. The batch is freed, whether it went well or not. */
gboolean sac_encoder_finish_frames(SacEncoderBatch *batch, float *vectors, GError **error);

/* A query's words: vector (g_malloc, [dimensions]) and its calibration. Goes before embed_frames. */
gboolean
sac_encoder_embed_query(SacEncoder *encoder, const char *model, const char *text, float **vector, gsize *dimensions,
                        SacCalibration *calibration, GCancellable *cancellable, GError **error);

/* Opens the picture or text tower now, so that the first query does not wait for it. Does not block; a failure shows at the first use. */
void sac_encoder_warm(SacEncoder *encoder, const char *model, gboolean pictures, gboolean texts);

/* Measures, where that is not known yet and worth its time, which kernels are fastest for the model's pictures on this device: some seconds,
 * once a device, before a long work. Nothing is measured on a processor, which compiles for longer than it would save. A device that is
 * lost by it is opened again and goes on with its usual kernels. */
gboolean sac_encoder_tune(SacEncoder *encoder, const char *model, GCancellable *cancellable, GError **error);

/* "llvmpipe (LLVM 15.0.6, 256 bits)", or NULL when no device has been opened yet. Free it. */
char *sac_encoder_dup_device_name(SacEncoder *encoder);

/* For measuring, before anything is opened: frames are cut on the device, or on the host. */
typedef enum { SAC_PREPARE_BEST, SAC_PREPARE_ON_HOST, SAC_PREPARE_ON_DEVICE } SacPreparation;
void sac_encoder_set_preparation(SacEncoder *encoder, SacPreparation preparation);

/* What has happened to the device since this was last asked, in a sentence for a person, or NULL: that it was lost, and opened again or
 * replaced by another. Free it. */
char *sac_encoder_take_notice(SacEncoder *encoder);

/* For tests: the device is lost before each of the next steps of requests (a slice of frames, or a query), so many times. */
void sac_encoder_inject_losses(SacEncoder *encoder, guint times);

G_END_DECLS
