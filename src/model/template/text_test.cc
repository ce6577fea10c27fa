#include "model/template/text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bowhead::model {
namespace {

std::vector<std::vector<std::size_t>> Ranges(const Text& text) {
  std::vector<std::vector<std::size_t>> out;
  for (const ByteRange& range : text.untrusted()) out.push_back({range.begin, range.end});
  return out;
}

using Expected = std::vector<std::vector<std::size_t>>;

TEST(Text, KeepsOriginWhenAppended) {
  Text text("ab");
  text.Append("cd", true);
  text.Append("ef", true);  // touches: one range
  text.Append("gh");
  EXPECT_EQ(text.bytes(), "abcdefgh");
  EXPECT_EQ(Ranges(text), (Expected{{2, 6}}));
  text.Append("", true);
  EXPECT_EQ(Ranges(text), (Expected{{2, 6}}));
}

TEST(Text, SlicesCutRanges) {
  Text text("aa");
  text.Append("UUU", true);
  text.Append("bb");
  text.Append("VVV", true);
  EXPECT_EQ(Ranges(text.Slice(3, 9)), (Expected{{0, 2}, {4, 6}}));
  EXPECT_EQ(Ranges(text.Slice(0, 2)), Expected{});
  EXPECT_EQ(Ranges(text.Slice(5, 7)), Expected{});
  EXPECT_EQ(Ranges(text.Slice(4, 5)), (Expected{{0, 1}}));
  EXPECT_EQ(Ranges(text.Slice(4, 4)), Expected{});
}

TEST(Text, AppendsItself) {
  Text text("a");
  text.Append("U", true);
  text.Append(text);
  EXPECT_EQ(text.bytes(), "aUaU");
  EXPECT_EQ(Ranges(text), (Expected{{1, 2}, {3, 4}}));
}

TEST(Text, MappedBytesTakeTheOriginOfWhatTheyStandFor) {
  Text source("a");
  source.Append("\n", true);
  Text text;
  text.AppendMapped("A", source, 0, 1);
  text.AppendMapped("\\n", source, 1, 2);
  EXPECT_EQ(text.bytes(), "A\\n");
  EXPECT_EQ(Ranges(text), (Expected{{1, 3}}));
}

TEST(Text, ManySlicesOfManyRangesAreFast) {
  Text text;
  for (int i = 0; i < 100'000; ++i) text.Append("x", i % 2 == 0);
  std::size_t count = 0;
  for (std::size_t i = 0; i < 100'000; ++i) count += text.Slice(i, i + 1).untrusted().size();
  EXPECT_EQ(count, 50'000U);
}

}  // namespace
}  // namespace bowhead::model
