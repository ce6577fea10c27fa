// The engine's part of /metrics. Every call is a no-op without a ServingMetrics.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "engine/active_request.h"
#include "engine/speculation/speculator.h"
#include "telemetry/serving_metrics.h"

namespace bowhead::engine {

class EngineMetrics {
 public:
  explicit EngineMetrics(telemetry::ServingMetrics* metrics) : metrics_(metrics) {}

  void StepDone(int sequences, int tokens, double seconds);
  void Started(const ActiveRequest& request);
  /// Before the request's own times are updated.
  void Token(const ActiveRequest& request, ActiveRequest::Clock::time_point now);
  void Finished(const ActiveRequest& request, FinishReason reason);
  void Preempted(std::uint64_t count);
  /// Guesses checked and found right since the last call.
  void Speculated(DraftKind kind, std::uint64_t guessed, std::uint64_t accepted);
  /// The prefix cache's blocks now, and those that it has evicted since the start.
  void Cache(std::size_t blocks, std::uint64_t evictions);
  void Levels(int running, int waiting, std::int64_t blocks_used, std::int64_t blocks_total);

 private:
  telemetry::ServingMetrics* metrics_;
  std::uint64_t evictions_ = 0;
};

}  // namespace bowhead::engine
