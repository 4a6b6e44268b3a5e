/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <string.h>

#include "core/export/sac-interchange.h"
#include "core/sac-error.h"

extern const struct sac_interchange sac_interchange_edl;

/* CMX 3600 counts three digits of events, and hours by the day. */
#define MAX_EVENTS 999

/* Non-drop-frame: 29.97 counts as 30, and is told apart from the clock by design. */
static void
append_time_code(GString *out, gint64 frame, int rate)
{
  g_string_append_printf(out, " %02d:%02d:%02d:%02d", (int)(frame / rate / 3600 % 24), (int)(frame / rate / 60 % 60),
                         (int)(frame / rate % 60), (int)(frame % rate));
}

/* One line of ASCII controls' absence: a comment ends with its line. */
static void
append_comment(GString *out, const char *what, const char *text)
{
  g_autofree char *line = g_utf8_make_valid(text, -1);

  g_strdelimit(line, "\r\n\t", ' ');
  g_string_append_printf(out, "* %s: %s\r\n", what, line);
}

static char *
write_edl(const char *title, const SacInterchangeItem *items, gsize n, GError **error)
{
  g_autoptr(GString) out = g_string_new(NULL);
  g_autofree char *heading = g_utf8_make_valid(title, -1);
  int num, den;
  gint64 at;

  if (n > MAX_EVENTS) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED,
                _("An EDL holds %d cuts and these are %zu; use --limit, or otio or fcpxml"), MAX_EVENTS, n);
    return NULL;
  }
  sac_interchange_rate(items[0].media, &num, &den);
  const int rate = MAX((num + den / 2) / den, 1);
  if (rate > 99) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED,
                _("%s: an EDL's time code cannot count %d frames a second; use otio or fcpxml"), items[0].moment->path,
                rate);
    return NULL;
  }
  g_strdelimit(heading, "\r\n\t", ' ');
  g_string_append_printf(out, "TITLE: %s\r\nFCM: NON-DROP FRAME\r\n\r\n", heading);
  /* Programmes begin at one hour, by custom. */
  at = (gint64)rate * 3600;
  for (gsize i = 0; i < n; i++) {
    const SacMoment *moment = items[i].moment;
    const gint64 start = sac_interchange_frame(moment->start_us, num, den);
    const gint64 end = MAX(sac_interchange_frame(moment->end_us, num, den), start + 1);
    g_autofree char *name = g_path_get_basename(moment->path), *shown = g_filename_display_name(name);
    g_autofree char *path = g_filename_display_name(moment->path);

    g_string_append_printf(out, "%03d  AX       %-5s C       ", (int)i + 1,
                           !items[i].media->has_video       ? "A"
                           : items[i].media->n_audio_tracks ? "B"
                                                            : "V");
    append_time_code(out, start, rate);
    append_time_code(out, end, rate);
    append_time_code(out, at, rate);
    append_time_code(out, at + end - start, rate);
    g_string_append(out, "\r\n");
    append_comment(out, "FROM CLIP NAME", shown);
    append_comment(out, "SOURCE FILE", path);
    append_comment(out, "COMMENT", sac_interchange_label(moment));
    at += end - start;
  }
  return g_string_free(g_steal_pointer(&out), FALSE);
}

const struct sac_interchange sac_interchange_edl = { "edl", write_edl };
