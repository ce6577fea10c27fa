#include "model/tokenizer/fill_in.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace bowhead::model {

namespace {

struct Spellings {
  std::string_view prefix;
  std::string_view suffix;
  std::string_view middle;
};
constexpr std::array kFamilies = {
    Spellings{"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},  // Qwen2.5-Coder, CodeGemma
    Spellings{"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},        // StarCoder
    Spellings{"<fim-prefix>", "<fim-suffix>", "<fim-middle>"},        // SantaCoder
    // DeepSeek: the hole is where the suffix begins, the end where the middle does; bars are full-width.
    Spellings{"<\xEF\xBD\x9C"
              "fim\xE2\x96\x81"
              "begin\xEF\xBD\x9C>",
              "<\xEF\xBD\x9C"
              "fim\xE2\x96\x81"
              "hole\xEF\xBD\x9C>",
              "<\xEF\xBD\x9C"
              "fim\xE2\x96\x81"
              "end\xEF\xBD\x9C>"},
    Spellings{"\xE2\x96\x81<PRE>", "\xE2\x96\x81<SUF>", "\xE2\x96\x81<MID>"},  // CodeLlama
    Spellings{" <PRE>", " <SUF>", " <MID>"},                                   // the same, as text
    Spellings{"<PRE>", "<SUF>", "<MID>"},
};

/// The tokens of a text that goes on from one before it: without the space that some tokenizers put first.
std::vector<TokenId> EncodeWithoutSpace(const Tokenizer& tokenizer, std::string_view text) {
  if (text.empty()) return {};
  // A mark that merges with nothing takes that space; what follows it is the text as it stands.
  constexpr std::string_view kMark = "\x01";
  const std::vector<TokenId> mark = tokenizer.Encode(kMark, {});
  const std::vector<TokenId> both = tokenizer.Encode(std::string(kMark).append(text), {});
  if (both.size() > mark.size() && std::equal(mark.begin(), mark.end(), both.begin())) {
    return {both.begin() + static_cast<std::ptrdiff_t>(mark.size()), both.end()};
  }
  return tokenizer.Encode(text, {});
}

}  // namespace

std::optional<FillInTokens> FindFillInTokens(const Tokenizer& tokenizer) {
  for (const Spellings& names : kFamilies) {
    const auto prefix = tokenizer.FindToken(names.prefix);
    const auto suffix = tokenizer.FindToken(names.suffix);
    const auto middle = tokenizer.FindToken(names.middle);
    if (prefix && suffix && middle) return FillInTokens{*prefix, *suffix, *middle};
  }
  return std::nullopt;
}

base::Result<std::vector<TokenId>> FillInPrompt(const Tokenizer& tokenizer, std::string_view prefix,
                                                std::string_view suffix) {
  const std::optional<FillInTokens> marks = FindFillInTokens(tokenizer);
  if (!marks) {
    return base::Unimplemented(
        "this model has no tokens for filling in the middle; code models like Qwen2.5-Coder, "
        "StarCoder, DeepSeek-Coder and CodeLlama have them");
  }
  std::vector<TokenId> tokens;
  if (tokenizer.add_bos() && tokenizer.bos()) tokens.push_back(*tokenizer.bos());
  tokens.push_back(marks->prefix);
  for (const TokenId token : tokenizer.Encode(prefix, {})) tokens.push_back(token);
  tokens.push_back(marks->suffix);
  for (const TokenId token : EncodeWithoutSpace(tokenizer, suffix)) tokens.push_back(token);
  tokens.push_back(marks->middle);
  return tokens;
}

}  // namespace bowhead::model
