/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>
#include <math.h>

#include "core/sac-time.h"
#include "gui/sac-window-private.h"

/* What is done with the moments that are selected on the timeline, and with the marked span. */

/* --- the span ------------------------------------------------------------------------------------------------------------------- */

void
sac_window_edit_span(SacWindow *window, gint64 from_us, gint64 to_us)
{
  gint64 from, to;
  sac_timeline_get_span(window->timeline, &from, &to);
  sac_window_set_span(window, from_us, to_us);
  if (window->document) {
    sac_document_record_span(window->document, from, to, from_us < 0 ? -1 : from_us, from_us < 0 ? -1 : to_us);
  }
}

void
sac_window_restore_span(SacWindow *window, gint64 from_us, gint64 to_us)
{
  g_clear_pointer(&window->selected, sac_moment_free);
  sac_window_set_span(window, from_us, to_us);
  if (from_us >= 0) {
    sac_timeline_show_time(window->timeline, from_us);
  }
}

static gboolean
is_tag(const SacMoment *moment)
{
  return moment && moment->id && strcmp(moment->kind, SAC_KIND_TAG) == 0;
}

/* The span that is of a tag is the tag. */
static void
change_selected(SacWindow *window, gint64 from_us, gint64 to_us)
{
  g_autoptr(SacMoment) changed = sac_moment_copy(window->selected);
  changed->start_us = from_us;
  changed->end_us = to_us;
  sac_document_change_tag(window->document, window->selected, changed);
  sac_moment_free(window->selected);
  window->selected = g_steal_pointer(&changed);
}

void
sac_window_span_edited(SacWindow *window, gboolean is_new, gboolean done)
{
  gint64 from, to;
  sac_timeline_get_span(window->timeline, &from, &to);
  if (from == to) {
    from = to = -1;
  }
  if (!window->edits_span) {
    window->edits_span = TRUE;
    memcpy(window->span_before, window->shown_span, sizeof window->span_before);
  }
  if (is_new) {
    g_clear_pointer(&window->selected, sac_moment_free);
  }
  sac_window_set_span(window, from, to);
  if (!done || !window->document) {
    return;
  }
  window->edits_span = FALSE;
  if (is_tag(window->selected) && from >= 0) {
    change_selected(window, from, to);
  } else {
    g_clear_pointer(&window->selected, sac_moment_free);
    sac_document_record_span(window->document, window->span_before[0], window->span_before[1], from, to);
  }
  sac_window_update_actions(window);
}

/* By a frame: all of the span, or one of its ends. */
static void
nudge(SacWindow *window, int direction, gboolean is_from, gboolean is_to)
{
  gint64 from, to, length = sac_player_get_duration(window->player);
  if (!sac_timeline_get_span(window->timeline, &from, &to)) {
    return;
  }
  gint64 by = (gint64)llround(sac_timeline_get_frame_time(window->timeline)) * direction;
  if (is_from && is_to) {
    by = CLAMP(by, -from, length - to);
  } else if (is_from) {
    by = CLAMP(by, -from, to - from - 1);
  } else {
    by = CLAMP(by, from - to + 1, length - to);
  }
  from += is_from ? by : 0;
  to += is_to ? by : 0;
  if (is_tag(window->selected)) {
    sac_window_set_span(window, from, to);
    change_selected(window, from, to);
  } else {
    g_clear_pointer(&window->selected, sac_moment_free);
    sac_window_edit_span(window, from, to);
  }
  sac_timeline_show_time(window->timeline, is_from ? from : to);
}

static void
on_move_span(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  nudge(data, g_variant_get_int32(parameter), TRUE, TRUE);
}

static void
on_trim_start(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  nudge(data, g_variant_get_int32(parameter), TRUE, FALSE);
}

static void
on_trim_end(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  nudge(data, g_variant_get_int32(parameter), FALSE, TRUE);
}

/* --- moments ----------------------------------------------------------------------------------------------------------------------- */

/* What is selected on the timeline, else what the span is of. */
static GPtrArray *
get_selected(SacWindow *window)
{
  GPtrArray *selected = sac_timeline_get_selected(window->timeline);
  if (selected->len == 0 && window->selected) {
    g_ptr_array_add(selected, sac_moment_copy(window->selected));
  }
  return selected;
}

static void
on_play_moment(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  g_autoptr(GPtrArray) selected = get_selected(data);
  if (selected->len > 0) {
    sac_window_choose_moment(data, g_ptr_array_index(selected, 0), TRUE);
  }
}

/* From the first to the last of them. */
static void
on_mark_moment(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  g_autoptr(GPtrArray) selected = get_selected(window);
  gint64 from = G_MAXINT64, to = -1;
  for (guint i = 0; i < selected->len; i++) {
    const SacMoment *moment = g_ptr_array_index(selected, i);
    from = MIN(from, moment->start_us);
    to = MAX(to, moment->end_us);
  }
  if (to >= 0) {
    g_clear_pointer(&window->selected, sac_moment_free);
    sac_window_edit_span(window, from, to);
  }
}

static void
on_keep_moments(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  g_autoptr(GPtrArray) selected = get_selected(window);
  g_autoptr(GPtrArray) kept = g_ptr_array_new();
  const char *typed = gtk_editable_get_text(GTK_EDITABLE(window->search));
  for (guint i = 0; i < selected->len; i++) {
    SacMoment *moment = g_ptr_array_index(selected, i);
    if (is_tag(moment)) {
      continue;
    }
    if (!moment->label || !*moment->label) {
      const char *words = moment->text && *moment->text ? moment->text : *typed ? typed : _("Moment");
      g_free(moment->label);
      moment->label = g_utf8_strlen(words, -1) > 80 ? g_utf8_substring(words, 0, 80) : g_strdup(words);
    }
    g_ptr_array_add(kept, moment);
  }
  if (window->document && kept->len > 0) {
    sac_document_add_tags(window->document, kept);
  }
}

static void
on_export_moment(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  g_autoptr(GPtrArray) selected = get_selected(window);
  if (selected->len > 0) {
    const SacMoment *first = g_ptr_array_index(selected, 0);
    g_clear_pointer(&window->selected, sac_moment_free);
    window->selected = sac_moment_copy(first);
    sac_window_set_span(window, first->start_us, first->end_us);
    g_action_group_activate_action(G_ACTION_GROUP(window), "export", NULL);
  }
}

static void
append_times(GString *lines, gint64 from_us, gint64 to_us, const char *words)
{
  g_autofree char *from = sac_time_format_full(from_us), *to = sac_time_format_full(to_us);
  g_string_append_printf(lines, "%s%s – %s", lines->len > 0 ? "\n" : "", from, to);
  if (words && *words) {
    g_string_append_printf(lines, "\t%s", words);
  }
}

/* A line each: what is selected, else the span, else where the player is. */
static void
on_copy_times(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  g_autoptr(GPtrArray) selected = get_selected(window);
  g_autoptr(GString) lines = g_string_new(NULL);
  gint64 from, to;
  for (guint i = 0; i < selected->len; i++) {
    const SacMoment *moment = g_ptr_array_index(selected, i);
    append_times(lines, moment->start_us, moment->end_us, moment->label ? moment->label : moment->text);
  }
  if (lines->len == 0 && sac_timeline_get_span(window->timeline, &from, &to)) {
    append_times(lines, from, to, NULL);
  }
  if (lines->len == 0) {
    g_autofree char *now = sac_time_format_full(sac_player_get_position(window->player));
    g_string_append(lines, now);
  }
  gdk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(window)), lines->str);
}

static void
on_delete_moments(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  g_autoptr(GPtrArray) selected = get_selected(window);
  g_autoptr(GPtrArray) stored = g_ptr_array_new();
  gboolean has_span_of_one = FALSE;
  for (guint i = 0; i < selected->len; i++) {
    SacMoment *moment = g_ptr_array_index(selected, i);
    /* What a search finds among the pictures is not stored anywhere. */
    if (moment->id && strcmp(moment->kind, SAC_KIND_VISUAL) != 0) {
      g_ptr_array_add(stored, moment);
      has_span_of_one = has_span_of_one || (window->selected && g_strcmp0(window->selected->id, moment->id) == 0);
    }
  }
  if (!window->document || stored->len == 0) {
    return;
  }
  sac_document_remove_moments(window->document, stored);
  sac_timeline_clear_selected(window->timeline);
  if (has_span_of_one) {
    g_clear_pointer(&window->selected, sac_moment_free);
    sac_window_set_span(window, -1, -1);
  }
  sac_window_update_actions(window);
}

/* The tag that the span is of may be another now, or be gone: undo and redo do that. */
void
sac_window_follow_selected(SacWindow *window)
{
  if (!is_tag(window->selected)) {
    return;
  }
  GPtrArray *moments = sac_document_get_moments(window->document);
  for (guint i = 0; i < moments->len; i++) {
    const SacMoment *moment = g_ptr_array_index(moments, i);
    if (g_strcmp0(moment->id, window->selected->id) != 0) {
      continue;
    }
    if (moment->start_us != window->selected->start_us || moment->end_us != window->selected->end_us) {
      sac_moment_free(window->selected);
      window->selected = sac_moment_copy(moment);
      sac_window_set_span(window, moment->start_us, moment->end_us);
    }
    return;
  }
}

/* --- actions ------------------------------------------------------------------------------------------------------------------------ */

static const GActionEntry actions[] = {
  { "move-span", on_move_span, "i" },    { "trim-start", on_trim_start, "i" }, { "trim-end", on_trim_end, "i" },
  { "play-moment", on_play_moment },     { "mark-moment", on_mark_moment },    { "keep-moments", on_keep_moments },
  { "export-moment", on_export_moment }, { "copy-times", on_copy_times },      { "delete-moments", on_delete_moments },
};

void
sac_window_timeline_init(SacWindow *window)
{
  g_action_map_add_action_entries(G_ACTION_MAP(window), actions, G_N_ELEMENTS(actions), window);
  window->shown_span[0] = window->shown_span[1] = -1;
}

static void
enable(SacWindow *window, const char *name, gboolean is_enabled)
{
  g_simple_action_set_enabled(G_SIMPLE_ACTION(g_action_map_lookup_action(G_ACTION_MAP(window), name)), is_enabled);
}

void
sac_window_timeline_update_actions(SacWindow *window)
{
  gint64 from, to;
  gboolean has_span = sac_timeline_get_span(window->timeline, &from, &to), has_stored = FALSE, has_others = FALSE;
  g_autoptr(GPtrArray) selected = get_selected(window);
  for (guint i = 0; i < selected->len; i++) {
    const SacMoment *moment = g_ptr_array_index(selected, i);
    has_stored = has_stored || (moment->id && strcmp(moment->kind, SAC_KIND_VISUAL) != 0);
    has_others = has_others || !is_tag(moment);
  }
  enable(window, "move-span", has_span);
  enable(window, "trim-start", has_span);
  enable(window, "trim-end", has_span);
  enable(window, "play-moment", selected->len > 0);
  enable(window, "mark-moment", selected->len > 0);
  enable(window, "keep-moments", window->document && has_others);
  enable(window, "export-moment", window->jobs && selected->len > 0);
  enable(window, "copy-times", sac_window_has_video(window));
  enable(window, "delete-moments", window->document && has_stored);
}
