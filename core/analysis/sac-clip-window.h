/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/media/sac-frame.h"

/*
 * The clip about each frame sample, for models that make a vector of several frames.
 *
 * Samples k-3 … k+4 are the clip of sample k where a clip has eight frames: as many before it as after it, but for one. Near the
 * beginning and the end, where some of those are missing, it is the first or the last eight, so that a clip holds no frame twice; a video
 * of fewer samples than that gives one clip, of all of them spread evenly, for each. So every sample has a vector, at one a second
 * a clip is eight seconds long (such models are trained on clips of about ten), and each frame goes through the model eight times.
 * With one frame a clip, a sample's clip is the sample.
 *
 * One thread.
 */

G_BEGIN_DECLS

typedef struct _SacClipWindow SacClipWindow;

SacClipWindow *sac_clip_window_new(guint clip_frames);
void sac_clip_window_free(SacClipWindow *window);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacClipWindow, sac_clip_window_free)

/* How many samples before the first one that is wanted must be pushed as done, or all that there are, so that nothing differs from
 * having begun at the first sample. */
guint sac_clip_window_reach(const SacClipWindow *window);

/* The samples in their order (transfer full). done: only for the clips of later ones; such come before all others. */
void sac_clip_window_push(SacClipWindow *window, SacFrame *frame, gboolean done);
/* There are no more. */
void sac_clip_window_end(SacClipWindow *window);

/* Appends the clip of the next sample, clip_frames frames, to clips (element-type SacFrame, with sac_frame_unref), and gives the time of
 * the sample. FALSE: it is not whole yet, or there are no more samples. */
gboolean sac_clip_window_next(SacClipWindow *window, GPtrArray *clips, gint64 *time_us);

G_END_DECLS
