#include "engine/reasoning_guard.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/testing/fake_model.h"

namespace bowhead::engine {
namespace {

/// A token is a byte.
class ByteTokenizer final : public testing::FakeTokenizer {
 public:
  [[nodiscard]] std::string_view TokenBytes(TokenId id) const override {
    static const std::string bytes = [] {
      std::string all;
      for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
      return all;
    }();
    return std::string_view(bytes).substr(static_cast<std::size_t>(id), 1);
  }
};

const ByteTokenizer kTokenizer;

ReasoningBudget Budget(int max_tokens, bool opened) {
  return {max_tokens, opened, "<think>", "</think>", {'<', '/', 'e', '>'}};
}

/// What is written if the model would write `text`, as far as it is let.
std::string Write(const ReasoningBudget& budget, std::string_view text) {
  ReasoningGuard guard(budget, kTokenizer);
  std::string written;
  for (std::size_t i = 0; i < text.size();) {
    const auto forced = guard.Forced();
    const TokenId token = forced ? *forced : static_cast<unsigned char>(text[i++]);
    guard.Accept(token);
    written.push_back(static_cast<char>(token));
  }
  return written;
}

TEST(ReasoningGuard, ClosesWhatIsTooLong) {
  EXPECT_EQ(Write(Budget(3, true), "abcdef"), "abc</e>def");
  EXPECT_EQ(Write(Budget(3, false), "<think>abcdef"), "<think>abc</e>def");
  EXPECT_EQ(Write(Budget(0, false), "\n<think>ab"), "\n<think></e>ab");
  EXPECT_EQ(Write(Budget(0, true), "ab"), "</e>ab");
}

TEST(ReasoningGuard, LeavesAloneWhatEndsInTime) {
  EXPECT_EQ(Write(Budget(12, true), "abc</think>and a long answer"), "abc</think>and a long answer");
  EXPECT_EQ(Write(Budget(2, false), "no <think> at the start"), "no <think> at the start");
  EXPECT_EQ(Write(Budget(2, false), "<thin air"), "<thin air");
}

TEST(ReasoningGuard, CutsNoCharacter) {
  EXPECT_EQ(Write(Budget(2, true), "a\xE4\xB8\x96\xE7"), "a\xE4\xB8\x96</e>\xE7");
}

TEST(ReasoningGuard, AMarkAfterTheMarkMeansNothing) {
  EXPECT_EQ(Write(Budget(1, true), "ab<think>cdef"), "a</e>b<think>cdef");
}

}  // namespace
}  // namespace bowhead::engine
