/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <gdk-pixbuf/gdk-pixbuf.h>

#include "compute/networks/preprocess.h"
#include "compute/weights/weights.h"
#include "tests/compute/networks/networks-test.h"

/*
 * Preprocessing against Pillow, to the bit (parity/preprocess.safetensors and squash.safetensors, made by make-parity.py), and
 * against OpenAI's own of a photograph where SACCADE_SHARED has it.
 */

#define GOLDEN_SIDE 224

static void
check_pillow(const char *path, unsigned least_cases)
{
  struct weights_file *file = NULL;
  struct compute_error error = { 0 };
  const struct weights_tensor *picture;
  char key[32];
  unsigned cases = 0;

  if (!check(!weights_open(path, &file, &error), "%s", error.message))
    return;
  for (; snprintf(key, sizeof key, "%u.picture", cases) && (picture = weights_find(file, key)); cases++) {
    snprintf(key, sizeof key, "%u.crops", cases);
    const struct weights_tensor *crops = weights_find(file, key);
    snprintf(key, sizeof key, "%u.sizes", cases);
    /* The last two are not in every file. */
    int32_t sizes[4] = { 0 };
    const struct weights_tensor *numbers = weights_find(file, key);
    memcpy(sizes, numbers->data, numbers->bytes < sizeof sizes ? numbers->bytes : sizeof sizes);

    const size_t values = (size_t)sizes[1] * sizes[1] * 3;
    const struct preprocessing preprocessing = { .resize = (unsigned)sizes[0],
                                                 .crop = (unsigned)sizes[1],
                                                 .squash = sizes[2],
                                                 .bilinear = sizes[3],
                                                 .mean = { 0.25f, 0.5f, 0.125f },
                                                 .deviation = { 0.5f, 0.25f, 1 } };
    const struct model_picture input = { picture->data, (uint32_t)picture->dims[1], (uint32_t)picture->dims[0],
                                         picture->dims[1] * 3 };
    float *out = malloc(values * sizeof *out);
    for (unsigned crop = 0; crop < crops->dims[0]; crop++) {
      const uint8_t *expected = (const uint8_t *)crops->data + crop * values;
      size_t wrong = 0;

      if (!check(!preprocess_picture(&input, &preprocessing, crop, (unsigned)crops->dims[0], out, &error),
                 "case %u: %s", cases, error.message))
        continue;
      for (size_t i = 0; i < values; i++) {
        const float value = out[i] * preprocessing.deviation[i % 3] + preprocessing.mean[i % 3];

        wrong += fabsf(value * 255 - expected[i]) > 1e-3f;
      }
      check(wrong == 0, "case %u, crop %u: %zu of %zu values differ from Pillow's", cases, crop, wrong, values);
    }
    free(out);
  }
  check(cases >= least_cases, "%s: only %u cases", path, cases);
  weights_close(&file);
}

static void
check_refusals(void)
{
  const struct preprocessing preprocessing = { .resize = 8, .crop = 8, .deviation = { 1, 1, 1 } };
  static const uint32_t sizes[][2] = {
    { 0, 5 }, { 5, 0 }, { PREPROCESS_MAX_SIDE + 1, 1 }, { 1, PREPROCESS_MAX_SIDE + 1 }
  };
  uint8_t *pixels = calloc(PREPROCESS_MAX_SIDE, 3);
  float out[8 * 8 * 3];
  struct compute_error error;

  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    const struct model_picture picture = { pixels, sizes[i][0], sizes[i][1], 3 };

    check(preprocess_picture(&picture, &preprocessing, 0, 1, out, &error) == COMPUTE_ERROR_SHAPE,
          "a picture of %u × %u was taken", sizes[i][0], sizes[i][1]);
  }
  /* The longest line that is taken, either way. */
  const struct model_picture wide = { pixels, PREPROCESS_MAX_SIDE, 1, (size_t)PREPROCESS_MAX_SIDE * 3 };
  const struct model_picture tall = { pixels, 1, PREPROCESS_MAX_SIDE, 3 };
  for (unsigned crop = 0; crop < 3; crop++) {
    check(!preprocess_picture(&wide, &preprocessing, crop, 3, out, &error), "%s", error.message);
    check(!preprocess_picture(&tall, &preprocessing, crop, 3, out, &error), "%s", error.message);
  }
  free(pixels);
}

static void
check_golden(const char *shared)
{
  const size_t plane = (size_t)GOLDEN_SIDE * GOLDEN_SIDE, values = plane * 3;
  const struct preprocessing preprocessing = { .resize = GOLDEN_SIDE,
                                               .crop = GOLDEN_SIDE,
                                               .mean = { 0.48145466f, 0.4578275f, 0.40821073f },
                                               .deviation = { 0.26862954f, 0.26130258f, 0.27577711f } };
  struct compute_error error = { 0 };
  char path[4096];

  snprintf(path, sizeof path, "%s/goldens/franz-kafka.jpg", shared);
  GdkPixbuf *photograph = gdk_pixbuf_new_from_file(path, NULL);
  snprintf(path, sizeof path, "%s/goldens/clip_preprocess_expected.npy", shared);
  FILE *file = fopen(path, "rb");
  float *expected = malloc(values * sizeof *expected), *out = malloc(values * sizeof *out);
  if (!photograph || !file || fseek(file, -(long)(values * sizeof *expected), SEEK_END) ||
      fread(expected, sizeof *expected, values, file) != values) {
    printf("%s: no goldens there: that part is skipped\n", shared);
  } else if (check(gdk_pixbuf_get_n_channels(photograph) == 3, "the photograph is not RGB")) {
    const struct model_picture picture = { gdk_pixbuf_get_pixels(photograph),
                                           (uint32_t)gdk_pixbuf_get_width(photograph),
                                           (uint32_t)gdk_pixbuf_get_height(photograph),
                                           (size_t)gdk_pixbuf_get_rowstride(photograph) };
    double sum = 0, worst = 0;

    check(!preprocess_picture(&picture, &preprocessing, 0, 1, out, &error), "%s", error.message);
    for (size_t i = 0; i < values; i++) {
      const double difference = fabs((double)out[i] - expected[i % 3 * plane + i / 3]);

      sum += difference;
      worst = difference > worst ? difference : worst;
    }
    printf("the photograph: mean difference %.6f, largest %.4f\n", sum / (double)values, worst);
    /* JPEG decoders may differ by one of 255 levels, which is 0.015 here. */
    check(sum / (double)values < 0.002 && worst < 0.05, "OpenAI's preprocessing gives another picture");
  }
  if (file)
    fclose(file);
  g_clear_object(&photograph);
  free(expected);
  free(out);
}

int
main(int argc, char **argv)
{
  const char *shared = getenv("SACCADE_SHARED");

  if (argc != 3) {
    fprintf(stderr, "usage: preprocess-test PREPROCESS.safetensors SQUASH.safetensors\n");
    return 2;
  }
  check_pillow(argv[1], 14);
  check_pillow(argv[2], 12);
  check_refusals();
  if (shared)
    check_golden(shared);
  return report();
}
