/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/networks/preprocess.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double
bicubic(double x)
{
  const double a = -0.5;

  x = fabs(x);
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2)
    return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

static double
bilinear(double x)
{
  x = fabs(x);
  return x < 1 ? 1 - x : 0;
}

void
resampling_finish(struct resampling *resampling)
{
  free(resampling->taps);
  free(resampling->coefficients);
}

bool
resampling_init(struct resampling *resampling, bool is_bilinear, uint32_t from, uint32_t to, uint32_t first,
                uint32_t count)
{
  double (*const kernel)(double) = is_bilinear ? bilinear : bicubic;
  const double scale = (double)from / to;
  const double stretch = scale > 1 ? scale : 1;
  const double support = (is_bilinear ? 1 : 2) * stretch;

  *resampling = (struct resampling){ .widest = (uint32_t)ceil(support) * 2 + 1 };
  resampling->taps = calloc(count, sizeof *resampling->taps);
  resampling->coefficients = calloc((size_t)count * resampling->widest, sizeof *resampling->coefficients);
  double *weights = calloc(resampling->widest, sizeof *weights);
  if (!resampling->taps || !resampling->coefficients || !weights) {
    free(weights);
    resampling_finish(resampling);
    return false;
  }
  for (uint32_t i = 0; i < count; i++) {
    const double centre = (first + i + 0.5) * scale;
    const double low = floor(centre - support + 0.5), high = floor(centre + support + 0.5);
    const uint32_t start = low > 0 ? (uint32_t)low : 0;
    const uint32_t end = high < from ? (uint32_t)high : from;
    double sum = 0;

    for (uint32_t k = start; k < end; k++)
      sum += weights[k - start] = kernel((k - centre + 0.5) / stretch);
    resampling->taps[i] = (struct tap){ start, end - start };
    for (uint32_t k = 0; k < end - start; k++) {
      const double weight = sum != 0 ? weights[k] / sum : weights[k];
      resampling->coefficients[(size_t)i * resampling->widest + k] =
          (int32_t)(weight * (1 << RESAMPLING_BITS) + (weight < 0 ? -0.5 : 0.5));
    }
  }
  free(weights);
  return true;
}

static uint8_t
round_to_byte(int64_t sum)
{
  const int64_t value = sum >> RESAMPLING_BITS;

  return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

/* lines of 3 interleaved channels, `line` bytes apart; the samples of a line are `step` bytes apart. Output lines and samples
   likewise. */
static void
resample(const struct resampling *resampling, const uint8_t *in, size_t in_line, size_t in_step, uint8_t *out,
         size_t out_line, size_t out_step, uint32_t lines, uint32_t count)
{
  for (uint32_t line = 0; line < lines; line++) {
    for (uint32_t i = 0; i < count; i++) {
      const int32_t *coefficients = resampling->coefficients + (size_t)i * resampling->widest;
      const uint8_t *sample = in + line * in_line + resampling->taps[i].start * in_step;
      int64_t sum[3] = { 1 << (RESAMPLING_BITS - 1), 1 << (RESAMPLING_BITS - 1), 1 << (RESAMPLING_BITS - 1) };

      for (uint32_t k = 0; k < resampling->taps[i].count; k++, sample += in_step) {
        sum[0] += (int64_t)coefficients[k] * sample[0];
        sum[1] += (int64_t)coefficients[k] * sample[1];
        sum[2] += (int64_t)coefficients[k] * sample[2];
      }
      uint8_t *result = out + line * out_line + i * out_step;
      for (unsigned channel = 0; channel < 3; channel++)
        result[channel] = round_to_byte(sum[channel]);
    }
  }
}

void
preprocess_normalisation(const struct preprocessing *preprocessing, float factor[3], float offset[3])
{
  for (unsigned channel = 0; channel < 3; channel++) {
    factor[channel] = 1 / (255 * preprocessing->deviation[channel]);
    offset[channel] = -preprocessing->mean[channel] / preprocessing->deviation[channel];
  }
}

void
preprocess_colour(const struct model_picture *picture, struct preprocess_colour *colour)
{
  static const double weights[][2] = {
    [MODEL_BT601] = { 0.299, 0.114 }, [MODEL_BT709] = { 0.2126, 0.0722 }, [MODEL_BT2020] = { 0.2627, 0.0593 }
  };
  const double red = weights[picture->matrix][0], blue = weights[picture->matrix][1], green = 1 - red - blue;
  const int bits = picture->format == MODEL_P010 || picture->format == MODEL_YUV420P10 ? 10 : 8;
  const double one = 1 << (PREPROCESS_COLOUR_BITS - 4), most = (1 << bits) - 1, step = 1 << (bits - 8);
  const double luma = 255 * one / (picture->full_range ? most : 219 * step);
  const double chroma = 255 * one / (picture->full_range ? most : 224 * step);

  *colour = (struct preprocess_colour){
    .black = picture->full_range ? 0 : 16 << (bits - 8),
    .grey = 16 << (bits - 1),
    .gain = (int32_t)lrint(luma),
    .red_cr = (int32_t)lrint(2 * (1 - red) * chroma),
    .green_cb = (int32_t)lrint(-2 * (1 - blue) * blue / green * chroma),
    .green_cr = (int32_t)lrint(-2 * (1 - red) * red / green * chroma),
    .blue_cb = (int32_t)lrint(2 * (1 - blue) * chroma),
  };
}

static int32_t
read_sample(enum model_picture_format format, const uint8_t *line, uint32_t index)
{
  if (format == MODEL_YUV420P || format == MODEL_NV12)
    return line[index];
  const int32_t value = line[2 * (size_t)index] | line[2 * (size_t)index + 1] << 8;
  return format == MODEL_P010 ? value >> 6 : value & 0x3ff;
}

/* The two samples of chroma that lie about a sample of luma, and their weights of 4 in all. */
struct between {
  uint32_t near, far;
  int32_t near_weight, far_weight;
};

static struct between
find_between(uint32_t at, uint32_t chroma_count, bool centred)
{
  const uint32_t near = at / 2;
  const uint32_t after = near + 1 < chroma_count ? near + 1 : near, before = near > 0 ? near - 1 : 0;

  if (centred)
    return (struct between){ near, at & 1 ? after : before, 3, 1 };
  return at & 1 ? (struct between){ near, after, 2, 2 } : (struct between){ near, near, 4, 0 };
}

static uint8_t
round_colour(int32_t sum)
{
  const int32_t value = (sum + (1 << (PREPROCESS_COLOUR_BITS - 1))) >> PREPROCESS_COLOUR_BITS;

  return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

/* Rows first_row … first_row + rows - 1 as RGB [rows, width, 3]. */
static void
colour_rows(const struct model_picture *picture, uint32_t first_row, uint32_t rows, uint8_t *out)
{
  const enum model_picture_format format = picture->format;
  const bool apart = format == MODEL_YUV420P || format == MODEL_YUV420P10;
  const uint32_t chroma_width = (picture->width + 1) / 2, chroma_height = (picture->height + 1) / 2;
  const uint32_t step = apart ? 1 : 2;
  struct preprocess_colour colour;

  preprocess_colour(picture, &colour);
  for (uint32_t y = first_row; y < first_row + rows; y++) {
    const struct between down = find_between(y, chroma_height, true);
    const uint8_t *luma = picture->pixels + y * picture->stride;
    const uint8_t *near[2], *far[2];

    for (int i = 0; i < 2; i++) {
      const int plane = apart ? i : 0;

      near[i] = picture->chroma[plane] + down.near * picture->chroma_stride[plane];
      far[i] = picture->chroma[plane] + down.far * picture->chroma_stride[plane];
    }
    for (uint32_t x = 0; x < picture->width; x++, out += 3) {
      const struct between across = find_between(x, chroma_width, picture->chroma_centred);
      int32_t chroma[2];

      for (uint32_t i = 0; i < 2; i++) {
        const uint32_t left = across.near * step + (apart ? 0 : i), right = across.far * step + (apart ? 0 : i);

        chroma[i] = down.near_weight * (across.near_weight * read_sample(format, near[i], left) +
                                        across.far_weight * read_sample(format, near[i], right)) +
                    down.far_weight * (across.near_weight * read_sample(format, far[i], left) +
                                       across.far_weight * read_sample(format, far[i], right)) -
                    colour.grey;
      }
      const int32_t base = colour.gain * 16 * (read_sample(format, luma, x) - colour.black);
      out[0] = round_colour(base + colour.red_cr * chroma[1]);
      out[1] = round_colour(base + colour.green_cb * chroma[0] + colour.green_cr * chroma[1]);
      out[2] = round_colour(base + colour.blue_cb * chroma[0]);
    }
  }
}

static void
copy_window(const uint8_t *in, size_t stride, uint32_t left, uint32_t top, uint32_t side, uint8_t *out)
{
  for (uint32_t y = 0; y < side; y++)
    memcpy(out + (size_t)y * side * 3, in + (top + y) * stride + (size_t)left * 3, (size_t)side * 3);
}

/* The window of the picture, which is RGB and of which only the rows from first_row on are there. */
static bool
resize_window(const struct model_picture *picture, uint32_t first_row, uint32_t rows, const struct resampling *across,
              struct resampling *down, const struct preprocess_window *window, uint32_t side, uint8_t *out)
{
  if (window->width == picture->width && window->height == picture->height) {
    copy_window(picture->pixels, picture->stride, window->left, window->top - first_row, side, out);
    return true;
  }
  uint8_t *between = malloc((size_t)rows * side * 3);
  if (!between)
    return false;
  if (window->width == picture->width)
    for (uint32_t y = 0; y < rows; y++)
      memcpy(between + (size_t)y * side * 3, picture->pixels + y * picture->stride + (size_t)window->left * 3,
             (size_t)side * 3);
  else
    resample(across, picture->pixels, picture->stride, 3, between, (size_t)side * 3, 3, rows, side);
  for (uint32_t i = 0; i < side; i++)
    down->taps[i].start -= first_row;
  if (window->height == picture->height)
    memcpy(out, between, (size_t)side * side * 3);
  else
    resample(down, between, 3, (size_t)side * 3, out, 3, (size_t)side * 3, side, side);
  free(between);
  return true;
}

/* Only the rows that the window is made of are coloured, and go through the first pass. */
static bool
cut_window(const struct model_picture *picture, bool is_bilinear, const struct preprocess_window *window, uint32_t side,
           uint8_t *out)
{
  struct resampling across, down;

  if (!resampling_init(&across, is_bilinear, picture->width, window->width, window->left, side))
    return false;
  if (!resampling_init(&down, is_bilinear, picture->height, window->height, window->top, side)) {
    resampling_finish(&across);
    return false;
  }
  const uint32_t first_row = down.taps[0].start;
  const uint32_t rows = down.taps[side - 1].start + down.taps[side - 1].count - first_row;
  struct model_picture coloured = *picture;
  uint8_t *colours = NULL;
  bool done = true;

  if (picture->format == MODEL_RGB24) {
    coloured.pixels += first_row * picture->stride;
  } else {
    coloured.stride = (size_t)picture->width * 3;
    coloured.pixels = colours = malloc(rows * coloured.stride);
    if (colours)
      colour_rows(picture, first_row, rows, colours);
    else
      done = false;
  }
  done = done && resize_window(&coloured, first_row, rows, &across, &down, window, side, out);
  free(colours);
  resampling_finish(&across);
  resampling_finish(&down);
  return done;
}

enum compute_status
preprocess_place(const struct model_picture *picture, const struct preprocessing *preprocessing, unsigned index,
                 unsigned count, struct preprocess_window *window, struct compute_error *error)
{
  const uint32_t side = preprocessing->crop;
  const uint32_t short_side = picture->width < picture->height ? picture->width : picture->height;
  const uint32_t long_side = picture->width < picture->height ? picture->height : picture->width;

  if (!short_side || long_side > PREPROCESS_MAX_SIDE)
    return compute_fail(error, COMPUTE_ERROR_SHAPE,
                        "a picture of %u × %u pixels cannot be embedded: a side must be 1 … %u pixels", picture->width,
                        picture->height, PREPROCESS_MAX_SIDE);
  /* Only a window of the resized picture is ever made, so its length costs nothing. */
  const uint32_t resized = preprocessing->squash ? preprocessing->resize
                                                 : (uint32_t)((double)preprocessing->resize * long_side / short_side);
  const uint32_t width = picture->width < picture->height ? preprocessing->resize : resized;
  const uint32_t height = picture->width < picture->height ? resized : preprocessing->resize;
  /* Half a pixel too many goes to the even side, as round() does it in the reference. */
  uint32_t left = (uint32_t)rint((width - side) / 2.0), top = (uint32_t)rint((height - side) / 2.0);
  if (count > 1 && width >= height)
    left = (uint32_t)rint((double)(width - side) * index / (count - 1));
  else if (count > 1)
    top = (uint32_t)rint((double)(height - side) * index / (count - 1));
  *window = (struct preprocess_window){ width, height, left, top };
  return COMPUTE_OK;
}

enum compute_status
preprocess_picture(const struct model_picture *picture, const struct preprocessing *preprocessing, unsigned index,
                   unsigned count, float *out, struct compute_error *error)
{
  const uint32_t side = preprocessing->crop;
  struct preprocess_window window;
  enum compute_status status = preprocess_place(picture, preprocessing, index, count, &window, error);

  if (status)
    return status;
  uint8_t *pixels = malloc((size_t)side * side * 3);
  if (!pixels || !cut_window(picture, preprocessing->bilinear, &window, side, pixels)) {
    free(pixels);
    return compute_fail(error, COMPUTE_ERROR_OUT_OF_MEMORY, "not enough memory to resize a picture of %u × %u pixels",
                        picture->width, picture->height);
  }
  float factor[3], offset[3];
  preprocess_normalisation(preprocessing, factor, offset);
  for (size_t i = 0; i < (size_t)side * side; i++)
    for (unsigned channel = 0; channel < 3; channel++)
      out[i * 3 + channel] = pixels[i * 3 + channel] * factor[channel] + offset[channel];
  free(pixels);
  return COMPUTE_OK;
}
