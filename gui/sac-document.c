/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-document.h"

#include "core/media/sac-probe.h"
#include "core/sac-error.h"

#define REFRESH_DELAY_MS 400

/* Edits of the span that follow each other so soon are one. */
#define ONE_EDIT_US (1500 * G_TIME_SPAN_MILLISECOND)

/* A moment before and after; NULL: it is not there. */
typedef struct {
  SacMoment *before, *after;
} Change;

/* One step of undoing, which is going the other way: moments, or the marked span. */
typedef struct {
  GPtrArray *changes; /* (element-type Change) */
  gint64 span_before[2], span_after[2];
  gint64 recorded_us; /* of a span: when; of moments 0 */
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

enum { CHANGED, FAILED, SPAN_RESTORED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacDocument, sac_document, G_TYPE_OBJECT)

static Change *
change_new(const SacMoment *before, const SacMoment *after)
{
  Change *change = g_new0(Change, 1);
  change->before = before ? sac_moment_copy(before) : NULL;
  change->after = after ? sac_moment_copy(after) : NULL;
  return change;
}

static void
change_free(gpointer data)
{
  Change *change = data;
  g_clear_pointer(&change->before, sac_moment_free);
  g_clear_pointer(&change->after, sac_moment_free);
  g_free(change);
}

static Edit *
edit_new(void)
{
  Edit *edit = g_new0(Edit, 1);
  edit->changes = g_ptr_array_new_with_free_func(change_free);
  return edit;
}

static void
edit_free(Edit *edit)
{
  g_ptr_array_unref(edit->changes);
  g_free(edit);
}

/* --- in the worker thread ------------------------------------------------------------------------------------------------ */

typedef enum { GO_FORWARD, GO_BACK, GO_NOWHERE } Direction;

typedef struct {
  SacLibrary *library;
  char *path;
  GPtrArray *changes; /* (element-type Change), the way that they go; NULL: only read */
  Edit *edit;         /* whose moments get their ids, when the step is new */
  Direction direction;

  SacVideo *video;
  GPtrArray *moments;
} Work;

static void
work_free(Work *work)
{
  g_object_unref(work->library);
  g_free(work->path);
  g_clear_pointer(&work->changes, g_ptr_array_unref);
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
make_change(Work *work, Change *change, GError **error)
{
  if (!change->after) {
    return sac_library_remove_moment(work->library, change->before->id, error);
  }
  if (change->before) {
    return sac_library_update_moment(work->library, change->after, error);
  }
  if (change->after->video_id == 0) {
    change->after->video_id = add_to_library(work, error);
    if (change->after->video_id == 0) {
      return FALSE;
    }
  }
  char *id = sac_library_add_moment(work->library, change->after, error);
  if (!id) {
    return FALSE;
  }
  g_free(change->after->id);
  change->after->id = id;
  return TRUE;
}

static gboolean
make_changes(Work *work, GError **error)
{
  for (guint i = 0; work->changes && i < work->changes->len; i++) {
    if (!make_change(work, g_ptr_array_index(work->changes, i), error)) {
      return FALSE;
    }
  }
  return TRUE;
}

static void
do_work(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  GError *error = NULL;
  if (!make_changes(work, &error)) {
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
add_edit(SacDocument *document, Edit *edit)
{
  g_ptr_array_set_size(document->edits, (gint)document->n_done);
  g_ptr_array_add(document->edits, edit);
  document->n_done++;
}

static void
record(SacDocument *document, Work *work)
{
  if (work->edit) {
    Edit *edit = g_steal_pointer(&work->edit);
    for (guint i = 0; i < edit->changes->len; i++) {
      Change *recorded = g_ptr_array_index(edit->changes, i);
      const Change *made = g_ptr_array_index(work->changes, i);
      if (recorded->after && !recorded->after->id) {
        recorded->after->id = g_strdup(made->after->id);
        recorded->after->video_id = made->after->video_id;
      }
    }
    add_edit(document, edit);
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
    document->video = g_steal_pointer(&work->video);
    /* Those who hold the old moments go on holding them. */
    g_ptr_array_unref(document->moments);
    document->moments = work->moments ? g_steal_pointer(&work->moments)
                                      : g_ptr_array_new_with_free_func((GDestroyNotify)sac_moment_free);
  }
  start_first(document);
  if (!done) {
    g_signal_emit(document, signals[FAILED], 0, error);
  }
  g_signal_emit(document, signals[CHANGED], 0);
}

/* changes: copied, the other way round when they go back; NULL: only read. edit: (transfer full) what is recorded when they are new. */
static void
queue(SacDocument *document, GPtrArray *changes, Direction direction, Edit *edit)
{
  if (!document->library) {
    g_clear_pointer(&edit, edit_free);
    return;
  }
  Work *work = g_new0(Work, 1);
  work->library = g_object_ref(document->library);
  work->path = g_strdup(document->path);
  work->direction = direction;
  work->edit = edit;
  if (changes) {
    work->changes = g_ptr_array_new_with_free_func(change_free);
  }
  for (guint i = 0; changes && i < changes->len; i++) {
    const Change *change = g_ptr_array_index(changes, i);
    gboolean is_back = direction == GO_BACK;
    g_ptr_array_add(work->changes,
                    change_new(is_back ? change->after : change->before, is_back ? change->before : change->after));
  }
  GTask *task = g_task_new(document, NULL, on_done, NULL);
  g_task_set_task_data(task, work, (GDestroyNotify)work_free);
  g_queue_push_tail(&document->waiting, task);
  if (g_queue_get_length(&document->waiting) == 1) {
    start_first(document);
  }
}

static void
queue_edit(SacDocument *document, Edit *edit)
{
  if (edit->changes->len > 0) {
    queue(document, edit->changes, GO_NOWHERE, edit);
  } else {
    edit_free(edit);
  }
}

static gboolean
refresh_now(gpointer data)
{
  SacDocument *document = data;
  document->refresh_source = 0;
  queue(document, NULL, GO_NOWHERE, NULL);
  return G_SOURCE_REMOVE;
}

void
sac_document_refresh(SacDocument *document)
{
  if (document->refresh_source == 0 && document->library) {
    document->refresh_source = g_timeout_add(REFRESH_DELAY_MS, refresh_now, document);
  }
}

static SacMoment *
make_tag(SacDocument *document, gint64 from_us, gint64 to_us, const char *label)
{
  SacMoment *tag = sac_moment_new();
  tag->video_id = document->video ? document->video->id : 0;
  tag->kind = g_strdup(SAC_KIND_TAG);
  tag->label = g_strdup(label);
  tag->source = g_strdup("user");
  tag->start_us = from_us;
  tag->end_us = to_us;
  tag->score = 1;
  return tag;
}

void
sac_document_add_tag(SacDocument *document, gint64 from_us, gint64 to_us, const char *label)
{
  g_autoptr(SacMoment) moment = sac_moment_new();
  g_autoptr(GPtrArray) one = g_ptr_array_new();
  moment->start_us = from_us;
  moment->end_us = to_us;
  moment->label = g_strdup(label);
  g_ptr_array_add(one, moment);
  sac_document_add_tags(document, one);
}

void
sac_document_add_tags(SacDocument *document, GPtrArray *moments)
{
  Edit *edit = edit_new();
  for (guint i = 0; i < moments->len; i++) {
    const SacMoment *moment = g_ptr_array_index(moments, i);
    g_autoptr(SacMoment) tag = make_tag(document, moment->start_us, moment->end_us, moment->label);
    g_ptr_array_add(edit->changes, change_new(NULL, tag));
  }
  queue_edit(document, edit);
}

void
sac_document_remove_moments(SacDocument *document, GPtrArray *moments)
{
  Edit *edit = edit_new();
  for (guint i = 0; i < moments->len; i++) {
    g_ptr_array_add(edit->changes, change_new(g_ptr_array_index(moments, i), NULL));
  }
  queue_edit(document, edit);
}

void
sac_document_change_tag(SacDocument *document, const SacMoment *tag, const SacMoment *changed)
{
  Edit *edit = edit_new();
  g_ptr_array_add(edit->changes, change_new(tag, changed));
  queue_edit(document, edit);
}

void
sac_document_record_span(SacDocument *document, gint64 from_before, gint64 to_before, gint64 from_us, gint64 to_us)
{
  gint64 now = g_get_monotonic_time();
  Edit *last = document->n_done > 0 ? g_ptr_array_index(document->edits, document->n_done - 1) : NULL;
  if (from_before == from_us && to_before == to_us) {
    return;
  }
  if (last && last->recorded_us > 0 && now - last->recorded_us < ONE_EDIT_US && last->span_after[0] == from_before &&
      last->span_after[1] == to_before) {
    g_ptr_array_set_size(document->edits, (gint)document->n_done);
  } else {
    last = edit_new();
    last->span_before[0] = from_before;
    last->span_before[1] = to_before;
    add_edit(document, last);
  }
  last->span_after[0] = from_us;
  last->span_after[1] = to_us;
  last->recorded_us = now;
  g_signal_emit(document, signals[CHANGED], 0);
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
  if (!sac_document_can_undo(document) || !g_queue_is_empty(&document->waiting)) {
    return;
  }
  Edit *edit = g_ptr_array_index(document->edits, document->n_done - 1);
  if (edit->recorded_us > 0) {
    edit->recorded_us = 1; /* what follows is another edit */
    document->n_done--;
    g_signal_emit(document, signals[SPAN_RESTORED], 0, edit->span_before[0], edit->span_before[1]);
  } else {
    queue(document, edit->changes, GO_BACK, NULL);
  }
}

void
sac_document_redo(SacDocument *document)
{
  if (!sac_document_can_redo(document) || !g_queue_is_empty(&document->waiting)) {
    return;
  }
  Edit *edit = g_ptr_array_index(document->edits, document->n_done);
  if (edit->recorded_us > 0) {
    document->n_done++;
    g_signal_emit(document, signals[SPAN_RESTORED], 0, edit->span_after[0], edit->span_after[1]);
  } else {
    queue(document, edit->changes, GO_FORWARD, NULL);
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
    queue(document, NULL, GO_NOWHERE, NULL);
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
  signals[SPAN_RESTORED] = g_signal_new("span-restored", SAC_TYPE_DOCUMENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 2, G_TYPE_INT64, G_TYPE_INT64);
}

static void
sac_document_init(SacDocument *document)
{
  document->moments = g_ptr_array_new_with_free_func((GDestroyNotify)sac_moment_free);
  document->edits = g_ptr_array_new_with_free_func((GDestroyNotify)edit_free);
  g_queue_init(&document->waiting);
}
