/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>
#include <unistd.h>

#include "compute/weights/weights.h"
#include "tests/compute/clamps.h"
#include "tests/compute/networks/networks-test.h"

/*
 * Every network against the reference implementation: each folder of parity/ is opened, its inputs are embedded one by one and
 * together, and each vector must be the expected one. See make-parity.py.
 */

#define MAX_INPUTS 32

/* $TESTING_PRECISION, else fp32, and how near the vectors are then. */
static enum model_precision precision = MODEL_PRECISION_FP32;
static const struct {
  double least_cosine;
  float calibration; /* how far floor and ceiling may be off */
} limits[] = {
  [MODEL_PRECISION_FP32] = { 0.9999, 1e-3f },
  [MODEL_PRECISION_FP16] = { 0.999, 3e-3f },
  [MODEL_PRECISION_INT8] = { 0.99, 3e-2f },
};

static struct gpu_instance *instance;
static struct gpu_device *device;
static double least;    /* cosine of the model in work */
static bool may_refuse; /* a batch of texts may be larger than the device can bind */

static void
check_vectors(const char *model, const char *what, const float *vectors, const float *expected, size_t count,
              unsigned dimensions)
{
  for (size_t i = 0; i < count; i++) {
    const float *vector = vectors + i * dimensions, *want = expected + i * dimensions;
    double length = 0;

    for (unsigned d = 0; d < dimensions; d++)
      length += (double)vector[d] * vector[d];
    const double got = cosine(vector, want, dimensions);
    least = got < least ? got : least;
    check(got >= limits[precision].least_cosine, "%s: %s %zu has a cosine of %.6f with the reference", model, what, i,
          got);
    check(fabs(length - 1) < 1e-4, "%s: %s %zu has the length %.6f", model, what, i, sqrt(length));
  }
}

static float *
read_expected(const struct weights_file *file, const char *name, size_t values)
{
  const struct weights_tensor *tensor = weights_find(file, name);
  float *out = calloc(values ? values : 1, sizeof *out);

  if (!check(tensor && tensor->elements == values, "expected.safetensors: %s does not have %zu values", name, values))
    return out;
  weights_read_f32(tensor, 0, values, out);
  return out;
}

/* A copy whose rows are further apart than their pixels; its pixels are to be freed. */
static struct model_picture
with_rows_apart(const struct model_picture *picture)
{
  const size_t stride = picture->stride + 5;
  uint8_t *rows = malloc(stride * picture->height);

  for (uint32_t y = 0; y < picture->height; y++)
    memcpy(rows + y * stride, picture->pixels + y * picture->stride, picture->stride);
  return (struct model_picture){ rows, picture->width, picture->height, stride };
}

static void
check_pictures(struct model *model, const char *name, const struct weights_file *file)
{
  const struct model_info *info = model_get_info(model);
  struct model_picture pictures[MAX_INPUTS];
  const struct weights_tensor *tensor;
  struct compute_error error = { 0 };
  char key[32];
  size_t count = 0;

  while (count < MAX_INPUTS && snprintf(key, sizeof key, "picture.%zu", count) && (tensor = weights_find(file, key))) {
    pictures[count++] = (struct model_picture){ .pixels = tensor->data,
                                                .width = (uint32_t)tensor->dims[1],
                                                .height = (uint32_t)tensor->dims[0],
                                                .stride = tensor->dims[1] * 3 };
  }
  check(info->embeds_pictures == (count > 0), "%s: embeds_pictures is wrong", name);
  check(info->clip_frames > 0 && count % info->clip_frames == 0, "%s: %zu pictures are not clips of %u", name, count,
        info->clip_frames);
  count /= info->clip_frames;
  float *vectors = calloc((count ? count : 1) * info->dimensions, sizeof *vectors);
  if (count == 0) {
    const uint8_t pixel[3] = { 0 };
    const struct model_picture picture = { .pixels = pixel, .width = 1, .height = 1, .stride = 3 };

    check(model_embed_pictures(model, &picture, 1, vectors, &error) == COMPUTE_ERROR_UNSUPPORTED,
          "%s: a text encoder embedded a picture", name);
  } else {
    float *expected = read_expected(file, "pictures", count * info->dimensions);

    if (check(!model_embed_pictures(model, pictures, count, vectors, &error), "%s", error.message))
      check_vectors(name, "picture", vectors, expected, count, info->dimensions);
    for (size_t i = 0; i < count; i++) {
      struct model_picture apart[MAX_INPUTS];

      for (unsigned frame = 0; frame < info->clip_frames; frame++)
        apart[frame] = with_rows_apart(&pictures[i * info->clip_frames + frame]);
      if (check(!model_embed_pictures(model, apart, 1, vectors, &error), "%s", error.message))
        check_vectors(name, "lone picture", vectors, expected + i * info->dimensions, 1, info->dimensions);
      for (unsigned frame = 0; frame < info->clip_frames; frame++)
        free((void *)(uintptr_t)apart[frame].pixels);
    }
    free(expected);
  }
  free(vectors);
}

static void
check_texts(struct model *model, const char *name, const struct weights_file *file)
{
  const unsigned dimensions = model_get_info(model)->dimensions;
  char *texts[MAX_INPUTS];
  const struct weights_tensor *tensor;
  struct compute_error error = { 0 };
  char key[32];
  size_t count = 0;

  while (count < MAX_INPUTS && snprintf(key, sizeof key, "text.%zu", count) && (tensor = weights_find(file, key))) {
    texts[count] = calloc(1, tensor->bytes + 1);
    memcpy(texts[count++], tensor->data, tensor->bytes);
  }
  check(count >= 8, "%s: only %zu texts", name, count);
  float *vectors = calloc(count * dimensions, sizeof *vectors);
  float *expected = read_expected(file, "texts", count * dimensions);
  const enum compute_status status = model_embed_texts(model, (const char *const *)texts, count, vectors, &error);
  if (check(!status || (may_refuse && status == COMPUTE_ERROR_LIMIT), "%s", error.message) && !status)
    check_vectors(name, "text", vectors, expected, count, dimensions);
  for (size_t i = 0; i < count; i++)
    if (check(!model_embed_texts(model, (const char *const *)&texts[i], 1, vectors, &error), "%s", error.message))
      check_vectors(name, "lone text", vectors, expected + i * dimensions, 1, dimensions);
  free(expected);

  expected = read_expected(file, "queries", count * dimensions);
  float *calibrations = weights_find(file, "calibration") ? read_expected(file, "calibration", count * 2) : NULL;
  for (size_t i = 0; i < count; i++) {
    struct model_calibration calibration;

    if (!check(!model_embed_query(model, texts[i], vectors, &calibration, &error), "%s", error.message))
      continue;
    check_vectors(name, "query", vectors, expected + i * dimensions, 1, dimensions);
    check(calibration.floor < calibration.ceiling, "%s: query %zu has no room between floor and ceiling", name, i);
    if (calibrations)
      check(fabsf(calibration.floor - calibrations[2 * i]) < limits[precision].calibration &&
                fabsf(calibration.ceiling - calibrations[2 * i + 1]) < limits[precision].calibration,
            "%s: query %zu is calibrated to %.4f … %.4f", name, i, (double)calibration.floor,
            (double)calibration.ceiling);
  }
  free(expected);
  free(calibrations);
  free(vectors);
  for (size_t i = 0; i < count; i++)
    free(texts[i]);
}

static void
check_model(const char *root, const char *name, const char *network)
{
  struct weights_file *file = NULL;
  struct model *model = NULL;
  struct model_info info;
  struct compute_error error = { 0 };
  char folder[4096], path[4200];

  snprintf(folder, sizeof folder, "%s/%s", root, name);
  snprintf(path, sizeof path, "%s/expected.safetensors", folder);
  if (!check(!weights_open(path, &file, &error), "%s", error.message))
    return;
  /* Two a run: an odd count of pictures or clips ends in a run of one, and there are full and part-full runs. */
  if (check(!model_read_info(folder, &info, &error), "%s", error.message) &&
      check(!model_open(device, folder, &(struct model_params){ .batch = 2, .profile = true, .precision = precision },
                        &model, &error),
            "%s", error.message)) {
    const struct nn_op_time *times;
    unsigned pictures;

    check(strcmp(info.id, name) == 0, "%s: its id is %s", name, info.id);
    check(strcmp(info.network, network) == 0, "%s: its network is %s", name, info.network);
    check(info.preferred_batch == 0 && model_get_info(model)->preferred_batch == 2, "%s: preferred_batch is wrong",
          name);
    check(info.dimensions == model_get_info(model)->dimensions, "%s: dimensions differ once it is open", name);
    check(model_get_info(model)->precision == precision, "%s: it was opened in another precision", name);
    least = 1;
    check_pictures(model, name, file);
    check_texts(model, name, file);
    printf("%s: all cosines are at least 1 - %.1e\n", name, 1 - least);
    const size_t operations = model_profile(model, &times, &pictures);
    check(info.embeds_pictures == (operations > 0), "%s: its profile has %zu operations", name, operations);
    for (size_t i = 0; i < operations; i++)
      check(times[i].op && times[i].kernel && times[i].seconds >= 0, "%s: operation %zu has no times", name, i);
    model_close(&model);
  }
  weights_close(&file);
}

/* OpenCLIP's tensors under a config.json of transformers': what they are called is a matter of the weights alone. */
static void
check_mixed(const char *root)
{
  static const char config[] =
      "{\"model_type\": \"clip\", \"projection_dim\": 32, \"vision_config\": {\"hidden_size\": 32, "
      "\"intermediate_size\": 128, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"image_size\": 24, "
      "\"patch_size\": 8, \"layer_norm_eps\": 1e-4}, \"text_config\": {\"vocab_size\": 530, \"hidden_size\": 32, "
      "\"intermediate_size\": 80, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"max_position_embeddings\": 21, "
      "\"eos_token_id\": 2}}";
  static const char *const linked[] = { "model.safetensors", "vocab.json", "merges.txt", "expected.safetensors" };
  static const char *const written[][2] = { { "config.json", config },
                                            { "preprocessor_config.json", "{\"resample\": 2}" } };
  char scratch[] = "/tmp/saccade-parity-XXXXXX", folder[64], path[256], from[4096], absolute[4096];

  if (!check(mkdtemp(scratch) && realpath(root, absolute), "no temporary folder"))
    return;
  snprintf(folder, sizeof folder, "%s/mixed", scratch);
  mkdir(folder, 0700);
  for (size_t i = 0; i < 4; i++) {
    snprintf(from, sizeof from, "%.4000s/open-clip-custom/%s", absolute, linked[i]);
    snprintf(path, sizeof path, "%s/%s", folder, linked[i]);
    check(symlink(from, path) == 0, "%s cannot be made", path);
  }
  for (size_t i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, written[i][0]);
    FILE *file = fopen(path, "w");
    check(file && fputs(written[i][1], file) >= 0 && fclose(file) == 0, "%s cannot be written", path);
  }
  check_model(scratch, "mixed", "clip");
  for (size_t i = 0; i < 6; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, i < 4 ? linked[i] : written[i - 4][0]);
    unlink(path);
  }
  rmdir(folder);
  rmdir(scratch);
}

static void
close_device(void)
{
  gpu_device_close(&device);
  check(gpu_instance_validation_messages(instance) == 0, "the validation layer has spoken");
  gpu_instance_destroy(&instance);
}

static const char *const models[][2] = {
  { "clip-quick-gelu", "clip" },
  { "clip-gelu-half", "clip" },
  { "clip-resized-bfloat", "clip" },
  { "bert", "bert" },
  { "starter", "saccade-starter" },
  { "siglip", "siglip" },
  { "open-clip", "clip" },
  { "open-clip-custom", "clip" },
  { "coca", "coca" },
  { "coca-square", "coca" },
  { "xclip", "xclip" },
  { "siglip2-left", "siglip" },
};

/* A transformer for pictures and texts, and a convolutional network, on every lesser device of clamps.h. */
static void
check_clamped(const char *root)
{
  for (size_t i = 0; i < CLAMP_COUNT; i++) {
    struct gpu_capabilities clamp;

    printf("%s:\n", clamps[i].name);
    device = open_device(&instance, NULL);
    clamp = *gpu_device_capabilities(device);
    close_device();
    clamps[i].lower(&clamp);
    device = open_device(&instance, &clamp);
    may_refuse = clamps[i].refuses;
    check_model(root, models[0][0], models[0][1]);
    if (!may_refuse) /* its smallest pictures are larger than that */
      check_model(root, "starter", "saccade-starter");
    close_device();
  }
}

/* A device with less and less memory: first all weights stay there, then they take turns, and the vectors are the same; in the end there
   is an error that says so. */
static void
check_shortage(const char *root, const char *name)
{
  struct weights_file *file = NULL;
  char folder[4096], path[4200];
  uint64_t whole = 0;
  unsigned done = 0, refused = 0;

  snprintf(folder, sizeof folder, "%s/%s", root, name);
  snprintf(path, sizeof path, "%s/expected.safetensors", folder);
  if (!gpu_device_capabilities(device)->unified_memory || /* else there is memory for copies too */
      !check(!weights_open(path, &file, NULL), "%s cannot be opened", path))
    return;
  const struct weights_tensor *tensor = weights_find(file, "picture.0");
  const struct model_picture picture = { tensor->data, (uint32_t)tensor->dims[1], (uint32_t)tensor->dims[0],
                                         tensor->dims[1] * 3 };

  for (unsigned tenths = 11; tenths-- > 0;) {
    struct compute_error error = { 0 };
    struct model *model = NULL;

    gpu_device_inject_shortage(device, whole > 0 ? whole * tenths / 10 : UINT64_MAX);
    if (!check(
            !model_open(device, folder, &(struct model_params){ .batch = 1, .precision = precision }, &model, &error),
            "%s", error.message))
      break;
    const unsigned dimensions = model_get_info(model)->dimensions;
    const size_t pictures = weights_find(file, "pictures")->elements;
    float *vector = calloc(dimensions, sizeof *vector), *expected = read_expected(file, "pictures", pictures);
    const enum compute_status status = model_embed_pictures(model, &picture, 1, vector, &error);

    if (whole == 0)
      whole = gpu_device_memory_use(device).used_bytes;
    if (status == COMPUTE_OK) {
      check(cosine(vector, expected, dimensions) >= limits[precision].least_cosine,
            "%s: with %u tenths of its memory the vector is wrong", name, tenths);
      check(gpu_device_memory_use(device).used_bytes <= whole * tenths / 10, "%s: it takes more than there is", name);
      done++;
    } else {
      check(status == COMPUTE_ERROR_OUT_OF_MEMORY && strstr(error.message, "smaller model"), "%s", error.message);
      refused++;
    }
    free(vector);
    free(expected);
    model_close(&model);
  }
  gpu_device_inject_shortage(device, UINT64_MAX);
  printf("%s: right with %u tenths of its memory, refused with %u\n", name, done, refused);
  check(done >= 4 && refused >= 1, "%s: right with %u tenths of its memory", name, done);
  weights_close(&file);
}

int
main(int argc, char **argv)
{
  const bool clamped = argc == 3 && strcmp(argv[2], "--clamped") == 0;

  if (argc != 2 && !clamped) {
    fprintf(stderr, "usage: parity-test PARITY-FOLDER [--clamped]\n");
    return 2;
  }
  if (getenv("TESTING_PRECISION") && !model_precision_parse(getenv("TESTING_PRECISION"), &precision)) {
    fprintf(stderr, "TESTING_PRECISION is none\n");
    return 2;
  }
  if (clamped) {
    check_clamped(argv[1]);
    return report();
  }
  device = open_device(&instance, NULL);
  for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
    check_model(argv[1], models[i][0], models[i][1]);
  check_mixed(argv[1]);
  close_device();
  device = open_device(&instance, NULL);
  if (precision == MODEL_PRECISION_FP32)
    check_shortage(argv[1], "clip-quick-gelu");
  close_device();
  return report();
}
