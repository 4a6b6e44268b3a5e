/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "core/media/sac-ffmpeg.h"
#include "core/media/sac-frame.h"

/* Behind the scenes of core/media: opening files, decoding pictures, and turning them into SacFrames. Blocking; one thread each. */

/* A picture of more pixels than this is refused: decoding it would take gigabytes. */
#define SAC_MAX_PIXELS (G_GINT64_CONSTANT(16384) * 16384)

/* Opens and looks for streams. Reading stops when the cancellable is cancelled, which may be NULL and must outlive the context. */
AVFormatContext *sac_media_open(const char *path, GCancellable *cancellable, GError **error);
/* SAC_ERROR from FFmpeg's number; the message names the file. */
void sac_media_set_error(GError **error, int averror, const char *path, const char *doing);
/* The stream that people mean by "the video": -1 if none. Cover pictures of sound files count only if there is nothing else. */
int sac_media_find_video(AVFormatContext *context);
/* How long the container says that it is from its first moment to its last, in µs, or 0 where it says nothing. */
gint64 sac_media_container_duration(const AVFormatContext *context);
/* How long the stream (may be NULL) or else its container says that it is, in µs, or -1. */
gint64 sac_media_duration(const AVFormatContext *context, const AVStream *stream);
/* How a stored picture becomes upright: rows and columns exchanged first, then left and right, top and bottom. */
typedef struct {
  gboolean transposed, flip_x, flip_y;
} SacOrientation;
/* By the picture itself (a photograph's EXIF) where there is one and it says, else by the stream. picture: may be NULL. */
SacOrientation sac_media_orientation(const AVStream *stream, const AVFrame *picture);
/* Degrees clockwise: 0, 90, 180, 270. A mirrored picture has that of its unmirrored twin. */
int sac_media_rotation(SacOrientation orientation);
/* Width and height as displayed, from those stored. */
void sac_media_apply_aspect(SacOrientation orientation, AVRational sample_aspect, int *width, int *height);
/* How the picture is displayed, as far as the stream says. */
void sac_media_display_size(const AVStream *stream, int width, int height, AVRational sample_aspect, int *rotation,
                            int *display_width, int *display_height);
/* A decoder for the stream, with threads. hardware: on the GPU where possible. */
AVCodecContext *sac_media_open_codec(const char *path, AVStream *stream, gboolean hardware, GError **error);

/* A video stream decoded in order. */
typedef struct {
  char *path;
  AVFormatContext *format;
  AVStream *stream;
  AVCodecContext *codec;
  AVPacket *packet;
  gint64 origin;     /* the first frame's time stamp, in the stream's time base */
  gint64 next_guess; /* the time of the next frame if it does not say, µs */
  AVFrame *first;    /* decoded by the last seek, not given yet */
  gint64 first_time, first_duration;
  enum AVDiscard discard; /* which pictures are not decoded */
  gint64 skip_before;     /* nor are those before this, where no other needs them; in the stream's time base */
  gboolean draining, ended;
  gboolean last_corrupt; /* the last packet was only partly there */
  int failure;           /* FFmpeg's, of reading, or 0 */
} SacDecoder;

SacDecoder *sac_decoder_new(const char *path, gboolean hardware, GCancellable *cancellable, GError **error);
void sac_decoder_free(SacDecoder *decoder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacDecoder, sac_decoder_free)
/* To the key frame at or before the time: what sac_decoder_next() gives next. */
gboolean sac_decoder_seek(SacDecoder *decoder, gint64 time_us, GError **error);
/* The next frame with its time and duration in µs; NULL without error at the end. A hardware frame is brought to memory. */
AVFrame *sac_decoder_next(SacDecoder *decoder, gint64 *time_us, gint64 *duration_us, GError **error);
/* After the end: was that all? reached_us: the end of the last frame. FALSE with an error that says where the stream breaks off. */
gboolean sac_decoder_check_end(SacDecoder *decoder, gint64 reached_us, GError **error);
/* For a glance: the time of the key frame at or before time_us, which sac_decoder_take_key() then decodes alone, without the pictures
   that a decoder with threads wants first. FALSE: not known; seek instead. Afterwards only a seek is allowed. */
gboolean sac_decoder_find_key(SacDecoder *decoder, gint64 time_us, gint64 *key_us);
AVFrame *sac_decoder_take_key(SacDecoder *decoder, gint64 *time_us, gint64 *duration_us);
/* TRUE if the container's index shows no key frame between the times (after the first), so that decoding on is the shortest way. */
gboolean sac_decoder_has_no_key_between(SacDecoder *decoder, gint64 from_us, gint64 to_us);
/* Until the next seek, pictures before this that no other needs are left out; what comes from then on is whole. */
void sac_decoder_skip_before(SacDecoder *decoder, gint64 time_us);
/* Key frames alone from now on. */
void sac_decoder_keyframes_only(SacDecoder *decoder);
/* TRUE if the container's index shows a key frame at least every interval. */
gboolean sac_decoder_has_keyframes_every(SacDecoder *decoder, gint64 interval_us);

/* Scales, turns and colours pictures, or hands out their planes; its filters are rebuilt when a picture differs in kind from the last. */
typedef struct {
  SacFrameFormat format;
  int short_side, max_width, max_height;
  gsize max_plane_bytes; /* as in SacFrameReaderOptions */
  gboolean as_stored;    /* planes may be turned, of oblong pixels or of high dynamic range: the frame says so */
  gboolean is_quick; /* for the eye: a third of the time, off by a level or two, and colour at half the resolution */
} SacConversion;

typedef struct _SacConverter SacConverter;
SacConverter *sac_converter_new(const char *path, const SacConversion *conversion);
void sac_converter_free(SacConverter *converter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SacConverter, sac_converter_free)
SacFrame *sac_converter_convert(SacConverter *converter, const AVStream *stream, AVFrame *picture, gint64 time_us,
                                gint64 duration_us, GError **error);
