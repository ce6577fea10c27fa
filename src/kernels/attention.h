// Attention over one chunk of keys: the contract between the forward pass and the kernels of one instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kv_format.h"

namespace bowhead::kernels {

/// Rows of one attention call: queries of one KV head (the heads of its group, of one or more tokens or sequences).
inline constexpr std::size_t kAttentionRows = 16;
/// Keys of one attention call. A sequence's keys are cut at multiples of it, and the results of its chunks are merged
/// in order: whoever computes them, and in whatever company, the result is the same to the last bit.
inline constexpr std::size_t kAttentionChunk = 256;

/// Bytes of one packed query.
constexpr std::size_t PackedQueryBytes(std::size_t head_dim) {
  return head_dim * sizeof(float);
}

/// Softmax-weighted values over at most kAttentionChunk keys, for up to kAttentionRows queries that share a KV head.
/// Weights are powers of two, which are cheaper than those of e: 2^(q·k - max), with log2(e) in the query's scale.
struct AttentionChunk {
  const std::byte* q = nullptr;                // [rows] packed queries
  std::size_t rows = 0;                        // 1 to kAttentionRows
  std::size_t head_dim = 0;                    // a multiple of 32
  const std::byte* const* k_blocks = nullptr;  // [num_blocks]
  const std::byte* const* v_blocks = nullptr;
  std::size_t num_blocks = 0;               // <= kAttentionChunk / kBlockKeys
  const std::int32_t* first_key = nullptr;  // [rows]: keys of the chunk that row r sees: [first_key, last_key)
  const std::int32_t* last_key = nullptr;
  float* out = nullptr;      // [rows][head_dim]: sum of 2^(score - max) * v
  float* max = nullptr;      // [rows]; -infinity where a row sees no key (sum is 0 then, out unspecified but finite)
  float* sum = nullptr;      // [rows]
  float* scratch = nullptr;  // [kAttentionRows][kAttentionChunk]
};

/// The kernels for one KvType. Every row's result is the same whatever the other rows of the call are.
struct AttentionKernels {
  /// Writes the key or value x [head_dim] of the token in `slot` (0..15) of a block. What is not finite becomes finite.
  void (*store_key)(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block);
  void (*store_value)(const float* x, std::size_t head_dim, std::size_t slot, std::byte* block);
  /// Packs q [head_dim] times `scale` into PackedQueryBytes(head_dim).
  void (*pack_query)(const float* q, std::size_t head_dim, float scale, std::byte* packed);
  void (*chunk)(const AttentionChunk& chunk);
};

/// The result of one row over the chunks so far (online softmax, arXiv 1805.02867).
struct AttentionRow {
  float max = -__builtin_inff();
  float sum = 0.0F;
};

/// Adds a later chunk's result to a row's. A chunk in which the row sees nothing leaves it as it is, so that a row does
/// not depend on its neighbours' ranges. `total` and `chunk` are [n].
using MergeFn = void (*)(AttentionRow& row, float* total, const AttentionRow& chunk_row, const float* chunk,
                         std::size_t n);

}  // namespace bowhead::kernels
