// How AVX-512 reads the blocks of packed panels. Only for files compiled with AVX-512: everything here has internal
// linkage.
#pragma once

#include <immintrin.h>

#include "kernels/packed_matrix.h"

namespace bowhead::kernels::avx512 {
namespace {

struct Codes {
  __m512i w[8];  // group g: [row][4 columns], unsigned
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

/// dot + codes * the same four activations for every row. Written out because GCC 12 would spend a register and an
/// instruction on the broadcast, which the product can do itself, and runs out of registers.
inline __m512i DotStep(__m512i dot, __m512i codes, const std::int8_t* q) {
  asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(dot) : "v"(codes), "m"(*reinterpret_cast<const std::int8_t(*)[4]>(q)));
  return dot;
}

/// The sub-scale of half h (h = 0 where the type has one per 32) of a *_K block, 16 rows; Q2_K keeps it in the low
/// nibble of a byte that has the minimum in the high one.
template <TensorType T>
inline __m512i LoadSubScale(const std::uint8_t* block, int h) {
  const __m128i packed = Load16(block + GetPanelLayout(T).scale_offset + h * 16);
  if constexpr (T != TensorType::kQ2_K) return _mm512_cvtepi8_epi32(packed);
  return _mm512_cvtepu8_epi32(_mm_and_si128(packed, _mm_set1_epi8(0x0F)));
}

template <TensorType T>
inline __m512i LoadSubMin(const std::uint8_t* block, int h) {
  const __m128i packed = Load16(block + GetPanelLayout(T).min_offset + h * 16);
  if constexpr (T != TensorType::kQ2_K) return _mm512_cvtepu8_epi32(packed);
  return _mm512_cvtepu8_epi32(_mm_and_si128(_mm_srli_epi16(packed, 4), _mm_set1_epi8(0x0F)));
}

/// Scales and minimums of a block of a type with one of them per 32 values.
struct Scales {
  __m512 d;
  __m512 m;
};

template <TensorType T>
inline Scales LoadScales(const std::uint8_t* block, __m512 unit_d, __m512 unit_m) {
  constexpr PanelLayout kLayout = GetPanelLayout(T);
  constexpr QuantTraits kTraits = GetQuantTraits(T);
  Scales s{_mm512_setzero_ps(), _mm512_setzero_ps()};
  if constexpr (kTraits.sub_blocks) {
    s.d = _mm512_mul_ps(unit_d, _mm512_cvtepi32_ps(LoadSubScale<T>(block, 0)));
    if constexpr (kTraits.has_min) s.m = _mm512_mul_ps(unit_m, _mm512_cvtepi32_ps(LoadSubMin<T>(block, 0)));
  } else {
    s.d = LoadHalves(block + kLayout.scale_offset);
    if constexpr (kTraits.has_min) s.m = LoadHalves(block + kLayout.min_offset);
  }
  return s;
}

/// How far ahead of the dot products weights are asked for. The hardware prefetcher falls behind once several columns
/// share a block (measured: 8 GB/s without, 14 with, at 8 columns).
constexpr std::size_t kPrefetchBytes = 1536;

template <TensorType T>
inline void PrefetchBlock(const std::uint8_t* block) {
  for (std::size_t line = 0; line < GetPanelLayout(T).block_bytes; line += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(block + kPrefetchBytes + line), _MM_HINT_T0);
  }
}

}  // namespace
}  // namespace bowhead::kernels::avx512
