/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "core/library/sac-library-private.h"
#include "core/sac-error.h"

G_DEFINE_BOXED_TYPE(SacTag, sac_tag, sac_tag_copy, sac_tag_free)

struct tagged {
  char *uuid, *label;
  gint64 video, start, end;
  char *text, *source;
};

struct _SacTagState {
  GHashTable *names;  /* a set */
  GPtrArray *tags;    /* of SacTag: those of the names that have a colour or a note */
  GPtrArray *moments; /* of struct tagged: those with one of the names */
};

SacTag *
sac_tag_new(const char *name, const char *colour, const char *note)
{
  SacTag *tag = g_new0(SacTag, 1);
  tag->name = g_strdup(name);
  tag->colour = g_strdup(colour != NULL ? colour : "");
  tag->note = g_strdup(note != NULL ? note : "");
  return tag;
}

SacTag *
sac_tag_copy(const SacTag *tag)
{
  SacTag *copy = sac_tag_new(tag->name, tag->colour, tag->note);
  copy->n_moments = tag->n_moments;
  copy->n_videos = tag->n_videos;
  return copy;
}

void
sac_tag_free(SacTag *tag)
{
  if (tag == NULL)
    return;
  g_free(tag->name);
  g_free(tag->colour);
  g_free(tag->note);
  g_free(tag);
}

gboolean
sac_tag_colour_is_valid(const char *colour)
{
  return *colour == '\0' ||
         (*colour == '#' && strlen(colour) == 7 && strspn(colour + 1, "0123456789abcdefABCDEF") == 6);
}

static void
tagged_free(struct tagged *tagged)
{
  g_free(tagged->uuid);
  g_free(tagged->label);
  g_free(tagged->text);
  g_free(tagged->source);
  g_free(tagged);
}

static SacTagState *
state_new(void)
{
  SacTagState *state = g_new0(SacTagState, 1);
  state->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  state->tags = g_ptr_array_new_with_free_func((GDestroyNotify)sac_tag_free);
  state->moments = g_ptr_array_new_with_free_func((GDestroyNotify)tagged_free);
  return state;
}

void
sac_tag_state_free(SacTagState *state)
{
  if (state == NULL)
    return;
  g_hash_table_unref(state->names);
  g_ptr_array_unref(state->tags);
  g_ptr_array_unref(state->moments);
  g_free(state);
}

GPtrArray *
sac_library_list_tags(SacLibrary *library, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  if (reader.db == NULL)
    return NULL;
  g_autoptr(sqlite3_stmt) rows = sac_database_prepare(
      reader.db, error,
      "SELECT moment.label, coalesce(colour, ''), coalesce(note, ''), count(*), count(DISTINCT video) FROM moment"
      " LEFT JOIN tag ON tag.name = moment.label WHERE kind = 'tag' AND moment.label IS NOT NULL"
      " GROUP BY moment.label ORDER BY count(*) DESC, moment.label",
      "");
  g_autoptr(GPtrArray) tags = g_ptr_array_new_with_free_func((GDestroyNotify)sac_tag_free);
  int row = rows != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(rows, error)) == 1) {
    SacTag *tag = sac_tag_new((const char *)sqlite3_column_text(rows, 0), (const char *)sqlite3_column_text(rows, 1),
                              (const char *)sqlite3_column_text(rows, 2));
    tag->n_moments = sqlite3_column_int64(rows, 3);
    tag->n_videos = sqlite3_column_int64(rows, 4);
    g_ptr_array_add(tags, tag);
  }
  return row < 0 ? NULL : g_steal_pointer(&tags);
}

GArray *
sac_library_list_tagged_videos(SacLibrary *library, const char *name, GError **error)
{
  g_auto(SacReader) reader = sac_library_read(library, error);
  if (reader.db == NULL)
    return NULL;
  g_autoptr(sqlite3_stmt) rows = sac_database_prepare(
      reader.db, error, "SELECT DISTINCT video FROM moment WHERE kind = 'tag' AND label = ? ORDER BY video", "s", name);
  g_autoptr(GArray) videos = g_array_new(FALSE, FALSE, sizeof(gint64));
  int row = rows != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(rows, error)) == 1) {
    gint64 video = sqlite3_column_int64(rows, 0);
    g_array_append_val(videos, video);
  }
  return row < 0 ? NULL : g_steal_pointer(&videos);
}

/* --- as it is, to be put back ----------------------------------------------------------------------------------------------- */

static gboolean
capture_name(sqlite3 *db, SacTagState *state, const char *name, GError **error)
{
  if (!g_hash_table_add(state->names, g_strdup(name)))
    return TRUE;
  g_autoptr(sqlite3_stmt) tag =
      sac_database_prepare(db, error, "SELECT colour, note FROM tag WHERE name = ?", "s", name);
  int row = tag != NULL ? sac_database_step(tag, error) : -1;
  if (row == 1)
    g_ptr_array_add(state->tags, sac_tag_new(name, (const char *)sqlite3_column_text(tag, 0),
                                             (const char *)sqlite3_column_text(tag, 1)));
  if (row < 0)
    return FALSE;
  g_autoptr(sqlite3_stmt) rows = sac_database_prepare(
      db, error,
      "SELECT uuid, video, start, \"end\", text, source FROM moment WHERE kind = 'tag' AND label = ? ORDER BY id", "s",
      name);
  row = rows != NULL ? 0 : -1;
  while (row >= 0 && (row = sac_database_step(rows, error)) == 1) {
    struct tagged *moment = g_new0(struct tagged, 1);
    moment->uuid = sac_column_dup(rows, 0);
    moment->video = sqlite3_column_int64(rows, 1);
    moment->start = sqlite3_column_int64(rows, 2);
    moment->end = sqlite3_column_int64(rows, 3);
    moment->text = sac_column_dup(rows, 4);
    moment->source = sac_column_dup(rows, 5);
    moment->label = g_strdup(name);
    g_ptr_array_add(state->moments, moment);
  }
  return row >= 0;
}

struct change {
  const char *name;
  const SacTag *to;         /* NULL: the tag is removed */
  const SacTagState *state; /* or what is put back */
  SacTagState *before;
};

static gboolean
write_tag(sqlite3 *db, const SacTag *tag, GError **error)
{
  if (*tag->colour == '\0' && *tag->note == '\0')
    return sac_database_run(db, error, "DELETE FROM tag WHERE name = ?", "s", tag->name);
  return sac_database_run(db, error,
                          "INSERT INTO tag (name, colour, note) VALUES (?1,?2,?3)"
                          " ON CONFLICT (name) DO UPDATE SET colour = ?2, note = ?3",
                          "sss", tag->name, tag->colour, tag->note);
}

static gboolean
change_tag(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  struct change *change = data;
  if (!capture_name(db, change->before, change->name, error))
    return FALSE;
  if (change->before->moments->len == 0) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, "The library has no tag “%s”", change->name);
    return FALSE;
  }
  if (change->to == NULL)
    return sac_database_run(db, error, "DELETE FROM moment WHERE kind = 'tag' AND label = ?", "s", change->name) &&
           sac_database_run(db, error, "DELETE FROM tag WHERE name = ?", "s", change->name);
  if (strcmp(change->name, change->to->name) != 0 &&
      (!capture_name(db, change->before, change->to->name, error) ||
       !sac_database_run(db, error, "DELETE FROM tag WHERE name = ?", "s", change->name) ||
       !sac_database_run(db, error, "UPDATE moment SET label = ? WHERE kind = 'tag' AND label = ?", "ss",
                         change->to->name, change->name)))
    return FALSE;
  return write_tag(db, change->to, error);
}

/* What came under one of the names meanwhile stays; what was of a video that is forgotten by now does not come back. */
static gboolean
restore_tags(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  struct change *change = data;
  const SacTagState *state = change->state;
  GHashTableIter names;
  gpointer name;
  g_hash_table_iter_init(&names, state->names);
  while (g_hash_table_iter_next(&names, &name, NULL))
    if (!capture_name(db, change->before, name, error) ||
        !sac_database_run(db, error, "DELETE FROM tag WHERE name = ?", "s", (const char *)name))
      return FALSE;
  for (guint i = 0; i < state->tags->len; i++)
    if (!write_tag(db, state->tags->pdata[i], error))
      return FALSE;
  for (guint i = 0; i < state->moments->len; i++) {
    const struct tagged *moment = state->moments->pdata[i];
    if (!sac_database_run(db, error, "UPDATE moment SET label = ? WHERE uuid = ?", "ss", moment->label, moment->uuid))
      return FALSE;
    if (sqlite3_changes(db) == 0 &&
        !sac_database_run(db, error,
                          "INSERT INTO moment (uuid, video, kind, start, \"end\", score, text, label, source)"
                          " SELECT ?1, id, 'tag', ?3, ?4, 1, ?5, ?6, ?7 FROM video WHERE id = ?2",
                          "siiisss", moment->uuid, moment->video, moment->start, moment->end, moment->text,
                          moment->label, moment->source))
      return FALSE;
  }
  return TRUE;
}

static gboolean
write_change(SacLibrary *library, SacLibraryWrite function, struct change *change, SacTagState **before, GError **error)
{
  g_autoptr(SacTagState) state = state_new();
  change->before = state;
  if (!sac_library_write(library, function, change, error))
    return FALSE;
  if (before != NULL)
    *before = g_steal_pointer(&state);
  return TRUE;
}

gboolean
sac_library_change_tag(SacLibrary *library, const char *name, const SacTag *to, SacTagState **before, GError **error)
{
  g_autofree char *valid = g_utf8_make_valid(to->name, -1), *note = g_utf8_make_valid(to->note, -1);
  g_autoptr(SacTag) tag = sac_tag_new(g_strstrip(valid), to->colour, g_strstrip(note));
  if (*tag->name == '\0') {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_USAGE, "A tag needs a label: one word at least");
    return FALSE;
  }
  if (!sac_tag_colour_is_valid(tag->colour)) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE, "“%s” is not a colour: write it as #rrggbb", tag->colour);
    return FALSE;
  }
  struct change change = { .name = name, .to = tag };
  return write_change(library, change_tag, &change, before, error);
}

gboolean
sac_library_remove_tag(SacLibrary *library, const char *name, SacTagState **before, GError **error)
{
  struct change change = { .name = name };
  return write_change(library, change_tag, &change, before, error);
}

gboolean
sac_library_restore_tags(SacLibrary *library, const SacTagState *state, SacTagState **before, GError **error)
{
  struct change change = { .state = state };
  return write_change(library, restore_tags, &change, before, error);
}
