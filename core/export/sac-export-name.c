/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/export/sac-export-name.h"

#include <glib/gi18n.h>
#include <math.h>
#include <string.h>

#include "core/sac-error.h"
#include "core/sac-time.h"

#define MAX_BYTES 180

static char *
format_time(gint64 time_us)
{
  return g_strdelimit(sac_time_format(time_us), ":", '.');
}

static char *
look_up(const char *word, const SacExportName *values)
{
  if (g_str_equal(word, "title"))
    return g_strdup(values->title ? values->title : "");
  if (g_str_equal(word, "label"))
    return g_strdup(values->label ? values->label : "");
  if (g_str_equal(word, "text"))
    return g_strdup(values->text ? values->text : "");
  if (g_str_equal(word, "query"))
    return g_strdup(values->query ? values->query : "");
  if (g_str_equal(word, "kind"))
    return g_strdup(values->kind ? values->kind : "");
  if (g_str_equal(word, "from"))
    return format_time(values->from_us);
  if (g_str_equal(word, "to"))
    return format_time(values->to_us);
  if (g_str_equal(word, "n"))
    return g_strdup_printf("%03u", values->n);
  if (g_str_equal(word, "score"))
    return g_strdup_printf("%03d", (int)lrint(CLAMP(values->score, 0, 1) * 100));
  return NULL;
}

static gboolean
is_reserved(const char *name)
{
  static const char *const reserved[] = { "con", "prn", "aux", "nul", "com", "lpt" };

  for (gsize i = 0; i < G_N_ELEMENTS(reserved); i++) {
    const gsize length = strlen(reserved[i]) + (i >= 4);

    if (g_ascii_strncasecmp(name, reserved[i], strlen(reserved[i])) == 0 &&
        (name[length] == '\0' || name[length] == '.') && (i < 4 || g_ascii_isdigit(name[3])))
      return TRUE;
  }
  return FALSE;
}

/* Each run of what no name should have becomes one blank or underscore, and the ends are trimmed. */
static char *
make_safe(const char *text)
{
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  g_autoptr(GString) name = g_string_new(NULL);

  for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
    const gunichar letter = g_utf8_get_char(at);
    char bytes[6];
    const int count = g_unichar_to_utf8(letter, bytes);

    if (name->len + (gsize)count > MAX_BYTES)
      break;
    if (letter == ' ' || g_unichar_isspace(letter) || g_unichar_iscntrl(letter)) {
      if (name->len > 0 && name->str[name->len - 1] != ' ')
        g_string_append_c(name, ' ');
    } else if (strchr("/\\:*?\"<>|", letter < 128 ? (int)letter : 'a')) {
      g_string_append_c(name, '_');
    } else if (g_unichar_type(letter) == G_UNICODE_FORMAT) {
      continue; /* turns of the writing direction could make a name look like another */
    } else if (name->len > 0 || (letter != '.' && letter != '-')) {
      g_string_append_len(name, bytes, count);
    }
  }
  while (name->len > 0 && strchr(" .-", name->str[name->len - 1]))
    g_string_truncate(name, name->len - 1);
  if (name->len == 0)
    g_string_assign(name, _("clip"));
  if (is_reserved(name->str))
    g_string_prepend_c(name, '_');
  return g_string_free(g_steal_pointer(&name), FALSE);
}

char *
sac_export_name(const char *template, const SacExportName *values, GError **error)
{
  g_autoptr(GString) text = g_string_new(NULL);

  for (const char *at = template; *at; at++) {
    const char *end = *at == '{' ? strchr(at, '}') : NULL;

    if (*at != '{' || at[1] == '{') {
      at += *at == '{';
      g_string_append_c(text, *at);
      continue;
    }
    g_autofree char *word = end ? g_strndup(at + 1, (gsize)(end - at - 1)) : g_strdup(at + 1);
    g_autofree char *value = end ? look_up(word, values) : NULL;
    if (!value) {
      g_set_error(
          error, SAC_ERROR, SAC_ERROR_USAGE,
          _("{%s} is no part of a name; there are {title} {from} {to} {label} {text} {query} {kind} {score} {n}"),
          word);
      return NULL;
    }
    g_string_append(text, value);
    at = end;
  }
  return make_safe(text->str);
}

char *
sac_export_unique_path(const char *directory, const char *name, const char *extension, GHashTable *taken,
                       gboolean avoid_files)
{
  for (guint n = 1;; n++) {
    g_autofree char *file =
        n == 1 ? g_strdup_printf("%s.%s", name, extension) : g_strdup_printf("%s (%u).%s", name, n, extension);
    g_autofree char *path = g_build_filename(directory, file, NULL);
    /* Some file systems take names that differ by case alone for one. */
    g_autofree char *folded = g_utf8_casefold(path, -1);

    if (g_hash_table_contains(taken, folded) || (avoid_files && g_file_test(path, G_FILE_TEST_EXISTS)))
      continue;
    g_hash_table_add(taken, g_steal_pointer(&folded));
    return g_steal_pointer(&path);
  }
}
