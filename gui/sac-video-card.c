/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-video-card.h"

#include <glib/gi18n.h>

#include "core/sac-time.h"
#include "gui/sac-thumbnail.h"

struct _SacVideoCard {
  GtkBox parent_instance;
  SacThumbnail *picture;
  GtkLabel *length, *title, *state, *date;
  GtkMenuButton *menu;
  SacThumbnailer *thumbnailer;
  char *path;
  gint64 video_id, time_us;
  gboolean is_line, is_missing;
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

/* Made when it is opened: a popover costs more than all the rest of a card, and cards come and go while one scrolls. */
static void
make_menu(GtkMenuButton *button, gpointer data)
{
  SacVideoCard *card = data;
  g_autoptr(GMenu) menu = g_menu_new();
  g_autoptr(GMenuItem) index = g_menu_item_new(_("_Index"), NULL);
  g_menu_item_set_action_and_target(index, "win.index-file", "s", card->path);
  g_menu_append_item(menu, index);
  if (card->is_missing) {
    g_autoptr(GMenuItem) locate = g_menu_item_new(_("_Locate…"), NULL);
    g_menu_item_set_action_and_target(locate, "win.locate", "x", card->video_id);
    g_menu_append_item(menu, locate);
  }
  g_autoptr(GMenuItem) forget = g_menu_item_new(_("_Remove from Library"), NULL);
  g_menu_item_set_action_and_target(forget, "win.forget", "x", card->video_id);
  g_menu_append_item(menu, forget);
  gtk_menu_button_set_menu_model(button, G_MENU_MODEL(menu));
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
  if (g_strcmp0(card->path, video->path) != 0) {
    sac_thumbnail_show(card->picture, NULL, NULL, 0);
  }
  g_set_object(&card->thumbnailer, thumbnailer);
  g_free(card->path);
  card->path = g_strdup(video->path);
  card->video_id = video->id;
  card->is_missing = video->missing;
  card->time_us = video->duration_us / 10;
  g_autoptr(GDateTime) added = g_date_time_new_from_unix_local(video->added_us / G_USEC_PER_SEC);
  g_autofree char *date = added ? g_date_time_format(added, "%x") : g_strdup("");
  gtk_label_set_text(card->date, date);
  if (gtk_menu_button_get_popover(card->menu)) {
    gtk_menu_button_set_popover(card->menu, NULL);
    gtk_menu_button_set_create_popup_func(card->menu, make_menu, card, NULL);
  }
  g_autofree char *label = g_strdup_printf("%s, %s, %s", video->title, length, state);
  gtk_accessible_update_property(GTK_ACCESSIBLE(card), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
}

/* A card that is used again for another video shows nothing until its picture comes; one whose picture is there keeps it. */
void
sac_video_card_look(SacVideoCard *card, GtkWidget *viewport)
{
  graphene_rect_t bounds,
      view = GRAPHENE_RECT_INIT(0, 0, (float)gtk_widget_get_width(viewport), (float)gtk_widget_get_height(viewport));
  if (gtk_widget_get_mapped(GTK_WIDGET(card)) && gtk_widget_compute_bounds(GTK_WIDGET(card), viewport, &bounds) &&
      graphene_rect_intersection(&bounds, &view, NULL)) {
    sac_thumbnail_show(card->picture, card->thumbnailer, card->is_missing ? NULL : card->path, card->time_us);
  } else {
    sac_thumbnail_give_up(card->picture);
  }
}

GtkWidget *
sac_video_card_new(gboolean is_line)
{
  SacVideoCard *card = g_object_new(SAC_TYPE_VIDEO_CARD, NULL);
  card->is_line = is_line;
  gtk_widget_set_visible(GTK_WIDGET(card->date), is_line);
  if (is_line) {
    gtk_orientable_set_orientation(GTK_ORIENTABLE(card), GTK_ORIENTATION_HORIZONTAL);
    gtk_box_set_spacing(GTK_BOX(card), 12);
    g_object_set(card->picture, "width", 96, NULL);
    gtk_widget_set_hexpand(gtk_widget_get_last_child(GTK_WIDGET(card)), TRUE);
    gtk_label_set_max_width_chars(card->title, -1);
    gtk_label_set_max_width_chars(card->state, -1);
  }
  return GTK_WIDGET(card);
}

static void
sac_video_card_dispose(GObject *object)
{
  SacVideoCard *card = SAC_VIDEO_CARD(object);
  g_clear_object(&card->thumbnailer);
  g_clear_pointer(&card->path, g_free);
  G_OBJECT_CLASS(sac_video_card_parent_class)->dispose(object);
}

static void
sac_video_card_class_init(SacVideoCardClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->dispose = sac_video_card_dispose;
  g_type_ensure(SAC_TYPE_THUMBNAIL);
  gtk_widget_class_set_template_from_resource(widget_class, "/org/saccade/Saccade/sac-video-card.ui");
  gtk_widget_class_bind_template_child(widget_class, SacVideoCard, picture);
  gtk_widget_class_bind_template_child(widget_class, SacVideoCard, length);
  gtk_widget_class_bind_template_child(widget_class, SacVideoCard, title);
  gtk_widget_class_bind_template_child(widget_class, SacVideoCard, state);
  gtk_widget_class_bind_template_child(widget_class, SacVideoCard, date);
  gtk_widget_class_bind_template_child(widget_class, SacVideoCard, menu);
  gtk_widget_class_set_accessible_role(widget_class, GTK_ACCESSIBLE_ROLE_GROUP);
}

static void
sac_video_card_init(SacVideoCard *card)
{
  gtk_widget_init_template(GTK_WIDGET(card));
  gtk_menu_button_set_create_popup_func(card->menu, make_menu, card, NULL);
}
