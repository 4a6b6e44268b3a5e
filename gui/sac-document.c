/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-document.h"

#include "core/media/sac-probe.h"
#include "core/sac-error.h"

#define REFRESH_DELAY_MS 400

/* What is there before and after; NULL: nothing. Undoing it is going the other way. */
typedef struct {
  SacMoment *before, *after;
} Edit;

struct _SacDocument {
  GObject parent_instance;
  SacLibrary *library;
  char *path;
  SacVideo *video;
  GPtrArray *moments;
  gboolean is_loaded;

  GPtrArray *edits; /* done, then undone */
  guint n_done;

  GQueue waiting; /* of GTask, the first of them running */
  guint refresh_source;
  gulong library_handler;
};

enum { CHANGED, FAILED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacDocument, sac_document, G_TYPE_OBJECT)

static void
edit_free(Edit *edit)
{
  g_clear_pointer(&edit->before, sac_moment_free);
  g_clear_pointer(&edit->after, sac_moment_free);
  g_free(edit);
}

/* --- in the worker thread ------------------------------------------------------------------------------------------------ */

typedef enum { GO_FORWARD, GO_BACK, GO_NOWHERE } Direction;

typedef struct {
  SacLibrary *library;
  char *path;
  SacMoment *from, *to; /* the step; both NULL: only read */
  Edit *edit;           /* whose after gets its id, when the step is new */
  Direction direction;
  gboolean is_new;

  SacVideo *video;
  GPtrArray *moments;
} Work;

static void
work_free(Work *work)
{
  g_object_unref(work->library);
  g_free(work->path);
  g_clear_pointer(&work->from, sac_moment_free);
  g_clear_pointer(&work->to, sac_moment_free);
  g_clear_pointer(&work->video, sac_video_free);
  g_clear_pointer(&work->moments, g_ptr_array_unref);
  g_clear_pointer(&work->edit, edit_free);
  g_free(work);
}

static gint64
add_to_library(Work *work, GError **error)
{
  g_autoptr(SacMediaInfo) media = sac_probe_file(work->path, error);
  if (!media) {
    return 0;
  }
  g_autoptr(SacVideo) video = sac_video_new();
  video->path = g_strdup(work->path);
  video->title = g_strdup(media->title);
  video->duration_us = MAX(media->duration_us, 0);
  video->width = media->width;
  video->height = media->height;
  video->frame_rate_num = media->frame_rate_num;
  video->frame_rate_den = media->frame_rate_den;
  video->has_audio = media->n_audio_tracks > 0;
  video->is_picture = media->is_picture;
  return sac_library_add_video(work->library, video, NULL, error);
}

static gboolean
take_step(Work *work, GError **error)
{
  if (!work->to) {
    return sac_library_remove_moment(work->library, work->from->id, error);
  }
  if (work->from) {
    return sac_library_update_moment(work->library, work->to, error);
  }
  if (work->to->video_id == 0) {
    work->to->video_id = add_to_library(work, error);
    if (work->to->video_id == 0) {
      return FALSE;
    }
  }
  char *id = sac_library_add_moment(work->library, work->to, error);
  if (!id) {
    return FALSE;
  }
  g_free(work->to->id);
  work->to->id = id;
  return TRUE;
}

static void
do_work(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  GError *error = NULL;
  if ((work->from || work->to) && !take_step(work, &error)) {
    g_task_return_error(task, error);
    return;
  }
  work->video = sac_library_find_video_by_path(work->library, work->path, &error);
  if (!work->video && !g_error_matches(error, SAC_ERROR, SAC_ERROR_NOT_FOUND)) {
    g_task_return_error(task, error);
    return;
  }
  g_clear_error(&error);
  if (work->video) {
    work->moments = sac_library_list_moments(work->library, work->video->id, NULL, &error);
    if (!work->moments) {
      g_task_return_error(task, error);
      return;
    }
  }
  g_task_return_boolean(task, TRUE);
}

/* --- on the main thread ---------------------------------------------------------------------------------------------------- */

static void
start_first(SacDocument *document)
{
  GTask *task = g_queue_peek_head(&document->waiting);
  if (task) {
    g_task_run_in_thread(task, do_work);
  }
}

static void
record(SacDocument *document, Work *work)
{
  if (work->is_new) {
    g_ptr_array_set_size(document->edits, (gint)document->n_done);
    Edit *edit = g_steal_pointer(&work->edit);
    if (edit->after && work->to && !edit->after->id) {
      edit->after->id = g_strdup(work->to->id);
      edit->after->video_id = work->to->video_id;
    }
    g_ptr_array_add(document->edits, edit);
    document->n_done++;
  } else if (work->direction == GO_BACK) {
    document->n_done--;
  } else if (work->direction == GO_FORWARD) {
    document->n_done++;
  }
}

static void
on_done(GObject *source, GAsyncResult *result, gpointer data)
{
  SacDocument *document = SAC_DOCUMENT(source);
  Work *work = g_task_get_task_data(G_TASK(result));
  g_autoptr(GError) error = NULL;
  gboolean done = g_task_propagate_boolean(G_TASK(result), &error);

  g_object_unref(g_queue_pop_head(&document->waiting));
  document->is_loaded = TRUE;
  if (done) {
    record(document, work);
    g_clear_pointer(&document->video, sac_video_free);
    g_ptr_array_set_size(document->moments, 0);
    document->video = g_steal_pointer(&work->video);
    if (work->moments) {
      g_ptr_array_unref(document->moments);
      document->moments = g_steal_pointer(&work->moments);
    }
  }
  start_first(document);
  if (!done) {
    g_signal_emit(document, signals[FAILED], 0, error);
  }
  g_signal_emit(document, signals[CHANGED], 0);
}

static void
queue(SacDocument *document, const SacMoment *from, const SacMoment *to, Direction direction, gboolean is_new)
{
  if (!document->library) {
    return;
  }
  Work *work = g_new0(Work, 1);
  work->library = g_object_ref(document->library);
  work->path = g_strdup(document->path);
  work->from = from ? sac_moment_copy(from) : NULL;
  work->to = to ? sac_moment_copy(to) : NULL;
  work->direction = direction;
  work->is_new = is_new;
  if (is_new) {
    work->edit = g_new0(Edit, 1);
    work->edit->before = from ? sac_moment_copy(from) : NULL;
    work->edit->after = to ? sac_moment_copy(to) : NULL;
  }
  GTask *task = g_task_new(document, NULL, on_done, NULL);
  g_task_set_task_data(task, work, (GDestroyNotify)work_free);
  g_queue_push_tail(&document->waiting, task);
  if (g_queue_get_length(&document->waiting) == 1) {
    start_first(document);
  }
}

static gboolean
refresh_now(gpointer data)
{
  SacDocument *document = data;
  document->refresh_source = 0;
  queue(document, NULL, NULL, GO_NOWHERE, FALSE);
  return G_SOURCE_REMOVE;
}

void
sac_document_refresh(SacDocument *document)
{
  if (document->refresh_source == 0 && document->library) {
    document->refresh_source = g_timeout_add(REFRESH_DELAY_MS, refresh_now, document);
  }
}

void
sac_document_add_tag(SacDocument *document, gint64 from_us, gint64 to_us, const char *label)
{
  g_autoptr(SacMoment) tag = sac_moment_new();
  tag->video_id = document->video ? document->video->id : 0;
  tag->kind = g_strdup(SAC_KIND_TAG);
  tag->label = g_strdup(label);
  tag->source = g_strdup("user");
  tag->start_us = from_us;
  tag->end_us = to_us;
  tag->score = 1;
  queue(document, NULL, tag, GO_NOWHERE, TRUE);
}

void
sac_document_remove_tag(SacDocument *document, const SacMoment *tag)
{
  queue(document, tag, NULL, GO_NOWHERE, TRUE);
}

void
sac_document_change_tag(SacDocument *document, const SacMoment *tag, const SacMoment *changed)
{
  queue(document, tag, changed, GO_NOWHERE, TRUE);
}

gboolean
sac_document_can_undo(SacDocument *document)
{
  return document->n_done > 0;
}

gboolean
sac_document_can_redo(SacDocument *document)
{
  return document->n_done < document->edits->len;
}

/* While a step is under way what comes before or after it is not known, so undo and redo wait for it to end. */
void
sac_document_undo(SacDocument *document)
{
  if (sac_document_can_undo(document) && g_queue_is_empty(&document->waiting)) {
    const Edit *edit = g_ptr_array_index(document->edits, document->n_done - 1);
    queue(document, edit->after, edit->before, GO_BACK, FALSE);
  }
}

void
sac_document_redo(SacDocument *document)
{
  if (sac_document_can_redo(document) && g_queue_is_empty(&document->waiting)) {
    const Edit *edit = g_ptr_array_index(document->edits, document->n_done);
    queue(document, edit->before, edit->after, GO_FORWARD, FALSE);
  }
}

const char *
sac_document_get_path(SacDocument *document)
{
  return document->path;
}

const SacVideo *
sac_document_get_video(SacDocument *document)
{
  return document->video;
}

gboolean
sac_document_is_loaded(SacDocument *document)
{
  return document->is_loaded;
}

GPtrArray *
sac_document_get_moments(SacDocument *document)
{
  return document->moments;
}

SacDocument *
sac_document_new(SacLibrary *library, const char *path)
{
  SacDocument *document = g_object_new(SAC_TYPE_DOCUMENT, NULL);
  document->path = g_strdup(path);
  if (library) {
    document->library = g_object_ref(library);
    document->library_handler =
        g_signal_connect_swapped(library, "changed", G_CALLBACK(sac_document_refresh), document);
    queue(document, NULL, NULL, GO_NOWHERE, FALSE);
  }
  return document;
}

static void
sac_document_dispose(GObject *object)
{
  SacDocument *document = SAC_DOCUMENT(object);
  g_clear_handle_id(&document->refresh_source, g_source_remove);
  if (document->library) {
    g_clear_signal_handler(&document->library_handler, document->library);
    g_clear_object(&document->library);
  }
  G_OBJECT_CLASS(sac_document_parent_class)->dispose(object);
}

static void
sac_document_finalize(GObject *object)
{
  SacDocument *document = SAC_DOCUMENT(object);
  g_free(document->path);
  g_clear_pointer(&document->video, sac_video_free);
  g_ptr_array_unref(document->moments);
  g_ptr_array_unref(document->edits);
  G_OBJECT_CLASS(sac_document_parent_class)->finalize(object);
}

static void
sac_document_class_init(SacDocumentClass *class)
{
  G_OBJECT_CLASS(class)->dispose = sac_document_dispose;
  G_OBJECT_CLASS(class)->finalize = sac_document_finalize;
  signals[CHANGED] = g_signal_new("changed", SAC_TYPE_DOCUMENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[FAILED] =
      g_signal_new("failed", SAC_TYPE_DOCUMENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
sac_document_init(SacDocument *document)
{
  document->moments = g_ptr_array_new_with_free_func((GDestroyNotify)sac_moment_free);
  document->edits = g_ptr_array_new_with_free_func((GDestroyNotify)edit_free);
  g_queue_init(&document->waiting);
}
