/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib/gstdio.h>

#include "core/library/sac-library.h"
#include "tests/fuzz/fuzz.h"

#define LIBRARY_MODEL "fuzz"
#define LIBRARY_SAMPLES 40
#define LIBRARY_DIMENSIONS 8

static char *library_folder;

static inline void
remove_tree(const char *path)
{
  g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name(folder))) {
    g_autofree char *inside = g_build_filename(path, name, NULL);
    remove_tree(inside);
  }
  g_remove(path);
}

static inline void
remove_library(void)
{
  remove_tree(library_folder);
}

/* The folder of a library with one video, a tag, words that were said, and vectors; it goes when the program ends. Called once. */
static inline char *
make_library(void)
{
  char *folder = g_dir_make_tmp("saccade-fuzz-XXXXXX", NULL);
  g_autofree char *file = g_build_filename(folder, "video.mp4", NULL);
  g_autoptr(SacLibrary) library = NULL;
  g_autoptr(SacVideo) video = sac_video_new();
  gint64 times[LIBRARY_SAMPLES];
  float vectors[LIBRARY_SAMPLES][LIBRARY_DIMENSIONS] = { 0 };
  SacAnalysis analysis;

  library_folder = folder;
  FUZZ_ASSERT(atexit(remove_library) == 0);
  FUZZ_ASSERT(g_file_set_contents(file, "not really a video", -1, NULL));
  library = sac_library_open(folder, SAC_LIBRARY_DEFAULT, NULL);
  FUZZ_ASSERT(library);
  video->path = g_strdup(file);
  video->duration_us = 60 * G_USEC_PER_SEC;
  const gint64 id = sac_library_add_video(library, video, NULL, NULL);
  for (int i = 0; i < 2; i++) {
    g_autoptr(SacMoment) moment = sac_moment_new();
    g_autofree char *added = NULL;

    moment->video_id = id;
    moment->kind = g_strdup(i ? "speech" : SAC_KIND_TAG);
    moment->end_us = G_USEC_PER_SEC;
    moment->score = 1;
    moment->label = i ? NULL : g_strdup("a red boat");
    moment->text = i ? g_strdup("the quick brown fox, naïve as ever") : NULL;
    added = sac_library_add_moment(library, moment, NULL);
    FUZZ_ASSERT(added);
  }
  for (int i = 0; i < LIBRARY_SAMPLES; i++) {
    times[i] = i * G_USEC_PER_SEC;
    vectors[i][i % LIBRARY_DIMENSIONS] = 1;
  }
  FUZZ_ASSERT(sac_library_analysis_begin(library, id, "visual", LIBRARY_MODEL, G_USEC_PER_SEC, &analysis, NULL));
  FUZZ_ASSERT(sac_library_append_samples(library, analysis.id, 0, LIBRARY_SAMPLES, times, vectors[0],
                                         LIBRARY_DIMENSIONS, NULL));
  return folder;
}
