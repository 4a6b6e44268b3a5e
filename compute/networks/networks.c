/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/networks/networks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compute/networks/clip.h"
#include "compute/networks/picture-feed.h"
#include "compute/text/tokenizer.h"
#include "compute/weights/weights.h"

extern const struct network network_bert, network_clip, network_coca, network_siglip, network_siglip2_naflex,
    network_starter, network_xclip;

static const struct network *const networks[] = { &network_clip,   &network_coca,
                                                  &network_siglip, &network_siglip2_naflex,
                                                  &network_xclip,  &network_starter,
                                                  &network_bert };

/* Texts are padded to one of these lengths, so that a short query does not pay for a long one and few plans are made. */
static const unsigned text_lengths[] = { 16, 32, 77, 128, 256 };
#define MAX_TEXT_BATCH 8
#define MAX_PLANS 16
#define MAX_RUNS 2

/* What pictures take on their way to a plan, at most: each lane of picture-feed.h has twice its group. */
#define PICTURES_BYTES (256.0 * (1 << 20))

enum tower { TOWER_PICTURES, TOWER_TEXTS };

struct tower_plan {
  enum tower tower;
  unsigned batch, tokens;
  struct nn_plan *plan;
};

/* Pictures that were submitted: first the device has them, then outputs has what it made of them. */
struct picture_run {
  const struct tower_plan *plan;
  unsigned count;
  bool done;
  struct compute_error failure; /* of waiting for it */
  float *outputs;               /* [plan's batch, output_width] */
};

struct model {
  const struct network *network;
  struct network_settings settings;
  void *state;
  struct gpu_device *device;
  struct weights_file *file;
  struct nn_weights *weights;
  struct tokenizer *tokenizer;
  bool profile;
  struct tower_plan plans[MAX_PLANS];
  unsigned plan_count;
  struct picture_feed *feed;
  struct picture_run runs[MAX_RUNS]; /* the oldest first; only the last may be at work */
  unsigned run_count;
  const struct tower_plan *last_pictures;
  char folder[4096];
};

enum compute_status
network_read_activation(const struct config *config, enum nn_activation fallback, enum nn_activation *activation,
                        struct compute_error *error)
{
  static const struct {
    const char *name;
    enum nn_activation activation;
  } names[] = {
    { "gelu", NN_GELU },          { "quick_gelu", NN_QUICK_GELU },
    { "gelu_new", NN_GELU_TANH }, { "gelu_pytorch_tanh", NN_GELU_TANH },
    { "relu", NN_RELU },          { "silu", NN_SILU },
    { "swish", NN_SILU },
  };
  const char *name = config_string(config, "hidden_act");

  *activation = fallback;
  if (!name)
    return COMPUTE_OK;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(name, names[i].name) == 0) {
      *activation = names[i].activation;
      return COMPUTE_OK;
    }
  return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "hidden_act is “%.60s”, which this program does not know",
                      name);
}

void
network_normalize(float *vector, unsigned dimensions)
{
  double sum = 0;

  for (unsigned i = 0; i < dimensions; i++)
    sum += (double)vector[i] * vector[i];
  if (!(sum > 0))
    return;
  const float factor = (float)(1 / sqrt(sum));
  for (unsigned i = 0; i < dimensions; i++)
    vector[i] *= factor;
}

static enum compute_status
file_in(char path[4096], const char *folder, const char *name, struct compute_error *error)
{
  if (snprintf(path, 4096, "%s/%s", folder, name) >= 4096)
    return compute_fail(error, COMPUTE_ERROR_IO, "%.200s…: the path is too long", folder);
  return COMPUTE_OK;
}

enum compute_status
network_about(const char *folder, const char *file, enum compute_status status, struct compute_error *error)
{
  char message[sizeof error->message];

  if (!status || !error || strstr(error->message, folder))
    return status;
  memcpy(message, error->message, sizeof message);
  snprintf(error->message, sizeof error->message, "%.200s%s%s: %.260s", folder, file ? "/" : "", file ? file : "",
           message);
  return status;
}

static const struct network *
find_network(const struct config *config)
{
  const char *type = config_string(config, "model_type");

  if (open_clip_is_config(config))
    return open_clip_is_coca(config) ? &network_coca : &network_clip;
  for (size_t i = 0; type && i < sizeof networks / sizeof networks[0]; i++)
    if (networks[i]->model_type && strcmp(networks[i]->model_type, type) == 0)
      return networks[i];
  return NULL;
}

static enum compute_status
read_settings(const char *folder, const struct model_files *files, const struct network **network,
              struct network_settings *settings, struct compute_error *error)
{
  char path[4096];
  struct config *config = NULL;
  enum compute_status status;

  *settings = (struct network_settings){ .end_token = -1, .pad_token = -1, .info.clip_frames = 1 };
  if ((status = file_in(path, folder, files->config, error)) || (status = config_open(path, &config, error)))
    return status;
  *network = find_network(config);
  if (!*network) {
    const char *type = config_string(config, "model_type");

    status = compute_fail(
        error, COMPUTE_ERROR_UNSUPPORTED,
        "%s: model_type is “%.60s”; this program knows clip, siglip, xclip, bert and saccade-starter, and OpenCLIP's clip "
        "and coca",
        path, type ? type : "missing");
  } else {
    status = network_about(folder, files->config, (*network)->read_settings(config, folder, settings, error), error);
  }
  config_close(&config);
  if (status) {
    free(settings->own);
    settings->own = NULL;
    return status;
  }
  const size_t length = strlen(folder);
  size_t end = length;
  while (end > 1 && folder[end - 1] == '/')
    end--;
  size_t start = end;
  while (start > 0 && folder[start - 1] != '/')
    start--;
  snprintf(settings->info.id, sizeof settings->info.id, "%.*s", (int)(end - start), folder + start);
  snprintf(settings->info.network, sizeof settings->info.network, "%s", (*network)->name);
  return COMPUTE_OK;
}

enum compute_status
model_read_info(const char *folder, struct model_info *info, struct compute_error *error)
{
  const struct model_files files = model_find_files(folder);
  const struct network *network;
  struct network_settings settings;
  enum compute_status status = read_settings(folder, &files, &network, &settings, error);

  if (status)
    return status;
  *info = settings.info;
  free(settings.own);
  return COMPUTE_OK;
}

static const char *const precision_names[] = {
  [MODEL_PRECISION_DEFAULT] = "default",
  [MODEL_PRECISION_FP32] = "fp32",
  [MODEL_PRECISION_FP16] = "fp16",
  [MODEL_PRECISION_INT8] = "int8",
};

const char *
model_precision_name(enum model_precision precision)
{
  return precision_names[precision];
}

bool
model_precision_parse(const char *name, enum model_precision *precision)
{
  for (size_t i = 0; i < sizeof precision_names / sizeof precision_names[0]; i++)
    if (strcmp(precision_names[i], name) == 0) {
      *precision = (enum model_precision)i;
      return true;
    }
  return false;
}

/* A processor computes halves no faster than floats, and has the memory. */
static enum model_precision
default_precision(const struct gpu_device *device)
{
  const struct gpu_capabilities *capabilities = gpu_device_capabilities(device);

  return capabilities->type != GPU_DEVICE_CPU && capabilities->storage_16bit ? MODEL_PRECISION_FP16
                                                                             : MODEL_PRECISION_FP32;
}

uint64_t
model_weight_bytes(const struct model *model)
{
  return nn_weights_bytes(model->weights);
}

/* The tower's graph. */
static void
build(struct model *model, struct nn_graph *graph, const struct tower_plan *key)
{
  const struct network_settings *settings = &model->settings;
  nn_tensor result;

  if (key->tower == TOWER_PICTURES) {
    const int64_t side = settings->preprocessing.crop;
    const int64_t looks = (int64_t)key->batch * settings->info.clip_frames * settings->info.crops;
    nn_tensor pixels = nn_input(graph, "pixels", NN_F32, 4, (int64_t[]){ looks, side, side, 3 });

    result = model->network->build_pictures(graph, settings, pixels);
  } else {
    const int64_t batch = key->batch;
    const struct text_inputs inputs = {
      .ids = nn_input(graph, "ids", NN_I32, 2, (int64_t[]){ batch, key->tokens }),
      .lengths = nn_input(graph, "lengths", NN_I32, 1, &batch),
      .end = nn_input(graph, "end", NN_I32, 1, &batch),
      .batch = batch,
      .tokens = key->tokens,
    };

    result = model->network->build_texts(graph, settings, &inputs);
  }
  nn_output(graph, result, "vector");
}

static double
weights_bytes(const struct weights_file *file)
{
  double bytes = 0;

  for (uint64_t i = 0; i < weights_count(file); i++) {
    const struct weights_tensor *tensor = weights_at(file, i);

    bytes += (double)tensor->bytes * (tensor->type == WEIGHTS_F32 ? 1 : 2);
  }
  return bytes;
}

/* What a plan of a batch takes of the device's memory, with the weights and what the pictures need on their way; 0 where it cannot be told:
   making the plan will say why. */
static double
batch_bytes(struct model *model, unsigned batch)
{
  const struct tower_plan key = { .tower = TOWER_PICTURES, .batch = batch };
  struct nn_graph *graph = nn_graph_create(model->weights);
  uint64_t arena = 0;

  build(model, graph, &key);
  nn_graph_arena_bytes(graph, &arena, NULL);
  nn_graph_destroy(&graph);
  return arena > 0 ? (double)arena + (double)weights_bytes(model->file) + PICTURES_BYTES : 0;
}

/* A processor gains little from more than a handful of pictures at once, and a query waits for one run at most. Elsewhere a batch is as large
   as keeps the device busy, and fits its free memory with room to spare: other programs use it too. */
static unsigned
choose_batch(struct model *model)
{
  const unsigned crops = model->settings.info.crops, clip_frames = model->settings.info.clip_frames;
  const unsigned pictures = gpu_device_capabilities(model->device)->type == GPU_DEVICE_CPU ? 8 : 32;
  const double room = 0.8 * (double)gpu_device_free_memory(model->device);
  unsigned batch = clip_frames > 1 ? pictures / clip_frames : crops > 1 ? pictures / 2 : pictures;

  while (batch > 1 && batch_bytes(model, batch) > room)
    batch /= 2;
  return batch > 0 ? batch : 1;
}

enum compute_status
model_open(struct gpu_device *device, const char *folder, const struct model_params *params, struct model **out,
           struct compute_error *error)
{
  static const enum nn_type storage[] = {
    [MODEL_PRECISION_FP32] = NN_F32, [MODEL_PRECISION_FP16] = NN_F16, [MODEL_PRECISION_INT8] = NN_I8
  };
  const enum model_precision precision =
      params && params->precision != MODEL_PRECISION_DEFAULT ? params->precision : default_precision(device);
  const struct model_files files = model_find_files(folder);
  struct model *model = calloc(1, sizeof *model);
  const struct nn_weights_params weights = { .storage = storage[precision],
                                             .findings = params ? params->findings : NULL };
  char path[4096];
  enum compute_status status;

  *out = NULL;
  if (!model)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "%s: not enough memory", folder);
  model->device = device;
  model->profile = params && params->profile;
  if ((status = file_in(model->folder, folder, "", error)) ||
      (status = read_settings(folder, &files, &model->network, &model->settings, error)) ||
      (status = file_in(path, folder, files.weights, error)) || (status = weights_open(path, &model->file, error)) ||
      (status = nn_weights_create(device, model->file, &weights, &model->weights, error)) ||
      (model->settings.info.embeds_texts && (status = tokenizer_open(folder, &model->tokenizer, error))) ||
      (model->network->open && (status = model->network->open(&model->settings, model->file, &model->state, error))) ||
      (model->settings.info.embeds_pictures &&
       (status = picture_feed_create(device, &model->settings.preprocessing, model->settings.info.crops,
                                     params ? params->preparation : MODEL_PREPARE_BEST, &model->feed, error)))) {
    status = network_about(folder, NULL, status, error);
    model_close(&model);
    return status;
  }
  if (params && params->batch)
    model->settings.info.preferred_batch = params->batch;
  else
    model->settings.info.preferred_batch = model->settings.info.embeds_pictures ? choose_batch(model) : MAX_TEXT_BATCH;
  model->settings.info.precision = precision;
  model->settings.info.takes_planes = model->feed && picture_feed_is_on_device(model->feed);
  *out = model;
  return COMPUTE_OK;
}

void
model_close(struct model **pointer)
{
  struct model *model = *pointer;

  if (!model)
    return;
  picture_feed_destroy(&model->feed);
  for (unsigned i = 0; i < model->plan_count; i++)
    nn_plan_destroy(&model->plans[i].plan);
  for (unsigned i = 0; i < MAX_RUNS; i++)
    free(model->runs[i].outputs);
  nn_weights_destroy(&model->weights);
  weights_close(&model->file);
  tokenizer_close(&model->tokenizer);
  free(model->settings.own);
  free(model->state);
  free(model);
  *pointer = NULL;
}

const struct model_info *
model_get_info(const struct model *model)
{
  return &model->settings.info;
}

/* A run that is not full reads what was there before: numbers, whatever they are. */
static enum compute_status
clear_pixels(struct model *model, const struct tower_plan *plan, struct compute_error *error)
{
  const size_t side = model->settings.preprocessing.crop;
  const size_t looks = (size_t)plan->batch * model->settings.info.clip_frames * model->settings.info.crops;
  const size_t values = looks * side * side * 3;
  float *zeros = calloc(values, sizeof *zeros);
  enum compute_status status =
      zeros ? nn_plan_write(plan->plan, "pixels", zeros, values * sizeof *zeros, error)
            : compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory for %u pictures", plan->batch);

  free(zeros);
  return status;
}

/* The plan of a tower for a batch (and a number of tokens), made when it is first asked for. */
static enum compute_status
get_plan(struct model *model, enum tower tower, unsigned batch, unsigned tokens, const struct tower_plan **out,
         struct compute_error *error)
{
  struct tower_plan key = { .tower = tower, .batch = batch, .tokens = tokens };

  for (unsigned i = 0; i < model->plan_count; i++) {
    const struct tower_plan *plan = &model->plans[i];

    if (plan->tower == tower && plan->batch == batch && plan->tokens == tokens) {
      *out = plan;
      return COMPUTE_OK;
    }
  }
  struct nn_graph *graph = nn_graph_create(model->weights);
  build(model, graph, &key);
  struct nn_plan_params params = { .profile = model->profile };
  enum compute_status status = nn_plan_create(graph, &params, &key.plan, error);
  /* Where not even the smallest run has room, the weights take turns. Texts are few: they are not worth a smaller run. */
  if (status == COMPUTE_ERROR_OUT_OF_MEMORY && (batch == 1 || tower == TOWER_TEXTS)) {
    params.weights_by_turns = true;
    status = nn_plan_create(graph, &params, &key.plan, error);
  }
  nn_graph_destroy(&graph);
  if (!status && tower == TOWER_PICTURES && (status = clear_pixels(model, &key, error)))
    nn_plan_destroy(&key.plan);
  if (status)
    return network_about(model->folder, NULL, status, error);
  model->plans[model->plan_count] = key;
  *out = &model->plans[model->plan_count++];
  return COMPUTE_OK;
}

static unsigned
output_width(const struct model *model)
{
  return model->settings.output_width ? model->settings.output_width : model->settings.info.dimensions;
}

/* Waits for a run and takes what it made, so that its plan may run again. */
static void
finish_run(struct model *model, struct picture_run *run)
{
  const size_t values = (size_t)run->plan->batch * output_width(model);
  enum compute_status status;

  if (run->done)
    return;
  run->done = true;
  if (!(run->outputs = malloc(values * sizeof *run->outputs)))
    compute_fail(&run->failure, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory for %u vectors", run->count);
  else if (!(status = nn_plan_wait(run->plan->plan, &run->failure)))
    nn_plan_read(run->plan->plan, "vector", run->outputs, values, &run->failure);
}

unsigned
model_runs(const struct model *model)
{
  return model->run_count;
}

/* Frees the picture plans of more than `most` pictures. Runs are finished first: they need theirs. */
static void
free_plans(struct model *model, unsigned most)
{
  unsigned kept = 0;

  for (unsigned i = 0; i < model->run_count; i++)
    finish_run(model, &model->runs[i]);
  picture_feed_forget(model->feed);
  for (unsigned i = 0; i < model->plan_count; i++) {
    struct tower_plan *plan = &model->plans[i];

    if (plan->tower == TOWER_PICTURES && plan->batch > most)
      nn_plan_destroy(&plan->plan);
    else
      model->plans[kept++] = *plan;
  }
  model->plan_count = kept;
  model->last_pictures = NULL;
}

/* Prepares and submits as many of the pictures as go together. */
static enum compute_status
start_run(struct model *model, const struct model_picture *pictures, size_t count, struct picture_run *run,
          struct compute_error *error)
{
  const unsigned batch = model->settings.info.preferred_batch;
  /* A run that is less than half full is made one by one. */
  const unsigned size = count * 2 > batch ? batch : 1;
  enum compute_status status;

  *run = (struct picture_run){ .count = count < size ? (unsigned)count : size };
  if ((status = get_plan(model, TOWER_PICTURES, size, 0, &run->plan, error)) ||
      (status = picture_feed_write(model->feed, run->plan->plan, pictures,
                                   run->count * model->settings.info.clip_frames, error)))
    return status;
  for (unsigned i = 0; i < model->run_count; i++)
    finish_run(model, &model->runs[i]);
  return nn_plan_submit(run->plan->plan, error);
}

enum compute_status
model_submit_pictures(struct model *model, const struct model_picture *pictures, size_t count, size_t *taken,
                      struct compute_error *error)
{
  struct model_info *info = &model->settings.info;
  struct picture_run run;
  enum compute_status status;

  *taken = 0;
  if (!info->embeds_pictures)
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "the model %s embeds no pictures", info->id);
  if (count == 0)
    return COMPUTE_OK;
  if (model->run_count == MAX_RUNS)
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "%d runs of %s are in flight", MAX_RUNS, info->id);
  while ((status = start_run(model, pictures, count, &run, error))) {
    if (status != COMPUTE_ERROR_OUT_OF_MEMORY && status != COMPUTE_ERROR_LIMIT)
      return status;
    if (info->preferred_batch == 1)
      return status;
    info->preferred_batch /= 2;
    free_plans(model, info->preferred_batch);
  }
  model->runs[model->run_count++] = run;
  model->last_pictures = run.plan;
  *taken = run.count;
  return COMPUTE_OK;
}

enum compute_status
model_collect_pictures(struct model *model, float *vectors, struct compute_error *error)
{
  const struct network_settings *settings = &model->settings;
  const unsigned width = output_width(model), dimensions = settings->info.dimensions;
  struct picture_run *run = &model->runs[0];

  if (model->run_count == 0)
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "no run of %s is in flight", settings->info.id);
  finish_run(model, run);
  const enum compute_status status = run->failure.status;
  if (status && error)
    *error = run->failure;
  for (unsigned i = 0; !status && i < run->count; i++) {
    float *vector = vectors + (size_t)i * dimensions;

    if (model->network->finish_picture)
      model->network->finish_picture(settings, model->state, run->outputs + (size_t)i * width, vector);
    else
      memcpy(vector, run->outputs + (size_t)i * width, dimensions * sizeof *vector);
  }
  free(run->outputs);
  model->runs[0] = model->runs[1];
  model->runs[1] = (struct picture_run){ 0 };
  model->run_count--;
  return status;
}

enum compute_status
model_embed_pictures(struct model *model, const struct model_picture *pictures, size_t count, float *vectors,
                     struct compute_error *error)
{
  const unsigned dimensions = model->settings.info.dimensions;
  size_t earlier = 0, taken;
  enum compute_status status = COMPUTE_OK;

  while (count > 0 && !(status = model_submit_pictures(model, pictures, count, &taken, error))) {
    if (earlier > 0) {
      if ((status = model_collect_pictures(model, vectors, error)))
        break;
      vectors += earlier * dimensions;
    }
    earlier = taken;
    pictures += taken * model->settings.info.clip_frames;
    count -= taken;
  }
  if (!status)
    return earlier > 0 ? model_collect_pictures(model, vectors, error) : COMPUTE_OK;
  /* What is in flight is for nobody. */
  while (model->run_count > 0)
    model_collect_pictures(model, vectors, NULL);
  return status;
}

static int32_t
end_of_text(const struct network_settings *settings, const int32_t *ids, size_t count)
{
  int32_t end = (int32_t)count - 1;

  for (size_t i = count; i-- > 0;)
    if (settings->end_is_largest ? ids[i] >= ids[end] : ids[i] == settings->end_token)
      end = (int32_t)i;
  return end;
}

/* Pads a row of ids to max_tokens: at its end, unless the network sees all of a row and the tokenizer says the front. */
static void
fill_up(const struct model *model, int32_t *row, size_t length)
{
  const struct network_settings *settings = &model->settings;
  const size_t padding = settings->info.max_tokens - length;
  const bool tokenizers = settings->pad_token < 0;
  const bool front = tokenizers && settings->full_texts && tokenizer_pads_front(model->tokenizer);

  if (front)
    memmove(row + padding, row, length * sizeof *row);
  for (size_t i = 0; i < padding; i++)
    row[front ? i : length + i] = tokenizers ? tokenizer_pad_id(model->tokenizer) : settings->pad_token;
}

static enum compute_status
run_texts(struct model *model, const char *const *texts, unsigned count, float *vectors, struct compute_error *error)
{
  const struct network_settings *settings = &model->settings;
  const unsigned max_tokens = settings->info.max_tokens;
  const unsigned batch = count > 1 ? MAX_TEXT_BATCH : 1;
  int32_t lengths[MAX_TEXT_BATCH] = { 0 }, ends[MAX_TEXT_BATCH] = { 0 };
  unsigned tokens = 0;
  enum compute_status status = COMPUTE_OK;
  int32_t *ids = calloc((size_t)batch * max_tokens, sizeof *ids);
  float *outputs = malloc((size_t)batch * settings->info.dimensions * sizeof *outputs);

  if (!ids || !outputs)
    status = compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory for %u texts", batch);
  for (unsigned i = 0; !status && i < batch; i++) {
    int32_t *row = ids + (size_t)i * max_tokens;
    size_t length = 0;

    /* A batch that is not full is filled up with its first text. */
    const char *text = texts[i < count ? i : 0];
    if ((status = tokenizer_encode(model->tokenizer, text, strlen(text), max_tokens, row, &length, error)))
      break;
    fill_up(model, row, length);
    lengths[i] = (int32_t)(length + settings->seen_padding);
    ends[i] = end_of_text(settings, row, length);
    tokens = lengths[i] > (int32_t)tokens ? (unsigned)lengths[i] : tokens;
  }
  unsigned padded = max_tokens;
  for (size_t i = sizeof text_lengths / sizeof text_lengths[0]; i-- > 0;)
    if (!settings->full_texts && text_lengths[i] >= tokens && text_lengths[i] < padded)
      padded = text_lengths[i];
  /* Rows were laid out for max_tokens; the plan reads `padded` a row. */
  for (unsigned i = 1; !status && i < batch; i++)
    memmove(ids + (size_t)i * padded, ids + (size_t)i * max_tokens, padded * sizeof *ids);

  const struct tower_plan *plan = NULL;
  if (!status && !(status = get_plan(model, TOWER_TEXTS, batch, padded, &plan, error)) &&
      !(status = nn_plan_write(plan->plan, "ids", ids, (size_t)batch * padded * sizeof *ids, error))) {
    /* A network reads the places of its tokens' ends by one of these; the other is no part of its plan. */
    if (nn_plan_shape(plan->plan, "lengths").rank)
      status = nn_plan_write(plan->plan, "lengths", lengths, batch * sizeof *lengths, error);
    if (!status && nn_plan_shape(plan->plan, "end").rank)
      status = nn_plan_write(plan->plan, "end", ends, batch * sizeof *ends, error);
  }
  if (!status && !(status = nn_plan_run(plan->plan, error)))
    status = nn_plan_read(plan->plan, "vector", outputs, (size_t)batch * settings->info.dimensions, error);
  if (!status)
    memcpy(vectors, outputs, (size_t)count * settings->info.dimensions * sizeof *vectors);
  free(ids);
  free(outputs);
  return status;
}

enum compute_status
model_embed_texts(struct model *model, const char *const *texts, size_t count, float *vectors,
                  struct compute_error *error)
{
  if (!model->settings.info.embeds_texts)
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "the model %s embeds no texts", model->settings.info.id);
  while (count > 0) {
    const unsigned now = count < MAX_TEXT_BATCH ? (unsigned)count : MAX_TEXT_BATCH;
    enum compute_status status = run_texts(model, texts, now, vectors, error);

    if (status)
      return status;
    texts += now;
    vectors += (size_t)now * model->settings.info.dimensions;
    count -= now;
  }
  return COMPUTE_OK;
}

enum compute_status
model_embed_query(struct model *model, const char *text, float *vector, struct model_calibration *calibration,
                  struct compute_error *error)
{
  enum compute_status status = model_embed_texts(model, &text, 1, vector, error);

  if (status)
    return status;
  if (model->network->finish_query)
    model->network->finish_query(&model->settings, model->state, vector);
  *calibration = (struct model_calibration){ .floor = 0, .ceiling = 1 };
  if (model->network->calibrate)
    model->network->calibrate(&model->settings, model->state, vector, calibration);
  return COMPUTE_OK;
}

static double
seconds_now(void)
{
  struct timespec time;

  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

enum compute_status
model_tune(struct model *model, struct nn_findings *findings, const struct nn_tune_params *params,
           struct compute_error *error)
{
  const unsigned batches[] = { model->settings.info.preferred_batch, 1 };
  const size_t known = nn_findings_classes(findings);
  struct nn_tune_params rest = params ? *params : (struct nn_tune_params){ 0 };
  enum compute_status status = COMPUTE_OK;

  rest.seconds = rest.seconds > 0 ? rest.seconds : NN_TUNE_SECONDS;
  const double end = seconds_now() + rest.seconds;
  for (int i = 0; !status && model->settings.info.embeds_pictures && i < 2 && rest.seconds > 0; i++) {
    const struct tower_plan key = { .tower = TOWER_PICTURES, .batch = batches[i] };
    struct nn_graph *graph = nn_graph_create(model->weights);

    build(model, graph, &key);
    status = network_about(model->folder, NULL, nn_tune(graph, findings, &rest, error), error);
    nn_graph_destroy(&graph);
    rest.seconds = end - seconds_now();
  }
  if (nn_findings_classes(findings) != known)
    free_plans(model, 0);
  return status;
}

size_t
model_profile(struct model *model, const struct nn_op_time **times, unsigned *pictures)
{
  if (!model->last_pictures) {
    *pictures = 0;
    return 0;
  }
  *pictures = model->last_pictures->batch;
  return nn_plan_profile(model->last_pictures->plan, times);
}
