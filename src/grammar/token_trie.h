// The tokens of a vocabulary as a tree of their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "grammar/token_mask.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::grammar {

/// Built once per vocabulary. Special tokens and tokens without bytes are left out: no text allows them. Immutable;
/// thread-safe.
///
/// Marks are tokens that stand for something rather than for text: special ones, and those spelled <like this>. They
/// have a spelling of their own, kMarkByte and their bytes, which no UTF-8 text has: so a grammar says where such a
/// token itself must stand. Those that are not special are text besides.
///
/// Tokens that are whole characters, none of which a JSON string must escape, are "plain": inside of a string all of
/// them are allowed at once, up to a number of characters, without a look at each. They have a tree of their own.
class TokenTrie {
 public:
  /// In depth-first order.
  struct Node {
    std::uint32_t size = 1;  // of the subtree: the next sibling is that far away
    model::TokenId token = -1;
    std::uint8_t byte = 0;
    std::uint8_t depth = 0;  // 1 below the root
  };
  static constexpr char kMarkByte = '\xFF';
  static constexpr std::size_t kMaxTokenBytes = 255;    // longer tokens are never allowed
  static constexpr std::uint32_t kMaxPlainLength = 48;  // longer ones are not plain

  /// `tokenizer` must outlive the trie.
  static std::shared_ptr<const TokenTrie> Create(const model::Tokenizer& tokenizer);

  [[nodiscard]] const std::vector<Node>& plain() const { return plain_; }
  [[nodiscard]] const std::vector<Node>& others() const { return others_; }
  /// The plain tokens of at most `length` characters.
  [[nodiscard]] const TokenMask& PlainUpTo(std::uint32_t length) const;
  [[nodiscard]] const std::vector<model::TokenId>& end_tokens() const { return end_tokens_; }
  [[nodiscard]] std::size_t vocab_size() const { return vocab_size_; }
  /// The bytes that the token adds to a text; "" for those that are never allowed.
  [[nodiscard]] std::string_view TokenBytes(model::TokenId token) const;
  /// The spelling of a token that is a mark; "" for others.
  [[nodiscard]] std::string_view MarkBytes(model::TokenId token) const;
  /// How this vocabulary writes `text`, which a template spells: with the spellings of marks where those are.
  [[nodiscard]] std::string SpellMarks(std::string_view text) const;
  [[nodiscard]] bool IsEnd(model::TokenId token) const { return tokenizer_->IsEndOfGeneration(token); }
  /// Allows every token that has the same bytes as one that is allowed.
  void AllowTwins(TokenMask& mask) const;

 private:
  struct Entry {
    std::string_view bytes;
    model::TokenId token = -1;
  };
  TokenTrie() = default;
  void Build(std::vector<Entry> entries, std::vector<Node>& nodes);

  const model::Tokenizer* tokenizer_ = nullptr;
  std::size_t vocab_size_ = 0;
  std::vector<Node> plain_;
  std::vector<Node> others_;
  std::vector<TokenMask> plain_up_to_;
  std::vector<std::pair<model::TokenId, model::TokenId>> twins_;  // one that is in a tree, one that is not
  std::vector<model::TokenId> end_tokens_;
  std::unordered_map<model::TokenId, std::string> marks_;
};

}  // namespace bowhead::grammar
