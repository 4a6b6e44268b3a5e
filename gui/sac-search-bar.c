/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-search-bar.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>

#include "gui/sac-thumbnail.h"

#define HISTORY_LENGTH 50
/* Words that stood for so long were meant. */
#define MEANT_AFTER_MS 2500

#define SAVED_TYPE "a(sssx)" /* name, words, path of the picture or "", its time */

struct _SacSearchBar {
  GtkWidget parent_instance;
  GtkWidget *box, *kind_button;
  GtkSearchEntry *entry;
  GtkButton *chip;
  SacThumbnail *picture;
  GtkMenuButton *searches_button;
  GtkPopover *popover;
  GtkLabel *saved_title, *history_title, *nothing;
  GtkListBox *saved_list, *history_list;
  GtkWidget *save_box, *clear_history;
  GtkEntry *save_name;

  GSettings *settings;
  SacThumbnailer *thumbnailer;
  char *picture_path; /* NULL: none */
  gint64 picture_time_us;
  guint meant_source;
};

enum { ASKED, ACTIVATE, STOP, STEP, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacSearchBar, sac_search_bar, GTK_TYPE_WIDGET)

/* --- the question ---------------------------------------------------------------------------------------------------------- */

const char *
sac_search_bar_get_text(SacSearchBar *bar)
{
  return gtk_editable_get_text(GTK_EDITABLE(bar->entry));
}

void
sac_search_bar_set_text(SacSearchBar *bar, const char *text)
{
  gtk_editable_set_text(GTK_EDITABLE(bar->entry), text);
}

const char *
sac_search_bar_get_picture(SacSearchBar *bar, gint64 *time_us)
{
  *time_us = bar->picture_time_us;
  return bar->picture_path;
}

gboolean
sac_search_bar_is_empty(SacSearchBar *bar)
{
  return !bar->picture_path && !*sac_search_bar_get_text(bar);
}

static gboolean
remember_meant(gpointer data)
{
  SacSearchBar *bar = data;
  bar->meant_source = 0;
  sac_search_bar_remember(bar);
  return G_SOURCE_REMOVE;
}

static void
on_words(SacSearchBar *bar)
{
  g_clear_handle_id(&bar->meant_source, g_source_remove);
  bar->meant_source = g_timeout_add(MEANT_AFTER_MS, remember_meant, bar);
  g_signal_emit(bar, signals[ASKED], 0);
}

void
sac_search_bar_set_picture(SacSearchBar *bar, const char *path, gint64 time_us)
{
  char *kept = g_strdup(path);
  g_free(bar->picture_path);
  bar->picture_path = kept;
  bar->picture_time_us = time_us;
  gtk_widget_set_visible(GTK_WIDGET(bar->chip), path != NULL);
  sac_thumbnail_show(bar->picture, bar->thumbnailer, kept, time_us);
  if (path) {
    gtk_widget_add_css_class(GTK_WIDGET(bar->entry), "with-chip");
  } else {
    gtk_widget_remove_css_class(GTK_WIDGET(bar->entry), "with-chip");
  }
  g_signal_emit(bar, signals[ASKED], 0);
}

void
sac_search_bar_clear(SacSearchBar *bar)
{
  sac_search_bar_set_text(bar, "");
  if (bar->picture_path) {
    sac_search_bar_set_picture(bar, NULL, 0);
  }
}

static void
on_chip(SacSearchBar *bar)
{
  sac_search_bar_set_picture(bar, NULL, 0);
  gtk_widget_grab_focus(GTK_WIDGET(bar->entry));
}

static void
on_activate(SacSearchBar *bar)
{
  sac_search_bar_remember(bar);
  g_signal_emit(bar, signals[ACTIVATE], 0);
}

static void
on_stop(SacSearchBar *bar)
{
  sac_search_bar_clear(bar);
  g_signal_emit(bar, signals[STOP], 0);
}

static void
on_next_match(SacSearchBar *bar)
{
  g_signal_emit(bar, signals[STEP], 0, 1);
}

static void
on_previous_match(SacSearchBar *bar)
{
  g_signal_emit(bar, signals[STEP], 0, -1);
}

/* The button keeps its place for the popover, but not its room. */
void
sac_search_bar_set_narrow(SacSearchBar *bar, gboolean is_narrow)
{
  if (is_narrow) {
    gtk_widget_add_css_class(GTK_WIDGET(bar->searches_button), "narrow");
  } else {
    gtk_widget_remove_css_class(GTK_WIDGET(bar->searches_button), "narrow");
  }
}

/* --- pictures from elsewhere ------------------------------------------------------------------------------------------------- */

static char *
pictures_folder(void)
{
  return g_build_filename(g_get_user_data_dir(), "saccade", "searched-pictures", NULL);
}

/* Whether a saved search is for it. */
static gboolean
is_saved_picture(SacSearchBar *bar, const char *path)
{
  g_autoptr(GVariant) saved = g_settings_get_value(bar->settings, "saved-searches");
  GVariantIter iter;
  const char *picture;
  g_variant_iter_init(&iter, saved);
  while (g_variant_iter_next(&iter, "(&s&s&sx)", NULL, NULL, &picture, NULL)) {
    if (strcmp(picture, path) == 0) {
      return TRUE;
    }
  }
  return FALSE;
}

static void
drop_unused_pictures(SacSearchBar *bar, const char *folder)
{
  g_autoptr(GDir) names = g_dir_open(folder, 0, NULL);
  const char *name;
  while (names && (name = g_dir_read_name(names))) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (g_strcmp0(path, bar->picture_path) != 0 && !is_saved_picture(bar, path)) {
      g_unlink(path);
    }
  }
}

typedef struct {
  GdkTexture *texture;
  char *path;
} Pasted;

static void
pasted_free(Pasted *pasted)
{
  g_object_unref(pasted->texture);
  g_free(pasted->path);
  g_free(pasted);
}

static void
write_picture(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Pasted *pasted = data;
  g_autofree char *folder = g_path_get_dirname(pasted->path);
  g_task_return_boolean(task, g_mkdir_with_parents(folder, 0700) == 0 &&
                                  gdk_texture_save_to_png(pasted->texture, pasted->path));
}

static void
on_picture_written(GObject *source, GAsyncResult *result, gpointer data)
{
  SacSearchBar *bar = SAC_SEARCH_BAR(source);
  Pasted *pasted = g_task_get_task_data(G_TASK(result));
  if (!g_task_propagate_boolean(G_TASK(result), NULL) || !bar->box) {
    gtk_widget_error_bell(GTK_WIDGET(bar));
    return;
  }
  g_autofree char *folder = g_path_get_dirname(pasted->path);
  sac_search_bar_set_picture(bar, pasted->path, 0);
  drop_unused_pictures(bar, folder);
}

static void
take_texture(SacSearchBar *bar, GdkTexture *texture)
{
  g_autofree char *folder = pictures_folder(), *name = g_uuid_string_random();
  Pasted *pasted = g_new0(Pasted, 1);
  pasted->texture = g_object_ref(texture);
  pasted->path = g_strdup_printf("%s/%s.png", folder, name);
  g_autoptr(GTask) task = g_task_new(bar, NULL, on_picture_written, NULL);
  g_task_set_task_data(task, pasted, (GDestroyNotify)pasted_free);
  g_task_run_in_thread(task, write_picture);
}

static gboolean
take_value(SacSearchBar *bar, const GValue *value)
{
  if (G_VALUE_HOLDS(value, GDK_TYPE_TEXTURE)) {
    take_texture(bar, g_value_get_object(value));
    return TRUE;
  }
  if (G_VALUE_HOLDS(value, GDK_TYPE_FILE_LIST)) {
    GSList *files = g_value_get_boxed(value);
    g_autofree char *path = files ? g_file_get_path(files->data) : NULL;
    if (path) {
      sac_search_bar_set_picture(bar, path, 0);
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean
on_drop(GtkDropTarget *target, const GValue *value, double x, double y, SacSearchBar *bar)
{
  return take_value(bar, value);
}

static void
on_pasted(GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr(SacSearchBar) bar = data;
  const GValue *value = gdk_clipboard_read_value_finish(GDK_CLIPBOARD(source), result, NULL);
  if (!value || !bar->box || !take_value(bar, value)) {
    gtk_widget_error_bell(GTK_WIDGET(bar));
  }
}

/* A picture, or a file, in the clipboard is what is looked for; text is pasted as ever. */
static gboolean
on_paste(GtkWidget *widget, GVariant *arguments, gpointer data)
{
  SacSearchBar *bar = data;
  GdkClipboard *clipboard = gtk_widget_get_clipboard(widget);
  GdkContentFormats *formats = gdk_clipboard_get_formats(clipboard);
  g_autoptr(GdkContentFormats) readable =
      gdk_content_formats_union_deserialize_gtypes(gdk_content_formats_ref(formats));
  GType type = gdk_content_formats_contain_gtype(readable, GDK_TYPE_FILE_LIST) ? GDK_TYPE_FILE_LIST
               : gdk_content_formats_contain_gtype(readable, GDK_TYPE_TEXTURE) ? GDK_TYPE_TEXTURE
                                                                               : G_TYPE_INVALID;
  if (type == G_TYPE_INVALID) {
    return FALSE;
  }
  gdk_clipboard_read_value_async(clipboard, type, G_PRIORITY_DEFAULT, NULL, on_pasted, g_object_ref(bar));
  return TRUE;
}

/* --- saved and last searches -------------------------------------------------------------------------------------------------- */

void
sac_search_bar_remember(SacSearchBar *bar)
{
  g_autofree char *words = g_strstrip(g_strdup(sac_search_bar_get_text(bar)));
  g_clear_handle_id(&bar->meant_source, g_source_remove);
  if (!*words) {
    return;
  }
  g_auto(GStrv) old = g_settings_get_strv(bar->settings, "search-history");
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  g_strv_builder_add(builder, words);
  guint n = 1;
  for (guint i = 0; old[i] && n < HISTORY_LENGTH; i++) {
    /* What was typed on the way to it is no search of its own. */
    gboolean is_on_the_way = i == 0 && g_str_has_prefix(words, old[i]);
    if (strcmp(old[i], words) != 0 && !is_on_the_way) {
      g_strv_builder_add(builder, old[i]);
      n++;
    }
  }
  g_auto(GStrv) history = g_strv_builder_end(builder);
  g_settings_set_strv(bar->settings, "search-history", (const char *const *)history);
}

static void fill_lists(SacSearchBar *bar);

static void
on_remove_history(GtkButton *button, SacSearchBar *bar)
{
  const char *words = g_object_get_data(G_OBJECT(button), "words");
  g_auto(GStrv) old = g_settings_get_strv(bar->settings, "search-history");
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
  for (guint i = 0; old[i]; i++) {
    if (strcmp(old[i], words) != 0) {
      g_strv_builder_add(builder, old[i]);
    }
  }
  g_auto(GStrv) history = g_strv_builder_end(builder);
  g_settings_set_strv(bar->settings, "search-history", (const char *const *)history);
  fill_lists(bar);
}

/* Writes the saved searches without the one of that name, and with another before them, if one is given. */
static void
change_saved(SacSearchBar *bar, const char *without, GVariant *first)
{
  g_autoptr(GVariant) saved = g_settings_get_value(bar->settings, "saved-searches");
  GVariantBuilder builder;
  GVariantIter iter;
  GVariant *search;
  g_variant_builder_init(&builder, G_VARIANT_TYPE(SAVED_TYPE));
  if (first) {
    g_variant_builder_add_value(&builder, first);
  }
  g_variant_iter_init(&iter, saved);
  while ((search = g_variant_iter_next_value(&iter))) {
    const char *name;
    g_variant_get_child(search, 0, "&s", &name);
    if (strcmp(name, without) != 0) {
      g_variant_builder_add_value(&builder, search);
    }
    g_variant_unref(search);
  }
  g_settings_set_value(bar->settings, "saved-searches", g_variant_builder_end(&builder));
  fill_lists(bar);
}

static void
on_remove_saved(GtkButton *button, SacSearchBar *bar)
{
  g_autofree char *name = g_strdup(g_object_get_data(G_OBJECT(button), "words"));
  change_saved(bar, name, NULL);
}

static void
on_save(SacSearchBar *bar)
{
  g_autofree char *typed = g_strstrip(g_strdup(gtk_editable_get_text(GTK_EDITABLE(bar->save_name))));
  const char *words = sac_search_bar_get_text(bar);
  const char *name = *typed ? typed : words;
  if (!*name || sac_search_bar_is_empty(bar)) {
    gtk_widget_error_bell(GTK_WIDGET(bar->save_name));
    return;
  }
  change_saved(bar, name,
               g_variant_new("(sssx)", name, words, bar->picture_path ? bar->picture_path : "", bar->picture_time_us));
  gtk_editable_set_text(GTK_EDITABLE(bar->save_name), "");
}

static void
on_clear_history(SacSearchBar *bar)
{
  g_settings_reset(bar->settings, "search-history");
  fill_lists(bar);
}

static void
add_row(SacSearchBar *bar, GtkListBox *list, const char *shown, GtkWidget *picture, GCallback on_remove)
{
  GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);
  GtkWidget *label = gtk_label_new(shown);
  GtkWidget *button = gtk_button_new_from_icon_name("edit-delete-symbolic");
  g_autofree char *tip = g_strdup_printf(_("Remove “%s”"), shown);
  gtk_label_set_xalign(GTK_LABEL(label), 0);
  gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand(label, TRUE);
  if (picture) {
    gtk_box_append(GTK_BOX(box), picture);
  }
  gtk_box_append(GTK_BOX(box), label);
  gtk_widget_add_css_class(button, "flat");
  gtk_widget_set_tooltip_text(button, tip);
  gtk_accessible_update_property(GTK_ACCESSIBLE(button), GTK_ACCESSIBLE_PROPERTY_LABEL, tip, -1);
  g_object_set_data_full(G_OBJECT(button), "words", g_strdup(shown), g_free);
  g_signal_connect(button, "clicked", on_remove, bar);
  gtk_box_append(GTK_BOX(box), button);
  GtkWidget *row = gtk_list_box_row_new();
  gtk_list_box_row_set_child(GTK_LIST_BOX_ROW(row), box);
  gtk_accessible_update_property(GTK_ACCESSIBLE(row), GTK_ACCESSIBLE_PROPERTY_LABEL, shown, -1);
  gtk_list_box_append(list, row);
}

static void
empty_list(GtkListBox *list)
{
  GtkWidget *row;
  while ((row = gtk_widget_get_first_child(GTK_WIDGET(list)))) {
    gtk_list_box_remove(list, row);
  }
}

static GtkWidget *
make_picture(SacSearchBar *bar, const char *path, gint64 time_us)
{
  GtkWidget *picture = g_object_new(SAC_TYPE_THUMBNAIL, "width", 48, "valign", GTK_ALIGN_CENTER, NULL);
  sac_thumbnail_show(SAC_THUMBNAIL(picture), bar->thumbnailer, path, time_us);
  return picture;
}

static void
fill_lists(SacSearchBar *bar)
{
  g_autoptr(GVariant) saved = g_settings_get_value(bar->settings, "saved-searches");
  g_auto(GStrv) history = g_settings_get_strv(bar->settings, "search-history");
  const char *name, *words, *picture;
  gint64 time_us;
  GVariantIter iter;
  empty_list(bar->saved_list);
  empty_list(bar->history_list);
  gsize n_saved = g_variant_iter_init(&iter, saved);
  while (g_variant_iter_next(&iter, "(&s&s&sx)", &name, &words, &picture, &time_us)) {
    add_row(bar, bar->saved_list, name, *picture ? make_picture(bar, picture, time_us) : NULL,
            G_CALLBACK(on_remove_saved));
  }
  for (guint i = 0; history[i]; i++) {
    add_row(bar, bar->history_list, history[i], NULL, G_CALLBACK(on_remove_history));
  }
  gtk_widget_set_visible(GTK_WIDGET(bar->saved_title), n_saved > 0);
  gtk_widget_set_visible(GTK_WIDGET(bar->saved_list), n_saved > 0);
  gtk_widget_set_visible(GTK_WIDGET(bar->history_title), history[0] != NULL);
  gtk_widget_set_visible(GTK_WIDGET(bar->history_list), history[0] != NULL);
  gtk_widget_set_visible(bar->clear_history, history[0] != NULL);
  gtk_widget_set_visible(bar->save_box, !sac_search_bar_is_empty(bar));
  gtk_widget_set_visible(GTK_WIDGET(bar->nothing), n_saved == 0 && !history[0] && sac_search_bar_is_empty(bar));
}

static void
on_popover(SacSearchBar *bar)
{
  fill_lists(bar);
}

static void
on_saved_chosen(SacSearchBar *bar, GtkListBoxRow *row)
{
  g_autoptr(GVariant) saved = g_settings_get_value(bar->settings, "saved-searches");
  const char *words, *picture;
  gint64 time_us;
  if (gtk_list_box_row_get_index(row) < (int)g_variant_n_children(saved)) {
    g_variant_get_child(saved, (gsize)gtk_list_box_row_get_index(row), "(&s&s&sx)", NULL, &words, &picture, &time_us);
    gtk_popover_popdown(bar->popover);
    sac_search_bar_set_text(bar, words);
    sac_search_bar_set_picture(bar, *picture ? picture : NULL, time_us);
  }
}

static void
on_history_chosen(SacSearchBar *bar, GtkListBoxRow *row)
{
  g_auto(GStrv) history = g_settings_get_strv(bar->settings, "search-history");
  if (gtk_list_box_row_get_index(row) < (int)g_strv_length(history)) {
    gtk_popover_popdown(bar->popover);
    if (bar->picture_path) {
      sac_search_bar_set_picture(bar, NULL, 0);
    }
    sac_search_bar_set_text(bar, history[gtk_list_box_row_get_index(row)]);
    gtk_editable_set_position(GTK_EDITABLE(bar->entry), -1);
  }
}

static gboolean
on_down(GtkWidget *widget, GVariant *arguments, gpointer data)
{
  SacSearchBar *bar = data;
  if (!sac_search_bar_is_empty(bar)) {
    return FALSE;
  }
  gtk_menu_button_popup(bar->searches_button);
  GtkWidget *list =
      GTK_WIDGET(gtk_widget_get_visible(GTK_WIDGET(bar->saved_list)) ? bar->saved_list : bar->history_list);
  GtkWidget *first = gtk_widget_get_first_child(list);
  if (first) {
    gtk_widget_grab_focus(first);
  }
  return TRUE;
}

/* Backspace before the first letter takes the picture away, as it does a letter. */
static gboolean
on_backspace(GtkWidget *widget, GVariant *arguments, gpointer data)
{
  SacSearchBar *bar = data;
  int from, to;
  if (!bar->picture_path || gtk_editable_get_position(GTK_EDITABLE(bar->entry)) > 0 ||
      gtk_editable_get_selection_bounds(GTK_EDITABLE(bar->entry), &from, &to)) {
    return FALSE;
  }
  on_chip(bar);
  return TRUE;
}

/* --- the object ---------------------------------------------------------------------------------------------------------------- */

void
sac_search_bar_set_up(SacSearchBar *bar, GSettings *settings, SacThumbnailer *thumbnailer)
{
  g_set_object(&bar->settings, settings);
  g_set_object(&bar->thumbnailer, thumbnailer);
}

static gboolean
sac_search_bar_grab_focus(GtkWidget *widget)
{
  return gtk_widget_grab_focus(GTK_WIDGET(SAC_SEARCH_BAR(widget)->entry));
}

void
sac_search_bar_show_narrowed(SacSearchBar *bar, gboolean is_narrowed)
{
  if (is_narrowed) {
    gtk_widget_add_css_class(bar->kind_button, "accent");
  } else {
    gtk_widget_remove_css_class(bar->kind_button, "accent");
  }
}

static void
add_shortcut(GtkShortcutController *controller, const char *trigger, GtkShortcutFunc function, SacSearchBar *bar)
{
  gtk_shortcut_controller_add_shortcut(controller, gtk_shortcut_new(gtk_shortcut_trigger_parse_string(trigger),
                                                                    gtk_callback_action_new(function, bar, NULL)));
}

static void
sac_search_bar_dispose(GObject *object)
{
  SacSearchBar *bar = SAC_SEARCH_BAR(object);
  g_clear_handle_id(&bar->meant_source, g_source_remove);
  g_clear_object(&bar->settings);
  g_clear_object(&bar->thumbnailer);
  g_clear_pointer(&bar->picture_path, g_free);
  g_clear_pointer(&bar->box, gtk_widget_unparent);
  G_OBJECT_CLASS(sac_search_bar_parent_class)->dispose(object);
}

static void
sac_search_bar_class_init(SacSearchBarClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->dispose = sac_search_bar_dispose;
  widget_class->grab_focus = sac_search_bar_grab_focus;
  g_type_ensure(SAC_TYPE_THUMBNAIL);
  gtk_widget_class_set_css_name(widget_class, "searchfield");
  gtk_widget_class_set_template_from_resource(widget_class, "/org/saccade/Saccade/sac-search-bar.ui");
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, box);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, kind_button);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, entry);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, chip);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, picture);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, searches_button);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, popover);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, saved_title);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, saved_list);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, history_title);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, history_list);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, nothing);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, save_box);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, save_name);
  gtk_widget_class_bind_template_child(widget_class, SacSearchBar, clear_history);
  gtk_widget_class_bind_template_callback(widget_class, on_words);
  gtk_widget_class_bind_template_callback(widget_class, on_activate);
  gtk_widget_class_bind_template_callback(widget_class, on_stop);
  gtk_widget_class_bind_template_callback(widget_class, on_next_match);
  gtk_widget_class_bind_template_callback(widget_class, on_previous_match);
  gtk_widget_class_bind_template_callback(widget_class, on_chip);
  gtk_widget_class_bind_template_callback(widget_class, on_popover);
  gtk_widget_class_bind_template_callback(widget_class, on_saved_chosen);
  gtk_widget_class_bind_template_callback(widget_class, on_history_chosen);
  gtk_widget_class_bind_template_callback(widget_class, on_save);
  gtk_widget_class_bind_template_callback(widget_class, on_clear_history);
  signals[ASKED] = g_signal_new("asked", SAC_TYPE_SEARCH_BAR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[ACTIVATE] =
      g_signal_new("activate", SAC_TYPE_SEARCH_BAR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[STOP] = g_signal_new("stop", SAC_TYPE_SEARCH_BAR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[STEP] =
      g_signal_new("step", SAC_TYPE_SEARCH_BAR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_INT);
}

static void
sac_search_bar_init(SacSearchBar *bar)
{
  gtk_widget_init_template(GTK_WIDGET(bar));
  GtkEventController *keys = gtk_shortcut_controller_new();
  add_shortcut(GTK_SHORTCUT_CONTROLLER(keys), "<Control>v|<Shift>Insert", on_paste, bar);
  add_shortcut(GTK_SHORTCUT_CONTROLLER(keys), "Down", on_down, bar);
  add_shortcut(GTK_SHORTCUT_CONTROLLER(keys), "BackSpace", on_backspace, bar);
  gtk_event_controller_set_propagation_phase(keys, GTK_PHASE_CAPTURE);
  gtk_widget_add_controller(GTK_WIDGET(bar->entry), keys);

  GType types[] = { GDK_TYPE_FILE_LIST, GDK_TYPE_TEXTURE };
  GtkDropTarget *target = gtk_drop_target_new(G_TYPE_INVALID, GDK_ACTION_COPY);
  gtk_drop_target_set_gtypes(target, types, G_N_ELEMENTS(types));
  /* Before the text field, which would take a file's name as words. */
  gtk_event_controller_set_propagation_phase(GTK_EVENT_CONTROLLER(target), GTK_PHASE_CAPTURE);
  g_signal_connect(target, "drop", G_CALLBACK(on_drop), bar);
  gtk_widget_add_controller(GTK_WIDGET(bar), GTK_EVENT_CONTROLLER(target));
}
