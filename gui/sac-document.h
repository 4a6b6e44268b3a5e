/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/library/sac-library.h"

/*
 * The open video as the library knows it: its record, its moments, and the edits to them and to the marked span with undo and redo.
 *
 * Everything is asked of the library in a worker thread, one thing after the other in the order of the calls, and shown by
 * "changed" when it is so. "failed" (GError *) says why an edit was not done. Edits of a video that the library does not have yet
 * add it there, without analysing it. "span-restored" (int64 from, int64 to) asks to mark what was marked; from < 0: nothing. Main thread;
 * nothing blocks.
 */

G_BEGIN_DECLS

#define SAC_TYPE_DOCUMENT (sac_document_get_type())
G_DECLARE_FINAL_TYPE(SacDocument, sac_document, SAC, DOCUMENT, GObject)

/* library NULL: nothing is known and nothing can be tagged. */
SacDocument *sac_document_new(SacLibrary *library, const char *path);

const char *sac_document_get_path(SacDocument *document);
/* NULL: not in the library, or not known yet, which is told apart by sac_document_is_loaded(). */
const SacVideo *sac_document_get_video(SacDocument *document);
gboolean sac_document_is_loaded(SacDocument *document);
/* (transfer none) (element-type SacMoment) by start; never NULL. It never changes: what is read anew is another array. */
GPtrArray *sac_document_get_moments(SacDocument *document);

/* Reads again what the library has, soon: many calls are one reading. */
void sac_document_refresh(SacDocument *document);

void sac_document_add_tag(SacDocument *document, gint64 from_us, gint64 to_us, const char *label);
/* Each of these is one step of undoing. Tags of the spans and labels of moments: (element-type SacMoment) */
void sac_document_add_tags(SacDocument *document, GPtrArray *moments);
void sac_document_remove_moments(SacDocument *document, GPtrArray *moments);
/* The tag with changed->id becomes changed. */
void sac_document_change_tag(SacDocument *document, const SacMoment *tag, const SacMoment *changed);

/* The span that is marked was another before; from < 0: none. Steps that follow each other at once are one. */
void
sac_document_record_span(SacDocument *document, gint64 from_before, gint64 to_before, gint64 from_us, gint64 to_us);

void sac_document_undo(SacDocument *document);
void sac_document_redo(SacDocument *document);
gboolean sac_document_can_undo(SacDocument *document);
gboolean sac_document_can_redo(SacDocument *document);

G_END_DECLS
