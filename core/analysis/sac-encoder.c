/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/analysis/sac-encoder.h"

#include <glib/gi18n.h>
#include <string.h>

#include "compute/networks/networks.h"
#include "core/analysis/sac-device.h"
#include "core/sac-error.h"

/* What to slice and to batch by before a model is open and says what suits the device. */
#define DEFAULT_BATCH 8

/* Frames with planes that wait for the encoder take no more memory than this. */
#define PLANES_BYTES ((gsize)512 << 20)

enum request_kind { EMBED_FRAMES, EMBED_QUERY, OPEN, TUNE, WARM, STOP };

struct request {
  enum request_kind kind;
  gboolean waited_for; /* somebody does nothing else: it goes first */
  char *model;
  GCancellable *cancellable;

  SacFrame *const *frames; /* [n_frames], referenced */
  gsize n_frames;
  gsize n, submitted, done; /* vectors */
  gboolean still;           /* one frame for each vector, whatever a clip's are */
  float *vectors;
  gboolean pictures; /* WARM: which tower */

  const char *text;
  float *vector;
  gsize dimensions;
  struct model_calibration calibration;

  gboolean reopened;         /* the device was lost and opened again since something of the request was done */
  gboolean queued, finished; /* under the encoder's lock */
  GError *error;
};

struct _SacEncoderBatch {
  struct request request;
  SacEncoder *encoder;
};

/* A slice that the device has been given. */
struct flight {
  struct request *request; /* NULL: none */
  struct model *model;
  gsize n;
};

struct _SacEncoder {
  GObject parent_instance;

  int device_index;
  SacPreparation preparation;
  enum model_precision precision;
  GMutex lock;
  GCond work, finished;
  GQueue interactive, background; /* of struct request; those with kind WARM are owned by the queue */
  GThread *thread;
  char *device_name;
  char *notice;
  guint losses;       /* to be injected */
  GHashTable *opened; /* id → struct model_info of open models */

  /* The thread's alone. */
  SacDevice device;
  GHashTable *models; /* id → struct model */
  struct flight flight;
};

G_DEFINE_FINAL_TYPE(SacEncoder, sac_encoder, G_TYPE_OBJECT)

static void
close_model(gpointer model)
{
  struct model *open = model;
  model_close(&open);
}

static void
note_device(SacEncoder *encoder)
{
  g_mutex_lock(&encoder->lock);
  g_free(encoder->device_name);
  encoder->device_name = g_strdup(gpu_device_get_info(encoder->device.device)->name);
  g_mutex_unlock(&encoder->lock);
}

static gboolean
open_device(SacEncoder *encoder, GError **error)
{
  if (encoder->device.device != NULL)
    return TRUE;
  if (!sac_device_open(&encoder->device, encoder->device_index, error))
    return FALSE;
  note_device(encoder);
  return TRUE;
}

static struct model *
open_model(SacEncoder *encoder, const char *id, GError **error)
{
  if (!open_device(encoder, error))
    return NULL;
  struct model *model = g_hash_table_lookup(encoder->models, id);
  if (model != NULL)
    return model;
  g_autofree char *folder = sac_encoder_find_model(id, error);
  if (folder == NULL)
    return NULL;
  struct compute_error failure;
  const struct model_params params = { .preparation = (enum model_preparation)encoder->preparation,
                                       .precision = encoder->precision,
                                       .findings = encoder->device.findings };
  if (model_open(encoder->device.device, folder, &params, &model, &failure) != COMPUTE_OK) {
    sac_error_set_from_compute(error, &failure);
    return NULL;
  }
  g_hash_table_insert(encoder->models, g_strdup(id), model);
  g_mutex_lock(&encoder->lock);
  g_hash_table_insert(encoder->opened, g_strdup(id), g_memdup2(model_get_info(model), sizeof(struct model_info)));
  g_mutex_unlock(&encoder->lock);
  return model;
}

static struct model_picture
picture_of(const SacFrame *frame)
{
  static const enum model_picture_format formats[] = {
    [SAC_FRAME_RGB24] = MODEL_RGB24, [SAC_FRAME_YUV420P] = MODEL_YUV420P, [SAC_FRAME_YUV420P10] = MODEL_YUV420P10,
    [SAC_FRAME_NV12] = MODEL_NV12,   [SAC_FRAME_P010] = MODEL_P010,
  };
  static const enum model_matrix matrices[] = {
    [SAC_MATRIX_BT601] = MODEL_BT601, [SAC_MATRIX_BT709] = MODEL_BT709, [SAC_MATRIX_BT2020] = MODEL_BT2020
  };
  return (struct model_picture){ .pixels = frame->pixels,
                                 .width = frame->width,
                                 .height = frame->height,
                                 .stride = frame->stride,
                                 .format = formats[frame->format],
                                 .chroma = { frame->chroma[0], frame->chroma[1] },
                                 .chroma_stride = { frame->chroma_stride[0], frame->chroma_stride[1] },
                                 .matrix = matrices[frame->matrix],
                                 .full_range = frame->full_range,
                                 .chroma_centred = frame->chroma_centred };
}

/* A picture or a text of nothing, for the work that only the first one of a tower costs. */
static enum compute_status
warm_tower(struct model *model, gboolean pictures, struct compute_error *failure)
{
  const struct model_info *info = model_get_info(model);
  g_autofree float *vectors = g_new(float, info->dimensions);
  struct model_calibration calibration;
  if (!pictures)
    return info->embeds_texts ? model_embed_query(model, "a", vectors, &calibration, failure) : COMPUTE_OK;
  static const guint8 pixel[3];
  g_autofree struct model_picture *clip = g_new(struct model_picture, info->clip_frames);
  for (guint i = 0; i < info->clip_frames; i++)
    clip[i] = (struct model_picture){ .pixels = pixel, .width = 1, .height = 1, .stride = 3 };
  return info->embeds_pictures ? model_embed_pictures(model, clip, 1, vectors, failure) : COMPUTE_OK;
}

static bool
go_on_tuning(void *cancellable, double done)
{
  return !g_cancellable_is_cancelled(cancellable);
}

static enum compute_status
tune(SacEncoder *encoder, struct model *model, struct request *request, struct compute_error *failure)
{
  const struct nn_tune_params params = { .progress = go_on_tuning, .user = request->cancellable };
  if (gpu_device_capabilities(encoder->device.device)->type == GPU_DEVICE_CPU)
    return COMPUTE_OK;
  return model_tune(model, encoder->device.findings, &params, failure);
}

static enum compute_status
embed_query(struct model *model, struct request *request, struct compute_error *failure)
{
  request->dimensions = model_get_info(model)->dimensions;
  g_free(request->vector);
  request->vector = g_new(float, request->dimensions);
  return model_embed_query(model, request->text, request->vector, &request->calibration, failure);
}

static enum compute_status
submit_slice(struct model *model, struct request *request, gsize *taken, struct compute_error *failure)
{
  const struct model_info *info = model_get_info(model);
  gsize n = MIN(request->n - request->submitted, MAX(1, info->preferred_batch));
  gsize n_pictures = n * info->clip_frames;
  g_autofree struct model_picture *pictures = g_new(struct model_picture, n_pictures);
  for (gsize i = 0; i < n_pictures; i++) {
    gsize index = request->submitted * info->clip_frames + i;
    pictures[i] = picture_of(request->frames[request->still ? index / info->clip_frames : index]);
  }
  request->dimensions = info->dimensions;
  if (request->vectors == NULL)
    request->vectors = g_new(float, request->n * request->dimensions);
  return model_submit_pictures(model, pictures, n, taken, failure);
}

static void
request_free(struct request *request)
{
  g_free(request->model);
  g_clear_error(&request->error);
  g_free(request);
}

static GQueue *
queue_of(SacEncoder *encoder, const struct request *request)
{
  return request->waited_for ? &encoder->interactive : &encoder->background;
}

/* What is left of the request comes next. */
static void
put_back(SacEncoder *encoder, struct request *request)
{
  g_mutex_lock(&encoder->lock);
  if (!request->queued)
    g_queue_push_head(queue_of(encoder, request), request);
  request->queued = TRUE;
  g_mutex_unlock(&encoder->lock);
}

/* Nothing of it is in flight; it may be gone afterwards. */
static void
end_request(SacEncoder *encoder, struct request *request)
{
  g_mutex_lock(&encoder->lock);
  if (request->queued)
    g_queue_remove(queue_of(encoder, request), request);
  request->queued = FALSE;
  if (request->kind == WARM) {
    request_free(request);
  } else {
    request->finished = TRUE;
    g_cond_broadcast(&encoder->finished);
  }
  g_mutex_unlock(&encoder->lock);
}

static void
fail_request(SacEncoder *encoder, struct request *request, const struct compute_error *failure)
{
  sac_error_set_from_compute(&request->error, failure);
  end_request(encoder, request);
}

static void
resume_request(SacEncoder *encoder, struct request *request, gboolean reopened, const GError *failure)
{
  if (failure != NULL) {
    request->error = g_error_copy(failure);
    end_request(encoder, request);
    return;
  }
  request->reopened = reopened;
  request->submitted = request->done;
  put_back(encoder, request);
}

/* The device is lost in the middle of requests: it, or the next one, takes up the work where it stopped. earlier may be NULL, and the
 * same as later. */
static void
lose_device(SacEncoder *encoder, struct request *earlier, struct request *later)
{
  gboolean again = later->reopened || (earlier != NULL && earlier->reopened);
  g_autoptr(GError) failure = NULL;
  char *notice = NULL;
  encoder->flight.request = NULL;
  g_hash_table_remove_all(encoder->models);
  if (sac_device_recover(&encoder->device, again, &notice, &failure)) {
    note_device(encoder);
    g_mutex_lock(&encoder->lock);
    g_free(encoder->notice);
    encoder->notice = notice;
    g_mutex_unlock(&encoder->lock);
  }
  resume_request(encoder, later, !again, failure);
  if (earlier != NULL && earlier != later)
    resume_request(encoder, earlier, !again, failure);
}

/* Waits for the slice in flight and takes nothing from it: its request is ended by the caller. */
static void
drop_flight(SacEncoder *encoder)
{
  struct flight flight = encoder->flight;
  g_autofree float *vectors = g_new(float, flight.n *model_get_info(flight.model)->dimensions);
  encoder->flight.request = NULL;
  model_collect_pictures(flight.model, vectors, NULL);
}

/* Takes what came of a slice that was submitted before the one in flight, or is it. */
static void
land(SacEncoder *encoder, struct flight landed)
{
  struct request *request = landed.request;
  struct compute_error failure = { 0 };
  enum compute_status status =
      model_collect_pictures(landed.model, request->vectors + request->done * request->dimensions, &failure);
  if (status == COMPUTE_OK) {
    request->done += landed.n;
    request->reopened = FALSE;
    if (request->done == request->n)
      end_request(encoder, request);
  } else if (status == COMPUTE_ERROR_DEVICE_LOST) {
    struct request *later = encoder->flight.request;
    lose_device(encoder, request, later != NULL ? later : request);
  } else {
    if (encoder->flight.request == request)
      drop_flight(encoder);
    fail_request(encoder, request, &failure);
  }
}

static void
land_flight(SacEncoder *encoder)
{
  struct flight flight = encoder->flight;
  encoder->flight.request = NULL;
  if (flight.request != NULL)
    land(encoder, flight);
}

/* The next slice goes to the device while the host still has the one before to hand out. */
static enum compute_status
embed_slice(SacEncoder *encoder, struct model *model, struct request *request, struct compute_error *failure)
{
  gsize taken = 0;
  enum compute_status status = submit_slice(model, request, &taken, failure);
  if (status != COMPUTE_OK)
    return status;
  struct flight before = encoder->flight;
  encoder->flight = (struct flight){ .request = request, .model = model, .n = taken };
  request->submitted += taken;
  if (request->submitted < request->n)
    put_back(encoder, request);
  if (before.request != NULL)
    land(encoder, before);
  return COMPUTE_OK;
}

/* One step of a request, which may be gone afterwards. */
static void
advance(SacEncoder *encoder, struct request *request)
{
  /* One model's pictures are in flight at a time, and warming a tower runs it. */
  const struct request *flying = encoder->flight.request;
  if (flying != NULL && (request->kind == WARM || request->kind == TUNE ||
                         (request->kind == EMBED_FRAMES && !g_str_equal(flying->model, request->model))))
    land_flight(encoder);

  struct model *model = NULL;
  if (!sac_cancelled(request->cancellable, &request->error))
    model = open_model(encoder, request->model, &request->error);
  if (model == NULL) {
    if (encoder->flight.request == request)
      drop_flight(encoder);
    end_request(encoder, request);
    return;
  }

  g_mutex_lock(&encoder->lock);
  gboolean lose = encoder->losses > 0;
  encoder->losses -= lose ? 1 : 0;
  g_mutex_unlock(&encoder->lock);
  if (lose)
    gpu_device_inject_loss(encoder->device.device);

  struct compute_error failure = { 0 };
  enum compute_status status = COMPUTE_OK;
  switch (request->kind) {
  case EMBED_FRAMES:
    status = embed_slice(encoder, model, request, &failure);
    break;
  case EMBED_QUERY:
    status = embed_query(model, request, &failure);
    break;
  case TUNE:
    status = tune(encoder, model, request, &failure);
    break;
  case OPEN:
    break;
  case WARM:
    status = warm_tower(model, request->pictures, &failure);
    break;
  case STOP:
    g_assert_not_reached();
  }
  if (status == COMPUTE_ERROR_DEVICE_LOST) {
    lose_device(encoder, encoder->flight.request, request);
  } else if (status != COMPUTE_OK) {
    if (encoder->flight.request == request)
      drop_flight(encoder);
    fail_request(encoder, request, &failure);
  } else if (request->kind != EMBED_FRAMES) {
    end_request(encoder, request);
  }
}

static gpointer
encoder_thread(gpointer data)
{
  SacEncoder *encoder = data;
  g_mutex_lock(&encoder->lock);
  for (;;) {
    struct request *request = g_queue_pop_head(&encoder->interactive);
    if (request == NULL)
      request = g_queue_pop_head(&encoder->background);
    if (request == NULL && encoder->flight.request == NULL) {
      g_cond_wait(&encoder->work, &encoder->lock);
      continue;
    }
    if (request != NULL && request->kind == STOP)
      break;
    if (request != NULL)
      request->queued = FALSE;
    g_mutex_unlock(&encoder->lock);
    if (request != NULL)
      advance(encoder, request);
    else
      land_flight(encoder);
    g_mutex_lock(&encoder->lock);
  }
  g_mutex_unlock(&encoder->lock);
  g_hash_table_remove_all(encoder->models);
  sac_device_clear(&encoder->device);
  return NULL;
}

static void
push(SacEncoder *encoder, struct request *request)
{
  g_mutex_lock(&encoder->lock);
  if (encoder->thread == NULL)
    encoder->thread = g_thread_new("encoder", encoder_thread, encoder);
  request->queued = TRUE;
  g_queue_push_tail(queue_of(encoder, request), request);
  g_cond_signal(&encoder->work);
  g_mutex_unlock(&encoder->lock);
}

static gboolean
wait_for(SacEncoder *encoder, struct request *request, GError **error)
{
  g_mutex_lock(&encoder->lock);
  while (!request->finished)
    g_cond_wait(&encoder->finished, &encoder->lock);
  g_mutex_unlock(&encoder->lock);
  if (request->error == NULL)
    return TRUE;
  g_propagate_error(error, request->error);
  return FALSE;
}

/* frames [n_frames] make n vectors. */
static SacEncoderBatch *
begin(SacEncoder *encoder, const char *model, SacFrame *const *frames, gsize n_frames, gsize n, gboolean waited_for,
      GCancellable *cancellable)
{
  SacFrame **held = g_new(SacFrame *, n_frames);
  for (gsize i = 0; i < n_frames; i++) {
    g_assert(frames[i]->format != SAC_FRAME_RGBA);
    held[i] = sac_frame_ref(frames[i]);
  }
  SacEncoderBatch *batch = g_new0(SacEncoderBatch, 1);
  batch->encoder = g_object_ref(encoder);
  batch->request = (struct request){ .kind = EMBED_FRAMES,
                                     .waited_for = waited_for,
                                     .model = g_strdup(model),
                                     .cancellable = cancellable != NULL ? g_object_ref(cancellable) : NULL,
                                     .frames = held,
                                     .n_frames = n_frames,
                                     .n = n };
  return batch;
}

SacEncoderBatch *
sac_encoder_begin_frames(SacEncoder *encoder, const SacModelInfo *model, SacFrame *const *frames, gsize n,
                         GCancellable *cancellable)
{
  g_return_val_if_fail(n > 0, NULL);
  SacEncoderBatch *batch = begin(encoder, model->id, frames, n * model->clip_frames, n, FALSE, cancellable);
  push(encoder, &batch->request);
  return batch;
}

gboolean
sac_encoder_batch_is_done(SacEncoderBatch *batch)
{
  g_mutex_lock(&batch->encoder->lock);
  gboolean done = batch->request.finished;
  g_mutex_unlock(&batch->encoder->lock);
  return done;
}

gboolean
sac_encoder_finish_frames(SacEncoderBatch *batch, float *vectors, GError **error)
{
  struct request *request = &batch->request;
  gboolean good = wait_for(batch->encoder, request, error);
  if (good)
    memcpy(vectors, request->vectors, request->n * request->dimensions * sizeof *vectors);
  for (gsize i = 0; i < request->n_frames; i++)
    sac_frame_unref(request->frames[i]);
  g_free((gpointer)request->frames);
  g_free(request->vectors);
  g_free(request->model);
  g_clear_object(&request->cancellable);
  g_object_unref(batch->encoder);
  g_free(batch);
  return good;
}

gboolean
sac_encoder_embed_frames(SacEncoder *encoder, const char *model, SacFrame *const *frames, gsize n, float *vectors,
                         GCancellable *cancellable, GError **error)
{
  SacModelInfo info;
  if (n == 0)
    return TRUE;
  if (!sac_encoder_get_model_info(encoder, model, &info, error))
    return FALSE;
  SacEncoderBatch *batch = begin(encoder, model, frames, n * info.clip_frames, n, TRUE, cancellable);
  push(encoder, &batch->request);
  return sac_encoder_finish_frames(batch, vectors, error);
}

gboolean
sac_encoder_embed_picture(SacEncoder *encoder, const char *model, SacFrame *frame, float *vector,
                          GCancellable *cancellable, GError **error)
{
  SacEncoderBatch *batch = begin(encoder, model, &frame, 1, 1, TRUE, cancellable);
  batch->request.still = TRUE;
  push(encoder, &batch->request);
  return sac_encoder_finish_frames(batch, vector, error);
}

gboolean
sac_encoder_embed_query(SacEncoder *encoder, const char *model, const char *text, float **vector, gsize *dimensions,
                        SacCalibration *calibration, GCancellable *cancellable, GError **error)
{
  struct request request = {
    .kind = EMBED_QUERY, .waited_for = TRUE, .model = (char *)model, .cancellable = cancellable, .text = text
  };
  push(encoder, &request);
  if (!wait_for(encoder, &request, error)) {
    g_free(request.vector);
    return FALSE;
  }
  *vector = request.vector;
  *dimensions = request.dimensions;
  calibration->floor = request.calibration.floor;
  calibration->ceiling = request.calibration.ceiling;
  return TRUE;
}

gboolean
sac_encoder_tune(SacEncoder *encoder, const char *model, GCancellable *cancellable, GError **error)
{
  struct request request = { .kind = TUNE, .model = (char *)model, .cancellable = cancellable };
  push(encoder, &request);
  return wait_for(encoder, &request, error);
}

void
sac_encoder_warm(SacEncoder *encoder, const char *model, gboolean pictures, gboolean texts)
{
  for (int tower = 0; tower < 2; tower++) {
    if (!(tower == 0 ? texts : pictures))
      continue;
    struct request *request = g_new0(struct request, 1);
    request->kind = WARM;
    request->model = g_strdup(model);
    request->pictures = tower == 1;
    push(encoder, request);
  }
}

gboolean
sac_encoder_get_model_info(SacEncoder *encoder, const char *model, SacModelInfo *info, GError **error)
{
  g_autofree char *folder = sac_encoder_find_model(model, error);
  if (folder == NULL)
    return FALSE;
  struct model_info read;
  struct compute_error failure;
  if (model_read_info(folder, &read, &failure) != COMPUTE_OK) {
    sac_error_set_from_compute(error, &failure);
    return FALSE;
  }
  *info = (SacModelInfo){ .dimensions = read.dimensions,
                          .input_side = read.input_side,
                          .clip_frames = read.clip_frames,
                          .embeds_pictures = read.embeds_pictures,
                          .embeds_texts = read.embeds_texts };
  g_strlcpy(info->id, model, sizeof info->id);
  info->preferred_batch = DEFAULT_BATCH;
  g_mutex_lock(&encoder->lock);
  const struct model_info *opened = g_hash_table_lookup(encoder->opened, model);
  if (opened != NULL) {
    info->preferred_batch = MAX(1, opened->preferred_batch);
    info->takes_planes = opened->takes_planes;
  }
  g_mutex_unlock(&encoder->lock);
  return TRUE;
}

gboolean
sac_encoder_open_model(SacEncoder *encoder, const char *model, SacModelInfo *info, GCancellable *cancellable,
                       GError **error)
{
  struct request request = { .kind = OPEN, .waited_for = TRUE, .model = (char *)model, .cancellable = cancellable };
  push(encoder, &request);
  return wait_for(encoder, &request, error) && sac_encoder_get_model_info(encoder, model, info, error);
}

void
sac_model_info_read_options(const SacModelInfo *info, SacFrameReaderOptions *options)
{
  options->short_side = (int)info->input_side;
  options->format = SAC_FRAME_RGB24;
  /* One batch is being read while the others are with the encoder; clips share most of their frames. */
  gsize n_frames = info->preferred_batch + info->clip_frames - 1;
  options->max_plane_bytes = info->takes_planes ? PLANES_BYTES / (SAC_ENCODER_BATCHES + 1) / n_frames : 0;
}

void
sac_encoder_set_preparation(SacEncoder *encoder, SacPreparation preparation)
{
  encoder->preparation = preparation;
}

char *
sac_encoder_dup_device_name(SacEncoder *encoder)
{
  g_mutex_lock(&encoder->lock);
  char *name = g_strdup(encoder->device_name);
  g_mutex_unlock(&encoder->lock);
  return name;
}

char *
sac_encoder_take_notice(SacEncoder *encoder)
{
  g_mutex_lock(&encoder->lock);
  char *notice = g_steal_pointer(&encoder->notice);
  g_mutex_unlock(&encoder->lock);
  return notice;
}

void
sac_encoder_inject_losses(SacEncoder *encoder, guint times)
{
  g_mutex_lock(&encoder->lock);
  encoder->losses = times;
  g_mutex_unlock(&encoder->lock);
}

char *
sac_encoder_find_model(const char *model, GError **error)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  const char *chosen = g_getenv("SACCADE_MODELS");
  if (chosen != NULL && *chosen != '\0')
    g_strv_builder_add(builder, chosen);
  g_autofree char *user = g_build_filename(g_get_user_data_dir(), "saccade", "models", NULL);
  g_strv_builder_add(builder, user);
  for (const char *const *data = g_get_system_data_dirs(); *data != NULL; data++) {
    g_autofree char *system = g_build_filename(*data, "saccade", "models", NULL);
    g_strv_builder_add(builder, system);
  }
  g_auto(GStrv) folders = g_strv_builder_end(builder);
  gboolean plain = *model != '\0' && *model != '.' && strchr(model, '/') == NULL;
  for (char **folder = folders; plain && *folder != NULL; folder++) {
    g_autofree char *place = g_build_filename(*folder, model, NULL);
    if (model_find_files(place).found)
      return g_steal_pointer(&place);
  }
  g_set_error(
      error, SAC_ERROR, SAC_ERROR_NOT_FOUND,
      _("The model “%s” is not installed: “saccade models list” shows what there is and “saccade models get %s” "
        "downloads it or says what makes it"),
      model, model);
  return NULL;
}

SacEncoder *
sac_encoder_new(int device)
{
  SacEncoder *encoder = g_object_new(SAC_TYPE_ENCODER, NULL);
  encoder->device_index = device;
  return encoder;
}

gboolean
sac_encoder_set_precision(SacEncoder *encoder, const char *precision, GError **error)
{
  encoder->precision = MODEL_PRECISION_DEFAULT;
  if (precision == NULL || model_precision_parse(precision, &encoder->precision))
    return TRUE;
  g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE, "A precision is fp32, fp16 or int8, not “%s”", precision);
  return FALSE;
}

static void
sac_encoder_finalize(GObject *object)
{
  SacEncoder *encoder = SAC_ENCODER(object);
  if (encoder->thread != NULL) {
    struct request stop = { .kind = STOP };
    g_mutex_lock(&encoder->lock);
    g_queue_push_head(&encoder->interactive, &stop);
    g_cond_signal(&encoder->work);
    g_mutex_unlock(&encoder->lock);
    g_thread_join(encoder->thread);
  }
  /* Callers that wait hold a reference, so what is left only warms. */
  g_queue_clear_full(&encoder->background, (GDestroyNotify)request_free);
  g_hash_table_unref(encoder->models);
  g_hash_table_unref(encoder->opened);
  g_free(encoder->device_name);
  g_free(encoder->notice);
  g_mutex_clear(&encoder->lock);
  g_cond_clear(&encoder->work);
  g_cond_clear(&encoder->finished);
  G_OBJECT_CLASS(sac_encoder_parent_class)->finalize(object);
}

static void
sac_encoder_class_init(SacEncoderClass *class)
{
  G_OBJECT_CLASS(class)->finalize = sac_encoder_finalize;
}

static void
sac_encoder_init(SacEncoder *encoder)
{
  g_mutex_init(&encoder->lock);
  g_cond_init(&encoder->work);
  g_cond_init(&encoder->finished);
  g_queue_init(&encoder->interactive);
  g_queue_init(&encoder->background);
  encoder->models = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_model);
  encoder->opened = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}
