#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * softmax(scale · q · kᵀ) · v of one query and head an invocation. The softmax is online: the greatest score so far is carried along,
 * and what has been summed is rescaled when a greater one comes (Milakov and Gimelshein 2018). Keys go four at a time.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"

layout(constant_id = 0) const uint QUARTERS = 16; /* ceil(size of a head / 4) */
layout(constant_id = 1) const bool VECTOR = true; /* q, k, v and the result are whole vec4s, heads too */
layout(constant_id = 2) const bool CAUSAL = false;
layout(constant_id = 3) const bool LENGTHS = false;

layout(push_constant) uniform Push {
  uint batch, heads, queries, keys, size; /* size of a head */
  uint q_offset, q_stride, q_batch;       /* first element, a token, a batch */
  uint k_offset, k_stride, k_batch;
  uint v_offset, v_stride, v_batch;
  uint lengths_offset;
  float scale;
};

layout(set = 0, binding = 0) readonly buffer Q1 { float q[]; };
layout(set = 0, binding = 0) readonly buffer Q4 { vec4 q4[]; };
layout(set = 0, binding = 1) readonly buffer K1 { float k[]; };
layout(set = 0, binding = 1) readonly buffer K4 { vec4 k4[]; };
layout(set = 0, binding = 2) readonly buffer V1 { float v[]; };
layout(set = 0, binding = 2) readonly buffer V4 { vec4 v4[]; };
layout(set = 0, binding = 3) readonly buffer L { int lengths[]; };
layout(set = 0, binding = 4) writeonly buffer Y1 { float y[]; };
layout(set = 0, binding = 4) writeonly buffer Y4 { vec4 y4[]; };

#define LOAD(name)                                                                                                     \
  vec4 load_##name(uint at, uint i)                                                                                    \
  {                                                                                                                    \
    if (VECTOR)                                                                                                        \
      return name##4 [at / 4 + i];                                                                                     \
    vec4 value = vec4(0.0);                                                                                            \
    [[unroll]] for (uint j = 0; j < 4; j++) if (i * 4 + j < size) value[j] = name[at + i * 4 + j];                     \
    return value;                                                                                                      \
  }

LOAD(q)
LOAD(k)
LOAD(v)

void
main()
{
  uint index = invocation_index();
  uint query = index % queries, head = index / queries % heads, n = index / queries / heads;
  vec4 question[QUARTERS], answer[QUARTERS];
  float greatest = -3.4e38, sum = 0.0;

  if (n >= batch)
    return;
  uint seen = LENGTHS ? uint(clamp(lengths[lengths_offset + n], 1, int(keys))) : keys;
  if (CAUSAL)
    seen = min(seen, query + 1);
  uint from = q_offset + n * q_batch + query * q_stride + head * size;
  [[unroll]] for (uint i = 0; i < QUARTERS; i++) {
    question[i] = load_q(from, i) * scale;
    answer[i] = vec4(0.0);
  }
  uint k_at = k_offset + n * k_batch + head * size, v_at = v_offset + n * v_batch + head * size;
  for (uint key = 0; key < seen; key += 4) {
    vec4 score = vec4(0.0);
    [[unroll]] for (uint j = 0; j < 4; j++) {
      uint at = k_at + min(key + j, seen - 1) * k_stride;
      vec4 product = vec4(0.0);
      [[unroll]] for (uint i = 0; i < QUARTERS; i++)
        product = fma(question[i], load_k(at, i), product);
      score[j] = key + j < seen ? product.x + product.y + product.z + product.w : -3.4e38;
    }
    float most = max(max(greatest, max(score.x, score.y)), max(score.z, score.w));
    float rescale = exp(greatest - most);
    vec4 weight = exp(score - most);
    greatest = most;
    sum = sum * rescale + weight.x + weight.y + weight.z + weight.w;
    [[unroll]] for (uint i = 0; i < QUARTERS; i++)
      answer[i] *= rescale;
    [[unroll]] for (uint j = 0; j < 4; j++) {
      uint at = v_at + min(key + j, seen - 1) * v_stride;
      [[unroll]] for (uint i = 0; i < QUARTERS; i++)
        answer[i] = fma(vec4(weight[j]), load_v(at, i), answer[i]);
    }
  }
  uint to = (n * queries + query) * heads * size + head * size;
  float share = 1.0 / sum;
  [[unroll]] for (uint i = 0; i < QUARTERS; i++) {
    vec4 value = answer[i] * share;
    if (VECTOR)
      y4[to / 4 + i] = value;
    else
      [[unroll]] for (uint j = 0; j < 4; j++)
        if (i * 4 + j < size)
          y[to + i * 4 + j] = value[j];
  }
}
