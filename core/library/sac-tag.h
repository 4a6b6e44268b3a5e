/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib-object.h>

/*
 * A tag: the label that moments of kind "tag" share, with its colour and a note. Plain values; a copy belongs to who has it.
 */

G_BEGIN_DECLS

typedef struct {
  char *name;   /* the label of its moments */
  char *colour; /* "#rrggbb", or "": none */
  char *note;   /* or "" */
  gint64 n_moments, n_videos;
} SacTag;

#define SAC_TYPE_TAG (sac_tag_get_type())
GType sac_tag_get_type(void);
SacTag *sac_tag_new(const char *name, const char *colour, const char *note);
SacTag *sac_tag_copy(const SacTag *tag);
void sac_tag_free(SacTag *tag);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacTag, sac_tag_free)

/* TRUE for "" and "#rrggbb". */
gboolean sac_tag_colour_is_valid(const char *colour);

/* Some tags with all their moments as they were at one time, to be put back (sac_library_restore_tags). */
typedef struct _SacTagState SacTagState;
void sac_tag_state_free(SacTagState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacTagState, sac_tag_state_free)

G_END_DECLS
