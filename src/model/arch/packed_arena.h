// The memory of a model's packed matrices: mapped from a cache of an earlier start, or packed now.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include "base/large_buffer.h"
#include "base/mapped_file.h"
#include "base/status.h"
#include "base/worker_team.h"
#include "model/arch/packed_cache.h"
#include "model/arch/weight_packer.h"
#include "model/format/model_file.h"

namespace bowhead::model {

/// Read-only memory that is either private to the process or shared with the page cache. Move-only.
class PackedArena {
 public:
  PackedArena() = default;
  explicit PackedArena(base::LargeBuffer buffer) : buffer_(std::move(buffer)), data_(buffer_.data()) {}
  PackedArena(base::MappedFile file, std::size_t offset)
      : file_(std::move(file)), data_(file_.bytes().data() + offset) {}

  [[nodiscard]] const std::byte* data() const { return data_; }

 private:
  base::LargeBuffer buffer_;
  base::MappedFile file_;
  const std::byte* data_ = nullptr;
};

/// Maps the arena from a cache that proves to be right (packed_cache.h), or packs it with the whole team. If `cache`
/// has a place for it, packing goes through a small buffer per thread into a new cache file, which is mapped then: the
/// packed weights are in memory once, in pages that the system may share and drop. A cache that cannot be written is
/// told to `cache.warn`, and the arena is packed into memory. `progress` as for LoadWeights. Errors: kInvalidArgument
/// (not finite; names the tensor), kResourceExhausted, kCancelled.
base::Result<PackedArena> PreparePackedArena(const ModelFile& file, const WeightPacker& packer, base::WorkerTeam& team,
                                             const PackedCacheOptions& cache,
                                             const std::function<bool(double)>& progress);

}  // namespace bowhead::model
