/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/media/sac-frame.h"

G_BEGIN_DECLS

/* A texture of an RGBA frame that shares its pixels, without a copy; it keeps the frame until it goes itself. */
GdkTexture *sac_texture_new_from_frame(SacFrame *frame);

G_END_DECLS
