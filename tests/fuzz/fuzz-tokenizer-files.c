/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute/text/tokenizer.h"
#include "tests/fuzz/fuzz.h"

static void
write_file(const char *folder, const char *name, const uint8_t *data, size_t size)
{
  char path[128];
  FILE *file;

  snprintf(path, sizeof path, "%s/%s", folder, name);
  file = fopen(path, "wb");
  FUZZ_ASSERT(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

/* The first letter says which files the rest is: t(okenizer.json), v(ocab.txt), s(piece.model), or else vocab.json, a NUL and
   merges.txt. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const char *const names[] = { "tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model" };
  static const char text[] = "It's a caf\u00e9, naïve 12\u0301 <|endoftext|> [SEP] \xff";
  char folder[] = "/tmp/saccade-fuzz-XXXXXX", path[128];
  struct compute_error error;
  struct tokenizer *tokenizer;
  int32_t ids[77];
  size_t count;

  if (!size)
    return 0;
  FUZZ_ASSERT(mkdtemp(folder));
  const uint8_t *rest = data + 1, *nul = memchr(rest, 0, size - 1);
  if (data[0] == 't') {
    write_file(folder, names[0], rest, size - 1);
  } else if (data[0] == 'v') {
    write_file(folder, names[1], rest, size - 1);
  } else if (data[0] == 's') {
    write_file(folder, names[4], rest, size - 1);
  } else if (nul) {
    write_file(folder, names[2], rest, (size_t)(nul - rest));
    write_file(folder, names[3], nul + 1, size - 2 - (size_t)(nul - rest));
  }
  if (tokenizer_open(folder, &tokenizer, &error) == COMPUTE_OK) {
    FUZZ_ASSERT(tokenizer_encode(tokenizer, text, sizeof text - 1, 77, ids, &count, &error) == COMPUTE_OK &&
                count >= 1 && count <= 77);
    for (size_t i = 0; i < count; i++)
      FUZZ_ASSERT(ids[i] >= 0 && (size_t)ids[i] < tokenizer_vocabulary_size(tokenizer));
  }
  tokenizer_close(&tokenizer);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    unlink(path);
  }
  rmdir(folder);
  return 0;
}
