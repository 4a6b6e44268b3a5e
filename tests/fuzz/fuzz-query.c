/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/search/sac-query.h"
#include "tests/fuzz/fuzz-library.h"

static void
check_strings(char **strings)
{
  for (; *strings; strings++)
    FUZZ_ASSERT(**strings && g_utf8_validate(*strings, -1, NULL));
}

/* Any bytes are a query, and what it asks of the full text is never wrong in SQLite's eyes. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static SacLibrary *library;
  g_autoptr(SacQuery) query = sac_query_parse((const char *)data, (gssize)size);
  g_autofree char *expression = sac_query_to_full_text(query);
  g_autoptr(GError) error = NULL;

  if (!library) {
    library = sac_library_open(make_library(), SAC_LIBRARY_READ_ONLY, NULL);
    FUZZ_ASSERT(library);
  }
  FUZZ_ASSERT(g_utf8_validate(query->text, -1, NULL) && g_utf8_validate(query->words, -1, NULL));
  check_strings(query->terms);
  check_strings(query->phrases);
  check_strings(query->excluded);
  check_strings(query->in);
  check_strings(query->kinds);
  if (expression) {
    g_autoptr(GPtrArray) found = sac_library_match_text(library, expression, 0, NULL, 10, &error);
    FUZZ_ASSERT(found && !error);
  }
  return 0;
}
