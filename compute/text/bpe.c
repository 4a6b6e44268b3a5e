/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "compute/text/tokenizer-private.h"

static const char end_of_word[] = "</w>";

/* ---- The merges: pairs of ids to (rank, id of the union), by open addressing ---------------------------------------- */

struct merge {
  int32_t left, right; /* left < 0: free */
  int32_t rank, id;
};

struct merge_table {
  struct merge *merges;
  size_t capacity, count;
};

static struct merge *
merge_slot(const struct merge_table *table, int32_t left, int32_t right)
{
  const uint64_t key = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9e3779b97f4a7c15u;
  size_t i = (size_t)(key >> 32) & (table->capacity - 1);

  while (table->merges[i].left >= 0 && (table->merges[i].left != left || table->merges[i].right != right))
    i = (i + 1) & (table->capacity - 1);
  return &table->merges[i];
}

static bool
merge_table_grow(struct merge_table *table)
{
  struct merge_table larger = { .capacity = table->capacity ? table->capacity * 2 : 4096, .count = table->count };

  larger.merges = malloc(larger.capacity * sizeof *larger.merges);
  if (!larger.merges)
    return false;
  for (size_t i = 0; i < larger.capacity; i++)
    larger.merges[i].left = -1;
  for (size_t i = 0; i < table->capacity; i++)
    if (table->merges[i].left >= 0)
      *merge_slot(&larger, table->merges[i].left, table->merges[i].right) = table->merges[i];
  free(table->merges);
  *table = larger;
  return true;
}

enum compute_status
bpe_add_merge(struct tokenizer *tokenizer, const char *left, size_t left_bytes, const char *right, size_t right_bytes,
              struct compute_error *error)
{
  const struct vocabulary *vocabulary = &tokenizer->vocabulary;
  const int32_t a = vocabulary_find(vocabulary, left, left_bytes), b = vocabulary_find(vocabulary, right, right_bytes);
  char *both = malloc(left_bytes + right_bytes + 1);
  int32_t id = -1;

  if (!tokenizer->merges)
    tokenizer->merges = calloc(1, sizeof *tokenizer->merges);
  struct merge_table *table = tokenizer->merges;
  if (!both || !table || (table->count * 2 >= table->capacity && !merge_table_grow(table))) {
    free(both);
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory for the tokenizer's merges");
  }
  memcpy(both, left, left_bytes);
  memcpy(both + left_bytes, right, right_bytes);
  id = vocabulary_find(vocabulary, both, left_bytes + right_bytes);
  free(both);
  if (a < 0 || b < 0 || id < 0)
    return compute_fail(error, COMPUTE_ERROR_INVALID_FILE, "merge %zu (%.40s) is of pieces that the vocabulary lacks",
                        table->count + 1, left);
  struct merge *merge = merge_slot(table, a, b);
  if (merge->left < 0)
    *merge = (struct merge){ .left = a, .right = b, .rank = (int32_t)table->count, .id = id };
  table->count++;
  return COMPUTE_OK;
}

/* A byte as the printable character that stands for it in the vocabulary (Radford et al. 2019): itself where it is printable
   in Latin-1, else the next free one from U+0100 on. */
static size_t
byte_character(unsigned byte, char *utf8)
{
  int32_t next = 0x100;

  for (unsigned i = 0; i < 256; i++) {
    const bool printable = (i >= '!' && i <= '~') || (i >= 0xa1 && i <= 0xac) || i >= 0xae;

    if (i == byte)
      return (size_t)utf8proc_encode_char(printable ? (int32_t)i : next, (utf8proc_uint8_t *)utf8);
    next += !printable;
  }
  return 0;
}

void
bpe_find_bytes(struct tokenizer *tokenizer)
{
  for (unsigned byte = 0; byte < 256; byte++) {
    char utf8[4 + sizeof end_of_word];
    const size_t length = byte_character(byte, utf8);

    tokenizer->byte_ids[byte] = vocabulary_find(&tokenizer->vocabulary, utf8, length);
    memcpy(utf8 + length, end_of_word, sizeof end_of_word);
    tokenizer->last_byte_ids[byte] = vocabulary_find(&tokenizer->vocabulary, utf8, length + sizeof end_of_word - 1);
  }
}

void
bpe_finish(struct tokenizer *tokenizer)
{
  if (tokenizer->merges)
    free(tokenizer->merges->merges);
  free(tokenizer->merges);
  tokenizer->merges = NULL;
}

/* ---- One word: a linked list of symbols, and a heap of the merges that are possible now --------------------------------- */

struct symbol {
  int32_t id; /* -1: merged into its neighbour to the left */
  int32_t previous, next;
};

static bool
before(const struct merge_candidate *a, const struct merge_candidate *b)
{
  return a->rank != b->rank ? a->rank < b->rank : a->left < b->left;
}

void
merge_heap_push(struct merge_heap *heap, struct merge_candidate candidate)
{
  if (heap->count == heap->capacity) {
    const size_t capacity = heap->capacity ? heap->capacity * 2 : 64;
    struct merge_candidate *candidates = realloc(heap->candidates, capacity * sizeof *candidates);

    if (!candidates) {
      heap->failed = true;
      return;
    }
    heap->candidates = candidates;
    heap->capacity = capacity;
  }
  size_t i = heap->count++;
  for (; i > 0 && before(&candidate, &heap->candidates[(i - 1) / 2]); i = (i - 1) / 2)
    heap->candidates[i] = heap->candidates[(i - 1) / 2];
  heap->candidates[i] = candidate;
}

struct merge_candidate
merge_heap_pop(struct merge_heap *heap)
{
  const struct merge_candidate best = heap->candidates[0], last = heap->candidates[--heap->count];
  size_t i = 0;

  for (;;) {
    size_t child = 2 * i + 1;

    if (child + 1 < heap->count && before(&heap->candidates[child + 1], &heap->candidates[child]))
      child++;
    if (child >= heap->count || !before(&heap->candidates[child], &last))
      break;
    heap->candidates[i] = heap->candidates[child];
    i = child;
  }
  heap->candidates[i] = last;
  return best;
}

static void
consider(const struct tokenizer *tokenizer, struct merge_heap *heap, const struct symbol *symbols, int32_t left)
{
  if (left < 0 || symbols[left].next < 0 || !tokenizer->merges || !tokenizer->merges->capacity)
    return;
  const int32_t a = symbols[left].id, b = symbols[symbols[left].next].id;
  const struct merge *merge = merge_slot(tokenizer->merges, a, b);
  if (merge->left >= 0)
    merge_heap_push(heap, (struct merge_candidate){
                              .rank = merge->rank, .left = left, .id = merge->id, .left_id = a, .right_id = b });
}

static bool
merge_symbols(const struct tokenizer *tokenizer, struct symbol *symbols, size_t count)
{
  struct merge_heap heap = { 0 };

  for (size_t i = 0; i + 1 < count; i++)
    consider(tokenizer, &heap, symbols, (int32_t)i);
  while (heap.count) {
    const struct merge_candidate best = merge_heap_pop(&heap);
    struct symbol *left = &symbols[best.left];

    /* A candidate whose symbols have changed since it was pushed is out of date. */
    if (left->id != best.left_id || left->next < 0 || symbols[left->next].id != best.right_id)
      continue;
    struct symbol *right = &symbols[left->next];
    left->id = best.id;
    left->next = right->next;
    right->id = -1;
    if (left->next >= 0)
      symbols[left->next].previous = best.left;
    consider(tokenizer, &heap, symbols, left->previous);
    consider(tokenizer, &heap, symbols, best.left);
  }
  free(heap.candidates);
  return !heap.failed;
}

/* False: out of memory. */
static bool
encode_word(const struct tokenizer *tokenizer, const int32_t *word, size_t length, struct id_list *list)
{
  struct symbol *symbols = malloc(4 * length * sizeof *symbols);
  size_t count = 0;

  if (!symbols)
    return false;
  for (size_t i = 0; i < length; i++) {
    utf8proc_uint8_t utf8[4];
    const utf8proc_ssize_t bytes = utf8proc_encode_char(word[i], utf8);

    for (utf8proc_ssize_t k = 0; k < bytes; k++) {
      const bool last = i + 1 == length && k + 1 == bytes;
      const int32_t id = last ? tokenizer->last_byte_ids[utf8[k]] : tokenizer->byte_ids[utf8[k]];

      symbols[count] = (struct symbol){ .id = id >= 0 ? id : tokenizer->unknown,
                                        .previous = (int32_t)count - 1,
                                        .next = last ? -1 : (int32_t)count + 1 };
      count++;
    }
  }
  const bool done = merge_symbols(tokenizer, symbols, count);
  for (int32_t i = 0; done && i >= 0; i = symbols[i].next)
    if (!id_list_add(list, symbols[i].id))
      break;
  free(symbols);
  return done;
}

/* ---- A text: normalised, then split into words ------------------------------------------------------------------------- */

static unsigned
combining_class(int32_t point)
{
  return (unsigned)utf8proc_get_property(point)->combining_class & 0xff;
}

/* Puts each run of marks in the order of their combining classes, those of a class as they are: a counting sort, because a run may be as
   long as the text. False: out of memory. */
static bool
order_marks(struct code_points *text)
{
  int32_t *sorted = NULL;
  size_t end;

  for (size_t start = 0; start < text->count; start = end + 1) {
    end = start;
    if (!combining_class(text->points[start]))
      continue;
    size_t places[257] = { 0 };
    for (; end < text->count && combining_class(text->points[end]); end++)
      places[combining_class(text->points[end]) + 1]++;
    if (end - start < 2)
      continue;
    if (!sorted && !(sorted = malloc(text->count * sizeof *sorted)))
      return false;
    for (unsigned i = 1; i < 257; i++)
      places[i] += places[i - 1];
    for (size_t i = start; i < end; i++)
      sorted[places[combining_class(text->points[i])]++] = text->points[i];
    memcpy(text->points + start, sorted, (end - start) * sizeof *sorted);
  }
  free(sorted);
  return true;
}

/* The canonical composition. False: out of memory. */
static bool
compose(struct code_points *text)
{
  struct code_points decomposed = { 0 };

  for (size_t i = 0; i < text->count; i++) {
    utf8proc_int32_t parts[8];
    int boundary = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(text->points[i], parts, 8, UTF8PROC_DECOMPOSE, &boundary);

    for (utf8proc_ssize_t k = 0; k < count && k < 8; k++)
      code_points_add(&decomposed, parts[k]);
  }
  const bool ordered = order_marks(&decomposed);
  if (decomposed.count) {
    const utf8proc_ssize_t count = utf8proc_normalize_utf32(decomposed.points, (utf8proc_ssize_t)decomposed.count,
                                                            UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    decomposed.count = count > 0 ? (size_t)count : 0;
  }
  const bool failed = text->failed || decomposed.failed || !ordered;
  code_points_finish(text);
  *text = decomposed;
  return !failed;
}

/* How many code points from start on are a contraction: 's 't 're 've 'm 'll 'd. */
static size_t
contraction(const struct code_points *text, size_t start)
{
  static const char *const endings[] = { "s", "t", "re", "ve", "m", "ll", "d" };

  if (text->points[start] != '\'')
    return 0;
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    size_t length = 0;

    while (endings[i][length] && start + 1 + length < text->count &&
           text->points[start + 1 + length] == endings[i][length])
      length++;
    if (!endings[i][length])
      return length + 1;
  }
  return 0;
}

static bool
is_symbol(int32_t point)
{
  return !code_point_is_space(point) && !code_point_is_letter(point) && !code_point_is_number(point);
}

/* The length of the word at start, which is not white space: a contraction, letters, one number, or anything else. */
static size_t
word_length(const struct code_points *text, size_t start)
{
  const size_t contracted = contraction(text, start);
  size_t end = start + 1;

  if (contracted)
    return contracted;
  if (code_point_is_number(text->points[start]))
    return 1;
  const bool letters = code_point_is_letter(text->points[start]);
  while (end < text->count && (letters ? code_point_is_letter(text->points[end]) : is_symbol(text->points[end])))
    end++;
  return end - start;
}

enum compute_status
bpe_encode(const struct tokenizer *tokenizer, const char *utf8, size_t bytes, struct id_list *list,
           struct compute_error *error)
{
  struct code_points decoded = { 0 }, text = { 0 };
  bool done;

  code_points_decode(&decoded, utf8, bytes);
  done = compose(&decoded);
  for (size_t i = 0; i < decoded.count; i++) {
    if (tokenizer->lower_case)
      code_points_add_lower(&text, decoded.points[i]);
    else
      code_points_add(&text, decoded.points[i]);
  }
  done = done && !text.failed;
  for (size_t start = 0; done && start < text.count && list->count < list->limit;) {
    if (code_point_is_space(text.points[start])) {
      start++;
      continue;
    }
    const size_t length = word_length(&text, start);
    done = encode_word(tokenizer, text.points + start, length, list);
    start += length;
  }
  code_points_finish(&decoded);
  code_points_finish(&text);
  return done ? COMPUTE_OK
              : compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory to tokenize a text of %zu bytes",
                             bytes);
}
