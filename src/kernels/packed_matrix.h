// Weights in the layout that the matrix kernels read: panels of 16 interleaved rows, the same for every instruction
// set.
//
// A panel holds 16 rows and all columns, as one sequential stream, so that a thread that owns a range of panels reads
// memory in order. Quantized types: a k-block is 32 columns. Its codes are split into groups of 4 columns; a 64-byte
// line holds one group as [row 0..15][column 0..3], which is what one 512-bit dot-product instruction consumes. Lines
// by code width: 4 bits: line i (0..3) has group i in its low and group i + 4 in its high nibbles; the fifth bit is one
// line whose byte j has group g's bit at bit g; 2-bit planes: line i (0..1) has groups 4 i to 4 i + 3 at bits 0, 2, 4,
// 6; 8 bits: one line a group. Scales follow the codes of their block, 16 rows together. *_K types start each 256
// columns with d (and -dmin) as binary16. F32 and F16 panels are [column][16 rows], BF16 panels [column / 2][16
// rows][2].
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/code_block.h"
#include "kernels/tensor_type.h"

namespace bowhead::kernels {

inline constexpr std::size_t kPanelRows = 16;
inline constexpr std::size_t kBlockColumns = 32;

/// The version of the layout, part of every file that keeps packed weights: raised with any change of the bytes that
/// PackPanels writes. packed_matrix_test.cc holds the bytes against it.
inline constexpr std::uint32_t kPackedLayoutVersion = 1;

/// Where the parts of a quantized panel are, in bytes. One unit is one k-block, or eight of them behind a common head.
struct PanelLayout {
  std::size_t head_bytes = 0;       // at the start of a unit: d [16] binary16 (then -dmin [16]) of *_K types
  std::size_t block_bytes = 0;      // of one k-block
  std::size_t blocks_per_unit = 1;  // 8 for *_K types
  std::size_t nibble_offset = 0;    // inside a block; kAbsent where the type has no such part
  std::size_t pair_offset = 0;      // 2-bit plane, 128 bytes
  std::size_t bit_offset = 0;       // 1-bit plane, 64 bytes
  std::size_t byte_offset = 0;      // 8-bit codes, 512 bytes
  std::size_t scale_offset = 0;     // d [16] (and m [16]) binary16; *_K: sub-scales int8 [16] or [2][16]
  std::size_t min_offset = 0;       // m [16] binary16; *_K: sub-minimums uint8 [16]; Q2_K: nibbles with the scales

  static constexpr std::size_t kAbsent = ~std::size_t{0};

  [[nodiscard]] constexpr std::size_t unit_bytes() const { return head_bytes + blocks_per_unit * block_bytes; }
};

/// The layout of a quantized type's panels.
constexpr PanelLayout GetPanelLayout(TensorType type) {
  constexpr std::size_t kNone = PanelLayout::kAbsent;
  switch (type) {
    case TensorType::kQ4_0:
    case TensorType::kIQ4_NL:
      return {0, 288, 1, 0, kNone, kNone, kNone, 256, kNone};
    case TensorType::kQ4_1:
      return {0, 320, 1, 0, kNone, kNone, kNone, 256, 288};
    case TensorType::kQ5_0:
      return {0, 352, 1, 0, kNone, 256, kNone, 320, kNone};
    case TensorType::kQ5_1:
      return {0, 384, 1, 0, kNone, 256, kNone, 320, 352};
    case TensorType::kQ8_0:
      return {0, 544, 1, kNone, kNone, kNone, 0, 512, kNone};
    case TensorType::kQ2_K:
      return {64, 160, 8, kNone, 0, kNone, kNone, 128, 128};
    case TensorType::kQ3_K:
      return {32, 224, 8, kNone, 0, 128, kNone, 192, kNone};
    case TensorType::kQ4_K:
      return {64, 288, 8, 0, kNone, kNone, kNone, 256, 272};
    case TensorType::kQ5_K:
      return {64, 352, 8, 0, kNone, 256, kNone, 320, 336};
    case TensorType::kQ6_K:
      return {32, 416, 8, 0, 256, kNone, kNone, 384, kNone};
    case TensorType::kF32:
    case TensorType::kF16:
    case TensorType::kBF16:
      return {};
  }
  return {};
}

/// A view of packed weights: `rows` x `cols`, y = W x. Rows are padded with zeros to a whole panel. The bytes belong to
/// whoever packed them and outlive the view.
struct PackedMatrix {
  TensorType type = TensorType::kF32;
  std::size_t rows = 0;
  std::size_t cols = 0;
  const std::uint8_t* data = nullptr;

  /// Whether the kernels multiply unquantized activations.
  [[nodiscard]] bool is_float() const { return !GetQuantTraits(type).quantized; }
  [[nodiscard]] std::size_t num_panels() const { return (rows + kPanelRows - 1) / kPanelRows; }
  [[nodiscard]] std::size_t panel_bytes() const;
  [[nodiscard]] std::size_t total_bytes() const { return num_panels() * panel_bytes(); }
  [[nodiscard]] const std::uint8_t* panel(std::size_t index) const { return data + index * panel_bytes(); }
};

/// Bytes of one panel of that type and width; `cols` is a multiple of the type's block.
std::size_t PanelBytes(TensorType type, std::size_t cols);

/// Packs panels [first, last) of a matrix whose rows lie one after the other in `raw` as the file stores them. `out`
/// receives panel `first` at its start. Threads may pack different ranges at once.
void PackPanels(TensorType type, const std::byte* raw, std::size_t rows, std::size_t cols, std::size_t first,
                std::size_t last, std::uint8_t* out);

/// True if every scale of the rows [first_row, last_row) is finite (and every value, for float types).
bool AllFinite(TensorType type, const std::byte* raw, std::size_t first_row, std::size_t last_row, std::size_t cols);

}  // namespace bowhead::kernels
