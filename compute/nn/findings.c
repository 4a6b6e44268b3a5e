/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/nn/nn-private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The file is lines of text, of which the last holds the hash of all before it: a file that is cut off or changed counts as none.
 *
 *     saccade-kernels 1
 *     program 89ab…          the kernels that it is about
 *     tested                 the self-test came to its end
 *     trying 1 linear/lanes  the process ended so often while it was tried
 *     unused linear/lanes wrong numbers: …
 *     fastest linear/lanes 6 linear f32 512 1024 4096     the kernel, its variant, the class of nodes
 *     end 0123…
 */

#define FIRST_LINE "saccade-kernels 1\n"
#define MAX_FILE 65536
#define MAX_CLASSES 400  /* which fit into a file */
#define CRASHES_ENOUGH 2 /* one may be somebody who lost patience */

struct verdict {
  char reason[160]; /* empty: it may be used */
  unsigned crashes;
};

struct fastest {
  char class[NN_CLASS_TEXT];
  const struct nn_kernel *kernel;
  unsigned variant;
};

struct nn_findings {
  char *path; /* NULL: kept nowhere */
  uint64_t program;
  bool tested;
  size_t kernel_count;
  struct verdict *verdicts; /* by nn_kernel_index() */
  struct fastest *fastest;
  size_t fastest_count;
};

size_t
nn_kernel_index(const struct nn_kernel *wanted)
{
  size_t index = 0;

  for (const struct nn_op *const *op = nn_ops; *op != NULL; op++)
    for (const struct nn_kernel *const *kernel = (*op)->kernels; *kernel != NULL; kernel++, index++)
      if (*kernel == wanted)
        return index;
  return index;
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo), to be continued. */
static uint64_t
hash(uint64_t so_far, const void *data, size_t bytes)
{
  const uint8_t *byte = data;

  for (size_t i = 0; i < bytes; i++)
    so_far = (so_far ^ byte[i]) * 1099511628211u;
  return so_far;
}

#define HASH_START 14695981039346656037u

/* Of every kernel's name and every shader's code. */
static uint64_t
hash_program(void)
{
  uint64_t program = HASH_START;
  const char *name;

  for (size_t i = 0; (name = nn_kernel_name(i)) != NULL; i++)
    program = hash(program, name, strlen(name) + 1);
  for (size_t i = 0; shaders[i] != NULL; i++)
    program = hash(program, shaders[i]->spirv, shaders[i]->bytes);
  return program;
}

/* The verdict on the kernel of that name, or NULL. */
static struct verdict *
find_verdict(struct nn_findings *findings, const char *name)
{
  for (size_t i = 0; i < findings->kernel_count; i++)
    if (strcmp(nn_kernel_name(i), name) == 0)
      return &findings->verdicts[i];
  return NULL;
}

/* ---- Reading ---- */

/* The word at *line, ended by a zero; *line moves behind it. */
static char *
take_word(char **line)
{
  char *word = *line + strspn(*line, " ");

  *line = word + strcspn(word, " ");
  if (**line != '\0')
    *(*line)++ = '\0';
  return word;
}

static const struct nn_kernel *
find_kernel(const char *name)
{
  size_t index = 0;

  for (const struct nn_op *const *op = nn_ops; *op != NULL; op++)
    for (const struct nn_kernel *const *kernel = (*op)->kernels; *kernel != NULL; kernel++)
      if (strcmp(nn_kernel_name(index++), name) == 0)
        return *kernel;
  return NULL;
}

/* False: not a line of such a file. */
static bool
read_line(struct nn_findings *findings, char *line)
{
  const char *what = take_word(&line);
  struct verdict *verdict;

  if (strcmp(what, "program") == 0)
    return strtoull(take_word(&line), NULL, 16) == findings->program;
  if (strcmp(what, "tested") == 0)
    return findings->tested = true;
  if (strcmp(what, "trying") == 0) {
    unsigned crashes = (unsigned)strtoul(take_word(&line), NULL, 10);

    verdict = find_verdict(findings, take_word(&line));
    if (verdict != NULL)
      verdict->crashes = crashes;
    return verdict != NULL;
  }
  if (strcmp(what, "unused") == 0) {
    verdict = find_verdict(findings, take_word(&line));
    if (verdict != NULL)
      snprintf(verdict->reason, sizeof verdict->reason, "%s", line);
    return verdict != NULL;
  }
  if (strcmp(what, "fastest") == 0) {
    const struct nn_kernel *kernel = find_kernel(take_word(&line));
    unsigned variant = (unsigned)strtoul(take_word(&line), NULL, 10);

    if (kernel != NULL)
      nn_findings_set_fastest(findings, line, kernel, variant);
    return kernel != NULL;
  }
  return false;
}

static bool
read_text(struct nn_findings *findings, char *text)
{
  char *end = strstr(text, "\nend ");
  bool good = strncmp(text, FIRST_LINE, sizeof FIRST_LINE - 1) == 0 && end != NULL &&
              strtoull(end + 5, NULL, 16) == hash(HASH_START, text, (size_t)(end + 1 - text));

  if (!good)
    return false;
  end[0] = '\0';
  for (char *line = strtok(text + sizeof FIRST_LINE - 1, "\n"); good && line != NULL; line = strtok(NULL, "\n"))
    good = read_line(findings, line);
  return good;
}

static void
load(struct nn_findings *findings)
{
  FILE *file = fopen(findings->path, "re");
  char *text = calloc(1, MAX_FILE + 1);

  if (file != NULL && text != NULL && (fread(text, 1, MAX_FILE, file) == 0 || !read_text(findings, text))) {
    findings->tested = false;
    findings->fastest_count = 0;
    memset(findings->verdicts, 0, findings->kernel_count * sizeof *findings->verdicts);
  }
  free(text);
  if (file != NULL)
    fclose(file);
  for (size_t i = 0; i < findings->kernel_count; i++)
    if (findings->verdicts[i].crashes >= CRASHES_ENOUGH && findings->verdicts[i].reason[0] == '\0')
      snprintf(findings->verdicts[i].reason, sizeof findings->verdicts[i].reason,
               "the driver crashed while it was tried");
}

enum compute_status
nn_findings_open(struct gpu_device *device, const char *directory, struct nn_findings **findings_out,
                 struct compute_error *error)
{
  struct nn_findings *findings = calloc(1, sizeof *findings);
  bool good = findings != NULL;
  size_t bytes;

  *findings_out = NULL;
  if (good) {
    findings->program = hash_program();
    while (nn_kernel_name(findings->kernel_count) != NULL)
      findings->kernel_count++;
    findings->verdicts = calloc(findings->kernel_count, sizeof *findings->verdicts);
    findings->fastest = calloc(MAX_CLASSES, sizeof *findings->fastest);
    good = findings->verdicts != NULL && findings->fastest != NULL;
  }
  if (good && directory != NULL) {
    bytes = strlen(directory) + sizeof "/kernels-0123456789abcdef.txt";
    findings->path = malloc(bytes);
    good = findings->path != NULL;
    if (good) {
      gpu_make_directory(directory);
      snprintf(findings->path, bytes, "%s/kernels-%016" PRIx64 ".txt", directory, gpu_device_key(device));
      load(findings);
    }
  }
  if (!good) {
    nn_findings_close(&findings);
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "no memory for what is known of a device");
  }
  *findings_out = findings;
  return COMPUTE_OK;
}

void
nn_findings_close(struct nn_findings **findings)
{
  if (*findings == NULL)
    return;
  free((*findings)->verdicts);
  free((*findings)->fastest);
  free((*findings)->path);
  free(*findings);
  *findings = NULL;
}

/* ---- Writing ---- */

struct text {
  char *bytes;
  size_t used;
};

__attribute__((format(printf, 2, 3))) static void
append(struct text *text, const char *format, ...)
{
  va_list arguments;
  int written;

  va_start(arguments, format);
  written = vsnprintf(text->bytes + text->used, MAX_FILE - text->used, format, arguments);
  va_end(arguments);
  if (written > 0)
    text->used += (size_t)written < MAX_FILE - text->used ? (size_t)written : MAX_FILE - text->used - 1;
}

static void
write_lines(const struct nn_findings *findings, struct text *text)
{
  append(text, FIRST_LINE "program %016" PRIx64 "\n", findings->program);
  if (findings->tested)
    append(text, "tested\n");
  for (size_t i = 0; i < findings->kernel_count; i++) {
    const struct verdict *verdict = &findings->verdicts[i];

    if (verdict->crashes > 0)
      append(text, "trying %u %s\n", verdict->crashes, nn_kernel_name(i));
    if (verdict->reason[0] != '\0')
      append(text, "unused %s %s\n", nn_kernel_name(i), verdict->reason);
  }
  for (size_t i = 0; i < findings->fastest_count; i++)
    append(text, "fastest %s %u %s\n", nn_kernel_name(nn_kernel_index(findings->fastest[i].kernel)),
           findings->fastest[i].variant, findings->fastest[i].class);
  append(text, "end %016" PRIx64 "\n", hash(HASH_START, text->bytes, text->used));
}

void
nn_findings_save(struct nn_findings *findings)
{
  struct text text = { .bytes = malloc(MAX_FILE) };
  size_t bytes = findings->path != NULL ? strlen(findings->path) + sizeof ".XXXXXX" : 0;
  char *beside = malloc(bytes + 1);
  int descriptor = -1;

  if (findings->path != NULL && text.bytes != NULL && beside != NULL) {
    write_lines(findings, &text);
    snprintf(beside, bytes, "%s.XXXXXX", findings->path);
    descriptor = mkstemp(beside);
  }
  if (descriptor >= 0) {
    bool written = write(descriptor, text.bytes, text.used) == (ssize_t)text.used;

    if (close(descriptor) != 0 || !written || rename(beside, findings->path) != 0)
      unlink(beside);
  }
  free(beside);
  free(text.bytes);
}

/* ---- Asking and judging ---- */

bool
nn_findings_tested(const struct nn_findings *findings)
{
  return findings->tested;
}

const char *
nn_findings_reason(const struct nn_findings *findings, size_t index)
{
  return index < findings->kernel_count && findings->verdicts[index].reason[0] != '\0'
             ? findings->verdicts[index].reason
             : NULL;
}

bool
nn_findings_allow(const struct nn_findings *findings, const struct nn_kernel *kernel)
{
  return findings == NULL || nn_findings_reason(findings, nn_kernel_index(kernel)) == NULL;
}

void
nn_findings_set_tested(struct nn_findings *findings, bool tested)
{
  findings->tested = tested;
}

void
nn_findings_judge(struct nn_findings *findings, const struct nn_kernel *kernel, const char *reason)
{
  struct verdict *verdict = &findings->verdicts[nn_kernel_index(kernel)];

  snprintf(verdict->reason, sizeof verdict->reason, "%s", reason != NULL ? reason : "");
  for (char *at = verdict->reason; *at != '\0'; at++)
    if (*at == '\n' || *at == '\r')
      *at = ' ';
  verdict->crashes = 0;
}

void
nn_findings_try(struct nn_findings *findings, const struct nn_kernel *kernel)
{
  findings->verdicts[nn_kernel_index(kernel)].crashes++;
  nn_findings_save(findings);
}

/* ---- Speed ---- */

/* The power of two that is nearest in ratio: 3 is 4, 5 is 4, 6 is 8. */
static int64_t
round_size(int64_t size)
{
  int64_t power = 1;

  while (power <= INT64_MAX / 4 && (double)size > (double)power * 1.41421356)
    power *= 2;
  return size > 0 ? power : 0;
}

bool
nn_class_of(const struct nn_node *node, char text[NN_CLASS_TEXT])
{
  static const char *const types[] = { [NN_F32] = "f32", [NN_F16] = "f16", [NN_I8] = "i8" };
  const enum nn_type type = nn_weights_storage(node->output->graph->weights);
  int64_t sizes[NN_MAX_SIZES] = { 0 };
  int used;

  if (node->op->sizes == NULL)
    return false;
  node->op->sizes(node, sizes);
  used = snprintf(text, NN_CLASS_TEXT, "%s %s", node->op->name, types[type]);
  for (int i = 0; i < NN_MAX_SIZES && sizes[i] > 0; i++)
    used += snprintf(text + used, (size_t)(NN_CLASS_TEXT - used), " %lld", (long long)round_size(sizes[i]));
  return true;
}

static struct fastest *
find_class(const struct nn_findings *findings, const char *class)
{
  for (size_t i = 0; i < findings->fastest_count; i++)
    if (strcmp(findings->fastest[i].class, class) == 0)
      return &findings->fastest[i];
  return NULL;
}

bool
nn_findings_fastest(const struct nn_findings *findings, const char *class, const struct nn_kernel **kernel,
                    unsigned *variant)
{
  const struct fastest *fastest = findings != NULL ? find_class(findings, class) : NULL;

  if (fastest == NULL)
    return false;
  *kernel = fastest->kernel;
  *variant = fastest->variant;
  return true;
}

void
nn_findings_set_fastest(struct nn_findings *findings, const char *class, const struct nn_kernel *kernel,
                        unsigned variant)
{
  struct fastest *fastest = find_class(findings, class);

  if (fastest == NULL) {
    if (findings->fastest_count == MAX_CLASSES)
      return;
    fastest = &findings->fastest[findings->fastest_count++];
  }
  snprintf(fastest->class, sizeof fastest->class, "%s", class);
  fastest->kernel = kernel;
  fastest->variant = variant;
}

size_t
nn_findings_classes(const struct nn_findings *findings)
{
  return findings->fastest_count;
}

void
nn_findings_forget_speed(struct nn_findings *findings)
{
  findings->fastest_count = 0;
}
