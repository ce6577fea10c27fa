#include "engine/engine_metrics.h"

#include <algorithm>

namespace bowhead::engine {
namespace {

double Seconds(ActiveRequest::Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

void EngineMetrics::StepDone(int sequences, int tokens, double seconds) {
  if (metrics_ == nullptr) return;
  metrics_->batch_size.Observe(sequences);
  metrics_->step_tokens.Observe(tokens);
  metrics_->step_seconds.Observe(seconds);
}

void EngineMetrics::Started(const ActiveRequest& request) {
  if (metrics_ == nullptr) return;
  metrics_->queue_seconds.Observe(Seconds(request.start - request.arrival));
  metrics_->prompt_tokens.Add(static_cast<std::uint64_t>(request.sequence.prompt_tokens));
  metrics_->cached_prompt_tokens.Add(static_cast<std::uint64_t>(request.sequence.cached_tokens));
  metrics_->disk_prompt_tokens.Add(static_cast<std::uint64_t>(request.sequence.disk_tokens));
  metrics_->awaited_prompt_tokens.Add(static_cast<std::uint64_t>(request.sequence.awaited_tokens));
}

void EngineMetrics::Token(const ActiveRequest& request, ActiveRequest::Clock::time_point now) {
  if (metrics_ == nullptr) return;
  metrics_->generated_tokens.Add();
  if (request.completion_tokens == 0) {
    metrics_->time_to_first_token_seconds.Observe(Seconds(now - request.arrival));
    metrics_->prefill_seconds.Observe(Seconds(now - request.start));
  } else {
    metrics_->inter_token_seconds.Observe(Seconds(now - request.last_time));
  }
}

void EngineMetrics::Finished(const ActiveRequest& request, FinishReason reason) {
  if (metrics_ == nullptr) return;
  switch (reason) {
    case FinishReason::kStop:
      metrics_->finished_stop.Add();
      break;
    case FinishReason::kLength:
      metrics_->finished_length.Add();
      break;
    case FinishReason::kCancelled:
      metrics_->finished_cancelled.Add();
      break;
    case FinishReason::kError:
      metrics_->finished_error.Add();
      break;
  }
  metrics_->request_prompt_tokens.Observe(request.sequence.prompt_tokens);
  metrics_->request_generated_tokens.Observe(request.completion_tokens);
  if (request.completion_tokens == 0) return;
  metrics_->request_seconds.Observe(Seconds(request.last_time - request.arrival));
  metrics_->decode_seconds.Observe(Seconds(request.last_time - request.first_token));
}

void EngineMetrics::Preempted(std::uint64_t count) {
  if (metrics_ != nullptr) metrics_->preemptions.Add(count);
}

void EngineMetrics::Speculated(DraftKind kind, std::uint64_t guessed, std::uint64_t accepted) {
  if (metrics_ == nullptr) return;
  switch (kind) {
    case DraftKind::kLookup:
      metrics_->guessed_by_lookup.Add(guessed);
      metrics_->accepted_from_lookup.Add(accepted);
      break;
    case DraftKind::kModel:
      metrics_->guessed_by_model.Add(guessed);
      metrics_->accepted_from_model.Add(accepted);
      break;
    case DraftKind::kForced:
      metrics_->guessed_by_constraint.Add(guessed);
      metrics_->accepted_from_constraint.Add(accepted);
      break;
  }
}

void EngineMetrics::Cache(std::size_t blocks, std::uint64_t evictions) {
  if (metrics_ == nullptr) return;
  metrics_->prefix_blocks.Set(static_cast<double>(blocks));
  metrics_->prefix_evictions.Add(evictions - evictions_);
  evictions_ = evictions;
}

void EngineMetrics::Levels(int running, int waiting, std::int64_t blocks_used, std::int64_t blocks_total) {
  if (metrics_ == nullptr) return;
  metrics_->running.Set(running);
  metrics_->waiting.Set(waiting);
  metrics_->kv_blocks_used.Set(static_cast<double>(blocks_used));
  metrics_->kv_blocks_total.Set(static_cast<double>(blocks_total));
  metrics_->kv_used_ratio.Set(static_cast<double>(blocks_used) /
                              static_cast<double>(std::max<std::int64_t>(blocks_total, 1)));
}

}  // namespace bowhead::engine
