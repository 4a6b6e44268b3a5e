/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/sac-error.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <stdarg.h>

G_DEFINE_QUARK(sac - error - quark, sac_error)

static SacError
error_code_from_compute(enum compute_status status)
{
  switch (status) {
  case COMPUTE_ERROR_NO_VULKAN:
  case COMPUTE_ERROR_NO_DEVICE:
  case COMPUTE_ERROR_DEVICE_LOST:
    return SAC_ERROR_DEVICE;
  case COMPUTE_ERROR_UNSUPPORTED:
  case COMPUTE_ERROR_LIMIT:
    return SAC_ERROR_UNSUPPORTED;
  case COMPUTE_ERROR_OUT_OF_MEMORY:
    return SAC_ERROR_NO_SPACE;
  case COMPUTE_ERROR_INVALID_FILE:
  case COMPUTE_ERROR_SHAPE:
    return SAC_ERROR_INVALID_FILE;
  case COMPUTE_ERROR_NOT_FOUND:
    return SAC_ERROR_NOT_FOUND;
  case COMPUTE_ERROR_IO:
  case COMPUTE_OK:
    break;
  }
  return SAC_ERROR_FAILED;
}

void
sac_error_set_from_compute(GError **error, const struct compute_error *compute)
{
  g_assert(compute->status != COMPUTE_OK);
  /* The message may quote bytes of a file; a GError must be UTF-8. */
  g_autofree char *message = g_utf8_make_valid(compute->message, -1);
  g_set_error_literal(error, SAC_ERROR, error_code_from_compute(compute->status), message);
}

void
sac_error_set_from_errno(GError **error, int number, const char *format, ...)
{
  SacError code = SAC_ERROR_FAILED;
  switch (number) {
  case ENOENT:
  case ENOTDIR:
    code = SAC_ERROR_NOT_FOUND;
    break;
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
  case ENOMEM:
    code = SAC_ERROR_NO_SPACE;
    break;
  case EROFS:
  case EACCES:
  case EPERM:
    code = SAC_ERROR_READ_ONLY;
    break;
  default:
    break;
  }
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *what = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  const char *way_out =
      number == EACCES || number == EPERM ? _(": its owner or an administrator can give you permission") : "";
  g_set_error(error, SAC_ERROR, code, "%s: %s%s", what, g_strerror(number), way_out);
}

gboolean
sac_error_is_cancelled(const GError *error)
{
  return g_error_matches(error, SAC_ERROR, SAC_ERROR_CANCELLED) ||
         g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

gboolean
sac_cancelled(GCancellable *cancellable, GError **error)
{
  if (!g_cancellable_is_cancelled(cancellable))
    return FALSE;
  g_set_error_literal(error, SAC_ERROR, SAC_ERROR_CANCELLED, _("Cancelled"));
  return TRUE;
}
