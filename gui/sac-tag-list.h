/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "core/library/sac-library.h"

/*
 * The tags with their colours and counts: choosing one narrows the library to its videos, and each can be renamed, merged with
 * another (by giving it that one's name), coloured, noted on and removed. The last of these changes can be undone.
 *
 * Signals: "chosen" (const char *name, NULL: all); "told" (const char *words): a change was made that sac_tag_list_undo() undoes;
 * "failed" (GError *). The library is read and written in worker threads. Main thread.
 */

G_BEGIN_DECLS

#define SAC_TYPE_TAG_LIST (sac_tag_list_get_type())
G_DECLARE_FINAL_TYPE(SacTagList, sac_tag_list, SAC, TAG_LIST, GtkWidget)

/* library NULL: none. */
void sac_tag_list_set_library(SacTagList *list, SacLibrary *library);
/* Shows them as they are now. */
void sac_tag_list_refresh(SacTagList *list);
/* Undoes the last change; again: does it again. */
void sac_tag_list_undo(SacTagList *list);
/* NULL: all. */
const char *sac_tag_list_get_chosen(SacTagList *list);

G_END_DECLS
