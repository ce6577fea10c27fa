// Small vocabularies for tests and fuzzing. Header-only, so that the library does not carry it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/format/metadata.h"
#include "model/tokenizer/unicode.h"

namespace bowhead::model::testing {

struct TestToken {
  std::string spelling;
  std::int64_t type = 1;
  double score = 0;
};

inline Metadata::Map BaseMetadata(const std::string& model, const std::vector<TestToken>& tokens) {
  std::vector<std::string> spellings;
  std::vector<std::int64_t> types;
  std::vector<double> scores;
  for (const TestToken& token : tokens) {
    spellings.push_back(token.spelling);
    types.push_back(token.type);
    scores.push_back(token.score);
  }
  Metadata::Map map;
  map["tokenizer.ggml.model"] = model;
  map["tokenizer.ggml.tokens"] = StringArray(spellings);
  map["tokenizer.ggml.token_type"] = types;
  map["tokenizer.ggml.scores"] = scores;
  return map;
}

/// Changes how one token is spelled.
inline void Respell(Metadata::Map& map, std::size_t id, const std::string& spelling) {
  std::vector<std::string> spellings = std::get<StringArray>(map["tokenizer.ggml.tokens"]).ToVector();
  spellings.at(id) = spelling;
  map["tokenizer.ggml.tokens"] = StringArray(spellings);
}

/// GPT-2's character for a byte.
inline std::string ByteSymbol(unsigned byte) {
  const auto printable = [](unsigned b) { return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b != 0xAD); };
  char32_t value = byte;
  if (!printable(byte)) {
    value = 0x100;
    for (unsigned b = 0; b < byte; ++b) value += printable(b) ? 0 : 1;
  }
  std::string out;
  AppendUtf8(value, out);
  return out;
}

/// A byte-pair vocabulary: ids 0 to 255 are the bytes, then come h+e, l+l, he+ll, hell+o, " "+hello, "1"+"2", "a"+"a",
/// "aa"+"aa", and after them (264 on) <|im_start|>, <|im_end|> (control), <think>, "\n\n" and <b> (user-defined).
inline Metadata::Map TinyBpe(const std::string& pre = "gpt-2") {
  std::vector<TestToken> tokens;
  for (unsigned byte = 0; byte < 256; ++byte) tokens.push_back({ByteSymbol(byte)});
  std::vector<std::string> merges;
  const std::vector<std::pair<std::string, std::string>> rules = {
      {"h", "e"}, {"l", "l"}, {"he", "ll"}, {"hell", "o"}, {ByteSymbol(' '), "hello"},
      {"1", "2"}, {"a", "a"}, {"aa", "aa"}};
  for (const auto& [left, right] : rules) {
    tokens.push_back({left + right});
    merges.push_back(left + " " + right);
  }
  tokens.push_back({"<|im_start|>", 3});
  tokens.push_back({"<|im_end|>", 3});
  tokens.push_back({"<think>", 4});
  tokens.push_back({"\n\n", 4});
  tokens.push_back({"<b>", 4});
  Metadata::Map map = BaseMetadata("gpt2", tokens);
  map["tokenizer.ggml.pre"] = pre;
  map["tokenizer.ggml.merges"] = StringArray(merges);
  map["tokenizer.ggml.bos_token_id"] = std::uint64_t{264};
  map["tokenizer.ggml.eos_token_id"] = std::uint64_t{265};
  return map;
}

/// A SentencePiece vocabulary: <unk>, <s>, </s>, the bytes <0x00> to <0xFF> (3 to 258), then the pieces from 259 on:
/// space, a, b, ab, " ab", "  ", "\xE4\xBD\xA0" (你), "aba" (unused), and the user-defined "\n\n" and <start_of_image>.
inline Metadata::Map TinySpm(bool add_space_prefix, bool with_bytes = true) {
  std::vector<TestToken> tokens = {{"<unk>", 2}, {"<s>", 3}, {"</s>", 3}};
  constexpr const char* kDigits = "0123456789ABCDEF";
  for (unsigned byte = 0; byte < 256; ++byte) {
    tokens.push_back({std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">", with_bytes ? 6 : 1});
  }
  const std::string space = "\xE2\x96\x81";
  tokens.push_back({space, 1, -10});
  tokens.push_back({"a", 1, -11});
  tokens.push_back({"b", 1, -12});
  tokens.push_back({"ab", 1, -1});
  tokens.push_back({space + "ab", 1, -2});
  tokens.push_back({space + space, 1, -3});
  tokens.push_back({"\xE4\xBD\xA0", 1, -13});
  tokens.push_back({"aba", 5, -4});
  tokens.push_back({"\n\n", 4, -1000});
  tokens.push_back({"<start_of_image>", 4, -1000});
  Metadata::Map map = BaseMetadata("llama", tokens);
  map["tokenizer.ggml.add_space_prefix"] = add_space_prefix;
  return map;
}

}  // namespace bowhead::model::testing
