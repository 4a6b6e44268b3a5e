/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/media/sac-frame.h"

/*
 * Draws a frame's planes with OpenGL: scales, turns and colours them in one go, as core/media/sac-converter.c does on the processor.
 *
 *     planes ──► across: luma and chroma to the width ──► down: to the height, RGB, light for the screen, turned ──► texture
 *
 * Both scalings are the Catmull-Rom cubic, stretched where a picture becomes smaller so that every pixel counts (Keys, "Cubic
 * convolution interpolation for digital image processing", 1981). High dynamic range is brought to sRGB by the Möbius curve of FFmpeg's
 * tone mapping, with 203 cd/m² as white (ITU-R BT.2408).
 *
 * Main thread. Works with OpenGL 3.2 and OpenGL ES 3.0.
 */

G_BEGIN_DECLS

typedef struct _SacPictureGL SacPictureGL;

/* With a context of its own, which is shared with the display's others. Returns: (transfer full) (nullable) */
SacPictureGL *sac_picture_gl_new(GdkDisplay *display, GError **error);
SacPictureGL *sac_picture_gl_ref(SacPictureGL *gl);
void sac_picture_gl_unref(SacPictureGL *gl);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacPictureGL, sac_picture_gl_unref)

/* Milliseconds that it takes to draw a picture of moderate size, the drawing finished. Waits for it: once, before it is used. */
double sac_picture_gl_measure(SacPictureGL *gl);

/* Copies the planes of a frame to the GPU, which the frame itself is not needed for any longer. FALSE with an error: larger than the GPU
 * takes, or the GPU is gone. */
gboolean sac_picture_gl_set_frame(SacPictureGL *gl, const SacFrame *frame, GError **error);
/* That frame at width × height pixels. The texture keeps the renderer; when it goes, its memory is used again. Does not wait for the GPU.
 * Returns: (transfer full) (nullable) */
GdkTexture *sac_picture_gl_draw(SacPictureGL *gl, int width, int height, GError **error);
/* Waits for what was begun. */
void sac_picture_gl_finish(SacPictureGL *gl);

G_END_DECLS
