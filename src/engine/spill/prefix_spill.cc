#include "engine/spill/prefix_spill.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/inbox.h"

namespace bowhead::engine {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{32} << 20;  // read at a time
constexpr std::size_t kBlocksWorthReading = 4;
constexpr int kMostInFlight = 4;  // more requests at a time compute what they need
constexpr auto kLongestSave = std::chrono::seconds(10);

auto BlockAt(const Sequence& sequence, std::size_t block) {
  return std::span<const TokenId>(sequence.tokens)
      .subspan(block * model::kBlockTokens)
      .first<static_cast<std::size_t>(model::kBlockTokens)>();
}

/// Blocks of the sequence that may come from somewhere else.
int MostShared(const Sequence& sequence) {
  return (sequence.num_tokens() - 1) / model::kBlockTokens;
}

}  // namespace

PrefixSpill::PrefixSpill(PrefixStore* store, PrefixCache* cache, BlockPool* pool, model::Transformer* transformer,
                         Inbox* inbox)
    : store_(store), cache_(cache), pool_(pool), transformer_(transformer), inbox_(inbox) {
  cache_->SetEvictionHook([this](const PrefixCache::Evicted& evicted) { Put(evicted, /*wait=*/false); });
}

PrefixSpill::~PrefixSpill() {
  cache_->SetEvictionHook(nullptr);
}

void PrefixSpill::Put(const PrefixCache::Evicted& evicted, bool wait) {
  BlockTokens tokens;
  std::ranges::copy(evicted.tokens, tokens.begin());
  store_->Put(
      evicted.chain, tokens, [&](std::span<std::byte> out) { transformer_->ReadBlock(evicted.block, out); }, wait);
}

void PrefixSpill::Fetch(Sequence* sequence) {
  sequence->held = false;
  if (sequence->fixed_piece > 0 || in_flight_ >= kMostInFlight) return;
  const int most = MostShared(*sequence);
  const std::size_t known = cache_->Find(sequence->root, sequence->tokens, most).blocks.size();
  const std::vector<base::ContentHash> chain = cache_->ChainOf(sequence->root, sequence->tokens, most);
  const std::size_t piece = std::max<std::size_t>(kPieceBytes / std::max<std::size_t>(store_->block_bytes(), 1), 1);
  const std::size_t room = static_cast<std::size_t>(std::max<std::int64_t>(pool_->available(), 0));
  std::vector<PrefixStore::Wanted> wanted;
  for (std::size_t i = known; i < chain.size() && wanted.size() < std::min(piece, room); ++i) {
    if (!store_->Contains(chain[i])) break;
    PrefixStore::Wanted one{chain[i], {}};
    std::ranges::copy(BlockAt(*sequence, i), one.tokens.begin());
    wanted.push_back(one);
  }
  if (wanted.size() < std::min(kBlocksWorthReading, piece)) return;
  sequence->held = true;
  ++in_flight_;
  store_->Get(std::move(wanted), [inbox = inbox_, id = sequence->id,
                                  first = static_cast<int>(known)](std::vector<PrefixStore::Loaded> blocks) {
    inbox->PutFetched({id, first, std::move(blocks)});
  });
}

void PrefixSpill::Import(const FetchedBlocks& fetched, Sequence* sequence) {
  --in_flight_;
  if (sequence == nullptr) return;
  auto match = cache_->Find(sequence->root, sequence->tokens, MostShared(*sequence));
  // Held while others are taken, which might otherwise push these out.
  BlockTable table(pool_);
  for (const BlockId block : match.blocks) table.AppendShared(block);
  const int before = table.size();
  for (std::size_t i = 0; i < fetched.blocks.size(); ++i) {
    const int index = fetched.first_block + static_cast<int>(i);
    if (index < table.size()) continue;  // somebody has computed it meanwhile
    if (index > table.size() || !table.Cover((index + 1) * model::kBlockTokens)) break;
    const BlockId block = table.blocks().back();
    transformer_->WriteBlock(block, fetched.blocks[i].payload);
    match.node = cache_->Insert(match.node, BlockAt(*sequence, static_cast<std::size_t>(index)), block).node;
  }
  const int added = table.size() - before;
  sequence->disk_tokens += added * model::kBlockTokens;
  table.Clear();
  sequence->held = false;
  if (added > 0) Fetch(sequence);
}

void PrefixSpill::SaveAll() {
  const auto end = std::chrono::steady_clock::now() + kLongestSave;
  cache_->ForEachKept([&](const PrefixCache::Evicted& kept) {
    if (std::chrono::steady_clock::now() < end) Put(kept, /*wait=*/true);
  });
}

}  // namespace bowhead::engine
