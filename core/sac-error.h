/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "compute/status.h"

/*
 * What can go wrong in core, as GError.
 *
 * A message is one sentence in UTF-8 that names the thing (a file, a model, a device), what is wrong with it and, where there
 * is one, the way out; it can be shown as it is. The code is for programs that act on it: the window offers another folder for
 * READ_ONLY, a retry for LOCKED, and says nothing for CANCELLED.
 */

G_BEGIN_DECLS

typedef enum {
  SAC_ERROR_FAILED,        /* anything that has no code of its own */
  SAC_ERROR_NOT_FOUND,     /* a file, model, video or moment that must be there is not */
  SAC_ERROR_INVALID_FILE,  /* a file's content is not what its format says */
  SAC_ERROR_UNSUPPORTED,   /* the file or device is fine, but this program cannot do that with it */
  SAC_ERROR_NO_SPACE,      /* the disk, a quota or the memory is full */
  SAC_ERROR_READ_ONLY,     /* a file or folder that must be written cannot be */
  SAC_ERROR_LOCKED,        /* another program holds it; trying again later may do */
  SAC_ERROR_NEWER_VERSION, /* made by a newer Saccade */
  SAC_ERROR_CORRUPT,       /* the library's own files are damaged */
  SAC_ERROR_DEVICE,        /* no Vulkan device, or it was lost */
  SAC_ERROR_CANCELLED,     /* the user asked for it to end */
  SAC_ERROR_EXISTS,        /* it would overwrite something */
  SAC_ERROR_NETWORK,       /* a server could not be reached or answered wrongly */
  SAC_ERROR_USAGE,         /* wrong words on the command line: exit status 2 */
} SacError;

#define SAC_ERROR (sac_error_quark())
GQuark sac_error_quark(void);

/* Sets error (unless NULL) from what a function of compute wrote; the message is kept word for word. */
void sac_error_set_from_compute(GError **error, const struct compute_error *compute);

/* Sets error (unless NULL) from an errno value: ENOENT → NOT_FOUND, ENOSPC, EDQUOT and EFBIG → NO_SPACE, EROFS, EACCES and
 * EPERM → READ_ONLY, else FAILED. The message is the formatted words, a colon and the system's own words. */
void sac_error_set_from_errno(GError **error, int number, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* TRUE for SAC_ERROR_CANCELLED and G_IO_ERROR_CANCELLED. */
gboolean sac_error_is_cancelled(const GError *error);

/* g_cancellable_is_cancelled() as an error value: TRUE, and error is SAC_ERROR_CANCELLED, when it is. cancellable may be NULL. */
gboolean sac_cancelled(GCancellable *cancellable, GError **error);

G_END_DECLS
