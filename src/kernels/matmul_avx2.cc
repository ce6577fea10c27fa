// Matrix products for AVX2 with FMA: the same panels as AVX-512, as two registers of 8 rows, against up to four columns
// of the tile at a time.
//
// vpmaddubsw multiplies unsigned codes with signed activations and adds pairs into int16, which holds codes up to 63
// (2 * 63 * 127 < 2^15). Codes of 8 bits would overflow: they are made signed, and their sign is moved to the
// activation (|w| <= 128: 2 * 128 * 127 < 2^15), which also removes their bias.
#include "kernels/matmul_avx2.h"

#include <immintrin.h>

namespace bowhead::kernels::avx2 {
namespace {

constexpr int kColumns = 4;  // of one pass over a panel

template <TensorType T>
constexpr bool kSignedCodes = GetQuantTraits(T).bias == 128;

inline __m256i Load(const std::uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

// Codes of group g, rows 8 half to 8 half + 7.
template <TensorType T>
inline __m256i LoadCodes(const std::uint8_t* block, int g, int half) {
  constexpr PanelLayout kLayout = GetPanelLayout(T);
  constexpr std::size_t kNone = PanelLayout::kAbsent;
  const int at = half * 32;
  if constexpr (kLayout.byte_offset != kNone) {
    return _mm256_xor_si256(Load(block + g * 64 + at), _mm256_set1_epi8(static_cast<char>(0x80)));
  }
  __m256i codes = _mm256_setzero_si256();
  if constexpr (kLayout.nibble_offset != kNone) {
    const __m256i line = Load(block + kLayout.nibble_offset + g % 4 * 64 + at);
    codes = _mm256_and_si256(g < 4 ? line : _mm256_srli_epi16(line, 4), _mm256_set1_epi8(0x0F));
  }
  if constexpr (kLayout.pair_offset != kNone) {
    const __m256i line = Load(block + kLayout.pair_offset + g / 4 * 64 + at);
    const __m256i pair = _mm256_and_si256(_mm256_srl_epi16(line, _mm_cvtsi32_si128(g % 4 * 2)), _mm256_set1_epi8(3));
    codes = _mm256_or_si256(codes, kLayout.nibble_offset != kNone ? _mm256_slli_epi16(pair, 4) : pair);
  }
  if constexpr (kLayout.bit_offset != kNone) {
    const __m256i line = Load(block + kLayout.bit_offset + at);
    const __m256i bit = _mm256_and_si256(_mm256_srl_epi16(line, _mm_cvtsi32_si128(g)), _mm256_set1_epi8(1));
    codes = _mm256_or_si256(codes, _mm256_slli_epi16(bit, kLayout.nibble_offset != kNone ? 4 : 2));
  }
  if constexpr (T == TensorType::kIQ4_NL) {
    const __m256i values = _mm256_setr_epi8(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
                                            -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
    codes = _mm256_shuffle_epi8(values, codes);
  }
  return codes;
}

inline __m256 LoadHalves(const std::uint8_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

inline __m128i Load8(const std::uint8_t* p) {
  return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
}

inline __m256 LoadSubScale(const std::uint8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(Load8(p)));
}

inline __m256 LoadNibbles(const std::uint8_t* p, bool high) {
  const __m128i packed = Load8(p);
  const __m128i nibbles = _mm_and_si128(high ? _mm_srli_epi16(packed, 4) : packed, _mm_set1_epi8(0x0F));
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(nibbles));
}

struct Scales {
  __m256 d;
  __m256 m;
};

// Of types with one scale per 32 values.
template <TensorType T>
inline Scales LoadScales(const std::uint8_t* unit, const std::uint8_t* block, int half) {
  constexpr PanelLayout kLayout = GetPanelLayout(T);
  constexpr QuantTraits kTraits = GetQuantTraits(T);
  Scales s{_mm256_setzero_ps(), _mm256_setzero_ps()};
  if constexpr (!kTraits.sub_blocks) {
    s.d = LoadHalves(block + kLayout.scale_offset + half * 16);
    if constexpr (kTraits.has_min) s.m = LoadHalves(block + kLayout.min_offset + half * 16);
  } else {
    s.d = _mm256_mul_ps(LoadHalves(unit + half * 16), LoadSubScale(block + kLayout.scale_offset + half * 8));
    if constexpr (kTraits.has_min) {
      const __m256 mins = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(Load8(block + kLayout.min_offset + half * 8)));
      s.m = _mm256_mul_ps(LoadHalves(unit + 32 + half * 16), mins);
    }
  }
  return s;
}

// The sub-scale of half-block h, of types with one per 16 values.
template <TensorType T>
inline __m256 HalfScale(const std::uint8_t* block, int h, int half) {
  const std::uint8_t* p = block + GetPanelLayout(T).scale_offset + h * 16 + half * 8;
  return T == TensorType::kQ2_K ? LoadNibbles(p, false) : LoadSubScale(p);
}

template <TensorType T>
inline __m256i DotStep(__m256i sum, __m256i codes, const std::int8_t* q) {
  std::int32_t four;
  __builtin_memcpy(&four, q, 4);
  const __m256i a = _mm256_set1_epi32(four);
  const __m256i pairs = kSignedCodes<T> ? _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(a, codes))
                                        : _mm256_maddubs_epi16(codes, a);
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

// Groups [kFirst, kLast) of a block, rows of one half of the panel, N columns. `start`: of each column the tile's sum.
template <TensorType T, int N, int kFirst, int kLast>
inline void Dots(const std::uint8_t* block, int half, const std::int8_t* q, const std::int32_t* start, __m256i* dot) {
  constexpr QuantTraits kTraits = GetQuantTraits(T);
  for (int c = 0; c < N; ++c) {
    dot[c] = kTraits.bias == 0 || kSignedCodes<T>
                 ? _mm256_setzero_si256()
                 : _mm256_srai_epi32(_mm256_set1_epi32(start[c]), BiasShift(kTraits.bias));
  }
#pragma GCC unroll 8
  for (int g = kFirst; g < kLast; ++g) {
    const __m256i codes = LoadCodes<T>(block, g, half);
    for (int c = 0; c < N; ++c) dot[c] = DotStep<T>(dot[c], codes, q + c * 32 + g * 4);
  }
}

// One block of a type with one scale per 32 values.
template <TensorType T, int N>
inline void BlockStep(const std::uint8_t* unit, const std::uint8_t* block, int half, const ActivationTile& tile,
                      std::size_t at, __m256* acc) {
  __m256i dot[N];
  Dots<T, N, 0, 8>(block, half, tile.q + at * 32, tile.sum + at, dot);
  const Scales s = LoadScales<T>(unit, block, half);
  for (int c = 0; c < N; ++c) {
    const __m256 d = _mm256_mul_ps(s.d, _mm256_set1_ps(tile.scale[at + static_cast<std::size_t>(c)]));
    acc[c] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[c]), d, acc[c]);
    if constexpr (GetQuantTraits(T).has_min) {
      acc[c] = _mm256_fmadd_ps(s.m, _mm256_set1_ps(tile.scaled_sum[at + static_cast<std::size_t>(c)]), acc[c]);
    }
  }
}

// One block of a type with a scale per 16 values: sum += activation scale * (sub_scale 0 * dot 0 + sub_scale 1 * dot
// 1); floats hold what stands in brackets exactly.
template <TensorType T, int N>
inline void HalvesStep(const std::uint8_t* block, int half, const ActivationTile& tile, std::size_t b,
                       std::size_t column, __m256* sum) {
  const std::size_t at = b * tile.width + column;
  const std::int32_t* start = tile.half_sum + b * 2 * tile.width + column;
  __m256i dot0[N];
  __m256i dot1[N];
  Dots<T, N, 0, 4>(block, half, tile.q + at * 32, start, dot0);
  Dots<T, N, 4, 8>(block, half, tile.q + at * 32, start + tile.width, dot1);
  for (int c = 0; c < N; ++c) {
    const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(dot0[c]), HalfScale<T>(block, 0, half));
    const __m256 both = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot1[c]), HalfScale<T>(block, 1, half), scaled);
    sum[c] = _mm256_fmadd_ps(both, _mm256_set1_ps(tile.scale[at + static_cast<std::size_t>(c)]), sum[c]);
  }
}

// A super-block of such a type: its own scale and minimum multiply sums over its eight blocks.
template <TensorType T, int N>
inline void HalvesUnit(const std::uint8_t* unit, int half, const ActivationTile& tile, std::size_t first_block,
                       std::size_t column, __m256* acc) {
  constexpr PanelLayout kLayout = GetPanelLayout(T);
  const std::uint8_t* block = unit + kLayout.head_bytes;
  __m256 sum[N];
  for (int c = 0; c < N; ++c) sum[c] = _mm256_setzero_ps();
  for (std::size_t i = 0; i < 8; ++i) {
    HalvesStep<T, N>(block + i * kLayout.block_bytes, half, tile, first_block + i, column, sum);
  }
  const __m256 d = LoadHalves(unit + half * 16);
  for (int c = 0; c < N; ++c) acc[c] = _mm256_fmadd_ps(d, sum[c], acc[c]);
  if constexpr (!GetQuantTraits(T).has_min) return;
  for (int c = 0; c < N; ++c) sum[c] = _mm256_setzero_ps();
  for (std::size_t i = 0; i < 16; ++i) {  // half-blocks
    const std::uint8_t* mins = block + i / 2 * kLayout.block_bytes + kLayout.min_offset + i % 2 * 16 + half * 8;
    const float* scaled = tile.half_scaled_sum + (first_block * 2 + i) * tile.width + column;
    for (int c = 0; c < N; ++c) sum[c] = _mm256_fmadd_ps(LoadNibbles(mins, true), _mm256_set1_ps(scaled[c]), sum[c]);
  }
  const __m256 m = LoadHalves(unit + 32 + half * 16);
  for (int c = 0; c < N; ++c) acc[c] = _mm256_fmadd_ps(m, sum[c], acc[c]);
}

template <TensorType T, int N>
void QuantizedPanel(const std::uint8_t* panel, std::size_t cols, const ActivationTile& tile, std::size_t column,
                    float* out, std::size_t out_stride) {
  constexpr PanelLayout kLayout = GetPanelLayout(T);
  const std::size_t units = cols / kBlockColumns / kLayout.blocks_per_unit;
  for (int half = 0; half < 2; ++half) {
    __m256 acc[N];
    for (int c = 0; c < N; ++c) acc[c] = _mm256_setzero_ps();
    for (std::size_t u = 0; u < units; ++u) {
      const std::uint8_t* unit = panel + u * kLayout.unit_bytes();
      const std::size_t first_block = u * kLayout.blocks_per_unit;
      if constexpr (GetQuantTraits(T).per_16) {
        HalvesUnit<T, N>(unit, half, tile, first_block, column, acc);
      } else {
        const std::uint8_t* block = unit + kLayout.head_bytes;
        for (std::size_t i = 0; i < kLayout.blocks_per_unit; ++i, block += kLayout.block_bytes) {
          BlockStep<T, N>(unit, block, half, tile, (first_block + i) * tile.width + column, acc);
        }
      }
    }
    for (int c = 0; c < N; ++c) {
      _mm256_storeu_ps(out + (column + static_cast<std::size_t>(c)) * out_stride + half * 8, acc[c]);
    }
  }
}

template <TensorType T>
inline __m256 LoadFloats(const std::uint8_t* panel, std::size_t k, int half) {
  if constexpr (T == TensorType::kF32) {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(panel + k * 64 + static_cast<std::size_t>(half) * 32));
  } else if constexpr (T == TensorType::kF16) {
    return LoadHalves(panel + k * 32 + half * 16);
  } else {
    const __m256i pair = Load(panel + k / 2 * 64 + half * 32);
    const __m256i high = _mm256_and_si256(pair, _mm256_set1_epi32(static_cast<int>(0xFFFF0000U)));
    return _mm256_castsi256_ps(k % 2 == 0 ? _mm256_slli_epi32(pair, 16) : high);
  }
}

template <TensorType T, int N>
void FloatPanel(const std::uint8_t* panel, std::size_t cols, const ActivationTile& tile, std::size_t column, float* out,
                std::size_t out_stride) {
  for (int half = 0; half < 2; ++half) {
    __m256 acc[N];
    for (int c = 0; c < N; ++c) acc[c] = _mm256_setzero_ps();
    for (std::size_t k = 0; k < cols; ++k) {
      const __m256 w = LoadFloats<T>(panel, k, half);
      const float* x = tile.values + k * tile.width + column;
      for (int c = 0; c < N; ++c) acc[c] = _mm256_fmadd_ps(w, _mm256_set1_ps(x[c]), acc[c]);
    }
    for (int c = 0; c < N; ++c) {
      _mm256_storeu_ps(out + (column + static_cast<std::size_t>(c)) * out_stride + half * 8, acc[c]);
    }
  }
}

template <TensorType T, int N>
void Panel(const std::uint8_t* panel, std::size_t cols, const ActivationTile& tile, std::size_t column, float* out,
           std::size_t stride) {
  if constexpr (GetQuantTraits(T).quantized) {
    QuantizedPanel<T, N>(panel, cols, tile, column, out, stride);
  } else {
    FloatPanel<T, N>(panel, cols, tile, column, out, stride);
  }
}

template <TensorType T>
void Panels(const PackedMatrix& w, std::size_t panel_bytes, std::size_t first, std::size_t last,
            const ActivationTile& tile, float* out, std::size_t stride) {
  for (std::size_t p = first; p < last; ++p) {
    const std::uint8_t* panel = w.data + p * panel_bytes;
    float* panel_out = out + (p - first) * kPanelRows;
    for (std::size_t column = 0; column < tile.width; column += kColumns) {
      switch (tile.width - column) {
        case 1:
          Panel<T, 1>(panel, w.cols, tile, column, panel_out, stride);
          break;
        case 2:
          Panel<T, 2>(panel, w.cols, tile, column, panel_out, stride);
          break;
        case 3:
          Panel<T, 3>(panel, w.cols, tile, column, panel_out, stride);
          break;
        default:
          Panel<T, kColumns>(panel, w.cols, tile, column, panel_out, stride);
          break;
      }
    }
  }
}

void ByType(const PackedMatrix& w, std::size_t first, std::size_t last, const ActivationTile& tile, float* out,
            std::size_t stride) {
  const std::size_t bytes = w.panel_bytes();
  switch (w.type) {
    case TensorType::kF32:
      return Panels<TensorType::kF32>(w, bytes, first, last, tile, out, stride);
    case TensorType::kF16:
      return Panels<TensorType::kF16>(w, bytes, first, last, tile, out, stride);
    case TensorType::kBF16:
      return Panels<TensorType::kBF16>(w, bytes, first, last, tile, out, stride);
    case TensorType::kQ4_0:
      return Panels<TensorType::kQ4_0>(w, bytes, first, last, tile, out, stride);
    case TensorType::kQ4_1:
      return Panels<TensorType::kQ4_1>(w, bytes, first, last, tile, out, stride);
    case TensorType::kQ5_0:
      return Panels<TensorType::kQ5_0>(w, bytes, first, last, tile, out, stride);
    case TensorType::kQ5_1:
      return Panels<TensorType::kQ5_1>(w, bytes, first, last, tile, out, stride);
    case TensorType::kQ8_0:
      return Panels<TensorType::kQ8_0>(w, bytes, first, last, tile, out, stride);
    case TensorType::kQ2_K:
      return Panels<TensorType::kQ2_K>(w, bytes, first, last, tile, out, stride);
    case TensorType::kQ3_K:
      return Panels<TensorType::kQ3_K>(w, bytes, first, last, tile, out, stride);
    case TensorType::kQ4_K:
      return Panels<TensorType::kQ4_K>(w, bytes, first, last, tile, out, stride);
    case TensorType::kQ5_K:
      return Panels<TensorType::kQ5_K>(w, bytes, first, last, tile, out, stride);
    case TensorType::kQ6_K:
      return Panels<TensorType::kQ6_K>(w, bytes, first, last, tile, out, stride);
    case TensorType::kIQ4_NL:
      return Panels<TensorType::kIQ4_NL>(w, bytes, first, last, tile, out, stride);
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

}  // namespace bowhead::kernels::avx2
