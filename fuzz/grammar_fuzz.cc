// Any bytes as a schema, a regular expression or a grammar: compiling ends with a result or an error; what compiles can
// be walked by its own masks until it ends, never gets stuck, and masks say the same as asking for each token.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/matcher.h"
#include "model/tokenizer/testing.h"
#include "model/tokenizer/tokenizer.h"

namespace {

using bowhead::grammar::CompileOptions;
using bowhead::grammar::Constraint;
using bowhead::grammar::GrammarResult;
using bowhead::grammar::Matcher;
using bowhead::grammar::TokenMask;
using bowhead::grammar::TokenTrie;
using bowhead::model::TokenId;
using bowhead::model::Tokenizer;

void Require(bool condition) {
  if (!condition) std::abort();
}

const Tokenizer& Vocabulary() {
  static const std::unique_ptr<const Tokenizer> tokenizer = [] {
    auto made = Tokenizer::Create(bowhead::model::Metadata(bowhead::model::testing::TinyBpe()));
    Require(made.ok());
    return std::move(made).value();
  }();
  return *tokenizer;
}

GrammarResult Compile(std::uint8_t kind, std::string_view source) {
  CompileOptions options;
  options.limits.max_work = 100'000;
  options.limits.max_states = 20'000;
  options.limits.max_dfa_states = 500;
  options.layout = (kind & 4U) != 0 ? bowhead::grammar::JsonLayout::kCompact : bowhead::grammar::JsonLayout::kFlexible;
  switch (kind % 4) {
    case 0:
      return bowhead::grammar::CompileRegex(source, options);
    case 1:
      return bowhead::grammar::CompileEbnf(source, options);
    default:
      return bowhead::grammar::CompileJsonSchema(source, options);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<const TokenTrie> trie = TokenTrie::Create(Vocabulary());
  if (size < 2 || size > 4096) return 0;
  const std::string_view source(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto grammar = Compile(data[0], source);
  if (!grammar.ok()) return 0;
  Matcher matcher(Constraint::Create(*grammar, trie));
  TokenMask mask;
  std::uint32_t random = data[1];
  for (int step = 0; step < 40; ++step) {
    const auto status = matcher.FillMask(&mask);
    if (!matcher.status().ok()) return 0;  // too ambiguous: closed, not stuck
    Require(status.ok());                  // the vocabulary has every byte, so there is always a way on
    std::vector<TokenId> allowed;
    mask.ForEach([&allowed](TokenId token) { allowed.push_back(token); });
    random = random * 1664525U + 1013904223U;
    const TokenId token = allowed[(random >> 8U) % allowed.size()];
    const std::string forced = matcher.ForcedBytes(16);
    Require(matcher.Allows(token) && matcher.AcceptToken(token));
    if (trie->IsEnd(token)) return 0;
    const std::string_view bytes = trie->TokenBytes(token);
    Require(forced.substr(0, bytes.size()) == bytes.substr(0, forced.size()));
  }
  return 0;
}
