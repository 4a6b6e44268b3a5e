/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>

#include "core/sac-time.h"
#include "gui/sac-export-dialog.h"
#include "gui/sac-text-dialog.h"
#include "gui/sac-window-private.h"

/* What can be done in the window: its actions, which of them can be done now, and the keys that do them. */

/* --- playing ------------------------------------------------------------------------------------------------------------------- */

static void
play(SacWindow *window, double rate)
{
  sac_player_set_rate(window->player, rate);
  sac_player_play(window->player);
}

static void
on_play(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  if (sac_player_get_playing(window->player)) {
    sac_player_pause(window->player);
    return;
  }
  /* At the end playing begins anew. */
  if (sac_player_get_position(window->player) >= sac_player_get_duration(window->player) - 50000) {
    sac_player_seek(window->player, 0, SAC_SEEK_EXACT);
  }
  play(window, MAX(sac_player_get_rate(window->player), 0.25));
}

/* J and L: the other way begins at 1×, the same way again doubles up to 8×. */
static void
on_shuttle(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  int direction = g_variant_get_int32(parameter);
  double rate = sac_player_get_rate(window->player) * direction;
  gboolean again = sac_player_get_playing(window->player) && rate >= 1;
  play(window, direction * (again ? MIN(rate * 2, 8) : 1));
}

static const double rates[] = { 0.25, 0.5, 1, 1.5, 2, 4, 8 };

static void
on_change_rate(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  int direction = g_variant_get_int32(parameter);
  double rate = ABS(sac_player_get_rate(window->player));
  int nearest = 0;
  for (int i = 1; i < (int)G_N_ELEMENTS(rates); i++) {
    if (ABS(rates[i] - rate) < ABS(rates[nearest] - rate)) {
      nearest = i;
    }
  }
  sac_player_set_rate(window->player, rates[CLAMP(nearest + direction, 0, (int)G_N_ELEMENTS(rates) - 1)]);
}

static void
on_rate(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  sac_player_set_rate(SAC_WINDOW(data)->player, g_ascii_strtod(g_variant_get_string(parameter, NULL), NULL));
}

static void
on_step(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  sac_player_step(SAC_WINDOW(data)->player, g_variant_get_int32(parameter));
}

static void
seek_to(SacWindow *window, gint64 time_us)
{
  time_us = CLAMP(time_us, 0, sac_player_get_duration(window->player));
  sac_player_seek(window->player, time_us, SAC_SEEK_EXACT);
  sac_timeline_show_time(window->timeline, time_us);
}

static void
on_skip(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  seek_to(window, sac_player_get_position(window->player) + g_variant_get_int32(parameter) * SAC_SECOND);
}

static void
on_start(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  seek_to(data, 0);
}

static void
on_end(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  seek_to(data, sac_player_get_duration(SAC_WINDOW(data)->player));
}

static void
go_to_typed(const char *text, gpointer data)
{
  SacWindow *window = data;
  g_autoptr(GError) error = NULL;
  gint64 time;
  if (sac_time_parse(text, &time, &error)) {
    seek_to(window, time);
  } else {
    sac_window_toast(window, error->message);
  }
}

static void
on_go_to_time(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  g_autofree char *now = sac_time_format(sac_player_get_position(window->player));
  sac_text_dialog_ask(GTK_WINDOW(window), _("Go to a Time"), _("Seconds, minutes:seconds or hours:minutes:seconds."),
                      _("Time"), now, _("Go"), go_to_typed, window);
}

static void
on_mute(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacPlayer *player = SAC_WINDOW(data)->player;
  sac_player_set_muted(player, !sac_player_get_muted(player));
}

/* --- moments ----------------------------------------------------------------------------------------------------------------------- */

static void
consider(const SacMoment *moment, gint64 position, int direction, const SacMoment **best)
{
  const gint64 slack = 20000;
  gboolean is_beyond = direction > 0 ? moment->start_us > position + slack : moment->start_us < position - slack;
  if (is_beyond &&
      (!*best || (direction > 0 ? moment->start_us < (*best)->start_us : moment->start_us > (*best)->start_us))) {
    *best = moment;
  }
}

static void
on_step_moment(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  const SacMoment *best = NULL;
  int direction = g_variant_get_int32(parameter);
  gint64 position = sac_player_get_position(window->player);
  const SacVideo *video = sac_document_get_video(window->document);
  GPtrArray *moments = sac_document_get_moments(window->document);
  for (guint i = 0; i < moments->len; i++) {
    consider(g_ptr_array_index(moments, i), position, direction, &best);
  }
  for (guint i = 0; window->results && video && i < window->results->results->len; i++) {
    const SacSearchResult *result = g_ptr_array_index(window->results->results, i);
    if (result->moment->video_id == video->id) {
      consider(result->moment, position, direction, &best);
    }
  }
  if (best) {
    g_autoptr(SacMoment) chosen = sac_moment_copy(best);
    sac_window_choose_moment(window, chosen, FALSE);
  }
}

static void
on_next_result(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  sac_search_panel_step(SAC_WINDOW(data)->panel, 1);
}

static void
on_previous_result(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  sac_search_panel_step(SAC_WINDOW(data)->panel, -1);
}

static void
mark(SacWindow *window, gboolean is_in)
{
  gint64 from, to, now = sac_player_get_position(window->player);
  gboolean has_span = sac_timeline_get_span(window->timeline, &from, &to);
  g_clear_pointer(&window->selected, sac_moment_free);
  if (is_in) {
    to = has_span && to > now ? to : sac_player_get_duration(window->player);
    from = now;
  } else {
    from = has_span && from < now ? from : 0;
    to = now;
  }
  sac_window_edit_span(window, from, to);
}

static void
on_mark_in(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  mark(data, TRUE);
}

static void
on_mark_out(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  mark(data, FALSE);
}

static void
on_clear_marks(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  g_clear_pointer(&window->selected, sac_moment_free);
  sac_window_edit_span(window, -1, -1);
}

static void
tag_span(const char *label, gpointer data)
{
  SacWindow *window = data;
  gint64 from, to;
  if (window->document && sac_timeline_get_span(window->timeline, &from, &to)) {
    sac_document_add_tag(window->document, from, to, label);
  }
}

static void
on_tag(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  gint64 from, to;
  if (!sac_timeline_get_span(window->timeline, &from, &to)) {
    sac_window_toast(window, _("Mark a span first: drag on the timeline, or press I and O."));
    return;
  }
  const char *words =
      window->selected && window->selected->label ? window->selected->label : sac_search_bar_get_text(window->search);
  g_autofree char *start = sac_time_format(from);
  g_autofree char *end = sac_time_format(to);
  g_autofree char *span = g_strdup_printf(_("%s – %s"), start, end);
  sac_text_dialog_ask(GTK_WINDOW(window), _("Tag the Span"), span, _("Tag label"), words, _("Save Tag"), tag_span,
                      window);
}

static gboolean
is_kept(SacWindow *window, const SacMoment *moment, const char *label)
{
  GPtrArray *moments = sac_document_get_moments(window->document);
  for (guint i = 0; i < moments->len; i++) {
    const SacMoment *other = g_ptr_array_index(moments, i);
    if (strcmp(other->kind, SAC_KIND_TAG) == 0 && other->start_us == moment->start_us &&
        other->end_us == moment->end_us && g_strcmp0(other->label, label) == 0) {
      return TRUE;
    }
  }
  return FALSE;
}

void
sac_window_keep_moment(SacWindow *window, const SacMoment *moment)
{
  g_autoptr(SacMoment) kept = sac_moment_copy(moment);
  g_autofree char *words = g_strstrip(g_strdup(sac_search_bar_get_text(window->search)));
  const char *label = kept->label ? kept->label : *words ? words : kept->text ? kept->text : _("Moment");
  if (!window->document || g_strcmp0(sac_document_get_path(window->document), kept->path) != 0) {
    sac_window_choose_moment(window, kept, FALSE);
  }
  if (is_kept(window, kept, label)) {
    sac_window_toast(window, _("It is kept already"));
    return;
  }
  sac_document_add_tag(window->document, kept->start_us, kept->end_us, label);
  g_autofree char *told = g_strdup_printf(_("Kept as “%s”"), label);
  sac_window_toast_undo(window, told, "win.undo");
}

static void
on_more_like_this(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  const SacMoment *moment = sac_search_panel_get_focused(window->panel);
  if (moment) {
    sac_window_look_for_picture(window, moment->path, (moment->start_us + moment->end_us) / 2);
  } else if (sac_window_has_video(window)) {
    sac_window_look_for_picture(window, sac_document_get_path(window->document),
                                sac_player_get_position(window->player));
  }
}

static void
on_keep_result(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  const SacMoment *moment = sac_search_panel_get_selected(window->panel);
  if (moment) {
    sac_window_keep_moment(window, moment);
  } else {
    sac_window_toast(window, _("Choose a result first: Ctrl+G goes to the next."));
  }
}

static void
on_export(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  gint64 from, to;
  if (!window->jobs || !sac_timeline_get_span(window->timeline, &from, &to)) {
    sac_window_toast(window, _("Mark a span first: drag on the timeline, or press I and O."));
    return;
  }
  sac_export_dialog_present(GTK_WINDOW(window), window->jobs, sac_application_get_settings(window->application),
                            sac_document_get_path(window->document), from, to,
                            window->selected ? window->selected->label : NULL);
}

static void
on_undo(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  sac_document_undo(SAC_WINDOW(data)->document);
}

static void
on_redo(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  sac_document_redo(SAC_WINDOW(data)->document);
}

/* --- files and the library ------------------------------------------------------------------------------------------------------------ */

typedef enum { CHOOSE_OPEN, CHOOSE_ADD, CHOOSE_ADD_FOLDER, CHOOSE_LIBRARY } Choice;

static void
on_files_chosen(GtkNativeDialog *dialog, int response, SacWindow *window)
{
  Choice choice = GPOINTER_TO_INT(g_object_get_data(G_OBJECT(dialog), "choice"));
  if (response == GTK_RESPONSE_ACCEPT) {
    g_autoptr(GListModel) files = gtk_file_chooser_get_files(GTK_FILE_CHOOSER(dialog));
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (guint i = 0; i < g_list_model_get_n_items(files); i++) {
      g_autoptr(GFile) file = g_list_model_get_item(files, i);
      g_autofree char *path = g_file_get_path(file);
      if (path) {
        g_strv_builder_add(builder, path);
      }
    }
    g_auto(GStrv) paths = g_strv_builder_end(builder);
    if (paths[0] && choice == CHOOSE_OPEN) {
      sac_window_open_path(window, paths[0], -1, FALSE);
    } else if (paths[0] && choice == CHOOSE_LIBRARY) {
      g_settings_set_string(sac_application_get_settings(window->application), "library-folder", paths[0]);
    } else if (paths[0]) {
      sac_window_index(window, (const char *const *)paths);
    }
  }
  g_clear_object(&window->chooser);
}

static void
choose_files(SacWindow *window, Choice choice, const char *title)
{
  gboolean is_folder = choice == CHOOSE_ADD_FOLDER || choice == CHOOSE_LIBRARY;
  g_clear_object(&window->chooser);
  window->chooser = gtk_file_chooser_native_new(
      title, GTK_WINDOW(window), is_folder ? GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER : GTK_FILE_CHOOSER_ACTION_OPEN, NULL,
      NULL);
  gtk_native_dialog_set_modal(GTK_NATIVE_DIALOG(window->chooser), TRUE);
  gtk_file_chooser_set_select_multiple(GTK_FILE_CHOOSER(window->chooser), choice == CHOOSE_ADD);
  if (!is_folder) {
    g_autoptr(GtkFileFilter) media = gtk_file_filter_new();
    gtk_file_filter_set_name(media, _("Videos, sound and pictures"));
    gtk_file_filter_add_mime_type(media, "video/*");
    gtk_file_filter_add_mime_type(media, "audio/*");
    gtk_file_filter_add_mime_type(media, "image/*");
    gtk_file_chooser_add_filter(GTK_FILE_CHOOSER(window->chooser), media);
    g_autoptr(GtkFileFilter) all = gtk_file_filter_new();
    gtk_file_filter_set_name(all, _("All files"));
    gtk_file_filter_add_pattern(all, "*");
    gtk_file_chooser_add_filter(GTK_FILE_CHOOSER(window->chooser), all);
  }
  g_object_set_data(G_OBJECT(window->chooser), "choice", GINT_TO_POINTER(choice));
  g_signal_connect(window->chooser, "response", G_CALLBACK(on_files_chosen), window);
  gtk_native_dialog_show(GTK_NATIVE_DIALOG(window->chooser));
}

static void
on_open(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  choose_files(data, CHOOSE_OPEN, _("Open a Video"));
}

static void
on_add(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  choose_files(data, CHOOSE_ADD, _("Add Videos"));
}

static void
on_add_folder(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  choose_files(data, CHOOSE_ADD_FOLDER, _("Add a Folder"));
}

static void
on_choose_library(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  choose_files(data, CHOOSE_LIBRARY, _("Folder of the Library"));
}

static void
on_library(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  sac_window_show_library(data, TRUE);
}

static void
on_index(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  const char *paths[] = { sac_document_get_path(window->document), NULL };
  sac_window_index(window, paths);
}

static void
on_index_file(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  const char *paths[] = { g_variant_get_string(parameter, NULL), NULL };
  sac_window_index(data, paths);
}

static void
on_clear_jobs(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  if (SAC_WINDOW(data)->jobs) {
    sac_jobs_clear_ended(SAC_WINDOW(data)->jobs);
  }
}

/* --- the window ----------------------------------------------------------------------------------------------------------------------- */

static void
on_search(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  gtk_widget_grab_focus(GTK_WIDGET(SAC_WINDOW(data)->search));
}

static void
on_kind(GSimpleAction *action, GVariant *state, gpointer data)
{
  SacWindow *window = data;
  g_simple_action_set_state(action, state);
  sac_search_bar_show_narrowed(window->search, *g_variant_get_string(state, NULL) != '\0');
  sac_window_ask(window);
}

static void
on_zoom(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  int direction = g_variant_get_int32(parameter);
  if (direction == 0) {
    sac_timeline_zoom_all(SAC_WINDOW(data)->timeline);
  } else {
    sac_timeline_zoom(SAC_WINDOW(data)->timeline, direction > 0 ? 1.5 : 1 / 1.5);
  }
}

static void
on_fullscreen(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  if (gtk_window_is_fullscreen(data)) {
    gtk_window_unfullscreen(data);
  } else {
    gtk_window_fullscreen(data);
  }
}

static void
on_escape(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  if (gtk_window_is_fullscreen(data)) {
    gtk_window_unfullscreen(data);
  }
}

/* What an action needs to be possible. */
typedef enum { ALWAYS, WITH_VIDEO, WITH_DOCUMENT } Need;

static const struct {
  GActionEntry entry;
  Need need;
} window_actions[] = {
  { { "play", on_play }, WITH_VIDEO },
  { { "shuttle", on_shuttle, "i" }, WITH_VIDEO },
  { { "change-rate", on_change_rate, "i" }, WITH_VIDEO },
  { { "rate", on_rate, "s" }, WITH_VIDEO },
  { { "step", on_step, "i" }, WITH_VIDEO },
  { { "skip", on_skip, "i" }, WITH_VIDEO },
  { { "start", on_start }, WITH_VIDEO },
  { { "end", on_end }, WITH_VIDEO },
  { { "go-to-time", on_go_to_time }, WITH_VIDEO },
  { { "mute", on_mute }, ALWAYS },
  { { "audio-track", NULL, "i", "-1", sac_window_on_audio_track }, WITH_VIDEO },
  { { "next-audio-track", sac_window_on_next_audio_track }, WITH_VIDEO },
  { { "subtitle-track", NULL, "i", "-1", sac_window_on_subtitle_track }, WITH_VIDEO },
  { { "toggle-subtitles", sac_window_on_toggle_subtitles }, WITH_VIDEO },
  { { "add-subtitles", sac_window_on_add_subtitles }, WITH_VIDEO },
  { { "chapter", sac_window_on_chapter, "i" }, WITH_VIDEO },
  { { "step-chapter", sac_window_on_step_chapter, "i" }, WITH_VIDEO },
  { { "loop", NULL, NULL, "false", sac_window_on_loop }, WITH_VIDEO },
  { { "step-moment", on_step_moment, "i" }, WITH_VIDEO },
  { { "next-result", on_next_result }, ALWAYS },
  { { "previous-result", on_previous_result }, ALWAYS },
  { { "mark-in", on_mark_in }, WITH_VIDEO },
  { { "mark-out", on_mark_out }, WITH_VIDEO },
  { { "clear-marks", on_clear_marks }, WITH_VIDEO },
  { { "tag", on_tag }, WITH_VIDEO },
  { { "more-like-this", on_more_like_this }, ALWAYS },
  { { "keep-result", on_keep_result }, ALWAYS },
  { { "export", on_export }, WITH_VIDEO },
  { { "undo", on_undo }, WITH_DOCUMENT },
  { { "redo", on_redo }, WITH_DOCUMENT },
  { { "open", on_open }, ALWAYS },
  { { "add", on_add }, ALWAYS },
  { { "add-folder", on_add_folder }, ALWAYS },
  { { "choose-library", on_choose_library }, ALWAYS },
  { { "library", on_library }, ALWAYS },
  { { "index", on_index }, WITH_DOCUMENT },
  { { "index-file", on_index_file, "s" }, ALWAYS },
  { { "clear-jobs", on_clear_jobs }, ALWAYS },
  { { "search", on_search }, ALWAYS },
  { { "kind", NULL, "s", "''", on_kind }, ALWAYS },
  { { "zoom", on_zoom, "i" }, WITH_VIDEO },
  { { "fullscreen", on_fullscreen }, ALWAYS },
  { { "escape", on_escape }, ALWAYS },
};

static void
enable(SacWindow *window, const char *name, gboolean is_enabled)
{
  g_simple_action_set_enabled(G_SIMPLE_ACTION(g_action_map_lookup_action(G_ACTION_MAP(window), name)), is_enabled);
}

void
sac_window_update_actions(SacWindow *window)
{
  gint64 from, to;
  for (gsize i = 0; i < G_N_ELEMENTS(window_actions); i++) {
    Need need = window_actions[i].need;
    enable(window, window_actions[i].entry.name,
           need == ALWAYS || (need == WITH_VIDEO ? sac_window_has_video(window) : window->document != NULL));
  }
  gboolean has_span = sac_timeline_get_span(window->timeline, &from, &to);
  enable(window, "clear-marks", has_span);
  enable(window, "undo", window->document && sac_document_can_undo(window->document));
  enable(window, "redo", window->document && sac_document_can_redo(window->document));
  sac_window_timeline_update_actions(window);
}

static const struct {
  const char *key, *action, *target;
} keys[] = {
  { "space", "win.play", NULL },
  { "k", "win.play", NULL },
  { "j", "win.shuttle", "-1" },
  { "l", "win.shuttle", "1" },
  { "comma", "win.step", "-1" },
  { "period", "win.step", "1" },
  { "Left", "win.skip", "-5" },
  { "Right", "win.skip", "5" },
  { "<Shift>Left", "win.skip", "-1" },
  { "<Shift>Right", "win.skip", "1" },
  { "Home", "win.start", NULL },
  { "End", "win.end", NULL },
  { "Up", "win.step-moment", "-1" },
  { "Down", "win.step-moment", "1" },
  { "i", "win.mark-in", NULL },
  { "o", "win.mark-out", NULL },
  { "x", "win.clear-marks", NULL },
  { "t", "win.tag", NULL },
  { "Delete", "win.delete-moments", NULL },
  { "<Control>Left", "win.move-span", "-1" },
  { "<Control>Right", "win.move-span", "1" },
  { "<Alt>Left", "win.trim-start", "-1" },
  { "<Alt>Right", "win.trim-start", "1" },
  { "<Alt><Shift>Left", "win.trim-end", "-1" },
  { "<Alt><Shift>Right", "win.trim-end", "1" },
  { "<Control>c", "win.copy-times", NULL },
  { "s", "win.more-like-this", NULL },
  { "e", "win.export", NULL },
  { "slash", "win.search", NULL },
  { "plus|equal|KP_Add", "win.zoom", "1" },
  { "minus|KP_Subtract", "win.zoom", "-1" },
  { "0|KP_0", "win.zoom", "0" },
  { "f|F11", "win.fullscreen", NULL },
  { "m", "win.mute", NULL },
  { "v", "win.toggle-subtitles", NULL },
  { "numbersign", "win.next-audio-track", NULL },
  { "Page_Up", "win.step-chapter", "1" },
  { "Page_Down", "win.step-chapter", "-1" },
  { "r", "win.loop", NULL },
  { "<Control>z", "win.undo", NULL },
  { "<Control><Shift>z", "win.redo", NULL },
  { "bracketleft", "win.change-rate", "-1" },
  { "bracketright", "win.change-rate", "1" },
  { "g", "win.go-to-time", NULL },
  { "Escape", "win.escape", NULL },
};

/* At the window, last: a field that is being typed into, and a list that is walked through, take their keys first. A controller of
 * its own comes before the bindings of GtkWindow, which would have Space and the arrows. */
static void
add_keys(SacWindow *window)
{
  GtkEventController *controller = gtk_shortcut_controller_new();
  for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
    GtkShortcut *shortcut =
        gtk_shortcut_new(gtk_shortcut_trigger_parse_string(keys[i].key), gtk_named_action_new(keys[i].action));
    if (keys[i].target) {
      gtk_shortcut_set_arguments(shortcut, g_variant_new_int32(atoi(keys[i].target)));
    }
    gtk_shortcut_controller_add_shortcut(GTK_SHORTCUT_CONTROLLER(controller), shortcut);
  }
  gtk_widget_add_controller(GTK_WIDGET(window), controller);
}

void
sac_window_actions_init(SacWindow *window)
{
  for (gsize i = 0; i < G_N_ELEMENTS(window_actions); i++) {
    g_action_map_add_action_entries(G_ACTION_MAP(window), &window_actions[i].entry, 1, window);
  }
  sac_window_library_init(window);
  add_keys(window);
}
