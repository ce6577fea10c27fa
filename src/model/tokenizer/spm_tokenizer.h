// SentencePiece tokenizers of the byte-pair kind (Llama 2, Gemma, Phi-3, ...): scored pieces, no merge rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/tokenizer/merge.h"
#include "model/tokenizer/vocabulary_tokenizer.h"

namespace bowhead::model {

/// Which characters stand next to each other inside some piece. Where two neighbours of a text do not, no merge can
/// join them, so the text may be cut there without any change of the result. May say yes where no piece has them.
class NeighbourSet {
 public:
  NeighbourSet() : words_((kAsciiPairs + kRareBits) / 64) {}
  void Add(char32_t left, char32_t right) {
    const std::size_t index = Index(left, right);
    words_[index / 64] |= std::uint64_t{1} << (index & 63U);
  }
  [[nodiscard]] bool MayContain(char32_t left, char32_t right) const {
    const std::size_t index = Index(left, right);
    return (words_[index / 64] >> (index & 63U) & 1U) != 0;
  }

 private:
  static constexpr std::size_t kAsciiPairs = std::size_t{128} * 128;  // a bit each, exact
  static constexpr std::size_t kRareBits = std::size_t{1} << 21U;     // all other pairs, hashed
  static std::size_t Index(char32_t left, char32_t right) {
    if ((left | right) < 128) return left * 128 + right;
    const std::uint64_t pair = std::uint64_t{left} << 21U | right;
    return kAsciiPairs + static_cast<std::size_t>((pair * 0x9E3779B97F4A7C15ULL) >> 43U);
  }

  std::vector<std::uint64_t> words_;
};

/// Joins neighbouring pieces into the best-scored piece of the vocabulary until none fits, as SentencePiece does.
/// Characters without a piece become byte tokens, or the unknown token where the vocabulary has no bytes. U+2581 counts
/// as a space, every invalid byte as U+FFFD.
class SpmTokenizer final : public VocabularyTokenizer {
 public:
  /// From tokenizer.ggml.model "llama", with tokenizer.ggml.scores.
  static base::Result<std::unique_ptr<const Tokenizer>> Create(const Metadata& metadata);

 private:
  struct Symbol {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    TokenId id = -1;  // -1: not a piece
  };
  using Scratch = MergeScratch<Symbol>;

  SpmTokenizer(Vocabulary vocabulary, std::string kind, bool add_space_prefix, std::vector<std::uint32_t> ranks);

  void EncodeText(std::string_view text, bool after_special, std::vector<TokenId>& out) const override;
  /// A text without user-defined tokens: cut where no piece can reach across.
  void EncodeSegment(std::string_view text, Scratch& scratch, std::vector<TokenId>& out) const;
  /// The characters of scratch.symbols, which cover `text`.
  void EncodeChunk(std::string_view text, TokenId forbidden, Scratch& scratch, std::vector<TokenId>& out) const;
  void AppendUnknown(std::string_view character, std::vector<TokenId>& out) const;
  void AppendUnused(std::string_view piece, TokenId id, std::vector<TokenId>& out) const;

  std::vector<std::uint32_t> ranks_;  // by id; 0 is the best score, equal scores share a rank
  NeighbourSet neighbours_;
  bool byte_fallback_ = false;
};

}  // namespace bowhead::model
