// Activations in the form that the matrix kernels read: up to 16 columns (tokens) side by side, quantized to int8.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bowhead::kernels {

/// Most columns that one kernel call handles. More columns are split evenly into tiles of at most this many.
inline constexpr std::size_t kTileColumns = 16;

/// One tile of `width` columns by `k` values, k a multiple of 32. Values are quantized in blocks of 32 with one scale
/// each: x = scale * q, q in [-127, 127]. The kernels fold a weight's bias in through the block sums. All arrays are
/// [k / 32][width], and `q` is [k / 32][width][32]. Sums over both halves of a block are for types with scales per 16.
struct ActivationTile {
  std::int8_t* q = nullptr;
  float* scale = nullptr;
  std::int32_t* sum = nullptr;       // -128 times the sum of the block's q
  float* scaled_sum = nullptr;       // scale times the sum of q
  std::int32_t* half_sum = nullptr;  // [k / 32][2][width]: as sum, of each 16
  float* half_scaled_sum = nullptr;  // [k / 32][2][width]: as scaled_sum
  float* values = nullptr;           // [k][width]: unquantized, for F32, F16 and BF16 weights
  std::uint16_t* pairs = nullptr;    // [k / 2][width][2]: bfloat16, where the processor multiplies BF16 by BF16
  std::size_t width = 0;
};

/// Bytes that MakeTile needs for a tile of that size.
constexpr std::size_t TileBytes(std::size_t k, std::size_t width) {
  const std::size_t blocks = k / 32;
  return k * width + blocks * width * 4 * 7 + k * width * 6 + 64 * 9;
}

/// Lays a tile out in `memory` (64-byte aligned, TileBytes long).
inline ActivationTile MakeTile(std::byte* memory, std::size_t k, std::size_t width) {
  const std::size_t blocks = k / 32;
  std::size_t used = 0;
  const auto take = [&](std::size_t bytes) {
    std::byte* at = memory + used;
    used += (bytes + 63) / 64 * 64;
    return static_cast<void*>(at);
  };
  ActivationTile tile;
  tile.q = static_cast<std::int8_t*>(take(k * width));
  tile.scale = static_cast<float*>(take(blocks * width * 4));
  tile.sum = static_cast<std::int32_t*>(take(blocks * width * 4));
  tile.scaled_sum = static_cast<float*>(take(blocks * width * 4));
  tile.half_sum = static_cast<std::int32_t*>(take(blocks * width * 8));
  tile.half_scaled_sum = static_cast<float*>(take(blocks * width * 8));
  tile.values = static_cast<float*>(take(k * width * 4));
  tile.pairs = static_cast<std::uint16_t*>(take(k * width * 2));
  tile.width = width;
  return tile;
}

}  // namespace bowhead::kernels
