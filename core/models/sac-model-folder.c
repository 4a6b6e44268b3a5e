/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute/networks/networks.h"
#include "compute/text/tokenizer.h"
#include "compute/weights/weights.h"
#include "core/models/sac-model-private.h"
#include "core/sac-error.h"

void
sac_model_propagate(GError **error, GError *taken, const char *format, ...)
{
  g_autoptr(GError) reason = taken;
  SacError code = SAC_ERROR_FAILED;
  va_list arguments;

  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  if (g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_CANCELLED, "Cancelled");
    return;
  }
  if (g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_NO_SPACE))
    code = SAC_ERROR_NO_SPACE;
  else if (g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    code = SAC_ERROR_NOT_FOUND;
  else if (g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED) ||
           g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_READ_ONLY))
    code = SAC_ERROR_READ_ONLY;
  g_set_error(error, SAC_ERROR, code, "%s: %s", what, reason->message);
}

/* ---- Checking ---------------------------------------------------------------------------------------------------------- */

static gboolean
check_weights(const char *folder, GCancellable *cancellable, GError **error)
{
  const char *const name = model_find_files(folder).weights;
  g_autofree char *path = g_build_filename(folder, name, NULL);
  struct compute_error reason;
  struct weights_file *file;
  gboolean good = TRUE;

  if (weights_open(path, &file, &reason)) {
    if (reason.status == COMPUTE_ERROR_NOT_FOUND)
      g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND,
                  "%s: no %s there; a checkpoint of another format or in several parts must be converted first", folder,
                  name);
    else
      sac_error_set_from_compute(error, &reason);
    return FALSE;
  }
  if (weights_count(file) == 0) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE, "%s: there are no tensors in it", path);
    good = FALSE;
  }
  for (guint64 i = 0; good && i < weights_count(file); i++) {
    const struct weights_tensor *tensor = weights_at(file, i);

    good = !sac_cancelled(cancellable, error);
    if (good && tensor->type != WEIGHTS_OTHER && weights_check_finite(tensor, &reason)) {
      g_autofree char *message = g_utf8_make_valid(reason.message, -1);
      g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE, "%s: %s", path, message);
      good = FALSE;
    }
  }
  weights_close(&file);
  return good;
}

gboolean
sac_model_check_folder(const char *folder, GCancellable *cancellable, GError **error)
{
  struct compute_error reason;
  struct model_info info;
  struct tokenizer *tokenizer;

  if (model_read_info(folder, &info, &reason)) {
    sac_error_set_from_compute(error, &reason);
    return FALSE;
  }
  if (info.embeds_texts) {
    if (tokenizer_open(folder, &tokenizer, &reason)) {
      sac_error_set_from_compute(error, &reason);
      return FALSE;
    }
    tokenizer_close(&tokenizer);
  }
  return check_weights(folder, cancellable, error);
}

/* ---- Copying and removing ---------------------------------------------------------------------------------------------- */

static gboolean
sync_path(const char *path, int flags, GError **error)
{
  const int descriptor = open(path, flags | O_CLOEXEC);
  const gboolean synced = descriptor >= 0 && fsync(descriptor) == 0;

  if (!synced)
    sac_error_set_from_errno(error, errno, "%s", path);
  if (descriptor >= 0)
    close(descriptor);
  return synced;
}

/* Hub folders hold the same weights in other frameworks' formats; nothing here reads them. */
static gboolean
is_wanted(const char *name, const char *weights)
{
  static const char *const others[] = { ".bin",     ".pt",   ".pth",    ".ckpt", ".h5",
                                        ".msgpack", ".onnx", ".tflite", ".part", ".gguf" };

  for (guint i = 0; i < G_N_ELEMENTS(others); i++)
    if (g_str_has_suffix(name, others[i]))
      return FALSE;
  return name[0] != '.' && (!g_str_has_suffix(name, ".safetensors") || g_str_equal(name, weights));
}

gboolean
sac_model_copy_files(const char *from, const char *to, GCancellable *cancellable, GError **error)
{
  const char *const weights = model_find_files(from).weights;
  g_autoptr(GError) reason = NULL;
  g_autoptr(GDir) folder = g_dir_open(from, 0, &reason);
  const char *name;

  if (!folder) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, "%s: %s", from, reason->message);
    return FALSE;
  }
  while ((name = g_dir_read_name(folder))) {
    g_autofree char *source_path = g_build_filename(from, name, NULL);
    g_autofree char *target_path = g_build_filename(to, name, NULL);
    g_autoptr(GFile) source = g_file_new_for_path(source_path);
    g_autoptr(GFile) target = g_file_new_for_path(target_path);

    /* Follows links: the hub's own cache is a folder of them. */
    if (!is_wanted(name, weights) || !g_file_test(source_path, G_FILE_TEST_IS_REGULAR))
      continue;
    if (!g_file_copy(source, target, G_FILE_COPY_OVERWRITE | G_FILE_COPY_TARGET_DEFAULT_PERMS, cancellable, NULL, NULL,
                     &reason)) {
      sac_model_propagate(error, g_steal_pointer(&reason), "%s cannot be copied to %s", source_path, to);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean
sac_model_remove_folder(const char *path, GError **error)
{
  g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name(folder))) {
    g_autofree char *inside = g_build_filename(path, name, NULL);
    struct stat about;

    if (g_lstat(inside, &about) == 0 && S_ISDIR(about.st_mode)) {
      if (!sac_model_remove_folder(inside, error))
        return FALSE;
    } else if (g_unlink(inside) < 0) {
      sac_error_set_from_errno(error, errno, "%s cannot be removed", inside);
      return FALSE;
    }
  }
  if (g_rmdir(path) < 0 && errno != ENOENT) {
    sac_error_set_from_errno(error, errno, "%s cannot be removed", path);
    return FALSE;
  }
  return TRUE;
}

gint64
sac_model_folder_bytes(const char *path)
{
  g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
  const char *name;
  gint64 bytes = 0;

  while (folder && (name = g_dir_read_name(folder))) {
    g_autofree char *inside = g_build_filename(path, name, NULL);
    struct stat about;

    if (g_stat(inside, &about) == 0 && S_ISREG(about.st_mode))
      bytes += about.st_size;
  }
  return bytes;
}

/* ---- Staging ----------------------------------------------------------------------------------------------------------- */

gboolean
sac_model_staging_open(SacModelStaging *staging, const char *directory, const char *id, GError **error)
{
  g_autofree char *name = g_strdup_printf(".%s.part", id);
  struct stat ours, theirs;

  staging->path = g_build_filename(directory, name, NULL);
  staging->lock = -1;
  if (g_mkdir_with_parents(staging->path, 0777) < 0) {
    sac_error_set_from_errno(error, errno, "%s cannot be made", staging->path);
    goto fail;
  }
  staging->lock = open(staging->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  /* Another program may have finished, and renamed the folder, between the opening and the locking. */
  if (staging->lock < 0 || flock(staging->lock, LOCK_EX | LOCK_NB) < 0 || fstat(staging->lock, &ours) < 0 ||
      g_stat(staging->path, &theirs) < 0 || ours.st_ino != theirs.st_ino) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_LOCKED,
                "The model “%s” is being added by another program just now; wait until it is done", id);
    goto fail;
  }
  return TRUE;

fail:
  if (staging->lock >= 0)
    close(staging->lock);
  staging->lock = -1;
  g_clear_pointer(&staging->path, g_free);
  return FALSE;
}

gboolean
sac_model_staging_commit(SacModelStaging *staging, const char *directory, const char *id, GError **error)
{
  g_autofree char *place = g_build_filename(directory, id, NULL);
  g_autoptr(GDir) folder = g_dir_open(staging->path, 0, NULL);
  const char *name;

  while (folder && (name = g_dir_read_name(folder))) {
    g_autofree char *inside = g_build_filename(staging->path, name, NULL);

    if (!sync_path(inside, O_RDONLY, error))
      return FALSE;
  }
  if (!sync_path(staging->path, O_RDONLY | O_DIRECTORY, error))
    return FALSE;
  if (g_file_test(place, G_FILE_TEST_EXISTS)) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_EXISTS, "%s is there already; remove it first, or use another id", place);
    return FALSE;
  }
  if (g_rename(staging->path, place) < 0) {
    sac_error_set_from_errno(error, errno, "%s cannot be renamed to %s", staging->path, place);
    return FALSE;
  }
  g_clear_pointer(&staging->path, g_free);
  return sync_path(directory, O_RDONLY | O_DIRECTORY, error);
}

void
sac_model_staging_close(SacModelStaging *staging, gboolean discard)
{
  if (staging->path && discard)
    sac_model_remove_folder(staging->path, NULL);
  if (staging->lock >= 0)
    close(staging->lock);
  staging->lock = -1;
  g_clear_pointer(&staging->path, g_free);
}
