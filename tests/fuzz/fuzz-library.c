/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tests/fuzz/fuzz-library.h"

static GLogWriterOutput
say_nothing(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
  return G_LOG_WRITER_HANDLED;
}

/* One file of the sound library, with the damage that the input says: four bytes each, of which the first has the file and the upper bits of
   the place, two the lower bits, and the last what is flipped there. A letter S instead replaces the database by the input. */
static void
write_damaged(const char *path, const char *sound, gsize sound_size, gboolean vectors, const uint8_t *data, size_t size)
{
  g_autofree char *bytes = g_memdup2(sound, sound_size);

  if (size && data[0] == 'S' && !vectors) {
    FUZZ_ASSERT(g_file_set_contents(path, (const char *)data, (gssize)size, NULL));
    return;
  }
  for (size_t i = 0; i + 4 <= size; i += 4)
    if (!!(data[i] & 0x80) == vectors)
      bytes[((gsize)(data[i] & 0x7f) << 16 | (gsize)data[i + 1] << 8 | data[i + 2]) % sound_size] ^= (char)data[i + 3];
  /* An even number of bytes over: the file is cut short by as many sixteenths. */
  gsize kept = sound_size;
  if (size % 4 >= 2 && !!(data[size - 1] & 0x80) == vectors)
    kept = sound_size - sound_size / 16 * (data[size - 1] & 15);
  FUZZ_ASSERT(g_file_set_contents(path, bytes, (gssize)kept, NULL));
}

static void
release(GPtrArray *list)
{
  if (list)
    g_ptr_array_unref(list);
}

static void
use_library(const char *folder, SacLibraryFlags flags)
{
  g_autoptr(SacLibrary) library = sac_library_open(folder, flags, NULL);

  if (!library)
    return;
  release(sac_library_list_videos(library, NULL));
  release(sac_library_list_moments(library, 0, NULL, NULL));
  release(sac_library_match_text(library, "\"quick\"", 0, NULL, 10, NULL));
  g_autoptr(SacVectors) vectors = sac_library_get_vectors(library, LIBRARY_MODEL, NULL);
  /* Every row is read; the sanitizer sees one that is not there. */
  for (gsize i = 0; vectors && i < vectors->count; i++) {
    float row[LIBRARY_DIMENSIONS];

    FUZZ_ASSERT(vectors->dimensions == LIBRARY_DIMENSIONS && vectors->count <= LIBRARY_SAMPLES);
    sac_vectors_read_row(vectors, i, row);
  }
  release(sac_library_check(library, flags == SAC_LIBRARY_DEFAULT, NULL, NULL));
}

/* A library that is damaged anywhere is refused, mended or read; never more than that. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static char *folder, *database_path, *vectors_folder, *vectors_path, *database, *vectors;
  static gsize database_size, vectors_size;

  if (!folder) {
    g_autoptr(GDir) listing = NULL;

    g_log_set_writer_func(say_nothing, NULL, NULL);
    folder = make_library();
    database_path = g_build_filename(folder, "library.db", NULL);
    vectors_folder = g_build_filename(folder, "vectors", NULL);
    listing = g_dir_open(vectors_folder, 0, NULL);
    FUZZ_ASSERT(listing);
    vectors_path = g_build_filename(vectors_folder, g_dir_read_name(listing), NULL);
    FUZZ_ASSERT(g_file_get_contents(database_path, &database, &database_size, NULL));
    FUZZ_ASSERT(g_file_get_contents(vectors_path, &vectors, &vectors_size, NULL));
  }
  for (int i = 0; i < 2; i++) {
    g_autofree char *log = g_strconcat(database_path, i ? "-wal" : "-shm", NULL);
    g_unlink(log);
  }
  write_damaged(database_path, database, database_size, FALSE, data, size);
  write_damaged(vectors_path, vectors, vectors_size, TRUE, data, size);
  use_library(folder, SAC_LIBRARY_READ_ONLY);
  use_library(folder, SAC_LIBRARY_DEFAULT);
  return 0;
}
