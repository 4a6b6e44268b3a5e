/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>

#include "core/analysis/sac-encoder.h"
#include "core/cli/cli.h"
#include "core/media/sac-frame-reader.h"
#include "core/sac-error.h"
#include "core/sac-time.h"

/*
 * The raw vectors, for scripts and for tests. A text's vector is the one that is searched with: its cosine with a picture's vector of
 * the same model is what search ranks by.
 */

#define FRAMES_A_SLICE 32

struct arguments {
  char *model, *image, *text, *video;
  double every;
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

  if (!frame || !sac_encoder_embed_frames(encoder, arguments->model, &frame, 1, vector, cli_cancellable(), error))
    return FALSE;
  print_one(arguments, as_json, vector, dimensions);
  return TRUE;
}

static gboolean
embed_slice(const struct arguments *arguments, SacEncoder *encoder, GPtrArray *frames, gsize dimensions,
            JsonBuilder *json, GError **error)
{
  g_autofree float *vectors = g_new(float, frames->len *dimensions);

  if (!frames->len)
    return TRUE;
  if (!sac_encoder_embed_frames(encoder, arguments->model, (SacFrame *const *)frames->pdata, frames->len, vectors,
                                cli_cancellable(), error))
    return FALSE;
  for (guint i = 0; i < frames->len; i++) {
    const SacFrame *frame = frames->pdata[i];
    const float *vector = vectors + i * dimensions;

    if (json) {
      json_builder_begin_object(json);
      json_builder_set_member_name(json, "time");
      json_builder_add_double_value(json, sac_time_seconds(frame->time_us));
      add_vector(json, vector, dimensions);
      json_builder_end_object(json);
    } else {
      g_autofree char *time = sac_time_format_full(frame->time_us);

      g_print("%s ", time);
      print_vector(vector, dimensions);
    }
  }
  g_ptr_array_set_size(frames, 0);
  return TRUE;
}

/* Frames are read as the index reads them, so these are the vectors that a library holds. */
static gboolean
embed_video(const struct arguments *arguments, gboolean as_json, SacEncoder *encoder, const SacModelInfo *info,
            GError **error)
{
  const SacFrameReaderOptions options = { .interval_us = (gint64)(arguments->every * SAC_SECOND),
                                          .short_side = (int)info->input_side,
                                          .format = SAC_FRAME_RGB24 };
  g_autoptr(SacFrameReader) reader = sac_frame_reader_new(arguments->video, &options, error);
  g_autoptr(GPtrArray) frames = g_ptr_array_new_with_free_func((GDestroyNotify)sac_frame_unref);
  g_autoptr(JsonBuilder) json = as_json ? json_builder_new() : NULL;
  GError *broken = NULL;
  SacFrame *frame;

  if (!reader)
    return FALSE;
  if (json) {
    add_header(json, arguments->model, info->dimensions);
    json_builder_set_member_name(json, "samples");
    json_builder_begin_array(json);
  }
  while ((frame = sac_frame_reader_next(reader, cli_cancellable(), &broken))) {
    g_ptr_array_add(frames, frame);
    if (frames->len == FRAMES_A_SLICE && !embed_slice(arguments, encoder, frames, info->dimensions, json, error))
      return FALSE;
  }
  if (broken) {
    g_propagate_error(error, broken);
    return FALSE;
  }
  if (!embed_slice(arguments, encoder, frames, info->dimensions, json, error))
    return FALSE;
  if (json) {
    json_builder_end_array(json);
    json_builder_end_object(json);
    cli_print_json(g_steal_pointer(&json));
  }
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
    done = embed_video(arguments, as_json, encoder, &info, &error);
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
    { "video", 0, 0, G_OPTION_ARG_FILENAME, &arguments.video, N_("Embed frames of a video"), N_("FILE") },
    { "every", 0, 0, G_OPTION_ARG_DOUBLE, &arguments.every, N_("Seconds between a video's frames (default: 1)"),
      N_("SECONDS") },
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
  else if (!(arguments.every >= 0 && arguments.every <= 86400))
    status = cli_usage_error(command, _("--every is a number of seconds from 0 (every frame) to 86400"));
  else
    status = embed(&arguments, options.json);
  g_free(arguments.model);
  g_free(arguments.image);
  g_free(arguments.text);
  g_free(arguments.video);
  cli_options_clear(&options);
  return status;
}

const struct cli_command cli_embed = {
  .name = "embed",
  .summary = N_("print the vector of a picture, of words or of a video's frames"),
  .usage = "[--model ID] (--image FILE | --text STRING | --video FILE)",
  .run = run,
};
