#include "model/tokenizer/fill_in.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/tokenizer/testing.h"

namespace bowhead::model {
namespace {

using Ids = std::vector<TokenId>;

std::unique_ptr<const Tokenizer> Make(Metadata::Map map) {
  auto tokenizer = Tokenizer::Create(Metadata(std::move(map)));
  EXPECT_TRUE(tokenizer.ok());
  return std::move(*tokenizer);
}

/// Adds tokens and returns the id of the first.
TokenId AddTokens(Metadata::Map& map, const std::vector<std::string>& spellings) {
  auto& tokens = std::get<StringArray>(map["tokenizer.ggml.tokens"]);
  auto& types = std::get<std::vector<std::int64_t>>(map["tokenizer.ggml.token_type"]);
  auto& scores = std::get<std::vector<double>>(map["tokenizer.ggml.scores"]);
  const auto first = static_cast<TokenId>(tokens.size());
  for (const std::string& spelling : spellings) {
    tokens.Add(spelling);
    types.push_back(3);
    scores.push_back(0);
  }
  return first;
}

TEST(FillIn, PrefixSuffixMiddleUnderEachName) {
  for (const std::vector<std::string>& names : {
           std::vector<std::string>{"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
           std::vector<std::string>{"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},
           std::vector<std::string>{"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"},
       }) {
    Metadata::Map map = testing::TinyBpe();
    const TokenId first = AddTokens(map, names);
    const auto tokenizer = Make(map);
    const auto prompt = FillInPrompt(*tokenizer, "hello", names[2] + "a");
    ASSERT_TRUE(prompt.ok()) << names[0];
    // The suffix spells a mark, which stays text.
    EXPECT_EQ((*prompt)[0], first);
    EXPECT_EQ((*prompt)[1], 259);
    EXPECT_EQ((*prompt)[2], first + 1);
    EXPECT_EQ(prompt->back(), first + 2);
    EXPECT_EQ(tokenizer->Decode(std::span(*prompt).subspan(3, prompt->size() - 4), true), names[2] + "a");
  }
}

TEST(FillIn, ASentencePieceSuffixGetsNoSpace) {
  Metadata::Map map = testing::TinySpm(/*add_space_prefix=*/true);
  const TokenId first = AddTokens(map, {"▁<PRE>", "▁<SUF>", "▁<MID>"});
  const auto tokenizer = Make(map);
  const auto prompt = FillInPrompt(*tokenizer, "ab", "ab");
  ASSERT_TRUE(prompt.ok());
  const Ids wanted = {1, first, 263, first + 1, 262, first + 2};  // begin, " ab" and "ab" between the marks
  EXPECT_EQ(*prompt, wanted);
}

TEST(FillIn, OthersAreToldApart) {
  const auto tokenizer = Make(testing::TinyBpe());
  EXPECT_FALSE(FindFillInTokens(*tokenizer).has_value());
  EXPECT_EQ(FillInPrompt(*tokenizer, "a", "b").status().code(), base::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace bowhead::model
