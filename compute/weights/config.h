/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/status.h"

/*
 * Typed, checked reading of a JSON file such as a model's config.json.
 *
 * A struct config is one value of the document: the root owns all, children are borrowed until the root is closed. A key that
 * holds null counts as absent. Every out value has been checked against its bounds; the message of an error names the key, and
 * the caller says of which file. Immutable: any thread may read it.
 */

struct config;

/* COMPUTE_ERROR_NOT_FOUND, COMPUTE_ERROR_IO: it cannot be read; COMPUTE_ERROR_INVALID_FILE: larger than 64 MiB, or not a JSON
   object or list. */
enum compute_status config_open(const char *path, struct config **config, struct compute_error *error);
/* text need not end in NUL and is not kept. name is for messages. */
enum compute_status
config_parse(const char *text, size_t bytes, const char *name, struct config **config, struct compute_error *error);
/* The root only. Accepts NULL inside. */
void config_close(struct config **config);

/* NULL if absent, or if config is NULL or no object. */
const struct config *config_child(const struct config *config, const char *key);
bool config_has(const struct config *config, const char *key);

/* Of a list or an object: its values in order. */
size_t config_count(const struct config *config);
const struct config *config_at(const struct config *config, size_t index);
/* The value after this one in its list or object, or NULL: the way through a long list. */
const struct config *config_next(const struct config *config);
/* The key of a value inside an object, or NULL. */
const char *config_key(const struct config *config);

/* The first needs the key; with _or, an absent key gives the fallback. COMPUTE_ERROR_INVALID_FILE: of another type or outside
   [min, max]; COMPUTE_ERROR_NOT_FOUND: absent. */
enum compute_status config_integer(const struct config *config, const char *key, int64_t min, int64_t max, int64_t *out,
                                   struct compute_error *error);
enum compute_status config_integer_or(const struct config *config, const char *key, int64_t min, int64_t max,
                                      int64_t fallback, int64_t *out, struct compute_error *error);
enum compute_status config_number(const struct config *config, const char *key, double min, double max, double *out,
                                  struct compute_error *error);
enum compute_status config_number_or(const struct config *config, const char *key, double min, double max,
                                     double fallback, double *out, struct compute_error *error);
/* The value itself as a number. */
enum compute_status
config_value(const struct config *config, double min, double max, double *out, struct compute_error *error);

/* NULL if it is absent or no string. Borrowed. */
const char *config_string(const struct config *config, const char *key);
/* The value itself as a string, or NULL. */
const char *config_text(const struct config *config);
bool config_string_is(const struct config *config, const char *key, const char *value);
/* The fallback if it is absent or no truth value. */
bool config_flag_or(const struct config *config, const char *key, bool fallback);
/* The value itself as a truth value. */
bool config_flag(const struct config *config, bool fallback);
