/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/imgutils.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/pixdesc.h>
#include <locale.h>
#include <string.h>

#include "core/media/sac-decoder-private.h"
#include "core/sac-error.h"

/* What the filters depend on: they are rebuilt when it changes, in the middle of a stream too. */
typedef struct {
  int width, height, format;
  AVRational sample_aspect;
  enum AVColorSpace matrix;
  enum AVColorRange range;
  enum AVColorTransferCharacteristic transfer;
  enum AVColorPrimaries primaries;
  gboolean interlaced;
  SacOrientation orientation;
} PictureKind;

struct _SacConverter {
  char *path;
  SacConversion conversion;
  PictureKind kind;
  AVFilterGraph *graph;
  AVFilterContext *source, *sink;
};

SacConverter *
sac_converter_new(const char *path, const SacConversion *conversion)
{
  SacConverter *converter = g_new0(SacConverter, 1);

  converter->path = g_strdup(path);
  converter->conversion = *conversion;
  return converter;
}

void
sac_converter_free(SacConverter *converter)
{
  if (!converter)
    return;
  avfilter_graph_free(&converter->graph);
  g_free(converter->path);
  g_free(converter);
}

static gboolean
is_hdr(const PictureKind *kind)
{
  return kind->transfer == AVCOL_TRC_SMPTE2084 || kind->transfer == AVCOL_TRC_ARIB_STD_B67;
}

/* The size to scale to, before the picture is turned. */
static void
target_size(const SacConversion *conversion, int display_width, int display_height, gboolean transposed, int *width,
            int *height)
{
  double scale = 1;

  if (conversion->short_side)
    scale = (double)conversion->short_side / MIN(display_width, display_height);
  if (conversion->max_width > 0 && display_width * scale > conversion->max_width)
    scale = (double)conversion->max_width / display_width;
  if (conversion->max_height > 0 && display_height * scale > conversion->max_height)
    scale = (double)conversion->max_height / display_height;
  /* The long side is rounded down, as networks' own preprocessing does it; the short one is what it is, but for the scale's last digit.
   * A picture that is very much longer than wide keeps within what can be allocated. */
  const int across = (int)CLAMP(display_width * scale + 1e-6, 1, 32767),
            down = (int)CLAMP(display_height * scale + 1e-6, 1, 32767);
  *width = transposed ? down : across;
  *height = transposed ? across : down;
}

/* A stream that does not say is BT.709 when it is high definition and BT.601 otherwise, as every player assumes. */
static enum AVColorSpace
matrix_of(const PictureKind *kind)
{
  const gboolean high = kind->width >= 1280 || kind->height > 576;

  switch (kind->matrix) {
  case AVCOL_SPC_BT709:
  case AVCOL_SPC_BT2020_NCL:
  case AVCOL_SPC_SMPTE240M:
  case AVCOL_SPC_FCC:
    return kind->matrix;
  case AVCOL_SPC_BT2020_CL:
    return AVCOL_SPC_BT2020_NCL;
  case AVCOL_SPC_SMPTE170M:
  case AVCOL_SPC_BT470BG:
    return AVCOL_SPC_SMPTE170M;
  default:
    return high ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
  }
}

static const char *
name_of_matrix(enum AVColorSpace matrix)
{
  switch (matrix) {
  case AVCOL_SPC_BT709:
    return "bt709";
  case AVCOL_SPC_BT2020_NCL:
    return "bt2020";
  case AVCOL_SPC_SMPTE240M:
    return "smpte240m";
  case AVCOL_SPC_FCC:
    return "fcc";
  default:
    return "bt601";
  }
}

static char *
describe_filters(const SacConverter *converter, const PictureKind *kind)
{
  const AVPixFmtDescriptor *pixel = av_pix_fmt_desc_get(kind->format);
  const gboolean yuv =
      pixel && !(pixel->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) && pixel->nb_components >= 3;
  GString *filters = g_string_new(NULL);
  int display_width = kind->width, display_height = kind->height, width, height;

  sac_media_apply_aspect(kind->orientation, kind->sample_aspect, &display_width, &display_height);
  target_size(&converter->conversion, display_width, display_height, kind->orientation.transposed, &width, &height);
  /* One field is exact in time and needs no neighbours; at analysis sizes it loses nothing. */
  if (kind->interlaced && kind->height > 2)
    g_string_append(filters, "field=type=top,");
  g_string_append_printf(filters, "scale=w=%d:h=%d:flags=bicubic%s:param0=0:param1=0.5", width, height,
                         converter->conversion.is_quick ? "" : "+accurate_rnd+full_chroma_int+full_chroma_inp");
  if (yuv && !is_hdr(kind)) {
    g_string_append_printf(filters, ":in_color_matrix=%s", name_of_matrix(matrix_of(kind)));
    if (kind->range == AVCOL_RANGE_JPEG)
      g_string_append(filters, ":in_range=full");
  }
  /* Else the scaler makes it narrow, and zscale, which is told what the picture was, takes it for wide. */
  if (is_hdr(kind) && kind->range == AVCOL_RANGE_JPEG)
    g_string_append(filters, ":in_range=full:out_range=full");
  g_string_append_c(filters, ',');
  if (is_hdr(kind))
    g_string_append_printf(
        filters,
        "format=yuv444p10,zscale=matrixin=%s:transferin=%s:primariesin=%s:rangein=%s:transfer=linear:npl=203,"
        "format=gbrpf32,zscale=primaries=bt709,tonemap=tonemap=mobius:desat=0,"
        "zscale=transfer=iec61966-2-1:matrix=gbr:range=full,format=gbrp,",
        kind->matrix == AVCOL_SPC_BT709 ? "709" : "2020_ncl",
        kind->transfer == AVCOL_TRC_SMPTE2084 ? "smpte2084" : "arib-std-b67",
        kind->primaries == AVCOL_PRI_BT709 ? "709" : "2020", kind->range == AVCOL_RANGE_JPEG ? "full" : "limited");
  /* FFmpeg's name for the plain exchange of rows and columns is "cclock_flip". */
  g_string_append_printf(filters, "%s%s%s", kind->orientation.transposed ? "transpose=cclock_flip," : "",
                         kind->orientation.flip_x ? "hflip," : "", kind->orientation.flip_y ? "vflip," : "");
  g_string_append_printf(filters, "format=%s", converter->conversion.format == SAC_FRAME_RGBA ? "rgba" : "rgb24");
  return g_string_free(filters, FALSE);
}

static int
build_graph(SacConverter *converter, const PictureKind *kind)
{
  g_autofree char *filters = describe_filters(converter, kind);
  g_autofree char *arguments =
      g_strdup_printf("video_size=%dx%d:pix_fmt=%d:time_base=1/1000000:pixel_aspect=%d/%d", kind->width, kind->height,
                      kind->format, MAX(kind->sample_aspect.num, 0), MAX(kind->sample_aspect.den, 1));
  AVFilterInOut *inputs = avfilter_inout_alloc(), *outputs = avfilter_inout_alloc();
  int status = AVERROR(ENOMEM);
  /* FFmpeg writes the scaler's parameters out and reads them again, which fails where numbers have a decimal comma. */
  const locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0), before = uselocale(plain);

  avfilter_graph_free(&converter->graph);
  converter->graph = avfilter_graph_alloc();
  if (!converter->graph || !inputs || !outputs)
    goto end;
  converter->graph->nb_threads = 1;
  if ((status = avfilter_graph_create_filter(&converter->source, avfilter_get_by_name("buffer"), "in", arguments, NULL,
                                             converter->graph)) < 0 ||
      (status = avfilter_graph_create_filter(&converter->sink, avfilter_get_by_name("buffersink"), "out", NULL, NULL,
                                             converter->graph)) < 0)
    goto end;
  *outputs = (AVFilterInOut){ .name = av_strdup("in"), .filter_ctx = converter->source };
  *inputs = (AVFilterInOut){ .name = av_strdup("out"), .filter_ctx = converter->sink };
  if ((status = avfilter_graph_parse_ptr(converter->graph, filters, &inputs, &outputs, NULL)) >= 0)
    status = avfilter_graph_config(converter->graph, NULL);
end:
  uselocale(before);
  freelocale(plain);
  avfilter_inout_free(&inputs);
  avfilter_inout_free(&outputs);
  if (status < 0)
    avfilter_graph_free(&converter->graph);
  return status;
}

static void
free_picture(gpointer picture)
{
  AVFrame *frame = picture;

  av_frame_free(&frame);
}

/* The layout of SacFrame that the picture has, or SAC_FRAME_RGB24 for none. */
static SacFrameFormat
planes_of(const PictureKind *kind)
{
  switch (kind->format) {
  case AV_PIX_FMT_YUV420P:
  case AV_PIX_FMT_YUVJ420P:
    return SAC_FRAME_YUV420P;
  case AV_PIX_FMT_NV12:
    return SAC_FRAME_NV12;
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
  case AV_PIX_FMT_YUV420P10LE:
    return SAC_FRAME_YUV420P10;
  case AV_PIX_FMT_P010LE:
    return SAC_FRAME_P010;
#endif
  default:
    return SAC_FRAME_RGB24;
  }
}

static gboolean
has_chroma_place(const AVFrame *picture, gboolean as_stored)
{
  switch (picture->chroma_location) {
  case AVCHROMA_LOC_UNSPECIFIED:
  case AVCHROMA_LOC_LEFT:
  case AVCHROMA_LOC_CENTER:
    return TRUE;
  case AVCHROMA_LOC_TOPLEFT:
  case AVCHROMA_LOC_TOP:
    return as_stored;
  default:
    return FALSE;
  }
}

static gboolean
is_as_seen(const PictureKind *kind)
{
  const SacOrientation turned = kind->orientation;
  const gboolean square = kind->sample_aspect.num <= 0 || kind->sample_aspect.num == kind->sample_aspect.den;

  return square && !is_hdr(kind) && !turned.transposed && !turned.flip_x && !turned.flip_y;
}

/* The brightest that the picture says it has, in cd/m², as FFmpeg's tone mapping takes it. */
static double
peak_of(const AVFrame *picture)
{
  const AVFrameSideData *light = av_frame_get_side_data(picture, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL),
                        *display = av_frame_get_side_data(picture, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);

  if (light && ((const AVContentLightMetadata *)light->data)->MaxCLL >= 100)
    return ((const AVContentLightMetadata *)light->data)->MaxCLL;
  if (display && ((const AVMasteringDisplayMetadata *)display->data)->has_luminance) {
    const double most = av_q2d(((const AVMasteringDisplayMetadata *)display->data)->max_luminance);

    if (most >= 100)
      return most;
  }
  return 1000;
}

/* What is left to do with planes as they are stored. */
static void
describe_planes(SacFrame *frame, const PictureKind *kind, const AVFrame *picture)
{
  sac_media_apply_aspect(kind->orientation, kind->sample_aspect, &frame->display_width, &frame->display_height);
  frame->transposed = kind->orientation.transposed;
  frame->flip_x = kind->orientation.flip_x;
  frame->flip_y = kind->orientation.flip_y;
  frame->chroma_top = picture->chroma_location == AVCHROMA_LOC_TOPLEFT || picture->chroma_location == AVCHROMA_LOC_TOP;
  if (is_hdr(kind)) {
    frame->transfer = kind->transfer == AVCOL_TRC_SMPTE2084 ? SAC_TRANSFER_PQ : SAC_TRANSFER_HLG;
    frame->wide_primaries = kind->primaries != AVCOL_PRI_BT709;
    frame->peak = peak_of(picture);
  }
}

/* The picture as it was decoded, or NULL where it is not what SacFrame can say or the options want. */
static SacFrame *
share_planes(const SacConverter *converter, const PictureKind *kind, const AVFrame *picture)
{
  const SacFrameFormat format = planes_of(kind);
  const gboolean as_stored = converter->conversion.as_stored;
  /* As in describe_filters(). */
  const enum AVColorSpace matrix = !is_hdr(kind)                     ? matrix_of(kind)
                                   : kind->matrix == AVCOL_SPC_BT709 ? AVCOL_SPC_BT709
                                                                     : AVCOL_SPC_BT2020_NCL;

  if (!converter->conversion.max_plane_bytes || format == SAC_FRAME_RGB24 || kind->interlaced ||
      (!as_stored && !is_as_seen(kind)) ||
      (matrix != AVCOL_SPC_SMPTE170M && matrix != AVCOL_SPC_BT709 && matrix != AVCOL_SPC_BT2020_NCL) ||
      !has_chroma_place(picture, as_stored))
    return NULL;
  const gboolean apart = format == SAC_FRAME_YUV420P || format == SAC_FRAME_YUV420P10;
  for (int i = 0; i < (apart ? 3 : 2); i++)
    if (!picture->data[i] || picture->linesize[i] <= 0)
      return NULL;
  AVFrame *owner = av_frame_clone(picture);
  if (!owner)
    return NULL;
  SacFrame *frame = sac_frame_new_over(format, kind->width, kind->height, owner, free_picture);
  frame->pixels = owner->data[0];
  frame->stride = (gsize)owner->linesize[0];
  for (int i = 0; i < (apart ? 2 : 1); i++) {
    frame->chroma[i] = owner->data[i + 1];
    frame->chroma_stride[i] = (gsize)owner->linesize[i + 1];
  }
  frame->matrix = matrix == AVCOL_SPC_BT709       ? SAC_MATRIX_BT709
                  : matrix == AVCOL_SPC_SMPTE170M ? SAC_MATRIX_BT601
                                                  : SAC_MATRIX_BT2020;
  frame->full_range = kind->range == AVCOL_RANGE_JPEG || kind->format == AV_PIX_FMT_YUVJ420P;
  frame->chroma_centred =
      picture->chroma_location == AVCHROMA_LOC_CENTER || picture->chroma_location == AVCHROMA_LOC_TOP;
  if (as_stored)
    describe_planes(frame, kind, picture);
  if (sac_frame_bytes(frame) <= converter->conversion.max_plane_bytes)
    return frame;
  sac_frame_unref(frame);
  return NULL;
}

SacFrame *
sac_converter_convert(SacConverter *converter, const AVStream *stream, AVFrame *picture, gint64 time_us,
                      gint64 duration_us, GError **error)
{
  const PictureKind kind = {
    .width = picture->width,
    .height = picture->height,
    .format = picture->format,
    .sample_aspect = picture->sample_aspect_ratio.num > 0 ? picture->sample_aspect_ratio : stream->sample_aspect_ratio,
    .matrix = picture->colorspace,
    .range = picture->color_range,
    .transfer = picture->color_trc,
    .primaries = picture->color_primaries,
    .interlaced = sac_ffmpeg_is_interlaced(picture),
    .orientation = sac_media_orientation(stream, picture),
  };
  SacFrame *frame = share_planes(converter, &kind, picture);

  if (frame) {
    frame->time_us = time_us;
    frame->duration_us = duration_us;
    return frame;
  }
  AVFrame *converted = av_frame_alloc();
  int status = converted ? 0 : AVERROR(ENOMEM);

  if (status >= 0 && (!converter->graph || memcmp(&kind, &converter->kind, sizeof kind) != 0)) {
    converter->kind = kind;
    status = build_graph(converter, &kind);
  }
  if (status >= 0) {
    status = av_buffersrc_add_frame_flags(converter->source, picture, AV_BUFFERSRC_FLAG_KEEP_REF);
  }
  if (status >= 0)
    status = av_buffersink_get_frame(converter->sink, converted);
  if (status >= 0 && (frame = sac_frame_new(converter->conversion.format, converted->width, converted->height))) {
    av_image_copy_plane(frame->pixels, (int)frame->stride, converted->data[0], converted->linesize[0],
                        converted->width * (frame->format == SAC_FRAME_RGBA ? 4 : 3), converted->height);
    frame->time_us = time_us;
    frame->duration_us = duration_us;
  }
  if (!frame)
    sac_media_set_error(error, status < 0 ? status : AVERROR(ENOMEM), converter->path, _("converting a picture"));
  av_frame_free(&converted);
  return frame;
}
