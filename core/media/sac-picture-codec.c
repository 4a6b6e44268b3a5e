/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-picture-codec.h"

#include <libavcodec/avcodec.h>
#include <string.h>

/* Of a quantiser's 2…31. */
#define QUALITY 3

struct _SacPictureCodec {
  AVCodecContext *packer, *unpacker;
  AVPacket *packet;
  AVFrame *frame;
};

SacPictureCodec *
sac_picture_codec_new(void)
{
  SacPictureCodec *codec = g_new0(SacPictureCodec, 1);

  codec->packet = av_packet_alloc();
  codec->frame = av_frame_alloc();
  return codec;
}

void
sac_picture_codec_free(SacPictureCodec *codec)
{
  if (!codec)
    return;
  avcodec_free_context(&codec->packer);
  avcodec_free_context(&codec->unpacker);
  av_packet_free(&codec->packet);
  av_frame_free(&codec->frame);
  g_free(codec);
}

static guint8
byte_of(int value)
{
  return (guint8)CLAMP((value + (1 << 15)) >> 16, 0, 255);
}

/* JFIF's colours: ITU-R BT.601 with all of 0…255, here in 16 binary places. */
static void
to_planes(const SacFrame *from, AVFrame *to)
{
  for (int y = 0; y < from->height; y++) {
    const guint8 *pixel = from->pixels + (gsize)y * from->stride;
    guint8 *luma = to->data[0] + y * to->linesize[0], *blue = to->data[1] + y * to->linesize[1],
           *red = to->data[2] + y * to->linesize[2];

    for (int x = 0; x < from->width; x++, pixel += 4) {
      luma[x] = byte_of(19595 * pixel[0] + 38470 * pixel[1] + 7471 * pixel[2]);
      blue[x] = byte_of(-11059 * pixel[0] - 21709 * pixel[1] + 32768 * pixel[2] + (128 << 16));
      red[x] = byte_of(32768 * pixel[0] - 27439 * pixel[1] - 5329 * pixel[2] + (128 << 16));
    }
  }
}

static void
from_planes(const AVFrame *from, SacFrame *to)
{
  for (int y = 0; y < to->height; y++) {
    guint8 *pixel = to->pixels + (gsize)y * to->stride;
    const guint8 *luma = from->data[0] + y * from->linesize[0], *blue = from->data[1] + y * from->linesize[1],
                 *red = from->data[2] + y * from->linesize[2];

    for (int x = 0; x < to->width; x++, pixel += 4) {
      const int value = luma[x] << 16, b = blue[x] - 128, r = red[x] - 128;

      pixel[0] = byte_of(value + 91881 * r);
      pixel[1] = byte_of(value - 22554 * b - 46802 * r);
      pixel[2] = byte_of(value + 116130 * b);
      pixel[3] = 255;
    }
  }
}

static gboolean
open_packer(SacPictureCodec *codec, int width, int height)
{
  if (codec->packer && codec->packer->width == width && codec->packer->height == height)
    return TRUE;
  avcodec_free_context(&codec->packer);
  const AVCodec *jpeg = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
  if (!jpeg || !(codec->packer = avcodec_alloc_context3(jpeg)))
    return FALSE;
  codec->packer->width = width;
  codec->packer->height = height;
  codec->packer->pix_fmt = AV_PIX_FMT_YUVJ444P;
  codec->packer->color_range = AVCOL_RANGE_JPEG;
  codec->packer->time_base = (AVRational){ 1, 25 };
  codec->packer->flags |= AV_CODEC_FLAG_QSCALE;
  codec->packer->global_quality = QUALITY * FF_QP2LAMBDA;
  codec->packer->thread_count = 1;
  if (avcodec_open2(codec->packer, jpeg, NULL) >= 0)
    return TRUE;
  avcodec_free_context(&codec->packer);
  return FALSE;
}

GBytes *
sac_picture_codec_pack(SacPictureCodec *codec, const SacFrame *frame)
{
  GBytes *bytes = NULL;

  if (!open_packer(codec, frame->width, frame->height))
    return NULL;
  codec->frame->format = AV_PIX_FMT_YUVJ444P;
  codec->frame->width = frame->width;
  codec->frame->height = frame->height;
  codec->frame->quality = codec->packer->global_quality;
  if (av_frame_get_buffer(codec->frame, 0) >= 0) {
    to_planes(frame, codec->frame);
    if (avcodec_send_frame(codec->packer, codec->frame) >= 0 &&
        avcodec_receive_packet(codec->packer, codec->packet) >= 0)
      bytes = g_bytes_new(codec->packet->data, (gsize)codec->packet->size);
  }
  av_frame_unref(codec->frame);
  av_packet_unref(codec->packet);
  return bytes;
}

SacFrame *
sac_picture_codec_unpack(SacPictureCodec *codec, GBytes *bytes)
{
  const AVCodec *jpeg = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
  SacFrame *frame = NULL;
  gsize size;
  const guint8 *data = g_bytes_get_data(bytes, &size);

  if (!codec->unpacker) {
    if (!jpeg || !(codec->unpacker = avcodec_alloc_context3(jpeg)))
      return NULL;
    codec->unpacker->thread_count = 1;
    if (avcodec_open2(codec->unpacker, jpeg, NULL) < 0) {
      avcodec_free_context(&codec->unpacker);
      return NULL;
    }
  }
  if (size == 0 || size > G_MAXINT / 2 || av_new_packet(codec->packet, (int)size) < 0)
    return NULL;
  memcpy(codec->packet->data, data, size);
  if (avcodec_send_packet(codec->unpacker, codec->packet) >= 0 &&
      avcodec_receive_frame(codec->unpacker, codec->frame) >= 0 &&
      (codec->frame->format == AV_PIX_FMT_YUVJ444P || codec->frame->format == AV_PIX_FMT_YUV444P) &&
      codec->frame->width <= 4096 && codec->frame->height <= 4096 &&
      (frame = sac_frame_new(SAC_FRAME_RGBA, codec->frame->width, codec->frame->height)))
    from_planes(codec->frame, frame);
  av_packet_unref(codec->packet);
  av_frame_unref(codec->frame);
  return frame;
}
