/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gui/sac-searcher.h"

#include "core/sac-error.h"

#define LIMIT 60

struct _SacSearcher {
  GObject parent_instance;
  SacLibrary *library;
  SacEncoder *encoder;
  char *text, *kind, *image; /* text and image NULL: nothing is asked */
  gint64 image_time_us;
  gint64 video_id;
  gint64 asked_us;
  GCancellable *search, *curve; /* of what is under way; NULL: nothing is */
};

enum { RESULTS, CURVE, FAILED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacSearcher, sac_searcher, G_TYPE_OBJECT)

typedef struct {
  SacLibrary *library;
  SacEncoder *encoder;
  char *text, *kind, *image;
  gint64 image_time_us;
  gint64 video_id; /* of a curve */
} Question;

static void
question_free(Question *question)
{
  g_object_unref(question->library);
  g_clear_object(&question->encoder);
  g_free(question->text);
  g_free(question->kind);
  g_free(question->image);
  g_free(question);
}

static void
answer(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Question *question = data;
  GError *error = NULL;
  const char *kinds[] = { question->kind, NULL };
  SacSearchQuery query = { .text = question->text,
                           .kinds = question->kind ? kinds : NULL,
                           .image = question->image,
                           .image_time_us = question->image_time_us,
                           .limit = LIMIT };
  if (question->video_id == 0) {
    SacSearchResults *results = sac_search_run(question->library, question->encoder, &query, cancellable, &error);
    if (results) {
      g_task_return_pointer(task, results, (GDestroyNotify)sac_search_results_unref);
      return;
    }
  } else {
    SacMatchCurve *curve =
        sac_search_match_curve(question->library, question->encoder, &query, question->video_id, cancellable, &error);
    if (curve) {
      g_task_return_pointer(task, curve, (GDestroyNotify)sac_match_curve_free);
      return;
    }
  }
  g_task_return_error(task, error);
}

static void
ask(SacSearcher *searcher, gint64 video_id, GCancellable **cancellable, GAsyncReadyCallback callback)
{
  g_cancellable_cancel(*cancellable);
  g_clear_object(cancellable);
  *cancellable = g_cancellable_new();
  Question *question = g_new0(Question, 1);
  question->library = g_object_ref(searcher->library);
  question->encoder = searcher->encoder ? g_object_ref(searcher->encoder) : NULL;
  question->text = g_strdup(searcher->text);
  question->kind = g_strdup(searcher->kind);
  question->image = g_strdup(searcher->image);
  question->image_time_us = searcher->image_time_us;
  question->video_id = video_id;
  g_autoptr(GTask) task = g_task_new(searcher, *cancellable, callback, NULL);
  g_task_set_task_data(task, question, (GDestroyNotify)question_free);
  g_task_run_in_thread(task, answer);
}

static void
call_off(GCancellable **cancellable)
{
  g_cancellable_cancel(*cancellable);
  g_clear_object(cancellable);
}

static gboolean
is_asked(SacSearcher *searcher)
{
  return searcher->text || searcher->image;
}

static void
on_curve(GObject *source, GAsyncResult *result, gpointer data)
{
  SacSearcher *searcher = SAC_SEARCHER(source);
  g_autoptr(SacMatchCurve) curve = g_task_propagate_pointer(G_TASK(result), NULL);
  if (g_task_get_cancellable(G_TASK(result)) == searcher->curve) {
    g_clear_object(&searcher->curve);
    g_signal_emit(searcher, signals[CURVE], 0, curve);
  }
}

static void
ask_curve(SacSearcher *searcher)
{
  call_off(&searcher->curve);
  if (is_asked(searcher) && searcher->video_id != 0) {
    ask(searcher, searcher->video_id, &searcher->curve, on_curve);
  } else {
    g_signal_emit(searcher, signals[CURVE], 0, NULL);
  }
}

static void
on_results(GObject *source, GAsyncResult *result, gpointer data)
{
  SacSearcher *searcher = SAC_SEARCHER(source);
  g_autoptr(GError) error = NULL;
  g_autoptr(SacSearchResults) results = g_task_propagate_pointer(G_TASK(result), &error);
  if (g_task_get_cancellable(G_TASK(result)) != searcher->search) {
    return;
  }
  g_clear_object(&searcher->search);
  if (results) {
    g_signal_emit(searcher, signals[RESULTS], 0, results);
    ask_curve(searcher);
  } else if (!sac_error_is_cancelled(error)) {
    g_signal_emit(searcher, signals[CURVE], 0, NULL);
    g_signal_emit(searcher, signals[FAILED], 0, error);
  }
}

static void
ask_results(SacSearcher *searcher)
{
  searcher->asked_us = g_get_monotonic_time();
  ask(searcher, 0, &searcher->search, on_results);
}

void
sac_searcher_ask(SacSearcher *searcher, const char *text, const char *kind, const char *image, gint64 image_time_us)
{
  g_autofree char *words = g_strstrip(g_strdup(text));
  g_free(searcher->text);
  g_free(searcher->kind);
  g_free(searcher->image);
  searcher->text = *words ? g_steal_pointer(&words) : NULL;
  searcher->kind = g_strdup(kind);
  searcher->image = g_strdup(image);
  searcher->image_time_us = image_time_us;
  if (is_asked(searcher)) {
    call_off(&searcher->curve);
    ask_results(searcher);
  } else {
    call_off(&searcher->search);
    g_signal_emit(searcher, signals[RESULTS], 0, NULL);
    ask_curve(searcher);
  }
}

void
sac_searcher_ask_again(SacSearcher *searcher)
{
  if (is_asked(searcher) && !searcher->search) {
    ask_results(searcher);
  }
}

void
sac_searcher_set_video(SacSearcher *searcher, gint64 video_id)
{
  if (video_id != searcher->video_id) {
    searcher->video_id = video_id;
    if (!searcher->search) {
      ask_curve(searcher);
    }
  }
}

gboolean
sac_searcher_is_busy(SacSearcher *searcher)
{
  return searcher->search != NULL;
}

gint64
sac_searcher_get_asked_time(SacSearcher *searcher)
{
  return searcher->asked_us;
}

SacSearcher *
sac_searcher_new(SacLibrary *library, SacEncoder *encoder)
{
  SacSearcher *searcher = g_object_new(SAC_TYPE_SEARCHER, NULL);
  searcher->library = g_object_ref(library);
  searcher->encoder = encoder ? g_object_ref(encoder) : NULL;
  return searcher;
}

static void
sac_searcher_dispose(GObject *object)
{
  SacSearcher *searcher = SAC_SEARCHER(object);
  call_off(&searcher->search);
  call_off(&searcher->curve);
  g_clear_object(&searcher->library);
  g_clear_object(&searcher->encoder);
  g_clear_pointer(&searcher->text, g_free);
  g_clear_pointer(&searcher->kind, g_free);
  g_clear_pointer(&searcher->image, g_free);
  G_OBJECT_CLASS(sac_searcher_parent_class)->dispose(object);
}

static void
sac_searcher_class_init(SacSearcherClass *class)
{
  G_OBJECT_CLASS(class)->dispose = sac_searcher_dispose;
  signals[RESULTS] = g_signal_new("results", SAC_TYPE_SEARCHER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                  SAC_TYPE_SEARCH_RESULTS);
  signals[CURVE] =
      g_signal_new("curve", SAC_TYPE_SEARCHER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
  signals[FAILED] =
      g_signal_new("failed", SAC_TYPE_SEARCHER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
sac_searcher_init(SacSearcher *searcher)
{
}
