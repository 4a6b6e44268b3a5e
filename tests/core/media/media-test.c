/* SPDX-License-Identifier: GPL-3.0-or-later */
/* core/media on clips that say which frame is which. Arguments: python3 and tests/media/make-clips.py. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include <utime.h>

#include "core/media/sac-audio-output-private.h"
#include "core/media/sac-audio-track-private.h"
#include "core/media/sac-cache-file.h"
#include "core/media/sac-film.h"
#include "core/media/sac-frame-reader.h"
#include "core/media/sac-player.h"
#include "core/media/sac-probe.h"
#include "core/media/sac-thumbnailer.h"
#include "core/media/sac-waveform.h"
#include "core/sac-error.h"
#include "tests/media/frame-number.h"

#define FRAME_US 40000

static char *folder;

static char *
clip(const char *name)
{
  return g_build_filename(folder, name, NULL);
}

static int
number(const SacFrame *frame)
{
  return frame_number(frame->pixels, frame->width, frame->height, frame->stride,
                      frame->format == SAC_FRAME_RGBA ? 4 : 3);
}

static const guint8 *
pixel(const SacFrame *frame, double x, double y)
{
  return frame->pixels + (gsize)(y * frame->height) * frame->stride +
         (gsize)(x * frame->width) * (frame->format == SAC_FRAME_RGBA ? 4 : 3);
}

static gboolean
is_colour(const guint8 *p, int red, int green, int blue, int tolerance)
{
  return ABS(p[0] - red) <= tolerance && ABS(p[1] - green) <= tolerance && ABS(p[2] - blue) <= tolerance;
}

/* The three fields of the lower half. */
static void
assert_colours(const char *name, const SacFrame *frame, int tolerance)
{
  const guint8 *red = pixel(frame, 0.16, 0.75), *green = pixel(frame, 0.5, 0.75), *blue = pixel(frame, 0.84, 0.75);

  if (!is_colour(red, 200, 40, 40, tolerance) || !is_colour(green, 40, 180, 60, tolerance) ||
      !is_colour(blue, 40, 60, 200, tolerance))
    g_error("%s: colours %d %d %d, %d %d %d, %d %d %d", name, red[0], red[1], red[2], green[0], green[1], green[2],
            blue[0], blue[1], blue[2]);
}

static SacFrameReader *
open_reader(const char *name, const SacFrameReaderOptions *options)
{
  g_autofree char *path = clip(name);
  g_autoptr(GError) error = NULL;
  SacFrameReader *reader = sac_frame_reader_new(path, options, &error);

  g_assert_no_error(error);
  return reader;
}

/* Every frame, with its number and time, in every container and codec. */
static void
test_every_frame(void)
{
  static const char *const names[] = { "plain.mp4", "plain.mkv",   "plain.webm",      "plain.avi",
                                       "plain.ts",  "hevc.mp4",    "mjpeg.mov",       "long-gop.mp4",
                                       "odd.mkv",   "ten-bit.mp4", "no-duration.mkv", "late-start.mkv" };

  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autoptr(SacFrameReader) reader = open_reader(names[i], &(SacFrameReaderOptions){ .format = SAC_FRAME_RGB24 });
    g_autoptr(GError) error = NULL;
    SacFrame *frame;
    int count = 0;

    while ((frame = sac_frame_reader_next(reader, NULL, &error))) {
      if (number(frame) != count || ABS(frame->time_us - count * FRAME_US) > 1000)
        g_error("%s: frame %d has number %d and time %" G_GINT64_FORMAT, names[i], count, number(frame),
                frame->time_us);
      if (count == 10)
        assert_colours(names[i], frame, 24);
      sac_frame_unref(frame);
      count++;
    }
    g_assert_no_error(error);
    g_assert_cmpint(count, ==, 100);
  }
}

/* The planes of a picture as they were decoded, where it is upright, progressive, square and of standard range, and not too large. */
static void
test_planes(void)
{
  static const struct {
    const char *name;
    SacFrameFormat format;
    gsize most;
  } cases[] = {
    { "plain.mp4", SAC_FRAME_YUV420P, G_MAXSIZE },       { "plain.webm", SAC_FRAME_RGB24, G_MAXSIZE },
    { "hevc.mp4", SAC_FRAME_YUV420P, G_MAXSIZE },        { "ten-bit.mp4", SAC_FRAME_YUV420P10, G_MAXSIZE },
    { "plain.mp4", SAC_FRAME_RGB24, 320 * 180 },         { "hdr.mp4", SAC_FRAME_RGB24, G_MAXSIZE },
    { "rotated-90.mp4", SAC_FRAME_RGB24, G_MAXSIZE },    { "anamorphic.mp4", SAC_FRAME_RGB24, G_MAXSIZE },
    { "odd.mkv", SAC_FRAME_RGB24, G_MAXSIZE },           { "interlaced.ts", SAC_FRAME_RGB24, G_MAXSIZE },
    { "bt709-limited.mp4", SAC_FRAME_RGB24, G_MAXSIZE }, /* 4:4:4 */
  };

  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(SacFrameReader) reader = open_reader(
        cases[i].name,
        &(SacFrameReaderOptions){ .format = SAC_FRAME_RGB24, .short_side = 90, .max_plane_bytes = cases[i].most });
    g_autoptr(GError) error = NULL;
    SacFrame *frame;
    int count = 0;

    while ((frame = sac_frame_reader_next(reader, NULL, &error))) {
      g_assert_cmpint(frame->format, ==, cases[i].format);
      if (frame->format == SAC_FRAME_RGB24) {
        g_assert_cmpint(MIN(frame->width, frame->height), ==, 90);
      } else {
        const gboolean wide = frame->format == SAC_FRAME_YUV420P10;

        g_assert_cmpint(frame->width, ==, 320);
        g_assert_cmpint(frame->height, ==, 180);
        g_assert_cmpint(frame->matrix, ==, SAC_MATRIX_BT601);
        g_assert_false(frame->full_range);
        g_assert_cmpuint(sac_frame_bytes(frame), >=, 320 * 180 * 3 / 2 * (wide ? 2 : 1));
        /* The numbers are white and black: the luma has them. */
        if (!wide)
          g_assert_cmpint(frame_number(frame->pixels, 320, 180, frame->stride, 1), ==, count);
        for (int plane = 0; plane < 2; plane++) {
          const guint8 *sample = frame->chroma[plane] + 70 * frame->chroma_stride[plane] + 20 * (wide ? 2 : 1);
          const int value = wide ? (sample[0] | sample[1] << 8) / 4 : sample[0];

          /* The red field. */
          g_assert_cmpint(ABS(value - (plane == 0 ? 102 : 207)), <=, 12);
        }
      }
      g_assert_cmpint(ABS(frame->time_us - count * FRAME_US), <=, 1000);
      sac_frame_unref(frame);
      count++;
    }
    g_assert_no_error(error);
    g_assert_cmpint(count, ==, 100);
  }
}

/* Sample k is the frame that is shown at start + k · interval. */
static void
test_samples(void)
{
  static const struct {
    const char *name;
    gint64 interval, start;
    gboolean keyframes;
  } cases[] = {
    { "plain.mp4", 500000, 0, FALSE },         { "plain.mp4", 330000, 0, FALSE },
    { "plain.mp4", 1000000, 1500000, FALSE },  { "plain.mp4", 1000000, 0, TRUE },
    { "long-gop.mp4", 700000, 2100000, TRUE }, { "plain.ts", 1000000, 0, FALSE },
    { "plain.webm", 900000, 900000, FALSE },   { "plain.mp4", 10000, 0, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(SacFrameReader) reader =
        open_reader(cases[i].name, &(SacFrameReaderOptions){ .format = SAC_FRAME_RGB24,
                                                             .interval_us = cases[i].interval,
                                                             .start_us = cases[i].start,
                                                             .keyframes_allowed = cases[i].keyframes });
    g_autoptr(GError) error = NULL;
    SacFrame *frame;
    int last = -1;

    for (gint64 time = cases[i].start; time < 100 * FRAME_US; time += cases[i].interval) {
      const int expected = (int)(time / FRAME_US);

      if (expected == last)
        continue;
      last = expected;
      frame = sac_frame_reader_next(reader, NULL, &error);
      g_assert_no_error(error);
      if (!frame || number(frame) != expected)
        g_error("%s, every %" G_GINT64_FORMAT " from %" G_GINT64_FORMAT ": at %" G_GINT64_FORMAT
                " came frame %d, not %d",
                cases[i].name, cases[i].interval, cases[i].start, time, frame ? number(frame) : -1, expected);
      sac_frame_unref(frame);
    }
    g_assert_null(sac_frame_reader_next(reader, NULL, &error));
    g_assert_no_error(error);
  }
}

/* A stream with uneven times: frames 5…14 of each 20 are missing, so that frame 4 is shown instead. */
static void
test_variable_rate(void)
{
  g_autoptr(SacFrameReader) reader =
      open_reader("variable.mp4", &(SacFrameReaderOptions){ .format = SAC_FRAME_RGB24, .interval_us = 100000 });
  g_autoptr(GError) error = NULL;
  SacFrame *frame;
  int last = -1;

  for (gint64 time = 0; time < 100 * FRAME_US; time += 100000) {
    int expected = (int)(time / FRAME_US);

    expected = expected % 20 >= 5 && expected % 20 <= 14 ? expected / 20 * 20 + 4 : expected;
    if (expected == last)
      continue;
    last = expected;
    frame = sac_frame_reader_next(reader, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(frame);
    g_assert_cmpint(number(frame), ==, expected);
    g_assert_cmpint(ABS(frame->time_us - expected * FRAME_US), <, 1000);
    sac_frame_unref(frame);
  }
}

static void
test_colours(void)
{
  static const char *const names[] = { "bt601-limited.mp4", "bt601-full.mp4", "bt709-limited.mp4", "bt709-full.mp4" };

  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = clip(names[i]);
    g_autoptr(GError) error = NULL;
    g_autoptr(SacFrame) frame = sac_frame_at(path, 0, 0, SAC_FRAME_RGB24, NULL, &error);

    g_assert_no_error(error);
    assert_colours(names[i], frame, 4);
  }
}

/* A high dynamic range picture comes out as a standard one: in order, not black, not burnt out, its hues where they were. */
static void
test_high_dynamic_range(void)
{
  g_autofree char *path = clip("hdr.mp4");
  g_autoptr(GError) error = NULL;
  g_autoptr(SacFrame) frame = sac_frame_at(path, 3 * FRAME_US, 0, SAC_FRAME_RGB24, NULL, &error);

  g_assert_no_error(error);
  g_assert_cmpint(number(frame), ==, 3);
  const guint8 *red = pixel(frame, 0.16, 0.75), *green = pixel(frame, 0.5, 0.75), *blue = pixel(frame, 0.84, 0.75);
  g_assert_true(red[0] > red[1] + 40 && red[0] > red[2] + 40);
  g_assert_true(green[1] > green[0] + 40 && green[1] > green[2] + 40);
  g_assert_true(blue[2] > blue[0] + 40 && blue[2] > blue[1] + 40);
}

static void
test_rotation_and_aspect(void)
{
  for (int rotation = 90; rotation < 360; rotation += 90) {
    g_autofree char *name = g_strdup_printf("rotated-%d.mp4", rotation), *path = clip(name);
    g_autoptr(GError) error = NULL;
    g_autoptr(SacMediaInfo) info = sac_probe_file(path, &error);
    g_assert_no_error(error);
    g_autoptr(SacFrame) frame = sac_frame_at(path, 0, 0, SAC_FRAME_RGB24, NULL, &error);
    g_assert_no_error(error);

    g_assert_cmpint(info->rotation, ==, rotation);
    g_assert_cmpint(info->width, ==, rotation == 180 ? 320 : 180);
    g_assert_cmpint(frame->width, ==, info->width);
    g_assert_cmpint(frame->height, ==, info->height);
    /* The red field is at the lower left before the picture is turned clockwise. */
    const guint8 *red = rotation == 90    ? pixel(frame, 0.25, 0.16)
                        : rotation == 180 ? pixel(frame, 0.84, 0.25)
                                          : pixel(frame, 0.75, 0.84);
    g_assert_true(is_colour(red, 200, 40, 40, 24));
  }
  g_autofree char *path = clip("anamorphic.mp4");
  g_autoptr(SacMediaInfo) info = sac_probe_file(path, NULL);
  g_autoptr(SacFrame) frame = sac_frame_at(path, FRAME_US, 90, SAC_FRAME_RGB24, NULL, NULL);
  g_assert_cmpint(info->width, ==, 427);
  g_assert_cmpint(info->height, ==, 180);
  g_assert_cmpint(frame->height, ==, 90);
  g_assert_cmpint(frame->width, ==, 213);
  g_assert_cmpint(number(frame), ==, 1);
}

static void
test_interlaced_and_size_change(void)
{
  g_autofree char *path = clip("interlaced.ts");
  g_autoptr(SacFrame) frame = sac_frame_at(path, 20 * FRAME_US, 0, SAC_FRAME_RGB24, NULL, NULL);
  g_assert_cmpint(frame->height, ==, 180);
  g_assert_cmpint(number(frame), ==, 20);

  g_autoptr(SacFrameReader) reader =
      open_reader("size-change.ts", &(SacFrameReaderOptions){ .format = SAC_FRAME_RGB24 });
  g_autoptr(GError) error = NULL;
  SacFrame *next;
  int large = 0, small = 0;
  while ((next = sac_frame_reader_next(reader, NULL, &error))) {
    large += next->width == 320 && number(next) == large;
    small += next->width == 160 && next->height == 120 && number(next) == small;
    sac_frame_unref(next);
  }
  g_assert_no_error(error);
  /* The decoder may give up a picture where one sequence ends and the other begins. */
  g_assert_cmpint(large, >=, 98);
  g_assert_cmpint(small, >=, 98);
}

static void
test_pictures(void)
{
  static const char *const names[] = { "picture.png", "picture.jpg", "picture.webp" };

  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = clip(names[i]);
    g_autoptr(GError) error = NULL;
    g_autoptr(SacMediaInfo) info = sac_probe_file(path, &error);
    g_assert_no_error(error);
    g_autoptr(SacFrameReader) reader =
        open_reader(names[i], &(SacFrameReaderOptions){ .format = SAC_FRAME_RGBA, .interval_us = G_USEC_PER_SEC });
    g_autoptr(SacFrame) frame = sac_frame_reader_next(reader, NULL, &error);

    g_assert_no_error(error);
    g_assert_true(info->is_picture);
    g_assert_cmpint(info->duration_us, ==, 0);
    g_assert_cmpint(number(frame), ==, 25);
    g_assert_cmpint(frame->time_us, ==, 0);
    g_assert_cmpint(pixel(frame, 0.5, 0.5)[3], ==, 255);
    g_assert_null(sac_frame_reader_next(reader, NULL, &error));
    g_assert_no_error(error);
  }
  /* Photographs are turned and mirrored as their EXIF tag says; where the red and the blue field lie then tells which. */
  static const struct {
    double red_x, red_y, blue_x, blue_y;
  } corners[] = { { 0.84, 0.75, 0.16, 0.75 }, { 0.84, 0.25, 0.16, 0.25 }, { 0.16, 0.25, 0.84, 0.25 },
                  { 0.75, 0.16, 0.75, 0.84 }, { 0.25, 0.16, 0.25, 0.84 }, { 0.25, 0.84, 0.25, 0.16 },
                  { 0.75, 0.84, 0.75, 0.16 } };
  for (int orientation = 2; orientation <= 8; orientation++) {
    g_autofree char *name = g_strdup_printf("turned-%d.jpg", orientation), *path = clip(name);
    g_autoptr(GError) error = NULL;
    g_autoptr(SacMediaInfo) info = sac_probe_file(path, &error);
    g_assert_no_error(error);
    g_autoptr(SacFrame) frame = sac_frame_at(path, 0, 0, SAC_FRAME_RGB24, NULL, &error);

    g_assert_no_error(error);
    g_assert_cmpint(frame->width, ==, orientation >= 5 ? 180 : 320);
    g_assert_cmpint(info->width, ==, frame->width);
    g_assert_cmpint(info->height, ==, frame->height);
    const guint8 *red = pixel(frame, corners[orientation - 2].red_x, corners[orientation - 2].red_y);
    const guint8 *blue = pixel(frame, corners[orientation - 2].blue_x, corners[orientation - 2].blue_y);
    if (!is_colour(red, 200, 40, 40, 30) || !is_colour(blue, 40, 60, 200, 30))
      g_error("%s: red %d %d %d, blue %d %d %d", name, red[0], red[1], red[2], blue[0], blue[1], blue[2]);
  }
  /* A name that looks like a pattern of numbered pictures is a name. */
  g_autofree char *percent = clip("100%d.png");
  g_autoptr(SacFrame) named = sac_frame_at(percent, 0, 0, SAC_FRAME_RGB24, NULL, NULL);
  g_assert_nonnull(named);
  g_assert_cmpint(number(named), ==, 25);
  g_autofree char *tiny = clip("tiny.png");
  g_autoptr(SacFrame) frame = sac_frame_at(tiny, 0, 224, SAC_FRAME_RGB24, NULL, NULL);
  g_assert_cmpint(frame->width, ==, 224);
}

static void
test_probe(void)
{
  static const struct {
    const char *name, *codec;
    guint audio;
  } cases[] = { { "plain.mp4", "h264", 1 },    { "plain.webm", "vp9", 1 },      { "hevc.mp4", "hevc", 0 },
                { "sound-only.m4a", NULL, 1 }, { "late-start.mkv", "h264", 0 }, { "no-duration.mkv", "h264", 0 } };

  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *path = clip(cases[i].name);
    g_autoptr(GError) error = NULL;
    g_autoptr(SacMediaInfo) info = sac_probe_file(path, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(info->video_codec, ==, cases[i].codec);
    g_assert_cmpuint(info->n_audio_tracks, ==, cases[i].audio);
    g_assert_cmpint(info->has_video, ==, cases[i].codec != NULL);
    g_assert_cmpint(ABS(info->duration_us - 4 * G_USEC_PER_SEC), <, 100000);
    if (info->has_video && !g_str_equal(cases[i].name, "no-duration.mkv"))
      g_assert_cmpint(info->frame_rate_num, ==, 25 * info->frame_rate_den);
  }
}

/* Each says which file, and nothing hangs or falls over. */
static void
test_bad_files(void)
{
  static const struct {
    const char *name;
    int code;
  } cases[] = { { "empty.mp4", SAC_ERROR_INVALID_FILE },     { "text.mp4", SAC_ERROR_INVALID_FILE },
                { "truncated.mp4", SAC_ERROR_INVALID_FILE }, { "missing.mp4", SAC_ERROR_NOT_FOUND },
                { "huge.png", SAC_ERROR_UNSUPPORTED },       { ".", SAC_ERROR_INVALID_FILE } };

  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *path = clip(cases[i].name);
    g_autoptr(GError) error = NULL, other = NULL;

    g_assert_null(sac_probe_file(path, &error));
    g_assert_error(error, SAC_ERROR, cases[i].code);
    g_assert_nonnull(strstr(error->message, path));
    g_assert_null(sac_frame_reader_new(path, &(SacFrameReaderOptions){ 0 }, &other));
    g_assert_error(other, SAC_ERROR, cases[i].code);
  }
  g_autofree char *sound = clip("sound-only.m4a");
  g_autoptr(GError) error = NULL;
  g_assert_null(sac_frame_at(sound, 0, 0, SAC_FRAME_RGB24, NULL, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED);
}

/* What is left of a file that was cut short is read, at every place where it can be cut. */
static void
test_truncations(void)
{
  g_autofree char *path = clip("plain.mkv"), *cut = clip("cut.mkv"), *content = NULL;
  gsize size;
  int most = 0;

  g_assert_true(g_file_get_contents(path, &content, &size, NULL));
  for (gsize length = 1; length < size; length += size / 61) {
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents(cut, content, (gssize)length, NULL));
    g_autoptr(SacFrameReader) reader =
        sac_frame_reader_new(cut, &(SacFrameReaderOptions){ .format = SAC_FRAME_RGB24 }, &error);
    SacFrame *frame;
    int count = 0;

    while (reader && (frame = sac_frame_reader_next(reader, NULL, &error))) {
      /* The last pictures may miss those that they were made from, but each is what its time says. */
      g_assert_cmpint(number(frame), ==, (int)((frame->time_us + FRAME_US / 2) / FRAME_US));
      sac_frame_unref(frame);
      count++;
    }
    /* A file that is not all there says so, and where; the last few bytes are an index that nobody misses. */
    if (!count || length < size / 10 * 7)
      g_assert_nonnull(error);
    if (error)
      g_assert_nonnull(strstr(error->message, cut));
    g_assert_cmpint(count, >=, most - 4);
    most = MAX(most, count);
  }
  g_assert_cmpint(most, >, 90);
}

static void
test_cancel(void)
{
  g_autoptr(SacFrameReader) reader = open_reader("plain.mp4", &(SacFrameReaderOptions){ .format = SAC_FRAME_RGB24 });
  g_autoptr(GCancellable) cancellable = g_cancellable_new();
  g_autoptr(GError) error = NULL;
  g_autoptr(SacFrame) first = sac_frame_reader_next(reader, cancellable, &error);

  g_assert_no_error(error);
  g_assert_nonnull(first);
  g_cancellable_cancel(cancellable);
  g_assert_null(sac_frame_reader_next(reader, cancellable, &error));
  g_assert_error(error, SAC_ERROR, SAC_ERROR_CANCELLED);
  /* Dropping a reader in the middle ends its thread; a hundred of them leave none behind. */
  for (int i = 0; i < 100; i++)
    g_object_unref(
        open_reader("plain.mp4", &(SacFrameReaderOptions){ .format = SAC_FRAME_RGB24, .start_us = i * 10000 }));
}

typedef struct {
  GMainLoop *loop;
  GAsyncResult *result;
} Waiting;

static void
on_ready(GObject *source, GAsyncResult *result, gpointer data)
{
  Waiting *waiting = data;

  waiting->result = g_object_ref(result);
  g_main_loop_quit(waiting->loop);
}

static void
test_thumbnails(void)
{
  g_autofree char *cache = clip("cache"), *path = clip("plain.mp4");
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

  /* Decoded, from memory, and from the disk by another thumbnailer. */
  g_autoptr(SacThumbnailer) first = sac_thumbnailer_new(cache), second = sac_thumbnailer_new(cache);
  SacThumbnailer *const order[] = { first, first, second };
  for (gsize i = 0; i < G_N_ELEMENTS(order); i++) {
    Waiting waiting = { .loop = loop };
    g_autoptr(GError) error = NULL;

    sac_thumbnailer_get_async(order[i], path, 2 * G_USEC_PER_SEC, 90, NULL, on_ready, &waiting);
    g_main_loop_run(loop);
    g_autoptr(SacFrame) frame = sac_thumbnailer_get_finish(order[i], waiting.result, &error);
    g_object_unref(waiting.result);
    g_assert_no_error(error);
    g_assert_cmpint(frame->height, ==, 90);
    g_assert_cmpint(frame->width, ==, 160);
    g_assert_cmpint(number(frame), ==, 50);
    if (i == 0) /* what comes from memory or the disk does not need the file's content any more */
      g_assert_true(g_file_test(cache, G_FILE_TEST_IS_DIR));
  }
}

static void
wait_for_sound(SacWaveform *waveform)
{
  while (sac_waveform_get_progress(waveform) < 1)
    g_main_context_iteration(NULL, TRUE);
}

/* Each second of the clip begins with a short tone. */
static void
assert_tones(SacWaveform *waveform)
{
  SacWaveformRange ranges[200];

  sac_waveform_measure(waveform, 0, 20000, G_N_ELEMENTS(ranges), ranges);
  for (guint second = 0; second < 4; second++) {
    const SacWaveformRange *tone = &ranges[second * 50 + 1], *pause = &ranges[second * 50 + 20];

    g_assert_cmpfloat(MAX(tone[0].highest, tone[-1].highest), >, 0.3);
    g_assert_cmpfloat(MIN(tone[0].lowest, tone[-1].lowest), <, -0.3);
    g_assert_cmpfloat(MAX(tone[0].rms, tone[-1].rms), >, 0.15);
    g_assert_cmpfloat(tone->rms, <=, MAX(tone->highest, -tone->lowest) + 0.01);
    g_assert_cmpfloat(pause->highest, <, 0.05);
    g_assert_cmpfloat(pause->lowest, >, -0.05);
  }
  /* A coarse column is what its fine ones are together. */
  SacWaveformRange all, most = { 1, -1, 0 };
  sac_waveform_measure(waveform, 0, 2560000, 1, &all);
  for (guint i = 0; i < 128; i++) {
    most.lowest = MIN(most.lowest, ranges[i].lowest);
    most.highest = MAX(most.highest, ranges[i].highest);
  }
  g_assert_cmpfloat(ABS(all.highest - most.highest), <, 1e-3);
  g_assert_cmpfloat(ABS(all.lowest - most.lowest), <, 1e-3);
}

static void
damage(const char *path, goffset at)
{
  g_autofree char *content = NULL;
  gsize size;

  g_assert_true(g_file_get_contents(path, &content, &size, NULL));
  content[at < 0 ? (goffset)size + at : at] ^= 0x55;
  g_assert_true(g_file_set_contents(path, content, (gssize)size, NULL));
}

static void
test_waveform(void)
{
  g_autofree char *path = clip("plain.mkv"), *silent = clip("hevc.mp4"), *file = clip("previews/sound");
  g_autoptr(GBytes) kept = NULL;

  for (int round = 0; round < 3; round++) {
    g_autoptr(SacWaveform) waveform = sac_waveform_new(path, file, 4 * G_USEC_PER_SEC);

    wait_for_sound(waveform);
    assert_tones(waveform);
    while (!g_file_test(file, G_FILE_TEST_EXISTS))
      g_usleep(1000);
    if (round == 1) /* what was kept is shown; damaged it is made again */
      damage(file, -40);
  }
  /* The kept file alone is enough: of a video that is gone. */
  g_autofree char *gone = clip("gone.mkv");
  for (int i = 0; i < 5000 && !(kept = sac_cache_file_load(file, "SacWave1")); i++)
    g_usleep(1000);
  g_assert_nonnull(kept);
  g_autoptr(SacWaveform) again = sac_waveform_new(gone, file, 4 * G_USEC_PER_SEC);
  wait_for_sound(again);
  assert_tones(again);

  /* No sound: that is known soon, and nothing of it. */
  g_autoptr(SacWaveform) none = sac_waveform_new(silent, NULL, 4 * G_USEC_PER_SEC);
  SacWaveformRange range;
  wait_for_sound(none);
  sac_waveform_measure(none, 0, 20000, 1, &range);
  g_assert_cmpfloat(range.lowest, >, range.highest);
}

/* Looked at closely, the samples themselves are there: a sine crosses zero as often as its pitch says. */
static void
test_waveform_samples(void)
{
  g_autofree char *path = clip("plain.mkv");
  g_autoptr(SacWaveform) waveform = sac_waveform_new(path, NULL, 4 * G_USEC_PER_SEC);
  const guint n = 2000;
  g_autofree SacWaveformRange *ranges = g_new(SacWaveformRange, n);
  guint crossings = 0;

  sac_waveform_look_at(waveform, 2000000, 2040000);
  for (int tries = 0; tries < 2000 && crossings < 10; tries++) {
    crossings = 0;
    g_main_context_iteration(NULL, FALSE);
    g_usleep(1000);
    sac_waveform_measure(waveform, 2000000, 20, n, ranges);
    for (guint i = 1; i < n; i++) {
      /* One to the next hangs together: columns are narrower than samples. */
      crossings += ranges[i].lowest <= 0 && ranges[i].highest > 0 && ranges[i - 1].highest <= 0;
      if (ranges[0].lowest <= ranges[0].highest && crossings > 10)
        g_assert_cmpfloat(ranges[i].lowest, <=, ranges[i - 1].highest + 1e-4);
    }
  }
  g_assert_cmpuint(crossings, >=, 10);
}

static void
wait_for_film(SacFilm *film, guint level, gint64 first, gint64 end)
{
  for (gint64 slot = first; slot < end; slot++) {
    SacFrame *frame;

    while (!(frame = sac_film_get(film, level, slot)))
      g_main_context_iteration(NULL, TRUE);
    sac_frame_unref(frame);
  }
  while (!sac_film_is_idle(film))
    g_main_context_iteration(NULL, TRUE);
}

static void
test_film(void)
{
  g_autofree char *path = clip("plain.mp4"), *sheets = clip("previews/film"), *gone = clip("gone.mp4");
  const gint64 length = 4 * G_USEC_PER_SEC;

  g_autoptr(SacFilm) film = sac_film_new(path, sheets, length, FRAME_US);
  g_assert_cmpuint(sac_film_find_level(film, 1), ==, 0);
  g_assert_cmpint(sac_film_get_step(film, 0), ==, FRAME_US);
  const guint level = sac_film_find_level(film, 3 * FRAME_US);
  g_assert_cmpint(sac_film_get_step(film, level), ==, 3 * FRAME_US);

  /* The frame that is shown in the middle of each slot, and single frames. */
  sac_film_look_at(film, level, 5, 12);
  wait_for_film(film, level, 5, 12);
  for (gint64 slot = 5; slot < 12; slot++) {
    g_autoptr(SacFrame) frame = sac_film_get(film, level, slot);

    g_assert_cmpint(frame->height, ==, SAC_FILM_HEIGHT);
    g_assert_cmpint(number(frame), ==, 3 * slot + 1);
  }
  sac_film_look_at(film, 0, 40, 48);
  wait_for_film(film, 0, 40, 48);
  for (gint64 slot = 40; slot < 48; slot++) {
    g_autoptr(SacFrame) frame = sac_film_get(film, 0, slot);
    g_assert_cmpint(number(frame), ==, slot);
  }
  g_autoptr(SacFrame) nearest = sac_film_get_nearest(film, 44 * FRAME_US + FRAME_US / 2);
  g_assert_cmpint(number(nearest), ==, 44);
  g_assert_cmpuint(sac_film_count_decoded(film), >, 0);

  /* What is kept is there without the video, and without decoding. */
  g_autoptr(SacFilm) kept = sac_film_new(gone, sheets, length, FRAME_US);
  sac_film_look_at(kept, 0, 40, 48);
  wait_for_film(kept, 0, 40, 48);
  g_autoptr(SacFrame) frame = sac_film_get(kept, 0, 47);
  g_assert_cmpint(number(frame), ==, 47);

  /* A damaged sheet is made again. */
  g_autofree char *sheet = g_strdup_printf("%s/film-%d.sheet", sheets, FRAME_US);
  damage(sheet, 200);
  g_autoptr(SacFilm) again = sac_film_new(path, sheets, length, FRAME_US);
  sac_film_look_at(again, 0, 40, 44);
  wait_for_film(again, 0, 40, 44);
  g_autoptr(SacFrame) made = sac_film_get(again, 0, 43);
  g_assert_cmpint(number(made), ==, 43);
  g_assert_cmpuint(sac_film_count_decoded(again), >=, 4);
  g_autoptr(GBytes) whole = sac_cache_file_load(sheet, "SacFilm1");
  g_assert_nonnull(whole);
}

/* Every file that is cut off is none; the oldest go first where there are too many. */
static void
test_cache_files(void)
{
  g_autofree char *directory = clip("cached"), *path = g_build_filename(directory, "a", "file", NULL);
  g_autofree char *content = NULL;
  gsize size;

  g_assert_true(sac_cache_file_save(path, "Testing1", "some words", 10));
  g_assert_true(g_file_get_contents(path, &content, &size, NULL));
  g_assert_null(sac_cache_file_load(path, "Testing2"));
  for (gsize length = 0; length < size; length++) {
    g_assert_true(g_file_set_contents(path, content, (gssize)length, NULL));
    g_assert_null(sac_cache_file_load(path, "Testing1"));
  }
  g_assert_true(g_file_set_contents(path, content, (gssize)size, NULL));
  g_autoptr(GBytes) bytes = sac_cache_file_load(path, "Testing1");
  g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), "some words", 10);

  for (int i = 0; i < 8; i++) {
    g_autofree char *name = g_strdup_printf("%s/b/%d", directory, i);

    g_assert_true(sac_cache_file_save(name, "Testing1", content, size));
    g_assert_cmpint(g_utime(name, &(struct utimbuf){ .actime = 1000 + i, .modtime = 1000 + i }), ==, 0);
  }
  sac_cache_folder_prune(directory, 5 * 108);
  for (int i = 0; i < 8; i++) {
    g_autofree char *name = g_strdup_printf("%s/b/%d", directory, i);
    g_assert_cmpint(g_file_test(name, G_FILE_TEST_EXISTS), ==, i >= 5);
  }
  g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* At every speed the sound is as long as it should be, and its pitch stays. */
static void
test_speeds(void)
{
  static const double rates[] = { 0.25, 0.5, 0.8, 1, 1.5, 2, 4, 8 };
  g_autofree char *path = clip("tone.flac");
  g_autoptr(GError) error = NULL;
  g_autoptr(SacAudioTrack) track = sac_audio_track_new(path, NULL, &error);
  g_autofree float *samples = g_new(float, 4096 * SAC_AUDIO_CHANNELS);

  g_assert_no_error(error);
  for (gsize i = 0; i < G_N_ELEMENTS(rates); i++) {
    gsize total = 0, rising = 0, count;
    float last = 0;

    g_assert_true(sac_audio_track_start(track, 2 * G_USEC_PER_SEC, rates[i]));
    while ((count = sac_audio_track_read(track, samples, 4096))) {
      for (gsize k = 0; k < count; k++) {
        rising += last < 0 && samples[k * SAC_AUDIO_CHANNELS] >= 0;
        last = samples[k * SAC_AUDIO_CHANNELS];
      }
      total += count;
    }
    const double seconds = (double)total / SAC_AUDIO_RATE, hertz = (double)rising / seconds;
    if (fabs(seconds - 6 / rates[i]) > 0.1 + 0.03 * seconds || fabs(hertz - 1000) > 30)
      g_error("at %g×: %.3f s of %.1f Hz", rates[i], seconds, hertz);
  }
}

static void
test_amplify(void)
{
  float samples[] = { 0.5f, -0.5f, 0.1f, -1, 0.9f, -0.2f }, quiet[4] = { 0.8f, 0.8f, 0.8f, 0.8f };

  sac_audio_amplify(samples, 3, 3.375f, 3.375f);
  g_assert_cmpfloat_with_epsilon(samples[2], 0.3375, 1e-6);
  g_assert_cmpfloat_with_epsilon(samples[5], -0.675, 1e-6);
  for (int i = 0; i < 6; i++)
    g_assert_cmpfloat(fabsf(samples[i]), <=, 1);
  g_assert_cmpfloat(samples[0], >, 0.9);
  g_assert_cmpfloat(samples[3], <, samples[1]);
  /* From one gain to another it goes evenly; at a gain of one nothing is bent. */
  sac_audio_amplify(quiet, 2, 1, 0);
  g_assert_cmpfloat(quiet[0], ==, 0.8f);
  g_assert_cmpfloat(quiet[2], ==, 0.4f);
}

/* ---- The player, by the silent clock ------------------------------------------------------------------------------------- */

static gboolean
quit(gpointer loop)
{
  g_main_loop_quit(loop);
  return G_SOURCE_REMOVE;
}

static void
run_for(guint milliseconds)
{
  g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

  g_timeout_add(milliseconds, quit, loop);
  g_main_loop_run(loop);
}

/* Waits until the player shows a frame: machines that run tests are slow at times. */
static void
assert_shows(SacPlayer *player, int expected)
{
  int seen = -1;

  for (int i = 0; i < 1000 && seen != expected; i++) {
    run_for(20);
    g_autoptr(SacFrame) frame = sac_player_get_frame(player);
    seen = frame ? number(frame) : -1;
  }
  g_assert_cmpint(seen, ==, expected);
}

static void
count(gpointer player, gpointer counter)
{
  (*(int *)counter)++;
}

static void
keep_error(SacPlayer *player, const GError *error, gpointer kept)
{
  *(GError **)kept = g_error_copy(error);
}

/* Waits for a frame with or without planes. Returns: (transfer full) */
static SacFrame *
wait_for_planes(SacPlayer *player, gboolean planes)
{
  for (int i = 0; i < 200; i++) {
    run_for(20);
    g_autoptr(SacFrame) frame = sac_player_get_frame(player);
    if (frame && (frame->format != SAC_FRAME_RGBA) == planes)
      return g_steal_pointer(&frame);
  }
  g_assert_not_reached();
}

/* Whoever wants planes gets them as they are stored, told what is left to do; what has none that a frame can say stays RGBA. */
static void
test_player_planes(void)
{
  static const struct {
    const char *name;
    SacFrameFormat format;
    gboolean transposed;
    int display_width, display_height;
    SacTransfer transfer;
  } cases[] = {
    { "plain.mp4", SAC_FRAME_YUV420P, FALSE, 320, 180, SAC_TRANSFER_SDR },
    { "rotated-90.mp4", SAC_FRAME_YUV420P, TRUE, 180, 320, SAC_TRANSFER_SDR },
    { "anamorphic.mp4", SAC_FRAME_YUV420P, FALSE, 427, 180, SAC_TRANSFER_SDR },
    { "ten-bit.mp4", SAC_FRAME_YUV420P10, FALSE, 320, 180, SAC_TRANSFER_SDR },
    { "hdr.mp4", SAC_FRAME_YUV420P10, FALSE, 320, 180, SAC_TRANSFER_PQ },
    { "interlaced.ts", SAC_FRAME_RGBA },
    { "odd.mkv", SAC_FRAME_RGBA },
  };

  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(SacPlayer) player = sac_player_new();
    g_autofree char *path = clip(cases[i].name);
    const gboolean planes = cases[i].format != SAC_FRAME_RGBA;

    sac_player_set_max_size(player, 160, 160);
    sac_player_set_wants_planes(player, TRUE);
    sac_player_open(player, path);
    sac_player_seek(player, 20 * FRAME_US, SAC_SEEK_EXACT);
    g_autoptr(SacFrame) frame = wait_for_planes(player, planes);
    g_assert_cmpint(frame->format, ==, cases[i].format);
    if (!planes) {
      g_assert_cmpint(frame->width, <=, 160);
      continue;
    }
    g_assert_cmpint(frame->width, ==, 320);
    g_assert_cmpint(frame->height, ==, 180);
    g_assert_cmpint(frame->display_width, ==, cases[i].display_width);
    g_assert_cmpint(frame->display_height, ==, cases[i].display_height);
    g_assert_cmpint(frame->transposed, ==, cases[i].transposed);
    g_assert_cmpint(frame->transfer, ==, cases[i].transfer);
    g_assert_cmpint(frame->wide_primaries, ==, cases[i].transfer == SAC_TRANSFER_PQ);
    sac_player_set_wants_planes(player, FALSE);
    sac_player_seek(player, 40 * FRAME_US, SAC_SEEK_EXACT);
    g_autoptr(SacFrame) small = wait_for_planes(player, FALSE);
    g_assert_cmpint(MAX(small->width, small->height), <=, 160);
    g_assert_cmpint(small->display_width, ==, small->width);
    sac_player_close(player);
  }
  /* Backward play holds many: scaled ones. */
  g_autoptr(SacPlayer) player = sac_player_new();
  g_autofree char *path = clip("plain.mp4");
  sac_player_set_wants_planes(player, TRUE);
  sac_player_open(player, path);
  sac_player_seek(player, 60 * FRAME_US, SAC_SEEK_EXACT);
  sac_frame_unref(wait_for_planes(player, TRUE));
  sac_player_set_rate(player, -1);
  sac_player_play(player);
  sac_frame_unref(wait_for_planes(player, FALSE));
}

static void
test_player(void)
{
  static const char *const names[] = { "plain.mp4", "long-gop.mp4", "plain.mkv" };
  g_autoptr(SacPlayer) player = sac_player_new();
  int ended = 0;

  g_signal_connect(player, "ended", G_CALLBACK(count), &ended);
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = clip(names[i]);

    sac_player_open(player, path);
    assert_shows(player, 0);
    g_assert_cmpint(ABS(sac_player_get_duration(player) - 4 * G_USEC_PER_SEC), <, 100000);
    for (int target = 7; target < 90; target += 23) {
      sac_player_seek(player, target * FRAME_US + 1000, SAC_SEEK_EXACT);
      assert_shows(player, target);
      g_assert_cmpint(sac_player_get_position(player), ==, target * FRAME_US + 1000);
    }
    sac_player_step(player, 1);
    assert_shows(player, 77);
    for (int target = 76; target > 68; target--) {
      sac_player_step(player, -1);
      assert_shows(player, target);
    }
    g_assert_cmpint(sac_player_get_position(player), ==, 69 * FRAME_US);
  }
  /* Time goes at the asked rate, forward and backward. */
  static const double rates[] = { 1, 2, -1 };
  for (gsize i = 0; i < G_N_ELEMENTS(rates); i++) {
    sac_player_set_rate(player, rates[i]);
    sac_player_seek(player, 1500000, SAC_SEEK_EXACT);
    assert_shows(player, 37);
    sac_player_play(player);
    run_for(300);
    const gint64 from = sac_player_get_position(player), begin = g_get_monotonic_time();
    run_for(500);
    const double measured = (double)(sac_player_get_position(player) - from) / (double)(g_get_monotonic_time() - begin);
    /* Backward, time stands while the pictures before are decoded. */
    g_assert_cmpfloat_with_epsilon(measured, rates[i], rates[i] > 0 ? 0.15 : 0.7);
    sac_player_pause(player);
  }
  sac_player_set_rate(player, 1);
  sac_player_seek(player, 3700000, SAC_SEEK_EXACT);
  sac_player_play(player);
  for (int i = 0; i < 200 && !ended; i++)
    run_for(20);
  g_assert_cmpint(ended, ==, 1);
  g_assert_false(sac_player_get_playing(player));

  g_autofree char *text = clip("text.mp4");
  g_autoptr(GError) error = NULL;
  g_signal_connect(player, "error", G_CALLBACK(keep_error), &error);
  sac_player_open(player, text);
  for (int i = 0; i < 200 && !error; i++)
    run_for(20);
  g_assert_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE);
  sac_player_close(player);
  run_for(100);
}

static void
keep_time(SacPlayer *player, gint64 time, gpointer kept)
{
  *(gint64 *)kept = time;
}

/* Seeks, glances, steps and short plays in any order end on the frame that they should, whatever was kept and wherever the decoder
   stood. */
static void
test_player_walks(void)
{
  static const char *const names[] = { "long-gop.mp4", "plain.mkv", "plain.webm", "plain.ts",
                                       "hevc.mp4",     "plain.avi", "ten-bit.mp4" };
  g_autoptr(SacPlayer) player = sac_player_new();
  gint64 sought = -1;

  g_signal_connect(player, "sought", G_CALLBACK(keep_time), &sought);
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = clip(names[i]);
    int at = 0;

    sac_player_open(player, path);
    assert_shows(player, 0);
    for (int turn = 0; turn < 24; turn++) {
      const int what = g_test_rand_int_range(0, 6), target = g_test_rand_int_range(0, 100);
      const gint64 time = target * FRAME_US + FRAME_US / 2;
      gboolean is_at_end = FALSE;

      if (what < 2) {
        sac_player_seek(player, time, what == 0 ? SAC_SEEK_EXACT : SAC_SEEK_FAST);
        at = target; /* a glance becomes exact when the pointer rests */
      } else if (what == 2) {
        for (int other = 0; other < 5; other++)
          sac_player_seek(player, g_test_rand_int_range(0, 4000000), other % 2 ? SAC_SEEK_EXACT : SAC_SEEK_FAST);
        sac_player_seek(player, time, SAC_SEEK_EXACT);
        for (int wait = 0; wait < 200 && sought != time; wait++)
          run_for(20);
        g_assert_cmpint(sought, ==, time);
        at = target;
      } else if (what == 3) {
        sac_player_play(player);
        run_for(g_test_rand_int_range(0, 120));
        sac_player_pause(player);
        sac_player_seek(player, time, SAC_SEEK_EXACT);
        at = target;
      } else {
        const int steps = g_test_rand_int_range(1, 8), direction = what == 4 ? -1 : 1;

        for (int step = 0; step < steps; step++)
          sac_player_step(player, direction);
        /* Steps that are still to be made and those the other way make up for each other, also at an end. */
        is_at_end = at + steps * direction != CLAMP(at + steps * direction, 0, 99);
        at = CLAMP(at + steps * direction, 0, 99);
      }
      if (g_test_rand_bit() || what == 1 || is_at_end)
        assert_shows(player, at);
    }
    assert_shows(player, at);
  }
  /* A frame that is shown for long is found although what no other needs is not decoded far from the goal. */
  g_autofree char *variable = clip("variable.mp4");
  sac_player_open(player, variable);
  assert_shows(player, 0);
  for (int target = 95; target > 0; target -= 9) {
    sac_player_seek(player, target * FRAME_US + 1000, SAC_SEEK_EXACT);
    assert_shows(player, target % 20 >= 5 && target % 20 <= 14 ? target / 20 * 20 + 4 : target);
  }
  sac_player_close(player);
  run_for(50);
}

/* Waits until these words are to be seen, and nothing else. */
static void
assert_says(SacPlayer *player, const char *expected)
{
  g_autoptr(GString) seen = g_string_new(NULL);

  for (int i = 0; i < 200; i++) {
    GPtrArray *subtitles = sac_player_get_subtitles(player);

    g_string_truncate(seen, 0);
    for (guint k = 0; k < subtitles->len; k++)
      g_string_append_printf(seen, "%s%s", k ? "|" : "", ((SacSubtitle *)g_ptr_array_index(subtitles, k))->markup);
    if (g_str_equal(seen->str, expected))
      return;
    run_for(20);
  }
  g_assert_cmpstr(seen->str, ==, expected);
}

static void
count_seeks(SacPlayer *player, gint64 time, gpointer counter)
{
  (*(int *)counter)++;
}

static void
test_tracks(void)
{
  g_autofree char *path = clip("tracks.mkv"), *other = clip("latin.srt"), *text = clip("text.mp4");
  g_autoptr(SacPlayer) player = sac_player_new();
  g_autoptr(GError) error = NULL;

  g_signal_connect(player, "error", G_CALLBACK(keep_error), &error);
  sac_player_open(player, path);
  assert_shows(player, 0);
  GPtrArray *audio = sac_player_get_audio_tracks(player), *subtitles = sac_player_get_subtitle_tracks(player),
            *chapters = sac_player_get_chapters(player);
  g_assert_cmpuint(audio->len, ==, 2);
  const SacTrack *second = g_ptr_array_index(audio, 1);
  g_assert_cmpstr(second->language, ==, "fra");
  g_assert_cmpstr(second->title, ==, "Commentary");
  g_assert_cmpint(sac_player_get_audio_track(player), ==, 0);
  sac_player_set_audio_track(player, 1);
  g_assert_cmpint(sac_player_get_audio_track(player), ==, 1);
  g_assert_cmpuint(chapters->len, ==, 3);
  const SacChapter *middle = g_ptr_array_index(chapters, 1);
  g_assert_cmpstr(middle->title, ==, "Middle");
  /* Opus begins before the picture, so the muxer moves the picture by some milliseconds. */
  g_assert_cmpint(ABS(middle->start_us - G_USEC_PER_SEC), <, 30000);
  g_assert_cmpint(ABS(middle->end_us - 3 * G_USEC_PER_SEC), <, 30000);
  g_assert_null(((SacChapter *)g_ptr_array_index(chapters, 2))->title);
  /* Two in the file and one beside it, which is chosen. */
  g_assert_cmpuint(subtitles->len, ==, 3);
  const SacTrack *beside = g_ptr_array_index(subtitles, 2);
  g_assert_cmpstr(beside->language, ==, "de");
  g_assert_nonnull(beside->path);
  g_assert_cmpint(sac_player_get_subtitle_track(player), ==, 2);
  static const struct {
    gint64 time_ms;
    const char *words;
  } cases[] = {
    { 3200, "last" },
    { 500, "" },
    { 1200, "<i>Slanted</i> &amp; &quot;plain&quot;\nsecond line" },
    { 1700, "<i>Slanted</i> &amp; &quot;plain&quot;\nsecond line|at the same time" },
    { 2200, "at the same time" },
    { 2700, "" },
  };
  for (int track = 2; track >= 0; track--) {
    sac_player_set_subtitle_track(player, track);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
      sac_player_seek(player, cases[i].time_ms * 1000, SAC_SEEK_EXACT);
      assert_says(player, cases[i].words);
    }
    sac_player_seek(player, 3200000, SAC_SEEK_EXACT);
    assert_says(player, "last");
    g_assert_true(((SacSubtitle *)g_ptr_array_index(sac_player_get_subtitles(player), 0))->at_top);
  }
  sac_player_set_subtitle_track(player, -1);
  assert_says(player, "");
  /* A file in the old way of writing. */
  g_assert_true(g_file_set_contents(other,
                                    "1\n00:00:03,000 --> 00:00:03,900\nGr\xfc\xdf"
                                    "e\n",
                                    -1, NULL));
  sac_player_add_subtitles(player, other);
  assert_says(player, "Gr\xc3\xbc\xc3\x9f"
                      "e");
  g_assert_cmpint(sac_player_get_subtitle_track(player), ==, 3);
  sac_player_add_subtitles(player, text);
  for (int i = 0; i < 200 && !error; i++)
    run_for(20);
  g_assert_nonnull(error);
  g_assert_cmpint(sac_player_get_subtitle_track(player), ==, 3);
  sac_player_close(player);
  g_assert_cmpuint(sac_player_get_subtitle_tracks(player)->len, ==, 0);
  run_for(50);
}

/* Subtitles that are pictures: where they lie, what they look like, and that they go when the next, an empty one, comes. */
static void
test_picture_subtitles(void)
{
  g_autofree char *path = clip("plain.mp4"), *other = clip("pictures.sup");
  g_autoptr(SacPlayer) player = sac_player_new();
  GPtrArray *seen = NULL;

  sac_player_open(player, path);
  assert_shows(player, 0);
  sac_player_seek(player, 1500000, SAC_SEEK_EXACT);
  sac_player_add_subtitles(player, other);
  for (int i = 0; i < 200 && !(seen = sac_player_get_subtitles(player))->len; i++)
    run_for(20);
  g_assert_cmpuint(seen->len, ==, 1);
  const SacSubtitle *subtitle = g_ptr_array_index(seen, 0);
  g_assert_null(subtitle->markup);
  g_assert_cmpuint(subtitle->pictures->len, ==, 1);
  const SacSubtitlePicture *picture = g_ptr_array_index(subtitle->pictures, 0);
  g_assert_cmpfloat_with_epsilon(picture->x, 80.0 / 320, 1e-9);
  g_assert_cmpfloat_with_epsilon(picture->y, 160.0 / 180, 1e-9);
  g_assert_cmpfloat_with_epsilon(picture->width, 4.0 / 320, 1e-9);
  g_assert_cmpfloat_with_epsilon(picture->height, 2.0 / 180, 1e-9);
  g_assert_cmpint(picture->frame->width, ==, 4);
  g_assert_true(is_colour(picture->frame->pixels, 255, 0, 0, 24));
  g_assert_cmpint(picture->frame->pixels[3], ==, 255);
  sac_player_seek(player, 2500000, SAC_SEEK_EXACT);
  for (int i = 0; i < 200 && sac_player_get_subtitles(player)->len; i++)
    run_for(20);
  g_assert_cmpuint(sac_player_get_subtitles(player)->len, ==, 0);
  sac_player_close(player);
  run_for(50);
}

/* Play stays between two times, also where the later one is the end. */
static void
test_loop(void)
{
  g_autofree char *path = clip("plain.mp4");
  g_autoptr(SacPlayer) player = sac_player_new();
  static const gint64 loops[][2] = { { 1000000, 1400000 }, { 3500000, 4000000 } };
  int ended = 0, rounds = 0;

  g_signal_connect(player, "ended", G_CALLBACK(count), &ended);
  g_signal_connect(player, "sought", G_CALLBACK(count_seeks), &rounds);
  sac_player_open(player, path);
  assert_shows(player, 0);
  for (gsize i = 0; i < G_N_ELEMENTS(loops); i++) {
    sac_player_set_loop(player, loops[i][0], loops[i][1]);
    sac_player_seek(player, loops[i][0] + 100000, SAC_SEEK_EXACT);
    sac_player_play(player);
    rounds = 0;
    for (int turn = 0; turn < 400 && rounds < 4; turn++) {
      run_for(20);
      g_assert_cmpint(sac_player_get_position(player), >=, loops[i][0]);
      g_assert_cmpint(sac_player_get_position(player), <=, loops[i][1] + 300000);
    }
    g_assert_cmpint(rounds, >=, 4);
    g_assert_true(sac_player_get_playing(player));
  }
  g_assert_cmpint(ended, ==, 0);
  sac_player_set_loop(player, -1, -1);
  for (int i = 0; i < 400 && !ended; i++)
    run_for(20);
  g_assert_cmpint(ended, ==, 1);
  sac_player_close(player);
  run_for(50);
}

/* A file that goes, ends early or becomes another while it plays: there is a word about it, and the player lives. */
static void
test_changed_files(void)
{
  g_autofree char *path = clip("plain.mkv"), *copy = clip("changing.mkv"), *content = NULL;
  g_autoptr(SacPlayer) player = sac_player_new();
  int ended = 0;
  gsize size;

  g_assert_true(g_file_get_contents(path, &content, &size, NULL));
  g_signal_connect(player, "ended", G_CALLBACK(count), &ended);
  for (int what = 0; what < 3; what++) {
    g_autoptr(GError) error = NULL;
    const gulong handler = g_signal_connect(player, "error", G_CALLBACK(keep_error), &error);
    FILE *file = fopen(copy, "wb");

    ended = 0;
    g_assert_cmpuint(fwrite(content, 1, size, file), ==, size);
    fclose(file);
    sac_player_open(player, copy);
    assert_shows(player, 0);
    if (what == 0) {
      g_unlink(copy);
    } else {
      file = fopen(copy, "r+b"); /* the same file, in place */
      if (what == 1)
        g_assert_cmpint(ftruncate(fileno(file), (off_t)size / 3), ==, 0);
      for (gsize i = 0; what == 2 && i < size; i++)
        fputc("no video "[i % 9], file);
      fclose(file);
    }
    sac_player_play(player);
    for (int i = 0; i < 500 && !ended && !error; i++)
      run_for(20);
    if (what == 0)
      g_assert_no_error(error);
    else
      g_assert_nonnull(error);
    if (error)
      g_assert_nonnull(strstr(error->message, copy));
    g_assert_false(sac_player_get_playing(player));
    g_signal_handler_disconnect(player, handler);
    /* It goes on with another one. */
    sac_player_open(player, path);
    assert_shows(player, 0);
    sac_player_seek(player, 50 * FRAME_US + 1000, SAC_SEEK_EXACT);
    assert_shows(player, 50);
  }
  sac_player_close(player);
  run_for(50);
}

static void
remove_folder(const char *path)
{
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name(dir))) {
    g_autofree char *child = g_build_filename(path, name, NULL);
    if (g_file_test(child, G_FILE_TEST_IS_DIR))
      remove_folder(child);
    else
      g_unlink(child);
  }
  g_rmdir(path);
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  int status;

  /* No sound server: the player must do without. */
  g_setenv("PULSE_SERVER", "unix:/nonexistent", TRUE);
  g_test_init(&argc, &argv, NULL);
  g_assert_cmpint(argc, ==, 3);
  folder = g_dir_make_tmp("saccade-media-XXXXXX", NULL);
  const char *const command[] = { argv[1], argv[2], folder, NULL };
  g_spawn_sync(NULL, (char **)command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error(error);
  if (!g_spawn_check_wait_status(status, NULL))
    return 1;
  g_test_add_func("/media/every-frame", test_every_frame);
  g_test_add_func("/media/planes", test_planes);
  g_test_add_func("/media/samples", test_samples);
  g_test_add_func("/media/variable-rate", test_variable_rate);
  g_test_add_func("/media/colours", test_colours);
  g_test_add_func("/media/high-dynamic-range", test_high_dynamic_range);
  g_test_add_func("/media/rotation-and-aspect", test_rotation_and_aspect);
  g_test_add_func("/media/interlaced-and-size-change", test_interlaced_and_size_change);
  g_test_add_func("/media/pictures", test_pictures);
  g_test_add_func("/media/probe", test_probe);
  g_test_add_func("/media/bad-files", test_bad_files);
  g_test_add_func("/media/truncations", test_truncations);
  g_test_add_func("/media/cancel", test_cancel);
  g_test_add_func("/media/thumbnails", test_thumbnails);
  g_test_add_func("/media/waveform", test_waveform);
  g_test_add_func("/media/waveform-samples", test_waveform_samples);
  g_test_add_func("/media/film", test_film);
  g_test_add_func("/media/cache-files", test_cache_files);
  g_test_add_func("/media/speeds", test_speeds);
  g_test_add_func("/media/amplify", test_amplify);
  g_test_add_func("/media/player", test_player);
  g_test_add_func("/media/player/walks", test_player_walks);
  g_test_add_func("/media/player/tracks", test_tracks);
  g_test_add_func("/media/player/picture-subtitles", test_picture_subtitles);
  g_test_add_func("/media/player/loop", test_loop);
  g_test_add_func("/media/player/changed-files", test_changed_files);
  g_test_add_func("/media/player-planes", test_player_planes);
  status = g_test_run();
  remove_folder(folder);
  g_free(folder);
  return status;
}
