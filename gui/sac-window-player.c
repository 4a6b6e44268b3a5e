/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n.h>

#include "gui/sac-window-private.h"

/* What the window does for who watches: tracks, chapters, loops, a full screen without controls, a machine that stays awake, and files
 * that go on where they were left. */

/* So long after the pointer's last motion the controls stay on a full screen. */
#define HIDE_AFTER_MS 2500

/* --- tracks and chapters --------------------------------------------------------------------------------------------------------- */

static void
set_state(SacWindow *window, const char *action, GVariant *state)
{
  g_simple_action_set_state(G_SIMPLE_ACTION(g_action_map_lookup_action(G_ACTION_MAP(window), action)), state);
}

static void
show_tracks(SacWindow *window)
{
  set_state(window, "audio-track", g_variant_new_int32(sac_player_get_audio_track(window->player)));
  set_state(window, "subtitle-track", g_variant_new_int32(sac_player_get_subtitle_track(window->player)));
}

void
sac_window_on_audio_track(GSimpleAction *action, GVariant *state, gpointer data)
{
  sac_player_set_audio_track(SAC_WINDOW(data)->player, g_variant_get_int32(state));
}

void
sac_window_on_subtitle_track(GSimpleAction *action, GVariant *state, gpointer data)
{
  sac_player_set_subtitle_track(SAC_WINDOW(data)->player, g_variant_get_int32(state));
}

void
sac_window_on_next_audio_track(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  int count = (int)sac_player_get_audio_tracks(window->player)->len;
  if (count > 1) {
    int next = (sac_player_get_audio_track(window->player) + 1) % count;
    const SacTrack *track = g_ptr_array_index(sac_player_get_audio_tracks(window->player), next);
    g_autofree char *words = g_strdup_printf(_("Sound %d of %d: %s"), next + 1, count,
                                             track->title      ? track->title
                                             : track->language ? track->language
                                                               : track->codec);
    sac_player_set_audio_track(window->player, next);
    sac_window_toast(window, words);
  }
}

void
sac_window_on_toggle_subtitles(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  int shown = sac_player_get_subtitle_track(window->player);
  int count = (int)sac_player_get_subtitle_tracks(window->player)->len;
  if (shown >= 0) {
    window->last_subtitle_track = shown;
    sac_player_set_subtitle_track(window->player, -1);
  } else if (count > 0) {
    sac_player_set_subtitle_track(window->player, MIN(window->last_subtitle_track, count - 1));
  } else {
    sac_window_toast(window, _("There are no subtitles: drop a file of them here, or choose one under Tracks."));
  }
}

static void
go_to_chapter(SacWindow *window, int index)
{
  GPtrArray *chapters = sac_player_get_chapters(window->player);
  if (index >= 0 && index < (int)chapters->len) {
    const SacChapter *chapter = g_ptr_array_index(chapters, index);
    sac_player_seek(window->player, chapter->start_us, SAC_SEEK_EXACT);
    sac_timeline_show_time(window->timeline, chapter->start_us);
  }
}

void
sac_window_on_chapter(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  go_to_chapter(data, g_variant_get_int32(parameter));
}

/* Back within a chapter's first seconds goes to the one before, later to its beginning. */
void
sac_window_on_step_chapter(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  GPtrArray *chapters = sac_player_get_chapters(window->player);
  gint64 position = sac_player_get_position(window->player);
  int direction = g_variant_get_int32(parameter), current = -1;
  for (guint i = 0; i < chapters->len; i++) {
    const SacChapter *chapter = g_ptr_array_index(chapters, i);
    if (chapter->start_us <= position - (direction < 0 ? 2 * G_USEC_PER_SEC : 0)) {
      current = (int)i;
    }
  }
  go_to_chapter(window, direction > 0 ? current + 1 : MAX(current, 0));
}

static void
on_subtitles_chosen(GtkNativeDialog *dialog, int response, SacWindow *window)
{
  if (response == GTK_RESPONSE_ACCEPT) {
    g_autoptr(GFile) file = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog));
    g_autofree char *path = file ? g_file_get_path(file) : NULL;
    if (path) {
      sac_player_add_subtitles(window->player, path);
    }
  }
  g_clear_object(&window->chooser);
}

void
sac_window_on_add_subtitles(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacWindow *window = data;
  g_autoptr(GtkFileFilter) filter = gtk_file_filter_new();
  g_clear_object(&window->chooser);
  window->chooser =
      gtk_file_chooser_native_new(_("Add Subtitles"), GTK_WINDOW(window), GTK_FILE_CHOOSER_ACTION_OPEN, NULL, NULL);
  gtk_native_dialog_set_modal(GTK_NATIVE_DIALOG(window->chooser), TRUE);
  gtk_file_filter_set_name(filter, _("Subtitles"));
  for (const char *const *suffix = (const char *const[]){ "srt", "ass", "ssa", "vtt", "sup", NULL }; *suffix;
       suffix++) {
    gtk_file_filter_add_suffix(filter, *suffix);
  }
  gtk_file_chooser_add_filter(GTK_FILE_CHOOSER(window->chooser), filter);
  g_signal_connect(window->chooser, "response", G_CALLBACK(on_subtitles_chosen), window);
  gtk_native_dialog_show(GTK_NATIVE_DIALOG(window->chooser));
}

/* --- loops ----------------------------------------------------------------------------------------------------------------------- */

void
sac_window_apply_loop(SacWindow *window)
{
  g_autoptr(GVariant) state = g_action_group_get_action_state(G_ACTION_GROUP(window), "loop");
  gint64 from, to;
  if (!g_variant_get_boolean(state)) {
    sac_player_set_loop(window->player, -1, -1);
  } else if (sac_timeline_get_span(window->timeline, &from, &to) && to > from) {
    sac_player_set_loop(window->player, from, to);
  } else {
    sac_player_set_loop(window->player, 0, MAX(sac_player_get_duration(window->player), 0));
  }
}

void
sac_window_on_loop(GSimpleAction *action, GVariant *state, gpointer data)
{
  g_simple_action_set_state(action, state);
  sac_window_apply_loop(data);
}

/* --- full screen ------------------------------------------------------------------------------------------------------------------ */

static gboolean
is_busy(SacWindow *window)
{
  /* A menu that is open has the focus. */
  GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(window));
  return gtk_event_controller_motion_contains_pointer(window->transport_motion) ||
         (focus && gtk_widget_get_native(focus) != GTK_NATIVE(window));
}

static gboolean
hide_controls(gpointer data)
{
  SacWindow *window = data;
  if (is_busy(window)) {
    return G_SOURCE_CONTINUE;
  }
  window->hide_source = 0;
  window->controls_are_hidden = TRUE;
  gtk_widget_set_visible(GTK_WIDGET(window->transport), FALSE);
  gtk_widget_set_cursor_from_name(GTK_WIDGET(window), "none");
  return G_SOURCE_REMOVE;
}

static void
show_controls(SacWindow *window)
{
  g_clear_handle_id(&window->hide_source, g_source_remove);
  if (window->controls_are_hidden) {
    window->controls_are_hidden = FALSE;
    gtk_widget_set_cursor(GTK_WIDGET(window), NULL);
    gtk_widget_set_visible(GTK_WIDGET(window->transport), sac_window_has_video(window));
  }
  if (gtk_window_is_fullscreen(GTK_WINDOW(window)) && sac_window_has_video(window)) {
    window->hide_source = g_timeout_add(HIDE_AFTER_MS, hide_controls, window);
  }
}

static void
on_motion(GtkEventControllerMotion *controller, double x, double y, SacWindow *window)
{
  /* What moves below a pointer that rests is no motion. */
  if (ABS(x - window->pointer_x) + ABS(y - window->pointer_y) >= 1) {
    window->pointer_x = x;
    window->pointer_y = y;
    show_controls(window);
  }
}

static void
on_fullscreen(SacWindow *window)
{
  sac_workbench_set_overlaid(window->workbench, gtk_window_is_fullscreen(GTK_WINDOW(window)));
  show_controls(window);
}

/* --- awake ------------------------------------------------------------------------------------------------------------------------ */

static void
on_playing(SacWindow *window)
{
  gboolean is_playing = sac_player_get_playing(window->player);
  GtkApplication *application = GTK_APPLICATION(window->application);
  if (is_playing && window->inhibit_cookie == 0 && application) {
    window->inhibit_cookie =
        gtk_application_inhibit(application, GTK_WINDOW(window),
                                GTK_APPLICATION_INHIBIT_IDLE | GTK_APPLICATION_INHIBIT_SUSPEND, _("A video plays"));
  } else if (!is_playing && window->inhibit_cookie != 0) {
    gtk_application_uninhibit(application, window->inhibit_cookie);
    window->inhibit_cookie = 0;
  }
}

/* --- where a file was left ---------------------------------------------------------------------------------------------------------- */

void
sac_window_keep_position(SacWindow *window)
{
  if (window->document && window->timeline_is_ready && window->positions) {
    sac_positions_set(window->positions, sac_document_get_path(window->document),
                      sac_player_get_position(window->player), sac_player_get_duration(window->player));
  }
}

/* --- the window's ------------------------------------------------------------------------------------------------------------------- */

void
sac_window_player_start(SacWindow *window)
{
  window->positions = sac_positions_new();
  window->mpris = sac_mpris_new(g_application_get_dbus_connection(G_APPLICATION(window->application)),
                                GTK_WINDOW(window), window->player);
  g_signal_connect_object(window->player, "notify::audio-track", G_CALLBACK(show_tracks), window, G_CONNECT_SWAPPED);
  g_signal_connect_object(window->player, "notify::subtitle-track", G_CALLBACK(show_tracks), window, G_CONNECT_SWAPPED);
  g_signal_connect_object(window->player, "notify::playing", G_CALLBACK(on_playing), window, G_CONNECT_SWAPPED);
  g_signal_connect_object(window->player, "tracks-changed", G_CALLBACK(sac_window_apply_loop), window,
                          G_CONNECT_SWAPPED);
  GtkEventController *motion = gtk_event_controller_motion_new();
  gtk_event_controller_set_propagation_phase(motion, GTK_PHASE_CAPTURE);
  g_signal_connect(motion, "motion", G_CALLBACK(on_motion), window);
  gtk_widget_add_controller(GTK_WIDGET(window), motion);
  window->transport_motion = GTK_EVENT_CONTROLLER_MOTION(gtk_event_controller_motion_new());
  gtk_widget_add_controller(GTK_WIDGET(window->transport), GTK_EVENT_CONTROLLER(window->transport_motion));
  g_signal_connect(window, "notify::fullscreened", G_CALLBACK(on_fullscreen), NULL);
}

void
sac_window_player_stop(SacWindow *window)
{
  g_clear_handle_id(&window->hide_source, g_source_remove);
  g_clear_object(&window->mpris);
  g_clear_object(&window->positions);
}
