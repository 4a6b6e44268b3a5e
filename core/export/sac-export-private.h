/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "core/export/sac-export.h"
#include "core/export/sac-part-file.h"

/* One clip being made. All times are microseconds on the input's own clock, where its first picture stands at origin_us. */
typedef struct {
  const char *input_path, *output_path;
  const char *format;
  SacExportMode mode;
  AVFormatContext *input, *output;
  unsigned n_streams; /* of the input when it was opened: more may come */
  int video;          /* index of the input's video stream, or -1 */
  gint64 origin_us, from_us, to_us;
  gint64 start_us, end_us; /* what is really taken */
  gint64 reached_us;       /* as far as it has been encoded */
  AVStream **targets;      /* [n_streams]: where a stream goes, or NULL */
  gint64 *last_dts;        /* [n_streams], in the target's time base */
  SacPartFile *file;
  int write_errno;
  GPtrArray *notes;
  GCancellable *cancellable;
  SacExportProgress progress;
  gpointer progress_data;
  gint64 began, reported; /* monotonic time */
} SacExportJob;

/* Rounding that is forgiven: people and edit lists name frames by the millisecond. */
#define SAC_EXPORT_TOLERANCE 500

/* Sound and video are interleaved within this time; behind the end by more there is nothing left for the clip. */
#define SAC_EXPORT_INTERLEAVE (10 * G_TIME_SPAN_SECOND)

static inline gint64
sac_export_us(const AVStream *stream, gint64 stamp)
{
  return av_rescale_q(stamp, stream->time_base, AV_TIME_BASE_Q);
}

/* To a key frame at or before the time, or to the beginning where the format cannot. */
gboolean sac_export_seek(SacExportJob *job, gint64 time_us, GError **error);

/* The next packet; FALSE at the end or on error. */
gboolean sac_export_read(SacExportJob *job, AVPacket *packet, GError **error);

/* The last key frame at or before a time (or the first there is), and where to seek to in order to meet it. */
gboolean sac_export_find_key(SacExportJob *job, gint64 time_us, gint64 *key_us, gint64 *seek_us, GError **error);

/* A stream of the output with the input's metadata and disposition. */
AVStream *sac_export_add_stream(SacExportJob *job, const AVStream *from);
/* Opens the output: metadata and chapters of start_us…end_us, header. */
gboolean sac_export_write_header(SacExportJob *job, GError **error);
/* Takes the packet's content. Times are the target's; the job's errors of the disk come back here. */
gboolean sac_export_write_packet(SacExportJob *job, int input_index, AVPacket *packet, GError **error);

/* Tells how far it is, and whether it was cancelled: FALSE then. */
gboolean sac_export_tell(SacExportJob *job, gint64 at_us, GError **error);

/* An error of FFmpeg while the output is written. */
void sac_export_set_write_error(SacExportJob *job, int status, GError **error);

gboolean sac_export_copy(SacExportJob *job, GError **error);
gboolean sac_export_exact(SacExportJob *job, GError **error);

/* Words of a subtitle track, in the way that the output's container has them. */
typedef struct _SacSubtitles SacSubtitles;
/* NULL, with a note in the job, when the container cannot hold the track. Adds the target stream. */
SacSubtitles *sac_subtitles_new(SacExportJob *job, AVStream *stream);
gboolean sac_subtitles_write(SacSubtitles *subtitles, SacExportJob *job, AVPacket *packet, GError **error);
void sac_subtitles_free(SacSubtitles *subtitles);
