/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/media/sac-frame.h"

/* What a video has beside its picture: tracks of sound and subtitles, chapters, and the subtitles themselves. All immutable; any thread
   may hold them. Times are microseconds from the video's first frame. */

G_BEGIN_DECLS

typedef struct {
  char *path;             /* of its own file; NULL: in the video's */
  int stream;             /* its number in that file */
  char *title, *language; /* as the file says, or NULL; the language as its code */
  char *codec;            /* a short name */
  gboolean is_default;    /* to be chosen unless a person wants another */
} SacTrack;

typedef struct {
  gint64 start_us, end_us;
  char *title; /* or NULL */
} SacChapter;

/* A picture of letters, where subtitles are pictures: RGBA, not premultiplied. */
typedef struct {
  double x, y, width, height; /* in parts of the video's picture */
  SacFrame *frame;
} SacSubtitlePicture;

typedef struct {
  gint64 start_us, end_us;
  char *markup; /* lines with Pango's <i> <b> <u> <s> <span foreground>, and else escaped; NULL: pictures */
  gboolean at_top;
  GPtrArray *pictures; /* (element-type SacSubtitlePicture), or NULL */
} SacSubtitle;

SacTrack *sac_track_ref(SacTrack *track);
void sac_track_unref(SacTrack *track);
SacChapter *sac_chapter_ref(SacChapter *chapter);
void sac_chapter_unref(SacChapter *chapter);
SacSubtitle *sac_subtitle_ref(SacSubtitle *subtitle);
void sac_subtitle_unref(SacSubtitle *subtitle);

/* TRUE for names that end as subtitles' files do: .srt .ass .ssa .vtt .sup */
gboolean sac_subtitles_is_name(const char *path);

G_END_DECLS
