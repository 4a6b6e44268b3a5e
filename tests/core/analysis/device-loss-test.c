/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/gpu/gpu.h"
#include "core/analysis/sac-index-job.h"
#include "core/sac-error.h"

/*
 * Devices that are lost while a clip is indexed: now and then, twice at the same pictures, and always. Nothing may be lost or doubled,
 * and the person is told. There are two devices: the driver in software, listed twice.
 *
 *     device-loss-test MODELS      exit status 77 without ffmpeg or that driver
 */

#define SKIPPED 77
#define SECONDS 20
/* Batches between two losses: those that were begun before one are through before the next. */
#define GAP 6
#define SAMPLES (SECONDS * 4)

static char *folder, *clip;
static SacVectors *expected;
static guint batches;

/* What is to happen to the device after each batch. */
struct losses {
  SacEncoder *encoder;
  GRand *random;          /* one at random, GAP batches apart at least */
  guint after, how_often; /* so many after that batch */
  guint batch, last, injected;
};

static void
lose(SacIndexJob *job, const SacIndexFile *file, gpointer data)
{
  struct losses *losses = data;
  guint now = 0;
  if (file != NULL)
    return;
  losses->batch++;
  if (losses->random != NULL)
    now = losses->batch >= losses->last + GAP && g_rand_int_range(losses->random, 0, 3) == 0;
  else if (losses->batch == losses->after)
    now = losses->how_often;
  if (now > 0) {
    sac_encoder_inject_losses(losses->encoder, now);
    losses->last = losses->batch;
  }
  losses->injected += now;
}

static SacLibrary *
open_library(const char *name)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *path = g_build_filename(folder, name, NULL);
  SacLibrary *library = sac_library_open(path, SAC_LIBRARY_DEFAULT, &error);
  g_assert_no_error(error);
  return library;
}

static gboolean
index_clip(SacLibrary *library, int device, struct losses *losses, char **notice, GError **error)
{
  g_autoptr(SacEncoder) encoder = sac_encoder_new(device);
  const char *const paths[] = { clip, NULL };
  SacIndexOptions options = { .interval_us = G_USEC_PER_SEC / 4 };
  g_autoptr(SacIndexJob) job = sac_index_job_new(library, encoder, paths, &options);
  losses->encoder = encoder;
  losses->batch = losses->last = losses->injected = 0;
  sac_index_job_set_progress_function(job, lose, losses);
  gboolean good = sac_index_job_run(job, error);
  g_autoptr(SacIndexReport) report = sac_index_job_get_report(job);
  *notice = g_strdup(report->notice);
  return good;
}

/* The same samples at the same times, and none twice. */
static void
assert_whole(SacLibrary *library)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(SacVectors) vectors = sac_library_get_vectors(library, "starter", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(vectors->count, ==, SAMPLES);
  g_assert_cmpuint(vectors->n_runs, ==, 1);
  for (gsize i = 0; i < vectors->count; i++) {
    double cosine = 0;
    g_assert_cmpint(vectors->times[i], ==, expected->times[i]);
    for (gsize d = 0; d < vectors->dimensions; d++)
      cosine += (double)sac_half_to_float(vectors->rows[i * vectors->dimensions + d]) *
                (double)sac_half_to_float(expected->rows[i * vectors->dimensions + d]);
    g_assert_cmpfloat(cosine, >, 0.999);
  }
}

static void
test_undisturbed(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(SacLibrary) library = open_library("whole");
  g_autofree char *notice = NULL;
  struct losses none = { 0 };
  g_assert_true(index_clip(library, -1, &none, &notice, &error));
  g_assert_no_error(error);
  g_assert_null(notice);
  expected = sac_library_get_vectors(library, "starter", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(expected->count, ==, SAMPLES);
  batches = none.batch;
  g_assert_cmpuint(batches, >, 3);
}

static void
test_now_and_then(void)
{
  for (guint seed = 1; seed <= 3; seed++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_strdup_printf("random-%u", seed), *notice = NULL;
    g_autoptr(SacLibrary) library = open_library(name);
    struct losses losses = { .random = g_rand_new_with_seed(seed) };
    g_assert_true(index_clip(library, -1, &losses, &notice, &error));
    g_assert_no_error(error);
    g_rand_free(losses.random);
    assert_whole(library);
    /* A loss that was ordered after the last batch never came. */
    if (losses.injected > 1)
      g_assert_nonnull(strstr(notice, "was opened again"));
    g_test_message("%u losses in %u batches", losses.injected, losses.batch);
  }
}

static void
test_before_the_first(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(SacEncoder) encoder = sac_encoder_new(-1);
  g_autofree float *vector = NULL;
  g_autofree char *notice = NULL;
  SacCalibration calibration;
  gsize dimensions;
  sac_encoder_inject_losses(encoder, 1);
  g_assert_true(sac_encoder_embed_query(encoder, "starter", "a dog", &vector, &dimensions, &calibration, NULL, &error));
  g_assert_no_error(error);
  notice = sac_encoder_take_notice(encoder);
  g_assert_nonnull(strstr(notice, "was opened again"));
  g_assert_null(sac_encoder_take_notice(encoder));
}

/* Lost twice at the same pictures: the work goes on with the other device, also where this one was asked for. */
static void
test_next_device(void)
{
  for (int device = -1; device < 2; device++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_strdup_printf("next-%d", device), *notice = NULL;
    g_autoptr(SacLibrary) library = open_library(name);
    struct losses losses = { .after = 2, .how_often = 2 };
    g_assert_true(index_clip(library, device, &losses, &notice, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(losses.injected, ==, 2);
    assert_whole(library);
    g_assert_nonnull(strstr(notice, "goes on with"));
  }
}

/* Every device is lost each time: the job ends with an error that says so, and what was done stays and goes on another time. */
static void
test_always(void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(SacLibrary) library = open_library("always");
  g_autofree char *notice = NULL;
  struct losses losses = { .after = 2, .how_often = G_MAXUINT };
  g_assert_false(index_clip(library, -1, &losses, &notice, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_DEVICE);
  g_assert_nonnull(strstr(error->message, "is kept"));
  g_clear_error(&error);
  g_clear_pointer(&notice, g_free);

  g_autoptr(SacVectors) vectors = sac_library_get_vectors(library, "starter", &error);
  g_assert_no_error(error);
  g_assert_cmpuint(vectors->count, >, 0);
  g_assert_cmpuint(vectors->count, <, SAMPLES);
  struct losses none = { 0 };
  g_assert_true(index_clip(library, -1, &none, &notice, &error));
  g_assert_no_error(error);
  g_assert_cmpuint(none.batch, <, batches);
  assert_whole(library);
}

/* Two lists that name the same driver are two devices. */
static gboolean
list_driver_twice(void)
{
  static const char *const folders[] = { "/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d",
                                         "/usr/local/share/vulkan/icd.d" };
  for (gsize i = 0; i < G_N_ELEMENTS(folders); i++) {
    g_autoptr(GDir) listing = g_dir_open(folders[i], 0, NULL);
    const char *name;
    while (listing != NULL && (name = g_dir_read_name(listing)) != NULL) {
      g_autofree char *path = g_build_filename(folders[i], name, NULL), *text = NULL;
      gsize length;
      if (!g_str_has_prefix(name, "lvp_icd") || !g_file_get_contents(path, &text, &length, NULL))
        continue;
      g_autofree char *one = g_build_filename(folder, "one.json", NULL);
      g_autofree char *other = g_build_filename(folder, "other.json", NULL);
      g_autofree char *both = g_strdup_printf("%s:%s", one, other);
      g_assert_true(g_file_set_contents(one, text, (gssize)length, NULL));
      g_assert_true(g_file_set_contents(other, text, (gssize)length, NULL));
      g_setenv("VK_ICD_FILENAMES", both, TRUE);
      g_unsetenv("VK_DRIVER_FILES");
      g_unsetenv("SACCADE_DEVICE");
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean
make_clip(void)
{
  g_autofree char *size = g_strdup_printf("testsrc2=size=160x120:rate=8:duration=%d", SECONDS);
  const char *const words[] = { "ffmpeg", "-v",    "error", "-f", "lavfi", "-i", size,
                                "-c:v",   "mpeg4", "-g",    "20", clip,    NULL };
  int status = 1;
  return g_spawn_sync(NULL, (char **)words, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL) &&
         status == 0;
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_assert_cmpint(argc, ==, 2);
  gpu_prepare_process();
  g_setenv("SACCADE_MODELS", argv[1], TRUE);
  folder = g_dir_make_tmp("saccade-loss-XXXXXX", NULL);
  clip = g_build_filename(folder, "clip.mkv", NULL);
  int status = SKIPPED;
  if (list_driver_twice() && make_clip()) {
    g_test_add_func("/device/undisturbed", test_undisturbed);
    g_test_add_func("/device/before-the-first", test_before_the_first);
    g_test_add_func("/device/now-and-then", test_now_and_then);
    g_test_add_func("/device/next-device", test_next_device);
    g_test_add_func("/device/always", test_always);
    status = g_test_run();
  }
  g_clear_pointer(&expected, sac_vectors_unref);
  g_autofree char *remove = g_strdup_printf("rm -r '%s'", folder);
  g_assert_cmpint(system(remove), ==, 0);
  g_free(folder);
  g_free(clip);
  return status;
}
