/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* How long decoding alone takes, with which a seek is compared: from the key frame to the frame that is shown at a time, nothing left
   out, nothing converted. One thread; everything blocks. */

G_BEGIN_DECLS

typedef struct _SacDecodeMeter SacDecodeMeter;

SacDecodeMeter *sac_decode_meter_new(const char *path, GError **error);
void sac_decode_meter_free(SacDecodeMeter *meter);
/* seconds: with finding the key frame in the file; n_frames: how many were decoded. */
gboolean
sac_decode_meter_measure(SacDecodeMeter *meter, gint64 time_us, double *seconds, guint *n_frames, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacDecodeMeter, sac_decode_meter_free)

G_END_DECLS
