/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-tag-list.h"

#include <adwaita.h>
#include <glib/gi18n.h>

struct _SacTagList {
  GtkWidget parent_instance;
  GtkWidget *box;
  GtkListBox *rows;
  GtkLabel *nothing;
  SacLibrary *library;
  GPtrArray *tags; /* of SacTag, as shown */
  char *chosen, *shown_chosen;
  SacTagState *undo;
  gboolean wants_focus; /* when the rows are there */
};

enum { CHOSEN, TOLD, FAILED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacTagList, sac_tag_list, GTK_TYPE_WIDGET)

static void
choose(SacTagList *list, const char *name)
{
  if (g_strcmp0(list->chosen, name) != 0) {
    char *kept = g_strdup(name);
    g_free(list->chosen);
    list->chosen = kept;
    g_signal_emit(list, signals[CHOSEN], 0, kept);
  }
}

/* --- changes ----------------------------------------------------------------------------------------------------------------- */

/* One change on its way: of name to to (NULL: it goes), or what state puts back. */
typedef struct {
  SacLibrary *library;
  char *name;
  SacTag *to;
  SacTagState *state, *before;
} Change;

static void
change_free(Change *change)
{
  g_object_unref(change->library);
  g_free(change->name);
  sac_tag_free(change->to);
  sac_tag_state_free(change->state);
  sac_tag_state_free(change->before);
  g_free(change);
}

static void
do_change(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Change *change = data;
  GError *error = NULL;
  gboolean done = change->state ? sac_library_restore_tags(change->library, change->state, &change->before, &error)
                  : change->to
                      ? sac_library_change_tag(change->library, change->name, change->to, &change->before, &error)
                      : sac_library_remove_tag(change->library, change->name, &change->before, &error);
  if (done) {
    g_task_return_boolean(task, TRUE);
  } else {
    g_task_return_error(task, error);
  }
}

static void
on_changed(GObject *source, GAsyncResult *result, gpointer data)
{
  SacTagList *list = SAC_TAG_LIST(source);
  Change *change = g_task_get_task_data(G_TASK(result));
  g_autoptr(GError) error = NULL;
  if (!list->box) {
    return;
  }
  if (!g_task_propagate_boolean(G_TASK(result), &error)) {
    g_signal_emit(list, signals[FAILED], 0, error);
    return;
  }
  g_clear_pointer(&list->undo, sac_tag_state_free);
  list->undo = g_steal_pointer(&change->before);
  if (change->name && g_strcmp0(list->chosen, change->name) == 0) {
    choose(list, change->to ? change->to->name : NULL);
  }
  sac_tag_list_refresh(list);
  if (change->name) {
    g_autofree char *words = change->to ? g_strdup_printf(_("Changed the tag “%s”"), change->to->name)
                                        : g_strdup_printf(_("Removed the tag “%s”"), change->name);
    g_signal_emit(list, signals[TOLD], 0, words);
  }
}

static void
run_change(SacTagList *list, const char *name, const SacTag *to, SacTagState *state)
{
  Change *change = g_new0(Change, 1);
  change->library = g_object_ref(list->library);
  change->name = g_strdup(name);
  change->to = to ? sac_tag_copy(to) : NULL;
  change->state = state;
  g_autoptr(GTask) task = g_task_new(list, NULL, on_changed, NULL);
  g_task_set_task_data(task, change, (GDestroyNotify)change_free);
  g_task_run_in_thread(task, do_change);
}

void
sac_tag_list_undo(SacTagList *list)
{
  if (list->undo && list->library) {
    run_change(list, NULL, NULL, g_steal_pointer(&list->undo));
  }
}

/* --- the dialog -------------------------------------------------------------------------------------------------------------- */

typedef struct {
  SacTagList *list;
  SacTag *tag;
  GtkEditable *name, *note;
  GtkColorChooser *colour;
  GtkSwitch *has_colour;
} Dialog;

static void
dialog_free(gpointer data, GClosure *closure)
{
  Dialog *dialog = data;
  g_object_unref(dialog->list);
  sac_tag_free(dialog->tag);
  g_free(dialog);
}

static void
on_response(AdwMessageDialog *message, const char *response, Dialog *dialog)
{
  if (!dialog->list->library) {
    return;
  }
  if (strcmp(response, "remove") == 0) {
    run_change(dialog->list, dialog->tag->name, NULL, NULL);
  } else if (strcmp(response, "accept") == 0) {
    g_autofree char *colour = g_strdup("");
    if (gtk_switch_get_active(dialog->has_colour)) {
      GdkRGBA rgba;
      gtk_color_chooser_get_rgba(dialog->colour, &rgba);
      g_free(colour);
      colour = g_strdup_printf("#%02x%02x%02x", (int)(rgba.red * 255 + 0.5), (int)(rgba.green * 255 + 0.5),
                               (int)(rgba.blue * 255 + 0.5));
    }
    g_autoptr(SacTag) to =
        sac_tag_new(gtk_editable_get_text(dialog->name), colour, gtk_editable_get_text(dialog->note));
    run_change(dialog->list, dialog->tag->name, to, NULL);
  }
}

static GtkWidget *
add_line(GtkGrid *grid, int line, const char *words, GtkWidget *field)
{
  GtkWidget *label = gtk_label_new(words);
  gtk_label_set_xalign(GTK_LABEL(label), 1);
  gtk_widget_add_css_class(label, "dim-label");
  gtk_widget_set_hexpand(field, TRUE);
  gtk_grid_attach(grid, label, 0, line, 1, 1);
  gtk_grid_attach(grid, field, 1, line, 1, 1);
  gtk_accessible_update_property(GTK_ACCESSIBLE(field), GTK_ACCESSIBLE_PROPERTY_LABEL, words, -1);
  return field;
}

static void
on_edit(GtkButton *button, SacTagList *list)
{
  const SacTag *tag = g_object_get_data(G_OBJECT(button), "tag");
  GtkWidget *popover = gtk_widget_get_ancestor(GTK_WIDGET(list), GTK_TYPE_POPOVER);
  GtkWindow *window = GTK_WINDOW(gtk_widget_get_ancestor(GTK_WIDGET(list), GTK_TYPE_WINDOW));
  GtkWidget *message = adw_message_dialog_new(window, _("Tag"), _("Another tag's name merges the two."));
  GtkWidget *grid = gtk_grid_new();
  GtkWidget *colours = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12);
  Dialog *dialog = g_new0(Dialog, 1);
  GdkRGBA rgba = { 0.21f, 0.52f, 0.89f, 1 };
  dialog->list = g_object_ref(list);
  dialog->tag = sac_tag_copy(tag);
  gtk_grid_set_row_spacing(GTK_GRID(grid), 8);
  gtk_grid_set_column_spacing(GTK_GRID(grid), 12);
  dialog->name = GTK_EDITABLE(add_line(GTK_GRID(grid), 0, _("Tag name"), gtk_entry_new()));
  dialog->has_colour = GTK_SWITCH(gtk_switch_new());
  dialog->colour = GTK_COLOR_CHOOSER(gtk_color_button_new());
  if (*tag->colour) {
    gdk_rgba_parse(&rgba, tag->colour);
  }
  gtk_switch_set_active(dialog->has_colour, *tag->colour != '\0');
  gtk_color_chooser_set_use_alpha(dialog->colour, FALSE);
  gtk_color_chooser_set_rgba(dialog->colour, &rgba);
  g_object_bind_property(dialog->has_colour, "active", dialog->colour, "sensitive", G_BINDING_SYNC_CREATE);
  gtk_widget_set_valign(GTK_WIDGET(dialog->has_colour), GTK_ALIGN_CENTER);
  gtk_accessible_update_property(GTK_ACCESSIBLE(dialog->has_colour), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Has a colour"),
                                 -1);
  gtk_box_append(GTK_BOX(colours), GTK_WIDGET(dialog->has_colour));
  gtk_box_append(GTK_BOX(colours), GTK_WIDGET(dialog->colour));
  add_line(GTK_GRID(grid), 1, _("Colour"), colours);
  dialog->note = GTK_EDITABLE(add_line(GTK_GRID(grid), 2, _("Note"), gtk_entry_new()));
  gtk_editable_set_text(dialog->name, tag->name);
  gtk_editable_set_text(dialog->note, tag->note);
  gtk_entry_set_activates_default(GTK_ENTRY(dialog->name), TRUE);
  gtk_entry_set_activates_default(GTK_ENTRY(dialog->note), TRUE);
  adw_message_dialog_set_extra_child(ADW_MESSAGE_DIALOG(message), grid);
  adw_message_dialog_add_responses(ADW_MESSAGE_DIALOG(message), "cancel", _("Cancel"), "remove", _("Remove Tag"),
                                   "accept", _("Change Tag"), NULL);
  adw_message_dialog_set_response_appearance(ADW_MESSAGE_DIALOG(message), "remove", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_response_appearance(ADW_MESSAGE_DIALOG(message), "accept", ADW_RESPONSE_SUGGESTED);
  adw_message_dialog_set_default_response(ADW_MESSAGE_DIALOG(message), "accept");
  adw_message_dialog_set_close_response(ADW_MESSAGE_DIALOG(message), "cancel");
  g_signal_connect_data(message, "response", G_CALLBACK(on_response), dialog, dialog_free, 0);
  if (popover) {
    gtk_popover_popdown(GTK_POPOVER(popover));
  }
  gtk_window_present(GTK_WINDOW(message));
}

/* --- the rows ----------------------------------------------------------------------------------------------------------------- */

static GtkWidget *
make_dot(const SacTag *tag)
{
  GtkWidget *dot = gtk_label_new(NULL);
  g_autofree char *markup = g_strdup_printf("<span foreground=\"%s\">●</span>", tag->colour);
  if (*tag->colour) {
    gtk_label_set_markup(GTK_LABEL(dot), markup);
  } else {
    gtk_label_set_text(GTK_LABEL(dot), "○");
  }
  return dot;
}

static GtkWidget *
make_row(SacTagList *list, SacTag *tag)
{
  GtkWidget *row = gtk_list_box_row_new(), *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 8);
  GtkWidget *name = gtk_label_new(tag ? tag->name : _("All videos"));
  gtk_label_set_xalign(GTK_LABEL(name), 0);
  gtk_label_set_ellipsize(GTK_LABEL(name), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand(name, TRUE);
  if (tag) {
    gtk_box_append(GTK_BOX(box), make_dot(tag));
  }
  gtk_box_append(GTK_BOX(box), name);
  if (tag) {
    g_autofree char *number = g_strdup_printf("%d", (int)tag->n_moments);
    g_autofree char *tip = g_strdup_printf(_("Change the tag “%s”"), tag->name);
    GtkWidget *count = gtk_label_new(number), *edit = gtk_button_new_from_icon_name("document-edit-symbolic");
    gtk_widget_add_css_class(count, "dim-label");
    gtk_widget_add_css_class(count, "numeric");
    gtk_box_append(GTK_BOX(box), count);
    gtk_widget_add_css_class(edit, "flat");
    gtk_widget_set_tooltip_text(edit, tip);
    gtk_accessible_update_property(GTK_ACCESSIBLE(edit), GTK_ACCESSIBLE_PROPERTY_LABEL, tip, -1);
    g_object_set_data(G_OBJECT(edit), "tag", tag);
    g_signal_connect(edit, "clicked", G_CALLBACK(on_edit), list);
    gtk_box_append(GTK_BOX(box), edit);
    if (*tag->note) {
      gtk_widget_set_tooltip_text(row, tag->note);
    }
  }
  if (g_strcmp0(list->chosen, tag ? tag->name : NULL) == 0) {
    gtk_widget_add_css_class(name, "heading");
  }
  gtk_list_box_row_set_child(GTK_LIST_BOX_ROW(row), box);
  g_autofree char *spoken = tag ? g_strdup_printf(ngettext("%s, %d moment", "%s, %d moments", (gulong)tag->n_moments),
                                                  tag->name, (int)tag->n_moments)
                                : g_strdup(_("All videos"));
  gtk_accessible_update_property(GTK_ACCESSIBLE(row), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
  return row;
}

static gboolean
is_shown_already(SacTagList *list, GPtrArray *tags)
{
  if (!list->tags || list->tags->len != tags->len || g_strcmp0(list->chosen, list->shown_chosen) != 0) {
    return FALSE;
  }
  for (guint i = 0; i < tags->len; i++) {
    const SacTag *one = g_ptr_array_index(list->tags, i), *other = g_ptr_array_index(tags, i);
    if (strcmp(one->name, other->name) != 0 || strcmp(one->colour, other->colour) != 0 ||
        strcmp(one->note, other->note) != 0 || one->n_moments != other->n_moments) {
      return FALSE;
    }
  }
  return TRUE;
}

static void
list_tags(GTask *task, gpointer source, gpointer library, GCancellable *cancellable)
{
  GError *error = NULL;
  GPtrArray *tags = sac_library_list_tags(library, &error);
  if (tags) {
    g_task_return_pointer(task, tags, (GDestroyNotify)g_ptr_array_unref);
  } else {
    g_task_return_error(task, error);
  }
}

static void
show_tags(SacTagList *list, GPtrArray *tags)
{
  GtkWidget *row;
  while ((row = gtk_widget_get_first_child(GTK_WIDGET(list->rows)))) {
    gtk_list_box_remove(list->rows, row);
  }
  g_free(list->shown_chosen);
  list->shown_chosen = g_strdup(list->chosen);
  g_clear_pointer(&list->tags, g_ptr_array_unref);
  list->tags = g_ptr_array_ref(tags);
  gtk_widget_set_visible(GTK_WIDGET(list->nothing), tags->len == 0);
  gtk_list_box_append(list->rows, make_row(list, NULL));
  for (guint i = 0; i < tags->len; i++) {
    gtk_list_box_append(list->rows, make_row(list, g_ptr_array_index(tags, i)));
  }
}

static void
on_listed(GObject *source, GAsyncResult *result, gpointer data)
{
  SacTagList *list = SAC_TAG_LIST(source);
  g_autoptr(GPtrArray) tags = g_task_propagate_pointer(G_TASK(result), NULL);
  if (!tags || !list->box || g_task_get_task_data(G_TASK(result)) != list->library) {
    return;
  }
  /* The keys' focus stays where it is as long as nothing has changed. */
  if (!is_shown_already(list, tags)) {
    show_tags(list, tags);
  }
  if (list->wants_focus) {
    list->wants_focus = FALSE;
    gtk_widget_grab_focus(gtk_widget_get_first_child(GTK_WIDGET(list->rows)));
  }
}

static gboolean
sac_tag_list_grab_focus(GtkWidget *widget)
{
  SAC_TAG_LIST(widget)->wants_focus = TRUE;
  sac_tag_list_refresh(SAC_TAG_LIST(widget));
  return TRUE;
}

void
sac_tag_list_refresh(SacTagList *list)
{
  if (list->library) {
    g_autoptr(GTask) task = g_task_new(list, NULL, on_listed, NULL);
    g_task_set_task_data(task, g_object_ref(list->library), g_object_unref);
    g_task_run_in_thread(task, list_tags);
  }
}

static void
on_row(SacTagList *list, GtkListBoxRow *row)
{
  int index = gtk_list_box_row_get_index(row) - 1;
  const SacTag *tag = index >= 0 && index < (int)list->tags->len ? g_ptr_array_index(list->tags, index) : NULL;
  GtkWidget *popover = gtk_widget_get_ancestor(GTK_WIDGET(list), GTK_TYPE_POPOVER);
  choose(list, tag ? tag->name : NULL);
  sac_tag_list_refresh(list);
  if (popover) {
    gtk_popover_popdown(GTK_POPOVER(popover));
  }
}

const char *
sac_tag_list_get_chosen(SacTagList *list)
{
  return list->chosen;
}

void
sac_tag_list_set_library(SacTagList *list, SacLibrary *library)
{
  g_set_object(&list->library, library);
  g_clear_pointer(&list->undo, sac_tag_state_free);
  choose(list, NULL);
  sac_tag_list_refresh(list);
}

static void
sac_tag_list_dispose(GObject *object)
{
  SacTagList *list = SAC_TAG_LIST(object);
  g_clear_object(&list->library);
  g_clear_pointer(&list->tags, g_ptr_array_unref);
  g_clear_pointer(&list->chosen, g_free);
  g_clear_pointer(&list->shown_chosen, g_free);
  g_clear_pointer(&list->undo, sac_tag_state_free);
  g_clear_pointer(&list->box, gtk_widget_unparent);
  G_OBJECT_CLASS(sac_tag_list_parent_class)->dispose(object);
}

static void
sac_tag_list_class_init(SacTagListClass *class)
{
  G_OBJECT_CLASS(class)->dispose = sac_tag_list_dispose;
  GTK_WIDGET_CLASS(class)->grab_focus = sac_tag_list_grab_focus;
  gtk_widget_class_set_layout_manager_type(GTK_WIDGET_CLASS(class), GTK_TYPE_BIN_LAYOUT);
  signals[CHOSEN] =
      g_signal_new("chosen", SAC_TYPE_TAG_LIST, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[TOLD] =
      g_signal_new("told", SAC_TYPE_TAG_LIST, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
  signals[FAILED] =
      g_signal_new("failed", SAC_TYPE_TAG_LIST, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
sac_tag_list_init(SacTagList *list)
{
  list->box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
  list->rows = GTK_LIST_BOX(gtk_list_box_new());
  list->nothing = GTK_LABEL(gtk_label_new(_("Tags are made in a video: mark a span and press T, or keep a result.")));
  gtk_list_box_set_selection_mode(list->rows, GTK_SELECTION_NONE);
  gtk_widget_add_css_class(GTK_WIDGET(list->rows), "searches");
  gtk_accessible_update_property(GTK_ACCESSIBLE(list->rows), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Tags"), -1);
  gtk_label_set_wrap(list->nothing, TRUE);
  gtk_label_set_max_width_chars(list->nothing, 30);
  gtk_widget_add_css_class(GTK_WIDGET(list->nothing), "dim-label");
  g_signal_connect_swapped(list->rows, "row-activated", G_CALLBACK(on_row), list);
  gtk_box_append(GTK_BOX(list->box), GTK_WIDGET(list->rows));
  gtk_box_append(GTK_BOX(list->box), GTK_WIDGET(list->nothing));
  gtk_widget_set_parent(list->box, GTK_WIDGET(list));
}
