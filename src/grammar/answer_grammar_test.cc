// Whole answers: calls held to their tools, free text around them, reasoning before them, and marks that are tokens.
#include "grammar/answer_grammar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "grammar/matcher.h"

namespace bowhead::grammar {
namespace {

using model::TokenId;

constexpr std::string_view kHermes = R"(<tool_call> "arguments" </think>)";
constexpr std::string_view kLlama = R"(<|start_header_id|> "parameters")";
constexpr std::string_view kV31 = "<｜tool▁calls▁begin｜> </think>";

constexpr std::array<std::string_view, 8> kMarks = {
    "<tool_call>",  // text, too
    "</tool_call>",
    "<think>",
    "</think>",
    "<｜tool▁calls▁begin｜>",  // from here on special
    "<｜tool▁call▁begin｜>",
    "<end>",
    "<pad>",
};
constexpr TokenId kFirstMark = 256;
constexpr TokenId kFirstSpecial = 260;
constexpr TokenId kEnd = 262;

/// All bytes and, unless `bare`, some marks.
class MarkTokenizer final : public model::Tokenizer {
 public:
  explicit MarkTokenizer(bool bare) : bare_(bare) {
    for (int i = 0; i < 256; ++i) bytes_.push_back(static_cast<char>(i));
  }
  std::vector<TokenId> Encode(std::string_view text, const model::EncodeOptions& options) const override {
    std::vector<TokenId> ids;
    while (!text.empty()) {
      std::size_t used = 1;
      TokenId id = static_cast<unsigned char>(text[0]);
      for (std::size_t k = 0; k < kMarks.size() && options.parse_special && !bare_; ++k) {
        if (!text.starts_with(kMarks[k])) continue;
        id = kFirstMark + static_cast<TokenId>(k);
        used = kMarks[k].size();
      }
      ids.push_back(id);
      text.remove_prefix(used);
    }
    return ids;
  }
  std::string_view TokenBytes(TokenId id) const override {
    if (id < kFirstMark) return std::string_view(bytes_).substr(static_cast<std::size_t>(id), 1);
    return kMarks[static_cast<std::size_t>(id - kFirstMark)];
  }
  std::string Decode(std::span<const TokenId> /*ids*/, bool /*with_special*/) const override { return {}; }
  std::size_t vocab_size() const override { return kFirstMark + kMarks.size(); }
  std::optional<TokenId> bos() const override { return std::nullopt; }
  std::optional<TokenId> eos() const override { return kEnd; }
  bool add_bos() const override { return false; }
  bool IsEndOfGeneration(TokenId id) const override { return id == kEnd; }
  bool IsSpecial(TokenId id) const override { return id >= kFirstSpecial; }
  std::optional<TokenId> FindToken(std::string_view /*spelling*/) const override { return std::nullopt; }
  std::string_view kind() const override { return "marks"; }

 private:
  const bool bare_;
  std::string bytes_;
};

class AnswerGrammarTest : public ::testing::Test {
 protected:
  static AnswerForm Form(std::string_view dialect, std::vector<ToolForm> tools) {
    AnswerForm form;
    form.dialect = model::DetectDialect(dialect);
    form.tools = std::move(tools);
    return form;
  }
  Matcher Compile(const AnswerForm& form) {
    int failed = 0;
    const auto spell = [this](std::string_view mark) { return trie_->SpellMarks(mark); };
    const auto grammar = CompileAnswer(form, spell, {}, &failed);
    EXPECT_TRUE(grammar.ok()) << grammar.status().ToString();
    return Matcher(Constraint::Create(*grammar, trie_));
  }
  /// Takes the text; what spells a mark is taken as its token where `marks`.
  bool Take(Matcher& matcher, std::string_view text, bool marks = true) {
    const auto ids = tokenizer_.Encode(text, {.add_special = false, .parse_special = marks});
    return std::all_of(ids.begin(), ids.end(), [&](TokenId id) {
      const bool allowed = Allowed(matcher, id);
      EXPECT_EQ(allowed, matcher.Allows(id)) << tokenizer_.TokenBytes(id);
      return allowed && matcher.AcceptToken(id);
    });
  }
  bool Accepts(Matcher matcher, std::string_view text, bool marks = true) {
    return Take(matcher, text, marks) && matcher.CanEnd();
  }
  static bool Allowed(Matcher& matcher, TokenId id) {
    TokenMask mask;
    return matcher.FillMask(&mask).ok() && mask.Allows(id);
  }
  void Spell(bool bare) { trie_ = TokenTrie::Create(bare ? bare_tokenizer_ : tokenizer_); }

  const MarkTokenizer tokenizer_{false};
  const MarkTokenizer bare_tokenizer_{true};
  std::shared_ptr<const TokenTrie> trie_ = TokenTrie::Create(tokenizer_);
  const ToolForm weather_{"weather", R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],
      "additionalProperties":false})",
                          true};
  const ToolForm now_{"now", R"({"type":"object"})", true};
};

constexpr std::string_view kCall = R"(<tool_call>
{"name": "weather", "arguments": {"n": 3}}
</tool_call>)";

TEST_F(AnswerGrammarTest, ARequiredCallBeginsWithItsMark) {
  AnswerForm form = Form(kHermes, {weather_, now_});
  form.call_required = true;
  Matcher matcher = Compile(form);
  TokenMask mask;
  ASSERT_TRUE(matcher.FillMask(&mask).ok());
  EXPECT_EQ(mask.Count(), 1U);
  EXPECT_TRUE(mask.Allows(kFirstMark));
  EXPECT_TRUE(Accepts(matcher, kCall));
  EXPECT_TRUE(Accepts(matcher, std::string(kCall) + "\n" + std::string(kCall)));
  EXPECT_TRUE(Accepts(matcher, R"(<tool_call>{"name":"now","arguments":{"x":[1]}}</tool_call>)"));
  EXPECT_FALSE(Accepts(matcher, kCall, /*marks=*/false)) << "the mark is a token, not its letters";
  EXPECT_FALSE(Accepts(matcher, "Hello"));
  EXPECT_FALSE(Accepts(matcher, R"(<tool_call>{"name": "other", "arguments": {}}</tool_call>)"));
  EXPECT_FALSE(Accepts(matcher, R"(<tool_call>{"name": "weather", "arguments": {"n": "3"}}</tool_call>)"));
  EXPECT_FALSE(Accepts(matcher, R"(<tool_call>{"name": "weather", "arguments": {}}</tool_call>)"));
}

TEST_F(AnswerGrammarTest, TextIsFreeUntilTheMark) {
  const Matcher matcher = Compile(Form(kHermes, {weather_}));
  EXPECT_TRUE(Accepts(matcher, ""));
  EXPECT_TRUE(Accepts(matcher, "Hello, <tool> {\"name\": Ä 世界"));
  EXPECT_TRUE(Accepts(matcher, "Let me look.\n" + std::string(kCall)));
  EXPECT_FALSE(Accepts(matcher, "Let me look.\n" + std::string(kCall), false)) << "letters that the parser would read";
  EXPECT_FALSE(Accepts(matcher, R"(Hm <tool_call>{"name": "weather", "arguments": {"n": true}}</tool_call>)"));
  EXPECT_FALSE(Accepts(matcher, std::string(kCall) + "and more"));
}

TEST_F(AnswerGrammarTest, AMarkMayBeLettersAndAnArgumentMaySpellIt) {
  Spell(/*bare=*/true);
  EXPECT_TRUE(Accepts(Compile(Form(kHermes, {weather_})), "Hm.\n" + std::string(kCall), false));
  EXPECT_FALSE(Accepts(Compile(Form(kHermes, {weather_})), "Hm <tool_call> no", false));
  Spell(/*bare=*/false);
  EXPECT_TRUE(Accepts(Compile(Form(kHermes, {now_})),
                      R"(<tool_call>{"name": "now", "arguments": {"<tool_call>": "</tool_call>"}}</tool_call>)"));
}

TEST_F(AnswerGrammarTest, OneCallOnly) {
  AnswerForm form = Form(kHermes, {weather_});
  form.single_call = true;
  EXPECT_TRUE(Accepts(Compile(form), kCall));
  EXPECT_FALSE(Accepts(Compile(form), std::string(kCall) + "\n" + std::string(kCall)));
}

TEST_F(AnswerGrammarTest, ACallOrAConformingAnswer) {
  AnswerForm form = Form(kHermes, {weather_});
  form.content =
      ConstraintSpec{ConstraintSpec::Kind::kJsonSchema, R"({"type":"array","items":{"type":"integer"}})", {}};
  const Matcher matcher = Compile(form);
  EXPECT_TRUE(Accepts(matcher, "[1, 2]"));
  EXPECT_TRUE(Accepts(matcher, kCall));
  EXPECT_FALSE(Accepts(matcher, "Hm. " + std::string(kCall)));
  EXPECT_FALSE(Accepts(matcher, "[1, 2]" + std::string(kCall)));
}

TEST_F(AnswerGrammarTest, ReasoningIsFreeAndMustBeClosed) {
  AnswerForm form = Form(kHermes, {});
  form.content = ConstraintSpec{ConstraintSpec::Kind::kChoice, {}, {"yes", "no"}};
  form.reasoning = ReasoningForm::kMayOpen;
  EXPECT_TRUE(Accepts(Compile(form), "yes"));
  EXPECT_TRUE(Accepts(Compile(form), "<think>\nHm, <tool_call> or {}?\n</think>\n\nno"));
  EXPECT_FALSE(Accepts(Compile(form), "<think>Hm"));
  EXPECT_FALSE(Accepts(Compile(form), "<think>Hm</think>perhaps"));
  form.reasoning = ReasoningForm::kOpened;
  EXPECT_TRUE(Accepts(Compile(form), "Hm</think>no"));
  EXPECT_FALSE(Accepts(Compile(form), "no"));
  form.reasoning = ReasoningForm::kNone;
  EXPECT_FALSE(Accepts(Compile(form), "<think>Hm</think>no"));
}

TEST_F(AnswerGrammarTest, DeepSeekAndLlama) {
  AnswerForm form = Form(kV31, {weather_});
  const std::string call =
      "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{\"n\": 1}<｜tool▁call▁end｜>";
  EXPECT_TRUE(Accepts(Compile(form), "Hm." + call + "<｜tool▁calls▁end｜>"));
  EXPECT_FALSE(Accepts(Compile(form), "Hm." + call));
  form = Form(kLlama, {weather_});
  EXPECT_TRUE(Accepts(Compile(form), R"({"name": "weather", "parameters": {"n": 1}})"));
  EXPECT_TRUE(Accepts(Compile(form), "Hello {}"));
  EXPECT_FALSE(Accepts(Compile(form), " {}"));
  EXPECT_FALSE(Accepts(Compile(form), R"({"name": "weather", "parameters": {"n": "1"}})"));
}

TEST_F(AnswerGrammarTest, OnlyStrictToolsFail) {
  const char* const kUnique = R"({"type":"object","properties":{"a":{"type":"array","uniqueItems":true}}})";
  AnswerForm form = Form(kHermes, {now_, {"f", kUnique, false}});
  EXPECT_TRUE(Accepts(Compile(form), R"(<tool_call>{"name": "f", "arguments": {"b": 1}}</tool_call>)"));
  form.tools.back().strict = true;
  int failed = 0;
  const auto spell = [](std::string_view mark) { return std::string(mark); };
  const auto grammar = CompileAnswer(form, spell, {}, &failed);
  ASSERT_FALSE(grammar.ok());
  EXPECT_EQ(failed, 1);
  EXPECT_NE(grammar.status().message().find("'uniqueItems' at #/properties/a"), std::string::npos);
}

TEST_F(AnswerGrammarTest, ByteThatBeginsMarksIsNoText) {
  const Matcher matcher = Compile(Form(kHermes, {weather_}));
  EXPECT_FALSE(matcher.Allows(255));
}

}  // namespace
}  // namespace bowhead::grammar
