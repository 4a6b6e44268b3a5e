/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/analysis/sac-encoder.h"
#include "core/library/sac-library.h"

/*
 * What computes something from a video and puts it into the library. One file an analyser, each exporting one const struct; adding
 * one is that file and a line in sac-analyser.c's list.
 *
 * run() is called on the job's thread, for one video at a time. It goes on where the library says it stopped, writes every step in a
 * transaction of its own, reports progress and returns as soon as the cancellable says so (SAC_ERROR_CANCELLED). progress() blocks
 * while the job is paused.
 */

G_BEGIN_DECLS

typedef struct {
  const SacVideo *video;
  SacLibrary *library;
  SacEncoder *encoder;
  const char *model;  /* for analysers that take one */
  gint64 interval_us; /* between samples; 0: every frame */
  gboolean keyframes_allowed;
  gboolean hardware;
  GCancellable *cancellable;
  /* done_us of the video's duration are in the library now; n samples more. Blocks while paused; FALSE when cancelled. */
  gboolean (*progress)(gpointer data, gint64 done_us, gint64 n_new_samples);
  gpointer progress_data;
} SacAnalyserContext;

typedef struct {
  const char *name;         /* "visual": --analysers takes it */
  const char *const *kinds; /* of moments that it makes or makes searchable, NULL-terminated */
  gboolean uses_model;      /* a dual encoder, by id */
  gboolean (*is_done)(const SacAnalyserContext *context, gboolean *done, GError **error);
  gboolean (*run)(const SacAnalyserContext *context, GError **error);
} SacAnalyser;

/* All of them, NULL-terminated; and one by name, or NULL. */
const SacAnalyser *const *sac_analysers(void);
const SacAnalyser *sac_analyser_find(const char *name);

/* "visual, shots": for messages. Free it. */
char *sac_analyser_names(void);

G_END_DECLS
