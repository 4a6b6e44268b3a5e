/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/networks/picture-feed.h"

#include <stdlib.h>
#include <string.h>

#include "shaders/shaders.h"

/* As much as a lane uploads at once: some twenty pictures of a film in high definition. */
#define GROUP_BYTES ((uint64_t)64 << 20)
#define LANES 2
#define GROUP_SIZE 64 /* of the shaders */

/* How a picture lies in the upload: rows one after the other, each beginning on a word. */
struct picture_layout {
  unsigned planes;
  uint32_t at[3], stride[3], row_bytes[3], rows[3];
  uint64_t bytes;
};

/* What a lane's commands and tables were made for; compared as bytes. */
struct group {
  struct nn_plan *plan;
  uint32_t first, count, width, height, format, matrix;
  uint32_t full_range, chroma_centred, on_device;
};

struct lane {
  struct group group;
  struct gpu_buffer *upload;  /* the host's pixels; with the device's way [tables] [pictures] */
  struct gpu_buffer *source;  /* the same on the device; where it can be mapped there is no upload */
  struct gpu_buffer *between; /* between the two passes */
  struct gpu_commands *commands;
  uint64_t tables_bytes; /* a multiple of the storage alignment */
};

struct picture_feed {
  struct gpu_device *device;
  const struct preprocessing *preprocessing;
  unsigned crops;
  bool on_device;
  struct lane lanes[LANES];
  unsigned next;
};

/* The tables of one direction, all crops together. */
struct tables {
  struct resampling *crops;
  uint32_t widest;
};

struct across_push {
  uint32_t side, rows, crops, widest, taps_at, coefficients_at;
  uint32_t width, height, picture_words;
  uint32_t stride, cb_at, cr_at, chroma_stride;
  uint32_t centred;
  int32_t black, grey, gain, red_cr, green_cb, green_cr, blue_cb;
};

struct down_push {
  uint32_t side, rows, crops, widest, taps_at, coefficients_at;
  uint32_t first;
  float factor[3], offset[3];
};

static uint64_t
round_up(uint64_t value, uint64_t step)
{
  return (value + step - 1) / step * step;
}

enum compute_status
picture_feed_create(struct gpu_device *device, const struct preprocessing *preprocessing, unsigned crops,
                    enum model_preparation preparation, struct picture_feed **out, struct compute_error *error)
{
  struct picture_feed *feed = calloc(1, sizeof *feed);

  *out = feed;
  if (!feed)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory");
  feed->device = device;
  feed->preprocessing = preprocessing;
  feed->crops = crops;
  feed->on_device = preparation == MODEL_PREPARE_BEST ? gpu_device_capabilities(device)->type != GPU_DEVICE_CPU
                                                      : preparation == MODEL_PREPARE_ON_DEVICE;
  return COMPUTE_OK;
}

static void
lane_finish(struct lane *lane)
{
  gpu_commands_destroy(&lane->commands);
  gpu_buffer_destroy(&lane->upload);
  gpu_buffer_destroy(&lane->source);
  gpu_buffer_destroy(&lane->between);
  *lane = (struct lane){ 0 };
}

void
picture_feed_forget(struct picture_feed *feed)
{
  for (int i = 0; i < LANES; i++)
    lane_finish(&feed->lanes[i]);
}

void
picture_feed_destroy(struct picture_feed **feed)
{
  if (!*feed)
    return;
  picture_feed_forget(*feed);
  free(*feed);
  *feed = NULL;
}

bool
picture_feed_is_on_device(const struct picture_feed *feed)
{
  return feed->on_device;
}

static struct picture_layout
lay_out(const struct model_picture *picture)
{
  const bool is_rgb = picture->format == MODEL_RGB24;
  const bool apart = picture->format == MODEL_YUV420P || picture->format == MODEL_YUV420P10;
  const uint32_t sample = picture->format == MODEL_YUV420P10 || picture->format == MODEL_P010 ? 2 : 1;
  const uint32_t chroma_width = (picture->width + 1) / 2;
  struct picture_layout layout = { .planes = is_rgb ? 1 : apart ? 3 : 2 };

  for (unsigned i = 0; i < layout.planes; i++) {
    layout.row_bytes[i] = i > 0 ? chroma_width * sample * (apart ? 1 : 2) : picture->width * (is_rgb ? 3 : sample);
    layout.rows[i] = i > 0 ? (picture->height + 1) / 2 : picture->height;
    layout.stride[i] = (uint32_t)round_up(layout.row_bytes[i], 4);
    layout.at[i] = (uint32_t)layout.bytes;
    layout.bytes += (uint64_t)layout.stride[i] * layout.rows[i];
  }
  return layout;
}

static void
copy_picture(const struct model_picture *picture, const struct picture_layout *layout, uint8_t *to)
{
  for (unsigned i = 0; i < layout->planes; i++) {
    const uint8_t *from = i > 0 ? picture->chroma[i - 1] : picture->pixels;
    const size_t stride = i > 0 ? picture->chroma_stride[i - 1] : picture->stride;

    for (uint32_t y = 0; y < layout->rows[i]; y++)
      memcpy(to + layout->at[i] + (size_t)y * layout->stride[i], from + y * stride, layout->row_bytes[i]);
  }
}

static bool
same_kind(const struct model_picture *a, const struct model_picture *b)
{
  return a->width == b->width && a->height == b->height && a->format == b->format && a->matrix == b->matrix &&
         a->full_range == b->full_range && a->chroma_centred == b->chroma_centred;
}

static uint64_t
pixel_values(const struct picture_feed *feed)
{
  return (uint64_t)feed->preprocessing->crop * feed->preprocessing->crop * 3 * feed->crops;
}

/* Rows of the picture that its crops are made of, at most, which are what `between` keeps of each. */
static uint32_t
rows_between(const struct picture_feed *feed, const struct tables *down)
{
  const uint32_t side = feed->preprocessing->crop;
  uint32_t most = 0;

  for (unsigned crop = 0; crop < feed->crops; crop++) {
    const struct tap *taps = down->crops[crop].taps;
    const uint32_t rows = taps[side - 1].start + taps[side - 1].count - taps[0].start;

    most = rows > most ? rows : most;
  }
  return most;
}

static void
tables_finish(struct tables *tables, unsigned crops)
{
  for (unsigned i = 0; tables->crops && i < crops; i++)
    resampling_finish(&tables->crops[i]);
  free(tables->crops);
}

static enum compute_status
tables_init(const struct picture_feed *feed, const struct model_picture *picture, struct tables *across,
            struct tables *down, struct compute_error *error)
{
  const struct preprocessing *preprocessing = feed->preprocessing;
  const uint32_t side = preprocessing->crop;
  bool good;

  *across = (struct tables){ .crops = calloc(feed->crops, sizeof *across->crops) };
  *down = (struct tables){ .crops = calloc(feed->crops, sizeof *down->crops) };
  good = across->crops && down->crops;
  for (unsigned i = 0; good && i < feed->crops; i++) {
    struct preprocess_window window;
    enum compute_status status = preprocess_place(picture, preprocessing, i, feed->crops, &window, error);

    if (status)
      return status;
    good =
        resampling_init(&across->crops[i], preprocessing->bilinear, picture->width, window.width, window.left, side) &&
        resampling_init(&down->crops[i], preprocessing->bilinear, picture->height, window.height, window.top, side);
  }
  if (!good)
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory to resize a picture of %u × %u pixels",
                        picture->width, picture->height);
  /* One size of picture has one scale each way, whatever the crop. */
  across->widest = across->crops[0].widest;
  down->widest = down->crops[0].widest;
  return COMPUTE_OK;
}

static uint32_t
table_words(const struct picture_feed *feed, const struct tables *tables)
{
  return feed->crops * feed->preprocessing->crop * (2 + tables->widest);
}

/* Starts and counts, then coefficients. Rows are counted from the crop's first. */
static void
write_table(const struct picture_feed *feed, const struct tables *tables, bool is_down, int32_t *to)
{
  const uint32_t side = feed->preprocessing->crop;
  int32_t *coefficients = to + feed->crops * side * 2;

  for (unsigned crop = 0; crop < feed->crops; crop++) {
    const struct resampling *resampling = &tables->crops[crop];
    const uint32_t first = is_down ? resampling->taps[0].start : 0;

    for (uint32_t i = 0; i < side; i++) {
      to[(crop * side + i) * 2] = (int32_t)(resampling->taps[i].start - first);
      to[(crop * side + i) * 2 + 1] = (int32_t)resampling->taps[i].count;
    }
    memcpy(coefficients + (size_t)crop * side * tables->widest, resampling->coefficients,
           (size_t)side * tables->widest * sizeof *coefficients);
  }
}

/* The lane's buffer, made anew if it is too small. */
static enum compute_status
need_buffer(struct picture_feed *feed, struct gpu_buffer **buffer, uint64_t bytes, enum gpu_memory memory,
            struct compute_error *error)
{
  if (*buffer && gpu_buffer_bytes(*buffer) >= bytes)
    return COMPUTE_OK;
  gpu_buffer_destroy(buffer);
  return gpu_buffer_create(feed->device, bytes, memory, buffer, error);
}

static uint8_t *
host_memory(struct lane *lane)
{
  return gpu_buffer_map(lane->upload ? lane->upload : lane->source);
}

static enum compute_status
dispatch(struct picture_feed *feed, struct lane *lane, const struct shader *shader, uint32_t format,
         const struct gpu_binding bindings[3], const void *push, unsigned push_bytes, uint64_t invocations,
         uint32_t count, struct compute_error *error)
{
  static const enum gpu_binding_type types[3] = { GPU_BINDING_STORAGE, GPU_BINDING_STORAGE, GPU_BINDING_STORAGE };
  const struct gpu_pipeline_params params = {
    .name = shader->name,
    .spirv = shader->spirv,
    .spirv_bytes = shader->bytes,
    .bindings = types,
    .binding_count = 3,
    .push_constant_bytes = push_bytes,
    .constants = &format,
    .constant_count = shader == &shader_picture_across,
  };
  struct gpu_pipeline *pipeline;
  enum compute_status status = gpu_pipeline_get(feed->device, &params, &pipeline, error);

  return status ? status
                : gpu_commands_dispatch(lane->commands, pipeline, bindings, 3, push, push_bytes,
                                        (uint32_t)((invocations + GROUP_SIZE - 1) / GROUP_SIZE), feed->crops, count,
                                        error);
}

static enum compute_status
record_passes(struct picture_feed *feed, struct lane *lane, const struct model_picture *picture, uint32_t first,
              uint32_t count, const struct gpu_binding *pixels, const struct tables *across, const struct tables *down,
              struct compute_error *error)
{
  const uint32_t side = feed->preprocessing->crop, crops = feed->crops, rows = rows_between(feed, down);
  const struct picture_layout layout = lay_out(picture);
  const uint32_t across_at = crops, down_at = across_at + table_words(feed, across);
  const uint64_t tables_bytes = (uint64_t)(down_at + table_words(feed, down)) * 4;
  const uint64_t alignment = gpu_device_capabilities(feed->device)->storage_buffer_alignment;
  const uint64_t between_bytes = (uint64_t)count * crops * rows * side * 4;
  struct preprocess_colour colour = { 0 };
  enum compute_status status;

  lane->tables_bytes = round_up(tables_bytes, alignment > 4 ? alignment : 4);
  const uint64_t bytes = lane->tables_bytes + layout.bytes * count;
  if ((status = need_buffer(feed, &lane->source, bytes, GPU_MEMORY_DEVICE, error)) ||
      (status = need_buffer(feed, &lane->between, between_bytes, GPU_MEMORY_DEVICE, error)))
    return status;
  if (gpu_buffer_map(lane->source))
    gpu_buffer_destroy(&lane->upload);
  else if ((status = need_buffer(feed, &lane->upload, bytes, GPU_MEMORY_UPLOAD, error)))
    return status;

  int32_t *tables = (int32_t *)host_memory(lane);
  for (unsigned crop = 0; crop < crops; crop++)
    tables[crop] = (int32_t)down->crops[crop].taps[0].start;
  write_table(feed, across, false, tables + across_at);
  write_table(feed, down, true, tables + down_at);

  if (picture->format != MODEL_RGB24)
    preprocess_colour(picture, &colour);
  const struct across_push across_push = {
    .side = side,
    .rows = rows,
    .crops = crops,
    .widest = across->widest,
    .taps_at = across_at,
    .coefficients_at = across_at + crops * side * 2,
    .width = picture->width,
    .height = picture->height,
    .picture_words = (uint32_t)(layout.bytes / 4),
    .stride = layout.stride[0],
    .cb_at = layout.at[1],
    /* Where Cb and Cr take turns, Cr is the sample after. */
    .cr_at = layout.planes == 3 ? layout.at[2] : layout.at[1] + (picture->format == MODEL_P010 ? 2 : 1),
    .chroma_stride = layout.stride[1],
    .centred = picture->chroma_centred,
    .black = colour.black,
    .grey = colour.grey,
    .gain = colour.gain,
    .red_cr = colour.red_cr,
    .green_cb = colour.green_cb,
    .green_cr = colour.green_cr,
    .blue_cb = colour.blue_cb,
  };
  struct down_push down_push = {
    .side = side,
    .rows = rows,
    .crops = crops,
    .widest = down->widest,
    .taps_at = down_at,
    .coefficients_at = down_at + crops * side * 2,
    .first = (uint32_t)(first * pixel_values(feed)),
  };
  preprocess_normalisation(feed->preprocessing, down_push.factor, down_push.offset);
  const struct gpu_binding table_binding = { lane->source, 0, tables_bytes };
  const struct gpu_binding between_binding = { lane->between, 0, between_bytes };

  if (lane->upload) {
    gpu_commands_copy(lane->commands, lane->upload, 0, lane->source, 0, bytes);
    gpu_commands_barrier(lane->commands);
  }
  status = dispatch(feed, lane, &shader_picture_across, picture->format,
                    (struct gpu_binding[]){
                        { lane->source, lane->tables_bytes, layout.bytes * count }, table_binding, between_binding },
                    &across_push, sizeof across_push, (uint64_t)side * rows, count, error);
  if (status)
    return status;
  gpu_commands_barrier(lane->commands);
  return dispatch(feed, lane, &shader_picture_down, 0,
                  (struct gpu_binding[]){ between_binding, table_binding, *pixels }, &down_push, sizeof down_push,
                  (uint64_t)side * side, count, error);
}

static enum compute_status
record_group(struct picture_feed *feed, struct lane *lane, const struct group *group,
             const struct model_picture *picture, struct compute_error *error)
{
  const uint64_t values = pixel_values(feed);
  struct tables across = { 0 }, down = { 0 };
  struct gpu_binding pixels;
  enum compute_status status;

  /* Until it is whole the lane is for nothing. */
  lane->group = (struct group){ 0 };
  gpu_commands_destroy(&lane->commands);
  if ((status = nn_plan_find_input(group->plan, "pixels", &pixels, error)) ||
      (status = gpu_commands_create(feed->device, &lane->commands, error)))
    return status;
  if (group->on_device) {
    if (!(status = tables_init(feed, picture, &across, &down, error)))
      status = record_passes(feed, lane, picture, group->first, group->count, &pixels, &across, &down, error);
    tables_finish(&across, feed->crops);
    tables_finish(&down, feed->crops);
  } else if (!(status = need_buffer(feed, &lane->upload, values * group->count * 4, GPU_MEMORY_UPLOAD, error))) {
    gpu_commands_copy(lane->commands, lane->upload, 0, pixels.buffer, pixels.offset + values * group->first * 4,
                      values * group->count * 4);
  }
  if (!status)
    status = gpu_commands_end(lane->commands, error);
  if (!status)
    lane->group = *group;
  return status;
}

/* Whether the device's buffers can hold what the shaders need of one picture. */
static bool
fits_device(const struct picture_feed *feed, const struct model_picture *picture)
{
  const struct gpu_capabilities *capabilities = gpu_device_capabilities(feed->device);
  const uint64_t side = feed->preprocessing->crop, between = side * picture->height;

  return lay_out(picture).bytes <= capabilities->max_storage_buffer_bytes &&
         between * 4 * feed->crops <= capabilities->max_storage_buffer_bytes &&
         (between + GROUP_SIZE - 1) / GROUP_SIZE <= capabilities->max_workgroup_count[0];
}

/* How many of the pictures from the first on go together. */
static unsigned
count_group(const struct picture_feed *feed, const struct model_picture *pictures, unsigned count, bool on_device)
{
  const uint64_t between = (uint64_t)feed->preprocessing->crop * pictures->height * feed->crops * 4;
  const uint64_t bytes = on_device ? lay_out(pictures).bytes : pixel_values(feed) * 4;
  const uint64_t most = GROUP_BYTES / (on_device && between > bytes ? between : bytes);
  unsigned n = 1;

  while (n < count && n < most &&
         (on_device ? same_kind(&pictures[n], pictures) : !feed->on_device || !fits_device(feed, &pictures[n])))
    n++;
  return n;
}

static enum compute_status
write_group(struct picture_feed *feed, struct lane *lane, struct nn_plan *plan, const struct model_picture *pictures,
            unsigned first, unsigned count, bool on_device, struct compute_error *error)
{
  struct group group;
  enum compute_status status;

  memset(&group, 0, sizeof group);
  group.plan = plan;
  group.first = first;
  group.count = count;
  group.on_device = on_device;
  if (on_device) {
    group.width = pictures->width;
    group.height = pictures->height;
    group.format = pictures->format;
    group.matrix = pictures->matrix;
    group.full_range = pictures->full_range;
    group.chroma_centred = pictures->chroma_centred;
  }
  if (lane->commands && (status = gpu_commands_wait(lane->commands, error)))
    return status;
  if (memcmp(&group, &lane->group, sizeof group) != 0 && (status = record_group(feed, lane, &group, pictures, error)))
    return status;
  uint8_t *memory = host_memory(lane);
  if (on_device) {
    const struct picture_layout layout = lay_out(pictures);

    for (unsigned i = 0; i < count; i++)
      copy_picture(&pictures[i], &layout, memory + lane->tables_bytes + layout.bytes * i);
  } else {
    const size_t crop_values = (size_t)pixel_values(feed) / feed->crops;

    for (unsigned i = 0; i < count * feed->crops; i++)
      if ((status = preprocess_picture(&pictures[i / feed->crops], feed->preprocessing, i % feed->crops, feed->crops,
                                       (float *)memory + i * crop_values, error)))
        return status;
  }
  return gpu_commands_submit(lane->commands, error);
}

enum compute_status
picture_feed_write(struct picture_feed *feed, struct nn_plan *plan, const struct model_picture *pictures,
                   unsigned count, struct compute_error *error)
{
  for (unsigned first = 0, n; first < count; first += n) {
    const struct model_picture *from = &pictures[first];
    struct preprocess_window window;
    enum compute_status status;

    /* Nothing is asked of the sizes of a picture that is none. */
    if ((status = preprocess_place(from, feed->preprocessing, 0, feed->crops, &window, error)))
      return status;
    const bool on_device = feed->on_device && fits_device(feed, from);
    n = count_group(feed, from, count - first, on_device);
    struct lane *lane = &feed->lanes[feed->next];
    feed->next = (feed->next + 1) % LANES;
    if ((status = write_group(feed, lane, plan, from, first, n, on_device, error))) {
      lane_finish(lane);
      return status;
    }
  }
  return COMPUTE_OK;
}
