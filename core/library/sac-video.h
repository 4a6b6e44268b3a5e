/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

/*
 * A video as the library knows it: by its content, wherever its files lie. A plain value; a copy belongs to who has it.
 */

G_BEGIN_DECLS

typedef enum {
  SAC_VIDEO_NEW,     /* known, nothing analysed */
  SAC_VIDEO_PARTIAL, /* an analysis was begun and is not done */
  SAC_VIDEO_INDEXED, /* every analysis that was begun is done */
} SacVideoState;

typedef struct {
  gint64 id;         /* in this library; 0 in a video that is about to be added */
  char *fingerprint; /* 64 hexadecimal digits of the content, see sac_library_fingerprint() */
  char *path;        /* absolute; of several the first that exists, else the one seen last */
  char *title;       /* the file's own title, else its name without folder */
  gint64 duration_us;
  int width, height; /* as displayed */
  int frame_rate_num, frame_rate_den;
  gint64 size;  /* bytes */
  gint64 mtime; /* of path when it was last read, microseconds since 1970 */
  gboolean has_audio;
  gboolean is_picture;
  gboolean missing; /* none of its paths exists now */
  SacVideoState state;
  gint64 n_samples; /* frame samples whose vectors the library holds, over all models */
  gint64 n_moments; /* stored moments, tags among them */
  gint64 n_tags;
  gint64 added_us; /* when, microseconds since 1970 */
} SacVideo;

#define SAC_TYPE_VIDEO (sac_video_get_type())
GType sac_video_get_type(void);
SacVideo *sac_video_new(void);
SacVideo *sac_video_copy(const SacVideo *video);
void sac_video_free(SacVideo *video);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacVideo, sac_video_free)

G_END_DECLS
