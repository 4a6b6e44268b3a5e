/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gstdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/search/sac-query.h"
#include "core/search/sac-scan.h"
#include "core/search/sac-search.h"
#include "core/search/sac-spans.h"
#include "core/sac-time.h"

/* --- the query language ----------------------------------------------------------------------------------------------------- */

/* Lists are joined by '|'. */
static const struct {
  const char *text, *words, *terms, *phrases, *excluded, *in, *kinds;
} queries[] = {
  { "", "", "", "", "", "", "" },
  { "  \t\n ", "", "", "", "", "", "" },
  { "a red  dog", "a red dog", "a|red|dog", "", "", "", "" },
  { "\"ask not\" country", "ask not country", "country", "ask not", "", "", "" },
  { "\"unclosed quote", "unclosed quote", "", "unclosed quote", "", "", "" },
  { "dog -cat", "dog", "dog", "", "cat", "", "" },
  { "dog -\"black cat\" bird", "dog bird", "dog|bird", "", "black cat", "", "" },
  { "-", "-", "", "", "", "", "" },
  { "- dog", "- dog", "dog", "", "", "", "" },
  { "--", "--", "", "", "", "", "" },
  { "well-known", "well-known", "well-known", "", "", "", "" },
  { "in:park.mp4 dog", "dog", "dog", "", "", "park.mp4", "" },
  { "in:\"my films\" in:2024 dog", "dog", "dog", "", "", "my films|2024", "" },
  { "in: dog", "in: dog", "in:|dog", "", "", "", "" },
  { "in:\"\" dog", "dog", "dog", "", "", "", "" },
  { "kind:speech dog", "dog", "dog", "", "", "", "speech" },
  { "kind:speech,tag", "", "", "", "", "", "speech|tag" },
  { "kind:nonsense", "kind:nonsense", "kind:nonsense", "", "", "", "" },
  { "kind:speech,nonsense", "kind:speech,nonsense", "kind:speech,nonsense", "", "", "", "" },
  { "kind:", "kind:", "kind:", "", "", "", "" },
  { "\"\"", "", "", "", "", "", "" },
  { "\"!!\" dog", "!! dog", "dog", "", "", "", "" },
  { "* ( ) AND", "* ( ) AND", "AND", "", "", "", "" },
  { "Käfer 狗 собака", "Käfer 狗 собака", "Käfer|狗|собака", "", "", "", "" },
  { "a\xff"
    "b",
    "a\xef\xbf\xbd"
    "b",
    "a\xef\xbf\xbd"
    "b",
    "", "", "", "" },
  { "dog\"cat\"", "dog\"cat\"", "dog\"cat\"", "", "", "", "" },
  { "-in:x", "", "", "", "in:x", "", "" },
};

static void
assert_list(char **list, const char *expected)
{
  g_autofree char *joined = g_strjoinv("|", list);
  g_assert_cmpstr(joined, ==, expected);
}

static void
test_query(void)
{
  for (gsize i = 0; i < G_N_ELEMENTS(queries); i++) {
    g_autoptr(SacQuery) query = sac_query_parse(queries[i].text, -1);
    g_assert_cmpstr(query->words, ==, queries[i].words);
    assert_list(query->terms, queries[i].terms);
    assert_list(query->phrases, queries[i].phrases);
    assert_list(query->excluded, queries[i].excluded);
    assert_list(query->in, queries[i].in);
    assert_list(query->kinds, queries[i].kinds);
  }
}

static void
test_query_text(void)
{
  static const char *const cases[][2] = {
    { "dog", "(\"dog\")" },
    { "red dog", "(\"red\" OR \"dog\")" },
    { "\"red dog\" cat", "\"red dog\"" },
    { "dog -cat -\"big bird\"", "((\"dog\")) NOT (\"cat\" OR \"big bird\")" },
    { "do\"g", "(\"do\"\"g\")" },
    { "***", NULL },
    { "-cat", NULL },
  };
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autoptr(SacQuery) query = sac_query_parse(cases[i][0], -1);
    g_autofree char *expression = sac_query_to_full_text(query);
    g_assert_cmpstr(expression, ==, cases[i][1]);
  }
}

/* --- scanning --------------------------------------------------------------------------------------------------------------- */

static SacVectors *
random_vectors(GRand *random, gsize count, gsize dimensions, gboolean spiky)
{
  guint16 *rows = g_new(guint16, count * dimensions);
  g_autofree double *row = g_new(double, dimensions);
  for (gsize i = 0; i < count; i++) {
    double sum = 0;
    for (gsize j = 0; j < dimensions; j++) {
      row[j] = g_rand_double_range(random, -1, 1);
      /* One large element makes the step of 8 bits coarse: the exact answer must come out all the same. */
      if (spiky && j == i % dimensions)
        row[j] = 30;
      sum += row[j] * row[j];
    }
    for (gsize j = 0; j < dimensions; j++)
      rows[i * dimensions + j] = sac_half_from_float((float)(row[j] / sqrt(sum)));
  }
  return sac_vectors_new_from_memory("test", rows, count, dimensions);
}

struct reference {
  double cosine;
  gsize row;
};

static int
compare_references(const void *a, const void *b)
{
  const struct reference *one = a, *other = b;
  return one->cosine > other->cosine ? -1 : one->cosine < other->cosine;
}

static void
test_scan(void)
{
  static const struct {
    gsize count, dimensions;
    gboolean spiky;
  } cases[] = { { 1, 1, FALSE },      { 7, 3, FALSE },     { 100, 31, FALSE },    { 1000, 384, FALSE },
                { 20011, 97, FALSE }, { 40000, 64, TRUE }, { 17000, 513, FALSE }, { 3000, 1152, TRUE } };
  g_autoptr(GRand) random = g_rand_new_with_seed(7);
  for (gsize c = 0; c < G_N_ELEMENTS(cases); c++)
    for (guint threads = 1; threads <= 3; threads += 2) {
      gsize count = cases[c].count, dimensions = cases[c].dimensions, k = MIN(count, 25);
      g_autoptr(SacVectors) vectors = random_vectors(random, count, dimensions, cases[c].spiky);
      g_autoptr(SacScanner) scanner = sac_scanner_new(threads);
      g_autofree float *query = g_new(float, dimensions), *row = g_new(float, dimensions);
      sac_vectors_read_row(vectors, g_rand_int_range(random, 0, count), query);
      g_autofree struct reference *expected = g_new(struct reference, count);
      for (gsize i = 0; i < count; i++) {
        sac_vectors_read_row(vectors, i, row);
        expected[i] = (struct reference){ 0, i };
        for (gsize j = 0; j < dimensions; j++)
          expected[i].cosine += (double)row[j] * query[j];
      }
      g_autofree float *cosines = g_new(float, count);
      for (SacScanWay way = SAC_SCAN_AUTOMATIC; way <= SAC_SCAN_QUANTISED; way++) {
        sac_scanner_cosines(scanner, vectors, query, way, cosines, NULL);
        double tolerance = way == SAC_SCAN_HALF ? 1e-5 : cases[c].spiky ? 0.05 : 0.02;
        for (gsize i = 0; i < count; i++)
          g_assert_cmpfloat_with_epsilon(cosines[i], expected[i].cosine, tolerance);
      }
      g_autofree SacScanHit *hits = g_new(SacScanHit, k);
      struct reference *sorted = g_memdup2(expected, count * sizeof *expected);
      qsort(sorted, count, sizeof *sorted, compare_references);
      for (SacScanWay way = SAC_SCAN_HALF; way <= SAC_SCAN_QUANTISED; way++) {
        g_assert_cmpint(sac_scanner_best(scanner, vectors, query, way, k, hits), ==, k);
        for (gsize i = 0; i < k; i++) {
          /* By value: rows that are equal to the last bit of fp32 may change places. */
          g_assert_cmpfloat_with_epsilon(hits[i].cosine, sorted[i].cosine, 1e-5);
          g_assert_cmpfloat_with_epsilon(expected[hits[i].row].cosine, sorted[i].cosine, 1e-5);
        }
      }
      g_free(sorted);
    }
}

/* --- spans ------------------------------------------------------------------------------------------------------------------ */

static GArray *
find_spans(const float *scores, gsize n, SacDistribution *distribution)
{
  g_autofree gint64 *times = g_new(gint64, n);
  g_autofree float *smoothed = g_new(float, n);
  for (gsize i = 0; i < n; i++)
    times[i] = (gint64)i * SAC_SECOND;
  GArray *spans = g_array_new(FALSE, FALSE, sizeof(SacSpan));
  *distribution = sac_distribution(scores, NULL, n);
  sac_spans_smooth(times, scores, n, SAC_SECOND, smoothed);
  sac_spans_find(times, scores, smoothed, n, SAC_SECOND, (gint64)n * SAC_SECOND, distribution, spans);
  return spans;
}

static void
test_spans(void)
{
  float scores[60];
  SacDistribution distribution;
  for (int i = 0; i < 60; i++)
    scores[i] = 0.1f + 0.01f * (float)(i % 3);
  for (int i = 20; i < 25; i++)
    scores[i] = 0.8f;
  scores[40] = 0.6f;
  g_autoptr(GArray) spans = find_spans(scores, 60, &distribution);
  g_assert_cmpint(spans->len, ==, 2);
  const SacSpan *best = &g_array_index(spans, SacSpan, 0), *second = &g_array_index(spans, SacSpan, 1);
  g_assert_cmpint(best->start_us, ==, 19500000);
  g_assert_cmpint(best->end_us, ==, 24500000);
  g_assert_cmpfloat_with_epsilon(best->score, 0.8f, 0.01f);
  g_assert_cmpint(second->first, <=, 40);
  g_assert_cmpint(second->last, >=, 40);
  g_assert_cmpint(second->end_us - second->start_us, <=, 3 * SAC_SECOND);
  g_assert_cmpfloat(second->score, >, 0.45f);
  g_assert_cmpfloat(second->score, <, 0.61f);

  /* All of it: one span from end to end. */
  for (int i = 0; i < 60; i++)
    scores[i] = 0.9f;
  g_autoptr(GArray) whole = find_spans(scores, 60, &distribution);
  g_assert_cmpint(whole->len, ==, 1);
  g_assert_cmpint(g_array_index(whole, SacSpan, 0).start_us, ==, 0);
  g_assert_cmpint(g_array_index(whole, SacSpan, 0).end_us, ==, 60 * SAC_SECOND);

  /* Nothing: no span at all where every score is 0, the nearest one where they are low. */
  memset(scores, 0, sizeof scores);
  g_autoptr(GArray) none = find_spans(scores, 60, &distribution);
  g_assert_cmpint(none->len, ==, 0);
  scores[10] = 0.05f;
  g_autoptr(GArray) faint = find_spans(scores, 60, &distribution);
  g_assert_cmpint(faint->len, ==, 1);
  g_assert_cmpfloat(g_array_index(faint, SacSpan, 0).score, <, 0.06f);

  g_autoptr(GArray) single = find_spans(scores + 10, 1, &distribution);
  g_assert_cmpint(single->len, ==, 1);
  g_assert_cmpint(g_array_index(single, SacSpan, 0).end_us, ==, SAC_SECOND);
}

/* Spans never overlap, lie inside the video and come with falling peaks, whatever the curve. */
static void
test_spans_hold(void)
{
  g_autoptr(GRand) random = g_rand_new_with_seed(3);
  for (int round = 0; round < 300; round++) {
    gsize n = g_rand_int_range(random, 1, 80);
    float scores[80];
    SacDistribution distribution;
    for (gsize i = 0; i < n; i++)
      scores[i] = (float)pow(g_rand_double(random), 3);
    g_autoptr(GArray) spans = find_spans(scores, n, &distribution);
    g_assert_cmpint(spans->len, >=, 1);
    for (guint a = 0; a < spans->len; a++) {
      const SacSpan *one = &g_array_index(spans, SacSpan, a);
      g_assert_cmpint(one->start_us, >=, 0);
      g_assert_cmpint(one->start_us, <, one->end_us);
      g_assert_cmpint(one->end_us, <=, (gint64)n * SAC_SECOND);
      g_assert_true(one->first <= one->peak && one->peak <= one->last);
      for (guint b = a + 1; b < spans->len; b++) {
        const SacSpan *other = &g_array_index(spans, SacSpan, b);
        g_assert_true(one->end_us <= other->start_us || other->end_us <= one->start_us);
      }
    }
  }
}

/* --- words, without a device ------------------------------------------------------------------------------------------------ */

static SacSearchResults *
search(SacLibrary *library, const char *text)
{
  g_autoptr(GError) error = NULL;
  SacSearchQuery query = { .text = text };
  SacSearchResults *results = sac_search_run(library, NULL, &query, NULL, &error);
  g_assert_no_error(error);
  return results;
}

static void
assert_first(SacLibrary *library, const char *text, guint n, const char *label)
{
  g_autoptr(SacSearchResults) results = search(library, text);
  if (results->results->len != n)
    g_error("“%s” finds %u moments and not %u", text, results->results->len, n);
  if (n > 0)
    g_assert_cmpstr(((SacSearchResult *)results->results->pdata[0])->moment->label, ==, label);
}

static void
test_words(void)
{
  g_autofree char *root = g_dir_make_tmp("saccade-search-XXXXXX", NULL);
  g_autofree char *directory = g_build_filename(root, "library", NULL);
  g_autofree char *file = g_build_filename(root, "holiday.mp4", NULL);
  g_assert_true(g_file_set_contents(file, "content", -1, NULL));
  {
    g_autoptr(SacLibrary) library = sac_library_open(directory, SAC_LIBRARY_DEFAULT, NULL);
    SacVideo info = { .path = file, .duration_us = 100 * SAC_SECOND };
    gint64 video = sac_library_add_video(library, &info, NULL, NULL);
    static const char *const labels[] = { "a dog on the beach", "dog", "cats and dogs", "the harbour at night" };
    for (gsize i = 0; i < G_N_ELEMENTS(labels); i++) {
      SacMoment tag = {
        .video_id = video, .kind = (char *)"tag", .end_us = SAC_SECOND, .score = 1, .label = (char *)labels[i]
      };
      g_free(sac_library_add_moment(library, &tag, NULL));
    }
    assert_first(library, "dog", 3, "dog");
    assert_first(library, "dog beach", 3, "a dog on the beach");
    assert_first(library, "\"cats and dogs\"", 1, "cats and dogs");
    assert_first(library, "dog -beach", 2, "dog");
    assert_first(library, "DÖG", 3, "dog");
    assert_first(library, "kind:speech dog", 0, NULL);
    assert_first(library, "kind:tag dog", 3, "dog");
    assert_first(library, "in:holiday dog", 3, "dog");
    assert_first(library, "in:elsewhere dog", 0, NULL);
    assert_first(library, "elephant", 0, NULL);
    assert_first(library, "", 0, NULL);
    g_autoptr(SacSearchResults) results = search(library, "beach");
    const SacSearchResult *first = results->results->pdata[0];
    g_assert_cmpstr(first->snippet, ==, "a dog on the \u2068beach\u2069");
    g_assert_cmpfloat(first->moment->score, >=, SAC_SEARCH_GOOD_SCORE);
    /* Half of what was asked for is not a find. */
    g_autoptr(SacSearchResults) half = search(library, "harbour elephant");
    g_assert_cmpfloat(half->best_score, <, SAC_SEARCH_GOOD_SCORE);

    /* Whatever is typed, an answer comes. */
    g_autoptr(GRand) random = g_rand_new_with_seed(11);
    static const char pieces[] = "ab -\":in:kind:,()*^\\NEAR\xc3\xa4\xff\n";
    for (int i = 0; i < 3000; i++) {
      char text[40];
      int n = g_rand_int_range(random, 0, sizeof text - 1);
      for (int j = 0; j < n; j++)
        text[j] = pieces[g_rand_int_range(random, 0, sizeof pieces - 1)];
      text[n] = '\0';
      sac_search_results_unref(search(library, text));
    }
  }
  g_autofree char *remove = g_strdup_printf("rm -rf '%s'", root);
  g_assert_true(g_spawn_command_line_sync(remove, NULL, NULL, NULL, NULL));
}

int
main(int argc, char **argv)
{
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/search/query", test_query);
  g_test_add_func("/search/query-text", test_query_text);
  g_test_add_func("/search/scan", test_scan);
  g_test_add_func("/search/spans", test_spans);
  g_test_add_func("/search/spans-hold", test_spans_hold);
  g_test_add_func("/search/words", test_words);
  return g_test_run();
}
