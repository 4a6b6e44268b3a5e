/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/status.h"

/*
 * Text to token ids, equal to the reference tokenizers id for id.
 *
 * The kinds, told apart by the folder's files:
 *   WordPiece   vocab.txt (one piece a line), or a tokenizer.json of that type       BERT, MiniLM (Devlin et al. 2019)
 *   BPE         vocab.json and merges.txt, or a tokenizer.json of that type          CLIP (Sennrich et al. 2016, on bytes as
 *                                                                                    Radford et al. 2019)
 *   unigram     spiece.model or tokenizer.model of that type (SentencePiece), or     SigLIP (Kudo 2018, Kudo and Richardson
 *               a tokenizer.json of that type                                        2018)
 *   BPE of      spiece.model or tokenizer.model of that type, or a tokenizer.json    SigLIP 2, Gemma
 *   SentencePiece  of the type BPE with byte_fallback
 *
 * tokenizer_config.json's do_lower_case is heeded, and pad_token and eos_token of SentencePiece's. Those give no start
 * token, and special pieces written out in a text are text. A unigram tokenizer's texts become canonical as SigLIP's training
 * made them (lower case, no ASCII punctuation, one blank between words) unless tokenizer_config.json names another
 * tokenizer_class than SiglipTokenizer.
 *
 * Time is linear in the text but for a logarithm, whatever the text.
 *
 * A tokenizer is immutable once open: any thread may use it. Nothing here blocks but the disk.
 */

struct tokenizer;

enum tokenizer_kind { TOKENIZER_WORDPIECE, TOKENIZER_BPE, TOKENIZER_UNIGRAM, TOKENIZER_SENTENCEPIECE_BPE };

/* COMPUTE_ERROR_NOT_FOUND: the folder has no tokenizer; COMPUTE_ERROR_INVALID_FILE: one of its files is not what it should be. */
enum compute_status tokenizer_open(const char *folder, struct tokenizer **tokenizer, struct compute_error *error);
/* Accepts NULL inside. */
void tokenizer_close(struct tokenizer **tokenizer);

/*
 * ids (room for max_tokens, at least 2) receives the text between the start (where the kind has one) and the end token,
 * truncated so that all fit and the end token is the last. Bytes that are not UTF-8 count as U+FFFD. COMPUTE_ERROR_OUT_OF_MEMORY only.
 */
enum compute_status tokenizer_encode(const struct tokenizer *tokenizer, const char *utf8, size_t bytes,
                                     size_t max_tokens, int32_t *ids, size_t *count, struct compute_error *error);

/* What rows of a batch are filled up with. */
int32_t tokenizer_pad_id(const struct tokenizer *tokenizer);
/* Whether rows are filled up at their front: as tokenizer_config.json's padding_side says, and without it as transformers does for
   the class that it names, which is the front for Gemma's and SigLIP 2's. (SigLIP 2 was trained with the padding at the back, and
   its published folders say so.) */
bool tokenizer_pads_front(const struct tokenizer *tokenizer);
/* One more than the largest id. */
size_t tokenizer_vocabulary_size(const struct tokenizer *tokenizer);
enum tokenizer_kind tokenizer_kind(const struct tokenizer *tokenizer);
