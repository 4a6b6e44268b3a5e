/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* What a file holds, from its headers (and its first packets, where headers do not say). Immutable; any thread may hold one. */

G_BEGIN_DECLS

typedef struct {
  char *path;
  gint64 duration_us;  /* of the longest stream, from the first frame; 0 for a picture, -1 where nothing tells */
  gboolean has_video;  /* moving, or a picture */
  gboolean is_picture; /* one frame: PNG, JPEG, WebP … */
  int width, height;   /* as displayed: rotation and sample aspect applied; 0 without video */
  int rotation;        /* degrees clockwise that the stored picture is turned for display: 0, 90, 180, 270 */
  int frame_rate_num, frame_rate_den; /* the average; 0/1 where unknown */
  guint n_audio_tracks;
  char *container, *video_codec, *audio_codec; /* short names, or NULL */
  char *title;                                 /* from the file's metadata, or NULL */
} SacMediaInfo;

#define SAC_TYPE_MEDIA_INFO (sac_media_info_get_type())
GType sac_media_info_get_type(void) G_GNUC_CONST;

/* Blocks on the disk; a file that states no duration is read to its end. SAC_ERROR_NOT_FOUND, SAC_ERROR_FAILED (cannot be opened), SAC_ERROR_INVALID_FILE (neither a video, nor sound, nor
   a picture that can be read). Returns: (transfer full) */
SacMediaInfo *sac_probe_file(const char *path, GError **error);

SacMediaInfo *sac_media_info_ref(SacMediaInfo *info);
void sac_media_info_unref(SacMediaInfo *info);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacMediaInfo, sac_media_info_unref)

G_END_DECLS
