/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/library/sac-library.h"
#include "core/sac-time.h"

/*
 * A large library without the hours that it would take to index it: copies of one clip, each with some bytes of its own behind the end
 * so that they are different videos, and vectors that look like scenes: random directions, each held for a while and shaken.
 *
 * usage: make-library LIBRARY FOLDER CLIP VIDEOS SAMPLES MODEL DIMENSIONS
 */

#define SCENE_SAMPLES 30

static guint64 state = 0x9e3779b97f4a7c15;

/* Xorshift (Marsaglia, Journal of Statistical Software 8 (14), 2003). */
static float
next_random(void)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (float)(gint32)(state >> 32) / 2147483648.0f;
}

static void
make_vectors(float *vectors, gsize n, gsize dimensions)
{
  g_autofree float *scene = g_new(float, dimensions);
  for (gsize i = 0; i < n; i++) {
    float *out = vectors + i * dimensions;
    double sum = 0;
    for (gsize k = 0; k < dimensions; k++) {
      if (i % SCENE_SAMPLES == 0)
        scene[k] = next_random();
      out[k] = scene[k] + 0.4f * next_random();
      sum += (double)out[k] * out[k];
    }
    for (gsize k = 0; k < dimensions; k++)
      out[k] = (float)(out[k] / sqrt(sum));
  }
}

static char *
copy_clip(const char *folder, const char *clip, gsize length, int number)
{
  char *path = g_strdup_printf("%s/video-%05d.mp4", folder, number);
  g_autofree char *content = g_malloc(length + 16);
  memcpy(content, clip, length);
  /* A box of type "free" is passed over by every reader of MP4. */
  const guint8 box[8] = { 0, 0, 0, 16, 'f', 'r', 'e', 'e' };
  memcpy(content + length, box, sizeof box);
  g_snprintf(content + length + 8, 8, "%07d", number);
  g_autoptr(GError) error = NULL;
  if (!g_file_set_contents_full(path, content, (gssize)length + 16, G_FILE_SET_CONTENTS_NONE, 0600, &error))
    g_error("%s", error->message);
  return path;
}

int
main(int argc, char **argv)
{
  if (argc != 8) {
    g_printerr("usage: make-library LIBRARY FOLDER CLIP VIDEOS SAMPLES MODEL DIMENSIONS\n");
    return 2;
  }
  g_autoptr(GError) error = NULL;
  g_autofree char *clip = NULL;
  gsize length, samples = strtoul(argv[5], NULL, 10), dimensions = strtoul(argv[7], NULL, 10);
  g_autoptr(SacLibrary) library = sac_library_open(argv[1], SAC_LIBRARY_DEFAULT, &error);
  if (library == NULL || !g_file_get_contents(argv[3], &clip, &length, &error))
    g_error("%s", error->message);
  g_mkdir_with_parents(argv[2], 0700);
  g_autofree float *vectors = g_new(float, MAX(samples, 1) * dimensions);
  g_autofree gint64 *times = g_new(gint64, MAX(samples, 1));
  for (gsize i = 0; i < samples; i++)
    times[i] = (gint64)i * SAC_SECOND;
  for (int number = 0; number < atoi(argv[4]); number++) {
    g_autofree char *path = copy_clip(argv[2], clip, length, number);
    SacVideo info = { .path = path,
                      .duration_us = MAX((gint64)samples, 2) * SAC_SECOND,
                      .width = 320,
                      .height = 240,
                      .frame_rate_num = 25,
                      .frame_rate_den = 1 };
    gint64 id = sac_library_add_video(library, &info, NULL, &error);
    SacAnalysis analysis;
    if (id == 0)
      g_error("%s", error->message);
    if (samples == 0)
      continue;
    make_vectors(vectors, samples, dimensions);
    if (!sac_library_analysis_begin(library, id, "visual", argv[6], SAC_SECOND, &analysis, &error) ||
        !sac_library_append_samples(library, analysis.id, 0, samples, times, vectors, dimensions, &error) ||
        !sac_library_analysis_finish(library, analysis.id, &error))
      g_error("%s", error->message);
  }
  return 0;
}
