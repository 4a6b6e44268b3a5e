/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/library/sac-vectors-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sac-error.h"

G_STATIC_ASSERT(G_BYTE_ORDER == G_LITTLE_ENDIAN);

G_DEFINE_BOXED_TYPE(SacVectors, sac_vectors, sac_vectors_ref, sac_vectors_unref)

struct header {
  char magic[8];
  guint32 version, dimensions, element, reserved;
  char model[128];
  guint64 checksum;
};
G_STATIC_ASSERT(sizeof(struct header) == 160);

static const char magic[8] = { 'S', 'a', 'c', 'V', 'e', 'c', '0', '1' };

guint16
sac_half_from_float(float value)
{
  union {
    float f;
    guint32 u;
  } in = { value };
  guint16 sign = in.u >> 16 & 0x8000;
  guint32 magnitude = in.u & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return sign | 0x7e00;
  if (magnitude >= 0x477ff000)
    return sign | 0x7c00;     /* 65520 and more round past the largest half */
  if (magnitude < 0x38800000) /* 2^-14, the least normal half */
    return sign;
  /* Rebias, then round to nearest even on the 13 bits that go; a carry runs into the exponent as it should. */
  guint32 rounded = magnitude - 0x38000000 + 0x0fff + (magnitude >> 13 & 1);
  return sign | rounded >> 13;
}

float
sac_half_to_float(guint16 half)
{
  union {
    guint32 u;
    float f;
  } out;
  guint32 magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00) {
    out.u = 0x7f800000 | (magnitude & 0x3ff) << 13;
  } else {
    out.u = magnitude << 13;
    out.f *= 0x1p112f; /* moves the exponent's bias, and normalises subnormals */
  }
  out.u |= (guint32)(half & 0x8000) << 16;
  return out.f;
}

void
sac_vectors_read_row(const SacVectors *vectors, gsize row, float *out)
{
  const guint16 *from = vectors->rows + row * vectors->dimensions;
  for (gsize i = 0; i < vectors->dimensions; i++)
    out[i] = sac_half_to_float(from[i]);
}

static inline guint64
rotate(guint64 value, unsigned bits)
{
  return value << bits | value >> (64 - bits);
}

guint64
sac_vectors_checksum(const void *data, gsize bytes)
{
  const guint8 *at = data;
  guint64 lanes[4] = { 0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9, 0x27d4eb2f165667c5 };
  gsize rest = bytes;
  for (; rest >= 32; rest -= 32, at += 32) {
    guint64 words[4];
    memcpy(words, at, sizeof words);
    for (int i = 0; i < 4; i++)
      lanes[i] = rotate(lanes[i] ^ words[i] * 0xc2b2ae3d27d4eb4f, 31) * 0x9e3779b97f4a7c15;
  }
  guint64 sum = bytes;
  for (int i = 0; i < 4; i++)
    sum = rotate(sum ^ lanes[i], 27) * 0x9e3779b97f4a7c15 + i;
  for (; rest > 0; rest--, at++)
    sum = rotate(sum ^ *at, 11) * 0xc2b2ae3d27d4eb4f;
  sum ^= sum >> 33;
  sum *= 0xff51afd7ed558ccd;
  return sum ^ sum >> 29;
}

static gboolean
write_all(int fd, const void *data, gsize bytes, gint64 offset)
{
  const guint8 *at = data;
  while (bytes > 0) {
    ssize_t done = pwrite(fd, at, bytes, offset);
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0) {
      if (done == 0)
        errno = ENOSPC;
      return FALSE;
    }
    at += done;
    offset += done;
    bytes -= done;
  }
  return TRUE;
}

static void
sync_folder_of(const char *path)
{
  g_autofree char *folder = g_path_get_dirname(path);
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return;
  fsync(fd);
  close(fd);
}

gboolean
sac_vectors_file_create(const char *path, const char *model, gsize dimensions, GError **error)
{
  struct header header = { .version = 1, .dimensions = dimensions, .element = 1 };
  memcpy(header.magic, magic, sizeof magic);
  g_strlcpy(header.model, model, sizeof header.model);
  header.checksum = sac_vectors_checksum(&header, G_STRUCT_OFFSET(struct header, checksum));

  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0 || ftruncate(fd, SAC_VECTORS_HEADER_BYTES) != 0 || !write_all(fd, &header, sizeof header, 0) ||
      fsync(fd) != 0) {
    int number = errno;
    if (fd >= 0) {
      close(fd);
      unlink(path);
    }
    sac_error_set_from_errno(error, number, _("The vectors file “%s” cannot be made"), path);
    return FALSE;
  }
  close(fd);
  sync_folder_of(path);
  return TRUE;
}

int
sac_vectors_file_open(const char *path, const char *model, gsize dimensions, gboolean writable, GError **error)
{
  int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
  if (fd < 0) {
    int number = errno;
    if (number == ENOENT)
      g_set_error(
          error, SAC_ERROR, SAC_ERROR_CORRUPT,
          _("The vectors file “%s” is gone: put it back, or run “saccade library check --repair” and index again"),
          path);
    else
      sac_error_set_from_errno(error, number, _("The vectors file “%s” cannot be opened"), path);
    return -1;
  }
  struct header header = { 0 };
  ssize_t got = pread(fd, &header, sizeof header, 0);
  const char *wrong = NULL;
  if (got != sizeof header || memcmp(header.magic, magic, sizeof magic) != 0)
    wrong = _("does not begin as one");
  else if (header.version != 1) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_NEWER_VERSION,
                _("The vectors file “%s” was made by a newer Saccade (its version is %u): update Saccade"), path,
                header.version);
    close(fd);
    return -1;
  } else if (header.checksum != sac_vectors_checksum(&header, G_STRUCT_OFFSET(struct header, checksum)))
    wrong = _("has a damaged header");
  else if (header.element != 1 || header.dimensions != dimensions ||
           strncmp(header.model, model, sizeof header.model) != 0)
    wrong = _("is another model's");
  if (wrong != NULL) {
    g_set_error(
        error, SAC_ERROR, SAC_ERROR_CORRUPT,
        _("The vectors file “%s” %s: put a copy of it back, or run “saccade library check --repair” and index again"),
        path, wrong);
    close(fd);
    return -1;
  }
  return fd;
}

gint64
sac_vectors_file_rows(int fd, gsize dimensions)
{
  struct stat status;
  if (fstat(fd, &status) != 0 || status.st_size < SAC_VECTORS_HEADER_BYTES)
    return 0;
  return (status.st_size - SAC_VECTORS_HEADER_BYTES) / (gint64)(dimensions * sizeof(guint16));
}

gboolean
sac_vectors_file_truncate(int fd, gsize dimensions, gsize rows)
{
  return ftruncate(fd, SAC_VECTORS_HEADER_BYTES + (gint64)(rows * dimensions * sizeof(guint16))) == 0;
}

gboolean
sac_vectors_file_write(int fd, const char *path, gsize dimensions, gsize first, gsize n, const guint16 *rows,
                       GError **error)
{
  gsize row_bytes = dimensions * sizeof *rows;
  if (write_all(fd, rows, n * row_bytes, SAC_VECTORS_HEADER_BYTES + (gint64)(first * row_bytes)) && fdatasync(fd) == 0)
    return TRUE;
  int number = errno;
  /* What was written is not referred to; giving its room back only matters on a full disk. */
  if (!sac_vectors_file_truncate(fd, dimensions, first))
    g_debug("%s: the torn tail stays until the next opening: %s", path, g_strerror(errno));
  if (number == ENOSPC || number == EDQUOT || number == EFBIG)
    g_set_error(error, SAC_ERROR, SAC_ERROR_NO_SPACE,
                _("The disk is full: “%s” cannot grow. Nothing was lost; make room and go on"), path);
  else
    sac_error_set_from_errno(error, number, _("The vectors file “%s” cannot be written"), path);
  return FALSE;
}

SacVectorsSnapshot *
sac_vectors_snapshot_new(const char *model, gsize dimensions, guint64 generation)
{
  SacVectorsSnapshot *snapshot = g_new0(SacVectorsSnapshot, 1);
  g_atomic_ref_count_init(&snapshot->references);
  snapshot->public.model = g_strdup(model);
  snapshot->public.dimensions = dimensions;
  snapshot->public.generation = generation;
  return snapshot;
}

gboolean
sac_vectors_snapshot_map(SacVectorsSnapshot *snapshot, int fd, gsize rows)
{
  gsize bytes = SAC_VECTORS_HEADER_BYTES + rows * snapshot->public.dimensions * sizeof(guint16);
  void *mapping = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (mapping == MAP_FAILED)
    return FALSE;
  madvise(mapping, bytes, MADV_WILLNEED);
  snapshot->mapping = mapping;
  snapshot->mapped_bytes = bytes;
  snapshot->public.rows = (const guint16 *)((const guint8 *)mapping + SAC_VECTORS_HEADER_BYTES);
  snapshot->public.count = rows;
  return TRUE;
}

SacVectors *
sac_vectors_new_from_memory(const char *model, guint16 *rows, gsize count, gsize dimensions)
{
  SacVectorsSnapshot *snapshot = sac_vectors_snapshot_new(model, dimensions, 0);
  gint64 *times = g_new(gint64, count), *video_ids = g_new(gint64, count);
  for (gsize i = 0; i < count; i++) {
    times[i] = (gint64)i * G_USEC_PER_SEC;
    video_ids[i] = 1;
  }
  SacVectorsRun run = { .video_id = 1, .analysis_id = 1, .interval_us = G_USEC_PER_SEC, .first = 0, .count = count };
  snapshot->public.rows = rows;
  snapshot->public.count = count;
  snapshot->public.times = times;
  snapshot->public.video_ids = video_ids;
  snapshot->public.runs = g_memdup2(&run, sizeof run);
  snapshot->public.n_runs = count > 0;
  return &snapshot->public;
}

SacVectors *
sac_vectors_ref(SacVectors *vectors)
{
  g_atomic_ref_count_inc(&((SacVectorsSnapshot *)vectors)->references);
  return vectors;
}

void
sac_vectors_unref(SacVectors *vectors)
{
  SacVectorsSnapshot *snapshot = (SacVectorsSnapshot *)vectors;
  if (snapshot == NULL || !g_atomic_ref_count_dec(&snapshot->references))
    return;
  if (snapshot->mapping != NULL)
    munmap(snapshot->mapping, snapshot->mapped_bytes);
  else
    g_free((void *)vectors->rows);
  g_free((void *)vectors->times);
  g_free((void *)vectors->video_ids);
  g_free((void *)vectors->runs);
  g_free(vectors->model);
  g_free(snapshot);
}
