/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

#include "compute/text/tokenizer.h"
#include "compute/text/vocabulary.h"
#include "compute/weights/config.h"

/* A growing list of ids that remembers having run out of memory and stops growing at `limit`. */
struct id_list {
  int32_t *ids;
  size_t count, limit;
};

/* False: the list is full, nothing more is wanted. */
bool id_list_add(struct id_list *list, int32_t id);

/* A growing string of code points; `failed` when memory ran out, then additions do nothing. */
struct code_points {
  int32_t *points;
  size_t count, capacity;
  bool failed;
};

void code_points_add(struct code_points *text, int32_t point);
/* Decodes; bytes that are not UTF-8 become U+FFFD. */
void code_points_decode(struct code_points *text, const char *utf8, size_t bytes);
void code_points_finish(struct code_points *text);

bool code_point_is_space(int32_t point);
bool code_point_is_letter(int32_t point);
bool code_point_is_number(int32_t point);
bool code_point_is_mark(int32_t point);        /* Mn */
bool code_point_is_other(int32_t point);       /* C* but unassigned */
bool code_point_is_punctuation(int32_t point); /* P*, and all of ASCII's that is neither letter, digit nor space */
/* Appends the lower case, which may be two code points. */
void code_points_add_lower(struct code_points *text, int32_t point);

/* Merges: which neighbours become one, and in which order. */
struct merge_table;

struct tokenizer {
  enum tokenizer_kind kind;
  struct vocabulary vocabulary;
  bool lower_case;
  int32_t start, end, pad, unknown;
  /* Pieces that stand for themselves wherever they occur in a text. */
  struct special {
    const char *text;
    int32_t id;
  } specials[8];
  unsigned special_count;

  /* BPE: the id of each byte alone, and of each byte that ends a word; -1 where the vocabulary lacks it. */
  int32_t byte_ids[256], last_byte_ids[256];
  struct merge_table *merges;
};

/* Each encodes a text that holds no special piece, and stops when the list is full. */
enum compute_status wordpiece_encode(const struct tokenizer *tokenizer, const char *utf8, size_t bytes,
                                     struct id_list *list, struct compute_error *error);
enum compute_status bpe_encode(const struct tokenizer *tokenizer, const char *utf8, size_t bytes, struct id_list *list,
                               struct compute_error *error);

/* Fills byte_ids and last_byte_ids from the vocabulary. */
void bpe_find_bytes(struct tokenizer *tokenizer);
/* One merge, the next in rank. COMPUTE_ERROR_INVALID_FILE: a part or their union is not in the vocabulary. */
enum compute_status bpe_add_merge(struct tokenizer *tokenizer, const char *left, size_t left_bytes, const char *right,
                                  size_t right_bytes, struct compute_error *error);
void bpe_finish(struct tokenizer *tokenizer);
