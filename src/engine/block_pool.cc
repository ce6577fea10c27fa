#include "engine/block_pool.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace bowhead::engine {
namespace {

std::size_t Index(BlockId block) {
  return static_cast<std::size_t>(block);
}

}  // namespace

BlockPool::BlockPool(std::int64_t num_blocks) {
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(num_blocks, 0));
  references_.assign(count, 0);
  marked_.assign(count, 0);
  free_.reserve(count);
  for (std::size_t i = count; i > 0; --i) free_.push_back(static_cast<BlockId>(i - 1));
}

BlockId BlockPool::EvictOne() {
  const BlockId block = keeper_->Evict();
  assert(references_[Index(block)] == 0 && marked_[Index(block)] != 0);
  marked_[Index(block)] = 0;
  --num_kept_;
  return block;
}

bool BlockPool::Allocate(int count, std::vector<BlockId>* out) {
  if (count > available()) return false;
  out->reserve(out->size() + Index(count));
  for (int i = 0; i < count; ++i) {
    BlockId block = 0;
    if (free_.empty()) {
      block = EvictOne();
    } else {
      block = free_.back();
      free_.pop_back();
    }
    references_[Index(block)] = 1;
    out->push_back(block);
  }
  return true;
}

void BlockPool::Retain(BlockId block) {
  assert(references_[Index(block)] > 0 || marked_[Index(block)] != 0);
  if (references_[Index(block)]++ > 0) return;
  --num_kept_;
  keeper_->Reused(block);
}

void BlockPool::Release(BlockId block) {
  assert(references_[Index(block)] > 0);
  if (--references_[Index(block)] > 0) return;
  if (marked_[Index(block)] != 0) {
    ++num_kept_;
    keeper_->Kept(block);
  } else {
    free_.push_back(block);
  }
}

void BlockPool::Mark(BlockId block) {
  assert(references_[Index(block)] > 0);
  if (keeper_ != nullptr) marked_[Index(block)] = 1;
}

void BlockPool::SetKeeper(Keeper* keeper) {
  while (num_kept_ > 0) free_.push_back(EvictOne());
  std::ranges::fill(marked_, std::uint8_t{0});
  keeper_ = keeper;
}

BlockTable& BlockTable::operator=(BlockTable&& other) noexcept {
  if (this != &other) {
    Clear();
    pool_ = other.pool_;
    blocks_ = std::move(other.blocks_);
    other.blocks_.clear();
  }
  return *this;
}

bool BlockTable::Cover(int tokens) {
  const int missing = BlocksFor(tokens) - size();
  return missing <= 0 || pool_->Allocate(missing, &blocks_);
}

void BlockTable::AppendShared(BlockId block) {
  pool_->Retain(block);
  blocks_.push_back(block);
}

void BlockTable::Replace(int index, BlockId block) {
  BlockId& held = blocks_[Index(index)];
  pool_->Retain(block);
  pool_->Release(held);
  held = block;
}

void BlockTable::Clear() {
  while (!blocks_.empty()) {
    pool_->Release(blocks_.back());
    blocks_.pop_back();
  }
}

}  // namespace bowhead::engine
