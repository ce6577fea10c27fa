#include "base/content_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace bowhead::base {
namespace {

std::vector<std::byte> Pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i * 131) ^ (i >> 7));
  return bytes;
}

// Files on disk depend on it: XXH3-128 of no bytes, with seed 0, from the specification's test vectors.
TEST(ContentHash, IsXxh3) {
  EXPECT_EQ(ToHex(HashContent({})), "99aa06d3014798d86001c324468d497f");
}

TEST(ContentHash, PiecesGiveTheHashOfTheWhole) {
  for (const std::size_t size : {0UL, 1UL, 240UL, 241UL, 100'000UL}) {
    const std::vector<std::byte> bytes = Pattern(size);
    ContentHasher hasher;
    for (std::size_t begin = 0; begin < size; begin += 777) {
      hasher.Add(std::span<const std::byte>(bytes).subspan(begin, std::min<std::size_t>(777, size - begin)));
    }
    EXPECT_EQ(hasher.Finish(), HashContent(bytes)) << size;
  }
}

TEST(ContentHash, EveryFlippedBitIsSeen) {
  std::vector<std::byte> bytes = Pattern(1000);
  const ContentHash whole = HashContent(bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      bytes[i] ^= static_cast<std::byte>(1U << bit);
      ASSERT_NE(HashContent(bytes), whole) << i;
      bytes[i] ^= static_cast<std::byte>(1U << bit);
    }
  }
}

TEST(ContentHash, NeighbouringTextsDoNotRunTogether) {
  ContentHasher a;
  a.Add(std::string_view("ab"));
  a.Add(std::string_view("c"));
  ContentHasher b;
  b.Add(std::string_view("a"));
  b.Add(std::string_view("bc"));
  EXPECT_NE(a.Finish(), b.Finish());
}

}  // namespace
}  // namespace bowhead::base
