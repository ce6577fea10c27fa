// A model's weights: found by name, checked by shape, packed for the kernels.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/worker_team.h"
#include "kernels/packed_matrix.h"
#include "model/arch/model_spec.h"
#include "model/arch/packed_arena.h"
#include "model/arch/packed_cache.h"
#include "model/format/model_file.h"

namespace bowhead::model {

/// One transformer layer. Vectors that the architecture does not have are empty.
struct LayerWeights {
  kernels::PackedMatrix q, k, v, attention_output, gate, up, down;
  std::vector<float> attention_norm, ffn_norm;            // [embedding_length]
  std::vector<float> q_norm, k_norm;                      // [head_dim]
  std::vector<float> post_attention_norm, post_ffn_norm;  // [embedding_length]
  std::vector<float> q_bias, k_bias, v_bias;
};

struct Weights {
  std::shared_ptr<const ModelFile> file;  // token embeddings are read from the mapping
  const Tensor* token_embedding = nullptr;
  kernels::PackedMatrix output;  // the token embedding's, where the file has no output of its own
  std::vector<float> output_norm;
  std::vector<float> rope_factors;  // [rope_dim / 2] or empty
  std::vector<LayerWeights> layers;
  PackedArena arena;  // holds all packed matrices
};

/// Finds, checks and packs everything that `spec` asks for, or maps it where `cache` has it packed; `team` works in
/// parallel. `progress` gets the fraction done, on the caller's thread, and cancels by returning false. Errors:
/// kInvalidArgument (missing, of wrong shape, not finite: names the tensor), kResourceExhausted (with the numbers),
/// kCancelled.
base::Result<Weights> LoadWeights(std::shared_ptr<const ModelFile> file, const ModelSpec& spec, base::WorkerTeam& team,
                                  const PackedCacheOptions& cache, const std::function<bool(double)>& progress);

/// A cache of packed weights on disk.
struct PackedCacheInfo {
  std::string path;
  std::uint64_t bytes = 0;
};

/// The cache that LoadWeights would check and map, if there is one. Its hashes are not looked at.
std::optional<PackedCacheInfo> FindPackedWeights(const ModelFile& file, const ModelSpec& spec,
                                                 const PackedCacheOptions& options);

/// Bytes that the packed matrices of a model take.
base::Result<std::uint64_t> PackedBytes(const ModelFile& file, const ModelSpec& spec);

}  // namespace bowhead::model
