// Reads little-endian values from untrusted bytes; never past their end.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace bowhead::model {

static_assert(std::endian::native == std::endian::little, "model files are mapped as they are: little-endian only");

/// A cursor over bytes that outlive it. A read that would pass the end gives nullopt and moves nothing.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] std::uint64_t remaining() const { return bytes_.size() - position_; }

  template <class T>
    requires std::is_arithmetic_v<T>
  std::optional<T> Read() {
    if (remaining() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  std::optional<std::span<const std::byte>> ReadBytes(std::uint64_t size) {
    if (remaining() < size) return std::nullopt;
    const auto out = bytes_.subspan(static_cast<std::size_t>(position_), static_cast<std::size_t>(size));
    position_ += size;
    return out;
  }

  /// A 64-bit length and that many bytes. Points into the bytes.
  std::optional<std::string_view> ReadString() {
    const std::uint64_t start = position_;
    const auto size = Read<std::uint64_t>();
    const auto text = size ? ReadBytes(*size) : std::nullopt;
    if (!text) {
      position_ = start;
      return std::nullopt;
    }
    return std::string_view(reinterpret_cast<const char*>(text->data()), text->size());
  }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t position_ = 0;
};

}  // namespace bowhead::model
