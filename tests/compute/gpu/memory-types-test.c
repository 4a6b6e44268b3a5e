/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Which memory each kind of buffer takes on devices that this machine does not have: cards with and without a window to the host,
 * devices that share the host's memory, and those whose lists hold types that a buffer must not take.
 */

#include <stdio.h>

#include "compute/gpu/internal.h"

enum {
  LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
  MAPPED = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
  CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
  INCOHERENT = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
  LAZY = VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT,
  PROTECTED = VK_MEMORY_PROPERTY_PROTECTED_BIT,
  UNCACHED = VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD | VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD,
  NONE = -1,
};

#define ALL UINT32_MAX

static const struct {
  const char *name;
  VkMemoryPropertyFlags types[12];
  uint32_t count, allowed;
  bool unified;
  int device, upload, readback; /* the index that each kind must take */
} cases[] = {
  { "software, one type", { LOCAL | MAPPED | CACHED }, 1, ALL, true, 0, 0, 0 },
  { "software, seen as a card", { LOCAL | MAPPED | CACHED }, 1, ALL, false, 0, 0, 0 },
  { "a card without a window", { LOCAL, MAPPED, MAPPED | CACHED }, 3, ALL, false, 0, 1, 2 },
  { "a card with a window", { LOCAL, MAPPED, MAPPED | CACHED, LOCAL | MAPPED }, 4, ALL, false, 0, 1, 2 },
  { "a card that is a window all over", { LOCAL | MAPPED, MAPPED, MAPPED | CACHED }, 3, ALL, false, 0, 1, 2 },
  { "a card with its window first", { LOCAL | MAPPED, LOCAL, MAPPED | CACHED }, 3, ALL, false, 1, 0, 2 },
  { "integrated, everything mappable", { LOCAL | MAPPED, LOCAL | MAPPED | CACHED }, 2, ALL, true, 1, 0, 1 },
  { "integrated, with a heap apart",
    { LOCAL, LOCAL | MAPPED, MAPPED, LOCAL | MAPPED | CACHED, MAPPED | CACHED },
    5,
    ALL,
    true,
    3,
    2,
    4 },
  { "the same without mapping what is local",
    { LOCAL, LOCAL | MAPPED, MAPPED, MAPPED | CACHED },
    4,
    ALL,
    false,
    0,
    2,
    3 },
  { "integrated, caches that are not kept", { LOCAL | INCOHERENT, LOCAL | MAPPED }, 2, ALL, true, 1, 1, 1 },
  { "types for frame buffers and secrets", { LOCAL | LAZY, LOCAL | PROTECTED, LOCAL, MAPPED }, 4, ALL, false, 2, 3, 3 },
  { "uncached types", { LOCAL | UNCACHED, LOCAL, MAPPED | UNCACHED, MAPPED }, 4, ALL, false, 1, 3, 3 },
  { "the first type is not for buffers", { LOCAL, LOCAL, MAPPED, MAPPED | CACHED }, 4, 0xe, false, 1, 2, 3 },
  { "nothing local for buffers", { LOCAL, MAPPED | CACHED }, 2, 0x2, false, 1, 1, 1 },
  { "nothing to map", { LOCAL }, 1, ALL, false, 0, NONE, NONE },
};

int
main(void)
{
  unsigned failures = 0;

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const int expected[] = { cases[i].device, cases[i].upload, cases[i].readback };
    VkPhysicalDeviceMemoryProperties memory = { .memoryTypeCount = cases[i].count };

    for (uint32_t type = 0; type < cases[i].count; type++)
      memory.memoryTypes[type].propertyFlags = cases[i].types[type];
    for (int kind = GPU_MEMORY_DEVICE; kind <= GPU_MEMORY_READBACK; kind++) {
      const int got = (int)gpu_choose_memory_type(&memory, cases[i].allowed, cases[i].unified, (enum gpu_memory)kind);

      if (got != expected[kind]) {
        printf("FAILED: %s: kind %d takes type %d, not %d\n", cases[i].name, kind, got, expected[kind]);
        failures++;
      }
    }
  }
  printf("%zu devices, %u failures\n", sizeof cases / sizeof cases[0], failures);
  return failures > 0;
}
