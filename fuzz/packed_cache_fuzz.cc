// Fuzzes the reader of packed-weight caches: any bytes give a head or an error, and the arena lies within the bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "base/content_hash.h"
#include "kernels/packed_matrix.h"
#include "model/arch/packed_cache.h"

namespace {

constexpr std::size_t kHeader = 96;
constexpr std::size_t kHash = 80;

void Check(std::span<const std::byte> file) {
  const auto head = bowhead::model::ParsePackedCacheHead(file);
  if (!head.ok()) return;
  if (head->file_bytes() > file.size() || head->chunks.size() * 32 > file.size()) std::abort();
  // What was read is what would be written, but for the reserved bytes and the hash over them.
  const std::vector<std::byte> again = bowhead::model::SerializePackedCacheHead(*head);
  if (!std::equal(again.begin(), again.begin() + 64, file.begin())) std::abort();
}

// No random bytes have the right hash: put in magic, versions and hash, so that what lies behind is reached.
void MakePlausible(std::vector<std::byte>& bytes) {
  constexpr std::string_view kMagic = "BOWHPACK";
  const std::uint32_t versions[] = {1, bowhead::kernels::kPackedLayoutVersion};
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  std::memcpy(bytes.data() + kMagic.size(), versions, sizeof(versions));
  std::uint64_t chunks = 0;
  std::memcpy(&chunks, bytes.data() + 56, sizeof(chunks));
  const std::size_t table = std::min<std::uint64_t>(chunks, (bytes.size() - kHeader) / 32) * 32;
  bowhead::base::ContentHasher hasher;
  hasher.Add(std::span<const std::byte>(bytes).first(kHash));
  hasher.Add(std::span<const std::byte>(bytes).subspan(kHeader, table));
  const bowhead::base::ContentHash hash = hasher.Finish();
  std::memcpy(bytes.data() + kHash, &hash, 16);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  std::vector<std::byte> bytes(input.begin(), input.end());
  Check(bytes);
  if (size < kHeader) return 0;
  MakePlausible(bytes);
  Check(bytes);
  bytes.resize((std::size_t{2} << 20) + size);  // room for an arena
  Check(bytes);
  return 0;
}
