#include "kernels/packed_matrix.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/code_block_reader.h"

namespace bowhead::kernels {
namespace {

constexpr std::size_t kLine = 64;  // bytes: 16 rows x 4 columns

void StoreU16(std::uint8_t* p, std::uint16_t value) {
  std::memcpy(p, &value, 2);
}

// Four codes of one row and group, at once: byte k is column 4 group + k.
std::uint32_t LoadGroup(const CodeBlock& block, std::size_t group) {
  std::uint32_t word = 0;
  std::memcpy(&word, block.code.data() + group * 4, 4);
  return word;
}

void StoreGroup(std::uint32_t word, std::uint8_t* line, std::size_t row) {
  std::memcpy(line + row * 4, &word, 4);
}

// Spreads one row's 32 codes over the planes of the block.
template <TensorType kType>
void PackCodes(const CodeBlock& block, std::size_t row, std::uint8_t* out) {
  constexpr PanelLayout kLayout = GetPanelLayout(kType);
  constexpr bool kNibbles = kLayout.nibble_offset != PanelLayout::kAbsent;
  constexpr unsigned kHighShift = kNibbles ? 4 : 0;  // of the pair and bit planes in a code
  std::array<std::uint32_t, 8> groups;
  for (std::size_t g = 0; g < 8; ++g) groups[g] = LoadGroup(block, g);
  if constexpr (kLayout.byte_offset != PanelLayout::kAbsent) {
    for (std::size_t g = 0; g < 8; ++g) StoreGroup(groups[g], out + kLayout.byte_offset + g * kLine, row);
    return;
  }
  if constexpr (kNibbles) {
    for (std::size_t g = 0; g < 4; ++g) {
      const std::uint32_t line = (groups[g] & 0x0F0F0F0FU) | ((groups[g + 4] & 0x0F0F0F0FU) << 4);
      StoreGroup(line, out + kLayout.nibble_offset + g * kLine, row);
    }
  }
  if constexpr (kLayout.pair_offset != PanelLayout::kAbsent) {
    for (std::size_t line = 0; line < 2; ++line) {
      std::uint32_t word = 0;
      for (std::size_t g = 0; g < 4; ++g) word |= ((groups[line * 4 + g] >> kHighShift) & 0x03030303U) << (g * 2);
      StoreGroup(word, out + kLayout.pair_offset + line * kLine, row);
    }
  }
  if constexpr (kLayout.bit_offset != PanelLayout::kAbsent) {
    constexpr unsigned kBit = kHighShift + (kLayout.pair_offset != PanelLayout::kAbsent ? 2 : 0);
    std::uint32_t word = 0;
    for (std::size_t g = 0; g < 8; ++g) word |= ((groups[g] >> kBit) & 0x01010101U) << g;
    StoreGroup(word, out + kLayout.bit_offset, row);
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

// Block by block with all rows inside, so that each line of the panel is written while it is near.
template <TensorType kType>
void PackQuantizedPanel(const std::byte* raw, std::size_t row_bytes, std::size_t num_rows, std::size_t cols,
                        std::uint8_t* panel) {
  constexpr QuantTraits kTraits = GetQuantTraits(kType);
  constexpr PanelLayout kLayout = GetPanelLayout(kType);
  for (std::size_t b = 0; b < cols / kBlockColumns; ++b) {
    std::uint8_t* unit = panel + (b / kLayout.blocks_per_unit) * kLayout.unit_bytes();
    std::uint8_t* out = unit + kLayout.head_bytes + (b % kLayout.blocks_per_unit) * kLayout.block_bytes;
    for (std::size_t row = 0; row < num_rows; ++row) {
      const CodeBlock block = ReadCodeBlockOf<kType>(raw + row * row_bytes, b);
      if (kTraits.sub_blocks && b % kLayout.blocks_per_unit == 0) {
        StoreU16(unit + row * 2, block.d);
        if (kTraits.has_min) StoreU16(unit + 2 * kPanelRows + row * 2, block.m);
      }
      PackCodes<kType>(block, row, out);
      PackScales(kTraits, kLayout, block, row, out);
    }
  }
}

// [column][16 rows], where a column is one value, or of BF16 a pair.
template <class Word>
void PackFloatPanel(const std::byte* raw, std::size_t row_bytes, std::size_t num_rows, std::uint8_t* panel) {
  const std::size_t whole = row_bytes / sizeof(Word);
  for (std::size_t k = 0; k < whole; ++k) {
    for (std::size_t row = 0; row < num_rows; ++row) {
      std::memcpy(panel + (k * kPanelRows + row) * sizeof(Word), raw + row * row_bytes + k * sizeof(Word),
                  sizeof(Word));
    }
  }
  const std::size_t rest = row_bytes % sizeof(Word);  // the last value of an odd number of BF16
  for (std::size_t row = 0; rest != 0 && row < num_rows; ++row) {
    std::memcpy(panel + (whole * kPanelRows + row) * sizeof(Word), raw + row * row_bytes + whole * sizeof(Word), rest);
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
    const std::byte* raw_rows = raw + p * kPanelRows * row_bytes;
    const std::size_t num_rows = std::min(kPanelRows, rows - p * kPanelRows);
    // Whole panels of quantized types leave no byte unwritten.
    if (num_rows < kPanelRows || !quantized) std::memset(panel, 0, bytes);
    WithQuantizedType(
        type, [&]<TensorType kType>() { PackQuantizedPanel<kType>(raw_rows, row_bytes, num_rows, cols, panel); });
    if (quantized) continue;
    if (type == TensorType::kF16) {
      PackFloatPanel<std::uint16_t>(raw_rows, row_bytes, num_rows, panel);
    } else {
      PackFloatPanel<std::uint32_t>(raw_rows, row_bytes, num_rows, panel);
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
