/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/text/tokenizer-private.h"

/*
 * SentencePiece's models (Kudo and Richardson 2018): a list of pieces with scores, and how a text is normalised. Its own
 * file is a protocol buffer, ModelProto of sentencepiece_model.proto; Hugging Face's tokenizer.json says the same.
 */

#define MAX_FILE (64 << 20)
#define MAX_PIECES (1 << 24)
/* SentencePiece makes pieces of 16 characters at most unless it is told otherwise. The bound keeps a text's time in
   proportion to its length. */
#define MAX_PIECE_BYTES 1024

bool
sentencepiece_create(struct tokenizer *tokenizer)
{
  tokenizer->sentencepiece = calloc(1, sizeof *tokenizer->sentencepiece);
  if (!tokenizer->sentencepiece)
    return false;
  *tokenizer->sentencepiece = (struct sentencepiece){
    .dummy_prefix = true, .one_space = true, .escaped_space = true, .canonical = true, .end = 2, .pad = -1
  };
  tokenizer->unknown = -1;
  return true;
}

void
sentencepiece_finish(struct tokenizer *tokenizer)
{
  struct sentencepiece *model = tokenizer->sentencepiece;

  if (!model)
    return;
  free(model->pieces);
  free(model->matched.ids);
  free(model->user_defined.ids);
  free(model->units);
  byte_string_finish(&model->text);
  byte_string_finish(&model->replacements);
  free(model);
  tokenizer->sentencepiece = NULL;
}

static enum compute_status
out_of_memory(const char *path, struct compute_error *error)
{
  return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "%s: not enough memory to read it", path);
}

/* ---- Pieces ------------------------------------------------------------------------------------------------------------ */

static enum compute_status
add_piece(struct tokenizer *tokenizer, const char *text, size_t bytes, double score, enum piece_type type,
          const char *path, struct compute_error *error)
{
  struct sentencepiece *model = tokenizer->sentencepiece;

  if (!bytes || bytes > MAX_PIECE_BYTES || memchr(text, '\0', bytes) || !isfinite(score) || fabs(score) > 1e9)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                        "%s: piece %zu (“%.*s”) must have 1 … %d bytes and a finite score", path, model->count,
                        bytes > 60 ? 60 : (int)bytes, text, MAX_PIECE_BYTES);
  if (model->count >= MAX_PIECES)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: too many pieces", path);
  if (type == PIECE_UNKNOWN) {
    if (tokenizer->unknown >= 0)
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: piece %zu is a second one for what is unknown", path,
                          model->count);
    tokenizer->unknown = (int32_t)model->count;
  }
  if (model->count == model->capacity) {
    const size_t capacity = model->capacity ? model->capacity * 2 : 1024;
    struct piece *pieces = realloc(model->pieces, capacity * sizeof *pieces);

    if (!pieces)
      return out_of_memory(path, error);
    model->pieces = pieces;
    model->capacity = capacity;
  }
  model->pieces[model->count++] =
      (struct piece){ .start = model->text.count, .bytes = bytes, .score = (float)score, .type = type };
  byte_string_add(&model->text, text, bytes);
  return model->text.failed ? out_of_memory(path, error) : COMPUTE_OK;
}

static int
compare_bytes(const struct sentencepiece *model, int32_t a, int32_t b)
{
  const struct piece *left = &model->pieces[a], *right = &model->pieces[b];
  const size_t shorter = left->bytes < right->bytes ? left->bytes : right->bytes;
  const int order = memcmp(model->text.bytes + left->start, model->text.bytes + right->start, shorter);

  return order ? order : left->bytes < right->bytes ? -1 : left->bytes > right->bytes;
}

static int
compare_scores(const struct sentencepiece *model, int32_t a, int32_t b)
{
  const float left = model->pieces[a].score, right = model->pieces[b].score;

  return left > right ? -1 : left < right;
}

/* Merge sort: qsort() takes no model, and may take quadratic time. */
static bool
sort_index(const struct sentencepiece *model, int (*compare)(const struct sentencepiece *, int32_t, int32_t),
           struct piece_index *index)
{
  int32_t *other = malloc((index->count ? index->count : 1) * sizeof *other);

  if (!other)
    return false;
  for (size_t run = 1; run < index->count; run *= 2) {
    for (size_t start = 0; start < index->count; start += 2 * run) {
      const size_t middle = start + run < index->count ? start + run : index->count;
      const size_t end = middle + run < index->count ? middle + run : index->count;
      size_t left = start, right = middle;

      for (size_t i = start; i < end; i++) {
        const bool take_left =
            left < middle && (right == end || compare(model, index->ids[left], index->ids[right]) <= 0);

        other[i] = index->ids[take_left ? left++ : right++];
      }
    }
    int32_t *sorted = other;
    other = index->ids;
    index->ids = sorted;
  }
  free(other);
  return true;
}

static bool
make_index(const struct sentencepiece *model, bool user_defined_only, struct piece_index *index)
{
  index->ids = malloc((model->count ? model->count : 1) * sizeof *index->ids);
  if (!index->ids)
    return false;
  for (size_t i = 0; i < model->count; i++) {
    const enum piece_type type = model->pieces[i].type;

    if (type == PIECE_USER_DEFINED || (!user_defined_only && (type == PIECE_NORMAL || type == PIECE_UNUSED)))
      index->ids[index->count++] = (int32_t)i;
  }
  return sort_index(model, compare_bytes, index);
}

/* False: out of memory. */
static bool
rank_pieces(struct sentencepiece *model)
{
  struct piece_index order = { 0 };
  int32_t rank = 0;
  const bool done = make_index(model, false, &order) && sort_index(model, compare_scores, &order);

  for (size_t i = 0; done && i < order.count; i++) {
    if (i && compare_scores(model, order.ids[i - 1], order.ids[i]) != 0)
      rank++;
    model->pieces[order.ids[i]].rank = rank;
  }
  free(order.ids);
  return done;
}

/* Where byte number range->length of the pieces ids[low … high - 1], which have one, is `byte` or more. */
static size_t
first_from(const struct sentencepiece *model, const struct piece_index *index, const struct piece_range *range,
           unsigned byte)
{
  size_t low = range->low, high = range->high;

  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const struct piece *piece = &model->pieces[index->ids[middle]];
    /* The piece that ends here stands before all that go on. */
    const int there =
        piece->bytes > range->length ? (unsigned char)model->text.bytes[piece->start + range->length] : -1;

    if (there < (int)byte)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct piece_range
piece_range_all(const struct piece_index *index)
{
  return (struct piece_range){ .high = index->count };
}

bool
piece_range_narrow(const struct sentencepiece *model, const struct piece_index *index, struct piece_range *range,
                   char byte)
{
  range->low = first_from(model, index, range, (unsigned char)byte);
  range->high = first_from(model, index, range, (unsigned char)byte + 1u);
  range->length++;
  return range->low < range->high;
}

int32_t
piece_range_exact(const struct sentencepiece *model, const struct piece_index *index, const struct piece_range *range)
{
  const int32_t id = index->ids[range->low];

  return model->pieces[id].bytes == range->length ? id : -1;
}

int32_t
sentencepiece_find(const struct sentencepiece *model, const char *piece, size_t bytes)
{
  for (size_t i = 0; i < model->count; i++)
    if (model->pieces[i].bytes == bytes && memcmp(model->text.bytes + model->pieces[i].start, piece, bytes) == 0)
      return (int32_t)i;
  return -1;
}

/* The byte that a piece <0x00> … <0xFF> stands for, or -1. */
static int
byte_of_piece(const char *text, size_t bytes)
{
  static const char digits[] = "0123456789ABCDEF";

  if (bytes != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>' || !text[3] || !text[4])
    return -1;
  const char *high = strchr(digits, text[3]), *low = strchr(digits, text[4]);
  return high && low ? (int)(high - digits) * 16 + (int)(low - digits) : -1;
}

static enum compute_status
find_bytes(struct tokenizer *tokenizer, const char *path, struct compute_error *error)
{
  const struct sentencepiece *model = tokenizer->sentencepiece;

  for (unsigned byte = 0; byte < 256; byte++)
    tokenizer->byte_ids[byte] = -1;
  for (size_t i = 0; i < model->count; i++) {
    const struct piece *piece = &model->pieces[i];
    const int byte = byte_of_piece(model->text.bytes + piece->start, piece->bytes);

    if (piece->type == PIECE_BYTE && byte >= 0)
      tokenizer->byte_ids[byte] = (int32_t)i;
  }
  for (unsigned byte = 0; model->byte_fallback && byte < 256; byte++)
    if (tokenizer->byte_ids[byte] < 0)
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: the byte 0x%02X has no piece of its own", path, byte);
  return COMPUTE_OK;
}

/* What is computed from the pieces once all are known. */
static enum compute_status
prepare(struct tokenizer *tokenizer, const char *path, struct compute_error *error)
{
  struct sentencepiece *model = tokenizer->sentencepiece;
  bool first = true;

  if (tokenizer->unknown < 0)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: no piece stands for what is unknown", path);
  for (size_t i = 0; i < model->count; i++) {
    const float score = model->pieces[i].score;

    if (model->pieces[i].type != PIECE_NORMAL)
      continue;
    model->least = first || score < model->least ? score : model->least;
    first = false;
  }
  if (!make_index(model, false, &model->matched) || !make_index(model, true, &model->user_defined) ||
      (tokenizer->kind == TOKENIZER_SENTENCEPIECE_BPE && !rank_pieces(model)))
    return out_of_memory(path, error);
  for (size_t i = 1; i < model->matched.count; i++)
    if (compare_bytes(model, model->matched.ids[i - 1], model->matched.ids[i]) == 0)
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: pieces %d and %d are the same", path,
                          model->matched.ids[i - 1], model->matched.ids[i]);
  tokenizer->vocabulary.largest = (int32_t)model->count - 1;
  return find_bytes(tokenizer, path, error);
}

bool
sentencepiece_add_piece(const struct tokenizer *tokenizer, int32_t id, const char *bytes, size_t count,
                        bool after_unknown, struct id_list *list)
{
  if (id != tokenizer->unknown)
    return id_list_add(list, id);
  if (!tokenizer->sentencepiece->byte_fallback)
    /* Unknown characters that follow each other are one unknown piece. */
    return after_unknown || id_list_add(list, id);
  for (size_t i = 0; i < count; i++)
    if (!id_list_add(list, tokenizer->byte_ids[(unsigned char)bytes[i]]))
      return false;
  return true;
}

/* ---- Protocol buffers -------------------------------------------------------------------------------------------------- */

/* A message, or what is left of it to read. */
struct message {
  const unsigned char *at, *end;
};

struct field {
  uint64_t number;
  unsigned wire;    /* the wire type: 0 a variable-length integer, 1 and 5 eight and four bytes, 2 a length and bytes */
  uint64_t integer; /* wire type 0 */
  struct message content; /* the others */
};

static bool
read_integer(struct message *message, uint64_t *out)
{
  *out = 0;
  for (unsigned shift = 0; shift < 64 && message->at < message->end; shift += 7) {
    const unsigned char byte = *message->at++;

    *out |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80)
      return true;
  }
  return false;
}

/* False: the message is broken here. */
static bool
read_field(struct message *message, struct field *field)
{
  uint64_t key, length = 0;

  if (!read_integer(message, &key))
    return false;
  *field = (struct field){ .number = key >> 3, .wire = key & 7 };
  switch (field->wire) {
  case 0:
    return read_integer(message, &field->integer);
  case 1:
    length = 8;
    break;
  case 2:
    if (!read_integer(message, &length))
      return false;
    break;
  case 5:
    length = 4;
    break;
  default:
    return false;
  }
  if (length > (uint64_t)(message->end - message->at))
    return false;
  field->content = (struct message){ message->at, message->at + length };
  message->at += length;
  return true;
}

static float
read_float(const struct message *content)
{
  const unsigned char *b = content->at;
  const uint32_t bits = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
  float value;

  memcpy(&value, &bits, sizeof value);
  return value;
}

static enum compute_status
broken(const char *path, struct compute_error *error)
{
  return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: it is not a SentencePiece model, or it is cut short",
                      path);
}

/* ModelProto.SentencePiece */
static enum compute_status
read_piece(struct tokenizer *tokenizer, struct message message, const char *path, struct compute_error *error)
{
  struct field field;
  struct message text = { 0 };
  uint64_t type = PIECE_NORMAL;
  float score = 0;

  while (message.at < message.end) {
    if (!read_field(&message, &field))
      return broken(path, error);
    if (field.number == 1 && field.wire == 2)
      text = field.content;
    else if (field.number == 2 && field.wire == 5)
      score = read_float(&field.content);
    else if (field.number == 3 && field.wire == 0)
      type = field.integer;
  }
  if (type < PIECE_NORMAL || type > PIECE_BYTE)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: a piece is of type %llu, which there is not", path,
                        (unsigned long long)type);
  return add_piece(tokenizer, text.at ? (const char *)text.at : "", (size_t)(text.end - text.at), (double)score,
                   (enum piece_type)type, path, error);
}

/* TrainerSpec: of all that the training was told, what matters to who uses the model. */
static bool
read_trainer(struct sentencepiece *model, struct message message, uint64_t *model_type)
{
  struct field field;

  while (message.at < message.end) {
    if (!read_field(&message, &field))
      return false;
    if (field.wire != 0)
      continue;
    /* Negative numbers are written as if of 64 bits. */
    const int32_t id = field.integer < MAX_PIECES ? (int32_t)field.integer : -1;
    switch (field.number) {
    case 3:
      *model_type = field.integer;
      break;
    case 24:
      model->space_suffix = field.integer != 0;
      break;
    case 35:
      model->byte_fallback = field.integer != 0;
      break;
    case 42:
      model->end = id;
      break;
    case 43:
      model->pad = id;
      break;
    default:
      break;
    }
  }
  return true;
}

/* NormalizerSpec */
static enum compute_status
read_normalizer(struct sentencepiece *model, struct message message, const char *path, struct compute_error *error)
{
  struct field field;

  while (message.at < message.end) {
    if (!read_field(&message, &field))
      return broken(path, error);
    if (field.number == 2 && field.wire == 2) {
      enum compute_status status = sentencepiece_set_rules(model, (const char *)field.content.at,
                                                           (size_t)(field.content.end - field.content.at), path, error);
      if (status)
        return status;
    } else if (field.number == 3 && field.wire == 0) {
      model->dummy_prefix = field.integer != 0;
    } else if (field.number == 4 && field.wire == 0) {
      model->one_space = field.integer != 0;
    } else if (field.number == 5 && field.wire == 0) {
      model->escaped_space = field.integer != 0;
    }
  }
  return COMPUTE_OK;
}

static enum compute_status
read_model(struct tokenizer *tokenizer, struct message message, const char *path, struct compute_error *error)
{
  struct field field;
  uint64_t model_type = 1;
  bool has_trainer = false, has_normalizer = false;
  enum compute_status status = COMPUTE_OK;

  while (!status && message.at < message.end) {
    if (!read_field(&message, &field))
      return broken(path, error);
    if (field.wire != 2)
      continue;
    if (field.number == 1)
      status = read_piece(tokenizer, field.content, path, error);
    else if (field.number == 2 && !read_trainer(tokenizer->sentencepiece, field.content, &model_type))
      status = broken(path, error);
    else if (field.number == 3)
      status = read_normalizer(tokenizer->sentencepiece, field.content, path, error);
    has_trainer = has_trainer || field.number == 2;
    has_normalizer = has_normalizer || field.number == 3;
  }
  if (status)
    return status;
  /* A message that ends after any of its fields is whole; every model has both, after its pieces. */
  if (!has_trainer || !has_normalizer)
    return broken(path, error);
  if (model_type != 1 && model_type != 2)
    return compute_fail(error, COMPUTE_ERROR_UNSUPPORTED,
                        "%s: a SentencePiece model of a type that this program does not know", path);
  tokenizer->kind = model_type == 1 ? TOKENIZER_UNIGRAM : TOKENIZER_SENTENCEPIECE_BPE;
  return prepare(tokenizer, path, error);
}

enum compute_status
sentencepiece_load(struct tokenizer *tokenizer, const char *path, struct compute_error *error)
{
  FILE *file = fopen(path, "rbe");
  struct byte_string bytes = { 0 };
  char block[16384];
  size_t got;
  enum compute_status status = COMPUTE_OK;

  if (!file)
    return compute_fail(error, errno == ENOENT ? COMPUTE_ERROR_NOT_FOUND : COMPUTE_ERROR_IO, "%s: %s", path,
                        strerror(errno));
  while (bytes.count <= MAX_FILE && !bytes.failed && (got = fread(block, 1, sizeof block, file)) > 0)
    byte_string_add(&bytes, block, got);
  if (ferror(file))
    status = compute_fail(error, COMPUTE_ERROR_IO, "%s: cannot be read", path);
  else if (bytes.count > MAX_FILE)
    status = compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: larger than %d MiB", path, MAX_FILE >> 20);
  else if (bytes.failed || !sentencepiece_create(tokenizer))
    status = out_of_memory(path, error);
  else if (!bytes.count)
    status = broken(path, error);
  fclose(file);
  if (!status) {
    const unsigned char *start = (const unsigned char *)bytes.bytes;

    status = read_model(tokenizer, (struct message){ start, start + bytes.count }, path, error);
  }
  byte_string_finish(&bytes);
  return status;
}

/* ---- tokenizer.json ---------------------------------------------------------------------------------------------------- */

static int
base64_digit(char c)
{
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *found = c ? strchr(digits, c) : NULL;

  return found ? (int)(found - digits) : -1;
}

/* The rules as base64 (RFC 4648), of the normalizer itself or of the first in its sequence that has any. */
static enum compute_status
load_json_rules(struct sentencepiece *model, const struct config *normalizer, const char *path,
                struct compute_error *error)
{
  const char *text = config_string(normalizer, "precompiled_charsmap");
  struct byte_string rules = { 0 };
  uint32_t bits = 0;
  unsigned count = 0;

  for (const struct config *part = config_at(config_child(normalizer, "normalizers"), 0); part && !text;
       part = config_next(part))
    text = config_string(part, "precompiled_charsmap");
  if (!text)
    return COMPUTE_OK;
  for (; *text && *text != '='; text++) {
    const int digit = base64_digit(*text);

    if (digit < 0) {
      byte_string_finish(&rules);
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: precompiled_charsmap is not base64", path);
    }
    bits = bits << 6 | (uint32_t)digit;
    if (++count % 4 != 1) {
      const char byte = (char)(bits >> (6 - 2 * ((count - 1) % 4)) & 0xff);
      byte_string_add(&rules, &byte, 1);
    }
  }
  enum compute_status status =
      rules.failed ? out_of_memory(path, error) : sentencepiece_set_rules(model, rules.bytes, rules.count, path, error);
  byte_string_finish(&rules);
  return status;
}

/* "added_tokens" says which pieces stand for themselves (the special ones in the output only). */
static enum compute_status
mark_added(struct sentencepiece *model, const struct config *added, int32_t unknown, const char *path,
           struct compute_error *error)
{
  for (const struct config *token = config_at(added, 0); token; token = config_next(token)) {
    int64_t id;
    enum compute_status status = config_integer(token, "id", 0, MAX_PIECES, &id, error);

    if (status)
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: a token of added_tokens has no id", path);
    /* One beyond the vocabulary is never part of a text's ids. */
    if ((size_t)id < model->count && id != unknown)
      model->pieces[id].type = config_flag_or(token, "special", false) ? PIECE_CONTROL : PIECE_USER_DEFINED;
  }
  return COMPUTE_OK;
}

/* [["piece", log probability], …] in the order of their ids */
static enum compute_status
load_json_unigram(struct tokenizer *tokenizer, const struct config *json, const char *path, struct compute_error *error)
{
  struct sentencepiece *model = tokenizer->sentencepiece;
  int64_t unknown, id = 0;
  enum compute_status status;

  if ((status = config_integer(json, "unk_id", 0, MAX_PIECES, &unknown, error)))
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: its model has no unk_id", path);
  for (const struct config *piece = config_at(config_child(json, "vocab"), 0); piece;
       piece = config_next(piece), id++) {
    const struct config *first = config_at(piece, 0);
    const char *text = config_text(first);
    double score;

    if (!text || config_value(config_next(first), -1e9, 1e9, &score, NULL))
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: piece %lld of its vocabulary has no score", path,
                          (long long)id);
    const bool byte = model->byte_fallback && byte_of_piece(text, strlen(text)) >= 0;
    const enum piece_type type = id == unknown ? PIECE_UNKNOWN : byte ? PIECE_BYTE : PIECE_NORMAL;
    if ((status = add_piece(tokenizer, text, strlen(text), score, type, path, error)))
      return status;
  }
  tokenizer->kind = TOKENIZER_UNIGRAM;
  model->end = sentencepiece_find(model, "</s>", 4);
  return COMPUTE_OK;
}

/* The union of a merge, "left right" or ["left", "right"], or -1. */
static int32_t
find_union(const struct vocabulary *vocabulary, const struct config *merge)
{
  const char *line = config_text(merge), *left = config_text(config_at(merge, 0));
  const char *right = left ? config_text(config_next(config_at(merge, 0))) : NULL;
  char both[MAX_PIECE_BYTES];
  size_t left_bytes;

  if (line) {
    right = strchr(line, ' ');
    left_bytes = right ? (size_t)(right - line) : 0;
    left = line;
    right = right ? right + 1 : NULL;
  } else {
    left_bytes = left ? strlen(left) : 0;
  }
  if (!right || left_bytes + strlen(right) > sizeof both)
    return -1;
  memcpy(both, left, left_bytes);
  memcpy(both + left_bytes, right, strlen(right));
  return vocabulary_find(vocabulary, both, left_bytes + strlen(right));
}

/* {"piece": id, …}, and the merges in their order. What they make is all that a text can become besides single characters, and the
   first merge that makes a piece is its rank: such files are written from SentencePiece's own, whose scores order the merges. */
static enum compute_status
load_json_bpe(struct tokenizer *tokenizer, const struct config *json, const char *path, struct compute_error *error)
{
  const struct config *pieces = config_child(json, "vocab");
  const size_t count = config_count(pieces);
  struct sentencepiece *model = tokenizer->sentencepiece;
  struct vocabulary vocabulary = { .largest = -1 };
  const char *unknown = config_string(json, "unk_token");
  const char **texts = calloc(count ? count : 1, sizeof *texts);
  double rank = 0;
  enum compute_status status = texts ? COMPUTE_OK : out_of_memory(path, error);

  for (const struct config *piece = config_at(pieces, 0); !status && piece; piece = config_next(piece)) {
    const char *text = config_key(piece);
    double id;

    if (!text || config_value(piece, 0, (double)count - 1, &id, NULL) || id != (int32_t)id || texts[(int32_t)id])
      status = compute_fail(error, COMPUTE_ERROR_INVALID_FILE,
                            "%s: the ids of its pieces must be 0 … %zu, once each; “%.60s” has another", path,
                            count - 1, text ? text : "");
    else if (!vocabulary_add(&vocabulary, texts[(int32_t)id] = text, strlen(text), (int32_t)id))
      status = out_of_memory(path, error);
  }
  for (size_t i = 0; !status && i < count; i++) {
    const bool character = texts[i][0] && utf8_length(texts[i][0]) >= strlen(texts[i]);
    const enum piece_type type = unknown && strcmp(texts[i], unknown) == 0        ? PIECE_UNKNOWN
                                 : byte_of_piece(texts[i], strlen(texts[i])) >= 0 ? PIECE_BYTE
                                 : character                                      ? PIECE_NORMAL
                                                                                  : PIECE_CONTROL;
    status = add_piece(tokenizer, texts[i], strlen(texts[i]), 0, type, path, error);
  }
  for (const struct config *merge = config_at(config_child(json, "merges"), 0); !status && merge;
       merge = config_next(merge)) {
    const int32_t id = find_union(&vocabulary, merge);

    if (id < 0) {
      status =
          compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: merge %.0f is not one that makes a piece", path, rank);
    } else if (model->pieces[id].type == PIECE_CONTROL) {
      model->pieces[id].type = PIECE_NORMAL;
      model->pieces[id].score = (float)-rank;
    }
    rank++;
  }
  vocabulary_finish(&vocabulary);
  free(texts);
  tokenizer->kind = TOKENIZER_SENTENCEPIECE_BPE;
  model->end = sentencepiece_find(model, "<eos>", 5);
  model->pad = sentencepiece_find(model, "<pad>", 5);
  return status;
}

/* Whether the normalizer, or one in its sequence, puts something in front of the text. */
static bool
prepends(const struct config *normalizer)
{
  bool found = config_string_is(normalizer, "type", "Prepend");

  for (const struct config *part = config_at(config_child(normalizer, "normalizers"), 0); part;
       part = config_next(part))
    found = found || config_string_is(part, "type", "Prepend");
  return found;
}

enum compute_status
sentencepiece_load_json(struct tokenizer *tokenizer, const struct config *root, const char *path,
                        struct compute_error *error)
{
  const struct config *json = config_child(root, "model"), *normalizer = config_child(root, "normalizer"),
                      *splitter = config_child(root, "pre_tokenizer");
  const bool bpe = config_string_is(json, "type", "BPE");
  enum compute_status status;

  if (!sentencepiece_create(tokenizer))
    return out_of_memory(path, error);
  struct sentencepiece *model = tokenizer->sentencepiece;
  model->byte_fallback = config_flag_or(json, "byte_fallback", false);
  model->one_space = !bpe;
  model->dummy_prefix = bpe ? prepends(normalizer)
                            : config_flag_or(splitter, "add_prefix_space", true) &&
                                  !config_string_is(splitter, "prepend_scheme", "never");
  if ((status = bpe ? load_json_bpe(tokenizer, json, path, error) : load_json_unigram(tokenizer, json, path, error)) ||
      (status = mark_added(model, config_child(root, "added_tokens"), tokenizer->unknown, path, error)) ||
      (status = load_json_rules(model, normalizer, path, error)))
    return status;
  return prepare(tokenizer, path, error);
}
