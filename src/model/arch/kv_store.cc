#include "model/arch/kv_store.h"

#include <cstring>
#include <string>
#include <utility>

namespace bowhead::model {

namespace {

constexpr std::uint64_t kPageBytes = 4096;

std::uint64_t BlockBytes(const ModelSpec& spec, kernels::KvType type) {
  const auto head_dim = static_cast<std::size_t>(spec.head_dim);
  return static_cast<std::uint64_t>(spec.num_layers) * static_cast<std::uint64_t>(spec.num_kv_heads) *
         (kernels::KeyBlockBytes(type, head_dim) + kernels::ValueBlockBytes(type, head_dim));
}

}  // namespace

// An odd number of pages: the blocks of one layer then fall on all sets of the caches, not on a few.
std::uint64_t KvBytesPerBlock(const ModelSpec& spec, kernels::KvType type) {
  return ((BlockBytes(spec, type) + kPageBytes - 1) / kPageBytes | 1) * kPageBytes;
}

base::Result<KvStore> KvStore::Create(const ModelSpec& spec, kernels::KvType type, std::int64_t num_blocks) {
  static_assert(kBlockTokens == static_cast<int>(kernels::kBlockKeys));
  const std::uint64_t per_block = KvBytesPerBlock(spec, type);
  if (num_blocks < 1 || static_cast<std::uint64_t>(num_blocks) > (std::uint64_t{1} << 46) / per_block) {
    return base::InvalidArgument("a KV cache of " + std::to_string(num_blocks) + " blocks is out of range");
  }
  const std::uint64_t bytes = per_block * static_cast<std::uint64_t>(num_blocks);
  const std::optional<std::uint64_t> available = base::AvailableMemory();
  if (available && *available < bytes) {
    return base::ResourceExhausted("the KV cache needs " + std::to_string(bytes >> 20) + " MiB of memory, but only " +
                                   std::to_string(*available >> 20) +
                                   " MiB are available; lower --ctx or the KV cache's size");
  }
  base::Result<base::LargeBuffer> memory = base::LargeBuffer::Allocate(bytes);
  if (!memory.ok()) return memory.status();
  KvStore store;
  store.memory_ = *std::move(memory);
  store.num_blocks_ = num_blocks;
  store.num_layers_ = static_cast<std::size_t>(spec.num_layers);
  store.stride_ = per_block;
  store.heads_ = static_cast<std::size_t>(spec.num_kv_heads);
  const auto head_dim = static_cast<std::size_t>(spec.head_dim);
  store.type_ = type;
  store.key_bytes_ = kernels::KeyBlockBytes(type, head_dim);
  store.head_bytes_ = store.key_bytes_ + kernels::ValueBlockBytes(type, head_dim);
  return store;
}

void KvStore::ReadBlock(std::int32_t block, std::span<std::byte> out) const {
  std::memcpy(out.data(), K(0, block, 0), block_bytes());
}

void KvStore::WriteBlock(std::int32_t block, std::span<const std::byte> in) {
  std::memcpy(K(0, block, 0), in.data(), block_bytes());
}

}  // namespace bowhead::model
