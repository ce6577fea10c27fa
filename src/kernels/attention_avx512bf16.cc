// Attention with keys and values in bfloat16 by vdpbf16ps: 32 products an instruction, twice those of the multiply-add.
// Queries and weights are rounded to bfloat16 too.
#include "kernels/attention_avx512.h"
#include "kernels/ops_avx512.h"

namespace bowhead::kernels::avx512 {
namespace {

struct Bf16Dot : Bf16Blocks {
  using Vector = __m512i;
  static constexpr std::size_t kWeightBytes = 2;

  static Vector Load(const std::byte* p) { return _mm512_loadu_si512(p); }
  static __m512 Step(__m512 acc, Vector v, const std::byte* row, std::size_t step) {
    // Written out: Clang 16 crashes where it folds the broadcast into the intrinsic.
    asm("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(v), "m"(reinterpret_cast<const std::int32_t*>(row)[step]));
    return acc;
  }
  // The weights take the first half of the row's memory: they never overtake the scores that they are made from.
  static void StoreWeights(float* row, std::size_t block, __m512 p) {
    auto* out = reinterpret_cast<std::byte*>(row) + block * kBlockKeys * kWeightBytes;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(p)));
  }
  static void PackQuery(const float* q, std::size_t head_dim, float scale, std::byte* packed) {
    for (std::size_t d = 0; d < head_dim; d += 16) {
      const __m512 scaled = _mm512_mul_ps(_mm512_loadu_ps(q + d), _mm512_set1_ps(scale));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(packed + d * 2),
                          reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(scaled)));
    }
  }
};

}  // namespace

constinit const AttentionKernels kAttentionBf16Dot = {Bf16Dot::StoreKey, Bf16Dot::StoreValue, Bf16Dot::PackQuery,
                                                      Chunk<Bf16Dot>};

}  // namespace bowhead::kernels::avx512
