/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-result-row.h"

#include <glib/gi18n.h>

#include "core/sac-time.h"

struct _SacResultRow {
  GtkBox parent_instance;
  SacThumbnail *picture;
  GtkWidget *texts;
  GtkLabel *heading, *span, *score, *words, *place;
};

G_DEFINE_FINAL_TYPE(SacResultRow, sac_result_row, GTK_TYPE_BOX)

const char *
sac_kind_name(const char *kind)
{
  static const struct {
    const char *kind, *name;
  } names[] = {
    { SAC_KIND_VISUAL, N_("seen") },  { SAC_KIND_SHOT, N_("shot") },   { SAC_KIND_SPEECH, N_("said") },
    { SAC_KIND_TEXT, N_("written") }, { SAC_KIND_LABEL, N_("label") }, { SAC_KIND_TAG, N_("tag") },
  };
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    if (strcmp(names[i].kind, kind) == 0) {
      return _(names[i].name);
    }
  }
  return kind;
}

static char *
short_time(gint64 time_us)
{
  char *words = sac_time_format(time_us);
  char *point = strchr(words, '.');
  if (point && strlen(point) > 2) {
    point[2] = '\0';
  }
  return words;
}

/* The search marks what matched between the isolates U+2068 and U+2069; here it is bold. */
static char *
snippet_markup(const char *snippet)
{
  g_autofree char *escaped = g_markup_escape_text(snippet, -1);
  g_autoptr(GString) markup = g_string_new(escaped);
  guint opened = g_string_replace(markup, "\u2068", "<b>", 0);
  guint closed = g_string_replace(markup, "\u2069", "</b>", 0);
  if (opened != closed) {
    return g_steal_pointer(&escaped);
  }
  return g_strdup(markup->str);
}

static void
show_as_heading(SacResultRow *row, gboolean is_heading)
{
  gtk_widget_set_visible(GTK_WIDGET(row->heading), is_heading);
  gtk_widget_set_visible(GTK_WIDGET(row->picture), !is_heading);
  gtk_widget_set_visible(row->texts, !is_heading);
}

void
sac_result_row_show(SacResultRow *row, SacThumbnailer *thumbnailer, const SacMoment *moment, const char *snippet,
                    gboolean is_near, gboolean with_video)
{
  g_autofree char *from = short_time(moment->start_us);
  g_autofree char *to = short_time(moment->end_us);
  g_autofree char *span = g_strdup_printf(_("%s – %s"), from, to);
  g_autofree char *name = moment->path ? g_path_get_basename(moment->path) : g_strdup("");
  /* Translators: a file's name, and how the moment was found: seen, said… In a language that is written from right to left put
     U+200F before all, and the name between U+2068 and U+2069. */
  g_autofree char *place = with_video ? g_strdup_printf(_("%s · %s"), name, sac_kind_name(moment->kind))
                                      : g_strdup(sac_kind_name(moment->kind));
  g_autofree char *score = g_strdup_printf("%.2f", moment->score);
  const char *words = snippet ? snippet : (moment->label ? moment->label : moment->text);

  show_as_heading(row, FALSE);
  sac_thumbnail_show(row->picture, thumbnailer, moment->path, (moment->start_us + moment->end_us) / 2);
  gtk_label_set_text(row->span, span);
  gtk_label_set_text(row->score, score);
  gtk_widget_set_visible(GTK_WIDGET(row->score), with_video);
  gtk_label_set_text(row->place, place);
  gtk_widget_set_visible(GTK_WIDGET(row->words), words != NULL);
  if (words) {
    g_autofree char *markup = snippet_markup(words);
    gtk_label_set_markup(row->words, markup);
  }
  gtk_widget_set_opacity(GTK_WIDGET(row), is_near ? 0.55 : 1.0);
  g_autofree char *label = g_strdup_printf("%s, %s%s%s", span, place, words ? ", " : "", words ? words : "");
  gtk_accessible_update_property(GTK_ACCESSIBLE(row), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
  gtk_widget_set_tooltip_text(GTK_WIDGET(row), moment->path);
}

void
sac_result_row_show_heading(SacResultRow *row, const char *words)
{
  show_as_heading(row, TRUE);
  gtk_label_set_text(row->heading, words);
  gtk_widget_set_opacity(GTK_WIDGET(row), 1);
  gtk_widget_set_tooltip_text(GTK_WIDGET(row), NULL);
  gtk_accessible_update_property(GTK_ACCESSIBLE(row), GTK_ACCESSIBLE_PROPERTY_LABEL, words, -1);
}

SacThumbnail *
sac_result_row_get_picture(SacResultRow *row)
{
  return row->picture;
}

GtkWidget *
sac_result_row_new(void)
{
  return g_object_new(SAC_TYPE_RESULT_ROW, NULL);
}

static void
sac_result_row_class_init(SacResultRowClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  g_type_ensure(SAC_TYPE_THUMBNAIL);
  gtk_widget_class_set_template_from_resource(widget_class, "/org/saccade/Saccade/sac-result-row.ui");
  gtk_widget_class_bind_template_child(widget_class, SacResultRow, picture);
  gtk_widget_class_bind_template_child(widget_class, SacResultRow, texts);
  gtk_widget_class_bind_template_child(widget_class, SacResultRow, heading);
  gtk_widget_class_bind_template_child(widget_class, SacResultRow, span);
  gtk_widget_class_bind_template_child(widget_class, SacResultRow, score);
  gtk_widget_class_bind_template_child(widget_class, SacResultRow, words);
  gtk_widget_class_bind_template_child(widget_class, SacResultRow, place);
  gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
sac_result_row_init(SacResultRow *row)
{
  gtk_widget_init_template(GTK_WIDGET(row));
}
