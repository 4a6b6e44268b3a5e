/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/compute/networks/networks-test.h"

/*
 * A model on a device that has little memory: a batch that does not fit is halved until one does, with the same vectors, and the error at
 * last is a clear one. Without a batch asked for, one is chosen that fits.
 */

#define BATCH 512
#define SIDE 40
#define KIND "clip-quick-gelu"

static struct model_picture *
make_pictures(void)
{
  struct model_picture *pictures = calloc(BATCH, sizeof *pictures);

  for (unsigned i = 0; i < BATCH; i++) {
    uint8_t *pixels = malloc(SIDE * SIDE * 3);

    for (unsigned j = 0; j < SIDE * SIDE * 3; j++)
      pixels[j] = (uint8_t)(j * (i + 3) + (j * j >> 5) * i);
    pictures[i] = (struct model_picture){ pixels, SIDE, SIDE, SIDE * 3 };
  }
  return pictures;
}

/* The batch that was left at the end, 0 where nothing went. */
static unsigned
embed_within(struct gpu_device *device, const char *folder, uint64_t bytes, const struct model_picture *pictures,
             const float *expected, enum model_preparation preparation)
{
  const struct model_params params = { .batch = BATCH, .preparation = preparation };
  struct compute_error error = { 0 };
  struct model *model = NULL;
  unsigned batch = 0;

  if (!check(!model_open(device, folder, &params, &model, &error), "%s", error.message))
    return 0;
  const unsigned dimensions = model_get_info(model)->dimensions;
  float *vectors = malloc((size_t)BATCH * dimensions * sizeof *vectors);
  gpu_device_inject_shortage(device, bytes);
  const enum compute_status status = model_embed_pictures(model, pictures, BATCH, vectors, &error);
  gpu_device_inject_shortage(device, UINT64_MAX);
  if (status == COMPUTE_OK) {
    double least = 1;

    batch = model_get_info(model)->preferred_batch;
    for (unsigned i = 0; i < BATCH; i++)
      least = fmin(least, cosine(vectors + (size_t)i * dimensions, expected + (size_t)i * dimensions, dimensions));
    check(least > 1 - 1e-6, "in batches of %u a vector is another: cosine %.8f", batch, least);
  } else {
    check(status == COMPUTE_ERROR_OUT_OF_MEMORY && strstr(error.message, "room"), "status %d: %s", status,
          error.message);
    check(model_get_info(model)->preferred_batch == 1, "given up at batches of %u",
          model_get_info(model)->preferred_batch);
    /* When there is room again, it goes on. */
    check(!model_embed_pictures(model, pictures, 1, vectors, &error), "%s", error.message);
  }
  check(model_runs(model) == 0, "runs are left in flight");
  free(vectors);
  model_close(&model);
  return batch;
}

static void
check_shortages(struct gpu_device *device, const char *folder, const struct model_picture *pictures)
{
  static const uint64_t mebibyte = 1 << 20, sizes[] = { 0, 2, 16, 256 };
  struct compute_error error = { 0 };
  struct model *model = NULL;
  unsigned halved = 0, refused = 0;

  if (!check(!model_open(device, folder, NULL, &model, &error), "%s", error.message))
    return;
  const unsigned dimensions = model_get_info(model)->dimensions;
  float *expected = malloc((size_t)BATCH * dimensions * sizeof *expected);
  check(!model_embed_pictures(model, pictures, BATCH, expected, &error), "%s", error.message);
  model_close(&model);
  for (int preparation = MODEL_PREPARE_ON_HOST; preparation <= MODEL_PREPARE_ON_DEVICE; preparation++) {
    unsigned before = 0;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
      const uint64_t bytes = sizes[i] * mebibyte;
      const uint64_t taken = gpu_device_memory_use(device).allocated_bytes;
      const unsigned batch =
          embed_within(device, folder, taken + bytes, pictures, expected, (enum model_preparation)preparation);

      printf("%4llu MiB: batches of %u\n", (unsigned long long)(bytes / mebibyte), batch);
      check(batch >= before, "more memory, and batches of %u after %u", batch, before);
      halved += batch > 0 && batch < BATCH;
      refused += batch == 0;
      before = batch;
    }
    check(before == BATCH, "with all that it needs the batch was halved to %u", before);
  }
  check(halved > 0 && refused > 0, "%u shortages halved the batch and %u refused it: none tells anything", halved,
        refused);
  free(expected);
}

static void
check_choice(struct gpu_device *device, const char *folder)
{
  struct compute_error error = { 0 };
  unsigned before = 0;

  for (uint64_t bytes = 1 << 20; bytes < (uint64_t)1 << 31; bytes *= 4) {
    struct model *model = NULL;

    gpu_device_inject_shortage(device, gpu_device_memory_use(device).allocated_bytes + bytes);
    check(gpu_device_free_memory(device) <= bytes, "more is free than there is");
    if (check(!model_open(device, folder, NULL, &model, &error), "%s", error.message)) {
      const unsigned batch = model_get_info(model)->preferred_batch;

      check(batch >= before && batch > 0 && (bytes > 1 << 20 || batch == 1), "%llu bytes: batches of %u after %u",
            (unsigned long long)bytes, batch, before);
      before = batch;
    }
    model_close(&model);
  }
  gpu_device_inject_shortage(device, UINT64_MAX);
  check(before > 1, "with all memory free, pictures go one by one");
}

/* What model_submit_pictures() and model_collect_pictures() refuse, and that it changes nothing. */
static void
check_flight(struct gpu_device *device, const char *folder, const struct model_picture *pictures)
{
  const struct model_params params = { .batch = 2 };
  const struct model_picture nothing = { 0 };
  struct compute_error error = { 0 };
  struct model *model = NULL;
  size_t taken;

  if (!check(!model_open(device, folder, &params, &model, &error), "%s", error.message))
    return;
  const unsigned dimensions = model_get_info(model)->dimensions;
  float *vectors = malloc((size_t)dimensions * 6 * sizeof *vectors), *expected = vectors + 4 * dimensions;
  check(model_collect_pictures(model, vectors, &error) != COMPUTE_OK, "nothing was collected");
  check(!model_submit_pictures(model, pictures, 0, &taken, &error) && taken == 0 && model_runs(model) == 0,
        "no pictures were a run");
  check(!model_submit_pictures(model, pictures, 5, &taken, &error) && taken == 2, "%zu taken: %s", taken,
        error.message);
  check(model_submit_pictures(model, &nothing, 1, &taken, &error) == COMPUTE_ERROR_SHAPE && taken == 0,
        "a picture of nothing was taken");
  check(!model_submit_pictures(model, pictures + 2, 1, &taken, &error) && taken == 1, "%s", error.message);
  check(model_submit_pictures(model, pictures, 1, &taken, &error) != COMPUTE_OK && taken == 0, "a third run was taken");
  check(model_runs(model) == 2, "%u runs", model_runs(model));
  check(!model_collect_pictures(model, vectors, &error), "%s", error.message);
  check(!model_collect_pictures(model, vectors + 2 * dimensions, &error), "%s", error.message);
  for (unsigned i = 0; i < 3; i++) {
    check(!model_embed_pictures(model, pictures + i, 1, expected, &error), "%s", error.message);
    check(cosine(vectors + i * dimensions, expected, dimensions) > 1 - 1e-6, "picture %u has another's vector", i);
  }
  /* Closing waits for what is in flight. */
  check(!model_submit_pictures(model, pictures, 2, &taken, &error), "%s", error.message);
  model_close(&model);
  free(vectors);
}

int
main(int argc, char **argv)
{
  struct gpu_instance *instance = NULL;
  char folder[4096];

  if (argc != 2) {
    fprintf(stderr, "usage: memory-test PARITY\n");
    return 2;
  }
  snprintf(folder, sizeof folder, "%s/%s", argv[1], KIND);
  struct gpu_device *device = open_device(&instance, NULL);
  struct model_picture *pictures = make_pictures();
  check_flight(device, folder, pictures);
  check_choice(device, folder);
  check_shortages(device, folder, pictures);
  for (unsigned i = 0; i < BATCH; i++)
    free((void *)pictures[i].pixels);
  free(pictures);
  gpu_device_close(&device);
  check(gpu_instance_validation_messages(instance) == 0, "the validation layer has something to say");
  gpu_instance_destroy(&instance);
  return report();
}
