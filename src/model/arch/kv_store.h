// The memory of the paged KV cache. Which block belongs to whom is the engine's business.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/large_buffer.h"
#include "base/status.h"
#include "kernels/kv_format.h"
#include "model/arch/transformer.h"

namespace bowhead::model {

/// Keys and values of all layers in blocks of kBlockTokens tokens; kernels/kv_format.h describes a block of one layer
/// and KV head. Memory starts as zeros and holds finite values only: attention multiplies what a row may not see by
/// zero.
class KvStore {
 public:
  static base::Result<KvStore> Create(const ModelSpec& spec, kernels::KvType type, std::int64_t num_blocks);

  [[nodiscard]] std::byte* K(int layer, std::int32_t block, int head) const {
    return memory_.as<std::byte>() + Offset(layer, block, head);
  }
  [[nodiscard]] std::byte* V(int layer, std::int32_t block, int head) const {
    return K(layer, block, head) + key_bytes_;
  }
  [[nodiscard]] std::int64_t num_blocks() const { return num_blocks_; }
  [[nodiscard]] kernels::KvType type() const { return type_; }

  /// Names the layout of a block's bytes; to change with it.
  [[nodiscard]] std::string Layout() const { return std::string(kernels::KvTypeName(type_)) + ".1"; }
  /// Bytes of one block over all layers.
  [[nodiscard]] std::size_t block_bytes() const { return num_layers_ * heads_ * head_bytes_; }
  /// Copies a block's bytes, layer by layer, out or in. The spans have block_bytes().
  void ReadBlock(std::int32_t block, std::span<std::byte> out) const;
  void WriteBlock(std::int32_t block, std::span<const std::byte> in);

 private:
  // Block by block, so that memory is touched as blocks are used; in a block layer by layer.
  [[nodiscard]] std::size_t Offset(int layer, std::int32_t block, int head) const {
    return static_cast<std::size_t>(block) * stride_ +
           (static_cast<std::size_t>(layer) * heads_ + static_cast<std::size_t>(head)) * head_bytes_;
  }

  base::LargeBuffer memory_;
  kernels::KvType type_ = kernels::KvType::kF16;
  std::int64_t num_blocks_ = 0;
  std::size_t num_layers_ = 0;
  std::size_t stride_ = 0;  // bytes from a block to the next
  std::size_t heads_ = 0;
  std::size_t key_bytes_ = 0;   // of K in one block and head
  std::size_t head_bytes_ = 0;  // of K and V
};

}  // namespace bowhead::model
