// Every type, instruction set and tile width against a product in double precision.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/dequantize.h"
#include "kernels/dispatch.h"
#include "kernels/random_weights_for_test.h"

namespace bowhead::kernels {
namespace {

struct Shape {
  std::size_t rows;
  std::size_t cols;
};

// 256 columns is the least that all types store; 33 rows leave a padded panel.
constexpr Shape kShapes[] = {{16, 256}, {33, 512}, {80, 1280}};

std::vector<std::uint8_t> Pack(TensorType type, const std::vector<std::byte>& raw, Shape shape, PackedMatrix& matrix) {
  matrix = {type, shape.rows, shape.cols, nullptr};
  std::vector<std::uint8_t> packed(matrix.total_bytes() + 4096);
  PackPanels(type, raw.data(), shape.rows, shape.cols, 0, matrix.num_panels(), packed.data());
  matrix.data = packed.data();
  return packed;
}

// A tile of `width` columns of x [width][cols].
struct Tile {
  std::vector<float> memory;
  ActivationTile tile;

  Tile(const KernelTable& kernels, const std::vector<float>& x, std::size_t cols, std::size_t width)
      : memory(TileBytes(cols, width) / sizeof(float) + 64) {
    auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    address = (address + 63) / 64 * 64 - address;
    tile = MakeTile(reinterpret_cast<std::byte*>(memory.data()) + address, cols, width);
    for (std::size_t c = 0; c < width; ++c) kernels.quantize(x.data() + c * cols, cols, c, true, tile);
  }

  // What the kernel sees of column c at k.
  [[nodiscard]] double Value(TensorType type, bool bf16_products, std::size_t c, std::size_t k) const {
    if (type == TensorType::kBF16 && bf16_products) {
      return BFloat16ToFloat(tile.pairs[(k / 2 * tile.width + c) * 2 + k % 2]);
    }
    if (!GetQuantTraits(type).quantized) return tile.values[k * tile.width + c];
    const std::size_t at = k / 32 * tile.width + c;
    return static_cast<double>(tile.scale[at]) * tile.q[at * 32 + k % 32];
  }
};

std::vector<float> RandomColumns(std::size_t n, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> x(n);
  for (float& value : x) value = normal(random);
  return x;
}

class MatmulTest : public testing::TestWithParam<TensorType> {};

TEST_P(MatmulTest, MatchesDoublePrecision) {
  const TensorType type = GetParam();
  std::mt19937 random(static_cast<unsigned>(type) + 1);
  for (const Shape shape : kShapes) {
    const std::vector<std::byte> raw = RandomTensor(type, shape.rows, shape.cols, random);
    std::vector<float> dense(shape.rows * shape.cols);
    const std::size_t row_bytes = raw.size() / shape.rows;
    for (std::size_t r = 0; r < shape.rows; ++r) {
      DequantizeRow(type, raw.data() + r * row_bytes, shape.cols, dense.data() + r * shape.cols);
    }
    PackedMatrix matrix;
    const std::vector<std::uint8_t> packed = Pack(type, raw, shape, matrix);
    for (std::size_t width = 1; width <= kTileColumns; ++width) {
      const std::vector<float> x = RandomColumns(width * shape.cols, random);
      for (const IsaSupport& isa : AllIsas()) {
        if (!isa.supported) continue;
        const Tile tile(*isa.table, x, shape.cols, width);
        const std::size_t stride = matrix.num_panels() * kPanelRows;
        std::vector<float> out(width * stride, -1.0F);
        isa.table->matmul(matrix, 0, 1, &tile.tile, 1, out.data(), stride);
        isa.table->matmul(matrix, 1, matrix.num_panels(), &tile.tile, 1, out.data() + kPanelRows, stride);
        for (std::size_t c = 0; c < width; ++c) {
          for (std::size_t r = 0; r < shape.rows; ++r) {
            double exact = 0;
            double magnitude = 0;
            for (std::size_t k = 0; k < shape.cols; ++k) {
              const double term = tile.Value(type, isa.table->bf16_products, c, k) * dense[r * shape.cols + k];
              exact += term;
              magnitude += std::fabs(term);
            }
            // Rounding grows with the magnitude of what is summed; codes with minimums cancel, hence the factor.
            ASSERT_NEAR(out[c * stride + r], exact, 4e-6 * magnitude + 1e-6)
                << isa.table->name << " width " << width << " row " << r << " of " << shape.rows << " x " << shape.cols;
          }
        }
      }
    }
  }
}

// A column's result must not depend on its neighbours: batches may not change answers.
TEST_P(MatmulTest, IsTheSameForEveryWidth) {
  const TensorType type = GetParam();
  std::mt19937 random(7);
  const Shape shape = {32, 512};
  const std::vector<std::byte> raw = RandomTensor(type, shape.rows, shape.cols, random);
  PackedMatrix matrix;
  const std::vector<std::uint8_t> packed = Pack(type, raw, shape, matrix);
  const std::vector<float> x = RandomColumns(kTileColumns * shape.cols, random);
  for (const IsaSupport& isa : AllIsas()) {
    if (!isa.supported) continue;
    const Tile whole(*isa.table, x, shape.cols, kTileColumns);
    std::vector<float> all(kTileColumns * shape.rows);
    isa.table->matmul(matrix, 0, 2, &whole.tile, 1, all.data(), shape.rows);
    for (std::size_t width = 1; width < kTileColumns; ++width) {
      const Tile part(*isa.table, x, shape.cols, width);
      std::vector<float> some(width * shape.rows);
      isa.table->matmul(matrix, 0, 2, &part.tile, 1, some.data(), shape.rows);
      ASSERT_TRUE(std::equal(some.begin(), some.end(), all.begin())) << isa.table->name << " width " << width;
    }
  }
}

// Many tiles in one call may take another way than one, with strips, parts of the columns and an odd last panel: 3
// panels, 72 k-blocks. Its results are those of single columns.
TEST_P(MatmulTest, ManyTilesGiveWhatSingleColumnsGive) {
  const TensorType type = GetParam();
  std::mt19937 random(9);
  const Shape shape = {48, 2304};
  const std::vector<std::byte> raw = RandomTensor(type, shape.rows, shape.cols, random);
  PackedMatrix matrix;
  const std::vector<std::uint8_t> packed = Pack(type, raw, shape, matrix);
  const std::vector<float> x = RandomColumns(kTileColumns * shape.cols, random);
  for (const IsaSupport& isa : AllIsas()) {
    if (!isa.supported) continue;
    std::vector<float> wanted(kTileColumns * shape.rows);
    for (std::size_t c = 0; c < kTileColumns; ++c) {
      const std::vector<float> column(x.begin() + static_cast<std::ptrdiff_t>(c * shape.cols),
                                      x.begin() + static_cast<std::ptrdiff_t>((c + 1) * shape.cols));
      const Tile one(*isa.table, column, shape.cols, 1);
      isa.table->matmul(matrix, 0, 3, &one.tile, 1, wanted.data() + c * shape.rows, shape.rows);
    }
    const std::size_t least = isa.table->name == "scalar" ? kTileColumns : 1;  // it is slow, and has one way only
    for (std::size_t width = least; width <= kTileColumns; ++width) {
      const Tile tile(*isa.table, x, shape.cols, width);
      for (const std::size_t num_tiles : {std::size_t{2}, std::size_t{8}}) {
        const std::vector<ActivationTile> tiles(num_tiles, tile.tile);
        std::vector<float> out(num_tiles * width * shape.rows);
        isa.table->matmul(matrix, 0, 3, tiles.data(), num_tiles, out.data(), shape.rows);
        for (std::size_t t = 0; t < num_tiles; ++t) {
          const auto from = out.begin() + static_cast<std::ptrdiff_t>(t * width * shape.rows);
          ASSERT_TRUE(std::equal(from, from + static_cast<std::ptrdiff_t>(width * shape.rows), wanted.begin()))
              << isa.table->name << " width " << width << ", tile " << t << " of " << num_tiles;
        }
      }
    }
  }
}

std::string TypeName(const testing::TestParamInfo<TensorType>& info) {
  return std::string(GetTensorTypeInfo(info.param).name);
}

INSTANTIATE_TEST_SUITE_P(AllTypes, MatmulTest, testing::ValuesIn(kAllTypes), TypeName);

TEST(PackTest, NotFiniteScalesAreFound) {
  std::mt19937 random(3);
  for (const TensorType type : kAllTypes) {
    std::vector<std::byte> raw = RandomTensor(type, 2, 256, random);
    EXPECT_TRUE(AllFinite(type, raw.data(), 0, 2, 256));
    const TensorTypeInfo& info = GetTensorTypeInfo(type);
    const std::size_t last_block = raw.size() - info.block_bytes;
    const std::size_t at = last_block + (info.block_elements == 1 ? 0 : HalfOffsets(type).back());
    const std::uint32_t nan = 0x7FFF7FFF;  // also as binary16, bfloat16 and the upper half of binary32
    std::memcpy(&raw[at], &nan, info.block_elements == 1 ? info.block_bytes : 2);
    EXPECT_FALSE(AllFinite(type, raw.data(), 0, 2, 256)) << info.name;
    EXPECT_TRUE(AllFinite(type, raw.data(), 0, 1, 256)) << info.name;
  }
}

}  // namespace
}  // namespace bowhead::kernels
