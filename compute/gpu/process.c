/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/gpu/internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Mesa's driver in software compiles shaders for vectors of 256 bits unless the environment says otherwise, although a
 * processor with wider ones computes faster in those. Its disk cache does not know the width, so that the code of each
 * width needs a folder of its own.
 */

static bool
has_wide_vectors(void)
{
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

static void
prepare(void)
{
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  bool is_named = cache && *cache == '/';
  char *path = NULL;

  if (getenv("LP_NATIVE_VECTOR_WIDTH") || getenv("MESA_SHADER_CACHE_DIR") || !has_wide_vectors() ||
      (!is_named && !(home && *home == '/')) ||
      asprintf(&path, "%s%s/saccade/vectors-512", is_named ? cache : home, is_named ? "" : "/.cache") < 0)
    return;
  /* Mesa makes one level below it only. */
  if (gpu_make_directory(path) == COMPUTE_OK) {
    setenv("MESA_SHADER_CACHE_DIR", path, 0);
    setenv("LP_NATIVE_VECTOR_WIDTH", "512", 0);
  }
  free(path);
}

void
gpu_prepare_process(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;

  pthread_once(&once, prepare);
}
