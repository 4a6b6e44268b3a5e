/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

/*
 * One picture of a video as a person sees it: upright, with square pixels, in sRGB or as the luma and chroma that it was coded in. A
 * player that is asked for planes gives them as they are stored, and says what is left to do.
 *
 * Times are microseconds from the video's first frame. A frame is immutable once it has been handed out, and its reference
 * count is atomic: any thread may hold one.
 */

G_BEGIN_DECLS

typedef enum {
  SAC_FRAME_RGB24, /* red, green, blue: 3 bytes a pixel */
  SAC_FRAME_RGBA,  /* and 255: 4 bytes a pixel */
  /* A plane of luma, and chroma of half its width and height, rounded up. */
  SAC_FRAME_YUV420P,   /* 8 bits, Cb and Cr apart */
  SAC_FRAME_YUV420P10, /* 10 bits in the low ones of 16, Cb and Cr apart */
  SAC_FRAME_NV12,      /* 8 bits, one plane of Cb and Cr by turns */
  SAC_FRAME_P010,      /* 10 bits in the high ones of 16, one plane of Cb and Cr by turns */
} SacFrameFormat;

typedef enum { SAC_MATRIX_BT601, SAC_MATRIX_BT709, SAC_MATRIX_BT2020 } SacColourMatrix;
typedef enum { SAC_TRANSFER_SDR, SAC_TRANSFER_PQ, SAC_TRANSFER_HLG } SacTransfer;

typedef struct {
  gint64 time_us;     /* its own presentation time */
  gint64 duration_us; /* how long it is shown, or 0 where the file does not say */
  int width, height;  /* pixels */
  gsize stride;       /* bytes from one row to the next */
  SacFrameFormat format;
  guint8 *pixels; /* [height][stride]; of the formats with planes, the luma */

  /* Of the formats with planes alone. */
  guint8 *chroma[2]; /* [(height + 1) / 2][chroma_stride]; one where Cb and Cr take turns */
  gsize chroma_stride[2];
  SacColourMatrix matrix;
  gboolean full_range;     /* else 16…235 of 8 bits */
  gboolean chroma_centred; /* between the luma's columns; else on the even ones. Between its rows, unless chroma_top. */

  /* Of planes as they are stored; elsewhere there is nothing left to do. */
  int display_width, display_height; /* upright and with square pixels; of every frame */
  gboolean transposed, flip_x,
      flip_y;          /* first rows and columns change places, then left and right, then top and bottom */
  gboolean chroma_top; /* the chroma is on the luma's even rows */
  SacTransfer transfer;
  gboolean wide_primaries; /* of PQ and HLG: BT.2020's, else BT.709's */
  double peak;             /* of PQ and HLG: the brightest, in cd/m² */

  gpointer owner; /* whose memory the pixels are, NULL: the frame's own */
  GDestroyNotify free_owner;
} SacFrame;

#define SAC_TYPE_FRAME (sac_frame_get_type())
GType sac_frame_get_type(void) G_GNUC_CONST;

/* SAC_FRAME_RGB24 or _RGBA. Pixels are not set. Returns: (transfer full) (nullable): NULL where there is no memory for so large a picture. */
SacFrame *sac_frame_new(SacFrameFormat format, int width, int height);
/* A frame over pixels that are the owner's; the caller sets where they are. The frame frees the owner. Returns: (transfer full) */
SacFrame *sac_frame_new_over(SacFrameFormat format, int width, int height, gpointer owner, GDestroyNotify free_owner);
/* Of all planes. */
gsize sac_frame_bytes(const SacFrame *frame);
SacFrame *sac_frame_ref(SacFrame *frame);
void sac_frame_unref(SacFrame *frame);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacFrame, sac_frame_unref)

G_END_DECLS
