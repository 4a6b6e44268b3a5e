/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/media/sac-frame.h"

/*
 * Reads a video's frames in order, some or all of them, decoding ahead in a thread of its own.
 *
 *     sample k is the frame that is shown at start + k · interval
 *
 * so a frame that is shown over several sample times is given once, and a sample's time is the frame's own presentation time, not the
 * asked one. The queue between the decoder and the caller holds a few frames: reading is in step with the slower of the two.
 *
 * A stream that breaks off gives the frames before the break and then an error, once. One thread calls a reader.
 */

G_BEGIN_DECLS

#define SAC_TYPE_FRAME_READER (sac_frame_reader_get_type())
G_DECLARE_FINAL_TYPE(SacFrameReader, sac_frame_reader, SAC, FRAME_READER, GObject)

typedef struct {
  gint64 interval_us; /* 0: every frame */
  gint64 start_us;
  gint64 end_us;             /* samples before this only; 0 or less: to the end */
  int short_side;            /* scaled (bicubic) so that the shorter side is this; 0: as large as displayed */
  int max_width, max_height; /* and no larger than this, in proportion; 0: no bound */
  SacFrameFormat format;     /* SAC_FRAME_RGB24 or _RGBA */
  /* Above 0: a picture is given in the planes that it was decoded to, neither scaled nor coloured nor copied, if they have one of
   * SacFrameFormat's layouts, are upright, progressive, of square pixels and standard dynamic range, and take no more than this. */
  gsize max_plane_bytes;
  gboolean hardware;          /* decode on the GPU where there is a way; silently in software otherwise */
  gboolean keyframes_only;    /* decode key frames alone, however far apart they are */
  gboolean keyframes_allowed; /* give key frames alone if they come at least as often as samples are asked for */
} SacFrameReaderOptions;

/* Opens the file, which may block on the disk. */
SacFrameReader *sac_frame_reader_new(const char *path, const SacFrameReaderOptions *options, GError **error);

/* Waits for the next sample. Returns: (transfer full) (nullable): NULL without error at the end. */
SacFrame *sac_frame_reader_next(SacFrameReader *reader, GCancellable *cancellable, GError **error);

/* The frame that is shown at a time; the last one for times past the end. Blocks. Returns: (transfer full) */
SacFrame *sac_frame_at(const char *path, gint64 time_us, int short_side, SacFrameFormat format,
                       GCancellable *cancellable, GError **error);

G_END_DECLS
