// An architecture as data: dimensions and kinds, read from a model file's metadata. A new family is a table entry.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/format/model_file.h"

namespace bowhead::model {

enum class Activation : std::uint8_t { kSilu, kGeluTanh };
enum class RopeLayout : std::uint8_t { kInterleaved, kHalves };  // pairs (2i, 2i+1), or (i, i + dim/2)
enum class RopeScaling : std::uint8_t { kNone, kLinear, kYarn };

/// Everything that the forward pass has to know about a model besides its weights.
struct ModelSpec {
  std::string architecture;  // "llama"
  std::string name;          // general.name

  int vocab_size = 0;
  int context_length = 0;  // trained
  int embedding_length = 0;
  int num_layers = 0;
  int num_heads = 0;
  int num_kv_heads = 0;
  int head_dim = 0;
  int feed_forward_length = 0;

  float norm_epsilon = 1e-5F;
  Activation activation = Activation::kSilu;
  float embedding_scale = 1.0F;      // gemma: sqrt(embedding_length)
  float attention_scale = 0.0F;      // applied to q·k; 1/sqrt(head_dim) unless the file says otherwise
  float final_logit_softcap = 0.0F;  // 0: off
  bool qkv_bias = false;
  bool qk_norm = false;     // per-head RMS norm of q and k before rope
  bool post_norms = false;  // gemma: RMS norm of each block's output before the residual is added

  RopeLayout rope_layout = RopeLayout::kInterleaved;
  int rope_dim = 0;
  float rope_base = 10000.0F;
  float rope_base_local = 0.0F;  // of sliding-window layers; 0: rope_base
  RopeScaling rope_scaling = RopeScaling::kNone;
  float rope_factor = 1.0F;
  int rope_original_context = 0;  // yarn
  float yarn_beta_fast = 32.0F;
  float yarn_beta_slow = 1.0F;
  float yarn_attention_factor = 1.0F;

  int sliding_window = 0;   // 0: none. A token sees itself and the sliding_window - 1 before it
  int sliding_pattern = 0;  // layer i is global if (i + 1) % pattern == 0; 0: all are local if there is a window

  [[nodiscard]] int q_dim() const { return num_heads * head_dim; }
  [[nodiscard]] int kv_dim() const { return num_kv_heads * head_dim; }
  /// The window of a layer, 0 if it sees everything.
  [[nodiscard]] int WindowOf(int layer) const;
};

/// The architectures that the engine runs, for error messages and `version --verbose`.
std::vector<std::string_view> KnownArchitectures();

/// Reads and checks the metadata. Errors: kUnimplemented (unknown architecture or rope scaling), kInvalidArgument
/// (missing, absurd or contradictory values).
base::Result<ModelSpec> ReadModelSpec(const ModelFile& file);

}  // namespace bowhead::model
