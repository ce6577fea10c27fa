#include "kernels/packed_matrix.h"

#include <cstring>

namespace bowhead::kernels {
namespace {

constexpr std::size_t kLine = 64;  // bytes: 16 rows x 4 columns

void StoreU16(std::uint8_t* p, std::uint16_t value) {
  std::memcpy(p, &value, 2);
}

// Spreads one row's 32 codes over the planes of the block.
void PackCodes(const PanelLayout& layout, const CodeBlock& block, std::size_t row, std::uint8_t* out) {
  for (std::size_t k = 0; k < kBlockColumns; ++k) {
    const std::size_t group = k / 4;
    const std::size_t at = row * 4 + k % 4;
    unsigned code = block.code[k];
    if (layout.byte_offset != PanelLayout::kAbsent) {
      out[layout.byte_offset + group * kLine + at] = static_cast<std::uint8_t>(code);
      continue;
    }
    if (layout.nibble_offset != PanelLayout::kAbsent) {
      std::uint8_t& byte = out[layout.nibble_offset + (group % 4) * kLine + at];
      byte = static_cast<std::uint8_t>(byte | ((code & 0xF) << (group < 4 ? 0 : 4)));
      code >>= 4;
    }
    if (layout.pair_offset != PanelLayout::kAbsent) {
      std::uint8_t& byte = out[layout.pair_offset + (group / 4) * kLine + at];
      byte = static_cast<std::uint8_t>(byte | ((code & 3) << (group % 4 * 2)));
      code >>= 2;
    }
    if (layout.bit_offset != PanelLayout::kAbsent) {
      std::uint8_t& byte = out[layout.bit_offset + at];
      byte = static_cast<std::uint8_t>(byte | ((code & 1) << group));
    }
  }
}

void PackScales(const QuantTraits& traits, const PanelLayout& layout, const CodeBlock& block, std::size_t row,
                std::uint8_t* out) {
  if (!traits.sub_blocks) {
    StoreU16(out + layout.scale_offset + row * 2, block.d);
    if (traits.has_min) StoreU16(out + layout.min_offset + row * 2, block.m);
    return;
  }
  if (traits.per_16 && traits.has_min) {  // Q2_K: both are 4 bits
    for (std::size_t h = 0; h < 2; ++h) {
      out[layout.scale_offset + h * kPanelRows + row] =
          static_cast<std::uint8_t>(static_cast<unsigned>(block.sub_scale[h]) | (block.sub_min[h] << 4U));
    }
    return;
  }
  for (std::size_t h = 0; h < (traits.per_16 ? 2U : 1U); ++h) {
    out[layout.scale_offset + h * kPanelRows + row] = static_cast<std::uint8_t>(block.sub_scale[h]);
  }
  if (traits.has_min) out[layout.min_offset + row] = block.sub_min[0];
}

void PackQuantizedRow(TensorType type, const std::byte* raw_row, std::size_t cols, std::size_t row,
                      std::uint8_t* panel) {
  const QuantTraits traits = GetQuantTraits(type);
  const PanelLayout layout = GetPanelLayout(type);
  for (std::size_t b = 0; b < cols / kBlockColumns; ++b) {
    const CodeBlock block = ReadCodeBlock(type, raw_row, b);
    std::uint8_t* unit = panel + (b / layout.blocks_per_unit) * layout.unit_bytes();
    if (traits.sub_blocks && b % layout.blocks_per_unit == 0) {
      StoreU16(unit + row * 2, block.d);
      if (traits.has_min) StoreU16(unit + 2 * kPanelRows + row * 2, block.m);
    }
    std::uint8_t* out = unit + layout.head_bytes + (b % layout.blocks_per_unit) * layout.block_bytes;
    PackCodes(layout, block, row, out);
    PackScales(traits, layout, block, row, out);
  }
}

void PackFloatRow(TensorType type, const std::byte* raw_row, std::size_t cols, std::size_t row, std::uint8_t* panel) {
  const std::size_t size = GetTensorTypeInfo(type).block_bytes;
  for (std::size_t k = 0; k < cols; ++k) {
    const std::size_t at =
        type == TensorType::kBF16 ? (k / 2) * kPanelRows * 2 + row * 2 + k % 2 : k * kPanelRows + row;
    std::memcpy(panel + at * size, raw_row + k * size, size);
  }
}

bool HalfIsFinite(const std::byte* p) {
  std::uint16_t half = 0;
  std::memcpy(&half, p, 2);
  return (half & 0x7C00U) != 0x7C00U;
}

bool FloatRowIsFinite(TensorType type, const std::byte* row, std::size_t cols) {
  for (std::size_t k = 0; k < cols; ++k) {
    if (type == TensorType::kF32) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, row + k * 4, 4);
      if ((bits & 0x7F800000U) == 0x7F800000U) return false;
    } else {
      std::uint16_t bits = 0;
      std::memcpy(&bits, row + k * 2, 2);
      const unsigned exponent = type == TensorType::kF16 ? 0x7C00U : 0x7F80U;
      if ((bits & exponent) == exponent) return false;
    }
  }
  return true;
}

}  // namespace

std::size_t PanelBytes(TensorType type, std::size_t cols) {
  if (!GetQuantTraits(type).quantized) {
    const std::size_t even = type == TensorType::kBF16 ? (cols + 1) / 2 * 2 : cols;
    return even * kPanelRows * GetTensorTypeInfo(type).block_bytes;
  }
  const PanelLayout layout = GetPanelLayout(type);
  return cols / kBlockColumns / layout.blocks_per_unit * layout.unit_bytes();
}

std::size_t PackedMatrix::panel_bytes() const {
  return PanelBytes(type, cols);
}

void PackPanels(TensorType type, const std::byte* raw, std::size_t rows, std::size_t cols, std::size_t first,
                std::size_t last, std::uint8_t* out) {
  const TensorTypeInfo& info = GetTensorTypeInfo(type);
  const std::size_t row_bytes = cols / info.block_elements * info.block_bytes;
  const std::size_t bytes = PanelBytes(type, cols);
  const bool quantized = GetQuantTraits(type).quantized;
  for (std::size_t p = first; p < last; ++p) {
    std::uint8_t* panel = out + (p - first) * bytes;
    std::memset(panel, 0, bytes);
    for (std::size_t row = 0; row < kPanelRows && p * kPanelRows + row < rows; ++row) {
      const std::byte* raw_row = raw + (p * kPanelRows + row) * row_bytes;
      if (quantized) {
        PackQuantizedRow(type, raw_row, cols, row, panel);
      } else {
        PackFloatRow(type, raw_row, cols, row, panel);
      }
    }
  }
}

bool AllFinite(TensorType type, const std::byte* raw, std::size_t first_row, std::size_t last_row, std::size_t cols) {
  const TensorTypeInfo& info = GetTensorTypeInfo(type);
  const std::size_t row_bytes = cols / info.block_elements * info.block_bytes;
  const QuantTraits traits = GetQuantTraits(type);
  const ScaleOffsets offsets = GetScaleOffsets(type);
  for (std::size_t row = first_row; row < last_row; ++row) {
    const std::byte* bytes = raw + row * row_bytes;
    if (!traits.quantized) {
      if (!FloatRowIsFinite(type, bytes, cols)) return false;
      continue;
    }
    for (std::size_t at = 0; at < row_bytes; at += info.block_bytes) {
      if (!HalfIsFinite(bytes + at + offsets.d)) return false;
      if (traits.has_min && !HalfIsFinite(bytes + at + offsets.m)) return false;
    }
  }
  return true;
}

}  // namespace bowhead::kernels
