// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "base/status.h"

namespace bowhead::base {

/// A whole file, mapped read-only and shared with the page cache. Move-only; unmapped when destroyed. Reading is
/// thread-safe. The file must not shrink while it is mapped: the kernel answers reads past its new end with SIGBUS, so
/// replace model files by renaming a new one over them instead of writing into them.
class MappedFile {
 public:
  /// Maps a regular file. Errors: kNotFound, kPermissionDenied, kInvalidArgument (a directory, a device, an empty
  /// file), kResourceExhausted (no address space), kUnavailable (the disk failed).
  static Result<MappedFile> Open(const std::string& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

  /// Asks the system to read the pages of `range` ahead. A hint: ranges outside of the mapping are left alone.
  void WillNeed(std::span<const std::byte> range) const;
  /// Takes the pages that lie wholly in `range` out of this process's memory; a later read brings them back from the
  /// file. A hint: ranges outside of the mapping are left alone.
  void DontNeed(std::span<const std::byte> range) const;

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  void Unmap();

  std::span<const std::byte> bytes_;
};

}  // namespace bowhead::base
