/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-stall-watch.h"

#include <glib-unix.h>
#include <stdio.h>

static const char *log_path;
static GPollFunc inner_poll;
static gint64 woken_us, longest_us;

/* The loop sleeps only in poll: what passes between leaving it and coming back is one round of work. */
static int
watching_poll(GPollFD *descriptors, guint n, int timeout)
{
  gint64 now = g_get_monotonic_time();
  if (woken_us > 0) {
    longest_us = MAX(longest_us, now - woken_us);
  }
  int ready = inner_poll(descriptors, n, timeout);
  woken_us = g_get_monotonic_time();
  return ready;
}

static gboolean
write_longest(gpointer data)
{
  FILE *file = fopen(log_path, "a");
  if (file) {
    fprintf(file, "%.1f\n", (double)longest_us / 1000.0);
    fclose(file);
  }
  longest_us = 0;
  return G_SOURCE_CONTINUE;
}

void
sac_stall_watch_start(void)
{
  log_path = g_getenv("SACCADE_STALL_LOG");
  if (log_path) {
    inner_poll = g_main_context_get_poll_func(NULL);
    g_main_context_set_poll_func(NULL, watching_poll);
    g_unix_signal_add(SIGUSR1, write_longest, NULL);
  }
}

void
sac_stall_watch_stop(void)
{
  if (log_path) {
    g_main_context_set_poll_func(NULL, inner_poll);
    write_longest(NULL);
    log_path = NULL;
  }
}
