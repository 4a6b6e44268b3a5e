/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Fetching a repository's files from a hub that speaks as Hugging Face's does.
 *
 *   HEAD  HUB/SOURCE/resolve/REVISION/FILE   200, or a redirect (302 to where the bytes are, 307 to a cached place). Its headers state what
 *                                            the file is: X-Linked-Etag (SHA-256) and X-Linked-Size for large files, ETag (git's blob
 *                                            hash) and Content-Length for small ones, and X-Repo-Commit.
 *   GET   the same                           its redirects lead to the bytes
 *
 * All files are asked of the commit that the first one came from. Beside FILE.part lies FILE.info with what the hub stated and the
 * ETag of the answer that the bytes came in; the rest is asked for with Range and, where that ETag is a strong one, If-Range. What the bytes
 * are is decided by the stated hash alone, over the whole file.
 */

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libsoup/soup.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/models/sac-model-private.h"
#include "core/sac-error.h"

#define MAX_REDIRECTS 8
#define MAX_FRUITLESS_TRIES 5 /* in a row, without a byte gained */
#define IDLE_SECONDS 30
#define BLOCK (256 * 1024)
#define MAX_FILE ((guint64)1 << 50)

/* What the hub states of one file. */
typedef struct {
  const SacManifestFile *file;
  char *hash; /* 64 digits: SHA-256; 40: git's blob hash. NULL: an optional file that is not there */
  gint64 size;
} Stated;

typedef struct {
  SoupSession *session;
  const char *hub, *source, *folder;
  char *revision;
  GCancellable *cancellable;

  SacModelProgressFunc progress;
  gpointer progress_data;
  SacModelProgress now;
  gint64 reported, sampled; /* monotonic time of the last report, and of the last measuring of the rate */
  gint64 sampled_bytes;
} Fetch;

/* ---- Progress ---------------------------------------------------------------------------------------------------------- */

static void
report(Fetch *fetch, gboolean at_once)
{
  const gint64 time = g_get_monotonic_time();

  if (!fetch->progress || (!at_once && time - fetch->reported < G_USEC_PER_SEC / 10))
    return;
  if (fetch->sampled == 0 || fetch->sampled_bytes > fetch->now.done) {
    fetch->sampled = time;
    fetch->sampled_bytes = fetch->now.done;
  } else if (time - fetch->sampled >= G_USEC_PER_SEC / 2) {
    const double rate =
        (double)(fetch->now.done - fetch->sampled_bytes) * G_USEC_PER_SEC / (double)(time - fetch->sampled);

    fetch->now.rate = fetch->now.rate > 0 ? 0.7 * fetch->now.rate + 0.3 * rate : rate;
    fetch->sampled = time;
    fetch->sampled_bytes = fetch->now.done;
  }
  fetch->now.seconds_left = fetch->now.total >= 0 && fetch->now.rate > 0
                                ? (double)(fetch->now.total - fetch->now.done) / fetch->now.rate
                                : -1;
  fetch->reported = time;
  fetch->progress(&fetch->now, fetch->progress_data);
}

/* Sleeps, unless cancelled. */
static gboolean
pause_for(Fetch *fetch, double seconds, const char *difficulty, GError **error)
{
  GPollFD poll_fd;
  const gboolean watched = fetch->cancellable && g_cancellable_make_pollfd(fetch->cancellable, &poll_fd);

  fetch->now.difficulty = difficulty;
  fetch->now.rate = 0;
  report(fetch, TRUE);
  g_poll(watched ? &poll_fd : NULL, watched ? 1 : 0, (int)(seconds * 1000));
  if (watched)
    g_cancellable_release_fd(fetch->cancellable);
  fetch->now.difficulty = NULL;
  return !sac_cancelled(fetch->cancellable, error);
}

/* ---- Asking ------------------------------------------------------------------------------------------------------------ */

/* An answer that leads nowhere else: the message, and its body. */
typedef struct {
  SoupMessage *message;
  GInputStream *body;
  /* The first of each that one of the redirects or the answer stated. */
  char *linked_etag, *linked_size, *commit;
} Answer;

static void
answer_clear(Answer *answer)
{
  g_clear_object(&answer->body);
  g_clear_object(&answer->message);
  g_clear_pointer(&answer->linked_etag, g_free);
  g_clear_pointer(&answer->linked_size, g_free);
  g_clear_pointer(&answer->commit, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

static void
keep_first(char **value, SoupMessage *message, const char *name)
{
  if (!*value)
    *value = g_strdup(soup_message_headers_get_one(soup_message_get_response_headers(message), name));
}

static gboolean
is_redirect(guint status)
{
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void
set_unreachable(Fetch *fetch, GUri *uri, GError *taken, GError **error)
{
  g_autoptr(GError) reason = taken;

  if (g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_CANCELLED, "Cancelled");
  else
    g_set_error(error, SAC_ERROR, SAC_ERROR_NETWORK, "%s cannot be reached: %s; is there a connection to the network?",
                g_uri_get_host(uri), reason->message);
}

/*
 * Sends a request and follows its redirects, with the headers of the range at every step. head: only what is stated is wanted, so that
 * the way ends where X-Linked-Etag is. A status that is no success is not an error here.
 */
static gboolean
ask(Fetch *fetch, gboolean head, const char *address, gint64 from, const char *if_range, Answer *answer, GError **error)
{
  g_autoptr(GUri) uri = g_uri_parse(address, SOUP_HTTP_URI_FLAGS, NULL);
  g_autoptr(GError) reason = NULL;

  for (int step = 0; step < MAX_REDIRECTS; step++) {
    if (!uri || !g_uri_get_host(uri) ||
        (!g_str_equal(g_uri_get_scheme(uri), "https") && !g_str_equal(g_uri_get_scheme(uri), "http"))) {
      g_set_error(error, SAC_ERROR, SAC_ERROR_NETWORK, "%s leads to something that is no web address", address);
      return FALSE;
    }
    g_clear_object(&answer->body);
    g_clear_object(&answer->message);
    answer->message = soup_message_new_from_uri(head ? "HEAD" : "GET", uri);
    SoupMessageHeaders *request = soup_message_get_request_headers(answer->message);
    soup_message_add_flags(answer->message, SOUP_MESSAGE_NO_REDIRECT);
    soup_message_disable_feature(answer->message, SOUP_TYPE_CONTENT_DECODER);
    soup_message_headers_replace(request, "Accept-Encoding", "identity");
    if (from > 0)
      soup_message_headers_set_range(request, from, -1);
    if (from > 0 && if_range)
      soup_message_headers_replace(request, "If-Range", if_range);
    answer->body = soup_session_send(fetch->session, answer->message, fetch->cancellable, &reason);
    if (!answer->body) {
      set_unreachable(fetch, uri, g_steal_pointer(&reason), error);
      return FALSE;
    }
    keep_first(&answer->linked_etag, answer->message, "X-Linked-Etag");
    keep_first(&answer->linked_size, answer->message, "X-Linked-Size");
    keep_first(&answer->commit, answer->message, "X-Repo-Commit");
    const char *location = soup_message_headers_get_one(soup_message_get_response_headers(answer->message), "Location");
    if (!is_redirect(soup_message_get_status(answer->message)) || !location || (head && answer->linked_etag))
      return TRUE;
    g_autoptr(GUri) next = g_uri_parse_relative(uri, location, SOUP_HTTP_URI_FLAGS, NULL);
    if (next && g_str_equal(g_uri_get_scheme(uri), "https") && !g_str_equal(g_uri_get_scheme(next), "https")) {
      g_set_error(error, SAC_ERROR, SAC_ERROR_NETWORK, "%s leads to an address without encryption", address);
      return FALSE;
    }
    g_clear_pointer(&uri, g_uri_unref);
    uri = g_steal_pointer(&next);
  }
  g_set_error(error, SAC_ERROR, SAC_ERROR_NETWORK, "%s leads from one address to the next without end", address);
  return FALSE;
}

static void
set_refused(SoupMessage *message, const char *address, GError **error)
{
  const guint status = soup_message_get_status(message);

  if (status == 404 || status == 410)
    g_set_error(error, SAC_ERROR, SAC_ERROR_NOT_FOUND, "%s: the hub does not have it (status %u)", address, status);
  else if (status == 401 || status == 403)
    g_set_error(error, SAC_ERROR, SAC_ERROR_NETWORK,
                "%s: the hub does not have it, or only for those who log in (status %u)", address, status);
  else
    g_set_error(error, SAC_ERROR, SAC_ERROR_NETWORK, "%s: the server answered with status %u (%s); try again later",
                address, status, soup_status_get_phrase(status));
}

static gboolean
is_passing(guint status)
{
  return status == 408 || status == 429 || status >= 500;
}

static char *
address_of(Fetch *fetch, const char *revision, const char *file)
{
  return g_strdup_printf("%s/%s/resolve/%s/%s", fetch->hub, fetch->source, revision, file);
}

/* ---- What the hub states ----------------------------------------------------------------------------------------------- */

/* An ETag without its quotes, if it is a hash. */
static char *
hash_of_etag(const char *etag)
{
  if (!etag)
    return NULL;
  if (g_str_has_prefix(etag, "W/"))
    etag += 2;
  g_autofree char *hash = g_ascii_strdown(etag, -1);
  g_strdelimit(hash, "\"", ' ');
  g_strstrip(hash);
  const gsize length = strlen(hash);
  return (length == 64 || length == 40) && strspn(hash, "0123456789abcdef") == length ? g_steal_pointer(&hash) : NULL;
}

static gboolean
read_statement(Fetch *fetch, const Answer *answer, const char *address, Stated *stated, GError **error)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers(answer->message);
  guint64 size = 0;

  stated->hash =
      hash_of_etag(answer->linked_etag ? answer->linked_etag : soup_message_headers_get_one(headers, "ETag"));
  const char *size_text =
      answer->linked_size ? answer->linked_size : soup_message_headers_get_one(headers, "Content-Length");
  if (!stated->hash || !size_text || !g_ascii_string_to_unsigned(size_text, 10, 0, MAX_FILE, &size, NULL)) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_NETWORK,
                "%s: the server states no hash or no size of it, so it could not be checked", address);
    return FALSE;
  }
  stated->size = (gint64)size;
  if ((stated->file->sha256 && !g_str_equal(stated->file->sha256, stated->hash)) ||
      (stated->file->size >= 0 && stated->file->size != stated->size)) {
    g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                "%s: the hub has another file than the one that Saccade's manifest names", address);
    return FALSE;
  }
  return TRUE;
}

/* *missing: it is not there, which is no error yet. */
static gboolean
ask_statement(Fetch *fetch, const char *revision, Stated *stated, gboolean *missing, GError **error)
{
  g_autofree char *address = address_of(fetch, revision, stated->file->name);

  *missing = FALSE;
  for (int try = 0;; try++) {
    g_auto(Answer) answer = { 0 };

    if (!ask(fetch, TRUE, address, 0, NULL, &answer, error))
      return FALSE;
    const guint status = soup_message_get_status(answer.message);
    if (SOUP_STATUS_IS_SUCCESSFUL(status) || is_redirect(status)) {
      if (!fetch->revision)
        fetch->revision = g_strdup(
            answer.commit && strspn(answer.commit, "0123456789abcdef") == strlen(answer.commit) && *answer.commit
                ? answer.commit
                : revision);
      return read_statement(fetch, &answer, address, stated, error);
    }
    if (!is_passing(status) || try + 1 == MAX_FRUITLESS_TRIES) {
      *missing = status == 404 || status == 410;
      set_refused(answer.message, address, error);
      return FALSE;
    }
    if (!pause_for(fetch, 1 << try, "the server is busy", error))
      return FALSE;
  }
}

/* ---- One file ---------------------------------------------------------------------------------------------------------- */

/* A partial file: its bytes so far, their running hash, and what is written beside it. */
typedef struct {
  char *path, *part, *info;
  int descriptor;
  gint64 bytes;
  GChecksum *checksum;
  char *etag; /* of the answer that the bytes came in, if it was a strong one */
} Part;

static void
part_clear(Part *part)
{
  if (part->descriptor >= 0)
    close(part->descriptor);
  g_clear_pointer(&part->checksum, g_checksum_free);
  g_free(part->path);
  g_free(part->part);
  g_free(part->info);
  g_free(part->etag);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Part, part_clear)

static void
part_begin_hash(Part *part, const Stated *stated)
{
  g_clear_pointer(&part->checksum, g_checksum_free);
  if (strlen(stated->hash) == 64) {
    part->checksum = g_checksum_new(G_CHECKSUM_SHA256);
  } else {
    /* git hashes a blob after the words "blob", its size and a NUL. */
    g_autofree char *head = g_strdup_printf("blob %" G_GINT64_FORMAT, stated->size);

    part->checksum = g_checksum_new(G_CHECKSUM_SHA1);
    g_checksum_update(part->checksum, (const guchar *)head, (gssize)strlen(head) + 1);
  }
}

static gboolean
part_restart(Part *part, const Stated *stated, GError **error)
{
  if (ftruncate(part->descriptor, 0) < 0 || lseek(part->descriptor, 0, SEEK_SET) < 0) {
    sac_error_set_from_errno(error, errno, "%s", part->part);
    return FALSE;
  }
  part->bytes = 0;
  g_clear_pointer(&part->etag, g_free);
  part_begin_hash(part, stated);
  return TRUE;
}

static gboolean
part_save_info(const Part *part, const Stated *stated, GError **error)
{
  g_autoptr(GKeyFile) info = g_key_file_new();
  g_autoptr(GError) reason = NULL;

  g_key_file_set_string(info, "file", "hash", stated->hash);
  if (part->etag)
    g_key_file_set_string(info, "file", "etag", part->etag);
  if (!g_key_file_save_to_file(info, part->info, &reason)) {
    sac_model_propagate(error, g_steal_pointer(&reason), "%s", part->info);
    return FALSE;
  }
  return TRUE;
}

/* Opens the partial file, and takes over what is there if it is of the file that the hub states now. */
static gboolean
part_open(Part *part, Fetch *fetch, const Stated *stated, GError **error)
{
  g_autofree guchar *block = g_malloc(BLOCK);
  g_autoptr(GKeyFile) info = g_key_file_new();
  g_autofree char *hash = NULL;
  ssize_t count;

  part->part = g_strconcat(part->path, ".part", NULL);
  part->info = g_strconcat(part->path, ".info", NULL);
  part->descriptor = open(part->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (part->descriptor < 0) {
    sac_error_set_from_errno(error, errno, "%s", part->part);
    return FALSE;
  }
  if (g_key_file_load_from_file(info, part->info, G_KEY_FILE_NONE, NULL)) {
    hash = g_key_file_get_string(info, "file", "hash", NULL);
    part->etag = g_key_file_get_string(info, "file", "etag", NULL);
  }
  part_begin_hash(part, stated);
  if (g_strcmp0(hash, stated->hash) != 0)
    return part_restart(part, stated, error);
  while ((count = read(part->descriptor, block, BLOCK)) > 0) {
    g_checksum_update(part->checksum, block, count);
    part->bytes += count;
    fetch->now.done += count;
    if (sac_cancelled(fetch->cancellable, error))
      return FALSE;
    report(fetch, FALSE);
  }
  if (count == 0 && part->bytes <= stated->size)
    return TRUE;
  fetch->now.done -= part->bytes;
  return part_restart(part, stated, error);
}

static gboolean
part_write(Part *part, const guchar *bytes, gsize count, GError **error)
{
  for (gsize done = 0; done < count;) {
    const ssize_t written = write(part->descriptor, bytes + done, count - done);

    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0) {
      sac_error_set_from_errno(error, errno, "%s cannot be written; what has come is kept, make room and run it again",
                               part->part);
      return FALSE;
    }
    done += (gsize)written;
  }
  g_checksum_update(part->checksum, bytes, (gssize)count);
  part->bytes += (gint64)count;
  return TRUE;
}

static void
part_delete(Part *part)
{
  g_unlink(part->part);
  g_unlink(part->info);
}

/* A strong ETag, which is what If-Range may name. */
static char *
strong_etag(SoupMessage *message)
{
  const char *etag = soup_message_headers_get_one(soup_message_get_response_headers(message), "ETag");

  return etag && etag[0] == '"' ? g_strdup(etag) : NULL;
}

/* What one answer with the bytes amounts to. */
typedef enum { BODY_DONE, BODY_AGAIN, BODY_FAILED } BodyResult;

/*
 * Checks that the answer is what was asked for, and brings the partial file to where its bytes begin. BODY_AGAIN with error set: worth
 * another try, for that reason.
 */
static BodyResult
begin_body(Fetch *fetch, Part *part, const Stated *stated, const Answer *answer, const char *address, GError **error)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers(answer->message);
  const guint status = soup_message_get_status(answer->message);
  goffset start = 0, end = 0, total = -1;

  if (status == 206 && soup_message_headers_get_content_range(headers, &start, &end, &total) && start == part->bytes &&
      (total < 0 || total == stated->size))
    return BODY_DONE;
  if (status == 200) {
    /* The server does not give ranges, or its file is another one now. */
    const gboolean has_length = soup_message_headers_get_encoding(headers) == SOUP_ENCODING_CONTENT_LENGTH;

    if (has_length && soup_message_headers_get_content_length(headers) != stated->size) {
      g_set_error(error, SAC_ERROR, SAC_ERROR_NETWORK,
                  "%s: the server says that it has %" G_GOFFSET_FORMAT " bytes, but the hub states %" G_GINT64_FORMAT,
                  address, soup_message_headers_get_content_length(headers), stated->size);
      return BODY_FAILED;
    }
    fetch->now.done -= part->bytes;
    if (!part_restart(part, stated, error))
      return BODY_FAILED;
    part->etag = strong_etag(answer->message);
    return part_save_info(part, stated, error) ? BODY_DONE : BODY_FAILED;
  }
  if (status == 206 || status == 416) {
    fetch->now.done -= part->bytes;
    if (!part_restart(part, stated, error))
      return BODY_FAILED;
    g_set_error(error, SAC_ERROR, SAC_ERROR_NETWORK,
                "%s: the server gave another range than the one that was asked for", address);
    return BODY_AGAIN;
  }
  set_refused(answer->message, address, error);
  return is_passing(status) ? BODY_AGAIN : BODY_FAILED;
}

static BodyResult
read_body(Fetch *fetch, Part *part, const Stated *stated, const char *address, GError **error)
{
  g_autofree guchar *block = g_malloc(BLOCK);
  g_auto(Answer) answer = { 0 };
  g_autoptr(GError) reason = NULL;
  gssize count;

  if (!ask(fetch, FALSE, address, part->bytes, part->etag, &answer, error))
    return g_cancellable_is_cancelled(fetch->cancellable) ? BODY_FAILED : BODY_AGAIN;
  const BodyResult begun = begin_body(fetch, part, stated, &answer, address, error);
  if (begun != BODY_DONE)
    return begun;
  while ((count = g_input_stream_read(answer.body, block, BLOCK, fetch->cancellable, &reason)) > 0) {
    if (part->bytes + count > stated->size) {
      part_delete(part);
      g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
                  "%s: more came than the %" G_GINT64_FORMAT " bytes that the hub states; it was deleted", address,
                  stated->size);
      return BODY_FAILED;
    }
    if (!part_write(part, block, (gsize)count, error))
      return BODY_FAILED;
    fetch->now.done += count;
    report(fetch, FALSE);
  }
  if (g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
    g_set_error_literal(error, SAC_ERROR, SAC_ERROR_CANCELLED, "Cancelled");
    return BODY_FAILED;
  }
  if (part->bytes == stated->size)
    return BODY_DONE;
  g_set_error(error, SAC_ERROR, SAC_ERROR_NETWORK,
              "%s: the connection broke off after %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " bytes%s%s", address,
              part->bytes, stated->size, reason ? ": " : "", reason ? reason->message : "");
  return BODY_AGAIN;
}

static gboolean
check_hash(Part *part, const Stated *stated, const char *address, GError **error)
{
  const char *hash = g_checksum_get_string(part->checksum);

  if (g_str_equal(hash, stated->hash))
    return TRUE;
  part_delete(part);
  g_set_error(error, SAC_ERROR, SAC_ERROR_INVALID_FILE,
              "%s: what came has the hash %s, but the hub states %s; it was deleted, try again", address, hash,
              stated->hash);
  return FALSE;
}

static gboolean
fetch_file(Fetch *fetch, const Stated *stated, GError **error)
{
  g_autofree char *address = address_of(fetch, fetch->revision, stated->file->name);
  g_auto(Part) part = { .path = g_build_filename(fetch->folder, stated->file->name, NULL), .descriptor = -1 };
  gint64 furthest;
  int fruitless = 0;

  fetch->now.file = stated->file->name;
  if (!part_open(&part, fetch, stated, error) || !part_save_info(&part, stated, error))
    return FALSE;
  furthest = part.bytes;
  while (part.bytes < stated->size) {
    g_autoptr(GError) reason = NULL;
    const BodyResult result = read_body(fetch, &part, stated, address, &reason);

    if (result == BODY_DONE)
      break;
    /* A server that breaks off at the same place each time gains nothing. */
    fruitless = part.bytes > furthest ? 0 : fruitless + 1;
    furthest = MAX(furthest, part.bytes);
    if (result == BODY_FAILED || fruitless == MAX_FRUITLESS_TRIES) {
      if (result == BODY_AGAIN)
        g_prefix_error(&reason,
                       "Given up after %d tries; what has come is kept, and running it again goes on from there. ",
                       fruitless);
      g_propagate_error(error, g_steal_pointer(&reason));
      return FALSE;
    }
    if (!pause_for(fetch, fruitless ? 1 << (fruitless - 1) : 0.25, reason->message, error))
      return FALSE;
  }
  if (!check_hash(&part, stated, address, error))
    return FALSE;
  if (fsync(part.descriptor) < 0 || g_rename(part.part, part.path) < 0) {
    sac_error_set_from_errno(error, errno, "%s", part.path);
    return FALSE;
  }
  report(fetch, TRUE);
  return TRUE;
}

/* TRUE if an earlier call has fetched and verified it. */
static gboolean
is_fetched(Fetch *fetch, const Stated *stated)
{
  g_autofree char *path = g_build_filename(fetch->folder, stated->file->name, NULL);
  g_autofree char *info_path = g_strconcat(path, ".info", NULL);
  g_autoptr(GKeyFile) info = g_key_file_new();
  struct stat about;

  if (g_stat(path, &about) < 0 || about.st_size != stated->size ||
      !g_key_file_load_from_file(info, info_path, G_KEY_FILE_NONE, NULL))
    return FALSE;
  g_autofree char *hash = g_key_file_get_string(info, "file", "hash", NULL);
  return g_strcmp0(hash, stated->hash) == 0;
}

/* ---- All files --------------------------------------------------------------------------------------------------------- */

static void
stated_clear(gpointer data)
{
  g_free(((Stated *)data)->hash);
}

/* Which revision there is, and what the hub states of every file. */
static gboolean
ask_all(Fetch *fetch, const SacManifestModel *model, GArray *all, GError **error)
{
  for (guint i = 0; i < model->files->len; i++) {
    Stated stated = { .file = model->files->pdata[i] };
    gboolean missing = FALSE, good = FALSE;
    g_autoptr(GError) reason = NULL;

    fetch->now.file = stated.file->name;
    report(fetch, FALSE);
    if (fetch->revision) {
      good = ask_statement(fetch, fetch->revision, &stated, &missing, &reason);
    } else {
      for (char **revision = model->revisions; *revision && !good; revision++) {
        g_clear_error(&reason);
        good = ask_statement(fetch, *revision, &stated, &missing, &reason);
        if (!good && !missing)
          break;
      }
    }
    if (!good && !(missing && stated.file->optional)) {
      g_free(stated.hash);
      g_propagate_error(error, g_steal_pointer(&reason));
      return FALSE;
    }
    if (good)
      g_array_append_val(all, stated);
  }
  return TRUE;
}

static gboolean
check_room(Fetch *fetch, gint64 wanted, GError **error)
{
  struct statvfs disk;

  if (statvfs(fetch->folder, &disk) < 0 || (guint64)disk.f_bavail * disk.f_frsize >= (guint64)MAX(wanted, 0))
    return TRUE;
  g_autofree char *want = g_format_size((guint64)wanted);
  g_autofree char *have = g_format_size((guint64)disk.f_bavail * disk.f_frsize);
  g_set_error(error, SAC_ERROR, SAC_ERROR_NO_SPACE, "%s: %s more are needed, but the disk has room for %s",
              fetch->folder, want, have);
  return FALSE;
}

static void
remove_infos(Fetch *fetch, GArray *all)
{
  for (guint i = 0; i < all->len; i++) {
    g_autofree char *info = g_strdup_printf("%s/%s.info", fetch->folder, g_array_index(all, Stated, i).file->name);
    g_unlink(info);
  }
}

gboolean
sac_model_fetch(const char *hub, const SacManifestModel *model, const char *folder, SacModelProgressFunc progress,
                gpointer user_data, GCancellable *cancellable, GError **error)
{
  g_autofree char *address = g_strdup(hub);
  g_autoptr(GMainContext) context = g_main_context_new();
  g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Stated));
  Fetch fetch = { .source = model->source,
                  .folder = folder,
                  .cancellable = cancellable,
                  .progress = progress,
                  .progress_data = user_data,
                  .now = { .total = -1, .seconds_left = -1 } };
  gint64 total = 0, here = 0;
  gboolean good;

  while (g_str_has_suffix(address, "/"))
    address[strlen(address) - 1] = '\0';
  fetch.hub = address;
  g_array_set_clear_func(all, stated_clear);
  /* A session belongs to the context of the thread that makes it. */
  g_main_context_push_thread_default(context);
  fetch.session =
      soup_session_new_with_options("timeout", IDLE_SECONDS, "user-agent", "saccade/" SACCADE_VERSION, NULL);

  good = ask_all(&fetch, model, all, error);
  for (guint i = 0; good && i < all->len; i++) {
    const Stated *stated = &g_array_index(all, Stated, i);

    total += stated->size;
    if (is_fetched(&fetch, stated))
      fetch.now.done += stated->size;
  }
  here = sac_model_folder_bytes(folder);
  good = good && check_room(&fetch, total - here, error);
  fetch.now.total = good ? total : -1;
  for (guint i = 0; good && i < all->len; i++)
    if (!is_fetched(&fetch, &g_array_index(all, Stated, i)))
      good = fetch_file(&fetch, &g_array_index(all, Stated, i), error);
  if (good)
    remove_infos(&fetch, all);

  soup_session_abort(fetch.session);
  g_clear_object(&fetch.session);
  g_main_context_pop_thread_default(context);
  g_free(fetch.revision);
  return good;
}
