/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/media/sac-frame.h"

/*
 * Small pictures as JPEG (ITU-T T.81) with all three planes at full size, so that thin edges keep their colour. One thread each; where this
 * machine's FFmpeg has no such codec, nothing is packed and nothing unpacked.
 */

G_BEGIN_DECLS

typedef struct _SacPictureCodec SacPictureCodec;

SacPictureCodec *sac_picture_codec_new(void);
void sac_picture_codec_free(SacPictureCodec *codec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacPictureCodec, sac_picture_codec_free)

/* frame: RGBA. Returns: (transfer full) (nullable) */
GBytes *sac_picture_codec_pack(SacPictureCodec *codec, const SacFrame *frame);
/* RGBA. Returns: (transfer full) (nullable): NULL for what is no such picture */
SacFrame *sac_picture_codec_unpack(SacPictureCodec *codec, GBytes *bytes);

G_END_DECLS
