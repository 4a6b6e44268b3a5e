/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-tracks-menu.h"

#include <glib/gi18n.h>

#include "core/sac-time.h"

static void
add_item(GMenu *menu, const char *label, const char *action, GVariant *target)
{
  g_autoptr(GMenuItem) item = g_menu_item_new(label, NULL);
  g_menu_item_set_action_and_target_value(item, action, target);
  g_menu_append_item(menu, item);
}

static char *
name_track(const SacTrack *track, guint number)
{
  if (track->title && track->language && !track->path)
    return g_strdup_printf("%s (%s)", track->title, track->language);
  if (track->title || track->language)
    return g_strdup(track->title ? track->title : track->language);
  return g_strdup_printf(_("Track %u"), number);
}

static void
add_tracks(GMenu *menu, GPtrArray *tracks, const char *action)
{
  for (guint i = 0; i < tracks->len; i++) {
    g_autofree char *name = name_track(g_ptr_array_index(tracks, i), i + 1);
    add_item(menu, name, action, g_variant_new_int32((int)i));
  }
}

static GMenu *
make_sound(SacPlayer *player)
{
  GMenu *menu = g_menu_new();
  add_tracks(menu, sac_player_get_audio_tracks(player), "win.audio-track");
  return menu;
}

static GMenu *
make_subtitles(SacPlayer *player)
{
  GMenu *menu = g_menu_new();
  add_item(menu, _("No Subtitles"), "win.subtitle-track", g_variant_new_int32(-1));
  add_tracks(menu, sac_player_get_subtitle_tracks(player), "win.subtitle-track");
  add_item(menu, _("Add Subtitles…"), "win.add-subtitles", NULL);
  return menu;
}

static GMenu *
make_chapters(SacPlayer *player)
{
  GMenu *menu = g_menu_new();
  GPtrArray *chapters = sac_player_get_chapters(player);
  for (guint i = 0; i < chapters->len; i++) {
    const SacChapter *chapter = g_ptr_array_index(chapters, i);
    g_autofree char *time = sac_time_format(chapter->start_us);
    g_autofree char *number = g_strdup_printf(_("Chapter %u"), i + 1);
    g_autofree char *label = g_strdup_printf("%s  %s", time, chapter->title ? chapter->title : number);
    add_item(menu, label, "win.chapter", g_variant_new_int32((int)i));
  }
  return menu;
}

static GMenu *
make_speeds(void)
{
  static const char *const rates[] = { "0.25", "0.5", "1", "1.5", "2", "4", "8" };
  GMenu *menu = g_menu_new();
  for (gsize i = 0; i < G_N_ELEMENTS(rates); i++) {
    g_autofree char *label = g_strconcat(rates[i], "×", NULL);
    add_item(menu, label, "win.rate", g_variant_new_string(rates[i]));
  }
  return menu;
}

/* Takes the part. */
static void
add_part(GMenu *menu, const char *label, GMenu *part)
{
  if (g_menu_model_get_n_items(G_MENU_MODEL(part)) > 0)
    g_menu_append_submenu(menu, label, G_MENU_MODEL(part));
  g_object_unref(part);
}

static void
fill(SacPlayer *player, GMenu *menu)
{
  g_menu_remove_all(menu);
  add_part(menu, _("Sound"), make_sound(player));
  add_part(menu, _("Subtitles"), make_subtitles(player));
  add_part(menu, _("Chapters"), make_chapters(player));
  add_part(menu, _("Speed"), make_speeds());
}

static void
on_path(SacPlayer *player, GParamSpec *spec, GMenu *menu)
{
  fill(player, menu);
}

GMenuModel *
sac_tracks_menu_new(SacPlayer *player)
{
  GMenu *menu = g_menu_new();
  fill(player, menu);
  g_signal_connect_object(player, "tracks-changed", G_CALLBACK(fill), menu, 0);
  g_signal_connect_object(player, "notify::path", G_CALLBACK(on_path), menu, 0);
  return G_MENU_MODEL(menu);
}
