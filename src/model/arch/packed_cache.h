// Packed weights kept on disk, so that the next start maps them instead of packing again.
//
// The file, little-endian: a header of 96 bytes, a table of 32 bytes a chunk (see WeightPacker), zeros up to a multiple
// of 2 MiB, the arena, 4096 zeros. The layout of packed weights is the same on every instruction set, and so is the
// file.
//
// When it is believed: the header's own hash is right; its version and layout version are ours; its plan (names, types,
// shapes, places) is the model's; it belongs to this state of the model file, by size, inode and times of last change,
// or, if those differ (a copy, a touch), because every chunk's source has the hash that is in the table; and every
// chunk of the arena has the hash that is in the table. The hashes are computed at each load, in parallel, at the speed
// of memory. All of this finds accidents. A cache is trusted like the program itself, not like a model file: somebody
// who may write into its folder can change answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/content_hash.h"
#include "base/mapped_file.h"
#include "base/status.h"
#include "base/worker_team.h"
#include "model/arch/weight_packer.h"
#include "model/format/model_file.h"

namespace bowhead::model {

/// Where packed weights are kept.
struct PackedCacheOptions {
  enum class Mode : std::uint8_t {
    kOff,
    kAuto,    // beside the model file, or in the user's cache folder where that may not be written; see kSmallestCache
    kFolder,  // in `folder`, whatever the size
  };
  Mode mode = Mode::kOff;
  std::string folder;
  /// Gets a sentence when a cache could not be written or was damaged; may be empty.
  std::function<void(const std::string&)> warn;
};

/// kAuto leaves smaller arenas alone: packing them takes a few milliseconds.
inline constexpr std::uint64_t kSmallestCache = std::uint64_t{16} << 20;

/// What precedes the arena in a file.
struct PackedCacheHead {
  base::ContentHash identity;  // of the model file, ModelFile::identity()
  base::ContentHash plan;      // WeightPacker::Plan()
  std::uint64_t arena_bytes = 0;
  std::vector<ChunkHashes> chunks;

  [[nodiscard]] std::uint64_t arena_offset() const;
  [[nodiscard]] std::uint64_t file_bytes() const { return arena_offset() + arena_bytes + WeightPacker::kTailBytes; }
};

/// The bytes of a head, and a head from the bytes of a file. Errors of parsing: kDataLoss (cut off, damaged, no such
/// file), kFailedPrecondition (another version of the program wrote it). The arena lies within `file` then; its hashes
/// are not looked at.
std::vector<std::byte> SerializePackedCacheHead(const PackedCacheHead& head);
base::Result<PackedCacheHead> ParsePackedCacheHead(std::span<const std::byte> file);

/// Paths where a cache for this model may be, in the order in which they are looked at and tried. None for kOff and for
/// models in memory.
std::vector<std::string> PackedCachePaths(const ModelFile& file, const PackedCacheOptions& options);

/// A cache that was found to belong to the model, its chunks not looked at.
struct PackedCacheFile {
  std::string path;
  base::MappedFile map;
  PackedCacheHead head;
  bool same_identity = false;  // else the sources have to be compared

  [[nodiscard]] const std::byte* arena() const { return map.bytes().data() + head.arena_offset(); }
};

/// The first cache among `paths` that has the packer's plan; nullopt if there is none. `warn` as in PackedCacheOptions.
std::optional<PackedCacheFile> FindPackedCache(std::span<const std::string> paths, const ModelFile& file,
                                               const WeightPacker& packer,
                                               const std::function<void(const std::string&)>& warn);

/// Compares all hashes with the whole team; false if one differs or `progress` (as for LoadWeights) cancels.
/// A cache of a model file that has only been moved or touched is stamped with its new identity.
bool VerifyPackedCache(const PackedCacheFile& cache, const ModelFile& file, const WeightPacker& packer,
                       base::WorkerTeam& team);

}  // namespace bowhead::model
