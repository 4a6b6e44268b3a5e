/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/library/sac-library-private.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "core/sac-error.h"

struct _SacLibrary {
  GObject parent_instance;

  char *directory, *database, *vectors;
  SacLibraryFlags flags;
  gboolean immutable; /* read from a folder where not even SQLite's own index of the log can be made */

  GThread *writer;
  GAsyncQueue *requests; /* of struct request */
  sqlite3 *writer_db;    /* the writer thread's alone once it runs */

  GMutex lock;
  GQueue idle_readers;       /* of sqlite3 */
  gboolean change_announced; /* and not yet emitted */

  SacSnapshots *snapshots;
};

struct request {
  SacLibraryWrite function;
  gpointer data;
  gboolean transaction, done, good;
  GError *error;
  GMutex lock;
  GCond finished;
};

G_DEFINE_FINAL_TYPE(SacLibrary, sac_library, G_TYPE_OBJECT)

static guint changed_signal;
static struct request stop_request;

gint64
sac_now_us(void)
{
  return g_get_real_time();
}

char *
sac_library_default_directory(void)
{
  const char *chosen = g_getenv("SACCADE_LIBRARY");
  if (chosen != NULL && *chosen != '\0')
    return g_strdup(chosen);
  return g_build_filename(g_get_user_data_dir(), "saccade", NULL);
}

const char *
sac_library_get_directory(SacLibrary *library)
{
  return library->directory;
}

gboolean
sac_library_is_read_only(SacLibrary *library)
{
  return (library->flags & SAC_LIBRARY_READ_ONLY) != 0;
}

SacSnapshots *
sac_library_snapshots(SacLibrary *library)
{
  return library->snapshots;
}

char *
sac_library_vectors_path(SacLibrary *library, const char *file)
{
  return g_build_filename(library->vectors, file, NULL);
}

/* The source holds no reference: a program without a main loop would never let the library go. */
static gboolean
emit_changed(gpointer data)
{
  g_autoptr(SacLibrary) library = g_weak_ref_get(data);
  if (library == NULL)
    return G_SOURCE_REMOVE;
  g_mutex_lock(&library->lock);
  library->change_announced = FALSE;
  g_mutex_unlock(&library->lock);
  g_signal_emit(library, changed_signal, 0);
  return G_SOURCE_REMOVE;
}

static void
free_weak_reference(gpointer data)
{
  g_weak_ref_clear(data);
  g_free(data);
}

static void
announce_change(SacLibrary *library)
{
  g_mutex_lock(&library->lock);
  gboolean announce = !library->change_announced;
  library->change_announced = TRUE;
  g_mutex_unlock(&library->lock);
  if (!announce)
    return;
  GWeakRef *reference = g_new(GWeakRef, 1);
  g_weak_ref_init(reference, library);
  g_idle_add_full(G_PRIORITY_DEFAULT_IDLE, emit_changed, reference, free_weak_reference);
}

static gboolean
run_request(SacLibrary *library, sqlite3 *db, struct request *request, gboolean *wrote)
{
  GError **error = &request->error;
  int before = sqlite3_total_changes(db);
  gboolean good;
  if (!request->transaction) {
    good = request->function(library, db, request->data, error);
  } else {
    good = sac_database_run(db, error, "BEGIN IMMEDIATE", "") && request->function(library, db, request->data, error) &&
           sac_database_run(db, error, "COMMIT", "");
    if (!good && !sqlite3_get_autocommit(db))
      sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  }
  *wrote = good && (sqlite3_total_changes(db) != before || !request->transaction);
  return good;
}

static gpointer
writer_thread(gpointer data)
{
  SacLibrary *library = data;
  for (;;) {
    struct request *request = g_async_queue_pop(library->requests);
    if (request == &stop_request)
      return NULL;
    gboolean wrote = FALSE;
    gboolean good = run_request(library, library->writer_db, request, &wrote);
    /* The caller still holds a reference here; after done is set the library may go away. */
    if (wrote)
      announce_change(library);
    g_mutex_lock(&request->lock);
    request->good = good;
    request->done = TRUE;
    g_cond_signal(&request->finished);
    g_mutex_unlock(&request->lock);
  }
}

static gboolean
write_and_wait(SacLibrary *library, SacLibraryWrite function, gpointer data, gboolean transaction, GError **error)
{
  if (library->writer == NULL) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_READ_ONLY,
                _("The library in “%s” is open for reading only: nothing can be changed in it"), library->directory);
    return FALSE;
  }
  struct request request = { .function = function, .data = data, .transaction = transaction };
  g_mutex_init(&request.lock);
  g_cond_init(&request.finished);
  g_async_queue_push(library->requests, &request);
  g_mutex_lock(&request.lock);
  while (!request.done)
    g_cond_wait(&request.finished, &request.lock);
  g_mutex_unlock(&request.lock);
  g_mutex_clear(&request.lock);
  g_cond_clear(&request.finished);
  if (request.error != NULL)
    g_propagate_error(error, request.error);
  return request.good;
}

gboolean
sac_library_write(SacLibrary *library, SacLibraryWrite function, gpointer data, GError **error)
{
  return write_and_wait(library, function, data, TRUE, error);
}

gboolean
sac_library_write_bare(SacLibrary *library, SacLibraryWrite function, gpointer data, GError **error)
{
  return write_and_wait(library, function, data, FALSE, error);
}

static sqlite3 *
open_reader(SacLibrary *library, GError **error)
{
  if (!library->immutable)
    return sac_database_open(library->database, SQLITE_OPEN_READONLY, error);
  g_autofree char *escaped = g_uri_escape_string(library->database, "/", FALSE);
  g_autofree char *uri = g_strdup_printf("file:%s?immutable=1", escaped);
  return sac_database_open(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, error);
}

SacReader
sac_library_read(SacLibrary *library, GError **error)
{
  SacReader reader = { .library = library };
  g_mutex_lock(&library->lock);
  reader.db = g_queue_pop_head(&library->idle_readers);
  g_mutex_unlock(&library->lock);
  if (reader.db == NULL)
    reader.db = open_reader(library, error);
  return reader;
}

void
sac_reader_done(SacReader *reader)
{
  if (reader->db == NULL)
    return;
  g_mutex_lock(&reader->library->lock);
  g_queue_push_head(&reader->library->idle_readers, reader->db);
  g_mutex_unlock(&reader->library->lock);
  reader->db = NULL;
}

static gboolean
trim(SacLibrary *library, sqlite3 *db, gpointer data, GError **error)
{
  return sac_library_trim_vectors(library, db, error);
}

static gboolean
open_for_writing(SacLibrary *library, GError **error)
{
  if (g_mkdir_with_parents(library->directory, 0700) != 0 || g_mkdir_with_parents(library->vectors, 0700) != 0) {
    sac_error_set_from_errno(error, errno, _("The library's folder “%s” cannot be made; choose another with --library"),
                             library->directory);
    return FALSE;
  }
  g_autoptr(sqlite3) db = sac_database_open(library->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
  if (db == NULL)
    return FALSE;
  if (sqlite3_db_readonly(db, "main") == 1 || access(library->directory, W_OK) != 0 ||
      access(library->vectors, W_OK) != 0) {
    g_set_error(
        error, SAC_ERROR, SAC_ERROR_READ_ONLY,
        _("The library in “%s” cannot be written: make the folder and its files writable, or choose another folder "
          "with --library"),
        library->directory);
    return FALSE;
  }
  gboolean empty;
  if (!sac_database_verify(db, &empty, error) || !sac_database_run(db, error, "PRAGMA journal_mode = WAL", "") ||
      !sac_database_migrate(db, error))
    return FALSE;

  library->writer_db = g_steal_pointer(&db);
  library->requests = g_async_queue_new();
  library->writer = g_thread_new("library-writer", writer_thread, library);

  /* A lock held by another program is no reason not to open: the tails are cut the next time. */
  g_autoptr(GError) trimming = NULL;
  if (!sac_library_write(library, trim, NULL, &trimming))
    g_debug("%s: %s", library->directory, trimming->message);
  return TRUE;
}

static gboolean
open_for_reading(SacLibrary *library, GError **error)
{
  if (!g_file_test(library->database, G_FILE_TEST_EXISTS)) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND,
                _("There is no library in “%s” yet: index a video first (saccade index PATH)"), library->directory);
    return FALSE;
  }
  g_autoptr(GError) first = NULL;
  gboolean empty = FALSE;
  SacReader reader = sac_library_read(library, &first);
  if (reader.db == NULL || !sac_database_verify(reader.db, &empty, &first)) {
    g_autofree char *log = g_strconcat(library->database, "-wal", NULL);
    gboolean unreachable = g_error_matches(first, SAC_ERROR, SAC_ERROR_READ_ONLY) ||
                           g_error_matches(first, SAC_ERROR, SAC_ERROR_NOT_FOUND);
    if (!unreachable || g_file_test(log, G_FILE_TEST_EXISTS)) {
      sac_reader_done(&reader);
      g_propagate_error(error, g_steal_pointer(&first));
      return FALSE;
    }
    /* A folder that cannot be written, and nobody's log in it: then nobody writes, and the file can be read as it is. */
    g_clear_pointer(&reader.db, sqlite3_close_v2);
    library->immutable = TRUE;
    reader = sac_library_read(library, error);
    if (reader.db == NULL || !sac_database_verify(reader.db, &empty, error)) {
      sac_reader_done(&reader);
      return FALSE;
    }
  }
  gint64 version = 0;
  gboolean good = !empty && sac_database_integer(reader.db, error, 0, &version, "PRAGMA user_version", "");
  sac_reader_done(&reader);
  if (empty)
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND,
                _("The library in “%s” is empty: index a video first (saccade index PATH)"), library->directory);
  else if (good && version < SAC_DATABASE_VERSION) {
    g_set_error(
        error, SAC_ERROR, SAC_ERROR_READ_ONLY,
        _("The library in “%s” is of an older version and must be brought up to date first: run “saccade library info” "
          "where it can be written"),
        library->directory);
    good = FALSE;
  }
  return good;
}

SacLibrary *
sac_library_open(const char *directory, SacLibraryFlags flags, GError **error)
{
  g_autoptr(SacLibrary) library = g_object_new(SAC_TYPE_LIBRARY, NULL);
  g_autofree char *chosen = directory != NULL ? g_strdup(directory) : sac_library_default_directory();
  library->directory = g_canonicalize_filename(chosen, NULL);
  library->database = g_build_filename(library->directory, "library.db", NULL);
  library->vectors = g_build_filename(library->directory, "vectors", NULL);
  library->flags = flags;
  gboolean good = flags & SAC_LIBRARY_READ_ONLY ? open_for_reading(library, error) : open_for_writing(library, error);
  return good ? g_steal_pointer(&library) : NULL;
}

static void
sac_library_finalize(GObject *object)
{
  SacLibrary *library = SAC_LIBRARY(object);
  if (library->writer != NULL) {
    g_async_queue_push(library->requests, &stop_request);
    g_thread_join(library->writer);
  }
  sqlite3 *reader;
  while ((reader = g_queue_pop_head(&library->idle_readers)) != NULL)
    sqlite3_close_v2(reader);
  /* Last, so that it takes the log with it. */
  g_clear_pointer(&library->writer_db, sqlite3_close_v2);
  g_clear_pointer(&library->requests, g_async_queue_unref);
  sac_snapshots_free(library->snapshots);
  g_mutex_clear(&library->lock);
  g_free(library->directory);
  g_free(library->database);
  g_free(library->vectors);
  G_OBJECT_CLASS(sac_library_parent_class)->finalize(object);
}

static void
sac_library_class_init(SacLibraryClass *class)
{
  G_OBJECT_CLASS(class)->finalize = sac_library_finalize;
  changed_signal = g_signal_new("changed", SAC_TYPE_LIBRARY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
sac_library_init(SacLibrary *library)
{
  g_mutex_init(&library->lock);
  g_queue_init(&library->idle_readers);
  library->snapshots = sac_snapshots_new();
}
