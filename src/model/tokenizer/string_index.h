// A flat hash table from byte strings to ids.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace bowhead::model {

/// A 64-bit hash of bytes; quick for the short strings that tokens are.
inline std::uint64_t HashBytes(std::string_view bytes) {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15ULL;
  const char* p = bytes.data();
  std::size_t n = bytes.size();
  std::uint64_t hash = n * kMultiplier;
  const auto mix = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32U;
  };
  for (; n >= 8; p += 8, n -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, 8);
    mix(word);
  }
  std::uint64_t tail = 0;
  for (std::size_t i = 0; i < n; ++i) tail |= std::uint64_t{static_cast<unsigned char>(p[i])} << (8 * i);
  mix(tail);
  return hash;
}

/// Maps strings to non-negative ids. The strings belong to the caller and must outlive the index. Built once, then
/// read-only and thread-safe.
class StringIndex {
 public:
  /// `expected`: about how many strings will be added.
  explicit StringIndex(std::size_t expected = 0) : slots_(std::bit_ceil(expected * 2 + 8)) {}

  /// Adds a string that is not there yet; returns false (and keeps the old id) if it is.
  bool Add(std::string_view key, std::int32_t id) {
    if ((size_ + 1) * 2 > slots_.size()) Grow();
    const std::uint64_t hash = HashBytes(key);
    for (std::size_t i = hash & Mask();; i = (i + 1) & Mask()) {
      if (slots_[i].id < 0) {
        slots_[i] = {key.data(), static_cast<std::uint32_t>(key.size()), id, Tag(hash)};
        ++size_;
        return true;
      }
      if (Matches(slots_[i], key, Tag(hash))) return false;
    }
  }

  /// The id of `key`, or -1.
  [[nodiscard]] std::int32_t Find(std::string_view key) const {
    const std::uint64_t hash = HashBytes(key);
    for (std::size_t i = hash & Mask();; i = (i + 1) & Mask()) {
      if (slots_[i].id < 0 || Matches(slots_[i], key, Tag(hash))) return slots_[i].id;
    }
  }

 private:
  struct Slot {
    const char* data = nullptr;
    std::uint32_t size = 0;
    std::int32_t id = -1;
    std::uint32_t tag = 0;
  };

  [[nodiscard]] std::size_t Mask() const { return slots_.size() - 1; }
  static std::uint32_t Tag(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32U); }
  static bool Matches(const Slot& slot, std::string_view key, std::uint32_t tag) {
    return slot.tag == tag && slot.size == key.size() && std::memcmp(slot.data, key.data(), key.size()) == 0;
  }
  void Grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.id < 0) continue;
      std::size_t i = HashBytes({slot.data, slot.size}) & Mask();
      while (slots_[i].id >= 0) i = (i + 1) & Mask();
      slots_[i] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace bowhead::model
