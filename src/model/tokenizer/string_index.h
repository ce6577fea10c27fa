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

/// Maps strings to non-negative ids. It keeps no strings: whoever uses it says by `spelled` (a function from an id to a
/// string_view) what an id's string is, always the same. Built once, then read-only and thread-safe.
class StringIndex {
 public:
  /// `expected`: about how many strings will be added.
  explicit StringIndex(std::size_t expected = 0) : slots_(std::bit_ceil(expected * 4 / 3 + 8)) {}

  /// Adds the string of an id that is not there yet; returns false (and keeps the old id) if it is.
  template <class Spelled>
  bool Add(std::int32_t id, const Spelled& spelled) {
    if ((size_ + 1) * 4 > slots_.size() * 3) Grow(spelled);
    const std::string_view key = spelled(id);
    const std::size_t i = Place(key, HashBytes(key), spelled);
    if (slots_[i].id >= 0) return false;
    slots_[i] = {id, Tag(HashBytes(key))};
    ++size_;
    return true;
  }

  /// The id of `key`, or -1.
  template <class Spelled>
  [[nodiscard]] std::int32_t Find(std::string_view key, const Spelled& spelled) const {
    return slots_[Place(key, HashBytes(key), spelled)].id;
  }

 private:
  struct Slot {
    std::int32_t id = -1;
    std::uint32_t tag = 0;
  };

  /// Where `key` is, or where it would be.
  template <class Spelled>
  [[nodiscard]] std::size_t Place(std::string_view key, std::uint64_t hash, const Spelled& spelled) const {
    std::size_t i = hash & Mask();
    while (slots_[i].id >= 0 && (slots_[i].tag != Tag(hash) || spelled(slots_[i].id) != key)) i = (i + 1) & Mask();
    return i;
  }
  [[nodiscard]] std::size_t Mask() const { return slots_.size() - 1; }
  static std::uint32_t Tag(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32U); }

  template <class Spelled>
  void Grow(const Spelled& spelled) {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.id < 0) continue;
      std::size_t i = HashBytes(spelled(slot.id)) & Mask();
      while (slots_[i].id >= 0) i = (i + 1) & Mask();
      slots_[i] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace bowhead::model
