// Attention with keys and values in binary16, and in bfloat16 for processors without its dot product: both are widened
// to binary32. The bound is the multiply-add; a row's softmax costs a tenth of its products.
#include "kernels/attention_avx512.h"

#include "kernels/ops_avx512.h"

namespace bowhead::kernels::avx512 {
namespace {

inline __m512 Broadcast(const std::byte* p, std::size_t index) {
  return _mm512_set1_ps(reinterpret_cast<const float*>(p)[index]);
}

struct FloatWeights {
  static constexpr std::size_t kWeightBytes = 4;
  static void StoreWeights(float* row, std::size_t block, __m512 p) { _mm512_storeu_ps(row + block * kBlockKeys, p); }
};

struct F16 : FloatWeights {
  using Vector = __m512;
  static constexpr std::size_t kGroup = 1;
  static constexpr std::size_t kLaneBytes = 2;

  static Vector Load(const std::byte* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static __m512 Step(__m512 acc, Vector v, const std::byte* row, std::size_t step) {
    return _mm512_fmadd_ps(v, Broadcast(row, step), acc);
  }
  static __m256i Encode(const float* x) { return _mm512_cvtps_ph(ClampKv(_mm512_loadu_ps(x)), 0); }
  static void StoreKey(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    auto* out = reinterpret_cast<std::uint16_t*>(block) + slot;
    for (std::size_t d = 0; d < head_dim; d += 16) {
      alignas(32) std::uint16_t lanes[16];
      _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), Encode(x + d));
      for (std::size_t i = 0; i < 16; ++i) out[(d + i) * kBlockKeys] = lanes[i];
    }
  }
  static void StoreValue(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block) {
    auto* out = reinterpret_cast<std::uint16_t*>(block) + slot * head_dim;
    for (std::size_t d = 0; d < head_dim; d += 16) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + d), Encode(x + d));
    }
  }
};

struct Bf16 : FloatWeights, Bf16Blocks {
  using Vector = __m512i;

  static Vector Load(const std::byte* p) { return _mm512_loadu_si512(p); }
  static __m512 Step(__m512 acc, Vector v, const std::byte* row, std::size_t step) {
    const __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(v, 16));
    const __m512 odd = _mm512_castsi512_ps(_mm512_and_si512(v, _mm512_set1_epi32(-65536)));
    acc = _mm512_fmadd_ps(even, Broadcast(row, step * 2), acc);
    return _mm512_fmadd_ps(odd, Broadcast(row, step * 2 + 1), acc);
  }
};

}  // namespace

constinit const AttentionKernels kAttentionF16 = {F16::StoreKey, F16::StoreValue, PackFloatQuery, Chunk<F16>};
constinit const AttentionKernels kAttentionBf16 = {Bf16::StoreKey, Bf16::StoreValue, PackFloatQuery, Chunk<Bf16>};

void MergeAttention(AttentionRow& row, float* total, const AttentionRow& chunk_row, const float* chunk, std::size_t n) {
  if (chunk_row.max == -__builtin_inff()) return;
  const float max = row.max > chunk_row.max ? row.max : chunk_row.max;
  const __m512 keep = Exp2(_mm512_set1_ps(row.max - max));
  const __m512 take = Exp2(_mm512_set1_ps(chunk_row.max - max));
  for (std::size_t d = 0; d < n; d += 16) {
    const __m512 added = _mm512_mul_ps(_mm512_loadu_ps(chunk + d), take);
    _mm512_storeu_ps(total + d, _mm512_fmadd_ps(_mm512_loadu_ps(total + d), keep, added));
  }
  row.sum = row.sum * _mm512_cvtss_f32(keep) + chunk_row.sum * _mm512_cvtss_f32(take);
  row.max = max;
}

}  // namespace bowhead::kernels::avx512
