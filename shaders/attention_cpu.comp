#version 450
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * softmax(scale · q · kᵀ) · v for devices that are processors, where an invocation is a lane of a vector register and the workgroup is one
 * register wide: LANES queries of one head meet LANES keys at a time. The softmax is online, as in attention.comp.
 *
 * As in linear_cpu.comp, q is turned by 0, 4, 8 … (coarse) and the keys by 0 … 3 (fine): together every query meets every key. What is
 * indexed by coarse and fine belongs, in a lane, to the query of lane ^ coarse and the key of lane ^ fine. greatest and sum are those
 * of a lane's own query.
 */
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require

layout(local_size_x_id = 3) in;

layout(constant_id = 0) const uint QUARTERS = 16; /* size of a head / 4 */
layout(constant_id = 1) const bool CAUSAL = false;
layout(constant_id = 2) const bool LENGTHS = false;
layout(constant_id = 3) const uint LANES = 8;

#define FINE 4
#define COARSE (LANES / 4)
#define HIDDEN -3.4e38

layout(push_constant) uniform Push {
  uint batch, heads, queries, keys, size; /* size of a head */
  uint q_offset, q_stride, q_batch;       /* first element, a token, a batch */
  uint k_offset, k_stride, k_batch;
  uint v_offset, v_stride, v_batch;
  uint lengths_offset;
  float scale;
};

layout(set = 0, binding = 0) uniform textureBuffer q;
layout(set = 0, binding = 1) uniform textureBuffer k;
layout(set = 0, binding = 2) uniform textureBuffer v;
layout(set = 0, binding = 3) readonly buffer L { int lengths[]; };
layout(set = 0, binding = 4) writeonly buffer Y { vec4 y[]; };

void
main()
{
  uint lane = gl_SubgroupInvocationID;
  uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x, blocks = (queries + LANES - 1) / LANES;
  uint block = group % blocks * LANES, head = group / blocks % heads, n = group / blocks / heads;
  vec4 questions[COARSE * QUARTERS], answers[COARSE * QUARTERS];
  float greatest = HIDDEN, sum = 0.0;

  if (n >= batch)
    return;
  uint seen = LENGTHS ? uint(clamp(lengths[lengths_offset + n], 1, int(keys))) : keys;
  uint query = block + lane;
  int at = int((q_offset + n * q_batch + min(query, queries - 1) * q_stride + head * size) / 4);
  [[unroll]] for (uint i = 0; i < QUARTERS; i++) {
    vec4 question = texelFetch(q, at + int(i)) * scale;
    [[unroll]] for (uint coarse = 0; coarse < COARSE; coarse++) {
      questions[coarse * QUARTERS + i] = subgroupShuffleXor(question, 4 * coarse);
      answers[coarse * QUARTERS + i] = vec4(0.0);
    }
  }
  uint end = CAUSAL ? min(seen, block + LANES) : seen;
  for (uint first = 0; first < end; first += LANES) {
    uint key = min(first + lane, keys - 1);
    int k_at = int((k_offset + n * k_batch + key * k_stride + head * size) / 4);
    int v_at = int((v_offset + n * v_batch + key * v_stride + head * size) / 4);
    float scores[COARSE * FINE];
    float most = greatest;

    [[unroll]] for (uint i = 0; i < COARSE * FINE; i++)
      scores[i] = 0.0;
    [[unroll]] for (uint i = 0; i < QUARTERS; i++) {
      vec4 value = texelFetch(k, k_at + int(i));
      [[unroll]] for (uint fine = 0; fine < FINE; fine++) {
        vec4 turned = subgroupShuffleXor(value, fine);
        [[unroll]] for (uint coarse = 0; coarse < COARSE; coarse++)
          [[unroll]] for (uint p = 0; p < 4; p++)
            scores[coarse * FINE + fine] += questions[coarse * QUARTERS + i][p] * turned[p];
      }
    }
    [[unroll]] for (uint coarse = 0; coarse < COARSE; coarse++) {
      uint limit = CAUSAL ? min(seen, block + (lane ^ (4 * coarse)) + 1) : seen;
      float part = HIDDEN;
      [[unroll]] for (uint fine = 0; fine < FINE; fine++) {
        uint i = coarse * FINE + fine;
        scores[i] = first + (lane ^ fine) < limit ? scores[i] : HIDDEN;
        part = max(part, scores[i]);
      }
      most = max(most, subgroupShuffleXor(part, 4 * coarse));
    }
    float rescale = exp(greatest - most);
    greatest = most;
    sum *= rescale;
    [[unroll]] for (uint coarse = 0; coarse < COARSE; coarse++) {
      float turned_most = subgroupShuffleXor(most, 4 * coarse), turned_rescale = subgroupShuffleXor(rescale, 4 * coarse);
      float part = 0.0;
      [[unroll]] for (uint fine = 0; fine < FINE; fine++) {
        uint i = coarse * FINE + fine;
        scores[i] = exp(scores[i] - turned_most);
        part += scores[i];
      }
      sum += subgroupShuffleXor(part, 4 * coarse);
      [[unroll]] for (uint i = 0; i < QUARTERS; i++)
        answers[coarse * QUARTERS + i] *= turned_rescale;
    }
    [[unroll]] for (uint i = 0; i < QUARTERS; i++) {
      vec4 value = texelFetch(v, v_at + int(i));
      [[unroll]] for (uint fine = 0; fine < FINE; fine++) {
        vec4 turned = subgroupShuffleXor(value, fine);
        [[unroll]] for (uint coarse = 0; coarse < COARSE; coarse++)
          answers[coarse * QUARTERS + i] += scores[coarse * FINE + fine] * turned;
      }
    }
  }

  uint to = ((n * queries + query) * heads * size + head * size) / 4;
  float share = 1.0 / sum;
  [[unroll]] for (uint i = 0; i < QUARTERS; i++) {
    vec4 answer = vec4(0.0);
    [[unroll]] for (uint coarse = 0; coarse < COARSE; coarse++)
      answer += subgroupShuffleXor(answers[coarse * QUARTERS + i], 4 * coarse);
    if (query < queries)
      y[to + i] = answer * share;
  }
}
