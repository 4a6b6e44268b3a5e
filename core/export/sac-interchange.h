/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "core/library/sac-moment.h"
#include "core/media/sac-probe.h"

/*
 * Moments written for other programs: a list of cuts on one timeline, one after the other, in the order given.
 *
 *      csv     a table: RFC 4180, times in seconds           vtt      WebVTT captions, of the first item's video alone
 *      edl     CMX 3600, one video track, reel and from clip name comments, non-drop-frame time code at the first item's rate
 *      otio    OpenTimelineIO's JSON, Timeline.1             fcpxml   Final Cut Pro XML 1.9
 *      json    as `saccade moments --json`
 *
 * One file a format; each exports one struct sac_interchange, which sac-interchange.c lists.
 */

G_BEGIN_DECLS

typedef struct {
  const SacMoment *moment; /* path, span, kind, score, label, text */
  const SacMediaInfo *media;
} SacInterchangeItem;

struct sac_interchange {
  const char *name; /* also the extension */
  /* n > 0. Returns: (transfer full): UTF-8; NULL with SAC_ERROR_UNSUPPORTED for what the format cannot say. */
  char *(*write)(const char *title, const SacInterchangeItem *items, gsize n, GError **error);
};

/* NULL if there is none of that name. */
const struct sac_interchange *sac_interchange_find(const char *name);

/* ---- For the formats ---- */

/* What a person calls the moment: its label, else its text, else its kind. */
const char *sac_interchange_label(const SacMoment *moment);

/* The frame that is shown at a time, at num/den frames a second; the nearest one for times of half a millisecond around its start. */
gint64 sac_interchange_frame(gint64 time_us, int num, int den);

/* The media's rate, or 25 where it has none. */
void sac_interchange_rate(const SacMediaInfo *media, int *num, int *den);

/* Text between tags, or in an attribute; characters that XML forbids become U+FFFD. */
char *sac_interchange_escape_xml(const char *text);

G_END_DECLS
