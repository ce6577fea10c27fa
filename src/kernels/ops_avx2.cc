// Norms, activations and quantization for AVX2. Lengths need not be multiples of a register:
// tails are done one by one.
#include "kernels/ops_avx2.h"

#include <immintrin.h>

namespace bowhead::kernels::avx2 {
namespace {

// e^x; the reduction and polynomial of exp_avx512.h.
inline __m256 Exp(__m256 x) {
  const __m256 clamped = _mm256_max_ps(_mm256_min_ps(x, _mm256_set1_ps(88.3F)), _mm256_set1_ps(-87.0F));
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(clamped, _mm256_set1_ps(1.44269504F)), 0x08);
  __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693145751953125F), clamped);
  r = _mm256_fnmadd_ps(n, _mm256_set1_ps(1.42860677e-6F), r);
  __m256 p = _mm256_set1_ps(1.3888889e-3F);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3333333e-3F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1666667e-2F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666667e-1F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F));
  const __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  const __m256 value = _mm256_mul_ps(p, _mm256_castsi256_ps(exponent));
  return _mm256_and_ps(value, _mm256_cmp_ps(x, _mm256_set1_ps(-87.0F), _CMP_NLT_UQ));
}

// Loads n (1..8) floats, zeros behind them.
inline __m256i TailMask(std::size_t left) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(left >= 8 ? 8 : static_cast<int>(left)), lanes);
}

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

inline __m256 TimesSigmoid(__m256 x, __m256 s) {
  return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1.0F), Exp(_mm256_sub_ps(_mm256_setzero_ps(), s))));
}

inline void QuantizeBlock(const float* x, std::size_t b, std::size_t column, const ActivationTile& tile) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  __m256 v[4];
  __m256 largest = _mm256_setzero_ps();
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm256_loadu_ps(x + i * 8);
    largest = _mm256_max_ps(largest, _mm256_andnot_ps(sign, v[i]));
  }
  const float max = ReduceMax(largest);
  const float scale = max / 127.0F;
  const __m256 inverse = _mm256_set1_ps(max > 0.0F ? 127.0F / max : 0.0F);
  __m256i q[4];
  for (int i = 0; i < 4; ++i) q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], inverse));
  const __m256i words0 = _mm256_permute4x64_epi64(_mm256_packs_epi32(q[0], q[1]), 0xD8);
  const __m256i words1 = _mm256_permute4x64_epi64(_mm256_packs_epi32(q[2], q[3]), 0xD8);
  const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(words0, words1), 0xD8);
  const std::size_t width = tile.width;
  const std::size_t at = b * width + column;
  std::int8_t* out = tile.q + at * 32;
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), bytes);
  int sums[2] = {0, 0};
  for (int i = 0; i < 32; ++i) sums[i / 16] += out[i];
  tile.scale[at] = scale;
  tile.sum[at] = -128 * (sums[0] + sums[1]);
  tile.scaled_sum[at] = scale * static_cast<float>(sums[0] + sums[1]);
  for (std::size_t h = 0; h < 2; ++h) {
    tile.half_sum[(b * 2 + h) * width + column] = -128 * sums[h];
    tile.half_scaled_sum[(b * 2 + h) * width + column] = scale * static_cast<float>(sums[h]);
  }
}

}  // namespace

void Quantize(const float* x, std::size_t k, std::size_t column, bool with_values, const ActivationTile& tile) {
  for (std::size_t b = 0; b < k / 32; ++b) QuantizeBlock(x + b * 32, b, column, tile);
  if (!with_values) return;
  for (std::size_t i = 0; i < k; ++i) tile.values[i * tile.width + column] = x[i];
}

void RmsNorm(const float* x, const float* weight, std::size_t n, float epsilon, float* out) {
  __m256 squares = _mm256_setzero_ps();
  for (std::size_t i = 0; i < n; i += 8) {
    const __m256 v = _mm256_maskload_ps(x + i, TailMask(n - i));
    squares = _mm256_fmadd_ps(v, v, squares);
  }
  const float mean = ReduceAdd(squares) / static_cast<float>(n);
  const __m256 scale = _mm256_set1_ps(1.0F / __builtin_sqrtf(mean + epsilon));
  for (std::size_t i = 0; i < n; i += 8) {
    const __m256i mask = TailMask(n - i);
    const __m256 v = _mm256_mul_ps(_mm256_maskload_ps(x + i, mask), scale);
    _mm256_maskstore_ps(out + i, mask, _mm256_mul_ps(v, _mm256_maskload_ps(weight + i, mask)));
  }
}

void Add(const float* x, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; i += 8) {
    const __m256i mask = TailMask(n - i);
    _mm256_maskstore_ps(y + i, mask, _mm256_add_ps(_mm256_maskload_ps(x + i, mask), _mm256_maskload_ps(y + i, mask)));
  }
}

void SiluMul(const float* gate, const float* up, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; i += 8) {
    const __m256i mask = TailMask(n - i);
    const __m256 g = _mm256_maskload_ps(gate + i, mask);
    _mm256_maskstore_ps(out + i, mask, _mm256_mul_ps(TimesSigmoid(g, g), _mm256_maskload_ps(up + i, mask)));
  }
}

void GeluMul(const float* gate, const float* up, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; i += 8) {
    const __m256i mask = TailMask(n - i);
    const __m256 g = _mm256_maskload_ps(gate + i, mask);
    const __m256 cubic = _mm256_fmadd_ps(_mm256_mul_ps(g, g), _mm256_set1_ps(0.044715F), _mm256_set1_ps(1.0F));
    const __m256 two_y = _mm256_mul_ps(_mm256_mul_ps(g, cubic), _mm256_set1_ps(1.5957691216F));
    _mm256_maskstore_ps(out + i, mask, _mm256_mul_ps(TimesSigmoid(g, two_y), _mm256_maskload_ps(up + i, mask)));
  }
}

}  // namespace bowhead::kernels::avx2
