// How keys and values lie in the blocks of the KV cache.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bowhead::kernels {

/// Keys (tokens) of one block.
inline constexpr std::size_t kBlockKeys = 16;

/// The number format of the cache. Each block interleaves as many dimensions (keys) or keys (values) as one 32-bit lane
/// of a dot-product instruction takes: 1, 2 or 4.
///   kF16   K [head_dim][16], V [16][head_dim], binary16
///   kBf16  K [head_dim/2][16][2], V [8][head_dim][2], bfloat16
///   kQ8    K [head_dim/4][16][4] bytes of value + 128, then scales [head_dim/32][16] in binary32;
///          V [4][head_dim][4] signed bytes, then scales [16] in binary32. A key has a scale for each 32 dimensions,
///          because some of them are much larger than others after rope; a value has one.
/// A block of zero bytes is finite in each of them.
enum class KvType : std::uint8_t { kF16, kBf16, kQ8 };
inline constexpr std::size_t kNumKvTypes = 3;
inline constexpr std::size_t kKeyScaleDims = 32;
/// Keys and values are clamped to this magnitude in every format (the largest of binary16): products of them stay
/// finite.
inline constexpr float kLargestKvValue = 65504.0F;

/// "f16", "bf16", "q8": as on the command line.
inline constexpr std::array<std::string_view, kNumKvTypes> kKvTypeNames = {"f16", "bf16", "q8"};
constexpr std::string_view KvTypeName(KvType type) {
  return kKvTypeNames[static_cast<std::size_t>(type)];
}
constexpr std::optional<KvType> ParseKvType(std::string_view name) {
  for (std::size_t i = 0; i < kNumKvTypes; ++i) {
    if (kKvTypeNames[i] == name) return static_cast<KvType>(i);
  }
  return std::nullopt;
}

/// Bytes of one block of one KV head; head_dim is a multiple of 32, so both are multiples of 64.
constexpr std::size_t KeyBlockBytes(KvType type, std::size_t head_dim) {
  const std::size_t values = kBlockKeys * head_dim;
  return type == KvType::kQ8 ? values + head_dim / kKeyScaleDims * kBlockKeys * sizeof(float) : 2 * values;
}
constexpr std::size_t ValueBlockBytes(KvType type, std::size_t head_dim) {
  const std::size_t values = kBlockKeys * head_dim;
  return type == KvType::kQ8 ? values + kBlockKeys * sizeof(float) : 2 * values;
}

}  // namespace bowhead::kernels
