/* SPDX-License-Identifier: GPL-3.0-or-later */

/* safetensors and config.json: what is good is read exactly, and whatever is not is refused by name and never read beyond its end. */
#include "compute/weights/weights.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/weights/config.h"

static unsigned checks, failures;

#define CHECK(condition, ...)                                         \
  do {                                                                \
    checks++;                                                         \
    if (!(condition)) {                                               \
      failures++;                                                     \
      fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
      fprintf(stderr, __VA_ARGS__);                                   \
      fputc('\n', stderr);                                            \
    }                                                                 \
  } while (0)

static uint64_t random_state = 88172645463325252u;

/* xorshift64 (Marsaglia 2003). */
static uint64_t
random_number(void)
{
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

/* ---- Making checkpoints ------------------------------------------------------------------------------------------------ */

struct bytes {
  unsigned char *data;
  size_t size;
};

/* In an allocation of exactly its size, so that the sanitizer sees a byte read beyond it. */
static struct bytes
checkpoint(const char *header, const void *data, size_t size)
{
  const size_t length = strlen(header);
  struct bytes file = { malloc(8 + length + size), 8 + length + size };

  for (int i = 0; i < 8; i++)
    file.data[i] = (unsigned char)((uint64_t)length >> (8 * i));
  memcpy(file.data + 8, header, length);
  if (size)
    memcpy(file.data + 8 + length, data, size);
  return file;
}

/* Reads every byte that a tensor claims to have. */
static void
touch(const struct weights_file *file)
{
  float values[64];

  for (uint64_t i = 0; i < weights_count(file); i++) {
    const struct weights_tensor *tensor = weights_at(file, i);
    struct compute_error error;

    CHECK(weights_find(file, tensor->name) == tensor, "%s is not found by its name", tensor->name);
    if (tensor->type == WEIGHTS_OTHER)
      continue;
    (void)weights_check_finite(tensor, &error);
    for (uint64_t first = 0; first < tensor->elements; first += 64)
      weights_read_f32(tensor, first, tensor->elements - first < 64 ? tensor->elements - first : 64, values);
  }
}

/* Returns the status; a file that opens is read through. */
static enum compute_status
try(const unsigned char *data, size_t size, struct compute_error *error)
{
  unsigned char *exact = malloc(size ? size : 1);
  struct weights_file *file;

  if (size)
    memcpy(exact, data, size);
  const enum compute_status status = weights_parse(exact, size, "m.safetensors", &file, error);
  CHECK(!status == !!file, "a file and a status of %d", status);
  if (!status)
    touch(file);
  else
    CHECK(strncmp(error->message, "m.safetensors: ", 15) == 0, "“%s” does not name the file", error->message);
  weights_close(&file);
  free(exact);
  return status;
}

/* ---- Good ones --------------------------------------------------------------------------------------------------------- */

#define GOOD_HEADER                                                              \
  "{\"__metadata__\":{\"format\":\"pt\"},"                                       \
  "\"b.single\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"    \
  "\"a.half\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[24,32]},"       \
  "\"c.brain\":{\"dtype\":\"BF16\",\"shape\":[1,1,3],\"data_offsets\":[32,38]}," \
  "\"d.long\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[38,54]},"       \
  "\"e.int\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[54,58]},"        \
  "\"f.bytes\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[58,61]},"       \
  "\"g.scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[61,65]},"      \
  "\"h.none\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[65,65]},"     \
  "\"i.double\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[65,73]}}   "

static struct bytes
good(void)
{
  static const float single[] = { 1, -2.5f, 3.25f, 0, -0.0f, 1e-20f };
  static const uint16_t half[] = { 0x3c00, 0xc100, 0x0001, 0x7bff }, brain[] = { 0x3f80, 0xc020, 0x4049 };
  static const int64_t longs[] = { -5, 1 << 20 };
  static const int32_t integer[] = { -7 };
  static const float scalar[] = { 42 };
  static const double twice[] = { 1.5 };
  unsigned char data[73];

  memcpy(data, single, 24);
  memcpy(data + 24, half, 8);
  memcpy(data + 32, brain, 6);
  memcpy(data + 38, longs, 16);
  memcpy(data + 54, integer, 4);
  memcpy(data + 58, "\x00\x7f\xff", 3);
  memcpy(data + 61, scalar, 4);
  memcpy(data + 65, twice, 8);
  return checkpoint(GOOD_HEADER, data, sizeof data);
}

static void
expect(const struct weights_file *file, const char *name, unsigned count, const float *expected)
{
  const struct weights_tensor *tensor = weights_find(file, name);
  float values[8];

  CHECK(tensor && tensor->elements == count, "%s", name);
  if (!tensor || tensor->elements != count)
    return;
  weights_read_f32(tensor, 0, count, values);
  CHECK(memcmp(values, expected, count * sizeof *values) == 0, "%s", name);
  if (count > 1) {
    weights_read_f32(tensor, 1, count - 1, values);
    CHECK(memcmp(values, expected + 1, (count - 1) * sizeof *values) == 0, "%s from its second element on", name);
  }
}

static void
check_good(const char *scratch)
{
  struct bytes bytes = good();
  struct compute_error error = { 0 };
  struct weights_file *file;
  char path[4096];
  FILE *out;

  snprintf(path, sizeof path, "%s/good.safetensors", scratch);
  out = fopen(path, "wb");
  if (!out || fwrite(bytes.data, 1, bytes.size, out) != bytes.size || fclose(out) != 0) {
    perror(path);
    exit(1);
  }
  CHECK(weights_open(path, &file, &error) == COMPUTE_OK, "%s", error.message);
  unlink(path);
  if (!file)
    return;
  CHECK(weights_count(file) == 9, "%llu tensors", (unsigned long long)weights_count(file));
  for (uint64_t i = 1; i < weights_count(file); i++)
    CHECK(strcmp(weights_at(file, i - 1)->name, weights_at(file, i)->name) < 0, "order at %llu", (unsigned long long)i);
  CHECK(!weights_at(file, 9) && !weights_find(file, "__metadata__") && !weights_find(file, ""), "what is not there");
  expect(file, "b.single", 6, (const float[]){ 1, -2.5f, 3.25f, 0, -0.0f, 1e-20f });
  expect(file, "a.half", 4, (const float[]){ 1, -2.5f, 0x1p-24f, 65504 });
  expect(file, "c.brain", 3, (const float[]){ 1, -2.5f, 3.140625f });
  expect(file, "d.long", 2, (const float[]){ -5, 1 << 20 });
  expect(file, "e.int", 1, (const float[]){ -7 });
  expect(file, "f.bytes", 3, (const float[]){ 0, 127, 255 });
  expect(file, "g.scalar", 1, (const float[]){ 42 });
  const struct weights_tensor *brain = weights_find(file, "c.brain"), *none = weights_find(file, "h.none"),
                              *twice = weights_find(file, "i.double");
  CHECK(brain->rank == 3 && brain->dims[0] == 1 && brain->dims[2] == 3 && brain->bytes == 6, "shape of c.brain");
  CHECK(none->elements == 0 && none->bytes == 0 && weights_check_finite(none, &error) == COMPUTE_OK, "an empty tensor");
  CHECK(twice->type == WEIGHTS_OTHER && weights_check_finite(twice, &error) == COMPUTE_ERROR_UNSUPPORTED,
        "a type that is not converted");
  weights_close(&file);
  weights_close(&file);

  CHECK(weights_open("/nonexistent/x.safetensors", &file, &error) == COMPUTE_ERROR_NOT_FOUND &&
            strstr(error.message, "/nonexistent/x"),
        "%s", error.message);
  CHECK(weights_open(scratch, &file, &error) == COMPUTE_ERROR_IO && strstr(error.message, "not a regular file"), "%s",
        error.message);
  free(bytes.data);
}

/* ---- Bad ones ---------------------------------------------------------------------------------------------------------- */

static void
check_truncations(void)
{
  struct bytes bytes = good();
  struct compute_error error;

  for (size_t size = 0; size < bytes.size; size++)
    CHECK(try(bytes.data, size, &error) == COMPUTE_ERROR_INVALID_FILE, "cut to %zu bytes", size);
  CHECK(try(bytes.data, bytes.size, &error) == COMPUTE_OK, "%s", error.message);
  free(bytes.data);
}

static void
check_flips(void)
{
  struct bytes bytes = good();
  unsigned refused = 0;

  for (int i = 0; i < 40000; i++) {
    unsigned char spoiled[4096];
    struct compute_error error;
    const unsigned flips = 1 + random_number() % 4;

    memcpy(spoiled, bytes.data, bytes.size);
    for (unsigned k = 0; k < flips; k++) {
      const size_t place = random_number() % bytes.size;
      spoiled[place] ^= (unsigned char)(1u << random_number() % 8);
      if (random_number() % 8 == 0)
        spoiled[place] = (unsigned char)random_number();
    }
    refused += try(spoiled, bytes.size, &error) != COMPUTE_OK;
  }
  CHECK(refused > 10000, "only %u of 40000 spoiled files were refused", refused);
  free(bytes.data);
}

#define TENSOR(fields) "{\"good\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"the.bad\":{" fields "}}"

static void
check_hostile(void)
{
  static const struct {
    const char *header, *words;
  } cases[] = {
    { "", "not JSON" },
    { "[]", "not JSON" },
    { "null", "not JSON" },
    { "{\"a\":", "not JSON" },
    { "{\"the.bad\":1}", "the.bad" },
    { "{\"the.bad\":[]}", "the.bad" },
    { TENSOR("\"shape\":[2],\"data_offsets\":[8,16]"), "the.bad has no type" },
    { TENSOR("\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[8,16]"), "the.bad has no type" },
    { TENSOR("\"dtype\":7,\"shape\":[2],\"data_offsets\":[8,16]"), "the.bad has no type" },
    { TENSOR("\"dtype\":\"F32\",\"data_offsets\":[8,16]"), "the.bad has no shape" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[8,16]"), "the.bad has no shape" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[8,16]"), "the.bad has a shape" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[8,16]"), "the.bad has a shape" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[\"2\"],\"data_offsets\":[8,16]"), "the.bad has a shape" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[1e400],\"data_offsets\":[8,16]"), "the.bad has a shape" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[9007199254740991,9007199254740991],\"data_offsets\":[8,16]"),
      "the.bad has a shape" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[8,16]"), "the.bad has a shape" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[4294967296,1073741824],\"data_offsets\":[8,16]"), "the.bad has a shape" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[8,16]"), "the.bad has a shape" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[8,16]"),
      "the.bad has 8 bytes, but its shape wants 12" },
    { TENSOR("\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[8,16]"), "the.bad has 8 bytes, but its shape wants 4" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[2]"), "the.bad lies outside" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8]"), "the.bad lies outside" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16,24]"), "the.bad lies outside" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,8]"), "the.bad lies outside" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]"), "the.bad lies outside" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[12,20]"), "the.bad lies outside" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[\"8\",\"16\"]"), "the.bad lies outside" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[9007199254740984,9007199254740991]"),
      "the.bad lies outside" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]"), "overlap" },
    { TENSOR("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]"), "overlap" },
    { TENSOR("\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]"), "overlap" },
    { "{\"twin\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"twin\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}",
      "twin is there twice" },
  };
  static const unsigned char zeros[16];
  struct compute_error error;

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct bytes bytes = checkpoint(cases[i].header, zeros, sizeof zeros);

    CHECK(try(bytes.data, bytes.size, &error) == COMPUTE_ERROR_INVALID_FILE && strstr(error.message, cases[i].words),
          "%s: “%s”", cases[i].header, error.message);
    free(bytes.data);
  }
}

static void
check_header_lengths(void)
{
  static const uint64_t lengths[] = { 3, 4, 100000001, UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX - 7 };
  struct compute_error error;

  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    unsigned char file[10] = { [8] = '{', [9] = '}' };

    for (int k = 0; k < 8; k++)
      file[k] = (unsigned char)(lengths[i] >> (8 * k));
    CHECK(try(file, sizeof file, &error) == COMPUTE_ERROR_INVALID_FILE, "a header of %llu bytes",
          (unsigned long long)lengths[i]);
  }
  /* Deep nesting must not use up the stack, and a long name must not break the message. */
  char *deep = malloc(200001);
  memset(deep, '[', 200000);
  deep[200000] = '\0';
  struct bytes bytes = checkpoint(deep, NULL, 0);
  CHECK(try(bytes.data, bytes.size, &error) == COMPUTE_ERROR_INVALID_FILE, "200000 brackets");
  free(bytes.data);
  memset(deep, 'n', 200000);
  memcpy(deep, "{\"", 2);
  memcpy(deep + 199990, "\":1}", 5);
  bytes = checkpoint(deep, NULL, 0);
  CHECK(try(bytes.data, bytes.size, &error) == COMPUTE_ERROR_INVALID_FILE && strstr(error.message, "nnnn"), "%s",
        error.message);
  free(bytes.data);
  free(deep);
}

static void
check_not_finite(void)
{
  static const uint32_t single[] = { 0x3f800000, 0x7f800000, 0xff800000, 0x7fc00000 };
  static const uint16_t half[] = { 0x3c00, 0x7c00, 0xfc00, 0x7e01 }, brain[] = { 0x3f80, 0x7f80, 0xff80, 0x7fc1 };
  static const struct {
    const char *type;
    const void *values;
    unsigned bytes;
  } types[] = { { "F32", single, 4 }, { "F16", half, 2 }, { "BF16", brain, 2 } };

  for (size_t t = 0; t < 3; t++)
    for (size_t value = 0; value < 4; value++) {
      const unsigned elements = 3000, where = value == 3 ? elements - 1 : 1024;
      unsigned char *data = calloc(elements, types[t].bytes);
      struct compute_error error = { 0 };
      struct weights_file *file;
      char header[256], words[64];

      memcpy(data + where * types[t].bytes, (const char *)types[t].values + value * types[t].bytes, types[t].bytes);
      snprintf(header, sizeof header, "{\"layer.weight\":{\"dtype\":\"%s\",\"shape\":[%u],\"data_offsets\":[0,%u]}}",
               types[t].type, elements, elements * types[t].bytes);
      snprintf(words, sizeof words, "layer.weight: element %u ", where);
      struct bytes bytes = checkpoint(header, data, elements * types[t].bytes);
      CHECK(weights_parse(bytes.data, bytes.size, "m", &file, &error) == COMPUTE_OK, "%s", error.message);
      const enum compute_status status = weights_check_finite(weights_at(file, 0), &error);
      CHECK(status == (value ? COMPUTE_ERROR_INVALID_FILE : COMPUTE_OK), "%s, value %zu: %d", types[t].type, value,
            status);
      CHECK(!value || strstr(error.message, words), "“%s” should say “%s”", error.message, words);
      weights_close(&file);
      free(bytes.data);
      free(data);
    }
}

/* ---- Half precision ---------------------------------------------------------------------------------------------------- */

static double
half_by_definition(unsigned half)
{
  const int exponent = half >> 10 & 31;
  const double magnitude = exponent ? ldexp(1024 + (half & 1023), exponent - 25) : ldexp(half & 1023, -24);

  return half & 0x8000 ? -magnitude : magnitude;
}

static void
check_half(void)
{
  for (unsigned half = 0; half < 0x10000; half++) {
    const float value = weights_half_to_float((uint16_t)half);

    if ((half & 0x7c00) == 0x7c00) {
      CHECK(half & 0x3ff ? isnan(value) : isinf(value) && !!signbit(value) == half >> 15, "%04x", half);
      CHECK(half & 0x3ff ? isnan(weights_half_to_float(weights_float_to_half(value)))
                         : weights_float_to_half(value) == half,
            "%04x and back", half);
      continue;
    }
    CHECK(value == half_by_definition(half) && !signbit(value) == !(half >> 15), "%04x is %g", half, value);
    CHECK(weights_float_to_half(value) == half, "%04x and back is %04x", half, weights_float_to_half(value));
    /* Between two neighbours the nearer is taken, and of two as near the even one. */
    if ((half & 0x7fff) < 0x7bff) {
      const float next = weights_half_to_float((uint16_t)(half + 1)), middle = (value + next) / 2;

      CHECK(weights_float_to_half(middle) == (half & 1 ? half + 1 : half), "the middle after %04x", half);
      CHECK(weights_float_to_half(nextafterf(middle, value)) == half, "below the middle after %04x", half);
      CHECK(weights_float_to_half(nextafterf(middle, next)) == half + 1, "above the middle after %04x", half);
    }
  }
  CHECK(weights_float_to_half(65519.996f) == 0x7bff && weights_float_to_half(65520) == 0x7c00 &&
            weights_float_to_half(-1e30f) == 0xfc00,
        "beyond the largest half");
  CHECK(weights_float_to_half(1e-30f) == 0 && weights_float_to_half(-1e-30f) == 0x8000, "below the smallest half");
}

/* ---- config.json ------------------------------------------------------------------------------------------------------- */

static void
check_config(void)
{
  static const char text[] =
      "{\"n\": 12, \"f\": 0.5, \"big\": 1e300, \"s\": \"words\", \"none\": null, \"yes\": true, \"list\": [1, 2.5, \"x\"],"
      " \"inner\": {\"n\": -3}}";
  struct compute_error error = { 0 };
  struct config *config;
  int64_t integer;
  double real;

  CHECK(config_parse(text, sizeof text - 1, "c", &config, &error) == COMPUTE_OK, "%s", error.message);
  CHECK(config_integer(config, "n", 0, 12, &integer, &error) == COMPUTE_OK && integer == 12, "%s", error.message);
  CHECK(config_integer(config, "n", 0, 11, &integer, &error) == COMPUTE_ERROR_INVALID_FILE &&
            strstr(error.message, "n is 12"),
        "%s", error.message);
  CHECK(config_integer(config, "n", 13, 99, &integer, &error) == COMPUTE_ERROR_INVALID_FILE, "below its bounds");
  CHECK(config_integer(config, "f", 0, 9, &integer, &error) == COMPUTE_ERROR_INVALID_FILE &&
            strstr(error.message, "f must be a whole"),
        "%s", error.message);
  CHECK(config_integer(config, "big", 0, INT64_MAX, &integer, &error) == COMPUTE_ERROR_INVALID_FILE,
        "too big for an integer");
  CHECK(config_integer(config, "s", 0, 9, &integer, &error) == COMPUTE_ERROR_INVALID_FILE, "a string for an integer");
  CHECK(config_integer(config, "none", 0, 9, &integer, &error) == COMPUTE_ERROR_NOT_FOUND &&
            strstr(error.message, "none is missing"),
        "%s", error.message);
  CHECK(config_integer_or(config, "none", 0, 9, 7, &integer, &error) == COMPUTE_OK && integer == 7, "a fallback");
  CHECK(config_integer_or(config, "s", 0, 9, 7, &integer, &error) == COMPUTE_ERROR_INVALID_FILE,
        "no fallback for a wrong type");
  CHECK(config_number(config, "f", 0, 1, &real, &error) == COMPUTE_OK && real == 0.5, "%s", error.message);
  CHECK(config_number(config, "big", 0, 1, &real, &error) == COMPUTE_ERROR_INVALID_FILE, "beyond its bounds");
  CHECK(config_number_or(config, "absent", 0, 1, 0.25, &real, &error) == COMPUTE_OK && real == 0.25, "a fallback");
  CHECK(config_string_is(config, "s", "words") && !config_string_is(config, "n", "12") && !config_string(config, "n"),
        "strings");
  CHECK(config_flag_or(config, "yes", false) && config_flag_or(config, "absent", true) &&
            !config_flag_or(config, "n", false),
        "flags");
  CHECK(config_has(config, "inner") && !config_has(config, "none") && !config_child(NULL, "n"), "children");
  CHECK(config_integer(config_child(config, "inner"), "n", -3, 3, &integer, &error) == COMPUTE_OK && integer == -3,
        "%s", error.message);
  const struct config *list = config_child(config, "list");
  CHECK(config_count(list) == 3 && !config_at(list, 3) && config_next(config_at(list, 0)) == config_at(list, 1),
        "a list");
  CHECK(config_value(config_at(list, 1), 0, 9, &real, &error) == COMPUTE_OK && real == 2.5, "%s", error.message);
  CHECK(config_value(config_at(list, 2), 0, 9, &real, &error) == COMPUTE_ERROR_INVALID_FILE, "a string for a number");
  CHECK(strcmp(config_text(config_at(list, 2)), "x") == 0 && !config_text(config_at(list, 0)), "a list's strings");
  config_close(&config);
  CHECK(!config, "closed");

  for (size_t size = 0; size + 1 < sizeof text - 1; size++) {
    char *exact = malloc(size ? size : 1);
    memcpy(exact, text, size);
    CHECK(config_parse(exact, size, "name-of-it", &config, &error) == COMPUTE_ERROR_INVALID_FILE &&
              strstr(error.message, "name-of-it"),
          "cut to %zu bytes", size);
    config_close(&config);
    free(exact);
  }
  CHECK(config_open("/nonexistent/config.json", &config, &error) == COMPUTE_ERROR_NOT_FOUND &&
            strstr(error.message, "/nonexistent"),
        "%s", error.message);
  CHECK(config_open("/tmp", &config, &error) == COMPUTE_ERROR_IO, "a folder: %s", error.message);
}

int
main(void)
{
  const char *temporary = getenv("TMPDIR");
  char scratch[2048];

  snprintf(scratch, sizeof scratch, "%s/saccade-weights-XXXXXX", temporary ? temporary : "/tmp");
  if (!mkdtemp(scratch)) {
    perror(scratch);
    return 1;
  }
  check_good(scratch);
  check_truncations();
  check_flips();
  check_hostile();
  check_header_lengths();
  check_not_finite();
  check_half();
  check_config();
  rmdir(scratch);
  printf("%u checks, %u failures\n", checks, failures);
  return failures != 0;
}
