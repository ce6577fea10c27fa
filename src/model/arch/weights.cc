#include "model/arch/weights.h"

#include <string>

#include "base/large_buffer.h"
#include "kernels/dequantize.h"
#include "model/arch/weight_packer.h"

namespace bowhead::model {
namespace {

using kernels::PackedMatrix;

std::string ShapeText(std::span<const std::uint64_t> shape) {
  std::string text;
  for (const std::uint64_t n : shape) text += (text.empty() ? "[" : ", ") + std::to_string(n);
  return text + "]";
}

// Collects tensors by name; remembers the first error.
class Collector {
 public:
  explicit Collector(const ModelFile& file) : file_(&file) {}

  const Tensor* Find(const std::string& name, std::uint64_t in, std::uint64_t out, bool required = true) {
    const Tensor* tensor = file_->FindTensor(name);
    if (tensor == nullptr) {
      if (required) Fail("the tensor \"" + name + "\" is missing");
      return nullptr;
    }
    const std::array<std::uint64_t, 4> expected = {in, out, 1, 1};
    if (tensor->shape != expected) {
      Fail("the tensor \"" + name + "\" has the shape " + ShapeText(tensor->shape) +
           ", but its architecture asks for " + ShapeText(expected));
      return nullptr;
    }
    if (tensor->data.empty()) {
      Fail("the tensor \"" + name + "\" has no data: only the file's header was opened");
      return nullptr;
    }
    return tensor;
  }

  void Matrix(const std::string& name, std::uint64_t in, std::uint64_t out, PackedMatrix& matrix) {
    if (const Tensor* tensor = Find(name, in, out)) AddJob(tensor, matrix);
  }

  void AddJob(const Tensor* tensor, PackedMatrix& matrix) {
    matrix = {tensor->type, tensor->shape[1], tensor->shape[0], nullptr};
    jobs_.push_back({tensor, &matrix, bytes_});
    bytes_ += (matrix.total_bytes() + 63) / 64 * 64;
  }

  void Vector(const std::string& name, std::uint64_t n, std::vector<float>& out, bool required = true) {
    const Tensor* tensor = Find(name, n, 1, required);
    if (tensor == nullptr) return;
    if (!kernels::AllFinite(tensor->type, tensor->data.data(), 0, 1, n)) {
      return Fail("the tensor \"" + name + "\" holds values that are not finite");
    }
    out.resize(n);
    kernels::DequantizeRow(tensor->type, tensor->data.data(), n, out.data());
  }

  void Fail(std::string message) {
    if (status_.ok()) {
      status_ = base::InvalidArgument("the model file cannot be served: " + std::move(message));
    }
  }

  [[nodiscard]] const base::Status& status() const { return status_; }
  [[nodiscard]] const std::vector<PackJob>& jobs() const { return jobs_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  const ModelFile* file_;
  std::vector<PackJob> jobs_;
  std::size_t bytes_ = 0;
  base::Status status_;
};

void CollectLayer(Collector& c, const ModelSpec& spec, int index, LayerWeights& layer) {
  const std::string p = "blk." + std::to_string(index) + ".";
  const auto embd = static_cast<std::uint64_t>(spec.embedding_length);
  const auto q_dim = static_cast<std::uint64_t>(spec.q_dim());
  const auto kv_dim = static_cast<std::uint64_t>(spec.kv_dim());
  const auto ff = static_cast<std::uint64_t>(spec.feed_forward_length);
  const auto head_dim = static_cast<std::uint64_t>(spec.head_dim);
  c.Vector(p + "attn_norm.weight", embd, layer.attention_norm);
  c.Matrix(p + "attn_q.weight", embd, q_dim, layer.q);
  c.Matrix(p + "attn_k.weight", embd, kv_dim, layer.k);
  c.Matrix(p + "attn_v.weight", embd, kv_dim, layer.v);
  c.Matrix(p + "attn_output.weight", q_dim, embd, layer.attention_output);
  c.Vector(p + "ffn_norm.weight", embd, layer.ffn_norm);
  c.Matrix(p + "ffn_gate.weight", embd, ff, layer.gate);
  c.Matrix(p + "ffn_up.weight", embd, ff, layer.up);
  c.Matrix(p + "ffn_down.weight", ff, embd, layer.down);
  // Some Llama files have biases too; Qwen 2 must.
  c.Vector(p + "attn_q.bias", q_dim, layer.q_bias, spec.qkv_bias);
  c.Vector(p + "attn_k.bias", kv_dim, layer.k_bias, spec.qkv_bias);
  c.Vector(p + "attn_v.bias", kv_dim, layer.v_bias, spec.qkv_bias);
  if (spec.qk_norm) {
    c.Vector(p + "attn_q_norm.weight", head_dim, layer.q_norm);
    c.Vector(p + "attn_k_norm.weight", head_dim, layer.k_norm);
  }
  if (spec.post_norms) {
    c.Vector(p + "post_attention_norm.weight", embd, layer.post_attention_norm);
    c.Vector(p + "post_ffw_norm.weight", embd, layer.post_ffn_norm);
  }
}

void Collect(Collector& c, const ModelFile& file, const ModelSpec& spec, Weights& w) {
  const auto embd = static_cast<std::uint64_t>(spec.embedding_length);
  const auto vocab = static_cast<std::uint64_t>(spec.vocab_size);
  w.token_embedding = c.Find("token_embd.weight", embd, vocab);
  if (w.token_embedding == nullptr) return;
  w.layers.resize(static_cast<std::size_t>(spec.num_layers));
  for (int i = 0; i < spec.num_layers; ++i) CollectLayer(c, spec, i, w.layers[static_cast<std::size_t>(i)]);
  c.Vector("output_norm.weight", embd, w.output_norm);
  if (file.FindTensor("output.weight") != nullptr) {
    c.Matrix("output.weight", embd, vocab, w.output);
  } else {
    c.AddJob(w.token_embedding, w.output);
  }
  c.Vector("rope_freqs.weight", static_cast<std::uint64_t>(spec.rope_dim) / 2, w.rope_factors, false);
  for (const float factor : w.rope_factors) {
    if (!(factor > 0.0F)) c.Fail("\"rope_freqs.weight\" holds values that are not positive");
  }
}

base::Status CheckMemory(std::size_t bytes) {
  const std::optional<std::uint64_t> available = base::AvailableMemory();
  if (!available || *available >= bytes) return base::OkStatus();
  return base::ResourceExhausted("the weights need " + std::to_string(bytes >> 20) + " MiB of memory, but only " +
                                 std::to_string(*available >> 20) +
                                 " MiB are available; use a smaller model or a coarser quantization");
}

// An embedding that is not the output matrix too is read in place, and only checked.
WeightPacker MakePacker(const Collector& collector, const ModelFile& file, const Weights& weights) {
  const bool tied = file.FindTensor("output.weight") == nullptr;
  return {&file, collector.jobs(), collector.bytes(), tied ? nullptr : weights.token_embedding};
}

}  // namespace

std::optional<PackedCacheInfo> FindPackedWeights(const ModelFile& file, const ModelSpec& spec,
                                                 const PackedCacheOptions& options) {
  Collector collector(file);
  Weights weights;
  Collect(collector, file, spec, weights);
  if (!collector.status().ok()) return std::nullopt;
  const WeightPacker packer = MakePacker(collector, file, weights);
  const auto found = FindPackedCache(PackedCachePaths(file, options), file, packer, {});
  if (!found) return std::nullopt;
  return PackedCacheInfo{found->path, found->map.bytes().size()};
}

base::Result<std::uint64_t> PackedBytes(const ModelFile& file, const ModelSpec& spec) {
  Collector collector(file);
  Weights weights;
  Collect(collector, file, spec, weights);
  if (!collector.status().ok()) return collector.status();
  return static_cast<std::uint64_t>(collector.bytes());
}

base::Result<Weights> LoadWeights(std::shared_ptr<const ModelFile> file, const ModelSpec& spec, base::WorkerTeam& team,
                                  const PackedCacheOptions& cache, const std::function<bool(double)>& progress) {
  Collector collector(*file);
  Weights weights;
  Collect(collector, *file, spec, weights);
  if (!collector.status().ok()) return collector.status();
  // Reading the small tensors has brought their neighbours' pages along.
  for (const Tensor& tensor : file->tensors()) file->DontNeed(tensor.data);
  if (base::Status status = CheckMemory(collector.bytes()); !status.ok()) return status;
  const WeightPacker packer = MakePacker(collector, *file, weights);
  base::Result<PackedArena> arena = PreparePackedArena(*file, packer, team, cache, progress);
  if (!arena.ok()) return arena.status();
  packer.Attach(arena->data());
  weights.arena = *std::move(arena);
  weights.file = std::move(file);
  return weights;
}

}  // namespace bowhead::model
