#include "telemetry/serving_metrics.h"

#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace bowhead::telemetry {
namespace {

// From half a millisecond (a small model's token) to minutes (a long prompt on a laptop).
const std::vector<double> kTokenBuckets = {0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03,
                                           0.05,   0.075, 0.1,   0.15,  0.2,   0.3,    0.5,  1,     2.5,  10};
const std::vector<double> kFirstTokenBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                0.75,  1,      2.5,   5,    7.5,   10,   20,  40,   80};
const std::vector<double> kRequestBuckets = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,   2.5,
                                             5,     10,   15,    20,   30,  60,   120, 240, 480};
const std::vector<double> kCountBuckets = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
const std::vector<double> kBatchBuckets = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256};

/// Declares the metrics of one model and gives its series.
class Model {
 public:
  Model(Registry& registry, std::string_view model) : registry_(registry), model_(model) {}

  Counter& MakeCounter(const char* name, const char* help) {
    return registry_.AddCounters({.name = name, .help = help, .labels = {"model"}, .buckets = {}}).With({model_});
  }
  Gauge& MakeGauge(const char* name, const char* help) {
    return registry_.AddGauges({.name = name, .help = help, .labels = {"model"}, .buckets = {}}).With({model_});
  }
  Histogram& MakeHistogram(const char* name, const char* help, const std::vector<double>& buckets) {
    return registry_.AddHistograms({.name = name, .help = help, .labels = {"model"}, .buckets = buckets})
        .With({model_});
  }
  Counter& Guessed(std::string_view drafter) {
    return registry_
        .AddCounters({.name = "bowhead_guessed_tokens_total",
                      .help = "Tokens guessed ahead and checked by a step, by drafter: lookup, model, constraint.",
                      .labels = {"model", "drafter"},
                      .buckets = {}})
        .With({model_, drafter});
  }
  Counter& Accepted(std::string_view drafter) {
    return registry_
        .AddCounters({.name = "bowhead_accepted_tokens_total",
                      .help = "Guessed tokens that were right, by drafter: lookup, model, constraint.",
                      .labels = {"model", "drafter"},
                      .buckets = {}})
        .With({model_, drafter});
  }
  Counter& Finished(std::string_view reason) {
    return registry_
        .AddCounters({.name = "bowhead_requests_finished_total",
                      .help = "Requests that ended, by reason: stop, length, cancelled, error.",
                      .labels = {"model", "reason"},
                      .buckets = {}})
        .With({model_, reason});
  }

 private:
  Registry& registry_;
  std::string_view model_;
};

/// The names that vLLM's published dashboards ask for, and ours for the same data.
constexpr std::array<std::pair<std::string_view, std::string_view>, 22> kAliases{{
    {"vllm:time_to_first_token_seconds", "bowhead_time_to_first_token_seconds"},
    {"vllm:inter_token_latency_seconds", "bowhead_inter_token_seconds"},
    {"vllm:time_per_output_token_seconds", "bowhead_inter_token_seconds"},
    {"vllm:e2e_request_latency_seconds", "bowhead_request_seconds"},
    {"vllm:request_queue_time_seconds", "bowhead_queue_seconds"},
    {"vllm:request_prefill_time_seconds", "bowhead_prefill_seconds"},
    {"vllm:request_decode_time_seconds", "bowhead_decode_seconds"},
    {"vllm:request_prompt_tokens", "bowhead_request_prompt_tokens"},
    {"vllm:request_generation_tokens", "bowhead_request_generated_tokens"},
    {"vllm:iteration_tokens_total", "bowhead_step_tokens"},
    {"vllm:prompt_tokens_total", "bowhead_prompt_tokens_total"},
    {"vllm:generation_tokens_total", "bowhead_generated_tokens_total"},
    {"vllm:prefix_cache_queries_total", "bowhead_prompt_tokens_total"},
    {"vllm:prefix_cache_hits_total", "bowhead_cached_prompt_tokens_total"},
    {"vllm:num_preemptions_total", "bowhead_preemptions_total"},
    {"vllm:num_requests_running", "bowhead_requests_running"},
    {"vllm:num_requests_waiting", "bowhead_requests_waiting"},
    {"vllm:kv_cache_usage_perc", "bowhead_kv_used_ratio"},
    {"vllm:gpu_cache_usage_perc", "bowhead_kv_used_ratio"},  // its name before vLLM 0.10
    {"vllm:request_success_total", "bowhead_requests_finished_total"},
    {"vllm:spec_decode_num_draft_tokens_total", "bowhead_guessed_tokens_total"},
    {"vllm:spec_decode_num_accepted_tokens_total", "bowhead_accepted_tokens_total"},
}};

void AddAliases(Registry& registry) {
  for (const auto& [alias, name] : kAliases) {
    std::vector<std::string> labels = {"model_name"};
    if (name == "bowhead_requests_finished_total") labels.emplace_back("finished_reason");
    if (name == "bowhead_guessed_tokens_total" || name == "bowhead_accepted_tokens_total") {
      labels.emplace_back("drafter");
    }
    registry.AddAlias({.of = std::string(name),
                       .name = std::string(alias),
                       .labels = std::move(labels),
                       .constant_labels = {{"engine", "0"}}});
  }
}

}  // namespace

ServingMetrics::ServingMetrics(Registry& registry, std::string_view model)
    : time_to_first_token_seconds(Model(registry, model)
                                      .MakeHistogram("bowhead_time_to_first_token_seconds",
                                                     "Time from a request's arrival to its first token.",
                                                     kFirstTokenBuckets)),
      inter_token_seconds(
          Model(registry, model)
              .MakeHistogram("bowhead_inter_token_seconds", "Time between two tokens of one request.", kTokenBuckets)),
      request_seconds(Model(registry, model)
                          .MakeHistogram("bowhead_request_seconds", "Time from a request's arrival to its last token.",
                                         kRequestBuckets)),
      queue_seconds(Model(registry, model)
                        .MakeHistogram("bowhead_queue_seconds",
                                       "Time from a request's arrival to the first step that works on it.",
                                       kRequestBuckets)),
      prefill_seconds(Model(registry, model)
                          .MakeHistogram("bowhead_prefill_seconds",
                                         "Time from the first step of a request to its first token.", kRequestBuckets)),
      decode_seconds(Model(registry, model)
                         .MakeHistogram("bowhead_decode_seconds", "Time from a request's first token to its last.",
                                        kRequestBuckets)),
      request_prompt_tokens(
          Model(registry, model)
              .MakeHistogram("bowhead_request_prompt_tokens", "Prompt tokens of a finished request.", kCountBuckets)),
      request_generated_tokens(Model(registry, model)
                                   .MakeHistogram("bowhead_request_generated_tokens",
                                                  "Generated tokens of a finished request.", kCountBuckets)),
      prompt_tokens(
          Model(registry, model)
              .MakeCounter("bowhead_prompt_tokens_total", "Prompt tokens taken in, with those from the cache.")),
      cached_prompt_tokens(
          Model(registry, model)
              .MakeCounter("bowhead_cached_prompt_tokens_total", "Prompt tokens taken from the KV cache.")),
      awaited_prompt_tokens(Model(registry, model)
                                .MakeCounter("bowhead_awaited_prompt_tokens_total",
                                             "Prompt tokens that another request computed while this one waited.")),
      disk_prompt_tokens(
          Model(registry, model)
              .MakeCounter("bowhead_disk_prompt_tokens_total", "Prompt tokens whose KV entries were read from disk.")),
      generated_tokens(Model(registry, model).MakeCounter("bowhead_generated_tokens_total", "Tokens generated.")),
      batch_size(Model(registry, model).MakeHistogram("bowhead_batch_size", "Sequences in one step.", kBatchBuckets)),
      step_tokens(
          Model(registry, model)
              .MakeHistogram("bowhead_step_tokens", "Tokens in one step, prompt and generated.", kCountBuckets)),
      step_seconds(Model(registry, model).MakeHistogram("bowhead_step_seconds", "Time of one step.", kTokenBuckets)),
      running(Model(registry, model).MakeGauge("bowhead_requests_running", "Requests in the batch.")),
      waiting(Model(registry, model).MakeGauge("bowhead_requests_waiting", "Requests in the queue.")),
      kv_blocks_used(Model(registry, model).MakeGauge("bowhead_kv_blocks_used", "Blocks of the KV cache in use.")),
      kv_blocks_total(Model(registry, model).MakeGauge("bowhead_kv_blocks", "Blocks of the KV cache.")),
      kv_used_ratio(
          Model(registry, model).MakeGauge("bowhead_kv_used_ratio", "Share of the KV cache in use, from 0 to 1.")),
      preemptions(Model(registry, model)
                      .MakeCounter("bowhead_preemptions_total", "Requests put back because the KV cache was full.")),
      refused(Model(registry, model)
                  .MakeCounter("bowhead_requests_refused_total", "Requests refused because of load (429).")),
      prefix_blocks(
          Model(registry, model).MakeGauge("bowhead_prefix_cache_blocks", "Blocks that the prefix cache knows.")),
      prefix_evictions(
          Model(registry, model).MakeCounter("bowhead_prefix_cache_evictions_total", "Blocks evicted from memory.")),
      prefix_disk_bytes(Model(registry, model)
                            .MakeGauge("bowhead_prefix_disk_bytes", "Bytes of the prefix cache's records on disk.")),
      prefix_disk_written_bytes(
          Model(registry, model)
              .MakeCounter("bowhead_prefix_disk_written_bytes_total", "Bytes of evicted blocks written to disk.")),
      prefix_disk_dropped(Model(registry, model)
                              .MakeCounter("bowhead_prefix_disk_dropped_total",
                                           "Records on disk that were dropped because they were damaged.")),
      prefix_disk_failures(Model(registry, model)
                               .MakeCounter("bowhead_prefix_disk_failures_total",
                                            "Failed writes of the prefix cache; the first turns writing off.")),
      guessed_by_lookup(Model(registry, model).Guessed("lookup")),
      guessed_by_model(Model(registry, model).Guessed("model")),
      guessed_by_constraint(Model(registry, model).Guessed("constraint")),
      accepted_from_lookup(Model(registry, model).Accepted("lookup")),
      accepted_from_model(Model(registry, model).Accepted("model")),
      accepted_from_constraint(Model(registry, model).Accepted("constraint")),
      finished_stop(Model(registry, model).Finished("stop")),
      finished_length(Model(registry, model).Finished("length")),
      finished_cancelled(Model(registry, model).Finished("cancelled")),
      finished_error(Model(registry, model).Finished("error")) {
  AddAliases(registry);
}

HttpMetrics::HttpMetrics(Registry& registry)
    : requests(registry.AddCounters({.name = "bowhead_http_requests_total",
                                     .help = "HTTP requests answered, by route, method and status.",
                                     .labels = {"route", "method", "status"},
                                     .buckets = {}})),
      seconds(registry.AddHistograms({.name = "bowhead_http_request_seconds",
                                      .help = "Time from a whole HTTP request to the end of its answer, by route.",
                                      .labels = {"route"},
                                      .buckets = kRequestBuckets})),
      in_flight(registry.AddGauge("bowhead_http_requests_in_flight", "HTTP requests being answered.")) {}

void HttpMetrics::Observe(std::string_view route, std::string_view method, int status, double elapsed) {
  std::array<char, 12> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), status);
  requests.With({route, method, std::string_view(text.data(), static_cast<std::size_t>(end.ptr - text.data()))}).Add();
  seconds.With({route}).Observe(elapsed);
}

}  // namespace bowhead::telemetry
