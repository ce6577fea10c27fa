// Matrix products for AVX-512 with VNNI: 16 rows of a panel against 1 to 16 columns of a tile.
//
// A k-block (32 columns of the weights) is unpacked once into eight registers of 16 rows x 4 unsigned codes; each tile
// column then costs eight vpdpbusd with a broadcast of four int8 activations, one conversion and one or two
// multiply-adds. A constant bias of the codes starts the integer accumulator as -bias * sum(activations): the tile
// holds -128 * sum, and every bias is a power of two, so one shift makes it. The float operations of a column do not
// depend on the tile's width: results are the same for every batch. With more than one tile, matmul_wide_avx512.cc does
// the same operations on weights that are unpacked once.
#include "kernels/matmul_avx512.h"

#include <immintrin.h>

#include "kernels/blocks_avx512.h"
#include "kernels/matmul_wide_avx512.h"

namespace bowhead::kernels::avx512 {
namespace {

template <std::uint8_t kBias>
inline __m512i StartValue(const std::int32_t* sum) {
  if constexpr (kBias == 0) return _mm512_setzero_si512();
  return _mm512_srai_epi32(_mm512_set1_epi32(*sum), BiasShift(kBias));
}

// Groups [kFirst, kLast) of a block against one column.
template <TensorType T, int N, int kFirst, int kLast>
inline __m512i Dot(const Codes& codes, const std::int8_t* q, __m512i dot) {
  // Codes of bytes need no unpacking: with many columns the compiler keeps them in memory, as an operand of the
  // product, and has registers to spare for the broadcast (512 columns: 0.75 of the peak against 0.61).
  constexpr bool kCodesInMemory = T == TensorType::kQ8_0 && N >= 8;
#pragma GCC unroll 8
  for (int g = kFirst; g < kLast; ++g) {
    if constexpr (kCodesInMemory) {
      int four = 0;
      __builtin_memcpy(&four, q + g * 4, 4);
      dot = _mm512_dpbusd_epi32(dot, codes.w[g], _mm512_set1_epi32(four));
    } else {
      dot = DotStep(dot, codes.w[g], q + g * 4);
    }
  }
  return dot;
}

// One block of a type with one scale per 32 values.
template <TensorType T, int N>
inline void BlockStep(const std::uint8_t* block, __m512 unit_d, __m512 unit_m, const ActivationTile& tile,
                      std::size_t b, __m512* acc) {
  constexpr QuantTraits kTraits = GetQuantTraits(T);
  const Codes codes = LoadCodes<T>(block);
  const Scales s = LoadScales<T>(block, unit_d, unit_m);
#pragma GCC unroll 16
  for (int c = 0; c < N; ++c) {
    const std::size_t at = b * N + c;
    const __m512i dot = Dot<T, N, 0, 8>(codes, tile.q + at * 32, StartValue<kTraits.bias>(tile.sum + at));
    const __m512 d = _mm512_mul_ps(s.d, _mm512_set1_ps(tile.scale[at]));
    acc[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), d, acc[c]);
    if constexpr (kTraits.has_min) acc[c] = _mm512_fmadd_ps(s.m, _mm512_set1_ps(tile.scaled_sum[at]), acc[c]);
  }
}

// One block of a type with a scale per 16 values: sum[c] += activation scale * (sub_scale 0 * dot 0 + sub_scale 1 * dot
// 1). What stands in brackets is an integer below 2^24, so floats hold it exactly.
template <TensorType T, int N>
inline void HalvesStep(const std::uint8_t* block, const ActivationTile& tile, std::size_t b, __m512* sum) {
  constexpr QuantTraits kTraits = GetQuantTraits(T);
  const Codes codes = LoadCodes<T>(block);
  const __m512 scale0 = _mm512_cvtepi32_ps(LoadSubScale<T>(block, 0));
  const __m512 scale1 = _mm512_cvtepi32_ps(LoadSubScale<T>(block, 1));
  const std::int32_t* start = tile.half_sum + b * 2 * N;
#pragma GCC unroll 16
  for (int c = 0; c < N; ++c) {
    const std::size_t at = b * N + c;
    const std::int8_t* q = tile.q + at * 32;
    const __m512i dot0 = Dot<T, N, 0, 4>(codes, q, StartValue<kTraits.bias>(start + c));
    const __m512i dot1 = Dot<T, N, 4, 8>(codes, q, StartValue<kTraits.bias>(start + N + c));
    const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(dot0), scale0);
    const __m512 both = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot1), scale1, scaled);
    sum[c] = _mm512_fmadd_ps(both, _mm512_set1_ps(tile.scale[at]), sum[c]);
  }
}

// A super-block of a type with scales per 16 values: its own scale and minimum multiply sums over its eight blocks.
template <TensorType T, int N>
inline void HalvesUnit(const std::uint8_t* unit, const ActivationTile& tile, std::size_t first_block, __m512* acc) {
  constexpr PanelLayout kLayout = GetPanelLayout(T);
  const std::uint8_t* block = unit + kLayout.head_bytes;
  __m512 sum[N];
#pragma GCC unroll 16
  for (int c = 0; c < N; ++c) sum[c] = _mm512_setzero_ps();
  for (std::size_t i = 0; i < 8; ++i) {
    PrefetchBlock<T>(block + i * kLayout.block_bytes);
    HalvesStep<T, N>(block + i * kLayout.block_bytes, tile, first_block + i, sum);
  }
  const __m512 d = LoadHalves(unit);
#pragma GCC unroll 16
  for (int c = 0; c < N; ++c) acc[c] = _mm512_fmadd_ps(d, sum[c], acc[c]);
  if constexpr (!GetQuantTraits(T).has_min) return;
#pragma GCC unroll 16
  for (int c = 0; c < N; ++c) sum[c] = _mm512_setzero_ps();
  for (std::size_t i = 0; i < 8; ++i) {
#pragma GCC unroll 2
    for (int h = 0; h < 2; ++h) {
      const __m512 min = _mm512_cvtepi32_ps(LoadSubMin<T>(block + i * kLayout.block_bytes, h));
      const float* scaled = tile.half_scaled_sum + ((first_block + i) * 2 + h) * N;
#pragma GCC unroll 16
      for (int c = 0; c < N; ++c) sum[c] = _mm512_fmadd_ps(min, _mm512_set1_ps(scaled[c]), sum[c]);
    }
  }
  const __m512 m = LoadHalves(unit + 32);
#pragma GCC unroll 16
  for (int c = 0; c < N; ++c) acc[c] = _mm512_fmadd_ps(m, sum[c], acc[c]);
}

template <TensorType T, int N>
void QuantizedPanels(const PackedMatrix& weights, std::size_t first, std::size_t last, const ActivationTile& tile,
                     float* out, std::size_t out_stride) {
  constexpr PanelLayout kLayout = GetPanelLayout(T);
  constexpr QuantTraits kTraits = GetQuantTraits(T);
  const std::size_t units = weights.cols / kBlockColumns / kLayout.blocks_per_unit;
  const std::uint8_t* p = weights.data + first * units * kLayout.unit_bytes();
  for (std::size_t panel = first; panel < last; ++panel) {
    __m512 acc[N];
#pragma GCC unroll 16
    for (int c = 0; c < N; ++c) acc[c] = _mm512_setzero_ps();
    for (std::size_t u = 0; u < units; ++u, p += kLayout.unit_bytes()) {
      if constexpr (kTraits.per_16) {
        HalvesUnit<T, N>(p, tile, u * kLayout.blocks_per_unit, acc);
        continue;
      }
      __m512 unit_d = _mm512_setzero_ps();
      __m512 unit_m = _mm512_setzero_ps();
      if constexpr (kTraits.sub_blocks) {
        unit_d = LoadHalves(p);
        if constexpr (kTraits.has_min) unit_m = LoadHalves(p + 32);
      }
      const std::uint8_t* block = p + kLayout.head_bytes;
      for (std::size_t i = 0; i < kLayout.blocks_per_unit; ++i, block += kLayout.block_bytes) {
        PrefetchBlock<T>(block);
        BlockStep<T, N>(block, unit_d, unit_m, tile, u * kLayout.blocks_per_unit + i, acc);
      }
    }
#pragma GCC unroll 16
    for (int c = 0; c < N; ++c) {
      _mm512_storeu_ps(out + static_cast<std::size_t>(c) * out_stride + (panel - first) * kPanelRows, acc[c]);
    }
  }
}

template <TensorType T>
inline __m512 LoadFloats(const std::uint8_t* panel, std::size_t k) {
  if constexpr (T == TensorType::kF32) {
    return _mm512_loadu_ps(panel + k * 64);
  } else if constexpr (T == TensorType::kF16) {
    return LoadHalves(panel + k * 32);
  } else {  // BF16 pairs: column k is the low or the high half of each 32-bit lane
    const __m512i pair = _mm512_loadu_si512(panel + k / 2 * 64);
    return _mm512_castsi512_ps(k % 2 == 0 ? _mm512_slli_epi32(pair, 16)
                                          : _mm512_and_si512(pair, _mm512_set1_epi32(static_cast<int>(0xFFFF0000U))));
  }
}

template <TensorType T, int N>
void FloatPanels(const PackedMatrix& weights, std::size_t first, std::size_t last, const ActivationTile& tile,
                 float* out, std::size_t out_stride) {
  constexpr std::size_t kColumnBytes = kPanelRows * (T == TensorType::kF32 ? 4 : 2);
  const std::size_t panel_bytes = (T == TensorType::kBF16 ? (weights.cols + 1) / 2 * 2 : weights.cols) * kColumnBytes;
  for (std::size_t panel = first; panel < last; ++panel) {
    const std::uint8_t* p = weights.data + panel * panel_bytes;
    __m512 acc[N];
#pragma GCC unroll 16
    for (int c = 0; c < N; ++c) acc[c] = _mm512_setzero_ps();
    for (std::size_t k = 0; k < weights.cols; k += 2) {
      for (std::size_t line = 0; line < 2 * kColumnBytes; line += 64) {
        _mm_prefetch(reinterpret_cast<const char*>(p + k * kColumnBytes + kPrefetchBytes + line), _MM_HINT_T0);
      }
      const __m512 even = LoadFloats<T>(p, k);
      const __m512 odd = LoadFloats<T>(p, k + 1);
#pragma GCC unroll 16
      for (int c = 0; c < N; ++c) {
        acc[c] = _mm512_fmadd_ps(even, _mm512_set1_ps(tile.values[k * N + c]), acc[c]);
        acc[c] = _mm512_fmadd_ps(odd, _mm512_set1_ps(tile.values[(k + 1) * N + c]), acc[c]);
      }
    }
#pragma GCC unroll 16
    for (int c = 0; c < N; ++c) {
      _mm512_storeu_ps(out + static_cast<std::size_t>(c) * out_stride + (panel - first) * kPanelRows, acc[c]);
    }
  }
}

template <TensorType T, int N>
void Panels(const PackedMatrix& weights, std::size_t first, std::size_t last, const ActivationTile& tile, float* out,
            std::size_t out_stride) {
  if constexpr (GetQuantTraits(T).quantized) {
    QuantizedPanels<T, N>(weights, first, last, tile, out, out_stride);
  } else {
    FloatPanels<T, N>(weights, first, last, tile, out, out_stride);
  }
}

template <TensorType T>
void ByWidth(const PackedMatrix& w, std::size_t first, std::size_t last, const ActivationTile& tile, float* out,
             std::size_t stride) {
  switch (tile.width) {
    case 1:
      return Panels<T, 1>(w, first, last, tile, out, stride);
    case 2:
      return Panels<T, 2>(w, first, last, tile, out, stride);
    case 3:
      return Panels<T, 3>(w, first, last, tile, out, stride);
    case 4:
      return Panels<T, 4>(w, first, last, tile, out, stride);
    case 5:
      return Panels<T, 5>(w, first, last, tile, out, stride);
    case 6:
      return Panels<T, 6>(w, first, last, tile, out, stride);
    case 7:
      return Panels<T, 7>(w, first, last, tile, out, stride);
    case 8:
      return Panels<T, 8>(w, first, last, tile, out, stride);
    case 9:
      return Panels<T, 9>(w, first, last, tile, out, stride);
    case 10:
      return Panels<T, 10>(w, first, last, tile, out, stride);
    case 11:
      return Panels<T, 11>(w, first, last, tile, out, stride);
    case 12:
      return Panels<T, 12>(w, first, last, tile, out, stride);
    case 13:
      return Panels<T, 13>(w, first, last, tile, out, stride);
    case 14:
      return Panels<T, 14>(w, first, last, tile, out, stride);
    case 15:
      return Panels<T, 15>(w, first, last, tile, out, stride);
    default:
      return Panels<T, 16>(w, first, last, tile, out, stride);
  }
}

void ByType(const PackedMatrix& w, std::size_t first, std::size_t last, const ActivationTile& tile, float* out,
            std::size_t stride) {
  switch (w.type) {
    case TensorType::kF32:
      return ByWidth<TensorType::kF32>(w, first, last, tile, out, stride);
    case TensorType::kF16:
      return ByWidth<TensorType::kF16>(w, first, last, tile, out, stride);
    case TensorType::kBF16:
      return ByWidth<TensorType::kBF16>(w, first, last, tile, out, stride);
    case TensorType::kQ4_0:
      return ByWidth<TensorType::kQ4_0>(w, first, last, tile, out, stride);
    case TensorType::kQ4_1:
      return ByWidth<TensorType::kQ4_1>(w, first, last, tile, out, stride);
    case TensorType::kQ5_0:
      return ByWidth<TensorType::kQ5_0>(w, first, last, tile, out, stride);
    case TensorType::kQ5_1:
      return ByWidth<TensorType::kQ5_1>(w, first, last, tile, out, stride);
    case TensorType::kQ8_0:
      return ByWidth<TensorType::kQ8_0>(w, first, last, tile, out, stride);
    case TensorType::kQ2_K:
      return ByWidth<TensorType::kQ2_K>(w, first, last, tile, out, stride);
    case TensorType::kQ3_K:
      return ByWidth<TensorType::kQ3_K>(w, first, last, tile, out, stride);
    case TensorType::kQ4_K:
      return ByWidth<TensorType::kQ4_K>(w, first, last, tile, out, stride);
    case TensorType::kQ5_K:
      return ByWidth<TensorType::kQ5_K>(w, first, last, tile, out, stride);
    case TensorType::kQ6_K:
      return ByWidth<TensorType::kQ6_K>(w, first, last, tile, out, stride);
    case TensorType::kIQ4_NL:
      return ByWidth<TensorType::kIQ4_NL>(w, first, last, tile, out, stride);
  }
}

// Weights of one strip stay in the second-level cache while all tiles of a long prompt pass over them.
constexpr std::size_t kStripBytes = 192 << 10;

}  // namespace

void Matmul(const PackedMatrix& w, std::size_t first, std::size_t last, const ActivationTile* tiles,
            std::size_t num_tiles, float* out, std::size_t stride) {
  if (WideIsFaster(w, tiles, num_tiles)) return WideMatmul(w, first, last, tiles, num_tiles, out, stride);
  const std::size_t fit = kStripBytes / w.panel_bytes();
  const std::size_t strip = num_tiles == 1 ? last - first : (fit > 0 ? fit : 1);
  for (std::size_t p = first; p < last; p += strip) {
    const std::size_t end = last - p < strip ? last : p + strip;
    float* to = out + (p - first) * kPanelRows;
    for (std::size_t t = 0; t < num_tiles; to += tiles[t++].width * stride) ByType(w, p, end, tiles[t], to, stride);
  }
}

}  // namespace bowhead::kernels::avx512
