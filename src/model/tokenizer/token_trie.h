// Finds the tokens that are split out of a text before anything else: special and user-defined ones.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/tokenizer/tokenizer.h"

namespace bowhead::model {

/// A set of spellings, searched leftmost-longest. Built once, then read-only and thread-safe.
class TokenTrie {
 public:
  struct Match {
    std::size_t begin = 0;
    std::size_t length = 0;  // 0: nothing found
    TokenId id = -1;
  };

  TokenTrie() : nodes_(1) { root_.fill(0); }

  /// `spelling` must not be empty. A second id for the same spelling is ignored.
  void Add(std::string_view spelling, TokenId id);
  [[nodiscard]] bool empty() const { return nodes_.size() == 1; }

  /// The first match inside [from, to) of `text`, the longest one at that place. Takes time proportional to the bytes
  /// looked at, times at most the length of the longest spelling.
  [[nodiscard]] Match FindNext(std::string_view text, std::size_t from, std::size_t to) const;

 private:
  struct Node {
    TokenId id = -1;
    std::uint32_t child = 0;    // first child, 0: none
    std::uint32_t sibling = 0;  // next child of the same parent
    unsigned char byte = 0;
  };
  [[nodiscard]] std::uint32_t Child(std::uint32_t node, unsigned char byte) const;

  std::array<std::uint32_t, 256> root_;  // children of the root, by byte
  std::vector<Node> nodes_;
};

}  // namespace bowhead::model
