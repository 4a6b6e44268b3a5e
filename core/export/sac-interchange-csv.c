/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "core/export/sac-interchange.h"
#include "core/sac-time.h"

extern const struct sac_interchange sac_interchange_csv;

/* RFC 4180: quoted where it must be, quotes doubled. A cell that begins as a formula does is led by an apostrophe, so that a spreadsheet
   does not run what a file's name says. */
static void
append_cell(GString *out, const char *text, gboolean last)
{
  const gboolean formula = *text && strchr("=+-@\t\r", *text);

  if (formula || strpbrk(text, "\",\r\n")) {
    g_string_append(out, formula ? "\"'" : "\"");
    for (const char *at = text; *at; at++)
      g_string_append_len(out, *at == '"' ? "\"\"" : at, *at == '"' ? 2 : 1);
    g_string_append_c(out, '"');
  } else {
    g_string_append(out, text);
  }
  g_string_append(out, last ? "\r\n" : ",");
}

static void
append_number(GString *out, double number, const char *format)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  append_cell(out, g_ascii_formatd(text, sizeof text, format, number), FALSE);
}

static char *
write_csv(const char *title, const SacInterchangeItem *items, gsize n, GError **error)
{
  g_autoptr(GString) out = g_string_new("file,start,end,duration,kind,score,label,text\r\n");

  for (gsize i = 0; i < n; i++) {
    const SacMoment *moment = items[i].moment;
    g_autofree char *path = g_filename_display_name(moment->path);

    append_cell(out, path, FALSE);
    append_number(out, sac_time_seconds(moment->start_us), "%.6f");
    append_number(out, sac_time_seconds(moment->end_us), "%.6f");
    append_number(out, sac_time_seconds(moment->end_us - moment->start_us), "%.6f");
    append_cell(out, moment->kind, FALSE);
    append_number(out, moment->score, "%.4f");
    append_cell(out, moment->label ? moment->label : "", FALSE);
    append_cell(out, moment->text ? moment->text : "", TRUE);
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

const struct sac_interchange sac_interchange_csv = { "csv", write_csv };
