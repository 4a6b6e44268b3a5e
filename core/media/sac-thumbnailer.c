/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-thumbnailer.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>

#include "core/media/sac-cache-file.h"
#include "core/media/sac-decoder-private.h"
#include "core/sac-error.h"

/* A memory cache of this many pictures, the oldest given up first: about 30 MiB at a film strip's height. */
#define MEMORY_PICTURES 1024
/* A film strip is drawn from key frames as long as they are this near; further away the frame itself is decoded. */
#define NEAR_US (2 * G_USEC_PER_SEC)
/* What the folder may hold; when it is found fuller, the oldest pictures go until three quarters are left. */
#define DISK_BYTES (G_GINT64_CONSTANT(512) << 20)
/* On disk each picture is a file: this, then the pixels without padding. */
#define FILE_MAGIC 0x31544353u /* "SCT1" */

struct _SacThumbnailer {
  GObject parent;
  char *directory; /* NULL: there is none */

  GMutex lock;
  GCond changed;
  GQueue waiting; /* (element-type GTask) the latest at the head */
  GHashTable *memory;
  GQueue ages; /* (element-type char) keys of memory, the oldest at the head; borrowed */
  gboolean stop;
  GThread *thread;
};

G_DEFINE_FINAL_TYPE(SacThumbnailer, sac_thumbnailer, G_TYPE_OBJECT)

typedef struct {
  char *path;
  gint64 time_us;
  int height;
} Request;

static void
request_free(gpointer data)
{
  Request *request = data;

  g_free(request->path);
  g_free(request);
}

/* NULL where the file cannot be asked. */
static char *
request_key(const Request *request)
{
  GStatBuf about;

  if (g_stat(request->path, &about) < 0)
    return NULL;
  g_autofree char *text =
      g_strdup_printf("%s\n%" G_GINT64_FORMAT "\n%" G_GINT64_FORMAT "\n%" G_GINT64_FORMAT "\n%d", request->path,
                      (gint64)about.st_mtim.tv_sec * G_USEC_PER_SEC + about.st_mtim.tv_nsec / 1000,
                      (gint64)about.st_size, request->time_us, request->height);
  return g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
}

/* ---- The folder ----------------------------------------------------------------------------------------------------------- */

typedef struct {
  guint32 magic, width, height, unused;
  gint64 time_us, duration_us;
} FileHeader;

static char *
file_of(SacThumbnailer *thumbnailer, const char *key)
{
  return g_strdup_printf("%s/%.2s/%s", thumbnailer->directory, key, key + 2);
}

static SacFrame *
load(SacThumbnailer *thumbnailer, const char *key)
{
  if (!thumbnailer->directory)
    return NULL;
  g_autofree char *file = file_of(thumbnailer, key), *content = NULL;
  FileHeader header;
  gsize size;

  if (!g_file_get_contents(file, &content, &size, NULL) || size < sizeof header)
    return NULL;
  memcpy(&header, content, sizeof header);
  if (header.magic != FILE_MAGIC || !header.width || !header.height || header.width > 8192 || header.height > 8192 ||
      size != sizeof header + (gsize)header.width * header.height * 4)
    return NULL;
  SacFrame *frame = sac_frame_new(SAC_FRAME_RGBA, (int)header.width, (int)header.height);
  for (guint y = 0; frame && y < header.height; y++)
    memcpy(frame->pixels + y * frame->stride, content + sizeof header + (gsize)y * header.width * 4,
           (gsize)header.width * 4);
  if (frame) {
    frame->time_us = header.time_us;
    frame->duration_us = header.duration_us;
  }
  return frame;
}

/* A cache that cannot be written is done without. */
static void
store(SacThumbnailer *thumbnailer, const char *key, const SacFrame *frame)
{
  if (!thumbnailer->directory)
    return;
  const gsize row = (gsize)frame->width * 4, size = sizeof(FileHeader) + row * (gsize)frame->height;
  const FileHeader header = { .magic = FILE_MAGIC,
                              .width = (guint32)frame->width,
                              .height = (guint32)frame->height,
                              .time_us = frame->time_us,
                              .duration_us = frame->duration_us };
  g_autofree char *file = file_of(thumbnailer, key), *folder = g_path_get_dirname(file), *content = g_malloc(size);

  memcpy(content, &header, sizeof header);
  for (int y = 0; y < frame->height; y++)
    memcpy(content + sizeof header + (gsize)y * row, frame->pixels + (gsize)y * frame->stride, row);
  if (g_mkdir_with_parents(folder, 0700) == 0)
    g_file_set_contents(file, content, (gssize)size, NULL);
}

/* ---- The thread ----------------------------------------------------------------------------------------------------------- */

static SacFrame *
decode(const Request *request, GCancellable *cancellable, GError **error)
{
  g_autoptr(SacDecoder) decoder = sac_decoder_new(request->path, FALSE, cancellable, error);
  gint64 time, duration;

  if (!decoder || (request->time_us > 0 && !sac_decoder_seek(decoder, request->time_us, error)))
    return NULL;
  AVFrame *picture = sac_decoder_next(decoder, &time, &duration, error);
  if (!picture) {
    if (error && !*error)
      g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE, _("%s: there is no picture at this time"), request->path);
    return NULL;
  }
  if (request->time_us - time > NEAR_US) {
    AVFrame *next;
    gint64 next_time, next_duration;

    while ((next = sac_decoder_next(decoder, &next_time, &next_duration, NULL)) && next_time <= request->time_us) {
      av_frame_free(&picture);
      picture = next;
      time = next_time;
      duration = next_duration;
    }
    av_frame_free(&next);
  }
  g_autoptr(SacConverter) converter = sac_converter_new(
      request->path,
      &(SacConversion){ .format = SAC_FRAME_RGBA, .max_height = request->height, .max_width = 4 * request->height });
  SacFrame *frame = sac_converter_convert(converter, decoder->stream, picture, time, duration, error);
  av_frame_free(&picture);
  return frame;
}

static void
remember(SacThumbnailer *thumbnailer, const char *key, SacFrame *frame)
{
  if (g_hash_table_contains(thumbnailer->memory, key))
    return;
  char *owned = g_strdup(key);
  g_hash_table_insert(thumbnailer->memory, owned, sac_frame_ref(frame));
  g_queue_push_tail(&thumbnailer->ages, owned);
  if (g_queue_get_length(&thumbnailer->ages) > MEMORY_PICTURES)
    g_hash_table_remove(thumbnailer->memory, g_queue_pop_head(&thumbnailer->ages));
}

static void
serve(SacThumbnailer *thumbnailer, GTask *task)
{
  const Request *request = g_task_get_task_data(task);
  g_autofree char *key = request_key(request);
  g_autoptr(SacFrame) frame = NULL;
  GError *error = NULL;

  if (g_task_return_error_if_cancelled(task))
    return;
  if (key) {
    g_mutex_lock(&thumbnailer->lock);
    SacFrame *known = g_hash_table_lookup(thumbnailer->memory, key);
    frame = known ? sac_frame_ref(known) : NULL;
    g_mutex_unlock(&thumbnailer->lock);
    if (!frame)
      frame = load(thumbnailer, key);
  }
  if (!frame) {
    frame = decode(request, g_task_get_cancellable(task), &error);
    if (frame && key)
      store(thumbnailer, key, frame);
  }
  if (!frame) {
    g_task_return_error(task, error);
    return;
  }
  if (key) {
    g_mutex_lock(&thumbnailer->lock);
    remember(thumbnailer, key, frame);
    g_mutex_unlock(&thumbnailer->lock);
  }
  g_task_return_pointer(task, g_steal_pointer(&frame), (GDestroyNotify)sac_frame_unref);
}

static gboolean
done(gpointer task)
{
  return G_SOURCE_REMOVE;
}

/* A task may hold the last reference to the thumbnailer, which must not go on the thread that it joins: tasks go where they
   were made. */
static void
let_go(GTask *task)
{
  GSource *source = g_idle_source_new();

  g_source_set_callback(source, done, task, g_object_unref);
  g_source_attach(source, g_task_get_context(task));
  g_source_unref(source);
}

/* The thread holds no reference to the object, which joins it when it goes; a task holds one, so it goes only when none waits. */
static gpointer
run(gpointer data)
{
  SacThumbnailer *thumbnailer = data;

  if (thumbnailer->directory)
    sac_cache_folder_prune(thumbnailer->directory, DISK_BYTES);

  for (;;) {
    g_mutex_lock(&thumbnailer->lock);
    while (!thumbnailer->stop && g_queue_is_empty(&thumbnailer->waiting))
      g_cond_wait(&thumbnailer->changed, &thumbnailer->lock);
    GTask *task = g_queue_pop_head(&thumbnailer->waiting);
    g_mutex_unlock(&thumbnailer->lock);
    if (!task)
      return NULL;
    serve(thumbnailer, task);
    let_go(task);
  }
}

void
sac_thumbnailer_get_async(SacThumbnailer *thumbnailer, const char *path, gint64 time_us, int height,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new(thumbnailer, cancellable, callback, user_data);
  Request *request = g_new0(Request, 1);

  request->path = g_strdup(path);
  request->time_us = time_us;
  request->height = height;
  g_task_set_task_data(task, request, request_free);
  g_mutex_lock(&thumbnailer->lock);
  if (!thumbnailer->thread)
    thumbnailer->thread = g_thread_new("thumbnailer", run, thumbnailer);
  g_queue_push_head(&thumbnailer->waiting, task);
  g_cond_signal(&thumbnailer->changed);
  g_mutex_unlock(&thumbnailer->lock);
}

SacFrame *
sac_thumbnailer_get_finish(SacThumbnailer *thumbnailer, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer(G_TASK(result), error);
}

SacThumbnailer *
sac_thumbnailer_new(const char *cache_dir)
{
  SacThumbnailer *thumbnailer = g_object_new(SAC_TYPE_THUMBNAILER, NULL);

  thumbnailer->directory =
      cache_dir ? g_strdup(cache_dir) : g_build_filename(g_get_user_cache_dir(), "saccade", "thumbnails", NULL);
  return thumbnailer;
}

static void
sac_thumbnailer_finalize(GObject *object)
{
  SacThumbnailer *thumbnailer = SAC_THUMBNAILER(object);

  g_mutex_lock(&thumbnailer->lock);
  thumbnailer->stop = TRUE;
  g_cond_signal(&thumbnailer->changed);
  g_mutex_unlock(&thumbnailer->lock);
  if (thumbnailer->thread)
    g_thread_join(thumbnailer->thread);
  g_queue_clear(&thumbnailer->ages);
  g_hash_table_unref(thumbnailer->memory);
  g_mutex_clear(&thumbnailer->lock);
  g_cond_clear(&thumbnailer->changed);
  g_free(thumbnailer->directory);
  G_OBJECT_CLASS(sac_thumbnailer_parent_class)->finalize(object);
}

static void
sac_thumbnailer_class_init(SacThumbnailerClass *class)
{
  G_OBJECT_CLASS(class)->finalize = sac_thumbnailer_finalize;
}

static void
sac_thumbnailer_init(SacThumbnailer *thumbnailer)
{
  g_mutex_init(&thumbnailer->lock);
  g_cond_init(&thumbnailer->changed);
  g_queue_init(&thumbnailer->waiting);
  g_queue_init(&thumbnailer->ages);
  thumbnailer->memory = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)sac_frame_unref);
}
