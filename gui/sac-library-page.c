/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-library-page.h"

#include <glib/gi18n.h>

#include "gui/sac-item.h"
#include "gui/sac-video-card.h"

#define RELOAD_DELAY_MS 300

struct _SacLibraryPage {
  GtkWidget parent_instance;
  GtkStack *stack;
  AdwStatusPage *error_page;
  GtkLabel *summary;
  GtkGridView *grid;
  GListStore *store;
  SacLibrary *library;
  SacThumbnailer *thumbnailer;
  gulong library_handler;
  guint reload_source;
  gboolean is_loading;
};

enum { OPEN, LOADED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacLibraryPage, sac_library_page, GTK_TYPE_WIDGET)

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

/* Rows that stay the same are left alone, so that a running job does not make the page flicker. */
static void
fill(SacLibraryPage *page, GPtrArray *videos)
{
  GListModel *model = G_LIST_MODEL(page->store);
  for (guint i = 0; i < videos->len; i++) {
    const SacVideo *video = g_ptr_array_index(videos, i);
    g_autoptr(SacItem) there = g_list_model_get_item(model, i);
    if (there && is_same(sac_item_get(there), video)) {
      continue;
    }
    g_autoptr(SacItem) item = sac_item_new(sac_video_copy(video), (GDestroyNotify)sac_video_free);
    gboolean replaces = there && ((SacVideo *)sac_item_get(there))->id == video->id;
    g_list_store_splice(page->store, i, replaces ? 1 : 0, (gpointer *)&item, 1);
  }
  guint n = g_list_model_get_n_items(model);
  if (n > videos->len) {
    g_list_store_splice(page->store, videos->len, n - videos->len, NULL, 0);
  }
}

static void
on_listed(GObject *source, GAsyncResult *result, gpointer data)
{
  SacLibraryPage *page = SAC_LIBRARY_PAGE(source);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) videos = g_task_propagate_pointer(G_TASK(result), &error);
  page->is_loading = FALSE;
  if (!page->stack) {
    return;
  }
  if (!videos) {
    sac_library_page_show_error(page, error);
    return;
  }
  fill(page, videos);
  g_autofree char *summary = g_strdup_printf(ngettext("%u video", "%u videos", videos->len), videos->len);
  gtk_label_set_text(page->summary, summary);
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
  g_autoptr(GTask) task = g_task_new(page, NULL, on_listed, NULL);
  g_task_set_task_data(task, g_object_ref(page->library), g_object_unref);
  g_task_run_in_thread(task, list_videos);
  return G_SOURCE_REMOVE;
}

static void
on_library_changed(SacLibraryPage *page)
{
  if (page->reload_source == 0) {
    page->reload_source = g_timeout_add(RELOAD_DELAY_MS, reload, page);
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
  gtk_stack_set_visible_child_name(page->stack, "loading");
  if (library) {
    page->library = g_object_ref(library);
    page->thumbnailer = g_object_ref(thumbnailer);
    page->library_handler = g_signal_connect_swapped(library, "changed", G_CALLBACK(on_library_changed), page);
    reload(page);
  }
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
  g_autoptr(SacItem) item = g_list_model_get_item(G_LIST_MODEL(page->store), position);
  if (item) {
    g_signal_emit(page, signals[OPEN], 0, ((SacVideo *)sac_item_get(item))->path);
  }
}

static void
on_setup(GtkSignalListItemFactory *factory, GtkListItem *item, SacLibraryPage *page)
{
  gtk_list_item_set_child(item, sac_video_card_new());
}

static void
on_bind(GtkSignalListItemFactory *factory, GtkListItem *item, SacLibraryPage *page)
{
  sac_video_card_show(SAC_VIDEO_CARD(gtk_list_item_get_child(item)), page->thumbnailer,
                      sac_item_get(gtk_list_item_get_item(item)));
}

static void
sac_library_page_dispose(GObject *object)
{
  SacLibraryPage *page = SAC_LIBRARY_PAGE(object);
  forget_library(page);
  g_clear_pointer((GtkWidget **)&page->stack, gtk_widget_unparent);
  g_clear_object(&page->store);
  G_OBJECT_CLASS(sac_library_page_parent_class)->dispose(object);
}

static void
sac_library_page_class_init(SacLibraryPageClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
  G_OBJECT_CLASS(class)->dispose = sac_library_page_dispose;
  gtk_widget_class_set_template_from_resource(widget_class, "/org/saccade/Saccade/sac-library-page.ui");
  gtk_widget_class_bind_template_child(widget_class, SacLibraryPage, stack);
  gtk_widget_class_bind_template_child(widget_class, SacLibraryPage, error_page);
  gtk_widget_class_bind_template_child(widget_class, SacLibraryPage, summary);
  gtk_widget_class_bind_template_child(widget_class, SacLibraryPage, grid);
  gtk_widget_class_bind_template_callback(widget_class, on_activate);
  signals[OPEN] = g_signal_new("open", SAC_TYPE_LIBRARY_PAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                               G_TYPE_STRING);
  signals[LOADED] = g_signal_new("loaded", SAC_TYPE_LIBRARY_PAGE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                                 1, G_TYPE_UINT);
}

static void
sac_library_page_init(SacLibraryPage *page)
{
  gtk_widget_init_template(GTK_WIDGET(page));
  page->store = g_list_store_new(SAC_TYPE_ITEM);
  g_autoptr(GtkNoSelection) selection = gtk_no_selection_new(g_object_ref(G_LIST_MODEL(page->store)));
  gtk_grid_view_set_model(page->grid, GTK_SELECTION_MODEL(selection));
  g_autoptr(GtkListItemFactory) factory = gtk_signal_list_item_factory_new();
  g_signal_connect(factory, "setup", G_CALLBACK(on_setup), page);
  g_signal_connect(factory, "bind", G_CALLBACK(on_bind), page);
  gtk_grid_view_set_factory(page->grid, factory);
}
