/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-preview.h"

#include "core/media/sac-player.h"
#include "core/sac-time.h"

#define DWELL_MS 350
/* A shorter span is no more than a flicker. */
#define SHORTEST_US (SAC_SECOND * 3 / 2)

struct _SacPreview {
  GObject parent_instance;
  SacThumbnail *picture; /* NULL: nothing plays */
  char *path;
  gint64 from_us, to_us;
  guint dwell_source;
  SacPlayer *player;
  gboolean is_rewinding;
};

G_DEFINE_FINAL_TYPE(SacPreview, sac_preview, G_TYPE_OBJECT)

static void
rewind_player(SacPreview *preview)
{
  preview->is_rewinding = TRUE;
  sac_player_seek(preview->player, preview->from_us, SAC_SEEK_EXACT);
  sac_player_play(preview->player);
}

static void
on_duration(SacPreview *preview)
{
  if (sac_player_get_duration(preview->player) > 0) {
    rewind_player(preview);
  }
}

static void
on_frame(SacPreview *preview)
{
  g_autoptr(SacFrame) frame = sac_player_get_frame(preview->player);
  /* The first frame of the file comes when it opens, and late ones of the round before may come after the seek. */
  if (!frame || frame->time_us + frame->duration_us < preview->from_us) {
    return;
  }
  if (frame->time_us >= preview->to_us) {
    if (!preview->is_rewinding) {
      rewind_player(preview);
    }
    return;
  }
  preview->is_rewinding = FALSE;
  sac_thumbnail_show_frame(preview->picture, frame);
}

static gboolean
begin(gpointer data)
{
  SacPreview *preview = data;
  int scale = gtk_widget_get_scale_factor(GTK_WIDGET(preview->picture));
  preview->dwell_source = 0;
  preview->player = sac_player_new();
  sac_player_set_muted(preview->player, TRUE);
  sac_player_set_max_size(preview->player, gtk_widget_get_width(GTK_WIDGET(preview->picture)) * scale,
                          gtk_widget_get_height(GTK_WIDGET(preview->picture)) * scale);
  g_signal_connect_object(preview->player, "notify::duration", G_CALLBACK(on_duration), preview, G_CONNECT_SWAPPED);
  g_signal_connect_object(preview->player, "frame", G_CALLBACK(on_frame), preview, G_CONNECT_SWAPPED);
  g_signal_connect_object(preview->player, "ended", G_CALLBACK(rewind_player), preview, G_CONNECT_SWAPPED);
  sac_player_open(preview->player, preview->path);
  return G_SOURCE_REMOVE;
}

void
sac_preview_stop(SacPreview *preview)
{
  g_clear_handle_id(&preview->dwell_source, g_source_remove);
  if (preview->player) {
    g_signal_handlers_disconnect_by_data(preview->player, preview);
    sac_player_close(preview->player);
    g_clear_object(&preview->player);
  }
  if (preview->picture) {
    sac_thumbnail_show_frame(preview->picture, NULL);
    g_clear_object(&preview->picture);
  }
  g_clear_pointer(&preview->path, g_free);
}

void
sac_preview_start(SacPreview *preview, SacThumbnail *picture, const char *path, gint64 from_us, gint64 to_us)
{
  sac_preview_stop(preview);
  preview->picture = g_object_ref(picture);
  preview->path = g_strdup(path);
  preview->from_us = from_us;
  preview->to_us = MAX(to_us, from_us + SHORTEST_US);
  preview->is_rewinding = FALSE;
  preview->dwell_source = g_timeout_add(DWELL_MS, begin, preview);
}

SacThumbnail *
sac_preview_get_picture(SacPreview *preview)
{
  return preview->picture;
}

SacPreview *
sac_preview_new(void)
{
  return g_object_new(SAC_TYPE_PREVIEW, NULL);
}

static void
sac_preview_dispose(GObject *object)
{
  sac_preview_stop(SAC_PREVIEW(object));
  G_OBJECT_CLASS(sac_preview_parent_class)->dispose(object);
}

static void
sac_preview_class_init(SacPreviewClass *class)
{
  G_OBJECT_CLASS(class)->dispose = sac_preview_dispose;
}

static void
sac_preview_init(SacPreview *preview)
{
}
