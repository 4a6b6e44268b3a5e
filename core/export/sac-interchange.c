/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/export/sac-interchange.h"

extern const struct sac_interchange sac_interchange_csv, sac_interchange_edl, sac_interchange_fcpxml,
    sac_interchange_json, sac_interchange_otio, sac_interchange_vtt;

static const struct sac_interchange *const formats[] = {
  &sac_interchange_csv,  &sac_interchange_edl,  &sac_interchange_fcpxml,
  &sac_interchange_json, &sac_interchange_otio, &sac_interchange_vtt,
};

const struct sac_interchange *
sac_interchange_find(const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS(formats); i++)
    if (g_str_equal(name, formats[i]->name))
      return formats[i];
  return NULL;
}

const char *
sac_interchange_label(const SacMoment *moment)
{
  if (moment->label && *moment->label)
    return moment->label;
  return moment->text && *moment->text ? moment->text : moment->kind;
}

void
sac_interchange_rate(const SacMediaInfo *media, int *num, int *den)
{
  const gboolean known = media->frame_rate_num > 0 && media->frame_rate_den > 0;

  *num = known ? media->frame_rate_num : 25;
  *den = known ? media->frame_rate_den : 1;
}

gint64
sac_interchange_frame(gint64 time_us, int num, int den)
{
  /* 500 µs are forgiven, as when clips are cut. */
  return (gint64)((double)(time_us + 500) * num / ((double)den * 1e6));
}

char *
sac_interchange_escape_xml(const char *text)
{
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  g_autoptr(GString) clean = g_string_new(NULL);

  for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
    const gunichar letter = g_utf8_get_char(at);
    const gboolean allowed =
        letter == '\t' || letter == '\n' || (letter >= 0x20 && letter != 0xfffe && letter != 0xffff);

    g_string_append_unichar(clean, allowed ? letter : 0xfffd);
  }
  return g_markup_escape_text(clean->str, (gssize)clean->len);
}
