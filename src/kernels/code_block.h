// Quantized blocks of model files, read into one common form: 32 unsigned codes with scales.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/tensor_type.h"

namespace bowhead::kernels {

/// The signed values that IQ4_NL's 4-bit codes stand for, in units of the block's scale.
inline constexpr std::array<std::int8_t, 16> kIq4NlValues = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                             1,    13,   25,  38,  53,  69,  89,  113};

/// How a quantized type stores values: value = d * sub_scale * (code - bias) + m * sub_min, where sub_scale and sub_min
/// are small integers (1 for types without sub-blocks).
struct QuantTraits {
  bool quantized = false;      // false for F32, F16, BF16
  std::uint8_t code_bits = 0;  // of a stored code
  std::uint8_t bias = 0;       // a power of two, or 0
  bool has_min = false;
  bool sub_blocks = false;  // 256-element super-blocks with integer sub-scales
  bool per_16 = false;      // sub-scales for each 16 values instead of 32
};

/// log2(128 / bias): how far -128 times a sum is shifted to be -bias times it. The bias is a power of two up to 128.
consteval int BiasShift(std::uint8_t bias) {
  int shift = 0;
  while ((128 >> shift) > bias) ++shift;
  return shift;
}

/// The traits of a type. IQ4_NL counts as 4 code bits with bias 128 (its codes go through kIq4NlValues + 128).
constexpr QuantTraits GetQuantTraits(TensorType type) {
  switch (type) {
    case TensorType::kQ4_0:
      return {true, 4, 8, false, false, false};
    case TensorType::kQ4_1:
      return {true, 4, 0, true, false, false};
    case TensorType::kQ5_0:
      return {true, 5, 16, false, false, false};
    case TensorType::kQ5_1:
      return {true, 5, 0, true, false, false};
    case TensorType::kQ8_0:
      return {true, 8, 128, false, false, false};
    case TensorType::kQ2_K:
      return {true, 2, 0, true, true, true};
    case TensorType::kQ3_K:
      return {true, 3, 4, false, true, true};
    case TensorType::kQ4_K:
      return {true, 4, 0, true, true, false};
    case TensorType::kQ5_K:
      return {true, 5, 0, true, true, false};
    case TensorType::kQ6_K:
      return {true, 6, 32, false, true, true};
    case TensorType::kIQ4_NL:
      return {true, 4, 128, false, false, false};
    case TensorType::kF32:
    case TensorType::kF16:
    case TensorType::kBF16:
      return {};
  }
  return {};
}

/// Where a block or super-block of a quantized type keeps its binary16 scale and minimum, in bytes. `m` only where the
/// type has minimums.
struct ScaleOffsets {
  std::size_t d = 0;
  std::size_t m = 0;
};

constexpr ScaleOffsets GetScaleOffsets(TensorType type) {
  switch (type) {
    case TensorType::kQ2_K:
      return {80, 82};
    case TensorType::kQ3_K:
      return {108, 0};
    case TensorType::kQ6_K:
      return {208, 0};
    default:
      return {0, 2};
  }
}

/// 32 consecutive values of one row. Half-block h (0, 1) covers values 16 h to 16 h + 15.
struct CodeBlock {
  std::array<std::uint8_t, 32> code;  // unsigned, bias included; IQ4_NL: the raw 4-bit index
  std::uint16_t d = 0;                // binary16
  std::uint16_t m = 0;                // binary16; subtracted in *_K files: the sign is flipped here, so always added
  std::array<std::int8_t, 2> sub_scale = {1, 1};
  std::array<std::uint8_t, 2> sub_min = {1, 1};
};

/// Reads block `index` (values 32 index to 32 index + 31) of a row of a quantized type. `row` points at the row's bytes
/// as the file stores them; the caller has checked that the block is inside.
CodeBlock ReadCodeBlock(TensorType type, const std::byte* row, std::size_t index);

}  // namespace bowhead::kernels
