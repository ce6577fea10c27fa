// The KV cache's blocks as numbers: who holds which, which are free, and which are kept because a later prompt may
// start with what is in them. Where their bytes are is the Transformer's business.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/arch/transformer.h"

namespace bowhead::engine {

using BlockId = std::int32_t;

/// How many blocks hold `tokens` tokens.
constexpr int BlocksFor(int tokens) {
  return (tokens + model::kBlockTokens - 1) / model::kBlockTokens;
}

/// Counts references to blocks. A block is used (references > 0), kept (none, but marked as worth keeping) or free. An
/// allocation takes free blocks first, then the kept ones that the keeper gives up. Not thread-safe.
class BlockPool {
 public:
  /// Knows which kept block is worth least. Called from within the pool's methods; must not call them.
  class Keeper {
   public:
    virtual ~Keeper() = default;
    /// The last holder of a marked block let go of it.
    virtual void Kept(BlockId block) = 0;
    /// A kept block has a holder again.
    virtual void Reused(BlockId block) = 0;
    /// Gives up a kept block, of which there is at least one. Its content is lost afterwards.
    virtual BlockId Evict() = 0;
  };

  explicit BlockPool(std::int64_t num_blocks);
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  /// Appends `count` blocks with one reference each to `*out`, or changes nothing and returns false.
  bool Allocate(int count, std::vector<BlockId>* out);
  /// One more reference to a used or kept block.
  void Retain(BlockId block);
  /// One less. At none the block becomes kept if it is marked, else free.
  void Release(BlockId block);

  /// Marks a used block: it keeps its content after its release until an allocation needs it. Without a keeper a mark
  /// means nothing.
  void Mark(BlockId block);
  /// The keeper outlives its stay here. Null frees what the one before kept.
  void SetKeeper(Keeper* keeper);

  [[nodiscard]] std::int64_t total() const { return static_cast<std::int64_t>(references_.size()); }
  [[nodiscard]] std::int64_t used() const { return total() - available(); }
  [[nodiscard]] std::int64_t kept() const { return num_kept_; }
  /// What Allocate can hand out: free and kept blocks.
  [[nodiscard]] std::int64_t available() const { return static_cast<std::int64_t>(free_.size()) + num_kept_; }
  [[nodiscard]] int references(BlockId block) const { return references_[static_cast<std::size_t>(block)]; }

 private:
  BlockId EvictOne();

  std::vector<std::int32_t> references_;
  std::vector<std::uint8_t> marked_;
  std::vector<BlockId> free_;  // a stack
  std::int64_t num_kept_ = 0;
  Keeper* keeper_ = nullptr;
};

/// A sequence's blocks, in order: block i holds positions [16 i, 16 i + 16). Gives them back when it goes away; the
/// pool must outlive it. Move-only, not thread-safe.
class BlockTable {
 public:
  explicit BlockTable(BlockPool* pool) : pool_(pool) {}
  ~BlockTable() { Clear(); }
  BlockTable(BlockTable&& other) noexcept : pool_(other.pool_), blocks_(std::move(other.blocks_)) {
    other.blocks_.clear();
  }
  BlockTable& operator=(BlockTable&& other) noexcept;
  BlockTable(const BlockTable&) = delete;
  BlockTable& operator=(const BlockTable&) = delete;

  /// Grows to cover `tokens` tokens; all or nothing. True if the table covers them now.
  bool Cover(int tokens);
  /// Appends a block that others hold too (or that the pool keeps).
  void AppendShared(BlockId block);
  /// Lets go of a block and holds another one with the same content instead.
  void Replace(int index, BlockId block);
  /// Gives all blocks back, the last one first, so that the ends of sequences are the first to be reused.
  void Clear();

  [[nodiscard]] std::span<const BlockId> blocks() const { return blocks_; }
  [[nodiscard]] int size() const { return static_cast<int>(blocks_.size()); }

 private:
  BlockPool* pool_;
  std::vector<BlockId> blocks_;
};

}  // namespace bowhead::engine
