/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/media/sac-player.h"
#include "gui/sac-document.h"
#include "gui/sac-library-page.h"
#include "gui/sac-search-bar.h"
#include "gui/sac-search-panel.h"
#include "gui/sac-searcher.h"
#include "gui/sac-timeline.h"
#include "gui/sac-transport.h"
#include "gui/sac-video-view.h"
#include "gui/sac-window.h"
#include "gui/sac-workbench.h"

/* What sac-window.c (what is shown) and sac-window-actions.c (what is done: actions and keys) share. */

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
  gboolean timeline_is_ready;

  /* What waits for the opened file to be known. */
  gint64 seek_us; /* -1: nothing */
  gboolean play_when_ready;
  gint64 view_start_us, view_length_us; /* view_start_us -1: nothing */

  GStrv waiting_paths; /* to be indexed when the library is open */
  GCancellable *waveform;
  GtkFileChooserNative *chooser;
  gulong jobs_handler;
  guint jobs_source;
  GPtrArray *forgetting; /* of AdwToast: each offers to undo what is not done before it goes; see sac-window-library.c */
};

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

/* Called when an instance is made. */
void sac_window_actions_init(SacWindow *window);

G_END_DECLS
