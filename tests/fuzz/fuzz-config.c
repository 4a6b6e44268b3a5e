/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <unistd.h>
#include <stdio.h>

#include "compute/networks/networks.h"
#include "compute/weights/config.h"
#include "tests/fuzz/fuzz.h"

static void
walk(const struct config *value, unsigned depth)
{
  struct compute_error error;
  int64_t integer;
  double number;

  FUZZ_ASSERT(depth < 2000);
  (void)config_text(value);
  (void)config_value(value, -1e9, 1e9, &number, &error);
  (void)config_integer_or(value, "hidden_size", 1, 100, 1, &integer, &error);
  for (const struct config *child = config_count(value) ? config_at(value, 0) : NULL; child; child = config_next(child))
    walk(child, depth + 1);
}

/* A config.json of any bytes is refused, or walked whole; and what it says of a model is refused or within the bounds of one. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static char folder[] = "/tmp/saccade-fuzz-XXXXXX", path[64];
  struct compute_error error;
  struct model_info info;
  struct config *config;

  if (config_parse((const char *)data, size, "fuzz", &config, &error))
    return 0;
  walk(config, 0);
  config_close(&config);
  if (!*path) {
    FUZZ_ASSERT(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/config.json", folder);
  }
  FILE *file = fopen(path, "wb");
  FUZZ_ASSERT(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
  if (model_read_info(folder, &info, &error) == COMPUTE_OK)
    FUZZ_ASSERT(info.dimensions > 0 && info.clip_frames > 0 && (info.embeds_pictures || info.embeds_texts));
  unlink(path);
  rmdir(folder);
  memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
  *path = '\0';
  return 0;
}
