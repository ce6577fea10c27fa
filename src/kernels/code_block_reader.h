// Readers of quantized blocks, one per type: for loops that must not look the type up for every block.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/code_block.h"
#include "kernels/tensor_type.h"

namespace bowhead::kernels {
namespace code_block_internal {

inline std::uint8_t Byte(const std::byte* p, std::size_t i) {
  return static_cast<std::uint8_t>(p[i]);
}

inline std::uint16_t LoadU16(const std::byte* p) {
  return static_cast<std::uint16_t>(Byte(p, 0) | (static_cast<unsigned>(Byte(p, 1)) << 8));
}

inline constexpr std::uint16_t kHalfSign = 0x8000;

inline std::uint8_t Bits(unsigned value, unsigned shift, unsigned count) {
  return static_cast<std::uint8_t>((value >> shift) & ((1U << count) - 1U));
}

// 16 bytes hold values 0..15 in their low and 16..31 in their high nibbles.
inline void ReadNibbles(const std::byte* q, CodeBlock& block) {
  for (std::size_t i = 0; i < 16; ++i) {
    block.code[i] = Bits(Byte(q, i), 0, 4);
    block.code[i + 16] = Bits(Byte(q, i), 4, 4);
  }
}

// A little-endian 32-bit mask holds bit 4 of each value.
inline void AddFifthBits(const std::byte* mask, CodeBlock& block) {
  for (std::size_t i = 0; i < 32; ++i) {
    block.code[i] = static_cast<std::uint8_t>(block.code[i] | (Bits(Byte(mask, i / 8), i % 8, 1) << 4));
  }
}

// The 6-bit scale and minimum of sub-block j (0..7), packed into 12 bytes by Q4_K and Q5_K.
inline void ReadScaleMinK4(const std::byte* s, std::size_t j, CodeBlock& block) {
  std::uint8_t scale = 0;
  std::uint8_t min = 0;
  if (j < 4) {
    scale = Bits(Byte(s, j), 0, 6);
    min = Bits(Byte(s, j + 4), 0, 6);
  } else {
    scale = static_cast<std::uint8_t>(Bits(Byte(s, j + 4), 0, 4) | (Bits(Byte(s, j - 4), 6, 2) << 4));
    min = static_cast<std::uint8_t>(Bits(Byte(s, j + 4), 4, 4) | (Bits(Byte(s, j), 6, 2) << 4));
  }
  block.sub_scale = {static_cast<std::int8_t>(scale), static_cast<std::int8_t>(scale)};
  block.sub_min = {min, min};
}

inline void ReadQ2K(const std::byte* super, std::size_t j, CodeBlock& block) {
  const std::byte* q = super + 16 + (j / 4) * 32;
  const auto shift = static_cast<unsigned>(j % 4) * 2;
  for (std::size_t i = 0; i < 32; ++i) block.code[i] = Bits(Byte(q, i), shift, 2);
  for (std::size_t h = 0; h < 2; ++h) {
    const std::uint8_t packed = Byte(super, j * 2 + h);
    block.sub_scale[h] = static_cast<std::int8_t>(packed & 0xF);
    block.sub_min[h] = static_cast<std::uint8_t>(packed >> 4);
  }
}

inline void ReadQ3K(const std::byte* super, std::size_t j, CodeBlock& block) {
  const std::byte* high = super;
  const std::byte* q = super + 32 + (j / 4) * 32;
  const std::byte* s = super + 96;
  const auto shift = static_cast<unsigned>(j % 4) * 2;
  for (std::size_t i = 0; i < 32; ++i) {
    block.code[i] =
        static_cast<std::uint8_t>(Bits(Byte(q, i), shift, 2) | (Bits(Byte(high, i), static_cast<unsigned>(j), 1) << 2));
  }
  for (std::size_t h = 0; h < 2; ++h) {
    const std::size_t i = j * 2 + h;
    const std::uint8_t low = i < 8 ? Bits(Byte(s, i), 0, 4) : Bits(Byte(s, i - 8), 4, 4);
    const std::uint8_t top = Bits(Byte(s, 8 + i % 4), static_cast<unsigned>(i / 4) * 2, 2);
    block.sub_scale[h] = static_cast<std::int8_t>((low | (top << 4)) - 32);
  }
}

// Q4_K, and Q5_K with its plane of fifth bits.
inline void ReadQ45K(const std::byte* super, std::size_t j, bool fifth_bits, CodeBlock& block) {
  const std::byte* high = super + 16;
  const std::byte* q = super + (fifth_bits ? 48 : 16) + (j / 2) * 32;
  const auto shift = static_cast<unsigned>(j % 2) * 4;
  for (std::size_t i = 0; i < 32; ++i) {
    block.code[i] = Bits(Byte(q, i), shift, 4);
    if (fifth_bits) {
      block.code[i] =
          static_cast<std::uint8_t>(block.code[i] | (Bits(Byte(high, i), static_cast<unsigned>(j), 1) << 4));
    }
  }
  ReadScaleMinK4(super + 4, j, block);
}

inline void ReadQ6K(const std::byte* super, std::size_t j, CodeBlock& block) {
  const std::size_t half = j / 4;
  const std::size_t quarter = j % 4;
  const std::byte* low = super + half * 64 + (quarter % 2) * 32;
  const std::byte* high = super + 128 + half * 32;
  for (std::size_t i = 0; i < 32; ++i) {
    block.code[i] = static_cast<std::uint8_t>(Bits(Byte(low, i), quarter < 2 ? 0 : 4, 4) |
                                              (Bits(Byte(high, i), static_cast<unsigned>(quarter) * 2, 2) << 4));
  }
  for (std::size_t h = 0; h < 2; ++h) block.sub_scale[h] = static_cast<std::int8_t>(Byte(super, 192 + j * 2 + h));
}

}  // namespace code_block_internal

/// ReadCodeBlock for one quantized type.
template <TensorType kType>
CodeBlock ReadCodeBlockOf(const std::byte* row, std::size_t index) {
  namespace in = code_block_internal;
  constexpr TensorTypeInfo kInfo = GetTensorTypeInfo(kType);
  constexpr ScaleOffsets kOffsets = GetScaleOffsets(kType);
  constexpr QuantTraits kTraits = GetQuantTraits(kType);
  constexpr std::size_t kPerUnit = kInfo.block_elements / 32;
  CodeBlock block;
  const std::byte* unit = row + (index / kPerUnit) * kInfo.block_bytes;
  const std::size_t j = index % kPerUnit;
  block.d = in::LoadU16(unit + kOffsets.d);
  if constexpr (kTraits.has_min) {
    block.m = in::LoadU16(unit + kOffsets.m) ^ (kTraits.sub_blocks ? in::kHalfSign : 0U);
  }
  if constexpr (kType == TensorType::kQ4_0 || kType == TensorType::kIQ4_NL) {
    in::ReadNibbles(unit + 2, block);
  } else if constexpr (kType == TensorType::kQ4_1) {
    in::ReadNibbles(unit + 4, block);
  } else if constexpr (kType == TensorType::kQ5_0) {
    in::ReadNibbles(unit + 6, block);
    in::AddFifthBits(unit + 2, block);
  } else if constexpr (kType == TensorType::kQ5_1) {
    in::ReadNibbles(unit + 8, block);
    in::AddFifthBits(unit + 4, block);
  } else if constexpr (kType == TensorType::kQ8_0) {
    for (std::size_t i = 0; i < 32; ++i) block.code[i] = in::Byte(unit, 2 + i) ^ 0x80U;
  } else if constexpr (kType == TensorType::kQ2_K) {
    in::ReadQ2K(unit, j, block);
  } else if constexpr (kType == TensorType::kQ3_K) {
    in::ReadQ3K(unit, j, block);
  } else if constexpr (kType == TensorType::kQ4_K || kType == TensorType::kQ5_K) {
    in::ReadQ45K(unit, j, kType == TensorType::kQ5_K, block);
  } else {
    static_assert(kType == TensorType::kQ6_K);
    in::ReadQ6K(unit, j, block);
  }
  return block;
}

/// Calls fn.operator()<kType>() for a quantized type; nothing for the others.
template <class Fn>
void WithQuantizedType(TensorType type, const Fn& fn) {
  switch (type) {
    case TensorType::kQ4_0:
      return fn.template operator()<TensorType::kQ4_0>();
    case TensorType::kQ4_1:
      return fn.template operator()<TensorType::kQ4_1>();
    case TensorType::kQ5_0:
      return fn.template operator()<TensorType::kQ5_0>();
    case TensorType::kQ5_1:
      return fn.template operator()<TensorType::kQ5_1>();
    case TensorType::kQ8_0:
      return fn.template operator()<TensorType::kQ8_0>();
    case TensorType::kQ2_K:
      return fn.template operator()<TensorType::kQ2_K>();
    case TensorType::kQ3_K:
      return fn.template operator()<TensorType::kQ3_K>();
    case TensorType::kQ4_K:
      return fn.template operator()<TensorType::kQ4_K>();
    case TensorType::kQ5_K:
      return fn.template operator()<TensorType::kQ5_K>();
    case TensorType::kQ6_K:
      return fn.template operator()<TensorType::kQ6_K>();
    case TensorType::kIQ4_NL:
      return fn.template operator()<TensorType::kIQ4_NL>();
    case TensorType::kF32:
    case TensorType::kF16:
    case TensorType::kBF16:
      return;
  }
}

}  // namespace bowhead::kernels
