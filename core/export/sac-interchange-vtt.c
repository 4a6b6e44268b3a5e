/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>

#include "core/export/sac-interchange.h"
#include "core/sac-error.h"
#include "core/sac-time.h"

extern const struct sac_interchange sac_interchange_vtt;

static int
compare_starts(gconstpointer a, gconstpointer b)
{
  const SacMoment *one = (*(const SacInterchangeItem *const *)a)->moment;
  const SacMoment *other = (*(const SacInterchangeItem *const *)b)->moment;

  return one->start_us < other->start_us ? -1 : one->start_us > other->start_us;
}

/* Cues lie on one video's own clock, in the order of their starts. A blank line would end one, and "-->" begin another: it is escaped. */
static char *
write_vtt(const char *title, const SacInterchangeItem *items, gsize n, GError **error)
{
  g_autoptr(GPtrArray) sorted = g_ptr_array_new();
  g_autoptr(GString) out = g_string_new("WEBVTT\n");

  for (gsize i = 0; i < n; i++) {
    if (g_strcmp0(items[i].moment->path, items[0].moment->path) != 0) {
      g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED,
                  _("Captions belong to one video, and these moments are of %s and %s; use --in FILE, or csv"),
                  items[0].moment->path, items[i].moment->path);
      return NULL;
    }
    g_ptr_array_add(sorted, (gpointer)&items[i]);
  }
  g_ptr_array_sort(sorted, compare_starts);
  for (guint i = 0; i < sorted->len; i++) {
    const SacMoment *moment = ((const SacInterchangeItem *)sorted->pdata[i])->moment;
    g_autofree char *start = sac_time_format_full(moment->start_us), *end = sac_time_format_full(moment->end_us);
    g_autofree char *words = sac_interchange_escape_xml(sac_interchange_label(moment));

    g_string_append_printf(out, "\n%u\n%s --> %s\n%s\n", i + 1, start, end, g_strdelimit(words, "\r\n", ' '));
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

const struct sac_interchange sac_interchange_vtt = { "vtt", write_vtt };
