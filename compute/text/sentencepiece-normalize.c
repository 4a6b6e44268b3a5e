/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "compute/text/tokenizer-private.h"

/* What stands for a blank inside pieces: U+2581. */
static const char space_symbol[] = "\xe2\x96\x81";

/* Rules are about a few characters: the bounds keep a text's time and memory in proportion to its length. */
#define MAX_RULE 256
#define MAX_REPLACEMENT 1024

void
byte_string_add(struct byte_string *string, const char *bytes, size_t count)
{
  if (string->failed)
    return;
  if (count > string->capacity - string->count) {
    size_t capacity = string->capacity ? string->capacity * 2 : 256;
    while (capacity - string->count < count)
      capacity *= 2;
    char *grown = realloc(string->bytes, capacity);

    if (!grown) {
      string->failed = true;
      return;
    }
    string->bytes = grown;
    string->capacity = capacity;
  }
  if (count)
    memcpy(string->bytes + string->count, bytes, count);
  string->count += count;
}

void
byte_string_finish(struct byte_string *string)
{
  free(string->bytes);
  *string = (struct byte_string){ 0 };
}

size_t
utf8_length(char lead)
{
  const unsigned byte = (unsigned char)lead;

  return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/* ---- The rules ------------------------------------------------------------------------------------------------------- */

enum compute_status
sentencepiece_set_rules(struct sentencepiece *model, const char *rules, size_t bytes, const char *path,
                        struct compute_error *error)
{
  const unsigned char *head = (const unsigned char *)rules;
  size_t trie, length = 0;

  if (!bytes)
    return COMPUTE_OK;
  if (bytes < 4 || (trie = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24) < 4 ||
      trie % 4 || trie >= bytes - 4 || rules[bytes - 1] != '\0')
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: the rules of its normalizer are broken", path);
  for (const char *at = rules + 4 + trie; at < rules + bytes; at++) {
    length = *at ? length + 1 : 0;
    if (length > MAX_REPLACEMENT)
      return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "%s: a rule of its normalizer is longer than %d bytes",
                          path, MAX_REPLACEMENT);
  }
  free(model->units);
  byte_string_finish(&model->replacements);
  model->unit_count = trie / 4;
  model->units = malloc(trie);
  byte_string_add(&model->replacements, rules + 4 + trie, bytes - 4 - trie);
  if (!model->units || model->replacements.failed)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "%s: not enough memory to read it", path);
  for (size_t i = 0; i < model->unit_count; i++) {
    const unsigned char *unit = head + 4 + 4 * i;

    model->units[i] = unit[0] | (uint32_t)unit[1] << 8 | (uint32_t)unit[2] << 16 | (uint32_t)unit[3] << 24;
  }
  return COMPUTE_OK;
}

/* A unit of the trie says by which byte it is reached, and where its children are: at its place exclusive-or the offset. */
static size_t
unit_offset(uint32_t unit)
{
  return (size_t)(unit >> 10) << ((unit & 0x200) >> 6);
}

/* How many bytes from text on the longest rule replaces (0: there is none), and with what. */
static size_t
find_rule(const struct sentencepiece *model, const char *text, size_t bytes, const char **replacement)
{
  size_t longest = 0, place;

  if (!model->unit_count)
    return 0;
  place = unit_offset(model->units[0]);
  for (size_t i = 0; i < bytes && i < MAX_RULE; i++) {
    const unsigned char byte = (unsigned char)text[i];

    place ^= byte;
    if (place >= model->unit_count || (model->units[place] & 0x800000ff) != byte)
      break;
    const uint32_t unit = model->units[place];
    place ^= unit_offset(unit);
    if (!(unit >> 8 & 1))
      continue;
    const size_t value = place < model->unit_count ? model->units[place] & 0x7fffffff : SIZE_MAX;
    if (value < model->replacements.count) {
      longest = i + 1;
      *replacement = model->replacements.bytes + value;
    }
  }
  return longest;
}

size_t
sentencepiece_user_defined(const struct sentencepiece *model, const char *text, size_t bytes)
{
  struct piece_range range = piece_range_all(&model->user_defined);
  size_t longest = 0;

  for (size_t i = 0; i < bytes && piece_range_narrow(model, &model->user_defined, &range, text[i]); i++)
    if (piece_range_exact(model, &model->user_defined, &range) >= 0)
      longest = range.length;
  return longest;
}

/* What the beginning of the text becomes: out, a part of the text or of the rules. Returns how much of the text that is. */
static size_t
normalize_prefix(const struct sentencepiece *model, const char *text, size_t bytes, const char **out, size_t *count)
{
  const size_t user_defined = sentencepiece_user_defined(model, text, bytes);

  *out = text;
  if (user_defined)
    return *count = user_defined;
  const size_t replaced = find_rule(model, text, bytes, out);
  if (replaced) {
    *count = strlen(*out);
    return replaced;
  }
  const size_t length = utf8_length(text[0]);
  return *count = length < bytes ? length : bytes;
}

/* ---- Canonical text --------------------------------------------------------------------------------------------------- */

/* What Python takes for white space. */
static bool
is_blank(int32_t point)
{
  return code_point_is_space(point) || (point >= 0x1c && point <= 0x1f);
}

static bool
is_ascii_punctuation(int32_t point)
{
  return point < 0x80 && code_point_is_punctuation(point);
}

static bool
is_cased(int32_t point)
{
  const utf8proc_category_t category = utf8proc_category(point);

  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LT;
}

/* Unicode's Case_Ignorable, but for a few rare marks of punctuation. */
static bool
is_case_ignorable(int32_t point)
{
  const utf8proc_category_t category = utf8proc_category(point);

  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME || category == UTF8PROC_CATEGORY_CF ||
         category == UTF8PROC_CATEGORY_LM || category == UTF8PROC_CATEGORY_SK || point == '\'' || point == '.' ||
         point == ':' || point == 0xb7 || point == 0x2018 || point == 0x2019;
}

/* A capital sigma that ends a word has a lower case of its own (Unicode 15, section 3.13, table 3-17). */
static bool
is_final_sigma(const struct code_points *text, size_t place)
{
  size_t before = place, after = place + 1;

  if (text->points[place] != 0x3a3)
    return false;
  while (before > 0 && is_case_ignorable(text->points[before - 1]))
    before--;
  while (after < text->count && is_case_ignorable(text->points[after]))
    after++;
  return before > 0 && is_cased(text->points[before - 1]) && (after == text->count || !is_cased(text->points[after]));
}

/* SigLIP was trained on texts in lower case, without ASCII's punctuation, with one blank between words (big_vision's
   canonicalize_text). Of SentencePiece's other models the lower case alone is wanted, a character at a time. */
static void
canonicalize(const struct tokenizer *tokenizer, const struct code_points *in, struct code_points *out)
{
  const bool canonical = tokenizer->sentencepiece->canonical;
  bool blank = false;

  for (size_t i = 0; i < in->count; i++) {
    const int32_t point = in->points[i];

    if (canonical && is_ascii_punctuation(point))
      continue;
    if (canonical && is_blank(point)) {
      blank = out->count > 0;
      continue;
    }
    if (blank)
      code_points_add(out, ' ');
    blank = false;
    if (!tokenizer->lower_case)
      code_points_add(out, point);
    else if (canonical && is_final_sigma(in, i))
      code_points_add(out, 0x3c2);
    else
      code_points_add_lower(out, point);
  }
}

/* ---- Normalising ------------------------------------------------------------------------------------------------------ */

static void
add_space(const struct sentencepiece *model, struct byte_string *out)
{
  byte_string_add(out, model->escaped_space ? space_symbol : " ", model->escaped_space ? 3 : 1);
}

static void
apply_rules(const struct sentencepiece *model, const char *text, size_t bytes, struct byte_string *out)
{
  const size_t space = model->escaped_space ? 3 : 1;
  const char *part;
  size_t count, used;
  bool after_space = model->one_space;

  while (model->one_space && bytes && (used = normalize_prefix(model, text, bytes, &part, &count), count == 1) &&
         *part == ' ') {
    text += used;
    bytes -= used;
  }
  if (!bytes)
    return;
  if (model->dummy_prefix && !model->space_suffix)
    add_space(model, out);
  for (; bytes; text += used, bytes -= used) {
    used = normalize_prefix(model, text, bytes, &part, &count);
    while (after_space && count && *part == ' ') {
      part++;
      count--;
    }
    for (size_t i = 0; i < count; i++) {
      if (part[i] == ' ')
        add_space(model, out);
      else
        byte_string_add(out, part + i, 1);
    }
    if (count)
      after_space = model->one_space && part[count - 1] == ' ';
  }
  while (model->one_space && out->count >= space &&
         memcmp(out->bytes + out->count - space, model->escaped_space ? space_symbol : " ", space) == 0)
    out->count -= space;
  if (model->dummy_prefix && model->space_suffix)
    add_space(model, out);
}

bool
sentencepiece_normalize(const struct tokenizer *tokenizer, const char *utf8, size_t bytes, struct byte_string *out)
{
  struct code_points decoded = { 0 }, canonical = { 0 };
  struct byte_string text = { 0 };

  code_points_decode(&decoded, utf8, bytes);
  canonicalize(tokenizer, &decoded, &canonical);
  for (size_t i = 0; i < canonical.count; i++) {
    utf8proc_uint8_t encoded[4];

    byte_string_add(&text, (const char *)encoded, (size_t)utf8proc_encode_char(canonical.points[i], encoded));
  }
  const bool failed = decoded.failed || canonical.failed || text.failed;
  if (!failed)
    apply_rules(tokenizer->sentencepiece, text.bytes, text.count, out);
  code_points_finish(&decoded);
  code_points_finish(&canonical);
  byte_string_finish(&text);
  return !failed && !out->failed;
}
