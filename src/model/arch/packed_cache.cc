#include "model/arch/packed_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "kernels/packed_matrix.h"

namespace bowhead::model {
namespace {

constexpr std::string_view kMagic = "BOWHPACK";
constexpr std::uint32_t kFileVersion = 1;
constexpr std::uint64_t kArenaAlignment = std::uint64_t{2} << 20;
constexpr std::uint64_t kMaxChunks = std::uint64_t{1} << 24;
constexpr std::size_t kHeaderBytes = 96;
constexpr std::size_t kChunkEntryBytes = 32;
constexpr std::size_t kHashAt = kHeaderBytes - 16;  // the header's last field: the hash of all else

class Writer {
 public:
  void Put(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i, value >>= 8U) bytes.push_back(static_cast<std::byte>(value & 0xFF));
  }
  void Put(const base::ContentHash& hash) {
    Put(hash.low, 8);
    Put(hash.high, 8);
  }
  std::vector<std::byte> bytes;
};

// The caller has checked that there are enough bytes.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::uint64_t Get(std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value |= std::to_integer<std::uint64_t>(bytes_[at_++]) << (8 * i);
    return value;
  }
  base::ContentHash GetHash() {
    const std::uint64_t low = Get(8);
    return {low, Get(8)};
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

base::ContentHash HashHead(std::span<const std::byte> head) {
  base::ContentHasher hasher;
  hasher.Add(head.first(kHashAt));
  hasher.Add(head.subspan(kHeaderBytes));
  return hasher.Finish();
}

base::Status Damaged() {
  return base::DataLoss("the packed weights are damaged");
}

std::string UserCacheFolder() {
  const char* xdg = std::getenv("XDG_CACHE_HOME");
  if (xdg != nullptr && xdg[0] == '/') return std::string(xdg) + "/bowhead";
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? std::string(home) + "/.cache/bowhead" : std::string();
}

// Models of the same file name in different folders must not take each other's place.
std::string NameInFolder(const std::string& model_path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(model_path, error);
  const std::string text = (error ? std::filesystem::path(model_path) : absolute).lexically_normal().string();
  const base::ContentHash hash = base::HashContent(std::as_bytes(std::span(text)));
  return absolute.filename().string() + "." + base::ToHex(hash).substr(0, 16) + ".packed";
}

// Best effort: without it the next start compares all sources again.
void StampIdentity(const PackedCacheFile& cache, const ModelFile& file) {
  PackedCacheHead head = cache.head;
  head.identity = file.identity().value_or(base::ContentHash());
  const std::vector<std::byte> bytes = SerializePackedCacheHead(head);
  const int fd = open(cache.path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t written = pwrite(fd, bytes.data(), bytes.size(), 0);
  close(fd);
}

}  // namespace

std::uint64_t PackedCacheHead::arena_offset() const {
  const std::uint64_t end = kHeaderBytes + chunks.size() * kChunkEntryBytes;
  return (end + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

std::vector<std::byte> SerializePackedCacheHead(const PackedCacheHead& head) {
  Writer writer;
  for (const char c : kMagic) writer.Put(static_cast<unsigned char>(c), 1);
  writer.Put(kFileVersion, 4);
  writer.Put(kernels::kPackedLayoutVersion, 4);
  writer.Put(head.identity);
  writer.Put(head.plan);
  writer.Put(head.arena_bytes, 8);
  writer.Put(head.chunks.size(), 8);
  writer.Put(0, 16);
  writer.Put(base::ContentHash());
  for (const ChunkHashes& chunk : head.chunks) {
    writer.Put(chunk.source);
    writer.Put(chunk.packed);
  }
  Writer hash;
  hash.Put(HashHead(writer.bytes));
  std::copy(hash.bytes.begin(), hash.bytes.end(), writer.bytes.begin() + kHashAt);
  return std::move(writer.bytes);
}

base::Result<PackedCacheHead> ParsePackedCacheHead(std::span<const std::byte> file) {
  if (file.size() < kHeaderBytes || std::memcmp(file.data(), kMagic.data(), kMagic.size()) != 0) return Damaged();
  Reader reader(file.subspan(kMagic.size()));
  if (reader.Get(4) != kFileVersion || reader.Get(4) != kernels::kPackedLayoutVersion) {
    return base::FailedPrecondition("the packed weights are of another version of the program");
  }
  PackedCacheHead head;
  head.identity = reader.GetHash();
  head.plan = reader.GetHash();
  head.arena_bytes = reader.Get(8);
  const std::uint64_t num_chunks = reader.Get(8);
  if (num_chunks > kMaxChunks || num_chunks * kChunkEntryBytes > file.size() - kHeaderBytes) return Damaged();
  const auto table = file.subspan(kHeaderBytes, static_cast<std::size_t>(num_chunks) * kChunkEntryBytes);
  Reader stored(file.subspan(kHashAt, 16));
  if (HashHead(file.first(kHeaderBytes + table.size())) != stored.GetHash()) return Damaged();
  Reader entries(table);
  head.chunks.resize(static_cast<std::size_t>(num_chunks));
  for (ChunkHashes& chunk : head.chunks) {
    chunk.source = entries.GetHash();
    chunk.packed = entries.GetHash();
  }
  const std::uint64_t before = head.arena_offset() + WeightPacker::kTailBytes;
  if (before > file.size() || head.arena_bytes > file.size() - before) return Damaged();
  return head;
}

std::vector<std::string> PackedCachePaths(const ModelFile& file, const PackedCacheOptions& options) {
  if (file.path().empty() || options.mode == PackedCacheOptions::Mode::kOff) return {};
  if (options.mode == PackedCacheOptions::Mode::kFolder) return {options.folder + "/" + NameInFolder(file.path())};
  std::vector<std::string> paths = {file.path() + ".packed"};
  if (const std::string folder = UserCacheFolder(); !folder.empty()) {
    paths.push_back(folder + "/packed/" + NameInFolder(file.path()));
  }
  return paths;
}

std::optional<PackedCacheFile> FindPackedCache(std::span<const std::string> paths, const ModelFile& file,
                                               const WeightPacker& packer,
                                               const std::function<void(const std::string&)>& warn) {
  for (const std::string& path : paths) {
    base::Result<base::MappedFile> map = base::MappedFile::Open(path);
    if (!map.ok()) continue;
    base::Result<PackedCacheHead> head = ParsePackedCacheHead(map->bytes());
    if (!head.ok()) {
      if (head.status().code() == base::StatusCode::kDataLoss && warn) warn(path + ": " + head.status().message());
      continue;
    }
    if (head->plan != packer.Plan() || head->arena_bytes != packer.arena_bytes() ||
        head->chunks.size() != packer.num_chunks()) {
      continue;  // of another model, or of what this file held before
    }
    const bool same = file.identity() && head->identity == *file.identity();
    return PackedCacheFile{path, std::move(*map), std::move(*head), same};
  }
  return std::nullopt;
}

bool VerifyPackedCache(const PackedCacheFile& cache, const ModelFile& file, const WeightPacker& packer,
                       base::WorkerTeam& team) {
  cache.map.PreferHugePages();
  std::atomic<std::size_t> next{0};
  std::atomic<bool> good{true};
  const std::span<const std::byte> arena =
      cache.map.bytes().subspan(static_cast<std::size_t>(cache.head.arena_offset()), packer.arena_bytes());
  team.Run([&](int /*index*/) {
    for (std::size_t chunk = next++; chunk < packer.num_chunks() && good; chunk = next++) {
      const WeightPacker::Range range = packer.ChunkRange(chunk);
      const ChunkHashes& hashes = cache.head.chunks[chunk];
      if (!cache.same_identity && packer.HashSource(chunk) != hashes.source) good = false;
      if (range.size() > 0 && base::HashContent(arena.subspan(range.begin, range.size())) != hashes.packed) {
        good = false;
      }
    }
  });
  if (good && !cache.same_identity) StampIdentity(cache, file);
  return good;
}

}  // namespace bowhead::model
