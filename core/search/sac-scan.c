/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/search/sac-scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/search/sac-scan-kernels.h"

/* Rows a thread takes at a time: large enough to be worth it, small enough that no thread waits long for the last. */
#define ROWS_A_PIECE 8192
/* Below this a second thread costs more than it gives. */
#define MIN_ROWS_TO_SHARE 16384

/* A copy of a snapshot's rows in 8 bits, extended as the model's rows grow. */
struct quantised {
  guint64 generation;
  gsize dimensions, count, capacity;
  const guint16 *memory_rows; /* tells snapshots from memory apart, which have no generation */
  int8_t *rows;
  float *scales;
  gatomicrefcount references;
};

struct seen {
  guint64 generation;
  const guint16 *rows;
  gsize count;
};

struct SacScanner {
  const struct sac_scan_kernels *kernels;
  guint n_threads;
  GThreadPool *pool; /* NULL with one thread */
  GMutex lock;
  GHashTable *copies; /* model → struct quantised */
  GHashTable *seen;   /* model → struct seen: what was scanned once */
};

static const struct sac_scan_kernels *
choose_kernels(void)
{
#ifdef SAC_SCAN_X86
  const char *asked = g_getenv("SACCADE_SCAN");
  gboolean avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && g_strcmp0(asked, "baseline") != 0;
  if (avx2 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && g_strcmp0(asked, "avx2") != 0)
    return &sac_scan_kernels_avx512;
  if (avx2)
    return &sac_scan_kernels_avx2;
#endif
  return &sac_scan_kernels_baseline;
}

const char *
sac_scan_instruction_set(void)
{
  return choose_kernels()->name;
}

/* --- sharing out rows ----------------------------------------------------------------------------------------------------- */

struct shared_work {
  void (*function)(gpointer data, gsize first, gsize n);
  gpointer data;
  gsize count, piece;
  gsize next;   /* atomic */
  gint helpers; /* not yet done */
  GMutex lock;
  GCond done;
};

static void
take_pieces(struct shared_work *work)
{
  for (;;) {
    gsize first = (gsize)g_atomic_pointer_add((gssize *)&work->next, (gssize)work->piece);
    if (first >= work->count)
      return;
    work->function(work->data, first, MIN(work->piece, work->count - first));
  }
}

static void
help(gpointer data, gpointer user_data)
{
  struct shared_work *work = data;
  take_pieces(work);
  g_mutex_lock(&work->lock);
  if (--work->helpers == 0)
    g_cond_signal(&work->done);
  g_mutex_unlock(&work->lock);
}

static void
share(SacScanner *scanner, gsize count, void (*function)(gpointer data, gsize first, gsize n), gpointer data)
{
  if (scanner->pool == NULL || count < MIN_ROWS_TO_SHARE) {
    if (count > 0)
      function(data, 0, count);
    return;
  }
  struct shared_work work = { .function = function, .data = data, .count = count, .piece = ROWS_A_PIECE };
  work.helpers = scanner->n_threads - 1;
  g_mutex_init(&work.lock);
  g_cond_init(&work.done);
  for (guint i = 1; i < scanner->n_threads; i++)
    g_thread_pool_push(scanner->pool, &work, NULL);
  take_pieces(&work);
  g_mutex_lock(&work.lock);
  while (work.helpers > 0)
    g_cond_wait(&work.done, &work.lock);
  g_mutex_unlock(&work.lock);
  g_mutex_clear(&work.lock);
  g_cond_clear(&work.done);
}

/* --- the 8-bit copy --------------------------------------------------------------------------------------------------------- */

static void
quantised_unref(gpointer data)
{
  struct quantised *copy = data;
  if (copy == NULL || !g_atomic_ref_count_dec(&copy->references))
    return;
  g_free(copy->rows);
  g_free(copy->scales);
  g_free(copy);
}

struct quantise_work {
  const struct sac_scan_kernels *kernels;
  const SacVectors *vectors;
  struct quantised *copy;
  gsize start;
};

static void
quantise_piece(gpointer data, gsize first, gsize n)
{
  const struct quantise_work *work = data;
  gsize row = work->start + first, dimensions = work->vectors->dimensions;
  work->kernels->quantise(work->vectors->rows + row * dimensions, n, dimensions, work->copy->rows + row * dimensions,
                          work->copy->scales + row);
}

static gboolean
copy_is_of(const struct quantised *copy, const SacVectors *vectors)
{
  return copy->generation == vectors->generation && copy->dimensions == vectors->dimensions &&
         (vectors->generation != 0 || copy->memory_rows == vectors->rows);
}

/* The copy that has at least the snapshot's rows. Scans that are under way keep the one they have: it is replaced, not grown, when it has
 * no room left. Rows that a reader may look at are never written again. */
static struct quantised *
get_copy_locked(SacScanner *scanner, SacVectors *vectors)
{
  struct quantised *copy = g_hash_table_lookup(scanner->copies, vectors->model);
  gsize kept = copy != NULL && copy_is_of(copy, vectors) ? copy->count : 0;
  if (kept < vectors->count) {
    if (kept == 0 || copy->capacity < vectors->count) {
      struct quantised *larger = g_new0(struct quantised, 1);
      g_atomic_ref_count_init(&larger->references);
      larger->generation = vectors->generation;
      larger->memory_rows = vectors->rows;
      larger->dimensions = vectors->dimensions;
      larger->capacity = vectors->generation == 0 ? vectors->count : vectors->count + vectors->count / 4 + 1024;
      larger->rows = g_malloc(larger->capacity * larger->dimensions);
      larger->scales = g_new(float, larger->capacity);
      if (kept > 0) {
        memcpy(larger->rows, copy->rows, kept * copy->dimensions);
        memcpy(larger->scales, copy->scales, kept * sizeof *copy->scales);
      }
      g_hash_table_insert(scanner->copies, g_strdup(vectors->model), larger);
      copy = larger;
    }
    struct quantise_work work = { .kernels = scanner->kernels, .vectors = vectors, .copy = copy, .start = kept };
    share(scanner, vectors->count - kept, quantise_piece, &work);
    copy->count = vectors->count;
  }
  g_atomic_ref_count_inc(&copy->references);
  return copy;
}

void
sac_scanner_prepare(SacScanner *scanner, SacVectors *vectors)
{
  if (vectors->count == 0)
    return;
  g_mutex_lock(&scanner->lock);
  quantised_unref(get_copy_locked(scanner, vectors));
  g_mutex_unlock(&scanner->lock);
}

/* The copy costs as much as a scan or two of the halves: it is made when a second query shows that there are more to come. */
static struct quantised *
choose_copy(SacScanner *scanner, SacVectors *vectors, SacScanWay way)
{
  if (way == SAC_SCAN_HALF)
    return NULL;
  struct quantised *copy = NULL;
  g_mutex_lock(&scanner->lock);
  struct seen *seen = g_hash_table_lookup(scanner->seen, vectors->model);
  gboolean again = seen != NULL && seen->generation == vectors->generation &&
                   (vectors->generation != 0 || seen->rows == vectors->rows);
  if (way == SAC_SCAN_QUANTISED || (again && vectors->count >= MIN_ROWS_TO_SHARE))
    copy = get_copy_locked(scanner, vectors);
  if (!again) {
    seen = g_new0(struct seen, 1);
    seen->generation = vectors->generation;
    seen->rows = vectors->rows;
    g_hash_table_insert(scanner->seen, g_strdup(vectors->model), seen);
  }
  g_mutex_unlock(&scanner->lock);
  return copy;
}

/* --- scanning --------------------------------------------------------------------------------------------------------------- */

struct scan_work {
  const struct sac_scan_kernels *kernels;
  const SacVectors *vectors;
  const struct quantised *copy;
  const float *query;
  const int16_t *query_integers;
  float query_scale;
  float *out;
};

static void
scan_piece(gpointer data, gsize first, gsize n)
{
  const struct scan_work *work = data;
  gsize dimensions = work->vectors->dimensions;
  if (work->copy != NULL)
    work->kernels->quantised(work->copy->rows + first * dimensions, work->copy->scales + first, n, dimensions,
                             work->query_integers, work->query_scale, work->out + first);
  else
    work->kernels->half(work->vectors->rows + first * dimensions, n, dimensions, work->query, work->out + first);
}

/* 16 bits, and fewer where a sum of that many products with 127 could pass 31 bits. */
static int16_t *
quantise_query(const float *query, gsize dimensions, float *scale)
{
  float largest = 0;
  for (gsize i = 0; i < dimensions; i++)
    largest = fmaxf(largest, fabsf(query[i]));
  float limit = fminf(32767.0f, (float)(0x7fffffff / 127) / (float)dimensions);
  float factor = largest > 0 ? limit / largest : 0;
  int16_t *integers = g_new(int16_t, dimensions);
  for (gsize i = 0; i < dimensions; i++)
    integers[i] = (int16_t)lrintf(query[i] * factor);
  *scale = factor > 0 ? 1 / factor : 0;
  return integers;
}

/* What the cosines of a scan may be wrong by: 0 for half; else, by Cauchy and Schwarz, half a step an element, of the row's scale and of the
 * query's, against a vector of unit length. */
struct scan_error {
  struct quantised *copy;
  float a_scale, query;
};

static float
row_error(const struct scan_error *error, gsize row)
{
  return error->copy != NULL ? error->a_scale * error->copy->scales[row] + error->query : 0;
}

static gsize
scan(SacScanner *scanner, SacVectors *vectors, const float *query, SacScanWay way, float *cosines,
     struct scan_error *error)
{
  struct quantised *copy = choose_copy(scanner, vectors, way);
  struct scan_work work = {
    .kernels = scanner->kernels, .vectors = vectors, .copy = copy, .query = query, .out = cosines
  };
  g_autofree int16_t *integers = NULL;
  if (copy != NULL)
    work.query_integers = integers = quantise_query(query, vectors->dimensions, &work.query_scale);
  share(scanner, vectors->count, scan_piece, &work);
  float half_steps = 0.5f * sqrtf((float)vectors->dimensions);
  *error = (struct scan_error){ .copy = copy,
                                .a_scale = half_steps * 1.01f,
                                .query = half_steps * work.query_scale * 1.01f };
  return vectors->count * (copy != NULL ? vectors->dimensions + sizeof(float) : vectors->dimensions * sizeof(guint16));
}

void
sac_scanner_cosines(SacScanner *scanner, SacVectors *vectors, const float *query, SacScanWay way, float *cosines,
                    gsize *bytes)
{
  struct scan_error error = { 0 };
  gsize read = vectors->count > 0 ? scan(scanner, vectors, query, way, cosines, &error) : 0;
  quantised_unref(error.copy);
  if (bytes != NULL)
    *bytes = read;
}

float
sac_scan_cosine(const SacVectors *vectors, gsize row, const float *query)
{
  float cosine;
  choose_kernels()->half(vectors->rows + row * vectors->dimensions, 1, vectors->dimensions, query, &cosine);
  return cosine;
}

static gboolean
is_better(SacScanHit one, SacScanHit other)
{
  return one.cosine > other.cosine || (one.cosine == other.cosine && one.row < other.row);
}

/* A heap whose root is the worst of the best so far. */
static void
sift_down(SacScanHit *heap, gsize n)
{
  for (gsize i = 0;;) {
    gsize child = 2 * i + 1;
    if (child >= n)
      return;
    if (child + 1 < n && is_better(heap[child], heap[child + 1]))
      child++;
    if (!is_better(heap[i], heap[child]))
      return;
    SacScanHit swap = heap[i];
    heap[i] = heap[child];
    heap[child] = swap;
    i = child;
  }
}

static void
sift_up(SacScanHit *heap, gsize i)
{
  while (i > 0 && is_better(heap[(i - 1) / 2], heap[i])) {
    SacScanHit swap = heap[i];
    heap[i] = heap[(i - 1) / 2];
    heap[(i - 1) / 2] = swap;
    i = (i - 1) / 2;
  }
}

static int
compare_hits(const void *a, const void *b)
{
  return is_better(*(const SacScanHit *)a, *(const SacScanHit *)b) ? -1 : 1;
}

gsize
sac_scanner_best(SacScanner *scanner, SacVectors *vectors, const float *query, SacScanWay way, gsize k,
                 SacScanHit *hits)
{
  k = MIN(k, vectors->count);
  if (k == 0)
    return 0;
  g_autofree float *cosines = g_new(float, vectors->count);
  struct scan_error error;
  scan(scanner, vectors, query, way, cosines, &error);

  /* k rows are at least this good … */
  gsize n = 0;
  for (gsize row = 0; row < vectors->count; row++) {
    SacScanHit hit = { row, cosines[row] - row_error(&error, row) };
    if (n < k) {
      hits[n] = hit;
      sift_up(hits, n++);
    } else if (hit.cosine > hits[0].cosine) {
      hits[0] = hit;
      sift_down(hits, n);
    }
  }
  /* … so only those that may be better are computed exactly. */
  float bar = hits[0].cosine;
  g_autoptr(GArray) close = g_array_new(FALSE, FALSE, sizeof(SacScanHit));
  for (gsize row = 0; row < vectors->count; row++)
    if (cosines[row] + row_error(&error, row) >= bar) {
      SacScanHit hit = { row, sac_scan_cosine(vectors, row, query) };
      g_array_append_val(close, hit);
    }
  quantised_unref(error.copy);
  qsort(close->data, close->len, sizeof(SacScanHit), compare_hits);
  memcpy(hits, close->data, k * sizeof *hits);
  return k;
}

struct read_work {
  const struct sac_scan_kernels *kernels;
  const guint64 *words;
  guint64 sum;
  GMutex lock;
};

#define WORDS_A_ROW 64

static void
read_piece(gpointer data, gsize first, gsize n)
{
  struct read_work *work = data;
  guint64 sum = work->kernels->read(work->words + first * WORDS_A_ROW, n * WORDS_A_ROW);
  g_mutex_lock(&work->lock);
  work->sum += sum;
  g_mutex_unlock(&work->lock);
}

double
sac_scanner_measure_bandwidth(SacScanner *scanner)
{
  gsize rows = 256 * 1024 * 1024 / (WORDS_A_ROW * sizeof(guint64));
  struct read_work work = { .kernels = scanner->kernels };
  guint64 *words = g_new(guint64, rows * WORDS_A_ROW);
  for (gsize i = 0; i < rows * WORDS_A_ROW; i++)
    words[i] = i;
  work.words = words;
  g_mutex_init(&work.lock);
  double best = 0;
  for (int pass = 0; pass < 5; pass++) {
    gint64 start = g_get_monotonic_time();
    share(scanner, rows, read_piece, &work);
    double seconds = (double)MAX(1, g_get_monotonic_time() - start) / 1e6;
    best = MAX(best, (double)(rows * WORDS_A_ROW * sizeof(guint64)) / seconds);
  }
  g_mutex_clear(&work.lock);
  g_free(words);
  return work.sum != 0 ? best : 0;
}

SacScanner *
sac_scanner_new(guint n_threads)
{
  SacScanner *scanner = g_new0(SacScanner, 1);
  scanner->kernels = choose_kernels();
  scanner->n_threads = n_threads > 0 ? n_threads : g_get_num_processors();
  if (scanner->n_threads > 1)
    scanner->pool = g_thread_pool_new(help, NULL, scanner->n_threads - 1, FALSE, NULL);
  g_mutex_init(&scanner->lock);
  scanner->copies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, quantised_unref);
  scanner->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  return scanner;
}

void
sac_scanner_free(SacScanner *scanner)
{
  if (scanner == NULL)
    return;
  if (scanner->pool != NULL)
    g_thread_pool_free(scanner->pool, FALSE, TRUE);
  g_hash_table_unref(scanner->copies);
  g_hash_table_unref(scanner->seen);
  g_mutex_clear(&scanner->lock);
  g_free(scanner);
}
