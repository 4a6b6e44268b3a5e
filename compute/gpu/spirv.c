/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/gpu/internal.h"

/*
 * Reads one thing out of a SPIR-V module: how large a workgroup it asks for. Vulkan leaves a workgroup that is too large
 * undefined, so it is found before a driver sees it. Numbers are from the SPIR-V specification, 1.0, section 3.
 */

enum {
  MAGIC = 0x07230203,
  HEADER_WORDS = 5,
  OP_EXECUTION_MODE = 16,
  OP_CONSTANT = 43,
  OP_CONSTANT_COMPOSITE = 44,
  OP_SPEC_CONSTANT = 50,
  OP_SPEC_CONSTANT_COMPOSITE = 51,
  OP_DECORATE = 71,
  OP_EXECUTION_MODE_ID = 331,
  MODE_LOCAL_SIZE = 17,
  MODE_LOCAL_SIZE_ID = 38,
  DECORATION_SPEC_ID = 1,
  DECORATION_BUILT_IN = 11,
  BUILT_IN_WORKGROUP_SIZE = 25,
};

struct module {
  const uint32_t *words;
  size_t word_count;
  const uint32_t *constants;
  unsigned constant_count;
};

/* The next instruction with one of two codes, from `at` on; its operands begin at the result + 1. 0: none. */
static size_t
find(const struct module *module, size_t at, unsigned code, unsigned other, unsigned *length)
{
  while (at < module->word_count) {
    unsigned words = module->words[at] >> 16, found = module->words[at] & 0xffff;
    if (words == 0 || words > module->word_count - at)
      return 0;
    if (found == code || found == other) {
      *length = words;
      return at;
    }
    at += words;
  }
  return 0;
}

static bool
constant_value(const struct module *module, uint32_t id, uint32_t *value)
{
  unsigned length = 0;
  size_t at = HEADER_WORDS;
  bool found = false;
  for (; (at = find(module, at, OP_CONSTANT, OP_SPEC_CONSTANT, &length)); at += length)
    if (length >= 4 && module->words[at + 2] == id) {
      *value = module->words[at + 3];
      found = true;
      break;
    }
  for (at = HEADER_WORDS; found && (at = find(module, at, OP_DECORATE, OP_DECORATE, &length)); at += length)
    if (length >= 4 && module->words[at + 1] == id && module->words[at + 2] == DECORATION_SPEC_ID &&
        module->words[at + 3] < module->constant_count)
      *value = module->constants[module->words[at + 3]];
  return found;
}

bool
gpu_spirv_workgroup_size(const uint32_t *words, size_t word_count, const uint32_t *constants, unsigned constant_count,
                         uint32_t size[3])
{
  struct module module = { words, word_count, constants, constant_count };
  unsigned length = 0;
  size_t at = HEADER_WORDS;
  if (word_count <= HEADER_WORDS || words[0] != MAGIC)
    return false;
  bool found = false;
  for (; (at = find(&module, at, OP_EXECUTION_MODE, OP_EXECUTION_MODE_ID, &length)); at += length) {
    if (length < 6 || (words[at + 2] != MODE_LOCAL_SIZE && words[at + 2] != MODE_LOCAL_SIZE_ID))
      continue;
    found = true;
    for (unsigned i = 0; i < 3; i++) {
      size[i] = words[at + 3 + i];
      if (words[at + 2] == MODE_LOCAL_SIZE_ID && !constant_value(&module, size[i], &size[i]))
        return false;
    }
  }
  /* The decorated constant goes before the execution mode; it is how a size is specialized before SPIR-V 1.2. */
  for (at = HEADER_WORDS; (at = find(&module, at, OP_DECORATE, OP_DECORATE, &length)); at += length) {
    if (length < 4 || words[at + 2] != DECORATION_BUILT_IN || words[at + 3] != BUILT_IN_WORKGROUP_SIZE)
      continue;
    unsigned composite_length = 0;
    size_t composite = HEADER_WORDS;
    for (; (composite = find(&module, composite, OP_CONSTANT_COMPOSITE, OP_SPEC_CONSTANT_COMPOSITE, &composite_length));
         composite += composite_length)
      if (composite_length >= 6 && words[composite + 2] == words[at + 1])
        break;
    if (composite == 0)
      return false;
    for (unsigned i = 0; i < 3; i++)
      if (!constant_value(&module, words[composite + 3 + i], &size[i]))
        return false;
    found = true;
  }
  return found;
}
