/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/search/sac-query.h"

#include <string.h>

#include "core/library/sac-moment.h"

#define MAX_BYTES 4096

G_DEFINE_BOXED_TYPE(SacQuery, sac_query, sac_query_copy, sac_query_free)

struct builder {
  GStrvBuilder *terms, *phrases, *excluded, *in, *kinds;
  GString *words;
};

static gboolean
has_letter(const char *text)
{
  for (; *text != '\0'; text = g_utf8_next_char(text))
    if (g_unichar_isalnum(g_utf8_get_char(text)))
      return TRUE;
  return FALSE;
}

/* Reads a quoted text or a word and moves *at behind it. An unclosed quote ends at the end. */
static char *
take_value(const char **at, gboolean *quoted)
{
  const char *start = *at;
  *quoted = *start == '"';
  if (*quoted) {
    start++;
    const char *end = strchr(start, '"');
    *at = end != NULL ? end + 1 : start + strlen(start);
    return g_strndup(start, (end != NULL ? end : *at) - start);
  }
  while (**at != '\0' && !g_unichar_isspace(g_utf8_get_char(*at)))
    *at = g_utf8_next_char(*at);
  return g_strndup(start, *at - start);
}

static void
add_words(struct builder *builder, const char *text)
{
  g_autofree char *stripped = g_strstrip(g_strdup(text));
  if (*stripped == '\0')
    return;
  if (builder->words->len > 0)
    g_string_append_c(builder->words, ' ');
  g_string_append(builder->words, stripped);
}

static gboolean
is_known_kind(const char *kind)
{
  static const char *const kinds[] = { SAC_KIND_VISUAL, SAC_KIND_SHOT, SAC_KIND_SPEECH, SAC_KIND_TEXT, SAC_KIND_LABEL,
                                       SAC_KIND_TAG,    NULL };
  return g_strv_contains(kinds, kind);
}

/* "kind:speech,tag": all of them known, or it is a word like any other. */
static gboolean
add_kinds(struct builder *builder, const char *value)
{
  g_auto(GStrv) kinds = g_strsplit(value, ",", -1);
  if (kinds[0] == NULL)
    return FALSE;
  for (char **kind = kinds; *kind != NULL; kind++)
    if (!is_known_kind(*kind))
      return FALSE;
  for (char **kind = kinds; *kind != NULL; kind++)
    g_strv_builder_add(builder->kinds, *kind);
  return TRUE;
}

static void
take_item(struct builder *builder, const char **at)
{
  const char *start = *at;
  gboolean quoted;
  if (g_str_has_prefix(start, "in:") && start[3] != '\0' && !g_unichar_isspace(g_utf8_get_char(start + 3))) {
    *at = start + 3;
    g_autofree char *value = take_value(at, &quoted);
    if (*value != '\0')
      g_strv_builder_add(builder->in, value);
    return;
  }
  if (g_str_has_prefix(start, "kind:")) {
    *at = start + 5;
    g_autofree char *value = take_value(at, &quoted);
    if (add_kinds(builder, value))
      return;
    *at = start;
  }
  gboolean excluded = *start == '-' && start[1] != '\0' && !g_unichar_isspace(g_utf8_get_char(start + 1));
  if (excluded) {
    *at = start + 1;
    g_autofree char *value = take_value(at, &quoted);
    if (has_letter(value)) {
      g_strv_builder_add(builder->excluded, value);
      return;
    }
    *at = start;
  }
  g_autofree char *value = take_value(at, &quoted);
  if (quoted && has_letter(value))
    g_strv_builder_add(builder->phrases, value);
  else if (!quoted && has_letter(value))
    g_strv_builder_add(builder->terms, value);
  add_words(builder, value);
}

static char *
make_valid(const char *text, gssize bytes)
{
  gsize length = bytes < 0 ? strlen(text) : (gsize)bytes;
  /* A zero byte inside ends it, as it does everywhere else. */
  const char *zero = memchr(text, '\0', length);
  if (zero != NULL)
    length = zero - text;
  g_autofree char *valid = g_utf8_make_valid(text, MIN(length, MAX_BYTES));
  if (strlen(valid) > MAX_BYTES) {
    const char *end = g_utf8_find_prev_char(valid, valid + MAX_BYTES + 1);
    valid[end - valid] = '\0';
  }
  return g_steal_pointer(&valid);
}

SacQuery *
sac_query_parse(const char *text, gssize bytes)
{
  SacQuery *query = g_new0(SacQuery, 1);
  query->text = make_valid(text, bytes);
  struct builder builder = { g_strv_builder_new(), g_strv_builder_new(), g_strv_builder_new(),
                             g_strv_builder_new(), g_strv_builder_new(), g_string_new(NULL) };
  for (const char *at = query->text; *at != '\0';) {
    if (g_unichar_isspace(g_utf8_get_char(at)))
      at = g_utf8_next_char(at);
    else
      take_item(&builder, &at);
  }
  query->terms = g_strv_builder_end(builder.terms);
  query->phrases = g_strv_builder_end(builder.phrases);
  query->excluded = g_strv_builder_end(builder.excluded);
  query->in = g_strv_builder_end(builder.in);
  query->kinds = g_strv_builder_end(builder.kinds);
  query->words = g_string_free(builder.words, FALSE);
  g_strv_builder_unref(builder.terms);
  g_strv_builder_unref(builder.phrases);
  g_strv_builder_unref(builder.excluded);
  g_strv_builder_unref(builder.in);
  g_strv_builder_unref(builder.kinds);
  return query;
}

SacQuery *
sac_query_copy(const SacQuery *query)
{
  SacQuery *copy = g_new0(SacQuery, 1);
  copy->text = g_strdup(query->text);
  copy->words = g_strdup(query->words);
  copy->terms = g_strdupv(query->terms);
  copy->phrases = g_strdupv(query->phrases);
  copy->excluded = g_strdupv(query->excluded);
  copy->in = g_strdupv(query->in);
  copy->kinds = g_strdupv(query->kinds);
  return copy;
}

void
sac_query_free(SacQuery *query)
{
  if (query == NULL)
    return;
  g_free(query->text);
  g_free(query->words);
  g_strfreev(query->terms);
  g_strfreev(query->phrases);
  g_strfreev(query->excluded);
  g_strfreev(query->in);
  g_strfreev(query->kinds);
  g_free(query);
}

/* A string of FTS5: whatever it holds is text, but a quote, which is doubled. */
static void
append_string(GString *expression, const char *text)
{
  g_string_append_c(expression, '"');
  for (; *text != '\0'; text++) {
    if (*text == '"')
      g_string_append_c(expression, '"');
    g_string_append_c(expression, *text);
  }
  g_string_append_c(expression, '"');
}

/* (term OR term …) AND "phrase" AND … NOT (excluded OR …): words are alternatives, the ranking prefers those that have more. */
char *
sac_query_to_full_text(const SacQuery *query)
{
  g_autoptr(GString) expression = g_string_new(NULL);
  for (char **phrase = query->phrases; *phrase != NULL; phrase++) {
    if (expression->len > 0)
      g_string_append(expression, " AND ");
    append_string(expression, *phrase);
  }
  /* With a phrase that must stand, further words only rank. */
  if (expression->len == 0 && query->terms[0] != NULL) {
    g_string_append_c(expression, '(');
    for (char **term = query->terms; *term != NULL; term++) {
      if (term != query->terms)
        g_string_append(expression, " OR ");
      append_string(expression, *term);
    }
    g_string_append_c(expression, ')');
  }
  if (expression->len == 0)
    return NULL;
  if (query->excluded[0] != NULL) {
    g_string_prepend_c(expression, '(');
    g_string_append(expression, ") NOT (");
    for (char **term = query->excluded; *term != NULL; term++) {
      if (term != query->excluded)
        g_string_append(expression, " OR ");
      append_string(expression, *term);
    }
    g_string_append_c(expression, ')');
  }
  return g_strdup(expression->str);
}
