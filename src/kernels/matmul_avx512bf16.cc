// Products of BF16 weights with activations rounded to bfloat16, by vdpbf16ps: two products a lane, accumulated in
// binary32. A panel holds pairs of columns side by side, which is what the instruction takes; so do the tile's pairs.
// Each column's operations are the same for every tile width.
#include <immintrin.h>

#include "kernels/matmul_avx512.h"
#include "kernels/ops_avx512.h"
#include "kernels/table_avx512bf16.h"

namespace bowhead::kernels::avx512bf16 {
namespace {

// Weights of one strip stay in the second-level cache while all tiles of a long prompt pass over them.
constexpr std::size_t kStripBytes = 256 << 10;
constexpr std::size_t kPrefetchBytes = 1536;

// acc + weights * the same pair of activations for every row. Written out for the broadcast from memory, as in
// blocks_avx512.h.
inline __m512 PairStep(__m512 acc, __m512i weights, const std::uint16_t* pair) {
  asm("vdpbf16ps %2%{1to16%}, %1, %0"
      : "+v"(acc)
      : "v"(weights), "m"(*reinterpret_cast<const std::uint16_t(*)[2]>(pair)));
  return acc;
}

template <int N>
void Panels(const PackedMatrix& w, std::size_t first, std::size_t last, const ActivationTile& tile, float* out,
            std::size_t stride) {
  const std::size_t pairs = w.cols / 2;
  for (std::size_t panel = first; panel < last; ++panel) {
    const std::uint8_t* p = w.data + panel * pairs * 64;
    __m512 acc[N];
#pragma GCC unroll 16
    for (int c = 0; c < N; ++c) acc[c] = _mm512_setzero_ps();
    for (std::size_t k = 0; k < pairs; ++k) {
      _mm_prefetch(reinterpret_cast<const char*>(p + k * 64 + kPrefetchBytes), _MM_HINT_T0);
      const __m512i line = _mm512_loadu_si512(p + k * 64);
#pragma GCC unroll 16
      for (int c = 0; c < N; ++c) acc[c] = PairStep(acc[c], line, tile.pairs + (k * N + c) * 2);
    }
#pragma GCC unroll 16
    for (int c = 0; c < N; ++c) {
      _mm512_storeu_ps(out + static_cast<std::size_t>(c) * stride + (panel - first) * kPanelRows, acc[c]);
    }
  }
}

void ByWidth(const PackedMatrix& w, std::size_t first, std::size_t last, const ActivationTile& tile, float* out,
             std::size_t stride) {
  switch (tile.width) {
    case 1:
      return Panels<1>(w, first, last, tile, out, stride);
    case 2:
      return Panels<2>(w, first, last, tile, out, stride);
    case 3:
      return Panels<3>(w, first, last, tile, out, stride);
    case 4:
      return Panels<4>(w, first, last, tile, out, stride);
    case 5:
      return Panels<5>(w, first, last, tile, out, stride);
    case 6:
      return Panels<6>(w, first, last, tile, out, stride);
    case 7:
      return Panels<7>(w, first, last, tile, out, stride);
    case 8:
      return Panels<8>(w, first, last, tile, out, stride);
    case 9:
      return Panels<9>(w, first, last, tile, out, stride);
    case 10:
      return Panels<10>(w, first, last, tile, out, stride);
    case 11:
      return Panels<11>(w, first, last, tile, out, stride);
    case 12:
      return Panels<12>(w, first, last, tile, out, stride);
    case 13:
      return Panels<13>(w, first, last, tile, out, stride);
    case 14:
      return Panels<14>(w, first, last, tile, out, stride);
    case 15:
      return Panels<15>(w, first, last, tile, out, stride);
    default:
      return Panels<16>(w, first, last, tile, out, stride);
  }
}

}  // namespace

void Matmul(const PackedMatrix& w, std::size_t first, std::size_t last, const ActivationTile* tiles,
            std::size_t num_tiles, float* out, std::size_t stride) {
  if (w.type != TensorType::kBF16) return avx512::Matmul(w, first, last, tiles, num_tiles, out, stride);
  const std::size_t fit = kStripBytes / w.panel_bytes();
  const std::size_t strip = num_tiles == 1 ? last - first : (fit > 0 ? fit : 1);
  for (std::size_t p = first; p < last; p += strip) {
    const std::size_t end = last - p < strip ? last : p + strip;
    float* to = out + (p - first) * kPanelRows;
    for (std::size_t t = 0; t < num_tiles; to += tiles[t++].width * stride) ByWidth(w, p, end, tiles[t], to, stride);
  }
}

void Quantize(const float* x, std::size_t k, std::size_t column, bool with_values, const ActivationTile& tile) {
  avx512::Quantize(x, k, column, with_values, tile);
  if (!with_values) return;
  for (std::size_t i = 0; i < k; i += 32) {
    const __m512bh rounded = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + 16), _mm512_loadu_ps(x + i));
    alignas(64) std::uint16_t lanes[32];
    __builtin_memcpy(lanes, &rounded, 64);
    for (std::size_t j = 0; j < 32; j += 2) {
      __builtin_memcpy(tile.pairs + ((i + j) / 2 * tile.width + column) * 2, lanes + j, 4);
    }
  }
}

}  // namespace bowhead::kernels::avx512bf16
