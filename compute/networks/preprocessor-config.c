/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "compute/networks/network.h"

/* A size that preprocessor_config.json gives as a number or as {"shortest_edge": n} or {"height": n, "width": n}. */
static enum compute_status
read_size(const struct config *config, const char *key, int64_t fallback, int64_t *size, struct compute_error *error)
{
  const struct config *child = config_child(config, key);

  if (child && config_has(child, "shortest_edge"))
    return config_integer(child, "shortest_edge", 1, 4096, size, error);
  if (child && config_has(child, "height"))
    return config_integer(child, "height", 1, 4096, size, error);
  return config_integer_or(config, key, 1, 4096, fallback, size, error);
}

enum compute_status
preprocessing_read_channels(const struct config *config, const char *key, float channels[3],
                            struct compute_error *error)
{
  const struct config *list = config_child(config, key);

  if (!list)
    return COMPUTE_OK;
  if (config_count(list) != 3)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s must be a list of three numbers", key);
  for (size_t i = 0; i < 3; i++) {
    double value;

    if (config_value(config_at(list, i), -100, 100, &value, NULL))
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s must be a list of three numbers", key);
    channels[i] = (float)value;
  }
  return COMPUTE_OK;
}

/* How it is resized, as Pillow numbers its filters. */
static enum compute_status
read_filter(const struct config *config, bool *bilinear, struct compute_error *error)
{
  int64_t filter;
  enum compute_status status = config_integer_or(config, "resample", 0, 100, *bilinear ? 2 : 3, &filter, error);

  if (status)
    return status;
  if (filter != 2 && filter != 3)
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED,
                        "resample is %lld; this program knows 2 (bilinear) and 3 (bicubic)", (long long)filter);
  *bilinear = filter == 2;
  return COMPUTE_OK;
}

enum compute_status
preprocessing_read(const char *folder, int64_t side, struct preprocessing *preprocessing, struct compute_error *error)
{
  char path[4096];
  struct config *config = NULL;
  struct compute_error missing;
  int64_t resize = side, crop = side;

  snprintf(path, sizeof path, "%s/preprocessor_config.json", folder);
  enum compute_status status = config_open(path, &config, &missing);
  if (status == COMPUTE_OK) {
    if (!(status = read_size(config, "size", side, &resize, error)) &&
        (preprocessing->squash || !(status = read_size(config, "crop_size", side, &crop, error))) &&
        !(status = read_filter(config, &preprocessing->bilinear, error)) &&
        !(status = preprocessing_read_channels(config, "image_mean", preprocessing->mean, error)))
      status = preprocessing_read_channels(config, "image_std", preprocessing->deviation, error);
    config_close(&config);
    network_about(folder, "preprocessor_config.json", status, error);
  } else if (status == COMPUTE_ERROR_NOT_FOUND) {
    status = COMPUTE_OK;
  } else {
    return compute_fail(error, status, "%s", missing.message);
  }
  if (status)
    return status;
  if (crop != side || resize < crop || (preprocessing->squash && resize != crop))
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "%s: a crop of %lld from a size of %lld does not give the network's input of %lld pixels", path,
                        (long long)crop, (long long)resize, (long long)side);
  for (unsigned i = 0; i < 3; i++)
    if (!(preprocessing->deviation[i] > 0))
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: image_std must be positive", path);
  preprocessing->resize = (unsigned)resize;
  preprocessing->crop = (unsigned)crop;
  return COMPUTE_OK;
}
