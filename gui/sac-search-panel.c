/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-search-panel.h"

#include <glib/gi18n.h>

#include "gui/sac-item.h"
#include "gui/sac-preview.h"
#include "gui/sac-result-row.h"

/* A screen's worth of lines is there at once; the rest, which only scrolling shows, comes after it is drawn. */
#define FIRST_LINES 12

struct _SacSearchPanel {
  GtkWidget parent_instance;
  GtkStack *stack;
  GtkLabel *summary, *notice;
  GtkScrolledWindow *scroller;
  GtkListView *list;
  AdwStatusPage *page;
  GtkButton *button;
  SacThumbnailer *thumbnailer;
  GListStore *store;
  GPtrArray *lines; /* of SacItem: what the store has, or will have when the rest has come */
  guint rest_tick;
  GtkSingleSelection *selection;
  GtkToggleButton *group_button;
  GtkPopover *menu;
  SacMoment *menu_moment; /* that the menu is of */
  SacPreview *preview;
  SacSearchResults *results; /* that are shown; NULL: moments, or a page */
  gboolean is_near, with_video, is_filling;
};

/* What a line of the list is of: a result, or the video whose results follow. */
typedef struct {
  SacSearchResult *result; /* NULL: a heading */
  char *heading;
} Line;

enum { CHOSEN, MORE_LIKE, KEEP, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacSearchPanel, sac_search_panel, GTK_TYPE_WIDGET)

static void
line_free(Line *line)
{
  g_clear_pointer(&line->result, sac_search_result_free);
  g_free(line->heading);
  g_free(line);
}

static SacItem *
make_line(const SacSearchResult *result, const char *heading)
{
  Line *line = g_new0(Line, 1);
  line->heading = g_strdup(heading);
  if (result) {
    line->result = g_new0(SacSearchResult, 1);
    line->result->moment = sac_moment_copy(result->moment);
    line->result->rank = result->rank;
    line->result->snippet = g_strdup(result->snippet);
  }
  return sac_item_new(line, (GDestroyNotify)line_free);
}

/* Of a heading, or past the end: NULL. */
static const SacMoment *
moment_at(SacSearchPanel *panel, guint position)
{
  g_autoptr(SacItem) item = g_list_model_get_item(G_LIST_MODEL(panel->store), position);
  const Line *line = item ? sac_item_get(item) : NULL;
  return line && line->result ? line->result->moment : NULL;
}

static void
emit_chosen(SacSearchPanel *panel, guint position, gboolean play)
{
  const SacMoment *moment = moment_at(panel, position);
  if (moment) {
    g_signal_emit(panel, signals[CHOSEN], 0, moment, play);
  }
}

static void
on_selected(SacSearchPanel *panel)
{
  guint position = gtk_single_selection_get_selected(panel->selection);
  if (!panel->is_filling && position != GTK_INVALID_LIST_POSITION) {
    emit_chosen(panel, position, FALSE);
  }
}

static void
on_activate(SacSearchPanel *panel, guint position)
{
  emit_chosen(panel, position, TRUE);
}

/* --- a result's menu ------------------------------------------------------------------------------------------------------- */

static void
open_menu(SacSearchPanel *panel, const SacMoment *moment, double x, double y)
{
  g_clear_pointer(&panel->menu_moment, sac_moment_free);
  panel->menu_moment = sac_moment_copy(moment);
  gtk_popover_set_pointing_to(panel->menu, &(GdkRectangle){ (int)x, (int)y, 1, 1 });
  gtk_popover_popup(panel->menu);
}

static void
on_right_click(GtkGestureClick *gesture, int n_press, double x, double y, GtkListItem *item)
{
  GtkWidget *row = gtk_list_item_get_child(item);
  SacSearchPanel *panel = SAC_SEARCH_PANEL(gtk_widget_get_ancestor(row, SAC_TYPE_SEARCH_PANEL));
  const SacMoment *moment = panel ? moment_at(panel, gtk_list_item_get_position(item)) : NULL;
  if (moment && gtk_widget_translate_coordinates(row, GTK_WIDGET(panel), x, y, &x, &y)) {
    open_menu(panel, moment, x, y);
  }
}

static gboolean
on_menu_key(GtkWidget *widget, GVariant *arguments, gpointer data)
{
  SacSearchPanel *panel = data;
  const SacMoment *moment = sac_search_panel_get_selected(panel);
  GtkWidget *focus = gtk_root_get_focus(gtk_widget_get_root(widget));
  double x = 0, y = 0;
  if (!moment || !focus) {
    return FALSE;
  }
  gtk_widget_translate_coordinates(focus, GTK_WIDGET(panel), 24, gtk_widget_get_height(focus) / 2.0, &x, &y);
  open_menu(panel, moment, x, y);
  return TRUE;
}

static void
on_play_result(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacSearchPanel *panel = data;
  if (panel->menu_moment) {
    g_signal_emit(panel, signals[CHOSEN], 0, panel->menu_moment, TRUE);
  }
}

static void
on_more_like(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacSearchPanel *panel = data;
  if (panel->menu_moment) {
    g_signal_emit(panel, signals[MORE_LIKE], 0, panel->menu_moment);
  }
}

static void
on_keep(GSimpleAction *action, GVariant *parameter, gpointer data)
{
  SacSearchPanel *panel = data;
  if (panel->menu_moment) {
    g_signal_emit(panel, signals[KEEP], 0, panel->menu_moment);
  }
}

static void
make_menu(SacSearchPanel *panel)
{
  static const GActionEntry actions[] = {
    { "play", on_play_result },
    { "more-like", on_more_like },
    { "keep", on_keep },
  };
  g_autoptr(GSimpleActionGroup) group = g_simple_action_group_new();
  g_action_map_add_action_entries(G_ACTION_MAP(group), actions, G_N_ELEMENTS(actions), panel);
  gtk_widget_insert_action_group(GTK_WIDGET(panel), "result", G_ACTION_GROUP(group));
  g_autoptr(GMenu) menu = g_menu_new();
  g_menu_append(menu, _("_Play"), "result.play");
  g_menu_append(menu, _("_More Like This"), "result.more-like");
  g_menu_append(menu, _("_Keep as Tag"), "result.keep");
  panel->menu = GTK_POPOVER(gtk_popover_menu_new_from_model(G_MENU_MODEL(menu)));
  gtk_popover_set_has_arrow(panel->menu, FALSE);
  gtk_widget_set_halign(GTK_WIDGET(panel->menu), GTK_ALIGN_START);
  gtk_widget_set_parent(GTK_WIDGET(panel->menu), GTK_WIDGET(panel));

  GtkEventController *keys = gtk_shortcut_controller_new();
  gtk_shortcut_controller_add_shortcut(GTK_SHORTCUT_CONTROLLER(keys),
                                       gtk_shortcut_new(gtk_shortcut_trigger_parse_string("Menu|<Shift>F10"),
                                                        gtk_callback_action_new(on_menu_key, panel, NULL)));
  gtk_widget_add_controller(GTK_WIDGET(panel->list), keys);
}

/* --- the lines --------------------------------------------------------------------------------------------------------------- */

static void
on_enter(GtkEventControllerMotion *motion, double x, double y, GtkListItem *item)
{
  GtkWidget *row = gtk_list_item_get_child(item);
  SacSearchPanel *panel = SAC_SEARCH_PANEL(gtk_widget_get_ancestor(row, SAC_TYPE_SEARCH_PANEL));
  const SacMoment *moment = panel ? moment_at(panel, gtk_list_item_get_position(item)) : NULL;
  if (moment && moment->path) {
    sac_preview_start(panel->preview, sac_result_row_get_picture(SAC_RESULT_ROW(row)), moment->path, moment->start_us,
                      moment->end_us);
  }
}

static void
on_leave(GtkEventControllerMotion *motion, GtkListItem *item)
{
  GtkWidget *row = gtk_list_item_get_child(item);
  SacSearchPanel *panel = SAC_SEARCH_PANEL(gtk_widget_get_ancestor(row, SAC_TYPE_SEARCH_PANEL));
  if (panel) {
    sac_preview_stop(panel->preview);
  }
}

static void
on_setup(GtkSignalListItemFactory *factory, GtkListItem *item, SacSearchPanel *panel)
{
  GtkWidget *row = sac_result_row_new();
  GtkEventController *motion = gtk_event_controller_motion_new();
  GtkGesture *click = gtk_gesture_click_new();
  g_signal_connect(motion, "enter", G_CALLBACK(on_enter), item);
  g_signal_connect(motion, "leave", G_CALLBACK(on_leave), item);
  gtk_widget_add_controller(GTK_WIDGET(sac_result_row_get_picture(SAC_RESULT_ROW(row))), motion);
  gtk_gesture_single_set_button(GTK_GESTURE_SINGLE(click), GDK_BUTTON_SECONDARY);
  g_signal_connect(click, "pressed", G_CALLBACK(on_right_click), item);
  gtk_widget_add_controller(row, GTK_EVENT_CONTROLLER(click));
  gtk_list_item_set_child(item, row);
}

static void
on_bind(GtkSignalListItemFactory *factory, GtkListItem *item, SacSearchPanel *panel)
{
  const Line *line = sac_item_get(gtk_list_item_get_item(item));
  SacResultRow *row = SAC_RESULT_ROW(gtk_list_item_get_child(item));
  gboolean is_heading = line->result == NULL;
  gtk_list_item_set_selectable(item, !is_heading);
  gtk_list_item_set_activatable(item, !is_heading);
  if (sac_preview_get_picture(panel->preview) == sac_result_row_get_picture(row)) {
    sac_preview_stop(panel->preview);
  }
  if (is_heading) {
    sac_result_row_show_heading(row, line->heading);
  } else {
    sac_result_row_show(row, panel->thumbnailer, line->result->moment, line->result->snippet, panel->is_near,
                        panel->with_video);
  }
}

static gboolean
is_same_line(const Line *one, const Line *other)
{
  if (!one->result || !other->result) {
    return !one->result && !other->result && strcmp(one->heading, other->heading) == 0;
  }
  const SacMoment *old = one->result->moment, *new = other->result->moment;
  return g_strcmp0(old->id, new->id) == 0 && old->start_us == new->start_us && old->end_us == new->end_us &&
         old->score == new->score &&g_strcmp0(old->label, new->label) == 0;
}

static gboolean
is_same(SacSearchPanel *panel, GPtrArray *items)
{
  if (panel->lines->len != items->len) {
    return FALSE;
  }
  for (guint i = 0; i < items->len; i++) {
    if (!is_same_line(sac_item_get(g_ptr_array_index(panel->lines, i)), sac_item_get(g_ptr_array_index(items, i)))) {
      return FALSE;
    }
  }
  return TRUE;
}

static void
add_rest(SacSearchPanel *panel)
{
  guint n = g_list_model_get_n_items(G_LIST_MODEL(panel->store));
  if (panel->rest_tick != 0) {
    gtk_widget_remove_tick_callback(GTK_WIDGET(panel), panel->rest_tick);
    panel->rest_tick = 0;
  }
  if (n < panel->lines->len) {
    g_list_store_splice(panel->store, n, 0, panel->lines->pdata + n, panel->lines->len - n);
  }
}

/* The first tick comes before the first lines are drawn, the second after. */
static gboolean
on_tick(GtkWidget *widget, GdkFrameClock *clock, gpointer data)
{
  SacSearchPanel *panel = SAC_SEARCH_PANEL(widget);
  gint64 *first = data;
  if (*first == 0) {
    *first = gdk_frame_clock_get_frame_counter(clock) + 1;
  }
  if (gdk_frame_clock_get_frame_counter(clock) < *first) {
    return G_SOURCE_CONTINUE;
  }
  panel->rest_tick = 0;
  add_rest(panel);
  return G_SOURCE_REMOVE;
}

static void
show_lines(SacSearchPanel *panel, GPtrArray *items)
{
  guint n_first = MIN(items->len, FIRST_LINES);
  panel->is_filling = TRUE;
  sac_preview_stop(panel->preview);
  if (panel->rest_tick != 0) {
    gtk_widget_remove_tick_callback(GTK_WIDGET(panel), panel->rest_tick);
    panel->rest_tick = 0;
  }
  g_ptr_array_unref(panel->lines);
  panel->lines = g_ptr_array_ref(items);
  g_list_store_splice(panel->store, 0, g_list_model_get_n_items(G_LIST_MODEL(panel->store)), items->pdata, n_first);
  if (n_first < items->len) {
    panel->rest_tick = gtk_widget_add_tick_callback(GTK_WIDGET(panel), on_tick, g_new0(gint64, 1), g_free);
  }
  gtk_single_selection_set_selected(panel->selection, GTK_INVALID_LIST_POSITION);
  gtk_adjustment_set_value(gtk_scrolled_window_get_vadjustment(panel->scroller), 0);
  panel->is_filling = FALSE;
}

static int
compare_starts(gconstpointer a, gconstpointer b)
{
  const SacMoment *one = (*(const SacSearchResult *const *)a)->moment,
                  *other = (*(const SacSearchResult *const *)b)->moment;
  return one->start_us < other->start_us ? -1 : one->start_us > other->start_us;
}

/* The videos in the order of their best result, under each its results in the order of time. */
static void
add_grouped(GPtrArray *items, GPtrArray *results)
{
  g_autoptr(GHashTable) groups =
      g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
  g_autoptr(GPtrArray) order = g_ptr_array_new();
  for (guint i = 0; i < results->len; i++) {
    SacSearchResult *result = g_ptr_array_index(results, i);
    GPtrArray *group = g_hash_table_lookup(groups, &result->moment->video_id);
    if (!group) {
      group = g_ptr_array_new();
      g_hash_table_insert(groups, &result->moment->video_id, group);
      g_ptr_array_add(order, group);
    }
    g_ptr_array_add(group, result);
  }
  for (guint i = 0; i < order->len; i++) {
    GPtrArray *group = g_ptr_array_index(order, i);
    const SacSearchResult *first = g_ptr_array_index(group, 0);
    g_autofree char *name = g_path_get_basename(first->moment->path ? first->moment->path : "");
    g_autofree char *count = g_strdup_printf(ngettext("%u moment", "%u moments", group->len), group->len);
    g_autofree char *heading = g_strdup_printf("%s · %s", name, count);
    g_ptr_array_add(items, make_line(NULL, heading));
    g_ptr_array_sort(group, compare_starts);
    for (guint k = 0; k < group->len; k++) {
      g_ptr_array_add(items, make_line(g_ptr_array_index(group, k), NULL));
    }
  }
}

/* The same list again, which is what a running job mostly brings, leaves rows, selection and scrolling alone. */
static void
fill(SacSearchPanel *panel, GPtrArray *results, gboolean is_near, gboolean with_video)
{
  g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_object_unref);
  if (with_video && gtk_toggle_button_get_active(panel->group_button)) {
    add_grouped(items, results);
  } else {
    for (guint i = 0; i < results->len; i++) {
      g_ptr_array_add(items, make_line(g_ptr_array_index(results, i), NULL));
    }
  }
  if (panel->is_near == is_near && panel->with_video == with_video && is_same(panel, items)) {
    return;
  }
  panel->is_near = is_near;
  panel->with_video = with_video;
  show_lines(panel, items);
}

static void
on_group_toggled(SacSearchPanel *panel)
{
  if (panel->results) {
    g_autoptr(SacSearchResults) results = sac_search_results_ref(panel->results);
    sac_search_panel_show_results(panel, results);
  }
}

static void
forget_results(SacSearchPanel *panel)
{
  g_clear_pointer(&panel->results, sac_search_results_unref);
  gtk_widget_set_visible(GTK_WIDGET(panel->group_button), FALSE);
}

void
sac_search_panel_show_results(SacSearchPanel *panel, SacSearchResults *results)
{
  g_autoptr(GHashTable) videos = g_hash_table_new(g_int64_hash, g_int64_equal);
  for (guint i = 0; i < results->results->len; i++) {
    g_hash_table_add(videos, &((SacSearchResult *)g_ptr_array_index(results->results, i))->moment->video_id);
  }
  guint n = results->results->len, n_videos = g_hash_table_size(videos);
  SacSearchResults *kept = sac_search_results_ref(results);
  forget_results(panel);
  panel->results = kept;
  gtk_widget_set_visible(GTK_WIDGET(panel->group_button), n > 0);
  gboolean is_near = results->best_score < SAC_SEARCH_GOOD_SCORE;
  if (n == 0) {
    sac_search_panel_show_page(panel, "edit-find-symbolic", _("Nothing found"),
                               results->notice ? results->notice
                                               : _("Try other words, or index the videos that should be searched."),
                               _("Library"), "win.library");
    return;
  }
  g_autofree char *moments = g_strdup_printf(ngettext("%u moment", "%u moments", n), n);
  g_autofree char *where = g_strdup_printf(ngettext("in %u video", "in %u videos", n_videos), n_videos);
  g_autofree char *summary =
      is_near ? g_strdup(_("No good match; this comes nearest")) : g_strdup_printf("%s %s", moments, where);
  gtk_label_set_text(panel->summary, summary);
  gtk_label_set_text(panel->notice, results->notice ? results->notice : "");
  gtk_widget_set_visible(GTK_WIDGET(panel->notice), results->notice != NULL);
  fill(panel, results->results, is_near, TRUE);
  gtk_stack_set_visible_child_name(panel->stack, "list");
}

void
sac_search_panel_show_moments(SacSearchPanel *panel, GPtrArray *moments)
{
  g_autoptr(GPtrArray) results = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < moments->len; i++) {
    SacSearchResult *result = g_new0(SacSearchResult, 1);
    result->moment = g_ptr_array_index(moments, i);
    g_ptr_array_add(results, result);
  }
  forget_results(panel);
  g_autofree char *summary =
      g_strdup_printf(ngettext("%u moment in this video", "%u moments in this video", moments->len), moments->len);
  gtk_label_set_text(panel->summary, summary);
  gtk_widget_set_visible(GTK_WIDGET(panel->notice), FALSE);
  fill(panel, results, FALSE, FALSE);
  gtk_stack_set_visible_child_name(panel->stack, "list");
}

void
sac_search_panel_show_page(SacSearchPanel *panel, const char *icon, const char *title, const char *description,
                           const char *button, const char *action)
{
  adw_status_page_set_icon_name(panel->page, icon);
  adw_status_page_set_title(panel->page, title);
  g_autofree char *markup = description ? g_markup_escape_text(description, -1) : NULL;
  adw_status_page_set_description(panel->page, markup);
  gtk_widget_set_visible(GTK_WIDGET(panel->button), button != NULL);
  if (button) {
    gtk_button_set_label(panel->button, button);
    gtk_actionable_set_detailed_action_name(GTK_ACTIONABLE(panel->button), action);
  }
  g_autoptr(GPtrArray) nothing = g_ptr_array_new();
  forget_results(panel);
  show_lines(panel, nothing);
  gtk_stack_set_visible_child_name(panel->stack, "page");
}

void
sac_search_panel_step(SacSearchPanel *panel, int direction)
{
  add_rest(panel);
  int n = (int)g_list_model_get_n_items(G_LIST_MODEL(panel->store));
  guint selected = gtk_single_selection_get_selected(panel->selection);
  int position = selected != GTK_INVALID_LIST_POSITION ? (int)selected : direction > 0 ? -1 : n;
  do {
    position += direction;
  } while (position >= 0 && position < n && !moment_at(panel, (guint)position));
  if (position >= 0 && position < n) {
    gtk_single_selection_set_selected(panel->selection, (guint)position);
    gtk_widget_activate_action(GTK_WIDGET(panel->list), "list.scroll-to-item", "u", (guint)position);
  }
}

void
sac_search_panel_activate(SacSearchPanel *panel)
{
  guint selected = gtk_single_selection_get_selected(panel->selection);
  if (selected == GTK_INVALID_LIST_POSITION) {
    sac_search_panel_step(panel, 1);
    selected = gtk_single_selection_get_selected(panel->selection);
  }
  if (selected != GTK_INVALID_LIST_POSITION) {
    emit_chosen(panel, selected, TRUE);
  }
}

void
sac_search_panel_focus(SacSearchPanel *panel)
{
  gtk_widget_grab_focus(GTK_WIDGET(panel->list));
}

const SacMoment *
sac_search_panel_get_selected(SacSearchPanel *panel)
{
  guint selected = gtk_single_selection_get_selected(panel->selection);
  return selected != GTK_INVALID_LIST_POSITION ? moment_at(panel, selected) : NULL;
}

const SacMoment *
sac_search_panel_get_focused(SacSearchPanel *panel)
{
  GtkRoot *root = gtk_widget_get_root(GTK_WIDGET(panel));
  GtkWidget *focus = root ? gtk_root_get_focus(root) : NULL;
  return focus && gtk_widget_is_ancestor(focus, GTK_WIDGET(panel->list)) ? sac_search_panel_get_selected(panel) : NULL;
}

void
sac_search_panel_set_up(SacSearchPanel *panel, GSettings *settings, SacThumbnailer *thumbnailer)
{
  g_set_object(&panel->thumbnailer, thumbnailer);
  g_settings_bind(settings, "group-results", panel->group_button, "active", G_SETTINGS_BIND_DEFAULT);
}

static void
sac_search_panel_dispose(GObject *object)
{
  SacSearchPanel *panel = SAC_SEARCH_PANEL(object);
  g_clear_object(&panel->thumbnailer);
  g_clear_object(&panel->preview);
  g_clear_pointer(&panel->lines, g_ptr_array_unref);
  g_clear_pointer(&panel->results, sac_search_results_unref);
  g_clear_pointer(&panel->menu_moment, sac_moment_free);
  g_clear_pointer((GtkWidget **)&panel->menu, gtk_widget_unparent);
  g_clear_pointer((GtkWidget **)&panel->stack, gtk_widget_unparent);
  G_OBJECT_CLASS(sac_search_panel_parent_class)->dispose(object);
}

static void
sac_search_panel_class_init(SacSearchPanelClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->dispose = sac_search_panel_dispose;
  gtk_widget_class_set_template_from_resource(widget_class, "/org/saccade/Saccade/sac-search-panel.ui");
  gtk_widget_class_bind_template_child(widget_class, SacSearchPanel, stack);
  gtk_widget_class_bind_template_child(widget_class, SacSearchPanel, summary);
  gtk_widget_class_bind_template_child(widget_class, SacSearchPanel, notice);
  gtk_widget_class_bind_template_child(widget_class, SacSearchPanel, scroller);
  gtk_widget_class_bind_template_child(widget_class, SacSearchPanel, list);
  gtk_widget_class_bind_template_child(widget_class, SacSearchPanel, page);
  gtk_widget_class_bind_template_child(widget_class, SacSearchPanel, button);
  gtk_widget_class_bind_template_child(widget_class, SacSearchPanel, group_button);
  gtk_widget_class_bind_template_callback(widget_class, on_activate);
  gtk_widget_class_bind_template_callback(widget_class, on_group_toggled);
  gtk_widget_class_set_css_name(widget_class, "searchpanel");
  signals[CHOSEN] = g_signal_new("chosen", SAC_TYPE_SEARCH_PANEL, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                 2, SAC_TYPE_MOMENT, G_TYPE_BOOLEAN);
  signals[MORE_LIKE] = g_signal_new("more-like", SAC_TYPE_SEARCH_PANEL, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                    G_TYPE_NONE, 1, SAC_TYPE_MOMENT);
  signals[KEEP] = g_signal_new("keep", SAC_TYPE_SEARCH_PANEL, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                               SAC_TYPE_MOMENT);
}

static void
sac_search_panel_init(SacSearchPanel *panel)
{
  gtk_widget_init_template(GTK_WIDGET(panel));
  panel->preview = sac_preview_new();
  panel->lines = g_ptr_array_new();
  make_menu(panel);
  panel->store = g_list_store_new(SAC_TYPE_ITEM);
  panel->selection = gtk_single_selection_new(G_LIST_MODEL(panel->store));
  gtk_single_selection_set_autoselect(panel->selection, FALSE);
  gtk_single_selection_set_can_unselect(panel->selection, TRUE);
  gtk_single_selection_set_selected(panel->selection, GTK_INVALID_LIST_POSITION);
  g_signal_connect_swapped(panel->selection, "notify::selected", G_CALLBACK(on_selected), panel);
  gtk_list_view_set_model(panel->list, GTK_SELECTION_MODEL(panel->selection));
  g_object_unref(panel->selection); /* the list keeps it */

  g_autoptr(GtkListItemFactory) factory = gtk_signal_list_item_factory_new();
  g_signal_connect(factory, "setup", G_CALLBACK(on_setup), panel);
  g_signal_connect(factory, "bind", G_CALLBACK(on_bind), panel);
  gtk_list_view_set_factory(panel->list, factory);
}
