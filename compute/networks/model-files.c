/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <unistd.h>

#include "compute/networks/networks.h"
#include "compute/weights/config.h"

static bool
has_file(const char *folder, const char *name)
{
  char path[4096];

  return snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && access(path, F_OK) == 0;
}

static bool
names_a_network(const char *folder)
{
  char path[4096];
  struct config *config = NULL;

  /* One that cannot be read is left for the reader of settings to complain about. */
  if (snprintf(path, sizeof path, "%s/config.json", folder) >= (int)sizeof path ||
      config_open(path, &config, NULL) != COMPUTE_OK)
    return true;
  const bool named = config_has(config, "model_type");
  config_close(&config);
  return named;
}

struct model_files
model_find_files(const char *folder)
{
  const bool plain = has_file(folder, "config.json"), open_clip = has_file(folder, "open_clip_config.json");
  const bool plain_weights = has_file(folder, "model.safetensors");
  const bool open_clip_weights = has_file(folder, "open_clip_model.safetensors");

  if (!open_clip || (plain && names_a_network(folder) && (plain_weights || !open_clip_weights)))
    return (struct model_files){ .config = "config.json", .weights = "model.safetensors", .found = plain };
  return (struct model_files){ .config = "open_clip_config.json",
                               .weights = open_clip_weights || !plain_weights ? "open_clip_model.safetensors"
                                                                              : "model.safetensors",
                               .found = true };
}
