#include "cli/model_report.h"

#include <string_view>

#include "kernels/packed_matrix.h"
#include "model/arch/model_spec.h"
#include "model/arch/transformer.h"

namespace bowhead::cli {
namespace {

std::string TextOf(const model::Metadata& metadata, std::string_view key) {
  const std::string* value = metadata.GetString(key);
  return value == nullptr ? std::string() : *value;
}

// Matrices are packed into panels; vectors are kept as F32.
std::uint64_t PreparedBytes(const model::Tensor& tensor) {
  if (tensor.rank == 1) return tensor.num_elements() * sizeof(float);
  const std::uint64_t rows = tensor.num_elements() / tensor.shape[0];
  const kernels::PackedMatrix packed{tensor.type, rows, tensor.shape[0], nullptr};
  return packed.total_bytes();
}

// From the table of tensors alone, so that it works for header-only files too.
std::uint64_t WeightBytes(const model::ModelFile& file) {
  std::uint64_t total = 0;
  for (const model::Tensor& tensor : file.tensors()) total += PreparedBytes(tensor);
  // Embeddings are looked up in the mapped file; packed they are only where they are the output matrix too.
  const model::Tensor* embedding = file.FindTensor("token_embd.weight");
  if (embedding == nullptr) return total;
  if (file.FindTensor("output.weight") != nullptr) total -= PreparedBytes(*embedding);
  return total + embedding->num_bytes();
}

// Looks for missing and misshapen tensors, and for values that are not finite, as loading does.
base::Status CheckTensors(const model::ModelFile& file, const model::ModelSpec& spec) {
  const bool header_only = file.tensors().front().data.empty();
  return header_only ? base::OkStatus() : model::PackedBytes(file, spec).status();
}

MemoryNeed ComputeMemory(const model::ModelFile& file, const model::ModelSpec& spec, std::uint64_t context_length,
                         kernels::KvType kv_type) {
  MemoryNeed need;
  need.kv_type = kv_type;
  need.context_length = context_length == 0 ? static_cast<std::uint64_t>(spec.context_length) : context_length;
  const std::uint64_t blocks = (need.context_length + model::kBlockTokens - 1) / model::kBlockTokens;
  need.kv_bytes = blocks * model::KvBytesPerBlock(spec, kv_type);
  need.weight_bytes = WeightBytes(file);
  return need;
}

}  // namespace

ModelReport MakeReport(const model::ModelFile& file, std::uint64_t context_length, kernels::KvType kv_type) {
  const model::Metadata& metadata = file.metadata();
  ModelReport report;
  report.architecture = TextOf(metadata, "general.architecture");
  report.name = TextOf(metadata, "general.name");
  report.context_length = metadata.GetUint(report.architecture + ".context_length").value_or(0);
  if (const auto* tokens = metadata.GetStrings("tokenizer.ggml.tokens")) report.vocab_size = tokens->size();
  for (const model::Tensor& tensor : file.tensors()) {
    TypeTotal& total = report.types[std::string(kernels::GetTensorTypeInfo(tensor.type).name)];
    ++total.tensors;
    total.elements += tensor.num_elements();
    total.bytes += tensor.num_bytes();
    report.parameters += tensor.num_elements();
    report.tensor_bytes += tensor.num_bytes();
  }
  if (file.tensors().empty()) {
    report.obstacle = "the file holds a vocabulary but no tensors";
    return report;
  }
  const base::Result<model::ModelSpec> spec = model::ReadModelSpec(file);
  if (!spec.ok()) {
    report.obstacle = spec.status().message();
    return report;
  }
  report.memory = ComputeMemory(file, *spec, context_length, kv_type);
  report.obstacle = CheckTensors(file, *spec).message();
  if (report.obstacle.empty() && !file.tensors().front().data.empty()) {
    report.packed_cache = model::FindPackedWeights(file, *spec, {model::PackedCacheOptions::Mode::kAuto, {}, {}});
  }
  return report;
}

}  // namespace bowhead::cli
