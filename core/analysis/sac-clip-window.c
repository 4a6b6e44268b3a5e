/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/analysis/sac-clip-window.h"

struct _SacClipWindow {
  guint clip_frames;
  GPtrArray *held; /* samples first … first + len - 1 */
  guint64 first, next;
  gboolean ended;
};

SacClipWindow *
sac_clip_window_new(guint clip_frames)
{
  SacClipWindow *window = g_new0(SacClipWindow, 1);
  window->clip_frames = MAX(1, clip_frames);
  window->held = g_ptr_array_new_with_free_func((GDestroyNotify)sac_frame_unref);
  return window;
}

void
sac_clip_window_free(SacClipWindow *window)
{
  g_ptr_array_unref(window->held);
  g_free(window);
}

guint
sac_clip_window_reach(const SacClipWindow *window)
{
  return window->clip_frames - 1;
}

/* A sample that no later clip can reach back to is let go. */
static void
let_go(SacClipWindow *window)
{
  guint64 needed = window->next > window->clip_frames - 1 ? window->next - (window->clip_frames - 1) : 0;
  if (needed > window->first) {
    g_ptr_array_remove_range(window->held, 0, needed - window->first);
    window->first = needed;
  }
}

void
sac_clip_window_push(SacClipWindow *window, SacFrame *frame, gboolean done)
{
  g_assert(!window->ended && (!done || window->next == window->first + window->held->len));
  g_ptr_array_add(window->held, frame);
  if (done) {
    window->next++;
    let_go(window);
  }
}

void
sac_clip_window_end(SacClipWindow *window)
{
  window->ended = TRUE;
}

gboolean
sac_clip_window_next(SacClipWindow *window, GPtrArray *clips, gint64 *time_us)
{
  const guint64 frames = window->clip_frames, before = (frames - 1) / 2, count = window->first + window->held->len;
  guint64 start = window->next > before ? window->next - before : 0;

  if (window->next == count || (!window->ended && start + frames > count))
    return FALSE;
  if (start + frames > count)
    start = count > frames ? count - frames : 0;
  for (guint64 i = 0; i < frames; i++) {
    guint64 index = count >= frames ? start + i : i * count / frames;
    g_ptr_array_add(clips, sac_frame_ref(window->held->pdata[index - window->first]));
  }
  *time_us = ((const SacFrame *)window->held->pdata[window->next - window->first])->time_us;
  window->next++;
  let_go(window);
  return TRUE;
}
