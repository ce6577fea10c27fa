// The metrics of serving: what each model does, what HTTP does, what the process uses. vLLM's names are aliases.
#pragma once

#include <string>
#include <string_view>

#include "telemetry/metrics.h"

namespace bowhead::telemetry {

/// The metrics of one served model (label `model`). Handles into the registry, which must outlive this; copy freely.
/// Thread-safe. Two generations of one model share the series.
struct ServingMetrics {
  ServingMetrics(Registry& registry, std::string_view model);

  Histogram& time_to_first_token_seconds;  // from arrival to the first token
  Histogram& inter_token_seconds;          // between two tokens of one request
  Histogram& request_seconds;              // from arrival to the last token
  Histogram& queue_seconds;                // from arrival to the first step that works on it
  Histogram& prefill_seconds;              // from then to the first token
  Histogram& decode_seconds;               // from the first token to the last
  Histogram& request_prompt_tokens;        // per finished request
  Histogram& request_generated_tokens;

  Counter& prompt_tokens;          // taken in, with those from the cache
  Counter& cached_prompt_tokens;   // of these, taken from the KV cache
  Counter& awaited_prompt_tokens;  // of these, computed by another request while this one waited
  Counter& disk_prompt_tokens;     // read back from disk
  Counter& generated_tokens;

  Histogram& batch_size;    // sequences in one step
  Histogram& step_tokens;   // tokens in one step, prompt and generated
  Histogram& step_seconds;  // of one step

  Gauge& running;  // requests in the batch
  Gauge& waiting;  // requests in the queue
  Gauge& kv_blocks_used;
  Gauge& kv_blocks_total;
  Gauge& kv_used_ratio;  // [0, 1]
  Counter& preemptions;
  Counter& refused;  // requests that got a 429

  Gauge& prefix_blocks;  // in the prefix cache, used or kept
  Counter& prefix_evictions;
  Gauge& prefix_disk_bytes;  // of records on disk
  Counter& prefix_disk_written_bytes;
  Counter& prefix_disk_dropped;   // records that were damaged or of something else
  Counter& prefix_disk_failures;  // of writing; the first one turns writing off

  // Guesses of speculative decoding that a step checked, and those that were right (label `drafter`).
  Counter& guessed_by_lookup;
  Counter& guessed_by_model;
  Counter& guessed_by_constraint;
  Counter& accepted_from_lookup;
  Counter& accepted_from_model;
  Counter& accepted_from_constraint;

  // Requests that ended, by reason (label `reason`).
  Counter& finished_stop;
  Counter& finished_length;
  Counter& finished_cancelled;
  Counter& finished_error;
};

/// The metrics of the HTTP server. `route` is the pattern of a known route ("/v1/chat/completions"), never a client's
/// raw path; `method` likewise.
struct HttpMetrics {
  explicit HttpMetrics(Registry& registry);

  /// Counts an answered request and its seconds (a lookup under a lock: once per request).
  void Observe(std::string_view route, std::string_view method, int status, double elapsed);

  Family<Counter>& requests;   // route, method, status
  Family<Histogram>& seconds;  // route; from the whole request to the last byte of the answer
  Gauge& in_flight;
};

/// process_start_time_seconds, process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
/// process_open_fds, process_max_fds, process_threads: read when they are asked for.
void RegisterProcessMetrics(Registry& registry);

}  // namespace bowhead::telemetry
