/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The tokenizers, held to tables of hard strings and the ids that the reference tokenizers give them (make-tokenizer-table.py,
 * make-sentencepiece-table.py).
 *
 *   tokenizer-test FOLDER small              the small vocabularies that are committed, in each of their layouts; faults; time
 *   tokenizer-test FOLDER clip|wordpiece     the whole vocabulary: CLIP's merges from $SACCADE_SHARED, MiniLM's from the starter set;
 *                                            skipped without
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "compute/text/tokenizer.h"
#include "compute/weights/config.h"

#define MAX_TOKENS 77

static unsigned checks, failures;

#define CHECK(condition, ...)                         \
  do {                                                \
    checks++;                                         \
    if (!(condition)) {                               \
      failures++;                                     \
      fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
      fprintf(stderr, __VA_ARGS__);                   \
      fputc('\n', stderr);                            \
    }                                                 \
  } while (0)

static void
give_up(const char *why)
{
  fprintf(stderr, "%s\n", why);
  exit(1);
}

static struct config *
open_json(const char *folder, const char *name)
{
  struct compute_error error;
  struct config *config;
  char path[4096];

  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (config_open(path, &config, &error))
    give_up(error.message);
  return config;
}

static double
number(const struct config *value)
{
  double result;
  struct compute_error error;

  if (config_value(value, 0, 1e9, &result, &error))
    give_up(error.message);
  return result;
}

/* ---- The tables -------------------------------------------------------------------------------------------------------- */

struct text {
  char *bytes;
  size_t size;
};

/* [bytes as hexadecimal, times, …] */
static struct text
read_text(const struct config *parts)
{
  struct text text = { malloc(1), 0 };

  for (const struct config *part = config_at(parts, 0), *after; part; part = config_next(after)) {
    const char *digits = config_text(part);
    after = config_next(part);
    const size_t bytes = strlen(digits) / 2, times = (size_t)number(after);

    text.bytes = realloc(text.bytes, text.size + bytes * times + 1);
    for (size_t i = 0; i < bytes * times; i++) {
      unsigned byte;
      sscanf(digits + i % bytes * 2, "%2x", &byte);
      text.bytes[text.size++] = (char)byte;
    }
  }
  return text;
}

static void
compare(const char *what, const struct tokenizer *tokenizer, const struct text *text, size_t limit,
        const struct config *expected)
{
  /* The text lies at the end of its own allocation, so that reading beyond it is seen. */
  char *copy = malloc(text->size ? text->size : 1);
  int32_t ids[MAX_TOKENS];
  struct compute_error error;
  size_t count, i = 0;
  bool same = true;

  memcpy(copy, text->bytes, text->size);
  if (tokenizer_encode(tokenizer, copy, text->size, limit, ids, &count, &error))
    give_up(error.message);
  free(copy);
  for (const struct config *id = config_at(expected, 0); id; id = config_next(id), i++)
    same = same && i < count && ids[i] == (int32_t)number(id);
  same = same && i == count;
  CHECK(same, "%s: “%.80s” (%zu bytes) to %zu tokens is not what the reference gives", what, text->bytes, text->size,
        limit);
  if (!same) {
    for (i = 0; i < count; i++)
      fprintf(stderr, " %d", ids[i]);
    fprintf(stderr, "\n   reference:");
    for (const struct config *id = config_at(expected, 0); id; id = config_next(id))
      fprintf(stderr, " %d", (int)number(id));
    fputc('\n', stderr);
  }
}

static void
check_table(const char *data, const char *table, const char *folder)
{
  struct config *texts = open_json(data, "texts.json"), *rows = open_json(data, table);
  const size_t count = config_count(texts);
  struct text *read = calloc(count, sizeof *read);
  struct tokenizer *tokenizer;
  struct compute_error error;
  size_t i = 0;

  if (tokenizer_open(folder, &tokenizer, &error))
    give_up(error.message);
  for (const struct config *text = config_at(texts, 0); text; text = config_next(text))
    read[i++] = read_text(text);
  const clock_t begin = clock();
  i = 0;
  for (const struct config *row = config_at(rows, 0); row; row = config_next(row), i++) {
    const size_t which = (size_t)number(config_at(row, 0));

    if (which >= count)
      give_up("the table is of other texts");
    read[which].bytes[read[which].size] = '\0';
    compare(table, tokenizer, &read[which], (size_t)number(config_at(row, 1)), config_at(row, 2));
  }
  printf("%s, %s: %zu rows in %.2f s\n", table, folder, i, (double)(clock() - begin) / CLOCKS_PER_SEC);
  CHECK(i > 150, "%s has only %zu rows", table, i);
  for (i = 0; i < count; i++)
    free(read[i].bytes);
  free(read);
  tokenizer_close(&tokenizer);
  config_close(&texts);
  config_close(&rows);
}

/* ---- Layouts ----------------------------------------------------------------------------------------------------------- */

static char *
read_file(const char *folder, const char *name, size_t *size)
{
  char path[8192];
  struct stat about;
  FILE *file;
  char *bytes;

  snprintf(path, sizeof path, "%s/%s", folder, name);
  file = fopen(path, "rb");
  if (!file || fstat(fileno(file), &about) < 0)
    give_up(path);
  bytes = malloc((size_t)about.st_size + 1);
  *size = fread(bytes, 1, (size_t)about.st_size, file);
  bytes[*size] = '\0';
  fclose(file);
  return bytes;
}

static void
write_file(const char *folder, const char *name, const char *bytes, size_t size)
{
  char path[8192];
  FILE *file;

  snprintf(path, sizeof path, "%s/%s", folder, name);
  file = fopen(path, "wb");
  if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
    give_up(path);
}

static void
write_text(const char *folder, const char *name, const char *text)
{
  write_file(folder, name, text, strlen(text));
}

static void
clear_folder(const char *folder)
{
  static const char *const names[] = { "vocab.txt",    "vocab.json",      "merges.txt",           "tokenizer.json",
                                       "spiece.model", "tokenizer.model", "tokenizer_config.json" };
  char path[8192];

  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    unlink(path);
  }
}

static void
write_json_string(FILE *out, const char *text, size_t bytes)
{
  fputc('"', out);
  for (size_t i = 0; i < bytes; i++) {
    if (text[i] == '"' || text[i] == '\\')
      fputc('\\', out);
    fputc(text[i], out);
  }
  fputc('"', out);
}

/* The same vocabulary as one tokenizer.json, its merges as strings or as pairs. */
static void
write_clip_json(const char *from, const char *to, bool pairs)
{
  size_t vocabulary_size, merges_size, size;
  char *vocabulary = read_file(from, "vocab.json", &vocabulary_size),
       *merges = read_file(from, "merges.txt", &merges_size);
  char *text;
  FILE *out = open_memstream(&text, &size);
  const char *separator = "";

  fprintf(out, "{\"model\": {\"type\": \"BPE\", \"vocab\": %s, \"merges\": [", vocabulary);
  for (char *line = strchr(merges, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
    const size_t length = strcspn(line, "\n"), left = strcspn(line, " ");

    fputs(separator, out);
    if (pairs) {
      fputc('[', out);
      write_json_string(out, line, left);
      fputc(',', out);
      write_json_string(out, line + left + 1, length - left - 1);
      fputc(']', out);
    } else {
      write_json_string(out, line, length);
    }
    separator = ",";
  }
  fputs("]}}", out);
  fclose(out);
  write_file(to, "tokenizer.json", text, size);
  free(text);
  free(vocabulary);
  free(merges);
}

static void
write_wordpiece_json(const char *from, const char *to, bool lower_case)
{
  size_t pieces_size, size, id = 0;
  char *pieces = read_file(from, "vocab.txt", &pieces_size), *text;
  FILE *out = open_memstream(&text, &size);

  fprintf(
      out,
      "{\"normalizer\": {\"type\": \"BertNormalizer\", \"lowercase\": %s}, \"model\": {\"type\": \"WordPiece\", \"vocab\": {",
      lower_case ? "true" : "false");
  for (char *line = pieces; *line; line = strchr(line, '\n') + 1) {
    if (id)
      fputc(',', out);
    write_json_string(out, line, strcspn(line, "\n"));
    fprintf(out, ": %zu", id++);
  }
  fputs("}}}", out);
  fclose(out);
  write_file(to, "tokenizer.json", text, size);
  free(text);
  free(pieces);
}

static void
check_small(const char *data, const char *scratch)
{
  char clip[4096], small[4096], cased[4096];

  snprintf(clip, sizeof clip, "%s/clip-small", data);
  snprintf(small, sizeof small, "%s/wordpiece-small", data);
  snprintf(cased, sizeof cased, "%s/wordpiece-cased", data);
  check_table(data, "clip-small.json", clip);
  check_table(data, "wordpiece-small.json", small);
  check_table(data, "wordpiece-cased.json", cased);
  for (int pairs = 0; pairs < 2; pairs++) {
    write_clip_json(clip, scratch, pairs);
    check_table(data, "clip-small.json", scratch);
  }
  write_wordpiece_json(small, scratch, true);
  check_table(data, "wordpiece-small.json", scratch);
  write_wordpiece_json(cased, scratch, false);
  check_table(data, "wordpiece-cased.json", scratch);
  clear_folder(scratch);
}

static void
check_sentencepiece(const char *data)
{
  static const char *const folders[][2] = {
    { "unigram-small", "unigram-small.json" }, { "unigram-json", "unigram-small.json" },
    { "unigram-bytes", "unigram-bytes.json" }, { "pairs-small", "pairs-small.json" },
    { "pairs-json", "pairs-small.json" },
  };
  struct tokenizer *tokenizer;
  struct compute_error error;
  char folder[4096];

  for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
    snprintf(folder, sizeof folder, "%s/%s", data, folders[i][0]);
    check_table(data, folders[i][1], folder);
  }
  snprintf(folder, sizeof folder, "%s/unigram-small", data);
  if (tokenizer_open(folder, &tokenizer, &error))
    give_up(error.message);
  CHECK(tokenizer_kind(tokenizer) == TOKENIZER_UNIGRAM && tokenizer_pad_id(tokenizer) == 1 &&
            tokenizer_vocabulary_size(tokenizer) == 440,
        "%s: pads with %d, has %zu pieces", folder, tokenizer_pad_id(tokenizer), tokenizer_vocabulary_size(tokenizer));
  tokenizer_close(&tokenizer);
}

/* Which end of a row is filled up, with each of the things that a tokenizer_config.json may say of it. */
static void
check_padding(const char *data, const char *scratch)
{
  static const struct {
    const char *config;
    bool front;
  } cases[] = {
    { "{}", false },
    { "{\"tokenizer_class\": \"GemmaTokenizerFast\"}", true },
    { "{\"tokenizer_class\": \"Siglip2Tokenizer\"}", true },
    { "{\"tokenizer_class\": \"SiglipTokenizer\"}", false },
    { "{\"tokenizer_class\": \"GemmaTokenizer\", \"padding_side\": \"right\"}", false },
    { "{\"tokenizer_class\": \"SiglipTokenizer\", \"padding_side\": \"left\"}", true },
    { "{\"tokenizer_class\": 7, \"padding_side\": null}", false },
  };
  char folder[4096];
  size_t size;

  snprintf(folder, sizeof folder, "%s/pairs-small", data);
  char *model = read_file(folder, "tokenizer.model", &size);
  write_file(scratch, "tokenizer.model", model, size);
  free(model);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct compute_error error = { 0 };
    struct tokenizer *tokenizer;

    write_text(scratch, "tokenizer_config.json", cases[i].config);
    if (tokenizer_open(scratch, &tokenizer, &error))
      give_up(error.message);
    CHECK(tokenizer_pads_front(tokenizer) == cases[i].front, "%s pads at the wrong end", cases[i].config);
    tokenizer_close(&tokenizer);
  }
  clear_folder(scratch);
}

/* ---- Faults ------------------------------------------------------------------------------------------------------------ */

static void
refuse(const char *scratch, enum compute_status expected, const char *words)
{
  struct compute_error error = { 0 };
  struct tokenizer *tokenizer;
  const enum compute_status status = tokenizer_open(scratch, &tokenizer, &error);

  CHECK(status == expected && !tokenizer && strstr(error.message, words), "status %d (wanted %d), “%s” should say “%s”",
        status, expected, error.message, words);
  tokenizer_close(&tokenizer);
  clear_folder(scratch);
}

static void
check_faults(const char *scratch)
{
  static const char specials[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n";
  static const char clip[] = "{\"<|startoftext|>\": 0, \"<|endoftext|>\": 1, \"a\": 2, \"b</w>\": 3, \"ab</w>\": 4}";

  refuse(scratch, COMPUTE_ERROR_NOT_FOUND, "no tokenizer there");
  refuse("/nonexistent", COMPUTE_ERROR_NOT_FOUND, "/nonexistent");
  write_text(scratch, "vocab.txt", "");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "[CLS]");
  write_file(scratch, "vocab.txt", specials, sizeof specials - 7);
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "[SEP]");
  write_text(scratch, "vocab.json", clip);
  refuse(scratch, COMPUTE_ERROR_NOT_FOUND, "merges.txt");
  write_text(scratch, "vocab.json", clip);
  write_text(scratch, "merges.txt", "a b</w>\na c\n");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "merge 2");
  write_text(scratch, "vocab.json", clip);
  write_text(scratch, "merges.txt", "nothing\n");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "“nothing”");
  write_text(scratch, "vocab.json", "{\"a\": -1}");
  write_text(scratch, "merges.txt", "");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "“a”");
  write_text(scratch, "vocab.json", "{\"a\": 1e300}");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "“a”");
  write_text(scratch, "vocab.json", "{}");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "empty");
  write_text(scratch, "vocab.json", "[1, 2]");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "no whole number");
  write_text(scratch, "tokenizer.json", "{\"model\": {\"type\": \"WordLevel\"}}");
  refuse(scratch, COMPUTE_ERROR_UNSUPPORTED, "tokenizer.json");
  write_text(scratch, "tokenizer.json",
             "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [[\"a\"]]}}");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "merge");
  write_text(scratch, "tokenizer.json", "{");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "tokenizer.json");
}

/* Opens and uses what the scratch folder holds now: it may be refused, else it must give ids of its vocabulary. */
static bool
try_model(const char *scratch)
{
  static const char text[] = "Caf\u00e9 e\u0301 [SEP] the\x01 \u65e5\u672c\u8a9e \xff";
  struct tokenizer *tokenizer;
  struct compute_error error;
  int32_t ids[MAX_TOKENS];
  size_t count;
  const enum compute_status status = tokenizer_open(scratch, &tokenizer, &error);

  if (status) {
    CHECK(status == COMPUTE_ERROR_INVALID_FILE || status == COMPUTE_ERROR_UNSUPPORTED, "status %d: %s", status,
          error.message);
    return false;
  }
  if (tokenizer_encode(tokenizer, text, sizeof text - 1, MAX_TOKENS, ids, &count, &error))
    give_up(error.message);
  for (size_t i = 0; i < count; i++)
    CHECK(ids[i] >= 0 && (size_t)ids[i] < tokenizer_vocabulary_size(tokenizer), "id %d is of no piece", ids[i]);
  tokenizer_close(&tokenizer);
  return true;
}

/* Cut short anywhere, and with many a byte changed. Without a last field that says nothing about texts a model is whole. */
static void
check_broken_models(const char *data, const char *name, const char *file, const char *scratch)
{
  char folder[4096], path[8192];
  size_t size, whole = 0;

  snprintf(folder, sizeof folder, "%s/%s", data, name);
  char *bytes = read_file(folder, file, &size);
  snprintf(path, sizeof path, "%s/spiece.model", scratch);
  write_file(scratch, "spiece.model", bytes, size);
  for (size_t length = size; length-- > 0;) {
    if (truncate(path, (off_t)length) < 0)
      give_up(path);
    whole += try_model(scratch);
  }
  CHECK(whole < 2, "%s: %zu of its %zu beginnings were taken for models", name, whole, size);
  for (size_t place = 0; place < size; place += 13) {
    const char was = bytes[place];

    bytes[place] = (char)(was ^ (0x11 << place % 4));
    write_file(scratch, "spiece.model", bytes, size);
    try_model(scratch);
    bytes[place] = was;
  }
  free(bytes);
  clear_folder(scratch);
}

/* A model of SentencePiece's as bytes, spoiled in one way each. */
static void
check_model_faults(const char *scratch)
{
#define UNKNOWN "\x0a\x09\x0a\x05<unk>\x18\x02"
#define END "\x0a\x08\x0a\x04</s>\x18\x03"
#define LETTER       \
  "\x0a\x08\x0a\x01" \
  "a\x15\x00\x00\x80\xbf"
#define IDS "\x12\x03\xd0\x02\x01\x1a\x00" /* eos_id = 1; nothing about normalising */
  static const struct {
    const char *bytes;
    size_t size;
    enum compute_status status;
    const char *words;
  } models[] = {
#define MODEL(bytes, status, words) { bytes, sizeof bytes - 1, status, words }
    MODEL("", COMPUTE_ERROR_INVALID_FILE, "not a SentencePiece model"),
    MODEL("{\"a\": 1}", COMPUTE_ERROR_INVALID_FILE, "not a SentencePiece model"),
    MODEL(END LETTER IDS, COMPUTE_ERROR_INVALID_FILE, "unknown"),
    MODEL(UNKNOWN END UNKNOWN IDS, COMPUTE_ERROR_INVALID_FILE, "second"),
    MODEL(UNKNOWN END LETTER LETTER IDS, COMPUTE_ERROR_INVALID_FILE, "the same"),
    MODEL(UNKNOWN END LETTER "\x12\x03\xd0\x02\x01", COMPUTE_ERROR_INVALID_FILE, "cut short"),
    MODEL(UNKNOWN END LETTER "\x1a\x00", COMPUTE_ERROR_INVALID_FILE, "cut short"),
    MODEL(UNKNOWN END LETTER "\x1a\x00\x12\x03\xd0\x02\x03", COMPUTE_ERROR_INVALID_FILE, "end"),
    MODEL(UNKNOWN END LETTER "\x1a\x00\x12\x0c\xd0\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
          COMPUTE_ERROR_INVALID_FILE, "end"),
    MODEL(UNKNOWN END "\x0a\x08\x0a\x01"
                      "a\x15\x00\x00\xc0\x7f" IDS,
          COMPUTE_ERROR_INVALID_FILE, "finite"),
    MODEL(UNKNOWN END "\x0a\x02\x0a\x00" IDS, COMPUTE_ERROR_INVALID_FILE, "bytes"),
    MODEL(UNKNOWN END "\x0a\x05\x0a\x01"
                      "a\x18\x07" IDS,
          COMPUTE_ERROR_INVALID_FILE, "type 7"),
    MODEL(UNKNOWN END LETTER "\x12\x02\x18\x03" IDS, COMPUTE_ERROR_UNSUPPORTED, "type"),
    MODEL(UNKNOWN END LETTER "\x12\x03\x98\x02\x01" IDS, COMPUTE_ERROR_INVALID_FILE, "0x00"),
    MODEL(UNKNOWN END LETTER "\x1a\x08\x12\x06\xff\xff\xff\x00"
                             "a\x00" IDS,
          COMPUTE_ERROR_INVALID_FILE, "rules"),
    MODEL(UNKNOWN END LETTER "\x1a\x0b\x12\x09\x04\x00\x00\x00\x00\x00\x00\x00"
                             "a" IDS,
          COMPUTE_ERROR_INVALID_FILE, "rules"),
    MODEL(UNKNOWN END LETTER "\x0a\xff\xff\xff\xff\x0f" IDS, COMPUTE_ERROR_INVALID_FILE, "not a SentencePiece model"),
  };

  for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
    write_file(scratch, "spiece.model", models[i].bytes, models[i].size);
    refuse(scratch, models[i].status, models[i].words);
  }
  static const char sound[] = UNKNOWN END LETTER IDS;
  write_file(scratch, "spiece.model", sound, sizeof sound - 1);
  CHECK(try_model(scratch), "a model of three pieces is not taken");
  clear_folder(scratch);

  write_text(scratch, "tokenizer.json", "{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\", -1]]}}");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "unk_id");
  write_text(scratch, "tokenizer.json",
             "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 1, \"vocab\": [[\"a\", -1]]}}");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "unknown");
  write_text(scratch, "tokenizer.json", "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\"]]}}");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "piece 0");
  write_text(scratch, "tokenizer.json",
             "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [[\"a\", -1]]}}");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "end");
  write_text(scratch, "tokenizer.json",
             "{\"normalizer\": {\"precompiled_charsmap\": \"A*==\"}, \"model\": {\"type\": \"Unigram\", \"unk_id\": 0, "
             "\"vocab\": [[\"a\", -1]]}}");
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "base64");

#define PAIRS(vocabulary, merges)                                                                              \
  "{\"model\": {\"type\": \"BPE\", \"byte_fallback\": true, \"unk_token\": \"<unk>\", \"vocab\": {" vocabulary \
  "}, \"merges\": [" merges "]}}"
#define FIRST "\"<unk>\": 0, \"<eos>\": 1, \"a\": 2, \"aa\": 3"
  write_text(scratch, "tokenizer.json", PAIRS("", ""));
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "unknown");
  write_text(scratch, "tokenizer.json", PAIRS(FIRST ", \"b\": 3", ""));
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "“b”");
  write_text(scratch, "tokenizer.json", PAIRS(FIRST ", \"b\": 5", ""));
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "“b”");
  write_text(scratch, "tokenizer.json", PAIRS(FIRST ", \"\": 4", ""));
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "piece 4");
  write_text(scratch, "tokenizer.json", PAIRS(FIRST, "\"a a\", \"aa\""));
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "merge 1");
  write_text(scratch, "tokenizer.json", PAIRS(FIRST, "\"a a\", [\"a\", \"b\"]"));
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "merge 1");
  write_text(scratch, "tokenizer.json", PAIRS(FIRST, "\"a a\", [\"a\"]"));
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "merge 1");
  write_text(scratch, "tokenizer.json", PAIRS(FIRST, "\"a a\", 7"));
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "merge 1");
  write_text(scratch, "tokenizer.json", PAIRS(FIRST, "\"a a\""));
  refuse(scratch, COMPUTE_ERROR_INVALID_FILE, "0x00");
}

/* ---- Time -------------------------------------------------------------------------------------------------------------- */

static double
seconds_for(const struct tokenizer *tokenizer, const char *text, size_t size)
{
  static int32_t ids[1 << 20];
  struct compute_error error;
  double best = 1e9;
  size_t count;

  for (int i = 0; i < 3; i++) {
    const clock_t begin = clock();
    if (tokenizer_encode(tokenizer, text, size, sizeof ids / sizeof ids[0], ids, &count, &error))
      give_up(error.message);
    const double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    best = seconds < best ? seconds : best;
  }
  return best;
}

/* A text eight times as long takes about eight times as long: a quadratic tokenizer would take sixty-four. */
static void
check_time(const char *data, const char *folder)
{
  static const char *const units[] = { "a",  "ab", "hahaha",       "\u00e9", "a\u0323\u0301",    "\u0301\u0323",
                                       "'s", "<|", "<|endoftext|", "[SEP",   "\xf0\x9f\x98\x80", "\xff" };
  const size_t size = 40000;
  char *text = malloc(8 * size), path[4096];
  struct tokenizer *tokenizer;
  struct compute_error error;

  snprintf(path, sizeof path, "%s/%s", data, folder);
  if (tokenizer_open(path, &tokenizer, &error))
    give_up(error.message);
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    for (size_t k = 0; k < 8 * size; k++)
      text[k] = units[i][k % strlen(units[i])];
    const double once = seconds_for(tokenizer, text, size), eight = seconds_for(tokenizer, text, 8 * size);
    CHECK(eight < 24 * once + 0.02, "%s: “%s” again and again: %.4f s for %zu bytes, %.4f s for eight times as many",
          folder, units[i], once, size, eight);
  }
  free(text);
  tokenizer_close(&tokenizer);
}

/* ---- Running ----------------------------------------------------------------------------------------------------------- */

/* The vocabulary of CLIP's merges, laid out as the reference does. Returns false without the merges. */
static bool
write_clip_vocabulary(const char *scratch)
{
  const char *shared = getenv("SACCADE_SHARED");
  char command[9216], name[4096];
  size_t size, vocabulary_size, id = 0;
  char *merges, *text;
  FILE *out;

  snprintf(name, sizeof name, "%s/goldens/bpe_simple_vocab_16e6.txt.gz", shared ? shared : "");
  if (!shared || access(name, R_OK) != 0)
    return false;
  snprintf(command, sizeof command, "gzip -dc '%s' | sed -n '1s/.*/#version: 0.2/; 1,48895p' > '%s/merges.txt'", name,
           scratch);
  if (system(command) != 0)
    give_up(command);
  merges = read_file(scratch, "merges.txt", &size);
  out = open_memstream(&text, &vocabulary_size);
  fputc('{', out);
  for (int end = 0; end < 2; end++) {
    for (int pass = 0, next = 0x100; pass < 2; pass++)
      for (int byte = 0; byte < 256; byte++) {
        const bool own = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
        const int point = own ? byte : next;
        const char utf8[3] = { (char)(point < 0x80 ? point : 0xc0 | point >> 6),
                               (char)(point < 0x80 ? 0 : 0x80 | (point & 0x3f)), 0 };

        if (own != (pass == 0))
          continue;
        next += !own;
        char piece[8];
        snprintf(piece, sizeof piece, "%s%s", utf8, end ? "</w>" : "");
        write_json_string(out, piece, strlen(piece));
        fprintf(out, ": %zu,", id++);
      }
  }
  for (char *line = strchr(merges, '\n') + 1; *line; line = strchr(line, '\n') + 1) {
    char both[512];
    const size_t length = strcspn(line, "\n"), left = strcspn(line, " ");

    memcpy(both, line, left);
    memcpy(both + left, line + left + 1, length - left - 1);
    write_json_string(out, both, length - 1);
    fprintf(out, ": %zu,", id++);
  }
  fprintf(out, "\"<|startoftext|>\": %zu, \"<|endoftext|>\": %zu}", id, id + 1);
  fclose(out);
  write_file(scratch, "vocab.json", text, vocabulary_size);
  free(text);
  free(merges);
  return true;
}

static bool
find_minilm(char *path, size_t size)
{
  const char *models = getenv("SACCADE_MODELS"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
  char vocabulary[8192];

  if (models)
    snprintf(path, size, "%s/minilm-l6", models);
  else if (data)
    snprintf(path, size, "%s/saccade/models/minilm-l6", data);
  else
    snprintf(path, size, "%s/.local/share/saccade/models/minilm-l6", home ? home : "");
  snprintf(vocabulary, sizeof vocabulary, "%s/vocab.txt", path);
  return access(vocabulary, R_OK) == 0;
}

int
main(int argc, char **argv)
{
  const char *temporary = getenv("TMPDIR");
  char scratch[4096], minilm[4096];
  bool skipped = false;

  if (argc != 3)
    give_up("tokenizer-test FOLDER small|clip|wordpiece");
  snprintf(scratch, sizeof scratch, "%s/saccade-tokenizer-XXXXXX", temporary ? temporary : "/tmp");
  if (!mkdtemp(scratch))
    give_up(scratch);
  if (strcmp(argv[2], "clip") == 0) {
    skipped = !write_clip_vocabulary(scratch);
    if (!skipped)
      check_table(argv[1], "clip-full.json", scratch);
  } else if (strcmp(argv[2], "wordpiece") == 0) {
    skipped = !find_minilm(minilm, sizeof minilm);
    if (!skipped)
      check_table(argv[1], "wordpiece-full.json", minilm);
  } else {
    check_small(argv[1], scratch);
    check_faults(scratch);
    check_sentencepiece(argv[1]);
    check_padding(argv[1], scratch);
    check_model_faults(scratch);
    check_broken_models(argv[1], "unigram-small", "spiece.model", scratch);
    check_broken_models(argv[1], "unigram-bytes", "tokenizer.model", scratch);
    check_broken_models(argv[1], "pairs-small", "tokenizer.model", scratch);
    check_time(argv[1], "clip-small");
    check_time(argv[1], "wordpiece-small");
    check_time(argv[1], "unigram-small");
    check_time(argv[1], "unigram-bytes");
    check_time(argv[1], "pairs-small");
  }
  clear_folder(scratch);
  rmdir(scratch);
  if (skipped)
    return 77;
  printf("%u checks, %u failures\n", checks, failures);
  return failures != 0;
}
