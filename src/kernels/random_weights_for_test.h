// Random tensors as files store them, for the kernels' tests.
#pragma once

#include <cstring>
#include <random>
#include <vector>

#include "kernels/half.h"
#include "kernels/tensor_type.h"

namespace bowhead::kernels {

inline constexpr TensorType kAllTypes[] = {TensorType::kF32,  TensorType::kF16,   TensorType::kBF16, TensorType::kQ4_0,
                                           TensorType::kQ4_1, TensorType::kQ5_0,  TensorType::kQ5_1, TensorType::kQ8_0,
                                           TensorType::kQ2_K, TensorType::kQ3_K,  TensorType::kQ4_K, TensorType::kQ5_K,
                                           TensorType::kQ6_K, TensorType::kIQ4_NL};

/// Where a block keeps its binary16 scales (and minimums).
inline std::vector<std::size_t> HalfOffsets(TensorType type) {
  switch (type) {
    case TensorType::kQ4_1:
    case TensorType::kQ5_1:
    case TensorType::kQ4_K:
    case TensorType::kQ5_K:
      return {0, 2};
    case TensorType::kQ2_K:
      return {80, 82};
    case TensorType::kQ3_K:
      return {108};
    case TensorType::kQ6_K:
      return {208};
    default:
      return {0};
  }
}

/// Rows of random codes and scales of both signs, about 1 in size once multiplied out.
inline std::vector<std::byte> RandomTensor(TensorType type, std::size_t rows, std::size_t cols, std::mt19937& random) {
  const TensorTypeInfo& info = GetTensorTypeInfo(type);
  std::vector<std::byte> bytes(rows * cols / info.block_elements * info.block_bytes);
  std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
  if (info.block_elements == 1) {
    for (std::size_t i = 0; i < rows * cols; ++i) {
      const float value = uniform(random);
      const std::uint16_t half = type == TensorType::kF16 ? FloatToHalf(value) : FloatToBFloat16(value);
      if (type == TensorType::kF32) {
        std::memcpy(&bytes[i * 4], &value, 4);
      } else {
        std::memcpy(&bytes[i * 2], &half, 2);
      }
    }
    return bytes;
  }
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 0xFFU);
  for (std::size_t at = 0; at < bytes.size(); at += info.block_bytes) {
    for (const std::size_t offset : HalfOffsets(type)) {
      const std::uint16_t half = FloatToHalf(uniform(random) / 64.0F);
      std::memcpy(&bytes[at + offset], &half, 2);
    }
  }
  return bytes;
}

}  // namespace bowhead::kernels
