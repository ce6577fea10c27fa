// Finds KV blocks that already hold the beginning of a prompt.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/block_pool.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::engine {

/// A trie over full blocks. An entry is named by the entry before it and its 16 tokens, compared in full, so a block is
/// only ever found for exactly the tokens that made it. An entry lives as long as the pool keeps its block. What a
/// Transformer writes into a block depends on nothing but the tokens up to it: answers do not change by sharing.
/// Not thread-safe.
class PrefixCache {
 public:
  /// Names an entry; never used twice.
  using NodeId = std::uint64_t;
  static constexpr NodeId kRoot = 0;

  /// Takes over the pool's eviction hook. The pool must outlive this object.
  explicit PrefixCache(BlockPool* pool);
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  struct Match {
    std::vector<BlockId> blocks;  // not retained yet
    NodeId node = kRoot;          // of the last block
  };
  /// The longest run of known blocks that `tokens` starts with; at most `max_blocks`.
  [[nodiscard]] Match Find(std::span<const model::TokenId> tokens, int max_blocks) const;

  /// Adds a full, used block that follows `parent`. Returns its node; if the same content is known already, that
  /// block's node, and `block` stays as it is.
  NodeId Insert(NodeId parent, std::span<const model::TokenId, model::kBlockTokens> tokens, BlockId block);

  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Key {
    NodeId parent = kRoot;
    std::array<model::TokenId, model::kBlockTokens> tokens = {};
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::uint64_t seed;  // random, so that nobody can choose prompts that collide
    std::size_t operator()(const Key& key) const;
  };
  struct Entry {
    NodeId node = kRoot;
    BlockId block = 0;
  };

  BlockPool* pool_;
  NodeId next_node_ = 1;
  std::unordered_map<Key, Entry, KeyHash> entries_;
  std::vector<Key> key_of_block_;
};

}  // namespace bowhead::engine
