/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/library/sac-library.h"
#include "core/library/sac-vectors-private.h"
#include "core/sac-error.h"
#include "core/sac-time.h"

#define DIMENSIONS 24

typedef struct {
  char *root, *directory;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
  fixture->root = g_dir_make_tmp("saccade-library-XXXXXX", NULL);
  g_assert_nonnull(fixture->root);
  fixture->directory = g_build_filename(fixture->root, "library", NULL);
}

static void
remove_tree(const char *path)
{
  if (g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK)) {
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    const char *name;
    while (folder != NULL && (name = g_dir_read_name(folder)) != NULL) {
      g_autofree char *inside = g_build_filename(path, name, NULL);
      remove_tree(inside);
    }
  }
  g_remove(path);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
  remove_tree(fixture->root);
  g_free(fixture->root);
  g_free(fixture->directory);
}

static SacLibrary *
open_library(Fixture *fixture)
{
  g_autoptr(GError) error = NULL;
  SacLibrary *library = sac_library_open(fixture->directory, SAC_LIBRARY_DEFAULT, &error);
  g_assert_no_error(error);
  return library;
}

static void
assert_open_fails(Fixture *fixture, SacLibraryFlags flags, SacError code, const char *words)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(SacLibrary) library = sac_library_open(fixture->directory, flags, &error);
  g_assert_error(error, SAC_ERROR, (int)code);
  g_assert_null(library);
  if (strstr(error->message, words) == NULL)
    g_error("the message does not say “%s”: %s", words, error->message);
}

static char *
write_file(Fixture *fixture, const char *name, const char *content, gssize length)
{
  char *path = g_build_filename(fixture->root, name, NULL);
  g_assert_true(g_file_set_contents(path, content, length, NULL));
  return path;
}

static gint64
add_video(SacLibrary *library, const char *path, gboolean *changed)
{
  g_autoptr(GError) error = NULL;
  SacVideo info = { .path = (char *)path, .duration_us = 60 * SAC_SECOND, .width = 640, .height = 480 };
  gint64 id = sac_library_add_video(library, &info, changed, &error);
  g_assert_no_error(error);
  g_assert_cmpint(id, >, 0);
  return id;
}

static char *
add_tag(SacLibrary *library, gint64 video, const char *label)
{
  g_autoptr(GError) error = NULL;
  SacMoment tag = { .video_id = video,
                    .kind = (char *)"tag",
                    .start_us = SAC_SECOND,
                    .end_us = 2 * SAC_SECOND,
                    .score = 1,
                    .label = (char *)label };
  char *id = sac_library_add_moment(library, &tag, &error);
  g_assert_no_error(error);
  return id;
}

/* A vector that tells which sample of which video it is. */
static void
make_vector(gint64 video, gint64 sample, float *out)
{
  double sum = 0;
  for (int i = 0; i < DIMENSIONS; i++) {
    out[i] = (float)sin((double)(video * 131 + sample * 7 + i * 3) * 0.37) + 0.01f;
    sum += (double)out[i] * out[i];
  }
  for (int i = 0; i < DIMENSIONS; i++)
    out[i] /= (float)sqrt(sum);
}

static gboolean
append(SacLibrary *library, const SacAnalysis *analysis, gint64 video, gint64 first, gsize n, GError **error)
{
  g_autofree float *vectors = g_new(float, n *DIMENSIONS);
  g_autofree gint64 *times = g_new(gint64, n);
  for (gsize i = 0; i < n; i++) {
    make_vector(video, first + i, vectors + i * DIMENSIONS);
    times[i] = (first + i) * SAC_SECOND;
  }
  return sac_library_append_samples(library, analysis->id, first, n, times, vectors, DIMENSIONS, error);
}

static SacAnalysis
begin(SacLibrary *library, gint64 video)
{
  g_autoptr(GError) error = NULL;
  SacAnalysis analysis;
  sac_library_analysis_begin(library, video, "visual", "test", SAC_SECOND, &analysis, &error);
  g_assert_no_error(error);
  return analysis;
}

/* Every sample of the video once, in order, with its own vector. */
static void
assert_samples(SacLibrary *library, gint64 video, gint64 expected)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(SacVectors) vectors = sac_library_get_vectors(library, "test", &error);
  g_assert_no_error(error);
  gint64 seen = 0;
  for (gsize r = 0; r < vectors->n_runs; r++) {
    const SacVectorsRun *run = &vectors->runs[r];
    if (run->video_id != video)
      continue;
    for (gsize row = run->first; row < run->first + run->count; row++, seen++) {
      float wanted[DIMENSIONS], got[DIMENSIONS];
      g_assert_cmpint(vectors->video_ids[row], ==, video);
      g_assert_cmpint(vectors->times[row], ==, seen * SAC_SECOND);
      make_vector(video, seen, wanted);
      sac_vectors_read_row(vectors, row, got);
      for (int i = 0; i < DIMENSIONS; i++)
        g_assert_cmpfloat_with_epsilon(wanted[i], got[i], 1e-3);
    }
  }
  g_assert_cmpint(seen, ==, expected);
}

static char *
vectors_file(Fixture *fixture)
{
  g_autofree char *folder = g_build_filename(fixture->directory, "vectors", NULL);
  g_autoptr(GDir) files = g_dir_open(folder, 0, NULL);
  const char *name = g_dir_read_name(files);
  g_assert_nonnull(name);
  g_assert_null(g_dir_read_name(files));
  return g_build_filename(folder, name, NULL);
}

static void
test_halves(void)
{
  for (guint32 half = 0; half < 0x10000; half++) {
    float value = sac_half_to_float(half);
    guint magnitude = half & 0x7fff;
    if (magnitude > 0x7c00)
      continue;
    guint16 expected = magnitude < 0x400 ? half & 0x8000 : half;
    g_assert_cmphex(sac_half_from_float(value), ==, expected);
  }
  /* Ties go to the even one, and what is past the largest is infinite. */
  g_assert_cmphex(sac_half_from_float(1.0f + 1.0f / 2048), ==, 0x3c00);
  g_assert_cmphex(sac_half_from_float(1.0f + 3.0f / 2048), ==, 0x3c02);
  g_assert_cmphex(sac_half_from_float(65519.0f), ==, 0x7bff);
  g_assert_cmphex(sac_half_from_float(65520.0f), ==, 0x7c00);
  g_assert_cmpfloat(sac_half_to_float(0x0001), ==, 0x1p-24f);
  g_assert_true(isinf(sac_half_to_float(0x7c00)) && isnan(sac_half_to_float(0x7e00)));
}

static void
test_times(void)
{
  static const struct {
    const char *text;
    gint64 time; /* -1: refused */
    const char *shown;
  } cases[] = {
    { "12.48", 12480000, "0:12.480" },
    { "1:02.5", 62500000, "1:02.500" },
    { "1:02:03.5", 3723500000, "1:02:03.500" },
    { ".5", 500000, "0:00.500" },
    { "0", 0, "0:00.000" },
    { "59.9996", 59999600, "1:00.000" },
    { "90", 90000000, "1:30.000" },
    { "", -1, NULL },
    { ":", -1, NULL },
    { "1:", -1, NULL },
    { "1:60", -1, NULL },
    { "1:2:3:4", -1, NULL },
    { "-1", -1, NULL },
    { "1s", -1, NULL },
    { ".", -1, NULL },
    { "9999999999", -1, NULL },
    { "1:234", -1, NULL },
    { " 1", -1, NULL },
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(GError) error = NULL;
    gint64 time = -1;
    gboolean good = sac_time_parse(cases[i].text, &time, &error);
    g_assert_cmpint(good, ==, cases[i].time >= 0);
    if (!good) {
      g_assert_error(error, SAC_ERROR, SAC_ERROR_USAGE);
      continue;
    }
    g_assert_cmpint(time, ==, cases[i].time);
    g_autofree char *shown = sac_time_format(time);
    g_assert_cmpstr(shown, ==, cases[i].shown);
  }
  g_autofree char *full = sac_time_format_full(12480000), *negative = sac_time_format(-1500000);
  g_assert_cmpstr(full, ==, "00:00:12.480");
  g_assert_cmpstr(negative, ==, "-0:01.500");
}

static void
test_content(Fixture *fixture, gconstpointer data)
{
  g_autoptr(SacLibrary) library = open_library(fixture);
  g_autofree char *one = write_file(fixture, "one.mp4", "the same content", -1);
  g_autofree char *two = write_file(fixture, "two.mp4", "the same content", -1);
  gboolean changed;
  gint64 video = add_video(library, one, &changed);
  g_assert_cmpint(add_video(library, two, &changed), ==, video);
  g_auto(GStrv) paths = sac_library_get_video_paths(library, video, NULL);
  g_assert_cmpint(g_strv_length(paths), ==, 2);
  g_autofree char *tag = add_tag(library, video, "mine");

  /* Moved: found by its content before and after it is indexed again. */
  g_autofree char *moved = g_build_filename(fixture->root, "moved.mp4", NULL);
  g_assert_cmpint(g_rename(one, moved), ==, 0);
  g_assert_cmpint(g_remove(two), ==, 0);
  g_autoptr(SacVideo) missing = sac_library_get_video(library, video, NULL);
  g_assert_true(missing->missing);
  g_autoptr(SacVideo) found = sac_library_find_video_by_path(library, moved, NULL);
  g_assert_cmpint(found->id, ==, video);
  g_assert_cmpint(add_video(library, moved, &changed), ==, video);
  g_assert_false(changed);
  g_autoptr(SacVideo) there = sac_library_get_video(library, video, NULL);
  g_assert_false(there->missing);
  g_assert_cmpstr(there->path, ==, moved);
  g_assert_cmpint(there->n_tags, ==, 1);

  /* Changed: another video at the same path, with the tags and without what was computed. */
  SacAnalysis analysis = begin(library, video);
  g_assert_true(append(library, &analysis, video, 0, 3, NULL));
  g_assert_true(g_file_set_contents(moved, "quite another content", -1, NULL));
  gint64 other = add_video(library, moved, &changed);
  g_assert_cmpint(other, !=, video);
  g_assert_true(changed);
  g_autoptr(SacMoment) kept = sac_library_get_moment(library, tag, NULL);
  g_assert_cmpint(kept->video_id, ==, other);
  assert_samples(library, video, 0);

  g_autoptr(GError) error = NULL;
  g_assert_null(sac_library_find_video_by_path(library, "/nowhere/at/all.mp4", &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND);
}

static void
test_fingerprint(Fixture *fixture, gconstpointer data)
{
  gsize size = 9 * 1024 * 1024;
  g_autofree char *content = g_malloc0(size);
  g_autofree char *path = write_file(fixture, "large", content, size);
  g_autofree char *before = sac_library_fingerprint(path, NULL, NULL);
  g_assert_cmpint(strlen(before), ==, 64);
  const gsize places[] = { 0, 200000, size / 2, size / 14 * 3, size - 1 };
  for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
    content[places[i]] = 1;
    g_assert_true(g_file_set_contents(path, content, size, NULL));
    g_autofree char *after = sac_library_fingerprint(path, NULL, NULL);
    g_assert_cmpstr(before, !=, after);
    content[places[i]] = 0;
  }
  /* A byte less is another file, though every block that is read is the same. */
  g_assert_true(g_file_set_contents(path, content, size - 1, NULL));
  g_autofree char *shorter = sac_library_fingerprint(path, NULL, NULL);
  g_assert_cmpstr(before, !=, shorter);
  g_autoptr(GError) error = NULL;
  g_assert_null(sac_library_fingerprint(fixture->root, NULL, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE);
}

static void
test_moments(Fixture *fixture, gconstpointer data)
{
  g_autoptr(SacLibrary) library = open_library(fixture);
  g_autofree char *path = write_file(fixture, "a.mp4", "a", -1);
  gint64 video = add_video(library, path, NULL);
  g_autofree char *id = add_tag(library, video, "Ein Käfer läuft");
  g_autoptr(GPtrArray) found = sac_library_match_text(library, "\"kafer\"", 0, NULL, 10, NULL);
  g_assert_cmpint(found->len, ==, 1);
  g_autoptr(SacMoment) tag = sac_library_get_moment(library, id, NULL);
  g_assert_cmpint(tag->end_us, ==, 2 * SAC_SECOND);

  g_free(tag->label);
  tag->label = g_strdup("a beetle");
  g_assert_true(sac_library_update_moment(library, tag, NULL));
  g_autoptr(GPtrArray) gone = sac_library_match_text(library, "\"kafer\"", 0, NULL, 10, NULL);
  g_autoptr(GPtrArray) there = sac_library_match_text(library, "\"beetles\"", video, NULL, 10, NULL);
  g_assert_cmpint(gone->len, ==, 0);
  g_assert_cmpint(there->len, ==, 1);

  /* Undo: removed and put back with the id it had. */
  g_assert_true(sac_library_remove_moment(library, id, NULL));
  g_autofree char *again = sac_library_add_moment(library, tag, NULL);
  g_assert_cmpstr(again, ==, id);

  const struct {
    SacMoment moment;
    SacError code;
  } wrong[] = {
    { { .video_id = video, .kind = (char *)"tag", .start_us = 5, .end_us = 4, .label = (char *)"x" }, SAC_ERROR_USAGE },
    { { .video_id = video, .kind = (char *)"tag", .start_us = -1, .end_us = 4, .label = (char *)"x" },
      SAC_ERROR_USAGE },
    { { .video_id = video, .kind = (char *)"tag", .end_us = 4, .label = (char *)"  " }, SAC_ERROR_USAGE },
    { { .video_id = video, .kind = (char *)"'; DROP", .end_us = 4 }, SAC_ERROR_USAGE },
    { { .video_id = 999, .kind = (char *)"tag", .end_us = 4, .label = (char *)"x" }, SAC_ERROR_NOT_FOUND },
    { { .id = id, .video_id = video, .kind = (char *)"tag", .end_us = 4, .label = (char *)"x" }, SAC_ERROR_EXISTS },
  };
  for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(sac_library_add_moment(library, &wrong[i].moment, &error));
    g_assert_error(error, SAC_ERROR, (int)wrong[i].code);
  }
  g_autoptr(GError) error = NULL;
  g_assert_null(sac_library_match_text(library, "(((", 0, NULL, 10, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_USAGE);
  g_autoptr(GPtrArray) sound = sac_library_check(library, FALSE, NULL, NULL);
  g_assert_cmpint(sound->len, ==, 0);
}

static void
test_samples(Fixture *fixture, gconstpointer data)
{
  g_autofree char *a = write_file(fixture, "a.mp4", "a", -1), *b = write_file(fixture, "b.mp4", "b", -1);
  gint64 one, two;
  {
    g_autoptr(SacLibrary) library = open_library(fixture);
    one = add_video(library, a, NULL);
    two = add_video(library, b, NULL);
    SacAnalysis first = begin(library, one), second = begin(library, two);
    g_assert_cmpint(first.last_time_us, ==, -1);
    /* Two videos in turn: each in two runs. */
    g_assert_true(append(library, &first, one, 0, 5, NULL));
    g_assert_true(append(library, &second, two, 0, 3, NULL));
    g_assert_true(append(library, &first, one, 5, 4, NULL));
    g_autoptr(SacVectors) old = sac_library_get_vectors(library, "test", NULL);
    g_assert_true(append(library, &second, two, 3, 6, NULL));
    g_assert_cmpint(old->count, ==, 12);
    g_autoptr(GError) error = NULL;
    g_assert_false(append(library, &second, two, 3, 6, &error));
    g_assert_error(error, SAC_ERROR, SAC_ERROR_EXISTS);
  }
  /* A torn tail: bytes that no transaction refers to. */
  g_autofree char *file = vectors_file(fixture);
  int fd = open(file, O_WRONLY | O_APPEND);
  g_assert_cmpint(write(fd, "torn torn torn", 14), ==, 14);
  close(fd);
  g_autoptr(SacLibrary) library = open_library(fixture);
  GStatBuf status;
  g_assert_cmpint(g_stat(file, &status), ==, 0);
  g_assert_cmpint(status.st_size, ==, SAC_VECTORS_HEADER_BYTES + 18 * DIMENSIONS * 2);
  SacAnalysis first = begin(library, one);
  g_assert_cmpint(first.next_sample, ==, 9);
  g_assert_cmpint(first.last_time_us, ==, 8 * SAC_SECOND);
  g_assert_false(first.finished);
  g_assert_true(append(library, &first, one, 9, 2, NULL));
  g_assert_true(sac_library_analysis_finish(library, first.id, NULL));
  assert_samples(library, one, 11);
  assert_samples(library, two, 9);

  /* Forgotten, then its room given back. */
  g_assert_true(sac_library_forget_video(library, one, NULL));
  SacLibraryInfo info;
  g_assert_true(sac_library_get_info(library, &info, NULL));
  g_assert_cmpint(info.unused_vectors_bytes, ==, 11 * DIMENSIONS * 2);
  assert_samples(library, two, 9);
  g_autoptr(GError) error = NULL;
  g_assert_true(sac_library_vacuum(library, NULL, &error));
  g_assert_no_error(error);
  g_assert_true(sac_library_get_info(library, &info, NULL));
  g_assert_cmpint(info.unused_vectors_bytes, ==, 0);
  g_assert_cmpint(info.vectors_bytes, ==, SAC_VECTORS_HEADER_BYTES + 9 * DIMENSIONS * 2);
  assert_samples(library, one, 0);
  assert_samples(library, two, 9);

  float broken[DIMENSIONS] = { NAN };
  gint64 time = 9 * SAC_SECOND;
  SacAnalysis second = begin(library, two);
  g_assert_false(sac_library_append_samples(library, second.id, 9, 1, &time, broken, DIMENSIONS, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE);
}

static void
test_damage(Fixture *fixture, gconstpointer data)
{
  g_autofree char *a = write_file(fixture, "a.mp4", "a", -1), *b = write_file(fixture, "b.mp4", "b", -1);
  gint64 one, two;
  {
    g_autoptr(SacLibrary) library = open_library(fixture);
    one = add_video(library, a, NULL);
    two = add_video(library, b, NULL);
    SacAnalysis first = begin(library, one), second = begin(library, two);
    g_assert_true(append(library, &first, one, 0, 5, NULL));
    g_assert_true(append(library, &second, two, 0, 5, NULL));
    g_assert_true(sac_library_analysis_finish(library, first.id, NULL));
  }
  g_autofree char *file = vectors_file(fixture);
  int fd = open(file, O_WRONLY);
  g_assert_cmpint(pwrite(fd, "\x55", 1, SAC_VECTORS_HEADER_BYTES + 2 * DIMENSIONS * 2 + 5), ==, 1);
  close(fd);

  g_autoptr(SacLibrary) library = open_library(fixture);
  g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*damaged*");
  assert_samples(library, one, 0);
  g_test_assert_expected_messages();
  g_autoptr(GPtrArray) findings = sac_library_check(library, FALSE, NULL, NULL);
  g_assert_cmpint(findings->len, ==, 1);
  g_assert_nonnull(strstr(findings->pdata[0], "a.mp4"));
  g_autoptr(GPtrArray) repaired = sac_library_check(library, TRUE, NULL, NULL);
  g_assert_cmpint(repaired->len, ==, 1);
  g_autoptr(GPtrArray) sound = sac_library_check(library, FALSE, NULL, NULL);
  g_assert_cmpint(sound->len, ==, 0);
  assert_samples(library, two, 5);
  SacAnalysis again = begin(library, one);
  g_assert_cmpint(again.next_sample, ==, 0);
  g_assert_true(append(library, &again, one, 0, 5, NULL));
  assert_samples(library, one, 5);

  /* Cut off in the middle: what is left is served, never a byte behind the end. */
  g_assert_cmpint(truncate(file, SAC_VECTORS_HEADER_BYTES + 11 * DIMENSIONS * 2 + 7), ==, 0);
  g_autoptr(SacLibrary) shorter = open_library(fixture);
  g_test_expect_message(NULL, G_LOG_LEVEL_WARNING, "*damaged*");
  assert_samples(shorter, two, 5);
  g_test_assert_expected_messages();
}

static void
damage_database(Fixture *fixture, gint64 offset, gsize bytes)
{
  g_autofree char *path = g_build_filename(fixture->directory, "library.db", NULL);
  int fd = open(path, O_WRONLY);
  g_autofree guint8 *noise = g_malloc(bytes);
  for (gsize i = 0; i < bytes; i++)
    noise[i] = (guint8)(i * 37 + 11);
  g_assert_cmpint(pwrite(fd, noise, bytes, offset), ==, bytes);
  close(fd);
}

static void
run_sql(Fixture *fixture, const char *sql)
{
  g_autofree char *path = g_build_filename(fixture->directory, "library.db", NULL);
  sqlite3 *db;
  g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
  g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close(db);
}

static void
test_bad_databases(Fixture *fixture, gconstpointer data)
{
  assert_open_fails(fixture, SAC_LIBRARY_READ_ONLY, SAC_ERROR_NOT_FOUND, "index");
  {
    g_autoptr(SacLibrary) library = open_library(fixture);
    g_autofree char *path = write_file(fixture, "a.mp4", "a", -1);
    gint64 video = add_video(library, path, NULL);
    for (int i = 0; i < 200; i++) {
      g_autofree char *label = g_strdup_printf("label number %d with a few words to fill a page", i);
      g_free(add_tag(library, video, label));
    }
  }
  run_sql(fixture, "PRAGMA user_version = 99");
  assert_open_fails(fixture, SAC_LIBRARY_DEFAULT, SAC_ERROR_NEWER_VERSION, "update Saccade");
  assert_open_fails(fixture, SAC_LIBRARY_READ_ONLY, SAC_ERROR_NEWER_VERSION, "library.db");
  run_sql(fixture, "PRAGMA user_version = 2; PRAGMA application_id = 7");
  assert_open_fails(fixture, SAC_LIBRARY_DEFAULT, SAC_ERROR_INVALID_FILE, "another program");
  run_sql(fixture, "PRAGMA application_id = 1398891363");
  g_clear_object(&(SacLibrary *){ open_library(fixture) });

  damage_database(fixture, 5 * 4096, 3 * 4096);
  assert_open_fails(fixture, SAC_LIBRARY_DEFAULT, SAC_ERROR_CORRUPT, "library.db");
  damage_database(fixture, 0, 4096);
  assert_open_fails(fixture, SAC_LIBRARY_DEFAULT, SAC_ERROR_CORRUPT, "move it away");
}

/* "name colour note n_moments n_videos", one a line. */
static char *
describe_tags(SacLibrary *library)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) tags = sac_library_list_tags(library, &error);
  g_assert_no_error(error);
  GString *lines = g_string_new(NULL);
  for (guint i = 0; i < tags->len; i++) {
    const SacTag *tag = tags->pdata[i];
    g_string_append_printf(lines, "%s|%s|%s|%d|%d\n", tag->name, tag->colour, tag->note, (int)tag->n_moments,
                           (int)tag->n_videos);
  }
  return g_string_free(lines, FALSE);
}

static void
assert_tags(SacLibrary *library, const char *expected)
{
  g_autofree char *lines = describe_tags(library);
  g_assert_cmpstr(lines, ==, expected);
}

static void
change_tag(SacLibrary *library, const char *name, const char *to, const char *colour, const char *note,
           SacTagState **before)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(SacTag) tag = sac_tag_new(to, colour, note);
  sac_library_change_tag(library, name, tag, before, &error);
  g_assert_no_error(error);
}

/* Renaming, merging and removing, each undone and done again. */
static void
test_tags(Fixture *fixture, gconstpointer data)
{
  g_autoptr(SacLibrary) library = open_library(fixture);
  g_autofree char *one = write_file(fixture, "a.mp4", "a", -1), *other = write_file(fixture, "b.mp4", "bb", -1);
  gint64 first = add_video(library, one, NULL), second = add_video(library, other, NULL);
  g_autofree char *id = add_tag(library, first, "goal");
  g_free(add_tag(library, second, "goal"));
  g_free(add_tag(library, second, "foul"));
  assert_tags(library, "goal|||2|2\nfoul|||1|1\n");

  g_autoptr(SacTagState) plain = NULL;
  change_tag(library, "goal", "goal", "#ff8800", "the ball is in", &plain);
  assert_tags(library, "goal|#ff8800|the ball is in|2|2\nfoul|||1|1\n");
  g_autoptr(SacMoment) moment = sac_library_get_moment(library, id, NULL);
  g_assert_cmpstr(moment->colour, ==, "#ff8800");
  g_assert_cmpstr(moment->note, ==, "the ball is in");
  g_autoptr(GArray) videos = sac_library_list_tagged_videos(library, "goal", NULL);
  g_assert_cmpint(videos->len, ==, 2);

  g_autoptr(SacTagState) unmerged = NULL, merged = NULL;
  change_tag(library, "goal", " foul ", "#00ff00", "", &unmerged);
  assert_tags(library, "foul|#00ff00||3|2\n");
  g_assert_true(sac_library_restore_tags(library, unmerged, &merged, NULL));
  assert_tags(library, "goal|#ff8800|the ball is in|2|2\nfoul|||1|1\n");
  g_assert_true(sac_library_restore_tags(library, merged, NULL, NULL));
  assert_tags(library, "foul|#00ff00||3|2\n");
  /* What came after it was done stays when it is undone. */
  g_free(add_tag(library, first, "foul"));
  g_assert_true(sac_library_restore_tags(library, unmerged, NULL, NULL));
  assert_tags(library, "foul|||2|2\ngoal|#ff8800|the ball is in|2|2\n");

  g_autoptr(SacTagState) removed = NULL;
  g_assert_true(sac_library_remove_tag(library, "goal", &removed, NULL));
  assert_tags(library, "foul|||2|2\n");
  g_autoptr(GPtrArray) gone = sac_library_match_text(library, "\"goal\"", 0, NULL, 10, NULL);
  g_assert_cmpint(gone->len, ==, 0);
  g_assert_true(sac_library_forget_video(library, second, NULL));
  g_assert_true(sac_library_restore_tags(library, removed, NULL, NULL));
  assert_tags(library, "foul|||1|1\ngoal|#ff8800|the ball is in|1|1\n");
  g_autoptr(SacMoment) back = sac_library_get_moment(library, id, NULL);
  g_assert_nonnull(back);
  g_autoptr(GPtrArray) words = sac_library_match_text(library, "\"goal\"", 0, NULL, 10, NULL);
  g_assert_cmpint(words->len, ==, 1);

  g_autoptr(GError) error = NULL;
  g_autoptr(SacTag) bad = sac_tag_new("goal", "red", NULL), empty = sac_tag_new("  ", NULL, NULL);
  g_assert_false(sac_library_change_tag(library, "goal", bad, NULL, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_USAGE);
  g_clear_error(&error);
  g_assert_false(sac_library_change_tag(library, "goal", empty, NULL, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_USAGE);
  g_clear_error(&error);
  g_assert_false(sac_library_remove_tag(library, "nobody", NULL, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND);
}

/* A file that was moved is found by its content, and no other file is taken for it. */
static void
test_locate(Fixture *fixture, gconstpointer data)
{
  g_autoptr(SacLibrary) library = open_library(fixture);
  g_autofree char *old = write_file(fixture, "a.mp4", "content a", -1), *other = write_file(fixture, "b.mp4", "b", -1);
  g_autofree char *folder = g_build_filename(fixture->root, "deep", "er", NULL);
  g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
  g_autofree char *new = g_build_filename(folder, "renamed.mp4", NULL);
  g_autofree char *twin = write_file(fixture, "deep/same size.mp4", "content c", -1);
  gint64 video = add_video(library, old, NULL), still = add_video(library, other, NULL);
  guint n_found = 9;
  g_autoptr(GError) error = NULL;
  const char *folders[] = { fixture->root, "/nowhere/at/all", NULL };

  g_assert_true(sac_library_find_missing(library, folders, &n_found, NULL, &error));
  g_assert_cmpint(n_found, ==, 0);
  g_assert_cmpint(g_rename(old, new), ==, 0);
  g_autoptr(SacVideo) gone = sac_library_get_video(library, video, NULL);
  g_assert_true(gone->missing);
  g_assert_false(sac_library_locate_video(library, video, twin, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE);
  g_clear_error(&error);
  g_assert_false(sac_library_locate_video(library, video, old, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND);
  g_clear_error(&error);
  g_assert_true(sac_library_find_missing(library, folders, &n_found, NULL, &error));
  g_assert_no_error(error);
  g_assert_cmpint(n_found, ==, 1);
  g_autoptr(SacVideo) there = sac_library_get_video(library, video, NULL);
  g_assert_false(there->missing);
  g_assert_cmpstr(there->path, ==, new);
  g_auto(GStrv) paths = sac_library_get_video_paths(library, video, NULL);
  g_assert_cmpint(g_strv_length(paths), ==, 1);

  g_assert_cmpint(g_rename(new, old), ==, 0);
  g_assert_true(sac_library_locate_video(library, video, old, &error));
  g_autoptr(GHashTable) all = sac_library_list_paths(library, NULL);
  g_assert_cmpint(g_hash_table_size(all), ==, 2);
  g_assert_true(g_hash_table_contains(all, old) && g_hash_table_contains(all, other));
  g_autoptr(SacVideo) untouched = sac_library_get_video(library, still, NULL);
  g_assert_cmpstr(untouched->path, ==, other);
}

/* A library of the version before: it keeps what it has, and reading alone does not change it. */
static void
test_migration(Fixture *fixture, gconstpointer data)
{
  g_autofree char *id = NULL;
  {
    g_autoptr(SacLibrary) library = open_library(fixture);
    g_autofree char *path = write_file(fixture, "a.mp4", "a", -1);
    id = add_tag(library, add_video(library, path, NULL), "goal");
  }
  run_sql(fixture, "DROP TABLE tag; PRAGMA user_version = 1");
  assert_open_fails(fixture, SAC_LIBRARY_READ_ONLY, SAC_ERROR_READ_ONLY, "older version");
  g_autoptr(SacLibrary) library = open_library(fixture);
  g_autoptr(SacMoment) moment = sac_library_get_moment(library, id, NULL);
  g_assert_cmpstr(moment->label, ==, "goal");
  change_tag(library, "goal", "goal", "#123456", "", NULL);
  assert_tags(library, "goal|#123456||1|1\n");
  SacLibraryInfo info;
  g_assert_true(sac_library_get_info(library, &info, NULL));
  g_assert_cmpint(info.schema_version, ==, 2);
}

static void
test_locked(Fixture *fixture, gconstpointer data)
{
  g_autoptr(SacLibrary) library = open_library(fixture);
  g_autofree char *path = g_build_filename(fixture->directory, "library.db", NULL);
  sqlite3 *other;
  g_assert_cmpint(sqlite3_open(path, &other), ==, SQLITE_OK);
  g_assert_cmpint(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
  g_autoptr(GError) error = NULL;
  g_assert_cmpint(sac_library_job_add(library, "index", "{}", &error), ==, 0);
  g_assert_error(error, SAC_ERROR, SAC_ERROR_LOCKED);
  g_assert_nonnull(strstr(error->message, "library.db"));
  g_clear_error(&error);
  g_autoptr(GPtrArray) readable = sac_library_list_videos(library, &error);
  g_assert_no_error(error);
  g_assert_nonnull(readable);
  sqlite3_close(other);
  g_assert_cmpint(sac_library_job_add(library, "index", "{}", &error), >, 0);
  g_assert_no_error(error);
}

/* As another user, so that permissions hold for root's tests too. */
static int
in_child(void (*function)(Fixture *fixture), Fixture *fixture)
{
  pid_t child = fork();
  g_assert_cmpint(child, >=, 0);
  if (child == 0) {
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
      _exit(77);
    function(fixture);
    _exit(0);
  }
  int status;
  g_assert_cmpint(waitpid(child, &status, 0), ==, child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
open_without_permission(Fixture *fixture)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(SacLibrary) library = sac_library_open(fixture->directory, SAC_LIBRARY_DEFAULT, &error);
  if (library != NULL || !g_error_matches(error, SAC_ERROR, SAC_ERROR_READ_ONLY) ||
      strstr(error->message, fixture->directory) == NULL)
    _exit(1);
  g_clear_error(&error);
  g_autoptr(SacLibrary) reading = sac_library_open(fixture->directory, SAC_LIBRARY_READ_ONLY, &error);
  if (reading == NULL)
    _exit(2);
  g_autoptr(GPtrArray) moments = sac_library_list_moments(reading, 0, NULL, &error);
  if (moments == NULL || moments->len != 1)
    _exit(3);
  if (sac_library_job_add(reading, "index", "{}", &error) != 0 ||
      !g_error_matches(error, SAC_ERROR, SAC_ERROR_READ_ONLY))
    _exit(4);
}

static void
test_read_only(Fixture *fixture, gconstpointer data)
{
  {
    g_autoptr(SacLibrary) library = open_library(fixture);
    g_autofree char *path = write_file(fixture, "a.mp4", "a", -1);
    g_free(add_tag(library, add_video(library, path, NULL), "kept"));
  }
  g_autofree char *vectors = g_build_filename(fixture->directory, "vectors", NULL);
  g_autofree char *database = g_build_filename(fixture->directory, "library.db", NULL);
  g_chmod(fixture->root, 0755);
  g_chmod(vectors, 0555);
  g_chmod(database, 0444);
  g_chmod(fixture->directory, 0555);
  int status = in_child(open_without_permission, fixture);
  g_chmod(fixture->directory, 0755);
  g_chmod(vectors, 0755);
  if (status == 77)
    g_test_skip("the user cannot be changed here");
  else
    g_assert_cmpint(status, ==, 0);
}

static void
fill_the_disk(Fixture *fixture)
{
  g_autoptr(GError) error = NULL;
  signal(SIGXFSZ, SIG_IGN);
  g_autoptr(SacLibrary) library = sac_library_open(fixture->directory, SAC_LIBRARY_DEFAULT, &error);
  if (library == NULL)
    _exit(1);
  SacAnalysis analysis;
  if (!sac_library_analysis_begin(library, 1, "visual", "test", SAC_SECOND, &analysis, &error))
    _exit(2);
  struct rlimit limit = { 200000, 200000 };
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
    _exit(77);
  while (append(library, &analysis, 1, analysis.next_sample, 50, &error))
    analysis.next_sample += 50;
  if (!g_error_matches(error, SAC_ERROR, SAC_ERROR_NO_SPACE) || strstr(error->message, "full") == NULL)
    _exit(3);
  if (analysis.next_sample == 0)
    _exit(4);
  g_autofree char *count = g_strdup_printf("%" G_GINT64_FORMAT, analysis.next_sample);
  g_autofree char *note = g_build_filename(fixture->root, "count", NULL);
  if (!g_file_set_contents(note, count, -1, NULL))
    _exit(5);
}

static void
test_full_disk(Fixture *fixture, gconstpointer data)
{
  {
    g_autoptr(SacLibrary) library = open_library(fixture);
    g_autofree char *path = write_file(fixture, "a.mp4", "a", -1);
    g_assert_cmpint(add_video(library, path, NULL), ==, 1);
  }
  pid_t child = fork();
  if (child == 0) {
    fill_the_disk(fixture);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  g_assert_true(WIFEXITED(status));
  g_assert_cmpint(WEXITSTATUS(status), ==, 0);
  g_autofree char *note = g_build_filename(fixture->root, "count", NULL), *count = NULL;
  g_assert_true(g_file_get_contents(note, &count, NULL, NULL));

  /* Room again: what returned is there, and it goes on where it was. */
  g_autoptr(SacLibrary) library = open_library(fixture);
  SacAnalysis analysis = begin(library, 1);
  g_assert_cmpint(analysis.next_sample, ==, g_ascii_strtoll(count, NULL, 10));
  g_assert_true(append(library, &analysis, 1, analysis.next_sample, 50, NULL));
  assert_samples(library, 1, analysis.next_sample + 50);
  g_autoptr(GPtrArray) sound = sac_library_check(library, FALSE, NULL, NULL);
  g_assert_cmpint(sound->len, ==, 0);
}

static void
test_jobs(Fixture *fixture, gconstpointer data)
{
  gint64 id;
  {
    g_autoptr(SacLibrary) library = open_library(fixture);
    id = sac_library_job_add(library, "index", "{\"paths\": []}", NULL);
    sac_library_job_add(library, "export", "{}", NULL);
  }
  g_autoptr(SacLibrary) library = open_library(fixture);
  g_autoptr(GPtrArray) jobs = sac_library_job_list(library, "index", NULL);
  g_assert_cmpint(jobs->len, ==, 1);
  g_assert_cmpint(((SacJobRecord *)jobs->pdata[0])->id, ==, id);
  g_assert_true(sac_library_job_remove(library, id, NULL));
  g_autoptr(GError) error = NULL;
  g_assert_false(sac_library_job_remove(library, id, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND);
}

static void
count_change(SacLibrary *library, gpointer data)
{
  ++*(int *)data;
}

static gpointer
tag_a_lot(gpointer data)
{
  for (int i = 0; i < 50; i++) {
    g_free(add_tag(data, 1, "from a thread"));
    g_autoptr(GPtrArray) moments = sac_library_list_moments(data, 1, NULL, NULL);
    g_assert_nonnull(moments);
  }
  return NULL;
}

static void
test_threads(Fixture *fixture, gconstpointer data)
{
  g_autoptr(SacLibrary) library = open_library(fixture);
  g_autofree char *path = write_file(fixture, "a.mp4", "a", -1);
  g_assert_cmpint(add_video(library, path, NULL), ==, 1);
  int changes = 0;
  g_signal_connect(library, "changed", G_CALLBACK(count_change), &changes);
  GThread *threads[4];
  for (int i = 0; i < 4; i++)
    threads[i] = g_thread_new("tags", tag_a_lot, library);
  for (int i = 0; i < 4; i++)
    g_thread_join(threads[i]);
  while (g_main_context_iteration(NULL, FALSE))
    ;
  g_assert_cmpint(changes, >=, 1);
  g_autoptr(GPtrArray) moments = sac_library_list_moments(library, 1, (const char *const[]){ "tag", NULL }, NULL);
  g_assert_cmpint(moments->len, ==, 200);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/library/halves", test_halves);
  g_test_add_func("/library/times", test_times);
#define ADD(name) g_test_add("/library/" #name, Fixture, NULL, set_up, test_##name, tear_down)
  ADD(content);
  ADD(fingerprint);
  ADD(tags);
  ADD(migration);
  ADD(locate);
  ADD(moments);
  ADD(samples);
  ADD(damage);
  ADD(bad_databases);
  ADD(locked);
  ADD(read_only);
  ADD(full_disk);
  ADD(jobs);
  ADD(threads);
  return g_test_run();
}
