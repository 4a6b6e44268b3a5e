/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-transport.h"

#include <glib/gi18n.h>
#include <math.h>

#include "core/sac-time.h"
#include "gui/sac-tracks-menu.h"

struct _SacTransport {
  GtkBox parent_instance;
  GtkButton *play, *step_back, *step_forward, *tag, *export;
  GtkLabel *position, *duration, *span;
  GtkMenuButton *rate, *tracks;
  GtkToggleButton *loop;
  GtkScaleButton *volume;
  GtkWidget *span_box;
  GtkWidget *tag_label, *export_label;
  SacPlayer *player;
  gboolean is_narrow, has_span;
};

G_DEFINE_FINAL_TYPE(SacTransport, sac_transport, GTK_TYPE_BOX)

static void
show_position(SacTransport *transport)
{
  g_autofree char *words = sac_time_format(MAX(sac_player_get_position(transport->player), 0));
  gtk_label_set_text(transport->position, words);
}

static void
show_duration(SacTransport *transport)
{
  g_autofree char *words = sac_time_format(MAX(sac_player_get_duration(transport->player), 0));
  g_autofree char *after = g_strdup_printf("/ %s", words);
  gtk_label_set_text(transport->duration, after);
  /* As wide as it will ever be, so that nothing moves while playing. */
  gtk_label_set_width_chars(transport->position, (int)strlen(words));
}

static void
show_playing(SacTransport *transport)
{
  gboolean is_playing = sac_player_get_playing(transport->player);
  gtk_button_set_icon_name(transport->play,
                           is_playing ? "media-playback-pause-symbolic" : "media-playback-start-symbolic");
  gtk_widget_set_tooltip_text(GTK_WIDGET(transport->play), is_playing ? _("Pause (Space)") : _("Play (Space)"));
  gtk_accessible_update_property(GTK_ACCESSIBLE(transport->play), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                 is_playing ? _("Pause") : _("Play"), -1);
}

static void
show_rate(SacTransport *transport)
{
  g_autofree char *words = g_strdup_printf("%g×", sac_player_get_rate(transport->player));
  gtk_menu_button_set_label(transport->rate, words);
}

static void
on_volume(SacTransport *transport, double value)
{
  if (fabs(value - sac_player_get_volume(transport->player)) > 1e-3) {
    sac_player_set_volume(transport->player, value);
    sac_player_set_muted(transport->player, FALSE);
  }
}

static void
show_volume(SacTransport *transport)
{
  gboolean is_muted = sac_player_get_muted(transport->player);
  g_signal_handlers_block_by_func(transport->volume, on_volume, transport);
  gtk_scale_button_set_value(transport->volume, is_muted ? 0 : sac_player_get_volume(transport->player));
  g_signal_handlers_unblock_by_func(transport->volume, on_volume, transport);
}

void
sac_transport_set_player(SacTransport *transport, SacPlayer *player)
{
  static const struct {
    const char *signal;
    void (*show)(SacTransport *transport);
  } shown[] = {
    { "notify::position", show_position }, { "notify::duration", show_duration }, { "notify::playing", show_playing },
    { "notify::rate", show_rate },         { "notify::volume", show_volume },     { "notify::muted", show_volume },
  };
  g_return_if_fail(!transport->player);
  transport->player = g_object_ref(player);
  g_autoptr(GMenuModel) tracks = sac_tracks_menu_new(player);
  gtk_menu_button_set_menu_model(transport->tracks, tracks);
  g_signal_connect_swapped(transport->volume, "value-changed", G_CALLBACK(on_volume), transport);
  for (gsize i = 0; i < G_N_ELEMENTS(shown); i++) {
    g_signal_connect_object(player, shown[i].signal, G_CALLBACK(shown[i].show), transport, G_CONNECT_SWAPPED);
    shown[i].show(transport);
  }
}

static void
arrange(SacTransport *transport)
{
  gboolean is_wide = !transport->is_narrow;
  gtk_widget_set_visible(GTK_WIDGET(transport->duration), is_wide);
  gtk_widget_set_visible(GTK_WIDGET(transport->step_back), is_wide);
  gtk_widget_set_visible(GTK_WIDGET(transport->step_forward), is_wide);
  gtk_widget_set_visible(GTK_WIDGET(transport->rate), is_wide);
  gtk_widget_set_visible(GTK_WIDGET(transport->loop), is_wide);
  gtk_widget_set_visible(transport->span_box, transport->has_span && is_wide);
  gtk_widget_set_visible(transport->tag_label, is_wide);
  gtk_widget_set_visible(transport->export_label, is_wide);
}

void
sac_transport_set_narrow(SacTransport *transport, gboolean is_narrow)
{
  transport->is_narrow = is_narrow;
  arrange(transport);
}

void
sac_transport_set_span(SacTransport *transport, gint64 from_us, gint64 to_us)
{
  transport->has_span = from_us >= 0;
  if (transport->has_span) {
    g_autofree char *from = sac_time_format(from_us);
    g_autofree char *to = sac_time_format(to_us);
    /* Translators: a span of time, as it is everywhere in the window. In a language that is written from right to left put it
       between U+2066 and U+2069: time runs from left to right. */
    g_autofree char *words = g_strdup_printf(_("%s – %s"), from, to);
    gtk_label_set_text(transport->span, words);
  }
  arrange(transport);
}

static void
sac_transport_dispose(GObject *object)
{
  g_clear_object(&SAC_TRANSPORT(object)->player);
  G_OBJECT_CLASS(sac_transport_parent_class)->dispose(object);
}

static void
sac_transport_class_init(SacTransportClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->dispose = sac_transport_dispose;
  gtk_widget_class_set_template_from_resource(widget_class, "/org/saccade/Saccade/sac-transport.ui");
  gtk_widget_class_bind_template_child(widget_class, SacTransport, play);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, step_back);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, step_forward);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, tag);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, export);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, position);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, duration);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, span);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, rate);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, tracks);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, loop);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, volume);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, span_box);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, tag_label);
  gtk_widget_class_bind_template_child(widget_class, SacTransport, export_label);
}

static void
keep_left_to_right(GtkWidget *widget)
{
  gtk_widget_set_direction(widget, GTK_TEXT_DIR_LTR);
  for (GtkWidget *child = gtk_widget_get_first_child(widget); child; child = gtk_widget_get_next_sibling(child)) {
    keep_left_to_right(child);
  }
}

static void
sac_transport_init(SacTransport *transport)
{
  GtkWidget *widget = GTK_WIDGET(transport);
  gtk_widget_init_template(widget);
  /* Time runs from left to right in every language, on the timeline and so in the bar above it; what has words keeps theirs. */
  gtk_widget_set_direction(widget, GTK_TEXT_DIR_LTR);
  keep_left_to_right(GTK_WIDGET(transport->play));
  keep_left_to_right(gtk_widget_get_parent(GTK_WIDGET(transport->position)));
  keep_left_to_right(GTK_WIDGET(transport->step_back));
  keep_left_to_right(GTK_WIDGET(transport->step_forward));
  keep_left_to_right(GTK_WIDGET(transport->volume));
}
