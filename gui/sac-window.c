/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-window.h"

#include <glib/gi18n.h>

#include "core/sac-error.h"
#include "core/sac-time.h"
#include "gui/sac-job-row.h"
#include "gui/sac-window-private.h"

G_DEFINE_FINAL_TYPE(SacWindow, sac_window, ADW_TYPE_APPLICATION_WINDOW)

gboolean
sac_window_has_video(SacWindow *window)
{
  return window->document && window->timeline_is_ready;
}

void
sac_window_toast(SacWindow *window, const char *words)
{
  g_autofree char *markup = g_markup_escape_text(words, -1);
  AdwToast *toast = adw_toast_new(markup);
  adw_toast_set_timeout(toast, 6);
  adw_toast_overlay_add_toast(window->toasts, toast);
}

void
sac_window_toast_undo(SacWindow *window, const char *words, const char *action)
{
  g_autofree char *markup = g_markup_escape_text(words, -1);
  AdwToast *toast = adw_toast_new(markup);
  adw_toast_set_button_label(toast, _("Undo"));
  adw_toast_set_action_name(toast, action);
  adw_toast_set_timeout(toast, 10);
  adw_toast_overlay_add_toast(window->toasts, toast);
}

/* --- what is shown ------------------------------------------------------------------------------------------------------------ */

static gboolean
is_library_shown(SacWindow *window)
{
  return g_strcmp0(gtk_stack_get_visible_child_name(window->content), "library") == 0;
}

static gboolean
is_asked(SacWindow *window)
{
  return !sac_search_bar_is_empty(window->search);
}

static void
update_layout(SacWindow *window)
{
  gboolean is_fullscreen = gtk_window_is_fullscreen(GTK_WINDOW(window));
  gboolean shows_video = g_strcmp0(gtk_stack_get_visible_child_name(window->content), "video") == 0;
  gtk_widget_set_visible(window->header, !is_fullscreen);
  gtk_widget_set_visible(GTK_WIDGET(window->panel), !is_fullscreen && (shows_video || is_asked(window)));
  gtk_widget_set_visible(GTK_WIDGET(window->transport), shows_video && !window->controls_are_hidden);
  gtk_widget_set_visible(GTK_WIDGET(window->timeline), shows_video && !is_fullscreen);
  gtk_toggle_button_set_active(window->library_button, is_library_shown(window));
  sac_window_update_actions(window);
}

void
sac_window_show_library(SacWindow *window, gboolean is_shown)
{
  if (!is_shown && !window->document) {
    is_shown = TRUE;
  }
  if (is_shown != is_library_shown(window)) {
    sac_player_pause(window->player);
    gtk_stack_set_visible_child_name(window->content, is_shown ? "library" : "video");
  }
  update_layout(window);
}

static void
on_library_toggled(SacWindow *window)
{
  sac_window_show_library(window, gtk_toggle_button_get_active(window->library_button));
}

/* Beside the video: what was found; without words the video's own moments, or what to do first. */
static void
update_panel(SacWindow *window)
{
  update_layout(window);
  if (is_asked(window)) {
    if (window->results) {
      sac_search_panel_show_results(window->panel, window->results);
    }
    return;
  }
  if (!window->document || (!sac_document_is_loaded(window->document) && window->searcher)) {
    return;
  }
  const SacVideo *video = sac_document_get_video(window->document);
  GPtrArray *moments = sac_document_get_moments(window->document);
  if (!window->searcher) {
    sac_search_panel_show_page(window->panel, "dialog-warning-symbolic", _("No library"),
                               _("Without its library Saccade only plays."), _("Library"), "win.library");
  } else if (moments->len > 0) {
    sac_search_panel_show_moments(window->panel, moments);
  } else if (video && video->state == SAC_VIDEO_INDEXED) {
    sac_search_panel_show_page(window->panel, "edit-find-symbolic", _("Search moments"),
                               _("Type what you remember: it is looked for in all your videos."), _("Search"),
                               "win.search");
  } else if (window->jobs && sac_jobs_count_running(window->jobs) > 0) {
    sac_search_panel_show_page(window->panel, "sac-jobs-symbolic", _("Being indexed"),
                               _("What has been looked through is searchable already."), _("Search"), "win.search");
  } else if (video && video->state == SAC_VIDEO_PARTIAL) {
    sac_search_panel_show_page(window->panel, "system-search-symbolic", _("Partly indexed"),
                               _("The rest has not been looked through yet."), _("Index the Rest"), "win.index");
  } else {
    sac_search_panel_show_page(window->panel, "system-search-symbolic", _("Not indexed yet"),
                               _("Saccade looks through a video once; then its moments can be found by typing."),
                               _("Index"), "win.index");
  }
}

static void
on_narrow(SacWindow *window)
{
  gboolean is_narrow = sac_workbench_get_narrow(window->workbench);
  sac_transport_set_narrow(window->transport, is_narrow);
  /* The words that are searched for need the room more. */
  gtk_widget_set_visible(window->open_button, !is_narrow);
  sac_search_bar_set_narrow(window->search, is_narrow);
  adw_header_bar_set_decoration_layout(ADW_HEADER_BAR(window->header), is_narrow ? ":close" : NULL);
}

/* --- the open video ---------------------------------------------------------------------------------------------------------- */

void
sac_window_set_span(SacWindow *window, gint64 from_us, gint64 to_us)
{
  sac_timeline_set_span(window->timeline, from_us, to_us);
  window->shown_span[0] = from_us < 0 ? -1 : from_us;
  window->shown_span[1] = from_us < 0 ? -1 : to_us;
  sac_transport_set_span(window->transport, from_us, to_us);
  sac_window_apply_loop(window);
  sac_window_update_actions(window);
}

static void
show_found(SacWindow *window)
{
  g_autoptr(GPtrArray) found = g_ptr_array_new();
  const SacVideo *video = window->document ? sac_document_get_video(window->document) : NULL;
  for (guint i = 0; window->results && video && i < window->results->results->len; i++) {
    SacSearchResult *result = g_ptr_array_index(window->results->results, i);
    if (result->moment->video_id == video->id) {
      g_ptr_array_add(found, result->moment);
    }
  }
  sac_timeline_set_found(window->timeline, found);
}

static void
on_document_changed(SacWindow *window)
{
  const SacVideo *video = sac_document_get_video(window->document);
  sac_timeline_set_moments(window->timeline, sac_document_get_moments(window->document));
  sac_window_follow_selected(window);
  if (window->searcher) {
    sac_searcher_set_video(window->searcher, video ? video->id : 0);
  }
  show_found(window);
  update_panel(window);
}

static void
on_document_failed(SacWindow *window, const GError *error)
{
  sac_window_toast(window, error->message);
}

static void
close_document(SacWindow *window)
{
  sac_window_keep_position(window);
  if (window->document) {
    g_signal_handlers_disconnect_by_data(window->document, window);
    g_clear_object(&window->document);
  }
  g_clear_pointer(&window->selected, sac_moment_free);
}

static void
open_document(SacWindow *window, const char *path)
{
  g_autofree char *kept = g_strdup(path);
  if (window->document) {
    g_signal_handlers_disconnect_by_data(window->document, window);
    g_clear_object(&window->document);
  }
  window->document = sac_document_new(sac_application_get_library(window->application), kept);
  g_signal_connect_swapped(window->document, "changed", G_CALLBACK(on_document_changed), window);
  g_signal_connect_swapped(window->document, "failed", G_CALLBACK(on_document_failed), window);
  g_signal_connect_swapped(window->document, "span-restored", G_CALLBACK(sac_window_restore_span), window);
}

/* Beside the library; without one nothing is kept. */
static char *
previews_folder(SacWindow *window)
{
  SacLibrary *library = sac_application_get_library(window->application);
  if (!library || sac_library_is_read_only(library)) {
    return NULL;
  }
  return g_build_filename(sac_library_get_directory(library), "previews", NULL);
}

void
sac_window_open_path(SacWindow *window, const char *path, gint64 seek_us, gboolean play)
{
  g_autofree char *kept = g_strdup(path);
  g_autofree char *name = g_path_get_basename(kept);
  close_document(window);
  window->timeline_is_ready = FALSE;
  window->seek_us = seek_us >= 0 ? seek_us : sac_positions_get(window->positions, kept);
  window->play_when_ready = play;
  window->view_start_us = -1;
  sac_timeline_set_video(window->timeline, NULL, NULL, 0, FALSE, FALSE);
  sac_video_view_clear(window->video_view);
  sac_window_set_span(window, -1, -1);
  gtk_stack_set_visible_child_name(window->content, "video");
  gtk_window_set_title(GTK_WINDOW(window), name);
  open_document(window, kept);
  sac_player_open(window->player, kept);
  update_panel(window);
}

/* The file is open: its length and what it has are known. */
static void
on_media_known(SacWindow *window)
{
  gboolean has_video, has_audio;
  gint64 duration = sac_player_get_duration(window->player);
  if (!window->document || duration <= 0 || window->timeline_is_ready) {
    return;
  }
  const char *path = sac_document_get_path(window->document);
  window->timeline_is_ready = TRUE;
  g_object_get(window->player, "has-video", &has_video, "has-audio", &has_audio, NULL);
  g_autofree char *previews = previews_folder(window);
  sac_timeline_set_video(window->timeline, path, previews, duration, has_video, has_audio);
  on_document_changed(window);
  if (window->view_start_us >= 0) {
    sac_timeline_set_view(window->timeline, window->view_start_us, window->view_length_us);
  }
  if (window->selected) {
    sac_window_set_span(window, window->selected->start_us, window->selected->end_us);
  }
  if (window->seek_us >= 0) {
    sac_player_seek(window->player, window->seek_us, SAC_SEEK_EXACT);
    sac_timeline_show_time(window->timeline, window->seek_us);
  }
  if (window->play_when_ready) {
    sac_player_play(window->player);
  }
  /* Typing goes on where it was; otherwise the keys are the player's. */
  GtkWidget *focus = gtk_window_get_focus(GTK_WINDOW(window));
  if (!focus || !gtk_widget_is_ancestor(focus, GTK_WIDGET(window->search))) {
    gtk_widget_grab_focus(GTK_WIDGET(window->timeline));
  }
  window->seek_us = -1;
  window->play_when_ready = FALSE;
  sac_window_update_actions(window);
  if (window->searcher) {
    sac_window_ask(window);
  }
}

static void
on_position(SacWindow *window)
{
  gint64 position = sac_player_get_position(window->player);
  if (window->timeline_is_ready) {
    sac_timeline_set_position(window->timeline, position);
    if (sac_player_get_playing(window->player)) {
      sac_timeline_show_time(window->timeline, position);
    }
  }
}

static void
on_player_error(SacWindow *window, const GError *error)
{
  g_autofree char *markup = g_markup_escape_text(error->message, -1);
  if (window->timeline_is_ready) {
    sac_window_toast(window, error->message);
    return;
  }
  adw_status_page_set_description(window->problem_page, markup);
  gtk_stack_set_visible_child_name(window->content, "problem");
  close_document(window);
  update_layout(window);
}

static void
on_timeline_seek(SacWindow *window, gint64 time_us, gboolean scrubbing)
{
  sac_player_seek(window->player, time_us, scrubbing ? SAC_SEEK_FAST : SAC_SEEK_EXACT);
}

void
sac_window_choose_moment(SacWindow *window, const SacMoment *moment, gboolean play)
{
  SacMoment *chosen = sac_moment_copy(moment);
  gboolean is_open = window->document && g_strcmp0(sac_document_get_path(window->document), chosen->path) == 0;
  if (!is_open) {
    sac_window_open_path(window, chosen->path, chosen->start_us, play);
    window->selected = chosen;
    return;
  }
  g_clear_pointer(&window->selected, sac_moment_free);
  window->selected = chosen;
  sac_window_show_library(window, FALSE);
  if (!window->timeline_is_ready) {
    window->seek_us = chosen->start_us;
    window->play_when_ready = play;
    return;
  }
  sac_window_set_span(window, chosen->start_us, chosen->end_us);
  if (!play) {
    sac_player_pause(window->player);
  }
  sac_player_seek(window->player, chosen->start_us, SAC_SEEK_EXACT);
  sac_timeline_show_time(window->timeline, chosen->start_us);
  if (play) {
    sac_player_play(window->player);
  }
}

static void
on_moment_chosen(SacWindow *window, const SacMoment *moment)
{
  sac_window_choose_moment(window, moment, FALSE);
}

static void
on_chosen(SacWindow *window, const SacMoment *moment, gboolean play)
{
  sac_search_bar_remember(window->search);
  sac_window_choose_moment(window, moment, play);
}

void
sac_window_look_for_picture(SacWindow *window, const char *path, gint64 time_us)
{
  sac_search_bar_set_text(window->search, "");
  sac_search_bar_set_picture(window->search, path, time_us);
}

static void
on_more_like(SacWindow *window, const SacMoment *moment)
{
  sac_window_look_for_picture(window, moment->path, (moment->start_us + moment->end_us) / 2);
}

/* --- searching ------------------------------------------------------------------------------------------------------------------ */

void
sac_window_ask(SacWindow *window)
{
  if (!window->searcher) {
    update_panel(window);
    return;
  }
  g_autoptr(GVariant) kind = g_action_group_get_action_state(G_ACTION_GROUP(window), "kind");
  const char *kind_name = g_variant_get_string(kind, NULL);
  gint64 picture_time;
  const char *picture = sac_search_bar_get_picture(window->search, &picture_time);
  sac_searcher_ask(window->searcher, sac_search_bar_get_text(window->search), *kind_name ? kind_name : NULL, picture,
                   picture_time);
  update_layout(window);
}

/* For whoever measures (G_MESSAGES_DEBUG): how long it is from the question to its answer on the screen. */
static void
on_answer_drawn(GdkFrameClock *clock, SacWindow *window)
{
  g_signal_handlers_disconnect_by_func(clock, on_answer_drawn, window);
  if (window->searcher && window->results) {
    gint64 asked = sac_searcher_get_asked_time(window->searcher);
    g_debug(
        "%u results drawn %.1f ms after the question; searched for %.1f ms, %.1f of it the scan of %" G_GINT64_FORMAT
        " vectors",
        window->results->results->len, (double)(g_get_monotonic_time() - asked) / 1e3, window->results->seconds * 1e3,
        window->results->scan_seconds * 1e3, window->results->n_samples);
  }
}

static void
measure_drawing(SacWindow *window)
{
  GdkFrameClock *clock = gtk_widget_get_frame_clock(GTK_WIDGET(window));
  if (clock) {
    g_signal_handlers_disconnect_by_func(clock, on_answer_drawn, window);
    g_signal_connect_object(clock, "after-paint", G_CALLBACK(on_answer_drawn), window, 0);
    gtk_widget_queue_draw(GTK_WIDGET(window->panel));
  }
}

static void
on_results(SacWindow *window, SacSearchResults *results)
{
  measure_drawing(window);
  g_clear_pointer(&window->results, sac_search_results_unref);
  window->results = results ? sac_search_results_ref(results) : NULL;
  show_found(window);
  update_panel(window);
}

static void
on_curve(SacWindow *window, const SacMatchCurve *curve)
{
  sac_timeline_set_match_curve(window->timeline, curve);
}

static void
on_search_failed(SacWindow *window, const GError *error)
{
  g_clear_pointer(&window->results, sac_search_results_unref);
  show_found(window);
  sac_search_panel_show_page(window->panel, "dialog-error-symbolic", _("The search failed"), error->message,
                             _("Preferences"), "app.preferences");
}

static void
on_search_activate(SacWindow *window)
{
  sac_search_panel_activate(window->panel);
}

static void
on_search_stop(SacWindow *window)
{
  gtk_widget_grab_focus(GTK_WIDGET(window->timeline));
}

static void
on_search_step(SacWindow *window, int direction)
{
  sac_search_panel_step(window->panel, direction);
}

/* --- jobs ------------------------------------------------------------------------------------------------------------------------ */

static GtkWidget *
make_job_row(gpointer job, gpointer data)
{
  GtkWidget *row = gtk_list_box_row_new();
  gtk_list_box_row_set_activatable(GTK_LIST_BOX_ROW(row), FALSE);
  gtk_list_box_row_set_child(GTK_LIST_BOX_ROW(row), sac_job_row_new(job));
  return row;
}

static gboolean
show_jobs(gpointer data)
{
  SacWindow *window = data;
  GListModel *list = window->jobs ? sac_jobs_get_list(window->jobs) : NULL;
  guint n_running = window->jobs ? sac_jobs_count_running(window->jobs) : 0;
  g_autofree char *words = g_strdup_printf(ngettext("%u job", "%u jobs", n_running), n_running);
  gtk_widget_set_visible(GTK_WIDGET(window->jobs_button), list && g_list_model_get_n_items(list) > 0);
  gtk_widget_set_tooltip_text(GTK_WIDGET(window->jobs_button), words);
  if (n_running > 0) {
    gtk_widget_add_css_class(GTK_WIDGET(window->jobs_button), "running");
  } else {
    gtk_widget_remove_css_class(GTK_WIDGET(window->jobs_button), "running");
  }
  window->jobs_source = 0;
  return G_SOURCE_REMOVE;
}

static void
on_jobs_changed(SacWindow *window)
{
  if (window->jobs_source == 0) {
    window->jobs_source = g_idle_add(show_jobs, window);
  }
}

/* Whoever looks at another window is told what came of a job; not of one that they cancelled. */
static void
tell_desktop(SacWindow *window, SacJob *job)
{
  if (gtk_window_is_active(GTK_WINDOW(window)) || sac_job_get_state(job) == SAC_JOB_CANCELLED) {
    return;
  }
  g_autoptr(GNotification) notification = g_notification_new(sac_job_get_title(job));
  g_notification_set_body(notification, sac_job_get_detail(job));
  g_application_send_notification(G_APPLICATION(window->application), "job", notification);
}

static void
on_job_finished(SacWindow *window, SacJob *job, const char *output)
{
  on_jobs_changed(window);
  tell_desktop(window, job);
  if (sac_job_get_state(job) == SAC_JOB_FAILED) {
    sac_window_toast(window, sac_job_get_detail(job));
  } else if (output) {
    g_autofree char *name = g_path_get_basename(output);
    g_autofree char *words = g_strdup_printf(_("Saved “%s”"), name);
    sac_window_toast(window, words);
  }
  if (window->document) {
    sac_document_refresh(window->document);
  }
}

/* --- the library ------------------------------------------------------------------------------------------------------------------- */

static void
drop_library(SacWindow *window)
{
  if (window->searcher) {
    g_signal_handlers_disconnect_by_data(window->searcher, window);
    g_clear_object(&window->searcher);
  }
  if (window->jobs) {
    gtk_list_box_bind_model(window->jobs_list, NULL, NULL, NULL, NULL);
    g_signal_handlers_disconnect_by_data(sac_jobs_get_list(window->jobs), window);
    g_signal_handlers_disconnect_by_data(window->jobs, window);
    g_clear_object(&window->jobs);
  }
  g_clear_pointer(&window->results, sac_search_results_unref);
}

static void
on_library_written(SacLibrary *library, SacWindow *window)
{
  if (window->searcher) {
    sac_searcher_ask_again(window->searcher);
  }
}

static void
take_library(SacWindow *window, SacLibrary *library)
{
  window->searcher = sac_searcher_new(library, sac_application_get_encoder(window->application));
  g_signal_connect_swapped(window->searcher, "results", G_CALLBACK(on_results), window);
  g_signal_connect_swapped(window->searcher, "curve", G_CALLBACK(on_curve), window);
  g_signal_connect_swapped(window->searcher, "failed", G_CALLBACK(on_search_failed), window);
  g_signal_connect_object(library, "changed", G_CALLBACK(on_library_written), window, 0);
  window->jobs = g_object_ref(sac_application_get_jobs(window->application));
  g_signal_connect_swapped(window->jobs, "finished", G_CALLBACK(on_job_finished), window);
  g_signal_connect_swapped(sac_jobs_get_list(window->jobs), "items-changed", G_CALLBACK(on_jobs_changed), window);
  gtk_list_box_bind_model(window->jobs_list, sac_jobs_get_list(window->jobs), make_job_row, NULL, NULL);
  if (window->waiting_paths) {
    g_auto(GStrv) paths = g_steal_pointer(&window->waiting_paths);
    sac_window_index(window, (const char *const *)paths);
  }
}

static void
on_library_changed(SacWindow *window)
{
  SacLibrary *library = sac_application_get_library(window->application);
  const GError *error = sac_application_get_library_error(window->application);
  drop_library(window);
  sac_library_page_set_library(window->library_page, library, sac_application_get_thumbnailer(window->application));
  if (library) {
    take_library(window, library);
  } else if (error) {
    sac_library_page_show_error(window->library_page, error);
  }
  if (window->document) {
    open_document(window, sac_document_get_path(window->document));
  }
  sac_window_ask(window);
  on_jobs_changed(window);
  update_panel(window);
}

void
sac_window_index(SacWindow *window, const char *const *paths)
{
  if (!window->jobs) {
    g_strfreev(window->waiting_paths);
    window->waiting_paths = g_strdupv((GStrv)paths);
    return;
  }
  sac_application_index(window->application, paths);
  on_jobs_changed(window);
  update_panel(window);
}

static void
on_library_open(SacWindow *window, const char *path)
{
  sac_window_open_path(window, path, -1, FALSE);
}

static void
on_tags_told(SacWindow *window, const char *words)
{
  sac_window_toast_undo(window, words, "win.undo-tags");
  if (window->document) {
    sac_document_refresh(window->document);
  }
}

static void
on_tags_failed(SacWindow *window, const GError *error)
{
  sac_window_toast(window, error->message);
}

static void
on_first_looked_at(GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr(SacWindow) window = data;
  g_autoptr(GFileInfo) info = g_file_query_info_finish(G_FILE(source), result, NULL);
  g_autofree char *path = g_file_get_path(G_FILE(source));
  if (info && g_file_info_get_file_type(info) == G_FILE_TYPE_DIRECTORY) {
    sac_window_index(window, (const char *[]){ path, NULL });
  } else {
    sac_window_open_path(window, path, -1, FALSE);
  }
}

void
sac_window_take_files(SacWindow *window, GFile **files, guint n_files)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  for (guint i = 0; i < n_files; i++) {
    g_autofree char *path = g_file_get_path(files[i]);
    if (path) {
      g_strv_builder_add(builder, path);
    }
  }
  g_auto(GStrv) paths = g_strv_builder_end(builder);
  if (n_files > 1 && paths[0]) {
    sac_window_index(window, (const char *const *)paths);
  }
  if (paths[0]) {
    g_autoptr(GFile) first = g_file_new_for_path(paths[0]);
    g_file_query_info_async(first, G_FILE_ATTRIBUTE_STANDARD_TYPE, G_FILE_QUERY_INFO_NONE, G_PRIORITY_DEFAULT, NULL,
                            on_first_looked_at, g_object_ref(window));
  }
}

static gboolean
on_drop(GtkDropTarget *target, const GValue *value, double x, double y, SacWindow *window)
{
  GSList *list = g_value_get_boxed(value);
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  for (GSList *link = list; link; link = link->next) {
    g_autofree char *path = g_file_get_path(link->data);
    if (path) {
      g_strv_builder_add(builder, path);
    }
  }
  g_auto(GStrv) paths = g_strv_builder_end(builder);
  if (!paths[0]) {
    return FALSE;
  }
  if (window->document && !paths[1] && sac_subtitles_is_name(paths[0])) {
    sac_player_add_subtitles(window->player, paths[0]);
    return TRUE;
  }
  sac_window_index(window, (const char *const *)paths);
  if (!window->document) {
    sac_window_take_files(window, (GFile *[]){ list->data }, 1);
  }
  return TRUE;
}

/* --- remembering -------------------------------------------------------------------------------------------------------------------- */

void
sac_window_restore(SacWindow *window)
{
  GSettings *settings = sac_application_get_settings(window->application);
  g_autofree char *path = g_settings_get_string(settings, "open-video");
  if (window->document || !*path) {
    return;
  }
  gint64 view_start = g_settings_get_int64(settings, "view-start");
  gint64 view_length = g_settings_get_int64(settings, "view-length");
  sac_window_open_path(window, path, g_settings_get_int64(settings, "position"), FALSE);
  window->view_start_us = view_start;
  window->view_length_us = view_length;
}

static void
remember(SacWindow *window)
{
  GSettings *settings = sac_application_get_settings(window->application);
  gint64 view_start, view_length;
  int width, height;
  gtk_window_get_default_size(GTK_WINDOW(window), &width, &height);
  g_settings_set_int(settings, "window-width", MAX(width, 360));
  g_settings_set_int(settings, "window-height", MAX(height, 294));
  g_settings_set_boolean(settings, "window-maximized", gtk_window_is_maximized(GTK_WINDOW(window)));
  g_settings_set_double(settings, "volume", sac_player_get_volume(window->player));
  g_settings_set_boolean(settings, "muted", sac_player_get_muted(window->player));
  g_settings_set_string(settings, "open-video", window->document ? sac_document_get_path(window->document) : "");
  g_settings_set_int64(settings, "position", window->document ? sac_player_get_position(window->player) : 0);
  sac_timeline_get_view(window->timeline, &view_start, &view_length);
  g_settings_set_int64(settings, "view-start", view_start);
  g_settings_set_int64(settings, "view-length", view_length);
}

static gboolean
sac_window_close_request(GtkWindow *gtk_window)
{
  SacWindow *window = SAC_WINDOW(gtk_window);
  remember(window);
  sac_window_keep_position(window);
  sac_window_library_settle(window);
  sac_player_close(window->player);
  return GTK_WINDOW_CLASS(sac_window_parent_class)->close_request(gtk_window);
}

/* --- the object ---------------------------------------------------------------------------------------------------------------------- */

static void
connect_player(SacWindow *window)
{
  window->player = sac_player_new();
  sac_video_view_set_player(window->video_view, window->player);
  sac_transport_set_player(window->transport, window->player);
  g_signal_connect_object(window->player, "notify::duration", G_CALLBACK(on_media_known), window, G_CONNECT_SWAPPED);
  g_signal_connect_object(window->player, "notify::position", G_CALLBACK(on_position), window, G_CONNECT_SWAPPED);
  g_signal_connect_object(window->player, "error", G_CALLBACK(on_player_error), window, G_CONNECT_SWAPPED);
}

SacWindow *
sac_window_new(SacApplication *application)
{
  SacWindow *window = g_object_new(SAC_TYPE_WINDOW, "application", application, NULL);
  GSettings *settings = sac_application_get_settings(application);
  window->application = application;
  sac_window_player_start(window);
  gtk_window_set_default_size(GTK_WINDOW(window), g_settings_get_int(settings, "window-width"),
                              g_settings_get_int(settings, "window-height"));
  if (g_settings_get_boolean(settings, "window-maximized")) {
    gtk_window_maximize(GTK_WINDOW(window));
  }
  sac_player_set_volume(window->player, g_settings_get_double(settings, "volume"));
  sac_player_set_muted(window->player, g_settings_get_boolean(settings, "muted"));
  sac_library_page_set_settings(window->library_page, settings);
  sac_search_bar_set_up(window->search, settings, sac_application_get_thumbnailer(application));
  sac_search_panel_set_up(window->panel, settings, sac_application_get_thumbnailer(application));
  g_signal_connect_object(application, "library-changed", G_CALLBACK(on_library_changed), window, G_CONNECT_SWAPPED);
  on_library_changed(window);
  return window;
}

static void
sac_window_dispose(GObject *object)
{
  SacWindow *window = SAC_WINDOW(object);
  g_clear_handle_id(&window->jobs_source, g_source_remove);
  if (window->jobs_list) {
    drop_library(window);
  }
  sac_window_player_stop(window);
  close_document(window);
  g_clear_object(&window->chooser);
  g_clear_object(&window->player);
  g_clear_pointer(&window->waiting_paths, g_strfreev);
  g_clear_pointer(&window->forgetting, g_ptr_array_unref);
  window->timeline = NULL;
  window->jobs_list = NULL;
  G_OBJECT_CLASS(sac_window_parent_class)->dispose(object);
}

static void
sac_window_class_init(SacWindowClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->dispose = sac_window_dispose;
  GTK_WINDOW_CLASS(class)->close_request = sac_window_close_request;
  g_type_ensure(SAC_TYPE_WORKBENCH);
  g_type_ensure(SAC_TYPE_LIBRARY_PAGE);
  g_type_ensure(SAC_TYPE_VIDEO_VIEW);
  g_type_ensure(SAC_TYPE_SEARCH_BAR);
  g_type_ensure(SAC_TYPE_SEARCH_PANEL);
  g_type_ensure(SAC_TYPE_TRANSPORT);
  g_type_ensure(SAC_TYPE_TIMELINE);
  gtk_widget_class_set_template_from_resource(widget_class, "/org/saccade/Saccade/sac-window.ui");
  gtk_widget_class_bind_template_child(widget_class, SacWindow, toasts);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, header);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, open_button);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, library_button);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, search);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, jobs_button);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, jobs_list);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, workbench);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, content);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, library_page);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, video_view);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, problem_page);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, panel);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, transport);
  gtk_widget_class_bind_template_child(widget_class, SacWindow, timeline);
  gtk_widget_class_bind_template_callback(widget_class, on_library_toggled);
  gtk_widget_class_bind_template_callback(widget_class, sac_window_ask);
  gtk_widget_class_bind_template_callback(widget_class, on_search_activate);
  gtk_widget_class_bind_template_callback(widget_class, on_search_stop);
  gtk_widget_class_bind_template_callback(widget_class, on_search_step);
  gtk_widget_class_bind_template_callback(widget_class, on_narrow);
  gtk_widget_class_bind_template_callback(widget_class, on_library_open);
  gtk_widget_class_bind_template_callback(widget_class, on_tags_told);
  gtk_widget_class_bind_template_callback(widget_class, on_tags_failed);
  gtk_widget_class_bind_template_callback(widget_class, on_chosen);
  gtk_widget_class_bind_template_callback(widget_class, on_more_like);
  gtk_widget_class_bind_template_callback(widget_class, sac_window_keep_moment);
  gtk_widget_class_bind_template_callback(widget_class, on_timeline_seek);
  gtk_widget_class_bind_template_callback(widget_class, sac_window_span_edited);
  gtk_widget_class_bind_template_callback(widget_class, on_moment_chosen);
  gtk_widget_class_bind_template_callback(widget_class, sac_window_update_actions);
}

static void
sac_window_init(SacWindow *window)
{
  window->seek_us = -1;
  window->view_start_us = -1;
  gtk_widget_init_template(GTK_WIDGET(window));
  sac_window_actions_init(window);
  sac_window_timeline_init(window);
  connect_player(window);
  GtkDropTarget *target = gtk_drop_target_new(GDK_TYPE_FILE_LIST, GDK_ACTION_COPY);
  g_signal_connect(target, "drop", G_CALLBACK(on_drop), window);
  gtk_widget_add_controller(GTK_WIDGET(window), GTK_EVENT_CONTROLLER(target));
  g_signal_connect(window, "notify::fullscreened", G_CALLBACK(update_layout), NULL);
  update_layout(window);
}
