#include "engine/speculation/forced_text.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "engine/testing/fake_model.h"
#include "grammar/matcher.h"

namespace bowhead::engine {
namespace {

/// Tokens 0 to 255 are the bytes; 256 and 257 are words. Longer tokens are taken first, as trained tokenizers tend to.
class WordTokenizer final : public testing::FakeTokenizer {
 public:
  [[nodiscard]] std::vector<TokenId> Encode(std::string_view text, const model::EncodeOptions&) const override {
    std::vector<TokenId> ids;
    while (!text.empty()) {
      TokenId id = static_cast<unsigned char>(text.front());
      for (const TokenId word : {256, 257}) {
        if (text.starts_with(TokenBytes(word))) id = word;
      }
      ids.push_back(id);
      text.remove_prefix(TokenBytes(id).size());
    }
    return ids;
  }
  [[nodiscard]] std::string_view TokenBytes(TokenId id) const override {
    if (id == 256) return "name";
    if (id == 257) return "\":";
    static const std::string bytes = [] {
      std::string all;
      for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
      return all;
    }();
    return id < 256 ? std::string_view(bytes).substr(static_cast<std::size_t>(id), 1) : std::string_view();
  }
  [[nodiscard]] std::size_t vocab_size() const override { return 259; }
  [[nodiscard]] std::optional<TokenId> eos() const override { return 258; }
  [[nodiscard]] bool IsEndOfGeneration(TokenId id) const override { return id == 258; }
  [[nodiscard]] bool IsSpecial(TokenId id) const override { return id == 258; }
};

class ForcedTextTest : public ::testing::Test {
 protected:
  grammar::Matcher MatcherOf(std::string_view schema, grammar::JsonLayout layout = grammar::JsonLayout::kCompact) {
    const auto grammar = grammar::CompileJsonSchema(schema, {.limits = {}, .layout = layout});
    EXPECT_TRUE(grammar.ok()) << grammar.status().ToString();
    return grammar::Matcher(grammar::Constraint::Create(*grammar, grammar::TokenTrie::Create(tokenizer_)));
  }
  std::vector<DraftToken> DraftOf(const grammar::Matcher* matcher, int most) {
    std::vector<DraftJob> jobs = {DraftJob{1, {}, most, nullptr, {}, matcher}};
    EXPECT_TRUE(drafter_.Propose(jobs).ok());
    return jobs[0].draft;
  }

  WordTokenizer tokenizer_;
  ForcedText drafter_{&tokenizer_};
};

constexpr std::string_view kNamed =
    R"({"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false})";

TEST_F(ForcedTextTest, GuessesTheKeyThatMustCome) {
  const grammar::Matcher matcher = MatcherOf(kNamed);
  const std::vector<DraftToken> draft = DraftOf(&matcher, 8);
  ASSERT_EQ(draft.size(), 5U);  // {  "  name  ":  "
  const TokenId expected[] = {'{', '"', 256, 257, '"'};
  for (std::size_t i = 0; i < draft.size(); ++i) {
    EXPECT_EQ(draft[i].token, expected[i]);
    EXPECT_EQ(draft[i].confidence, i + 1 < draft.size() ? ForcedText::kInside : ForcedText::kLast);
  }
}

TEST_F(ForcedTextTest, GuessesTheUsualLayout) {
  const grammar::Matcher matcher = MatcherOf(kNamed, grammar::JsonLayout::kFlexible);
  const std::vector<DraftToken> draft = DraftOf(&matcher, 8);
  const DraftToken expected[] = {{'{', ForcedText::kInside}, {'"', ForcedText::kLayout}, {256, ForcedText::kInside},
                                 {257, ForcedText::kInside}, {' ', ForcedText::kLayout}, {'"', ForcedText::kLast}};
  ASSERT_EQ(draft.size(), std::size(expected));
  for (std::size_t i = 0; i < draft.size(); ++i) {
    EXPECT_EQ(draft[i].token, expected[i].token) << i;
    EXPECT_EQ(draft[i].confidence, expected[i].confidence) << i;
  }
}

TEST_F(ForcedTextTest, GuessesNoMoreThanAsked) {
  const grammar::Matcher matcher = MatcherOf(kNamed);
  const std::vector<DraftToken> draft = DraftOf(&matcher, 2);
  ASSERT_EQ(draft.size(), 2U);
  EXPECT_EQ(draft[1].confidence, ForcedText::kInside);  // the forced text goes on
  EXPECT_TRUE(DraftOf(&matcher, 0).empty());
}

TEST_F(ForcedTextTest, GuessesNothingWhereThereIsAChoice) {
  grammar::Matcher matcher = MatcherOf(kNamed);
  ASSERT_TRUE(matcher.Accept("{\"name\":\"A"));
  EXPECT_TRUE(DraftOf(&matcher, 8).empty());
  EXPECT_TRUE(DraftOf(nullptr, 8).empty());
}

}  // namespace
}  // namespace bowhead::engine
