/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-library-page.h"

#include <glib/gi18n.h>

#include "gui/sac-item.h"
#include "gui/sac-tag-list.h"
#include "gui/sac-video-card.h"

#define RELOAD_DELAY_MS 300
/* Pictures of what is only scrolled past are not asked for. */
#define LOOK_DELAY_MS 60
/* More changes than these are one change of everything. */
#define FEW_CHANGES 24

struct _SacLibraryPage {
  GtkWidget parent_instance;
  GtkStack *stack, *views;
  AdwStatusPage *error_page;
  GtkLabel *summary, *missing_words;
  GtkWidget *missing_bar;
  GtkEditable *filter;
  GtkDropDown *state, *sort;
  GtkMenuButton *tags_button;
  GtkToggleButton *list_button;
  SacTagList *tags;
  GtkScrolledWindow *grid_scroller, *list_scroller;
  GtkGridView *grid;
  GtkListView *list;

  GListStore *store;
  GtkFilterListModel *filtered;
  GtkSortListModel *sorted;
  GtkNoSelection *selection;
  GtkCustomFilter *custom_filter;
  GtkCustomSorter *custom_sorter;
  char *words;        /* of the filter, folded */
  GHashTable *tagged; /* the videos of the chosen tag; NULL: no tag is chosen */
  GHashTable *hidden; /* those that are about to be forgotten */
  GHashTable *cards;  /* those that show something */
  guint look_source;

  SacLibrary *library;
  SacThumbnailer *thumbnailer;
  gulong library_handler;
  guint reload_source, n_videos;
  gint64 load_started_us, load_ms;
  gboolean is_loading;
};

/* What a line of the model is of. */
typedef struct {
  SacVideo *video;
  char *folded, *collated; /* its title: to look in, and to sort by */
} Entry;

enum { OPEN, LOADED, TOLD, FAILED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacLibraryPage, sac_library_page, GTK_TYPE_WIDGET)

static void
entry_free(Entry *entry)
{
  sac_video_free(entry->video);
  g_free(entry->folded);
  g_free(entry->collated);
  g_free(entry);
}

static SacItem *
make_entry(const SacVideo *video)
{
  Entry *entry = g_new0(Entry, 1);
  g_autofree char *words = g_strconcat(video->title, "\n", video->path, NULL);
  entry->video = sac_video_copy(video);
  entry->folded = g_utf8_casefold(words, -1);
  entry->collated = g_utf8_collate_key_for_filename(video->title, -1);
  return sac_item_new(entry, (GDestroyNotify)entry_free);
}

static const SacVideo *
video_of(gpointer item)
{
  return ((const Entry *)sac_item_get(item))->video;
}

/* --- which, and in which order ------------------------------------------------------------------------------------------------ */

enum { STATE_ALL, STATE_INDEXED, STATE_NOT_INDEXED, STATE_MISSING };

static gboolean
is_wanted(gpointer item, gpointer data)
{
  SacLibraryPage *page = data;
  const Entry *entry = sac_item_get(item);
  const SacVideo *video = entry->video;
  guint state = gtk_drop_down_get_selected(page->state);
  if (g_hash_table_contains(page->hidden, &video->id) ||
      (page->tagged && !g_hash_table_contains(page->tagged, &video->id))) {
    return FALSE;
  }
  if ((state == STATE_INDEXED && video->state != SAC_VIDEO_INDEXED) ||
      (state == STATE_NOT_INDEXED && video->state == SAC_VIDEO_INDEXED) ||
      (state == STATE_MISSING && !video->missing)) {
    return FALSE;
  }
  return !page->words || strstr(entry->folded, page->words);
}

enum { SORT_NEWEST, SORT_NAME, SORT_LENGTH, SORT_MOMENTS };

static int
compare(gconstpointer a, gconstpointer b, gpointer data)
{
  SacLibraryPage *page = data;
  const Entry *one = sac_item_get((SacItem *)a), *other = sac_item_get((SacItem *)b);
  gint64 difference = 0;
  switch (gtk_drop_down_get_selected(page->sort)) {
  case SORT_NAME:
    difference = strcmp(one->collated, other->collated);
    break;
  case SORT_LENGTH:
    difference = other->video->duration_us - one->video->duration_us;
    break;
  case SORT_MOMENTS:
    difference = other->video->n_moments - one->video->n_moments;
    break;
  default:
    break;
  }
  if (difference == 0) {
    difference = other->video->id - one->video->id;
  }
  return difference < 0 ? -1 : difference > 0;
}

static void
show_summary(SacLibraryPage *page)
{
  guint n_shown = g_list_model_get_n_items(G_LIST_MODEL(page->sorted));
  guint n = page->n_videos - g_hash_table_size(page->hidden);
  g_autofree char *all = g_strdup_printf(ngettext("%u video", "%u videos", n), n);
  g_autofree char *some = g_strdup_printf(_("%u of %s"), n_shown, all);
  const char *tag = sac_tag_list_get_chosen(page->tags);
  g_autofree char *tagged = tag ? g_strdup_printf("%s · %s", some, tag) : NULL;
  gboolean is_list = gtk_toggle_button_get_active(page->list_button);
  gtk_label_set_text(page->summary, tagged ? tagged : n_shown == n ? all : some);
  gtk_stack_set_visible_child_name(page->views, n_shown == 0 && n > 0 ? "none" : is_list ? "list" : "grid");
}

static void
filter_again(SacLibraryPage *page)
{
  gtk_filter_changed(GTK_FILTER(page->custom_filter), GTK_FILTER_CHANGE_DIFFERENT);
  show_summary(page);
}

static void
on_filter(SacLibraryPage *page)
{
  if (page->custom_filter) {
    g_autofree char *typed = g_strstrip(g_strdup(gtk_editable_get_text(page->filter)));
    g_clear_pointer(&page->words, g_free);
    page->words = *typed ? g_utf8_casefold(typed, -1) : NULL;
    filter_again(page);
  }
}

static void
on_sort(SacLibraryPage *page)
{
  if (page->custom_sorter) {
    gtk_sorter_changed(GTK_SORTER(page->custom_sorter), GTK_SORTER_CHANGE_DIFFERENT);
  }
}

/* The one that is not shown has no cards to keep up to date. */
static void
on_view(SacLibraryPage *page)
{
  gboolean is_list = gtk_toggle_button_get_active(page->list_button);
  if (page->selection) {
    gtk_grid_view_set_model(page->grid, is_list ? NULL : GTK_SELECTION_MODEL(page->selection));
    gtk_list_view_set_model(page->list, is_list ? GTK_SELECTION_MODEL(page->selection) : NULL);
    show_summary(page);
  }
}

void
sac_library_page_set_hidden(SacLibraryPage *page, gint64 video_id, gboolean is_hidden)
{
  if (is_hidden) {
    g_hash_table_add(page->hidden, g_memdup2(&video_id, sizeof video_id));
  } else {
    g_hash_table_remove(page->hidden, &video_id);
  }
  filter_again(page);
}

/* --- tags ---------------------------------------------------------------------------------------------------------------------- */

typedef struct {
  SacLibrary *library;
  char *name;
} TagQuestion;

static void
tag_question_free(TagQuestion *question)
{
  g_object_unref(question->library);
  g_free(question->name);
  g_free(question);
}

static void
list_tagged(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  TagQuestion *question = data;
  GError *error = NULL;
  GArray *videos = sac_library_list_tagged_videos(question->library, question->name, &error);
  if (videos) {
    g_task_return_pointer(task, videos, (GDestroyNotify)g_array_unref);
  } else {
    g_task_return_error(task, error);
  }
}

static void
on_tagged(GObject *source, GAsyncResult *result, gpointer data)
{
  SacLibraryPage *page = SAC_LIBRARY_PAGE(source);
  TagQuestion *question = g_task_get_task_data(G_TASK(result));
  g_autoptr(GArray) videos = g_task_propagate_pointer(G_TASK(result), NULL);
  if (!page->stack || !videos || g_strcmp0(question->name, sac_tag_list_get_chosen(page->tags)) != 0) {
    return;
  }
  g_clear_pointer(&page->tagged, g_hash_table_unref);
  page->tagged = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  for (guint i = 0; i < videos->len; i++) {
    g_hash_table_add(page->tagged, g_memdup2(&g_array_index(videos, gint64, i), sizeof(gint64)));
  }
  filter_again(page);
}

static void
ask_tagged(SacLibraryPage *page)
{
  const char *name = sac_tag_list_get_chosen(page->tags);
  if (name && page->library) {
    TagQuestion *question = g_new0(TagQuestion, 1);
    question->library = g_object_ref(page->library);
    question->name = g_strdup(name);
    g_autoptr(GTask) task = g_task_new(page, NULL, on_tagged, NULL);
    g_task_set_task_data(task, question, (GDestroyNotify)tag_question_free);
    g_task_run_in_thread(task, list_tagged);
  }
}

static void
on_tag_chosen(SacLibraryPage *page, const char *name)
{
  if (name) {
    gtk_widget_add_css_class(GTK_WIDGET(page->tags_button), "accent");
    ask_tagged(page);
  } else {
    gtk_widget_remove_css_class(GTK_WIDGET(page->tags_button), "accent");
    g_clear_pointer(&page->tagged, g_hash_table_unref);
    filter_again(page);
  }
}

static void
on_tags_shown(SacLibraryPage *page)
{
  gtk_widget_grab_focus(GTK_WIDGET(page->tags));
}

static void
on_tags_told(SacLibraryPage *page, const char *words)
{
  g_signal_emit(page, signals[TOLD], 0, words);
}

static void
on_tags_failed(SacLibraryPage *page, const GError *error)
{
  g_signal_emit(page, signals[FAILED], 0, error);
}

void
sac_library_page_undo_tags(SacLibraryPage *page)
{
  sac_tag_list_undo(page->tags);
}

static void
on_show_all(SacLibraryPage *page)
{
  sac_tag_list_set_library(page->tags, page->library);
  gtk_drop_down_set_selected(page->state, STATE_ALL);
  gtk_editable_set_text(page->filter, "");
  on_filter(page);
}

/* --- what there is --------------------------------------------------------------------------------------------------------------- */

static void
list_videos(GTask *task, gpointer source, gpointer library, GCancellable *cancellable)
{
  GError *error = NULL;
  GPtrArray *videos = sac_library_list_videos(library, &error);
  if (videos) {
    g_task_return_pointer(task, videos, (GDestroyNotify)g_ptr_array_unref);
  } else {
    g_task_return_error(task, error);
  }
}

static gboolean
is_same(const SacVideo *a, const SacVideo *b)
{
  return a->id == b->id && a->state == b->state && a->n_moments == b->n_moments && a->missing == b->missing &&
         a->duration_us == b->duration_us && g_strcmp0(a->path, b->path) == 0 && g_strcmp0(a->title, b->title) == 0;
}

static const SacVideo *
shown_at(SacLibraryPage *page, guint position)
{
  g_autoptr(SacItem) item = g_list_model_get_item(G_LIST_MODEL(page->store), position);
  return item ? video_of(item) : NULL;
}

/* Rows that stay the same are left alone, so that a running job does not make the page flicker. New videos come at the front, as the
 * library lists them. */
static void
fill(SacLibraryPage *page, GPtrArray *videos)
{
  guint n_old = g_list_model_get_n_items(G_LIST_MODEL(page->store)), n_changes = 0;
  guint n_new = videos->len > n_old ? videos->len - n_old : 0;
  g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_object_unref);
  for (guint i = n_new; i < videos->len; i++) {
    const SacVideo *old = shown_at(page, i - n_new);
    n_changes += !old || !is_same(old, g_ptr_array_index(videos, i));
  }
  if (videos->len < n_old || n_changes > FEW_CHANGES) {
    for (guint i = 0; i < videos->len; i++) {
      g_ptr_array_add(items, make_entry(g_ptr_array_index(videos, i)));
    }
    g_list_store_splice(page->store, 0, n_old, items->pdata, items->len);
    return;
  }
  for (guint i = n_new; i < videos->len && n_changes > 0; i++) {
    if (!is_same(shown_at(page, i - n_new), g_ptr_array_index(videos, i))) {
      g_autoptr(SacItem) item = make_entry(g_ptr_array_index(videos, i));
      g_list_store_splice(page->store, i - n_new, 1, (gpointer *)&item, 1);
    }
  }
  for (guint i = 0; i < n_new; i++) {
    g_ptr_array_add(items, make_entry(g_ptr_array_index(videos, i)));
  }
  g_list_store_splice(page->store, 0, 0, items->pdata, items->len);
}

/* Those that are forgotten by now need not be left out any more. */
static void
drop_forgotten(SacLibraryPage *page, GPtrArray *videos)
{
  g_autoptr(GHashTable) there = g_hash_table_new(g_int64_hash, g_int64_equal);
  GHashTableIter hidden;
  gpointer id;
  for (guint i = 0; i < videos->len; i++) {
    g_hash_table_add(there, &((SacVideo *)g_ptr_array_index(videos, i))->id);
  }
  g_hash_table_iter_init(&hidden, page->hidden);
  while (g_hash_table_iter_next(&hidden, &id, NULL)) {
    if (!g_hash_table_contains(there, id)) {
      g_hash_table_iter_remove(&hidden);
    }
  }
}

static void
show_missing(SacLibraryPage *page, GPtrArray *videos)
{
  guint n_missing = 0;
  for (guint i = 0; i < videos->len; i++) {
    n_missing += ((const SacVideo *)g_ptr_array_index(videos, i))->missing != FALSE;
  }
  g_autofree char *words = g_strdup_printf(
      ngettext("%u file is no longer where it was", "%u files are no longer where they were", n_missing), n_missing);
  gtk_label_set_text(page->missing_words, words);
  gtk_widget_set_visible(page->missing_bar, n_missing > 0);
}

static void
on_listed(GObject *source, GAsyncResult *result, gpointer data)
{
  SacLibraryPage *page = SAC_LIBRARY_PAGE(source);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) videos = g_task_propagate_pointer(G_TASK(result), &error);
  page->is_loading = FALSE;
  page->load_ms = (g_get_monotonic_time() - page->load_started_us) / 1000;
  if (!page->stack || g_task_get_task_data(G_TASK(result)) != page->library) {
    return;
  }
  if (!videos) {
    sac_library_page_show_error(page, error);
    return;
  }
  page->n_videos = videos->len;
  fill(page, videos);
  drop_forgotten(page, videos);
  show_missing(page, videos);
  show_summary(page);
  ask_tagged(page);
  gtk_stack_set_visible_child_name(page->stack, videos->len > 0 ? "videos" : "empty");
  g_signal_emit(page, signals[LOADED], 0, videos->len);
}

static gboolean
reload(gpointer data)
{
  SacLibraryPage *page = data;
  if (page->is_loading) {
    return G_SOURCE_CONTINUE;
  }
  page->reload_source = 0;
  page->is_loading = TRUE;
  page->load_started_us = g_get_monotonic_time();
  g_autoptr(GTask) task = g_task_new(page, NULL, on_listed, NULL);
  g_task_set_task_data(task, g_object_ref(page->library), g_object_unref);
  g_task_run_in_thread(task, list_videos);
  return G_SOURCE_REMOVE;
}

/* A large library takes longer to list: a running job, which changes it all the time, must not keep a processor at that. */
static void
on_library_changed(SacLibraryPage *page)
{
  if (page->reload_source == 0) {
    page->reload_source = g_timeout_add((guint)MAX(RELOAD_DELAY_MS, 6 * page->load_ms), reload, page);
  }
}

static void
forget_library(SacLibraryPage *page)
{
  g_clear_handle_id(&page->reload_source, g_source_remove);
  if (page->library) {
    g_clear_signal_handler(&page->library_handler, page->library);
  }
  g_clear_object(&page->library);
  g_clear_object(&page->thumbnailer);
}

void
sac_library_page_set_library(SacLibraryPage *page, SacLibrary *library, SacThumbnailer *thumbnailer)
{
  forget_library(page);
  g_list_store_remove_all(page->store);
  g_hash_table_remove_all(page->hidden);
  gtk_stack_set_visible_child_name(page->stack, "loading");
  sac_tag_list_set_library(page->tags, library);
  if (library) {
    page->library = g_object_ref(library);
    page->thumbnailer = g_object_ref(thumbnailer);
    page->library_handler = g_signal_connect_swapped(library, "changed", G_CALLBACK(on_library_changed), page);
    page->is_loading = FALSE;
    reload(page);
  }
}

void
sac_library_page_set_settings(SacLibraryPage *page, GSettings *settings)
{
  g_settings_bind(settings, "library-as-list", page->list_button, "active", G_SETTINGS_BIND_DEFAULT);
  g_settings_bind(settings, "library-order", page->sort, "selected", G_SETTINGS_BIND_DEFAULT);
}

void
sac_library_page_show_error(SacLibraryPage *page, const GError *error)
{
  g_autofree char *markup = g_markup_escape_text(error->message, -1);
  adw_status_page_set_description(page->error_page, markup);
  gtk_stack_set_visible_child_name(page->stack, "error");
}

static void
on_activate(SacLibraryPage *page, guint position)
{
  g_autoptr(SacItem) item = g_list_model_get_item(G_LIST_MODEL(page->sorted), position);
  if (item) {
    g_signal_emit(page, signals[OPEN], 0, video_of(item)->path);
  }
}

/* --- the cards ---------------------------------------------------------------------------------------------------------------- */

static gboolean
look_at_cards(gpointer data)
{
  SacLibraryPage *page = data;
  GHashTableIter cards;
  gpointer card;
  page->look_source = 0;
  g_hash_table_iter_init(&cards, page->cards);
  while (g_hash_table_iter_next(&cards, &card, NULL)) {
    GtkWidget *viewport = gtk_widget_get_ancestor(card, GTK_TYPE_SCROLLED_WINDOW);
    if (viewport) {
      sac_video_card_look(card, viewport);
    }
  }
  return G_SOURCE_REMOVE;
}

static void
look_soon(SacLibraryPage *page)
{
  if (page->look_source == 0) {
    page->look_source = g_timeout_add(LOOK_DELAY_MS, look_at_cards, page);
  }
}

static void
on_setup_card(GtkSignalListItemFactory *factory, GtkListItem *item, SacLibraryPage *page)
{
  gtk_list_item_set_child(item, sac_video_card_new(FALSE));
}

static void
on_setup_line(GtkSignalListItemFactory *factory, GtkListItem *item, SacLibraryPage *page)
{
  gtk_list_item_set_child(item, sac_video_card_new(TRUE));
}

static void
on_bind(GtkSignalListItemFactory *factory, GtkListItem *item, SacLibraryPage *page)
{
  GtkWidget *card = gtk_list_item_get_child(item);
  sac_video_card_show(SAC_VIDEO_CARD(card), page->thumbnailer, video_of(gtk_list_item_get_item(item)));
  g_hash_table_add(page->cards, card);
  look_soon(page);
}

static void
on_unbind(GtkSignalListItemFactory *factory, GtkListItem *item, SacLibraryPage *page)
{
  g_hash_table_remove(page->cards, gtk_list_item_get_child(item));
}

static GtkListItemFactory *
make_factory(SacLibraryPage *page, GCallback on_setup)
{
  GtkListItemFactory *factory = gtk_signal_list_item_factory_new();
  g_signal_connect(factory, "setup", on_setup, page);
  g_signal_connect(factory, "bind", G_CALLBACK(on_bind), page);
  g_signal_connect(factory, "unbind", G_CALLBACK(on_unbind), page);
  return factory;
}

static void
watch_scrolling(SacLibraryPage *page, GtkScrolledWindow *scroller)
{
  GtkAdjustment *adjustment = gtk_scrolled_window_get_vadjustment(scroller);
  g_signal_connect_object(adjustment, "value-changed", G_CALLBACK(look_soon), page, G_CONNECT_SWAPPED);
  g_signal_connect_object(adjustment, "changed", G_CALLBACK(look_soon), page, G_CONNECT_SWAPPED);
}

/* --- the object ----------------------------------------------------------------------------------------------------------------- */

static void
sac_library_page_dispose(GObject *object)
{
  SacLibraryPage *page = SAC_LIBRARY_PAGE(object);
  forget_library(page);
  g_clear_handle_id(&page->look_source, g_source_remove);
  g_clear_pointer((GtkWidget **)&page->stack, gtk_widget_unparent);
  g_clear_object(&page->selection);
  g_clear_object(&page->sorted);
  g_clear_object(&page->custom_filter);
  g_clear_object(&page->custom_sorter);
  g_clear_object(&page->store);
  g_clear_pointer(&page->words, g_free);
  g_clear_pointer(&page->tagged, g_hash_table_unref);
  G_OBJECT_CLASS(sac_library_page_parent_class)->dispose(object);
}

static void
sac_library_page_finalize(GObject *object)
{
  SacLibraryPage *page = SAC_LIBRARY_PAGE(object);
  g_hash_table_unref(page->cards);
  g_hash_table_unref(page->hidden);
  G_OBJECT_CLASS(sac_library_page_parent_class)->finalize(object);
}

static void
sac_library_page_class_init(SacLibraryPageClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->dispose = sac_library_page_dispose;
  G_OBJECT_CLASS(class)->finalize = sac_library_page_finalize;
  g_type_ensure(SAC_TYPE_TAG_LIST);
  gtk_widget_class_set_template_from_resource(widget_class, "/org/saccade/Saccade/sac-library-page.ui");
#define CHILD(name) gtk_widget_class_bind_template_child(widget_class, SacLibraryPage, name)
  CHILD(stack);
  CHILD(views);
  CHILD(error_page);
  CHILD(summary);
  CHILD(missing_words);
  CHILD(missing_bar);
  CHILD(filter);
  CHILD(state);
  CHILD(sort);
  CHILD(tags_button);
  CHILD(list_button);
  CHILD(tags);
  CHILD(grid_scroller);
  CHILD(list_scroller);
  CHILD(grid);
  CHILD(list);
#undef CHILD
  gtk_widget_class_bind_template_callback(widget_class, on_activate);
  gtk_widget_class_bind_template_callback(widget_class, on_filter);
  gtk_widget_class_bind_template_callback(widget_class, on_sort);
  gtk_widget_class_bind_template_callback(widget_class, on_view);
  gtk_widget_class_bind_template_callback(widget_class, on_show_all);
  gtk_widget_class_bind_template_callback(widget_class, on_tags_shown);
  gtk_widget_class_bind_template_callback(widget_class, on_tag_chosen);
  gtk_widget_class_bind_template_callback(widget_class, on_tags_told);
  gtk_widget_class_bind_template_callback(widget_class, on_tags_failed);
  signals[OPEN] = g_signal_new("open", SAC_TYPE_LIBRARY_PAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                               G_TYPE_STRING);
  signals[LOADED] = g_signal_new("loaded", SAC_TYPE_LIBRARY_PAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                 1, G_TYPE_UINT);
  signals[TOLD] = g_signal_new("told", SAC_TYPE_LIBRARY_PAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                               G_TYPE_STRING);
  signals[FAILED] = g_signal_new("failed", SAC_TYPE_LIBRARY_PAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                 1, G_TYPE_ERROR);
}

static void
sac_library_page_init(SacLibraryPage *page)
{
  page->cards = g_hash_table_new(NULL, NULL);
  page->hidden = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  gtk_widget_init_template(GTK_WIDGET(page));
  page->store = g_list_store_new(SAC_TYPE_ITEM);
  page->custom_filter = gtk_custom_filter_new(is_wanted, page, NULL);
  page->custom_sorter = gtk_custom_sorter_new(compare, page, NULL);
  page->filtered =
      gtk_filter_list_model_new(g_object_ref(G_LIST_MODEL(page->store)), g_object_ref(GTK_FILTER(page->custom_filter)));
  page->sorted = gtk_sort_list_model_new(G_LIST_MODEL(page->filtered), g_object_ref(GTK_SORTER(page->custom_sorter)));
  page->selection = gtk_no_selection_new(g_object_ref(G_LIST_MODEL(page->sorted)));
  g_autoptr(GtkListItemFactory) cards = make_factory(page, G_CALLBACK(on_setup_card));
  g_autoptr(GtkListItemFactory) lines = make_factory(page, G_CALLBACK(on_setup_line));
  gtk_grid_view_set_factory(page->grid, cards);
  gtk_list_view_set_factory(page->list, lines);
  on_view(page);
  watch_scrolling(page, page->grid_scroller);
  watch_scrolling(page, page->list_scroller);
}
