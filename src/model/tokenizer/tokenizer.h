// Text to tokens and back, as the model's own file defines it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "model/format/metadata.h"

namespace bowhead::model {

using TokenId = std::int32_t;

/// A half-open range of bytes of a text.
struct ByteRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct EncodeOptions {
  bool add_special = false;    // begin/end tokens as the file's add_bos/add_eos ask for
  bool parse_special = false;  // text that spells a special token becomes that token
  /// With parse_special: ranges (ascending, disjoint) that came from users. A special token is recognised only where it
  /// touches none of them; all other tokenizing takes the text as one piece, across the ranges' borders.
  std::span<const ByteRange> untrusted = {};
};

/// A tokenizer. Immutable and thread-safe.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Builds the tokenizer that the metadata describes (tokenizer.ggml.*). Errors: kUnimplemented for a model or
  /// pre-tokenizer that is not known (named, with the list of those that are), kInvalidArgument for inconsistent
  /// tables.
  static base::Result<std::unique_ptr<const Tokenizer>> Create(const Metadata& metadata);

  /// Any bytes, invalid UTF-8 too. Linear time (up to a logarithm) in the length of the text.
  [[nodiscard]] virtual std::vector<TokenId> Encode(std::string_view text, const EncodeOptions& options) const = 0;

  /// The bytes that a token adds to a text; for special tokens their spelling. "" for an id out of range.
  [[nodiscard]] virtual std::string_view TokenBytes(TokenId id) const = 0;
  /// The bytes of all tokens; special (control) tokens are left out unless asked for. Where the file's add_space_prefix
  /// makes Encode write a space (at the start and after special tokens), that one space is removed again.
  [[nodiscard]] virtual std::string Decode(std::span<const TokenId> ids, bool with_special = false) const = 0;

  [[nodiscard]] virtual std::size_t vocab_size() const = 0;
  [[nodiscard]] virtual std::optional<TokenId> bos() const = 0;
  [[nodiscard]] virtual std::optional<TokenId> eos() const = 0;
  [[nodiscard]] virtual bool add_bos() const = 0;
  /// True for eos, eot and the well-known end-of-turn tokens (<|im_end|>, <|eot_id|>, <end_of_turn>, ...).
  [[nodiscard]] virtual bool IsEndOfGeneration(TokenId id) const = 0;
  /// Control tokens: never shown in text.
  [[nodiscard]] virtual bool IsSpecial(TokenId id) const = 0;
  /// The token that is spelled exactly so (also special ones), if there is one.
  [[nodiscard]] virtual std::optional<TokenId> FindToken(std::string_view spelling) const = 0;
  /// "bpe/qwen2", "spm/gemma": for logs and `inspect`.
  [[nodiscard]] virtual std::string_view kind() const = 0;
};

/// Turns a stream of tokens into text pieces, never emitting half a UTF-8 character: bytes of an unfinished character
/// wait for the next token; bytes that can no longer become valid come out as U+FFFD. Not thread-safe.
class Detokenizer {
 public:
  /// `tokenizer` must outlive this object. `continuation`: the tokens go on from a text that is already there, so a
  /// SentencePiece token's leading space is part of the text and stays. `shown`: special tokens that are spelled even
  /// without `with_special`.
  explicit Detokenizer(const Tokenizer& tokenizer, bool with_special = false, bool continuation = false,
                       std::vector<TokenId> shown = {})
      : tokenizer_(&tokenizer), shown_(std::move(shown)), with_special_(with_special), first_(!continuation) {}

  /// The text that is complete after this token; may be empty.
  std::string Add(TokenId id);
  /// What is left at the end of the stream (unfinished bytes as U+FFFD).
  std::string Finish();

 private:
  const Tokenizer* tokenizer_;
  std::vector<TokenId> shown_;
  bool with_special_;
  bool first_;  // no text yet, or none since the last special token
  std::string pending_;
};

}  // namespace bowhead::model
