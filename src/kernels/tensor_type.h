// The element types of tensors: names, block sizes and byte sizes of every quantized format that Bowhead reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bowhead::kernels {

/// Element types; the values are GGUF's type codes. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
enum class TensorType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ4_NL = 20,
  kBF16 = 30,
};

/// Facts about a type: `block_elements` values are stored together in `block_bytes` bytes.
struct TensorTypeInfo {
  TensorType type;
  std::string_view name;  // as the field writes it: "Q4_K"
  std::uint32_t block_elements;
  std::uint32_t block_bytes;
};

/// The type's facts, or nullptr for a code that Bowhead does not read.
const TensorTypeInfo* FindTensorType(std::uint32_t code);

/// The facts of a known type.
const TensorTypeInfo& GetTensorTypeInfo(TensorType type);

/// The type with that name ("Q4_K", any case), if there is one.
std::optional<TensorType> ParseTensorType(std::string_view name);

}  // namespace bowhead::kernels
