// Moves KV blocks between the prefix cache and the store on disk.
#pragma once

#include <vector>

#include "engine/prefix_cache.h"
#include "engine/sequence.h"
#include "engine/spill/prefix_store.h"
#include "model/arch/transformer.h"

namespace bowhead::engine {

class Inbox;

/// Blocks that were read for a request.
struct FetchedBlocks {
  RequestId request = 0;
  int first_block = 0;  // the place of the first one in the request's prompt
  std::vector<PrefixStore::Loaded> blocks;
};

/// What the cache evicts goes to the store. For a new request whose prompt goes on in the store after what the cache
/// knows, blocks are read in pieces on the store's thread while the request is held back; each piece comes back
/// through the inbox. The loop's thread only.
class PrefixSpill {
 public:
  /// Takes the cache's eviction hook. All of these outlive the spill.
  PrefixSpill(PrefixStore* store, PrefixCache* cache, BlockPool* pool, model::Transformer* transformer, Inbox* inbox);
  ~PrefixSpill();
  PrefixSpill(const PrefixSpill&) = delete;
  PrefixSpill& operator=(const PrefixSpill&) = delete;

  /// Holds the sequence back (`held`) and starts to read, if the store has enough of what it needs.
  void Fetch(Sequence* sequence);
  /// Puts what was read into the cache, then goes on with the next piece or lets the sequence go. Null: the request has
  /// ended meanwhile.
  void Import(const FetchedBlocks& fetched, Sequence* sequence);
  /// Writes what the cache keeps, most valuable first, for at most some seconds.
  void SaveAll();

 private:
  void Put(const PrefixCache::Evicted& evicted, bool wait);

  PrefixStore* store_;
  PrefixCache* cache_;
  BlockPool* pool_;
  model::Transformer* transformer_;
  Inbox* inbox_;
  int in_flight_ = 0;  // pieces that are being read or wait for Import: they take memory
};

}  // namespace bowhead::engine
