/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/library/sac-library.h"
#include "core/media/sac-cache-file.h"
#include "core/media/sac-probe.h"
#include "gui/sac-timeline-private.h"

/*
 * Film and sound of the open video. What they keep lies in a folder that is named after the video's content, so that another content
 * never meets what was made of this one, and a moved file finds it:
 *
 *      FOLDER/3f/3fa1…/film-40000.sheet, film-80000.sheet …, sound
 */

/* Of all videos together: some hundreds. */
#define FOLDER_BYTES (G_GINT64_CONSTANT(1) << 30)

typedef struct {
  char *path, *folder;
  gint64 duration_us;
  gboolean has_video, has_sound;
  char *own_folder;
  double frame_us;
} Opening;

static void
opening_free(gpointer data)
{
  Opening *opening = data;
  g_free(opening->path);
  g_free(opening->folder);
  g_free(opening->own_folder);
  g_free(opening);
}

static void
look_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Opening *opening = data;
  g_autofree char *name = NULL;
  if (opening->folder) {
    static gsize is_pruned;
    if (g_once_init_enter(&is_pruned)) {
      sac_cache_folder_prune(opening->folder, FOLDER_BYTES);
      g_once_init_leave(&is_pruned, 1);
    }
    name = sac_library_fingerprint(opening->path, cancellable, NULL);
  }
  if (name) {
    opening->own_folder = g_strdup_printf("%s/%.2s/%s", opening->folder, name, name);
  }
  g_autoptr(SacMediaInfo) media = sac_probe_file(opening->path, NULL);
  if (media && media->frame_rate_num > 0 && media->frame_rate_den > 0) {
    opening->frame_us = 1e6 * media->frame_rate_den / media->frame_rate_num;
  }
  g_task_return_boolean(task, TRUE);
}

static void
on_looked(GObject *source, GAsyncResult *result, gpointer data)
{
  SacTimeline *timeline = SAC_TIMELINE(source);
  Opening *opening = g_task_get_task_data(G_TASK(result));
  if (g_cancellable_is_cancelled(g_task_get_cancellable(G_TASK(result)))) {
    return;
  }
  timeline->frame_us = opening->frame_us;
  if (opening->has_video) {
    timeline->film = sac_film_new(opening->path, opening->own_folder, opening->duration_us, (gint64)opening->frame_us);
    timeline->strip = sac_film_strip_new(timeline->film);
    g_signal_connect_object(timeline->film, "changed", G_CALLBACK(sac_timeline_invalidate), timeline,
                            G_CONNECT_SWAPPED);
  }
  if (opening->has_sound) {
    g_autofree char *file = opening->own_folder ? g_build_filename(opening->own_folder, "sound", NULL) : NULL;
    timeline->waveform = sac_waveform_new(opening->path, file, opening->duration_us);
    g_signal_connect_object(timeline->waveform, "changed", G_CALLBACK(sac_timeline_invalidate), timeline,
                            G_CONNECT_SWAPPED);
  }
  sac_timeline_update_rows(timeline);
}

void
sac_timeline_close_media(SacTimeline *timeline)
{
  g_cancellable_cancel(timeline->opening);
  g_clear_object(&timeline->opening);
  if (timeline->film) {
    g_signal_handlers_disconnect_by_data(timeline->film, timeline);
  }
  if (timeline->waveform) {
    g_signal_handlers_disconnect_by_data(timeline->waveform, timeline);
  }
  g_clear_pointer(&timeline->strip, sac_film_strip_free);
  g_clear_object(&timeline->film);
  g_clear_object(&timeline->waveform);
  timeline->frame_us = 0;
}

void
sac_timeline_open_media(SacTimeline *timeline, const char *path, const char *folder, gboolean has_sound)
{
  sac_timeline_close_media(timeline);
  if (!path || (!timeline->has_video && !has_sound)) {
    return;
  }
  Opening *opening = g_new0(Opening, 1);
  opening->path = g_strdup(path);
  opening->folder = g_strdup(folder);
  opening->duration_us = timeline->duration_us;
  opening->has_video = timeline->has_video;
  opening->has_sound = has_sound;
  timeline->opening = g_cancellable_new();
  g_autoptr(GTask) task = g_task_new(timeline, timeline->opening, on_looked, NULL);
  g_task_set_task_data(task, opening, opening_free);
  g_task_run_in_thread(task, look_thread);
}
