/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/sac-time.h"

#include <glib/gi18n.h>

#include "core/sac-error.h"

/* Rounded to the millisecond before it is split, so that 59.9996 s is 1:00.000 and not 0:60.000. */
static guint64
split_milliseconds(gint64 time_us, gboolean *negative)
{
  *negative = time_us < 0;
  guint64 magnitude = *negative ? -(guint64)time_us : (guint64)time_us;
  return magnitude / 1000 + (magnitude % 1000 >= 500);
}

char *
sac_time_format(gint64 time_us)
{
  gboolean negative;
  guint64 ms = split_milliseconds(time_us, &negative);
  const char *sign = negative && ms > 0 ? "-" : "";
  unsigned minutes = ms / 60000 % 60, seconds = ms / 1000 % 60, rest = ms % 1000;
  guint64 hours = ms / 3600000;
  if (hours > 0)
    return g_strdup_printf("%s%" G_GUINT64_FORMAT ":%02u:%02u.%03u", sign, hours, minutes, seconds, rest);
  return g_strdup_printf("%s%u:%02u.%03u", sign, minutes, seconds, rest);
}

char *
sac_time_format_full(gint64 time_us)
{
  gboolean negative;
  guint64 ms = split_milliseconds(time_us, &negative);
  return g_strdup_printf("%s%02" G_GUINT64_FORMAT ":%02u:%02u.%03u", negative && ms > 0 ? "-" : "", ms / 3600000,
                         (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
}

gboolean
sac_time_parse(const char *text, gint64 *time_us, GError **error)
{
  const char *at = text;
  gint64 units[3] = { 0 };
  unsigned n_units = 0, n_digits = 0, n_decimals = 0;
  for (;; at++) {
    for (n_digits = 0; g_ascii_isdigit(*at); at++, n_digits++) {
      if (n_digits == 9)
        goto wrong;
      units[n_units] = units[n_units] * 10 + (*at - '0');
    }
    n_units++;
    if (*at != ':')
      break;
    if (n_digits == 0 || n_units == 3)
      goto wrong;
  }
  /* After a larger unit, minutes and seconds have one or two digits and stay below 60. */
  for (unsigned i = 1; i < n_units; i++)
    if (units[i] >= 60)
      goto wrong;
  if (n_units > 1 && (n_digits == 0 || n_digits > 2))
    goto wrong;

  gint64 fraction = 0;
  if (*at == '.') {
    gint64 weight = SAC_SECOND / 10;
    for (at++; g_ascii_isdigit(*at); at++, weight /= 10, n_decimals++)
      fraction += weight * (*at - '0');
  }
  if (*at != '\0' || (n_digits == 0 && n_decimals == 0))
    goto wrong;

  gint64 seconds = 0;
  for (unsigned i = 0; i < n_units; i++)
    seconds = seconds * 60 + units[i];
  *time_us = seconds * SAC_SECOND + fraction;
  return TRUE;

wrong:
  g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE,
              _("“%s” is not a time: write seconds (12.5), minutes (1:02.5) or hours (1:02:03.5)"), text);
  return FALSE;
}
