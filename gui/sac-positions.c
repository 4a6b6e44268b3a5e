/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-positions.h"

#include <glib/gstdio.h>

/* So many files are remembered; the oldest are forgotten first. */
#define MOST_FILES 500
/* Who leaves a film in its last moments has seen it. */
#define EDGE_US (5 * G_USEC_PER_SEC)
#define GROUP "positions"

struct _SacPositions {
  GObject parent_instance;
  char *file;
  GKeyFile *keys;                /* path's checksum → [microseconds, when it was left] */
  gboolean is_writing, is_newer; /* than what is being written */
};

G_DEFINE_FINAL_TYPE(SacPositions, sac_positions, G_TYPE_OBJECT)

static void
read_thread(GTask *task, gpointer source, gpointer file, GCancellable *cancellable)
{
  GKeyFile *keys = g_key_file_new();
  g_key_file_load_from_file(keys, file, G_KEY_FILE_NONE, NULL);
  g_task_return_pointer(task, keys, (GDestroyNotify)g_key_file_unref);
}

/* What was told before the file was read is newer. */
static void
on_read(GObject *source, GAsyncResult *result, gpointer data)
{
  SacPositions *positions = SAC_POSITIONS(source);
  g_autoptr(GKeyFile) read = g_task_propagate_pointer(G_TASK(result), NULL);
  g_auto(GStrv) names = read ? g_key_file_get_keys(read, GROUP, NULL, NULL) : NULL;
  for (char **name = names; name && *name; name++) {
    if (!g_key_file_has_key(positions->keys, GROUP, *name, NULL)) {
      g_autofree char *value = g_key_file_get_value(read, GROUP, *name, NULL);
      g_key_file_set_value(positions->keys, GROUP, *name, value);
    }
  }
}

static void
write_thread(GTask *task, gpointer source, gpointer content, GCancellable *cancellable)
{
  SacPositions *positions = source;
  g_autofree char *folder = g_path_get_dirname(positions->file);
  g_mkdir_with_parents(folder, 0700);
  g_file_set_contents_full(positions->file, content, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
  g_task_return_boolean(task, TRUE);
}

static void on_written(GObject *source, GAsyncResult *result, gpointer application);

/* At the program's end it is waited for: the application holds on until then. */
static void
save(SacPositions *positions)
{
  if (positions->is_writing) {
    positions->is_newer = TRUE;
    return;
  }
  GApplication *application = g_application_get_default();
  g_autoptr(GTask) task = g_task_new(positions, NULL, on_written, application);
  positions->is_writing = TRUE;
  positions->is_newer = FALSE;
  g_application_hold(application);
  g_task_set_task_data(task, g_key_file_to_data(positions->keys, NULL, NULL), g_free);
  g_task_run_in_thread(task, write_thread);
}

static void
on_written(GObject *source, GAsyncResult *result, gpointer application)
{
  SacPositions *positions = SAC_POSITIONS(source);
  positions->is_writing = FALSE;
  if (positions->is_newer) {
    save(positions);
  }
  g_application_release(application);
}

static char *
name_of(const char *path)
{
  return g_compute_checksum_for_string(G_CHECKSUM_SHA256, path, -1);
}

static gint64
get_number(SacPositions *positions, const char *name, gsize which)
{
  gsize count = 0;
  g_auto(GStrv) numbers = g_key_file_get_string_list(positions->keys, GROUP, name, &count, NULL);
  return count > which ? g_ascii_strtoll(numbers[which], NULL, 10) : 0;
}

static void
forget_oldest(SacPositions *positions)
{
  gsize count = 0;
  g_auto(GStrv) names = g_key_file_get_keys(positions->keys, GROUP, &count, NULL);
  const char *oldest = NULL;
  gint64 when = G_MAXINT64;
  for (gsize i = 0; count > MOST_FILES && i < count; i++) {
    gint64 left = get_number(positions, names[i], 1);
    if (left < when) {
      when = left;
      oldest = names[i];
    }
  }
  if (oldest) {
    g_key_file_remove_key(positions->keys, GROUP, oldest, NULL);
  }
}

gint64
sac_positions_get(SacPositions *positions, const char *path)
{
  g_autofree char *name = name_of(path);
  return MAX(get_number(positions, name, 0), 0);
}

void
sac_positions_set(SacPositions *positions, const char *path, gint64 position_us, gint64 duration_us)
{
  g_autofree char *name = name_of(path);
  if (position_us < EDGE_US || position_us > duration_us - EDGE_US) {
    if (!g_key_file_remove_key(positions->keys, GROUP, name, NULL)) {
      return;
    }
  } else {
    g_autofree char *value =
        g_strdup_printf("%" G_GINT64_FORMAT ";%" G_GINT64_FORMAT ";", position_us, g_get_real_time() / G_USEC_PER_SEC);
    g_key_file_set_value(positions->keys, GROUP, name, value);
    forget_oldest(positions);
  }
  save(positions);
}

static void
sac_positions_finalize(GObject *object)
{
  SacPositions *positions = SAC_POSITIONS(object);
  g_key_file_unref(positions->keys);
  g_free(positions->file);
  G_OBJECT_CLASS(sac_positions_parent_class)->finalize(object);
}

static void
sac_positions_class_init(SacPositionsClass *class)
{
  G_OBJECT_CLASS(class)->finalize = sac_positions_finalize;
}

static void
sac_positions_init(SacPositions *positions)
{
  positions->file = g_build_filename(g_get_user_data_dir(), "saccade", "positions.ini", NULL);
  positions->keys = g_key_file_new();
}

SacPositions *
sac_positions_new(void)
{
  SacPositions *positions = g_object_new(SAC_TYPE_POSITIONS, NULL);
  g_autoptr(GTask) task = g_task_new(positions, NULL, on_read, NULL);
  g_task_set_task_data(task, g_strdup(positions->file), g_free);
  g_task_run_in_thread(task, read_thread);
  return positions;
}
