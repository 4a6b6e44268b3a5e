/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/text/vocabulary.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a (Fowler, Noll and Vo), with its upper half folded in because the table takes the lower bits. */
static size_t
hash(const char *piece, size_t bytes)
{
  uint64_t h = 0xcbf29ce484222325u;

  for (size_t i = 0; i < bytes; i++)
    h = (h ^ (unsigned char)piece[i]) * 0x100000001b3u;
  return (size_t)(h ^ h >> 32);
}

static struct vocabulary_entry *
slot(const struct vocabulary *vocabulary, const char *piece, size_t bytes)
{
  const size_t mask = vocabulary->capacity - 1;
  size_t i = hash(piece, bytes) & mask;

  while (vocabulary->entries[i].piece &&
         (vocabulary->entries[i].bytes != bytes || memcmp(vocabulary->entries[i].piece, piece, bytes) != 0))
    i = (i + 1) & mask;
  return &vocabulary->entries[i];
}

static bool
grow(struct vocabulary *vocabulary)
{
  struct vocabulary larger = { .capacity = vocabulary->capacity ? vocabulary->capacity * 2 : 1024,
                               .count = vocabulary->count,
                               .largest = vocabulary->largest };

  larger.entries = calloc(larger.capacity, sizeof *larger.entries);
  if (!larger.entries)
    return false;
  for (size_t i = 0; i < vocabulary->capacity; i++) {
    const struct vocabulary_entry *entry = &vocabulary->entries[i];

    if (entry->piece)
      *slot(&larger, entry->piece, entry->bytes) = *entry;
  }
  free(vocabulary->entries);
  *vocabulary = larger;
  return true;
}

bool
vocabulary_add(struct vocabulary *vocabulary, const char *piece, size_t bytes, int32_t id)
{
  if (vocabulary->count * 2 >= vocabulary->capacity && !grow(vocabulary))
    return false;
  struct vocabulary_entry *entry = slot(vocabulary, piece, bytes);
  if (!entry->piece) {
    entry->piece = malloc(bytes + 1);
    if (!entry->piece)
      return false;
    memcpy(entry->piece, piece, bytes);
    entry->piece[bytes] = '\0';
    entry->bytes = bytes;
    vocabulary->count++;
  }
  entry->id = id;
  if (id > vocabulary->largest || vocabulary->count == 1)
    vocabulary->largest = id;
  return true;
}

int32_t
vocabulary_find(const struct vocabulary *vocabulary, const char *piece, size_t bytes)
{
  if (!vocabulary->capacity)
    return -1;
  const struct vocabulary_entry *entry = slot(vocabulary, piece, bytes);
  return entry->piece ? entry->id : -1;
}

void
vocabulary_finish(struct vocabulary *vocabulary)
{
  for (size_t i = 0; i < vocabulary->capacity; i++)
    free(vocabulary->entries[i].piece);
  free(vocabulary->entries);
  *vocabulary = (struct vocabulary){ .largest = -1 };
}
