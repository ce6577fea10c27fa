// Packs a model's matrices piece by piece, in any order and by many threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/content_hash.h"
#include "base/status.h"
#include "kernels/packed_matrix.h"
#include "model/format/model_file.h"

namespace bowhead::model {

/// A matrix to pack: where it comes from, the view that will point at it, and its place in the arena of all.
struct PackJob {
  const Tensor* tensor = nullptr;
  kernels::PackedMatrix* matrix = nullptr;
  std::size_t offset = 0;  // a multiple of 64; jobs lie one after the other
};

/// Hashes of one chunk, by which a cache of packed weights is checked.
struct ChunkHashes {
  base::ContentHash source;  // of the tensors' bytes that the chunk is made of
  base::ContentHash packed;  // of the chunk; of chunks that are only checked: zero
};

/// Cuts the arena of packed matrices into chunks of kChunkBytes. Behind those come chunks of a tensor that is read in
/// place and only checked. Thread-safe: chunks are independent of each other.
class WeightPacker {
 public:
  /// A multiple of the size of huge pages, so that a file written chunk by chunk is cached in such pages.
  static constexpr std::size_t kChunkBytes = std::size_t{4} << 20;
  /// Readable bytes that follow the arena: kernels may load a little beyond their last panel.
  static constexpr std::size_t kTailBytes = 4096;

  /// `in_place` may be nullptr. All pointers must outlive the packer.
  WeightPacker(const ModelFile* file, std::vector<PackJob> jobs, std::size_t arena_bytes, const Tensor* in_place);

  [[nodiscard]] std::size_t arena_bytes() const { return arena_bytes_; }
  [[nodiscard]] std::size_t num_packed_chunks() const { return (arena_bytes_ + kChunkBytes - 1) / kChunkBytes; }
  [[nodiscard]] std::size_t num_chunks() const { return num_packed_chunks() + in_place_chunks_.size(); }
  /// What the arena is made of: names, types, shapes and places. Equal hashes mean equal arenas for equal tensors.
  [[nodiscard]] base::ContentHash Plan() const;

  /// Where a packed chunk lies in the arena; the last one is shorter. An empty range for chunks that are only checked.
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
    [[nodiscard]] std::size_t size() const { return end - begin; }
  };
  [[nodiscard]] Range ChunkRange(std::size_t chunk) const;

  /// Packs a chunk into `out` (ChunkRange().size() bytes). Looks through the source for values that are not finite.
  /// Errors: kInvalidArgument (not finite; names the tensor).
  base::Status Pack(std::size_t chunk, std::span<std::byte> out, ChunkHashes& hashes) const;

  /// The hash that Pack would find of the chunk's source.
  [[nodiscard]] base::ContentHash HashSource(std::size_t chunk) const;

  /// Lets the views point into the finished arena.
  void Attach(const std::byte* arena) const;

 private:
  struct Part;       // of a chunk: rows of one tensor
  struct RowRange {  // of in_place_
    std::size_t begin, end;
  };

  [[nodiscard]] std::vector<Part> PartsOf(std::size_t chunk) const;
  static void PackPart(const Part& part, const Range& range, std::byte* out);

  const ModelFile* file_;
  std::vector<PackJob> jobs_;
  std::size_t arena_bytes_;
  const Tensor* in_place_;
  std::vector<RowRange> in_place_chunks_;
};

}  // namespace bowhead::model
