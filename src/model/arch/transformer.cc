#include "model/arch/transformer.h"

#include <string>
#include <utility>

#include "model/arch/forward_pass.h"

namespace bowhead::model {
namespace {

base::Status CheckVocabulary(const ModelFile& file, const ModelSpec& spec) {
  const StringArray* tokens = file.metadata().GetStrings("tokenizer.ggml.tokens");
  if (tokens == nullptr || tokens->size() <= static_cast<std::size_t>(spec.vocab_size)) return base::OkStatus();
  return base::InvalidArgument("the model file cannot be served: its tokenizer has " + std::to_string(tokens->size()) +
                               " tokens, but its embedding only " + std::to_string(spec.vocab_size) + " rows");
}

class PagedTransformer final : public Transformer {
 public:
  PagedTransformer(ModelSpec spec, int max_batch_tokens, const kernels::KernelTable& kernels,
                   std::unique_ptr<base::WorkerTeam> team)
      : spec_(std::move(spec)), max_batch_tokens_(max_batch_tokens), kernels_(&kernels), team_(std::move(team)) {}

  base::Status Prepare(std::shared_ptr<const ModelFile> file, const TransformerOptions& options) {
    base::Result<Weights> weights = LoadWeights(std::move(file), spec_, *team_, options.packed_cache, options.progress);
    if (!weights.ok()) return weights.status();
    weights_ = *std::move(weights);
    base::Result<KvStore> kv = KvStore::Create(spec_, options.kv_type, options.kv_blocks);
    if (!kv.ok()) return kv.status();
    kv_ = *std::move(kv);
    forward_ = std::make_unique<ForwardPass>(spec_, weights_, *kernels_, kv_, *team_);
    return base::OkStatus();
  }

  [[nodiscard]] const ModelSpec& spec() const override { return spec_; }
  [[nodiscard]] std::int64_t num_kv_blocks() const override { return kv_.num_blocks(); }
  [[nodiscard]] int max_batch_tokens() const override { return max_batch_tokens_; }
  [[nodiscard]] int threads() const override { return team_->size(); }
  [[nodiscard]] std::string_view isa() const override { return kernels_->name; }

  base::Result<ForwardResult> Forward(std::span<const SequenceStep> batch) override {
    base::Status status = PlanStep(batch, spec_, max_batch_tokens_, kv_.num_blocks(), team_->size(), plan_);
    if (status.ok()) status = forward_->Run(plan_);
    if (!status.ok()) return status;
    return ForwardResult{forward_->logits(), forward_->hidden()};
  }

  [[nodiscard]] std::size_t BlockBytes() const override { return kv_.block_bytes(); }
  [[nodiscard]] std::string KvLayout() const override { return kv_.Layout(); }
  void ReadBlock(std::int32_t block, std::span<std::byte> out) const override { kv_.ReadBlock(block, out); }
  void WriteBlock(std::int32_t block, std::span<const std::byte> in) override { kv_.WriteBlock(block, in); }

 private:
  ModelSpec spec_;
  int max_batch_tokens_;
  const kernels::KernelTable* kernels_;
  std::unique_ptr<base::WorkerTeam> team_;
  Weights weights_;
  KvStore kv_;
  StepPlan plan_;
  std::unique_ptr<ForwardPass> forward_;
};

}  // namespace

base::Result<std::unique_ptr<Transformer>> Transformer::Load(std::shared_ptr<const ModelFile> file,
                                                             const TransformerOptions& options) {
  base::Result<ModelSpec> spec = ReadModelSpec(*file);
  if (!spec.ok()) return spec.status();
  if (base::Status status = CheckVocabulary(*file, *spec); !status.ok()) return status;
  const base::Result<const kernels::KernelTable*> kernels = kernels::SelectIsa(options.isa);
  if (!kernels.ok()) return kernels.status();
  if (options.threads < 0 || options.threads > 1024 || options.max_batch_tokens < 1) {
    return base::InvalidArgument("the number of threads must be from 0 to 1024, that of batch tokens at least 1");
  }
  const int threads = options.threads == 0 ? base::AvailableThreads() : options.threads;
  auto model = std::make_unique<PagedTransformer>(*std::move(spec), options.max_batch_tokens, **kernels,
                                                  std::make_unique<base::WorkerTeam>(threads));
  if (base::Status status = model->Prepare(std::move(file), options); !status.ok()) return status;
  return std::unique_ptr<Transformer>(std::move(model));
}

}  // namespace bowhead::model
