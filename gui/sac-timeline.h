/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/library/sac-library.h"
#include "core/search/sac-search.h"

/*
 * The time of the open video, drawn: a ruler, how well each instant fits the query, the film, the lanes of moments and the sound.
 *
 *      time ── (t - view start) / µs a pixel ──► x          lanes that hold nothing take no room; time never runs from right to left
 *
 * Everything is drawn from summaries: what a frame costs depends on the pixels, not on how many moments or hours there are. What
 * does not move while playing is one cached render node; the playhead is drawn over it.
 *
 * To a keyboard and a screen reader it is a slider named "Timeline", which covers the ruler, holds the position in seconds and has the
 * time as its text; and each lane is a list whose items are its moments: those in sight, or around the one that has the focus.
 * What is done with selected moments is done by the window's actions play-moment, mark-moment, keep-moments, export-moments, copy-times and
 * delete-moments.
 *
 * Signals
 *   seek (int64 time, gboolean scrubbing)          the user wants to be there; scrubbing: more will follow at once
 *   span-edited (gboolean is_new, gboolean done)   the user draws a new span, or moves or trims the one there is; done: let go
 *   moment-chosen (SacMoment *)                    a bar was clicked, or Enter pressed on it
 *   selection-changed ()
 * Main thread; nothing blocks.
 */

G_BEGIN_DECLS

#define SAC_TYPE_TIMELINE (sac_timeline_get_type())
G_DECLARE_FINAL_TYPE(SacTimeline, sac_timeline, SAC, TIMELINE, GtkWidget)

/* Another video, or none (path NULL): everything shown so far is forgotten. folder: where what is made of videos for drawing is kept; NULL:
 * nowhere. */
void sac_timeline_set_video(SacTimeline *timeline, const char *path, const char *folder, gint64 duration_us,
                            gboolean has_video, gboolean has_sound);
void sac_timeline_set_position(SacTimeline *timeline, gint64 time_us);
gint64 sac_timeline_get_position(SacTimeline *timeline);

/* The moments that the library keeps: the array is held, and neither it nor they may change. NULL: none. */
void sac_timeline_set_moments(SacTimeline *timeline, GPtrArray *moments);
/* Those that the search found (element-type SacMoment, copied); NULL: none. */
void sac_timeline_set_found(SacTimeline *timeline, GPtrArray *moments);
/* Copied; NULL: none. */
void sac_timeline_set_match_curve(SacTimeline *timeline, const SacMatchCurve *curve);

/* The selected moments by start. Returns: (transfer full) (element-type SacMoment) */
GPtrArray *sac_timeline_get_selected(SacTimeline *timeline);
void sac_timeline_clear_selected(SacTimeline *timeline);

/* The marked span; from_us < 0: none. Only one mark set: the other is the video's start or end. */
void sac_timeline_set_span(SacTimeline *timeline, gint64 from_us, gint64 to_us);
gboolean sac_timeline_get_span(SacTimeline *timeline, gint64 *from_us, gint64 *to_us);

/* Zooms by factor (> 1: nearer) about the playhead; sac_timeline_zoom_all shows all of it. */
void sac_timeline_zoom(SacTimeline *timeline, double factor);
void sac_timeline_zoom_all(SacTimeline *timeline);
/* length_us 0: all of it. */
void sac_timeline_set_view(SacTimeline *timeline, gint64 start_us, gint64 length_us);
void sac_timeline_get_view(SacTimeline *timeline, gint64 *start_us, gint64 *length_us);
/* How long a frame is shown, in µs; a guess where it is not known. */
double sac_timeline_get_frame_time(SacTimeline *timeline);
/* Scrolls as little as is needed to have the time in sight. */
void sac_timeline_show_time(SacTimeline *timeline, gint64 time_us);

/* What making the last picture took, in µs: by the clock, and of the processor, which others may have used meanwhile. */
void sac_timeline_get_snapshot_time(SacTimeline *timeline, gint64 *clock_us, gint64 *processor_us);

G_END_DECLS
