// Large zeroed memory straight from the system, and how much of it there is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/status.h"

namespace bowhead::base {

/// Page-aligned, zero-filled memory, in huge pages from about the second one on where the system has them. Pages cost
/// nothing until touched.
/// Move-only.
class LargeBuffer {
 public:
  LargeBuffer() = default;
  ~LargeBuffer();
  LargeBuffer(LargeBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  LargeBuffer& operator=(LargeBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  LargeBuffer(const LargeBuffer&) = delete;
  LargeBuffer& operator=(const LargeBuffer&) = delete;

  /// Errors: kResourceExhausted, with the number of bytes.
  static Result<LargeBuffer> Allocate(std::size_t bytes);

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  template <class T>
  [[nodiscard]] T* as() const {
    return static_cast<T*>(static_cast<void*>(data_));
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Bytes that the process can still take: the machine's available memory or its control group's rest, whichever is
/// less. nullopt where the system does not tell.
std::optional<std::uint64_t> AvailableMemory();

}  // namespace bowhead::base
