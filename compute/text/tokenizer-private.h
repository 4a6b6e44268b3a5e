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

/* Neighbours that could become one. Of those that are possible now the lowest rank is next, and of its the leftmost. */
struct merge_candidate {
  int32_t rank, left; /* left: the index of the pair's first symbol */
  int32_t id, left_id, right_id;
};

struct merge_heap {
  struct merge_candidate *candidates;
  size_t count, capacity;
  bool failed;
};

void merge_heap_push(struct merge_heap *heap, struct merge_candidate candidate);
/* Of a heap that is not empty. */
struct merge_candidate merge_heap_pop(struct merge_heap *heap);

/* A growing string of bytes; `failed` when memory ran out, then additions do nothing. */
struct byte_string {
  char *bytes;
  size_t count, capacity;
  bool failed;
};

void byte_string_add(struct byte_string *string, const char *bytes, size_t count);
void byte_string_finish(struct byte_string *string);

/* SentencePiece's ModelProto.SentencePiece.Type. */
enum piece_type {
  PIECE_NORMAL = 1,
  PIECE_UNKNOWN,
  PIECE_CONTROL,
  PIECE_USER_DEFINED,
  PIECE_UNUSED,
  PIECE_BYTE,
};

struct piece {
  size_t start, bytes; /* in sentencepiece.text */
  float score;         /* unigram: its log probability; BPE: the higher, the earlier it is merged */
  enum piece_type type;
  int32_t rank; /* BPE: its place in the order of merges; equal scores have one rank */
};

/* Some of the pieces in the order of their bytes: those that begin alike are neighbours, the shortest first. */
struct piece_index {
  int32_t *ids;
  size_t count;
};

/* The pieces of an index that begin with `length` bytes of a text: ids[low … high - 1]. */
struct piece_range {
  size_t low, high, length;
};

struct sentencepiece {
  struct piece *pieces; /* by their ids */
  size_t count, capacity;
  struct byte_string text;
  /* Those that a text's bytes can become, and those among them that stand for themselves whatever surrounds them. */
  struct piece_index matched, user_defined;
  float least; /* score of a normal piece */

  /* How a text is normalised before it is split: normalizer_spec. */
  bool dummy_prefix, space_suffix, one_space, escaped_space;
  bool canonical; /* as SigLIP does it: without ASCII's punctuation */
  bool byte_fallback;
  int32_t end, pad; /* -1: the model does not say */

  /* The rules as a double-array trie of what is replaced (Aoe 1989, in the layout of darts-clone), whose values are places
     in replacements, each up to a NUL. */
  uint32_t *units;
  size_t unit_count;
  struct byte_string replacements;
};

struct tokenizer {
  enum tokenizer_kind kind;
  struct vocabulary vocabulary;
  bool lower_case, pads_front;
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

  struct sentencepiece *sentencepiece; /* TOKENIZER_UNIGRAM, TOKENIZER_SENTENCEPIECE_BPE; else NULL */
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

/* False: out of memory. */
bool sentencepiece_create(struct tokenizer *tokenizer);
void sentencepiece_finish(struct tokenizer *tokenizer);
/* Reads SentencePiece's own file, and says what kind of tokenizer it is. COMPUTE_ERROR_NOT_FOUND, COMPUTE_ERROR_IO: the file
   cannot be read; COMPUTE_ERROR_INVALID_FILE: it is no such model, or one that contradicts itself. */
enum compute_status sentencepiece_load(struct tokenizer *tokenizer, const char *path, struct compute_error *error);
/* The same from a tokenizer.json whose model is of the type Unigram, or BPE with byte_fallback. */
enum compute_status sentencepiece_load_json(struct tokenizer *tokenizer, const struct config *root, const char *path,
                                            struct compute_error *error);
/* The id of a piece, or -1. */
int32_t sentencepiece_find(const struct sentencepiece *model, const char *piece, size_t bytes);

/* precompiled_charsmap, which is copied: the trie's bytes, the trie, the replacements. */
enum compute_status sentencepiece_set_rules(struct sentencepiece *model, const char *rules, size_t bytes,
                                            const char *path, struct compute_error *error);
/* What is split into pieces. False: out of memory. */
bool
sentencepiece_normalize(const struct tokenizer *tokenizer, const char *utf8, size_t bytes, struct byte_string *out);

/* All pieces of the index: the empty beginning. */
struct piece_range piece_range_all(const struct piece_index *index);
/* One byte more. False: no piece begins so. */
bool piece_range_narrow(const struct sentencepiece *model, const struct piece_index *index, struct piece_range *range,
                        char byte);
/* The piece that is the beginning itself, or -1. */
int32_t
piece_range_exact(const struct sentencepiece *model, const struct piece_index *index, const struct piece_range *range);

/* The length of the longest user-defined piece that the text begins with, or 0. */
size_t sentencepiece_user_defined(const struct sentencepiece *model, const char *text, size_t bytes);
/* Adds an id, or those of its bytes where it is unknown and the model has pieces for bytes. */
bool sentencepiece_add_piece(const struct tokenizer *tokenizer, int32_t id, const char *bytes, size_t count,
                             bool after_unknown, struct id_list *list);
/* The length of the character that the byte begins. */
size_t utf8_length(char lead);

enum compute_status unigram_encode(const struct tokenizer *tokenizer, const char *utf8, size_t bytes,
                                   struct id_list *list, struct compute_error *error);
enum compute_status sentencepiece_bpe_encode(const struct tokenizer *tokenizer, const char *utf8, size_t bytes,
                                             struct id_list *list, struct compute_error *error);
