/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/export/sac-interchange.h"

extern const struct sac_interchange sac_interchange_otio;

/* OpenTimelineIO's file format: every object names its schema. A time is a count of frames at a rate. */

static void
begin(JsonBuilder *builder, const char *schema)
{
  json_builder_begin_object(builder);
  json_builder_set_member_name(builder, "OTIO_SCHEMA");
  json_builder_add_string_value(builder, schema);
}

static void
add_string(JsonBuilder *builder, const char *name, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid(text, -1);

  json_builder_set_member_name(builder, name);
  json_builder_add_string_value(builder, valid);
}

static void
add_time(JsonBuilder *builder, const char *name, gint64 frames, double rate)
{
  json_builder_set_member_name(builder, name);
  begin(builder, "RationalTime.1");
  json_builder_set_member_name(builder, "rate");
  json_builder_add_double_value(builder, rate);
  json_builder_set_member_name(builder, "value");
  json_builder_add_double_value(builder, (double)frames);
  json_builder_end_object(builder);
}

static void
add_range(JsonBuilder *builder, const char *name, gint64 start, gint64 duration, double rate)
{
  json_builder_set_member_name(builder, name);
  begin(builder, "TimeRange.1");
  add_time(builder, "start_time", start, rate);
  add_time(builder, "duration", duration, rate);
  json_builder_end_object(builder);
}

static void
add_clip(JsonBuilder *builder, const SacInterchangeItem *item)
{
  const SacMoment *moment = item->moment;
  g_autofree char *url = g_filename_to_uri(moment->path, NULL, NULL);
  int num, den;

  sac_interchange_rate(item->media, &num, &den);
  const double rate = (double)num / den;
  const gint64 start = sac_interchange_frame(moment->start_us, num, den);
  const gint64 end = MAX(sac_interchange_frame(moment->end_us, num, den), start + 1);
  begin(builder, "Clip.1");
  add_string(builder, "name", sac_interchange_label(moment));
  add_range(builder, "source_range", start, end - start, rate);
  json_builder_set_member_name(builder, "effects");
  json_builder_begin_array(builder);
  json_builder_end_array(builder);
  json_builder_set_member_name(builder, "markers");
  json_builder_begin_array(builder);
  json_builder_end_array(builder);
  json_builder_set_member_name(builder, "media_reference");
  begin(builder, "ExternalReference.1");
  add_string(builder, "target_url", url ? url : moment->path);
  if (item->media->duration_us > 0)
    add_range(builder, "available_range", 0, MAX(sac_interchange_frame(item->media->duration_us, num, den), end), rate);
  json_builder_end_object(builder);
  json_builder_set_member_name(builder, "metadata");
  json_builder_begin_object(builder);
  json_builder_set_member_name(builder, "saccade");
  json_builder_begin_object(builder);
  add_string(builder, "kind", moment->kind);
  json_builder_set_member_name(builder, "score");
  json_builder_add_double_value(builder, moment->score);
  json_builder_end_object(builder);
  json_builder_end_object(builder);
  json_builder_end_object(builder);
}

static void
begin_children(JsonBuilder *builder, const char *schema, const char *name)
{
  begin(builder, schema);
  add_string(builder, "name", name);
  json_builder_set_member_name(builder, "children");
  json_builder_begin_array(builder);
}

static char *
write_otio(const char *title, const SacInterchangeItem *items, gsize n, GError **error)
{
  g_autoptr(JsonBuilder) builder = json_builder_new();

  begin(builder, "Timeline.1");
  add_string(builder, "name", title);
  json_builder_set_member_name(builder, "global_start_time");
  json_builder_add_null_value(builder);
  json_builder_set_member_name(builder, "tracks");
  begin_children(builder, "Stack.1", "tracks");
  begin_children(builder, "Track.1", "moments");
  for (gsize i = 0; i < n; i++)
    add_clip(builder, &items[i]);
  json_builder_end_array(builder);
  add_string(builder, "kind", "Video");
  json_builder_end_object(builder);
  json_builder_end_array(builder);
  json_builder_end_object(builder);
  json_builder_end_object(builder);
  g_autoptr(JsonNode) root = json_builder_get_root(builder);
  g_autofree char *text = json_to_string(root, TRUE);
  return g_strconcat(text, "\n", NULL);
}

const struct sac_interchange sac_interchange_otio = { "otio", write_otio };
