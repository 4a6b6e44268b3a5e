/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * The store of models: finding, checking, adding and removing on disk, and downloading from tests/core/models/hub.py, a real HTTP
 * server on loopback that answers as the hub does and misbehaves as it is told. Arguments: the hub's script and the
 * folder of small checkpoints that tests/compute/networks keeps.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/models/sac-model-private.h"
#include "core/sac-error.h"

#define ID "clip-vit-b-32"
#define PIECE 100000 /* what the hub sends before it breaks off */

static const char *script, *checkpoints;
static char *scratch, *request_log, *hub_address;
static GSubprocess *hub;

/* ---- Helpers ----------------------------------------------------------------------------------------------------------- */

typedef struct {
  char *directory;
  SacModelStore *store;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data)
{
  static int count;

  fixture->directory = g_strdup_printf("%s/store-%d", scratch, count++);
  fixture->store = sac_model_store_new(fixture->directory);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
  g_unsetenv("SACCADE_HUB");
  g_object_unref(fixture->store);
  g_free(fixture->directory);
}

static char *
checkpoint(const char *name)
{
  return g_build_filename(checkpoints, name, NULL);
}

static void
use_hub(const char *behaviour)
{
  g_autofree char *address = g_strdup_printf("%s/%s/", hub_address, behaviour);

  g_setenv("SACCADE_HUB", address, TRUE);
  /* The log begins anew, so that a test sees its own requests. */
  g_assert_cmpint(truncate(request_log, 0), ==, 0);
}

static char *
requests(void)
{
  char *text;

  g_assert_true(g_file_get_contents(request_log, &text, NULL, NULL));
  return text;
}

static void
assert_same_file(const char *a_folder, const char *b_folder, const char *name)
{
  g_autofree char *a = g_build_filename(a_folder, name, NULL), *b = g_build_filename(b_folder, name, NULL);
  g_autofree char *a_bytes = NULL, *b_bytes = NULL;
  gsize a_size, b_size;

  g_assert_true(g_file_get_contents(a, &a_bytes, &a_size, NULL));
  g_assert_true(g_file_get_contents(b, &b_bytes, &b_size, NULL));
  g_assert_cmpmem(a_bytes, a_size, b_bytes, b_size);
}

/* The folder has exactly the files of a download, byte for byte. */
static void
assert_installed(Fixture *fixture, const char *original)
{
  static const char *const names[] = { "config.json", "merges.txt", "model.safetensors", "vocab.json" };
  g_autofree char *folder = g_build_filename(fixture->directory, ID, NULL), *from = checkpoint(original);
  g_autofree char *part = g_build_filename(fixture->directory, "." ID ".part", NULL);
  g_autoptr(GDir) listing = g_dir_open(folder, 0, NULL);
  guint count = 0;

  g_assert_nonnull(listing);
  while (g_dir_read_name(listing))
    count++;
  g_assert_cmpuint(count, ==, G_N_ELEMENTS(names));
  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    assert_same_file(folder, from, names[i]);
  g_assert_false(g_file_test(part, G_FILE_TEST_EXISTS));
}

static gint64
part_size(Fixture *fixture)
{
  g_autofree char *path = g_build_filename(fixture->directory, "." ID ".part", "model.safetensors.part", NULL);
  struct stat about;

  return g_stat(path, &about) == 0 ? about.st_size : -1;
}

static void
assert_no_model(Fixture *fixture)
{
  g_autofree char *folder = g_build_filename(fixture->directory, ID, NULL);

  g_assert_false(g_file_test(folder, G_FILE_TEST_EXISTS));
}

static void
assert_message(const GError *error, SacError code, const char *words)
{
  g_assert_error(error, SAC_ERROR, (int)code);
  if (!strstr(error->message, words))
    g_error("“%s” does not say “%s”", error->message, words);
}

/* A copy of a small checkpoint that a test may spoil. */
static char *
copy_checkpoint(const char *name, const char *as)
{
  g_autofree char *from = checkpoint(name);
  char *to = g_build_filename(scratch, as, NULL);
  GError *error = NULL;

  g_assert_cmpint(g_mkdir(to, 0777), ==, 0);
  sac_model_copy_files(from, to, NULL, &error);
  g_assert_no_error(error);
  return to;
}

static void
write_file(const char *folder, const char *name, const void *bytes, gssize size)
{
  g_autofree char *path = g_build_filename(folder, name, NULL);

  g_assert_true(g_file_set_contents(path, bytes, size, NULL));
}

/* ---- Finding, adding, removing ----------------------------------------------------------------------------------------- */

static void
test_ids(void)
{
  static const char *const good[] = { "a", "clip-vit-b-32", "A_b.c-9", "9" };
  static const char *const bad[] = { "",
                                     ".",
                                     "..",
                                     ".hidden",
                                     "a/b",
                                     "../a",
                                     "-a",
                                     "a b",
                                     "ä",
                                     "a\n",
                                     "0123456789012345678901234567890123456789012345678901234567890123" };

  for (guint i = 0; i < G_N_ELEMENTS(good); i++)
    g_assert_true(sac_model_id_is_valid(good[i]));
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
    g_assert_false(sac_model_id_is_valid(bad[i]));
}

static void
test_manifest(void)
{
  static const char *const bad[] = {
    "",
    "[]",
    "{}",
    "{\"hub\": 1, \"models\": []}",
    "{\"hub\": \"h\", \"models\": [1]}",
    "{\"hub\": \"h\", \"models\": [{\"id\": \"../a\", \"title\": \"t\"}]}",
    "{\"hub\": \"h\", \"models\": [{\"id\": \"a\"}]}",
    "{\"hub\": \"h\", \"models\": [{\"id\": \"a\", \"title\": \"t\", \"source\": \"s\", \"revisions\": [], \"files\": \"f\"}], \"file_sets\": {\"f\": [{\"name\": \"x\"}]}}",
    "{\"hub\": \"h\", \"models\": [{\"id\": \"a\", \"title\": \"t\", \"source\": \"s\", \"revisions\": [\"main\"], \"files\": \"f\"}], \"file_sets\": {\"f\": [{\"name\": \"../x\"}]}}",
    "{\"hub\": \"h\", \"models\": [{\"id\": \"a\", \"title\": \"t\", \"source\": \"s\", \"revisions\": [\"main\"], \"files\": \"f\"}], \"file_sets\": {\"f\": [{\"name\": \"x\", \"sha256\": \"12\"}]}}",
    "{\"hub\": \"h\", \"models\": [{\"id\": \"a\", \"title\": \"t\", \"source\": \"s\", \"revisions\": [\"main\"], \"files\": \"g\"}], \"file_sets\": {}}",
  };
  GError *error = NULL;
  g_autoptr(SacManifest) own = sac_manifest_load(&error);

  g_assert_no_error(error);
  g_assert_true(g_str_has_prefix(own->hub, "https://"));
  g_assert_nonnull(sac_manifest_find(own, ID));
  g_assert_null(sac_manifest_find(own, "no-such-model"));
  for (guint i = 0; i < own->models->len; i++) {
    const SacManifestModel *model = own->models->pdata[i];

    g_assert_true(sac_manifest_find(own, model->id) == model);
    g_assert_true(!model->source || model->files->len >= 4);
  }
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_assert_null(sac_manifest_parse(bad[i], -1, &error));
    g_assert_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE);
    g_clear_error(&error);
  }
}

static void
count_changes(SacModelStore *store, gpointer count)
{
  ++*(int *)count;
}

static void
test_add_and_remove(Fixture *fixture, gconstpointer data)
{
  g_autofree char *from = copy_checkpoint("clip-gelu-half", "to-add"),
                  *link = g_build_filename(scratch, "linked", NULL);
  GError *error = NULL;
  int changes = 0;

  g_signal_connect(fixture->store, "changed", G_CALLBACK(count_changes), &changes);
  /* What is not for this program stays behind; links are followed, as the hub's own cache has them. */
  write_file(from, "pytorch_model.bin", "x", 1);
  g_assert_cmpint(g_mkdir(link, 0777), ==, 0);
  for (guint i = 0; i < 4; i++) {
    const char *name = ((const char *const[]){ "config.json", "merges.txt", "model.safetensors", "vocab.json" })[i];
    g_autofree char *target = g_build_filename(from, name, NULL), *place = g_build_filename(link, name, NULL);
    g_assert_cmpint(symlink(target, place), ==, 0);
  }

  sac_model_store_add(fixture->store, from, "one", NULL, &error);
  g_assert_no_error(error);
  sac_model_store_add(fixture->store, link, NULL, NULL, &error);
  g_assert_no_error(error);
  g_assert_cmpint(changes, ==, 2);
  g_assert_false(sac_model_store_add(fixture->store, from, "one", NULL, &error));
  assert_message(error, SAC_ERROR_EXISTS, "one");
  g_clear_error(&error);

  g_autofree char *one = sac_model_store_find(fixture->store, "one", &error);
  g_assert_no_error(error);
  g_autofree char *linked = sac_model_store_find(fixture->store, "linked", &error);
  g_assert_no_error(error);
  g_autofree char *left_out = g_build_filename(one, "pytorch_model.bin", NULL);
  g_autofree char *copied = g_build_filename(linked, "model.safetensors", NULL);
  assert_same_file(one, from, "model.safetensors");
  g_assert_false(g_file_test(left_out, G_FILE_TEST_EXISTS));
  g_assert_false(g_file_test(copied, G_FILE_TEST_IS_SYMLINK));

  g_autoptr(SacModelEntry) entry = sac_model_store_show(fixture->store, "one", &error);
  g_assert_no_error(error);
  g_assert_true(entry->installed && !entry->builtin && entry->embeds_pictures && entry->embeds_texts &&
                !entry->problem);
  g_assert_cmpstr(entry->network, ==, "clip");
  g_assert_cmpuint(entry->dimensions, ==, 64);

  g_assert_true(sac_model_store_remove(fixture->store, "one", &error));
  g_assert_no_error(error);
  g_assert_false(g_file_test(one, G_FILE_TEST_EXISTS));
  g_assert_cmpint(changes, ==, 3);
  g_assert_false(sac_model_store_remove(fixture->store, "one", &error));
  assert_message(error, SAC_ERROR_NOT_FOUND, "linked");
  g_clear_error(&error);
  g_assert_false(sac_model_store_remove(fixture->store, "../store-0", &error));
  assert_message(error, SAC_ERROR_USAGE, "../store-0");
  g_clear_error(&error);
  g_assert_null(sac_model_store_find(fixture->store, ID, &error));
  assert_message(error, SAC_ERROR_NOT_FOUND, "saccade models get " ID);
  g_clear_error(&error);
  g_assert_null(sac_model_store_find(fixture->store, "nothing", &error));
  assert_message(error, SAC_ERROR_NOT_FOUND, "linked, clip-vit-b-16");
  g_clear_error(&error);
}

/* OpenCLIP's files, beside those that the hub has of the same model in other layouts. */
static void
test_open_clip(Fixture *fixture, gconstpointer data)
{
  g_autofree char *from = copy_checkpoint("coca", "of-open-clip");
  GError *error = NULL;

  /* timm's, which names no network that this program could take it for. */
  write_file(from, "config.json", "{\"architecture\": \"vit_base_patch32_clip_224\"}", -1);
  write_file(from, "model.safetensors", "not looked at", -1);
  write_file(from, "open_clip_pytorch_model.bin", "x", 1);
  g_assert_true(sac_model_store_add(fixture->store, from, "mine", NULL, &error));
  g_assert_no_error(error);
  g_autoptr(SacModelEntry) entry = sac_model_store_show(fixture->store, "mine", &error);
  g_assert_no_error(error);
  g_assert_cmpstr(entry->network, ==, "coca");
  g_assert_cmpuint(entry->dimensions, ==, 28);
  g_assert_true(entry->embeds_pictures && entry->embeds_texts && !entry->problem);
  assert_same_file(entry->path, from, "open_clip_config.json");
  assert_same_file(entry->path, from, "open_clip_model.safetensors");
  static const char *const left_out[] = { "model.safetensors", "open_clip_pytorch_model.bin" };
  for (guint i = 0; i < G_N_ELEMENTS(left_out); i++) {
    g_autofree char *path = g_build_filename(entry->path, left_out[i], NULL);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
  }

  /* The whole of Hugging Face's layout goes before it. */
  g_autofree char *both = copy_checkpoint("clip-gelu-half", "of-both");
  write_file(both, "open_clip_config.json", "{\"model_cfg\": {}}", -1);
  write_file(both, "open_clip_model.safetensors", "not looked at", -1);
  g_assert_true(sac_model_store_add(fixture->store, both, "both", NULL, &error));
  g_assert_no_error(error);
  g_autoptr(SacModelEntry) other = sac_model_store_show(fixture->store, "both", &error);
  g_assert_cmpstr(other->network, ==, "clip");
  g_assert_cmpuint(other->dimensions, ==, 64);

  write_file(from, "open_clip_model.safetensors", "cut short", -1);
  g_assert_false(sac_model_store_add(fixture->store, from, "spoilt", NULL, &error));
  assert_message(error, SAC_ERROR_INVALID_FILE, "open_clip_model.safetensors");
  g_clear_error(&error);
}

static void
test_list(Fixture *fixture, gconstpointer data)
{
  g_autofree char *from = checkpoint("clip-gelu-half");
  g_autofree char *foreign = g_build_filename(scratch, "foreign", NULL);
  g_autofree char *unknown = g_build_filename(foreign, "unknown-network", NULL);
  g_autofree char *not_a_model = g_build_filename(foreign, "not-a-model", NULL);
  GError *error = NULL;
  guint installed = 0;

  g_mkdir_with_parents(unknown, 0777);
  g_mkdir_with_parents(not_a_model, 0777);
  write_file(unknown, "config.json", "{\"model_type\": \"telepathy\"}", -1);
  g_setenv("SACCADE_MODELS", foreign, TRUE);
  g_autoptr(SacModelStore) store = sac_model_store_new(fixture->directory);
  g_unsetenv("SACCADE_MODELS");
  g_assert_true(sac_model_store_add(store, from, "mine", NULL, &error));
  g_assert_no_error(error);

  g_autoptr(GPtrArray) entries = sac_model_store_list(store, &error);
  g_assert_no_error(error);
  for (guint i = 0; i < entries->len; i++) {
    const SacModelEntry *entry = entries->pdata[i];

    g_assert_cmpstr(entry->id, !=, "not-a-model");
    installed += entry->installed;
    g_assert_true(entry->installed == (i < installed));
    if (g_str_equal(entry->id, "unknown-network")) {
      g_assert_true(entry->builtin);
      g_assert_cmpstr(entry->network, ==, "telepathy");
      g_assert_nonnull(strstr(entry->problem, "telepathy"));
    }
  }
  g_assert_cmpuint(installed, ==, 2);
  g_assert_cmpuint(entries->len, >=, 8);
  g_assert_false(sac_model_store_remove(store, "unknown-network", &error));
  assert_message(error, SAC_ERROR_READ_ONLY, foreign);
  g_clear_error(&error);
}

/* A spoiled checkpoint is refused with words on what and where, and nothing of it is left in the store. */
static void
refuse(Fixture *fixture, const char *folder, SacError code, const char *words)
{
  GError *error = NULL;
  g_autoptr(GDir) listing = NULL;

  g_assert_false(sac_model_store_add(fixture->store, folder, "bad", NULL, &error));
  assert_message(error, code, words);
  g_clear_error(&error);
  listing = g_dir_open(fixture->directory, 0, NULL);
  g_assert_true(!listing || !g_dir_read_name(listing));
}

static void
test_refused(Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = copy_checkpoint("clip-gelu-half", "to-spoil"), *bytes = NULL;
  g_autofree char *path = g_build_filename(folder, "model.safetensors", NULL),
                  *vocabulary = g_build_filename(folder, "vocab.json", NULL);
  g_autofree char *nowhere = g_build_filename(scratch, "nowhere", NULL);
  guint64 header = 0;
  gsize size;

  refuse(fixture, nowhere, SAC_ERROR_NOT_FOUND, "nowhere");
  g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
  memcpy(&header, bytes, 8);

  g_autofree char *not_a_number = g_memdup2(bytes, size);
  memcpy(not_a_number + 8 + GUINT64_FROM_LE(header) + 2, "\x00\x7e", 2);
  write_file(folder, "model.safetensors", not_a_number, (gssize)size);
  refuse(fixture, folder, SAC_ERROR_INVALID_FILE, "not a finite number");
  write_file(folder, "model.safetensors", bytes, (gssize)size - 1);
  refuse(fixture, folder, SAC_ERROR_INVALID_FILE, "cut short");
  g_autofree char *type = g_memdup2(bytes, size);
  memcpy(strstr(type + 8, "\"F16\""), "\"Q16\"", 5);
  write_file(folder, "model.safetensors", type, (gssize)size);
  refuse(fixture, folder, SAC_ERROR_INVALID_FILE, "tensor");
  write_file(folder, "model.safetensors", "#!/bin/sh\n", -1);
  refuse(fixture, folder, SAC_ERROR_INVALID_FILE, "safetensors");
  g_assert_cmpint(g_unlink(path), ==, 0);
  refuse(fixture, folder, SAC_ERROR_NOT_FOUND, "model.safetensors");
  write_file(folder, "model.safetensors", bytes, (gssize)size);
  g_assert_cmpint(g_unlink(vocabulary), ==, 0);
  refuse(fixture, folder, SAC_ERROR_NOT_FOUND, "no tokenizer");
  write_file(folder, "config.json", "{\"model_type\": \"telepathy\"}", -1);
  refuse(fixture, folder, SAC_ERROR_UNSUPPORTED, "telepathy");
  write_file(folder, "config.json", "{", -1);
  refuse(fixture, folder, SAC_ERROR_INVALID_FILE, "config.json");
}

static void
test_locked(Fixture *fixture, gconstpointer data)
{
  g_autofree char *from = checkpoint("clip-gelu-half");
  GError *error = NULL;
  SacModelStaging staging;

  g_assert_true(sac_model_staging_open(&staging, fixture->directory, "one", &error));
  g_assert_false(sac_model_store_add(fixture->store, from, "one", NULL, &error));
  assert_message(error, SAC_ERROR_LOCKED, "one");
  g_clear_error(&error);
  sac_model_staging_close(&staging, TRUE);
  g_assert_true(sac_model_store_add(fixture->store, from, "one", NULL, &error));
  g_assert_no_error(error);
}

/* ---- Downloading ------------------------------------------------------------------------------------------------------- */

typedef struct {
  gint64 last_done, total;
  gint64 cancel_at; /* bytes, or 0 */
  GCancellable *cancellable;
  guint calls, difficulties;
} Watch;

static void
watch(const SacModelProgress *progress, gpointer user_data)
{
  Watch *w = user_data;

  g_assert_nonnull(progress->file);
  g_assert_true(progress->total < 0 || progress->done <= progress->total);
  w->last_done = progress->done;
  w->total = progress->total;
  w->calls++;
  w->difficulties += progress->difficulty != NULL;
  if (w->cancel_at && progress->done >= w->cancel_at)
    g_cancellable_cancel(w->cancellable);
}

static void
download(Fixture *fixture, const char *behaviour)
{
  GError *error = NULL;

  use_hub(behaviour);
  sac_model_store_download(fixture->store, ID, NULL, NULL, NULL, &error);
  g_assert_no_error(error);
}

/* Leaves some of the weights behind, as a person who presses Ctrl+C does. */
static void
cancel_download(Fixture *fixture)
{
  Watch w = { .cancel_at = PIECE, .cancellable = g_cancellable_new() };
  GError *error = NULL;

  use_hub("slow");
  g_assert_false(sac_model_store_download(fixture->store, ID, watch, &w, w.cancellable, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_CANCELLED);
  g_clear_error(&error);
  g_object_unref(w.cancellable);
  assert_no_model(fixture);
  g_assert_cmpint(part_size(fixture), >=, PIECE / 2);
}

static void
test_download(Fixture *fixture, gconstpointer data)
{
  Watch w = { 0 };
  GError *error = NULL;
  int changes = 0;

  g_signal_connect(fixture->store, "changed", G_CALLBACK(count_changes), &changes);
  use_hub("slow");
  g_assert_true(sac_model_store_download(fixture->store, ID, watch, &w, NULL, &error));
  g_assert_no_error(error);
  assert_installed(fixture, "clip-gelu-half");
  g_assert_cmpint(changes, ==, 1);
  g_assert_cmpuint(w.calls, >=, 5);
  g_assert_cmpint(w.last_done, ==, w.total);
  g_autoptr(SacModelEntry) entry = sac_model_store_show(fixture->store, ID, &error);
  g_assert_cmpint(entry->bytes, ==, w.total);
  /* All but the first are asked of the commit that the first came from. */
  g_autofree char *log = requests();
  g_assert_nonnull(strstr(log, "/resolve/0123456789abcdef0123456789abcdef01234567/config.json"));
  g_assert_null(strstr(log, "/resolve/main/config.json"));
  g_assert_false(sac_model_store_download(fixture->store, ID, NULL, NULL, NULL, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_EXISTS);
  g_clear_error(&error);
}

static void
test_resume(Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;

  cancel_download(fixture);
  g_autofree char *asked = g_strdup_printf("\"range\": \"bytes=%" G_GINT64_FORMAT "-\"", part_size(fixture));
  g_autoptr(SacModelEntry) entry = sac_model_store_show(fixture->store, ID, &error);
  g_assert_true(!entry->installed && entry->downloadable && entry->bytes > 0);
  download(fixture, "good");
  assert_installed(fixture, "clip-gelu-half");
  g_autofree char *log = requests();
  g_assert_nonnull(strstr(log, asked));
  g_assert_nonnull(strstr(log, "\"if_range\": \"\\\""));
}

/* What came before is of another file than the hub has now: all of it comes anew. */
static void
test_changed(Fixture *fixture, gconstpointer data)
{
  cancel_download(fixture);
  download(fixture, "other");
  assert_installed(fixture, "clip-quick-gelu");
  g_autofree char *log = requests();
  g_assert_null(strstr(log, "bytes="));
}

/* A partial file whose bytes were spoiled on this disk is found out by the hash, and the next try is clean. */
static void
test_spoiled_part(Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename(fixture->directory, "." ID ".part", "model.safetensors.part", NULL);
  GError *error = NULL;
  FILE *file;

  cancel_download(fixture);
  file = fopen(path, "r+b");
  g_assert_true(file && fseek(file, 40000, SEEK_SET) == 0 && fputs("spoiled", file) >= 0 && fclose(file) == 0);
  use_hub("good");
  g_assert_false(sac_model_store_download(fixture->store, ID, NULL, NULL, NULL, &error));
  assert_message(error, SAC_ERROR_INVALID_FILE, "deleted");
  g_clear_error(&error);
  g_assert_cmpint(part_size(fixture), ==, -1);
  download(fixture, "good");
  assert_installed(fixture, "clip-gelu-half");
}

static void
test_succeeds(Fixture *fixture, gconstpointer behaviour)
{
  download(fixture, behaviour);
  assert_installed(fixture, "clip-gelu-half");
}

static void
test_cut(Fixture *fixture, gconstpointer data)
{
  Watch w = { 0 };
  GError *error = NULL;

  use_hub("cut");
  g_assert_true(sac_model_store_download(fixture->store, ID, watch, &w, NULL, &error));
  g_assert_no_error(error);
  assert_installed(fixture, "clip-gelu-half");
  g_autofree char *log = requests();
  g_assert_nonnull(strstr(log, "\"range\": \"bytes=100000-\""));
  g_assert_nonnull(strstr(log, "\"range\": \"bytes=200000-\""));
  g_assert_cmpuint(w.difficulties, ==, 2);
}

static void
test_revision(Fixture *fixture, gconstpointer data)
{
  download(fixture, "revision");
  assert_installed(fixture, "clip-gelu-half");
  g_autofree char *log = requests();
  g_assert_nonnull(strstr(log, "/resolve/main/model.safetensors"));
  g_assert_nonnull(strstr(log, "/resolve/d15b5f29721ca72dac15f8526b284be910de18be/model.safetensors"));
}

struct failure {
  const char *behaviour;
  SacError code;
  const char *words;
};

static void
test_fails(Fixture *fixture, gconstpointer data)
{
  const struct failure *failure = data;
  GError *error = NULL;

  use_hub(failure->behaviour);
  g_assert_false(sac_model_store_download(fixture->store, ID, NULL, NULL, NULL, &error));
  assert_message(error, failure->code, failure->words);
  g_clear_error(&error);
  assert_no_model(fixture);
  g_assert_cmpint(part_size(fixture), <=, 0);
  /* It does no harm to a later try. */
  download(fixture, "good");
  assert_installed(fixture, "clip-gelu-half");
}

static const struct failure failures[] = {
  { "missing", SAC_ERROR_NOT_FOUND, "/openai/clip-vit-base-patch32/resolve/" },
  { "login", SAC_ERROR_NETWORK, "log in" },
  { "loop", SAC_ERROR_NETWORK, "without end" },
  { "file", SAC_ERROR_NETWORK, "no web address" },
  { "no-hash", SAC_ERROR_NETWORK, "no hash" },
  { "states-less", SAC_ERROR_NETWORK, "but the hub states" },
  { "states-more", SAC_ERROR_NETWORK, "but the hub states" },
  { "longer", SAC_ERROR_NETWORK, "but the hub states" },
  { "more", SAC_ERROR_INVALID_FILE, "more came" },
  { "wrong-byte", SAC_ERROR_INVALID_FILE, "deleted" },
  { "wrong-small", SAC_ERROR_INVALID_FILE, "config.json" },
  { "nan", SAC_ERROR_INVALID_FILE, "not a finite number" },
};

static void
test_offline(Fixture *fixture, gconstpointer data)
{
  GError *error = NULL;

  g_setenv("SACCADE_HUB", "http://127.0.0.1:1", TRUE);
  g_assert_false(sac_model_store_download(fixture->store, ID, NULL, NULL, NULL, &error));
  assert_message(error, SAC_ERROR_NETWORK, "127.0.0.1 cannot be reached");
  g_clear_error(&error);
  g_assert_false(sac_model_store_download(fixture->store, "starter", NULL, NULL, NULL, &error));
  assert_message(error, SAC_ERROR_NOT_FOUND, "set-up");
  g_clear_error(&error);
  assert_no_model(fixture);
}

/* A file-size limit stands in for a full disk: write() fails in the same place. */
static void
test_disk_full(Fixture *fixture, gconstpointer data)
{
  struct rlimit limit, old;
  GError *error = NULL;

  signal(SIGXFSZ, SIG_IGN);
  g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
  limit = old;
  limit.rlim_cur = 2 * PIECE;
  use_hub("good");
  g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
  const gboolean done = sac_model_store_download(fixture->store, ID, NULL, NULL, NULL, &error);
  g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
  g_assert_false(done);
  assert_message(error, SAC_ERROR_NO_SPACE, "model.safetensors.part");
  g_clear_error(&error);
  g_assert_cmpint(part_size(fixture), ==, 2 * PIECE);
  download(fixture, "good");
  assert_installed(fixture, "clip-gelu-half");
  g_autofree char *log = requests();
  g_assert_nonnull(strstr(log, "bytes=200000-"));
}

static void
test_pinned(Fixture *fixture, gconstpointer data)
{
  static const char json[] =
      "{\"hub\": \"h\", \"models\": [{\"id\": \"a\", \"title\": \"t\", \"source\": \"o/r\", \"revisions\": [\"main\"], \"files\": \"f\"}],"
      " \"file_sets\": {\"f\": [{\"name\": \"model.safetensors\", \"sha256\": "
      "\"0000000000000000000000000000000000000000000000000000000000000000\"}]}}";
  GError *error = NULL;
  g_autoptr(SacManifest) manifest = sac_manifest_parse(json, -1, &error);
  g_autofree char *address = g_strconcat(hub_address, "/good", NULL);

  g_assert_no_error(error);
  g_mkdir_with_parents(fixture->directory, 0777);
  g_assert_false(
      sac_model_fetch(address, sac_manifest_find(manifest, "a"), fixture->directory, NULL, NULL, NULL, &error));
  assert_message(error, SAC_ERROR_INVALID_FILE, "another file");
  g_clear_error(&error);
}

typedef struct {
  GMainLoop *loop;
  Watch watch;
  GError *error;
  gboolean done;
} Waiting;

static void
watch_on_main(const SacModelProgress *progress, gpointer user_data)
{
  g_assert_true(g_main_context_is_owner(g_main_context_default()));
  watch(progress, &((Waiting *)user_data)->watch);
}

static void
finished(GObject *source, GAsyncResult *result, gpointer user_data)
{
  Waiting *waiting = user_data;

  waiting->done = sac_model_store_download_finish(SAC_MODEL_STORE(source), result, &waiting->error);
  g_main_loop_quit(waiting->loop);
}

static void
test_async(Fixture *fixture, gconstpointer data)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  Waiting waiting = { .loop = g_main_loop_new(NULL, FALSE),
                      .watch = { .cancel_at = PIECE, .cancellable = cancellable } };

  use_hub("slow");
  sac_model_store_download_async(fixture->store, ID, watch_on_main, &waiting, cancellable, finished, &waiting);
  g_main_loop_run(waiting.loop);
  g_assert_error(waiting.error, SAC_ERROR, SAC_ERROR_CANCELLED);
  g_clear_error(&waiting.error);

  waiting.watch = (Watch){ 0 };
  sac_model_store_download_async(fixture->store, ID, watch_on_main, &waiting, NULL, finished, &waiting);
  g_main_loop_run(waiting.loop);
  g_assert_no_error(waiting.error);
  g_assert_true(waiting.done);
  g_assert_cmpuint(waiting.watch.calls, >, 2);
  assert_installed(fixture, "clip-gelu-half");
  g_main_loop_unref(waiting.loop);
}

/* ---- Running ----------------------------------------------------------------------------------------------------------- */

static void
start_hub(void)
{
  g_autofree char *folder = checkpoint("clip-gelu-half"), *other = checkpoint("clip-quick-gelu");
  g_autoptr(GDataInputStream) output = NULL;
  GError *error = NULL;

  hub = g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, "python3", script,
                         folder, other, request_log, NULL);
  g_assert_no_error(error);
  output = g_data_input_stream_new(g_subprocess_get_stdout_pipe(hub));
  g_autofree char *port = g_data_input_stream_read_line(output, NULL, NULL, &error);
  g_assert_no_error(error);
  hub_address = g_strdup_printf("http://127.0.0.1:%s", port);
}

#define ADD(name, data, function) g_test_add("/models/" name, Fixture, data, set_up, function, tear_down)

int
main(int argc, char **argv)
{
  GError *error = NULL;

  /* Neither the machine's proxy nor its models have a say here. */
  g_setenv("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  g_unsetenv("SACCADE_MODELS");
  g_setenv("XDG_DATA_DIRS", "/nonexistent", TRUE);
  g_test_init(&argc, &argv, NULL);
  g_assert_cmpint(argc, ==, 3);
  script = argv[1];
  checkpoints = argv[2];
  scratch = g_dir_make_tmp("saccade-models-XXXXXX", &error);
  g_assert_no_error(error);
  g_setenv("XDG_DATA_HOME", scratch, TRUE);
  request_log = g_build_filename(scratch, "requests", NULL);
  start_hub();

  g_test_add_func("/models/ids", test_ids);
  g_test_add_func("/models/manifest", test_manifest);
  ADD("add-and-remove", NULL, test_add_and_remove);
  ADD("open-clip", NULL, test_open_clip);
  ADD("list", NULL, test_list);
  ADD("refused", NULL, test_refused);
  ADD("locked", NULL, test_locked);
  ADD("download", NULL, test_download);
  ADD("resume", NULL, test_resume);
  ADD("changed", NULL, test_changed);
  ADD("spoiled-part", NULL, test_spoiled_part);
  ADD("cut", NULL, test_cut);
  ADD("no-range", "no-range", test_succeeds);
  ADD("wrong-range", "wrong-range", test_succeeds);
  ADD("busy", "busy", test_succeeds);
  ADD("revision", NULL, test_revision);
  for (guint i = 0; i < G_N_ELEMENTS(failures); i++) {
    g_autofree char *name = g_strconcat("/models/fails/", failures[i].behaviour, NULL);
    g_test_add(name, Fixture, &failures[i], set_up, test_fails, tear_down);
  }
  ADD("offline", NULL, test_offline);
  ADD("disk-full", NULL, test_disk_full);
  ADD("pinned", NULL, test_pinned);
  ADD("async", NULL, test_async);
  const int status = g_test_run();

  g_output_stream_close(g_subprocess_get_stdin_pipe(hub), NULL, NULL);
  g_subprocess_wait(hub, NULL, NULL);
  sac_model_remove_folder(scratch, NULL);
  return status;
}
