// Attention over one chunk of keys for AVX2: scores of 16 keys at a time from interleaved K blocks (no horizontal
// sums), one softmax pass, then values 8 dimensions at a time. All formats are widened to binary32.
#include <immintrin.h>

#include "kernels/ops_avx2.h"

namespace bowhead::kernels::avx2 {
namespace {

constexpr std::size_t kTileRows = 4;

inline float ReduceAdd(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

inline float ReduceMax(__m256 v) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

// 2^x for x <= 0; 0 below -126. The polynomial of exp_avx512.h.
inline __m256 Exp2(__m256 x) {
  const __m256 clamped = _mm256_max_ps(x, _mm256_set1_ps(-127.0F));
  const __m256 n = _mm256_floor_ps(clamped);
  const __m256 r = _mm256_sub_ps(clamped, n);
  __m256 p = _mm256_set1_ps(1.86713009e-3F);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(9.01703028e-3F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.57999132e-2F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.240164450F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.693151312F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F));
  const __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_mul_ps(p, _mm256_castsi256_ps(exponent));
}

// max and min give their second operand for NaN.
inline __m256 Clamp(__m256 v) {
  return _mm256_min_ps(_mm256_max_ps(v, _mm256_set1_ps(-kLargestKvValue)), _mm256_set1_ps(kLargestKvValue));
}

inline float ByteScale(const float* x, std::size_t n) {
  __m256 largest = _mm256_setzero_ps();
  for (std::size_t i = 0; i < n; i += 8) {
    const __m256 v = Clamp(_mm256_loadu_ps(x + i));
    largest = _mm256_max_ps(largest, _mm256_andnot_ps(_mm256_set1_ps(-0.0F), v));
  }
  return ReduceMax(largest) / 127.0F;
}

inline void ToBytes(const float* x, float scale, std::int8_t* out) {
  const __m256 inverse = _mm256_set1_ps(scale > 0.0F ? 1.0F / scale : 0.0F);
  const __m256i q = _mm256_cvtps_epi32(_mm256_mul_ps(Clamp(_mm256_loadu_ps(x)), inverse));
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
  const __m128i bytes = _mm_max_epi8(_mm_packs_epi16(words, words), _mm_set1_epi8(-127));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out), bytes);
}

// A format says how to read 8 lanes of kGroup interleaved numbers, and how to write one token.
struct F16 {
  static constexpr std::size_t kGroup = 1;
  static constexpr std::size_t kLaneBytes = 2;
  static constexpr bool kScaled = false;
  static void ExpandKeys(const std::byte* p, __m256* out) {
    out[0] = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static void ExpandValues(const std::byte* p, __m256* out) { ExpandKeys(p, out); }

  static void Encode(const float* x, std::uint16_t* out) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_cvtps_ph(Clamp(_mm256_loadu_ps(x)), 0));
  }
  static void StoreKey(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    auto* out = reinterpret_cast<std::uint16_t*>(block);
    for (std::size_t d = 0; d < head_dim; d += 8) {
      std::uint16_t lanes[8];
      Encode(x + d, lanes);
      for (std::size_t i = 0; i < 8; ++i) out[(d + i) * kBlockKeys + slot] = lanes[i];
    }
  }
  static void StoreValue(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    auto* out = reinterpret_cast<std::uint16_t*>(block) + slot * head_dim;
    for (std::size_t d = 0; d < head_dim; d += 8) Encode(x + d, out + d);
  }
};

struct Bf16 {
  static constexpr std::size_t kGroup = 2;
  static constexpr std::size_t kLaneBytes = 4;
  static constexpr bool kScaled = false;
  static void ExpandKeys(const std::byte* p, __m256* out) {
    const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    out[0] = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
    out[1] = _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(-65536)));
  }
  static void ExpandValues(const std::byte* p, __m256* out) { ExpandKeys(p, out); }

  // To nearest even, in the upper half of each lane.
  static void Encode(const float* x, std::uint32_t* out) {
    const __m256i bits = _mm256_castps_si256(Clamp(_mm256_loadu_ps(x)));
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_srli_epi32(rounded, 16));
  }
  static void StoreKey(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    auto* out = reinterpret_cast<std::uint16_t*>(block);
    for (std::size_t d = 0; d < head_dim; d += 8) {
      std::uint32_t lanes[8];
      Encode(x + d, lanes);
      for (std::size_t i = 0; i < 8; ++i) {
        out[((d + i) / 2 * kBlockKeys + slot) * 2 + i % 2] = static_cast<std::uint16_t>(lanes[i]);
      }
    }
  }
  static void StoreValue(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    auto* out = reinterpret_cast<std::uint16_t*>(block) + slot / 2 * head_dim * 2 + slot % 2;
    for (std::size_t d = 0; d < head_dim; d += 8) {
      std::uint32_t lanes[8];
      Encode(x + d, lanes);
      for (std::size_t i = 0; i < 8; ++i) out[(d + i) * 2] = static_cast<std::uint16_t>(lanes[i]);
    }
  }
};

struct Q8 {
  static constexpr std::size_t kGroup = 4;
  static constexpr std::size_t kLaneBytes = 4;
  static constexpr bool kScaled = true;
  static void Expand(__m256i quads, __m256* out) {
    out[0] = _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(quads, 24), 24));
    out[1] = _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(quads, 16), 24));
    out[2] = _mm256_cvtepi32_ps(_mm256_srai_epi32(_mm256_slli_epi32(quads, 8), 24));
    out[3] = _mm256_cvtepi32_ps(_mm256_srai_epi32(quads, 24));
  }
  static void ExpandKeys(const std::byte* p, __m256* out) {
    const __m256i quads = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    Expand(_mm256_xor_si256(quads, _mm256_set1_epi8(-128)), out);
  }
  static void ExpandValues(const std::byte* p, __m256* out) {
    Expand(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)), out);
  }
  static void StoreKey(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    auto* out = reinterpret_cast<std::uint8_t*>(block);
    auto* scales = reinterpret_cast<float*>(block + kBlockKeys * head_dim);
    for (std::size_t d = 0; d < head_dim; d += 8) {
      float& scale = scales[d / kKeyScaleDims * kBlockKeys + slot];
      if (d % kKeyScaleDims == 0) scale = ByteScale(x + d, kKeyScaleDims);
      std::int8_t bytes[8];
      ToBytes(x + d, scale, bytes);
      for (std::size_t i = 0; i < 8; ++i) {
        out[((d + i) / 4 * kBlockKeys + slot) * 4 + i % 4] = static_cast<std::uint8_t>(bytes[i] + 128);
      }
    }
  }
  static void StoreValue(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    auto* out = reinterpret_cast<std::int8_t*>(block) + slot / 4 * head_dim * 4 + slot % 4;
    float& scale = reinterpret_cast<float*>(block + kBlockKeys * head_dim)[slot];
    scale = ByteScale(x, head_dim);
    for (std::size_t d = 0; d < head_dim; d += 8) {
      std::int8_t bytes[8];
      ToBytes(x + d, scale, bytes);
      for (std::size_t i = 0; i < 8; ++i) out[(d + i) * 4] = bytes[i];
    }
  }
};

inline const float* Query(const AttentionChunk& c, std::size_t row) {
  return reinterpret_cast<const float*>(c.q + row * PackedQueryBytes(c.head_dim));
}

// Scores of rows [row, row + R) with the 8 keys from `half` * 8 on of a block.
template <class F, int R>
inline void BlockScores(const AttentionChunk& c, std::size_t row, std::size_t block, std::size_t half) {
  constexpr std::size_t kStep = kBlockKeys * F::kLaneBytes;
  const std::byte* k = c.k_blocks[block] + half * kStep / 2;
  const auto* scales = reinterpret_cast<const float*>(c.k_blocks[block] + kBlockKeys * c.head_dim) + half * 8;
  __m256 acc[R];
  for (int r = 0; r < R; ++r) acc[r] = _mm256_setzero_ps();
  for (std::size_t first = 0; first < c.head_dim; first += kKeyScaleDims) {
    __m256 part[R];
    for (int r = 0; r < R; ++r) part[r] = F::kScaled ? _mm256_setzero_ps() : acc[r];
    for (std::size_t d = first; d < first + kKeyScaleDims; d += F::kGroup, k += kStep) {
      __m256 keys[F::kGroup];
      F::ExpandKeys(k, keys);
      for (std::size_t i = 0; i < F::kGroup; ++i) {
        for (int r = 0; r < R; ++r) {
          const float* q = Query(c, row + static_cast<std::size_t>(r));
          part[r] = _mm256_fmadd_ps(keys[i], _mm256_broadcast_ss(q + d + i), part[r]);
        }
      }
    }
    if constexpr (F::kScaled) {
      const __m256 scale = _mm256_loadu_ps(scales + first / kKeyScaleDims * kBlockKeys);
      for (int r = 0; r < R; ++r) acc[r] = _mm256_fmadd_ps(part[r], scale, acc[r]);
    } else {
      for (int r = 0; r < R; ++r) acc[r] = part[r];
    }
  }
  float* scores = c.scratch + row * kAttentionChunk + block * kBlockKeys + half * 8;
  for (int r = 0; r < R; ++r) _mm256_storeu_ps(scores + static_cast<std::size_t>(r) * kAttentionChunk, acc[r]);
}

void Softmax(const AttentionChunk& c, std::size_t row) {
  const float minus_infinity = -__builtin_inff();
  float* scores = c.scratch + row * kAttentionChunk;
  const auto keys = static_cast<int>(c.num_blocks * kBlockKeys);
  for (int key = 0; key < keys && key < c.first_key[row]; ++key) scores[key] = minus_infinity;
  for (int key = c.last_key[row] > 0 ? c.last_key[row] : 0; key < keys; ++key) scores[key] = minus_infinity;
  __m256 largest = _mm256_set1_ps(minus_infinity);
  for (int key = 0; key < keys; key += 8) largest = _mm256_max_ps(largest, _mm256_loadu_ps(scores + key));
  const float max = ReduceMax(largest);
  const __m256 shift = _mm256_set1_ps(max == minus_infinity ? 0.0F : max);
  __m256 sum = _mm256_setzero_ps();
  for (int key = 0; key < keys; key += 8) {
    const __m256 p = Exp2(_mm256_sub_ps(_mm256_loadu_ps(scores + key), shift));
    _mm256_storeu_ps(scores + key, p);
    sum = _mm256_add_ps(sum, p);
  }
  c.max[row] = max;
  c.sum[row] = ReduceAdd(sum);
}

void ScaleByValue(const AttentionChunk& c, std::size_t row) {
  float* p = c.scratch + row * kAttentionChunk;
  for (std::size_t block = 0; block < c.num_blocks; ++block, p += kBlockKeys) {
    const auto* scales = reinterpret_cast<const float*>(c.v_blocks[block] + kBlockKeys * c.head_dim);
    _mm256_storeu_ps(p, _mm256_mul_ps(_mm256_loadu_ps(p), _mm256_loadu_ps(scales)));
    _mm256_storeu_ps(p + 8, _mm256_mul_ps(_mm256_loadu_ps(p + 8), _mm256_loadu_ps(scales + 8)));
  }
}

template <class F, int R>
inline void Values(const AttentionChunk& c, std::size_t row, std::size_t d) {
  __m256 acc[R];
  for (int r = 0; r < R; ++r) acc[r] = _mm256_setzero_ps();
  for (std::size_t block = 0; block < c.num_blocks; ++block) {
    const std::byte* v = c.v_blocks[block] + d * F::kLaneBytes;
    const float* p = c.scratch + row * kAttentionChunk + block * kBlockKeys;
    for (std::size_t t = 0; t < kBlockKeys; t += F::kGroup, v += c.head_dim * F::kLaneBytes) {
      __m256 values[F::kGroup];
      F::ExpandValues(v, values);
      for (std::size_t i = 0; i < F::kGroup; ++i) {
        for (int r = 0; r < R; ++r) {
          const __m256 weight = _mm256_broadcast_ss(p + static_cast<std::size_t>(r) * kAttentionChunk + t + i);
          acc[r] = _mm256_fmadd_ps(weight, values[i], acc[r]);
        }
      }
    }
  }
  float* out = c.out + row * c.head_dim + d;
  for (int r = 0; r < R; ++r) _mm256_storeu_ps(out + static_cast<std::size_t>(r) * c.head_dim, acc[r]);
}

template <class F, int R>
void Rows(const AttentionChunk& c, std::size_t row) {
  for (std::size_t block = 0; block < c.num_blocks; ++block) {
    BlockScores<F, R>(c, row, block, 0);
    BlockScores<F, R>(c, row, block, 1);
  }
  for (std::size_t r = row; r < row + R; ++r) {
    Softmax(c, r);
    if constexpr (F::kScaled) ScaleByValue(c, r);
  }
  for (std::size_t d = 0; d < c.head_dim; d += 8) Values<F, R>(c, row, d);
}

template <class F>
void Chunk(const AttentionChunk& c) {
  std::size_t row = 0;
  for (; row + kTileRows <= c.rows; row += kTileRows) Rows<F, kTileRows>(c, row);
  for (; row < c.rows; ++row) Rows<F, 1>(c, row);
}

void PackQuery(const float* q, std::size_t head_dim, float scale, std::byte* packed) {
  auto* out = reinterpret_cast<float*>(packed);
  for (std::size_t d = 0; d < head_dim; ++d) out[d] = q[d] * scale;
}

template <class F>
constexpr AttentionKernels kKernels = {F::StoreKey, F::StoreValue, PackQuery, Chunk<F>};

}  // namespace

constinit const AttentionKernels kAttentionF16 = kKernels<F16>;
constinit const AttentionKernels kAttentionBf16 = kKernels<Bf16>;
constinit const AttentionKernels kAttentionQ8 = kKernels<Q8>;

void MergeAttention(AttentionRow& row, float* total, const AttentionRow& chunk_row, const float* chunk, std::size_t n) {
  if (chunk_row.max == -__builtin_inff()) return;
  const float max = row.max > chunk_row.max ? row.max : chunk_row.max;
  const __m256 keep = Exp2(_mm256_set1_ps(row.max - max));
  const __m256 take = Exp2(_mm256_set1_ps(chunk_row.max - max));
  for (std::size_t d = 0; d < n; d += 8) {
    const __m256 added = _mm256_mul_ps(_mm256_loadu_ps(chunk + d), take);
    _mm256_storeu_ps(total + d, _mm256_fmadd_ps(_mm256_loadu_ps(total + d), keep, added));
  }
  row.sum = row.sum * _mm256_cvtss_f32(keep) + chunk_row.sum * _mm256_cvtss_f32(take);
  row.max = max;
}

}  // namespace bowhead::kernels::avx2
