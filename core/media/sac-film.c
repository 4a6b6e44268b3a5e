/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-film.h"

#include <string.h>

#include "core/media/sac-background.h"
#include "core/media/sac-cache-file.h"
#include "core/media/sac-decoder-private.h"
#include "core/media/sac-picture-codec.h"

#define KIND "SacFilm1"
#define LEVELS 48
/* Unpacked pictures at hand: about 25 MB. */
#define MAX_AT_HAND 384
/* Of them on the screen; with as many again beside them and the overview they must fit. */
#define MAX_SHOWN 160
/* Packed ones of a level, in memory and in its sheet: about 6 MB. */
#define MAX_PACKED 1024
/* How many pictures all of the video is made of in the background. */
#define OVERVIEW 48
/* A sheet is written when so many are new, or nothing is left to do. */
#define SAVE_EVERY 64
#define UNKNOWN_FRAME_US 40000
/* From here on the key frame before is as good as the frame itself where it is less than a slot away. */
#define COARSE_US (2 * G_USEC_PER_SEC)

typedef struct {
  guint level;
  gint64 slot;
} Key;

typedef struct {
  Key key;
  SacFrame *frame;
  GList *link; /* in ages */
} Picture;

typedef struct {
  gboolean is_loaded;
  guint n_new;
  GHashTable *packed; /* slot → GBytes; without data: there is no picture */
  GQueue order;       /* gint64 *, borrowed from packed, the oldest first */
} Sheet;

/* What is looked at. */
typedef struct {
  guint level;
  gint64 first, end;
} View;

/* What the object and its thread share: it goes with the last of the two, so that neither waits for the other. */
typedef struct {
  char *path, *folder;
  gint64 duration_us;
  gint64 steps[LEVELS];
  guint n_levels, overview;
  GCancellable *cancellable;
  GWeakRef owner;
  GMainContext *context;

  GMutex lock;
  GCond changed;
  gboolean stop, told, is_idle;
  View view;
  GHashTable *at_hand; /* Key → Picture; changed by the thread alone, with the lock held, so that it reads without */
  GQueue ages;         /* Picture *, borrowed, the oldest first */
  guint n_decoded;

  /* The thread's own. */
  Sheet sheets[LEVELS];
  SacPictureCodec *codec;
  SacDecoder *decoder;
  SacConverter *converter;
  gboolean is_bad;
  AVFrame *current; /* the frame that was decoded last */
  gint64 current_us, current_duration_us;
} Shared;

struct _SacFilm {
  GObject parent;
  Shared *shared;
};

enum { CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(SacFilm, sac_film, G_TYPE_OBJECT)

static guint
key_hash(gconstpointer data)
{
  const Key *key = data;

  return g_int64_hash(&key->slot) * 31 + key->level;
}

static gboolean
key_equal(gconstpointer a, gconstpointer b)
{
  const Key *first = a, *second = b;

  return first->level == second->level && first->slot == second->slot;
}

static void
picture_free(gpointer data)
{
  Picture *picture = data;

  sac_frame_unref(picture->frame);
  g_free(picture);
}

static void
bytes_unref(gpointer bytes)
{
  if (bytes)
    g_bytes_unref(bytes);
}

static void
shared_clear(gpointer data)
{
  Shared *shared = data;

  g_free(shared->path);
  g_free(shared->folder);
  g_object_unref(shared->cancellable);
  g_weak_ref_clear(&shared->owner);
  g_main_context_unref(shared->context);
  g_mutex_clear(&shared->lock);
  g_cond_clear(&shared->changed);
  g_queue_clear(&shared->ages);
  g_hash_table_unref(shared->at_hand);
  for (guint level = 0; level < LEVELS; level++) {
    g_queue_clear(&shared->sheets[level].order);
    g_clear_pointer(&shared->sheets[level].packed, g_hash_table_unref);
  }
  sac_picture_codec_free(shared->codec);
  g_clear_pointer(&shared->decoder, sac_decoder_free);
  g_clear_pointer(&shared->converter, sac_converter_free);
  av_frame_free(&shared->current);
}

static void
shared_unref(gpointer shared)
{
  g_atomic_rc_box_release_full(shared, shared_clear);
}

static gboolean
tell(gpointer data)
{
  Shared *shared = data;
  g_autoptr(SacFilm) owner = g_weak_ref_get(&shared->owner);

  g_mutex_lock(&shared->lock);
  shared->told = FALSE;
  g_mutex_unlock(&shared->lock);
  if (owner)
    g_signal_emit(owner, signals[CHANGED], 0);
  return G_SOURCE_REMOVE;
}

/* With the lock held. */
static void
announce(Shared *shared)
{
  if (shared->told)
    return;
  shared->told = TRUE;
  g_autoptr(GSource) source = g_idle_source_new();
  g_source_set_callback(source, tell, g_atomic_rc_box_acquire(shared), shared_unref);
  g_source_attach(source, shared->context);
}

static gint64
n_slots(const Shared *shared, guint level)
{
  return (shared->duration_us + shared->steps[level] - 1) / shared->steps[level];
}

static gint64
time_of(const Shared *shared, guint level, gint64 slot)
{
  const gint64 middle = slot * shared->steps[level] + shared->steps[level] / 2;

  return CLAMP(middle, 0, MAX(shared->duration_us - 1, 0));
}

/* ---- Pictures at hand ------------------------------------------------------------------------------------------------------ */

/* Takes the frame. With the lock held. */
static void
put_at_hand(Shared *shared, guint level, gint64 slot, SacFrame *frame)
{
  Picture *picture = g_new0(Picture, 1);

  picture->key = (Key){ level, slot };
  picture->frame = frame;
  Picture *old = g_hash_table_lookup(shared->at_hand, &picture->key);
  if (old) {
    g_queue_delete_link(&shared->ages, old->link);
    g_hash_table_remove(shared->at_hand, &picture->key);
  }
  g_queue_push_tail(&shared->ages, picture);
  picture->link = shared->ages.tail;
  g_hash_table_insert(shared->at_hand, &picture->key, picture);
  while (g_queue_get_length(&shared->ages) > MAX_AT_HAND) {
    const Picture *oldest = g_queue_pop_head(&shared->ages);

    g_hash_table_remove(shared->at_hand, &oldest->key);
  }
}

/* ---- Sheets, on the thread -------------------------------------------------------------------------------------------------- */

static char *
sheet_path(const Shared *shared, guint level)
{
  return shared->folder ? g_strdup_printf("%s/film-%" G_GINT64_FORMAT ".sheet", shared->folder, shared->steps[level])
                        : NULL;
}

/* Takes bytes. */
static void
put_packed(Sheet *sheet, gint64 slot, GBytes *bytes)
{
  gint64 *key = g_memdup2(&slot, sizeof slot);

  if (g_hash_table_contains(sheet->packed, key)) {
    g_free(key);
    bytes_unref(bytes);
    return;
  }
  g_hash_table_insert(sheet->packed, key, bytes);
  g_queue_push_tail(&sheet->order, key);
  while (g_queue_get_length(&sheet->order) > MAX_PACKED)
    g_hash_table_remove(sheet->packed, g_queue_pop_head(&sheet->order));
}

/* A sheet is a row of: slot (8 bytes), length (4), the picture; numbers with the lowest byte first. */
static Sheet *
get_sheet(Shared *shared, guint level)
{
  Sheet *sheet = &shared->sheets[level];

  if (sheet->is_loaded)
    return sheet;
  sheet->is_loaded = TRUE;
  sheet->packed = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, bytes_unref);
  g_autofree char *path = sheet_path(shared, level);
  g_autoptr(GBytes) content = path ? sac_cache_file_load(path, KIND) : NULL;
  gsize size = 0, at = 0;
  const guint8 *data = content ? g_bytes_get_data(content, &size) : NULL;
  while (size - at >= 12) {
    gint64 slot;
    guint32 length;

    memcpy(&slot, data + at, 8);
    memcpy(&length, data + at + 8, 4);
    at += 12;
    slot = GINT64_FROM_LE(slot);
    length = GUINT32_FROM_LE(length);
    if (length > size - at)
      break;
    if (length > 0)
      put_packed(sheet, slot, g_bytes_new_from_bytes(content, at, length));
    at += length;
  }
  return sheet;
}

static void
save_sheet(Shared *shared, guint level)
{
  Sheet *sheet = &shared->sheets[level];
  g_autofree char *path = sheet_path(shared, level);
  g_autoptr(GByteArray) content = g_byte_array_new();

  sheet->n_new = 0;
  if (!path)
    return;
  for (GList *link = sheet->order.head; link; link = link->next) {
    GBytes *bytes = g_hash_table_lookup(sheet->packed, link->data);
    const gint64 slot = GINT64_TO_LE(*(gint64 *)link->data);
    const gsize length = bytes ? g_bytes_get_size(bytes) : 0; /* where none was to be had it may be next time */
    const guint32 stored = GUINT32_TO_LE((guint32)length);

    if (!bytes)
      continue;
    g_byte_array_append(content, (const guint8 *)&slot, 8);
    g_byte_array_append(content, (const guint8 *)&stored, 4);
    g_byte_array_append(content, g_bytes_get_data(bytes, NULL), (guint)length);
  }
  sac_cache_file_save(path, KIND, content->data, content->len);
}

static void
save_all(Shared *shared)
{
  for (guint level = 0; level < shared->n_levels; level++)
    if (shared->sheets[level].n_new > 0)
      save_sheet(shared, level);
}

/* ---- Decoding, on the thread ------------------------------------------------------------------------------------------------- */

static gboolean
step_decoder(Shared *shared)
{
  gint64 time, duration;
  AVFrame *next = sac_decoder_next(shared->decoder, &time, &duration, NULL);

  if (!next)
    return FALSE;
  av_frame_free(&shared->current);
  shared->current = next;
  shared->current_us = time;
  shared->current_duration_us = duration;
  return TRUE;
}

static gboolean
is_current(const Shared *shared, gint64 time_us)
{
  return shared->current && shared->current_us <= time_us &&
         time_us < shared->current_us + MAX(shared->current_duration_us, 1);
}

/* Leaves in current the frame that is shown at time_us, or one less than slack_us before. */
static gboolean
decode_at(Shared *shared, gint64 time_us, gint64 slack_us)
{
  if (is_current(shared, time_us))
    return TRUE;
  /* A little further on is reached sooner by going on than by a seek, which goes back to a key frame. */
  if (!shared->current || time_us < shared->current_us || time_us - shared->current_us > G_USEC_PER_SEC) {
    av_frame_free(&shared->current);
    if (!sac_decoder_seek(shared->decoder, time_us, NULL) || !step_decoder(shared))
      return FALSE;
  }
  if (time_us - shared->current_us < slack_us)
    return TRUE;
  while (!g_cancellable_is_cancelled(shared->cancellable) && shared->current_us <= time_us &&
         !is_current(shared, time_us)) {
    AVFrame *before = av_frame_clone(shared->current);
    const gint64 before_us = shared->current_us;

    if (!step_decoder(shared)) {
      av_frame_free(&before);
      return TRUE; /* the last there is */
    }
    if (shared->current_us > time_us && before) { /* a gap: the frame before it is still shown */
      av_frame_free(&shared->current);
      shared->current = before;
      shared->current_duration_us = time_us - before_us + 1;
      shared->current_us = before_us;
      return TRUE;
    }
    av_frame_free(&before);
  }
  return TRUE;
}

static SacFrame *
decode_slot(Shared *shared, guint level, gint64 slot)
{
  const gint64 step = shared->steps[level], time = time_of(shared, level, slot);

  if (!shared->decoder && !shared->is_bad) {
    shared->decoder = sac_decoder_new(shared->path, FALSE, shared->cancellable, NULL);
    shared->is_bad = !shared->decoder;
    shared->converter = sac_converter_new(
        shared->path,
        &(SacConversion){ .format = SAC_FRAME_RGBA, .max_height = SAC_FILM_HEIGHT, .max_width = 4 * SAC_FILM_HEIGHT });
  }
  if (shared->is_bad || !decode_at(shared, time, step >= COARSE_US ? step / 2 : 0))
    return NULL;
  return sac_converter_convert(shared->converter, shared->decoder->stream, shared->current, shared->current_us,
                               shared->current_duration_us, NULL);
}

/* ---- The thread --------------------------------------------------------------------------------------------------------------- */

static gboolean
is_missing(Shared *shared, guint level, gint64 slot)
{
  const Sheet *sheet = &shared->sheets[level];
  gpointer bytes;

  if (g_hash_table_contains(shared->at_hand, &(Key){ level, slot }))
    return FALSE;
  /* There is none to be had. */
  return !g_hash_table_lookup_extended(sheet->packed, &slot, NULL, &bytes) || bytes;
}

/* The slot to get next, or FALSE. What can be read is got before what must be decoded. */
static gboolean
next_of(Shared *shared, guint level, gint64 first, gint64 end, gint64 *slot)
{
  const Sheet *sheet = &shared->sheets[level];
  const gint64 middle = first + (end - first) / 2;
  gint64 missing = -1;

  first = MAX(first, 0);
  end = MIN(end, n_slots(shared, level));
  for (gint64 distance = 0; distance <= MAX(end - middle, middle - first); distance++)
    for (int side = 0; side < 2; side++) {
      const gint64 at = side == 0 ? middle + distance : middle - distance;

      if (at < first || at >= end || !is_missing(shared, level, at))
        continue;
      if (g_hash_table_contains(sheet->packed, &at)) {
        *slot = at;
        return TRUE;
      }
      if (missing < 0)
        missing = at;
    }
  /* Neighbours that lie close are decoded in their order: each seek would decode the same frames again. */
  if (missing >= 0 && shared->steps[level] < COARSE_US)
    while (missing > first && is_missing(shared, level, missing - 1))
      missing--;
  *slot = missing;
  return missing >= 0;
}

static gboolean
next_slot(Shared *shared, const View *view, guint *level, gint64 *slot)
{
  const gint64 shown = view->end - view->first;

  get_sheet(shared, view->level);
  get_sheet(shared, shared->overview);
  *level = view->level;
  if (shown > 0 && next_of(shared, *level, view->first, view->end, slot))
    return TRUE;
  *level = shared->overview;
  if (next_of(shared, *level, 0, n_slots(shared, *level), slot))
    return TRUE;
  *level = view->level;
  return shown > 0 && next_of(shared, *level, view->first - shown / 2, view->end + shown / 2, slot);
}

static void
get_slot(Shared *shared, guint level, gint64 slot)
{
  Sheet *sheet = get_sheet(shared, level);
  GBytes *packed = g_hash_table_lookup(sheet->packed, &slot);
  SacFrame *frame = packed ? sac_picture_codec_unpack(shared->codec, packed) : NULL;

  if (!frame) {
    if (packed) { /* what a newer or older program wrote */
      GList *link = sheet->order.head;

      while (link && *(gint64 *)link->data != slot)
        link = link->next;
      if (link)
        g_queue_delete_link(&sheet->order, link);
      g_hash_table_remove(sheet->packed, &slot);
    }
    frame = decode_slot(shared, level, slot);
    if (g_cancellable_is_cancelled(shared->cancellable)) {
      if (frame)
        sac_frame_unref(frame);
      return;
    }
    put_packed(sheet, slot, frame ? sac_picture_codec_pack(shared->codec, frame) : NULL);
    sheet->n_new += frame != NULL;
    if (sheet->n_new >= SAVE_EVERY)
      save_sheet(shared, level);
    g_mutex_lock(&shared->lock);
    shared->n_decoded++;
    g_mutex_unlock(&shared->lock);
  }
  g_mutex_lock(&shared->lock);
  if (frame) {
    frame->time_us = time_of(shared, level, slot);
    put_at_hand(shared, level, slot, frame);
  }
  announce(shared);
  g_mutex_unlock(&shared->lock);
}

static gboolean
is_same_view(const View *a, const View *b)
{
  return a->level == b->level && a->first == b->first && a->end == b->end;
}

/* The lock is held for as little as can be: who draws waits for it, and this thread may be kept from running. */
static gpointer
run(gpointer data)
{
  Shared *shared = data;
  gboolean stop = FALSE;

  sac_background_begin();
  while (!stop) {
    guint level;
    gint64 slot;

    g_mutex_lock(&shared->lock);
    const View view = shared->view;
    stop = shared->stop;
    g_mutex_unlock(&shared->lock);
    if (!stop && next_slot(shared, &view, &level, &slot)) {
      get_slot(shared, level, slot);
      continue;
    }
    save_all(shared);
    g_mutex_lock(&shared->lock);
    if (!shared->stop && is_same_view(&view, &shared->view)) {
      shared->is_idle = TRUE;
      announce(shared);
      g_cond_wait(&shared->changed, &shared->lock);
      shared->is_idle = FALSE;
    }
    g_mutex_unlock(&shared->lock);
  }
  shared_unref(shared);
  return NULL;
}

/* ---- Its face ------------------------------------------------------------------------------------------------------------------ */

SacFilm *
sac_film_new(const char *path, const char *folder, gint64 duration_us, gint64 frame_us)
{
  SacFilm *film = g_object_new(SAC_TYPE_FILM, NULL);
  Shared *shared = g_atomic_rc_box_new0(Shared);
  const gint64 unit = frame_us > 0 ? frame_us : UNKNOWN_FRAME_US;

  shared->path = g_strdup(path);
  shared->folder = g_strdup(folder);
  shared->duration_us = MAX(duration_us, 1);
  for (guint level = 0; level < LEVELS; level++) {
    /* 1, 2, 3, 4, 6, 8, 12, 16 … */
    shared->steps[level] = level == 0 ? unit : level % 2 == 1 ? unit << (level + 1) / 2 : unit * 3 << (level / 2 - 1);
    shared->n_levels = level + 1;
    if (shared->steps[level] >= shared->duration_us)
      break;
  }
  while (shared->overview + 1 < shared->n_levels && n_slots(shared, shared->overview) > OVERVIEW)
    shared->overview++;
  shared->cancellable = g_cancellable_new();
  g_weak_ref_init(&shared->owner, film);
  shared->context = g_main_context_ref_thread_default();
  g_mutex_init(&shared->lock);
  g_cond_init(&shared->changed);
  g_queue_init(&shared->ages);
  shared->at_hand = g_hash_table_new_full(key_hash, key_equal, NULL, picture_free);
  shared->codec = sac_picture_codec_new();
  film->shared = shared;
  g_thread_unref(g_thread_new("film", run, g_atomic_rc_box_acquire(shared)));
  return film;
}

guint
sac_film_find_level(SacFilm *film, double least_step_us)
{
  guint level = 0;

  while (level + 1 < film->shared->n_levels && (double)film->shared->steps[level] < least_step_us)
    level++;
  return level;
}

gint64
sac_film_get_step(SacFilm *film, guint level)
{
  return film->shared->steps[level];
}

void
sac_film_look_at(SacFilm *film, guint level, gint64 first, gint64 end)
{
  Shared *shared = film->shared;
  const View view = { level, first, MIN(end, first + MAX_SHOWN) };

  g_mutex_lock(&shared->lock);
  if (!is_same_view(&view, &shared->view)) {
    shared->view = view;
    g_cond_signal(&shared->changed);
  }
  g_mutex_unlock(&shared->lock);
}

SacFrame *
sac_film_get(SacFilm *film, guint level, gint64 slot)
{
  Shared *shared = film->shared;

  g_mutex_lock(&shared->lock);
  Picture *picture = g_hash_table_lookup(shared->at_hand, &(Key){ level, slot });
  SacFrame *frame = picture ? sac_frame_ref(picture->frame) : NULL;
  if (picture) { /* it is in use: the youngest again */
    g_queue_unlink(&shared->ages, picture->link);
    g_queue_push_tail_link(&shared->ages, picture->link);
  }
  g_mutex_unlock(&shared->lock);
  return frame;
}

SacFrame *
sac_film_get_nearest(SacFilm *film, gint64 time_us)
{
  Shared *shared = film->shared;
  SacFrame *nearest = NULL;
  gint64 nearest_distance = G_MAXINT64;

  g_mutex_lock(&shared->lock);
  for (GList *link = shared->ages.head; link; link = link->next) {
    const Picture *picture = link->data;
    const gint64 distance = ABS(picture->frame->time_us - time_us);

    if (distance < nearest_distance) {
      nearest = picture->frame;
      nearest_distance = distance;
    }
  }
  if (nearest)
    sac_frame_ref(nearest);
  g_mutex_unlock(&shared->lock);
  return nearest;
}

gboolean
sac_film_is_idle(SacFilm *film)
{
  g_mutex_lock(&film->shared->lock);
  const gboolean is_idle = film->shared->is_idle;
  g_mutex_unlock(&film->shared->lock);
  return is_idle;
}

guint
sac_film_count_decoded(SacFilm *film)
{
  g_mutex_lock(&film->shared->lock);
  const guint n = film->shared->n_decoded;
  g_mutex_unlock(&film->shared->lock);
  return n;
}

static void
sac_film_finalize(GObject *object)
{
  Shared *shared = SAC_FILM(object)->shared;

  g_mutex_lock(&shared->lock);
  shared->stop = TRUE;
  g_cond_signal(&shared->changed);
  g_mutex_unlock(&shared->lock);
  g_cancellable_cancel(shared->cancellable);
  shared_unref(shared);
  G_OBJECT_CLASS(sac_film_parent_class)->finalize(object);
}

static void
sac_film_class_init(SacFilmClass *class)
{
  G_OBJECT_CLASS(class)->finalize = sac_film_finalize;
  signals[CHANGED] = g_signal_new("changed", SAC_TYPE_FILM, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
sac_film_init(SacFilm *film)
{
}
