// Matrix products for AVX-512 with VNNI: 16 rows of a panel against 1 to 16 columns of a tile.
//
// A k-block (32 columns of the weights) is unpacked once into eight registers of 16 rows x 4 unsigned codes; each tile
// column then costs eight vpdpbusd with a broadcast of four int8 activations, one conversion and one or two
// multiply-adds. A constant bias of the codes starts the integer accumulator as -bias * sum(activations): the tile
// holds -128 * sum, and every bias is a power of two, so one shift makes it. The float operations of a column do not
// depend on the tile's width: results are the same for every batch.
#include "kernels/matmul_avx512.h"

#include <immintrin.h>

namespace bowhead::kernels::avx512 {
namespace {

struct Codes {
  __m512i w[8];  // group g: [row][4 columns], unsigned
};

// The scales of a block; h is the half of 16 columns for types with scales per 16, else only [0] is used.
struct Scales {
  __m512 d[2];
  __m512 m[2];
};

// Shapes like <TensorType T> instead of one function per type: the parts that a type lacks vanish at compile time.
template <TensorType T>
inline Codes LoadCodes(const std::uint8_t* block) {
  constexpr PanelLayout kLayout = GetPanelLayout(T);
  constexpr std::size_t kNone = PanelLayout::kAbsent;
  Codes codes;
  if constexpr (kLayout.byte_offset != kNone) {
    for (int g = 0; g < 8; ++g) codes.w[g] = _mm512_loadu_si512(block + g * 64);
    return codes;
  }
  if constexpr (kLayout.nibble_offset != kNone) {
    const __m512i low = _mm512_set1_epi8(0x0F);
    for (int i = 0; i < 4; ++i) {
      const __m512i line = _mm512_loadu_si512(block + kLayout.nibble_offset + i * 64);
      codes.w[i] = _mm512_and_si512(line, low);
      codes.w[i + 4] = _mm512_and_si512(_mm512_srli_epi16(line, 4), low);
    }
  }
  if constexpr (kLayout.pair_offset != kNone) {
    constexpr bool kAbove = kLayout.nibble_offset != kNone;  // Q6_K: bits 4 and 5
    const __m512i mask = _mm512_set1_epi8(kAbove ? 0x30 : 0x03);
    for (int g = 0; g < 8; ++g) {
      const __m512i line = _mm512_loadu_si512(block + kLayout.pair_offset + g / 4 * 64);
      const int shift = g % 4 * 2;
      if constexpr (kAbove) {
        const __m512i placed = shift <= 4 ? _mm512_slli_epi16(line, 4 - shift) : _mm512_srli_epi16(line, shift - 4);
        codes.w[g] = _mm512_ternarylogic_epi32(codes.w[g], placed, mask, 0xF8);  // a | (b & c)
      } else {
        codes.w[g] = _mm512_and_si512(_mm512_srli_epi16(line, shift), mask);
      }
    }
  }
  if constexpr (kLayout.bit_offset != kNone) {
    constexpr int kBit = kLayout.nibble_offset != kNone ? 4 : 2;
    const __m512i mask = _mm512_set1_epi8(1 << kBit);
    const __m512i line = _mm512_loadu_si512(block + kLayout.bit_offset);
    for (int g = 0; g < 8; ++g) {
      const __m512i placed = g <= kBit ? _mm512_slli_epi16(line, kBit - g) : _mm512_srli_epi16(line, g - kBit);
      codes.w[g] = _mm512_ternarylogic_epi32(codes.w[g], placed, mask, 0xF8);
    }
  }
  if constexpr (T == TensorType::kIQ4_NL) {
    alignas(16) static constexpr std::uint8_t kValues[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                                             129, 141, 153, 166, 181, 197, 217, 241};  // value + 128
    const __m512i table = _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(kValues)));
    for (int g = 0; g < 8; ++g) codes.w[g] = _mm512_shuffle_epi8(table, codes.w[g]);
  }
  return codes;
}

inline __m512 LoadHalves(const std::uint8_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

inline __m128i Load16(const std::uint8_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

template <TensorType T>
inline Scales LoadScales(const std::uint8_t* block, __m512 unit_d, __m512 unit_m) {
  constexpr PanelLayout kLayout = GetPanelLayout(T);
  constexpr QuantTraits kTraits = GetQuantTraits(T);
  Scales s;
  if constexpr (!kTraits.sub_blocks) {
    s.d[0] = LoadHalves(block + kLayout.scale_offset);
    if constexpr (kTraits.has_min) s.m[0] = LoadHalves(block + kLayout.min_offset);
  } else if constexpr (T == TensorType::kQ2_K) {
    const __m128i low = _mm_set1_epi8(0x0F);
    for (int h = 0; h < 2; ++h) {
      const __m128i packed = Load16(block + kLayout.scale_offset + h * 16);
      const __m128i high = _mm_and_si128(_mm_srli_epi16(packed, 4), low);
      s.d[h] = _mm512_mul_ps(unit_d, _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_and_si128(packed, low))));
      s.m[h] = _mm512_mul_ps(unit_m, _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(high)));
    }
  } else {
    for (int h = 0; h < (kTraits.per_16 ? 2 : 1); ++h) {
      const __m128i packed = Load16(block + kLayout.scale_offset + h * 16);
      s.d[h] = _mm512_mul_ps(unit_d, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(packed)));
    }
    if constexpr (kTraits.has_min) {
      const __m128i packed = Load16(block + kLayout.min_offset);
      s.m[0] = _mm512_mul_ps(unit_m, _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(packed)));
    }
  }
  return s;
}

template <std::uint8_t kBias>
inline __m512i StartValue(const std::int32_t* sum) {
  if constexpr (kBias == 0) return _mm512_setzero_si512();
  return _mm512_srai_epi32(_mm512_set1_epi32(*sum), BiasShift(kBias));
}

inline __m512i Broadcast4(const std::int8_t* q) {
  std::int32_t four;
  __builtin_memcpy(&four, q, 4);
  return _mm512_set1_epi32(four);
}

template <TensorType T, int N>
inline void BlockStep(const std::uint8_t* block, __m512 unit_d, __m512 unit_m, const ActivationTile& tile,
                      std::size_t b, __m512* acc) {
  constexpr QuantTraits kTraits = GetQuantTraits(T);
  const Codes codes = LoadCodes<T>(block);
  const Scales s = LoadScales<T>(block, unit_d, unit_m);
  const std::int8_t* q = tile.q + b * N * 32;
  const float* scale = tile.scale + b * N;
#pragma GCC unroll 16
  for (int c = 0; c < N; ++c) {
    const __m512 column_scale = _mm512_set1_ps(scale[c]);
    if constexpr (!kTraits.per_16) {
      __m512i dot = StartValue<kTraits.bias>(tile.sum + b * N + c);
#pragma GCC unroll 8
      for (int g = 0; g < 8; ++g) dot = _mm512_dpbusd_epi32(dot, codes.w[g], Broadcast4(q + c * 32 + g * 4));
      acc[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), _mm512_mul_ps(s.d[0], column_scale), acc[c]);
      if constexpr (kTraits.has_min) {
        acc[c] = _mm512_fmadd_ps(s.m[0], _mm512_set1_ps(tile.scaled_sum[b * N + c]), acc[c]);
      }
    } else {
#pragma GCC unroll 2
      for (int h = 0; h < 2; ++h) {
        __m512i dot = StartValue<kTraits.bias>(tile.half_sum + (b * 2 + h) * N + c);
#pragma GCC unroll 4
        for (int g = h * 4; g < h * 4 + 4; ++g) {
          dot = _mm512_dpbusd_epi32(dot, codes.w[g], Broadcast4(q + c * 32 + g * 4));
        }
        acc[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), _mm512_mul_ps(s.d[h], column_scale), acc[c]);
        if constexpr (kTraits.has_min) {
          acc[c] = _mm512_fmadd_ps(s.m[h], _mm512_set1_ps(tile.half_scaled_sum[(b * 2 + h) * N + c]), acc[c]);
        }
      }
    }
  }
}

// How far ahead of the dot products weights are asked for. The hardware prefetcher falls behind once several columns
// share a block (measured: 8 GB/s without, 14 with, at 8 columns).
constexpr std::size_t kPrefetchBytes = 1536;

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
    for (std::size_t u = 0; u < units; ++u) {
      __m512 unit_d = _mm512_setzero_ps();
      __m512 unit_m = _mm512_setzero_ps();
      if constexpr (kTraits.sub_blocks) {
        unit_d = LoadHalves(p);
        if constexpr (kTraits.has_min) unit_m = LoadHalves(p + 32);
      }
      const std::uint8_t* block = p + kLayout.head_bytes;
      for (std::size_t i = 0; i < kLayout.blocks_per_unit; ++i, block += kLayout.block_bytes) {
        for (std::size_t line = 0; line < kLayout.block_bytes; line += 64) {
          _mm_prefetch(reinterpret_cast<const char*>(block + kPrefetchBytes + line), _MM_HINT_T0);
        }
        BlockStep<T, N>(block, unit_d, unit_m, tile, u * kLayout.blocks_per_unit + i, acc);
      }
      p += kLayout.unit_bytes();
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
      _mm_prefetch(reinterpret_cast<const char*>(p + k * kColumnBytes + kPrefetchBytes), _MM_HINT_T0);
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
  const std::size_t fit = kStripBytes / w.panel_bytes();
  const std::size_t strip = num_tiles == 1 ? last - first : (fit > 0 ? fit : 1);
  for (std::size_t p = first; p < last; p += strip) {
    const std::size_t end = last - p < strip ? last : p + strip;
    float* to = out + (p - first) * kPanelRows;
    for (std::size_t t = 0; t < num_tiles; to += tiles[t++].width * stride) ByType(w, p, end, tiles[t], to, stride);
  }
}

}  // namespace bowhead::kernels::avx512
