#include "kernels/packed_matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "base/content_hash.h"
#include "kernels/random_weights_for_test.h"

namespace bowhead::kernels {
namespace {

constexpr std::size_t kRows = 37;  // two whole panels and a padded one
constexpr std::size_t kCols = 512;

std::vector<std::byte> RandomBytes(TensorType type) {
  const TensorTypeInfo& info = GetTensorTypeInfo(type);
  std::vector<std::byte> bytes(kRows * kCols / info.block_elements * info.block_bytes);
  std::mt19937 random(static_cast<std::uint32_t>(type) + 1);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() & 0xFFU);
  return bytes;
}

std::vector<std::uint8_t> Pack(TensorType type, const std::vector<std::byte>& raw, std::size_t first,
                               std::size_t last) {
  std::vector<std::uint8_t> out((last - first) * PanelBytes(type, kCols), 0xAA);
  PackPanels(type, raw.data(), kRows, kCols, first, last, out.data());
  return out;
}

// Packed weights are kept on disk and mapped by later versions of the program. Whoever changes the bytes of any type
// raises kPackedLayoutVersion and records the new hashes here.
TEST(PackedMatrix, BytesOnDiskBelongToTheLayoutVersion) {
  base::ContentHasher all;
  for (const TensorType type : kAllTypes) {
    const std::vector<std::uint8_t> packed = Pack(type, RandomBytes(type), 0, 3);
    all.Add(std::as_bytes(std::span(packed)));
  }
  EXPECT_EQ(kPackedLayoutVersion, 1U);
  EXPECT_EQ(base::ToHex(all.Finish()), "d88d60962087887cd90d0527ce096d79")
      << "the packed layout has changed: raise kPackedLayoutVersion, then record version and hash here";
}

TEST(PackedMatrix, AnyRangeOfPanelsGivesTheSameBytes) {
  for (const TensorType type : kAllTypes) {
    const std::vector<std::byte> raw = RandomBytes(type);
    const std::vector<std::uint8_t> whole = Pack(type, raw, 0, 3);
    const std::size_t bytes = PanelBytes(type, kCols);
    for (std::size_t panel = 0; panel < 3; ++panel) {
      const std::vector<std::uint8_t> one = Pack(type, raw, panel, panel + 1);
      EXPECT_TRUE(std::equal(one.begin(), one.end(), whole.begin() + static_cast<std::ptrdiff_t>(panel * bytes)))
          << GetTensorTypeInfo(type).name << " " << panel;
    }
  }
}

}  // namespace
}  // namespace bowhead::kernels
