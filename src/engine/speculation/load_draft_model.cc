#include "engine/speculation/load_draft_model.h"

#include <algorithm>
#include <utility>

#include "engine/memory_budget.h"
#include "engine/speculation/draft_model.h"

namespace bowhead::engine {
namespace {

constexpr std::uint64_t kShareOfMemory = 16;

std::int64_t BlocksOf(const model::ModelSpec& spec, const EngineOptions& options, int context_length) {
  const std::int64_t context = BlocksFor(std::min(context_length, spec.context_length));
  const std::uint64_t block_bytes = std::max<std::uint64_t>(model::KvBytesPerBlock(spec, options.kv_type), 1);
  const auto most = static_cast<std::int64_t>(AvailableMemoryBytes() / kShareOfMemory / block_bytes);
  return std::clamp(most, context, context * std::max(options.max_running, 1));
}

base::Result<std::unique_ptr<Drafter>> Load(const model::ModelFile& target, const EngineOptions& options,
                                            int context_length) {
  auto file = model::ModelFile::Open(options.speculation.draft_model);
  if (!file.ok()) return file.status();
  base::Status status = CheckSameVocabulary(target, **file);
  if (!status.ok()) return status;
  const auto spec = model::ReadModelSpec(**file);
  if (!spec.ok()) return spec.status();
  const auto target_spec = model::ReadModelSpec(target);
  if (!target_spec.ok()) return target_spec.status();
  model::TransformerOptions transformer_options;
  transformer_options.threads = options.threads;
  transformer_options.isa = options.isa;
  transformer_options.max_batch_tokens = std::max(options.max_running, DraftModel::kCatchUp);
  transformer_options.kv_blocks = BlocksOf(*spec, options, context_length);
  transformer_options.kv_type = options.kv_type;
  auto transformer = model::Transformer::Load(std::move(file).value(), transformer_options);
  if (!transformer.ok()) return transformer.status();
  return std::unique_ptr<Drafter>(
      std::make_unique<DraftModel>(std::move(transformer).value(), target_spec->vocab_size));
}

}  // namespace

base::Result<std::unique_ptr<Drafter>> LoadDraftModel(const model::ModelFile& target, const EngineOptions& options,
                                                      int context_length) {
  auto drafter = Load(target, options, context_length);
  if (!drafter.ok()) return drafter.status().WithContext("loading the draft model");
  return drafter;
}

}  // namespace bowhead::engine
