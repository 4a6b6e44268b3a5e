/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * Which models there are: those in folders of this machine, and those that the manifest says can be downloaded.
 *
 *      DIR/ID/config.json, model.safetensors, …     an installed model: whole, or not there at all (model_find_files()
 *                                                  says which files OpenCLIP's have instead)
 *      DIR/.ID.part/                                what has been fetched so far of one that is being added or downloaded
 *
 * A model is looked for by its id in $SACCADE_MODELS (a list as in $PATH), in DIR (the user's own), then in
 * saccade/models of each of $XDG_DATA_DIRS. Only DIR is ever written to. An id is the name of a folder: one to 63 letters, digits,
 * points, hyphens and underscores, beginning with a letter or digit.
 *
 * Nothing is asked of the network except by sac_model_store_download(). What it fetches is checked against the size and the hash
 * that the hub states for the file: SHA-256 for large files, git's blob hash for small ones, and against the manifest's own
 * where that pins one. An interrupted download goes on where it stopped, if the hub still states the same hash.
 *
 * Threads: all functions may be called from any thread. All of them touch the disk; add and download may take minutes, and
 * sac_model_store_download_async() is the one that does not block.
 * Environment: SACCADE_HUB replaces the hub's address, for a mirror.
 */

G_BEGIN_DECLS

/* One model, as far as it is known. Immutable; fields that are not known are NULL or 0. */
typedef struct {
  char *id;
  char *title;        /* "CLIP ViT-B/32", or the id */
  char *summary;      /* a sentence on what it is good for */
  char *path;         /* of its folder; NULL if it is not installed */
  char *network;      /* "clip"; where this program does not know it, config.json's model_type */
  char *licence;      /* "MIT" */
  char *source;       /* the hub's name of it: "openai/clip-vit-base-patch32" */
  gint64 bytes;       /* on disk if it is installed, else what of it has been fetched */
  guint dimensions;   /* of its vectors; 0: it makes none, or not known before it is here */
  gboolean installed; /* there is a folder */
  gboolean builtin;   /* in a folder that this program does not write to */
  gboolean downloadable;
  gboolean embeds_pictures, embeds_texts;
  guint clip_frames; /* that make one vector: 1, or more where a model sees movement; 0 as dimensions */
  char *problem;     /* why an installed model cannot be used for searching, else NULL */
} SacModelEntry;

#define SAC_TYPE_MODEL_ENTRY (sac_model_entry_get_type())
GType sac_model_entry_get_type(void);
SacModelEntry *sac_model_entry_ref(SacModelEntry *entry);
void sac_model_entry_unref(SacModelEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacModelEntry, sac_model_entry_unref)

/* How far a download is. */
typedef struct {
  const char *file;       /* what is being fetched now */
  gint64 done, total;     /* bytes of the whole model; total is -1 until the hub has stated every size */
  double rate;            /* bytes a second over the last seconds, 0 if not known */
  double seconds_left;    /* -1 if not known */
  const char *difficulty; /* why it is waiting to try again, or NULL */
} SacModelProgress;

/* In sac_model_store_download() on its thread; in the _async one on the caller's main context. At most some ten times a second. */
typedef void (*SacModelProgressFunc)(const SacModelProgress *progress, gpointer user_data);

/* Signal "changed": a model was added or removed; emitted on the thread that did it. */
#define SAC_TYPE_MODEL_STORE (sac_model_store_get_type())
G_DECLARE_FINAL_TYPE(SacModelStore, sac_model_store, SAC, MODEL_STORE, GObject)

/* directory NULL: $XDG_DATA_HOME/saccade/models. It is made when something is added. */
SacModelStore *sac_model_store_new(const char *directory);
const char *sac_model_store_get_directory(SacModelStore *store);

/* (element-type SacModelEntry), installed ones first, each part in the order of ids. A folder without a configuration is none. */
GPtrArray *sac_model_store_list(SacModelStore *store, GError **error);

/* One of them, whether installed or not. SAC_ERROR_NOT_FOUND lists what there is. */
SacModelEntry *sac_model_store_show(SacModelStore *store, const char *id, GError **error);

/* The folder of an installed model. SAC_ERROR_NOT_FOUND says how to get it, or what there is. */
char *sac_model_store_find(SacModelStore *store, const char *id, GError **error);

/*
 * Copies the model of folder under id (NULL: the folder's name). Before that its configuration must be of a network that this program
 * knows, its tokenizer must open, and every tensor of its weights must be whole and finite. SAC_ERROR_EXISTS: an id that is
 * there already; _USAGE: no id; _INVALID_FILE, _UNSUPPORTED: names the file and the tensor; _NO_SPACE. Nothing is left behind on failure.
 */
gboolean sac_model_store_add(SacModelStore *store, const char *folder, const char *id, GCancellable *cancellable,
                             GError **error);

/* Removes the model's folder and what is left of its download. SAC_ERROR_READ_ONLY: it is a built-in one. */
gboolean sac_model_store_remove(SacModelStore *store, const char *id, GError **error);

/*
 * Fetches a model of the manifest. SAC_ERROR_EXISTS: it is installed; _NOT_FOUND: not in the manifest, or the hub has it no
 * more; _NETWORK: no connection, or the server's answers are wrong; _INVALID_FILE: what came is not what the hub stated, and was deleted;
 * _NO_SPACE; _CANCELLED. After _NETWORK, _NO_SPACE and _CANCELLED what has come is kept for the next call.
 */
gboolean sac_model_store_download(SacModelStore *store, const char *id, SacModelProgressFunc progress,
                                  gpointer user_data, GCancellable *cancellable, GError **error);
void sac_model_store_download_async(SacModelStore *store, const char *id, SacModelProgressFunc progress,
                                    gpointer progress_data, GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer user_data);
gboolean sac_model_store_download_finish(SacModelStore *store, GAsyncResult *result, GError **error);

/* TRUE if id is a safe name for a folder. */
gboolean sac_model_id_is_valid(const char *id);

G_END_DECLS
