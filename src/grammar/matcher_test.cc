#include "grammar/matcher.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace bowhead::grammar {
namespace {

using model::TokenId;

/// Tokens given by their bytes. The last one ends a generation, the one before it is special.
class ListTokenizer final : public model::Tokenizer {
 public:
  explicit ListTokenizer(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {
    tokens_.insert(tokens_.end(), {"<special>", "<end>"});
  }
  [[nodiscard]] std::vector<TokenId> Encode(std::string_view /*text*/,
                                            const model::EncodeOptions& /*o*/) const override {
    return {};
  }
  [[nodiscard]] std::string_view TokenBytes(TokenId id) const override { return tokens_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] std::string Decode(std::span<const TokenId> /*ids*/, bool /*with_special*/) const override {
    return {};
  }
  [[nodiscard]] std::size_t vocab_size() const override { return tokens_.size(); }
  [[nodiscard]] std::optional<TokenId> bos() const override { return std::nullopt; }
  [[nodiscard]] std::optional<TokenId> eos() const override { return end(); }
  [[nodiscard]] bool add_bos() const override { return false; }
  [[nodiscard]] bool IsEndOfGeneration(TokenId id) const override { return id == end(); }
  [[nodiscard]] bool IsSpecial(TokenId id) const override { return id >= end() - 1; }
  [[nodiscard]] std::optional<TokenId> FindToken(std::string_view /*spelling*/) const override { return std::nullopt; }
  [[nodiscard]] std::string_view kind() const override { return "list"; }
  [[nodiscard]] TokenId end() const { return static_cast<TokenId>(tokens_.size()) - 1; }

 private:
  std::vector<std::string> tokens_;
};

/// All bytes, and texts as they stand in JSON.
const ListTokenizer& Vocabulary() {
  static const ListTokenizer tokenizer([] {
    std::vector<std::string> tokens;
    for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
    for (const char* text :
         {"{\"",      "\":",  "\": \"",      "\",\"",       "\"}",  "\"},", "[]",    "{}",  "true",
          "null",     "ab",   "abc",         "a\":1,\"b",   "name", "x\\",  "\\u00", "\\n", "\xC3\xA4",
          "\xE6\x97", "\xA5", "  ",          "\n  ",        "12",   "123",  "-1",    "0.",  "\"a\":{\"a\":",
          "a",        "\"",   "\",\"a\":\"", "hello world", " the", "}}",   "]]",    ", \""}) {
      tokens.emplace_back(text);
    }
    return tokens;
  }());
  return tokenizer;
}

std::shared_ptr<const TokenTrie> Trie() {
  static const std::shared_ptr<const TokenTrie> trie = TokenTrie::Create(Vocabulary());
  return trie;
}

std::shared_ptr<Constraint> Bind(const GrammarResult& grammar) {
  EXPECT_TRUE(grammar.ok()) << grammar.status().ToString();
  return Constraint::Create(*grammar, Trie());
}
std::shared_ptr<Constraint> Schema(std::string_view schema, JsonLayout layout = JsonLayout::kFlexible) {
  return Bind(CompileJsonSchema(schema, {.limits = {}, .layout = layout}));
}

bool Accepts(const std::shared_ptr<Constraint>& constraint, std::string_view text) {
  Matcher matcher(constraint);
  return matcher.Accept(text) && matcher.CanEnd();
}

const char* const kPerson = R"({"type": "object", "properties": {"name": {"type": "string", "maxLength": 4},
    "age": {"type": "integer", "minimum": 0, "maximum": 150}, "tags": {"type": "array", "items": {"enum": ["a", "b"]}}},
    "required": ["name"], "additionalProperties": false})";

TEST(Matcher, ObjectsInAnyOrderWithoutRepetition) {
  const auto person = Schema(kPerson);
  for (const char* text : {R"({"name":"x"})", R"({"name": "x", "age": 7})", "{\n  \"age\": 150,\n  \"name\": \"\"\n}",
                           R"({"tags":["a","b","a"],"name":"x"})", R"({"name":"\u00e9\n\ud83d\ude00z"})",
                           "{\"name\":\"\xE6\x97\xA5\xC3\xA4\xF0\x9F\x98\x80z\"}"}) {
    EXPECT_TRUE(Accepts(person, text)) << text;
  }
  for (const char* text :
       {"{}", R"({"age":1})", R"({"name":"x","name":"y"})", R"({"name":"x","age":151})", R"({"name":1})",
        R"({"name":"x","other":1})", R"({"name":"abcde"})", R"({"name":"x",})", R"( {"name":"x"})", R"({"name":"x"} )",
        R"({"name":"x","tags":["c"]})", R"({"name":"\ud83d"})",
        R"({"name":"x" })"
        "x",
        "{\"name\":\"\xFF\"}", R"({"n\u0061me":"x"})"}) {
    EXPECT_FALSE(Accepts(person, text)) << text;
  }
}

TEST(Matcher, OtherKeysComeOnce) {
  const auto open = Schema(R"({"properties": {"a": {"type": "null"}}, "type": "object", "maxProperties": 3})");
  EXPECT_TRUE(Accepts(open, R"({"x":1,"y":{"x":2},"a":null})"));
  EXPECT_FALSE(Accepts(open, R"({"x":1,"x":2})"));
  EXPECT_FALSE(Accepts(open, R"({"a":1})"));
  EXPECT_FALSE(Accepts(open, R"({"a":null,"a":null})"));
  EXPECT_FALSE(Accepts(open, R"({"x":1,"y":2,"z":3,"w":4})"));
  EXPECT_TRUE(Accepts(open, R"({"x":[{"x":1},{"x":2}],"xy":3})"));
  const auto few = Schema(R"({"type":"object","patternProperties":{"^[ab]$":{}},"additionalProperties":false,
                              "minProperties":2})");
  EXPECT_TRUE(Accepts(few, R"({"b":1,"a":2})"));
  Matcher matcher(few);
  ASSERT_TRUE(matcher.Accept(R"({"b":null)"));
  EXPECT_EQ(matcher.ForcedBytes(), ",");  // spaces are a choice
  ASSERT_TRUE(matcher.Accept(R"(,")"));
  EXPECT_EQ(matcher.ForcedBytes(), "a\":");
  ASSERT_TRUE(matcher.Accept(R"(a":2)"));
  EXPECT_FALSE(matcher.Accept(","));
}

TEST(Matcher, ForcedBytesEndWhereThereIsAChoice) {
  Matcher matcher(Schema(R"({"type":"object","properties":{"kind":{"const":"box"},"size":{"type":"integer"}},
      "required":["kind","size"],"additionalProperties":false})",
                         JsonLayout::kCompact));
  EXPECT_EQ(matcher.ForcedBytes(), "{\"");
  ASSERT_TRUE(matcher.Accept("{\"k"));
  EXPECT_EQ(matcher.ForcedBytes(), "ind\":\"box\",\"size\":");
  EXPECT_EQ(matcher.ForcedBytes(3), "ind");
  ASSERT_TRUE(matcher.Accept("ind\":\"box\",\"size\":0"));
  EXPECT_FALSE(matcher.CanEnd());
  EXPECT_EQ(matcher.ForcedBytes(), "}");
  ASSERT_TRUE(matcher.Accept("}"));
  EXPECT_TRUE(matcher.CanEnd() && matcher.MustEnd());
  EXPECT_EQ(matcher.ForcedBytes(), "");
}

TEST(Matcher, CopiesAreIndependentAndNothingIsTakenOnFailure) {
  Matcher matcher(Schema(kPerson));
  ASSERT_TRUE(matcher.Accept("{\"na"));
  Matcher saved = matcher;
  ASSERT_TRUE(matcher.Accept("me\":\"x\"}"));
  EXPECT_TRUE(matcher.CanEnd());
  EXPECT_FALSE(saved.Accept("me\":12"));
  EXPECT_EQ(saved.CountAcceptable("me\":12"), 4U);
  EXPECT_TRUE(saved.Accept("me\":\"y\""));
  matcher = saved;
  EXPECT_FALSE(matcher.CanEnd());
  EXPECT_TRUE(matcher.Accept("}"));
}

TEST(Matcher, RecursionEndsBelowTheDepthLimit) {
  const auto tree = Schema(R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{
      "left":{"$ref":"#/$defs/node"},"value":{"type":"integer"}},"required":["value"],"additionalProperties":false}}})",
                           JsonLayout::kCompact);
  EXPECT_TRUE(Accepts(tree, R"({"left":{"left":{"value":1},"value":2},"value":3})"));
  // As deep as possible: at some depth the key is no longer allowed, and everything can still be closed.
  Matcher matcher(tree);
  int depth = 0;
  while (matcher.Accept("{\"left\":")) ++depth;
  EXPECT_GT(depth, 30);
  EXPECT_LT(depth, 200);
  ASSERT_TRUE(matcher.Accept("{\"value\":1}"));
  for (int i = 0; i < depth; ++i) ASSERT_TRUE(matcher.Accept(",\"value\":1}")) << i;
  EXPECT_TRUE(matcher.CanEnd());
}

TEST(Matcher, AmbiguousGrammarsStaySmall) {
  // After n brackets there are 2^n ways to go on.
  const auto grammar =
      CompileEbnf("root ::= a | b\na ::= \"(\" root \")\" \"x\" | \"n\"\nb ::= \"(\" root \")\" \"y\"\n", {});
  const auto constraint = Bind(grammar);
  Matcher matcher(constraint);
  const std::string open(40, '(');
  ASSERT_TRUE(matcher.Accept(open + "n"));
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(matcher.Accept(i % 3 == 0 ? ")x" : ")y"));
  EXPECT_TRUE(matcher.CanEnd());
  EXPECT_LT(constraint->TableBytes(), std::size_t{1} << 20U);
}

/// The mask of a place is what asking for each token gives, along random ways through the grammar.
void CheckMasks(const std::shared_ptr<Constraint>& constraint, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Matcher matcher(constraint);
  TokenMask mask;
  for (int step = 0; step < 60; ++step) {
    ASSERT_TRUE(matcher.FillMask(&mask).ok());
    std::vector<TokenId> allowed;
    for (TokenId token = 0; token <= Vocabulary().end(); ++token) {
      // Two keys in one token: the one case where the mask says less.
      if (mask.Allows(token) != matcher.Allows(token)) {
        ASSERT_TRUE(Vocabulary().TokenBytes(token) == "a\":1,\"b" && !mask.Allows(token))
            << Vocabulary().TokenBytes(token);
      }
      if (mask.Allows(token)) allowed.push_back(token);
    }
    ASSERT_EQ(mask.Count(), allowed.size());
    TokenMask again;
    ASSERT_TRUE(matcher.FillMask(&again).ok());
    ASSERT_EQ(mask, again);
    const TokenId token = allowed[std::uniform_int_distribution<std::size_t>(0, allowed.size() - 1)(random)];
    ASSERT_TRUE(matcher.AcceptToken(token));
    if (token == Vocabulary().end()) return;
  }
}

TEST(Matcher, MasksAreExact) {
  const std::vector<std::shared_ptr<Constraint>> constraints = {
      Schema(kPerson),
      Schema("{}"),
      Schema(R"({"type":"string","minLength":2,"maxLength":3})"),
      Schema(R"({"type":"string","pattern":"^a.*b$"})"),
      Schema(R"({"anyOf":[{"type":"string","maxLength":2},{"const":"abc"}]})"),
      Schema(R"({"type":"array","items":{"type":"number","minimum":-3.5},"minItems":1,"maxItems":4})"),
      Schema(R"({"type":"object","additionalProperties":{"type":"integer"},"minProperties":2})"),
      Bind(CompileRegex("(\\w+ )*[^\\n]{0,5}", {})),
      Bind(CompileJsonObject({})),
      Bind(CompileEbnf("root ::= (\"ab\" | \"abc\" root?)+ \".\"", {}))};
  for (const auto& constraint : constraints) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) CheckMasks(constraint, seed);
  }
}

TEST(Matcher, EndTokensOnlyAtTheEnd) {
  Matcher matcher(Bind(CompileRegex("a+", {})));
  TokenMask mask;
  ASSERT_TRUE(matcher.FillMask(&mask).ok());
  EXPECT_FALSE(mask.Allows(Vocabulary().end()));
  EXPECT_FALSE(matcher.AcceptToken(Vocabulary().end()));
  ASSERT_TRUE(matcher.Accept("a"));
  ASSERT_TRUE(matcher.FillMask(&mask).ok());
  EXPECT_TRUE(mask.Allows(Vocabulary().end()));
  EXPECT_FALSE(mask.Allows(Vocabulary().end() - 1));  // the special token
  EXPECT_TRUE(matcher.AcceptToken(Vocabulary().end()));
}

TEST(Matcher, SaysWhenTheVocabularyCannotContinue) {
  const ListTokenizer letters({"a", "b"});
  const auto trie = TokenTrie::Create(letters);
  const auto grammar = CompileRegex("ac", {});
  ASSERT_TRUE(grammar.ok());
  Matcher matcher(Constraint::Create(*grammar, trie));
  ASSERT_TRUE(matcher.Accept("a"));
  TokenMask mask;
  EXPECT_EQ(matcher.FillMask(&mask).code(), base::StatusCode::kFailedPrecondition);
  EXPECT_EQ(mask.Count(), 0U);
}

TEST(Matcher, TooAmbiguousIsClosedNotStuck) {
  Matcher matcher(Bind(CompileEbnf("root ::= (\"a\"?){90000} \"b\"", {})));
  TokenMask mask;
  EXPECT_EQ(matcher.FillMask(&mask).code(), base::StatusCode::kResourceExhausted);
  EXPECT_EQ(mask.Count(), 0U);
  EXPECT_FALSE(matcher.CanEnd());
  EXPECT_FALSE(matcher.Accept("b"));
}

TEST(Matcher, LongTextsMoveToNewTables) {
  // Each key makes a new set of used keys, so the tables grow with the text.
  const auto constraint =
      Schema(R"({"type":"object","additionalProperties":{"type":"integer"}})", JsonLayout::kCompact);
  Matcher matcher(constraint);
  ASSERT_TRUE(matcher.Accept("{\"k0\":0"));
  for (int i = 1; i < 1500; ++i) ASSERT_TRUE(matcher.Accept(",\"k" + std::to_string(i) + "\":1")) << i;
  EXPECT_FALSE(matcher.Accept(",\"k77\":"));
  EXPECT_TRUE(matcher.Accept(",\"k1500\":2}"));
  EXPECT_TRUE(matcher.CanEnd());
}

}  // namespace
}  // namespace bowhead::grammar
