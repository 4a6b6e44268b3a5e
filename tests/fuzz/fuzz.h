/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * A harness is one function that is given any bytes and must come back. libFuzzer calls it with bytes of its own making (meson option
 * fuzzers), and replay.c with those of its corpus, in every run of the tests. What a fuzzer finds goes into the corpus.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Holds in a release build too. */
#define FUZZ_ASSERT(condition) ((condition) ? (void)0 : abort())
