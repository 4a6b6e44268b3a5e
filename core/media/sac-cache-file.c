/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-cache-file.h"

#include <glib/gstdio.h>
#include <string.h>
#include <utime.h>

#define HEAD_BYTES 16
#define SUM_BYTES 32

static void
sum_of(gconstpointer content, gsize size, guint8 *sum)
{
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  gsize length = SUM_BYTES;

  g_checksum_update(checksum, content, (gssize)size);
  g_checksum_get_digest(checksum, sum, &length);
}

GBytes *
sac_cache_file_load(const char *path, const char *kind)
{
  g_autofree char *content = NULL;
  guint8 sum[SUM_BYTES];
  guint64 length;
  gsize size;

  if (!g_file_get_contents(path, &content, &size, NULL) || size < HEAD_BYTES + SUM_BYTES || memcmp(content, kind, 8))
    return NULL;
  memcpy(&length, content + 8, sizeof length);
  if (GUINT64_FROM_LE(length) != size - HEAD_BYTES - SUM_BYTES)
    return NULL;
  sum_of(content, size - SUM_BYTES, sum);
  if (memcmp(content + size - SUM_BYTES, sum, SUM_BYTES) != 0)
    return NULL;
  g_utime(path, NULL);
  g_autoptr(GBytes) all = g_bytes_new_take(g_steal_pointer(&content), size);
  return g_bytes_new_from_bytes(all, HEAD_BYTES, size - HEAD_BYTES - SUM_BYTES);
}

gboolean
sac_cache_file_save(const char *path, const char *kind, gconstpointer content, gsize size)
{
  const gsize total = HEAD_BYTES + size + SUM_BYTES;
  g_autofree guint8 *file = g_try_malloc(total);
  g_autofree char *folder = g_path_get_dirname(path);
  const guint64 length = GUINT64_TO_LE((guint64)size);

  g_return_val_if_fail(strlen(kind) == 8, FALSE);
  if (!file || g_mkdir_with_parents(folder, 0700) != 0)
    return FALSE;
  memcpy(file, kind, 8);
  memcpy(file + 8, &length, sizeof length);
  memcpy(file + HEAD_BYTES, content, size);
  sum_of(file, HEAD_BYTES + size, file + HEAD_BYTES + size);
  return g_file_set_contents(path, (const char *)file, (gssize)total, NULL);
}

/* ---- How much there may be ------------------------------------------------------------------------------------------------ */

typedef struct {
  char *path;
  gint64 bytes, used;
} StoredFile;

static void
stored_file_clear(gpointer data)
{
  g_free(((StoredFile *)data)->path);
}

static int
compare_age(gconstpointer a, gconstpointer b)
{
  const StoredFile *first = a, *second = b;

  return (first->used > second->used) - (first->used < second->used);
}

static gint64
list_files(const char *directory, guint depth, GArray *files)
{
  g_autoptr(GDir) folder = g_dir_open(directory, 0, NULL);
  const char *name;
  gint64 total = 0;

  while (folder && (name = g_dir_read_name(folder))) {
    StoredFile file = { .path = g_build_filename(directory, name, NULL) };
    GStatBuf about;

    if (g_lstat(file.path, &about) == 0 && S_ISREG(about.st_mode)) {
      file.bytes = about.st_size;
      file.used = about.st_mtim.tv_sec;
      total += file.bytes;
      g_array_append_val(files, file);
      continue;
    }
    if (S_ISDIR(about.st_mode) && depth > 0)
      total += list_files(file.path, depth - 1, files);
    stored_file_clear(&file);
  }
  return total;
}

void
sac_cache_folder_prune(const char *directory, gint64 bytes)
{
  g_autoptr(GArray) files = g_array_new(FALSE, FALSE, sizeof(StoredFile));

  g_array_set_clear_func(files, stored_file_clear);
  gint64 total = list_files(directory, 3, files);
  if (total <= bytes)
    return;
  g_array_sort(files, compare_age);
  for (guint i = 0; i < files->len && total > bytes / 4 * 3; i++) {
    const StoredFile *file = &g_array_index(files, StoredFile, i);

    if (g_unlink(file->path) == 0) {
      g_autofree char *folder = g_path_get_dirname(file->path);

      total -= file->bytes;
      if (strcmp(folder, directory) != 0)
        g_rmdir(folder); /* if it is empty now */
    }
  }
}
