/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Strings to ids: an open-addressing table that owns its strings. At most 2^24 entries. */
struct vocabulary {
  struct vocabulary_entry {
    char *piece; /* NULL: free */
    size_t bytes;
    int32_t id;
  } * entries;
  size_t capacity, count; /* capacity is a power of two, or 0 */
  int32_t largest;        /* the largest id, or -1 */
};

/* False: no memory. A piece that is there already gets the new id. */
bool vocabulary_add(struct vocabulary *vocabulary, const char *piece, size_t bytes, int32_t id);
/* -1: not there. */
int32_t vocabulary_find(const struct vocabulary *vocabulary, const char *piece, size_t bytes);
void vocabulary_finish(struct vocabulary *vocabulary);
