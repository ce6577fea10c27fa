#include "kernels/dequantize.h"

#include <cstdint>
#include <cstring>

#include "kernels/code_block_reader.h"
#include "kernels/half.h"

namespace bowhead::kernels {
namespace {

template <TensorType kType>
void DequantizeBlock(const CodeBlock& block, float* out) {
  constexpr QuantTraits kTraits = GetQuantTraits(kType);
  const float d = HalfToFloat(block.d);
  const float m = HalfToFloat(block.m);
  for (std::size_t i = 0; i < 32; ++i) {
    const float scale = d * static_cast<float>(block.sub_scale[i / 16]);
    const int value = kType == TensorType::kIQ4_NL ? kIq4NlValues[block.code[i]] : block.code[i] - kTraits.bias;
    out[i] = scale * static_cast<float>(value);
    if (kTraits.has_min) out[i] += m * static_cast<float>(block.sub_min[i / 16]);
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
  if (GetQuantTraits(type).quantized) {
    WithQuantizedType(type, [&]<TensorType kType>() {
      for (std::size_t b = 0; b < n / 32; ++b) DequantizeBlock<kType>(ReadCodeBlockOf<kType>(row, b), out + b * 32);
    });
  } else if (type == TensorType::kF16) {
    ConvertU16(row, n, out, HalfToFloat);
  } else if (type == TensorType::kBF16) {
    ConvertU16(row, n, out, BFloat16ToFloat);
  } else {
    std::memcpy(out, row, n * sizeof(float));
  }
}

}  // namespace bowhead::kernels
