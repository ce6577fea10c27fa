// Writes GGUF files, right and wrong ones, for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/format/gguf_value.h"

namespace bowhead::model {

/// Collects bytes as a GGUF file has them. Nothing is checked, so that a test can write any damage.
class GgufBuilder {
 public:
  explicit GgufBuilder(std::uint32_t version = 3) : version_(version) {}

  GgufBuilder& Alignment(std::uint64_t alignment) {
    alignment_ = alignment;
    return *this;
  }
  /// The counts that the header claims instead of the true ones.
  GgufBuilder& ClaimTensors(std::uint64_t count) {
    claimed_tensors_ = count;
    claims_tensors_ = true;
    return *this;
  }
  GgufBuilder& ClaimPairs(std::uint64_t count) {
    claimed_pairs_ = count;
    claims_pairs_ = true;
    return *this;
  }

  GgufBuilder& Text(std::string_view key, std::string_view value) {
    Key(key, GgufValueType::kString);
    PutString(pairs_, value);
    return *this;
  }
  template <class T>
  GgufBuilder& Number(std::string_view key, GgufValueType type, T value) {
    Key(key, type);
    Put(pairs_, value);
    return *this;
  }
  GgufBuilder& U32(std::string_view key, std::uint32_t value) { return Number(key, GgufValueType::kUint32, value); }
  GgufBuilder& U16(std::string_view key, std::uint16_t value) { return Number(key, GgufValueType::kUint16, value); }
  /// An array that claims `count` elements, followed by `values` as they are.
  template <class T>
  GgufBuilder& Array(std::string_view key, std::uint32_t element_type, std::uint64_t count, std::vector<T> values) {
    Key(key, GgufValueType::kArray);
    Put(pairs_, element_type);
    Put(pairs_, count);
    for (const T value : values) Put(pairs_, value);
    return *this;
  }
  GgufBuilder& Texts(std::string_view key, const std::vector<std::string>& values) {
    Key(key, GgufValueType::kArray);
    Put(pairs_, static_cast<std::uint32_t>(GgufValueType::kString));
    Put(pairs_, static_cast<std::uint64_t>(values.size()));
    for (const std::string& value : values) PutString(pairs_, value);
    return *this;
  }
  /// A pair written by hand: `raw` is everything after the key.
  GgufBuilder& RawPair(std::string_view key, std::span<const std::byte> raw) {
    PutString(pairs_, key);
    pairs_.insert(pairs_.end(), raw.begin(), raw.end());
    ++num_pairs_;
    return *this;
  }

  /// A table entry as it is.
  GgufBuilder& Entry(std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type,
                     std::uint64_t offset) {
    PutString(table_, name);
    Put(table_, static_cast<std::uint32_t>(shape.size()));
    for (const std::uint64_t size : shape) Put(table_, size);
    Put(table_, type);
    Put(table_, offset);
    ++num_tensors_;
    return *this;
  }
  /// An entry and its bytes, after those that are there.
  GgufBuilder& Tensor(std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type,
                      std::span<const std::byte> data) {
    Pad(data_);
    Entry(name, std::move(shape), type, data_.size());
    data_.insert(data_.end(), data.begin(), data.end());
    return *this;
  }
  GgufBuilder& Tensor(std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type,
                      std::size_t num_bytes) {
    return Tensor(name, std::move(shape), type, std::vector<std::byte>(num_bytes, std::byte{0x5A}));
  }
  GgufBuilder& DataBytes(std::size_t count) {
    data_.resize(data_.size() + count);
    return *this;
  }

  [[nodiscard]] std::vector<std::byte> Build() const {
    std::vector<std::byte> out;
    for (const char c : std::string_view("GGUF")) out.push_back(static_cast<std::byte>(c));
    Put(out, version_);
    Put(out, claims_tensors_ ? claimed_tensors_ : num_tensors_);
    Put(out, claims_pairs_ ? claimed_pairs_ : num_pairs_);
    out.insert(out.end(), pairs_.begin(), pairs_.end());
    out.insert(out.end(), table_.begin(), table_.end());
    if (data_.empty()) return out;
    Pad(out);
    out.insert(out.end(), data_.begin(), data_.end());
    return out;
  }

 private:
  template <class T>
  static void Put(std::vector<std::byte>& out, T value) {
    const std::size_t at = out.size();
    out.resize(at + sizeof(T));
    std::memcpy(out.data() + at, &value, sizeof(T));
  }
  static void PutString(std::vector<std::byte>& out, std::string_view text) {
    Put(out, static_cast<std::uint64_t>(text.size()));
    for (const char c : text) out.push_back(static_cast<std::byte>(c));
  }
  void Pad(std::vector<std::byte>& out) const {
    if (alignment_ != 0) out.resize((out.size() + alignment_ - 1) / alignment_ * alignment_);
  }
  void Key(std::string_view key, GgufValueType type) {
    PutString(pairs_, key);
    Put(pairs_, static_cast<std::uint32_t>(type));
    ++num_pairs_;
  }

  std::uint32_t version_;
  std::uint64_t alignment_ = 32;
  std::uint64_t num_pairs_ = 0;
  std::uint64_t num_tensors_ = 0;
  bool claims_pairs_ = false;
  bool claims_tensors_ = false;
  std::uint64_t claimed_pairs_ = 0;
  std::uint64_t claimed_tensors_ = 0;
  std::vector<std::byte> pairs_;
  std::vector<std::byte> table_;
  std::vector<std::byte> data_;
};

}  // namespace bowhead::model
