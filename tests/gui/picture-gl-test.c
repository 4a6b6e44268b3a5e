/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <libavutil/display.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/pixdesc.h>
#include <math.h>
#include <string.h>

#include "core/media/sac-decoder-private.h"
#include "gui/sac-picture-gl.h"

/*
 * The OpenGL renderer against the converter of core/media, which uses FFmpeg's scaler and tone mapping on the processor: every layout,
 * matrix and range; larger, smaller, turned, of oblong pixels; PQ and HLG. And where the chroma is against arithmetic.
 *
 * Skipped where there is no display or no OpenGL.
 */

#define WIDTH 101
#define HEIGHT 67

static SacPictureGL *gl;

static GdkTexture *
draw(const SacFrame *planes, int width, int height)
{
  g_autoptr(GError) error = NULL;

  sac_picture_gl_set_frame(gl, planes, &error);
  g_assert_no_error(error);
  GdkTexture *texture = sac_picture_gl_draw(gl, width, height, &error);
  g_assert_no_error(error);
  return texture;
}

typedef struct {
  enum AVPixelFormat format;
  enum AVColorSpace matrix;
  enum AVColorRange range;
  enum AVColorTransferCharacteristic transfer;
  enum AVColorPrimaries primaries;
  AVRational aspect;
  int rotation, mirrored;
  int max_cll;
} Kind;

static int
wave(double x, double y, double phase, int low, int high)
{
  const double v = 0.5 + 0.25 * sin(x * 5 + phase) + 0.25 * cos(y * 4 - phase);
  return low + (int)lround(v * (high - low));
}

static void
put(AVFrame *picture, int plane, int x, int y, int step, int place, int value)
{
  guint8 *row = picture->data[plane] + (gsize)y * (gsize)picture->linesize[plane];
  const int index = x * step + place;
  switch (picture->format) {
  case AV_PIX_FMT_YUV420P10LE:
    ((guint16 *)(gpointer)row)[index] = (guint16)value;
    break;
  case AV_PIX_FMT_P010LE:
    ((guint16 *)(gpointer)row)[index] = (guint16)(value << 6);
    break;
  default:
    row[index] = (guint8)value;
  }
}

/* Colours that come and go slowly, without those that no screen has. */
static AVFrame *
make_picture(const Kind *kind, int width, int height)
{
  AVFrame *picture = av_frame_alloc();
  const gboolean apart = kind->format == AV_PIX_FMT_YUV420P || kind->format == AV_PIX_FMT_YUV420P10LE;
  const int unit = kind->format == AV_PIX_FMT_YUV420P10LE || kind->format == AV_PIX_FMT_P010LE ? 4 : 1;
  /* At the edge of a gamut a rounded code of PQ makes the difference between black and a dark grey. */
  const int swing = kind->transfer ? 12 : 28;

  picture->format = kind->format;
  picture->width = width;
  picture->height = height;
  picture->colorspace = kind->matrix;
  picture->color_range = kind->range;
  picture->color_trc = kind->transfer;
  picture->color_primaries = kind->primaries;
  picture->sample_aspect_ratio = kind->aspect;
  /* Whatever the picture says, FFmpeg's scaler takes it for this where it makes RGB, and for that where it makes what the tone mapping
     works on; they are the usual places, too. */
  picture->chroma_location = kind->transfer ? AVCHROMA_LOC_TOPLEFT : AVCHROMA_LOC_LEFT;
  g_assert_cmpint(av_frame_get_buffer(picture, 0), ==, 0);
  if (kind->max_cll)
    av_content_light_metadata_create_side_data(picture)->MaxCLL = (unsigned)kind->max_cll;
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      put(picture, 0, x, y, 1, 0, wave((double)x / width, (double)y / height, 0, 60 * unit, 190 * unit));
  for (int y = 0; y < (height + 1) / 2; y++)
    for (int x = 0; x < (width + 1) / 2; x++)
      for (int i = 0; i < 2; i++)
        put(picture, apart ? 1 + i : 1, x, y, apart ? 1 : 2, apart ? 0 : i,
            wave(2.0 * x / width, 2.0 * y / height, 1 + i, (128 - swing) * unit, (128 + swing) * unit));
  return picture;
}

static SacFrame *
convert(const Kind *kind, AVFrame *picture, int width, int height, gboolean planes)
{
  AVFormatContext *format = avformat_alloc_context();
  AVStream *stream = avformat_new_stream(format, NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(SacConverter) converter =
      sac_converter_new("picture", &(SacConversion){ .format = SAC_FRAME_RGBA,
                                                     .max_width = width,
                                                     .max_height = height,
                                                     .max_plane_bytes = planes ? G_MAXSIZE : 0,
                                                     .as_stored = planes });

  if (kind->rotation || kind->mirrored) {
    gint32 *display = (gpointer)av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof *display);
    av_display_rotation_set(display, kind->rotation);
    av_display_matrix_flip(display, kind->mirrored, FALSE);
  }
  SacFrame *frame = sac_converter_convert(converter, stream, picture, 0, 0, &error);
  g_assert_no_error(error);
  avformat_free_context(format);
  return frame;
}

/* The largest and the mean difference of 8-bit levels. */
static void
compare(const Kind *kind, int width, int height, int max_width, int max_height, int *worst, double *mean)
{
  AVFrame *picture = make_picture(kind, width, height);
  g_autoptr(SacFrame) reference = convert(kind, picture, max_width, max_height, FALSE);
  g_autoptr(SacFrame) planes = convert(kind, picture, max_width, max_height, TRUE);
  av_frame_free(&picture);

  g_assert_true(planes->format != SAC_FRAME_RGBA);
  g_autoptr(GdkTexture) texture = draw(planes, reference->width, reference->height);
  const gsize stride = (gsize)reference->width * 4;
  g_autofree guint8 *drawn = g_malloc(stride * (gsize)reference->height);
  gdk_texture_download(texture, drawn, stride); /* blue, green, red, alpha */
  *worst = 0;
  *mean = 0;
  for (int y = 0; y < reference->height; y++)
    for (int x = 0; x < reference->width; x++) {
      const guint8 *a = drawn + (gsize)y * stride + x * 4,
                   *b = reference->pixels + (gsize)y * reference->stride + x * 4;
      g_assert_cmpint(a[3], ==, 255);
      for (int i = 0; i < 3; i++) {
        const int difference = ABS(a[2 - i] - b[i]);
        *worst = MAX(*worst, difference);
        *mean += difference;
      }
    }
  *mean /= 3.0 * reference->width * reference->height;
}

static void
check(const char *what, const Kind *kind, int max_width, int max_height, int most, double most_mean)
{
  int worst;
  double mean;

  compare(kind, WIDTH, HEIGHT, max_width, max_height, &worst, &mean);
  if (worst > most || mean > most_mean)
    g_error("%s: %s, matrix %d, range %d, to at most %d × %d: off by %d, %.2f in the mean", what,
            av_get_pix_fmt_name(kind->format), kind->matrix, kind->range, max_width, max_height, worst, mean);
  g_test_message("%s: %s: off by %d, %.2f in the mean", what, av_get_pix_fmt_name(kind->format), worst, mean);
}

static const enum AVPixelFormat formats[] = { AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_NV12,
                                              AV_PIX_FMT_P010LE };
static const enum AVColorSpace matrices[] = { AVCOL_SPC_SMPTE170M, AVCOL_SPC_BT709, AVCOL_SPC_BT2020_NCL };
static const enum AVColorRange ranges[] = { AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG };

static void
test_colours(void)
{
  for (gsize f = 0; f < G_N_ELEMENTS(formats); f++)
    for (gsize m = 0; m < G_N_ELEMENTS(matrices); m++)
      for (gsize r = 0; r < G_N_ELEMENTS(ranges); r++) {
        const Kind kind = { .format = formats[f], .matrix = matrices[m], .range = ranges[r] };
        check("as large", &kind, 0, 0, 3, 1);
        check("smaller", &kind, 37, 0, 3, 1);
      }
}

static void
test_places(void)
{
  static const AVRational aspects[] = { { 0, 1 }, { 4, 3 }, { 8, 9 } };

  for (int mirrored = 0; mirrored < 2; mirrored++)
    for (int rotation = 0; rotation < 360; rotation += 90)
      for (gsize a = 0; a < G_N_ELEMENTS(aspects); a++) {
        const Kind kind = { .format = AV_PIX_FMT_NV12,
                            .matrix = AVCOL_SPC_BT709,
                            .range = AVCOL_RANGE_MPEG,
                            .rotation = rotation,
                            .mirrored = mirrored,
                            .aspect = aspects[a] };
        check("turned", &kind, 0, 0, 3, 1);
        check("turned and smaller", &kind, 51, 41, 3, 1);
      }
}

static void
test_high_dynamic_range(void)
{
  static const enum AVColorTransferCharacteristic transfers[] = { AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67 };
  static const int peaks[] = { 0, 400, 4000 };

  for (gsize t = 0; t < G_N_ELEMENTS(transfers); t++)
    for (gsize p = 0; p < G_N_ELEMENTS(peaks); p++)
      for (int wide = 0; wide < 2; wide++)
        for (gsize r = 0; r < G_N_ELEMENTS(ranges); r++) {
          const Kind kind = { .format = r ? AV_PIX_FMT_P010LE : AV_PIX_FMT_YUV420P10LE,
                              .matrix = wide ? AVCOL_SPC_BT2020_NCL : AVCOL_SPC_BT709,
                              .primaries = wide ? AVCOL_PRI_BT2020 : AVCOL_PRI_BT709,
                              .transfer = transfers[t],
                              .range = ranges[r],
                              .max_cll = peaks[p] };
          check(t ? "HLG" : "PQ", &kind, 0, 0, 8, 0.8);
        }
}

/* A red difference that rises by 4 a chroma sample, on grey: at luma column x the red follows the place of the chroma exactly. */
static void
test_where_chroma_is(void)
{
  static const struct {
    enum AVChromaLocation location;
    double shift_x, shift_y;
  } cases[] = { { AVCHROMA_LOC_LEFT, 0, 0.25 },
                { AVCHROMA_LOC_CENTER, 0.25, 0.25 },
                { AVCHROMA_LOC_TOPLEFT, 0, 0 },
                { AVCHROMA_LOC_TOP, 0.25, 0 } };
  enum { SIDE = 48 };

  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
    for (int down = 0; down < 2; down++) {
      const Kind kind = { .format = AV_PIX_FMT_YUV420P, .matrix = AVCOL_SPC_BT709, .range = AVCOL_RANGE_JPEG };
      AVFrame *picture = make_picture(&kind, SIDE, SIDE);
      guint8 drawn[SIDE * SIDE * 4];

      picture->chroma_location = cases[i].location;
      for (int y = 0; y < SIDE; y++)
        memset(picture->data[0] + y * picture->linesize[0], 128, SIDE);
      for (int y = 0; y < SIDE / 2; y++)
        for (int x = 0; x < SIDE / 2; x++) {
          put(picture, 1, x, y, 1, 0, 128);
          put(picture, 2, x, y, 1, 0, 80 + 4 * (down ? y : x));
        }
      g_autoptr(SacFrame) planes = convert(&kind, picture, 0, 0, TRUE);
      av_frame_free(&picture);
      g_autoptr(GdkTexture) texture = draw(planes, SIDE, SIDE);
      gdk_texture_download(texture, drawn, SIDE * 4);
      for (int along = 4; along < SIDE - 4; along++) {
        const double chroma = 80 + 4 * (along / 2.0 - (down ? cases[i].shift_y : cases[i].shift_x));
        const int red = drawn[(down ? along * SIDE + 20 : 20 * SIDE + along) * 4 + 2];
        g_assert_cmpfloat_with_epsilon(red, 128 + 1.5748 * (chroma - 128), 0.6);
      }
    }
}

/* A texture's memory is drawn on again only after it went, and what does not fit is an error. */
static void
test_life(void)
{
  const Kind kind = { .format = AV_PIX_FMT_NV12, .matrix = AVCOL_SPC_BT709, .range = AVCOL_RANGE_MPEG };
  g_autoptr(GError) error = NULL;
  AVFrame *picture = make_picture(&kind, WIDTH, HEIGHT);
  g_autoptr(SacFrame) planes = convert(&kind, picture, 0, 0, TRUE);
  GdkTexture *textures[8];
  guint8 before[16 * 16 * 4], after[16 * 16 * 4];

  av_frame_free(&picture);
  for (gsize i = 0; i < G_N_ELEMENTS(textures); i++) {
    textures[i] = draw(planes, 16, 16);
  }
  gdk_texture_download(textures[0], before, 16 * 4);
  for (int i = 0; i < WIDTH * HEIGHT; i++)
    planes->pixels[i / WIDTH * (int)planes->stride + i % WIDTH] = 16;
  for (gsize i = 1; i < G_N_ELEMENTS(textures); i++)
    g_object_unref(textures[i]);
  for (gsize i = 1; i < G_N_ELEMENTS(textures); i++)
    textures[i] = draw(planes, 16 + (int)i % 2, 16);
  gdk_texture_download(textures[0], after, 16 * 4);
  g_assert_cmpmem(before, sizeof before, after, sizeof after);
  gdk_texture_download(textures[2], after, 16 * 4);
  g_assert_cmpint(memcmp(before, after, sizeof after), !=, 0);
  for (gsize i = 0; i < G_N_ELEMENTS(textures); i++)
    g_object_unref(textures[i]);
  g_assert_null(sac_picture_gl_draw(gl, 1 << 20, 16, &error));
  g_assert_nonnull(error);
}

int
main(int argc, char **argv)
{
  g_autoptr(GError) error = NULL;

  if (!gtk_init_check()) {
    g_print("skipped: no display\n");
    return 77;
  }
  gl = sac_picture_gl_new(gdk_display_get_default(), &error);
  if (!gl) {
    g_print("skipped: %s\n", error->message);
    return 77;
  }
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/picture-gl/colours", test_colours);
  g_test_add_func("/picture-gl/places", test_places);
  g_test_add_func("/picture-gl/high-dynamic-range", test_high_dynamic_range);
  g_test_add_func("/picture-gl/where-chroma-is", test_where_chroma_is);
  g_test_add_func("/picture-gl/life", test_life);
  const int status = g_test_run();
  sac_picture_gl_unref(gl);
  return status;
}
