/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/status.h"

#include <stdarg.h>
#include <stdio.h>

enum compute_status
compute_fail(struct compute_error *error, enum compute_status status, const char *format, ...)
{
  if (error) {
    va_list arguments;
    va_start(arguments, format);
    error->status = status;
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
  }
  return status;
}
