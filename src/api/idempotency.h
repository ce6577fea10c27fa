// Answers that are given again to a request with the same Idempotency-Key.
// After https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api/error.h"
#include "base/content_hash.h"
#include "net/http_server.h"

namespace bowhead::api {

/// What was answered, without the headers that belong to one call.
struct RecordedAnswer {
  int status = 200;
  net::Headers headers;
  std::string body;
  bool stream = false;
};

class IdempotencyStore;

/// The right to answer a key for the first time, and what is answered. If it goes away before Finish, or after Drop,
/// the key is free again. Not thread-safe.
class IdempotentRun {
 public:
  IdempotentRun(std::shared_ptr<IdempotencyStore> store, std::string key);
  ~IdempotentRun();
  IdempotentRun(const IdempotentRun&) = delete;
  IdempotentRun& operator=(const IdempotentRun&) = delete;

  RecordedAnswer& answer() { return answer_; }
  /// More of a stream's body.
  void Append(std::string_view bytes);
  /// The answer is whole.
  void Finish();
  /// It failed, or its reader left: the same request may be tried again.
  void Drop() { dropped_ = true; }

 private:
  const std::shared_ptr<IdempotencyStore> store_;
  const std::string key_;
  RecordedAnswer answer_;
  bool dropped_ = false;
  bool done_ = false;
};

/// Keys by API key, each with the hash of its request and its answer. Bounded in entries, bytes and age; running
/// requests are never forgotten. Thread-safe.
class IdempotencyStore : public std::enable_shared_from_this<IdempotencyStore> {
 public:
  using Clock = std::chrono::steady_clock;
  struct Limits {
    std::size_t max_entries = 10'000;
    std::size_t max_bytes = 32 << 20;
    std::size_t max_answer_bytes = 1 << 20;  // a longer one is not kept: its repetition is a 409
    std::chrono::seconds max_age{24 * 3600};
  };
  IdempotencyStore() = default;
  explicit IdempotencyStore(const Limits& limits) : limits_(limits) {}

  /// What to do with a request: run it (`run`), give `answer` again, or say `error`. Exactly one is set.
  struct Claim {
    std::unique_ptr<IdempotentRun> run;
    std::shared_ptr<const RecordedAnswer> answer;
    std::optional<ApiError> error;
  };
  Claim Begin(std::string_view owner, std::string_view key, const base::ContentHash& request,
              Clock::time_point now = Clock::now());

  [[nodiscard]] const Limits& limits() const { return limits_; }

 private:
  friend class IdempotentRun;
  struct Entry {
    std::string key;
    base::ContentHash request;
    Clock::time_point begun;
    std::shared_ptr<const RecordedAnswer> answer;  // nullptr: running, or too long
    bool running = true;
    std::size_t bytes = 0;
  };
  using Order = std::list<Entry>;

  void Finish(const std::string& key, RecordedAnswer answer);
  void Release(const std::string& key);
  void TrimLocked(Clock::time_point now);
  void RemoveLocked(Order::iterator entry);

  const Limits limits_ = {};
  std::mutex mutex_;
  Order order_;                                              // guarded by mutex_; the oldest first
  std::unordered_map<std::string, Order::iterator> by_key_;  // guarded by mutex_
  std::size_t bytes_ = 0;                                    // guarded by mutex_
};

/// Whether a header's value can be a key: 1 to 255 visible ASCII characters.
bool IsIdempotencyKey(std::string_view key);

}  // namespace bowhead::api
