#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first pass of preprocess.h: pictures' rows, coloured and resampled along x to `side` pixels. In integers, as the host does it, so
 * that both make the same bytes. An invocation a pixel of the result; crops in y, pictures in z.
 *
 * tables: the first row of each crop [crops], then wherever the push constants say: starts and counts [crops, side, 2], and
 * coefficients [crops, side, widest].
 */
layout(local_size_x = 64) in;

const uint RGB24 = 0, YUV420P = 1, YUV420P10 = 2, NV12 = 3, P010 = 4; /* enum model_picture_format */
layout(constant_id = 0) const uint FORMAT = 0;

layout(push_constant) uniform Push {
  uint side, rows, crops, widest, taps_at, coefficients_at;
  uint width, height, picture_words;
  uint stride, cb_at, cr_at, chroma_stride; /* bytes */
  uint centred;
  int black, grey, gain, red_cr, green_cb, green_cr, blue_cb;
};

layout(set = 0, binding = 0) readonly buffer S { uint source[]; };
layout(set = 0, binding = 1) readonly buffer T { int tables[]; };
layout(set = 0, binding = 2) writeonly buffer B { uint between[]; }; /* [pictures, crops, rows, side] of bytes of RGB */

const int HALF_TAP = 1 << 21, TAP_BITS = 22;
const int HALF_COLOUR = 1 << 19, COLOUR_BITS = 20;
const bool WIDE = FORMAT == YUV420P10 || FORMAT == P010;
const uint BYTES = FORMAT == YUV420P10 || FORMAT == P010 ? 2 : 1;
const bool APART = FORMAT == YUV420P || FORMAT == YUV420P10;

int
read_byte(uint at)
{
  return int(source[at >> 2] >> ((at & 3u) * 8u)) & 0xff;
}

int
read_sample(uint at)
{
  if (!WIDE)
    return read_byte(at);
  int value = int(source[at >> 2] >> ((at & 2u) * 8u)) & 0xffff;
  return FORMAT == P010 ? value >> 6 : value & 0x3ff;
}

/* The nearer and the farther sample of chroma about a sample of luma. */
uvec2
find_between(uint at, uint count, bool is_centred)
{
  uint near = at >> 1;
  uint after = min(near + 1u, count - 1u), before = near > 0u ? near - 1u : 0u;

  return uvec2(near, (at & 1u) != 0u ? after : is_centred ? before : near);
}

ivec2
weights(uint at, bool is_centred)
{
  return is_centred ? ivec2(3, 1) : (at & 1u) != 0u ? ivec2(2, 2) : ivec2(4, 0);
}

ivec2
read_chroma(uint row, uint column)
{
  uint at = row + column * (APART ? 1u : 2u) * BYTES;

  return ivec2(read_sample(cb_at + at), read_sample(cr_at + at));
}

void
main()
{
  uint index = gl_WorkGroupID.x * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  uint crop = gl_WorkGroupID.y, picture = gl_WorkGroupID.z;
  uint x = index % side, row = index / side;

  if (row >= rows)
    return;
  uint y = min(uint(tables[crop]) + row, height - 1u);
  uint tap = taps_at + (crop * side + x) * 2u, coefficient = coefficients_at + (crop * side + x) * widest;
  uint first = uint(tables[tap]), end = first + uint(tables[tap + 1u]);
  uint base = picture * picture_words * 4u;
  ivec3 sum = ivec3(HALF_TAP);

  if (FORMAT == RGB24) {
    uint at = base + y * stride + first * 3u;

    for (uint i = first; i < end; i++, at += 3u)
      sum += tables[coefficient + i - first] * ivec3(read_byte(at), read_byte(at + 1u), read_byte(at + 2u));
  } else {
    uint line = base + y * stride;
    uvec2 lines = base + find_between(y, (height + 1u) >> 1, true) * chroma_stride;

    for (uint i = first; i < end; i++) {
      uvec2 columns = find_between(i, (width + 1u) >> 1, centred != 0u);
      ivec2 across = weights(i, centred != 0u);
      ivec2 chroma = 3 * (across.x * read_chroma(lines.x, columns.x) + across.y * read_chroma(lines.x, columns.y)) +
                     across.x * read_chroma(lines.y, columns.x) + across.y * read_chroma(lines.y, columns.y) - grey;
      int luma = gain * 16 * (read_sample(line + i * BYTES) - black) + HALF_COLOUR;
      ivec3 colour = luma + ivec3(red_cr * chroma.y, green_cb * chroma.x + green_cr * chroma.y, blue_cb * chroma.x);

      sum += tables[coefficient + i - first] * clamp(colour >> COLOUR_BITS, 0, 255);
    }
  }
  ivec3 colour = clamp(sum >> TAP_BITS, 0, 255);
  between[((picture * crops + crop) * rows + row) * side + x] = uint(colour.r | colour.g << 8 | colour.b << 16);
}
