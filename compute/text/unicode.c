/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <utf8proc.h>

#include "compute/text/tokenizer-private.h"

void
code_points_add(struct code_points *text, int32_t point)
{
  if (text->failed)
    return;
  if (text->count == text->capacity) {
    const size_t capacity = text->capacity ? text->capacity * 2 : 256;
    int32_t *points = realloc(text->points, capacity * sizeof *points);

    if (!points) {
      text->failed = true;
      return;
    }
    text->points = points;
    text->capacity = capacity;
  }
  text->points[text->count++] = point;
}

/* How many bytes, at least one, begin what could have become a character: they count as one U+FFFD together (Unicode 15, section 3.9,
   tables 3-7 and 3-8). */
static size_t
broken_length(const unsigned char *utf8, size_t bytes)
{
  const unsigned lead = utf8[0];
  const size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const unsigned low = lead == 0xe0   ? 0xa0
                       : lead == 0xf0 ? 0x90
                                      : 0x80,
                 high = lead == 0xed   ? 0x9f
                        : lead == 0xf4 ? 0x8f
                                       : 0xbf;
  size_t length;

  if (lead < 0xc2 || lead > 0xf4 || bytes < 2 || utf8[1] < low || utf8[1] > high)
    return 1;
  for (length = 2; length < wanted && length < bytes && utf8[length] >> 6 == 2;)
    length++;
  return length;
}

void
code_points_decode(struct code_points *text, const char *utf8, size_t bytes)
{
  size_t i = 0;

  while (i < bytes) {
    utf8proc_int32_t point;
    const utf8proc_ssize_t used =
        utf8proc_iterate((const utf8proc_uint8_t *)utf8 + i, (utf8proc_ssize_t)(bytes - i), &point);

    code_points_add(text, used > 0 ? point : 0xfffd);
    i += used > 0 ? (size_t)used : broken_length((const unsigned char *)utf8 + i, bytes - i);
  }
}

void
code_points_finish(struct code_points *text)
{
  free(text->points);
  *text = (struct code_points){ 0 };
}

/* Unicode's White_Space property. */
bool
code_point_is_space(int32_t point)
{
  const utf8proc_category_t category = utf8proc_category(point);

  return (point >= 0x09 && point <= 0x0d) || point == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
         category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

bool
code_point_is_letter(int32_t point)
{
  const utf8proc_category_t category = utf8proc_category(point);

  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool
code_point_is_number(int32_t point)
{
  const utf8proc_category_t category = utf8proc_category(point);

  return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

bool
code_point_is_mark(int32_t point)
{
  return utf8proc_category(point) == UTF8PROC_CATEGORY_MN;
}

bool
code_point_is_other(int32_t point)
{
  const utf8proc_category_t category = utf8proc_category(point);

  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_CO ||
         category == UTF8PROC_CATEGORY_CS;
}

bool
code_point_is_punctuation(int32_t point)
{
  const utf8proc_category_t category = utf8proc_category(point);

  if ((point >= 33 && point <= 47) || (point >= 58 && point <= 64) || (point >= 91 && point <= 96) ||
      (point >= 123 && point <= 126))
    return true;
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

void
code_points_add_lower(struct code_points *text, int32_t point)
{
  /* The one letter whose lower case is two code points in every language. */
  if (point == 0x130) {
    code_points_add(text, 'i');
    code_points_add(text, 0x307);
    return;
  }
  code_points_add(text, utf8proc_tolower(point));
}
