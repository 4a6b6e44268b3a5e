/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * A file in the making: written beside its place as ".NAME.saccade.part", then synced and renamed, so that the name never stands for
 * half a file. It is locked while it is open; one that a killed program left is not, and is taken over.
 */

G_BEGIN_DECLS

typedef struct {
  char *path; /* where it will be */
  char *part; /* where it is */
  int descriptor;
  gboolean overwrite;
} SacPartFile;

/* SAC_ERROR_EXISTS when path is there and must not be overwritten, _LOCKED when another program is writing it. */
SacPartFile *sac_part_file_open(const char *path, gboolean overwrite, GError **error);
/* Syncs and renames. Never replaces a file that has appeared meanwhile unless overwrite was asked for. */
gboolean sac_part_file_commit(SacPartFile *file, GError **error);
/* Removes it unless it was committed. */
void sac_part_file_free(SacPartFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacPartFile, sac_part_file_free)

/* All of that for a text. */
gboolean sac_part_file_write_text(const char *path, const char *text, gboolean overwrite, GError **error);

G_END_DECLS
