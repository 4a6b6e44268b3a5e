/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-mpris.h"

#include <math.h>

#include "gui/sac-window.h"

#define BUS_NAME "org.mpris.MediaPlayer2.saccade"
#define OBJECT_PATH "/org/mpris/MediaPlayer2"
#define ROOT "org.mpris.MediaPlayer2"
#define PLAYER "org.mpris.MediaPlayer2.Player"
#define TRACK_PATH "/org/saccade/Saccade/video"
#define NO_TRACK "/org/mpris/MediaPlayer2/TrackList/NoTrack"

struct _SacMpris {
  GObject parent_instance;
  GDBusConnection *connection;
  GtkWindow *window; /* which owns this */
  SacPlayer *player;
  guint name_id, objects[2];
};

G_DEFINE_FINAL_TYPE(SacMpris, sac_mpris, G_TYPE_OBJECT)

static const char introspection[] =
    "<node>"
    "<interface name='" ROOT "'>"
    "<method name='Raise'/><method name='Quit'/>"
    "<property name='CanQuit' type='b' access='read'/><property name='CanRaise' type='b' access='read'/>"
    "<property name='Fullscreen' type='b' access='readwrite'/>"
    "<property name='CanSetFullscreen' type='b' access='read'/>"
    "<property name='HasTrackList' type='b' access='read'/><property name='Identity' type='s' access='read'/>"
    "<property name='DesktopEntry' type='s' access='read'/>"
    "<property name='SupportedUriSchemes' type='as' access='read'/>"
    "<property name='SupportedMimeTypes' type='as' access='read'/>"
    "</interface>"
    "<interface name='" PLAYER "'>"
    "<method name='Next'/><method name='Previous'/><method name='Pause'/><method name='PlayPause'/>"
    "<method name='Stop'/><method name='Play'/>"
    "<method name='Seek'><arg name='Offset' type='x' direction='in'/></method>"
    "<method name='SetPosition'><arg name='TrackId' type='o' direction='in'/>"
    "<arg name='Position' type='x' direction='in'/></method>"
    "<method name='OpenUri'><arg name='Uri' type='s' direction='in'/></method>"
    "<signal name='Seeked'><arg name='Position' type='x'/></signal>"
    "<property name='PlaybackStatus' type='s' access='read'/><property name='Rate' type='d' access='readwrite'/>"
    "<property name='Metadata' type='a{sv}' access='read'/><property name='Volume' type='d' access='readwrite'/>"
    "<property name='Position' type='x' access='read'/><property name='MinimumRate' type='d' access='read'/>"
    "<property name='MaximumRate' type='d' access='read'/><property name='CanGoNext' type='b' access='read'/>"
    "<property name='CanGoPrevious' type='b' access='read'/><property name='CanPlay' type='b' access='read'/>"
    "<property name='CanPause' type='b' access='read'/><property name='CanSeek' type='b' access='read'/>"
    "<property name='CanControl' type='b' access='read'/>"
    "</interface>"
    "</node>";

static gboolean
is_open(SacMpris *mpris)
{
  return sac_player_get_duration(mpris->player) > 0;
}

static GVariant *
get_metadata(SacMpris *mpris)
{
  const char *path = sac_player_get_path(mpris->player);
  GVariantDict dict;
  g_variant_dict_init(&dict, NULL);
  g_variant_dict_insert(&dict, "mpris:trackid", "o", path ? TRACK_PATH : NO_TRACK);
  if (path) {
    g_autofree char *name = g_filename_display_basename(path);
    g_autofree char *uri = g_filename_to_uri(path, NULL, NULL);
    g_variant_dict_insert(&dict, "xesam:title", "s", name);
    if (uri) {
      g_variant_dict_insert(&dict, "xesam:url", "s", uri);
    }
    if (is_open(mpris)) {
      g_variant_dict_insert(&dict, "mpris:length", "x", sac_player_get_duration(mpris->player));
    }
  }
  return g_variant_dict_end(&dict);
}

static GVariant *
get_property(GDBusConnection *connection, const char *sender, const char *object, const char *interface,
             const char *name, GError **error, gpointer data)
{
  static const char *const schemes[] = { "file", NULL };
  static const char *const types[] = { "video/mp4", "video/x-matroska", "video/webm", "video/quicktime", NULL };
  SacMpris *mpris = data;
  SacPlayer *player = mpris->player;
  if (g_str_equal(name, "Identity")) {
    return g_variant_new_string("Saccade");
  }
  if (g_str_equal(name, "DesktopEntry")) {
    return g_variant_new_string("org.saccade.Saccade");
  }
  if (g_str_equal(name, "SupportedUriSchemes")) {
    return g_variant_new_strv(schemes, -1);
  }
  if (g_str_equal(name, "SupportedMimeTypes")) {
    return g_variant_new_strv(types, -1);
  }
  if (g_str_equal(name, "Fullscreen")) {
    return g_variant_new_boolean(gtk_window_is_fullscreen(mpris->window));
  }
  if (g_str_equal(name, "HasTrackList")) {
    return g_variant_new_boolean(FALSE);
  }
  if (g_str_equal(name, "PlaybackStatus")) {
    return g_variant_new_string(!is_open(mpris) ? "Stopped" : sac_player_get_playing(player) ? "Playing" : "Paused");
  }
  if (g_str_equal(name, "Rate")) {
    return g_variant_new_double(sac_player_get_rate(player));
  }
  if (g_str_equal(name, "MinimumRate")) {
    return g_variant_new_double(0.25);
  }
  if (g_str_equal(name, "MaximumRate")) {
    return g_variant_new_double(8);
  }
  if (g_str_equal(name, "Metadata")) {
    return get_metadata(mpris);
  }
  if (g_str_equal(name, "Volume")) {
    return g_variant_new_double(sac_player_get_muted(player) ? 0 : sac_player_get_volume(player));
  }
  if (g_str_equal(name, "Position")) {
    return g_variant_new_int64(sac_player_get_position(player));
  }
  if (g_str_equal(name, "CanGoNext") || g_str_equal(name, "CanGoPrevious")) {
    return g_variant_new_boolean(sac_player_get_chapters(player)->len > 0);
  }
  if (g_str_equal(name, "CanPlay") || g_str_equal(name, "CanPause") || g_str_equal(name, "CanSeek")) {
    return g_variant_new_boolean(is_open(mpris));
  }
  return g_variant_new_boolean(TRUE); /* CanQuit, CanRaise, CanSetFullscreen, CanControl */
}

static gboolean
set_property(GDBusConnection *connection, const char *sender, const char *object, const char *interface,
             const char *name, GVariant *value, GError **error, gpointer data)
{
  SacMpris *mpris = data;
  if (g_str_equal(name, "Volume")) {
    sac_player_set_muted(mpris->player, FALSE);
    sac_player_set_volume(mpris->player, g_variant_get_double(value));
  } else if (g_str_equal(name, "Rate")) {
    /* A rate of nothing is a pause, as the specification asks. */
    if (g_variant_get_double(value) > 0) {
      sac_player_set_rate(mpris->player, g_variant_get_double(value));
    } else {
      sac_player_pause(mpris->player);
    }
  } else if (g_variant_get_boolean(value)) {
    gtk_window_fullscreen(mpris->window);
  } else {
    gtk_window_unfullscreen(mpris->window);
  }
  return TRUE;
}

static void
seek(SacMpris *mpris, gint64 time_us)
{
  sac_player_seek(mpris->player, CLAMP(time_us, 0, MAX(sac_player_get_duration(mpris->player), 0)), SAC_SEEK_EXACT);
}

static void
activate(SacMpris *mpris, const char *action, GVariant *target)
{
  gtk_widget_activate_action_variant(GTK_WIDGET(mpris->window), action, target);
}

static void
call_method(GDBusConnection *connection, const char *sender, const char *object, const char *interface,
            const char *name, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer data)
{
  SacMpris *mpris = data;
  SacPlayer *player = mpris->player;
  gint64 time;
  if (g_str_equal(name, "Raise")) {
    gtk_window_present(mpris->window);
  } else if (g_str_equal(name, "Quit")) {
    gtk_window_close(mpris->window);
  } else if (g_str_equal(name, "OpenUri")) {
    const char *uri;
    g_variant_get(parameters, "(&s)", &uri);
    g_autoptr(GFile) file = g_file_new_for_uri(uri);
    sac_window_take_files(SAC_WINDOW(mpris->window), &file, 1);
  } else if (!is_open(mpris)) {
    /* There is nothing that these could do. */
  } else if (g_str_equal(name, "Seek")) {
    g_variant_get(parameters, "(x)", &time);
    seek(mpris, sac_player_get_position(player) + time);
  } else if (g_str_equal(name, "SetPosition")) {
    const char *track;
    g_variant_get(parameters, "(&ox)", &track, &time);
    /* A position out of range, or of what is not open any more, is to be ignored. */
    if (g_str_equal(track, TRACK_PATH) && time >= 0 && time <= sac_player_get_duration(player)) {
      seek(mpris, time);
    }
  } else if (g_str_equal(name, "Next") || g_str_equal(name, "Previous")) {
    activate(mpris, "win.step-chapter", g_variant_new_int32(g_str_equal(name, "Next") ? 1 : -1));
  } else if (g_str_equal(name, "Play")) {
    sac_player_play(player);
  } else if (g_str_equal(name, "PlayPause")) {
    activate(mpris, "win.play", NULL);
  } else {
    sac_player_pause(player); /* Pause, Stop */
    if (g_str_equal(name, "Stop")) {
      seek(mpris, 0);
    }
  }
  g_dbus_method_invocation_return_value(invocation, NULL);
}

/* --- what the player tells ------------------------------------------------------------------------------------------------------ */

static void
tell_changed(SacMpris *mpris, const char *const *names)
{
  GVariantBuilder changed;
  g_variant_builder_init(&changed, G_VARIANT_TYPE_VARDICT);
  for (; *names; names++) {
    g_variant_builder_add(&changed, "{sv}", *names, get_property(NULL, NULL, NULL, PLAYER, *names, NULL, mpris));
  }
  g_dbus_connection_emit_signal(mpris->connection, NULL, OBJECT_PATH, "org.freedesktop.DBus.Properties",
                                "PropertiesChanged", g_variant_new("(sa{sv}as)", PLAYER, &changed, NULL), NULL);
}

static void
on_playing(SacMpris *mpris)
{
  tell_changed(mpris, (const char *[]){ "PlaybackStatus", NULL });
}

static void
on_rate(SacMpris *mpris)
{
  tell_changed(mpris, (const char *[]){ "Rate", NULL });
}

static void
on_volume(SacMpris *mpris)
{
  tell_changed(mpris, (const char *[]){ "Volume", NULL });
}

static void
on_media(SacMpris *mpris)
{
  tell_changed(mpris, (const char *[]){ "Metadata", "PlaybackStatus", "CanPlay", "CanPause", "CanSeek", "CanGoNext",
                                        "CanGoPrevious", NULL });
}

static void
on_sought(SacMpris *mpris, gint64 time_us)
{
  g_dbus_connection_emit_signal(mpris->connection, NULL, OBJECT_PATH, PLAYER, "Seeked", g_variant_new("(x)", time_us),
                                NULL);
}

static void
sac_mpris_dispose(GObject *object)
{
  SacMpris *mpris = SAC_MPRIS(object);
  g_clear_handle_id(&mpris->name_id, g_bus_unown_name);
  for (gsize i = 0; i < G_N_ELEMENTS(mpris->objects); i++) {
    if (mpris->objects[i]) {
      g_dbus_connection_unregister_object(mpris->connection, mpris->objects[i]);
      mpris->objects[i] = 0;
    }
  }
  if (mpris->player) {
    g_signal_handlers_disconnect_by_data(mpris->player, mpris);
  }
  g_clear_object(&mpris->player);
  g_clear_object(&mpris->connection);
  G_OBJECT_CLASS(sac_mpris_parent_class)->dispose(object);
}

static void
sac_mpris_class_init(SacMprisClass *class)
{
  G_OBJECT_CLASS(class)->dispose = sac_mpris_dispose;
}

static void
sac_mpris_init(SacMpris *mpris)
{
}

SacMpris *
sac_mpris_new(GDBusConnection *connection, GtkWindow *window, SacPlayer *player)
{
  static const GDBusInterfaceVTable table = { call_method, get_property, set_property, { NULL } };
  static const struct {
    const char *signal;
    void (*handler)(SacMpris *mpris);
  } told[] = {
    { "notify::playing", on_playing }, { "notify::rate", on_rate },      { "notify::volume", on_volume },
    { "notify::muted", on_volume },    { "notify::duration", on_media }, { "tracks-changed", on_media },
  };
  SacMpris *mpris = g_object_new(SAC_TYPE_MPRIS, NULL);
  mpris->window = window;
  mpris->player = g_object_ref(player);
  if (!connection) {
    return mpris;
  }
  g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(introspection, NULL);
  mpris->connection = g_object_ref(connection);
  for (gsize i = 0; i < G_N_ELEMENTS(mpris->objects); i++) {
    mpris->objects[i] =
        g_dbus_connection_register_object(connection, OBJECT_PATH, node->interfaces[i], &table, mpris, NULL, NULL);
  }
  mpris->name_id =
      g_bus_own_name_on_connection(connection, BUS_NAME, G_BUS_NAME_OWNER_FLAGS_NONE, NULL, NULL, NULL, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS(told); i++) {
    g_signal_connect_swapped(player, told[i].signal, G_CALLBACK(told[i].handler), mpris);
  }
  g_signal_connect_swapped(player, "sought", G_CALLBACK(on_sought), mpris);
  return mpris;
}
