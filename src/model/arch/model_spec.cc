#include "model/arch/model_spec.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace bowhead::model {
namespace {

// What a family fixes; everything else is read from the file.
struct Architecture {
  std::string_view name;
  Activation activation;
  RopeLayout rope_layout;
  bool qkv_bias;
  bool qk_norm;
  bool post_norms;
  bool scales_embedding;  // by sqrt(embedding_length)
  int sliding_pattern;    // 0: no sliding windows
};

// llama also covers Mistral, TinyLlama and SmolLM, whose files carry that name.
constexpr std::array<Architecture, 4> kArchitectures = {{
    {"llama", Activation::kSilu, RopeLayout::kInterleaved, false, false, false, false, 0},
    {"qwen2", Activation::kSilu, RopeLayout::kHalves, true, false, false, false, 0},
    {"qwen3", Activation::kSilu, RopeLayout::kHalves, false, true, false, false, 0},
    {"gemma3", Activation::kGeluTanh, RopeLayout::kHalves, false, true, true, true, 6},
}};

constexpr int kGemma27bLayers = 62;  // the one size whose attention scale is not 1 / sqrt(head_dim)

std::string Quote(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

// Reads keys below "<architecture>." and remembers the first error.
class Reader {
 public:
  Reader(const Metadata& metadata, std::string prefix) : metadata_(&metadata), prefix_(std::move(prefix)) {}

  int Int(std::string_view key, int low, int high, std::optional<int> fallback = std::nullopt) {
    const std::string name = prefix_ + "." + std::string(key);
    const std::optional<std::int64_t> value = metadata_->GetInt(name);
    if (!value) {
      if (fallback && !metadata_->Has(name)) return *fallback;
      Fail("the key " + Quote(name) + (metadata_->Has(name) ? " is not one integer" : " is missing"));
      return low;
    }
    if (*value < low || *value > high) {
      Fail(Quote(name) + " is " + std::to_string(*value) + ", but must be from " + std::to_string(low) + " to " +
           std::to_string(high));
      return low;
    }
    return static_cast<int>(*value);
  }

  float Float(std::string_view key, float low, float high, float fallback) {
    const std::string name = prefix_ + "." + std::string(key);
    const std::optional<double> value = metadata_->GetFloat(name);
    if (!value) {
      if (metadata_->Has(name)) Fail("the key " + Quote(name) + " is not a number");
      return fallback;
    }
    if (!(*value >= low && *value <= high)) {
      Fail(Quote(name) + " is " + std::to_string(*value) + ", but must be from " + std::to_string(low) + " to " +
           std::to_string(high));
      return fallback;
    }
    return static_cast<float>(*value);
  }

  void Fail(std::string message) {
    if (status_.ok()) status_ = base::InvalidArgument("the model file cannot be served: " + std::move(message));
  }
  [[nodiscard]] const base::Status& status() const { return status_; }

 private:
  const Metadata* metadata_;
  std::string prefix_;
  base::Status status_;
};

void ReadDimensions(Reader& reader, const ModelFile& file, ModelSpec& spec) {
  spec.context_length = reader.Int("context_length", 1, 1 << 24);
  spec.embedding_length = reader.Int("embedding_length", 32, 1 << 16);
  spec.num_layers = reader.Int("block_count", 1, 1024);
  spec.feed_forward_length = reader.Int("feed_forward_length", 32, 1 << 20);
  spec.num_heads = reader.Int("attention.head_count", 1, 1024);
  spec.num_kv_heads = reader.Int("attention.head_count_kv", 1, 1024, spec.num_heads);
  spec.head_dim = reader.Int("attention.key_length", 1, 1024, std::max(spec.embedding_length / spec.num_heads, 1));
  if (reader.Int("attention.value_length", 1, 1024, spec.head_dim) != spec.head_dim) {
    reader.Fail("keys and values of different lengths are not supported");
  }
  if (spec.num_heads % spec.num_kv_heads != 0) reader.Fail("head_count is no multiple of head_count_kv");
  for (const auto& [name, value] : {std::pair{"embedding_length", spec.embedding_length},
                                    {"feed_forward_length", spec.feed_forward_length},
                                    {"the head dimension", spec.head_dim}}) {
    if (value % 32 != 0) reader.Fail(std::string(name) + " is " + std::to_string(value) + ", no multiple of 32");
  }
  const Tensor* embedding = file.FindTensor("token_embd.weight");
  if (embedding == nullptr) {
    reader.Fail("the tensor \"token_embd.weight\" is missing");
  } else if (embedding->shape[1] > static_cast<std::uint64_t>(std::numeric_limits<int>::max() / 2)) {
    reader.Fail("the vocabulary is too large");
  } else {
    spec.vocab_size = static_cast<int>(embedding->shape[1]);
  }
}

// YaRN (arXiv 2309.00071): long wavelengths are interpolated, short ones kept, and cos and sin grow by this factor.
void ReadYarn(Reader& reader, ModelSpec& spec) {
  spec.rope_scaling = RopeScaling::kYarn;
  spec.rope_original_context = reader.Int("rope.scaling.original_context_length", 1, 1 << 24, spec.context_length);
  spec.yarn_beta_fast = reader.Float("rope.scaling.yarn_beta_fast", 0.0F, 1e6F, 32.0F);
  spec.yarn_beta_slow = reader.Float("rope.scaling.yarn_beta_slow", 0.0F, 1e6F, 1.0F);
  const float given = reader.Float("rope.scaling.attn_factor", 0.0F, 1e3F, 1.0F);
  spec.yarn_attention_factor = given * (1.0F + 0.1F * std::log(spec.rope_factor));
}

void ReadRope(Reader& reader, const Metadata& metadata, const Architecture& arch, ModelSpec& spec) {
  spec.rope_layout = arch.rope_layout;
  spec.rope_dim = reader.Int("rope.dimension_count", 2, 1024, spec.head_dim);
  if (spec.rope_dim > spec.head_dim || spec.rope_dim % 2 != 0) reader.Fail("rope.dimension_count does not fit a head");
  spec.rope_base = reader.Float("rope.freq_base", 1.0F, 1e12F, 10000.0F);
  const std::string prefix = spec.architecture + ".rope.";
  const std::string* kind = metadata.GetString(prefix + "scaling.type");
  // Files from before 2023-11 carry the factor alone, as rope.scale_linear.
  spec.rope_factor =
      reader.Float("rope.scaling.factor", 1e-3F, 1e6F, reader.Float("rope.scale_linear", 1e-3F, 1e6F, 1.0F));
  if (kind == nullptr ? spec.rope_factor != 1.0F : *kind == "linear") {
    spec.rope_scaling = RopeScaling::kLinear;
  } else if (kind != nullptr && *kind == "yarn") {
    ReadYarn(reader, spec);
  } else if (kind != nullptr && *kind != "none") {
    reader.Fail("the RoPE scaling " + Quote(*kind) +
                " is not known; known are none, linear and yarn (and llama3, "
                "through rope_freqs.weight)");
  }
}

void ReadWindows(Reader& reader, const Architecture& arch, ModelSpec& spec) {
  if (arch.sliding_pattern == 0) return;
  spec.sliding_window = reader.Int("attention.sliding_window", 0, 1 << 24, 0);
  spec.sliding_pattern = reader.Int("attention.sliding_window_pattern", 1, 1024, arch.sliding_pattern);
  spec.rope_base_local = reader.Float("rope.freq_base_swa", 1.0F, 1e12F, 10000.0F);
}

}  // namespace

int ModelSpec::WindowOf(int layer) const {
  const bool global = sliding_pattern != 0 && (layer + 1) % sliding_pattern == 0;
  return global ? 0 : sliding_window;
}

std::vector<std::string_view> KnownArchitectures() {
  std::vector<std::string_view> names;
  for (const Architecture& arch : kArchitectures) names.push_back(arch.name);
  return names;
}

base::Result<ModelSpec> ReadModelSpec(const ModelFile& file) {
  const Metadata& metadata = file.metadata();
  const std::string* name = metadata.GetString("general.architecture");
  if (name == nullptr) {
    return base::InvalidArgument("the model file does not name its architecture (key \"general.architecture\")");
  }
  const auto* arch = std::find_if(kArchitectures.begin(), kArchitectures.end(),
                                  [name](const Architecture& known) { return known.name == *name; });
  if (arch == kArchitectures.end()) {
    std::string list;
    for (const std::string_view known : KnownArchitectures()) list += (list.empty() ? "" : ", ") + std::string(known);
    return base::Unimplemented("the architecture " + Quote(name->substr(0, 64)) +
                               " is not supported; supported are: " + list);
  }
  ModelSpec spec;
  spec.architecture = *name;
  if (const std::string* title = metadata.GetString("general.name")) spec.name = *title;
  Reader reader(metadata, *name);
  ReadDimensions(reader, file, spec);
  spec.norm_epsilon = reader.Float("attention.layer_norm_rms_epsilon", 0.0F, 1.0F, 1e-5F);
  spec.activation = arch->activation;
  spec.qkv_bias = arch->qkv_bias;
  spec.qk_norm = arch->qk_norm;
  spec.post_norms = arch->post_norms;
  if (arch->scales_embedding) spec.embedding_scale = std::sqrt(static_cast<float>(spec.embedding_length));
  const bool wide = spec.architecture == "gemma3" && spec.num_layers == kGemma27bLayers;
  const int scale_dim = wide ? spec.embedding_length / spec.num_heads : spec.head_dim;
  spec.attention_scale = reader.Float("attention.scale", 1e-6F, 1e3F, 1.0F / std::sqrt(static_cast<float>(scale_dim)));
  spec.final_logit_softcap = reader.Float("final_logit_softcapping", 0.0F, 1e6F, 0.0F);
  ReadRope(reader, metadata, *arch, spec);
  ReadWindows(reader, *arch, spec);
  if (!reader.status().ok()) return reader.status();
  return spec;
}

}  // namespace bowhead::model
