/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Times as people read and write them. Inside the program every time is an int64 of microseconds; JSON has seconds with a
 * decimal point. All functions may be called from any thread and none depends on the locale.
 */

G_BEGIN_DECLS

#define SAC_SECOND G_GINT64_CONSTANT(1000000)

/* "0:12.480", "1:02:03.500": hours only when there are some, milliseconds rounded to the nearest. Negative: "-0:01.000". */
char *sac_time_format(gint64 time_us);

/* "00:00:12.480": what the command line prints. */
char *sac_time_format_full(gint64 time_us);

/* Reads "12.48", "1:02.5", "1:02:03.500" and ".5"; seconds and minutes below 60 where a larger unit stands before them, at
 * most nine digits in the leading one. Anything else is SAC_ERROR_USAGE naming the text. */
gboolean sac_time_parse(const char *text, gint64 *time_us, GError **error);

/* Microseconds as seconds, exact enough for JSON. */
static inline double
sac_time_seconds(gint64 time_us)
{
  return (double)time_us / 1e6;
}

G_END_DECLS
