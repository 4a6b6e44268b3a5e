/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/models/sac-model-store.h"

/* What the parts of core/models share. Every one of these blocks on the disk or the network; none needs a main loop. */

G_BEGIN_DECLS

/* ---- The manifest ------------------------------------------------------------------------------------------------------ */

typedef struct {
  char *name;        /* of the file, in the hub's repository and in the model's folder */
  gboolean optional; /* left out if the hub does not have it */
  char *sha256;      /* pinned, else NULL */
  gint64 size;       /* pinned, else -1 */
} SacManifestFile;

typedef struct {
  char *id, *title, *summary, *licence;
  char *source;     /* the hub's name of the repository; NULL: not to be downloaded */
  char **revisions; /* tried in order: the first that has the first file gives all of them */
  GPtrArray *files; /* (element-type SacManifestFile) */
} SacManifestModel;

typedef struct {
  char *hub;         /* its address */
  GPtrArray *models; /* (element-type SacManifestModel) */
} SacManifest;

/* NULL: the program's own. SAC_ERROR_INVALID_FILE names the model that is wrong. */
SacManifest *sac_manifest_parse(const char *json, gssize bytes, GError **error);
SacManifest *sac_manifest_load(GError **error);
void sac_manifest_free(SacManifest *manifest);
const SacManifestModel *sac_manifest_find(const SacManifest *manifest, const char *id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacManifest, sac_manifest_free)

/* ---- Fetching ---------------------------------------------------------------------------------------------------------- */

/* Brings the model's files into folder, which exists, each whole and verified; what of them is there already is kept or continued.
   Nothing else is left in it on success. Errors are those of sac_model_store_download(). */
gboolean sac_model_fetch(const char *hub, const SacManifestModel *model, const char *folder,
                         SacModelProgressFunc progress, gpointer user_data, GCancellable *cancellable, GError **error);

/* ---- Folders ----------------------------------------------------------------------------------------------------------- */

/* TRUE if the program can search with this model: configuration, tokenizer and every tensor are read and checked. */
gboolean sac_model_check_folder(const char *folder, GCancellable *cancellable, GError **error);

/* A folder for id being made beside its place, exclusive to the caller: SAC_ERROR_LOCKED while another program has it. */
typedef struct {
  char *path;
  int lock; /* an open descriptor of it, or -1 */
} SacModelStaging;

gboolean sac_model_staging_open(SacModelStaging *staging, const char *directory, const char *id, GError **error);
/* Syncs its files and renames it to directory/id. SAC_ERROR_EXISTS if that is there by now. */
gboolean sac_model_staging_commit(SacModelStaging *staging, const char *directory, const char *id, GError **error);
/* Releases it; with discard, removes it. Does nothing after a commit. */
void sac_model_staging_close(SacModelStaging *staging, gboolean discard);

gboolean sac_model_copy_files(const char *from, const char *to, GCancellable *cancellable, GError **error);
/* Removes a folder and all in it, never following links. A folder that is not there is fine. */
gboolean sac_model_remove_folder(const char *path, GError **error);
/* The sum of its files' sizes, links not followed into folders. */
gint64 sac_model_folder_bytes(const char *path);

/* Moves an error of GIO (taken) to error as a SacError that says what was being done. */
void sac_model_propagate(GError **error, GError *taken, const char *format, ...) G_GNUC_PRINTF(3, 4);

G_END_DECLS
