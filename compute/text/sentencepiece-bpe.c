/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "compute/text/tokenizer-private.h"

/*
 * Byte-pair encoding as SentencePiece does it: on the characters of the whole text, blanks among them, and any two neighbours whose
 * union is a piece may become one, those of the highest score first. A character without a piece becomes its bytes.
 */

/* A part of the text that is one piece by now. */
struct symbol {
  size_t start;
  int32_t bytes; /* 0: merged into its neighbour to the left */
  int32_t previous, next;
  int32_t id;  /* -1: no piece */
  bool frozen; /* a user-defined piece: it stays as it is */
};

static int32_t
find_piece(const struct sentencepiece *model, const char *text, size_t bytes)
{
  struct piece_range range = piece_range_all(&model->matched);

  for (size_t i = 0; i < bytes; i++)
    if (!piece_range_narrow(model, &model->matched, &range, text[i]))
      return -1;
  const int32_t id = piece_range_exact(model, &model->matched, &range);
  return id >= 0 && model->pieces[id].type != PIECE_UNUSED ? id : -1;
}

static void
consider(const struct sentencepiece *model, const char *text, const struct symbol *symbols, int32_t left,
         struct merge_heap *heap)
{
  if (left < 0 || symbols[left].next < 0)
    return;
  const struct symbol *a = &symbols[left], *b = &symbols[a->next];
  if (a->frozen || b->frozen)
    return;
  const int32_t id = find_piece(model, text + a->start, (size_t)a->bytes + (size_t)b->bytes);
  if (id >= 0)
    merge_heap_push(
        heap, (struct merge_candidate){
                  .rank = model->pieces[id].rank, .left = left, .id = id, .left_id = a->bytes, .right_id = b->bytes });
}

/* Returns how many symbols the text is at first. */
static int32_t
split(const struct sentencepiece *model, const struct byte_string *text, struct symbol *symbols)
{
  int32_t count = 0;
  size_t length;

  for (size_t start = 0; start < text->count; start += length) {
    const size_t user_defined = sentencepiece_user_defined(model, text->bytes + start, text->count - start);

    length = user_defined ? user_defined : utf8_length(text->bytes[start]);
    length = length < text->count - start ? length : text->count - start;
    symbols[count] = (struct symbol){ .start = start,
                                      .bytes = (int32_t)length,
                                      .previous = count - 1,
                                      .next = count + 1,
                                      .id = find_piece(model, text->bytes + start, length),
                                      .frozen = user_defined > 0 };
    count++;
  }
  symbols[count - 1].next = -1;
  return count;
}

/* False: out of memory. */
static bool
merge(const struct sentencepiece *model, const char *text, struct symbol *symbols, int32_t count)
{
  struct merge_heap heap = { 0 };

  for (int32_t i = 0; i < count; i++)
    consider(model, text, symbols, i, &heap);
  while (heap.count) {
    const struct merge_candidate best = merge_heap_pop(&heap);
    struct symbol *left = &symbols[best.left];

    /* A candidate whose symbols have changed since it was pushed is out of date. */
    if (left->bytes != best.left_id || left->next < 0 || symbols[left->next].bytes != best.right_id)
      continue;
    struct symbol *right = &symbols[left->next];
    left->bytes += right->bytes;
    left->next = right->next;
    left->id = best.id;
    right->bytes = 0;
    if (left->next >= 0)
      symbols[left->next].previous = best.left;
    consider(model, text, symbols, left->previous, &heap);
    consider(model, text, symbols, best.left, &heap);
  }
  free(heap.candidates);
  return !heap.failed;
}

enum compute_status
sentencepiece_bpe_encode(const struct tokenizer *tokenizer, const char *utf8, size_t bytes, struct id_list *list,
                         struct compute_error *error)
{
  const struct sentencepiece *model = tokenizer->sentencepiece;
  struct byte_string text = { 0 };
  struct symbol *symbols = NULL;
  bool done = sentencepiece_normalize(tokenizer, utf8, bytes, &text);

  if (done && text.count) {
    done = text.count < INT32_MAX && (symbols = malloc(text.count * sizeof *symbols));
    done = done && merge(model, text.bytes, symbols, split(model, &text, symbols));
  }
  bool unknown = false, room = true;
  for (int32_t i = 0; done && text.count && room && i >= 0; i = symbols[i].next) {
    const int32_t id = symbols[i].id >= 0 ? symbols[i].id : tokenizer->unknown;

    room =
        sentencepiece_add_piece(tokenizer, id, text.bytes + symbols[i].start, (size_t)symbols[i].bytes, unknown, list);
    unknown = id == tokenizer->unknown;
  }
  free(symbols);
  byte_string_finish(&text);
  return done ? COMPUTE_OK
              : compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory to tokenize a text of %zu bytes",
                             bytes);
}
