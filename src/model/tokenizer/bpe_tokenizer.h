// Byte-pair tokenizers: GPT-2's kind over bytes, and Gemma 4's over characters.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include "model/tokenizer/bpe_merges.h"
#include "model/tokenizer/pre_tokenizer.h"
#include "model/tokenizer/vocabulary_tokenizer.h"

namespace bowhead::model {

/// Cuts a text into words (PreTokenizer) and merges inside of each. A byte that has no token is left out before
/// merging, as the `tokenizers` library does for models without an unknown token (SmolLM2 lacks 21 bytes).
class BpeTokenizer final : public VocabularyTokenizer {
 public:
  /// From tokenizer.ggml.model "gpt2" (and "gemma4"), with tokenizer.ggml.pre and .merges.
  static base::Result<std::unique_ptr<const Tokenizer>> Create(const Metadata& metadata);

 private:
  enum class Memo : std::uint8_t { kUnasked, kYes, kNo };
  using Scratch = MergeScratch<TokenId>;

  BpeTokenizer(Vocabulary vocabulary, BpeMerges merges, const PreTokenizer& pre_tokenizer, Spelling spelling);

  void EncodeText(std::string_view text, bool after_special, std::vector<TokenId>& out) const override;
  void EncodeWord(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const;
  /// True if merging the bytes of this token gives the token itself: then no merging is needed for such a word.
  bool IsWholeWord(TokenId id, std::string_view word, Scratch& scratch) const;
  void AppendSymbols(std::string_view word, std::vector<TokenId>& symbols) const;
  void AppendCharacters(std::string_view word, std::vector<TokenId>& symbols) const;

  BpeMerges merges_;
  const PreTokenizer* pre_tokenizer_;
  Spelling spelling_;
  std::array<TokenId, 256> byte_symbols_;  // -1 where the vocabulary has none
  /// Answers of IsWholeWord, remembered. Atomic, so that encoding stays thread-safe.
  std::unique_ptr<std::atomic<Memo>[]> whole_words_;
};

}  // namespace bowhead::model
