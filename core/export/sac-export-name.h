/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Names for many clips, from a template such as "{title} {from}-{to} {label}".
 *
 *      {title}  the video's title            {from} {to}  0.12.480: points, for colons are no letters of a name everywhere
 *      {label}  the tag's or label's words   {text}       what is said or written
 *      {query}  what was searched for        {kind} {score} {n}   n counts from 001
 *
 * "{{" is a brace. A name has no character that some file system refuses, no control characters, does not begin with a point or a
 * hyphen, nor is it a name that Windows reserves, and is at most 180 bytes of whole characters.
 */

G_BEGIN_DECLS

#define SAC_EXPORT_NAME_DEFAULT "{title} {from}-{to} {label}"

typedef struct {
  const char *title, *label, *text, *query, *kind; /* NULL: empty */
  gint64 from_us, to_us;
  double score;
  guint n;
} SacExportName;

/* Without an extension. SAC_ERROR_USAGE names the word in braces that is not known. */
char *sac_export_name(const char *template, const SacExportName *values, GError **error);

/* DIR/NAME.EXTENSION, or "NAME (2)" and so on where that is in taken, a set of paths to which it is added; with avoid_files, also where a
   file has the name. */
char *sac_export_unique_path(const char *directory, const char *name, const char *extension, GHashTable *taken,
                             gboolean avoid_files);

G_END_DECLS
