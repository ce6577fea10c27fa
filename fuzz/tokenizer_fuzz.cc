// Tokenizers: any bytes, any untrusted ranges. Byte-pair vocabularies give every byte back; the streamed text is valid
// UTF-8 and the same as the whole; special tokens never come out of untrusted text. Half of the inputs also build a
// tokenizer from a damaged vocabulary.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/tokenizer/testing.h"
#include "model/tokenizer/tokenizer.h"
#include "model/tokenizer/unicode.h"

namespace {

using bowhead::model::ByteRange;
using bowhead::model::Detokenizer;
using bowhead::model::Metadata;
using bowhead::model::TokenId;
using bowhead::model::Tokenizer;

void Require(bool condition) {
  if (!condition) std::abort();
}

constexpr std::array<const char*, 8> kPreTokenizers = {"gpt-2",   "smollm",       "llama-bpe",      "qwen2",
                                                       "default", "deepseek-llm", "deepseek-coder", "gpt-4o"};

std::vector<std::unique_ptr<const Tokenizer>> MakeTokenizers() {
  std::vector<std::unique_ptr<const Tokenizer>> all;
  const auto add = [&all](Metadata::Map map) {
    auto tokenizer = Tokenizer::Create(Metadata(std::move(map)));
    Require(tokenizer.ok());
    all.push_back(std::move(tokenizer).value());
  };
  for (const char* pre : kPreTokenizers) add(bowhead::model::testing::TinyBpe(pre));
  add(bowhead::model::testing::TinySpm(false));
  add(bowhead::model::testing::TinySpm(true));
  return all;
}

void CheckStream(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  Detokenizer stream(tokenizer);
  std::string streamed;
  for (const TokenId id : ids) streamed += stream.Add(id);
  streamed += stream.Finish();
  std::string whole;
  bowhead::model::AppendWellFormed(tokenizer.Decode(ids), whole);
  std::string again;
  bowhead::model::AppendWellFormed(streamed, again);
  Require(streamed == whole && streamed == again);
}

void CheckText(const Tokenizer& tokenizer, bool byte_pair, std::string_view text, const ByteRange& range) {
  const std::vector<TokenId> plain = tokenizer.Encode(text, {});
  Require(std::none_of(plain.begin(), plain.end(), [&](TokenId id) { return tokenizer.IsSpecial(id); }));
  const ByteRange everything{0, text.size()};
  Require(tokenizer.Encode(text, {.parse_special = true, .untrusted = {&everything, 1}}) == plain);
  const std::vector<TokenId> mixed = tokenizer.Encode(text, {.parse_special = true, .untrusted = {&range, 1}});
  if (byte_pair) Require(tokenizer.Decode(plain) == text && tokenizer.Decode(mixed, true) == text);
  CheckStream(tokenizer, plain);
  CheckStream(tokenizer, mixed);
}

/// A vocabulary with one entry changed as the input says, then used.
void CheckDamaged(std::string_view text, const std::uint8_t* seed) {
  const bool byte_pair = (seed[0] & 1) != 0;
  Metadata::Map map = byte_pair ? bowhead::model::testing::TinyBpe("default") : bowhead::model::testing::TinySpm(true);
  auto& types = std::get<std::vector<std::int64_t>>(map["tokenizer.ggml.token_type"]);
  const std::size_t at = (seed[1] * 256U + seed[2]) % types.size();
  bowhead::model::testing::Respell(map, at, std::string(text.substr(0, seed[3] % 16)));
  types[(at + seed[3] / 16U) % types.size()] = seed[0] / 2 % 9;
  const auto tokenizer = Tokenizer::Create(Metadata(std::move(map)));
  if (tokenizer.ok())
    CheckStream(**tokenizer, (*tokenizer)->Encode(text, {.add_special = true, .parse_special = true}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::unique_ptr<const Tokenizer>> tokenizers = MakeTokenizers();
  if (size < 6) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 6, size - 6);
  const std::size_t which = data[0] % (tokenizers.size() * 2);
  if (which >= tokenizers.size()) {
    CheckDamaged(text, data + 1);
    return 0;
  }
  const ByteRange range{data[1] * 256U + data[2], data[3] * 256U + data[4]};
  CheckText(*tokenizers[which], which < kPreTokenizers.size(), text, range);
  return 0;
}
