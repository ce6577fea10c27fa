#include "engine/spill/block_record.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace bowhead::engine {
namespace {

constexpr std::string_view kMagic = "BHKVREC1";
constexpr std::size_t kHashBytes = 16;

class Writer {
 public:
  explicit Writer(std::size_t bytes) { bytes_.reserve(bytes); }
  void Bytes(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  template <class T>
  void Number(T value) {
    const auto bits = static_cast<std::make_unsigned_t<T>>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) bytes_.push_back(static_cast<std::byte>(bits >> (8 * i) & 0xFF));
  }
  void Hash(const base::ContentHash& hash) {
    Number(hash.low);
    Number(hash.high);
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  std::vector<std::byte> Take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads from bytes that are long enough: ParseRecord has looked.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  template <class T>
  T Number() {
    std::make_unsigned_t<T> bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bits |= static_cast<std::make_unsigned_t<T>>(std::to_integer<std::uint64_t>(bytes_[i]) << (8 * i));
    }
    bytes_ = bytes_.subspan(sizeof(T));
    return static_cast<T>(bits);
  }
  base::ContentHash Hash() {
    base::ContentHash hash;
    hash.low = Number<std::uint64_t>();
    hash.high = Number<std::uint64_t>();
    return hash;
  }
  [[nodiscard]] std::span<const std::byte> rest() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace

std::vector<std::byte> WriteRecord(const BlockRecord& record) {
  Writer writer(kRecordOverhead + record.payload.size());
  writer.Bytes(std::as_bytes(std::span(kMagic)));
  writer.Hash(record.maker);
  writer.Hash(record.chain);
  for (const model::TokenId token : record.tokens) writer.Number(static_cast<std::int32_t>(token));
  writer.Number(static_cast<std::uint64_t>(record.payload.size()));
  writer.Bytes(record.payload);
  writer.Hash(base::HashContent(writer.bytes()));
  return writer.Take();
}

base::Result<BlockRecord> ParseRecord(std::span<const std::byte> bytes) {
  if (bytes.size() < kRecordOverhead ||
      !std::ranges::equal(bytes.first(kMagic.size()), std::as_bytes(std::span(kMagic)))) {
    return base::DataLoss("not a record of a KV block");
  }
  const std::span<const std::byte> hashed = bytes.first(bytes.size() - kHashBytes);
  if (Reader(bytes.last(kHashBytes)).Hash() != base::HashContent(hashed)) {
    return base::DataLoss("the record's hash does not fit its content");
  }
  Reader reader(hashed.subspan(kMagic.size()));
  BlockRecord record;
  record.maker = reader.Hash();
  record.chain = reader.Hash();
  for (model::TokenId& token : record.tokens) token = reader.Number<std::int32_t>();
  if (reader.Number<std::uint64_t>() != reader.rest().size()) {
    return base::DataLoss("the record's size does not fit its content");
  }
  record.payload = reader.rest();
  return record;
}

}  // namespace bowhead::engine
