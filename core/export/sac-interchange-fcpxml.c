/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/export/sac-interchange.h"

extern const struct sac_interchange sac_interchange_fcpxml;

/* Times are fractions of seconds, and must be whole frames of the format they are in. */
static char *
format_frames(gint64 frames, int num, int den)
{
  return frames == 0 ? g_strdup("0s") : g_strdup_printf("%" G_GINT64_FORMAT "/%ds", frames * den, num);
}

static gint64
length(const SacInterchangeItem *item, int num, int den)
{
  return MAX(sac_interchange_frame(item->moment->end_us, num, den) -
                 sac_interchange_frame(item->moment->start_us, num, den),
             1);
}

/* Each video once, as a format r1f, r2f … and an asset r1, r2 …; ids: path → its number. */
static GHashTable *
append_resources(GString *out, const SacInterchangeItem *items, gsize n)
{
  GHashTable *ids = g_hash_table_new(g_str_hash, g_str_equal);

  g_string_append(out, "  <resources>\n");
  for (gsize i = 0; i < n; i++) {
    const SacMediaInfo *media = items[i].media;
    const char *path = items[i].moment->path;
    int num, den;

    if (g_hash_table_contains(ids, path))
      continue;
    const guint id = g_hash_table_size(ids) + 1;
    g_hash_table_insert(ids, (gpointer)path, GUINT_TO_POINTER(id));
    sac_interchange_rate(media, &num, &den);
    g_autofree char *base = g_path_get_basename(path), *shown = g_filename_display_name(base);
    g_autofree char *name = sac_interchange_escape_xml(shown);
    g_autofree char *url = g_filename_to_uri(path, NULL, NULL);
    g_autofree char *source = sac_interchange_escape_xml(url ? url : path);
    /* All that is used of it must be in it, even where the container does not say how long it is. */
    gint64 frames = sac_interchange_frame(MAX(media->duration_us, 0), num, den);
    for (gsize k = i; k < n; k++)
      if (g_str_equal(items[k].moment->path, path))
        frames = MAX(frames, sac_interchange_frame(items[k].moment->start_us, num, den) + length(&items[k], num, den));
    g_autofree char *duration = format_frames(frames, num, den), *frame = format_frames(1, num, den);
    g_string_append_printf(out, "    <format id=\"r%uf\" frameDuration=\"%s\" width=\"%d\" height=\"%d\"/>\n", id,
                           frame, media->width, media->height);
    g_string_append_printf(out,
                           "    <asset id=\"r%u\" name=\"%s\" start=\"0s\" duration=\"%s\" hasVideo=\"%d\" "
                           "hasAudio=\"%d\" format=\"r%uf\">\n"
                           "      <media-rep kind=\"original-media\" src=\"%s\"/>\n"
                           "    </asset>\n",
                           id, name, duration, media->has_video ? 1 : 0, media->n_audio_tracks > 0 ? 1 : 0, id, source);
  }
  g_string_append(out, "  </resources>\n");
  return ids;
}

static char *
write_fcpxml(const char *title, const SacInterchangeItem *items, gsize n, GError **error)
{
  g_autoptr(GString) out = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE fcpxml>\n"
                                        "<fcpxml version=\"1.9\">\n");
  g_autoptr(GHashTable) ids = append_resources(out, items, n);
  g_autofree char *name = sac_interchange_escape_xml(title);
  gint64 at = 0, total = 0;
  int num, den;

  /* The timeline counts the first video's frames; a clip of another rate is as many of these as it lasts. */
  sac_interchange_rate(items[0].media, &num, &den);
  for (gsize i = 0; i < n; i++)
    total += length(&items[i], num, den);
  g_autofree char *all = format_frames(total, num, den);
  g_string_append_printf(out,
                         "  <library>\n    <event name=\"%s\">\n      <project name=\"%s\">\n"
                         "        <sequence format=\"r1f\" duration=\"%s\" tcStart=\"0s\" tcFormat=\"NDF\">\n"
                         "          <spine>\n",
                         name, name, all);
  for (gsize i = 0; i < n; i++) {
    const SacMoment *moment = items[i].moment;
    int own_num, own_den;

    sac_interchange_rate(items[i].media, &own_num, &own_den);
    const gint64 frames = length(&items[i], num, den);
    g_autofree char *label = sac_interchange_escape_xml(sac_interchange_label(moment));
    g_autofree char *offset = format_frames(at, num, den), *duration = format_frames(frames, num, den);
    g_autofree char *start = format_frames(sac_interchange_frame(moment->start_us, own_num, own_den), own_num, own_den);

    g_string_append_printf(out,
                           "            <asset-clip ref=\"r%u\" name=\"%s\" offset=\"%s\" start=\"%s\" "
                           "duration=\"%s\"/>\n",
                           GPOINTER_TO_UINT(g_hash_table_lookup(ids, moment->path)), label, offset, start, duration);
    at += frames;
  }
  g_string_append(out,
                  "          </spine>\n        </sequence>\n      </project>\n    </event>\n  </library>\n</fcpxml>\n");
  return g_string_free(g_steal_pointer(&out), FALSE);
}

const struct sac_interchange sac_interchange_fcpxml = { "fcpxml", write_fcpxml };
