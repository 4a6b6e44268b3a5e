/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/library/sac-library-private.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "core/library/sac-vectors-private.h"
#include "core/sac-error.h"

/* What is remembered of a model between snapshots. */
struct model_cache {
  char *file;
  gint64 revision;
  SacVectors *vectors;
  GHashTable *verified; /* ids of batches whose checksum was right, gint64; damage is looked at again each time */
};

struct SacSnapshots {
  GMutex lock;
  GHashTable *models; /* name → struct model_cache */
};

static void
model_cache_free(gpointer data)
{
  struct model_cache *cache = data;
  g_free(cache->file);
  sac_vectors_unref(cache->vectors);
  g_hash_table_unref(cache->verified);
  g_free(cache);
}

SacSnapshots *
sac_snapshots_new(void)
{
  SacSnapshots *snapshots = g_new0(SacSnapshots, 1);
  g_mutex_init(&snapshots->lock);
  snapshots->models = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, model_cache_free);
  return snapshots;
}

void
sac_snapshots_free(SacSnapshots *snapshots)
{
  if (snapshots == NULL)
    return;
  g_hash_table_unref(snapshots->models);
  g_mutex_clear(&snapshots->lock);
  g_free(snapshots);
}

/* --- analyses ------------------------------------------------------------------------------------------------------------- */

struct begin_analysis {
  gint64 video_id, interval_us;
  const char *analyser, *model;
  SacAnalysis analysis;
};

static gboolean
find_analysis(sqlite3 *db, struct begin_analysis *begin, gboolean *found, GError **error)
{
  g_autoptr(sqlite3_stmt) row = sac_database_prepare(
      db, error,
      "SELECT id, samples, finished,"
      " (SELECT times FROM batch WHERE batch.analysis = analysis.id ORDER BY first_sample DESC LIMIT 1)"
      " FROM analysis WHERE video = ? AND analyser = ? AND model = ? AND interval = ?",
      "issi", begin->video_id, begin->analyser, begin->model, begin->interval_us);
  int got = row != NULL ? sac_database_step(row, error) : -1;
  *found = got == 1;
  if (*found) {
    begin->analysis.id = sqlite3_column_int64(row, 0);
    begin->analysis.next_sample = sqlite3_column_int64(row, 1);
    begin->analysis.finished = sqlite3_column_int(row, 2);
    begin->analysis.last_time_us = -1;
    const guint8 *times = sqlite3_column_blob(row, 3);
    gsize bytes = sqlite3_column_bytes(row, 3);
    if (bytes >= sizeof(gint64))
      memcpy(&begin->analysis.last_time_us, times + bytes - sizeof(gint64), sizeof(gint64));
  }
  return got >= 0;
}

static gboolean
begin_analysis(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  struct begin_analysis *begin = data;
  gboolean found;
  gint64 known;
  if (!find_analysis(db, begin, &found, error))
    return FALSE;
  if (found)
    return TRUE;
  if (!sac_database_integer(db, error, 0, &known, "SELECT id FROM video WHERE id = ?", "i", begin->video_id))
    return FALSE;
  if (known == 0) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, _("The library has no video %" PRId64), begin->video_id);
    return FALSE;
  }
  if (!sac_database_run(db, error, "INSERT INTO analysis (video, analyser, model, interval) VALUES (?,?,?,?)", "issi",
                        begin->video_id, begin->analyser, begin->model, begin->interval_us))
    return FALSE;
  begin->analysis = (SacAnalysis){ .id = sqlite3_last_insert_rowid(db), .last_time_us = -1 };
  return TRUE;
}

gboolean
sac_library_analysis_find(SacLibrary *library, gint64 video_id, const char *analyser, const char *model,
                          gint64 interval_us, SacAnalysis *analysis, gboolean *found, GError **error)
{
  struct begin_analysis begin = {
    .video_id = video_id, .analyser = analyser, .model = model, .interval_us = interval_us
  };
  g_auto(SacReader) reader = sac_library_read(library, error);
  if (reader.db == NULL || !find_analysis(reader.db, &begin, found, error))
    return FALSE;
  *analysis = begin.analysis;
  return TRUE;
}

gboolean
sac_library_analysis_begin(SacLibrary *library, gint64 video_id, const char *analyser, const char *model,
                           gint64 interval_us, SacAnalysis *analysis, GError **error)
{
  struct begin_analysis begin = {
    .video_id = video_id, .analyser = analyser, .model = model, .interval_us = interval_us
  };
  if (!sac_library_write(library, begin_analysis, &begin, error))
    return FALSE;
  *analysis = begin.analysis;
  return TRUE;
}

static gboolean
finish_analysis(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  gint64 id = *(const gint64 *)data;
  if (!sac_database_run(db, error, "UPDATE analysis SET finished = 1 WHERE id = ?", "i", id))
    return FALSE;
  if (sqlite3_changes(db) == 0) {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_NOT_FOUND,
                        _("The video was removed from the library while it was indexed"));
    return FALSE;
  }
  return sac_database_run(
      db, error,
      "DELETE FROM analysis WHERE id IN (SELECT other.id FROM analysis AS other JOIN analysis AS done"
      " ON done.id = ? AND other.video = done.video AND other.analyser = done.analyser"
      " AND other.model = done.model AND other.id <> done.id)",
      "i", id);
}

gboolean
sac_library_analysis_finish(SacLibrary *library, gint64 analysis_id, GError **error)
{
  return sac_library_write(library, finish_analysis, &analysis_id, error);
}

/* --- appending ------------------------------------------------------------------------------------------------------------ */

struct append {
  gint64 analysis_id, first_sample;
  gsize n, dimensions;
  const gint64 *times;
  guint16 *rows;
};

typedef struct {
  char *name, *file;
  gint64 dimensions, generation, rows, revision;
} ModelEntry;

static void
model_entry_clear(ModelEntry *model)
{
  g_clear_pointer(&model->name, g_free);
  g_clear_pointer(&model->file, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ModelEntry, model_entry_clear)

/* name stays NULL when the library has no such model. */
static gboolean
read_model(sqlite3 *db, const char *name, ModelEntry *model, GError **error)
{
  g_autoptr(sqlite3_stmt) row = sac_database_prepare(
      db, error, "SELECT name, file, dimensions, generation, rows, revision FROM model WHERE name = ?", "s", name);
  int got = row != NULL ? sac_database_step(row, error) : -1;
  if (got == 1) {
    model->name = sac_column_dup(row, 0);
    model->file = sac_column_dup(row, 1);
    model->dimensions = sqlite3_column_int64(row, 2);
    model->generation = sqlite3_column_int64(row, 3);
    model->rows = sqlite3_column_int64(row, 4);
    model->revision = sqlite3_column_int64(row, 5);
  }
  return got >= 0;
}

/* What of a model's name may stand in a file's name, with enough of a hash that two models never share one. */
static char *
file_name_of_model(const char *model, gint64 generation)
{
  g_autofree char *safe = g_strndup(model, 80);
  g_strcanon(safe, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", '_');
  return g_strdup_printf("%s-%08x-%" G_GINT64_FORMAT ".f16", safe, g_str_hash(model), generation);
}

/* The model's entry and its file, made with the first samples. */
static gboolean
ensure_model(SacLibrary *library, sqlite3 *db, const char *name, gsize dimensions, ModelEntry *model, GError **error)
{
  if (!read_model(db, name, model, error))
    return FALSE;
  if (model->name != NULL) {
    if (model->dimensions == (gint64)dimensions)
      return TRUE;
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                _("The library's vectors of model “%s” have %" PRId64
                  " dimensions and the model has %zu now: add the other model under another name"),
                name, model->dimensions, dimensions);
    return FALSE;
  }
  model->name = g_strdup(name);
  model->generation = 1;
  model->file = file_name_of_model(name, 1);
  model->dimensions = dimensions;
  g_autofree char *path = sac_library_vectors_path(library, model->file);
  return sac_vectors_file_create(path, name, dimensions, error) &&
         sac_database_run(db, error, "INSERT INTO model (name, dimensions, file, generation) VALUES (?,?,?,1)", "sis",
                          name, (gint64)dimensions, model->file);
}

static gboolean
append_samples(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  const struct append *append = data;
  g_autoptr(sqlite3_stmt) row =
      sac_database_prepare(db, error, "SELECT model, samples FROM analysis WHERE id = ?", "i", append->analysis_id);
  int got = row != NULL ? sac_database_step(row, error) : -1;
  if (got < 0)
    return FALSE;
  if (got == 0) {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_NOT_FOUND,
                        _("The video was removed from the library while it was indexed"));
    return FALSE;
  }
  g_autofree char *name = sac_column_dup(row, 0);
  if (sqlite3_column_int64(row, 1) != append->first_sample) {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_EXISTS,
                        _("Another program is indexing the same video: let one of them finish"));
    return FALSE;
  }

  g_auto(ModelEntry) model = { 0 };
  if (!ensure_model(library, db, name, append->dimensions, &model, error))
    return FALSE;
  g_autofree char *path = sac_library_vectors_path(library, model.file);
  int fd = sac_vectors_file_open(path, name, append->dimensions, TRUE, error);
  if (fd < 0)
    return FALSE;
  gboolean good = sac_vectors_file_write(fd, path, append->dimensions, model.rows, append->n, append->rows, error);
  close(fd);
  guint64 checksum = sac_vectors_checksum(append->rows, append->n * append->dimensions * sizeof *append->rows);
  return good &&
         sac_database_run(db, error,
                          "INSERT INTO batch (analysis, model, first_sample, first_row, count, times, checksum)"
                          " VALUES (?,?,?,?,?,?,?)",
                          "isiiibi", append->analysis_id, name, append->first_sample, model.rows, (gint64)append->n,
                          append->times, append->n * sizeof *append->times, (gint64)checksum) &&
         sac_database_run(db, error, "UPDATE model SET rows = rows + ? WHERE name = ?", "is", (gint64)append->n,
                          name) &&
         sac_database_run(db, error, "UPDATE analysis SET samples = samples + ? WHERE id = ?", "ii", (gint64)append->n,
                          append->analysis_id);
}

gboolean
sac_library_append_samples(SacLibrary *library, gint64 analysis_id, gint64 first_sample, gsize n,
                           const gint64 *times_us, const float *vectors, gsize dimensions, GError **error)
{
  g_return_val_if_fail(dimensions > 0 && dimensions <= SAC_VECTORS_MAX_DIMENSIONS, FALSE);
  if (n == 0)
    return TRUE;
  gsize count = n * dimensions;
  g_autofree guint16 *rows = g_new(guint16, count);
  for (gsize i = 0; i < count; i++) {
    if (!isfinite(vectors[i])) {
      g_set_error_literal(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                          _("The model gave a vector that is not a number: its weights are damaged, install it again"));
      return FALSE;
    }
    rows[i] = sac_half_from_float(vectors[i]);
  }
  struct append append = { .analysis_id = analysis_id,
                           .first_sample = first_sample,
                           .n = n,
                           .dimensions = dimensions,
                           .times = times_us,
                           .rows = rows };
  return sac_library_write(library, append_samples, &append, error);
}

/* --- snapshots ------------------------------------------------------------------------------------------------------------ */

char **
sac_library_list_models(SacLibrary *library, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  if (reader.db == NULL)
    return NULL;
  g_autoptr(sqlite3_stmt) rows = sac_database_prepare(reader.db, error,
                                                      "SELECT model, sum(count) FROM batch GROUP BY model"
                                                      " ORDER BY sum(count) DESC, model",
                                                      "");
  g_autoptr(GStrvBuilder) models = g_strv_builder_new();
  int row = rows != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(rows, error)) == 1)
    g_strv_builder_add(models, (const char *)sqlite3_column_text(rows, 0));
  return row < 0 ? NULL : g_strv_builder_end(models);
}

struct batch {
  gint64 id, analysis, video, first_row, count, checksum, interval;
  const gint64 *times; /* of the current row; not aligned */
};

#define BATCH_COLUMNS                                                                                  \
  "SELECT batch.id, analysis.id, analysis.video, first_row, count, checksum, analysis.interval, times" \
  " FROM batch JOIN analysis ON analysis.id = batch.analysis WHERE batch.model = ?"                    \
  " ORDER BY analysis.video, analysis.id, batch.first_sample"

/* FALSE when its numbers cannot be right: the times' length, or rows behind the end of the file. */
static gboolean
read_batch(sqlite3_stmt *row, struct batch *batch, gint64 rows_in_file)
{
  batch->id = sqlite3_column_int64(row, 0);
  batch->analysis = sqlite3_column_int64(row, 1);
  batch->video = sqlite3_column_int64(row, 2);
  batch->first_row = sqlite3_column_int64(row, 3);
  batch->count = sqlite3_column_int64(row, 4);
  batch->checksum = sqlite3_column_int64(row, 5);
  batch->interval = sqlite3_column_int64(row, 6);
  batch->times = sqlite3_column_blob(row, 7);
  gint64 bytes = sqlite3_column_bytes(row, 7);
  return batch->first_row >= 0 && batch->count > 0 && batch->count <= rows_in_file &&
         batch->first_row <= rows_in_file - batch->count && bytes == batch->count * (gint64)sizeof(gint64);
}

static gboolean
batch_is_sound(const SacVectors *vectors, const struct batch *batch)
{
  const guint16 *rows = vectors->rows + batch->first_row * vectors->dimensions;
  return (gint64)sac_vectors_checksum(rows, batch->count * vectors->dimensions * sizeof *rows) == batch->checksum;
}

static int
compare_runs(gconstpointer a, gconstpointer b)
{
  const SacVectorsRun *one = a, *other = b;
  if (one->video_id != other->video_id)
    return one->video_id < other->video_id ? -1 : 1;
  if (one->analysis_id != other->analysis_id)
    return one->analysis_id < other->analysis_id ? -1 : 1;
  return one->first < other->first ? -1 : one->first > other->first;
}

static gboolean
fill_snapshot(sqlite3 *db, const ModelEntry *model, SacVectorsSnapshot *snapshot, GHashTable *verified, GError **error)
{
  SacVectors *vectors = &snapshot->public;
  gint64 *times = g_new0(gint64, vectors->count), *video_ids = g_new0(gint64, vectors->count);
  vectors->times = times;
  vectors->video_ids = video_ids;
  g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(SacVectorsRun));
  g_autoptr(sqlite3_stmt) batches = sac_database_prepare(db, error, BATCH_COLUMNS, "s", model->name);
  gint64 damaged = 0;
  int row = batches != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(batches, error)) == 1) {
    struct batch batch;
    if (!read_batch(batches, &batch, vectors->count) ||
        (!g_hash_table_contains(verified, &batch.id) && !batch_is_sound(vectors, &batch))) {
      damaged++;
      continue;
    }
    g_hash_table_add(verified, g_memdup2(&batch.id, sizeof batch.id));
    memcpy(times + batch.first_row, batch.times, batch.count * sizeof *times);
    for (gint64 i = 0; i < batch.count; i++)
      video_ids[batch.first_row + i] = batch.video;
    SacVectorsRun *last = runs->len > 0 ? &g_array_index(runs, SacVectorsRun, runs->len - 1) : NULL;
    if (last != NULL && last->analysis_id == batch.analysis && last->first + last->count == (gsize)batch.first_row) {
      last->count += batch.count;
      continue;
    }
    SacVectorsRun run = { .video_id = batch.video,
                          .analysis_id = batch.analysis,
                          .interval_us = batch.interval,
                          .first = batch.first_row,
                          .count = batch.count };
    g_array_append_val(runs, run);
  }
  if (row < 0)
    return FALSE;
  if (damaged > 0)
    g_warning("%" G_GINT64_FORMAT " batches of “%s” are damaged and left out: run “saccade library check”", damaged,
              model->file);
  g_array_sort(runs, compare_runs);
  vectors->n_runs = runs->len;
  vectors->runs = (SacVectorsRun *)g_array_steal(runs, NULL);
  return TRUE;
}

static SacVectors *
empty_snapshot(const char *model)
{
  return &sac_vectors_snapshot_new(model, 0, 0)->public;
}

static SacVectors *
take_snapshot(SacLibrary *library, sqlite3 *db, const ModelEntry *model, GHashTable *verified, GError **error)
{
  g_autofree char *path = sac_library_vectors_path(library, model->file);
  int fd = sac_vectors_file_open(path, model->name, model->dimensions, FALSE, error);
  if (fd < 0)
    return NULL;
  gsize rows = MIN(model->rows, sac_vectors_file_rows(fd, model->dimensions));
  SacVectorsSnapshot *snapshot = sac_vectors_snapshot_new(model->name, model->dimensions, model->generation);
  g_autoptr(SacVectors) vectors = &snapshot->public;
  gboolean mapped = sac_vectors_snapshot_map(snapshot, fd, rows);
  int number = errno;
  close(fd);
  if (!mapped) {
    sac_error_set_from_errno(error, number, _("The vectors file “%s” cannot be mapped"), path);
    return NULL;
  }
  return fill_snapshot(db, model, snapshot, verified, error) ? g_steal_pointer(&vectors) : NULL;
}

SacVectors *
sac_library_get_vectors(SacLibrary *library, const char *model_name, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  if (reader.db == NULL)
    return NULL;
  /* One look at model and batches together, or a batch could be newer than its model's row count. */
  if (!sac_database_run(reader.db, error, "BEGIN", ""))
    return NULL;
  g_auto(ModelEntry) model = { 0 };
  SacSnapshots *snapshots = sac_library_snapshots(library);
  g_autoptr(SacVectors) vectors = NULL;
  g_mutex_lock(&snapshots->lock);
  if (read_model(reader.db, model_name, &model, error)) {
    struct model_cache *cache = g_hash_table_lookup(snapshots->models, model_name);
    if (model.name == NULL) {
      vectors = empty_snapshot(model_name);
    } else if (cache != NULL && cache->revision == model.revision && strcmp(cache->file, model.file) == 0) {
      vectors = sac_vectors_ref(cache->vectors);
    } else {
      g_autoptr(GHashTable) verified = cache != NULL && strcmp(cache->file, model.file) == 0
                                           ? g_hash_table_ref(cache->verified)
                                           : g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
      vectors = take_snapshot(library, reader.db, &model, verified, error);
      if (vectors != NULL) {
        cache = g_new0(struct model_cache, 1);
        cache->file = g_strdup(model.file);
        cache->revision = model.revision;
        cache->vectors = sac_vectors_ref(vectors);
        cache->verified = g_steal_pointer(&verified);
        g_hash_table_insert(snapshots->models, g_strdup(model_name), cache);
      }
    }
  }
  g_mutex_unlock(&snapshots->lock);
  sqlite3_exec(reader.db, "COMMIT", NULL, NULL, NULL);
  return g_steal_pointer(&vectors);
}

/* --- care ----------------------------------------------------------------------------------------------------------------- */

gboolean
sac_library_trim_vectors(SacLibrary *library, sqlite3 *db, GError **error)
{
  g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(sqlite3_stmt) models =
      sac_database_prepare(db, error, "SELECT name, file, dimensions, rows FROM model", "");
  int row = models != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(models, error)) == 1) {
    const char *name = (const char *)sqlite3_column_text(models, 0),
               *file = (const char *)sqlite3_column_text(models, 1);
    gint64 dimensions = sqlite3_column_int64(models, 2), rows = sqlite3_column_int64(models, 3);
    g_hash_table_add(known, g_strdup(file));
    g_autofree char *path = sac_library_vectors_path(library, file);
    g_autoptr(GError) failure = NULL;
    int fd = sac_vectors_file_open(path, name, dimensions, TRUE, &failure);
    if (fd < 0) {
      g_warning("%s", failure->message);
      continue;
    }
    /* Shorter than it should be is damage, which the check tells; only what is too long is a torn tail. */
    GStatBuf status;
    if (g_stat(path, &status) == 0 &&
        status.st_size > SAC_VECTORS_HEADER_BYTES + rows * dimensions * (gint64)sizeof(guint16) &&
        !sac_vectors_file_truncate(fd, dimensions, rows))
      g_debug("%s: the torn tail stays: %s", path, g_strerror(errno));
    close(fd);
  }
  if (row < 0)
    return FALSE;

  g_autofree char *folder = sac_library_vectors_path(library, "");
  g_autoptr(GDir) files = g_dir_open(folder, 0, NULL);
  const char *file;
  while (files != NULL && (file = g_dir_read_name(files)) != NULL) {
    if (!g_str_has_suffix(file, ".f16") || g_hash_table_contains(known, file))
      continue;
    g_autofree char *path = sac_library_vectors_path(library, file);
    g_unlink(path);
  }
  return TRUE;
}

gboolean
sac_library_check_vectors(SacLibrary *library, sqlite3 *db, GPtrArray *findings, GHashTable *damaged_analyses,
                          GCancellable *cancellable, GError **error)
{
  g_autoptr(sqlite3_stmt) models = sac_database_prepare(db, error, "SELECT name FROM model ORDER BY name", "");
  int got = models != NULL ? 0 : -1;
  while (got >= 0 && (got = sac_database_step(models, error)) == 1) {
    g_auto(ModelEntry) model = { 0 };
    if (!read_model(db, (const char *)sqlite3_column_text(models, 0), &model, error))
      return FALSE;
    g_autofree char *path = sac_library_vectors_path(library, model.file);
    g_autoptr(GError) failure = NULL;
    int fd = sac_vectors_file_open(path, model.name, model.dimensions, FALSE, &failure);
    gint64 in_file = fd >= 0 ? sac_vectors_file_rows(fd, model.dimensions) : 0;
    if (fd < 0)
      g_ptr_array_add(findings, g_strdup(failure->message));
    else if (in_file < model.rows)
      g_ptr_array_add(findings,
                      g_strdup_printf("The vectors file “%s” has %" G_GINT64_FORMAT " rows of %" G_GINT64_FORMAT, path,
                                      in_file, model.rows));

    SacVectorsSnapshot *snapshot = sac_vectors_snapshot_new(model.name, model.dimensions, model.generation);
    g_autoptr(SacVectors) vectors = &snapshot->public;
    if (fd >= 0 && !sac_vectors_snapshot_map(snapshot, fd, MIN(in_file, model.rows)))
      g_ptr_array_add(findings, g_strdup_printf("The vectors file “%s” cannot be mapped: %s", path, g_strerror(errno)));
    if (fd >= 0)
      close(fd);

    g_autoptr(sqlite3_stmt) batches = sac_database_prepare(db, error, BATCH_COLUMNS, "s", model.name);
    int row = batches != NULL ? 0 : -1;
    while (row >= 0 && (row = sac_database_step(batches, error)) == 1) {
      if (sac_cancelled(cancellable, error))
        return FALSE;
      struct batch batch;
      if (read_batch(batches, &batch, vectors->count) && batch_is_sound(vectors, &batch))
        continue;
      g_hash_table_add(damaged_analyses, g_memdup2(&batch.analysis, sizeof batch.analysis));
      gboolean missing;
      g_autofree char *video = sac_library_choose_path(db, batch.video, NULL, NULL, &missing, NULL);
      g_ptr_array_add(findings, g_strdup_printf("“%s”: %" G_GINT64_FORMAT " vectors of “%s” are damaged (model %s)",
                                                path, batch.count, video != NULL ? video : "?", model.name));
    }
    if (row < 0)
      return FALSE;
  }
  return got >= 0;
}

/* Copies what batches refer to, in their order, into the next generation's file, and points them at it. */
static gboolean
rewrite_model(SacLibrary *library, sqlite3 *db, const ModelEntry *model, GCancellable *cancellable, GError **error)
{
  g_autofree char *new_file = file_name_of_model(model->name, model->generation + 1);
  g_autofree char *old_path = sac_library_vectors_path(library, model->file);
  g_autofree char *new_path = sac_library_vectors_path(library, new_file);
  int fd = sac_vectors_file_open(old_path, model->name, model->dimensions, FALSE, error);
  if (fd < 0)
    return FALSE;
  SacVectorsSnapshot *snapshot = sac_vectors_snapshot_new(model->name, model->dimensions, 0);
  g_autoptr(SacVectors) vectors = &snapshot->public;
  gboolean mapped =
      sac_vectors_snapshot_map(snapshot, fd, MIN(model->rows, sac_vectors_file_rows(fd, model->dimensions)));
  int number = errno;
  close(fd);
  if (!mapped) {
    sac_error_set_from_errno(error, number, _("The vectors file “%s” cannot be mapped"), old_path);
    return FALSE;
  }
  if (!sac_vectors_file_create(new_path, model->name, model->dimensions, error) ||
      (fd = sac_vectors_file_open(new_path, model->name, model->dimensions, TRUE, error)) < 0)
    return FALSE;

  g_autoptr(sqlite3_stmt) batches = sac_database_prepare(db, error, BATCH_COLUMNS, "s", model->name);
  gint64 rows = 0;
  int row = batches != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(batches, error)) == 1) {
    struct batch batch;
    if (!read_batch(batches, &batch, vectors->count)) {
      g_set_error(error, SAC_ERROR, SAC_ERROR_CORRUPT,
                  _("The vectors file “%s” is damaged: run “saccade library check --repair” first"), old_path);
      row = -1;
    } else if (sac_cancelled(cancellable, error) ||
               !sac_vectors_file_write(fd, new_path, model->dimensions, rows, batch.count,
                                       vectors->rows + batch.first_row * model->dimensions, error) ||
               !sac_database_run(db, error, "UPDATE batch SET first_row = ? WHERE id = ?", "ii", rows, batch.id)) {
      row = -1;
    }
    rows += batch.count;
  }
  close(fd);
  return row >= 0 &&
         sac_database_run(db, error,
                          "UPDATE model SET file = ?, generation = generation + 1, rows = ?, revision = revision + 1"
                          " WHERE name = ?",
                          "sis", new_file, rows, model->name);
}

gboolean
sac_library_rewrite_vectors(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  g_autoptr(sqlite3_stmt) models = sac_database_prepare(
      db, error,
      "SELECT name FROM model WHERE rows > (SELECT coalesce(sum(count), 0) FROM batch WHERE batch.model = model.name)",
      "");
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  int row = models != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(models, error)) == 1)
    g_ptr_array_add(names, sac_column_dup(models, 0));
  if (row < 0)
    return FALSE;
  for (guint i = 0; i < names->len; i++) {
    g_auto(ModelEntry) model = { 0 };
    if (!read_model(db, names->pdata[i], &model, error) || !rewrite_model(library, db, &model, data, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
sac_library_remake_lost_vectors(SacLibrary *library, sqlite3 *db, GError **error)
{
  g_autoptr(sqlite3_stmt) models = sac_database_prepare(
      db, error, "SELECT name FROM model WHERE NOT EXISTS (SELECT 1 FROM batch WHERE batch.model = model.name)", "");
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
  int row = models != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(models, error)) == 1)
    g_ptr_array_add(names, sac_column_dup(models, 0));
  for (guint i = 0; row >= 0 && i < names->len; i++) {
    g_auto(ModelEntry) model = { 0 };
    if (!read_model(db, names->pdata[i], &model, error))
      return FALSE;
    g_autofree char *file = file_name_of_model(model.name, model.generation + 1);
    g_autofree char *path = sac_library_vectors_path(library, file);
    if (!sac_vectors_file_create(path, model.name, model.dimensions, error) ||
        !sac_database_run(db, error,
                          "UPDATE model SET file = ?, generation = generation + 1, rows = 0, revision = revision + 1"
                          " WHERE name = ?",
                          "ss", file, model.name))
      return FALSE;
  }
  return row >= 0;
}
