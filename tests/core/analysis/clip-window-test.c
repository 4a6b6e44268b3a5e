/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/analysis/sac-clip-window.h"

/* Each sample's clip against its definition, for clips and videos of many lengths, begun at the first sample or at any later one. */

static SacFrame *
sample(gint64 number)
{
  SacFrame *frame = sac_frame_new(SAC_FRAME_RGB24, 1, 1);
  frame->time_us = number;
  return frame;
}

/* Which sample is frame i of the clip of sample k, in a video of `count`. */
static gint64
expected(gint64 k, gint64 i, gint64 frames, gint64 count)
{
  if (count < frames)
    return i * count / frames;
  return CLAMP(k - (frames - 1) / 2, 0, count - frames) + i;
}

static gint64
take(SacClipWindow *window, gint64 next, gint64 frames, gint64 count)
{
  g_autoptr(GPtrArray) clips = g_ptr_array_new_with_free_func((GDestroyNotify)sac_frame_unref);
  gint64 time_us;
  while (sac_clip_window_next(window, clips, &time_us)) {
    g_assert_cmpint(time_us, ==, next);
    g_assert_cmpuint(clips->len, ==, frames);
    for (gint64 i = 0; i < frames; i++)
      g_assert_cmpint(((const SacFrame *)clips->pdata[i])->time_us, ==, expected(next, i, frames, count));
    g_ptr_array_set_size(clips, 0);
    next++;
  }
  return next;
}

static void
check(gint64 frames, gint64 count, gint64 done)
{
  g_autoptr(SacClipWindow) window = sac_clip_window_new((guint)frames);
  gint64 next = done;
  for (gint64 k = MAX(0, done - (gint64)sac_clip_window_reach(window)); k < count; k++) {
    sac_clip_window_push(window, sample(k), k < done);
    next = take(window, next, frames, count);
    /* A clip is given as soon as it can be, so that what is kept in memory is the clip alone. */
    if (count >= frames && k >= done && k >= frames - 1)
      g_assert_cmpint(next, ==, MAX(done, k + 1 - frames / 2));
  }
  sac_clip_window_end(window);
  g_assert_cmpint(take(window, next, frames, count), ==, count);
}

static void
test_every_length(void)
{
  for (gint64 frames = 1; frames <= 9; frames++)
    for (gint64 count = 1; count <= 30; count++)
      for (gint64 done = 0; done < count; done++)
        check(frames, count, done);
}

static void
test_nothing(void)
{
  g_autoptr(SacClipWindow) window = sac_clip_window_new(8);
  g_assert_cmpint(take(window, 0, 8, 0), ==, 0);
  sac_clip_window_end(window);
  g_assert_cmpint(take(window, 0, 8, 0), ==, 0);
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/clip-window/every-length", test_every_length);
  g_test_add_func("/clip-window/nothing", test_nothing);
  return g_test_run();
}
