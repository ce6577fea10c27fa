// Matrix products with the many columns of a prompt, for AVX-512 with VNNI: a strip of panels is unpacked once into
// plain bytes and floats, and all tiles pass over it.
//
// Unpacking also moves work out of the inner loop, so that few kinds of loop serve all types: every bias becomes 128,
// which is what the tiles' sums are multiplied with; scales become floats; the small sub-scales of Q2_K and Q3_K are
// multiplied into the codes, whose products still fit a byte. On Zen 4 a 512-bit product, multiplication or fused
// multiply-add takes the same two pipes for a cycle, so the share of vpdpbusd among them bounds the share of the int8
// peak: 8 of 10 for types without minimums, 8 of 11 with, 8 of 11.1 for Q6_K, 8 of 9.1 for Q3_K, 8 of 11.3 for Q2_K.
// Conversions, shifts and broadcasts from memory take other pipes.
#include "kernels/matmul_wide_avx512.h"

#include <immintrin.h>

#include "kernels/blocks_avx512.h"

namespace bowhead::kernels::avx512 {
namespace {

enum class Kind {
  kScale,      // acc += (d * scale) * dot
  kScaleMin,   // and acc += m * scaled_sum
  kFolded,     // sub-scales are part of the codes: acc += d * (sum over 8 blocks of scale * dot)
  kFoldedMin,  // and acc += m * (sum over 8 blocks of sub_min * half_scaled_sum)
  kHalves,     // acc += d * (sum over 8 blocks of scale * (sub_scale 0 * dot 0 + sub_scale 1 * dot 1))
};

constexpr Kind KindOf(TensorType type) {
  const QuantTraits traits = GetQuantTraits(type);
  if (type == TensorType::kQ2_K) return Kind::kFoldedMin;
  if (type == TensorType::kQ3_K) return Kind::kFolded;
  if (traits.per_16) return Kind::kHalves;
  return traits.has_min ? Kind::kScaleMin : Kind::kScale;
}

constexpr bool HasUnits(Kind kind) {
  return kind == Kind::kFolded || kind == Kind::kFoldedMin || kind == Kind::kHalves;
}

constexpr std::size_t kUnitBlocks = 8;
constexpr std::size_t kLeastWidth = 8;  // of a tile: columns are split evenly, so more than 16 make tiles of 8 to 16
// 2048 columns of two panels: what is unpacked stays in the second-level cache beside a tile, and fits the stack.
constexpr std::size_t kStripPanels = 2;
constexpr std::size_t kStripBlocks = 64;

// A block as the loops below read it. `a` and `b`: d and m; sub-scales of both halves; or minimums of both halves.
struct alignas(64) WideBlock {
  std::uint8_t codes[8 * 64];
  float a[kPanelRows];
  float b[kPanelRows];
};

struct alignas(64) WideHead {
  float d[kPanelRows];
  float m[kPanelRows];
};

struct WidePanel {
  WideBlock blocks[kStripBlocks];
  WideHead heads[kStripBlocks / kUnitBlocks];
};

// The low and high half of each lane.
inline __m512i Twice16(__m512i lanes) {
  return _mm512_or_si512(_mm512_slli_epi32(lanes, 16), _mm512_and_si512(lanes, _mm512_set1_epi32(0xFFFF)));
}

// Q2_K: code * sub_scale <= 45, so a 16-bit product of two codes carries nothing over.
inline __m512i FoldQ2(__m512i codes, __m512i scale) {
  return _mm512_mullo_epi16(codes, Twice16(scale));
}

// Q3_K: (code - 4) * sub_scale is in [-124, 128], so 128 - that is a byte; the head's d changes its sign for it.
inline __m512i FoldQ3(__m512i codes, __m512i scale) {
  const __m512i even = _mm512_set1_epi16(0x00FF);
  const __m512i twice = Twice16(scale);
  const __m512i low = _mm512_mullo_epi16(_mm512_and_si512(codes, even), twice);
  const __m512i high = _mm512_slli_epi16(_mm512_mullo_epi16(_mm512_srli_epi16(codes, 8), twice), 8);
  const __m512i product = _mm512_ternarylogic_epi32(even, low, high, 0xCA);  // low where `even`, else high
  const __m512i base = _mm512_add_epi16(_mm512_set1_epi16(128), _mm512_slli_epi16(twice, 2));
  const __m512i bytes = _mm512_ternarylogic_epi32(even, base, _mm512_slli_epi16(base, 8), 0xCA);
  return _mm512_sub_epi8(bytes, product);
}

template <TensorType T>
inline void ExpandCodes(const std::uint8_t* block, WideBlock& out) {
  constexpr std::uint8_t kBias = GetQuantTraits(T).bias;
  const Codes codes = LoadCodes<T>(block);
  for (int g = 0; g < 8; ++g) {
    __m512i line = codes.w[g];
    if constexpr (T == TensorType::kQ2_K) {
      line = FoldQ2(line, LoadSubScale<T>(block, g / 4));
    } else if constexpr (T == TensorType::kQ3_K) {
      line = FoldQ3(line, LoadSubScale<T>(block, g / 4));
    } else if constexpr (kBias > 0 && kBias < 128) {
      line = _mm512_add_epi8(line, _mm512_set1_epi8(128 - kBias));
    }
    _mm512_store_si512(out.codes + g * 64, line);
  }
}

template <TensorType T>
inline void ExpandBlock(const std::uint8_t* block, __m512 unit_d, __m512 unit_m, WideBlock& out) {
  constexpr Kind kKind = KindOf(T);
  ExpandCodes<T>(block, out);
  if constexpr (kKind == Kind::kHalves) {
    _mm512_store_ps(out.a, _mm512_cvtepi32_ps(LoadSubScale<T>(block, 0)));
    _mm512_store_ps(out.b, _mm512_cvtepi32_ps(LoadSubScale<T>(block, 1)));
  } else if constexpr (kKind == Kind::kFoldedMin) {
    _mm512_store_ps(out.a, _mm512_cvtepi32_ps(LoadSubMin<T>(block, 0)));
    _mm512_store_ps(out.b, _mm512_cvtepi32_ps(LoadSubMin<T>(block, 1)));
  } else if constexpr (kKind != Kind::kFolded) {
    const Scales s = LoadScales<T>(block, unit_d, unit_m);
    _mm512_store_ps(out.a, s.d);
    if constexpr (kKind == Kind::kScaleMin) _mm512_store_ps(out.b, s.m);
  }
}

// Blocks [first, first + count) of a panel.
template <TensorType T>
void ExpandPanel(const std::uint8_t* panel, std::size_t first, std::size_t count, WidePanel& out) {
  constexpr PanelLayout kLayout = GetPanelLayout(T);
  constexpr QuantTraits kTraits = GetQuantTraits(T);
  const std::uint8_t* unit = panel + first / kLayout.blocks_per_unit * kLayout.unit_bytes();
  for (std::size_t b = 0; b < count; unit += kLayout.unit_bytes()) {
    __m512 d = _mm512_setzero_ps();
    __m512 m = _mm512_setzero_ps();
    if constexpr (kTraits.sub_blocks) {
      d = LoadHalves(unit);
      if constexpr (kTraits.has_min) m = LoadHalves(unit + 32);
    }
    if constexpr (HasUnits(KindOf(T))) {
      WideHead& head = out.heads[b / kUnitBlocks];
      _mm512_store_ps(head.d, T == TensorType::kQ3_K ? _mm512_sub_ps(_mm512_set1_ps(-0.0F), d) : d);
      _mm512_store_ps(head.m, m);
    }
    const std::uint8_t* block = unit + kLayout.head_bytes;
    for (std::size_t i = 0; i < kLayout.blocks_per_unit; ++i, ++b, block += kLayout.block_bytes) {
      PrefetchBlock<T>(block);
      ExpandBlock<T>(block, d, m, out.blocks[b]);
    }
  }
}

// Columns whose products are computed side by side: their latencies overlap, and they share the load of a line. With 16
// sums this leaves registers to spare.
constexpr int Abreast(Kind kind) {
  return kind == Kind::kHalves ? 4 : 8;
}

// dot[c] of W columns over the groups [kFirst, kLast) of a block. `start` holds what a bias of 128 subtracts.
template <int W, int kFirst, int kLast, bool kBias>
inline void Dots(const WideBlock& block, const std::int8_t* q, const std::int32_t* start, __m512i* dot) {
#pragma GCC unroll 8
  for (int c = 0; c < W; ++c) dot[c] = kBias ? _mm512_set1_epi32(start[c]) : _mm512_setzero_si512();
#pragma GCC unroll 8
  for (int g = kFirst; g < kLast; ++g) {
    const __m512i line = _mm512_load_si512(block.codes + g * 64);
#pragma GCC unroll 8
    for (int c = 0; c < W; ++c) dot[c] = DotStep(dot[c], line, q + c * 32 + g * 4);
  }
}

// Kinds kScale and kScaleMin: one block against W columns of a tile, the first of them at `at` of its arrays.
template <Kind kKind, int W>
inline void ScaleGroup(const WideBlock& block, const ActivationTile& tile, std::size_t at, __m512* acc) {
  __m512i dot[W];
  Dots<W, 0, 8, kKind == Kind::kScale>(block, tile.q + at * 32, tile.sum + at, dot);
#pragma GCC unroll 8
  for (int c = 0; c < W; ++c) {
    const __m512 d = _mm512_mul_ps(_mm512_load_ps(block.a), _mm512_set1_ps(tile.scale[at + c]));
    acc[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[c]), d, acc[c]);
    if constexpr (kKind == Kind::kScaleMin) {
      acc[c] = _mm512_fmadd_ps(_mm512_load_ps(block.b), _mm512_set1_ps(tile.scaled_sum[at + c]), acc[c]);
    }
  }
}

// The kinds with units; `half_at` is the place in the arrays that have halves.
template <Kind kKind, int N, int W>
inline void UnitGroup(const WideBlock& block, const ActivationTile& tile, std::size_t at, std::size_t half_at,
                      __m512* sum) {
  const std::int8_t* q = tile.q + at * 32;
  __m512i dot[W];
  if constexpr (kKind != Kind::kHalves) {
    Dots<W, 0, 8, kKind == Kind::kFolded>(block, q, tile.sum + at, dot);
#pragma GCC unroll 8
    for (int c = 0; c < W; ++c) {
      sum[c] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[c]), _mm512_set1_ps(tile.scale[at + c]), sum[c]);
    }
  } else {
    __m512i dot1[W];
    Dots<W, 0, 4, true>(block, q, tile.half_sum + half_at, dot);
    Dots<W, 4, 8, true>(block, q, tile.half_sum + half_at + N, dot1);
#pragma GCC unroll 8
    for (int c = 0; c < W; ++c) {
      const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(dot[c]), _mm512_load_ps(block.a));
      const __m512 both = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot1[c]), _mm512_load_ps(block.b), scaled);
      sum[c] = _mm512_fmadd_ps(both, _mm512_set1_ps(tile.scale[at + c]), sum[c]);
    }
  }
}

template <Kind kKind, int N, int W>
inline void Group(const WideBlock& block, const ActivationTile& tile, std::size_t b, std::size_t c0, __m512* sum) {
  const std::size_t at = b * N + c0;
  if constexpr (HasUnits(kKind)) {
    UnitGroup<kKind, N, W>(block, tile, at, at + b * N, sum + c0);
  } else {
    ScaleGroup<kKind, W>(block, tile, at, sum + c0);
  }
}

// One block against all columns of a tile; b is its place in the matrix.
template <Kind kKind, int N>
inline void Step(const WideBlock& block, const ActivationTile& tile, std::size_t b, __m512* sum) {
  constexpr int kWidth = Abreast(kKind);
  constexpr int kWhole = N / kWidth * kWidth;
#pragma GCC unroll 4
  for (int c0 = 0; c0 < kWhole; c0 += kWidth) Group<kKind, N, kWidth>(block, tile, b, c0, sum);
  if constexpr (kWhole < N) Group<kKind, N, N - kWhole>(block, tile, b, kWhole, sum);
}

template <int N>
inline void Clear(__m512* sum) {
#pragma GCC unroll 16
  for (int c = 0; c < N; ++c) sum[c] = _mm512_setzero_ps();
}

// One unit against all columns of a tile; `first` is the place of its first block in the matrix.
template <Kind kKind, int N>
inline void UnitStep(const WideBlock* blocks, const WideHead& head, const ActivationTile& tile, std::size_t first,
                     __m512* acc) {
  __m512 sum[N];
  Clear<N>(sum);
  for (std::size_t i = 0; i < kUnitBlocks; ++i) Step<kKind, N>(blocks[i], tile, first + i, sum);
#pragma GCC unroll 16
  for (int c = 0; c < N; ++c) acc[c] = _mm512_fmadd_ps(_mm512_load_ps(head.d), sum[c], acc[c]);
  if constexpr (kKind != Kind::kFoldedMin) return;
  Clear<N>(sum);
  for (std::size_t i = 0; i < kUnitBlocks; ++i) {
    const float* scaled = tile.half_scaled_sum + (first + i) * 2 * N;
    const __m512 min0 = _mm512_load_ps(blocks[i].a);
    const __m512 min1 = _mm512_load_ps(blocks[i].b);
#pragma GCC unroll 16
    for (int c = 0; c < N; ++c) {
      sum[c] = _mm512_fmadd_ps(min0, _mm512_set1_ps(scaled[c]), sum[c]);
      sum[c] = _mm512_fmadd_ps(min1, _mm512_set1_ps(scaled[N + c]), sum[c]);
    }
  }
#pragma GCC unroll 16
  for (int c = 0; c < N; ++c) acc[c] = _mm512_fmadd_ps(_mm512_load_ps(head.m), sum[c], acc[c]);
}

// `count` unpacked blocks, the first of them block `first` of the matrix, against one tile. The sums so far are in
// `out`.
template <Kind kKind, int N>
void Sweep(const WidePanel& panel, std::size_t first, std::size_t count, const ActivationTile& tile, float* out,
           std::size_t stride) {
  __m512 acc[N];
#pragma GCC unroll 16
  for (int c = 0; c < N; ++c) {
    acc[c] = first == 0 ? _mm512_setzero_ps() : _mm512_loadu_ps(out + static_cast<std::size_t>(c) * stride);
  }
  if constexpr (HasUnits(kKind)) {
    for (std::size_t b = 0; b < count; b += kUnitBlocks) {
      UnitStep<kKind, N>(panel.blocks + b, panel.heads[b / kUnitBlocks], tile, first + b, acc);
    }
  } else {
    for (std::size_t b = 0; b < count; ++b) Step<kKind, N>(panel.blocks[b], tile, first + b, acc);
  }
#pragma GCC unroll 16
  for (int c = 0; c < N; ++c) _mm512_storeu_ps(out + static_cast<std::size_t>(c) * stride, acc[c]);
}

template <Kind kKind>
void SweepByWidth(const WidePanel& panel, std::size_t first, std::size_t count, const ActivationTile& tile, float* out,
                  std::size_t stride) {
  switch (tile.width) {
    case kLeastWidth:
      return Sweep<kKind, 8>(panel, first, count, tile, out, stride);
    case 9:
      return Sweep<kKind, 9>(panel, first, count, tile, out, stride);
    case 10:
      return Sweep<kKind, 10>(panel, first, count, tile, out, stride);
    case 11:
      return Sweep<kKind, 11>(panel, first, count, tile, out, stride);
    case 12:
      return Sweep<kKind, 12>(panel, first, count, tile, out, stride);
    case 13:
      return Sweep<kKind, 13>(panel, first, count, tile, out, stride);
    case 14:
      return Sweep<kKind, 14>(panel, first, count, tile, out, stride);
    case 15:
      return Sweep<kKind, 15>(panel, first, count, tile, out, stride);
    default:
      return Sweep<kKind, 16>(panel, first, count, tile, out, stride);
  }
}

template <TensorType T>
void Strips(const PackedMatrix& w, std::size_t first, std::size_t last, const ActivationTile* tiles,
            std::size_t num_tiles, float* out, std::size_t stride) {
  constexpr PanelLayout kLayout = GetPanelLayout(T);
  const std::size_t blocks = w.cols / kBlockColumns;
  const std::size_t panel_bytes = blocks / kLayout.blocks_per_unit * kLayout.unit_bytes();
  WidePanel strip[kStripPanels];
  for (std::size_t p = first; p < last; p += kStripPanels) {
    const std::size_t panels = last - p < kStripPanels ? last - p : kStripPanels;
    for (std::size_t b = 0; b < blocks; b += kStripBlocks) {
      const std::size_t count = blocks - b < kStripBlocks ? blocks - b : kStripBlocks;
      for (std::size_t i = 0; i < panels; ++i) ExpandPanel<T>(w.data + (p + i) * panel_bytes, b, count, strip[i]);
      float* to = out + (p - first) * kPanelRows;
      for (std::size_t t = 0; t < num_tiles; to += tiles[t++].width * stride) {
        for (std::size_t i = 0; i < panels; ++i) {
          SweepByWidth<KindOf(T)>(strip[i], b, count, tiles[t], to + i * kPanelRows, stride);
        }
      }
    }
  }
}

}  // namespace

bool WideIsFaster(const PackedMatrix& weights, const ActivationTile* tiles, std::size_t num_tiles) {
  for (std::size_t t = 0; t < num_tiles; ++t) {
    if (tiles[t].width < kLeastWidth) return false;
  }
  switch (weights.type) {
    case TensorType::kQ2_K:
    case TensorType::kQ3_K:
      return num_tiles >= 2;
    case TensorType::kQ5_0:
    case TensorType::kQ5_1:
    case TensorType::kQ5_K:
    case TensorType::kQ6_K:
      return num_tiles >= 8;
    default:
      return false;
  }
}

void WideMatmul(const PackedMatrix& w, std::size_t first, std::size_t last, const ActivationTile* tiles,
                std::size_t num_tiles, float* out, std::size_t stride) {
  switch (w.type) {
    case TensorType::kQ5_0:
      return Strips<TensorType::kQ5_0>(w, first, last, tiles, num_tiles, out, stride);
    case TensorType::kQ5_1:
      return Strips<TensorType::kQ5_1>(w, first, last, tiles, num_tiles, out, stride);
    case TensorType::kQ2_K:
      return Strips<TensorType::kQ2_K>(w, first, last, tiles, num_tiles, out, stride);
    case TensorType::kQ3_K:
      return Strips<TensorType::kQ3_K>(w, first, last, tiles, num_tiles, out, stride);
    case TensorType::kQ5_K:
      return Strips<TensorType::kQ5_K>(w, first, last, tiles, num_tiles, out, stride);
    case TensorType::kQ6_K:
      return Strips<TensorType::kQ6_K>(w, first, last, tiles, num_tiles, out, stride);
    default:  // WideIsFaster says no
      return;
  }
}

}  // namespace bowhead::kernels::avx512
