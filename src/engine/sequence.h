// What the scheduler knows of a request.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/block_pool.h"
#include "engine/prefix_cache.h"

namespace bowhead::engine {

/// A text that grows. Its owner appends to `tokens`; the scheduler decides when they are computed and in which blocks.
struct Sequence {
  explicit Sequence(BlockPool* pool) : blocks(pool) {}

  RequestId id = 0;
  std::string tenant;
  Priority priority = Priority::kInteractive;
  std::uint64_t arrival = 0;  // order of submission

  std::vector<TokenId> tokens;  // the prompt and the answer so far
  int prompt_tokens = 0;
  int num_computed = 0;  // KV entries of the first so many tokens exist
  BlockTable blocks;
  int cached_tokens = 0;  // of the prompt, found in the prefix cache at the first admission
  /// Prompt pieces have this many tokens exactly (the last one fewer), so that sums over pieces round the same in every
  /// batch; 0: any size. Such a sequence does not share blocks.
  int fixed_piece = 0;

  // Kept by the scheduler.
  bool running = false;
  bool admitted_before = false;
  int indexed_blocks = 0;  // so many are in the prefix cache, the last one as `node`
  PrefixCache::NodeId root = 0;
  PrefixCache::NodeId node = 0;
  /// While it waits: a running sequence that computes the tokens up to `leader_tokens`, which this one starts with too.
  bool held = false;    // not to be scheduled yet: its blocks are on their way from disk
  int disk_tokens = 0;  // that came from there
  Sequence* leader = nullptr;
  int leader_tokens = 0;
  int awaited_tokens = 0;  // of cached_tokens, those that it waited for

  [[nodiscard]] int num_tokens() const { return static_cast<int>(tokens.size()); }
  [[nodiscard]] int pending() const { return num_tokens() - num_computed; }
};

}  // namespace bowhead::engine
