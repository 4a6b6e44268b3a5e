/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

/*
 * A moment: a span [start, end) of a video with a kind, a text or label, a score in 0…1 and where it came from. A plain value.
 *
 * The id of a stored moment is a UUID that never changes. A moment that a search makes from frame samples is not stored; its
 * id, "visual:<model>:<fingerprint's head>:<start>", is the same whenever the same search finds it again.
 */

G_BEGIN_DECLS

#define SAC_KIND_VISUAL "visual"
#define SAC_KIND_SHOT "shot"
#define SAC_KIND_SPEECH "speech"
#define SAC_KIND_TEXT "text"
#define SAC_KIND_LABEL "label"
#define SAC_KIND_TAG "tag"

typedef struct {
  char *id; /* NULL in a moment that is about to be added: the library gives one */
  gint64 video_id;
  char *fingerprint; /* the video's */
  char *path;        /* the video's, as SacVideo.path */
  char *kind;
  gint64 start_us, end_us;
  double score;        /* 0…1; 1 for tags */
  char *text;          /* what is said or written; or NULL */
  char *label;         /* a tag's or label's words; or NULL */
  char *model;         /* that it came from; or NULL */
  char *source;        /* "user", or the analyser's name; or NULL */
  char *colour, *note; /* of a stored tag, see SacTag; or NULL. Read only: sac_library_change_tag() changes them */
} SacMoment;

#define SAC_TYPE_MOMENT (sac_moment_get_type())
GType sac_moment_get_type(void);
SacMoment *sac_moment_new(void);
SacMoment *sac_moment_copy(const SacMoment *moment);
void sac_moment_free(SacMoment *moment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacMoment, sac_moment_free)

/* TRUE for a word that can be a kind: the six above and any other of 1…32 letters a-z and '-'. */
gboolean sac_moment_kind_is_valid(const char *kind);

G_END_DECLS
