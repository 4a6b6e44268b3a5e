/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/gpu/gpu.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* The folder must be there: Mesa makes one level below it. */
static bool
make_cache_folder(char path[4096])
{
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  const char *base = cache && *cache ? cache : home, *middle = cache && *cache ? "" : "/.cache";
  static const char *const parts[] = { "", "/saccade", "/vectors-512" };
  int length = base && *base == '/' ? snprintf(path, 4000, "%s%s", base, middle) : -1;

  if (length < 0 || length >= 4000)
    return false;
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    strcat(path, parts[i]);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
      return false;
  }
  return true;
}

static void
prepare(void)
{
  char path[4096];

  if (getenv("LP_NATIVE_VECTOR_WIDTH") || getenv("MESA_SHADER_CACHE_DIR") || !has_wide_vectors() ||
      !make_cache_folder(path))
    return;
  setenv("MESA_SHADER_CACHE_DIR", path, 0);
  setenv("LP_NATIVE_VECTOR_WIDTH", "512", 0);
}

void
gpu_prepare_process(void)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;

  pthread_once(&once, prepare);
}
