// What byte-pair and SentencePiece tokenizers share: special tokens, decoding, ids.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/tokenizer/tokenizer.h"
#include "model/tokenizer/vocabulary.h"

namespace bowhead::model {

/// A tokenizer around a Vocabulary. Encode splits special tokens out; a kind of tokenizer encodes the text between.
class VocabularyTokenizer : public Tokenizer {
 public:
  [[nodiscard]] std::vector<TokenId> Encode(std::string_view text, const EncodeOptions& options) const final;
  [[nodiscard]] std::string_view TokenBytes(TokenId id) const final;
  [[nodiscard]] std::string Decode(std::span<const TokenId> ids, bool with_special) const final;
  [[nodiscard]] std::size_t vocab_size() const final { return vocabulary_.size(); }
  [[nodiscard]] std::optional<TokenId> bos() const final { return vocabulary_.bos(); }
  [[nodiscard]] std::optional<TokenId> eos() const final { return vocabulary_.eos(); }
  [[nodiscard]] bool add_bos() const final { return vocabulary_.add_bos(); }
  [[nodiscard]] bool IsEndOfGeneration(TokenId id) const final;
  [[nodiscard]] bool IsSpecial(TokenId id) const final;
  [[nodiscard]] std::optional<TokenId> FindToken(std::string_view spelling) const final;
  [[nodiscard]] std::string_view kind() const final { return kind_; }

 protected:
  VocabularyTokenizer(Vocabulary vocabulary, std::string kind, bool add_space_prefix)
      : vocabulary_(std::move(vocabulary)), kind_(std::move(kind)), add_space_prefix_(add_space_prefix) {}

  /// Appends the tokens of a text without special tokens, which is not empty. `after_special`: it stands at the start
  /// of the whole text or right after a hidden token, where a space prefix belongs if the model has one.
  virtual void EncodeText(std::string_view text, bool after_special, std::vector<TokenId>& out) const = 0;

  [[nodiscard]] const Vocabulary& vocabulary() const { return vocabulary_; }
  [[nodiscard]] bool add_space_prefix() const { return add_space_prefix_; }

 private:
  Vocabulary vocabulary_;
  std::string kind_;
  bool add_space_prefix_;
};

}  // namespace bowhead::model
