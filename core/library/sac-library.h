/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/library/sac-moment.h"
#include "core/library/sac-tag.h"
#include "core/library/sac-vectors.h"
#include "core/library/sac-video.h"

/*
 * The library: everything that Saccade knows about a person's videos, in one folder.
 *
 *      DIR/library.db              SQLite: videos and their paths, analyses, moments (with full text), jobs
 *      DIR/library.db-wal, -shm    its write-ahead log, while it is open
 *      DIR/vectors/MODEL-N.f16     the frame samples' vectors, one file a model; N counts up when it is rewritten
 *
 * Invariants
 *  * A vector is in the file, and the file synced, before the transaction that refers to it commits. What the database does not
 *    refer to is not there: a torn tail after a crash is cut off when the library is next opened for writing.
 *  * Every append is a batch with a checksum of its own, so that damage in the middle is told (sac_library_check) and not searched.
 *  * One transaction a step; after kill -9 or a power cut the library is as it was after the last step that returned.
 *  * A video is its content. A moved or renamed file keeps its moments; the same content twice is one video with two paths; when the
 *    content at a path changes, the tags stay with the path and everything that was computed is dropped.
 *
 * Threads: every function may be called from any thread. Writes are done by one thread inside and wait for it; reads each take a
 * connection of their own from a pool. All of them touch the disk, so none belongs on the GTK main loop.
 * Several programs may have the same library open; a write waits up to five seconds for another program's write.
 *
 * Errors: SAC_ERROR_LOCKED, _READ_ONLY, _NO_SPACE, _CORRUPT, _NEWER_VERSION, _NOT_FOUND; each message names the file and the way out.
 *
 * Signal "changed" (no arguments): on the main context, some time after something was written; several writes may share one.
 */

G_BEGIN_DECLS

typedef enum {
  SAC_LIBRARY_DEFAULT = 0,
  SAC_LIBRARY_READ_ONLY = 1 << 0, /* never writes; a missing library is SAC_ERROR_NOT_FOUND */
} SacLibraryFlags;

#define SAC_TYPE_LIBRARY (sac_library_get_type())
G_DECLARE_FINAL_TYPE(SacLibrary, sac_library, SAC, LIBRARY, GObject)

/* $SACCADE_LIBRARY, else $XDG_DATA_HOME/saccade. */
char *sac_library_default_directory(void);

/* Opens, and without READ_ONLY makes, brings to the current version, and trims. directory NULL: the default one. Runs SQLite's quick
 * integrity check first. A library in a folder that cannot be written opens with READ_ONLY. */
SacLibrary *sac_library_open(const char *directory, SacLibraryFlags flags, GError **error);
const char *sac_library_get_directory(SacLibrary *library);
gboolean sac_library_is_read_only(SacLibrary *library);

/* --- videos ---------------------------------------------------------------------------------------------------------------- */

/* The content's name: SHA-256 over the size, the head, the tail and blocks spread evenly between (all of it up to 4 MiB), as 64
 * hexadecimal digits. Reads at most about 1.3 MiB of a larger file. */
char *sac_library_fingerprint(const char *path, GCancellable *cancellable, GError **error);

/* Adds or finds the video of info->path. From info: path, title (NULL: the name), duration_us, width, height, frame rate, has_audio,
 * is_picture; the rest is found here. 0 on error. *changed (may be NULL): the path was known and its content is another now. */
gint64 sac_library_add_video(SacLibrary *library, const SacVideo *info, gboolean *changed, GError **error);

/* (element-type SacVideo), newest first. */
GPtrArray *sac_library_list_videos(SacLibrary *library, GError **error);
SacVideo *sac_library_get_video(SacLibrary *library, gint64 video_id, GError **error);

/* The video of a file. A path that the library does not know but that exists is looked up by content, so that a moved file is found;
 * a known path whose size or time of change is another is read again. SAC_ERROR_NOT_FOUND says to index it. */
SacVideo *sac_library_find_video_by_path(SacLibrary *library, const char *path, GError **error);

/* For files whose length only reading them tells. */
gboolean sac_library_set_duration(SacLibrary *library, gint64 video_id, gint64 duration_us, GError **error);

/* All paths of a video (transfer full, NULL-terminated). */
char **sac_library_get_video_paths(SacLibrary *library, gint64 video_id, GError **error);

/* Says that the file at path is the video, which is missing where it was. SAC_ERROR_INVALID_FILE: it has another content. */
gboolean sac_library_locate_video(SacLibrary *library, gint64 video_id, const char *path, GError **error);
/* Looks through folders (NULL-terminated, with what is in them) for the files of all missing videos, by size and then by content. *n_found (may
 * be NULL): of how many videos. */
gboolean sac_library_find_missing(SacLibrary *library, const char *const *folders, guint *n_found,
                                  GCancellable *cancellable, GError **error);
/* A set of all paths of all videos. (transfer full) */
GHashTable *sac_library_list_paths(SacLibrary *library, GError **error);

/* Removes a video with its moments, tags and vectors (their room in the vectors file comes back with sac_library_vacuum). The file of the
 * video itself is never touched. */
gboolean sac_library_forget_video(SacLibrary *library, gint64 video_id, GError **error);

/* --- moments and tags -------------------------------------------------------------------------------------------------------- */

/* Adds moment; returns its id (transfer full), NULL on error. moment->id is kept when it is set (undo puts a tag back as it was).
 * start < 0, end < start, an unknown video and an empty tag label are SAC_ERROR_USAGE or _NOT_FOUND. */
char *sac_library_add_moment(SacLibrary *library, const SacMoment *moment, GError **error);
/* Many in one transaction, all or none. (element-type SacMoment) */
gboolean sac_library_add_moments(SacLibrary *library, GPtrArray *moments, GError **error);
gboolean sac_library_remove_moment(SacLibrary *library, const char *moment_id, GError **error);
/* Writes span, score, text, label and kind of the moment with moment->id. */
gboolean sac_library_update_moment(SacLibrary *library, const SacMoment *moment, GError **error);
SacMoment *sac_library_get_moment(SacLibrary *library, const char *moment_id, GError **error);

/* (element-type SacMoment) of one video, or of all (video_id 0), by video and start. kinds NULL: all; else NULL-terminated. */
GPtrArray *sac_library_list_moments(SacLibrary *library, gint64 video_id, const char *const *kinds, GError **error);

/* Full text over text and label of moments: what each matching moment is, best first. expression is FTS5's own language, made by the
 * search; a wrong one is SAC_ERROR_USAGE. video_id 0: all. */
GPtrArray *sac_library_match_text(SacLibrary *library, const char *expression, gint64 video_id,
                                  const char *const *kinds, guint limit, GError **error);

/* Distinct labels of tags with how often, most used first: for completion. (element-type utf8) */
GPtrArray *sac_library_list_labels(SacLibrary *library, GError **error);

/* The tags that moments have, most used first. (element-type SacTag) */
GPtrArray *sac_library_list_tags(SacLibrary *library, GError **error);
/* Videos that have a moment with it. (element-type gint64) */
GArray *sac_library_list_tagged_videos(SacLibrary *library, const char *name, GError **error);

/* Gives the tag another name, colour and note; another tag's name merges the two. *before (transfer full, may be NULL): what
 * sac_library_restore_tags() undoes it with. SAC_ERROR_NOT_FOUND: no moment has it; _USAGE: an empty name, a colour that is none. */
gboolean
sac_library_change_tag(SacLibrary *library, const char *name, const SacTag *to, SacTagState **before, GError **error);
/* Removes its moments too. */
gboolean sac_library_remove_tag(SacLibrary *library, const char *name, SacTagState **before, GError **error);
/* Puts tags and their moments back; *before (transfer full, may be NULL) does it again. */
gboolean sac_library_restore_tags(SacLibrary *library, const SacTagState *state, SacTagState **before, GError **error);

/* --- analyses: what was computed, and how far ------------------------------------------------------------------------------- */

typedef struct {
  gint64 id;
  gint64 next_sample;  /* how many samples are in: the index of the next one */
  gint64 last_time_us; /* of the last sample that is in; -1 without one */
  gboolean finished;
} SacAnalysis;

/* Finds or begins the analysis of a video by an analyser with a model at an interval. model "" and interval 0 where there is none. */
gboolean sac_library_analysis_begin(SacLibrary *library, gint64 video_id, const char *analyser, const char *model,
                                    gint64 interval_us, SacAnalysis *analysis, GError **error);

/* Appends n samples, whose first has the index first_sample: vectors [n][dimensions] of unit length go to the model's file and are synced,
 * then one transaction refers to them. If first_sample is not the analysis's next (another program is at the same video), nothing is written:
 * SAC_ERROR_EXISTS. */
gboolean sac_library_append_samples(SacLibrary *library, gint64 analysis_id, gint64 first_sample, gsize n,
                                    const gint64 *times_us, const float *vectors, gsize dimensions, GError **error);

/* Marks it done and drops what an earlier analysis by the same analyser and model at another interval left. */
gboolean sac_library_analysis_finish(SacLibrary *library, gint64 analysis_id, GError **error);

/* How a finished or running analysis stands without beginning one; *found FALSE when there is none. */
gboolean sac_library_analysis_find(SacLibrary *library, gint64 video_id, const char *analyser, const char *model,
                                   gint64 interval_us, SacAnalysis *analysis, gboolean *found, GError **error);

/* --- vectors ---------------------------------------------------------------------------------------------------------------- */

/* (transfer full) Models that have vectors here, the one with most first. */
char **sac_library_list_models(SacLibrary *library, GError **error);

/* The newest snapshot. A model without vectors gives an empty snapshot. Batches whose checksum is wrong are left out with a warning on
 * the log; sac_library_check tells which videos they belong to. */
SacVectors *sac_library_get_vectors(SacLibrary *library, const char *model, GError **error);

/* --- jobs: what goes on after a crash ----------------------------------------------------------------------------------------- */

typedef struct {
  gint64 id;
  char *kind;      /* "index", "export", "download", "sync" */
  char *arguments; /* JSON text of the job's own */
  gint64 created_us;
} SacJobRecord;

void sac_job_record_free(SacJobRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacJobRecord, sac_job_record_free)

gint64 sac_library_job_add(SacLibrary *library, const char *kind, const char *arguments, GError **error);
gboolean sac_library_job_update(SacLibrary *library, gint64 job_id, const char *arguments, GError **error);
gboolean sac_library_job_remove(SacLibrary *library, gint64 job_id, GError **error);
/* (element-type SacJobRecord), oldest first; kind NULL: all. */
GPtrArray *sac_library_job_list(SacLibrary *library, const char *kind, GError **error);

/* --- care ---------------------------------------------------------------------------------------------------------------------- */

typedef struct {
  gint64 videos, paths, missing_videos, moments, tags, samples, jobs;
  gint64 database_bytes, vectors_bytes, unused_vectors_bytes;
  int schema_version;
} SacLibraryInfo;

gboolean sac_library_get_info(SacLibrary *library, SacLibraryInfo *info, GError **error);

/* The full check: SQLite's integrity and foreign keys, the full text against its source, each vectors file's header and every batch's
 * checksum. Findings are sentences (element-type utf8); an empty array is a sound library. repair: analyses with damaged vectors are dropped,
 * so that indexing computes them again, and the full text is rebuilt; tags are never touched. */
GPtrArray *sac_library_check(SacLibrary *library, gboolean repair, GCancellable *cancellable, GError **error);

/* Gives back unused room: the vectors files are rewritten without forgotten rows (beside, synced, then one transaction), the database is
 * vacuumed, paths that no longer exist are dropped from videos that have one that does. */
gboolean sac_library_vacuum(SacLibrary *library, GCancellable *cancellable, GError **error);

G_END_DECLS
