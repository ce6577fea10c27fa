#include "engine/prefix_cache.h"

#include <algorithm>
#include <random>

#include "engine/hashing.h"

namespace bowhead::engine {
namespace {

std::uint64_t RandomSeed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

std::size_t PrefixCache::KeyHash::operator()(const Key& key) const {
  std::uint64_t hash = MixBits(seed ^ key.parent);
  for (const model::TokenId token : key.tokens) hash = MixBits(hash ^ static_cast<std::uint32_t>(token));
  return hash;
}

PrefixCache::PrefixCache(BlockPool* pool)
    : pool_(pool), entries_(16, KeyHash{RandomSeed()}), key_of_block_(static_cast<std::size_t>(pool->total())) {
  pool_->SetEvictionHook([this](BlockId block) { entries_.erase(key_of_block_[static_cast<std::size_t>(block)]); });
}

PrefixCache::~PrefixCache() {
  pool_->SetEvictionHook(nullptr);
}

PrefixCache::Match PrefixCache::Find(std::span<const model::TokenId> tokens, int max_blocks) const {
  Match match;
  Key key;
  for (int i = 0; i < max_blocks; ++i) {
    const std::size_t begin = static_cast<std::size_t>(i) * model::kBlockTokens;
    if (begin + model::kBlockTokens > tokens.size()) break;
    key.parent = match.node;
    std::ranges::copy(tokens.subspan(begin, model::kBlockTokens), key.tokens.begin());
    const auto found = entries_.find(key);
    if (found == entries_.end()) break;
    match.blocks.push_back(found->second.block);
    match.node = found->second.node;
  }
  return match;
}

PrefixCache::NodeId PrefixCache::Insert(NodeId parent, std::span<const model::TokenId, model::kBlockTokens> tokens,
                                        BlockId block) {
  Key key;
  key.parent = parent;
  std::ranges::copy(tokens, key.tokens.begin());
  const auto [position, added] = entries_.try_emplace(key, Entry{next_node_, block});
  if (added) {
    ++next_node_;
    pool_->Mark(block);
    key_of_block_[static_cast<std::size_t>(block)] = key;
  }
  return position->second.node;
}

}  // namespace bowhead::engine
