#include "kernels/dequantize.h"

#include <cstdint>
#include <cstring>

#include "kernels/code_block.h"
#include "kernels/half.h"

namespace bowhead::kernels {
namespace {

void DequantizeBlock(TensorType type, const QuantTraits& traits, const CodeBlock& block, float* out) {
  const float d = HalfToFloat(block.d);
  const float m = HalfToFloat(block.m);
  for (std::size_t i = 0; i < 32; ++i) {
    const float scale = d * static_cast<float>(block.sub_scale[i / 16]);
    const int value = type == TensorType::kIQ4_NL ? kIq4NlValues[block.code[i]] : block.code[i] - traits.bias;
    out[i] = scale * static_cast<float>(value);
    if (traits.has_min) out[i] += m * static_cast<float>(block.sub_min[i / 16]);
  }
}

template <class Convert>
void ConvertU16(const std::byte* row, std::size_t n, float* out, Convert convert) {
  for (std::size_t i = 0; i < n; ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, row + i * 2, 2);
    out[i] = convert(bits);
  }
}

}  // namespace

void DequantizeRow(TensorType type, const std::byte* row, std::size_t n, float* out) {
  const QuantTraits traits = GetQuantTraits(type);
  if (traits.quantized) {
    for (std::size_t b = 0; b < n / 32; ++b) DequantizeBlock(type, traits, ReadCodeBlock(type, row, b), out + b * 32);
  } else if (type == TensorType::kF16) {
    ConvertU16(row, n, out, HalfToFloat);
  } else if (type == TensorType::kBF16) {
    ConvertU16(row, n, out, BFloat16ToFloat);
  } else {
    std::memcpy(out, row, n * sizeof(float));
  }
}

}  // namespace bowhead::kernels
