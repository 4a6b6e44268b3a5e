/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/export/sac-part-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sac-error.h"

/* The longest name that Linux's file systems hold. */
#define MAX_NAME 255

static void
set_exists(GError **error, const char *path)
{
  g_set_error(error, SAC_ERROR, SAC_ERROR_EXISTS,
              _("%s is there already; choose another name, or ask for it to be overwritten"), path);
}

/* Opens and locks the part file. A program that has just finished with it may have renamed or removed it between the two: then what is
   locked is not what has the name, and it is tried again. */
static int
open_locked(const char *part, const char *path, GError **error)
{
  for (;;) {
    struct stat ours, named;
    const int descriptor = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);

    if (descriptor < 0) {
      sac_error_set_from_errno(error, errno, _("%s cannot be written"), path);
      return -1;
    }
    if (flock(descriptor, LOCK_EX | LOCK_NB) < 0) {
      g_set_error(error, SAC_ERROR, SAC_ERROR_LOCKED, _("%s is being written by another program; wait for it to end"),
                  path);
      close(descriptor);
      return -1;
    }
    if (fstat(descriptor, &ours) == 0 && stat(part, &named) == 0 && ours.st_ino == named.st_ino &&
        ours.st_dev == named.st_dev) {
      if (ftruncate(descriptor, 0) == 0)
        return descriptor;
      sac_error_set_from_errno(error, errno, _("%s cannot be written"), path);
      close(descriptor);
      return -1;
    }
    close(descriptor);
  }
}

SacPartFile *
sac_part_file_open(const char *path, gboolean overwrite, GError **error)
{
  g_autofree char *folder = g_path_get_dirname(path), *name = g_path_get_basename(path);
  g_autofree char *hidden = g_strdup_printf(".%s.saccade.part", name);
  struct stat about;

  if (g_str_has_suffix(path, G_DIR_SEPARATOR_S) || g_file_test(path, G_FILE_TEST_IS_DIR)) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_EXISTS, _("%s is a folder; give the file a name of its own"), path);
    return NULL;
  }
  if (strlen(hidden) > MAX_NAME) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE, _("%s: the name is too long; choose one of fewer than 230 bytes"),
                path);
    return NULL;
  }
  if (!overwrite && lstat(path, &about) == 0) {
    set_exists(error, path);
    return NULL;
  }
  g_autofree char *part = g_build_filename(folder, hidden, NULL);
  const int descriptor = open_locked(part, path, error);
  if (descriptor < 0)
    return NULL;
  SacPartFile *file = g_new0(SacPartFile, 1);
  file->path = g_strdup(path);
  file->part = g_steal_pointer(&part);
  file->descriptor = descriptor;
  file->overwrite = overwrite;
  return file;
}

/* renameat2() is missing from some file systems; a link is as atomic where there are links. */
static int
rename_to_free_name(const char *part, const char *path)
{
  if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
    return 0;
  if (errno != EINVAL && errno != ENOSYS)
    return -1;
  if (link(part, path) == 0) {
    unlink(part);
    return 0;
  }
  if (errno == EEXIST || (errno != EPERM && errno != EOPNOTSUPP))
    return -1;
  if (access(path, F_OK) == 0) {
    errno = EEXIST;
    return -1;
  }
  return rename(part, path);
}

/* A rename is on the disk when its folder is. */
static void
sync_folder(const char *path)
{
  g_autofree char *folder = g_path_get_dirname(path);
  const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (descriptor >= 0) {
    fsync(descriptor);
    close(descriptor);
  }
}

gboolean
sac_part_file_commit(SacPartFile *file, GError **error)
{
  if (fsync(file->descriptor) < 0) {
    sac_error_set_from_errno(error, errno, _("%s cannot be written"), file->path);
    return FALSE;
  }
  const int status = file->overwrite ? rename(file->part, file->path) : rename_to_free_name(file->part, file->path);
  if (status < 0) {
    if (errno == EEXIST)
      set_exists(error, file->path);
    else
      sac_error_set_from_errno(error, errno, _("%s cannot be written"), file->path);
    return FALSE;
  }
  g_clear_pointer(&file->part, g_free);
  sync_folder(file->path);
  return TRUE;
}

void
sac_part_file_free(SacPartFile *file)
{
  if (!file)
    return;
  if (file->part)
    unlink(file->part);
  close(file->descriptor);
  g_free(file->part);
  g_free(file->path);
  g_free(file);
}

gboolean
sac_part_file_write_text(const char *path, const char *text, gboolean overwrite, GError **error)
{
  g_autoptr(SacPartFile) file = sac_part_file_open(path, overwrite, error);
  gsize left = strlen(text);

  if (!file)
    return FALSE;
  while (left > 0) {
    const ssize_t written = write(file->descriptor, text, left);

    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0) {
      sac_error_set_from_errno(error, errno, _("%s cannot be written"), path);
      return FALSE;
    }
    text += written;
    left -= (gsize)written;
  }
  return sac_part_file_commit(file, error);
}
