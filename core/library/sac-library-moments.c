/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/library/sac-library-private.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/sac-error.h"

#define MOMENT_COLUMNS                                                                                            \
  "SELECT moment.uuid, moment.video, video.fingerprint, moment.kind, moment.start, moment.\"end\", moment.score," \
  " moment.text, moment.label, moment.model, moment.source, tag.colour, tag.note"                                 \
  " FROM moment JOIN video ON video.id = moment.video LEFT JOIN tag ON moment.kind = 'tag' AND tag.name = moment.label "

/* Which of a video's paths exists is asked of the disk once a video, not once a moment. */
static const char *
path_of_video(sqlite3 *db, GHashTable *paths, gint64 video_id, GError **error)
{
  const char *known = g_hash_table_lookup(paths, &video_id);
  if (known != NULL)
    return known;
  gboolean missing;
  char *path = sac_library_choose_path(db, video_id, NULL, NULL, &missing, error);
  if (path != NULL)
    g_hash_table_insert(paths, g_memdup2(&video_id, sizeof video_id), path);
  return path;
}

static SacMoment *
moment_from_row(sqlite3 *db, sqlite3_stmt *row, GHashTable *paths, GError **error)
{
  gint64 video_id = sqlite3_column_int64(row, 1);
  const char *path = path_of_video(db, paths, video_id, error);
  if (path == NULL)
    return NULL;
  SacMoment *moment = sac_moment_new();
  moment->id = sac_column_dup(row, 0);
  moment->video_id = video_id;
  moment->fingerprint = sac_column_dup(row, 2);
  moment->path = g_strdup(path);
  moment->kind = sac_column_dup(row, 3);
  moment->start_us = sqlite3_column_int64(row, 4);
  moment->end_us = sqlite3_column_int64(row, 5);
  moment->score = sqlite3_column_double(row, 6);
  moment->text = sac_column_dup(row, 7);
  moment->label = sac_column_dup(row, 8);
  moment->model = sac_column_dup(row, 9);
  moment->source = sac_column_dup(row, 10);
  moment->colour = sac_column_dup(row, 11);
  moment->note = sac_column_dup(row, 12);
  return moment;
}

static GPtrArray *
moments_from_rows(sqlite3 *db, sqlite3_stmt *rows, GError **error)
{
  if (rows == NULL)
    return NULL;
  g_autoptr(GHashTable) paths = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  g_autoptr(GPtrArray) moments = g_ptr_array_new_with_free_func((GDestroyNotify)sac_moment_free);
  int row;
  while ((row = sac_database_step(rows, error)) == 1) {
    SacMoment *moment = moment_from_row(db, rows, paths, error);
    if (moment == NULL)
      return NULL;
    g_ptr_array_add(moments, moment);
  }
  return row < 0 ? NULL : g_steal_pointer(&moments);
}

/* " AND moment.kind IN ('shot', …)"; kinds have been checked to hold letters only. */
static gboolean
append_kinds(GString *sql, const char *const *kinds, GError **error)
{
  if (kinds == NULL)
    return TRUE;
  g_string_append(sql, " AND moment.kind IN (");
  for (int i = 0; kinds[i] != NULL; i++) {
    if (!sac_moment_kind_is_valid(kinds[i])) {
      g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE,
                  _("“%s” is not a kind of moment: there are visual, shot, speech, text, label and tag"), kinds[i]);
      return FALSE;
    }
    g_string_append_printf(sql, "%s'%s'", i > 0 ? "," : "", kinds[i]);
  }
  g_string_append_c(sql, ')');
  return TRUE;
}

GPtrArray *
sac_library_list_moments(SacLibrary *library, gint64 video_id, const char *const *kinds, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  g_autoptr(GString) sql = g_string_new(MOMENT_COLUMNS "WHERE (?1 = 0 OR moment.video = ?1)");
  if (reader.db == NULL || !append_kinds(sql, kinds, error))
    return NULL;
  g_string_append(sql, " ORDER BY moment.video, moment.start, moment.\"end\", moment.id");
  g_autoptr(sqlite3_stmt) rows = sac_database_prepare(reader.db, error, sql->str, "i", video_id);
  return moments_from_rows(reader.db, rows, error);
}

GPtrArray *
sac_library_match_text(SacLibrary *library, const char *expression, gint64 video_id, const char *const *kinds,
                       guint limit, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  g_autoptr(GString) sql =
      g_string_new(MOMENT_COLUMNS "JOIN moment_words ON moment_words.rowid = moment.id"
                                  " WHERE moment_words MATCH ?1 AND (?2 = 0 OR moment.video = ?2)");
  if (reader.db == NULL || !append_kinds(sql, kinds, error))
    return NULL;
  g_string_append(sql, " ORDER BY moment_words.rank, moment.id LIMIT ?3");
  g_autoptr(sqlite3_stmt) rows =
      sac_database_prepare(reader.db, error, sql->str, "sii", expression, video_id, (gint64)(limit > 0 ? limit : 1000));
  g_autoptr(GError) failure = NULL;
  GPtrArray *moments = moments_from_rows(reader.db, rows, &failure);
  if (moments == NULL && g_error_matches(failure, SAC_ERROR, SAC_ERROR_FAILED))
    g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE, _("“%s” cannot be looked up as text: %s"), expression,
                failure->message);
  else if (moments == NULL)
    g_propagate_error(error, g_steal_pointer(&failure));
  return moments;
}

SacMoment *
sac_library_get_moment(SacLibrary *library, const char *moment_id, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  if (reader.db == NULL)
    return NULL;
  g_autoptr(sqlite3_stmt) rows =
      sac_database_prepare(reader.db, error, MOMENT_COLUMNS "WHERE moment.uuid = ?", "s", moment_id);
  g_autoptr(GPtrArray) moments = moments_from_rows(reader.db, rows, error);
  if (moments == NULL)
    return NULL;
  if (moments->len == 0) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, _("The library has no moment “%s”"), moment_id);
    return NULL;
  }
  return sac_moment_copy(moments->pdata[0]);
}

GPtrArray *
sac_library_list_labels(SacLibrary *library, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  if (reader.db == NULL)
    return NULL;
  g_autoptr(sqlite3_stmt) rows =
      sac_database_prepare(reader.db, error,
                           "SELECT label FROM moment WHERE kind = 'tag' AND label IS NOT NULL"
                           " GROUP BY label ORDER BY count(*) DESC, label",
                           "");
  g_autoptr(GPtrArray) labels = g_ptr_array_new_with_free_func(g_free);
  int row = rows != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(rows, error)) == 1)
    g_ptr_array_add(labels, sac_column_dup(rows, 0));
  return row < 0 ? NULL : g_steal_pointer(&labels);
}

static gboolean
check_moment(const SacMoment *moment, GError **error)
{
  if (!sac_moment_kind_is_valid(moment->kind)) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE,
                _("“%s” is not a kind of moment: there are visual, shot, speech, text, label and tag"),
                moment->kind != NULL ? moment->kind : "");
    return FALSE;
  }
  if (moment->start_us < 0 || moment->end_us < moment->start_us) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE,
                _("A moment must end after it starts: it cannot go from %.3f s to %.3f s"),
                (double)moment->start_us / 1e6, (double)moment->end_us / 1e6);
    return FALSE;
  }
  g_autofree char *label = g_strstrip(g_strdup(moment->label != NULL ? moment->label : ""));
  if (strcmp(moment->kind, SAC_KIND_TAG) == 0 && *label == '\0') {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_USAGE, _("A tag needs a label: one word at least"));
    return FALSE;
  }
  if (!isfinite(moment->score)) {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_USAGE, _("A moment's score must be a number"));
    return FALSE;
  }
  return TRUE;
}

static char *
valid_text(const char *text)
{
  return text != NULL ? g_utf8_make_valid(text, -1) : NULL;
}

struct add_moments {
  SacMoment *const *moments;
  guint n;
  char *last_id;
};

static gboolean
add_moments(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  struct add_moments *add = data;
  for (guint i = 0; i < add->n; i++) {
    const SacMoment *moment = add->moments[i];
    gint64 known, taken = 0;
    g_free(add->last_id);
    add->last_id = moment->id != NULL ? g_strdup(moment->id) : g_uuid_string_random();
    if (!sac_database_integer(db, error, 0, &known, "SELECT id FROM video WHERE id = ?", "i", moment->video_id) ||
        !sac_database_integer(db, error, 0, &taken, "SELECT id FROM moment WHERE uuid = ?", "s", add->last_id))
      return FALSE;
    if (known == 0) {
      g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, _("The library has no video %" PRId64), moment->video_id);
      return FALSE;
    }
    if (taken != 0) {
      g_set_error(error, SAC_ERROR, SAC_ERROR_EXISTS, _("The library has a moment “%s” already"), add->last_id);
      return FALSE;
    }
    g_autofree char *text = valid_text(moment->text), *label = valid_text(moment->label);
    if (!sac_database_run(db, error,
                          "INSERT INTO moment (uuid, video, kind, start, \"end\", score, text, label, model, source)"
                          " VALUES (?,?,?,?,?,?,?,?,?,?)",
                          "sisiidssss", add->last_id, moment->video_id, moment->kind, moment->start_us, moment->end_us,
                          CLAMP(moment->score, 0.0, 1.0), text, label, moment->model, moment->source))
      return FALSE;
  }
  return TRUE;
}

char *
sac_library_add_moment(SacLibrary *library, const SacMoment *moment, GError **error)
{
  if (!check_moment(moment, error))
    return NULL;
  SacMoment *one = (SacMoment *)moment;
  struct add_moments add = { .moments = &one, .n = 1 };
  gboolean good = sac_library_write(library, add_moments, &add, error);
  g_autofree char *id = add.last_id;
  return good ? g_steal_pointer(&id) : NULL;
}

gboolean
sac_library_add_moments(SacLibrary *library, GPtrArray *moments, GError **error)
{
  for (guint i = 0; i < moments->len; i++)
    if (!check_moment(moments->pdata[i], error))
      return FALSE;
  struct add_moments add = { .moments = (SacMoment *const *)moments->pdata, .n = moments->len };
  gboolean good = sac_library_write(library, add_moments, &add, error);
  g_free(add.last_id);
  return good;
}

static gboolean
changed_one(sqlite3 *db, const char *moment_id, GError **error)
{
  if (sqlite3_changes(db) > 0)
    return TRUE;
  g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, _("The library has no moment “%s”"), moment_id);
  return FALSE;
}

static gboolean
remove_moment(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  const char *moment_id = data;
  return sac_database_run(db, error, "DELETE FROM moment WHERE uuid = ?", "s", moment_id) &&
         changed_one(db, moment_id, error);
}

gboolean
sac_library_remove_moment(SacLibrary *library, const char *moment_id, GError **error)
{
  return sac_library_write(library, remove_moment, (gpointer)moment_id, error);
}

static gboolean
update_moment(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  const SacMoment *moment = data;
  g_autofree char *text = valid_text(moment->text), *label = valid_text(moment->label);
  return sac_database_run(
             db, error,
             "UPDATE moment SET kind = ?, start = ?, \"end\" = ?, score = ?, text = ?, label = ? WHERE uuid = ?",
             "siidsss", moment->kind, moment->start_us, moment->end_us, CLAMP(moment->score, 0.0, 1.0), text, label,
             moment->id) &&
         changed_one(db, moment->id, error);
}

gboolean
sac_library_update_moment(SacLibrary *library, const SacMoment *moment, GError **error)
{
  return check_moment(moment, error) && sac_library_write(library, update_moment, (gpointer)moment, error);
}
