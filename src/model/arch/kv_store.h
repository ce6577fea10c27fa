// The memory of the paged KV cache. Which block belongs to whom is the engine's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/large_buffer.h"
#include "base/status.h"
#include "model/arch/transformer.h"

namespace bowhead::model {

/// Keys and values of all layers in blocks of kBlockTokens tokens, binary16. In a block each layer and KV head has
/// K [head_dim][16 tokens], so that scores of 16 keys need no horizontal sums, and V [16 tokens][head_dim]. Memory
/// starts as zeros and holds finite values only: attention multiplies what a row may not see by zero.
class KvStore {
 public:
  static base::Result<KvStore> Create(const ModelSpec& spec, std::int64_t num_blocks);

  [[nodiscard]] std::uint16_t* K(int layer, std::int32_t block, int head) const {
    return base_() + Offset(layer, block, head);
  }
  [[nodiscard]] std::uint16_t* V(int layer, std::int32_t block, int head) const {
    return base_() + Offset(layer, block, head) + head_values_;
  }
  [[nodiscard]] std::int64_t num_blocks() const { return num_blocks_; }

  /// Names the layout of a block's bytes; to change with it.
  static constexpr std::string_view kLayout = "f16.1";
  /// Bytes of one block over all layers.
  [[nodiscard]] std::size_t block_bytes() const { return num_layers_ * layer_bytes(); }
  /// Copies a block's bytes, layer by layer, out or in. The spans have block_bytes().
  void ReadBlock(std::int32_t block, std::span<std::byte> out) const;
  void WriteBlock(std::int32_t block, std::span<const std::byte> in);

 private:
  [[nodiscard]] std::uint16_t* base_() const { return memory_.as<std::uint16_t>(); }
  // Layer by layer: what one layer reads lies together.
  [[nodiscard]] std::size_t Offset(int layer, std::int32_t block, int head) const {
    const auto at =
        (static_cast<std::size_t>(layer) * static_cast<std::size_t>(num_blocks_) + static_cast<std::size_t>(block)) *
            heads_ +
        static_cast<std::size_t>(head);
    return at * 2 * head_values_;
  }

  /// Bytes of one block in one layer, which lie together.
  [[nodiscard]] std::size_t layer_bytes() const { return heads_ * 2 * head_values_ * sizeof(std::uint16_t); }

  base::LargeBuffer memory_;
  std::int64_t num_blocks_ = 0;
  std::size_t num_layers_ = 0;
  std::size_t heads_ = 0;
  std::size_t head_values_ = 0;  // of K (or V) in one block
};

}  // namespace bowhead::model
