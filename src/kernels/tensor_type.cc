#include "kernels/tensor_type.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace bowhead::kernels {
namespace {

constexpr std::array<TensorTypeInfo, 14> kTypes = {{
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

}  // namespace

const TensorTypeInfo* FindTensorType(std::uint32_t code) {
  const auto* it = std::find_if(kTypes.begin(), kTypes.end(), [code](const TensorTypeInfo& info) {
    return static_cast<std::uint32_t>(info.type) == code;
  });
  return it == kTypes.end() ? nullptr : it;
}

const TensorTypeInfo& GetTensorTypeInfo(TensorType type) {
  return *FindTensorType(static_cast<std::uint32_t>(type));
}

std::optional<TensorType> ParseTensorType(std::string_view name) {
  for (const TensorTypeInfo& info : kTypes) {
    if (base::EqualsIgnoringCase(name, info.name)) {
      return info.type;
    }
  }
  return std::nullopt;
}

}  // namespace bowhead::kernels
