#include "engine/engine.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

#include "engine/engine_loop.h"
#include "engine/request_check.h"

namespace bowhead::engine {
namespace {

constexpr int kReservedAnswer = 512;

AdmissionLimits LimitsOf(const EngineOptions& options, std::int64_t kv_blocks) {
  return {.max_queue = options.max_queue,
          .max_total_tokens = options.max_total_tokens,
          .max_wait_s = options.max_wait_s,
          .max_running = options.max_running,
          .kv_tokens = kv_blocks * model::kBlockTokens};
}

EngineOptions Settled(EngineOptions options, const model::Transformer& transformer) {
  options.max_batch_tokens = std::min(options.max_batch_tokens, transformer.max_batch_tokens());
  // A step holds every running sequence's token and at least one prompt piece.
  options.max_running = std::min(options.max_running, options.max_batch_tokens - kEmbedPiece);
  options.max_queue = std::max(options.max_queue, 1);
  return options;
}

}  // namespace

class Engine::Impl {
 public:
  Impl(const EngineOptions& options, std::unique_ptr<model::Transformer> transformer,
       std::unique_ptr<const model::Tokenizer> tokenizer, ModelInfo info, std::unique_ptr<Drafter> draft_model,
       std::shared_ptr<PrefixStore> store)
      : options_(options),
        transformer_(std::move(transformer)),
        tokenizer_(std::move(tokenizer)),
        info_(std::move(info)),
        pool_(transformer_->num_kv_blocks()),
        store_(std::move(store)),
        admission_(LimitsOf(options_, pool_.total())),
        loop_(options_, transformer_.get(), tokenizer_.get(), &pool_, &inbox_, &admission_, &counters_, store_.get(),
              std::move(draft_model)),
        thread_([this] { loop_.Run(); }) {
    limits_.vocab_size = transformer_->spec().vocab_size;
    limits_.context_length = info_.context_length;
    limits_.max_request_tokens = options_.max_request_tokens;
    limits_.kv_blocks = pool_.total();
  }
  ~Impl() {
    inbox_.Close();
    thread_.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  base::Result<RequestId> Submit(GenerateRequest request, std::shared_ptr<RequestListener> listener) {
    if (listener == nullptr) return base::InvalidArgument("a request needs a listener");
    const base::Status status = CheckRequest(request, limits_);
    if (!status.ok()) return status;
    auto active = std::make_unique<ActiveRequest>(&pool_);
    active->listener = std::move(listener);
    active->sampler.emplace(std::move(request.sampling), request.prompt);
    if (request.constraint != nullptr) active->matcher.emplace(std::move(request.constraint));
    if (request.reasoning) active->guard.emplace(*std::move(request.reasoning), *tokenizer_);
    active->stop_tokens = std::move(request.stop_tokens);
    active->ignore_eos = request.ignore_eos;
    active->max_tokens = request.max_tokens;
    active->ticket = {request.tenant, static_cast<int>(request.prompt.size()), request.max_tokens};
    active->sequence.priority = request.priority;
    active->sequence.tenant = std::move(request.tenant);
    active->sequence.prompt_tokens = static_cast<int>(request.prompt.size());
    active->sequence.tokens = std::move(request.prompt);
    // Most answers are shorter than they may be.
    active->sequence.tokens.reserve(active->sequence.tokens.size() +
                                    static_cast<std::size_t>(std::min(request.max_tokens, kReservedAnswer)));
    return Enqueue(std::move(active));
  }

  base::Status Embed(std::vector<TokenId> tokens, std::shared_ptr<EmbeddingListener> listener) {
    if (listener == nullptr) return base::InvalidArgument("a request needs a listener");
    base::Status status = CheckTokens(tokens, limits_);
    if (status.ok()) status = CheckLength(static_cast<int>(tokens.size()), 0, limits_);
    if (!status.ok()) return status;
    auto active = std::make_unique<ActiveRequest>(&pool_);
    active->embedding_listener = std::move(listener);
    active->ticket = {"", static_cast<int>(tokens.size()), 0};
    active->sequence.fixed_piece = kEmbedPiece;
    active->sequence.prompt_tokens = static_cast<int>(tokens.size());
    if (options_.pooling == Pooling::kFirst) tokens.resize(1);
    if (options_.pooling == Pooling::kLast && tokens.size() > 1) {
      active->last_token = tokens.back();
      tokens.pop_back();
    }
    active->sequence.tokens = std::move(tokens);
    return Enqueue(std::move(active)).status();
  }

  void Cancel(RequestId id) { inbox_.PutCancel(id); }
  void Drain() { draining_.store(true); }

  [[nodiscard]] base::Status CheckLoad(const std::string& tenant) const {
    if (draining_.load()) return ShuttingDown();
    base::Status status = admission_.Check(tenant);
    if (!status.ok()) CountRefusal();
    return status;
  }
  [[nodiscard]] int RetryAfter(const std::string& tenant) const { return admission_.RetryAfter(tenant); }

  [[nodiscard]] BackendStats Stats() const {
    BackendStats stats;
    stats.running = counters_.running.load();
    stats.waiting = admission_.queued() + counters_.preempted_waiting.load();
    stats.kv_blocks_total = pool_.total();
    stats.kv_blocks_used = counters_.kv_blocks_used.load();
    stats.preemptions = counters_.preemptions.load();
    stats.guessed_tokens = counters_.guessed_tokens.load();
    stats.accepted_tokens = counters_.accepted_tokens.load();
    return stats;
  }
  [[nodiscard]] const ModelInfo& info() const { return info_; }
  [[nodiscard]] const model::Tokenizer& tokenizer() const { return *tokenizer_; }

 private:
  base::Result<RequestId> Enqueue(std::unique_ptr<ActiveRequest> active) {
    if (draining_.load()) return ShuttingDown();
    const Admission::Ticket ticket = active->ticket;
    if (base::Status status = admission_.Enter(ticket); !status.ok()) {
      CountRefusal();
      return status;
    }
    const RequestId id = next_id_.fetch_add(1);
    active->sequence.id = id;
    active->sequence.arrival = id;
    active->arrival = ActiveRequest::Clock::now();
    if (inbox_.Put(std::move(active))) return id;
    admission_.Left(ticket, 0);
    return base::Unavailable("the engine has stopped");
  }
  static base::Status ShuttingDown() {
    return base::Unavailable("the server is shutting down; send the request to another one");
  }
  void CountRefusal() const {
    if (options_.metrics != nullptr) options_.metrics->refused.Add();
  }

  const EngineOptions options_;
  const std::unique_ptr<model::Transformer> transformer_;
  const std::unique_ptr<const model::Tokenizer> tokenizer_;
  const ModelInfo info_;
  RequestLimits limits_;
  BlockPool pool_;  // the loop's, but for total()
  Inbox inbox_;
  std::shared_ptr<PrefixStore> store_;  // its thread uses the inbox
  Admission admission_;
  EngineCounters counters_;
  std::atomic<RequestId> next_id_ = 1;
  std::atomic<bool> draining_ = false;
  EngineLoop loop_;
  std::thread thread_;
};

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

base::Result<std::unique_ptr<Engine>> Engine::Create(const EngineOptions& options,
                                                     std::unique_ptr<model::Transformer> transformer,
                                                     std::unique_ptr<const model::Tokenizer> tokenizer, ModelInfo info,
                                                     std::unique_ptr<Drafter> draft_model,
                                                     std::shared_ptr<PrefixStore> store) {
  if (transformer == nullptr || tokenizer == nullptr) return base::Internal("an engine needs a model and a tokenizer");
  const int batch = std::min(options.max_batch_tokens, transformer->max_batch_tokens());
  if (batch < 2 * kEmbedPiece) {
    return base::InvalidArgument("steps of at most " + std::to_string(batch) + " tokens are too small; use " +
                                 std::to_string(2 * kEmbedPiece) + " or more");
  }
  if (options.max_running < 1) return base::InvalidArgument("the batch must hold at least one sequence");
  if (transformer->num_kv_blocks() < 1) return base::InvalidArgument("the KV cache has no blocks");
  const model::ModelSpec& spec = transformer->spec();
  if (info.context_length <= 0) info.context_length = spec.context_length;
  const std::int64_t cache_tokens = transformer->num_kv_blocks() * model::kBlockTokens;
  info.context_length = static_cast<int>(std::min<std::int64_t>(info.context_length, cache_tokens));
  info.vocab_size = spec.vocab_size;
  info.embedding_length = spec.embedding_length;
  info.isa = transformer->isa();
  info.threads = transformer->threads();
  if (info.architecture.empty()) info.architecture = spec.architecture;
  if (info.name.empty()) info.name = spec.name;
  const EngineOptions settled = Settled(options, *transformer);
  return std::unique_ptr<Engine>(
      new Engine(std::make_unique<Impl>(settled, std::move(transformer), std::move(tokenizer), std::move(info),
                                        std::move(draft_model), std::move(store))));
}

base::Result<RequestId> Engine::Submit(GenerateRequest request, std::shared_ptr<RequestListener> listener) {
  return impl_->Submit(std::move(request), std::move(listener));
}
void Engine::Cancel(RequestId id) {
  impl_->Cancel(id);
}
base::Status Engine::Embed(std::vector<TokenId> tokens, std::shared_ptr<EmbeddingListener> listener) {
  return impl_->Embed(std::move(tokens), std::move(listener));
}
void Engine::Drain() {
  impl_->Drain();
}
base::Status Engine::CheckLoad(const std::string& tenant) const {
  return impl_->CheckLoad(tenant);
}
int Engine::RetryAfter(const std::string& tenant) const {
  return impl_->RetryAfter(tenant);
}
BackendStats Engine::Stats() const {
  return impl_->Stats();
}
const ModelInfo& Engine::info() const {
  return impl_->info();
}
const model::Tokenizer& Engine::tokenizer() const {
  return impl_->tokenizer();
}

}  // namespace bowhead::engine
