/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "compute/text/tokenizer-private.h"

/*
 * The most probable split of a text into pieces that are drawn independently of each other (Kudo 2018), found by Viterbi's
 * algorithm: the best split of the first n bytes ends in a piece, before which stands the best split of what is left.
 */

/* What a character that no piece covers costs beyond the least probable piece. */
#define UNKNOWN_PENALTY 10
/* What a piece that stands for itself gains with each byte but the first, so that the longest is taken. */
#define USER_DEFINED_BONUS 0.1f

/* The last piece of the best split of the text's first bytes. */
struct best {
  float score;
  int32_t id; /* -1: no split ends here */
  size_t start;
};

static void
offer(struct best *best, float score, int32_t id, size_t start)
{
  /* Among equals the first stays. Sums are in fp32, as in the reference: otherwise other splits would be equal. */
  if (best->id < 0 || score > best->score)
    *best = (struct best){ score, id, start };
}

/* bests has size + 1 places. */
static void
find_best(const struct tokenizer *tokenizer, const char *text, size_t size, struct best *bests)
{
  const struct sentencepiece *model = tokenizer->sentencepiece;
  const float unknown = model->least - UNKNOWN_PENALTY;

  for (size_t i = 1; i <= size; i++)
    bests[i].id = -1;
  bests[0] = (struct best){ 0 };
  for (size_t start = 0, length; start < size; start += length) {
    struct piece_range range = piece_range_all(&model->matched);
    const float score = bests[start].score;
    bool covered = false;

    length = utf8_length(text[start]);
    length = length < size - start ? length : size - start;
    for (size_t end = start; end < size && piece_range_narrow(model, &model->matched, &range, text[end]); end++) {
      const int32_t id = piece_range_exact(model, &model->matched, &range);

      if (id < 0 || model->pieces[id].type == PIECE_UNUSED)
        continue;
      /* A piece that stands for itself beats every split of its bytes: logarithms of probabilities are not positive. */
      const float own = model->pieces[id].type == PIECE_USER_DEFINED ? USER_DEFINED_BONUS * (float)(range.length - 1)
                                                                     : model->pieces[id].score;
      offer(&bests[end + 1], score + own, id, start);
      covered = covered || range.length == length;
    }
    if (!covered)
      offer(&bests[start + length], score + unknown, tokenizer->unknown, start);
  }
}

enum compute_status
unigram_encode(const struct tokenizer *tokenizer, const char *utf8, size_t bytes, struct id_list *list,
               struct compute_error *error)
{
  struct byte_string text = { 0 };
  struct best *bests = NULL;
  bool done = sentencepiece_normalize(tokenizer, utf8, bytes, &text);

  if (done && text.count) {
    bests = malloc((text.count + 1) * sizeof *bests);
    done = bests != NULL;
  }
  if (done && text.count) {
    find_best(tokenizer, text.bytes, text.count, bests);
    /* The split is known from its end: its ends are linked the other way round, by `start`, before it is read. */
    size_t end = text.count, after = 0;
    while (end > 0) {
      const size_t start = bests[end].start;

      bests[end].start = after;
      after = end;
      end = start;
    }
    bool unknown = false, room = true;
    for (size_t start = 0; room && start < text.count; start = after, after = bests[after].start) {
      const int32_t id = bests[after].id;

      room = sentencepiece_add_piece(tokenizer, id, text.bytes + start, after - start, unknown, list);
      unknown = id == tokenizer->unknown;
    }
  }
  free(bests);
  byte_string_finish(&text);
  return done ? COMPUTE_OK
              : compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory to tokenize a text of %zu bytes",
                             bytes);
}
