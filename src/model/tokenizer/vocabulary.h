// The token table of a model file, checked, with the lookups that every kind of tokenizer needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/format/metadata.h"
#include "model/tokenizer/string_index.h"
#include "model/tokenizer/token_trie.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::model {

/// tokenizer.ggml.token_type
enum class TokenType : std::uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

/// How a file writes the bytes of its normal tokens.
enum class Spelling {
  kByteSymbols,  // GPT-2's: every byte is one printable character
  kPieces,       // SentencePiece's: UTF-8 with U+2581 for a space, bytes as <0xXX>
};

/// What holds where the file says nothing.
struct VocabularyDefaults {
  Spelling spelling = Spelling::kByteSymbols;
  bool add_bos = false;
  std::int64_t bos = -1, eos = -1, unknown = -1;  // ignored where the vocabulary is too small for them
};

/// The tokens of a vocabulary: what they spell, their type, the special ids. Immutable; thread-safe; movable.
///
/// A user-defined token that marks structure (<think>, <|tool_call>, what the chat template writes in brackets) counts
/// among the special ones when text is parsed, so that user text cannot forge it; plain ones (runs of spaces, HTML
/// tags) are always recognised. Both are shown in text.
class Vocabulary {
 public:
  static base::Result<Vocabulary> Create(const Metadata& metadata, const VocabularyDefaults& defaults);

  [[nodiscard]] std::size_t size() const { return tokens_.size(); }
  [[nodiscard]] bool Contains(TokenId id) const { return id >= 0 && static_cast<std::size_t>(id) < tokens_.size(); }
  /// `id` must be in the vocabulary for all that follow.
  [[nodiscard]] std::string_view bytes(TokenId id) const { return {arena_.data() + At(id).begin, At(id).length}; }
  [[nodiscard]] TokenType type(TokenId id) const { return At(id).type; }
  /// Control, unknown and unused tokens: never shown in text.
  [[nodiscard]] bool hidden(TokenId id) const;
  [[nodiscard]] bool end_of_generation(TokenId id) const { return At(id).end_of_generation; }

  /// The normal (or unused) token with these bytes, or -1.
  [[nodiscard]] TokenId FindText(std::string_view bytes) const { return text_.Find(bytes, Spelled{*this}); }
  /// The control, unknown or user-defined token with this spelling, or -1.
  [[nodiscard]] TokenId FindAdded(std::string_view spelling) const { return added_.Find(spelling, Spelled{*this}); }
  /// The token that stands for one byte (<0xXX>), or -1.
  [[nodiscard]] TokenId byte_token(unsigned char byte) const { return byte_tokens_[byte]; }
  [[nodiscard]] bool has_all_byte_tokens() const;

  /// Special tokens and user-defined ones that mark structure; recognised only in trusted text.
  [[nodiscard]] const TokenTrie& special_tokens() const { return special_; }
  /// Plain user-defined tokens; recognised in all text.
  [[nodiscard]] const TokenTrie& plain_tokens() const { return plain_; }

  [[nodiscard]] std::optional<TokenId> bos() const { return bos_; }
  [[nodiscard]] std::optional<TokenId> eos() const { return eos_; }
  [[nodiscard]] std::optional<TokenId> unknown() const { return unknown_; }
  [[nodiscard]] bool add_bos() const { return add_bos_; }
  [[nodiscard]] bool add_eos() const { return add_eos_; }
  /// The token with this spelling as the file writes it (merge rules use it), or -1. `scratch` is memory to reuse.
  [[nodiscard]] TokenId FindSpelled(std::string_view spelling, std::string& scratch) const;
  /// Longest token in bytes.
  [[nodiscard]] std::size_t max_length() const { return max_length_; }

 private:
  struct Token {
    std::uint32_t begin = 0;
    std::uint32_t length = 0;
    TokenType type = TokenType::kNormal;
    bool end_of_generation = false;
  };
  /// What the indexes know the tokens by.
  struct Spelled {
    const Vocabulary& vocabulary;
    std::string_view operator()(TokenId id) const { return vocabulary.bytes(id); }
  };

  Vocabulary() = default;
  [[nodiscard]] const Token& At(TokenId id) const { return tokens_[static_cast<std::size_t>(id)]; }
  base::Status ReadTypes(const Metadata& metadata, const StringArray& spellings, Spelling spelling);
  base::Status IndexTokens(const Metadata& metadata, const StringArray& spellings, Spelling spelling);
  base::Status ReadSpecialIds(const Metadata& metadata, const VocabularyDefaults& defaults);
  void MarkControlTokens(const Metadata& metadata, const StringArray& spellings, Spelling spelling);
  void DropHarmonyEnd();

  std::vector<Token> tokens_;
  std::vector<char> arena_;  // the bytes of all tokens
  StringIndex text_;
  StringIndex added_;
  TokenTrie special_;
  TokenTrie plain_;
  std::vector<TokenId> byte_tokens_;
  Spelling spelling_ = Spelling::kByteSymbols;
  std::optional<TokenId> bos_, eos_, unknown_;
  bool add_bos_ = false;
  bool add_eos_ = false;
  std::size_t max_length_ = 0;
};

}  // namespace bowhead::model
