/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/analysis/sac-encoder.h"

#include <string.h>

#include "compute/networks/networks.h"
#include "core/analysis/sac-device.h"
#include "core/sac-error.h"

/* What to slice and to batch by before a model is open and says what suits the device. */
#define DEFAULT_BATCH 8

enum request_kind { EMBED_FRAMES, EMBED_QUERY, TUNE, WARM, STOP };

struct request {
  enum request_kind kind;
  char *model;
  GCancellable *cancellable;

  SacFrame *const *frames;
  gsize n, done;
  gboolean still; /* one frame for each vector, whatever a clip's are */
  float *vectors;
  gboolean pictures; /* WARM: which tower */

  const char *text;
  float *vector;
  gsize dimensions;
  struct model_calibration calibration;

  gboolean reopened; /* the device was lost and opened again since something of the request was done */
  gboolean finished;
  GError *error;
};

struct _SacEncoder {
  GObject parent_instance;

  int device_index;
  GMutex lock;
  GCond work, finished;
  GQueue interactive, background; /* of struct request; those with kind WARM are owned by the queue */
  GThread *thread;
  char *device_name;
  char *notice;
  guint losses;        /* to be injected */
  GHashTable *batches; /* model → its preferred batch, once it is open */

  /* The thread's alone. */
  SacDevice device;
  GHashTable *models; /* id → struct model */
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
  const struct model_params params = { .findings = encoder->device.findings };
  if (model_open(encoder->device.device, folder, &params, &model, &failure) != COMPUTE_OK) {
    sac_error_set_from_compute(error, &failure);
    return NULL;
  }
  g_hash_table_insert(encoder->models, g_strdup(id), model);
  guint batch = MAX(1, model_get_info(model)->preferred_batch);
  g_mutex_lock(&encoder->lock);
  g_hash_table_insert(encoder->batches, g_strdup(id), GUINT_TO_POINTER(batch));
  g_mutex_unlock(&encoder->lock);
  return model;
}

static enum compute_status
embed_slice(struct model *model, struct request *request, struct compute_error *failure)
{
  const struct model_info *info = model_get_info(model);
  gsize n = MIN(request->n - request->done, MAX(1, info->preferred_batch));
  gsize n_pictures = n * info->clip_frames;
  g_autofree struct model_picture *pictures = g_new(struct model_picture, n_pictures);
  for (gsize i = 0; i < n_pictures; i++) {
    gsize index = request->done * info->clip_frames + i;
    const SacFrame *frame = request->frames[request->still ? index / info->clip_frames : index];
    g_assert(frame->format == SAC_FRAME_RGB24);
    pictures[i] = (struct model_picture){
      .rgb = frame->pixels, .width = frame->width, .height = frame->height, .stride = frame->stride
    };
  }
  enum compute_status status =
      model_embed_pictures(model, pictures, n, request->vectors + request->done * info->dimensions, failure);
  if (status == COMPUTE_OK) {
    request->done += n;
    request->reopened = FALSE;
  }
  return status;
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
    clip[i] = (struct model_picture){ .rgb = pixel, .width = 1, .height = 1, .stride = 3 };
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

/* The device is lost in the middle of a request: it, or the next one, takes up the work where it stopped. */
static gboolean
recover_device(SacEncoder *encoder, struct request *request)
{
  char *notice;
  g_hash_table_remove_all(encoder->models);
  if (!sac_device_recover(&encoder->device, request->reopened, &notice, &request->error))
    return FALSE;
  request->reopened = !request->reopened;
  note_device(encoder);
  g_mutex_lock(&encoder->lock);
  g_free(encoder->notice);
  encoder->notice = notice;
  g_mutex_unlock(&encoder->lock);
  return TRUE;
}

/* One step of a request; TRUE when nothing of it is left, well or badly. */
static gboolean
advance(SacEncoder *encoder, struct request *request)
{
  if (sac_cancelled(request->cancellable, &request->error))
    return TRUE;
  struct model *model = open_model(encoder, request->model, &request->error);
  if (model == NULL)
    return TRUE;

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
    status = embed_slice(model, request, &failure);
    break;
  case EMBED_QUERY:
    status = embed_query(model, request, &failure);
    break;
  case TUNE:
    status = tune(encoder, model, request, &failure);
    break;
  case WARM:
    status = warm_tower(model, request->pictures, &failure);
    break;
  case STOP:
    g_assert_not_reached();
  }
  if (status == COMPUTE_ERROR_DEVICE_LOST)
    return !recover_device(encoder, request);
  if (status != COMPUTE_OK) {
    sac_error_set_from_compute(&request->error, &failure);
    return TRUE;
  }
  return request->kind != EMBED_FRAMES || request->done == request->n;
}

static void
request_free(struct request *request)
{
  g_free(request->model);
  g_clear_error(&request->error);
  g_free(request);
}

static gpointer
encoder_thread(gpointer data)
{
  SacEncoder *encoder = data;
  g_mutex_lock(&encoder->lock);
  for (;;) {
    struct request *request = g_queue_pop_head(&encoder->interactive);
    GQueue *queue = &encoder->interactive;
    if (request == NULL) {
      request = g_queue_pop_head(&encoder->background);
      queue = &encoder->background;
    }
    if (request == NULL) {
      g_cond_wait(&encoder->work, &encoder->lock);
      continue;
    }
    if (request->kind == STOP)
      break;
    g_mutex_unlock(&encoder->lock);
    gboolean finished = advance(encoder, request);
    g_mutex_lock(&encoder->lock);
    if (!finished) {
      g_queue_push_head(queue, request);
    } else if (request->kind == WARM) {
      request_free(request);
    } else {
      request->finished = TRUE;
      g_cond_broadcast(&encoder->finished);
    }
  }
  g_mutex_unlock(&encoder->lock);
  g_hash_table_remove_all(encoder->models);
  sac_device_clear(&encoder->device);
  return NULL;
}

static void
push_locked(SacEncoder *encoder, GQueue *queue, struct request *request)
{
  if (encoder->thread == NULL)
    encoder->thread = g_thread_new("encoder", encoder_thread, encoder);
  g_queue_push_tail(queue, request);
  g_cond_signal(&encoder->work);
}

static gboolean
push_and_wait(SacEncoder *encoder, GQueue *queue, struct request *request, GError **error)
{
  g_mutex_lock(&encoder->lock);
  push_locked(encoder, queue, request);
  while (!request->finished)
    g_cond_wait(&encoder->finished, &encoder->lock);
  g_mutex_unlock(&encoder->lock);
  if (request->error == NULL)
    return TRUE;
  g_propagate_error(error, request->error);
  return FALSE;
}

gboolean
sac_encoder_embed_frames(SacEncoder *encoder, const char *model, SacFrame *const *frames, gsize n, float *vectors,
                         GCancellable *cancellable, GError **error)
{
  if (n == 0)
    return TRUE;
  struct request request = { .kind = EMBED_FRAMES,
                             .model = (char *)model,
                             .cancellable = cancellable,
                             .frames = frames,
                             .n = n,
                             .vectors = vectors };
  return push_and_wait(encoder, &encoder->background, &request, error);
}

gboolean
sac_encoder_embed_picture(SacEncoder *encoder, const char *model, SacFrame *frame, float *vector,
                          GCancellable *cancellable, GError **error)
{
  struct request request = { .kind = EMBED_FRAMES,
                             .model = (char *)model,
                             .cancellable = cancellable,
                             .frames = &frame,
                             .n = 1,
                             .still = TRUE,
                             .vectors = vector };
  return push_and_wait(encoder, &encoder->background, &request, error);
}

gboolean
sac_encoder_embed_query(SacEncoder *encoder, const char *model, const char *text, float **vector, gsize *dimensions,
                        SacCalibration *calibration, GCancellable *cancellable, GError **error)
{
  struct request request = { .kind = EMBED_QUERY, .model = (char *)model, .cancellable = cancellable, .text = text };
  if (!push_and_wait(encoder, &encoder->interactive, &request, error)) {
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
  return push_and_wait(encoder, &encoder->background, &request, error);
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
    g_mutex_lock(&encoder->lock);
    push_locked(encoder, &encoder->background, request);
    g_mutex_unlock(&encoder->lock);
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
  g_mutex_lock(&encoder->lock);
  info->preferred_batch = GPOINTER_TO_UINT(g_hash_table_lookup(encoder->batches, model));
  g_mutex_unlock(&encoder->lock);
  if (info->preferred_batch == 0)
    info->preferred_batch = DEFAULT_BATCH;
  return TRUE;
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
  g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND,
              "The model “%s” is not installed: “saccade models list” shows what there is and “saccade models get %s” "
              "downloads it or says what makes it",
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
  g_hash_table_unref(encoder->batches);
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
  encoder->batches = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}
