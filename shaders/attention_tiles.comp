#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * softmax(scale · q · kᵀ) · v for GPUs: a workgroup takes QUERIES queries of one head and goes through the keys by 32, whose tile of k
 * and then of v lies in shared memory; the scores never leave the core (Dao et al. 2022, algorithm 1, with the online softmax of
 * Milakov and Gimelshein 2018).
 *
 * The 64 invocations are 8 down × 8 across. One has ROWS queries, 8 apart, and of each tile four keys, 8 apart: its scores of a query are
 * a vec4. Weights go to the others through shared memory, where quad `across` of a query holds keys across, across + 8 …; and of the
 * answer one has quarters across, across + 8 … of its queries. Rows are padded to an odd number of vec4s, so that rows that are read
 * together begin in different banks. SHUFFLE: a query's 8 invocations are neighbours in a subgroup and find their maximum there.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#ifdef SHUFFLE
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#endif
#include "common.glsl"

layout(constant_id = 0) const uint QUARTERS = 16; /* size of a head / 4 */
layout(constant_id = 1) const bool CAUSAL = false;
layout(constant_id = 2) const bool LENGTHS = false;
layout(constant_id = 3) const uint QUERIES = 32; /* 8, 16 or 32 */

#define KEYS 32
#define HIDDEN -3.4e38

const uint ROWS = QUERIES / 8, PARTS = (QUARTERS + 7) / 8, STRIDE = QUARTERS | 1u, WEIGHTS_STRIDE = KEYS / 4 + 1;

layout(push_constant) uniform Push {
  uint batch, heads, queries, keys, size; /* size of a head */
  uint q_offset, q_stride, q_batch;       /* first element, a token, a batch */
  uint k_offset, k_stride, k_batch;
  uint v_offset, v_stride, v_batch;
  uint lengths_offset;
  float scale;
};

layout(set = 0, binding = 0) readonly buffer Q { vec4 q[]; };
layout(set = 0, binding = 1) readonly buffer K { vec4 k[]; };
layout(set = 0, binding = 2) readonly buffer V { vec4 v[]; };
layout(set = 0, binding = 3) readonly buffer L { int lengths[]; };
layout(set = 0, binding = 4) writeonly buffer Y { vec4 y[]; };

shared vec4 questions[QUERIES * STRIDE];
shared vec4 tile[KEYS * STRIDE]; /* of k, then of v */
shared vec4 weights[QUERIES * WEIGHTS_STRIDE];

#ifdef SHUFFLE
uint
own_index()
{
  return gl_SubgroupID * gl_SubgroupSize + gl_SubgroupInvocationID;
}

float
row_max(uint row, uint across, float value)
{
  [[unroll]] for (uint other = 1; other < 8; other *= 2)
    value = max(value, subgroupShuffleXor(value, other));
  return value;
}

float
row_sum(uint row, uint across, float value)
{
  [[unroll]] for (uint other = 1; other < 8; other *= 2)
    value += subgroupShuffleXor(value, other);
  return value;
}
#else
shared float parts[QUERIES * 8];

uint
own_index()
{
  return gl_LocalInvocationID.x;
}

/* Between the writing and the reading of parts, all invocations wait; so they do when they meet here again. */
float
row_max(uint row, uint across, float value)
{
  parts[row * 8 + across] = value;
  barrier();
  [[unroll]] for (uint i = 0; i < 8; i++)
    value = max(value, parts[row * 8 + i]);
  return value;
}

float
row_sum(uint row, uint across, float value)
{
  parts[row * 8 + across] = value;
  barrier();
  value = 0.0;
  [[unroll]] for (uint i = 0; i < 8; i++)
    value += parts[row * 8 + i];
  return value;
}
#endif

void
main()
{
  uint index = own_index(), down = index / 8, across = index % 8;
  uint blocks = (queries + QUERIES - 1) / QUERIES, block = group_index() % blocks * QUERIES;
  uint head = group_index() / blocks % heads, n = group_index() / blocks / heads;
  vec4 answers[ROWS * PARTS];
  float greatest[ROWS], sums[ROWS];

  if (n >= batch)
    return;
  uint seen = LENGTHS ? uint(clamp(lengths[lengths_offset + n], 1, int(keys))) : keys;
  uint end = CAUSAL ? min(seen, block + QUERIES) : seen;
  for (uint at = index; at < QUERIES * QUARTERS; at += 64) {
    uint query = min(block + at / QUARTERS, queries - 1);
    questions[at / QUARTERS * STRIDE + at % QUARTERS] =
        q[(q_offset + n * q_batch + query * q_stride + head * size) / 4 + at % QUARTERS] * scale;
  }
  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    greatest[i] = HIDDEN;
    sums[i] = 0.0;
    [[unroll]] for (uint part = 0; part < PARTS; part++)
      answers[i * PARTS + part] = vec4(0.0);
  }

  for (uint first = 0; first < end; first += KEYS) {
    vec4 scores[ROWS];
    float rescale[ROWS];

    barrier();
    for (uint at = index; at < KEYS * QUARTERS; at += 64)
      tile[at / QUARTERS * STRIDE + at % QUARTERS] =
          k[(k_offset + n * k_batch + min(first + at / QUARTERS, end - 1) * k_stride + head * size) / 4 + at % QUARTERS];
    barrier();
    [[unroll]] for (uint i = 0; i < ROWS; i++)
      scores[i] = vec4(0.0);
    for (uint quarter = 0; quarter < QUARTERS; quarter++) {
      vec4 values[4];
      [[unroll]] for (uint j = 0; j < 4; j++)
        values[j] = tile[(across + 8 * j) * STRIDE + quarter];
      [[unroll]] for (uint i = 0; i < ROWS; i++) {
        vec4 question = questions[(down + 8 * i) * STRIDE + quarter];
        [[unroll]] for (uint j = 0; j < 4; j++)
          scores[i][j] += dot(question, values[j]);
      }
    }
    [[unroll]] for (uint i = 0; i < ROWS; i++) {
      uint limit = CAUSAL ? min(seen, block + down + 8 * i + 1) : seen;
      [[unroll]] for (uint j = 0; j < 4; j++)
        if (first + across + 8 * j >= limit)
          scores[i][j] = HIDDEN;
      float most = max(max(scores[i].x, scores[i].y), max(scores[i].z, scores[i].w));
      most = max(greatest[i], row_max(down + 8 * i, across, most));
      rescale[i] = exp(greatest[i] - most);
      greatest[i] = most;
      scores[i] = exp(scores[i] - most);
      sums[i] = sums[i] * rescale[i] + scores[i].x + scores[i].y + scores[i].z + scores[i].w;
      weights[(down + 8 * i) * WEIGHTS_STRIDE + across] = scores[i];
    }
    barrier();
    for (uint at = index; at < KEYS * QUARTERS; at += 64)
      tile[at / QUARTERS * STRIDE + at % QUARTERS] =
          v[(v_offset + n * v_batch + min(first + at / QUARTERS, end - 1) * v_stride + head * size) / 4 + at % QUARTERS];
    barrier();
    [[unroll]] for (uint i = 0; i < ROWS; i++)
      [[unroll]] for (uint part = 0; part < PARTS; part++)
        answers[i * PARTS + part] *= rescale[i];
    for (uint quad = 0; quad < 8; quad++) {
      vec4 weight[ROWS];
      [[unroll]] for (uint i = 0; i < ROWS; i++)
        weight[i] = weights[(down + 8 * i) * WEIGHTS_STRIDE + quad];
      [[unroll]] for (uint j = 0; j < 4; j++)
        [[unroll]] for (uint part = 0; part < PARTS; part++) {
          vec4 value = tile[(quad + 8 * j) * STRIDE + min(across + 8 * part, QUARTERS - 1)];
          [[unroll]] for (uint i = 0; i < ROWS; i++)
            answers[i * PARTS + part] = fma(vec4(weight[i][j]), value, answers[i * PARTS + part]);
        }
    }
  }

  barrier();
  [[unroll]] for (uint i = 0; i < ROWS; i++) {
    uint query = block + down + 8 * i;
    float share = 1.0 / row_sum(down + 8 * i, across, sums[i]);
    [[unroll]] for (uint part = 0; part < PARTS; part++)
      if (query < queries && across + 8 * part < QUARTERS)
        y[((n * queries + query) * heads * size + head * size) / 4 + across + 8 * part] = answers[i * PARTS + part] * share;
  }
}
