// The element types of tensors: names, block sizes and byte sizes of every quantized format that Bowhead reads.
#pragma once

#include <array>
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

/// All types that Bowhead reads.
inline constexpr std::array<TensorTypeInfo, 14> kTensorTypes = {{
    {TensorType::kF32, "F32", 1, 4},
    {TensorType::kF16, "F16", 1, 2},
    {TensorType::kQ4_0, "Q4_0", 32, 18},
    {TensorType::kQ4_1, "Q4_1", 32, 20},
    {TensorType::kQ5_0, "Q5_0", 32, 22},
    {TensorType::kQ5_1, "Q5_1", 32, 24},
    {TensorType::kQ8_0, "Q8_0", 32, 34},
    {TensorType::kQ2_K, "Q2_K", 256, 84},
    {TensorType::kQ3_K, "Q3_K", 256, 110},
    {TensorType::kQ4_K, "Q4_K", 256, 144},
    {TensorType::kQ5_K, "Q5_K", 256, 176},
    {TensorType::kQ6_K, "Q6_K", 256, 210},
    {TensorType::kIQ4_NL, "IQ4_NL", 32, 18},
    {TensorType::kBF16, "BF16", 1, 2},
}};

/// The type's facts, or nullptr for a code that Bowhead does not read.
constexpr const TensorTypeInfo* FindTensorType(std::uint32_t code) {
  for (const TensorTypeInfo& info : kTensorTypes) {
    if (static_cast<std::uint32_t>(info.type) == code) return &info;
  }
  return nullptr;
}

/// The facts of a known type.
constexpr const TensorTypeInfo& GetTensorTypeInfo(TensorType type) {
  return *FindTensorType(static_cast<std::uint32_t>(type));
}

/// The type with that name ("Q4_K", any case), if there is one.
std::optional<TensorType> ParseTensorType(std::string_view name);

}  // namespace bowhead::kernels
