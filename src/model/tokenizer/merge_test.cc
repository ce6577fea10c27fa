#include "model/tokenizer/merge.h"

#include <gtest/gtest.h>

#include <random>

namespace bowhead::model {
namespace {

// Rules over small integers that make long cascades and many ties: x and y join to x+y unless that is a multiple of 7.
Merge<int> Find(int left, int right) {
  const int sum = left + right;
  if (sum % 7 == 0 || sum > 40) return {};
  return {static_cast<std::uint32_t>(sum % 5), sum};
}

TEST(Merge, HeapAndSearchAgree) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    MergeScratch<int> scratch;
    const std::size_t size = random() % kShortWord + 1;
    for (std::size_t i = 0; i < size; ++i) scratch.symbols.push_back(static_cast<int>(random() % 6 + 1));
    std::vector<int> symbols = scratch.symbols;
    MergeShort(symbols, Find);
    MergeLong(scratch, Find);
    EXPECT_EQ(symbols, scratch.symbols);
  }
}

TEST(Merge, TakesTheLeftmostOfEquals) {
  MergeScratch<int> scratch;
  scratch.symbols = {1, 1, 1};
  ApplyMerges(scratch, [](int left, int right) { return left == 1 && right == 1 ? Merge<int>{0, 2} : Merge<int>{}; });
  EXPECT_EQ(scratch.symbols, (std::vector<int>{2, 1}));
}

TEST(Merge, LeavesShortInputsAlone) {
  MergeScratch<int> scratch;
  ApplyMerges(scratch, Find);
  EXPECT_TRUE(scratch.symbols.empty());
  scratch.symbols = {3};
  ApplyMerges(scratch, Find);
  EXPECT_EQ(scratch.symbols, (std::vector<int>{3}));
}

}  // namespace
}  // namespace bowhead::model
