// Records of KV blocks on disk: any bytes; what is accepted says the same when it is written again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "engine/spill/block_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bowhead;  // NOLINT(google-build-using-namespace)
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto check = [](std::span<const std::byte> record) {
    const auto parsed = engine::ParseRecord(record);
    if (parsed.ok() && !std::ranges::equal(engine::WriteRecord(*parsed), record)) std::abort();
    return parsed.ok();
  };
  check(bytes);
  // The same with a right hash at its end, or nothing would ever come past it.
  std::vector<std::byte> sealed(bytes.begin(), bytes.end());
  const base::ContentHash hash = base::HashContent(sealed);
  for (const std::uint64_t half : {hash.low, hash.high}) {
    for (int i = 0; i < 8; ++i) sealed.push_back(static_cast<std::byte>(half >> (8 * i) & 0xFF));
  }
  check(sealed);
  // Any content makes a record that is accepted.
  engine::BlockRecord record{{1, size}, hash, {}, bytes};
  if (!check(engine::WriteRecord(record))) std::abort();
  return 0;
}
