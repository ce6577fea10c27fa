// Finds KV blocks that already hold the beginning of a prompt, and decides which of them are worth their memory.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/content_hash.h"
#include "engine/block_pool.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::engine {

/// A trie over full blocks. An entry is named by the entry before it and its 16 tokens, compared in full, so a block is
/// only ever found for exactly the tokens that made it. An entry lives as long as the pool keeps its block. What a
/// Transformer writes into a block depends on nothing but the tokens up to it: answers do not change by sharing.
///
/// Each scope has a trie of its own: a request finds nothing that was computed in another scope, so that nobody learns
/// from the time of an answer what others have asked.
///
/// Eviction is greedy-dual with frequencies (GDSF; Cherkasova 1998) over the leaves: the value of a kept block is
/// `age + uses * cost`, where `age` is the value of the block evicted last, `uses` the requests that it served (up to a
/// bound, so that old fame fades), and `cost` what computing it again takes, which grows with its depth; all blocks
/// have the same size. A long prompt that is used once has the least value and makes room for itself, before a system
/// prompt that serves many. A block with kept blocks behind it goes after them: they are worth nothing without it.
/// Not thread-safe.
class PrefixCache : private BlockPool::Keeper {
 public:
  /// Names an entry; never used twice.
  using NodeId = std::uint64_t;

  /// Becomes the pool's keeper. The pool must outlive this object. `salt` goes into every chain hash.
  explicit PrefixCache(BlockPool* pool, std::uint64_t salt = 0);
  ~PrefixCache() override;
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  /// Where the trie of a scope starts. Scopes are remembered: there are as many as API keys.
  NodeId Root(std::string_view scope);

  struct Match {
    std::vector<BlockId> blocks;  // not retained yet
    NodeId node = 0;              // of the last block
  };
  /// The longest run of known blocks that `tokens` starts with; at most `max_blocks`.
  [[nodiscard]] Match Find(NodeId root, std::span<const model::TokenId> tokens, int max_blocks) const;

  /// Counts a request that takes these blocks.
  void CountUse(std::span<const BlockId> blocks);

  struct Inserted {
    NodeId node = 0;
    BlockId block = 0;  // that holds the content from now on: the caller's, or the one that was there before
  };
  /// Adds a full, used block that follows `parent`, whose block (and those before it) the caller holds. If the same
  /// content is known already, the caller should hold that block instead.
  Inserted Insert(NodeId parent, std::span<const model::TokenId, model::kBlockTokens> tokens, BlockId block);

  /// What an evicted block held. The chain hash names the tokens of the block, all of those before it, and the scope.
  struct Evicted {
    BlockId block = 0;
    base::ContentHash chain;
    std::span<const model::TokenId, model::kBlockTokens> tokens;
    int uses = 0;
  };
  /// Called right before a block's content is lost.
  void SetEvictionHook(std::function<void(const Evicted&)> hook) { on_evict_ = std::move(hook); }

  /// Visits the blocks that nobody holds, the most valuable first and those that others follow before these.
  void ForEachKept(const std::function<void(const Evicted&)>& visit) const;

  /// The chain hashes of the first `max_blocks` whole blocks of `tokens`.
  [[nodiscard]] std::vector<base::ContentHash> ChainOf(NodeId root, std::span<const model::TokenId> tokens,
                                                       int max_blocks) const;

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }

 private:
  struct Key {
    NodeId parent = 0;
    std::array<model::TokenId, model::kBlockTokens> tokens = {};
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::uint64_t seed;  // random, so that nobody can choose prompts that collide
    std::size_t operator()(const Key& key) const;
  };
  struct Node {
    NodeId id = 0;  // its block and how often that block was used for an entry
    Key key;
    base::ContentHash chain;
    int depth = 0;     // blocks before it
    int children = 0;  // entries that follow it
    int uses = 0;
    double value = 0;  // while it is kept
    bool kept = false;
  };
  /// Least worth first: leaves by value, then, if there is no leaf, any.
  using Rank = std::pair<std::pair<bool, double>, BlockId>;

  void Kept(BlockId block) override;
  void Reused(BlockId block) override;
  BlockId Evict() override;

  [[nodiscard]] Node& At(BlockId block) { return nodes_[static_cast<std::size_t>(block)]; }
  [[nodiscard]] Rank RankOf(BlockId block) {
    const Node& node = At(block);
    return {{node.children > 0, node.value}, block};
  }
  /// The entry of that name, if it still lives and is not a root.
  [[nodiscard]] Node* Alive(NodeId id);
  void ChangeChildren(NodeId id, int by);

  BlockPool* pool_;
  const std::uint64_t salt_;
  std::unordered_map<std::string, NodeId> roots_;
  std::vector<base::ContentHash> root_chains_;
  std::unordered_map<Key, BlockId, KeyHash> entries_;
  std::vector<Node> nodes_;  // by block
  std::set<Rank> kept_;
  double age_ = 0;
  std::uint64_t evictions_ = 0;
  std::function<void(const Evicted&)> on_evict_;
};

}  // namespace bowhead::engine
