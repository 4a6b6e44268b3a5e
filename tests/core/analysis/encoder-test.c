/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The encoder's queue, and the two ways of a frame into a network. Arguments: tests/compute/networks/parity, python3 and make-clips.py. */
#include <glib/gstdio.h>
#include <math.h>
#include <unistd.h>

#include "core/analysis/sac-encoder.h"
#include "core/sac-error.h"

#define MODEL "clip-quick-gelu"
#define CLIPS "xclip" /* of several frames a vector */
#define TRAINED "starter"
#define SKIPPED 77

static const char *python, *make_clips;
static gboolean have_trained;

/* A folder of models: the small ones, and the trained one where it is installed. */
static char *
make_models(const char *parity)
{
  static const char *const small[] = { MODEL, CLIPS };
  char *folder = g_dir_make_tmp("saccade-models-XXXXXX", NULL);
  g_autofree char *trained = sac_encoder_find_model(TRAINED, NULL);
  g_autofree char *trained_link = g_build_filename(folder, TRAINED, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS(small); i++) {
    g_autofree char *path = g_build_filename(parity, small[i], NULL), *whole = g_canonicalize_filename(path, NULL);
    g_autofree char *link = g_build_filename(folder, small[i], NULL);

    g_assert_cmpint(symlink(whole, link), ==, 0);
  }
  have_trained = trained && symlink(trained, trained_link) == 0;
  g_setenv("SACCADE_MODELS", folder, TRUE);
  return folder;
}

static void
remove_models(const char *folder)
{
  static const char *const links[] = { MODEL, CLIPS, TRAINED };

  for (gsize i = 0; i < G_N_ELEMENTS(links); i++) {
    g_autofree char *link = g_build_filename(folder, links[i], NULL);

    g_unlink(link);
  }
  g_rmdir(folder);
}

static double
cosine(const float *a, const float *b, gsize n)
{
  double product = 0, squares_a = 0, squares_b = 0;

  for (gsize i = 0; i < n; i++) {
    product += (double)a[i] * b[i];
    squares_a += (double)a[i] * a[i];
    squares_b += (double)b[i] * b[i];
  }
  return product / sqrt(squares_a * squares_b);
}

static SacModelInfo
open_model(SacEncoder *encoder, const char *model)
{
  g_autoptr(GError) error = NULL;
  SacModelInfo info;

  sac_encoder_open_model(encoder, model, &info, NULL, &error);
  g_assert_no_error(error);
  return info;
}

/* Frames for `count` vectors: [count][clip_frames], of which neighbours share all but one. */
static GPtrArray *
make_frames(const SacModelInfo *info, guint count)
{
  GPtrArray *frames = g_ptr_array_new_with_free_func((GDestroyNotify)sac_frame_unref);
  g_autoptr(GPtrArray) film = g_ptr_array_new_with_free_func((GDestroyNotify)sac_frame_unref);

  for (guint i = 0; i < count + info->clip_frames; i++) {
    SacFrame *frame = sac_frame_new(SAC_FRAME_RGB24, 40 + (int)i % 5, 30);

    for (gsize j = 0; j < frame->stride * 30; j++)
      frame->pixels[j] = (guint8)((i * 7919 + j * 31 + (j * j >> 7) * i) & 255);
    g_ptr_array_add(film, frame);
  }
  for (guint i = 0; i < count * info->clip_frames; i++)
    g_ptr_array_add(frames, sac_frame_ref(film->pdata[i / info->clip_frames + i % info->clip_frames]));
  return frames;
}

/* Each by itself: what the others are held to. */
static float *
embed_alone(SacEncoder *encoder, const SacModelInfo *info, GPtrArray *frames)
{
  const guint count = frames->len / info->clip_frames;
  float *vectors = g_new(float, count * info->dimensions);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < count; i++) {
    sac_encoder_embed_frames(encoder, info->id, (SacFrame *const *)frames->pdata + i * info->clip_frames, 1,
                             vectors + i * info->dimensions, NULL, &error);
    g_assert_no_error(error);
  }
  return vectors;
}

static void
assert_same(const float *vectors, const float *expected, gsize count, gsize dimensions)
{
  for (gsize i = 0; i < count; i++)
    g_assert_cmpfloat(cosine(vectors + i * dimensions, expected + i * dimensions, dimensions), >, 1 - 1e-6);
}

/* Batches of every size about the preferred one, more of them begun than fit the device, with queries between. */
static void
test_batches(gconstpointer model)
{
  g_autoptr(SacEncoder) encoder = sac_encoder_new(-1);
  const SacModelInfo info = open_model(encoder, model);
  const guint batch = info.preferred_batch;
  const guint sizes[] = { 1, batch, 2, 3 * batch + 1, batch, 1 };
  g_autoptr(GPtrArray) frames = make_frames(&info, 5 * batch + 5);
  g_autofree float *expected = embed_alone(encoder, &info, frames);
  g_autofree float *vectors = g_new(float, frames->len *info.dimensions);
  SacEncoderBatch *batches[G_N_ELEMENTS(sizes)];
  g_autoptr(GError) error = NULL;
  guint first = 0;

  for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
    batches[i] = sac_encoder_begin_frames(encoder, &info, (SacFrame *const *)frames->pdata + first * info.clip_frames,
                                          sizes[i], NULL);
    first += sizes[i];
    g_autofree float *query = NULL;
    gsize dimensions;
    SacCalibration calibration;
    sac_encoder_embed_query(encoder, info.id, "a dog", &query, &dimensions, &calibration, NULL, &error);
    g_assert_no_error(error);
  }
  g_assert_cmpuint(first * info.clip_frames, ==, frames->len);
  first = 0;
  for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
    sac_encoder_finish_frames(batches[i], vectors + first * info.dimensions, &error);
    g_assert_no_error(error);
    first += sizes[i];
  }
  assert_same(vectors, expected, first, info.dimensions);
}

/* The device goes once while batches are in flight: they come back whole. A cancelled one leaves the others alone. */
static void
test_loss_and_cancel(void)
{
  g_autoptr(SacEncoder) encoder = sac_encoder_new(-1);
  const SacModelInfo info = open_model(encoder, MODEL);
  const guint each = 2 * info.preferred_batch + 1;
  g_autoptr(GPtrArray) frames = make_frames(&info, each);
  g_autofree float *expected = embed_alone(encoder, &info, frames);
  g_autofree float *vectors = g_new(float, frames->len *info.dimensions);

  for (int round = 0; round < 8; round++) {
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    SacEncoderBatch *batches[4];

    for (int i = 0; i < 4; i++)
      batches[i] =
          sac_encoder_begin_frames(encoder, &info, (SacFrame *const *)frames->pdata, each, i == 2 ? cancellable : NULL);
    if (round % 2)
      g_cancellable_cancel(cancellable);
    else
      sac_encoder_inject_losses(encoder, 1);
    for (int i = 0; i < 4; i++) {
      g_autoptr(GError) error = NULL;
      const gboolean good = sac_encoder_finish_frames(batches[i], vectors, &error);

      if (round % 2 && i == 2 && !good) {
        g_assert_error(error, SAC_ERROR, SAC_ERROR_CANCELLED);
        continue;
      }
      g_assert_no_error(error);
      assert_same(vectors, expected, each, info.dimensions);
    }
  }
}

static GPtrArray *
read_frames(const char *path, const SacModelInfo *info, gboolean planes)
{
  SacModelInfo wanted = *info;
  SacFrameReaderOptions options = { .interval_us = 400000 };
  GPtrArray *frames = g_ptr_array_new_with_free_func((GDestroyNotify)sac_frame_unref);
  g_autoptr(GError) error = NULL;
  SacFrame *frame;

  wanted.takes_planes = planes;
  sac_model_info_read_options(&wanted, &options);
  g_autoptr(SacFrameReader) reader = sac_frame_reader_new(path, &options, &error);
  g_assert_no_error(error);
  while ((frame = sac_frame_reader_next(reader, NULL, &error)))
    g_ptr_array_add(frames, frame);
  g_assert_no_error(error);
  return frames;
}

/* The vectors of a clip's samples: scaled and coloured by FFmpeg, or from the decoder's planes on the host, or on the device. */
static float *
embed_clip(const char *path, const char *model, gboolean planes, SacPreparation preparation, SacFrameFormat format,
           guint *count, guint *dimensions)
{
  g_autoptr(SacEncoder) encoder = sac_encoder_new(-1);
  g_autoptr(GError) error = NULL;
  SacModelInfo info;

  sac_encoder_set_preparation(encoder, preparation);
  sac_encoder_open_model(encoder, model, &info, NULL, &error);
  g_assert_no_error(error);
  g_assert_cmpint(info.takes_planes, ==, preparation == SAC_PREPARE_ON_DEVICE);
  g_autoptr(GPtrArray) frames = read_frames(path, &info, planes);
  g_assert_cmpuint(frames->len, >, 3);
  for (guint i = 0; i < frames->len; i++)
    g_assert_cmpint(((const SacFrame *)frames->pdata[i])->format, ==, planes ? format : SAC_FRAME_RGB24);
  *count = frames->len;
  *dimensions = info.dimensions;
  float *vectors = g_new(float, frames->len *info.dimensions);
  sac_encoder_embed_frames(encoder, model, (SacFrame *const *)frames->pdata, frames->len, vectors, NULL, &error);
  g_assert_no_error(error);
  return vectors;
}

static void
compare_ways(const char *path, const char *model, SacFrameFormat format)
{
  guint count, others, dimensions;
  g_autofree float *device = embed_clip(path, model, TRUE, SAC_PREPARE_ON_DEVICE, format, &count, &dimensions);
  g_autofree float *host = embed_clip(path, model, TRUE, SAC_PREPARE_ON_HOST, format, &others, &dimensions);
  g_autofree float *scaled = embed_clip(path, model, FALSE, SAC_PREPARE_ON_HOST, format, &others, &dimensions);
  double least = 1;

  assert_same(device, host, count, dimensions);
  g_assert_cmpuint(count, ==, others);
  for (guint i = 0; i < count; i++)
    least = MIN(least, cosine(scaled + i * dimensions, device + i * dimensions, dimensions));
  g_autofree char *name = g_path_get_basename(path);
  g_test_message("%s, %s: what FFmpeg scales has a cosine of at least %.6f", name, model, least);
  /* FFmpeg rounds otherwise, which only a network that was trained is indifferent to. */
  if (!g_str_equal(model, MODEL))
    g_assert_cmpfloat(least, >=, 0.999);
}

static void
test_ways(void)
{
  static const struct {
    const char *name;
    SacFrameFormat planes;
  } clips[] = {
    { "plain.mp4", SAC_FRAME_YUV420P },
    { "ten-bit.mp4", SAC_FRAME_YUV420P10 },
    { "rotated-90.mp4", SAC_FRAME_RGB24 },
  };
  g_autofree char *folder = g_dir_make_tmp("saccade-encoder-XXXXXX", NULL);
  const char *command[] = { python, make_clips, folder, clips[0].name, clips[1].name, clips[2].name, NULL };
  int status;

  if (!g_spawn_sync(NULL, (char **)command, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, NULL) ||
      status != 0) {
    g_test_skip("there is no ffmpeg program to make clips with");
    return;
  }
  for (gsize i = 0; i < G_N_ELEMENTS(clips); i++) {
    g_autofree char *path = g_build_filename(folder, clips[i].name, NULL);

    compare_ways(path, MODEL, clips[i].planes);
    if (have_trained)
      compare_ways(path, TRAINED, clips[i].planes);
    g_unlink(path);
  }
  g_rmdir(folder);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  if (argc != 4)
    g_error("usage: encoder-test PARITY PYTHON MAKE-CLIPS");
  g_autofree char *models = make_models(argv[1]);
  python = argv[2];
  make_clips = argv[3];

  g_autoptr(SacEncoder) encoder = sac_encoder_new(-1);
  g_autoptr(GError) error = NULL;
  SacModelInfo info;
  if (!sac_encoder_open_model(encoder, MODEL, &info, NULL, &error)) {
    if (!g_error_matches(error, SAC_ERROR, SAC_ERROR_DEVICE))
      g_error("%s", error->message);
    g_print("%s\n", error->message);
    remove_models(models);
    return SKIPPED;
  }
  g_test_add_data_func("/encoder/batches", MODEL, test_batches);
  g_test_add_data_func("/encoder/batches-of-clips", CLIPS, test_batches);
  g_test_add_func("/encoder/loss-and-cancel", test_loss_and_cancel);
  g_test_add_func("/encoder/ways", test_ways);
  const int status = g_test_run();
  remove_models(models);
  return status;
}
