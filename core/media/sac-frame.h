/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

/*
 * One picture of a video as a person sees it: upright, with square pixels, in sRGB.
 *
 * Times are microseconds from the video's first frame. A frame is immutable once it has been handed out, and its reference
 * count is atomic: any thread may hold one.
 */

G_BEGIN_DECLS

typedef enum {
  SAC_FRAME_RGB24, /* red, green, blue: 3 bytes a pixel */
  SAC_FRAME_RGBA,  /* and 255: 4 bytes a pixel */
} SacFrameFormat;

typedef struct {
  gint64 time_us;     /* its own presentation time */
  gint64 duration_us; /* how long it is shown, or 0 where the file does not say */
  int width, height;  /* pixels */
  gsize stride;       /* bytes from one row to the next */
  SacFrameFormat format;
  guint8 *pixels; /* [height][stride] */
} SacFrame;

#define SAC_TYPE_FRAME (sac_frame_get_type())
GType sac_frame_get_type(void) G_GNUC_CONST;

/* Pixels are not set. Returns: (transfer full) (nullable): NULL where there is no memory for so large a picture. */
SacFrame *sac_frame_new(SacFrameFormat format, int width, int height);
SacFrame *sac_frame_ref(SacFrame *frame);
void sac_frame_unref(SacFrame *frame);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacFrame, sac_frame_unref)

G_END_DECLS
