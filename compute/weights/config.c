/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/weights/config.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES (64u << 20)

/* A struct config is a cJSON value: the type exists only for the compiler. */
static cJSON *
json(const struct config *config)
{
  return (cJSON *)config;
}

static enum compute_status
read_whole_file(const char *path, char **text, size_t *bytes, struct compute_error *error)
{
  FILE *file = fopen(path, "rbe");
  size_t capacity = 1 << 16, size = 0;
  char *buffer = malloc(capacity);

  if (!file) {
    const int reason = errno;
    free(buffer);
    return compute_fail(error, reason == ENOENT || reason == ENOTDIR ? COMPUTE_ERROR_NOT_FOUND : COMPUTE_ERROR_IO,
                        "%s: %s", path, strerror(reason));
  }
  while (buffer) {
    size += fread(buffer + size, 1, capacity - size, file);
    if (size < capacity || capacity > MAX_BYTES)
      break;
    char *larger = realloc(buffer, capacity *= 2);
    if (!larger)
      free(buffer);
    buffer = larger;
  }
  const bool failed = ferror(file);
  fclose(file);
  if (!buffer)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "%s: not enough memory to read it", path);
  if (failed || size > MAX_BYTES) {
    free(buffer);
    return failed ? compute_fail(error, COMPUTE_ERROR_IO, "%s: cannot be read", path)
                  : compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: larger than %u MiB", path, MAX_BYTES >> 20);
  }
  *text = buffer;
  *bytes = size;
  return COMPUTE_OK;
}

enum compute_status
config_parse(const char *text, size_t bytes, const char *name, struct config **config, struct compute_error *error)
{
  cJSON *root = bytes ? cJSON_ParseWithLength(text, bytes) : NULL;

  *config = NULL;
  if (!cJSON_IsObject(root) && !cJSON_IsArray(root)) {
    cJSON_Delete(root);
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: not a JSON document", name);
  }
  *config = (struct config *)root;
  return COMPUTE_OK;
}

enum compute_status
config_open(const char *path, struct config **config, struct compute_error *error)
{
  char *text;
  size_t bytes;

  *config = NULL;
  enum compute_status status = read_whole_file(path, &text, &bytes, error);
  if (status)
    return status;
  status = config_parse(text, bytes, path, config, error);
  free(text);
  return status;
}

void
config_close(struct config **config)
{
  cJSON_Delete(json(*config));
  *config = NULL;
}

const struct config *
config_child(const struct config *config, const char *key)
{
  const cJSON *item = cJSON_IsObject(json(config)) ? cJSON_GetObjectItemCaseSensitive(json(config), key) : NULL;

  return cJSON_IsNull(item) ? NULL : (const struct config *)item;
}

bool
config_has(const struct config *config, const char *key)
{
  return config_child(config, key) != NULL;
}

size_t
config_count(const struct config *config)
{
  return config ? (size_t)cJSON_GetArraySize(json(config)) : 0;
}

const struct config *
config_at(const struct config *config, size_t index)
{
  return config && index < config_count(config) ? (const struct config *)cJSON_GetArrayItem(json(config), (int)index)
                                                : NULL;
}

const struct config *
config_next(const struct config *config)
{
  return (const struct config *)json(config)->next;
}

const char *
config_key(const struct config *config)
{
  return config ? json(config)->string : NULL;
}

static enum compute_status
check_number(const struct config *value, const char *key, bool whole, double min, double max, double *out,
             struct compute_error *error)
{
  const cJSON *item = json(value);

  if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble) || (whole && item->valuedouble != floor(item->valuedouble)))
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s must be a %snumber", key, whole ? "whole " : "");
  if (item->valuedouble < min || item->valuedouble > max)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s is %g, but must lie between %g and %g", key,
                        item->valuedouble, min, max);
  *out = item->valuedouble;
  return COMPUTE_OK;
}

static enum compute_status
absent(const char *key, struct compute_error *error)
{
  return compute_fail(error, COMPUTE_ERROR_NOT_FOUND, "%s is missing", key);
}

enum compute_status
config_integer(const struct config *config, const char *key, int64_t min, int64_t max, int64_t *out,
               struct compute_error *error)
{
  const struct config *value = config_child(config, key);
  double number;

  if (!value)
    return absent(key, error);
  enum compute_status status = check_number(value, key, true, (double)min, (double)max, &number, error);
  if (!status)
    *out = (int64_t)number;
  return status;
}

enum compute_status
config_integer_or(const struct config *config, const char *key, int64_t min, int64_t max, int64_t fallback,
                  int64_t *out, struct compute_error *error)
{
  *out = fallback;
  return config_has(config, key) ? config_integer(config, key, min, max, out, error) : COMPUTE_OK;
}

enum compute_status
config_number(const struct config *config, const char *key, double min, double max, double *out,
              struct compute_error *error)
{
  const struct config *value = config_child(config, key);

  return value ? check_number(value, key, false, min, max, out, error) : absent(key, error);
}

enum compute_status
config_number_or(const struct config *config, const char *key, double min, double max, double fallback, double *out,
                 struct compute_error *error)
{
  *out = fallback;
  return config_has(config, key) ? config_number(config, key, min, max, out, error) : COMPUTE_OK;
}

enum compute_status
config_value(const struct config *config, double min, double max, double *out, struct compute_error *error)
{
  const char *key = config_key(config);

  return config ? check_number(config, key ? key : "a list's value", false, min, max, out, error)
                : absent("a value", error);
}

const char *
config_string(const struct config *config, const char *key)
{
  return config_text(config_child(config, key));
}

const char *
config_text(const struct config *config)
{
  return config ? cJSON_GetStringValue(json(config)) : NULL;
}

bool
config_string_is(const struct config *config, const char *key, const char *value)
{
  const char *text = config_string(config, key);

  return text && strcmp(text, value) == 0;
}

bool
config_flag_or(const struct config *config, const char *key, bool fallback)
{
  return config_flag(config_child(config, key), fallback);
}

bool
config_flag(const struct config *config, bool fallback)
{
  return cJSON_IsBool(json(config)) ? cJSON_IsTrue(json(config)) : fallback;
}
