/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where each tensor lies in one buffer.
 *
 *     offset ▲  ┌────A────┐┌──────D──────┐
 *            │  └─────────┘└─────────────┘      A and D never live at once: they share bytes
 *            │      ┌───────B───────┐
 *            │      └───────────────┘
 *            └──────────────────────────► step
 */
struct arena_block {
  uint64_t bytes;
  size_t first, last; /* steps, both inclusive, between which the bytes must stay */
  bool used;          /* false: takes no place */
  uint64_t offset;    /* set by arena_lay_out() */
};

/* Gives each used block an aligned offset, such that blocks whose lives meet do not overlap, and returns the arena's bytes.
   Without sharing no two blocks overlap. Largest blocks first, each at the lowest place where it fits (Pisarchyk and Lee 2020,
   "greedy by size"); quadratic in the number of blocks. */
uint64_t arena_lay_out(struct arena_block *blocks, size_t count, uint64_t alignment, bool sharing);
