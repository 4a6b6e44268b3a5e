/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/media/sac-frame.h"

/*
 * Frame samples of a video at regular times, for analysis and film strips.
 *
 *   decoder thread: file → packets → frames → upright RGB ──► bounded queue ──► sac_frame_reader_next()
 *
 * Sample k is the frame on the screen at start + k·interval, that is, the last one whose own time is not later; before the
 * first frame it is the first frame. Its time_us is its own, so two samples of a slow video may be the very same SacFrame.
 * There is a sample for every k with start + k·interval before the end (end_us, or the end of the last frame); a still picture
 * gives one. With keyframes_allowed, sample k may instead be the last key frame not later than that instant, provided that key
 * frames follow each other more closely than the interval does (otherwise frames are decoded in full, where the file needs it).
 *
 * The reader decodes ahead on its own thread until its queue is full (a few frames, or 64 MiB of them). A reader belongs to one
 * thread at a time. new() and next() block; free() interrupts the decoding and waits for its thread, some milliseconds.
 *
 * Bad input: broken packets are passed over as long as there is something to show after them. A file that ends too early gives
 * what is there and then, if the part missing was promised by the file (its index or duration), an SAC_ERROR_INVALID_FILE that
 * names the file and the time that was reached.
 */

G_BEGIN_DECLS

typedef struct {
  gint64 interval_us; /* between samples; 0: every frame */
  gint64 start_us;
  gint64 end_us;  /* exclusive; -1: to the end */
  int short_side; /* scale (bicubic) so that the shorter side has this many pixels; 0: native size */
  SacFrameFormat format;
  gboolean hardware; /* try the machine's video decoder; falls back silently */
  gboolean keyframes_allowed;
} SacFrameReaderOptions;

typedef struct _SacFrameReader SacFrameReader;

/* options NULL: every frame, all of it, native size, RGB24, in software. Returns: (transfer full), or NULL with the errors of
 * sac_probe_file(); a file without pictures is SAC_ERROR_UNSUPPORTED. */
SacFrameReader *sac_frame_reader_new(const char *path, const SacFrameReaderOptions *options, GError **error);
void sac_frame_reader_free(SacFrameReader *reader); /* NULL is allowed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacFrameReader, sac_frame_reader_free)

/* Returns: (transfer full): the next sample; NULL without error at the end; NULL with SAC_ERROR_CANCELLED or another error. After
 * an error or the end every further call gives the same answer; after a cancellation the reader can go on. */
SacFrame *sac_frame_reader_next(SacFrameReader *reader, GCancellable *cancellable, GError **error);

/* How many samples are decoded and waiting; for tests and progress displays. */
guint sac_frame_reader_get_queued(SacFrameReader *reader);

/* How many pictures the decoder has given so far: key frame sampling shows in it. */
guint64 sac_frame_reader_get_decoded(SacFrameReader *reader);

/* TRUE when the machine's own video decoder is at work. */
gboolean sac_frame_reader_is_hardware(SacFrameReader *reader);

/* The frame on the screen at time_us (clamped to the video), exactly. Blocks. Returns: (transfer full), or NULL with error. */
SacFrame *sac_frame_at(const char *path, gint64 time_us, int short_side, SacFrameFormat format,
                       GCancellable *cancellable, GError **error);

G_END_DECLS
