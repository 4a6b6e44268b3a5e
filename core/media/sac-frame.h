/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

/*
 * One picture of a video, ready to look at: 8 bits a channel, sRGB-like BT.709 colours in standard range, upright, with square
 * pixels, top row first. A frame never changes once made and may be shared by threads.
 */

G_BEGIN_DECLS

typedef enum {
  SAC_FRAME_RGB24, /* 3 bytes a pixel: R, G, B */
  SAC_FRAME_RGBA,  /* 4 bytes a pixel: R, G, B, A; A is always 255 */
} SacFrameFormat;

/* The largest picture, in pixels, that core/media decodes: a larger one is SAC_ERROR_UNSUPPORTED, not gigabytes of memory. */
#define SAC_FRAME_MAX_PIXELS G_GINT64_CONSTANT(134217728)

typedef struct {
  gint64 time_us;     /* when it is shown; 0 = the video's first frame */
  gint64 duration_us; /* how long, as far as the file says; 0 for a still */
  int width, height;
  gsize stride; /* bytes from one row to the next */
  SacFrameFormat format;
  guint8 *pixels;

  /*< private >*/
  gatomicrefcount references;
} SacFrame;

#define SAC_TYPE_FRAME (sac_frame_get_type())
GType sac_frame_get_type(void);

/* An unset picture. Returns: (transfer full), or NULL when there is no memory for it. */
SacFrame *sac_frame_new(int width, int height, SacFrameFormat format);
SacFrame *sac_frame_ref(SacFrame *frame);
void sac_frame_unref(SacFrame *frame); /* NULL is allowed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacFrame, sac_frame_unref)

/* Bytes of pixels held: stride × height. */
gsize sac_frame_get_bytes(const SacFrame *frame);

G_END_DECLS
