/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <libavformat/avformat.h>

#include "core/media/sac-track.h"

/* The lists, which these fill, are of SacTrack, SacTrack and SacChapter and own what is in them. origin_us: the time of the video's first
   frame in the container. */
void
sac_tracks_read(AVFormatContext *format, gint64 origin_us, GPtrArray *audio, GPtrArray *subtitles, GPtrArray *chapters);
/* Those in files beside the video whose names begin with its own: film.srt, film.en.srt. Blocks. */
void sac_tracks_find_beside(const char *path, GPtrArray *subtitles);
/* NULL with error: not subtitles. The first track of the file. Blocks. */
SacTrack *sac_track_new_from_file(const char *path, GError **error);

/* The text of an event in Advanced SubStation Alpha, into which FFmpeg turns every text, as markup. Drawings are left out. */
char *sac_subtitle_markup(const char *text, gboolean *at_top);
