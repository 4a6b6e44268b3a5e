/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

/*
 * What a person types into the search field.
 *
 *      query   = { item }            items stand between white space
 *      item    = [ "-" ] ( word | '"' phrase '"' ) | "in:" value | "kind:" value { "," value }
 *      value   = word | '"' text '"'
 *
 * Words say what is looked for, and all of them together go to the models. A phrase must stand so in what is said, written or
 * tagged. "-" before a word or phrase leaves out what has it. in: narrows to videos whose path has the text, kind: to kinds of
 * moment. Anything else means itself: parsing never fails, whatever the text. Invalid UTF-8 is replaced by U+FFFD, an unclosed quote
 * ends at the end, "-" alone is a word, an unknown kind is a word, and text past 4096 bytes is cut at a character.
 */

G_BEGIN_DECLS

typedef struct {
  char *text;      /* as typed, valid UTF-8 */
  char *words;     /* words and phrases without their quotes, joined by one space: what a model is asked; "" if none */
  char **terms;    /* the words */
  char **phrases;  /* quoted, at least one letter or digit in each */
  char **excluded; /* words and phrases after "-" */
  char **in;       /* parts of paths, all of which must be there */
  char **kinds;    /* empty: all */
} SacQuery;

#define SAC_TYPE_QUERY (sac_query_get_type())
GType sac_query_get_type(void);
SacQuery *sac_query_parse(const char *text, gssize bytes /* -1: zero-terminated */);
SacQuery *sac_query_copy(const SacQuery *query);
void sac_query_free(SacQuery *query);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacQuery, sac_query_free)

/* FTS5's expression for the query's terms and phrases, NULL when it has none that full text knows (only signs). */
char *sac_query_to_full_text(const SacQuery *query);

G_END_DECLS
