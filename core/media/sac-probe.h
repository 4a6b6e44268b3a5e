/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * What a file is, without decoding more of it than its first picture.
 *
 * Times everywhere in core/media are microseconds counted from the video's first frame: 0 is when that frame is shown. In a
 * file with sound only, 0 is its first sample of sound.
 *
 * sac_probe_file() reads the disk and may block for as long as the file system does (a file that states no duration is read
 * to its end without decoding): never call it on the main thread. Any thread may call it; a SacMediaInfo never changes.
 */

G_BEGIN_DECLS

typedef struct {
  char *path;
  char *container;   /* FFmpeg's short name: "mov", "matroska", "mpegts", "png_pipe" */
  char *video_codec; /* "h264", or NULL without video */
  char *audio_codec; /* of the first audio track, or NULL */
  GHashTable *tags; /* char * → char *: title, artist, comment, creation_time … with keys in lower case; never NULL */

  gint64
      duration_us; /* from time 0 to the end of picture and sound, whichever is later; 0 for a picture or an empty track */
  gint64 origin_us;  /* the container's own time stamp of time 0: subtract it from a packet's time to get ours */
  int width, height; /* as displayed: sample aspect and rotation applied; 0 without video */
  int rotation;      /* degrees clockwise by which the coded picture is turned for display: 0, 90, 180 or 270 */
  int frame_rate_num, frame_rate_den; /* average; 0/1 where it is not known (a picture) */
  int n_audio_tracks;
  gboolean has_video;  /* moving or still pictures; cover art in a sound file is not video */
  gboolean is_picture; /* a still: one frame at time 0 */
  gboolean is_hdr;     /* PQ or HLG: frames are mapped to standard range */

  /*< private >*/
  gatomicrefcount references;
} SacMediaInfo;

#define SAC_TYPE_MEDIA_INFO (sac_media_info_get_type())
GType sac_media_info_get_type(void);
SacMediaInfo *sac_media_info_ref(SacMediaInfo *info);
void sac_media_info_unref(SacMediaInfo *info); /* NULL is allowed */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacMediaInfo, sac_media_info_unref)

/* Returns: (transfer full), or NULL with SAC_ERROR_NOT_FOUND (no such file, a dangling link), _READ_ONLY (no permission),
 * _INVALID_FILE (empty, not media, broken, or without pictures and sound) or _UNSUPPORTED (a directory, no decoder, too large a
 * picture). Every message names the file. */
SacMediaInfo *sac_probe_file(const char *path, GError **error);

/* Frames a second, or 0 where it is not known. */
double sac_media_info_get_frame_rate(const SacMediaInfo *info);

G_END_DECLS
