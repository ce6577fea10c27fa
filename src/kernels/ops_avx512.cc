// Norms, activations and quantization for AVX-512. Tails shorter than a register are masked.
#include "kernels/ops_avx512.h"

#include <immintrin.h>

#include "kernels/exp_avx512.h"

namespace bowhead::kernels::avx512 {
namespace {

inline __mmask16 TailMask(std::size_t left) {
  return left >= 16 ? static_cast<__mmask16>(0xFFFF) : static_cast<__mmask16>((1U << left) - 1U);
}

inline void QuantizeBlock(const float* x, std::size_t b, std::size_t column, const ActivationTile& tile) {
  const __m512 low = _mm512_loadu_ps(x);
  const __m512 high = _mm512_loadu_ps(x + 16);
  const float largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
  const float scale = largest / 127.0F;
  const __m512 inverse = _mm512_set1_ps(largest > 0.0F ? 127.0F / largest : 0.0F);
  // NaN and infinity convert to the least integer, whose sums would overflow.
  const __m512i least = _mm512_set1_epi32(-127);
  const __m512i q_low = _mm512_max_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(low, inverse)), least);
  const __m512i q_high = _mm512_max_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(high, inverse)), least);
  const std::size_t width = tile.width;
  std::int8_t* q = tile.q + (b * width + column) * 32;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(q), _mm512_cvtsepi32_epi8(q_low));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(q + 16), _mm512_cvtsepi32_epi8(q_high));
  const int sum_low = _mm512_reduce_add_epi32(q_low);
  const int sum_high = _mm512_reduce_add_epi32(q_high);
  const std::size_t at = b * width + column;
  tile.scale[at] = scale;
  tile.sum[at] = -128 * (sum_low + sum_high);
  tile.scaled_sum[at] = scale * static_cast<float>(sum_low + sum_high);
  tile.half_sum[b * 2 * width + column] = -128 * sum_low;
  tile.half_sum[(b * 2 + 1) * width + column] = -128 * sum_high;
  tile.half_scaled_sum[b * 2 * width + column] = scale * static_cast<float>(sum_low);
  tile.half_scaled_sum[(b * 2 + 1) * width + column] = scale * static_cast<float>(sum_high);
}

// x / (1 + e^-s)
inline __m512 TimesSigmoid(__m512 x, __m512 s) {
  const __m512 one = _mm512_set1_ps(1.0F);
  return _mm512_div_ps(x, _mm512_add_ps(one, Exp(_mm512_sub_ps(_mm512_setzero_ps(), s))));
}

}  // namespace

void Quantize(const float* x, std::size_t k, std::size_t column, bool with_values, const ActivationTile& tile) {
  for (std::size_t b = 0; b < k / 32; ++b) QuantizeBlock(x + b * 32, b, column, tile);
  if (!with_values) return;
  for (std::size_t i = 0; i < k; ++i) tile.values[i * tile.width + column] = x[i];
}

void RmsNorm(const float* x, const float* weight, std::size_t n, float epsilon, float* out) {
  __m512 squares = _mm512_setzero_ps();
  for (std::size_t i = 0; i < n; i += 16) {
    const __m512 v = _mm512_maskz_loadu_ps(TailMask(n - i), x + i);
    squares = _mm512_fmadd_ps(v, v, squares);
  }
  const float mean = _mm512_reduce_add_ps(squares) / static_cast<float>(n);
  const __m512 scale = _mm512_set1_ps(1.0F / __builtin_sqrtf(mean + epsilon));
  for (std::size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = TailMask(n - i);
    const __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i), scale);
    _mm512_mask_storeu_ps(out + i, mask, _mm512_mul_ps(v, _mm512_maskz_loadu_ps(mask, weight + i)));
  }
}

void Add(const float* x, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = TailMask(n - i);
    const __m512 sum = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, x + i), _mm512_maskz_loadu_ps(mask, y + i));
    _mm512_mask_storeu_ps(y + i, mask, sum);
  }
}

void SiluMul(const float* gate, const float* up, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = TailMask(n - i);
    const __m512 g = _mm512_maskz_loadu_ps(mask, gate + i);
    _mm512_mask_storeu_ps(out + i, mask, _mm512_mul_ps(TimesSigmoid(g, g), _mm512_maskz_loadu_ps(mask, up + i)));
  }
}

void GeluMul(const float* gate, const float* up, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = TailMask(n - i);
    const __m512 g = _mm512_maskz_loadu_ps(mask, gate + i);
    // (1 + tanh(y)) / 2 = sigmoid(2 y), with y = sqrt(2 / pi) (g + 0.044715 g^3)
    const __m512 cubic = _mm512_fmadd_ps(_mm512_mul_ps(g, g), _mm512_set1_ps(0.044715F), _mm512_set1_ps(1.0F));
    const __m512 two_y = _mm512_mul_ps(_mm512_mul_ps(g, cubic), _mm512_set1_ps(1.5957691216F));
    _mm512_mask_storeu_ps(out + i, mask, _mm512_mul_ps(TimesSigmoid(g, two_y), _mm512_maskz_loadu_ps(mask, up + i)));
  }
}

}  // namespace bowhead::kernels::avx512
