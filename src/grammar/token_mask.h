// Which tokens may come next.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/tokenizer/tokenizer.h"

namespace bowhead::grammar {

/// One bit per token of a vocabulary. Not thread-safe.
class TokenMask {
 public:
  TokenMask() = default;
  explicit TokenMask(std::size_t vocab_size) { Clear(vocab_size); }

  /// Allows nothing. Keeps its memory.
  void Clear(std::size_t vocab_size) {
    size_ = vocab_size;
    words_.assign((vocab_size + 63) / 64, 0);
  }
  /// `token` must be in the vocabulary.
  void Allow(model::TokenId token) {
    words_[static_cast<std::size_t>(token) / 64] |= std::uint64_t{1} << (static_cast<std::size_t>(token) % 64);
  }
  [[nodiscard]] bool Allows(model::TokenId token) const {
    const auto i = static_cast<std::size_t>(token);
    return i < size_ && ((words_[i / 64] >> (i % 64)) & 1U) != 0;
  }
  /// Both masks must have the same size.
  void AllowAllOf(const TokenMask& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t Count() const {
    std::size_t count = 0;
    for (const std::uint64_t word : words_) count += static_cast<std::size_t>(std::popcount(word));
    return count;
  }
  /// Calls sink(token) for every allowed token, ascending.
  template <class Sink>
  void ForEach(Sink&& sink) const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
        sink(static_cast<model::TokenId>(i * 64 + static_cast<std::size_t>(std::countr_zero(word))));
      }
    }
  }
  /// Bit i % 64 of word i / 64 is token i; bits past the vocabulary are 0.
  [[nodiscard]] const std::vector<std::uint64_t>& words() const { return words_; }

  friend bool operator==(const TokenMask&, const TokenMask&) = default;

 private:
  std::size_t size_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace bowhead::grammar
