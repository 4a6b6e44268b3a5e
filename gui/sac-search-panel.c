/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-search-panel.h"

#include <glib/gi18n.h>

#include "gui/sac-item.h"
#include "gui/sac-result-row.h"

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
  GtkSingleSelection *selection;
  gboolean is_near, with_video, is_filling;
};

enum { CHOSEN, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacSearchPanel, sac_search_panel, GTK_TYPE_WIDGET)

static void
emit_chosen(SacSearchPanel *panel, guint position, gboolean play)
{
  g_autoptr(SacItem) item = g_list_model_get_item(G_LIST_MODEL(panel->store), position);
  if (item) {
    SacSearchResult *result = sac_item_get(item);
    g_signal_emit(panel, signals[CHOSEN], 0, result->moment, play);
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

static void
on_setup(GtkSignalListItemFactory *factory, GtkListItem *item, SacSearchPanel *panel)
{
  gtk_list_item_set_child(item, sac_result_row_new());
}

static void
on_bind(GtkSignalListItemFactory *factory, GtkListItem *item, SacSearchPanel *panel)
{
  SacSearchResult *result = sac_item_get(gtk_list_item_get_item(item));
  sac_result_row_show(SAC_RESULT_ROW(gtk_list_item_get_child(item)), panel->thumbnailer, result->moment,
                      result->snippet, panel->is_near, panel->with_video);
}

static gboolean
is_same(SacSearchPanel *panel, GPtrArray *results)
{
  guint n = g_list_model_get_n_items(G_LIST_MODEL(panel->store));
  if (n != results->len) {
    return FALSE;
  }
  for (guint i = 0; i < n; i++) {
    g_autoptr(SacItem) item = g_list_model_get_item(G_LIST_MODEL(panel->store), i);
    const SacMoment *old = ((SacSearchResult *)sac_item_get(item))->moment;
    const SacMoment *new = ((SacSearchResult *)g_ptr_array_index(results, i))->moment;
    if (g_strcmp0(old->id, new->id) != 0 || old->start_us != new->start_us || old->end_us != new->end_us ||
        old->score != new->score || g_strcmp0(old->label, new->label) != 0) {
      return FALSE;
    }
  }
  return TRUE;
}

/* The same list again, which is what a running job mostly brings, leaves rows, selection and scrolling alone. */
static void
fill(SacSearchPanel *panel, GPtrArray *results, gboolean is_near, gboolean with_video)
{
  if (panel->is_near == is_near && panel->with_video == with_video && is_same(panel, results)) {
    return;
  }
  g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_object_unref);
  for (guint i = 0; i < results->len; i++) {
    const SacSearchResult *result = g_ptr_array_index(results, i);
    SacSearchResult *copy = g_new0(SacSearchResult, 1);
    copy->moment = sac_moment_copy(result->moment);
    copy->rank = result->rank;
    copy->snippet = g_strdup(result->snippet);
    g_ptr_array_add(items, sac_item_new(copy, (GDestroyNotify)sac_search_result_free));
  }
  panel->is_near = is_near;
  panel->with_video = with_video;
  panel->is_filling = TRUE;
  g_list_store_splice(panel->store, 0, g_list_model_get_n_items(G_LIST_MODEL(panel->store)), items->pdata, items->len);
  gtk_single_selection_set_selected(panel->selection, GTK_INVALID_LIST_POSITION);
  gtk_adjustment_set_value(gtk_scrolled_window_get_vadjustment(panel->scroller), 0);
  panel->is_filling = FALSE;
}

void
sac_search_panel_show_results(SacSearchPanel *panel, SacSearchResults *results)
{
  g_autoptr(GHashTable) videos = g_hash_table_new(g_int64_hash, g_int64_equal);
  for (guint i = 0; i < results->results->len; i++) {
    g_hash_table_add(videos, &((SacSearchResult *)g_ptr_array_index(results->results, i))->moment->video_id);
  }
  guint n = results->results->len, n_videos = g_hash_table_size(videos);
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
  panel->is_filling = TRUE;
  g_list_store_remove_all(panel->store);
  panel->is_filling = FALSE;
  gtk_stack_set_visible_child_name(panel->stack, "page");
}

void
sac_search_panel_step(SacSearchPanel *panel, int direction)
{
  guint n = g_list_model_get_n_items(G_LIST_MODEL(panel->store));
  guint selected = gtk_single_selection_get_selected(panel->selection);
  if (n == 0) {
    return;
  }
  if (selected == GTK_INVALID_LIST_POSITION) {
    selected = direction > 0 ? 0 : n - 1;
  } else if (direction > 0 ? selected + 1 < n : selected > 0) {
    selected += (guint)direction;
  } else {
    return;
  }
  gtk_single_selection_set_selected(panel->selection, selected);
  gtk_widget_activate_action(GTK_WIDGET(panel->list), "list.scroll-to-item", "u", selected);
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

void
sac_search_panel_set_thumbnailer(SacSearchPanel *panel, SacThumbnailer *thumbnailer)
{
  g_set_object(&panel->thumbnailer, thumbnailer);
}

static void
sac_search_panel_dispose(GObject *object)
{
  SacSearchPanel *panel = SAC_SEARCH_PANEL(object);
  g_clear_object(&panel->thumbnailer);
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
  gtk_widget_class_bind_template_callback(widget_class, on_activate);
  gtk_widget_class_set_css_name(widget_class, "searchpanel");
  signals[CHOSEN] = g_signal_new("chosen", SAC_TYPE_SEARCH_PANEL, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                 2, SAC_TYPE_MOMENT, G_TYPE_BOOLEAN);
}

static void
sac_search_panel_init(SacSearchPanel *panel)
{
  gtk_widget_init_template(GTK_WIDGET(panel));
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
