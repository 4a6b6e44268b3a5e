/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/networks/picture-feed.h"
#include "tests/compute/networks/networks-test.h"

/*
 * Pictures in every format, of sizes about what they are resized to, cut by the shaders and by the host: the same bytes. And the host's
 * colours against the formulas of ITU-R BT.601, 709 and 2020 in double precision.
 */

#define LEVEL (1.0 / 255)
#define MOST_PICTURES 4

static uint32_t state = 1;

static uint32_t
random_below(uint32_t limit)
{
  state = state * 1664525 + 1013904223;
  return (uint32_t)(((uint64_t)state * limit) >> 32);
}

static bool
is_wide(enum model_picture_format format)
{
  return format == MODEL_YUV420P10 || format == MODEL_P010;
}

static bool
is_apart(enum model_picture_format format)
{
  return format == MODEL_YUV420P || format == MODEL_YUV420P10;
}

/* Rows of noise over a slow wave, a few bytes longer than they need to be; bytes that belong to no sample are set too. */
static uint8_t *
make_plane(enum model_picture_format format, uint32_t samples, uint32_t rows, size_t *stride)
{
  const size_t bytes = is_wide(format) ? 2 : 1;

  *stride = samples * bytes + bytes * random_below(8);
  uint8_t *plane = malloc(*stride * rows);
  for (uint32_t y = 0; y < rows; y++)
    for (uint32_t x = 0; x < *stride / bytes; x++) {
      const uint32_t level = random_below(4) ? (uint32_t)(512 + 500 * sin(x * 0.05 + y * 0.11)) : random_below(1024);
      uint8_t *sample = plane + y * *stride + x * bytes;

      if (is_wide(format)) {
        const uint32_t value = format == MODEL_P010 ? level << 6 | random_below(64) : level;

        sample[0] = value & 255;
        sample[1] = (uint8_t)(value >> 8);
      } else {
        sample[0] = (uint8_t)(level >> 2);
      }
    }
  return plane;
}

static struct model_picture
make_picture(enum model_picture_format format, uint32_t width, uint32_t height)
{
  struct model_picture picture = { .width = width,
                                   .height = height,
                                   .format = format,
                                   .matrix = (enum model_matrix)random_below(3),
                                   .full_range = random_below(2),
                                   .chroma_centred = random_below(2) };
  const uint32_t across = (width + 1) / 2, down = (height + 1) / 2;

  picture.pixels = make_plane(format, format == MODEL_RGB24 ? width * 3 : width, height, &picture.stride);
  if (format == MODEL_RGB24)
    return picture;
  for (int i = 0; i < (is_apart(format) ? 2 : 1); i++)
    picture.chroma[i] = make_plane(format, is_apart(format) ? across : 2 * across, down, &picture.chroma_stride[i]);
  return picture;
}

static void
free_picture(struct model_picture *picture)
{
  free((void *)picture->pixels);
  free((void *)picture->chroma[0]);
  free((void *)picture->chroma[1]);
}

/* A plan whose output is its pixels. */
static struct nn_plan *
make_plan(struct nn_weights *weights, const struct preprocessing *preprocessing, unsigned batch, unsigned crops)
{
  const int64_t side = preprocessing->crop;
  struct nn_graph *graph = nn_graph_create(weights);
  struct nn_plan *plan = NULL;
  struct compute_error error = { 0 };

  nn_output(
      graph,
      nn_scale(graph, nn_input(graph, "pixels", NN_F32, 4, (int64_t[]){ (int64_t)batch * crops, side, side, 3 }), 1, 0),
      "out");
  check(!nn_plan_create(graph, NULL, &plan, &error), "%s", error.message);
  nn_graph_destroy(&graph);
  return plan;
}

static void
compare(const struct model_picture *pictures, unsigned count, const struct preprocessing *preprocessing, unsigned crops,
        const float *made)
{
  const size_t values = (size_t)preprocessing->crop * preprocessing->crop * 3;
  float *expected = malloc(values * sizeof *expected);
  struct compute_error error = { 0 };

  for (unsigned i = 0; i < count * crops; i++) {
    const struct model_picture *picture = &pictures[i / crops];
    double worst = 0;

    if (!check(!preprocess_picture(picture, preprocessing, i % crops, crops, expected, &error), "%s", error.message))
      continue;
    for (size_t j = 0; j < values; j++)
      worst = fmax(worst, fabs((double)made[i * values + j] - expected[j]) * preprocessing->deviation[j % 3]);
    check(worst < 0.01 * LEVEL, "format %d, %u × %u to %u%s, crop %u of %u: off by %.3f levels", picture->format,
          picture->width, picture->height, preprocessing->crop, preprocessing->bilinear ? " (bilinear)" : "", i % crops,
          crops, worst / LEVEL);
  }
  free(expected);
}

static void
check_case(struct gpu_device *device, struct nn_weights *weights, const struct preprocessing *preprocessing,
           const struct model_picture *pictures, unsigned count, unsigned crops)
{
  const size_t values = (size_t)count * crops * preprocessing->crop * preprocessing->crop * 3;
  struct nn_plan *plan = make_plan(weights, preprocessing, count, crops);
  float *made = malloc(values * sizeof *made);
  struct picture_feed *feed = NULL;
  struct compute_error error = { 0 };

  check(!picture_feed_create(device, preprocessing, crops, MODEL_PREPARE_ON_DEVICE, &feed, &error) &&
            picture_feed_is_on_device(feed),
        "%s", error.message);
  /* Again, so that commands and tables which were kept are used. */
  for (unsigned run = 0; run < 3 && plan; run++) {
    memset(made, 0, values * sizeof *made);
    if (check(!picture_feed_write(feed, plan, pictures, count, &error) && !nn_plan_run(plan, &error) &&
                  !nn_plan_read(plan, "out", made, values, &error),
              "%s", error.message))
      compare(pictures, count, preprocessing, crops, made);
  }
  picture_feed_destroy(&feed);
  nn_plan_destroy(&plan);
  free(made);
}

static void
check_sizes(struct gpu_device *device, struct nn_weights *weights)
{
  static const uint32_t sizes[][2] = { { 1, 1 },   { 2, 1 },   { 1, 3 },    { 7, 5 },    { 32, 32 },   { 33, 31 },
                                       { 64, 32 }, { 32, 91 }, { 127, 61 }, { 61, 127 }, { 320, 180 }, { 200, 201 } };

  for (int format = MODEL_RGB24; format <= MODEL_P010; format++)
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
      const struct preprocessing preprocessing = { .resize = i % 3 ? 32 : 37,
                                                   .crop = 32,
                                                   .bilinear = random_below(2),
                                                   .mean = { 0.48f, 0.5f, 0.25f },
                                                   .deviation = { 0.25f, 0.5f, 1 } };
      struct preprocessing squash = preprocessing;
      struct model_picture picture = make_picture((enum model_picture_format)format, sizes[i][0], sizes[i][1]);

      squash.squash = true;
      squash.resize = squash.crop;
      check_case(device, weights, &preprocessing, &picture, 1, 1);
      check_case(device, weights, &preprocessing, &picture, 1, 3);
      check_case(device, weights, &squash, &picture, 1, 1);
      free_picture(&picture);
    }
}

/* Kinds that change within a batch are groups of their own, and one too large for the device goes by the host. */
static void
check_mixture(struct gpu_device *device, struct nn_weights *weights)
{
  const struct preprocessing preprocessing = { .resize = 24, .crop = 17, .deviation = { 1, 1, 1 } };
  const uint32_t beyond = (uint32_t)(gpu_device_capabilities(device)->max_storage_buffer_bytes / (17 * 4)) + 1;
  struct model_picture pictures[MOST_PICTURES] = { make_picture(MODEL_NV12, 50, 40), make_picture(MODEL_NV12, 50, 40),
                                                   make_picture(MODEL_RGB24, 20, 30),
                                                   make_picture(MODEL_P010, 50, 40) };

  pictures[1].matrix = pictures[0].matrix;
  pictures[1].full_range = pictures[0].full_range;
  pictures[1].chroma_centred = pictures[0].chroma_centred;
  check_case(device, weights, &preprocessing, pictures, MOST_PICTURES, 2);
  free_picture(&pictures[2]);
  if (beyond <= PREPROCESS_MAX_SIDE) {
    pictures[2] = make_picture(MODEL_RGB24, 3, beyond);
    check_case(device, weights, &preprocessing, pictures, MOST_PICTURES, 1);
    free_picture(&pictures[2]);
  }
  pictures[2] = (struct model_picture){ 0 };
  free_picture(&pictures[0]);
  free_picture(&pictures[1]);
  free_picture(&pictures[3]);
}

static void
check_refusals(struct gpu_device *device, struct nn_weights *weights)
{
  const struct preprocessing preprocessing = { .resize = 8, .crop = 8, .deviation = { 1, 1, 1 } };
  struct model_picture pictures[2] = { make_picture(MODEL_YUV420P, 9, 9), { 0 } };
  struct nn_plan *plan = make_plan(weights, &preprocessing, 2, 1);
  struct picture_feed *feed = NULL;
  struct compute_error error = { 0 };

  for (int preparation = MODEL_PREPARE_ON_HOST; preparation <= MODEL_PREPARE_ON_DEVICE; preparation++) {
    check(!picture_feed_create(device, &preprocessing, 1, (enum model_preparation)preparation, &feed, &error), "%s",
          error.message);
    check(picture_feed_write(feed, plan, pictures, 2, &error) == COMPUTE_ERROR_SHAPE, "a picture of nothing was taken");
    check(!picture_feed_write(feed, plan, pictures, 1, &error), "after a refusal: %s", error.message);
    picture_feed_destroy(&feed);
  }
  nn_plan_destroy(&plan);
  free_picture(&pictures[0]);
}

/* A picture of one colour, so that neither chroma's place nor the resize has a say. */
static void
check_colours(void)
{
  static const double red_blue[3][2] = { { 0.299, 0.114 }, { 0.2126, 0.0722 }, { 0.2627, 0.0593 } };
  const struct preprocessing preprocessing = { .resize = 2, .crop = 2, .deviation = { 1, 1, 1 } };
  struct compute_error error = { 0 };

  for (int i = 0; i < 600; i++) {
    const bool wide = i & 1, full = i & 2;
    const double kr = red_blue[i % 3][0], kb = red_blue[i % 3][1], kg = 1 - kr - kb;
    const uint32_t limit = wide ? 1024 : 256;
    const uint16_t codes[3] = { (uint16_t)random_below(limit), (uint16_t)random_below(limit),
                                (uint16_t)random_below(limit) };
    uint8_t planes[3][8];
    float out[12];

    for (int plane = 0; plane < 3; plane++)
      for (int sample = 0; sample < 4; sample++) {
        if (wide) {
          planes[plane][2 * sample] = codes[plane] & 255;
          planes[plane][2 * sample + 1] = (uint8_t)(codes[plane] >> 8);
        } else {
          planes[plane][sample] = (uint8_t)codes[plane];
        }
      }
    const size_t stride = wide ? 4 : 2;
    const struct model_picture picture = { planes[0],
                                           2,
                                           2,
                                           stride,
                                           wide ? MODEL_YUV420P10 : MODEL_YUV420P,
                                           { planes[1], planes[2] },
                                           { stride, stride },
                                           (enum model_matrix)(i % 3),
                                           full,
                                           false };
    const double step = wide ? 4 : 1, most = limit - 1;
    const double luma = full ? codes[0] / most : (codes[0] / step - 16) / 219;
    const double cb = full ? (codes[1] - limit / 2.0) / most : (codes[1] / step - 128) / 224;
    const double cr = full ? (codes[2] - limit / 2.0) / most : (codes[2] / step - 128) / 224;
    const double red = luma + 2 * (1 - kr) * cr, blue = luma + 2 * (1 - kb) * cb;
    const double expected[3] = { red, (luma - kr * red - kb * blue) / kg, blue };

    if (!check(!preprocess_picture(&picture, &preprocessing, 0, 1, out, &error), "%s", error.message))
      continue;
    for (int channel = 0; channel < 3; channel++) {
      const double wanted = fmin(fmax(expected[channel], 0), 1);

      check(fabs(out[channel] - wanted) < 0.51 * LEVEL,
            "%d bits, %s, matrix %d: %u, %u, %u: channel %d is %.4f, not %.4f", wide ? 10 : 8,
            full ? "full" : "limited", i % 3, codes[0], codes[1], codes[2], channel, (double)out[channel] * 255,
            wanted * 255);
    }
  }
}

/* A ramp of chroma is a ramp of colour, at the place that the picture says. */
static void
check_chroma_place(void)
{
  enum { SIDE = 16 };
  const struct preprocessing preprocessing = { .resize = SIDE, .crop = SIDE, .deviation = { 1, 1, 1 } };
  uint8_t luma[SIDE * SIDE], chroma[2][SIDE / 2 * SIDE / 2];
  float out[SIDE * SIDE * 3];
  struct compute_error error = { 0 };

  memset(luma, 128, sizeof luma);
  for (int centred = 0; centred < 2; centred++) {
    const double place = centred ? 0.5 : 0; /* of the first sample of chroma, in columns of luma */

    for (int y = 0; y < SIDE / 2; y++)
      for (int x = 0; x < SIDE / 2; x++) {
        chroma[0][y * SIDE / 2 + x] = 128;
        chroma[1][y * SIDE / 2 + x] = (uint8_t)(100 + 2 * x + 4 * y);
      }
    const struct model_picture picture = {
      luma,        SIDE, SIDE,   SIDE, MODEL_YUV420P, { chroma[0], chroma[1] }, { SIDE / 2, SIDE / 2 },
      MODEL_BT601, true, centred
    };
    check(!preprocess_picture(&picture, &preprocessing, 0, 1, out, &error), "%s", error.message);
    for (int y = 1; y < SIDE - 1; y++)
      for (int x = 1; x < SIDE - 1; x++) {
        const double cr = 100 + (x - place) + 2 * (y - 0.5) - 128;

        if (!centred && x == SIDE - 1)
          continue;
        check(fabs(out[(y * SIDE + x) * 3] * 255 - (128 + 1.402 * cr)) < 0.51, "%d, %d: red is %.2f, not %.2f", x, y,
              (double)out[(y * SIDE + x) * 3] * 255, 128 + 1.402 * cr);
      }
  }
}

/* The same device with small bindings, so that a picture that is larger than they are stays small, and with memory of its own, as a card has it. */
static void
check_as_card(struct gpu_instance *instance, const struct gpu_capabilities *capabilities)
{
  struct gpu_capabilities clamp = *capabilities;
  const char *index = getenv("SACCADE_DEVICE");
  const struct gpu_device_params params = { .choice = { .index = index ? atoi(index) : -1 }, .clamp = &clamp };
  struct gpu_device *device = NULL;
  struct nn_weights *weights = NULL;
  struct compute_error error = { 0 };

  clamp.max_storage_buffer_bytes = 1 << 20;
  clamp.unified_memory = false;
  if (check(!gpu_device_open(instance, &params, &device, &error) &&
                !nn_weights_create(device, NULL, NULL, &weights, &error),
            "%s", error.message))
    check_mixture(device, weights);
  nn_weights_destroy(&weights);
  gpu_device_close(&device);
}

int
main(void)
{
  struct gpu_instance *instance = NULL;
  struct gpu_device *device = open_device(&instance, NULL);
  struct nn_weights *weights = NULL;
  struct compute_error error = { 0 };

  check(!nn_weights_create(device, NULL, NULL, &weights, &error), "%s", error.message);
  check_colours();
  check_chroma_place();
  check_sizes(device, weights);
  check_mixture(device, weights);
  check_refusals(device, weights);
  check_as_card(instance, gpu_device_capabilities(device));
  nn_weights_destroy(&weights);
  gpu_device_close(&device);
  check(gpu_instance_validation_messages(instance) == 0, "the validation layer has something to say");
  gpu_instance_destroy(&instance);
  return report();
}
