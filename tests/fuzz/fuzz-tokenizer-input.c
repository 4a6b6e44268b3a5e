/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/text/tokenizer.h"
#include "tests/fuzz/fuzz.h"

/* Any bytes as text give ids of the vocabulary between the start and the end token, the same each time; a lower limit gives the same
   beginning. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static struct tokenizer *tokenizers[6];
  static const char *const folders[] = { TOKENIZER_DATA "/clip-small",      TOKENIZER_DATA "/wordpiece-small",
                                         TOKENIZER_DATA "/wordpiece-cased", TOKENIZER_DATA "/unigram-small",
                                         TOKENIZER_DATA "/unigram-bytes",   TOKENIZER_DATA "/pairs-small" };
  struct compute_error error;
  int32_t ids[512], fewer[512];
  size_t count, fewer_count;

  for (unsigned i = 0; i < 6; i++) {
    if (!tokenizers[i])
      FUZZ_ASSERT(tokenizer_open(folders[i], &tokenizers[i], &error) == COMPUTE_OK);
    const size_t limit = 2 + (size ? data[0] : 0);
    FUZZ_ASSERT(tokenizer_encode(tokenizers[i], (const char *)data, size, 512, ids, &count, &error) == COMPUTE_OK);
    FUZZ_ASSERT(tokenizer_encode(tokenizers[i], (const char *)data, size, limit, fewer, &fewer_count, &error) ==
                COMPUTE_OK);
    FUZZ_ASSERT(count >= 1 && count <= 512 && fewer_count == (count < limit ? count : limit));
    for (size_t k = 0; k < count; k++)
      FUZZ_ASSERT(ids[k] >= 0 && (size_t)ids[k] < tokenizer_vocabulary_size(tokenizers[i]));
    for (size_t k = 0; k + 1 < fewer_count; k++)
      FUZZ_ASSERT(ids[k] == fewer[k]);
    FUZZ_ASSERT(ids[count - 1] == fewer[fewer_count - 1]);
  }
  return 0;
}
