// Bowhead's own engine: continuous batching of many requests over one Transformer, on one loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/backend.h"
#include "engine/speculation/drafter.h"
#include "engine/speculation/options.h"
#include "model/arch/transformer.h"
#include "model/format/model_file.h"
#include "model/tokenizer/tokenizer.h"
#include "telemetry/serving_metrics.h"

namespace bowhead::engine {

class PrefixStore;

/// How the hidden states of an input become one embedding. The values are GGUF's `<arch>.pooling_type`.
enum class Pooling : std::uint8_t { kMean = 1, kFirst = 2, kLast = 3 };

/// Who finds KV blocks that an earlier prompt left. Sharing between tenants lets one of them learn, from the time of an
/// answer, whether somebody else has sent a prompt that starts the same (arXiv 2409.20002).
enum class PrefixSharing : std::uint8_t { kOff, kTenant, kShared };

/// What the person who serves a model can choose. Zero means "choose for me" wherever it is not a number that makes
/// sense.
struct EngineOptions {
  int threads = 0;             // of the kernel team; 0: one per core that the process may use
  std::string isa;             // "": the best one that the machine has
  int context_length = 0;      // --ctx; 0: the model's own, or as much of it as the KV memory holds
  std::uint64_t kv_bytes = 0;  // memory for the KV cache; 0: a quarter of what is available, 8 contexts at most
  std::int64_t kv_blocks = 0;  // the same as a number of blocks; wins over kv_bytes
  kernels::KvType kv_type = kernels::KvType::kF16;  // number format of the KV cache
  int max_batch_tokens = 512;                       // most tokens in one step, >= 64
  int max_running = 64;                             // most sequences in the batch
  int max_queue = 256;                              // most requests that wait for their first step; more are refused
  int max_request_tokens = 0;                       // cap on prompt + max_tokens of one request; 0: the context
  double max_wait_s = 120;       // longest predicted wait for the first step; 0: none. Who would wait longer is refused
  double request_timeout_s = 0;  // a request that is not finished by then ends with kDeadlineExceeded; 0: never
  std::int64_t max_total_tokens = 0;  // cap on the sum of prompt + max_tokens of all unfinished requests; 0: none
  int step_target_ms = 80;            // a step with decoding sequences in it aims at no more than this
  int idle_step_target_ms = 400;      // a step of prompts alone
  int max_step_ms = 1000;             // most that a slow model stretches both, so that its prompts keep their speed
  SpeculationOptions speculation;     // guess tokens and check several in one step
  PrefixSharing prefix_cache = PrefixSharing::kTenant;  // KV blocks are kept for prompts that start the same
  std::string prefix_cache_dir;                         // evicted blocks are kept there; "": nowhere
  std::uint64_t prefix_cache_disk_bytes = 0;            // at most so many
  std::function<void(const std::string&)> warn;         // gets text for the log, from any thread; optional
  Pooling pooling = Pooling::kMean;                     // LoadEngine reads it from the file
  telemetry::ServingMetrics* metrics = nullptr;         // optional; must outlive the engine
  model::PackedCacheOptions packed_cache;               // where packed weights are kept for the next start
  /// Called while weights are prepared with the fraction done (0..1); false cancels the load.
  std::function<bool(double)> progress;
};

/// A Backend over one Transformer. The loop thread owns everything that changes; the public methods put messages into
/// its inbox. The destructor ends the running step, then finishes what is left with kCancelled.
class Engine : public Backend {
 public:
  /// Starts the loop. Of the options those that concern loading (threads, isa, kv_*, progress) are not looked at;
  /// `info.context_length` 0 means the model's. `draft_model` may be null; so may `store`, which gets what the prefix
  /// cache evicts. Errors: kInvalidArgument (options that contradict each other or the model).
  static base::Result<std::unique_ptr<Engine>> Create(const EngineOptions& options,
                                                      std::unique_ptr<model::Transformer> transformer,
                                                      std::unique_ptr<const model::Tokenizer> tokenizer, ModelInfo info,
                                                      std::unique_ptr<Drafter> draft_model = nullptr,
                                                      std::shared_ptr<PrefixStore> store = nullptr);
  ~Engine() override;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  base::Result<RequestId> Submit(GenerateRequest request, std::shared_ptr<RequestListener> listener) override;
  void Cancel(RequestId id) override;
  base::Status Embed(std::vector<TokenId> tokens, std::shared_ptr<EmbeddingListener> listener) override;
  void Drain() override;
  [[nodiscard]] base::Status CheckLoad(const std::string& tenant) const override;
  [[nodiscard]] int RetryAfter(const std::string& tenant) const override;
  [[nodiscard]] BackendStats Stats() const override;
  [[nodiscard]] const ModelInfo& info() const override;
  [[nodiscard]] const model::Tokenizer& tokenizer() const override;

 private:
  class Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Reads the specification, sizes the KV cache, prepares the weights and starts an engine. Errors: those of
/// ReadModelSpec, Tokenizer::Create and Transformer::Load; kResourceExhausted (the KV memory does not hold the asked
/// context: both numbers).
base::Result<std::unique_ptr<Engine>> LoadEngine(std::shared_ptr<const model::ModelFile> file,
                                                 const EngineOptions& options);

/// The same, opening `path` first.
base::Result<std::unique_ptr<Engine>> LoadEngine(const std::string& path, const EngineOptions& options);

/// What LoadEngine would choose, for `inspect` and error messages.
struct KvPlan {
  std::int64_t blocks = 0;
  std::uint64_t bytes = 0;
  int context_length = 0;
};

/// Sizes the KV cache from the options, the model and the memory that is available (bytes). Errors: kInvalidArgument
/// (--ctx beyond what the model was trained for), kResourceExhausted as above.
base::Result<KvPlan> PlanKvCache(const model::ModelSpec& spec, const EngineOptions& options,
                                 std::uint64_t available_bytes);

}  // namespace bowhead::engine
