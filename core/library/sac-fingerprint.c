/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/library/sac-library.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sac-error.h"

#define BLOCK_BYTES (64 * 1024)
#define END_BYTES (4 * BLOCK_BYTES) /* of the head and of the tail, where containers keep their tables */
#define SPREAD_BLOCKS 13
#define WHOLE_BYTES (4 * 1024 * 1024) /* files up to here are read whole */

static gboolean
hash_range(int fd, const char *path, gint64 offset, gint64 bytes, GChecksum *checksum, guint8 *buffer,
           GCancellable *cancellable, GError **error)
{
  while (bytes > 0) {
    if (sac_cancelled(cancellable, error))
      return FALSE;
    ssize_t got = pread(fd, buffer, MIN(bytes, BLOCK_BYTES), offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      sac_error_set_from_errno(error, errno, _("“%s” cannot be read"), path);
      return FALSE;
    }
    if (got == 0) {
      g_set_error(error, SAC_ERROR, SAC_ERROR_FAILED,
                  _("“%s” became shorter while it was read; index it when it is complete"), path);
      return FALSE;
    }
    g_checksum_update(checksum, buffer, got);
    offset += got;
    bytes -= got;
  }
  return TRUE;
}

char *
sac_library_fingerprint(const char *path, GCancellable *cancellable, GError **error)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    sac_error_set_from_errno(error, errno, _("“%s” cannot be opened"), path);
    return NULL;
  }
  g_autoptr(GChecksum) checksum = NULL;
  g_autofree guint8 *buffer = NULL;
  struct stat status;
  gboolean good = FALSE;
  if (fstat(fd, &status) != 0) {
    sac_error_set_from_errno(error, errno, _("“%s” cannot be examined"), path);
  } else if (!S_ISREG(status.st_mode)) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE, _("“%s” is not a regular file"), path);
  } else {
    gint64 size = status.st_size;
    g_autofree char *head = g_strdup_printf("saccade fingerprint 1, %" G_GINT64_FORMAT " bytes\n", size);
    checksum = g_checksum_new(G_CHECKSUM_SHA256);
    buffer = g_malloc(BLOCK_BYTES);
    g_checksum_update(checksum, (const guchar *)head, -1);
    if (size <= WHOLE_BYTES) {
      good = hash_range(fd, path, 0, size, checksum, buffer, cancellable, error);
    } else {
      good = hash_range(fd, path, 0, END_BYTES, checksum, buffer, cancellable, error);
      /* Block centres at 1/14 … 13/14 of the file: the seventh is its middle. */
      for (int i = 1; good && i <= SPREAD_BLOCKS; i++) {
        gint64 centre = size / (SPREAD_BLOCKS + 1) * i;
        good = hash_range(fd, path, centre - BLOCK_BYTES / 2, BLOCK_BYTES, checksum, buffer, cancellable, error);
      }
      good = good && hash_range(fd, path, size - END_BYTES, END_BYTES, checksum, buffer, cancellable, error);
    }
  }
  close(fd);
  return good ? g_strdup(g_checksum_get_string(checksum)) : NULL;
}
