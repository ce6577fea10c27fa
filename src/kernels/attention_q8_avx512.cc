// Attention with keys and values in bytes, by vpdpbusd: 64 exact products an instruction. Queries and weights have 16
// bits, as two bytes each, so that only the cache's own rounding counts; still half the instructions of binary16.
#include "kernels/attention_avx512.h"
#include "kernels/ops_avx512.h"

namespace bowhead::kernels::avx512 {
namespace {

constexpr std::size_t kTileRows = 8;
constexpr std::size_t kGroupSteps = kKeyScaleDims / 4;

// A packed query: q = scale * (256 high + low), both signed bytes; keys are stored as value + 128, whose share of each
// group's sum is `bias`.
struct Query {
  const std::int32_t* high;  // [head_dim / 4] quads
  const std::int32_t* low;
  const std::int32_t* bias;  // [head_dim / 32]
  const float* scale;
};

inline Query QueryOf(const AttentionChunk& c, std::size_t row) {
  const std::byte* p = c.q + row * PackedQueryBytes(c.head_dim);
  Query query;
  query.high = reinterpret_cast<const std::int32_t*>(p);
  query.low = reinterpret_cast<const std::int32_t*>(p + c.head_dim);
  query.bias = reinterpret_cast<const std::int32_t*>(p + 2 * c.head_dim);
  query.scale = reinterpret_cast<const float*>(query.bias + c.head_dim / kKeyScaleDims);
  return query;
}

inline float LargestOf(const float* x, std::size_t n) {
  __m512 largest = _mm512_setzero_ps();
  for (std::size_t i = 0; i < n; i += 16) {
    largest = _mm512_max_ps(largest, _mm512_abs_ps(ClampKv(_mm512_loadu_ps(x + i))));
  }
  return _mm512_reduce_max_ps(largest);
}

void PackQuery(const float* q, std::size_t head_dim, float scale, std::byte* packed) {
  constexpr float kSteps = 127.0F * 256.0F;
  const float largest = LargestOf(q, head_dim);
  const __m512 inverse = _mm512_set1_ps(largest > 0.0F ? kSteps / largest : 0.0F);
  auto* bias = reinterpret_cast<std::int32_t*>(packed + 2 * head_dim);
  for (std::size_t d = 0; d < head_dim; d += 16) {
    const __m512i value = _mm512_cvtps_epi32(_mm512_mul_ps(ClampKv(_mm512_loadu_ps(q + d)), inverse));
    const __m512i high = _mm512_srai_epi32(_mm512_add_epi32(value, _mm512_set1_epi32(128)), 8);
    const __m512i low = _mm512_sub_epi32(value, _mm512_slli_epi32(high, 8));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(packed + d), _mm512_cvtepi32_epi8(high));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(packed + head_dim + d), _mm512_cvtepi32_epi8(low));
    std::int32_t& sum = bias[d / kKeyScaleDims];
    sum = (d % kKeyScaleDims == 0 ? 0 : sum) + 128 * _mm512_reduce_add_epi32(value);
  }
  reinterpret_cast<float*>(bias + head_dim / kKeyScaleDims)[0] = scale * largest / kSteps;
}

// The bytes of 16 values, and the scale that `largest` asks for.
inline __m128i ToBytes(const float* x, float largest) {
  const __m512 inverse = _mm512_set1_ps(largest > 0.0F ? 127.0F / largest : 0.0F);
  return _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(ClampKv(_mm512_loadu_ps(x)), inverse)));
}

void StoreKey(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
  auto* scales = reinterpret_cast<float*>(block + kBlockKeys * head_dim) + slot;
  for (std::size_t d = 0; d < head_dim; d += kKeyScaleDims) {
    const float largest = LargestOf(x + d, kKeyScaleDims);
    scales[d / kKeyScaleDims * kBlockKeys] = largest / 127.0F;
    for (std::size_t half = d; half < d + kKeyScaleDims; half += 16) {
      alignas(16) std::uint32_t quads[4];
      const __m128i biased = _mm_xor_si128(ToBytes(x + half, largest), _mm_set1_epi8(-128));
      _mm_store_si128(reinterpret_cast<__m128i*>(quads), biased);
      auto* out = reinterpret_cast<std::uint32_t*>(block) + half / 4 * kBlockKeys + slot;
      for (std::size_t i = 0; i < 4; ++i) out[i * kBlockKeys] = quads[i];
    }
  }
}

void StoreValue(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
  const float largest = LargestOf(x, head_dim);
  reinterpret_cast<float*>(block + kBlockKeys * head_dim)[slot] = largest / 127.0F;
  auto* out = reinterpret_cast<std::int8_t*>(block) + slot / 4 * head_dim * 4 + slot % 4;
  for (std::size_t d = 0; d < head_dim; d += 16) {
    alignas(16) std::int8_t bytes[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(bytes), ToBytes(x + d, largest));
    for (std::size_t i = 0; i < 16; ++i) out[(d + i) * 4] = bytes[i];
  }
}

template <int R>
inline void ScoreTile(const AttentionChunk& c, std::size_t first_row, std::size_t block) {
  const std::byte* k = c.k_blocks[block];
  const auto* scales = reinterpret_cast<const float*>(k + kBlockKeys * c.head_dim);
  __m512 total[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) total[r] = _mm512_setzero_ps();
  for (std::size_t group = 0; group < c.head_dim / kKeyScaleDims; ++group) {
    __m512i high[R];
    __m512i low[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) high[r] = low[r] = _mm512_setzero_si512();
    for (std::size_t step = group * kGroupSteps; step < (group + 1) * kGroupSteps; ++step) {
      const __m512i keys = _mm512_loadu_si512(k + step * 64);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const Query q = QueryOf(c, first_row + static_cast<std::size_t>(r));
        high[r] = _mm512_dpbusd_epi32(high[r], keys, _mm512_set1_epi32(q.high[step]));
        low[r] = _mm512_dpbusd_epi32(low[r], keys, _mm512_set1_epi32(q.low[step]));
      }
    }
    const __m512 scale = _mm512_loadu_ps(scales + group * kBlockKeys);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Query q = QueryOf(c, first_row + static_cast<std::size_t>(r));
      const __m512i sum = _mm512_add_epi32(_mm512_slli_epi32(high[r], 8), low[r]);
      const __m512i unbiased = _mm512_sub_epi32(sum, _mm512_set1_epi32(q.bias[group]));
      total[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(unbiased), scale, total[r]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    const std::size_t row = first_row + static_cast<std::size_t>(r);
    const __m512 scale = _mm512_set1_ps(*QueryOf(c, row).scale);
    _mm512_storeu_ps(ScoresOf(c, row) + block * kBlockKeys, _mm512_mul_ps(total[r], scale));
  }
}

struct ScaledWeights {
  static void StoreWeights(float* row, std::size_t block, __m512 p) { _mm512_storeu_ps(row + block * kBlockKeys, p); }
};

// Weights times the scales of their values in steps of 1/65535 of the row's largest, as a low and a high byte: [block]
// [high, low][16], in the first half of the row's memory. Returns the step.
float QuantizeWeights(const AttentionChunk& c, std::size_t row) {
  float* weights = ScoresOf(c, row);
  __m512 largest = _mm512_setzero_ps();
  for (std::size_t block = 0; block < c.num_blocks; ++block) {
    const __m512 scale = _mm512_loadu_ps(reinterpret_cast<const float*>(c.v_blocks[block] + kBlockKeys * c.head_dim));
    const __m512 p = _mm512_mul_ps(_mm512_loadu_ps(weights + block * kBlockKeys), scale);
    _mm512_storeu_ps(weights + block * kBlockKeys, p);
    largest = _mm512_max_ps(largest, p);
  }
  const float most = _mm512_reduce_max_ps(largest);
  const __m512 inverse = _mm512_set1_ps(most > 0.0F ? 65535.0F / most : 0.0F);
  for (std::size_t block = 0; block < c.num_blocks; ++block) {
    const __m512i value = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(weights + block * kBlockKeys), inverse));
    auto* out = reinterpret_cast<__m128i*>(weights) + block * 2;
    _mm_storeu_si128(out, _mm512_cvtepi32_epi8(_mm512_srli_epi32(value, 8)));
    _mm_storeu_si128(out + 1, _mm512_cvtepi32_epi8(value));
  }
  return most / 65535.0F;
}

template <int R>
inline void ValueTile(const AttentionChunk& c, std::size_t first_row, std::size_t d, const float* steps) {
  __m512i high[R];
  __m512i low[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) high[r] = low[r] = _mm512_setzero_si512();
  for (std::size_t block = 0; block < c.num_blocks; ++block) {
    const std::byte* v = c.v_blocks[block] + d * 4;
    for (std::size_t quad = 0; quad < kBlockKeys / 4; ++quad, v += c.head_dim * 4) {
      const __m512i values = _mm512_loadu_si512(v);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const float* row = ScoresOf(c, first_row + static_cast<std::size_t>(r));
        const auto* p = reinterpret_cast<const std::int32_t*>(row) + block * 8 + quad;
        high[r] = _mm512_dpbusd_epi32(high[r], _mm512_set1_epi32(p[0]), values);
        low[r] = _mm512_dpbusd_epi32(low[r], _mm512_set1_epi32(p[4]), values);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    // 256 products of a byte and a signed byte are below 2^24: exact in binary32.
    const __m512 sum = _mm512_fmadd_ps(_mm512_cvtepi32_ps(high[r]), _mm512_set1_ps(256.0F), _mm512_cvtepi32_ps(low[r]));
    float* out = c.out + (first_row + static_cast<std::size_t>(r)) * c.head_dim + d;
    _mm512_storeu_ps(out, _mm512_mul_ps(sum, _mm512_set1_ps(steps[r])));
  }
}

template <int R>
void ByteRows(const AttentionChunk& c, std::size_t first_row) {
  for (std::size_t block = 0; block < c.num_blocks; ++block) ScoreTile<R>(c, first_row, block);
  float steps[R];
  for (std::size_t r = 0; r < R; ++r) {
    Softmax<ScaledWeights>(c, first_row + r);
    steps[r] = QuantizeWeights(c, first_row + r);
  }
  for (std::size_t d = 0; d < c.head_dim; d += 16) ValueTile<R>(c, first_row, d, steps);
}

void ByteChunk(const AttentionChunk& c) {
  static constexpr void (*kRows[kTileRows])(const AttentionChunk&, std::size_t) = {
      ByteRows<1>, ByteRows<2>, ByteRows<3>, ByteRows<4>, ByteRows<5>, ByteRows<6>, ByteRows<7>, ByteRows<8>};
  for (std::size_t row = 0; row < c.rows; row += kTileRows) {
    const std::size_t left = c.rows - row;
    kRows[(left < kTileRows ? left : kTileRows) - 1](c, row);
  }
}

}  // namespace

constinit const AttentionKernels kAttentionQ8 = {StoreKey, StoreValue, PackQuery, ByteChunk};

}  // namespace bowhead::kernels::avx512
