// Evicted KV blocks on disk, where they survive a restart.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/content_hash.h"
#include "base/status.h"
#include "engine/spill/block_record.h"
#include "telemetry/serving_metrics.h"

namespace bowhead::engine {

struct PrefixStoreOptions {
  std::string dir;                                      // made if it is not there, for this user only
  std::uint64_t max_bytes = 0;                          // of all records in it, also those of other models
  base::ContentHash maker;                              // what must be the same for a record to be of use
  std::size_t block_bytes = 0;                          // of every payload
  std::uint64_t queue_bytes = std::uint64_t{64} << 20;  // copies that wait for the disk; more are not kept
  std::function<void(const std::string&)> warn;         // optional; for the log
  telemetry::ServingMetrics* metrics = nullptr;         // optional; must outlive the store
};

/// One file per block, `DIR/MAKER/CHAIN.kv` (block_record.h), written and read by a thread of its own. The oldest go
/// first when the bound is reached. A record that is damaged or of something else is found by its hash and removed. The
/// first write that fails (a full disk) turns writing off until the next start, with a warning; what is there is still
/// read. Thread-safe.
class PrefixStore {
 public:
  /// Makes or reads the folder. Errors: kPermissionDenied (it cannot be made or written).
  static base::Result<std::unique_ptr<PrefixStore>> Open(PrefixStoreOptions options);
  /// Writes what is in the queue, then ends.
  ~PrefixStore();
  PrefixStore(const PrefixStore&) = delete;
  PrefixStore& operator=(const PrefixStore&) = delete;

  /// A secret number of this folder, for chain hashes that nobody outside can compute.
  [[nodiscard]] std::uint64_t salt() const { return salt_; }
  [[nodiscard]] std::size_t block_bytes() const { return options_.block_bytes; }
  [[nodiscard]] bool Contains(const base::ContentHash& chain) const;

  /// Queues a block to be written, unless it is there already, writing is off or the queue is full. `read` fills a
  /// buffer of block_bytes; it is called before this returns. With `wait` it waits for a place in the queue.
  void Put(const base::ContentHash& chain, const BlockTokens& tokens,
           const std::function<void(std::span<std::byte>)>& read, bool wait = false);

  struct Wanted {
    base::ContentHash chain;
    BlockTokens tokens = {};
  };
  struct Loaded {
    std::vector<std::byte> file;
    std::span<const std::byte> payload;  // into `file`
  };
  /// Reads blocks until one cannot be had; `done` gets those before it, on the store's thread.
  void Get(std::vector<Wanted> wanted, std::function<void(std::vector<Loaded>)> done);

  /// Waits until the queue is empty.
  void Flush();

  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] bool writing() const;

 private:
  struct KeyHash {
    std::size_t operator()(const base::ContentHash& hash) const { return hash.low; }
  };
  struct Entry {
    std::filesystem::path path;
    std::uint64_t bytes = 0;
    base::ContentHash chain;
    bool own = false;  // else of another model or program: of no use, but it takes room
  };
  using Entries = std::list<Entry>;  // oldest first
  struct WriteJob {
    base::ContentHash chain;
    BlockTokens tokens = {};
    std::vector<std::byte> payload;
  };
  struct ReadJob {
    std::vector<Wanted> wanted;
    std::function<void(std::vector<Loaded>)> done;
  };

  explicit PrefixStore(PrefixStoreOptions options);
  base::Status Prepare();
  base::Status ReadSalt();
  void Scan();
  void Run();
  void Write(const WriteJob& job);
  void Read(ReadJob job);
  /// The block, or nothing: then it is forgotten.
  [[nodiscard]] std::vector<Loaded> Load(const Wanted& wanted);
  void MakeRoom(std::uint64_t bytes);
  void Forget(const base::ContentHash& chain);
  void StopWriting(const std::string& why);
  void PublishBytes() const;

  PrefixStoreOptions options_;
  std::filesystem::path folder_;
  std::uint64_t salt_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  std::deque<WriteJob> writes_;
  std::deque<ReadJob> reads_;
  Entries entries_;
  std::unordered_map<base::ContentHash, Entries::iterator, KeyHash> index_;  // own ones
  std::uint64_t bytes_ = 0;
  std::uint64_t queued_bytes_ = 0;
  bool writing_ = true;
  bool busy_ = false;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace bowhead::engine
