// The memory of the paged KV cache. Which block belongs to whom is the engine's business.
#pragma once

#include <cstdint>

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

  base::LargeBuffer memory_;
  std::int64_t num_blocks_ = 0;
  std::size_t heads_ = 0;
  std::size_t head_values_ = 0;  // of K (or V) in one block
};

}  // namespace bowhead::model
