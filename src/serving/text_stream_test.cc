#include "serving/text_stream.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "model/tokenizer/testing.h"
#include "serving/stop_matcher.h"

namespace bowhead::serving {
namespace {

std::string Feed(StopMatcher& matcher, std::string_view text, std::size_t piece) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += piece) out += matcher.Add(text.substr(i, piece));
  return out + matcher.Finish();
}

TEST(StopMatcherTest, FindsTheSamePlaceHoweverTheTextIsCut) {
  const std::string text = "one two aab aaab three STOP never";
  for (const auto& [stops, want] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"STOP"}, "one two aab aaab three "},
           {{"aaab"}, "one two aab "},
           {{"aab"}, "one two "},
           {{"never!"}, text},
           {{"three", "two"}, "one "},
           {{"", "zzz"}, text},
           {{"e STOP ne", "STOP"}, "one two aab aaab three "},
       }) {
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
      StopMatcher matcher(stops);
      EXPECT_EQ(Feed(matcher, text, piece), want) << stops.front() << " in pieces of " << piece;
    }
  }
}

TEST(StopMatcherTest, TheOneThatEndsFirstWinsAndOfThoseTheLongest) {
  for (std::size_t piece = 1; piece <= 5; ++piece) {
    StopMatcher first({"bcde", "c"});
    EXPECT_EQ(Feed(first, "abcde", piece), "ab") << piece;
    StopMatcher longest({"c", "bc"});
    EXPECT_EQ(Feed(longest, "abcde", piece), "a") << piece;
  }
}

TEST(StopMatcherTest, HoldsBackOnlyWhatCouldBecomeAStop) {
  StopMatcher matcher({"</end>"});
  EXPECT_EQ(matcher.Add("text </"), "text ");
  EXPECT_EQ(matcher.Add("b> <"), "</b> ");
  EXPECT_EQ(matcher.Add("/end"), "");
  EXPECT_FALSE(matcher.stopped());
  EXPECT_EQ(matcher.Add("> more"), "");
  EXPECT_TRUE(matcher.stopped());
  EXPECT_EQ(matcher.Add("more"), "");
  EXPECT_EQ(matcher.Finish(), "");
}

class WordTokenizer final : public model::Tokenizer {
 public:
  explicit WordTokenizer(std::vector<std::string> words) : words_(std::move(words)) {}
  std::vector<model::TokenId> Encode(std::string_view, const model::EncodeOptions&) const override { return {}; }
  std::string_view TokenBytes(model::TokenId id) const override { return words_.at(static_cast<std::size_t>(id)); }
  std::string Decode(std::span<const model::TokenId> ids, bool) const override {
    std::string text;
    for (const model::TokenId id : ids) text += TokenBytes(id);
    return text;
  }
  std::size_t vocab_size() const override { return words_.size(); }
  std::optional<model::TokenId> bos() const override { return {}; }
  std::optional<model::TokenId> eos() const override { return {}; }
  bool add_bos() const override { return false; }
  bool IsEndOfGeneration(model::TokenId) const override { return false; }
  bool IsSpecial(model::TokenId) const override { return false; }
  std::optional<model::TokenId> FindToken(std::string_view) const override { return {}; }
  std::string_view kind() const override { return "words"; }

 private:
  std::vector<std::string> words_;
};

engine::GeneratedToken Token(model::TokenId id) {
  engine::GeneratedToken token;
  token.token = id;
  return token;
}

TEST(TextStreamTest, CountsTheTokensUpToTheStopAndDropsTheRest) {
  const WordTokenizer tokenizer({"Hello", " wor", "ld", "! ST", "OP", " more"});
  TextStream stream(tokenizer, {"STOP"}, /*keep_tokens=*/true);
  std::string text;
  std::vector<std::size_t> offsets;
  for (int i = 0; i < 6; ++i) {
    TextPiece piece = stream.Add(Token(i));
    text += piece.text;
    for (const PlacedToken& placed : piece.tokens) offsets.push_back(placed.char_offset);
  }
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(text, "Hello world! ");
  EXPECT_EQ(stream.num_tokens(), 5);
  EXPECT_EQ(offsets, (std::vector<std::size_t>{0, 5, 9, 11}));  // "! ST" was sent in part, "OP" not at all
  EXPECT_TRUE(stream.Finish().empty());
}

// Llama's SentencePiece writes the space before a word into its token: a message loses the first one, a continuation
// keeps it.
TEST(TextStreamTest, AContinuationKeepsItsFirstSpace) {
  const auto tokenizer = model::Tokenizer::Create(model::Metadata(model::testing::TinySpm(/*add_space_prefix=*/true)));
  ASSERT_TRUE(tokenizer.ok());
  const std::vector<model::TokenId> ids = (*tokenizer)->Encode("hello", {});
  for (const bool continuation : {false, true}) {
    TextStream stream(**tokenizer, {}, /*keep_tokens=*/false, continuation);
    std::string text;
    for (const model::TokenId id : ids) text += stream.Add(Token(id)).text;
    text += stream.Finish().text;
    EXPECT_EQ(text, continuation ? " hello" : "hello");
  }
}

TEST(TextStreamTest, KeepsATokenUntilItsTextIsOut) {
  const WordTokenizer tokenizer({"a<", "b", "<"});
  TextStream stream(tokenizer, {"<!"}, true);
  TextPiece piece = stream.Add(Token(0));
  EXPECT_EQ(piece.text, "a");
  EXPECT_TRUE(piece.tokens.empty());
  piece = stream.Add(Token(1));
  EXPECT_EQ(piece.text, "<b");
  EXPECT_EQ(piece.tokens.size(), 2U);
  EXPECT_TRUE(stream.Add(Token(2)).empty());
  piece = stream.Finish();
  EXPECT_EQ(piece.text, "<");
  EXPECT_EQ(piece.tokens.size(), 1U);
}

TEST(TextStreamTest, OffsetsCountCharactersAndHalfCharactersWait) {
  const WordTokenizer tokenizer({"\xC3\xA9", "\xE6", "\x97\xA5", "x"});
  TextStream stream(tokenizer, {}, true);
  EXPECT_EQ(stream.Add(Token(0)).text, "\xC3\xA9");
  EXPECT_EQ(stream.Add(Token(1)).text, "");
  EXPECT_EQ(stream.Add(Token(2)).text, "\xE6\x97\xA5");
  const TextPiece piece = stream.Add(Token(3));
  EXPECT_EQ(piece.text, "x");
  ASSERT_EQ(piece.tokens.size(), 1U);
  EXPECT_EQ(piece.tokens.front().char_offset, 2U);
}

}  // namespace
}  // namespace bowhead::serving
