#include "engine/prefix_cache.h"

#include <algorithm>
#include <random>

#include "engine/hashing.h"

namespace bowhead::engine {
namespace {

/// Uses beyond this many add no value: a block that is not asked for any more goes after as many turnovers of the
/// cache.
constexpr int kMostUses = 32;
/// Attention makes a token this deep cost about twice as much as the first one, in models of a billion weights.
constexpr double kTokensOfDoubleCost = 8192;

// A NodeId is the number of a root with this bit, or a block (low half) and which of its entries is meant.
constexpr std::uint64_t kRootBit = std::uint64_t{1} << 63;
constexpr std::uint64_t kNextEntry = std::uint64_t{1} << 32;

std::uint64_t RandomSeed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

double CostAtDepth(int depth) {
  return 1 + depth * model::kBlockTokens / kTokensOfDoubleCost;
}

bool IsRoot(PrefixCache::NodeId id) {
  return (id & kRootBit) != 0;
}

BlockId BlockOf(PrefixCache::NodeId id) {
  return static_cast<BlockId>(id & 0xFFFFFFFFU);
}

base::ContentHash Chain(const base::ContentHash& before, std::span<const model::TokenId> tokens) {
  struct {
    base::ContentHash before;
    std::array<model::TokenId, model::kBlockTokens> tokens;
  } bytes = {before, {}};
  std::ranges::copy(tokens, bytes.tokens.begin());
  return base::HashContent(std::as_bytes(std::span(&bytes, 1)));
}

}  // namespace

std::size_t PrefixCache::KeyHash::operator()(const Key& key) const {
  std::uint64_t hash = MixBits(seed ^ key.parent);
  for (const model::TokenId token : key.tokens) hash = MixBits(hash ^ static_cast<std::uint32_t>(token));
  return hash;
}

PrefixCache::PrefixCache(BlockPool* pool, std::uint64_t salt)
    : pool_(pool), salt_(salt), entries_(16, KeyHash{RandomSeed()}), nodes_(static_cast<std::size_t>(pool->total())) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) nodes_[i].id = kNextEntry | i;
  pool_->SetKeeper(this);
}

PrefixCache::~PrefixCache() {
  pool_->SetKeeper(nullptr);
}

PrefixCache::NodeId PrefixCache::Root(std::string_view scope) {
  const auto [position, added] = roots_.try_emplace(std::string(scope), kRootBit | roots_.size());
  if (added) {
    base::ContentHasher hasher;
    hasher.Add(salt_);
    hasher.Add(std::as_bytes(std::span(scope)));
    root_chains_.push_back(hasher.Finish());
  }
  return position->second;
}

PrefixCache::Match PrefixCache::Find(NodeId root, std::span<const model::TokenId> tokens, int max_blocks) const {
  Match match;
  match.node = root;
  Key key;
  for (int i = 0; i < max_blocks; ++i) {
    const std::size_t begin = static_cast<std::size_t>(i) * model::kBlockTokens;
    if (begin + model::kBlockTokens > tokens.size()) break;
    key.parent = match.node;
    std::ranges::copy(tokens.subspan(begin, model::kBlockTokens), key.tokens.begin());
    const auto found = entries_.find(key);
    if (found == entries_.end()) break;
    match.blocks.push_back(found->second);
    match.node = nodes_[static_cast<std::size_t>(found->second)].id;
  }
  return match;
}

std::vector<base::ContentHash> PrefixCache::ChainOf(NodeId root, std::span<const model::TokenId> tokens,
                                                    int max_blocks) const {
  std::vector<base::ContentHash> chain;
  base::ContentHash last = root_chains_[static_cast<std::size_t>(root & ~kRootBit)];
  const std::size_t count = std::min(static_cast<std::size_t>(max_blocks), tokens.size() / model::kBlockTokens);
  chain.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    last = Chain(last, tokens.subspan(i * model::kBlockTokens, model::kBlockTokens));
    chain.push_back(last);
  }
  return chain;
}

void PrefixCache::CountUse(std::span<const BlockId> blocks) {
  for (const BlockId block : blocks) {
    Node& node = At(block);
    node.uses = std::min(node.uses + 1, kMostUses);
  }
}

PrefixCache::Node* PrefixCache::Alive(NodeId id) {
  if (IsRoot(id)) return nullptr;
  Node& node = At(BlockOf(id));
  return node.id == id ? &node : nullptr;
}

void PrefixCache::ChangeChildren(NodeId id, int by) {
  Node* node = Alive(id);
  if (node == nullptr) return;
  if (node->kept) kept_.erase(RankOf(BlockOf(id)));
  node->children += by;
  if (node->kept) kept_.insert(RankOf(BlockOf(id)));
}

PrefixCache::Inserted PrefixCache::Insert(NodeId parent, std::span<const model::TokenId, model::kBlockTokens> tokens,
                                          BlockId block) {
  const Node* before = Alive(parent);
  if (before == nullptr && !IsRoot(parent)) return Inserted{parent, block};  // nobody would ever find it
  Key key;
  key.parent = parent;
  std::ranges::copy(tokens, key.tokens.begin());
  const auto [position, added] = entries_.try_emplace(key, block);
  if (!added) return Inserted{At(position->second).id, position->second};
  Node& node = At(block);
  node.key = key;
  node.children = 0;
  node.uses = 1;
  node.depth = before == nullptr ? 0 : before->depth + 1;
  node.chain =
      Chain(before == nullptr ? root_chains_[static_cast<std::size_t>(parent & ~kRootBit)] : before->chain, tokens);
  ChangeChildren(parent, 1);
  pool_->Mark(block);
  return Inserted{node.id, block};
}

void PrefixCache::ForEachKept(const std::function<void(const Evicted&)>& visit) const {
  for (auto it = kept_.rbegin(); it != kept_.rend(); ++it) {
    const Node& node = nodes_[static_cast<std::size_t>(it->second)];
    visit(Evicted{it->second, node.chain, node.key.tokens, node.uses});
  }
}

void PrefixCache::Kept(BlockId block) {
  Node& node = At(block);
  node.value = age_ + node.uses * CostAtDepth(node.depth);
  node.kept = true;
  kept_.insert(RankOf(block));
}

void PrefixCache::Reused(BlockId block) {
  kept_.erase(RankOf(block));
  At(block).kept = false;
}

BlockId PrefixCache::Evict() {
  const BlockId block = kept_.begin()->second;
  kept_.erase(kept_.begin());
  Node& node = At(block);
  node.kept = false;
  age_ = std::max(age_, node.value);
  if (on_evict_) on_evict_(Evicted{block, node.chain, node.key.tokens, node.uses});
  entries_.erase(node.key);
  node.id = (node.id + kNextEntry) & ~kRootBit;  // its old name names nothing now
  ChangeChildren(node.key.parent, -1);
  ++evictions_;
  return block;
}

}  // namespace bowhead::engine
