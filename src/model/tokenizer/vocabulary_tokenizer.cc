#include "model/tokenizer/vocabulary_tokenizer.h"

#include <algorithm>

namespace bowhead::model {
namespace {

/// Walks over the special tokens of a text that touch no untrusted range.
class SpecialFinder {
 public:
  SpecialFinder(const TokenTrie& trie, std::string_view text, std::span<const ByteRange> untrusted)
      : trie_(trie), text_(text), untrusted_(untrusted) {}

  /// The next one at or after `from`; of length 0 if there is none.
  TokenTrie::Match Next(std::size_t from) {
    while (from < text_.size()) {
      while (range_ < untrusted_.size() && IsPast(untrusted_[range_], from)) ++range_;
      std::size_t trusted_end = text_.size();
      std::size_t resume = text_.size();
      if (range_ < untrusted_.size()) {
        trusted_end = std::clamp(untrusted_[range_].begin, from, text_.size());
        resume = std::min(untrusted_[range_].end, text_.size());
      }
      const TokenTrie::Match match = trie_.FindNext(text_, from, trusted_end);
      if (match.length > 0) return match;
      from = std::max(resume, from);
      ++range_;
    }
    return {};
  }

 private:
  /// Ranges behind `from` and empty ones do not matter.
  static bool IsPast(const ByteRange& range, std::size_t from) { return range.end <= from || range.end <= range.begin; }

  const TokenTrie& trie_;
  std::string_view text_;
  std::span<const ByteRange> untrusted_;
  std::size_t range_ = 0;
};

}  // namespace

std::vector<TokenId> VocabularyTokenizer::Encode(std::string_view text, const EncodeOptions& options) const {
  std::vector<TokenId> out;
  out.reserve(text.size() / 3 + 8);
  if (options.add_special && vocabulary_.add_bos()) out.push_back(*vocabulary_.bos());
  std::size_t from = 0;
  bool after_special = true;
  if (options.parse_special && !vocabulary_.special_tokens().empty()) {
    SpecialFinder finder(vocabulary_.special_tokens(), text, options.untrusted);
    for (TokenTrie::Match match = finder.Next(0); match.length > 0; match = finder.Next(from)) {
      if (match.begin > from) EncodeText(text.substr(from, match.begin - from), after_special, out);
      out.push_back(match.id);
      from = match.begin + match.length;
      after_special = vocabulary_.hidden(match.id);
    }
  }
  if (from < text.size()) EncodeText(text.substr(from), after_special, out);
  if (options.add_special && vocabulary_.add_eos()) out.push_back(*vocabulary_.eos());
  return out;
}

std::string_view VocabularyTokenizer::TokenBytes(TokenId id) const {
  return vocabulary_.Contains(id) ? vocabulary_.bytes(id) : std::string_view();
}

std::string VocabularyTokenizer::Decode(std::span<const TokenId> ids, bool with_special) const {
  std::string out;
  bool at_start = true;
  for (const TokenId id : ids) {
    if (!vocabulary_.Contains(id)) continue;
    std::string_view bytes = vocabulary_.bytes(id);
    if (vocabulary_.hidden(id)) {
      if (with_special) out += bytes;
      at_start = true;
      continue;
    }
    if (bytes.empty()) continue;
    if (at_start && add_space_prefix_ && bytes.front() == ' ') bytes.remove_prefix(1);
    at_start = false;
    out += bytes;
  }
  return out;
}

bool VocabularyTokenizer::IsEndOfGeneration(TokenId id) const {
  return vocabulary_.Contains(id) && vocabulary_.end_of_generation(id);
}

bool VocabularyTokenizer::IsSpecial(TokenId id) const {
  return vocabulary_.Contains(id) && vocabulary_.hidden(id);
}

std::optional<TokenId> VocabularyTokenizer::FindToken(std::string_view spelling) const {
  TokenId id = vocabulary_.FindAdded(spelling);
  if (id < 0) id = vocabulary_.FindText(spelling);
  return id < 0 ? std::nullopt : std::optional<TokenId>(id);
}

}  // namespace bowhead::model
