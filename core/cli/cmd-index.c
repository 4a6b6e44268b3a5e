/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <inttypes.h>
#include <math.h>

#include "core/analysis/sac-index-job.h"
#include "core/cli/cli.h"
#include "core/cli/moment-json.h"
#include "core/sac-error.h"
#include "core/sac-time.h"

static const char *const state_names[] = { "indexed", "unchanged", "duplicate", "skipped", "failed" };

static void
show_progress(SacIndexJob *job, const SacIndexFile *file, gpointer data)
{
  if (file != NULL && file->state == SAC_INDEX_FILE_FAILED) {
    cli_message("%s", file->reason);
    return;
  }
  g_autofree char *message = sac_index_job_dup_message(job);
  g_autofree char *rate = g_strdup_printf(_("%.1f× real time"), sac_index_job_get_rate(job));
  gint64 left = sac_index_job_get_time_left(job);
  cli_progress(message, sac_index_job_get_fraction(job), rate, left < 0 ? -1 : sac_time_seconds(left));
}

static void
print_json(const SacIndexReport *report)
{
  JsonBuilder *json = json_builder_new();
  json_builder_begin_object(json);
  json_builder_set_member_name(json, "seconds");
  json_builder_add_double_value(json, report->seconds);
  json_builder_set_member_name(json, "samples");
  json_builder_add_int_value(json, report->n_samples);
  cli_add_string_json(json, "notice", report->notice);
  json_builder_set_member_name(json, "files");
  json_builder_begin_array(json);
  for (guint i = 0; i < report->files->len; i++) {
    const SacIndexFile *file = report->files->pdata[i];
    json_builder_begin_object(json);
    cli_add_string_json(json, "file", file->path);
    cli_add_string_json(json, "state", state_names[file->state]);
    cli_add_string_json(json, "reason", file->reason);
    json_builder_set_member_name(json, "duration");
    json_builder_add_double_value(json, sac_time_seconds(MAX(0, file->duration_us)));
    json_builder_set_member_name(json, "samples");
    json_builder_add_int_value(json, file->n_samples);
    json_builder_end_object(json);
  }
  json_builder_end_array(json);
  json_builder_end_object(json);
  cli_print_json(json);
}

static void
print_summary(const SacIndexReport *report)
{
  for (guint i = 0; i < report->files->len; i++) {
    const SacIndexFile *file = report->files->pdata[i];
    if (file->state == SAC_INDEX_FILE_SKIPPED)
      cli_message(_("Skipped: %s"), file->reason);
  }
  g_print(_("%u indexed, %u unchanged, %u duplicates, %u skipped, %u failed; %" PRId64
            " frame samples in %.1f s (%.1f× real time)\n"),
          report->n_indexed, report->n_unchanged, report->n_duplicates, report->n_skipped, report->n_failed,
          report->n_samples, report->seconds,
          report->seconds > 0 ? sac_time_seconds(report->media_us) / report->seconds : 0);
}

static void
forward_cancel(GCancellable *cancellable, gpointer job)
{
  sac_index_job_cancel(job);
}

static int
run_index(const struct cli_command *command, int argc, char **argv)
{
  g_autofree char *model = NULL, *every = NULL, *analysers_text = NULL, *precision = NULL;
  int device = -1;
  gboolean keyframes = FALSE, software = FALSE;
  const GOptionEntry entries[] = {
    { "model", 0, 0, G_OPTION_ARG_STRING, &model, N_("the model that looks (starter)"), N_("ID") },
    { "every", 0, 0, G_OPTION_ARG_STRING, &every, N_("time between frame samples (1); 0: every frame"), N_("SECONDS") },
    { "analysers", 0, 0, G_OPTION_ARG_STRING, &analysers_text, N_("what to compute (all)"), N_("NAME,…") },
    { "keyframes", 0, 0, G_OPTION_ARG_NONE, &keyframes, N_("samples may fall on key frames, which is faster"), NULL },
    { "software", 0, 0, G_OPTION_ARG_NONE, &software, N_("decode without the graphics hardware"), NULL },
    { "device", 0, 0, G_OPTION_ARG_INT, &device, N_("the number of the Vulkan device"), N_("N") },
    { "precision", 0, 0, G_OPTION_ARG_STRING, &precision,
      N_("how weights are stored: fp32, fp16 or int8 (what suits the device)"), N_("NAME") },
    G_OPTION_ENTRY_NULL,
  };
  struct cli_options options = { 0 };
  int status;
  if (!cli_parse(command, &argc, &argv, entries, &options, &status))
    return status;
  g_autofree char *directory = g_strdup(options.library);
  gboolean json = options.json;
  cli_options_clear(&options);
  if (argc < 2)
    return cli_usage_error(command, _("Name a video or a folder of videos"));

  GError *error = NULL;
  gint64 interval = SAC_SECOND;
  if (every != NULL && !sac_time_parse(every, &interval, &error))
    return cli_fail(error);
  g_auto(GStrv) analysers = analysers_text != NULL ? g_strsplit(analysers_text, ",", -1) : NULL;
  SacIndexOptions index = { .model = model,
                            .analysers = (const char *const *)analysers,
                            .interval_us = interval,
                            .every_frame = interval == 0,
                            .keyframes_allowed = keyframes,
                            .software_decoding = software };
  g_autoptr(SacLibrary) library = sac_library_open(directory, SAC_LIBRARY_DEFAULT, &error);
  if (library == NULL)
    return cli_fail(error);
  g_autoptr(SacEncoder) encoder = sac_encoder_new(device);
  if (!sac_encoder_set_precision(encoder, precision, &error))
    return cli_fail(error);
  g_autoptr(SacIndexJob) job = sac_index_job_new(library, encoder, (const char *const *)argv + 1, &index);
  sac_index_job_set_progress_function(job, show_progress, NULL);
  gulong handler = g_cancellable_connect(cli_cancellable(), G_CALLBACK(forward_cancel), job, NULL);
  gboolean good = sac_index_job_run(job, &error);
  g_cancellable_disconnect(cli_cancellable(), handler);
  cli_progress_done();

  g_autoptr(SacIndexReport) report = sac_index_job_get_report(job);
  if (report->notice != NULL)
    cli_message("%s", report->notice);
  if (json)
    print_json(report);
  else
    print_summary(report);
  return good ? 0 : cli_fail(error);
}

const struct cli_command cli_index = {
  .name = "index",
  .summary = N_("look through videos, so that they can be searched"),
  .usage = "PATH… [--model ID] [--every SECONDS] [--analysers NAME,…] [--device N] [--precision NAME]",
  .run = run_index,
};
