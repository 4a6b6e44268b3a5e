/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/search/sac-search.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "core/media/sac-frame-reader.h"
#include "core/sac-error.h"
#include "core/search/sac-query.h"
#include "core/search/sac-scan.h"
#include "core/search/sac-spans.h"

#define DEFAULT_LIMIT 24
/* Of the moments that full text finds, how many are scored. */
#define TEXT_CANDIDATES 1000

struct _SacSearchResultsPrivate {
  SacSearchResults public;
  gatomicrefcount references;
};

/* A span that a model saw. There are thousands, of which a few become results. */
struct seen {
  const SacVideo *video;
  const char *model; /* interned */
  SacSpan span;
};

/* One search on its way. */
struct search {
  SacLibrary *library;
  SacEncoder *encoder;
  const SacSearchQuery *asked;
  SacQuery *query;
  GCancellable *cancellable;
  GHashTable *videos; /* id → SacVideo: those that are searched */
  char **kinds;       /* NULL: all */
  GArray *seen;       /* of struct seen */
  GPtrArray *found;   /* of SacSearchResult with words, rank not yet set */
  SacSearchResults *results;
};

G_DEFINE_BOXED_TYPE(SacSearchResults, sac_search_results, sac_search_results_ref, sac_search_results_unref)

void
sac_search_result_free(SacSearchResult *result)
{
  if (result == NULL)
    return;
  sac_moment_free(result->moment);
  g_free(result->snippet);
  g_free(result);
}

SacSearchResults *
sac_search_results_ref(SacSearchResults *results)
{
  g_atomic_ref_count_inc(&((struct _SacSearchResultsPrivate *)results)->references);
  return results;
}

void
sac_search_results_unref(SacSearchResults *results)
{
  if (results == NULL || !g_atomic_ref_count_dec(&((struct _SacSearchResultsPrivate *)results)->references))
    return;
  g_free(results->query);
  g_free(results->notice);
  g_ptr_array_unref(results->results);
  g_free(results);
}

static SacSearchResults *
results_new(const char *query)
{
  struct _SacSearchResultsPrivate *results = g_new0(struct _SacSearchResultsPrivate, 1);
  g_atomic_ref_count_init(&results->references);
  results->public.query = g_strdup(query);
  results->public.results = g_ptr_array_new_with_free_func((GDestroyNotify)sac_search_result_free);
  return &results->public;
}

void
sac_match_curve_free(SacMatchCurve *curve)
{
  if (curve == NULL)
    return;
  g_free(curve->times_us);
  g_free(curve->scores);
  g_free(curve);
}

/* The scanner keeps its copies of the vectors as long as the library is open. */
static SacScanner *
scanner_of(SacLibrary *library)
{
  static GMutex lock;
  g_mutex_lock(&lock);
  SacScanner *scanner = g_object_get_data(G_OBJECT(library), "sac-scanner");
  if (scanner == NULL) {
    scanner = sac_scanner_new(0);
    g_object_set_data_full(G_OBJECT(library), "sac-scanner", scanner, (GDestroyNotify)sac_scanner_free);
  }
  g_mutex_unlock(&lock);
  return scanner;
}

/*
 * The scores of the last few questions: the curve of the open video asks what the list of moments asked an instant before.
 * They are of a snapshot, so they are known by its generation and count too.
 */
#define KEPT_SCORES 4

struct scores {
  char *question;
  guint64 generation;
  gsize count;
  float *values;
};

struct kept_scores {
  GMutex lock;
  GQueue newest_first; /* of struct scores */
};

static void
scores_free(struct scores *scores)
{
  g_free(scores->question);
  g_free(scores->values);
  g_free(scores);
}

static void
kept_scores_free(gpointer data)
{
  struct kept_scores *kept = data;
  g_queue_clear_full(&kept->newest_first, (GDestroyNotify)scores_free);
  g_mutex_clear(&kept->lock);
  g_free(kept);
}

static struct kept_scores *
kept_scores_of(SacLibrary *library)
{
  static GMutex lock;
  g_mutex_lock(&lock);
  struct kept_scores *kept = g_object_get_data(G_OBJECT(library), "sac-scores");
  if (kept == NULL) {
    kept = g_new0(struct kept_scores, 1);
    g_mutex_init(&kept->lock);
    g_queue_init(&kept->newest_first);
    g_object_set_data_full(G_OBJECT(library), "sac-scores", kept, kept_scores_free);
  }
  g_mutex_unlock(&lock);
  return kept;
}

static gboolean
look_up_scores(SacLibrary *library, const SacVectors *vectors, const char *question, float *out)
{
  struct kept_scores *kept = kept_scores_of(library);
  gboolean found = FALSE;
  g_mutex_lock(&kept->lock);
  for (GList *link = kept->newest_first.head; link != NULL && !found; link = link->next) {
    const struct scores *scores = link->data;
    found = scores->generation == vectors->generation && scores->count == vectors->count &&
            strcmp(scores->question, question) == 0;
    if (found)
      memcpy(out, scores->values, scores->count * sizeof *out);
  }
  g_mutex_unlock(&kept->lock);
  return found;
}

static void
keep_scores(SacLibrary *library, const SacVectors *vectors, const char *question, const float *values)
{
  struct kept_scores *kept = kept_scores_of(library);
  struct scores *scores = g_new(struct scores, 1);
  *scores = (struct scores){ g_strdup(question), vectors->generation, vectors->count,
                             g_memdup2(values, vectors->count * sizeof *values) };
  g_mutex_lock(&kept->lock);
  g_queue_push_head(&kept->newest_first, scores);
  while (g_queue_get_length(&kept->newest_first) > KEPT_SCORES)
    scores_free(g_queue_pop_tail(&kept->newest_first));
  g_mutex_unlock(&kept->lock);
}

/* --- pictures --------------------------------------------------------------------------------------------------------------- */

static gboolean
embed_image(struct search *search, const char *model, float **vector, gsize *dimensions, GError **error)
{
  SacModelInfo info;
  if (!sac_encoder_get_model_info(search->encoder, model, &info, error))
    return FALSE;
  g_autoptr(SacFrame) frame = sac_frame_at(search->asked->image, search->asked->image_time_us, info.input_side,
                                           SAC_FRAME_RGB24, search->cancellable, error);
  if (frame == NULL)
    return FALSE;
  *dimensions = info.dimensions;
  *vector = g_new(float, info.dimensions);
  return sac_encoder_embed_picture(search->encoder, model, frame, *vector, search->cancellable, error);
}

/* The calibrated score of a cosine. What would pass 0.9 nears 1 without reaching it, so that of two very good frames the better one still
 * comes first; below, it is the plain ratio. */
static float
calibrated_score(float cosine, const SacCalibration *calibration)
{
  float score = (cosine - calibration->floor) / MAX(calibration->ceiling - calibration->floor, 1e-6f);
  return score <= 0.9f ? MAX(score, 0.0f) : 1.0f - 0.1f * expf((0.9f - score) / 0.1f);
}

/* scores [vectors->count] in 0…1 for words, or for the picture when text is NULL. */
static gboolean
score_rows(struct search *search, SacVectors *vectors, const char *text, float *scores, GError **error)
{
  g_autofree float *vector = NULL;
  gsize dimensions = 0;
  SacCalibration calibration = { 0, 1 };
  gboolean good = text != NULL ? sac_encoder_embed_query(search->encoder, vectors->model, text, &vector, &dimensions,
                                                         &calibration, search->cancellable, error)
                               : embed_image(search, vectors->model, &vector, &dimensions, error);
  if (!good)
    return FALSE;
  if (dimensions != vectors->dimensions) {
    g_set_error(
        error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
        _("The model “%s” gives vectors of %zu dimensions, the library's have %zu: index again with the model that is installed"),
        vectors->model, dimensions, vectors->dimensions);
    return FALSE;
  }
  gint64 start = g_get_monotonic_time();
  sac_scanner_cosines(scanner_of(search->library), vectors, vector, SAC_SCAN_AUTOMATIC, scores, NULL);
  if (search->results != NULL)
    search->results->scan_seconds += (double)(g_get_monotonic_time() - start) / 1e6;

  if (text == NULL) {
    /* For a picture there is no calibration: what the library's pictures have in common with it is nothing, itself is all. */
    double sum = 0;
    for (gsize i = 0; i < vectors->count; i++)
      sum += scores[i];
    calibration.floor = MIN(0.9f, (float)(sum / (double)MAX(1, vectors->count)));
  }
  for (gsize i = 0; i < vectors->count; i++)
    scores[i] = calibrated_score(scores[i], &calibration);
  return TRUE;
}

/* A sample that fits what was left out better than what was asked for, and fits it well, is not wanted. */
static gboolean
leave_out(struct search *search, SacVectors *vectors, float *scores, GError **error)
{
  g_autofree float *unwanted = NULL;
  for (char **text = search->query->excluded; *text != NULL; text++) {
    if (unwanted == NULL)
      unwanted = g_new(float, vectors->count);
    if (!score_rows(search, vectors, *text, unwanted, error))
      return FALSE;
    for (gsize i = 0; i < vectors->count; i++)
      if (unwanted[i] >= SAC_SEARCH_GOOD_SCORE && unwanted[i] > scores[i])
        scores[i] = 0;
  }
  return TRUE;
}

static gboolean
score_snapshot(struct search *search, SacVectors *vectors, float *scores, GError **error)
{
  const SacSearchQuery *asked = search->asked;
  const char *text = asked->image != NULL ? NULL : search->query->words;
  g_autofree char *excluded = g_strjoinv("\n-", search->query->excluded);
  /* What is in a picture's file may change under its name. */
  GStatBuf about = { 0 };
  if (text == NULL)
    g_stat(asked->image, &about);
  g_autofree char *question = text != NULL
                                  ? g_strdup_printf("%s\n%s\n-%s", vectors->model, text, excluded)
                                  : g_strdup_printf("%s\n%s\n%" G_GINT64_FORMAT " %" G_GINT64_FORMAT ".%09ld\n-%s",
                                                    vectors->model, asked->image, asked->image_time_us,
                                                    (gint64)about.st_mtim.tv_sec, about.st_mtim.tv_nsec, excluded);
  if (look_up_scores(search->library, vectors, question, scores))
    return TRUE;
  if (!score_rows(search, vectors, text, scores, error) || !leave_out(search, vectors, scores, error))
    return FALSE;
  keep_scores(search->library, vectors, question, scores);
  return TRUE;
}

static SacSearchResult *
visual_result(const struct seen *seen)
{
  const SacVideo *video = seen->video;
  SacMoment *moment = sac_moment_new();
  moment->id =
      g_strdup_printf("visual:%s:%.12s:%" G_GINT64_FORMAT, seen->model, video->fingerprint, seen->span.start_us);
  moment->video_id = video->id;
  moment->fingerprint = g_strdup(video->fingerprint);
  moment->path = g_strdup(video->path);
  moment->kind = g_strdup(SAC_KIND_VISUAL);
  moment->start_us = seen->span.start_us;
  moment->end_us = seen->span.end_us;
  moment->score = seen->span.score;
  moment->model = g_strdup(seen->model);
  moment->source = g_strdup("visual");
  SacSearchResult *result = g_new0(SacSearchResult, 1);
  result->moment = moment;
  return result;
}

struct sample {
  gint64 time;
  float score;
};

static int
compare_samples(gconstpointer a, gconstpointer b)
{
  const struct sample *one = a, *other = b;
  return one->time < other->time ? -1 : one->time > other->time;
}

/* The samples of the runs first … last - 1, all of one video, in the order of time. */
static GArray *
curve_of_runs(const SacVectors *vectors, const float *scores, gsize first, gsize last)
{
  GArray *samples = g_array_new(FALSE, FALSE, sizeof(struct sample));
  gboolean in_order = TRUE;
  for (gsize r = first; r < last; r++)
    for (gsize row = vectors->runs[r].first; row < vectors->runs[r].first + vectors->runs[r].count; row++) {
      struct sample sample = { vectors->times[row], scores[row] };
      in_order = in_order &&
                 (samples->len == 0 || g_array_index(samples, struct sample, samples->len - 1).time <= sample.time);
      g_array_append_val(samples, sample);
    }
  if (!in_order)
    g_array_sort(samples, compare_samples);
  return samples;
}

static void
split_curve(const GArray *samples, gint64 **times, float **scores)
{
  *times = g_new(gint64, samples->len);
  *scores = g_new(float, samples->len);
  for (guint i = 0; i < samples->len; i++) {
    const struct sample *sample = &g_array_index(samples, struct sample, i);
    (*times)[i] = sample->time;
    (*scores)[i] = sample->score;
  }
}

static void
find_in_video(struct search *search, const SacVectors *vectors, const float *scores, gsize first, gsize last,
              const SacDistribution *distribution)
{
  const SacVideo *video = g_hash_table_lookup(search->videos, &vectors->runs[first].video_id);
  if (video == NULL)
    return;
  g_autoptr(GArray) samples = curve_of_runs(vectors, scores, first, last);
  g_autofree gint64 *times = NULL;
  g_autofree float *raw = NULL;
  g_autofree float *smoothed = g_new(float, samples->len);
  gint64 interval = vectors->runs[first].interval_us;
  split_curve(samples, &times, &raw);
  sac_spans_smooth(times, raw, samples->len, interval, smoothed);
  g_autoptr(GArray) spans = g_array_new(FALSE, FALSE, sizeof(SacSpan));
  sac_spans_find(times, raw, smoothed, samples->len, video->is_picture ? 0 : interval, video->duration_us, distribution,
                 spans);
  const char *model = g_intern_string(vectors->model);
  for (guint i = 0; i < spans->len; i++) {
    struct seen seen = { video, model, g_array_index(spans, SacSpan, i) };
    g_array_append_val(search->seen, seen);
  }
}

static gboolean
search_model(struct search *search, const char *model, GError **error)
{
  g_autoptr(SacVectors) vectors = sac_library_get_vectors(search->library, model, error);
  if (vectors == NULL)
    return FALSE;
  if (vectors->count == 0)
    return TRUE;
  g_autofree float *scores = g_new(float, vectors->count);
  if (!score_snapshot(search, vectors, scores, error))
    return FALSE;
  search->results->n_samples += vectors->count;
  SacDistribution distribution = sac_distribution(scores, vectors->video_ids, vectors->count);
  for (gsize first = 0, last; first < vectors->n_runs; first = last) {
    for (last = first + 1; last < vectors->n_runs && vectors->runs[last].video_id == vectors->runs[first].video_id;
         last++)
      ;
    if (sac_cancelled(search->cancellable, error))
      return FALSE;
    find_in_video(search, vectors, scores, first, last, &distribution);
  }
  return TRUE;
}

static gboolean
search_pictures(struct search *search, GError **error)
{
  g_auto(GStrv) models = NULL;
  if (search->asked->model != NULL) {
    models = g_strdupv((char *[]){ (char *)search->asked->model, NULL });
  } else if ((models = sac_library_list_models(search->library, error)) == NULL) {
    return FALSE;
  }
  if (models[0] == NULL)
    return TRUE;
  if (search->encoder == NULL) {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_DEVICE, _("Pictures are not searched here"));
    return FALSE;
  }
  /* One model that is no longer installed does not stop the others. */
  g_autoptr(GError) first = NULL;
  guint n_searched = 0;
  for (char **model = models; *model != NULL; model++) {
    g_autoptr(GError) failure = NULL;
    if (search_model(search, *model, &failure)) {
      n_searched++;
    } else if (sac_error_is_cancelled(failure)) {
      g_propagate_error(error, g_steal_pointer(&failure));
      return FALSE;
    } else if (first == NULL) {
      first = g_steal_pointer(&failure);
    }
  }
  if (n_searched > 0 || first == NULL)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&first));
  return FALSE;
}

/* --- words ------------------------------------------------------------------------------------------------------------------ */

/* Lower case without marks, words apart by one space and with one at either end, so that a word is found as " word". */
static char *
fold(const char *text)
{
  g_autofree char *normal = g_utf8_normalize(text, -1, G_NORMALIZE_ALL);
  g_autofree char *lower = g_utf8_strdown(normal != NULL ? normal : "", -1);
  GString *folded = g_string_new(" ");
  for (const char *at = lower; *at != '\0'; at = g_utf8_next_char(at)) {
    gunichar c = g_utf8_get_char(at);
    if (g_unichar_ismark(c))
      continue;
    if (g_unichar_isalnum(c))
      g_string_append_unichar(folded, c);
    else if (folded->str[folded->len - 1] != ' ')
      g_string_append_c(folded, ' ');
  }
  if (folded->str[folded->len - 1] != ' ')
    g_string_append_c(folded, ' ');
  return g_string_free(folded, FALSE);
}

/* Words that are in every sentence say nothing about which one is meant. */
static gboolean
is_common_word(const char *word)
{
  static const char *const common[] = { "a",  "an", "the", "of",  "in",   "on",   "at", "to",  "and", "or",
                                        "is", "it", "its", "are", "with", "from", "by", "for", "as",  NULL };
  return g_strv_contains(common, word);
}

/* The query's words' share that the text has (a word counts when the text has one that begins as it does, up to two letters from its
 * end, as the full text's stemming does), 1 only for a text that is nothing else. */
static double
score_words(const char *folded_query, const char *text)
{
  g_autofree char *folded = fold(text);
  g_auto(GStrv) words = g_strsplit(folded_query, " ", -1);
  guint n_words = 0, n_found = 0, n_all = 0, n_text = 0;
  for (char **word = words; *word != NULL; word++) {
    if (**word == '\0')
      continue;
    n_all++;
    if (is_common_word(*word))
      continue;
    n_words++;
    glong letters = g_utf8_strlen(*word, -1);
    g_autofree char *stem = g_utf8_substring(*word, 0, letters > 5 ? letters - 2 : letters > 3 ? letters - 1 : letters);
    g_autofree char *needle = g_strconcat(" ", stem, NULL);
    n_found += strstr(folded, needle) != NULL;
  }
  for (const char *at = folded + 1; *at != '\0'; at++)
    n_text += *at == ' ';
  if (n_words == 0)
    return strstr(folded, folded_query) != NULL ? 0.8 : 0.3;
  double share = (double)n_found / n_words;
  if (n_found < n_words)
    return 0.6 * share;
  return 0.85 + 0.15 * MIN(1.0, (double)n_all / MAX(1, n_text));
}

static char *
mark_words(const char *folded_query, const char *text)
{
  g_auto(GStrv) words = g_strsplit(folded_query, " ", -1);
  GString *marked = g_string_new(NULL);
  for (const char *at = text; *at != '\0';) {
    const char *end = at;
    while (*end != '\0' && g_unichar_isalnum(g_utf8_get_char(end)))
      end = g_utf8_next_char(end);
    if (end == at) {
      end = g_utf8_next_char(at);
      g_string_append_len(marked, at, end - at);
      at = end;
      continue;
    }
    g_autofree char *word = g_strndup(at, end - at);
    g_autofree char *folded = fold(word);
    gboolean matches = FALSE;
    for (char **asked = words; *asked != NULL && !matches; asked++) {
      glong letters = g_utf8_strlen(*asked, -1);
      if (letters == 0 || is_common_word(*asked))
        continue;
      g_autofree char *stem = g_utf8_substring(*asked, 0,
                                               letters > 5   ? letters - 2
                                               : letters > 3 ? letters - 1
                                                             : letters);
      matches = g_str_has_prefix(folded + 1, stem);
    }
    g_string_append_printf(marked, matches ? "\u2068%s\u2069" : "%s", word);
    at = end;
  }
  return g_string_free(marked, FALSE);
}

static gboolean
search_words(struct search *search, GError **error)
{
  g_autofree char *expression = sac_query_to_full_text(search->query);
  if (expression == NULL)
    return TRUE;
  g_autoptr(GPtrArray) moments = sac_library_match_text(search->library, expression, search->asked->video_id,
                                                        (const char *const *)search->kinds, TEXT_CANDIDATES, error);
  if (moments == NULL)
    return FALSE;
  g_autofree char *folded_query = fold(search->query->words);
  for (guint i = 0; i < moments->len; i++) {
    const SacMoment *moment = moments->pdata[i];
    if (!g_hash_table_contains(search->videos, &moment->video_id))
      continue;
    g_autofree char *words =
        g_strjoin(" ", moment->label != NULL ? moment->label : "", moment->text != NULL ? moment->text : "", NULL);
    SacSearchResult *result = g_new0(SacSearchResult, 1);
    result->moment = sac_moment_copy(moment);
    result->moment->score = score_words(folded_query, words) * CLAMP(moment->score, 0.0, 1.0);
    result->snippet = mark_words(folded_query, g_strstrip(words));
    g_ptr_array_add(search->found, result);
  }
  return TRUE;
}

/* --- together --------------------------------------------------------------------------------------------------------------- */

static gboolean
wants_kind(const struct search *search, const char *kind)
{
  return search->kinds == NULL || g_strv_contains((const char *const *)search->kinds, kind);
}

/* Of the kinds asked for by the caller and in the words, those in both. */
static char **
common_kinds(const char *const *asked, char **typed)
{
  if (asked == NULL)
    return typed[0] != NULL ? g_strdupv(typed) : NULL;
  g_autoptr(GStrvBuilder) kinds = g_strv_builder_new();
  for (; *asked != NULL; asked++)
    if (typed[0] == NULL || g_strv_contains((const char *const *)typed, *asked))
      g_strv_builder_add(kinds, *asked);
  return g_strv_builder_end(kinds);
}

static gboolean
path_has(const char *path, const char *part)
{
  g_autofree char *folded_path = g_utf8_casefold(path, -1), *folded_part = g_utf8_casefold(part, -1);
  return strstr(folded_path, folded_part) != NULL;
}

/* The videos that are searched: all, one, those in a file or folder, those whose path has what "in:" says. */
static gboolean
choose_videos(struct search *search, GError **error)
{
  const SacSearchQuery *asked = search->asked;
  g_autoptr(GPtrArray) videos = sac_library_list_videos(search->library, error);
  if (videos == NULL)
    return FALSE;
  gint64 one = asked->video_id;
  g_autofree char *folder = NULL;
  if (asked->in != NULL && g_file_test(asked->in, G_FILE_TEST_IS_DIR)) {
    g_autofree char *path = g_canonicalize_filename(asked->in, NULL);
    folder = g_str_has_suffix(path, "/") ? g_strdup(path) : g_strconcat(path, "/", NULL);
  } else if (asked->in != NULL) {
    g_autoptr(SacVideo) video = sac_library_find_video_by_path(search->library, asked->in, error);
    if (video == NULL)
      return FALSE;
    one = video->id;
  }
  for (guint i = 0; i < videos->len; i++) {
    SacVideo *video = videos->pdata[i];
    gboolean chosen = (one == 0 || video->id == one) && (folder == NULL || g_str_has_prefix(video->path, folder));
    for (char **part = search->query->in; chosen && *part != NULL; part++)
      chosen = path_has(video->path, *part);
    if (chosen)
      g_hash_table_insert(search->videos, g_memdup2(&video->id, sizeof video->id), sac_video_copy(video));
  }
  return TRUE;
}

static int
compare_results(gconstpointer a, gconstpointer b)
{
  const SacMoment *one = (*(const SacSearchResult *const *)a)->moment,
                  *other = (*(const SacSearchResult *const *)b)->moment;
  if (one->score != other->score)
    return one->score > other->score ? -1 : 1;
  if (one->video_id != other->video_id)
    return one->video_id < other->video_id ? -1 : 1;
  if (one->start_us != other->start_us)
    return one->start_us < other->start_us ? -1 : 1;
  return strcmp(one->id, other->id);
}

static int
compare_seen(gconstpointer a, gconstpointer b)
{
  const struct seen *one = a, *other = b;
  if (one->span.score != other->span.score)
    return one->span.score > other->span.score ? -1 : 1;
  if (one->video->id != other->video->id)
    return one->video->id < other->video->id ? -1 : 1;
  if (one->span.start_us != other->span.start_us)
    return one->span.start_us < other->span.start_us ? -1 : 1;
  return strcmp(one->model, other->model);
}

/* The same span seen by two models is one moment, and its score is the better one. */
static gboolean
is_told_already(const GPtrArray *results, const struct seen *seen)
{
  for (guint i = 0; i < results->len; i++) {
    const SacMoment *other = ((const SacSearchResult *)results->pdata[i])->moment;
    if (other->video_id != seen->video->id || strcmp(other->kind, SAC_KIND_VISUAL) != 0)
      continue;
    gint64 overlap = MIN(other->end_us, seen->span.end_us) - MAX(other->start_us, seen->span.start_us);
    if (2 * overlap > MIN(other->end_us - other->start_us, seen->span.end_us - seen->span.start_us))
      return TRUE;
  }
  return FALSE;
}

/* What was seen and what has the words, in one list by score. */
static void
rank(struct search *search)
{
  g_array_sort(search->seen, compare_seen);
  g_ptr_array_sort(search->found, compare_results);
  guint limit = search->asked->limit > 0 ? search->asked->limit : DEFAULT_LIMIT;
  GPtrArray *kept = search->results->results;
  guint next_seen = 0, next_found = 0;
  for (gboolean is_first = TRUE; kept->len < limit; is_first = FALSE) {
    const struct seen *seen =
        next_seen < search->seen->len ? &g_array_index(search->seen, struct seen, next_seen) : NULL;
    SacSearchResult *found = next_found < search->found->len ? search->found->pdata[next_found] : NULL;
    if (seen == NULL && found == NULL)
      break;
    gboolean takes_seen = found == NULL || (seen != NULL && seen->span.score >= found->moment->score);
    double score = takes_seen ? seen->span.score : found->moment->score;
    if (is_first)
      search->results->best_score = score;
    if (score < search->asked->min_score)
      break;
    if (takes_seen)
      next_seen++;
    else
      search->found->pdata[next_found++] = NULL;
    if (takes_seen && is_told_already(kept, seen))
      continue;
    SacSearchResult *result = takes_seen ? visual_result(seen) : found;
    result->rank = kept->len + 1;
    g_ptr_array_add(kept, result);
  }
}

static void
search_begin(struct search *search, SacLibrary *library, SacEncoder *encoder, const SacSearchQuery *asked,
             GCancellable *cancellable)
{
  *search = (struct search){ .library = library, .encoder = encoder, .asked = asked, .cancellable = cancellable };
  search->query = sac_query_parse(asked->text != NULL ? asked->text : "", -1);
  search->kinds = common_kinds(asked->kinds, search->query->kinds);
  search->videos = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, (GDestroyNotify)sac_video_free);
  search->seen = g_array_new(FALSE, FALSE, sizeof(struct seen));
  search->found = g_ptr_array_new_with_free_func((GDestroyNotify)sac_search_result_free);
}

static void
search_end(struct search *search)
{
  sac_query_free(search->query);
  g_strfreev(search->kinds);
  g_hash_table_unref(search->videos);
  g_array_unref(search->seen);
  g_ptr_array_unref(search->found);
  sac_search_results_unref(search->results);
}

SacSearchResults *
sac_search_run(SacLibrary *library, SacEncoder *encoder, const SacSearchQuery *asked, GCancellable *cancellable,
               GError **error)
{
  gint64 start = g_get_monotonic_time();
  struct search search;
  search_begin(&search, library, encoder, asked, cancellable);
  SacSearchResults *results = results_new(asked->text != NULL ? asked->text : asked->image);
  search.results = results;

  gboolean has_words = *search.query->words != '\0';
  gboolean only_pictures = asked->image != NULL || (search.kinds != NULL && g_strv_length(search.kinds) == 1 &&
                                                    wants_kind(&search, SAC_KIND_VISUAL));
  gboolean good = choose_videos(&search, error);
  if (good && (has_words || asked->image != NULL) && wants_kind(&search, SAC_KIND_VISUAL)) {
    g_autoptr(GError) failure = NULL;
    if (!search_pictures(&search, &failure)) {
      good = !only_pictures && !sac_error_is_cancelled(failure);
      if (good)
        results->notice = g_strdup(failure->message);
      else
        g_propagate_error(error, g_steal_pointer(&failure));
    }
  }
  if (good && has_words && asked->image == NULL)
    good = search_words(&search, error);
  if (good) {
    rank(&search);
    results->seconds = (double)(g_get_monotonic_time() - start) / 1e6;
    sac_search_results_ref(results);
  }
  search_end(&search);
  return good ? results : NULL;
}

SacMatchCurve *
sac_search_match_curve(SacLibrary *library, SacEncoder *encoder, const SacSearchQuery *asked, gint64 video_id,
                       GCancellable *cancellable, GError **error)
{
  struct search search;
  search_begin(&search, library, encoder, asked, cancellable);
  SacMatchCurve *curve = g_new0(SacMatchCurve, 1);
  g_auto(GStrv) models = asked->model != NULL ? g_strdupv((char *[]){ (char *)asked->model, NULL })
                                              : sac_library_list_models(library, error);
  gboolean good = models != NULL;
  gboolean asks = *search.query->words != '\0' || asked->image != NULL;
  /* The model that has most of the library is the one; a video that it has not seen is looked up in the next. */
  for (char **model = models; good && asks && curve->n == 0 && *model != NULL; model++) {
    g_autoptr(SacVectors) vectors = sac_library_get_vectors(library, *model, error);
    good = vectors != NULL;
    gsize first = 0, last;
    while (good && first < vectors->n_runs && vectors->runs[first].video_id != video_id)
      first++;
    if (!good || first == vectors->n_runs)
      continue;
    for (last = first; last < vectors->n_runs && vectors->runs[last].video_id == video_id; last++)
      ;
    g_autofree float *scores = g_new(float, vectors->count);
    if (!(good = score_snapshot(&search, vectors, scores, error)))
      break;
    SacDistribution distribution = sac_distribution(scores, vectors->video_ids, vectors->count);
    g_autoptr(GArray) samples = curve_of_runs(vectors, scores, first, last);
    g_autofree float *raw = NULL;
    split_curve(samples, &curve->times_us, &raw);
    curve->n = samples->len;
    curve->scores = g_new(float, curve->n);
    curve->threshold = sac_distribution_threshold(&distribution);
    sac_spans_smooth(curve->times_us, raw, curve->n, vectors->runs[first].interval_us, curve->scores);
  }
  search_end(&search);
  if (!good)
    g_clear_pointer(&curve, sac_match_curve_free);
  return curve;
}
