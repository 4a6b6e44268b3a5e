/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/text/tokenizer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/text/tokenizer-private.h"

#define MAX_ID (1 << 24)

bool
id_list_add(struct id_list *list, int32_t id)
{
  if (list->count < list->limit)
    list->ids[list->count++] = id;
  return list->count < list->limit;
}

/* ---- Loading ----------------------------------------------------------------------------------------------------------- */

static enum compute_status
out_of_memory(const char *path, struct compute_error *error)
{
  return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "%s: not enough memory to read it", path);
}

/* {"piece": id, …} */
static enum compute_status
load_vocabulary(struct tokenizer *tokenizer, const struct config *pieces, const char *path, struct compute_error *error)
{
  const size_t count = config_count(pieces);

  /* A list walks in linear time only by its links, which config_next() follows. */
  for (const struct config *piece = config_at(pieces, 0); piece; piece = config_next(piece)) {
    const char *text = config_key(piece);
    double id;

    if (!text || config_value(piece, 0, MAX_ID, &id, NULL) || id != (int32_t)id)
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: piece “%.60s” has no whole number for its id", path,
                          text ? text : "");
    if (!vocabulary_add(&tokenizer->vocabulary, text, strlen(text), (int32_t)id))
      return out_of_memory(path, error);
  }
  return count ? COMPUTE_OK : compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: the vocabulary is empty", path);
}

static enum compute_status
add_merge(struct tokenizer *tokenizer, const char *line, size_t bytes, const char *path, struct compute_error *error)
{
  const char *blank = memchr(line, ' ', bytes);
  struct compute_error reason;

  if (!blank)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: “%.*s” is not a merge of two pieces", path,
                        bytes > 60 ? 60 : (int)bytes, line);
  const size_t left = (size_t)(blank - line);
  enum compute_status status = bpe_add_merge(tokenizer, line, left, blank + 1, bytes - left - 1, &reason);
  return status ? compute_fail(error, status, "%s: %s", path, reason.message) : COMPUTE_OK;
}

/* Calls add(…) with each line of a text file, without its end. */
static enum compute_status
each_line(const char *path, struct tokenizer *tokenizer,
          enum compute_status (*add)(struct tokenizer *, const char *, size_t, size_t, const char *,
                                     struct compute_error *),
          struct compute_error *error)
{
  FILE *file = fopen(path, "rbe");
  char *line = NULL;
  size_t capacity = 0, number = 0;
  ssize_t length;
  enum compute_status status = COMPUTE_OK;

  if (!file)
    return compute_fail(error, errno == ENOENT ? COMPUTE_ERROR_NOT_FOUND : COMPUTE_ERROR_IO, "%s: %s", path,
                        strerror(errno));
  while (!status && (length = getline(&line, &capacity, file)) >= 0) {
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
      line[--length] = '\0';
    status = number > MAX_ID ? compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: too many lines", path)
                             : add(tokenizer, line, (size_t)length, number, path, error);
    number++;
  }
  if (!status && ferror(file))
    status = compute_fail(error, COMPUTE_ERROR_IO, "%s: cannot be read", path);
  free(line);
  fclose(file);
  return status;
}

static enum compute_status
add_merge_line(struct tokenizer *tokenizer, const char *line, size_t bytes, size_t number, const char *path,
               struct compute_error *error)
{
  const bool comment = number == 0 && strncmp(line, "#version", 8) == 0;

  return comment || bytes == 0 ? COMPUTE_OK : add_merge(tokenizer, line, bytes, path, error);
}

static enum compute_status
add_piece_line(struct tokenizer *tokenizer, const char *line, size_t bytes, size_t number, const char *path,
               struct compute_error *error)
{
  return vocabulary_add(&tokenizer->vocabulary, line, bytes, (int32_t)number) ? COMPUTE_OK : out_of_memory(path, error);
}

static enum compute_status
load_merges(struct tokenizer *tokenizer, const struct config *merges, const char *path, struct compute_error *error)
{
  for (const struct config *merge = config_at(merges, 0); merge; merge = config_next(merge)) {
    const char *line = config_text(merge);
    const char *left = config_text(config_at(merge, 0)), *right = config_text(config_at(merge, 1));
    struct compute_error reason;
    enum compute_status status;

    if (line)
      status = add_merge(tokenizer, line, strlen(line), path, error);
    else if (!left || !right)
      status = compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: a merge is not one of two pieces", path);
    else if ((status = bpe_add_merge(tokenizer, left, strlen(left), right, strlen(right), &reason)))
      compute_fail(error, status, "%s: %s", path, reason.message);
    if (status)
      return status;
  }
  return COMPUTE_OK;
}

/* The one file that holds everything, for folders without the others. */
static enum compute_status
load_tokenizer_json(struct tokenizer *tokenizer, const char *path, struct compute_error *error)
{
  struct config *config = NULL;
  enum compute_status status = config_open(path, &config, error);

  if (status)
    return status;
  const struct config *model = config_child(config, "model");
  const struct config *vocabulary = config_child(model, "vocab"), *merges = config_child(model, "merges");
  if (config_string_is(model, "type", "Unigram") ||
      (config_string_is(model, "type", "BPE") && config_flag_or(model, "byte_fallback", false))) {
    status = sentencepiece_load_json(tokenizer, config, path, error);
    config_close(&config);
    return status;
  }
  if (config_string_is(model, "type", "WordPiece"))
    tokenizer->kind = TOKENIZER_WORDPIECE;
  else if (config_string_is(model, "type", "BPE") || (merges && !config_has(model, "type")))
    tokenizer->kind = TOKENIZER_BPE;
  else
    status = compute_fail(error, COMPUTE_ERROR_UNSUPPORTED, "%s: a tokenizer of a type that this program does not know",
                          path);
  if (!status)
    status = load_vocabulary(tokenizer, vocabulary, path, error);
  if (!status && tokenizer->kind == TOKENIZER_BPE)
    status = load_merges(tokenizer, merges, path, error);
  if (config_has(config_child(config, "normalizer"), "lowercase"))
    tokenizer->lower_case = config_flag_or(config_child(config, "normalizer"), "lowercase", true);
  config_close(&config);
  return status;
}

static enum compute_status
load_files(struct tokenizer *tokenizer, const char *folder, struct compute_error *error)
{
  char path[4096], merges[4096];
  struct config *config = NULL;
  struct compute_error reason;

  if (snprintf(path, sizeof path, "%s/vocab.txt", folder) >= (int)sizeof path)
    return compute_fail(error, COMPUTE_ERROR_IO, "%.200s…: the path is too long", folder);
  tokenizer->kind = TOKENIZER_WORDPIECE;
  enum compute_status status = each_line(path, tokenizer, add_piece_line, error);
  if (status != COMPUTE_ERROR_NOT_FOUND)
    return status;

  tokenizer->kind = TOKENIZER_BPE;
  snprintf(path, sizeof path, "%s/vocab.json", folder);
  snprintf(merges, sizeof merges, "%s/merges.txt", folder);
  if ((status = config_open(path, &config, error)) == COMPUTE_OK) {
    status = load_vocabulary(tokenizer, config, path, error);
    config_close(&config);
    return status ? status : each_line(merges, tokenizer, add_merge_line, error);
  }
  if (status != COMPUTE_ERROR_NOT_FOUND)
    return status;

  static const char *const models[] = { "spiece.model", "tokenizer.model" };
  for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, models[i]);
    if ((status = sentencepiece_load(tokenizer, path, error)) != COMPUTE_ERROR_NOT_FOUND)
      return status;
  }

  snprintf(path, sizeof path, "%s/tokenizer.json", folder);
  status = load_tokenizer_json(tokenizer, path, &reason);
  if (status == COMPUTE_ERROR_NOT_FOUND)
    return compute_fail(
        error, status,
        "%s: no tokenizer there: vocab.txt, vocab.json with merges.txt, spiece.model, tokenizer.model, or "
        "tokenizer.json",
        folder);
  return status ? compute_fail(error, status, "%s", reason.message) : COMPUTE_OK;
}

static enum compute_status
find_special(struct tokenizer *tokenizer, const char *folder, const char *piece, int32_t *id,
             struct compute_error *error)
{
  *id = vocabulary_find(&tokenizer->vocabulary, piece, strlen(piece));
  if (*id < 0)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: the tokenizer's vocabulary lacks %s", folder, piece);
  tokenizer->specials[tokenizer->special_count++] = (struct special){ piece, *id };
  return COMPUTE_OK;
}

static enum compute_status
find_specials(struct tokenizer *tokenizer, const char *folder, struct compute_error *error)
{
  enum compute_status status;
  int32_t mask;

  if (tokenizer->sentencepiece)
    return COMPUTE_OK; /* which its model says, and tokenizer_config.json */
  if (tokenizer->kind == TOKENIZER_WORDPIECE) {
    if ((status = find_special(tokenizer, folder, "[CLS]", &tokenizer->start, error)) ||
        (status = find_special(tokenizer, folder, "[SEP]", &tokenizer->end, error)) ||
        (status = find_special(tokenizer, folder, "[PAD]", &tokenizer->pad, error)))
      return status;
    (void)find_special(tokenizer, folder, "[MASK]", &mask, NULL);
    return find_special(tokenizer, folder, "[UNK]", &tokenizer->unknown, error);
  }
  if ((status = find_special(tokenizer, folder, "<|startoftext|>", &tokenizer->start, error)) ||
      (status = find_special(tokenizer, folder, "<|endoftext|>", &tokenizer->end, error)))
    return status;
  tokenizer->pad = tokenizer->unknown = tokenizer->end;
  bpe_find_bytes(tokenizer);
  return COMPUTE_OK;
}

/* A special piece that tokenizer_config.json names, as a string or as {"content": string}, or the fallback. */
static int32_t
named_piece(const struct tokenizer *tokenizer, const struct config *config, const char *key, int32_t fallback)
{
  const char *piece = config_string(config, key);

  if (!piece)
    piece = config_string(config_child(config, key), "content");
  const int32_t id = piece ? sentencepiece_find(tokenizer->sentencepiece, piece, strlen(piece)) : -1;
  return id >= 0 ? id : fallback;
}

/* config: tokenizer_config.json, or NULL. */
static enum compute_status
configure_sentencepiece(struct tokenizer *tokenizer, const struct config *config, const char *folder,
                        struct compute_error *error)
{
  struct sentencepiece *model = tokenizer->sentencepiece;

  model->canonical =
      tokenizer->kind == TOKENIZER_UNIGRAM &&
      (!config_has(config, "tokenizer_class") || config_string_is(config, "tokenizer_class", "SiglipTokenizer"));
  tokenizer->start = -1;
  tokenizer->end = named_piece(tokenizer, config, "eos_token", model->end);
  if (tokenizer->end < 0 || (size_t)tokenizer->end >= model->count)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: the tokenizer has no piece for a text's end", folder);
  /* SigLIP was trained on texts that are filled up with their end. */
  const bool has_pad = !model->canonical && model->pad >= 0 && (size_t)model->pad < model->count;
  tokenizer->pad = named_piece(tokenizer, config, "pad_token", has_pad ? model->pad : tokenizer->end);
  return COMPUTE_OK;
}

/* config: tokenizer_config.json. */
static bool
config_pads_front(const struct config *config)
{
  const char *class = config_string(config, "tokenizer_class");

  if (config_has(config, "padding_side"))
    return config_string_is(config, "padding_side", "left");
  return class && (strncmp(class, "GemmaTokenizer", 14) == 0 || strncmp(class, "Siglip2Tokenizer", 16) == 0);
}

enum compute_status
tokenizer_open(const char *folder, struct tokenizer **out, struct compute_error *error)
{
  struct tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
  struct config *config = NULL;
  char path[4096];
  enum compute_status status;

  *out = NULL;
  if (!tokenizer)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "%s: not enough memory for its tokenizer", folder);
  tokenizer->vocabulary.largest = -1;
  tokenizer->lower_case = true;
  if ((status = load_files(tokenizer, folder, error)) || (status = find_specials(tokenizer, folder, error))) {
    tokenizer_close(&tokenizer);
    return status;
  }
  snprintf(path, sizeof path, "%s/tokenizer_config.json", folder);
  if (config_open(path, &config, NULL) == COMPUTE_OK) {
    tokenizer->lower_case = config_flag_or(config, "do_lower_case", tokenizer->lower_case);
    tokenizer->pads_front = config_pads_front(config);
  }
  if (tokenizer->sentencepiece)
    status = configure_sentencepiece(tokenizer, config, folder, error);
  config_close(&config);
  if (status)
    tokenizer_close(&tokenizer);
  *out = tokenizer;
  return status;
}

void
tokenizer_close(struct tokenizer **tokenizer)
{
  if (!*tokenizer)
    return;
  vocabulary_finish(&(*tokenizer)->vocabulary);
  bpe_finish(*tokenizer);
  sentencepiece_finish(*tokenizer);
  free(*tokenizer);
  *tokenizer = NULL;
}

/* ---- Encoding ---------------------------------------------------------------------------------------------------------- */

/* The first special piece in the text, or NULL. */
static const char *
next_special(const struct tokenizer *tokenizer, const char *text, size_t bytes, const struct special **special)
{
  const char *first = NULL;

  for (unsigned i = 0; i < tokenizer->special_count; i++) {
    const char *found = memmem(text, bytes, tokenizer->specials[i].text, strlen(tokenizer->specials[i].text));

    if (found && (!first || found < first)) {
      first = found;
      *special = &tokenizer->specials[i];
    }
  }
  return first;
}

/* Of a text that holds no special piece. */
static enum compute_status
encode_plain(const struct tokenizer *tokenizer, const char *utf8, size_t bytes, struct id_list *list,
             struct compute_error *error)
{
  switch (tokenizer->kind) {
  case TOKENIZER_WORDPIECE:
    return wordpiece_encode(tokenizer, utf8, bytes, list, error);
  case TOKENIZER_BPE:
    return bpe_encode(tokenizer, utf8, bytes, list, error);
  case TOKENIZER_UNIGRAM:
    return unigram_encode(tokenizer, utf8, bytes, list, error);
  case TOKENIZER_SENTENCEPIECE_BPE:
    return sentencepiece_bpe_encode(tokenizer, utf8, bytes, list, error);
  }
  return COMPUTE_OK;
}

enum compute_status
tokenizer_encode(const struct tokenizer *tokenizer, const char *utf8, size_t bytes, size_t max_tokens, int32_t *ids,
                 size_t *count, struct compute_error *error)
{
  /* One place is kept for the end token. */
  struct id_list list = { .ids = ids, .limit = max_tokens - 1 };
  enum compute_status status = COMPUTE_OK;

  if (tokenizer->start >= 0)
    id_list_add(&list, tokenizer->start);
  while (!status && bytes && list.count < list.limit) {
    const struct special *special = NULL;
    const char *found = next_special(tokenizer, utf8, bytes, &special);
    const size_t plain = found ? (size_t)(found - utf8) : bytes;

    status = encode_plain(tokenizer, utf8, plain, &list, error);
    const size_t used = plain + (special ? strlen(special->text) : 0);
    if (!status && special)
      id_list_add(&list, special->id);
    utf8 += used;
    bytes -= used;
  }
  ids[list.count] = tokenizer->end;
  *count = list.count + 1;
  return status;
}

bool
tokenizer_pads_front(const struct tokenizer *tokenizer)
{
  return tokenizer->pads_front;
}

int32_t
tokenizer_pad_id(const struct tokenizer *tokenizer)
{
  return tokenizer->pad;
}

size_t
tokenizer_vocabulary_size(const struct tokenizer *tokenizer)
{
  return (size_t)(tokenizer->vocabulary.largest + 1);
}

enum tokenizer_kind
tokenizer_kind(const struct tokenizer *tokenizer)
{
  return tokenizer->kind;
}
