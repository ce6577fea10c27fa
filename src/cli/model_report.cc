#include "cli/model_report.h"

#include <string_view>

#include "model/arch/model_spec.h"
#include "model/arch/transformer.h"
#include "model/arch/weights.h"

namespace bowhead::cli {
namespace {

std::string TextOf(const model::Metadata& metadata, std::string_view key) {
  const std::string* value = metadata.GetString(key);
  return value == nullptr ? std::string() : *value;
}

// The packed matrices; the token embeddings, which are looked up in the mapped file; and vectors, kept as F32.
base::Result<std::uint64_t> WeightBytes(const model::ModelFile& file, const model::ModelSpec& spec) {
  const base::Result<std::uint64_t> packed = model::PackedBytes(file, spec);
  if (!packed.ok()) return packed.status();
  std::uint64_t total = *packed;
  for (const model::Tensor& tensor : file.tensors()) {
    if (tensor.rank == 1) total += tensor.num_elements() * sizeof(float);
  }
  if (const model::Tensor* embedding = file.FindTensor("token_embd.weight")) total += embedding->num_bytes();
  return total;
}

base::Result<MemoryNeed> ComputeMemory(const model::ModelFile& file, const model::ModelSpec& spec,
                                       std::uint64_t context_length) {
  MemoryNeed need;
  need.context_length = context_length == 0 ? static_cast<std::uint64_t>(spec.context_length) : context_length;
  const std::uint64_t blocks = (need.context_length + model::kBlockTokens - 1) / model::kBlockTokens;
  need.kv_bytes = blocks * model::KvBytesPerBlock(spec);
  const base::Result<std::uint64_t> weights = WeightBytes(file, spec);
  if (!weights.ok()) return weights.status();
  need.weight_bytes = *weights;
  return need;
}

}  // namespace

ModelReport MakeReport(const model::ModelFile& file, std::uint64_t context_length) {
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
  const base::Result<MemoryNeed> memory = ComputeMemory(file, *spec, context_length);
  if (memory.ok()) {
    report.memory = *memory;
  } else {
    report.obstacle = memory.status().message();
  }
  return report;
}

}  // namespace bowhead::cli
