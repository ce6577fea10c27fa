#include "kernels/table_scalar.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/half.h"

namespace bowhead::kernels::scalar {
namespace {

std::uint16_t LoadU16(const std::uint8_t* p) {
  std::uint16_t value = 0;
  std::memcpy(&value, p, 2);
  return value;
}

// One row's part of a k-block.
struct RowBlock {
  std::array<int, 32> code;  // bias included
  float d;                   // of types with one scale per 32 values
  float m;
  std::array<int, 2> sub_scale;  // of types with one per 16
  std::array<int, 2> sub_min;
};

int ReadCode(TensorType type, const PanelLayout& layout, const std::uint8_t* block, std::size_t row, std::size_t k) {
  const std::size_t group = k / 4;
  const std::size_t at = row * 4 + k % 4;
  if (layout.byte_offset != PanelLayout::kAbsent) return block[layout.byte_offset + group * 64 + at];
  int code = 0;
  int bits = 0;
  if (layout.nibble_offset != PanelLayout::kAbsent) {
    code = (block[layout.nibble_offset + group % 4 * 64 + at] >> (group < 4 ? 0 : 4)) & 0xF;
    bits = 4;
  }
  if (layout.pair_offset != PanelLayout::kAbsent) {
    code |= ((block[layout.pair_offset + group / 4 * 64 + at] >> (group % 4 * 2)) & 3) << bits;
    bits += 2;
  }
  if (layout.bit_offset != PanelLayout::kAbsent) code |= ((block[layout.bit_offset + at] >> group) & 1) << bits;
  return type == TensorType::kIQ4_NL ? kIq4NlValues[static_cast<std::size_t>(code)] + 128 : code;
}

RowBlock ReadRowBlock(TensorType type, const std::uint8_t* unit, std::size_t i, std::size_t row) {
  const PanelLayout layout = GetPanelLayout(type);
  const QuantTraits traits = GetQuantTraits(type);
  const std::uint8_t* block = unit + layout.head_bytes + i * layout.block_bytes;
  RowBlock out{};
  for (std::size_t k = 0; k < 32; ++k) out.code[k] = ReadCode(type, layout, block, row, k);
  if (!traits.sub_blocks) {
    out.d = HalfToFloat(LoadU16(block + layout.scale_offset + row * 2));
    if (traits.has_min) out.m = HalfToFloat(LoadU16(block + layout.min_offset + row * 2));
    return out;
  }
  for (std::size_t h = 0; h < (traits.per_16 ? 2U : 1U); ++h) {
    const std::uint8_t scale = block[layout.scale_offset + h * 16 + row];
    if (type == TensorType::kQ2_K) {
      out.sub_scale[h] = scale & 0xF;
      out.sub_min[h] = scale >> 4;
    } else {
      out.sub_scale[h] = static_cast<std::int8_t>(scale);
      if (traits.has_min) out.sub_min[h] = block[layout.min_offset + row];
    }
  }
  const float unit_m = traits.has_min ? HalfToFloat(LoadU16(unit + 32 + row * 2)) : 0.0F;
  out.d = HalfToFloat(LoadU16(unit + row * 2)) * static_cast<float>(out.sub_scale[0]);
  out.m = unit_m * static_cast<float>(out.sub_min[0]);
  return out;
}

struct Sums {
  int dot = 0;
  int sum = 0;
};

Sums PartSums(const RowBlock& w, const QuantTraits& traits, const std::int8_t* q, std::size_t first, std::size_t last) {
  Sums sums;
  for (std::size_t k = first; k < last; ++k) {
    sums.dot += (w.code[k] - traits.bias) * q[k];
    sums.sum += q[k];
  }
  return sums;
}

// A row's product with column c, for types with one scale per 32 values.
float DotRow(const std::vector<RowBlock>& row, const QuantTraits& traits, const ActivationTile& tile, std::size_t c) {
  float acc = 0.0F;
  for (std::size_t b = 0; b < row.size(); ++b) {
    const std::size_t at = b * tile.width + c;
    const Sums sums = PartSums(row[b], traits, tile.q + at * 32, 0, 32);
    acc += static_cast<float>(sums.dot) * (row[b].d * tile.scale[at]);
    if (traits.has_min) acc += row[b].m * (tile.scale[at] * static_cast<float>(sums.sum));
  }
  return acc;
}

// The same for types with sub-scales per 16 values: they multiply the exact integer products, and d and m of a
// super-block the sums over its eight blocks.
float DotHalvesRow(const std::vector<RowBlock>& row, const QuantTraits& traits, const ActivationTile& tile,
                   std::size_t c, const std::vector<float>& d, const std::vector<float>& m) {
  float acc = 0.0F;
  for (std::size_t u = 0; u < d.size(); ++u) {
    float dots = 0.0F;
    float mins = 0.0F;
    for (std::size_t b = u * 8; b < u * 8 + 8; ++b) {
      const std::size_t at = b * tile.width + c;
      int scaled = 0;
      for (std::size_t h = 0; h < 2; ++h) {
        const Sums sums = PartSums(row[b], traits, tile.q + at * 32, h * 16, h * 16 + 16);
        scaled += row[b].sub_scale[h] * sums.dot;
        mins += static_cast<float>(row[b].sub_min[h]) * (tile.scale[at] * static_cast<float>(sums.sum));
      }
      dots += static_cast<float>(scaled) * tile.scale[at];
    }
    acc += d[u] * dots;
    if (traits.has_min) acc += m[u] * mins;
  }
  return acc;
}

void QuantizedPanel(const PackedMatrix& weights, const std::uint8_t* panel, const ActivationTile& tile, float* out,
                    std::size_t out_stride) {
  const PanelLayout layout = GetPanelLayout(weights.type);
  const QuantTraits traits = GetQuantTraits(weights.type);
  const std::size_t units = weights.cols / kBlockColumns / layout.blocks_per_unit;
  std::vector<RowBlock> blocks(weights.cols / kBlockColumns);
  std::vector<float> d(units);
  std::vector<float> m(units);
  for (std::size_t row = 0; row < kPanelRows; ++row) {
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      const std::uint8_t* unit = panel + b / layout.blocks_per_unit * layout.unit_bytes();
      blocks[b] = ReadRowBlock(weights.type, unit, b % layout.blocks_per_unit, row);
    }
    for (std::size_t u = 0; traits.per_16 && u < units; ++u) {
      const std::uint8_t* unit = panel + u * layout.unit_bytes();
      d[u] = HalfToFloat(LoadU16(unit + row * 2));
      if (traits.has_min) m[u] = HalfToFloat(LoadU16(unit + 32 + row * 2));
    }
    for (std::size_t c = 0; c < tile.width; ++c) {
      out[c * out_stride + row] =
          traits.per_16 ? DotHalvesRow(blocks, traits, tile, c, d, m) : DotRow(blocks, traits, tile, c);
    }
  }
}

float ReadFloat(TensorType type, const std::uint8_t* panel, std::size_t row, std::size_t k) {
  if (type == TensorType::kF32) {
    float value = 0;
    std::memcpy(&value, panel + (k * kPanelRows + row) * 4, 4);
    return value;
  }
  if (type == TensorType::kF16) return HalfToFloat(LoadU16(panel + (k * kPanelRows + row) * 2));
  return BFloat16ToFloat(LoadU16(panel + (k / 2 * kPanelRows * 2 + row * 2 + k % 2) * 2));
}

void FloatPanel(const PackedMatrix& weights, const std::uint8_t* panel, const ActivationTile& tile, float* out,
                std::size_t out_stride) {
  for (std::size_t row = 0; row < kPanelRows; ++row) {
    std::array<float, kTileColumns> acc{};
    for (std::size_t k = 0; k < weights.cols; ++k) {
      const float w = ReadFloat(weights.type, panel, row, k);
      for (std::size_t c = 0; c < tile.width; ++c) acc[c] += w * tile.values[k * tile.width + c];
    }
    for (std::size_t c = 0; c < tile.width; ++c) out[c * out_stride + row] = acc[c];
  }
}

void Matmul(const PackedMatrix& weights, std::size_t first, std::size_t last, const ActivationTile* tiles,
            std::size_t num_tiles, float* out, std::size_t out_stride) {
  const auto multiply = GetQuantTraits(weights.type).quantized ? QuantizedPanel : FloatPanel;
  for (std::size_t t = 0; t < num_tiles; out += tiles[t++].width * out_stride) {
    for (std::size_t p = first; p < last; ++p) {
      multiply(weights, weights.panel(p), tiles[t], out + (p - first) * kPanelRows, out_stride);
    }
  }
}

void Quantize(const float* x, std::size_t k, std::size_t column, bool with_values, const ActivationTile& tile) {
  const std::size_t width = tile.width;
  for (std::size_t b = 0; b < k / 32; ++b) {
    float largest = 0.0F;
    for (std::size_t i = 0; i < 32; ++i) largest = std::max(largest, std::fabs(x[b * 32 + i]));
    const float scale = largest / 127.0F;
    const float inverse = largest > 0.0F ? 127.0F / largest : 0.0F;
    std::array<int, 2> sums{};
    for (std::size_t i = 0; i < 32; ++i) {
      const float scaled = std::clamp(std::nearbyint(x[b * 32 + i] * inverse), -127.0F, 127.0F);
      const int q = std::isnan(scaled) ? 0 : static_cast<int>(scaled);
      tile.q[(b * width + column) * 32 + i] = static_cast<std::int8_t>(q);
      sums[i / 16] += q;
    }
    const std::size_t at = b * width + column;
    tile.scale[at] = scale;
    tile.sum[at] = -128 * (sums[0] + sums[1]);
    tile.scaled_sum[at] = scale * static_cast<float>(sums[0] + sums[1]);
    for (std::size_t h = 0; h < 2; ++h) {
      tile.half_sum[(b * 2 + h) * width + column] = -128 * sums[h];
      tile.half_scaled_sum[(b * 2 + h) * width + column] = scale * static_cast<float>(sums[h]);
    }
  }
  if (!with_values) return;
  for (std::size_t i = 0; i < k; ++i) tile.values[i * width + column] = x[i];
}

void RmsNorm(const float* x, const float* weight, std::size_t n, float epsilon, float* out) {
  float squares = 0.0F;
  for (std::size_t i = 0; i < n; ++i) squares += x[i] * x[i];
  const float scale = 1.0F / std::sqrt(squares / static_cast<float>(n) + epsilon);
  for (std::size_t i = 0; i < n; ++i) out[i] = x[i] * scale * weight[i];
}

void Add(const float* x, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] += x[i];
}

void SiluMul(const float* gate, const float* up, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = gate[i] / (1.0F + std::exp(-gate[i])) * up[i];
}

void GeluMul(const float* gate, const float* up, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) {
    const float g = gate[i];
    out[i] = 0.5F * g * (1.0F + std::tanh(0.7978845608F * (g + 0.044715F * g * g * g))) * up[i];
  }
}

}  // namespace

constinit const KernelTable kTable = {
    "scalar",      Matmul, Quantize, RmsNorm, Add, SiluMul, GeluMul, {&kAttentionF16, &kAttentionBf16, &kAttentionQ8},
    MergeAttention};

}  // namespace bowhead::kernels::scalar
