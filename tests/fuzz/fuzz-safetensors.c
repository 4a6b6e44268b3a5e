/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/weights/weights.h"
#include "tests/fuzz/fuzz.h"

/* A checkpoint of any bytes is refused, or every element of every tensor can be read. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct compute_error error;
  struct weights_file *file;
  float values[64];

  if (weights_parse(data, size, "fuzz", &file, &error))
    return 0;
  for (uint64_t i = 0; i < weights_count(file); i++) {
    const struct weights_tensor *tensor = weights_at(file, i);

    FUZZ_ASSERT(weights_find(file, tensor->name) == tensor);
    (void)weights_check_finite(tensor, &error);
    for (uint64_t first = 0; tensor->type != WEIGHTS_OTHER && first < tensor->elements; first += 64)
      weights_read_f32(tensor, first, tensor->elements - first < 64 ? tensor->elements - first : 64, values);
  }
  weights_close(&file);
  return 0;
}
