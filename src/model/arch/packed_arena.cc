#include "model/arch/packed_arena.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/replacing_file.h"

namespace bowhead::model {
namespace {

using Progress = std::function<bool(double)>;

// What becomes of a chunk: where it is packed, and what is done with it then. Called by many threads.
class ChunkSink {
 public:
  virtual ~ChunkSink() = default;
  virtual std::span<std::byte> Place(int worker, const WeightPacker::Range& range) = 0;
  virtual base::Status Done(const WeightPacker::Range& range, std::span<const std::byte> bytes) = 0;
};

class MemorySink final : public ChunkSink {
 public:
  explicit MemorySink(std::byte* arena) : arena_(arena) {}
  std::span<std::byte> Place(int /*worker*/, const WeightPacker::Range& range) override {
    return {arena_ + range.begin, range.size()};
  }
  base::Status Done(const WeightPacker::Range& /*range*/, std::span<const std::byte> /*bytes*/) override {
    return base::OkStatus();
  }

 private:
  std::byte* arena_;
};

class FileSink final : public ChunkSink {
 public:
  FileSink(const base::ReplacingFile* file, std::uint64_t offset, std::vector<base::LargeBuffer> buffers)
      : file_(file), offset_(offset), buffers_(std::move(buffers)) {}
  std::span<std::byte> Place(int worker, const WeightPacker::Range& range) override {
    return {buffers_[static_cast<std::size_t>(worker)].data(), range.size()};
  }
  base::Status Done(const WeightPacker::Range& range, std::span<const std::byte> bytes) override {
    return bytes.empty() ? base::OkStatus() : file_->WriteAt(offset_ + range.begin, bytes);
  }

 private:
  const base::ReplacingFile* file_;
  std::uint64_t offset_;
  std::vector<base::LargeBuffer> buffers_;
};

base::Status PackAll(const WeightPacker& packer, base::WorkerTeam& team, const Progress& progress, ChunkSink& sink,
                     std::vector<ChunkHashes>& hashes) {
  hashes.resize(packer.num_chunks());
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> done{0};
  std::atomic<bool> stop{false};
  std::mutex mutex;
  base::Status status;  // the first error, guarded by mutex
  const auto fail = [&](base::Status error) {
    stop = true;
    const std::lock_guard lock(mutex);
    if (status.ok()) status = std::move(error);
  };
  team.Run([&](int worker) {
    for (std::size_t chunk = next++; chunk < packer.num_chunks() && !stop; chunk = next++) {
      const WeightPacker::Range range = packer.ChunkRange(chunk);
      const std::span<std::byte> out = sink.Place(worker, range);
      base::Status packed = packer.Pack(chunk, out, hashes[chunk]);
      if (packed.ok()) packed = sink.Done(range, out);
      if (!packed.ok()) fail(std::move(packed));
      const std::size_t finished = ++done;
      const double fraction = static_cast<double>(finished) / static_cast<double>(packer.num_chunks());
      if (worker == 0 && progress && !progress(fraction)) fail(base::Cancelled("loading was cancelled"));
    }
  });
  return status;
}

base::Result<PackedArena> PackIntoMemory(const WeightPacker& packer, base::WorkerTeam& team, const Progress& progress) {
  base::Result<base::LargeBuffer> buffer = base::LargeBuffer::Allocate(packer.arena_bytes() + WeightPacker::kTailBytes);
  if (!buffer.ok()) return buffer.status();
  MemorySink sink(buffer->data());
  std::vector<ChunkHashes> hashes;
  if (base::Status status = PackAll(packer, team, progress, sink, hashes); !status.ok()) return status;
  return PackedArena(*std::move(buffer));
}

base::Result<PackedArena> PackIntoFile(const std::string& path, const ModelFile& model, const WeightPacker& packer,
                                       base::WorkerTeam& team, const Progress& progress) {
  PackedCacheHead head{model.identity().value_or(base::ContentHash()), packer.Plan(), packer.arena_bytes(),
                       std::vector<ChunkHashes>(packer.num_chunks())};
  base::Result<base::ReplacingFile> file = base::ReplacingFile::Create(path, head.file_bytes());
  if (!file.ok()) return file.status();
  std::vector<base::LargeBuffer> buffers;
  for (int i = 0; i < team.size(); ++i) {
    base::Result<base::LargeBuffer> buffer = base::LargeBuffer::Allocate(WeightPacker::kChunkBytes);
    if (!buffer.ok()) return buffer.status();
    buffers.push_back(*std::move(buffer));
  }
  FileSink sink(&*file, head.arena_offset(), std::move(buffers));
  if (base::Status status = PackAll(packer, team, progress, sink, head.chunks); !status.ok()) return status;
  base::Status status = file->WriteAt(0, SerializePackedCacheHead(head));
  if (!status.ok()) return status;
  base::Result<base::MappedFile> map = file->Map();
  if (!map.ok()) return map.status();
  if (status = file->Commit(); !status.ok()) return status;
  map->PreferHugePages();
  return PackedArena(*std::move(map), static_cast<std::size_t>(head.arena_offset()));
}

// kAuto leaves as much of the disk free as it takes.
base::Status CheckRoom(const std::string& path, std::uint64_t bytes) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(std::filesystem::path(path).parent_path(), error);
  if (error || space.available / 2 >= bytes) return base::OkStatus();
  return base::ResourceExhausted("the disk has " + std::to_string(space.available >> 20) + " MiB left for the " +
                                 std::to_string(bytes >> 20) + " MiB of " + path);
}

base::Result<PackedArena> PackIntoCache(const std::vector<std::string>& paths, const ModelFile& model,
                                        const WeightPacker& packer, base::WorkerTeam& team,
                                        const PackedCacheOptions& options, const Progress& progress) {
  base::Status last;
  for (const std::string& path : paths) {
    std::error_code ignored;  // the file shows whether there is a folder
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder, ignored);
    const bool automatic = options.mode == PackedCacheOptions::Mode::kAuto;
    last = automatic ? CheckRoom(path, packer.arena_bytes()) : base::OkStatus();
    if (!last.ok()) continue;
    base::Result<PackedArena> arena = PackIntoFile(path, model, packer, team, progress);
    if (arena.ok()) return arena;
    last = arena.status();
    if (last.code() == base::StatusCode::kInvalidArgument || last.code() == base::StatusCode::kCancelled) break;
  }
  return last;
}

}  // namespace

base::Result<PackedArena> PreparePackedArena(const ModelFile& file, const WeightPacker& packer, base::WorkerTeam& team,
                                             const PackedCacheOptions& cache, const Progress& progress) {
  const auto warn = [&cache](const std::string& text) {
    if (cache.warn) cache.warn(text);
  };
  std::vector<std::string> paths;
  if (cache.mode == PackedCacheOptions::Mode::kFolder || packer.arena_bytes() >= kSmallestCache) {
    paths = PackedCachePaths(file, cache);
  }
  if (std::optional<PackedCacheFile> found = FindPackedCache(paths, file, packer, cache.warn)) {
    if (VerifyPackedCache(*found, file, packer, team)) {
      if (progress && !progress(1.0)) return base::Cancelled("loading was cancelled");
      return PackedArena(std::move(found->map), static_cast<std::size_t>(found->head.arena_offset()));
    }
    if (found->same_identity) warn(found->path + ": the packed weights are damaged and are made again");
  }
  if (!paths.empty()) {
    base::Result<PackedArena> arena = PackIntoCache(paths, file, packer, team, cache, progress);
    if (arena.ok() || arena.status().code() == base::StatusCode::kInvalidArgument ||
        arena.status().code() == base::StatusCode::kCancelled) {
      return arena;
    }
    warn("the packed weights are not kept for the next start: " + arena.status().message());
  }
  return PackIntoMemory(packer, team, progress);
}

}  // namespace bowhead::model
