// Whether one more request may wait, and how long it would have to.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/status.h"

namespace bowhead::engine {

struct AdmissionLimits {
  int max_queue = 256;                // requests that wait for their first step
  std::int64_t max_total_tokens = 0;  // prompt + max_tokens of all unfinished requests; 0: none
  double max_wait_s = 0;              // predicted wait for the first step; 0: none
  int max_running = 64;
  std::int64_t kv_tokens = 0;  // that the KV cache holds
};

/// The door of the engine. It counts who waits, learns how large requests are and predicts, from the costs that the
/// loop measures, when a newcomer would get its first step, given that tenants take turns: a tenant with few waiting
/// requests is not made to wait for all of another's. Who would wait too long is refused at once, which costs nothing,
/// rather than after a wait, so that under overload the engine works on answers that somebody still wants.
/// Thread-safe.
class Admission {
 public:
  /// What is counted of a request.
  struct Ticket {
    std::string tenant;
    int prompt_tokens = 0;
    int max_tokens = 0;
    bool started = false;
  };

  explicit Admission(const AdmissionLimits& limits) : limits_(limits) {}

  /// Takes a place in the queue. Errors: kResourceExhausted; the message says what to do, RetryAfter when.
  base::Status Enter(const Ticket& ticket);
  /// Its first step runs.
  void Started(Ticket* ticket);
  /// It has ended, started or not.
  void Left(const Ticket& ticket, int completion_tokens);

  /// Whether even the smallest request of this tenant would be refused now. As Enter, but takes no place.
  [[nodiscard]] base::Status Check(const std::string& tenant) const;

  /// What the engine measured: the marginal time of a prompt token, that of an answer's token in a batch as it is now,
  /// and the share of prompt tokens that the cache did not have.
  void SetCosts(double prompt_token_ms, double answer_token_ms, double computed_share);

  /// Seconds until a request of that size would get its first step; 0 while nothing is known.
  [[nodiscard]] double PredictWait(const std::string& tenant, int prompt_tokens) const;
  /// Whole seconds, 1 to 600, after which a refused request of this tenant is likely to be let in.
  [[nodiscard]] int RetryAfter(const std::string& tenant) const;

  [[nodiscard]] int queued() const { return queued_.load(); }

 private:
  struct Queue {
    int requests = 0;
    std::int64_t prompt_tokens = 0;
  };

  // All of these want mutex_ held.
  [[nodiscard]] base::Status CheckLocked(const std::string& tenant, int prompt_tokens, std::int64_t tokens) const;
  [[nodiscard]] double PredictLocked(const std::string& tenant, int prompt_tokens) const;
  [[nodiscard]] int RetryAfterLocked(const std::string& tenant) const;

  const AdmissionLimits limits_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Queue> queues_;  // those with somebody in them
  std::atomic<int> queued_ = 0;
  int running_ = 0;
  std::int64_t reserved_tokens_ = 0;
  double mean_answer_ = 0;   // tokens of recent answers; 0: none yet
  double mean_request_ = 0;  // tokens of recent requests with their answers
  double prompt_token_ms_ = 0;
  double answer_token_ms_ = 0;
  double computed_share_ = 1;
};

}  // namespace bowhead::engine
