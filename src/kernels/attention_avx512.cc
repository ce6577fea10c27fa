// Attention over one chunk of keys for AVX-512: scores of 16 keys at a time from transposed K blocks (no horizontal
// sums), one softmax pass, then values 16 dimensions at a time. Rows are independent: each sees the same operations in
// the same order whatever the others are.
#include <immintrin.h>

#include "kernels/exp_avx512.h"
#include "kernels/ops_avx512.h"

namespace bowhead::kernels::avx512 {
namespace {

constexpr std::size_t kKeys = 16;

inline __m512 LoadHalf16(const std::uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

template <int R>
void Scores(const AttentionChunk& c) {
  for (std::size_t block = 0; block < c.num_blocks; ++block) {
    const std::uint16_t* k = c.k_blocks[block];
    __m512 acc[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) acc[r] = _mm512_setzero_ps();
    for (std::size_t d = 0; d < c.head_dim; ++d) {
      const __m512 keys = LoadHalf16(k + d * kKeys);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        acc[r] = _mm512_fmadd_ps(keys, _mm512_set1_ps(c.q[static_cast<std::size_t>(r) * c.head_dim + d]), acc[r]);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      _mm512_storeu_ps(c.scratch + static_cast<std::size_t>(r) * kAttentionChunk + block * kKeys, acc[r]);
    }
  }
}

// Turns a row's scores into exp(score - max), 0 outside of the keys that the row sees.
void Softmax(const AttentionChunk& c, std::size_t row) {
  float* scores = c.scratch + row * kAttentionChunk;
  const __m512i first = _mm512_set1_epi32(c.first_key[row]);
  const __m512i last = _mm512_set1_epi32(c.last_key[row]);
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512 minus_infinity = _mm512_set1_ps(-__builtin_inff());
  __m512 largest = minus_infinity;
  for (std::size_t block = 0; block < c.num_blocks; ++block) {
    const __m512i key = _mm512_add_epi32(lanes, _mm512_set1_epi32(static_cast<int>(block * kKeys)));
    const __mmask16 seen = _mm512_cmpge_epi32_mask(key, first) & _mm512_cmplt_epi32_mask(key, last);
    const __m512 s = _mm512_mask_blend_ps(seen, minus_infinity, _mm512_loadu_ps(scores + block * kKeys));
    _mm512_storeu_ps(scores + block * kKeys, s);
    largest = _mm512_max_ps(largest, s);
  }
  const float max = _mm512_reduce_max_ps(largest);
  c.max[row] = max;
  const bool sees_none = max == -__builtin_inff();
  const __m512 shift = _mm512_set1_ps(sees_none ? 0.0F : max);
  __m512 sum = _mm512_setzero_ps();
  for (std::size_t block = 0; block < c.num_blocks; ++block) {
    const __m512 s = _mm512_loadu_ps(scores + block * kKeys);
    const __mmask16 seen = _mm512_cmp_ps_mask(s, minus_infinity, _CMP_NEQ_UQ);
    const __m512 p = _mm512_maskz_mov_ps(seen, Exp(_mm512_sub_ps(s, shift)));
    _mm512_storeu_ps(scores + block * kKeys, p);
    sum = _mm512_add_ps(sum, p);
  }
  c.sum[row] = _mm512_reduce_add_ps(sum);
}

template <int R>
void Values(const AttentionChunk& c) {
  for (std::size_t d = 0; d < c.head_dim; d += 16) {
    __m512 acc[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) acc[r] = _mm512_setzero_ps();
    for (std::size_t block = 0; block < c.num_blocks; ++block) {
      const std::uint16_t* v = c.v_blocks[block] + d;
      const float* p = c.scratch + block * kKeys;
      for (std::size_t t = 0; t < kKeys; ++t) {
        const __m512 value = LoadHalf16(v + t * c.head_dim);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
          acc[r] = _mm512_fmadd_ps(value, _mm512_set1_ps(p[static_cast<std::size_t>(r) * kAttentionChunk + t]), acc[r]);
        }
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) _mm512_storeu_ps(c.out + static_cast<std::size_t>(r) * c.head_dim + d, acc[r]);
  }
}

template <int R>
void Rows(const AttentionChunk& c) {
  Scores<R>(c);
  for (std::size_t r = 0; r < R; ++r) Softmax(c, r);
  Values<R>(c);
}

}  // namespace

void Attention(const AttentionChunk& c) {
  switch (c.rows) {
    case 1:
      return Rows<1>(c);
    case 2:
      return Rows<2>(c);
    case 3:
      return Rows<3>(c);
    case 4:
      return Rows<4>(c);
    case 5:
      return Rows<5>(c);
    case 6:
      return Rows<6>(c);
    case 7:
      return Rows<7>(c);
    case 8:
      return Rows<8>(c);
    case 9:
      return Rows<9>(c);
    case 10:
      return Rows<10>(c);
    case 11:
      return Rows<11>(c);
    case 12:
      return Rows<12>(c);
    case 13:
      return Rows<13>(c);
    case 14:
      return Rows<14>(c);
    case 15:
      return Rows<15>(c);
    default:
      return Rows<16>(c);
  }
}

}  // namespace bowhead::kernels::avx512
