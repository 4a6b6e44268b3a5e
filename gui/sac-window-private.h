/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/media/sac-player.h"
#include "gui/sac-document.h"
#include "gui/sac-library-page.h"
#include "gui/sac-mpris.h"
#include "gui/sac-positions.h"
#include "gui/sac-search-bar.h"
#include "gui/sac-search-panel.h"
#include "gui/sac-searcher.h"
#include "gui/sac-timeline.h"
#include "gui/sac-transport.h"
#include "gui/sac-video-view.h"
#include "gui/sac-window.h"
#include "gui/sac-workbench.h"

/* What sac-window.c (what is shown), sac-window-actions.c (what is done: actions and keys) and sac-window-timeline.c (what is done with
 * moments and the span) share. */

G_BEGIN_DECLS

struct _SacWindow {
  AdwApplicationWindow parent_instance;
  AdwToastOverlay *toasts;
  GtkWidget *header, *open_button;
  GtkToggleButton *library_button;
  SacSearchBar *search;
  GtkMenuButton *jobs_button;
  GtkListBox *jobs_list;
  SacWorkbench *workbench;
  GtkStack *content;
  SacLibraryPage *library_page;
  SacVideoView *video_view;
  AdwStatusPage *problem_page;
  SacSearchPanel *panel;
  SacTransport *transport;
  SacTimeline *timeline;

  SacApplication *application;
  SacPlayer *player;
  SacSearcher *searcher; /* NULL without a library */
  SacJobs *jobs;         /* NULL without a library */
  SacDocument *document; /* NULL: nothing is open */

  SacSearchResults *results; /* of the words in the search field; NULL without words */
  SacMoment *selected;       /* the moment that the span is of, or NULL */
  gint64 shown_span[2];      /* the marked span; from < 0: none */
  gint64 span_before[2];     /* while it is drawn or dragged: what it was */
  gboolean edits_span;
  gboolean timeline_is_ready;

  /* What waits for the opened file to be known. */
  gint64 seek_us; /* -1: nothing */
  gboolean play_when_ready;
  gint64 view_start_us, view_length_us; /* view_start_us -1: nothing */

  GStrv waiting_paths; /* to be indexed when the library is open */
  GtkFileChooserNative *chooser;
  gulong jobs_handler;

  /* Of sac-window-player.c. */
  SacMpris *mpris;
  SacPositions *positions;
  GtkEventControllerMotion *transport_motion;
  double pointer_x, pointer_y;
  gboolean controls_are_hidden;
  guint hide_source, inhibit_cookie;
  int last_subtitle_track;

  guint jobs_source;
  /* Of AdwToast: each offers to undo what is not done before it goes; see sac-window-library.c. */
  GPtrArray *forgetting;
};

/* seek_us below 0: where it was left. */
void sac_window_open_path(SacWindow *window, const char *path, gint64 seek_us, gboolean play);
void sac_window_index(SacWindow *window, const char *const *paths);
void sac_window_choose_moment(SacWindow *window, const SacMoment *moment, gboolean play);
void sac_window_set_span(SacWindow *window, gint64 from_us, gint64 to_us);
void sac_window_toast(SacWindow *window, const char *words);
/* With a button that undoes it by an action of the window. */
void sac_window_toast_undo(SacWindow *window, const char *words, const char *action);
gboolean sac_window_has_video(SacWindow *window);
void sac_window_show_library(SacWindow *window, gboolean is_shown);
void sac_window_update_actions(SacWindow *window);
void sac_window_ask(SacWindow *window);
/* Looks for what looks like a frame. */
void sac_window_look_for_picture(SacWindow *window, const char *path, gint64 time_us);
/* Makes a tag of what was found, named by its own label or by what was asked. */
void sac_window_keep_moment(SacWindow *window, const SacMoment *moment);

/* The library's actions; called by the next. */
void sac_window_library_init(SacWindow *window);
/* Does at once what could still have been undone. */
void sac_window_library_settle(SacWindow *window);

/* The same as the user's doing, which can be undone. */
void sac_window_edit_span(SacWindow *window, gint64 from_us, gint64 to_us);
void sac_window_span_edited(SacWindow *window, gboolean is_new, gboolean done);
void sac_window_restore_span(SacWindow *window, gint64 from_us, gint64 to_us);
/* The document's moments are others. */
void sac_window_follow_selected(SacWindow *window);
void sac_window_timeline_update_actions(SacWindow *window);

/* Called when an instance is made. */
void sac_window_actions_init(SacWindow *window);
void sac_window_timeline_init(SacWindow *window);

/* Of sac-window-player.c: once the application is known, and before it goes. */
void sac_window_player_start(SacWindow *window);
void sac_window_player_stop(SacWindow *window);
/* The span, or the video, is another. */
void sac_window_apply_loop(SacWindow *window);
/* The open video is about to be left. */
void sac_window_keep_position(SacWindow *window);
void sac_window_on_audio_track(GSimpleAction *action, GVariant *state, gpointer data);
void sac_window_on_subtitle_track(GSimpleAction *action, GVariant *state, gpointer data);
void sac_window_on_next_audio_track(GSimpleAction *action, GVariant *parameter, gpointer data);
void sac_window_on_toggle_subtitles(GSimpleAction *action, GVariant *parameter, gpointer data);
void sac_window_on_chapter(GSimpleAction *action, GVariant *parameter, gpointer data);
void sac_window_on_step_chapter(GSimpleAction *action, GVariant *parameter, gpointer data);
void sac_window_on_add_subtitles(GSimpleAction *action, GVariant *parameter, gpointer data);
void sac_window_on_loop(GSimpleAction *action, GVariant *state, gpointer data);

G_END_DECLS
