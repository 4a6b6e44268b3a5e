/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <string.h>

#include "core/media/sac-decoder-private.h"
#include "core/media/sac-track-private.h"
#include "core/sac-error.h"

SacTrack *
sac_track_ref(SacTrack *track)
{
  return g_atomic_rc_box_acquire(track);
}

static void
clear_track(gpointer data)
{
  SacTrack *track = data;

  g_free(track->path);
  g_free(track->title);
  g_free(track->language);
  g_free(track->codec);
}

void
sac_track_unref(SacTrack *track)
{
  g_atomic_rc_box_release_full(track, clear_track);
}

SacChapter *
sac_chapter_ref(SacChapter *chapter)
{
  return g_atomic_rc_box_acquire(chapter);
}

static void
clear_chapter(gpointer data)
{
  g_free(((SacChapter *)data)->title);
}

void
sac_chapter_unref(SacChapter *chapter)
{
  g_atomic_rc_box_release_full(chapter, clear_chapter);
}

SacSubtitle *
sac_subtitle_ref(SacSubtitle *subtitle)
{
  return g_atomic_rc_box_acquire(subtitle);
}

static void
clear_subtitle(gpointer data)
{
  SacSubtitle *subtitle = data;

  g_free(subtitle->markup);
  g_clear_pointer(&subtitle->pictures, g_ptr_array_unref);
}

void
sac_subtitle_unref(SacSubtitle *subtitle)
{
  g_atomic_rc_box_release_full(subtitle, clear_subtitle);
}

/* ---- Listing ------------------------------------------------------------------------------------------------------------- */

static char *
get_word(AVDictionary *metadata, const char *key)
{
  const AVDictionaryEntry *entry = av_dict_get(metadata, key, NULL, 0);

  return entry && *entry->value && strcmp(entry->value, "und") != 0 ? g_utf8_make_valid(entry->value, -1) : NULL;
}

static SacTrack *
make_track(const AVStream *stream)
{
  SacTrack *track = g_atomic_rc_box_new0(SacTrack);

  track->stream = stream->index;
  track->title = get_word(stream->metadata, "title");
  track->language = get_word(stream->metadata, "language");
  track->codec = g_strdup(avcodec_get_name(stream->codecpar->codec_id));
  track->is_default = (stream->disposition & (AV_DISPOSITION_DEFAULT | AV_DISPOSITION_FORCED)) != 0;
  return track;
}

void
sac_tracks_read(AVFormatContext *format, gint64 origin_us, GPtrArray *audio, GPtrArray *subtitles, GPtrArray *chapters)
{
  for (unsigned i = 0; i < format->nb_streams; i++) {
    const AVStream *stream = format->streams[i];
    const enum AVMediaType type = stream->codecpar->codec_type;

    if ((type == AVMEDIA_TYPE_AUDIO || type == AVMEDIA_TYPE_SUBTITLE) &&
        avcodec_find_decoder(stream->codecpar->codec_id))
      g_ptr_array_add(type == AVMEDIA_TYPE_AUDIO ? audio : subtitles, make_track(stream));
  }
  for (unsigned i = 0; i < format->nb_chapters; i++) {
    const AVChapter *from = format->chapters[i];
    SacChapter *chapter = g_atomic_rc_box_new0(SacChapter);

    chapter->start_us = MAX(av_rescale_q(from->start, from->time_base, AV_TIME_BASE_Q) - origin_us, 0);
    chapter->end_us = MAX(av_rescale_q(from->end, from->time_base, AV_TIME_BASE_Q) - origin_us, chapter->start_us);
    chapter->title = get_word(from->metadata, "title");
    g_ptr_array_add(chapters, chapter);
  }
}

gboolean
sac_subtitles_is_name(const char *path)
{
  static const char *const endings[] = { ".srt", ".ass", ".ssa", ".vtt", ".sup" };
  g_autofree char *lower = g_ascii_strdown(path, -1);

  for (gsize i = 0; i < G_N_ELEMENTS(endings); i++)
    if (g_str_has_suffix(lower, endings[i]))
      return TRUE;
  return FALSE;
}

SacTrack *
sac_track_new_from_file(const char *path, GError **error)
{
  AVFormatContext *format = sac_media_open(path, NULL, error);
  SacTrack *track = NULL;

  if (!format)
    return NULL;
  for (unsigned i = 0; i < format->nb_streams && !track; i++)
    if (format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE &&
        avcodec_find_decoder(format->streams[i]->codecpar->codec_id))
      track = make_track(format->streams[i]);
  avformat_close_input(&format);
  if (!track) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED, _("%s: there are no subtitles in it"), path);
    return NULL;
  }
  track->path = g_strdup(path);
  if (!track->title)
    track->title = g_path_get_basename(path);
  return track;
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
  return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

void
sac_tracks_find_beside(const char *path, GPtrArray *subtitles)
{
  g_autofree char *folder = g_path_get_dirname(path), *base = g_path_get_basename(path);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  const char *name;
  char *dot = strrchr(base, '.');

  if (dot && dot != base)
    *dot = '\0';
  const gsize length = strlen(base);
  while (dir && (name = g_dir_read_name(dir)))
    if (strncmp(name, base, length) == 0 && name[length] == '.' && sac_subtitles_is_name(name))
      g_ptr_array_add(names, g_strdup(name));
  g_ptr_array_sort(names, compare_names);
  for (guint i = 0; i < names->len; i++) {
    g_autofree char *file = g_build_filename(folder, g_ptr_array_index(names, i), NULL);
    SacTrack *track = sac_track_new_from_file(file, NULL);

    if (!track)
      continue;
    /* Between the video's name and the ending stands the language, or whatever tells several apart. */
    const char *middle = (const char *)g_ptr_array_index(names, i) + length + 1, *end = strrchr(middle, '.');
    if (end && !track->language)
      track->language = g_strndup(middle, (gsize)(end - middle));
    track->is_default = TRUE;
    g_ptr_array_add(subtitles, track);
  }
}

/* ---- Text ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
  gboolean italic, bold, underline, struck, draws;
  int colour; /* 0xrrggbb, or -1: the usual one */
} Style;

/* One override, without its backslash. */
static void
apply(Style *style, const char *tag, gboolean *at_top)
{
  const gboolean on = g_ascii_isdigit(tag[1]) && tag[1] != '0';

  if ((tag[0] == 'c' && tag[1] == '&') || (tag[0] == '1' && tag[1] == 'c')) {
    const char *digits = strchr(tag, 'H');
    const guint64 bgr = digits ? g_ascii_strtoull(digits + 1, NULL, 16) : 0;

    style->colour = digits ? (int)((bgr & 0xff) << 16 | (bgr & 0xff00) | (bgr >> 16 & 0xff)) : -1;
  } else if (tag[0] == 'c' && !tag[1]) {
    style->colour = -1;
  } else if (strncmp(tag, "an", 2) == 0) {
    *at_top = tag[2] >= '7' && tag[2] <= '9';
  } else if (tag[0] == 'r') {
    *style = (Style){ .colour = -1 };
  } else if (tag[1] && !g_ascii_isdigit(tag[1])) {
    return;
  } else if (tag[0] == 'i') {
    style->italic = on;
  } else if (tag[0] == 'b') {
    style->bold = on;
  } else if (tag[0] == 'u') {
    style->underline = on;
  } else if (tag[0] == 's') {
    style->struck = on;
  } else if (tag[0] == 'p') {
    style->draws = on;
  }
}

static void
flush(GString *markup, GString *run, const Style *style)
{
  if (run->len && !style->draws) {
    g_autofree char *escaped = g_markup_escape_text(run->str, (gssize)run->len);
    g_autofree char *span =
        style->colour >= 0 ? g_strdup_printf("<span foreground=\"#%06x\">", (guint)style->colour) : g_strdup("");

    g_string_append_printf(markup, "%s%s%s%s%s%s%s%s%s%s%s", span, style->italic ? "<i>" : "", style->bold ? "<b>" : "",
                           style->underline ? "<u>" : "", style->struck ? "<s>" : "", escaped,
                           style->struck ? "</s>" : "", style->underline ? "</u>" : "", style->bold ? "</b>" : "",
                           style->italic ? "</i>" : "", *span ? "</span>" : "");
  }
  g_string_truncate(run, 0);
}

char *
sac_subtitle_markup(const char *text, gboolean *at_top)
{
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  g_autoptr(GString) run = g_string_new(NULL);
  GString *markup = g_string_new(NULL);
  Style style = { .colour = -1 };
  const char *end;

  *at_top = FALSE;
  for (const char *p = valid; *p; p++) {
    if (*p == '{' && p[1] == '\\' && (end = strchr(p, '}'))) {
      g_autofree char *inside = g_strndup(p + 1, (gsize)(end - p - 1));
      g_auto(GStrv) tags = g_strsplit(inside, "\\", -1);

      flush(markup, run, &style);
      for (char **tag = tags; *tag; tag++)
        if (**tag)
          apply(&style, *tag, at_top);
      p = end;
    } else if (*p == '\\' && (p[1] == 'N' || p[1] == 'n')) {
      g_string_append_c(run, *++p == 'N' ? '\n' : ' ');
    } else if (*p == '\\' && p[1] == 'h') {
      g_string_append(run, "\xc2\xa0");
      p++;
    } else if (*p != '\r') {
      g_string_append_c(run, *p);
    }
  }
  flush(markup, run, &style);
  while (markup->len && markup->str[markup->len - 1] == '\n')
    g_string_truncate(markup, markup->len - 1);
  return g_string_free(markup, FALSE);
}
