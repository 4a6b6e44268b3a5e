/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <glib/gi18n.h>
#include <libavutil/avstring.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/export/sac-export-private.h"
#include "core/media/sac-decoder-private.h"
#include "core/sac-error.h"
#include "core/sac-time.h"

#define OUTPUT_BUFFER (256 * 1024)

void
sac_export_report_clear(SacExportReport *report)
{
  g_clear_pointer(&report->notes, g_ptr_array_unref);
}

gboolean
sac_export_format_is_clip(const char *format)
{
  static const char *const formats[] = { "mp4", "mkv", "webm", NULL };

  return g_strv_contains(formats, format);
}

static const char *
muxer_name(const char *format)
{
  return g_str_equal(format, "mkv") ? "matroska" : format;
}

void
sac_export_set_write_error(SacExportJob *job, int status, GError **error)
{
  if (job->write_errno)
    sac_error_set_from_errno(error, job->write_errno, _("%s cannot be written"), job->output_path);
  else
    sac_media_set_error(error, status, job->output_path, _("writing"));
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------ */

gboolean
sac_export_seek(SacExportJob *job, gint64 time_us, GError **error)
{
  const AVStream *stream = job->video >= 0 ? job->input->streams[job->video] : NULL;
  const gint64 target = stream ? av_rescale_q_rnd(time_us, AV_TIME_BASE_Q, stream->time_base, AV_ROUND_DOWN) : time_us;

  if (av_seek_frame(job->input, job->video, target, AVSEEK_FLAG_BACKWARD) >= 0)
    return TRUE;
  const int status = av_seek_frame(job->input, -1, 0, AVSEEK_FLAG_BYTE);
  if (status < 0 && avformat_seek_file(job->input, -1, G_MININT64, 0, G_MAXINT64, 0) < 0) {
    sac_media_set_error(error, status, job->input_path, _("seeking"));
    return FALSE;
  }
  return TRUE;
}

gboolean
sac_export_read(SacExportJob *job, AVPacket *packet, GError **error)
{
  int status;

  /* A stream that begins in the middle of the input has no place in the clip. */
  while ((status = av_read_frame(job->input, packet)) >= 0 && packet->stream_index >= (int)job->n_streams)
    av_packet_unref(packet);
  if (status >= 0)
    return TRUE;
  /* What breaks off ends there; AVERROR_EXIT is the cancellable. */
  if (status == AVERROR_EXIT)
    sac_media_set_error(error, status, job->input_path, "");
  return FALSE;
}

gboolean
sac_export_find_key(SacExportJob *job, gint64 time_us, gint64 *key_us, gint64 *seek_us, GError **error)
{
  const AVStream *stream = job->input->streams[job->video];
  g_autoptr(GError) failure = NULL;
  AVPacket *packet = av_packet_alloc();
  /* The first picture is decoded before it is shown. */
  const gint64 lowest = job->origin_us - 2 * G_TIME_SPAN_SECOND;
  gboolean found = FALSE;

  /* Indexes count decoding times, which run ahead of what is asked; so it may take a second look further back. */
  for (gint64 back = 0; !found; back = back ? back * 4 : G_TIME_SPAN_SECOND) {
    gint64 first_key = AV_NOPTS_VALUE;

    *seek_us = MAX(time_us - back, lowest);
    if (!sac_export_seek(job, *seek_us, &failure))
      break;
    while (sac_export_read(job, packet, &failure)) {
      const gint64 shown = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
      const gboolean ours = packet->stream_index == job->video && shown != AV_NOPTS_VALUE;
      const gboolean key = ours && (packet->flags & AV_PKT_FLAG_KEY);
      const gint64 decoded = ours && packet->dts != AV_NOPTS_VALUE ? packet->dts : shown;

      av_packet_unref(packet);
      if (!ours)
        continue;
      if (key && first_key == AV_NOPTS_VALUE)
        first_key = sac_export_us(stream, shown);
      if (key && sac_export_us(stream, shown) <= time_us + SAC_EXPORT_TOLERANCE) {
        *key_us = sac_export_us(stream, shown);
        found = TRUE;
      }
      if (sac_export_us(stream, decoded) > time_us + SAC_EXPORT_TOLERANCE && first_key != AV_NOPTS_VALUE)
        break;
    }
    if (failure)
      break;
    if (!found && *seek_us <= lowest) {
      if (first_key == AV_NOPTS_VALUE) {
        g_set_error(&failure, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                    _("%s: it has no key frame to begin a clip at; cut it exactly instead"), job->input_path);
        break;
      }
      *key_us = first_key;
      found = TRUE;
    }
  }
  av_packet_free(&packet);
  if (failure) {
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
  }
  return TRUE;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------------ */

static int
write_bytes(void *data, SacFfmpegBytes *bytes, int count)
{
  SacExportJob *job = data;

  for (int done = 0; done < count;) {
    const ssize_t written = write(job->file->descriptor, bytes + done, (size_t)(count - done));

    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0) {
      job->write_errno = errno;
      return AVERROR(errno);
    }
    done += (int)written;
  }
  return count;
}

static int64_t
seek_bytes(void *data, int64_t offset, int whence)
{
  SacExportJob *job = data;
  struct stat about;

  if (whence == AVSEEK_SIZE)
    return fstat(job->file->descriptor, &about) == 0 ? about.st_size : AVERROR(errno);
  const off_t at = lseek(job->file->descriptor, offset, whence & ~AVSEEK_FORCE);
  return at < 0 ? AVERROR(errno) : at;
}

/* Sums over the whole input are wrong for a part of it, and time codes name another beginning. */
static void
drop_stale_metadata(AVDictionary **metadata)
{
  static const char *const stale[] = { "BPS",          "DURATION", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES",
                                       "_STATISTICS_", "timecode", "encoder",          NULL };

  for (guint i = 0; stale[i]; i++) {
    AVDictionaryEntry *entry;

    while ((entry = av_dict_get(*metadata, stale[i], NULL, AV_DICT_IGNORE_SUFFIX))) {
      g_autofree char *key = g_strdup(entry->key);

      av_dict_set(metadata, key, NULL, AV_DICT_MATCH_CASE);
    }
  }
}

AVStream *
sac_export_add_stream(SacExportJob *job, const AVStream *from)
{
  AVStream *stream = avformat_new_stream(job->output, NULL);

  if (!stream)
    return NULL;
  job->targets[from->index] = stream;
  stream->time_base = from->time_base;
  stream->avg_frame_rate = from->avg_frame_rate;
  stream->r_frame_rate = from->r_frame_rate;
  stream->sample_aspect_ratio = from->sample_aspect_ratio;
  stream->disposition = from->disposition;
  av_dict_copy(&stream->metadata, from->metadata, 0);
  drop_stale_metadata(&stream->metadata);
  return stream;
}

/* The chapters that the clip touches, on the clip's clock. */
static void
add_chapters(SacExportJob *job)
{
  AVFormatContext *input = job->input, *output = job->output;
  AVChapter **chapters = av_calloc(input->nb_chapters + 1, sizeof *chapters);

  if (!chapters)
    return;
  output->chapters = chapters;
  for (unsigned i = 0; i < input->nb_chapters; i++) {
    const AVChapter *from = input->chapters[i];
    const gint64 start = MAX(av_rescale_q(from->start, from->time_base, AV_TIME_BASE_Q), job->start_us);
    const gint64 end = MIN(av_rescale_q(from->end, from->time_base, AV_TIME_BASE_Q), job->end_us);
    AVChapter *to = start < end ? av_mallocz(sizeof *to) : NULL;

    if (!to)
      continue;
    to->id = from->id;
    to->time_base = AV_TIME_BASE_Q;
    to->start = start - job->start_us;
    to->end = end - job->start_us;
    av_dict_copy(&to->metadata, from->metadata, 0);
    chapters[output->nb_chapters++] = to;
  }
}

gboolean
sac_export_write_header(SacExportJob *job, GError **error)
{
  AVDictionary *options = NULL;
  uint8_t *buffer = av_malloc(OUTPUT_BUFFER);

  add_chapters(job);
  av_dict_copy(&job->output->metadata, job->input->metadata, 0);
  drop_stale_metadata(&job->output->metadata);
  av_dict_set(&job->output->metadata, "major_brand", NULL, 0);
  av_dict_set(&job->output->metadata, "minor_version", NULL, 0);
  av_dict_set(&job->output->metadata, "compatible_brands", NULL, 0);
  job->output->pb = avio_alloc_context(buffer, OUTPUT_BUFFER, 1, job, NULL, write_bytes, seek_bytes);
  /* The index in front lets a browser play the clip while it comes; the muxer reads the file again by its name for that. */
  job->output->url = g_str_equal(job->format, "mp4") ? av_asprintf("file:%s", job->file->part) : av_strdup("");
  if (g_str_equal(job->format, "mp4"))
    av_dict_set(&options, "movflags", "+faststart", 0);
  else
    job->output->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
  const int status = avformat_write_header(job->output, &options);
  av_dict_free(&options);
  if (status < 0) {
    sac_export_set_write_error(job, status, error);
    return FALSE;
  }
  return TRUE;
}

gboolean
sac_export_write_packet(SacExportJob *job, int input_index, AVPacket *packet, GError **error)
{
  AVStream *target = job->targets[input_index];
  gint64 *last = &job->last_dts[input_index];

  /* Matroska's times count from the decoder's first sample, a codec delay before the first that is heard; the muxer of FFmpeg 5 writes
     the delay but leaves the times to us. */
  if (!g_str_equal(job->format, "mp4") && target->codecpar->codec_id == AV_CODEC_ID_OPUS) {
    const gint64 delay = av_rescale_q(target->codecpar->initial_padding, (AVRational){ 1, 48000 }, target->time_base);

    packet->pts += delay;
    packet->dts += delay;
  }
  packet->stream_index = target->index;
  packet->pos = -1;
  if (packet->dts != AV_NOPTS_VALUE) {
    /* Rounding to a coarser clock can make two packets meet. */
    if (*last != AV_NOPTS_VALUE && packet->dts <= *last)
      packet->dts = *last + 1;
    if (packet->pts != AV_NOPTS_VALUE && packet->pts < packet->dts)
      packet->pts = packet->dts;
    *last = packet->dts;
  }
  const int status = av_interleaved_write_frame(job->output, packet);
  if (status < 0 || job->write_errno) {
    sac_export_set_write_error(job, status, error);
    return FALSE;
  }
  return TRUE;
}

gboolean
sac_export_tell(SacExportJob *job, gint64 at_us, GError **error)
{
  const gint64 now = g_get_monotonic_time();

  if (sac_cancelled(job->cancellable, error)) {
    g_prefix_error(error, "%s: ", job->output_path);
    return FALSE;
  }
  if (!job->progress || now - job->reported < 100 * G_TIME_SPAN_MILLISECOND)
    return TRUE;
  job->reported = now;
  const double all = (double)(job->end_us - job->start_us), done = CLAMP((double)(at_us - job->start_us), 0, all);
  const double seconds = (double)(now - job->began) / 1e6, rate = done / 1e6 / seconds;
  job->progress(all > 0 ? done / all : 0, rate, rate > 0 ? (all - done) / 1e6 / rate : -1, job->progress_data);
  return TRUE;
}

/* ---- The whole ---------------------------------------------------------------------------------------------------------- */

static gboolean
open_input(SacExportJob *job, const SacExportOptions *options, GError **error)
{
  if (!(job->input = sac_media_open(job->input_path, job->cancellable, error)))
    return FALSE;
  if (g_str_has_prefix(job->input->iformat->name, "image2") || g_str_has_suffix(job->input->iformat->name, "_pipe")) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED, _("%s: a picture has no time to cut"), job->input_path);
    return FALSE;
  }
  job->input->flags |= AVFMT_FLAG_GENPTS;
  job->video = sac_media_find_video(job->input);
  if (job->video < 0 && av_find_best_stream(job->input, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0) < 0) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE, _("%s: there is neither picture nor sound in it to cut"),
                job->input_path);
    return FALSE;
  }
  if (job->video >= 0) {
    const AVStream *stream = job->input->streams[job->video];

    if (stream->start_time != AV_NOPTS_VALUE)
      job->origin_us = sac_export_us(stream, stream->start_time);
  } else if (job->input->start_time != AV_NOPTS_VALUE) {
    job->origin_us = job->input->start_time;
  }
  const gint64 begin = job->input->start_time == AV_NOPTS_VALUE ? 0 : job->input->start_time;
  const gint64 length = sac_media_container_duration(job->input);
  const gint64 duration = (length > 0 ? begin + length : G_MAXINT64 / 4) - job->origin_us;
  if (options->from_us < 0 || options->to_us <= options->from_us) {
    g_autofree char *from = sac_time_format(options->from_us), *to = sac_time_format(options->to_us);

    g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE, _("%s: there is nothing between %s and %s; the end must be later"),
                job->input_path, from, to);
    return FALSE;
  }
  if (options->from_us >= duration) {
    g_autofree char *from = sac_time_format(options->from_us), *end = sac_time_format(duration);

    g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE, _("%s: %s is past its end at %s"), job->input_path, from, end);
    return FALSE;
  }
  job->from_us = job->origin_us + options->from_us;
  job->to_us = job->origin_us + MIN(options->to_us, duration);
  const unsigned n = job->n_streams = job->input->nb_streams;
  job->targets = g_new0(AVStream *, n);
  job->last_dts = g_new(gint64, n);
  for (unsigned i = 0; i < n; i++)
    job->last_dts[i] = AV_NOPTS_VALUE;
  return TRUE;
}

static gboolean
is_same_file(const char *a, const char *b)
{
  struct stat one, other;

  return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static const char *
choose_format(const char *asked, const char *output, GError **error)
{
  static const char *const formats[] = { "mp4", "mkv", "webm" };
  g_autofree char *lower = g_ascii_strdown(output, -1);

  for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
    g_autofree char *suffix = g_strconcat(".", formats[i], NULL);

    if (asked ? g_str_equal(asked, formats[i]) : g_str_has_suffix(lower, suffix))
      return formats[i];
  }
  g_set_error(error, SAC_ERROR, SAC_ERROR_USAGE, _("%s: clips are made as .mp4, .mkv or .webm; name the file so"),
              output);
  return NULL;
}

static gboolean
make_clip(SacExportJob *job, GError **error)
{
  avformat_alloc_output_context2(&job->output, NULL, muxer_name(job->format), NULL);
  if (!job->output) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_UNSUPPORTED, _("%s: this FFmpeg cannot write %s"), job->output_path,
                job->format);
    return FALSE;
  }
  if (!(job->mode == SAC_EXPORT_COPY ? sac_export_copy(job, error) : sac_export_exact(job, error)))
    return FALSE;
  const int status = av_write_trailer(job->output);
  avio_flush(job->output->pb);
  if (status < 0 || job->write_errno) {
    sac_export_set_write_error(job, status, error);
    return FALSE;
  }
  return !sac_cancelled(job->cancellable, error) && sac_part_file_commit(job->file, error);
}

static void
finish(SacExportJob *job)
{
  avformat_close_input(&job->input);
  if (job->output && job->output->pb) {
    av_freep(&job->output->pb->buffer);
    avio_context_free(&job->output->pb);
  }
  avformat_free_context(job->output);
  sac_part_file_free(job->file);
  g_clear_pointer(&job->notes, g_ptr_array_unref);
  g_free(job->targets);
  g_free(job->last_dts);
}

gboolean
sac_export_clip(const char *input, const char *output, const SacExportOptions *options, SacExportProgress progress,
                gpointer user_data, GCancellable *cancellable, SacExportReport *report, GError **error)
{
  SacExportJob job = {
    .input_path = input,
    .output_path = output,
    .mode = options->mode,
    .cancellable = cancellable,
    .progress = progress,
    .progress_data = user_data,
    .began = g_get_monotonic_time(),
    .reported = g_get_monotonic_time(),
    .video = -1,
  };

  if (!(job.format = choose_format(options->format, output, error)))
    return FALSE;
  if (is_same_file(input, output)) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_EXISTS, _("%s is what is being cut; give the clip another name"), output);
    return FALSE;
  }
  job.notes = g_ptr_array_new_with_free_func(g_free);
  const gboolean done = open_input(&job, options, error) &&
                        (job.file = sac_part_file_open(output, options->overwrite, error)) && make_clip(&job, error);
  if (done && report) {
    report->start_us = job.start_us - job.origin_us;
    report->end_us = job.end_us - job.origin_us;
    report->notes = g_steal_pointer(&job.notes);
  }
  finish(&job);
  return done;
}
