/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/media/sac-track.h"

/*
 * Reads a track of subtitles in a thread of its own, some way ahead of where it was asked for last: a film's file need not be read
 * whole. One that lies in a file of its own is read at once.
 *
 * Made, asked and freed on one main context, on which `changed` is called after more was read; nothing blocks.
 */

typedef struct _SacSubtitleReader SacSubtitleReader;

/* path: of the video. */
SacSubtitleReader *sac_subtitle_reader_new(const char *path, SacTrack *track, GCallback changed, gpointer data);
/* Ends the thread without waiting for it. */
void sac_subtitle_reader_free(SacSubtitleReader *reader);
/* What is to be seen at a time, as far as it was read: (transfer full) (element-type SacSubtitle) */
GPtrArray *sac_subtitle_reader_get(SacSubtitleReader *reader, gint64 time_us);
