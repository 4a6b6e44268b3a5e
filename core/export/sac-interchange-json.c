/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/export/sac-interchange.h"
#include "core/sac-time.h"

extern const struct sac_interchange sac_interchange_json;

static void
add_string(JsonBuilder *builder, const char *name, const char *text)
{
  json_builder_set_member_name(builder, name);
  if (text) {
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    json_builder_add_string_value(builder, valid);
  } else {
    json_builder_add_null_value(builder);
  }
}

static void
add_number(JsonBuilder *builder, const char *name, double number)
{
  json_builder_set_member_name(builder, name);
  json_builder_add_double_value(builder, number);
}

static char *
write_json(const char *title, const SacInterchangeItem *items, gsize n, GError **error)
{
  g_autoptr(JsonBuilder) builder = json_builder_new();

  json_builder_begin_object(builder);
  add_string(builder, "title", title);
  json_builder_set_member_name(builder, "moments");
  json_builder_begin_array(builder);
  for (gsize i = 0; i < n; i++) {
    const SacMoment *moment = items[i].moment;

    json_builder_begin_object(builder);
    add_string(builder, "id", moment->id);
    add_string(builder, "video", moment->fingerprint);
    add_string(builder, "file", moment->path);
    add_number(builder, "start", sac_time_seconds(moment->start_us));
    add_number(builder, "end", sac_time_seconds(moment->end_us));
    add_number(builder, "score", moment->score);
    add_string(builder, "kind", moment->kind);
    add_string(builder, "label", moment->label);
    add_string(builder, "text", moment->text);
    add_string(builder, "model", moment->model);
    json_builder_end_object(builder);
  }
  json_builder_end_array(builder);
  json_builder_end_object(builder);
  g_autoptr(JsonNode) root = json_builder_get_root(builder);
  g_autofree char *text = json_to_string(root, TRUE);
  return g_strconcat(text, "\n", NULL);
}

const struct sac_interchange sac_interchange_json = { "json", write_json };
