// Known weaknesses of what reads a model file's vocabulary and chat template, as cases. Each tells its story: what was
// found, what the program of the time did, what ours does.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "model/template/chat_template.h"
#include "model/tokenizer/testing.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::model {
namespace {

using base::StatusCode;

base::Status CreateError(Metadata::Map map) {
  return Tokenizer::Create(Metadata(std::move(map))).status();
}

// Either the template is refused, or rendering it fails, or it gives text without having reached anything.
void ExpectHarmless(const std::string& source) {
  const auto parsed = ChatTemplate::Parse(source, "hostile");
  if (!parsed.ok()) return;
  Dict context;
  const auto rendered = (*parsed)->Render(Value::FromDict(std::move(context)), {.max_steps = 100'000});
  if (!rendered.ok()) return;
  EXPECT_EQ(rendered->text.find("uid="), std::string::npos) << source;
  EXPECT_EQ(rendered->text.find("class"), std::string::npos) << source << " gave " << rendered->text;
}

// llama.cpp pull request 20735: scores and token types were read up to the number of tokens, however many there were.
// A short array was read past its end.
// We refuse arrays of another length.
TEST(ModelAdvisories, VocabularyArraysOfAnotherLength) {
  ASSERT_TRUE(CreateError(testing::TinySpm(true)).ok());
  for (const char* key : {"tokenizer.ggml.scores", "tokenizer.ggml.token_type"}) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100000}}) {
      Metadata::Map map = testing::TinySpm(true);
      if (std::string_view(key).ends_with("scores")) {
        map[key] = std::vector<double>(size);
      } else {
        map[key] = std::vector<std::int64_t>(size, 1);
      }
      EXPECT_EQ(CreateError(std::move(map)).code(), StatusCode::kInvalidArgument) << key << ' ' << size;
    }
  }
}

// llama.cpp pull request 26690: these arrays were read as 32-bit numbers, whatever type the file gave its elements.
// An array of bytes was read to four times its size.
// Numbers are converted one by one here; text instead of numbers is refused.
TEST(ModelAdvisories, VocabularyArraysOfAnotherType) {
  Metadata::Map narrow = testing::TinySpm(true);
  const auto types = std::get<std::vector<std::int64_t>>(narrow["tokenizer.ggml.token_type"]);
  narrow["tokenizer.ggml.token_type"] = std::vector<std::uint64_t>(types.begin(), types.end());
  EXPECT_TRUE(CreateError(std::move(narrow)).ok());
  for (const char* key : {"tokenizer.ggml.scores", "tokenizer.ggml.tokens"}) {
    Metadata::Map map = testing::TinySpm(true);
    map[key] = std::vector<bool>(types.size());
    EXPECT_EQ(CreateError(std::move(map)).code(), StatusCode::kInvalidArgument) << key;
  }
}

// llama.cpp issue 27226: the number in a byte token's spelling was an index; "<0x-1>" is -1 to std::stoi,
// and loading the vocabulary wrote before the table. "<0xZZ>" ended the program with an exception.
// We read exactly two hexadecimal digits and refuse the vocabulary otherwise.
TEST(ModelAdvisories, ByteTokensThatAreNone) {
  for (const char* spelling : {"<0x-1>", "<0x-f>", "<0xZZ>", "<0x+1>", "<0x 1>", "<0x>", "<0x100>", ""}) {
    Metadata::Map map = testing::TinySpm(true);
    testing::Respell(map, 258, spelling);
    EXPECT_EQ(CreateError(std::move(map)).code(), StatusCode::kInvalidArgument) << spelling;
  }
}

// CVE-2025-49847, llama.cpp: the length of a token's text was cast to 32 bits; texts of more than 2^31 bytes were
// copied over the heap. (The file's side of it is in gguf_advisories_test.cc.)
// A token of 100,000 bytes comes back whole.
TEST(ModelAdvisories, LongTokens) {
  Metadata::Map map = testing::TinySpm(false);
  const std::string text(100000, 'q');
  testing::Respell(map, 260, text);
  const auto tokenizer = Tokenizer::Create(Metadata(std::move(map)));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  EXPECT_EQ((*tokenizer)->TokenBytes(260), text);
}

// CVE-2025-52566 (GHSA-7rxv-5jhh-j6xx), llama.cpp: the number of tokens of a text was compared as a signed number, so
// that long texts passed the check against the buffer and overran it.
// Encode returns its own vector; ids out of range give no bytes.
TEST(ModelAdvisories, TokensOutOfRange) {
  const auto tokenizer = Tokenizer::Create(Metadata(testing::TinyBpe()));
  ASSERT_TRUE(tokenizer.ok());
  const std::string text(1 << 20, 'x');
  EXPECT_EQ((*tokenizer)->Encode(text, {}).size(), text.size());
  for (const TokenId id : {-1, INT32_MIN, INT32_MAX, static_cast<TokenId>((*tokenizer)->vocab_size())}) {
    EXPECT_EQ((*tokenizer)->TokenBytes(id), "") << id;
  }
}

// CVE-2024-34359 (llama-cpp-python) and CVE-2026-5760 (SGLang): the chat template of a model file was run by Jinja
// without a sandbox, and reached Python's objects from there to run any program.
// Our interpreter has no Python behind its values; names with underscores lead nowhere.
TEST(ModelAdvisories, TemplatesThatReachForThePython) {
  for (const char* source : {
           "{{ ''.__class__.__mro__[1].__subclasses__() }}",
           "{{ self.__init__.__globals__.__builtins__.__import__('os').popen('id').read() }}",
           "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
           "{{ lipsum.__globals__['os'].popen('id').read() }}",
           "{{ namespace.__init__.__globals__['__builtins__']['eval']('1') }}",
           "{% for x in ().__class__.__base__.__subclasses__() %}{{ x.__name__ }}{% endfor %}",
           "{{ ''|attr('__class__')|attr('__mro__') }}",
           "{{ ''['__class__'] }}",
           "{{ '{0.__class__.__init__.__globals__}'.format(raise_exception) }}",
           "{{ '%s' % raise_exception.__globals__ }}",
           "{{ raise_exception.__code__ }}",
           "{% include '/etc/passwd' %}",
           "{% import 'os' as os %}{{ os }}",
           "{% extends '/etc/passwd' %}",
       }) {
    ExpectHarmless(source);
  }
}

// Templates that take all time or memory: each was a way to stop servers that trust their model files.
// Loops in loops, strings that double, macros that call themselves, sequences of any length.
// Steps, depth and output are limited; the error says so, and the process lives.
TEST(ModelAdvisories, TemplatesWithoutAnEnd) {
  for (const char* source : {
           "{% for a in range(99999999) %}{% for b in range(99999999) %}x{% endfor %}{% endfor %}",
           "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
           "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
           "{{ 'x' * 99999999999 }}",
           "{{ range(99999999999) | list | length }}",
           "{{ 'x'|center(99999999999) }}",
           "{{ '%99999999999d' % 1 }}",
           "{{ '{:99999999999}'.format(1) }}",
           "{{ [0] * 99999999999 }}",
       }) {
    const auto parsed = ChatTemplate::Parse(source, "endless");
    if (!parsed.ok()) continue;
    EXPECT_FALSE((*parsed)->Render(Value::FromDict({}), {}).ok()) << source;
  }
}

}  // namespace
}  // namespace bowhead::model
