/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "compute/text/tokenizer-private.h"

/* Words of more characters than this are unknown to the reference. */
#define MAX_WORD 100

static bool
is_chinese(int32_t c)
{
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2a700 && c <= 0x2b73f) || (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

/* Controls go, all white space becomes a blank, and ideographs stand alone. */
static void
clean(struct code_points *out, const struct code_points *in)
{
  for (size_t i = 0; i < in->count; i++) {
    const int32_t c = in->points[i];
    const bool space = code_point_is_space(c);

    if (c == 0 || c == 0xfffd || (code_point_is_other(c) && c != '\t' && c != '\n' && c != '\r'))
      continue;
    if (is_chinese(c))
      code_points_add(out, ' ');
    code_points_add(out, space ? ' ' : c);
    if (is_chinese(c))
      code_points_add(out, ' ');
  }
}

/* The canonical decomposition without its non-spacing marks, in lower case. Marks alone would be reordered, and they go. */
static void
fold(struct code_points *out, const struct code_points *in)
{
  for (size_t i = 0; i < in->count; i++) {
    utf8proc_int32_t parts[8];
    int boundary = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(in->points[i], parts, 8, UTF8PROC_DECOMPOSE, &boundary);

    for (utf8proc_ssize_t k = 0; k < count && k < 8; k++)
      if (!code_point_is_mark(parts[k]))
        code_points_add_lower(out, parts[k]);
  }
}

/* Longest piece first. Returns false when the list is full. */
static bool
encode_word(const struct tokenizer *tokenizer, const int32_t *word, size_t length, struct id_list *list)
{
  char utf8[2 + 4 * MAX_WORD] = "##";
  size_t ends[MAX_WORD + 1];
  int32_t ids[MAX_WORD];
  size_t count = 0, start = 0;

  if (length > MAX_WORD)
    return id_list_add(list, tokenizer->unknown);
  ends[0] = 2;
  for (size_t i = 0; i < length; i++)
    ends[i + 1] = ends[i] + (size_t)utf8proc_encode_char(word[i], (utf8proc_uint8_t *)utf8 + ends[i]);
  while (start < length) {
    size_t end = length;
    int32_t id = -1;

    for (; end > start; end--) {
      /* Every piece but the first has the prefix ##, which is written over what was taken before. */
      char *from = utf8 + ends[start] - (start ? 2 : 0);
      if (start)
        memcpy(from, "##", 2);
      id = vocabulary_find(&tokenizer->vocabulary, from, ends[end] - (size_t)(from - utf8));
      if (id >= 0)
        break;
    }
    if (id < 0)
      return id_list_add(list, tokenizer->unknown);
    ids[count++] = id;
    start = end;
  }
  for (size_t i = 0; i < count; i++)
    if (!id_list_add(list, ids[i]))
      return false;
  return true;
}

enum compute_status
wordpiece_encode(const struct tokenizer *tokenizer, const char *utf8, size_t bytes, struct id_list *list,
                 struct compute_error *error)
{
  struct code_points decoded = { 0 }, cleaned = { 0 }, folded = { 0 };

  code_points_decode(&decoded, utf8, bytes);
  clean(&cleaned, &decoded);
  if (tokenizer->lower_case)
    fold(&folded, &cleaned);
  const bool failed = decoded.failed || cleaned.failed || folded.failed;
  const struct code_points *text = tokenizer->lower_case ? &folded : &cleaned;
  for (size_t start = 0; !failed && start < text->count;) {
    size_t end = start;

    if (code_point_is_space(text->points[start])) {
      start++;
      continue;
    }
    if (code_point_is_punctuation(text->points[start]))
      end++;
    else
      while (end < text->count && !code_point_is_space(text->points[end]) &&
             !code_point_is_punctuation(text->points[end]))
        end++;
    if (!encode_word(tokenizer, text->points + start, end - start, list))
      break;
    start = end;
  }
  code_points_finish(&decoded);
  code_points_finish(&cleaned);
  code_points_finish(&folded);
  return failed ? compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory to tokenize a text of %zu bytes",
                               bytes)
                : COMPUTE_OK;
}
