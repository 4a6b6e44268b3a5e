/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-texture.h"

GdkTexture *
sac_texture_new_from_frame(SacFrame *frame)
{
  g_return_val_if_fail(frame->format == SAC_FRAME_RGBA, NULL);
  g_autoptr(GBytes) bytes = g_bytes_new_with_free_func(frame->pixels, frame->stride * (gsize)frame->height,
                                                       (GDestroyNotify)sac_frame_unref, sac_frame_ref(frame));
  return gdk_memory_texture_new(frame->width, frame->height, GDK_MEMORY_R8G8B8A8, bytes, frame->stride);
}
