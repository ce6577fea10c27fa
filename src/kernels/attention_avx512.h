// What the attention kernels of AVX-512 share, whatever the format of keys and values. Only for files compiled with
// AVX-512: everything here has internal linkage.
//
// Scores and values are both a product of a few rows with vectors that are read once: of 16 keys (scores: no horizontal
// sums, since K blocks hold one dimension of 16 keys side by side) or of 16 dimensions (values). A tile is R rows by N
// vectors of accumulators. N grows as R shrinks, so that enough independent chains hide the latency of a product; the
// order within a chain is the same in every tile.
#pragma once

#include <immintrin.h>

#include "kernels/attention.h"
#include "kernels/exp_avx512.h"

namespace bowhead::kernels::avx512 {
namespace {

/// max and min give their second operand for NaN.
inline __m512 ClampKv(__m512 v) {
  return _mm512_min_ps(_mm512_max_ps(v, _mm512_set1_ps(-kLargestKvValue)), _mm512_set1_ps(kLargestKvValue));
}

/// Where the scores, then the weights, of a row are.
inline float* ScoresOf(const AttentionChunk& c, std::size_t row) {
  return c.scratch + row * kAttentionChunk;
}

/// The largest score that a row sees; what it does not see becomes -infinity.
inline float MaskScores(const AttentionChunk& c, std::size_t row) {
  float* scores = ScoresOf(c, row);
  const auto keys = static_cast<int>(c.num_blocks * kBlockKeys);
  const __m512 minus_infinity = _mm512_set1_ps(-__builtin_inff());
  __m512 largest = minus_infinity;
  if (c.first_key[row] <= 0 && c.last_key[row] >= keys) {
    for (int key = 0; key < keys; key += 16) largest = _mm512_max_ps(largest, _mm512_loadu_ps(scores + key));
    return _mm512_reduce_max_ps(largest);
  }
  const __m512i first = _mm512_set1_epi32(c.first_key[row]);
  const __m512i last = _mm512_set1_epi32(c.last_key[row]);
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (int key = 0; key < keys; key += 16) {
    const __m512i at = _mm512_add_epi32(lanes, _mm512_set1_epi32(key));
    const __mmask16 seen = _mm512_cmpge_epi32_mask(at, first) & _mm512_cmplt_epi32_mask(at, last);
    const __m512 s = _mm512_mask_blend_ps(seen, minus_infinity, _mm512_loadu_ps(scores + key));
    _mm512_storeu_ps(scores + key, s);
    largest = _mm512_max_ps(largest, s);
  }
  return _mm512_reduce_max_ps(largest);
}

/// Turns a row's scores into weights 2^(score - max), which `F::StoreWeights(row's memory, block, weights)` writes.
template <class F>
void Softmax(const AttentionChunk& c, std::size_t row) {
  float* scores = ScoresOf(c, row);
  const float max = MaskScores(c, row);
  const __m512 shift = _mm512_set1_ps(max == -__builtin_inff() ? 0.0F : max);
  __m512 sum = _mm512_setzero_ps();
  for (std::size_t block = 0; block < c.num_blocks; ++block) {
    const __m512 p = Exp2(_mm512_sub_ps(_mm512_loadu_ps(scores + block * kBlockKeys), shift));
    F::StoreWeights(scores, block, p);
    sum = _mm512_add_ps(sum, p);
  }
  c.max[row] = max;
  c.sum[row] = _mm512_reduce_add_ps(sum);
}

/// Scores of R rows with N blocks of keys. F::Load reads 16 keys of F::kGroup dimensions, F::Step multiplies them with
/// those of one query.
template <class F, int R, int N>
inline void ScoreTile(const AttentionChunk& c, std::size_t first_block) {
  constexpr std::size_t kStep = kBlockKeys * F::kLaneBytes;
  const std::size_t query_bytes = PackedQueryBytes(c.head_dim);
  const std::byte* const* k = c.k_blocks + first_block;
  __m512 acc[R][N];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) acc[r][n] = _mm512_setzero_ps();
  }
  for (std::size_t step = 0; step < c.head_dim / F::kGroup; ++step) {
    typename F::Vector keys[N];
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) keys[n] = F::Load(k[n] + step * kStep);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const std::byte* q = c.q + static_cast<std::size_t>(r) * query_bytes;
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) acc[r][n] = F::Step(acc[r][n], keys[n], q, step);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) {
      const std::size_t block = first_block + static_cast<std::size_t>(n);
      _mm512_storeu_ps(ScoresOf(c, static_cast<std::size_t>(r)) + block * kBlockKeys, acc[r][n]);
    }
  }
}

/// Weighted sums of N times 16 dimensions from `d` on, for R rows.
template <class F, int R, int N>
inline void ValueTile(const AttentionChunk& c, std::size_t d) {
  const std::size_t step_bytes = c.head_dim * F::kLaneBytes;
  __m512 acc[R][N];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) acc[r][n] = _mm512_setzero_ps();
  }
  for (std::size_t block = 0; block < c.num_blocks; ++block) {
    const std::byte* v = c.v_blocks[block] + d * F::kLaneBytes;
    const std::byte* weights = reinterpret_cast<const std::byte*>(c.scratch) + block * F::kWeightBytes * kBlockKeys;
    for (std::size_t step = 0; step < kBlockKeys / F::kGroup; ++step, v += step_bytes) {
      typename F::Vector values[N];
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) values[n] = F::Load(v + static_cast<std::size_t>(n) * kBlockKeys * F::kLaneBytes);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const std::byte* p = weights + static_cast<std::size_t>(r) * kAttentionChunk * sizeof(float);
#pragma GCC unroll 4
        for (int n = 0; n < N; ++n) acc[r][n] = F::Step(acc[r][n], values[n], p, step);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) {
      float* out = c.out + static_cast<std::size_t>(r) * c.head_dim + d + static_cast<std::size_t>(n) * 16;
      _mm512_storeu_ps(out, acc[r][n]);
    }
  }
}

template <class F, int R>
void Rows(const AttentionChunk& c) {
  constexpr int kVectors = R <= 4 ? 4 : R <= 8 ? 2 : 1;
  std::size_t block = 0;
  for (; block + kVectors <= c.num_blocks; block += kVectors) ScoreTile<F, R, kVectors>(c, block);
  for (; block < c.num_blocks; ++block) ScoreTile<F, R, 1>(c, block);
  for (std::size_t r = 0; r < R; ++r) Softmax<F>(c, r);
  std::size_t d = 0;
  for (; d + kVectors * 16 <= c.head_dim; d += kVectors * 16) ValueTile<F, R, kVectors>(c, d);
  for (; d < c.head_dim; d += 16) ValueTile<F, R, 1>(c, d);
}

template <class F>
void Chunk(const AttentionChunk& c) {
  static constexpr void (*kRows[kAttentionRows])(const AttentionChunk&) = {
      Rows<F, 1>, Rows<F, 2>,  Rows<F, 3>,  Rows<F, 4>,  Rows<F, 5>,  Rows<F, 6>,  Rows<F, 7>,  Rows<F, 8>,
      Rows<F, 9>, Rows<F, 10>, Rows<F, 11>, Rows<F, 12>, Rows<F, 13>, Rows<F, 14>, Rows<F, 15>, Rows<F, 16>};
  kRows[c.rows - 1](c);
}

/// Queries as binary32.
inline void PackFloatQuery(const float* q, std::size_t head_dim, float scale, std::byte* packed) {
  for (std::size_t d = 0; d < head_dim; d += 16) {
    const __m512 scaled = _mm512_mul_ps(_mm512_loadu_ps(q + d), _mm512_set1_ps(scale));
    _mm512_storeu_ps(packed + d * sizeof(float), scaled);
  }
}

/// What bfloat16 has in common with and without its dot product: how one token is written.
struct Bf16Blocks {
  static constexpr std::size_t kGroup = 2;
  static constexpr std::size_t kLaneBytes = 4;

  /// To nearest even, in the lower half of each lane.
  static __m512i Encode(const float* x) {
    const __m512i bits = _mm512_castps_si512(ClampKv(_mm512_loadu_ps(x)));
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    return _mm512_srli_epi32(rounded, 16);
  }
  static void StoreKey(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    for (std::size_t d = 0; d < head_dim; d += 16) {
      alignas(32) std::uint32_t pairs[8];
      _mm256_store_si256(reinterpret_cast<__m256i*>(pairs), _mm512_cvtepi32_epi16(Encode(x + d)));
      auto* out = reinterpret_cast<std::uint32_t*>(block) + d / 2 * kBlockKeys + slot;
      for (std::size_t i = 0; i < 8; ++i) out[i * kBlockKeys] = pairs[i];
    }
  }
  static void StoreValue(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    auto* out = reinterpret_cast<std::uint16_t*>(block) + slot / 2 * head_dim * 2 + slot % 2;
    for (std::size_t d = 0; d < head_dim; d += 16) {
      alignas(32) std::uint16_t lanes[16];
      _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), _mm512_cvtepi32_epi16(Encode(x + d)));
      for (std::size_t i = 0; i < 16; ++i) out[(d + i) * 2] = lanes[i];
    }
  }
};

}  // namespace
}  // namespace bowhead::kernels::avx512
