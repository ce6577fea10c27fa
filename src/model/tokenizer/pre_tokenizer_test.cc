#include "model/tokenizer/pre_tokenizer.h"

#include <gtest/gtest.h>

namespace bowhead::model {
namespace {

/// The words of `text`, joined by '~'.
std::string Words(std::string_view name, std::string_view text) {
  const PreTokenizer* pre_tokenizer = FindPreTokenizer(name);
  if (pre_tokenizer == nullptr) return "unknown";
  std::string out;
  ForEachWord(text, pre_tokenizer->stages, [&out](std::string_view word) {
    if (!out.empty()) out += '~';
    out += word;
  });
  return out;
}

struct Case {
  std::string_view name;
  std::string_view text;
  std::string_view words;
};

class PreTokenizers : public ::testing::TestWithParam<Case> {};

TEST_P(PreTokenizers, CutWords) {
  EXPECT_EQ(Words(GetParam().name, GetParam().text), GetParam().words);
}

// Expected values are those of the `tokenizers` library; tests/e2e compares with it at length.
INSTANTIATE_TEST_SUITE_P(
    Cases, PreTokenizers,
    ::testing::Values(Case{"gpt-2", "Hello world's  end 123!", "Hello~ world~'s~ ~ end~ 123~!"},
                      Case{"gpt-2", "a   ", "a~   "}, Case{"gpt-2", "a \n b", "a~ \n~ b"},
                      Case{"gpt-2", "'S 's \xFF\xFE", "'~S~ '~s~ \xFF\xFE"},
                      Case{"smollm", "ab 123  4", "ab~ ~1~2~3~  ~4"}, Case{"smollm", "x\u0663y", "x~\u0663~y"},
                      Case{"llama-bpe", "I'M 12345\r\n\n  x!!\n", "I~'M~ ~123~45~\r\n\n~ ~ x~!!\n"},
                      Case{"llama-bpe", "a'\u017Fb", "a~'\u017F~b"}, Case{"qwen2", "12 .a", "1~2~ .~a"},
                      Case{"qwen2", "e\u0301x", "e~\u0301x"}, Case{"qwen35", "e\u0301x", "e\u0301x"},
                      Case{"default", "a+b 1234", "a~+~b~ ~123~4"},
                      Case{"deepseek-llm", "A b\n 12\u4E00x  ", "A~ b~\n~ ~12~\u4E00~x~  "},
                      Case{"deepseek-v3", "12345.foo\u4E00", "123~45~.foo~\u4E00"},
                      Case{"deepseek-coder", "a  b..1", "a~ ~ b~..~1"}, Case{"falcon", "a$1234", "a~$~123~4"},
                      Case{"bloom", "a b, (c", "a~ b~, (~c"},
                      Case{"gpt-4o", "HelloWORLD'll a/b//\n", "Hello~WORLD'll~ a~/b~//\n"},
                      Case{"tekken", "abcDEf 12", "abc~DEf~ ~1~2"}));

TEST(PreTokenizer, CoversEveryByte) {
  std::string text;
  for (int i = 0; i < 4096; ++i) text.push_back(static_cast<char>((i * 7919 + i / 256) & 255));
  for (const std::string_view name :
       {"gpt-2", "smollm", "llama-bpe", "qwen2", "qwen35", "default", "deepseek-llm", "deepseek-coder", "deepseek-v3",
        "falcon", "bloom", "viking", "gpt-4o", "tekken"}) {
    std::string joined;
    ForEachWord(text, FindPreTokenizer(name)->stages, [&joined](std::string_view word) {
      EXPECT_FALSE(word.empty());
      joined += word;
    });
    EXPECT_EQ(joined, text) << name;
  }
}

TEST(PreTokenizer, NamesAreSortedAndFound) {
  EXPECT_EQ(FindPreTokenizer("no-such"), nullptr);
  const std::string names = PreTokenizerNames();
  for (const std::string_view name : {"default", "gpt-2", "smollm", "llama-bpe", "qwen2", "deepseek-r1-qwen"}) {
    EXPECT_NE(names.find(name), std::string::npos);
    EXPECT_NE(FindPreTokenizer(name), nullptr);
  }
}

}  // namespace
}  // namespace bowhead::model
