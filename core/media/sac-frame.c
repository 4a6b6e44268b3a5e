/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-frame.h"

G_DEFINE_BOXED_TYPE(SacFrame, sac_frame, sac_frame_ref, sac_frame_unref)

SacFrame *
sac_frame_new(SacFrameFormat format, int width, int height)
{
  const gsize stride = ((gsize)width * (format == SAC_FRAME_RGBA ? 4 : 3) + 15) & ~(gsize)15;
  guint8 *pixels = g_try_malloc(stride * height);

  if (!pixels)
    return NULL;
  SacFrame *frame = sac_frame_new_over(format, width, height, NULL, NULL);
  frame->stride = stride;
  frame->pixels = pixels;
  return frame;
}

SacFrame *
sac_frame_new_over(SacFrameFormat format, int width, int height, gpointer owner, GDestroyNotify free_owner)
{
  SacFrame *frame = g_atomic_rc_box_new0(SacFrame);

  frame->format = format;
  frame->width = width;
  frame->height = height;
  frame->display_width = width;
  frame->display_height = height;
  frame->owner = owner;
  frame->free_owner = free_owner;
  return frame;
}

gsize
sac_frame_bytes(const SacFrame *frame)
{
  const gsize rows = (gsize)(frame->height + 1) / 2;

  return frame->stride * (gsize)frame->height + (frame->chroma_stride[0] + frame->chroma_stride[1]) * rows;
}

SacFrame *
sac_frame_ref(SacFrame *frame)
{
  return g_atomic_rc_box_acquire(frame);
}

static void
clear(gpointer data)
{
  SacFrame *frame = data;

  if (frame->owner)
    frame->free_owner(frame->owner);
  else
    g_free(frame->pixels);
}

void
sac_frame_unref(SacFrame *frame)
{
  g_atomic_rc_box_release_full(frame, clear);
}
