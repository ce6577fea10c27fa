#include "model/tokenizer/token_trie.h"

namespace bowhead::model {

std::uint32_t TokenTrie::Child(std::uint32_t node, unsigned char byte) const {
  std::uint32_t child = nodes_[node].child;
  while (child != 0 && nodes_[child].byte != byte) child = nodes_[child].sibling;
  return child;
}

void TokenTrie::Add(std::string_view spelling, TokenId id) {
  std::uint32_t node = 0;
  for (std::size_t i = 0; i < spelling.size(); ++i) {
    const auto byte = static_cast<unsigned char>(spelling[i]);
    std::uint32_t next = i == 0 ? root_[byte] : Child(node, byte);
    if (next == 0) {
      next = static_cast<std::uint32_t>(nodes_.size());
      Node fresh{.byte = byte};
      if (i == 0) {
        root_[byte] = next;
      } else {
        fresh.sibling = nodes_[node].child;
        nodes_[node].child = next;
      }
      nodes_.push_back(fresh);
    }
    node = next;
  }
  if (node != 0 && nodes_[node].id < 0) nodes_[node].id = id;
}

TokenTrie::Match TokenTrie::FindNext(std::string_view text, std::size_t from, std::size_t to) const {
  for (std::size_t begin = from; begin < to; ++begin) {
    std::uint32_t node = root_[static_cast<unsigned char>(text[begin])];
    Match match{.begin = begin};
    for (std::size_t end = begin + 1; node != 0; ++end) {
      if (nodes_[node].id >= 0) match = {begin, end - begin, nodes_[node].id};
      if (end >= to) break;
      node = Child(node, static_cast<unsigned char>(text[end]));
    }
    if (match.length > 0) return match;
  }
  return {};
}

}  // namespace bowhead::model
