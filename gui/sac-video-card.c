/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-video-card.h"

#include <glib/gi18n.h>

#include "core/sac-time.h"
#include "gui/sac-thumbnail.h"

struct _SacVideoCard {
  GtkBox parent_instance;
  SacThumbnail *picture;
  GtkLabel *length, *title, *state;
  GtkMenuButton *menu;
};

G_DEFINE_FINAL_TYPE(SacVideoCard, sac_video_card, GTK_TYPE_BOX)

static char *
describe_state(const SacVideo *video)
{
  if (video->missing) {
    return g_strdup(_("File missing"));
  }
  switch (video->state) {
  case SAC_VIDEO_NEW:
    return g_strdup(_("Not indexed"));
  case SAC_VIDEO_PARTIAL:
    return g_strdup(_("Partly indexed"));
  case SAC_VIDEO_INDEXED:
    break;
  }
  if (video->n_moments == 0) {
    return g_strdup(_("Indexed"));
  }
  return g_strdup_printf(ngettext("Indexed · %d moment", "Indexed · %d moments", (gulong)video->n_moments),
                         (int)video->n_moments);
}

static void
set_menu(SacVideoCard *card, const SacVideo *video)
{
  g_autoptr(GMenu) menu = g_menu_new();
  g_autoptr(GMenuItem) index = g_menu_item_new(_("_Index"), NULL);
  g_menu_item_set_action_and_target(index, "win.index-file", "s", video->path);
  g_menu_append_item(menu, index);
  g_autoptr(GMenuItem) forget = g_menu_item_new(_("_Remove from Library"), NULL);
  g_menu_item_set_action_and_target(forget, "win.forget", "x", video->id);
  g_menu_append_item(menu, forget);
  gtk_menu_button_set_menu_model(card->menu, G_MENU_MODEL(menu));
}

void
sac_video_card_show(SacVideoCard *card, SacThumbnailer *thumbnailer, const SacVideo *video)
{
  g_autofree char *length = sac_time_format(video->duration_us);
  g_autofree char *state = describe_state(video);
  *strchrnul(length, '.') = '\0';
  gtk_label_set_text(card->length, length);
  gtk_widget_set_visible(GTK_WIDGET(card->length), !video->is_picture);
  gtk_label_set_text(card->title, video->title);
  gtk_label_set_text(card->state, state);
  gtk_widget_set_opacity(GTK_WIDGET(card->picture), video->missing ? 0.4 : 1);
  gtk_widget_set_tooltip_text(GTK_WIDGET(card), video->path);
  sac_thumbnail_show(card->picture, thumbnailer, video->missing ? NULL : video->path, video->duration_us / 10);
  set_menu(card, video);
  g_autofree char *label = g_strdup_printf("%s, %s, %s", video->title, length, state);
  gtk_accessible_update_property(GTK_ACCESSIBLE(card), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
}

GtkWidget *
sac_video_card_new(void)
{
  return g_object_new(SAC_TYPE_VIDEO_CARD, NULL);
}

static void
sac_video_card_class_init(SacVideoCardClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  g_type_ensure(SAC_TYPE_THUMBNAIL);
  gtk_widget_class_set_template_from_resource(widget_class, "/org/saccade/Saccade/sac-video-card.ui");
  gtk_widget_class_bind_template_child(widget_class, SacVideoCard, picture);
  gtk_widget_class_bind_template_child(widget_class, SacVideoCard, length);
  gtk_widget_class_bind_template_child(widget_class, SacVideoCard, title);
  gtk_widget_class_bind_template_child(widget_class, SacVideoCard, state);
  gtk_widget_class_bind_template_child(widget_class, SacVideoCard, menu);
  gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
sac_video_card_init(SacVideoCard *card)
{
  gtk_widget_init_template(GTK_WIDGET(card));
}
