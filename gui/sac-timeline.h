/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/library/sac-library.h"
#include "core/media/sac-thumbnailer.h"
#include "core/media/sac-waveform.h"
#include "core/search/sac-search.h"

/*
 * The time of the open video, drawn: a ruler, how well each instant fits the query, the film, the lanes of moments and the sound.
 *
 *      time ── (t - view start) / µs a pixel ──► x          lanes that hold nothing take no room
 *
 * Everything is drawn from summaries: what a frame costs depends on the pixels, not on how many moments or hours there are. What
 * does not move while playing is one cached render node; the playhead is drawn over it.
 *
 * To a keyboard and a screen reader it is a slider named "Timeline": a child that covers the ruler, holds the position in seconds and has the
 * time as its text.
 *
 * Signals
 *   seek (int64 time, gboolean scrubbing)      the user wants to be there; scrubbing: more will follow at once
 *   span-edited (gboolean done)                 the user draws or drags the span; done: let go
 *   moment-chosen (SacMoment *)                 a bar was clicked
 * Main thread; nothing blocks.
 */

G_BEGIN_DECLS

#define SAC_TYPE_TIMELINE (sac_timeline_get_type())
G_DECLARE_FINAL_TYPE(SacTimeline, sac_timeline, SAC, TIMELINE, GtkWidget)

/* Another video, or none (path NULL): everything shown so far is forgotten. */
void sac_timeline_set_video(SacTimeline *timeline, SacThumbnailer *thumbnailer, const char *path, gint64 duration_us,
                            gboolean has_video);
void sac_timeline_set_position(SacTimeline *timeline, gint64 time_us);
gint64 sac_timeline_get_position(SacTimeline *timeline);

/* The moments that the library keeps, and those that the search found (element-type SacMoment, copied); NULL: none. */
void sac_timeline_set_moments(SacTimeline *timeline, GPtrArray *moments);
void sac_timeline_set_found(SacTimeline *timeline, GPtrArray *moments);
/* Copied; NULL: none. */
void sac_timeline_set_match_curve(SacTimeline *timeline, const SacMatchCurve *curve);
/* Copied; NULL: none. */
void sac_timeline_set_waveform(SacTimeline *timeline, const SacWaveform *waveform);

/* The marked span; from_us < 0: none. Only one mark set: the other is the video's start or end. */
void sac_timeline_set_span(SacTimeline *timeline, gint64 from_us, gint64 to_us);
gboolean sac_timeline_get_span(SacTimeline *timeline, gint64 *from_us, gint64 *to_us);

/* Zooms by factor (> 1: nearer) about the playhead; sac_timeline_zoom_all shows all of it. */
void sac_timeline_zoom(SacTimeline *timeline, double factor);
void sac_timeline_zoom_all(SacTimeline *timeline);
/* length_us 0: all of it. */
void sac_timeline_set_view(SacTimeline *timeline, gint64 start_us, gint64 length_us);
void sac_timeline_get_view(SacTimeline *timeline, gint64 *start_us, gint64 *length_us);
/* Scrolls as little as is needed to have the time in sight. */
void sac_timeline_show_time(SacTimeline *timeline, gint64 time_us);

G_END_DECLS
