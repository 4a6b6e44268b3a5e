/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>

#include <math.h>

#include "core/analysis/sac-clip-window.h"
#include "core/analysis/sac-encoder.h"
#include "core/cli/cli.h"
#include "core/media/sac-frame-reader.h"
#include "core/media/sac-probe.h"
#include "core/sac-error.h"
#include "core/sac-time.h"

/*
 * The raw vectors, for scripts and for tests. A text's vector is the one that is searched with: its cosine with a picture's vector of
 * the same model is what search ranks by.
 *
 * A video has one vector: a model of movement makes it of one clip, whose frames are spread evenly over the video (the middle of each
 * of its equal parts), any other the unit-length mean of its frames' vectors. --samples prints those that a library holds instead.
 */

#define VECTORS_A_SLICE 32

struct arguments {
  char *model, *image, *text, *video, *from, *to;
  double every;
  gboolean samples;
  int device;
};

static void
add_header(JsonBuilder *json, const char *model, gsize dimensions)
{
  json_builder_begin_object(json);
  json_builder_set_member_name(json, "model");
  json_builder_add_string_value(json, model);
  json_builder_set_member_name(json, "dimensions");
  json_builder_add_int_value(json, (gint64)dimensions);
}

static void
add_vector(JsonBuilder *json, const float *vector, gsize dimensions)
{
  json_builder_set_member_name(json, "vector");
  json_builder_begin_array(json);
  for (gsize i = 0; i < dimensions; i++)
    json_builder_add_double_value(json, (double)vector[i]);
  json_builder_end_array(json);
}

static void
print_vector(const float *vector, gsize dimensions)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  for (gsize i = 0; i < dimensions; i++)
    g_print("%s%s", i ? " " : "", g_ascii_formatd(text, sizeof text, "%.6g", (double)vector[i]));
  g_print("\n");
}

static void
print_one(const struct arguments *arguments, gboolean as_json, const float *vector, gsize dimensions)
{
  if (as_json) {
    JsonBuilder *json = json_builder_new();

    add_header(json, arguments->model, dimensions);
    add_vector(json, vector, dimensions);
    json_builder_end_object(json);
    cli_print_json(json);
  } else {
    print_vector(vector, dimensions);
  }
}

static gboolean
embed_text(const struct arguments *arguments, gboolean as_json, SacEncoder *encoder, GError **error)
{
  g_autofree float *vector = NULL;
  gsize dimensions;
  SacCalibration calibration;

  if (!sac_encoder_embed_query(encoder, arguments->model, arguments->text, &vector, &dimensions, &calibration,
                               cli_cancellable(), error))
    return FALSE;
  print_one(arguments, as_json, vector, dimensions);
  return TRUE;
}

/* In its full size, so that the network's own way of making it smaller is the only one. */
static gboolean
embed_image(const struct arguments *arguments, gboolean as_json, SacEncoder *encoder, gsize dimensions, GError **error)
{
  g_autoptr(SacFrame) frame = sac_frame_at(arguments->image, 0, 0, SAC_FRAME_RGB24, cli_cancellable(), error);
  g_autofree float *vector = g_new(float, dimensions);

  if (!frame || !sac_encoder_embed_picture(encoder, arguments->model, frame, vector, cli_cancellable(), error))
    return FALSE;
  print_one(arguments, as_json, vector, dimensions);
  return TRUE;
}

/* ---- A video ---- */

struct video {
  const struct arguments *arguments;
  SacEncoder *encoder;
  const SacModelInfo *info;
  gint64 from_us, to_us; /* to_us 0: to the end, wherever that is */
  JsonBuilder *json;     /* --samples --json */
  double *sum;           /* [dimensions], for the mean */
};

static SacFrameReader *
open_reader(const struct video *video, gint64 start_us, gint64 interval_us, GError **error)
{
  SacFrameReaderOptions options = { .interval_us = interval_us, .start_us = start_us, .end_us = video->to_us };

  sac_model_info_read_options(video->info, &options);
  return sac_frame_reader_new(video->arguments->video, &options, error);
}

static void
print_sample(const struct video *video, gint64 time_us, const float *vector)
{
  const gsize dimensions = video->info->dimensions;

  if (video->json) {
    json_builder_begin_object(video->json);
    json_builder_set_member_name(video->json, "time");
    json_builder_add_double_value(video->json, sac_time_seconds(time_us));
    add_vector(video->json, vector, dimensions);
    json_builder_end_object(video->json);
  } else {
    g_autofree char *time = sac_time_format_full(time_us);

    g_print("%s ", time);
    print_vector(vector, dimensions);
  }
}

/* Embeds the clips and prints each vector, or adds it to the sum. */
static gboolean
embed_slice(const struct video *video, GPtrArray *clips, GArray *times, GError **error)
{
  const gsize dimensions = video->info->dimensions;
  g_autofree float *vectors = g_new(float, times->len *dimensions);

  if (!sac_encoder_embed_frames(video->encoder, video->arguments->model, (SacFrame *const *)clips->pdata, times->len,
                                vectors, cli_cancellable(), error))
    return FALSE;
  for (guint i = 0; i < times->len; i++) {
    const float *vector = vectors + i * dimensions;

    if (!video->sum)
      print_sample(video, g_array_index(times, gint64, i), vector);
    for (gsize d = 0; video->sum && d < dimensions; d++)
      video->sum[d] += (double)vector[d];
  }
  g_ptr_array_set_size(clips, 0);
  g_array_set_size(times, 0);
  return TRUE;
}

static gboolean
set_no_frames(const struct video *video, GError **error)
{
  g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE, _("%s: there is no frame in that part of it"),
              video->arguments->video);
  return FALSE;
}

/* Frames are read as the index reads them, so these are the vectors that a library holds. */
static gboolean
embed_samples(const struct video *video, GError **error)
{
  g_autoptr(SacFrameReader) reader =
      open_reader(video, video->from_us, (gint64)(video->arguments->every * SAC_SECOND), error);
  g_autoptr(SacClipWindow) window = sac_clip_window_new(video->info->clip_frames);
  g_autoptr(GPtrArray) clips = g_ptr_array_new_with_free_func((GDestroyNotify)sac_frame_unref);
  g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(gint64));
  GError *broken = NULL;
  gboolean more = TRUE, any = FALSE;

  if (!reader)
    return FALSE;
  while (more) {
    SacFrame *frame = sac_frame_reader_next(reader, cli_cancellable(), &broken);
    gint64 time_us;

    if (broken) {
      g_propagate_error(error, broken);
      return FALSE;
    }
    more = frame != NULL;
    any = any || more;
    if (more)
      sac_clip_window_push(window, frame, FALSE);
    else
      sac_clip_window_end(window);
    while (sac_clip_window_next(window, clips, &time_us)) {
      g_array_append_val(times, time_us);
      if (times->len == VECTORS_A_SLICE && !embed_slice(video, clips, times, error))
        return FALSE;
    }
  }
  return any ? times->len == 0 || embed_slice(video, clips, times, error) : set_no_frames(video, error);
}

static gboolean
print_samples(struct video *video, gboolean as_json, GError **error)
{
  if (!as_json)
    return embed_samples(video, error);
  g_autoptr(JsonBuilder) json = video->json = json_builder_new();
  add_header(json, video->arguments->model, video->info->dimensions);
  json_builder_set_member_name(json, "samples");
  json_builder_begin_array(json);
  if (!embed_samples(video, error))
    return FALSE;
  json_builder_end_array(json);
  json_builder_end_object(json);
  cli_print_json(g_steal_pointer(&json));
  return TRUE;
}

static gboolean
embed_mean(struct video *video, float *vector, GError **error)
{
  const gsize dimensions = video->info->dimensions;
  g_autofree double *sum = video->sum = g_new0(double, dimensions);
  double length = 0;

  if (!embed_samples(video, error))
    return FALSE;
  for (gsize i = 0; i < dimensions; i++)
    length += sum[i] * sum[i];
  length = sqrt(length);
  for (gsize i = 0; i < dimensions; i++)
    vector[i] = (float)(length > 0 ? sum[i] / length : 0);
  return TRUE;
}

/* The frame that is shown in the middle of each of clip_frames equal parts; one that is shown in several stands for each. */
static gboolean
embed_clip(const struct video *video, float *vector, GError **error)
{
  const guint frames = video->info->clip_frames;
  const gint64 part = MAX(1, (video->to_us - video->from_us) / frames);
  g_autoptr(SacFrameReader) reader = open_reader(video, video->from_us + part / 2, part, error);
  g_autoptr(SacClipWindow) window = sac_clip_window_new(frames);
  g_autoptr(GPtrArray) clip = g_ptr_array_new_with_free_func((GDestroyNotify)sac_frame_unref);
  GError *broken = NULL;
  SacFrame *frame;
  gint64 time_us;

  if (!reader)
    return FALSE;
  for (guint i = 0; i < frames && (frame = sac_frame_reader_next(reader, cli_cancellable(), &broken)); i++)
    sac_clip_window_push(window, frame, FALSE);
  if (broken) {
    g_propagate_error(error, broken);
    return FALSE;
  }
  sac_clip_window_end(window);
  if (!sac_clip_window_next(window, clip, &time_us))
    return set_no_frames(video, error);
  return sac_encoder_embed_frames(video->encoder, video->arguments->model, (SacFrame *const *)clip->pdata, 1, vector,
                                  cli_cancellable(), error);
}

/* The part of the video that is asked for. */
static gboolean
find_span(struct video *video, GError **error)
{
  const struct arguments *arguments = video->arguments;
  g_autoptr(SacMediaInfo) media = sac_probe_file(arguments->video, error);

  if (!media || (arguments->from && !sac_time_parse(arguments->from, &video->from_us, error)) ||
      (arguments->to && !sac_time_parse(arguments->to, &video->to_us, error)))
    return FALSE;
  if (!arguments->to)
    video->to_us = MAX(0, media->duration_us);
  if (video->to_us > 0 && video->to_us <= video->from_us) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE,
                _("%s: from %g to %g seconds there is nothing of it; it lasts %g seconds"), arguments->video,
                sac_time_seconds(video->from_us), sac_time_seconds(video->to_us), sac_time_seconds(media->duration_us));
    return FALSE;
  }
  return TRUE;
}

static gboolean
embed_video(const struct arguments *arguments, gboolean as_json, SacEncoder *encoder, GError **error)
{
  SacModelInfo info;
  struct video video = { .arguments = arguments, .encoder = encoder, .info = &info };

  /* The device has a say in how frames are read. */
  if (!find_span(&video, error) || !sac_encoder_open_model(encoder, arguments->model, &info, cli_cancellable(), error))
    return FALSE;
  if (arguments->samples)
    return print_samples(&video, as_json, error);
  g_autofree float *vector = g_new(float, info.dimensions);
  if (!(info.clip_frames > 1 && video.to_us > 0 ? embed_clip(&video, vector, error)
                                                : embed_mean(&video, vector, error)))
    return FALSE;
  print_one(arguments, as_json, vector, info.dimensions);
  return TRUE;
}

static int
embed(const struct arguments *arguments, gboolean as_json)
{
  g_autoptr(SacEncoder) encoder = sac_encoder_new(arguments->device);
  SacModelInfo info;
  GError *error = NULL;
  gboolean done = FALSE;

  if (!sac_encoder_get_model_info(encoder, arguments->model, &info, &error))
    return cli_fail(error);
  if (arguments->text)
    done = embed_text(arguments, as_json, encoder, &error);
  else if (!info.embeds_pictures)
    g_set_error(&error, SAC_ERROR, SAC_ERROR_UNSUPPORTED,
                _("The model “%s” reads texts only: choose one that sees pictures with --model (saccade models list)"),
                arguments->model);
  else if (arguments->image)
    done = embed_image(arguments, as_json, encoder, info.dimensions, &error);
  else
    done = embed_video(arguments, as_json, encoder, &error);
  return done ? 0 : cli_fail(error);
}

static int
run(const struct cli_command *command, int argc, char **argv)
{
  struct arguments arguments = { .every = 1, .device = -1 };
  struct cli_options options = { 0 };
  const GOptionEntry entries[] = {
    { "model", 0, 0, G_OPTION_ARG_STRING, &arguments.model, N_("The model (default: starter)"), N_("ID") },
    { "image", 0, 0, G_OPTION_ARG_FILENAME, &arguments.image, N_("Embed a picture"), N_("FILE") },
    { "text", 0, 0, G_OPTION_ARG_STRING, &arguments.text, N_("Embed words, as a query"), N_("STRING") },
    { "video", 0, 0, G_OPTION_ARG_FILENAME, &arguments.video, N_("Embed a video"), N_("FILE") },
    { "from", 0, 0, G_OPTION_ARG_STRING, &arguments.from,
      N_("Of the video, the part from here: seconds or hh:mm:ss.mmm"), N_("T") },
    { "to", 0, 0, G_OPTION_ARG_STRING, &arguments.to, N_("to here"), N_("T") },
    { "every", 0, 0, G_OPTION_ARG_DOUBLE, &arguments.every, N_("Seconds between a video's frames (default: 1)"),
      N_("SECONDS") },
    { "samples", 0, 0, G_OPTION_ARG_NONE, &arguments.samples, N_("Print a vector for each of those frames"), NULL },
    { "device", 0, 0, G_OPTION_ARG_INT, &arguments.device, N_("The Vulkan device, as saccade devices numbers them"),
      N_("N") },
    { NULL },
  };
  int status;

  if (!cli_parse(command, &argc, &argv, entries, &options, &status))
    return status;
  if (!arguments.model)
    arguments.model = g_strdup("starter");
  if (argc > 1)
    status = cli_usage_error(command, _("what is “%s”? Files are given with --image or --video"), argv[1]);
  else if (!arguments.image + !arguments.text + !arguments.video != 2)
    status = cli_usage_error(command, _("give one of --image, --text and --video"));
  else if (!arguments.video && (arguments.from || arguments.to || arguments.samples))
    status = cli_usage_error(command, _("--from, --to and --samples are for --video"));
  else if (!(arguments.every >= 0 && arguments.every <= 86400))
    status = cli_usage_error(command, _("--every is a number of seconds from 0 (every frame) to 86400"));
  else
    status = embed(&arguments, options.json);
  g_free(arguments.model);
  g_free(arguments.image);
  g_free(arguments.text);
  g_free(arguments.video);
  g_free(arguments.from);
  g_free(arguments.to);
  cli_options_clear(&options);
  return status;
}

const struct cli_command cli_embed = {
  .name = "embed",
  .summary = N_("print the vector of a picture, of words or of a video"),
  .usage = "[--model ID] (--image FILE | --text STRING | --video FILE [--from T] [--to T])",
  .run = run,
};
