/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * Cuts a span out of a file into a clip of its own: mp4, mkv or webm.
 *
 *  * COPY writes the packets as they are, from the key frame at or before `from` to the last frame that is needed up to `to`. It
 *    is quick and loses nothing, and the report says where the cut really falls.
 *  * EXACT decodes and encodes again: the first picture is the one that is shown at `from`, the last one the last that begins
 *    before `to`, and the sound is cut to the sample.
 *
 * Both keep every sound track, the metadata and the chapters (shifted, trimmed), and subtitles where the container holds them. Times
 * are microseconds from the video's first frame, as everywhere; half a millisecond of rounding is forgiven.
 *
 * A clip is written to a hidden file beside its place, ".NAME.saccade.part", synced and renamed; what fails or is cancelled removes it,
 * and what a killed program left is taken over by the next export to the same name. Blocks; any thread, any number at once.
 */

G_BEGIN_DECLS

typedef enum {
  SAC_EXPORT_EXACT,
  SAC_EXPORT_COPY,
} SacExportMode;

typedef struct {
  gint64 from_us;
  gint64 to_us; /* not contained; past the end is the end */
  SacExportMode mode;
  const char *format; /* "mp4", "mkv", "webm", or NULL: by the output's name */
  gboolean overwrite;
} SacExportOptions;

typedef struct {
  gint64 start_us, end_us; /* what the clip really holds of the input */
  GPtrArray *notes;        /* (element-type utf8) what could not be kept, for people */
} SacExportReport;

void sac_export_report_clear(SacExportReport *report);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SacExportReport, sac_export_report_clear)

/* fraction 0…1; rate is seconds of video a second; seconds_left is -1 where not known. On the calling thread, some ten times a second. */
typedef void (*SacExportProgress)(double fraction, double rate, double seconds_left, gpointer user_data);

/* TRUE for "mp4", "mkv" and "webm". */
gboolean sac_export_format_is_clip(const char *format);

/*
 * Errors: _USAGE (the span is empty, or no format is known), _EXISTS (without overwrite; or the output is the input), _UNSUPPORTED (the
 * container cannot hold the codec: says the way out), _LOCKED (another export writes the same file), _NO_SPACE, _READ_ONLY, _NOT_FOUND,
 * _INVALID_FILE, _CANCELLED. report may be NULL; fill it with zeros before.
 */
gboolean
sac_export_clip(const char *input, const char *output, const SacExportOptions *options, SacExportProgress progress,
                gpointer user_data, GCancellable *cancellable, SacExportReport *report, GError **error);

G_END_DECLS
