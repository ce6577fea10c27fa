#include <algorithm>
#include <array>
#include <filesystem>
#include <future>
#include <string>
#include <utility>

#include "engine/engine.h"
#include "engine/memory_budget.h"
#include "engine/memory_plan.h"
#include "engine/speculation/load_draft_model.h"
#include "engine/spill/prefix_store.h"
#include "engine/spill/store_key.h"
#include "kernels/tensor_type.h"
#include "model/arch/weights.h"

namespace bowhead::engine {
namespace {

constexpr std::int64_t kAutomaticContexts = 8;
constexpr std::uint64_t kUnknownMemory = std::uint64_t{4} << 30;

std::string Mebibytes(std::uint64_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

std::int64_t ContextBlocks(int context_length) {
  return (std::int64_t{context_length} + model::kBlockTokens - 1) / model::kBlockTokens;
}

/// The type that holds most bytes of the tensors.
std::string MainType(const model::ModelFile& file) {
  std::array<std::uint64_t, 64> bytes = {};
  const model::Tensor* largest = nullptr;
  std::uint64_t most = 0;
  for (const model::Tensor& tensor : file.tensors()) {
    const auto code = static_cast<std::size_t>(tensor.type);
    if (code >= bytes.size()) continue;
    bytes[code] += tensor.data.size();
    if (bytes[code] > most) {
      most = bytes[code];
      largest = &tensor;
    }
  }
  return largest == nullptr ? "" : std::string(kernels::GetTensorTypeInfo(largest->type).name);
}

ModelInfo Describe(const model::ModelFile& file, const model::ModelSpec& spec) {
  ModelInfo info;
  info.name = spec.name.empty() ? std::filesystem::path(file.path()).stem().string() : spec.name;
  info.architecture = spec.architecture;
  info.quantization = MainType(file);
  for (const model::Tensor& tensor : file.tensors()) info.parameters += tensor.num_elements();
  info.file_bytes = file.file_bytes();
  return info;
}

Pooling ReadPooling(const model::ModelFile& file, const std::string& architecture) {
  switch (file.metadata().GetUint(architecture + ".pooling_type").value_or(0)) {
    case 2:
      return Pooling::kFirst;
    case 3:
      return Pooling::kLast;
    default:
      return Pooling::kMean;
  }
}

/// The store that the options ask for, or null.
base::Result<std::shared_ptr<PrefixStore>> OpenStore(const EngineOptions& options, const model::ModelFile& file,
                                                     const model::Transformer& transformer) {
  if (options.prefix_cache_dir.empty() || options.prefix_cache == PrefixSharing::kOff) {
    return std::shared_ptr<PrefixStore>();
  }
  const auto key = StoreKey(file, transformer);
  if (!key.ok()) return key.status().WithContext("keeping the prefix cache on disk");
  PrefixStoreOptions store;
  store.dir = options.prefix_cache_dir;
  store.max_bytes = options.prefix_cache_disk_bytes;
  store.maker = *key;
  store.block_bytes = transformer.BlockBytes();
  store.warn = options.warn;
  store.metrics = options.metrics;
  auto opened = PrefixStore::Open(std::move(store));
  if (!opened.ok()) return opened.status();
  return std::shared_ptr<PrefixStore>(std::move(opened).value());
}

}  // namespace

base::Result<KvPlan> PlanKvCache(const model::ModelSpec& spec, const EngineOptions& options,
                                 std::uint64_t available_bytes) {
  if (options.context_length < 0) return base::InvalidArgument("the context (--ctx) must be at least 1 token");
  if (options.context_length > spec.context_length) {
    return base::InvalidArgument("the context (--ctx " + std::to_string(options.context_length) +
                                 ") is longer than the " + std::to_string(spec.context_length) +
                                 " tokens that the model was trained for");
  }
  const std::uint64_t block_bytes = std::max<std::uint64_t>(model::KvBytesPerBlock(spec, options.kv_type), 1);
  const bool asked = options.context_length > 0;
  const int wanted = asked ? options.context_length : spec.context_length;
  const std::int64_t context_blocks = ContextBlocks(wanted);
  KvPlan plan;
  if (options.kv_blocks > 0) {
    plan.blocks = options.kv_blocks;
  } else if (options.kv_bytes > 0) {
    plan.blocks = static_cast<std::int64_t>(options.kv_bytes / block_bytes);
  } else {
    const std::uint64_t available = available_bytes == 0 ? kUnknownMemory : available_bytes;
    const auto quarter = static_cast<std::int64_t>(available / 4 / block_bytes);
    plan.blocks = std::min(quarter, kAutomaticContexts * context_blocks);
    // One context that was asked for may take more than a quarter, if it is there at all.
    if (asked && plan.blocks < context_blocks && context_blocks < static_cast<std::int64_t>(available / block_bytes)) {
      plan.blocks = context_blocks;
    }
  }
  plan.bytes = static_cast<std::uint64_t>(plan.blocks) * block_bytes;
  if (plan.blocks < 1 || (asked && plan.blocks < context_blocks)) {
    return base::ResourceExhausted(
        "the KV cache for a context of " + std::to_string(wanted) + " tokens takes " +
        Mebibytes(static_cast<std::uint64_t>(context_blocks) * block_bytes) + ", and " + Mebibytes(plan.bytes) +
        " are there for it; ask for a shorter context (--ctx)" +
        (options.kv_type == kernels::KvType::kQ8 ? "" : " or smaller entries (--kv-type q8)"));
  }
  plan.context_length = static_cast<int>(std::min<std::int64_t>(wanted, plan.blocks * model::kBlockTokens));
  return plan;
}

base::Result<std::unique_ptr<Engine>> LoadEngine(std::shared_ptr<const model::ModelFile> file,
                                                 const EngineOptions& options) {
  const auto spec = model::ReadModelSpec(*file);
  if (!spec.ok()) return spec.status();
  const base::Result<std::uint64_t> weight_bytes = model::PackedBytes(*file, *spec);
  if (!weight_bytes.ok()) return weight_bytes.status();
  const std::uint64_t available = AvailableMemoryBytes();
  MemoryPlan memory{*weight_bytes, 0, ScratchBytes(*spec, options.max_batch_tokens)};
  if (base::Status status = CheckMemoryPlan(memory, available); !status.ok()) return status;
  const auto plan =
      PlanKvCache(*spec, options, available == 0 ? 0 : std::max<std::uint64_t>(available - memory.total_bytes(), 1));
  if (!plan.ok()) return plan.status();
  memory.kv_bytes = plan->bytes;
  if (base::Status status = CheckMemoryPlan(memory, available); !status.ok()) return status;
  // A large vocabulary takes as long to index as mapped weights take to check.
  auto making_tokenizer = std::async(std::launch::async, [file] { return model::Tokenizer::Create(file->metadata()); });
  model::TransformerOptions transformer_options;
  transformer_options.threads = options.threads;
  transformer_options.isa = options.isa;
  transformer_options.max_batch_tokens = options.max_batch_tokens;
  transformer_options.kv_blocks = plan->blocks;
  transformer_options.packed_cache = options.packed_cache;
  transformer_options.kv_type = options.kv_type;
  transformer_options.progress = options.progress;
  ModelInfo info = Describe(*file, *spec);
  info.context_length = plan->context_length;
  EngineOptions engine_options = options;
  engine_options.pooling = ReadPooling(*file, spec->architecture);
  std::unique_ptr<Drafter> draft_model;
  if (!options.speculation.draft_model.empty() && options.speculation.most_draft > 0) {
    auto loaded = LoadDraftModel(*file, options, plan->context_length);
    if (!loaded.ok()) return loaded.status();
    draft_model = std::move(loaded).value();
  }
  const std::shared_ptr<const model::ModelFile> model_file = file;
  auto transformer = model::Transformer::Load(std::move(file), transformer_options);
  auto tokenizer = making_tokenizer.get();
  if (!tokenizer.ok()) return tokenizer.status();
  if (!transformer.ok()) return transformer.status();
  auto store = OpenStore(options, *model_file, **transformer);
  if (!store.ok()) return store.status();
  return Engine::Create(engine_options, std::move(transformer).value(), std::move(tokenizer).value(), std::move(info),
                        std::move(draft_model), std::move(store).value());
}

base::Result<std::unique_ptr<Engine>> LoadEngine(const std::string& path, const EngineOptions& options) {
  auto file = model::ModelFile::Open(path);
  if (!file.ok()) return file.status();
  return LoadEngine(std::move(file).value(), options);
}

}  // namespace bowhead::engine
